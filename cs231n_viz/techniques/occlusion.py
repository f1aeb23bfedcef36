"""Occlusion maps: a patch slides over the picture, and the score falls where the patch matters.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks". `covered` is the
technique, and the rest is bookkeeping; `incremental` gives the same scores faster: it computes only
what a patch can have changed.
"""

import math
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from weakref import WeakSet

import numpy as np
import torch
from torch import Tensor, nn

from .. import errors, images, transforms
from ..activations import pair
from ..images import Size
from ..incremental import Incremental, Untraceable
from ..objectives import Target, one_each, score_of, target_for, targets_of

FILLS = ("dataset", "picture", "grey", "blur")
MEASURES = ("probability", "logit")
Fill = str | Sequence[float] | Tensor
_TOLD: WeakSet[nn.Module] = WeakSet()  # networks that were said to take whole passes


def occlusion_map(
    model: nn.Module, pixels: Tensor, target: Target = None, patch: Size = 32, stride: Size = 16,
    fill: Fill = "dataset", measure: str = "probability", batch_size: int | None = None,
) -> Tensor:  # fmt: skip
    """How much the target falls when a patch is covered: (N, C, H, W) -> (N, rows, columns).

    drop[r, c] = f(x) − f(x with the patch at corners()[r], corners()[c] covered); above zero:
    covering this hurts. f is a class's probability or its logit (target None: each picture's own
    class); a unit, or a function of the scores, is taken as it is. patch: the side of a square, or
    (height, width); stride: in both directions, or (down, across). fill: the mean colour of the
    data set or of the picture, "grey", the picture in a "blur", a colour (r, g, b), or another
    picture, (1 or N, C, H, W). batch_size: patches a pass; None is 32 where only what they change
    is computed, and 8 in whole passes, whose maps are larger. A network that torch.fx cannot trace
    gets whole passes, with a warning: the same map, slower.
    """
    steps = occlusion_steps(model, pixels, target, patch, stride, fill, measure, batch_size)
    return deque(steps, maxlen=1)[0][0]  # the map of the last step


def occlusion_steps(
    model: nn.Module, pixels: Tensor, target: Target = None, patch: Size = 32, stride: Size = 16,
    fill: Fill = "dataset", measure: str = "probability", batch_size: int | None = None,
) -> Iterator[tuple[Tensor, float]]:  # fmt: skip
    """After each batch (map, share of all patches covered so far); the last is `occlusion_map`.

    Coarse to fine: patches far apart are covered first, then those between them, each once. A patch
    still to come shows the drop of a coarser one, and a picture still to come shows zeros.
    """
    targets = targets_of(target_for(model, target, pixels), len(pixels))
    readings = [_reading(model, wanted, measure) for wanted in targets]
    with torch.no_grad():
        each = zip(readings, pixels.split(1), strict=True)
        before = torch.cat([read(function(one)) for (function, read), one in each])
    tops, lefts = _grid(pixels, patch, stride)
    order = sorted(product(range(len(tops)), range(len(lefts))), key=_span, reverse=True)
    positions = torch.tensor([(tops[row], lefts[column]) for row, column in order])
    drops = before.new_zeros(len(pixels), len(tops), len(lefts)).to(pixels.device)
    places, done = product(range(len(pixels)), order), 0
    for after in _measured(model, readings, pixels, positions, patch, fill, batch_size):
        for value, (number, place) in zip(after, places, strict=False):
            square = [slice(start, start + _span(place)) for start in place]
            drops[number, *square] = before[number] - value
        done += len(after)
        yield drops.clone(), done / drops.numel()


def _span(place: tuple[int, int]) -> int:
    """How coarse a place (row, column) of a grid is: the largest power of two that divides both.

    Its drop stands for a square with this side, in places, until finer ones come.
    """
    return math.gcd(*place, 2**16)  # (0, 0) stands for the whole grid


@torch.no_grad()
def covered_scores(
    model, pixels: Tensor, patch: Size = 32, stride: Size = 16, fill="dataset", batch_size=None
) -> Tensor:
    """The scores of all classes with each patch covered: (N, rows, columns, classes).

    One run serves every class: occlusion_map is the score, or the probability, of the whole picture
    minus the one found here.
    """
    images.check_pixels(pixels, channels=model.channels)
    readings, grid = [(model, transforms.identity)] * len(pixels), _grid(pixels, patch, stride)
    positions, sizes = torch.cartesian_prod(*grid), (len(pixels), *map(len, grid))
    scores = list(_measured(model, readings, pixels, positions, patch, fill, batch_size))
    return torch.cat(scores).unflatten(0, sizes).to(pixels.device)


def at_pixels(drops: Tensor, height: int, width: int, patch: Size, stride: Size) -> Tensor:
    """Occlusion maps (N, rows, columns) at the size of the picture: (N, height, width).

    Each drop stands at the centre of its patch, with linear interpolation between centres; towards
    the edges values fall by a tenth, so that a map is largest at the centre of its worst patch.
    """
    axes = zip((height, width), pair(patch), pair(stride), strict=True)
    down, across = (_between_middles(*axis).to(drops) for axis in axes)
    return down @ drops @ across.T


def _between_middles(side: int, patch: int, stride: int) -> Tensor:
    """Interpolation weights from patches to the pixels along a side: (side, patches)."""
    middles, pixel = (corners(side, patch, stride) + patch // 2).numpy(), np.arange(side)
    shares = np.stack([np.interp(pixel, middles, alone) for alone in np.eye(len(middles))], axis=1)
    beyond = np.abs(pixel - pixel.clip(middles[0], middles[-1]))
    return torch.from_numpy(shares * (1 - 0.1 * (beyond / max(patch // 2, 1))[:, None]))


def corners(size: int, patch: int, stride: int) -> Tensor:
    """The first pixel of each patch along a side: 0, stride, …; the last patch ends at the edge.

    The stride is at most the patch, else some pixels would never be covered.
    """
    errors.whole("patch", patch, 1, size)
    errors.whole("stride", stride, 1, patch)
    return torch.tensor(sorted({*range(0, size - patch, stride), size - patch}))


def _grid(pixels: Tensor, patch: Size, stride: Size) -> list[Tensor]:
    axes = zip(pixels.shape[2:], pair(patch), pair(stride), strict=True)
    return [corners(*axis) for axis in axes]


def cover_for(model: nn.Module, picture: Tensor, fill: Fill = "dataset") -> Tensor:
    """The fill of the covered patch, as a whole picture (1, C, H, W)."""
    if isinstance(fill, Tensor) and fill.shape == picture.shape:
        images.check_pixels(fill, channels=None)
        return fill.to(picture)
    if isinstance(fill, str) and fill == "blur":  # no array is compared with a string
        return transforms.blur(max(picture.shape[2:]) / 16)(picture)
    if isinstance(fill, str) and fill not in FILLS:
        raise errors.unknown("fill (or a colour, three numbers in [0, 1])", fill, FILLS)
    means = {"dataset": model.mean, "picture": picture.mean(dim=(2, 3), keepdim=True), "grey": 0.5}
    color = torch.as_tensor(means[fill] if isinstance(fill, str) else fill).to(picture).flatten()
    if len(color) not in (1, picture.shape[1]) or not (color.min() >= 0 and color.max() <= 1):
        given = f"a tensor {tuple(fill.shape)}" if isinstance(fill, Tensor) else repr(fill)
        raise ValueError(
            f"fill is a colour of {picture.shape[1]} numbers in [0, 1] or a picture as large as "
            f"what it covers, one for all or one each, {tuple(picture.shape[1:])}, not {given}."
        )
    return color.view(1, -1, 1, 1).expand_as(picture)


def covered(picture: Tensor, cover: Tensor, positions: Tensor, patch: Size) -> Tensor:
    """The picture (1, C, H, W) with a patch of `cover` at each position (B, 2): (B, C, H, W)."""
    pictures, (height, width) = picture.repeat(len(positions), 1, 1, 1), pair(patch)
    for one, (top, left) in zip(pictures, positions.tolist(), strict=True):
        place = slice(top, top + height), slice(left, left + width)
        one[:, *place] = cover[0][:, *place]
    return pictures


@torch.no_grad()
def _measured(model, readings, pixels, positions, patch, fill, batch_size) -> Iterator[Tensor]:
    """For each picture, batch by batch, its reading of it with a patch at each position: (B, …)."""
    errors.whole("batch_size", 1 if batch_size is None else batch_size, 1)
    one_a_picture = isinstance(fill, Tensor) and fill.shape == pixels.shape
    fills = fill.split(1) if one_a_picture else [fill] * len(pixels)
    pictures = pixels.to(model.device).split(1)
    for (function, read), picture, own_fill in zip(readings, pictures, fills, strict=True):
        cover = cover_for(model, picture, own_fill)
        # `Incremental` computes scores only: units of inner layers take whole passes.
        incremental = _incremental(model, picture) if function is model else None
        for some in positions.to(model.device).split(batch_size or (32 if incremental else 8)):
            if incremental:
                yield read(incremental.scores(cover, some, patch))
            else:
                yield read(function(covered(picture, cover, some, patch)))


def _reading(model: nn.Module, target: Target, measure: str) -> tuple[Callable, Callable]:
    """Two functions: pictures (N, C, H, W) -> outputs, and outputs -> the measured numbers (N,)."""
    errors.known("measure", measure, MEASURES)
    if isinstance(target, tuple):
        return score_of(model, target), transforms.identity
    if callable(target):
        return model, lambda scores: one_each(target(scores), len(scores))
    index = model.class_index(target)
    measured = transforms.identity if measure == "logit" else model.probabilities
    return model, lambda scores: measured(scores)[:, index]


def _incremental(model: nn.Module, picture: Tensor) -> Incremental | None:
    try:
        return Incremental(model, picture)
    except Untraceable as error:
        if model not in _TOLD:
            _TOLD.add(model)
            warnings.warn(f"{error} Every patch takes a whole pass.", stacklevel=6)
        return None
