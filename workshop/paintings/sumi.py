"""Ink on rice paper: mountains in mist, pines, bamboo, one red seal."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import FINE, SIDE, WIDE, Y, finished, fixed, noise, rgb, step, tooth
from .water import absorbed, frayed

CHAINS = [(176, 138, 0.45, 60), (244, 150, 0.75, 66), (332, 150, 1.2, 78),
          (452, 126, 2.1, 130)]  # top, rise, ink, mist  # fmt: skip
PINES = [
    (356, 420, 70),
    (418, 440, 96),
    (296, 436, 62),
    (474, 432, 70),
    (232, 462, 50),
]  # x, y, size
# "good luck"
SIGN = [((8, 10), (38, 10)), ((23, 5), (23, 22)), ((9, 22), (37, 22)), ((12, 30), (12, 40)),
        ((12, 30), (35, 30)), ((35, 30), (35, 40)), ((12, 40), (35, 40))]  # fmt: skip


def _walk(rng: Generator, start, turn, length, bend, points=10) -> np.ndarray:
    """A path (points, 2) that wanders from its direction as a wrist does."""
    turns = turn + np.cumsum(rng.normal(0, bend, points))
    return (
        np.asarray(start)
        + np.cumsum(np.stack([np.cos(turns), np.sin(turns)], 1), 0) * length / points
    )


def _brush(density, rng: Generator, points, width, dark, dry=0.4) -> None:
    """One stroke of a round brush, in place: swelling, thinning, broken where it runs dry."""
    points = np.asarray(points, float)
    low = np.clip(np.floor(points.min(0) - width), 0, SIDE).astype(int)
    high = np.clip(np.ceil(points.max(0) + width), 0, SIDE).astype(int)
    if (high <= low).any():
        return
    page = np.zeros(((high - low) * FINE)[::-1], np.uint8)
    tracks = fixed(points - low)
    sizes = width * (0.14 + 0.86 * np.sin(np.linspace(0.4, 3.05, len(points))))
    for k in range(len(points) - 1):
        cv2.polylines(
            page, [tracks[k : k + 2]], False, 255, max(1, round(sizes[k] * FINE)), cv2.LINE_AA, 4
        )
    cover = cv2.GaussianBlur(page.astype(np.float32) / 255, (0, 0), 0.8)
    gaps = cv2.GaussianBlur(rng.normal(0, 1, cover.shape).astype(np.float32), (0, 0), 1.4) * 3.4
    here = slice(low[1] * FINE, high[1] * FINE), slice(low[0] * FINE, high[0] * FINE)
    laid = cover * dark * (1 - dry * step(gaps, 0.4, 0.8))
    density[here] = np.maximum(density[here], 0.25 * density[here] + laid)


def _ridge(rng: Generator, top: float, rise: float) -> np.ndarray:
    """Heights (fine side,) of a chain of steep peaks."""
    x, peaks = np.arange(WIDE) / FINE, np.zeros(WIDE)
    for middle in np.linspace(-10, SIDE + 10, 5) + rng.normal(0, 30, 5):
        shape = np.exp(-(np.abs((x - middle) / rng.uniform(40, 95)) ** 1.4))
        peaks = np.maximum(peaks, rng.uniform(0.4, 1) * rise * shape)
    return top - peaks - 10 * noise(rng, 22, 4, WIDE)[0]


def _mountain(density, rng: Generator, top, rise, dark, mist) -> np.ndarray:
    """A chain of mountains: dark along the crest, wrinkled, lost in mist at the foot."""
    ridge = _ridge(rng, top, rise)
    depth = Y - ridge[None]
    body, fade = step(depth, 0, 1.6), np.exp(-np.clip(depth, 0, None) / mist)
    crest = np.exp(-np.clip(depth, 0, None) / 8) * (0.5 + 0.6 * noise(rng, 18, 2, WIDE)).clip(0)
    pool = 0.75 + 0.5 * noise(rng, 9, 4, WIDE)
    density = density * (1 - body * (0.25 + 0.7 * fade)) + dark * body * (
        0.55 * fade * pool + 0.5 * crest
    )
    for x in rng.uniform(0, SIDE - 1, 260):
        place = round(x * FINE)
        fall = np.sign(ridge[min(place + 12, WIDE - 1)] - ridge[max(place - 12, 0)])
        start = x, ridge[place] + rng.exponential(0.3 * mist)
        path = _walk(
            rng, start, np.pi / 2 - fall * rng.uniform(0.25, 0.7), rng.uniform(12, 46), 0.12
        )
        faded = np.exp(-(start[1] - ridge[place]) / (1.3 * mist))
        _brush(
            density, rng, path, rng.uniform(1.2, 3.6), dark * rng.uniform(0.6, 1.25) * faded, 0.75
        )
    return density


def _pine(density, rng: Generator, x, y, size) -> None:
    trunk = _walk(rng, (x, y), -np.pi / 2, size, 0.13, 12)
    _brush(density, rng, trunk, size * 0.09, 1.9)
    for place in trunk[4:]:
        for side in (-1, 1):
            branch = _walk(
                rng, place, np.pi / 2 - side * 1.45, size * rng.uniform(0.2, 0.5), 0.1, 6
            )
            _brush(density, rng, branch, size * 0.03, 1.6)
            for tip in branch[1::2]:
                for turn in np.linspace(-2.8, -0.3, 7) + rng.normal(0, 0.1, 7):
                    needle = _walk(rng, tip, turn, size * 0.12, 0.02, 3)
                    _brush(density, rng, needle, 1.1, rng.uniform(1, 2), 0.1)


def _bamboo(density, rng: Generator, x, lean, dark) -> None:
    """A cane from node to node, with hanging leaves in groups of three to five."""
    y = SIDE + 14.0
    while y > -20:
        top = np.array([x + lean * 66, y - rng.uniform(58, 76)])
        _brush(density, rng, np.linspace((x, y), top + [0, 4], 10), 13, 0.6 * dark, 0.6)
        knot = np.array([(-7, -2), (-3, -3), (3, -3), (7, -2)]) + [x, y]
        _brush(density, rng, knot, 3, 1.2 * dark, 0.1)
        for side in (-1, 1):
            twig = _walk(
                rng, top, -np.pi / 2 + side * rng.uniform(0.7, 1.3), rng.uniform(14, 44), 0.1, 5
            )
            _brush(density, rng, twig, 1.8, dark)
            for place in twig[2::2]:
                for fan in rng.permutation(np.linspace(-0.75, 0.75, rng.integers(3, 6))):
                    leaf = _walk(
                        rng, place, np.pi / 2 - side * 0.6 + fan, rng.uniform(28, 52), 0.03, 9
                    )
                    _brush(
                        density, rng, leaf, rng.uniform(6, 9.5), dark * rng.uniform(0.45, 1.1), 0.3
                    )
        x, y = top


def _clouds(rng: Generator) -> np.ndarray:
    """Washes in the sky that dried with a rim."""
    density = np.full((WIDE, WIDE), 0.06, np.float32)
    for _ in range(3):
        water = noise(rng, 4, 5, WIDE) + 0.5 * noise(rng, 2, 1, WIDE) - 0.1
        density += 0.085 * step(water, 0, 0.05) * (0.6 + 0.8 * noise(rng, 14, 3, WIDE).clip(0))
        density += 0.13 * np.exp(-((water / 0.018) ** 2)) * step(noise(rng, 6, 2, WIDE), -0.2, 0.8)
    return density


def _fibres(rng: Generator) -> np.ndarray:
    page = np.zeros((WIDE, WIDE), np.uint8)
    for start in rng.uniform(0, SIDE, (1100, 2)):
        strand = _walk(rng, start, rng.uniform(0, 6.3), rng.uniform(10, 40), 0.25, 7)
        cv2.polylines(page, [fixed(strand)], False, int(rng.integers(60, 255)), 1, cv2.LINE_AA, 4)
    return page.astype(np.float32) / 255


def _seal(rng: Generator, x: float, y: float) -> np.ndarray:
    """The painter's seal (fine side, fine side) in 0–1: a worn square, a sign cut out of it."""
    page = np.zeros((WIDE, WIDE), np.uint8)
    square = frayed(rng, np.array([(0, 0), (46, 0), (46, 46), (0, 46)]) + [x, y], 0.015)
    cv2.fillPoly(page, [fixed(square)], 255, cv2.LINE_AA, 4)
    for cut in SIGN:
        cv2.polylines(page, [fixed(np.array(cut) + [x, y])], False, 0, 3 * FINE, cv2.LINE_AA, 4)
    return page.astype(np.float32) / 255 * step(noise(rng, 70, 3, WIDE), -0.45, 0.5)


def ink(rng: Generator) -> np.ndarray:
    """Ink on rice paper: mountains in mist, pines, bamboo, one red seal."""
    density = _clouds(rng)
    for chain in CHAINS:
        density = _mountain(density, rng, *chain)
    for pine in PINES:
        _pine(density, rng, *pine)
    for cane in ((118, -0.06, 0.55), (52, 0.1, 1.5)):
        _bamboo(density, rng, *cane)
    drawn = cv2.GaussianBlur(density, (0, 0), 2.4 * FINE)  # the paper draws the ink outwards
    rim = np.clip(density - cv2.GaussianBlur(density, (0, 0), 1.6 * FINE), 0, 1)
    density = (0.75 * density + 0.25 * drawn + 0.45 * rim) * (1 + 0.09 * tooth(rng))
    paper = (
        rgb("ece2cb")[0] * (1 - 0.07 * _fibres(rng) + 0.03 * noise(rng, 120, 3, WIDE))[..., None]
    )
    inked = paper * np.exp(-1.3 * density[..., None] * absorbed(rgb("57565e")[0]))
    return finished(
        inked * np.exp(-1.1 * _seal(rng, 432, 34)[..., None] * absorbed(rgb("c8281e")[0]))
    )
