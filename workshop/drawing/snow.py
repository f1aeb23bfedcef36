"""A planted shortcut: huskies and wolves that differ in the face only, on snow or on grass.

One seed is one animal: its body, pose, position, light and camera come from generators that know
neither its kind nor the ground under it. The kind paints a face inside a head that is already
there, so no outline depends on it.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from cs231n_viz import errors

from . import Drawing, brush, compose, scenes
from .brush import (
    INK,
    SIZE,
    WHITE,
    Colour,
    Layer,
    Sketch,
    both_sides,
    chance,
    curve,
    darker,
    dots,
    lighter,
    mix,
    pick,
    scatter,
    smooth,
    vary,
)
from .scenes import Scene

COATS = [
    (112, 112, 120),
    (78, 78, 88),
    (142, 128, 114),
    (164, 158, 152),
    (120, 96, 76),
    (96, 92, 88),
]
LIGHTS = [(255, 255, 255), (255, 247, 233), (238, 245, 255), (255, 240, 234), (222, 230, 250)]


class Coat(NamedTuple):
    back: Colour
    pale: Colour  # chest, legs and the tip of the tail


# --- faces: every mark lies inside the head, which is 1 wide and reaches from -0.45 down to 0.55 --


def _muzzle(face: Sketch, rng: Generator, lip: Colour) -> None:
    """Nose, mouth and perhaps a tongue: the same for both kinds but for the colour of the lip."""
    if chance(rng, 0.3):
        tongue = [(-0.07, 0.38), (0.07, 0.38), (0.06, 0.5), (0, 0.53), (-0.06, 0.5)]
        face.fill(smooth(tongue), (226, 120, 130), True)
    smile = rng.uniform(0.36, 0.42)
    lips = [curve([(0, 0.28), (side * 0.05, 0.39), (side * 0.16, smile)]) for side in (-1, 1)]
    face.line(lips, lip, 0.035, True)
    face.fill(smooth([(-0.1, 0.2), (0.1, 0.2), (0.06, 0.3), (-0.06, 0.3)]), INK, True)
    face.oval(-0.03, 0.225, 0.03, 0.015, (150, 146, 154), inside=True)


def husky(rng: Generator, coat: Coat) -> Sketch:
    """Pale mask, dark cap with a peak between the brows, round pale blue eyes."""
    cap, white = (
        darker(coat.back, rng.uniform(0.25, 0.6)),
        mix(coat.pale, WHITE, rng.uniform(0.3, 0.8)),
    )
    face, brow, cheek = Sketch(), rng.uniform(-0.26, -0.2), rng.uniform(0.4, 0.48)
    face.oval(0, -0.32, 0.62, 0.42, cap, inside=True)
    face.fill(
        smooth(
            both_sides(
                [
                    (0.03, 0.05),
                    (0.08, brow),
                    (0.22, brow - 0.03),
                    (0.36, -0.08),
                    (cheek, 0.1),
                    (cheek, 0.34),
                    (0.2, 0.62),
                ]
            )
        ),
        white,
        True,
    )
    face.fill([(-0.09, -0.3), (0.09, -0.3), (0.025, 0.16), (-0.025, 0.16)], cap, True)
    face.oval(0, 0.3, 0.17, 0.14, mix(white, coat.back, 0.12), inside=True)
    blue = pick(rng, [(128, 182, 216), (146, 190, 216), (118, 166, 204)])
    for x in (-0.2, 0.2):
        for size, colour in ((0.098, INK), (0.076, blue), (0.037, INK)):
            face.oval(x, -0.02, size, size * 0.95, colour, inside=True)
        face.oval(x - 0.03, -0.05, 0.024, colour=(255, 255, 255), inside=True)
    _muzzle(face, rng, mix(coat.back, INK, 0.6))
    return face


def wolf(rng: Generator, coat: Coat) -> Sketch:
    """Grey-brown all over with paler cheeks, a dark muzzle, slanted amber eyes under a frown."""
    face, fur = Sketch(), mix(vary(rng, (146, 124, 102), 0.7), coat.back, rng.uniform(0.4, 0.8))
    dark, tan = darker(fur, rng.uniform(0.25, 0.6)), mix(fur, coat.pale, rng.uniform(0.5, 0.9))
    face.oval(0, 0.06, 0.6, 0.6, fur, inside=True)
    cheek = smooth(
        [(0.16, 0.1), (0.34, 0.14), (0.6, 0.16), (0.42, 0.44), (0.24, 0.56), (0.12, 0.4)]
    )
    face.fill(np.stack([cheek, cheek * [-1, 1]]), tan, True)
    face.fill(
        smooth(
            both_sides(
                [
                    (0.03, -0.34),
                    (0.1, -0.16),
                    (0.08, 0.06),
                    (0.18, 0.26),
                    (0.15, 0.42),
                    (0.04, 0.47),
                ]
            )
        ),
        dark,
        True,
    )
    face.oval(0, 0.5, 0.1, 0.06, tan, inside=True)
    amber = pick(rng, [(222, 178, 86), (214, 164, 80), (226, 192, 104)])
    for side in (-1, 1):
        x, slant = side * 0.21, -side * rng.uniform(0.4, 0.6)
        for wide, tall, colour in ((0.135, 0.075, INK), (0.1, 0.056, amber)):
            face.oval(x, -0.02, wide, tall, colour, slant, inside=True)
        face.oval(x - side * 0.01, -0.015, 0.035, colour=INK, inside=True)
        face.line([(side * 0.07, -0.04), (side * 0.34, -0.19)], dark, 0.05, True)
    _muzzle(face, rng, darker(fur, 0.7))
    return face


FACES = {"husky": husky, "wolf": wolf}


def _turned(face: Sketch, yaw: float) -> Sketch:
    """The face looked at from the side: what stands out most, its middle, moves most."""
    turned = Sketch()
    for mark in face.marks:
        x, y = mark.points[..., 0], mark.points[..., 1]
        out = np.clip(1 - (x / 0.52) ** 2, 0, 1) * (0.5 + np.clip(y + 0.3, 0, 0.6))
        turned.marks.append(mark._replace(points=np.stack([x + yaw * out, y], -1)))
    return turned


# --- the body: nothing here knows a kind ----------------------------------------------------------


class Animal(NamedTuple):
    """A body whose last part, the head, is not lit yet and has no face."""

    sketch: Sketch
    coat: Coat
    head: tuple[float, float, float, float]  # scale, x, y, tilt
    yaw: float


def _furry(points, amount=0.035) -> np.ndarray:
    """A smooth outline with every second corner pulled out: tufts."""
    outline = smooth(points)
    outline[1::2] += (outline[1::2] - outline.mean(0)) * amount
    return outline


def _strokes(sketch: Sketch, rng: Generator, colour: Colour, low, high, count=40) -> None:
    """Hairs that lie along the body, on the current part only."""
    roots = scatter(rng, count, low, high)
    tips = roots + np.stack([rng.uniform(-0.03, 0.06, count), rng.uniform(0.06, 0.13, count)], 1)
    sketch.line(np.stack([roots, tips], 1), colour, 0.018, True)


def _tail(sketch: Sketch, points, coat: Coat) -> None:
    path = curve(points)
    sketch.line(path, coat.back, 0.22)
    sketch.fill(dots(path[-3:], 0.1), coat.pale)
    sketch.light(0.9, 0.35)


def _leg(sketch: Sketch, hip, foot, colour: Colour, wide=0.12) -> None:
    """From the hip to a paw that points left."""
    (x, y), (paw, ground) = hip, foot
    sketch.fill(
        smooth(
            [
                (x - wide * 1.2, y),
                (x + wide * 1.2, y),
                (paw + wide * 0.75, ground - 0.12),
                (paw + wide * 0.8, ground),
                (paw - wide * 1.2, ground),
                (paw - wide * 1.1, ground - 0.08),
                (paw - wide * 0.6, ground - 0.14),
            ]
        ),
        colour,
    )
    sketch.line(
        [[(paw - wide * k, ground), (paw - wide * k, ground - 0.05)] for k in (0.2, 0.7)],
        darker(colour, 0.4),
        0.018,
        True,
    )
    sketch.light(0.8, 0.25)


def sitting(sketch: Sketch, rng: Generator, coat: Coat) -> tuple[float, float]:
    """Upright, chest to the viewer. Draws all but the head; the place of the head."""
    reach, lift = rng.uniform(0.62, 0.85), rng.uniform(-0.1, 0.5)
    _tail(
        sketch,
        [(0.3, 0.82), (reach, 0.8), (reach + 0.1, (lift + 0.8) / 2), (reach - 0.06, lift)],
        coat,
    )
    wide = rng.uniform(0.9, 1.1)
    for side in (-1, 1):
        sketch.oval(side * 0.34 * wide, 0.7, 0.22, 0.27, darker(coat.back, 0.12))
        sketch.oval(side * 0.4 * wide, 0.92, 0.15, 0.07, coat.pale)
        sketch.light(0.9, 0.3)
    sketch.fill(
        _furry(
            both_sides(
                [
                    (0.02, -0.45),
                    (0.32 * wide, -0.2),
                    (0.42 * wide, 0.3),
                    (0.36 * wide, 0.75),
                    (0.24, 0.92),
                ]
            )
        ),
        coat.back,
    )
    chest = both_sides([(0.02, -0.3), (0.24, -0.1), (0.22, 0.25), (0.02, 0.55)])
    sketch.fill(_furry(chest, 0.1), coat.pale, True)
    _strokes(sketch, rng, darker(coat.back, 0.25), (-0.45, -0.2), (0.45, 0.8), 30)
    sketch.light(1, 0.3)
    for side in (-1, 1):
        _leg(sketch, (side * 0.13, 0.38), (side * 0.14 + 0.02, 0.97), coat.pale, 0.1)
    return rng.uniform(-0.08, 0.08), -0.58


def standing(sketch: Sketch, rng: Generator, coat: Coat) -> tuple[float, float]:
    """From the side, walking left. Draws all but the head; the place of the head."""
    stride, raised, wag = (
        rng.uniform(-0.14, 0.14),
        rng.uniform(-0.16, 0.05),
        rng.uniform(-0.5, 0.25),
    )
    far = darker(coat.pale, 0.3)
    _leg(sketch, (-0.3, 0.2), (-0.26 - stride, 0.92), far)
    _leg(sketch, (0.6, 0.15), (0.62 + stride, 0.92), far)
    _tail(
        sketch,
        [(0.68, -0.12), (0.95, -0.2 + wag / 3), (1.08, -0.2 + wag), (0.96, -0.25 + wag * 1.5)],
        coat,
    )
    sketch.fill(
        _furry(
            [
                (-0.72, -0.5),
                (-0.4, -0.55),
                (-0.1, -0.3),
                (0.4, -0.3),
                (0.76, -0.18),
                (0.8, 0.18),
                (0.6, 0.34),
                (0.3, 0.26),
                (-0.05, 0.4),
                (-0.45, 0.46),
                (-0.7, 0.2),
            ]
        ),
        coat.back,
    )
    sketch.fill(
        _furry(
            [
                (-0.75, -0.3),
                (-0.5, -0.2),
                (-0.35, 0.2),
                (0.1, 0.28),
                (0.7, 0.22),
                (0.5, 0.6),
                (-0.5, 0.7),
                (-0.85, 0.2),
            ],
            0.08,
        ),
        coat.pale,
        True,
    )
    _strokes(sketch, rng, darker(coat.back, 0.25), (-0.5, -0.4), (0.75, 0.15))
    sketch.light(1.1, 0.3)
    _leg(sketch, (-0.42, 0.28), (-0.46 + stride, 0.96), coat.pale)
    _leg(sketch, (0.54, 0.2), (0.5 - stride, 0.96), mix(coat.pale, coat.back, 0.3), 0.14)
    return -0.56, -0.52 + raised


def lying(sketch: Sketch, rng: Generator, coat: Coat) -> tuple[float, float]:
    """At rest, paws in front. Draws all but the head; the place of the head."""
    back, low = rng.uniform(-0.12, 0.04), rng.uniform(0.2, 0.66)
    _tail(sketch, [(0.85, 0.6), (1.12, 0.62), (1.25, (low + 0.6) / 2), (1.1, low)], coat)
    sketch.fill(
        _furry(
            [
                (-0.7, 0.0),
                (-0.3, back - 0.02),
                (0.3, back),
                (0.8, back + 0.15),
                (0.98, 0.5),
                (0.85, 0.74),
                (0.1, 0.78),
                (-0.75, 0.76),
                (-0.85, 0.4),
            ]
        ),
        coat.back,
    )
    sketch.fill(
        _furry(
            [(-0.9, 0.1), (-0.4, 0.2), (-0.2, 0.55), (0.3, 0.64), (0.3, 0.9), (-0.9, 0.9)], 0.08
        ),
        coat.pale,
        True,
    )
    _strokes(sketch, rng, darker(coat.back, 0.25), (-0.5, back), (0.9, 0.6))
    sketch.light(1.1, 0.3)
    sketch.oval(0.62, 0.52, 0.28, 0.25, darker(coat.back, 0.06))
    sketch.oval(0.5, 0.74, 0.26, 0.08, coat.pale)
    sketch.light(0.8, 0.3)
    for x in (-0.78, -0.38):
        sketch.oval(x, 0.73, 0.2, 0.1, coat.pale)
        toes = [[(x - d, 0.82), (x - d, 0.75)] for d in (0.06, 0.13)]
        sketch.line(toes, darker(coat.pale, 0.4), 0.018, True)
        sketch.light(0.8, 0.25)
    return -0.52, rng.uniform(-0.05, 0.1)


def _head(coat: Coat) -> Sketch:
    """Ears and a head without a face, its last part open for one."""
    head = Sketch()
    for side in (-1, 1):
        ear = np.array([(0.08, -0.3), (0.2, -0.56), (0.35, -0.76), (0.44, -0.5), (0.47, -0.1)])
        head.fill(ear * [side, 1], darker(coat.back, 0.15))
        head.fill(
            (ear * 0.6 + [0.12, -0.14]) * [side, 1], mix(coat.pale, (206, 150, 140), 0.4), True
        )
        head.light(0.5, 0.2)
    head.fill(
        _furry(
            both_sides(
                [
                    (0.02, -0.44),
                    (0.26, -0.4),
                    (0.44, -0.16),
                    (0.5, 0.1),
                    (0.52, 0.24),
                    (0.36, 0.4),
                    (0.18, 0.54),
                    (0.03, 0.57),
                ]
            ),
            0.05,
        ),
        coat.back,
    )
    return head


def animal(rng: Generator) -> Animal:
    """A husky or a wolf without its face."""
    back = vary(rng, COATS[rng.integers(len(COATS))])
    coat, sketch = Coat(back, lighter(back, rng.uniform(0.4, 0.95))), Sketch()
    pose = (sitting, standing, lying)[rng.integers(3)]
    head = (rng.uniform(0.76, 0.88), *pose(sketch, rng, coat), rng.uniform(-0.16, 0.16))
    sketch.add(_head(coat), *head)
    return Animal(sketch, coat, head, rng.uniform(-0.14, 0.14))


def _place(sketch: Sketch, rng: Generator):
    """Size and place: the whole animal on the page, its feet on the ground."""
    view = compose.coarse_view(sketch, rng.uniform(-0.05, 0.05), chance(rng, 0.5))
    left, top, right, bottom = view.box
    zoom = np.sqrt(rng.uniform(0.1, 0.22) * compose.PIXELS / np.count_nonzero(view.cover))
    zoom = min(zoom, 0.94 * SIZE / (right - left), 0.9 * SIZE / (bottom - top))
    x = rng.uniform(3 - left * zoom, SIZE - 3 - right * zoom)
    foot = rng.uniform(max(0.74 * SIZE, 4 + (bottom - top) * zoom), 0.97 * SIZE)
    return view.moved(zoom, x, foot - bottom * zoom)


# --- the ground -----------------------------------------------------------------------------------


def _fir(sketch: Sketch, foot, tall, leaf: Colour, load: Colour | None = None) -> None:
    """Four tiers of branches, each with its load of snow if that has a colour."""
    x, y = foot
    sketch.line([(x, y), (x, y - tall * 0.3)], (84, 66, 56), tall * 0.07)
    shape = np.array([(0, -0.34), (1, 0), (0.45, -0.03), (0, 0.03), (-0.45, -0.03), (-1, 0)])
    snow = np.array(
        [(0, -0.36), (0.85, -0.06), (0.4, -0.12), (0.12, -0.08), (-0.3, -0.13), (-0.9, -0.05)]
    )
    for tier in range(4):
        place = np.array([x, y - tall * (0.14 + 0.19 * tier)])
        size = tall * np.array([0.27 - 0.055 * tier, 1])
        sketch.fill(shape * size + place, lighter(leaf, 0.06 * tier))
        if load:
            sketch.fill(snow * size + place, load, True)
    sketch.light(0.5, 0.25)


def _firs(
    sketch: Sketch, rng: Generator, most, ground, leaf: Colour, load: Colour | None = None
) -> None:
    for depth in np.sort(rng.uniform(0, 1, rng.integers(2, most + 1))):
        foot = rng.uniform(-0.02, 1.02), ground + 0.14 * depth
        _fir(sketch, foot, rng.uniform(0.2, 0.34) * (1 + 0.8 * depth), vary(rng, leaf), load)


def _flakes(sketch: Sketch, rng: Generator) -> None:
    """Falling snow: a few flakes or many."""
    count = int(rng.choice((4, 40, 90)))
    sketch.fill(
        dots(scatter(rng, count, (0, 0), (1, 1)), rng.uniform(0.004, 0.011, count)), (255, 255, 255)
    )
    sketch.light(0)


def _snow_cover(sketch: Sketch, rng: Generator, ground, white: Colour, folds=3, rough=0.03) -> None:
    """Fold behind fold of snow, bluer with distance."""
    for k in range(folds):
        distance = 0.24 - 0.08 * min(k, 3)
        sketch.fill(
            scenes.ridge(rng, ground + 0.13 * k, rough), mix(white, (156, 184, 224), distance)
        )
        sketch.light(0.7, 0.12)


WINTER_SKIES = [(150, 192, 230), (196, 210, 226), (120, 168, 214), (236, 206, 206), (176, 186, 214)]
SNOWS = [(242, 246, 250), (230, 238, 247), (246, 242, 240)]


def snowy_firs(rng: Generator) -> Scene:
    sketch, sky, white, ground = (
        Sketch(),
        pick(rng, WINTER_SKIES),
        pick(rng, SNOWS),
        rng.uniform(0.4, 0.58),
    )
    sketch.fill(scenes.ridge(rng, ground - 0.1, 0.05, 12), mix(sky, (90, 116, 128), 0.5))
    sketch.light(0.2, 0.3)
    _snow_cover(sketch, rng, ground, white, 1)
    _firs(sketch, rng, 7, ground + 0.03, (60, 96, 92), white)
    _snow_cover(sketch, rng, ground + 0.16, white, 2)
    _flakes(sketch, rng)
    return Scene([sky, lighter(sky, 0.5)], sketch)


def drifts(rng: Generator) -> Scene:
    sketch, sky, white, ground = (
        Sketch(),
        pick(rng, WINTER_SKIES),
        pick(rng, SNOWS),
        rng.uniform(0.25, 0.5),
    )
    _snow_cover(sketch, rng, ground, white, 4, 0.07)
    for x, y in scatter(rng, rng.integers(2, 6), (0, ground + 0.15), (1, 1)):
        wide = rng.uniform(0.12, 0.3)
        sketch.fill(
            smooth(
                [
                    (x - wide, y),
                    (x - wide * 0.3, y - wide * 0.25),
                    (x + wide * 0.5, y - wide * 0.15),
                    (x + wide, y),
                ]
            ),
            lighter(white, 0.3),
        )
        sketch.light(0.8, 0.1)
    sparkles = scatter(rng, 26, (0, ground + 0.1), (1, 1))
    sketch.fill(dots(sparkles, 0.005), (255, 255, 255))
    sketch.light(0)
    _flakes(sketch, rng)
    return Scene([sky, lighter(sky, 0.55)], sketch)


def _flowers(sketch: Sketch, rng: Generator, top) -> None:
    sketch.fill(dots(scatter(rng, rng.integers(1, 24), (0, top), (1, 1)), 0.009), pick(rng))
    sketch.light(0, 0.2)


def clearing(rng: Generator) -> Scene:
    """The floor of a forest: trunks, firs, moss and grass."""
    sketch, mist = Sketch(), pick(rng, [(168, 192, 160), (142, 172, 158), (196, 196, 156)])
    green, ground = (
        pick(rng, [(92, 128, 70), (76, 112, 66), (118, 130, 72)]),
        rng.uniform(0.4, 0.58),
    )
    for x in rng.uniform(0, 1, rng.integers(3, 8)):
        wide, bark = (
            rng.uniform(0.015, 0.04),
            mix(mist, vary(rng, (86, 70, 56)), rng.uniform(0.4, 0.85)),
        )
        sketch.fill(
            [
                (x - wide * 0.7, -0.1),
                (x + wide * 0.7, -0.1),
                (x + wide, ground + 0.1),
                (x - wide, ground + 0.1),
            ],
            bark,
        )
        sketch.light(0.6, 0.3)
    _firs(sketch, rng, 4, ground, darker(green, 0.25))
    sketch.fill(scenes.ridge(rng, ground + 0.06, 0.03), green)
    for share in (0.0, 0.25):
        sketch.fill(
            dots(scatter(rng, 40, (0, ground + 0.1), (1, 1)), 0.02, 0.5), darker(green, share), True
        )
        scenes.tufts(sketch, rng, 80, ground + 0.08, lighter(green, share), 0.05)
    sketch.light(0.2, 0.4)
    return Scene([mist, lighter(mist, 0.35)], sketch)


def autumn(rng: Generator) -> Scene:
    """Dry grass and round trees in red and gold."""
    sketch, sky = (
        Sketch(),
        pick(rng, [(168, 194, 222), (206, 212, 222), (226, 204, 206), (214, 206, 180)]),
    )
    straw, ground = (
        pick(rng, [(190, 160, 84), (168, 146, 76), (176, 130, 74)]),
        rng.uniform(0.4, 0.6),
    )
    sketch.fill(scenes.ridge(rng, ground - 0.1, 0.05), mix(sky, straw, 0.5))
    sketch.light(0.2, 0.2)
    for x in rng.uniform(0, 1, rng.integers(1, 6)):
        tall = rng.uniform(0.14, 0.26)
        leaf = pick(rng, [(196, 104, 52), (216, 156, 60), (160, 76, 54), (140, 138, 68)])
        sketch.line([(x, ground + 0.05), (x, ground - tall)], (92, 70, 56), 0.02)
        puffs = [x, ground - tall] + scatter(rng, 9, (-0.5, -0.45), (0.5, 0.35)) * tall
        sketch.fill(dots(puffs, tall * 0.3), leaf)
        sketch.light(0.8, 0.4)
    sketch.fill(scenes.ridge(rng, ground + 0.03, 0.02), straw)
    for colour in (darker(straw, 0.25), lighter(straw, 0.3), mix(straw, (110, 130, 60), 0.6)):
        scenes.tufts(sketch, rng, 70, ground + 0.08, colour, 0.055)
    _flowers(sketch, rng, ground + 0.1)
    sketch.light(0.1, 0.3)
    return Scene([sky, lighter(sky, 0.5)], sketch)


GROUNDS = {"snow": [scenes.snow, snowy_firs, drifts], "grass": [scenes.meadow, clearing, autumn]}


# --- the picture ----------------------------------------------------------------------------------


def _page(ground: str, seed: int, sun, light: Colour) -> np.ndarray:
    rng = compose.generator(ground, seed)
    scene = GROUNDS[ground][rng.integers(len(GROUNDS[ground]))](rng)
    page = scenes.paint(scene, rng, sun)
    return brush.tint(Layer(page, page[..., 0]), light).colour


def _camera(page: np.ndarray, rng: Generator) -> np.ndarray:
    """A little exposure, contrast and sensor noise: no blur, the faces are small."""
    page = (
        ((page.astype(np.int32) - 128) * rng.integers(240, 282) >> 8) + 128 + rng.integers(-8, 13)
    )
    noise = rng.integers(2, 7)
    return np.clip(page + rng.integers(-noise, noise + 1, page.shape, np.int32), 0, 255).astype(
        np.uint8
    )


def parts(kind: str, ground: str, seed: int) -> compose.Parts:
    """The layers of a picture."""
    rng = compose.generator("husky or wolf", seed)
    sketch, coat, head, yaw = animal(rng)
    place = _place(sketch, rng)  # before there is a face
    sketch.add(_turned(FACES[kind](compose.generator(kind, seed), coat), yaw), *head)
    sketch.light(0.8, 0.2)
    sun = compose.sunlight(rng)
    light = LIGHTS[rng.integers(len(LIGHTS))]
    layer = brush.tint(brush.render(sketch, place, sun, brush.grain(rng)), light)
    return compose.Parts(ground, _page(ground, seed, sun, light), layer, None, sun)


def draw(kind: str, ground: str, seed: int) -> Drawing:
    """A "husky" or "wolf" on "snow" or "grass", the facet; one seed is one body on any ground."""
    if kind not in FACES:
        raise errors.unknown("animal of the snow pictures", kind, FACES)
    if ground not in GROUNDS:
        raise errors.unknown("ground of the snow pictures", ground, GROUNDS)
    layers = parts(kind, ground, seed)
    pixels = _camera(compose.stack(layers), compose.generator("husky or wolf", seed, 2))
    return Drawing(pixels, compose.visible(layers.object, layers.front), ground)
