"""Exercises of lesson 02."""

import functools
from collections.abc import Callable

import torch
from torch import Tensor

from ..techniques import last_layer
from .trials import Trial, noise, run


def cosine_neighbors(function: Callable) -> None:
    """features (N, D), query (D,), k -> the k at the smallest angle to it, nearest first (k,)."""
    features = torch.tensor([[3.0, 3.0], [0.0, 1.0], [20.0, 15.0], [1.2, 0.1], [-1.0, 0.0]])
    query = torch.tensor([1.0, 0.0])  # cosines: 0.707, 0, 0.8, 0.997, -1
    mistakes = {
        "you took the largest products: a long vector wins by being long.": [2, 0],
        "these are nearest by L2; the cosine asks for the direction only.": [3, 1],
        "these are the farthest: a large cosine is a small distance.": [4, 1],
        "the right ones in the wrong order: nearest first.": [2, 3],
        "these are the cosines; the indices of those vectors are asked for.": [0.9965, 0.8],
    }
    crowd, own = noise(40, 6), noise(7, 6)[3] * 5
    expected = last_layer.nearest(crowd, own[None], 9, "cosine").indices[0]
    run(
        function,
        Trial("five arrows in the plane", (features, query, 2), [3, 2], mistakes),
        Trial("random vectors", (crowd, own, 9), expected),
    )


def leave_one_out(function: Callable) -> None:
    """features (N, D), labels (N,) -> the share whose nearest other (L2) has their label, ()."""
    features = torch.tensor([[0.0], [1.0], [2.5], [10.0], [11.0]])
    labels = torch.tensor([0, 0, 2, 1, 1])  # only the third has another label beside it
    mistakes = {
        "each picture is its own nearest neighbour here: leave it out.": 1.0,
        "this is how many are right; divide by how many there are.": 4.0,
        "this is the share of wrong ones.": 0.2,
        "you took the farthest instead of the nearest.": 0.0,
    }
    crowd, kinds = noise(50, 4), torch.arange(50) % 3
    expected = last_layer.knn_right(crowd, kinds, 1, "L2").float().mean()
    run(
        function,
        Trial("five points on a line", (features, labels), 0.8, mistakes),
        Trial("random vectors", (crowd, kinds), expected),
    )


def principal_positions(function: Callable) -> None:
    """features (N, D) -> positions on the first two principal components (N, 2), up to sign."""
    positions = torch.tensor([[3.0, 0.0], [-1.0, 2.0], [-1.0, -1.0], [-1.0, -1.0]])
    axes = torch.tensor([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]])
    features = positions @ axes + torch.tensor([10.0, 0.0, 5.0])
    left, values, _ = torch.linalg.svd(features, full_matrices=False)
    mistakes = {
        "the mean is still in: the first axis points at it. Take it off.": (left * values)[:, :2],
        "these are columns of U, of one length: multiply by S.": positions / positions.norm(dim=0),
        "these are the first two features, not yet components.": features[:, :2],
    }
    signed_mistakes = {said: _signed(wrong) for said, wrong in mistakes.items()}
    crowd = noise(30, 8) * torch.linspace(3, 0.5, 8) + 2
    expected = _signed(last_layer.principal_components(crowd).positions)
    run(
        _with_signs(function),
        Trial("four points in a slanted plane", (features,), _signed(positions), signed_mistakes),
        Trial("random vectors", (crowd,), expected),
    )


def _with_signs(function: Callable) -> Callable:
    @functools.wraps(function)
    def signed(features):
        answer = function(features)
        return _signed(answer) if isinstance(answer, Tensor) and answer.dim() == 2 else answer

    return signed


def _signed(positions: Tensor) -> Tensor:
    """Each column with the sign that makes its largest entry positive."""
    return positions * positions.gather(0, positions.abs().argmax(dim=0, keepdim=True)).sign()
