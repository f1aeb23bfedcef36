"""Exercises of lesson 10."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run, weighted_sum


def fast_gradient_sign(function: Callable) -> None:
    """(loss: (N, C, H, W) -> (N,), pixels, radius) -> x + radius · sign(∂loss/∂x), in [0, 1]."""
    loss = weighted_sum(torch.tensor([2.0, -0.5, 0.0, 1.0]))
    picture = torch.tensor([[[[0.5, 0.5, 0.5, 0.9]]]])
    mistakes = {
        "the last value has left [0, 1]: clamp.": [[[[0.7, 0.3, 0.5, 1.1]]]],
        "the loss falls; to fool, it must rise: add the step.": [[[[0.3, 0.7, 0.5, 0.7]]]],
        "this is the gradient itself; take its sign.": [[[[0.9, 0.4, 0.5, 1.0]]]],
        "the radius is missing: each value moves by radius, not by 1.": [[[[1.0, 0.0, 0.5, 1.0]]]],
        "this is the change; the changed picture is asked for.": [[[[0.2, -0.2, 0.0, 0.2]]]],
    }
    expected = [[[[0.7, 0.3, 0.5, 1.0]]]]
    many, target = noise(2, 2, 3, 4, 5).sigmoid()
    distance = (lambda pixels: (pixels - target).square().sum(dim=(1, 2, 3)), many, 0.1)
    stepped = (many + 0.1 * (many - target).sign()).clamp(0, 1)
    run(
        function,
        Trial("a sum worked by hand", (loss, picture, 0.2), expected, mistakes),
        Trial("two pictures, loss Σ (x − t)²", distance, stepped),
    )


def nearest_in_length(function: Callable) -> None:
    """(image, center, radius), (N, C, H, W) -> the nearest pictures with ‖· − center‖ ≤ radius."""
    change = torch.tensor([[[[0.3, 0.4]]], [[[0.03, 0.04]]]])
    lengths = torch.tensor([0.5, 0.05]).view(2, 1, 1, 1)
    center, shortened = torch.full_like(change, 0.5), 0.25 / lengths * change
    expected = torch.stack([center[0] + shortened[0], center[1] + change[1]])
    mistakes = {
        "a picture that is inside already stays where it is.": center + shortened,
        "you clamped each value; clamp the length of the change.": center + change.clamp(max=0.25),
        "this is the change; the picture is center + change.": expected - center,
        "this is the change, also lengthened; the picture is center + change.": shortened,
        "each picture has its own length, not the batch.": center + 0.25 / change.norm() * change,
    }
    many, around = noise(2, 5, 3, 4, 4)
    factors = (7 / (many - around).flatten(1).norm(dim=1)).clamp(max=1).view(-1, 1, 1, 1)
    by_hand = (center + change, center, 0.25)
    run(
        function,
        Trial("changes (0.3, 0.4) and (0.03, 0.04)", by_hand, expected, mistakes),
        Trial("five random pictures", (many, around, 7.0), around + (many - around) * factors),
        Trial("no change at all", (around, around, 0.5), around),
    )


def projected_step(function: Callable) -> None:
    """(image, gradient, center, radius, rate) -> a step of PGD in the maximum norm, in [0, 1]."""
    center, image = torch.tensor([[0.5, 0.5, 0.02, 0.5], [0.55, 0.58, 0.02, 0.5]])
    gradient = torch.tensor([-3.0, 0.1, -2.0, 0.0])
    mistakes = {
        "the second value has left the ball about the center.": [0.5, 0.63, 0.0, 0.5],
        "the third value has left [0, 1]: clamp.": [0.5, 0.6, -0.03, 0.5],
        "you went downhill: add the step.": [0.6, 0.53, 0.07, 0.5],
        "this is the gradient itself; take its sign.": [0.4, 0.585, 0.0, 0.5],
        "the step is right; now bring it into the ball and [0, 1].": [0.5, 0.63, -0.03, 0.5],
        "you stepped from the center; step from the image.": [0.45, 0.55, 0.0, 0.5],
    }
    by_hand = (image, gradient, center, 0.1, 0.05)
    centers, changes, gradients = noise(3, 2, 3, 4, 4)
    centers = centers.sigmoid()
    images = centers + 0.03 * changes.tanh()
    moved = images + 0.02 * gradients.sign()
    expected = moved.clamp(centers - 0.03, centers + 0.03).clamp(0, 1)
    run(
        function,
        Trial("four values by hand", by_hand, [0.5, 0.6, 0.0, 0.5], mistakes),
        Trial("two random pictures", (images, gradients, centers, 0.03, 0.02), expected),
    )
