"""PGD against torchattacks: `python -m workshop.benchmarks.adversarial`, see --help.

Two questions. Do equal steps and an equal radius fool equally many drawings? Both begin at the
picture, without a random start. And how long do ten steps on eight pictures take
(--steps, --batch), in turns, on torchvision networks with random weights, ours wrapped by
models.wrap, theirs as torchvision made them? Needs: pip install torchattacks
"""

import argparse
from statistics import median

import torch
import torchattacks
import torchvision
from torch import nn

from cs231n_viz import data, models
from cs231n_viz.techniques import adversarial
from workshop.benchmarks.rounds import fair_clock, interleaved, ratio, surroundings

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
NETWORKS = ("squeezenet1_0", "alexnet", "resnet18")


class Normalized(nn.Module):
    """torchattacks wants pixels in [0, 1], too."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network
        self.register_buffer("mean", torch.tensor(MEAN).view(1, 3, 1, 1))
        self.register_buffer("std", torch.tensor(STD).view(1, 3, 1, 1))

    def forward(self, pixels):
        return self.network((pixels - self.mean) / self.std)


def agreement(count: int, steps: int = 5) -> None:
    """How many of the drawings CourseNet still classifies rightly after either attack."""
    model, drawn = models.load("coursenet", device="cpu"), data.picturebook("test", count)
    labels = torch.tensor([model.class_index(drawn.class_names[label]) for label in drawn.labels])
    parts = list(zip(drawn.pixels.split(16), labels.split(16), strict=True))
    print(f"| radius | right before, of {count} | after torchattacks PGD | after ours |")
    print("|---|---|---|---|")
    with torch.no_grad():
        clean = sum(int((model(some).argmax(dim=1) == own).sum()) for some, own in parts)
    for radius in (1 / 255,):
        rate = radius / 4
        peer = torchattacks.PGD(model, eps=radius, alpha=rate, steps=steps, random_start=False)
        right = [0, 0]
        for some, own in parts:
            ours = adversarial.pgd(
                model, some, away_from=own, radius=radius, steps=steps, rate=rate, seed=None
            )
            theirs = peer(some, own)
            with torch.no_grad():
                for side, made in enumerate((theirs, ours)):
                    right[side] += int((model(made).argmax(dim=1) == own).sum())
        print(f"| {255 * radius:g}/255 | {clean} | {right[0]} | {right[1]} |", flush=True)


def speed(name: str, batch: int, steps: int, rounds: int) -> None:
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None).eval()
    ours = models.wrap(network, mean=MEAN, std=STD, input_size=224, name=name).to("cpu")
    theirs = Normalized(network).eval()
    pixels = torch.rand(batch, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        labels = ours(pixels).argmax(dim=1)
    settings = {"radius": 8 / 255, "steps": steps, "rate": 2 / 255, "seed": None}
    peer = torchattacks.PGD(theirs, eps=8 / 255, alpha=2 / 255, steps=steps, random_start=False)
    seconds = interleaved(
        rounds,
        fair_clock(),
        ours=lambda: adversarial.pgd(ours, pixels, away_from=labels, **settings),
        theirs=lambda: peer(pixels, labels),
    )
    mine, other = (median(seconds[side]) for side in ("ours", "theirs"))
    print(f"| PGD, {steps} steps, {batch} pictures | {name} | {other:.2f} s | {mine:.2f} s | "
          f"**{ratio(seconds, 'theirs', 'ours')}** |", flush=True)  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--drawings", type=int, default=112)
    parser.add_argument("--networks", nargs="*", default=list(NETWORKS), choices=NETWORKS)
    parser.add_argument("--batch", type=int, default=8)
    parser.add_argument("--steps", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    if arguments.drawings:
        agreement(arguments.drawings)
    print("\n| attack | network | torchattacks | ours | times as fast, median (range) |")
    print("|---|---|---|---|---|")
    for name in arguments.networks:
        speed(name, arguments.batch, arguments.steps, arguments.rounds)
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
