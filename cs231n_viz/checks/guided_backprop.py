"""Exercises of lesson 06."""

from collections.abc import Callable

import torch
from scipy.stats import spearmanr

from .trials import Trial, noise, run


def guided_rule(function: Callable) -> None:
    """(x, g) of one shape -> what guided backprop sends on: g where x and g are both above zero,
    else 0.
    """
    x = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])
    g = torch.tensor(
        [[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]]
    )  # the numbers of Springenberg et al.'s figure 1
    is_open = (x > 0).float()
    mistakes = (
        (g * is_open, "this is the plain rule: negative gradients still pass."),
        (
            g.clamp(min=0),
            "this is the deconvnet's rule: a ReLU that was closed still lets gradients pass.",
        ),
        (x.clamp(min=0) * (g > 0), "these are values of x. It is the gradient that is sent back."),
        (g.clamp(min=0) * x.clamp(min=0), "multiply by 1 where x is above zero, not by x itself."),
        ((g > 0).float() * is_open, "this says where it passes; send the gradient itself."),
        (g.clamp(max=0) * is_open, "you kept the negative gradients; the positive ones pass."),
    )
    many, back = noise(2, 3, 4, 5), noise(2, 4, 3, 5).transpose(1, 2)
    expected = torch.where((many > 0) & (back > 0), back, torch.zeros(()))
    run(
        function,
        [
            Trial(
                (x, g),
                torch.tensor([[0.0, 0, 0], [6, 0, 0], [0, 0, 3]]),
                "the table above",
                mistakes,
            ),
            Trial((many, back), expected, "random maps"),
        ],
    )


def surviving_share(function: Callable) -> None:
    """weights (K, n), slopes (K,) -> of each input's K influences, |sum| over the sum of absolute
    values, (n,).
    """
    weights = torch.tensor([[1.0, 2.0, 4.0], [1.0, -2.0, 1.0]])
    slopes = torch.tensor([1.0, 2.0])  # influences 1 + 2, 2 − 4, 4 + 2
    parts = weights * slopes[:, None]
    gross = parts.abs().sum(dim=0)
    mistakes = (
        (parts.sum(dim=0) / gross, "a share is not negative: take the absolute value of the sum."),
        (parts.sum(dim=0).abs(), "divide by the sum of the absolute values."),
        (parts.sum(dim=0), "divide its absolute value by the sum of the absolute values."),
        (
            gross / gross,
            "absolute value first, sum second on both sides? On top the sum comes first.",
        ),
        (
            weights.sum(dim=0).abs() / weights.abs().sum(dim=0),
            "the slopes are missing: an influence is weight times slope.",
        ),
        (
            parts.sum(dim=1).abs() / parts.abs().sum(dim=1),
            "you added over the inputs; add over the K outputs, dim=0.",
        ),
        (
            parts.sum().abs() / parts.abs().sum(),
            "one number came out; every input has a share of its own.",
        ),
    )
    many, back = noise(40, 7), noise(40)
    parts = many * back[:, None]
    run(
        function,
        [
            Trial(
                (weights, slopes),
                torch.tensor([1.0, 1 / 3, 1.0]),
                "three inputs worked by hand",
                mistakes,
            ),
            Trial((many, back), parts.sum(dim=0).abs() / parts.abs().sum(dim=0), "a random layer"),
        ],
    )


def rank_correlation(function: Callable) -> None:
    """Two maps (H, W) -> the correlation of the ranks of their values, a tensor of one number."""
    a, b = (
        torch.tensor([[0.3, 0.1, 0.2], [90.0, 0.4, 0.5]]),
        torch.tensor([[0.2, 0.3, 0.4], [0.1, 0.5, 0.6]]),
    )
    # ranks 2 0 1 5 3 4 and 1 2 3 0 4 5; the squares of their differences add up to 36: 1 − 6 · 36 /
    # (6 · 35)
    values = torch.stack([a.flatten(), b.flatten()])
    orders = torch.stack([a.flatten().argsort(), b.flatten().argsort()])
    ranks = orders.argsort(dim=1).float()
    mistakes = (
        (
            torch.corrcoef(values)[0, 1],
            "this is the correlation of the values: one large value decides it.",
        ),
        (
            torch.corrcoef(orders.float())[0, 1],
            "argsort tells which pixel is the k-th. Its argsort tells which rank a pixel has.",
        ),
        (
            ranks[0] @ ranks[1] / (ranks[0].norm() * ranks[1].norm()),
            "take the mean off the ranks first.",
        ),
        (
            (ranks[0] - 2.5) @ (ranks[1] - 2.5),
            "divide by the norms of both, so that equal ranks give 1.",
        ),
    )
    many, other = noise(2, 9, 9).exp()
    expected = torch.tensor(
        spearmanr(many.flatten(), other.flatten()).statistic, dtype=torch.float32
    )
    run(
        function,
        [
            Trial((a, b), torch.tensor(-1 / 35), "six pixels worked by hand", mistakes),
            Trial((many, other), expected, "random maps"),
            Trial((many, many.log()), torch.tensor(1.0), "a map and its logarithm, in one order"),
        ],
    )
