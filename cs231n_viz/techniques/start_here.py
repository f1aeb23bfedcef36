"""A network as a list of its layers, with their sizes."""

import math
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn


class Row(NamedTuple):
    layer: str
    kind: str  # Conv2d, ReLU, …
    shape: tuple[int, ...]  # of the output for one picture, without the batch
    weights: int  # how many parameters it has
    values: int  # how many activations one picture gives


def anatomy(model: nn.Module) -> list[Row]:
    """One Row for each layer without submodules, in the order in which they run."""
    rows = []
    for layer in model.layers:
        module, _ = model.resolve(layer)
        if not any(module.children()):
            shape = model.shapes[layer][1:]
            weights = sum(weight.numel() for weight in module.parameters())
            rows.append(Row(layer, type(module).__name__, shape, weights, math.prod(shape)))
    return rows


def best_channel(maps: Tensor, mask: Tensor) -> tuple[int, float]:
    """The channel of `maps` (C, h, w) most active on an object and least beside it, and a share.

    mask: (H, W) bool, true on the object. Of each channel: (mean on it − mean beside it) /
    deviation; the largest wins. The share is that of the channel's sum which lies on the object.
    """
    # (h, w), how much of each position is object
    on = F.interpolate(mask[None, None].float(), maps.shape[1:], mode="area")[0, 0]
    inside, beside = (maps * on).sum(dim=(1, 2)), (maps * (1 - on)).sum(dim=(1, 2))
    contrast = inside / on.sum().clamp(min=1e-6) - beside / (1 - on).sum().clamp(min=1e-6)
    best = int((contrast / maps.flatten(1).std(dim=1).clamp(min=1e-6)).argmax())
    return best, float(inside[best] / (inside[best] + beside[best]).clamp(min=1e-6))
