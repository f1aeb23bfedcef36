"""The things of one picture in the manner of another (Gatys, Ecker & Bethge 2016).

    min over x of  content weight · ‖Φ(x) − Φ(p)‖² / ‖Φ(p)‖²
                 + style weight · mean over layers of ‖G(x) − G(a)‖² / ‖G(a)‖²  +  tv · TV(x) / (H · W)

p is the content, a the style, Φ the features of one layer, G the Gram matrix of a layer
(`objectives.gram_matrix`). `assignment` is the same search as the CS231n assignment of 2020 has it,
in its own units and with its own names.
"""

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..layers import usual_layers
from ..objectives import (
    Likeness,
    Objective,
    gram_matrices,
    gram_matrix,
    layer_energy,
    likeness,
    total_variation,
)
from ..optimize import (
    ADAM_THEN_LBFGS,
    Constraint,
    Direction,
    Step,
    adam,
    always,
    descend,
    keep,
    last,
    map_steps,
    octaves,
    scaled_down,
    switch_after,
)
from ..transforms import chain, clamp, fourier_noise, fourier_to_pixels, identity, pixels_to_fourier

Style = Tensor | Sequence[tuple[float, Tensor]]  # a picture, or several with their weights
COLORS = ("style", "matched", "kept")
NO_COLOR = 1e-6  # variance of a direction of colour that occurs nowhere in a picture


class Painting(NamedTuple):
    index: int
    image: (
        Tensor  # pixels (N, C, H, W) after the step; smaller in the coarse part of coarse to fine
    )
    value: Tensor  # (N,) the loss just before the step, and its two parts before they are weighted:
    content: Tensor  # (N,) ‖Φ(x) − Φ(p)‖² / ‖Φ(p)‖²
    style: Tensor  # (N,) mean over layers of ‖G(x) − G(a)‖² / ‖G(a)‖²


def transfer_steps(
    model: nn.Module,
    content: Tensor,
    style: Style,
    *,
    content_weight: float = 1.0,
    style_weight: float = 10.0,
    tv: float = 2.0,
    content_layer: str | None = None,
    style_layers: Sequence[str] | Mapping[str, float] | None = None,
    style_size: int | None = None,
    colors: str = "style",
    dream: Mapping[str, float] | None = None,
    start: str | Tensor = "content",
    steps: int = 80,
    sizes: int = 1,
    waves: bool = True,
    direction: Direction = ADAM_THEN_LBFGS,
    seed: int = 0,
) -> Iterator[Painting]:
    """Step by step towards the features of `content` (N, C, H, W) and the Gram matrices of `style`.

    style: one picture (1, C, h, w) of any size, or several, [(weight, picture), …], of which the
    Gram matrices are averaged; only the proportions of the weights count. style_size: its longer
    side, in pixels; None: as it is. content_layer, style_layers: see `usual_layers`; {layer:
    weight} for layers that do not count alike. colors: "style"; "matched", the style first
    recoloured to the mean and covariance of the content's colours; "kept", light and dark alone are
    transferred and the content's colours put back (Gatys et al. 2017). dream: {layer: weight},
    layers that shall be loud as well: weight · ‖Φ(x)‖ / ‖Φ(p)‖ is taken off the loss. start:
    "content", "noise" by the seed, or a picture. sizes: how many times the search is run, `steps`
    each: 3 is a quarter of the size, half of it, all of it. waves: search in a Fourier spectrum
    with decorrelated colours, or in the pixels. Raises ValueError in words, and optimize.Diverged
    with the last good Painting.
    """
    images.check_pixels(content, channels=model.channels)
    dream = _wished(dream)
    _check_numbers(steps, sizes, tv=tv, content_weight=content_weight, style_weight=style_weight)
    _check_numbers(
        steps,
        sizes,
        **{f"the weight of {layer} in dream": weight for layer, weight in dream.items()},
    )
    if not any((content_weight, style_weight, *dream.values())):
        raise ValueError(
            "content_weight and style_weight are both 0: nothing is wanted of the picture."
        )
    layer, weights = _layers(model, content_layer, style_layers, dream)
    there = content.detach().to(model.device)
    pages = [
        (share, _sized(page.detach().to(there), style_size))
        for share, page in _shares(model, style)
    ]
    there, pages, seen, back = _recolored(colors, there, pages)
    parts = [2**k for k in reversed(range(sizes))]
    _check_sides(model, [layer, *dream], list(weights), there, pages, style_size, parts[0])

    def run(image: Tensor) -> Iterator[Painting]:
        part = max(content.shape[2:]) / max(image.shape[2:])  # the shorter side is rounded more
        small = images.resize(there, tuple(image.shape[2:]))
        wanted = _mixed(
            [(share, _divided(page, part)) for share, page in pages], model, list(weights)
        )
        judge = _Judge(likeness(model, small, layer, wanted, weights))
        extras = [(tv / small[0, 0].numel(), total_variation()), *_dreams(model, small, dream)]
        loss = _loss(judge, content_weight, style_weight, extras)
        encode, decode, constrain = _ways(waves, model.channels, *image.shape[2:])
        decode = chain(decode, seen)
        walk = descend(
            encode(image),
            loss,
            steps=steps,
            decode=decode,
            direction=direction,
            constrain=constrain,
        )
        return (Painting(*step, *judge.last) for step in walk)

    begin = seen(_beginning(start, there, seed))
    walk = octaves(begin, [scaled_down(content.shape[2:], part) for part in parts], run)
    return map_steps(walk, _answer(back, content))


def transfer(model: nn.Module, content: Tensor, style: Style, **settings) -> Tensor:
    """The last picture of `transfer_steps`, as large as content, in [0, 1]."""
    return last(transfer_steps(model, content, style, **settings))


def _answer(back: Callable, content: Tensor) -> Callable[[Painting], Painting]:
    return lambda step: Painting(
        step.index, back(step.image).to(content), *(part.to(content) for part in step[2:])
    )


def _loss(judge: "_Judge", content_weight: float, style_weight: float, extras: list) -> Objective:
    """Both distances, weighted, and what else is wanted, (weight, objective) each."""

    def loss(image: Tensor) -> Tensor:
        both = judge(image)
        return (
            content_weight * both.content
            + style_weight * both.style
            + sum(w * part(image) for w, part in extras)
        )

    return loss


class _Judge:
    """Content and style distance of a picture, and what they were the last time."""

    def __init__(self, both: Callable[[Tensor], Likeness]):
        self._both = both

    def __call__(self, image: Tensor) -> Likeness:
        both = self._both(image)
        self.last = [part.detach() for part in both]
        return both


def _dreams(
    model: nn.Module, content: Tensor, dream: Mapping[str, float]
) -> list[tuple[float, Objective]]:
    """(−weight, ‖Φ(x)‖ / ‖Φ(p)‖) of each layer: how many times as loud."""
    return [(-weight, _loudness(model, layer, content)) for layer, weight in dream.items()]


def _loudness(model: nn.Module, layer: str, content: Tensor) -> Objective:
    energy = layer_energy(model, layer)
    with torch.no_grad():
        before = energy(content)
    return lambda image: (energy(image) / before).sqrt()


def _ways(
    waves: bool, channels: int, height: int, width: int
) -> tuple[Callable, Callable, Constraint]:
    """Pixels -> what is changed, the way back, and what must hold of it."""
    if not waves:
        return identity, identity, always(clamp())
    return (
        pixels_to_fourier(channels, height, width),
        fourier_to_pixels(channels, height, width),
        keep,
    )


def _beginning(start: str | Tensor, content: Tensor, seed: int) -> Tensor:
    count, channels, height, width = content.shape
    if isinstance(start, Tensor):
        images.check_pixels(start, channels=channels)
        if start.shape[2:] != content.shape[2:] or len(start) not in (1, count):
            raise ValueError(
                f"the start has the shape of the content, {tuple(content.shape)}, not {tuple(start.shape)}."
            )
        return start.detach().to(content).expand_as(content)
    if not isinstance(start, str):
        raise TypeError(
            f'start is "content", "noise" or a picture, and no {type(start).__name__}: use images.to_pixels.'
        )
    if start not in ("content", "noise"):
        raise ValueError(f'start is "content", "noise" or a picture, not {start!r}.')
    if start == "content":
        return content
    noise = fourier_noise(height, width, seed, channels=channels, scale=10).to(content)
    return fourier_to_pixels(channels, height, width)(noise).expand_as(content)


# --- styles ---------------------------------------------------------------------------------------


def mixed_grams(model: nn.Module, style: Style, layers: Sequence[str]) -> dict[str, Tensor]:
    """{layer: Σ wᵢ Gᵢ / Σ wᵢ} of several pictures, [(weight, picture), …]; of one picture its Gram
    matrices.
    """
    return _mixed(_shares(model, style), model, layers)


def match_colors(picture: Tensor, reference: Tensor) -> Tensor:
    """The picture (1 or N, C, h, w) with the mean and covariance of the reference's colours (N, C,
    H, W); in [0, 1].

    x -> Σ_reference^½ Σ_picture^−½ (x − mean) + mean of the reference                       (Gatys et al. 2017)
    """
    for each in (picture, reference):
        images.check_pixels(each, channels=picture.shape[-3])
    if 1 not in (len(picture), len(reference)) and len(picture) != len(reference):
        raise ValueError(
            f"{len(picture)} pictures need one reference, or one each, and not {len(reference)}."
        )
    # (N, C, places), on the CPU: not every device has doubles and eigenvalues
    values, wanted = (each.cpu().double().flatten(2) for each in (picture, reference))
    turn = _power(_covariance(wanted), 0.5) @ _power(_covariance(values), -0.5)  # (N, C, C)
    matched = turn @ (values - values.mean(dim=2, keepdim=True)) + wanted.mean(dim=2, keepdim=True)
    return matched.unflatten(2, picture.shape[2:]).clamp(0, 1).to(picture)


def _covariance(values: Tensor) -> Tensor:
    away = values - values.mean(dim=2, keepdim=True)
    return away @ away.mT / values.shape[2]


def _power(matrices: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrices)
    return vectors @ torch.diag_embed(values.clamp(min=NO_COLOR) ** exponent) @ vectors.mT


def _recolored(
    colors: str, content: Tensor, pages: list
) -> tuple[Tensor, list, Callable, Callable]:
    """The content and the styles to work with, what is seen of a picture, and what makes the answer
    of the result.
    """
    if colors == "style":
        return content, pages, identity, identity
    if colors == "matched":
        return (
            content,
            [(share, match_colors(page, content)) for share, page in pages],
            identity,
            identity,
        )
    if colors != "kept":
        raise ValueError(f"colors is one of {', '.join(map(repr, COLORS))}, not {colors!r}.")
    grey = _light(content)
    pages = [(share, match_colors(_light(page), grey)) for share, page in pages]

    def back(image: Tensor) -> Tensor:
        color = content - grey
        return (_light(image) + images.resize(color, tuple(image.shape[2:]))).clamp(0, 1)

    return grey, pages, _light, back


def _light(image: Tensor) -> Tensor:
    return image.mean(dim=1, keepdim=True).expand_as(image)


def _shares(model: nn.Module, style: Style) -> list[tuple[float, Tensor]]:
    pages = (
        [(1.0, style)]
        if isinstance(style, Tensor)
        else list(style)
        if isinstance(style, Iterable)
        else [style]
    )
    for page in pages:
        if (
            not isinstance(page, tuple | list) or len(page) != 2 or isinstance(page[1], Real)
        ):  # (picture, weight)
            raise TypeError(
                "a style is a picture, (1, C, h, w), or several with their weights, [(weight, picture), …], alike or not: "
                f"where a (weight, picture) is wanted, something of type {type(page).__name__} was given."
            )
    _check_weights("the styles'", [weight for weight, _ in pages])
    for _, page in pages:
        images.check_pixels(page, channels=model.channels)
        if len(page) != 1:
            raise ValueError(
                f"a style is one picture, (1, C, h, w), not {len(page)}; several are [(weight, picture), …]."
            )
    total = sum(weight for weight, _ in pages)
    return [(weight / total, page) for weight, page in pages if weight]


def _mixed(
    pages: list[tuple[float, Tensor]], model: nn.Module, layers: Sequence[str]
) -> dict[str, Tensor]:
    grams = [(share, gram_matrices(model, page.to(model.device), layers)) for share, page in pages]
    return {layer: sum(share * gram[layer] for share, gram in grams) for layer in layers}


def _layers(model: nn.Module, content_layer, style_layers, dream) -> tuple[str, dict[str, float]]:
    """The content's layer, and {layer: weight} of the style's, the weights adding up to 1."""
    if content_layer is None or style_layers is None:
        usual = usual_layers(model)
        content_layer = usual[0] if content_layer is None else content_layer
        style_layers = usual[1] if style_layers is None else style_layers
    if isinstance(style_layers, str):
        style_layers = [style_layers]
    weights = (
        dict(style_layers)
        if isinstance(style_layers, Mapping)
        else dict.fromkeys(style_layers, 1.0)
    )
    for layer in {content_layer, *dream, *(layer for layer in weights if layer != "pixels")}:
        model.resolve(layer)  # an unknown one is said at once
    _check_weights("the style layers'", list(weights.values()))
    return content_layer, {
        layer: weight / sum(weights.values()) for layer, weight in weights.items() if weight
    }


def _divided(image: Tensor, part: float) -> Tensor:
    return image if part == 1 else images.resize(image, scaled_down(image.shape[2:], part))


def _sized(page: Tensor, size: int | None) -> Tensor:
    if size is not None and (not isinstance(size, Integral) or size < 1):
        raise ValueError(
            f"style_size is the style's longer side in pixels, a whole number, not {size}."
        )
    return page if size is None else _divided(page, max(page.shape[2:]) / size)


# --- what people give -----------------------------------------------------------------------------


def _wished(dream: Mapping[str, float] | None) -> Mapping[str, float]:
    if not isinstance(dream or {}, Mapping):
        raise TypeError(f"dream is {{layer: weight}}, not a {type(dream).__name__}.")
    return dream or {}


def _check_numbers(steps: int, sizes: int, **weights: float) -> None:
    if not all(isinstance(count, Integral) and count >= 1 for count in (steps, sizes)):
        raise ValueError(
            f"a picture is made in at least one step at one size, whole numbers, not in steps={steps} at sizes={sizes}."
        )
    for name, weight in weights.items():
        if not (_is_number(weight) and weight >= 0 and math.isfinite(weight)):
            raise ValueError(f"{name} is a number, 0 or more, not {weight}.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) or (isinstance(value, Tensor) and value.numel() == 1)


def _check_weights(whose: str, weights: list[float]) -> None:
    numbers = all(_is_number(weight) and weight >= 0 for weight in weights)
    if not numbers or not 0 < sum(weights) < math.inf:
        raise ValueError(
            f"{whose} weights are 0 or more and not all 0, for only their proportions count, and their sum is finite; not "
            f"{weights}."
        )


def _check_sides(
    model, layers: list[str], style_layers: list[str], content: Tensor, pages, style_size, part: int
) -> None:
    """Raises an error that names the least side, where the layers cannot take a picture made `part`
    times smaller.
    """
    inside = [layer for layer in style_layers if layer != "pixels"]
    small = scaled_down(content.shape[2:], part)
    shrunk = max(content.shape[2:]) / max(small)  # not quite `part`, after rounding
    _check_side(model, "content", [*layers, *inside], content, small, part)
    style = "style" if style_size is None else f"style of style_size={style_size}"
    for _, page in pages if inside else ():  # "pixels" alone takes any size
        _check_side(model, style, inside, page, scaled_down(page.shape[2:], shrunk), part)


def _check_side(
    model, whose: str, layers: list[str], picture: Tensor, small: tuple[int, int], part: int
) -> None:
    (height, width), side = picture.shape[2:], min(small)
    if _takes(model, layers, min(side, model.input_size)):
        return
    larger = range(side + 1, model.input_size + 1)
    least = next((more for more in larger if _takes(model, layers, more)), model.input_size)
    begins = f", for sizes={part.bit_length()} begins {part} times smaller" if part > 1 else ""
    raise ValueError(
        f"{model.name} needs at least {least * part} pixels a side for {', '.join(dict.fromkeys(layers))}, and the "
        f"{whose} has {height} x {width}{begins}: take a larger one."
    )


def _takes(model: nn.Module, layers: list[str], side: int) -> bool:
    try:
        with torch.no_grad():
            activations_at(model, model.mean.expand(1, -1, side, side), layers)
    except ValueError:
        return False
    return True


# --- the assignment of CS231n ---------------------------------------------------------------------


def assignment_steps(
    model: nn.Module,
    *,
    content_image: images.Picture,
    style_image: images.Picture,
    image_size: int,
    style_size: int,
    content_layer: int,
    content_weight: float,
    style_layers: Sequence[int],
    style_weights: Sequence[float],
    tv_weight: float,
    init_random: bool = False,
    steps: int = 200,
    seed: int = 0,
) -> Iterator[Step]:
    """Style transfer as StyleTransfer-PyTorch of CS231n (2020) has it: `assignment_steps(model,
    **params1)`.

    Works in normalised units z, (pixels − mean) / std, and does not divide by sizes:

        content_weight · Σ (F − P)²  +  Σ over layers of weight · Σ (G − A)²  +  tv_weight · Σ (differences of neighbours)²

    Adam with rate 3, a fresh one with 0.1 from step 180 on; z is brought into ±1.5 before each of
    the first 190 steps. Layers are numbers of parts of model.network.features, or of model.network
    where it has no features. The sizes are those of the shorter sides. Step.image is stretched to
    [0, 1], as theirs is shown.
    """
    _check_assignment(model, (image_size, style_size), style_layers, style_weights)
    _check_numbers(steps, 1, content_weight=content_weight, tv_weight=tv_weight)
    content, style = (_shorter(images.to_pixels(one), size).to(model.device)
                      for one, size in ((content_image, image_size), (style_image, style_size)))  # fmt: skip
    content_name, *style_names = _numbered(model, [content_layer, *style_layers])
    with torch.no_grad():
        features = activations_at(model, content, content_name)
        grams = {
            name: gram_matrix(maps)
            for name, maps in activations_at(model, style, style_names).items()
        }

    def loss(image: Tensor) -> Tensor:
        maps = activations_at(model, image, [content_name, *style_names])
        far = content_weight * _squares(maps[content_name] - features)
        strange = zip(style_weights, style_names, strict=True)
        far = far + sum(
            weight * _squares(gram_matrix(maps[name]) - grams[name]) for weight, name in strange
        )
        return far + tv_weight * total_variation()((image - model.mean) / model.std)

    start = (content - model.mean) / model.std
    if init_random:
        start = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed)).to(start)
    walk = descend(
        start.clamp(-1.5, 1.5),
        loss,
        steps=steps,
        decode=lambda normalised: normalised * model.std + model.mean,
        direction=switch_after(180, adam(3.0), adam(0.1)),
        constrain=lambda normalised, index: (
            normalised.clamp(-1.5, 1.5) if index + 1 < min(steps, 190) else normalised
        ),
    )
    return map_steps(walk, lambda step: step._replace(image=images.stretch(step.image).cpu()))


def assignment(model: nn.Module, **settings) -> Tensor:
    """The last picture of `assignment_steps`, (1, 3, H, W), stretched to [0, 1]."""
    return last(assignment_steps(model, **settings))


def _check_assignment(
    model: nn.Module, sizes: Sequence[int], layers: Sequence[int], weights: Sequence[float]
) -> None:
    if model.channels != 3:
        channels = f"{model.name} reads {model.channels} channels"
        raise ValueError(
            f"the assignment is about pictures in three colours, and {channels}: use `transfer` with it."
        )
    if not all(isinstance(size, Integral) and size >= 1 for size in sizes):
        raise ValueError(
            f"image_size and style_size are shorter sides in whole pixels, 1 or more, not {sizes}."
        )
    if not len(layers) == len(weights) > 0:
        raise ValueError(
            f"each of the style_layers has its weight in style_weights, and there is at least one, not {len(layers)} layers "
            f"with {len(weights)} weights."
        )
    if not all(_is_number(weight) and 0 <= weight < math.inf for weight in weights):
        raise ValueError(f"style_weights are numbers, 0 or more, not {weights}.")


def _squares(values: Tensor) -> Tensor:
    return values.square().flatten(1).sum(dim=1)


def _shorter(pixels: Tensor, size: int) -> Tensor:
    return _divided(pixels, min(pixels.shape[2:]) / size)


def _numbered(model: nn.Module, numbers: Sequence[int]) -> list[str]:
    """Parts of the network by number -> names of layers."""
    inside = "features." if hasattr(model.network, "features") else ""
    parts = [name for name, _ in getattr(model.network, "features", model.network).named_children()]
    for number in numbers:
        if not isinstance(number, Integral) or not 0 <= number < len(parts):
            raise ValueError(
                f"{model.name} has parts 0 to {len(parts) - 1}, and no part {number!r}."
            )
    return [inside + parts[number] for number in numbers]
