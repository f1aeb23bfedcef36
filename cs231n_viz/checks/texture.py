"""Exercises of lesson 13."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def gram_of_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> their Gram matrices, divided by C·H·W, (N, C, C)."""
    maps = torch.tensor([[[[1.0, 0.0, 2.0]], [[3.0, 1.0, 0.0]]]])  # two channels, three places
    products = torch.tensor([[[5.0, 3.0], [3.0, 10.0]]])
    mistakes = (
        (products, "divide by C·H·W, or layers of other sizes cannot be compared."),
        (products / 3, "this is divided by the places only; divide by the channels, too."),
        (products / 2, "this is divided by the channels only; divide by the places, too."),
        (torch.tensor([[[9.0, 12.0], [12.0, 16.0]]]) / 6, "these are products of all pairs of places; of the same place."),
        (torch.tensor([[[10.0, 3.0, 2.0], [3.0, 1.0, 0.0], [2.0, 0.0, 4.0]]]) / 6,
         "these are products of places over channels; of channels over places."),
        (products[0] / 6, "one matrix a picture is asked for, (N, C, C)."),
        (torch.cov(maps[0, :, 0], correction=0)[None] / 2, "this is the covariance: do not take the means off."),
    )  # fmt: skip
    many = noise(3, 4, 5, 2)
    grams = torch.einsum("nkij,nlij->nkl", many, many) / (4 * 5 * 2)
    averaged = grams.mean(dim=0, keepdim=True).expand(3, -1, -1)
    run(
        function,
        [
            Trial((maps,), products / 6, "two channels of three places, worked by hand", mistakes),
            Trial(
                (many,),
                grams,
                "three random pictures",
                ((averaged, "each picture has a matrix of its own."),),
            ),
        ],
    )


def masked_distances(function: Callable) -> None:
    """windows (P, 3, w, w), around (3, w, w), known (w, w) bool -> the mean squared difference
    where known, (P,).
    """
    known = torch.zeros(3, 3, dtype=torch.bool)
    known[0, :2] = True  # two places, so six values
    around = torch.full((3, 3, 3), 0.5)
    windows = torch.stack([torch.full((3, 3, 3), 0.5), torch.full((3, 3, 3), 0.5)])
    windows[0, :, 2, 2] = 1.0  # differs where nothing is known
    windows[1, :, 0, 0] = 1.0  # differs at one of the two known places
    expected = torch.tensor([0.0, 0.125])
    mistakes = (
        (torch.tensor([1 / 36, 1 / 36]), "only known places count: the others say nothing."),
        (torch.tensor([1 / 36, 0.0]), "you have the places that are *not* known."),
        (torch.tensor([0.0, 1 / 36]), "divide by how many values are known, not by all of them."),
        (torch.tensor([0.0, 0.75]), "take the mean over the known values, not their sum."),
        (torch.tensor([0.0, 0.375]), "each known place has three values: divide by them, too."),
        (torch.tensor([0.0, 0.25]), "square the differences."),
        (torch.tensor(0.0625), "one number a window is asked for, (P,)."),
        (expected.sqrt(), "the mean of the squares is asked for, without a root."),
    )
    many, one, some = noise(6, 3, 5, 5), noise(4, 3, 5, 5)[3], noise(5, 5) > 0
    run(
        function,
        [
            Trial((windows, around, known), expected, "two windows worked by hand", mistakes),
            Trial(
                (many, one, some),
                (many - one).square()[..., some].mean(dim=(1, 2)),
                "six random windows",
            ),
        ],
    )


def nearest_patches(function: Callable) -> None:
    """patches (M, L), known (P, L) -> how far each patch is from its nearest, root mean square of a
    value, (M,).
    """
    known = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    patches = torch.tensor([[0.0, 0.2], [1.0, 0.4]])
    distances = (patches[:, None] - known).square().mean(dim=2).sqrt()  # (2, 3)
    expected = torch.tensor([0.02, 0.18]).sqrt()
    mistakes = (
        (expected.square(), "take the root of the mean square."),
        (expected * 2**0.5, "these are lengths: take the mean of the squares, not their sum."),
        (
            distances.mean(dim=1),
            "this is the mean over all that is known; the nearest is asked for.",
        ),
        (distances.amax(dim=1), "this is the farthest."),
        (distances.amin(dim=0), "for each patch the nearest known one, not the other way round."),
        (expected.median(), "one number a patch is asked for, (M,)."),
        (torch.tensor([0.1, 0.3]), "this is the mean size of the differences; square them first."),
        (distances, "take the smallest of each row."),
    )
    many, others = noise(5, 12), noise(12, 12)[5:]
    run(
        function,
        [
            Trial((patches, known), expected, "two patches worked by hand", mistakes),
            Trial(
                (many, others),
                (many[:, None] - others).square().mean(dim=2).sqrt().amin(dim=1),
                "five random patches",
            ),
        ],
    )
