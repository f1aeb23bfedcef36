"""Which pixels activate a unit: three backward rules for ReLUs (Springenberg et al. 2015).

The plain gradient, the deconvnet (Zeiler & Fergus 2014) and guided backprop differ only in what a
ReLU lets through in the backward pass: see activations.relu_rule. `influences` measures why the
plain gradient is hard to read.
"""

from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .. import images, objectives
from ..activations import activations_at, capture, relu_rule
from ..objectives import Target, gradient, gradients_of, score_of, target_for

# The position of the weights among a function's arguments, if they are not given by name.
AT_ONCE = 16  # pictures in one graph
WEIGHT_ARGUMENT = {F.conv2d: 1, F.linear: 1, F.batch_norm: 3}


def input_gradient(model, pixels: Tensor, target: Target = None, rule: str = "guided") -> Tensor:
    """∂target/∂pixels by a ReLU rule, "plain", "deconvnet" or "guided": (N, C, H, W)."""
    target = target_for(model, target, pixels)
    with relu_rule(model, rule):
        return gradient(score_of(model, target), pixels)


def unit_gradients(
    model, pixels: Tensor, layer: str, channel: int, rows: Tensor, columns: Tensor, rule="guided"
) -> Tensor:
    """`input_gradient` of one channel, at a given position of each picture's map: (N, C, H, W).

    rows, columns: (N,), such as those of the patches that activate the channel most.
    """
    images.check_pixels(pixels, channels=model.channels)
    if not len(pixels) == len(rows) == len(columns):
        given = f"{len(rows)} and {len(columns)}"
        raise ValueError(f"{len(pixels)} pictures need a row and a column each, not {given}.")
    score_of(model, (layer, channel))(pixels[:1])  # refuses an unknown layer or channel

    def activation(image: Tensor, row: Tensor, column: Tensor) -> Tensor:
        maps = objectives.channel_maps(layer, activations_at(model, image, layer))
        return maps[range(len(maps)), channel, row.tolist(), column.tolist()]

    parts = zip(*(each.split(AT_ONCE) for each in (pixels, rows, columns)), strict=True)
    with relu_rule(model, rule):
        read = [(some, partial(activation, row=row, column=column)) for some, row, column in parts]
        return torch.cat([gradient(activated, some) for some, activated in read])


# --- why the plain gradient is hard to read -------------------------------------------------------


class Influences(NamedTuple):
    """Sums over all paths from a layer's values (or pixels) to the target: (N, C, h, w) each."""

    net: Tensor  # the signed sum, which is the gradient
    gross: Tensor  # the sum of absolute values: what net would be if all paths agreed in sign

    @property
    def positive(self) -> Tensor:
        """(N,) share of the positive values in the gradient, Σ max(g, 0) / Σ |g|."""
        return _share(self.net.clamp(min=0), self.net)

    @property
    def negative(self) -> Tensor:
        """(N,) share of the negative values, Σ max(-g, 0) / Σ |g|."""
        return _share(self.net.clamp(max=0), self.net)

    @property
    def survives(self) -> Tensor:
        """(N,) how much does not cancel, Σ |net| / Σ gross; 1: all paths agree in sign."""
        return _share(self.net, self.gross)


def influences(
    model, pixels: Tensor, target: Target = None, layer: str | None = None
) -> Influences:
    """The influence of a layer's outputs, or of the pixels, on a class or unit: net and gross.

    A path goes from a value to the target through one weight per layer, and counts Π w if all its
    ReLUs are active. net = Σ_paths Π w,  gross = Σ_paths |Π w|: a backward pass with |w| for w.
    Exact where a network is made of convolutions, linear layers, batch norm, ReLUs, poolings, sums
    and concatenations.
    """
    if callable(target):
        raise TypeError("paths lead to a class or a unit, not to a function of scores: name one.")
    target = target_for(model, target, pixels)
    net = _gradient_at(model, pixels, target, layer)
    with _AbsoluteWeights():
        return Influences(net, _gradient_at(model, pixels, target, layer))


def _share(part: Tensor, whole: Tensor) -> Tensor:
    """Σ |part| / Σ |whole| of each picture: (N,)."""
    part, whole = (each.abs().flatten(1).sum(dim=1) for each in (part, whole))
    return part / whole.clamp(min=1e-30)


def _gradient_at(model: nn.Module, pixels: Tensor, target, layer: str | None) -> Tensor:
    if layer is None:
        return gradient(score_of(model, target), pixels)
    with torch.inference_mode(False), torch.enable_grad():
        with capture(model, layer, leaves=True) as outputs:
            total = score_of(model, target)(pixels).sum()
        return gradients_of(total, {layer: outputs[layer]})[0].to(pixels.device)


class _AbsoluteWeights(TorchFunctionMode):
    """Forward values as they are; gradients pass back through |w| instead of the weights w."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        result = function(*args, **kwargs)
        if function not in WEIGHT_ARGUMENT:
            return result
        named = {"weight": kwargs["weight"].abs()} if "weight" in kwargs else {}
        place = WEIGHT_ARGUMENT[function]
        args = [each.abs() if at == place else each for at, each in enumerate(args)]
        absolute = function(*args, **kwargs | named)
        return result.detach() + (absolute - absolute.detach())  # + 0, which only has a gradient
