"""The card of EfficientNet-Lite0: `python -m workshop.measure.real_network`, a minute or so.

Needs SqueezeNet's weights, and a folder of photographs named by their ImageNet class, such as
n01518878_ostrich.JPEG, in CS231N_VIZ_PHOTOS.
"""

import os
from pathlib import Path

import torch
from torch import Tensor
from torchvision.transforms.functional import center_crop

from cs231n_viz import data, images, models, published
from cs231n_viz.models import PixelModel
from workshop.measure import cards
from workshop.train import training

RIGHT = {"coursenet": cards.RIGHT}  # all others know ImageNet's classes
COLUMNS = ("efficientnet_lite0", "squeezenet1_0", "coursenet")


def named_right(model: PixelModel, folder: Path) -> Tensor:
    """(N,) bool: does the network name the photographs of a folder as their files do?"""
    right = []
    for file in sorted(folder.glob("n*_*.JPEG")):
        name = file.stem.partition("_")[2]
        answer = models.predict(model, middle(images.to_pixels(file), *model.size), top=1)[0].name
        right.append(answer.replace(" ", "_").lower() == name.lower())
    return torch.tensor(right)


def middle(pixels: Tensor, height: int, width: int) -> Tensor:
    """The usual view of ImageNet: the shorter side 8/7 of what is seen, of which the middle."""
    scale = 8 / 7 * max(height / pixels.shape[2], width / pixels.shape[3])
    large = images.resize(pixels, tuple(round(side * scale) for side in pixels.shape[2:]))
    return center_crop(large, [height, width])


def answer(model: PixelModel, photo: str) -> str:
    """`espresso, 92 % ✓`: the first answer; ✓ if it is right, (✓) if one of the first five is."""
    right = RIGHT.get(model.name, cards.RIGHT_OF_IMAGENET)[photo]
    found = models.predict(model, data.photo(photo, model.input_size))
    places = [place for place, one in enumerate(found) if one.name in right]
    mark = ("(✓)" if places[0] else "✓") if places else "✗"
    return f"{found[0].name}, {100 * found[0].probability:.0f} % {mark}"


def table(networks: list[PixelModel]) -> str:
    """What each network says of each photograph, beside what would be right."""
    head = ["photo", *(f"`{model.name}`" for model in networks), "right of ImageNet's classes"]
    rows = [head, ["---"] * len(head)]
    for photo in data.photo_names():
        right = ", ".join(cards.RIGHT_OF_IMAGENET[photo]) or "none it knows"
        rows.append([photo, *(answer(model, photo) for model in networks), right])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    networks = [models.load(name) for name in COLUMNS]
    right = named_right(networks[0], Path(os.environ["CS231N_VIZ_PHOTOS"]))
    weights = sum(weight.numel() for weight in networks[0].parameters())
    text = f"""
EfficientNet-Lite0 (`cs231n_viz/networks.py`), {weights:,} weights with batch norm folded, input
224 px, ImageNet's 1,000 classes. `models.load()` gives it. Its weights do not lie here: they come
from the package index with the course, as `{published.PACKAGE}` {published.VERSION}, which ML
Illustrated packaged; they are Google's (github.com/tensorflow/tpu, Apache-2.0; Tan & Le 2019, Liu
2020), trained on ImageNet. The package's code is not run.

- SHA-256 of its file of weights: `{published.SHA256}`
- Measured by `python -m workshop.measure.real_network`.

| accuracy | figure (95 % interval) |
|---|---|
| ImageNet's validation set, as published | 75.1 % |
| {len(right)} photographs, one a class, first answer | {training.share_in_words(right)} |

✓: the first answer is right, (✓): one of the first five is. Dahlias, portraits and the deep sky
have no class of their own in ImageNet. CourseNet is marked by its own classes.

{table(networks)}
"""
    training.write_card("efficientnet_lite0", text)
    print(text)


if __name__ == "__main__":
    main()
