"""A class has several faces: find them, make a picture of each, and let a generator paint it
(Nguyen et al. 2016).

    responses, distinctive, clusters      pictures of a class -> groups of them
    centered, mean_picture, facet_image   a group -> a picture that begins as its mean and climbs the class's score
    code_image, interpolate               the same climb in a generator's code, and the way from one code to another

The first two lines after Nguyen, Yosinski & Clune (2016), the third after Nguyen, Dosovitskiy,
Yosinski, Brox & Clune (2016).
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
import torch
import torch.nn.functional as F
from sklearn.cluster import KMeans
from sklearn.metrics import adjusted_rand_score, silhouette_score
from torch import Tensor, nn

from .. import images
from ..activations import activations_at
from ..objectives import (
    Objective,
    Target,
    color_variation,
    score_of,
    targets_of,
    total_variation,
    weighted_sum,
)
from ..optimize import Direction, Step, adam, ascend, last, map_steps, normalized
from ..transforms import (
    Transform,
    chain,
    decorrelated_colors,
    from_fourier,
    from_unbounded,
    jitter,
    random_rotate,
    random_scale,
    to_decorrelated,
    to_fourier,
    to_unbounded,
)

SMOOTH, FRINGES = (
    2e-3,
    1e-2,
)  # weights of the total variation of a facet's picture, and of its colours alone

# --- groups of pictures ---------------------------------------------------------------------------


@torch.no_grad()
def responses(model: nn.Module, pixels: Tensor, layer: str, batch_size: int = 64) -> Tensor:
    """The strongest answer of each channel of a layer, wherever it is: (N, C, H, W) -> (N,
    channels).
    """
    images.check_pixels(pixels, channels=model.channels)
    parts = [
        _strongest(layer, activations_at(model, batch, layer)) for batch in pixels.split(batch_size)
    ]
    return torch.cat(parts).to(pixels.device)


def _strongest(layer: str, outputs: Tensor) -> Tensor:
    if outputs.dim() not in (2, 4):
        raise ValueError(
            f"{layer} has no channels to compare: its output has the shape {tuple(outputs.shape)}."
        )
    return outputs.amax(dim=(2, 3)) if outputs.dim() == 4 else outputs


def distinctive(
    features: Tensor, others: Tensor, labels: Tensor, components: int = 10, ridge: float = 1.0
) -> Tensor:
    """What varies in one class and not in every class: features (N, D) -> (N, components).

    Z = (features − their mean) Σ^(−½), with Σ the covariance of `others` (M, D) around the means of
    their own classes, labels (M,), plus `ridge` times its mean variance on the diagonal; then the
    first principal components of Z. The background changes under all classes, so it counts little.
    (As in linear discriminant analysis, Fisher 1936; the idea of a background to contrast with is
    that of Abid et al. 2018.)
    """
    _check_features(features)
    _check_features(others)
    if others.shape[1] != features.shape[1] or labels.shape != others.shape[:1]:
        raise ValueError(
            f"others are (M, {features.shape[1]}) with labels (M,), not {tuple(others.shape)} and {tuple(labels.shape)}."
        )
    if not 1 <= components <= min(features.shape):
        raise ValueError(f"components are 1 to {min(features.shape)} here, not {components}.")
    values, axes = torch.linalg.eigh(_common_variation(others, labels, ridge))
    scaled = (features.double() - features.double().mean(dim=0)) @ axes / values.sqrt()
    left, sizes, _ = torch.linalg.svd(scaled, full_matrices=False)
    return (left * sizes)[:, :components].to(features.dtype)


def _common_variation(features: Tensor, labels: Tensor, ridge: float) -> Tensor:
    """The covariance (D, D) of features (M, D) around the means of their classes, the diagonal made
    larger by `ridge`.
    """
    if not ridge > 0:
        raise ValueError(f"ridge is what the variance is raised by, more than 0, not {ridge}.")
    around = torch.cat(
        [
            features[labels == label] - features[labels == label].mean(dim=0)
            for label in labels.unique()
        ]
    )
    covariance = around.double().T @ around.double() / len(around)
    return covariance + ridge * covariance.diagonal().mean().clamp(min=1e-12) * torch.eye(
        len(covariance)
    ).to(covariance)


class Clusters(NamedTuple):
    members: Tensor  # (N,) which cluster each picture is in, 0 the largest
    centers: Tensor  # (k, D)
    inertia: float  # Σ squared distance to the own centre
    silhouette: (
        float  # −1 to 1: how much nearer the own cluster is than the next; NaN for one cluster
    )


def clusters(features: Tensor, k: int, seed: int = 0) -> Clusters:
    """k groups of features (N, D) with the least Σ ‖x − centre‖², the best of ten beginnings
    (k-means, Lloyd 1982).
    """
    _check_features(features)
    if not 1 <= k <= len(features):
        raise ValueError(f"{len(features)} pictures make 1 to {len(features)} clusters, not {k}.")
    points = features.detach().cpu().double().numpy()
    found = KMeans(k, n_init=10, random_state=seed).fit(points)
    order = np.argsort(-np.bincount(found.labels_, minlength=k), kind="stable")
    members = np.argsort(order)[found.labels_]
    apart = (
        silhouette_score(points, members) if 1 < len(set(members)) < len(points) else float("nan")
    )
    centers = torch.from_numpy(found.cluster_centers_[order]).to(features)
    return Clusters(
        torch.from_numpy(members).to(features.device), centers, float(found.inertia_), float(apart)
    )


def nearest_members(features: Tensor, found: Clusters, cluster: int, count: int = 4) -> Tensor:
    """The members of a cluster nearest to its centre, nearest first: indices (count,), or as many
    as there are.
    """
    if not 0 <= cluster < len(found.centers):
        raise ValueError(
            f"cluster {cluster} is out of range: there are {len(found.centers)}, from 0 on."
        )
    inside = (found.members == cluster).nonzero()[:, 0]
    distances = (features[inside] - found.centers[cluster]).norm(dim=1)
    return inside[distances.argsort()[:count]]


def purity(members: Tensor, truth: Sequence) -> float:
    """The share of pictures that bear the most frequent word of their own cluster: members (N,),
    truth N words.
    """
    members, truth = members.tolist(), list(truth)
    if len(members) != len(truth):
        raise ValueError(f"{len(members)} pictures need as many words of truth, not {len(truth)}.")
    words = [
        [word for word, member in zip(truth, members, strict=True) if member == one]
        for one in set(members)
    ]
    return sum(max(own.count(word) for word in set(own)) for own in words) / len(truth)


def chance_purity(members: Tensor, truth: Sequence, times: int = 200, seed: int = 0) -> float:
    """The purity of the same clusters when the words are dealt out by lot, averaged: it grows with
    their number.
    """
    dealt = np.random.default_rng(seed)
    return float(
        np.mean([purity(members, dealt.permutation(list(truth)).tolist()) for _ in range(times)])
    )


def rand_index(members: Tensor, truth: Sequence) -> float:
    """Do two groupings agree on the pairs? 1: they are the same; 0: no more than by chance (Hubert
    & Arabie 1985).
    """
    return float(adjusted_rand_score(list(truth), members.tolist()))


# --- a picture of a group -------------------------------------------------------------------------


def centered(pixels: Tensor, weights: Tensor) -> Tensor:
    """Each picture (N, C, H, W) moved so that the centre of mass of its weights (N, h, w) is in the
    middle.

    Weights: a mask, or a heat map. Gaps are filled by mirroring. Where all weights are 0 the
    picture stays.
    """
    images.check_pixels(pixels, channels=pixels.shape[1] if pixels.dim() == 4 else 3)
    if weights.dim() != 3 or len(weights) != len(pixels) or not (weights >= 0).all():
        raise ValueError(
            f"{len(pixels)} pictures need as many maps of weights (N, h, w), 0 or more, not {tuple(weights.shape)}."
        )
    weights = weights.to(pixels) + 1e-12
    across = [
        torch.linspace(-1, 1, 2 * size + 1)[1::2].to(pixels) for size in weights.shape[1:]
    ]  # of cells' middles
    total = weights.sum(dim=(1, 2))
    matrix = torch.eye(2, 3).to(pixels).repeat(len(pixels), 1, 1)
    matrix[:, 0, 2] = (weights.sum(dim=1) * across[1]).sum(dim=1) / total
    matrix[:, 1, 2] = (weights.sum(dim=2) * across[0]).sum(dim=1) / total
    grid = F.affine_grid(matrix, list(pixels.shape), align_corners=False)
    return F.grid_sample(pixels, grid, padding_mode="reflection", align_corners=False)


def mean_picture(pixels: Tensor, contrast: float = 2.0) -> Tensor:
    """The mean of pictures (N, C, H, W) as one, (1, C, H, W), its contrast raised about its mean
    colour, in [0, 1].

    Where pictures differ, their mean is grey: only what they have in common keeps its colour.
    """
    images.check_pixels(pixels, channels=pixels.shape[1] if pixels.dim() == 4 else 3)
    mean = pixels.mean(dim=0, keepdim=True)
    color = mean.mean(dim=(2, 3), keepdim=True)
    return (color + contrast * (mean - color)).clamp(0, 1)


class Side(NamedTuple):
    """Where one group of feature vectors ends and the rest begins: half way between their means,
    across `normal`.
    """

    middle: Tensor  # (D,)
    normal: Tensor  # (D,) scaled so that (mean of the group − middle) · normal = ½

    def of(self, features: Tensor) -> Tensor:
        """(N, D) -> (N,): ½ at the group's mean, −½ at that of the rest, 0 half way."""
        return (features - self.middle.to(features)) @ self.normal.to(features)


def side(own: Tensor, rest: Tensor) -> Side:
    """Which of two means is nearer, that of `own` (n, D) or of `rest` (m, D), as one number: the
    border between them.
    """
    _check_features(own)
    _check_features(rest)
    gap = own.mean(dim=0) - rest.mean(dim=0)
    if not gap.any():
        raise ValueError("the group and the rest have the same mean, so there is no side to be on.")
    return Side((own.mean(dim=0) + rest.mean(dim=0)) / 2, gap / gap.square().sum())


def on_sides(model: nn.Module, layer: str, sides: Sequence[Side], most: float = 3.0) -> Objective:
    """How far each picture is on its own side in `responses` at a layer, up to `most`; one side for
    all, or one each.
    """
    model.resolve(layer)

    def how_far(image: Tensor) -> Tensor:
        found = _strongest(layer, activations_at(model, image, layer))
        chosen = list(sides) if len(sides) > 1 else list(sides) * len(found)
        far = torch.cat([one.of(row[None]) for one, row in zip(chosen, found, strict=True)])
        return far.clamp(max=most)

    return how_far


def facet_image_steps(
    model: nn.Module,
    target: Target,
    start: Tensor,
    facet: Objective | None = None,
    *,
    weight: float = 20.0,
    width: float = 0.5,
    steps: int = 64,
    rate: float = 0.05,
    seed: int = 0,
) -> Iterator[Step]:
    """From a group's mean picture `start` (N, C, H, W) uphill to what a target scores high on, in
    the middle only.

        x = start + window · (made − start),   window = exp(−r² / 2 width²),   r = 1 at the edge

    What is made is a Fourier spectrum with decorrelated colours; it climbs S(x) + weight ·
    facet(x), less total variation, while the network sees it shifted, scaled and turned a little.
    facet: see `on_sides`; without it only the start says which face is meant. The window is the
    centre bias: one object, and not many all over the page.
    """
    images.check_pixels(start, channels=model.channels)
    _check_walk(steps=steps, rate=rate, width=width)
    targets_of(target, len(start))
    height, _ = size = tuple(start.shape[2:])
    begin = start.detach().to(model.device).clamp(0.02, 0.98)
    colors, back = (
        (decorrelated_colors(), to_decorrelated())
        if model.channels == 3
        else (from_unbounded(), to_unbounded())
    )
    window, made = _window(*size, width).to(begin), chain(from_fourier(*size), colors)
    terms = [
        (1, score_of(model, target)),
        (-SMOOTH, total_variation()),
        (-FRINGES, color_variation()),
    ]
    walk = ascend(
        chain(back, to_fourier(*size))(begin),
        weighted_sum(*terms, *([(weight, facet)] if facet else [])),
        steps=steps,
        decode=lambda spectrum: begin + window * (made(spectrum) - begin),
        augment=_shaken(height, seed),
        direction=adam(rate),
    )
    return map_steps(
        walk, lambda step: step._replace(image=step.image.to(start), value=step.value.to(start))
    )


def facet_image(
    model: nn.Module, target: Target, start: Tensor, facet: Objective | None = None, **settings
) -> Tensor:
    """The last picture of `facet_image_steps`, (N, C, H, W)."""
    return last(facet_image_steps(model, target, start, facet, **settings))


def _window(height: int, width: int, sigma: float) -> Tensor:
    """(H, W): 1 in the middle, falling as a Gaussian; the edge is 1 away from the middle."""
    down, right = torch.linspace(-1, 1, height)[:, None], torch.linspace(-1, 1, width)
    return torch.exp(-(down**2 + right**2) / (2 * sigma**2))


def _shaken(side: int, seed: int) -> Transform:
    generator = torch.Generator().manual_seed(seed)
    return chain(
        jitter(max(1, side // 20), generator),
        random_scale(0.8, 1.25, generator),
        random_rotate(8, generator),
    )


# --- in a generator's code ------------------------------------------------------------------------


def code_bounds(codes: Tensor, share: float = 1.0) -> Tensor:
    """How large each number of real codes (M, D) gets, but for the largest 1 − share of them: (D,)."""
    _check_features(codes)
    if not 0 < share <= 1:
        raise ValueError(
            f"share is the part of the codes within the bounds, above 0 and up to 1, not {share}."
        )
    return codes.quantile(share, dim=0)


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
    """Climb a target's score in a generator's code h (N, D) instead of in pixels (DGN-AM): x =
    G(h).

        h <- clip((1 − decay) · (h + r · g / mean|g|), 0, bounds),   g = ∂S(G(h)) / ∂h,   r falls from `rate` to 0

    start: codes (N, D), such as the mean of real ones; bounds (D,): see `code_bounds`. The picture
    is whatever the generator can paint, at its own size; the network sees it at the network's,
    shifted, scaled and turned a little.
    """
    _check_codes(generator, start)
    _check_walk(steps=steps, rate=rate)
    targets_of(target, len(start))
    if not 0 <= decay < 1:
        raise ValueError(
            f"decay is the share of the code that is lost in a step, from 0 up to 1, not {decay}."
        )
    highest = torch.inf if bounds is None else _check_bounds(bounds, start).to(model.device)
    shaken = _shaken(model.input_size, seed)
    walk = ascend(
        start.detach().to(model.device),
        score_of(model, target),
        steps=steps,
        decode=generator,
        augment=lambda image: shaken(_at_size(image, model.input_size)),
        direction=_falling(rate, steps),
        constrain=lambda code, index: ((1 - decay) * code).clamp(min=0).clamp(max=highest),
    )
    return map_steps(
        walk, lambda step: step._replace(image=step.image.to(start), value=step.value.to(start))
    )


def code_image(
    model: nn.Module,
    generator: nn.Module,
    target: Target,
    start: Tensor,
    bounds: Tensor | None = None,
    **settings,
) -> Tensor:
    """The last picture of `code_image_steps`, (N, 3, H, W) at the generator's size."""
    return last(code_image_steps(model, generator, target, start, bounds, **settings))


def interpolate(first: Tensor, second: Tensor, shares: Tensor) -> Tensor:
    """first + t · (second − first) for each t of shares (T,): two codes (1, D) -> (T, D), two
    pictures -> (T, C, H, W).
    """
    if first.shape != second.shape or len(first) != 1:
        raise ValueError(
            f"the way goes from one thing to another of its shape, (1, …), not from {tuple(first.shape)} to "
            f"{tuple(second.shape)}."
        )
    shares = shares.to(first).view(-1, *[1] * (first.dim() - 1))
    return first + shares * (second - first)


def _falling(rate: float, steps: int) -> Direction:
    """`normalized`, its rate falling in a straight line, and nearly 0 in the last of the steps."""
    rates = iter(torch.linspace(rate, rate / steps, steps).tolist())
    return lambda gradient, parameter: normalized(next(rates))(gradient, parameter)


def _at_size(image: Tensor, side: int) -> Tensor:
    return image if image.shape[2:] == (side, side) else images.resize(image, side)


# --- what is given --------------------------------------------------------------------------------


def _check_features(features: Tensor) -> None:
    if features.dim() != 2 or not len(features):
        raise ValueError(f"features are (N, D), one row a picture, not {tuple(features.shape)}.")
    if not features.isfinite().all():
        broken = (~features.isfinite()).any(dim=1).nonzero()[:, 0].tolist()
        raise ValueError(
            f"the features of picture {broken[0]} hold NaN or infinity ({len(broken)} in all)."
        )


def _check_codes(generator: nn.Module, codes: Tensor) -> None:
    _check_features(codes)
    wanted = next(
        (module.in_features for module in generator.modules() if isinstance(module, nn.Linear)),
        None,
    )
    if wanted not in (None, codes.shape[1]):
        raise ValueError(
            f"this generator decodes codes of {wanted} numbers, yours have {codes.shape[1]}: take the `code` of the "
            "network that the generator was trained for."
        )


def _check_bounds(bounds: Tensor, codes: Tensor) -> Tensor:
    if bounds.shape != codes.shape[1:] or not (bounds >= 0).all():
        raise ValueError(
            f"bounds are one number for each of the code's, ({codes.shape[1]},), 0 or more, not {tuple(bounds.shape)}."
        )
    return bounds


def _check_walk(steps: int, **above_zero: float) -> None:
    if steps < 1:
        raise ValueError(f"a walk takes at least one step, not {steps}.")
    for name, value in above_zero.items():
        if not value > 0:
            raise ValueError(f"{name} is above 0, not {value}.")
