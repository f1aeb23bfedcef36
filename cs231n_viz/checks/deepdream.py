"""Exercises of lesson 11."""

from collections.abc import Callable

import torch
from torch import Tensor

from ..techniques.deepdream import octave_sizes
from .trials import Trial, noise, run


def dream_gradient(function: Callable) -> None:
    """(features_of, pixels): features_of is a function, pixels -> Φ -> the slope of ½‖Φ‖² at
    pixels, in their shape.
    """
    x, expected = torch.tensor([[1.0, 2.0]]), torch.tensor([[9.0, 2.0]])  # Φ = 3 x₁ and x₂
    mistakes = (
        (torch.tensor([[3.0, 1.0]]), "this is the slope of ΣΦ; send back Φ itself, not ones."),
        (torch.tensor([[18.0, 4.0]]), "this is the slope of ‖Φ‖²; half of it is asked for."),
        (torch.tensor([[27.0, 4.0]]), "you sent back Φ²; send back Φ itself."),
        (
            torch.tensor([[3.0, 2.0]]),
            "this is Φ itself; send it back through features_of to the pixels.",
        ),
    )
    many = noise(2, 3, 4)
    run(
        function,
        [
            Trial((_tripled, x), expected, "two pixels worked by hand", mistakes),
            Trial((lambda values: values**3, many), 3 * many**5, "Φ = x³, two pictures"),
        ],
    )


def _tripled(values: Tensor) -> Tensor:
    return values * torch.tensor([3.0, 1.0])


def octave_list(function: Callable) -> None:
    """(height, width, octaves, scale) -> the sizes, smallest first, rounded: a tensor (octaves, 2)."""
    mistakes = (
        (torch.tensor([[80, 160], [40, 80], [20, 40]]), "the smallest comes first."),
        (
            torch.tensor([[10, 20], [20, 40], [40, 80]]),
            "the last octave is the picture's own size, scale to the 0.",
        ),
        (
            torch.tensor([[80, 160], [160, 320], [320, 640]]),
            "octaves are smaller than the picture: divide by scale.",
        ),
        (torch.tensor([[40, 20], [80, 40], [160, 80]]), "height first, then width."),
    )
    own = torch.tensor(octave_sizes(384, 512, 4, 1.4))
    run(
        function,
        [
            Trial(
                (80, 160, 3, 2.0),
                torch.tensor([[20, 40], [40, 80], [80, 160]]),
                "80 × 160, halved",
                mistakes,
            ),
            Trial((384, 512, 4, 1.4), own, "384 × 512, four octaves"),
        ],
    )


def jittered_step(function: Callable) -> None:
    """(gradient_of, image, shift, rate): roll, take the gradient, roll it back, move by rate · g /
    mean|g|.
    """
    image = torch.tensor([1.0, 2.0, 3.0]).view(1, 1, 1, 3)
    step = torch.tensor([0.0, 1.5, 1.5]).view(1, 1, 1, 3)
    mistakes = (
        (
            image + step.roll(1, 3),
            "the gradient lies where the rolled picture was: roll it back by (−down, −across).",
        ),
        (image + step.roll(2, 3), "you rolled the gradient on; roll it back, by (−down, −across)."),
        (image + step * 4 / 3, "divide the gradient by its mean size, mean|g|."),
        (image + step / 3, "divide by the mean of |g|, not by its sum."),
        (image - step, "climb: the step is added."),
        (step, "this is the step; add it to the image."),
    )
    many = noise(1, 3, 4, 5)
    slope = (3 * many.roll((1, -2), (2, 3)) ** 2 * _ramp(many)).roll((-1, 2), (2, 3))
    run(
        function,
        [
            Trial(
                (_two_of_three, image, (0, 1), 1.0),
                image + step,
                "three pixels worked by hand",
                mistakes,
            ),
            Trial(
                (lambda x: 3 * x**2 * _ramp(x), many, (1, -2), 0.1),
                many + 0.1 * slope / slope.abs().mean(),
                "a random picture, rolled by (1, −2)",
            ),
        ],
    )


def _two_of_three(image: Tensor) -> Tensor:
    """A gradient that says: the first and the last pixel up."""
    return torch.tensor([2.0, 0.0, 2.0]).view(1, 1, 1, 3).expand_as(image)


def _ramp(image: Tensor) -> Tensor:
    return torch.arange(image.shape[-1]) + 1.0
