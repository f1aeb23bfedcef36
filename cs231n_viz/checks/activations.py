"""Exercises of lesson 03."""

from collections.abc import Callable

import torch
from torch import Tensor

from .. import plot
from ..activations import ReceptiveField
from ..techniques.activations import Patches, cut
from .trials import Seen, Trial, noise, run


def dead_channels(function: Callable, on: tuple | None = None) -> None:
    """maps (N, C, h, w) -> true for each channel that is above zero nowhere in any picture (C,)."""
    maps = torch.zeros(2, 4, 2, 2)  # channel 0 is above zero once, 1 always, 2 never, 3 is below
    maps[0, 0, 0, 1], maps[:, 1], maps[:, 3] = 2.0, 1.0, -1.0
    mistakes = {
        "dead is what is inactive on all pictures, not on each.": [[0, 0, 1, 1], [1, 0, 1, 1]],
        "dead is what is inactive on all pictures, not on some picture.": [1, 0, 1, 1],
        "a channel that is always below zero is as inactive as one at zero.": [0, 0, 1, 0],
        "these are the living ones.": [1, 1, 0, 0],
    }
    many = noise(3, 40, 2, 2) - 1

    def wall(dead: Tensor):  # the first picture's maps, 0 black, with the dead ones orange
        tiles = on[0][0] / on[0][0].amax(dim=(1, 2), keepdim=True).clamp(min=1e-6)
        tiles = tiles[:, None].repeat(1, 3, 1, 1)
        tiles[dead.bool()] = torch.tensor([0.87, 0.48, 0.18])[:, None, None]
        return plot.mosaic(tiles, 8, gap=3, scale=None)

    run(
        function,
        Trial("four channels on two pictures", (maps,), [0, 0, 1, 1], mistakes),
        Trial("random maps", (many,), many.amax(dim=(0, 2, 3)) <= 0),
        seen=on and Seen(on, on[0].amax(dim=(0, 2, 3)) <= 0, wall),
    )


def merged_top(function: Callable, on: tuple | None = None, pixels=None) -> None:
    """(values (C, m), picture (C, m), new (B, C), first, k) -> the k best pictures (C, k).

    pixels: the pictures that the numbers of `on` mean, a row is drawn for each channel.
    """
    values, picture = torch.tensor([[9.0, 5.0], [7.0, 1.0]]), torch.tensor([[3, 0], [2, 4]])
    new = torch.tensor([[6.0, 0.0], [10.0, 2.0], [1.0, 8.0]])  # of the pictures 5, 6 and 7
    mistakes = {
        "the new pictures are counted from `first` on, not from 0.": [[1, 3], [2, 2]],
        "these are positions in the joined list; gather the numbers there.": [[3, 0], [4, 0]],
        "these are activations; the numbers of their pictures are wanted.": [[10, 9], [8, 7]],
        "the right pictures, but the strongest comes first.": [[3, 6], [2, 7]],
    }
    crowd = noise(20, 6)

    def rows(numbers: Tensor):
        own = pixels[numbers.long().clamp(0, len(pixels) - 1).flatten()]
        return plot.mosaic(own, columns=numbers.shape[1], gap=3, scale=None)

    run(
        function,
        Trial("two channels by hand", (values, picture, new, 5, 2), [[6, 3], [7, 2]], mistakes),
        Trial("at random", (*crowd[:12].T.topk(4), crowd[12:], 12, 4), crowd.T.topk(4).indices),
        seen=on and Seen(on, _merged(*on), rows),
    )


def _merged(values, picture, new, first, k) -> Tensor:
    number = torch.arange(first, first + len(new)).expand(len(values), -1)
    order = torch.cat([values, new.T], dim=1).argsort(dim=1, descending=True, stable=True)[:, :k]
    return torch.cat([picture, number], dim=1).gather(1, order)


def patch_box(function: Callable, on: tuple | None = None, picture: Tensor | None = None) -> None:
    """(row, column, size, stride, offset, side) -> [top, left, bottom, right] in the picture.

    picture (3, side, side): what the boxes of `on` are drawn upon.
    """
    mistakes = {
        "the offset is missing: unit 0 begins at `offset`, not at 0.": [2, 18, 12, 20],
        "the stride is missing: one unit further is `stride` pixels further.": [0, 6, 8, 16],
        "this reaches out of the picture: cut it at 0 and at `side`.": [-1, 15, 9, 25],
        "bottom and right are the first row and column that are *not* seen.": [0, 15, 8, 20],
        "rows and columns are swapped.": [15, 0, 20, 9],
        "cut both edges *after* the window has its size.": [0, 15, 10, 20],
    }

    right = on and torch.tensor(ReceptiveField(*on[2:5]).box(*on[:2], on[5], on[5]))

    def framed(box: Tensor):
        top, left, bottom, right = box.long().clamp(0, picture.shape[-1]).tolist()
        return plot.framed(picture, (top, left, max(bottom, top + 1), max(right, left + 1)))

    run(
        function,
        Trial("a unit at the rim", (1, 9, 10, 2, -3, 20), [0, 15, 9, 20], mistakes),
        Trial("a deep unit in a corner", (7, 0, 110, 16, -47, 128), [65, 0, 128, 63]),
        seen=on and Seen(on, right, framed),
    )


def patch_search(function: Callable, on: tuple | None = None) -> None:
    """(maps_of, pixels, channel, k, field, fill) -> the channel's k top patches (k, 3, size, size).

    One patch a picture, the strongest first; fill (3,) is the colour outside the picture.
    """
    pixels, fill = torch.zeros(4, 3, 6, 6), torch.tensor([0.2, 0.5, 0.8])
    pixels[0, :, 4, 4], pixels[3, :, 0, 2] = 0.3, 0.6  # each of these is seen by one unit only
    pixels[1, :, 2, 4], pixels[1, :, 4, 0] = 0.9, 0.8
    field, found = ReceptiveField(3, 2, -1), _at([1, 3], [1, 0], [2, 1])
    right = cut(pixels, found, field, fill)
    swapped, unshifted = Patches(*found[:2], *found[:1:-1]), field._replace(offset=0)
    mistakes = {
        "a picture gives one patch only.": cut(pixels, _at([1, 1], [1, 2], [2, 0]), field, fill),
        "the right patches, but the strongest comes first.": right.flip(0),
        "what lies outside the picture has the colour `fill`.": cut(pixels, found, field, 0 * fill),
        "unit 0 begins at the offset, not at 0.": cut(pixels, found, unshifted, fill),
        "rows and columns are swapped.": cut(pixels, swapped, field, fill),
    }
    given = _brightness, noise(20, 3, 6, 6).sigmoid(), 1, 5, field, fill
    run(
        function,
        Trial("four pictures by hand", (_brightness, pixels, 0, 2, field, fill), right, mistakes),
        Trial("random pictures", given, _search(*given)),
        seen=on and Seen(on, _search(*on), lambda some: plot.mosaic(some, 3, gap=3, scale=None)),
    )


def _brightness(pixels: Tensor) -> Tensor:
    """Maps (N, 2, h, w): how bright, and how dark, it is in windows of 3 pixels, stride 2."""
    bright = torch.nn.functional.avg_pool2d(pixels.mean(dim=1, keepdim=True), 3, 2, 1)
    return torch.cat([bright, -bright], dim=1)


def _at(*where: list[int]) -> Patches:
    return Patches(torch.zeros(len(where[0])), *map(torch.tensor, where))


def _search(maps_of, pixels, channel, k, field, fill) -> Tensor:
    maps = torch.cat([maps_of(some)[:, channel].cpu() for some in pixels.split(8)])
    peaks, place = maps.flatten(1).max(dim=1)
    best = peaks.argsort(descending=True, stable=True)[:k]
    where = place[best] // maps.shape[2], place[best] % maps.shape[2]
    return cut(pixels, Patches(peaks[best], best, *where), field, fill)
