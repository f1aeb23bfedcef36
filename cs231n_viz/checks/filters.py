"""Exercises of lesson 01."""

from collections.abc import Callable

import torch

from ..techniques import filters
from .trials import Trial, noise, run


def filter_pictures(function: Callable) -> None:
    """filters (K, 3, k, k) -> pictures in [0, 1], zero at 0.5, each by its own largest weight."""
    by_hand, expected = torch.zeros(2, 3, 1, 2), torch.full((2, 3, 1, 2), 0.5)
    by_hand[0, 0, 0], expected[0, 0, 0] = torch.tensor([[2.0, -1.0], [1.0, 0.25]])
    by_hand[1, 2, 0], expected[1, 2, 0] = torch.tensor([[0.0, 10.0], [0.5, 1.0]])
    low, high = by_hand.amin(dim=(1, 2, 3), keepdim=True), by_hand.amax(dim=(1, 2, 3), keepdim=True)
    mistakes = {
        "you divided by one number; each filter has its own largest weight.": 0.5 + by_hand / 20,
        "you stretched: a weight of zero is not grey then.": (by_hand - low) / (high - low),
        "from [-1, 1] to [0, 1]: halve, and add one half.": expected * 2 - 1,
    }
    many = noise(5, 3, 4, 4)
    run(
        function,
        Trial("two filters worked by hand", (by_hand,), expected, mistakes),
        Trial("random filters", (many,), filters.as_pictures(many)),
    )


def filter_responses(function: Callable) -> None:
    """w (3, k, k), patches (N, 3, k, k) -> w · patch (N,), patches scaled to the norm of w."""
    w = torch.tensor([3.0, 4, 0, 0, 0, 0]).view(3, 1, 2)  # norm 5
    patches = torch.tensor([[6.0, 8, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0]]).view(2, 3, 1, 2)
    mistakes = {
        "the patches were not scaled: the brighter one wins by being bright.": [50, 3],
        "the patches have norm 1 now; give them the norm of w.": [5, 3],
        "this is the cosine; the response is w·x for a patch of w's norm.": [1, 0.6],
    }
    one, crowd = noise(3, 5, 5), torch.cat([2 * noise(1, 3, 5, 5), noise(9, 3, 5, 5)])
    run(
        function,
        Trial("two patches worked by hand", (w, patches), [25, 15], mistakes),
        Trial("a copy among random patches", (one, crowd), filters.responses(one, crowd)),
    )


def filter_roughness(function: Callable) -> None:
    """filters (K, 3, k, k) -> mean squared difference of neighbours over the variance (K,)."""
    ramp = torch.tensor([0.0, 1.0, 2.0]).repeat(1, 3, 3, 1)
    board = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).repeat(1, 3, 2, 2)
    mistakes = {
        "take the average of the differences in a row and in a column.": [1.5],
        "this is not divided by the variance.": [0.5],
    }
    many = noise(4, 3, 9, 9)
    run(
        function,
        Trial("a ramp 0, 1, 2 in every row", (ramp,), [0.75], mistakes),
        Trial("a chessboard", (board,), [4]),
        Trial("random filters", (many,), filters.roughness(many)),
    )
