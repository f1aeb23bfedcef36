"""What every class of CourseNet wants to see, and whether a second network agrees: `python3 -m cs231n_viz.recipes.class_images`.

All sixteen drawn kinds and every third photographed one, 46 in all. Writes data/class_images/: measured.json, and one page
of pictures for each way; and wishes.json: every third of the 46 under each wish of the lesson alone, in fewer steps.
Twenty minutes on one core.
"""

import json
from pathlib import Path
from typing import NamedTuple

import torch
from PIL import Image
from torch import Tensor

from .. import images, models
from ..places import data_dir
from ..techniques.gradient_ascent import LECTURE, NONE, ROBUST, class_image

SIZE, STEPS, COLUMNS, TOGETHER = 80, 96, 8, 8
SECOND = "coursenet_b"
FEW_STEPS, JUDGES = 48, (SECOND, "coursenet_robust")

WAYS = {
    "ROBUST": ("coursenet", ROBUST),
    "none": ("coursenet", NONE),
    "robust network": ("coursenet_robust", ROBUST),
}
WISHES = {
    "none": NONE,
    "L2": NONE._replace(l2=0.03),
    "blur": NONE._replace(blur=0.8),
    "small pixels": NONE._replace(small_pixels=0.4),
    "contribution": NONE._replace(small_contributions=0.4),
    "gradient": NONE._replace(small_gradients=0.6),
    "jitter": NONE._replace(jitter=1 / 8),
    "scale, turn": NONE._replace(scale=0.3, rotate=12),
    "smooth": NONE._replace(smooth=0.03),
    "fringes": NONE._replace(fringes=0.03),
    "waves": NONE._replace(fourier=True),
    "colours": NONE._replace(colors="decorrelated"),
    "waves, colours": NONE._replace(fourier=True, colors="decorrelated"),
    "LECTURE": LECTURE,
    "ROBUST": ROBUST,
}


class Found(NamedTuple):
    classes: list[str]
    pictures: dict[str, Tensor]  # way -> (len(classes), 3, SIZE, SIZE)
    answers: dict[str, list[str]]  # way -> the second network's answer to each picture
    probabilities: dict[str, list[float]]  # way -> how probable it finds the picture's own class


def main() -> None:
    """Make the pictures, ask the second network, write both down; a way that is there already is kept."""
    folder = data_dir() / "class_images"
    folder.mkdir(exist_ok=True)
    measured = json.loads(_table().read_text(encoding="utf-8")) if _table().exists() else {}
    for way, (network, asked) in WAYS.items():
        if way in measured:
            continue
        model = models.load(network)
        targets = torch.tensor([model.class_index(name) for name in chosen(model)])
        made = [
            class_image(model, some, asked, size=SIZE, steps=STEPS).cpu() for some in targets.split(TOGETHER)
        ]
        measured[way] = second_opinion(torch.cat(made), chosen(model))
        page(list(torch.cat(made))).save(_page(way), quality=85, method=6)
        _table().write_text(json.dumps(measured, indent=1), encoding="utf-8")
        print(way, flush=True)
    if not _wishes_table().exists():
        _wishes_table().write_text(json.dumps(each_wish_alone(), indent=1), encoding="utf-8")


def each_wish_alone() -> dict:
    """What each judge answers for the classes of `few`: {"classes": …, wish: {judge: what second_opinion gives}}."""
    model = models.load("coursenet")
    classes = few(model)
    targets = torch.tensor([model.class_index(name) for name in classes])
    found = {"classes": classes}
    for wish, asked in WISHES.items():
        pictures = class_image(model, targets, asked, size=SIZE, steps=FEW_STEPS).cpu()
        found[wish] = {judge: second_opinion(pictures, classes, judge) for judge in JUDGES}
        print(wish, flush=True)
    return found


def wishes() -> dict:
    """What `each_wish_alone` gave when it was stored."""
    return json.loads(_wishes_table().read_text(encoding="utf-8"))


def load() -> Found:
    """The stored pictures and answers."""
    if not _table().exists():
        raise FileNotFoundError(
            f"{_table()} is missing: git checkout -- data brings it back, python3 -m cs231n_viz.recipes.class_images makes it anew."
        )
    measured = json.loads(_table().read_text(encoding="utf-8"))
    classes = chosen(models.load("coursenet"))
    return Found(
        classes,
        {way: _tiles(images.to_pixels(_page(way))[0])[: len(classes)] for way in measured},
        {way: found["answers"] for way, found in measured.items()},
        {way: found["probabilities"] for way, found in measured.items()},
    )


def chosen(model) -> list[str]:
    """All drawn kinds, and every third of the photographed ones, as the alphabet has it."""
    drawn = [name for name in model.class_names if name.startswith("drawn ")]
    photographed = [name for name in model.class_names if name not in drawn]
    return drawn + photographed[::3][:30]


def few(model) -> list[str]:
    """Every third of the chosen ones."""
    return chosen(model)[1::3]


def second_opinion(pictures: Tensor, classes: list[str], judge: str = SECOND) -> dict[str, list]:
    """What the second network answers to each picture, and how probable it finds the picture's own class."""
    second = models.load(judge)
    with torch.no_grad():
        probabilities = second(images.resize(pictures.clamp(0, 1), second.input_size)).softmax(dim=1).cpu()
    own = torch.tensor([second.class_index(name) for name in classes])
    likely = probabilities.gather(1, own[:, None])[:, 0]
    return {
        "answers": [second.class_names[index] for index in probabilities.argmax(dim=1)],
        "probabilities": [round(one, 4) for one in likely.tolist()],
    }


def page(pictures: list[Tensor]) -> Image.Image:
    """Pictures (3, SIZE, SIZE) side by side in rows of COLUMNS, without gaps; the last row is filled up with white."""
    pictures = pictures + [torch.ones_like(pictures[0])] * (-len(pictures) % COLUMNS)
    rows = [torch.cat(pictures[at : at + COLUMNS], dim=2) for at in range(0, len(pictures), COLUMNS)]
    return images.to_picture(torch.cat(rows, dim=1))


def _tiles(pixels: Tensor) -> Tensor:
    """A page (3, rows · SIZE, COLUMNS · SIZE) cut up again: (rows · COLUMNS, 3, SIZE, SIZE)."""
    return pixels.unfold(1, SIZE, SIZE).unfold(2, SIZE, SIZE).permute(1, 2, 0, 3, 4).flatten(0, 1)


def _table() -> Path:
    return data_dir() / "class_images" / "measured.json"


def _wishes_table() -> Path:
    return data_dir() / "class_images" / "wishes.json"


def _page(way: str) -> Path:
    return data_dir() / "class_images" / f"{way.replace(' ', '_')}.webp"


if __name__ == "__main__":
    main()
