"""Stone, glass and gold leaf set in lime: a peacock in a medallion."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import (
    COLUMNS,
    ROWS,
    SIDE,
    at,
    canvas,
    fill,
    finished,
    lit,
    rgb,
    tinted,
)

STONE = 8.0  # the side of a stone, pixels
FAN = (256, 330)  # where the feathers of the tail spring from
GOLD = ("d9a238", "f0c860")
FEATHERS = [(196, 13, 25), (145, 10, 21), (100, 7, 17)]  # how far out, how many, size of the eye


def _disc(x, y, size) -> np.ndarray:
    return np.hypot(COLUMNS - x, ROWS - y) < size


def _eyes() -> list[tuple[float, float, float]]:
    """The eyes of the tail feathers: x, y, size."""
    eyes = []
    for reach, count, size in FEATHERS:
        turns = np.linspace(-np.pi + 0.14, -0.14, count)
        eyes += [
            (FAN[0] + reach * np.cos(turn), FAN[1] + reach * np.sin(turn), size) for turn in turns
        ]
    return eyes


def _parts() -> list[tuple[np.ndarray, tuple[str, ...]]]:
    """The cartoon's regions, each above those before it: inside (SIDE, SIDE) and its stones."""
    x, y = COLUMNS, ROWS
    everywhere = np.ones((SIDE, SIDE), bool)
    reach, turn = np.hypot(x - FAN[0], y - FAN[1]), np.arctan2(y - FAN[1], x - FAN[0])
    fan = (reach < 226 + 5 * np.cos(turn * 24)) & (y < FAN[1] + 42 - 0.22 * np.abs(x - 256))
    parts = [(everywhere, ("8c2a22", "a8402c", "742020"))]
    for cx, cy in ((0, 0), (SIDE, 0), (0, SIDE), (SIDE, SIDE)):
        rings = (
            (96, ("e8dcc0", "d8c8a8")),
            (80, ("23406e", "2f568c")),
            (64, ("e8dcc0", "d8c8a8")),
            (48, ("c8962c", "e0b84a")),
            (32, ("8c2a22", "a8402c")),
            (16, ("e8dcc0", "d8c8a8")),
        )
        parts += [(_disc(cx, cy, size), stones) for size, stones in rings]
    parts += [
        (_disc(256, 258, 254), ("1b2a52", "23406e")),
        (_disc(256, 258, 238), ("efe3c4", "dccfae")),
        (_disc(256, 258, 230), ("c08f2c", "d9ab3f", "f2d683", "e3bd55")),
        (_disc(256, 258, 222) & (y > 410 + 6 * np.sin(x / 24)), ("4d6b2c", "7f9a3f", "375426")),
        (fan, ("0d4a44", "12635a", "1c7a5e")),
        (fan & (np.cos(turn * 24) > 0.55) & (reach > 40), ("3f9a6a", "6cb87a", "2f8a62")),
    ]
    for cx, cy, size in _eyes():
        for ring, stones in (
            (size, GOLD),
            (size - 8, ("b5532a", "c8682f")),
            (0.42 * size, ("1c2f86", "2c49b8")),
        ):
            parts.append((_disc(cx, cy, ring), stones))
    return parts + _bird()


def _bird() -> list[tuple[np.ndarray, tuple[str, ...]]]:
    """The bird itself, with a row of white stones around it."""
    x, y = COLUMNS, ROWS
    lean = 256 + 17 * np.sin((y - 150) / 34)
    neck = (np.abs(x - lean) < 17 + 0.16 * (y - 200).clip(0)) & (y > 166) & (y < 330)
    body = (((x - 256) / 56) ** 2 + ((y - 348) / 74) ** 2) < 1
    head = _disc(lean[160, 0], 160, 25)
    bird = neck | body | head
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (17, 17))
    around = cv2.dilate(bird.astype(np.uint8), disc) > 0
    beak = (np.abs(y - 164) < 0.32 * (x - 196)) & (x > 196) & (x < 244)
    legs = (np.abs(np.abs(x - 256) - 22) < 4.5) & (y > 410) & (y < 462)
    top = lean[160, 0]
    crest = [_disc(top + dx, 122 - dy, 7.5) for dx, dy in ((-22, 2), (0, 10), (22, 2))]
    wing = (((x - 256) / 33) ** 2 + ((y - 356) / 50) ** 2) < 1
    return [
        (around, ("f4efe0", "e6dfcb")),
        (legs, ("c87a2c", "e09a3c")),
        *[(bead, ("2c49b8", "5fb4d6")) for bead in crest],
        (beak, ("e08a2c", "f0b04a")),
        (bird, ("14409a", "1f5fc0", "2f86d8", "0f3480")),
        (wing, ("3fb0d0", "7fd0dc", "2f90c0")),
        (wing & (((x - 256) / 18) ** 2 + ((y - 360) / 32) ** 2 < 1), ("1a3f96", "2456b8")),
        (_disc(top - 5, 157, 8), ("f8f4e6",)),
        (_disc(top - 6, 157, 3.5), ("15131a",)),
    ]


def _cartoon() -> tuple[np.ndarray, list[tuple[str, ...]]]:
    """Which part shows where (SIDE, SIDE), and the stones of every part."""
    parts = _parts()
    numbers = np.zeros((SIDE, SIDE), np.int32)
    for number, (inside, _) in enumerate(parts):
        numbers[inside] = number
    return numbers, [stones for _, stones in parts]


def _courses(inside: np.ndarray) -> list[np.ndarray]:
    """Rows of stones of a part: lines (points, 2) along its outline, from the outside inwards."""
    padded = np.pad(inside.astype(np.uint8), 1, mode="edge")
    depth = cv2.GaussianBlur(cv2.distanceTransform(padded, cv2.DIST_L2, 5), (0, 0), 0.8)[1:-1, 1:-1]
    rows = []
    for level in np.arange(0.52 * STONE, depth[inside].max() if inside.any() else 0, STONE):
        outlines, _ = cv2.findContours(
            (depth > level).astype(np.uint8), cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE
        )
        rows += [outline[:, 0].astype(float) for outline in outlines if len(outline) > 2]
    return rows


def _turned(place, turn, side) -> np.ndarray:
    """The corners (4, 2) of a square stone."""
    along = np.array([np.cos(turn), np.sin(turn)]) * side / 2
    across = along[::-1] * [-1, 1]
    return place + np.stack([along + across, along - across, -along - across, across - along])


def _covered(place, turn, side) -> tuple[tuple[slice, slice], np.ndarray]:
    """A window of the canvas around a stone, and where in it the stone lies."""
    low = np.clip(np.rint(place).astype(int) - 8, 0, SIDE - 16)
    here = slice(low[1], low[1] + 16), slice(low[0], low[0] + 16)
    dx, dy = COLUMNS[here] - place[0], ROWS[here] - place[1]
    cosine, sine = np.cos(turn), np.sin(turn)
    return here, np.maximum(
        np.abs(dx * cosine + dy * sine), np.abs(dy * cosine - dx * sine)
    ) <= side / 2


def _laid(numbers: np.ndarray) -> list[tuple[np.ndarray, float, float]]:
    """Stones row by row (place, turn, side), none on another; what stays open gets smaller ones."""
    taken, stones = np.zeros((SIDE, SIDE), bool), []

    def lay(place, turn, side, room) -> None:
        here, stone = _covered(place, turn, side)
        if np.count_nonzero(stone & taken[here]) <= room * side * side:
            taken[here] |= stone
            stones.append((place, turn, side))

    for number in range(numbers.max() + 1):
        for row in _courses(numbers == number):
            ahead = sum(np.roll(row, -k, 0) - np.roll(row, k, 0) for k in (2, 4, 6))
            for place, turn in zip(row, np.arctan2(ahead[:, 1], ahead[:, 0]), strict=True):
                lay(place, turn, STONE, 0.08)
    for side in (0.8 * STONE, 0.6 * STONE, 0.42 * STONE):
        free = cv2.distanceTransform(
            np.pad(~taken, 1, constant_values=True).astype(np.uint8), cv2.DIST_L2, 5
        )[1:-1, 1:-1]
        rows, columns = np.nonzero(free > 0.46 * side)
        order = np.argsort(-free[rows, columns], kind="stable")
        for row, column in zip(rows[order], columns[order], strict=True):
            if not taken[row, column]:
                lay(np.array([column, row], float), 0.7 * (row % 3), side, 0.12)
    return stones


def _set(page, rng: Generator, place, turn, side, colour) -> None:
    """One stone: a crooked square, set a little aslant, with a chipped face."""
    side = side * rng.uniform(0.84, 0.95)
    outline = (
        _turned(place, turn + rng.normal(0, 0.05), side) + rng.uniform(-0.07, 0.07, (4, 2)) * side
    )
    tilt = rng.normal(0, 0.09)
    fill(page, outline, np.clip(colour * (1 + tilt), 0, 255), 190 + 120 * tilt)
    face = outline.mean(0) + (outline - outline.mean(0)) * rng.uniform(0.3, 0.85, (4, 1))
    fill(
        page,
        face,
        np.clip(colour * (1 + 0.4 * tilt) + rng.normal(0, 7, 3), 0, 255),
        196 + 120 * tilt,
    )


def mosaic(rng: Generator) -> np.ndarray:
    """Stone, glass and gold leaf set in lime: a peacock in a medallion."""
    numbers, kinds = _cartoon()
    page = canvas(rgb("51463d")[0])
    rough = rng.normal(0, 1, page.shape[:2])
    page[..., :3] = np.clip(page[..., :3] * (1 + 0.16 * rough)[..., None], 0, 255)
    page[..., 3] = np.clip(80 + 10 * rough, 0, 255)
    for place, turn, side in _laid(numbers):
        stones = rgb(*kinds[at(numbers, place)])
        colour = tinted(rng, stones[rng.integers(len(stones))][None], 12, 6)[0]
        _set(page, rng, place, turn, side, colour)
    return finished(lit(page, 0.42, 0.25, 1.1))
