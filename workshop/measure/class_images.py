"""Class images of CourseNet, and whether a second network agrees with them.

    python3 -m workshop.measure.class_images

All sixteen drawn kinds and every third photographed one, 46 in all. Writes data/class_images/:
measured.json, and one page of pictures for each of WAYS; and regularizers.json: every third of the
46 under each regulariser of the lesson alone, in fewer steps. Twenty minutes on one core.
"""

import json
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor

from cs231n_viz import images, models
from cs231n_viz.places import data_dir
from cs231n_viz.techniques.gradient_ascent import NONE, REGULARIZERS, ROBUST, class_image

SIZE, STEPS, COLUMNS, TOGETHER = 80, 96, 8, 8
SECOND = "coursenet_b"
FEW_STEPS, JUDGES = 48, (SECOND, "coursenet_robust")

WAYS = {
    "ROBUST": ("coursenet", ROBUST),
    "none": ("coursenet", NONE),
    "robust network": ("coursenet_robust", ROBUST),
}


def main() -> None:
    """Make the pictures and let the second network classify them; existing files are kept."""
    folder = data_dir() / "class_images"
    folder.mkdir(exist_ok=True)
    file, table = folder / "measured.json", folder / "regularizers.json"
    measured = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    measured = {"classes": chosen(models.load("coursenet"))} | measured
    for way in [way for way in WAYS if way not in measured]:
        made = pictures(way)
        measured[way] = second_opinion(made, measured["classes"])
        page(list(made)).save(folder / f"{way.replace(' ', '_')}.webp", quality=85, method=6)
        _write(file, measured)
        print(way, flush=True)
    if not table.exists():
        _write(table, each_alone())


def pictures(way: str) -> Tensor:
    """The class images of the chosen classes, (46, 3, SIZE, SIZE)."""
    network, regularizers = WAYS[way]
    model = models.load(network)
    targets = torch.tensor([model.class_index(name) for name in chosen(model)])
    made = [
        class_image(model, some, regularizers, size=SIZE, steps=STEPS).cpu()
        for some in targets.split(TOGETHER)
    ]
    return torch.cat(made)


def each_alone() -> dict:
    """{"classes": those of `few`, regulariser: {judge: what `second_opinion` gives}}."""
    model = models.load("coursenet")
    classes = few(model)
    targets = torch.tensor([model.class_index(name) for name in classes])
    found = {"classes": classes}
    for name, regularizers in REGULARIZERS.items():
        made = class_image(model, targets, regularizers, size=SIZE, steps=FEW_STEPS).cpu()
        found[name] = {judge: second_opinion(made, classes, judge) for judge in JUDGES}
        print(name, flush=True)
    return found


def chosen(model) -> list[str]:
    """All drawn kinds, and every third of the photographed ones, as the alphabet has it."""
    drawn = [name for name in model.class_names if name.startswith("drawn ")]
    photographed = [name for name in model.class_names if name not in drawn]
    return drawn + photographed[::3][:30]


def few(model) -> list[str]:
    """Every third of the chosen ones."""
    return chosen(model)[1::3]


def second_opinion(pictures: Tensor, classes: list[str], judge: str = SECOND) -> dict[str, list]:
    """What the second network predicts of each picture, and the probability of its own class."""
    second = models.load(judge)
    with torch.no_grad():
        scores = second(images.resize(pictures.clamp(0, 1), second.input_size))
    probabilities = scores.softmax(dim=1).cpu()
    own = torch.tensor([second.class_index(name) for name in classes])
    likely = probabilities.gather(1, own[:, None])[:, 0]
    return {
        "answers": [second.class_names[index] for index in probabilities.argmax(dim=1)],
        "probabilities": [round(one, 4) for one in likely.tolist()],
    }


def page(pictures: list[Tensor]) -> Image.Image:
    """Pictures (3, SIZE, SIZE) in rows of COLUMNS, without gaps, the last filled with white."""
    pictures = pictures + [torch.ones_like(pictures[0])] * (-len(pictures) % COLUMNS)
    rows = [
        torch.cat(pictures[at : at + COLUMNS], dim=2) for at in range(0, len(pictures), COLUMNS)
    ]
    return images.to_picture(torch.cat(rows, dim=1))


def _write(file: Path, found: dict) -> None:
    file.write_text(json.dumps(found, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
