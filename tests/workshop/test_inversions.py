"""The measurements of lesson 12 are whole, and are what one measures."""

import math

import pytest

from cs231n_viz import data
from workshop.measure import inversions


@pytest.fixture(scope="module")
def stored():
    return data.measured("inversions")


def test_the_stored_measurements_are_whole(stored):
    assert tuple(stored) == inversions.LAYERS
    assert all(list(one) == list(stored["relu1"]) for one in stored.values())
    for measures in stored.values():
        counts = {name: len(values) for name, values in measures.items()}
        assert set(counts.values()) == {inversions.COUNT, inversions.AGAIN}
        assert all(math.isfinite(value) for values in measures.values() for value in values)


def test_what_is_stored_is_what_one_measures(stored):
    afresh = inversions.measured("relu1", count=2, again=1)
    assert list(afresh) == list(stored["relu1"])
    for name, tolerance in {"psnr": 1, "psnr, another of its kind": 0.01}.items():
        assert afresh[name] == pytest.approx(stored["relu1"][name][:2], abs=tolerance)
