"""You against the network: a picture opens patch by patch; who knows first what it is?

The rules are pure functions of a Table (the picture under its cover, and the network that looks at
it) and a Round (what has happened so far). A network is a function pixels (N, C, H, W) ->
probabilities (N, classes), so that any will do. Patches are counted row by row; those at the right
and lower edge may be smaller. `play` makes the widget.
"""

import html
import math
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import ipywidgets as W
import numpy as np
import torch
from IPython.display import display
from matplotlib.figure import Figure
from PIL import Image
from torch import Tensor

from . import images, plot
from .widgets import alert, dismantle, in_its_cell

Look = Callable[[Tensor], Tensor]  # pixels (N, C, H, W) -> probabilities (N, classes)
AT_ONCE = 8  # pictures that the network looks at in one go
SIDE = 432  # screen pixels of the board's longer side
MOST_PATCHES = 256
RANDOM, CLICKS = "at random", "only where I click"

# --- patches and their orders ---------------------------------------------------------------------


def patch_numbers(pixels: Tensor, patch: int = 16) -> Tensor:
    """Which patch each pixel of (…, H, W) belongs to: (H, W)."""
    height, width = pixels.shape[-2:]
    rows, columns = torch.arange(height) // patch, torch.arange(width) // patch
    return rows[:, None] * math.ceil(width / patch) + columns


def order_of(heat: Tensor, patch: int = 16) -> list[int]:
    """Patches by a map's mean on them, the largest first; equal ones row by row. heat: (H, W) or
    (1, H, W).
    """
    if heat.dim() not in (2, 3) or heat.shape[:-2] not in ((), (1,)) or not heat.isfinite().all():
        raise ValueError(
            f"a map is (H, W) or (1, H, W) of finite numbers; this one is {tuple(heat.shape)}, "
            f"{int((~heat.isfinite()).sum())} of them not finite."
        )
    numbers, values = patch_numbers(heat, patch).flatten(), heat.detach().cpu().double().flatten()
    means = torch.bincount(numbers, values) / torch.bincount(numbers)
    return means.argsort(descending=True, stable=True).tolist()


def random_order(count: int, seed: int = 0) -> list[int]:
    """The patches 0 … count - 1, shuffled."""
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed)).tolist()


def from_the_centre(pixels: Tensor) -> Tensor:
    """A map that knows nothing of the picture: the nearer to the middle, the larger. (…, H, W) ->
    (H, W).
    """
    rows, columns = (torch.arange(side) - (side - 1) / 2 for side in pixels.shape[-2:])
    return -torch.hypot(rows[:, None], columns)


def revealed(
    pixels: Tensor, order: Sequence[int], cover=0.5, patch: int = 16, first: int = 0
) -> Tensor:
    """A picture (1, C, H, W) with the first `first`, first + 1, … all patches of the order open:
    (K, C, H, W).
    """
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
    belief: float = math.nan  # the network's probability


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


@torch.no_grad()
def beliefs(table: Table, order: Sequence[int], first: int = 0) -> Tensor:
    """The network's probabilities with `first`, first + 1, … all patches of the order open: (K,
    classes).
    """
    rows = []
    for start in range(first, len(order) + 1, AT_ONCE):
        rows.append(
            table.look(
                revealed(
                    table.pixels, order[: start + AT_ONCE - 1], table.cover, table.patch, start
                )
            ).cpu()
        )
    rows, count = torch.cat(rows), len(order) + 1 - first
    if (
        rows.dim() != 2
        or rows.shape[0] != count
        or not (rows >= 0).all()
        or not (rows.sum(1) < 1.001).all()
    ):
        raise ValueError(
            f"the network gave {tuple(rows.shape)} for {count} pictures: give a function that answers with "
            "probabilities (N, classes), none below 0 and together at most 1, as scores.softmax(dim=1) are."
        )
    return rows


def network_answer(
    table: Table, order: Sequence[int], threshold: float = 0.6, first: int = 0
) -> Answer | None:
    """The network's answer: what it believes as soon as its largest probability reaches the
    threshold.

    It begins with `first` patches of the order open. When every patch of the picture is open it
    must answer. None: it would like to see more than this order shows.
    """
    for start in range(first, len(order) + 1, AT_ONCE):
        answer = _as_soon_as_sure(
            table, beliefs(table, order[: start + AT_ONCE - 1], start), threshold, start
        )
        if answer:
            return answer
    return None


def _as_soon_as_sure(table: Table, rows: Tensor, threshold: float, first: int) -> Answer | None:
    for patches, row in enumerate(rows, first):
        if row.max() >= threshold or patches == table.count:
            return Answer(int(row.argmax()), patches, float(row.max()))
    return None


# --- the rules ------------------------------------------------------------------------------------


class Round(NamedTuple):
    """What has happened: it never changes, each move gives a new one."""

    opened: tuple[int, ...] = ()  # patches, in the order of their opening
    belief: tuple[float, ...] = ()  # the network's probabilities at present
    network: Answer | None = None
    player: Answer | None = None


def begin(table: Table, threshold: float = 0.6) -> Round:
    """A new round: nothing is open, and the network has looked at the cover."""
    return _looked(table, Round(), (), threshold)


def opened(table: Table, now: Round, patches: Sequence[int], threshold: float = 0.6) -> Round:
    """Open patches, one after the other: the network looks after each. Patches that are open do not
    count.
    """
    for number in patches:
        if not 0 <= number < table.count:
            raise ValueError(
                f"patch {number} is out of range: there are {table.count}, 0 to {table.count - 1}."
            )
    fresh = tuple(number for number in dict.fromkeys(patches) if number not in now.opened)
    if now.player or not fresh:
        return now
    return _looked(table, now, fresh, threshold)


def answered(
    table: Table, now: Round, kind: int, rest: Sequence[int], threshold: float = 0.6
) -> Round:
    """The player's one answer. It ends the round: the network, if it still waits, sees the rest by
    itself.
    """
    if now.player:
        return now
    now = now._replace(player=Answer(kind, len(now.opened)))
    if now.network:
        return now
    order = [*now.opened, *(number for number in rest if number not in now.opened)]
    answer = network_answer(table, order, threshold, len(now.opened))
    return now._replace(network=answer)


def points(label: int, now: Round) -> tuple[int, int]:
    """(player's, network's): one to whoever is right with fewer patches; none if both are, with
    equally many.
    """
    player, network = (
        answer.patches if answer and answer.kind == label else math.inf
        for answer in (now.player, now.network)
    )
    return int(player < network), int(network < player)


def _looked(table: Table, now: Round, fresh: tuple[int, ...], threshold: float) -> Round:
    order, first = now.opened + fresh, len(now.opened) + bool(fresh)
    first = (
        len(order) if now.network else first
    )  # once it has answered, only its present belief is of interest
    rows = beliefs(table, order, first)
    network = now.network or _as_soon_as_sure(table, rows, threshold, first)
    return now._replace(opened=order, belief=tuple(rows[-1].tolist()), network=network)


# --- pictures -------------------------------------------------------------------------------------


def board_numbers(pixels: Tensor, patch: int = 16) -> np.ndarray:
    """Which patch each pixel of the enlarged board belongs to: (height, width), the longer one
    SIDE.
    """
    numbers = patch_numbers(pixels, patch).numpy()
    height, width = (round(SIDE * side / max(numbers.shape)) for side in numbers.shape)
    rows, columns = (
        np.arange(new) * old // new for new, old in zip((height, width), numbers.shape, strict=True)
    )
    return numbers[rows[:, None], columns]


def board(table: Table, opened: Sequence[int], whole: bool = False) -> Image.Image:
    """The picture as the player sees it, enlarged; closed patches under a cover with a fine grid.

    whole: all is shown, what was closed a little paler.
    """
    numbers = board_numbers(table.pixels, table.patch)
    picture = (
        images.to_picture(table.pixels)
        .convert("RGB")
        .resize(numbers.shape[::-1], Image.Resampling.LANCZOS)
    )
    cover = torch.as_tensor(table.cover).float().cpu().flatten().expand(3).numpy() * 255
    line = cover * 0.86 if cover.mean() > 100 else cover + 0.2 * (255 - cover)
    closed = ~np.isin(numbers, opened)
    seam = (
        np.diff(numbers, axis=0, prepend=numbers[:1])
        + np.diff(numbers, axis=1, prepend=numbers[:, :1])
        > 0
    )
    canvas = np.asarray(picture).astype(np.float32)
    canvas[closed] = 0.55 * canvas[closed] + 0.45 * 255 if whole else cover
    canvas[closed & seam & (not whole)] = line
    return Image.fromarray(canvas.round().astype(np.uint8))


def score_figure(played: Sequence[tuple[int, Round]], count: int) -> Figure:
    """Patches needed by both in every round so far, (label, Round) each; a cross on wrong answers."""
    both = [
        (number, label, each)
        for number, (label, now) in enumerate(played, 1)
        for each in (now.player, now.network)
    ]
    x = np.array([number for number, _, _ in both], dtype=float)
    y = np.array([each.patches for _, _, each in both], dtype=float)
    who, wrong = (
        np.arange(len(both)) % 2,
        np.array([each.kind != label for _, label, each in both], dtype=bool),
    )
    x += np.where(who, 0.09, -0.09)
    names = {"you": who == 0, "network": who == 1} if both else {"you": [], "network": []}
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

TASK = (
    "<b>What is under the grey?</b> Open patches, choose a kind, press <b>That's it!</b> "
    "Be right with fewer patches than the network."
)
RULES = (
    "Grey patches may be clicked in every order. The order and the network's threshold may be changed at any time "
    "and hold for what is still closed. Whoever is right with fewer patches has the point; a wrong answer loses, "
    "and if both are right with equally many, nobody has it."
)
HIDDEN = "hidden until you have answered"


def play(
    pictures,
    look: Look,
    maps: Mapping[str, Callable[[Tensor], Tensor]],
    cover: Tensor | float = 0.5,
    patch: int = 16,
    threshold: float = 0.6,
    seed: int = 0,
) -> "Game":
    """The game as a widget. pictures: pixels (N, 1 or 3, H, W), labels (N,) and class_names, as
    data gives them.

    look(pixels) gives the probabilities (N, classes) of these classes; maps are named functions,
    picture (1, C, H, W) -> map (H, W) or (1, H, W), whose largest values open first. Sizes need not
    be multiples of the patch.
    """
    return in_its_cell(lambda: Game(pictures, look, maps, cover, patch, threshold, seed))


class Game:
    """What play returns. `table`, `now` and `played` say how it stands; new_round(),
    open_next(count), click(patch) and answer() do what the buttons do.
    """

    def __init__(self, pictures, look, maps, cover, patch, threshold, seed):
        _check(pictures, maps, patch, threshold)
        self._pictures, self._look, self._maps = pictures, look, dict(maps)
        self._cover, self._patch, self._seed = cover, patch, seed
        self.controls, self.cell, self.closed, self.picture = {}, None, False, b""
        self.played: list[tuple[int, Round]] = []
        self._rounds = 0
        self._build(threshold)
        try:
            self._deal()
        except BaseException:
            self.close()
            raise
        self._listen()

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
        if self.kinds.value is None:
            return self._say("First choose what it is.")
        self._say("The network goes on alone …")
        self._move(
            lambda: answered(
                self.table, self.now, self.kinds.value, self._rest(), self.threshold.value
            )
        )
        if self.now.player:
            # where the keyboard goes on, for a button that is switched off loses the focus
            self.round_button.focus()

    def new_round(self) -> None:
        """The next picture, once this round is over."""
        if self.now.player:
            self._guarded(self._deal)
            self.next_button.focus()

    def close(self) -> None:
        """Leave an empty shell, for IPython's Out never lets go of what a cell has shown."""
        self.closed = True
        dismantle(self, self._box)
        self._box.children, self._patches, self._maps, self._orders = (), (), {}, {}
        self._pictures = self._look = self.table = None
        self.picture = self.image.value = self.chart.value = b""

    def show(self) -> None:
        """Display the widget here, when it is not the last line of its cell."""
        display(self)

    def _repr_mimebundle_(self, **_) -> dict:
        view = {"version_major": 2, "version_minor": 0, "model_id": self._box.model_id}
        words = "Game: you against the network (run this cell to play)"
        return {"text/plain": words, "application/vnd.jupyter.widget-view+json": view}

    # --- the course of the game

    def _deal(self) -> None:
        lap, place = divmod(self._rounds, len(self._pictures.pixels))
        index = random_order(len(self._pictures.pixels), self._seed + lap)[place]
        pixels, label = self._pictures.pixels[index : index + 1], int(self._pictures.labels[index])
        table = Table(pixels, label, self._look, self._cover, self._patch)
        now = begin(table, self.threshold.value)
        if len(now.belief) != len(self._pictures.class_names):
            raise ValueError(
                f"{len(now.belief)} probabilities for {len(self._pictures.class_names)} class_names."
            )
        self.table, self.now, self._orders, self._rounds = table, now, {}, self._rounds + 1
        self.kinds.value = None
        self._show()
        if not self.chart.value:
            self._show_score()

    def _rest(self) -> list[int]:
        """The closed patches in the chosen order; at random where only clicks open them."""
        name = self.order.value
        if name not in self._orders:
            if name in self._maps:
                heat = self._maps[name](self.table.pixels)
                if heat.shape[-2:] != self.table.pixels.shape[-2:]:
                    raise ValueError(
                        f"the map {name!r} is {tuple(heat.shape)}: it must be as large as the picture."
                    )
                self._orders[name] = order_of(heat, self._patch)
            else:
                self._orders[name] = random_order(self.table.count, self._seed + self._rounds)
        return [number for number in self._orders[name] if number not in self.now.opened]

    def _move(self, move: Callable[[], Round]) -> None:
        if not self.now.player:
            self._guarded(lambda: self._go_on(move()))

    def _go_on(self, now: Round) -> None:
        self.now = now
        if now.player:
            self.played.append((self.table.label, now))
            self._show_score()
        self._show()

    def _guarded(self, action: Callable[[], None]) -> None:
        if self.closed:
            return
        try:
            action()
        except Exception as error:  # noqa: BLE001 (a person reads it in the widget)
            self._status.value = alert(error)

    # --- what is seen

    def _build(self, threshold: float) -> None:
        numbers = board_numbers(self._pictures.pixels, self._patch)
        high, wide = (
            np.unique(line, return_counts=True)[1] for line in (numbers[:, 0], numbers[0])
        )
        cells = {
            "grid_template_columns": _px(wide),
            "grid_template_rows": _px(high),
            "grid_gap": "0",
        }
        over = {"grid_area": "1 / 1 / 2 / 2", "margin": "0", "overflow": "hidden"}
        size = {"width": f"{sum(wide)}px", "height": f"{sum(high)}px"}
        self.image = W.Image(layout={**over, **size, "max_width": "none"})
        flat = W.Layout(width="auto", height="auto", margin="0", padding="0", border="none")
        clear = W.ButtonStyle(button_color="transparent")
        self._patches = [W.Button(layout=flat, style=clear) for _ in range(len(wide) * len(high))]
        for number, button in enumerate(self._patches):
            button.tooltip = "row {}, column {}".format(
                *(part + 1 for part in divmod(number, len(wide)))
            )
        grid = W.GridBox(self._patches, layout={**over, **size, **cells})
        single = {
            "grid_template_columns": size["width"],
            "grid_template_rows": size["height"],
            "flex": "0 0 auto",
        }
        self._board = W.GridBox(
            [self.image, grid], layout={**single, **size, "margin": "0 14px 8px 0"}
        )
        self._panel(threshold)
        self.chart, self._score = W.Image(layout={"max_width": "100%"}), W.HTML()
        # The board is last, so that the keyboard meets the buttons before its many patches, but
        # stands on the left.
        beside = {
            "flex_flow": "row-reverse wrap-reverse",
            "justify_content": "flex-end",
            "align_items": "flex-end",
        }
        table = W.Box([self._side, self._board], layout=beside | {"overflow": "visible"})
        task, rules = (
            W.HTML(f'<div style="line-height: 1.4; max-width: 860px">{each}</div>')
            for each in (TASK, RULES)
        )
        self._box = W.VBox([task, table, self._score, self.chart, rules])

    def _panel(self, threshold: float) -> None:
        label = {"description_width": "10.5em"}
        options = [*self._maps, RANDOM, CLICKS]
        self.order = W.Dropdown(
            options=options, description="patches open", style=label, layout={"width": "384px"}
        )
        limits = {"min": 0.3, "max": 0.95, "step": 0.05, "readout_format": ".0%"}
        self.threshold = W.FloatSlider(
            threshold, **limits, description="network answers at", style=label
        )
        self.threshold.layout.width, self.threshold.tooltip = (
            "384px",
            "the network answers when it is as sure as this",
        )
        self.next_button = W.Button(description="Next patch", icon="plus", button_style="info")
        self.five_button = W.Button(description="5 patches", icon="forward")
        names = [(name, index) for index, name in enumerate(self._pictures.class_names)]
        self.kinds = W.ToggleButtons(
            options=names,
            index=None,
            style={"button_width": "93px"},
            layout={"max_height": "140px", "overflow": "auto"},
        )
        self.answer_button = W.Button(
            description="That's it!", icon="check", button_style="success"
        )
        self.round_button = W.Button(
            description="Next picture", icon="arrow-right", button_style="primary"
        )
        self.hints = W.Checkbox(False, description="show what the network thinks", indent=False)
        self._status = W.HTML(layout={"height": "64px", "overflow": "hidden"})
        self._thought = W.HTML(layout={"height": "86px", "overflow": "hidden"})
        go, say = (
            W.HBox([self.next_button, self.five_button]),
            W.HBox([self.answer_button, self.round_button]),
        )
        parts = [
            self.order,
            self.threshold,
            go,
            self.kinds,
            say,
            self._status,
            self.hints,
            self._thought,
        ]
        self._side = W.VBox(parts, layout={"width": "392px", "overflow": "visible"})

    def _listen(self) -> None:
        self.next_button.on_click(lambda _: self.open_next())
        self.five_button.on_click(lambda _: self.open_next(5))
        self.answer_button.on_click(lambda _: self.answer())
        self.round_button.on_click(lambda _: self.new_round())
        for number, button in enumerate(self._patches):
            button.on_click(lambda _, number=number: self.click(number))
        for control in (self.order, self.hints):
            control.observe(lambda _: self._guarded(self._show), "value")

    def _show(self) -> None:
        now, over = self.now, bool(self.now.player)
        self.picture = self.image.value = plot.png(board(self.table, now.opened, whole=over))
        done = over or len(now.opened) == self.table.count
        self.next_button.disabled = self.five_button.disabled = done or self.order.value == CLICKS
        self.answer_button.disabled, self.round_button.disabled = over, not over
        for number, button in enumerate(self._patches):
            button.tabbable = not (over or number in now.opened)
        self._thought.value = self._thoughts() if over or self.hints.value else f"<i>{HIDDEN}</i>"
        self._say(*(self._result() if over else self._progress()))

    def _show_score(self) -> None:
        won = [points(label, now) for label, now in self.played]
        you, network = (sum(side) for side in zip(*won, strict=True)) if won else (0, 0)
        rounds = f"{len(won)} round{'' if len(won) == 1 else 's'} played"
        self._score.value = f"<b>You {you} : {network} the network</b>, {rounds}"
        self.chart.value = plot.png(score_figure(self.played, self.table.count))

    def _progress(self) -> tuple[str, str]:
        network = self.now.network
        state = (
            f"has answered, with {_patches(network.patches)} open" if network else "is not sure yet"
        )
        return (
            f"{len(self.now.opened)} of {_patches(self.table.count)} open.",
            f"The network {state}.",
        )

    def _result(self) -> tuple[str, ...]:
        now, names, label = self.now, self._pictures.class_names, self.table.label
        says = [
            f"{who}: {names[each.kind]} with {_patches(each.patches)}, {'right' if each.kind == label else 'wrong'}."
            for who, each in (("You", now.player), ("The network", now.network))
        ]
        won = {(1, 0): "The point is yours!", (0, 1): "The network's point.", (0, 0): "No point."}
        return f"It is: {names[label]}. {won[points(label, now)]}", *says

    def _thoughts(self) -> str:
        best = np.argsort(self.now.belief)[::-1][:3]
        bars = "".join(
            _bar(self._pictures.class_names[index], self.now.belief[index]) for index in best
        )
        return f"<i>with {_patches(len(self.now.opened))} open:</i>{bars}"

    def _say(self, *sentences: str) -> None:
        first, *others = map(html.escape, sentences)
        lines = "".join(f"<div>{line}</div>" for line in (f"<b>{first}</b>", *others))
        self._status.value = f'<div role="status" style="line-height: 1.45">{lines}</div>'


def _patches(count: int) -> str:
    return f"{count} patch{'' if count == 1 else 'es'}"


def _px(sizes: Sequence[int]) -> str:
    return " ".join(f"{size}px" for size in sizes)


def _bar(name: str, share: float) -> str:
    track = f"background: linear-gradient(to right, {plot.BLUE} {share:.0%}, rgba(128, 128, 128, 0.2) {share:.0%})"
    bar = f'<span style="display: inline-block; width: 14em; height: 11px; {track}"></span>'
    name = f'<span style="display: inline-block; width: 9em">{html.escape(name)}</span>'
    return f'<div style="line-height: 1.5">{name}{bar} {share:.0%}</div>'


def _check(pictures, maps: Mapping, patch: int, threshold: float) -> None:
    pixels, labels, names = pictures.pixels, pictures.labels, pictures.class_names
    images.check_pixels(pixels, channels=1 if pixels.dim() == 4 and pixels.shape[1] == 1 else 3)
    if labels.shape != pixels.shape[:1]:
        raise ValueError(
            f"every picture has one label, (N,); these are {tuple(labels.shape)} for {len(pixels)}."
        )
    if labels.min() < 0 or labels.max() >= len(names):
        raise ValueError(
            f"labels are 0 to {len(names) - 1}, as class_names are {len(names)}; one is {labels.max()}."
        )
    count = int(patch_numbers(pixels, patch)[-1, -1]) + 1 if patch >= 1 else 0
    if not 2 <= count <= MOST_PATCHES:
        raise ValueError(
            f"patches of {patch} pixels make {count} of a picture; a game has 2 to {MOST_PATCHES}."
        )
    if not 0.3 <= threshold <= 0.95:
        raise ValueError(f"the threshold is a probability from 0.3 to 0.95, not {threshold}.")
    for name in {RANDOM, CLICKS} & set(maps):
        raise ValueError(f"a map cannot be called {name!r}: that is an order of its own.")
