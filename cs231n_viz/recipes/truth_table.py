"""Every heat map of the course against every measure: `python3 -m cs231n_viz.recipes.truth_table`, about 20 minutes.

Lesson 16 shows what this writes, data/truth_table.json, and measures a few pictures of it again before your eyes.
"""

import json
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from typing import NamedTuple

import matplotlib
import torch
from matplotlib.figure import Figure
from torch import Tensor

from .. import data, images, models, plot, transforms
from ..places import data_dir
from ..techniques import cam, guided_backprop, occlusion, saliency, truth
from . import measure

COUNT, BATCH, TOLERANCE = 208, 16, 8  # pictures (13 of each kind); pixels beside the object that still are a near miss
# The shares of the pixels after which deletion and insertion ask: fine below the objects' share (6 to 33 %).
SHARES = (0, 0.01, 0.02, 0.04, 0.08, 0.12, 0.16, 0.24, 0.32, 0.5, 1)
FILE = data_dir() / "truth_table.json"

# --- the maps: model, pictures (N, 3, H, W), classes (N,) -> (N, H, W) ------------------------------------------------


def _occlusion(model, pixels, labels, measure) -> Tensor:
    patch = pixels.shape[-1] // 4
    drops = occlusion.occlusion_map(model, pixels, labels, patch, patch // 2, measure=measure)
    return occlusion.at_pixels(drops, *pixels.shape[2:], patch, patch // 2)


def finer_layer(model: models.PixelModel) -> str:
    """The last layer, poolings aside, whose maps are finer than those of the last layer with maps."""
    last = model.shapes[cam.last_maps(model)][-1]
    finer = [name for name, shape in model.shapes.items() if len(shape) == 4 and shape[-1] > last]
    return [name for name in finer if not isinstance(model.resolve(name)[0], cam.POOLING)][-1]


MAPS: dict[str, Callable] = {
    "occlusion, probability": lambda *given: _occlusion(*given, "probability"),
    "occlusion, logit": lambda *given: _occlusion(*given, "logit"),
    "gradient": saliency.saliency_map,
    "SmoothGrad": lambda *given: saliency.smooth_saliency(*given, samples=8),
    "integrated gradients": lambda *given: saliency.integrated_gradients(*given, steps=8).parts.sum(dim=1),
    "guided backprop": lambda *given: guided_backprop.input_gradient(*given).abs().amax(dim=1),
    "Grad-CAM, last layer": cam.grad_cam,
    "Grad-CAM, finer layer": lambda model, *given: cam.grad_cam(model, *given, finer_layer(model)),
    "guided Grad-CAM": lambda *given: cam.guided_grad_cam(*given).abs().amax(dim=1),
    "CAM": lambda model, pixels, labels: torch.cat(
        [cam.cam(model, *one) for one in zip(pixels.split(1), labels.tolist(), strict=True)]
    ),
}


def usable(model: models.PixelModel) -> list[str]:
    """The names of the maps that this network has: CAM wants a head that averages."""
    try:
        cam.cam(model, model.mean.expand(1, -1, model.input_size, model.input_size), 0)
    except ValueError:
        return [name for name in MAPS if name != "CAM"]
    return list(MAPS)


def _noise(pixels: Tensor, side: int, seed: int = 0) -> Tensor:
    cells = torch.randn(len(pixels), 1, side, side, generator=torch.Generator().manual_seed(seed))
    return images.resize(cells, pixels.shape[2:])[:, 0]


def _centre(pixels: Tensor, masks: Tensor) -> Tensor:
    down, across = (torch.linspace(-1, 1, side).square() for side in pixels.shape[2:])
    return (2 - down[:, None] - across).expand(len(pixels), -1, -1)


def _edges(pixels: Tensor, masks: Tensor) -> Tensor:
    grey = pixels.mean(dim=1, keepdim=True)
    return (transforms.blur(1)(grey) - transforms.blur(2)(grey)).abs()[:, 0]


# What no network made: pictures, masks -> (N, H, W).
BASELINES: dict[str, Callable] = {
    "edges of the picture": _edges,
    "the middle": _centre,
    "random blobs": lambda pixels, masks: _noise(pixels, 8),
    "random pixels": lambda pixels, masks: _noise(pixels, pixels.shape[-1]),
    "the true mask": lambda pixels, masks: truth.depth_inside(masks),  # the object from its inside out, then outwards
}

# --- the measures -----------------------------------------------------------------------------------------------------


class Measure(NamedTuple):
    words: str
    more: bool  # is more better?
    beside: str = ""  # what a hollow dot in the same column shows
    wins: bool = True  # is there a best, or does one pass or fail?


MEASURES = {
    "pointing": Measure("points at\nthe object", True, "near"),
    "overlap": Measure("overlap\n(IoU)", True),
    "share": Measure("share on\nthe object", True),
    "deletion": Measure("deletion:\narea under", False),
    "insertion": Measure("insertion:\narea under", True),
    "half random": Measure("like itself,\nhalf random", False, "second choice", wins=False),
}
BESIDE = {
    "near": f"points at most {TOLERANCE} pixels beside the object",
    "second choice": "like the same network's map for its second choice",
}


class Table(NamedTuple):
    values: dict[str, dict[str, Tensor]]  # map -> measure -> (N,), one number a picture
    curves: dict[str, dict[str, Tensor]]  # map -> deletion or insertion -> (N, steps + 1)
    seconds: dict[str, float]  # of one core, a picture


def heats_of(model: models.PixelModel, pixels: Tensor, labels: Tensor, names=MAPS) -> tuple[dict, dict]:
    """The named maps of all pictures, {map: (N, H, W)}, and what each took, {map: seconds a picture}."""
    heats, seconds = {}, {}
    for name in names:
        began = time.process_time()
        batches = zip(pixels.split(BATCH), labels.split(BATCH), strict=True)
        heats[name] = torch.cat([MAPS[name](model, *some).cpu().float() for some in batches])
        seconds[name] = (time.process_time() - began) / len(pixels)
    return heats, seconds


def curves_of(model: models.PixelModel, pixels: Tensor, labels: Tensor, heat: Tensor, steps=SHARES) -> dict:
    """Deletion under the network's mean colour, insertion from a blur: {measure: (N, steps)}."""
    runs = {"deletion": [], "insertion": []}
    for some, wanted, part in zip(*(each.split(BATCH) for each in (pixels, labels, heat)), strict=True):
        runs["deletion"].append(truth.deletion(model, some, part, wanted, steps=steps))
        hidden = transforms.blur(pixels.shape[-1] / 16)(some)
        runs["insertion"].append(truth.insertion(model, some, part, wanted, hidden, steps))
    return {name: torch.cat(parts).cpu() for name, parts in runs.items()}


def second_choice(model: models.PixelModel, pixels: Tensor, labels: Tensor) -> Tensor:
    """The class that the network finds likeliest after the given one: (N,)."""
    with torch.no_grad():
        scores = model(pixels).cpu()
    return scores.scatter(1, labels.cpu()[:, None], -torch.inf).argmax(dim=1)


def half_random(model: models.PixelModel, seed: int = 0) -> models.PixelModel:
    """The network with the upper half of its layers with weights made random."""
    layers = [layer for layer, _ in truth.randomization(model)]
    *_, (_, network) = islice(truth.randomization(model, seed), len(layers) // 2)
    return network


def tabulated(model: models.PixelModel, pixels: Tensor, labels: Tensor, masks: Tensor) -> Iterator[Table]:
    """Every map and every baseline by every measure: the table of the first pictures, which grows batch by batch.

    Each batch has random weights of its own, so that no single draw of them decides.
    """
    made = {name: make(pixels, masks) for name, make in BASELINES.items()}
    parts = []
    for batch, some in enumerate(torch.arange(len(pixels)).split(BATCH)):
        given = pixels[some], labels[some]
        heats, seconds = heats_of(model, *given)
        others = {
            "half random": heats_of(half_random(model, batch), *given)[0],
            "second choice": heats_of(model, given[0], second_choice(model, *given))[0],
        }
        heats |= {name: each[some] for name, each in made.items()}
        parts.append(_rows(model, *given, masks[some], heats, others, seconds))
        yield joined(parts)


def _rows(model, pixels, labels, masks, heats, others, seconds) -> Table:
    table = Table({}, {}, seconds)
    for name, heat in heats.items():
        runs = table.curves[name] = curves_of(model, pixels, labels, heat)
        table.values[name] = against_the_object(heat, masks) | {
            **{kind: truth.area_under(run, SHARES) for kind, run in runs.items()},
            **{kind: likeness(heat, maps.get(name, heat)) for kind, maps in others.items()},
        }
    return table


def likeness(maps: Tensor, others: Tensor) -> Tensor:
    """The rank correlation of two maps' sizes: (N,). Without their signs, so that all maps are on one scale."""
    return truth.rank_correlation(maps.abs(), others.abs())


def joined(parts: list[Table]) -> Table:
    """One table of several, which are of one size."""

    def together(rows: list[dict[str, dict[str, Tensor]]]) -> dict[str, dict[str, Tensor]]:
        return {
            name: {kind: torch.cat([row[name][kind] for row in rows]) for kind in kinds}
            for name, kinds in rows[0].items()
        }

    values, curves, seconds = zip(*parts, strict=True)
    return Table(
        together(values),
        together(curves),
        {name: sum(each[name] for each in seconds) / len(parts) for name in seconds[0]},
    )


def against_the_object(heat: Tensor, masks: Tensor) -> dict[str, Tensor]:
    """The measures that need no network: {measure: (N,)}."""
    return {
        "pointing": truth.pointing_game(heat, masks),
        "near": truth.pointing_game(heat, truth.depth_inside(masks) >= -TOLERANCE),
        "overlap": truth.mask_overlap(heat, masks),
        "share": truth.share_on(heat, masks),
    }


def by_depth(model: models.PixelModel, pixels: Tensor, labels: Tensor, names=MAPS) -> dict[str, dict[str, float]]:
    """Mean rank correlation of each map with the trained network's, layer after layer random: {layer: {map: …}}."""
    trained, _ = heats_of(model, pixels, labels, names)
    found = {}
    for layer, network in truth.randomization(model):
        heats, _ = heats_of(network, pixels, labels, names)
        found[layer] = {
            name: float(likeness(heat, trained[name]).mean()) for name, heat in heats.items()
        }
    return found


def summary(values: Tensor) -> truth.Share:
    """The mean of one number a picture, with its 95 % interval: Wilson's for hits, else ± 1.96 standard errors."""
    if values.dtype == torch.bool:
        return truth.share(values)
    mean, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    return truth.Share(mean, mean - 1.96 * error, mean + 1.96 * error)


def chart(table: Mapping[str, Mapping[str, truth.Share]], seconds: Mapping[str, float], title: str = "") -> Figure:
    """A row for each map and a column for each measure: a dot with its 95 % interval, the best map's in orange.

    Squares are the rivals that know no network, a dotted line is at the edges' value; hollow dots show BESIDE.
    """
    with matplotlib.rc_context(plot.STYLE):
        return _chart(table, seconds, title)


def _chart(table, seconds, title) -> Figure:
    names, kinds = list(table), [kind for kind in next(iter(table.values())) if kind in MEASURES]
    figure = Figure(figsize=(plot.WIDTH / plot.DPI, 1.1 + 0.31 * len(names)), dpi=plot.DPI, layout="constrained")
    panels = figure.subplots(1, len(kinds) + bool(seconds), sharey=True, gridspec_kw={"wspace": 0.02})
    for axes, kind in zip(panels, kinds, strict=False):
        axes.set_title(MEASURES[kind].words, size=11)
        axes.set_xlabel("more is better →" if MEASURES[kind].more else "← less is better", size=8.5)
        _column(axes, table, kind)
    if seconds:
        panels[-1].set_title("seconds\na picture", size=11)
        for place, name in enumerate(names):
            words = f"{seconds[name]:.2f}" if name in seconds else "–"
            panels[-1].text(0.1, place, words, va="center", size=11)
        panels[-1].set(xticks=[], xlim=(0, 1))
        panels[-1].spines[:].set_visible(False)
        panels[-1].tick_params(length=0)
    panels[0].set_yticks(range(len(names)), names, size=11)
    panels[0].set_ylim(len(names) - 0.4, -0.6)
    figure.suptitle(title, x=0.01, ha="left", size=14)
    return figure


def best(table: Mapping[str, Mapping[str, truth.Share]], kind: str) -> list[str]:
    """The names of the maps, rivals aside, that are best by a measure; none where one can only pass or fail."""
    sign = 1 if MEASURES[kind].more else -1
    known = {name: sign * row[kind].value for name, row in table.items() if name in MAPS}
    return [name for name in known if known[name] == max(known.values())] if MEASURES[kind].wins else []


def _column(axes, table, kind: str) -> None:
    winners, hollow = best(table, kind), MEASURES[kind].beside
    for place, (name, row) in enumerate(table.items()):
        color = plot.ORANGE if name in winners else plot.BLUE if name in MAPS else plot.QUIET
        axes.plot([row[kind].low, row[kind].high], [place, place], color=color, linestyle="-", lw=2)
        axes.plot(row[kind].value, place, "o" if name in MAPS else "s", color=color, ms=8 if name in winners else 5.5)
        if hollow in row and name in MAPS:
            axes.plot(row[hollow].value, place, "o", mfc="none", mec=plot.QUIET, ms=6)
    if "edges of the picture" in table:
        axes.axvline(table["edges of the picture"][kind].value, color=plot.QUIET, linestyle=":", lw=1, zorder=0)
    highest = max(row[kind].high for row in table.values())
    axes.set_xlim(min(0, *(row[kind].low for row in table.values())), 1.08 if highest > 0.75 else 1.1 * highest)
    axes.xaxis.set_major_locator(matplotlib.ticker.MaxNLocator(3, steps=[1, 2, 5, 10]))
    axes.tick_params(axis="x", labelsize=8.5)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="both")
    axes.spines["left"].set_visible(False)


# --- to the file and back ---------------------------------------------------------------------------------------------


def pictures_of(model: models.PixelModel, count: int = COUNT) -> tuple[Tensor, Tensor, Tensor]:
    """The Picturebook's first test drawings, their classes in the network's numbering, and their masks."""
    drawn = data.picturebook("test", count)
    return drawn.pixels, measure.labels_of(model, drawn), drawn.masks


def stored() -> tuple[Table, dict[str, dict[str, float]]]:
    """What the command has written: the table, its curves as means over all pictures, and the correlations by depth."""
    kept = json.loads(FILE.read_text(encoding="utf-8"))
    values, curves = (
        {name: _tensors(row) for name, row in kept[part].items()} for part in ("values", "curves")
    )
    table = Table(values, curves, kept["seconds"])
    for row in table.values.values():
        row |= {kind: row[kind] > 0 for kind in ("pointing", "near")}
    return table, kept["by depth"]


def _tensors(row: dict[str, list[float]]) -> dict[str, Tensor]:
    return {kind: torch.tensor(numbers) for kind, numbers in row.items()}


def main(count: int = COUNT, file=FILE) -> None:
    """`python -m cs231n_viz.recipes.truth_table [COUNT FILE]`; what is measured so far is in the file all the time."""
    model = models.load("coursenet", device="cpu")
    pixels, labels, masks = pictures_of(model, count)
    depth = by_depth(model, pixels[:BATCH], labels[:BATCH])
    for table in tabulated(model, pixels, labels, masks):
        print(f"{len(table.values['CAM']['pointing'])} of {count} pictures", flush=True)
        _write(file, table, depth)


def _write(file, table: Table, depth: dict[str, dict[str, float]]) -> None:
    curves = {name: {kind: each.mean(dim=0) for kind, each in row.items()} for name, row in table.curves.items()}
    kept = {
        "values": {name: {kind: _short(each) for kind, each in row.items()} for name, row in table.values.items()},
        "curves": {name: {kind: _short(each) for kind, each in row.items()} for name, row in curves.items()},
        "seconds": {name: round(each, 3) for name, each in table.seconds.items()},
        "by depth": {layer: {name: round(each, 3) for name, each in row.items()} for layer, row in depth.items()},
    }
    with open(file, "w", encoding="utf-8") as out:
        out.write(json.dumps(kept, separators=(",", ":")).replace('},"', '},\n"') + "\n")


def _short(numbers: Tensor) -> list:
    return [round(number, 3) for number in (numbers.int() if numbers.dtype == torch.bool else numbers).tolist()]


if __name__ == "__main__":
    main(*(kind(given) for kind, given in zip((int, str), sys.argv[1:], strict=False)))
