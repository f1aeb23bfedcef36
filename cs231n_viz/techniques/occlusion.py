"""What must not be covered: a patch slides over the picture, and the answer falls where it hides what was needed.

Zeiler & Fergus 2014, "Visualizing and Understanding Convolutional Networks". `plain_scores` is the technique;
`incremental` gives the same scores and computes only what a patch can have changed.
"""

import warnings
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from .. import images, transforms
from ..errors import unknown
from ..incremental import Incremental, Untraceable, trace
from ..objectives import Target, score_of, targets_of

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
    """How much the target falls when a square is covered: pixels (N, C, H, W) -> (N, rows, columns).

    drop[r, c] = f(x) − f(x with the square at corners()[r], corners()[c] covered); above zero: covering this hurts.
    f is a class's probability or its logit; a unit, or a function of the scores, is taken as it is. fill: the mean
    colour of the data set or of the picture, "grey", the picture in a "blur", or a colour (r, g, b).
    A network that torch.fx cannot trace gets whole passes, with a warning: the same map, slower.
    """
    images.check_pixels(pixels, channels=model.channels)
    tops, lefts = (corners(size, patch, stride).to(model.device) for size in pixels.shape[2:])
    places = torch.cartesian_prod(tops, lefts)  # (rows · columns, 2)
    traced = None if isinstance(target, tuple) else _traced(model)
    drops = []
    for picture, wanted in zip(
        pixels.to(model.device).split(1), targets_of(target, len(pixels)), strict=True
    ):
        answer, read = _answer(model, wanted, measure)
        cover = cover_for(model, picture, fill)
        if traced:
            incremental = Incremental(model, traced, picture)
            answers = [incremental.scores(cover, some, patch) for some in places.split(batch_size)]
        else:
            answers = [answer(covered(picture, cover, some, patch)) for some in places.split(batch_size)]
        drops.append(read(answer(picture)) - read(torch.cat(answers)))
    return torch.stack(drops).view(-1, len(tops), len(lefts)).to(pixels.device)


def corners(size: int, patch: int, stride: int) -> Tensor:
    """Where the patches begin along a side: 0, stride, 2·stride, …, and where the last would fall short, the edge."""
    if not 1 <= patch <= size:
        raise ValueError(f"a patch of {patch} pixels does not fit: this side has {size}, so 1 to {size}.")
    if not 1 <= stride <= patch:
        raise ValueError(
            f"stride {stride} must be 1 to {patch}, the patch: else some pixels are never covered."
        )
    return torch.tensor(sorted({*range(0, size - patch, stride), size - patch}))


def cover_for(model: nn.Module, picture: Tensor, fill: str | Sequence[float] = "dataset") -> Tensor:
    """What shows in the covered square, as a whole picture (1, C, H, W)."""
    if fill == "blur":
        return transforms.blur(max(picture.shape[2:]) / 16)(picture)
    if isinstance(fill, str) and fill not in FILLS:
        raise unknown("fill (or a colour, three numbers in [0, 1])", fill, FILLS)
    means = {"dataset": model.mean, "picture": picture.mean(dim=(2, 3), keepdim=True), "grey": 0.5}
    color = torch.as_tensor(means[fill] if isinstance(fill, str) else fill).to(picture).flatten()
    if len(color) not in (1, picture.shape[1]) or color.min() < 0 or color.max() > 1:
        raise ValueError(f"fill is a colour of {picture.shape[1]} numbers in [0, 1], not {fill!r}.")
    return color.view(1, -1, 1, 1).expand_as(picture)


def covered(picture: Tensor, cover: Tensor, places: Tensor, patch: int) -> Tensor:
    """The picture (1, C, H, W) with the cover showing in a square at each of places (B, 2): (B, C, H, W)."""
    pictures = picture.repeat(len(places), 1, 1, 1)
    for one, (top, left) in zip(pictures, places.tolist(), strict=True):
        square = slice(top, top + patch), slice(left, left + patch)
        one[:, *square] = cover[0][:, *square]
    return pictures


def _answer(model: nn.Module, target: Target, measure: str) -> tuple[Callable, Callable]:
    """What is asked of pictures, (N, C, H, W) -> answers, and how a number is read from it, answers -> (N,)."""
    if measure not in MEASURES:
        raise unknown("measure", measure, MEASURES)
    if isinstance(target, tuple):
        return score_of(model, target), lambda activations: activations
    if callable(target):
        return model, target
    index = model.class_index(target)
    if measure == "logit":
        return model, lambda scores: scores[:, index]
    return model, lambda scores: scores.softmax(dim=1)[:, index]


def _traced(model: nn.Module) -> torch.fx.GraphModule | None:
    try:
        return trace(model)
    except Untraceable as error:
        warnings.warn(f"{error} Every patch takes a whole pass.", stacklevel=3)
        return None
