"""Renders the quality sheet of a network: one page with what the lessons show of it.

python -m workshop.sheet [NAME …]      writes data/sheet_NAME.webp
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import matplotlib
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at
from cs231n_viz.optimize import normalized
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import last_layer
from cs231n_viz.techniques.deepdream import RATE, dream
from cs231n_viz.techniques.filters import as_pictures
from cs231n_viz.techniques.gradient_ascent import class_image
from cs231n_viz.techniques.inversion import invert
from workshop.measure.cards import in_batches

NETWORKS = ("coursenet", "coursenet_robust")
PHOTOGRAPHED = [
    "Leopards", "sunflower", "starfish", "elephant", "soccer ball", "flamingo", "butterfly",
    "watch", "schooner", "strawberry", "pagoda", "brain", "accordion", "Faces easy", "lobster",
    "trilobite",
]  # fmt: skip
WIDTH, GAP, HEAD = 1200, 4, 34


def main(arguments: list[str] | None = None) -> None:
    """Write the sheets of these networks, or of all that have one."""
    for name in arguments or NETWORKS:
        model = models.load(name)
        sheet(model).save(data_dir() / f"sheet_{name}.webp", quality=88, method=6)
        print(f"data/sheet_{name}.webp")


def sheet(model: models.PixelModel) -> Image.Image:
    """One page, 1200 pixels wide."""
    drawn = data.picturebook("test", 480)
    codes = in_batches(lambda batch: activations_at(model, batch, "code"), drawn.pixels)
    directions = last_layer.centered_directions(codes)
    classes = PHOTOGRAPHED + drawn.class_names
    nearest = "eight drawings, and below each those nearest to it in `code`"
    grid = "480 drawings, laid out by t-SNE of their `code` and snapped to a grid"
    return stacked(
        titled(f"{model.name}: the filters of its first layer", filters(model)),
        titled("what 32 classes want to see", tiles(class_images(model, classes), 8, classes)),
        titled("one photo, and what is left of it in each ReLU", tiles(*inversions(model))),
        titled("a photo, and the dreams of three depths", tiles(*dreams(model))),
        titled(nearest, neighbors(drawn, directions)),
        titled(grid, embedding(drawn, directions)),
    )


def filters(model: models.PixelModel) -> Image.Image:
    pictures = as_pictures(model.network.conv1.weight.detach().cpu())
    large = torch.nn.functional.interpolate(pictures, scale_factor=6, mode="bicubic")
    return tiles(large.clamp(0, 1), 24)


def class_images(model: models.PixelModel, classes: list[str]) -> Tensor:
    """(classes, 3, 128, 128)."""
    targets = torch.tensor([model.class_index(name) for name in classes])
    made = [class_image(model, chosen, size=128) for chosen in targets.split(16)]
    return torch.cat(made).cpu()


def inversions(model: models.PixelModel) -> tuple[list[Tensor], int, list[str]]:
    """The photo of the flower, and its reconstruction from each ReLU's features."""
    photo, relus = data.photo("flower", model.input_size), _relus(model)
    made = [photo, *(invert(model, photo, layer, steps=150) for layer in relus)]
    return [one[0] for one in made], len(made), ["photo", *relus]


def dreams(model: models.PixelModel) -> tuple[list[Tensor], int, list[str]]:
    """The photo of the pavilion, and its dreams at three layers."""
    photo, relus = data.photo("china", 288), _relus(model)
    depths = [relus[len(relus) // 3], relus[2 * len(relus) // 3], relus[-1]]
    plain = normalized(RATE)
    made = [photo, *(dream(model, photo, each, octaves=3, direction=plain) for each in depths)]
    return [one[0] for one in made], len(made), ["photo", *depths]


def _relus(model: models.PixelModel) -> list[str]:
    return [layer for layer in model.layers if layer.startswith("relu")]


def neighbors(drawn: data.Pictures, directions: Tensor, count: int = 4) -> Image.Image:
    """Eight kinds, one column each: the first drawing of it, and the nearest others by cosine."""
    kinds = range(0, len(drawn.class_names), 2)
    queries = [int((drawn.labels == kind).nonzero()[0]) for kind in kinds]
    nearest = last_layer.nearest_others(directions, count).indices[queries]  # (8, count)
    return tiles(drawn.pixels[[*queries, *nearest.T.flatten().tolist()]], 8)


def embedding(drawn: data.Pictures, directions: Tensor, columns: int = 30) -> Image.Image:
    """The drawings at their t-SNE positions, each moved to a cell of a grid."""
    positions = last_layer.tsne(directions, perplexity=20)
    cells = last_layer.snap_to_grid(positions, len(positions) // columns, columns)
    return tiles(drawn.pixels[cells.argsort()], columns)


# --- the page -------------------------------------------------------------------------------------


def tiles(pictures: Iterable[Tensor], columns: int, names: list[str] | None = None) -> Image.Image:
    """Pictures (3, h, w) in rows across the page, each with its name below."""
    side = (WIDTH + GAP) // columns - GAP
    below = 22 if names else 0
    pictures = list(pictures)
    rows = -(-len(pictures) // columns)
    canvas = Image.new("RGB", (WIDTH, rows * (side + below + GAP)), "white")
    for index, pixels in enumerate(pictures):
        left, top = index % columns * (side + GAP), index // columns * (side + below + GAP)
        small = images.to_picture(pixels).resize((side, side), Image.Resampling.LANCZOS)
        canvas.paste(small, (left, top))
        if names:
            middle = (left + side / 2, top + side + below / 2)
            ImageDraw.Draw(canvas).text(middle, names[index], "#333333", _font(14), anchor="mm")
    return canvas


def titled(title: str, picture: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (WIDTH, picture.height + HEAD), "white")
    ImageDraw.Draw(canvas).text((0, HEAD / 2), title, "#222222", _font(19), anchor="lm")
    canvas.paste(picture, (0, HEAD))
    return canvas


def stacked(*parts: Image.Image) -> Image.Image:
    canvas = Image.new("RGB", (WIDTH, sum(part.height + 8 for part in parts)), "white")
    top = 0
    for part in parts:
        canvas.paste(part, (0, top))
        top += part.height + 8
    return canvas


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)


if __name__ == "__main__":
    main(sys.argv[1:])
