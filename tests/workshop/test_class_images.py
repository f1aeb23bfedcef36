"""The class images of lesson 08 are what the second network says they are."""

import pytest
import torch

from cs231n_viz import data, models
from cs231n_viz.techniques.gradient_ascent import REGULARIZERS, Regularizers
from workshop.measure import class_images


@pytest.fixture(scope="module")
def stored():
    return data.measured("class_images/measured")


def test_the_second_network_agrees_with_most_stored_pictures_but_those_without_regularisers(
    stored,
):
    classes = stored["classes"]
    drawn = [name for name in classes if name.startswith("drawn ")]
    assert len(classes) == 46 and len(drawn) == 16
    right = {
        way: sum(
            predicted == name
            for predicted, name in zip(stored[way]["answers"], classes, strict=True)
        )
        for way in class_images.WAYS
    }
    assert right["none"] < 0.6 * 46 <= right["ROBUST"]


@pytest.mark.parametrize("way", class_images.WAYS)
def test_the_stored_predictions_are_what_the_second_network_says_of_the_stored_pictures(
    stored, way
):
    pictures = data.sheet(f"class_images/{way.replace(' ', '_')}", class_images.SIZE)[:46]
    again = class_images.second_opinion(pictures, stored["classes"])["answers"]
    same = sum(one == other for one, other in zip(again, stored[way]["answers"], strict=True))
    assert same >= (30 if way == "none" else 40)  # the file keeps fine grain only roughly


def test_the_stored_table_has_every_regulariser_of_the_lesson_and_both_judges():
    table = data.measured("class_images/regularizers")
    assert table.pop("classes") == class_images.few(models.load("coursenet", device="cpu"))
    assert list(table) == list(REGULARIZERS)
    for judges in table.values():
        assert list(judges) == list(class_images.JUDGES)
        assert {len(each) for found in judges.values() for each in found.values()} == {15}


def test_the_menu_of_the_lesson_uses_every_regulariser_there_is():
    for name in Regularizers._fields:
        used = {getattr(regularizers, name) for regularizers in REGULARIZERS.values()}
        assert len(used) > 1 or name == "blur_every", name


def test_a_page_is_cut_up_into_the_pictures_it_was_made_of(monkeypatch, tmp_path):
    greys = (torch.arange(11.0) / 10).view(-1, 1, 1, 1)
    pictures = greys.expand(-1, 3, class_images.SIZE, class_images.SIZE)
    class_images.page(list(pictures)).save(tmp_path / "page.png")
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path)
    cut = data.sheet("page", class_images.SIZE)
    assert torch.allclose(cut[:11], pictures, atol=3e-3) and len(cut) == 16
