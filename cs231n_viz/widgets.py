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
import operator
import re
import sys
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from numbers import Integral, Real
from pathlib import Path
from typing import NamedTuple
from weakref import WeakValueDictionary

import ipywidgets as W
import traitlets
from IPython import get_ipython

from . import images, plot
from .clickable import ONE_COLUMN, OVER, Page, clickable, fit, hidden, size_of
from .errors import known, unknown

PATIENCE = 0.4  # seconds of work before the progress bar and Stop appear
PREVIEW_EVERY = 0.2  # seconds between two live pictures
ROUND = 1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8  # stops of a slider by factors, times powers of ten
REMEMBERED = 64_000_000  # bytes of finished pictures that all explorers together cache

# --- controls: plain ipywidgets, which explore names and labels -----------------------------------


def slider(low: float, high: float, start=None, step=None, log: bool = False, unit: str = ""):
    """A slider: over whole numbers if all are whole, else decimals; log=True: over round numbers,
    each about as many times the one before.

    unit stands behind the label, "px"; of "%" the numbers are shares, shown as percentages.
    """
    start = low if start is None else start
    if not low <= start <= high or (log and low <= 0):
        rule = "low <= start <= high, and low > 0 if log"
        raise ValueError(f"a slider needs {rule}; these are {low}, {start}, {high}.")
    if log:
        powers = range(math.floor(math.log10(low)), math.ceil(math.log10(high)))
        stops = {float(f"{digits}e{power}") for digits in ROUND for power in powers}
        stops = {low, start, high} | {stop for stop in stops if low < stop < high}
        return menu(sorted(stops), start, slide=True, unit=unit)
    if all(isinstance(number, int) for number in (low, high, start, step or 1)):
        made = W.IntSlider(start, low, high, step or 1)
    else:
        made = W.FloatSlider(start, min=low, max=high, step=step or (high - low) / 100)
    # The page knows more formats than ipywidgets lets through: "~" leaves out zeros at the end.
    style = ".0%" if unit == "%" else ",d" if isinstance(made, W.IntSlider) else ",.4~r"
    made.add_traits(readout_format=traitlets.Unicode().tag(sync=True))
    made.readout_format = style
    made.unit = f" ({unit})" if unit not in ("", "%") else ""
    return made


def menu(options: Sequence, start: object = None, slide: bool = False, unit: str = ""):
    """A choice among options, or (name, value) pairs: a drop-down list, or a slider over them."""
    options = [(written(one), one) if isinstance(one, Real) else one for one in options]
    known = [one[1] if isinstance(one, tuple) and len(one) == 2 else one for one in options]
    if start is not None and start not in known:
        raise unknown("option", start, known)
    kind = W.SelectionSlider if slide else W.Dropdown
    made = kind(options=options, value=known[0] if start is None else start)
    made.unit = f" ({unit})" if unit else ""
    return made


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
        wide = {"flex": "1 1 0", "min_width": "0"}
        self.button = W.FileUpload(accept="image/*", description="Upload")
        name = {"description": "or a path", "style": {"description_width": "initial"}}
        hint = "or data:image/png;base64,…"
        self.line = W.Text(placeholder=hint, continuous_update=False, layout=wide, **name)
        super().__init__([W.HBox([self.button, self.line]), self._reply], value=None, layout=wide)
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


def written(value) -> str:
    """A number as a person writes it: 1,000; 0.1; 0.009. Of anything else its own words."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    if isinstance(value, Integral) or 1000 <= abs(value) < math.inf:
        return f"{round(value):,}"
    return f"{float(f'{value:.4g}'):z.9f}".rstrip("0").rstrip(".")


class depends_on(NamedTuple):
    """A control made of others: unit=depends_on("layer", lambda name: slider(0, last[name]))."""

    names: str | Sequence[str]
    make: Callable

    def given(self, values: dict) -> tuple:
        names = [self.names] if isinstance(self.names, str) else self.names
        for name in names:
            known("control (those it depends on come first)", name, values)
        return tuple(values[name] for name in names)


# --- what a cell shows ----------------------------------------------------------------------------


class InCell:
    """A box of widgets that a cell shows, with one picture; it goes when the cell is run again."""

    closed, cell, words, _words = False, None, "", ""

    def _repr_mimebundle_(self, **_) -> dict:
        """The widget; and for a page without a kernel, its first picture under one line."""
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        picture = plot.img(*plot.compact(self.picture, quality=70), self.words or self._words)
        page = f"<p>{html.escape(self._words)}</p>{picture}"
        kinds = "text/plain", "text/html", "application/vnd.jupyter.widget-view+json"
        return dict(zip(kinds, (self._words, page, view), strict=True))

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


def explore(draw: Callable, /, *, uses=None, finished=None, **controls) -> "Explorer":
    """Controls around draw(**values) -> picture, or (picture, words).

    A picture is a Figure, a PIL image, pixels, an array or PNG bytes. draw may be a generator of
    those: they are shown as they come, and Stop ends it between two of them; a number in [0, 1]
    that it yields before a picture says how far that is. The cell shows its first picture, or
    `finished`, the last one at these settings where that is at hand; an event of the user runs it
    to the end. Explorers with the same uses=model take turns on that model.

    A dictionary of controls is a group that folds: wishes={"blur": slider(…), "jitter": slider(…)}.
    """
    return in_its_cell(lambda: Explorer(draw, uses, finished, controls))


class Explorer(InCell):
    """What explore returns: `values`, `controls`, `picture` (PNG bytes), `words`, `error`.

    run(), stop() and save() do what the buttons do.
    """

    def __init__(self, draw: Callable, uses: object, finished: object, controls: dict):
        self._draw, self._uses = draw, uses
        self._turn = _TURNS.setdefault(id(self if uses is None else uses), threading.Lock())
        self.error = self._request = self._progress = None
        self._guard, self._reshaping, self._highest = threading.RLock(), False, 0
        self._idle, self._halt = threading.Event(), threading.Event()
        self._idle.set()
        groups = {name: one for name, one in controls.items() if isinstance(one, dict)}
        nested = (groups.get(name, {name: one}).items() for name, one in controls.items())
        pairs = list(itertools.chain(*nested))
        self._rules = {name: one for name, one in pairs if isinstance(one, depends_on)}
        self.controls, self._given, self._box = {}, {}, None
        try:
            for name, item in pairs:
                self.controls[name] = self._control(name, item)
            self._build({"": [name for name in controls if name not in groups], **groups})
            self._first_picture(finished)
        except BaseException:
            _close(*(item for _, item in pairs), *self.controls.values(), self._box)
            raise
        for control in self.controls.values():
            control.observe(self._moved, "value")

    def _control(self, name: str, item: object) -> W.Widget:
        if name in self.controls:
            raise ValueError(f"two controls are called {name!r}: give each a name of its own.")
        if isinstance(item, depends_on):
            self._given[name] = item.given(self.values)
            item = item.make(*self._given[name])
        if not hasattr(item, "value"):
            raise TypeError(f"{name}={item!r} is no control: give a slider(…), menu(…), …")
        return item

    def _build(self, groups: dict[str, Iterable[str]]) -> None:
        """Pictures to click and the picture drawn side by side; controls beside it or above."""
        to_click = {name: one for name, one in self.controls.items() if isinstance(one, clickable)}
        names = ", ".join(name.replace("_", " ") for name in self.controls)
        slide = len(to_click) < len(self.controls)
        can = {"click on the picture": to_click, "move the sliders": slide}
        self._words = f"Run this cell to {' and '.join(filter(can.get, can))}: {names}."
        shown = []
        for title, group in groups.items():
            rows = _rows({name: self.controls[name] for name in group if name not in to_click})
            shown += [_folded(title, rows)] if title else rows
        # The status keeps its height while it is empty.
        self._status = W.HTML(layout={"min_height": "28px", "flex": "1 1 14em"})
        self.bar = W.FloatProgress(max=1.0, layout={"width": "9em"})
        self.run_button = button("Run", "play", self.run, layout={"display": "none"})
        self.save_button = button("Save picture", "download", self.save)
        self.stop_button = button("Stop", "stop", self.stop, layout={"width": "6em"})
        self._work = W.HBox([self.stop_button, self.bar], layout={"visibility": "hidden"})
        buttons = [self.run_button, self.save_button, self._work, self._status]
        shown.append(W.Box(buttons, layout={"flex_flow": "row wrap", "flex": "1 1 100%"}))
        wide, self._most_beside = ("100%", 420) if to_click else ("320px", math.inf)
        place = {"flex": f"1 1 {wide}", "align_content": "flex-start"}
        panel = W.Box(shown, layout={"flex_flow": "row wrap", **place})
        # As high as the highest picture, so that nothing below it jumps.
        self._room, self.image = W.HTML(layout=OVER), W.Image(layout=OVER)
        self._frame = W.GridBox([self._room, self.image], layout=ONE_COLUMN)
        self._receipt, self._page = W.HTML(), Page()
        pane = [self._frame, self._receipt, hidden(self._page)]
        self._pane = W.VBox(pane, layout={"min_width": "0"})
        wrap = {"flex_flow": "row wrap", "grid_gap": "4px 14px"}
        self._box = W.Box([panel, *to_click.values(), self._pane], layout=wrap)
        self._box.add_class("cv-box")

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
                given = rule.given(self.values)
                if any(map(operator.is_not, given, self._given[name])):
                    _reshape(self.controls[name], rule.make(*given))
                    self._given[name] = given
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
        name = "_".join(f"{key}-{written(value)}" for key, value, _ in self._drawn.settings)
        name = re.sub(r"[^\w.=+-]+", "-", name.replace(",", ""))[:100] or "picture"
        ends = itertools.chain([""], map("-{}".format, itertools.count(2)))
        paths = (Path(folder, f"{name}{end}.png").resolve() for end in ends)
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
        self.controls, self._rules, self._given = {}, {}, {}

    def _present(self, afresh: bool = False) -> Request:
        settings = (
            (name, getattr(control, "label", control.value), getattr(control, "index", None))
            for name, control in self.controls.items()
        )
        return Request(self.values, tuple(settings), afresh)

    # --- the work: on the worker's thread, but for the first picture

    def _first_picture(self, finished: object) -> None:
        request = self._present()
        result = self._draw(**request.values) if finished is None else finished
        if inspect.isgenerator(result):
            first = next((item for item in result if not self._is_progress(item)), None)
            result.close()
            drawn = _drawn(first, _so_far(request, 1, self._progress))
        else:
            drawn = self._remember(_drawn(result, request))
        if finished is not None or inspect.isgenerator(result):
            self.run_button.layout.display = None
            self._say("Press Run, or move a control.")
        self._put(drawn)
        # If there is room for the picture beside the controls, it stands there; else below them.
        width, _ = size_of(drawn.png)
        room = min(2 * width, max(width, 480), self._most_beside)
        self._pane.layout.flex = f"{width} 1 {room}px"

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
        last, come, shown = None, (0, None), 0.0
        with closing(items):
            for item in items:
                if not self._is_progress(item):
                    last, come = item, (come[0] + 1, self._progress)
                if self._request:
                    return None
                due = self._halt.is_set() or time.monotonic() - shown > PREVIEW_EVERY
                if due and last is not None:
                    preview, shown = _drawn(last, _so_far(request, *come)), time.monotonic()
                    with self._guard:
                        self._put(preview)
                if self._halt.is_set():
                    return None
        return _drawn(last, request)

    def _is_progress(self, item: object) -> bool:
        """Whether an item is how far a run has come, in [0, 1]; that is noted."""
        if number := isinstance(item, Real):
            self._progress = float(item)
        return number

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
        width, height = size_of(drawn.png)
        if height > self._highest:
            self._highest, shape = height, f"aspect-ratio: {width} / {height}"
            self._room.value = f'<div style="width: {fit(width, height)}; {shape}"></div>'
        self.image.layout.width, self.image.value = fit(width, height), drawn.png
        self._page.alts = [drawn.words or self._words]
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


def _rows(controls: dict[str, W.Widget]) -> list[W.Widget]:
    """Controls with labels on their left; as many stand side by side as there is room for."""
    rows = []
    labels = [name + getattr(control, "unit", "") for name, control in controls.items()]
    width = f"{1.5 + 0.55 * max(map(len, labels), default=0):.1f}em"
    for label, control in zip(labels, controls.values(), strict=True):
        label = label.replace("_", " ")
        if hasattr(control, "description"):
            control.description, control.style.description_width = label, width
        else:
            right = {"display": "flex", "justify_content": "flex-end"}
            control = W.HBox([W.Label(label, layout={"width": width, **right}), control])
        control.layout.width, control.layout.max_width = "auto", "440px"
        control.layout.flex = "1 1 300px"
        rows.append(control)
    return rows


def _folded(name: str, rows: list[W.Widget]) -> W.Widget:
    """Rows under a button that shows and hides them."""
    body = W.Box(rows, layout={"flex_flow": "row wrap", "display": "none"})
    fold = W.ToggleButton(description=name.replace("_", " "), layout={"width": "auto"})
    tell = (fold, "value")
    traitlets.dlink(tell, (body.layout, "display"), lambda is_open: None if is_open else "none")
    traitlets.dlink(tell, (fold, "icon"), lambda is_open: f"angle-{'down' if is_open else 'right'}")
    return W.VBox([fold, body], layout={"flex": "1 1 300px", "max_width": "440px"})


def _so_far(request: Request, pictures: int, share: float | None) -> Request:
    """The settings of a run before its end: 6-of-20 steps, if it tells how far it is."""
    steps, settings = request.values.get("steps"), request.settings
    if steps is None or share is None:
        return request._replace(settings=(*settings, ("stopped", f"at picture {pictures}", None)))
    done = "steps", f"{round(share * steps)}-of-{steps}", None
    return request._replace(settings=tuple(done if one[0] == "steps" else one for one in settings))


def _reshape(control: W.Widget, fresh: W.Widget) -> None:
    """Give a control the range or options of a fresh one; it keeps its value where it can."""
    value = control.value
    _close(fresh)  # what it says can still be read
    if isinstance(control, clickable):
        control.take(fresh)
    elif hasattr(control, "options"):
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
    for part in [part for one in widgets if isinstance(one, W.Widget) for part in _parts(one)]:
        part.unobserve_all()
        part.close()


def button(words: str, icon: str, pressed: Callable, style: str = "", **look) -> W.Button:
    made = W.Button(description=words, icon=icon, button_style=style, **look)
    made.on_click(lambda _: pressed())
    return made


def alert(error: Exception) -> str:
    kind = "" if isinstance(error, ValueError | OSError) else f"{type(error).__name__}: "
    look = "color: #a33b1f; background: white"  # to be read in a dark theme, too
    return f'<div role="alert" style="{look}">{html.escape(kind + str(error))}</div>'
