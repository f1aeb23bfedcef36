"""What a channel responds to: the patches that activate it most (Girshick et al. 2014).

Pictures stream through the network in batches, and of each layer only the k largest activations
are kept, so that the memory does not grow with the number of pictures. Random directions in the
space of a layer's channels are searched by the same function (Szegedy et al. 2014). A vector, such
as `code`, counts as maps of one position.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import errors, images
from ..activations import ReceptiveField, activations_at
from ..objectives import channel_maps

Pictures = Tensor | Iterable[Tensor]  # (N, 3, H, W), or batches of it
LEAST_GROUP = 1 / 3  # of a channel's top pictures: a smaller group is no second meaning


class Patches(NamedTuple):
    """The largest activations of each channel, the largest first, and where they were found."""

    values: Tensor  # (C, k)
    picture: Tensor  # (C, k) which picture, counted from 0 over all batches
    row: Tensor  # (C, k) in the channel's map
    column: Tensor  # (C, k)

    def of(self, channels: int | slice | Tensor | list[int]) -> "Patches":
        """The patches of one channel, (k,), or of several, (c, k)."""
        return Patches(*(kept[channels] for kept in self))


@torch.no_grad()
def top_patches(
    model: nn.Module,
    pixels: Pictures,
    layers: str | Sequence[str],
    k: int = 9,
    batch_size: int = 8,
    directions: Mapping[str, Tensor] | None = None,
) -> dict[str, Patches]:
    """For each layer, the k pictures that activate each channel most, and where: one pass for all.

    a_n = max over positions of A_c(x_n); the k largest a_n count, so that k patches are k pictures.
    Of equal activations the earlier picture wins, within a picture the first in reading order.
    pixels: (N, 3, H, W), or batches of it, which are read once. directions: {layer: (R, C)} stands
    for the maps Σ_c d_rc A_c instead of the channels'. Raises ValueError where there are fewer than
    k pictures.
    """
    errors.whole("k", k, 1)
    best, count = {}, 0
    for batch, outputs in _passes(model, pixels, layers, batch_size):
        for layer, maps in outputs.items():
            maps = _along(maps, (directions or {}).get(layer), layer)
            best[layer] = _merged(best.get(layer), maps, count, k)
        count += len(batch)
    errors.whole("k (one patch a picture)", k, 1, count)
    return {layer: Patches(*(kept.to(batch.device) for kept in best[layer])) for layer in best}


def _merged(best: Patches | None, maps: Tensor, first: int, k: int) -> Patches:
    """The k best of those so far and of this batch (B, C, h, w), numbered from `first`."""
    peaks = F.adaptive_max_pool2d(maps, 1, return_indices=True)  # of equal positions the first
    values, position = (peak.flatten(1).T for peak in peaks)  # (C, B)
    number = torch.arange(first, first + len(maps), device=maps.device).expand_as(position)
    both = Patches(values, number, position // maps.shape[3], position % maps.shape[3])
    if best is not None:
        both = Patches(*(torch.cat(pair, dim=1) for pair in zip(best, both, strict=True)))
    order = both.values.argsort(dim=1, descending=True, stable=True)[:, :k]  # of equals the earlier
    return Patches(*(kept.gather(1, order) for kept in both))


def _passes(model, pixels, layers, batch_size) -> Iterator[tuple[Tensor, dict[str, Tensor]]]:
    """Each batch, and {layer: maps (B, C, h, w)} on the model's device."""
    layers, batch = [layers] if isinstance(layers, str) else list(layers), None
    for batch in pixels.split(batch_size) if isinstance(pixels, Tensor) else pixels:
        images.check_pixels(batch, channels=model.channels)
        outputs = activations_at(model, batch, layers)
        yield batch, {layer: channel_maps(layer, output) for layer, output in outputs.items()}
    if batch is None:
        raise ValueError("there are no pictures: give pixels (N, 3, H, W), or batches of them.")


def _along(maps: Tensor, directions: Tensor | None, layer: str) -> Tensor:
    """Maps (B, C, h, w) projected onto directions (R, C), if there are any: (B, R, h, w)."""
    if directions is None:
        return maps
    if directions.shape[1:] != maps.shape[1:2]:
        wanted, given = f"(R, {maps.shape[1]})", tuple(directions.shape)
        raise ValueError(f"directions for {layer} have the shape {wanted}, not {given}.")
    return F.conv2d(maps, directions.to(maps)[:, :, None, None])


def cut(pixels: Tensor, patches: Patches, field: ReceptiveField, fill: Tensor) -> Tensor:
    """The patches as pictures of what the units see: (…, 3, size, size), … being (C, k) or (k,).

    fill: the colour (3 numbers, such as model.mean) of what lies outside the picture. Where a unit
    sees as much as the picture holds, the whole picture is its patch.
    """
    height, width = pixels.shape[-2:]
    if field.whole or field.size >= max(height, width):
        return pixels[patches.picture.to(pixels.device)]
    picture, row, column = (each.to(pixels.device)[..., None, None] for each in patches[1:])
    steps = torch.arange(field.size, device=pixels.device)
    row = field.offset + row * field.stride + steps[:, None]  # (…, size, 1)
    column = field.offset + column * field.stride + steps  # (…, 1, size)
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    windows = pixels[picture, :, row.clamp(0, height - 1), column.clamp(0, width - 1)]
    return torch.where(inside[..., None], windows, fill.to(pixels).flatten()).movedim(-1, -3)


def spotlight(picture: Tensor, maps: Tensor, among: Tensor | None = None) -> Tensor:
    """The picture (3, H, W) in colour where a map is large, dim and grey where it is not.

    maps (C, h, w): one result for each, (C, 3, H, W). The light rises from the 60th to the 99th
    percentile of a map's values, and nothing below zero is lit. among: the channels' maps
    (N, C, h, w) of many pictures, whose percentiles make one scale for all of these.
    """
    light = images.resize(maps[:, None].to(picture), picture.shape[1:])  # (C, 1, H, W)
    values = (light if among is None else among.transpose(0, 1).to(picture)).flatten(1)
    ends = torch.stack([each.quantile(values.new_tensor([0.6, 0.99])) for each in values])
    low, high = ends.T.clamp(min=0)[..., None, None, None]
    light = ((light - low) / (high - low).clamp(min=1e-6)).clamp(0, 1)
    return torch.lerp(0.4 * picture.mean(dim=0, keepdim=True).expand_as(picture), picture, light)


# --- inactive channels ----------------------------------------------------------------------------


class ZeroFraction(NamedTuple):
    """How often channels are zero: average percentage of zeros (APoZ, Hu et al. 2016)."""

    zeros: Tensor  # (C,) share of the values, over all pictures and positions, not above zero
    inactive: Tensor  # (C,) share of the pictures in which the channel is nowhere above zero

    @property
    def dead(self) -> Tensor:
        """(C,) bool: never above zero, in any of the pictures."""
        return self.inactive == 1


@torch.no_grad()
def sparsity(
    model: nn.Module, pixels: Pictures, layers: str | Sequence[str], batch_size: int = 8
) -> dict[str, ZeroFraction]:
    """How often each channel of each layer is zero; pixels are streamed as in `top_patches`."""
    sums, count = {}, 0
    for batch, outputs in _passes(model, pixels, layers, batch_size):
        for layer, maps in outputs.items():
            zeros = (maps <= 0).float().mean(dim=(2, 3))  # (B, C)
            both = torch.stack([zeros, (zeros == 1).float()]).sum(dim=1)
            sums[layer] = sums.get(layer, 0) + both
        count += len(batch)
    return {layer: ZeroFraction(*(both / count).to(batch.device)) for layer, both in sums.items()}


# --- polysemantic channels ------------------------------------------------------------------------


def purity(picture: Tensor, labels: Tensor) -> Tensor:
    """The share of the commonest label among each channel's top pictures, (C, k) indices: (C,)."""
    return F.one_hot(labels[picture]).sum(dim=1).amax(dim=1) / picture.shape[1]


class ChannelGroups(NamedTuple):
    score: Tensor  # (C,) 0 where there are no two groups
    group: Tensor  # (C, k) 0 and 1 for the two groups among the top pictures, -1 for the rest


def polysemantic(picture: Tensor, features: Tensor, labels: Tensor) -> ChannelGroups:
    """How strongly each channel responds to two unlike things (polysemantic), 0: it does not.

    t = [p₀, p₁ ≥ ⅓] · min(p₀, p₁) · ‖m₀ − m₁‖,  where p and m are share and mean feature of two
    groups among a channel's k top pictures: those of its two commonest labels. picture (C, k),
    features (N, D), labels (N,).
    """
    points, kinds = features[picture], labels[picture]  # (C, k, D), (C, k)
    counts = F.one_hot(kinds, max(int(labels.max()) + 1, 2)).sum(dim=1)  # (C, classes)
    same = kinds[:, None] == counts.topk(2, dim=1).indices[:, :, None]  # (C, 2, k)
    group = torch.where(same.any(dim=1), same[:, 1].long(), -1)
    shares, centers = _groups(points, group)
    smaller = shares.amin(dim=1)
    apart = (centers[:, 0] - centers[:, 1]).norm(dim=1)
    return ChannelGroups(smaller * apart * (smaller >= LEAST_GROUP - 1e-6), group)


def _groups(points: Tensor, group: Tensor) -> tuple[Tensor, Tensor]:
    """Share (C, 2) and mean (C, 2, D) of the points (C, k, D) of groups 0 and 1, group (C, k)."""
    groups = torch.stack([group == 0, group == 1], dim=1).to(points)  # (C, 2, k)
    return groups.mean(dim=2), groups @ points / groups.sum(dim=2, keepdim=True).clamp(min=1)
