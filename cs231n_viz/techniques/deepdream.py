"""DeepDream: whatever a layer says about a picture, make it say more of it (Mordvintsev, Olah &
Tyka 2015).

The slope that is sent back from the layer is the layer's own activation, which is gradient ascent
on ½‖Φ‖². Each trick that makes the picture worth looking at is one argument of `dream_steps`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..objectives import Objective, layer_energy, weighted_sum
from ..optimize import (
    Constraint,
    Direction,
    Diverged,
    Step,
    always,
    ascend,
    last,
    normalized,
    scaled_down,
)
from ..optimize import octaves as coarse_to_fine
from ..transforms import clamp, random_scale
from ..transforms import jitter as rolled

Layers = str | Sequence[str] | Mapping[str, float]
RATE = 1.5 / 255  # by how much the values of a picture move in a step, on average


def dream_steps(
    model: nn.Module,
    pixels: Tensor,
    layers: Layers,
    *,
    octaves: int = 4,
    scale: float = 1.4,
    steps: int = 10,
    restarts: int = 1,
    jitter: int = 32,
    seed: int = 0,
    direction: Direction = normalized(RATE),  # noqa: B008 (it remembers nothing)
    constrain: Constraint = always(clamp()),  # noqa: B008
    guide: Tensor | None = None,
) -> Iterator[Step]:
    """Pixels (N, C, H, W), pushed towards what `layers` see in them: restarts × octaves × steps
    Steps.

    layers: a name, several names, or {name: weight}. octaves: sizes, each `scale` times the one
    before, the last one H × W; Steps at the others are smaller pictures. jitter: before each step
    the picture is rolled by up to so many pixels, a quarter of its side at most. guide: a picture
    (1, C, h, w) of any size; its features are wanted then and not more of the picture's own.
    Step.value: see `dream_score`. The defaults are those of the authors' notebook.
    """
    images.check_pixels(pixels, channels=model.channels)
    _check_counts(steps=steps, restarts=restarts)
    rolled(jitter, seed)  # what is no number of pixels is said at once
    sizes = octave_sizes(*pixels.shape[-2:], octaves, scale)
    _check_smallest(model, pixels, layers, sizes)
    score, generator = (
        dream_score(model, layers, pixels, guide),
        torch.Generator().manual_seed(seed),
    )

    def run(image: Tensor) -> Iterable[Step]:
        augment = rolled(min(jitter, min(image.shape[-2:]) // 4), generator)
        return ascend(
            image, score, steps=steps, augment=augment, direction=direction, constrain=constrain
        )

    return _restarted(pixels, sizes, restarts, run)


def _restarted(start: Tensor, sizes: list, restarts: int, run: Callable) -> Iterator[Step]:
    numbers, done = count(), None
    for restart in range(restarts):
        try:
            for step in coarse_to_fine(start, sizes, run):
                done = step._replace(index=next(numbers))
                yield done
        except Diverged as error:
            raise Diverged(f"dream {restart + 1} of {restarts}, {error}", done) from None
        start = step.image


def dream(model: nn.Module, pixels: Tensor, layers: Layers, **settings) -> Tensor:
    """The last picture of `dream_steps`, as large as pixels."""
    return last(dream_steps(model, pixels, layers, **settings))


def octave_sizes(height: int, width: int, octaves: int, scale: float) -> list[tuple[int, int]]:
    """The sizes at which a picture is dreamt, smallest first: (H, W) / scale^k for k = octaves − 1,
    …, 0, rounded.
    """
    _check_counts(octaves=octaves)
    if not scale > 1:
        raise ValueError(
            f"each octave is larger than the one before: scale is above 1, not {scale}."
        )
    return [scaled_down((height, width), scale**k) for k in reversed(range(octaves))]


# --- what is wanted -------------------------------------------------------------------------------


def dream_score(
    model: nn.Module, layers: Layers, start: Tensor, guide: Tensor | None = None
) -> Objective:
    """Σ weight · ½‖Φ(x)‖² / ½‖Φ(start)‖² over the layers: how many times what they say of the
    start.

    With a guide, `feature_match` stands for ½‖Φ‖². Divided so, a layer of large values does not
    drown the others.
    """
    terms = []
    for layer, weight in _weights(layers).items():
        wanted = layer_energy(model, layer) if guide is None else feature_match(model, layer, guide)
        with torch.no_grad():
            first = wanted(start).abs()  # (N,)
        if not (first > 0).all():
            raise ValueError(
                f"{layer} is silent on this picture, and there is nothing to make more of: try another."
            )
        terms.append((weight / first, wanted))
    return weighted_sum(*terms)


def feature_match(model: nn.Module, layer: str, guide: Tensor) -> Objective:
    """Σ over places of Φ · Γ, Γ the guide's feature that fits Φ best there: Σ_p max_q Φ_p · Γ_q
    (Mordvintsev 2015).

    Its slope at each place is that Γ_q. guide: one picture (1, C, h, w) of any size.
    """
    images.check_pixels(guide, channels=model.channels)
    if len(guide) != 1:
        raise ValueError(f"the guide is one picture, (1, C, h, w), not {tuple(guide.shape)}.")
    with torch.no_grad():
        wanted = activations_at(model, guide, layer)[0]
    wanted = wanted.reshape(len(wanted), -1)  # (channels, places of the guide)

    def match(image: Tensor) -> Tensor:
        features = activations_at(model, image, layer)  # (N, channels, …)
        own = features.reshape(len(features), len(wanted), -1)
        with torch.no_grad():  # which q fits best; bit by bit, for there are places² pairs
            products = (
                torch.einsum("ncp,cq->npq", some, wanted) for some in own.split(1024, dim=2)
            )
            best = torch.cat([each.argmax(dim=2) for each in products], dim=1)  # (N, places)
        return (own * wanted[:, best].transpose(0, 1)).sum(dim=(1, 2))

    return match


# --- kinder steps ---------------------------------------------------------------------------------


def laplacian_normalized(rate: float = RATE, levels: int = 5, color: float = 0.5) -> Direction:
    """Fine and coarse parts of the gradient are given one strength, then all moves by `rate` on
    average.

    The gradient is a sum of bands, each twice as coarse as the one before; each is divided by its
    standard deviation, and what is coarser than the last is left out. Of the differences between
    colours the share `color` counts. After the Laplacian-pyramid gradient of the DeepDream notebook
    for TensorFlow (Mordvintsev 2015).
    """
    _check_counts(levels=levels)
    normal = normalized(rate)

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        grey = gradient.mean(dim=1, keepdim=True)
        parts = bands(grey + color * (gradient - grey), levels)
        tiny = torch.finfo(gradient.dtype).tiny
        return normal(
            sum(part / part.std(dim=(1, 2, 3), keepdim=True).clamp(min=tiny) for part in parts),
            parameter,
        )

    return direction


def bands(image: Tensor, levels: int) -> list[Tensor]:
    """A picture's finest part first, then parts each twice as coarse, all (N, C, H, W); the
    coarsest is left out.

    Each is the difference between two of the picture's reductions (Burt & Adelson 1983), shown at
    full size.
    """
    size, parts, rest = image.shape[-2:], [], image
    for _ in range(levels):
        smaller = images.resize(rest, tuple(max(1, side // 2) for side in rest.shape[-2:]))
        parts.append(
            images.resize(rest - images.resize(smaller, tuple(rest.shape[-2:])), tuple(size))
        )
        rest = smaller
    return parts


def keep_colors(picture: Tensor, colored: Tensor) -> Tensor:
    """The light and dark of a picture with the colours of another of its size: what differs from
    grey is exchanged.
    """
    light = picture.mean(dim=1, keepdim=True)
    return (light + colored - colored.mean(dim=1, keepdim=True)).clamp(0, 1)


# --- a journey ------------------------------------------------------------------------------------


def zoom_steps(
    model: nn.Module, pixels: Tensor, layers: Layers, *, frames: int, zoom: float = 1.05, **settings
) -> Iterator[Step]:
    """Dream, enlarge the middle by `zoom`, dream that, …: one Step a frame, the frames as large as
    pixels.
    """
    images.check_pixels(pixels, channels=model.channels)
    _check_counts(frames=frames)
    if not zoom > 1:
        raise ValueError(f"zoom enlarges, so it is above 1, not {zoom}.")
    enlarge = random_scale(zoom, zoom, 0)  # by chance between zoom and zoom

    def film(image: Tensor) -> Iterator[Step]:
        for index in range(frames):
            *_, step = dream_steps(model, image, layers, **settings)
            yield step._replace(index=index)
            image = enlarge(step.image).clamp(0, 1)

    return film(pixels)


# --- what people give -----------------------------------------------------------------------------


def _weights(layers: Layers) -> dict[str, float]:
    if isinstance(layers, str):
        return {layers: 1.0}
    weights = dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)
    if not any(weights.values()):
        raise ValueError(
            "no layer is named, or none with a weight: give a name, several, or {name: weight}."
        )
    return weights


def _check_counts(**counts: int) -> None:
    for name, number in counts.items():
        if not isinstance(number, int) or number < 1:
            raise ValueError(f"{name} is a whole number, 1 or more, not {number}.")


def _check_smallest(
    model: nn.Module, pixels: Tensor, layers: Layers, sizes: list[tuple[int, int]]
) -> None:
    """Raises an error that names the octave, where the smallest picture is too small for these
    layers.
    """
    for layer in _weights(layers):
        model.resolve(layer)
    height, width = sizes[0]
    grey = model.mean.expand(1, -1, height, width)
    try:
        with torch.no_grad():
            activations_at(model, grey, list(_weights(layers)))
    except ValueError as error:
        raise ValueError(
            f"the smallest octave, {height} x {width} pixels, is too small for {model.name}: take a larger picture "
            f"than {pixels.shape[2]} x {pixels.shape[3]}, fewer octaves than {len(sizes)}, or a smaller scale."
        ) from error


# --- something to dream on -----------------------------------------------------------------------


def clouds(height: int, width: int, seed: int = 0, cover: float = 0.45) -> np.ndarray:
    """(height, width, 3) float in [0, 1]: white and grey clouds over about the share `cover` of a
    blue sky.
    """
    rng = np.random.default_rng(seed)
    thickness = _waves(height, width, rng)
    white = 1 / (1 + np.exp(-2.4 * (thickness - np.quantile(thickness, 1 - cover))))
    shade = 1 / (
        1 + np.exp(-1.5 * (np.roll(thickness, (6, 6), (0, 1)) - 0.5))
    )  # the light comes from the upper left
    depth = np.linspace(0, 1, height)[:, None]
    blue = np.stack([0.25 + 0.3 * depth, 0.45 + 0.27 * depth, 0.75 + 0.12 * depth], axis=-1)
    return (blue * (1 - white[..., None]) + ((0.97 - 0.2 * shade) * white)[..., None]).clip(0, 1)


def _waves(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Random waves, flat ones longer than wide: (height, width), mean 0 and deviation 1."""
    down, across = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    frequency = np.hypot(1.6 * down, across).clip(min=1)
    shape = height, width // 2 + 1
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency**1.75
    spectrum[0, 0] = 0
    waves = np.fft.irfft2(spectrum, s=(height, width))
    return waves / waves.std()
