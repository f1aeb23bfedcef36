"""Exercises of lesson 15."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .trials import Trial, noise, run


def normalized_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> each map of each picture less its mean, divided by its deviation; a flat
    map becomes 0.
    """
    maps = torch.tensor(
        [
            [[[1.0, 3.0], [3.0, 1.0]], [[0.0, 0.0], [0.0, 8.0]]],
            [[[5.0, 9.0], [9.0, 5.0]], [[0.0, 4.0], [4.0, 0.0]]],
        ]
    )
    few = torch.tensor([[-1.0, 1.0], [1.0, -1.0]])
    spike = torch.tensor([[-1.0, -1.0], [-1.0, 3.0]]) / 3**0.5
    expected = torch.stack([torch.stack([few, spike]), torch.stack([few, few])])
    mistakes = (
        (
            _normalized(maps, (0, 2, 3)),
            "you shared the mean over the batch (batch norm): here each picture has its own.",
        ),
        (
            _normalized(maps, (1, 2, 3)),
            "you shared the mean over the channels (layer norm): here each map has its own.",
        ),
        (
            _normalized(maps, (2, 3), unbiased=True),
            "divide by the number of places, not by one less: unbiased=False.",
        ),
        (
            _normalized(maps, (2, 3)) / maps.std(dim=(2, 3), keepdim=True, unbiased=False),
            "divide by the deviation, not by the variance.",
        ),
        (
            maps - maps.mean(dim=(2, 3), keepdim=True),
            "the mean is gone; divide by the deviation as well.",
        ),
        (maps / maps.std(dim=(2, 3), keepdim=True, unbiased=False), "take the mean off first."),
    )
    flat = torch.cat([torch.full((1, 1, 3, 3), 0.5), noise(1, 1, 3, 3)], dim=1)
    many = 2 * noise(2, 3, 4, 5) + 1
    faint = many / 1000
    run(
        function,
        [
            Trial((maps,), expected, "two pictures worked by hand", mistakes),
            Trial((many,), F.instance_norm(many), "two random pictures"),
            Trial((flat,), F.instance_norm(flat), "a flat map; add 1e-5 to the variance"),
            Trial(
                (faint,), F.instance_norm(faint), "two faint pictures; 1e-5 goes to the variance"
            ),
        ],
    )


def _normalized(maps: Tensor, dims: tuple[int, ...], unbiased: bool = False) -> Tensor:
    return (maps - maps.mean(dim=dims, keepdim=True)) / maps.std(
        dim=dims, keepdim=True, unbiased=unbiased
    )


def mixed_rows(function: Callable) -> None:
    """weights (styles,) and rows (styles, C) -> the rows' mean by those weights, (C,)."""
    weights, rows = (
        torch.tensor([3.0, 1.0, 0.0]),
        torch.tensor([[4.0, 0.0], [0.0, 8.0], [100.0, 100.0]]),
    )
    mistakes = (
        (torch.tensor([12.0, 8.0]), "the weights add up to 4: divide by their sum."),
        (
            torch.tensor([4.0, 8 / 3]),
            "divide by the sum of the weights, not by how many there are.",
        ),
        (
            weights.softmax(dim=0) @ rows,
            "a softmax gives a weight of 0 a share too; divide by the sum.",
        ),
        (torch.tensor([[3.0, 2.0]]), "one row is asked for, (C,)."),
        (torch.tensor([4.0, 0.0]), "you took the strongest style alone: mix them."),
    )
    shares, many = noise(4).abs(), noise(4, 6)
    run(
        function,
        [
            Trial(
                (weights, rows), torch.tensor([3.0, 2.0]), "three styles worked by hand", mistakes
            ),
            Trial((shares, many), shares @ many / shares.sum(), "four random styles"),
            Trial((torch.tensor([0.0, 0.5]), rows[:2]), rows[1], "one style alone is that style"),
        ],
    )


def doubled_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> every value as a square of 2 x 2, (N, C, 2H, 2W)."""
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    expected = torch.tensor([[[[1.0, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]])
    apart = torch.zeros(1, 1, 4, 4)
    apart[..., ::2, ::2] = maps
    mistakes = (
        (
            maps.repeat(1, 1, 2, 2),
            "you laid copies of the whole map beside each other; repeat every value in its place.",
        ),
        (apart, "you put zeros between the values: that is what leaves the checkerboard."),
        (maps.repeat_interleave(2, dim=2), "that is twice as high; make it twice as wide as well."),
        (maps.repeat_interleave(2, dim=3), "that is twice as wide; make it twice as high as well."),
        (
            F.interpolate(maps, scale_factor=2, mode="bilinear"),
            "that is smooth between the values; repeat them.",
        ),
    )
    many = noise(2, 3, 3, 5)
    run(
        function,
        [
            Trial((maps,), expected, "four values worked by hand", mistakes),
            Trial((many,), F.interpolate(many, scale_factor=2), "random maps that are not square"),
        ],
    )
