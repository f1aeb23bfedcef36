"""Exercises of lesson 07."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def evidence_difference(function: Callable) -> None:
    """maps (C, h, w), weights (classes, C), classes a and b -> the signed map (h, w) of a − b."""
    maps = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 3.0], [0.0, 1.0]]])
    weights = torch.tensor([[2.0, -1.0], [7.0, 5.0], [1.0, 1.0]])
    first, second = torch.tensor([[[2.0, -3.0], [0.0, 3.0]], [[1.0, 3.0], [0.0, 3.0]]])
    expected = first - second
    mistakes = {
        "this is the map of a alone; take the map of b away from it.": first,
        "this is b rather than a: change the sign.": -expected,
        "what speaks for b is evidence, too: there is no ReLU.": expected.relu(),
        "you cut each map at zero first; keep what is below.": first.relu() - second.relu(),
        "add the channels up; you took their mean.": expected / 2,
        "this is the mean of the map; the map itself is asked for.": expected.mean(),
        "you averaged each channel over its positions; keep them.": [0.75, -2.0],
    }
    many, of_class = noise(6, 3, 5), noise(4, 6)
    difference = torch.einsum("c,chw->hw", of_class[3] - of_class[1], many)
    run(
        function,
        Trial("two maps worked by hand", (maps, weights, 0, 2), expected, mistakes),
        Trial("random maps", (many, of_class, 3, 1), difference),
    )


def gradient_weighted_map(function: Callable) -> None:
    """maps (N, C, h, w) and their gradients ∂S/∂maps -> Grad-CAM's map (N, h, w)."""
    maps = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]], [[0.0, 1.0], [3.0, 0.0]]]])
    gradients = torch.tensor([[[[4.0, 0], [0, 0]], [[-2, 0], [0, -2]]]])  # with means 1 and −1
    weighted = torch.tensor([1.0, -1.0]).view(2, 1, 1) * maps
    raw = weighted.sum(dim=1)
    mistakes = {
        "the last step is missing: what is below zero becomes zero.": raw,
        "you added the gradients up; take their mean over the positions.": 4 * raw.relu(),
        "average a channel's gradient before you multiply.": (gradients * maps).sum(dim=1).relu(),
        "what is negative counts until the channels are added up.": [[[1, 2], [0, 0]]],
    }
    many, back = noise(2, 2, 5, 4, 4)
    expected = torch.einsum("nc,nchw->nhw", back.mean(dim=(2, 3)), many).relu()
    run(
        function,
        Trial("two maps worked by hand", (maps, gradients), raw.relu(), mistakes),
        Trial("two random pictures", (many, back), expected),
    )


def token_grid(function: Callable) -> None:
    """tokens (N, 1 + side², C), the class token first -> maps (N, C, side, side)."""
    tokens = torch.arange(10.0)[None, :, None] + torch.tensor([0.0, 100.0])  # (1, 10, 2)
    grid = _folded(tokens[:, 1:])
    mistakes = {
        "you dropped the last token; the class token is the first.": _folded(tokens[:, :-1]),
        "rows and columns are swapped: tokens are in reading order.": grid.mT,
        "channels are mixed up: transpose before you fold.": tokens[:, 1:].reshape(1, 2, 3, 3),
        "the channels are last here; they come second.": grid.permute(0, 2, 3, 1),
    }
    many = noise(2, 17, 3)
    run(
        function,
        Trial("nine positions counted 1 to 9", (tokens,), grid, mistakes),
        Trial("random tokens of 4 x 4 positions", (many,), _folded(many[:, 1:])),
    )


def _folded(patches: Tensor) -> Tensor:
    """(N, side², C) -> (N, C, side, side)"""
    side = round(patches.shape[1] ** 0.5)
    return patches.mT.unflatten(2, (side, side))
