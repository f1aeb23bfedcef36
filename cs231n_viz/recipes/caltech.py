"""Caltech-101 (Fei-Fei, Fergus & Perona 2004) as one uint8 tensor, with the course's fixed split."""

import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor
from torchvision.datasets import Caltech101

SIDE = 144  # pictures are kept as squares of this side: crops at 112 to 128 px find all the detail they need
EVERY = 6  # every sixth picture of a kind is held out


def load() -> tuple[Tensor, Tensor, Tensor, list[str]]:
    """pictures uint8 (N, 3, 144, 144), labels (N,), held out (N,) bool, names of the 101 kinds."""
    root = Path(os.environ.get("CS231N_VIZ_DATA", Path.home() / ".cache" / "cs231n_viz"))
    if not (root / "caltech101").is_dir():
        raise FileNotFoundError(
            f"Caltech-101 is not in {root}: run python -m cs231n_viz fetch caltech101, or set CS231N_VIZ_DATA to the "
            "folder that holds caltech101/."
        )
    dataset = Caltech101(str(root), download=False)
    labels = torch.tensor(dataset.y)
    # position of each picture within its kind: 1, 2, 3, ...
    position = torch.tensor([number for number in dataset.index])
    pictures = torch.from_numpy(np.stack([_square(dataset, index) for index in range(len(dataset))]))
    names = [name.replace("_", " ") for name in dataset.categories]
    return pictures.permute(0, 3, 1, 2).contiguous(), labels, position % EVERY == 0, names


def _square(dataset: Caltech101, index: int) -> np.ndarray:
    """The whole picture, its shorter side scaled to SIDE and the middle cut out of the longer one."""
    name = f"image_{dataset.index[index]:04d}.jpg"
    path = Path(dataset.root, "101_ObjectCategories", dataset.categories[dataset.y[index]], name)
    with Image.open(path) as picture:
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) / 2, (height - side) / 2
        box = (left, top, left + side, top + side)
        return np.asarray(picture.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BICUBIC, box=box))
