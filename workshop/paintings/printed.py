"""Cut in wood and printed by hand: a heavy sea in indigo and pale blue, and a red sun."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import FINE, SIDE, WIDE, X, Y, blend, finished, fixed, noise, rgb, step

# A breaking wave: from the foot up its back to the crest, under the curl and out over the trough.
WAVE = [(-0.75, 0.85), (-0.46, 0.36), (-0.22, 0.02), (0.04, -0.22), (0.34, -0.32), (0.6, -0.24),
        (0.74, -0.04), (0.7, 0.14), (0.58, 0.06), (0.42, 0.02), (0.28, 0.1), (0.2, 0.28),
        (0.26, 0.5), (0.48, 0.66), (1.3, 0.78), (1.3, 4), (-0.75, 4)]  # fmt: skip
CREST = slice(16, 88)  # the part of the smoothed outline that carries foam
WAVES = [
    (424, 322, 150, True),
    (250, 352, 120, False),
    (60, 380, 120, False),
    (452, 424, 205, True),
    (118, 312, 330, False),
    (372, 498, 150, True),
    (210, 560, 170, False),
]  # x, y, size, mirrored
CLOUDS = [(88, 62, 122), (250, 34, 84), (484, 232, 84), (176, 142, 66)]  # x, y, half width


def _curve(points: np.ndarray) -> np.ndarray:
    four = np.stack([np.roll(points, shift, 0) for shift in (1, 0, -1, -2)])
    steps = (np.arange(12) / 12)[:, None] ** np.arange(4)
    catmull = 0.5 * np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]])
    return np.einsum("sk,kcd->csd", steps @ catmull, four).reshape(-1, 2)


def _edge(inside: np.ndarray) -> np.ndarray:
    """How far inside a shape a place lies, in pixels of the print."""
    return cv2.distanceTransform(inside.astype(np.uint8), cv2.DIST_L2, 5) / FINE


def _lines(phase: np.ndarray, weight: np.ndarray) -> np.ndarray:
    """Lines along whole numbers of the phase, standing over this share (0–1) of their spacing."""
    return np.abs(phase - np.round(phase)) * 2 < weight


class Blocks:
    """Where the blocks of indigo, blue and red print: (fine side, fine side) uint8, 0 or 1."""

    def __init__(self) -> None:
        self.indigo, self.blue, self.red = (np.zeros((WIDE, WIDE), np.uint8) for _ in range(3))

    def cut(self, here, indigo, blue=0) -> None:
        """Within a region: what the indigo and blue blocks print there; the red one is cleared."""
        for block, marks in ((self.indigo, indigo), (self.blue, blue), (self.red, 0)):
            block[:] = np.where(here, marks, block)

    def blob(self, points, line: float) -> None:
        """A small white shape with an indigo outline."""
        corners = [fixed(points)]
        for block in (self.indigo, self.blue, self.red):
            cv2.fillPoly(block, corners, 0, shift=4)
        cv2.polylines(self.indigo, corners, True, 1, max(1, round(line * FINE)), shift=4)


def _sky(blocks: Blocks, rng: Generator) -> None:
    away, turn = np.hypot(X - 372, Y - 128), np.arctan2(Y - 128, X - 372)
    rays = turn * 66 / (2 * np.pi) + 0.3 * noise(rng, 12, 2, WIDE)
    weight = np.clip((away - 80) / 280, 0, 0.42) * (1 + 0.6 * noise(rng, 30, 2, WIDE))
    blocks.indigo[:] = _lines(rays, weight) & (away > 80)
    blocks.blue[:] = ((Y / 2.6 + 9 * noise(rng, 3, 2, WIDE)) % 26 < 9) & (away > 76)
    glints = _lines((Y + 1.4 * noise(rng, 30, 2, WIDE)) / 7.5, np.clip((Y - 120) / 130, 0, 0.5))
    blocks.red[:] = (away < 70) & ~glints
    for x, y, wide in CLOUDS:
        puffs = 13 + 9 * np.abs(np.sin((X - x) / 15)) + 4 * noise(rng, 30, 1, WIDE)
        cloud = np.abs(Y - y) < puffs * np.sqrt(np.clip(1 - ((X - x) / wide) ** 2, 0, 1))
        edge = _edge(cloud)
        inner = _lines(
            edge / 6.5 + 0.5 + 0.35 * noise(rng, 30, 2, WIDE), np.where(y < Y, 0.32, 0.12)
        )
        blocks.cut(cloud, (edge < 1.8) | inner)


def _swell(blocks: Blocks, rng: Generator) -> None:
    """The open sea behind the waves."""
    level = Y + 7 * np.sin(X / 34 + 2 * noise(rng, 3, 1, WIDE)) * np.clip((Y - 280) / 60, 0.2, 1)
    lines = _lines(level / 6.5 + 0.4 * noise(rng, 18, 2, WIDE), 0.5 + 0.4 * noise(rng, 7, 2, WIDE))
    blocks.cut(level > 292, lines | (level < 295), noise(rng, 8, 2, WIDE) > -0.25)


def _wave(blocks: Blocks, rng: Generator, x, y, size, mirrored) -> None:
    """One breaking wave: stripes along its back, a pale band under the crest, foam and spray."""
    outline = _curve(np.array(WAVE) * [-1 if mirrored else 1, 1] * size + [x, y])
    page = np.zeros((WIDE, WIDE), np.uint8)
    cv2.fillPoly(page, [fixed(outline)], 1, shift=4)
    edge = _edge(page)
    depth, wobble = edge / size, 0.45 * noise(rng, 20, 2, WIDE)
    weight = 0.42 + 0.3 * np.sin(depth * 22) + 0.28 * noise(rng, 8, 2, WIDE) + 0.5 * depth
    stripes = _lines(edge / (5.5 + 0.02 * size) + wobble, np.clip(weight, 0.14, 0.88))
    blue = np.sin(depth * 16 + 1.2 + noise(rng, 5, 2, WIDE)) > -0.1
    blocks.cut(page > 0, (stripes & (edge > 6)) | (edge < 2.2), blue & (edge > 0.05 * size))
    _foam(blocks, rng, outline[CREST], size)


def _foam(blocks: Blocks, rng: Generator, crest: np.ndarray, size: float) -> None:
    """Claws of foam along the crest, and drops thrown before it."""
    out = np.gradient(crest, axis=0)[:, ::-1] * [1, -1]
    out *= np.sign(np.sum(out[len(out) // 2] * [0, -1])) / np.hypot(*out.T)[:, None]
    circle = np.linspace(0, 2 * np.pi, 31)[:-1]
    for k in np.arange(4, len(crest) - 2, 3 if size > 250 else 5):
        reach = 0.02 * size + 2.4 + rng.uniform(0, 0.02) * size
        for step_out in (0.0, 1.3, 2.1):
            radius = reach * (1 - 0.3 * step_out) * rng.uniform(0.8, 1.1)
            lobes = (
                radius * (0.84 + 0.26 * np.abs(np.sin(circle * 2.5 + rng.uniform(0, 6))))[:, None]
            )
            shape = np.stack([np.cos(circle), np.sin(circle)], 1) * lobes
            blocks.blob(
                crest[k] + out[k] * step_out * reach + rng.normal(0, 0.15 * reach, 2) + shape, 1.1
            )
    for _ in range(int(size / 4)):
        k = rng.integers(len(crest) // 2, len(crest))
        spot = crest[k] + out[k] * rng.uniform(0, 0.16) * size + rng.normal(0, 0.03 * size, 2)
        blocks.blob(
            spot + np.stack([np.cos(circle), np.sin(circle)], 1) * rng.uniform(1.2, 3.0), 0.9
        )


def _chatter(blocks: Blocks, rng: Generator) -> None:
    """Slivers that the gouge left standing in the cleared wood."""
    for place in rng.uniform(0, SIDE - 1, (420, 2)):
        turn, length = 0.4 * np.sin(place[0] / 60) + rng.normal(0, 0.3), rng.uniform(5, 13)
        row, column = (place[::-1] * FINE).astype(int)
        if not blocks.red[row, column]:
            ends = place + np.array([[0], [length]]) * [np.cos(turn), np.sin(turn)]
            cv2.polylines(blocks.indigo, [fixed(ends)], False, 1, FINE, shift=4)


def printed(rng: Generator, blocks: Blocks) -> np.ndarray:
    """Three pulls on soft paper: the wood's grain shows, the ink is salty, no block lies true."""
    ring = np.hypot((X - 700) * 0.23, Y - 760 + 26 * noise(rng, 3, 2, WIDE)) / 5.2
    wood = np.abs(np.sin(ring * np.pi)) ** 0.5 + 0.4 * noise(rng, 90, 2, WIDE)
    salt, fibre = noise(rng, 170, 2, WIDE), noise(rng, 200, 2, WIDE)
    picture = rgb("f0e4c8")[0] * (1 + 0.03 * fibre)[..., None]
    pulls = [(blocks.blue, "6fa9bf", (3, -2), 0.34), (blocks.red, "d63c22", (-2, 2), 0.16)]
    for block, colour, shift, pale in [*pulls, (blocks.indigo, "172a57", (0, 0), 0.1)]:
        cover = cv2.GaussianBlur(np.roll(block, shift, (0, 1)).astype(np.float32), (0, 0), 0.9)
        cover *= (1 - 0.45 * step(salt, 0.52, 0.25)) * (1 - pale * step(-wood, -0.55, 0.4))
        picture = blend(picture, rgb(colour)[0] * (1 + 0.07 * wood)[..., None], 0.95 * cover)
    return picture


def woodcut(rng: Generator) -> np.ndarray:
    """Woodcut of three blocks: a heavy sea under a red sun."""
    blocks = Blocks()
    _sky(blocks, rng)
    _swell(blocks, rng)
    for wave in WAVES:
        _wave(blocks, rng, *wave)
    _chatter(blocks, rng)
    return finished(printed(rng, blocks))
