"""Exercises of lesson 12."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def feature_loss(function: Callable) -> None:
    """features and wanted (N, …) -> ‖features − wanted‖² / ‖wanted‖² of each picture, (N,)."""
    features = torch.tensor([[2.0, 1, 0, 0], [3, 1, 1, 1]]).view(2, 1, 2, 2)
    wanted = torch.tensor([[2.0, 0, 0, 0], [1, 1, 1, 1]]).view(2, 1, 2, 2)  # ‖wanted‖² is 4 and 4
    mistakes = {
        "this is one number for all pictures; add up each picture by itself.": 1.25,
        "divide by ‖wanted‖², or layers cannot be compared.": [1, 4],
        "take sums above and below the line, not a mean above a sum.": [1 / 16, 1 / 4],
        "these are lengths; the squares are asked for.": [0.5, 1],
        "divide by the size of what is wanted, not of what is there.": [1 / 5, 4 / 12],
        "divide each picture by its own ‖wanted‖², not by that of the batch.": [0.125, 0.5],
    }
    many, others = noise(2, 3, 4, 2, 2)
    expected = (many - others).square().sum(dim=(1, 2, 3)) / others.square().sum(dim=(1, 2, 3))
    codes = many[..., 0, 0], others[..., 0, 0]
    of_codes = (codes[0] - codes[1]).square().sum(dim=1) / codes[1].square().sum(dim=1)
    run(
        function,
        Trial("two pictures worked by hand", (features, wanted), [0.25, 1], mistakes),
        Trial("three random pictures", (many, others), expected),
        Trial("codes (N, C)", codes, of_codes),
    )


def total_variation(function: Callable) -> None:
    """pictures (N, C, H, W) -> Σ of the squared differences of neighbours, both ways, (N,)."""
    picture = torch.tensor([[[[0.0, 1.0], [0.0, 3.0]]]])  # down: 0 and 2, across: 1 and 3
    mistakes = {
        "you added up the sizes of the differences; square them.": [6],
        "these are the differences down only; add those across.": [4],
        "these are the differences across only; add those down.": [10],
        "there is no neighbour beyond the edge: leave out the last against the first.": [28],
        "take the sum of the squares, not their mean.": [7],
        "one number a picture is asked for, (N,).": 14,
        "add up the colours, too.": [[14]],
    }
    many = noise(2, 3, 4, 5)
    expected = sum(many.diff(dim=dim).square().sum(dim=(1, 2, 3)) for dim in (2, 3))
    run(
        function,
        Trial("four pixels worked by hand", (picture,), [14], mistakes),
        Trial("two random pictures", (many,), expected),
    )


def decibels(function: Callable) -> None:
    """images and references (N, C, H, W) in [0, 1] -> PSNR in decibels, (N,)."""
    reference = torch.zeros(2, 1, 1, 2)
    image = torch.tensor([[[[0.1, 0.1]]], [[[0.0, 2**0.5]]]])  # mean squared errors 0.01 and 1
    mistakes = {
        "the sign: the smaller the error, the more decibels.": [-20, 0],
        "the factor is 10 if you take the logarithm of the *squared* error.": [10, 0],
        "the logarithm to the base of 10 is asked for: torch.log10.": [46.0517, 0],
        "one number a picture is asked for; you averaged over the batch.": 2.9671,
        "take the mean over the values of a picture, not their sum.": [16.9897, -3.0103],
    }
    many, others = noise(2, 3, 3, 4, 4)
    expected = -10 * (many - others).square().mean(dim=(1, 2, 3)).log10()
    run(
        function,
        Trial("two pictures worked by hand", (image, reference), [20, 0], mistakes),
        Trial("three random pictures", (many, others), expected),
    )
