"""Caltech-101 (Fei-Fei, Fergus & Perona 2004) as one uint8 tensor, with the course's fixed split."""

from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from .. import data

SIDE = 144  # pictures are kept as squares of this side: crops at 112 to 128 px find all the detail they need
EVERY = 6  # every sixth picture of a kind is held out


def load() -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """pictures uint8 (N, 3, 144, 144), labels (N,), held out (N,) bool, names of the 101 kinds."""
    files, names = data.caltech101()
    pictures = torch.from_numpy(np.stack([_square(path) for path, _ in files]))
    held_out = [int(path.stem.removeprefix("image_")) % EVERY == 0 for path, _ in files]
    labels = torch.tensor([label for _, label in files])
    return (
        pictures.permute(0, 3, 1, 2).contiguous(),
        labels,
        torch.tensor(held_out),
        [name.replace("_", " ") for name in names],
    )


def _square(path: Path) -> np.ndarray:
    """The middle of a photograph, its shorter side scaled to SIDE: (SIDE, SIDE, 3)."""
    with Image.open(path) as picture:
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
