"""Animals: a function takes a random generator and returns a sketch, facing left."""

import numpy as np
from numpy.random import Generator

from .brush import (
    INK,
    WHITE,
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
    vary,
)

FUR = [
    (226, 140, 66),
    (120, 116, 118),
    (58, 54, 60),
    (236, 226, 210),
    (150, 104, 70),
    (196, 172, 140),
]


def _eye(sketch: Sketch, x, y, size, iris=(255, 255, 255)) -> None:
    sketch.oval(x, y, size, size, iris)
    sketch.oval(x, y, size * 0.62, size * 0.72, INK)
    sketch.oval(x - size * 0.22, y - size * 0.28, size * 0.24, size * 0.24, (255, 255, 255))


def fish(rng: Generator) -> Sketch:
    sketch = Sketch()
    skin, second = pick(rng), pick(rng)
    tall, long = rng.uniform(0.36, 0.62), rng.uniform(0.75, 0.95)
    fin = mix(second, skin, rng.uniform(0, 0.6))
    spread, notch = rng.uniform(0.3, 0.55), rng.uniform(0.8, 0.98)
    tail = smooth(
        [
            (0.45, -0.05),
            (1.05, -spread),
            (1.12, -spread * 0.9),
            (notch, 0),
            (1.12, spread * 0.9),
            (1.05, spread),
            (0.45, 0.05),
        ]
    )
    sketch.fill(tail, fin)
    rays = rng.uniform(-spread * 0.7, spread * 0.7, 6)
    sketch.line([[(0.55, 0), (1.05, y)] for y in rays], darker(fin, 0.25), 0.025, inside=True)
    back = rng.uniform(0.15, 0.5)
    sketch.fill(
        smooth(
            [
                (-0.35, -tall * 0.7),
                (-0.1, -tall - back * 0.8),
                (0.35, -tall - back * 0.55),
                (0.42, -tall * 0.4),
            ]
        ),
        fin,
    )
    sketch.fill([(0, tall * 0.7), (0.32, tall + back * 0.5), (0.36, tall * 0.4)], fin)
    sketch.line(
        [[(x * 0.6, -0.1), (x, -tall - back)] for x in (-0.1, 0.05, 0.2, 0.35)],
        darker(fin, 0.25),
        0.02,
        True,
    )
    sketch.light(0.6, 0.2)
    body = smooth(
        [
            (-long, 0.03),
            (-long * 0.78, -tall * 0.52),
            (-0.3, -tall),
            (0.2, -tall * 0.75),
            (0.62, -0.1),
            (0.62, 0.1),
            (0.2, tall * 0.75),
            (-0.3, tall),
            (-long * 0.78, tall * 0.6),
        ]
    )
    sketch.fill(body, skin)
    sketch.fill(
        smooth([(-1, 0.2), (-0.3, tall * 0.35), (0.7, 0.1), (0.5, 1), (-0.8, 1)]),
        lighter(skin, 0.45),
        True,
    )
    _markings(sketch, rng, second, tall)
    sketch.fill(
        smooth([(-0.4, -1), (-0.32, 0), (-0.42, 1), (-1.2, 1), (-1.2, -1)]),
        mix(skin, second, 0.25),
        True,
    )
    sketch.line(
        curve([(-0.4, -tall * 0.7), (-0.31, 0), (-0.4, tall * 0.7)]), darker(skin), 0.035, True
    )
    sketch.line(
        curve([(-long, 0.1), (-long + 0.12, 0.15), (-long + 0.2, 0.1)]),
        darker(skin, 0.6),
        0.035,
        True,
    )
    sketch.light(1.2, 0.15)
    sketch.fill(smooth([(-0.18, 0.08), (0.12, 0.02), (0.2, 0.2), (0.02, 0.24)]), fin)
    _eye(sketch, -long * 0.66, -tall * 0.2, 0.115)
    sketch.light(0.4)
    return sketch


def _markings(sketch: Sketch, rng: Generator, colour, tall) -> None:
    """A fish's bands, spots or scales."""
    fashion = rng.integers(4)
    if fashion == 0:
        for x in np.arange(-0.3, 0.6, rng.uniform(0.22, 0.4)):
            width = rng.uniform(0.05, 0.1)
            sketch.fill(
                smooth(
                    [
                        (x - width, -1),
                        (x, 0),
                        (x - width, 1),
                        (x + width, 1),
                        (x + width * 2, 0),
                        (x + width, -1),
                    ]
                ),
                colour,
                True,
            )
    elif fashion == 1:
        sketch.fill(
            dots(scatter(rng, 14, (-0.3, -tall), (0.6, tall)), rng.uniform(0.03, 0.08, 14)),
            colour,
            True,
        )
    elif fashion == 2:
        for y in (-tall * 0.4, 0.0, tall * 0.4):
            sketch.line(curve([(-0.3, y), (0.2, y * 0.8), (0.6, y * 0.2)]), colour, 0.07, True)
    scale = [(0, -0.07), (0.06, 0), (0, 0.07)]
    sketch.line(
        in_rows(scale, (-0.25, -0.5), (0.6, 0.5), (0.15, 0.14)), darker(colour, 0.35), 0.015, True
    )


def butterfly(rng: Generator) -> Sketch:
    sketch = Sketch()
    main, second = pick(rng), pick(rng)
    edge = darker(main, rng.uniform(0.4, 0.9))
    colours = main, mix(main, second, 0.5), second, edge
    if chance(rng, 0.3):
        return _resting_butterfly(sketch, rng, colours)
    upper = [
        (0.06, -0.1),
        (0.35, -0.62),
        (0.8, -0.85),
        (1.02, -0.7),
        (0.88, -0.25),
        (0.5, 0.02),
        (0.06, 0.08),
    ]
    lower = [
        (0.06, 0.02),
        (0.5, 0.05),
        (0.8, 0.3),
        (0.72, 0.68),
        (0.48, rng.uniform(0.75, 1.0)),
        (0.3, 0.55),
        (0.06, 0.2),
    ]
    tall, dotted = rng.uniform(0.85, 1.15), _wing_spots(rng, (0.25, -0.6), (0.8, 0.5))
    for stretch in ((-rng.uniform(0.5, 1), tall), (rng.uniform(0.8, 1.05), tall)):
        _wing(sketch, lower, stretch, colours[1], colours, dotted)
        _wing(sketch, upper, stretch, colours[0], colours, dotted)
    body = darker(second, 0.6)
    _feelers(sketch, body, 0, -0.3)
    sketch.fill(oval(0, 0.18, 0.075, 0.45), body)
    sketch.line(
        [[(-0.1, y), (0.1, y)] for y in (0.1, 0.22, 0.34, 0.46)], lighter(body, 0.25), 0.025, True
    )
    sketch.oval(0, -0.3, 0.1, colour=body)
    sketch.light(1)
    return sketch


def _resting_butterfly(sketch: Sketch, rng: Generator, colours) -> Sketch:
    """Seen from the side, wings folded over the back."""
    upper = [
        (-0.1, 0.1),
        (-0.3, -0.5),
        (-0.1, -1.0),
        (0.3, -0.95),
        (0.45, -0.55),
        (0.3, -0.1),
        (0.1, 0.1),
    ]
    lower = [
        (0.0, 0.1),
        (0.35, -0.4),
        (0.8, -0.35),
        (0.92, 0.0),
        (0.7, 0.3),
        (0.4, 0.25),
        (0.1, 0.16),
    ]
    dotted = _wing_spots(rng, (-0.1, -0.8), (0.8, 0.2))
    _wing(sketch, upper, (0.9, 0.95), darker(colours[0], 0.3), colours, dotted)
    _wing(sketch, lower, (1, 1), colours[1], colours, dotted)
    _wing(sketch, np.array(upper) + [[0.1, 0.05]], (1, 1), colours[0], colours, dotted)
    body = darker(colours[2], 0.6)
    _feelers(sketch, body, -0.36, 0.02)
    sketch.line(curve([(-0.32, 0.1), (0.0, 0.14), (0.4, 0.3)]), body, 0.11)
    sketch.oval(-0.36, 0.08, 0.09, colour=body)
    sketch.light(1)
    return sketch


def _wing_spots(rng: Generator, low, high) -> tuple[np.ndarray, np.ndarray, bool]:
    spots = scatter(rng, rng.integers(3, 7), low, high)
    return spots, rng.uniform(0.05, 0.13, len(spots)), chance(rng, 0.6)


def _wing(sketch: Sketch, corners, stretch, colour, colours, dotted) -> None:
    _, _, second, edge = colours
    spots, sizes, ringed = dotted
    wing = np.array(corners)
    outline, middle = smooth(wing), wing.mean(0)
    sketch.fill(outline * stretch, edge)
    sketch.fill((middle + (outline - middle) * 0.82) * stretch, colour)
    sketch.line(
        np.array([[wing[0], point] for point in wing[1:6]]) * stretch,
        mix(edge, colour, 0.4),
        0.022,
        True,
    )
    sketch.fill(dots(spots, sizes) * stretch, second, True)
    if ringed:
        sketch.fill(dots(spots, sizes * 0.5) * stretch, edge, True)
    sketch.fill(
        dots(middle + (wing[1:6] - middle) * 0.9, 0.035) * stretch, lighter(second, 0.6), True
    )
    sketch.light(0.45, 0.25)


def _feelers(sketch: Sketch, colour, x, y) -> None:
    for side in (-1, 1):
        sketch.line(
            curve([(x, y), (x + side * 0.12, y - 0.25), (x + side * 0.27, y - 0.42)]), colour, 0.028
        )
        sketch.oval(x + side * 0.27, y - 0.42, 0.035, colour=colour)


def cat(rng: Generator) -> Sketch:
    sketch = Sketch()
    fur = vary(rng, FUR[rng.integers(len(FUR))])
    stripes, pale = darker(fur, 0.42), lighter(fur, rng.uniform(0.3, 0.75))
    striped = chance(rng, 0.65)
    head = _cat_head(rng, fur, stripes, pale, striped)
    if chance(rng, 0.35):
        _lying_cat(sketch, rng, fur, stripes, striped)
        sketch.add(head, 0.95, -0.55 + rng.uniform(-0.06, 0.06), -0.02, rng.uniform(-0.25, 0.25))
    else:
        _sitting_cat(sketch, rng, fur, stripes, pale, striped)
        sketch.add(head, 1.0, rng.uniform(-0.06, 0.06), -0.5, rng.uniform(-0.25, 0.25))
    return sketch


def _lying_cat(sketch: Sketch, rng: Generator, fur, stripes, striped) -> None:
    back = rng.uniform(-0.32, -0.12)
    tail = curve(
        [(0.75, 0.5), (1.1, 0.55), (1.25, rng.uniform(-0.2, 0.4)), (1.05, rng.uniform(-0.3, 0.2))]
    )
    sketch.line(tail, fur, 0.15)
    if striped:
        sketch.line(
            np.stack([tail[4::3] - [0.1, 0.03], tail[4::3] + [0.1, 0.03]], 1), stripes, 0.06, True
        )
    sketch.light(0.9, 0.25)
    sketch.fill(
        smooth(
            [
                (-0.75, 0.3),
                (-0.5, back + 0.1),
                (0.1, back),
                (0.65, back + 0.08),
                (0.95, 0.25),
                (0.85, 0.58),
                (0, 0.62),
                (-0.7, 0.6),
            ]
        ),
        fur,
    )
    if striped:
        for x in np.arange(-0.15, 0.9, 0.19):
            sketch.line(
                curve([(x, back - 0.1), (x + 0.05, 0.02), (x - 0.02, 0.16)]), stripes, 0.065, True
            )
    sketch.light(1.1, 0.25)
    sketch.oval(0.62, 0.36, 0.28, 0.26, fur)
    sketch.light(0.6, 0.2)
    for x in (-0.72, -0.42):
        sketch.oval(x, 0.56, 0.19, 0.09, lighter(fur, 0.2))
        sketch.light(0.8, 0.2)


def _sitting_cat(sketch: Sketch, rng: Generator, fur, stripes, pale, striped) -> None:
    reach, lift = rng.uniform(0.55, 0.85), rng.uniform(-0.35, 0.4)
    tail = curve(
        [(0.35, 0.85), (reach, 0.82), (reach + 0.12, lift + 0.2), (reach - 0.08, lift - 0.1)]
    )
    sketch.line(tail, fur, 0.15)
    if striped:
        sketch.line(
            np.stack([tail[4::3] - [0.1, 0.02], tail[4::3] + [0.1, 0.02]], 1), stripes, 0.06, True
        )
    sketch.light(0.9, 0.25)
    wide = rng.uniform(0.85, 1.15)
    body = both_sides(
        [(0.02, -0.35), (0.3 * wide, -0.2), (0.46 * wide, 0.35), (0.52 * wide, 0.78), (0.3, 0.95)]
    )
    sketch.fill(smooth(body), fur)
    if striped:
        bars = [
            curve([(side * 0.62 * wide, y - 0.06), (side * 0.34, y), (side * 0.26, y + 0.07)])
            for y in np.arange(-0.05, 0.8, 0.17)
            for side in (-1, 1)
        ]
        sketch.line(np.stack(bars), stripes, 0.06, True)
    bib = both_sides([(0.02, -0.25), (0.17, 0.0), (0.14, 0.35), (0.02, 0.5)])
    sketch.fill(smooth(bib), pale, True)
    sketch.light(1, 0.25)
    for side in (-1, 1):
        leg = np.array(
            [(0.05, 0.3), (0.2, 0.3), (0.22, 0.85), (0.24, 0.97), (0.02, 0.97), (0.04, 0.8)]
        )
        sketch.fill(smooth(leg * [side, 1]), fur)
        toes = [[(side * x, 0.97), (side * x, 0.9)] for x in (0.09, 0.16)]
        sketch.line(toes, stripes, 0.018, True)
        sketch.light(0.8, 0.2)


def _cat_head(rng, fur, stripes, pale, striped) -> Sketch:
    head = Sketch()
    for side in (-1, 1):
        ear = np.array([(side * 0.08, -0.26), (side * 0.33, -0.6), (side * 0.42, -0.05)])
        head.fill(ear, fur)
        head.fill(ear * 0.72 + [side * 0.075, -0.07], (222, 150, 146), True)
        head.light(0.5, 0.15)
    head.fill(
        smooth(both_sides([(0.02, -0.3), (0.26, -0.27), (0.43, 0.02), (0.36, 0.22), (0.14, 0.34)])),
        fur,
    )
    if striped:
        head.line([[(x, -0.34), (x * 0.6, -0.14)] for x in (-0.14, 0, 0.14)], stripes, 0.045, True)
        head.line(
            [[(s * 0.46, y), (s * 0.28, y * 0.9)] for s in (-1, 1) for y in (0.04, 0.14)],
            stripes,
            0.035,
            True,
        )
    head.fill(np.stack([oval(-0.09, 0.17, 0.13, 0.11), oval(0.09, 0.17, 0.13, 0.11)]), pale, True)
    head.light(1, 0.2)
    iris = pick(rng, [(214, 190, 70), (120, 170, 90), (110, 160, 196), (222, 150, 60)])
    if chance(rng, 0.2):  # inactive
        for side in (-1, 1):
            head.line(
                curve([(side * 0.09, -0.0), (side * 0.17, 0.05), (side * 0.26, 0.0)]), INK, 0.035
            )
    else:
        for side in (-1, 1):
            head.oval(side * 0.17, -0.02, 0.095, 0.085, iris)
            head.oval(side * 0.17, -0.02, 0.035, 0.08, INK)
            head.oval(side * 0.17 - 0.03, -0.05, 0.02, 0.02, (255, 255, 255))
    head.fill([(-0.05, 0.09), (0.05, 0.09), (0, 0.15)], (206, 110, 112))
    head.line(
        [curve([(0, 0.15), (side * 0.04, 0.22), (side * 0.11, 0.2)]) for side in (-1, 1)],
        darker(fur, 0.7),
        0.02,
    )
    whiskers = [
        [(s * 0.16, 0.16 + d / 3), (s * 0.52, 0.1 + d)] for s in (-1, 1) for d in (0, 0.08, 0.16)
    ]
    head.line(whiskers, lighter(fur, 0.7) if sum(fur) < 380 else darker(fur, 0.5), 0.012)
    head.light(0)
    return head


def dalmatian(rng: Generator) -> Sketch:
    sketch = Sketch()
    coat = vary(rng, (240, 236, 228), 0.4)
    spot = pick(rng, [(40, 36, 42), (40, 36, 42), (98, 62, 46)])
    head = _dog_head(rng, coat, spot)
    if chance(rng, 0.35):
        neck = _sitting_dog(sketch, rng, coat, spot)
    else:
        neck = _standing_dog(sketch, rng, coat, spot)
    sketch.line(neck + [[-0.2, -0.03], [0.2, 0.03]], pick(rng), 0.085)
    sketch.oval(*(neck + [-0.1, 0.06]), 0.05, 0.05, (240, 200, 90))
    sketch.light(0.6)
    sketch.add(head, 1.0, *(neck + [-0.06, -0.33]), rng.uniform(-0.25, 0.2))
    return sketch


def _spotted(sketch: Sketch, rng: Generator, colour, low, high, count, most) -> None:
    sizes = rng.uniform(0.025, most, count)
    sketch.fill(dots(scatter(rng, count, low, high), sizes, rng.uniform(0.7, 1.2)), colour, True)


def _dog_leg(sketch: Sketch, rng: Generator, x, foot, coat, spot, top=0.15) -> None:
    sketch.fill(
        smooth(
            [
                (x - 0.12, top),
                (x + 0.13, top),
                (x + 0.06, 0.5),
                (foot + 0.06, 0.9),
                (foot - 0.12, 0.92),
                (foot - 0.13, 0.85),
                (foot - 0.05, 0.8),
                (x - 0.07, 0.5),
            ]
        ),
        coat,
    )
    _spotted(sketch, rng, spot, (x - 0.12, top + 0.05), (x + 0.12, 0.8), 6, 0.05)
    sketch.light(0.7, 0.1)


def _standing_dog(sketch: Sketch, rng: Generator, coat, spot) -> np.ndarray:
    """Draws all but the head; the place of the collar."""
    far, stride, up = darker(coat, 0.22), rng.uniform(-0.12, 0.14), rng.uniform(-0.12, 0.1)
    _dog_leg(sketch, rng, -0.28, -0.22 - stride, far, spot)
    _dog_leg(sketch, rng, 0.62, 0.66 + stride, far, spot)
    wag = rng.uniform(-0.55, 0.1)
    sketch.line(curve([(0.68, -0.12), (0.92, -0.25 + wag / 3), (1.06, -0.3 + wag)]), coat, 0.075)
    sketch.fill(dots([(0.85, -0.2 + wag / 4), (1.0, -0.3 + wag * 0.6)], 0.035), spot, True)
    sketch.light(0.7)
    sketch.fill(
        smooth(
            [
                (-0.5, -0.22),
                (-0.1, -0.28),
                (0.4, -0.3),
                (0.72, -0.2),
                (0.78, 0.15),
                (0.6, 0.32),
                (0.3, 0.24),
                (-0.05, 0.36),
                (-0.4, 0.36),
                (-0.55, 0.1),
            ]
        ),
        coat,
    )
    sketch.fill(
        smooth(
            [
                (-0.6, -0.72 + up),
                (-0.34, -0.62 + up),
                (-0.12, -0.26),
                (-0.3, 0.2),
                (-0.54, 0.1),
                (-0.62, -0.3),
            ]
        ),
        coat,
    )
    _spotted(sketch, rng, spot, (-0.6, -0.65), (0.78, 0.34), 34, 0.075)
    sketch.light(1.1, 0.12)
    _dog_leg(sketch, rng, -0.42, -0.44 + stride, coat, spot)
    _dog_leg(sketch, rng, 0.52, 0.5 - stride, coat, spot)
    return np.array([-0.46, -0.39 + up])


def _sitting_dog(sketch: Sketch, rng: Generator, coat, spot) -> np.ndarray:
    """Draws all but the head; the place of the collar."""
    _dog_leg(sketch, rng, -0.16, -0.14, darker(coat, 0.22), spot, 0.1)
    sketch.line(
        curve([(0.5, 0.82), (0.8, 0.88), (rng.uniform(0.9, 1.1), rng.uniform(0.4, 0.85))]),
        coat,
        0.075,
    )
    sketch.light(0.7)
    sketch.fill(
        smooth(
            [
                (-0.4, -0.72),
                (-0.12, -0.62),
                (0.08, -0.2),
                (0.4, 0.25),
                (0.58, 0.7),
                (0.5, 0.92),
                (0.1, 0.9),
                (-0.12, 0.5),
                (-0.4, 0.2),
                (-0.44, -0.3),
            ]
        ),
        coat,
    )
    _spotted(sketch, rng, spot, (-0.45, -0.6), (0.6, 0.9), 34, 0.075)
    sketch.light(1.1, 0.12)
    sketch.fill(
        smooth([(0.15, 0.35), (0.45, 0.45), (0.52, 0.85), (0.1, 0.95), (-0.12, 0.93), (0.0, 0.75)]),
        coat,
    )
    _spotted(sketch, rng, spot, (0, 0.4), (0.5, 0.9), 8, 0.06)
    sketch.light(0.9, 0.12)
    _dog_leg(sketch, rng, -0.3, -0.3, coat, spot, 0.0)
    return np.array([-0.26, -0.42])


def _dog_head(rng: Generator, coat, spot) -> Sketch:
    head = Sketch()
    head.fill(
        smooth(
            [
                (0.2, -0.12),
                (0.02, -0.26),
                (-0.2, -0.2),
                (-0.3, -0.06),
                (-0.55, -0.02),
                (-0.6, 0.1),
                (-0.5, 0.18),
                (-0.2, 0.2),
                (0.08, 0.24),
                (0.24, 0.08),
            ]
        ),
        coat,
    )
    head.fill(
        dots(scatter(rng, 9, (-0.4, -0.2), (0.2, 0.2)), rng.uniform(0.02, 0.045, 9)), spot, True
    )
    head.line(curve([(-0.56, 0.1), (-0.4, 0.13), (-0.28, 0.09)]), darker(coat, 0.6), 0.025, True)
    head.light(0.9, 0.1)
    head.oval(-0.57, 0.0, 0.07, 0.055, INK)
    head.oval(-0.17, -0.05, 0.04, 0.045, INK)
    head.oval(-0.185, -0.065, 0.014, 0.014, (255, 255, 255))
    if chance(rng, 0.4):
        head.fill(
            smooth([(-0.44, 0.14), (-0.34, 0.13), (-0.35, 0.3), (-0.43, 0.3)]), (222, 110, 118)
        )
    ear = mix(spot, coat, 0.0 if chance(rng, 0.7) else 0.8)
    head.fill(
        smooth([(0.0, -0.2), (0.2, -0.18), (0.33, 0.1), (0.24, 0.32), (0.1, 0.2), (0.02, -0.02)]),
        ear,
    )
    head.light(0.8, 0.1)
    return head


def owl(rng: Generator) -> Sketch:
    sketch = Sketch()
    plume = pick(
        rng,
        [
            (140, 100, 70),
            (110, 112, 120),
            (196, 160, 116),
            (232, 228, 222),
            (170, 92, 60),
            (92, 84, 100),
        ],
    )
    dark, pale = darker(plume, 0.4), lighter(plume, 0.5)
    wide, tuft = rng.uniform(0.56, 0.7), rng.uniform(0.06, 0.3)
    sketch.fill(
        [[(s * 0.24, 0.8), (s * 0.1, 1.02), (s * 0.24, 0.98), (s * 0.36, 1.02)] for s in (-1, 1)],
        (226, 164, 70),
    )
    sketch.light(0.5)
    body = both_sides(
        [
            (0.05, -0.8),
            (0.3, -0.82),
            (0.5, -0.84 - tuft),
            (0.54, -0.5),
            (wide, -0.05),
            (wide, 0.45),
            (0.36, 0.9),
        ]
    )
    sketch.fill(smooth(body), plume)
    sketch.fill(
        smooth(both_sides([(0.05, -0.2), (0.3, -0.1), (0.38, 0.4), (0.22, 0.82)])), pale, True
    )
    chevron = [(-0.05, -0.03), (0, 0.035), (0.05, -0.03)]
    sketch.line(
        in_rows(chevron, (-0.36, -0.02), (0.4, 0.86), (0.14, 0.13)),
        mix(dark, pale, 0.2),
        0.03,
        True,
    )
    sketch.light(1.1, 0.3)
    flap = rng.uniform(0.0, 0.5) if chance(rng, 0.35) else 0.0
    for side in (-1, 1):
        wing = np.array(
            [
                (0.44, -0.25),
                (0.66 + flap, -0.05 - flap * 0.3),
                (0.68 + flap, 0.4 - flap * 0.5),
                (0.46, 0.74),
                (0.36, 0.3),
            ]
        )
        sketch.fill(smooth(wing * [side, 1]), mix(plume, dark, 0.5))
        feathers = [
            curve(
                [
                    (side * (0.42 + k / 10), k / 20),
                    (side * (0.5 + k / 10 + flap / 2), 0.3),
                    (side * (0.42 + k * 0.06), 0.66),
                ]
            )
            for k in range(3)
        ]
        sketch.line(np.stack(feathers), dark, 0.03, True)
        sketch.light(0.8, 0.3)
    sketch.fill(
        np.stack([oval(-0.25, -0.46, 0.29, 0.29), oval(0.25, -0.46, 0.29, 0.29)]),
        lighter(plume, 0.3),
    )
    spokes = np.stack([np.cos(np.arange(20) * np.pi / 10), np.sin(np.arange(20) * np.pi / 10)], 1)
    for side in (-1, 1):
        center = np.array([side * 0.25, -0.46])
        sketch.line(
            np.stack([center + spokes * 0.2, center + spokes * 0.28], 1),
            mix(plume, dark, 0.5),
            0.02,
            True,
        )
    sketch.light(0.5, 0.2)
    iris, wink = pick(rng, [(244, 196, 70), (238, 150, 60), (226, 220, 120)]), chance(rng, 0.15)
    for side in (-1, 1):
        if wink and side > 0:
            sketch.line(curve([(0.1, -0.44), (0.25, -0.36), (0.4, -0.44)]), INK, 0.05)
        else:
            sketch.oval(side * 0.25, -0.46, 0.19, colour=iris)
            sketch.oval(side * 0.24, -0.46, rng.uniform(0.09, 0.13), colour=INK)
            sketch.oval(side * 0.25 - 0.05, -0.52, 0.04, colour=WHITE)
    sketch.fill(smooth([(0, -0.42), (0.09, -0.3), (0, -0.13), (-0.09, -0.3)]), (230, 160, 62))
    sketch.light(0.6)
    return sketch
