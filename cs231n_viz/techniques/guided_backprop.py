"""Which pixels made one unit fire: three ways back through the ReLUs (Springenberg et al. 2015).

The plain gradient, the deconvnet (Zeiler & Fergus 2014) and guided backprop differ in one line
only, in what a ReLU lets through on the way back: see activations.relu_rule. `influences` says why
the plain one is hard to read.
"""

from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .. import images
from ..activations import activations_at, capture, relu_rule
from ..objectives import Objective, Target, gradient, score_of


def input_gradient(
    model: nn.Module, pixels: Tensor, target: Target, rule: str = "guided"
) -> Tensor:
    """The target sent back to the pixels by a ReLU rule, "plain", "deconvnet" or "guided": (N, C,
    H, W), signed.
    """
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
    """One channel of a layer, in each picture from a place of its own, sent back to the pixels: (N,
    C, H, W).

    rows, columns: (N,), such as those of the patches that the channel answers to most.
    """
    images.check_pixels(pixels, channels=model.channels)
    if not len(pixels) == len(rows) == len(columns):
        raise ValueError(
            f"{len(pixels)} pictures need a row and a column each, not {len(rows)} and {len(columns)}."
        )
    score_of(model, (layer, channel))(
        pixels[:1]
    )  # says what is wrong with the layer or the channel
    parts = zip(*(each.split(batch_size) for each in (pixels, rows, columns)), strict=True)
    with relu_rule(model, rule):
        return torch.cat(
            [gradient(_units(model, layer, channel, *where), some) for some, *where in parts]
        )


def _units(model: nn.Module, layer: str, channel: int, rows: Tensor, columns: Tensor) -> Objective:
    def values(image: Tensor) -> Tensor:
        maps = activations_at(model, image, layer)
        maps = maps if maps.dim() == 4 else maps[:, :, None, None]
        return maps[torch.arange(len(maps)), channel, rows, columns]

    return values


def signed_pictures(gradients: Tensor, most: float = 0.998) -> Tensor:
    """Signed maps (N, C, H, W) as pictures in [0, 1]: ½ + g / 2s, so that 0 is mid-grey.

    s is the `most`-quantile of each map's own |g|, so that a few extreme pixels do not turn all
    others grey.
    """
    size = gradients.abs().flatten(1).quantile(most, dim=1).clamp(min=1e-12)
    return (0.5 + gradients / (2 * size[:, None, None, None])).clamp(0, 1)


# --- why the plain gradient is mush ---------------------------------------------------------------


class Influences(NamedTuple):
    """What a layer or the picture adds to the target, over all paths through the network: (N, C, h,
    w) both.
    """

    net: Tensor  # the paths added up, which is the gradient
    gross: Tensor  # their absolute values added up: what there would be if no two paths disagreed

    @property
    def positive(self) -> Tensor:
        """(N,) share of the positive ones in all of the gradient, Σ max(g, 0) / Σ |g|."""
        return self.net.clamp(min=0).flatten(1).sum(dim=1) / _total(self.net)

    @property
    def negative(self) -> Tensor:
        """(N,) share of the negative ones, Σ max(-g, 0) / Σ |g|."""
        return self.net.clamp(max=0).abs().flatten(1).sum(dim=1) / _total(self.net)

    @property
    def survives(self) -> Tensor:
        """(N,) how much of the sum of absolute values survives the sum, Σ |net| / Σ gross; 1: no
        path disagrees.
        """
        return self.net.abs().flatten(1).sum(dim=1) / _total(self.gross)


def influences(
    model: nn.Module, pixels: Tensor, target: int | str | tuple, layer: str | None = None
) -> Influences:
    """How a class or a unit depends on a layer's outputs, or on the pixels, and how much of that
    cancels.

    A path goes from a value to the target through one weight a layer, and counts Π w if all its ReLUs are open.
    net = Σ_paths Π w,  gross = Σ_paths |Π w|: the same pass back with |w| for w. Exact where a network is made of
    convolutions, linear layers, batch norm, ReLUs, poolings, sums and concatenations.
    """
    images.check_pixels(pixels, channels=model.channels)
    if callable(target):
        raise TypeError(
            "paths lead to one number: give a class or a unit, not a function of the scores."
        )
    net = _slope(model, pixels, target, layer)
    with _AbsoluteWeights():
        return Influences(net, _slope(model, pixels, target, layer))


def _total(values: Tensor) -> Tensor:
    return values.abs().flatten(1).sum(dim=1).clamp(min=1e-30)


def _slope(model, pixels, target, layer):
    if layer is None:
        return gradient(score_of(model, target), pixels)
    with torch.enable_grad(), capture(model, layer, leaves=True) as outputs:
        total = score_of(model, target)(pixels).sum()
    if layer not in outputs:
        raise ValueError(f"{layer} comes after {target[0]}, so {target} does not depend on it.")
    return torch.autograd.grad(total, outputs[layer])[0].to(pixels.device)


class _AbsoluteWeights(TorchFunctionMode):
    """Forward values as they are; gradients pass every weighted sum with the absolute values of its
    weights.
    """

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        place = _WEIGHT_PLACES.get(function)
        if place is None:
            return result
        if "weight" in kwargs:
            kwargs = kwargs | {"weight": kwargs["weight"].abs()}
        else:
            args = (*args[:place], args[place].abs(), *args[place + 1 :])
        absolute = function(*args, **kwargs)
        return result.detach() + (
            absolute - absolute.detach()
        )  # the bracket is 0 and only has a gradient


_WEIGHT_PLACES = {
    F.conv2d: 1,
    F.linear: 1,
    F.batch_norm: 3,
}  # where the weights stand, if not by name
