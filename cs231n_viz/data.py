"""Pictures, all read from files: photos, textures, paintings, drawings, your own folders.

Stored results of experiments that take too long for a lesson: `measured`, `sheet` and `weights`.
"""

import json
import os
import warnings
from collections.abc import Callable, Iterator, Sequence
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
from .errors import known, unknown, whole
from .places import data_dir, datasets_dir


class Cut(NamedTuple):
    source: str  # a painting, or a file below the folder of installed packages
    square: tuple[int, int, int]  # top, left, side; of a photo, the part that its subject fills
    credit: str = ""
    scale: float = 1


PAINTINGS = ("night", "points", "mosaic", "glass", "ink", "woodcut", "watercolour", "cubist")
PAINTINGS += ("folk", "autumn")
DRAWN_TEXTURES = ("brick_wall", "roof_tiles", "pebbles", "basket", "leaves", "scales", "cells")
DRAWN_TEXTURES += ("dotted_cloth", "wood", "letters", "honeycomb", "marbled_paper")
# The kinds of the Picturebook, in the order of the classes
KINDS = ("sailboat", "house", "tree", "flower", "fish", "butterfly", "car", "balloon", "mushroom")
KINDS += ("cat", "dalmatian", "owl", "fox", "ladybird", "teapot", "rocket")
BRING_BACK = "Bring it back with  git checkout -- data  (or install the course anew)."
NEVER_READ = {"BUFR", "GRIB", "HDF5", "MPEG", "WMF"}  # Pillow opens these, and cannot decode them
HIDDEN = (".", "__MACOSX", "Thumbs.db", "desktop.ini")  # how names begin that nobody looks for
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
    return list(_cuts("photos"))


def photo(name: str, size: int | None = 224) -> Tensor:
    """A photo cropped to its subject, a square (1, 3, size, size); size=None: the whole photo."""
    found = _photo(name)
    return _packaged(found.source) if size is None else images.to_pixels(_square(found), size)


def photo_credit(name: str) -> str:
    """Who took the photo, and its licence."""
    return _photo(name).credit


def photo_pieces(side: int, without: Sequence[str]) -> Tensor:
    """All photos but those named, each whole and in quarters: (N, 3, side, side)."""
    names = [name for name in photo_names() if name not in without]
    whole = torch.cat([photo(name, side) for name in names])
    large = torch.cat([photo(name, 2 * side) for name in names])
    quarters = large.unfold(2, side, side).unfold(3, side, side).permute(0, 2, 3, 1, 4, 5)
    return torch.cat([whole, quarters.flatten(0, 2)])


def _photo(name: str) -> Cut:
    known("photo", name, photos := _cuts("photos"))
    return photos[name]


def _cuts(kind: str) -> dict[str, Cut]:
    """{name: where it comes from}, of "photos" or "textures"."""
    return {name: Cut(**about) for name, about in measured("photos")[kind].items()}


def _packaged(file: str) -> Tensor:
    package, _, rest = file.partition("/")
    folder = Path(find_spec(package).origin).parent  # finding imports nothing
    return images.to_pixels(folder / rest)


def painting_names() -> list[str]:
    """Names of the course's own paintings, each in another style and material."""
    return list(PAINTINGS)


def painting(name: str, size: int = 512) -> Tensor:
    """One of the paintings, whole: (1, 3, size, size), scaled down from 512 pixels, never up."""
    known("painting", name, PAINTINGS)
    whole("the size of a painting", size, 2, 512)
    return _stored(f"paintings/{name}.jpg", lambda path: images.to_pixels(path, size))


def texture_names() -> list[str]:
    """Names of the textures: drawn, cut from photos and paintings, and three grey photos."""
    return [*DRAWN_TEXTURES, *_cuts("textures")]


def texture(name: str, size: int = 256) -> Tensor:
    """The central crop (1, 3, size, size) of one of the textures, never scaled."""
    if name in DRAWN_TEXTURES:
        pixels = _stored(f"textures/{name}.webp", images.to_pixels)
    else:
        known("texture", name, texture_names(), most=30)
        cut = _cuts("textures")[name]
        pixels = images.to_pixels(_square(cut), round(cut.square[2] * cut.scale))
    side = pixels.shape[-1]
    start = (side - whole(f"the size of the texture {name!r}", size, 2, side)) // 2
    return pixels[..., start : start + size, start : start + size].clone()


def _square(cut: Cut) -> Tensor:
    top, left, side = cut.square
    source = painting(cut.source) if cut.source in PAINTINGS else _packaged(cut.source)
    return source[..., top : top + side, left : left + side]


def picturebook(split: str, count: int | None = None) -> Pictures:
    """Drawings of 128 px with exact masks: "test", 72 of each kind, or "pairs", 60 of two objects.

    The order is fixed. That of "test" comes in rounds that hold every class once, so a smaller
    count is the beginning of a larger one, and balanced.
    """
    known("split", split, ("test", "pairs"))
    most = 60 if split == "pairs" else 72 * len(KINDS)
    count = most if count is None else whole("the count of drawings", count, 1, most)
    drawn = _pairs(count) if split == "pairs" else _singles(count)
    pixels, labels, masks, facets = map(list, zip(*drawn, strict=True))
    names = [f"drawn {kind}" for kind in KINDS]  # not the classes of photographs
    return Pictures(torch.cat(pixels), torch.tensor(labels), torch.stack(masks), facets, names)


def _singles(count: int) -> Iterator[tuple]:
    """Stored as cat/007_cat.webp, with the mask cat/007.png: the kind, a number and the facet."""
    for index, label in enumerate(measured("picturebook/order")[:count]):
        name = f"{KINDS[label]}/{index // len(KINDS):03}"
        file, mask = f"picturebook/test/{name}_*.webp", f"picturebook/test_masks/{name}.png"
        yield _stored(file, images.to_pixels), label, _mask(mask), _said(file)


def _pairs(count: int) -> Iterator[tuple]:
    """Stored as 07_cat-cat+tree-pine.webp, with the masks 07_0.png (cat) and 07_1.png (tree)."""
    for number in range(count):
        file = f"picturebook/pairs/{number:02}_*.webp"
        kinds, facets = zip(*(one.split("-") for one in _said(file).split("+")), strict=True)
        masks = [_mask(f"picturebook/pairs_masks/{number:02}_{part}.png") for part in (0, 1)]
        labels, pixels = [*map(KINDS.index, kinds)], _stored(file, images.to_pixels)
        yield pixels, labels, torch.stack(masks), " + ".join(facets)


def _said(file: str) -> str:
    """What the name of a drawing says behind its number."""
    return _bundled(file).stem.partition("_")[2]


def snow(split: str, count: int | None = None, correlated: bool = True) -> Pictures:
    """Drawings of huskies and wolves that differ only in the face, 128 px, at most 72 of each.

    split: "train" or "test". Correlated: every husky on snow, every wolf on grass. Otherwise the
    same animals in the same order, but with the grounds swapped in every second pair. `facets` are
    the grounds. The order is fixed, and a smaller count is the beginning of a larger one.
    """
    known("split", split, SNOW_SPLITS)
    count = SNOW_COUNT if count is None else whole("the count of pictures", count, 1, SNOW_COUNT)
    own, other = (sheet(f"snow/{split}_{ground}", 128)[:count] for ground in ("own", "other"))
    labels, swapped = (measured("snow/order")[key][:count] for key in ("labels", "swapped"))
    swapped = torch.tensor(swapped) & (not correlated)
    masks = sheet(f"snow/{split}_masks", 128)[:count, 0] > 0.5
    grounds = [GROUNDS[label ^ swap] for label, swap in zip(labels, swapped.tolist(), strict=True)]
    pixels = torch.where(swapped[:, None, None, None], other, own)
    return Pictures(pixels, torch.tensor(labels), masks, grounds, ["husky", "wolf"])


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

    The names of the (sub-)folders are the class names, sorted; what lies deeper belongs to the
    class of its sub-folder. Hidden files are left out, links followed. Files that are no pictures
    (by their suffix) and sub-folders without any are named in one warning, pictures that cannot be
    read in one error.
    """
    top, size = Path(path).expanduser(), whole("the size of the pictures", size, 1)
    files = _labelled_files(top)
    pixels, broken = [], []
    for file, _ in files:
        try:
            pixels.append(images.to_pixels(file, size))
        except (ValueError, OSError) as error:
            broken.append(f"\n  {error}" if str(file) in str(error) else f"\n  {file}: {error}")
    if broken:
        listed = "".join(broken[:10]) + ("\n  …" if len(broken) > 10 else "")
        unread = f"{len(broken)} of the {len(files)} pictures in {top} cannot be read"
        raise ValueError(f"{unread}. Replace them or move them out of the folder:{listed}")
    class_names = list(dict.fromkeys(name for _, name in files))
    labels = torch.tensor([class_names.index(name) for _, name in files])
    return Pictures(torch.cat(pixels), labels, None, None, class_names)


def _labelled_files(top: Path) -> list[tuple[Path, str]]:
    """(file, class name), sorted: the folder's own pictures, or else those of its sub-folders."""
    if not top.is_dir():
        near = [item.name for item in _folders_of(top.parent)] if top.parent.is_dir() else []
        hint = unknown("folder", top.name, near, most=6) if near else f"you are in {Path.cwd()}."
        raise FileNotFoundError(f"there is no folder {top}: {hint}")
    found, formats = [*_contents(top)], Image.registered_extensions()
    readable = {"MPO", *Image.OPEN} - NEVER_READ
    files = [item for item in found if formats.get(item.suffix.lower()) in readable]
    own = [file for file in files if file.parent == top]
    if own and len(own) < len(files):
        hint = f"give one of these, or move the pictures ({own[0].name} …) into one of their class"
        raise ValueError(f"{top} holds pictures and also sub-folders of pictures: {hint}.")
    others = [str(item.relative_to(top)) for item in sorted({*found} - {*files})]
    listed = ", ".join(others[:6]) + (", …" if len(others) > 6 else "")
    if not files:
        raise ValueError(f"there is no picture in {top} or below (found: {listed or 'nothing'}).")
    if others:
        warnings.warn(f"no pictures, left out of {top}: {len(others)} ({listed}).", stacklevel=3)
    return [(file, top.resolve().name if own else file.relative_to(top).parts[0]) for file in files]


def _contents(folder: Path, above: tuple[Path, ...] = ()) -> Iterator[Path]:
    """Its files at any depth and its empty sub-folders, sorted; no link is followed in a circle."""
    items = [item for item in sorted(folder.iterdir()) if not item.name.startswith(HIDDEN)]
    if above and not items:
        yield folder
    above = (folder.resolve(), *(above or folder.resolve().parents))
    for item in items:
        if not item.is_dir():
            yield item
        elif item.resolve() not in above:
            yield from _contents(item, above)


def _folders_of(top: Path) -> list[Path]:
    return sorted(part for part in top.iterdir() if part.is_dir())


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
    rounds = [one for turn in zip_longest(*kinds) for one in enumerate(turn) if one[1]]
    pixels = torch.cat([images.to_pixels(file, 128) for _, file in rounds])
    labels = torch.tensor([label for label, _ in rounds])
    return Pictures(pixels, labels, None, None, [kind.replace("_", " ") for kind in WITHHELD])


def caltech101() -> tuple[list[tuple[Path, int]], list[str]]:
    """Caltech-101 (Fei-Fei, Fergus & Perona 2004), where present: [(path, label)], class names."""
    top = datasets_dir() / "caltech101" / "101_ObjectCategories"
    if not top.is_dir():
        hint = "Set CS231N_VIZ_DATA to the folder that holds caltech101/"
        fetch = "get it with  python3 -m cs231n_viz fetch caltech101  (137 MB)"
        raise FileNotFoundError(f"Caltech-101 is not in {datasets_dir()}. {hint}, or {fetch}.")
    parts = [part for part in _folders_of(top) if part.name != "BACKGROUND_Google"]
    found = [sorted(part.glob("*.jpg")) for part in parts]
    files = [(file, label) for label, some in enumerate(found) for file in some]
    return files, [part.name for part in parts]
