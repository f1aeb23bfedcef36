"""Which pixels made one unit fire: three ways back through the ReLUs (Springenberg et al. 2015).

The plain gradient, the deconvnet (Zeiler & Fergus 2014) and guided backprop differ in one line only, in what a ReLU
lets through on the way back: see activations.relu_rule.
"""

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at, relu_rule
from ..objectives import Objective, Target, gradient, score_of


def input_gradient(model: nn.Module, pixels: Tensor, target: Target, rule: str = "guided") -> Tensor:
    """The target sent back to the pixels by a ReLU rule, "plain", "deconvnet" or "guided": (N, C, H, W), signed."""
    images.check_pixels(pixels, channels=model.channels)
    with relu_rule(model, rule):
        return gradient(score_of(model, target), pixels)


def unit_gradients(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    channel: int,
    rows: Tensor,
    columns: Tensor,
    rule: str = "guided",
    batch_size: int = 16,
) -> Tensor:
    """One channel of a layer, in each picture from a place of its own, sent back to the pixels: (N, C, H, W).

    rows, columns: (N,), such as those of the patches that the channel answers to most.
    """
    images.check_pixels(pixels, channels=model.channels)
    parts = zip(*(each.split(batch_size) for each in (pixels, rows, columns)), strict=True)
    with relu_rule(model, rule):
        return torch.cat([gradient(_units(model, layer, channel, *where), some) for some, *where in parts])


def _units(model: nn.Module, layer: str, channel: int, rows: Tensor, columns: Tensor) -> Objective:
    def values(image: Tensor) -> Tensor:
        maps = activations_at(model, image, layer)
        maps = maps if maps.dim() == 4 else maps[:, :, None, None]
        return maps[torch.arange(len(maps)), channel, rows, columns]

    return values
