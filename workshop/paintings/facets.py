"""A table with bottles and a guitar, seen from many sides at once and painted in facets."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import (
    COLUMNS,
    ROWS,
    SIDE,
    at,
    canvas,
    finished,
    line,
    linen,
    lit,
    noise,
    paths,
    ramp,
    rgb,
    spread,
    stroke,
    tinted,
)

WARM = rgb("3a2318", "7a4a25", "b8813f", "dcb878", "f2e2ba")
COOL = rgb("141f2b", "2f4a5f", "5f8396", "a3b8b4", "e6e4d2")
GREEN = rgb("1a2a20", "3f5a3a", "7a8a4f", "b8b880", "e8e2bc")
RED = rgb("3a1414", "7f2a22", "b84a35", "d98a63", "f2d8b8")

# Of a thing: its number below, its colours, how light it is, how much the light plays on it.
LOCAL = [(1, GREEN, 0, 1), (2, WARM, 0.1, 1), (3, COOL * 0.35, 0, 1), (4, GREEN, 0, 1),
         (5, COOL, 0, 1), (6, RED, 0, 1), (7, WARM, 0.55, 0.4)]  # fmt: skip


def _things() -> np.ndarray:
    """What is where: 0 wall, 1 table, 2 guitar, 3 its hole, 4 bottle, 5 glass, 6 fruit, 7 sheet."""
    x, y = COLUMNS, ROWS
    things = np.where(y > 300 + 0.16 * (x - 256), 1, 0)
    wide, high = (x - 366) * 0.94 + (y - 356) * 0.34, (y - 356) * 0.94 - (x - 366) * 0.34
    sheet = (np.abs(wide) < 86) & (np.abs(high) < 60)
    along, across = (x - 226) * 0.82 - (y - 306) * 0.57, (x - 226) * 0.57 + (y - 306) * 0.82
    waist = 62 + 22 * np.cos((along + 20) / 30) - 0.08 * along
    guitar = (np.abs(across) < waist) & (np.abs(along + 10) < 112)
    neck = (np.abs(across) < 13) & (along > 90) & (along < 290)
    bottle = (np.abs(x - 118) < np.clip(14 + 0.9 * (y - 150), 14, 42)) & (y > 70) & (y < 352)
    glass = (np.abs(x - 408) < 38 - 0.12 * (y - 190)) & (y > 190) & (y < 312)
    hole = np.hypot(along - 8, across) < 29
    for number, here in ((7, sheet), (4, bottle), (2, guitar | neck), (3, hole), (5, glass)):
        things = np.where(here, number, things)
    for fruit in ((330, 424, 40), (412, 440, 34), (70, 432, 36)):
        things = np.where(np.hypot(x - fruit[0], y - fruit[1]) < fruit[2], 6, things)
    return things


def _cuts(rng: Generator, count: int) -> np.ndarray:
    """Straight and round cuts through the scene: (SIDE, SIDE, count), a sign for each side."""
    cuts = []
    for number in range(count):
        turn = rng.choice([0.35, 1.15, 1.9, 2.75]) + rng.normal(0, 0.12)
        x, y = rng.uniform(30, SIDE - 30, 2)
        away = (COLUMNS - x) * np.cos(turn) + (ROWS - y) * np.sin(turn)
        bent = np.hypot(COLUMNS - x, ROWS - y) - rng.uniform(60, 150)
        cuts.append(bent if number % 4 == 3 else away)
    return np.stack(cuts, -1)


def _facets(rng: Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Numbers of the facets, colours, the brush's angle: each facet is a little displaced."""
    cuts, things = _cuts(rng, 16), _things()
    codes = (cuts > 0) @ (2 ** np.arange(cuts.shape[-1]))
    _, numbers = np.unique(codes, return_inverse=True)
    numbers = numbers.reshape(SIDE, SIDE)
    count = numbers.max() + 1
    shift = rng.normal(0, 8, (count, 2))[numbers]
    seen = at(things, np.stack([COLUMNS, ROWS], -1) + shift)
    nearest = np.abs(cuts).argmin(-1)[..., None]
    side = np.take_along_axis(cuts, nearest, -1)[
        ..., 0
    ]  # one side of a cut lies in light, the other in shade
    edge = np.where(side > 0, 0.22 * np.exp(-side / 16), -0.3 * np.exp(side / 20))
    turn = rng.choice([0.35, 1.15, 1.9, 2.75], count)[numbers]
    along = COLUMNS * np.cos(turn + 1.2) + ROWS * np.sin(turn + 1.2)
    fall = np.sin(along / 52 + rng.uniform(0, 6, count)[numbers])
    tone = rng.uniform(0.18, 0.78, count)[numbers] + 0.2 * fall + edge
    pick = rng.uniform(0, 1, count)[numbers]
    picture = np.where((pick < 0.62)[..., None], ramp(tone, COOL), ramp(tone, WARM))
    for number, colours, more, contrast in LOCAL:
        paint = ramp(more + contrast * tone, colours)
        picture = np.where(
            ((seen == number) & ((pick < 0.85) | (number == 2)))[..., None], paint, picture
        )
    return numbers * 8 + seen, picture.astype(np.float32), turn


def _outlines(page, rng: Generator, numbers: np.ndarray) -> None:
    """Charcoal along the edges of facets and things, pressed and lifted."""
    grown = cv2.resize(
        numbers.astype(np.float32), page.shape[1::-1], interpolation=cv2.INTER_NEAREST
    )
    lines = (cv2.dilate(grown, np.ones((4, 4))) != cv2.erode(grown, np.ones((4, 4)))).astype(
        np.float32
    )
    soft = cv2.GaussianBlur(lines, (0, 0), 1.3)
    press = np.clip(
        0.7 + 0.8 * noise(rng, 14, 2, len(page)) + 0.5 * noise(rng, 160, 1, len(page)), 0, 1
    )
    cover = (np.clip(soft * 1.5, 0, 1) * press)[..., None]
    page[..., :3] = np.clip(
        page[..., :3] * (1 - 0.9 * cover) + rgb("15110f")[0] * 0.9 * cover, 0, 255
    )


def _hatched(page, rng: Generator, numbers, picture, turn) -> None:
    """Parallel strokes over some of the facets, darker or lighter than what lies below."""
    for middle in rng.uniform(10, SIDE - 10, (95, 2)):
        angle, own = float(at(turn, middle)) + 0.6, at(numbers, middle)
        along, across = (
            np.array([np.cos(angle), np.sin(angle)]),
            np.array([-np.sin(angle), np.cos(angle)]),
        )
        colour = np.clip(at(picture, middle) * rng.choice([0.45, 1.5]), 0, 250)
        for offset in np.arange(-22, 23, 4.2):
            places = middle + offset * across + np.linspace(-18, 18, 9)[:, None] * along
            places = places[at(numbers, places) == own]
            if len(places) > 2:
                line(page, places + rng.normal(0, 0.4, 2), colour, 1.0, 150)


def _strings(page, rng: Generator, things: np.ndarray) -> None:
    """The strings of the guitar and the print on the sheet, in broken charcoal."""
    for offset in np.linspace(-8, 8, 5):
        ends = np.array([(160.0, 352.0), (452.0, 149.0)]) + [0.57 * offset, 0.82 * offset]
        places = (
            ends[0]
            + np.linspace(0, 1, 30)[:, None] * (ends[1] - ends[0])
            + rng.normal(0, 0.5, (30, 2))
        )
        for start in range(0, 28, 7):
            line(page, places[start : start + rng.integers(4, 8)], rgb("2a1c14")[0], 0.8, 160)
    for row in range(9):
        left = np.array([318.0, 352.0]) + row * np.array([-3.6, 9.4])
        for k in rng.permutation(8)[:6]:
            start = left + k * np.array([14.1, 5.1])
            if at(things, start) == 7:
                end = start + np.array([9.4, 3.4]) * rng.uniform(0.5, 1.2)
                line(page, [start, end], rgb("1f1a18")[0], 1.4, 150)


def cubist(rng: Generator) -> np.ndarray:
    """Oil on linen: guitar, bottle, glass and fruit, broken into facets."""
    numbers, picture, turn = _facets(rng)
    page = canvas(rgb("8a6a45")[0])
    for spacing, width, length in ((9, 13, 26), (6.5, 7, 15)):
        places = spread(rng, spacing)
        colours = tinted(rng, at(picture, places), 11, 4)
        for path, colour in zip(paths(turn, places, length, 7), colours, strict=True):
            kept = path[
                at(numbers, path) == at(numbers, path[3])
            ]  # the brush stops at the edge of its facet
            if len(kept) > 2:
                stroke(page, rng, kept, width * rng.uniform(0.6, 1), colour, None, 9, 0.1, 0.3)
    _hatched(page, rng, numbers, picture, turn)
    _outlines(page, rng, numbers)
    _strings(page, rng, numbers % 8)
    page[..., 3] = np.clip(page[..., 3] * 0.6 + 40 + 15 * linen(rng), 0, 255)
    return finished(lit(page, 0.4, 0.04, 1.0))
