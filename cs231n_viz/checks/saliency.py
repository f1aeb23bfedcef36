"""Exercises of lesson 05."""

from collections.abc import Callable

import cv2
import torch
from torch import Tensor

from .. import plot
from ..techniques import saliency
from .trials import Seen, Trial, noise, run, weighted_sum


def gradient_map(function: Callable, on: tuple | None = None) -> None:
    """(score: (N, C, H, W) -> (N,), pixels) -> max over the colours of |∂S/∂x|, (N, H, W)."""
    weights = torch.zeros(3, 2, 2)
    weights[:, 0, 0] = torch.tensor([1.0, -3.0, 2.0])  # one pixel where all three colours count
    weights[1, 1, 1] = 2.0
    score, grey = weighted_sum(weights), torch.full((1, 3, 2, 2), 0.5)
    mistakes = {
        "take the absolute value before the maximum.": [[[2, 0], [0, 2]]],
        "you added the colours up; take the largest.": [[[6, 0], [0, 2]]],
        "you took the mean of the colours; take the largest.": [[[2, 0], [0, 2 / 3]]],
        "these are the gradients with their colours; one number a pixel is asked for.": weights[
            None
        ],
        "one number a pixel is asked for: the largest of the three colours.": weights.abs()[None],
    }
    many = noise(2, 3, 4, 5)
    energy = (lambda pixels: pixels.square().sum(dim=(1, 2, 3)), many)
    run(
        function,
        Trial("a sum worked by hand", (score, grey), [[[3, 0], [0, 2]]], mistakes),
        Trial("two pictures, score Σ x²", energy, 2 * many.abs().amax(dim=1)),
        seen=on and Seen(on, saliency.gradient_size(*on), _lit),
    )


def smoothed_map(function: Callable, on: tuple | None = None) -> None:
    """(map_of, picture (1, C, H, W), noises (K, C, H, W)) -> the mean map of the noisy copies."""
    picture = torch.tensor([[[[0.0, 1.0]]]])
    noises = torch.tensor([[[[1.0, 1.0]]], [[[-1.0, 1.0]]]])  # their mean is (0, 1)
    mistakes = {
        "you averaged the noisy copies; take a map of each, then average.": [[0, 2]],
        "you added the maps up; take their mean.": [[2, 4]],
        "the picture is missing: the copies are picture + noise.": [[1, 1]],
        "the noise is missing: the copies are picture + noise.": [[0, 1]],
        "average the maps of all copies into one.": [[[1, 2]], [[1, 2]]],
    }
    many, draws = noise(1, 3, 4, 5), noise(8, 3, 4, 5)
    run(
        function,
        Trial("two copies worked by hand", (_size, picture, noises), [[1, 2]], mistakes),
        Trial("eight random copies", (_size, many, draws), _mean_map(_size, many, draws)),
        seen=on and Seen(on, _mean_map(*on), _lit),
    )


def integrated_gradients(function: Callable, on: tuple | None = None) -> None:
    """(gradient_of, x, baseline, steps) -> integrated gradients, by the midpoint rule.

    gradient_of: pixels -> ∂S/∂pixels of the same shape, which is also that of the answer.
    """
    x, baseline = torch.tensor([[2.0, 1.0], [0.0, 1.0]])  # S = Σ x²: x² − baseline²
    mistakes = {
        "the path is missing: multiply the mean gradient by x − baseline.": [2, 2],
        "this is gradient × path at the end; take gradients along the path.": [8, 0],
        "your gradients stand at the beginnings of the pieces; take (k + ½) / steps.": [3, 0],
        "your gradients stand at the ends of the pieces; take (k + ½) / steps.": [5, 0],
        "you added the gradients up; take their mean.": [16, 0],
        "multiply by x − baseline, not by x.": [4, 2],
        "the path goes from the baseline to x: x − baseline.": [-4, 0],
        "this is the sum; each value's own attribution is asked for.": 4,
    }
    cubes = (lambda at: 3 * at.square(), *noise(2, 3, 4), 5)
    run(
        function,
        Trial("S = Σ x², by hand", (lambda at: 2 * at, x, baseline, 4), [4, 0], mistakes),
        Trial("S = Σ x³, random", cubes, _at_middles(*cubes)),
        seen=on and Seen(on, _at_middles(*on), lambda parts: _lit(parts.abs().sum(dim=1))),
    )


def cut_out(function: Callable, on: tuple | None = None) -> None:
    """(picture (1, 3, H, W), heat (H, W)) -> the mask of the object under the map, (H, W) bool."""
    first, second = (_disc(*middle) for middle in ((24, 36), (38, 22)))
    (picture, heat), mask = first
    marks = torch.from_numpy(saliency.seeds(heat))
    mistakes = {
        "these are marks; the object is where they are GC_FGD or GC_PR_FGD.": marks,
        "these are the seeds alone; let GrabCut decide on the rest.": marks == cv2.GC_FGD,
        "this is the thresholded map; let GrabCut move its border.": marks % 2 == 1,
        "this is the background; the mask is true on the object.": ~mask,
        "one mask (H, W) is asked for.": mask[None],
    }
    run(
        function,
        Trial("a red disc on green", (picture, heat), mask, mistakes),
        Trial("a disc elsewhere", *second),
        seen=on
        and Seen(on, saliency.segment(*on), lambda cut: torch.where(cut > 0, on[0][0], 0.93)),
    )


def _lit(heat: Tensor):
    """A map as a picture: its highest half of a percent alike."""
    return plot.colored(heat.clamp(max=float(heat.quantile(0.995))), signed=False)


def _size(pixels: Tensor) -> Tensor:
    """A map that needs no network: (N, C, H, W) -> (N, H, W)."""
    return pixels.abs().amax(dim=1)


def _mean_map(map_of: Callable, picture: Tensor, noises: Tensor) -> Tensor:
    return map_of(picture + noises).mean(dim=0)


def _at_middles(gradient_of: Callable, x: Tensor, baseline: Tensor, steps: int) -> Tensor:
    middles = ((torch.arange(steps) + 0.5) / steps).tolist()
    return (x - baseline) * sum(gradient_of(baseline + a * (x - baseline)) for a in middles) / steps


def _disc(row: int, column: int) -> tuple[tuple[Tensor, Tensor], Tensor]:
    """A red disc on noisy green and a map that is highest in its middle; the disc's mask."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    distance = ((y - row).square() + (x - column).square()).sqrt()
    colors = torch.tensor([[0.8, 0.1, 0.1], [0.1, 0.6, 0.1]])[(distance >= 14).long()]
    picture = colors.movedim(-1, 0) + 0.03 * noise(3, 64, 64).clamp(-2, 2)
    return (picture[None].clamp(0, 1), (-distance / 10).exp()), distance < 14
