"""You against the network: a picture opens patch by patch; who knows first what it is?

The rules are pure functions of a Table (the picture under its cover, and the network that looks at
it) and a Round (what has happened so far). A network is a function pixels (N, C, H, W) ->
probabilities (N, classes), so that any will do. Patches are counted row by row; those at the right
and lower edge may be smaller. `play` makes the widget.
"""

import html
import math
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import ipywidgets as W
import numpy as np
import torch
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from . import errors, images, plot
from .clickable import Page, hidden
from .widgets import InCell, alert, button, in_its_cell

Look = Callable[[Tensor], Tensor]  # pixels (N, C, H, W) -> probabilities (N, classes)
AT_ONCE = 8  # pictures that the network looks at in one go
SIDE = 432  # screen pixels of the board's longer side
MOST = 256  # patches of a board
RANDOM, CLICKS = "at random", "only where I click"

# --- patches and their orders ---------------------------------------------------------------------


def patch_numbers(pixels: Tensor, patch: int = 16) -> Tensor:
    """Which patch each pixel of (…, H, W) belongs to: (H, W)."""
    height, width = pixels.shape[-2:]
    rows, columns = torch.arange(height) // patch, torch.arange(width) // patch
    return rows[:, None] * math.ceil(width / patch) + columns


def order_of(heat: Tensor, patch: int = 16) -> list[int]:
    """Patches by the mean of a map, (H, W) or (1, H, W), largest first; equal ones row by row."""
    wrong = int((~heat.isfinite()).sum())
    if wrong or heat.dim() not in (2, 3) or heat.shape[:-2] not in ((), (1,)):
        shape = tuple(heat.shape)
        raise ValueError(f"a map is (H, W) or (1, H, W), not {shape}, with {wrong} not finite.")
    numbers, values = patch_numbers(heat, patch).flatten(), heat.detach().cpu().double().flatten()
    means = torch.bincount(numbers, values) / torch.bincount(numbers)
    return means.argsort(descending=True, stable=True).tolist()


def random_order(count: int, seed: int = 0) -> list[int]:
    """The patches 0 … count - 1, shuffled."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()


def from_the_centre(pixels: Tensor) -> Tensor:
    """A baseline map (H, W) that ignores the picture: larger towards the middle."""
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in pixels.shape[-2:])
    return -torch.hypot(rows[:, None], columns)


def revealed(pixels: Tensor, order: Sequence[int], cover=0.5, patch=16, first=0) -> Tensor:
    """The picture with `first`, first + 1, … all patches of the order open: (K, C, H, W)."""
    numbers, order = patch_numbers(pixels, patch), torch.tensor(order, dtype=torch.long)
    turn = torch.full((int(numbers.max()) + 1,), len(order))
    turn[order] = torch.arange(len(order))
    steps = torch.arange(first, len(order) + 1)[:, None, None]
    is_open = (turn[numbers] < steps)[:, None].to(pixels.device)  # (K, 1, H, W)
    return torch.where(is_open, pixels, torch.as_tensor(cover).to(pixels))


# --- the network's side ---------------------------------------------------------------------------


class Answer(NamedTuple):
    kind: int
    patches: int  # how many were open


class Table(NamedTuple):
    """What stays the same in a round."""

    pixels: Tensor  # (1, C, H, W)
    label: int
    look: Look
    cover: Tensor | float = 0.5  # a colour: a number, or (1, C, 1, 1)
    patch: int = 16

    @property
    def count(self) -> int:
        return int(patch_numbers(self.pixels, self.patch)[-1, -1]) + 1


def beliefs(table: Table, order: Sequence[int], first: int = 0) -> Tensor:
    """Probabilities (K, classes) with `first`, first + 1, … all patches of the order open."""
    return torch.stack([row for _, row in _looks(table, order, first)])


def network_answer(table: Table, order: Sequence[int], threshold=0.6, first=0) -> Answer | None:
    """The network's answer: its first largest probability that reaches the threshold.

    It begins with `first` patches of the order open. When every patch of the picture is open it
    must answer. None: it is not sure, and the order leaves patches closed.
    """
    for patches, row in _looks(table, order, first):
        if row.max() >= threshold or patches == table.count:
            return Answer(int(row.argmax()), patches)
    return None


def _looks(table: Table, order: Sequence[int], first: int) -> Iterator[tuple[int, Tensor]]:
    """How many patches are open, and the `beliefs` then: one by one, computed AT_ONCE at a time."""
    for start in range(first, len(order) + 1, AT_ONCE):
        opening = order[: start + AT_ONCE - 1]
        pixels = revealed(table.pixels, opening, table.cover, table.patch, start)
        with torch.no_grad():
            rows = table.look(pixels).cpu()
        fits = rows.dim() == 2 and len(rows) == len(pixels)
        if not fits or not (rows >= 0).all() or not (rows.sum(dim=1) < 1.001).all():
            wanted = "probabilities (N, classes), as scores.softmax(dim=1) are"
            raise ValueError(f"look gives {wanted}, not {tuple(rows.shape)} for {len(pixels)}.")
        yield from enumerate(rows, start)


# --- the rules ------------------------------------------------------------------------------------


class Round(NamedTuple):
    """The state of a round; it never changes, each move returns a new one."""

    opened: tuple[int, ...] = ()  # patches, in the order of their opening
    belief: tuple[float, ...] = ()  # the network's probabilities at present
    network: Answer | None = None
    player: Answer | None = None


def opened(table: Table, now: Round, patches: Sequence[int], threshold: float = 0.6) -> Round:
    """Open patches one after the other, unless they are open; the network looks after each.

    A new round begins with none: opened(table, Round(), ()) lets the network look at the cover.
    """
    for number in patches:
        errors.whole("patch", number, 0, table.count - 1)
    fresh = tuple(number for number in dict.fromkeys(patches) if number not in now.opened)
    if now.player or (now.belief and not fresh):
        return now
    order = now.opened + fresh
    first = len(now.opened) + bool(fresh)
    network = now.network or network_answer(table, order, threshold, first)
    (belief,) = beliefs(table, order, len(order)).tolist()
    return now._replace(opened=order, belief=tuple(belief), network=network)


def answered(table: Table, now: Round, kind: int, rest: Sequence[int], threshold=0.6) -> Round:
    """The player's one answer, which ends the round: a network that still waits sees the rest."""
    if now.player:
        return now
    count = len(now.opened)
    order = [*now.opened, *(number for number in rest if number not in now.opened)]
    network = now.network or network_answer(table, order, threshold, count)
    return now._replace(player=Answer(kind, count), network=network)


def points(label: int, now: Round) -> tuple[int, int]:
    """(player's, network's): one to whoever is right with fewer patches; none if equally many."""
    both = now.player, now.network
    player, network = (one.patches if one and one.kind == label else math.inf for one in both)
    return int(player < network), int(network < player)


# --- pictures -------------------------------------------------------------------------------------


def board_numbers(pixels: Tensor, patch: int = 16) -> np.ndarray:
    """Which patch each pixel of the enlarged board belongs to: (h, w), the longer one is SIDE."""
    numbers = patch_numbers(pixels, patch).numpy()
    height, width = (round(SIDE * side / max(numbers.shape)) for side in numbers.shape)
    rows = np.arange(height) * numbers.shape[0] // height
    columns = np.arange(width) * numbers.shape[1] // width
    return numbers[rows[:, None], columns]


def board(table: Table, opened: Sequence[int], whole: bool = False) -> Image.Image:
    """The picture as the player sees it, enlarged; closed patches under a cover with a fine grid.

    whole: all is shown, what was closed a little paler.
    """
    numbers = board_numbers(table.pixels, table.patch)
    picture = images.to_picture(table.pixels).convert("RGB")
    canvas = np.array(picture.resize(numbers.shape[::-1], Image.Resampling.LANCZOS), np.float32)
    cover = torch.as_tensor(table.cover).float().cpu().flatten().expand(3).numpy() * 255
    closed = ~np.isin(numbers, opened)
    if whole:
        canvas[closed] = 0.55 * canvas[closed] + 0.45 * 255
    else:
        down = np.diff(numbers, axis=0, prepend=numbers[:1])
        across = np.diff(numbers, axis=1, prepend=numbers[:, :1])
        canvas[closed] = cover
        line = cover * 0.86 if cover.mean() > 100 else cover + 0.2 * (255 - cover)
        canvas[closed & (down + across > 0)] = line
    return Image.fromarray(canvas.round().astype(np.uint8))


def score_figure(played: Sequence[tuple[int, Round]], count: int) -> Figure:
    """Patches needed by both in every round so far, (label, Round) each; a cross if wrong."""
    both = [(label, each) for label, now in played for each in (now.player, now.network)]
    x = np.arange(len(both)) // 2 + 1 + np.tile([-0.09, 0.09], len(played))
    y = np.array([each.patches for _, each in both], dtype=float)
    wrong = np.array([each.kind != label for label, each in both], dtype=bool)
    names = {"you": slice(0, None, 2), "network": slice(1, None, 2)}
    figure = plot.scatter(x, y, ylabel="patches needed", colors=names)
    (axes,) = figure.axes
    for one in axes.lines:
        one.set(markersize=11, alpha=1)
    axes.plot([], [], "x", color=plot.INK, ms=7, mew=2, label="wrong")
    axes.plot(x[wrong], y[wrong], "x", color="white", ms=6, mew=2)
    last = max(len(played), 12)
    axes.set(xlim=(0.4, last + 0.6), ylim=(-0.06 * count, 1.08 * count), xlabel="round")
    axes.set_xticks(range(1, last + 1, math.ceil(last / 24)))
    axes.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, handlelength=1)
    figure.set_figheight(2.3)
    return figure


# --- the widget -----------------------------------------------------------------------------------

TASK = """<b>What is under the grey?</b> Open patches, choose a kind, press <b>That's it!</b>
Be right with fewer patches than the network."""
RULES = """Grey patches may be clicked in every order. The order and the network's threshold may be
changed at any time and hold for what is still closed. Whoever is right with fewer patches
has the point; a wrong answer loses, and if both are right with equally many, nobody has it."""
HIDDEN = "hidden until you have answered"


def play(pictures, look: Look, maps, cover=0.5, patch: int = 16, threshold=0.6) -> "Game":
    """The game as a widget.

    pictures: pixels (N, 1 or 3, H, W), labels (N,) and class_names, as data gives them.
    look(pixels) gives the probabilities (N, classes) of these classes. maps: {name: function}, each
    from a picture (1, C, H, W) to a map (H, W) or (1, H, W), whose largest values open first. Sizes
    need not be multiples of the patch.
    """
    return in_its_cell(lambda: Game(pictures, look, maps, cover, patch, threshold))


class Game(InCell):
    """What play returns: `table`, `now` and `played` say how it stands.

    new_round(), open_next(count), click(patch) and answer() do what the buttons do.
    """

    _words = "Run this cell to play: you against the network."

    def __init__(self, pictures, look, maps, cover, patch, threshold):
        self.table = Table(pictures.pixels[:1], 0, look, cover, patch)
        _check(pictures, maps, self.table, threshold)
        self._pictures, self._maps, self._rounds = pictures, dict(maps), 0
        self.controls, self.played = {}, []
        self._build(threshold)
        try:
            self.now = self._deal()
            self._show()
            self._show_score()
        except BaseException:
            self.close()
            raise

    # --- what a person does

    def open_next(self, count: int = 1) -> None:
        """Open the next patches of the chosen order."""
        self._move(lambda: opened(self.table, self.now, self._rest()[:count], self.threshold.value))

    def click(self, number: int) -> None:
        """Open this patch, whatever the order."""
        self._move(lambda: opened(self.table, self.now, [number], self.threshold.value))

    def answer(self) -> None:
        """Answer with the chosen kind."""
        if self.now.player:
            return
        kind, sure = self.kinds.value, self.threshold.value
        if kind is None:
            return self._say("First choose what it is.")
        self._say("The network goes on alone …")
        self._move(lambda: answered(self.table, self.now, kind, self._rest(), sure))
        if self.now.player:
            self.played.append((self.table.label, self.now))
            self._show_score()
            # Where the keyboard goes on, for a button that is switched off loses the focus.
            self.round_button.focus()

    def new_round(self) -> None:
        """The next picture, once this round is over."""
        if self.now.player:
            self._move(self._deal)
            self.next_button.focus()

    def close(self) -> None:
        """Leave an empty shell."""
        super().close()
        self._patches = self._maps = self._orders = self._pictures = self.table = None
        self.chart.value = b""

    # --- the course of the game

    def _deal(self) -> Round:
        pixels, names = self._pictures.pixels, self._pictures.class_names
        lap, turn = divmod(self._rounds, len(pixels))
        index = random_order(len(pixels), lap)[turn]
        picture, label = pixels[index : index + 1], int(self._pictures.labels[index])
        table = self.table._replace(pixels=picture, label=label)
        now = opened(table, Round(), (), self.threshold.value)
        if len(now.belief) != len(names):
            raise ValueError(f"{len(now.belief)} probabilities for {len(names)} class_names.")
        self.table, self._rounds = table, self._rounds + 1
        self._orders = dict.fromkeys((RANDOM, CLICKS), random_order(table.count, self._rounds))
        self.kinds.value = None
        return now

    def _rest(self) -> list[int]:
        """The closed patches in the chosen order; at random where only clicks open them."""
        name, table = self.order.value, self.table
        if name not in self._orders:
            heat = self._maps[name](table.pixels)
            if heat.shape[-2:] != table.pixels.shape[-2:]:
                shape = tuple(heat.shape)
                raise ValueError(f"the map {name!r} is not as large as the picture: it is {shape}.")
            self._orders[name] = order_of(heat, table.patch)
        return [number for number in self._orders[name] if number not in self.now.opened]

    def _move(self, move: Callable[[], Round]) -> None:
        if self.closed:
            return
        try:
            self.now = move()
            self._show()
        except Exception as error:  # noqa: BLE001 (a person reads it in the widget)
            self._status.value = alert(error)

    # --- what is seen

    def _build(self, threshold: float) -> None:
        numbers = board_numbers(self.table.pixels, self.table.patch)
        edges = numbers[0], numbers[:, 0]
        wide, high = (np.unique(line, return_counts=True)[1] for line in edges)
        size = {"width": f"{sum(wide)}px", "height": f"{sum(high)}px"}
        over = {"grid_area": "1 / 1 / 2 / 2", "margin": "0", "overflow": "hidden", **size}
        self.image = W.Image(layout={**over, "max_width": "none"})
        flat = W.Layout(width="auto", height="auto", margin="0", padding="0", border="none")
        clear = W.ButtonStyle(button_color="transparent")
        self._patches = [W.Button(layout=flat, style=clear) for _ in range(len(wide) * len(high))]
        for number, patch in enumerate(self._patches):
            row, column = divmod(number, len(wide))
            patch.tooltip = f"row {row + 1}, column {column + 1}"
            patch.on_click(lambda _, number=number: self.click(number))
        grid = W.GridBox(self._patches, layout={**over, **_cells(wide, high), "grid_gap": "0"})
        one = {**_cells([sum(wide)], [sum(high)]), **size, "margin": "0 14px 8px 0"}
        self._board = W.GridBox([self.image, grid], layout={**one, "flex": "0 0 auto"})
        self.chart, self._score = W.Image(layout={"max_width": "100%"}), W.HTML()
        # The board is last, so that the keyboard meets the buttons before its many patches, but
        # stands on the left.
        left = {"justify_content": "flex-end", "align_items": "flex-end", "overflow": "visible"}
        beside = [self._panel(threshold), self._board]
        table = W.Box(beside, layout={"flex_flow": "row-reverse wrap-reverse", **left})
        words = '<div style="line-height: 1.4; max-width: 860px">{}</div>'
        task, rules = (W.HTML(words.format(each)) for each in (TASK, RULES))
        words = ["the board", "patches that you and the network needed, round by round"]
        self._box = W.VBox([task, table, self._score, self.chart, rules, hidden(Page(alts=words))])
        self._box.add_class("cv-box")

    def _panel(self, threshold: float) -> W.VBox:
        look = {"style": {"description_width": "10.5em"}, "layout": {"width": "384px"}}
        options = [*self._maps, RANDOM, CLICKS]
        self.order = W.Dropdown(options=options, description="patches open", **look)
        look |= {"min": 0.3, "max": 0.95, "step": 0.05, "readout_format": ".0%"}
        look |= {"tooltip": "the network answers when it is as sure as this"}
        self.threshold = W.FloatSlider(threshold, description="network answers at", **look)
        self.next_button = button("Next patch", "plus", self.open_next, "info")
        self.five_button = button("5 patches", "forward", lambda: self.open_next(5))
        names = [(name, index) for index, name in enumerate(self._pictures.class_names)]
        look = {"layout": {"max_height": "140px", "overflow": "auto"}, "index": None}
        self.kinds = W.ToggleButtons(options=names, style={"button_width": "93px"}, **look)
        self.answer_button = button("That's it!", "check", self.answer, "success")
        self.round_button = button("Next picture", "arrow-right", self.new_round, "primary")
        self.hints = W.Checkbox(False, description="show what the network thinks", indent=False)
        self._status = W.HTML(layout={"height": "64px", "overflow": "hidden"})
        self._thought = W.HTML(layout={"height": "86px", "overflow": "hidden"})
        for control in (self.order, self.hints):
            control.observe(lambda _: self._show(), "value")
        go, say = [self.next_button, self.five_button], [self.answer_button, self.round_button]
        parts = [self.order, self.threshold, W.HBox(go), self.kinds, W.HBox(say)]
        parts += [self._status, self.hints, self._thought]
        return W.VBox(parts, layout={"width": "392px", "overflow": "visible"})

    def _show(self) -> None:
        now, over = self.now, bool(self.now.player)
        self.picture = self.image.value = plot.png(board(self.table, now.opened, whole=over))
        done = over or len(now.opened) == self.table.count
        self.next_button.disabled = self.five_button.disabled = done or self.order.value == CLICKS
        self.answer_button.disabled, self.round_button.disabled = over, not over
        for number, patch in enumerate(self._patches):
            patch.tabbable = not (over or number in now.opened)
        self._thought.value = self._thoughts() if over or self.hints.value else f"<i>{HIDDEN}</i>"
        self._say(*(self._result() if over else self._progress()))

    def _show_score(self) -> None:
        won = [points(label, now) for label, now in self.played]
        you, network = (sum(side) for side in zip(*won, strict=True)) if won else (0, 0)
        rounds = f"{len(won)} round{'' if len(won) == 1 else 's'} played"
        self._score.value = f"<b>You {you} : {network} the network</b>, {rounds}"
        self.chart.value = plot.png(score_figure(self.played, self.table.count))

    def _progress(self) -> tuple[str, str]:
        network, says = self.now.network, "The network is not sure yet."
        if network:
            says = f"The network has answered, with {_patches(network.patches)} open."
        return f"{len(self.now.opened)} of {_patches(self.table.count)} open.", says

    def _result(self) -> tuple[str, ...]:
        now, names, label = self.now, self._pictures.class_names, self.table.label
        said = []
        for who, each in (("You", now.player), ("The network", now.network)):
            judged = "right" if each.kind == label else "wrong"
            said.append(f"{who}: {names[each.kind]} with {_patches(each.patches)}, {judged}.")
        won = {(1, 0): "The point is yours!", (0, 1): "The network's point.", (0, 0): "No point."}
        return f"It is: {names[label]}. {won[points(label, now)]}", *said

    def _thoughts(self) -> str:
        belief, names = self.now.belief, self._pictures.class_names
        best = np.argsort(belief)[::-1][:3]
        bars = "".join(_bar(names[index], belief[index]) for index in best)
        return f"<i>with {_patches(len(self.now.opened))} open:</i>{bars}"

    def _say(self, *sentences: str) -> None:
        first, *others = map(html.escape, sentences)
        lines = "".join(f"<div>{line}</div>" for line in (f"<b>{first}</b>", *others))
        self._status.value = f'<div role="status" style="line-height: 1.45">{lines}</div>'


def _patches(count: int) -> str:
    return f"{count} patch{'' if count == 1 else 'es'}"


def _cells(columns: Sequence[int], rows: Sequence[int]) -> dict[str, str]:
    """The layout of a grid whose columns and rows have these sizes in pixels."""
    across, down = (" ".join(f"{size}px" for size in sizes) for sizes in (columns, rows))
    return {"grid_template_columns": across, "grid_template_rows": down}


def _bar(name: str, probability: float) -> str:
    ends = f"{plot.BLUE} {probability:.0%}, rgba(128, 128, 128, 0.2) {probability:.0%}"
    track = f"background: linear-gradient(to right, {ends})"
    bar = f'<span style="display: inline-block; width: 14em; height: 11px; {track}"></span>'
    name = f'<span style="display: inline-block; width: 9em">{html.escape(name)}</span>'
    return f'<div style="line-height: 1.5">{name}{bar} {probability:.0%}</div>'


def _check(pictures, maps, table: Table, threshold: float) -> None:
    pixels, labels, most = pictures.pixels, pictures.labels, len(pictures.class_names) - 1
    images.check_pixels(pixels, channels=1 if tuple(pixels.shape[1:2]) == (1,) else 3)
    if labels.shape != pixels.shape[:1] or labels.min() < 0 or labels.max() > most:
        raise ValueError(f"every picture has one label, from 0 to {most} as class_names has them.")
    patch, count = errors.whole("patch", table.patch, 1), table.count
    if not 2 <= count <= MOST:
        raise ValueError(f"a game has 2 to {MOST} patches; of {patch} pixels there are {count}.")
    errors.share("threshold", threshold, 0.3, 0.95)
    for name in {RANDOM, CLICKS} & set(maps):
        raise ValueError(f"a map cannot be called {name!r}: that is an order of its own.")
