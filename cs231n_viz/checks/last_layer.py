"""Exercises of lesson 02."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from ..techniques import last_layer
from .trials import Trial, noise, run


def cosine_neighbors(function: Callable) -> None:
    """features (N, D), query (D,), k -> the k with the smallest angle to the query, nearest first
    (k,).
    """
    features = torch.tensor([[3.0, 3.0], [0.0, 1.0], [20.0, 15.0], [1.2, 0.1], [-1.0, 0.0]])
    query = torch.tensor([1.0, 0.0])  # cosines: 0.707, 0, 0.8, 0.997, -1
    mistakes = (
        (torch.tensor([2, 0]), "you took the largest products: a long vector wins by being long."),
        (torch.tensor([3, 1]), "these are nearest by L2; the cosine asks for the direction only."),
        (torch.tensor([4, 1]), "these are the farthest: a large cosine is a small distance."),
        (torch.tensor([2, 3]), "the right ones in the wrong order: nearest first."),
        (
            torch.tensor([0.9965, 0.8]),
            "these are the cosines; the indices of those vectors are asked for.",
        ),
    )
    crowd, own = noise(40, 6), noise(7, 6)[3] * 5
    expected = last_layer.nearest(crowd, own[None], 9, "cosine").indices[0]
    run(
        function,
        [
            Trial((features, query, 2), torch.tensor([3, 2]), "five arrows in the plane", mistakes),
            Trial((crowd, own, 9), expected, "random vectors"),
        ],
    )


def leave_one_out(function: Callable) -> None:
    """features (N, D), labels (N,) -> share of pictures whose nearest other (L2) bears their label,
    one number ().
    """
    features = torch.tensor([[0.0], [1.0], [2.5], [10.0], [11.0]])
    labels = torch.tensor([0, 0, 2, 1, 1])  # only the third has a stranger beside it
    mistakes = (
        (torch.tensor(1.0), "each picture is its own nearest neighbour here: leave it out."),
        (torch.tensor(4.0), "this is how many are right; divide by how many there are."),
        (torch.tensor(0.2), "this is the share of wrong ones."),
        (torch.tensor(0.0), "you took the farthest instead of the nearest."),
    )
    crowd, kinds = noise(50, 4), torch.arange(50) % 3
    expected = last_layer.knn_right(crowd, kinds, 1, "L2").float().mean()
    run(
        function,
        [
            Trial((features, labels), torch.tensor(0.8), "five points on a line", mistakes),
            Trial((crowd, kinds), expected, "random vectors"),
        ],
    )


def principal_positions(function: Callable) -> None:
    """features (N, D) -> places along the first two principal components (N, 2); each sign may be
    turned.
    """
    along, across = torch.tensor([3.0, -1.0, -1.0, -1.0]), torch.tensor([0.0, 2.0, -1.0, -1.0])
    axes = torch.tensor([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]])
    features = along[:, None] * axes[0] + across[:, None] * axes[1] + torch.tensor([10.0, 0.0, 5.0])
    expected = torch.stack([along, across], dim=1)
    left, values, _ = torch.linalg.svd(features, full_matrices=False)
    uncentered = (left * values)[:, :2]
    mistakes = (
        (uncentered, "the mean is still in: then the first axis points at it. Take it away first."),
        (
            expected / expected.norm(dim=0),
            "these are the columns of U, all of one length: multiply by S.",
        ),
        (features[:, :2], "these are the first two features, not yet components."),
    )
    crowd = noise(30, 8) * torch.linspace(3, 0.5, 8) + 2
    run(
        _with_signs(function),
        [
            Trial(
                (features,),
                _signed(expected),
                "four points in a slanted plane",
                _all_signed(mistakes),
            ),
            Trial(
                (crowd,),
                _signed(last_layer.principal_components(crowd).positions),
                "random vectors",
            ),
        ],
    )


def _with_signs(function: Callable) -> Callable:
    @functools.wraps(function)
    def signed(features):
        answer = function(features)
        return _signed(answer) if isinstance(answer, Tensor) and answer.dim() == 2 else answer

    return signed


def _signed(positions: Tensor) -> Tensor:
    """Each column turned so that its largest entry is positive."""
    return positions * positions.gather(0, positions.abs().argmax(dim=0, keepdim=True)).sign()


def _all_signed(mistakes: tuple) -> tuple:
    return tuple((_signed(answer), hint) for answer, hint in mistakes)
