"""Textures load without a network, are cut and never scaled, and say what they have."""

import socket

import numpy as np
import pytest
import torch

from cs231n_viz import data
from workshop.drawing.textures import TEXTURE_NAMES, draw_texture

GREY = ("brick", "grass", "gravel")


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.mark.parametrize("name", data.texture_names())
def test_every_texture_loads_offline_in_colour_but_for_the_three_grey_ones(name, no_network):
    pixels = data.texture(name)
    assert pixels.shape == (1, 3, 256, 256) and pixels.dtype == torch.float32
    assert pixels.min() >= 0 and pixels.max() <= 1 and pixels.std() > 0.05
    chroma = (pixels.amax(1) - pixels.amin(1)).mean()
    assert chroma == 0 if name in GREY else chroma > 0.02


@pytest.mark.parametrize("name", ["wood", "petals", "galaxies", "night_sky", "brick"])
def test_a_smaller_texture_is_the_middle_of_a_larger_one(name):
    assert torch.equal(data.texture(name, 64), data.texture(name, 200)[..., 68:132, 68:132])


def test_there_are_drawn_ones_cuts_of_photos_and_of_paintings():
    names = data.texture_names()
    assert len(names) == len(set(names)) >= 20 and len(TEXTURE_NAMES) >= 10
    assert set(names) >= {*TEXTURE_NAMES, *GREY, "petals", "night_sky"}


@pytest.mark.parametrize("name", TEXTURE_NAMES)
def test_a_drawn_texture_is_the_same_every_time_and_another_with_another_seed(name):
    first = draw_texture(name)
    assert first.shape == (512, 512, 3) and first.dtype == np.uint8
    assert np.array_equal(first, draw_texture(name))
    assert (draw_texture(name, seed=1) != first).mean() > 0.05
    quarters = (
        first.astype(float).reshape(2, 256, 2, 256, 3).transpose(0, 2, 1, 3, 4).reshape(4, -1, 3)
    )
    assert (
        np.ptp(quarters.mean(1), axis=0).max() < 0.6 * first.std((0, 1)).mean()
    )  # alike in its quarters


@pytest.mark.parametrize("name", TEXTURE_NAMES)
def test_the_file_is_what_the_workshop_draws(name):
    stored = data.texture(name, 512)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(stored - draw_texture(name)).mean() < 1


def test_the_package_knows_the_drawn_textures():
    assert list(data.DRAWN_TEXTURES) == TEXTURE_NAMES


def test_a_texture_is_the_callers_own():
    data.texture("wood").zero_()
    assert data.texture("wood").max() > 0.5


def test_an_unknown_texture_gets_the_nearest_name():
    with pytest.raises(ValueError, match="unknown texture 'peble'. Did you mean 'pebbles'"):
        data.texture("peble")
    with pytest.raises(ValueError, match="unknown drawn texture 'grass'"):
        draw_texture("grass")


def test_a_size_that_is_not_there_says_what_is():
    with pytest.raises(ValueError, match="'petals' is a whole number from 2 to 388, not 400"):
        data.texture("petals", 400)
    with pytest.raises(ValueError, match="not 0"):
        data.texture("wood", 0)
