"""Exercises of lesson 11."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..techniques.deepdream import octave_sizes
from .trials import Trial, noise, run


def dream_gradient(function: Callable) -> None:
    """(features_of: pixels -> Φ, pixels) -> the gradient of ½‖Φ‖² at the pixels, in their shape."""
    x, factors = torch.tensor([[1.0, 2.0], [3.0, 1.0]]).split(1)  # Φ = 3 x₁ and x₂
    mistakes = {
        "this is the gradient of ΣΦ; send back Φ itself, not ones.": [[3, 1]],
        "this is the gradient of ‖Φ‖²; half of it is asked for.": [[18, 4]],
        "you sent back Φ²; send back Φ itself.": [[27, 4]],
        "this is Φ itself; send it back through features_of to the pixels.": [[3, 2]],
    }
    many = noise(2, 3, 4)
    run(
        function,
        Trial("two pixels worked by hand", (factors.mul, x), [[9, 2]], mistakes),
        Trial("Φ = x³, two pictures", (lambda pixels: pixels**3, many), 3 * many**5),
    )


def octave_list(function: Callable) -> None:
    """(height, width, octaves, scale) -> the rounded sizes, smallest first: (octaves, 2)."""
    mistakes = {
        "the smallest comes first.": [[80, 160], [40, 80], [20, 40]],
        "the last octave has the picture's own size.": [[10, 20], [20, 40], [40, 80]],
        "octaves are smaller: divide by scale.": [[80, 160], [160, 320], [320, 640]],
        "height first, then width.": [[40, 20], [80, 40], [160, 80]],
    }
    halved = [[20, 40], [40, 80], [80, 160]]
    run(
        function,
        Trial("80 × 160, halved", (80, 160, 3, 2.0), halved, mistakes),
        Trial("384 × 512, four octaves", (384, 512, 4, 1.4), octave_sizes(384, 512, 4, 1.4)),
    )


def jittered_step(function: Callable) -> None:
    """(gradient_of, image, shift, rate): roll, take g, roll g back, add rate · g / mean|g|."""
    image, step = torch.tensor([[[[1.0, 2.0, 3.0]]], [[[0.0, 1.5, 1.5]]]]).split(1)
    outer = torch.tensor([[[[2.0, 0.0, 2.0]]]])  # a gradient that always says: first and last, up
    mistakes = {
        "this lies where the rolled picture was: roll it back by (−down, −across).": (
            image + step.roll(1, 3)
        ),
        "you rolled the gradient on; roll it back, by (−down, −across).": image + step.roll(2, 3),
        "divide the gradient by its mean size, mean|g|.": image + step * 4 / 3,
        "divide by the mean of |g|, not by its sum.": image + step / 3,
        "climb: the step is added.": image - step,
        "this is the step; add it to the image.": step,
    }
    many = noise(1, 3, 4, 5)
    gradient = _double_sum(many.roll((1, -2), (2, 3))).roll((-1, 2), (2, 3))
    expected = many + 0.1 * gradient / gradient.abs().mean()
    by_hand = (lambda pixels: outer, image, (0, 1), 1.0)
    run(
        function,
        Trial("three pixels worked by hand", by_hand, image + step, mistakes),
        Trial("a random picture, rolled by (1, −2)", (_double_sum, many, (1, -2), 0.1), expected),
    )


def _double_sum(pixels: Tensor) -> Tensor:
    """Stands for a gradient that depends on where a pixel is."""
    return pixels.cumsum(dim=2).cumsum(dim=3)
