"""Paints the course's style pictures: ten hands, each a different material, 512 x 512 pixels.

    strokes      the common tools: canvas, bristle stroke, flow field, grain, raking light
    impasto      night (bristle brush), autumn (palette knife)
    dots         points (pointillism)
    tesserae     mosaic
    leaded       glass (stained glass)
    water        watercolour
    sumi         ink (ink wash)
    printed      woodcut
    facets       cubist
    folk         folk (comma strokes on black)

A new hand is one function `rng -> (512, 512, 3) uint8` and one entry in `HANDS`.
"""

import cv2
import numpy as np

from cs231n_viz import errors

from .dots import points
from .facets import cubist
from .folk import folk
from .impasto import autumn, night
from .leaded import glass
from .printed import woodcut
from .strokes import SIDE
from .sumi import ink
from .tesserae import mosaic
from .water import watercolour

_ALL = (night, points, mosaic, glass, ink, woodcut, watercolour, cubist, folk, autumn)
HANDS = {hand.__name__: hand for hand in _ALL}
PAINTING_NAMES = list(HANDS)


def paint(name: str, size: int = SIDE, seed: int = 0) -> np.ndarray:
    """A painting (size, size, 3) uint8, at most 512; another seed: same motif, other strokes."""
    if name not in HANDS:
        raise errors.unknown("painting", name, PAINTING_NAMES)
    errors.whole("the size of a painting", size, 1, SIDE)
    painting = HANDS[name](np.random.default_rng([seed, *name.encode()]))
    if size == SIDE:
        return painting
    return cv2.resize(painting, (size, size), interpolation=cv2.INTER_AREA)
