"""What lies in data/: small enough, described truly, and good for what the lessons use it for."""

import json
import re

import pytest
import torch
from PIL import Image
from safetensors import safe_open

from cs231n_viz import data, images, models, published
from cs231n_viz.activations import activations_at
from workshop import sheet
from workshop.measure import cards, real_network

FOLDER = data.data_dir()
DIGESTS = json.loads((FOLDER / "checksums.json").read_text(encoding="utf-8"))
CARDS = dict(
    section.split("\n", 1)
    for section in (FOLDER / "README.md").read_text(encoding="utf-8").split("\n## ")[1:]
)
NETWORKS = {
    "coursenet",
    "coursenet_b",
    "coursenet_robust",
    "drawnet",
    "efficientnet_lite0_drawn",
    "snownet",
    "snownet_fixed",
    "generator",
    "stylenet",
}


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
    sizes = {file: (FOLDER / file).stat().st_size for file in DIGESTS}
    assert max(sizes.values()) <= 4e6 and sum(sizes.values()) <= 25e6
    assert sizes["efficientnet_lite0_drawn.safetensors"] <= 60e3


def test_the_sheets_are_there_and_one_page_wide():
    for name in sheet.NETWORKS:
        with Image.open(FOLDER / f"sheet_{name}.webp") as page:
            assert page.width == sheet.WIDTH and page.height > page.width


@pytest.mark.parametrize("name", ["coursenet", "coursenet_b", "drawnet"])
def test_the_picturebook_figure_of_the_card_is_what_one_measures(name):
    right = cards.right_drawings(models.load(name, device="cpu"), data.picturebook("test"))
    assert right.float().mean().item() == pytest.approx(
        share(CARDS[name], "Picturebook, test |"), abs=0.003
    )


def test_the_drawn_head_stands_on_the_published_network_and_names_92_of_100_drawings():
    drawn, real = (models.load(name, "cpu") for name in (f"{models.REAL}_drawn", models.REAL))
    pixels = data.photo("coffee")
    assert torch.equal(*(activations_at(model, pixels, "code") for model in (drawn, real)))
    some = data.picturebook("test", 160)
    large = some._replace(pixels=images.resize(some.pixels, drawn.input_size))
    told = share(CARDS[drawn.name], "Picturebook, test, seen with 224 px")
    assert told >= 0.92 and cards.right_drawings(drawn, large).float().mean() >= told - 0.05
    assert drawn.class_names == some.class_names


def test_the_table_of_photos_is_what_the_network_says():
    assert cards.photo_table(models.load("coursenet", device="cpu")) in CARDS["coursenet"]


def test_the_real_network_names_the_photos_that_have_a_class_of_their_own():
    model, card = models.load(models.REAL, device="cpu"), CARDS[models.REAL]
    for name, right in cards.RIGHT_OF_IMAGENET.items():
        found = {one.name for one in models.predict(model, data.photo(name))}
        assert not right or found & set(right), name
        assert f"| {name} | {real_network.answer(model, name)} |" in card
    assert published.SHA256 in card and f"{published.PACKAGE}` {published.VERSION}" in card


def test_features_put_photographs_of_kinds_never_seen_beside_their_kind(caltech):
    model = models.load("coursenet", device="cpu")
    assert not {name.replace("_", " ") for name in data.WITHHELD} & set(model.class_names)
    figures = cards.unseen_kinds(model)
    for figure, measured in figures.items():
        mine = float(re.match(r"[\d.]+", measured)[0]) / 100
        assert mine == pytest.approx(share(CARDS["coursenet"], figure + " |"), abs=0.01), figure
    in_code, in_pixels, untrained = (float(measured.split(" ")[0]) for measured in figures.values())
    assert in_code >= 80 and in_code >= max(in_pixels, untrained) + 20


@pytest.mark.parametrize("name", ["snownet", "snownet_fixed"])
def test_what_the_snow_networks_go_by_is_what_their_cards_say(name):
    for figure, measured in cards.snow_figures(models.load(name, device="cpu")).items():
        mine = float(re.match(r"[\d.]+", measured)[0]) / 100
        assert mine == pytest.approx(share(CARDS[name], figure), abs=0.01), figure


def test_the_robust_network_withstands_what_fools_the_plain_one():
    """On 64 drawings; the cards have the figures of 240."""
    some = data.picturebook("test", count=64)
    shares = {}
    for name in ("coursenet", "coursenet_robust"):
        model = models.load(name, device="cpu")
        labels = cards.labels_of(model, some)
        attacked = cards.attack(model, some.pixels, labels)
        shares[name] = (
            (cards.in_batches(model, attacked).argmax(dim=1) == labels).float().mean().item()
        )
    assert shares["coursenet"] <= 0.1 and shares["coursenet_robust"] >= 0.25


def test_the_generator_gives_back_a_picture_of_the_same_class():
    model, generator = models.load("coursenet", device="cpu"), models.load_generator(device="cpu")
    some = data.picturebook("test", count=160)
    with torch.no_grad():
        made = generator(activations_at(model, some.pixels, "code"))
    assert made.shape == some.pixels.shape and made.min() >= 0 and made.max() <= 1
    right = cards.right_drawings(model, some._replace(pixels=made)).float().mean().item()
    assert right == pytest.approx(
        share(CARDS["generator"], "class right after code and back, Pict"), abs=0.08
    )
    assert not any(weight.requires_grad for weight in generator.parameters())


def test_what_builds_on_coursenet_was_made_for_these_very_weights():
    for name, key in (("generator", "decodes"), ("coursenet_robust", "begins_with")):
        with safe_open(FOLDER / f"{name}.safetensors", framework="pt") as file:
            assert json.loads(file.metadata()[key]) == DIGESTS["coursenet.safetensors"], name


def test_the_generator_is_no_classifier_and_load_says_where_it_is():
    assert "generator" not in models.names()
    with pytest.raises(ValueError, match=r"load it with models.load_generator\(\)"):
        models.load("generator")


def test_tiles_stand_in_rows_across_the_page():
    pictures = [torch.full((3, 8, 8), level) for level in (0.0, 0.5, 1.0)]
    page = sheet.tiles(pictures, columns=2)
    side = (sheet.WIDTH + sheet.GAP) // 2 - sheet.GAP
    assert page.size == (sheet.WIDTH, 2 * (side + sheet.GAP))
    assert page.getpixel((5, 5)) == (0, 0, 0) and page.getpixel((side + sheet.GAP + 5, 5)) == (
        128,
        128,
        128,
    )


def test_a_page_is_as_high_as_its_parts_and_titles():
    parts = [
        sheet.titled("one", Image.new("RGB", (sheet.WIDTH, 50))),
        Image.new("RGB", (sheet.WIDTH, 10)),
    ]
    assert sheet.stacked(*parts).height == 50 + sheet.HEAD + 8 + 10 + 8


def test_stylenet_knows_all_paintings_and_the_table_on_its_card_adds_up():
    network, names = models.load_stylenet(device="cpu"), data.painting_names()
    assert network.styles == names
    rows = [line.split("|") for line in CARDS["stylenet"].splitlines() if line.startswith("| ")]
    losses = {
        row[1].strip(): [float(cell) for cell in row[2:-1]]
        for row in rows
        if row[2].strip()[0].isdigit()
    }
    assert list(losses) == [*names, "mean"]
    for column in (0, 1):
        assert losses["mean"][column] == pytest.approx(
            sum(losses[name][column] for name in names) / len(names), abs=0.01
        )
    for ours, optimised, ratio in losses.values():
        assert ratio == pytest.approx(ours / optimised, abs=0.02)
