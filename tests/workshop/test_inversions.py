"""The measurements of lesson 12 are whole, and are what one measures."""

import math

import numpy
import pytest
import torch

from cs231n_viz import data
from workshop.measure import inversions
from workshop.measure.inversions import color_errors, correlations


@pytest.fixture(scope="module")
def stored():
    return data.measured("inversions")


@pytest.fixture(scope="module")
def flower():
    return data.photo("flower", 128)


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


def test_color_errors_tell_light_from_colour_and_are_1_for_the_own_mean_colour(flower):
    brighter = color_errors(flower + 0.1, flower)
    redder = color_errors(flower + torch.tensor([0.1, -0.05, -0.05])[:, None, None], flower)
    assert brighter.light > 0.01 and brighter.color < 1e-8
    assert redder.color > 0.01 and redder.light < 1e-8
    flat = color_errors(flower.mean(dim=(2, 3), keepdim=True).expand_as(flower), flower)
    assert float(flat.light) == pytest.approx(1, abs=1e-4) and float(flat.color) == pytest.approx(
        1, abs=1e-4
    )


def test_correlations_ask_for_the_pattern_whatever_its_mean_and_contrast(flower):
    alike = correlations(0.3 * flower + 0.5, flower)
    assert torch.allclose(torch.stack(alike), torch.ones(2, 1), atol=1e-5)
    assert torch.allclose(
        torch.stack(correlations(1 - flower, flower)), -torch.ones(2, 1), atol=1e-5
    )
    flat = correlations(flower.mean(dim=(2, 3), keepdim=True).expand_as(flower), flower)
    assert torch.allclose(torch.stack(flat), torch.zeros(2, 1), atol=1e-3)
    grey = flower.mean(dim=1, keepdim=True).expand_as(flower)
    assert (
        correlations(grey, flower).light > 0.999 and correlations(grey, flower).color.abs() < 1e-3
    )


def test_correlations_are_those_of_numpy(flower):
    other = data.photo("coffee", 128)
    lights = (one.mean(dim=1).flatten().numpy() for one in (flower, other))
    assert float(correlations(flower, other).light) == pytest.approx(
        numpy.corrcoef(*lights)[0, 1], abs=1e-4
    )


def test_a_flat_reference_has_no_error_to_be_measured_by():
    image = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    grey = image.mean(dim=1, keepdim=True).expand(1, 3, 8, 8)
    assert color_errors(image, grey).color.isnan() and color_errors(
        image, grey
    ).light == pytest.approx(0, abs=1e-5)
    assert color_errors(image, torch.full_like(image, 0.5)).light.isnan()
