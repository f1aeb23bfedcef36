"""What the last layer reads: one vector a picture, in which pictures of one kind lie close
together.

Nearest neighbours (Krizhevsky, Sutskever & Hinton 2012, figure 4), and two ways to draw many
vectors on a plane: principal components (Pearson 1901) and t-SNE (van der Maaten & Hinton 2008).
"Other" always means leaving one out.
"""

import math
import threading
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from sklearn.manifold import TSNE
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..layers import last_weights

DISTANCES = ("L2", "cosine")
START = 1e-4  # how wide a map is when t-SNE begins; so small that no order of its own is left in it


# --- the vector -----------------------------------------------------------------------------------


@torch.no_grad()
def features(
    model: nn.Module, pixels: Tensor, layer: str | None = None, batch_size: int = 64
) -> Tensor:
    """What the last layer with weights reads of each picture (N, C, H, W), or what `layer` gives:
    (N, D).

    Maps are averaged over their places. So SqueezeNet, whose last layer is a convolution of 1 x 1
    over maps, gives the mean of those maps, 512 numbers. (As a linear map, that convolution could
    come after the mean as well.)
    """
    images.check_pixels(pixels, channels=model.channels)
    reader = last_weights(model) if layer is None else None
    vectors = []
    for batch in pixels.split(batch_size):
        values = activations_at(model, batch, layer) if layer else _read_by(model, reader, batch)
        vectors.append(values.flatten(2).mean(dim=2) if values.dim() == 4 else values.flatten(1))
    return torch.cat(vectors).to(pixels.device)


def _read_by(model: nn.Module, layer: str, pixels: Tensor) -> Tensor:
    """What goes into a layer: in DenseNet and vision transformers no other layer gives just that."""
    thread, heard = threading.get_ident(), []

    def hear(module, inputs):
        if threading.get_ident() == thread:
            heard.append(inputs[0].clone())

    handle = model.resolve(layer)[0].register_forward_pre_hook(hear)
    try:
        model(pixels)
    finally:
        handle.remove()
    return heard[-1]


def centered_directions(features: Tensor) -> Tensor:
    """The features without their mean, each scaled to length 1: L2 among these orders as the cosine
    does.
    """
    return F.normalize(features - features.mean(dim=0))


# --- neighbours -----------------------------------------------------------------------------------


class Neighbors(NamedTuple):
    indices: Tensor  # (Q, k) nearest first
    distances: Tensor  # (Q, k)


def nearest(features: Tensor, queries: Tensor, k: int = 5, distance: str = "L2") -> Neighbors:
    """The k of `features` (N, D) that lie nearest to each of `queries` (Q, D).

    L2: ‖a − b‖.  cosine: 1 − a·b / (‖a‖ ‖b‖), which asks for the direction only.
    """
    _check_count(k, len(features))
    distances, indices = _distances(queries, features, distance).topk(k, dim=1, largest=False)
    return Neighbors(indices, distances)


def nearest_others(features: Tensor, k: int = 5, distance: str = "L2") -> Neighbors:
    """The k nearest of each of `features` (N, D), which is not its own neighbour."""
    _check_count(k, len(features) - 1)
    distances = _distances(features, features, distance).fill_diagonal_(math.inf)
    distances, indices = distances.topk(k, dim=1, largest=False)
    return Neighbors(indices, distances)


def knn_right(features: Tensor, labels: Tensor, k: int = 5, distance: str = "cosine") -> Tensor:
    """(N,) bool: is a picture's label that of most of its k nearest others? Of equally many, the
    first label wins.
    """
    _check_labels(features, labels)
    votes = F.one_hot(
        labels[nearest_others(features, k, distance).indices], int(labels.max()) + 1
    ).sum(dim=1)
    return votes.argmax(dim=1) == labels


def neighbor_purity(positions: Tensor, labels: Tensor, k: int = 5) -> float:
    """Which share of the k nearest others (L2) bears the same label, averaged: positions (N, D),
    labels (N,).
    """
    _check_labels(positions, labels)
    return (labels[nearest_others(positions, k).indices] == labels[:, None]).double().mean().item()


def neighbors_kept(features: Tensor, positions: Tensor, k: int = 5) -> float:
    """Which share of the k nearest others in one space (N, D) is among the k nearest in another (N,
    E).
    """
    before, after = nearest_others(features, k).indices, nearest_others(positions, k).indices
    return (before[:, :, None] == after[:, None, :]).any(dim=2).double().mean().item()


class Pair(NamedTuple):
    first: int
    second: int
    feature_rank: int  # the second is the how-many-th nearest of the first, 1 for the nearest
    pixel_rank: int


def opposite_sides(
    features: Tensor, pixels: Tensor, labels: Tensor, masks: Tensor | None = None, k: int = 5
) -> Pair:
    """Two pictures of one kind, their objects on opposite sides, near in features and as far as can
    be in pixels.

    features, pixels: (N, D) and (N, E); masks: (N, H, W) bool. Of all pairs of one label in which
    the second is among the k nearest (cosine) of the first, and one mask's centre lies in the left
    two fifths of the picture and the other's in the right two, the one with the worst rank in
    pixels. Without masks their place is not asked.
    """
    _check_labels(features, labels)
    near = nearest_others(features, k, "cosine").indices  # (N, k)
    fits = labels[near] == labels[:, None]
    if masks is not None:
        side = _side(masks)
        fits &= side[near] * side[:, None] == -1
    if not fits.any():
        raise ValueError(
            f"of {len(labels)} pictures none has a neighbour of its kind with the object on the other side: take "
            f"more pictures, or more neighbours than k={k}."
        )
    distances = _distances(pixels, pixels, "L2").fill_diagonal_(-1.0)
    ranks = (distances[:, None, :] < distances.gather(1, near)[:, :, None]).sum(
        dim=2
    )  # itself makes it start at 1
    first, place = divmod(int(ranks.where(fits, -1).argmax()), k)
    return Pair(first, int(near[first, place]), place + 1, int(ranks[first, place]))


def _side(masks: Tensor) -> Tensor:
    """-1 where the object's centre lies left, 1 where it lies right, 0 between: (N,)."""
    across = (torch.arange(masks.shape[2], device=masks.device) + 0.5) / masks.shape[2]
    columns = masks.float().sum(dim=1)  # (N, W)
    center = (columns * across).sum(dim=1) / columns.sum(dim=1).clamp(min=1)
    return (center > 0.6).int() - (center < 0.4).int()


# --- maps -----------------------------------------------------------------------------------------


class Components(NamedTuple):
    positions: Tensor  # (N, count)
    axes: Tensor  # (count, D) orthonormal
    share: Tensor  # (count,) of the variance


def principal_components(features: Tensor, count: int = 2) -> Components:
    """The directions in which the features (N, D) vary most, and the place of each picture along
    them.

    X − mean = U S Vᵀ;  positions = U S,  axes = Vᵀ,  share = S² / ΣS². The sign of an axis means nothing: its largest
    entry is made positive.
    """
    _check_finite(features)
    if not 1 <= count <= min(features.shape):
        raise ValueError(
            f"{features.shape[0]} pictures of {features.shape[1]} numbers have 1 to {min(features.shape)} principal "
            f"components, not {count}."
        )
    left, values, axes = torch.linalg.svd(features - features.mean(dim=0), full_matrices=False)
    signs = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()  # (components, 1)
    positions, share = (
        left * values * signs.T,
        values.square() / values.square().sum().clamp(min=1e-12),
    )
    return Components(positions[:, :count], (axes * signs)[:count], share[:count])


def tsne(features: Tensor, perplexity: float = 30, seed: int | None = None) -> Tensor:
    """A map (N, 2) that keeps the neighbours of features (N, D) together, by t-SNE (van der Maaten
    & Hinton 2008).

    It lowers Σ p log(p / q) over all pairs: p says how near they are in the features (each picture
    sees about `perplexity` neighbours), q how near on the map. Starts from the first two principal
    components, or with a seed from random places; the features are cut to their first 50 components
    before.
    """
    _check_finite(features)
    if not 0 < perplexity < len(features):
        raise ValueError(
            f"perplexity is about the number of neighbours that count: more than 0 and fewer than the "
            f"{len(features)} pictures, not {perplexity}."
        )
    reduced = principal_components(features, min(50, *features.shape)).positions.cpu()
    start = F.pad(reduced, (0, 1))[:, :2]  # one number a picture still gives a plane
    if seed is not None:
        start = torch.randn(len(features), 2, generator=torch.Generator().manual_seed(seed))
    start = START * start / start[:, 0].std().clamp(min=1e-12)
    fitted = TSNE(perplexity=perplexity, init=start.float().numpy()).fit_transform(
        reduced.float().numpy()
    )
    return torch.from_numpy(fitted).to(features.device)


def snap_to_grid(positions: Tensor, rows: int, columns: int) -> Tensor:
    """A cell of its own for each of positions (N, 2): row · columns + column, (N,), row 0 on top
    where y is large.

    Of all ways to hand out the cells the one with the least Σ ‖position − cell‖², both scaled to
    the unit square (the linear assignment problem; Kuhn 1955).
    """
    _check_finite(positions)
    if len(positions) > rows * columns:
        raise ValueError(
            f"{len(positions)} pictures need as many cells: {rows} x {columns} are only {rows * columns}."
        )
    least, most = positions.amin(dim=0), positions.amax(dim=0)
    places = ((positions - least) / (most - least).clamp(min=1e-12)).cpu()
    y, x = torch.meshgrid(torch.linspace(1, 0, rows), torch.linspace(0, 1, columns), indexing="ij")
    cost = torch.cdist(places.double(), torch.stack([x, y], dim=2).view(-1, 2).double()).square()
    _, cells = linear_sum_assignment(cost.numpy())
    return torch.from_numpy(cells).to(positions.device)


# --- parts ----------------------------------------------------------------------------------------


def _distances(queries: Tensor, features: Tensor, distance: str) -> Tensor:
    """(Q, D), (N, D) -> (Q, N)."""
    _check_finite(queries)
    _check_finite(features)
    if queries.shape[1] != features.shape[1]:
        raise ValueError(
            f"the queries have {queries.shape[1]} numbers each, the features {features.shape[1]}."
        )
    if distance == "L2":
        middle = features.mean(
            dim=0
        )  # far from zero, the difference of two large products would lose its digits
        return torch.cdist(queries - middle, features - middle)
    if distance == "cosine":
        return 1 - F.normalize(queries) @ F.normalize(features).T
    raise ValueError(f"distance is one of {', '.join(DISTANCES)}, not {distance!r}.")


def _check_finite(features: Tensor) -> None:
    if features.dim() != 2:
        raise ValueError(
            f"features are (N, D), one row a picture, and these are {tuple(features.shape)}."
        )
    if not features.isfinite().all():
        broken = (~features.isfinite()).any(dim=1).nonzero()[:, 0].tolist()
        raise ValueError(
            f"the features of picture {broken[0]} hold NaN or infinity ({len(broken)} in all)."
        )


def _check_count(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise ValueError(f"k is the number of neighbours, 1 to {most} here, not {k}.")


def _check_labels(features: Tensor, labels: Tensor) -> None:
    if labels.shape != features.shape[:1]:
        raise ValueError(
            f"{len(features)} pictures need {len(features)} labels, not {tuple(labels.shape)}."
        )
