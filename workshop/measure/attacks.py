"""Measures what takes too long for lesson 10: attacks on many drawings, into data/attacks.json.

python3 -m workshop.measure.attacks [radii] [transfer] [queries] [stronger] [blur]      some parts; all if none is named
"""

import json
import sys
from collections import deque

import torch
from torch import Tensor, nn

from cs231n_viz import data, models, transforms
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import adversarial
from workshop import drawing
from workshop.measure import cards

RADII = (0.5, 1, 2, 4, 8)  # in 255ths
NETWORKS = ("coursenet", "coursenet_b", "drawnet", "coursenet_robust")
PAIR = ("coursenet", "coursenet_robust")


def drawings(
    each: int, names: tuple[str, ...]
) -> tuple[Tensor, Tensor, dict[str, adversarial.RestrictedClasses]]:
    """The first `each` test drawings of every kind, their kinds, and networks that may answer with
    these kinds only.
    """
    drawn = data.picturebook("test", each * len(drawing.CLASS_NAMES))
    loaded = {
        name: adversarial.RestrictedClasses(models.load(name, device="cpu"), drawn.class_names)
        for name in names
    }
    return drawn.pixels, drawn.labels, loaded


def right(network: adversarial.RestrictedClasses, pixels: Tensor, labels: Tensor) -> Tensor:
    """(N,) bool."""
    return cards.in_batches(network, pixels).argmax(dim=1) == labels


def radii() -> dict:
    """Right answers on 96 drawings over the radius. Who falls to PGD at one radius has fallen at
    every larger one.
    """
    pixels, labels, networks = drawings(6, PAIR)
    found = {"pictures": len(labels), "radii": list(RADII)}
    for name, network in networks.items():
        clean = standing = right(network, pixels, labels)
        curves = {"random": [], "FGSM": [], "PGD": []}
        for radius in (radius / 255 for radius in RADII):
            random = adversarial.random_change(pixels, radius)
            one_step = adversarial.fgsm(network, pixels, away_from=labels, radius=radius)
            curves["random"].append(int(right(network, random, labels).sum()))
            curves["FGSM"].append(int(right(network, one_step, labels).sum()))
            left = standing.nonzero()[:, 0]
            if len(left):
                attacked = adversarial.pgd(
                    network, pixels[left], away_from=labels[left], radius=radius
                )
                standing = standing.clone()
                standing[left] = right(network, attacked, labels[left])
            curves["PGD"].append(int(standing.sum()))
        found[name] = {"clean": int(clean.sum()), **curves}
    return found


def transfer() -> dict:
    """Pictures made for one network within 8/255 (PGD, 8 steps) and tried on the others; 48
    drawings.
    """
    pixels, labels, networks = drawings(3, NETWORKS)
    table = adversarial.transfer_matrix(networks, pixels, labels, steps=8)
    return {"pictures": len(labels)} | {
        field: value.tolist() if isinstance(value, Tensor) else value
        for field, value in table._asdict().items()
    }


def queries(most: int = 200) -> dict:
    """How many questions it takes to fool the network within 8/255; None where `most` were not
    enough. 20 drawings.
    """
    pixels, labels, networks = drawings(2, PAIR)
    found = {"pictures": 20, "most": most}
    for name, network in networks.items():
        steps = adversarial.query_attack_steps(
            network, pixels[:20], away_from=labels[:20], queries=most
        )
        end = deque(steps, maxlen=1)[0]
        counts = zip(end.queries.tolist(), (end.value > 0).tolist(), strict=True)
        found[name] = [count if fooled else None for count, fooled in counts]
    return found


STRONGER = {  # one after the other, each on the drawings that still stand
    "PGD, 20 steps": {"steps": 20},
    "again by the margin": {"steps": 20, "seed": 1, "loss": "margin"},
    "again with 50 steps": {"steps": 50, "seed": 2},
}


def stronger() -> dict:
    """How many of 96 drawings each attack within 4/255 leaves right that also stood all attacks
    before it.
    """
    pixels, labels, networks = drawings(6, PAIR)
    found = {"pictures": len(labels)}
    for name, network in networks.items():
        left = right(network, pixels, labels).nonzero()[:, 0]
        found[name] = {"clean": len(left)}
        for attack, settings in STRONGER.items():
            if len(left):
                given = {"away_from": labels[left], "radius": 4 / 255} | settings
                left = left[
                    right(network, adversarial.pgd(network, pixels[left], **given), labels[left])
                ]
            found[name][attack] = len(left)
    return found


class Blurred(nn.Module):
    """CourseNet behind a slight blur."""

    def __init__(self, network: adversarial.RestrictedClasses):
        super().__init__()
        self.network, self.channels = network, network.channels
        self.class_names, self.class_index = network.class_names, network.class_index

    def forward(self, pixels: Tensor) -> Tensor:
        return self.network(transforms.blur(1.0)(pixels))


def blur() -> dict:
    """48 drawings still right, by radius: CourseNet bare, behind a blur unknown to the attack, and
    one known to it.
    """
    pixels, labels, networks = drawings(3, ("coursenet",))
    bare, behind = networks["coursenet"], Blurred(networks["coursenet"])
    found = {"pictures": len(labels), "radii": [1, 2], "bare": [], "unknown": [], "known": []}
    found["clean"] = {
        "bare": int(right(bare, pixels, labels).sum()),
        "blur": int(right(behind, pixels, labels).sum()),
    }
    for radius in found["radii"]:
        settings = {"away_from": labels, "radius": radius / 255, "steps": 5, "seed": None}
        made_for_bare, made_for_both = (
            adversarial.pgd(network, pixels, **settings) for network in (bare, behind)
        )
        found["bare"].append(int(right(bare, made_for_bare, labels).sum()))
        found["unknown"].append(int(right(behind, made_for_bare, labels).sum()))
        found["known"].append(int(right(behind, made_for_both, labels).sum()))
    return found


PARTS = {
    "radii": radii,
    "transfer": transfer,
    "queries": queries,
    "stronger": stronger,
    "blur": blur,
}


def main(names: list[str]) -> None:
    """Measure these parts and write them into the file, beside those that are there."""
    file = data_dir() / "attacks.json"
    table = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    for name in names or PARTS:
        table[name] = PARTS[name]()
        file.write_text(json.dumps(table, indent=1) + "\n", encoding="utf-8")
        print(name, flush=True)


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(sys.argv[1:])
