"""Exercises of lesson 09."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def facet_side(function: Callable) -> None:
    """features (N, D), the means (D,) of two facets -> (N,): ½ at the first, −½ at the second."""
    own, rest = torch.tensor([[3.0, 1.0], [1.0, 1.0]])
    features = torch.tensor([[3.0, 1.0], [1.0, 1.0], [2.0, 7.0], [5.0, 0.0]])
    mistakes = {
        "the signs are turned round: the first facet is positive.": [-0.5, 0.5, 0, -1.5],
        "divide by ‖own − rest‖², so that the means come out at ½ and −½.": [2, -2, 0, 6],
        "you divided by the length of own − rest; divide by its square.": [1, -1, 0, 3],
        "measure from half way between the means, not from the first one.": [0, -1, -0.5, 1],
        "measure from half way between the means, not from the other one.": [1, 0, 0.5, 2],
    }
    many, (one, other) = noise(5, 4), noise(2, 4)
    gap = one - other
    expected = (many - (one + other) / 2) @ gap / (gap @ gap)
    run(
        function,
        Trial("four points worked by hand", (features, own, rest), [0.5, -0.5, 0, 1.5], mistakes),
        Trial("random points", (many, one, other), expected),
    )


def kmeans_step(function: Callable) -> None:
    """features (N, D) and centres (k, D) -> the centres after one round, (k, D)."""
    features = torch.tensor([[0.0, 0.0], [2.0, 0.0], [10.0, 0.0], [10.0, 4.0]])
    centers = torch.tensor([[1.0, 1.0], [9.0, 1.0]])
    mistakes = {
        "these are the old centres: put each at the mean of its points.": centers,
        "the order has changed: row j is centre j, and the nearest is argmin.": [[10, 2], [1, 0]],
        "you added the points up; take their mean.": [[2, 0], [20, 4]],
        "this is the mean of all points; take those nearest to the centre.": [[5.5, 1], [5.5, 1]],
    }
    many, few = noise(20, 3), noise(23, 3)[20:]
    alone = torch.tensor([[0.0, 0.0], [1.0, 0.0], [99.0, 99.0]])
    no_points = "a centre without points, which stays where it is"
    run(
        function,
        Trial("four points and two centres", (features, centers), [[1, 0], [10, 2]], mistakes),
        Trial("random points", (many, few), _moved(many, few)),
        Trial(no_points, (features, alone), _moved(features, alone)),
    )


def _moved(features: Tensor, centers: Tensor) -> Tensor:
    nearest, moved = torch.cdist(features, centers).argmin(dim=1), centers.clone()
    for j in nearest.unique():
        moved[j] = features[nearest == j].mean(dim=0)
    return moved


def code_step(function: Callable) -> None:
    """code, gradient (D,), rate, decay, bounds (D,) -> the code after one step of DGN-AM, (D,)."""
    code, gradient = torch.tensor([[1.0, 0.2, 0.5, 0.0], [3.0, -3.0, 1.0, 1.0]])
    bounds = torch.tensor([1.2, 1.0, 1.0, 1.0])
    by_hand = (code, gradient, 0.4, 0.1, bounds)  # the step is 0.6 −0.6 0.2 0.2
    mistakes = {
        "you went downhill: add the step.": [0.36, 0.72, 0.27, 0],
        "bring the code between 0 and its bounds at the end.": [1.44, -0.36, 0.63, 0.18],
        "numbers of the code come out of a ReLU: none is below 0.": [1.2, -0.36, 0.63, 0.18],
        "no number of the code may be larger than its bound.": [1.44, 0, 0.63, 0.18],
        "the decay is missing: the code is multiplied by 1 − decay.": [1.2, 0, 0.7, 0.2],
        "you multiplied by the decay; multiply by 1 − decay.": [0.16, 0, 0.07, 0.02],
        "divide the gradient by the mean of its absolute values first.": [1.2, 0, 0.81, 0.36],
        "the decay comes after the step: it shrinks the step, too.": [1.2, 0, 0.65, 0.2],
    }
    many, back, high = noise(3, 6)
    many, high = many.abs(), high.abs()
    after = 0.99 * (many + 0.3 * back / back.abs().mean())
    run(
        function,
        Trial("four numbers worked by hand", by_hand, [1.2, 0, 0.63, 0.18], mistakes),
        Trial("a random code", (many, back, 0.3, 0.01, high), after.relu().minimum(high)),
    )
