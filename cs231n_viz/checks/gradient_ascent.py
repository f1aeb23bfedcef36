"""Exercises of lesson 08."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def l2_step(function: Callable) -> None:
    """(x, slope, mean, rate, weight) -> x after one step uphill on S(x) − weight · ‖x − mean‖²;
    slope is ∂S/∂x.
    """
    x = torch.tensor([1.0, 0.5]).expand(1, 3, 1, 2)
    slope, mean = torch.full((1, 3, 1, 2), 2.0), torch.full((1, 3, 1, 1), 0.5)
    expected = _l2_step(x, slope, mean, 0.1, 3.0)  # (1 + 0.2 − 0.3, 0.5 + 0.2)
    mistakes = (
        (x + 0.1 * slope, "the penalty is missing."),
        (x + 0.1 * (slope - 6 * x), "the penalty pulls towards mean, not towards 0."),
        (x + 0.1 * (slope - 3 * (x - mean)), "the slope of a square has a factor 2."),
        (
            x + 0.1 * (slope + 6 * (x - mean)),
            "the penalty has the wrong sign: it pulls towards mean.",
        ),
        (x - 0.1 * (slope - 6 * (x - mean)), "this goes downhill."),
        (x + 0.1 * slope - 6 * (x - mean), "the rate belongs to the penalty, too."),
    )
    many = (noise(2, 3, 4, 5), noise(4, 3, 4, 5)[2:], noise(1, 3, 1, 1), 0.03, 0.7)
    run(
        function,
        [
            Trial((x, slope, mean, 0.1, 3.0), expected, "two pixels worked by hand", mistakes),
            Trial(many, _l2_step(*many), "two random pictures"),
        ],
    )


def _l2_step(x: Tensor, slope: Tensor, mean: Tensor, rate: float, weight: float) -> Tensor:
    return x + rate * (slope - 2 * weight * (x - mean))


def small_pixels_clipped(function: Callable) -> None:
    """(x (1, 3, H, W), mean (1, 3, 1, 1), share): the smallest share of the pixels, by ‖x − mean‖
    of colours, set to mean.
    """
    mean = torch.tensor([0.5, 0.25, 0.0]).view(1, 3, 1, 1)
    offsets = torch.tensor([[0.3, 0.0, 0.0], [0.0, 0.0, 0.1], [0.2, 0.2, 0.2], [0.0, -0.4, 0.0]])
    x = mean + offsets.T.view(1, 3, 2, 2)  # lengths 0.3, 0.1, 0.35, 0.4
    expected = _clipped(x, mean, 0.5)  # the first two go
    mistakes = (
        (
            _clipped(x, mean, 0.5, fill=0 * mean),
            "what is small becomes mean, not 0: black is a colour, too.",
        ),
        (_clipped_values(x, mean, 0.5), "the three colours of a pixel stay or go together."),
        (
            _clipped(x, torch.zeros(1, 3, 1, 1), 0.5, fill=mean),
            "measure from mean: small is what is near it.",
        ),
        (_clipped(x, mean, 0.5, sign=-1), "these are the largest; the smallest are to go."),
        (_by_sum(x, mean, 0.5), "a pixel's length is √(Σ d²); with plain sums colours cancel."),
    )
    many = noise(1, 3, 5, 6)
    run(
        function,
        [
            Trial((x, mean, 0.5), expected, "four pixels worked by hand", mistakes),
            Trial((many, mean, 0.3), _clipped(many, mean, 0.3), "random pixels, of which 9 go"),
        ],
    )


def _clipped(
    x: Tensor, center: Tensor, share: float, sign: int = 1, fill: Tensor | None = None
) -> Tensor:
    length = sign * (x - center).square().sum(dim=1)
    return _without_smallest(x, length, share, center if fill is None else fill)


def _by_sum(x: Tensor, center: Tensor, share: float) -> Tensor:
    return _without_smallest(x, (x - center).sum(dim=1), share, center)


def _without_smallest(x: Tensor, length: Tensor, share: float, fill: Tensor) -> Tensor:
    small = length.flatten(1).topk(int(share * length[0].numel()), largest=False).indices
    mask = torch.zeros(1, length[0].numel(), dtype=torch.bool).scatter(1, small, True)
    return torch.where(mask.view(1, 1, *x.shape[2:]), fill, x)


def _clipped_values(x: Tensor, center: Tensor, share: float) -> Tensor:
    distance = (x - center).abs().flatten()
    small = distance.topk(int(share * len(distance)), largest=False).indices
    flat = x.flatten().scatter(0, small, center.expand_as(x).flatten()[small])
    return flat.view_as(x)


def jittered_slope(function: Callable) -> None:
    """(slope, x, down, right): the slope at x rolled by (down, right), rolled back to where x's
    pixels are.
    """
    x = torch.tensor([[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]).view(1, 1, 2, 3)
    pattern = torch.tensor(
        [[10.0, 0.0, 0.0], [0.0, 0.0, 0.0]]
    )  # this network looks at the corner only

    def corner(picture: Tensor) -> Tensor:
        return pattern * picture

    def expected(slope: Callable, picture: Tensor, down: int, right: int) -> Tensor:
        return slope(picture.roll((down, right), (-2, -1))).roll((-down, -right), (-2, -1))

    rolled = corner(x.roll((1, 1), (-2, -1)))
    mistakes = (
        (rolled, "this slope belongs to the rolled picture: roll it back."),
        (corner(x), "the picture was not rolled before you took the slope."),
        (rolled.roll((1, 1), (-2, -1)), "you rolled further on; roll back by (−down, −right)."),
        (rolled.roll((-1, -1), (-1, -2)), "down and right have changed places."),
    )
    many = noise(2, 3, 6, 5)
    weights = noise(3, 6, 5)
    run(
        function,
        [
            Trial(
                (corner, x, 1, 1), expected(corner, x, 1, 1), "six pixels worked by hand", mistakes
            ),
            Trial(
                (lambda p: weights * p, many, 2, -3),
                expected(lambda p: weights * p, many, 2, -3),
                "random",
            ),
        ],
    )
