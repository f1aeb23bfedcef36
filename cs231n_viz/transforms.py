"""Small functions image -> image, made by factories: disturb a picture, smooth it, bound it, make
it at all.

    augment    what the network sees        jitter, random_scale, random_rotate, pad
    constrain  where the picture must stay  clamp, within, blur, clip_small
    decode     what is changed -> pixels    from_fourier, decorrelated_colors, from_unbounded, fourier_to_pixels
    encode     and back again               to_fourier, to_decorrelated, to_unbounded, pixels_to_fourier

`chain` puts them in a row. The random ones draw from the seed or torch.Generator that they are
given, once for the whole batch, so that a picture is treated alike alone and in company.
"""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

Transform = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> image

# How the colours of photographs vary together: columns are light, red to blue, magenta to green,
# each as long as it is common. Measured on ImageNet by the authors of Lucid (Olah, Mordvintsev &
# Schubert 2017).
COLOR_CORRELATION = torch.tensor([[0.26, 0.09, 0.02], [0.27, 0.00, -0.05], [0.27, -0.09, 0.03]])


def identity(image: Tensor) -> Tensor:
    """The picture as it is."""
    return image


def chain(*steps: Callable) -> Callable:
    """One step after the other; what is given beside the image (a step's index) is given to all of
    them.
    """

    def run(image: Tensor, *extra) -> Tensor:
        for step in steps:
            image = step(image, *extra)
        return image

    return run


def jitter(most: int, generator: torch.Generator | int) -> Transform:
    """Roll the picture by up to `most` pixels down and right; what leaves at one edge enters at the
    other.
    """
    if not isinstance(most, int) or most < 0:
        raise ValueError(f"jitter needs a whole number of pixels, 0 or more, not {most}.")
    generator = _generator(generator)

    def roll(image: Tensor) -> Tensor:
        shifts = torch.randint(-most, most + 1, (2,), generator=generator, device=generator.device)
        return image.roll(shifts.tolist(), dims=(-2, -1))

    return roll


def random_scale(low: float, high: float, generator: torch.Generator | int) -> Transform:
    """Enlarge about the centre by a factor from [low, high]; the size stays, gaps are filled by
    mirroring.
    """
    if not 0 < low <= high:
        raise ValueError(f"random_scale needs 0 < low <= high, not low={low} and high={high}.")
    generator = _generator(generator)

    def scale(image: Tensor) -> Tensor:
        shrink = 1 / _uniform(low, high, generator)  # grid_sample asks where each pixel comes from
        return _warp(image, [[shrink, 0.0, 0.0], [0.0, shrink, 0.0]])

    return scale


def random_rotate(degrees: float, generator: torch.Generator | int) -> Transform:
    """Turn about the centre by up to `degrees` either way; the size stays, gaps are filled by
    mirroring.
    """
    generator = _generator(generator)

    def rotate(image: Tensor) -> Tensor:
        angle = math.radians(_uniform(-degrees, degrees, generator))
        aspect = (
            image.shape[-2] / image.shape[-1]
        )  # x is measured in half widths, y in half heights
        cos, sin = math.cos(angle), math.sin(angle)
        return _warp(image, [[cos, -sin * aspect, 0.0], [sin / aspect, cos, 0.0]])

    return rotate


def pad(width: int, value: float | Tensor = 0.5) -> Transform:
    """A frame of `width` pixels of a grey or a colour (1, C, 1, 1) such as model.mean; the picture
    grows.
    """
    return lambda image: F.pad(image - value, [width] * 4) + value


def blur(sigma: float) -> Transform:
    """Gaussian blur, `sigma` in pixels, repeating the edge; the window ends at four sigmas."""
    if sigma < 0:
        raise ValueError(f"blur needs sigma >= 0, not {sigma}.")
    radius = round(4 * sigma)
    distance = torch.arange(-radius, radius + 1.0)
    weights = torch.exp(-(distance**2) / (2 * sigma**2)) if radius else torch.ones(1)
    weights = weights / weights.sum()

    def smooth(image: Tensor) -> Tensor:
        channels = image.shape[1]
        column = weights.to(image).view(1, 1, -1, 1).expand(channels, 1, -1, 1)
        image = F.conv2d(
            F.pad(image, [0, 0, radius, radius], mode="replicate"), column, groups=channels
        )
        image = F.pad(image, [radius, radius, 0, 0], mode="replicate")
        return F.conv2d(image, column.transpose(2, 3), groups=channels)

    return smooth


def clamp(low: float | Tensor = 0.0, high: float | Tensor = 1.0) -> Transform:
    """Every value brought into [low, high]."""
    return lambda image: image.clamp(min=low).clamp(max=high)


def clip_small(share: float, center: float | Tensor = 0.0) -> Transform:
    """The smallest `share` of a picture's pixels set to `center`: small by the length of x − center
    over all colours.
    """
    if not 0 <= share < 1:
        raise ValueError(
            f"clip_small needs a share from 0 up to, not including, 1; {share} was given."
        )

    def clip(image: Tensor) -> Tensor:
        length = (image - center).square().sum(dim=1).flatten(1)  # (N, H·W)
        small = length.topk(int(share * length.shape[1]), dim=1, largest=False).indices
        mask = torch.zeros_like(length, dtype=torch.bool).scatter(1, small, True)
        return torch.where(mask.view(len(image), 1, *image.shape[2:]), center, image)

    return clip


def within(center: Tensor, radius: float, norm: str = "inf") -> Transform:
    """The nearest picture in a ball about center: values ("inf") or ‖x − center‖ ("l2") up to
    `radius`.
    """
    if norm not in ("inf", "l2") or radius < 0:
        raise ValueError(
            f'within needs radius >= 0 and norm="inf" or "l2", not {radius} and {norm!r}.'
        )
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
        raise ValueError(
            f"noise has at most three colours, not {channels}: begin with a picture, or take a "
            "network that reads 1 to 3 channels."
        )
    generator = torch.Generator().manual_seed(seed)
    noise = 0.01 * torch.randn(count, 3, height, width // 2 + 1, 2, generator=generator)
    return scale * noise[:, :channels]


def from_fourier(height: int, width: int) -> Transform:
    """Spectrum (N, C, height, width // 2 + 1, 2) -> picture (N, C, height, width), unbounded and
    about 0.

    Every wave counts by its length, as in photographs, where the long ones are the strong ones; so
    a step moves broad shapes more than fine grain, and k waves a picture are equally strong at
    every size.
    """
    strength = _strength(height, width)

    def decode(spectrum: Tensor) -> Tensor:
        waves = torch.view_as_complex(spectrum.contiguous()) * strength.to(spectrum)
        return torch.fft.irfft2(waves, s=(height, width), norm="ortho")

    return decode


def to_fourier(height: int, width: int) -> Transform:
    """The way back from `from_fourier`: picture (N, C, height, width) -> spectrum (N, C, height,
    width // 2 + 1, 2).
    """
    strength = _strength(height, width)
    return lambda image: torch.view_as_real(
        torch.fft.rfft2(image, norm="ortho") / strength.to(image)
    )


def _strength(height: int, width: int) -> Tensor:
    """How much each wave counts, (height, width // 2 + 1): as much as it is long, in pixels, over
    4.
    """
    down = torch.fft.fftfreq(height).view(-1, 1)  # cycles per pixel
    right = torch.fft.rfftfreq(width).view(1, -1)
    longest = max(height, width)  # the mean, of frequency 0, counts like the longest wave
    return 1 / (4 * torch.hypot(down, right).clamp(min=1 / longest))


def decorrelated_colors() -> Transform:
    """Three independent values a pixel -> RGB in (0, 1) whose colours go together as those of
    photographs.
    """
    matrix = COLOR_CORRELATION / COLOR_CORRELATION.norm(dim=0).max()
    return lambda image: torch.einsum("ij,njhw->nihw", matrix.to(image), image).sigmoid()


def to_decorrelated() -> Transform:
    """The way back from `decorrelated_colors`; black and white, which it never reaches, are taken
    for nearly so.
    """
    inverse = torch.linalg.inv(COLOR_CORRELATION / COLOR_CORRELATION.norm(dim=0).max())
    return lambda image: torch.einsum("ij,njhw->nihw", inverse.to(image), to_unbounded()(image))


def from_unbounded() -> Transform:
    """Any numbers -> (0, 1), by the sigmoid: a bound that is never hit."""
    return torch.sigmoid


def to_unbounded(margin: float = 1e-3) -> Transform:
    """The way back from `from_unbounded`, after values were brought into [margin, 1 − margin]."""
    return lambda image: image.logit(eps=margin)


def fourier_to_pixels(channels: int, height: int, width: int) -> Transform:
    """Spectrum -> pixels (N, channels, height, width) in (0, 1); the colours are mixed where they
    are red, green, blue.
    """
    return chain(
        from_fourier(height, width), decorrelated_colors() if channels == 3 else from_unbounded()
    )


def pixels_to_fourier(channels: int, height: int, width: int) -> Transform:
    """The way back from `fourier_to_pixels`."""
    return chain(to_decorrelated() if channels == 3 else to_unbounded(), to_fourier(height, width))


def _generator(source: torch.Generator | int) -> torch.Generator:
    return source if isinstance(source, torch.Generator) else torch.Generator().manual_seed(source)


def _uniform(low: float, high: float, generator: torch.Generator) -> float:
    return low + (high - low) * torch.rand((), generator=generator, device=generator.device).item()


def _warp(image: Tensor, matrix: list[list[float]]) -> Tensor:
    """Resample: the value at (x, y), counted from the centre in half sizes, comes from matrix @ (x,
    y, 1).
    """
    rows = image.new_tensor(matrix).expand(len(image), 2, 3)
    grid = F.affine_grid(rows, image.shape, align_corners=False)
    return F.grid_sample(image, grid, padding_mode="reflection", align_corners=False)
