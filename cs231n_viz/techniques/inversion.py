"""What a layer keeps of a picture: another picture that gives it the same features (Mahendran &
Vedaldi 2015).

    min over x of  ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖²  +  tv · TV(x) / pixels

What the two pictures share, the layer asks for; where they differ, it accepts either. `psnr`,
`color_errors`, `correlations` and `best_shift` say in numbers how the made picture differs from the
one that it was made after.
"""

import math
from collections.abc import Iterator
from numbers import Integral
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..objectives import feature_distance, total_variation, weighted_sum
from ..optimize import ADAM_THEN_LBFGS, Constraint, Step, descend, keep, last, map_steps
from ..transforms import blur, fourier_noise, fourier_to_pixels

LONGEST = 4  # waves a picture with which coarse to fine begins
FLAT = 1e-3  # a sum of squares that rounding alone can make


def invert_steps(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    tv: float = 1.0,
    steps: int = 150,
    seed: int = 0,
    coarse: float = 0.0,
) -> Iterator[Step]:
    """From noise, step by step, towards a picture with the features of `pixels` (N, C, H, W) at a
    layer.

        ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖² + tv · Σ (squared differences of neighbours) / (H · W)

    On a Fourier spectrum with decorrelated colours (Olah et al. 2017): long waves, and light before
    colour, move first. A few steps of Adam, then L-BFGS. coarse: the share of the steps in which
    the shortest waves allowed grow shorter, 0 for none. Every picture starts from the same noise.
    Raises ValueError for an unknown layer, for features that are all zero, and optimize.Diverged,
    with the last good Step, where something becomes NaN.
    """
    images.check_pixels(pixels, channels=model.channels)
    _check_settings(tv, steps, coarse)
    there, (height, width) = pixels.to(model.device), pixels.shape[2:]
    noise = fourier_noise(height, width, seed, channels=model.channels, scale=10)
    with torch.no_grad():
        features = activations_at(model, there, layer)
    loss = feature_distance(model, layer, features)
    if tv:
        loss = weighted_sum((1, loss), (tv / (height * width), total_variation()))
    walk = descend(
        noise.to(there).repeat(len(pixels), 1, 1, 1, 1),
        loss,
        steps=steps,
        decode=fourier_to_pixels(model.channels, height, width),
        direction=ADAM_THEN_LBFGS,
        constrain=_coarse_to_fine(height, width, round(coarse * steps)),
    )
    return map_steps(
        walk, lambda step: step._replace(image=step.image.to(pixels), value=step.value.to(pixels))
    )


def invert(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    tv: float = 1.0,
    steps: int = 150,
    seed: int = 0,
    coarse: float = 0.0,
) -> Tensor:
    """The last picture of `invert_steps`, (N, C, H, W) in [0, 1]: what `layer` asks of `pixels`."""
    return last(invert_steps(model, pixels, layer, tv, steps, seed, coarse))


def _check_settings(tv: float, steps: int, coarse: float) -> None:
    if not tv >= 0 or not math.isfinite(tv):
        raise ValueError(
            f"tv is the weight of the roughness, 0 or more, not {tv}: below 0 it would be sought."
        )
    if not isinstance(steps, Integral) or steps < 1:
        raise ValueError(f"a picture is made in whole steps, at least one step, not {steps}.")
    if not 0 <= coarse <= 1:
        raise ValueError(f"coarse is a share of the steps, from 0 to 1, not {coarse}.")


def _coarse_to_fine(height: int, width: int, until: int) -> Constraint:
    """Waves (…, height, width // 2 + 1, 2) longer than a limit that falls from step to step; all
    from `until` on.
    """
    if not until:
        return keep
    down, right = torch.fft.fftfreq(height).view(-1, 1), torch.fft.rfftfreq(width).view(1, -1)
    side = max(height, width)
    waves = torch.hypot(down, right)[..., None] * side  # how many of them fit along the longer side

    def long_ones(spectrum: Tensor, index: int) -> Tensor:
        if index >= until:
            return spectrum
        shortest = LONGEST * (side / LONGEST) ** (index / until)
        return spectrum * (waves <= shortest).to(spectrum)

    return long_ones


# --- how near is it to the picture? ---------------------------------------------------------------


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, 10 · log₁₀(1 / mean (x − x₀)²), (N,): 20 is a tenth
    off, 40 a hundredth.
    """
    return -10 * (image - reference).square().flatten(1).mean(dim=1).log10()


class LightAndColor(NamedTuple):
    light: Tensor  # (N,)
    color: Tensor  # (N,) the same for the two directions of colour beside the light


def color_errors(image: Tensor, reference: Tensor) -> LightAndColor:
    """Σ (x − x₀)² / Σ (x₀ − its mean)², apart for light, (R + G + B) / √3, and for what is left,
    the colour.

    0: the same. 1: as far off as one flat colour, the right one. NaN where the reference is flat: a
    grey one has no colour to be measured by.
    """
    wrong, whole = _parts(image - reference), _parts(_centered(reference))
    return LightAndColor(
        *(_share(_product(a, a), _product(b, b)) for a, b in zip(wrong, whole, strict=True))
    )


def _share(part: Tensor, whole: Tensor) -> Tensor:
    return torch.where(whole > FLAT, part / whole, torch.nan)


def correlations(image: Tensor, reference: Tensor) -> LightAndColor:
    """How alike the patterns of light and of colour are, whatever their mean and contrast:
    Pearson's r of each.

    1: the same pattern. 0: nothing in common, or a flat picture. Below 0: reversed.
    """
    both = zip(_parts(_centered(image)), _parts(_centered(reference)), strict=True)
    return LightAndColor(
        *(
            _product(a, b) / (_product(a, a) * _product(b, b)).sqrt().clamp(min=FLAT)
            for a, b in both
        )
    )


def _centered(pixels: Tensor) -> Tensor:
    return pixels - pixels.mean(dim=(2, 3), keepdim=True)


def _parts(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """The light (N, 1, H, W) and the colour (N, 3, H, W); their squares add up to those of the
    pixels.
    """
    mean = pixels.mean(dim=1, keepdim=True)
    return pixels.shape[1] ** 0.5 * mean, pixels - mean


def _product(one: Tensor, other: Tensor) -> Tensor:
    return (one * other).flatten(1).sum(dim=1)


def best_shift(image: Tensor, reference: Tensor, sigma: float = 2.0) -> Tensor:
    """By how many pixels the image must be moved to lie best on the reference: (N, 2), down and
    right.

    What is laid on each other is where there is contrast, whatever its sign and colour: the slope
    of the light, blurred by sigma. All moves are tried, in a circle, by one product of spectra; the
    largest sum of products wins. A flat picture lies nowhere; of it the answer, (0, 0), says
    nothing.
    """
    ours, theirs = (torch.fft.rfft2(contrast(each, sigma)) for each in (image, reference))
    height, width = image.shape[2:]
    match = torch.fft.irfft2(ours.conj() * theirs, s=(height, width)).flatten(1)  # (N, moves)
    move = match.argmax(dim=1)
    down, right = move // width, move % width
    return torch.stack(
        [(down + height // 2) % height - height // 2, (right + width // 2) % width - width // 2], 1
    )


def contrast(image: Tensor, sigma: float = 2.0) -> Tensor:
    """How steep the light is around each pixel, its mean taken off: (N, H, W)."""
    light = image.mean(dim=1, keepdim=True)
    down, right = (light - light.roll(1, dims=dim) for dim in (2, 3))
    steep = blur(sigma)(torch.hypot(down, right))[:, 0]
    return steep - steep.mean(dim=(1, 2), keepdim=True)
