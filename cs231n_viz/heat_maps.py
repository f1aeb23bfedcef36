"""Every heat map of the course under one name and one signature, and the table that measures them.

A map is a function of model, pixels (N, 3, H, W) and classes (N,), which gives (N, H, W). Lesson 16
shows the table.
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from . import images, transforms
from .intervals import Interval
from .layers import finer_maps
from .objectives import labels_of
from .techniques import cam, guided_backprop, occlusion, saliency, truth

TOLERANCE = 8  # pixels beside the object that still are a near miss
# The shares of the pixels at which deletion and insertion are measured: fine below the objects'
# share, which is 6 to 33 %.
SHARES = (0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32, 0.5, 1)


def _occlusion(model, pixels, labels, measure) -> Tensor:
    patch = pixels.shape[-1] // 4
    drops = occlusion.occlusion_map(model, pixels, labels, patch, patch // 2, measure=measure)
    return occlusion.at_pixels(drops, *pixels.shape[2:], patch, patch // 2)


def _integrated(model, pixels, labels) -> Tensor:
    return saliency.integrated_gradients(model, pixels, labels, steps=8).attributions.sum(dim=1)


MAPS: dict[str, Callable] = {
    "occlusion, probability": lambda *given: _occlusion(*given, "probability"),
    "occlusion, logit": lambda *given: _occlusion(*given, "logit"),
    "gradient": saliency.saliency_map,
    "SmoothGrad": lambda *given: saliency.smooth_saliency(*given, samples=8),
    "integrated gradients": _integrated,
    "guided backprop": lambda *given: guided_backprop.input_gradient(*given).abs().amax(dim=1),
    "Grad-CAM, last layer": cam.grad_cam,
    "Grad-CAM, finer layer": lambda model, *given: cam.grad_cam(model, *given, finer_maps(model)),
    "guided Grad-CAM": lambda *given: cam.guided_grad_cam(*given).abs().amax(dim=1),
    "CAM": cam.cam,
}


def usable(model) -> list[str]:
    """The names of the maps that this network has: CAM needs a head that averages."""
    try:
        cam.cam(model, model.grey(), 0)
    except ValueError:
        return [name for name in MAPS if name != "CAM"]
    return list(MAPS)


def heats_of(model, pixels: Tensor, labels: Tensor, names=MAPS) -> tuple[dict, dict]:
    """The named maps of all pictures, {map: (N, H, W)}, and {map: seconds per picture}."""
    heats, seconds, labels = {}, {}, labels_of(labels, len(pixels))
    for name in names:
        began = time.process_time()
        batches = zip(pixels.split(16), labels.split(16), strict=True)
        heats[name] = torch.cat([MAPS[name](model, *some).cpu().float() for some in batches])
        seconds[name] = (time.process_time() - began) / len(pixels)
    return heats, seconds


def _noise(pixels: Tensor, side: int) -> Tensor:
    cells = torch.randn(len(pixels), 1, side, side, generator=torch.Generator().manual_seed(0))
    return images.resize(cells, pixels.shape[2:])[:, 0]


def _center(pixels: Tensor, masks: Tensor) -> Tensor:
    down, across = (torch.linspace(-1, 1, side).square() for side in pixels.shape[2:])
    return (2 - down[:, None] - across).expand(len(pixels), -1, -1)


def _edges(pixels: Tensor, masks: Tensor) -> Tensor:
    grey = pixels.mean(dim=1, keepdim=True)
    return (transforms.blur(1)(grey) - transforms.blur(2)(grey)).abs()[:, 0]


# Baselines without a network: pictures, masks -> (N, H, W). The true mask is largest deep inside.
BASELINES: dict[str, Callable] = {
    "edges of the picture": _edges,
    "the middle": _center,
    "random blobs": lambda pixels, masks: _noise(pixels, 8),
    "random pixels": lambda pixels, masks: _noise(pixels, pixels.shape[-1]),
    "the true mask": lambda pixels, masks: truth.depth_inside(masks),
}


class Measure(NamedTuple):
    title: str
    best: Callable | None  # max or min; None where a map can only pass or fail
    hollow: str = ""  # the measure that a hollow dot in the same column shows


MEASURES = {
    "pointing": Measure("points at\nthe object\nbetter →", max, "near"),
    "overlap": Measure("overlap\n(IoU)\nbetter →", max),
    "share": Measure("share on\nthe object\nbetter →", max),
    "deletion": Measure("deletion:\narea under\n← better", min),
    "insertion": Measure("insertion:\narea under\nbetter →", max),
    "half random": Measure("like itself,\nhalf random\n← better", None, "second choice"),
}


def against_the_object(heat: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """The measures that need no network: {measure: (N,)}."""
    return {
        "pointing": truth.pointing_game(heat, masks),
        "near": truth.pointing_game(heat, truth.depth_inside(masks) >= -TOLERANCE),
        "overlap": truth.mask_overlap(heat, masks),
        "share": truth.share_on(heat, masks),
    }


class Table(NamedTuple):
    values: dict[str, dict[str, Tensor]]  # map -> measure -> (N,), one number per picture
    curves: dict[str, dict[str, Tensor]]  # map -> deletion or insertion -> (len(SHARES),), the mean
    seconds: dict[str, float]  # of one core, per picture


def table_from(stored: Mapping) -> tuple[Table, dict[str, dict[str, float]]]:
    """The stored table as tensors, and the correlations by depth: {layer: {map: …}}."""
    values = {name: _tensors(row) for name, row in stored["values"].items()}
    curves = {name: _tensors(row) for name, row in stored["curves"].items()}
    for row in values.values():
        row |= {kind: row[kind] > 0 for kind in ("pointing", "near")}
    return Table(values, curves, stored["seconds"]), stored["by depth"]


def _tensors(row: Mapping[str, list]) -> dict[str, Tensor]:
    return {kind: torch.tensor(numbers) for kind, numbers in row.items()}


def best(summaries: Mapping[str, Mapping[str, Interval]], kind: str) -> list[str]:
    """The maps, baselines aside, that are best by a measure; none where a map passes or fails."""
    found = {name: row[kind].value for name, row in summaries.items() if name in MAPS}
    top = MEASURES[kind].best and MEASURES[kind].best(found.values())
    return [name for name in found if found[name] == top]


def panels(summaries: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, list]]:
    """{title: {line: intervals}} for `plot.intervals`: a panel per measure, the best map apart."""
    found = {}
    for kind, measure in MEASURES.items():
        winners = best(summaries, kind)
        names = {"map": MAPS.keys() - winners, "best map": winners, "no network": BASELINES}
        lines = {line: _column(summaries, kind, names[line]) for line in names}
        found[measure.title] = lines | {"hollow": _column(summaries, measure.hollow, MAPS)}
    return found


def _column(summaries, kind: str, names) -> list[Interval | None]:
    return [row.get(kind) if name in names else None for name, row in summaries.items()]
