"""Draws the Picturebook's test split and its pictures of two objects, and stores them in data/picturebook/.

They are files so that everybody measures on the same pixels: versions of OpenCV round the edges of polygons
differently. Pictures are WebP, masks are PNG, one white pixel for each of the object's.
"""

import shutil
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from .. import drawing
from ..drawing import pairs
from ..places import data_dir

A_CLASS, PAIRS, QUALITY = 72, 60, 90


def main() -> None:
    """`python -m cs231n_viz.recipes.picturebook`: all is drawn beside the old folder before it takes its place."""
    finished = data_dir() / "picturebook"
    folder = finished.with_name("picturebook.partial")
    shutil.rmtree(folder, ignore_errors=True)
    for kind in drawing.CLASS_NAMES:
        for number in range(A_CLASS):
            drawn = drawing.draw(kind, 2 * number + 1)  # odd seeds: the training pictures have even ones
            _save(drawn.pixels, folder / "test" / kind / f"{number:03}_{drawn.facet}.webp")
            _save(drawn.mask, folder / "test_masks" / kind / f"{number:03}.png")
    for number, (first, second) in enumerate(chosen_pairs()):
        drawn = pairs.draw(first, second, number)
        described = f"{first}-{drawn.facets[0]}+{second}-{drawn.facets[1]}"
        _save(drawn.pixels, folder / "pairs" / f"{number:02}_{described}.webp")
        for k, mask in enumerate(drawn.masks):
            _save(mask, folder / "pairs_masks" / f"{number:02}_{k}.png")
    shutil.rmtree(finished, ignore_errors=True)
    folder.rename(finished)


def chosen_pairs() -> list[tuple[str, str]]:
    """Sixty different pairs of kinds, mixed, first and second in either order."""
    rng = np.random.default_rng(60)
    every = list(combinations(drawing.CLASS_NAMES, 2))
    some = [every[index] for index in rng.permutation(len(every))[:PAIRS]]
    return [
        pair[::-1] if swapped else pair for pair, swapped in zip(some, rng.random(PAIRS) < 0.5, strict=True)
    ]


def _save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.dtype == bool:
        Image.fromarray(picture).save(path, optimize=True)
    else:
        Image.fromarray(picture).save(path, quality=QUALITY, method=6)


if __name__ == "__main__":
    if sys.argv[1:]:
        sys.exit(f"what is {' '.join(sys.argv[1:])!r} for? This recipe takes nothing.")
    main()
