"""Lesson 15's technique: a mix is what it says, a pass changes nothing, a style is learned."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cs231n_viz import data, models
from cs231n_viz.networks import StyleNet
from cs231n_viz.objectives import gram_matrices, total_variation
from cs231n_viz.optimize import Diverged
from cs231n_viz.techniques.fast_style import (
    CONTENT,
    LEAST,
    PARTS,
    STYLE,
    mix_of,
    repaint,
    repainting,
    swapped,
    train_style_net_steps,
)

NAMES = ["glass", "night", "woodcut"]


def small_net(styles=NAMES, seed=0, **settings):
    """Random weights, γ and β too, so that every style is another; the caller's random numbers stay
    as they were.
    """
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = StyleNet(styles, **{"widths": (4, 6, 8), "blocks": 1} | settings)
        for name, values in network.named_parameters():
            if name.endswith(("scale", "shift")):
                nn.init.normal_(values, mean=float(name.endswith("scale")), std=0.5)
    return network


@pytest.fixture(scope="module")
def network():
    return small_net().requires_grad_(False)


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def photos():
    return data.picturebook("test", 12).pixels


def picture(*shape, seed=0):
    return torch.rand(*(shape or (1, 3, 40, 40)), generator=torch.Generator().manual_seed(seed))


# --- mixes ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("night", [0, 1, 0]),
        ({"night": 0.2}, [0, 1, 0]),
        ({"glass": 3, "night": 1}, [0.75, 0.25, 0]),
        ({"woodcut": 1e308, "glass": 1e308}, [0.5, 0, 0.5]),
        ({"woodcut": 5e-324}, [0, 0, 1]),
        ({"glass": 0, "night": 0.0, "woodcut": True}, [0, 0, 1]),
    ],
)
def test_weights_count_by_their_proportions(network, style, expected):
    assert torch.equal(mix_of(network, style), torch.tensor([expected], dtype=torch.float32))


@pytest.mark.parametrize("style", [0.3, 7, 1e-9])
def test_one_style_alone_is_that_style_bit_for_bit(network, style):
    pixels = picture()
    alone = small_net(["night"]).requires_grad_(False)
    row = NAMES.index("night")
    own = {
        name: values[row : row + 1] if name.endswith(("scale", "shift")) else values
        for name, values in network.state_dict().items()
    }
    alone.load_state_dict(own)
    assert torch.equal(
        repaint(network, pixels, {"night": style, "glass": 0}), repaint(network, pixels, "night")
    )
    assert torch.equal(repaint(network, pixels, "night"), repaint(alone, pixels, "night"))


def test_a_mix_of_two_lies_between_them_in_gamma_and_beta_and_not_in_pixels(network):
    pixels = picture()
    half = repaint(network, pixels, {"glass": 1, "night": 1})
    both = (repaint(network, pixels, "glass") + repaint(network, pixels, "night")) / 2
    assert not torch.allclose(half, both, atol=0.01)
    norm = network.blocks[0][0].norm
    mixed = mix_of(network, {"glass": 1, "night": 1}) @ norm.scale
    assert torch.allclose(mixed[0], (norm.scale[0] + norm.scale[1]) / 2)


@pytest.mark.parametrize(
    ("style", "error", "words"),
    [
        ("nihgt", ValueError, "unknown painting 'nihgt'. Did you mean 'night'"),
        ({"night": 1, "clay": 1}, ValueError, "unknown painting 'clay'"),
        ({"night": 0, "glass": 0.0}, ValueError, "the largest weight is a number above 0"),
        ({}, ValueError, "the largest weight is a number above 0"),
        (
            {"night": -1, "glass": 2},
            ValueError,
            "the weight of night is a number from 0 up, not -1",
        ),
        ({"night": float("nan")}, ValueError, "the weight of night is a number from 0 up, not nan"),
        ({"night": float("inf")}, ValueError, "the weight of night is a number from 0 up, not inf"),
        ({"night": "much"}, TypeError, "the weight of night is a number, not 'much'"),
        (["night"], TypeError, "a name or {name: weight}, not a list"),
    ],
)
def test_what_is_no_mix_is_said_in_words(network, style, error, words):
    with pytest.raises(error) as caught:
        repaint(network, picture(), style)
    assert words in str(caught.value)


# --- one pass -------------------------------------------------------------------------------------


@pytest.mark.parametrize("shape", [(5, 5), (6, 11), (33, 64), (41, 7), (50, 51)])
def test_pictures_of_any_size_and_shape_come_back_in_it(network, shape):
    made = repaint(network, picture(2, 3, *shape), "glass")
    assert (
        made.shape == (2, 3, *shape)
        and made.min() > 0
        and made.max() < 1
        and not made.requires_grad
    )


@pytest.mark.parametrize("shape", [(4, 40), (40, 4), (1, 1)])
def test_a_picture_that_is_too_small_is_refused_with_the_least_size(network, shape):
    words = f"the shorter side of the pixels is a whole number from {LEAST} up, not {min(shape)}"
    with pytest.raises(ValueError, match=words):
        repaint(network, picture(1, 3, *shape), "glass")


def test_a_batch_is_its_pictures_one_by_one(network):
    pixels = picture(3, 3, 31, 44)
    alone = torch.cat([repaint(network, one[None], "night") for one in pixels])
    assert torch.allclose(repaint(network, pixels, "night"), alone, atol=1e-5)


def test_a_network_that_still_learns_gives_no_gradient_and_keeps_its_weights():
    learning = small_net()
    before = [values.clone() for values in learning.parameters()]
    made = repaint(learning, picture(), "glass")
    assert not made.requires_grad and all(values.grad is None for values in learning.parameters())
    assert all(
        torch.equal(one, other) for one, other in zip(before, learning.parameters(), strict=True)
    )


# --- swapping -------------------------------------------------------------------------------------


def test_all_parts_swapped_is_the_other_style_and_none_is_the_first(network):
    pixels = picture()
    assert torch.equal(
        repaint(swapped(network, "glass", "night", PARTS), pixels, "glass"),
        repaint(network, pixels, "night"),
    )
    assert torch.equal(
        repaint(swapped(network, "glass", "night", ()), pixels, "glass"),
        repaint(network, pixels, "glass"),
    )


def test_one_part_swapped_is_neither_and_the_network_given_is_left_alone(network):
    pixels = picture()
    glass, night = (repaint(network, pixels, name) for name in ("glass", "night"))
    made = repaint(swapped(network, "glass", "night", ["up"]), pixels, "glass")
    assert not torch.allclose(made, glass, atol=1e-3) and not torch.allclose(made, night, atol=1e-3)
    assert torch.equal(repaint(network, pixels, "glass"), glass)


@pytest.mark.parametrize(
    ("other", "parts", "words"),
    [
        ("nihgt", ["up"], "Did you mean 'night'"),
        ("night", ["ups"], "Did you mean 'up'"),
        ("night", "down", "unknown part of a StyleNet 'd'"),
    ],
)
def test_unknown_names_of_a_swap_are_said(network, other, parts, words):
    with pytest.raises(ValueError, match=words):
        swapped(network, "glass", other, parts)


# --- the loss -------------------------------------------------------------------------------------


def test_the_loss_of_the_photo_itself_is_its_style_and_roughness_alone(model, photos):
    wanted = gram_matrices(model, data.painting("glass", 96), STYLE)
    value, content, style = repainting(model, photos[:2], CONTENT, wanted, style_weight=3, tv=7)(
        photos[:2]
    )
    rough = total_variation()(photos[:2]) / photos[0, 0].numel()
    assert content.abs().max() < 1e-6 and torch.allclose(value, 3 * style + 7 * rough, rtol=1e-4)


def test_the_loss_of_the_painting_itself_has_no_style_to_mend(model):
    painting = data.painting("glass", 96)
    wanted = gram_matrices(model, painting, STYLE)
    assert float(repainting(model, painting, CONTENT, wanted)(painting).style) < 1e-6


# --- learning -------------------------------------------------------------------------------------

QUICK = {"steps": 3, "batch": 2, "side": 32}


def practices(network, model, photos, painting="glass", **settings):
    return list(
        train_style_net_steps(
            network, model, photos, data.painting(painting, 64), **QUICK | settings
        )
    )


@pytest.mark.slow
def test_a_style_is_learned(model, photos):
    network = small_net(["style"], widths=(8, 12, 16))
    made = practices(network, model, photos, steps=120, side=48, rate=1e-2)
    first, last = (sum(step.value for step in some) / 10 for some in (made[:10], made[-10:]))
    assert last < 0.8 * first
    assert [step.index for step in made] == list(range(120))


def test_a_step_says_what_it_was_measured_on(model, photos):
    network = small_net(["style"])
    style = data.painting("night", 64)
    step = next(
        train_style_net_steps(
            network, model, photos[:1, :, :32, :32].expand(1, 3, 32, 32), style, **QUICK, tv=0
        )
    )
    mirrored = torch.stack([photos[0, :, :32, :32], photos[0, :, :32, :32].flip(2)])
    untaught = small_net(["style"])
    made = torch.cat([repaint(untaught, one[None], "style") for one in mirrored])
    assert step.image.shape == (2, 3, 32, 32) and not step.image.requires_grad
    assert all(min((one - other).abs().max() for other in made) < 1e-5 for one in step.image)
    assert step.value == pytest.approx(step.content + 5 * step.style, rel=1e-4)


def test_the_first_step_is_that_of_adam(model, photos):
    """Oracle: torch's own Adam, with one step written out; at first it moves every weight by the
    rate.
    """
    network, style = small_net(["style"]), data.painting("glass", 64)
    before = [values.detach().clone() for values in network.parameters()]
    next(train_style_net_steps(network, model, photos, style, **QUICK, rate=0.01))
    moved = torch.cat(
        [(new - old).abs().flatten() for new, old in zip(network.parameters(), before, strict=True)]
    )
    # the rate begins at a 25th
    assert float(moved.detach().median()) == pytest.approx(0.01 / 25, rel=1e-2)


def test_equal_seeds_teach_the_same_and_others_do_not(model, photos):
    nets = [small_net(["style"]) for _ in range(3)]
    values = [
        [step.value for step in practices(net, model, photos, seed=seed)]
        for net, seed in zip(nets, (3, 3, 4), strict=True)
    ]
    assert values[0] == values[1] != values[2]


def test_where_no_layer_is_named_the_usual_ones_teach(model, photos):
    """On CourseNet these are CONTENT and STYLE; elsewhere block5, for one, as for stylenet."""
    style = data.painting("glass", 64)
    given = {"content_layer": CONTENT, "style_layers": STYLE}
    one, other = (
        next(train_style_net_steps(small_net(["style"]), model, photos, style, **QUICK, **layers))
        for layers in ({}, given)
    )
    assert one[2:] == other[2:]
    lite = models.load("efficientnet_lite0", device="cpu")
    named = {
        "content_layer": "block5",
        "style_layers": ["pixels", "stem", "block1", "block3", "block5", "block8"],
    }
    one, other = (
        next(train_style_net_steps(small_net(["style"]), lite, photos, style, **QUICK, **layers))
        for layers in ({}, named)
    )
    assert one[2:] == other[2:]


@pytest.mark.parametrize("weight", ["style_weight", "tv"])
def test_weights_below_zero_are_refused_by_the_loss_itself(model, photos, weight):
    wanted = gram_matrices(model, photos[:1], STYLE)
    with pytest.raises(ValueError, match=f"{weight} is a number from 0 up, not -1"):
        repainting(model, photos[:1], CONTENT, wanted, **{weight: -1})


def test_photos_of_256_levels_teach_the_same_as_their_floats(model, photos):
    levels = (photos * 255).round().to(torch.uint8)
    one, other = (
        practices(small_net(["style"]), model, given) for given in (levels, levels.float() / 255)
    )
    assert [step.value for step in one] == [step.value for step in other]


def test_only_the_network_given_changes_and_no_gradient_is_left(model, photos):
    network, style = small_net(["style"]), data.painting("glass", 64)
    weights = [values.clone() for values in model.state_dict().values()]
    given, state = photos.clone(), torch.get_rng_state()
    steps = train_style_net_steps(network, model, photos, style, **QUICK)
    for _ in itertools.islice(steps, 2):
        assert all(values.grad is None for values in [*network.parameters(), *model.parameters()])
        assert torch.is_grad_enabled()
    steps.close()
    assert torch.equal(torch.get_rng_state(), state) and torch.equal(photos, given)
    assert all(torch.equal(a, b) for a, b in zip(weights, model.state_dict().values(), strict=True))
    assert all(values.requires_grad for values in network.parameters())


def test_it_learns_where_gradients_are_off(model, photos):
    with torch.no_grad():
        values = [step.value for step in practices(small_net(["style"]), model, photos)]
    assert values == [step.value for step in practices(small_net(["style"]), model, photos)]


def test_frozen_weights_stay_so_that_a_style_can_be_learned_by_its_rows_alone(model, photos):
    network = small_net(["style"]).requires_grad_(False)
    for name, values in network.named_parameters():
        values.requires_grad_(name.endswith(("scale", "shift")))
    before = {name: values.detach().clone() for name, values in network.named_parameters()}
    practices(network, model, photos)
    changed = {
        name for name, values in network.named_parameters() if not torch.equal(values, before[name])
    }
    assert changed and all(name.endswith(("scale", "shift")) for name in changed)


def test_a_loss_that_is_no_number_is_said_with_its_step_and_the_last_good_picture_is_kept(
    model, photos
):
    network = small_net(["style"])
    steps = train_style_net_steps(network, model, photos, data.painting("glass", 64), **QUICK)
    good = next(steps)
    kept = [values.detach().clone() for values in network.parameters()]
    with torch.no_grad():
        network.last.weight[0, 0, 0, 0] = torch.nan
        kept[-2][0, 0, 0, 0] = torch.nan
    with pytest.raises(Diverged, match="step 1.*NaN") as caught:
        next(steps)
    assert caught.value.last_step is good and good.image.isfinite().all()
    assert all(
        torch.equal(a, b) or a.isnan().any()
        for a, b in zip(network.parameters(), kept, strict=True)
    )


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"side": 200}, "side is a whole number from 5 to 128, not 200"),
        ({"side": 4}, "side is a whole number from 5 to 128, not 4"),
        ({"steps": 0}, "steps is a whole number from 1 up"),
        ({"batch": 0}, "batch is a whole number from 1 up"),
        ({"content_layer": "relu9"}, "unknown layer"),
        ({"style_layers": ["pixels", "relu0"]}, "unknown layer"),
        ({"rate": float("nan")}, "rate is a number above 0"),
        ({"rate": -0.01}, "rate is a number above 0"),
        ({"style_weight": -10.0}, "style_weight is a number from 0 up"),
        ({"tv": float("inf")}, "tv is a number from 0 up"),
    ],
)
def test_bad_settings_are_said_in_words(model, photos, changed, words):
    with pytest.raises(ValueError, match=words):
        practices(small_net(["style"]), model, photos, **changed)


def test_what_cannot_be_learned_is_said_in_words(model, photos):
    with pytest.raises(
        ValueError, match="one style is learned from one picture, not 1 pictures by a network of 3"
    ):
        practices(small_net(), model, photos)
    with pytest.raises(ValueError, match="frozen"):
        practices(small_net(["style"]).requires_grad_(False), model, photos)
    with pytest.raises(ValueError, match="one style is learned from one picture, not 2"):
        next(train_style_net_steps(small_net(["style"]), model, photos, photos[:2], **QUICK))
    with pytest.raises(ValueError, match="pixels"):
        practices(small_net(["style"]), model, photos * 255)


# --- the network of all paintings (needs data/stylenet.safetensors) -------------------------------


@pytest.mark.slow
def test_stylenet_has_all_paintings_and_each_looks_more_like_its_own_than_like_another(model):
    network = models.load_stylenet(device="cpu")
    assert network.styles == data.painting_names()
    assert not any(values.requires_grad for values in network.parameters())
    grams = gram_matrices(
        model, torch.cat([data.painting(name, 256) for name in network.styles]), STYLE
    )
    photo, own = data.photo("chelsea", 128), range(len(network.styles))
    for row, name in enumerate(network.styles):
        made, far = repaint(network, photo, name), []
        for at in own:
            wanted = {layer: gram[[at]] for layer, gram in grams.items()}
            far.append(float(repainting(model, photo, CONTENT, wanted)(made).style))
        assert min(own, key=far.__getitem__) == row, name


def test_stylenet_gives_finite_pictures_for_blank_ones():
    network = models.load_stylenet(device="cpu")
    for level in (0.0, 0.5, 1.0):
        assert repaint(network, torch.full((1, 3, 48, 48), level), "glass").isfinite().all()


def test_mirrored_edges_leave_no_frame_where_zeros_do(network):
    """On a flat picture every position is alike, also where its edge is mirrored."""

    def frame(mode):
        plain = small_net(["style"], normalize=False)
        for module in plain.modules():
            if isinstance(module, nn.Conv2d):
                module.padding_mode = mode
        made = repaint(plain, torch.full((1, 3, 64, 64), 0.8), "style")
        return float((made - made[..., 32:33, 32:33]).abs().max())

    assert frame("reflect") < 1e-5 and frame("zeros") > 1e-3


def test_enlarging_by_repeating_leaves_no_checkerboard_where_a_transposed_convolution_does():
    flat, kernel = torch.ones(1, 1, 8, 8), torch.ones(1, 1, 3, 3)
    overlaps = F.conv_transpose2d(flat, kernel, stride=2, padding=1)[0, 0, 4:6, 4:6]
    assert sorted(overlaps.flatten().tolist()) == [1, 2, 2, 4]
    repeated = F.conv2d(F.interpolate(flat, scale_factor=2), kernel, padding=1)[0, 0, 4:6, 4:6]
    assert torch.equal(repeated, torch.full((2, 2), 9.0))


def test_layers_that_are_given_are_enough_for_a_network_without_maps():
    layers = nn.Flatten(), nn.Linear(3 * 32 * 32, 4), nn.ReLU(), nn.Linear(4, 2)
    flat = models.wrap(nn.Sequential(*layers), input_size=32)
    network, photos = StyleNet(widths=(4, 4, 4), blocks=1), torch.rand(2, 3, 32, 32)
    given = {"content_layer": "1", "style_layers": ["pixels"], "side": 32, "steps": 1}
    (step,) = train_style_net_steps(network, flat, photos, photos[:1], **given)
    assert step.index == 0 and 0 < float(step.value) < math.inf
