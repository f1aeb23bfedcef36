"""Features of the last layer: one vector per picture; those of one class lie close together.

Nearest neighbours (Krizhevsky, Sutskever & Hinton 2012, figure 4), and two ways to draw many
vectors on a plane: principal components (Pearson 1901) and t-SNE (van der Maaten & Hinton 2008).
"Others" always leaves out the picture itself.
"""

import math
import threading
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.optimize import linear_sum_assignment
from sklearn.manifold import TSNE
from torch import Tensor, nn

from .. import errors, images
from ..activations import activations_at
from ..layers import as_maps, last_weights
from ..objectives import labels_of

START = 1e-4  # deviation of t-SNE's initial map: so small that its own order does not remain


# --- the vector -----------------------------------------------------------------------------------


@torch.no_grad()
def features(model, pixels: Tensor, layer: str | None = None, batch_size: int = 64) -> Tensor:
    """The input of the last layer with weights, or the output of `layer`, per picture: (N, D).

    Maps and tokens are averaged over their positions. So SqueezeNet, whose last layer is a
    convolution of 1 x 1 over maps, gives the mean of those maps, 512 numbers. (As a linear map,
    that convolution could come after the mean as well.) Without a layer's name raises ValueError
    where the scores are made of anything else than this vector.
    """
    images.check_pixels(pixels, channels=model.channels)
    reader = last_weights(model) if layer is None else None
    vectors = []
    for batch in pixels.split(batch_size):
        values = activations_at(model, batch, layer) if layer else _input_of(model, reader, batch)
        if values.dim() > 2 and values[0].numel() > max(values.shape[1:]):  # has positions
            values = as_maps(model, layer, values, batch.shape[2:]).mean(dim=(2, 3))
        vectors.append(values.flatten(1))
    return torch.cat(vectors).to(pixels.device)


def _input_of(model: nn.Module, layer: str, pixels: Tensor) -> Tensor:
    """A layer's input: in DenseNet and vision transformers it is no other layer's output.

    Its mean over positions, if the scores are the mean of what the layer makes of them, as it is
    or, in SqueezeNet, after a ReLU.
    """
    seen, module = {}, model.resolve(layer)[0]  # {thread: …}: others may run the same network

    def record(module, given, output):
        seen[threading.get_ident()] = given[0].clone(), output.clone()

    with module.register_forward_hook(record):
        scores = model(pixels)
    given, output = seen[threading.get_ident()]
    axes = tuple(range(1, given.dim() - 1)) if isinstance(module, nn.Linear) else (2, 3)
    if not axes:
        return given
    if not any(_same(each.mean(dim=axes), scores) for each in (output, output.relu())):
        mean = f"the mean over positions of what {layer!r} reads"
        hint = "name a layer, layer=…, whose output is to be the vector"
        raise ValueError(f"{model.name} does not make its scores of {mean}: {hint}.")
    return given.mean(dim=axes)


def _same(made: Tensor, scores: Tensor) -> bool:
    """Whether a network that makes logits, or one logit, of these has such scores."""
    made = torch.cat([-made, made], dim=1) / 2 if made.shape[1] == 1 < scores.shape[1] else made
    if scores.shape[1] > 1:  # a softmax does not keep what is added to all
        made, scores = (each - each.amax(dim=1, keepdim=True) for each in (made, scores))
    near = made.shape == scores.shape and (made - scores).abs().max() <= 1e-2 * scores.abs().max()
    return bool(near)


def centered_directions(features: Tensor) -> Tensor:
    """Features (N, D) minus their mean, at length 1: L2 then ranks them as the cosine does."""
    return F.normalize(features - features.mean(dim=0))


# --- neighbours -----------------------------------------------------------------------------------


class Neighbors(NamedTuple):
    indices: Tensor  # (Q, k) nearest first
    distances: Tensor  # (Q, k)


def nearest(features: Tensor, queries: Tensor, k: int = 5, distance: str = "L2") -> Neighbors:
    """The k nearest neighbours among `features` (N, D) of each of `queries` (Q, D).

    L2: ‖a − b‖.  cosine: 1 − a·b / (‖a‖ ‖b‖), which compares directions only.
    """
    errors.whole("k", k, 1, len(features))
    distances, indices = _distances(queries, features, distance).topk(k, dim=1, largest=False)
    return Neighbors(indices, distances)


def nearest_others(features: Tensor, k: int = 5, distance: str = "L2") -> Neighbors:
    """The k nearest neighbours of each of `features` (N, D), itself left out."""
    errors.whole("k", k, 1, len(features) - 1)
    distances = _distances(features, features, distance).fill_diagonal_(math.inf)
    distances, indices = distances.topk(k, dim=1, largest=False)
    return Neighbors(indices, distances)


def knn_right(features: Tensor, labels: Tensor, k: int = 5, distance: str = "cosine") -> Tensor:
    """Whether k-NN, leaving one out, predicts the label of each of features (N, D): (N,) bool.

    Of equally many votes the first label wins.
    """
    _, labels = labels_of(labels, len(features)).to(features.device).unique(return_inverse=True)
    near = nearest_others(features, k, distance).indices
    votes = F.one_hot(labels[near]).sum(dim=1)  # (N, labels)
    return votes.argmax(dim=1) == labels


def neighbor_purity(positions: Tensor, labels: Tensor, k: int = 5) -> float:
    """The share of the k nearest others (L2) of positions (N, D) that have the same label."""
    labels = labels_of(labels, len(positions)).to(positions.device)
    return (labels[nearest_others(positions, k).indices] == labels[:, None]).double().mean().item()


class Pair(NamedTuple):
    first: int
    second: int
    feature_rank: int  # 1 where the second is the nearest of the first
    pixel_rank: int


def opposite_sides(
    features: Tensor, pixels: Tensor, labels: Tensor, masks: Tensor | None = None, k: int = 5
) -> Pair:
    """A Pair of one class, objects on opposite sides, near in features and far in pixels.

    features, pixels: (N, D) and (N, E); masks: (N, H, W) bool. A pair counts if both labels are
    equal, the second is among the k nearest (cosine) of the first, and the centre of one mask lies
    in the left two fifths of the picture and that of the other in the right two (not tested without
    masks). Of these the one with the worst rank in pixels.
    """
    labels = labels_of(labels, len(features)).to(features.device)
    near = nearest_others(features, k, "cosine").indices  # (N, k)
    fits = labels[near] == labels[:, None]
    if masks is not None:
        side = _side(masks)
        fits &= side[near] * side[:, None] == -1
    if not fits.any():
        raise ValueError(f"no near pair of a class is left and right: take more than {k=} others.")
    distances = _distances(pixels, pixels, "L2").fill_diagonal_(-1)  # so that ranks begin at 1
    ranks = (distances[:, None, :] < distances.gather(1, near)[:, :, None]).sum(dim=2)
    first, position = divmod(int(ranks.where(fits, -1).argmax()), k)
    return Pair(first, int(near[first, position]), position + 1, int(ranks[first, position]))


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
    """PCA: positions of features (N, D) along their principal components, the axes, the shares.

    X − mean = U S Vᵀ;  positions = U S,  axes = Vᵀ,  share = S² / ΣS². The sign of an axis means
    nothing: its largest entry is made positive.
    """
    features = errors.features(features)
    errors.whole("count", count, 1, min(features.shape))
    left, values, axes = torch.linalg.svd(features - features.mean(dim=0), full_matrices=False)
    signs = axes.gather(1, axes.abs().argmax(dim=1, keepdim=True)).sign()  # (components, 1)
    share = values.square() / values.square().sum().clamp(min=1e-12)
    positions = left * values * signs.T
    return Components(positions[:, :count], (axes * signs)[:count], share[:count])


def tsne(features: Tensor, perplexity: float = 30, seed: int | None = None) -> Tensor:
    """A map (N, 2) that keeps neighbours together, by t-SNE (van der Maaten & Hinton 2008).

    It minimises Σ p log(p / q) over all pairs: p is their similarity in the features (N, D), where
    each picture has about `perplexity` neighbours, q that on the map. Starts from the first two
    principal components, or with a seed at random; the features are first reduced to their 50
    first components.
    """
    features = errors.features(features)
    errors.share("perplexity, about the number of neighbours,", perplexity, 1, len(features) - 1)
    reduced = principal_components(features, min(50, *features.shape)).positions.cpu()
    start = F.pad(reduced, (0, 1))[:, :2]  # one number per picture still gives a plane
    if seed is not None:
        start = torch.randn(len(features), 2, generator=torch.Generator().manual_seed(seed))
    start = START * start / start[:, 0].std().clamp(min=1e-12)
    fit = TSNE(perplexity=perplexity, init=start.float().numpy())
    return torch.from_numpy(fit.fit_transform(reduced.float().numpy())).to(features.device)


def snap_to_grid(positions: Tensor, rows: int, columns: int) -> Tensor:
    """A different grid cell, row · columns + column, for each of positions (N, 2): (N,).

    Row 0 is on top, where y is large. Of all assignments the one with the least
    Σ ‖position − cell‖², both scaled to the unit square (the linear assignment problem; Kuhn 1955).
    """
    positions = errors.features(positions)
    errors.whole("rows * columns, a cell for each picture,", rows * columns, len(positions))
    least, most = positions.amin(dim=0), positions.amax(dim=0)
    scaled = ((positions - least) / (most - least).clamp(min=1e-12)).cpu().double()
    y, x = torch.meshgrid(torch.linspace(1, 0, rows), torch.linspace(0, 1, columns), indexing="ij")
    cost = torch.cdist(scaled, torch.stack([x, y], dim=2).view(-1, 2).double()).square()
    _, cells = linear_sum_assignment(cost.numpy())
    return torch.from_numpy(cells).to(positions.device)


# --- parts ----------------------------------------------------------------------------------------


def _distances(queries: Tensor, features: Tensor, distance: str) -> Tensor:
    """All distances: (Q, D), (N, D) -> (Q, N)."""
    features = errors.features(features)
    queries = errors.features(queries, features.shape[1]).to(features)
    errors.known("distance", distance, ("L2", "cosine"))
    if distance == "cosine":
        return 1 - F.normalize(queries) @ F.normalize(features).T
    middle = features.mean(dim=0)  # far from zero, differences of large products would lose digits
    return torch.cdist(queries - middle, features - middle)
