"""Exercises of lesson 06."""

from collections.abc import Callable
from functools import partial

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import spearmanr
from torch import Tensor, nn

from .. import plot
from ..techniques import guided_backprop
from ..techniques.filters import as_pictures
from .trials import HOOKS_LEFT, Seen, Trial, noise, run, without_hooks


def guided_rule(function: Callable, on: tuple | None = None) -> None:
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
    run(
        function,
        Trial("the table above", (x, g), [[0, 0, 0], [6, 0, 0], [0, 0, 3]], mistakes),
        Trial("random maps", (many, back), _guided(many, back)),
        seen=on and Seen(on, _guided(*on), partial(_passing, on[0])),
    )


def _guided(values: Tensor, gradients: Tensor) -> Tensor:
    return torch.where((values > 0) & (gradients > 0), gradients, 0.0)


def _passing(values: Tensor, sent: Tensor) -> np.ndarray:
    """What is sent on, in colour, over the map in grey, which shows what is there."""
    grey = (values - values.min()) / (values.max() - values.min()).clamp(min=1e-12)
    sent = (sent / sent.abs().flatten().quantile(0.99).clamp(min=1e-12)).clamp(-1, 1)
    strength = sent.abs().numpy()[..., None]
    return (1 - strength) * grey.numpy()[..., None] + strength * plot.colored(sent)


def guided_map(function: Callable, on: tuple | None = None) -> None:
    """(network of ReLU and ReLU6, pixels, class) -> its guided gradient, the network left as is."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(6, 2))
    weights = [[[[1.0]]], [[[-1.0]]]], [0, 0], [[0] * 6, [2, 1, -3, 4, 5, 0.0]], [0, 0]
    for weight, values in zip(network.parameters(), weights, strict=True):
        weight.data = torch.tensor(values).float()
    many = noise(2, 3, 6, 6)
    deep = nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU(), nn.Conv2d(8, 8, 3), nn.ReLU6())
    deep.extend([nn.Flatten(), nn.Linear(32, 4)])
    for weight in deep.parameters():
        weight.data = noise(*weight.shape)
    with guided_backprop.relu_rule(deep, "guided"):
        expected = guided_backprop.gradient(lambda pixels: deep(pixels)[:, 2], many)
    pixels = torch.tensor([[[[1.0, -1, 1]]]])
    mistakes = {
        "this is the plain gradient: negative gradients passed a ReLU.": [[[[2, -5, -3]]]],
        "this is the deconvnet's: gradients passed a closed ReLU.": [[[[-2, -4, 0]]]],
        "clamp the gradients at the ReLUs, not those at the pixels.": [[[[2, 0, 0]]]],
        "your hooks are still on the network: remove them at the end.": HOOKS_LEFT,
    }
    run(
        without_hooks(function),
        Trial("three pixels worked by hand", (network, pixels, 1), [[[[2, -5, 0]]]], mistakes),
        Trial("ReLUs in three layers", (deep, many, 2), expected),
        seen=on and Seen(on, guided_backprop.input_gradient(*on), _signed),
    )


def unit_maps(function: Callable, on: tuple | None = None) -> None:
    """(activations, pixels, channels, row, column) -> each channel's gradient there, (K, 3, H, W).

    activations: pixels (1, 3, H, W) -> maps (1, C, h, w).
    """
    pixels = torch.tensor([[[[1.0, -1], [3, 2]]]])
    mistakes = {
        "ask for the unit, not for the sum over its map.": _maps([2] * 4, [2, -2, 6, 4]),
        "row and column have changed places.": _maps([0, 2, 0, 0], [0, -2, 0, 0]),
        "you added the channels up; each has a map of its own.": _maps([0, 0, 8, 0]),
        "these are the first channels, not those asked for.": _maps([0, 0, 2, 0], [0, 0, -1, 0]),
        "return the gradients, not gradients · pixels.": _maps([0, 0, 6, 0], [0, 0, 18, 0]),
    }
    filters, many = noise(4, 3, 3, 3), noise(1, 3, 6, 7)
    given = (lambda image: F.conv2d(image, filters).square()), many, [3, 0], 1, 2
    by_hand, expected = (_three_channels, pixels, [0, 2], 1, 0), _maps([0, 0, 2, 0], [0, 0, 6, 0])
    run(
        function,
        Trial("four pixels worked by hand", by_hand, expected, mistakes),
        Trial("random maps", given, _unit_maps(*given)),
        seen=on and Seen(on, _unit_maps(*on), _three_a_row),
    )


def _three_channels(pixels: Tensor) -> Tensor:
    return torch.cat([2 * pixels, -pixels, pixels.square()], dim=1)


def _maps(*values: list) -> Tensor:
    return torch.tensor(values).float().view(-1, 1, 2, 2)


def _unit_maps(activations, pixels: Tensor, channels, row: int, column: int) -> Tensor:
    def unit(image: Tensor, channel: int) -> Tensor:
        return activations(image)[:, channel, row, column]

    gradient = guided_backprop.gradient
    return torch.cat([gradient(partial(unit, channel=one), pixels) for one in channels])


def _three_a_row(maps: Tensor) -> np.ndarray:
    return plot.mosaic(as_pictures(maps, quantile=0.99), columns=3, gap=3, scale=None)


def rank_correlation(function: Callable, on: tuple | None = None) -> None:
    """Maps (N, H, W) -> the correlation of the ranks of each two of them, (N, N)."""
    values = torch.tensor([[0.3, 0.1, 0.2, 90.0, 0.4, 0.5], [0.2, 0.3, 0.4, 0.1, 0.5, 0.6]])
    orders = values.argsort(dim=1).float()
    ranks = values.argsort(dim=1).argsort(dim=1).float()  # 2 0 1 5 3 4 and 1 2 3 0 4 5
    expected = 1 - 6 * 36 / (6 * 35)  # 36 is the sum of their squared differences
    mistakes = {
        "this correlates the values: one large value decides it.": torch.corrcoef(values),
        "argsort tells the k-th pixel; its argsort tells the ranks.": torch.corrcoef(orders),
        "take the mean off the ranks first.": F.normalize(ranks) @ F.normalize(ranks).T,
        "divide by the norms of both, so that equal ranks give 1.": torch.cov(ranks) * 5,
    }
    many = noise(3, 9, 9).exp()
    both = torch.stack([many[0], many[0].log()])
    run(
        function,
        Trial("six pixels by hand", (values.view(2, 2, 3),), _pair(expected), mistakes),
        Trial("three random maps", (many,), _spearman(many)),
        Trial("a map and its logarithm, in one order", (both,), _pair(1.0)),
        seen=on and Seen(on, _spearman(*on)),
    )


def _pair(correlation: float) -> list:
    return [[1.0, correlation], [correlation, 1.0]]


def _spearman(maps: Tensor) -> Tensor:
    values = [each.flatten().tolist() for each in maps]
    return torch.tensor([[spearmanr(a, b).statistic for b in values] for a in values]).float()


def _signed(gradients: Tensor) -> Tensor:
    return as_pictures(gradients, quantile=0.99)[0]
