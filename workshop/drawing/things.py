"""Things that people build: a function turns a random generator into a sketch, facing left."""

import numpy as np
from numpy.random import Generator

from .brush import (
    INK,
    PALETTE,
    WHITE,
    Sketch,
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

GLASS = [(150, 190, 206), (96, 120, 150), (250, 220, 130), (70, 84, 104)]
WOOD = [(146, 94, 60), (110, 72, 52), (188, 142, 92)]
WALLS = [
    (236, 222, 190),
    (226, 190, 150),
    (190, 96, 76),
    (206, 206, 200),
    (164, 190, 196),
    (240, 200, 120),
    (224, 160, 150),
]
ROOFS = [(176, 74, 56), (112, 60, 54), (84, 92, 108), (70, 108, 98), (146, 104, 72)]


def sailboat(rng: Generator) -> Sketch:
    sketch = Sketch()
    hull, cloth, second = pick(rng), pick(rng, [WHITE, WHITE, *PALETTE]), pick(rng)
    mast, tall, lean = rng.uniform(-0.2, 0.15), rng.uniform(1.1, 1.5), rng.uniform(-0.06, 0.1)
    top, billow = np.array([mast + lean, 0.45 - tall]), rng.uniform(0.02, 0.16)
    right, left = rng.uniform(0.5, 0.85), rng.uniform(-0.85, -0.5)
    main = np.array(
        [top + [0.05, 0.12], (right * 0.75 + billow, 0.0), (right, 0.3), (mast + 0.06, 0.34)]
    )
    jib = np.array(
        [top + [-0.06, 0.22], (left * 0.7 - billow, 0.02), (left, 0.33), (mast - 0.09, 0.3)]
    )
    if chance(rng, 0.3):  # a gaff sail has four corners
        main[1] = (mast + 0.6, -0.45)
    sketch.line([(mast, 0.5), top], pick(rng, WOOD), 0.05)
    sketch.fill(top + [[0, 0], [rng.uniform(0.15, 0.3), 0.06], [0, 0.13]], second)
    sketch.light(0.5)
    sails = [(main, cloth), (jib, second if chance(rng, 0.4) else cloth)]
    for sail, colour in sails[: 1 + chance(rng, 0.75)]:
        spine = (sail[0] + sail[2]) / 2
        bulge = spine + (sail[1] - spine) * rng.uniform(0.35, 0.6)
        sketch.fill(np.concatenate([curve([sail[0], bulge, sail[2]]), sail[3:]]), colour)
        _sail_pattern(sketch, rng, sail, colour, second if colour is cloth else cloth)
        sketch.light(0.7, 0.15)
    _hull(sketch, rng, hull, second)
    return sketch


def _hull(sketch: Sketch, rng: Generator, hull, second) -> None:
    deck = rng.uniform(0.4, 0.5)
    sketch.fill(
        smooth(
            [
                (-1.0, deck - 0.05),
                (-0.5, deck + 0.03),
                (0.5, deck + 0.03),
                (0.88, deck),
                (0.74, 0.82),
                (0.3, 0.92),
                (-0.4, 0.92),
                (-0.72, 0.75),
            ]
        ),
        hull,
    )
    sketch.line(
        curve([(-1.1, deck + 0.06), (0, deck + 0.13), (1, deck + 0.08)]),
        lighter(hull, 0.6),
        0.06,
        True,
    )
    for y in (0.66, 0.76):
        sketch.line(
            curve([(-1.1, y - 0.08), (0, y), (1, y - 0.05)]), darker(hull, 0.3), 0.018, True
        )
    sketch.fill([(-1, 0.84), (1, 0.84), (1, 1), (-1, 1)], mix(second, hull, 0.4), True)
    if chance(rng, 0.4):
        sketch.fill(dots([(x, 0.63) for x in (-0.35, -0.05, 0.25)], 0.055), WHITE, True)
    sketch.light(1.1, 0.2)


def _sail_pattern(sketch: Sketch, rng: Generator, sail, cloth, second) -> None:
    fashion = rng.integers(4)
    if fashion == 0:
        for y in np.arange(-1.0, 0.4, rng.uniform(0.16, 0.3)):
            sketch.fill([(-1, y), (1, y - 0.05), (1, y + 0.04), (-1, y + 0.09)], second, True)
    elif fashion == 1:
        sketch.oval(*(sail.mean(0) + [0, 0.02]), 0.13, 0.13, second, inside=True)
    elif fashion == 2:
        sketch.fill(
            [sail[2] + [0, -0.18], sail[3] + [0, -0.15], sail[3] + [0, 0.1], sail[2] + [0, 0.1]],
            second,
            True,
        )
    seams = [[(-1, y + 0.12), (1, y - 0.06)] for y in np.arange(-0.9, 0.4, 0.2)]
    sketch.line(seams, darker(cloth, 0.2), 0.014, True)


def _window(sketch: Sketch, x, y, wide, tall, glass, frame) -> None:
    sketch.fill(
        [(x - wide, y - tall), (x + wide, y - tall), (x + wide, y + tall), (x - wide, y + tall)],
        frame,
    )
    inner_x, inner_y = wide * 0.8, tall * 0.84
    sketch.fill(
        [
            (x - inner_x, y - inner_y),
            (x + inner_x, y - inner_y),
            (x + inner_x, y + inner_y),
            (x - inner_x, y + inner_y),
        ],
        glass,
    )
    sketch.fill(
        [
            (x - inner_x, y - inner_y),
            (x + inner_x * 0.4, y - inner_y),
            (x - inner_x, y + inner_y * 0.4),
        ],
        lighter(glass, 0.35),
    )
    sketch.line(
        [[(x, y - tall), (x, y + tall)], [(x - wide, y), (x + wide, y)]], frame, wide * 0.22
    )


def _texture(sketch: Sketch, rng: Generator, wall, low, high) -> None:
    """Bricks, planks or plaster over the current part."""
    fashion, line = rng.integers(3), darker(wall, 0.22)
    (left, top), (right, bottom) = low, high
    if fashion == 0:
        brick = [(0, 0), (0, 0.085), (0.14, 0.085)]
        sketch.line(in_rows(brick, (left - 0.1, top), high, (0.14, 0.085)), line, 0.014, True)
    elif fashion == 1:
        sketch.line(
            [[(x, top), (x, bottom)] for x in np.arange(left, right, 0.1)], line, 0.016, True
        )
    else:
        sketch.fill(dots(scatter(rng, 14, low, high), 0.05, 0.5), mix(wall, line, 0.4), True)


def _front(sketch: Sketch, rng: Generator, half, eaves, ridge, wall, roof, floors=1) -> None:
    """A gable wall with door and windows, from -half to half, foot at y = 0.9."""
    glass, frame, door = pick(rng, GLASS), pick(rng, [WHITE, WHITE, *WOOD]), pick(rng)
    sketch.fill([(-half, 0.9), (-half, eaves), (0, ridge), (half, eaves), (half, 0.9)], wall)
    _texture(sketch, rng, wall, (-half, ridge), (half, 0.9))
    sketch.fill([(-half, 0.8), (half, 0.8), (half, 0.9), (-half, 0.9)], darker(wall, 0.3), True)
    sketch.light(0.25, 0.2)
    side = rng.choice((-1, 0, 1)) * half * 0.42
    sketch.fill(
        [
            (side - 0.12, 0.9),
            (side - 0.12, 0.45),
            (side, 0.38),
            (side + 0.12, 0.45),
            (side + 0.12, 0.9),
        ],
        door,
    )
    sketch.line(
        [[(side - 0.04, 0.88), (side - 0.04, 0.5)], [(side + 0.04, 0.88), (side + 0.04, 0.5)]],
        darker(door),
        0.014,
    )
    sketch.oval(side + 0.075, 0.68, 0.022, colour=(240, 205, 100))
    for x in (-half * 0.5, half * 0.5):
        if abs(x - side) > 0.24:
            _window(sketch, x, 0.55, 0.1, 0.12, glass, frame)
        for floor in range(1, floors + 1):
            _window(sketch, x, 0.55 - 0.36 * floor, 0.095, 0.11, glass, frame)
    if ridge < eaves - 0.3:
        sketch.oval(0, (eaves * 1.6 + ridge) / 2.6, 0.075, colour=frame)
        sketch.oval(0, (eaves * 1.6 + ridge) / 2.6, 0.055, colour=glass)
    sketch.light(0.3)
    sketch.line(
        [(-half - 0.07, eaves + 0.08), (0, ridge - 0.02), (half + 0.07, eaves + 0.08)], roof, 0.09
    )
    sketch.light(0.5, 0.2)


def house(rng: Generator) -> Sketch:
    """One house alone, seen at an angle: gable front and long side."""
    sketch = Sketch()
    wall, roof = pick(rng, [*WALLS, *PALETTE]), pick(rng, [*ROOFS, *PALETTE])
    half, depth = rng.uniform(0.4, 0.52), rng.uniform(0.55, 0.95)
    eaves, ridge, lift = rng.uniform(-0.2, 0.1), rng.uniform(-0.85, -0.5), rng.uniform(0.0, 0.08)
    flue, brick = rng.uniform(0.3, 0.7) * depth, pick(rng, ROOFS)
    sketch.fill(
        [(flue, ridge - 0.22), (flue + 0.16, ridge - 0.22), (flue + 0.16, eaves), (flue, eaves)],
        brick,
    )
    sketch.fill(
        [
            (flue - 0.03, ridge - 0.28),
            (flue + 0.19, ridge - 0.28),
            (flue + 0.19, ridge - 0.2),
            (flue - 0.03, ridge - 0.2),
        ],
        darker(brick),
    )
    sketch.light(0.5, 0.3)
    far = half + depth
    side = darker(wall, 0.25)
    sketch.fill([(half, eaves), (far, eaves - lift), (far, 0.9 - lift), (half, 0.9)], side)
    _texture(sketch, rng, side, (half, eaves - 0.1), (far, 0.9))
    glass, frame = pick(rng, GLASS), WHITE
    for x in np.arange(half + 0.22, far - 0.1, 0.32):
        _window(sketch, x, (eaves + 0.85) / 2, 0.085, 0.13, glass, frame)
    sketch.light(0.2, 0.2)
    slope = [
        (0, ridge),
        (depth, ridge - lift),
        (far + 0.06, eaves + 0.05 - lift),
        (half + 0.05, eaves + 0.09),
    ]
    sketch.fill(slope, roof)
    corners = np.array(slope)
    for share in np.arange(0.1, 1, 0.15):
        tiles = corners[:2] * (1 - share) + corners[[3, 2]] * share
        sketch.line(tiles, darker(roof, 0.25), 0.02, True)
    sketch.light(0.3, 0.4)
    _front(sketch, rng, half, eaves, ridge, wall, darker(roof, 0.15))
    centered = Sketch()
    centered.add(sketch, 1, -depth / 2)
    return centered


def street(rng: Generator) -> Sketch:
    """Narrow houses wall to wall."""
    sketch, x = Sketch(), 0.0
    for _ in range(rng.integers(3, 5)):
        part = Sketch()
        half, floors = rng.uniform(0.34, 0.46), rng.integers(1, 4)
        eaves = 0.3 - 0.36 * floors
        _front(
            part,
            rng,
            half,
            eaves,
            eaves - rng.uniform(0.15, 0.55),
            pick(rng, [*WALLS, *PALETTE]),
            pick(rng, ROOFS),
            floors,
        )
        sketch.add(part, 1, x + half)
        x += 2 * half
    centered = Sketch()
    centered.add(sketch, 1, -x / 2)
    return centered


def wheel(sketch: Sketch, x, y, size, rim=(200, 200, 200)) -> None:
    sketch.oval(x, y, size, size, INK)
    sketch.oval(x, y, size * 0.6, size * 0.6, rim)
    angles = np.arange(5) * 2 * np.pi / 5
    spokes = np.stack(
        [np.zeros((5, 2)), np.stack([np.cos(angles), np.sin(angles)], 1) * size * 0.55], 1
    ) + [x, y]
    sketch.line(spokes, darker(rim, 0.5), size * 0.14)
    sketch.oval(x, y, size * 0.16, size * 0.16, darker(rim, 0.6))
    sketch.light(0.5)


def car(rng: Generator) -> Sketch:
    sketch = Sketch()
    paint, glass = pick(rng), pick(rng, GLASS)
    roof = rng.uniform(-0.5, -0.32)
    cab = [(-0.45, -0.02), (-0.3, roof + 0.06), (0.3, roof), (0.62, -0.02)]  # sedan
    nose = [(-1.0, 0.3), (-0.96, 0.08), (-0.5, -0.04), (0.6, -0.04), (0.98, 0.02), (1.02, 0.3)]
    style = rng.integers(3)
    if style == 1:  # a round little car
        roof = rng.uniform(-0.58, -0.45)
        cab = [(-0.5, 0.0), (-0.38, roof + 0.18), (0.0, roof), (0.5, roof + 0.2), (0.75, 0.02)]
        nose = [(-0.88, 0.3), (-0.86, 0.06), (-0.5, -0.06), (0.6, -0.04), (0.86, 0.1), (0.9, 0.3)]
    elif style == 2:  # a van
        cab = [
            (-0.72, 0.0),
            (-0.55, roof - 0.1),
            (-0.4, roof - 0.14),
            (0.88, roof - 0.14),
            (0.95, 0.0),
        ]
        nose = [(-0.98, 0.3), (-0.94, 0.04), (-0.7, -0.04), (0.6, -0.04), (0.97, -0.04), (1.0, 0.3)]
    shell = mix(paint, pick(rng, [paint, WHITE, darker(paint)]), 0.8)
    if chance(rng, 0.3):
        _luggage(sketch, rng, min(y for _, y in cab))
    sketch.fill(smooth(cab) if style == 1 else cab, shell)
    inside = np.array(cab)
    pane = (inside - inside.mean(0)) * [0.84, 0.72] + inside.mean(0) + [0, 0.01]
    sketch.fill(smooth(pane) if style == 1 else pane, glass, True)
    sketch.fill([(-0.35, -0.6), (-0.1, -0.6), (-0.4, 0.1), (-0.6, 0.1)], lighter(glass, 0.4), True)
    sketch.line(
        [[(x, -0.7), (x + 0.03, 0)] for x in (0.08, *((0.45,) if style == 2 else ()))],
        shell,
        0.07,
        True,
    )
    sketch.light(0.5, 0.08)
    sketch.fill(smooth([*nose, (0.96, 0.42), (0, 0.44), (-0.95, 0.42)]), paint)
    sketch.line(curve([(-1.1, 0.2), (0, 0.17), (1.1, 0.2)]), darker(paint, 0.3), 0.025, True)
    if chance(rng, 0.4):
        sketch.line(curve([(-1.1, 0.1), (0, 0.07), (1.1, 0.1)]), pick(rng), 0.07, True)
    sketch.line(
        [[(0.08, -0.1), (0.1, 0.4)], [(-0.4, -0.1), (-0.44, 0.4)]], darker(paint, 0.35), 0.018, True
    )
    sketch.line([(0.16, 0.06), (0.26, 0.06)], darker(paint, 0.6), 0.03, True)
    sketch.light(1.0, 0.08)
    sketch.oval(nose[1][0] + 0.05, 0.14, 0.06, 0.075, (252, 236, 170))
    sketch.oval(nose[-2][0] - 0.02, 0.14, 0.05, 0.07, (204, 50, 46))
    sketch.line([(nose[0][0] - 0.02, 0.34), (nose[0][0] + 0.22, 0.36)], (170, 174, 178), 0.06)
    size, rim = rng.uniform(0.19, 0.25), pick(rng, [(206, 206, 206), WHITE, (150, 150, 156), paint])
    sketch.fill(
        np.stack([oval(x, 0.42, size * 1.15, size * 1.15) for x in (-0.55, 0.58)]),
        darker(paint, 0.75),
        True,
    )
    sketch.light(0)
    wheel(sketch, -0.55, 0.44, size, rim)
    wheel(sketch, 0.58, 0.44, size, rim)
    return sketch


def _luggage(sketch: Sketch, rng: Generator, roof) -> None:
    for x in (-0.12, 0.2):
        tall, trunk = rng.uniform(0.1, 0.2), pick(rng)
        sketch.fill(
            [
                (x - 0.13, roof + 0.06),
                (x - 0.13, roof - tall),
                (x + 0.15, roof - tall),
                (x + 0.15, roof + 0.06),
            ],
            trunk,
        )
        sketch.line(
            [
                [(x - 0.06, roof), (x - 0.06, roof - tall)],
                [(x + 0.08, roof), (x + 0.08, roof - tall)],
            ],
            darker(trunk),
            0.025,
            True,
        )
    sketch.light(0.5, 0.2)


def balloon(rng: Generator) -> Sketch:
    """A hot-air balloon."""
    sketch = Sketch()
    colours = [pick(rng), pick(rng), pick(rng, [WHITE, *PALETTE])]
    wide, gores = rng.uniform(0.66, 0.8), rng.integers(6, 13)
    girth = rng.uniform(0.6, 0.86)
    half = [
        (0.02, -1.0),
        (wide * 0.55, -0.92),
        (wide * 0.93, -0.6),
        (wide, -0.25),
        (wide * girth, 0.14),
        (wide * girth * 0.4, 0.46),
        (0.14, 0.52),
    ]
    outline = smooth([*half, *[(-x, y) for x, y in half[::-1]]])
    drop, basket = rng.uniform(0.72, 0.82), pick(rng, WOOD)
    sketch.line(
        [[(x, 0.45), (x * 0.8, drop)] for x in (-0.15, -0.05, 0.05, 0.15)], darker(basket), 0.02
    )
    sketch.light(0)
    sketch.fill(
        smooth([(-0.15, drop), (0.15, drop), (0.13, drop + 0.2), (-0.13, drop + 0.2)]), basket
    )
    sketch.line(
        [[(-0.2, y), (0.2, y)] for y in (drop + 0.05, drop + 0.1, drop + 0.15)],
        darker(basket),
        0.018,
        True,
    )
    sketch.line([(-0.17, drop + 0.01), (0.17, drop + 0.01)], lighter(basket), 0.04)
    sketch.light(1, 0.3)
    sketch.fill(outline, colours[0])
    turn, ring = rng.uniform(0, 1), np.array(half)
    edges = np.sin(
        np.clip((np.arange(gores + 2) - turn) / gores - 0.5, -0.5, 0.5) * np.pi
    )  # seams of a round body
    for k in range(len(edges) - 1):
        gore = np.concatenate(
            [curve(ring * [edges[k] / 1.0, 1]), curve(ring * [edges[k + 1], 1])[::-1]]
        )
        sketch.fill(gore, colours[k % 2], True)
    seams = [curve(ring * [edge, 1]) for edge in edges]
    sketch.line(np.stack(seams), darker(colours[0], 0.35), 0.014, True)
    if chance(rng, 0.6):
        y, tall = rng.uniform(-0.55, 0.0), rng.uniform(0.06, 0.16)
        sag = 0.08
        band = np.concatenate(
            [
                curve([(-1, y), (0, y + sag), (1, y)]),
                curve([(1, y + tall), (0, y + tall + sag), (-1, y + tall)]),
            ]
        )
        sketch.fill(band, colours[2], True)
    sketch.line(curve([(-0.4, 0.44), (0, 0.48), (0.4, 0.44)]), darker(colours[1], 0.4), 0.06, True)
    sketch.light(1.3, 0.1)
    return sketch
