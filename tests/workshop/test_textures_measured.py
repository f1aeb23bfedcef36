"""What lesson 13 reads of textures made by every method: whole, and what the recipe measures."""

import pytest

from cs231n_viz import data
from workshop.drawing.textures import TEXTURE_NAMES
from workshop.measure import textures


@pytest.fixture(scope="module")
def stored():
    return data.measured("textures")


def test_the_stored_measurements_are_whole(stored):
    assert tuple(stored) == tuple(TEXTURE_NAMES)
    assert all(list(one) == list(stored["pebbles"]) for one in stored.values())
    values = [value for one in stored.values() for each in one.values() for value in each.values()]
    assert all(0 <= value <= 1.5 for value in values)


def test_the_gram_errors_stored_of_what_was_made_from_noise_are_at_most_one_percent(stored):
    assert max(one["Gram"]["gram"] for one in stored.values()) <= 0.01


def test_the_recipe_measures_what_is_stored(stored):
    scales, afresh = stored["scales"], textures.measured("scales")
    kinds = [{method: list(each) for method, each in one.items()} for one in (afresh, scales)]
    assert kinds[0] == kinds[1]
    for method in set(scales) - {"Gram"}:
        assert afresh[method] == pytest.approx(scales[method], abs=2e-3), method
    assert afresh["Gram"]["patch"] == pytest.approx(scales["Gram"]["patch"], abs=0.02)
