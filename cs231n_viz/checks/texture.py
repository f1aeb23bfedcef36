"""Exercises of lesson 13."""

from collections.abc import Callable

import torch

from .trials import Trial, noise, run


def gram_of_maps(function: Callable) -> None:
    """maps (N, C, H, W) -> their Gram matrices, divided by C·H·W, (N, C, C)."""
    maps = torch.tensor([[[[1.0, 0.0, 2.0]], [[3.0, 1.0, 0.0]]]])  # two channels, three positions
    products, sums = torch.tensor([[[5.0, 3.0], [3.0, 10.0]]]), torch.tensor([[[3.0], [4.0]]])
    flat = maps.flatten(2)
    covariance = torch.cov(flat[0], correction=0)
    mistakes = {
        "divide by C·H·W, or layers of other sizes cannot be compared.": products,
        "this is divided by the positions only; divide by the channels, too.": products / 3,
        "this is divided by the channels only; divide by the positions, too.": products / 2,
        "these are products of all pairs of positions; of the same position.": sums * sums.mT / 6,
        "these are products of positions over channels; swap them.": flat.mT @ flat / 6,
        "one matrix a picture is asked for, (N, C, C).": products[0] / 6,
        "this is the covariance: do not take the means off.": covariance[None] / 2,
    }
    many = noise(3, 4, 5, 2)
    grams = torch.einsum("nkij,nlij->nkl", many, many) / (4 * 5 * 2)
    shared = {"each picture has a matrix of its own.": grams.mean(0, keepdim=True).expand(3, 4, 4)}
    run(
        function,
        Trial("two channels of three positions, by hand", (maps,), products / 6, mistakes),
        Trial("three random pictures", (many,), grams, shared),
    )


def masked_distances(function: Callable) -> None:
    """windows (P, 3, w, w), around (3, w, w), known (w, w) -> mean square where known, (P,)."""
    known = torch.zeros(3, 3, dtype=torch.bool)
    known[0, :2] = True  # two positions, so six values
    around, windows = torch.full((3, 3, 3), 0.5), torch.full((2, 3, 3, 3), 0.5)
    windows[0, :, 2, 2] = 1.0  # differs where nothing is known
    windows[1, :, 0, 0] = 1.0  # differs at one of the two known positions
    mistakes = {
        "only known positions count: the others hold anything.": [1 / 36, 1 / 36],
        "you have the positions that are *not* known.": [1 / 28, 0],
        "divide by how many values are known, not by all of them.": [0, 1 / 36],
        "take the mean over the known values, not their sum.": [0, 0.75],
        "each known position has three values: divide by them, too.": [0, 0.375],
        "square the differences.": [0, 0.25],
        "one number a window is asked for, (P,).": 0.0625,
        "the mean of the squares is asked for, without a root.": [0, 0.125**0.5],
    }
    many, one, some = noise(6, 3, 5, 5), noise(4, 3, 5, 5)[3], noise(5, 5) > 0
    expected = (many - one).square()[..., some].mean(dim=(1, 2))
    run(
        function,
        Trial("two windows worked by hand", (windows, around, known), [0, 0.125], mistakes),
        Trial("six random windows", (many, one, some), expected),
    )


def nearest_patches(function: Callable) -> None:
    """patches (M, L), known (P, L) -> the root mean square to the nearest known one, (M,)."""
    known = torch.tensor([[0.0, 0.0], [1.0, 1.0], [0.0, 1.0]])
    patches = torch.tensor([[0.0, 0.2], [1.0, 0.4]])
    distances = (patches[:, None] - known).square().mean(dim=2).sqrt()  # (2, 3)
    expected = torch.tensor([0.02, 0.18]).sqrt()
    mistakes = {
        "take the root of the mean square.": [0.02, 0.18],
        "these are lengths: take the mean of the squares, not their sum.": [0.2, 0.6],
        "this is the mean over all known ones; the nearest is asked for.": distances.mean(dim=1),
        "this is the farthest.": distances.amax(dim=1),
        "for each patch the nearest known one, not the other way round.": distances.amin(dim=0),
        "one number a patch is asked for, (M,).": expected.median(),
        "this is the mean size of the differences; square them first.": [0.1, 0.3],
        "take the smallest of each row.": distances,
    }
    many, others = noise(5, 12), noise(12, 12)[5:]
    nearest = (many[:, None] - others).square().mean(dim=2).sqrt().amin(dim=1)
    run(
        function,
        Trial("two patches worked by hand", (patches, known), expected, mistakes),
        Trial("five random patches", (many, others), nearest),
    )
