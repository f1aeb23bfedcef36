"""Which pixels matter: the gradient of a class's score (Simonyan, Vedaldi & Zisserman 2014).

Also SmoothGrad (Smilkov et al. 2017), integrated gradients (Sundararajan, Taly & Yan 2017), and
segmentation of the object by GrabCut (Rother, Kolmogorov & Blake 2004), starting from a map.
"""

from collections.abc import Callable
from functools import partial
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from .. import errors, images
from ..objectives import Objective, Target, gradient, score_of, target_for, targets_of

STATISTICS = ("mean", "mean square", "variance")


def saliency_map(model: nn.Module, pixels: Tensor, target: Target = None) -> Tensor:
    """The saliency map, M = max over colours of |∂S/∂x|: (N, H, W).

    S is the score (logit), not the probability, which also rises when other classes fall. target:
    see `objectives.score_of`; None is the network's own answer, a list a class for each picture.
    """
    return gradient_size(score_of(model, target_for(model, target, pixels)), pixels)


def gradient_size(score: Objective, pixels: Tensor) -> Tensor:
    """The largest colour of |∂ score / ∂ pixels| at each position: (N, H, W)."""
    return gradient(score, pixels).abs().amax(dim=1)


def smooth_saliency(
    model: nn.Module, pixels: Tensor, target: Target = None, samples=32, noise=0.15, **settings
) -> Tensor:
    """SmoothGrad: the mean saliency map of `samples` copies x + noise · N(0, 1): (N, H, W).

    The noise is the same for each picture. A case of `smooth`, whose seed, statistic and batch_size
    may be named, too.
    """
    wanted = targets_of(target_for(model, target, pixels), len(pixels))
    maps = (partial(gradient_size, score_of(model, each)) for each in wanted)
    pairs = zip(maps, pixels.split(1), strict=True)
    return torch.cat([smooth(*pair, samples, noise, bounded=False, **settings) for pair in pairs])


def smooth(
    map_of: Callable[[Tensor], Tensor],
    pixels: Tensor,
    samples: int = 32,
    noise: float = 0.15,
    seed: int = 0,
    statistic: str = "mean",
    *,
    batch_size: int = 16,
    bounded: bool = True,
) -> Tensor:
    """A statistic of the maps of `samples` noisy copies x + noise · N(0, 1) of each picture.

    map_of: copies of one picture (n, C, H, W) -> maps (n, …), such as
    lambda some: cam.grad_cam(model, some, "tarantula"). statistic: "mean" (SmoothGrad), "mean
    square" or "variance" (VarGrad, Adebayo et al. 2018). bounded: the copies are clamped to
    [0, 1], the pixels that maps of this package take; the paper's are not.
    """
    images.check_pixels(pixels, channels=None)
    errors.whole("samples", samples, 1)
    errors.positive("noise", noise, zero=True)
    errors.known("statistic", statistic, STATISTICS)
    generator, found = torch.Generator().manual_seed(seed), []
    grain = noise * torch.randn(samples, *pixels.shape[1:], generator=generator).to(pixels)
    for picture in pixels.split(1):
        copies = (picture + grain).clamp(0, 1) if bounded else picture + grain
        maps = torch.cat([map_of(some) for some in copies.split(batch_size)])  # (samples, …)
        center = maps.mean(dim=0) if statistic == "variance" else 0
        found.append((maps if statistic == "mean" else (maps - center).square()).mean(dim=0))
    return torch.stack(found)


class Attribution(NamedTuple):
    attributions: Tensor  # (N, C, H, W) the attribution of each value of the picture
    gap: Tensor  # (N,) Σ attributions − (S(x) − S(x₀)): zero with enough steps


def integrated_gradients(
    model: nn.Module,
    pixels: Tensor,
    target: Target = None,
    baseline: Tensor | None = None,
    steps: int = 50,
    batch_size: int = 16,
) -> Attribution:
    """Attributions of S(x) − S(x₀) to pixels: (x − x₀) · ∫₀¹ ∂S/∂x(x₀ + α (x − x₀)) dα.

    The integral is computed by Gauss–Legendre quadrature at `steps` points. baseline: x₀,
    a colour (1, C, 1, 1) or a whole picture; the network's mean colour unless it is given. They
    sum to the difference (completeness), up to `gap`.
    """
    targets, found = targets_of(target_for(model, target, pixels), len(pixels)), []
    errors.whole("steps", steps, 1)
    paths = pixels - (model.mean if baseline is None else baseline).to(pixels)
    points, weights = np.polynomial.legendre.leggauss(steps)  # on [−1, 1]
    scaled = (torch.from_numpy(each) for each in ((points - 1) / 2, weights / 2))
    points, weights = (each.to(pixels)[:, None, None, None] for each in scaled)
    for picture, path, wanted in zip(pixels, paths, targets, strict=True):
        score, on_path = score_of(model, wanted), picture + points * path  # (steps, C, H, W)
        gradients = torch.cat([gradient(score, some) for some in on_path.split(batch_size)])
        parts = path * (weights * gradients).sum(dim=0)
        with torch.no_grad():
            ends = score(torch.stack([picture, picture - path]))
        found.append((parts, parts.sum() - (ends[0] - ends[1]).to(parts)))
    return Attribution(*map(torch.stack, zip(*found, strict=True)))


# --- from a map to an object ----------------------------------------------------------------------


def segment(picture: Tensor, heat: Tensor, sure: float = 0.97, background: float = 0.2) -> Tensor:
    """Mask of the object under a map, by GrabCut on its picture (1, 3, H, W): (H, W) bool.

    GrabCut fits colour models to `seeds` and labels the rest (Simonyan et al. 2014, section 3.2).
    Blur a map of single pixels before. A constant map gives an empty mask.
    """
    images.check_one("what is cut", picture)
    if heat.shape != picture.shape[2:]:
        shapes = f"{tuple(picture.shape[2:])}, not {tuple(heat.shape)}"
        raise ValueError(f"the map of a picture is as large as it, (H, W) = {shapes}.")
    marks = seeds(heat, sure, background)
    if not (marks == cv2.GC_FGD).any():
        return torch.zeros(heat.shape, dtype=torch.bool)
    return grab_cut(picture, marks)


def seeds(heat: Tensor, sure: float = 0.97, background: float = 0.2) -> np.ndarray:
    """The initial marks of GrabCut: each pixel of a map (H, W) as one of OpenCV's four.

    Values from quantile `sure` on are object for certain, those up to quantile `background`
    background for certain; between, values above the middle of the two are probably object.
    """
    errors.share("sure", sure)
    errors.share("background", background, 0, sure, below=True)
    heat = heat.detach().cpu().float()
    low, high = heat.quantile(background), heat.quantile(sure)
    certain = heat >= high if high > low else heat > low  # a map that is zero nearly everywhere
    found = [each.numpy() for each in (certain, heat <= low, heat >= (low + high) / 2)]
    marks = [cv2.GC_FGD, cv2.GC_BGD, cv2.GC_PR_FGD]  # of each pixel the first that holds
    return np.select(found, marks, cv2.GC_PR_BGD).astype(np.uint8)


def box_seeds(height: int, width: int, share: float) -> np.ndarray:
    """The marks of a box in the middle, `share` of each side; outside is background for certain.

    The border of one pixel is always background, for GrabCut needs some.
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
