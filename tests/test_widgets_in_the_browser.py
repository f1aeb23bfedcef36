"""The widgets as a student meets them: floods, a storm, Stop, two at once, reruns, no mouse."""

import random

import browser
import pytest
from browser import ask, button, run_cell, shows, soon

pytestmark = browser.NEEDED

SETUP, FLOOD, STORM, LONG, NEXT, PAIR, KEYS = range(7)
CELLS = [
    """
import gc, threading, time
import numpy, torch
from comm import get_comm_manager
from ipywidgets.widgets.widget import _instances
from cs231n_viz import data, models, plot, widgets
from cs231n_viz.activations import activations_at, capture, relu_rule

torch.set_num_threads(1)
networks = {name: models.load(name, device="cpu") for name in ("coursenet", "drawnet")}
model, photo = networks["coursenet"], data.photo("chelsea", 128)

def left_behind():
    "Threads, widgets, comms, hooks, tensors, explorers."
    gc.collect()
    hooks = [hook for one in networks.values() for part in one.modules()
             for hook in (*part._forward_hooks, *part._forward_pre_hooks)]
    tensors = sum(type(thing) is torch.Tensor for thing in gc.get_objects())
    comms = get_comm_manager().comms
    return [threading.active_count(), len(_instances), len(comms), len(hooks), tensors,
            len(widgets._SHOWN)]

def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * 4096
""",
    """
moves, draws = [], []

def number(x):
    draws.append(x)
    time.sleep(0.05)
    print("a draw function that prints", x)
    return numpy.full((40, 40), x / 100)

flood = widgets.explore(number, x=widgets.slider(0, 100))
flood.controls["x"].observe(lambda change: moves.append((change.new, len(draws))), "value")
flood
""",
    """
maps = {name: [layer for layer in one.layers if len(one.shapes[layer]) == 4]
        for name, one in networks.items()}

def reveal(network, layer, channel):
    with torch.no_grad():
        values = activations_at(networks[network], photo, maps[network][layer])[0, channel]
    for step in range(1, 7):
        time.sleep(0.005)
        yield values.clamp(0, 2) / 2 * (step / 6), f"{network} {layer} {channel}, {step} of 6"
        yield step / 6

storm = widgets.explore(
    reveal,
    network=widgets.menu(list(networks)),
    layer=widgets.depends_on("network", lambda name: widgets.slider(0, len(maps[name]) - 1)),
    channel=widgets.depends_on(("network", "layer"), lambda name, layer: widgets.slider(
        0, networks[name].shapes[maps[name][layer]][1] - 1)),
    uses=model,
)
storm
""",
    """
asked, steps, clock = 600, [], {}

def run(colour):
    try:
        for step in range(asked):
            time.sleep(0.1)
            steps.append(step)
            yield numpy.full((40, 40), (step + colour) % 100 / 100), f"step {step}"
            yield step / asked
    finally:
        clock["ended"] = time.time()

long = widgets.explore(run, colour=widgets.slider(0, 9))
long.stop_button.on_click(lambda _: clock.update(heard=time.time()))
long
""",
    "print(len(steps) < asked, long.values)",
    """
def gradient(rule, unit):
    with relu_rule(model, rule), capture(model, "relu3_1") as outputs:
        pixels = photo.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(pixels)[0, unit], pixels)
    heard = outputs["relu3_1"].detach()[0, unit].repeat_interleave(4, 0).repeat_interleave(4, 1)
    return torch.cat([gradient[0] * 20 + 0.5, heard.expand(3, -1, -1)], 2).clamp(0, 1)

left, right = (
    widgets.explore(
        lambda unit, rule=rule: gradient(rule, unit), unit=widgets.slider(0, 9), uses=model
    )
    for rule in ("guided", "plain")
)
display(left, right)
""",
    """
def describe(size, kind, place, invert, title):
    for step in range(600):
        words = f"{size} {kind} {place} {invert} {title}, step {step}"
        yield numpy.full((40, 40), float(invert)), words
        time.sleep(0.05)

keys = widgets.explore(
    describe, size=widgets.slider(0, 9), kind=widgets.menu(["cat", "dog"]),
    place=widgets.menu(["left", "right"], slide=True), invert=widgets.checkbox(),
    title=widgets.W.Text("none", continuous_update=False),
)
keys
""",
]
FOCUSED = """() => {  // the words beside the control that has the focus
    let here = document.activeElement;
    if (!here.matches('button')) here = here.parentElement;
    while (!here.textContent.trim()) here = here.parentElement;
    return here.textContent.replaceAll('\\u200b', '').trim().slice(0, 20);
}"""


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page on which all cells have been run."""
    with browser.page_with(CELLS, tmp_path_factory.mktemp("lab")) as page:
        yield page


def cell_of(page, index):
    return page.locator(".jp-NotebookPanel .jp-CodeCell").nth(index)


def explorer_of(page, cell, which=0):
    """The part of the page that is the explorer of a cell."""
    return cell_of(page, cell).locator(".jp-OutputArea-output:has(.widget-image)").nth(which)


def press(explorer, name):
    """A click that is received wherever the button is on the page, hidden ones included."""
    button(explorer, name).evaluate("button => button.click()")


def handles(explorer):
    return explorer.locator(".noUi-handle")


def test_a_hundred_events_in_two_seconds_end_on_the_last_picture_and_do_not_queue(page):
    explorer = explorer_of(page, FLOOD)
    handles(explorer).focus()
    for _ in range(100):
        page.keyboard.press("ArrowRight", delay=15)
    assert soon(lambda: ask(page, "flood.values['x']") == 100)
    assert soon(lambda: shows(page, explorer, "flood"))
    assert ask(page, "digest(plot.png(number(100))) == digest(flood.picture)")
    moves, draws = ask(page, "[moves, draws[:-1]]")  # the last one was the comparison's
    late = len(draws) - moves[-1][1]
    print(f"{len(moves)} events arrived, {len(draws)} draws, {late} after the last event")
    assert len(draws) <= 60
    outputs = cell_of(page, FLOOD).locator(".jp-OutputArea-child")
    # The first one's line, and the widget.
    assert outputs.count() == 2, "what a draw function prints piles up"
    assert late <= 2


def rage(page, explorer, dice, events):
    network, sliders = explorer.locator("select"), handles(explorer)
    for _ in range(events):
        event = dice.choice(["network", "run", "stop", *["slider"] * 5])
        if event == "slider":
            sliders.nth(dice.randrange(2)).evaluate("handle => handle.focus()")
            page.keyboard.press(
                dice.choice(["ArrowLeft", "ArrowRight", "PageUp", "PageDown", "Home", "End"])
            )
        elif event == "network":
            network.select_option(dice.choice(["coursenet", "drawnet"]))
        else:
            press(explorer, event.title())
    press(explorer, "Run")
    assert soon(lambda: shows(page, explorer, "storm")), "page and kernel show two pictures"


def test_a_storm_leaves_the_kernel_alive_nothing_behind_and_the_last_picture_right(page):
    explorer, dice = explorer_of(page, STORM), random.Random(231)
    rage(page, explorer, dice, 100)  # after it everything is warm
    before, memory = ask(page, "[left_behind(), resident()]")
    rage(page, explorer, dice, 500)
    assert ask(
        page, "digest(plot.png(list(reveal(**storm.values))[-2][0])) == digest(storm.picture)"
    )
    assert soon(lambda: ask(page, "left_behind()") == before, 20), (
        before,
        ask(page, "left_behind()"),
        ask(page, "[t.name for t in threading.enumerate()]"),
    )
    grown = ask(page, "resident()") - memory
    print(f"memory grew by {grown / 1e6:.1f} MB")
    assert grown < ask(page, "widgets.REMEMBERED")
    shown = explorer.locator(".widget-readout").all_inner_texts()
    assert [explorer.locator("select").input_value(), *map(int, shown)] == ask(
        page, "list(storm.values.values())"
    )


def test_stop_ends_a_long_run_and_the_kernel_goes_on(page):
    explorer = explorer_of(page, LONG)
    stop, first = button(explorer, "Stop"), browser.picture(explorer)
    button(explorer, "Run").click()
    stop.wait_for(state="visible")
    preview = browser.picture(explorer, other_than=first)
    assert preview and browser.picture(explorer, other_than=preview), "there is no live picture"
    stop.evaluate(
        "stop => stop.addEventListener('click', () => { window.clicked = Date.now(); }, true)"
    )
    stop.click()
    stop.wait_for(state="hidden")
    assert soon(lambda: ask(page, "long._idle.is_set()"))
    steps, clock = ask(page, "[len(steps), clock]")
    clicked = page.evaluate("window.clicked / 1000")
    print(
        f"Stop was heard {clock['heard'] - clicked:.3f} s after the click, and the run ended "
        f"{clock['ended'] - clicked:.3f} s after it, at step {steps} of 600"
    )
    assert 1 < steps < 600 and "Stopped." in explorer.inner_text()
    assert soon(lambda: shows(page, explorer, "long"))
    assert run_cell(page, NEXT).strip() == "True {'colour': 0}"
    assert ask(page, "len(steps)") == steps


def test_two_widgets_on_one_model_are_both_right(page):
    pair = {"left": "guided", "right": "plain"}
    explorers = [explorer_of(page, PAIR, which) for which in (0, 1)]
    for key in ["ArrowRight"] * 7 + ["ArrowLeft"] * 3:
        for explorer in explorers:
            handles(explorer).evaluate("handle => handle.focus()")
            page.keyboard.press(key)
    handles(explorers[1]).evaluate("handle => handle.focus()")
    page.keyboard.press("ArrowRight")
    for explorer, (name, rule), unit in zip(explorers, pair.items(), (4, 5), strict=True):
        assert soon(lambda name=name, unit=unit: ask(page, f"{name}.values['unit']") == unit)
        assert soon(lambda explorer=explorer, name=name: shows(page, explorer, name))
        assert ask(page, f"digest(plot.png(gradient('{rule}', {unit}))) == digest({name}.picture)")


def test_running_a_cell_again_leaves_nothing_behind(page):
    for cell in (PAIR, PAIR):
        run_cell(page, cell)
    before = ask(page, "left_behind()")
    for _ in range(4):
        handles(explorer_of(page, PAIR)).evaluate("handle => handle.focus()")
        page.keyboard.press("ArrowRight")  # so that some are at work as they are replaced
        run_cell(page, PAIR)
    assert soon(lambda: ask(page, "left_behind()") == before, 20), (
        before,
        ask(page, "left_behind()"),
        ask(page, "[t.name for t in threading.enumerate()]"),
    )
    assert cell_of(page, PAIR).locator(".widget-image").count() == 2


def test_the_keyboard_reaches_everything(page):
    explorer = explorer_of(page, KEYS)
    handles(explorer).first.focus()
    met = [page.evaluate(FOCUSED)]

    def tab_to(name, key="Tab"):
        for _ in range(12):
            if met[-1].startswith(name):
                return
            page.keyboard.press(key)
            met.append(page.evaluate(FOCUSED))
        pytest.fail(f"{key} does not reach {name}: it went {met}")

    def tab_back_to(name):
        tab_to(name, "Shift+Tab")

    def stop_by(key):
        button(explorer, "Stop").wait_for(state="visible")
        tab_to("Stop")
        page.keyboard.press(key)
        assert soon(
            lambda: "Stopped." in explorer.inner_text() and ask(page, "keys._idle.is_set()")
        )

    for name, pressed in {
        "size": ["ArrowRight", "ArrowRight"],
        "kind": ["ArrowDown"],
        "place": ["ArrowRight"],
        "invert": ["Space"],
        "title": ["Control+a", *"new", "Enter"],
    }.items():
        tab_to(name)
        for key in pressed:
            page.keyboard.press(key)
    assert soon(lambda: ask(page, "list(keys.values.values())") == [2, "dog", "right", True, "new"])
    stop_by("Space")
    for key in ("Enter", "Space"):
        tab_back_to("Run")
        page.keyboard.press(key)
        stop_by(key)
    assert soon(lambda: shows(page, explorer, "keys"))
    tab_back_to("Save picture")
    page.keyboard.press("Enter")
    assert soon(lambda: "Saved as" in explorer.inner_text())
