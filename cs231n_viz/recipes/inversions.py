"""Measures what takes too long for lesson 12: drawings inverted from every depth, into data/inversions.json.

python3 -m cs231n_viz.recipes.inversions [LAYER …]      some layers; all if none is named: about 6 minutes
"""

import json
import statistics
import sys
from collections.abc import Mapping, Sequence

import matplotlib
import torch
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from torch import Tensor

from .. import data, models, plot
from ..activations import activations_at
from ..objectives import feature_distance
from ..places import data_dir
from ..techniques import inversion
from ..techniques.truth import Share, share

LAYERS = ("relu1", "relu2", "relu3_2", "relu4_2", "relu5", "code")
COUNT, AGAIN, STEPS = 16, 8, 80  # drawings, one of each kind; how many of them from a second start; steps each
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
def measured(layer: str, count: int = COUNT, again: int = AGAIN, steps: int = STEPS) -> dict[str, list]:
    """For each drawing what `compared` says of its inversion, of pictures made without a search, and of two starts."""
    model, second = (models.load(name, device="cpu") for name in ("coursenet", "coursenet_b"))
    drawn = data.picturebook("test", 2 * COUNT)  # in rounds: the second one holds another drawing of each kind
    twins = torch.stack([(drawn.labels[COUNT:] == label).nonzero()[0, 0] + COUNT for label in drawn.labels[:count]])
    pixels = drawn.pixels[:count]
    made, other = (
        torch.cat([inversion.invert(model, one, layer, steps=steps, seed=seed) for one in some.split(1)])
        for seed, some in enumerate((pixels, pixels[:again]))
    )
    pictures = {"": made, ", another of its kind": drawn.pixels[twins]} | unsearched(model, pixels, made)
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
    """Pictures to hold `made`, the inversions of `pixels`, against: flat, hardly changed, as far off, and painted."""
    noise = torch.randn(pixels.shape, generator=torch.Generator().manual_seed(0))
    off = (made - pixels).square().mean(dim=(1, 2, 3), keepdim=True).sqrt()
    painted = models.load_generator(device="cpu")(activations_at(model, pixels, "code"))
    return {
        ", grey": model.mean.expand_as(pixels),
        ", own mean colour": pixels.mean(dim=(2, 3), keepdim=True).expand_as(pixels),
        ", moved by a pixel": pixels.roll(1, dims=3),
        ", with noise of 0.02": (pixels + 0.02 * noise).clamp(0, 1),
        ", with noise of the same PSNR": pixels + off * noise / noise.square().mean(dim=(1, 2, 3), keepdim=True).sqrt(),
        ", painted": painted,
        ", painted from another's code": painted.roll(1, dims=0),
    }


def compared(model, second, layer: str, made: Tensor, pixels: Tensor) -> dict[str, list]:
    """The lesson's measures of pictures made (N, 3, H, W) after pixels (N, 3, H, W), N numbers each."""
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
        "same answer, second network": (second(made).argmax(dim=1) == second(pixels).argmax(dim=1)).float(),
        "shift": _length(inversion.best_shift(made, pixels)),
        "shift to a stranger": torch.stack([_length(inversion.best_shift(made, some)) for some in strangers]).mean(dim=0),
    }
    return {measure: [round(value, 4) for value in values.tolist()] for measure, values in found.items()}


def _apart(first: Tensor, second: Tensor, reference: Tensor) -> list[float]:
    """‖first − second‖² / ‖reference − its mean‖² of pictures, ‖first − second‖² / ‖reference‖² of features."""
    if reference.shape[1] == 3:
        reference = reference - reference.mean(dim=(2, 3), keepdim=True)
    distance = (first - second).square().flatten(1).sum(dim=1) / reference.square().flatten(1).sum(dim=1)
    return [round(value, 4) for value in distance.tolist()]


def _length(shift: Tensor) -> Tensor:
    return shift.float().norm(dim=1)


# --- the lesson's charts ----------------------------------------------------------------------------------------------


def median(values: Sequence[float]) -> Share:
    """The median, and between which two values the middle half lies."""
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Share(middle, low, high)


def answers(values: Sequence[float]) -> Share:
    """The share of ones, with its 95 % interval."""
    return share(torch.tensor(values) > 0.5)


Lines = Mapping[str, Sequence[Share]]  # the name of a line -> one Share a layer


def chart(panels: Mapping[str, Lines], layers: Sequence[str] = LAYERS, log: Sequence[str] = ()) -> Figure:
    """Panels side by side: for each layer, from shallow to deep, a point with its range for each line."""
    with matplotlib.rc_context(plot.STYLE):
        size = plot.WIDTH / plot.DPI, 4.6
        figure = Figure(figsize=size, dpi=plot.DPI, layout="constrained")
        for axes, (title, lines) in zip(figure.subplots(1, len(panels)), panels.items(), strict=True):
            _draw(axes, lines)
            axes.set_xticks(range(len(layers)), layers, size=10)
            axes.set_xlim(-0.5, len(layers) - 0.5)
            axes.set_title(title, size=13)
            if title in log:
                axes.set_yscale("log")
                axes.yaxis.set_major_formatter("{x:g}")
                axes.yaxis.set_minor_formatter(NullFormatter())
        return figure


def _draw(axes, lines: Lines) -> None:
    kinds = zip("oDs^v", (plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE, plot.QUIET), strict=True)
    for number, ((name, shares), (mark, color)) in enumerate(zip(lines.items(), kinds, strict=False)):
        places = [place + 0.13 * (number - (len(lines) - 1) / 2) for place in range(len(shares))]
        low, high = [one.low for one in shares], [one.high for one in shares]
        axes.vlines(places, low, high, color=color, lw=2, alpha=0.5)
        axes.plot(places, [one.value for one in shares], mark, ls="none", color=color, ms=7, label=name)
    axes.grid(axis="y")
    axes.tick_params(axis="x", length=0)
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.09), fontsize=10, handlelength=1, labelspacing=0.3)


if __name__ == "__main__":
    main(sys.argv[1:])
