"""Points of pure colour that mix only in the eye."""

import numpy as np
from numpy.random import Generator

from .strokes import (
    COLUMNS,
    ROWS,
    at,
    blend,
    canvas,
    fill,
    finished,
    linen,
    lit,
    noise,
    ramp,
    rgb,
    spread,
    step,
)

_ROUND = np.stack([np.cos(np.arange(9) * np.pi / 4.5), np.sin(np.arange(9) * np.pi / 4.5)], 1)


def _sail(x, y, width, height) -> np.ndarray:
    """A leaning triangle, as a share of light (SIDE, SIDE)."""
    rise = np.clip((y - ROWS) / height, 0, 1)
    inside = (
        (rise > 0)
        & (rise < 1)
        & (np.abs(COLUMNS - x - 0.22 * width * rise) < width / 2 * (1 - rise))
    )
    return inside.astype(np.float32)


def _river(rng: Generator) -> np.ndarray:
    """Evening on a river: what the points stand for."""
    picture = ramp(ROWS / 190 + 0.12 * noise(rng, 5), rgb("6fa3d8", "a9c3dd", "f2d9a6", "f6b98a"))
    trees = (
        150 - 34 * np.abs(np.sin(COLUMNS / 37 + 0.6 * np.sin(COLUMNS / 21))) - 10 * noise(rng, 14)
    )
    crowns = ramp((ROWS - 108) / 70 + 0.3 * noise(rng, 16), rgb("7fae4a", "2f7d54", "2a4f86"))
    picture = blend(picture, crowns, step(ROWS, trees, 4))
    water = ramp(
        (ROWS - 172) / 200 + 0.1 * noise(rng, 4) + 0.14 * np.sin(ROWS / 5 + 3 * noise(rng, 7)),
        rgb("4f7f7a", "e8a87c", "7fb0d8", "3f6fb8", "2f4f9a"),
    )
    picture = blend(picture, water, step(ROWS, 172, 3))
    for x, y, width, height in ((150, 226, 62, 96), (330, 206, 40, 64), (424, 240, 54, 84)):
        picture = blend(picture, rgb("fbf0d8")[0], _sail(x, y, width, height))
        mirror = np.roll(_sail(x, y, width, height)[::-1], 2 * y - 505, 0)
        picture = blend(picture, rgb("f3d9b8")[0], 0.6 * mirror * step(ROWS, y + 5, 2))
        hull = step(-np.abs(ROWS - y - 4), -5, 1) * step(-np.abs(COLUMNS - x), -width * 0.55, 2)
        picture = blend(picture, rgb("8f2f4a")[0], hull)
    return _bank(rng, picture)


def _bank(rng: Generator, picture: np.ndarray) -> np.ndarray:
    """The near bank in sun and shade, and the tree that throws the shade."""
    edge = 392 - 62 * step(COLUMNS, 350, 330) + 8 * np.sin(COLUMNS / 26)
    sunny = ramp(0.5 + 0.5 * noise(rng, 9), rgb("6fae4a", "a8c44a", "e0cf62", "f4e4a0"))
    shade = ramp(0.5 + 0.6 * noise(rng, 9), rgb("1f4f5a", "2f7a4a", "5a4fa0"))
    cast = step(noise(rng, 5) + (COLUMNS - 250) / 260 + (ROWS - 430) / 160, 0.35, 0.3)
    picture = blend(picture, blend(sunny, shade, cast), step(ROWS, edge, 4))
    trunk = step(
        -np.abs(COLUMNS - 452 - 16 * np.sin(ROWS / 70)), -(15 + 0.0006 * (ROWS - 250) ** 2), 4
    )
    bark = ramp((COLUMNS - 428) / 50, rgb("e08a4a", "8a3f5a", "3a2f6a"))
    picture = blend(picture, bark, trunk * step(-ROWS, -452, 8))
    crown = 96 + 46 * np.sin(COLUMNS / 36) + 26 * noise(rng, 10) - 0.62 * (400 - COLUMNS).clip(0)
    leaves = ramp(0.5 + 0.7 * noise(rng, 12), rgb("1f5a4a", "3f9a4a", "b8c83f", "e8a83f"))
    picture = blend(picture, leaves, step(-ROWS, -crown, 8))
    for x, y, dress, shade in ((96, 424, "3f2f8a", "f2743f"), (214, 446, "c8304a", "f7e3c0")):
        picture = _walker(picture, x, y, dress, shade)
    return picture


def _walker(picture: np.ndarray, x: float, y: float, dress: str, shade: str) -> np.ndarray:
    """Somebody in a long dress under a parasol, and the shadow that they throw."""
    down, right = ROWS - y, COLUMNS - x
    shadow = np.hypot(right + 36, (down - 72) * 3.4) < 40
    picture = blend(picture, rgb("2f4f8a")[0], 0.8 * shadow)
    skirt = np.abs(right + 2) < 8 + 0.28 * (down - 8).clip(0)
    waist = np.abs(right) < 10 - 0.3 * np.abs(down + 6)
    body = np.where(down > 8, skirt, waist) & (down > -24) & (down < 72)
    picture = blend(
        picture, rgb(dress)[0] * (1.25 - 0.02 * right[..., None]).clip(0.7, 1.5), body * 1.0
    )
    picture = blend(picture, rgb("f0c8a8")[0], (np.hypot(right, down + 32) < 9) * 1.0)
    dome = (np.hypot(right - 6, (down + 40) * 1.5) < 38) & (down < -40)
    return blend(
        picture, rgb(shade)[0] * (1.1 - 0.008 * right[..., None]).clip(0.75, 1.3), dome * 1.0
    )


def _divided(rng: Generator, colours: np.ndarray) -> np.ndarray:
    """Every colour taken apart: purer, shifted to a neighbour, now and then its opposite."""
    grey = colours.mean(1, keepdims=True)
    pure = grey + (colours - grey) * rng.uniform(0.9, 1.8, (len(colours), 1))
    pure = pure + rng.normal(0, 26, (len(colours), 3)) + rng.normal(0, 12, (len(colours), 1))
    opposite = 1.15 * grey - (colours - grey) * 0.9 + 18
    return np.clip(np.where(rng.random((len(colours), 1)) < 0.09, opposite, pure), 12, 250)


def points(rng: Generator) -> np.ndarray:
    """Oil in points of pure colour: boats on a river, walkers on its bank."""
    picture = _river(rng)
    page = canvas(rgb("e9dfc6")[0])
    page[..., 3] = np.clip(96 + 34 * linen(rng), 0, 255)
    for spacing, radius in ((7.5, 5.2), (6.2, 3.7), (5.6, 2.7)):
        places = spread(rng, spacing)
        for place, colour in zip(places, _divided(rng, at(picture, places)), strict=True):
            size = radius * rng.uniform(0.72, 1.15)
            blot = place + _ROUND * size * rng.uniform(0.84, 1.12, (9, 1))
            fill(page, blot, colour * 0.94, 150)
            fill(page, place + (blot - place) * 0.62 + rng.uniform(-0.6, 0.6, 2), colour, 190)
    return finished(lit(page, 0.34, 0.08, 1.2))
