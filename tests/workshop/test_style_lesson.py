"""What lesson 15 reads of two trained networks: they are what their losses and the card say."""

import pytest
import torch

from cs231n_viz import data, models
from cs231n_viz.places import data_dir
from cs231n_viz.techniques.fast_style import SMALL, repaint, small_network
from workshop.measure import style_lesson


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def stored():
    return data.measured("style_lesson/losses")


@pytest.fixture(scope="module")
def networks():
    return {name: style_lesson.stored(name) for name in style_lesson.RUNS}


def test_the_stored_networks_repaint_and_are_what_their_losses_say(model, stored, networks):
    assert set(stored["runs"]) == set(style_lesson.RUNS)
    for name, run in stored["runs"].items():
        assert networks[name].settings["normalize"] == (name == "with norm")
        content, style = style_lesson.judged(model, networks[name])
        assert content == pytest.approx(run["content"], rel=0.02)
        assert style == pytest.approx(run["style"], rel=0.02)


def test_with_instance_norm_the_contrast_of_a_photo_cannot_be_seen(networks):
    photo, changes = data.photo("chelsea", 96), {}
    faint = 0.5 + (photo - 0.5) / 4
    for name, network in networks.items():
        change = repaint(network, faint, "style") - repaint(network, photo, "style")
        changes[name] = float(change.abs().mean())
    assert changes["with norm"] < 0.01 and changes["without norm"] > 5 * changes["with norm"]


@pytest.mark.parametrize("name", ["with_norm", "without_norm"])
def test_the_stored_pictures_are_a_tile_for_each_stop(stored, name):
    tiles = data.sheet(f"style_lesson/{name}", style_lesson.TILE)
    assert len(tiles) == len(stored["stops"]) == len(style_lesson.STOPS)


def test_the_recipe_trains_what_it_stores(model):
    photos = data.picturebook("test", 12).pixels
    network, made, losses = style_lesson.trained(model, photos, "without norm", steps=2)
    assert not network.settings["normalize"]
    assert network.settings["widths"] == list(SMALL["widths"])
    # of the stops, the first
    assert [picture.shape for picture in made] == [(3, style_lesson.TILE, style_lesson.TILE)]
    assert len(losses["contents"]) == len(losses["styles"]) == 2 and losses["every"] == 1


def test_the_photographs_are_those_of_the_packages_but_the_one_it_is_looked_at_with():
    pieces = data.photo_pieces(128, style_lesson.LEFT_OUT)
    assert pieces.shape == (5 * 7, 3, 128, 128)
    unseen = data.photo(style_lesson.NEVER_SEEN, 128)[0]
    assert not any(torch.equal(one, unseen) for one in pieces)


def test_an_untrained_network_is_always_the_same():
    one, other = small_network(), small_network()
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), other.parameters(), strict=True))


def test_the_card_tells_what_the_file_of_losses_holds(stored):
    card = style_lesson.card()
    for name, run in stored["runs"].items():
        assert f"| {name} | {run['content']:.2f} | {run['style']:.2f} |" in card
    assert card.strip() in (data_dir() / "README.md").read_text(encoding="utf-8")
