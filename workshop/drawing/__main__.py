"""Draws what lessons read from data/: `python -m workshop.drawing [PART …]`, else all parts.

They are files so that everybody measures on the same pixels: versions of OpenCV round the edges of
polygons differently. Pictures are WebP, masks are PNG, white where the object is.
"""

import json
import shutil
import sys
from itertools import combinations
from pathlib import Path

import numpy as np
from PIL import Image

from cs231n_viz import data
from cs231n_viz.errors import unknown
from cs231n_viz.places import data_dir
from workshop import drawing

from . import pairs, sets
from . import snow as animals
from .textures import TEXTURE_NAMES, draw_texture

A_CLASS, PAIRS, QUALITY, SNOW_COLUMNS = 72, 60, 90, 12


def main(arguments: list[str]) -> None:
    """Each part is drawn beside its old folder before it takes its place."""
    for name in arguments or PARTS:
        if name not in PARTS:
            raise unknown("part", name, PARTS)
        finished = data_dir() / name
        folder = finished.with_name(f"{name}.partial")
        shutil.rmtree(folder, ignore_errors=True)
        PARTS[name](folder)
        shutil.rmtree(finished, ignore_errors=True)
        folder.rename(finished)
        print(f"data/{name}", flush=True)


def draw_picturebook(folder: Path) -> None:
    """The test split, the order in which it is read, and the pictures of two objects."""
    for kind in drawing.CLASS_NAMES:
        for number in range(A_CLASS):
            drawn = drawing.draw(
                kind, 2 * number + 1
            )  # odd seeds: the training pictures have even ones
            save(drawn.pixels, folder / "test" / kind / f"{number:03}_{drawn.facet}.webp")
            save(drawn.mask, folder / "test_masks" / kind / f"{number:03}.png")
    kinds = len(drawing.CLASS_NAMES)
    save_order(sets.mixed_labels(A_CLASS * kinds, kinds), folder)
    for number, (first, second) in enumerate(chosen_pairs()):
        drawn = pairs.draw(first, second, number)
        described = f"{first}-{drawn.facets[0]}+{second}-{drawn.facets[1]}"
        save(drawn.pixels, folder / "pairs" / f"{number:02}_{described}.webp")
        for k, mask in enumerate(drawn.masks):
            save(mask, folder / "pairs_masks" / f"{number:02}_{k}.png")


def chosen_pairs() -> list[tuple[str, str]]:
    """Sixty different pairs of kinds, mixed, first and second in either order."""
    rng = np.random.default_rng(60)
    every = list(combinations(drawing.CLASS_NAMES, 2))
    some = [every[index] for index in rng.permutation(len(every))[:PAIRS]]
    return [
        pair[::-1] if swapped else pair
        for pair, swapped in zip(some, rng.random(PAIRS) < 0.5, strict=True)
    ]


def draw_snow(folder: Path) -> None:
    """Each animal on its own ground and on the other's, a page each, and a page of masks."""
    labels, swapped = sets.snow_order(data.SNOW_COUNT)
    for first, split in enumerate(data.SNOW_SPLITS):
        for way, turned in (("own", 0), ("other", 1)):
            drawn = [
                animals.draw(
                    ("husky", "wolf")[label], data.GROUNDS[label ^ turned], first + 2 * number
                )
                for number, label in enumerate(labels)
            ]
            save(page([picture.pixels for picture in drawn]), folder / f"{split}_{way}.webp")
        save(page([picture.mask for picture in drawn]), folder / f"{split}_masks.png")
    save_order({"labels": labels, "swapped": swapped}, folder)


def page(tiles: list[np.ndarray]) -> np.ndarray:
    """Tiles of one size side by side, in rows of SNOW_COLUMNS."""
    rows = [tiles[at : at + SNOW_COLUMNS] for at in range(0, len(tiles), SNOW_COLUMNS)]
    return np.concatenate([np.concatenate(row, axis=1) for row in rows])


def draw_textures(folder: Path) -> None:
    """Without loss: what is copied pixel by pixel takes another way where one value differs."""
    folder.mkdir(parents=True)
    for name in TEXTURE_NAMES:
        picture = Image.fromarray(draw_texture(name))
        picture.save(folder / f"{name}.webp", lossless=True, quality=100, method=6)


def save_order(order: list | dict, folder: Path) -> None:
    (folder / "order.json").write_text(json.dumps(order) + "\n", encoding="utf-8")


def save(picture: np.ndarray, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if picture.dtype == bool:
        Image.fromarray(picture).save(path, optimize=True)
    else:
        Image.fromarray(picture).save(path, quality=QUALITY, method=6)


PARTS = {"picturebook": draw_picturebook, "snow": draw_snow, "textures": draw_textures}

if __name__ == "__main__":
    main(sys.argv[1:])
