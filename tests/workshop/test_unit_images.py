"""The stored unit images are what their channels want to see."""

import pytest
import torch

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


def test_a_page_is_cut_up_into_the_pictures_it_was_made_of(monkeypatch, tmp_path):
    greys = (torch.arange(16.0) / 15).view(-1, 1, 1, 1)
    tiles = greys.expand(-1, 3, unit_images.SIZE, unit_images.SIZE)
    unit_images.page(tiles).save(tmp_path / "page.png")
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path)
    torch.testing.assert_close(data.sheet("page", unit_images.SIZE), tiles, atol=0.003, rtol=0)
