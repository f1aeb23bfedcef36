import math

import numpy as np
import pytest
import scipy.ndimage
import torch
from torchvision.transforms import functional as vision

from cs231n_viz.transforms import (
    COLOR_CORRELATION,
    blur,
    chain,
    clamp,
    clip_small,
    decorrelated_colors,
    fourier_noise,
    fourier_to_pixels,
    from_fourier,
    from_unbounded,
    identity,
    jitter,
    pixels_to_fourier,
    random_rotate,
    random_scale,
    random_view,
    smallest,
    to_decorrelated,
    to_fourier,
    to_unbounded,
    within,
)

NINE = torch.arange(9.0).view(1, 1, 3, 3)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def random_ones(seed):
    return chain(jitter(3, seed), random_scale(0.8, 1.2, seed + 1), random_rotate(20, seed + 2))


def test_chain_runs_from_left_to_right_and_without_steps_is_the_identity():
    assert chain(lambda x: x + 1, lambda x: x * 10)(torch.ones(1)).item() == 20
    assert chain()(NINE) is NINE and identity(NINE) is NINE


def test_chain_hands_what_is_beside_the_image_to_every_step():
    assert (
        chain(lambda x, index: x + index, lambda x, index: x * index)(torch.ones(1), 3).item() == 12
    )


def test_jitter_rolls_a_3x3_picture_as_worked_by_hand():
    rolled_once_down = [[6, 7, 8], [0, 1, 2], [3, 4, 5]]
    rolled_once_right = [[2, 0, 1], [5, 3, 4], [8, 6, 7]]
    down_and_right = [[8, 6, 7], [2, 0, 1], [5, 3, 4]]
    roll = jitter(1, 0)
    seen = [roll(NINE)[0, 0].tolist() for _ in range(100)]
    for by_hand in (NINE[0, 0].tolist(), rolled_once_down, rolled_once_right, down_and_right):
        assert by_hand in seen
    assert (
        len({str(picture) for picture in seen}) == 9
    )  # three shifts down times three shifts right, and no other


def test_jitter_of_nothing_is_the_identity():
    assert torch.equal(jitter(0, 0)(NINE), NINE)


def test_random_scale_by_two_enlarges_the_middle():
    ramp = torch.linspace(0, 7, 8).expand(1, 1, 8, 8)
    enlarged = random_scale(2, 2, 0)(ramp)
    assert torch.allclose(
        enlarged[0, 0, 3], torch.linspace(1.75, 5.25, 8)
    )  # half the slope, the same middle


def test_random_scale_by_a_half_shows_the_whole_picture_and_mirrors_it_outside():
    small = random_scale(0.5, 0.5, 0)(noise(1, 1, 8, 8))
    assert torch.allclose(small[..., :2, :], small[..., 2:4, :].flip(-2), atol=1e-6)


def test_random_rotate_agrees_with_torchvision_on_a_picture_that_is_not_square():
    picture = vision.gaussian_blur(noise(1, 3, 40, 64), 9, 2.0)
    share = torch.rand((), generator=torch.Generator().manual_seed(3)).item()
    rotated = random_rotate(30, 3)(picture)
    expected = vision.rotate(picture, -30 + 60 * share, vision.InterpolationMode.BILINEAR)
    middle = (..., slice(10, 30), slice(16, 48))  # torchvision fills the corners with black
    assert torch.allclose(rotated[middle], expected[middle], atol=1e-4)


def test_random_scale_and_rotate_stay_within_their_ranges():
    angles, spread = [], []
    turn, scale = random_rotate(10, 0), random_scale(0.9, 1.1, 1)
    x = torch.linspace(-1, 1, 65)
    right, down = x.expand(1, 1, 65, 65), x.view(-1, 1).expand(1, 1, 65, 65)
    for _ in range(200):
        turned = turn(torch.cat([right, down], dim=1))[0, :, 32, 48]  # where (0.5, 0) comes from
        angles.append(math.degrees(math.atan2(turned[1], turned[0])))
        spread.append(0.5 / scale(right)[0, 0, 32, 48].item())
    assert -10 <= min(angles) < -9 and 9 < max(angles) <= 10
    assert 0.9 - 1e-4 <= min(spread) < 0.91 and 1.09 < max(spread) <= 1.1 + 1e-4


def test_random_transforms_repeat_with_their_seed_and_differ_with_another():
    picture = noise(1, 3, 16, 16)
    assert torch.equal(random_ones(0)(picture), random_ones(0)(picture))
    assert not torch.equal(random_ones(0)(picture), random_ones(5)(picture))
    shake = random_ones(0)
    assert not torch.equal(shake(picture), shake(picture))


def test_random_transforms_can_share_a_generator():
    generator = torch.Generator().manual_seed(4)
    first = chain(jitter(3, generator), random_scale(0.8, 1.2, generator))(noise(1, 3, 16, 16))
    generator = torch.Generator().manual_seed(4)
    assert torch.equal(
        first, chain(jitter(3, generator), random_scale(0.8, 1.2, generator))(noise(1, 3, 16, 16))
    )


def test_random_transforms_leave_the_global_generator_alone():
    before = torch.get_rng_state()
    random_ones(0)(noise(1, 3, 16, 16))
    fourier_noise(8, 8, seed=0)
    assert torch.equal(before, torch.get_rng_state())


def test_random_transforms_treat_a_batch_as_they_treat_each_picture():
    pictures = noise(3, 3, 16, 16)
    together = random_ones(0)(pictures)
    alone = torch.cat([random_ones(0)(picture[None]) for picture in pictures])
    assert torch.allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("seed", [0, 10])
def test_gradients_flow_back_through_random_transforms_to_where_they_came_from(seed):
    picture = noise(1, 1, 7, 9).double().requires_grad_()
    assert torch.autograd.gradcheck(lambda x: random_ones(seed)(x), picture)


@pytest.mark.parametrize("sigma", [0.3, 0.5, 1.0, 2.5])
def test_blur_agrees_with_scipy_up_to_the_edge(sigma):
    picture = noise(2, 3, 12, 17)
    expected = scipy.ndimage.gaussian_filter(
        picture.numpy(), (0, 0, sigma, sigma), mode="nearest", truncate=4
    )
    assert np.allclose(blur(sigma)(picture).numpy(), expected, atol=1e-5)


def test_blur_agrees_with_torchvision_away_from_the_edge():
    picture = noise(1, 3, 24, 24)
    expected = vision.gaussian_blur(picture, 9, 1.0)
    assert torch.allclose(blur(1.0)(picture)[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4], atol=1e-6)


def test_blur_of_nothing_is_the_identity_and_a_tiny_picture_can_be_blurred():
    assert torch.allclose(blur(0)(NINE), NINE)
    assert torch.allclose(blur(5)(torch.full((1, 3, 2, 1), 0.25)), torch.tensor(0.25))


def test_clamp_takes_numbers_and_pictures():
    assert clamp()(torch.tensor([-1.0, 0.5, 2.0])).tolist() == [0, 0.5, 1]
    assert clamp(torch.tensor([0.0, 0.75]), 1.0)(torch.tensor([0.5, 0.5])).tolist() == [0.5, 0.75]


def test_within_brings_back_to_the_box_and_to_the_ball_by_hand():
    center = torch.zeros(1, 1, 1, 2)
    far, near = torch.tensor([[[[3.0, 4.0]]]]), torch.tensor([[[[0.3, 0.4]]]])
    assert within(center, 1.0)(far).flatten().tolist() == [1, 1]
    assert torch.allclose(within(center, 1.0, norm="l2")(far).flatten(), torch.tensor([0.6, 0.8]))
    for norm in ("inf", "l2"):
        assert torch.equal(within(center, 1.0, norm)(near), near)
        assert torch.equal(within(center, 0.0, norm)(far), center)
        assert torch.equal(within(center, 0.0, norm)(center), center)


def test_within_measures_every_picture_by_itself():
    pictures = torch.stack([torch.full((3, 2, 2), 5.0), torch.full((3, 2, 2), 0.01)])
    inside = within(torch.zeros(1, 3, 2, 2), 1.0, norm="l2")(pictures)
    assert torch.allclose(inside.flatten(1).norm(dim=1), torch.tensor([1.0, 0.01 * 12**0.5]))


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (8, 9), (9, 8), (1, 1)])
def test_a_picture_goes_to_its_spectrum_and_back_at_even_and_odd_sizes(size):
    height, width = size
    picture = noise(2, 3, *size)
    down, right = np.meshgrid(np.fft.fftfreq(height), np.fft.rfftfreq(width), indexing="ij")
    frequency = np.maximum(np.hypot(down, right), 1 / max(size))
    spectrum = torch.view_as_real(
        torch.fft.rfft2(picture, norm="ortho") * torch.tensor(4 * frequency)
    )
    assert spectrum.shape == fourier_noise(*size, seed=0, count=2).shape
    assert torch.allclose(from_fourier(*size)(spectrum.float()), picture, atol=1e-5)


@pytest.mark.parametrize("size", [32, 64])
def test_one_coefficient_is_one_wave_of_the_same_strength_at_every_size(size):
    spectrum = torch.zeros(1, 3, size, size // 2 + 1, 2)
    spectrum[0, 0, 0, 2, 0] = 1.0  # two waves from left to right
    picture = from_fourier(size, size)(spectrum)
    expected = torch.cos(2 * math.pi * 2 * torch.arange(size) / size) / 4
    assert torch.allclose(picture[0, 0], expected.expand(size, size), atol=1e-6)
    assert not picture[0, 1:].any()


def test_fourier_noise_is_faint_repeats_with_its_seed_and_starts_near_grey():
    spectrum = fourier_noise(31, 33, seed=7, count=2)
    assert spectrum.shape == (2, 3, 31, 17, 2)
    assert spectrum.std().item() == pytest.approx(0.01, rel=0.05)
    assert torch.equal(spectrum, fourier_noise(31, 33, seed=7, count=2))
    assert not torch.equal(spectrum, fourier_noise(31, 33, seed=8, count=2))
    picture = chain(from_fourier(31, 33), decorrelated_colors())(spectrum)
    assert (picture - 0.5).abs().max() < 0.1


def test_gradients_reach_the_spectrum():
    decode = chain(from_fourier(6, 5), decorrelated_colors())
    assert torch.autograd.gradcheck(decode, fourier_noise(6, 5, seed=0).double().requires_grad_())


def test_decorrelated_colors_mixes_by_the_matrix_before_the_sigmoid():
    mixed = torch.logit(
        decorrelated_colors()(torch.tensor([1.0, 0.0, 0.0]).view(1, 3, 1, 1))
    ).flatten()
    light = COLOR_CORRELATION[:, 0]
    assert torch.allclose(
        mixed, light / light.norm(), atol=1e-5
    )  # the longest column, made a unit vector
    assert torch.allclose(decorrelated_colors()(torch.zeros(1, 3, 2, 2)), torch.tensor(0.5))


def test_from_unbounded_lies_between_0_and_1_and_is_grey_at_0():
    assert from_unbounded()(torch.tensor([-3.0, 0.0, 3.0])).tolist() == pytest.approx(
        [0.0474, 0.5, 0.9526], abs=1e-4
    )


def test_transforms_keep_the_number_type_of_the_picture():
    every = chain(
        random_ones(0),
        blur(1.0),
        clamp(),
        within(torch.zeros(1, 3, 16, 16).double(), 0.5, "l2"),
    )
    assert every(noise(1, 3, 16, 16).double()).dtype == torch.float64


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_transforms_stay_on_the_device_of_the_picture():
    picture = noise(2, 3, 16, 16)
    every = chain(random_ones(0), blur(1.0), clamp(), decorrelated_colors())
    on_gpu = every(picture.cuda())
    every = chain(random_ones(0), blur(1.0), clamp(), decorrelated_colors())
    assert on_gpu.is_cuda and torch.allclose(on_gpu.cpu(), every(picture), atol=1e-4)
    spectrum = fourier_noise(9, 9, seed=0)
    assert torch.allclose(
        from_fourier(9, 9)(spectrum.cuda()).cpu(), from_fourier(9, 9)(spectrum), atol=1e-4
    )
    assert jitter(3, torch.Generator("cuda").manual_seed(0))(picture.cuda()).is_cuda


@pytest.mark.parametrize(
    "make, sentence",
    [
        (lambda: random_scale(0, 1, 0), "0 < low <= high"),
        (lambda: random_scale(1.1, 0.9, 0), "low=1.1"),
        (lambda: jitter(-1, 0), "jitter is a whole number from 0 up, not -1"),
        (lambda: blur(-1), "sigma of blur is a number from 0 up, not -1"),
        (lambda: within(NINE, 0.1, norm="l1"), "unknown norm 'l1'.* Known: inf, l2"),
        (lambda: within(NINE, -0.1), "radius of within is a number from 0 up"),
    ],
)
def test_impossible_settings_are_said_when_the_transform_is_made(make, sentence):
    with pytest.raises(ValueError, match=sentence):
        make()


def test_clip_small_measures_all_colours_of_a_pixel_together_and_from_the_centre():
    center = torch.tensor([0.5, 0.0]).view(1, 2, 1, 1)
    image = torch.tensor([[0.5, 0.9, 0.5, 0.2], [0.1, 0.0, 0.6, 0.0]]).view(
        1, 2, 2, 2
    )  # lengths 0.1, 0.4, 0.6, 0.3
    clipped = clip_small(0.5, center)(image).flatten(2)[0]
    assert clipped.tolist() == [
        pytest.approx([0.5, 0.9, 0.5, 0.5]),
        pytest.approx([0.0, 0.0, 0.6, 0.0]),
    ]
    assert torch.equal(clip_small(0.0, center)(image), image)
    for share in (-0.1, 1.1, float("nan")):
        with pytest.raises(ValueError, match="share of clip_small is a number from 0 to below 1"):
            clip_small(share)


def test_the_smallest_share_of_each_pictures_values():
    values = torch.tensor([[[1.0, 4.0], [3.0, 2.0]], [[0.0, -1.0], [-2.0, -3.0]]])
    assert smallest(values, 0.5).tolist() == [
        [[True, False], [False, True]],
        [[False] * 2, [True] * 2],
    ]
    assert not smallest(values, 0.2).any()


@pytest.mark.parametrize("size", [(8, 8), (7, 9), (12, 5)])
def test_every_way_back_gives_what_the_way_there_began_with(size):
    picture = 0.05 + 0.9 * noise(2, 3, *size)
    assert torch.allclose(from_fourier(*size)(to_fourier(*size)(picture)), picture, atol=1e-5)
    assert torch.allclose(decorrelated_colors()(to_decorrelated()(picture)), picture, atol=1e-4)
    assert torch.allclose(from_unbounded()(to_unbounded()(picture)), picture, atol=1e-5)


@pytest.mark.parametrize("channels", [1, 2, 3])
def test_waves_and_back_at_every_number_of_colours(channels):
    image = 0.1 + 0.8 * torch.rand(2, channels, 9, 12, generator=torch.Generator().manual_seed(0))
    size = tuple(image.shape[1:])
    assert torch.allclose(
        fourier_to_pixels(*size)(pixels_to_fourier(*size)(image)), image, atol=1e-4
    )
    start = fourier_to_pixels(*size)(fourier_noise(9, 12, seed=1, channels=channels, scale=10))
    assert start.shape == (1, *size) and 0 < (start - 0.5).abs().mean() < 0.1


def test_noise_of_more_colours_than_three_is_refused_in_words():
    with pytest.raises(
        ValueError,
        match="noise has at most three colours, not 4",
    ):
        fourier_noise(8, 8, seed=0, channels=4)


def test_the_way_back_from_black_and_white_is_finite():
    extremes = torch.tensor([0.0, 1.0]).expand(1, 3, 1, 2)
    assert (
        to_unbounded()(extremes).isfinite().all() and to_decorrelated()(extremes).isfinite().all()
    )


def test_a_view_of_the_whole_picture_without_grain_is_the_picture_made_smaller():
    picture = noise(2, 3, 16, 16)
    assert torch.allclose(random_view(1, 16, 0, 0)(picture), picture, atol=1e-6)
    half = torch.nn.functional.avg_pool2d(picture, 2)  # bilinear at the middle of four
    assert torch.allclose(random_view(1, 8, 0, 0)(picture), half, atol=1e-6)


def test_a_view_shows_a_part_enlarged_near_the_middle_and_never_more_than_the_picture():
    ramp = torch.linspace(-1, 1, 201).expand(1, 1, 201, 201)  # tells where one looks
    see = random_view(0.5, 64, 0, 3)
    for view in (see(ramp) for _ in range(200)):
        width, centre = (view[0, 0, 0, -1] - view[0, 0, 0, 0]) / 2, view.mean()
        assert 0.48 < width < 1 and centre.abs() <= 0.6 * 0.5 + 0.02
        assert centre.abs() <= 0.6 * (1.04 - width)


def test_the_grain_of_a_view_has_the_asked_share_of_its_deviation_and_is_the_same_in_a_batch():
    pictures = torch.cat([0.1 * noise(1, 3, 32, 32), noise(1, 3, 32, 32), torch.ones(1, 3, 32, 32)])
    plain, grainy = (random_view(1, 32, grain, 5)(pictures) for grain in (0, 0.3))
    grain = (grainy - plain).flatten(1).std(dim=1) / plain[:2].flatten(1).std(dim=1).mean()
    share = (grainy - plain).flatten(1).std(dim=1)[:2] / plain[:2].flatten(1).std(dim=1)
    assert share.tolist() == pytest.approx([0.3, 0.3], rel=0.05) and grain[2] == 0
    assert torch.allclose(random_view(1, 32, 0.3, 5)(pictures[1:2]), grainy[1:2])


def test_a_view_needs_a_share():
    with pytest.raises(ValueError, match="the least share of random_view is a number from 0 to 1"):
        random_view(1.5, 8, 0, 0)


def test_a_spectrum_may_fall_with_another_power_and_1_is_the_usual_one():
    picture = noise(1, 3, 12, 15)
    for fall in (0.5, 0.9, 1, True):
        there = to_fourier(12, 15, fall)(picture)
        assert torch.allclose(from_fourier(12, 15, fall)(there), picture, atol=1e-5)
    spectrum = to_fourier(12, 15)(picture)
    assert torch.equal(from_fourier(12, 15, True)(spectrum), from_fourier(12, 15)(spectrum))
    # 6 cycles in 12 pixels are f = 1/2: a quarter of 2 ** fall
    one = torch.zeros(1, 1, 12, 7, 2)
    one[0, 0, 6, 0, 0] = 1
    made = [from_fourier(12, 12, fall)(one)[0, 0, 0, 0].item() for fall in (1.0, 2.0)]
    assert made == pytest.approx([0.5 / 12, 1 / 12])


def test_a_view_keeps_the_shape_of_the_picture():
    wide = torch.zeros(1, 1, 60, 240)
    wide[..., 20:40, 110:130] = 1  # a square of 20
    view = random_view(1, 30, 0, 0)(wide)
    assert view.shape == (1, 1, 30, 120)
    seen = view[0, 0] > 0.5
    assert seen.any(dim=1).sum() == seen.any(dim=0).sum() == 10
