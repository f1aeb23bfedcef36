"""Exercises of lesson 07."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def evidence_difference(function: Callable) -> None:
    """maps (C, h, w), weights (classes, C), two classes a and b -> the map (h, w) of a rather than
    b, signed.
    """
    maps = torch.tensor([[[1.0, 0.0], [0.0, 2.0]], [[0.0, 3.0], [0.0, 1.0]]])
    weights = torch.tensor([[2.0, -1.0], [7.0, 5.0], [1.0, 1.0]])
    first, second = torch.tensor([[2.0, -3.0], [0.0, 3.0]]), torch.tensor([[1.0, 3.0], [0.0, 3.0]])
    expected = first - second
    mistakes = (
        (first, "this is the map of a alone; take the map of b away from it."),
        (-expected, "this is b rather than a: change the sign."),
        (expected.clamp(min=0), "what speaks for b is evidence, too: there is no ReLU."),
        (
            first.clamp(min=0) - second.clamp(min=0),
            "you cut each map at zero first; keep what is below.",
        ),
        (expected / 2, "add the channels up; you took their mean."),
        (expected.mean(), "this is the mean of the map; the map itself is asked for."),
        (torch.tensor([0.75, -2.0]), "you averaged each channel over its places; keep the places."),
    )
    many, how = noise(6, 3, 5), noise(4, 6)
    run(
        function,
        [
            Trial((maps, weights, 0, 2), expected, "two maps worked by hand", mistakes),
            Trial(
                (many, how, 3, 1), torch.einsum("c,chw->hw", how[3] - how[1], many), "random maps"
            ),
        ],
    )


def gradient_weighted_map(function: Callable) -> None:
    """maps (N, C, h, w) and slopes, ∂S/∂maps, of the same shape -> Grad-CAM's map (N, h, w)."""
    maps = torch.tensor([[[[1.0, 2.0], [0.0, 0.0]], [[0.0, 1.0], [3.0, 0.0]]]])
    slopes = torch.tensor(
        [[[[4.0, 0.0], [0.0, 0.0]], [[-2.0, 0.0], [0.0, -2.0]]]]
    )  # means 1 and −1
    raw = torch.tensor([[[1.0, 1.0], [-3.0, 0.0]]])
    mistakes = (
        (
            raw,
            "the last step is missing: what is below zero speaks against the target and becomes zero.",
        ),
        (raw.clamp(min=0) * 4, "you added the slopes up; take their mean over the places."),
        (
            (slopes * maps).sum(dim=1).clamp(min=0),
            "you multiplied place by place; first average each channel's slope over its places.",
        ),
        (
            (slopes.mean(dim=(2, 3), keepdim=True) * maps).clamp(min=0).sum(dim=1),
            "you set negatives to zero in each channel; add the channels up first.",
        ),
        (
            torch.tensor([[[1.0, 2.0], [0.0, 0.0]]]),
            "you set the negative slopes to zero; they count, only the sum is cut at zero.",
        ),
    )
    many, back = noise(2, 5, 4, 4), noise(3, 5, 4, 4)[1:]
    expected = torch.einsum("nc,nchw->nhw", back.mean(dim=(2, 3)), many).clamp(min=0)
    run(
        function,
        [
            Trial((maps, slopes), raw.clamp(min=0), "two maps worked by hand", mistakes),
            Trial((many, back), expected, "two random pictures"),
        ],
    )


def token_grid(function: Callable) -> None:
    """tokens (N, 1 + side², C), the class token first -> maps (N, C, side, side)."""
    tokens = torch.arange(10.0)[None, :, None] + torch.tensor(
        [0.0, 100.0]
    )  # (1, 10, 2): 3 x 3 places
    mistakes = (
        (_folded(tokens[:, :-1]), "you dropped the last token; the class token is the first."),
        (
            _folded(tokens[:, 1:]).mT,
            "rows and columns have changed places: tokens are in reading order.",
        ),
        (
            tokens[:, 1:].reshape(1, 2, 3, 3),
            "numbers of different channels have got into one map: transpose before you fold.",
        ),
        (
            _folded(tokens[:, 1:]).permute(0, 2, 3, 1),
            "the channels are last here; they come second.",
        ),
    )
    many = noise(2, 17, 3)
    run(
        function,
        [
            Trial((tokens,), _folded(tokens[:, 1:]), "nine places counted 1 to 9", mistakes),
            Trial((many,), _folded(many[:, 1:]), "random tokens of 4 x 4 places"),
        ],
    )


def _folded(places: Tensor) -> Tensor:
    side = round(places.shape[1] ** 0.5)
    return places.transpose(1, 2).unflatten(2, (side, side))
