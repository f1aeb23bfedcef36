"""Trains drawnet: CourseNet on drawings only, for the dreams of lesson 11."""

from cs231n_viz import data
from cs231n_viz.models import PixelModel
from workshop import drawing
from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import classifier, training

DRAWN_A_CLASS = 200


def main(arguments: list[str] | None = None) -> None:
    classifier.train_on_drawings(
        "drawnet",
        classifier.options("drawnet", arguments, passes=18),
        sets.picturebook(DRAWN_A_CLASS * len(drawing.CLASS_NAMES)),
        f"{DRAWN_A_CLASS} drawings of each Picturebook class, no photograph",
        figures,
        size=80,
        seed=7,
        dropout=0.3,
        rate=0.08,
        batch_size=32,  # fewer pictures than the others learn from: more steps a pass
    )


def figures(model: PixelModel) -> dict[str, str]:
    right = cards.right_drawings(model, data.picturebook("test"))
    return {"Picturebook, test": training.share_in_words(right), **cards.first_layer(model)}
