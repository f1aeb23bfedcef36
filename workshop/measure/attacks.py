"""Measures what takes too long for lesson 10: attacks on many drawings, into data/attacks.json.

    python3 -m workshop.measure.attacks [radii] [transfer] [queries] [stronger] [blur]

Some parts; all if none is named.
"""

import json
import sys
from collections import deque
from typing import NamedTuple

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


def drawings(each: int, names: tuple[str, ...]) -> tuple[Tensor, Tensor, dict[str, nn.Module]]:
    """The first `each` test drawings of every kind, and networks restricted to these kinds."""
    drawn = data.picturebook("test", each * len(drawing.CLASS_NAMES))
    networks = {name: models.load(name, device="cpu") for name in names}
    restricted = {
        name: adversarial.RestrictedClasses(network, drawn.class_names)
        for name, network in networks.items()
    }
    return drawn.pixels, drawn.labels, restricted


def right(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
    """(N,) bool."""
    return cards.in_batches(network, pixels).argmax(dim=1) == labels


class Transfer(NamedTuple):
    names: list[str]
    clean: Tensor  # (K,) accuracy of each network before any attack
    noise: Tensor  # (K,) share of those right that a random change of the same size makes wrong
    fooled: Tensor  # (K, K) [made for, tried on]: share of the pictures that both classify rightly
    counts: Tensor  # (K, K) how many those are


def transfer_matrix(
    networks: dict[str, nn.Module],
    pixels: Tensor,
    labels: Tensor,
    radius: float = 8 / 255,
    **settings,
) -> Transfer:
    """Transferability: untargeted PGD made for one network, tried on another (Szegedy 2014).

    networks: {name: network}, all with the same classes. labels (N,): the right classes. Entry
    [i, j] counts only pictures that i *and* j classify rightly before: the share that j gets wrong
    after the attack that was made for i. settings: as for `pgd`.
    """
    members = list(networks.values())
    if any(each.class_names != members[0].class_names for each in members):
        raise ValueError("these networks differ in their classes: see RestrictedClasses.")

    def all_right(pictures: Tensor) -> Tensor:  # (K, N) bool
        return torch.stack([right(each, pictures, labels) for each in members])

    random = adversarial.random_change(pixels, radius, settings.get("norm", "inf"))
    clean, noisy = all_right(pixels), all_right(random)
    settings |= {"radius": radius, "away_from": labels}
    attacked = [all_right(adversarial.pgd(each, pixels, **settings)) for each in members]
    both = clean[:, None] & clean[None]  # (K, K, N)
    counts = both.sum(dim=2)
    fooled = (both & ~torch.stack(attacked)).sum(dim=2) / counts.clamp(min=1)
    noise = (clean & ~noisy).sum(dim=1) / clean.sum(dim=1).clamp(min=1)
    return Transfer(list(networks), clean.float().mean(dim=1), noise, fooled, counts)


def still_right(network, pixels: Tensor, labels: Tensor, left: Tensor, **settings) -> Tensor:
    """Those of the pictures `left` (indices) that are right even after PGD."""
    if not len(left):
        return left
    attacked = adversarial.pgd(network, pixels[left], away_from=labels[left], **settings)
    return left[right(network, attacked, labels[left])]


def radii() -> dict:
    """Right predictions on 96 drawings over the radius, and after a random change of that size.

    A drawing fooled by PGD at one radius counts as fooled at every larger one.
    """
    pixels, labels, networks = drawings(6, PAIR)
    found = {"pictures": len(labels), "radii": list(RADII)}
    for name, network in networks.items():
        left = right(network, pixels, labels).nonzero()[:, 0]
        curves = {"clean": len(left), "random": [], "FGSM": [], "PGD": []}
        for radius in (radius / 255 for radius in RADII):
            random = adversarial.random_change(pixels, radius)
            one_step = adversarial.fgsm(network, pixels, away_from=labels, radius=radius)
            left = still_right(network, pixels, labels, left, radius=radius)
            curves["random"].append(int(right(network, random, labels).sum()))
            curves["FGSM"].append(int(right(network, one_step, labels).sum()))
            curves["PGD"].append(len(left))
        found[name] = curves
    return found


def transfer() -> dict:
    """48 drawings attacked for one network within 8/255 (PGD, 8 steps), tried on the others."""
    pixels, labels, networks = drawings(3, NETWORKS)
    table = transfer_matrix(networks, pixels, labels, steps=8)
    return {"pictures": len(labels)} | {
        field: value.tolist() if isinstance(value, Tensor) else value
        for field, value in table._asdict().items()
    }


def queries(most: int = 200) -> dict:
    """How many queries fool a network within 8/255, for 20 drawings; None: more than `most`."""
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


STRONGER = {  # one after the other, each on the drawings that are left
    "PGD, 20 steps": {"steps": 20},
    "again by the margin": {"steps": 20, "seed": 1, "loss": "margin"},
    "again with 50 steps": {"steps": 50, "seed": 2},
}


def stronger() -> dict:
    """How many of 96 drawings stay right within 4/255, under each attack and all before it."""
    pixels, labels, networks = drawings(6, PAIR)
    found = {"pictures": len(labels)}
    for name, network in networks.items():
        left = right(network, pixels, labels).nonzero()[:, 0]
        found[name] = {"clean": len(left)}
        for attack, settings in STRONGER.items():
            left = still_right(network, pixels, labels, left, radius=4 / 255, **settings)
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
    """How many of 48 drawings stay right: without blur, behind an unknown and a known blur."""
    pixels, labels, networks = drawings(3, ("coursenet",))
    bare, behind = networks["coursenet"], Blurred(networks["coursenet"])
    found = {"pictures": len(labels), "radii": [1, 2], "bare": [], "unknown": [], "known": []}
    clean = {"bare": bare, "blur": behind}
    found["clean"] = {name: int(right(one, pixels, labels).sum()) for name, one in clean.items()}
    for radius in found["radii"]:
        settings = {"away_from": labels, "radius": radius / 255, "steps": 5, "seed": None}
        made_for_bare, made_for_both = (
            adversarial.pgd(network, pixels, **settings) for network in (bare, behind)
        )
        found["bare"].append(int(right(bare, made_for_bare, labels).sum()))
        found["unknown"].append(int(right(behind, made_for_bare, labels).sum()))
        found["known"].append(int(right(behind, made_for_both, labels).sum()))
    return found


PARTS = {part.__name__: part for part in (radii, transfer, queries, stronger, blur)}


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
