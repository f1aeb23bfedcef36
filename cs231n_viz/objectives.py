"""Objectives to maximise or minimise: functions image (N, C, H, W) -> one number per picture, (N,).

Each is made by a factory, and `weighted_sum` adds them up:

    score = weighted_sum((1, class_score(model, "tarantula")), (-0.001, squared_size(model.mean)))
"""

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from .activations import activations_at
from .errors import whole

Objective = Callable[[Tensor], Tensor]  # image (N, C, H, W) -> (N,)
# Below this, the squared norm of a Gram matrix may be rounding; activations of 0.001 give more.
GRAM_OF_ZERO = 1e-14
Grams = Mapping[str, Tensor]  # {layer: Gram matrix (1 or N, C, C)}
Weights = Mapping[str, float] | None  # {layer: weight}; None: all alike
Layers = str | Sequence[str] | Mapping[str, float]  # each counts 1, or as its weight says
One = int | str | tuple | Callable[[Tensor], Tensor]
Target = One | Sequence[One] | np.ndarray | Tensor | None


def score_of(model, target: Target) -> Objective:
    """The objective, image -> (N,), that a `target` stands for in every lesson.

    target: a class by index or name; a unit, (layer, channel) or (layer, channel, row, column); or
    any function of the scores, (N, classes) -> (N,), such as lambda scores: scores[:, 3] -
    scores[:, 5]. A tensor of classes (N,), or a list of units, names one for each picture.
    """
    if isinstance(target, int | str):
        return class_score(model, target)
    return _other_score(model, target)


def _other_score(model, target: Target) -> Objective:
    """`score_of` what is neither an index nor a name: refused, if it is no target at all."""
    if isinstance(target, Tensor) and target.dim() == 1:
        indices = [model.class_index(index) for index in target.tolist()]
        return lambda image: model(image)[range(len(image)), targets_of(indices, len(image))]
    if isinstance(target, list) and all(isinstance(one, tuple) for one in target):
        return _unit_of_each(model, target)
    if isinstance(target, tuple):
        if len(target) not in (2, 4):
            raise ValueError(f"a unit is (layer, channel[, row, column]), not {target!r}.")
        return unit(model, *target)
    if callable(target):
        return lambda image: one_each(target(model(image)), len(image))
    return class_score(model, target)


def target_for(model, target: Target, pixels: Tensor) -> Target:
    """The target of a caller as `score_of` takes it, checked as the caller's pixels are.

    None becomes the network's own class of each picture, a list or an array of classes a tensor of
    indices (N,); all else stays what it is.
    """
    model.check(pixels)
    if isinstance(target, int | str):
        model.class_index(target)  # raises for a class that there is not, and for a boolean
        return target
    return _answers(model, pixels) if target is None else _listed(model, target)


@torch.no_grad()
def _answers(model, pixels: Tensor) -> Tensor:
    if getattr(model, "scores_are", None) == "values":
        raise ValueError(f"{model.name} gives values and no classes: name one by its index.")
    return torch.cat([model(some).argmax(dim=1) for some in pixels.split(32)])


def _listed(model, target: Target) -> Target:
    given = target.tolist() if isinstance(target, Tensor | np.ndarray | np.generic) else target
    each = given if isinstance(given, list) else [given]
    if any(isinstance(one, tuple) or callable(one) for one in each):
        return given
    classes = [model.class_index(one) for one in each]  # raises for a float or a boolean
    return torch.tensor(classes) if isinstance(given, list) else given


def classes_of(model, target: Target, pixels: Tensor) -> Tensor:
    """The class of each picture, (N,) indices, of a target that names one class or one each."""
    each = targets_of(target_for(model, target, pixels), len(pixels))
    return torch.tensor([model.class_index(one) for one in each])


def labels_of(values, count: int) -> Tensor:
    """The labels of `count` pictures, whole numbers of any type or kind of list, as int64 (N,)."""
    try:
        found = torch.as_tensor(values)
    except (TypeError, ValueError, RuntimeError):  # names, or lists of several lengths
        found = torch.empty(0)
    if found.is_floating_point() or found.dtype == torch.bool or found.shape != (count,):
        given = f"{tuple(found.shape)} of {found.dtype}"
        raise ValueError(f"{count} pictures need {count} labels, not {given}: whole numbers.")
    return found.long()


def targets_of(target: Target, count: int) -> list[One]:
    """The target of each of `count` pictures: the same for all, or one each."""
    each = target.tolist() if isinstance(target, Tensor) and target.dim() == 1 else target
    if not isinstance(each, list):
        return [target] * count
    if len(each) != count:
        raise ValueError(f"{count} pictures need as many classes, one each, not {len(each)}.")
    return each


def one_each(values: Tensor, count: int) -> Tensor:
    """The values of a target that is a function, checked: one number per picture, (count,)."""
    if values.shape != (count,):
        shapes = f"shape ({count},); yours gave shape {tuple(values.shape)}"
        raise ValueError(f"a target turns scores (N, K) into one number per picture, {shapes}.")
    return values


def _unit_of_each(model, target: list[tuple]) -> Objective:
    scores = [score_of(model, one) for one in target]

    def scores_of_each(image: Tensor) -> Tensor:
        pairs = zip(targets_of(scores, len(image)), image.split(1), strict=True)
        return torch.cat([score(one) for score, one in pairs])

    return scores_of_each


def class_score(model, target: int | str) -> Objective:
    """The score (logit) of a class, given by index or by name."""
    index = model.class_index(target)
    return lambda image: model(image)[:, index]


def unit(
    model, layer: str, channel: int, row: int | None = None, column: int | None = None
) -> Objective:
    """The activation of a channel at a position; without one, the mean over its map."""
    model.resolve(layer)  # an unknown layer raises here and not in the middle of a run
    if (row is None) != (column is None):
        raise ValueError(f"a position is a row and a column, not row={row} and column={column}.")
    indices = tuple(each for each in (channel, row, column) if each is not None)

    def activation(image: Tensor) -> Tensor:
        outputs = activations_at(model, image, layer)  # (N, C, h, w), or (N, C) after pooling
        _check_unit(layer, outputs, indices)
        chosen = outputs[(slice(None), *indices)]
        return chosen.flatten(1).mean(dim=1) if chosen.dim() > 1 else chosen

    return activation


def _check_unit(layer: str, outputs: Tensor, indices: tuple[int, ...]) -> None:
    sizes = outputs.shape[1:]
    if len(sizes) not in (1, 3) or len(indices) > len(sizes):
        shape = tuple(outputs.shape)
        raise ValueError(f"{layer} has no such units {indices}: its output has the shape {shape}.")
    for word, index, size in zip(("channel", "row", "column"), indices, sizes, strict=False):
        whole(f"the {word} in {layer}", index, 0, size - 1)


def channel_maps(layer: str, output: Tensor) -> Tensor:
    """A layer's output as maps (N, C, h, w): a vector counts as maps of one position."""
    if output.dim() not in (2, 4):
        shape = tuple(output.shape[1:])
        raise ValueError(f"{layer} gives {shape} per picture: only maps and vectors have channels.")
    return output if output.dim() == 4 else output[:, :, None, None]


def layer_energy(model, layer: str) -> Objective:
    """½‖Φ‖² of a layer, whose gradient at the layer is Φ itself (DeepDream, Mordvintsev 2015)."""
    model.resolve(layer)
    return lambda image: activations_at(model, image, layer).square().flatten(1).sum(dim=1) / 2


def feature_distance(model, layer: str, reference_features: Tensor) -> Objective:
    """‖Φ − Φ₀‖² / ‖Φ₀‖²: the distance of a layer's features from those of another picture.

    reference_features: Φ₀, one for all pictures (1, …) or one each (N, …). 0: equal; 1: as far away
    as all-zero features are (Mahendran & Vedaldi 2015).
    """
    model.resolve(layer)
    distance = _distance_from(f"the features of {layer}", reference_features)
    return lambda image: distance(activations_at(model, image, layer))


def _distance_from(name: str, reference: Tensor, least: float = 0.0) -> Objective:
    """Function x -> ‖x − reference‖² / ‖reference‖², where that is above `least`; name: of the x.

    The reference is one for all pictures, or one each.
    """
    reference = reference.detach()
    size = reference.square().flatten(1).sum(dim=1)  # (N,) or (1,)
    if not (size > least).all():
        raise ValueError(f"{name} are all zero in the reference: no distance from them.")

    def distance(found: Tensor) -> Tensor:
        if found.shape[1:] != reference.shape[1:] or len(size) not in (1, len(found)):
            shapes = f"{tuple(found.shape)}, the reference {tuple(reference.shape)}"
            same = "the same layer and size, of one picture or one each"
            raise ValueError(f"{name} have the shape {shapes}: take the reference at {same}.")
        return (found - reference).square().flatten(1).sum(dim=1) / size

    return distance


def gram_matrix(maps: Tensor) -> Tensor:
    """G = F Fᵀ / (C·H·W): which channels are active together; (N, C, H, W) -> (N, C, C).

    F is (C, H·W), one row per channel, so G[k, l] = Σ over positions of A_k · A_l, divided by C·H·W
    as in Johnson et al. (2016); Gatys et al. (2015) divide later, in the loss. Products at the
    *same* position only; the positions themselves are summed away.
    """
    if maps.dim() != 4:
        raise ValueError(f"a Gram matrix is of maps (N, C, H, W), not {tuple(maps.shape)}.")
    flat = maps.flatten(2)  # (N, C, positions)
    return flat @ flat.transpose(1, 2) / flat[0].numel()


def gram_distance(maps: Tensor, wanted: Tensor) -> Tensor:
    """‖G − G*‖² / ‖G*‖² of maps (N, C, H, W): distance of their Gram matrix G from G*, (N,).

    wanted: G*, (1, C, C) for all pictures or (N, C, C), one each, of maps of any size. 0: the same
    texture to this layer; 1: as far away as all-zero maps are.
    """
    return _distance_from("Gram matrices", wanted, GRAM_OF_ZERO)(gram_matrix(maps))


def style_maps(model, image: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """{layer: maps (N, C, h, w)}; layer "pixels" is the picture minus the network's mean colour."""
    inside = [layer for layer in layers if layer != "pixels"]
    maps = dict(activations_at(model, image, inside)) if inside else {}
    return maps | ({"pixels": image.to(model.mean) - model.mean} if "pixels" in layers else {})


@torch.no_grad()
def gram_matrices(model, pixels: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """{layer: Gram matrix (N, C, C)}: what Gatys et al. (2015) call the style of a picture.

    layers: names; "pixels" adds the colours, which the first layer of a network hardly keeps.
    """
    maps = style_maps(model, pixels, layers)
    return {layer: gram_matrix(maps[layer]) for layer in layers}


def style_distance(model, wanted: Grams, weights: Weights = None) -> Objective:
    """Σ over layers of weight · ‖G − G*‖² / ‖G*‖² (Gatys et al. 2015, normalised layer by layer).

    wanted: {layer: G*}, as `gram_matrices` gives it. weights: {layer: weight}; without them every
    layer counts 1 / layers.
    """
    distance, layers = _style_distance(wanted, weights), list(wanted)
    return lambda image: distance(style_maps(model, image, layers))


def _style_distance(wanted: Grams, weights: Weights) -> Callable[[Mapping[str, Tensor]], Tensor]:
    """`style_distance` of the maps of the layers instead of an image."""
    if not wanted:
        raise ValueError("no layer is named for the style: give at least one {layer: Gram matrix}.")
    weights = dict.fromkeys(wanted, 1 / len(wanted)) if weights is None else weights
    if missing := [layer for layer in wanted if layer not in weights]:
        raise ValueError(f"there is no weight for {', '.join(missing)}: give every layer one.")
    return lambda maps: sum(
        weights[layer] * gram_distance(maps[layer], gram) for layer, gram in wanted.items()
    )


def weights_of(layers: Layers) -> dict[str, float]:
    """{layer: weight} of one name, of several, or of what is that already."""
    layers = [layers] if isinstance(layers, str) else layers
    if not isinstance(layers, Mapping | Sequence):
        raise TypeError(f"layers are a name, names or {{name: weight}}, not {layers!r}.")
    return dict(layers) if isinstance(layers, Mapping) else dict.fromkeys(layers, 1.0)


class Likeness(NamedTuple):
    content: Tensor  # (N,) ‖Φ − Φ₀‖² / ‖Φ₀‖² of the content's layer
    style: Tensor  # (N,) Σ weight · ‖G − G*‖² / ‖G*‖² of the style's layers


def likeness(
    model, content: Tensor, layer: str, wanted: Grams, weights: Weights = None
) -> Callable[[Tensor], Likeness]:
    """Function image -> Likeness: distances from features and from Gram matrices, in one pass.

    content: pixels (N, 3, H, W). wanted, weights: as for `style_distance`.
    """
    of_style, layers = _style_distance(wanted, weights), [*wanted, layer]
    wanted_content = activations_at(model, content, layer)
    of_content = _distance_from(f"the features of {layer}", wanted_content)

    def both(image: Tensor) -> Likeness:
        maps = style_maps(model, image, layers)
        return Likeness(of_content(maps[layer]), of_style(maps))

    return both


def total_variation() -> Objective:
    """Σ (x[i+1, j] − x[i, j])² + (x[i, j+1] − x[i, j])²: squared differences of neighbours."""
    return lambda image: sum(image.diff(dim=d).square().flatten(1).sum(dim=1) for d in (-2, -1))


def color_variation() -> Objective:
    """The total variation of x minus its mean over R, G, B: coloured fringes make it large."""
    variation = total_variation()
    return lambda image: variation(image - image.mean(dim=1, keepdim=True))


def squared_size(center: float | Tensor = 0.0) -> Objective:
    """‖x − center‖², center a colour or a picture; model.mean is zero after normalisation."""
    return lambda image: (image - center).square().flatten(1).sum(dim=1)


def weighted_sum(*terms: tuple[float, Objective]) -> Objective:
    """Σ weight · objective, of (weight, objective) pairs; a penalty's weight is < 0 in ascent."""
    return lambda image: sum(weight * objective(image) for weight, objective in terms)


def gradient(objective: Objective, image: Tensor) -> Tensor:
    """∂ objective / ∂ image of each picture, (N, C, H, W). The image itself is not touched."""
    with torch.inference_mode(False), torch.enable_grad():
        image = image.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)
        total = objective(image).sum()  # a picture's pixels change its own number only
        return gradients_of(total, {"the picture": image})[0]


def gradients_of(total: Tensor, tensors: Mapping[str, Tensor]) -> tuple[Tensor, ...]:
    """∂ total / ∂ each of the tensors, {layer: its output}, in their order.

    Raises a ValueError that names those which the total has no gradient at.
    """
    found = [None] * len(tensors)
    if total.requires_grad and all(each.requires_grad for each in tensors.values()):
        found = torch.autograd.grad(total, [*tensors.values()], allow_unused=True)
    if lost := [name for name, each in zip(tensors, found, strict=True) if each is None]:
        raise _cut_off(lost)
    return found


def _cut_off(lost: list[str]) -> ValueError:
    start = f"no gradient leads from the target back to {' and '.join(lost)}"
    cut = "the network cuts it by torch.no_grad, inference_mode or detach"
    return ValueError(f"{start}: it does not depend on that (name another layer), or {cut}.")
