"""What every channel of five layers of the real network wants to see.

    python3 -m workshop.measure.unit_images

Writes data/unit_images/LAYER.webp: a tile for each channel, row by row, made by
`gradient_ascent.unit_image` (Olah, Mordvintsev & Schubert 2017). Ten minutes on one core.
"""

import torch
from torch import Tensor

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.places import data_dir
from cs231n_viz.techniques.gradient_ascent import unit_image
from workshop.measure.class_images import page

NETWORK = "efficientnet_lite0"
LAYERS = ("block3", "block5", "block8", "block11", "block15")
SIZE, STEPS, TOGETHER = 112, 64, 8


def main() -> None:
    """Make the pages; existing files are kept."""
    model = models.load(NETWORK)
    (data_dir() / "unit_images").mkdir(exist_ok=True)
    for layer in LAYERS:
        file = data_dir() / "unit_images" / f"{layer}.webp"
        if not file.exists():
            page(list(pictures(model, layer))).save(file, quality=70, method=6)
        share = beaten(model, layer, data.sheet(f"unit_images/{layer}", SIZE)).float().mean()
        print(f"{layer}: {share:.1%} beat every photograph", flush=True)


def pictures(model: models.PixelModel, layer: str) -> Tensor:
    """The unit images of all channels, (channels, 3, SIZE, SIZE)."""
    channels = range(model.shapes[layer][1])
    made = [
        unit_image(model, layer, list(channels[first : first + TOGETHER]), size=SIZE, steps=STEPS)
        for first in channels[::TOGETHER]
    ]
    return torch.cat(made).cpu()


def beaten(model: models.PixelModel, layer: str, pictures: Tensor) -> Tensor:
    """Which channels are more active, on average, on their picture than on any photograph."""
    photographs = torch.cat([data.photo(name, size=SIZE) for name in data.photo_names()])
    on_photographs, on_pictures = (
        torch.cat([activations_at(model, some, layer).mean(dim=(2, 3)) for some in all_.split(32)])
        for all_ in (photographs, pictures)
    )
    return on_pictures.diagonal() > on_photographs.amax(dim=0)


if __name__ == "__main__":
    main()
