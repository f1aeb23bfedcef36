"""Trains CourseNet on Caltech-101's photographs and the Picturebook's drawings together.

Drawings alone are too easy to teach a first layer edges; photographs alone have no masks to measure against.
"""

import argparse
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from .. import data, drawing
from ..networks import CourseNet, fold_batch_norm
from ..techniques import filters
from . import caltech, training

SEED = 231
CROP, INPUT_SIZE = 112, 128
DRAWN_A_CLASS = 250
BATCH = 64


def pictures() -> tuple[Tensor, Tensor, Tensor, Tensor, list[str]]:
    """Training pictures and labels, held-out photographs and labels, class names: photographs first, then drawings."""
    photographs, labels, held_out, names = caltech.load()
    drawn = data.picturebook("train", DRAWN_A_CLASS * len(drawing.CLASS_NAMES))
    train = torch.cat([photographs[~held_out], drawn_stack(drawn.pixels)])
    train_labels = torch.cat([labels[~held_out], drawn.labels + len(names)])
    return train, train_labels, photographs[held_out], labels[held_out], names + drawn.class_names


def drawn_stack(pixels: Tensor) -> Tensor:
    """Drawings in [0, 1] -> uint8 at the side of the photographs."""
    grown = [
        F.interpolate(batch, (caltech.SIDE, caltech.SIDE), mode="bilinear") for batch in pixels.split(256)
    ]
    return torch.cat([(batch * 255).round().byte() for batch in grown])


def channel_statistics(pictures: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel, in [0, 1]."""
    sample = pictures[::4].float() / 255
    return (
        [round(value, 4) for value in sample.mean(dim=(0, 2, 3)).tolist()],
        [round(value, 4) for value in sample.std(dim=(0, 2, 3)).tolist()],
    )


class Normalized(torch.nn.Sequential):
    """A network in training, behind the mean and deviation that the PixelModel will apply later."""

    def __init__(self, network: torch.nn.Module, mean: list[float], std: list[float]):
        super().__init__(network)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward((pixels - self.mean) / self.std)


def main(
    arguments: list[str] | None = None, name: str = "coursenet", kind: type = CourseNet, seed: int = SEED
):
    """Train one network of this `kind` on photographs and drawings, measure it, and bundle it under `name`."""
    parser = argparse.ArgumentParser(prog=f"cs231n_viz train {name}", description=__doc__)
    parser.add_argument("--passes", type=int, default=30, help="passes over the training pictures (30)")
    parser.add_argument("--checkpoint", type=Path, default=Path(f"checkpoints/{name}.pt"))
    chosen = parser.parse_args(arguments)

    train, labels, held_out, held_out_labels, names = pictures()
    mean, std = channel_statistics(train)
    print(f"{len(train)} pictures of {len(names)} classes, {len(held_out)} photographs held out", flush=True)
    torch.manual_seed(seed)  # the initial weights
    network = Normalized(kind(len(names), batch_norm=True, dropout=0.3), mean, std)
    steps = len(train) // BATCH

    def batches(generator):
        order = torch.randperm(len(train), generator=generator)[: steps * BATCH].view(steps, BATCH)
        for chosen_few in order:
            yield training.augment(train[chosen_few], CROP, generator), labels[chosen_few]

    minutes = training.fit(
        network, batches, steps, passes=chosen.passes, checkpoint=chosen.checkpoint, seed=seed
    )
    plain = fold_batch_norm(network[0].cpu().float())
    about = {"mean": mean, "std": std, "class_names": names, "input_size": INPUT_SIZE}
    digest = training.bundle(name, plain, about)
    recipe = f"{name} --passes {chosen.passes}`, seed {seed}; {len(train):,} pictures, {minutes:.0f} minutes"
    text = card(name, plain, recipe, digest, measure(Normalized(plain, mean, std), held_out, held_out_labels))
    training.write_card(name, text)
    chosen.checkpoint.unlink()  # the weights are bundled; the next training begins anew
    print(text)


def measure(network: Normalized, held_out: Tensor, labels: Tensor) -> dict[str, str]:
    """The figures of the card, each from pictures that were not trained on."""
    correct = training.answers(network, held_out, INPUT_SIZE).argmax(dim=1) == labels
    by_class = torch.stack([correct[labels == kind].float().mean() for kind in labels.unique()])
    drawn = data.picturebook("test")
    drawn_labels = drawn.labels + int(labels.max()) + 1
    with torch.no_grad():  # as a lesson gives them: at their own 128 px, not cut
        drawn_correct = torch.cat([network(some).argmax(dim=1) for some in drawn.pixels.split(64)]) == drawn_labels
    rough = filters.roughness(network[0].conv1.weight)
    other_sizes = [training.answers(network, held_out, size).argmax(dim=1) == labels for size in (96, 160)]
    return {
        "Caltech-101, held out": training.share_in_words(correct),
        "Caltech-101, held out, mean over classes": f"{100 * by_class.mean():.1f} %",
        "Caltech-101, held out, at 96 px and at 160 px": " and ".join(
            map(training.share_in_words, other_sizes)
        ),
        "Picturebook, test": training.share_in_words(drawn_correct),
        "first-layer roughness, median (white noise = 2)": f"{rough.median():.2f}",
        "first-layer filters with roughness < 1": f"{int((rough < 1).sum())} of {len(rough)}",
    }


def card(name: str, network: torch.nn.Module, recipe: str, digest: str, figures: dict[str, str]) -> str:
    """What data/README.md says of a network."""
    rows = "\n".join(f"| {figure} | {value} |" for figure, value in figures.items())
    weights = sum(weight.numel() for weight in network.parameters())
    return f"""
`{name}.safetensors`: {type(network).__name__} (`cs231n_viz/networks.py`), {weights:,} weights in half precision, batch
norm folded, input {INPUT_SIZE} px.

- Data: Caltech-101 (Fei-Fei, Fergus & Perona 2004; CC BY 4.0) without every {caltech.EVERY}th picture of a kind, and
  {DRAWN_A_CLASS} drawings of each Picturebook class, in random windows of {CROP} px.
- Recipe: `python3 -m cs231n_viz train {recipe} on the computer that made it.
- SHA-256: `{digest}`

| measured on pictures that were not trained on | figure (95 % interval) |
|---|---|
{rows}
"""


if __name__ == "__main__":
    main()
