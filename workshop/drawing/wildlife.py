"""The fox and the ladybird: a function takes a random generator and returns a sketch, facing left.

Each shares something on purpose: the fox its ears with the cat, the ladybird its dots with the
dalmatian.
"""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .brush import (
    INK,
    WHITE,
    Colour,
    Sketch,
    both_sides,
    chance,
    curve,
    darker,
    dots,
    lighter,
    mix,
    pick,
    smooth,
    vary,
)

COATS = [  # fur, and the dark of the ears and socks
    ((218, 108, 46), (62, 44, 44)),
    ((226, 128, 62), (74, 50, 46)),
    ((184, 80, 44), (48, 38, 42)),
    ((146, 142, 146), (72, 66, 72)),
    ((86, 84, 96), (40, 38, 46)),
    ((204, 212, 222), (142, 150, 164)),
]


class Coat(NamedTuple):
    """The colours of a fox."""

    fur: Colour
    dark: Colour
    white: Colour


def fox(rng: Generator) -> Sketch:
    fur, dark = COATS[rng.choice(len(COATS), p=(0.24, 0.2, 0.18, 0.12, 0.1, 0.16))]
    coat = Coat(vary(rng, fur, 0.7), vary(rng, dark, 0.5), vary(rng, (250, 244, 234), 0.3))
    pose = rng.choice((_standing_fox, _sitting_fox, _curled_fox), p=(0.42, 0.38, 0.2))
    sketch = Sketch()
    pose(sketch, rng, coat)
    return sketch


def _standing_fox(sketch: Sketch, rng: Generator, coat: Coat) -> None:
    far = coat._replace(fur=darker(coat.fur, 0.25))
    stride, up = rng.uniform(-0.2, 0.2), rng.uniform(-0.14, 0.2)
    _fox_leg(sketch, -0.26, -0.24 - stride, far)
    _fox_leg(sketch, 0.56, 0.6 + stride, far)
    lift = rng.uniform(-0.75, 0.5)
    _bushy_tail(
        sketch,
        [(0.6, -0.08), (0.88, -0.02 + lift * 0.2), (1.2, lift * 0.6), (1.5, lift)],
        rng.uniform(0.19, 0.27),
        coat,
    )
    body = [
        (-0.56, -0.4 + up),
        (-0.3, -0.36 + up),
        (-0.05, -0.22),
        (0.4, -0.26),
        (0.7, -0.14),
        (0.72, 0.16),
        (0.5, 0.26),
        (0.1, 0.26),
        (-0.3, 0.38),
        (-0.52, 0.2),
        (-0.62, -0.1),
    ]
    sketch.fill(smooth(body), coat.fur)
    bib = [
        (-0.7, -0.3 + up),
        (-0.48, -0.25 + up),
        (-0.36, 0.05),
        (-0.2, 0.22),
        (0.3, 0.2),
        (0.3, 0.5),
        (-0.7, 0.5),
    ]
    sketch.fill(smooth(bib), coat.white, True)
    sketch.light(1.1, 0.25)
    _fox_leg(sketch, -0.4, -0.42 + stride, coat)
    _fox_leg(sketch, 0.5, 0.48 - stride, coat)
    _scarf(sketch, rng, -0.48, -0.26 + up)
    if chance(rng, 0.5):
        sketch.add(_fox_profile(rng, coat), 1.0, -0.56, -0.5 + up, rng.uniform(-0.2, 0.3))
    else:
        sketch.add(_fox_face(rng, coat, 0.1), 0.9, -0.54, -0.5 + up, rng.uniform(-0.25, 0.25))


def _sitting_fox(sketch: Sketch, rng: Generator, coat: Coat) -> None:
    wrapped, wide = chance(rng, 0.4), rng.uniform(0.9, 1.15)
    if not wrapped:
        reach, lift = rng.uniform(0.85, 1.15), rng.uniform(-0.35, 0.45)
        _bushy_tail(
            sketch,
            [
                (0.3, 0.78),
                (reach * 0.8, 0.82),
                (reach + 0.08, lift + 0.25),
                (reach - 0.1, lift - 0.2),
            ],
            rng.uniform(0.2, 0.27),
            coat,
        )
    sketch.fill(
        smooth(
            [
                (-0.24, -0.5),
                (0.08, -0.5),
                (0.26 * wide, -0.15),
                (0.5 * wide, 0.3),
                (0.54 * wide, 0.8),
                (0.3, 0.95),
                (-0.2, 0.92),
                (-0.36, 0.3),
                (-0.34, -0.2),
            ]
        ),
        coat.fur,
    )
    sketch.fill(
        smooth(
            [
                (-0.4, -0.5),
                (0.06, -0.5),
                (0.06, -0.1),
                (-0.06, 0.2),
                (-0.12, 0.52),
                (-0.22, 0.3),
                (-0.42, 0.2),
            ]
        ),
        coat.white,
        True,
    )
    sketch.light(1, 0.25)
    for x in (0.02, -0.2):
        _fox_leg(sketch, x, x, coat, 0.25)
    sketch.fill(
        smooth(
            [
                (0.1, 0.5),
                (0.36, 0.36),
                (0.54 * wide, 0.65),
                (0.46, 0.95),
                (0.1, 0.96),
                (0.04, 0.9),
                (0.16, 0.82),
            ]
        ),
        coat.fur,
    )
    sketch.light(0.9, 0.25)
    if wrapped:
        _bushy_tail(
            sketch, [(0.5, 0.6), (0.56, 0.84), (0.2, 0.9), (-0.2, 0.92), (-0.5, 0.84)], 0.18, coat
        )
    _scarf(sketch, rng, -0.1, -0.34)
    if chance(rng, 0.25):
        sketch.add(_fox_profile(rng, coat), 1.0, -0.16, -0.58, rng.uniform(-0.1, 0.5))
    else:
        sketch.add(_fox_face(rng, coat, 0.15), 0.95, -0.1, -0.58, rng.uniform(-0.3, 0.3))


def _curled_fox(sketch: Sketch, rng: Generator, coat: Coat) -> None:
    """Rolled up, the chin on the tail."""
    high = rng.uniform(-0.35, -0.15)
    sketch.fill(
        smooth(
            [
                (-0.85, 0.45),
                (-0.6, 0.0),
                (-0.05, high),
                (0.55, high + 0.12),
                (0.9, 0.35),
                (0.75, 0.72),
                (0.0, 0.8),
                (-0.7, 0.75),
            ]
        ),
        coat.fur,
    )
    sketch.light(1.2, 0.25)
    sketch.fill(
        smooth([(0.1, 0.5), (0.3, 0.12), (0.65, 0.1), (0.86, 0.4), (0.7, 0.7), (0.3, 0.75)]),
        lighter(coat.fur, 0.08),
    )
    sketch.line(curve([(0.16, 0.6), (0.26, 0.2), (0.58, 0.1)]), darker(coat.fur, 0.3), 0.03)
    sketch.light(0.8, 0.25)
    _bushy_tail(
        sketch,
        [(0.82, 0.4), (0.8, 0.66), (0.35, 0.76), (-0.2, 0.74), (-0.75, 0.62)],
        rng.uniform(0.19, 0.25),
        coat,
    )
    sketch.add(
        _fox_face(rng, coat, 0.75), 0.9, -0.42, rng.uniform(0.12, 0.28), rng.uniform(-0.3, 0.5)
    )


def _fox_leg(sketch: Sketch, x, foot, coat: Coat, top=0.1) -> None:
    sketch.fill(
        smooth(
            [
                (x - 0.11, top),
                (x + 0.12, top),
                (x + 0.06, 0.5),
                (foot + 0.06, 0.9),
                (foot - 0.13, 0.92),
                (foot - 0.14, 0.84),
                (foot - 0.04, 0.8),
                (x - 0.06, 0.5),
            ]
        ),
        coat.fur,
    )
    sock = [(-0.4, 0.58), (0.0, 0.5), (0.4, 0.58), (0.4, 1.1), (-0.4, 1.1)]
    sketch.fill(np.array(sock) + [foot, 0], coat.dark, True)
    sketch.light(0.7, 0.15)


def _bushy_tail(sketch: Sketch, spine, width, coat: Coat) -> None:
    """A tail along the spine that swells to this half width and ends in a white tip."""
    spine = curve(spine)
    along = np.gradient(spine, axis=0)
    across = along[:, ::-1] * [-1, 1] / np.hypot(along[:, 0], along[:, 1])[:, None]
    share = np.linspace(0, 1, len(spine))
    across *= width * np.interp(share, (0, 0.3, 0.65, 0.88, 1), (0.4, 0.75, 1, 0.7, 0.06))[:, None]
    sketch.fill(np.concatenate([spine + across, (spine - across)[::-1]]), coat.fur)
    k = round(len(spine) * 0.68)
    tooth = [spine[k - 2] - across[k] * 0.55, spine[k + 1], spine[k - 2] + across[k] * 0.55]
    sketch.fill(
        np.concatenate([(spine + across * 1.2)[k:], (spine - across * 1.2)[k:][::-1], tooth]),
        coat.white,
        True,
    )
    sketch.light(1.0, 0.35)


def _scarf(sketch: Sketch, rng: Generator, x, y) -> None:
    if not chance(rng, 0.2):
        return
    wool = pick(rng)
    sketch.fill(np.array([(0.02, 0.0), (0.2, 0.0), (0.26, 0.42), (0.08, 0.44)]) + [x, y], wool)
    sketch.line(curve([(x - 0.22, y - 0.04), (x, y + 0.05), (x + 0.24, y - 0.04)]), wool, 0.17)
    stripes = [[(x - 0.4, y + k), (x + 0.4, y + k)] for k in (0.2, 0.32)]
    sketch.line(stripes, lighter(wool, 0.6), 0.05, True)
    sketch.light(0.8, 0.3)


def _fox_face(rng: Generator, coat: Coat, sleepy: float) -> Sketch:
    """A head seen from the front."""
    head, tall, cheek = Sketch(), rng.uniform(0.62, 0.8), rng.uniform(0.52, 0.64)
    for side in (-1, 1):
        ear = np.array([(0.05, -0.22), (0.36, -tall), (0.48, 0.0)]) * [side, 1]
        head.fill(ear, coat.fur)
        head.fill(ear * 0.66 + [side * 0.095, -0.12], mix(coat.white, (224, 160, 150), 0.35), True)
        head.fill(ear[1] + (ear - ear[1]) * 0.34, coat.dark, True)
        head.light(0.5, 0.15)
    head.fill(
        smooth(
            both_sides(
                [
                    (0.02, -0.28),
                    (0.25, -0.26),
                    (0.42, -0.04),
                    (cheek, 0.17),
                    (0.45, 0.19),
                    (0.44, 0.29),
                    (0.28, 0.28),
                    (0.12, 0.42),
                    (0.03, 0.47),
                ]
            )
        ),
        coat.fur,
    )
    muzzle = np.array(
        [
            (0.03, 0.38),
            (0.09, 0.18),
            (0.22, 0.13),
            (0.44, 0.06),
            (0.75, 0.2),
            (0.3, 0.5),
            (0.0, 0.55),
        ]
    )
    for side in (-1, 1):
        head.fill(smooth(muzzle * [side, 1]), coat.white, True)
    head.light(1, 0.2)
    _fox_eyes(head, rng, coat, sleepy)
    head.line(
        [curve([(0, 0.42), (side * 0.05, 0.46), (side * 0.1, 0.42)]) for side in (-1, 1)],
        INK,
        0.018,
        True,
    )
    head.oval(0, 0.37, 0.075, 0.058, INK)
    head.oval(-0.02, 0.35, 0.022, 0.014, WHITE)
    head.light(0)
    return head


def _fox_eyes(head: Sketch, rng: Generator, coat: Coat, sleepy: float) -> None:
    iris, inactive = (
        pick(rng, [(232, 170, 60), (214, 150, 50), (150, 170, 90)]),
        chance(rng, sleepy),
    )
    for side in (-1, 1):
        if inactive:
            head.line(
                curve(
                    [
                        (side * 0.08, 0.02),
                        (side * 0.13, 0.06),
                        (side * 0.22, 0.05),
                        (side * 0.28, -0.02),
                    ]
                ),
                INK,
                0.035,
            )
            continue
        head.oval(side * 0.18, 0.0, 0.105, 0.075, darker(coat.dark, 0.4), -side * 0.4)
        head.oval(side * 0.18, 0.0, 0.08, 0.055, iris, -side * 0.4)
        head.oval(side * 0.175, 0.0, 0.042, 0.056, INK)
        head.oval(side * 0.175 - 0.02, -0.02, 0.02, 0.02, (255, 255, 255))


def _fox_profile(rng: Generator, coat: Coat) -> Sketch:
    """A head seen from the side."""
    head, tall = Sketch(), rng.uniform(0.55, 0.72)
    for x, fur in ((-0.06, darker(coat.fur, 0.3)), (0.06, coat.fur)):
        ear = np.array([(x - 0.14, -0.16), (x + 0.06, -tall), (x + 0.2, -0.04)])
        head.fill(ear, fur)
        head.fill(ear * 0.6 + [x * 0.4 - 0.03, -0.1], mix(coat.white, fur, 0.35), True)
        head.fill(ear[1] + (ear - ear[1]) * 0.4, coat.dark, True)
        head.light(0.5, 0.15)
    head.fill(
        smooth(
            [
                (0.22, -0.1),
                (0.02, -0.24),
                (-0.16, -0.18),
                (-0.3, -0.05),
                (-0.54, 0.04),
                (-0.6, 0.1),
                (-0.5, 0.16),
                (-0.26, 0.2),
                (-0.06, 0.24),
                (0.06, 0.34),
                (0.12, 0.24),
                (0.28, 0.28),
                (0.26, 0.08),
            ]
        ),
        coat.fur,
    )
    head.fill(
        smooth(
            [
                (-0.7, 0.08),
                (-0.34, 0.07),
                (-0.12, 0.08),
                (0.1, 0.04),
                (0.4, 0.2),
                (0.1, 0.5),
                (-0.6, 0.4),
            ]
        ),
        coat.white,
        True,
    )
    head.line(
        curve([(-0.54, 0.13), (-0.38, 0.14), (-0.24, 0.09)]), darker(coat.dark, 0.3), 0.022, True
    )
    head.light(0.9, 0.2)
    head.oval(-0.59, 0.07, 0.055, 0.05, INK)
    if chance(rng, 0.15):
        head.line(curve([(-0.22, -0.03), (-0.15, 0.01), (-0.07, -0.04)]), INK, 0.03)
    else:
        head.oval(-0.15, -0.04, 0.06, 0.045, INK, -0.3)
        head.oval(-0.165, -0.055, 0.018, 0.018, (255, 255, 255))
    head.light(0)
    return head


# --- ladybird -------------------------------------------------------------------------------------

SHELLS = [  # wing cases, and their dots
    ((212, 42, 38), INK),
    ((234, 110, 40), INK),
    ((240, 192, 58), INK),
    ((44, 40, 48), (226, 62, 44)),
    ((44, 40, 48), (240, 176, 60)),
    ((236, 150, 140), (110, 40, 50)),
]
DOT_PLACES = np.array(
    [(0.34, -0.52), (0.7, -0.22), (0.26, -0.08), (0.58, 0.24), (0.26, 0.4), (0.4, 0.7)]
)


class Shell(NamedTuple):
    """The wing cases of a ladybird: colours, and the dots of the right one."""

    main: Colour
    second: Colour
    places: np.ndarray
    sizes: np.ndarray


def ladybird(rng: Generator) -> Sketch:
    main, second = SHELLS[rng.choice(len(SHELLS), p=(0.38, 0.17, 0.17, 0.1, 0.08, 0.1))]
    count = rng.integers(2, len(DOT_PLACES) + 1)
    places = rng.permutation(DOT_PLACES)[:count] + rng.uniform(-0.04, 0.04, (count, 2))
    sizes = rng.uniform(0.8, 1.2, count) * rng.uniform(0.08, 0.18 - 0.012 * count)
    shell = Shell(vary(rng, main, 0.6), vary(rng, second, 0.4), places, sizes)
    sketch = Sketch()
    if chance(rng, 0.5):
        _ladybird_from_the_side(sketch, rng, shell)
    else:
        above = Sketch()
        _ladybird_from_above(above, rng, shell)
        sketch.add(above, turn=rng.uniform(-0.9, 0.5))
    return sketch


def _ladybird_from_above(sketch: Sketch, rng: Generator, shell: Shell) -> None:
    """Head up."""
    wide, dark = rng.uniform(0.66, 0.8), vary(rng, INK)
    for side in (-1, 1):
        for y, out in ((-0.3, -0.22), (0.1, 0.02), (0.45, 0.26)):
            reach, step = side * (wide + 0.24), y + out + rng.uniform(-0.08, 0.08)
            sketch.line(
                curve(
                    [
                        (side * 0.4, y),
                        (reach - side * 0.1, y + out * 0.4),
                        (reach, step),
                        (reach + side * 0.06, step + 0.06),
                    ]
                ),
                dark,
                0.07,
            )
    sketch.light(0.5)
    _ladybird_head(sketch, rng, dark)
    opened = rng.uniform(0.35, 0.8) if chance(rng, 0.3) else 0.0
    if opened:
        _wings_from_above(sketch, rng, wide, opened, dark)
    for side in (-1, 1):
        sketch.add(_wing_case(shell, wide), y=-0.5, turn=-side * opened, mirror=side < 0)
    sketch.fill(
        smooth(
            both_sides(
                [
                    (0.02, -0.9),
                    (0.3, -0.85),
                    (0.48, -0.66),
                    (0.46, -0.48),
                    (0.25, -0.42),
                    (0.02, -0.4),
                ]
            )
        ),
        dark,
    )
    for side in (-1, 1):
        sketch.oval(side * 0.35, -0.66, 0.1, 0.14, WHITE, side * -0.5, inside=True)
    sketch.light(0.8, 0.1)


def _wing_case(shell: Shell, wide) -> Sketch:
    """The right wing case, its hinge at the origin."""
    case = Sketch()
    half = smooth(
        [
            (0.0, 0.0),
            (0.3, -0.04),
            (wide * 0.78, 0.2),
            (wide, 0.68),
            (wide * 0.76, 1.16),
            (0.3, 1.42),
            (0.02, 1.48),
            (0.0, 1.0),
            (0.0, 0.4),
        ]
    )
    case.fill(half, shell.main)
    case.fill(dots(shell.places * [wide, 0.75] + [0, 0.7], shell.sizes), shell.second, True)
    case.oval(0, 0.05, 0.14, 0.18, shell.second, inside=True)
    case.line([(0, -0.1), (0, 1.6)], darker(shell.main, 0.6), 0.03, True)
    case.fill(
        smooth([(0.3, 0.14), (0.46, 0.14), (0.58, 0.36), (0.48, 0.4), (0.4, 0.26)]),
        lighter(shell.main, 0.5),
        True,
    )
    case.light(1.2, 0.08)
    return case


def _wings_from_above(sketch: Sketch, rng: Generator, wide, opened, dark) -> None:
    film = mix((224, 226, 222), pick(rng), 0.2)
    for side in (-1, 1):
        wing = Sketch()
        long = rng.uniform(1.45, 1.75)
        wing.fill(
            smooth([(0, 0), (0.36, 0.3), (0.42, long * 0.75), (0.2, long), (-0.04, long * 0.7)]),
            film,
        )
        wing.line(
            [curve([(0, 0), (x, long * 0.5), (x * 1.1, long)]) for x in (0.06, 0.18, 0.3)],
            darker(film, 0.35),
            0.02,
            True,
        )
        wing.light(0.4, 0.1)
        sketch.add(wing, y=-0.45, turn=-side * opened * 0.55, mirror=side < 0)
    sketch.oval(0, 0.15, wide * 0.5, 0.66, darker(dark, 0.1))
    sketch.line(
        [curve([(-0.5, y), (0, y + 0.05), (0.5, y)]) for y in np.arange(-0.1, 0.8, 0.17)],
        lighter(dark, 0.2),
        0.025,
        True,
    )
    sketch.light(1)


def _ladybird_head(sketch: Sketch, rng: Generator, dark) -> None:
    spread = rng.uniform(0.24, 0.4)
    for side in (-1, 1):
        tip = side * spread, -1.32 + rng.uniform(-0.08, 0.06)
        sketch.line(curve([(side * 0.08, -0.95), (side * spread * 0.5, -1.2), tip]), dark, 0.05)
        sketch.oval(*tip, 0.06, colour=dark)
    sketch.oval(0, -0.92, 0.27, 0.2, dark)
    sketch.light(0.8)
    for side in (-1, 1):
        sketch.oval(side * 0.17, -1.02, 0.095, colour=WHITE)
        sketch.oval(side * 0.16, -1.04, 0.05, colour=INK)
    sketch.light(0)


def _ladybird_from_the_side(sketch: Sketch, rng: Generator, shell: Shell) -> None:
    high, dark, step = rng.uniform(-0.72, -0.5), vary(rng, INK), rng.uniform(-0.06, 0.06)
    for x, shade in (
        (-0.45, 0.35),
        (0.05, 0.35),
        (0.5, 0.35),
        (-0.32, 0.0),
        (0.15, 0.0),
        (0.62, 0.0),
    ):
        foot = x * 1.15 + (step if shade else -step)
        sketch.line(
            curve([(x, 0.3), (x * 1.2, 0.5), (foot, 0.72), (foot - 0.1, 0.74)]),
            mix(dark, (120, 110, 110), shade),
            0.075,
        )
    sketch.fill(smooth([(-0.75, 0.2), (0.8, 0.2), (0.75, 0.4), (0, 0.5), (-0.7, 0.42)]), dark)
    sketch.light(0.6)
    lifted = rng.uniform(0.3, 0.6) if chance(rng, 0.3) else 0.0
    if lifted:
        film = mix((224, 226, 222), pick(rng), 0.2)
        sketch.fill(
            smooth([(-0.5, 0.0), (0.2, high), (1.0, high - 0.1), (1.3, high + 0.25), (0.8, 0.15)]),
            film,
        )
        sketch.line(
            [curve([(-0.5, 0), (0.3, y), (1.2, y * 1.3)]) for y in (high, high * 0.6, high * 0.3)],
            darker(film, 0.35),
            0.02,
            True,
        )
        sketch.light(0.4, 0.1)
        sketch.fill(
            smooth([(-0.6, 0.3), (-0.3, high * 0.5), (0.4, high * 0.4), (0.85, 0.2), (0.6, 0.36)]),
            dark,
        )
        sketch.light(0.8)
    case = _dome(shell, high)
    sketch.add(case, x=-0.6, y=0.3, turn=-lifted)
    _ladybird_side_head(sketch, rng, dark)


def _dome(shell: Shell, high) -> Sketch:
    """A wing case from the side, its hinge at the origin."""
    dome, high = Sketch(), high - 0.3
    dome.fill(
        smooth(
            [
                (-0.06, 0.0),
                (0.02, high * 0.55),
                (0.32, high * 0.92),
                (0.7, high),
                (1.14, high * 0.8),
                (1.42, high * 0.36),
                (1.5, 0.04),
                (1.3, 0.09),
                (0.7, 0.12),
                (0.1, 0.09),
            ]
        ),
        shell.main,
    )
    dome.fill(
        dots(shell.places[:, ::-1] * [0.78, -1.1 * high] + [0.7, high], shell.sizes),
        shell.second,
        True,
    )
    dome.line(curve([(-0.2, 0.02), (0.7, 0.06), (1.6, 0.0)]), darker(shell.main, 0.35), 0.05, True)
    dome.fill(
        smooth([(0.3, high * 0.72), (0.56, high * 0.88), (0.74, high * 0.86), (0.5, high * 0.72)]),
        lighter(shell.main, 0.55),
        True,
    )
    dome.light(1.3, 0.08)
    return dome


def _ladybird_side_head(sketch: Sketch, rng: Generator, dark) -> None:
    reach = rng.uniform(0.18, 0.34)
    for x, back in ((-0.78, 0.0), (-0.92, 0.12)):
        tip = x - reach + back, -0.5 + rng.uniform(-0.1, 0.08)
        sketch.line(curve([(x, -0.1), (x - 0.04, -0.34), tip]), dark, 0.05)
        sketch.oval(*tip, 0.06, colour=dark)
    sketch.oval(-0.9, 0.12, 0.27, 0.27, dark)
    sketch.light(0.9)
    sketch.fill(
        smooth(
            [(-0.74, -0.24), (-0.48, -0.28), (-0.44, 0.3), (-0.6, 0.42), (-0.76, 0.3), (-0.82, 0.0)]
        ),
        dark,
    )
    sketch.oval(-0.62, -0.04, 0.09, 0.15, WHITE, inside=True)
    sketch.light(0.8)
    sketch.oval(-0.98, 0.06, 0.11, 0.13, colour=WHITE)
    sketch.oval(-1.01, 0.07, 0.06, 0.075, colour=INK)
    sketch.oval(-1.03, 0.04, 0.022, colour=WHITE)
    if chance(rng, 0.6):
        sketch.line(curve([(-1.1, 0.24), (-1.0, 0.3), (-0.88, 0.26)]), (232, 120, 120), 0.035, True)
    sketch.light(0)
