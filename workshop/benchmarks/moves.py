"""How long a person waits for a picture that is not cached: `python -m workshop.benchmarks.moves`.

The real network at 192 px, one thread. No class is named, so each technique first runs a pass to
find the network's own. "Computing" is the technique, "drawing" the figure and its PNG, which a
widget then sends. All take turns, and a pass of the network alone beside them makes the ratios.
"""

import argparse
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
from torch import Tensor

from cs231n_viz import data, models, plot
from cs231n_viz.techniques import cam, occlusion, saliency
from workshop.benchmarks.rounds import fair_clock, interleaved, milliseconds, ratio, surroundings

SIDE, PATCH = 192, 48
SEVEN, THIRTEEN = 24, 12  # strides that give as many rows and columns
ASKED = {"predict": 0.15, "CAM": 0.15, "Grad-CAM": 0.15, "saliency": 0.3,
         "occlusion 7 × 7, first preview": 1, "occlusion 7 × 7": 3}  # fmt: skip


def moves_of(model: models.PixelModel, pixels: Tensor) -> dict[str, tuple[Callable, Callable]]:
    """{move: (what computes, what draws its result)}."""

    def chart(found):
        names, values = [one.name for one in found], [one.probability for one in found]
        return plot.bars(names, values, "the real network", picture=pixels)

    def over(heat):
        return plot.heatmap_over(pixels, heat, label="score")

    def beside(heat):
        return plot.image_row([pixels, plot.colored(heat, signed=False)], ["photo", "saliency"])

    def covered(stride, drops):
        values = occlusion.at_pixels(drops, SIDE, SIDE, PATCH, stride)
        return plot.heatmap_over(pixels, values, label="drop in probability", signed=True)

    def occluded(stride, preview=False):
        steps = occlusion.occlusion_steps(model, pixels, patch=PATCH, stride=stride)
        return next(steps)[0] if preview else list(steps)[-1][0]

    moves = {
        "predict": (partial(models.predict, model, pixels), chart),
        "CAM": (partial(cam.cam, model, pixels), over),
        "Grad-CAM": (partial(cam.grad_cam, model, pixels), over),
        "saliency": (partial(saliency.saliency_map, model, pixels), beside),
    }
    for name, stride in (("7 × 7", SEVEN), ("13 × 13", THIRTEEN)):
        draw = partial(covered, stride)
        preview = partial(occluded, stride, preview=True)
        moves[f"occlusion {name}, first preview"] = preview, draw
        moves[f"occlusion {name}"] = partial(occluded, stride), draw
    return moves


def drawn(draw: Callable, result) -> bytes:
    return plot.png(draw(result))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=10)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    model, pixels = models.load(models.REAL, device="cpu"), data.photo("chelsea", SIDE)
    moves = moves_of(model, pixels)
    candidates = {"a pass": torch.no_grad()(partial(model, pixels))}
    for name, (compute, draw) in moves.items():
        candidates[name] = compute
        candidates[f"draw {name}"] = partial(drawn, draw, compute())
    seconds = interleaved(arguments.rounds, fair_clock(), **candidates)
    print("| move | computing | times a pass | drawing | both | asked for |")
    print("|---|---|---|---|---|---|")
    for name in moves:
        parts = seconds[name], seconds[f"draw {name}"]
        both = median(map(sum, zip(*parts, strict=True)))
        asked = f"{ASKED[name]:g} s" if name in ASKED else ""
        cells = [name, milliseconds(parts[0]), ratio(seconds, name, "a pass")]
        print(f"| {' | '.join(cells)} | {milliseconds(parts[1])} | {both:.2f} s | {asked} |")
    passed = milliseconds(seconds["a pass"])
    print(f"\na pass {passed}; median (range) of {arguments.rounds} rounds; {surroundings()}")


if __name__ == "__main__":
    main()
