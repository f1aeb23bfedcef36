"""First-layer filters: numbers known by hand, by theory, or planted."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from cs231n_viz import models
from cs231n_viz.techniques import filters


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def planted_gabor(size=9, angle=0.6, frequency=2.0, color=(1.0, -0.5, 0.2)):
    """A Gabor written independently of the code under test, in NumPy."""
    axis = (np.arange(size) + 0.5) / size - 0.5
    y, x = np.meshgrid(axis, axis, indexing="ij")
    along = x * np.cos(angle) + y * np.sin(angle)
    across = -x * np.sin(angle) + y * np.cos(angle)
    wave = np.exp(-(along**2) / (2 * 0.2**2) - across**2 / (2 * 0.3**2)) * np.cos(
        2 * np.pi * frequency * along + 0.7
    )
    return torch.tensor(np.multiply.outer(color, wave), dtype=torch.float32)


@pytest.fixture
def model():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 5), nn.ReLU(), nn.Conv2d(4, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    return models.wrap(network, input_size=16)


def test_filter_images_are_a_copy_of_the_weights(model):
    images = filters.filter_images(model, "0")
    assert torch.equal(images, model.network[0].weight)
    images.zero_()
    assert model.network[0].weight.abs().sum() > 0


def test_a_layer_without_filters_names_those_that_have_some(model):
    with pytest.raises(
        ValueError,
        match="unknown convolution of Sequential '1'. Known: 0, 2",
    ):
        filters.filter_images(model, "1")


def test_convolutions_come_in_the_order_in_which_they_run(model):
    assert filters.convolutions(model) == ["0", "2"]


def test_zero_is_grey_and_the_largest_weight_black_or_white():
    bank = torch.zeros(2, 3, 2, 2)
    bank[0, 0, 0, 0], bank[1, 2, 1, 1] = -4.0, 1.0
    each, shared = filters.as_pictures(bank), filters.as_pictures(bank, "shared")
    assert each[0, 0, 0, 0] == 0 and each[1, 2, 1, 1] == 1 and each[0, 1, 0, 0] == 0.5
    assert shared[0, 0, 0, 0] == 0 and shared[1, 2, 1, 1] == 0.5 + 1 / 8


def test_an_all_zero_filter_is_grey_and_not_nan():
    assert torch.equal(filters.as_pictures(torch.zeros(1, 3, 3, 3)), torch.full((1, 3, 3, 3), 0.5))


def test_a_quantile_keeps_an_extreme_value_from_greying_the_rest():
    sizes = torch.tensor([1.0, 100.0, 0.0]).view(3, 1, 1, 1)
    maps = torch.tensor([-1.0, 0.0, 0.5, 9.0]).view(1, 1, 2, 2) * sizes
    two_thirds = filters.as_pictures(maps, quantile=2 / 3).flatten(1)  # sizes 0, 0.5, 1, 9
    expected = torch.tensor([[0.0, 0.5, 0.75, 1.0]] * 2 + [[0.5] * 4])
    assert torch.allclose(two_thirds, expected, atol=1e-6)
    whole = filters.as_pictures(maps[:1])[0, 0].flatten()
    assert torch.allclose(whole, 0.5 + torch.tensor([-1, 0, 0.5, 9]) / 18)


def test_an_unknown_scale_is_refused_in_words():
    with pytest.raises(ValueError, match="unknown scale 'all'. Known: each, shared"):
        filters.as_pictures(torch.zeros(1, 3, 3, 3), "all")


def test_white_noise_has_a_roughness_of_two_and_a_ramp_little():
    assert filters.roughness(noise(200, 3, 11, 11)).median() == pytest.approx(2, abs=0.1)
    ramp = torch.linspace(-1, 1, 11).expand(1, 3, 11, 11)
    # neighbours in a row differ by 0.2, in a column by 0: 0.04 / 2 over a variance of 0.4
    assert filters.roughness(ramp).item() == pytest.approx(0.02 / 0.4, rel=1e-5)


def test_no_patch_of_the_same_norm_beats_the_filters_own_copy():
    w, patches = noise(3, 7, 7), noise(10_000, 3, 7, 7, seed=1)
    own = filters.responses(w, torch.cat([w[None], 3 * w[None]]))
    torch.testing.assert_close(own, w.square().sum().expand(2))
    assert (filters.responses(w, patches) < own[0]).all()


def test_responses_are_those_of_patches_scaled_to_the_filters_norm():
    w, patches = noise(3, 4, 4), noise(5, 3, 4, 4, seed=1)
    expected = [float((w * p * w.norm() / p.norm()).sum()) for p in patches]
    torch.testing.assert_close(filters.responses(w, patches), torch.tensor(expected))


def test_random_patches_are_cut_from_the_pictures():
    pictures = torch.arange(2 * 3 * 6 * 5.0).view(2, 3, 6, 5)
    patches = filters.random_patches(pictures, 3, 40, torch.Generator().manual_seed(0))
    everywhere = (
        pictures.unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 3, 3, 3)
    )
    assert patches.shape == (40, 3, 3, 3)
    assert all((patch == everywhere).flatten(1).all(dim=1).any() for patch in patches)
    assert len({float(patch[0, 0, 0]) for patch in patches}) > 15


def test_random_patches_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    filters.random_patches(torch.ones(1, 3, 9, 9), 3, 4, torch.Generator().manual_seed(0))
    assert torch.equal(torch.get_rng_state(), before)


def test_a_grey_filter_has_no_saturation_and_an_opponent_one_has_all():
    pattern = noise(5, 5)
    grey, red_green = pattern.expand(3, 5, 5), torch.stack([pattern, -pattern, 0 * pattern])
    axis = filters.color_axis(torch.stack([grey, red_green]))
    torch.testing.assert_close(axis.saturation, torch.tensor([0.0, 1.0]), atol=1e-3, rtol=0)
    torch.testing.assert_close(axis.share, torch.ones(2))
    assert abs(float(axis.direction[1] @ torch.tensor([1.0, -1.0, 0.0]))) == pytest.approx(
        math.sqrt(2), rel=1e-4
    )


def test_two_colour_patterns_share_the_energy():
    first, second = torch.zeros(4, 4), torch.zeros(4, 4)
    first[0, 0], second[3, 3] = 2.0, 1.0
    axis = filters.color_axis(torch.stack([first, second, 0 * first])[None])
    assert axis.share.item() == pytest.approx(4 / 5)


@pytest.mark.parametrize("angle", [0.0, 0.6, 2.0])
def test_a_planted_gabor_is_found(angle):
    fit = filters.fit_gabor(planted_gabor(angle=angle)[None])
    assert fit.r_squared.item() > 0.99


def test_noise_is_no_gabor():
    assert filters.fit_gabor(noise(12, 3, 9, 9)).r_squared.median() < 0.4


def test_the_reported_r_squared_is_that_of_the_drawn_image():
    bank = planted_gabor()[None] + 0.1 * noise(1, 3, 9, 9)
    fit = filters.fit_gabor(bank)
    residual, spread = (bank - fit.image).square().sum(), (bank - bank.mean()).square().sum()
    assert fit.r_squared.item() == pytest.approx(float(1 - residual / spread), rel=1e-4)


def test_strongest_inputs_are_ordered_by_the_norm_of_their_weights():
    bank = torch.zeros(1, 4, 3, 3)
    bank[0, 2], bank[0, 0, 1, 1], bank[0, 3, 0, 0] = -1.0, 2.0, 0.5
    assert filters.strongest_inputs(bank, 0, 3).tolist() == [2, 0, 3]
