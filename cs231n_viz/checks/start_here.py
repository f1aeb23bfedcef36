"""Exercises of lesson 00."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def top_class(function: Callable) -> None:
    """scores (N, classes) -> index of the best class of each picture (N,)."""
    scores = torch.tensor([[0.0, 3.0, 1.0], [5.0, -1.0, 2.0]])
    mistakes = {
        "you looked down the pictures (dim=0); look along the classes (dim=1).": [1, 0, 1],
        "these are the best scores; their indices are asked for: argmax.": [3, 5],
    }
    many = noise(5, 7)
    run(
        function,
        Trial("two pictures, three classes", (scores,), [1, 0], mistakes),
        Trial("random scores", (many,), many.argmax(dim=1)),
    )


def probabilities(function: Callable) -> None:
    """scores (N, classes) -> softmax (N, classes), also for scores in the thousands."""
    powers = torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 8.0]])
    expected = [[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]]
    mistakes = {
        "the rows do not sum to 1: divide by each row's sum.": powers,
        "you divided by the sum over all pictures; each has its own.": powers / 14,
        "you normalised down the pictures (dim=0); rows are dim=1.": powers / powers.sum(dim=0),
    }
    large = torch.tensor([[1000.0, 1000.0], [0.0, 2000.0]])
    run(
        function,
        Trial("scores that are logarithms of 1, 2 and 8", (powers.log(),), expected, mistakes),
        Trial("scores in the thousands", (large,), [[0.5, 0.5], [0, 1]]),
    )
