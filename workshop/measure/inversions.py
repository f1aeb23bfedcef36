"""Measures what takes too long for lesson 12: drawings inverted from every depth.

    python3 -m workshop.measure.inversions [LAYER …]

Some layers; all if none is named: about 6 minutes. Into data/inversions.json.
"""

import json
import sys
from typing import NamedTuple

import torch
from torch import Tensor

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import feature_distance
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import inversion

LAYERS = ("relu1", "relu2", "relu3_2", "relu4_2", "relu5", "code")
# drawings, one of each kind; how many of them from a second start; steps each
COUNT, AGAIN, STEPS = 16, 8, 80
FLAT = 1e-3  # a sum of squares below this may be rounding
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
def measured(layer: str, count: int = COUNT, again: int = AGAIN) -> dict[str, list]:
    """{measure: one number per drawing} of its inversion, of the baselines, and of two starts."""
    model, second = (models.load(name, device="cpu") for name in ("coursenet", "coursenet_b"))
    # in rounds: the second one holds another drawing of each kind
    drawn = data.picturebook("test", 2 * COUNT)
    others = drawn.labels[COUNT:].tolist()
    twins = [COUNT + others.index(label) for label in drawn.labels[:count].tolist()]
    pixels = drawn.pixels[:count]
    made = inverted(model, pixels, layer, seed=0)
    other = inverted(model, pixels[:again], layer, seed=1)
    pictures = {"": made, ", another of its kind": drawn.pixels[twins]}
    pictures |= baselines(model, pixels, made)
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


def inverted(model: models.PixelModel, pixels: Tensor, layer: str, seed: int) -> Tensor:
    """The inversions of pictures (N, 3, H, W), one by one."""
    runs = (inversion.invert(model, one, layer, steps=STEPS, seed=seed) for one in pixels.split(1))
    return torch.cat(list(runs))


def baselines(model: models.PixelModel, pixels: Tensor, made: Tensor) -> dict[str, Tensor]:
    """Baselines for inversions `made` of `pixels`: flat, hardly changed, noisy, generated."""
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    off, size = (_root_mean_square(each) for each in (made - pixels, noise))
    painted = models.load_generator(device="cpu")(activations_at(model, pixels, "code"))
    return {
        ", grey": model.mean.expand_as(pixels),
        ", own mean colour": pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels),
        ", moved by a pixel": pixels.roll(1, dims=3),
        ", with noise of 0.02": (pixels + 0.02 * noise).clamp(0, 1),
        ", with noise of the same PSNR": pixels + off * noise / size,
        ", painted": painted,
        ", painted from another's code": painted.roll(1, dims=0),
    }


def _root_mean_square(values: Tensor) -> Tensor:
    return values.square().mean(dim=(1, 2, 3), keepdim=True).sqrt()


def compared(model, second, layer: str, made: Tensor, pixels: Tensor) -> dict[str, list]:
    """{measure: N numbers} that compare pictures `made` with `pixels`, both (N, 3, H, W)."""
    errors, alike = color_errors(made, pixels), correlations(made, pixels)
    own, seconds = (
        network(made).argmax(dim=1) == network(pixels).argmax(dim=1) for network in (model, second)
    )
    strangers = [_shift(made, pixels.roll(turn, dims=0)) for turn in (1, 2, 3)]
    found = {
        "features": feature_distance(model, layer, activations_at(model, pixels, layer))(made),
        "psnr": inversion.psnr(made, pixels),
        "light": errors.light,
        "color": errors.color,
        "light correlation": alike.light,
        "color correlation": alike.color,
        "same answer": own.float(),
        "same answer, second network": seconds.float(),
        "shift": _shift(made, pixels),
        "shift to a stranger": torch.stack(strangers).mean(dim=0),
    }
    return {measure: _rounded(values) for measure, values in found.items()}


class LightAndColor(NamedTuple):
    light: Tensor  # (N,) of the brightness, (R + G + B) / √3
    color: Tensor  # (N,) of the rest, the two directions of colour without brightness


def color_errors(image: Tensor, reference: Tensor) -> LightAndColor:
    """Relative errors Σ (x − x₀)² / Σ (x₀ − its mean)², separately of brightness and of colour.

    0: equal. 1: as far off as the mean colour everywhere. NaN where the reference does not vary: a
    grey one has no colour to compare with.
    """
    wrong, centered = image - reference, _centered(reference)
    error, size = _products(wrong, wrong), _products(centered, centered)
    return LightAndColor(*torch.where(size > FLAT, error / size, torch.nan))


def correlations(image: Tensor, reference: Tensor) -> LightAndColor:
    """Pearson's r of image and reference, separately of brightness and of colour.

    1: the same pattern, at any contrast. 0: no relation, or a flat picture. Below 0: reversed.
    """
    one, other = _centered(image), _centered(reference)
    size = (_products(one, one) * _products(other, other)).sqrt()
    return LightAndColor(*(_products(one, other) / size.clamp(min=FLAT)))


def _centered(pixels: Tensor) -> Tensor:
    return pixels - pixels.mean(dim=(2, 3), keepdim=True)


def _products(one: Tensor, other: Tensor) -> Tensor:
    """Σ one · other over pixels, separately of brightness and of colour: (2, N)."""
    pairs = zip(_light_and_color(one), _light_and_color(other), strict=True)
    return torch.stack([(a * b).flatten(1).sum(dim=1) for a, b in pairs])


def _light_and_color(pixels: Tensor) -> tuple[Tensor, Tensor]:
    """Brightness (N, 1, H, W), colour (N, 3, H, W): their squares add up to those of the pixels."""
    mean = pixels.mean(dim=1, keepdim=True)
    return pixels.shape[1] ** 0.5 * mean, pixels - mean


def _apart(first: Tensor, second: Tensor, reference: Tensor) -> list[float]:
    """‖first − second‖² / ‖reference‖², of a reference picture without its mean colour."""
    if reference.shape[1] == 3:
        reference = _centered(reference)
    distance, size = (each.square().flatten(1).sum(dim=1) for each in (first - second, reference))
    return _rounded(distance / size)


def _rounded(values: Tensor) -> list[float]:
    return [round(value, 4) for value in values.tolist()]


def _shift(image: Tensor, reference: Tensor) -> Tensor:
    """The length of the best shift, (N,)."""
    return inversion.best_shift(image, reference).float().norm(dim=1)


if __name__ == "__main__":
    main(sys.argv[1:])
