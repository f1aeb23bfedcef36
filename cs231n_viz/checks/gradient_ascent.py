"""Exercises of lesson 08."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def l2_step(function: Callable) -> None:
    """(x, ∂S/∂x, mean, rate, weight) -> x after an ascent step on S(x) − weight · ‖x − mean‖²."""
    x = torch.tensor([1.0, 0.5]).repeat(1, 3, 1, 1)
    gradient, mean = torch.full((1, 3, 1, 2), 2.0), torch.full((1, 3, 1, 1), 0.5)
    pull = 2 * 3 * (x - mean)
    expected = x + 0.1 * (gradient - pull)  # (1 + 0.2 − 0.3, 0.5 + 0.2)
    mistakes = {
        "the penalty is missing.": x + 0.1 * gradient,
        "the penalty pulls towards mean, not towards 0.": x + 0.1 * (gradient - 6 * x),
        "the gradient of a square has a factor 2.": x + 0.1 * (gradient - pull / 2),
        "the penalty has the wrong sign: it pulls towards mean.": x + 0.1 * (gradient + pull),
        "this goes downhill.": x - 0.1 * (gradient - pull),
        "the rate belongs to the penalty, too.": x + 0.1 * gradient - pull,
    }
    many, back = noise(2, 2, 3, 4, 5)
    around = noise(1, 3, 1, 1)
    moved = many + 0.03 * (back - 2 * 0.7 * (many - around))
    run(
        function,
        Trial("two pixels worked by hand", (x, gradient, mean, 0.1, 3.0), expected, mistakes),
        Trial("two random pictures", (many, back, around, 0.03, 0.7), moved),
    )


def small_pixels_clipped(function: Callable) -> None:
    """(x (1, 3, H, W), mean (1, 3, 1, 1), share) -> x, its share nearest to mean set to mean."""
    mean = torch.tensor([0.5, 0.25, 0.0]).view(1, 3, 1, 1)
    offsets = torch.tensor([[0.2, 0, 0], [-0.4, 0.1, 0.4], [0.6, 0.6, 0.6], [0.3, 0.2, -0.6]])
    x = mean + offsets.T.view(1, 3, 2, 2)  # lengths 0.2, 0.57, 1.04, 0.7
    one_value = x.clone()
    one_value[0, 1, 0, 1] = 0.25  # of the twelve values, the third that is nearest to mean
    mistakes = {
        "what is small becomes mean, not 0: black is a colour, too.": _replaced(x, [0], 0 * mean),
        "the three colours of a pixel stay or go together.": one_value,
        "measure from mean: small is what is near it.": _replaced(x, [1], mean),
        "these are the largest; the smallest are to go.": _replaced(x, [2], mean),
        "a pixel's length is √(Σ d²); with plain sums colours cancel.": _replaced(x, [3], mean),
    }
    many = noise(1, 3, 5, 6)
    small = (many - mean).norm(dim=1).flatten().topk(9, largest=False).indices.tolist()
    run(
        function,
        Trial("four pixels worked by hand", (x, mean, 0.25), _replaced(x, [0], mean), mistakes),
        Trial("random pixels, of which 9 go", (many, mean, 0.3), _replaced(many, small, mean)),
    )


def _replaced(x: Tensor, pixels: list[int], color: Tensor) -> Tensor:
    """x with these pixels, counted in reading order, in this colour (1, 3, 1, 1)."""
    flat = x.flatten(2).clone()
    flat[..., pixels] = color.flatten(2)
    return flat.view_as(x)


def jittered_slope(function: Callable) -> None:
    """(gradient_of, x, down, right) -> the gradient at x rolled, rolled back to x's pixels."""
    x = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).view(1, 1, 2, 3)
    corner = torch.tensor([[10.0, 0.0, 0.0], [0.0, 0.0, 0.0]])  # the network looks at one pixel
    rolled = corner * x.roll((1, 2), (-2, -1))
    mistakes = {
        "this gradient belongs to the rolled picture: roll it back.": rolled,
        "the picture was not rolled before you took the gradient.": corner * x,
        "you rolled further on; roll back by (−down, −right).": rolled.roll((1, 2), (-2, -1)),
        "down and right are swapped.": _jittered(corner.mul, x, 2, 1),
    }
    many, weights = noise(2, 3, 6, 5), noise(3, 6, 5)
    expected = _jittered(corner.mul, x, 1, 2)
    run(
        function,
        Trial("six pixels worked by hand", (corner.mul, x, 1, 2), expected, mistakes),
        Trial("random", (weights.mul, many, 2, -3), _jittered(weights.mul, many, 2, -3)),
    )


def _jittered(gradient_of: Callable, x: Tensor, down: int, right: int) -> Tensor:
    return gradient_of(x.roll((down, right), (-2, -1))).roll((-down, -right), (-2, -1))
