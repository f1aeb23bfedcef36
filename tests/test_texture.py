"""Lesson 13's technique: pixels grown as slow loops would, and the sample's Gram matrices met."""

from itertools import pairwise

import pytest
import torch
from toy_nets import four_channel_net, one_channel_net, plain_net

from cs231n_viz import data, models
from cs231n_viz.layers import usual_layers
from cs231n_viz.objectives import total_variation
from cs231n_viz.optimize import Diverged
from cs231n_viz.techniques import texture
from cs231n_viz.techniques.texture import (
    copied,
    copied_together,
    efros_leung,
    efros_leung_steps,
    gram_errors,
    largest_piece,
    patch_distances,
    scanline,
    scanline_steps,
    synthesize,
    synthesize_steps,
)

LAYERS = ["relu1", "relu2", "relu3_2"]
GROWERS = {"scanline": scanline_steps, "efros_leung": efros_leung_steps}
both_ways = pytest.mark.parametrize("grow", GROWERS.values(), ids=GROWERS)


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def scales():
    return data.texture("scales", 128)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def colors_of(pixels):
    return {tuple(color) for color in pixels[0].flatten(1).T.tolist()}


def last_of(walk):
    *_, end = walk
    return end


def tile(height, width, size):
    """A pattern of random colours that repeats every `height` rows and `width` columns."""
    return noise(1, 3, height, width).repeat(1, 1, size // height + 1, size // width + 1)[
        ..., :size, :size
    ]


# --- the same as slow loops -----------------------------------------------------------------------


def sources_by_loops(sample, canvas, order, window, weight, choose):
    """Fill a canvas of (row, column) pairs, None where nothing is known, pixel by pixel."""
    half, (height, width) = window // 2, sample.shape[2:]
    picture = sample[0].double()
    steps = [(i, j) for i in range(-half, half + 1) for j in range(-half, half + 1)]
    centers = [(r, c) for r in range(half, height - half) for c in range(half, width - half)]
    for row, column in order(canvas):
        seen = [(i, j) for i, j in steps if canvas.get((row + i, column + j)) and weight(i, j) > 0]
        distances = []
        for r, c in centers:
            total = whole = 0.0
            for i, j in seen:
                a, b = canvas[row + i, column + j]
                total += weight(i, j) * float(
                    (picture[:, a, b] - picture[:, r + i, c + j]).square().sum()
                )
                whole += weight(i, j)
            distances.append(total / whole)
        canvas[row, column] = centers[choose(distances)]
    return canvas


def test_scanline_makes_pixel_for_pixel_what_loops_make():
    sample, (height, width), window = noise(1, 3, 8, 9), (6, 7), 5
    fast = last_of(scanline_steps(sample, (height, width), window, seed=4)).sources
    loops = sources_by_loops(
        sample,
        {(0, 0): tuple(fast[0, 0].tolist())},
        lambda canvas: [(r, c) for r in range(height) for c in range(width) if r or c],
        window,
        lambda i, j: float(i < 0 or (i == 0 and j < 0)),
        lambda distances: min(range(len(distances)), key=lambda n: distances[n]),
    )
    assert fast.tolist() == [[list(loops[r, c]) for c in range(width)] for r in range(height)]


def test_each_pixel_of_efros_and_leung_comes_from_one_of_the_windows_that_loops_allow():
    sample, window = noise(1, 3, 9, 9), 5
    sigma, half = window / 6.4, window // 2
    steps = list(efros_leung_steps(sample, (7, 8), window, seed=3))
    made = 0
    for before, after in pairwise(steps):
        known = before.sources[..., 0] >= 0
        for row, column in ((after.sources[..., 0] >= 0) & ~known).nonzero().tolist():
            distances = {}
            for r in range(half, 9 - half):
                for c in range(half, 9 - half):
                    total = whole = 0.0
                    for i in range(-half, half + 1):
                        for j in range(-half, half + 1):
                            if (
                                0 <= row + i < 7
                                and 0 <= column + j < 8
                                and known[row + i, column + j]
                            ):
                                g = 2.718281828 ** (-(i**2 + j**2) / (2 * sigma**2))
                                difference = (
                                    before.image[0, :, row + i, column + j]
                                    - sample[0, :, r + i, c + j]
                                )
                                total, whole = (
                                    total + g * float(difference.square().sum()),
                                    whole + g,
                                )
                    distances[r, c] = total / whole
            chosen = tuple(after.sources[row, column].tolist())
            assert distances[chosen] <= 1.1 * min(distances.values()) + 1e-6
            made += 1
    assert made > 40


def test_pixels_that_are_made_together_do_not_see_each_other():
    for before, after in pairwise(efros_leung_steps(noise(1, 3, 20, 20), 24, 7)):
        fresh = ((after.sources[..., 0] >= 0) & (before.sources[..., 0] < 0)).nonzero()
        apart = (fresh[:, None] - fresh[None]).abs().amax(dim=2)
        assert (apart[~torch.eye(len(fresh), dtype=torch.bool)] > 3).all()


def test_the_pixel_with_most_known_neighbours_comes_first():
    known = torch.zeros(9, 9, dtype=torch.bool)
    known[2:5, 2:5] = True
    # a hole in the corner, with three known neighbours, as many as beside the middle of a side has
    known[4, 4] = False
    known[3, 5] = True  # now the hole has four
    rows, columns = texture._next_to_fill(known, 4, torch.Generator().manual_seed(0))
    assert (rows.tolist(), columns.tolist()) == ([4], [4])


# --- what grows -----------------------------------------------------------------------------------


@both_ways
def test_every_colour_of_what_grows_occurs_in_the_sample(grow):
    sample = data.texture("petals", 24)
    grown = last_of(grow(sample, (30, 20), 7))
    assert grown.image.shape == (1, 3, 30, 20)
    assert colors_of(grown.image) <= colors_of(sample)
    assert torch.equal(grown.image, copied(sample, grown.sources))


@both_ways
def test_the_same_seed_grows_the_same_and_another_one_something_else(grow):
    sample = data.texture("petals", 24)
    once, again, other = (last_of(grow(sample, 20, 5, seed)).image for seed in (1, 1, 2))
    assert torch.equal(once, again) and not torch.equal(once, other)


@both_ways
def test_a_periodic_sample_stays_periodic(grow):
    grown = last_of(grow(tile(4, 5, 24), 40, 11)).image
    assert torch.equal(grown[..., 4:, :], grown[..., :-4, :]) and torch.equal(
        grown[..., 5:], grown[..., :-5]
    )


@both_ways
def test_one_colour_stays_one_colour_and_nothing_gets_stuck(grow):
    sample = torch.full((1, 3, 7, 7), 0.25)
    assert torch.equal(last_of(grow(sample, 9, 7)).image, torch.full((1, 3, 9, 9), 0.25))


def test_a_sample_as_large_as_the_window_has_one_window_and_gives_its_centre_everywhere():
    sample = noise(1, 3, 5, 5)
    assert (scanline(sample, 6, 5) == sample[:, :, 2:3, 2:3]).all()


@both_ways
def test_it_grows_before_ones_eyes(grow):
    steps = list(grow(noise(1, 3, 12, 12), 16, 5))
    known = [int((step.sources[..., 0] >= 0).sum()) for step in steps]
    assert all(one < other for one, other in pairwise(known)) and known[-1] == 256
    assert [step.index for step in steps] == list(range(len(steps)))
    half_way = steps[len(steps) // 2]
    assert (half_way.image[0][:, half_way.sources[..., 0] < 0] == 0.5).all()


def test_efros_and_leung_begin_with_three_by_three_pixels_of_the_sample():
    first = next(efros_leung_steps(noise(1, 3, 12, 12), 17, 5))
    seed = first.sources[7:10, 7:10]
    assert torch.equal(
        seed - seed[1, 1], torch.tensor([[[i, j] for j in (-1, 0, 1)] for i in (-1, 0, 1)])
    )


@both_ways
def test_growing_changes_nothing_of_the_callers(grow):
    sample, state = noise(1, 3, 12, 12).requires_grad_(), torch.get_rng_state()
    kept = sample.detach().clone()
    grown = last_of(grow(sample, 10, 5)).image
    assert not grown.requires_grad and grown.dtype == sample.dtype and sample.grad is None
    assert torch.equal(sample, kept) and torch.equal(torch.get_rng_state(), state)


@both_ways
@pytest.mark.parametrize(
    "sample, size, window, words",
    [
        ((1, 3, 8, 8), 8, 4, "odd"),
        ((1, 3, 8, 8), 8, 1, "window is a whole number from 3 to 8, not 1"),
        ((1, 3, 8, 8), 8, 5.0, "window is a whole number, not 5.0"),
        ((1, 3, 8, 8), 8, 9, "window is a whole number from 3 to 8, not 9"),
        ((2, 3, 8, 8), 8, 5, r"the sample is one picture, not 2: \[:1\]"),
        ((1, 3, 8, 8), 0, 5, "height in pixels is a whole number"),
        ((1, 3, 8, 8), 2.5, 5, "height in pixels is a whole number, not 2.5"),
        ((1, 3, 8, 8), (8, 2.5), 5, "width in pixels is a whole number, not 2.5"),
        ((1, 1, 8, 8), 8, 5, "3 channels"),
        ((3, 8, 8), 8, 5, r"pixels\[None\]"),
    ],
)
def test_what_cannot_grow_is_said_in_words(grow, sample, size, window, words):
    with pytest.raises((ValueError, TypeError), match=words):
        next(grow(noise(*sample), size, window))


@both_ways
@pytest.mark.parametrize(
    "spoil, words", [(lambda x: x * 255, "divide by 255"), (lambda x: x / 0, "NaN")]
)
def test_bad_pixels_do_not_grow(grow, spoil, words):
    with pytest.raises(ValueError, match=words):
        next(grow(spoil(noise(1, 3, 8, 8)), 8, 5))


# --- from where -----------------------------------------------------------------------------------


def test_a_plain_copy_is_copied_together_and_a_disordered_one_is_not():
    rows, columns = torch.meshgrid(torch.arange(6), torch.arange(8), indexing="ij")
    whole = torch.stack([rows, columns], dim=-1)
    assert copied_together(whole) == 1
    assert copied_together(whole.flip(0, 1)) == 0
    assert copied_together(torch.cat([whole, whole], dim=1)) == pytest.approx(
        (6 * 14 + 5 * 16) / (6 * 15 + 5 * 16)
    )


def test_the_largest_piece_is_counted_by_hand():
    rows, columns = torch.meshgrid(torch.arange(3), torch.arange(4), indexing="ij")
    whole = torch.stack([rows, columns], dim=-1)
    assert largest_piece(whole) == 12
    assert largest_piece(whole.flip(0, 1)) == 1
    # column 2 of the left piece meets column 0
    assert largest_piece(torch.cat([whole[:, :3], whole], dim=1)) == 12
    cut = whole.clone()
    cut[:, 1] = -1  # not made yet: a column on the left, two on the right
    assert largest_piece(cut) == 6
    assert largest_piece(torch.full((2, 2, 2), -1)) == 0


def test_a_winding_piece_is_one_piece():
    whole = torch.stack(torch.meshgrid(torch.arange(7), torch.arange(5), indexing="ij"), dim=-1)
    winding = whole.flip(0, 1) + 50  # no neighbours, and those of no other piece
    for row in range(0, 7, 2):
        winding[row] = whole[row]
    for row, column in ((1, 4), (3, 0), (5, 4)):
        winding[row, column] = whole[row, column]
    assert largest_piece(winding) == 4 * 5 + 3


def test_what_is_copied_is_looked_up_and_what_is_not_there_is_grey():
    picture = torch.arange(4.0).view(1, 1, 2, 2)
    assert copied(picture, torch.tensor([[[1, 0], [-1, -1]]])).tolist() == [[[[2.0, 0.5]]]]


def test_what_cannot_be_looked_up_is_said_in_words():
    with pytest.raises(ValueError, match="reach row 3 and column 1, and the picture is 2 x 2"):
        copied(torch.zeros(1, 1, 2, 2), torch.tensor([[[3, 1], [-1, -1]]]))


@pytest.mark.parametrize(("grow", "size", "first"), [(scanline, 1, 1), (efros_leung, (3, 3), 3)])
def test_where_all_is_drawn_at_random_nothing_is_left_to_grow(grow, size, first):
    with pytest.raises(ValueError, match="none is left to synthesize"):
        grow(noise(1, 3, 5, 5), size, 3)
    assert grow(noise(1, 3, 5, 5), (first, first + 1), 3).shape == (1, 3, first, first + 1)


# --- how near to the sample -----------------------------------------------------------------------


def test_patch_distance_by_hand():
    sample = torch.zeros(1, 3, 2, 3)
    sample[..., 2] = 0.6
    image = torch.full((1, 3, 2, 2), 0.2)
    # windows of the sample: all 0, or 0 on the left and 0.6 on the right; from 0.2 the nearer is
    # 0.2 off everywhere
    assert patch_distances(image, sample, 2).flatten().tolist() == pytest.approx([0.2])
    image[..., 1] = 0.5  # left 0.2 off; right 0.5 or 0.1 off
    off = ((0.04 + 0.01) / 2) ** 0.5
    assert patch_distances(image, sample, 2).flatten().tolist() == pytest.approx([off])


def test_a_cut_of_the_sample_has_distance_zero_and_noise_has_not():
    sample = data.texture("pebbles", 48)
    images = torch.cat([sample[..., 5:30, 9:34], noise(1, 3, 25, 25)])
    near, far = patch_distances(images, sample)
    assert not near.any() and far.median() > 0.2


def test_patch_distances_are_those_of_a_loop_over_all_pairs():
    image, sample = noise(2, 3, 6, 7), noise(1, 3, 8, 5, seed=1)
    loop = torch.tensor(
        [
            [
                [
                    min(
                        float(
                            (one[:, i : i + 3, j : j + 3] - sample[0, :, a : a + 3, b : b + 3])
                            .square()
                            .mean()
                            .sqrt()
                        )
                        for a in range(6)
                        for b in range(3)
                    )
                    for j in range(5)
                ]
                for i in range(4)
            ]
            for one in image
        ]
    )
    assert torch.allclose(patch_distances(image, sample, 3), loop, atol=1e-5)


@pytest.mark.parametrize(
    "size, count, words",
    [(9, 1, "from 1 to 8"), (0, 1, "from 1 to 8"), (3, 2, "one picture, not 2")],
)
def test_patches_that_cannot_be_compared_are_said_in_words(size, count, words):
    with pytest.raises(ValueError, match=words):
        patch_distances(noise(1, 3, 8, 8), noise(count, 3, 8, 8), size)


# --- synthesis ------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_gram_matrices_of_every_layer_used_are_met_to_one_percent(model, scales):
    made = synthesize(model, scales, LAYERS, steps=100)
    assert all(float(error) <= 0.01 for error in gram_errors(model, made, scales, LAYERS).values())
    assert made.min() >= 0 and made.max() <= 1


def test_at_a_toy_layer_of_one_by_one_filters_only_the_mean_products_of_the_colours_must_agree():
    toy = models.wrap(plain_net(), input_size=4, name="toy")
    sample = noise(1, 3, 8, 8)
    made = synthesize(toy, sample, ["relu1"], steps=60, sizes=1, tv=0)
    red, wanted = made[0, 0] - 0.5, sample[0, 0] - 0.5
    for ours, theirs in zip((red, -red), (wanted, -wanted), strict=True):
        assert float(ours.relu().square().mean()) == pytest.approx(
            float(theirs.relu().square().mean()), abs=0.01
        )


@pytest.mark.parametrize("size", [96, (64, 112), (60, 61)])
def test_what_is_made_may_have_any_size(model, scales, size):
    made = synthesize(model, scales[..., :64, :80], ["relu1"], size, steps=5)
    assert tuple(made.shape[2:]) == ((size, size) if isinstance(size, int) else size)


def test_without_a_size_it_is_the_samples(model, scales):
    assert synthesize(model, scales[..., :64, :80], ["relu1"], steps=2).shape == (1, 3, 64, 80)


@pytest.mark.slow
def test_larger_than_the_sample_it_still_meets_the_gram_matrix(model, scales):
    sample = scales[..., :96, :96]
    made = synthesize(model, sample, ["relu1", "relu2"], (128, 160), steps=40)
    assert max(map(float, gram_errors(model, made, sample, ["relu1", "relu2"]).values())) < 0.02


def test_without_layers_the_usual_ones_of_a_style_are_matched(model, scales):
    sample = scales[..., :64, :64]
    layers = usual_layers(model)[1]
    assert layers == ["pixels", "relu1", "relu2", "relu3_2", "relu4_2"]
    assert torch.equal(
        synthesize(model, sample, steps=2), synthesize(model, sample, layers, steps=2)
    )
    network = models.load("efficientnet_lite0", device="cpu")
    errors = gram_errors(
        network, synthesize(network, sample, steps=30), sample, usual_layers(network)[1]
    )
    assert len(errors) == 6 and max(map(float, errors.values())) < 0.1


def test_a_batch_of_samples_gives_each_its_own_texture(model):
    samples = torch.cat([data.texture(name, 64) for name in ("scales", "petals")])
    together = synthesize(model, samples, ["relu1", "relu2"], steps=6)
    alone = torch.cat(
        [synthesize(model, one[None], ["relu1", "relu2"], steps=6) for one in samples]
    )
    assert torch.allclose(together, alone, atol=0.02)  # L-BFGS makes much of roundings


def test_the_synthesis_of_a_seed_is_the_same_again_and_another_seed_gives_another_picture(
    model, scales
):
    once, again, other = (
        synthesize(model, scales[..., :64, :64], ["relu1"], steps=5, seed=seed)
        for seed in (1, 1, 2)
    )
    assert torch.equal(once, again) and not torch.allclose(once, other, atol=0.01)


def test_the_steps_run_over_all_sizes_and_end_at_the_whole_one(model, scales):
    steps = list(synthesize_steps(model, scales, ["relu1"], steps=3, sizes=3))
    assert [step.index for step in steps] == list(range(9))
    assert [step.image.shape[2] for step in steps[::3]] == [32, 64, 128]


@pytest.mark.parametrize(
    "settings, words",
    [
        ({"layers": "relu1"}, "layers are names"),
        ({"layers": []}, "layers are names"),
        ({"layers": ["relu9"]}, "relu"),
        ({"steps": 0}, "steps is a whole number from 1 up"),
        ({"sizes": 0}, "sizes is a whole number from 1 up"),
        ({"steps": 2.5}, "steps is a whole number, not 2.5"),
        ({"sizes": 1.5}, "sizes is a whole number, not 1.5"),
        ({"tv": -1}, "tv is a number from 0 up"),
        ({"tv": torch.nan}, "tv is a number from 0 up"),
        ({"size": (64, 0)}, "width in pixels is a whole number from 1 to"),
        ({"size": 2}, "smaller|small|pixels"),
    ],
)
def test_what_cannot_be_made_is_said_in_words(model, scales, settings, words):
    with pytest.raises((ValueError, TypeError), match=words):
        synthesize(model, scales[..., :64, :64], **{"layers": ["relu1"], "steps": 1} | settings)


def test_a_higher_price_of_grain_gives_a_smoother_picture(model, scales):
    made = [
        synthesize(model, scales[..., :64, :64], ["relu1"], steps=30, sizes=1, tv=tv)
        for tv in (0, 1, 100)
    ]
    rough = [float(total_variation()(one)) for one in made]
    assert rough == sorted(rough, reverse=True) and rough[2] < 0.8 * rough[0]


def test_a_network_that_reads_grey_makes_grey_textures():
    grey = models.wrap(one_channel_net(), mean=(0.5,), std=(1.0,), input_size=8, name="grey")
    made = synthesize(grey, noise(1, 1, 16, 16), [grey.layers[0]], steps=3)
    assert made.shape == (1, 1, 16, 16)


def test_an_inactive_layer_is_said_in_words():
    toy = models.wrap(plain_net(), input_size=4, name="toy")
    black = torch.zeros(1, 3, 8, 8)
    black[:, 0] = 0.5  # the toy's filters read red − ½
    with pytest.raises(ValueError, match="Gram matrices are all zero in the reference"):
        synthesize(toy, black, ["relu1"], steps=1)


def test_what_diverges_keeps_the_last_good_step(monkeypatch, model, scales):
    small, sample = [], scales[..., :64, :64].double()

    def poisoned(gradient, parameter):
        return gradient * (0.01 if parameter.shape[2] < 64 else torch.nan)

    monkeypatch.setattr(texture, "ADAM_THEN_LBFGS", poisoned)
    with pytest.raises(
        Diverged, match="after 3 good steps, at step 0: the picture is NaN"
    ) as caught:
        small.extend(synthesize_steps(model, sample, ["relu1"], steps=3))
    assert (
        caught.value.last_step is small[-1]
        and small[-1].index == 2
        and small[-1].image.dtype == torch.float64
    )


def test_a_network_of_four_channels_has_no_noise_to_begin_with():
    network = models.wrap(
        four_channel_net(), mean=(0.5,) * 4, std=(1.0,) * 4, input_size=8, name="four"
    )
    with pytest.raises(ValueError, match="noise has at most three colours"):
        synthesize_steps(network, noise(1, 4, 8, 8), ["conv1"])


def test_sizes_and_layers_that_make_no_texture_are_refused_in_words():
    sample = torch.rand(1, 3, 20, 20, generator=torch.Generator().manual_seed(0))
    for grow, size, words in (
        (texture.scanline, 1, "none is left"),
        (texture.efros_leung, 3, "none is left"),
    ):
        with pytest.raises(ValueError, match=words):
            grow(sample, size)
    with pytest.raises(TypeError, match="is a side or"):
        texture.scanline(sample, (5, 6, 7))
    with pytest.raises(ValueError, match="layers are names"):
        texture.synthesize_steps(models.load("coursenet", device="cpu"), sample, "relu1")
    with pytest.raises(ValueError, match="no neighbours"):
        texture.copied_together(torch.zeros(1, 1, 2, dtype=torch.long))
