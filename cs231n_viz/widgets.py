"""Sliders around a function that draws: explore(draw, layer=menu(names), channel=slider(0, 63)).

The first picture is drawn at once, in the cell. After that each event of the user requests another
one, which a worker thread draws, one at a time per model, so that the kernel can still receive a
Stop. Only the newest request is kept, finished pictures are cached, and the thread ends when there
is nothing to do.
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
from contextlib import closing
from numbers import Real
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import ipywidgets as W
import traitlets
from IPython import get_ipython

from . import images, plot
from .errors import known, unknown

PATIENCE = 0.4  # seconds of work before the progress bar and Stop appear
PREVIEW_EVERY = 0.2  # seconds between two live pictures
REMEMBERED = 64_000_000  # bytes of finished pictures that all explorers together cache

# --- controls: plain ipywidgets, which explore names and labels -----------------------------------


def slider(low: float, high: float, start=None, step=None, log: bool = False):
    """A slider: over whole numbers if all are whole, else decimals; log=True: on a log scale."""
    start = low if start is None else start
    if not low <= start <= high or (log and low <= 0):
        rule = "low <= start <= high, and low > 0 if log"
        raise ValueError(f"a slider needs {rule}; these are {low}, {start}, {high}.")
    if log:
        exponents = {"min": math.log10(low), "max": math.log10(high), "step": step or 0.1}
        return W.FloatLogSlider(start, **exponents, readout_format=".3g")
    if all(isinstance(number, int) for number in (low, high, start, step or 1)):
        return W.IntSlider(start, low, high, step or 1)
    step = step or (high - low) / 100
    return W.FloatSlider(start, min=low, max=high, step=step, readout_format=".3g")


def menu(options: Sequence, start: object = None, slide: bool = False):
    """A choice among options, or (name, value) pairs: a drop-down list, or a slider over them."""
    options = list(options)
    known = [one[1] if isinstance(one, tuple) and len(one) == 2 else one for one in options]
    if start is not None and start not in known:
        raise unknown("option", start, known)
    kind = W.SelectionSlider if slide else W.Dropdown
    return kind(options=options, value=known[0] if start is None else start)


def checkbox(start: bool = False) -> W.Checkbox:
    """A box to tick."""
    return W.Checkbox(start)


class upload_or_paste(W.VBox):
    """A picture of your own, as pixels: a button to upload it, a line for a path or a data URI.

    The value is None until a picture is given. What is no picture is explained and changes nothing.
    """

    value = traitlets.Any()

    def __init__(self, size: int | tuple[int, int] | None = None):
        self._size, self.label, self._reply = size, "none", W.HTML()
        self.button = W.FileUpload(accept="image/*", description="Upload")
        hint = "or a path, or data:image/png;base64,…"
        self.line = W.Text(placeholder=hint, continuous_update=False)
        super().__init__([W.HBox([self.button, self.line]), self._reply], value=None)
        self.button.observe(self._uploaded, "value")
        self.line.observe(lambda change: self._take(change.new.strip()), "value")

    def _uploaded(self, change) -> None:
        for one in change.new:
            self._take(one.name, bytes(one.content))

    def _take(self, name: str, content: bytes | None = None) -> None:
        if not name:
            return
        try:
            if name.startswith("data:"):
                name, content = "pasted picture", base64.b64decode(name.partition(",")[2])
            pixels = images.to_pixels(name if content is None else content, self._size)
        except (ValueError, TypeError, OSError) as error:
            self._reply.value = alert(error)
            return
        path, (height, width) = Path(name), pixels.shape[2:]
        self._reply.value = html.escape(f"{path.name}, {width} x {height} pixels")
        self.label = f"{path.stem} {hashlib.sha256(pixels.numpy().tobytes()).hexdigest()[:8]}"
        self.value = pixels


class depends_on(NamedTuple):
    """A control made of others: unit=depends_on("layer", lambda name: slider(0, last[name]))."""

    names: str | Sequence[str]
    make: Callable

    def control(self, values: dict):
        names = [self.names] if isinstance(self.names, str) else self.names
        for name in names:
            known("control (those it depends on come first)", name, values)
        return self.make(*(values[name] for name in names))


# --- what a cell shows ----------------------------------------------------------------------------


class InCell:
    """A box of widgets that a cell shows, with one picture; it goes when the cell is run again."""

    closed, cell, _words = False, None, ""

    def _repr_mimebundle_(self, **_) -> dict:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        return {"text/plain": self._words, "application/vnd.jupyter.widget-view+json": view}

    def close(self) -> None:
        """Leave an empty shell, for IPython's Out never lets go of what a cell has shown."""
        self.closed = True
        _SHOWN.discard(self)
        _close(self._box)
        self._box.children, self.picture, self.image.value = (), b"", b""


def in_its_cell(make: Callable[[], InCell]) -> InCell:
    """What `make` gives, once what the same cell has shown in an earlier run is closed."""
    cell = _running_cell()
    for old in list(_SHOWN):
        if cell and old.cell and old.cell[0] == cell[0] and old.cell != cell:
            old.close()  # it has gone from the page
    made = make()
    made.cell = cell
    _SHOWN.add(made)
    return made


# --- the explorer ---------------------------------------------------------------------------------


class Request(NamedTuple):
    values: dict[str, object]
    settings: tuple[tuple, ...]  # a control, its value as a person reads it, its index in a menu
    afresh: bool  # draw it, cached or not


class Drawn(NamedTuple):
    png: bytes
    words: str
    settings: tuple[tuple, ...]


def explore(draw: Callable, /, *, uses: object = None, **controls) -> "Explorer":
    """Controls around draw(**values) -> picture, or (picture, words).

    A picture is a Figure, a PIL image, pixels, an array or PNG bytes. draw may be a generator of
    those: they are shown as they come, and Stop ends it between two of them; a number in [0, 1]
    that it yields moves the progress bar. The cell shows its first picture, an event of the user
    runs it to the end. Explorers with the same uses=model take turns on that model.
    """
    return in_its_cell(lambda: Explorer(draw, uses, controls))


class Explorer(InCell):
    """What explore returns: `values`, `controls`, `picture` (PNG bytes), `words`, `error`.

    run(), stop() and save() do what the buttons do.
    """

    def __init__(self, draw: Callable, uses: object, controls: dict):
        self._draw, self._uses = draw, uses
        self._turn = _TURNS.setdefault(id(self if uses is None else uses), threading.Lock())
        self.error = self._request = self._progress = None
        self._guard, self._reshaping = threading.RLock(), False
        self._idle, self._halt = threading.Event(), threading.Event()
        self._idle.set()
        self._rules = {name: one for name, one in controls.items() if isinstance(one, depends_on)}
        self._words = f"Sliders: {', '.join(controls)} (run this cell to move them)"
        self.controls, self._box = {}, None
        try:
            self._build(controls)
            self._first_picture()
        except BaseException:
            _close(*controls.values(), *self.controls.values(), self._box)
            raise
        for control in self.controls.values():
            control.observe(self._moved, "value")

    def _build(self, controls: dict) -> None:
        for name, item in controls.items():
            made = item.control(self.values) if isinstance(item, depends_on) else item
            if not hasattr(made, "value"):
                raise TypeError(f"{name}={item!r} is no control: give a slider(…), menu(…), …")
            self.controls[name] = made
        width = f"{2 + 0.6 * max(map(len, self.controls), default=0):.1f}em"
        rows = [_labelled(name, control, width) for name, control in self.controls.items()]
        self.image, self._receipt = W.Image(layout={"max_width": "100%"}), W.HTML()
        self._status = W.HTML(layout={"min_height": "28px"})  # keeps its height while it is empty
        # As high as the highest picture, so that nothing below it jumps.
        self._frame = W.Box([self.image])
        self.bar = W.FloatProgress(max=1.0, layout={"width": "14em"})
        self.run_button = button("Run", "play", self.run, layout={"display": "none"})
        self.save_button = button("Save picture", "download", self.save)
        self.stop_button = button("Stop", "stop", self.stop)
        self._work = W.HBox([self.stop_button, self.bar], layout={"visibility": "hidden"})
        buttons = W.HBox([self.run_button, self.save_button, self._work])
        self._box = W.VBox([*rows, buttons, self._status, self._frame, self._receipt])

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

    # --- events of the user: on the kernel's own thread

    def _moved(self, _) -> None:
        if self._reshaping or self.closed:
            return
        self._reshaping = True
        try:
            for name, rule in self._rules.items():
                _reshape(self.controls[name], rule.control(self.values))
            self.run(afresh=False)
        except Exception as error:  # noqa: BLE001 (a person reads it in the widget)
            self._fail(error)
        finally:
            self._reshaping = False

    def run(self, afresh: bool = True) -> None:
        """Draw the present settings; afresh: even if they are cached."""
        with self._guard:
            self._request = self._present(afresh)
            if self.closed or not self._idle.is_set():
                return
            self._idle.clear()
        run = contextvars.copy_context().run  # which cell this output belongs to
        threading.Thread(target=run, args=(self._work_off,), name="explore", daemon=True).start()

    def stop(self) -> None:
        """End the run: a generator at its next yield; a plain function ends by itself, unshown."""
        with self._guard:
            self._request = None
            self._halt.set()
            if not self._idle.is_set():
                self._say("Stopped.")
        self._work.layout.visibility = "hidden"

    def save(self, folder: str | Path = "saved") -> Path | None:
        """Write the picture as a PNG file named by its settings; no file is overwritten."""
        name = "_".join(f"{key}-{value}" for key, value, _ in self._drawn.settings)
        name = re.sub(r"[^\w.=+-]+", "-", name)[:100] or "picture"
        ends = itertools.chain([""], map("-{}".format, itertools.count(2)))
        paths = (Path(folder, f"{name}{end}.png") for end in ends)
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
            path = next(path for path in paths if not path.exists())
            path.write_bytes(self._drawn.png)
        except OSError as error:
            return self._fail(error)
        self._say(f"Saved as {path}")
        return path

    def close(self) -> None:
        """Stop, forget, and leave an empty shell."""
        self.closed = True
        self.stop()
        with _REMEMBERING:
            for key in [key for key in _MEMORY if key[0] is self]:
                del _MEMORY[key]
        super().close()
        self._draw = self._uses = self._drawn = self.error = None
        self.controls, self._rules = {}, {}

    def _present(self, afresh: bool = False) -> Request:
        settings = []
        for name, control in self.controls.items():
            label = str(getattr(control, "label", control.value))
            settings.append((name, label, getattr(control, "index", None)))
        return Request(self.values, tuple(settings), afresh)

    # --- the work: on the worker's thread, but for the first picture

    def _first_picture(self) -> None:
        request = self._present()
        result = self._draw(**request.values)
        if not inspect.isgenerator(result):
            return self._put(self._remember(_drawn(result, request)))
        first = next((item for item in result if not isinstance(item, Real)), None)
        result.close()
        self.run_button.layout.display = None
        self._say("Press Run, or move a control.")
        self._put(_drawn(first, request))

    def _work_off(self) -> None:
        while True:
            with self._guard:
                request, self._request = self._request, None
                self._halt.clear()
                if request is None or self.closed:
                    return self._idle.set()
            done = threading.Event()
            clock = threading.Thread(target=self._tick, args=(done,), daemon=True)
            clock.start()
            try:
                self._answer(request)
            except BaseException as error:  # noqa: BLE001 (an exit() in draw, too, is told)
                self._fail(error)
            finally:
                done.set()
                clock.join()
                self._work.layout.visibility = "hidden"

    def _answer(self, request: Request) -> None:
        self.error = self._progress = None
        self._say("")
        drawn = None if request.afresh else _MEMORY.get((self, request.settings))
        drawn = self._remember(drawn or self._draw_in_turn(request))
        with self._guard:  # no Stop comes between the question and the picture
            if self._halt.is_set():
                self._say("Stopped.")
            elif drawn:
                self._put(drawn)

    def _draw_in_turn(self, request: Request) -> Drawn | None:
        while not self._turn.acquire(timeout=0.1):
            if self._halt.is_set() or self._request:
                return None
            self._say("Waiting for another picture of this network.")
        try:
            draw = self._draw
            if self._halt.is_set() or self._request:  # again; and a closed explorer has no draw
                return None
            self._say("")
            result = draw(**request.values)
            show = self._play if inspect.isgenerator(result) else _drawn
            return show(result, request)
        finally:
            self._turn.release()

    def _play(self, items: Iterator, request: Request) -> Drawn | None:
        """Show the pictures of a generator as they come; None if it was ended early."""
        last, shown = None, 0.0
        with closing(items):
            for item in items:
                if isinstance(item, Real):
                    self._progress = float(item)
                else:
                    last = item
                if self._request:
                    return None
                due = self._halt.is_set() or time.monotonic() - shown > PREVIEW_EVERY
                if due and last is not None:
                    preview, shown = _drawn(last, request), time.monotonic()
                    with self._guard:
                        self._put(preview)
                if self._halt.is_set():
                    return None
        return _drawn(last, request)

    def _tick(self, done: threading.Event) -> None:
        """Move the progress bar to what draw yields, or to a guess that never reaches the end."""
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

_SHOWN: set[InCell] = set()
_MEMORY: dict[tuple[Explorer, tuple], Drawn] = {}  # the one used last is the last
_REMEMBERING = threading.Lock()
# id of a model -> its lock, as long as an explorer holds both
_TURNS: WeakValueDictionary = WeakValueDictionary()


def _running_cell() -> tuple[str, int] | None:
    """Which cell wants a widget, and which execution of it this is; None outside a notebook."""
    shell = get_ipython()
    if shell is None:
        return None
    message = shell.get_parent() if hasattr(shell, "get_parent") else {}
    # A notebook that sends no ids: a cell is named by its text.
    caller = sys._getframe(3).f_code.co_filename
    return (message or {}).get("metadata", {}).get("cellId", caller), shell.execution_count


def _drawn(result: object, request: Request) -> Drawn:
    if result is None:
        raise ValueError("draw gave no picture: return one, or (picture, words), or yield them.")
    picture, words = result if isinstance(result, tuple) else (result, "")
    picture = picture if isinstance(picture, bytes) else plot.png(picture)
    return Drawn(picture, words, request.settings)


def _labelled(name: str, control: W.Widget, width: str) -> W.Widget:
    name = name.replace("_", " ")
    if not hasattr(control, "description"):
        right = {"display": "flex", "justify_content": "flex-end"}
        return W.HBox([W.Label(name, layout={"width": width, **right}), control])
    control.description = name
    control.style.description_width = width
    control.layout.width = "32em"
    return control


def _reshape(control: W.Widget, fresh: W.Widget) -> None:
    """Give a control the range or options of a fresh one; it keeps its value where it can."""
    value = control.value
    _close(fresh)  # what it says can still be read
    if hasattr(control, "options"):
        control.options = fresh.options
        control.value = value if value in control._options_values else fresh.value
    elif hasattr(control, "min"):
        # All at once, for its ends may not cross; its value is moved into them.
        with control.hold_sync(), control.hold_trait_notifications():
            control.min, control.max, control.step = fresh.min, fresh.max, fresh.step


def _parts(widget: W.Widget) -> Iterator[W.Widget]:
    for child in getattr(widget, "children", ()):
        yield from _parts(child)
    yield from (getattr(widget, name) for name in ("layout", "style") if hasattr(widget, name))
    yield widget


def _close(*widgets: W.Widget) -> None:
    widgets = (widget for widget in widgets if isinstance(widget, W.Widget))
    for part in [part for widget in widgets for part in _parts(widget)]:
        part.unobserve_all()
        part.close()


def button(words: str, icon: str, pressed: Callable, style: str = "", **look) -> W.Button:
    made = W.Button(description=words, icon=icon, button_style=style, **look)
    made.on_click(lambda _: pressed())
    return made


def alert(error: Exception) -> str:
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    return f'<div role="alert" style="color: #a33b1f">{html.escape(kind + str(error))}</div>'
