"""Every heat map of the course under one name and one signature, and the table of lesson 16 that
measures them all.

A map is a function of model, pixels (N, 3, H, W) and classes (N,), which gives (N, H, W).
"""

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from . import images, transforms
from .intervals import Interval
from .layers import finer_maps
from .techniques import cam, guided_backprop, occlusion, saliency, truth

TOLERANCE = 8  # pixels beside the object that still are a near miss
# The shares of the pixels after which deletion and insertion ask: fine below the objects' share (6
# to 33 %).
SHARES = (0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32, 0.5, 1)


def _occlusion(model, pixels, labels, measure) -> Tensor:
    patch = pixels.shape[-1] // 4
    drops = occlusion.occlusion_map(model, pixels, labels, patch, patch // 2, measure=measure)
    return occlusion.at_pixels(drops, *pixels.shape[2:], patch, patch // 2)


def _cam(model, pixels, labels) -> Tensor:
    pairs = zip(pixels.split(1), labels.tolist(), strict=True)
    return torch.cat([cam.cam(model, *pair) for pair in pairs])


MAPS: dict[str, Callable] = {
    "occlusion, probability": lambda *given: _occlusion(*given, "probability"),
    "occlusion, logit": lambda *given: _occlusion(*given, "logit"),
    "gradient": saliency.saliency_map,
    "SmoothGrad": lambda *given: saliency.smooth_saliency(*given, samples=8),
    "integrated gradients": lambda *given: saliency.integrated_gradients(*given, steps=8).parts.sum(
        dim=1
    ),
    "guided backprop": lambda *given: guided_backprop.input_gradient(*given).abs().amax(dim=1),
    "Grad-CAM, last layer": cam.grad_cam,
    "Grad-CAM, finer layer": lambda model, *given: cam.grad_cam(model, *given, finer_maps(model)),
    "guided Grad-CAM": lambda *given: cam.guided_grad_cam(*given).abs().amax(dim=1),
    "CAM": _cam,
}


def usable(model) -> list[str]:
    """The names of the maps that this network has: CAM wants a head that averages."""
    try:
        cam.cam(model, model.mean.expand(1, -1, model.input_size, model.input_size), 0)
    except ValueError:
        return [name for name in MAPS if name != "CAM"]
    return list(MAPS)


def heats_of(model, pixels: Tensor, labels: Tensor, names=MAPS) -> tuple[dict, dict]:
    """The named maps of all pictures, {map: (N, H, W)}, and what each took, {map: seconds a
    picture}.
    """
    heats, seconds = {}, {}
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


# What no network made: pictures, masks -> (N, H, W). The true mask goes from the object's inside
# outwards.
BASELINES: dict[str, Callable] = {
    "edges of the picture": _edges,
    "the middle": _center,
    "random blobs": lambda pixels, masks: _noise(pixels, 8),
    "random pixels": lambda pixels, masks: _noise(pixels, pixels.shape[-1]),
    "the true mask": lambda pixels, masks: truth.depth_inside(masks),
}


class Measure(NamedTuple):
    title: str
    more: bool  # is more better?
    hollow: str = ""  # the measure that a hollow dot in the same column shows
    ranked: bool = True  # is there a best, or does a map pass or fail?


MEASURES = {
    "pointing": Measure("points at\nthe object", True, "near"),
    "overlap": Measure("overlap\n(IoU)", True),
    "share": Measure("share on\nthe object", True),
    "deletion": Measure("deletion:\narea under", False),
    "insertion": Measure("insertion:\narea under", True),
    "half random": Measure("like itself,\nhalf random", False, "second choice", ranked=False),
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
    values: dict[str, dict[str, Tensor]]  # map -> measure -> (N,), one number a picture
    curves: dict[str, dict[str, Tensor]]  # map -> deletion or insertion -> (len(SHARES),), the mean
    seconds: dict[str, float]  # of one core, a picture


def table_from(stored: Mapping) -> tuple[Table, dict[str, dict[str, float]]]:
    """The table that the workshop measured, as tensors, and the correlations by depth: {layer:
    {map: …}}.
    """
    values, curves = (
        {
            name: {kind: torch.tensor(each) for kind, each in row.items()}
            for name, row in stored[part].items()
        }
        for part in ("values", "curves")
    )
    for row in values.values():
        row |= {kind: row[kind] > 0 for kind in ("pointing", "near")}
    return Table(values, curves, stored["seconds"]), stored["by depth"]


def best(summaries: Mapping[str, Mapping[str, Interval]], kind: str) -> list[str]:
    """The maps, baselines aside, that are best by a measure; none where a map can only pass or
    fail.
    """
    sign = 1 if MEASURES[kind].more else -1
    known = {name: sign * row[kind].value for name, row in summaries.items() if name in MAPS}
    ranked = MEASURES[kind].ranked
    return [name for name in known if known[name] == max(known.values())] if ranked else []


def panels(summaries: Mapping[str, Mapping[str, Interval]]) -> dict[str, dict[str, list]]:
    """For `plot.intervals`: a panel for each measure, the best map a line of its own, a row for
    each map.
    """
    found = {}
    for kind in (kind for kind in MEASURES if kind in next(iter(summaries.values()))):
        winners, hollow = best(summaries, kind), MEASURES[kind].hollow
        groups = {
            "map": [name for name in MAPS if name not in winners],
            "best map": winners,
            "no network": list(BASELINES),
        }
        found[MEASURES[kind].title] = {
            line: [row[kind] if name in names else None for name, row in summaries.items()]
            for line, names in groups.items()
        } | {
            "hollow": [row.get(hollow) if name in MAPS else None for name, row in summaries.items()]
        }
    return found
