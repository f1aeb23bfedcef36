"""Pictures to look at, all read from files: photos, textures, paintings, drawings with true masks,
your own folders.

What took too long to measure in a lesson is read here, too: `measured` and `sheet`.
"""

import json
import os
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
        "skimage/data/coffee.png",
        (0, 78, 400),
        "by Rachel Michetti, courtesy of Pikolo Espresso Bar; CC0.",
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


class Cut(NamedTuple):
    source: str  # a painting, or a file below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side
    scale: float = 1


CUTS = {
    "petals": Cut(PHOTOS["flower"].file, (126, 213, 194), 2),
    "pagoda": Cut(PHOTOS["china"].file, (150, 92, 200), 2),
    "galaxies": Cut(PHOTOS["hubble_deep_field"].file, (0, 64, 872), 0.5),
    "tissue": Cut(
        "skimage/data/ihc.png", (0, 0, 300)
    ),  # stained glands of the colon; no known restrictions
    "night_sky": Cut("night", (0, 0, 340)),
    "heavy_sea": Cut("woodcut", (212, 0, 300)),
    "folk_garden": Cut("folk", (0, 0, 512), 0.5),
    "brick": Cut(
        "skimage/data/brick.png", (0, 0, 512)
    ),  # brick, grass and gravel are CC0, and grey
    "grass": Cut("skimage/data/grass.png", (0, 0, 512)),
    "gravel": Cut("skimage/data/gravel.png", (0, 0, 512)),
}
PAINTINGS = (
    "night",
    "points",
    "mosaic",
    "glass",
    "ink",
    "woodcut",
    "watercolour",
    "cubist",
    "folk",
    "autumn",
)
DRAWN_TEXTURES = (
    "brick_wall",
    "roof_tiles",
    "pebbles",
    "basket",
    "leaves",
    "scales",
    "cells",
    "dotted_cloth",
    "wood",
    "letters",
    "honeycomb",
    "marbled_paper",
)
# The kinds of the Picturebook. The order is that of the classes.
KINDS = (
    "sailboat",
    "house",
    "tree",
    "flower",
    "fish",
    "butterfly",
    "car",
    "balloon",
    "mushroom",
    "cat",
    "dalmatian",
    "owl",
    "fox",
    "ladybird",
    "teapot",
    "rocket",
)
PICTURE_FILES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = ("test", "pairs")
SNOW_SPLITS, SNOW_COUNT, GROUNDS = ("train", "test"), 144, ("snow", "grass")

# Kinds of Caltech-101 that no network is trained on, so that one can ask where its features put
# what it has never seen: five living and five made things, chosen beforehand, none with a near twin
# among the others (as schooner and ketch are).
WITHHELD = ["dolphin", "euphonium", "hawksbill", "joshua_tree", "kangaroo"]
WITHHELD += ["laptop", "menorah", "pizza", "rooster", "umbrella"]


class Pictures(NamedTuple):
    """Labelled pictures. Only drawn ones know where the object is (masks) and which face of its
    class.

    Pictures of two objects have two labels (N, 2), two masks (N, 2, size, size), and facets like
    "cat + pine".
    """

    pixels: Tensor  # (N, 3, size, size) in [0, 1]
    labels: Tensor  # (N,) indices into class_names
    masks: Tensor | None  # (N, size, size) bool
    facets: list[str] | None  # N words
    class_names: list[str]


def photo_names() -> list[str]:
    """The photos that come with the packages which the course needs anyway; no download."""
    return list(PHOTOS)


def photo(name: str, size: int | None = 224) -> Tensor:
    """One of those photos, its subject filling a square (1, 3, size, size). size=None: the whole
    photo.
    """
    file, (top, left, side), _ = _photo(name)
    pixels = _packaged(file)
    square = pixels[..., top : top + side, left : left + side]
    return pixels if size is None else images.to_pixels(square, size)


def photo_credit(name: str) -> str:
    """Who took the photo, and its licence."""
    return _photo(name).credit


def photo_pieces(side: int, without: str) -> Tensor:
    """The photos but one, each whole and cut into four: (N, 3, side, side)."""
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
    return images.to_pixels(
        Path(find_spec(package).origin).parent / rest
    )  # finding imports nothing


def painting_names() -> list[str]:
    """The course's own paintings, each by another hand and in another material."""
    return list(PAINTINGS)


def painting(name: str, size: int = 512) -> Tensor:
    """One of the paintings, whole, as a square (1, 3, size, size): scaled down from 512 pixels,
    never up.
    """
    if name not in PAINTINGS:
        raise unknown("painting", name, PAINTINGS)
    whole("the size of a painting", size, 2, 512)
    return images.to_pixels(_bundled(f"paintings/{name}.jpg"), size)


def texture_names() -> list[str]:
    """Textures: drawn ones, cuts of photos and of paintings, and three grey photos (brick, grass,
    gravel).
    """
    return [*DRAWN_TEXTURES, *CUTS]


def texture(name: str, size: int = 256) -> Tensor:
    """One of the textures (1, 3, size, size): the middle of it, cut to this size, never scaled to
    it.
    """
    if name not in texture_names():
        raise unknown("texture", name, texture_names(), most=30)
    drawn = name in DRAWN_TEXTURES
    pixels = images.to_pixels(_bundled(f"textures/{name}.webp")) if drawn else _cut(CUTS[name])
    side = pixels.shape[-1]
    start = (side - whole(f"the size of the texture {name!r}", size, 2, side)) // 2
    return pixels[..., start : start + size, start : start + size].clone()


def _cut(cut: Cut) -> Tensor:
    top, left, side = cut.square
    source = painting(cut.source) if cut.source in PAINTINGS else _packaged(cut.source)
    square = source[..., top : top + side, left : left + side]
    return images.to_pixels(square, round(side * cut.scale))


def picturebook(split: str, count: int | None = None) -> Pictures:
    """Drawings of 128 px with exact masks: "test" (72 of each of sixteen kinds), "pairs" (60 of two
    objects).

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
    labels, pixels, masks, facets = mixed_labels(count, len(KINDS)), [], [], []
    for index, label in enumerate(labels):
        kind, number = KINDS[label], index // len(KINDS)
        file = next((data_dir() / "picturebook/test" / kind).glob(f"{number:03}_*.webp"), None)
        file = file or _bundled(f"picturebook/test/{kind}/{number:03}_*.webp")
        pixels.append(images.to_pixels(file))
        masks.append(_mask(f"picturebook/test_masks/{kind}/{number:03}.png"))
        facets.append(file.stem.partition("_")[2])
    return torch.cat(pixels), torch.tensor(labels), torch.stack(masks), facets


def mixed_labels(count: int, classes: int, seed: int = 0) -> list[int]:
    """Labels in rounds, each of which holds every class once, mixed."""
    rounds = range(-(-count // classes))
    mixed = [np.random.default_rng((seed, number)).permutation(classes) for number in rounds]
    return np.concatenate(mixed)[:count].tolist()


def _pairs(count: int):
    """Stored as 07_cat-cat+tree-pine.webp, with the masks 07_0.png of the cat and 07_1.png of the
    tree.
    """
    files = sorted((data_dir() / "picturebook/pairs").glob("*.webp"))[:count]
    if len(files) < count:
        _bundled(f"picturebook/pairs/{len(files):02}_*.webp")
    labels, masks, facets = [], [], []
    for file in files:
        number, _, described = file.stem.partition("_")
        both = [one.split("-") for one in described.split("+")]
        labels.append([KINDS.index(kind) for kind, _ in both])
        facets.append(" + ".join(facet for _, facet in both))
        masks.append(
            torch.stack([_mask(f"picturebook/pairs_masks/{number}_{k}.png") for k in (0, 1)])
        )
    pixels = torch.cat([images.to_pixels(file) for file in files])
    return pixels, torch.tensor(labels), torch.stack(masks), facets


def snow(split: str, count: int | None = None, correlated: bool = True) -> Pictures:
    """Drawn huskies and wolves of 128 px, alike but for the face, at most 72 of each; "train" or
    "test".

    Correlated: every husky on snow, every wolf on grass. Otherwise the same animals in the same
    order, every second pair on the other's ground. The facets are the grounds. The order is fixed,
    and a smaller count is the beginning of a larger one.
    """
    if split not in SNOW_SPLITS:
        raise unknown("split", split, SNOW_SPLITS)
    count = (
        SNOW_COUNT if count is None else whole("the count of snow pictures", count, 1, SNOW_COUNT)
    )
    labels, swapped = snow_order(count)
    swapped = torch.tensor(swapped) & (not correlated)
    own, other = (sheet(f"snow/{split}_{ground}", 128)[:count] for ground in ("own", "other"))
    masks = sheet(f"snow/{split}_masks", 128)[:count, 0] > 0.5
    grounds = [GROUNDS[label ^ swap] for label, swap in zip(labels, swapped.tolist(), strict=True)]
    pixels = torch.where(swapped[:, None, None, None], other, own)
    return Pictures(pixels, torch.tensor(labels), masks, grounds, ["husky", "wolf"])


def snow_order(count: int, seed: int = 0) -> tuple[list[int], list[bool]]:
    """Labels in mixed pairs of both classes; of every two pairs, which one may change its grounds."""
    labels, swapped = [], []
    for number in range(-(-count // 4)):
        rng = np.random.default_rng((seed, number))
        labels += [*rng.permutation(2).tolist(), *rng.permutation(2).tolist()]
        swapped += np.repeat(rng.permutation(2).astype(bool), 2).tolist()
    return labels[:count], swapped[:count]


def measured(name: str) -> dict:
    """What a command of the workshop has measured for a lesson, stored as data/NAME.json."""
    return json.loads(_bundled(f"{name}.json").read_text(encoding="utf-8"))


def sheet(name: str, tile: int) -> Tensor:
    """The pictures of a stored page, data/NAME.webp or .png, row by row: (N, 3, tile, tile)."""
    suffix = ".png" if (data_dir() / f"{name}.png").is_file() else ".webp"
    page = images.to_pixels(_bundled(name + suffix))[0]
    return page.unfold(1, tile, tile).unfold(2, tile, tile).permute(1, 2, 0, 3, 4).flatten(0, 1)


def weights(name: str) -> dict[str, Tensor]:
    """The stored weights of a lesson's small network, data/NAME.safetensors, as a float32 state
    dict.
    """
    stored = load_file(_bundled(f"{name}.safetensors"))
    return {key: value.float() for key, value in stored.items()}


def _bundled(name: str) -> Path:
    """A file of the course's own, below data/."""
    path = data_dir() / name
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Bring it back with  git checkout -- data  (or install the course anew)."
        )
    return path


def _mask(name: str) -> Tensor:
    try:
        with Image.open(_bundled(name)) as picture:
            return torch.from_numpy(np.array(picture) > 0)
    except OSError as error:
        raise FileNotFoundError(
            f"{error}  The file cannot be read: git checkout -- data/picturebook"
        ) from error


def folder(path: str | os.PathLike, size: int = 128) -> Pictures:
    """The pictures of a folder, or of its sub-folders as classes, as centred squares (N, 3, size,
    size).

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
    parts = sorted(
        part for part in top.iterdir() if part.is_dir() and not part.name.startswith(".")
    )
    below = [(file, part.name) for part in parts for file in _pictures_of(part)]
    if own and below:
        raise ValueError(
            f"{top} holds pictures and also sub-folders of pictures: give one of the sub-folders, or move "
            f"the pictures ({own[0][0].name} …) into a sub-folder with the name of their class."
        )
    if not own and not below:
        known = " ".join(sorted(PICTURE_FILES))
        raise ValueError(
            f"there are no pictures in {top} or its sub-folders: put some there ({known})."
        )
    return own or below


def _pictures_of(place: Path) -> list[Path]:
    files = (file for file in place.iterdir() if file.suffix.lower() in PICTURE_FILES)
    return sorted(file for file in files if file.is_file() and not file.name.startswith("."))


def pictures(name: str | os.PathLike = "picturebook") -> Pictures:
    """What a lesson looks at: "picturebook" (its test split), "caltech101", or a folder of your
    own, by its path.

    Of Caltech-101 these are the photographs of WITHHELD, the ten kinds that no bundled network has
    seen, in rounds like the drawings: every kind once, then every kind again, as long as there are
    some.
    """
    if name == "picturebook":
        return picturebook("test")
    if name != "caltech101":
        return folder(name)
    files, names = caltech101()
    kinds = [[file for file, label in files if names[label] == kind] for kind in WITHHELD]
    rounds = [
        (file, label) for turn in zip_longest(*kinds) for label, file in enumerate(turn) if file
    ]
    pixels = torch.cat([images.to_pixels(file, 128) for file, _ in rounds])
    labels = torch.tensor([label for _, label in rounds])
    return Pictures(pixels, labels, None, None, [kind.replace("_", " ") for kind in WITHHELD])


def caltech101() -> tuple[list[tuple[Path, int]], list[str]]:
    """Caltech-101 (Fei-Fei, Fergus & Perona 2004), where present: (path, label) pairs and the class
    names.
    """
    datasets = datasets_dir()
    top = datasets / "caltech101" / "101_ObjectCategories"
    if not top.is_dir():
        raise FileNotFoundError(
            f"Caltech-101 is not in {datasets}. Get it with  python3 -m cs231n_viz fetch caltech101  (137 MB) "
            "or set CS231N_VIZ_DATA to the folder that holds caltech101/."
        )
    parts = sorted(
        part for part in top.iterdir() if part.is_dir() and part.name != "BACKGROUND_Google"
    )
    files = [
        (file, label) for label, part in enumerate(parts) for file in sorted(part.glob("*.jpg"))
    ]
    return files, [part.name for part in parts]
