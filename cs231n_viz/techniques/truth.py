"""Evaluating heat maps: against the object's true mask, and against the network.

The pointing game (Zhang et al. 2016), the energy-based one (Wang et al. 2020), overlap, deletion
and insertion (Petsiuk, Das & Saenko 2018), and the randomisation of weights (Adebayo et al. 2018).
"""

import copy
from collections.abc import Iterator, Sequence

import torch
import torch.nn.functional as F
from scipy.ndimage import distance_transform_edt as to_border
from scipy.stats import rankdata
from torch import Tensor, nn

from .. import errors, weights
from ..objectives import Target, classes_of

Steps = int | Sequence[float]  # how many equal ones, or the shares from 0 to 1

# --- against the object ---------------------------------------------------------------------------


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Whether a map's largest value lies on the object: maps, masks (N, H, W) -> (N,) bool.

    A constant map points nowhere, and counts as a miss.
    """
    _check_masks(masks, maps.shape)
    flat = maps.flatten(1)
    hit = masks.flatten(1).gather(1, flat.argmax(dim=1, keepdim=True))[:, 0]
    return hit & (flat.amax(dim=1) > flat.amin(dim=1))


def depth_inside(masks: Tensor) -> Tensor:
    """The signed distance of each pixel from the object's border, below 0 outside: (N, H, W).

    `depth_inside(masks) > -8` is the object and the pixels less than 8 from it, for a pointing game
    with tolerance (Zhang et al. allow 15).
    """
    depths = [to_border(each) - to_border(~each) for each in masks.cpu().numpy()]
    return torch.stack([*map(torch.from_numpy, depths)]).to(masks.device, torch.float32)


def mask_overlap(maps: Tensor, masks: Tensor) -> Tensor:
    """IoU of the object (area k) with the k pixels of the map's largest values: (N,).

    Of equal values the first in reading order counts. A constant map has 0.
    """
    _check_masks(masks, maps.shape)
    chosen, flat = _order(maps) < masks.sum(dim=(1, 2), keepdim=True), maps.flatten(1)
    overlap = (chosen & masks).sum(dim=(1, 2)) / (chosen | masks).sum(dim=(1, 2)).clamp(min=1)
    return overlap * (flat.amax(dim=1) > flat.amin(dim=1))


def share_on(maps: Tensor, masks: Tensor) -> Tensor:
    """The share of a map's positive values on the object: energy-based pointing (Wang et al. 2020).

    Σ_p m_p max(A_p, 0) / Σ_p max(A_p, 0) over positions p, where m_p is how much of the position is
    object; 0 for a map without positive values. maps (N, h, w) or, for a share of each channel,
    (N, C, h, w); masks (N, H, W) bool, not smaller than the maps -> (N,) or (N, C).
    """
    _check_masks(masks, (len(maps), *masks.shape[1:]))
    if maps.dim() not in (3, 4) or min(masks[0].shape) < min(maps.shape[-2:]):
        shapes = f"{tuple(maps.shape)} and {tuple(masks.shape)}"
        raise ValueError(f"maps (N, h, w) or (N, C, h, w) need masks as large or larger: {shapes}.")
    on = F.interpolate(masks[:, None].float(), maps.shape[-2:], mode="area").to(maps.device)
    on = on if maps.dim() == 4 else on[:, 0]  # (N, 1, h, w) or (N, h, w)
    heat = maps.clamp(min=0)
    return (heat * on).sum(dim=(-2, -1)) / heat.sum(dim=(-2, -1)).clamp(min=1e-12)


def _check_masks(masks: Tensor, wanted: Sequence[int]) -> None:
    if masks.dtype != torch.bool or masks.dim() != 3 or masks.shape != tuple(wanted):
        wanted, given = tuple(wanted), f"{masks.dtype} {tuple(masks.shape)}"
        raise ValueError(f"masks of these maps are torch.bool {wanted}, (N, H, W), not {given}.")


# --- against the network --------------------------------------------------------------------------


@torch.no_grad()
def deletion(
    model: nn.Module,
    pixels: Tensor,
    maps: Tensor,
    target: Target = None,
    cover: Tensor | None = None,
    steps: Steps = 16,
) -> Tensor:
    """Deletion curves: P(target) while pixels are covered, the map's largest first: (N, steps + 1).

    The sooner it falls, the better the map shows what the network used. target: a class, or one
    each (N,). cover: pixels (N or 1, C, H or 1, W or 1) to show instead, the network's mean colour
    unless given. steps: the number of equal steps, or the shares of pixels covered, from 0 to 1;
    then the curve has one value for each. Start with shares well below the object's: if the first
    step covers as much as the object, all maps fall alike.
    """
    labels = classes_of(model, target, pixels).to(pixels.device)
    wanted, given = tuple(pixels[:, 0].shape), tuple(maps.shape)
    if given != wanted:
        raise ValueError(f"maps are as large as the pictures, {wanted}, not {given}.")
    shares = _shares(steps)
    cover = (model.mean if cover is None else cover).to(pixels).expand_as(pixels)
    order, curve = _order(maps.to(pixels.device)), []
    for share in shares.tolist():
        gone = order < round(share * order[0].numel())
        shown = torch.where(gone[:, None], cover, pixels)
        probabilities = model.probabilities(model(shown)).to(pixels.device)
        curve.append(probabilities.gather(1, labels[:, None])[:, 0])
    return torch.stack(curve, dim=1)


def insertion(
    model: nn.Module, pixels: Tensor, maps: Tensor, target: Target, cover: Tensor, steps: Steps = 16
) -> Tensor:
    """Insertion curves: P(target) while pixels appear, the map's largest first: (N, steps + 1)."""
    classes = classes_of(model, target, pixels)
    return deletion(model, cover.to(pixels).expand_as(pixels), maps, classes, pixels, steps)


def area_under(curve: Tensor, shares: Sequence[float] | None = None) -> Tensor:
    """The area under curves (N, steps + 1) over shares from 0 to 1, by the trapezium rule: (N,).

    Σ (s_k − s_{k−1}) (P_k + P_{k−1}) / 2 over the steps, which are of one size unless the shares
    are given at which the curves were measured.
    """
    shares = _shares(curve.shape[1] - 1 if shares is None else shares)
    if len(shares) != curve.shape[1]:
        raise ValueError(f"{len(shares)} shares were given for curves of {curve.shape[1]} values.")
    return ((curve[:, 1:] + curve[:, :-1]) / 2 * shares.diff().to(curve)).sum(dim=1)


def _shares(steps: Steps) -> Tensor:
    """The shares (steps + 1,) from 0 to 1: equal steps for a whole number, else those given."""
    if isinstance(steps, int):
        return torch.arange(errors.whole("steps", steps, 1) + 1, dtype=torch.float64) / steps
    shares = torch.tensor(list(steps), dtype=torch.float64)
    if len(shares) < 2 or shares[0] != 0 or shares[-1] != 1 or not (shares.diff() > 0).all():
        raise ValueError(f"steps are a whole number, or shares that grow from 0 to 1, not {steps}.")
    return shares


def first_pixels(maps: Tensor, share: float) -> Tensor:
    """Mask of the `share` of pixels with the largest values of maps (N, H, W): (N, H, W) bool.

    Of equal values the first in reading order counts.
    """
    errors.share("share", share)
    if maps.dim() != 3:
        raise ValueError(f"maps have the shape (N, H, W), not {tuple(maps.shape)}.")
    return _order(maps) < round(share * maps[0].numel())


def _order(maps: Tensor) -> Tensor:
    """The rank of each pixel in its map: (N, H, W), 0 for the largest value."""
    return maps.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1).view_as(maps)


@torch.inference_mode(False)
def randomization(model: nn.Module, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """Cascading randomisation (Adebayo et al. 2018): (layer, network) pairs, the last layer first.

    Weights are drawn from a normal distribution with the deviation of the trained ones, and biases
    change places; all else, such as norms, gets `weights.renew_others`.
    What is of no layer, as position embeddings are, goes with the block around it, or with the
    first layer. All pairs hold the same copy, with one more layer made random each time; the model
    itself is not changed.
    """
    fresh, stages = _cascade(model, seed)
    for layer, tensors in stages.items():
        for tensor, values in tensors:
            tensor.copy_(values)
        yield layer, fresh


@torch.inference_mode(False)
def half_random(model: nn.Module, seed: int = 0) -> nn.Module:
    """A copy of the network with random weights in the upper half of its layers."""
    fresh, stages = _cascade(model, seed)
    if len(stages) < 2:
        raise ValueError(f"{model.name} has no two layers with weights, so no half of them.")
    for tensors in list(stages.values())[: len(stages) // 2]:
        for tensor, values in tensors:
            tensor.copy_(values)
    return fresh


def _cascade(model: nn.Module, seed: int) -> tuple[nn.Module, dict[str, list]]:
    """A copy, and {layer: [(a tensor of the copy, random values)]}, the last layer first."""
    fresh, drawn = copy.deepcopy(model), copy.deepcopy(model)
    weights.renew_others(drawn.network, seed)
    order = {drawn.resolve(layer)[0]: layer for layer in drawn.layers}  # of calls, the last
    plain, generator = weights.plain_layers(drawn.network), torch.Generator().manual_seed(seed)
    for module in dict.fromkeys((*reversed(order), *plain)):
        if module in plain:
            values = torch.randn(module.weight.shape, generator=generator).to(module.weight)
            module.weight.copy_(values * module.weight.std())
    for bias in (module.bias for module in plain if module.bias is not None):
        bias.copy_(weights.shuffled(bias, generator))
    layers = {f"{name}.": order[m] for name, m in drawn.network.named_modules() if m in order}
    before, stages = fresh.network.state_dict(), {layer: [] for layer in reversed(drawn.layers)}
    for name, values in drawn.network.state_dict().items():
        owner = max(filter(name.startswith, layers), key=len, default=None)
        if not torch.equal(values, before[name]):
            stages[layers.get(owner, drawn.layers[0])].append((before[name], values))
    return fresh, {layer: tensors for layer, tensors in stages.items() if tensors}


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Spearman's rank correlation of the values of two maps, for each of (N, H, W): (N,).

    Equal values share their mean rank. The correlation with a constant map is 0.
    """
    values = (each.detach().cpu().double().flatten(1).numpy() for each in (maps, others))
    ranks = (torch.from_numpy(rankdata(each, axis=1)) for each in values)
    first, second = (each - each.mean(dim=1, keepdim=True) for each in ranks)
    return F.cosine_similarity(first, second).to(maps.device)
