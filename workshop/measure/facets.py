"""Measures what takes too long for lesson 09, into data/facets/: `python3 -m
workshop.measure.facets [faces] [codes]`.

faces: pictures of both faces of the four kinds that have two, begun in several ways, and whose face
they show. codes: class images made of pixels, of waves and of a generator's code, and what a second
network calls them.
"""

import json
import sys
from pathlib import Path

import torch
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import color_variation, score_of, total_variation, weighted_sum
from cs231n_viz.optimize import adam, ascend, last
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import cam, multifaceted
from cs231n_viz.transforms import (
    chain,
    decorrelated_colors,
    fourier_noise,
    from_fourier,
    from_unbounded,
    jitter,
    random_rotate,
    random_scale,
)
from workshop import drawing
from workshop.drawing import sets
from workshop.measure.cards import in_batches

FOLDER = data_dir() / "facets"
LAYER, LAYER_B = "relu4_2", "block3"
KINDS = [kind for kind, faces in drawing.FACETS.items() if len(faces) == 2]
STARTS, DRAWN, STEPS, TILE = 4, 36, 48, 96
PHOTOGRAPHED = [
    "sunflower",
    "starfish",
    "Leopards",
    "soccer ball",
    "strawberry",
    "pagoda",
    "schooner",
    "butterfly",
]


def main(parts: list[str]) -> None:
    """Measure these parts, or both, and write each down."""
    FOLDER.mkdir(exist_ok=True)
    for part in parts or ("faces", "codes"):
        found = {"faces": faces, "codes": codes}[part]()
        (FOLDER / f"{part}.json").write_text(json.dumps(found, indent=1), encoding="utf-8")
        print(f"data/facets/{part}.json", flush=True)


# --- whose face is it? ----------------------------------------------------------------------------


def faces() -> dict:
    """For each picture: its kind, its face, its side in both networks (above 0: that face), what
    both call it.
    """
    model, second = models.load("coursenet"), models.load("coursenet_b")
    fresh = sets.picturebook(24 * 16, seed=1)  # no network has seen these
    judges = {
        network.name: Judge(network, layer, fresh)
        for network, layer in ((model, LAYER), (second, LAYER_B))
    }
    drawn = data.picturebook("test")
    found = {
        "drawings": {name: judge.right(drawn) for name, judge in judges.items()},
        "pictures": {},
    }
    for start in range(STARTS):
        drawings = newly_drawn(seed=2 + start)  # the seeds 0 and 1 are taken
        for kind in KINDS:
            for way, made in begun_in_every_way(model, drawings, kind, start).items():
                rows = [
                    [
                        kind,
                        face,
                        *(round(judge.side(kind, face, picture), 2) for judge in judges.values()),
                    ]
                    + [called(network, picture) for network in (model, second)]
                    for face, picture in zip(drawing.FACETS[kind], made.split(1), strict=True)
                ]
                found["pictures"].setdefault(way, []).extend(rows)
        print(f"start {start + 1} of {STARTS}", flush=True)
    return found


def newly_drawn(seed: int) -> data.Pictures:
    """DRAWN pictures of each kind that has two faces, on none of which a network was trained or a
    setting chosen.
    """
    chosen = [
        drawing.draw(kind, 2_000_000 * seed + 2 * number)
        for kind in KINDS
        for number in range(DRAWN)
    ]
    labels = [label for label in range(len(KINDS)) for _ in range(DRAWN)]
    return sets.together(chosen, labels, [f"drawn {kind}" for kind in KINDS])


def begun_in_every_way(model, drawn: data.Pictures, kind: str, seed: int) -> dict[str, Tensor]:
    """For each face the mean of its drawings, moved to the middle, and what climbing makes of it,
    and of plain grey.
    """
    groups = {face: of_face(drawn, kind, face) for face in drawing.FACETS[kind]}
    seen = {
        face: multifaceted.responses(model, drawn.pixels[own], LAYER)
        for face, own in groups.items()
    }
    starts, sides = [], []
    for face, own in groups.items():
        heat = cam.grad_cam(model, drawn.pixels[own], f"drawn {kind}").square()
        starts.append(multifaceted.mean_picture(multifaceted.centered(drawn.pixels[own], heat)))
        rest = torch.cat([features for other, features in seen.items() if other != face])
        sides.append(multifaceted.side(seen[face], rest))
    start, facet = torch.cat(starts), multifaceted.on_sides(model, LAYER, sides)
    grey = model.mean.to(start).expand_as(start)

    def climbed(start: Tensor, facet=None) -> Tensor:
        return multifaceted.facet_image(
            model, f"drawn {kind}", start, facet, steps=STEPS, seed=seed
        )

    return {
        "the mean itself": start,
        "from the mean": climbed(start),
        "from grey, to its side": climbed(grey, facet),
        "from the mean, to its side": climbed(start, facet),
    }


def of_face(pictures: data.Pictures, kind: str, face: str) -> Tensor:
    label = pictures.class_names.index(f"drawn {kind}")
    right = [
        number
        for number, (one, other) in enumerate(
            zip(pictures.labels.tolist(), pictures.facets, strict=True)
        )
        if one == label and other == face
    ]
    return torch.tensor(right)


class Judge:
    """Says which face of a kind a picture is nearest to, by the means of drawings that are used for
    nothing else.
    """

    def __init__(self, network, layer: str, pictures: data.Pictures):
        self.network, self.layer = network, layer
        self.means = {
            kind: {
                face: self.see(pictures.pixels[of_face(pictures, kind, face)]).mean(dim=0)
                for face in drawing.FACETS[kind]
            }
            for kind in KINDS
        }

    def see(self, pixels: Tensor) -> Tensor:
        return multifaceted.responses(self.network, pixels, self.layer)

    def side(self, kind: str, face: str, picture: Tensor) -> float:
        """Above 0: nearer to this face's mean than to the other's."""
        own, rest = (
            torch.stack([mean for name, mean in self.means[kind].items() if (name == face) == same])
            for same in (True, False)
        )
        return float(multifaceted.side(own, rest).of(self.see(picture)))

    def right(self, pictures: data.Pictures) -> list[int]:
        """How many real drawings lie nearest to their own face, and how many there are."""
        marks = [
            self.side(kind, face, pictures.pixels[number : number + 1]) > 0
            for kind in KINDS
            for face in drawing.FACETS[kind]
            for number in of_face(pictures, kind, face).tolist()
        ]
        return [sum(marks), len(marks)]


@torch.no_grad()
def called(network, picture: Tensor) -> str:
    return network.class_names[int(network(picture).argmax())].removeprefix("drawn ")


# --- pixels, waves, code --------------------------------------------------------------------------


def codes() -> dict:
    """What the second network calls the pictures, and how probable it finds their class; writes
    their pages, too.
    """
    model, second, generator = (
        models.load("coursenet"),
        models.load("coursenet_b"),
        models.load_generator(),
    )
    names = [f"drawn {kind}" for kind in drawing.CLASS_NAMES] + PHOTOGRAPHED
    targets, found = torch.tensor([model.class_index(name) for name in names]), {"classes": names}
    real = in_batches(
        lambda some: activations_at(model, some, "code"), data.picturebook("test").pixels
    )
    for way in ("pixels", "waves", "code"):
        made = torch.cat([climb(way, model, generator, some, real) for some in targets.split(8)])
        with torch.no_grad():
            likely = second(made).softmax(dim=1)
        own = torch.tensor([second.class_index(name) for name in names])
        found[way] = {
            "answers": [second.class_names[index] for index in likely.argmax(dim=1).tolist()],
            "probabilities": [
                round(one, 3) for one in likely.gather(1, own[:, None])[:, 0].tolist()
            ],
        }
        page = torch.cat(list(images.resize(made, TILE)), dim=2)
        images.to_picture(page).save(page_of(way), quality=88, method=6)
        print(way, flush=True)
    return found


def climb(way: str, model, generator, targets: Tensor, real: Tensor) -> Tensor:
    """The same score, the same disturbances, the same number of evaluations: STEPS."""
    size = model.input_size
    if way == "code":
        start = real.mean(dim=0, keepdim=True).expand(len(targets), -1)
        bounds = multifaceted.code_bounds(real)
        return multifaceted.code_image(model, generator, targets, start, bounds, steps=STEPS)
    score = weighted_sum(
        (1, score_of(model, targets)),
        (-multifaceted.SMOOTH, total_variation()),
        (-multifaceted.FRINGES, color_variation()),
    )
    lot = torch.Generator().manual_seed(0)
    shaken = chain(jitter(6, lot), random_scale(0.8, 1.25, lot), random_rotate(8, lot))
    if way == "waves":
        start, decode = (
            fourier_noise(size, size, 0),
            chain(from_fourier(size, size), decorrelated_colors()),
        )
    else:
        noise = torch.randn(1, 3, size, size, generator=torch.Generator().manual_seed(0))
        start, decode = model.mean.logit().cpu() + 0.01 * noise, from_unbounded()
    start = start.expand(len(targets), *start.shape[1:]).to(model.device)
    walk = ascend(start, score, steps=STEPS, decode=decode, augment=shaken, direction=adam(0.05))
    return last(walk).cpu()


def page_of(way: str) -> Path:
    return FOLDER / f"{way}.webp"


if __name__ == "__main__":
    main(sys.argv[1:])
