"""What is wanted of a picture: small functions image -> one number a picture, (N,), to climb or descend.

Each is made by a factory that is told once what to look at, and `weighted_sum` adds them up:

    score = weighted_sum((1, class_score(model, "tarantula")), (-0.001, squared_size(model.mean)))
"""

import operator
from collections.abc import Callable

import torch
from torch import Tensor

from .activations import activations_at

Objective = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> (N,)
Target = int | str | tuple | Tensor | Callable[[Tensor], Tensor]


def score_of(model, target: Target) -> Objective:
    """The number that a `target` stands for, in every lesson of the course.

    target: a class by index or name; a tensor of indices (N,), a class for each picture; a unit, (layer, channel) or
    (layer, channel, row, column); or any function of the scores, (N, classes) -> (N,), such as
    lambda scores: scores[:, 3] - scores[:, 5].
    """
    if isinstance(target, Tensor) and target.dim() == 1:
        return _class_of_each(model, target)
    if isinstance(target, tuple):
        if len(target) not in (2, 4):
            raise ValueError(f"a unit is (layer, channel) or (layer, channel, row, column), not {target!r}.")
        return unit(model, *target)
    if callable(target):
        return _of_scores(model, target)
    return class_score(model, target)


def targets_of(target: Target, count: int) -> list[Target]:
    """The target of each of `count` pictures: one for all, or a tensor of indices (count,), a class for each."""
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
            raise TypeError(f"a class is given by its index or its name, not by {target!r}.") from error
    index = model.class_index(target)
    return lambda image: model(image)[:, index]


def unit(model, layer: str, channel: int, row: int | None = None, column: int | None = None) -> Objective:
    """The activation of a channel: at (row, column) of its map; without a place, the mean over its map."""
    model.resolve(layer)  # an unknown layer is said here and not in the middle of a run
    if (row is None) != (column is None):
        raise ValueError(f"a place is a row and a column, but row={row} and column={column} were given.")
    place = () if row is None else (row, column)

    def activation(image: Tensor) -> Tensor:
        outputs = activations_at(model, image, layer)  # (N, C, h, w), or (N, C) after pooling
        _check_unit(layer, outputs, (channel, *place))
        chosen = outputs[(slice(None), channel, *place)]
        return chosen.flatten(1).mean(dim=1) if chosen.dim() > 1 else chosen

    return activation


def layer_energy(model, layer: str) -> Objective:
    """Half the squared norm of a layer, ½‖Φ‖²; its gradient at the layer is Φ itself, which is DeepDream."""
    model.resolve(layer)
    return lambda image: activations_at(model, image, layer).square().flatten(1).sum(dim=1) / 2


def feature_distance(model, layer: str, reference_features: Tensor) -> Objective:
    """How far a layer is from what it was on another picture, ‖Φ − Φ₀‖² / ‖Φ₀‖² (Mahendran & Vedaldi 2015).

    reference_features: Φ₀, one for all pictures (1, …) or one each (N, …). 0: the same; 1: as far as zero is.
    """
    model.resolve(layer)
    reference = reference_features.detach()
    size = reference.square().flatten(1).sum(dim=1)  # (N,) or (1,)
    if not (size > 0).all():
        raise ValueError(
            f"the reference features of {layer} are all zero: no distance can be measured against them."
        )

    def distance(image: Tensor) -> Tensor:
        features = activations_at(model, image, layer)
        if features.shape[1:] != reference.shape[1:] or len(reference) not in (1, len(features)):
            raise ValueError(
                f"{layer} answers with shape {tuple(features.shape)}, the reference features have shape "
                f"{tuple(reference.shape)}: take them from one picture, or from one each, of the same size."
            )
        return (features - reference).square().flatten(1).sum(dim=1) / size

    return distance


def total_variation() -> Objective:
    """Squared differences between neighbours, summed: Σ (x[i+1, j] − x[i, j])² + (x[i, j+1] − x[i, j])²."""

    def variation(image: Tensor) -> Tensor:
        down, right = image.diff(dim=-2), image.diff(dim=-1)
        return down.square().flatten(1).sum(dim=1) + right.square().flatten(1).sum(dim=1)

    return variation


def color_variation() -> Objective:
    """The total variation of the colours alone, x − mean over red, green and blue: coloured fringes make it large."""
    variation = total_variation()
    return lambda image: variation(image - image.mean(dim=1, keepdim=True))


def squared_size(center: float | Tensor = 0.0) -> Objective:
    """Squared distance from a colour or a picture, ‖x − center‖²; center=model.mean is the network's zero."""
    return lambda image: (image - center).square().flatten(1).sum(dim=1)


def weighted_sum(*terms: tuple[float, Objective]) -> Objective:
    """Σ weight · objective, of (weight, objective) pairs; when climbing, a penalty's weight is negative."""
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
        raise ValueError(f"{layer} answers with one number a channel, so its units have no row and column.")
    for word, index, size in zip(("channel", "row", "column"), place, outputs.shape[1:], strict=False):
        if not 0 <= index < size:
            raise ValueError(f"{word} {index} is out of range: {layer} has {size} {word}s, 0 to {size - 1}.")
