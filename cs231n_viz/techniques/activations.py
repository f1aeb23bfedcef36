"""What a channel answers to: the patches of a data set that light it up most (Girshick et al.
2014).

Pictures stream through the network in batches, and of each layer only the k strongest answers are
kept, so that the memory does not grow with the number of pictures. Random directions in the space
of a layer's channels are asked by the same function (Szegedy et al. 2014). A vector, such as
`code`, counts as maps of one place.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import images
from ..activations import ReceptiveField, activations_at


class Patches(NamedTuple):
    """The strongest answers of each channel, the strongest first; `row` and `column` are places of
    its map.
    """

    values: Tensor  # (C, k)
    picture: Tensor  # (C, k) which picture, counted from 0 over all batches
    row: Tensor  # (C, k)
    column: Tensor  # (C, k)

    def of(self, channels: int | slice | Tensor | list[int]) -> "Patches":
        """Those of one channel, (k,), or of some, (c, k)."""
        return Patches(*(kept[channels] for kept in self))


@torch.no_grad()
def top_patches(
    model: nn.Module,
    pixels: Tensor | Iterable[Tensor],
    layers: str | Sequence[str],
    k: int = 9,
    batch_size: int = 8,
    directions: Mapping[str, Tensor] | None = None,
) -> dict[str, Patches]:
    """For each layer, the k pictures to which each channel answers most, and where in them: one
    pass for all.

    a_n = max over places of A_c(x_n); the k largest a_n count, so that k patches are k pictures. Of
    equal answers the earlier picture wins, within a picture the first place in reading order.
    pixels: (N, 3, H, W), or batches of it, which are read once. directions: {layer: (R, C)} asks
    for the maps Σ_c d_rc A_c instead of the channels'. Raises ValueError where there are fewer than
    k pictures.
    """
    if k < 1:
        raise ValueError(f"k says how many patches to keep, at least 1, not {k}.")
    best: dict[str, Patches] = {}
    for first, batch, outputs in _passes(model, pixels, layers, batch_size):
        for layer, maps in outputs.items():
            maps = _along(maps, (directions or {}).get(layer), layer)
            best[layer] = _merged(best.get(layer), maps, first, k)
        count, device = first + len(batch), batch.device
    if count < k:
        raise ValueError(
            f"k = {k} patches are {k} pictures, and {count} were given: ask for fewer."
        )
    return {layer: Patches(*(kept.to(device) for kept in found)) for layer, found in best.items()}


def _merged(best: Patches | None, maps: Tensor, first: int, k: int) -> Patches:
    """The best of those before and of this batch (B, C, h, w), whose first picture has the number
    `first`.
    """
    peaks = F.adaptive_max_pool2d(maps, 1, return_indices=True)  # of equal places the first
    values, place = (peak.flatten(1).T for peak in peaks)  # (C, B)
    number = torch.arange(first, first + len(maps), device=maps.device).expand_as(place)
    both = Patches(values, number, place // maps.shape[3], place % maps.shape[3])
    if best is not None:
        both = Patches(*(torch.cat(pair, dim=1) for pair in zip(best, both, strict=True)))
    order = both.values.argsort(dim=1, descending=True, stable=True)[:, :k]  # of equals the earlier
    return Patches(*(kept.gather(1, order) for kept in both))


def _passes(model, pixels, layers, batch_size) -> Iterator[tuple[int, Tensor, dict[str, Tensor]]]:
    """The number of each batch's first picture, the batch, and {layer: maps (B, C, h, w)} on the
    model's device.
    """
    layers, first = [layers] if isinstance(layers, str) else list(layers), 0
    for batch in pixels.split(batch_size) if isinstance(pixels, Tensor) else pixels:
        images.check_pixels(batch, channels=model.channels)
        outputs = activations_at(model, batch, layers)
        yield first, batch, {layer: _as_maps(layer, output) for layer, output in outputs.items()}
        first += len(batch)
    if not first:
        raise ValueError(
            "there are no pictures: give pixels (N, 3, H, W), or batches of them that are not used up."
        )


def _as_maps(layer: str, output: Tensor) -> Tensor:
    if output.dim() not in (2, 4):
        raise ValueError(
            f"{layer} gives {tuple(output.shape[1:])} for a picture: maps (C, h, w) or vectors (C,) can be searched."
        )
    return output if output.dim() == 4 else output[:, :, None, None]


def _along(maps: Tensor, directions: Tensor | None, layer: str) -> Tensor:
    """(B, C, h, w) read along directions (R, C) instead of along its axes: (B, R, h, w)."""
    if directions is None:
        return maps
    if directions.dim() != 2 or directions.shape[1] != maps.shape[1]:
        shape = tuple(directions.shape)
        raise ValueError(
            f"directions for {layer} are (R, {maps.shape[1]}), one number a channel, not {shape}."
        )
    return F.conv2d(maps, directions.to(maps)[:, :, None, None])


def cut(pixels: Tensor, patches: Patches, field: ReceptiveField, fill: Tensor) -> Tensor:
    """The patches as pictures of what the units see: (…, 3, size, size), … being (C, k) or (k,).

    fill: the colour (3 numbers, such as model.mean) of what lies outside the picture. Where a unit
    sees as much as the picture holds, the whole picture is its patch.
    """
    height, width = pixels.shape[-2:]
    if field.whole or field.size >= max(height, width):
        return pixels[patches.picture.to(pixels.device)]
    places = (
        torch.stack([patches.picture, patches.row, patches.column], dim=-1).view(-1, 3).tolist()
    )
    windows = fill.to(pixels).view(1, -1, 1, 1).repeat(len(places), 1, field.size, field.size)
    for window, (picture, row, column) in zip(windows, places, strict=True):
        top, left, bottom, right = field.box(row, column, height, width)
        down, across = (
            top - field.offset - row * field.stride,
            left - field.offset - column * field.stride,
        )
        inside = window[:, down : down + bottom - top, across : across + right - left]
        inside.copy_(pixels[picture, :, top:bottom, left:right])
    return windows.view(*patches.picture.shape, *windows.shape[1:])


# --- who is silent, and who sees the object -------------------------------------------------------


class ZeroFraction(NamedTuple):
    # (C,) share of the channel's values, over all pictures and places, that are not above zero
    zeros: Tensor
    inactive: Tensor  # (C,) share of the pictures in which it is nowhere above zero

    @property
    def dead(self) -> Tensor:
        """(C,) bool: never above zero, in any of the pictures."""
        return self.inactive == 1


@torch.no_grad()
def sparsity(
    model: nn.Module,
    pixels: Tensor | Iterable[Tensor],
    layers: str | Sequence[str],
    batch_size: int = 8,
) -> dict[str, ZeroFraction]:
    """How often each channel of each layer says nothing; pixels are streamed as in `top_patches`."""
    sums: dict[str, Tensor] = {}
    for first, batch, outputs in _passes(model, pixels, layers, batch_size):
        for layer, maps in outputs.items():
            silent = (maps <= 0).float().mean(dim=(2, 3))  # (B, C)
            both = torch.stack([silent, (silent == 1).float()]).sum(dim=1)
            sums[layer] = sums.get(layer, 0) + both
        count, device = first + len(batch), batch.device
    return {layer: ZeroFraction(*(both / count).to(device)) for layer, both in sums.items()}


def light_on(maps: Tensor, masks: Tensor) -> Tensor:
    """Share of each map's light that falls on the object: maps (N, C, h, w), masks (N, H, W) bool
    -> (N, C).

    Σ_p m_p A_p / Σ_p A_p over places p, where A counts if positive and m_p is how much of the place
    is object. A map without any light has 0.
    """
    on = F.interpolate(masks[:, None].float(), maps.shape[-2:], mode="area").to(
        maps.device
    )  # (N, 1, h, w)
    light = maps.clamp(min=0)
    return (light * on).sum(dim=(2, 3)) / light.sum(dim=(2, 3)).clamp(min=1e-12)


# --- one thing, or two ----------------------------------------------------------------------------


def purity(picture: Tensor, labels: Tensor) -> Tensor:
    """Share of the commonest label among each channel's top pictures: (C, k) numbers of pictures ->
    (C,).
    """
    return F.one_hot(labels[picture]).sum(dim=1).amax(dim=1) / picture.shape[1]


class Faces(NamedTuple):
    score: Tensor  # (C,) 0 where there are no two faces
    face: Tensor  # (C, k) 0 and 1 for the two groups among the top pictures, -1 for the rest


def polysemantic(
    picture: Tensor, features: Tensor, labels: Tensor | None = None, least: float = 1 / 3
) -> Faces:
    """How much each channel answers to two unlike things: picture (C, k), features (N, D), labels
    (N,) -> (C,).

    t = [p₀, p₁ ≥ least] · min(p₀, p₁) · ‖m₀ − m₁‖,  where p and m are share and mean feature of two groups among
    the k top pictures: those of its two commonest labels, or without labels the two clusters of 2-means.
    """
    points = features[picture]  # (C, k, D)
    if labels is None:
        face = _two_means(points)
    else:
        counts = F.one_hot(labels[picture], max(int(labels.max()) + 1, 2)).sum(
            dim=1
        )  # (C, classes)
        pair = counts.topk(2, dim=1).indices  # (C, 2)
        same = labels[picture].unsqueeze(1) == pair.unsqueeze(2)  # (C, 2, k)
        face = torch.where(same.any(dim=1), same[:, 1].long(), -1)
    groups = torch.stack([face == 0, face == 1], dim=1).float()  # (C, 2, k)
    share = groups.mean(dim=2)
    center = groups @ points / groups.sum(dim=2, keepdim=True).clamp(min=1)  # (C, 2, D)
    smaller = share.amin(dim=1)
    return Faces(
        smaller * (center[:, 0] - center[:, 1]).norm(dim=1) * (smaller >= least - 1e-6), face
    )


def _two_means(points: Tensor, steps: int = 20) -> Tensor:
    """Lloyd's 2-means of each set of points (C, k, D), begun from the two farthest apart: (C, k) of
    0 and 1.
    """
    farthest = torch.cdist(points, points).flatten(1).argmax(dim=1)
    ends = torch.stack([farthest // points.shape[1], farthest % points.shape[1]], dim=1)
    center = points.gather(1, ends.unsqueeze(2).expand(-1, -1, points.shape[2]))  # (C, 2, D)
    for _ in range(steps):
        face = torch.cdist(points, center).argmin(dim=2)
        groups = F.one_hot(face, 2).mT.to(points)
        center = groups @ points / groups.sum(dim=2, keepdim=True).clamp(min=1)
    return face
