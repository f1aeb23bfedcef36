"""Do explanations tell the truth: heat maps measured against the object's true mask, and against the network.

The pointing game (Zhang et al. 2016), overlap, deletion and insertion (Petsiuk, Das & Saenko 2018), and the
randomisation of weights (Adebayo et al. 2018).
"""

import copy
from collections.abc import Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.stats import binomtest, rankdata
from torch import Tensor, nn

from .. import images
from ..objectives import Target, targets_of

# --- against the object ---------------------------------------------------------------------------------------------


class Share(NamedTuple):
    value: float
    low: float  # the 95 % interval (Wilson 1927)
    high: float


def share(hits: Tensor) -> Share:
    """The share of true ones among (N,) bool, with its 95 % interval."""
    test = binomtest(int(hits.sum()), len(hits))
    return Share(test.statistic, *test.proportion_ci(method="wilson"))


def pointing_game(maps: Tensor, masks: Tensor) -> Tensor:
    """Does the map's largest value lie on the object? maps (N, H, W), masks (N, H, W) bool -> (N,) bool.

    A map that is the same everywhere points nowhere, and loses.
    """
    _check(maps, masks)
    flat = maps.flatten(1)
    hit = masks.flatten(1).gather(1, flat.argmax(dim=1, keepdim=True))[:, 0]
    return hit & (flat.amax(dim=1) > flat.amin(dim=1))


def mask_overlap(maps: Tensor, masks: Tensor) -> Tensor:
    """Intersection over union of the object and as many pixels, those of the map's largest values: (N,).

    A map that is the same everywhere names none, and has 0.
    """
    _check(maps, masks)
    overlaps = []
    for heat, mask in zip(maps.flatten(1), masks.flatten(1), strict=True):
        chosen = torch.zeros_like(mask)
        if heat.max() > heat.min():
            chosen[heat.topk(int(mask.sum())).indices] = True
        overlaps.append((chosen & mask).sum() / (chosen | mask).sum().clamp(min=1))
    return torch.stack(overlaps)


def share_on(maps: Tensor, masks: Tensor) -> Tensor:
    """Which share of a map's positive values lies on the mask: (N,); 0 for a map without any."""
    _check(maps, masks)
    heat = maps.clamp(min=0).flatten(1)
    return (heat * masks.flatten(1)).sum(dim=1) / heat.sum(dim=1).clamp(min=1e-12)


def _check(maps: Tensor, masks: Tensor) -> None:
    if maps.dim() != 3 or maps.shape != masks.shape:
        raise ValueError(
            f"maps and masks are (N, H, W) both, not {tuple(maps.shape)} and {tuple(masks.shape)}."
        )
    if masks.dtype != torch.bool:
        raise TypeError(
            f"masks are true on the object, of type bool, not {masks.dtype}: compare them with > 0."
        )


# --- against the network ----------------------------------------------------------------------------------------------


@torch.no_grad()
def deletion(
    model: nn.Module,
    pixels: Tensor,
    maps: Tensor,
    target: Target,
    cover: Tensor | None = None,
    steps: int = 16,
) -> Tensor:
    """The target's probability while the pixels that the map names first are covered first: (N, steps + 1).

    The sooner it falls, the better the map knows what the network used. target: a class, or one each (N,). cover:
    pixels (N or 1, C, H or 1, W or 1) to show instead, the network's mean colour unless given.
    """
    images.check_pixels(pixels, channels=model.channels)
    if maps.shape != pixels[:, 0].shape or steps < 1:
        raise ValueError(
            f"maps are as large as the pictures, {tuple(pixels[:, 0].shape)}, and steps at least 1; given were "
            f"{tuple(maps.shape)} and {steps}. images.resize(maps[:, None], size)[:, 0] makes them fit."
        )
    cover = (model.mean if cover is None else cover).to(pixels).expand_as(pixels)
    labels = torch.tensor([model.class_index(wanted) for wanted in targets_of(target, len(pixels))])
    curve = []
    for gone in _first_pixels(maps.to(pixels.device), steps):
        probabilities = model(torch.where(gone[:, None], cover, pixels)).softmax(dim=1).to(pixels.device)
        curve.append(probabilities.gather(1, labels.to(pixels.device)[:, None])[:, 0])
    return torch.stack(curve, dim=1)


def insertion(
    model: nn.Module, pixels: Tensor, maps: Tensor, target: Target, cover: Tensor, steps: int = 16
) -> Tensor:
    """The target's probability while the pixels that the map names first appear first from under the cover."""
    return deletion(model, cover.to(pixels).expand_as(pixels), maps, target, pixels, steps)


def area_under(curve: Tensor) -> Tensor:
    """The mean height of curves (N, steps + 1), by the trapezium rule: (N,)."""
    return torch.trapezoid(curve, dx=1 / (curve.shape[1] - 1), dim=1)


def _first_pixels(maps: Tensor, steps: int) -> Iterator[Tensor]:
    """0, 1/steps, … of all pixels, the map's largest values first: masks (N, H, W)."""
    rank = maps.flatten(1).argsort(dim=1, descending=True, stable=True).argsort(dim=1).view_as(maps)
    for step in range(steps + 1):
        yield rank < round(step / steps * rank[0].numel())


def randomized(model: nn.Module, seed: int = 0) -> Iterator[tuple[str, nn.Module]]:
    """The network with its layers made random one after the other, the last first: (layer, network) pairs.

    Weights are drawn normally with the deviation of the trained ones. The network handed out is one copy that
    loses a layer more each time; the model itself stays as it is.
    """
    fresh, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    for layer in reversed(fresh.layers):
        module, _ = fresh.resolve(layer)
        if isinstance(module, nn.Conv2d | nn.Linear):
            with torch.no_grad():
                drawn = torch.randn(module.weight.shape, generator=generator).to(module.weight)
                module.weight.copy_(drawn * module.weight.std())
            yield layer, fresh


def rank_correlation(maps: Tensor, others: Tensor) -> Tensor:
    """Spearman's: the correlation of the ranks of two maps' values, of each pair of (N, H, W): (N,).

    Equal values share their mean rank. A map that is the same everywhere is like no other: 0.
    """
    ranks = [
        torch.from_numpy(rankdata(each.detach().cpu().flatten(1).numpy(), axis=1)) for each in (maps, others)
    ]
    first, second = (each - each.mean(dim=1, keepdim=True) for each in ranks)
    return F.cosine_similarity(first, second).to(maps.device)
