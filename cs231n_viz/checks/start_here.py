"""Exercises of lesson 00."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def top_class(function: Callable) -> None:
    """scores (N, classes) -> index of the best class of each picture (N,)."""
    scores = torch.tensor([[0.0, 3.0, 1.0], [5.0, -1.0, 2.0]])
    mistakes = (
        (
            torch.tensor([1, 0, 1]),
            "you looked down the pictures (dim=0); look along the classes (dim=1).",
        ),
    )
    mistakes += (
        (
            torch.tensor([3.0, 5.0]),
            "these are the best scores; their places are asked for: argmax.",
        ),
    )
    run(
        function,
        [
            Trial((scores,), torch.tensor([1, 0]), "two pictures, three classes", mistakes),
            Trial((noise(5, 7),), noise(5, 7).argmax(dim=1), "random scores"),
        ],
    )


def probabilities(function: Callable) -> None:
    """scores (N, classes) -> softmax (N, classes), also for scores in the thousands."""
    scores = torch.log(torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 8.0]]))
    expected = torch.tensor([[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]])
    mistakes = (
        (scores.exp(), "the rows do not sum to 1: divide by each row's sum."),
        (
            scores.exp() / scores.exp().sum(),
            "you divided by the sum over all pictures; each picture has its own.",
        ),
        (
            scores.softmax(dim=0),
            "you normalised down the pictures (dim=0); each row is one picture (dim=1).",
        ),
    )
    large = torch.tensor([[1000.0, 1000.0], [0.0, 2000.0]])
    run(
        function,
        [
            Trial((scores,), expected, "scores that are logarithms of 1, 2 and 8", mistakes),
            Trial((large,), torch.tensor([[0.5, 0.5], [0.0, 1.0]]), "scores in the thousands"),
        ],
    )
