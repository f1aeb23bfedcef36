"""Pictures to look at: photos that come with the packages, drawn ones with true masks, your own folders."""

import os
from importlib.util import find_spec
from itertools import zip_longest
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from . import drawing, images
from .drawing import snow as shortcut
from .drawing.paintings import PAINTING_NAMES
from .drawing.textures import TEXTURE_NAMES, draw_texture
from .errors import unknown
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


class Cut(NamedTuple):
    source: str  # a painting, or a file below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side
    scale: float = 1


CUTS = {
    "petals": Cut(PHOTOS["flower"].file, (126, 213, 194), 2),
    "pagoda": Cut(PHOTOS["china"].file, (150, 92, 200), 2),
    "galaxies": Cut(PHOTOS["hubble_deep_field"].file, (0, 64, 872), 0.5),
    "tissue": Cut("skimage/data/ihc.png", (0, 0, 300)),  # stained glands of the colon; no known restrictions
    "night_sky": Cut("night", (0, 0, 340)),
    "heavy_sea": Cut("woodcut", (212, 0, 300)),
    "folk_garden": Cut("folk", (0, 0, 512), 0.5),
    "brick": Cut("skimage/data/brick.png", (0, 0, 512)),  # brick, grass and gravel are CC0, and grey
    "grass": Cut("skimage/data/grass.png", (0, 0, 512)),
    "gravel": Cut("skimage/data/gravel.png", (0, 0, 512)),
}
PICTURE_FILES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"}
SPLITS = ("train", "test", "pairs")
SNOW_SPLITS = ("train", "test")

# Kinds of Caltech-101 that no network is trained on, so that one can ask where its features put what it has never seen:
# five living and five made things, chosen beforehand, none with a near twin among the others (as schooner and ketch are).
WITHHELD = ["dolphin", "euphonium", "hawksbill", "joshua_tree", "kangaroo"]
WITHHELD += ["laptop", "menorah", "pizza", "rooster", "umbrella"]


class Pictures(NamedTuple):
    """Labelled pictures. Only drawn ones know where the object is (masks) and which face of its class.

    Pictures of two objects have two labels (N, 2), two masks (N, 2, size, size), and facets like "cat + pine".
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
    """One of those photos, its subject filling a square (1, 3, size, size). size=None: the whole photo."""
    file, (top, left, side), _ = _photo(name)
    pixels = _packaged(file)
    square = pixels[..., top : top + side, left : left + side]
    return pixels if size is None else images.to_pixels(square, size)


def photo_credit(name: str) -> str:
    """Who took the photo, and its licence."""
    return _photo(name).credit


def _photo(name: str) -> Photo:
    if name not in PHOTOS:
        raise unknown("photo", name, PHOTOS)
    return PHOTOS[name]


def _packaged(file: str) -> Tensor:
    package, _, rest = file.partition("/")
    return images.to_pixels(Path(find_spec(package).origin).parent / rest)  # finding imports nothing


def painting_names() -> list[str]:
    """The course's own paintings, each by another hand and in another material."""
    return list(PAINTING_NAMES)


def painting(name: str, size: int = 512) -> Tensor:
    """One of the paintings, whole, as a square (1, 3, size, size): scaled down from 512 pixels, never up."""
    if name not in PAINTING_NAMES:
        raise unknown("painting", name, PAINTING_NAMES)
    path = data_dir() / "paintings" / f"{name}.jpg"
    if not path.is_file():
        raise FileNotFoundError(
            f"{path} is missing. Bring it back with  git checkout -- data/paintings  or paint it again with  "
            f"python3 -m cs231n_viz.recipes.paintings {name}"
        )
    _check_side(f"the painting {name!r}", size, 512)
    return images.to_pixels(path, size)


def texture_names() -> list[str]:
    """Textures: drawn ones, cuts of photos and of paintings, and three grey photos (brick, grass, gravel)."""
    return [*TEXTURE_NAMES, *CUTS]


def texture(name: str, size: int = 256) -> Tensor:
    """One of the textures (1, 3, size, size): the middle of it, cut to this size, never scaled to it."""
    if name not in texture_names():
        raise unknown("texture", name, texture_names(), most=30)
    whole = images.to_pixels(draw_texture(name)) if name in TEXTURE_NAMES else _cut(CUTS[name])
    side = whole.shape[-1]
    _check_side(f"the texture {name!r}", size, side)
    start = (side - size) // 2
    return whole[..., start : start + size, start : start + size].clone()


def _cut(cut: Cut) -> Tensor:
    top, left, side = cut.square
    whole = painting(cut.source) if cut.source in PAINTING_NAMES else _packaged(cut.source)
    square = whole[..., top : top + side, left : left + side]
    return images.to_pixels(square, round(side * cut.scale))


def _check_side(what: str, size: int, most: int) -> None:
    if not 2 <= size <= most:
        raise ValueError(f"{what} is {most} pixels a side: give a size of 2 to {most}, not {size}.")


def picturebook(split: str, count: int | None = None, seed: int = 0) -> Pictures:
    """Drawn pictures of 128 px, classes balanced: "train" (drawn now), "test" (stored), "pairs" (two objects, stored).

    `count` None means 72 of each class, and all 60 pairs. The order is fixed and comes in rounds that hold every class
    once, so a smaller count is the beginning of a larger one. Another seed gives other training pictures.
    """
    if split not in SPLITS:
        raise unknown("split", split, SPLITS)
    if seed and split != "train":
        raise ValueError(
            f"the {split} pictures are stored, always the same: seed={seed} is for 'train' only."
        )
    if count is not None and count < 1:
        raise ValueError(f"a picturebook has at least one picture, not {count}.")
    drawn = _pairs(count) if split == "pairs" else _singles(split, count, seed)
    names = [
        f"drawn {kind}" for kind in drawing.CLASS_NAMES
    ]  # a photo of a cat and a drawn cat are two classes
    return Pictures(*drawn, names)


def _singles(split: str, count: int | None, seed: int):
    classes = len(drawing.CLASS_NAMES)
    count = 72 * classes if count is None else count
    rounds = -(-count // classes)
    shuffled = [np.random.default_rng((seed, number)).permutation(classes) for number in range(rounds)]
    labels = np.concatenate(shuffled)[:count].tolist()
    kinds = [drawing.CLASS_NAMES[label] for label in labels]
    if split == "test":
        chosen = [_stored_single(kind, index // classes) for index, kind in enumerate(kinds)]
    else:  # even seeds are for train, odd ones for test
        chosen = [drawing.draw(kind, 2_000_000 * seed + 2 * index) for index, kind in enumerate(kinds)]
    masks = torch.from_numpy(np.stack([picture.mask for picture in chosen]))
    pixels = torch.cat([images.to_pixels(picture.pixels) for picture in chosen])
    return pixels, torch.tensor(labels), masks, [picture.facet for picture in chosen]


def _stored_single(kind: str, number: int) -> drawing.Drawing:
    files = list((data_dir() / "picturebook" / "test" / kind).glob(f"{number:03}_*.webp"))
    if not files:
        raise FileNotFoundError(
            f"there is no test picture {number} of the kind {kind} in {data_dir() / 'picturebook'}: 72 of each are "
            "stored. Ask for fewer, or bring them back with  git checkout -- data/picturebook"
        )
    mask = data_dir() / "picturebook" / "test_masks" / kind / f"{number:03}.png"
    return drawing.Drawing(_array(files[0]), _array(mask) > 0, files[0].stem.partition("_")[2])


def _pairs(count: int | None):
    """Stored as 07_cat-cat+tree-pine.webp, with the masks 07_0.png of the cat and 07_1.png of the tree."""
    folder = data_dir() / "picturebook" / "pairs"
    files, count = sorted(folder.glob("*.webp")), 60 if count is None else count
    if count > len(files):
        raise FileNotFoundError(
            f"{folder} holds {len(files)} pictures of two objects, {count} were asked for. Ask for fewer, or bring "
            "them back with  git checkout -- data/picturebook"
        )
    labels, masks, facets = [], [], []
    for file in files[:count]:
        number, _, described = file.stem.partition("_")
        both = [one.split("-") for one in described.split("+")]
        labels.append([drawing.CLASS_NAMES.index(kind) for kind, _ in both])
        facets.append(" + ".join(facet for _, facet in both))
        masks.append(
            np.stack([_array(folder.parent / "pairs_masks" / f"{number}_{k}.png") > 0 for k in (0, 1)])
        )
    pixels = torch.cat([images.to_pixels(_array(file)) for file in files[:count]])
    return pixels, torch.tensor(labels), torch.from_numpy(np.stack(masks)), facets


def _array(file: Path) -> np.ndarray:
    try:
        with Image.open(file) as picture:
            return np.asarray(picture)
    except OSError as error:
        raise FileNotFoundError(
            f"{file} is missing or damaged ({error}). Bring it back with  git checkout -- data/picturebook"
        ) from error


def snow(split: str, count: int | None = None, correlated: bool = True, seed: int = 0) -> Pictures:
    """`count` drawn huskies and wolves of 128 px (72 of each if None), alike but for the face; balanced.

    Correlated: every husky on snow, every wolf on grass. Otherwise the same animals in the same order, every
    second pair on the other's ground. The facets are the grounds. The order is fixed, a smaller count is the
    beginning of a larger one; another seed gives other animals, and "train" and "test" share none at any seed.
    """
    if split not in SNOW_SPLITS:
        raise unknown("split", split, SNOW_SPLITS)
    class_names, grounds = list(shortcut.FACES), list(shortcut.GROUNDS)
    count = 72 * len(class_names) if count is None else count
    if count < 1:
        raise ValueError(f"the snow pictures are at least one, not {count}.")
    labels, swapped = _snow_order(count, seed)
    first = 2_000_000 * seed + SNOW_SPLITS.index(split)  # even seeds are for train, odd ones for test
    drawn = [
        shortcut.draw(class_names[label], grounds[label ^ (swap and not correlated)], first + 2 * index)
        for index, (label, swap) in enumerate(zip(labels, swapped, strict=True))
    ]
    return Pictures(
        torch.cat([images.to_pixels(picture.pixels) for picture in drawn]),
        torch.tensor(labels),
        torch.from_numpy(np.stack([picture.mask for picture in drawn])),
        [picture.facet for picture in drawn],
        class_names,
    )


def _snow_order(count: int, seed: int) -> tuple[list[int], list[bool]]:
    """Labels in mixed pairs of both classes; of every two pairs, which one may change its grounds."""
    labels, swapped = [], []
    for number in range(-(-count // 4)):
        rng = np.random.default_rng((seed, number))
        labels += [*rng.permutation(2).tolist(), *rng.permutation(2).tolist()]
        swapped += np.repeat(rng.permutation(2).astype(bool), 2).tolist()
    return labels[:count], swapped[:count]


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


def pictures(name: str | os.PathLike = "picturebook") -> Pictures:
    """What a lesson looks at: "picturebook" (its test split), "caltech101", or a folder of your own, by its path.

    Of Caltech-101 these are the photographs of WITHHELD, the ten kinds that no bundled network has seen, in rounds
    like the drawings: every kind once, then every kind again, as long as there are some.
    """
    if name == "picturebook":
        return picturebook("test")
    if name != "caltech101":
        return folder(name)
    files, names = caltech101()
    kinds = [[file for file, label in files if names[label] == kind] for kind in WITHHELD]
    rounds = [(file, label) for turn in zip_longest(*kinds) for label, file in enumerate(turn) if file]
    pixels = torch.cat([images.to_pixels(file, 128) for file, _ in rounds])
    labels = torch.tensor([label for _, label in rounds])
    return Pictures(pixels, labels, None, None, [kind.replace("_", " ") for kind in WITHHELD])


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
