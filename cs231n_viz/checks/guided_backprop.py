"""Exercises of lesson 06."""

from collections.abc import Callable

import torch
from scipy.stats import spearmanr

from .trials import Trial, noise, run


def guided_rule(function: Callable) -> None:
    """(x, g) of one shape -> what guided backprop sends on: g where x > 0 and g > 0, else 0."""
    x = torch.tensor([[1.0, -1, 5], [2, -5, -7], [-3, 2, 4]])  # Springenberg et al., figure 1
    g = torch.tensor([[-2.0, 3, -1], [6, -3, 1], [2, -1, 3]])
    mistakes = {
        "this is the plain rule: negative gradients still pass.": g * (x > 0),
        "this is the deconvnet's rule: a closed ReLU still lets gradients pass.": g.relu(),
        "these are values of x. It is the gradient that is sent back.": x.relu() * (g > 0),
        "multiply by 1 where x is above zero, not by x itself.": x.relu() * g.relu(),
        "this says where it passes; send the gradient itself.": (g > 0) & (x > 0),
        "you kept the negative gradients; the positive ones pass.": g.clamp(max=0) * (x > 0),
    }
    many, back = noise(2, 2, 3, 4, 5)
    expected = torch.where((many > 0) & (back > 0), back, 0.0)
    run(
        function,
        Trial("the table above", (x, g), [[0, 0, 0], [6, 0, 0], [0, 0, 3]], mistakes),
        Trial("random maps", (many, back), expected),
    )


def surviving_share(function: Callable) -> None:
    """weights (K, n), gradients (K,) -> |Σ| / Σ|·| of the K influences of each input (n,)."""
    weights = torch.tensor([[1.0, 2.0, 4.0], [1.0, -2.0, 1.0]])
    gradients = torch.tensor([1.0, 2.0])  # influences 1 + 2, 2 − 4, 4 + 2
    mistakes = {
        "a share is not negative: take the absolute value of the sum.": [1, -1 / 3, 1],
        "divide by the sum of the absolute values.": [3, 2, 6],
        "divide its absolute value by the sum of the absolute values.": [3, -2, 6],
        "above the line the sum comes first, then its absolute value.": [1, 1, 1],
        "the gradients are missing: an influence is weight times gradient.": [1, 0, 1],
        "you added over the inputs; add over the K outputs, dim=0.": [1, 0],
        "one number came out; every input has a share of its own.": 7 / 15,
    }
    expected = [1, 1 / 3, 1]
    many, back = noise(40, 7), noise(40)
    parts = many * back[:, None]
    shares = parts.sum(dim=0).abs() / parts.abs().sum(dim=0)
    run(
        function,
        Trial("three inputs worked by hand", (weights, gradients), expected, mistakes),
        Trial("a random layer", (many, back), shares),
    )


def rank_correlation(function: Callable) -> None:
    """Two maps (H, W) -> the correlation of the ranks of their values, a tensor of one number."""
    values = torch.tensor([[0.3, 0.1, 0.2, 90.0, 0.4, 0.5], [0.2, 0.3, 0.4, 0.1, 0.5, 0.6]])
    orders = values.argsort(dim=1)
    ranks = orders.argsort(dim=1).float()  # 2 0 1 5 3 4 and 1 2 3 0 4 5
    expected = 1 - 6 * 36 / (6 * 35)  # 36 is the sum of their squared differences
    mistakes = {
        "this correlates the values: one large value decides it.": torch.corrcoef(values)[0, 1],
        "argsort tells the k-th pixel; its argsort tells the ranks.": torch.corrcoef(orders)[0, 1],
        "take the mean off the ranks first.": torch.cosine_similarity(*ranks, dim=0),
        "divide by the norms of both, so that equal ranks give 1.": (ranks - 2.5).prod(dim=0).sum(),
    }
    many, other = noise(2, 9, 9).exp()
    correlation = spearmanr(many.flatten(), other.flatten()).statistic
    run(
        function,
        Trial("six pixels worked by hand", tuple(values.view(2, 2, 3)), expected, mistakes),
        Trial("random maps", (many, other), correlation),
        Trial("a map and its logarithm, in one order", (many, many.log()), 1.0),
    )
