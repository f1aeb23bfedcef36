"""Exercises of lesson 04."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def covered_square(function: Callable) -> None:
    """(picture (3, H, W), top, left, patch, color (3,)) -> the picture with a square in this
    colour.
    """
    picture, color = noise(3, 4, 5), torch.tensor([1.0, 2.0, 3.0])
    mistakes = (
        (
            _filled(picture, 2, 1, 2, color),
            "rows and columns have changed places: top counts rows.",
        ),
        (
            _filled(picture, 1, 2, 1, color),
            "your square is too small: the last row is top + patch - 1, and a slice ends before its end.",
        ),
        (
            _filled(picture, 1, 2, 3, color),
            "your square is one pixel too large: a slice ends before its end.",
        ),
        (
            _filled(picture, 1, 2, 2, color.mean().expand(3)),
            "every channel has a colour of its own: color[:, None, None].",
        ),
    )
    expected = _filled(picture, 1, 2, 2, color)
    run(
        function,
        [
            Trial((picture, 1, 2, 2, color), expected, "a square of two pixels", mistakes),
            Trial(
                (picture, 3, 3, 4, color),
                _filled(picture, 3, 3, 4, color),
                "a square over the edge",
            ),
            Trial(
                (picture, 0, 0, 5, color),
                _filled(picture, 0, 0, 5, color),
                "a square over everything",
            ),
        ],
    )


def drop_map(function: Callable) -> None:
    """(score, picture (3, H, W), patch, stride, color (3,)) -> score minus score with each square
    covered.
    """
    picture, black = torch.zeros(3, 4, 4), torch.zeros(3)
    picture[0, :2, :2] = 4.0  # the mean of red is 1
    expected = torch.tensor([[1.0, 0.5, 0.0], [0.5, 0.25, 0.0], [0.0, 0.0, 0.0]])
    mistakes = (
        (
            -expected,
            "this is what is gained; the drop is the score of the picture minus that of the covered one.",
        ),
        (
            1 - expected,
            "these are the scores of the covered pictures; subtract them from that of the picture.",
        ),
        (
            expected[:2, :2],
            "the last square is missing: it begins at side - patch, and range ends before its end.",
        ),
        (expected[::2, ::2], "the squares do not overlap: they move by stride, not by patch."),
    )
    wide = noise(3, 5, 9)
    corner = torch.zeros(2, 4)
    corner[0, 3] = wide[1, 1, 7] - 0.5
    run(
        function,
        [
            Trial((_red, picture, 2, 1, black), expected, "the mean of red, by hand", mistakes),
            Trial(
                (_one_pixel, wide, 3, 2, torch.full((3,), 0.5)),
                corner,
                "a score that reads one pixel",
            ),
        ],
    )


def changed_outputs(function: Callable) -> None:
    """(start, length, kernel, stride, padding, outputs) -> tensor [first, last] within 0 … outputs
    - 1.
    """
    by_hand = (
        4,
        2,
        3,
        1,
        1,
        10,
    )  # a convolution that keeps the size: one output more on either side
    mistakes = (
        (torch.tensor([4, 5]), "this is the window itself; the outputs beside it read it, too."),
        (
            torch.tensor([2, 5]),
            "the padding is missing: with padding 1, output 0 begins to read at input -1.",
        ),
        (
            torch.tensor([5, 6]),
            "the kernel is missing in `first`: an output reads kernel - 1 inputs further.",
        ),
        (
            torch.tensor([3, 7]),
            "`last` is one too far: the window's last input is start + length - 1.",
        ),
    )
    pool = (
        (torch.tensor([1, 2]), "`first` is rounded *up*: the output before it ends too early."),
    )
    rim = ((torch.tensor([-1, 2]), "there is no output before 0."),)
    far = ((torch.tensor([8, 10]), "there is no output behind the last one."),)
    odd = [(start, 3, 5, 2, 2, 9) for start in range(15)]
    run(
        function,
        [
            Trial(by_hand, torch.tensor([3, 6]), "a convolution by hand", mistakes),
            Trial((4, 2, 2, 2, 0, 5), torch.tensor([2, 2]), "a pooling", pool),
            Trial((5, 3, 3, 2, 0, 6), torch.tensor([2, 3]), "a stride of two"),
            Trial((0, 2, 3, 1, 1, 10), torch.tensor([0, 2]), "the near end", rim),
            Trial((9, 1, 3, 1, 1, 10), torch.tensor([8, 9]), "the far end", far),
            *(Trial(one, _readers(*one), f"kernel 5, stride 2, from {one[0]} on") for one in odd),
        ],
    )


def _filled(picture: Tensor, top: int, left: int, patch: int, color: Tensor) -> Tensor:
    filled = picture.clone()
    filled[:, top : top + patch, left : left + patch] = color[:, None, None]
    return filled


def _red(pictures: Tensor) -> Tensor:
    return pictures[:, 0].mean(dim=(1, 2))


def _one_pixel(pictures: Tensor) -> Tensor:
    return pictures[:, 1, 1, 7]


def _readers(
    start: int, length: int, kernel: int, stride: int, padding: int, outputs: int
) -> Tensor:
    """The first and the last output that reads an input of the window, by going through all of
    them.
    """
    begins = [(output, output * stride - padding) for output in range(outputs)]
    readers = [
        output for output, begin in begins if begin < start + length and begin + kernel > start
    ]
    return torch.tensor([readers[0], readers[-1]])
