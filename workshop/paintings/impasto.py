"""Thick paint: a night of swirls by a bristle brush, an autumn wood spread with a knife."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import (
    COLUMNS,
    ROWS,
    SHIFT,
    SIDE,
    at,
    blend,
    bristles,
    canvas,
    finished,
    lit,
    noise,
    paths,
    ramp,
    rgb,
    spread,
    step,
    streaks,
    stroke,
    tinted,
)

SKY = rgb("0d1b4c", "16307a", "1f4fa8", "2d7fc0", "63b3cf", "b9dccf")
FIELD = rgb("1c3a2c", "3f6b2e", "8a8f2c", "d9a92e", "f2cf5b")
LAMPS = np.array(
    [
        (96, 92, 60),
        (408, 78, 78),
        (262, 176, 66),
        (214, 40, 34),
        (474, 214, 40),
        (40, 226, 36),
        (334, 34, 26),
        (350, 262, 26),
    ],
    float,
)  # x, y, size


def _vortices() -> np.ndarray:
    """The angle of the wind (SIDE, SIDE): from left to right, and around every lamp of the sky."""
    across, down = np.full_like(COLUMNS, 0.55), 0.35 * np.sin(COLUMNS / 62 + ROWS / 90)
    for number, (x, y, size) in enumerate(LAMPS):
        dx, dy = COLUMNS - x, ROWS - y
        reach = np.exp(-(dx**2 + dy**2) / (1.5 * size) ** 2) * (2.2 if number % 2 else -2.2) / size
        across, down = across + dy * -reach, down + dx * reach
    return np.arctan2(down, across)


def _night(rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """The picture that the brush follows, and the angles that it follows."""
    wind = _vortices()
    bands = np.sin(0.055 * (ROWS + 42 * np.sin(COLUMNS / 62)) + 2.4 * noise(rng, 4))
    picture = ramp(0.34 + 0.0006 * ROWS + 0.24 * bands + 0.12 * noise(rng, 9), SKY)
    for x, y, size in LAMPS:
        away = np.hypot(COLUMNS - x, ROWS - y) / size
        rings = step(np.cos(away * 9), 0.0, 1.2)
        glow = ramp(away / 1.5, rgb("ffe27a", "f6b93b", "e8c86a", "7fc4b8"))
        picture = blend(picture, glow, np.exp(-((away / 0.95) ** 4)) * (0.55 + 0.45 * rings))
        picture = blend(picture, rgb("fff6c9")[0], step(-away, -0.3, 0.16))
    for k, (top, bump, colour) in enumerate(
        [(318, 26, "274c8f"), (346, 20, "1d3a66"), (376, 15, "23513f")]
    ):
        ridge = top + bump * np.sin(COLUMNS / (44 + 17 * k) + 2.1 * k) + 8 * noise(rng, 10)
        here = step(ROWS, ridge, 5)
        picture = blend(picture, rgb(colour)[0] * (1 + 0.35 * noise(rng, 14)[..., None]), here)
        slope = bump / (44 + 17 * k) * np.cos(COLUMNS / (44 + 17 * k) + 2.1 * k)
        wind = np.where(here > 0.5, np.arctan(slope) + 0.35 * noise(rng, 12), wind)
    return _wheat(rng, picture, wind)


def _wheat(rng, picture, wind) -> tuple[np.ndarray, np.ndarray]:
    here = step(ROWS, 404 + 14 * np.sin(COLUMNS / 70), 6)
    furrow = np.sin((COLUMNS - 250) / (0.13 * (ROWS - 330).clip(20)) + noise(rng, 5))
    picture = blend(picture, ramp(0.55 + 0.32 * furrow + 0.3 * noise(rng, 18), FIELD), here)
    lean = np.arctan2(ROWS - 330, (COLUMNS - 250) * 1.3) + 0.3 * noise(rng, 10)
    return picture, np.where(here > 0.5, lean, wind)


def night(rng: Generator) -> np.ndarray:
    """Oil, thick: a windy night of lamps over hills and wheat."""
    picture, wind = _night(rng)
    page = canvas(rgb("15224d")[0])
    for spacing, width, length, light in ((11, 17, 60, 16), (7.5, 9, 40, 22), (8, 5.5, 30, 30)):
        places = spread(rng, spacing, 20)
        colours = tinted(rng, at(picture, places), light, 9)
        for path, colour in zip(paths(wind, places, length), colours, strict=True):
            stroke(page, rng, path, width * rng.uniform(0.7, 1.2), colour, streak=15)
    return finished(lit(page, 0.62, 0.16))


# --- the knife ------------------------------------------------------------------------------------

LEAVES = rgb("6a1a1c", "a82a1a", "d24a1a", "ea7a1c", "f4ab28", "fadc66")
WATER = rgb("10263f", "1f5068", "3f8a94", "a3c8b8")
BIRCHES = [
    (38, 14),
    (110, 22),
    (152, 9),
    (238, 17),
    (320, 27),
    (360, 10),
    (428, 19),
    (488, 12),
]  # x, width
SHORE = 366  # where the pond begins


def _wood(rng: Generator) -> np.ndarray:
    """Crowns of leaves, cold light between the trunks, a red bank, and all again in a pond."""
    crowns = ramp(0.56 + 0.36 * noise(rng, 7, 2) + 0.16 * np.sin(COLUMNS / 45), LEAVES)
    light = step(-np.abs(ROWS - 246 - 22 * np.sin(COLUMNS / 60)), -46, 44)
    cold = ramp(0.5 + 0.6 * noise(rng, 12), rgb("4f6f9a", "8fb9c4", "d8e4d2", "f4ecc4"))
    picture = blend(crowns, cold, light)
    bank = step(ROWS, 296 + 12 * np.sin(COLUMNS / 50), 8)
    picture = blend(picture, ramp(0.36 + 0.45 * noise(rng, 11, 2), LEAVES), bank)
    mirror = picture[np.clip(2 * SHORE - np.arange(SIDE), 0, SIDE - 1)]
    ripples = ramp(0.45 + 0.5 * noise(rng, 9) + 0.3 * np.sin(ROWS / 7 + COLUMNS / 60), WATER)
    pond = blend(mirror * 0.8, ripples, 0.35 + 0.5 * step(noise(rng, 6, 2), 0, 0.5))
    return blend(picture, pond, step(ROWS, SHORE + 8 * np.sin(COLUMNS / 70), 4))


def _slab(page, rng: Generator, place, turn, long, wide, colours) -> None:
    """One pull of the knife: flat, straight, two colours half mixed, a ridge where it left."""
    along = np.array([np.cos(turn), np.sin(turn)]) * long
    points, across = bristles(place + np.linspace(-0.5, 0.5, 4)[:, None] * along, wide, np.ones(4))
    count = len(points)
    drift = np.convolve(rng.normal(0, 1, count + 8), np.ones(9) / 3, "valid")
    share = np.clip(0.5 + 0.55 * drift, 0, 1)[:, None]
    paint = np.clip(
        colours[0] * (1 - share) + colours[1] * share + 5 * streaks(rng, count)[:, None], 0, 255
    )
    heights = np.clip(
        110 + rng.uniform(-40, 40) + 6 * streaks(rng, count) + 70 * (across > 0.4), 0, 255
    )
    ends = 3 + (rng.random(count) < 0.7)
    for k in range(count):
        value = *paint[k].tolist(), heights[k]
        cv2.polylines(page, [points[k, : ends[k]]], False, value, 2, cv2.LINE_8, SHIFT)
    rim, value = points[np.arange(count), ends - 1], np.clip(paint.mean(0) * 1.08, 0, 255).tolist()
    cv2.polylines(page, [rim], False, (*value, 235.0), 2, cv2.LINE_8, SHIFT)


def _slabs(page, rng: Generator, picture, lean, places, wide, long) -> None:
    near = places + rng.normal(0, wide * 0.7, places.shape)
    colours = np.stack([tinted(rng, at(picture, spots), 13, 9) for spots in (places, near)], 1)
    turns = at(lean, places) + rng.normal(0, 0.35, len(places))
    for place, turn, pair in zip(places, turns, colours, strict=True):
        _slab(
            page, rng, place, turn, long * rng.uniform(0.6, 1.2), wide * rng.uniform(0.6, 1.1), pair
        )


def _birch(page, rng: Generator, x: float, width: float) -> None:
    """White and violet-grey slabs across a trunk, dark scars, and its broken image in the pond."""
    foot, lean = 316 + 2.0 * width, rng.uniform(-0.05, 0.05)
    for y in np.arange(-8, foot, width * 0.5):
        middle, scar = (
            np.array([x + lean * (foot - y) + rng.uniform(-1, 1), y]),
            rng.random() < 0.17,
        )
        pair = rgb("2b2230", "5f4a4a") if scar else tinted(rng, rgb("fbf5e6", "c8c0cc"), 9, 6)
        _slab(page, rng, middle, rng.normal(0, 0.12), width, width * (0.3 if scar else 0.66), pair)
        shade = tinted(rng, rgb("7f7896", "9a90a4"), 9, 7)
        _slab(page, rng, middle + [width * 0.36, 0], np.pi / 2, width * 0.5, width * 0.34, shade)
    for y in np.arange(SHORE + 12, SIDE, width * 0.8):
        place = np.array([x - lean * (y - SHORE) + rng.normal(0, 3), y])
        pair = tinted(rng, rgb("c8d0d4", "8f9ab0"), 12, 6)
        _slab(page, rng, place, 0, width * rng.uniform(0.7, 1.6), width * 0.3, pair)


def autumn(rng: Generator) -> np.ndarray:
    """Oil, spread with a palette knife: birches around a pond in October."""
    picture = _wood(rng)
    page = canvas(rgb("3a1a1a")[0])
    lean = np.where(
        ROWS < 285, 1.1 + 1.2 * noise(rng, 5), np.where(ROWS < SHORE, 0.4 * noise(rng, 6), 0)
    )
    for spacing, wide, long in ((16, 26, 44), (13, 17, 32)):
        _slabs(page, rng, picture, lean, spread(rng, spacing, 20), wide, long)
    for birch in BIRCHES:
        _birch(page, rng, *birch)
    loose = spread(rng, 17, 10)
    _slabs(page, rng, picture, lean, loose[(loose[:, 1] < 190) | (loose[:, 1] > 322)], 11, 19)
    return finished(lit(page, 0.7, 0.16, 1.0))
