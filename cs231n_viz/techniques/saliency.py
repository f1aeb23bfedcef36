"""Which pixels matter: the gradient of a class's score (Simonyan, Vedaldi & Zisserman 2014).

Beside it what came of it: SmoothGrad (Smilkov et al. 2017), integrated gradients (Sundararajan,
Taly & Yan 2017), and an object cut out of its picture by GrabCut (Rother, Kolmogorov & Blake 2004),
which begins from a map.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from .. import errors, images
from ..objectives import Target, gradient, score_of, targets_of


def saliency_map(model: nn.Module, pixels: Tensor, target: Target) -> Tensor:
    """How strongly each pixel moves the target: M = max over colours of |∂S/∂x|, (N, H, W).

    S is the score, the logit, and not the probability: that rises, too, when other classes fall.
    """
    images.check_pixels(pixels, channels=model.channels)
    return gradient(score_of(model, target), pixels).abs().amax(dim=1)


def smooth_saliency(
    model: nn.Module,
    pixels: Tensor,
    target: Target,
    samples: int = 32,
    noise: float = 0.15,
    seed: int = 0,
    batch_size: int = 16,
) -> Tensor:
    """SmoothGrad: the mean saliency map of `samples` copies x + noise · N(0, 1): (N, H, W).

    The noise is the same for each picture.
    """
    images.check_pixels(pixels, channels=model.channels)
    errors.whole("samples", samples, 1)
    errors.positive("noise", noise, zero=True)
    generator, maps = torch.Generator().manual_seed(seed), []
    grain = noise * torch.randn(samples, *pixels.shape[1:], generator=generator).to(pixels)
    for picture, wanted in zip(pixels.split(1), targets_of(target, len(pixels)), strict=True):
        score, total = score_of(model, wanted), 0
        for some in (picture + grain).split(batch_size):
            total = total + gradient(score, some).abs().amax(dim=1).sum(dim=0)
        maps.append(total / samples)
    return torch.stack(maps)


class Attribution(NamedTuple):
    parts: Tensor  # (N, C, H, W) what each value of the picture has added to the target
    gap: Tensor  # (N,) Σ parts − (S(x) − S(start)): zero if the path was followed finely enough


def integrated_gradients(
    model: nn.Module,
    pixels: Tensor,
    target: Target,
    start: Tensor | None = None,
    steps: int = 50,
    batch_size: int = 16,
) -> Attribution:
    """Shares out S(x) − S(x₀) among the pixels: (x − x₀) · ∫₀¹ ∂S/∂x(x₀ + α (x − x₀)) dα.

    The integral is taken by Gauss–Legendre at `steps` points. start, x₀, is the network's mean
    colour unless it is given, (1, C, 1, 1) or a whole picture. The parts sum up to the difference
    (completeness), but for `gap`.
    """
    images.check_pixels(pixels, channels=model.channels)
    errors.whole("steps", steps, 1)
    ways = pixels - (model.mean if start is None else start).to(pixels)
    points, weights = np.polynomial.legendre.leggauss(steps)  # on [−1, 1]
    points, weights = (
        torch.from_numpy(each).to(pixels)[:, None, None, None]
        for each in ((points - 1) / 2, weights / 2)
    )
    parts, differences = [], []
    for picture, way, wanted in zip(pixels, ways, targets_of(target, len(pixels)), strict=True):
        score, stops = score_of(model, wanted), picture + points * way  # (steps, C, H, W)
        gradients = torch.cat([gradient(score, some) for some in stops.split(batch_size)])
        parts.append(way * (weights * gradients).sum(dim=0))
        with torch.no_grad():
            ends = score(torch.stack([picture, picture - way]))
        differences.append(ends[0] - ends[1])
    parts = torch.stack(parts)
    return Attribution(parts, parts.flatten(1).sum(dim=1) - torch.stack(differences).to(parts))


# --- from a map to an object ----------------------------------------------------------------------


def segment(picture: Tensor, heat: Tensor, sure: float = 0.97, background: float = 0.2) -> Tensor:
    """The object that a map points at, cut out of its picture (1, 3, H, W) by GrabCut: (H, W) bool.

    GrabCut learns the colours of `seeds` and decides on the rest (Simonyan et al. 2014, section
    3.2). Blur a map of single pixels before. A map without any contrast gives an empty object.
    """
    images.check_pixels(picture)
    if len(picture) != 1 or heat.shape != picture.shape[2:]:
        given = f"{tuple(picture.shape)} and {tuple(heat.shape)}"
        raise ValueError(f"one picture (1, 3, H, W) and its map (H, W) are cut, not {given}.")
    marks = seeds(heat, sure, background)
    if not (marks == cv2.GC_FGD).any():
        return torch.zeros(heat.shape, dtype=torch.bool)
    return grab_cut(picture, marks)


def seeds(heat: Tensor, sure: float = 0.97, background: float = 0.2) -> np.ndarray:
    """Where GrabCut begins: each pixel of a map (H, W) as one of OpenCV's four marks.

    Values from quantile `sure` on are object for certain, those up to quantile `background`
    background for certain; between, what is warmer than the middle of the two is probably object.
    """
    errors.share("sure", sure)
    errors.share("background", background, 0, sure)
    heat = heat.detach().cpu().float()
    low, high = heat.quantile(background), heat.quantile(sure)
    certain = heat >= high if high > low else heat > low  # a map that is zero nearly everywhere
    marks = np.full(heat.shape, cv2.GC_PR_BGD, np.uint8)
    marks[(heat >= (low + high) / 2).numpy()] = cv2.GC_PR_FGD
    marks[(heat <= low).numpy()] = cv2.GC_BGD
    marks[certain.numpy()] = cv2.GC_FGD
    return marks


def box_seeds(height: int, width: int, share: float) -> np.ndarray:
    """The marks of a box in the middle, `share` of each side; outside is background for certain.

    One pixel of rim lies outside in any case, for GrabCut cannot learn from no background at all.
    """
    errors.share("share", share, 0.01)
    down, across = (max(1, round(side * (1 - share) / 2)) for side in (height, width))
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    marks[down:-down, across:-across] = cv2.GC_PR_FGD
    return marks


def grab_cut(picture: Tensor, marks: np.ndarray) -> Tensor:
    """Two rounds of GrabCut from a map of OpenCV's marks (H, W): (H, W) bool.

    The marks are cv2.GC_BGD, GC_FGD, GC_PR_BGD and GC_PR_FGD.
    """
    # It begins with k-means, and OpenCV's random numbers have no generator of their own.
    cv2.setRNGSeed(0)
    blue_first = np.ascontiguousarray(np.asarray(images.to_picture(picture))[..., ::-1])
    marks, colors = marks.copy(), np.zeros((2, 1, 65))
    cv2.grabCut(blue_first, marks, None, *colors, 2, cv2.GC_INIT_WITH_MASK)
    return torch.from_numpy(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)))
