"""What every hand shares: a canvas with relief, bristle strokes, flow fields, grain, light.

Positions and lengths are in pixels of the finished painting. The canvas is finer (`FINE`), averaged
at the end.
"""

import cv2
import numpy as np
from numpy.random import Generator

SIDE = 512  # the side of a painting, pixels
FINE = 2  # the canvas is this many times finer
SHIFT = 4  # binary digits of sub-pixel precision
WIDE = SIDE * FINE  # the side of the canvas
ROWS, COLUMNS = np.mgrid[0:SIDE, 0:SIDE].astype(np.float32)  # y and x of every pixel
Y, X = (np.mgrid[0:WIDE, 0:WIDE] / FINE).astype(np.float32)  # the same on the canvas


def rgb(*codes: str) -> np.ndarray:
    """Colours (count, 3) in 0–255 from codes like "1f3a93"."""
    return np.array([[int(code[k : k + 2], 16) for k in (0, 2, 4)] for code in codes], np.float32)


# --- fields ---------------------------------------------------------------------------------------


def noise(rng: Generator, cells: float, octaves: int = 1, side: int = SIDE) -> np.ndarray:
    """Smooth values (side, side) about 0, nearly all in -1..1, with `cells` bumps to a side."""
    total = np.zeros((side, side), np.float32)
    for octave in range(octaves):
        count = max(2, round(cells * 2**octave)) + 2
        coarse = rng.uniform(-1, 1, (count, count)).astype(np.float32)
        total += cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC) / 2**octave
    return total / (2 - 0.5 ** (octaves - 1))


def step(values, edge, soft) -> np.ndarray:
    """0 below the edge, 1 above it, with a soft passage this wide."""
    ramp = np.clip((np.asarray(values, np.float32) - edge) / soft + 0.5, 0, 1)
    return ramp * ramp * (3 - 2 * ramp)


def blend(below: np.ndarray, above, share: np.ndarray) -> np.ndarray:
    """A picture (H, W, 3) with a colour or picture laid over it, by a share (H, W) in 0–1."""
    return below + (np.asarray(above, np.float32) - below) * share[..., None]


def ramp(values: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """Values in 0–1 as colours (…, 3) of a ramp with evenly spaced stops."""
    place = np.clip(values, 0, 1) * (len(colours) - 1)
    first = np.minimum(place.astype(int), len(colours) - 2)
    share = (place - first)[..., None]
    return (colours[first] * (1 - share) + colours[first + 1] * share).astype(np.float32)


def at(field: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Values of a field (SIDE, SIDE, …) at positions (…, 2) as x, y; outside, of the edge."""
    column, row = np.clip(np.rint(places), 0, SIDE - 1).astype(int).T
    return field[row.T, column.T]


def paths(angle: np.ndarray, starts: np.ndarray, length: float, points: int = 9) -> np.ndarray:
    """Paths (count, points, 2) that follow a field of angles both ways from their middles."""
    stride, halves = length / (points - 1), []
    for sign in (-1, 1):
        places, half = starts.astype(np.float64), []
        for _ in range(points // 2):
            turn = at(angle, places)
            places = places + sign * stride * np.stack([np.cos(turn), np.sin(turn)], -1)
            half.append(places)
        halves.append(half)
    return np.stack([*halves[0][::-1], starts, *halves[1]], 1)


def spread(rng: Generator, spacing: float, margin: float = 8) -> np.ndarray:
    """Positions (count, 2) all over the canvas, about this far apart, in random order."""
    ticks = np.arange(-margin, SIDE + margin, spacing)
    grid = np.stack(np.meshgrid(ticks, ticks), -1).reshape(-1, 2)
    return rng.permutation(grid + rng.uniform(-0.6, 0.6, grid.shape) * spacing)


def tinted(rng: Generator, colours: np.ndarray, light: float, hue: float) -> np.ndarray:
    """Colours (count, 3), each a little lighter or darker, warmer or cooler, as on a palette."""
    count = len(colours)
    shifts = rng.normal(0, light, (count, 1)) + rng.normal(0, hue, (count, 3))
    return np.clip(colours + shifts, 0, 255)


# --- strokes --------------------------------------------------------------------------------------


def canvas(colour) -> np.ndarray:
    """An empty canvas (fine side, fine side, 4) uint8: red, green, blue, height of the paint."""
    page = np.empty((WIDE, WIDE, 4), np.uint8)
    page[:] = (*np.rint(colour).astype(int), 90)
    return page


def fixed(points) -> np.ndarray:
    """Points in pixels of the painting as OpenCV's fixed-point coordinates on the canvas."""
    return np.rint((np.asarray(points) + 0.5) * (FINE << SHIFT)).astype(np.int32)


def fill(page: np.ndarray, points, colour, height: float = 90) -> None:
    """Fill one polygon of the canvas with a colour and a height of paint."""
    cv2.fillPoly(page, [fixed(points)], (*map(float, colour), float(height)), cv2.LINE_AA, SHIFT)


def line(page: np.ndarray, points, colour, width: float, height: float = 90) -> None:
    """Draw one line on the canvas."""
    cv2.polylines(
        page,
        [fixed(points)],
        False,
        (*map(float, colour), float(height)),
        max(1, round(width * FINE)),
        cv2.LINE_AA,
        SHIFT,
    )


def bristles(path: np.ndarray, width: float, narrow: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Tracks of bristles (count, points, 2), fixed-point; their positions across, -0.5 to 0.5.

    narrow: the share of the width (points,) that touches the canvas along the path.
    """
    along = np.gradient(np.asarray(path, float), axis=0)
    normals = along[:, ::-1] * [-1, 1] / np.maximum(np.hypot(*along.T), 1e-6)[:, None]
    across = np.linspace(-0.5, 0.5, max(3, round(width * FINE * 0.62)))
    return fixed(path + (across[:, None] * narrow * width)[..., None] * normals), across


def streaks(rng: Generator, count: int) -> np.ndarray:
    """Values (count,) about 0: neighbouring bristles carry similar paint."""
    rough = rng.normal(0, 1, count + 4)
    return np.convolve(rough, np.ones(3) / 3, "same")[2:-2] * 1.3


def stroke(
    page, rng, path, width, colour, second=None, streak=12.0, taper=0.5, ragged=0.25
) -> None:
    """One pull of a loaded bristle brush along a path (points, 2).

    second: another colour on the brush. streak: how unevenly the paint lies. taper: how much the
    ends narrow. ragged: the share of the path over which single bristles touch down and lift off.
    """
    points, across = bristles(path, width, 1 - taper * np.abs(np.linspace(-1, 1, len(path))) ** 3)
    count = len(points)
    share = np.clip(0.5 + across * 0.9 + 0.22 * streaks(rng, count), 0, 1)[:, None]
    paint = (
        np.asarray(colour) if second is None else colour * (1 - share) + np.asarray(second) * share
    )
    paint = np.clip(paint + streak * streaks(rng, count)[:, None], 0, 255)
    height = 110 + rng.uniform(-30, 40) + 34 * streaks(rng, count) + 55 * (np.abs(across) * 2) ** 4
    heights = np.clip(height, 0, 255)
    lift = np.rint(rng.uniform(0, ragged * len(path), (2, count))).astype(int)
    for k in range(count):
        touched = points[k, lift[0, k] : len(path) - lift[1, k]]
        cv2.polylines(
            page, [touched], False, (*paint[k].tolist(), heights[k]), 2, cv2.LINE_8, SHIFT
        )


# --- finishing ------------------------------------------------------------------------------------


def relief(height: np.ndarray, strength: float, soft: float = 0.8) -> np.ndarray:
    """How much light (about 0) a surface takes from the upper left, by its height."""
    smooth = cv2.GaussianBlur(height.astype(np.float32), (0, 0), soft)
    slope = cv2.Sobel(smooth, cv2.CV_32F, 1, 0, ksize=3) * 0.6 + cv2.Sobel(
        smooth, cv2.CV_32F, 0, 1, ksize=3
    )
    return np.tanh(slope * strength / 255)


def lit(
    page: np.ndarray, strength: float = 0.5, gloss: float = 0.12, soft: float = 0.8
) -> np.ndarray:
    """The canvas in raking light, (fine side, fine side, 3): ridges of paint shine and shade."""
    light = relief(page[..., 3], 1.0, soft)
    shaded = page[..., :3] * (1 + strength * light)[..., None]
    return shaded + (255 * gloss * np.clip(light, 0, 1) ** 3)[..., None]


def linen(rng: Generator, thread: float = 3.0, side: int = WIDE) -> np.ndarray:
    """The relief of woven canvas (side, side) about 0: threads over and under, none straight."""
    rows, columns = np.mgrid[0:side, 0:side].astype(np.float32)
    x = (columns + 3 * noise(rng, 20, side=side)) * np.pi / (thread * FINE)
    y = (rows + 3 * noise(rng, 20, side=side)) * np.pi / (thread * FINE)
    return np.sin(x) * np.sin(y) * (0.8 + 0.4 * noise(rng, 60, side=side))


def tooth(rng: Generator, side: int = WIDE) -> np.ndarray:
    """The roughness of cold-pressed paper (side, side), about 0."""
    fine = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 0.9 * FINE)
    coarse = cv2.GaussianBlur(rng.normal(0, 1, (side, side)).astype(np.float32), (0, 0), 2.2 * FINE)
    return 0.6 * fine / fine.std() + 0.4 * coarse / coarse.std()


def finished(colours: np.ndarray) -> np.ndarray:
    """A picture in 0–255 of any fineness as the painting (SIDE, SIDE, 3) uint8."""
    small = cv2.resize(colours.astype(np.float32), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    return np.clip(np.rint(small), 0, 255).astype(np.uint8)
