"""What lies in data/: small enough, described truly, and good for what the lessons use it for."""

import json
import re

import pytest
import torch
from PIL import Image

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.recipes import measure, sheet

FOLDER = data.data_dir()
DIGESTS = json.loads((FOLDER / "checksums.json").read_text(encoding="utf-8"))
CARDS = dict(
    section.split("\n", 1) for section in (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## ")[1:]
)
NETWORKS = {"coursenet", "coursenet_b", "coursenet_robust", "drawnet", "snownet", "snownet_fixed", "generator"}


def share(card: str, figure: str) -> float:
    """The first percentage in the row of a card's table that begins with this figure."""
    row = next(line for line in card.splitlines() if line.startswith(f"| {figure}"))
    return float(re.search(r"([\d.]+) %", row.split("|")[2])[1]) / 100


def test_every_network_of_the_design_is_there_with_a_card_that_names_its_file_and_command():
    assert set(DIGESTS) == {f"{name}.safetensors" for name in NETWORKS}
    for name in NETWORKS:
        assert DIGESTS[f"{name}.safetensors"] in CARDS[name], name
        assert f"python3 -m cs231n_viz train {name}" in CARDS[name], name


def test_weights_are_small():
    sizes = [(FOLDER / file).stat().st_size for file in DIGESTS]
    assert max(sizes) <= 4e6 and sum(sizes) <= 25e6


def test_the_sheets_are_there_and_one_page_wide():
    for name in sheet.NETWORKS:
        with Image.open(FOLDER / f"sheet_{name}.webp") as page:
            assert page.width == sheet.WIDTH and page.height > page.width


@pytest.mark.parametrize("name", ["coursenet", "coursenet_b", "drawnet"])
def test_the_picturebook_figure_of_the_card_is_what_one_measures(name):
    some = data.picturebook("test", count=320)
    right = measure.right_drawings(models.load(name, device="cpu"), some).float().mean().item()
    assert right == pytest.approx(share(CARDS[name], "Picturebook, test |"), abs=0.05)  # 320 of 1152 pictures


def test_the_shortcut_network_goes_by_the_background_and_the_fixed_one_by_the_animal():
    mixed = data.snow("test", 80, correlated=False)
    usual = torch.tensor([facet == "snow" for facet in mixed.facets]) == (mixed.labels == 0)
    for name, low, high in (("snownet", 0, 0.3), ("snownet_fixed", 0.85, 1)):
        right = measure.in_batches(models.load(name, device="cpu"), mixed.pixels).argmax(dim=1) == mixed.labels
        assert right[usual].float().mean() >= 0.9, name
        assert low <= right[~usual].float().mean() <= high, name


def test_the_robust_network_withstands_what_fools_the_plain_one():
    some = data.picturebook("test", count=64)
    shares = {}
    for name in ("coursenet", "coursenet_robust"):
        model = models.load(name, device="cpu")
        labels = torch.tensor([model.class_names.index(some.class_names[label]) for label in some.labels])
        attacked = measure.attack(model, some.pixels, labels)
        shares[name] = (measure.in_batches(model, attacked).argmax(dim=1) == labels).float().mean().item()
    assert shares["coursenet"] <= 0.1 and shares["coursenet_robust"] >= shares["coursenet"] + 0.2


def test_the_generator_gives_back_a_picture_of_the_same_class():
    model, generator = models.load("coursenet", device="cpu"), models.load_generator(device="cpu")
    some = data.picturebook("test", count=160)
    with torch.no_grad():
        made = generator(activations_at(model, some.pixels, "code"))
    assert made.shape == some.pixels.shape and made.min() >= 0 and made.max() <= 1
    assert measure.right_drawings(model, some._replace(pixels=made)).float().mean() >= 0.7
    assert not any(weight.requires_grad for weight in generator.parameters())


def test_tiles_stand_in_rows_across_the_page():
    pictures = [torch.full((3, 8, 8), level) for level in (0.0, 0.5, 1.0)]
    page = sheet.tiles(pictures, columns=2)
    side = (sheet.WIDTH + sheet.GAP) // 2 - sheet.GAP
    assert page.size == (sheet.WIDTH, 2 * (side + sheet.GAP))
    assert page.getpixel((5, 5)) == (0, 0, 0) and page.getpixel((side + sheet.GAP + 5, 5)) == (128, 128, 128)


def test_tsne_pages_and_titles_add_up():
    parts = [sheet.titled("one", Image.new("RGB", (sheet.WIDTH, 50))), Image.new("RGB", (sheet.WIDTH, 10))]
    assert sheet.stacked(*parts).height == 50 + sheet.HEAD + 8 + 10 + 8
