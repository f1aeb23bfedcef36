"""Training sets of drawings: any number, balanced, none twice, none of the stored test split."""

from types import SimpleNamespace

import numpy as np
import pytest
import torch

from cs231n_viz import data
from workshop.drawing import sets


@pytest.fixture
def stub_drawing(monkeypatch):
    """Three classes; a drawing is one grey that its seed decides; every call is written down."""
    calls = []

    def draw(kind, seed):
        calls.append((kind, seed))
        pixels = np.full((128, 128, 3), seed % 256, dtype=np.uint8)
        mask = np.eye(128, dtype=bool)
        return SimpleNamespace(pixels=pixels, mask=mask, facet=f"{kind} close up")

    monkeypatch.setattr(sets, "CLASS_NAMES", ("boat", "cat", "tree"))
    monkeypatch.setattr(sets, "draw", draw)
    return calls


def test_the_stored_orders_are_those_that_are_drawn():
    assert data.measured("picturebook/order") == sets.mixed_labels(72 * 16, 16)
    labels, swapped = sets.snow_order(data.SNOW_COUNT)
    assert data.measured("snow/order") == {"labels": labels, "swapped": swapped}


def test_the_classes_are_balanced_and_mixed_and_the_labels_true(stub_drawing):
    some = sets.picturebook(31)
    assert some.pixels.shape == (31, 3, 128, 128) and some.masks.shape == (31, 128, 128)
    assert sorted(torch.bincount(some.labels).tolist()) == [10, 10, 11]
    drawn = [f"drawn {kind}" for kind, _ in stub_drawing]
    assert [some.class_names[label] for label in some.labels] == drawn
    assert some.labels[:9].tolist() != sorted(some.labels[:9].tolist())
    assert some.facets[0] == f"{stub_drawing[0][0]} close up"


def test_a_smaller_count_is_the_beginning_of_a_larger_one(stub_drawing):
    few, many = sets.picturebook(4), sets.picturebook(20)
    assert torch.equal(few.pixels, many.pixels[:4]) and torch.equal(few.labels, many.labels[:4])


def test_training_pictures_never_repeat_and_have_even_seeds(stub_drawing):
    for seed in range(3):
        sets.picturebook(30, seed)
    assert len({seed for _, seed in stub_drawing}) == 3 * 30
    assert all(seed % 2 == 0 for _, seed in stub_drawing)  # the stored test pictures have odd ones
