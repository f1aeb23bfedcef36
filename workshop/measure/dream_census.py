"""Counts which classes networks predict for their dreams, and saw in training, for lesson 11.

python3 -m workshop.measure.dream_census

writes data/dream_census.json; it needs Caltech-101 and takes some minutes.
"""

import json

import torch
from torch import Tensor

from cs231n_viz import images, models
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import deepdream
from cs231n_viz.transforms import chain, decorrelated_colors, fourier_noise, from_fourier
from workshop import drawing
from workshop.measure import cards
from workshop.train import caltech

STARTS = 32  # of each kind
DREAMS = {"coursenet": "relu5", "drawnet": "relu5"}  # the last layer with positions
# which networks classify the dreams
SEERS = {"coursenet": ("coursenet", "coursenet_b"), "drawnet": ("drawnet",)}
SETTINGS = {"octaves": 3, "scale": 1.3, "steps": 10}
DRAWINGS = 200  # of each Picturebook class in training, see data/README.md


def main() -> None:
    """Dream, count, write."""
    starts = {"skies": skies(STARTS), "noise": noise(STARTS)}
    networks = {name: models.load(name) for name in ("coursenet", "coursenet_b", "drawnet")}
    seen = []
    for dreamer, layer in DREAMS.items():
        for kind, pixels in starts.items():
            dreams = dreamt(networks[dreamer], pixels, layer)
            for seer in SEERS[dreamer]:
                row = {"dreamer": dreamer, "layer": layer, "start": kind, "seer": seer}
                row["before"] = predictions(networks[seer], pixels)
                row["after"] = predictions(networks[seer], dreams)
                seen.append(row)
    census = {"starts": STARTS, "trained": trained(), "seen": seen}
    file = data_dir() / "dream_census.json"
    file.write_text(json.dumps(census, indent=1) + "\n", encoding="utf-8")
    print("data/dream_census.json")


def skies(count: int, side: int = 128) -> Tensor:
    starts = [images.to_pixels(deepdream.clouds(side, side, seed)) for seed in range(count)]
    return torch.cat(starts)


def noise(count: int, side: int = 128) -> Tensor:
    """Noise with about the spectrum and the correlation of colours that photographs have."""
    paint = chain(from_fourier(side, side), lambda values: 40 * values, decorrelated_colors())
    return paint(fourier_noise(side, side, 0, count))


def dreamt(model: models.PixelModel, pixels: Tensor, layer: str) -> Tensor:
    settings = SETTINGS | {"direction": deepdream.laplacian_normalized()}
    return torch.cat([deepdream.dream(model, some, layer, **settings) for some in pixels.split(8)])


def predictions(model: models.PixelModel, pixels: Tensor) -> dict[str, int]:
    """How many of the pictures are predicted to be of each class, for the classes that occur."""
    counts = cards.in_batches(model, pixels).argmax(dim=1).bincount().tolist()
    return {model.class_names[index]: number for index, number in enumerate(counts) if number}


def trained() -> dict[str, int]:
    """How many training pictures CourseNet had of each of its classes."""
    photographs = caltech.load()
    counts = photographs.labels[~photographs.held_out].bincount().tolist()
    drawn = {f"drawn {kind}": DRAWINGS for kind in drawing.CLASS_NAMES}
    return dict(zip(photographs.names, counts, strict=True)) | drawn


if __name__ == "__main__":
    main()
