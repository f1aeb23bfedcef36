"""Things that grow: a function takes a random generator and returns a sketch, standing upright."""

import numpy as np
from numpy.random import Generator

from .brush import (
    PALETTE,
    WHITE,
    Sketch,
    chance,
    curve,
    darker,
    dots,
    lighter,
    mix,
    oval,
    pick,
    scatter,
    smooth,
    vary,
)

GREENS = [(84, 140, 74), (60, 116, 84), (122, 152, 70), (44, 96, 66), (150, 160, 84)]
LEAVES = [*GREENS, *GREENS, (216, 130, 56), (196, 78, 54), (226, 182, 74), (226, 160, 176)]
BARK = [(112, 80, 58), (92, 74, 66), (146, 114, 84), (214, 206, 196)]


def pine(rng: Generator) -> Sketch:
    sketch = Sketch()
    green = pick(rng, [*GREENS[:4], (40, 84, 90), (96, 130, 120)])
    bark = pick(rng, BARK)
    sketch.fill([(-0.09, 0.5), (0.09, 0.5), (0.11, 1.0), (-0.11, 1.0)], bark)
    sketch.line([[(x, 0.5), (x, 1)] for x in (-0.05, 0.02)], darker(bark), 0.02, True)
    sketch.light(1, 0.3)
    tiers, wide = rng.integers(3, 6), rng.uniform(0.5, 0.78)
    snow = chance(rng, 0.25)
    lean = rng.uniform(-0.05, 0.05)
    for tier in range(tiers):
        share = 1 - tier / tiers  # of the full width
        foot, half = 0.8 - 1.5 * tier / tiers, wide * (0.25 + 0.75 * share)
        top = foot - 1.5 / tiers - 0.38
        edge = np.linspace(-half, half, 9)
        hem = [
            (lean * tier + x, foot + (0.09 if k % 2 else -0.02) - 0.18 * (x / half) ** 2 + ragged)
            for k, (x, ragged) in enumerate(zip(edge, rng.uniform(-0.03, 0.03, 9), strict=True))
        ]
        outline = [
            (lean * tier - half * 0.35, (foot + top) / 2),
            *hem,
            (lean * tier + half * 0.35, (foot + top) / 2),
            (lean * (tier + 1), top),
        ]
        sketch.fill(outline, vary(rng, green, 0.4))
        needles = scatter(rng, 26, (-half, top + 0.2), (half, foot + 0.1))
        sketch.line(
            np.stack([needles, needles + [[0.03, 0.1]] * np.sign(needles[:, :1] + 0.001)], 1),
            darker(green, 0.35),
            0.022,
            True,
        )
        sketch.line(
            np.stack([needles + 0.05, needles + [0.08, 0.12]], 1), lighter(green, 0.22), 0.018, True
        )
        if snow:
            sketch.fill(
                [
                    (lean * (tier + 1), top),
                    *[
                        (x * 0.5, (foot + 2 * top) / 3 + d)
                        for x, d in (
                            (half, 0.06),
                            (half * 0.4, -0.02),
                            (0, 0.08),
                            (-half * 0.5, 0),
                            (-half, 0.07),
                        )
                    ],
                ],
                WHITE,
                True,
            )
        sketch.light(0.7, 0.35)
    return sketch


def broadleaf(rng: Generator) -> Sketch:
    sketch = Sketch()
    bark, leaf = pick(rng, BARK), pick(rng, LEAVES)
    thick, bend = rng.uniform(0.08, 0.14), rng.uniform(-0.12, 0.12)
    sketch.fill(
        smooth(
            [
                (-thick * 1.7, 1.0),
                (-thick, 0.6),
                (bend - thick * 0.8, 0),
                (bend + thick * 0.8, 0),
                (thick, 0.6),
                (thick * 1.8, 1.0),
                (0, 0.96),
            ]
        ),
        bark,
    )
    sketch.line(
        [curve([(x - 0.02, 1), (x, 0.6), (bend + x, 0)]) for x in (-0.06, -0.01, 0.05)],
        darker(bark),
        0.02,
        True,
    )
    for side in (-1, 1):
        sketch.line(
            curve([(0, 0.45), (bend + side * 0.25, 0.1), (side * 0.5, -0.15)]), bark, thick * 0.7
        )
    sketch.light(1, 0.3)
    centers = scatter(rng, rng.integers(6, 10), (-0.55, -0.75), (0.55, 0.05))
    centers = np.concatenate([centers, [(bend, -0.45), (-0.3, -0.3), (0.3, -0.25)]])
    for x, y in centers[np.argsort(-centers[:, 1])]:
        size = rng.uniform(0.24, 0.4)
        around = np.arange(9) * 2 * np.pi / 9
        bumpy = np.stack([np.cos(around), np.sin(around)], 1) * (
            size * rng.uniform(0.8, 1.12, (9, 1))
        )
        colour = mix(vary(rng, leaf, 0.5), (30, 40, 60), 0.22 * (y + 0.8))
        sketch.fill(smooth(bumpy + [x, y]), colour)
        places = [x, y] + scatter(rng, 12) * size
        sketch.fill(dots(places, 0.035, 0.7), lighter(colour, 0.25), True)
        sketch.fill(dots(places + [0.05, 0.06], 0.03, 0.7), darker(colour, 0.3), True)
        sketch.light(0.7, 0.4)
    if chance(rng, 0.3):
        sketch.fill(dots(centers + scatter(rng, len(centers)) * 0.15, 0.055), pick(rng))
        sketch.light(0.6)
    return sketch


def _bloom(rng: Generator, petals, petal, heart, detail=True) -> Sketch:
    """A flower head of radius one."""
    head = Sketch()
    petals_many, width = petals, rng.uniform(0.75, 1.1) * 2.6 / petals
    pointed, rows = rng.uniform(0.0, 1.0), 2 if petals > 6 and chance(rng, 0.6) else 1
    tone = darker(petal, 0.25)
    for row in range(rows):
        reach = 1.0 - 0.26 * row
        leaf = (
            np.array(
                [
                    (0.12, 0),
                    (0.45, -width * 0.7),
                    (0.82, -width * (1 - pointed * 0.5)),
                    (1.0, -0.03),
                    (1.0, 0.03),
                    (0.82, width * (1 - pointed * 0.5)),
                    (0.45, width * 0.7),
                ]
            )
            * reach
        )
        outline, colour = smooth(leaf), mix(petal, WHITE, 0.2 * row)
        start = rng.uniform(0, 1)
        for k in range(petals_many):
            angle = (start + k + 0.5 * row) * 2 * np.pi / petals_many + rng.uniform(-0.06, 0.06)
            turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
            head.fill(outline @ turn, colour if k % 2 else mix(colour, tone, 0.25))
            if detail:
                streaks = np.array(
                    [
                        [(0.15, 0), (0.8, 0)],
                        [(0.15, 0), (0.6, width * 0.4)],
                        [(0.15, 0), (0.6, -width * 0.4)],
                    ]
                )
                head.line(streaks * reach @ turn, tone, 0.025, True)
        head.light(0.5, 0.15)
    size = rng.uniform(0.24, 0.36)
    head.oval(0, 0, size, size, heart)
    if detail:
        head.fill(dots(scatter(rng, 30) * size, 0.03), darker(heart, 0.4), True)
        head.fill(dots(scatter(rng, 18) * size, 0.028), lighter(heart, 0.4), True)
    head.light(1, 0.2)
    return head


def _stem(sketch: Sketch, rng: Generator, top, foot, green, width, leaves=2) -> None:
    (x0, y0), (x1, y1) = top, foot
    sketch.line(
        curve([top, ((x0 + x1) / 2 + rng.uniform(-0.1, 0.1) * (y1 - y0), (y0 + y1) / 2), foot]),
        green,
        width,
    )
    for k in range(leaves):
        side, y = (-1) ** k, y0 + (y1 - y0) * rng.uniform(0.45, 0.85)
        x, span = x0 + (x1 - x0) * (y - y0) / (y1 - y0), (y1 - y0) * rng.uniform(0.28, 0.42)
        sketch.fill(
            smooth(
                [
                    (x, y),
                    (x + side * span * 0.5, y - span * 0.5),
                    (x + side * span, y - span * 0.45),
                    (x + side * span * 0.6, y - span * 0.05),
                ]
            ),
            vary(rng, green, 0.4),
        )
        sketch.line(
            [(x, y), (x + side * span * 0.9, y - span * 0.4)],
            lighter(green, 0.3),
            width * 0.3,
            True,
        )
    sketch.light(0.6, 0.2)


def _flower_colours(rng: Generator):
    petal = pick(rng, [colour for colour in PALETTE if colour not in PALETTE[4:8]])
    heart = pick(rng, [(240, 192, 66), (96, 62, 44), (232, 130, 60), (150, 160, 70), (70, 50, 90)])
    return petal, heart


def bloom(rng: Generator) -> Sketch:
    sketch = Sketch()
    petal, heart = _flower_colours(rng)
    x = rng.uniform(-0.15, 0.15)
    _stem(
        sketch,
        rng,
        (x, -0.2),
        (0, 1.25),
        pick(rng, GREENS),
        rng.uniform(0.06, 0.1),
        rng.integers(1, 3),
    )
    head = _bloom(rng, rng.integers(5, 17), petal, heart)
    tilt = rng.uniform(0.72, 1.0)  # seen a little from the side
    for mark in head.marks:
        points = mark.points if mark.points is None else mark.points * [1, tilt]
        sketch.marks.append(
            mark._replace(
                points=None if points is None else points * 0.72 + [x, -0.3],
                width=mark.width * 0.72,
            )
        )
    return sketch


def flower_meadow(rng: Generator) -> Sketch:
    sketch = Sketch()
    green, colours = pick(rng, GREENS), [_flower_colours(rng) for _ in range(rng.integers(1, 4))]
    heads = [_bloom(rng, rng.integers(5, 10), *pair, detail=False) for pair in colours]
    places = scatter(rng, rng.integers(9, 17), (-1.7, -0.7), (1.7, 0.55))
    for x, y in places[np.argsort(places[:, 1])]:
        near = 0.17 + 0.11 * (y + 0.7)  # nearer is larger
        _stem(
            sketch,
            rng,
            (x, y),
            (x + rng.uniform(-0.1, 0.1), y + near * 2.6),
            vary(rng, green, 0.5),
            near * 0.16,
            1,
        )
        sketch.add(
            heads[rng.integers(len(heads))], near * rng.uniform(0.85, 1.15), x, y, rng.uniform(0, 3)
        )
    return sketch


def mushroom(rng: Generator) -> Sketch:
    sketch = Sketch()
    if chance(rng, 0.45):
        sketch.add(
            _one_mushroom(rng),
            rng.uniform(0.4, 0.6),
            rng.choice((-1, 1)) * 0.62,
            0.52,
            rng.uniform(-0.2, 0.2),
        )
    sketch.add(_one_mushroom(rng), 1.0)
    return sketch


def _one_mushroom(rng: Generator) -> Sketch:
    sketch = Sketch()
    cap, stem = pick(rng, [(206, 56, 48), (206, 56, 48), *PALETTE]), vary(rng, (236, 224, 200), 0.6)
    thick, bend = rng.uniform(0.15, 0.27), rng.uniform(-0.1, 0.1)
    sketch.fill(
        smooth(
            [
                (bend - thick * 0.8, -0.15),
                (bend + thick * 0.8, -0.15),
                (thick, 0.5),
                (thick * 1.35, 0.9),
                (0, 1.0),
                (-thick * 1.35, 0.9),
                (-thick, 0.5),
            ]
        ),
        stem,
    )
    sketch.line(
        [[(bend + x, 0), (x * 1.3, 0.95)] for x in (-0.12, -0.03, 0.06, 0.14)],
        darker(stem, 0.2),
        0.02,
        True,
    )
    sketch.light(1.2, 0.2)
    wide, tall = rng.uniform(0.62, 0.95), rng.uniform(0.45, 0.85)
    sketch.fill(oval(bend, -0.1, wide * 0.94, 0.16), darker(stem, 0.3))
    sketch.line(
        [[(bend, -0.18), (bend + x * wide, 0.08)] for x in np.linspace(-1, 1, 15)],
        darker(stem, 0.55),
        0.018,
        True,
    )
    sketch.light(0.3)
    if chance(rng, 0.4):
        sketch.fill(
            smooth(
                [
                    (-thick * 1.1, 0.18),
                    (thick * 1.1, 0.18),
                    (thick * 1.7, 0.36),
                    (0, 0.3),
                    (-thick * 1.7, 0.36),
                ]
            ),
            lighter(stem),
        )
        sketch.light(0.5)
    peak = rng.uniform(0.1, 0.7)
    dome = [
        (-wide, -0.06),
        (-wide * 0.9, -0.3),
        (-wide * (0.75 - peak * 0.4), -0.1 - tall * 0.72),
        (0, -0.1 - tall),
        (wide * (0.75 - peak * 0.4), -0.1 - tall * 0.72),
        (wide * 0.9, -0.3),
        (wide, -0.06),
        (wide * 0.6, -0.12),
        (0, -0.15),
        (-wide * 0.6, -0.12),
    ]
    sketch.fill(smooth(dome) + [bend, 0], cap)
    fashion = rng.random()
    if fashion < 0.7:
        count = rng.integers(7, 15)
        places = scatter(rng, count, (-wide, -0.1 - tall), (wide, -0.15)) + [bend, 0]
        sketch.fill(dots(places, rng.uniform(0.04, 0.12, count), 0.8), lighter(cap, 0.75), True)
    elif fashion < 0.85:
        sketch.line(
            [
                curve([(bend, -tall - 0.1), (bend + x * 0.7, -tall * 0.6), (bend + x, 0)])
                for x in np.linspace(-wide, wide, 9)
            ],
            darker(cap, 0.3),
            0.03,
            True,
        )
    sketch.light(1.4, 0.15)
    return sketch
