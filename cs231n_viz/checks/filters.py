"""Exercises of lesson 01."""

from collections.abc import Callable

import torch

from ..techniques import filters
from .trials import Trial, noise, run


def filter_pictures(function: Callable) -> None:
    """filters (K, 3, k, k) -> pictures in [0, 1], zero at 0.5, each filter scaled by its own
    largest weight.
    """
    by_hand = torch.zeros(2, 3, 1, 2)
    by_hand[0, 0, 0], by_hand[1, 2, 0] = torch.tensor([2.0, -1.0]), torch.tensor([0.0, 10.0])
    expected = torch.full((2, 3, 1, 2), 0.5)
    expected[0, 0, 0], expected[1, 2, 0] = torch.tensor([1.0, 0.25]), torch.tensor([0.5, 1.0])
    low, high = by_hand.amin(dim=(1, 2, 3), keepdim=True), by_hand.amax(dim=(1, 2, 3), keepdim=True)
    mistakes = (
        (
            filters.as_pictures(by_hand, "shared"),
            "you divided all filters by one number; each has its own largest weight.",
        ),
        (
            (by_hand - low) / (high - low),
            "you stretched from least to most: then a weight of zero is not grey.",
        ),
        (
            expected * 2 - 1,
            "you left out the step from [-1, 1] to [0, 1]: halve, and add one half.",
        ),
    )
    run(
        function,
        [
            Trial((by_hand,), expected, "two filters worked by hand", mistakes),
            Trial((noise(5, 3, 4, 4),), filters.as_pictures(noise(5, 3, 4, 4)), "random filters"),
        ],
    )


def filter_responses(function: Callable) -> None:
    """w (3, k, k), patches (N, 3, k, k) -> answers (N,) to the patches scaled to the norm of w."""
    w = torch.zeros(3, 1, 2)
    w[0, 0] = torch.tensor([3.0, 4.0])  # norm 5
    patches = torch.zeros(2, 3, 1, 2)
    patches[0, 0, 0], patches[1, 0, 0] = torch.tensor([6.0, 8.0]), torch.tensor([1.0, 0.0])
    flat = patches.flatten(1)
    mistakes = (
        (flat @ w.flatten(), "the patches were not scaled: the brighter one wins by being bright."),
        (
            flat @ w.flatten() / flat.norm(dim=1),
            "the patches have norm 1 now; give them the norm of w.",
        ),
        (
            flat @ w.flatten() / flat.norm(dim=1) / w.norm(),
            "this is the cosine; the answer is w·x for a patch of w's norm.",
        ),
    )
    filter, crowd = noise(3, 5, 5), torch.cat([2 * noise(3, 5, 5)[None], noise(9, 3, 5, 5)])
    run(
        function,
        [
            Trial((w, patches), torch.tensor([25.0, 15.0]), "two patches worked by hand", mistakes),
            Trial((filter, crowd), filters.responses(filter, crowd), "a copy among random patches"),
        ],
    )


def filter_roughness(function: Callable) -> None:
    """filters (K, 3, k, k) -> mean squared difference of neighbours over the variance (K,)."""
    ramp = torch.tensor([[0.0, 1.0, 2.0]]).expand(3, 3).repeat(1, 3, 1, 1).contiguous()
    board = (
        (torch.arange(16).view(4, 4) + torch.arange(4)[:, None])
        .remainder(2)
        .float()
        .repeat(1, 3, 1, 1)
    )
    across = ramp.diff(dim=3).square().mean(dim=(1, 2, 3)) / ramp.var(dim=(1, 2, 3), correction=0)
    mistakes = (
        (
            across,
            "differences in a row are there; those in a column are missing, or not averaged with them.",
        ),
        (torch.tensor([1.5]), "you added the two differences; take their average."),
        (torch.tensor([0.5]), "this is not divided by the variance."),
    )
    run(
        function,
        [
            Trial((ramp,), torch.tensor([0.75]), "a ramp 0, 1, 2 in every row", mistakes),
            Trial((board,), torch.tensor([4.0]), "a chessboard"),
            Trial((noise(4, 3, 9, 9),), filters.roughness(noise(4, 3, 9, 9)), "random filters"),
        ],
    )
