"""What all bundled classifiers share: options, normalisation, folding, the file and its card."""

import argparse
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cs231n_viz import models
from cs231n_viz.data import Pictures
from cs231n_viz.networks import CourseNet
from workshop.train import caltech, training

INPUT_SIZE = 128


def options(name: str, arguments: list[str] | None, passes: int) -> argparse.Namespace:
    """--passes and --checkpoint of `python3 -m cs231n_viz train NAME`."""
    parser = argparse.ArgumentParser(prog=f"cs231n_viz train {name}")
    parser.add_argument(
        "--passes", type=int, default=passes, help=f"over the training pictures ({passes})"
    )
    parser.add_argument("--checkpoint", type=Path, default=Path(f"checkpoints/{name}.pt"))
    chosen = parser.parse_args(arguments)
    if chosen.passes < 1:
        parser.error(f"--passes is 1 or more, not {chosen.passes}.")
    return chosen


class Normalized(nn.Sequential):
    """A network in training, behind the mean and deviation that the PixelModel will apply later."""

    def __init__(self, network: nn.Module, mean: list[float], std: list[float]):
        super().__init__(network)
        self.register_buffer("mean", torch.tensor(mean).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, 3, 1, 1), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        return super().forward((pixels - self.mean) / self.std)


def channel_statistics(pictures: Tensor) -> tuple[list[float], list[float]]:
    """Mean and standard deviation of each colour channel, in [0, 1]."""
    sample = pictures[::4].float() / 255
    return (
        [round(value, 4) for value in sample.mean(dim=(0, 2, 3)).tolist()],
        [round(value, 4) for value in sample.std(dim=(0, 2, 3)).tolist()],
    )


def as_bytes(pixels: Tensor) -> Tensor:
    """Drawings in [0, 1] -> uint8 at the side of the photographs."""
    grown = [
        F.interpolate(batch, (caltech.SIDE, caltech.SIDE), mode="bilinear")
        for batch in pixels.split(256)
    ]
    return torch.cat([(batch * 255).round().byte() for batch in grown])


def train_on_drawings(
    name: str,
    chosen: argparse.Namespace,
    drawn: Pictures,
    about_data: str,
    figures: Callable[[models.PixelModel], dict[str, str]],
    *,
    size: int,
    seed: int,
    dropout: float,
    shape: dict | None = None,
    **loop,
) -> None:
    """Train CourseNet (`shape`: its settings) on drawings alone, measure it, bundle it."""
    pictures = as_bytes(drawn.pixels)
    network = CourseNet(len(drawn.class_names), **(shape or {}))
    network = training.to_train(network, seed, dropout=dropout)
    network = Normalized(network, *channel_statistics(pictures))
    loop |= {"passes": chosen.passes, "checkpoint": chosen.checkpoint, "seed": seed}
    minutes = training.fit(network, lambda _: (pictures, drawn.labels, size), name=name, **loop)
    model, digest = finish(name, network, drawn.class_names)
    text = f"""
- Data: {about_data}, in random windows of {size} px.
- Recipe: {command(name, chosen.passes)}, seed {seed};
  {minutes:.0f} minutes on the computer that made it."""
    write_card(model, digest, text, figures(model))
    chosen.checkpoint.unlink()


def command(name: str, passes: int) -> str:
    """What trains a network again, as a card says it."""
    return f"`python3 -m cs231n_viz train {name} --passes {passes}`"


def finish(
    name: str, network: Normalized, names: list[str], **more: str
) -> tuple[models.PixelModel, str]:
    """Fold batch norm, bundle the weights: the network as `load` gives it, the file's SHA-256."""
    mean, std = (
        [round(value, 4) for value in part.flatten().tolist()]
        for part in (network.mean, network.std)
    )
    about = {"mean": mean, "std": std, "class_names": names, "input_size": INPUT_SIZE, **more}
    digest = training.bundle(name, training.fold_batch_norm(network[0].cpu().float()), about)
    return models.load(name), digest


def write_card(
    model: models.PixelModel, digest: str, text: str, figures: dict[str, str], more: str = ""
) -> None:
    """Write a network's card into data/README.md: data and recipe (`text`), figures, and more."""
    rows = "\n".join(f"| {figure} | {value} |" for figure, value in figures.items())
    weights = sum(weight.numel() for weight in model.parameters())
    card = f"""
`{model.name}.safetensors`: {type(model.network).__name__} (`cs231n_viz/networks.py`),
{weights:,} weights in half precision, without batch norm (folded), input {INPUT_SIZE} px.

{text.strip()}
- SHA-256: `{digest}`

| measured (answers and features: on pictures that were not trained on) | figure (95 % interval) |
|---|---|
{rows}

{more}
"""
    training.write_card(model.name, card)
    print(card)
