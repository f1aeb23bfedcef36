"""Trains the generator: from CourseNet's `code`, 352 numbers without positions, back to pictures.

The loss is that of Dosovitskiy & Brox (2016) without their adversary: how far the pixels are off,
and how far CourseNet's features of the generated picture are off, the code itself among them.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.networks import Generator
from workshop.measure import cards
from workshop.train import classifier, coursenet, training

SEED, SIZE = 9, 128
LAYERS = ("relu2", "relu3_2", "relu4_2", "code")
PHOTOGRAPHS_IN_TURN = 8  # a pass sees all drawings and one photograph in so many


def reconstruction_loss(model: models.PixelModel) -> training.Loss:
    """2 mean |x' − x| + mean over LAYERS of ‖Φ(x') − Φ(x)‖² / ‖Φ(x)‖², x' made from x's code."""

    def loss(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
        with torch.no_grad():
            wanted = activations_at(model, pixels, LAYERS)
        made = network(wanted["code"])
        found = activations_at(model, made, LAYERS)
        off = [
            (found[layer] - wanted[layer]).square().sum() / wanted[layer].square().sum()
            for layer in LAYERS
        ]
        return 2 * F.l1_loss(made, pixels) + sum(off) / len(off)

    return loss


def main(arguments: list[str] | None = None, name: str = "generator") -> None:
    """Train the decoder, measure whether its pictures keep their class, bundle it."""
    chosen = classifier.options(name, arguments, passes=6)
    model = models.load("coursenet", device=training.best_device())
    pictures, labels = coursenet.everything()
    photos = int((~coursenet.photographs().held_out).sum())
    network = training.to_train(Generator(model.shapes["code"][1]), SEED)

    def plan(index: int) -> tuple[Tensor, Tensor, int]:
        turn = torch.arange(index % PHOTOGRAPHS_IN_TURN, photos, PHOTOGRAPHS_IN_TURN)
        some = torch.cat([turn, torch.arange(photos, len(pictures))])
        return pictures[some], labels[some], SIZE

    minutes = training.fit(
        network,
        plan,
        name=name,
        passes=chosen.passes,
        checkpoint=chosen.checkpoint,
        loss=reconstruction_loss(model),
        optimizer=training.adam,
        rate=3e-3,
        batch_size=32,
        seed=SEED,
    )
    digest = training.bundle(
        name,
        training.fold_batch_norm(network.cpu().float()),
        {"decodes": training.digest_of("coursenet")},
    )
    weights = sum(weight.numel() for weight in models.load_generator().parameters())
    rows = "\n".join(f"| {figure} | {value} |" for figure, value in figures(model).items())
    text = f"""
`{name}.safetensors`: Generator (`cs231n_viz/networks.py`), {weights:,} weights in half precision,
batch norm folded: from `code` of `coursenet` to {SIZE} px.

- Data: that of `coursenet`, one photograph in {PHOTOGRAPHS_IN_TURN} in every pass,
  windows of {SIZE} px.
- Recipe: {classifier.command(name, chosen.passes)}, seed {SEED};
  {minutes:.0f} minutes on the computer that made it.
- SHA-256: `{digest}`

| measured on pictures that were not trained on | figure (95 % interval) |
|---|---|
{rows}
"""
    training.write_card(name, text)
    print(text)
    chosen.checkpoint.unlink()


def figures(model: models.PixelModel) -> dict[str, str]:
    """How often a picture made from a code keeps the class of the code's picture; its error."""
    generator = models.load_generator(device=model.device)

    def again(pixels: Tensor) -> Tensor:
        return generator(activations_at(model, pixels, "code"))

    drawn = data.picturebook("test")
    made = drawn._replace(pixels=cards.in_batches(again, drawn.pixels))
    error = (made.pixels - drawn.pixels).abs().mean()
    photographs = coursenet.photographs()
    held_out = training.center_crop(photographs.pictures[photographs.held_out], SIZE)
    predicted = cards.in_batches(lambda batch: model(again(batch)), held_out).argmax(dim=1)
    return {
        "class right after code and back, Picturebook test": training.share_in_words(
            cards.right_drawings(model, made)
        ),
        "class right after code and back, Caltech-101 held out": training.share_in_words(
            predicted == photographs.labels[photographs.held_out]
        ),
        "mean error of a colour value, Picturebook test": f"{error:.3f}",
    }
