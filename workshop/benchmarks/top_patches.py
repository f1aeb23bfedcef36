"""Top-9 patches, streamed against keeping all maps: `python -m workshop.benchmarks.top_patches`.

Keeping all is done in two ways. "Textbook": a forward hook that appends a copy of the layer's
output (what comes next may overwrite it) in every pass, which runs to its end, and at the end one
tensor of all maps, their maxima, the nine largest. "Same passes": the same with our own passes,
which stop at the layer, so that only keeping and searching differ. The same-pass result must equal
the streamed one. Peak memory is that of a process of its own (Linux), above what it held before.
Asked for: at most 0.65 of the time of keeping all maps.
"""

import resource
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import torch
import torchvision
from torch import Tensor

from cs231n_viz import models
from cs231n_viz.activations import activations_at
from cs231n_viz.techniques import activations
from cs231n_viz.techniques.activations import Patches
from workshop.benchmarks.rounds import interleaved, ratio, surroundings

ROUNDS, BATCH = 5, 8
# network, layer, pictures: the sizes of lesson 03, and of SqueezeNet at its own input size
CASES = [
    ("coursenet", "relu1", 1152),
    ("coursenet", "relu3_1", 576),
    ("squeezenet1_0", "relu1", 256),
    ("squeezenet1_0", "fire4", 256),
]


def prepared(network: str, count: int) -> tuple[models.PixelModel, Tensor]:
    """The network (SqueezeNet's weights are random: no matter for speed) and random pictures."""
    if network == "squeezenet1_0":
        model = models.wrap(torchvision.models.squeezenet1_0(weights=None), input_size=224)
    else:
        model = models.load(network, device="cpu")
    generator = torch.Generator().manual_seed(231)
    return model, torch.rand(count, 3, model.input_size, model.input_size, generator=generator)


def streamed(model: models.PixelModel, pixels: Tensor, layer: str) -> Patches:
    return activations.top_patches(model, pixels, layer, batch_size=BATCH)[layer]


@torch.no_grad()
def same_passes(model: models.PixelModel, pixels: Tensor, layer: str) -> Patches:
    return strongest(
        torch.cat([activations_at(model, batch, layer) for batch in pixels.split(BATCH)])
    )


@torch.no_grad()
def textbook(model: models.PixelModel, pixels: Tensor, layer: str) -> Patches:
    kept = []
    handle = model.resolve(layer)[0].register_forward_hook(
        lambda module, inputs, output: kept.append(output.clone())
    )
    for batch in pixels.split(BATCH):
        model(batch)
    handle.remove()
    return strongest(torch.cat(kept))


def strongest(maps: Tensor) -> Patches:
    """The nine strongest pictures per channel from all maps (N, C, h, w); ties as when streamed."""
    values, peaks = maps.flatten(2).max(dim=2)  # (N, C)
    order = values.T.argsort(dim=1, descending=True, stable=True)[:, :9]
    peak = peaks.T.gather(1, order)
    return Patches(values.T.gather(1, order), order, peak // maps.shape[3], peak % maps.shape[3])


def peak_memory(network: str, layer: str, count: int, way: Callable) -> float:
    """The most MiB that this process held while it searched, above what it had held before."""
    torch.set_num_threads(1)
    model, pixels = prepared(network, count)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    way(model, pixels, layer)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024


def peaks(case: tuple) -> list[str]:
    """Of each way, in a fresh process; asked before this one grows, whose peak a child inherits."""
    with ProcessPoolExecutor(1, get_context("spawn"), max_tasks_per_child=1) as pool:
        tasks = [pool.submit(peak_memory, *case, way) for way in (streamed, same_passes, textbook)]
        return [f"{task.result():.0f}" for task in tasks]


def row(network: str, layer: str, count: int, memory: list[str]) -> str:
    model, pixels = prepared(network, count)
    ways = {
        way.__name__: lambda way=way: way(model, pixels, layer)
        for way in (streamed, same_passes, textbook)
    }
    same = all(map(torch.equal, ways["streamed"](), ways["same_passes"]()))
    seconds = interleaved(ROUNDS, **ways)
    ratios = " | ".join(ratio(seconds, "streamed", other) for other in ("same_passes", "textbook"))
    least = min(seconds["streamed"])
    return (
        f"| {network} {layer}, {count} | {least:.2f} s | {ratios} | {' / '.join(memory)} | {same} |"
    )


def main() -> None:
    torch.set_num_threads(1)
    memory = [peaks(case) for case in CASES]
    titles = "its time over same passes | over textbook | peak MiB of the three | equal"
    print(f"| layer, pictures | streamed | {titles} |")
    print("|---|---|---|---|---|---|")
    for case, held in zip(CASES, memory, strict=True):
        print(row(*case, held), flush=True)
    print(f"\n{surroundings()}; median (range) of {ROUNDS} interleaved rounds")


if __name__ == "__main__":
    main()
