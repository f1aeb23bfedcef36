"""Exercises of lesson 04."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def covered_square(function: Callable) -> None:
    """(picture (3, H, W), top, left, patch, color (3,)) -> the picture with a coloured square."""
    picture, color, grey = noise(3, 4, 5), torch.tensor([1.0, 2.0, 3.0]), torch.full((3,), 2.0)
    mistakes = {
        "rows and columns are swapped: top counts rows.": _covered(picture, 2, 1, 2, color),
        "too small: a slice ends before its end, top + patch.": _covered(picture, 1, 2, 1, color),
        "one pixel too large: a slice ends before its end.": _covered(picture, 1, 2, 3, color),
        "each channel has its own colour: color[:, None, None].": _covered(picture, 1, 2, 2, grey),
    }
    inside = (picture, 1, 2, 2, color)
    edge = (picture, 3, 3, 4, color)
    everything = (picture, 0, 0, 5, color)
    run(
        function,
        Trial("a square of two pixels", inside, _covered(*inside), mistakes),
        Trial("a square over the edge", edge, _covered(*edge)),
        Trial("a square over everything", everything, _covered(*everything)),
    )


def _covered(picture: Tensor, top: int, left: int, patch: int, color: Tensor) -> Tensor:
    covered = picture.clone()
    covered[:, top : top + patch, left : left + patch] = color[:, None, None]
    return covered


def drop_map(function: Callable) -> None:
    """(score, picture (3, H, W), patch, stride, color (3,)) -> drop of the score by square."""
    picture, black = torch.zeros(3, 4, 4), torch.zeros(3)
    picture[0, :2, :2] = 4.0  # the mean of red is 1
    expected = torch.tensor([[1.0, 0.5, 0.0], [0.5, 0.25, 0.0], [0.0, 0.0, 0.0]])
    mistakes = {
        "this is what is gained; the drop is score minus covered score.": -expected,
        "these are the scores of the covered pictures; subtract them from the score.": 1 - expected,
        "the last square is missing: it begins at side - patch.": expected[:2, :2],
        "the squares do not overlap: they move by stride, not by patch.": expected[::2, ::2],
    }
    by_hand = (lambda pictures: pictures[:, 0].mean(dim=(1, 2)), picture, 2, 1, black)
    wide, grey = noise(3, 5, 9), torch.full((3,), 0.5)
    corner = torch.zeros(2, 4)
    corner[0, 3] = wide[1, 1, 7] - 0.5
    one_pixel = (lambda pictures: pictures[:, 1, 1, 7], wide, 3, 2, grey)
    run(
        function,
        Trial("the mean of red, by hand", by_hand, expected, mistakes),
        Trial("a score that reads one pixel", one_pixel, corner),
    )


def changed_outputs(function: Callable) -> None:
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
    )


def _readers(
    start: int, length: int, kernel: int, stride: int, padding: int, outputs: int
) -> list[int]:
    """The first and the last output that reads an input of the window, tried one by one."""
    begins = [output * stride - padding for output in range(outputs)]
    readers = [
        output
        for output, begin in enumerate(begins)
        if begin < start + length and begin + kernel > start
    ]
    return [readers[0], readers[-1]]
