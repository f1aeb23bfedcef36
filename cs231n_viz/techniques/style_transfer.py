"""The things of one picture in the manner of another (Gatys, Ecker & Bethge 2016).

    min over x of  content weight · ‖Φ(x) − Φ(p)‖² / ‖Φ(p)‖²
                 + style weight · mean over layers of ‖G(x) − G(a)‖² / ‖G(a)‖²  +  tv · TV(x) / (H · W)

p is the content, a the style, Φ the features of one layer, G the Gram matrix of a layer (`objectives.gram_matrix`).
`assignment` is the same search as the CS231n assignment of 2020 has it, in its own units and with its own names.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
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
    Constraint,
    Direction,
    Diverged,
    Step,
    adam,
    always,
    descend,
    first,
    keep,
    last,
    lbfgs,
    limited,
    octaves,
)
from ..transforms import (
    chain,
    clamp,
    decorrelated_colors,
    fourier_noise,
    from_fourier,
    from_unbounded,
    identity,
    to_decorrelated,
    to_fourier,
    to_unbounded,
)

Style = Tensor | Sequence[tuple[float, Tensor]]  # a picture, or several with their weights
COLORS = ("style", "matched", "kept")
PATIENT = first(5, adam(0.03), limited(lbfgs(10), 0.03))  # as in lesson 12: from noise L-BFGS needs a beginning and a limit
FAINT = 10  # times the usual noise of a spectrum: nearly grey
NOT_LAYERS = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
NO_COLOR = 1e-6  # variance of a direction of colour that occurs nowhere in a picture


class Painting(NamedTuple):
    index: int
    image: Tensor  # pixels (N, C, H, W) after the step; smaller in the coarse part of coarse to fine
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
    direction: Direction = PATIENT,
    seed: int = 0,
) -> Iterator[Painting]:
    """Step by step towards the features of `content` (N, C, H, W) and the Gram matrices of `style`.

    style: one picture (1, C, h, w) of any size, or several, [(weight, picture), …], of which the Gram matrices are
    averaged; only the proportions of the weights count. style_size: its longer side, in pixels; None: as it is.
    content_layer, style_layers: see `usual_layers`; {layer: weight} for layers that do not count alike.
    colors: "style"; "matched", the style first recoloured to the mean and covariance of the content's colours; "kept", light
    and dark alone are transferred and the content's colours put back (Gatys et al. 2017).
    dream: {layer: weight}, layers that shall be loud as well: weight · ‖Φ(x)‖ / ‖Φ(p)‖ is taken off the loss.
    start: "content", "noise" by the seed, or a picture. sizes: how many times the search is run, `steps` each: 3 is a quarter
    of the size, half of it, all of it. waves: search in a Fourier spectrum with decorrelated colours, or in the pixels.
    Raises ValueError in words, and optimize.Diverged with the last good Painting.
    """
    images.check_pixels(content, channels=model.channels)
    dream = dream or {}
    _check_numbers(steps, sizes, tv=tv, content_weight=content_weight, style_weight=style_weight)
    _check_numbers(steps, sizes, **{f"the weight of {layer} in dream": weight for layer, weight in dream.items()})
    if not any((content_weight, style_weight, *dream.values())):
        raise ValueError("content_weight and style_weight are both 0: nothing is wanted of the picture.")
    layer, weights = _layers(model, content_layer, style_layers, dream)
    there = content.detach().to(model.device)
    pages = [(share, _sized(page.detach().to(there), style_size)) for share, page in _shares(model, style)]
    there, pages, seen, back = _recolored(colors, there, pages)
    parts = [2**k for k in reversed(range(sizes))]
    _check_sides(model, [layer, *dream], [there, *(page for _, page in pages)], parts[0])

    def run(image: Tensor) -> Iterator[Painting]:
        part = content.shape[2] / image.shape[2]
        small = images.resize(there, tuple(image.shape[2:]))
        wanted = _mixed([(share, _divided(page, part)) for share, page in pages], model, list(weights))
        judge = _Judge(likeness(model, small, layer, wanted, weights))
        extras = [(tv / small[0, 0].numel(), total_variation()), *_dreams(model, small, dream)]
        loss = _loss(judge, content_weight, style_weight, extras)
        encode, decode, constrain = _ways(waves, model.channels, *image.shape[2:])
        decode = chain(decode, seen)
        walk = descend(encode(image), loss, steps=steps, decode=decode, direction=direction, constrain=constrain)
        return (Painting(*step, *judge.last) for step in walk)

    begin = seen(_beginning(start, there, seed))
    walk = octaves(begin, [tuple(_side(side, part) for side in content.shape[2:]) for part in parts], run)
    return _finished(walk, back, content)


def transfer(model: nn.Module, content: Tensor, style: Style, **settings) -> Tensor:
    """The last picture of `transfer_steps`, as large as content, in [0, 1]."""
    return last(transfer_steps(model, content, style, **settings))


def _finished(walk: Iterator[Painting], back: Callable, content: Tensor) -> Iterator[Painting]:
    done = None
    try:
        for step in walk:
            done = Painting(step.index, back(step.image).to(content), *(part.to(content) for part in step[2:]))
            yield done
    except Diverged as error:
        count = 0 if done is None else done.index + 1
        raise Diverged(f"after {count} good steps in all, at {error}", done) from error


def _loss(judge: "_Judge", content_weight: float, style_weight: float, extras: list) -> Objective:
    """Both distances, weighted, and what else is wanted, (weight, objective) each."""

    def loss(image: Tensor) -> Tensor:
        both = judge(image)
        return content_weight * both.content + style_weight * both.style + sum(w * part(image) for w, part in extras)

    return loss


class _Judge:
    """Content and style distance of a picture, and what they were the last time."""

    def __init__(self, both: Callable[[Tensor], Likeness]):
        self._both = both

    def __call__(self, image: Tensor) -> Likeness:
        both = self._both(image)
        self.last = [part.detach() for part in both]
        return both


def _dreams(model: nn.Module, content: Tensor, dream: Mapping[str, float]) -> list[tuple[float, Objective]]:
    """(−weight, ‖Φ(x)‖ / ‖Φ(p)‖) of each layer: how many times as loud."""
    return [(-weight, _loudness(model, layer, content)) for layer, weight in dream.items()]


def _loudness(model: nn.Module, layer: str, content: Tensor) -> Objective:
    energy = layer_energy(model, layer)
    with torch.no_grad():
        before = energy(content)
    return lambda image: (energy(image) / before).sqrt()


def _ways(waves: bool, channels: int, height: int, width: int) -> tuple[Callable, Callable, Constraint]:
    """Pixels -> what is changed, the way back, and what must hold of it."""
    if not waves:
        return identity, identity, always(clamp())
    to_colors, colors = (to_decorrelated(), decorrelated_colors()) if channels == 3 else (to_unbounded(), from_unbounded())
    return chain(to_colors, to_fourier(height, width)), chain(from_fourier(height, width), colors), keep


def _beginning(start: str | Tensor, content: Tensor, seed: int) -> Tensor:
    count, channels, height, width = content.shape
    if isinstance(start, Tensor):
        images.check_pixels(start, channels=channels)
        if start.shape[2:] != content.shape[2:] or len(start) not in (1, count):
            raise ValueError(f"the start has the shape of the content, {tuple(content.shape)}, not {tuple(start.shape)}.")
        return start.detach().to(content).expand_as(content)
    if start not in ("content", "noise"):
        raise ValueError(f'start is "content", "noise" or a picture, not {start!r}.')
    if start == "content":
        return content
    noise = FAINT * fourier_noise(height, width, seed)[:, :channels].to(content)
    return _ways(True, channels, height, width)[1](noise).expand_as(content)


# --- styles -------------------------------------------------------------------------------------------------------


def usual_layers(model: nn.Module) -> tuple[str, list[str]]:
    """The content's layer and the style's layers for a network that nothing else is said about.

    Of whole blocks and ReLUs the last of each shape of map; the first four of these and, for the palette, "pixels" are
    the style's, the fourth the content's. Where a network has fewer by short names, the last layer of each size.
    """
    maps = {name: shape for name, shape in model.shapes.items() if len(shape) == 4 and shape[-1] > 1}
    short = {name: shape for name, shape in maps.items() if "." not in name and name not in ("features", "classifier")}
    blocks = {name: shape for name, shape in short.items() if type(model.resolve(name)[0]) not in NOT_LAYERS}
    chosen = list({shape: name for name, shape in blocks.items()}.values())[:4]
    if len(chosen) < 4:
        chosen = list({shape[-1]: name for name, shape in maps.items()}.values())[:4]
    if not chosen:
        raise ValueError(f"{model.name} has no feature maps, (N, C, h, w), and style is a matter of maps: take another.")
    return chosen[-1], ["pixels", *chosen]


def mixed_grams(model: nn.Module, style: Style, layers: Sequence[str]) -> dict[str, Tensor]:
    """{layer: Σ wᵢ Gᵢ / Σ wᵢ} of several pictures, [(weight, picture), …]; of one picture its Gram matrices."""
    return _mixed(_shares(model, style), model, layers)


def match_colors(picture: Tensor, reference: Tensor) -> Tensor:
    """The picture (1 or N, C, h, w) with the mean and covariance of the reference's colours (N, C, H, W); in [0, 1].

        x -> Σ_reference^½ Σ_picture^−½ (x − mean) + mean of the reference                       (Gatys et al. 2017)
    """
    values, wanted = picture.double().flatten(2), reference.double().flatten(2)  # (N, C, places)
    turn = _power(_covariance(wanted), 0.5) @ _power(_covariance(values), -0.5)  # (N, C, C)
    matched = turn @ (values - values.mean(dim=2, keepdim=True)) + wanted.mean(dim=2, keepdim=True)
    return matched.unflatten(2, picture.shape[2:]).clamp(0, 1).to(picture)


def _covariance(values: Tensor) -> Tensor:
    away = values - values.mean(dim=2, keepdim=True)
    return away @ away.mT / values.shape[2]


def _power(matrices: Tensor, exponent: float) -> Tensor:
    values, vectors = torch.linalg.eigh(matrices)
    return vectors @ torch.diag_embed(values.clamp(min=NO_COLOR) ** exponent) @ vectors.mT


def _recolored(colors: str, content: Tensor, pages: list) -> tuple[Tensor, list, Callable, Callable]:
    """The content and the styles to work with, what is seen of a picture, and what makes the answer of the result."""
    if colors == "style":
        return content, pages, identity, identity
    if colors == "matched":
        return content, [(share, match_colors(page, content)) for share, page in pages], identity, identity
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
    pages = [(1.0, style)] if isinstance(style, Tensor) else list(style)
    _check_weights("the styles'", [weight for weight, _ in pages])
    for _, page in pages:
        images.check_pixels(page, channels=model.channels)
        if len(page) != 1:
            raise ValueError(f"a style is one picture, (1, C, h, w), not {len(page)}; several are [(weight, picture), …].")
    total = sum(weight for weight, _ in pages)
    return [(weight / total, page) for weight, page in pages if weight]


def _mixed(pages: list[tuple[float, Tensor]], model: nn.Module, layers: Sequence[str]) -> dict[str, Tensor]:
    grams = [(share, gram_matrices(model, page.to(model.device), layers)) for share, page in pages]
    return {layer: sum(share * gram[layer] for share, gram in grams) for layer in layers}


def _layers(model: nn.Module, content_layer, style_layers, dream) -> tuple[str, dict[str, float]]:
    """The content's layer, and {layer: weight} of the style's, the weights adding up to 1."""
    if content_layer is None or style_layers is None:
        usual = usual_layers(model)
        content_layer, style_layers = content_layer or usual[0], style_layers or usual[1]
    if isinstance(style_layers, str):
        style_layers = [style_layers]
    weights = dict(style_layers) if isinstance(style_layers, Mapping) else dict.fromkeys(style_layers, 1.0)
    for layer in {content_layer, *dream, *(layer for layer in weights if layer != "pixels")}:
        model.resolve(layer)  # an unknown one is said at once
    _check_weights("the style layers'", list(weights.values()))
    return content_layer, {layer: weight / sum(weights.values()) for layer, weight in weights.items() if weight}


def _side(side: float, part: float) -> int:
    return max(1, round(side / part))


def _divided(image: Tensor, part: float) -> Tensor:
    return image if part == 1 else images.resize(image, tuple(_side(side, part) for side in image.shape[2:]))


def _sized(page: Tensor, size: int | None) -> Tensor:
    if size is not None and (not isinstance(size, int) or size < 1):
        raise ValueError(f"style_size is the style's longer side in pixels, a whole number, not {size}.")
    return page if size is None else _divided(page, max(page.shape[2:]) / size)


# --- what people give ---------------------------------------------------------------------------------------------


def _check_numbers(steps: int, sizes: int, **weights: float) -> None:
    if steps < 1 or sizes < 1:
        raise ValueError(f"a picture is made in at least one step at one size, not in steps={steps} at sizes={sizes}.")
    for name, weight in weights.items():
        if not (weight >= 0 and math.isfinite(weight)):
            raise ValueError(f"{name} is a number, 0 or more, not {weight}.")


def _check_weights(whose: str, weights: list[float]) -> None:
    if not all(weight >= 0 and math.isfinite(weight) for weight in weights) or not any(weights):
        raise ValueError(f"{whose} weights are 0 or more and not all 0, for only their proportions count; not {weights}.")


def _check_sides(model: nn.Module, layers: list[str], pictures: list[Tensor], part: int) -> None:
    """Raises an error that names the least side, where the network cannot take a picture made `part` times smaller."""
    for height, width in (picture.shape[2:] for picture in pictures):
        side = _side(min(height, width), part)
        if not _takes(model, layers, min(side, model.input_size)):
            least = next(more for more in range(side + 1, model.input_size + 1) if _takes(model, layers, more))
            begins = f", for sizes={part.bit_length()} begins {part} times smaller" if part > 1 else ""
            raise ValueError(
                f"{model.name} needs pictures of at least {least * part} pixels a side, and this one has "
                f"{height} x {width}{begins}: take a larger one."
            )


def _takes(model: nn.Module, layers: list[str], side: int) -> bool:
    try:
        with torch.no_grad():
            activations_at(model, model.mean.expand(1, -1, side, side), layers)
    except ValueError:
        return False
    return True


# --- the assignment of CS231n -------------------------------------------------------------------------------------


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
    """Style transfer as StyleTransfer-PyTorch of CS231n (2020) has it: `assignment_steps(model, **params1)`.

    Works in normalised units z, (pixels − mean) / std, and does not divide by sizes:

        content_weight · Σ (F − P)²  +  Σ over layers of weight · Σ (G − A)²  +  tv_weight · Σ (differences of neighbours)²

    Adam with rate 3, a fresh one with 0.1 from step 180 on; z is brought into ±1.5 before each of the first 190 steps.
    Layers are numbers of parts of model.network.features, or of model.network where it has no features. The sizes are
    those of the shorter sides. Step.image is stretched to [0, 1], as theirs is shown.
    """
    content, style = (_shorter(images.to_pixels(one), size).to(model.device)
                      for one, size in ((content_image, image_size), (style_image, style_size)))  # fmt: skip
    content_name, *style_names = _numbered(model, [content_layer, *style_layers])
    with torch.no_grad():
        features = activations_at(model, content, content_name)
        grams = {name: gram_matrix(maps) for name, maps in activations_at(model, style, style_names).items()}

    def loss(image: Tensor) -> Tensor:
        maps = activations_at(model, image, [content_name, *style_names])
        far = content_weight * _squares(maps[content_name] - features)
        strange = zip(style_weights, style_names, strict=True)
        far = far + sum(weight * _squares(gram_matrix(maps[name]) - grams[name]) for weight, name in strange)
        return far + tv_weight * total_variation()((image - model.mean) / model.std)

    start = (content - model.mean) / model.std
    if init_random:
        start = torch.rand(start.shape, generator=torch.Generator().manual_seed(seed)).to(start)
    walk = descend(
        start.clamp(-1.5, 1.5),
        loss,
        steps=steps,
        decode=lambda normalised: normalised * model.std + model.mean,
        direction=first(180, adam(3.0), adam(0.1)),
        constrain=lambda normalised, index: normalised.clamp(-1.5, 1.5) if index + 1 < min(steps, 190) else normalised,
    )
    return (step._replace(image=images.stretch(step.image).cpu()) for step in walk)


def assignment(model: nn.Module, **settings) -> Tensor:
    """The last picture of `assignment_steps`, (1, 3, H, W), stretched to [0, 1]."""
    return last(assignment_steps(model, **settings))


def _squares(values: Tensor) -> Tensor:
    return values.square().flatten(1).sum(dim=1)


def _shorter(pixels: Tensor, size: int) -> Tensor:
    return _divided(pixels, min(pixels.shape[2:]) / size)


def _numbered(model: nn.Module, numbers: Sequence[int]) -> list[str]:
    """Parts of the network by number -> names of layers."""
    inside = "features." if hasattr(model.network, "features") else ""
    parts = [name for name, _ in getattr(model.network, "features", model.network).named_children()]
    for number in numbers:
        if not isinstance(number, int) or not 0 <= number < len(parts):
            raise ValueError(f"{model.name} has parts 0 to {len(parts) - 1}, and no part {number!r}.")
    return [inside + parts[number] for number in numbers]
