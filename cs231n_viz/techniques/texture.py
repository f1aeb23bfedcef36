"""More of the same: from a small sample of a texture a picture of any size, by copying pixels or by
matching statistics.

`scanline` (after Wei & Levoy 2000) and `efros_leung` (Efros & Leung 1999) copy pixel by pixel from
where the sample looks most like the surroundings; `synthesize` (Gatys, Ecker & Bethge 2015) looks
for a picture with the sample's Gram matrices. `patch_distance` says how near any of them comes to
the sample.
"""

import math
from collections.abc import Iterator, Sequence
from numbers import Integral
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import images
from ..objectives import (
    gram_distance,
    gram_matrices,
    style_distance,
    style_maps,
    total_variation,
    weighted_sum,
)
from ..optimize import ADAM_THEN_LBFGS, Step, descend, last, map_steps, octaves, scaled_down
from ..transforms import fourier_noise, fourier_to_pixels, pixels_to_fourier

ERROR = 0.1  # Efros & Leung: any window within (1 + 0.1) · the best may be copied
SIGMA = 1 / 6.4  # and their Gaussian, in windows
EQUAL = 1e-9  # two distances that differ by less, after rounding, are the same
GREY = 0.5  # a pixel that is not made yet


class Grown(NamedTuple):
    index: int
    image: Tensor  # (1, 3, H, W), grey where nothing is known yet
    # (H, W, 2) row and column of the sample from which each pixel was copied; -1: not yet
    sources: Tensor


# --- copying pixels -------------------------------------------------------------------------------


def scanline_steps(
    sample: Tensor, size: images.Size, window: int = 11, seed: int = 0
) -> Iterator[Grown]:
    """Row by row from the top left: each pixel is copied from where the pixels above and to the
    left match best.

        copy the centre of  argmin over windows s of  Σ over the known part of the L of (v − s)²

    sample: one picture (1, 3, h, w). The L is the half of a window that comes before its centre.
    The first pixel is drawn by lot. This is the bare rule of Wei & Levoy (2000), who begin with
    noise, wrap the edges around and work from coarse to fine, which prevents much of its drift.
    Pixels that do not see each other are made together, which changes nothing: a row may go on when
    the row above is half a window ahead.
    """
    height, width = _check_growth(sample, size, window, 1)
    half, generator = window // 2, torch.Generator().manual_seed(seed)
    before = half * window + half  # places of the window before its centre: the L
    windows = _windows(sample, window, before)
    canvas = torch.full((height + 2 * half, width + 2 * half), -1)
    inside = canvas[
        half : half + height, half : half + width
    ]  # a view: what is written there is in the canvas
    colors = _colors(sample)
    inside[0, 0] = windows.centers[torch.randint(len(windows.centers), (1,), generator=generator)]
    for front in range(1, width + (half + 1) * (height - 1)):
        rows = torch.arange(height)
        columns = front - (half + 1) * rows
        rows, columns = (each[(columns >= 0) & (columns < width)] for each in (rows, columns))
        around = _around(canvas, rows + half, columns + half, window)[:, :before]
        distances = _distances(windows, colors[around.clamp(min=0)], (around >= 0).double())
        best = distances <= distances.amin(dim=1, keepdim=True) + EQUAL
        inside[rows, columns] = windows.centers[best.int().argmax(dim=1)]  # the first of equals
        yield _grown(front - 1, sample, inside)


def scanline(sample: Tensor, size: images.Size, window: int = 11, seed: int = 0) -> Tensor:
    """The finished picture of `scanline_steps`, (1, 3, H, W): every colour in it is one of the
    sample's.
    """
    return last(scanline_steps(sample, size, window, seed))


def efros_leung_steps(
    sample: Tensor, size: images.Size, window: int = 11, seed: int = 0
) -> Iterator[Grown]:
    """From 3 × 3 pixels of the sample outwards: each pixel is copied from a place whose
    surroundings match well.

        d(s) = Σ over known places of g · (v − s)² / Σ over known places of g,   g a Gaussian, sigma = window / 6.4

    One of the windows s with d(s) ≤ 1.1 · min d is drawn by lot (Efros & Leung 1999). Those pixels
    come first that have most known ones among their eight neighbours; pixels that do not see each
    other are made together. Their largest error, above which a pixel waits (and which they raise
    when all wait), is left out: the best match is taken at once.
    """
    height, width = _check_growth(sample, size, window, 3)
    half, generator = window // 2, torch.Generator().manual_seed(seed)
    windows = _windows(sample, window, window * window)
    colors, weights = _colors(sample), _gaussian(window)
    canvas = torch.full((height + 2 * half, width + 2 * half), -1)
    inside = canvas[
        half : half + height, half : half + width
    ]  # a view: what is written there is in the canvas
    start = windows.centers[torch.randint(len(windows.centers), (1,), generator=generator)]
    top, left = height // 2 - 1, width // 2 - 1
    inside[top : top + 3, left : left + 3] = start + _neighbors(sample.shape[3])
    index = 0
    while (inside < 0).any():
        rows, columns = _next_to_fill(inside >= 0, half, generator)
        around = _around(canvas, rows + half, columns + half, window)
        known = (around >= 0) * weights
        distances = _distances(
            windows, colors[around.clamp(min=0)], known / known.sum(dim=1, keepdim=True)
        )
        good = distances <= (1 + ERROR) * distances.amin(dim=1, keepdim=True) + EQUAL
        lots = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        chosen = (
            (good.cumsum(dim=1) > (lots * good.sum(dim=1)).floor()[:, None]).int().argmax(dim=1)
        )
        inside[rows, columns] = windows.centers[chosen]
        yield _grown(index, sample, inside)
        index += 1


def efros_leung(sample: Tensor, size: images.Size, window: int = 11, seed: int = 0) -> Tensor:
    """The finished picture of `efros_leung_steps`, (1, 3, H, W): every colour in it is one of the
    sample's.
    """
    return last(efros_leung_steps(sample, size, window, seed))


def copied(picture: Tensor, sources: Tensor) -> Tensor:
    """Any picture (1, C, h, w) looked up at the sources (H, W, 2): (1, C, H, W), grey where there
    is none.
    """
    height, width = picture.shape[2:]
    rows, columns = sources.clamp(min=0).unbind(dim=-1)
    if (rows >= height).any() or (columns >= width).any():
        raise ValueError(
            f"the sources reach row {int(rows.max())} and column {int(columns.max())}, and the picture is only {height} x "
            f"{width}: give one as large as the sample, images.resize(picture, (height, width))."
        )
    known = (sources[..., 0] >= 0).to(picture.device)
    return picture[:, :, rows, columns].where(known, GREY)


def copied_together(sources: Tensor) -> float:
    """The share of neighbours, across and down, that were neighbours in the sample, too: 1 is a
    plain copy of it.
    """
    kept = torch.cat([kept.flatten() for kept in _kept_neighbors(sources)])
    if not len(kept):
        raise ValueError(
            f"sources {tuple(sources.shape)} are of one pixel, which has no neighbours: give 1 x 2 or more."
        )
    return float(kept.float().mean())


def largest_piece(sources: Tensor) -> int:
    """Pixels in the largest piece that lies as in the sample, joined across and down; H · W is a
    plain copy of it.
    """
    across, down = _kept_neighbors(sources)
    labels, before = torch.arange(sources[..., 0].numel()).view(sources.shape[:2]), None
    while before is None or not torch.equal(labels, before):
        before = labels.clone()
        for kept, one, other in (
            (across, labels[:, :-1], labels[:, 1:]),
            (down, labels[:-1], labels[1:]),
        ):
            highest = torch.maximum(one, other)  # both ends of a kept pair take the higher label
            one.copy_(highest.where(kept, one))
            other.copy_(torch.maximum(highest.where(kept, other), other))
    return int(torch.bincount(labels[sources[..., 0] >= 0], minlength=1).max())


def _kept_neighbors(sources: Tensor) -> tuple[Tensor, Tensor]:
    """Which pixels have their right neighbour of the sample, (H, W − 1), and which the lower one,
    (H − 1, W).
    """
    across = (sources.diff(dim=1) == torch.tensor([0, 1])).all(dim=-1)
    down = (sources.diff(dim=0) == torch.tensor([1, 0])).all(dim=-1)
    return across, down


def _check_growth(sample: Tensor, size: images.Size, window: int, least: int) -> tuple[int, int]:
    images.check_pixels(sample)
    if len(sample) != 1:
        raise ValueError(
            f"pixels are copied from one sample, (1, 3, h, w), not from {len(sample)}: sample[:1] is the first."
        )
    if not isinstance(window, int) or window < 3 or window % 2 == 0:
        raise ValueError(
            f"a window has a pixel in its middle: give an odd number, 3 or more, not {window}."
        )
    if window > min(sample.shape[2:]):
        raise ValueError(
            f"the window is {window} pixels a side and the sample {sample.shape[2]} x {sample.shape[3]}: the window must "
            "fit into the sample, and should fit in many times."
        )
    height, width = _height_width(size, least)
    if height * width <= least * least:
        raise ValueError(
            f"the first {least} x {least} pixels are drawn by lot, so of {height} x {width} none is left to grow: ask for more."
        )
    return height, width


def _height_width(size: images.Size, least: int) -> tuple[int, int]:
    sides = (size, size) if isinstance(size, Integral) else tuple(size)
    if len(sides) != 2 or not all(isinstance(side, Integral) and side >= least for side in sides):
        raise ValueError(
            f"a size is whole pixels, {least} or more: an int or (height, width), not {size}."
        )
    return sides


def _colors(sample: Tensor) -> Tensor:
    """(pixels, 3), in double: distances are differences of large sums."""
    return sample[0].detach().cpu().double().flatten(1).T


class _Windows(NamedTuple):
    values: Tensor  # (P, places · 3) all complete windows of the sample
    squares: Tensor  # (P, places) the squared length of each of their pixels
    centers: Tensor  # (P,) which pixel of the sample lies in the middle


def _windows(sample: Tensor, window: int, places: int) -> _Windows:
    """All complete windows, of each the first `places` pixels, row by row."""
    height, width = sample.shape[2:]
    numbers = torch.arange(height * width).view(height, width)
    numbers = numbers.unfold(0, window, 1).unfold(1, window, 1).reshape(-1, window * window)
    values = _colors(sample)[numbers[:, :places]]  # (P, places, 3)
    return _Windows(values.flatten(1), values.square().sum(dim=2), numbers[:, window * window // 2])


def _around(canvas: Tensor, rows: Tensor, columns: Tensor, window: int) -> Tensor:
    """What lies in the windows about some pixels of a canvas, (K, window²)."""
    steps = torch.arange(-(window // 2), window // 2 + 1)
    rows, columns = rows.view(-1, 1, 1) + steps.view(-1, 1), columns.view(-1, 1, 1) + steps
    return canvas[rows, columns].flatten(1)


def _distances(windows: _Windows, values: Tensor, weights: Tensor) -> Tensor:
    """Σ over places of weight · (value − window)², (K, P), for values (K, places, 3) and weights
    (K, places).

    Multiplied out, v² − 2 v s + s², so that all pairs are two matrix products.
    """
    ours = (weights * values.square().sum(dim=2)).sum(dim=1, keepdim=True)
    both = (weights[..., None] * values).flatten(1) @ windows.values.T
    return ours - 2 * both + weights @ windows.squares.T


def _gaussian(window: int) -> Tensor:
    distance = torch.arange(window, dtype=torch.float64) - window // 2
    line = torch.exp(-(distance**2) / (2 * (SIGMA * window) ** 2))
    return (line[:, None] * line).flatten()


def _neighbors(width: int) -> Tensor:
    """What to add to a pixel's number to get the 3 × 3 about it, in a picture of this width."""
    step = torch.arange(-1, 2)
    return width * step[:, None] + step


def _next_to_fill(known: Tensor, half: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows and columns of unknown pixels, each with the most known neighbours of all that it can
    see; lots decide ties.
    """
    count = F.conv2d(known[None, None].float(), torch.ones(1, 1, 3, 3), padding=1)
    rank = count + torch.rand(count.shape, generator=generator)
    rank = rank.where(~known & (count > 0), 0)
    highest = F.max_pool2d(rank, 2 * half + 1, stride=1, padding=half)
    return torch.nonzero(((rank > 0) & (rank == highest))[0, 0], as_tuple=True)


def _grown(index: int, sample: Tensor, places: Tensor) -> Grown:
    width = sample.shape[3]
    sources = torch.stack([places.div(width, rounding_mode="floor"), places % width], dim=-1)
    sources[places < 0] = -1
    return Grown(index, copied(sample.detach(), sources), sources)


# --- matching statistics --------------------------------------------------------------------------


def synthesize_steps(
    model: nn.Module,
    sample: Tensor,
    layers: Sequence[str],
    size: images.Size | None = None,
    steps: int = 150,
    seed: int = 0,
    sizes: int = 2,
    tv: float = 0.05,
) -> Iterator[Step]:
    """From noise, step by step, towards a picture with the Gram matrices that the sample has at
    some layers.

        min over x of  mean over layers of ‖G(x) − G*‖² / ‖G*‖²  +  tv · TV(x) / pixels

    sample: (N, 3, h, w), a texture each. size: of what is made, int or (height, width); None: the
    sample's. sizes: how many times the search is run, `steps` each: first on the sample made small,
    for the large structure, then each time twice as large, from where the one before ended. tv: the
    price of grain that the layers do not see. On a Fourier spectrum with decorrelated colours (Olah
    et al. 2017); Adam, then L-BFGS. All pictures of a batch start from the same noise. Raises
    ValueError where a layer is silent, and optimize.Diverged with the last good Step.
    """
    images.check_pixels(sample, channels=model.channels)
    _check_search(layers, steps, sizes, tv)
    height, width = _height_width(tuple(sample.shape[2:]) if size is None else size, 1)
    there, parts = sample.to(model.device), [2**k for k in reversed(range(sizes))]
    noise = fourier_noise(height, width, seed, channels=model.channels, scale=10).to(there)
    start = fourier_to_pixels(model.channels, height, width)(noise).repeat(len(sample), 1, 1, 1)
    samples = iter([images.resize(there, scaled_down(there.shape[2:], part)) for part in parts])

    def run(image: Tensor) -> Iterator[Step]:
        style = style_distance(model, gram_matrices(model, next(samples), layers))
        loss = weighted_sum((1, style), (tv / image[0, 0].numel(), total_variation()))
        encode, decode = (both(*image.shape[1:]) for both in (pixels_to_fourier, fourier_to_pixels))
        return descend(encode(image), loss, steps=steps, decode=decode, direction=ADAM_THEN_LBFGS)

    walk = octaves(start, [scaled_down((height, width), part) for part in parts], run)
    return map_steps(
        walk, lambda step: step._replace(image=step.image.to(sample), value=step.value.to(sample))
    )


def synthesize(
    model: nn.Module,
    sample: Tensor,
    layers: Sequence[str],
    size: images.Size | None = None,
    steps: int = 150,
    seed: int = 0,
    sizes: int = 2,
    tv: float = 0.05,
) -> Tensor:
    """The last picture of `synthesize_steps`, (N, 3, H, W) in [0, 1]."""
    return last(synthesize_steps(model, sample, layers, size, steps, seed, sizes, tv))


def gram_errors(
    model: nn.Module, image: Tensor, sample: Tensor, layers: Sequence[str]
) -> dict[str, Tensor]:
    """‖G − G*‖² / ‖G*‖² at each layer, {layer: (N,)}: 0 the same texture to this layer, 1 as far
    off as silence.
    """
    wanted = gram_matrices(model, sample, layers)
    with torch.no_grad():
        maps = style_maps(model, image, layers)
    return {layer: gram_distance(maps[layer], gram) for layer, gram in wanted.items()}


def _check_search(layers: Sequence[str], steps: int, sizes: int, tv: float) -> None:
    if isinstance(layers, str) or not layers:
        raise ValueError(
            f'layers are a list of at least one name, such as ["relu1", "relu2"], not {layers!r}.'
        )
    if not all(isinstance(count, Integral) and count >= 1 for count in (steps, sizes)):
        raise ValueError(
            f"a picture is made in at least one step at one size, whole numbers, not in steps={steps} at sizes={sizes}."
        )
    if not 0 <= tv < math.inf:
        raise ValueError(f"tv is the weight of the roughness, 0 or more, not {tv}.")


# --- how near is it to the sample? ----------------------------------------------------------------


def patch_distances(image: Tensor, sample: Tensor, size: int = 7) -> Tensor:
    """How far each patch is from the nearest of the sample, (N, H - size + 1, W - size + 1).

        min over patches s of the sample of  √ mean (p − s)²,   the mean over its 3 · size² values

    image: (N, 3, H, W); sample: one picture (1, 3, h, w). 0: the patch occurs in the sample; 0.1: a
    tenth of the range.
    """
    images.check_pixels(image)
    images.check_pixels(sample)
    if len(sample) != 1:
        raise ValueError(
            f"patches are looked up in one sample, (1, 3, h, w), not in {len(sample)}."
        )
    if not 1 <= size <= min(*image.shape[2:], *sample.shape[2:]):
        raise ValueError(
            f"patches of {size} pixels a side must fit into both pictures: make them smaller, 1 or more."
        )
    known = F.unfold(sample, size)[0].T  # (P, 3 · size²)
    nearest = torch.stack([_to_nearest(F.unfold(one[None], size)[0].T, known) for one in image])
    return nearest.unflatten(1, (image.shape[2] - size + 1, image.shape[3] - size + 1))


def patch_distance(image: Tensor, sample: Tensor, size: int = 7) -> Tensor:
    """The median of `patch_distances`, (N,): how far a usual patch is from the nearest of the
    sample.
    """
    return patch_distances(image, sample, size).flatten(1).median(dim=1).values


def _to_nearest(patches: Tensor, known: Tensor) -> Tensor:
    squares = known.square().sum(dim=1)
    found = [known[(squares - 2 * some @ known.T).argmin(dim=1)] for some in patches.split(1024)]
    return (patches - torch.cat(found)).square().mean(dim=1).sqrt()
