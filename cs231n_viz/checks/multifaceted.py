"""Exercises of lesson 09."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def facet_side(function: Callable) -> None:
    """features (N, D), the means (D,) of one face and of the other -> (N,): ½ at the first mean, −½
    at the other.
    """
    own, rest = torch.tensor([3.0, 1.0]), torch.tensor([1.0, 1.0])
    features = torch.tensor([[3.0, 1.0], [1.0, 1.0], [2.0, 7.0], [5.0, 0.0]])
    expected = torch.tensor([0.5, -0.5, 0.0, 1.5])
    mistakes = (
        (-expected, "the signs are turned round: the first face is the positive side."),
        (
            expected * 4,
            "divide by (own − rest) · (own − rest), so that the means come out at ½ and −½.",
        ),
        (expected * 2, "you divided by the length of own − rest; divide by its square."),
        (
            expected - 0.5,
            "you measured from the first mean; measure from half way between the two.",
        ),
        (
            expected + 0.5,
            "you measured from the other mean; measure from half way between the two.",
        ),
    )
    many, one, other = noise(5, 4), noise(4), noise(8)[4:]
    gap = one - other
    run(
        function,
        [
            Trial((features, own, rest), expected, "four points worked by hand", mistakes),
            Trial(
                (many, one, other), (many - (one + other) / 2) @ gap / (gap @ gap), "random points"
            ),
        ],
    )


def kmeans_step(function: Callable) -> None:
    """features (N, D) and centres (k, D) -> the centres after one round, (k, D)."""
    features = torch.tensor([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0], [10.0, 4.0]])
    centers = torch.tensor([[1.0, 1.0], [9.0, 1.0]])
    expected = torch.tensor([[1.0, 0.0], [10.0, 2.0]])
    mistakes = (
        (
            centers,
            "these are the old centres: put each in the middle of the points that are nearest to it.",
        ),
        (
            expected.flip(0),
            "the order of the centres has changed: row j is the new place of centre j.",
        ),
        (expected * 2, "you added the points up; take their mean."),
        (
            features.mean(dim=0).expand(2, 2),
            "this is the mean of all points; take only those nearest to the centre.",
        ),
        (
            torch.tensor([[10.0, 2.0], [1.0, 0.0]]),
            "each point went to the centre farthest away: argmin, and not argmax.",
        ),
    )
    many, few = noise(20, 3), noise(23, 3)[20:]
    alone = torch.tensor([[0.0, 0.0], [1.0, 0.0], [99.0, 99.0]])
    moved = torch.tensor([[0.0, 0.0], [22 / 3, 4 / 3], [99.0, 99.0]])
    hint = "a centre without points stays where it is; the mean of nothing is NaN."
    run(
        function,
        [
            Trial((features, centers), expected, "four points and two centres", mistakes),
            Trial((many, few), _moved(many, few), "random points"),
            Trial((features, alone), moved, "a centre that is nearest to no point: " + hint),
        ],
    )


def _moved(features: Tensor, centers: Tensor) -> Tensor:
    nearest = torch.cdist(features, centers).argmin(dim=1)
    return torch.stack(
        [
            features[nearest == j].mean(dim=0) if (nearest == j).any() else old
            for j, old in enumerate(centers)
        ]
    )


def code_step(function: Callable) -> None:
    """code, gradient (D,), rate, decay, bounds (D,) -> the code after one step of DGN-AM, (D,)."""
    code, gradient = torch.tensor([1.0, 0.2, 0.5, 0.0]), torch.tensor([3.0, -3.0, 1.0, 1.0])
    bounds = torch.tensor([1.2, 1.0, 1.0, 1.0])
    step = 0.4 * gradient / gradient.abs().mean()  # 0.6 −0.6 0.2 0.2
    expected = (0.9 * (code + step)).clamp(min=0).minimum(bounds)
    mistakes = (
        ((0.9 * (code - step)).clamp(min=0).minimum(bounds), "you went downhill: add the step."),
        (0.9 * (code + step), "bring the code between 0 and its bounds at the end."),
        (
            (0.9 * (code + step)).minimum(bounds),
            "numbers of the code are what a ReLU gives: none is below 0.",
        ),
        ((0.9 * (code + step)).clamp(min=0), "no number of the code may be larger than its bound."),
        (
            (code + step).clamp(min=0).minimum(bounds),
            "the decay is missing: the code is multiplied by 1 − decay.",
        ),
        (
            (0.1 * (code + step)).clamp(min=0).minimum(bounds),
            "you multiplied by the decay; multiply by 1 − decay.",
        ),
        (
            (0.9 * (code + 0.4 * gradient)).clamp(min=0).minimum(bounds),
            "divide the gradient by the mean of its absolute values first.",
        ),
        (
            (0.9 * code + step).clamp(min=0).minimum(bounds),
            "the decay comes after the step: it shrinks the step, too.",
        ),
    )
    many, slope = noise(6).abs(), noise(12)[6:]
    high = noise(18)[12:].abs()
    after = (0.99 * (many + 0.3 * slope / slope.abs().mean())).clamp(min=0).minimum(high)
    run(
        function,
        [
            Trial(
                (code, gradient, 0.4, 0.1, bounds),
                expected,
                "four numbers worked by hand",
                mistakes,
            ),
            Trial((many, slope, 0.3, 0.01, high), after, "a random code"),
        ],
    )
