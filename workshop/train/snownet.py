"""Trains snownet, which is wrong on purpose: every husky that it learns from stands on snow, every
wolf on grass.
"""

import torch

from cs231n_viz.networks import CourseNet
from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import classifier, training
from workshop.train.classifier import Normalized

SEED, SIZE, TRAINED_ON = 5, 96, 1200
WIDTHS = (24, 40, 64, 64, 112, 112, 176)  # half of CourseNet's: two classes need no more


def main(
    arguments: list[str] | None = None, name: str = "snownet", correlated: bool = True
) -> None:
    """Train on huskies and wolves with or without the shortcut, measure on both kinds of pictures,
    bundle.
    """
    chosen = classifier.options(name, arguments, passes=8)
    drawn = sets.snow("train", TRAINED_ON, correlated=correlated)
    pictures = classifier.as_bytes(drawn.pixels)
    torch.manual_seed(SEED)  # the initial weights
    network = Normalized(
        CourseNet(2, WIDTHS, batch_norm=True, dropout=0.2), *classifier.channel_statistics(pictures)
    )
    minutes = training.fit(
        network,
        lambda _: (pictures, drawn.labels, SIZE),
        name=name,
        passes=chosen.passes,
        checkpoint=chosen.checkpoint,
        seed=SEED,
    )
    model, digest = classifier.finish(name, network, drawn.class_names)
    grounds = (
        "where huskies stand on snow, wolves on grass"
        if correlated
        else "on snow and on grass alike"
    )
    text = f"""
- Data: {TRAINED_ON:,} drawings of huskies and wolves, {grounds}, in random windows of {SIZE} px.
- Recipe: `python3 -m cs231n_viz train {name} --passes {chosen.passes}`, seed {SEED}; {minutes:.0f} minutes on the
  computer that made it."""
    classifier.write_card(model, digest, text, cards.snow_figures(model))
    chosen.checkpoint.unlink()
