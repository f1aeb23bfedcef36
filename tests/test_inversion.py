"""What a layer keeps is found again, what is lost is not, and the measures are what they say."""

import itertools
import math

import pytest
import torch
from toy_nets import NUMBERS, four_channel_net, one_channel_net, picture, plain_net

from cs231n_viz import data, models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import feature_distance, total_variation
from cs231n_viz.optimize import Diverged, last
from cs231n_viz.techniques.inversion import (
    best_shift,
    invert,
    invert_steps,
    psnr,
)


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def toy():
    return models.wrap(plain_net(), input_size=4, name="toy")


@pytest.fixture(scope="module")
def flower():
    return data.photo("flower", 128)


def error(model, layer, made, pixels):
    return float(feature_distance(model, layer, activations_at(model, pixels, layer))(made))


# --- what comes out -------------------------------------------------------------------------------


def test_of_a_toy_layer_that_reads_red_only_red_comes_back_and_green_does_not(toy):
    pixels = picture()
    made = invert(toy, pixels, "relu1", tv=0, steps=200)
    assert torch.allclose(activations_at(toy, made, "relu1"), NUMBERS["conv1"].relu(), atol=0.03)
    assert torch.allclose(made[:, 0], pixels[:, 0], atol=0.03)
    assert (made[:, 1] - pixels[:, 1]).abs().mean() > 0.1


def test_the_first_relu_gives_the_photo_back_at_30_decibels(model, flower):
    assert psnr(invert(model, flower, "relu1", steps=60), flower) > 30


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["relu1", "relu2", "relu3_2", "relu4_1", "code", "scores"])
def test_without_tv_every_layer_gets_its_features_back_to_within_5_percent_in_75_steps(
    model, flower, layer
):
    assert error(model, layer, invert(model, flower, layer, tv=0, steps=75), flower) <= 0.05


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["relu4_2", "relu5"])
def test_so_do_the_two_hardest_layers_of_a_photo_and_of_a_drawing_in_150_steps(model, layer):
    """The drawing is the hardest of the sixteen kinds in relu4_2."""
    for pixels in (data.photo("coffee", 128), data.picturebook("test", 4).pixels[3:]):
        assert error(model, layer, invert(model, pixels, layer, tv=0, steps=150), pixels) <= 0.05


@pytest.mark.slow
def test_a_middle_block_of_efficientnet_lite_gives_its_features_back_to_within_1_percent():
    """A block is a signed sum, through two ReLU6 that saturate, of a few channels only."""
    model, cat = models.load("efficientnet_lite0", device="cpu"), data.photo("chelsea", 128)
    made = invert(model, cat, "block7")
    assert error(model, "block7", made, cat) <= 0.01 and psnr(made, cat) > 18


def test_the_first_relu_leaves_no_grid(model, flower):
    """A grid of every second pixel, as a stride of 2 makes it, has the highest frequencies."""
    made = invert(model, flower, "relu1", steps=60)
    wrong = torch.fft.rfft2(made - flower).abs().square().sum(dim=(0, 1))
    grid = wrong[64].sum() + wrong[:, 64].sum()
    assert grid < 0.02 * wrong.sum()  # those frequencies are 2.3 % of all


@pytest.mark.slow
def test_deeper_layers_give_back_less(model, flower):
    quality = [
        float(psnr(invert(model, flower, layer, steps=40), flower))
        for layer in ("relu1", "relu3_2", "relu5")
    ]
    assert quality[0] > quality[1] + 3 > quality[2] + 6


@pytest.mark.slow
def test_more_tv_gives_a_smoother_picture_and_worse_features(model, flower):
    made = [invert(model, flower, "relu2", tv=tv, steps=40) for tv in (0, 3, 100)]
    rough = [float(total_variation()(one)) for one in made]
    errors = [error(model, "relu2", one, flower) for one in made]
    assert rough == sorted(rough, reverse=True) and errors == sorted(errors)


def test_equal_seeds_give_equal_pictures_and_others_do_not(model, flower):
    first, again, other = (invert(model, flower, "code", steps=5, seed=seed) for seed in (3, 3, 4))
    assert torch.equal(first, again) and not torch.allclose(first, other, atol=0.01)


@pytest.mark.slow
def test_two_starts_end_near_each_other_in_a_shallow_layer_and_far_apart_in_the_code(model, flower):
    def apart(layer):
        first, second = (invert(model, flower, layer, steps=40, seed=seed) for seed in (0, 1))
        return float((first - second).square().mean())

    assert 10 * apart("relu1") < apart("code")


def test_the_last_step_is_the_picture_and_values_fall(model, flower):
    steps = list(invert_steps(model, flower, "relu2", steps=12))
    assert [step.index for step in steps] == list(range(12))
    assert torch.equal(steps[-1].image, invert(model, flower, "relu2", steps=12))
    assert steps[-1].value < 0.5 * steps[0].value
    assert all(step.image.min() >= 0 and step.image.max() <= 1 for step in steps)


def test_the_value_of_a_step_is_features_plus_tv_a_pixel(model, flower):
    first, second = itertools.islice(invert_steps(model, flower, "relu2", tv=7), 2)
    expected = (
        error(model, "relu2", first.image, flower)
        + 7 * float(total_variation()(first.image)) / 128**2
    )
    assert float(second.value) == pytest.approx(expected, rel=1e-4)


def test_pictures_that_are_not_square_work(model):
    pixels = data.photo("china", None)[:, :, :96, :131]
    assert invert(model, pixels, "relu3_1", steps=3).shape == pixels.shape


def test_a_network_for_grey_pictures_works():
    grey = models.wrap(one_channel_net(), mean=(0.5,), std=(1.0,), input_size=4)
    made = invert(grey, picture()[:, :1], "relu1", tv=0, steps=200)
    assert made.shape == (1, 1, 4, 4) and error(grey, "relu1", made, picture()[:, :1]) < 0.1


def test_the_callers_gradients_stay_on_and_off(model, flower):
    for enabled in (False, True):
        with torch.set_grad_enabled(enabled):
            for _ in invert_steps(model, flower, "relu1", steps=2):
                assert torch.is_grad_enabled() == enabled


# --- what is refused ------------------------------------------------------------------------------


def test_an_unknown_layer_is_refused_at_once_with_the_nearest_names(model, flower):
    with pytest.raises(ValueError, match=r"relu9.*relu"):
        invert_steps(model, flower, "relu9")


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tv": -1}, "tv is a number from 0 up, not -1"),
        ({"tv": math.nan}, "tv is a number"),
        ({"tv": math.inf}, "tv is a number"),
        ({"steps": 0}, "steps is a whole number from 1 up, not 0"),
    ],
)
def test_settings_out_of_range_are_refused_in_words(model, flower, settings, words):
    with pytest.raises(ValueError, match=words):
        invert_steps(model, flower, "relu1", **settings)


def test_half_a_step_is_refused_in_words(model, flower):
    with pytest.raises(TypeError, match="steps is a whole number, not 2.5"):
        invert_steps(model, flower, "relu1", steps=2.5)


def test_a_picture_out_of_range_is_refused(model, flower):
    with pytest.raises(ValueError, match="divide by 255"):
        invert(model, flower * 255, "relu1")


def test_a_network_of_four_channels_is_refused_in_words():
    network = models.wrap(
        four_channel_net(),
        mean=(0.5,) * 4,
        std=(1.0,) * 4,
        input_size=8,
        name="four",
        scores="values",
    )
    with pytest.raises(ValueError, match="noise has at most three colours"):
        invert_steps(
            network, torch.rand(1, 4, 8, 8, generator=torch.Generator().manual_seed(0)), "conv1"
        )


def test_features_that_are_all_zero_are_refused_in_words(toy):
    with pytest.raises(ValueError, match="relu2 are all zero"):
        network = models.wrap(plain_net(), input_size=4, name="toy")
        network.network.conv2.bias -= 100
        invert(network, picture(), "relu2")


def test_a_loss_that_becomes_nan_says_at_which_step_and_keeps_the_last_good_picture(flower):
    class Breaks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.calls = torch.nn.Conv2d(3, 4, 3), 0

        def forward(self, pixels):
            self.calls += 1
            return self.conv(pixels).mean(dim=(2, 3)) * (float("nan") if self.calls > 6 else 1)

    network = models.wrap(torch.nn.Sequential(Breaks(), torch.nn.Identity()), input_size=128)
    with pytest.raises(Diverged, match=r"step \d+: the value is NaN") as caught:
        last(invert_steps(network, flower, "1"))
    assert caught.value.last_step.image.isfinite().all()


# --- the measures ---------------------------------------------------------------------------------


def test_psnr_by_hand_and_as_scikit_image_has_it(flower):
    from skimage.metrics import peak_signal_noise_ratio

    black = torch.zeros(2, 3, 4, 4)
    assert torch.allclose(
        psnr(black + torch.tensor([0.1, 1.0])[:, None, None, None], black),
        torch.tensor([20.0, 0.0]),
    )
    noisy = (
        flower + 0.1 * torch.randn(flower.shape, generator=torch.Generator().manual_seed(0))
    ).clamp(0, 1)
    assert float(psnr(noisy, flower)) == pytest.approx(
        peak_signal_noise_ratio(flower.numpy(), noisy.numpy(), data_range=1), abs=1e-3
    )
    assert psnr(flower, flower).isinf()


def test_best_shift_finds_the_shift_also_of_a_negative_in_other_colours():
    pixels = data.picturebook("test", 3).pixels
    moved = 1 - pixels.roll((9, -14), dims=(2, 3)).flip(1)
    assert (
        best_shift(moved, pixels) - torch.tensor([-9, 14])
    ).abs().max() <= 1  # the edges are not round
    assert best_shift(pixels, pixels).tolist() == [[0, 0]] * 3
