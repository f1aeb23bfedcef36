"""What stands about: harmless things that share a part with some kind, and obstacles.

A wheel is not a car, a bow tie not a butterfly, an umbrella not a mushroom; a network has to learn
that.
"""

import numpy as np
from numpy.random import Generator

from .brush import (
    INK,
    PALETTE,
    WHITE,
    Sketch,
    both_sides,
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
)
from .plants import BARK, GREENS, LEAVES
from .things import WOOD, wheel


def rock(rng: Generator) -> Sketch:
    sketch, stone = Sketch(), pick(rng, [(130, 128, 126), (160, 146, 130), (96, 100, 110)])
    sketch.fill(
        smooth(
            [
                (-1, 0.5),
                (-0.8, rng.uniform(-0.3, 0.2)),
                (-0.2, rng.uniform(-0.7, -0.2)),
                (0.5, -0.4),
                (0.95, 0.1),
                (1, 0.5),
            ]
        ),
        stone,
    )
    sketch.fill(dots(scatter(rng, 12), 0.08, 0.6), darker(stone, 0.25), True)
    sketch.light(1.2, 0.5)
    return sketch


def bush(rng: Generator) -> Sketch:
    sketch, leaf = Sketch(), pick(rng, LEAVES)
    for x in rng.permutation([-0.6, -0.25, 0.15, 0.55]):
        sketch.oval(x, rng.uniform(0, 0.25), 0.45, 0.4, leaf)
        sketch.fill(
            dots(scatter(rng, 16, (x - 0.4, -0.3), (x + 0.4, 0.6)), 0.06), darker(leaf, 0.25), True
        )
        sketch.light(0.7, 0.5)
    return sketch


def lone_wheel(rng: Generator) -> Sketch:
    sketch, rim = Sketch(), pick(rng, [*WOOD, (200, 200, 204)])
    wheel(sketch, 0, 0, 0.75, rim)
    return sketch


def umbrella(rng: Generator) -> Sketch:
    sketch, cloth, second = Sketch(), pick(rng), pick(rng, [WHITE, *PALETTE])
    sketch.line(curve([(0, -0.3), (0, 0.8), (0.1, 0.95), (0.22, 0.85)]), pick(rng, WOOD), 0.07)
    sketch.light(0)
    sketch.fill(
        smooth(
            [
                (-0.95, 0.0),
                (-0.7, -0.55),
                (0, -0.85),
                (0.7, -0.55),
                (0.95, 0),
                (0.63, -0.1),
                (0.32, 0),
                (0, -0.1),
                (-0.32, 0),
                (-0.63, -0.1),
            ]
        ),
        cloth,
    )
    if chance(rng, 0.5):
        sketch.fill(dots(scatter(rng, 9, (-0.8, -0.8), (0.8, 0)), 0.09), second, True)
    sketch.line(
        [curve([(0, -0.85), (x * 0.7, -0.55), (x, 0)]) for x in (-0.32, 0.32)],
        darker(cloth),
        0.03,
        True,
    )
    sketch.light(1.2, 0.1)
    return sketch


def bow_tie(rng: Generator) -> Sketch:
    sketch, cloth, second = Sketch(), pick(rng), pick(rng)
    for side in (-1, 1):
        sketch.fill(
            smooth(
                [(0, -0.08), (side * 0.8, -0.48), (side * 0.95, 0), (side * 0.8, 0.48), (0, 0.08)]
            ),
            cloth,
        )
        sketch.fill(dots(scatter(rng, 7, (-0.9, -0.4), (0.9, 0.4)), 0.08), second, True)
        sketch.light(0.9, 0.15)
    sketch.oval(0, 0, 0.16, 0.2, darker(cloth, 0.15))
    sketch.light(1)
    return sketch


def kite(rng: Generator) -> Sketch:
    sketch, one, two = Sketch(), pick(rng), pick(rng)
    sketch.line(curve([(0, 0.6), (0.15, 0.9), (-0.1, 1.2), (0.1, 1.5)]), INK, 0.025)
    sketch.fill([(-0.06, 1.1), (-0.25, 1.0), (-0.25, 1.25), (0.12, 1.0), (0.12, 1.25)], two)
    sketch.light(0)
    sketch.fill([(0, -0.9), (0.6, -0.2), (0, 0.7), (-0.6, -0.2)], one)
    sketch.fill([(0, -0.9), (0.6, -0.2), (0, -0.2)], two, True)
    sketch.fill([(0, 0.7), (-0.6, -0.2), (0, -0.2)], two, True)
    sketch.light(0.4, 0.15)
    return sketch


def tent(rng: Generator) -> Sketch:
    sketch, cloth = Sketch(), pick(rng)
    sketch.fill([(-0.9, 0.7), (0, -0.6), (0.9, 0.7)], cloth)
    for x in (-0.6, -0.2, 0.35, 0.7):
        sketch.fill([(0, -0.6), (x, 0.7), (x + 0.2, 0.7)], lighter(cloth, 0.5), True)
    sketch.fill([(0, -0.1), (0.22, 0.7), (-0.22, 0.7)], darker(cloth, 0.6))
    sketch.light(0.4, 0.2)
    return sketch


def lollipop(rng: Generator) -> Sketch:
    sketch, sweet = Sketch(), pick(rng)
    sketch.line([(0, 0), (0, 1.2)], WHITE, 0.1)
    sketch.light(1)
    sketch.oval(0, -0.2, 0.6, 0.6, sweet)
    turn = np.arange(26) * 0.55
    sketch.line(
        np.stack([np.cos(turn), np.sin(turn)], 1) * (turn * 0.042)[:, None] + [0, -0.2],
        lighter(sweet, 0.6),
        0.1,
        True,
    )
    sketch.light(1.1)
    return sketch


def ball(rng: Generator) -> Sketch:
    sketch, one, two = Sketch(), pick(rng), pick(rng, [WHITE, *PALETTE])
    sketch.oval(0, 0, 0.7, 0.7, one)
    if chance(rng, 0.5):
        for k in range(-2, 3, 2):
            sketch.fill(
                np.concatenate(
                    [
                        curve([(0, -0.8), (k * 0.2, 0), (0, 0.8)]),
                        curve([(0, 0.8), (k * 0.2 + 0.25, 0), (0, -0.8)]),
                    ]
                ),
                two,
                True,
            )
    else:
        sketch.fill(
            dots(scatter(rng, 12, (-0.7, -0.7), (0.7, 0.7)), rng.uniform(0.06, 0.13, 12)), two, True
        )
    sketch.light(1.4)
    return sketch


def petals(rng: Generator) -> Sketch:
    sketch, colour = Sketch(), pick(rng)
    for x, y in scatter(rng, 7, (-0.9, -0.7), (0.9, 0.7)):
        sketch.fill(oval(x, y, 0.26, 0.12, rng.uniform(0, 3)), colour)
        sketch.light(0.6, 0.2)
    return sketch


def ears(rng: Generator) -> Sketch:
    """A hood with two ears and nobody in it."""
    sketch, cloth = Sketch(), pick(rng)
    sketch.fill(smooth(both_sides([(0.02, -0.35), (0.4, -0.3), (0.6, 0.2), (0.5, 0.7)])), cloth)
    sketch.fill([[(s * 0.1, -0.25), (s * 0.5, -0.8), (s * 0.55, 0)] for s in (-1, 1)], cloth)
    sketch.oval(0, 0.2, 0.32, 0.36, darker(cloth, 0.7))
    sketch.light(1, 0.25)
    return sketch


def eyes(rng: Generator) -> Sketch:
    """A signboard with two rings, like the stare of an owl."""
    sketch, board = Sketch(), pick(rng)
    sketch.line([(0, 0.3), (0, 1.2)], pick(rng, WOOD), 0.12)
    sketch.fill([(-0.8, -0.45), (0.8, -0.45), (0.8, 0.4), (-0.8, 0.4)], board)
    for size, colour in ((0.3, WHITE), (0.2, pick(rng)), (0.1, INK)):
        sketch.fill(
            np.stack([oval(-0.37, -0.03, size, size), oval(0.37, -0.03, size, size)]), colour
        )
    sketch.light(0.3, 0.2)
    return sketch


def fin(rng: Generator) -> Sketch:
    """Leaves in the shape of a fish's tail."""
    sketch, leaf = Sketch(), pick(rng, [*GREENS, *PALETTE])
    for side in (-1, 1):
        sketch.fill(
            smooth([(-0.6, 0), (0.1, side * 0.55), (0.8, side * 0.7), (0.4, side * 0.15)]), leaf
        )
        sketch.line([(-0.6, 0), (0.7, side * 0.6)], lighter(leaf), 0.04, True)
        sketch.light(0.6, 0.2)
    return sketch


def cloth(rng: Generator) -> Sketch:
    """Flags on a line, each one a small sail."""
    sketch = Sketch()
    rope = curve([(-1.2, -0.2), (0, 0.1), (1.2, -0.2)])
    sketch.line(rope, INK, 0.03)
    for x, y in rope[1::2]:
        sketch.fill([(x - 0.11, y), (x + 0.11, y), (x, y + 0.4)], pick(rng))
    sketch.light(0.3, 0.2)
    return sketch


def spots(rng: Generator) -> Sketch:
    """A spotted blanket."""
    sketch = Sketch()
    sketch.fill(
        smooth(
            [
                (-0.9, -0.3),
                (0, -0.45),
                (0.9, -0.3),
                (0.95, 0.4),
                (0.3, 0.5),
                (-0.3, 0.4),
                (-0.95, 0.5),
            ]
        ),
        WHITE,
    )
    sketch.fill(
        dots(scatter(rng, 22, (-0.9, -0.4), (0.9, 0.5)), rng.uniform(0.03, 0.09, 22)), INK, True
    )
    sketch.light(0.8, 0.15)
    return sketch


DISTRACTORS = [
    rock,
    bush,
    lone_wheel,
    umbrella,
    bow_tie,
    kite,
    tent,
    lollipop,
    ball,
    petals,
    ears,
    eyes,
    fin,
    cloth,
    spots,
]


# --- in the way: drawn after the object, about one unit across ------------------------------------


def grass(rng: Generator) -> Sketch:
    sketch, green = Sketch(), pick(rng, GREENS)
    for colour in (darker(green), green, lighter(green)):
        for x in rng.uniform(-1.2, 1.2, 9):
            lean, tall = rng.uniform(-0.25, 0.25), rng.uniform(0.5, 1.3)
            middle = np.array([x + lean * 0.5, 0.6 - tall * 0.6])
            sketch.fill(
                [
                    (x - 0.05, 0.6),
                    middle - [0.03, 0],
                    (x + lean, 0.6 - tall),
                    middle + [0.03, 0],
                    (x + 0.05, 0.6),
                ],
                colour,
            )
        sketch.light(0.3, 0.1)
    return sketch


def branch(rng: Generator) -> Sketch:
    sketch, leaf = Sketch(), pick(rng, LEAVES)
    twig = curve(
        [(-1.5, rng.uniform(-0.3, 0.3)), (-0.5, 0.1), (0.4, -0.05), (1.2, rng.uniform(-0.3, 0.3))]
    )
    sketch.line(twig, pick(rng, BARK), 0.09)
    sketch.light(0.8, 0.2)
    for k, (x, y) in enumerate(twig[1:]):
        side = (-1) ** k
        sketch.fill(
            oval(x + 0.08, y + side * 0.2, 0.22, 0.1, side * rng.uniform(0.5, 1.3)),
            mix(leaf, WHITE, rng.uniform(0, 0.2)),
        )
        sketch.light(0.6, 0.2)
    return sketch


def fence(rng: Generator) -> Sketch:
    sketch, paint = Sketch(), pick(rng, [WHITE, *WOOD])
    sketch.fill(
        np.array([[(-1.6, y), (1.6, y), (1.6, y + 0.1), (-1.6, y + 0.1)] for y in (-0.15, 0.3)]),
        darker(paint, 0.1),
    )
    for x in np.arange(-1.4, 1.5, rng.uniform(0.35, 0.55)):
        sketch.fill(
            [(x - 0.07, 0.6), (x - 0.07, -0.4), (x, -0.52), (x + 0.07, -0.4), (x + 0.07, 0.6)],
            paint,
        )
    sketch.light(0.4, 0.2)
    return sketch


def cloud(rng: Generator) -> Sketch:
    sketch = Sketch()
    puffs = scatter(rng, 10, (-1.2, -0.25), (1.2, 0.2))
    sketch.fill(
        dots(puffs, rng.uniform(0.2, 0.42, 10), 0.8),
        pick(rng, [(240, 242, 246), (216, 222, 230), (196, 196, 206)]),
    )
    sketch.light(0.8, 0.1)
    return sketch


def bubbles(rng: Generator) -> Sketch:
    sketch, colour = Sketch(), lighter(pick(rng), 0.5)
    for x, y in scatter(rng, 7, (-1, -0.8), (1, 0.8)):
        size = rng.uniform(0.1, 0.32)
        sketch.oval(x, y, size, size, colour)
        sketch.oval(x - size * 0.35, y - size * 0.35, size * 0.25, size * 0.25, (255, 255, 255))
        sketch.light(1.2)
    return sketch


def post(rng: Generator) -> Sketch:
    sketch, wood = Sketch(), pick(rng, [*WOOD, *BARK])
    sketch.fill([(-0.12, -3), (0.12, -3), (0.14, 3), (-0.14, 3)], wood)
    sketch.line([[(x, -3), (x, 3)] for x in (-0.06, 0.04)], darker(wood), 0.03, True)
    sketch.light(1, 0.3)
    return sketch


GROWING = [grass, fence, rock, bush]  # from the ground
OCCLUDERS = [grass, branch, fence, cloud, bubbles, post, rock, bush]
