"""Exercises of lesson 16."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run, weighted_sum


def pointing_hits(function: Callable) -> None:
    """maps (N, H, W), masks (N, H, W) bool -> (N,) bool: is the largest value on the object?"""
    maps = torch.tensor([[[1.0, 9], [3, 2]], [[5, 4], [0, 0]], [[7, 7], [7, 7]]])
    masks = torch.tensor([[[0, 1], [0, 0]], [[0, 1], [1, 1]], [[1, 1], [0, 1]]]) > 0
    mistakes = {
        "the third map is the same everywhere: it points nowhere, and loses.": [1, 0, 1],
        "you asked where the smallest value lies.": [0, 1, 0],
        "you asked where the smallest value lies; a flat map loses.": [0, 1, 1],
        "one pixel decides, the one with the map's largest value.": [1, 1, 1],
        "return hits, true or false, and no positions.": [2, 4, 3],
    }
    many, shapes = noise(6, 5, 7), noise(7, 5, 7)[1:] > 0
    at = many.flatten(1).argmax(dim=1)
    expected = shapes.flatten(1)[torch.arange(6), at]
    run(
        function,
        Trial("three maps worked by hand", (maps, masks), [1, 0, 0], mistakes),
        Trial("six random maps of 5 x 7", (many, shapes), expected),
    )


def deletion_curve(function: Callable) -> None:
    """score, picture (C, H, W), heat (H, W), cover (C, 1, 1), steps -> scores (steps + 1,)."""
    picture = torch.tensor([[[8.0, 4.0], [2.0, 1.0]]])
    heat = torch.tensor([[0.1, 0.9], [0.5, 0.3]])  # it names 4, 2, 1, 8
    cover, expected = torch.ones(1, 1, 1), [15, 12, 11, 11, 4]
    mistakes = {
        "you covered the smallest values first.": [15, 8, 8, 7, 4],
        "this is insertion: you showed what should be covered.": [4, 7, 8, 8, 15],
        "what is covered stays covered.": [15, 12, 14, 15, 8],
        "the curve begins with the whole picture: steps + 1 values.": [12, 11, 11, 4],
        "the curve ends with everything covered: steps + 1 values.": [15, 12, 11, 11],
        "this is the drop; the score itself is asked for.": [0, 3, 4, 4, 11],
    }
    by_hand = (weighted_sum(torch.ones(1)), picture, heat, cover, 4)
    score, many, values = weighted_sum(noise(3, 4, 4)), noise(4, 3, 4, 4)[3], noise(2, 4, 4)[1]
    grey = torch.tensor([0.2, 0.4, 0.6]).view(3, 1, 1)
    order = values.flatten().argsort(descending=True).argsort().view(4, 4)
    covered = torch.stack([torch.where(order < 4 * step, grey, many) for step in range(5)])
    run(
        function,
        Trial("four pixels worked by hand", by_hand, expected, mistakes),
        Trial("a picture of 4 x 4 in colour", (score, many, values, grey, 4), score(covered)),
    )


def paired_difference(function: Callable) -> None:
    """a, b (N,), two maps' results -> mean of a − b, and half its 95 % interval: (2,)."""
    a, b = torch.tensor([[0.9, 0.5, 0.7, 0.3], [0.7, 0.4, 0.4, 0.3]])
    mean, deviation = (a - b).mean(), (a - b).std()
    apart = (a.var() + b.var()).sqrt()
    mistakes = {
        "they are of the same pictures: take the spread of the differences.": [mean, 0.98 * apart],
        "this is b rather than a: change the sign.": [-mean, 0.98 * deviation],
        "divide by the root of N: a mean varies less.": [mean, 1.96 * deviation],
        "this is one standard error; the interval is 1.96 times as wide.": [mean, deviation / 2],
        "divide by the root of N, and not by N.": [mean, 0.49 * deviation],
    }
    some = noise(2, 50)
    gain = some[0] - some[1]
    expected = [gain.mean(), 1.96 * gain.std() / 50**0.5]
    run(
        function,
        Trial("four pictures worked by hand", (a, b), [mean, 0.98 * deviation], mistakes),
        Trial("fifty random numbers", tuple(some), expected),
    )
