"""Teapot and rocket: a function takes a random generator and returns a sketch, facing left."""

from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from .brush import (
    INK,
    PALETTE,
    WHITE,
    Colour,
    Sketch,
    both_sides,
    chance,
    curve,
    darker,
    dots,
    in_rows,
    lighter,
    mix,
    oval,
    pick,
    scatter,
    smooth,
)
from .things import GLASS, WOOD

CLAY = [WHITE, (232, 226, 208), (178, 98, 66), (116, 66, 50), (60, 64, 70), (92, 140, 132)]
BRASS = (226, 182, 88)
SHELLS = [WHITE, WHITE, (196, 202, 210), (150, 160, 172), *PALETTE]
LEAF = (84, 146, 88)


def _unlike(rng: Generator, colour: Colour, colours: list[Colour] = PALETTE) -> Colour:
    """A colour that stands out from this one."""
    choices = [pick(rng, colours) for _ in range(4)]
    return max(
        choices, key=lambda other: sum(abs(a - b) for a, b in zip(other, colour, strict=True))
    )


def _tube(path, widths) -> np.ndarray:
    """The outline of a bent tube: half its width at each point of the path."""
    path = curve(path)
    along = np.gradient(path, axis=0)
    across = along[:, ::-1] * [-1, 1] / np.hypot(*along.T)[:, None]
    half = np.interp(np.linspace(0, 1, len(path)), np.linspace(0, 1, len(widths)), widths)[:, None]
    return np.concatenate([path + across * half, (path - across * half)[::-1]])


def _band(y, tall, wide, sag) -> np.ndarray:
    """A stripe around a round body, seen a little from above."""
    upper = curve([(-wide, y - sag), (0, y), (wide, y - sag)])
    return np.concatenate([upper, upper[::-1] + [0, tall]])


# --- teapot ---------------------------------------------------------------------------------------


class Pot(NamedTuple):
    """The body of a teapot: half its width at lid and belly, its top and bottom, its colours."""

    mouth: float
    wide: float
    top: float
    bottom: float
    glaze: Colour
    second: Colour
    half: np.ndarray  # the right half of the outline, from the lid to the foot

    def side(self, y) -> float:
        """Half the width at this height."""
        return float(np.interp(y, self.half[:, 1], self.half[:, 0]))


def _pot(rng: Generator) -> Pot:
    glaze = pick(rng, [*CLAY, *PALETTE])
    second = _unlike(rng, glaze, [WHITE, *PALETTE])
    style = rng.choice(4, p=(0.4, 0.25, 0.2, 0.15))  # round, squat, tall, pear
    wide = rng.uniform(*[(0.56, 0.66), (0.66, 0.8), (0.4, 0.5), (0.52, 0.62)][style])
    tall = rng.uniform(*[(0.95, 1.1), (0.7, 0.82), (1.15, 1.4), (1.1, 1.25)][style])
    mouth, foot = wide * rng.uniform(0.42, 0.62), wide * rng.uniform(0.5, 0.72)
    shares = [
        (0.16, 0.76, 0.99, 0.86),
        (0.22, 0.84, 1.0, 0.86),
        (0.1, 0.76, 1.0, 0.97),
        (0.02, 0.5, 0.97, 0.97),
    ][style]
    top, bottom = 0.8 - tall, 0.8
    heights = (0.06, 0.24, 0.55, 0.82)
    sides = [
        max(mouth, mouth + (wide - mouth) * shares[0]),
        *(wide * share for share in shares[1:]),
    ]
    belly = [(x, top + tall * y) for x, y in zip(sides, heights, strict=True)]
    points = [(mouth, top), *belly, (foot, bottom)]
    return Pot(mouth, wide, top, bottom, glaze, second, curve(points))


def teapot(rng: Generator) -> Sketch:
    sketch, pot = Sketch(), _pot(rng)
    trim = (pot.glaze, pot.second, BRASS)[rng.choice(3, p=(0.5, 0.3, 0.2))]
    _spout(sketch, rng, pot, trim)
    if chance(rng, 0.3):
        _bail(sketch, rng, pot, trim)
    else:
        _side_handle(sketch, rng, pot, trim)
    _foot(sketch, rng, pot, trim)
    sketch.fill(both_sides(pot.half), pot.glaze)
    PATTERNS[rng.integers(len(PATTERNS))](sketch, rng, pot)
    if chance(rng, 0.6):
        shine = pot.top + (pot.bottom - pot.top) * 0.25
        sketch.oval(-pot.wide * 0.42, shine, 0.05, 0.11, lighter(pot.glaze, 0.75), 0.6, True)
    sketch.light(1.3, rng.choice((0.05, 0.25)))
    _lid(sketch, rng, pot, trim)
    return sketch


def _spout(sketch: Sketch, rng: Generator, pot: Pot, trim: Colour) -> None:
    tall = pot.bottom - pot.top
    low, high = pot.top + tall * rng.uniform(0.55, 0.75), pot.top + tall * rng.uniform(-0.06, 0.12)
    root, reach = -pot.side(low) + 0.1, -pot.wide - rng.uniform(0.32, 0.46)
    bend = rng.uniform(0.25, 0.6)
    if chance(rng, 0.25):  # short and straight
        low, reach = (low + high) / 2 + 0.08, -pot.wide - rng.uniform(0.2, 0.3)
        root = -pot.side(low) * 0.5
        path = [(root, low), ((root + reach) / 2, (low + high) / 2 + 0.02), (reach - 0.04, high)]
    else:
        path = [
            (root, low),
            (root - 0.2, low - 0.04),
            (reach + (root - reach) * 0.32, high + (low - high) * bend),
            (reach + 0.06, high + 0.08),
            (reach - 0.04, high),
        ]
    thick = rng.uniform(0.15, 0.2)
    sketch.fill(
        _tube(path, [thick, thick * 0.95, thick * 0.6, thick * 0.48, thick * 0.5]), pot.glaze
    )
    sketch.oval(reach - 0.02, high + 0.02, 0.12, 0.06, trim, 0.7, inside=True)
    sketch.light(1.1, 0.08)


def _side_handle(sketch: Sketch, rng: Generator, pot: Pot, trim: Colour) -> None:
    tall = pot.bottom - pot.top
    high, low = pot.top + tall * rng.uniform(0.1, 0.22), pot.top + tall * rng.uniform(0.6, 0.78)
    out, lift = pot.wide + rng.uniform(0.34, 0.48), rng.uniform(-0.04, 0.14)
    path = curve(
        [
            (pot.side(high) - 0.06, high),
            (out * 0.85, high - lift),
            (out, high + (low - high) * 0.35),
            (out * 0.9, low - 0.06),
            (pot.side(low) - 0.06, low),
        ]
    )
    colour = trim if chance(rng, 0.75) else pick(rng, WOOD)
    sketch.line(path, colour, rng.uniform(0.09, 0.14))
    if chance(rng, 0.25):
        sketch.line([(out * 0.86, high - lift), (out * 0.98, high - lift - 0.1)], colour, 0.1)
    sketch.light(1.2, 0.1)


def _bail(sketch: Sketch, rng: Generator, pot: Pot, trim: Colour) -> None:
    """A handle over the top, often of cane."""
    y, up = pot.top + 0.1, pot.top - rng.uniform(0.55, 0.72)
    reach, wide = pot.side(y) * 0.95, rng.uniform(0.95, 1.15)
    half = curve(
        [(0, up), (reach * 0.6 * wide, up + 0.06), (reach * wide, (y + up) / 2), (reach, y)]
    )
    arch, cane = np.concatenate([half[::-1] * [-1, 1], half[1:]]), chance(rng, 0.6)
    colour, thick = (pick(rng, [(206, 164, 100), *WOOD]) if cane else trim), rng.uniform(0.09, 0.12)
    sketch.line(arch, colour, thick)
    if cane:
        sketch.line(
            np.stack([arch - [0.08, 0.05], arch + [0.08, 0.05]], 1), darker(colour), 0.025, True
        )
    sketch.light(1.1, 0.2)
    sketch.fill(dots([(-reach, y), (reach, y)], 0.075), trim)
    sketch.light(1)


def _foot(sketch: Sketch, rng: Generator, pot: Pot, trim: Colour) -> None:
    foot = pot.half[-1, 0]
    if chance(rng, 0.3):
        feet = [(-foot * 0.8, pot.bottom + 0.02), (foot * 0.8, pot.bottom + 0.02)]
        sketch.fill(dots(feet, 0.1), darker(trim, 0.1))
    else:
        flare = foot * rng.uniform(0.95, 1.1)
        sketch.fill(
            [
                (-foot, pot.bottom - 0.05),
                (foot, pot.bottom - 0.05),
                (flare, pot.bottom + 0.07),
                (-flare, pot.bottom + 0.07),
            ],
            darker(trim, 0.15),
        )
    sketch.light(0.8)


def _lid(sketch: Sketch, rng: Generator, pot: Pot, trim: Colour) -> None:
    rim, rise = pot.mouth * 1.06, rng.uniform(0.12, 0.3)
    colour = pot.glaze if chance(rng, 0.6) else pot.second
    top = pot.top - rise
    half = [
        (0.01, top),
        (rim * 0.45, top + rise * 0.12),
        (rim * 0.88, top + rise * 0.55),
        (rim, pot.top + 0.03),
    ]
    sketch.fill(both_sides(curve(half)), colour)
    if chance(rng, 0.5):
        other = pot.second if colour is pot.glaze else pot.glaze
        sketch.fill(
            dots([(x * rim, top + rise * 0.62) for x in (-0.6, -0.2, 0.2, 0.6)], 0.045), other, True
        )
    sketch.light(1.1, 0.08)
    sketch.fill(
        smooth(
            [
                (-rim * 1.04, pot.top),
                (rim * 1.04, pot.top),
                (rim, pot.top + 0.065),
                (-rim, pot.top + 0.065),
            ]
        ),
        trim if trim is not pot.glaze else darker(trim, 0.2),
    )
    sketch.light(0.6)
    size = rng.uniform(0.075, 0.12)
    style = rng.integers(3)
    if style == 2:  # a little stalk with a leaf
        sketch.line(curve([(0, top + 0.04), (-0.03, top - 0.12), (0.05, top - 0.2)]), LEAF, 0.07)
        sketch.oval(0.13, top - 0.14, 0.13, 0.06, LEAF, -0.4)
    else:
        sketch.oval(0, top - size * 0.6, size, size * (1 if style else 0.75), trim)
    sketch.light(1.3)


def _in_dots(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    step, size = rng.uniform(0.2, 0.32), rng.uniform(0.055, 0.085)
    spots = in_rows(dots([(0, 0)], size)[0], (-0.75, pot.top), (0.75, 0.8), (step, step * 0.8))
    sketch.fill(spots, pot.second, True)


def _in_stripes(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    step = rng.uniform(0.15, 0.28)
    for y in np.arange(pot.top + rng.uniform(0.08, 0.3), 0.8, step):
        sketch.fill(_band(y, step * rng.uniform(0.3, 0.5), pot.wide, 0.07), pot.second, True)


def _in_melon(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """Ribs from the lid to the foot, like the segments of a melon."""
    edges = np.sin(np.linspace(-0.5, 0.5, 2 * rng.integers(3, 6) + 2) * np.pi)
    for left, right in zip(edges[:-1:2], edges[1::2], strict=True):
        sketch.fill(
            np.concatenate([pot.half * [left, 1], (pot.half * [right, 1])[::-1]]), pot.second, True
        )


def _in_flowers(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    middle, tall = (pot.top + pot.bottom) / 2, pot.bottom - pot.top
    places = [(-0.27, middle + 0.12), (0.22, middle - 0.14), (0.4, middle + 0.26)]
    if chance(rng, 0.35):
        places = [(0, middle)]
    size = tall * 0.16 if len(places) == 1 else 0.095
    for x, y in places:
        stem = curve([(x, y), (x + 0.06, y + 0.2), (x - 0.02, y + 0.5)])
        sketch.line(stem, LEAF, 0.035, True)
        sketch.oval(x + 0.1, y + size * 2 + 0.04, 0.1, 0.045, LEAF, -0.6, True)
        angles = np.arange(5) * 2 * np.pi / 5 + rng.uniform(0, 1)
        petals = np.stack([np.cos(angles), np.sin(angles)], 1) * size + [x, y]
        sketch.fill(dots(petals, size * 0.72), pot.second, True)
        sketch.oval(x, y, size * 0.55, size * 0.55, (245, 206, 92), inside=True)


def _in_willow(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """Borders above and below, a weeping tree, hills and birds between them."""
    tall, ink = pot.bottom - pot.top, pot.second
    for y in (pot.top + tall * 0.14, pot.top + tall * 0.84):
        sketch.fill(_band(y, 0.075, pot.wide, 0.05), ink, True)
        beads = [(x, y + 0.03 - 0.05 * (x / pot.wide) ** 2) for x in np.arange(-0.75, 0.8, 0.13)]
        sketch.fill(dots(beads, 0.026), pot.glaze, True)
    ground, x = pot.top + tall * 0.72, rng.uniform(-0.2, 0.1)
    crown = pot.top + tall * 0.4
    sketch.oval(x + 0.3, ground + 0.1, 0.34, 0.13, mix(pot.glaze, ink, 0.45), inside=True)
    trunk = curve([(x, ground + 0.06), (x + 0.05, (ground + crown) / 2), (x - 0.02, crown)])
    sketch.line(trunk, ink, 0.05, True)
    for reach in (-0.28, -0.2, -0.11, 0.1, 0.19, 0.27):
        twig = curve(
            [
                (x, crown),
                (x + reach * 0.7, crown - 0.07),
                (x + reach, crown + 0.06),
                (x + reach * 1.05, crown + rng.uniform(0.14, 0.28)),
            ]
        )
        sketch.line(twig, ink, 0.018, True)
        sketch.fill(dots(twig[5::2], 0.026, 1.5), ink, True)
    for left, y in ((x + 0.3, crown), (x - 0.38, crown - 0.02)):
        sketch.line([(left - 0.07, y - 0.04), (left, y), (left + 0.07, y - 0.04)], ink, 0.026, True)


def _in_crackle(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """Glaze that ran down and cracked."""
    tall = pot.bottom - pot.top
    x = np.linspace(-pot.wide, pot.wide, 9)
    drips = np.stack([x, pot.top + tall * rng.uniform(0.3, 0.72, 9)], 1)
    poured = np.concatenate([[(-pot.wide, pot.top)], curve(drips), [(pot.wide, pot.top)]])
    sketch.fill(poured, mix(pot.glaze, pot.second, 0.75), True)
    cracks, jags = (
        scatter(rng, 9, (-0.8, pot.top - 0.2), (0.6, 0.6)),
        rng.uniform(0.04, 0.22, (9, 12, 2)),
    )
    jags[::2, :, 0] *= -1
    cracks = np.clip(
        cracks[:, None] + np.cumsum(jags, 1), (-pot.wide, pot.top), (pot.wide, pot.bottom)
    )
    sketch.line(cracks, darker(mix(pot.glaze, pot.second, 0.4), 0.45), 0.013, True)


def _in_checks(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """A broad band of lozenges around the belly."""
    middle, size = (pot.top + pot.bottom) / 2 + rng.uniform(-0.05, 0.1), rng.uniform(0.12, 0.18)
    sketch.fill(
        _band(middle - size * 1.3, size * 2.6, pot.wide, 0.02), lighter(pot.second, 0.15), True
    )
    lozenges = [
        [(x - size * 0.6, middle), (x, middle - size), (x + size * 0.6, middle), (x, middle + size)]
        for x in np.arange(-3, 4) * size * 1.25
    ]
    sketch.fill(lozenges, pot.glaze, True)
    sketch.fill(
        dots([(x, middle) for x in np.arange(-3, 4) * size * 1.25], size * 0.25), pot.second, True
    )


def _in_sleep(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """Two closed eyes, red cheeks and a smile."""
    y, apart = (pot.top + pot.bottom) / 2, pot.wide * 0.4
    ink = darker(pot.glaze, 0.8) if sum(pot.glaze) > 330 else WHITE
    for side in (-apart, apart):
        sketch.oval(side * 1.35, y + 0.15, 0.1, 0.07, (232, 130, 124), inside=True)
        sketch.line(curve([(side - 0.09, y), (side, y + 0.06), (side + 0.09, y)]), ink, 0.035, True)
    sketch.line(curve([(-0.1, y + 0.13), (0, y + 0.2), (0.1, y + 0.13)]), ink, 0.035, True)


def _in_dip(sketch: Sketch, rng: Generator, pot: Pot) -> None:
    """The lower part in another glaze."""
    y = pot.top + (pot.bottom - pot.top) * rng.uniform(0.4, 0.65)
    sketch.fill(_band(y, pot.bottom + 0.08 - y, pot.wide, 0.08), pot.second, True)
    sketch.fill(_band(y - 0.06, 0.045, pot.wide, 0.08), mix(pot.glaze, pot.second, 0.6), True)


PATTERNS = [
    _in_dots,
    _in_stripes,
    _in_melon,
    _in_flowers,
    _in_willow,
    _in_crackle,
    _in_checks,
    _in_sleep,
    _in_dip,
]


# --- rocket ---------------------------------------------------------------------------------------


class Hull(NamedTuple):
    """The body of a rocket, nose up, from y = -1 to its foot, and its colours."""

    half: np.ndarray  # the right half of the outline, from the nose to the foot
    foot: float
    shell: Colour
    second: Colour
    third: Colour

    def side(self, y) -> float:
        """Half the width at this height."""
        return float(np.interp(y, self.half[:, 1], self.half[:, 0]))


def _rocket_hull(rng: Generator) -> Hull:
    shell = pick(rng, SHELLS)
    second = _unlike(rng, shell, [(214, 62, 54), (214, 62, 54), *PALETTE])
    wide, foot = rng.uniform(0.24, 0.4), rng.uniform(0.45, 0.6)
    shapes = [
        [(0.004, -1), (0.5, -0.72), (0.9, -0.35), (1.0, 0.0), (0.85, 0.4), (0.62, foot)],  # cigar
        [
            (0.004, -1),
            (0.45, -0.82),
            (0.85, -0.55),
            (1.0, -0.25),
            (1.0, 0.2),
            (0.95, foot),
        ],  # bullet
        [(0.004, -1), (0.3, -0.75), (0.62, -0.35), (0.95, 0.1), (1.0, 0.3), (0.7, foot)],  # drop
        [(0.004, -1), (0.3, -0.86), (0.78, -0.62), (0.8, -0.3), (0.8, 0.2), (0.8, foot)],
    ]  # pencil
    half = curve(np.array(shapes[rng.integers(4)]) * [wide, 1])
    return Hull(half, foot, shell, second, _unlike(rng, second, [WHITE, *PALETTE]))


def standing_rocket(rng: Generator) -> Sketch:
    """A rocket on its fins or legs, waiting."""
    sketch, hull = Sketch(), _rocket_hull(rng)
    if chance(rng, 0.4):
        _legs(sketch, rng, hull)
        _fins(sketch, rng, hull, rng.uniform(-0.05, 0.1))
    else:
        _fins(sketch, rng, hull, rng.uniform(0.2, 0.36))
    _rocket_body(sketch, rng, hull)
    return sketch


def flying_rocket(rng: Generator) -> Sketch:
    """A rocket on its way, fire below."""
    sketch, hull, leaning = Sketch(), _rocket_hull(rng), Sketch()
    _flame(sketch, rng, hull)
    _fins(sketch, rng, hull, rng.uniform(-0.02, 0.26))
    _rocket_body(sketch, rng, hull)
    leaning.add(sketch, turn=rng.uniform(-0.6, 0.6))
    return leaning


def _flame(sketch: Sketch, rng: Generator, hull: Hull) -> None:
    wide, long = hull.side(hull.foot) * rng.uniform(0.9, 1.1), rng.uniform(0.4, 0.75)
    hot = [
        [(226, 84, 40), (246, 160, 50), (255, 236, 140)],
        [(240, 130, 40), (250, 200, 70), WHITE],
        [(58, 110, 196), (110, 186, 226), WHITE],
    ][rng.choice(3, p=(0.5, 0.35, 0.15))]
    sway = rng.uniform(-0.06, 0.06, 3)
    for colour, share in zip(hot, (1, 0.68, 0.36), strict=True):
        w, y = wide * share, hull.foot
        end = y + long * share
        low, high = y + long * share * 0.6, y + long * share * 0.3
        sketch.fill(
            smooth(
                [
                    (-w * 0.7, y),
                    (w * 0.7, y),
                    (w * 1.05, high),
                    (w * 0.5 + sway[0], low),
                    (sway[1], end + 0.06),
                    (-w * 0.5 + sway[2], low),
                    (-w * 1.05, high),
                ]
            ),
            colour,
        )
    sketch.light(0.2)


def _fins(sketch: Sketch, rng: Generator, hull: Hull, drop) -> None:
    """One fin on each side, reaching this far below the foot, and a nozzle."""
    paint, out = hull.second, rng.uniform(0.28, 0.46)
    high, foot = hull.foot - rng.uniform(0.4, 0.6), hull.foot
    tip, thin = hull.side(foot - 0.1) + out, rng.uniform(0.1, 0.2)
    corners = np.array(
        [
            (hull.side(high) * 0.8, high),
            (tip * 0.85, foot - 0.24),
            (tip, foot + drop),
            (tip - thin, foot + drop),
            (hull.side(foot) + 0.06, foot - 0.03),
            (0, foot - 0.05),
        ]
    )
    if chance(rng, 0.6):
        corners = np.concatenate([curve(corners[:3]), curve(corners[3:5]), corners[5:]])
    nozzle = hull.side(foot) * rng.uniform(0.55, 0.85)
    sketch.fill(
        [
            (-nozzle * 0.8, foot - 0.08),
            (nozzle * 0.8, foot - 0.08),
            (nozzle, foot + 0.1),
            (-nozzle, foot + 0.1),
        ],
        (84, 86, 96),
    )
    sketch.light(0.9)
    for side in (-1, 1):
        sketch.fill(corners * [side, 1], paint)
        if drop > 0.15:
            sketch.oval(side * (tip - thin / 2), foot + drop, thin, 0.09, hull.third, inside=True)
        sketch.light(0.9, 0.1)


def _legs(sketch: Sketch, rng: Generator, hull: Hull) -> None:
    spread, low = rng.uniform(0.4, 0.6), hull.foot + 0.4
    metal = pick(rng, [(120, 124, 130), (70, 72, 84), BRASS])
    for side in (-1, 1):
        knee = np.array(
            [(side * hull.side(hull.foot) * 0.7, hull.foot - 0.1), (side * spread, low)]
        )
        sketch.line(knee, metal, 0.07)
        sketch.line([(0, hull.foot), (knee[0] + knee[1]) / 2], metal, 0.045)
        sketch.oval(side * spread, low, 0.13, 0.05, metal)
    sketch.light(0.6)


def _rocket_body(sketch: Sketch, rng: Generator, hull: Hull) -> None:
    sketch.fill(both_sides(hull.half), hull.shell)
    _livery(sketch, rng, hull)
    nose = rng.uniform(-0.68, -0.48)
    sketch.fill(_band(-1, nose + 1, 0.4, 0.05), hull.second, True)
    sketch.line(_band(nose, 0.001, 0.4, 0.05), darker(hull.second, 0.25), 0.025, True)
    sketch.light(1.3, 0.1)
    if chance(rng, 0.35):
        sketch.line([(0, -1.18), (0, -0.97)], INK, 0.035)
        sketch.oval(0, -1.2, 0.06, 0.06, hull.third)
        sketch.light(1)
    _portholes(sketch, rng, hull, nose)
    if chance(rng, 0.55):  # the fin in front
        high, thin = hull.foot - rng.uniform(0.25, 0.4), rng.uniform(0.035, 0.06)
        right = np.array([(thin, hull.foot - 0.1), (thin, hull.foot + 0.18)])
        sketch.fill(
            smooth([(0, high), *right, *(right[::-1] * [-1, 1])]), darker(hull.second, 0.12)
        )
        sketch.light(0.8)


def _livery(sketch: Sketch, rng: Generator, hull: Hull) -> None:
    """What is painted on the side: bands, checks, a half, stars, rivets."""
    style, foot = rng.integers(5), hull.foot
    if style == 0:
        for y in np.arange(foot - 0.12, -0.1, -rng.uniform(0.16, 0.3)):
            sketch.fill(_band(y, 0.08, 0.4, 0.03), hull.third, True)
    elif style == 1:
        wide = hull.side(0.1)
        squares = [
            [(x, y), (x + wide / 2, y), (x + wide / 2, y + 0.13), (x, y + 0.13)]
            for k, y in enumerate((foot - 0.39, foot - 0.26, foot - 0.13))
            for x in (np.arange(-2, 2, 2) + k % 2) * wide / 2
        ]
        sketch.fill(squares, hull.second, True)
    elif style == 2:
        sketch.fill([(0, -1), (0.4, -1), (0.4, foot), (0, foot)], hull.third, True)
    elif style == 3:
        turn = np.arange(10) * np.pi / 5
        star = (
            np.stack([np.sin(turn), -np.cos(turn)], 1)
            * np.where(np.arange(10) % 2, 0.42, 1)[:, None]
        )
        sketch.fill(star * hull.side(0.25) * 0.62 + [0, 0.24], hull.third, True)
    else:
        seams = [_band(y, 0.001, 0.4, 0.03) for y in (-0.3, 0.05, 0.35)]
        sketch.line(seams, darker(hull.shell, 0.3), 0.016, True)
        sketch.fill(
            dots([(x, y) for x in (-0.2, -0.1, 0, 0.1, 0.2) for y in (-0.24, 0.11, 0.4)], 0.018),
            darker(hull.shell, 0.35),
            True,
        )


def _portholes(sketch: Sketch, rng: Generator, hull: Hull, nose) -> None:
    count, glass, frame = (
        rng.integers(1, 4),
        pick(rng, GLASS),
        pick(rng, [hull.third, BRASS, (90, 94, 104)]),
    )
    if count == 1 and chance(rng, 0.7):
        return _pilot(sketch, rng, hull.side(-0.2) * 0.72, frame)
    for y in np.linspace(nose + 0.24, nose + 0.24 * count, count) if count > 1 else [-0.2]:
        size = min(0.105, hull.side(y) * 0.45) if count > 1 else hull.side(y) * 0.6
        sketch.oval(0, y, size, size, frame)
        sketch.oval(0, y, size * 0.72, size * 0.72, glass)
        sketch.oval(
            -size * 0.25, y - size * 0.25, size * 0.22, size * 0.16, lighter(glass, 0.7), -0.7
        )
    return sketch.light(0.6)


def _pilot(sketch: Sketch, rng: Generator, size, frame: Colour) -> None:
    """A large window with somebody who looks out."""
    y, skin = -0.2, pick(rng, [(240, 200, 168), (176, 120, 84), (116, 78, 60), (150, 200, 110)])
    sketch.oval(0, y, size, size, frame)
    sketch.oval(0, y, size * 0.78, size * 0.78, (56, 70, 100))
    face = Sketch()
    face.fill(oval(0, 0.25, 0.52, 0.5), skin)
    face.oval(0, -0.02, 0.52, 0.26, pick(rng))
    face.fill(dots([(-0.2, 0.28), (0.2, 0.28)], 0.085), INK)
    face.line(curve([(-0.16, 0.48), (0, 0.58), (0.16, 0.48)]), INK, 0.07)
    sketch.add(face, size, 0, y)
    sketch.oval(-size * 0.45, y - size * 0.4, size * 0.16, size * 0.1, WHITE, -0.7)
    sketch.light(0.5)
