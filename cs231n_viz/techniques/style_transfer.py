"""Style transfer: the content of one picture in the style of another (Gatys et al. 2016).

    min over x of  content weight · ‖Φ(x) − Φ(p)‖² / ‖Φ(p)‖²
                 + style weight · mean over layers of ‖G(x) − G(a)‖² / ‖G(a)‖²
                 + tv · TV(x) / (H · W)

p is the content, a the style, Φ the features of one layer, G the Gram matrix of a layer
(`objectives.gram_matrix`).
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images, objectives, optimize, transforms
from ..activations import activations_at
from ..errors import known, positive, whole
from ..layers import usual_layers
from ..objectives import Layers, Objective, gram_matrices, likeness, weights_of
from ..optimize import ADAM_THEN_LBFGS, Direction, final, scaled_down
from ..transforms import chain, fourier_noise, fourier_to_pixels, grey, pixels_to_fourier

Style = Tensor | Iterable[tuple[float, Tensor]]  # a picture, or several with their weights
COLORS, STARTS = ("style", "matched", "kept"), ("content", "noise")
SMALLEST = 128  # pixels: usually the longer side is halved as long as it stays above that
NO_COLOR = 1e-6  # the least variance along a direction of colour, so that none is divided by 0


class TransferStep(NamedTuple):
    index: int
    image: Tensor  # pixels (N, C, H, W) after the step; smaller in the first of several `sizes`
    value: Tensor  # (N,) the loss just before the step, and its two parts before they are weighted:
    content: Tensor  # (N,) ‖Φ(x) − Φ(p)‖² / ‖Φ(p)‖²
    style: Tensor  # (N,) mean over layers of ‖G(x) − G(a)‖² / ‖G(a)‖²


@dataclass(frozen=True)
class Settings:
    """The keyword arguments of `transfer_steps`.

    style_layers: names, or {layer: weight}; "pixels" is the picture itself. colors: "style"; with
    "matched" the style first gets the mean and covariance of the content's colours; with "kept"
    only luminance is transferred, and the content keeps its colours (Gatys et al. 2017). dream:
    layers to amplify as well: weight · ‖Φ(x)‖ / ‖Φ(p)‖ is subtracted from the loss.
    """

    content_weight: float = 1.0
    style_weight: float = 10.0
    tv: float = 2.0
    content_layer: str | None = None  # None, for the style, too: see `layers.usual_layers`
    style_layers: Layers | None = None
    style_size: int | None = None  # the longer side of the styles in pixels; None: as they are
    colors: str = "style"
    dream: Layers | None = None
    start: str | Tensor = "content"  # or "noise", from the seed, or a picture
    steps: int = 80
    # number of scales, `steps` each; 3: a quarter of the size, a half, all of it. None: as many as
    # have more than 128 pixels, 1 up to a side of 256
    sizes: int | None = None
    waves: bool = True  # the parameter: a Fourier spectrum with decorrelated colours, else pixels
    direction: Direction = ADAM_THEN_LBFGS
    seed: int = 0

    def __post_init__(self):
        whole("steps", self.steps, 1)
        for name in ("sizes", "style_size"):
            if getattr(self, name) is not None:
                whole(name, getattr(self, name), 1)
        for name in ("content_weight", "style_weight", "tv"):
            positive(name, getattr(self, name), zero=True)


def transfer_steps(model, content: Tensor, style: Style, **settings) -> Iterator[TransferStep]:
    """One TransferStep per step towards features of `content`, Gram matrices of `style`.

    style: one picture (1, C, h, w) of any size, or several, [(weight, picture), …], of which the
    Gram matrices are averaged; only the proportions of the weights count. settings: see `Settings`.
    Raises optimize.Diverged, with the last good TransferStep, where something becomes NaN.
    """
    images.check_pixels(content, channels=model.channels)
    plan = Settings(**settings)
    layers = _layers(model, plan)
    on_device = content.detach().to(model.device)
    styles = _styles(model, style, plan.style_size, on_device)
    on_device, styles, seen, colored = _recolored(plan.colors, on_device, styles)
    sizes = _sizes(model, plan, layers, content, styles)

    def run(image: Tensor) -> Iterator[TransferStep]:
        loss, parts = _loss(model, plan, layers, on_device, styles, tuple(image.shape[2:]))
        how = {"decode": seen, "constrain": optimize.always(transforms.clamp())}
        if plan.waves:
            how = {"decode": chain(fourier_to_pixels(*image.shape[1:]), seen)}
            image = pixels_to_fourier(*image.shape[1:])(image)
        steps = optimize.descend(image, loss, steps=plan.steps, direction=plan.direction, **how)
        return (TransferStep(*step, *parts) for step in steps)

    def finished(step: TransferStep) -> TransferStep:
        values = (value.detach().to(content) for value in step[2:])
        return TransferStep(step.index, colored(step.image).to(content), *values)

    return optimize.map_steps(optimize.octaves(seen(_start(plan, on_device)), sizes, run), finished)


transfer = final(transfer_steps)


def _loss(model, plan, layers, content, styles, sides) -> tuple[Objective, list[Tensor]]:
    """(the loss of a picture, (N,); the content and style distance of the last one asked for)."""
    (content_layer, style_layers, dream), parts = layers, []
    shrunk = max(content.shape[2:]) / max(sides)  # the shorter side is rounded more
    wanted = dict.fromkeys(style_layers, 0)
    for share, picture in styles:
        picture = images.resize(picture, scaled_down(picture.shape[2:], shrunk))
        grams = gram_matrices(model, picture, list(style_layers))
        wanted = {layer: wanted[layer] + share * grams[layer] for layer in wanted}
    content = images.resize(content, sides)
    both = likeness(model, content, content_layer, wanted, style_layers)
    terms = [(-weight, _excitation(model, layer, content)) for layer, weight in dream.items()]
    smooth = plan.tv / (sides[0] * sides[1]), objectives.total_variation()
    regularizers = objectives.weighted_sum(smooth, *terms)

    def loss(image: Tensor) -> Tensor:
        parts[:] = both(image)
        likeness = plan.content_weight * parts[0] + plan.style_weight * parts[1]
        return likeness + regularizers(image)

    return loss, parts


def _excitation(model: nn.Module, layer: str, content: Tensor) -> Objective:
    """Objective ‖Φ(x)‖ / ‖Φ(p)‖: the activity of a layer relative to that on the content."""
    energy = objectives.layer_energy(model, layer)
    before = energy(content).detach()
    return lambda image: (energy(image) / before).sqrt()


def _start(plan: Settings, content: Tensor) -> Tensor:
    start, (count, channels, height, width) = plan.start, content.shape
    if not isinstance(start, str):
        images.check_pixels(start, channels=channels)
        if start.shape[2:] != content.shape[2:] or len(start) not in (1, count):
            shapes = f"{tuple(content.shape)}, not {tuple(start.shape)}"
            raise ValueError(f"the start has the content's shape, {shapes}.")
        return start.detach().to(content).expand_as(content)
    known("start", start, STARTS)
    if start == "content":
        return content
    noise = fourier_noise(height, width, plan.seed, channels=channels, scale=10).to(content)
    return fourier_to_pixels(channels, height, width)(noise).expand_as(content)


# --- colours --------------------------------------------------------------------------------------


def match_colors(picture: Tensor, reference: Tensor) -> Tensor:
    """Pictures (N, C, h, w) with the mean and covariance of the reference's colours, in [0, 1].

        x -> Σ_reference^½ Σ_picture^−½ (x − mean) + mean of the reference    (Gatys et al. 2017)

    reference: (N, C, H, W), one each; either may be one for all.
    """
    for each in (picture, reference):
        images.check_pixels(each, channels=picture.shape[-3])
    count, given = len(picture), len(reference)
    if 1 not in (count, given) and count != given:
        raise ValueError(f"{count} pictures need one reference or one each, not {given}.")
    # (N, C, positions), on the CPU: not every device has doubles and eigenvalues
    values, wanted = (each.cpu().double().flatten(2) for each in (picture, reference))
    turn = _covariance_power(wanted, 0.5) @ _covariance_power(values, -0.5)  # (N, C, C)
    matched = turn @ (values - values.mean(dim=2, keepdim=True)) + wanted.mean(dim=2, keepdim=True)
    return matched.unflatten(2, picture.shape[2:]).clamp(0, 1).to(picture)


def _covariance_power(values: Tensor, exponent: float) -> Tensor:
    away = values - values.mean(dim=2, keepdim=True)
    variances, vectors = torch.linalg.eigh(away @ away.mT / values.shape[2])
    return vectors @ torch.diag_embed(variances.clamp(min=NO_COLOR) ** exponent) @ vectors.mT


def _recolored(colors: str, content: Tensor, styles: list) -> tuple:
    """(content, styles, seen: what the loss sees of a picture, colored: its final colours)."""
    known("treatment of the colors", colors, COLORS)
    seen = grey if colors == "kept" else chain()
    shown = seen(content)
    if colors != "style":
        styles = [(share, match_colors(seen(picture), shown)) for share, picture in styles]

    def colored(image: Tensor) -> Tensor:
        missing = images.resize(content - shown, tuple(image.shape[2:]))  # 0 where colours are seen
        return (seen(image) + missing).clamp(0, 1)

    return shown, styles, seen, colored


# --- arguments ------------------------------------------------------------------------------------


def _styles(model, style: Style, size: int | None, content: Tensor) -> list[tuple[float, Tensor]]:
    """[(share, picture)] of one picture or several: shares of sum 1, on the content's device."""
    pairs = [(1.0, style)] if isinstance(style, Tensor) else style
    try:
        weights, pictures = zip(*pairs, strict=True)
    except (TypeError, ValueError):
        known = "(1, C, h, w), or several with their weights, [(weight, picture), …]"
        raise TypeError(f"a style is a picture, {known}, not a {type(style).__name__}.") from None
    for picture in pictures:
        images.check_one("a style", picture, model.channels)
    shares = _proportions("the styles", weights)
    pairs = zip(shares, pictures, strict=True)
    return [(share, _sized(one.detach().to(content), size)) for share, one in pairs if share]


def _layers(model: nn.Module, plan: Settings) -> tuple[str, dict[str, float], dict[str, float]]:
    """The content's layer, {layer: share} of the style's, {layer: weight} of the dream's."""
    content, style, dream = plan.content_layer, plan.style_layers, weights_of(plan.dream or ())
    if content is None or style is None:
        usual = usual_layers(model)
        content, style = content or usual[0], usual[1] if style is None else style
    weights = weights_of(style)
    for layer in (content, *dream, *(layer for layer in weights if layer != "pixels")):
        model.resolve(layer)  # an unknown one raises at once
    for layer, weight in dream.items():
        positive(f"the weight of {layer} in dream", weight, zero=True)
    all_weights = plan.content_weight + plan.style_weight + sum(dream.values())
    positive("content_weight + style_weight + dream", all_weights)
    shares = dict(zip(weights, _proportions("the style layers", weights.values()), strict=True))
    return content, {layer: share for layer, share in shares.items() if share}, dream


def _proportions(whose: str, weights: Iterable[float]) -> list[float]:
    weights = [positive(f"the weight of one of {whose}", weight, zero=True) for weight in weights]
    total = positive(f"the sum of the weights of {whose}", sum(weights))
    return [weight / total for weight in weights]


def _sized(picture: Tensor, size: int | None) -> Tensor:
    part = 1 if size is None else max(picture.shape[2:]) / size
    return images.resize(picture, scaled_down(picture.shape[2:], part))


def _sizes(model, plan, layers, content: Tensor, styles) -> list[tuple[int, int]]:
    """The sizes of the run, smallest first; the usual ones are so many as the layers can take."""
    usual = max(1, math.ceil(math.log2(max(content.shape[2:]) / SMALLEST)))
    for count in range(plan.sizes or usual, 0, -1):
        sizes = [scaled_down(content.shape[2:], 2**k) for k in reversed(range(count))]
        try:
            _check_sides(model, layers, content, styles, sizes[0])
        except ValueError:
            if plan.sizes or count == 1:
                raise
        else:
            return sizes


def _check_sides(model, layers, content: Tensor, styles, first: tuple[int, int]) -> None:
    """Raises a ValueError that names a picture too small for its layers at the first size."""
    content_layer, style_layers, dream = layers
    named = [layer for layer in style_layers if layer != "pixels"]  # "pixels" takes any size
    part = max(content.shape[2:]) / max(first)
    seen = [("content", content, first, [content_layer, *dream, *named])]
    seen += [("style", one, scaled_down(one.shape[2:], part), named) for _, one in styles if named]
    for whose, picture, (height, width), names in seen:
        side = min(height, width, *model.size)
        try:
            activations_at(model, model.mean.expand(1, -1, side, side), names)
        except ValueError as error:
            given = f"{picture.shape[2]} x {picture.shape[3]} pixels, {height} x {width} at first,"
            hint = f"is too small for {', '.join(names)}: take a larger one"
            raise ValueError(f"the {whose} of {given} {hint}.") from error
