"""Exercises of lesson 00."""

import math
from collections.abc import Callable

import torch
from torch import Tensor

from .. import plot
from ..images import resize
from ..techniques.start_here import lit, relative
from .trials import Seen, Trial, noise, run


def relative_maps(function: Callable, on: tuple | None = None, over: Tensor | None = None) -> None:
    """maps (N, C, h, w) -> the same in standard deviations above each channel's own mean."""
    maps = torch.tensor([[[[1.0, 3.0]], [[10.0, 10.0]]], [[[5.0, 7.0]], [[20.0, 40.0]]]])
    middle, spread = maps - maps.mean(dim=(0, 2, 3), keepdim=True), relative(maps)
    alone = torch.cat([relative(one) for one in maps.split(1)])
    mistakes = {
        "these are differences: divide them by the standard deviation, too.": middle,
        "all channels have one mean in yours; each has its own.": (maps - maps.mean()) / maps.std(),
        "each picture has its own mean in yours; take it over all pictures (dim=0, too).": alone,
    }
    run(
        function,
        Trial("two pictures, two channels", (maps,), spread, mistakes),
        Trial("one picture of noise", (noise(1, 3, 4, 5),), relative(noise(1, 3, 4, 5))),
        seen=on and Seen(on, relative(*on), lambda result: _over(result[0, 0], over)),
    )


def group_drops(function: Callable, on: tuple | None = None, over: Tensor | None = None) -> None:
    """scores (K,), covered scores (r, c, K), classes -> fall of their summed probability (r, c)."""
    powers, chosen = torch.tensor([[[1.0, 1.0, 8.0], [1.0, 5.0, 4.0]]]), torch.tensor([0, 1])
    before, after = torch.tensor([1.0, 2.0, 1.0]).log(), powers.log()
    mistakes = {
        "this is what is left: the fall is before minus after.": [[0.2, 0.6]],
        "covering that hurts is a positive number: before minus after.": [[-0.55, -0.15]],
        "add up the probabilities of the classes; this is their mean.": [[0.275, 0.075]],
        "these are scores: take the softmax first.": [[math.log(2), math.log(2 / 5)]],
    }
    run(
        function,
        Trial("two patches, three classes", (before, after, chosen), [[0.55, 0.15]], mistakes),
        Trial("another class", (before, after, chosen[1:] + 1), [[-0.55, -0.15]]),
        seen=on and Seen(on, _falls(*on), lambda result: _over(result, over)),
    )


def _falls(before: Tensor, after: Tensor, classes: Tensor) -> Tensor:
    return before.softmax(0)[classes].sum() - after.softmax(-1)[..., classes].sum(-1)


def _over(heat: Tensor, picture: Tensor | None):
    """A map in the course's colours, over a grey picture (1, 3, H, W) if there is one."""
    colors = torch.from_numpy(plot.colored(heat)).movedim(2, 0)[None]
    grey = colors if picture is None else picture.mean(dim=1, keepdim=True)
    return grey.lerp(resize(colors, grey.shape[2:]), 0.6)


def lit_picture(function: Callable, on: tuple | None = None) -> None:
    """pixels (1, 3, H, W), heat (H, W) -> in colour where heat is high, else 0.3 · grey."""
    pixels = torch.tensor([0.9, 0.6, 0.0]).view(1, 3, 1, 1).repeat(1, 1, 1, 3)
    heat, dark = torch.tensor([[4.0, 2.0, -2.0]]), torch.full((1, 3, 1, 3), 0.15)
    right, share = lit(pixels, heat), heat.clamp(min=0) / 4
    mistakes = {
        "a negative value gives no colour: clamp at 0.": dark + heat / 4 * (pixels - dark),
        "divide the map by its maximum.": dark + 4 * share * (pixels - dark),
        "the dark part is grey, the mean of the three colours.": pixels * (0.3 + 0.7 * share),
    }
    run(
        function,
        Trial("three pixels, heat 4, 2 and -2", (pixels, heat), right, mistakes),
        Trial("another map", (pixels, heat.flip(1)), lit(pixels, heat.flip(1))),
        seen=on and Seen(on, lit(*on), lambda picture: picture),
    )


def strongest_channel_lit(function: Callable, on: tuple | None = None) -> None:
    """features, pixels, others, row, column -> pixels lit by the channel strongest there."""
    pictures, large = noise(4, 3, 12, 12).sigmoid(), torch.tensor([0, 0, 0, 0, 0, 9.0])

    def features(pixels):  # each colour makes two channels, and the last one is large everywhere
        pooled = torch.nn.functional.avg_pool2d(pixels, 2)
        return torch.cat([pooled, -pooled], dim=1) + large.view(1, 6, 1, 1)

    def answer(features, pixels, others, row, column, within=relative, best=torch.argmax):
        maps = within(features(torch.cat([pixels, others])))
        return lit(pixels, maps[0, best(maps[0, :, row, column])])

    call = features, pictures[:1], pictures[1:], 0, 4
    raw, least = answer(*call, within=lambda maps: maps), answer(*call, best=torch.argmin)
    mistakes = {
        "you compared raw activations: make them relative first.": raw,
        "row and column are exchanged.": answer(*call[:3], 4, 0),
        "this is the weakest channel there; the strongest is asked for.": least,
    }
    run(
        function,
        Trial("row 0, column 4", call, answer(*call), mistakes),
        Trial("row 3, column 5", (*call[:3], 3, 5), answer(*call[:3], 3, 5)),
        seen=on and Seen(on, answer(*on), lambda picture: picture),
    )
