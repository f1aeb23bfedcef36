"""Sets of drawings as a network is trained on them: any number, drawn now."""

from collections.abc import Sequence

import numpy as np
import torch

from cs231n_viz import images
from cs231n_viz.data import GROUNDS, SNOW_SPLITS, Pictures

from . import CLASS_NAMES, Drawing, draw
from . import snow as animals

MANY = 2_000_000  # seeds apart: no two sets share a drawing


def picturebook(count: int, seed: int = 0) -> Pictures:
    """Training drawings of all kinds, in rounds like the stored test split; seeds are even."""
    labels = mixed_labels(count, len(CLASS_NAMES), seed)
    drawn = [
        draw(CLASS_NAMES[label], MANY * seed + 2 * index) for index, label in enumerate(labels)
    ]
    return together(drawn, labels, [f"drawn {kind}" for kind in CLASS_NAMES])


def snow(split: str, count: int, correlated: bool = True, seed: int = 0) -> Pictures:
    """Huskies and wolves like those of `data.snow`, of which 144 a split are stored."""
    class_names = list(animals.FACES)
    labels, swapped = snow_order(count, seed)
    first = MANY * seed + SNOW_SPLITS.index(split)  # even seeds are for train, odd ones for test
    drawn = [
        animals.draw(
            class_names[label], GROUNDS[label ^ (swap and not correlated)], first + 2 * index
        )
        for index, (label, swap) in enumerate(zip(labels, swapped, strict=True))
    ]
    return together(drawn, labels, class_names)


def mixed_labels(count: int, classes: int, seed: int = 0) -> list[int]:
    """`count` labels in rounds; each round holds every class once, in random order."""
    rounds = range(-(-count // classes))
    mixed = [np.random.default_rng((seed, number)).permutation(classes) for number in rounds]
    return np.concatenate(mixed)[:count].tolist()


def snow_order(count: int, seed: int = 0) -> tuple[list[int], list[bool]]:
    """Labels in pairs of both classes, and which pictures, one pair in two, may swap grounds."""
    labels, swapped = [], []
    for number in range(-(-count // 4)):
        rng = np.random.default_rng((seed, number))
        labels += [*rng.permutation(2).tolist(), *rng.permutation(2).tolist()]
        swapped += np.repeat(rng.permutation(2).astype(bool), 2).tolist()
    return labels[:count], swapped[:count]


def together(drawn: Sequence[Drawing], labels: Sequence[int], class_names: list[str]) -> Pictures:
    """Drawings as one batch."""
    return Pictures(
        torch.cat([images.to_pixels(picture.pixels) for picture in drawn]),
        torch.tensor(labels),
        torch.from_numpy(np.stack([picture.mask for picture in drawn])),
        [picture.facet for picture in drawn],
        class_names,
    )
