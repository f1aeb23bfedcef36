"""Coloured glass in lead, with the light behind it: a sun over a river, lilies before it."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import COLUMNS, FINE, ROWS, SIDE, WIDE, blend, finished, noise, relief, rgb, step

SKY, HEART = ("2450b8", "3f86d8", "5a44b8", "79bce8", "1f3a98"), ("fdeb8a", "fbd84b")
SUN = ("f29a1f", "f7c531", "e8641c")
FIELD, HEATH = (
    ("2e8a4a", "64b03c", "1a6a5a", "9cc84a"),
    ("8a3fb0", "b8305c", "d8582e", "5a2f98", "3f4fb0"),
)
RIVER, LEAF = ("2fa6c8", "7fdcd8", "1f7fb8", "c8f0e8"), ("1a8a3a", "4fb84a", "8ac83a")
FRAME = ("b0182c", "e8a020", "1f4aa8", "b0182c")
LILIES = [
    (92, 214, 84, ("e8243f", "f7707a")),
    (412, 340, 74, ("f7ecd8", "f2c0d0")),
    (262, 420, 62, ("f29ab0", "e0407a")),
]  # x, y, size, glass of the petals


def _cells(rng: Generator, count: int, stretch: float) -> np.ndarray:
    """Numbers (SIDE, SIDE) of the nearest of some random places: a surface broken into panes."""
    places = rng.uniform(0, SIDE, (count, 2))
    return np.argmin([(COLUMNS - x) ** 2 + ((ROWS - y) * stretch) ** 2 for x, y in places], 0)


def _landscape(rng: Generator) -> list[tuple]:
    """Parts of the window, each over those before: where, what parts its panes, and its glass."""
    x, y = COLUMNS, ROWS
    sun = np.hypot(x - 330, y - 150)
    turn = np.arctan2(y - 150, x - 330) + np.pi
    rays = np.floor(np.mod(turn + 0.25 * np.sin(sun / 40), 2 * np.pi) / (np.pi / 13))
    near, far = y > 356 + 26 * np.sin(x / 58 - 0.8), y > 304 + 34 * np.sin(x / 75 + 1.1)
    river = (np.abs(x - 190 - 70 * np.sin((y - 300) / 46)) < 16 + 0.3 * (y - 300)) & (y > 318)
    return [
        (y >= 0, rays * 16 + np.floor(sun / 62), SKY),
        (sun < 92, np.floor(turn / (np.pi / 6)), SUN),
        (sun < 46, np.floor(turn / (np.pi / 3) + 0.5) % 6, HEART),
        (far, _cells(rng, 70, 1.6), FIELD),
        (near, _cells(rng, 70, 1.6), HEATH),
        (river, np.floor((y + 0.3 * x) / 27), RIVER),
    ]


def _lily(x, y, size, petals) -> list[tuple]:
    """A flower of six pointed petals, each of two panes, on a stem with two leaves."""
    bend = 14 * np.sin((ROWS - y) / 60)
    stem = (np.abs(COLUMNS - x - bend) < 6) & (y < ROWS)
    parts = []
    for side, drop in ((-1, 100), (1, 60)):
        swell = np.sin(np.clip((ROWS - y - drop) / 96, 0, 1) * np.pi)
        middle = x + bend + side * (8 + 0.3 * (y + drop + 96 - ROWS).clip(0))
        parts.append(
            (np.abs(COLUMNS - middle) < 17 * swell, np.floor((COLUMNS - middle) / 400), LEAF)
        )
    away = np.hypot(COLUMNS - x, ROWS - y)
    sector = np.mod(np.arctan2(ROWS - y, COLUMNS - x) + 0.3 + size / 40, 2 * np.pi) / (np.pi / 3)
    off = np.abs(2 * (sector - np.floor(sector)) - 1)  # 0 in the middle of a petal, 1 between two
    flower = away < size * (0.42 + 0.58 * (1 - off) ** 0.75)
    return [*parts, (stem, np.zeros_like(bend), LEAF), (flower, np.floor(2 * sector), petals),
            (away < size * 0.2, np.zeros_like(bend), SUN)]  # fmt: skip


def _window(rng: Generator) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the panes (SIDE, SIDE), and their glass (SIDE, SIDE, 3)."""
    parts = _landscape(rng)
    for lily in LILIES:
        parts += _lily(*lily)
    border = np.minimum(np.minimum(COLUMNS, SIDE - 1 - COLUMNS), np.minimum(ROWS, SIDE - 1 - ROWS))
    along = np.floor(COLUMNS / 42.7) + np.floor(ROWS / 42.7)
    parts.append((border < 20, along, FRAME))
    numbers, picture = np.zeros((SIDE, SIDE), int), np.zeros((SIDE, SIDE, 3), np.float32)
    for part, (here, panes, glasses) in enumerate(parts):
        panes = np.mod(panes, 900).astype(int)
        chosen = (panes if len(glasses) < 3 else panes * 7919 + 31) % 97 % len(glasses)
        numbers[here] = (1000 * part + panes)[here]
        picture[here] = rgb(*glasses)[chosen][here]
    return numbers, picture


def _grown(values: np.ndarray) -> np.ndarray:
    return cv2.resize(values.astype(np.float32), (WIDE, WIDE), interpolation=cv2.INTER_LINEAR)


def _leaded(rng: Generator, panes: np.ndarray, away: np.ndarray) -> np.ndarray:
    """Lead over the joints of the panes: round, dull, a thin shine, and light creeping around."""
    dome = np.sqrt(np.clip(1 - (away / 3.6) ** 2, 0, 1))
    shine = relief(dome * 190, 1.3, 1.6).clip(-0.2, 1)
    metal = (
        rgb("25252b")[0] * (1 + 0.25 * noise(rng, 120, side=WIDE))[..., None]
        + 80 * shine[..., None]
    )
    glow = cv2.GaussianBlur(panes, (0, 0), 5 * FINE)
    return blend(panes, metal, step(-away, -3.3, 0.7)) + 0.16 * glow


def glass(rng: Generator) -> np.ndarray:
    """Coloured glass in lead, with the light behind it: a sun over a river, lilies before it."""
    numbers, picture = _window(rng)
    joints = (numbers != np.roll(numbers, 1, 0)) | (numbers != np.roll(numbers, 1, 1))
    away = cv2.distanceTransform((~joints).astype(np.uint8), cv2.DIST_L2, 5)
    tone = (numbers * 104729 % 13 / 13 - 0.5) * 0.32
    streaks = 0.1 * noise(rng, 26) + 0.17 * np.sin(14 * noise(rng, 3) + COLUMNS / 13)
    bright = 0.72 + tone + streaks + 0.5 * (1 - np.exp(-away / 9))
    panes = np.stack(
        [_grown(channel) for channel in np.moveaxis(picture * bright[..., None], -1, 0)], -1
    )
    grain = cv2.GaussianBlur(rng.normal(0, 1, (WIDE, WIDE)).astype(np.float32), (0, 0), 2.2)
    seeds = step(grain * 7.8, 2.6, 0.5)  # bubbles in the glass
    panes *= (1 + 0.35 * seeds + 0.06 * noise(rng, 160, side=WIDE))[..., None]
    return finished(_leaded(rng, panes, _grown(away) + 0.5 * noise(rng, 40, side=WIDE)))
