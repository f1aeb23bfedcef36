"""Exercises of lesson 12."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def feature_loss(function: Callable) -> None:
    """features and wanted (N, …) -> ‖features − wanted‖² / ‖wanted‖², one number a picture (N,)."""
    wanted = torch.tensor(
        [[[[2.0, 0.0], [0.0, 0.0]]], [[[1.0, 1.0], [1.0, 1.0]]]]
    )  # ‖wanted‖² is 4 and 4
    features = torch.tensor([[[[2.0, 1.0], [0.0, 0.0]]], [[[3.0, 1.0], [1.0, 1.0]]]])
    mistakes = (
        (torch.tensor(1.25), "this is one number for all pictures; add up each picture by itself."),
        (torch.tensor([1.0, 4.0]), "divide by ‖wanted‖², or layers cannot be compared."),
        (
            torch.tensor([0.25, 1.0]) / 4,
            "take sums above and below the line, or means, but not a mean above a sum.",
        ),
        (torch.tensor([0.5, 1.0]), "these are lengths; the squares are asked for."),
        (
            torch.tensor([1 / 5, 4 / 12]),
            "divide by the size of what is wanted, not of what is there.",
        ),
        (
            torch.tensor([0.125, 0.5]),
            "divide each picture by its own ‖wanted‖², not by that of the batch.",
        ),
    )
    many, others = noise(3, 4, 2, 2), noise(6, 4, 2, 2)[3:]
    expected = (many - others).square().flatten(1).sum(dim=1) / others.square().flatten(1).sum(
        dim=1
    )
    flat = noise(5, 7), noise(10, 7)[5:]
    run(
        function,
        [
            Trial(
                (features, wanted),
                torch.tensor([0.25, 1.0]),
                "two pictures worked by hand",
                mistakes,
            ),
            Trial((many, others), expected, "three random pictures"),
            Trial(
                flat,
                (flat[0] - flat[1]).square().sum(dim=1) / flat[1].square().sum(dim=1),
                "codes (N, C)",
            ),
        ],
    )


def total_variation(function: Callable) -> None:
    """pictures (N, C, H, W) -> the sum of the squared differences of neighbours, down and across,
    (N,).
    """
    picture = torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])  # down: 0 and 2, across: 1 and 3
    mistakes = (
        (torch.tensor([6.0]), "you added up the sizes of the differences; square them."),
        (torch.tensor([4.0]), "these are the differences down only; add those across."),
        (torch.tensor([10.0]), "these are the differences across only; add those down."),
        (
            torch.tensor([28.0]),
            "you counted the last row and column against the first: there is no neighbour beyond the edge.",
        ),
        (torch.tensor([7.0]), "take the sum of the squares, not their mean."),
        (torch.tensor(14.0), "one number a picture is asked for, (N,)."),
        (torch.tensor([[14.0]]), "add up the colours, too."),
    )
    many = noise(2, 3, 4, 5)
    expected = sum(many.diff(dim=dim).square().flatten(1).sum(dim=1) for dim in (2, 3))
    run(
        function,
        [
            Trial((picture,), torch.tensor([14.0]), "four pixels worked by hand", mistakes),
            Trial((many,), expected, "two random pictures"),
        ],
    )


def decibels(function: Callable) -> None:
    """images and references (N, C, H, W) in [0, 1] -> PSNR in decibels, (N,)."""
    reference = torch.zeros(2, 1, 1, 2)
    image = torch.tensor([[[[0.1, 0.1]]], [[[0.0, 2**0.5]]]])  # mean squared errors 0.01 and 1
    expected = torch.tensor([20.0, 0.0])
    mistakes = (
        (-expected, "the sign: the smaller the error, the more decibels."),
        (expected / 2, "the factor is 10 if you take the logarithm of the *squared* error."),
        (
            expected * torch.log(torch.tensor(10.0)),
            "the logarithm to the base of 10 is asked for: torch.log10.",
        ),
        (torch.tensor(2.9671), "one number a picture is asked for; you averaged over the batch."),
        (
            torch.tensor([16.9897, -3.0103]),
            "take the mean over the values of a picture, not their sum.",
        ),
    )
    many, others = noise(3, 3, 4, 4), noise(6, 3, 4, 4)[3:]
    run(
        function,
        [
            Trial((image, reference), expected, "two pictures worked by hand", mistakes),
            Trial((many, others), _decibels(many, others), "three random pictures"),
        ],
    )


def _decibels(image: Tensor, reference: Tensor) -> Tensor:
    return -10 * (image - reference).square().flatten(1).mean(dim=1).log10()
