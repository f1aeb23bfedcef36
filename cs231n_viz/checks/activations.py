"""Exercises of lesson 03."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def merged_top(function: Callable) -> None:
    """(values (C, m), picture (C, m), answers (B, C), first, k) -> numbers of the k best pictures
    (C, k).
    """
    values, picture = torch.tensor([[9.0, 5.0], [7.0, 1.0]]), torch.tensor([[3, 0], [2, 4]])
    answers = torch.tensor([[6.0, 0.0], [10.0, 2.0], [1.0, 8.0]])  # of the pictures 5, 6 and 7
    mistakes = (
        (
            torch.tensor([[1, 3], [2, 2]]),
            "the new pictures are counted from 0; the first of this batch has the number `first`.",
        ),
        (
            torch.tensor([[3, 0], [4, 0]]),
            "these are places in the joined list; look up there which picture it was: gather.",
        ),
        (
            torch.tensor([[10, 9], [8, 7]]),
            "these are the answers; the numbers of their pictures are asked for.",
        ),
        (torch.tensor([[3, 6], [2, 7]]), "the right pictures, but the strongest comes first."),
    )
    crowd = noise(20, 6)
    before = crowd[:12].T.topk(4)
    run(
        function,
        [
            Trial(
                (values, picture, answers, 5, 2),
                torch.tensor([[6, 3], [7, 2]]),
                "two channels worked by hand",
                mistakes,
            ),
            Trial(
                (before.values, before.indices, crowd[12:], 12, 4),
                crowd.T.topk(4).indices,
                "random answers",
            ),
        ],
    )


def dead_channels(function: Callable) -> None:
    """maps (N, C, h, w) -> true for each channel that is above zero nowhere in any picture (C,)."""
    maps = torch.zeros(2, 4, 2, 2)
    maps[0, 0, 0, 1], maps[:, 1], maps[:, 3] = (
        2.0,
        1.0,
        -1.0,
    )  # 0 lit once, 1 always, 2 never, 3 below zero
    mistakes = (
        (
            torch.tensor([[0.0, 0, 1, 1], [1, 0, 1, 1]]),
            "this says who is inactive on each picture; dead is who is inactive on all of them.",
        ),
        (
            torch.tensor([1.0, 0, 1, 1]),
            "you count who is inactive on some picture; dead is who is inactive on all of them.",
        ),
        (
            torch.tensor([0.0, 0, 1, 0]),
            "a channel that is always below zero says as little as one at zero.",
        ),
        (torch.tensor([1.0, 1, 0, 0]), "these are the living ones."),
    )
    many = noise(3, 40, 2, 2) - 1
    dead = (many.amax(dim=(0, 2, 3)) <= 0).float()
    run(
        function,
        [
            Trial((maps,), torch.tensor([0.0, 0, 1, 1]), "four channels on two pictures", mistakes),
            Trial((many,), dead, "random maps"),
        ],
    )


def patch_box(function: Callable) -> None:
    """(row, column, size, stride, offset, side) -> tensor [top, left, bottom, right] inside a
    square picture.
    """
    mistakes = (
        (
            torch.tensor([2, 18, 12, 20]),
            "the offset is missing: unit 0 begins at `offset`, not at 0.",
        ),
        (
            torch.tensor([0, 6, 8, 16]),
            "the stride is missing: one unit further is `stride` pixels further.",
        ),
        (
            torch.tensor([-1, 15, 9, 25]),
            "this reaches out of the picture: cut it at 0 and at `side`.",
        ),
        (
            torch.tensor([0, 15, 8, 20]),
            "bottom and right are the first row and column that are *not* seen.",
        ),
        (torch.tensor([15, 0, 20, 9]), "rows and columns have changed places."),
        (torch.tensor([0, 15, 10, 20]), "cut both edges *after* the window has its size."),
    )
    run(
        function,
        [
            Trial(
                (1, 9, 10, 2, -3, 20), torch.tensor([0, 15, 9, 20]), "a unit at the rim", mistakes
            ),
            Trial((4, 2, 8, 2, -3, 128), torch.tensor([5, 1, 13, 9]), "a unit inside"),
            Trial(
                (7, 0, 110, 16, -47, 128), torch.tensor([65, 0, 128, 63]), "a deep unit in a corner"
            ),
        ],
    )
