"""Exercises of lesson 03."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def merged_top(function: Callable) -> None:
    """(values (C, m), picture (C, m), answers (B, C), first, k) -> the k best pictures (C, k)."""
    values, picture = torch.tensor([[9.0, 5.0], [7.0, 1.0]]), torch.tensor([[3, 0], [2, 4]])
    answers = torch.tensor([[6.0, 0.0], [10.0, 2.0], [1.0, 8.0]])  # of the pictures 5, 6 and 7
    mistakes = {
        "the new pictures are counted from `first` on, not from 0.": [[1, 3], [2, 2]],
        "these are positions in the joined list; gather the numbers there.": [[3, 0], [4, 0]],
        "these are the answers; the numbers of their pictures are asked for.": [[10, 9], [8, 7]],
        "the right pictures, but the strongest comes first.": [[3, 6], [2, 7]],
    }
    by_hand = (values, picture, answers, 5, 2)
    crowd = noise(20, 6)
    best = crowd[:12].T.topk(4)
    run(
        function,
        Trial("two channels worked by hand", by_hand, [[6, 3], [7, 2]], mistakes),
        Trial("random answers", (*best, crowd[12:], 12, 4), crowd.T.topk(4).indices),
    )


def dead_channels(function: Callable) -> None:
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
    run(
        function,
        Trial("four channels on two pictures", (maps,), [0, 0, 1, 1], mistakes),
        Trial("random maps", (many,), many.amax(dim=(0, 2, 3)) <= 0),
    )


def patch_box(function: Callable) -> None:
    """(row, column, size, stride, offset, side) -> [top, left, bottom, right] in the picture."""
    mistakes = {
        "the offset is missing: unit 0 begins at `offset`, not at 0.": [2, 18, 12, 20],
        "the stride is missing: one unit further is `stride` pixels further.": [0, 6, 8, 16],
        "this reaches out of the picture: cut it at 0 and at `side`.": [-1, 15, 9, 25],
        "bottom and right are the first row and column that are *not* seen.": [0, 15, 8, 20],
        "rows and columns are swapped.": [15, 0, 20, 9],
        "cut both edges *after* the window has its size.": [0, 15, 10, 20],
    }
    run(
        function,
        Trial("a unit at the rim", (1, 9, 10, 2, -3, 20), [0, 15, 9, 20], mistakes),
        Trial("a unit inside", (4, 2, 8, 2, -3, 128), [5, 1, 13, 9]),
        Trial("a deep unit in a corner", (7, 0, 110, 16, -47, 128), [65, 0, 128, 63]),
    )
