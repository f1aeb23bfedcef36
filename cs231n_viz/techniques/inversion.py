"""What a layer keeps of a picture: another with the same features (Mahendran & Vedaldi 2015).

    min over x of  ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖²  +  tv · TV(x) / pixels

What the two pictures share, the layer needs; where they differ, it accepts either. `psnr`,
`color_errors`, `correlations` and `best_shift` say in numbers how the reconstruction x differs from
the reference x₀.
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..errors import positive, whole
from ..objectives import feature_distance, total_variation, weighted_sum
from ..optimize import ADAM_THEN_LBFGS, Step, descend, final, on_device_of
from ..transforms import blur, fourier_noise, fourier_to_pixels

FLAT = 1e-3  # a sum of squares that rounding alone can make


def invert_steps(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    tv: float = 1.0,
    steps: int = 150,
    seed: int = 0,
) -> Iterator[Step]:
    """From noise towards a picture (N, C, H, W) in [0, 1] with the features of `pixels` at a layer.

        ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖² + tv · Σ (squared differences of neighbours) / (H · W)

    On a Fourier spectrum with decorrelated colours (Olah et al. 2017): long waves, and light before
    colour, move first. A few steps of Adam, then L-BFGS. Every picture starts from the same noise.
    Raises ValueError for an unknown layer, for features that are all zero, and optimize.Diverged,
    with the last good Step, where something becomes NaN.
    """
    images.check_pixels(pixels, channels=model.channels)
    on_device, (height, width) = pixels.to(model.device), pixels.shape[2:]
    noise = fourier_noise(height, width, seed, channels=model.channels, scale=10)
    with torch.no_grad():
        features = activations_at(model, on_device, layer)
    loss = feature_distance(model, layer, features)
    if positive("tv", tv, zero=True):
        loss = weighted_sum((1, loss), (tv / (height * width), total_variation()))
    walk = descend(
        noise.to(on_device).repeat(len(pixels), 1, 1, 1, 1),
        loss,
        steps=whole("steps", steps, 1),
        decode=fourier_to_pixels(model.channels, height, width),
        direction=ADAM_THEN_LBFGS,
    )
    return on_device_of(pixels, walk)


invert = final(invert_steps)


# --- how near is it to the picture? ---------------------------------------------------------------


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, 10 · log₁₀(1 / mean (x − x₀)²), (N,).

    20 is a tenth off, 40 a hundredth.
    """
    return -10 * (image - reference).square().flatten(1).mean(dim=1).log10()


class LightAndColor(NamedTuple):
    light: Tensor  # (N,) of (R + G + B) / √3
    color: Tensor  # (N,) of what is left, the two directions of colour beside the light


def color_errors(image: Tensor, reference: Tensor) -> LightAndColor:
    """Σ (x − x₀)² / Σ (x₀ − its mean)², apart for light and for colour.

    0: the same. 1: as far off as one flat colour, the right one. NaN where the reference is flat: a
    grey one has no colour to be measured by.
    """
    wrong, centered = image - reference, _centered(reference)
    error, size = _products(wrong, wrong), _products(centered, centered)
    return LightAndColor(*torch.where(size > FLAT, error / size, torch.nan))


def correlations(image: Tensor, reference: Tensor) -> LightAndColor:
    """Pearson's r of the patterns of light and of colour, whatever their mean and contrast.

    1: the same pattern. 0: nothing in common, or a flat picture. Below 0: reversed.
    """
    one, other = _centered(image), _centered(reference)
    size = (_products(one, one) * _products(other, other)).sqrt()
    return LightAndColor(*(_products(one, other) / size.clamp(min=FLAT)))


def _centered(pixels: Tensor) -> Tensor:
    return pixels - pixels.mean(dim=(2, 3), keepdim=True)


def _products(one: Tensor, other: Tensor) -> Tensor:
    """Σ one · other over pixels, apart for light and for colour, (2, N)."""
    pairs = zip(_light_and_color(one), _light_and_color(other), strict=True)
    return torch.stack([(a * b).flatten(1).sum(dim=1) for a, b in pairs])


def _light_and_color(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Light (N, 1, H, W) and colour (N, 3, H, W): their squares add up to those of the pixels."""
    mean = pixels.mean(dim=1, keepdim=True)
    return pixels.shape[1] ** 0.5 * mean, pixels - mean


def best_shift(image: Tensor, reference: Tensor) -> Tensor:
    """By how many pixels to move the image to match the reference: (N, 2), down and right.

    The shift with the largest cross-correlation of `contrast`, so neither sign nor colour counts,
    among all circular shifts, by one product of spectra. A flat picture gives (0, 0), which means
    nothing.
    """
    ours, theirs = (torch.fft.rfft2(contrast(each)) for each in (image, reference))
    height, width = image.shape[2:]
    match = torch.fft.irfft2(ours.conj() * theirs, s=(height, width)).flatten(1)  # (N, shifts)
    best = match.argmax(dim=1)
    down, right = best // width, best % width
    return torch.stack(
        [(down + height // 2) % height - height // 2, (right + width // 2) % width - width // 2], 1
    )


def contrast(image: Tensor, sigma: float = 2.0) -> Tensor:
    """The gradient magnitude of the light, blurred by sigma, its mean taken off: (N, H, W)."""
    light = image.mean(dim=1, keepdim=True)
    down, right = (light - light.roll(1, dims=dim) for dim in (2, 3))
    steep = blur(sigma)(torch.hypot(down, right))[:, 0]
    return steep - steep.mean(dim=(1, 2), keepdim=True)
