"""Pictures to look at: photos that come with the packages, drawn ones with true masks, your own folders."""

import os
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from . import drawing, images
from .errors import unknown
from .places import data_dir, datasets_dir  # noqa: F401 (data.data_dir is public)


class Photo(NamedTuple):
    file: str  # below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side: the part in which the subject fills the picture
    credit: str


PHOTOS = {
    "astronaut": Photo(
        "skimage/data/astronaut.png",
        (0, 0, 512),
        "Eileen Collins, 1992. NASA, flic.kr/p/r9qvLn; public domain.",
    ),
    "chelsea": Photo(
        "skimage/data/chelsea.png", (0, 85, 300), "Chelsea the cat, by Stéfan van der Walt; CC0."
    ),
    "china": Photo(
        "sklearn/datasets/images/china.jpg",
        (0, 0, 422),
        "by danielbuechele, flickr.com/photos/danielbuechele/6061409035; CC BY 2.0.",
    ),
    "coffee": Photo(
        "skimage/data/coffee.png", (0, 78, 400), "by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0."
    ),
    "flower": Photo(
        "sklearn/datasets/images/flower.jpg",
        (58, 150, 316),
        "by vultilion, flickr.com/photos/vultilion/6056698931; CC BY 2.0.",
    ),
    "grace_hopper": Photo(
        "matplotlib/mpl-data/sample_data/grace_hopper.jpg",
        (0, 45, 440),
        "Commodore Grace Hopper, by James S. Davis, US Navy; public domain.",
    ),
    "hubble_deep_field": Photo(
        "skimage/data/hubble_deep_field.jpg",
        (130, 200, 600),
        "Hubble eXtreme Deep Field, 2012. NASA; public domain.",
    ),
    "rocket": Photo(
        "skimage/data/rocket.jpg",
        (100, 158, 327),
        "DSCOVR on a Falcon 9, 2015. SpaceX; released to the public domain.",
    ),
}
PICTURE_FILES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = ("train", "test")


class Pictures(NamedTuple):
    """Labelled pictures. Only drawn ones know where the object is (masks) and which face of its class."""

    pixels: Tensor  # (N, 3, size, size) in [0, 1]
    labels: Tensor  # (N,) indices into class_names
    masks: Tensor | None  # (N, size, size) bool
    facets: list[str] | None  # N words
    class_names: list[str]


def photo_names() -> list[str]:
    """The photos that come with the packages which the course needs anyway; no download."""
    return list(PHOTOS)


def photo(name: str, size: int | None = 224) -> Tensor:
    """One of those photos, its subject filling a square (1, 3, size, size). size=None: the whole photo."""
    file, (top, left, side), _ = _photo(name)
    package, _, rest = file.partition("/")
    pixels = images.to_pixels(Path(find_spec(package).origin).parent / rest)  # finding imports nothing
    square = pixels[..., top : top + side, left : left + side]
    return pixels if size is None else images.to_pixels(square, size)


def photo_credit(name: str) -> str:
    """Who took the photo, and its licence."""
    return _photo(name).credit


def _photo(name: str) -> Photo:
    if name not in PHOTOS:
        raise unknown("photo", name, PHOTOS)
    return PHOTOS[name]


def picturebook(split: str, count: int | None = None, seed: int = 0) -> Pictures:
    """`count` drawn pictures of 128 px (72 of each class if None), classes balanced, in a fixed mixed order.

    The order comes in rounds that hold every class once, so a smaller count is the beginning of a larger one.
    Another seed gives other pictures; the train and test splits share none at any seed.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    classes = len(drawing.CLASS_NAMES)
    count = 72 * classes if count is None else count
    if count < 1:
        raise ValueError(f"a picturebook has at least one picture, not {count}.")
    rounds = -(-count // classes)
    shuffled = [np.random.default_rng((seed, number)).permutation(classes) for number in range(rounds)]
    labels = np.concatenate(shuffled)[:count].tolist()
    first = 2_000_000 * seed + SPLITS.index(split)  # even seeds are for train, odd ones for test
    kinds = [drawing.CLASS_NAMES[label] for label in labels]
    drawn = [drawing.draw(kind, first + 2 * index) for index, kind in enumerate(kinds)]
    return Pictures(
        torch.cat([images.to_pixels(picture.pixels) for picture in drawn]),
        torch.tensor(labels),
        torch.from_numpy(np.stack([picture.mask for picture in drawn])),
        [picture.facet for picture in drawn],
        [f"drawn {kind}" for kind in drawing.CLASS_NAMES],  # a photo of a cat and a drawn cat are two classes
    )


def folder(path: str | os.PathLike, size: int = 128) -> Pictures:
    """The pictures of a folder, or of its sub-folders as classes, as centred squares (N, 3, size, size).

    The names of the (sub-)folders are the class names. Pictures that cannot be read are named in one error.
    """
    top = Path(path).expanduser()
    files = _labelled_files(top)
    pixels, broken = [], []
    for file, _ in files:
        try:
            pixels.append(images.to_pixels(file, size))
        except (ValueError, OSError) as error:
            broken.append(str(error))
    if broken:
        listed = "".join(f"\n  {sentence}" for sentence in broken[:10])
        raise ValueError(
            f"{len(broken)} of the {len(files)} pictures in {top} cannot be read. Replace them or move them "
            f"out of the folder:{listed}" + ("\n  …" if len(broken) > 10 else "")
        )
    class_names = list(dict.fromkeys(name for _, name in files))
    labels = torch.tensor([class_names.index(name) for _, name in files])
    return Pictures(torch.cat(pixels), labels, None, None, class_names)


def _labelled_files(top: Path) -> list[tuple[Path, str]]:
    """(file, class name), sorted: the folder's own pictures, or else those of its sub-folders."""
    if not top.is_dir():
        beside = top.parent.iterdir() if top.parent.is_dir() else []
        near = sorted(item.name for item in beside if item.is_dir())
        hint = unknown("folder", top.name, near, most=6) if near else f"you are in {Path.cwd()}."
        raise FileNotFoundError(f"there is no folder {top}: {hint}")
    own = [(file, top.resolve().name) for file in _pictures_of(top)]
    parts = sorted(part for part in top.iterdir() if part.is_dir() and not part.name.startswith("."))
    below = [(file, part.name) for part in parts for file in _pictures_of(part)]
    if own and below:
        raise ValueError(
            f"{top} holds pictures and also sub-folders of pictures: give one of the sub-folders, or move "
            f"the pictures ({own[0][0].name} …) into a sub-folder with the name of their class."
        )
    if not own and not below:
        known = " ".join(sorted(PICTURE_FILES))
        raise ValueError(f"there are no pictures in {top} or its sub-folders: put some there ({known}).")
    return own or below


def _pictures_of(place: Path) -> list[Path]:
    files = (file for file in place.iterdir() if file.suffix.lower() in PICTURE_FILES)
    return sorted(file for file in files if file.is_file() and not file.name.startswith("."))


def caltech101() -> tuple[list[tuple[Path, int]], list[str]]:
    """Caltech-101 (Fei-Fei, Fergus & Perona 2004), where present: (path, label) pairs and the class names."""
    datasets = datasets_dir()
    top = datasets / "caltech101" / "101_ObjectCategories"
    if not top.is_dir():
        raise FileNotFoundError(
            f"Caltech-101 is not in {datasets}. Get it with  python3 -m cs231n_viz fetch caltech101  (137 MB) "
            "or set CS231N_VIZ_DATA to the folder that holds caltech101/."
        )
    parts = sorted(part for part in top.iterdir() if part.is_dir() and part.name != "BACKGROUND_Google")
    files = [(file, label) for label, part in enumerate(parts) for file in sorted(part.glob("*.jpg"))]
    return files, [part.name for part in parts]
