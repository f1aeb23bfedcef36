"""A picture whose parts can be read and chosen: tiles, patches, thumbnails, rows of a table.

The pointer or the arrow keys read a part, a click or Enter chooses it. Its picture is a core
widget, so that it stands where this module's JavaScript cannot be loaded.
"""

import itertools
from collections.abc import Sequence
from pathlib import Path

import anywidget
import ipywidgets as W
import traitlets
from matplotlib.figure import Figure

from . import plot
from .errors import integer, whole

# The layout of a box whose children lie one over the other, and theirs.
ONE_COLUMN = {"grid_template_columns": "minmax(0, 1fr)"}
OVER = {"grid_area": "1 / 1 / 2 / 2", "margin": "0"}
PARTS = "Parts: boxes=(rows, columns), [(left, top, width, height), …], or a Figure's pictures"


class Page(anywidget.AnyWidget):
    """What the page adds to core widgets: names for screen readers, and parts of a picture.

    alts: what is said of each picture in the box around. The parts of a picture of `size` have
    boxes, (left, top, width, height) in its pixels, and words; value is the number of one.
    """

    _esm = Path(__file__).with_suffix(".js").read_text(encoding="utf-8")
    alts, size, boxes, words = (traitlets.List().tag(sync=True) for _ in range(4))
    value = traitlets.Int().tag(sync=True)


def hidden(*children: W.Widget) -> W.Box:
    """A box that is not seen, nor is what a page may say of a widget that it cannot load."""
    return W.Box(children, layout={"display": "none"})


class clickable(W.GridBox):
    """A picture to click; its value is the number of the part that is chosen.

    words: what is read of each part, one line each. boxes: where the parts lie, (left, top, width,
    height) in pixels of the picture; or (rows, columns) of an even grid; None: each picture of a
    figure that plot has made, each tile of a mosaic. alt: what the picture shows.
    """

    value = traitlets.Int()
    min = 0

    def __init__(self, picture, words: Sequence[str], boxes=None, start: int = 0, alt="parts"):
        encoded = plot.png(picture)
        size = width, height = size_of(encoded)
        if boxes is None:
            boxes = _own_boxes(picture)
        elif len(boxes) == 2 and None not in map(integer, boxes):
            boxes = _even_grid(*boxes, width, height)
        if not len(words) == len(boxes) > 0:
            raise ValueError(f"{len(boxes)} parts, {len(words)} words: give one each. {PARTS}.")
        self.max = len(boxes) - 1
        start = whole("start", start, 0, self.max)
        self.image = W.Image(value=encoded, layout={**OVER, "width": "100%"})
        boxes = [list(map(float, box)) for box in boxes]
        self.page = Page(alts=[alt], size=size, boxes=boxes, words=list(words), value=start)
        shape = {**ONE_COLUMN, "flex": f"{width} 1 380px", "max_width": fit(*size)}
        super().__init__([self.image, self.page], value=start, layout=shape)
        self.add_class("cv-box")
        traitlets.link((self, "value"), (self.page, "value"))

    @traitlets.validate("value")
    def _one_of_the_parts(self, proposal) -> int:
        return whole("value", proposal.value, 0, self.max)

    def take(self, fresh: "clickable") -> None:
        """Become a fresh one; the choice stays where it can."""
        page, self.max = fresh.page, fresh.max
        self.image.value, self.layout.max_width = fresh.image.value, fresh.layout.max_width
        with self.page.hold_sync():
            self.value = self.value if self.value <= fresh.max else fresh.value
            for name in ("alts", "size", "boxes", "words"):
                setattr(self.page, name, getattr(page, name))


def size_of(encoded: bytes) -> tuple[int, int]:
    """The width and height that PNG bytes tell."""
    return int.from_bytes(encoded[16:20], "big"), int.from_bytes(encoded[20:24], "big")


def fit(width: int, height: int) -> str:
    """How wide a page shows a picture: up to twice its size, if that leaves room for controls."""
    return f"min(100%, {2 * width}px, max({width}px, {64 * width / height:.1f}vh))"


def _even_grid(rows: int, columns: int, width: int, height: int) -> list[tuple]:
    across, down = width / max(columns, 1), height / max(rows, 1)
    cells = itertools.product(range(rows), range(columns))
    return [(column * across, row * down, across, down) for row, column in cells]


def _own_boxes(figure: Figure | object) -> list[tuple]:
    """The parts of a figure that has been drawn: those that its axes name, or their pictures."""
    boxes = []
    for axes in (axes for axes in getattr(figure, "axes", ()) if axes.get_images()):
        left, right, bottom, top = axes.get_images()[0].get_extent()
        whole_picture = [(left, top, right - left, bottom - top)]
        for x, y, width, height in getattr(axes, "parts", whole_picture):
            ends = axes.transData.transform([(x, y), (x + width, y + height)])
            (x0, y0), (x1, y1) = ends * (1, -1) + (0, figure.bbox.height)
            boxes.append((x0, y0, x1 - x0, y1 - y0))
    return boxes
