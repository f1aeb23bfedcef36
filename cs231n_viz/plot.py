"""Arrays -> figures: each function builds a matplotlib Figure in one quiet style; `show` shows it.

Never pyplot, so nothing global is drawn on. Rows of pictures are laid out to the pixel, so that the
picture under a slider keeps its size. As everywhere, tensors are (C, H, W), arrays (H, W, C), or
batches of those. Where a figure is one picture of many, `axes.parts` says where each of them lies,
(left, top, width, height) in the units of the axes.
"""

import base64
import html
import io
import math
import textwrap
import threading
from collections.abc import Mapping, Sequence
from contextlib import contextmanager

import cv2
import matplotlib
import numpy as np
import torch
from cycler import cycler
from IPython.display import display
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator, NullFormatter
from PIL import Image, ImageDraw, ImageOps

from . import images
from .errors import known

INK, QUIET, PALE = "#22303c", "#6b7783", "#eceff2"
BLUE, ORANGE, GREEN, PURPLE = "#3377aa", "#dd7a2f", "#4f9268", "#55257f"
DPI = 100
# In pixels: the widest figure, the gap between panels, a colour bar with its words.
WIDTH, GAP, BAR = 900, 14, 128
Names = Sequence[str] | None
# Never colour alone: lines also differ in stroke, and groups of dots in shape.
DOTS = tuple(zip("oDs^v", (BLUE, ORANGE, QUIET, GREEN, PURPLE), strict=True))
# fmt: off
STYLE = {
    "figure.dpi": DPI, "savefig.dpi": DPI, "figure.facecolor": "white", "font.size": 13,
    "text.color": INK, "axes.titlesize": 14, "axes.titlelocation": "left", "axes.titlepad": 9,
    "axes.labelcolor": INK, "axes.spines.top": False, "axes.spines.right": False,
    "axes.edgecolor": QUIET, "axes.linewidth": 0.8, "xtick.color": QUIET, "ytick.color": QUIET,
    "xtick.labelcolor": INK, "ytick.labelcolor": INK, "grid.color": PALE, "axes.axisbelow": True,
    "legend.frameon": False, "legend.handlelength": 2.6, "lines.linewidth": 2.2,
    "axes.prop_cycle": cycler(color=(BLUE, ORANGE, GREEN, PURPLE), ls=("-", "--", "-.", ":")),
}
# fmt: on
_DRAWING = threading.RLock()  # all threads share matplotlib's settings and fonts


@contextmanager
def _styled():
    with _DRAWING, matplotlib.rc_context(STYLE):
        yield


# --- pictures -------------------------------------------------------------------------------------


def image_row(pictures, titles: Names = None, side: int | None = None) -> Figure:
    """Pictures side by side, each under its title."""
    return image_grid(pictures, titles, columns=len(_each(pictures)), side=side)


@_styled()
def image_grid(pictures, titles: Names = None, columns=None, row_names=None, side=None) -> Figure:
    """Pictures in rows of `columns`, `side` pixels wide, under titles and beside names of rows."""
    pictures = [_picture(picture) for picture in _each(pictures)]
    columns = columns or min(len(pictures), 5)
    margin = 26 + 11 * max(map(len, row_names)) if row_names else 0
    side = side or min(320, (WIDTH - margin) // columns - GAP)
    if side >= 3 * pictures[0].width:
        side -= side % pictures[0].width  # small pictures in whole blocks
    height = round(side * min(1.5, max(picture.height / picture.width for picture in pictures)))
    figure, panels, _ = _panels(len(pictures), columns, side, height, titles, margin)
    for axes, picture in zip(panels, pictures, strict=True):
        _draw(axes, picture, side)
    for axes, name in zip(panels[::columns], row_names or (), strict=False):
        axes.text(-12 / side, 0.5, name, transform=axes.transAxes, ha="right", va="center")
    return figure


def before_after(before, after, names=("before", "after"), titles: Names = None) -> Figure:
    """Pairs in columns: each picture `before` above its picture `after`."""
    before, after = _each(before), _each(after)
    return image_grid(before + after, titles, columns=len(before), row_names=names)


def mosaic(tiles, columns=None, gap: int = 1, scale: str | None = "each") -> np.ndarray:
    """Many small pictures as one array (H, W, 3) in [0, 1], on white, `gap` pixels apart.

    tiles: array (K, h, w, 3) or (K, h, w), tensor (K, 3, h, w) or (K, h, w). scale: "each"
    stretches every tile to [0, 1], "shared" all by one rule, None none.
    """
    return _side_by_side(_tiles(tiles, scale), columns, gap, gap)[gap:]


@_styled()
def tile_figure(tiles, columns=None, scale="each", labels: Names = None, highlight=()) -> Figure:
    """Tiles as one labelled mosaic, as large as fits; `highlight`: the tile or tiles to frame."""
    tiles = _tiles(tiles, scale)
    columns, frames = columns or _columns(len(tiles)), np.atleast_1d(highlight).astype(int)
    beside, side = 8 if len(frames) else 4, tiles.shape[2]
    zoom = max(1, min((WIDTH // columns - beside) // side, math.ceil(140 / side)))
    tiles = tiles.repeat(zoom, axis=1).repeat(zoom, axis=2)
    height, width = tiles.shape[1:3]
    size = np.clip(1.15 * width / max(map(len, labels)), 7, 12) if labels else 0  # points
    above = round(size * 2) + beside - 4 if labels else beside
    picture = _picture(_side_by_side(tiles, columns, above, beside))
    figure, (axes,), _ = _panels(1, 1, picture.width + 6, picture.height + 6)
    axes.imshow(picture, interpolation="nearest", extent=(0, picture.width, picture.height, 0))
    axes.set(xlim=(-3, picture.width + 3), ylim=(picture.height + 3, -3))
    axes.parts = []
    for index in range(len(tiles)):
        left, top = index % columns * (width + beside), above + index // columns * (height + above)
        axes.parts.append((left, top, width, height))
        if labels:
            axes.text(left, top - 4, labels[index], size=size, va="bottom")
        if index in frames:
            frame = (left - 2, top - 2), width + 3, height + 3
            axes.add_patch(Rectangle(*frame, fill=False, ec=ORANGE, lw=3))
    return figure


@_styled()
def scatter_images(pictures, positions, title=None, side: int = 44, names=None) -> Figure:
    """Pictures at positions (N, 2) in the plane, as (x, y), y upwards.

    A list of positions makes as many maps side by side, and `title` is then a list, too. Both axes
    of a map have one scale, so that what is round stays round.
    `names`: a dictionary name -> indices; each name is written in the middle of its pictures.
    """
    maps = positions if np.ndim(positions[0]) == 2 else [positions]
    titles, width = [title] if isinstance(title, str) else title, (WIDTH + GAP) // len(maps) - GAP
    height = width * 3 // 4 if len(maps) == 1 else width
    pictures = [_picture(each).resize((side, side), Image.LANCZOS) for each in _each(pictures)]
    figure, panels, _ = _panels(len(maps), len(maps), width, height, titles)
    for axes, points in zip(panels, map(_numbers, maps), strict=True):
        room, span = np.array((width - side, height - side)), np.ptp(points, axis=0)
        scale = min(room / np.maximum(span, 1e-9))  # pixels a unit
        corners = (points - points.min(0) - span / 2) * (scale, -scale) + room / 2  # y downwards
        canvas = Image.new("RGB", (width, height), "white")
        for picture, corner in zip(pictures, corners.round().astype(int).tolist(), strict=True):
            canvas.paste(picture, tuple(corner))
        axes.imshow(canvas)
        axes.parts = [(x - 0.5, y - 0.5, side, side) for x, y in corners]
        groups = (names or {}).items()
        _write(axes, [(name, corners[own] + side / 2) for name, own in groups], width)
    return figure


@_styled()
def picture_map(tiles, cells, columns: int, labels, names: Names = None) -> Figure:
    """Tiles (N, 3, s, s) in cells of a grid, row by row, with borders between unlike labels (N,).

    Each label's name is written in the middle of its tiles.
    """
    tiles, cells, labels = _tiles(tiles, None), np.asarray(cells), np.asarray(labels)
    side, rows = tiles.shape[1], -(-int(cells.max() + 1) // columns)
    spread, kinds = np.ones((rows * columns, side, side, 3)), np.full(rows * columns, -1)
    spread[cells], kinds[cells] = tiles, labels
    figure, (axes,), _ = _panels(1, 1, columns * side, rows * side)
    axes.imshow(mosaic(spread, columns, gap=0, scale=None), interpolation="nearest")
    axes.parts = [(n % columns * side - 0.5, n // columns * side - 0.5, side, side) for n in cells]
    kinds = kinds.reshape(rows, columns)
    lines = [((x + 1, y), (x + 1, y + 1)) for y, x in np.argwhere(np.diff(kinds, axis=1))]
    lines += [((x, y + 1), (x + 1, y + 1)) for y, x in np.argwhere(np.diff(kinds, axis=0))]
    lines = np.array(lines).reshape(-1, 2, 2) * side - 0.5
    axes.add_collection(LineCollection(lines, colors="white", lw=3.2, capstyle="projecting"))
    own = [(np.argwhere(kinds == label)[:, ::-1] + 0.5) * side for label in range(len(names or ()))]
    _write(axes, zip(names or (), own, strict=True), columns * side)
    return figure


# --- maps -----------------------------------------------------------------------------------------


@_styled()
def value_maps(maps, titles=None, label="", signed=True, columns=None, side=None) -> Figure:
    """Maps (K, H, W), or a list of (H, W), on one scale: coolwarm around 0 if signed, or magma."""
    maps = [_map(values) for values in (maps if np.ndim(maps[0]) > 1 else [maps])]
    columns = columns or min(len(maps), 4)
    side = side or min(320, (WIDTH - BAR) // columns - GAP)
    height = round(side * max(values.shape[0] / values.shape[1] for values in maps))
    figure, panels, bar = _panels(len(maps), columns, side, height, titles, bar=BAR)
    colors = _colors(maps, signed)
    for axes, values in zip(panels, maps, strict=True):
        axes.imshow(values, interpolation="nearest", **colors)
    _color_bar(figure, panels[0], bar, label)
    return figure


@_styled()
def heatmap_over(picture, heat, titles=None, label="", signed=False, alone=False) -> Figure:
    """A picture, and a map (h, w) of any size over its grey copy; `label` is the colour bar's.

    alone: without the picture itself on the left.
    """
    picture, heat, side = _picture(picture), _map(heat), 360
    height = round(side * picture.height / picture.width)
    count = 1 if alone else 2
    figure, panels, bar = _panels(count, count, side, height, titles, bar=BAR)
    _draw(panels[0], picture, side)
    right = panels[-1]
    _draw(right, picture.convert("L").convert("RGB"), side)
    over = {"alpha": 0.6, "extent": right.get_images()[0].get_extent(), "interpolation": "nearest"}
    right.imshow(heat, **over, **_colors([heat], signed))
    _color_bar(figure, right, bar, label)
    return figure


def colored(values, signed: bool = True) -> np.ndarray:
    """A map (h, w) as a picture (h, w, 3) in the course's colours, to stand beside pictures."""
    values = _map(values)
    rgba = matplotlib.cm.ScalarMappable(**_colors([values], signed)).to_rgba(values)
    return rgba[..., :3].astype(np.float32)


def framed(picture, box: tuple[int, int, int, int], zoom: int = 4) -> Image.Image:
    """A picture, enlarged, with a frame around box = (top, left, bottom, right) in its pixels."""
    picture = ImageOps.scale(_picture(picture), zoom, Image.BICUBIC)
    top, left, bottom, right = (zoom * edge for edge in box)
    frame = left - zoom, top - zoom, right, bottom
    ImageDraw.Draw(picture).rectangle(frame, outline=ORANGE, width=zoom)
    return picture


# --- charts: each takes a picture to stand on its left --------------------------------------------


@_styled()
def bars(labels, values, title="", number="{:.0%}", strong=0, picture=None) -> Figure:
    """Bars with their values written out, the `strong` one dark; percentages are shown of 100 %."""
    values, rows = _numbers(values), np.arange(len(values))
    figure, axes = _chart(title, "", "", picture, height=0.9 + 0.55 * len(values))
    most = 1.0 if "%" in number else abs(values).max() or 1.0
    if "%" in number:
        axes.barh(rows, most, 0.62, color=PALE)
    axes.barh(rows, values, 0.62, color=[BLUE if row == strong else "#9dbdd4" for row in rows])
    for row, value in zip(rows, values, strict=True):
        end = max(value, 0) + 0.015 * most
        axes.text(end, row, number.format(value), va="center", weight="bold")
    axes.set(yticks=rows, yticklabels=labels, frame_on=False)
    axes.set(xlim=(min(0, values.min()), most * 1.12), ylim=(len(values) - 0.5, -0.5), xticks=[])
    axes.tick_params(length=0)
    return figure


@_styled()
def curve(values, x=None, title="", xlabel="", ylabel="", picture=None) -> Figure:
    """One line, or a dictionary of named lines; x counts from 0 unless it is given."""
    figure, axes = _chart(title, xlabel, ylabel, picture)
    lines = values if isinstance(values, Mapping) else {"": values}
    for name, line in lines.items():
        axes.plot(np.arange(len(line)) if x is None else _numbers(x), _numbers(line), label=name)
    axes.grid(axis="y")
    axes.xaxis.set_major_locator(MaxNLocator(7, integer=x is None, steps=[1, 2, 5, 10]))
    if len(lines) > 1:
        axes.legend()
    return figure


@_styled()
def intervals(panels: Mapping, rows: Names, log=(), sideways=False, marks=None) -> Figure:
    """Numbers with their ranges: panels side by side, in each for every row a dot for every line.

    panels: {title: {line: an Interval, or None, for each row}}; a line "hollow" is rings without
    ranges. Rows stand along the bottom; sideways they are named on the left, once for all panels,
    and scales begin at 0 or below. log: titles of panels with a logarithmic scale. marks: {title:
    where to draw a dotted line}.
    """
    size = WIDTH / DPI, 1.75 + 0.31 * len(rows) if sideways else 4.6
    figure = Figure(figsize=size, dpi=DPI, layout="constrained")
    several = figure.subplots(1, len(panels), sharey=sideways, squeeze=False)[0]
    for axes, (title, lines) in zip(several, panels.items(), strict=True):
        axes.set_title(title, size=11 if sideways else 13)
        _draw_intervals(axes, lines, sideways)
        if title in (marks or {}):
            mark = axes.axvline if sideways else axes.axhline
            mark(marks[title], color=QUIET, linestyle=":", lw=1, zorder=0)
        scale, names = (axes.xaxis, axes.yaxis) if sideways else (axes.yaxis, axes.xaxis)
        if title in log:
            (axes.set_xscale if sideways else axes.set_yscale)("log")
            scale.set_major_formatter("{x:g}")
            scale.set_minor_formatter(NullFormatter())
        elif sideways:
            axes.set_xlim(left=min(0, axes.get_xlim()[0]))
            axes.xaxis.set_major_locator(MaxNLocator(3, steps=[1, 2, 5, 10]))
        names.set_ticks(range(len(rows)), rows, size=11 if sideways else 10)
        names.set_tick_params(length=0)
        scale.set_tick_params(labelsize=10 if sideways else 13)
    if sideways:
        several[0].set_ylim(len(rows) - 0.4, -0.6)
        lines = several[0].get_legend_handles_labels()
        figure.legend(*lines, loc="outside lower center", ncols=5, fontsize=11, handlelength=1)
    return figure


def _draw_intervals(axes, lines: Mapping, sideways: bool) -> None:
    size = 5 if sideways else 7
    for number, (name, found) in enumerate(lines.items()):
        marker, color = DOTS[number % len(DOTS)]
        kept = [(row, *one) for row, one in enumerate(found) if one is not None]
        at, value, low, high = np.array(kept).reshape(-1, 4).T
        at = at if sideways else at + 0.13 * (number - (len(lines) - 1) / 2)
        dots = (value, at) if sideways else (at, value)
        if name == "hollow":
            axes.plot(*dots, "o", mfc="none", mec=QUIET, ms=size)
        else:
            (axes.hlines if sideways else axes.vlines)(at, low, high, color=color, lw=2, alpha=0.6)
            axes.plot(*dots, marker, color=color, ms=size, label=name)
    axes.grid(axis="both" if sideways else "y")
    if not sideways:
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.09)}
        axes.legend(**below, fontsize=10, handlelength=1, labelspacing=0.3)


@_styled()
def scatter(x, y, title="", xlabel="", ylabel="", colors=None) -> Figure:
    """Points; `colors`: one for each, or a dictionary name -> indices, a marker for each name."""
    figure, axes = _chart(title, xlabel, ylabel)
    x, y = _numbers(x), _numbers(y)
    if isinstance(colors, Mapping):
        for (name, chosen), marker in zip(colors.items(), "osD^vP*X<>" * 5, strict=False):
            axes.plot(x[chosen], y[chosen], marker, ms=7, alpha=0.8, label=name)
        axes.legend()
    else:
        axes.scatter(x, y, c=BLUE if colors is None else colors, s=46, ec="white", lw=0.6)
    axes.grid()
    return figure


# --- showing --------------------------------------------------------------------------------------


@_styled()
def png(drawing) -> bytes:
    """A figure or a picture as PNG bytes, quickly and without loss."""
    return _encoded(_flat(drawing), "PNG", compress_level=1)


@_styled()
def compact(drawing, exact: bool = False, quality: int = 80) -> tuple[str, bytes]:
    """(MIME type, bytes) to keep in a page: PNG if it is exact or hardly larger than JPEG.

    So charts become PNG, and photographs JPEG, which keeps colours at full resolution (4:4:4).
    """
    picture = _flat(drawing)
    lossless, jpeg = _encoded(picture, "PNG"), _jpeg(np.asarray(picture), quality)
    small = exact or len(lossless) <= 1.5 * len(jpeg)
    return ("image/png", lossless) if small else ("image/jpeg", jpeg)


def show(drawing, words: str, exact: bool = False) -> None:
    """Display a figure or picture with `words` as alternative text, and print the words.

    exact: stored without loss, where single values are the point.
    """
    kind, encoded = compact(drawing, exact)
    bundle = {kind: base64.b64encode(encoded).decode(), "text/plain": words}
    display(bundle, metadata={kind: {"alt": words}}, raw=True)
    print(words)


def film(pictures, words: str) -> None:
    """Display pictures of one size as a film that begins again, with `words` as in `show`."""
    first, *others = map(_picture, pictures)
    settings = {"save_all": True, "append_images": others, "duration": 125, "loop": 0}
    encoded = _encoded(first, "WEBP", quality=85, **settings)
    display({"text/html": img("image/webp", encoded, words), "text/plain": words}, raw=True)
    print(words)


def img(kind: str, encoded: bytes, words: str) -> str:
    """An HTML element that holds its picture."""
    source = f"data:{kind};base64,{base64.b64encode(encoded).decode()}"
    return f'<img alt="{html.escape(words)}" src="{source}">'


def _flat(drawing) -> Image.Image:
    """A figure, a picture or its encoded bytes as an RGB image."""
    if isinstance(drawing, Figure):
        pixels, size = FigureCanvasAgg(drawing).print_to_buffer()
        drawing = Image.frombytes("RGBA", size, pixels)
    return _picture(Image.open(io.BytesIO(drawing)) if isinstance(drawing, bytes) else drawing)


def _jpeg(picture: np.ndarray, quality: int) -> bytes:
    settings = {"QUALITY": quality, "PROGRESSIVE": 1, "OPTIMIZE": 1}
    settings["SAMPLING_FACTOR"] = cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444
    pairs = [(getattr(cv2, f"IMWRITE_JPEG_{key}"), value) for key, value in settings.items()]
    _, encoded = cv2.imencode(".jpg", picture[..., ::-1], sum(pairs, ()))
    return encoded.tobytes()


def _encoded(picture: Image.Image, kind: str, **settings) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, kind, **settings)
    return buffer.getvalue()


# --- parts ----------------------------------------------------------------------------------------


def _panels(count, columns, width, height, titles=None, margin=0, bar=0):
    """A figure, its axes of width x height pixels under titles, and axes for a colour `bar`."""
    size = 14 if width >= 240 else 11.5  # points
    letters = max(8, int(width / size * 72 / DPI / 0.56))
    titles = [textwrap.wrap(str(title), letters) for title in titles or ()] + [[]] * count  # lines
    rows = [titles[start : start + columns] for start in range(0, count, columns)]
    heads = [round(max(map(len, row)) * size * 1.25 * DPI / 72) for row in rows]
    full_width = margin + columns * (width + GAP) - GAP + bar
    full_height = 8 + sum(heads) + len(rows) * (height + GAP) - GAP + bar // 8
    figure = Figure(figsize=((full_width + 0.01) / DPI, (full_height + 0.01) / DPI), dpi=DPI)

    def add_axes(left, top, width, height):
        left, bottom = left / full_width, 1 - (top + height) / full_height
        return figure.add_axes((left, bottom, width / full_width, height / full_height))

    panels = []
    for index in range(count):
        row, column = divmod(index, columns)
        top = 4 + sum(heads[: row + 1]) + row * (height + GAP)
        panels.append(add_axes(margin + column * (width + GAP), top, width, height))
        panels[-1].set_axis_off()
        panels[-1].set_title("\n".join(titles[index]), size=size, pad=5)
    below = full_height - heads[0] - 8 - bar // 8
    return figure, panels, add_axes(full_width - bar + 18, 4 + heads[0], 16, below) if bar else None


def _side_by_side(tiles: np.ndarray, columns: int | None, above: int, beside: int) -> np.ndarray:
    """Tiles (K, h, w, 3) on white, `above` rows over every one, `beside` columns between them."""
    columns = columns or _columns(len(tiles))
    room = (0, -len(tiles) % columns), (above, 0), (beside, 0), (0, 0)
    tiles = np.pad(tiles, room, constant_values=1)
    height, width = tiles.shape[1:3]
    grid = tiles.reshape(-1, columns, height, width, 3).swapaxes(1, 2)
    return grid.reshape(-1, columns * width, 3)[:, beside:]


def _chart(title, xlabel, ylabel, picture=None, height=3.8):
    """A figure and its axes, with a picture on their left if there is one."""
    figure = Figure(figsize=(WIDTH / DPI, height), dpi=DPI, layout="constrained")
    if picture is None:
        axes = figure.add_subplot()
    else:
        side = height - 0.6  # inches
        beside, axes = figure.subplots(1, 2, width_ratios=(side, WIDTH / DPI - side))
        _draw(beside, _picture(picture), side * DPI)
        beside.set(anchor="C")
        beside.set_axis_off()
    axes.set(title=title, xlabel=xlabel, ylabel=ylabel)
    return figure, axes


def _draw(axes, picture: Image.Image, side: float) -> None:
    """Small pictures in blocks, so that their pixels can be counted; photographs smooth."""
    blocks = side >= 3 * picture.width or side == picture.width
    axes.imshow(picture, interpolation="nearest" if blocks else "hanning")
    axes.set_anchor("NW")


def _write(axes, groups, width: int) -> None:
    """Each (word, positions (N, 2)) in the middle of these, if any, with a white rim, in `width`.

    A word that would lie on another is moved down.
    """
    rim, taken = [withStroke(linewidth=4, foreground="white", alpha=0.9)], []
    placed = [(*np.median(own, axis=0)[::-1], word) for word, own in groups if len(own)]
    for y, x, word in sorted(placed, key=lambda each: each[:2]):  # downwards
        half = 5.6 * len(word)  # about, in pixels
        x = np.clip(x, half, max(width - half, half))
        while any(abs(x - left) < half + other and abs(y - up) < 17 for left, up, other in taken):
            y += 3
        taken.append((x, y, half))
        axes.text(x, y, word, ha="center", va="center", size=12, weight="bold", path_effects=rim)


def _colors(maps, signed) -> dict:
    low, high = min(values.min() for values in maps), max(values.max() for values in maps)
    most = max(-low, high) or 1.0
    if signed:
        return {"cmap": "coolwarm", "norm": Normalize(-most, most)}
    return {"cmap": "magma", "norm": Normalize(low, high if high > low else low + 1)}


def _color_bar(figure, axes, position, label) -> None:
    bar = figure.colorbar(axes.get_images()[-1], cax=position, label=label, ticks=MaxNLocator(5))
    bar.solids.set_alpha(1)
    bar.outline.set_visible(False)


def _columns(count: int) -> int:
    return count if count <= 8 else math.ceil(math.sqrt(count * 2))


def _each(pictures) -> list:
    if isinstance(pictures, torch.Tensor | np.ndarray):
        return list(pictures) if pictures.ndim == 4 else [pictures]
    return [pictures] if isinstance(pictures, Image.Image) else list(pictures)


def _numbers(values) -> np.ndarray:
    values = values.detach().float().cpu() if isinstance(values, torch.Tensor) else values
    return np.asarray(values, dtype=float)


def _picture(picture) -> Image.Image:
    """A PIL image, a tensor or an array as an RGB image; values outside [0, 1] are clipped."""
    if isinstance(picture, np.ndarray) and picture.dtype == np.uint8:
        picture = Image.fromarray(np.ascontiguousarray(picture))
    elif isinstance(picture, np.ndarray):
        picture = torch.tensor(np.atleast_3d(picture)).float().movedim(-1, 0)
    if isinstance(picture, torch.Tensor):
        picture = images.to_picture(picture[None] if picture.ndim == 2 else picture)
    return picture.convert("RGB")


def _tiles(tiles, scale: str | None) -> np.ndarray:
    """(K, h, w, 3) in [0, 1]."""
    tiles = tiles.movedim(1, -1) if isinstance(tiles, torch.Tensor) and tiles.ndim == 4 else tiles
    tiles = _numbers(tiles)
    tiles = tiles[..., None] if tiles.ndim == 3 else tiles  # (K, h, w, 1 or 3)
    if tiles.ndim != 4 or tiles.shape[-1] not in (1, 3) or not tiles.size:
        raise ValueError(f"tiles are (K, h, w[, 3]) with channels last, not {tiles.shape}.")
    known("scale", scale, ("each", "shared", None))
    tiles = torch.from_numpy(tiles.repeat(3 // tiles.shape[-1], axis=-1))
    if scale == "each":
        return torch.stack([images.stretch(tile) for tile in tiles]).numpy()
    return (images.stretch(tiles) if scale else tiles.clamp(0, 1)).numpy()


def _map(values) -> np.ndarray:
    values = _numbers(values)
    if values.ndim != 2 and values.shape[:-2] != (1,):
        raise ValueError(f"a map is (H, W), or (1, H, W); this one is {values.shape}.")
    return values.reshape(values.shape[-2:])
