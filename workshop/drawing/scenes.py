"""Ten backgrounds, shared by all kinds: a scene fills the page and knows its light's colour."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .brush import (
    SIZE,
    WHITE,
    Colour,
    Sketch,
    chance,
    curve,
    darker,
    dots,
    grain,
    in_rows,
    lighter,
    mix,
    mottle,
    oval,
    over,
    pick,
    placed,
    render,
    scatter,
    smooth,
    vary,
)


class Scene(NamedTuple):
    """The backdrop's colours from top to bottom, what stands before it (0–1), and its light."""

    backdrop: list[Colour]
    sketch: Sketch
    light: Colour = (255, 255, 255)


def ridge(rng: Generator, y, rough, steps=7, foot=1.1) -> np.ndarray:
    """A rolling skyline from edge to edge, filled down to the foot."""
    x = np.linspace(-0.1, 1.1, steps)
    return np.concatenate(
        [
            curve(np.stack([x, y + rng.uniform(-rough, rough, steps)], 1)),
            [(1.1, foot), (-0.1, foot)],
        ]
    )


def _box(left, top, right, bottom) -> np.ndarray:
    return np.array([(left, top), (right, top), (right, bottom), (left, bottom)])


def _clouds(sketch: Sketch, rng: Generator, most, colour, high=0.3) -> None:
    for _ in range(rng.integers(0, most + 1)):
        x, y, size = rng.uniform(0, 1), rng.uniform(0.03, high), rng.uniform(0.03, 0.075)
        puffs = [x, y] + scatter(rng, 7, (-2.4, -0.5), (2.4, 0.3)) * size
        sketch.fill(dots(puffs, size * rng.uniform(0.7, 1.4, 7), 0.75), colour)
        sketch.light(0.5)


def tufts(sketch: Sketch, rng: Generator, count, top, colour, size=0.03) -> None:
    places = scatter(rng, count, (0, top), (1, 1))
    tips = (
        np.stack([rng.uniform(-0.4, 0.4, count), -rng.uniform(0.5, 1.2, count)], 1)
        * size
        * (0.6 + places[:, 1:])
    )
    sketch.line(np.stack([places, places + tips], 1), colour, 0.008)


def meadow(rng: Generator) -> Scene:
    sketch, sky = (
        Sketch(),
        pick(rng, [(120, 180, 222), (150, 200, 226), (186, 206, 214), (236, 206, 180)]),
    )
    green, horizon = (
        pick(rng, [(126, 164, 84), (96, 146, 84), (160, 170, 86), (196, 180, 100)]),
        rng.uniform(0.4, 0.7),
    )
    _clouds(sketch, rng, 4, lighter(sky, 0.75))
    for k in range(rng.integers(1, 4)):
        sketch.fill(ridge(rng, horizon - 0.12 + 0.07 * k, 0.06), mix(sky, green, 0.45 + 0.2 * k))
        sketch.light(0.1, 0.1)
    sketch.fill(ridge(rng, horizon + 0.05, 0.03), green)
    tufts(sketch, rng, 90, horizon + 0.1, darker(green, 0.25))
    tufts(sketch, rng, 70, horizon + 0.1, lighter(green, 0.25))
    sketch.fill(dots(scatter(rng, 16, (0, horizon + 0.15), (1, 1)), 0.009), pick(rng))
    sketch.light(0, 0.25)
    return Scene([darker(sky, 0.12), lighter(sky, 0.4)], sketch)


def sea(rng: Generator) -> Scene:
    sketch, sky = (
        Sketch(),
        pick(rng, [(140, 190, 224), (196, 212, 216), (240, 206, 170), (160, 176, 196)]),
    )
    water, horizon = (
        pick(rng, [(52, 120, 160), (64, 150, 160), (90, 130, 150), (40, 92, 130)]),
        rng.uniform(0.35, 0.65),
    )
    _clouds(sketch, rng, 4, lighter(sky, 0.7))
    if chance(rng, 0.4):
        sketch.fill(ridge(rng, horizon - 0.02, 0.05, 9), mix(sky, (80, 100, 90), 0.6))
        sketch.light(0.1)
    sketch.fill(_box(-0.1, horizon, 1.1, 1.1), water)
    for y in horizon + (1.05 - horizon) * np.linspace(0.03, 1, 11) ** 1.5:
        x = np.linspace(-0.1, 1.1, 9)
        swell = curve(np.stack([x, y + rng.uniform(-0.012, 0.012, 9) * (1 + 2 * (y - horizon))], 1))
        sketch.line(
            swell,
            mix(water, WHITE if chance(rng, 0.5) else (20, 40, 70), rng.uniform(0.12, 0.35)),
            0.006 + 0.02 * (y - horizon),
        )
    places = scatter(rng, 24, (0, horizon), (1, 1))
    sketch.line(np.stack([places, places + [[0.06, 0]]], 1), lighter(water, 0.6), 0.007)
    sketch.light(0, 0.15)
    return Scene([sky, lighter(sky, 0.5)], sketch)


def forest(rng: Generator) -> Scene:
    sketch, mist = (
        Sketch(),
        pick(rng, [(170, 190, 160), (140, 170, 160), (200, 190, 150), (110, 140, 130)]),
    )
    dark = pick(rng, [(50, 80, 60), (64, 70, 54), (44, 70, 76), (96, 66, 44)])
    for depth in range(3):
        colour = mix(mist, dark, 0.3 + 0.3 * depth)
        for x in rng.uniform(-0.05, 1.05, rng.integers(3, 8)):
            width = rng.uniform(0.012, 0.03) * (1 + depth)
            sketch.fill(
                [
                    (x - width, -0.1),
                    (x + width * 0.8, -0.1),
                    (x + width, 0.9),
                    (x - width * 1.3, 0.9),
                ],
                vary(rng, colour, 0.5),
            )
            bark = [
                [(x + dx * width, y), (x + dx * width, y + 0.12)]
                for dx, y in scatter(rng, 4, (-0.8, 0), (0.8, 0.8))
            ]
            sketch.line(bark, darker(colour, 0.25), 0.006, True)
        sketch.light(0.4, 0.2)
    leaf = mix(dark, pick(rng, [(120, 160, 80), (200, 140, 60), (90, 140, 90)]), 0.6)
    for share in (0.0, 0.3):
        places = scatter(rng, 60, (0, -0.05), (1, 0.28))
        sketch.fill(dots(places, rng.uniform(0.015, 0.04, 60), 0.7), mix(leaf, WHITE, share * 0.6))
        sketch.light(0.3, 0.3)
    ground = rng.uniform(0.65, 0.85)
    sketch.fill(ridge(rng, ground, 0.03), mix(dark, (150, 130, 80), 0.45))
    places = scatter(rng, 70, (0, ground), (1, 1))
    sketch.fill(dots(places, 0.013, 0.6), leaf)
    tufts(sketch, rng, 60, ground, lighter(leaf, 0.2), 0.05)
    sketch.light(0, 0.35)
    return Scene([mist, lighter(mist, 0.3)], sketch, (245, 250, 235))


def city(rng: Generator) -> Scene:
    sketch, sky = (
        Sketch(),
        pick(rng, [(180, 200, 214), (216, 206, 196), (150, 180, 210), (226, 190, 160)]),
    )
    street = rng.uniform(0.68, 0.85)
    for depth in range(2):
        x = -0.05
        while x < 1.05:
            wide, top = rng.uniform(0.1, 0.26), rng.uniform(0.08, 0.5) + 0.12 * depth
            block = mix(sky, pick(rng), 0.3 + 0.35 * depth)
            sketch.fill(_box(x, top, x + wide, 1), block)
            columns = np.arange(x + 0.025, x + wide - 0.02, 0.05)
            rows = np.arange(top + 0.04, street - 0.03, 0.07)
            panes = [
                _box(a, b, a + 0.025, b + 0.035)
                for a in columns
                for b in rows
                if rng.random() < 0.85
            ]
            if panes:
                sketch.fill(
                    np.stack(panes),
                    lighter(block, 0.4) if chance(rng, 0.4) else darker(block, 0.35),
                )
            sketch.light(0.12, 0.12)
            x += wide
    road = pick(rng, [(110, 108, 112), (150, 142, 132), (84, 84, 92)])
    sketch.fill(_box(-0.1, street, 1.1, 1.1), road)
    sketch.line(
        [[(-0.1, street), (1.1, street)], [(-0.1, street + 0.05), (1.1, street + 0.05)]],
        lighter(road, 0.4),
        0.014,
    )
    sketch.line(
        [[(x, 0.93), (x + 0.12, 0.93)] for x in np.arange(-0.1, 1, 0.24)], lighter(road, 0.6), 0.016
    )
    if chance(rng, 0.5):
        x = rng.uniform(0.05, 0.95)
        sketch.line([(x, street + 0.03), (x, street - 0.42)], darker(road, 0.5), 0.016)
        sketch.oval(x, street - 0.43, 0.03, colour=(250, 226, 150))
    sketch.light(0, 0.3)
    return Scene([sky, lighter(sky, 0.4)], sketch)


def night(rng: Generator) -> Scene:
    sketch, sky = Sketch(), pick(rng, [(24, 30, 66), (36, 26, 64), (16, 40, 62), (40, 44, 70)])
    sketch.fill(
        dots(scatter(rng, 40, (0, 0), (1, 0.7)), rng.uniform(0.003, 0.01, 40)), (240, 236, 200)
    )
    if chance(rng, 0.7):
        x, y, size = rng.uniform(0.1, 0.9), rng.uniform(0.1, 0.3), rng.uniform(0.05, 0.1)
        sketch.oval(x, y, size * 1.35, colour=mix(sky, (240, 230, 180), 0.2))
        sketch.oval(x, y, size, colour=(244, 236, 196))
        if chance(rng, 0.5):
            sketch.oval(
                x + size * 0.5, y - size * 0.2, size * 0.85, colour=mix(sky, (240, 230, 180), 0.2)
            )
    for k in range(rng.integers(1, 4)):
        sketch.fill(ridge(rng, 0.62 + 0.1 * k, 0.07), mix(sky, (30, 50, 50), 0.3 + 0.25 * k))
        lamps = scatter(rng, 5, (0, 0.66 + 0.1 * k), (1, 0.8 + 0.1 * k))
        sketch.fill(dots(lamps, 0.008), (250, 206, 110))
        sketch.light(0.1, 0.2)
    tufts(sketch, rng, 60, 0.85, (46, 70, 70), 0.05)
    sketch.light(0)
    return Scene([darker(sky, 0.3), lighter(sky, 0.16)], sketch, (164, 170, 214))


def snow(rng: Generator) -> Scene:
    sketch, sky = (
        Sketch(),
        pick(rng, [(176, 196, 216), (206, 210, 220), (150, 176, 206), (222, 206, 210)]),
    )
    white, horizon = pick(rng, [(240, 244, 248), (226, 234, 244)]), rng.uniform(0.4, 0.7)
    sketch.fill(ridge(rng, horizon - 0.08, 0.12, 9), mix(sky, (120, 140, 170), 0.4))
    sketch.light(0.2, 0.3)
    for _ in range(rng.integers(0, 6)):
        x, y, size = rng.uniform(0, 1), horizon + rng.uniform(0, 0.12), rng.uniform(0.04, 0.09)
        sketch.fill([(x - size * 0.5, y), (x, y - size * 2.2), (x + size * 0.5, y)], (70, 104, 104))
        sketch.fill(
            [
                (x - size * 0.2, y - size * 1.3),
                (x, y - size * 2.2),
                (x + size * 0.2, y - size * 1.3),
            ],
            white,
            True,
        )
        sketch.light(0.3, 0.2)
    for k in range(3):
        sketch.fill(
            ridge(rng, horizon + 0.13 * k, 0.04), mix(white, (170, 190, 224), 0.22 - 0.08 * k)
        )
        sketch.light(0.5, 0.1)
    sketch.fill(
        dots(scatter(rng, 40, (0, 0), (1, 1)), rng.uniform(0.004, 0.012, 40)), (255, 255, 255)
    )
    sketch.light(0)
    return Scene([sky, lighter(sky, 0.5)], sketch, (244, 250, 255))


def desert(rng: Generator) -> Scene:
    sketch, sky = (
        Sketch(),
        pick(rng, [(126, 184, 214), (240, 190, 130), (226, 160, 120), (206, 206, 190)]),
    )
    sand, horizon = (
        pick(rng, [(222, 178, 112), (206, 146, 92), (232, 204, 150)]),
        rng.uniform(0.4, 0.65),
    )
    if chance(rng, 0.6):
        sketch.oval(
            rng.uniform(0.1, 0.9),
            rng.uniform(0.08, 0.25),
            rng.uniform(0.05, 0.09),
            colour=(250, 236, 190),
        )
        sketch.light(0)
    left = rng.uniform(-0.1, 0.6)
    sketch.fill(
        [
            (left, horizon + 0.1),
            (left + 0.06, horizon - 0.15),
            (left + 0.3, horizon - 0.15),
            (left + 0.38, horizon + 0.1),
        ],
        mix(sand, (170, 80, 60), 0.6),
    )
    sketch.line(
        [[(left, horizon - d), (left + 0.5, horizon - d)] for d in (0.12, 0.07, 0.02)],
        darker(sand, 0.4),
        0.012,
        True,
    )
    sketch.light(0.3, 0.3)
    for k in range(3):
        sketch.fill(
            ridge(rng, horizon + 0.12 * k, 0.06, 5), mix(sand, (150, 90, 60), 0.25 - 0.1 * k)
        )
        for y in np.arange(horizon + 0.12 * k + 0.08, horizon + 0.12 * k + 0.4, 0.05):
            sketch.line(
                curve(np.stack([np.linspace(-0.1, 1.1, 6), y + rng.uniform(-0.02, 0.02, 6)], 1)),
                darker(sand, 0.13),
                0.007,
                True,
            )
        sketch.light(0.4, 0.15)
    for _ in range(rng.integers(0, 3)):
        x, y, size = (
            rng.uniform(0.05, 0.95),
            horizon + rng.uniform(0.1, 0.35),
            rng.uniform(0.05, 0.09),
        )
        sketch.line([(x, y), (x, y - size * 2.4)], (84, 130, 84), size * 0.5)
        sketch.line(
            curve([(x, y - size), (x + size, y - size * 1.1), (x + size, y - size * 1.9)]),
            (84, 130, 84),
            size * 0.32,
        )
        sketch.light(1, 0.2)
    return Scene([sky, lighter(sky, 0.5)], sketch, (255, 246, 226))


def room(rng: Generator) -> Scene:
    sketch, wall, second = Sketch(), lighter(pick(rng), 0.45), pick(rng)
    floor, skirting = (
        pick(rng, [(170, 120, 80), (140, 100, 76), (196, 160, 120), (150, 150, 150)]),
        rng.uniform(0.62, 0.82),
    )
    sketch.fill(_box(-0.1, -0.1, 1.1, 1.1), wall)
    paper, ink = rng.integers(4), mix(wall, second, 0.35)
    if paper == 0:
        step = rng.uniform(0.08, 0.16)
        sketch.fill(
            np.stack([_box(x, -0.1, x + step / 2, 1.1) for x in np.arange(-0.1, 1.1, step)]), ink
        )
    elif paper == 1:
        sketch.fill(in_rows(oval(0, 0, 0.028, 0.028), (0, 0), (1.1, 1), (0.13, 0.13)), ink)
    elif paper == 2:
        brick = [(0, 0), (0, 0.07), (0.14, 0.07)]
        sketch.line(in_rows(brick, (-0.1, 0), (1.1, 0.9), (0.14, 0.07)), ink, 0.008)
    sketch.light(0, 0.2)
    for _ in range(rng.integers(0, 3)):
        (x, y), (a, b) = rng.uniform((0.1, 0.12), (0.9, 0.4)), rng.uniform(0.06, 0.12, 2)
        sketch.fill(_box(x - a, y - b, x + a, y + b), darker(floor, 0.4))
        sketch.fill(_box(x - a * 0.8, y - b * 0.8, x + a * 0.8, y + b * 0.8), pick(rng))
        sketch.fill(
            smooth(
                [
                    (x - a * 0.8, y + b * 0.8),
                    (x - a * 0.3, y),
                    (x + a * 0.2, y + b * 0.3),
                    (x + a * 0.8, y + b * 0.8),
                ]
            ),
            pick(rng),
        )
        sketch.light(0.15)
    sketch.fill(_box(-0.1, skirting, 1.1, 1.1), floor)
    sketch.line(
        [[(0.5 + (x - 0.5) * 0.7, skirting), (x, 1.05)] for x in np.arange(-0.6, 1.7, 0.12)],
        darker(floor, 0.25),
        0.009,
        True,
    )
    sketch.line([(-0.1, skirting), (1.1, skirting)], lighter(wall, 0.5), 0.03)
    if chance(rng, 0.4):
        sketch.fill(_box(0.15, 0.87, 0.85, 0.97), second)
        sketch.line([[(0.15, y), (0.85, y)] for y in (0.89, 0.95)], lighter(second, 0.5), 0.012)
    sketch.light(0, 0.2)
    return Scene([wall, wall], sketch, (255, 248, 232))


def underwater(rng: Generator) -> Scene:
    sketch, water = (
        Sketch(),
        pick(rng, [(40, 130, 160), (30, 100, 140), (60, 150, 150), (40, 84, 120)]),
    )
    for x in rng.uniform(0, 1, rng.integers(2, 5)):
        wide = rng.uniform(0.03, 0.08)
        sketch.fill(
            [(x, -0.1), (x + wide, -0.1), (x + wide * 3 - 0.2, 0.9), (x - 0.25, 0.9)],
            lighter(water, 0.18),
        )
    sketch.light(0)
    sand, bed = (
        pick(rng, [(206, 186, 140), (150, 150, 130), (110, 130, 130)]),
        rng.uniform(0.72, 0.9),
    )
    sketch.fill(ridge(rng, bed - 0.1, 0.06), mix(water, sand, 0.2))
    sketch.light(0.2, 0.2)
    for _ in range(rng.integers(2, 7)):
        x, tall, sway = rng.uniform(0, 1), rng.uniform(0.15, 0.5), rng.uniform(-0.05, 0.05)
        weed = curve(
            [
                (x, 1.0),
                (x + sway, 1 - tall * 0.4),
                (x - sway, 1 - tall * 0.8),
                (x + sway, 1 - tall - 0.1),
            ]
        )
        colour = mix(
            pick(rng, [(70, 130, 80), (150, 70, 90), (190, 110, 80), (60, 110, 110)]), water, 0.25
        )
        sketch.line(weed, colour, 0.025)
        sketch.fill(dots(weed[::2] + [0.018, 0], 0.018, 0.6), colour)
        sketch.light(0.4, 0.2)
    sketch.fill(ridge(rng, bed, 0.03), mix(sand, water, 0.35))
    sketch.fill(
        dots(scatter(rng, 24, (0, bed + 0.04), (1, 1)), rng.uniform(0.006, 0.02, 24), 0.6),
        mix(sand, water, 0.65),
    )
    sketch.light(0.2, 0.3)
    bubbles = scatter(rng, rng.integers(4, 14), (0, 0), (1, 0.9))
    sketch.fill(dots(bubbles, 0.014), lighter(water, 0.5))
    sketch.fill(dots(bubbles, 0.009), lighter(water, 0.2))
    sketch.light(0)
    return Scene([lighter(water, 0.35), darker(water, 0.35)], sketch, (190, 238, 246))


def sunset(rng: Generator) -> Scene:
    sketch, glow = (
        Sketch(),
        pick(rng, [(246, 160, 90), (240, 130, 110), (250, 190, 110), (214, 120, 140)]),
    )
    x, horizon = rng.uniform(0.1, 0.9), rng.uniform(0.5, 0.75)
    sketch.oval(
        x, horizon - rng.uniform(0.0, 0.2), rng.uniform(0.08, 0.14), colour=lighter(glow, 0.6)
    )
    for _ in range(rng.integers(2, 6)):
        left, y = rng.uniform(-0.2, 0.9), rng.uniform(0.05, horizon - 0.1)
        sketch.fill(
            smooth([(left, y), (left + 0.2, y - 0.02), (left + 0.45, y), (left + 0.2, y + 0.02)]),
            mix(glow, (140, 80, 130), 0.45),
        )
    sketch.light(0)
    for k in range(3):
        sketch.fill(
            ridge(rng, horizon + 0.09 * k, 0.08 - 0.02 * k, 8),
            mix(glow, (70, 44, 90), 0.4 + 0.22 * k),
        )
        sketch.light(0.15, 0.2)
    tufts(sketch, rng, 80, horizon + 0.2, (50, 36, 70), 0.05)
    sketch.light(0)
    return Scene([(112, 90, 150), glow, lighter(glow, 0.4)], sketch, (255, 214, 190))


SCENES = {
    scene.__name__: scene
    for scene in (meadow, sea, forest, city, night, snow, desert, room, underwater, sunset)
}


def backdrop(colours: list[Colour], rng: Generator) -> np.ndarray:
    """A page (128, 128, 3) uint8 that runs through the colours downwards, slightly mottled."""
    steps = np.linspace(0, len(colours) - 1, SIZE)
    stops = np.array(colours, float)  # (colours, 3)
    ramp = [np.interp(steps, np.arange(len(stops)), channel) for channel in stops.T]
    ramp = np.rint(np.stack(ramp, 1)).astype(np.int16)[:, None]
    return np.clip(ramp + (mottle(rng, 5) // 14 + mottle(rng, 40) // 24)[..., None], 0, 255).astype(
        np.uint8
    )


def paint(scene: Scene, rng: Generator, sun=(-20, -24)) -> np.ndarray:
    """The scene as a page (128, 128, 3) uint8."""
    mirror = chance(rng, 0.5)
    view = placed(SIZE, SIZE if mirror else 0, 0, mirror=mirror)
    return over(backdrop(scene.backdrop, rng), render(scene.sketch, view, sun, grain(rng), fine=2))
