"""Three rules back to the pixels, one channel at many positions at once, and what cancels."""

import copy
from itertools import pairwise, product

import deep_nets
import pytest
import torch
import toy_nets

from cs231n_viz import data, models
from cs231n_viz.activations import RELU_RULES, capture, relu_rule
from cs231n_viz.techniques.guided_backprop import (
    influences,
    input_gradient,
    unit_gradients,
)


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


def test_the_three_rules_worked_by_hand():
    """score 1 = mean 1 − mean 0 of max(½ − red, 0) and max(red − ½, 0): −1/16 flows back to both
    maps' red.

    To map 1 flows +1/16, to map 0 −1/16; map 0 reads +red, map 1 −red.
    """
    model = models.wrap(toy_nets.gap_linear_net(), input_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)
    above, below = toy_nets.RED > 0.5, toy_nets.RED < 0.5
    expected = {
        "plain": (above | below) / -16,  # both are open somewhere, and both pull the red down
        "deconvnet": -torch.ones(4, 4)
        / 16,  # only map 1 has a positive gradient, which passes everywhere
        "guided": below / -16,  # map 1, where it is open
    }
    for rule in RELU_RULES:
        assert torch.allclose(
            input_gradient(model, toy_nets.picture(), 1, rule)[0, 0], expected[rule]
        ), rule


def with_relu_modules(model):
    """A copy for tools that know ReLUs as modules only, and not in place."""
    model = copy.deepcopy(model)
    if (
        model.name == "untrained densenet121"
    ):  # its last is F.relu, in place: a pooling of single cells hands it a copy
        model.network.features.add_module(
            "last", torch.nn.Sequential(torch.nn.ReLU(), torch.nn.AvgPool2d(1))
        )
    for module in model.modules():
        if isinstance(module, torch.nn.ReLU):
            module.inplace = False
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("name", [*deep_nets.FIVE, "densenet121"])
def test_guided_backprop_equals_captums(name):
    attr = pytest.importorskip("captum.attr")
    model, picture = deep_nets.network(name), data.photo("coffee", 96)
    theirs = (
        attr.GuidedBackprop(with_relu_modules(model))
        .attribute(picture.clone().requires_grad_(), 3)
        .detach()
    )
    deep_nets.assert_equal_gradients(input_gradient(model, picture, 3), theirs)


class RuledReLU6(torch.nn.Module):
    """min(max(x, 0), 6), whose gradient is made by a hook: the rules written out by hand."""

    def __init__(self, rule):
        super().__init__()
        self.rule = rule

    def forward(self, values):
        cut = values.clamp(0, 6)
        if self.rule == "deconvnet":  # as if all x came through
            cut = cut.detach() + values - values.detach()
        if self.rule != "plain" and cut.requires_grad:
            cut.register_hook(lambda slope: slope.clamp(min=0))
        return cut


def by_hand(model, picture, target, rule):
    """(the gradient at the pixels, at every value that a ReLU6 reads)."""
    model, inputs = copy.deepcopy(model), []
    for part in [*model.modules()]:
        for name, child in part.named_children():
            if isinstance(child, torch.nn.ReLU6):
                setattr(part, name, RuledReLU6(rule))
    pixels = picture.clone().requires_grad_()
    for part in model.modules():
        if isinstance(part, RuledReLU6):
            part.register_forward_hook(lambda part, given, output: inputs.append(given[0]))
    score = model(pixels)[0, target]
    return inputs, torch.autograd.grad(score, [pixels, *inputs])


@pytest.mark.slow
@pytest.mark.parametrize("rule", RELU_RULES)
def test_on_a_network_of_relu6s_the_rules_are_those_written_out_by_hand(rule):
    model, picture = toy_nets.real_network(), data.photo("chelsea", 192)
    inputs, (expected, *slopes) = by_hand(model, picture, 285, rule)
    above = sum(int((each > 6).sum()) for each in inputs)
    assert len(inputs) == 33 and above > 10_000  # so the upper end of ReLU6 has a say
    found = input_gradient(model, picture, "Egyptian cat", rule)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5 * float(expected.abs().max()))
    blocked = [
        (slope[(given <= 0) | (given >= 6)]) for given, slope in zip(inputs, slopes, strict=True)
    ]
    assert any(each.any() for each in blocked) == (rule == "deconvnet")
    assert all((slope >= 0).all() for slope in slopes) == (rule != "plain")


@pytest.mark.slow
def test_guided_backprop_of_a_network_of_relu6s_is_another_picture_than_the_plain_gradient():
    model, picture = toy_nets.real_network(), data.photo("chelsea", 192)
    plain, guided = (
        input_gradient(model, picture, None, rule).flatten() for rule in RELU_RULES[::2]
    )
    assert abs(torch.cosine_similarity(plain, guided, dim=0)) < 0.1
    with relu_rule(model, "guided"), capture(model, "head.conv", "conv9_expand") as outputs:
        score = model(picture.clone().requires_grad_())[0, 285]
    for slope in torch.autograd.grad(score, list(outputs.values())):
        assert slope.min() == 0 < slope.max()


@pytest.mark.slow
def test_without_max_pooling_the_deconvnet_map_is_the_same_for_every_picture():
    """Only max-poolings and ReLUs look at the picture on the way back, and a deconvnet's do not."""
    names = ("chelsea", "coffee", "china", "rocket")
    model, coursenet = toy_nets.real_network(), models.load("coursenet", device="cpu")
    alike = {}
    for rule, network, size in (
        ("deconvnet", model, 128),
        ("guided", model, 128),
        ("deconvnet", coursenet, 128),
    ):
        maps = [input_gradient(network, data.photo(name, size), 3, rule) for name in names]
        found = torch.corrcoef(torch.stack([each.flatten() for each in maps]))
        alike[rule, network.name] = found[~torch.eye(4, dtype=torch.bool)]
    assert alike["deconvnet", model.name].min() > 0.99999
    assert alike["guided", model.name].max() < 0.5
    assert alike["deconvnet", "coursenet"].max() < 0.2


@pytest.mark.parametrize("rule", RELU_RULES)
def test_a_channel_at_a_position_of_each_picture_is_the_unit_of_each(coursenet, rule):
    pixels = data.picturebook("test", 3).pixels
    rows, columns = torch.tensor([2, 5, 7]), torch.tensor([6, 0, 3])
    together = unit_gradients(coursenet, pixels, "relu4_1", 11, rows, columns, rule)
    for one, picture, row, column in zip(
        together, pixels, rows.tolist(), columns.tolist(), strict=True
    ):
        alone = input_gradient(coursenet, picture[None], ("relu4_1", 11, row, column), rule)
        assert torch.allclose(one, alone[0], atol=1e-6)


@pytest.mark.parametrize("rule", RELU_RULES)
def test_a_vector_has_one_position(coursenet, rule):
    picture, here = data.photo("coffee", 128), torch.zeros(1, dtype=torch.long)
    unit = unit_gradients(coursenet, picture, "code", 7, here, here, rule)
    assert torch.allclose(unit, input_gradient(coursenet, picture, ("code", 7), rule), atol=1e-6)


def test_what_cannot_be_done_is_said(coursenet):
    picture = data.photo("coffee", 64)
    with pytest.raises(ValueError, match="Did you mean 'guided'"):
        input_gradient(coursenet, picture, 0, "guide")
    linear = models.wrap(
        toy_nets.one_channel_net()[:1].append(torch.nn.Flatten()),
        mean=(0.5,),
        std=(1.0,),
        input_size=4,
    )
    with pytest.raises(ValueError, match="no ReLUs"):
        input_gradient(linear, torch.rand(1, 1, 4, 4), 0, "guided")


def two_paths():
    """score 0 = 3 · mean max(2x, 0) − 4 · mean max(x, 0): two paths from each of four pixels."""
    layers = [
        torch.nn.Conv2d(1, 2, 1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
    ]
    toy_nets.set_weights(layers[0], [[[[2.0]]], [[[1.0]]]])
    head = toy_nets.set_weights(torch.nn.Linear(2, 1), [[3.0, -4.0]])
    given = {"mean": (0.0,), "std": (1.0,), "input_size": 2, "scores": "values"}
    return models.wrap(torch.nn.Sequential(*layers, head), **given)


def test_two_paths_that_disagree_worked_by_hand():
    model, picture = two_paths(), torch.full((1, 1, 2, 2), 0.5)
    at_pixels = influences(model, picture, 0)
    assert torch.allclose(at_pixels.net, torch.full((1, 1, 2, 2), (3 * 2 - 4) / 4))
    assert torch.allclose(at_pixels.gross, torch.full((1, 1, 2, 2), (3 * 2 + 4) / 4))
    assert (at_pixels.positive.item(), at_pixels.negative.item()) == (1, 0)
    assert at_pixels.survives.item() == pytest.approx(2 / 10)
    at_relu = influences(
        model, picture, 0, "1"
    )  # behind the ReLU: each of its values has one path, so nothing cancels
    assert (at_relu.positive.item(), at_relu.negative.item()) == pytest.approx((3 / 7, 4 / 7))
    assert at_relu.survives.item() == pytest.approx(1)
    with relu_rule(model, "guided"):  # −4 does not come through the ReLU, 3 does
        assert influences(model, picture, 0).survives.item() == pytest.approx(6 / 10)
    assert (
        influences(model, 0 * picture, 0).survives.item() == 0
    )  # no ReLU is open, and nothing is divided by 0


def test_influences_are_what_going_along_every_path_gives():
    """Four pixels, two hidden layers of 5 and 4, 160 paths a score: each walked, multiplied and
    added up.
    """
    torch_rng = torch.Generator().manual_seed(231)
    sizes = [4, 5, 4, 2]
    weights = [torch.randn(b, a, generator=torch_rng) for a, b in pairwise(sizes)]
    layers = [torch.nn.Flatten()]
    for weight in weights:
        layers += [
            toy_nets.set_weights(torch.nn.Linear(*weight.shape[::-1]), weight),
            torch.nn.ReLU(),
        ]
    model = models.wrap(torch.nn.Sequential(*layers[:-1]), mean=(0.5,), std=(1.0,), input_size=2)
    picture = torch.rand(1, 1, 2, 2, generator=torch_rng)
    hidden = [weights[0] @ (picture.flatten() - 0.5)]
    hidden.append(weights[1] @ hidden[0].relu())
    net, gross = torch.zeros(4), torch.zeros(4)
    for pixel, a, b in product(range(4), range(5), range(4)):
        if hidden[0][a] > 0 and hidden[1][b] > 0:
            path = weights[2][1, b] * weights[1][b, a] * weights[0][a, pixel]
            net[pixel] += path
            gross[pixel] += path.abs()
    assert gross.min() > 0
    found = influences(model, picture, 1)
    assert torch.allclose(found.net.flatten(), net, atol=1e-5)
    assert torch.allclose(found.gross.flatten(), gross, atol=1e-5)


def test_the_net_influence_is_the_gradient_and_never_above_the_gross_one(coursenet):
    picture = data.picturebook("test", 2).pixels
    found = influences(coursenet, picture, ("relu4_1", 11))
    assert torch.equal(found.net, input_gradient(coursenet, picture, ("relu4_1", 11), "plain"))
    assert (found.net.abs() <= found.gross * (1 + 1e-4)).all()


def test_a_batch_norm_with_a_negative_slope_counts_by_its_size():
    layers = [torch.nn.Conv2d(1, 1, 1), torch.nn.BatchNorm2d(1, eps=0.0), torch.nn.Flatten()]
    toy_nets.set_weights(layers[0], [[[[2.0]]]])
    toy_nets.set_weights(layers[1], [-3.0])
    model = models.wrap(torch.nn.Sequential(*layers), mean=(0.0,), std=(1.0,), input_size=2)
    found = influences(model, torch.rand(1, 1, 2, 2), 0)
    assert (found.net[0, 0, 0, 0].item(), found.gross[0, 0, 0, 0].item()) == pytest.approx((-6, 6))


def test_influences_that_cannot_be_are_said(coursenet):
    picture = data.photo("coffee", 64)
    with pytest.raises(ValueError, match="relu4_1"):
        influences(coursenet, picture, ("relu2", 0), "relu4_1")
    with pytest.raises(TypeError, match="a class or a unit"):
        influences(coursenet, picture, lambda scores: scores[:, 0] - scores[:, 1])


@pytest.mark.parametrize(("layer", "channel", "rows", "words"), [
    ("relu4_1", -1, 2, "channel in relu4_1 is a whole number from 0 to .*, not -1"),
    ("relu4_1", 999, 2, "channel in relu4_1 is a whole number from 0 to .*, not 999"),
    ("relu44", 1, 2, "Did you mean"),
    ("relu4_1", 1, 1, "2 pictures need a row and a column each"),
])  # fmt: skip
def test_a_channel_or_position_that_is_not_there_is_said(coursenet, layer, channel, rows, words):
    pixels, zeros = data.picturebook("test", 2).pixels, torch.zeros(2, dtype=torch.long)
    with pytest.raises(ValueError, match=words):
        unit_gradients(coursenet, pixels, layer, channel, zeros[:rows], zeros)


def test_the_target_may_be_the_networks_own_answer_or_a_class_for_each_picture():
    model, pixels = models.load("coursenet", device="cpu"), torch.rand(2, 3, 64, 64)
    own = model(pixels).argmax(dim=1)
    for target in (None, own.tolist(), own.to(torch.int16), own.numpy()):
        assert torch.equal(
            input_gradient(model, pixels, target), input_gradient(model, pixels, own)
        )
        net = influences(model, pixels, target, "relu3_1").net
        assert torch.equal(net, influences(model, pixels, own, "relu3_1").net)
