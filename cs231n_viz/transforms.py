"""Small functions image -> image, made by factories: disturb, smooth or bound it, make it at all.

    augment    what the network sees        jitter, random_scale, random_rotate
    constrain  where the picture must stay  clamp, within, blur, clip_small
    decode     what is changed -> pixels    from_fourier, decorrelated_colors, from_unbounded
    encode     and back again               to_fourier, to_decorrelated, to_unbounded

`chain` puts them in a row; `fourier_to_pixels` and `pixels_to_fourier` are the usual chains. The
random ones draw from the seed or torch.Generator that they are given, once for the whole batch, so
that a picture is treated alike alone and in company.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from . import errors

Transform = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> image

# How the colours of photographs vary together: columns are light, red to blue, magenta to green,
# each as long as it is common. Measured on ImageNet by the authors of Lucid (Olah, Mordvintsev &
# Schubert 2017).
COLOR_CORRELATION = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOR_MIX = COLOR_CORRELATION / COLOR_CORRELATION.norm(dim=0).max()  # the longest column to 1


def identity(image: Tensor) -> Tensor:
    """The picture as it is."""
    return image


def grey(image: Tensor) -> Tensor:
    """The mean of the channels in every channel: a picture without its colours."""
    return image.mean(dim=1, keepdim=True).expand_as(image)


def chain(*steps: Callable) -> Callable:
    """One step after the other; what comes with the image (a step's index) is given to each."""

    def run(image: Tensor, *extra) -> Tensor:
        for step in steps:
            image = step(image, *extra)
        return image

    return run


def jitter(most: int, generator: torch.Generator | int) -> Transform:
    """Roll the picture by up to `most` pixels either way along both sides, at random."""
    errors.whole("jitter", most)
    generator = _generator(generator)

    def roll(image: Tensor) -> Tensor:
        shifts = torch.randint(-most, most + 1, (2,), generator=generator, device=generator.device)
        return image.roll(shifts.tolist(), dims=(-2, -1))

    return roll


def random_scale(low: float, high: float, generator: torch.Generator | int) -> Transform:
    """Enlarge about the centre by a factor from [low, high]; the size stays, gaps are mirrored."""
    if not 0 < low <= high:
        raise ValueError(f"random_scale needs 0 < low <= high, not low={low} and high={high}.")
    generator = _generator(generator)

    def scale(image: Tensor) -> Tensor:
        shrink = 1 / _uniform(low, high, generator)  # grid_sample asks where each pixel comes from
        return _warp(image, [[shrink, 0.0, 0.0], [0.0, shrink, 0.0]])

    return scale


def random_rotate(degrees: float, generator: torch.Generator | int) -> Transform:
    """Turn about the centre by up to `degrees` either way; the size stays, gaps are mirrored."""
    generator = _generator(generator)

    def rotate(image: Tensor) -> Tensor:
        angle = math.radians(_uniform(-degrees, degrees, generator))
        aspect = image.shape[-2] / image.shape[-1]  # x is in half widths, y in half heights
        cos, sin = math.cos(angle), math.sin(angle)
        return _warp(image, [[cos, -sin * aspect, 0.0], [sin / aspect, cos, 0.0]])

    return rotate


def blur(sigma: float) -> Transform:
    """Gaussian blur, `sigma` in pixels, repeating the edge; the window ends at four sigmas."""
    errors.positive("the sigma of blur", sigma, zero=True)
    radius = round(4 * sigma)
    distance = torch.arange(-radius, radius + 1.0)
    weights = torch.exp(-(distance**2) / (2 * sigma**2)) if radius else torch.ones(1)
    weights = weights / weights.sum()

    def smooth(image: Tensor) -> Tensor:
        channels = image.shape[1]
        column = weights.to(image).view(1, 1, -1, 1).expand(channels, 1, -1, 1)
        image = F.pad(image, [0, 0, radius, radius], mode="replicate")
        image = F.conv2d(image, column, groups=channels)
        image = F.pad(image, [radius, radius, 0, 0], mode="replicate")
        return F.conv2d(image, column.transpose(2, 3), groups=channels)

    return smooth


def clamp(low: float | Tensor = 0.0, high: float | Tensor = 1.0) -> Transform:
    """Every value brought into [low, high]."""
    return lambda image: image.clamp(min=low).clamp(max=high)


def smallest(values: Tensor, share: float) -> Tensor:
    """Which are the smallest `share` of each picture's values: bool, in their shape (N, …)."""
    flat = values.flatten(1)
    small = flat.topk(int(share * flat.shape[1]), dim=1, largest=False).indices
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, small, True).view_as(values)


def clip_small(share: float, center: float | Tensor = 0.0) -> Transform:
    """The smallest `share` of a picture's pixels set to `center`, by the length of x − center."""
    errors.share("the share of clip_small", share)

    def clip(image: Tensor) -> Tensor:
        squared_length = (image - center).square().sum(dim=1, keepdim=True)  # (N, 1, H, W)
        return torch.where(smallest(squared_length, share), center, image)

    return clip


def within(center: Tensor, radius: float, norm: str = "inf") -> Transform:
    """The nearest picture with |x − center| (norm "inf") or ‖x − center‖ ("l2") up to `radius`."""
    errors.positive("the radius of within", radius, zero=True)
    if norm not in ("inf", "l2"):
        raise errors.unknown("norm", norm, ("inf", "l2"))
    center = center.detach()
    if norm == "inf":
        return clamp(center - radius, center + radius)

    def project(image: Tensor) -> Tensor:
        change = image - center
        length = change.flatten(1).norm(dim=1).clamp(min=max(radius, 1e-12))  # (N,)
        return center + change * (radius / length).view(-1, *[1] * (image.dim() - 1))

    return project


def fourier_noise(
    height: int, width: int, seed: int, count: int = 1, channels: int = 3, scale: float = 1
) -> Tensor:
    """A random spectrum (count, channels, height, width // 2 + 1, 2): real, imaginary last.

    As it is, a faint start for a class image; of scale=10 `fourier_to_pixels` makes a nearly grey
    picture that differs from seed to seed.
    """
    if channels > 3:
        raise ValueError(f"noise has at most three colours, not {channels}: begin with a picture.")
    generator = torch.Generator().manual_seed(seed)
    noise = 0.01 * torch.randn(count, 3, height, width // 2 + 1, 2, generator=generator)
    return scale * noise[:, :channels]


def from_fourier(height: int, width: int) -> Transform:
    """Spectrum (N, C, height, width // 2 + 1, 2) -> picture (N, C, height, width), unbounded and
    about 0.

    Every frequency counts by its wavelength, as in photographs, where long waves are the strong
    ones; so a step moves broad shapes more than fine grain, and k waves a picture are equally
    strong at every size.
    """
    strength = _strength(height, width)

    def decode(spectrum: Tensor) -> Tensor:
        scaled = torch.view_as_complex(spectrum.contiguous()) * strength.to(spectrum)
        return torch.fft.irfft2(scaled, s=(height, width), norm="ortho")

    return decode


def to_fourier(height: int, width: int) -> Transform:
    """The way back from `from_fourier`: picture -> (N, C, height, width // 2 + 1, 2)."""
    scale = _strength(height, width)
    return lambda image: torch.view_as_real(torch.fft.rfft2(image, norm="ortho") / scale.to(image))


def _strength(height: int, width: int) -> Tensor:
    """How much each frequency counts: a quarter of its wavelength, (height, width // 2 + 1)."""
    down = torch.fft.fftfreq(height).view(-1, 1)  # cycles per pixel
    right = torch.fft.rfftfreq(width).view(1, -1)
    longest = max(height, width)  # the mean, of frequency 0, counts like the longest wave
    return 1 / (4 * torch.hypot(down, right).clamp(min=1 / longest))


def decorrelated_colors() -> Transform:
    """Three independent values a pixel -> RGB in (0, 1), correlated as in photographs."""
    return lambda image: torch.einsum("ij,njhw->nihw", COLOR_MIX.to(image), image).sigmoid()


def to_decorrelated() -> Transform:
    """The way back from `decorrelated_colors`, which never reaches black and white: nearly so."""
    inverse = torch.linalg.inv(COLOR_MIX)
    return lambda image: torch.einsum("ij,njhw->nihw", inverse.to(image), to_unbounded()(image))


def from_unbounded() -> Transform:
    """Any numbers -> (0, 1), by the sigmoid: a bound that is never hit."""
    return torch.sigmoid


def to_unbounded() -> Transform:
    """The way back from `from_unbounded`, after values were brought into [0.001, 0.999]."""
    return lambda image: image.logit(eps=1e-3)


def fourier_to_pixels(channels: int, height: int, width: int) -> Transform:
    """Spectrum -> pixels (N, channels, height, width) in (0, 1); RGB colours are correlated."""
    colors = decorrelated_colors() if channels == 3 else from_unbounded()
    return chain(from_fourier(height, width), colors)


def pixels_to_fourier(channels: int, height: int, width: int) -> Transform:
    """The way back from `fourier_to_pixels`."""
    colors = to_decorrelated() if channels == 3 else to_unbounded()
    return chain(colors, to_fourier(height, width))


def _generator(source: torch.Generator | int) -> torch.Generator:
    return source if isinstance(source, torch.Generator) else torch.Generator().manual_seed(source)


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator, device=generator.device).item()


def _warp(image: Tensor, matrix: list[list[float]]) -> Tensor:
    """Resample: (x, y), from the centre in half sizes, shows what was at matrix @ (x, y, 1)."""
    rows = image.new_tensor(matrix).expand(len(image), 2, 3)
    grid = F.affine_grid(rows, image.shape, align_corners=False)
    return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
