"""Exercises of lesson 10."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def fast_gradient_sign(function: Callable) -> None:
    """(loss, pixels, radius): loss is a function (N, C, H, W) -> (N,) -> x + radius ·
    sign(∂loss/∂x), in [0, 1].
    """
    weights = torch.tensor([2.0, -0.5, 0.0, 1.0]).view(1, 1, 4)
    picture = torch.tensor([0.5, 0.5, 0.5, 0.9]).view(1, 1, 1, 4)

    def row(*values: float) -> Tensor:
        return torch.tensor(values).view(1, 1, 1, 4)

    mistakes = (
        (row(0.7, 0.3, 0.5, 1.1), "the last value has left [0, 1]: clamp."),
        (row(0.3, 0.7, 0.5, 0.7), "the loss falls; to fool, it must rise: add the step."),
        (row(0.9, 0.4, 0.5, 1.0), "this is the gradient itself; take its sign."),
        (row(1.0, 0.0, 0.5, 1.0), "the radius is missing: each value moves by radius, not by 1."),
        (row(0.2, -0.2, 0.0, 0.2), "this is the change; the changed picture is asked for."),
    )
    many = noise(2, 3, 4, 5).sigmoid()
    target = noise(2, 3, 4, 5).flip(0)
    expected = (many + 0.1 * (many - target).sign()).clamp(0, 1)
    run(
        function,
        [
            Trial(
                (_weighted(weights), picture, 0.2),
                row(0.7, 0.3, 0.5, 1.0),
                "a sum worked by hand",
                mistakes,
            ),
            Trial((_distance(target), many, 0.1), expected, "two pictures, loss Σ (x − t)²"),
        ],
    )


def _weighted(weights: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda pixels: (weights * pixels).sum(dim=(1, 2, 3))


def _distance(target: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda pixels: (pixels - target).square().sum(dim=(1, 2, 3))


def nearest_in_length(function: Callable) -> None:
    """(image, center, radius), both (N, C, H, W) -> the nearest picture with ‖· − center‖ ≤ radius,
    each by itself.
    """
    center = torch.full((2, 1, 1, 2), 0.5)
    image = center + torch.tensor([[0.3, 0.4], [0.03, 0.04]]).view(
        2, 1, 1, 2
    )  # changes of length 0.5 and 0.05

    def pair(*values: float) -> Tensor:
        return torch.tensor(values).view(2, 1, 1, 2)

    whole = (0.5**2 + 0.05**2) ** 0.5  # the length of both changes in one
    mistakes = (
        (pair(0.65, 0.7, 0.65, 0.7), "a picture that is inside already stays where it is."),
        (
            pair(0.65, 0.65, 0.53, 0.54),
            "you clamped each value; here the length of the whole change counts.",
        ),
        (pair(0.15, 0.2, 0.03, 0.04), "this is the change; the picture is center + change."),
        (pair(0.15, 0.2, 0.15, 0.2), "this is the change; the picture is center + change."),
        (
            center + (image - center) * 0.25 / whole,
            "each picture has a length of its own: sum over all but the batch.",
        ),
    )
    many, around = noise(5, 3, 4, 4), noise(10, 3, 4, 4)[5:]
    lengths = (many - around).flatten(1).norm(dim=1).view(-1, 1, 1, 1)
    expected = around + (many - around) * (7.0 / lengths).clamp(max=1)
    run(
        function,
        [
            Trial(
                (image, center, 0.25),
                pair(0.65, 0.7, 0.53, 0.54),
                "changes (0.3, 0.4) and (0.03, 0.04)",
                mistakes,
            ),
            Trial((many, around, 7.0), expected, "five random pictures"),
            Trial((around, around, 0.5), around, "no change at all"),
        ],
    )


def projected_step(function: Callable) -> None:
    """(image, gradient, center, radius, rate) -> one step of PGD in the maximum norm, inside the
    ball and [0, 1].
    """
    center, image = torch.tensor([0.5, 0.5, 0.02, 0.5]), torch.tensor([0.55, 0.58, 0.02, 0.5])
    gradient = torch.tensor([-3.0, 0.1, -2.0, 0.0])
    mistakes = (
        (
            torch.tensor([0.5, 0.63, 0.0, 0.5]),
            "the second value has left the ball about the center.",
        ),
        (torch.tensor([0.5, 0.6, -0.03, 0.5]), "the third value has left [0, 1]: clamp."),
        (torch.tensor([0.6, 0.53, 0.07, 0.5]), "you went downhill: add the step."),
        (torch.tensor([0.4, 0.585, 0.0, 0.5]), "this is the gradient itself; take its sign."),
        (
            torch.tensor([0.5, 0.63, -0.03, 0.5]),
            "the step is right; now bring it into the ball and into [0, 1].",
        ),
        (
            torch.tensor([0.45, 0.55, 0.0, 0.5]),
            "you stepped from the center; step from the image, and measure the ball from the center.",
        ),
    )
    around = noise(2, 3, 4, 4).sigmoid()
    now, slope = around + 0.03 * noise(4, 3, 4, 4)[2:].tanh(), noise(6, 3, 4, 4)[4:]
    moved = now + 0.02 * slope.sign()
    expected = torch.maximum(torch.minimum(moved, around + 0.03), around - 0.03).clamp(0, 1)
    run(
        function,
        [
            Trial(
                (image, gradient, center, 0.1, 0.05),
                torch.tensor([0.5, 0.6, 0.0, 0.5]),
                "four values by hand",
                mistakes,
            ),
            Trial((now, slope, around, 0.03, 0.02), expected, "two random pictures"),
        ],
    )
