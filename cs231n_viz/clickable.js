// What a page adds to core widgets: parts of a picture to read and choose, and names of controls.

const PARTS = `<style>
  .cv-page { display: contents }
  .cv-parts { grid-area: 1 / 1; position: relative; cursor: pointer; touch-action: manipulation }
  .cv-parts:focus-visible { outline: 3px solid #1a73e8; outline-offset: 2px }
  .cv-parts > * { position: absolute; border: 3px solid #dd7a2f; outline: 1px solid white }
  .cv-parts:not(:hover, :focus) > :last-child, .cv-parts > [hidden] { display: none }
  .cv-parts > :last-child { border: 2px dashed #22303c; outline: 2px solid white }
  .cv-line { grid-area: 2 / 1; margin: 4px 0 0; min-height: 2.6em; line-height: 1.3 }
</style>
<div class="cv-parts" tabindex="0" role="application"
  aria-roledescription="clickable picture"><div></div><div></div></div>
<p class="cv-line" aria-live="polite"></p>`;
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };
const MOVING = [...Object.keys(ARROWS), "Home", "End", "PageUp", "PageDown", "Enter", " "];

const withModifier = (event) => event.ctrlKey || event.shiftKey || event.altKey || event.metaKey;

// The keys that move a control are its own, and so are the letters that choose from a drop-down
// list. All others, Shift+Enter and Ctrl+S too, stay Jupyter's, which listens after this.
function shareKeys(event) {
  const control = event.target.closest?.(".cv-box :is(.cv-parts, [role=slider], select)");
  const letter = event.key.length === 1 && control?.matches("select");
  const own = !withModifier(event) && (letter || MOVING.includes(event.key));
  control?.toggleAttribute("data-lm-suppress-shortcuts", own);
}

// Which box costs least? undefined where none is possible.
function cheapest(boxes, cost) {
  const costs = boxes.map(([left, top, width, height]) =>
    cost(left + width / 2, top + height / 2, width, height));
  const least = Math.min(...costs);
  return least < Infinity ? costs.indexOf(least) : undefined;
}

// The pointer or the arrow keys read a part, a click or Enter chooses it.
function parts(model, el) {
  el.className = "cv-page";
  el.innerHTML = PARTS;
  const area = el.querySelector(".cv-parts"), line = el.querySelector(".cv-line");
  let at; // the part under the cursor

  function frame(number, part) {
    const [left, top, width, height] = model.get("boxes")[part], [across, down] = model.get("size");
    area.children[number].style.inset = `${100 * top / down}% ${100 - 100 * (left + width) / across}%
      ${100 - 100 * (top + height) / down}% ${100 * left / across}%`;
  }
  function read(part) {
    if (part === undefined) return;
    frame(1, (at = part));
    area.lastChild.hidden = at === model.get("value");
    const words = (at === model.get("value") ? "chosen: " : "") + model.get("words")[at];
    if (line.textContent !== words) line.textContent = words; // or it would be read out again
  }
  function show() {
    frame(0, model.get("value"));
    read(model.get("value"));
    area.setAttribute("aria-label", `${model.get("alts")[0]}; arrow keys read, Enter chooses`);
  }
  function choose(part) {
    if (part === undefined) return;
    model.set("value", part);
    model.save_changes();
  }
  function under(event) { // of boxes that overlap, the one whose middle is nearest
    const place = area.getBoundingClientRect(), [across, down] = model.get("size");
    const [x, y] = [(event.clientX - place.left) / place.width * across,
      (event.clientY - place.top) / place.height * down];
    return cheapest(model.get("boxes"), (left, top, width, height) =>
      2 * Math.abs(left - x) <= width && 2 * Math.abs(top - y) <= height
        ? Math.hypot(left - x, top - y) : Infinity);
  }
  function beside([right, down]) { // near, and rather straight ahead than aside
    const [left, top, width, height] = model.get("boxes")[at];
    return cheapest(model.get("boxes"), (x, y) => {
      const [dx, dy] = [x - left - width / 2, y - top - height / 2];
      const ahead = dx * right + dy * down;
      return ahead > 0.5 ? ahead + 3 * Math.abs(dx * down + dy * right) : Infinity;
    });
  }
  area.onpointermove = (event) => read(under(event));
  area.onpointerleave = () => read(model.get("value"));
  area.onclick = (event) => choose(under(event));
  area.onkeydown = (event) => {
    if (withModifier(event)) return;
    if (ARROWS[event.key]) read(beside(ARROWS[event.key]));
    else if (event.key === "Home") read(0);
    else if (event.key === "End") read(model.get("boxes").length - 1);
    else if (event.key === "Enter" || event.key === " ") choose(at);
    else return;
    event.preventDefault();
  };
  model.on("change", show);
  show();
  return () => model.off("change", show);
}

// Core widgets tell much to the eye alone: here it gets names.
function name(model, el) {
  const box = el.closest(".cv-box");
  const all = (selector) => [...(box?.querySelectorAll(selector) ?? [])]
    .filter((part) => part.closest(".cv-box") === box);
  all("img").forEach((image, number) => { image.alt = model.get("alts")[number]; });
  for (const line of all("[role=status]")) line.parentElement.setAttribute("aria-live", "polite");
  for (const fold of all(".widget-toggle-button"))
    fold.setAttribute("aria-pressed", fold.classList.contains("mod-active"));
  for (const slider of all(".widget-slider, .widget-hprogress")) {
    const label = slider.querySelector(".widget-label")?.textContent.trim() || "progress";
    for (const part of slider.querySelectorAll("[role]")) part.setAttribute("aria-label", label);
  }
  for (const number of all(".widget-readout")) { // ipywidgets cannot read 1,000 or 30% back
    number.inert = true;
    number.parentElement.querySelector("[role=slider]")
      .setAttribute("aria-valuetext", number.textContent);
  }
}

export default {
  render({ model, el }) {
    const end = model.get("boxes").length ? parts(model, el) : () => {};
    const clock = setInterval(() => name(model, el), 500);
    window.addEventListener("keydown", shareKeys, true);
    return () => {
      window.removeEventListener("keydown", shareKeys, true);
      clearInterval(clock);
      end();
    };
  },
};
