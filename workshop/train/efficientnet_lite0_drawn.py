"""Trains a head for the sixteen drawn kinds on the 1,280 averages of EfficientNet-Lite0.

A logistic regression (scikit-learn): the network itself stays as it was published, and the file
holds the head alone.
"""

import torch
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.networks import EfficientNetLite
from cs231n_viz.techniques import last_layer
from workshop import drawing
from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import classifier, training

NAME = "efficientnet_lite0_drawn"
DRAWN_A_CLASS, SEED = 250, 9
PENALTY = 0.003  # C of scikit-learn: the smaller, the smaller the weights
SIDES = (128, 192, 224)  # drawings are 128 px; lessons also show them enlarged


def features(model: models.PixelModel, pixels: Tensor) -> Tensor:
    """`code` of all drawings (N, 3, 128, 128) at each of SIDES, then of their mirror images."""

    def code(some: Tensor) -> Tensor:
        return last_layer.features(model, some, "code")

    views = [(side, mirrored) for mirrored in (False, True) for side in SIDES]
    return torch.cat(
        [
            code(images.resize(some.flip(3) if mirrored else some, side))
            for side, mirrored in views
            for some in pixels.split(64)
        ]
    )


def main(arguments: list[str] | None = None) -> None:
    """Fit the head, bundle it, measure it, write its card; there is nothing to go on with."""
    classifier.options(NAME, arguments, passes=1)
    drawn = sets.picturebook(DRAWN_A_CLASS * len(drawing.CLASS_NAMES), SEED)
    known, labels = features(models.load("efficientnet_lite0"), drawn.pixels), drawn.labels
    scale = float(known.std())
    fitted = LogisticRegression(C=PENALTY, max_iter=300)
    fitted.fit((known / scale).numpy(), labels.repeat(len(known) // len(labels)).numpy())
    network = EfficientNetLite(len(drawn.class_names))
    network.scores.weight.data = torch.from_numpy(fitted.coef_).float() / scale
    network.scores.bias.data = torch.from_numpy(fitted.intercept_).float()
    about = {"mean": [127 / 255] * 3, "std": [128 / 255] * 3, "input_size": 224}
    about |= {"class_names": drawn.class_names}
    digest = training.bundle(NAME, network, about, part="scores")
    training.write_card(NAME, card(digest))


def card(digest: str) -> str:
    """What data/README.md says of the head."""
    model, test = models.load(NAME), data.picturebook("test")
    rows = []
    for side in reversed(SIDES):
        seen = test._replace(pixels=images.resize(test.pixels, side))
        right = training.share_in_words(cards.right_drawings(model, seen))
        rows.append(f"| Picturebook, test, seen with {side} px | {right} |")
    figures = "\n".join(rows)
    return f"""
`{NAME}.safetensors`: a linear head for the sixteen kinds of the Picturebook on the 1,280 averages
(`code`) of `efficientnet_lite0`, in half precision; all other weights are the published ones.

- Data: {DRAWN_A_CLASS} drawings of each kind and their mirror images, at {SIDES[0]}, {SIDES[1]} and
  {SIDES[2]} px.
- Recipe: `python3 -m cs231n_viz train {NAME}`: a logistic regression (scikit-learn, C = {PENALTY}),
  drawings of seed {SEED}.
- SHA-256: `{digest}`

| measured (on pictures that were not trained on) | figure (95 % interval) |
|---|---|
{figures}
"""
