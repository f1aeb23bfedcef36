"""Exercises of lesson 05."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def gradient_map(function: Callable) -> None:
    """(score, pixels): score is a function (N, C, H, W) -> (N,) -> the map, max over colours of
    |∂S/∂x|, (N, H, W).
    """
    weights = torch.zeros(3, 2, 2)
    weights[:, 0, 0] = torch.tensor([1.0, -3.0, 2.0])  # one place where all three colours count
    weights[1, 1, 1] = 2.0
    score, grey = _weighted_sum(weights), torch.full((1, 3, 2, 2), 0.5)
    mistakes = (
        (torch.tensor([[[2.0, 0.0], [0.0, 2.0]]]), "take the absolute value before the maximum."),
        (torch.tensor([[[6.0, 0.0], [0.0, 2.0]]]), "you added the colours up; take the largest."),
        (
            torch.tensor([[[2.0, 0.0], [0.0, 2 / 3]]]),
            "you took the mean of the colours; take the largest.",
        ),
        (
            weights[None],
            "these are the slopes with their colours; one number a pixel is asked for.",
        ),
        (weights.abs()[None], "one number a pixel is asked for: the largest of the three colours."),
    )
    pixels = noise(2, 3, 4, 5)
    run(
        function,
        [
            Trial((score, grey), weights.abs().amax(dim=0)[None], "a sum worked by hand", mistakes),
            Trial((_energy, pixels), 2 * pixels.abs().amax(dim=1), "two pictures, score Σ x²"),
        ],
    )


def _weighted_sum(weights: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda pixels: (weights * pixels).sum(dim=(1, 2, 3))


def _energy(pixels: Tensor) -> Tensor:
    return pixels.square().sum(dim=(1, 2, 3))


def smoothed_map(function: Callable) -> None:
    """(map_of, picture (1, C, H, W), noises (K, C, H, W)) -> the mean of the noisy copies' maps (H,
    W).
    """
    picture = torch.tensor([0.0, 1.0]).expand(1, 1, 1, 2)
    noises = torch.tensor([[1.0, 1.0], [-1.0, 1.0]])[:, None, None]  # their mean is (0, 1)
    mistakes = (
        (
            torch.tensor([[0.0, 2.0]]),
            "you averaged the noisy copies and took one map; take a map of each copy, then average.",
        ),
        (torch.tensor([[2.0, 4.0]]), "you added the maps up; take their mean."),
        (torch.tensor([[1.0, 1.0]]), "the picture is missing: the copies are picture + noise."),
        (torch.tensor([[0.0, 1.0]]), "the noise is missing: the copies are picture + noise."),
        (torch.tensor([[[1.0, 2.0]], [[1.0, 2.0]]]), "average the maps of all copies into one."),
    )
    many, draws = noise(1, 3, 4, 5), noise(8, 3, 4, 5)
    run(
        function,
        [
            Trial(
                (_size, picture, noises),
                torch.tensor([[1.0, 2.0]]),
                "two copies worked by hand",
                mistakes,
            ),
            Trial(
                (_size, many, draws),
                (many + draws).abs().amax(dim=1).mean(dim=0),
                "eight random copies",
            ),
        ],
    )


def _size(pixels: Tensor) -> Tensor:
    """Stands for a network's map: (N, C, H, W) -> (N, H, W)."""
    return pixels.abs().amax(dim=1)


def path_parts(function: Callable) -> None:
    """(slope, x, start, steps): integrated gradients with `steps` slopes at the middles of equal
    pieces of the path.

    slope is a function, pixels -> ∂S/∂pixels of the same shape; the parts have that shape, too.
    """
    x, start = torch.tensor([2.0, 1.0]), torch.tensor([0.0, 1.0])
    expected = torch.tensor([4.0, 0.0])  # S = Σ x², so the parts are x² − start²
    mistakes = (
        (torch.tensor([2.0, 2.0]), "the way is missing: multiply the mean slope by x − start."),
        (torch.tensor([8.0, 0.0]), "this is slope × way at the end; take slopes along the path."),
        (
            torch.tensor([3.0, 0.0]),
            "your slopes stand at the beginnings of the pieces; take the middles, (k + ½) / steps.",
        ),
        (
            torch.tensor([5.0, 0.0]),
            "your slopes stand at the ends of the pieces; take the middles, (k + ½) / steps.",
        ),
        (torch.tensor([16.0, 0.0]), "you added the slopes up; take their mean."),
        (torch.tensor([4.0, 2.0]), "multiply by x − start, not by x."),
        (torch.tensor([-4.0, 0.0]), "the way goes from start to x: x − start."),
        (torch.tensor(4.0), "this is the sum; each value's own part is asked for."),
    )
    many, others = noise(3, 4), noise(6, 4)[3:]
    middles = (torch.arange(5) + 0.5) / 5
    cubes = (
        sum(3 * (others + at * (many - others)).square() for at in middles) / 5 * (many - others)
    )
    run(
        function,
        [
            Trial((lambda at: 2 * at, x, start, 4), expected, "S = Σ x², worked by hand", mistakes),
            Trial((lambda at: 3 * at.square(), many, others, 5), cubes, "S = Σ x³, random"),
        ],
    )
