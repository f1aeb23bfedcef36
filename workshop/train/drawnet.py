"""Trains drawnet: CourseNet that has seen nothing but the Picturebook's drawings. What will it
dream of?
"""

import torch

from cs231n_viz import data
from cs231n_viz.networks import CourseNet
from workshop import drawing
from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import classifier, training
from workshop.train.classifier import Normalized

SEED, SIZE = 7, 80
DRAWN_A_CLASS = 200


def main(arguments: list[str] | None = None, name: str = "drawnet") -> None:
    """Train on drawings alone, measure, bundle."""
    chosen = classifier.options(name, arguments, passes=18)
    drawn = sets.picturebook(DRAWN_A_CLASS * len(drawing.CLASS_NAMES))
    pictures = classifier.as_bytes(drawn.pixels)
    torch.manual_seed(SEED)  # the initial weights
    network = Normalized(
        CourseNet(len(drawn.class_names), batch_norm=True, dropout=0.3),
        *classifier.channel_statistics(pictures),
    )
    minutes = training.fit(
        network,
        lambda _: (pictures, drawn.labels, SIZE),
        name=name,
        passes=chosen.passes,
        checkpoint=chosen.checkpoint,
        rate=0.08,
        batch_size=32,  # fewer pictures than the others learn from: more steps a pass
        seed=SEED,
    )
    model, digest = classifier.finish(name, network, drawn.class_names)
    text = f"""
- Data: {DRAWN_A_CLASS} drawings of each Picturebook class, no photograph, in random windows of {SIZE} px.
- Recipe: `python3 -m cs231n_viz train {name} --passes {chosen.passes}`, seed {SEED}; {minutes:.0f} minutes on the
  computer that made it."""
    right = cards.right_drawings(model, data.picturebook("test"))
    figures = {"Picturebook, test": training.share_in_words(right), **cards.first_layer(model)}
    classifier.write_card(model, digest, text, figures)
    chosen.checkpoint.unlink()
