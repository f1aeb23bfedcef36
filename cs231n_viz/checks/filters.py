"""Exercises of lesson 01."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import images, plot
from ..techniques import filters
from .trials import Seen, Trial, noise, run


def filter_pictures(function: Callable, on: tuple | None = None) -> None:
    """filters (K, 3, k, k) -> pictures, zero at 0.5, all by the largest weight of the bank."""
    by_hand, expected = torch.zeros(2, 3, 1, 2), torch.full((2, 3, 1, 2), 0.5)
    by_hand[0, 0, 0], expected[0, 0, 0] = torch.tensor([[2.0, -5.0], [0.6, 0.25]])
    by_hand[1, 2, 0], expected[1, 2, 0] = torch.tensor([[0.0, 10.0], [0.5, 1.0]])
    mistakes = {
        "each filter got a scale of its own; here one scale holds for all.": filters.as_pictures(
            by_hand
        ),
        "you stretched: a weight of zero is not grey then.": (by_hand + 5) / 15,
        "from [-1, 1] to [0, 1]: halve, and add one half.": expected * 2 - 1,
    }
    many = noise(5, 3, 4, 4)
    run(
        function,
        Trial("two filters worked by hand", (by_hand,), expected, mistakes),
        Trial("random filters", (many,), filters.as_pictures(many, "shared")),
        seen=on and Seen(on, filters.as_pictures(*on, "shared"), _bank),
    )


def filter_map(function: Callable, on: tuple | None = None) -> None:
    """x (3, H, W), w (3, k, k), stride -> the responses at all positions, (rows, columns)."""
    x = torch.arange(12.0).view(1, 3, 4).repeat(3, 1, 1)
    w = torch.tensor([[1.0, 2], [0, -1]]).repeat(3, 1, 1)
    mistakes = {
        "you flipped the filter; here it is laid on as it is.": _map(x, w.flip(1, 2), 2),
        "the window moves by the stride.": _map(x, w, 1),
        "add up over the three colours.": _map(x[:1], w[:1], 2),
        "multiply each weight by the pixel under it, then add.": _map(x, torch.ones_like(w), 2),
    }
    picture, random = noise(3, 9, 8), noise(3, 3, 3)
    run(
        function,
        Trial("a ramp worked by hand", (x, w, 2), [[-9, 3]], mistakes),
        Trial("noise, stride 1", (picture, random, 1), _map(picture, random, 1)),
        Trial("noise, stride 3", (picture, random, 3), _map(picture, random, 3)),
        seen=on and Seen(on, _map(*on), lambda values: _over(on[0], values)),
    )


def filter_responses(function: Callable, on: tuple | None = None) -> None:
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
        seen=on and Seen(on, filters.responses(*on), lambda found: _best(on[1], found)),
    )


def linear_templates(function: Callable, on: tuple | None = None) -> None:
    """x (N, D), labels (N,), classes, steps, rate, decay -> the weights (classes, D)."""
    x, labels = torch.tensor([[2.0, 0], [0, 4]]), torch.tensor([0, 1])
    mistakes = {
        "average over the pictures.": [[1, -2], [-1, 2]],
        "this goes uphill: subtract the gradient.": [[-0.5, 1], [0.5, -1]],
        "make probabilities of the scores first, by softmax.": [[1, 0], [0, 2]],
    }
    many = noise(6, 5), torch.tensor([0, 2, 1, 1, 0, 2]), 3, 4, 0.5
    no_decay = {"the decay is missing: add decay times W to the gradient.": _templates(*many, 0)}
    run(
        function,
        Trial("one step worked by hand", (x, labels, 2, 1, 1, 0), [[0.5, -1], [-0.5, 1]], mistakes),
        Trial("four steps with decay", (*many, 0.3), _templates(*many, 0.3), no_decay),
        seen=on and Seen(on, _templates(*on), _digits),
    )


def _map(x: Tensor, w: Tensor, stride: int) -> Tensor:
    return F.conv2d(x[None], w[None], stride=stride)[0, 0]


def _templates(x, labels, classes, steps, rate, decay) -> Tensor:
    weights = torch.zeros(classes, x.shape[1])
    for _ in range(steps):
        wrong = (x @ weights.T).softmax(dim=1) - F.one_hot(labels, classes)
        weights = weights - rate * (wrong.T @ x / len(x) + decay * weights)
    return weights


# --- pictures -------------------------------------------------------------------------------------


def _bank(pictures: Tensor):
    return plot.mosaic(pictures, scale=None, columns=8 if len(pictures) > 16 else 4)


def _best(patches: Tensor, found: Tensor):
    return _bank(filters.as_pictures(patches[found.topk(16).indices]))


def _over(x: Tensor, values: Tensor) -> Tensor:
    """A map, red and blue, over the grey picture; the most extreme hundredth is cut."""
    ends = values.flatten().quantile(torch.tensor([0.01, 0.99]))
    colors = torch.tensor(plot.colored(values.clamp(*ends))).movedim(-1, 0)[None]
    return 0.75 * images.resize(colors, x.shape[1:]) + 0.25 * images.stretch(x.mean(dim=0))


def _digits(weights: Tensor):
    side = round(weights.shape[1] ** 0.5)
    return plot.mosaic(plot.colored(weights).reshape(-1, side, side, 3), columns=4, scale=None)
