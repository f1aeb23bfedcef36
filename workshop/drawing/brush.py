"""A sketch is a list of shapes in its own coordinates, painted when it is placed on a page.

Shapes are cut four times finer than the picture and averaged, so edges are soft and the coverage of
a sketch is known exactly. All painting is integer arithmetic: a seed gives the same bytes on every
machine. (OpenCV 4 and OpenCV 5 round the edges of polygons differently, which moves an outline by
less than a pixel.)
"""

import colorsys
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import Generator

SIZE = 128  # the side of a picture, pixels
FINE = 4  # shapes are cut this many times finer than the picture
SHIFT = 4  # binary digits of sub-pixel precision

Colour = tuple[int, int, int]

INK = (38, 34, 44)
WHITE = (246, 243, 234)
PALETTE: list[Colour] = [
    (214, 62, 54),
    (232, 112, 70),
    (240, 164, 66),
    (245, 206, 92),
    (160, 178, 78),
    (84, 146, 88),
    (44, 110, 98),
    (64, 158, 166),
    (74, 130, 190),
    (52, 72, 128),
    (112, 86, 156),
    (190, 98, 150),
    (236, 158, 162),
    (146, 94, 66),
    (206, 170, 128),
    (236, 226, 204),
    (120, 124, 130),
    (58, 58, 68),
]


class Mark(NamedTuple):
    """One action: fill the polygons, draw the lines, or (points is None) light the part so far."""

    points: np.ndarray | None  # (shapes, corners, 2)
    colour: Colour = INK
    width: float = 0.0  # of a line; 0 fills
    inside: bool = False  # paint only where the current part already is
    relief: float = 0.0  # how round the light makes the part
    grain: float = 0.0  # how rough its surface is


class Layer(NamedTuple):
    """A painted sketch: colours times coverage (128, 128, 3), coverage (128, 128), uint8."""

    colour: np.ndarray
    alpha: np.ndarray


class Sketch:
    """Shapes in drawing order, about one unit around the origin, y pointing down."""

    def __init__(self) -> None:
        self.marks: list[Mark] = []

    def fill(self, points, colour: Colour, inside: bool = False) -> None:
        """Fill a polygon (corners, 2), or many of equal length (shapes, corners, 2)."""
        points = np.asarray(points, float)
        self.marks.append(Mark(points if points.ndim == 3 else points[None], colour, inside=inside))

    def line(self, points, colour: Colour, width: float = 0.03, inside: bool = False) -> None:
        """Draw a line through points (corners, 2), or many lines (shapes, corners, 2)."""
        points = np.asarray(points, float)
        self.marks.append(Mark(points if points.ndim == 3 else points[None], colour, width, inside))

    def oval(self, x, y, rx, ry=None, colour: Colour = INK, turn=0.0, inside: bool = False) -> None:
        """Fill an ellipse with these radii (one radius: a circle), turned by so many radians."""
        self.fill(oval(x, y, rx, rx if ry is None else ry, turn), colour, inside)

    def light(self, relief: float = 1.0, grain: float = 0.0) -> None:
        """Finish a part: everything since the last call is lit together as one rounded body."""
        self.marks.append(Mark(None, relief=relief, grain=grain))

    def add(self, other: "Sketch", scale=1.0, x=0.0, y=0.0, turn=0.0, mirror=False) -> None:
        """Put another sketch into this one."""
        matrix, offset = placed(scale, x, y, turn, mirror)
        for mark in other.marks:
            points = mark.points if mark.points is None else mark.points @ matrix + offset
            self.marks.append(mark._replace(points=points, width=mark.width * scale))

    def box(self) -> tuple[np.ndarray, np.ndarray]:
        """The smallest and the largest coordinates, (2,) each."""
        shapes = [mark.points.reshape(-1, 2) for mark in self.marks if mark.points is not None]
        corners = np.concatenate(shapes)
        return corners.min(0), corners.max(0)


# --- shapes ---------------------------------------------------------------------------------------

_CIRCLE = np.stack([np.cos(np.arange(28) * np.pi / 14), np.sin(np.arange(28) * np.pi / 14)], 1)
_STEPS = (np.arange(5) / 5)[:, None] ** np.arange(4)  # (steps, powers)
_CATMULL_ROM = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
_SPLINE = _STEPS @ _CATMULL_ROM  # (steps, 4 control points)


def placed(scale=1.0, x=0.0, y=0.0, turn=0.0, mirror=False) -> tuple[np.ndarray, np.ndarray]:
    """Matrix and offset of `points @ matrix + offset`: mirror, turn (radians), scale, then move."""
    cosine, sine = np.cos(turn) * scale, np.sin(turn) * scale
    matrix = np.array([[cosine, sine], [-sine, cosine]])
    return (matrix * [[-1], [1]] if mirror else matrix), np.array([x, y], float)


def oval(x, y, rx, ry, turn=0.0) -> np.ndarray:
    """The corners (28, 2) of an ellipse."""
    matrix, offset = placed(1.0, x, y, turn)
    return (_CIRCLE * [rx, ry]) @ matrix + offset


def smooth(points) -> np.ndarray:
    """A closed curve through the points (Catmull–Rom spline)."""
    points = np.asarray(points, float)
    four = np.stack([np.roll(points, shift, 0) for shift in (1, 0, -1, -2)])  # (4, corners, 2)
    return np.einsum("sk,kcd->csd", _SPLINE, four).reshape(-1, 2)


def curve(points) -> np.ndarray:
    """An open curve through the points."""
    points = np.asarray(points, float)
    ends = np.concatenate([points[:1], points, points[-1:]])
    four = np.stack([ends[k : len(ends) - 3 + k] for k in range(4)])
    return np.concatenate([np.einsum("sk,kcd->csd", _SPLINE, four).reshape(-1, 2), points[-1:]])


def both_sides(points) -> np.ndarray:
    """The outline whose right half is given from top to bottom, closed by its mirror image."""
    points = np.asarray(points, float)
    return np.concatenate([points, points[::-1] * [-1, 1]])


def scatter(rng: Generator, count: int, low=(-1, -1), high=(1, 1)) -> np.ndarray:
    """Random positions (count, 2) in a box."""
    return rng.uniform(low, high, (count, 2))


def dots(centers, radius, squash=1.0) -> np.ndarray:
    """Small ovals (count, 14, 2) at the centers; one radius or one for each."""
    radius = np.broadcast_to(radius, len(centers))[:, None, None]
    return np.asarray(centers)[:, None] + _CIRCLE[::2] * radius * [1, squash]


def in_rows(shape, low, high, step) -> np.ndarray:
    """Copies (count, corners, 2) of a shape in staggered rows that fill a box: scales, bricks."""
    x, y = np.meshgrid(np.arange(low[0], high[0], step[0]), np.arange(low[1], high[1], step[1]))
    x[::2] += step[0] / 2
    return np.stack([x, y], -1).reshape(-1, 1, 2) + np.asarray(shape, float)


# --- colours --------------------------------------------------------------------------------------


def mix(one: Colour, other: Colour, share: float) -> Colour:
    """The colour that holds this share of the other one."""
    return tuple(round(a + (b - a) * share) for a, b in zip(one, other, strict=True))


def darker(colour: Colour, share: float = 0.3) -> Colour:
    """Mixed with the colour of shadows."""
    return mix(colour, (24, 20, 40), share)


def lighter(colour: Colour, share: float = 0.3) -> Colour:
    """Mixed with the colour of sunlight."""
    return mix(colour, (255, 250, 235), share)


def vary(rng: Generator, colour: Colour, amount: float = 1.0) -> Colour:
    """The same colour, a little to the side in hue, saturation and brightness."""
    hue, saturation, value = colorsys.rgb_to_hsv(*(part / 255 for part in colour))
    hue += amount * rng.uniform(-0.03, 0.03)
    saturation = min(1, saturation * (1 + amount * rng.uniform(-0.25, 0.2)))
    value = min(1, value * (1 + amount * rng.uniform(-0.18, 0.12)))
    return tuple(round(255 * part) for part in colorsys.hsv_to_rgb(hue % 1, saturation, value))


def pick(rng: Generator, colours: list[Colour] = PALETTE) -> Colour:
    """Any colour of the palette, varied."""
    return vary(rng, colours[rng.integers(len(colours))])


def chance(rng: Generator, share: float) -> bool:
    """True in this share of the cases."""
    return bool(rng.random() < share)


# --- painting -------------------------------------------------------------------------------------


def mottle(rng: Generator, cells: int) -> np.ndarray:
    """Smooth random values (128, 128) int16 in -128..127, about `cells` bumps to a side."""
    coarse = rng.integers(0, 256, (cells, cells), np.uint8)
    return (
        cv2.resize(coarse, (SIZE, SIZE), interpolation=cv2.INTER_LINEAR_EXACT).astype(np.int16)
        - 128
    )


def grain(rng: Generator) -> np.ndarray:
    """The roughness of paper and fur (128, 128) int16: two sizes of mottle and fine noise."""
    fine = rng.integers(-128, 128, (SIZE, SIZE), np.int16)
    return (mottle(rng, 24) + mottle(rng, 60) + fine) // 3


def _paint(canvas, mark: Mark, points: np.ndarray, scale: float, part: int) -> None:
    colour = (*mark.colour, part)
    width = max(1, round(mark.width * scale))

    def draw(target, shapes, value):
        if mark.width:
            cv2.polylines(target, list(shapes), False, value, width, shift=SHIFT)
        else:
            for shape in shapes:
                cv2.fillPoly(target, [shape], value, shift=SHIFT)

    if not mark.inside:
        return draw(canvas, points, colour)
    flat = points.reshape(-1, 2) >> SHIFT
    low = np.clip(flat.min(0) - width, 0, len(canvas))
    high = np.clip(flat.max(0) + width + 2, 0, len(canvas))
    if (high <= low).any():
        return None
    patch = np.zeros((high - low)[::-1], np.uint8)
    draw(patch, points - (low.astype(np.int32) << SHIFT), 255)
    region = canvas[low[1] : high[1], low[0] : high[0]]
    region[(patch > 0) & (region[..., 3] == part)] = colour


def _relief(cover: np.ndarray, mark: Mark, sun, rough) -> np.ndarray:
    """Brightness (256 is neutral) of a part as a round body, as high as its blurred coverage."""
    bright = 262 + (rough * round(256 * mark.grain) >> 8)
    if mark.relief:
        extent = min(np.count_nonzero(cover.any(0)), np.count_nonzero(cover.any(1)))
        sigma = max(1, round(extent / 6))
        height = cv2.GaussianBlur(cover, (0, 0), sigma, borderType=cv2.BORDER_CONSTANT).astype(
            np.int32
        )
        slope_x, slope_y = np.zeros_like(height), np.zeros_like(height)
        slope_x[:, 1:-1] = height[:, 2:] - height[:, :-2]
        slope_y[1:-1] = height[2:] - height[:-2]
        bright = bright - (
            (slope_x * sun[0] + slope_y * sun[1]) * round(mark.relief * 64 * sigma) >> 14
        )
    return np.clip(bright, 90, 360).astype(np.int32)


def _light(bright, canvas, part: int, extent, mark: Mark, sun, rough, fine: int) -> None:
    """Change the brightness (128, 128) where the part lies, within its extent (low, high)."""
    low, high = np.clip(extent[0] - 2, 0, SIZE), np.clip(extent[1] + 3, 0, SIZE)
    if (high - low < 2).any():
        return
    here = slice(low[1], high[1]), slice(low[0], high[0])
    finer = slice(low[1] * fine, high[1] * fine), slice(low[0] * fine, high[0] * fine)
    cover = _average((canvas[finer][..., 3] == part).view(np.uint8) * 255, fine)
    lit = _relief(cover, mark, sun, 0 if rough is None else rough[here])
    bright[here] += (lit - bright[here]) * cover // 255


def render(sketch: Sketch, place, sun=(-20, -24), rough=None, fine: int = FINE) -> Layer:
    """Paint a sketch where `place` (matrix, offset: sketch units -> pixels) puts it.

    sun: where the light comes from, integers of length about 32. rough: see `grain`. fine 1: flat
    and quick.
    """
    canvas = np.zeros(
        (SIZE * fine, SIZE * fine, 4), np.uint8
    )  # red, green, blue, number of the part
    bright = np.full((SIZE, SIZE), 256, np.int32)
    matrix, offset = place
    scale = float(np.hypot(*matrix[0])) * fine
    part, corners = 1, []
    for mark in sketch.marks:
        if mark.points is not None:
            points = np.rint((mark.points @ matrix + offset) * (fine << SHIFT)).astype(np.int32)
            _paint(canvas, mark, points, scale, part)
            if not mark.inside:
                spread = round(mark.width * scale) << SHIFT
                corners += [points.min((0, 1)) - spread, points.max((0, 1)) + spread]
            continue
        if corners and fine > 1:
            extent = np.min(corners, 0) // (fine << SHIFT), np.max(corners, 0) // (fine << SHIFT)
            _light(bright, canvas, part, extent, mark, sun, rough, fine)
        part, corners = min(part + 1, 255), []
    alpha = _average((canvas[..., 3] > 0).view(np.uint8) * 255, fine)
    colour = _average(canvas, fine)[..., :3]
    return Layer(np.minimum(colour * bright[..., None] >> 8, 255).astype(np.uint8), alpha)


def _average(fine_picture: np.ndarray, fine: int) -> np.ndarray:
    height, width = (side // fine for side in fine_picture.shape[:2])
    return cv2.resize(fine_picture, (width, height), interpolation=cv2.INTER_AREA)


def over(page: np.ndarray, layer: Layer) -> np.ndarray:
    """The page (128, 128, 3) uint8 with a layer laid on it."""
    through = page.astype(np.uint16) * (255 - layer.alpha.astype(np.uint16))[..., None]
    return np.minimum((through + 127) // 255 + layer.colour, 255).astype(np.uint8)


def shadow(
    page: np.ndarray, alpha: np.ndarray, right: int, down: int, depth: int, soft: float
) -> np.ndarray:
    """The page darkened by the soft shadow of a layer, moved right and down; depth 0–255."""
    moved = np.zeros_like(alpha)
    rows, columns = SIZE - abs(down), SIZE - abs(right)
    to = slice(max(down, 0), max(down, 0) + rows), slice(max(right, 0), max(right, 0) + columns)
    of = slice(max(-down, 0), max(-down, 0) + rows), slice(max(-right, 0), max(-right, 0) + columns)
    moved[to] = alpha[of]
    dark = cv2.GaussianBlur(moved, (0, 0), soft).astype(np.uint16) * depth // 255
    return (page * (255 - dark)[..., None] // 255).astype(np.uint8)


def tint(layer: Layer, colour: Colour) -> Layer:
    """The layer in coloured light: 255 leaves a channel as it is."""
    return layer._replace(
        colour=(layer.colour * np.array(colour, np.uint16) // 255).astype(np.uint8)
    )
