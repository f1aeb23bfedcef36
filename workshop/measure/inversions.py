"""Measures what takes too long for lesson 12: drawings inverted from every depth, into
data/inversions.json.

python3 -m workshop.measure.inversions [LAYER …]      some layers; all if none is named: about 6 minutes
"""

import json
import sys

import torch
from torch import Tensor

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import feature_distance
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import inversion

LAYERS = ("relu1", "relu2", "relu3_2", "relu4_2", "relu5", "code")
COUNT, AGAIN, STEPS = (
    16,
    8,
    80,
)  # drawings, one of each kind; how many of them from a second start; steps each
FILE = data_dir() / "inversions.json"


def main(arguments: list[str] | None = None) -> None:
    """Measure these layers, or all, and put them beside what the file holds of the others."""
    found = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    for layer in arguments or LAYERS:
        found[layer] = measured(layer)
        found = {known: found[known] for known in LAYERS if known in found}
        FILE.write_text(json.dumps(found, indent=1) + "\n", encoding="utf-8", newline="\n")
        print(layer, flush=True)


@torch.no_grad()
def measured(
    layer: str, count: int = COUNT, again: int = AGAIN, steps: int = STEPS
) -> dict[str, list]:
    """For each drawing what `compared` says of its inversion, of pictures made without a search,
    and of two starts.
    """
    model, second = (models.load(name, device="cpu") for name in ("coursenet", "coursenet_b"))
    drawn = data.picturebook(
        "test", 2 * COUNT
    )  # in rounds: the second one holds another drawing of each kind
    twins = torch.stack(
        [(drawn.labels[COUNT:] == label).nonzero()[0, 0] + COUNT for label in drawn.labels[:count]]
    )
    pixels = drawn.pixels[:count]
    made, other = (
        torch.cat(
            [inversion.invert(model, one, layer, steps=steps, seed=seed) for one in some.split(1)]
        )
        for seed, some in enumerate((pixels, pixels[:again]))
    )
    pictures = {"": made, ", another of its kind": drawn.pixels[twins]} | unsearched(
        model, pixels, made
    )
    found = {
        measure + name: values
        for name, some in pictures.items()
        for measure, values in compared(model, second, layer, some, pixels).items()
    }
    ends = made[:again], other, pixels[:again]
    found["pixels of two starts"] = _apart(*ends)
    found["pixels from the drawing"] = _apart(made, pixels, pixels)
    found["features of two starts"] = _apart(*(activations_at(model, some, layer) for some in ends))
    return found


def unsearched(model: models.PixelModel, pixels: Tensor, made: Tensor) -> dict[str, Tensor]:
    """Pictures to hold `made`, the inversions of `pixels`, against: flat, hardly changed, as far
    off, and painted.
    """
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    off = (made - pixels).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    painted = models.load_generator(device="cpu")(activations_at(model, pixels, "code"))
    return {
        ", grey": model.mean.expand_as(pixels),
        ", own mean colour": pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels),
        ", moved by a pixel": pixels.roll(1, dims=3),
        ", with noise of 0.02": (pixels + 0.02 * noise).clamp(0, 1),
        ", with noise of the same PSNR": pixels
        + off * noise / noise.square().mean(dim=(1, 2, 3), keepdim=True).sqrt(),
        ", painted": painted,
        ", painted from another's code": painted.roll(1, dims=0),
    }


def compared(model, second, layer: str, made: Tensor, pixels: Tensor) -> dict[str, list]:
    """The lesson's measures of pictures made (N, 3, H, W) after pixels (N, 3, H, W), N numbers
    each.
    """
    errors, alike = inversion.color_errors(made, pixels), inversion.correlations(made, pixels)
    strangers = [pixels.roll(turn, dims=0) for turn in (1, 2, 3)]
    found = {
        "features": feature_distance(model, layer, activations_at(model, pixels, layer))(made),
        "psnr": inversion.psnr(made, pixels),
        "light": errors.light,
        "color": errors.color,
        "light correlation": alike.light,
        "color correlation": alike.color,
        "same answer": (model(made).argmax(dim=1) == model(pixels).argmax(dim=1)).float(),
        "same answer, second network": (
            second(made).argmax(dim=1) == second(pixels).argmax(dim=1)
        ).float(),
        "shift": _length(inversion.best_shift(made, pixels)),
        "shift to a stranger": torch.stack(
            [_length(inversion.best_shift(made, some)) for some in strangers]
        ).mean(dim=0),
    }
    return {
        measure: [round(value, 4) for value in values.tolist()] for measure, values in found.items()
    }


def _apart(first: Tensor, second: Tensor, reference: Tensor) -> list[float]:
    """‖first − second‖² / ‖reference − its mean‖² of pictures, ‖first − second‖² / ‖reference‖² of
    features.
    """
    if reference.shape[1] == 3:
        reference = reference - reference.mean(dim=(2, 3), keepdim=True)
    distance = (first - second).square().flatten(1).sum(dim=1) / reference.square().flatten(1).sum(
        dim=1
    )
    return [round(value, 4) for value in distance.tolist()]


def _length(shift: Tensor) -> Tensor:
    return shift.float().norm(dim=1)


if __name__ == "__main__":
    main(sys.argv[1:])
