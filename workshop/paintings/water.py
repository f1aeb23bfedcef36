"""Watercolour on rough paper: what water does to pigment, and a bunch of flowers."""

import cv2
import numpy as np
from numpy.random import Generator

from .strokes import FINE, SIDE, WIDE, X, Y, finished, noise, rgb, step, tooth


def absorbed(colour) -> np.ndarray:
    """What a full layer of pigment of this colour takes from white light, channel by channel."""
    return -np.log(np.clip(np.asarray(colour, np.float32), 4, 254) / 255)


def frayed(rng: Generator, points: np.ndarray, rough: float, rounds: int = 4) -> np.ndarray:
    """A polygon whose sides have wandered: every side gets a displaced middle, again and again."""
    points = np.asarray(points, float)
    for _ in range(rounds):
        following = np.roll(points, -1, 0)
        length = np.hypot(*(following - points).T)[:, None]
        middles = (points + following) / 2 + rng.normal(0, rough, points.shape) * length
        points = np.stack([points, middles], 1).reshape(-1, 2)
    return points


class Sheet:
    """Paper that gathers pigment: density (fine side, fine side, 3) of what takes light away."""

    def __init__(self, rng: Generator):
        self.rng, self.grain = rng, tooth(rng)
        self.density = np.zeros((WIDE, WIDE, 3), np.float32)
        self.wet = noise(rng, 7, 4, WIDE)  # where the water stood longest

    def wash(self, points, colour, second=None, load=0.55, edge=0.7, rough=0.14, layers=4) -> None:
        """A wet shape: thin frayed layers, pigment driven to the rim and into the paper's pits."""
        low = np.clip(np.floor(np.min(points, 0)) - 22, 0, SIDE).astype(int) * FINE
        high = np.clip(np.ceil(np.max(points, 0)) + 22, 0, SIDE).astype(int) * FINE
        if (high <= low).any():
            return
        here = slice(low[1], high[1]), slice(low[0], high[0])
        cover = np.zeros((high - low)[::-1], np.float32)
        for _ in range(layers):
            shape = frayed(self.rng, points, rough) * FINE - low
            page = np.zeros(cover.shape, np.uint8)
            cv2.fillPoly(page, [np.rint(shape * 16).astype(np.int32)], 255, cv2.LINE_AA, 4)
            cover += page.astype(np.float32) / 255 / layers
        soft = cv2.GaussianBlur(cover, (0, 0), 2.6 * FINE)
        rim = np.clip(cover - soft, 0, 1) * edge * 2.2
        pool = cover * (0.72 + 0.55 * self.wet[here]) * (1 + 0.16 * self.grain[here])
        pigment = (pool + rim) * load
        self.density[here] += self._mixed(colour, second, cover.shape) * pigment[..., None]

    def _mixed(self, colour, second, shape) -> np.ndarray:
        if second is None:
            return absorbed(colour)
        angle = self.rng.uniform(0, 2 * np.pi)
        rows, columns = np.mgrid[-1 : 1 : shape[0] * 1j, -1 : 1 : shape[1] * 1j]
        bumps = cv2.resize(noise(self.rng, 4, 2, 64), shape[::-1], interpolation=cv2.INTER_LINEAR)
        share = step(columns * np.cos(angle) + rows * np.sin(angle) + 0.9 * bumps, 0, 1.5)[
            ..., None
        ]
        return absorbed(colour) * (1 - share) + absorbed(second) * share

    def bloom(self, x: float, y: float, size: float) -> None:
        """A drop of clean water: it pushes the pigment outwards into a cauliflower edge."""
        away = np.hypot(X - x, Y - y) / size + 0.35 * noise(self.rng, 9, 3, WIDE)
        push = 1 - 0.55 * step(-away, -0.9, 0.25) + 0.5 * np.exp(-(((away - 1) / 0.09) ** 2))
        self.density *= push[..., None]

    def dried(self, paper) -> np.ndarray:
        """The sheet as it looks: light through the pigment twice, and the paper's tooth."""
        light = np.asarray(paper, np.float32) * np.exp(-self.density)
        shade = cv2.Sobel(self.grain, cv2.CV_32F, 1, 1, ksize=3)
        return light * (1 + 0.012 * shade / shade.std() + 0.008 * self.grain)[..., None]


def _petal(x, y, turn, long, wide) -> np.ndarray:
    """The outline (corners, 2) of a petal that starts at x, y."""
    along = np.array([0, 0.25, 0.6, 0.92, 1.0, 0.93, 0.96, 0.6, 0.25]) * long
    across = np.array([0, 0.5, 0.95, 0.62, 0.2, -0.15, -0.62, -0.98, -0.5]) * wide / 2
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.stack([x + along * cosine - across * sine, y + along * sine + across * cosine], 1)


PETALS = [
    rgb("e23b2e", "f7922e"),
    rgb("d9206a", "f77fa0"),
    rgb("7a3fc0", "c08fe8"),
    rgb("f2a01e", "f9d84a"),
    rgb("e0457f", "f7b08a"),
]
BUNCH = [
    (128, 122, 92),
    (330, 96, 84),
    (452, 218, 78),
    (236, 248, 104),
    (76, 302, 78),
    (404, 372, 98),
    (206, 432, 84),
    (494, 44, 60),
    (20, 30, 58),
    (500, 480, 60),
    (40, 470, 66),
]  # x, y, size


def _flower(sheet: Sheet, x: float, y: float, size: float, hues: np.ndarray) -> None:
    rng, count = sheet.rng, sheet.rng.integers(5, 8)
    for turn in rng.permutation(count) * 2 * np.pi / count + rng.uniform(0, 1):
        long, wide = size * rng.uniform((0.85, 0.75), (1.1, 1.05))
        petal = _petal(x, y, turn + rng.normal(0, 0.1), long, wide)
        sheet.wash(petal, hues[0], hues[1], rng.uniform(0.45, 0.75), 0.8, 0.09)
        for lean in rng.uniform(-0.3, 0.3, 3):
            vein = _petal(x, y, turn + lean, size * rng.uniform(0.5, 0.8), size * 0.07)
            sheet.wash(vein, hues[0] * 0.75, None, 0.3, 0.4, 0.1, 2)
    circle = np.linspace(0, 2 * np.pi, 10)[:-1]
    heart = np.stack([x + size * 0.17 * np.cos(circle), y + size * 0.17 * np.sin(circle)], 1)
    sheet.wash(heart, rgb("2a1f3f")[0], rgb("4a6a2a")[0], 1.3, 0.8, 0.15)
    for turn in rng.uniform(0, 2 * np.pi, 26):
        reach = size * rng.uniform(0.2, 0.36)
        spot = np.array([x + reach * np.cos(turn), y + reach * np.sin(turn)])
        sheet.wash(spot + rng.normal(0, 1.7, (5, 2)), rgb("241a36")[0], None, 1.4, 0.5, 0.1, 1)


def _leaves(sheet: Sheet, count: int) -> None:
    rng = sheet.rng
    greens = rgb("2f7a4a", "6a9a2f", "1f6a6a", "4f5a9a", "8aa83a")
    for _ in range(count):
        x, y, turn = *rng.uniform(-10, SIDE + 10, 2), rng.uniform(0, 2 * np.pi)
        first, second = rng.choice(5, 2, False)
        outline = _petal(x, y, turn, rng.uniform(70, 140), rng.uniform(20, 42))
        sheet.wash(outline, greens[first], greens[second], rng.uniform(0.35, 0.7), 0.8, 0.08)
        vein = _petal(x, y, turn, 90, 2.5)
        sheet.wash(vein, greens[first] * 0.6, None, 0.5, 0.3, 0.05, 2)


def watercolour(rng: Generator) -> np.ndarray:
    """Watercolour on rough paper: poppies and anemones, wet in wet, with blooms and splashes."""
    sheet = Sheet(rng)
    hues = rgb("5fb8d8", "a8d86a", "c89ae0", "f2c84a", "4f9ac8", "8fd0b0")
    for k in range(16):
        x, y = (k % 4 + 0.5) * 128 + rng.normal(0, 26), (k // 4 + 0.5) * 128 + rng.normal(0, 26)
        circle = np.linspace(0, 2 * np.pi, 9)[:-1]
        blob = np.stack([x + 98 * np.cos(circle), y + 98 * np.sin(circle)], 1)
        sheet.wash(blob, hues[k % 6], hues[(k + 2) % 6], 0.5, 0.9, 0.3)
    _leaves(sheet, 34)
    for x, y in rng.uniform(30, SIDE - 30, (6, 2)):
        sheet.bloom(x, y, rng.uniform(24, 50))
    for number, (x, y, size) in enumerate(BUNCH):
        page = sheet.density  # a flower is painted where the sheet was lifted with a damp brush
        away = np.hypot(X - x, Y - y) / size + 0.12 * noise(rng, 12, 2, WIDE)
        page *= (1 - 0.8 * step(-away, -0.93, 0.14))[..., None]
        _flower(sheet, x, y, size, PETALS[number % 5])
    for x, y in rng.uniform(0, SIDE, (4, 2)):
        sheet.bloom(x, y, rng.uniform(16, 30))
    for x, y in rng.uniform(0, SIDE, (150, 2)):
        spot = np.array([x, y]) + rng.normal(0, rng.uniform(0.7, 2.6), (7, 2))
        sheet.wash(spot, PETALS[rng.integers(5)][0], None, 0.7, 0.8, 0.1, 1)
    return finished(sheet.dried(rgb("fbf7ec")[0]))
