"""Exercises of lesson 04."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from .. import plot
from ..techniques import occlusion
from .trials import Seen, Trial, noise, run

LOG2 = 0.693147180559945


def covered_square(function: Callable, on: tuple | None = None) -> None:
    """(picture (3, H, W), top, left, patch, color (3,)) -> the picture with a coloured square."""
    picture, color, grey = noise(3, 4, 5), torch.tensor([1.0, 2.0, 3.0]), torch.full((3,), 2.0)
    mistakes = {
        "rows and columns are swapped: top counts rows.": _covered(picture, 2, 1, 2, color),
        "too small: a slice ends before its end, top + patch.": _covered(picture, 1, 2, 1, color),
        "one pixel too large: a slice ends before its end.": _covered(picture, 1, 2, 3, color),
        "each channel has its own colour: color[:, None, None].": _covered(picture, 1, 2, 2, grey),
    }
    inside, edge = (picture, 1, 2, 2, color), (picture, 3, 3, 4, color)
    run(
        function,
        Trial("a square of two pixels", inside, _covered(*inside), mistakes),
        Trial("a square over the edge", edge, _covered(*edge)),
        seen=on and Seen(on, _covered(*on), lambda picture: picture),
    )


def _covered(picture: Tensor, top: int, left: int, patch: int, color: Tensor) -> Tensor:
    cover = color[None, :, None, None].expand_as(picture[None])
    return occlusion.covered(picture[None], cover, torch.tensor([[top, left]]), patch)[0]


def kept_scores(function: Callable, on: tuple | None = None) -> None:
    """(score, picture (3, H, W), patch, stride, color (3,)) -> scores of patches left alone."""
    picture, red = torch.zeros(3, 4, 4), torch.tensor([1.0, 0.0, 0.0])
    picture[0, :2, :2] = 4.0  # the mean of red is 1
    expected = torch.tensor([[1.75, 1.25, 0.75], [1.25, 1.0, 0.75], [0.75, 0.75, 0.75]])
    mistakes = {
        "here the patch is covered; keep it, and cover everything else.": 2 - expected,
        "this is a drop; the score itself is asked for.": 1 - expected,
        "the last patch is missing: it begins at side - patch.": expected[:2, :2],
        "the patches overlap: they move by stride, not by patch.": expected[::2, ::2],
    }
    by_hand = (lambda pictures: pictures[:, 0].mean(dim=(1, 2)), picture, 2, 1, red)
    wide, grey = noise(3, 5, 9), torch.full((3,), 0.5)
    corner = torch.full((2, 4), 0.5)
    corner[0, 3] = wide[1, 1, 7]
    one_pixel = (lambda pictures: pictures[:, 1, 1, 7], wide, 3, 2, grey)
    draw = lambda values: _over(on[1], values, on[2], on[3])
    run(
        function,
        Trial("the mean of red, by hand", by_hand, expected, mistakes),
        Trial("a score that reads one pixel", one_pixel, corner),
        seen=on and Seen(on, _kept(*on), draw),
    )


@torch.no_grad()
def _kept(score: Callable, picture: Tensor, patch: int, stride: int, color: Tensor) -> Tensor:
    tops, lefts = (range(0, side - patch + 1, stride) for side in picture.shape[1:])
    empty = color[None, :, None, None].expand_as(picture[None])
    places = torch.cartesian_prod(torch.tensor(tops), torch.tensor(lefts))
    alone = [occlusion.covered(empty, picture[None], place[None], patch) for place in places]
    return torch.cat([score(one) for one in alone]).view(len(tops), len(lefts))


def occlusion_drops(function: Callable, on: tuple | None = None) -> None:
    """(network, picture, target, patch, stride, color, batch_size) -> drops (rows, columns).

    The drop is that of the class's probability; the last patch ends at the edge.
    """
    by_hand = (_red_corner, torch.ones(3, 3, 3), 0, 2, 1, torch.zeros(3), 4)
    expected = torch.tensor([[1.0, 0.0], [0.0, 0.0]]) / 6  # 1/2 - 1/3: one patch is on the corner
    mistakes = {
        "this is what is gained; the drop is before minus after.": -expected,
        "these are drops of the logit; take the softmax first.": 6 * LOG2 * expected,
    }
    given = (_two_pixels, noise(3, 6, 8), 1, 3, 2, torch.zeros(3), 5)
    unread = (_two_pixels(given[1][None]).softmax(dim=1)[0, 1] - 0.5).expand(3, 4)
    right = _patch_drops(*given)
    wrong = {
        "you asked about more than batch_size pictures at once.": unread,
        "the last patch is missing: it ends at the edge.": right[:2, :3],
    }
    draw = lambda values: _over(on[1], values, on[3], on[4])
    run(
        function,
        Trial("three pixels a side, by hand", by_hand, expected, mistakes),
        Trial("a network that reads two pixels", given, right, wrong),
        seen=on and Seen(on, _patch_drops(*on), draw),
    )


def _over(picture: Tensor, drops: Tensor, patch: int, stride: int) -> Tensor:
    """The map in colours, with the picture in grey shining through."""
    values = occlusion.at_pixels(drops[None], *picture.shape[1:], patch, stride)[0]
    return torch.tensor(plot.colored(values)).movedim(-1, 0) * (0.55 + 0.45 * picture.mean(dim=0))


def _red_corner(pictures: Tensor) -> Tensor:
    """Logits whose softmax is (1/2, 1/2) with a red corner, and (1/3, 2/3) without."""
    return torch.stack([pictures[:, 0, 0, 0], torch.ones(len(pictures))], dim=1) * LOG2


def _two_pixels(pictures: Tensor) -> Tensor:
    """Logits of two classes; of more than five pictures at once it reads nothing."""
    pictures = pictures * (len(pictures) <= 5)
    return torch.stack([pictures[:, 0, 1, 2], 2 * pictures[:, 1, 4, 6]], dim=1)


@torch.no_grad()
def _patch_drops(network, picture, target, patch, stride, color, _) -> Tensor:
    tops, lefts = (occlusion.corners(side, patch, stride) for side in picture.shape[1:])
    places = torch.cartesian_prod(tops, lefts).tolist()
    covered = [_covered(picture, *place, patch, color)[None] for place in places]
    scores = [network(one).softmax(dim=1)[0, target] for one in (picture[None], *covered)]
    return scores[0] - torch.stack(scores[1:]).view(len(tops), len(lefts))


def changed_outputs(function: Callable, on: tuple | None = None) -> None:
    """(start, length, kernel, stride, padding, outputs) -> [first, last], in 0 … outputs − 1."""
    mistakes = {
        "this is the window itself; the outputs beside it read it, too.": [4, 5],
        "the padding is missing: output 0 begins to read at input -padding.": [2, 5],
        "the kernel is missing in `first`: an output reads kernel - 1 inputs further.": [5, 6],
        "`last` is one too far: the window's last input is start + length - 1.": [3, 7],
    }
    up = {"`first` is rounded *up*: the output before it ends too early.": [1, 2]}
    near = {"there is no output before 0.": [-1, 2]}
    far = {"there is no output behind the last one.": [8, 10]}
    odd = [(start, 3, 5, 2, 2, 9) for start in range(15)]
    run(
        function,
        Trial("a convolution by hand", (4, 2, 3, 1, 1, 10), [3, 6], mistakes),
        Trial("a pooling", (4, 2, 2, 2, 0, 5), [2, 2], up),
        Trial("a stride of two", (5, 3, 3, 2, 0, 6), [2, 3]),
        Trial("the near end", (0, 2, 3, 1, 1, 10), [0, 2], near),
        Trial("the far end", (9, 1, 3, 1, 1, 10), [8, 9], far),
        *(Trial(f"kernel 5, stride 2, from {one[0]} on", one, _readers(*one)) for one in odd),
        seen=on and Seen(on, torch.tensor(_readers(*on)), lambda ends: _row(ends, on[-1])),
    )


def _row(ends: Tensor, outputs: int) -> np.ndarray:
    """A cell for each output, the changed ones orange."""
    cells = np.full((outputs, 40, 240 // outputs, 3), (0.87, 0.89, 0.91))
    cells[int(ends[0]) : int(ends[1]) + 1] = 0.87, 0.48, 0.18
    return plot.mosaic(cells, outputs, gap=2, scale=None)


def _readers(start, length, kernel, stride, padding, outputs) -> list[int]:
    """The first and the last output that reads an input of the window, tried one by one."""
    begins = [output * stride - padding for output in range(outputs)]
    reads = [begin < start + length and begin + kernel > start for begin in begins]
    return [reads.index(True), outputs - 1 - reads[::-1].index(True)]
