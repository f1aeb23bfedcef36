"""DeepDream: amplify in a picture whatever a layer detects in it (Mordvintsev et al. 2015).

    x <- x + rate · g / mean|g|,   g = ∂/∂x ½‖Φ(x)‖²

Φ is a layer's activation, which is also the gradient at that layer. The usual steps have the scales
of g evened first. Each trick that improves the picture is one argument of `dream_steps`.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import count

import numpy as np
import torch
from torch import Tensor, nn

from .. import images, optimize, transforms
from ..activations import activations_at
from ..errors import whole
from ..objectives import Layers, Objective, layer_energy, weighted_sum, weights_of
from ..optimize import Constraint, Direction, Diverged, Step, always, ascend, final, normalized

RATE = 1.5 / 255  # mean change of the values of a picture per step


# --- smoother steps -------------------------------------------------------------------------------


def laplacian_normalized(rate: float = RATE, levels: int = 5, color: float = 0.5) -> Direction:
    """Laplacian-pyramid gradient normalisation: all frequency bands at one strength, a Direction.

    The gradient is a sum of bands, each twice as coarse as the one before; each is divided by its
    standard deviation, and what is coarser than the last is left out. Colour differences are scaled
    by `color`. Then values move by `rate` on average. After the DeepDream notebook for TensorFlow
    (Mordvintsev 2015).
    """
    whole("levels", levels, 1)
    normal = normalized(rate)

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        grey = gradient.mean(dim=1, keepdim=True)
        parts = bands(grey + color * (gradient - grey), levels)
        tiny = torch.finfo(gradient.dtype).tiny
        evened = (part / part.std(dim=(1, 2, 3), keepdim=True).clamp(min=tiny) for part in parts)
        return normal(sum(evened), parameter)

    return direction


def bands(image: Tensor, levels: int) -> list[Tensor]:
    """A Laplacian pyramid (Burt & Adelson 1983) without its coarsest rest, all (N, C, H, W).

    The finest part comes first. Each is the difference of two reductions, shown at full size.
    """
    size, parts, rest = tuple(image.shape[-2:]), [], image
    for _ in range(levels):
        smaller = images.resize(rest, tuple(max(1, side // 2) for side in rest.shape[-2:]))
        parts.append(images.resize(rest - images.resize(smaller, tuple(rest.shape[-2:])), size))
        rest = smaller
    return parts


def keep_colors(picture: Tensor, colored: Tensor) -> Tensor:
    """The brightness of `picture` with the colours (differences from grey) of `colored`."""
    return (transforms.grey(picture) + colored - transforms.grey(colored)).clamp(0, 1)


# --- the dream ------------------------------------------------------------------------------------

# Seen on EfficientNet-Lite, SqueezeNet and CourseNet: without the dots that `normalized` leaves in
# the rhythm of the strides, and without the washes of colour that a fifth band brings
STEADY = laplacian_normalized(1.8 / 255, levels=4, color=0.3)


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
    direction: Direction = STEADY,
    constrain: Constraint = always(transforms.clamp()),  # noqa: B008 (it remembers nothing)
    guide: Tensor | None = None,
) -> Iterator[Step]:
    """Steps that amplify `layers` in pixels (N, C, H, W): restarts × octaves × steps of them.

    layers: a name, several names, or {name: weight}. octaves: sizes, each `scale` times the one
    before, the last one H × W; Steps at the others are smaller pictures. jitter: before each step
    the picture is rolled by up to so many pixels, a quarter of its side at most. guide: a picture
    (1, C, h, w) of any size, whose features are amplified instead of the picture's own.
    Step.value: see `dream_score`. The defaults are those of the authors' notebook, but for the
    direction, which evens the scales as their notebook for TensorFlow does; the plain one is
    normalized(RATE).
    """
    images.check_pixels(pixels, channels=model.channels)
    whole("steps", steps, 1)
    whole("restarts", restarts, 1)
    whole("jitter", jitter)
    sizes = octave_sizes(*pixels.shape[-2:], octaves, scale)
    score = dream_score(model, layers, pixels, guide)
    _check_smallest(model, list(_weights(layers)), sizes)
    generator = torch.Generator().manual_seed(seed)
    how = {"steps": steps, "direction": direction, "constrain": constrain}

    def run(image: Tensor) -> Iterable[Step]:
        augment = transforms.jitter(min(jitter, min(image.shape[-2:]) // 4), generator)
        return ascend(image, score, augment=augment, **how)

    return _restarted(pixels, sizes, restarts, run)


dream = final(dream_steps)


def _restarted(start: Tensor, sizes: list, restarts: int, run: Callable) -> Iterator[Step]:
    numbers, done = count(), None
    for restart in range(restarts):
        try:
            for step in optimize.octaves(start, sizes, run):
                done = step._replace(index=next(numbers))
                yield done
        except Diverged as error:
            raise Diverged(f"dream {restart + 1} of {restarts}, {error}", done) from None
        start = done.image


def octave_sizes(height: int, width: int, octaves: int, scale: float) -> list[tuple[int, int]]:
    """The sizes of a dream, smallest first: (H, W) / scale^k for k = octaves − 1, …, 0, rounded."""
    whole("octaves", octaves, 1)
    _check_larger("scale", scale)
    return [optimize.scaled_down((height, width), scale**k) for k in reversed(range(octaves))]


def _check_larger(name: str, factor: float) -> None:
    if not factor > 1:
        raise ValueError(f"{name} enlarges, so it is above 1, not {factor}.")


def _check_smallest(model: nn.Module, layers: list[str], sizes: list[tuple[int, int]]) -> None:
    """Raises a ValueError that names the smallest octave, where it is too small for the layers."""
    height, width = sizes[0]
    try:
        activations_at(model, model.mean.expand(1, -1, height, width), layers)
    except ValueError as error:
        octave = f"the smallest octave, {height} x {width} pixels, is too small for {model.name}"
        fewer = f"fewer octaves than {len(sizes)}, a smaller scale or a larger picture"
        raise ValueError(f"{octave}: take {fewer}.") from error


# --- what is amplified ----------------------------------------------------------------------------


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def dream_score(model, layers: Layers, start: Tensor, guide: Tensor | None = None) -> Objective:
    """Objective: Σ over layers of weight · ½‖Φ(x)‖² / ½‖Φ(start)‖², 1 at the start for one layer.

    With a guide, `feature_match` replaces ½‖Φ‖². Without the division, a layer of large values
    would dominate the others.
    """
    terms = []
    for layer, weight in _weights(layers).items():
        score = layer_energy(model, layer) if guide is None else feature_match(model, layer, guide)
        first = score(start).detach().abs()  # (N,)
        if not (first > 0).all():
            raise ValueError(f"{layer} is inactive on this picture: there is nothing to amplify.")
        terms.append((weight / first, score))
    return weighted_sum(*terms)


def _weights(layers: Layers) -> dict[str, float]:
    weights = weights_of(layers)
    if not any(weights.values()):
        raise ValueError("no layer is named with a weight: give a name, several, {name: weight}.")
    return weights


def feature_match(model: nn.Module, layer: str, guide: Tensor) -> Objective:
    """Σ over positions p of max over q of Φ_p · Γ_q, Γ the guide's features (Mordvintsev 2015).

    Its gradient at p is the Γ_q that fits best there. guide: one picture (1, C, h, w), any size.
    """
    images.check_one("the guide", guide, model.channels)
    # without positions: one, so that the values are (channels, positions q)
    wanted = activations_at(model, guide, layer)[0, ..., None].detach().flatten(1)

    def match(image: Tensor) -> Tensor:
        found = activations_at(model, image, layer)[..., None].flatten(2)  # (N, channels, p)
        with torch.no_grad():  # the best q of each p, some p at a time: there are p · q pairs
            parts = found.split(1024, dim=2)
            best = [torch.einsum("ncp,cq->npq", part, wanted).argmax(dim=2) for part in parts]
        return (found * wanted[:, torch.cat(best, dim=1)].transpose(0, 1)).sum(dim=(1, 2))

    return match


# --- zooming --------------------------------------------------------------------------------------


def zoom_steps(
    model: nn.Module, pixels: Tensor, layers: Layers, *, frames: int, zoom: float = 1.05, **settings
) -> Iterator[Step]:
    """Dream, enlarge the middle by `zoom`, dream again: one Step per frame, as large as pixels."""
    whole("frames", frames, 1)
    _check_larger("zoom", zoom)
    enlarge = transforms.random_scale(zoom, zoom, 0)  # at random between zoom and zoom
    for index in range(frames):
        *_, step = dream_steps(model, pixels, layers, **settings)
        yield step._replace(index=index)
        pixels = enlarge(step.image).clamp(0, 1)


# --- something to dream on ------------------------------------------------------------------------


def clouds(height: int, width: int, seed: int = 0) -> np.ndarray:
    """A blue sky with clouds over about 45 % of it: (height, width, 3) float in [0, 1]."""
    thickness = _pink_noise(height, width, np.random.default_rng(seed))
    white = 1 / (1 + np.exp(-2.4 * (thickness - np.quantile(thickness, 0.55))))
    # the light comes from the upper left
    shade = 1 / (1 + np.exp(-1.5 * (np.roll(thickness, (6, 6), (0, 1)) - 0.5)))
    depth = np.linspace(0, 1, height)[:, None]
    blue = np.stack([0.25 + 0.3 * depth, 0.45 + 0.27 * depth, 0.75 + 0.12 * depth], axis=-1)
    return (blue * (1 - white[..., None]) + ((0.97 - 0.2 * shade) * white)[..., None]).clip(0, 1)


def _pink_noise(height: int, width: int, rng: np.random.Generator) -> np.ndarray:
    """Noise of a spectrum 1 / f^1.75, broader than high: (height, width), mean 0, deviation 1."""
    down, across = np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width)[None] * width
    frequency = np.hypot(1.6 * down, across).clip(min=1)
    shape = height, width // 2 + 1
    spectrum = (rng.standard_normal(shape) + 1j * rng.standard_normal(shape)) / frequency**1.75
    spectrum[0, 0] = 0
    noise = np.fft.irfft2(spectrum, s=(height, width))
    return noise / noise.std()
