import copy
import math

import pytest
import torch
from torch import nn
from toy_nets import one_channel_net

from cs231n_viz import models
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import class_score, gram_matrix, total_variation, unit, weighted_sum
from cs231n_viz.optimize import Diverged, Step
from cs231n_viz.techniques.gradient_ascent import (
    COLORS,
    LECTURE,
    NATURAL,
    NONE,
    ROBUST,
    Regularizers,
    class_image,
    class_image_steps,
    unit_image,
    unit_image_steps,
)

EVERY = [
    NONE,
    LECTURE,
    ROBUST,
    NONE._replace(small_contributions=0.3),
    NONE._replace(fourier=True),
    ROBUST._replace(
        blur=0.5, small_pixels=0.2, small_gradients=0.2, small_contributions=0.2, l2=0.01
    ),
    *(NONE._replace(colors=colors) for colors in COLORS),
]


def out_of_range(picture):
    """The share of values that no screen can show; the Fourier transform rounds a little."""
    return ((picture < -1e-4) | (picture > 1 + 1e-4)).flatten(1).float().mean(dim=1)


class Colors(nn.Module):
    """Scores: the mean of red, the mean of green, minus the mean of red."""

    def forward(self, picture):
        red, green = picture[:, 0].mean(dim=(1, 2)), picture[:, 1].mean(dim=(1, 2))
        return torch.stack([red, green, -red], dim=1)


class Breaks(nn.Module):
    """The logarithm of what is left until red is 0.12 above the mean: NaN from there on."""

    def forward(self, picture):
        left = 0.12 - picture[:, 0].mean(dim=(1, 2))
        return torch.stack([-left.log(), left], dim=1)


@pytest.fixture(scope="module")
def colors():
    return models.wrap(
        Colors(), mean=(0.5, 0.5, 0.5), class_names=["red", "green", "cyan"], input_size=8
    )


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


def climbed(model, picture, target):
    return float(model(picture.clamp(0, 1))[0, model.class_index(target)])


# --- numbers worked by hand ---


def test_from_the_zero_image_adam_moves_every_red_value_by_the_rate_and_leaves_the_others(colors):
    first, second = class_image_steps(colors, "red", NONE, steps=2, rate=0.125, start=colors.mean)
    assert torch.allclose(first.image[:, 0], torch.tensor(0.625)) and torch.equal(
        first.image[:, 1:], torch.full((1, 2, 8, 8), 0.5)
    )
    assert torch.allclose(second.image[:, 0], torch.tensor(0.75))
    assert (first.index, float(first.value)) == (0, 0) and float(second.value) == pytest.approx(
        0.125
    )


def test_clamped_pictures_end_at_the_bound_and_free_ones_go_on(colors):
    settings = {"steps": 8, "rate": 0.125, "start": colors.mean}
    clamped = class_image(colors, "red", NONE, **settings)
    free = class_image(colors, "red", NONE._replace(colors="free"), **settings)
    assert float(clamped[0, 0].max()) == 1 and torch.allclose(free[0, 0], torch.tensor(1.5))
    assert out_of_range(clamped).tolist() == [0] and float(out_of_range(free)) == pytest.approx(
        1 / 3
    )


def test_the_l2_penalty_stops_where_its_gradient_equals_that_of_the_score(colors):
    # d/dx (mean of 64 values) = 1/64 = 2 · weight · (x − 0.5)  at  x = 0.6
    picture = class_image(
        colors, "red", NONE._replace(l2=1 / 64 / 0.2), steps=300, rate=0.01, start=colors.mean
    )
    assert torch.allclose(picture[:, 0], torch.tensor(0.6), atol=2e-3)


def test_a_tensor_of_classes_makes_a_picture_of_each(colors):
    red, cyan = class_image(
        colors, torch.tensor([0, 2]), NONE, steps=3, rate=0.1, start=colors.mean
    )
    assert torch.allclose(red[0], torch.tensor(0.8)) and torch.allclose(cyan[0], torch.tensor(0.2))


def test_small_pixels_become_the_mean_colour(colors):
    start = torch.full((1, 3, 2, 2), 0.5)
    start[0, 2] = torch.tensor([[0.5, 0.6], [0.9, 0.1]])
    picture = class_image(
        colors, "red", NONE._replace(small_pixels=0.5), steps=1, rate=0.01, start=start
    )
    assert torch.equal(picture[0, :, 0], torch.full((3, 2), 0.5))
    assert picture[0, 2, 1].tolist() == pytest.approx([0.9, 0.1])


def test_every_way_to_bound_colours_begins_at_the_zero_image(coursenet):
    for regularizers in EVERY:
        first = next(class_image_steps(coursenet, 3, regularizers, steps=1, rate=1e-6, size=32))
        assert (first.image - coursenet.mean).abs().mean() < 0.02, regularizers


@pytest.mark.slow
@pytest.mark.parametrize("regularizers", EVERY, ids=str)
def test_it_climbs_and_stays_in_range(regularizers, coursenet):
    picture = class_image(coursenet, "flamingo", regularizers, steps=12, size=48)
    before = coursenet.mean.expand(1, -1, 48, 48)
    assert climbed(coursenet, picture, "flamingo") > climbed(coursenet, before, "flamingo")
    assert regularizers.colors == "free" or not out_of_range(picture).any()


@pytest.mark.parametrize("regularizers", EVERY, ids=str)
def test_equal_seeds_give_equal_pictures_and_others_other_ones(regularizers, coursenet):
    one, same, other = (
        class_image(coursenet, 3, regularizers, steps=3, size=32, seed=seed) for seed in (0, 0, 1)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)


def test_a_start_in_a_fourier_basis_and_other_colours_is_the_picture_that_was_given(coursenet):
    start = 0.1 + 0.8 * torch.rand(1, 3, 40, 47, generator=torch.Generator().manual_seed(0))
    for regularizers in (ROBUST, NONE._replace(fourier=True), NONE._replace(colors="sigmoid")):
        first = next(class_image_steps(coursenet, 3, regularizers, steps=1, rate=1e-7, start=start))
        assert torch.allclose(first.image, start, atol=1e-4)


def test_the_penalty_on_fringes_takes_colour_edges_away(coursenet):
    plain, calm = (
        class_image(coursenet, "sunflower", NONE._replace(fringes=weight), steps=12, size=48)
        for weight in (0, 0.1)
    )
    edges = total_variation()
    assert edges(calm - calm.mean(1, keepdim=True)) < edges(plain - plain.mean(1, keepdim=True)) / 2


def test_pictures_need_not_be_square_and_begin_where_one_likes(coursenet):
    assert class_image(coursenet, 3, steps=1, size=(40, 56)).shape == (1, 3, 40, 56)
    assert class_image(coursenet, 3, steps=1).shape == (1, 3, 128, 128)
    assert class_image(coursenet, 3, steps=1, start=torch.rand(2, 3, 33, 47)).shape == (
        2,
        3,
        33,
        47,
    )


def test_a_unit_is_activated_at_a_position_or_on_average(coursenet):
    everywhere = unit_image(
        coursenet, "relu2", 3, regularizers=NONE, steps=3, size=64, start=coursenet.mean
    )
    here = unit_image(
        coursenet, "relu2", 3, 5, 5, regularizers=NONE, steps=3, size=64, start=coursenet.mean
    )
    moved = ((here - coursenet.mean).abs() > 1e-6).any(dim=1)[0]
    assert 0 < moved.float().mean() < 0.3  # nothing outside the unit's window has moved
    assert ((everywhere - coursenet.mean).abs() > 1e-6).any(dim=1).float().mean() > 0.9


def test_steps_come_one_by_one_and_can_be_left(coursenet):
    walk = unit_image_steps(coursenet, "relu1", 0, steps=1000, size=32)
    assert isinstance(next(walk), Step) and next(walk).index == 1
    walk.close()


def test_what_stops_being_a_number_says_at_which_step_and_keeps_the_last_good_picture():
    model = models.wrap(Breaks(), mean=(0.5, 0.5, 0.5), input_size=4)
    with pytest.raises(Diverged, match="step 3: the value is NaN or infinite") as caught:
        class_image(model, 0, NONE, steps=9, rate=0.05, start=model.mean)
    good = caught.value.last_step
    assert good.index == 2 and good.image.isfinite().all()


# --- bad input ---


@pytest.mark.parametrize(
    "settings, sentence",
    [
        ({"target": "flamingoo"}, "Did you mean 'flamingo"),
        ({"target": 107}, "out of range"),
        ({"target": ("relo1", 0)}, "Did you mean"),
        ({"steps": 0}, "steps is a whole number from 1 up"),
        ({"rate": 0}, "rate is a number above 0"),
        ({"rate": math.nan}, "rate is a number above 0"),
        ({"size": 0}, "picture of 0 x 0"),
        ({"regularizers": NATURAL, "view": 1.5}, "view is a number from 0 to 1"),
        ({"regularizers": Regularizers(l2=-1)}, "l2 is a number from 0 up"),
        ({"regularizers": Regularizers(blur=math.nan)}, "blur is a number from 0 up"),
        ({"regularizers": Regularizers(small_pixels=1.5)}, "the share of clip_small"),
        ({"regularizers": Regularizers(colors="clmped")}, "Did you mean 'clamped'"),
        ({"regularizers": Regularizers(blur=1, blur_every=0)}, "every is a whole number"),
        ({"start": torch.rand(3, 8, 8)}, "pixels have the shape"),
        ({"start": torch.full((1, 3, 8, 8), math.nan)}, "NaN"),
        ({"start": torch.rand(1, 3, 8, 8) + 2}, r"\[0, 1\]"),
        (
            {"start": torch.rand(1, 3, 8, 8), "size": 16},
            r"start of \(8, 8\) pixels cannot become a picture of 16 x 16",
        ),
        (
            {"start": torch.rand(3, 3, 8, 8), "target": torch.tensor([1, 2])},
            "3 pictures need as many classes",
        ),
    ],
)
def test_bad_input_is_refused_in_words_before_the_first_step(settings, sentence, coursenet):
    with pytest.raises(ValueError, match=sentence):
        class_image_steps(coursenet, **({"target": 3, "steps": 2} | settings))


def test_a_channel_out_of_range_is_refused_in_words(coursenet):
    with pytest.raises(
        ValueError, match="the channel in .* is a whole number from 0 to 47, not 48"
    ):
        unit_image(coursenet, "relu1", 48, steps=1)
    with pytest.raises(ValueError, match="Did you mean 'relu1'"):
        unit_image_steps(coursenet, "rleu1", 0)


def test_a_network_for_grey_pictures_has_class_images_and_unit_images():
    grey = models.wrap(one_channel_net(), mean=(0.5,), std=(1.0,), input_size=8)
    for picture in (class_image(grey, 0, steps=2), unit_image(grey, "relu1", 0, steps=2)):
        assert picture.shape == (1, 1, 8, 8) and picture.isfinite().all()


# --- any objective --------------------------------------------------------------------------------


def test_a_list_of_classes_or_of_channels_makes_a_picture_of_each(colors, coursenet):
    wanted = class_image(colors, torch.tensor([0, 1]), NONE, steps=3)
    assert torch.equal(class_image(colors, [0, 1], NONE, steps=3), wanted)
    given = {"size": 32, "steps": 2}
    both = unit_image(coursenet, "relu3_1", [3, 7], **given)
    for index, channel in enumerate((3, 7)):
        alone = unit_image(coursenet, "relu3_1", channel, **given)
        assert torch.allclose(both[index], alone[0], atol=1e-5)
    middle = unit_image(coursenet, "relu3_1", [3, 7], 2, 2, **given)
    assert middle.shape == both.shape and not torch.equal(middle, both)


def test_an_objective_alone_is_the_target_that_it_stands_for(coursenet):
    given = {"size": 32, "steps": 3}
    alone = class_image(coursenet, objective=class_score(coursenet, 3), **given)
    assert torch.equal(alone, class_image(coursenet, 3, **given))
    units = [unit(coursenet, "relu3_1", channel) for channel in (3, 7)]
    two = class_image(coursenet, objective=weighted_sum((1, units[0]), (1, units[1])), **given)
    beside = unit_image(coursenet, "relu3_1", 3, objective=units[1], **given)
    assert torch.allclose(two, beside, atol=1e-6)


@pytest.mark.parametrize("regularizers", [NONE, LECTURE, ROBUST])
def test_a_direction_grows_under_any_regularisers(coursenet, regularizers):
    direction = torch.randn(128, generator=torch.Generator().manual_seed(0))

    def along(image):
        return activations_at(coursenet, image, "relu3_1").mean(dim=(2, 3)) @ direction

    start = coursenet.mean.expand(1, 3, 48, 48)
    made = class_image(coursenet, objective=along, regularizers=regularizers, start=start, steps=48)
    assert along(made) > along(start)


def test_a_term_of_diversity_keeps_pictures_apart(coursenet):
    """The mean cosine of the Gram matrices, as in Olah et al. (2017), with and without the term."""

    def alike(image):
        grams = gram_matrix(activations_at(coursenet, image, "relu3_1")).flatten(1)
        grams = torch.nn.functional.normalize(grams)
        return (grams @ grams.T).mean(dim=1)

    noise = torch.rand(3, 3, 48, 48, generator=torch.Generator().manual_seed(0))
    given = {"start": 0.4 + 0.2 * noise, "steps": 16}
    plain = class_image(coursenet, 3, **given)
    apart = class_image(coursenet, 3, objective=weighted_sum((-100, alike)), **given)
    assert alike(apart).mean() < alike(plain).mean() - 0.05


def test_a_picture_of_nothing_is_refused_in_words(coursenet):
    with pytest.raises(ValueError, match="a target, such as a class, or objective="):
        class_image(coursenet)
    with pytest.raises(TypeError, match="its index or its name"):
        class_image(coursenet, 3.0)


def test_a_rectangular_network_begins_at_its_own_size():
    network = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = models.wrap(network, input_size=(12, 20))
    assert class_image(model, 0, NONE, steps=1).shape == (1, 3, 12, 20)


@pytest.mark.parametrize("regularizers", [LECTURE, ROBUST])
def test_networks_in_half_precision_have_class_images(coursenet, regularizers):
    model = copy.deepcopy(coursenet).half()
    made = class_image(model, 3, regularizers, size=32, steps=2)
    assert made.isfinite().all() and not torch.equal(made[0, 0], made[0, 1])


# --- what fits a network --------------------------------------------------------------------------


SEEN = []


class Sizes(Colors):
    """`Colors` that notes the sizes of the pictures of which a gradient is asked."""

    def forward(self, picture):
        if torch.is_grad_enabled():
            SEEN.append(tuple(picture.shape[2:]))
        return super().forward(picture)


def shown(input_size, target, **settings):
    """The sizes that the network sees in one step."""
    model = models.wrap(Sizes(), mean=(0.5, 0.5, 0.5), input_size=input_size)
    SEEN.clear()
    class_image(model, target, steps=1, **settings)
    return set(SEEN)


def test_without_a_word_a_small_network_gets_robust_to_the_bit(coursenet):
    given = {"size": 40, "steps": 3}
    assert torch.equal(
        class_image(coursenet, 3, **given), class_image(coursenet, 3, ROBUST, **given)
    )
    one, two = (
        unit_image(coursenet, "relu3_1", 3, **given, **more)
        for more in ({}, {"regularizers": ROBUST})
    )
    assert torch.equal(one, two)


def test_without_a_word_a_large_network_sees_smaller_views_and_gives_whole_pictures():
    assert shown(224, 0) == {(112, 112)} and shown(128, 0) == {(128, 128)}
    assert shown(224, 0, size=96) == {(112, 112)}
    assert shown(224, 0, regularizers=ROBUST) == {(224, 224)}
    assert shown(224, 0, regularizers=NATURAL, view=0.25) == {(56, 56)} == shown(224, 0, view=0.25)
    model = models.wrap(Colors(), mean=(0.5, 0.5, 0.5), input_size=(160, 200))
    assert class_image(model, 0, steps=1).shape == (1, 3, 160, 200)
    assert torch.equal(class_image(model, 0, steps=3), class_image(model, 0, steps=3))


def test_units_and_an_objective_of_ones_own_see_the_whole_picture():
    model = models.wrap(nn.Sequential(nn.Conv2d(3, 2, 3), nn.AvgPool2d(222), nn.Flatten()))
    for place in ((), (9, 9)):
        usual = unit_image(model, "0", [0, 1], *place, steps=2)
        robust = unit_image(model, "0", [0, 1], *place, regularizers=ROBUST, steps=2)
        assert torch.equal(usual, robust)
    sizes = []

    def bright(image):
        sizes.append(image.shape[-1])
        return image.mean(dim=(1, 2, 3))

    class_image(model, objective=bright, steps=2)
    assert sizes == [224, 224]


def test_a_view_of_0_is_the_whole_picture_also_for_a_large_network():
    assert shown(224, 0, view=0) == {(224, 224)} == shown(224, 0, regularizers=NATURAL)


def test_a_large_network_that_takes_one_size_only_sees_the_whole_picture():
    layers = nn.Conv2d(3, 2, 3, stride=32), nn.ReLU(), nn.Flatten(), nn.Linear(50, 2)
    model = models.wrap(nn.Sequential(*layers), input_size=160)
    robust = class_image(model, 1, ROBUST, steps=2)
    assert torch.equal(class_image(model, 1, steps=2), robust)
