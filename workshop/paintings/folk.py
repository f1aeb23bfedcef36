"""Comma strokes of a loaded brush on black: a garden from a painted chest."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import (
    FINE,
    SIDE,
    bristles,
    canvas,
    fill,
    finished,
    line,
    lit,
    noise,
    rgb,
    spread,
    streaks,
    tinted,
)

CARMINE, ORANGE, GOLD = rgb("b80f2a", "f2683c"), rgb("e2561a", "fbc24a"), rgb("f0a81a", "fdf0a0")
BLUE, GREEN, ROSE = rgb("1a4fb8", "8fd0f0"), rgb("1a7a3a", "c0e44a"), rgb("c82a72", "f9b8c8")
WHITE, MOSS = rgb("e4dac4", "ffffff"), rgb("14584a", "6fb86a")

FLOWERS = [
    (256, 230, 96, (CARMINE, GOLD, WHITE)),
    (104, 136, 70, (BLUE, WHITE, GOLD)),
    (100, 340, 74, (ROSE, ORANGE, GOLD)),
    (256, 432, 66, (ORANGE, CARMINE, WHITE)),
    (256, 58, 54, (ROSE, WHITE, GOLD)),
    (10, 238, 46, (ORANGE, GOLD, WHITE)),
    (8, 486, 56, (CARMINE, GOLD, WHITE)),
    (6, 24, 54, (CARMINE, ORANGE, GOLD)),
    (168, 494, 36, (BLUE, WHITE, GOLD)),
]  # x, y, size, colours of the rings; what is left of the middle is mirrored
BRANCHES = [
    (256, 330, -0.5, 190, -0.1),
    (256, 470, -0.35, 170, -0.07),
    (256, 250, -1.05, 220, 0.07),
    (300, 90, 0.1, 130, 0.1),
    (430, 210, -0.6, 100, 0.12),
    (330, 430, 0.6, 120, -0.1),
    (440, 430, -0.9, 100, 0.11),
    (340, 290, 0.9, 100, -0.12),
    (380, 40, -0.3, 100, 0.14),
]


def comma(page, rng: Generator, start, turn, long, wide, colours, bend=0.5) -> None:
    """One stroke with two colours on the brush: pressed down round, then drawn out to a point."""
    along = np.linspace(0, 1, 14)
    steps = np.stack([np.cos(turn + bend * along), np.sin(turn + bend * along)], 1) * long / 13
    path = np.asarray(start) + np.cumsum(steps, 0)
    belly = np.sqrt(1 - (1 - np.minimum(along / 0.24, 1)) ** 2)
    narrow = np.minimum(belly, np.clip((1 - along) / 0.76, 0, 1) ** 0.8)
    first, second = tinted(rng, np.asarray(colours), 10, 7)
    points, across = bristles(path, wide, narrow)
    count = len(points)
    share = np.clip(0.5 + 1.1 * across + 0.3 * streaks(rng, count), 0, 1)[:, None]
    paint = np.clip(
        first * (1 - share) + second * share + 12 * streaks(rng, count)[:, None], 0, 255
    )
    heights = np.clip(150 + 30 * streaks(rng, count) + 60 * (np.abs(across) * 2) ** 3, 0, 255)
    for k in range(count):
        cv2.polylines(page, [points[k]], False, (*paint[k].tolist(), heights[k]), 2, cv2.LINE_8, 4)


def bead(page, rng: Generator, place, size, colour) -> None:
    """A dot set down with the handle of the brush."""
    circle = np.linspace(0, 2 * np.pi, 15)[:-1]
    outline = np.stack([np.cos(circle), np.sin(circle)], 1) * size * rng.uniform(0.9, 1.08, (14, 1))
    fill(page, place + outline, colour, 180)
    fill(page, place + outline * 0.6, np.clip(colour * 1.1, 0, 255), 225)


def _around(x, y, turn, away) -> np.ndarray:
    """The place this far from x, y in this direction."""
    return np.array([x + away * np.cos(turn), y + away * np.sin(turn)])


def _bloom(page, rng: Generator, x, y, size, hues) -> None:
    """A flower: rings of commas, each ring on the one before, around a beaded heart."""
    outer, inner, heart = hues
    for radius, count, hue, wide in (
        (1.0, 15, outer, 0.36),
        (0.72, 12, inner, 0.28),
        (0.42, 9, outer, 0.22),
    ):
        for turn in (
            np.arange(count) * 2 * np.pi / count + 0.4 * radius + rng.normal(0, 0.03, count)
        ):
            tip = _around(x, y, turn, radius * size * rng.uniform(0.95, 1.04))
            comma(page, rng, tip, turn + np.pi - 0.16, radius * size * 0.84, wide * size, hue, 0.34)
    bead(page, rng, np.array([x, y]), size * 0.2, heart[0])
    for turn in np.arange(9) * 2 * np.pi / 9:
        bead(page, rng, _around(x, y, turn, size * 0.2), size * 0.05, heart[1])


def _branch(page, rng: Generator, x, y, turn, size, bend) -> None:
    """A curling stem with leaves to both sides, berries at its end."""
    turns = turn + np.cumsum(bend * (0.4 + np.arange(17) / 10))
    places = (
        np.array([x, y]) + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1), 0) * size / 16
    )
    line(page, places, GREEN[0], 2.4, 170)
    for k in range(2, 17, 2):
        for side in (-1, 1):
            out = turns[k] + side * rng.normal(0.95, 0.08)
            long, hue = size * 0.26 * (1.15 - k / 20), (GREEN, MOSS)[k // 2 % 2]
            tip = _around(*places[k], out, long)
            comma(page, rng, tip, out + np.pi - side * 0.2, long, size * 0.085, hue, side * 0.4)
    for lean in np.arange(-2, 3) * 0.6:
        bead(
            page, rng, _around(*places[-1], turns[-1] + lean, size * 0.09), size * 0.035, CARMINE[0]
        )


def _sprig(page, rng: Generator, x, y, size) -> None:
    """What fills a gap: a little flower, a fan of leaves, three commas or a bead."""
    hues = (GOLD, WHITE, CARMINE, BLUE, ROSE, ORANGE)[rng.integers(6)]
    if size < 6:
        bead(page, rng, np.array([x, y]), rng.uniform(1.6, 2.8), hues[1])
        return
    turns = (
        np.arange(7) * 2 * np.pi / 7 if size > 16 else rng.uniform(0, 6.3) + np.arange(-2, 3) * 0.5
    )
    for turn in turns:
        leaf = (GREEN, MOSS)[rng.integers(2)] if size <= 16 else hues
        tip = _around(x, y, turn, size)
        comma(
            page,
            rng,
            tip,
            turn + np.pi - 0.1,
            size * 0.95,
            size * (0.5 if size > 16 else 0.32),
            leaf,
            0.3,
        )
    bead(page, rng, np.array([x, y]), size * 0.2, GOLD[1] if size > 16 else hues[0])


def _filled(page, rng: Generator) -> None:
    """Put sprigs into the black that is left, large ones first."""
    for size in (21, 14, 9, 4):
        for x, y in spread(rng, size * 0.7):
            low = np.clip(np.rint([x - size, y - size]), 0, SIDE).astype(int) * FINE
            high = np.clip(np.rint([x + size, y + size]), 0, SIDE).astype(int) * FINE
            around = page[low[1] : high[1], low[0] : high[0], :3]
            if around.size and (around.max(2) > 70).mean() < (0.015 if size > 4 else 0.001):
                _sprig(page, rng, x, y, size * rng.uniform(0.8, 1))


def folk(rng: Generator) -> np.ndarray:
    """Tempera on a black chest: a mirrored garden of comma strokes."""
    page = canvas(rgb("16110f")[0])
    page[..., :3] = np.clip(
        page[..., :3] * (1.1 + 0.5 * noise(rng, 90, 2, len(page)))[..., None], 0, 255
    )
    page[..., 3] = np.clip(90 + 12 * noise(rng, 200, 1, len(page)), 0, 255)
    for x, y, turn, size, bend in BRANCHES:
        _branch(page, rng, x, y, turn, size, bend)
        _branch(page, rng, SIDE - x, y, np.pi - turn, size, -bend)
    for x, y, size, hues in FLOWERS:
        for place in {x, SIDE - x}:
            _bloom(page, rng, place, y, size, hues)
    _filled(page, rng)
    return finished(lit(page, 0.42, 0.14, 1.0))
