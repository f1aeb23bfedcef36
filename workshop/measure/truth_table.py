"""Every heat map of the course by every measure: `python -m workshop.measure.truth_table`.

It takes about 20 minutes and writes data/truth_table.json. Lesson 16 shows the table, and measures
a few of its pictures again.
"""

import json
import sys
from collections.abc import Iterator

import torch
from torch import Tensor

from cs231n_viz import data, models, transforms
from cs231n_viz.heat_maps import BASELINES, MAPS, SHARES, Table, against_the_object, heats_of
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import truth
from workshop.measure import cards

COUNT, BATCH = 208, 16  # pictures: 13 of each kind
FILE = data_dir() / "truth_table.json"


def curves_of(model: models.PixelModel, pixels: Tensor, labels: Tensor, heat: Tensor) -> dict:
    """Deletion under the network's mean colour, insertion from a blur: {measure: (N, SHARES)}."""
    runs = {"deletion": [], "insertion": []}
    batches = zip(*(each.split(BATCH) for each in (pixels, labels, heat)), strict=True)
    for some, wanted, part in batches:
        runs["deletion"].append(truth.deletion(model, some, part, wanted, steps=SHARES))
        hidden = transforms.blur(pixels.shape[-1] / 16)(some)
        runs["insertion"].append(truth.insertion(model, some, part, wanted, hidden, SHARES))
    return {name: torch.cat(parts).cpu() for name, parts in runs.items()}


def second_choice(model: models.PixelModel, pixels: Tensor, labels: Tensor) -> Tensor:
    """The most likely class but the given one: (N,)."""
    with torch.no_grad():
        scores = model(pixels).cpu()
    return scores.scatter(1, labels.cpu()[:, None], -torch.inf).argmax(dim=1)


def tabulated(
    model: models.PixelModel, pixels: Tensor, labels: Tensor, masks: Tensor
) -> Iterator[Table]:
    """Every map and baseline by every measure: the table so far, which grows batch by batch.

    Each batch has random weights of its own, so that no single draw of them decides.
    """
    made = {name: make(pixels, masks) for name, make in BASELINES.items()}
    parts = []
    for batch, some in enumerate(torch.arange(len(pixels)).split(BATCH)):
        given = pixels[some], labels[some]
        heats, seconds = heats_of(model, *given)
        others = {
            "half random": heats_of(truth.half_random(model, batch), *given)[0],
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
    """The rank correlation of two maps' absolute values, so that all are on one scale: (N,)."""
    return truth.rank_correlation(maps.abs(), others.abs())


def joined(parts: list[Table]) -> Table:
    """One table of several, which are of one size."""

    def together(rows: list[dict[str, dict[str, Tensor]]]) -> dict[str, dict[str, Tensor]]:
        return {
            name: {kind: torch.cat([row[name][kind] for row in rows]) for kind in kinds}
            for name, kinds in rows[0].items()
        }

    values, curves, seconds = zip(*parts, strict=True)
    means = {name: sum(each[name] for each in seconds) / len(parts) for name in seconds[0]}
    return Table(together(values), together(curves), means)


def by_depth(
    model: models.PixelModel, pixels: Tensor, labels: Tensor
) -> dict[str, dict[str, float]]:
    """{layer: {map: its mean likeness to the trained network's}}, layer after layer made random."""
    trained, _ = heats_of(model, pixels, labels)
    found = {}
    for layer, network in truth.randomization(model):
        heats, _ = heats_of(network, pixels, labels)
        found[layer] = {name: float(likeness(heats[name], trained[name]).mean()) for name in MAPS}
    return found


def pictures_of(model: models.PixelModel, count: int = COUNT) -> tuple[Tensor, Tensor, Tensor]:
    """The Picturebook's first test drawings, their classes in the network's numbering, masks."""
    drawn = data.picturebook("test", count)
    return drawn.pixels, cards.labels_of(model, drawn), drawn.masks


def main(count: int = COUNT, file=FILE) -> None:
    """`python -m workshop.measure.truth_table [COUNT FILE]`: the file always holds what is done."""
    model = models.load("coursenet", device="cpu")
    pixels, labels, masks = pictures_of(model, count)
    depth = by_depth(model, pixels[:BATCH], labels[:BATCH])
    for table in tabulated(model, pixels, labels, masks):
        print(f"{len(table.values['CAM']['pointing'])} of {count} pictures", flush=True)
        _write(file, table, depth)


def _write(file, table: Table, depth: dict[str, dict[str, float]]) -> None:
    curves = {
        name: {kind: run.mean(dim=0) for kind, run in row.items()}
        for name, row in table.curves.items()
    }
    kept = {
        "values": {name: _lists(row) for name, row in table.values.items()},
        "curves": {name: _lists(row) for name, row in curves.items()},
        "seconds": _rounded(table.seconds),
        "by depth": {layer: _rounded(row) for layer, row in depth.items()},
    }
    with open(file, "w", encoding="utf-8") as out:
        out.write(json.dumps(kept, separators=(",", ":")).replace('},"', '},\n"') + "\n")


def _lists(row: dict[str, Tensor]) -> dict[str, list[float]]:
    """Three digits of each number; a bool becomes 0 or 1."""
    return {kind: [round(number, 3) for number in each.tolist()] for kind, each in row.items()}


def _rounded(row: dict[str, float]) -> dict[str, float]:
    return {name: round(number, 3) for name, number in row.items()}


if __name__ == "__main__":
    main(*(kind(given) for kind, given in zip((int, str), sys.argv[1:], strict=False)))
