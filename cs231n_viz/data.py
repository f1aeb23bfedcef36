"""Pictures, all read from files: photos, textures, paintings, drawings, your own folders.

Stored results of experiments that take too long for a lesson: `measured`, `sheet` and `weights`.
"""

import json
import os
from collections.abc import Callable
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from safetensors.torch import load_file
from torch import Tensor

from . import images
from .errors import unknown, whole
from .places import data_dir, datasets_dir


class Photo(NamedTuple):
    file: str  # below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side: the part in which the subject fills the picture
    credit: str


PHOTOS = {
    "astronaut": Photo("skimage/data/astronaut.png", (0, 0, 512),
        "Eileen Collins, 1992. NASA, flic.kr/p/r9qvLn; public domain."),
    "chelsea": Photo("skimage/data/chelsea.png", (0, 85, 300),
        "Chelsea the cat, by Stéfan van der Walt; CC0."),
    "china": Photo("sklearn/datasets/images/china.jpg", (0, 0, 422),
        "by danielbuechele, flickr.com/photos/danielbuechele/6061409035; CC BY 2.0."),
    "coffee": Photo("skimage/data/coffee.png", (0, 78, 400),
        "by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0."),
    "flower": Photo("sklearn/datasets/images/flower.jpg", (58, 150, 316),
        "by vultilion, flickr.com/photos/vultilion/6056698931; CC BY 2.0."),
    "grace_hopper": Photo("matplotlib/mpl-data/sample_data/grace_hopper.jpg", (0, 45, 440),
        "Commodore Grace Hopper, by James S. Davis, US Navy; public domain."),
    "hubble_deep_field": Photo("skimage/data/hubble_deep_field.jpg", (130, 200, 600),
        "Hubble eXtreme Deep Field, 2012. NASA; public domain."),
    "rocket": Photo("skimage/data/rocket.jpg", (100, 158, 327),
        "DSCOVR on a Falcon 9, 2015. SpaceX; released to the public domain."),
}  # fmt: skip


class Cut(NamedTuple):
    source: str  # a painting, or a file below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side
    scale: float = 1


CUTS = {
    "petals": Cut(PHOTOS["flower"].file, (126, 213, 194), 2),
    "pagoda": Cut(PHOTOS["china"].file, (150, 92, 200), 2),
    "galaxies": Cut(PHOTOS["hubble_deep_field"].file, (0, 64, 872), 0.5),
    # stained glands of the colon; no known restrictions
    "tissue": Cut("skimage/data/ihc.png", (0, 0, 300)),
    "night_sky": Cut("night", (0, 0, 340)),
    "heavy_sea": Cut("woodcut", (212, 0, 300)),
    "folk_garden": Cut("folk", (0, 0, 512), 0.5),
    # brick, grass and gravel are CC0, and grey
    "brick": Cut("skimage/data/brick.png", (0, 0, 512)),
    "grass": Cut("skimage/data/grass.png", (0, 0, 512)),
    "gravel": Cut("skimage/data/gravel.png", (0, 0, 512)),
}
PAINTINGS = (
    "night", "points", "mosaic", "glass", "ink", "woodcut", "watercolour", "cubist", "folk",
    "autumn",
)  # fmt: skip
DRAWN_TEXTURES = (
    "brick_wall", "roof_tiles", "pebbles", "basket", "leaves", "scales", "cells", "dotted_cloth",
    "wood", "letters", "honeycomb", "marbled_paper",
)  # fmt: skip
# The kinds of the Picturebook, in the order of the classes
KINDS = (
    "sailboat", "house", "tree", "flower", "fish", "butterfly", "car", "balloon", "mushroom", "cat",
    "dalmatian", "owl", "fox", "ladybird", "teapot", "rocket",
)  # fmt: skip
BRING_BACK = "Bring it back with  git checkout -- data  (or install the course anew)."
PICTURE_FILES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = ("test", "pairs")
SNOW_SPLITS, SNOW_COUNT, GROUNDS = ("train", "test"), 144, ("snow", "grass")

# Classes of Caltech-101 on which no bundled network is trained, to test features on unseen classes:
# five living and five man-made, chosen in advance, none of them nearly the same as another class
# (as schooner and ketch are).
WITHHELD = ["dolphin", "euphonium", "hawksbill", "joshua_tree", "kangaroo"]
WITHHELD += ["laptop", "menorah", "pizza", "rooster", "umbrella"]


class Pictures(NamedTuple):
    """Labelled pictures; only drawings have object masks and facets (variants of their class).

    Pictures of two objects have two labels (N, 2), two masks (N, 2, size, size), and facets like
    "cat + pine".
    """

    pixels: Tensor  # (N, 3, size, size) in [0, 1]
    labels: Tensor  # (N,) indices into class_names
    masks: Tensor | None  # (N, size, size) bool
    facets: list[str] | None  # N words
    class_names: list[str]


def photo_names() -> list[str]:
    """Names of the photos that come with the packages which the course needs; no download."""
    return list(PHOTOS)


def photo(name: str, size: int | None = 224) -> Tensor:
    """A photo cropped to its subject, a square (1, 3, size, size); size=None: the whole photo."""
    file, (top, left, side), _ = _photo(name)
    pixels = _packaged(file)
    square = pixels[..., top : top + side, left : left + side]
    return pixels if size is None else images.to_pixels(square, size)


def photo_credit(name: str) -> str:
    """Who took the photo, and its licence."""
    return _photo(name).credit


def photo_pieces(side: int, without: str) -> Tensor:
    """All photos but `without`, each whole and in quarters: (N, 3, side, side)."""
    names = [name for name in PHOTOS if name != without]
    whole = torch.cat([photo(name, side) for name in names])
    large = torch.cat([photo(name, 2 * side) for name in names])
    quarters = large.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5)
    return torch.cat([whole, quarters.flatten(0, 2)])


def _photo(name: str) -> Photo:
    if name not in PHOTOS:
        raise unknown("photo", name, PHOTOS)
    return PHOTOS[name]


def _packaged(file: str) -> Tensor:
    package, _, rest = file.partition("/")
    folder = Path(find_spec(package).origin).parent  # finding imports nothing
    return images.to_pixels(folder / rest)


def painting_names() -> list[str]:
    """Names of the course's own paintings, each in another style and material."""
    return list(PAINTINGS)


def painting(name: str, size: int = 512) -> Tensor:
    """One of the paintings, whole: (1, 3, size, size), scaled down from 512 pixels, never up."""
    if name not in PAINTINGS:
        raise unknown("painting", name, PAINTINGS)
    whole("the size of a painting", size, 2, 512)
    return _stored(f"paintings/{name}.jpg", lambda path: images.to_pixels(path, size))


def texture_names() -> list[str]:
    """Names of the textures: drawn, cut from photos and paintings, and three grey photos."""
    return [*DRAWN_TEXTURES, *CUTS]


def texture(name: str, size: int = 256) -> Tensor:
    """The central crop (1, 3, size, size) of one of the textures, never scaled."""
    if name not in texture_names():
        raise unknown("texture", name, texture_names(), most=30)
    drawn = name in DRAWN_TEXTURES
    stored = f"textures/{name}.webp"
    pixels = _stored(stored, images.to_pixels) if drawn else _cut(CUTS[name])
    side = pixels.shape[-1]
    start = (side - whole(f"the size of the texture {name!r}", size, 2, side)) // 2
    return pixels[..., start : start + size, start : start + size].clone()


def _cut(cut: Cut) -> Tensor:
    top, left, side = cut.square
    source = painting(cut.source) if cut.source in PAINTINGS else _packaged(cut.source)
    square = source[..., top : top + side, left : left + side]
    return images.to_pixels(square, round(side * cut.scale))


def picturebook(split: str, count: int | None = None) -> Pictures:
    """Drawings of 128 px with exact masks: "test", 72 of each kind, or "pairs", 60 of two objects.

    The order is fixed. That of "test" comes in rounds that hold every class once, so a smaller
    count is the beginning of a larger one, and balanced.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    most = 60 if split == "pairs" else 72 * len(KINDS)
    count = most if count is None else whole("the count of drawings", count, 1, most)
    drawn = _pairs(count) if split == "pairs" else _singles(count)
    return Pictures(*drawn, [f"drawn {kind}" for kind in KINDS])  # not the classes of photographs


def _singles(count: int):
    """Stored as cat/007_cat.webp, with the mask cat/007.png: the kind, a number and the facet."""
    labels, pixels, masks, facets = mixed_labels(count, len(KINDS)), [], [], []
    for index, label in enumerate(labels):
        name = f"{KINDS[label]}/{index // len(KINDS):03}"
        drawing = f"picturebook/test/{name}_*.webp"
        pixels.append(_stored(drawing, images.to_pixels))
        masks.append(_mask(f"picturebook/test_masks/{name}.png"))
        facets.append(_bundled(drawing).stem.partition("_")[2])
    return torch.cat(pixels), torch.tensor(labels), torch.stack(masks), facets


def mixed_labels(count: int, classes: int, seed: int = 0) -> list[int]:
    """`count` labels in rounds; each round holds every class once, in random order."""
    rounds = range(-(-count // classes))
    mixed = [np.random.default_rng((seed, number)).permutation(classes) for number in rounds]
    return np.concatenate(mixed)[:count].tolist()


def _pairs(count: int):
    """Stored as 07_cat-cat+tree-pine.webp, with the masks 07_0.png (cat) and 07_1.png (tree)."""
    pixels, labels, masks, facets = [], [], [], []
    for number in range(count):
        drawing = f"picturebook/pairs/{number:02}_*.webp"
        both = [one.split("-") for one in _bundled(drawing).stem.partition("_")[2].split("+")]
        labels.append([KINDS.index(kind) for kind, _ in both])
        facets.append(" + ".join(facet for _, facet in both))
        names = [f"picturebook/pairs_masks/{number:02}_{part}.png" for part in (0, 1)]
        masks.append(torch.stack([_mask(name) for name in names]))
        pixels.append(_stored(drawing, images.to_pixels))
    return torch.cat(pixels), torch.tensor(labels), torch.stack(masks), facets


def snow(split: str, count: int | None = None, correlated: bool = True) -> Pictures:
    """Drawings of huskies and wolves that differ only in the face, 128 px, at most 72 of each.

    split: "train" or "test". Correlated: every husky on snow, every wolf on grass. Otherwise the
    same animals in the same order, but with the grounds swapped in every second pair. `facets` are
    the grounds. The order is fixed, and a smaller count is the beginning of a larger one.
    """
    if split not in SNOW_SPLITS:
        raise unknown("split", split, SNOW_SPLITS)
    count = SNOW_COUNT if count is None else count
    whole("the count of snow pictures", count, 1, SNOW_COUNT)
    labels, swapped = snow_order(count)
    swapped = torch.tensor(swapped) & (not correlated)
    own, other = (sheet(f"snow/{split}_{ground}", 128)[:count] for ground in ("own", "other"))
    masks = sheet(f"snow/{split}_masks", 128)[:count, 0] > 0.5
    grounds = [GROUNDS[label ^ swap] for label, swap in zip(labels, swapped.tolist(), strict=True)]
    pixels = torch.where(swapped[:, None, None, None], other, own)
    return Pictures(pixels, torch.tensor(labels), masks, grounds, ["husky", "wolf"])


def snow_order(count: int, seed: int = 0) -> tuple[list[int], list[bool]]:
    """Labels in pairs of both classes, and which pictures, one pair in two, may swap grounds."""
    labels, swapped = [], []
    for number in range(-(-count // 4)):
        rng = np.random.default_rng((seed, number))
        labels += [*rng.permutation(2).tolist(), *rng.permutation(2).tolist()]
        swapped += np.repeat(rng.permutation(2).astype(bool), 2).tolist()
    return labels[:count], swapped[:count]


def measured(name: str) -> dict:
    """Stored measurements for a lesson, data/NAME.json, made by a command of the workshop."""
    return _stored(f"{name}.json", lambda path: json.loads(path.read_text(encoding="utf-8")))


def sheet(name: str, tile: int) -> Tensor:
    """The tiles of a stored page, data/NAME.webp or .png, row by row: (N, 3, tile, tile)."""
    suffix = ".png" if (data_dir() / f"{name}.png").is_file() else ".webp"
    page = _stored(name + suffix, images.to_pixels)[0]
    return page.unfold(1, tile, tile).unfold(2, tile, tile).permute(1, 2, 0, 3, 4).flatten(0, 1)


def weights(name: str) -> dict[str, Tensor]:
    """The weights of a lesson's small network, data/NAME.safetensors, as a float32 state dict."""
    stored = _stored(f"{name}.safetensors", load_file)
    return {key: value.float() for key, value in stored.items()}


def _bundled(name: str) -> Path:
    """The path of a bundled file, below data/; its name may hold a *."""
    path = data_dir() / name
    found = next(path.parent.glob(path.name), None) if "*" in name else path
    if not (found and found.is_file()):
        raise FileNotFoundError(f"{path} is missing. {BRING_BACK}")
    return found


def _stored(name: str, read: Callable[[Path], object]):
    """A bundled file as `read` returns it; a damaged one raises ValueError."""
    path = _bundled(name)
    try:
        return read(path)
    except Exception as error:  # each format has its own
        raise ValueError(f"{path} is damaged ({error}). {BRING_BACK}") from error


def _mask(name: str) -> Tensor:
    return torch.from_numpy(np.array(_stored(name, lambda path: Image.open(path).copy())) > 0)


def folder(path: str | os.PathLike, size: int = 128) -> Pictures:
    """The pictures of a folder, or of its sub-folders as classes: squares (N, 3, size, size).

    The names of the (sub-)folders are the class names. Pictures that cannot be read are named in
    one error.
    """
    top = Path(path).expanduser()
    files = _labelled_files(top)
    pixels, broken = [], []
    for file, _ in files:
        try:
            pixels.append(images.to_pixels(file, size))
        except (ValueError, OSError) as error:
            broken.append(f"\n  {error}")
    if broken:
        listed = "".join(broken[:10]) + ("\n  …" if len(broken) > 10 else "")
        raise ValueError(
            f"{len(broken)} of the {len(files)} pictures in {top} cannot be read. Replace them or "
            f"move them out of the folder:{listed}"
        )
    class_names = list(dict.fromkeys(name for _, name in files))
    labels = torch.tensor([class_names.index(name) for _, name in files])
    return Pictures(torch.cat(pixels), labels, None, None, class_names)


def _labelled_files(top: Path) -> list[tuple[Path, str]]:
    """(file, class name), sorted: the folder's own pictures, or else those of its sub-folders."""
    if not top.is_dir():
        raise _no_folder(top)
    own = [(file, top.resolve().name) for file in _pictures_of(top)]
    parts = [part for part in _folders_of(top) if not part.name.startswith(".")]
    below = [(file, part.name) for part in parts for file in _pictures_of(part)]
    if own and below:
        raise ValueError(
            f"{top} holds pictures and also sub-folders of pictures: give one of the sub-folders, "
            f"or move the pictures ({own[0][0].name} …) into one named as their class."
        )
    if not own and not below:
        known = " ".join(sorted(PICTURE_FILES))
        raise ValueError(
            f"there are no pictures in {top} or its sub-folders: put in some ({known})."
        )
    return own or below


def _no_folder(top: Path) -> FileNotFoundError:
    near = [item.name for item in _folders_of(top.parent)] if top.parent.is_dir() else []
    hint = unknown("folder", top.name, near, most=6) if near else f"you are in {Path.cwd()}."
    return FileNotFoundError(f"there is no folder {top}: {hint}")


def _folders_of(top: Path) -> list[Path]:
    return sorted(part for part in top.iterdir() if part.is_dir())


def _pictures_of(top: Path) -> list[Path]:
    files = (file for file in top.iterdir() if file.suffix.lower() in PICTURE_FILES)
    return sorted(file for file in files if file.is_file() and not file.name.startswith("."))


def pictures(name: str | os.PathLike = "picturebook") -> Pictures:
    """Labelled pictures: "picturebook" (its test split), "caltech101", or a folder, by its path.

    "caltech101": photographs of the ten classes WITHHELD, which no bundled network has seen, in
    rounds like the drawings, one photograph of each class, as long as there are some.
    """
    if name == "picturebook":
        return picturebook("test")
    if name != "caltech101":
        return folder(name)
    files, names = caltech101()
    kinds = [[file for file, label in files if names[label] == kind] for kind in WITHHELD]
    turns = [[*enumerate(turn)] for turn in zip_longest(*kinds)]
    rounds = [(label, file) for turn in turns for label, file in turn if file]
    pixels = torch.cat([images.to_pixels(file, 128) for _, file in rounds])
    labels = torch.tensor([label for label, _ in rounds])
    return Pictures(pixels, labels, None, None, [kind.replace("_", " ") for kind in WITHHELD])


def caltech101() -> tuple[list[tuple[Path, int]], list[str]]:
    """Caltech-101 (Fei-Fei, Fergus & Perona 2004), where present: [(path, label)], class names."""
    top = datasets_dir() / "caltech101" / "101_ObjectCategories"
    if not top.is_dir():
        raise FileNotFoundError(
            f"Caltech-101 is not in {datasets_dir()}. Set CS231N_VIZ_DATA to the folder that holds "
            "caltech101/, or get it with  python3 -m cs231n_viz fetch caltech101  (137 MB)."
        )
    parts = [part for part in _folders_of(top) if part.name != "BACKGROUND_Google"]
    found = [sorted(part.glob("*.jpg")) for part in parts]
    files = [(file, label) for label, some in enumerate(found) for file in some]
    return files, [part.name for part in parts]
