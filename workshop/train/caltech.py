"""Caltech-101 (Fei-Fei, Fergus & Perona 2004) as uint8 tensors, with the course's fixed splits."""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from cs231n_viz import data

# pictures are kept as squares of this side: crops at 112 to 128 px find all the detail they need
SIDE = 144
EVERY = 6  # every sixth picture of a kind is held out


class Photographs(NamedTuple):
    pictures: Tensor  # uint8 (N, 3, side, side)
    labels: Tensor  # (N,) indices into names
    held_out: Tensor  # (N,) bool
    names: list[str]


def load(withheld: bool = False, side: int = SIDE) -> Photographs:
    """The photographs of the 91 kinds to learn, or of the ten withheld kinds, as squares."""
    files, names = data.caltech101()
    if missing := set(data.WITHHELD) - set(names):
        raise ValueError(
            f"this Caltech-101 has no {', '.join(sorted(missing))}: is it whole? "
            f"It has {len(names)} kinds."
        )
    kept = [name for name in names if (name in data.WITHHELD) == withheld]
    chosen = [(path, kept.index(names[label])) for path, label in files if names[label] in kept]
    pictures = torch.from_numpy(np.stack([_square(path, side) for path, _ in chosen]))
    held_out = [int(path.stem.removeprefix("image_")) % EVERY == 0 for path, _ in chosen]
    return Photographs(
        pictures.permute(0, 3, 1, 2).contiguous(),
        torch.tensor([label for _, label in chosen]),
        torch.tensor(held_out),
        [name.replace("_", " ") for name in kept],
    )


def _square(path: Path, length: int) -> np.ndarray:
    """The middle of a photograph, its shorter side scaled to `length`: (length, length, 3)."""
    with Image.open(path) as picture:
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(
            picture.convert("RGB").resize((length, length), Image.Resampling.BICUBIC, box=box)
        )
