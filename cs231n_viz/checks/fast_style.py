"""Exercises of lesson 15."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from .trials import Trial, noise, run


def normalized_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> each less its mean, over its deviation; a flat map becomes 0."""
    maps = torch.tensor([[[1.0, 3, 3, 1], [0, 0, 0, 8]], [[5, 9, 9, 5], [0, 4, 4, 0]]])
    maps = maps.view(2, 2, 2, 2)
    centered = maps - maps.mean(dim=(2, 3), keepdim=True)
    deviation = maps.std(dim=(2, 3), keepdim=True, correction=0)
    one_less = maps.std(dim=(2, 3), keepdim=True)
    mistakes = {
        "this is batch norm: here each picture has a mean of its own.": _standing(maps, (0, 2, 3)),
        "this is layer norm: here each map has a mean of its own.": _standing(maps, (1, 2, 3)),
        "divide by the number of positions, not by one less: unbiased=False.": centered / one_less,
        "divide by the deviation, not by the variance.": centered / deviation**2,
        "the mean is gone; divide by the deviation as well.": centered,
        "take the mean off first.": maps / deviation,
    }
    flat = torch.cat([torch.full((1, 1, 3, 3), 0.5), noise(1, 1, 3, 3)], dim=1)
    many = 2 * noise(2, 3, 4, 5) + 1
    faint = many / 1000
    run(
        function,
        Trial("two pictures worked by hand", (maps,), centered / deviation, mistakes),
        Trial("two random pictures", (many,), F.instance_norm(many)),
        Trial("a flat map; add 1e-5 to the variance", (flat,), F.instance_norm(flat)),
        Trial("faint pictures; 1e-5 goes to the variance", (faint,), F.instance_norm(faint)),
    )


def _standing(maps: Tensor, dims: tuple[int, ...]) -> Tensor:
    """Maps with mean 0 and deviation 1 over these dimensions."""
    centered = maps - maps.mean(dim=dims, keepdim=True)
    return centered / maps.std(dim=dims, keepdim=True, correction=0)


def mixed_rows(function: Callable) -> None:
    """weights (styles,) and rows (styles, C) -> the rows' mean by those weights, (C,)."""
    weights = torch.tensor([3.0, 1.0, 0.0])
    rows = torch.tensor([[4.0, 0.0], [0.0, 8.0], [100.0, 100.0]])
    mistakes = {
        "the weights add up to 4: divide by their sum.": [12, 8],
        "divide by the sum of the weights, not by how many there are.": [4, 8 / 3],
        "a softmax gives a weight of 0 a share, too.": weights.softmax(dim=0) @ rows,
        "one row is asked for, (C,).": [[3, 2]],
        "you took the strongest style alone: mix them.": [4, 0],
    }
    shares, many = noise(4).abs(), noise(4, 6)
    run(
        function,
        Trial("three styles worked by hand", (weights, rows), [3, 2], mistakes),
        Trial("four random styles", (shares, many), shares @ many / shares.sum()),
        Trial("one style alone is that style", (torch.tensor([0.0, 0.5]), rows[:2]), rows[1]),
    )


def doubled_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> every value as a square of 2 x 2, (N, C, 2H, 2W)."""
    maps = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    expected = [[[[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]]]
    apart = torch.zeros(1, 1, 4, 4)
    apart[..., ::2, ::2] = maps
    smooth = F.interpolate(maps, scale_factor=2, mode="bilinear")
    mistakes = {
        "these are copies of the whole map; repeat every value.": maps.repeat(1, 1, 2, 2),
        "you put zeros between the values: that is what leaves the checkerboard.": apart,
        "that is twice as high; make it twice as wide, too.": maps.repeat_interleave(2, dim=2),
        "that is twice as wide; make it twice as high, too.": maps.repeat_interleave(2, dim=3),
        "that is smooth between the values; repeat them.": smooth,
    }
    many = noise(2, 3, 3, 5)
    run(
        function,
        Trial("four values worked by hand", (maps,), expected, mistakes),
        Trial("random maps that are not square", (many,), F.interpolate(many, scale_factor=2)),
    )
