"""Trains stylenet: one network for all of the course's paintings (Dumoulin, Shlens & Kudlur 2017).

Every photograph of a batch gets a random style; the losses are measured on CourseNet's layers.
"""

import json
from functools import cache
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cs231n_viz import data, images, models, objectives
from cs231n_viz.networks import ConditionalInstanceNorm, StyleNet
from cs231n_viz.techniques import fast_style, style_transfer
from workshop.train import caltech, classifier, training

SEED = 15
STYLE_SIZE = 256  # pixels of a painting: sets the size of its strokes in the results
CONTENT, LAYERS = fast_style.CONTENT, fast_style.STYLE
SIDE, CROP = 256, 144  # photographs are squares of SIDE; at first, pieces of them are repainted
EARLY, SIZES = 0.8, (128, 192)
# strokes are learned first, then to leave things where they are
STYLE_WEIGHTS = dict(zip(SIZES, (10.0, 5.0), strict=True))
A_PASS = 1600  # photographs
LEAST_CONTRAST = 0.1  # standard deviation of a colour
GRID = 4  # stride of CourseNet's relu2 in pixels
COMPARED, MEASURED, EVALUATIONS = 20, 256, 50


@cache
def photographs() -> caltech.Photographs:
    return caltech.load(side=SIDE)


def contrast(pictures: Tensor) -> Tensor:
    """Standard deviation of each picture's colours, (N,); instance norm divides by such numbers."""
    return torch.stack([(picture / 255).std(dim=(1, 2)).mean() for picture in pictures])


def wanted(model: models.PixelModel) -> dict[str, Tensor]:
    """The Gram matrices of all paintings, {layer: (paintings, C, C)}."""
    paintings = torch.cat([data.painting(name, STYLE_SIZE) for name in data.painting_names()])
    return objectives.gram_matrices(model, paintings.to(model.device), LAYERS)


def repainting(model: models.PixelModel) -> training.Loss:
    """The mean loss `fast_style.repainting` over a batch; the labels are the wanted styles.

    The pictures' side, one of SIZES, sets the weight of the style. Pictures are shifted at random
    against the grid of CourseNet's strides: both networks halve twice, and a pattern aligned with
    both would lower the loss without looking better.
    """
    grams = wanted(model)
    styles = len(data.painting_names())

    def loss(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
        chosen = {layer: gram[labels] for layer, gram in grams.items()}
        made = network(pixels, F.one_hot(labels, styles).to(pixels))
        top, left = torch.randint(GRID, (2,)).tolist()
        weight = STYLE_WEIGHTS[pixels.shape[-1]]
        pixels, made = (F.pad(image, (left, 0, top, 0), mode="reflect") for image in (pixels, made))
        return fast_style.repainting(model, pixels, CONTENT, chosen, weight)(made).value.mean()

    return loss


def main(arguments: list[str] | None = None, name: str = "stylenet") -> None:
    """Train the network, measure it against optimisation picture by picture, bundle it."""
    chosen = classifier.options(name, arguments, passes=40)
    known = chosen.checkpoint.with_name(f"{name}_optimised.json")
    model = models.load("coursenet", device=training.best_device())
    learned = photographs().pictures[~photographs().held_out]
    learned = learned[contrast(learned) > LEAST_CONTRAST]
    torch.manual_seed(SEED)  # the initial weights
    network = StyleNet(data.painting_names())
    minutes = training.fit(
        network,
        lambda index: lesson(learned, index, chosen.passes),
        name=name,
        passes=chosen.passes,
        checkpoint=chosen.checkpoint,
        loss=repainting(model),
        optimizer=training.adam,
        rate=4e-3,
        batch_size=4,
        seed=SEED,
    )
    digest = training.bundle(name, network.cpu().float(), {})
    recipe = classifier.command(name, chosen.passes)
    text = card(network, len(learned), recipe, minutes, digest) + table(model, known)
    training.write_card(name, text)
    print(text)
    chosen.checkpoint.unlink()
    known.unlink()


def card(network: StyleNet, photographs: int, recipe: str, minutes: float, digest: str) -> str:
    """What data/README.md says of the network, up to its table."""
    weights = sum(weight.numel() for weight in network.parameters())
    norms = [module for module in network.modules() if isinstance(module, ConditionalInstanceNorm)]
    own = 2 * sum(norm.scale.shape[1] for norm in norms)
    early, late = (f"{size} px with style weight {STYLE_WEIGHTS[size]:g}" for size in SIZES)
    return f"""
`stylenet.safetensors`: StyleNet (`cs231n_viz/networks.py`), {weights:,} weights in half precision,
of which each of the {len(network.styles)} paintings has {own:,} to itself; any size of picture.

- Data: {photographs:,} photographs of Caltech-101 (Fei-Fei, Fergus & Perona 2004; CC BY 4.0),
  without every 6th picture of a kind, wholly without ten kinds and without the palest, and the
  paintings of `data/paintings`, looked at with {STYLE_SIZE} px.
- Recipe: {recipe}, seed {SEED}: passes over up to
  {A_PASS:,} photographs each, at {early} and in the end at
  {late}; `coursenet` compares the content at {CONTENT} and the style at
  {", ".join(LAYERS)}.
  {minutes:.0f} minutes on one core of the computer that made it.
- SHA-256: `{digest}`

How well it repaints {COMPARED} photographs of {MEASURED} px that it was not trained on: the mean of
the loss that it was trained for in the end, beside that of pictures which `style_transfer.transfer`
made by {EVALUATIONS} evaluations from each photograph.

"""


def lesson(learned: Tensor, index: int, passes: int) -> tuple[Tensor, Tensor, int]:
    """The training data of pass `index`: photographs or crops, a random style each, the size."""
    generator = torch.Generator().manual_seed(SEED * 1000 + index)
    some = learned[torch.randperm(len(learned), generator=generator)[:A_PASS]]
    styles = torch.randint(len(data.painting_names()), (len(some),), generator=generator)
    if index >= EARLY * passes:
        return some, styles, SIZES[1]
    corners = torch.randint(SIDE - CROP + 1, (len(some), 2), generator=generator).tolist()
    pairs = zip(some, corners, strict=True)
    pieces = [photo[:, top : top + CROP, left : left + CROP] for photo, (top, left) in pairs]
    pieces = torch.stack(pieces)
    kept = contrast(pieces) > LEAST_CONTRAST
    return pieces[kept], styles[kept], SIZES[0]


def table(model: models.PixelModel, known: Path) -> str:
    """A Markdown table of mean losses, one row per painting: network, optimisation, ratio."""
    optimised = optimised_losses(model, known)
    network, pixels, rows = models.load_stylenet(model.device), unseen(), {}
    for name in network.styles:
        made = fast_style.repaint(network, pixels, name)
        rows[name] = mean_loss(model, pixels, name, made), optimised[name]
    rows["mean"] = tuple(sum(losses) / len(rows) for losses in zip(*rows.values(), strict=True))
    lines = ["| painting | stylenet | optimised | times as high |", "|---|---|---|---|"]
    for name, (ours, theirs) in rows.items():
        lines.append(f"| {name} | {ours:.2f} | {theirs:.2f} | {ours / theirs:.2f} |")
    return "\n".join(lines) + "\n"


def unseen() -> Tensor:
    """Photographs not trained on, spread over the kinds: (COMPARED, 3, MEASURED, MEASURED)."""
    held_out = photographs().pictures[photographs().held_out]
    return images.resize(held_out[:: len(held_out) // COMPARED][:COMPARED] / 255, MEASURED)


def mean_loss(model: models.PixelModel, pixels: Tensor, name: str, made: Tensor) -> float:
    """The mean loss of pictures `made` of `pixels` in the style of a painting."""
    grams = objectives.gram_matrices(model, data.painting(name, STYLE_SIZE), LAYERS)
    with torch.no_grad():
        judge = fast_style.repainting(model, pixels, CONTENT, grams, STYLE_WEIGHTS[SIZES[1]])
        return judge(made.to(model.device)).value.mean().item()


def optimised_losses(model: models.PixelModel, known: Path) -> dict[str, float]:
    """{painting: mean loss} of pictures optimised one by one, kept in the file `known`."""
    losses = json.loads(known.read_text(encoding="utf-8")) if known.exists() else {}
    layers = {"content_layer": CONTENT, "style_layers": LAYERS}
    plan = {"style_weight": STYLE_WEIGHTS[SIZES[1]], "steps": EVALUATIONS, **layers}
    for name in data.painting_names():
        if name not in losses:
            painting = data.painting(name, STYLE_SIZE)
            made = style_transfer.transfer(model, unseen(), painting, **plan)
            losses[name] = mean_loss(model, unseen(), name, made)
            known.write_text(json.dumps(losses, indent=1), encoding="utf-8")
    return losses
