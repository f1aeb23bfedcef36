"""The stored unit images are what their channels want to see."""

import pytest

from cs231n_viz import data, models
from workshop.measure import unit_images


@pytest.fixture(scope="module")
def model():
    return models.load(unit_images.NETWORK, device="cpu")


@pytest.mark.parametrize("layer", unit_images.LAYERS)
def test_nearly_every_channel_is_more_active_on_its_picture_than_on_any_photograph(model, layer):
    pictures = data.sheet(f"unit_images/{layer}", unit_images.SIZE)
    assert len(pictures) == model.shapes[layer][1]
    assert unit_images.beaten(model, layer, pictures).float().mean() >= 0.95
