"""Trains CourseNet: on Caltech-101's photographs, small at first, then with the drawings.

Drawings alone are too easy to teach a first layer edges; photographs alone have no masks to measure
against. Small pictures cost half as much, and what they teach holds for larger ones (Howard 2018,
"progressive resizing").
"""

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cs231n_viz import data
from cs231n_viz.networks import CourseNet
from workshop import drawing
from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import caltech, classifier, training
from workshop.train.classifier import Normalized

SEED = 231
EARLY_SIZE, SIZE = 80, 112
EARLY = 0.64  # share of the passes on small photographs only
FINE_RATE = 0.02
DRAWN_A_CLASS = 200


@cache
def photographs() -> caltech.Photographs:
    return caltech.load()


@cache
def everything() -> tuple[Tensor, Tensor]:
    """Training photographs and drawings, and their labels: the photographs' classes come first."""
    photos, labels = photographs_to_learn()
    drawn = sets.picturebook(DRAWN_A_CLASS * len(drawing.CLASS_NAMES))
    pictures = torch.cat([photos, classifier.as_bytes(drawn.pixels)])
    return pictures, torch.cat([labels, drawn.labels + len(photographs().names)])


def photographs_to_learn() -> tuple[Tensor, Tensor]:
    chosen = ~photographs().held_out
    return photographs().pictures[chosen], photographs().labels[chosen]


def class_names() -> list[str]:
    return photographs().names + [f"drawn {kind}" for kind in drawing.CLASS_NAMES]


def main(
    arguments: list[str] | None = None,
    name: str = "coursenet",
    kind: type = CourseNet,
    seed: int = SEED,
    passes: int = 44,
    fine: int = 5,
) -> None:
    """Train one network of this `kind` on photographs and drawings, measure it, bundle it."""
    chosen = classifier.options(name, arguments, passes)
    photos, labels = photographs_to_learn()
    names = class_names()
    print(f"{len(photos)} photographs to learn, {len(names)} classes with the drawings", flush=True)
    network = training.to_train(kind(len(names)), seed, dropout=0.3)
    network = Normalized(network, *classifier.channel_statistics(photos))

    def plan(index: int) -> tuple[Tensor, Tensor, int]:
        return (
            (photos, labels, EARLY_SIZE) if index < EARLY * chosen.passes else (*everything(), SIZE)
        )

    minutes = training.fit(
        network, plan, name=name, passes=chosen.passes, checkpoint=chosen.checkpoint, seed=seed
    )
    finer = chosen.checkpoint.with_suffix(".fine.pt")
    minutes += training.fit(
        network,
        lambda _: (*everything(), SIZE),
        name=f"{name}, fine",
        passes=fine,
        checkpoint=finer,
        loss=sharp_cross_entropy,
        rate=FINE_RATE,
        seed=seed + 1,
    )
    model, digest = classifier.finish(name, network, names)
    early = sum(index < EARLY * chosen.passes for index in range(chosen.passes))
    text = f"""
- Data: Caltech-101 (Fei-Fei, Fergus & Perona 2004; CC BY 4.0) without every {caltech.EVERY}th
  picture of a kind and wholly without ten kinds ({", ".join(data.WITHHELD).replace("_", " ")}),
  and {DRAWN_A_CLASS} drawings of each Picturebook class.
- Recipe: {classifier.command(name, chosen.passes)}, seed {seed}: {early} passes over
  {len(photos):,} photographs in random windows of {EARLY_SIZE} px, {chosen.passes - early} over
  {len(everything()[0]):,} photographs and drawings at {SIZE} px, and {fine} more in a second, lower
  cycle of the rate without label smoothing; {minutes:.0f} minutes on the computer that made it."""
    held_out = photographs().held_out
    figures = cards.figures(model, photographs().pictures[held_out], photographs().labels[held_out])
    classifier.write_card(model, digest, text, figures, cards.photo_table(model))
    chosen.checkpoint.unlink()  # the weights are bundled; the next training begins anew
    finer.unlink()


def sharp_cross_entropy(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy without label smoothing: right predictions may now become confident."""
    return F.cross_entropy(network(pixels), labels)
