"""DeepDream: a gradient by hand, each trick by itself, guides, journeys, and what is refused."""

import base64
import io
from itertools import pairwise

import numpy as np
import pytest
import torch
import toy_nets
from PIL import Image, ImageSequence

from cs231n_viz import data, images, models, plot
from cs231n_viz.activations import activations_at
from cs231n_viz.objectives import gradient, layer_energy
from cs231n_viz.optimize import Diverged, keep, normalized
from cs231n_viz.techniques import deepdream, filters
from cs231n_viz.transforms import random_scale

BRIEF = {"octaves": 1, "steps": 1, "jitter": 0}
PLAIN = {"direction": normalized(deepdream.RATE)} | BRIEF


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def clouds():
    return images.to_pixels(deepdream.clouds(72, 96, seed=2))


@pytest.fixture
def toy():
    return models.wrap(toy_nets.plain_net(), input_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)


def own_gradient(model, pixels, layer):
    """DeepDream as its authors wrote it: the layer's activation is sent back as its gradient."""
    x = pixels.clone().requires_grad_()
    features = activations_at(model, x, layer)
    return torch.autograd.grad(features, x, features.detach())[0]


def test_a_step_worked_by_hand(toy):
    """relu1 is red − ½ and ½ − red, where positive: ½‖Φ‖² has the gradient red − ½ in red alone."""
    start = toy_nets.picture()
    expected = torch.zeros_like(start)
    expected[:, 0] = toy_nets.RED - 0.5
    expected = (start + 0.01 * expected / expected.abs().mean()).clamp(0, 1)
    dreamt = deepdream.dream(toy, start, "relu1", direction=normalized(0.01), **BRIEF)
    assert torch.allclose(dreamt, expected, atol=1e-6)


@pytest.mark.parametrize("layer", ["conv1", "relu3_1", "relu5", "code"])
def test_the_activation_sent_back_is_the_gradient_of_half_the_squared_norm(
    coursenet, clouds, layer
):
    sent, energy = own_gradient(coursenet, clouds, layer), layer_energy(coursenet, layer)
    assert torch.allclose(sent, gradient(energy, clouds), atol=1e-5 * float(sent.abs().max()))


def test_a_dream_makes_its_layer_louder_and_stays_in_range(coursenet, clouds):
    values = [
        step.value for step in deepdream.dream_steps(coursenet, clouds, "relu5", octaves=1, steps=4)
    ]
    dreamt = deepdream.dream(coursenet, clouds, "relu5", octaves=2, steps=4)
    assert values[0] == pytest.approx(1, abs=0.3) and values[-1] > 1.3
    assert dreamt.shape == clouds.shape and dreamt.min() >= 0 and dreamt.max() <= 1
    louder = layer_energy(coursenet, "relu5")
    assert louder(dreamt) > 2 * louder(clouds)


def test_equal_seeds_give_equal_dreams_and_others_do_not(coursenet, clouds):
    one, same, other = (
        deepdream.dream(coursenet, clouds, "relu3_1", octaves=1, steps=2, seed=s) for s in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.allclose(one, other)


def test_restarts_times_octaves_times_steps(coursenet, clouds):
    steps = list(
        deepdream.dream_steps(coursenet, clouds, "relu2", restarts=2, octaves=2, scale=2.0, steps=3)
    )
    assert [step.index for step in steps] == list(range(12))
    sizes = [tuple(step.image.shape[-2:]) for step in steps]
    assert sizes == 2 * ([(36, 48)] * 3 + [(72, 96)] * 3)


def test_a_second_restart_begins_with_the_picture_of_the_first(coursenet, clouds):
    twice = deepdream.dream(coursenet, clouds, "relu2", restarts=2, **PLAIN)
    once = deepdream.dream(coursenet, clouds, "relu2", **PLAIN)
    again = images.resize(once, (72, 96)).clamp(0, 1)
    assert torch.allclose(twice, own_step(coursenet, again, "relu2"), atol=1e-5)


def test_a_dream_that_diverges_later_keeps_the_picture_of_the_restart_before(coursenet, clouds):
    def poisoned(gradient, parameter):
        poisoned.calls += 1
        return gradient * (torch.nan if poisoned.calls == 5 else 0.0)

    poisoned.calls, seen = 0, []
    walk = deepdream.dream_steps(
        coursenet, clouds, "relu2", restarts=2, octaves=2, steps=2, direction=poisoned
    )
    with pytest.raises(Diverged, match="dream 2 of 2, after 0 good steps, at step 0") as caught:
        for step in walk:
            seen = [*seen, step]
    assert len(seen) == 4 and caught.value.last_step is seen[-1] and seen[-1].index == 3


def own_step(model, pixels, layer):
    sent = own_gradient(model, pixels, layer)
    return (pixels + deepdream.RATE * sent / sent.abs().mean()).clamp(0, 1)


def test_without_clipping_values_leave_the_range(coursenet, clouds):
    free = deepdream.dream(
        coursenet, clouds, "relu2", octaves=1, steps=6, direction=normalized(0.1), constrain=keep
    )
    assert free.min() < 0 and free.max() > 1


def test_sizes_grow_to_the_pictures_own():
    assert deepdream.octave_sizes(384, 512, 4, 1.4) == [
        (140, 187),
        (196, 261),
        (274, 366),
        (384, 512),
    ]
    assert deepdream.octave_sizes(5, 7, 1, 1.4) == [(5, 7)]


def test_a_picture_of_384_by_512_is_dreamt_at_its_size(coursenet):
    large = images.to_pixels(deepdream.clouds(384, 512))
    dreamt = deepdream.dream(coursenet, large, "relu1", octaves=2, steps=1)
    assert dreamt.shape == (1, 3, 384, 512) and not torch.allclose(dreamt, large, atol=1e-3)


def test_several_layers_count_by_their_relative_growth(coursenet, clouds):
    """relu1's energy is many times relu5's, yet both begin with 1 a weight."""
    score = deepdream.dream_score(coursenet, {"relu1": 1.0, "relu5": 3.0}, clouds)
    assert score(clouds) == pytest.approx(4.0)
    names = deepdream.dream(coursenet, clouds, ["relu1", "relu5"], **BRIEF)
    weights = deepdream.dream(coursenet, clouds, {"relu1": 2.0, "relu5": 2.0}, **BRIEF)
    alone = deepdream.dream(coursenet, clouds, "relu1", **BRIEF)
    assert torch.allclose(names, weights, atol=1e-5) and not torch.allclose(names, alone, atol=1e-3)


# --- guides


def test_a_guided_gradient_is_that_of_the_best_matching_feature(coursenet, clouds):
    """The authors' way: send back, at each position, the guide's feature of largest product."""
    guide = data.photo("flower", 80)
    x = clouds.clone().requires_grad_()
    features = activations_at(coursenet, x, "relu4_1")
    own = features.detach().flatten(2)[0]  # (C, positions)
    wanted = activations_at(coursenet, guide, "relu4_1").flatten(2)[0]
    best = wanted[:, (own.T @ wanted).argmax(dim=1)].view_as(features)
    theirs = torch.autograd.grad(features, x, best)[0]
    ours = gradient(deepdream.feature_match(coursenet, "relu4_1", guide), clouds)
    assert torch.allclose(ours, theirs, atol=1e-4 * float(theirs.abs().max()))


def test_a_guide_of_any_size_draws_the_dream_to_itself(coursenet, clouds):
    guide = data.photo("flower", None)[..., :150, :90]
    match = deepdream.feature_match(coursenet, "relu4_1", guide)
    guided, free = (
        deepdream.dream(coursenet, clouds, "relu4_1", octaves=1, steps=5, guide=g)
        for g in (guide, None)
    )
    assert match(guided) > 1.2 * match(clouds) and not torch.allclose(guided, free, atol=0.01)


def test_a_guide_works_for_a_layer_without_positions(coursenet, clouds):
    dreamt = deepdream.dream(coursenet, clouds, "code", guide=data.photo("flower", 96), **BRIEF)
    assert dreamt.isfinite().all()


# --- smoother steps


def test_bands_and_what_is_coarser_add_up_to_the_picture():
    picture = torch.rand(2, 3, 32, 48, generator=torch.Generator().manual_seed(0))
    small = images.resize(picture, (16, 24))
    assert torch.allclose(
        deepdream.bands(picture, 1)[0] + images.resize(small, (32, 48)), picture, atol=1e-6
    )


def test_the_bands_of_a_sine_lie_where_its_frequency_does():
    across = torch.arange(128.0)
    sines = [torch.sin(2 * torch.pi * across / length).expand(1, 1, 128, 128) for length in (3, 24)]
    fine, coarse = ([float(band.std()) for band in deepdream.bands(sine, 5)] for sine in sines)
    assert fine.index(max(fine)) == 0 and coarse.index(max(coarse)) >= 2


def test_laplacian_normalisation_evens_the_bands_and_keeps_the_rate(coursenet, clouds):
    plain = gradient(layer_energy(coursenet, "relu5"), clouds)
    step = deepdream.laplacian_normalized(0.01, levels=4)(plain, clouds)
    assert step.abs().mean() == pytest.approx(0.01, rel=1e-4)

    def unevenness(image):
        sizes = torch.stack([band.std() for band in deepdream.bands(image, 4)])
        return sizes.max() / sizes.min()

    assert unevenness(step) < 0.5 * unevenness(plain)
    assert filters.roughness(step) < filters.roughness(plain)


@pytest.mark.parametrize(
    ("name", "layer"), [("efficientnet_lite0", "block9"), ("coursenet", "relu4_1")]
)
def test_a_usual_step_moves_values_of_every_network_by_the_same(clouds, name, layer):
    model = models.load(name, device="cpu")
    dreamt = deepdream.dream(model, clouds, layer, constrain=keep, **BRIEF)
    assert (dreamt - clouds).abs().mean() == pytest.approx(1.8 / 255, rel=1e-3)


@pytest.mark.parametrize(
    ("name", "layer"), [("efficientnet_lite0", "block9"), ("coursenet", "relu4_1")]
)
def test_a_usual_dream_changes_more_with_less_grain_than_one_of_plain_steps(clouds, name, layer):
    model, some = models.load(name, device="cpu"), {"octaves": 2, "steps": 3}
    plain = deepdream.dream(model, clouds, layer, direction=normalized(1.8 / 255), **some) - clouds
    usual = deepdream.dream(model, clouds, layer, **some) - clouds
    assert usual.abs().mean() > plain.abs().mean()  # steps that agree with each other
    assert filters.roughness(usual) < 0.8 * filters.roughness(plain)


def test_without_colour_the_step_is_grey(coursenet, clouds):
    plain = gradient(layer_energy(coursenet, "relu5"), clouds)
    step = deepdream.laplacian_normalized(color=0.0)(plain, clouds)
    assert torch.allclose(step, step.mean(dim=1, keepdim=True).expand_as(step), atol=1e-6)


def test_a_gradient_of_zero_makes_no_step_and_no_nan():
    zero = torch.zeros(1, 3, 8, 8)
    assert torch.equal(deepdream.laplacian_normalized()(zero, zero), zero)


def test_keep_colors_takes_the_light_of_one_and_the_colours_of_the_other():
    grey, red = torch.full((1, 3, 2, 2), 0.5), torch.tensor([0.6, 0.3, 0.3]).view(1, 3, 1, 1)
    kept = deepdream.keep_colors(grey, red.expand(1, 3, 2, 2))
    assert torch.allclose(kept, torch.tensor([0.7, 0.4, 0.4]).view(1, 3, 1, 1).expand(1, 3, 2, 2))


# --- a journey


def test_each_frame_of_a_journey_is_the_dream_of_the_last_one_enlarged(coursenet, clouds):
    frames = list(deepdream.zoom_steps(coursenet, clouds, "relu2", frames=3, zoom=1.1, **PLAIN))
    assert [frame.index for frame in frames] == [0, 1, 2]
    assert torch.allclose(frames[0].image, own_step(coursenet, clouds, "relu2"), atol=1e-5)
    for before, after in pairwise(frames):
        enlarged = random_scale(1.1, 1.1, 0)(before.image).clamp(0, 1)
        assert torch.allclose(after.image, own_step(coursenet, enlarged, "relu2"), atol=1e-5)


def test_a_journey_survives_a_dream_without_clipping(coursenet, clouds):
    wild = {"direction": normalized(0.2), "constrain": keep} | BRIEF
    frames = list(deepdream.zoom_steps(coursenet, clouds, "relu2", frames=2, **wild))
    assert frames[-1].image.isfinite().all()


def test_a_film_moves_in_full_colour_and_has_words(capsys, monkeypatch):
    shown = []
    monkeypatch.setattr(plot, "display", lambda data, raw: shown.append(data))
    plot.film([torch.full((3, 4, 6), level) for level in (0.0, 0.5, 1.0)], 'three "greys"')
    ((content,), printed) = shown, capsys.readouterr().out
    assert content["text/plain"] == 'three "greys"' and printed == 'three "greys"\n'
    head = '<img alt="three &quot;greys&quot;" src="data:image/webp;base64,'
    assert content["text/html"].startswith(head)
    film = Image.open(io.BytesIO(base64.b64decode(content["text/html"][len(head) : -2])))
    assert film.n_frames == 3 and film.info["loop"] == 0
    frames = [np.asarray(frame.convert("RGB"), int) for frame in ImageSequence.Iterator(film)]
    assert all(abs(frames[k] - level).max() <= 2 for k, level in enumerate((0, 128, 255)))


# --- a sky


def test_a_sky_is_the_same_for_the_same_seed_and_blue_and_white():
    one, same, other = (deepdream.clouds(48, 64, seed) for seed in (1, 1, 2))
    assert (one == same).all() and (one != other).any() and one.shape == (48, 64, 3)
    assert one.min() >= 0 and one.max() <= 1 and one[..., 2].mean() > one[..., 0].mean()


# --- what is refused


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"octaves": 0}, "octaves is a whole number from 1 up, not 0"),
        ({"octaves": 1.5}, "octaves is a whole number"),
        ({"scale": 1.0}, "scale enlarges, so it is above 1, not 1.0"),
        ({"steps": 0}, "steps is a whole number"),
        ({"restarts": 0}, "restarts is a whole number"),
        ({"jitter": -1}, "jitter is a whole number from 0 up, not -1"),
        ({"jitter": 2.5}, "jitter is a whole number, not 2.5"),
        ({"octaves": 12}, "smallest octave, 2 x 2 pixels, is too small.*fewer octaves than 12"),
        ({"guide": torch.rand(2, 3, 32, 32)}, "the guide is one picture"),
        ({"guide": torch.rand(3, 32, 32)}, "pixels have the shape"),
        ({"guide": torch.full((1, 3, 32, 32), torch.nan)}, "NaN"),
    ],
)
def test_what_cannot_be_dreamt_is_said_before_the_first_step(coursenet, clouds, settings, words):
    with pytest.raises((ValueError, TypeError), match=words):
        deepdream.dream_steps(coursenet, clouds, "relu4_1", **settings)


@pytest.mark.parametrize("layers", ["relu77", ["relu2", "relu77"], {"relu77": 1.0}])
def test_an_unknown_layer_is_named_with_the_nearest_ones(coursenet, clouds, layers):
    with pytest.raises(ValueError, match="relu77"):
        deepdream.dream_steps(coursenet, clouds, layers)


@pytest.mark.parametrize("layers", [[], {"relu2": 0.0}])
def test_no_layer_at_all_is_refused(coursenet, clouds, layers):
    with pytest.raises(ValueError, match="no layer is named with a weight"):
        deepdream.dream_steps(coursenet, clouds, layers)


def test_an_inactive_layer_is_refused(toy):
    grey = torch.full((1, 3, 4, 4), 0.5)  # red − ½ is 0 everywhere
    with pytest.raises(ValueError, match="relu1 is inactive"):
        deepdream.dream_steps(toy, grey, "relu1", octaves=1)


@pytest.mark.parametrize(
    ("settings", "words"), [({"zoom": 1.0}, "above 1"), ({"frames": 0}, "frames is a whole")]
)
def test_a_journey_that_goes_nowhere_is_refused(coursenet, clouds, settings, words):
    with pytest.raises(ValueError, match=words):
        next(deepdream.zoom_steps(coursenet, clouds, "relu2", **({"frames": 2} | settings)))


def test_a_dream_that_runs_away_says_where_and_keeps_the_last_picture(toy):
    def away(gradient, picture):
        return gradient * 1e30

    with pytest.raises(Diverged) as caught:
        deepdream.dream(
            toy, toy_nets.picture(), "relu1", octaves=1, jitter=0, direction=away, constrain=keep
        )
    assert caught.value.last_step is None or caught.value.last_step.image.isfinite().all()
