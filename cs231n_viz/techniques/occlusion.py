"""Occlusion maps: a patch slides over the picture, and the score falls where the patch matters.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks". `covered` is the
technique, and the rest is bookkeeping; `incremental` gives the same scores faster: it computes only
what a patch can have changed.
"""

import warnings
from collections.abc import Callable, Iterator, Sequence

import numpy as np
import torch
from torch import Tensor, nn

from .. import errors, images, transforms
from ..incremental import Incremental, Untraceable
from ..objectives import Target, one_each, score_of, targets_of

FILLS = ("dataset", "picture", "grey", "blur")
MEASURES = ("probability", "logit")


@torch.no_grad()
def occlusion_map(
    model: nn.Module,
    pixels: Tensor,
    target: Target,
    patch: int = 32,
    stride: int = 16,
    fill: str | Sequence[float] = "dataset",
    measure: str = "probability",
    batch_size: int = 16,
) -> Tensor:
    """How much the target falls when a square is covered: (N, C, H, W) -> (N, rows, columns).

    drop[r, c] = f(x) − f(x with the square at corners()[r], corners()[c] covered); above zero:
    covering this hurts. f is a class's probability or its logit; a unit, or a function of the
    scores, is taken as it is. fill: the mean colour of the data set or of the picture, "grey", the
    picture in a "blur", or a colour (r, g, b). A network that torch.fx cannot trace gets whole
    passes, with a warning: the same map, slower.
    """
    images.check_pixels(pixels, channels=model.channels)
    grid = [corners(side, patch, stride) for side in pixels.shape[2:]]
    readings = [_reading(model, wanted, measure) for wanted in targets_of(target, len(pixels))]
    outputs = _covered_outputs(model, readings[0][0], pixels, grid, patch, fill, batch_size)
    drops = [
        read(function(picture)) - read(after)
        for (function, read), picture, after in zip(readings, pixels.split(1), outputs, strict=True)
    ]
    return torch.stack(drops).view(-1, *map(len, grid)).to(pixels.device)


@torch.no_grad()
def covered_scores(
    model: nn.Module,
    pixels: Tensor,
    patch: int = 32,
    stride: int = 16,
    fill: str | Sequence[float] = "dataset",
    batch_size: int = 16,
) -> Tensor:
    """The scores of all classes with each square covered: (N, rows, columns, classes).

    One run serves every class: occlusion_map is the score, or the probability, of the whole picture
    minus the one found here.
    """
    images.check_pixels(pixels, channels=model.channels)
    grid = [corners(side, patch, stride) for side in pixels.shape[2:]]
    outputs = _covered_outputs(model, model, pixels, grid, patch, fill, batch_size)
    return torch.stack(list(outputs)).unflatten(1, [*map(len, grid)]).to(pixels.device)


def at_pixels(drops: Tensor, height: int, width: int, patch: int, stride: int) -> Tensor:
    """Occlusion maps (N, rows, columns) at the size of the picture: (N, height, width).

    Each drop stands at the centre of its square, with linear interpolation between centres; towards
    the edges values fall by a tenth, so that a map is largest at the centre of its worst square.
    """
    down, across = (_between_middles(side, patch, stride).to(drops) for side in (height, width))
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


def cover_for(model: nn.Module, picture: Tensor, fill: str | Sequence[float] = "dataset") -> Tensor:
    """The fill of the covered square, as a whole picture (1, C, H, W)."""
    if fill == "blur":
        return transforms.blur(max(picture.shape[2:]) / 16)(picture)
    if isinstance(fill, str) and fill not in FILLS:
        raise errors.unknown("fill (or a colour, three numbers in [0, 1])", fill, FILLS)
    means = {"dataset": model.mean, "picture": picture.mean(dim=(2, 3), keepdim=True), "grey": 0.5}
    color = torch.as_tensor(means[fill] if isinstance(fill, str) else fill).to(picture).flatten()
    if len(color) not in (1, picture.shape[1]) or color.min() < 0 or color.max() > 1:
        raise ValueError(f"fill is a colour of {picture.shape[1]} numbers in [0, 1], not {fill!r}.")
    return color.view(1, -1, 1, 1).expand_as(picture)


def covered(picture: Tensor, cover: Tensor, positions: Tensor, patch: int) -> Tensor:
    """The picture (1, C, H, W) with a square of `cover` at each position (B, 2): (B, C, H, W)."""
    pictures = picture.repeat(len(positions), 1, 1, 1)
    for one, (top, left) in zip(pictures, positions.tolist(), strict=True):
        square = slice(top, top + patch), slice(left, left + patch)
        one[:, *square] = cover[0][:, *square]
    return pictures


def _covered_outputs(
    model, function, pixels, grid, patch: int, fill, batch_size: int
) -> Iterator[Tensor]:
    """For each picture, `function` of it with each square covered: (rows · columns, …)."""
    positions = torch.cartesian_prod(*grid).to(model.device).split(batch_size)
    for picture in pixels.to(model.device).split(1):
        cover = cover_for(model, picture, fill)
        # `Incremental` computes scores only: units of inner layers take whole passes.
        incremental = _incremental(model, picture) if function is model else None
        if incremental:
            parts = [incremental.scores(cover, some, patch) for some in positions]
        else:
            parts = [function(covered(picture, cover, some, patch)) for some in positions]
        yield torch.cat(parts)


def _reading(model: nn.Module, target: Target, measure: str) -> tuple[Callable, Callable]:
    """Two functions: pictures (N, C, H, W) -> outputs, and outputs -> the measured numbers (N,)."""
    if measure not in MEASURES:
        raise errors.unknown("measure", measure, MEASURES)
    if isinstance(target, tuple):
        return score_of(model, target), lambda activations: activations
    if callable(target):
        return model, lambda scores: one_each(target(scores), len(scores))
    index = model.class_index(target)
    if measure == "logit":
        return model, lambda scores: scores[:, index]
    return model, lambda scores: scores.softmax(dim=1)[:, index]


def _incremental(model: nn.Module, picture: Tensor) -> Incremental | None:
    try:
        return Incremental(model, picture)
    except Untraceable as error:
        warnings.warn(f"{error} Every patch takes a whole pass.", stacklevel=4)
        return None
