"""Measures what takes too long for lesson 13: every drawn texture made by every method, into
data/textures.json.

python3 -m workshop.measure.textures [NAME …]      some textures; all twelve if none is named
"""

import json
import sys

import torch
from torch import Tensor

from cs231n_viz import data, models
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import texture
from workshop.drawing.textures import TEXTURE_NAMES

LAYERS = ("relu1", "relu2", "relu3_2")
SIDE, WINDOW = 96, 11  # pixels of the sample and of what is made; of the window
FILE = data_dir() / "textures.json"


def main(arguments: list[str] | None = None) -> None:
    """Measure these textures, or all, and put them beside what the file holds of the others."""
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in arguments or TEXTURE_NAMES:
        found[name] = measured(name)
        found = {known: found[known] for known in TEXTURE_NAMES if known in found}
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
        print(name, flush=True)


def measured(name: str, side: int = SIDE) -> dict[str, dict[str, float]]:
    """Of each picture: the distance of a usual patch, the mean Gram error, and, where copied, how
    much of it together.
    """
    sample, model = data.texture(name, side), models.load(device="cpu")
    found = {}
    for method, (image, sources) in made(model, name, sample).items():
        errors = texture.gram_errors(model, image, sample, LAYERS)
        found[method] = {
            "patch": float(texture.patch_distance(image, sample)),
            "gram": sum(map(float, errors.values())) / len(errors),
        }
        if sources is not None:
            found[method]["together"] = texture.copied_together(sources)
    return {
        method: {key: round(value, 4) for key, value in each.items()}
        for method, each in found.items()
    }


def made(model, name: str, sample: Tensor) -> dict[str, tuple[Tensor, Tensor | None]]:
    """By each method a picture as large as the sample, and where its pixels come from; and pictures
    to compare with.
    """
    side, generator = sample.shape[3], torch.Generator().manual_seed(0)
    grown = {
        "scanline": texture.scanline_steps(sample, side, WINDOW),
        "Efros-Leung": texture.efros_leung_steps(sample, side, WINDOW),
    }
    order = torch.randperm(side * side, generator=generator)
    return {
        **{
            method: (steps[-1].image, steps[-1].sources)
            for method, walk in grown.items()
            for steps in [list(walk)]
        },
        "Gram": (texture.synthesize(model, sample, LAYERS), None),
        "a second cut": (data.texture(name, 512)[..., :side, :side], None),
        "its pixels shuffled": (sample.flatten(2)[..., order].view_as(sample), None),
        "noise": (torch.rand(sample.shape, generator=generator), None),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
