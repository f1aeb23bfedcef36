"""Draws a sky with clouds: noise in which a wave counts the more, the longer it is, as in real clouds."""

import numpy as np
from numpy import ndarray


def clouds(height: int, width: int, seed: int = 0, cover: float = 0.45) -> ndarray:
    """(height, width, 3) float in [0, 1]: white and grey clouds over about the share `cover` of a blue sky."""
    rng = np.random.default_rng(seed)
    thickness = _waves(height, width, rng)
    white = 1 / (1 + np.exp(-2.4 * (thickness - np.quantile(thickness, 1 - cover))))
    shade = 1 / (1 + np.exp(-1.5 * (np.roll(thickness, (6, 6), (0, 1)) - 0.5)))  # the light comes from the upper left
    depth = np.linspace(0, 1, height)[:, None]
    blue = np.stack([0.25 + 0.3 * depth, 0.45 + 0.27 * depth, 0.75 + 0.12 * depth], axis=-1)
    return (blue * (1 - white[..., None]) + ((0.97 - 0.2 * shade) * white)[..., None]).clip(0, 1)


def _waves(height: int, width: int, rng: np.random.Generator) -> ndarray:
    """Random waves, flat ones longer than wide: (height, width), mean 0 and deviation 1."""
    down, across = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    frequency = np.hypot(1.6 * down, across).clip(min=1)
    shape = height, width // 2 + 1
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency**1.75
    spectrum[0, 0] = 0
    waves = np.fft.irfft2(spectrum, s=(height, width))
    return waves / waves.std()
