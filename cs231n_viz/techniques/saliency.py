"""Which pixels matter: the gradient of a class's score with respect to the pixels (Simonyan,
Vedaldi & Zisserman 2014).

Beside it what came of it: SmoothGrad (Smilkov et al. 2017), integrated gradients (Sundararajan,
Taly & Yan 2017), and an object cut out of its picture by GrabCut (Rother, Kolmogorov & Blake 2004),
which begins from a map.
"""

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from .. import images
from ..objectives import Target, gradient, score_of, targets_of


def saliency_map(model: nn.Module, pixels: Tensor, target: Target) -> Tensor:
    """How strongly each pixel moves the target: M = max over colours of |∂S/∂x|, (N, C, H, W) ->
    (N, H, W).

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
    """SmoothGrad: the mean saliency map of `samples` noisy copies, x + `noise` · N(0, 1), (N, H,
    W).
    """
    images.check_pixels(pixels, channels=model.channels)
    if samples < 1 or noise < 0:
        raise ValueError(
            f"SmoothGrad wants samples >= 1 and noise >= 0, not {samples} and {noise}."
        )
    generator, maps = torch.Generator().manual_seed(seed), []
    grain = torch.randn(
        samples, *pixels.shape[1:], generator=generator
    )  # the same for each picture
    grain = noise * grain.to(pixels)
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
    """Shares out S(x) − S(start) among the pixels: (x − start) · ∫₀¹ ∂S/∂x at start + α (x − start)
    dα.

    The integral is taken by Gauss–Legendre at `steps` points. start is the network's mean colour
    unless it is given, (1, C, 1, 1) or a whole picture. The parts sum up to the difference
    (completeness), but for `gap`.
    """
    images.check_pixels(pixels, channels=model.channels)
    if steps < 1:
        raise ValueError(f"the path is followed in at least one step, not {steps}.")
    way = pixels - (model.mean if start is None else start).to(pixels)
    places, weights = np.polynomial.legendre.leggauss(steps)  # on [−1, 1]
    places, weights = (
        torch.from_numpy(each).to(pixels)[:, None, None, None]
        for each in ((places - 1) / 2, weights / 2)
    )
    parts, differences = [], []
    for picture, move, wanted in zip(pixels, way, targets_of(target, len(pixels)), strict=True):
        score, stops = score_of(model, wanted), picture + places * move  # (steps, C, H, W)
        slopes = torch.cat([gradient(score, some) for some in stops.split(batch_size)])
        parts.append(move * (weights * slopes).sum(dim=0))
        with torch.no_grad():
            ends = score(torch.stack([picture, picture - move]))
        differences.append(ends[0] - ends[1])
    parts = torch.stack(parts)
    return Attribution(parts, parts.flatten(1).sum(dim=1) - torch.stack(differences).to(parts))


# --- from a map to an object ----------------------------------------------------------------------


def segment(
    picture: Tensor, heat: Tensor, sure: float = 0.97, background: float = 0.2, rounds: int = 2
) -> Tensor:
    """The object that a map points at, cut out of its picture (1, 3, H, W) by GrabCut: (H, W) bool.

    GrabCut learns the colours of `seeds` and decides on the rest (Simonyan et al. 2014, section
    3.2). Blur a map of single pixels before. A map without any contrast gives an empty object.
    """
    images.check_pixels(picture)
    if len(picture) != 1 or heat.shape != picture.shape[2:]:
        raise ValueError(
            f"one picture (1, 3, H, W) and its map (H, W) are cut at a time, not {tuple(picture.shape)} and "
            f"{tuple(heat.shape)}: images.resize(heat[None, None], size)[0, 0] makes a map fit."
        )
    marks = seeds(heat, sure, background)
    if not (marks == cv2.GC_FGD).any():
        return torch.zeros(heat.shape, dtype=torch.bool)
    return grab_cut(picture, marks, rounds)


def seeds(heat: Tensor, sure: float = 0.97, background: float = 0.2) -> np.ndarray:
    """What a map (H, W) says of each pixel, in OpenCV's four marks (H, W): where GrabCut begins.

    Values from quantile `sure` on are object for certain, those up to quantile `background`
    background for certain; between, what is warmer than the middle of the two is probably object.
    """
    if not 0 <= background < sure <= 1:
        raise ValueError(
            f"quantiles rise: 0 <= background < sure <= 1, not {background} and {sure}."
        )
    heat = heat.detach().cpu().float()
    low, high = heat.quantile(background), heat.quantile(sure)
    certain = heat >= high if high > low else heat > low  # a map that is zero nearly everywhere
    marks = np.full(heat.shape, cv2.GC_PR_BGD, np.uint8)
    marks[(heat >= (low + high) / 2).numpy()] = cv2.GC_PR_FGD
    marks[(heat <= low).numpy()] = cv2.GC_BGD
    marks[certain.numpy()] = cv2.GC_FGD
    return marks


def box_seeds(height: int, width: int, share: float) -> np.ndarray:
    """The marks of a box in the middle, `share` of each side: what lies outside is background for
    certain.

    One pixel of rim lies outside in any case, for GrabCut cannot learn from no background at all.
    """
    if not 0 < share <= 1:
        raise ValueError(f"the box takes a share of each side above 0 and up to 1, not {share}.")
    down, across = (max(1, round(side * (1 - share) / 2)) for side in (height, width))
    marks = np.full((height, width), cv2.GC_BGD, np.uint8)
    marks[down:-down, across:-across] = cv2.GC_PR_FGD
    return marks


def grab_cut(picture: Tensor, marks: np.ndarray, rounds: int = 2) -> Tensor:
    """GrabCut from a map of OpenCV's four marks, GC_BGD, GC_FGD, GC_PR_BGD and GC_PR_FGD (H, W):
    (H, W) bool.
    """
    cv2.setRNGSeed(
        0
    )  # it begins with k-means, and OpenCV's random numbers have no generator of their own
    array = (
        (picture[0].detach().cpu().permute(1, 2, 0).numpy()[..., ::-1] * 255)
        .round()
        .astype(np.uint8)
    )
    marks, colors = marks.copy(), np.zeros((2, 1, 65))
    cv2.grabCut(np.ascontiguousarray(array), marks, None, *colors, rounds, cv2.GC_INIT_WITH_MASK)
    return torch.from_numpy(np.isin(marks, (cv2.GC_FGD, cv2.GC_PR_FGD)))
