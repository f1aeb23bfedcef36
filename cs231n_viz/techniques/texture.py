"""Texture synthesis: from a small sample of a texture a picture of any size.

`scanline` (after Wei & Levoy 2000) and `efros_leung` (Efros & Leung 1999) copy pixel by pixel from
where the sample looks most like the surroundings; `synthesize` (Gatys, Ecker & Bethge 2015) looks
for a picture with the sample's Gram matrices. `patch_distances` say how near any of them comes to
the sample.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from torch import Tensor

from .. import images, objectives
from ..errors import positive, whole
from ..layers import usual_layers
from ..objectives import gram_distance, gram_matrices, style_maps, total_variation, weighted_sum
from ..optimize import ADAM_THEN_LBFGS, Step, descend, final, octaves, on_device_of, scaled_down
from ..transforms import fourier_noise, fourier_to_pixels, pixels_to_fourier

ERROR = 0.1  # Efros & Leung: any window within (1 + 0.1) · the best may be copied
SIGMA = 1 / 6.4  # and their Gaussian, in windows
EQUAL = 1e-9  # two distances that differ by less, after rounding, are the same
GREY = 0.5  # a pixel that is not yet known


class Grown(NamedTuple):
    index: int
    image: Tensor  # (1, 3, H, W), grey where nothing is known yet
    # (H, W, 2) row and column of the sample from which each pixel was copied; -1: not yet
    sources: Tensor


# --- copying pixels -------------------------------------------------------------------------------


def scanline_steps(sample: Tensor, size: images.Size, window=11, seed=0) -> Iterator[Grown]:
    """Steps of raster-scan synthesis: copy each pixel from the best match of its causal window.

        copy the centre of  argmin over windows s of  Σ over the known part of the L of (v − s)²

    sample: one picture (1, 3, h, w). The L is the half of a window before its centre, row by row.
    The first pixel is drawn at random. This is the basic rule of Wei & Levoy (2000), who also start
    from noise, wrap the edges around and work from coarse to fine, which prevents much of its
    drift. Pixels that do not depend on each other are made in parallel, with the same result: a
    row may go on when the row above is half a window ahead.
    """
    inside, around = _canvas(sample, size, window, 1)
    (height, width), half = inside.shape, window // 2
    generator = torch.Generator().manual_seed(seed)
    before = half * window + half  # positions of the window before its centre: the L
    windows = _windows(sample, window, before)
    inside[0, 0] = windows.centers[torch.randint(len(windows.centers), (1,), generator=generator)]
    for front in range(1, width + (half + 1) * (height - 1)):
        rows = torch.arange(height)
        columns = front - (half + 1) * rows
        rows, columns = (each[(columns >= 0) & (columns < width)] for each in (rows, columns))
        seen = around[rows, columns].flatten(1)[:, :before]
        distances = _distances(windows, seen, (seen >= 0).double())
        best = distances <= distances.amin(dim=1, keepdim=True) + EQUAL
        inside[rows, columns] = windows.centers[best.int().argmax(dim=1)]  # the first of equals
        yield _grown(front - 1, sample, inside)


scanline = final(scanline_steps)


def efros_leung_steps(sample: Tensor, size: images.Size, window=11, seed=0) -> Iterator[Grown]:
    """Steps of Efros & Leung (1999), from 3 × 3 pixels outwards: copy each from a good match.

        d(s) = Σ over known positions of g · (v − s)² / Σ over known positions of g

    g is a Gaussian of sigma = window / 6.4. One of the windows s with d(s) ≤ 1.1 · min d is drawn
    at random. Pixels with the most known ones among their eight neighbours come first, those
    outside each other's windows in parallel. The paper's error threshold, above which a pixel
    waits, is left out: the best match is taken at once. sample: one picture (1, 3, h, w).
    """
    inside, around = _canvas(sample, size, window, 3)
    generator = torch.Generator().manual_seed(seed)
    windows, weights = _windows(sample, window, window * window), _gaussian(window)
    (top, left), step = (side // 2 - 1 for side in inside.shape), torch.arange(-1, 2)
    start = windows.centers[torch.randint(len(windows.centers), (1,), generator=generator)]
    inside[top : top + 3, left : left + 3] = start + sample.shape[3] * step[:, None] + step
    index = 0
    while (inside < 0).any():
        rows, columns = _next_to_fill(inside >= 0, window // 2, generator)
        seen = around[rows, columns].flatten(1)
        known = (seen >= 0) * weights
        distances = _distances(windows, seen, known / known.sum(dim=1, keepdim=True))
        good = distances <= (1 + ERROR) * distances.amin(dim=1, keepdim=True) + EQUAL
        draws = torch.rand(len(rows), generator=generator, dtype=torch.float64)
        number = (draws * good.sum(dim=1)).floor()[:, None]  # which of the good ones
        chosen = (good.cumsum(dim=1) > number).int().argmax(dim=1)
        inside[rows, columns] = windows.centers[chosen]
        yield _grown(index, sample, inside)
        index += 1


efros_leung = final(efros_leung_steps)


def copied(picture: Tensor, sources: Tensor) -> Tensor:
    """The picture (1, C, h, w) sampled at the sources (H, W, 2): (1, C, H, W), grey at -1."""
    height, width = picture.shape[2:]
    rows, columns = sources.clamp(min=0).unbind(dim=-1)
    if (rows >= height).any() or (columns >= width).any():
        reached = f"row {int(rows.max())} and column {int(columns.max())}"
        raise ValueError(f"the sources reach {reached}, and the picture is {height} x {width}.")
    known = (sources[..., 0] >= 0).to(picture.device)
    return picture[:, :, rows, columns].where(known, GREY)


def copied_together(sources: Tensor) -> float:
    """The share of neighbouring pixels copied as neighbours: 1 is a plain copy of the sample."""
    if sources[..., 0].numel() == 1:
        raise ValueError("a single pixel has no neighbours that were copied with it.")
    return float(torch.cat([kept.flatten() for kept in _kept_neighbors(sources)]).float().mean())


def largest_piece(sources: Tensor) -> int:
    """Pixels of the largest connected piece copied as a whole; H · W is a plain copy."""
    across, down = _kept_neighbors(sources)
    numbers = torch.arange(sources[..., 0].numel()).view(sources.shape[:2])
    one = torch.cat([numbers[:, :-1][across], numbers[:-1][down]])  # the ends of each kept pair
    other = torch.cat([numbers[:, 1:][across], numbers[1:][down]])
    graph = coo_array((torch.ones(len(one)), (one, other)), shape=(numbers.numel(),) * 2)
    pieces = torch.from_numpy(connected_components(graph)[1])
    return int(torch.bincount(pieces[sources[..., 0].flatten() >= 0], minlength=1).max())


def _kept_neighbors(sources: Tensor) -> tuple[Tensor, Tensor]:
    """Which pixels keep their right neighbour, (H, W − 1), and their lower one, (H − 1, W)."""
    across = (sources.diff(dim=1) == torch.tensor([0, 1])).all(dim=-1)
    down = (sources.diff(dim=0) == torch.tensor([1, 0])).all(dim=-1)
    return across, down


def _canvas(sample: Tensor, size: images.Size, window: int, least: int) -> tuple[Tensor, Tensor]:
    """Which pixel of the sample each one is a copy of, (H, W), -1: none, and what is around each.

    The surroundings, (H, W, window, window), are a view, in which copies appear as they are made.
    """
    images.check_one("the sample", sample)
    if whole("window", window, 3, min(sample.shape[2:])) % 2 == 0:
        raise ValueError(f"a window has a pixel in its middle: give an odd number, not {window}.")
    height, width = images.height_width(size, least)
    if (height, width) == (least, least):
        raise ValueError(f"{least} x {least} pixels are the start, and none is left to synthesize.")
    half, canvas = window // 2, torch.full((height + window - 1, width + window - 1), -1)
    around = canvas.unfold(0, window, 1).unfold(1, window, 1)
    return canvas[half : half + height, half : half + width], around


class _Windows(NamedTuple):
    colors: Tensor  # (h · w, 3) of the sample; in double: distances are differences of large sums
    values: Tensor  # (P, positions · 3) all complete windows of the sample
    squares: Tensor  # (P, positions) the squared length of each of their pixels
    centers: Tensor  # (P,) which pixel of the sample lies in the middle


def _windows(sample: Tensor, window: int, positions: int) -> _Windows:
    """All complete windows, of each the first `positions` pixels, row by row."""
    height, width = sample.shape[2:]
    numbers = torch.arange(height * width).view(height, width)
    numbers = numbers.unfold(0, window, 1).unfold(1, window, 1).reshape(-1, window * window)
    colors = sample[0].detach().cpu().double().flatten(1).T
    values = colors[numbers[:, :positions]]  # (P, positions, 3)
    centers = numbers[:, window * window // 2]
    return _Windows(colors, values.flatten(1), values.square().sum(dim=2), centers)


def _distances(windows: _Windows, around: Tensor, weights: Tensor) -> Tensor:
    """Σ over positions of weight · (v − s)², (K, P), v the K surroundings, s the P windows.

    Multiplied out, v² − 2 v s + s², so that all pairs are two matrix products. around, weights:
    (K, positions); where no pixel is known the weight is 0.
    """
    values = windows.colors[around.clamp(min=0)]  # (K, positions, 3)
    ours = (weights * values.square().sum(dim=2)).sum(dim=1, keepdim=True)
    both = (weights[..., None] * values).flatten(1) @ windows.values.T
    return ours - 2 * both + weights @ windows.squares.T


def _gaussian(window: int) -> Tensor:
    distance = torch.arange(window, dtype=torch.float64) - window // 2
    line = torch.exp(-(distance**2) / (2 * (SIGMA * window) ** 2))
    return (line[:, None] * line).flatten()


def _next_to_fill(known: Tensor, half: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Rows and columns of unknown pixels with the most known neighbours of all that they can see.

    Ties are broken at random.
    """
    count = F.conv2d(known[None, None].float(), torch.ones(1, 1, 3, 3), padding=1)
    rank = (count + torch.rand(count.shape, generator=generator)).where(~known & (count > 0), 0)
    highest = F.max_pool2d(rank, 2 * half + 1, stride=1, padding=half)
    return torch.nonzero(((rank > 0) & (rank == highest))[0, 0], as_tuple=True)


def _grown(index: int, sample: Tensor, numbers: Tensor) -> Grown:
    width = sample.shape[3]
    # -1, not known, stays -1
    sources = torch.stack([numbers.div(width, rounding_mode="floor"), numbers.fmod(width)], dim=-1)
    return Grown(index, copied(sample.detach(), sources), sources)


# --- matching statistics --------------------------------------------------------------------------


def synthesize_steps(
    model, sample: Tensor, layers=None, size=None, steps=150, seed=0, sizes=2, tv=0.05
) -> Iterator[Step]:
    """Steps from noise to a picture with the sample's Gram matrices (Gatys, Ecker & Bethge 2015).

        min over x of  mean over layers of ‖G(x) − G*‖² / ‖G*‖²  +  tv · TV(x) / pixels

    sample: (N, C, h, w), one texture each. layers: names; None: those of the style that are usual
    (`layers.usual_layers`). size: of the result, a side or (height, width); None: the sample's.
    sizes: the number of scales, `steps` each, from the sample made small to full size, each twice
    the one before. tv: weight of the total variation, against grain that the layers do not see. The
    parameter is a Fourier spectrum with decorrelated colours (Olah et al. 2017); Adam, then L-BFGS.
    All pictures of a batch start from the same noise.
    """
    images.check_pixels(sample, channels=model.channels)
    layers = usual_layers(model)[1] if layers is None else layers
    if isinstance(layers, str) or not layers:
        raise ValueError(f'layers are names, such as ["relu1", "relu2"], not {layers!r}.')
    sides = images.height_width(sample.shape[2:] if size is None else size)
    parts = [2**k for k in reversed(range(whole("sizes", sizes, 1)))]
    steps, tv = whole("steps", steps, 1), positive("tv", tv, zero=True)
    on_device = sample.to(model.device)
    samples = iter([images.resize(on_device, scaled_down(sample.shape[2:], k)) for k in parts])
    noise = fourier_noise(*sides, seed, channels=model.channels, scale=10).to(on_device)
    start = fourier_to_pixels(model.channels, *sides)(noise).repeat(len(sample), 1, 1, 1)

    def run(image: Tensor) -> Iterator[Step]:
        style = objectives.style_distance(model, gram_matrices(model, next(samples), layers))
        loss = weighted_sum((1, style), (tv / image[0, 0].numel(), total_variation()))
        encode, decode = (both(*image.shape[1:]) for both in (pixels_to_fourier, fourier_to_pixels))
        return descend(encode(image), loss, steps=steps, decode=decode, direction=ADAM_THEN_LBFGS)

    return on_device_of(sample, octaves(start, [scaled_down(sides, k) for k in parts], run))


synthesize = final(synthesize_steps)


def gram_errors(model, image: Tensor, sample: Tensor, layers: Sequence[str]) -> dict[str, Tensor]:
    """‖G − G*‖² / ‖G*‖² {layer: (N,)}; 0: the same texture, 1: as far as all-zero maps."""
    wanted = gram_matrices(model, sample, layers)
    with torch.no_grad():
        maps = style_maps(model, image, layers)
    return {layer: gram_distance(maps[layer], gram) for layer, gram in wanted.items()}


# --- comparison with the sample -------------------------------------------------------------------


def patch_distances(image: Tensor, sample: Tensor, size: int = 7) -> Tensor:
    """Distance of each patch from the sample's nearest: (N, H - size + 1, W - size + 1).

        min over patches s of the sample of  √ mean (p − s)²,   the mean over its 3 · size² values

    image: (N, 3, H, W); sample: one picture (1, 3, h, w). 0: the patch occurs in the sample; 0.1: a
    tenth of the range.
    """
    images.check_pixels(image)
    images.check_one("the sample", sample)
    whole("the size of a patch", size, 1, min(*image.shape[2:], *sample.shape[2:]))
    known = F.unfold(sample, size)[0].T  # (P, 3 · size²)
    nearest = torch.stack([_to_nearest(F.unfold(one[None], size)[0].T, known) for one in image])
    return nearest.unflatten(1, (image.shape[2] - size + 1, image.shape[3] - size + 1))


def _to_nearest(patches: Tensor, known: Tensor) -> Tensor:
    squares = known.square().sum(dim=1)
    found = [known[(squares - 2 * some @ known.T).argmin(dim=1)] for some in patches.split(1024)]
    return (patches - torch.cat(found)).square().mean(dim=1).sqrt()
