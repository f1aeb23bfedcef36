"""What is active at a position of a picture, relative to other pictures, and where else it is so.

`strongest_channels` makes the first page of lesson 00: click on a square, and see what reacts.
"""

import torch
from torch import Tensor

from ..activations import activations_at
from ..images import resize

GRID = 8  # squares along a side of a picture


def square(number: int, side: int) -> tuple[int, int, int, int]:
    """A square of the GRID over a picture, row by row: (top, left, bottom, right) in pixels."""
    top, left = (side // GRID * n for n in divmod(number, GRID))
    return top, left, top + side // GRID, left + side // GRID


@torch.no_grad()
def strongest_channels(model, layer, pixels: Tensor, others: Tensor, box, count=3) -> list[tuple]:
    """The `count` channels furthest above their mean at the middle of a box in (1, 3, H, W).

    Mean and standard deviation are a channel's own, over all positions of all pictures. Of each
    channel: its number, its deviations there, the picture `lit` by it, and where it is `strongest`
    in the others, with its deviations.
    """
    maps = relative(activations_at(model, torch.cat([pixels, others]), layer).to(pixels.device))
    row, column = (sum(box[n::2]) * maps.shape[n - 2] // pixels.shape[n - 2] // 2 for n in (0, 1))
    found = zip(*(each.tolist() for each in maps[0, :, row, column].topk(count)), strict=True)
    return [(k, v, lit(pixels, maps[0, k]), *strongest(others, maps[1:, k])) for v, k in found]


@torch.no_grad()
def without(model, pixels: Tensor, box, target: int) -> float:
    """The probability of class `target` with a box of (1, 3, H, W) in the network's mean colour."""
    (top, left, bottom, right), covered = box, pixels.clone()
    covered[..., top:bottom, left:right] = model.mean.to(covered)
    return float(model.probabilities(model(covered))[0, target])


def relative(maps: Tensor) -> Tensor:
    """Maps (N, C, h, w) in standard deviations above the mean, both of each channel."""
    deviation, mean = torch.std_mean(maps, dim=(0, 2, 3), keepdim=True)
    return (maps - mean) / deviation.clamp(min=1e-6)


def lit(pixels: Tensor, heat: Tensor) -> Tensor:
    """A picture (1, 3, H, W), in colour where a map (h, w) is high, dark and grey where it is not.

    The share of colour is the map divided by its maximum, and 0 where the map is negative.
    """
    share = resize(heat.clamp(min=0)[None, None] / heat.max().clamp(min=1e-6), pixels.shape[2:])
    return torch.lerp(0.3 * pixels.mean(dim=1, keepdim=True), pixels, share)


def strongest(pictures: Tensor, heat: Tensor) -> tuple[Tensor, float]:
    """A third of a picture's side, cut where maps (N, h, w) are highest; and how high that is."""
    squares = pictures.unfold(2, pictures.shape[2] // 3, 1).unfold(3, pictures.shape[3] // 3, 1)
    large = resize(heat[:, None], squares.shape[2:4])[:, 0]  # a value for each square
    at = torch.unravel_index(large.argmax(), large.shape)
    return squares.movedim(1, 3)[at][None], float(heat.max())
