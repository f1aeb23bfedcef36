"""Exercises of lesson 02. `on`: a real call's arguments; its result is drawn with `pictures`."""

import functools
import io
from collections.abc import Callable

import torch
from PIL import Image
from torch import Tensor

from .. import plot
from ..techniques import last_layer
from .trials import Seen, Trial, noise, run


def cosine_neighbors(function: Callable, on: tuple | None = None, pictures=None) -> None:
    """features (N, D), query (D,), k -> the k at the smallest angle to it, nearest first (k,)."""
    features = torch.tensor([[3.0, 3.0], [0.0, 1.0], [20.0, 15.0], [1.2, 0.1], [-1.0, 0.0]])
    query = torch.tensor([1.0, 0.0])  # cosines: 0.707, 0, 0.8, 0.997, -1
    mistakes = {
        "you took the largest products: a long vector wins by being long.": [2, 0],
        "these are nearest by L2; the cosine asks for the direction only.": [3, 1],
        "these are the farthest: a large cosine is a small distance.": [4, 1],
        "the right ones in the wrong order: nearest first.": [2, 3],
        "these are the cosines; the indices of those vectors are asked for.": [0.9965, 0.8],
    }
    crowd, own = noise(40, 6), noise(7, 6)[3] * 5
    run(
        function,
        Trial("five arrows in the plane", (features, query, 2), [3, 2], mistakes),
        Trial("random vectors", (crowd, own, 9), _by_angle(crowd, own, 9)),
        seen=on and Seen(on, _by_angle(*on), functools.partial(_chosen, pictures)),
    )


def _by_angle(features: Tensor, query: Tensor, k: int) -> Tensor:
    return last_layer.nearest(features, query[None], k, "cosine").indices[0]


def _chosen(pictures: Tensor, indices: Tensor) -> Tensor:
    """The pictures of these numbers, in rows of three."""
    return plot.mosaic(pictures[indices.long() % len(pictures)], 3, gap=3, scale=None)


def nearest_label(function: Callable, on: tuple | None = None, pictures=None) -> None:
    """features (N, D), labels (N,) -> for each the label of the nearest other, by L2 (N,)."""
    features = torch.tensor([[0.0], [1.0], [2.5], [10.0], [11.5]])
    labels = torch.tensor([4, 7, 2, 1, 5])
    mistakes = {
        "each picture is its own nearest neighbour here: leave it out.": labels,
        "these are numbers of pictures; their labels are asked for.": [1, 0, 1, 4, 3],
        "you took the farthest instead of the nearest.": [5, 5, 5, 4, 4],
        "this is whether they are right; the labels themselves are asked for.": [0, 0, 0, 0, 0],
    }
    crowd, kinds = noise(50, 4), torch.arange(50) % 3
    run(
        function,
        Trial("five points on a line", (features, labels), [7, 4, 7, 5, 1], mistakes),
        Trial("random vectors", (crowd, kinds), _of_nearest(crowd, kinds)),
        seen=on and Seen(on, _of_nearest(*on), lambda found: _right_ones(pictures, found == on[1])),
    )


def _of_nearest(features: Tensor, labels: Tensor) -> Tensor:
    return labels[last_layer.nearest_others(features, 1).indices[:, 0]]


def _right_ones(pictures: Tensor, right: Tensor) -> Tensor:
    """All pictures as one square sheet, pale where they are wrong."""
    pale = torch.where(right[:, None, None, None], pictures, 0.9 + 0.1 * pictures)
    return plot.mosaic(pale, round(len(pale) ** 0.5), gap=0, scale=None)


def principal_positions(function: Callable, on: tuple | None = None, pictures=None) -> None:
    """features (N, D) -> positions on the first two principal components (N, 2), up to sign."""
    positions = torch.tensor([[3.0, 0.0], [-1.0, 2.0], [-1.0, -1.0], [-1.0, -1.0]])
    axes = torch.tensor([[0.6, 0.8, 0.0], [-0.8, 0.6, 0.0]])
    features = positions @ axes + torch.tensor([10.0, 0.0, 5.0])
    left, values, _ = torch.linalg.svd(features, full_matrices=False)
    mistakes = {
        "the mean is still in: the first axis points at it. Take it off.": (left * values)[:, :2],
        "these are columns of U, of one length: multiply by S.": positions / positions.norm(dim=0),
        "these are the first two features, not yet components.": features[:, :2],
    }
    signed_mistakes = {said: _signed(wrong) for said, wrong in mistakes.items()}
    crowd = noise(30, 8) * torch.linspace(3, 0.5, 8) + 2
    run(
        _with_signs(function),
        Trial("four points in a slanted plane", (features,), _signed(positions), signed_mistakes),
        Trial("random vectors", (crowd,), _components(crowd)),
        seen=on and Seen(on, _components(*on), functools.partial(_strewn, pictures)),
    )


def _components(features: Tensor) -> Tensor:
    return _signed(last_layer.principal_components(features).positions)


def _with_signs(function: Callable) -> Callable:
    @functools.wraps(function)
    def signed(features):
        answer = function(features)
        return _signed(answer) if isinstance(answer, Tensor) and answer.dim() == 2 else answer

    return signed


def _signed(positions: Tensor) -> Tensor:
    """Each column with the sign that makes its largest entry positive."""
    return positions * positions.gather(0, positions.abs().argmax(dim=0, keepdim=True)).sign()


def _strewn(pictures: Tensor, positions: Tensor) -> Image.Image:
    return Image.open(io.BytesIO(plot.png(plot.scatter_images(pictures, positions, side=56))))


def map_of_pictures(function: Callable, on: tuple | None = None) -> None:
    """positions (N, 2), tiles (N, 3, s, s), rows, columns -> the map (3, rows · s, columns · s)."""
    x, y = torch.tensor([8.0, 0, 9, 2, 7, 1]), torch.tensor([0.1, 2, 0, 1.9, 0.1, 1.8])
    positions, cells = torch.stack([x, y], dim=1), torch.tensor([4, 0, 5, 2, 3, 1])
    tiles = (torch.arange(6.0)[:, None, None, None] / 5).repeat(1, 3, 2, 2)
    mistakes = {
        "upside down: y grows upwards on the map, rows count downwards.": (cells + 3) % 6,
        "left and right are swapped: column 0 is where x is small.": cells + 2 - cells % 3 * 2,
        "scale both coordinates to [0, 1] before you compare them.": [2, 0, 5, 1, 4, 3],
        "the tiles are in their old order: tile n belongs into cell number cells[n].": range(6),
        "you read the assignment backwards: it says which cell, tile by tile.": cells.argsort(),
    }
    wrong = {said: _placed(tiles, torch.tensor([*at]), 2, 3) for said, at in mistakes.items()}
    spread, small = noise(20, 2), noise(20, 3, 4, 4).sigmoid()
    run(
        function,
        Trial("six tiles", (positions, tiles, 2, 3), _placed(tiles, cells, 2, 3), wrong),
        Trial("twenty tiles", (spread, small, 4, 5), _map(spread, small, 4, 5)),
        seen=on and Seen(on, _map(*on), lambda picture: picture),
    )


def _map(positions: Tensor, tiles: Tensor, rows: int, columns: int) -> Tensor:
    return _placed(tiles, last_layer.snap_to_grid(positions, rows, columns), rows, columns)


def _placed(tiles: Tensor, cells: Tensor, rows: int, columns: int) -> Tensor:
    """Tile n in cell number cells[n]."""
    ordered = tiles[cells.argsort()].unflatten(0, (rows, columns))
    return ordered.permute(2, 0, 3, 1, 4).flatten(3, 4).flatten(1, 2)
