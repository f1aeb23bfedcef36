"""Trains drawnet: CourseNet that has seen nothing but the Picturebook's drawings. What will it dream of?"""

import torch

from .. import data, drawing
from ..networks import CourseNet
from . import classifier, measure, training
from .classifier import Normalized

SEED, SIZE = 7, 80
DRAWN_A_CLASS = 200


def main(arguments: list[str] | None = None, name: str = "drawnet") -> None:
    """Train on drawings alone, measure, bundle."""
    chosen = classifier.options(name, arguments, passes=18)
    drawn = data.picturebook("train", DRAWN_A_CLASS * len(drawing.CLASS_NAMES))
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
    right = measure.right_drawings(model, data.picturebook("test"))
    figures = {"Picturebook, test": training.share_in_words(right), **measure.first_layer(model)}
    classifier.write_card(model, digest, text, figures)
    chosen.checkpoint.unlink()
