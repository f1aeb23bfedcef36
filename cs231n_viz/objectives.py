"""What is wanted of a picture: small functions image -> one number a picture, (N,), to climb or
descend.

Each is made by a factory that is told once what to look at, and `weighted_sum` adds them up:

    score = weighted_sum((1, class_score(model, "tarantula")), (-0.001, squared_size(model.mean)))
"""

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from .activations import activations_at

Objective = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> (N,)
SILENT = (
    1e-14  # squared length of a Gram matrix that rounding alone can make; values of 0.001 make more
)
Target = int | str | tuple | Tensor | Callable[[Tensor], Tensor]


def score_of(model, target: Target) -> Objective:
    """The number that a `target` stands for, in every lesson of the course.

    target: a class by index or name; a tensor of indices (N,), a class for each picture; a unit,
    (layer, channel) or (layer, channel, row, column); or any function of the scores, (N, classes)
    -> (N,), such as lambda scores: scores[:, 3] - scores[:, 5].
    """
    if isinstance(target, Tensor) and target.dim() == 1:
        return _class_of_each(model, target)
    if isinstance(target, tuple):
        if len(target) not in (2, 4):
            raise ValueError(
                f"a unit is (layer, channel) or (layer, channel, row, column), not {target!r}."
            )
        return unit(model, *target)
    if callable(target):
        return _of_scores(model, target)
    return class_score(model, target)


def targets_of(target: Target, count: int) -> list[Target]:
    """The target of each of `count` pictures: one for all, or a tensor of indices (count,), a class
    for each.
    """
    if not isinstance(target, Tensor) or target.dim() != 1:
        return [target] * count
    if len(target) != count:
        raise ValueError(f"{count} pictures need as many classes, one each, not {len(target)}.")
    return target.tolist()


def _class_of_each(model, target: Tensor) -> Objective:
    indices = torch.tensor([model.class_index(index) for index in target.tolist()])

    def scores_of_each(image: Tensor) -> Tensor:
        targets_of(target, len(image))  # as many classes as pictures?
        scores = model(image)
        return scores.gather(1, indices.to(scores.device)[:, None])[:, 0]

    return scores_of_each


def class_score(model, target: int | str) -> Objective:
    """The score (logit) of a class, given by index or by name."""
    if not isinstance(target, str):
        try:
            target = operator.index(target)
        except TypeError as error:
            raise TypeError(
                f"a class is given by its index or its name, not by {target!r}."
            ) from error
    index = model.class_index(target)
    return lambda image: model(image)[:, index]


def unit(
    model, layer: str, channel: int, row: int | None = None, column: int | None = None
) -> Objective:
    """The activation of a channel: at (row, column) of its map; without a place, the mean over its
    map.
    """
    model.resolve(layer)  # an unknown layer is said here and not in the middle of a run
    if (row is None) != (column is None):
        raise ValueError(
            f"a place is a row and a column, but row={row} and column={column} were given."
        )
    place = () if row is None else (row, column)

    def activation(image: Tensor) -> Tensor:
        outputs = activations_at(model, image, layer)  # (N, C, h, w), or (N, C) after pooling
        _check_unit(layer, outputs, (channel, *place))
        chosen = outputs[(slice(None), channel, *place)]
        return chosen.flatten(1).mean(dim=1) if chosen.dim() > 1 else chosen

    return activation


def layer_energy(model, layer: str) -> Objective:
    """Half the squared norm of a layer, ½‖Φ‖²; its gradient at the layer is Φ itself, which is
    DeepDream.
    """
    model.resolve(layer)
    return lambda image: activations_at(model, image, layer).square().flatten(1).sum(dim=1) / 2


def feature_distance(model, layer: str, reference_features: Tensor) -> Objective:
    """How far a layer is from what it was on another picture, ‖Φ − Φ₀‖² / ‖Φ₀‖² (Mahendran &
    Vedaldi 2015).

    reference_features: Φ₀, one for all pictures (1, …) or one each (N, …). 0: the same; 1: as far
    as zero is.
    """
    model.resolve(layer)
    reference = reference_features.detach()
    _check_heard(layer, reference)
    return lambda image: _relative_distance(layer, activations_at(model, image, layer), reference)


def _check_heard(layer: str, reference: Tensor) -> None:
    if not reference.flatten(1).any(dim=1).all():
        raise ValueError(
            f"the reference features of {layer} are all zero: no distance can be measured against them."
        )


def _relative_distance(layer: str, features: Tensor, reference: Tensor) -> Tensor:
    if features.shape[1:] != reference.shape[1:] or len(reference) not in (1, len(features)):
        raise ValueError(
            f"{layer} answers with shape {tuple(features.shape)}, the reference features have shape "
            f"{tuple(reference.shape)}: take them from one picture, or from one each, of the same size."
        )
    size = reference.square().flatten(1).sum(dim=1)  # (N,) or (1,)
    return (features - reference).square().flatten(1).sum(dim=1) / size


def gram_matrix(maps: Tensor) -> Tensor:
    """Which channels fire together, whatever the place: G = F Fᵀ / (C·H·W), (N, C, C), of maps (N,
    C, H, W).

    F is (C, H·W), a row a channel, so G[k, l] = Σ over places of A_k · A_l, divided by C·H·W as
    Johnson et al. (2016) do; Gatys et al. (2015) divide later, in the loss. Products at the *same*
    place only; the places themselves are summed away.
    """
    if maps.dim() != 4:
        raise ValueError(
            f"a Gram matrix is made of feature maps (N, C, H, W), not of shape {tuple(maps.shape)}."
        )
    flat = maps.flatten(2)  # (N, C, places)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_distance(maps: Tensor, wanted: Tensor) -> Tensor:
    """How far the Gram matrix of maps (N, C, H, W) is from a wanted one, ‖G − G*‖² / ‖G*‖², (N,).

    wanted: G*, (1, C, C) for all pictures or (N, C, C), one each; the maps it was made of may have
    had another size. 0: the same texture to this layer; 1: as far as an all-zero layer is.
    """
    count, channels = maps.shape[:2]
    if wanted.shape[1:] != (channels, channels) or len(wanted) not in (1, count):
        last = (
            " Another number of channels: are these maps (N, C, h, w), or are their channels last?"
        )
        hint = last if wanted.shape[1:] != (channels, channels) else ""
        raise ValueError(
            f"{count} pictures of {channels} maps need Gram matrices of shape (1 or {count}, {channels}, {channels}), not "
            f"{tuple(wanted.shape)}: take them at the same layer, from one picture or from one each.{hint}"
        )
    size = wanted.square().sum(dim=(1, 2))
    if not (size > SILENT).all():
        raise ValueError(
            "the wanted Gram matrix is all zero: the layer was silent, and nothing can be near to it."
        )
    return (gram_matrix(maps) - wanted).square().sum(dim=(1, 2)) / size


def style_maps(model, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The feature maps of each layer; the layer "pixels" is the picture itself, less the network's
    mean colour.
    """
    inside = [layer for layer in layers if layer != "pixels"]
    maps = dict(activations_at(model, image, inside)) if inside else {}
    return maps | ({"pixels": image.to(model.mean) - model.mean} if "pixels" in layers else {})


def gram_matrices(model, pixels: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """The Gram matrix of each layer, {layer: (N, C, C)}: what Gatys et al. (2015) call the style of
    a picture.

    layers: names, "pixels" among them for the colours, which the first layer of a network says
    little about.
    """
    with torch.no_grad():
        maps = style_maps(model, pixels, layers)
        return {layer: gram_matrix(maps[layer]) for layer in layers}


def style_distance(
    model, wanted: Mapping[str, Tensor], weights: Mapping[str, float] | None = None
) -> Objective:
    """Σ over layers of weight · ‖G − G*‖² / ‖G*‖² (Gatys et al. 2015, each layer measured by its
    own size).

    wanted: {layer: G*}, as `gram_matrices` gives it. weights: {layer: weight}; without them every
    layer counts 1 / layers.
    """
    weights = _layer_weights(wanted, weights)

    def distance(image: Tensor) -> Tensor:
        maps = style_maps(model, image, list(wanted))
        return sum(
            weights[layer] * gram_distance(maps[layer], gram) for layer, gram in wanted.items()
        )

    return distance


class Likeness(NamedTuple):
    content: Tensor  # (N,) ‖Φ − Φ₀‖² / ‖Φ₀‖² of the content's layer
    style: Tensor  # (N,) Σ weight · ‖G − G*‖² / ‖G*‖² of the style's layers


def likeness(
    model,
    content: Tensor,
    layer: str,
    wanted: Mapping[str, Tensor],
    weights: Mapping[str, float] | None = None,
) -> Callable[[Tensor], Likeness]:
    """image -> how far it is from one picture's features and another's Gram matrices, both from a
    single pass.

    content: pixels (N, 3, H, W). wanted, weights: as for `style_distance`.
    """
    weights = _layer_weights(wanted, weights)
    with torch.no_grad():
        features = activations_at(model, content, layer)
    _check_heard(layer, features)

    def both(image: Tensor) -> Likeness:
        maps = style_maps(model, image, [*wanted, layer])
        style = sum(
            weights[name] * gram_distance(maps[name], gram) for name, gram in wanted.items()
        )
        return Likeness(_relative_distance(layer, maps[layer], features), style)

    return both


def _layer_weights(
    wanted: Mapping[str, Tensor], weights: Mapping[str, float] | None
) -> Mapping[str, float]:
    if not wanted:
        raise ValueError(
            "no layer is named to compare the style at: give {layer: Gram matrix} for at least one."
        )
    if weights is None:
        return dict.fromkeys(wanted, 1 / len(wanted))
    if missing := [layer for layer in wanted if layer not in weights]:
        raise ValueError(
            f"there is no weight for {', '.join(missing)}: give one for each of {', '.join(wanted)}."
        )
    return weights


def total_variation() -> Objective:
    """Squared differences between neighbours, summed: Σ (x[i+1, j] − x[i, j])² + (x[i, j+1] − x[i,
    j])².
    """

    def variation(image: Tensor) -> Tensor:
        down, right = image.diff(dim=-2), image.diff(dim=-1)
        return down.square().flatten(1).sum(dim=1) + right.square().flatten(1).sum(dim=1)

    return variation


def color_variation() -> Objective:
    """The total variation of the colours alone, x − mean over red, green and blue: coloured fringes
    make it large.
    """
    variation = total_variation()
    return lambda image: variation(image - image.mean(dim=1, keepdim=True))


def squared_size(center: float | Tensor = 0.0) -> Objective:
    """Squared distance from a colour or a picture, ‖x − center‖²; center=model.mean is the
    network's zero.
    """
    return lambda image: (image - center).square().flatten(1).sum(dim=1)


def weighted_sum(*terms: tuple[float, Objective]) -> Objective:
    """Σ weight · objective, of (weight, objective) pairs; when climbing, a penalty's weight is
    negative.
    """
    return lambda image: sum(weight * objective(image) for weight, objective in terms)


def gradient(objective: Objective, image: Tensor) -> Tensor:
    """∂ objective / ∂ image of each picture, (N, C, H, W). The image itself is not touched."""
    image = image.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)
    with torch.enable_grad():
        total = objective(image).sum()  # a picture's pixels move its own number only
    return torch.autograd.grad(total, image)[0]


def one_each(values: Tensor, count: int) -> Tensor:
    """What a target that is a function gave, if it is one number for each of `count` pictures."""
    if values.shape != (count,):
        raise ValueError(
            f"a target that is a function takes the scores (N, classes) and gives one number a picture, "
            f"shape ({count},); yours gave shape {tuple(values.shape)}."
        )
    return values


def _of_scores(model, function: Callable[[Tensor], Tensor]) -> Objective:
    return lambda image: one_each(function(model(image)), len(image))


def _check_unit(layer: str, outputs: Tensor, place: tuple[int, ...]) -> None:
    if outputs.dim() not in (2, 4):
        raise ValueError(
            f"{layer} has no channels to choose from: its output has shape {tuple(outputs.shape)}."
        )
    if len(place) > outputs.dim() - 1:
        raise ValueError(
            f"{layer} answers with one number a channel, so its units have no row and column."
        )
    for word, index, size in zip(
        ("channel", "row", "column"), place, outputs.shape[1:], strict=False
    ):
        if not 0 <= index < size:
            raise ValueError(
                f"{word} {index} is out of range: {layer} has {size} {word}s, 0 to {size - 1}."
            )
