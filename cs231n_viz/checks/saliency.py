"""Exercises of lesson 05."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run, weighted_sum


def gradient_map(function: Callable) -> None:
    """(score: (N, C, H, W) -> (N,), pixels) -> max over the colours of |∂S/∂x|, (N, H, W)."""
    weights = torch.zeros(3, 2, 2)
    weights[:, 0, 0] = torch.tensor([1.0, -3.0, 2.0])  # one pixel where all three colours count
    weights[1, 1, 1] = 2.0
    score, grey = weighted_sum(weights), torch.full((1, 3, 2, 2), 0.5)
    mistakes = {
        "take the absolute value before the maximum.": [[[2, 0], [0, 2]]],
        "you added the colours up; take the largest.": [[[6, 0], [0, 2]]],
        "you took the mean of the colours; take the largest.": [[[2, 0], [0, 2 / 3]]],
        "these are the gradients with their colours; one number a pixel is asked for.": weights[
            None
        ],
        "one number a pixel is asked for: the largest of the three colours.": weights.abs()[None],
    }
    many = noise(2, 3, 4, 5)
    energy = (lambda pixels: pixels.square().sum(dim=(1, 2, 3)), many)
    run(
        function,
        Trial("a sum worked by hand", (score, grey), [[[3, 0], [0, 2]]], mistakes),
        Trial("two pictures, score Σ x²", energy, 2 * many.abs().amax(dim=1)),
    )


def smoothed_map(function: Callable) -> None:
    """(map_of, picture (1, C, H, W), noises (K, C, H, W)) -> the mean map of the noisy copies."""
    picture = torch.tensor([[[[0.0, 1.0]]]])
    noises = torch.tensor([[[[1.0, 1.0]]], [[[-1.0, 1.0]]]])  # their mean is (0, 1)
    mistakes = {
        "you averaged the noisy copies; take a map of each, then average.": [[0, 2]],
        "you added the maps up; take their mean.": [[2, 4]],
        "the picture is missing: the copies are picture + noise.": [[1, 1]],
        "the noise is missing: the copies are picture + noise.": [[0, 1]],
        "average the maps of all copies into one.": [[[1, 2]], [[1, 2]]],
    }
    many, draws = noise(1, 3, 4, 5), noise(8, 3, 4, 5)
    expected = _size(many + draws).mean(dim=0)
    run(
        function,
        Trial("two copies worked by hand", (_size, picture, noises), [[1, 2]], mistakes),
        Trial("eight random copies", (_size, many, draws), expected),
    )


def _size(pixels: Tensor) -> Tensor:
    """A map that needs no network: (N, C, H, W) -> (N, H, W)."""
    return pixels.abs().amax(dim=1)


def path_parts(function: Callable) -> None:
    """(gradient_of, x, start, steps) -> integrated gradients, by the midpoint rule.

    gradient_of: pixels -> ∂S/∂pixels of the same shape, which is also that of the answer.
    """
    x, start = torch.tensor([[2.0, 1.0], [0.0, 1.0]])  # S = Σ x², so the parts are x² − start²
    mistakes = {
        "the way is missing: multiply the mean gradient by x − start.": [2, 2],
        "this is gradient × way at the end; take gradients along the path.": [8, 0],
        "your gradients stand at the beginnings of the pieces; take (k + ½) / steps.": [3, 0],
        "your gradients stand at the ends of the pieces; take (k + ½) / steps.": [5, 0],
        "you added the gradients up; take their mean.": [16, 0],
        "multiply by x − start, not by x.": [4, 2],
        "the way goes from start to x: x − start.": [-4, 0],
        "this is the sum; each value's own part is asked for.": 4,
    }
    many, others = noise(2, 3, 4)
    middles = ((torch.arange(5) + 0.5) / 5).view(5, 1, 1)
    path = others + middles * (many - others)
    cubes = (3 * path.square()).mean(dim=0) * (many - others)
    run(
        function,
        Trial("S = Σ x², worked by hand", (lambda at: 2 * at, x, start, 4), [4, 0], mistakes),
        Trial("S = Σ x³, random", (lambda at: 3 * at.square(), many, others, 5), cubes),
    )
