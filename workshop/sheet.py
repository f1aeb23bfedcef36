"""Renders the quality sheet of a network: on one page, everything that the lessons will ask of it.

python -m workshop.sheet [NAME …]      writes data/sheet_NAME.webp
"""

import sys
from collections.abc import Iterable
from pathlib import Path

import matplotlib
import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from scipy.optimize import linear_sum_assignment
from scipy.spatial.distance import cdist
from sklearn.manifold import TSNE
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import feature_distance, layer_energy, total_variation, weighted_sum
from cs231n_viz.optimize import adam, always, ascend, descend, last, normalized, octaves
from cs231n_viz.places import data_dir
from cs231n_viz.techniques.filters import as_pictures
from cs231n_viz.transforms import (
    chain,
    clamp,
    decorrelated_colors,
    fourier_noise,
    from_fourier,
    jitter,
    random_rotate,
    random_scale,
)
from workshop.measure.cards import in_batches

NETWORKS = ("coursenet", "coursenet_robust")
PHOTOGRAPHED = [
    "Leopards", "sunflower", "starfish", "elephant", "soccer ball", "flamingo", "butterfly", "watch",
    "schooner", "strawberry", "pagoda", "brain", "accordion", "Faces easy", "lobster", "trilobite",
]  # fmt: skip
WIDTH, GAP, HEAD = 1200, 4, 34
SMOOTHNESS = 3e-3  # weight of the total variation in class images


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
    classes = PHOTOGRAPHED + drawn.class_names
    return stacked(
        titled(f"{model.name}: the filters of its first layer", filters(model)),
        titled("what 32 classes want to see", tiles(class_images(model, classes), 8, classes)),
        titled("one photo, and what is left of it in each ReLU", tiles(*inversions(model))),
        titled("a photo, and the dreams of three depths", tiles(*dreams(model))),
        titled(
            "eight drawings, and below each those nearest to it in `code`", neighbours(drawn, codes)
        ),
        titled(
            "480 drawings, laid out by t-SNE of their `code` and snapped to a grid",
            embedding(drawn, codes),
        ),
    )


def filters(model: models.PixelModel) -> Image.Image:
    pictures = as_pictures(model.network.conv1.weight.detach().cpu())
    return tiles(
        torch.nn.functional.interpolate(pictures, scale_factor=6, mode="bicubic").clamp(0, 1), 24
    )


def class_images(
    model: models.PixelModel, classes: list[str], size: int = 128, steps: int = 128
) -> Tensor:
    """(classes, 3, size, size): Fourier parameter, decorrelated colours, random jitter, scale and
    turn.
    """
    robust = chain(jitter(8, 1), random_scale(0.75, 1.2, 2), random_rotate(10, 3), jitter(4, 4))
    targets = torch.tensor([model.class_index(name) for name in classes])

    def some(chosen: Tensor) -> Tensor:
        def wanted(image: Tensor) -> Tensor:
            return model(image).gather(1, chosen[:, None].to(image.device))[:, 0]

        score = weighted_sum((1, wanted), (-SMOOTHNESS, total_variation()))

        return last(
            ascend(
                fourier_noise(size, size, seed=0, count=len(chosen)).to(model.device),
                score,
                steps=steps,
                decode=chain(from_fourier(size, size), decorrelated_colors()),
                augment=robust,
                direction=adam(0.05),
            )
        ).cpu()

    return torch.cat([some(chosen) for chosen in targets.split(16)])


def inversions(model: models.PixelModel) -> tuple[list[Tensor], int, list[str]]:
    """The photo of the flower, and a picture made anew from each ReLU's features (Mahendran &
    Vedaldi 2015).
    """
    size = model.input_size
    photo = data.photo("flower", size).to(model.device)
    relus = [layer for layer in model.layers if layer.startswith("relu")]
    made = [photo]
    for layer in relus:
        wanted = activations_at(model, photo, layer)
        loss = weighted_sum((1, feature_distance(model, layer, wanted)), (2e-5, total_variation()))
        decode = chain(from_fourier(size, size), decorrelated_colors())
        start = fourier_noise(size, size, seed=0).to(model.device)
        made.append(last(descend(start, loss, steps=200, decode=decode, direction=adam(0.05))))
    return [one[0].cpu() for one in made], len(made), ["photo", *relus]


def dreams(model: models.PixelModel) -> tuple[list[Tensor], int, list[str]]:
    """The photo of the pavilion, pushed towards what three layers see in it (Mordvintsev et al.
    2015).
    """
    photo = data.photo("china", 288).to(model.device)
    relus = [layer for layer in model.layers if layer.startswith("relu")]
    depths = [relus[len(relus) // 3], relus[2 * len(relus) // 3], relus[-1]]
    made = [photo]
    for layer in depths:
        energy = layer_energy(model, layer)

        def run(image: Tensor, energy=energy) -> Iterable:
            return ascend(
                image,
                energy,
                steps=10,
                augment=jitter(8, 0),
                direction=normalized(0.006),
                constrain=always(clamp()),
            )

        made.append(last(octaves(photo, (144, 204, 288), run)))
    return [one[0].cpu() for one in made], len(made), ["photo", *depths]


def neighbours(drawn: data.Pictures, codes: Tensor, count: int = 4) -> Image.Image:
    """Eight kinds, one column each: the first drawing of it, and the nearest others by cosine."""
    unit = torch.nn.functional.normalize(codes - codes.mean(dim=0))
    queries = [
        int((drawn.labels == kind).nonzero()[0]) for kind in range(0, len(drawn.class_names), 2)
    ]
    nearest = (
        (unit[queries] @ unit.T).topk(count + 1, dim=1).indices[:, 1:]
    )  # without the query itself
    rows = [drawn.pixels[queries]] + [drawn.pixels[nearest[:, rank]] for rank in range(count)]
    return tiles(torch.cat(rows), 8)


def embedding(drawn: data.Pictures, codes: Tensor, columns: int = 30) -> Image.Image:
    """The drawings at their t-SNE places, each moved to a cell of a grid so that all moves together
    are shortest.
    """
    unit = torch.nn.functional.normalize(codes - codes.mean(dim=0))
    places = TSNE(perplexity=20, init="pca", random_state=0).fit_transform(unit.numpy())
    places = (places - places.min(axis=0)) / np.ptp(places, axis=0)
    rows = len(places) // columns
    grid = np.stack(
        np.meshgrid(np.linspace(0, 1, columns), np.linspace(0, 1, rows)), axis=-1
    ).reshape(-1, 2)
    _, cell = linear_sum_assignment(cdist(places, grid, "sqeuclidean"))
    return tiles(drawn.pixels[np.argsort(cell)], columns)


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
