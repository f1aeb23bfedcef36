"""Factories of functions image -> image: augmentations, constraints, parameterisations.

    augment    what the network sees        jitter, random_scale, random_rotate, random_view
    constrain  where the picture must stay  clamp, within, blur, clip_small
    decode     parameter -> pixels          from_fourier, decorrelated_colors, from_unbounded
    encode     pixels -> parameter          to_fourier, to_decorrelated, to_unbounded

`chain` composes them; `fourier_to_pixels` and `pixels_to_fourier` are the usual chains. The random
ones draw from the given seed or torch.Generator, once for the whole batch, so that a picture gets
the same transform alone and in a batch.
"""

import math
from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from . import errors

Transform = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> image

# A square root of the colour covariance of photographs: the columns are brightness, red to blue and
# magenta to green, scaled by how much each varies. Measured on ImageNet by the authors of Lucid
# (Olah, Mordvintsev & Schubert 2017).
COLOR_CORRELATION = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])
COLOR_MIX = COLOR_CORRELATION / COLOR_CORRELATION.norm(dim=0).max()  # the longest column to 1


def identity(image: Tensor) -> Tensor:
    """The picture as it is."""
    return image


def grey(image: Tensor) -> Tensor:
    """The mean of the channels in every channel: a picture without its colours."""
    return image.mean(dim=1, keepdim=True).expand_as(image)


def chain(*steps: Callable) -> Callable:
    """The steps one after the other; extra arguments (the index of a step) go to each of them."""

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
    """Scale about the centre by a random factor in [low, high]; same size, gaps are mirrored."""
    if not 0 < low <= high:
        raise ValueError(f"random_scale needs 0 < low <= high, not low={low} and high={high}.")
    generator = _generator(generator)
    return lambda image: _warp(image, 1 / _uniform(low, high, generator), 0)


def random_rotate(degrees: float, generator: torch.Generator | int) -> Transform:
    """Rotate about the centre by up to `degrees` either way; same size, gaps are mirrored."""
    generator = _generator(generator)
    return lambda image: _warp(image, 1, math.radians(_uniform(-degrees, degrees, generator)))


def random_view(low: float, side: int, grain: float, source: torch.Generator | int) -> Transform:
    """A part of the picture from near its middle, like a grainy photograph; its shorter side: side.

    low: the part's least share of the picture's sides; the largest is 1. grain: the deviation of
    the noise, as a share of that of the part itself, so that faint pictures are not drowned.
    """
    errors.share("the least share of random_view", low)
    generator = _generator(source)

    def see(image: Tensor) -> Tensor:
        share = _uniform(low, 1, generator)
        right, down = (_uniform(-0.6, 0.6, generator) * (1 - share) for _ in range(2))
        matrix = image.new_tensor([[share, 0, right], [0, share, down]])
        sides = [round(side * each / min(image.shape[2:])) for each in image.shape[2:]]
        seen = resampled(image, matrix, sides)
        noise = torch.randn(seen.shape[1:], generator=generator, device=generator.device)
        return seen + grain * seen.detach().std(dim=(1, 2, 3), keepdim=True) * noise.to(seen)

    return see


def resampled(image: Tensor, matrix: Tensor, size: Sequence[int] | None = None) -> Tensor:
    """What an affine matrix, (2, 3) or one each (N, 2, 3), makes of pictures; gaps are mirrored.

    It leads from positions in the result to positions in the picture, both from −1 to 1.
    """
    shape = [*image.shape[:2], *(size or image.shape[2:])]
    grid = F.affine_grid(matrix.expand(len(image), 2, 3), shape, align_corners=False)
    return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)


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
    """Every value clamped to [low, high]."""
    return lambda image: image.clamp(min=low).clamp(max=high)


def smallest(values: Tensor, share: float) -> Tensor:
    """Mask of the smallest `share` of each picture's values: bool, of their shape (N, …)."""
    flat = values.flatten(1)
    small = flat.topk(int(share * flat.shape[1]), dim=1, largest=False).indices
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, small, True).view_as(values)


def clip_small(share: float, center: float | Tensor = 0.0) -> Transform:
    """Sets the `share` of a picture's pixels with the smallest ‖x − center‖ to `center`."""
    errors.share("the share of clip_small", share, below=True)

    def clip(image: Tensor) -> Tensor:
        squared_length = (image - center).square().sum(dim=1, keepdim=True)  # (N, 1, H, W)
        return torch.where(smallest(squared_length, share), center, image)

    return clip


def within(center: Tensor, radius: float, norm: str = "inf") -> Transform:
    """Projection onto a ball: max |x − center| ("inf") or ‖x − center‖ ("l2") at most `radius`."""
    errors.positive("the radius of within", radius, zero=True)
    errors.known("norm", norm, ("inf", "l2"))
    center = center.detach()
    if norm == "inf":
        return clamp(center - radius, center + radius)

    def project(image: Tensor) -> Tensor:
        change = image - center
        length = change.flatten(1).norm(dim=1).clamp(min=max(radius, 1e-12))  # (N,)
        return center + change * (radius / length).view(-1, *[1] * (image.dim() - 1))

    return project


def fourier_noise(height: int, width: int, seed: int, count=1, channels=3, scale=1.0) -> Tensor:
    """A random spectrum (count, channels, height, width // 2 + 1, 2); last: real, imaginary part.

    With scale=1 a start for class images; with scale=10 `fourier_to_pixels` turns it into a nearly
    grey picture that depends on the seed.
    """
    if channels > 3:
        raise ValueError(f"noise has at most three colours, not {channels}: start from a picture.")
    generator = torch.Generator().manual_seed(seed)
    noise = 0.01 * torch.randn(count, 3, height, width // 2 + 1, 2, generator=generator)
    return scale * noise[:, :channels]


def from_fourier(height: int, width: int, fall: float = 1.0) -> Transform:
    """Spectrum (N, C, height, width // 2 + 1, 2) -> unbounded picture (N, C, height, width).

    Every frequency f is scaled by 1 / 4f, as the amplitudes of photographs fall with 1 / f (Olah,
    Mordvintsev & Schubert 2017): a step changes broad shapes more than fine grain, and a component
    of k cycles per picture is equally strong at every size. fall: another power of f.
    """
    strength = _strength(height, width, fall)

    def decode(spectrum: Tensor) -> Tensor:
        scaled = torch.view_as_complex(spectrum.contiguous()) * strength.to(spectrum)
        return torch.fft.irfft2(scaled, s=(height, width), norm="ortho")

    return decode


def to_fourier(height: int, width: int, fall: float = 1.0) -> Transform:
    """The inverse of `from_fourier`: picture -> spectrum (N, C, height, width // 2 + 1, 2)."""
    scale = _strength(height, width, fall)
    return lambda image: torch.view_as_real(torch.fft.rfft2(image, norm="ortho") / scale.to(image))


def _strength(height: int, width: int, fall: float) -> Tensor:
    """The scale of each frequency: a quarter of wavelength ** fall, (height, width // 2 + 1)."""
    down = torch.fft.fftfreq(height).view(-1, 1)  # cycles per pixel
    right = torch.fft.rfftfreq(width).view(1, -1)
    longest = max(height, width)  # frequency 0, the mean, is scaled like the lowest one
    return 1 / (4 * torch.hypot(down, right).clamp(min=1 / longest) ** float(fall))


def decorrelated_colors() -> Transform:
    """Three independent values per pixel -> RGB in (0, 1), correlated as in photographs."""
    return lambda image: torch.einsum("ij,njhw->nihw", COLOR_MIX.to(image), image).sigmoid()


def to_decorrelated() -> Transform:
    """The inverse of `decorrelated_colors`, after values are clamped to [0.001, 0.999]."""
    inverse = torch.linalg.inv(COLOR_MIX)
    return lambda image: torch.einsum("ij,njhw->nihw", inverse.to(image), to_unbounded()(image))


def from_unbounded() -> Transform:
    """Any numbers -> (0, 1), by the sigmoid."""
    return torch.sigmoid


def to_unbounded() -> Transform:
    """The inverse of `from_unbounded` (logit), after values are clamped to [0.001, 0.999]."""
    return lambda image: image.logit(eps=1e-3)


def fourier_to_pixels(channels: int, height: int, width: int) -> Transform:
    """Spectrum -> pixels (N, channels, height, width) in (0, 1); RGB colours are correlated."""
    colors = decorrelated_colors() if channels == 3 else from_unbounded()
    return chain(from_fourier(height, width), colors)


def pixels_to_fourier(channels: int, height: int, width: int) -> Transform:
    """The inverse of `fourier_to_pixels`: pixels -> spectrum."""
    colors = to_decorrelated() if channels == 3 else to_unbounded()
    return chain(colors, to_fourier(height, width))


def _generator(source: torch.Generator | int) -> torch.Generator:
    return source if isinstance(source, torch.Generator) else torch.Generator().manual_seed(source)


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator, device=generator.device).item()


def _warp(image: Tensor, shrink: float, angle: float) -> Tensor:
    """Resample: (x, y), from the centre, shows what was at shrink · (x, y), turned by the angle."""
    cos, sin = shrink * math.cos(angle), shrink * math.sin(angle)
    aspect = image.shape[-2] / image.shape[-1]  # x is in half widths, y in half heights
    return resampled(image, image.new_tensor([[cos, -sin * aspect, 0], [sin / aspect, cos, 0]]))
