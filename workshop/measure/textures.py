"""Measures what takes too long for lesson 13: every drawn texture made by every method.

python3 -m workshop.measure.textures [NAME …]      some textures; all twelve if none is named

writes data/textures.json.
"""

import json
import sys

import torch
from torch import Tensor

from cs231n_viz import data, models
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import texture

LAYERS = ("relu1", "relu2", "relu3_2")
SIDE, WINDOW = 96, 11  # pixels of the sample and of what is made; of the window
FILE = data_dir() / "textures.json"


def main(arguments: list[str] | None = None) -> None:
    """Measure these textures, or all, and put them beside what the file holds of the others."""
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for name in arguments or data.DRAWN_TEXTURES:
        found[name] = measured(name)
        found = {known: found[known] for known in data.DRAWN_TEXTURES if known in found}
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
        print(name, flush=True)


def measured(name: str) -> dict[str, dict[str, float]]:
    """{method: patch distance, mean Gram error and, where copied, the share copied together}."""
    model, found = models.load("coursenet", device="cpu"), {}
    sample, whole = data.texture(name, SIDE), data.texture(name, 512)
    for method, (image, sources) in made(model, whole, sample).items():
        errors = texture.gram_errors(model, image, sample, LAYERS)
        found[method] = {
            "patch": float(texture.patch_distances(image, sample).median()),
            "gram": sum(map(float, errors.values())) / len(errors),
        }
        if sources is not None:
            found[method]["together"] = texture.copied_together(sources)
    return {
        method: {key: round(value, 4) for key, value in each.items()}
        for method, each in found.items()
    }


def made(model, whole: Tensor, sample: Tensor) -> dict[str, tuple[Tensor, Tensor | None]]:
    """By each method, or to compare with: (a picture as large as the sample, its sources)."""
    side, generator = sample.shape[3], torch.Generator().manual_seed(0)
    *_, scanned = texture.scanline_steps(sample, side, WINDOW)
    *_, grown = texture.efros_leung_steps(sample, side, WINDOW)
    order = torch.randperm(side * side, generator=generator)
    return {
        "scanline": (scanned.image, scanned.sources),
        "Efros-Leung": (grown.image, grown.sources),
        "Gram": (texture.synthesize(model, sample, LAYERS), None),
        "a second cut": (whole[..., :side, :side], None),
        "its pixels shuffled": (sample.flatten(2)[..., order].view_as(sample), None),
        "noise": (torch.rand(sample.shape, generator=generator), None),
    }


if __name__ == "__main__":
    main(sys.argv[1:])
