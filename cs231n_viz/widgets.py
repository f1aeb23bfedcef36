"""Sliders around a function that draws: explore(draw, layer=menu(names), channel=slider(0, 63)).

The first picture is drawn at once, in the cell. After that a person's event asks for another, and a
worker thread, one at a time for each model, draws it, so that the kernel stays free to hear Stop.
Only the newest wish is kept, finished pictures are remembered, and the thread ends when nothing is
left to do.
"""

import base64
import contextvars
import hashlib
import html
import inspect
import itertools
import math
import re
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from numbers import Real
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import ipywidgets as W
import traitlets
from IPython import get_ipython
from IPython.display import display

from . import images, plot
from .errors import unknown

PATIENCE = 0.4  # seconds of work before the progress bar and Stop appear
PREVIEW_EVERY = 0.2  # seconds between two live pictures
REMEMBERED = 64_000_000  # bytes of finished pictures that all explorers together keep

# --- controls: plain ipywidgets, which explore names and labels -----------------------------------


def slider(
    low: float,
    high: float,
    start: float | None = None,
    step: float | None = None,
    log: bool = False,
):
    """A slider: over whole numbers if all are whole, else over decimals; log=True goes up by
    factors.
    """
    start = low if start is None else start
    if not low <= start <= high or (log and low <= 0):
        raise ValueError(
            f"a slider from {low} to {high} cannot start at {start}: low <= start <= high; low > 0 if log."
        )
    if log:
        exponents = {"min": math.log10(low), "max": math.log10(high), "step": step or 0.1}
        return W.FloatLogSlider(start, **exponents, readout_format=".3g")
    if all(isinstance(number, int) for number in (low, high, start, step or 1)):
        return W.IntSlider(start, low, high, step or 1)
    return W.FloatSlider(
        start, min=low, max=high, step=step or (high - low) / 100, readout_format=".3g"
    )


def menu(options: Sequence, start: object = None, slide: bool = False):
    """A choice among options, or (name, value) pairs: a drop-down list, or with slide=True a
    slider.
    """
    options = list(options)
    known = [
        option[1] if isinstance(option, tuple) and len(option) == 2 else option
        for option in options
    ]
    if start is not None and start not in known:
        raise unknown("option", start, known)
    kind = W.SelectionSlider if slide else W.Dropdown
    return kind(options=options, value=known[0] if start is None else start)


def checkbox(start: bool = False) -> W.Checkbox:
    """A box to tick."""
    return W.Checkbox(start)


def text(start: str = "") -> W.Text:
    """A line to type, which counts when Enter is pressed or the line is left."""
    return W.Text(start, continuous_update=False)


class upload_or_paste(W.VBox):
    """A picture of your own, as pixels: a button to upload it, and a line for a path or a pasted
    data URI.

    The value is `start` until a picture is given. A sentence explains what is no picture; the value
    stays.
    """

    value = traitlets.Any()

    def __init__(self, start=None, size: int | tuple[int, int] | None = None):
        self._size, self.label, self._answer = size, "none" if start is None else "given", W.HTML()
        self.button = W.FileUpload(accept="image/*", description="Upload")
        self.line = W.Text(
            placeholder="or a path, or data:image/png;base64,…", continuous_update=False
        )
        super().__init__([W.HBox([self.button, self.line]), self._answer], value=start)
        self.button.observe(
            lambda change: [self._take(one.name, one.content) for one in change.new], "value"
        )
        self.line.observe(
            lambda change: change.new.strip() and self._take(change.new.strip()), "value"
        )

    def _take(self, name: str, content=None) -> None:
        try:
            if name.startswith("data:"):
                name, content = "pasted picture", base64.b64decode(name.partition(",")[2])
            pixels = images.to_pixels(name if content is None else bytes(content), self._size)
        except (ValueError, TypeError, OSError) as error:
            self._answer.value = alert(error)
            return
        self._answer.value = html.escape(
            f"{Path(name).name}, {pixels.shape[3]} x {pixels.shape[2]} pixels"
        )
        self.label = f"{Path(name).stem} {hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:8]}"
        self.value = pixels


class depends_on(NamedTuple):
    """A control that another shapes: unit=depends_on("layer", lambda layer: slider(0, size[layer] -
    1)).
    """

    names: str | Sequence[str]
    make: Callable

    def control(self, values: dict):
        names = [self.names] if isinstance(self.names, str) else self.names
        for name in names:
            if name not in values:
                raise unknown("control (those it depends on come first)", name, values)
        return self.make(*(values[name] for name in names))


# --- the explorer ---------------------------------------------------------------------------------


class Wish(NamedTuple):
    values: dict[str, object]
    settings: tuple[tuple, ...]  # a control, its value as a person reads it, its place in a menu
    afresh: bool  # draw it, remembered or not


class Drawn(NamedTuple):
    png: bytes
    words: str
    settings: tuple[tuple, ...]


def explore(draw: Callable, /, *, uses: object = None, **controls) -> "Explorer":
    """Controls around draw(**values) -> picture or (picture, words): Figure, PIL image, pixels,
    array, PNG.

    draw may be a generator of those: they are shown as they come, and Stop ends it between two of
    them; a number in [0, 1] that it yields moves the progress bar. The cell shows its first
    picture, a person's event starts the whole. Explorers that say uses=model take turns on that
    model.
    """
    return in_its_cell(lambda: Explorer(draw, uses, controls))


def in_its_cell(make: Callable):
    """The widget that `make` gives, after the one that the same cell showed when it was run before
    is closed.
    """
    cell = _running_cell()
    for old in [
        old for old in _SHOWN if cell and old.cell and old.cell[0] == cell[0] and old.cell != cell
    ]:
        old.close()  # it has gone from the page
    widget = make()
    widget.cell = cell
    _SHOWN.add(widget)
    return widget


class Explorer:
    """What explore returns: `values`, `controls`, `picture` (PNG bytes), `words`, `calls` and
    `error` say how it stands; run(), stop() and save() do what the buttons do.
    """

    def __init__(self, draw: Callable, uses: object, controls: dict):
        self._draw, self._uses, self._turn = draw, uses, _turn(uses)
        self.calls, self.error, self.closed, self.cell = 0, None, False, None
        self._guard, self._idle, self._halt = (
            threading.RLock(),
            threading.Event(),
            threading.Event(),
        )
        self._wish, self._working, self._reshaping, self._progress = None, False, False, None
        self._idle.set()
        self._rules = {
            name: item for name, item in controls.items() if isinstance(item, depends_on)
        }
        self.controls = _made(controls)
        self._build()
        try:
            self._first_picture()
        except BaseException:
            self.close()
            raise
        for control in self.controls.values():
            control.observe(self._moved, "value")

    def _build(self) -> None:
        width = f"{2 + 0.6 * max(map(len, self.controls), default=0):.1f}em"
        rows = [
            _labelled(name.replace("_", " "), control, width)
            for name, control in self.controls.items()
        ]
        self.image, self._receipt = W.Image(layout={"max_width": "100%"}), W.HTML()
        self._status = W.HTML(layout={"min_height": "28px"})  # its place is kept while it is empty
        self._frame = W.Box(
            [self.image]
        )  # as large as the largest picture, so that nothing below it jumps
        self.bar = W.FloatProgress(max=1.0, layout={"width": "14em"})
        self.run_button = W.Button(description="Run", icon="play", layout={"display": "none"})
        self.save_button = W.Button(description="Save picture", icon="download")
        self.stop_button = W.Button(description="Stop", icon="stop")
        self._work = W.HBox([self.stop_button, self.bar], layout={"visibility": "hidden"})
        self.run_button.on_click(lambda _: self.run())
        self.save_button.on_click(lambda _: self.save())
        self.stop_button.on_click(lambda _: self.stop())
        buttons = W.HBox([self.run_button, self.save_button, self._work])
        self._box = W.VBox([*rows, buttons, self._status, self._frame, self._receipt])

    def _repr_mimebundle_(self, **_) -> dict:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        words = f"Sliders: {', '.join(self.controls)} (run this cell to move them)"
        return {"text/plain": words, "application/vnd.jupyter.widget-view+json": view}

    def show(self) -> None:
        """Display the widget here, when it is not the last line of its cell."""
        display(self)

    @property
    def values(self) -> dict[str, object]:
        return {name: control.value for name, control in self.controls.items()}

    def wait(self, timeout: float = 60) -> "Explorer":
        """Wait until nothing is being drawn, and raise what the last drawing raised."""
        if not self._idle.wait(timeout):
            raise TimeoutError(f"still drawing after {timeout} seconds; stop() ends it.")
        if self.error:
            raise self.error
        return self

    # --- a person's events: on the kernel's own thread

    def _moved(self, _) -> None:
        if self._reshaping or self.closed:
            return
        self._reshaping = True
        try:
            for name, rule in self._rules.items():
                _reshape(self.controls[name], rule.control(self.values))
        except Exception as error:  # noqa: BLE001 (a person reads it in the widget)
            self._fail(error)
        else:
            self._ask()
        finally:
            self._reshaping = False

    def run(self) -> None:
        """Draw the present settings afresh, remembered or not."""
        self._ask(afresh=True)

    def stop(self) -> None:
        """End the run: a generator at its next yield; a plain function ends by itself and is not
        shown.
        """
        with self._guard:
            self._wish = None
            self._halt.set()
            if self._working:
                self._say("Stopped.")
        self._work.layout.visibility = "hidden"

    def save(self, folder: str | Path = "saved") -> Path | None:
        """Write the picture as a PNG file named by its settings; no file that is there is
        overwritten.
        """
        name = "_".join(f"{key}-{value}" for key, value, _ in self._drawn.settings)
        name = re.sub(r"[^\w.=+-]+", "-", name)[:100] or "picture"
        ends = itertools.chain([""], (f"-{number}" for number in itertools.count(2)))
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            path = next(
                path for end in ends if not (path := Path(folder, f"{name}{end}.png")).exists()
            )
            path.write_bytes(self._drawn.png)
        except OSError as error:
            return self._fail(error)
        self._say(f"Saved as {path}")
        return path

    def close(self) -> None:
        """Stop, and leave an empty shell, for IPython's Out never lets go of what a cell has shown."""
        self.closed = True
        self.stop()
        with _REMEMBERING:
            for key in [key for key in _MEMORY if key[0] is self]:
                del _MEMORY[key]
        dismantle(self, self._box)
        self._draw = self._uses = self._drawn = self.error = None
        self._box.children, self.controls, self._rules = (), {}, {}
        self.picture = self.image.value = b""

    def _ask(self, afresh: bool = False) -> None:
        with self._guard:
            self._wish = self._present(afresh)
            if self._working or self.closed:
                return
            self._working = True
            self._idle.clear()
        context = contextvars.copy_context()  # which cell this output belongs to
        threading.Thread(
            target=context.run, args=(self._work_off,), name="explore", daemon=True
        ).start()

    def _present(self, afresh: bool = False) -> Wish:
        settings = []
        for name, control in self.controls.items():
            label = str(getattr(control, "label", control.value))
            settings.append((name, label, getattr(control, "index", None)))
        return Wish(self.values, tuple(settings), afresh)

    # --- the work: on the worker's thread, but for the first picture

    def _first_picture(self) -> None:
        wish = self._present()
        self.calls += 1
        result = self._draw(**wish.values)
        if inspect.isgenerator(result):
            result, items = (
                next((item for item in result if not isinstance(item, Real)), None),
                result,
            )
            items.close()
            self.run_button.layout.display = None
            self._say("Press Run, or move a control.")
            self._put(_drawn(result, wish))
        else:
            self._put(self._remember(_drawn(result, wish)))

    def _work_off(self) -> None:
        while True:
            with self._guard:
                wish, self._wish = self._wish, None
                self._halt.clear()
                if wish is None or self.closed:
                    self._working = False
                    self._idle.set()
                    return
            done = threading.Event()
            clock = threading.Thread(target=self._tick, args=(done,), daemon=True)
            clock.start()
            try:
                self.error = self._progress = None
                self._say("")
                drawn = None if wish.afresh else _MEMORY.get((self, wish.settings))
                drawn = self._remember(drawn or self._draw_in_turn(wish))
                with self._guard:  # no Stop comes between the question and the picture
                    if self._halt.is_set():
                        self._say("Stopped.")
                    elif drawn:
                        self._put(drawn)
            except BaseException as error:  # noqa: BLE001 (an exit() in draw must not end the widget's worker either)
                self._fail(error)
            finally:
                done.set()
                clock.join()
                self._work.layout.visibility = "hidden"

    def _draw_in_turn(self, wish: Wish) -> Drawn | None:
        while not self._turn.acquire(timeout=0.1):
            if self._halt.is_set() or self._wish:
                return None
            self._say("Waiting for another picture of this network.")
        try:
            draw = self._draw
            if self._halt.is_set() or self._wish:  # once more; and a closed explorer has no draw
                return None
            self._say("")
            self.calls += 1
            result = draw(**wish.values)
            return self._play(result, wish) if inspect.isgenerator(result) else _drawn(result, wish)
        finally:
            self._turn.release()

    def _play(self, items: Iterator, wish: Wish) -> Drawn | None:
        """Show the pictures of a generator as they come; None if it was ended early."""
        last, shown = None, 0.0
        try:
            for item in items:
                if isinstance(item, Real):
                    self._progress = float(item)
                else:
                    last = item
                if self._wish:
                    return None
                if last is not None and (
                    self._halt.is_set() or time.monotonic() - shown > PREVIEW_EVERY
                ):
                    preview, shown = _drawn(last, wish), time.monotonic()
                    with self._guard:
                        self._put(preview)
                if self._halt.is_set():
                    return None
        finally:
            items.close()
        return _drawn(last, wish)

    def _tick(self, done: threading.Event) -> None:
        """The progress bar: what draw yields, or else a guess that never arrives."""
        began = time.monotonic()
        while not done.wait(PATIENCE):
            passed = time.monotonic() - began
            self.bar.value = passed / (passed + 5) if self._progress is None else self._progress
            self._work.layout.visibility = "hidden" if self._halt.is_set() else "visible"

    def _remember(self, drawn: Drawn | None) -> Drawn | None:
        with _REMEMBERING:
            if drawn and not self.closed:
                _MEMORY.pop((self, drawn.settings), None)  # so that it becomes the newest
                _MEMORY[self, drawn.settings] = drawn
            while sum(len(kept.png) for kept in _MEMORY.values()) > REMEMBERED:
                del _MEMORY[next(iter(_MEMORY))]
        return drawn

    def _put(self, drawn: Drawn) -> None:
        if self.closed:
            return
        self._drawn, self.picture, self.words = drawn, drawn.png, drawn.words
        width, height = (int.from_bytes(drawn.png[start : start + 4], "big") for start in (16, 20))
        tallest = max(height, int((self._frame.layout.min_height or "0px")[:-2]))
        self.image.layout.width, self._frame.layout.min_height = f"{width}px", f"{tallest}px"
        self.image.value = drawn.png
        self._receipt.value = f'<div role="status">{html.escape(drawn.words)}</div>'

    def _say(self, sentence: str) -> None:
        self._status.value = html.escape(sentence)

    def _fail(self, error: Exception) -> None:
        self.error = error
        self._status.value = alert(error)


# --- parts ----------------------------------------------------------------------------------------

_SHOWN: set = set()
_MEMORY: dict[tuple[Explorer, tuple], Drawn] = {}  # the one used last is the last
_REMEMBERING = threading.Lock()
_TURNS: WeakValueDictionary = (
    WeakValueDictionary()
)  # id of a model -> its lock, while an explorer holds both


def _turn(uses: object) -> threading.Lock:
    return threading.Lock() if uses is None else _TURNS.setdefault(id(uses), threading.Lock())


def _running_cell() -> tuple[str, int] | None:
    """Which cell wants a widget, and the how-manieth execution this is; None outside a notebook."""
    shell = get_ipython()
    if shell is None:
        return None
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    caller = sys._getframe(
        3
    ).f_code.co_filename  # a notebook that sends no ids: named by the cell's text
    return (message or {}).get("metadata", {}).get("cellId", caller), shell.execution_count


def _made(controls: dict) -> dict[str, W.Widget]:
    """The controls, those made that depend on others; none is left open if one of them is wrong."""
    made = {}
    try:
        for name, item in controls.items():
            values = {other: control.value for other, control in made.items()}
            made[name] = item.control(values) if isinstance(item, depends_on) else item
            if not hasattr(made[name], "value"):
                raise TypeError(
                    f"{name}={item!r} is no control: give a slider(…), menu(…), checkbox(…), …"
                )
    except BaseException:
        _close(*(controls | made).values())
        raise
    return made


def _drawn(result: object, wish: Wish) -> Drawn:
    if result is None:
        raise ValueError("draw gave no picture: return one, or (picture, words), or yield them.")
    picture, words = result if isinstance(result, tuple) else (result, "")
    return Drawn(picture if isinstance(picture, bytes) else plot.png(picture), words, wish.settings)


def _labelled(name: str, control: W.Widget, width: str) -> W.Widget:
    if not hasattr(control, "description"):
        label = W.Label(
            name, layout={"width": width, "display": "flex", "justify_content": "flex-end"}
        )
        return W.HBox([label, control])
    control.description = name
    control.style.description_width = width
    control.layout.width = "32em"
    return control


def _reshape(control: W.Widget, fresh: W.Widget) -> None:
    """Give a control the range or options of a fresh one; its value stays where that is still
    possible.
    """
    value = control.value
    _close(fresh)  # what it says can still be read
    if hasattr(control, "options"):
        control.options = fresh.options
        control.value = value if value in control._options_values else fresh.value
    elif hasattr(control, "min"):
        order = ("max", "min") if fresh.min > control.max else ("min", "max")
        for trait in (*order, "step"):
            setattr(control, trait, getattr(fresh, trait))
        ends = (
            [fresh.min, fresh.max]
            if not hasattr(fresh, "base")
            else [fresh.base**fresh.min, fresh.base**fresh.max]
        )
        control.value = min(max(value, ends[0]), ends[1])


def _parts(widget: W.Widget) -> Iterator[W.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
    yield from (getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name))
    yield widget


def dismantle(shown: object, box: W.Widget) -> None:
    """Close what was shown in a cell, and all its parts."""
    _SHOWN.discard(shown)
    _close(box)


def _close(*widgets: W.Widget) -> None:
    for part in [
        part for widget in widgets if isinstance(widget, W.Widget) for part in _parts(widget)
    ]:
        part.unobserve_all()
        part.close()


def alert(error: Exception) -> str:
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    return f'<div role="alert" style="color: #a33b1f">{html.escape(kind + str(error))}</div>'
