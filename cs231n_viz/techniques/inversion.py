"""Inversion: another picture with the same features at a layer (Mahendran & Vedaldi 2015).

    min over x of  ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖²  +  tv · TV(x) / pixels

What the two pictures share, the layer keeps; to what differs, it is invariant. `psnr` and
`best_shift` measure how the reconstruction x differs from the reference x₀.
"""

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..errors import positive, whole
from ..objectives import feature_distance, total_variation, weighted_sum
from ..optimize import ADAM_THEN_LBFGS, Step, descend, final, on_device_of
from ..transforms import blur, fourier_noise, fourier_to_pixels


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def invert_steps(
    model: nn.Module, pixels: Tensor, layer: str, tv: float = 1.0, steps: int = 300, seed: int = 0
) -> Iterator[Step]:
    """Steps from noise to pictures (N, C, H, W) in [0, 1] with the features of `pixels` at a layer.

        ‖Φ(x) − Φ(x₀)‖² / ‖Φ(x₀)‖² + tv · Σ (squared differences of neighbours) / (H · W)

    The parameter is a Fourier spectrum with decorrelated colours (Olah et al. 2017): low
    frequencies, and brightness before colour, change first. A few steps of Adam, then L-BFGS. Every
    picture starts from the same noise. Raises ValueError for an unknown layer or for features that
    are all zero, and optimize.Diverged, with the last good Step, where something becomes NaN.
    """
    images.check_pixels(pixels, channels=model.channels)
    on_device, (height, width) = pixels.to(model.device), pixels.shape[2:]
    noise = fourier_noise(height, width, seed, channels=model.channels, scale=10).to(on_device)
    loss = feature_distance(model, layer, activations_at(model, on_device, layer))
    if positive("tv", tv, zero=True):
        loss = weighted_sum((1, loss), (tv / (height * width), total_variation()))
    decode, steps = fourier_to_pixels(model.channels, height, width), whole("steps", steps, 1)
    start = noise.repeat(len(pixels), 1, 1, 1, 1)
    run = descend(start, loss, steps=steps, decode=decode, direction=ADAM_THEN_LBFGS)
    return on_device_of(pixels, run)


invert = final(invert_steps)


# --- comparison with the reference ----------------------------------------------------------------


def psnr(image: Tensor, reference: Tensor) -> Tensor:
    """Peak signal-to-noise ratio in decibels, 10 · log₁₀(1 / mean (x − x₀)²), (N,).

    20: a root mean square error of 0.1; 40: of 0.01.
    """
    return -10 * (image - reference).square().flatten(1).mean(dim=1).log10()


def best_shift(image: Tensor, reference: Tensor) -> Tensor:
    """The shift in pixels that best aligns the image with the reference: (N, 2), down and right.

    Of all circular shifts the one with the largest cross-correlation of `contrast` (by FFT), so
    neither sign nor colour counts. A flat picture gives (0, 0), which means nothing.
    """
    ours, theirs = (torch.fft.rfft2(contrast(each)) for each in (image, reference))
    height, width = image.shape[2:]
    match = torch.fft.irfft2(ours.conj() * theirs, s=(height, width)).flatten(1)  # (N, shifts)
    best = match.argmax(dim=1, keepdim=True)
    shift, sizes = torch.cat([best // width, best % width], dim=1), best.new_tensor([height, width])
    return (shift + sizes // 2) % sizes - sizes // 2


def contrast(image: Tensor, sigma: float = 2.0) -> Tensor:
    """The gradient magnitude of the brightness, blurred by sigma, minus its mean: (N, H, W)."""
    grey = image.mean(dim=1, keepdim=True)
    down, right = (grey - grey.roll(1, dims=dim) for dim in (2, 3))
    steepness = blur(sigma)(torch.hypot(down, right))
    return (steepness - steepness.mean(dim=(2, 3), keepdim=True))[:, 0]
