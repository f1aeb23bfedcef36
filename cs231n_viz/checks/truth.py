"""Exercises of lesson 16."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def pointing_hits(function: Callable) -> None:
    """maps (N, H, W), masks (N, H, W) bool -> (N,) bool: is the largest value on the object?"""
    heat = torch.tensor(
        [[[1.0, 9.0], [3.0, 2.0]], [[5.0, 4.0], [0.0, 0.0]], [[7.0, 7.0], [7.0, 7.0]]]
    )
    masks = torch.tensor([[[0, 1], [0, 0]], [[0, 1], [1, 1]], [[1, 1], [0, 1]]]) > 0
    expected = torch.tensor([1.0, 0.0, 0.0])
    mistakes = (
        (
            torch.tensor([1.0, 0.0, 1.0]),
            "the third map is the same everywhere: it points nowhere, and loses.",
        ),
        (torch.tensor([0.0, 1.0, 0.0]), "you asked where the smallest value lies."),
        (torch.tensor([0.0, 1.0, 1.0]), "you asked where the smallest value lies."),
        (torch.tensor([1.0, 1.0, 1.0]), "one pixel decides, the one with the map's largest value."),
        (torch.tensor([2.0, 4.0, 3.0]), "return hits, true or false, and no places."),
    )
    many, shapes = noise(6, 5, 7), noise(7, 5, 7)[1:] > 0
    at = many.flatten(1).argmax(dim=1)
    run(
        function,
        [
            Trial((heat, masks), expected, "three maps worked by hand", mistakes),
            Trial(
                (many, shapes),
                shapes.flatten(1)[torch.arange(6), at].float(),
                "six random maps of 5 x 7",
            ),
        ],
    )


def deletion_curve(function: Callable) -> None:
    """score, picture (C, H, W), heat (H, W), cover (C, 1, 1), steps -> (steps + 1,) scores as
    pixels go.
    """
    picture = torch.tensor([[[8.0, 4.0], [2.0, 1.0]]])
    heat = torch.tensor([[0.1, 0.9], [0.5, 0.3]])  # it names 4, 2, 1, 8
    cover, expected = torch.ones(1, 1, 1), torch.tensor([15.0, 12.0, 11.0, 11.0, 4.0])
    mistakes = (
        (torch.tensor([15.0, 8.0, 8.0, 7.0, 4.0]), "you covered the smallest values first."),
        (
            torch.tensor([4.0, 7.0, 8.0, 8.0, 15.0]),
            "this is insertion: you showed what should be covered.",
        ),
        (torch.tensor([15.0, 12.0, 14.0, 15.0, 8.0]), "what is covered stays covered."),
        (expected[1:], "the curve begins with the whole picture: steps + 1 values."),
        (expected[:-1], "the curve ends with everything covered: steps + 1 values."),
        (15 - expected, "this is the drop; the score itself is asked for."),
    )
    weights = noise(3, 4, 4)

    def weighted(pictures: Tensor) -> Tensor:
        return (weights * pictures).flatten(1).sum(dim=1)

    many, map_, grey = (
        noise(4, 3, 4, 4)[3],
        noise(2, 4, 4)[1],
        torch.tensor([0.2, 0.4, 0.6])[:, None, None],
    )
    order = map_.flatten().argsort(descending=True).argsort().view(4, 4)
    answers = [weighted(torch.where(order < 4 * step, grey, many)[None]) for step in range(5)]
    run(
        function,
        [
            Trial(
                (_total, picture, heat, cover, 4), expected, "four pixels worked by hand", mistakes
            ),
            Trial(
                (weighted, many, map_, grey, 4), torch.cat(answers), "a picture of 4 x 4 in colour"
            ),
        ],
    )


def _total(pictures: Tensor) -> Tensor:
    return pictures.flatten(1).sum(dim=1)


def paired_difference(function: Callable) -> None:
    """a and b (N,), two maps' results on the same pictures -> mean of a - b, and half its 95 %
    interval: (2,).
    """
    first, second = torch.tensor([0.9, 0.5, 0.7, 0.3]), torch.tensor([0.7, 0.4, 0.4, 0.3])
    gain = first - second
    expected = torch.stack([gain.mean(), 1.96 * gain.std() / 2])
    apart = 1.96 * (first.var() + second.var()).sqrt() / 2
    mistakes = (
        (
            torch.stack([gain.mean(), apart]),
            "you took them for different ones; take the spread of the differences.",
        ),
        (torch.stack([-gain.mean(), expected[1]]), "this is b rather than a: change the sign."),
        (
            torch.stack([gain.mean(), 1.96 * gain.std()]),
            "divide by the root of N: a mean varies less.",
        ),
        (
            torch.stack([gain.mean(), gain.std() / 2]),
            "this is one standard error; the interval is 1.96 times as wide.",
        ),
        (
            torch.stack([gain.mean(), 1.96 * gain.std() / 4]),
            "divide by the root of N, and not by N.",
        ),
    )
    some = noise(2, 50)
    gain = some[0] - some[1]
    answer = torch.stack([gain.mean(), 1.96 * gain.std() / 50**0.5])
    run(
        function,
        [
            Trial((first, second), expected, "four pictures worked by hand", mistakes),
            Trial((some[0], some[1]), answer, "fifty random numbers"),
        ],
    )
