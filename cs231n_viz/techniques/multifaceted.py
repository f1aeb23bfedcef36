"""The facets of a class: find them, visualise each, use a generator (Nguyen et al. 2016).

    responses, distinctive, clusters      pictures of a class -> groups of them
    centered, mean_picture, facet_image   a group -> its mean picture -> a class image from there
    code_image, interpolate               the same ascent in a generator's code; between two codes

The first two lines after Nguyen, Yosinski & Clune (2016), the third after Nguyen, Dosovitskiy,
Yosinski, Brox & Clune (2016).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from sklearn.metrics.cluster import contingency_matrix
from torch import Tensor, nn

from .. import errors, images, objectives, transforms
from ..activations import activations_at
from ..objectives import Objective, Target, labels_of, score_of, target_for
from ..optimize import Direction, Step, adam, ascend, final, normalized, on_device_of

COMPONENTS, RIDGE = 10, 1.0  # of `distinctive`
CONTRAST = 2.0  # of a mean picture, about its mean colour
FARTHEST = 3.0  # `on_sides` does not grow beyond this
# weights of the total variation of a facet's picture, and of its colours alone
SMOOTH, FRINGES = 2e-3, 1e-2
WINDOW = 0.5  # standard deviation of the centre bias; the edge is 1 away from the middle

# --- groups of pictures ---------------------------------------------------------------------------


@torch.no_grad()
def responses(model: nn.Module, pixels: Tensor, layer: str, batch_size: int = 64) -> Tensor:
    """The largest activation of each channel of a layer: pixels (N, C, H, W) -> (N, channels)."""
    images.check_pixels(pixels, channels=model.channels)
    parts = [_largest(model, batch, layer) for batch in pixels.split(batch_size)]
    return torch.cat(parts).to(pixels.device)


def _largest(model: nn.Module, image: Tensor, layer: str) -> Tensor:
    outputs = activations_at(model, image, layer)
    return objectives.channel_maps(layer, outputs).amax(dim=(2, 3))


def distinctive(features: Tensor, others: Tensor, labels: Tensor) -> Tensor:
    """Components that vary in one class and not within every class: features (N, D) -> (N, 10).

    Z = (features − their mean) Σ^(−½), with Σ the covariance of `others` (M, D) around the means of
    their own classes, labels (M,), plus its mean variance on the diagonal; then the first principal
    components of Z. The background varies in all classes, so it counts little. (As in linear
    discriminant analysis, Fisher 1936; the idea of a background to contrast with is that of Abid et
    al. 2018.)
    """
    features = errors.features(features)
    others = errors.features(others, features.shape[1])
    labels = labels_of(labels, len(others)).to(others.device)
    values, axes = torch.linalg.eigh(_common_variation(others, labels))
    scaled = (features.double() - features.double().mean(dim=0)) @ axes / values.sqrt()
    left, sizes, _ = torch.linalg.svd(scaled, full_matrices=False)
    return (left * sizes)[:, :COMPONENTS].to(features.dtype)


def _common_variation(features: Tensor, labels: Tensor) -> Tensor:
    """The covariance (D, D) of features (M, D) around their classes' means, plus the ridge."""
    classes = [features[labels == label] for label in labels.unique()]
    around = torch.cat([each - each.mean(dim=0) for each in classes]).double()
    covariance = around.T @ around / len(around)
    ridge = RIDGE * covariance.diagonal().mean().clamp(min=1e-12)
    return covariance + ridge * torch.eye(len(covariance)).to(covariance)


class Clusters(NamedTuple):
    members: Tensor  # (N,) which cluster each picture is in, 0 the largest
    centers: Tensor  # (k, D)
    silhouette: float  # −1 to 1: how much nearer its own cluster is than the next; or NaN


def clusters(features: Tensor, k: int, seed: int = 0) -> Clusters:
    """k groups of features (N, D) with the least Σ ‖x − centre‖²: k-means (Lloyd 1982), best of 10.

    One cluster, or one for each picture, has no silhouette: NaN.
    """
    features = errors.features(features)
    errors.whole("the number of clusters", k, 1, len(features))
    points = features.detach().cpu().double().numpy()
    found = KMeans(k, n_init=10, random_state=seed).fit(points)
    order = np.argsort(-np.bincount(found.labels_, minlength=k), kind="stable")
    members = np.argsort(order)[found.labels_]
    parted = 1 < len(set(members)) < len(points)
    return Clusters(
        torch.from_numpy(members).to(features.device),
        torch.from_numpy(found.cluster_centers_[order]).to(features),
        float(silhouette_score(points, members)) if parted else float("nan"),
    )


def nearest_members(features: Tensor, found: Clusters, cluster: int, count: int = 4) -> Tensor:
    """The members of a cluster nearest to its centre, nearest first: up to `count` indices."""
    errors.whole("cluster", cluster, 0, len(found.centers) - 1)
    inside = (found.members == cluster).nonzero()[:, 0]
    distances = (features[inside] - found.centers[cluster]).norm(dim=1)
    return inside[distances.argsort()[:count]]


def purity(members: Tensor, truth: Sequence) -> float:
    """The share of pictures with the commonest label of their cluster; truth: N labels."""
    members, truth = _listed(members), _listed(truth)
    if len(members) != len(truth):
        raise ValueError(f"{len(members)} pictures need as many true labels, not {len(truth)}.")
    return float(contingency_matrix(truth, members).max(axis=0).sum() / len(truth))


def chance_purity(members: Tensor, truth: Sequence, seed: int = 0) -> float:
    """The mean purity of the same clusters with shuffled labels: it grows with their number."""
    rng = np.random.default_rng(seed)
    shuffled = (rng.permutation(_listed(truth)).tolist() for _ in range(200))
    return float(np.mean([purity(members, labels) for labels in shuffled]))


def rand_index(members: Tensor, truth: Sequence) -> float:
    """Adjusted Rand index of two groupings, 1: equal, 0: as by chance (Hubert & Arabie 1985)."""
    return float(adjusted_rand_score(_listed(truth), _listed(members)))


def _listed(labels: Sequence) -> list:
    """Labels as values of Python: tensors of one number each would never be equal."""
    return torch.as_tensor(labels).tolist() if isinstance(labels[0], Tensor) else list(labels)


# --- a picture of a group -------------------------------------------------------------------------


def centered(pixels: Tensor, weights: Tensor) -> Tensor:
    """Pictures (N, C, H, W), the centre of mass of their weights (N, h, w) moved to the middle.

    Weights: a mask, or a heat map. Gaps are filled by mirroring. Where all weights are 0 the
    picture stays.
    """
    images.check_pixels(pixels, channels=None)
    if weights.dim() != 3 or len(weights) != len(pixels) or not (weights >= 0).all():
        shape = f"({len(pixels)}, h, w)"
        raise ValueError(f"the weights are {shape}, 0 or more, not {tuple(weights.shape)}.")
    weights = weights.to(pixels) + 1e-12
    total = weights.sum(dim=(1, 2))
    matrix = torch.eye(2, 3).to(pixels).repeat(len(pixels), 1, 1)
    for row, dim in ((0, 2), (1, 1)):  # across, down
        size = weights.shape[dim]
        cells = torch.linspace(-1, 1, 2 * size + 1)[1::2].to(pixels)  # their middles
        matrix[:, row, 2] = (weights.sum(dim=3 - dim) * cells).sum(dim=1) / total
    return transforms.resampled(pixels, matrix)


def mean_picture(pixels: Tensor) -> Tensor:
    """The mean of pictures (N, C, H, W), (1, C, H, W), its contrast about its mean colour doubled.

    Where pictures differ, their mean is grey: only what they have in common keeps its colour.
    """
    images.check_pixels(pixels, channels=None)
    mean = pixels.mean(dim=0, keepdim=True)
    color = mean.mean(dim=(2, 3), keepdim=True)
    return (color + CONTRAST * (mean - color)).clamp(0, 1)


class Side(NamedTuple):
    """The hyperplane half way between the mean features of a group and of the rest."""

    middle: Tensor  # (D,)
    normal: Tensor  # (D,) scaled so that (mean of the group − middle) · normal = ½

    def of(self, features: Tensor) -> Tensor:
        """(N, D) -> (N,): ½ at the group's mean, −½ at that of the rest, 0 half way."""
        return (features - self.middle.to(features)) @ self.normal.to(features)


def side(own: Tensor, rest: Tensor) -> Side:
    """The hyperplane between the means of the features `own` (n, D) and `rest` (m, D)."""
    own = errors.features(own)
    rest = errors.features(rest, own.shape[1])
    gap = own.mean(dim=0) - rest.mean(dim=0)
    if not gap.any():
        raise ValueError("the group and the rest have the same mean: no hyperplane lies between.")
    return Side((own.mean(dim=0) + rest.mean(dim=0)) / 2, gap / gap.square().sum())


def on_sides(model: nn.Module, layer: str, sides: Sequence[Side]) -> Objective:
    """Objective: how far `responses` at a layer are on a Side, one for all pictures or one each."""
    model.resolve(layer)

    def how_far(image: Tensor) -> Tensor:
        found = _largest(model, image, layer)
        chosen = list(sides) if len(sides) > 1 else list(sides) * len(found)
        far = torch.cat([one.of(row[None]) for one, row in zip(chosen, found, strict=True)])
        return far.clamp(max=FARTHEST)

    return how_far


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def facet_image_steps(
    model: nn.Module,
    target: Target,
    start: Tensor,
    facet: Objective | None = None,
    *,
    weight: float = 20.0,
    steps: int = 64,
    rate: float = 0.05,
    seed: int = 0,
) -> Iterator[Step]:
    """Steps from a group's mean picture `start` (N, C, H, W) to a class image of that facet.

        x = start + window · (made − start),   window = exp(−2 r²),   r = 1 at the edge

    `made` is decoded from a Fourier spectrum with decorrelated colours, by ascent on S(x) + weight
    · facet(x) − total variation under small random shifts, scales and rotations. facet: see
    `on_sides`; without it only the start determines the facet. The window is the paper's centre
    bias: one object, and not many all over the picture.
    """
    target = target_for(model, target, start)
    size = start.shape[2:]
    begin = start.detach().to(model.device).clamp(0.02, 0.98)
    window, made = _window(*size).to(begin), transforms.fourier_to_pixels(model.channels, *size)
    terms = [(1, score_of(model, target)), (-SMOOTH, objectives.total_variation())]
    terms += [(-FRINGES, objectives.color_variation()), *([(weight, facet)] if facet else [])]
    run = ascend(
        transforms.pixels_to_fourier(model.channels, *size)(begin),
        objectives.weighted_sum(*terms),
        steps=errors.whole("steps", steps, 1),
        decode=lambda spectrum: begin + window * (made(spectrum) - begin),
        augment=_disturbances(size[0], seed),
        direction=adam(errors.positive("rate", rate)),
    )
    return on_device_of(start, run)


facet_image = final(facet_image_steps)


def _window(height: int, width: int) -> Tensor:
    """(H, W): 1 in the middle, falling as a Gaussian."""
    down, right = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    return torch.exp(-(down**2 + right**2) / (2 * WINDOW**2))


def _disturbances(side: int, seed: int) -> transforms.Transform:
    generator = torch.Generator().manual_seed(seed)
    return transforms.chain(
        transforms.jitter(max(1, side // 20), generator),
        transforms.random_scale(0.8, 1.25, generator),
        transforms.random_rotate(8, generator),
    )


# --- in a generator's code ------------------------------------------------------------------------


def code_bounds(codes: Tensor) -> Tensor:
    """The largest value of each number over real codes (M, D): (D,)."""
    errors.features(codes)
    return codes.amax(dim=0)


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def code_image_steps(
    model: nn.Module,
    generator: nn.Module,
    target: Target,
    start: Tensor,
    bounds: Tensor | None = None,
    *,
    decay: float = 0.01,
    steps: int = 64,
    rate: float = 0.3,
    seed: int = 0,
) -> Iterator[Step]:
    """DGN-AM: steps of ascent on a target's score in a generator's code h (N, D), x = G(h).

        h <- clip((1 − decay) · (h + r · g / mean|g|), 0, bounds),   g = ∂S(G(h)) / ∂h

    r falls from `rate` to 0. start: codes (N, D), such as the mean of real ones; bounds (D,): see
    `code_bounds`. The picture has the size of the generator; the network sees it at its own size,
    under small random shifts, scales and rotations.
    """
    _check_codes(generator, start, bounds)
    begin, size = start.detach().to(model.device), tuple(model.grey().shape[2:])
    shown = images.resize(generator(begin), size) if target is None else model.mean
    target = target_for(model, target, shown)
    keep, disturb = 1 - errors.share("decay", decay, below=True), _disturbances(min(size), seed)
    highest = torch.inf if bounds is None else bounds.to(model.device)
    run = ascend(
        begin,
        score_of(model, target),
        steps=errors.whole("steps", steps, 1),
        decode=generator,
        augment=lambda image: disturb(images.resize(image, size)),
        direction=_falling(errors.positive("rate", rate), steps),
        constrain=lambda code, index: (keep * code).clamp(min=0).clamp(max=highest),
    )
    return on_device_of(start, run)


code_image = final(code_image_steps)


def interpolate(first: Tensor, second: Tensor, shares: Tensor) -> Tensor:
    """Linear interpolation, first + t · (second − first), t in shares (T,): (1, D) -> (T, D).

    Two pictures (1, C, H, W) -> (T, C, H, W).
    """
    if first.shape != second.shape or len(first) != 1:
        given = f"{tuple(first.shape)} and {tuple(second.shape)}"
        raise ValueError(f"two of one shape, (1, …), are interpolated, not {given}.")
    shares = shares.to(first).view(-1, *[1] * (first.dim() - 1))
    return first + shares * (second - first)


def _falling(rate: float, steps: int) -> Direction:
    """`normalized` with a rate that falls linearly, from `rate` to rate / steps."""
    rates = iter(torch.linspace(rate, rate / steps, steps).tolist())
    return lambda gradient, parameter: normalized(next(rates))(gradient, parameter)


# --- what is given --------------------------------------------------------------------------------


def _check_codes(generator: nn.Module, codes: Tensor, bounds: Tensor | None) -> None:
    errors.features(codes)
    size = codes.shape[1]
    linear = (module for module in generator.modules() if isinstance(module, nn.Linear))
    wanted = next((first.in_features for first in linear), size)
    if wanted != size:
        raise ValueError(f"this generator decodes codes of {wanted} numbers, yours have {size}.")
    if bounds is not None and (bounds.shape != (size,) or not (bounds >= 0).all()):
        raise ValueError(f"bounds are ({size},), 0 or more, not {tuple(bounds.shape)}.")
