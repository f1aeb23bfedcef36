"""Exercises of lesson 07."""

from collections.abc import Callable

import torch
from torch import Tensor, nn

from ..techniques import cam
from .trials import HOOKS_LEFT, Seen, Trial, noise, run, without_hooks

MAPS = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 3.0], [0.0, 1.0]]])  # (2 channels, 2, 2)
WEIGHTS = torch.tensor([[2.0, -1.0], [7.0, 5.0], [1.0, 1.0]])  # of three classes


def winning_classes(function: Callable, on: tuple | None = None, **draw: Callable) -> None:
    """maps (C, h, w), weights (classes, C), bias (classes,) -> each position's class, (h, w)."""
    bias, expected = torch.tensor([5.0, 0.0, 7.0]), [[2, 1], [2, 1]]
    mistakes = {
        "the biases are missing.": [[1, 1], [0, 1]],
        "this is how much the winner has; which class is it?": [[8, 15], [7, 19]],
        "you averaged first: each position has its own winner.": 1,
    }
    many = noise(6, 3, 5), noise(4, 6), 3 * noise(4)
    run(
        function,
        Trial("three classes, by hand", (MAPS, WEIGHTS, bias), expected, mistakes),
        Trial("random maps", many, _winners(*many)),
        seen=on and Seen(on, _winners(*on), **draw),
    )


def _winners(maps: Tensor, weights: Tensor, bias: Tensor) -> Tensor:
    return (torch.einsum("kc,chw->khw", weights, maps) + bias[:, None, None]).argmax(dim=0)


def box_and_overlap(function: Callable, on: tuple | None = None, **draw: Callable) -> None:
    """heat (H, W), mask (H, W), a share -> top, left, bottom, right of the heat's box, and IoU."""
    heat = torch.tensor([[0.0, 0, 1, 0, 0], [0, 0, 4, 2, 0], [0, 0, 8, 0, 0], [1, 0, 0, 0, 0]])
    mask, corner, other = torch.zeros(3, 4, 5, dtype=torch.bool)
    mask[1:, 2] = corner[0, 0] = other[3, 4] = True
    mistakes = {
        "rows first: top, left, bottom, right.": [2, 1, 4, 3, 0.4],
        "the share is of the heat's maximum.": [0, 0, 4, 4, 3 / 16],
        "bottom and right are one more than the last inside.": [1, 2, 2, 3, 0.4],
    }
    apart, below = [0, 0, 1, 1, 0], {"no overlap is 0, not below.": [0, 0, 1, 1, -1.5]}
    run(
        function,
        Trial("two boxes by hand", (heat, mask, 0.25), [1, 2, 3, 4, 0.4], mistakes),
        Trial("boxes that do not meet", (corner.float(), other, 0.5), apart, below),
        seen=on and Seen(on, _box_and_overlap(*on), **draw),
    )


def _box_and_overlap(heat: Tensor, mask: Tensor, share: float) -> Tensor:
    spots = [region.nonzero() for region in (heat >= share * heat.max(), mask)]
    (start, end), (first, last) = ((each.amin(dim=0), each.amax(dim=0) + 1) for each in spots)
    common = (torch.minimum(end, last) - torch.maximum(start, first)).clamp(min=0).prod()
    areas = (end - start).prod() + (last - first).prod()
    return torch.cat([start, end, (common / (areas - common))[None]])


def hirescam_map(function: Callable, on: tuple | None = None, **draw: Callable) -> None:
    """maps (N, C, h, w) and their gradients ∂S/∂maps -> HiResCAM's map (N, h, w), cut at zero."""
    maps = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]], [[1.0, 1.0], [3.0, 0.0]]]])
    gradients = torch.tensor([[[[4.0, 0], [0, 0]], [[-2, 0], [-1, -1]]]])  # with means 1 and −1
    mistakes = {
        "the last step is missing: what is below zero becomes zero.": [[[2, 0], [-3, 0]]],
        "this is Grad-CAM: here no gradient is averaged.": [[[0, 1], [0, 0]]],
        "what is negative counts until the channels are added up.": [[[4, 0], [0, 0]]],
    }
    many = noise(2, 2, 5, 4, 4).unbind()
    run(
        function,
        Trial("two maps worked by hand", (maps, gradients), [[[2, 0], [0, 0]]], mistakes),
        Trial("two random pictures", many, _weighted(*many, "hirescam")),
        seen=on and Seen(on, _weighted(*on, "hirescam"), **draw),
    )


def _weighted(maps: Tensor, gradients: Tensor, rule="grad-cam") -> Tensor:
    return cam.RULES[rule](maps, gradients).relu()


def whole_grad_cam(function: Callable, on: tuple | None = None, **draw: Callable) -> None:
    """A network, one of its modules, pixels (N, 3, H, W), a class -> Grad-CAM's maps (N, H, W)."""
    network, pixels = _toy(), noise(2, 3, 8, 8).sigmoid()
    maps, gradients = _maps_and_gradients(network, 1, pixels, 1)
    raw = (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)
    mistakes = {
        "a hook is left on the network: call the handle's remove().": HOOKS_LEFT,
        "the map is still as small as the layer's: enlarge it.": raw.relu(),
        "cut at zero: what is below becomes zero.": _large(raw),
        "cut at zero first, then enlarge.": _large(raw).relu(),
        "you added the gradients up; take their mean.": 16 * _large(raw.relu()),
    }
    first, second = (network, network[0], pixels, 1), (network, network[1], pixels, 2)
    expected = _large(_weighted(*_maps_and_gradients(network, 2, pixels, 2)))
    run(
        without_hooks(function),
        Trial("a small network's first layer", first, _large(raw.relu()), mistakes),
        Trial("its second layer, another class", second, expected),
        seen=on and Seen(on, _of_the_package(*on), **draw),
    )


def _toy() -> nn.Module:
    """Frozen, as the course's networks are: a convolution, then a pooling and a linear layer."""
    rest = nn.AvgPool2d(2), nn.ReLU(), nn.Flatten(), nn.Linear(16, 3)
    network = nn.Sequential(nn.Conv2d(3, 4, 2, stride=2), *rest).requires_grad_(False)
    for each in network.parameters():
        each.copy_(noise(*each.shape))
    return network


def _maps_and_gradients(network, depth: int, pixels: Tensor, k: int) -> tuple[Tensor, Tensor]:
    maps = network[:depth](pixels).requires_grad_()
    return maps.detach(), torch.autograd.grad(network[depth:](maps)[:, k].sum(), maps)[0]


def _large(maps: Tensor) -> Tensor:
    return nn.functional.interpolate(maps[:, None], 8, mode="bilinear")[:, 0]


def _of_the_package(model, module, pixels: Tensor, target) -> Tensor:
    layer = next(name for name in model.layers if model.resolve(name)[0] is module)
    return cam.grad_cam(model, pixels, target, layer)
