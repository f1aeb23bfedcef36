"""Draws textures for texture synthesis, 512 x 512 pixels: small things repeated, never quite alike.

A new texture is one function `rng -> (512, 512, 3) uint8` and one entry in `TEXTURES`.
"""

from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
from numpy.random import Generator
from PIL import Image, ImageDraw, ImageFont

from cs231n_viz import errors
from workshop.paintings.strokes import (
    COLUMNS,
    FINE,
    ROWS,
    SIDE,
    blend,
    canvas,
    fill,
    finished,
    line,
    linen,
    lit,
    noise,
    ramp,
    rgb,
    spread,
    step,
    stroke,
    tinted,
)

WIDE = SIDE * FINE
_ROUND = np.stack([np.cos(np.arange(24) * np.pi / 12), np.sin(np.arange(24) * np.pi / 12)], 1)


def _rough(page: np.ndarray, rng: Generator, amount: float) -> None:
    """Make the surface of a canvas uneven, in place."""
    bumps = amount * (noise(rng, 70, 3, WIDE) + 0.4 * rng.normal(0, 1, (WIDE, WIDE)))
    page[..., 3] = np.clip(page[..., 3] + bumps, 0, 255)


def _rows(wide: float, high: float) -> np.ndarray:
    """Positions (count, 2) in staggered rows over the whole page, from the top."""
    columns, rows = (np.arange(-1.0, SIDE / step_on + 2) * step_on for step_on in (wide, high))
    x, y = np.meshgrid(columns, rows)
    x[1::2] += wide / 2
    return np.stack([x, y], -1).reshape(-1, 2)


def _shaded(page, outline, colour, rounds=4, light=0.12, height=70) -> None:
    """A raised shape: the same outline again and again, smaller, lighter and higher."""
    middle = outline.mean(0)
    for share in np.linspace(0, 1, rounds):
        inner = middle + (outline - middle) * (1 - 0.55 * share) - 0.6 * share
        fill(
            page,
            inner,
            np.clip(colour * (1 - light + 2 * light * share), 0, 255),
            height + 100 * share,
        )


def brick_wall(rng: Generator) -> np.ndarray:
    page, clay = (
        canvas(rgb("b8ad9a")[0]),
        rgb("a8452f", "8a3326", "c0623f", "9a5a4a", "6f2f2c", "b87a55"),
    )
    for x, y in _rows(50, 22):
        box = np.array([(x, y), (x + 46, y), (x + 46, y + 18), (x, y + 18)]) + rng.uniform(
            -1.3, 1.3, (4, 2)
        )
        colour = tinted(rng, clay[rng.integers(6)][None], 10, 5)[0]
        fill(page, box, colour, 170 + rng.uniform(-15, 15))
        for spot in rng.uniform((x, y), (x + 46, y + 18), (7, 2)):
            pit = spot + _ROUND[::3] * rng.uniform(0.7, 2.4, (8, 1))
            fill(page, pit, colour * rng.uniform(0.75, 1.15), 150)
    page[..., :3] = np.clip(page[..., :3] * (1 + 0.13 * noise(rng, 90, 3, WIDE))[..., None], 0, 255)
    _rough(page, rng, 16)
    return finished(lit(page, 0.5, 0.02, 1.6))


def roof_tiles(rng: Generator) -> np.ndarray:
    page, clay = (
        canvas(rgb("3a1c16")[0]),
        rgb("c8663a", "b4532f", "d98552", "9a4430", "c87a4a", "a86a4f"),
    )
    for x, y in _rows(36, 25)[::-1]:  # from the eaves up: every row lies on the one below
        bend = np.linspace(0, np.pi, 13)
        foot = np.stack([x + 18 - 16.5 * np.cos(bend), y + 24 + 15 * np.sin(bend)], 1)
        tile = np.concatenate([[(x + 34.5, y - 8), (x + 1.5, y - 8)], foot]) + rng.normal(0, 0.8, 2)
        colour = tinted(rng, clay[rng.integers(6)][None], 12, 5)[0]
        fill(page, tile + [1.5, 4.5], rgb("2c1410")[0], 20)
        for share in np.linspace(0, 1, 7):
            middle = np.array([x + 17, y + 14])
            narrower = middle + (tile - middle) * [1 - 0.9 * share, 1]
            fill(page, narrower, colour * (0.72 + 0.4 * share), 90 + 90 * share)
    page[..., :3] = np.clip(page[..., :3] * (1 + 0.12 * noise(rng, 60, 3, WIDE))[..., None], 0, 255)
    moss = step(noise(rng, 26, 3, WIDE), 0.42, 0.3)
    page[..., :3] = blend(page[..., :3], rgb("7a7f3a")[0], 0.6 * moss)
    _rough(page, rng, 12)
    return finished(lit(page, 0.4, 0.05, 1.6))


def pebbles(rng: Generator) -> np.ndarray:
    page = canvas(rgb("2b2622")[0])
    stones = rgb(
        "8f8a80", "b8a88c", "5f646a", "a87a5a", "d8cfbc", "6a4f42", "7f8f8a", "c89a6a", "e8e4d8"
    )
    for spacing, low, high in ((14, 6, 10), (25, 12, 19)):
        for place in spread(rng, spacing, 20):
            turn, squash = rng.uniform(0, np.pi), rng.uniform(0.62, 0.95)
            matrix = np.array(
                [[np.cos(turn), np.sin(turn)], [-np.sin(turn) * squash, np.cos(turn) * squash]]
            )
            bumps = 1 + 0.07 * np.sin(np.arange(24) * np.pi / 6 + rng.uniform(0, 6))
            outline = place + (_ROUND * bumps[:, None] * rng.uniform(low, high)) @ matrix
            fill(page, outline + [1.8, 2.6], rgb("1c1815")[0], 30)
            _shaded(page, outline, tinted(rng, stones[rng.integers(9)][None], 10, 4)[0], 7, 0.22)
    page[..., :3] = np.clip(page[..., :3] * (1 + 0.1 * noise(rng, 110, 2, WIDE))[..., None], 0, 255)
    return finished(lit(page, 0.45, 0.1, 2.4))


def basket(rng: Generator) -> np.ndarray:
    page, straw = canvas(rgb("2f1c0e")[0]), rgb("c8954f", "b07a3a", "dcb06c", "9a6530", "e4c48a")
    for row, y in enumerate(np.arange(-16, SIDE + 32, 16.0)):
        for column, x in enumerate(np.arange(-48, SIDE + 48, 24.0)):
            if (row + column) % 2:
                upright = np.linspace((x, y - 13), (x + rng.normal(0, 0.5), y + 13), 8)
                stroke(page, rng, upright, 10, straw[rng.integers(2) + 2] * 0.72, None, 12, 0.25, 0)
    for row, y in enumerate(np.arange(-16, SIDE + 32, 16.0)):
        for column, x in enumerate(np.arange(-48, SIDE + 48, 24.0)):
            if not (row + column) % 2:
                along = np.linspace(-1, 1, 12)
                strand = np.stack([x + along * 20, y + rng.normal(0, 0.5) + 0.9 * along**2], 1)
                colours = tinted(rng, straw[rng.integers(0, 5, 2)], 9, 4)
                stroke(page, rng, strand, 14, colours[0], colours[1], 10, 0.35, 0)
    x = ((COLUMNS + 24 * (np.floor((ROWS + 8) / 16) % 2)) % 48 - 24) / 24
    shade = cv2.resize((1 - 0.5 * np.abs(x) ** 3).astype(np.float32), (WIDE, WIDE))
    return finished(lit(page, 0.45, 0.08, 1.0) * shade[..., None])


def leaves(rng: Generator) -> np.ndarray:
    page = canvas(rgb("14301c")[0])
    greens = rgb("2f7a36", "4f9a3a", "1f5f3f", "7fb044", "a8c050", "3a8a5a", "c8a03a")
    along = np.array([0, 0.2, 0.5, 0.8, 1, 0.8, 0.5, 0.2])
    across = np.array([0, 0.34, 0.46, 0.27, 0, -0.27, -0.46, -0.34])
    for place in np.concatenate([spread(rng, 17, 30), spread(rng, 26, 30)]):
        turn, long = rng.uniform(0, 2 * np.pi), rng.uniform(30, 52)
        axes = np.array([[np.cos(turn), np.sin(turn)], [-np.sin(turn), np.cos(turn)]])
        colour = tinted(rng, greens[rng.integers(7)][None], 12, 6)[0]
        leaf = place + np.stack([along, across * 0.9], 1) * long @ axes
        fill(page, leaf + [2.5, 3.5], rgb("0c1f14")[0], 40)
        fill(page, leaf, colour, 120)
        fill(page, leaf[:5], np.clip(colour * 1.22, 0, 255), 150)
        rib = place + np.array([[0.0, 0], [0.95, 0]]) * long @ axes
        line(page, rib, np.clip(colour * 1.5 + 10, 0, 255), 1.2, 90)
        for share in (0.2, 0.38, 0.56, 0.74):
            for side in (-0.26, 0.26):
                vein = np.array([[share, 0], [share + 0.16, side * (1.1 - share)]]) * long @ axes
                line(page, place + vein, colour * 0.72, 0.6, 95)
    return finished(lit(page, 0.4, 0.12, 1.4))


def scales(rng: Generator) -> np.ndarray:
    page = canvas(rgb("122a38")[0])
    silver = rgb("1f6f8a", "2f9a9a", "6fc0a8", "d8c87a", "e8986a", "b85a8a", "5a5ab0")
    for x, y in _rows(27, 14):
        place = np.array([x, y]) + rng.normal(0, 0.5, 2)
        tone = 0.5 + 0.35 * np.sin(x / 60 + y / 44) + rng.normal(0, 0.07)
        colour = ramp(np.array([tone]), silver)[0]
        fill(page, place + [0.8, 3] + _ROUND * 15, rgb("0c1c26")[0], 20)
        for share in np.linspace(0, 1, 9):
            shell = place + [0, -7 * share] + _ROUND * 15 * (1 - 0.5 * share)
            fill(page, shell, np.clip(colour * (0.66 + 0.62 * share), 0, 255), 60 + 120 * share)
        for turn in np.linspace(0.5, 2.64, 6):
            ray = place + np.array([[0.0], [1]]) * [np.cos(turn), np.sin(turn)] * 13 + [0, -1]
            line(page, ray, colour * 0.62, 0.6, 100)
    return finished(lit(page, 0.4, 0.3, 1.5))


def _nearest(places: np.ndarray, reach: int) -> tuple[np.ndarray, np.ndarray]:
    """Distances (2, SIDE, SIDE) to the two nearest places, and the number of the nearest."""
    away, owner = np.full((2, SIDE, SIDE), 1e6, np.float32), np.zeros((SIDE, SIDE), int)
    for number, (x, y) in enumerate(places):
        low = np.clip(np.rint([x - reach, y - reach]), 0, SIDE).astype(int)
        high = np.clip(np.rint([x + reach, y + reach]), 0, SIDE).astype(int)
        here = slice(low[1], high[1]), slice(low[0], high[0])
        distance, (first, second) = np.hypot(COLUMNS[here] - x, ROWS[here] - y), away[:, *here]
        closer = distance < first
        second[:] = np.where(closer, first, np.minimum(second, distance))
        first[closer], owner[here][closer] = distance[closer], number
    return away, owner


def cells(rng: Generator) -> np.ndarray:
    places = spread(rng, 27, 40)
    away, kinds = _nearest(places, 80)
    wall = away[1] - away[0] + 1.4 * noise(rng, 40, 2)
    dyes = tinted(
        rng, rgb("e8a8c8", "d87ab0", "f0c8d8", "c890d0")[rng.integers(0, 4, len(places))], 9, 6
    )
    picture = dyes[kinds] * (1 + 0.1 * noise(rng, 60, 3))[..., None]
    picture = blend(picture, rgb("8a2f7a")[0], step(-wall, -4, 5) * 0.85)
    centre = (places + rng.normal(0, 2, places.shape))[kinds]
    nucleus = np.hypot(COLUMNS - centre[..., 0], (ROWS - centre[..., 1]) * 1.2) + 1.6 * noise(
        rng, 50, 2
    )
    picture = blend(picture, rgb("4a2a8a")[0] * (1 + 0.3 * noise(rng, 120, 2))[..., None],
                    step(-nucleus, -rng.uniform(4, 8, len(places))[kinds], 2.5) * 0.9)  # fmt: skip
    return finished(picture)


def dotted_cloth(rng: Generator) -> np.ndarray:
    page = canvas(rgb("1f3f7a")[0])
    for place in _rows(36, 18):
        colour = rgb("f4ead4", "f4ead4", "e84f4a", "f4c83a")[rng.integers(4)]
        fill(page, place + rng.normal(0, 0.4, 2) + _ROUND * rng.uniform(7.2, 7.9), colour)
    threads = linen(rng, 2.2)
    page[..., 3] = np.clip(110 + 40 * threads, 0, 255)
    folds = noise(rng, 3, 2, WIDE)
    return finished(lit(page, 0.5, 0, 1.0) * (1 + 0.13 * folds + 0.06 * threads)[..., None])


def wood(rng: Generator) -> np.ndarray:
    across = COLUMNS + 26 * noise(rng, 2) + 6 * np.sin(ROWS / 70 + noise(rng, 3))
    pull = np.zeros((SIDE, SIDE), np.float32)
    for x, y, size in ((150, 180, 26), (370, 380, 32), (430, 70, 18)):
        away = np.hypot((COLUMNS - x) * 1.5, (ROWS - y) * 0.55)
        pull += np.sign(COLUMNS - x) * size * np.exp(-away / size)
    rings = (across + pull) / 21
    early = (rings - np.floor(rings)) ** 2.2
    thin = np.ascontiguousarray(np.repeat(rng.normal(0, 1, (32, SIDE)), 16, 0).astype(np.float32))
    fibre = cv2.GaussianBlur(thin, (0, 0), sigmaX=0.7, sigmaY=12)
    fibre = fibre[ROWS.astype(int), np.clip(across, 0, SIDE - 1).astype(int)]
    tone = 0.75 - 0.5 * early + 0.17 * fibre + 0.1 * noise(rng, 4)
    picture = ramp(tone, rgb("4a2512", "8a4f26", "b87a42", "d8a468", "ecc892"))
    return finished(picture)


def letters(rng: Generator) -> np.ndarray:
    """A page of print in two colours: order at a distance, which no texture model can keep."""
    fonts = Path(find_spec("matplotlib").origin).parent / "mpl-data" / "fonts" / "ttf"
    font = ImageFont.truetype(str(fonts / "DejaVuSerif.ttf"), 20 * FINE)
    page = Image.new("RGB", (WIDE, WIDE), "#f1e8d2")
    pen, frequent = ImageDraw.Draw(page), list("eeeeetttaaaooiinnsshhrrdlcumwfgypbvk")
    for y in range(-12, WIDE, 27 * FINE):
        x = -20 * FINE
        while x < WIDE:
            word = "".join(rng.choice(frequent, rng.integers(2, 9)))
            pen.text((x, y), word, "#a8281e" if rng.random() < 0.07 else "#231d1a", font)
            x += round(pen.textlength(word, font)) + 8 * FINE
    worn = 1 - 0.35 * step(noise(rng, 150, 2, WIDE), 0.4, 0.3)
    paper = rgb("f1e8d2")[0] * (1 + 0.035 * noise(rng, 90, 3, WIDE))[..., None]
    return finished(blend(paper, np.asarray(page), worn))


def honeycomb(rng: Generator) -> np.ndarray:
    page, wax = canvas(rgb("e8b23a")[0]), rgb("7a3f0c", "a8600f", "c8811a", "e0a02c", "5a2c08")
    corners = np.stack([np.sin(np.arange(6) * np.pi / 3), np.cos(np.arange(6) * np.pi / 3)], 1)
    page[..., 3] = 200
    for place in _rows(34, 29.4):
        hexagon = place + corners * rng.uniform(16.2, 17.4) + rng.normal(0, 0.7, (6, 2))
        colour, filled = tinted(rng, wax[rng.integers(5)][None], 8, 4)[0], rng.random() < 0.22
        for share in np.linspace(0, 1, 7):
            inner = place + (hexagon - place) * (1 - 0.42 * share) + [share * 1.2, share * 1.6]
            tone = (
                rgb("f2cf78")[0] * (0.86 + 0.2 * share) if filled else colour * (1.1 - 0.45 * share)
            )
            fill(
                page,
                inner,
                np.clip(tone, 0, 255),
                (150 + 60 * share) if filled else (170 - 120 * share),
            )
        if not filled and rng.random() < 0.4:
            fill(
                page,
                place + rng.normal(0, 2, 2) + _ROUND * [4.4, 2.6],
                np.clip(colour * 1.15, 0, 255),
                90,
            )
    _rough(page, rng, 9)
    return finished(lit(page, 0.4, 0.3, 2.0))


def marbled_paper(rng: Generator) -> np.ndarray:
    """Inks floated on water and combed: drops first, then the rake from top to bottom and back."""
    x, y = COLUMNS + 10 * noise(rng, 5, 2), ROWS + 10 * noise(rng, 5, 2)
    for spacing, pull in ((64, 46), (32, -22)):
        teeth = np.abs((x / spacing) % 1 - 0.5) * 2
        y = y + pull * (teeth**2 - 0.33)
        x = x + 3 * np.sin(y / 17)
    band = y / 17 + 1.4 * np.sin(x / 90)
    share = band - np.floor(band)
    inks = rgb("17305f", "c8402f", "f0e4c8", "2f7a7a", "e0a83a", "7a1f3a", "f0e4c8")
    picture = inks[np.floor(band).astype(int) % 7]
    picture = blend(picture, picture * 0.72, step(share, 0.88, 0.16) + step(-share, -0.06, 0.1))
    drops = step(noise(rng, 34, 2), 0.62, 0.08)
    picture = blend(picture, rgb("f0e4c8")[0], drops * 0.85)
    return finished(picture * (1 + 0.05 * noise(rng, 150, 2))[..., None])


_ALL = (brick_wall, roof_tiles, pebbles, basket, leaves, scales, cells, dotted_cloth, wood, letters,
        honeycomb, marbled_paper)  # fmt: skip
TEXTURES = {drawn.__name__: drawn for drawn in _ALL}
TEXTURE_NAMES = list(TEXTURES)


def draw_texture(name: str, seed: int = 0) -> np.ndarray:
    """A texture (512, 512, 3) uint8: the same bytes for the same seed."""
    if name not in TEXTURES:
        raise errors.unknown("drawn texture", name, TEXTURE_NAMES)
    return TEXTURES[name](np.random.default_rng([seed, *name.encode()]))
