"""Pictures of two objects of two kinds on one page, side by side: one heat map for each."""

from typing import NamedTuple

import numpy as np

from cs231n_viz import errors

from . import brush, compose, scenes
from .brush import SIZE, Layer

LEAST_APART = 0.38 * SIZE  # pixels between the middles of the two objects


class Pair(NamedTuple):
    """pixels (128, 128, 3) uint8; masks (2, 128, 128) bool and facets of the two objects."""

    pixels: np.ndarray
    masks: np.ndarray
    facets: tuple[str, str]


def draw(first: str, second: str, seed: int) -> Pair:
    """The picture of these two kinds with this seed: the same bytes every time."""
    for kind in (first, second):
        if kind not in compose.KINDS:
            raise errors.unknown("kind of drawing", kind, compose.KINDS)
    facets, page, layers, sun = _parts((first, second), seed)
    rng = compose.generator(f"{first}+{second}", seed, 2)
    depth = int(rng.integers(60, 130))
    for layer in sorted(layers, key=_bottom):  # what stands lower on the page is nearer
        page = brush.over(brush.shadow(page, layer.alpha, -sun[0] // 6, 3, depth, 3), layer)
    return Pair(compose.camera(page, rng), np.stack(_seen(layers)), facets)


def _parts(kinds: tuple[str, str], seed: int):
    rng = compose.generator("+".join(kinds), seed)
    facets = tuple(str(rng.choice(list(compose.KINDS[kind]))) for kind in kinds)
    sketches = [compose.KINDS[kind][facet](rng) for kind, facet in zip(kinds, facets, strict=True)]
    scene = scenes.SCENES[str(rng.choice(list(scenes.SCENES)))](rng)
    sun = compose.sunlight(rng)
    page, rough = scenes.paint(scene, rng, sun), brush.grain(rng)
    for _ in range(2000):
        layers = [
            brush.tint(
                brush.render(sketch, compose.place(sketch, kind, rng), sun, rough), scene.light
            )
            for sketch, kind in zip(sketches, kinds, strict=True)
        ]
        if _fair(layers):
            return facets, page, layers, sun
    raise RuntimeError(
        f"{kinds[0]} and {kinds[1]} do not fit on one page with seed {seed}: take another seed."
    )


def _bottom(layer: Layer) -> int:
    return int(np.flatnonzero((layer.alpha >= 128).any(1))[-1])


def _seen(layers: list[Layer]) -> list[np.ndarray]:
    """The visible mask of each layer, the lower one in front."""
    behind, front = sorted(layers, key=_bottom)
    return [compose.visible(layer, front if layer is behind else None) for layer in layers]


def _fair(layers: list[Layer]) -> bool:
    """Each object shows nearly whole, on 5 to 25 % of the page, well apart from the other."""
    masks = _seen(layers)
    middles = [np.argwhere(mask).mean(0) for mask in masks if mask.any()]
    if len(middles) < 2 or np.hypot(*(middles[0] - middles[1])) < LEAST_APART:
        return False
    shares = [np.count_nonzero(mask) / compose.PIXELS for mask in masks]
    wholes = [np.count_nonzero(layer.alpha >= 128) for layer in layers]
    nearly = [
        np.count_nonzero(mask) >= 0.9 * whole for mask, whole in zip(masks, wholes, strict=True)
    ]
    return all(nearly) and min(shares) >= compose.LEAST and max(shares) <= 0.25
