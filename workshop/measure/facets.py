"""Measures what takes too long for lesson 09, into data/facets/.

    python3 -m workshop.measure.facets [faces] [codes]

faces: class images of both facets of the four classes that have two, from several starts, and which
facet they show. codes: class images in pixels, in a Fourier basis ("waves") and in a generator's
code, and what a second network predicts for them.
"""

import json
import sys
from collections.abc import Callable

import torch
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import cam, multifaceted
from cs231n_viz.techniques.gradient_ascent import NONE, class_image
from cs231n_viz.transforms import fourier_noise, fourier_to_pixels
from workshop import drawing
from workshop.drawing import sets
from workshop.measure.cards import in_batches

FOLDER = data_dir() / "facets"
LAYER, LAYER_B = "relu4_2", "block3"
KINDS = [kind for kind, faces in drawing.FACETS.items() if len(faces) == 2]
STARTS, DRAWN, STEPS, TILE = 4, 36, 48, 96
PHOTOGRAPHED = ["sunflower", "starfish", "Leopards", "soccer ball"]
PHOTOGRAPHED += ["strawberry", "pagoda", "schooner", "butterfly"]
SAME = NONE._replace(  # as `code_image` and `facet_image` have it
    smooth=multifaceted.SMOOTH, fringes=multifaceted.FRINGES, jitter=6 / 128, scale=0.25, rotate=8
)
PIXELS = SAME._replace(colors="sigmoid")
WAVES = SAME._replace(fourier=True, colors="decorrelated")


def main(parts: list[str]) -> None:
    """Measure these parts, or both, and write each down."""
    FOLDER.mkdir(exist_ok=True)
    for part in parts or ("faces", "codes"):
        found = {"faces": faces, "codes": codes}[part]()
        (FOLDER / f"{part}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"data/facets/{part}.json", flush=True)


# --- which facet is it? ---------------------------------------------------------------------------


def faces() -> dict:
    """{"drawings": how many each network assigns to their facet, "pictures": {way: rows}}.

    A row: class, facet, side of the picture in both networks (above 0: this facet), predictions.
    """
    model, second = networks = models.load("coursenet"), models.load("coursenet_b")
    fresh = sets.picturebook(24 * 16, seed=1)  # no network has seen these
    judges = [Judge(model, LAYER, fresh), Judge(second, LAYER_B, fresh)]
    drawn = data.picturebook("test")
    found = {
        "drawings": {judge.network.name: judge.right(drawn) for judge in judges},
        "pictures": {},
    }
    for start in range(STARTS):
        drawings = newly_drawn(seed=2 + start)  # the seeds 0 and 1 are taken
        for kind in KINDS:
            for way, made in begun_in_every_way(model, drawings, kind, start).items():
                rows = found["pictures"].setdefault(way, [])
                for face, picture in zip(drawing.FACETS[kind], made.split(1), strict=True):
                    sides = [round(judge.side(kind, face, picture), 2) for judge in judges]
                    predicted = [prediction(network, picture) for network in networks]
                    rows.append([kind, face, *sides, *predicted])
        print(f"start {start + 1} of {STARTS}", flush=True)
    return found


def newly_drawn(seed: int) -> data.Pictures:
    """DRAWN pictures of each class, not used in training or to choose a setting."""
    numbers = [(label, number) for label in range(len(KINDS)) for number in range(DRAWN)]
    chosen = [
        drawing.draw(KINDS[label], 2_000_000 * seed + 2 * number) for label, number in numbers
    ]
    labels = [label for label, _ in numbers]
    return sets.together(chosen, labels, [f"drawn {kind}" for kind in KINDS])


def begun_in_every_way(model, drawn: data.Pictures, kind: str, seed: int) -> dict[str, Tensor]:
    """{way: pictures}: each facet's mean centred drawing, and the ascents from it and from grey."""
    groups = {face: of_face(drawn, kind, face) for face in drawing.FACETS[kind]}
    seen = {
        face: multifaceted.responses(model, drawn.pixels[members], LAYER)
        for face, members in groups.items()
    }
    starts, sides = [], []
    for face, members in groups.items():
        pixels = drawn.pixels[members]
        heat = cam.grad_cam(model, pixels, f"drawn {kind}").square()
        starts.append(multifaceted.mean_picture(multifaceted.centered(pixels, heat)))
        rest = torch.cat([features for other, features in seen.items() if other != face])
        sides.append(multifaceted.side(seen[face], rest))
    start, facet = torch.cat(starts), multifaceted.on_sides(model, LAYER, sides)
    grey = model.mean.to(start).expand_as(start)

    def climbed(start: Tensor, facet=None) -> Tensor:
        name = f"drawn {kind}"
        return multifaceted.facet_image(model, name, start, facet, steps=STEPS, seed=seed)

    return {
        "the mean itself": start,
        "from the mean": climbed(start),
        "from grey, to its side": climbed(grey, facet),
        "from the mean, to its side": climbed(start, facet),
    }


def of_face(pictures: data.Pictures, kind: str, face: str) -> Tensor:
    """The indices of the pictures of one facet of a class."""
    of_kind = pictures.labels == pictures.class_names.index(f"drawn {kind}")
    return (of_kind & torch.tensor([one == face for one in pictures.facets])).nonzero()[:, 0]


class Judge:
    """Which facet of a class a picture is nearest to, by mean features of other drawings."""

    def __init__(self, network, layer: str, pictures: data.Pictures):
        self.network, self.layer = network, layer
        self.means = {
            kind: {
                face: self.responses(pictures.pixels[of_face(pictures, kind, face)]).mean(dim=0)
                for face in drawing.FACETS[kind]
            }
            for kind in KINDS
        }

    def responses(self, pixels: Tensor) -> Tensor:
        return multifaceted.responses(self.network, pixels, self.layer)

    def side(self, kind: str, face: str, picture: Tensor) -> float:
        """Above 0: nearer to this facet's mean than to that of the other."""
        own, rest = (
            torch.stack([mean for name, mean in self.means[kind].items() if (name == face) == same])
            for same in (True, False)
        )
        return float(multifaceted.side(own, rest).of(self.responses(picture)))

    def right(self, pictures: data.Pictures) -> list[int]:
        """How many drawings lie nearest to the mean of their facet, and how many there are."""
        marks = [
            self.side(kind, face, pictures.pixels[number : number + 1]) > 0
            for kind in KINDS
            for face in drawing.FACETS[kind]
            for number in of_face(pictures, kind, face).tolist()
        ]
        return [sum(marks), len(marks)]


@torch.no_grad()
def prediction(network, picture: Tensor) -> str:
    return network.class_names[int(network(picture).argmax())].removeprefix("drawn ")


# --- pixels, a Fourier basis, a code --------------------------------------------------------------


def codes() -> dict:
    """{way: predictions of the second network, P(class)}; writes pages of pictures, too."""
    model, second = models.load("coursenet"), models.load("coursenet_b")
    names = [f"drawn {kind}" for kind in drawing.CLASS_NAMES] + PHOTOGRAPHED
    targets, own = (
        torch.tensor([network.class_index(name) for name in names]) for network in (model, second)
    )
    found = {"classes": names}
    for way, climb in climbs(model).items():
        made = torch.cat([climb(some).cpu() for some in targets.split(8)])
        with torch.no_grad():
            likely = second(made).softmax(dim=1).cpu()
        probabilities = likely.gather(1, own[:, None])[:, 0].tolist()
        found[way] = {
            "answers": [second.class_names[index] for index in likely.argmax(dim=1).tolist()],
            "probabilities": [round(one, 3) for one in probabilities],
        }
        page = torch.cat(list(images.resize(made, TILE)), dim=2)
        images.to_picture(page).save(FOLDER / f"{way}.webp", quality=88, method=6)
        print(way, flush=True)
    return found


def climbs(model) -> dict[str, Callable[[Tensor], Tensor]]:
    """{way: targets (N,) -> class images}, of equal steps and random transformations."""
    real = in_batches(
        lambda some: activations_at(model, some, "code"), data.picturebook("test").pixels
    )
    mean, bounds = real.mean(dim=0, keepdim=True), multifaceted.code_bounds(real)
    generator, sides = models.load_generator(), (model.input_size, model.input_size)
    grey = fourier_to_pixels(3, *sides)(fourier_noise(*sides, 0))  # but for a little noise

    def in_code(targets: Tensor) -> Tensor:
        start = mean.expand(len(targets), -1)
        return multifaceted.code_image(model, generator, targets, start, bounds, steps=STEPS)

    return {
        "pixels": lambda targets: class_image(model, targets, PIXELS, steps=STEPS),
        "waves": lambda targets: class_image(model, targets, WAVES, steps=STEPS, start=grey),
        "code": in_code,
    }


if __name__ == "__main__":
    main(sys.argv[1:])
