"""Draws the Picturebook: sixteen kinds of pictures of 128 px, each with its object's mask.

    brush      shapes, colours, light: a sketch becomes a layer
    creatures, wildlife, plants, things, inventions    the kinds, one short function each
    scenes     ten backgrounds, shared by all kinds
    clutter    distractors, and things in the way
    compose    a picture from its layers
    pairs      two objects on one page
    snow       huskies and wolves, and a background that gives them away
    paintings, textures    pictures for the lessons on style

A new kind is one function `rng -> Sketch` and one line in `compose.KINDS`.
"""

from typing import NamedTuple

import numpy as np

from cs231n_viz import errors

from . import compose
from .scenes import SCENES

CLASS_NAMES = list(compose.KINDS)
FACETS = {kind: list(facets) for kind, facets in compose.KINDS.items()}
SCENE_NAMES = list(SCENES)


class Drawing(NamedTuple):
    """pixels (128, 128, 3) uint8, mask (128, 128) bool where the object shows, and its facet."""

    pixels: np.ndarray
    mask: np.ndarray
    facet: str


def _check(kind: str) -> None:
    if kind not in compose.KINDS:
        raise errors.unknown("kind of drawing", kind, CLASS_NAMES)


def draw(kind: str, seed: int) -> Drawing:
    """The picture of this kind with this seed (an integer from 0 up): the same bytes every time."""
    _check(kind)
    layers = compose.parts(kind, seed)
    mask = compose.visible(layers.object, layers.front)
    return Drawing(compose.assemble(kind, seed, layers), mask, layers.facet)


def scene_name(kind: str, seed: int) -> str:
    """The background of a picture, one of SCENE_NAMES."""
    _check(kind)
    return compose.choices(kind, seed)[1]
