"""New random weights: what is reset, by what, and what stays as it was bit for bit."""

import copy
import warnings

import pytest
import torch
import torchvision
from torch import nn
from torch.nn.utils import parametrizations

from cs231n_viz import models
from cs231n_viz.techniques import saliency, truth


class Special(nn.Module):
    """Parameters and buffers of its own, and no way to reset them."""

    def __init__(self):
        super().__init__()
        self.token = nn.Parameter(torch.randn(1, 5, 64) + 3)
        self.scale = nn.Parameter(torch.rand(400) + 0.01)
        self.one = nn.Parameter(torch.ones(7))
        self.parts = nn.ParameterList([nn.Parameter(torch.randn(6)), nn.Parameter(torch.randn(8))])
        self.register_buffer("running", torch.rand(400) + 0.01)
        self.register_buffer("table", torch.arange(9))
        self.register_buffer("kernel", torch.rand(3, 3), persistent=False)

    def forward(self, x):
        return x + self.token.mean() + self.scale.mean() + self.parts[0].sum() * self.running.mean()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.recurrent = nn.GRU(8, 8, batch_first=True)

    def forward(self, maps):
        tokens = maps.flatten(2).mT
        return self.recurrent(self.attention(tokens, tokens, tokens)[0])[0].mean(dim=1)


def trained(network, size=16, **words):
    """The network wrapped, with random numbers for everything that a training changes."""
    generator = torch.Generator().manual_seed(7)
    with torch.no_grad():
        for name, one in network.state_dict().items():
            if one.is_floating_point():
                one.copy_(torch.randn(one.shape, generator=generator))
            if name.endswith("_var"):
                one.abs_()
    return models.wrap(network, input_size=size, **words)


def many_kinds():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3),
        nn.GroupNorm(2, 8),
        nn.PReLU(8),
        nn.ConvTranspose2d(8, 8, 3),
        nn.LayerNorm([8, 16, 16]),
        nn.Conv2d(8, 8, 1, bias=False),
        nn.BatchNorm2d(8),
        Attention(),
        nn.BatchNorm1d(8),
        nn.Unflatten(1, (8, 1)),
        nn.Conv1d(8, 8, 1),
        nn.Flatten(),
        nn.Linear(8, 5),
    )


def kept(one, other):
    """Names of what is not constant and equal in both."""
    after = other.network.state_dict()
    return [
        name
        for name, value in one.network.state_dict().items()
        if value.is_floating_point() and torch.equal(value, after[name]) and value.std() > 0
    ]


# --- as it was ------------------------------------------------------------------------------------


def as_before(model, seed):
    """He et al. (2015), module by module: what the first editions did."""
    fresh, generator = copy.deepcopy(model.network), torch.Generator().manual_seed(seed)
    for module in fresh.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = torch.empty(module.weight.shape)
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
            module.weight.copy_(weight)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
    return fresh


@pytest.mark.parametrize("name", ["coursenet", "resnet18"])
def test_networks_of_convolutions_linear_layers_and_batch_norm_get_the_weights_of_old(name):
    if name == "coursenet":
        model = models.load(name, device="cpu")
    else:
        model = trained(torchvision.models.resnet18(weights=None), 64)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh = models.untrained(model, 3)
    old, new = as_before(model, 3).state_dict(), fresh.network.state_dict()
    assert all(torch.equal(old[name], new[name]) for name in old)


def test_the_cascade_on_coursenet_is_the_one_of_old():
    model = models.load("coursenet", device="cpu")
    by_hand, generator = copy.deepcopy(model), torch.Generator().manual_seed(5)
    cascade = truth.randomization(model, 5)
    for layer in reversed(by_hand.layers):
        module, _ = by_hand.resolve(layer)
        if isinstance(module, nn.Conv2d | nn.Linear):
            drawn = torch.randn(module.weight.shape, generator=generator)
            module.weight.copy_(drawn * module.weight.std())
            name, network = next(cascade)
            assert name == layer
            pairs = zip(by_hand.parameters(), network.parameters(), strict=True)
            assert all(torch.equal(*pair) for pair in pairs if pair[0].dim() > 1)
            old, new = module.bias, network.resolve(layer)[0].bias  # the same, in another order
            assert torch.equal(old.sort().values, new.sort().values) and not torch.equal(old, new)
    assert next(cascade, None) is None


# --- everything else ------------------------------------------------------------------------------


def test_every_kind_of_module_is_reset_by_its_own_reset_and_nothing_is_warned_of():
    model = trained(many_kinds())
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fresh = models.untrained(model)
    assert kept(model, fresh) == []
    norm = fresh.network[6]
    assert norm.running_var.eq(1).all() and norm.running_mean.eq(0).all()
    assert norm.weight.eq(1).all() and fresh.network[2].weight.eq(0.25).all()


def test_the_last_network_of_a_cascade_keeps_nothing():
    model = trained(many_kinds())
    *_, (_, last) = truth.randomization(model)
    assert kept(model, last) == []


def test_a_cascade_reaches_a_module_without_an_output_of_its_own_with_the_block_around_it():
    model, before = trained(many_kinds()), None
    for layer, network in truth.randomization(model):
        changed = {name.split(".")[0] for name in network.network.state_dict()} - {
            name.split(".")[0] for name in kept(model, network)
        }
        assert before is None or before <= changed
        before = changed
        if layer == "7":
            assert not torch.equal(
                model.network[7].attention.in_proj_weight,
                network.network[7].attention.in_proj_weight,
            )
            assert torch.equal(model.network[0].weight, network.network[0].weight)


def test_what_has_no_reset_is_drawn_with_its_mean_and_deviation_and_named_once():
    torch.manual_seed(0)
    network = nn.Sequential(Special(), nn.Conv2d(3, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = models.wrap(network, input_size=8)
    with pytest.warns(UserWarning) as caught:
        fresh = models.untrained(model)
    (said,) = [str(each.message) for each in caught]
    for name in ("0.token", "0.scale", "0.running", "0.parts.0", "0.parts.1"):
        assert name in said
    assert "0.one" not in said and "kernel" not in said
    old, new = model.network[0], fresh.network[0]
    for name in ("token", "scale", "running"):
        one, other = getattr(old, name), getattr(new, name)
        assert not torch.equal(one, other)
        assert other.mean() == pytest.approx(float(one.mean()), rel=1e-4)
        assert other.std() == pytest.approx(float(one.std()), rel=1e-4)
    assert (new.scale > 0).all() and (new.running > 0).all()  # no variance becomes negative
    for name in ("one", "table", "kernel"):
        assert torch.equal(getattr(old, name), getattr(new, name))


def test_position_embeddings_and_attention_of_a_vision_transformer_are_new():
    torch.manual_seed(0)
    model = models.wrap(torchvision.models.VisionTransformer(32, 8, 2, 2, 32, 64), input_size=32)
    with pytest.warns(UserWarning, match="pos_embedding"):
        fresh = models.untrained(model)
    with pytest.warns(UserWarning, match="pos_embedding"):
        *_, (_, last) = truth.randomization(model)
    assert kept(model, fresh) == []
    assert all(name.endswith("bias") for name in kept(model, last))


def test_a_shared_weight_stays_shared():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 1), nn.Conv2d(4, 4, 1), nn.Conv2d(4, 4, 1), nn.AdaptiveAvgPool2d(1)
    )
    network[2].weight = network[1].weight
    model = models.wrap(nn.Sequential(network, nn.Flatten()), input_size=8)
    *_, (_, last) = truth.randomization(model)
    for other in (models.untrained(model), last):
        assert other.network[0][1].weight is other.network[0][2].weight
        assert kept(model, other) in ([], ["0.0.bias", "0.1.bias", "0.2.bias"])


@pytest.mark.parametrize("norm", ["weight_norm", "parametrized"])
def test_weights_that_are_computed_are_new(norm):
    make = nn.utils.weight_norm if norm == "weight_norm" else parametrizations.weight_norm
    network = nn.Sequential(make(nn.Conv2d(3, 8, 3)), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model = models.wrap(network, input_size=8)
        pixels, fresh = torch.rand(1, 3, 8, 8), models.untrained(model)
        *_, (_, last) = truth.randomization(model)
    assert not torch.allclose(model(pixels), fresh(pixels))
    assert not torch.allclose(model(pixels), last(pixels))


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_any_precision_is_kept(dtype):
    model = trained(many_kinds()).to(dtype)
    fresh = models.untrained(model)
    *_, (_, last) = truth.randomization(model)
    assert kept(model, fresh) == []
    assert {one.dtype for one in (*fresh.parameters(), *last.parameters())} == {dtype}


def test_the_world_stays_and_a_seed_is_a_network():
    model = trained(many_kinds())
    before, state = copy.deepcopy(model.state_dict()), torch.get_rng_state()
    one, again, other = (models.untrained(model, seed).state_dict() for seed in (1, 1, 2))
    for _ in truth.randomization(model):
        pass
    assert torch.equal(torch.get_rng_state(), state)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert all(torch.equal(one[name], again[name]) for name in one)
    assert not torch.equal(
        one["network.7.recurrent.weight_ih_l0"], other["network.7.recurrent.weight_ih_l0"]
    )
    assert not any(each.requires_grad for each in models.untrained(model).parameters())


def test_inside_inference_mode_the_networks_have_gradients_all_the_same():
    model, pixels = models.load("coursenet", device="cpu"), torch.rand(1, 3, 64, 64)
    with torch.inference_mode():
        networks = [models.untrained(model), truth.half_random(model)]
        networks.append(next(truth.randomization(model))[1])
        assert all(saliency.saliency_map(each, pixels, 0).any() for each in networks)


def test_one_layer_has_no_half():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = models.wrap(network, input_size=8)
    assert [layer for layer, _ in truth.randomization(model)] == ["0"]
    with pytest.raises(ValueError, match="no two layers with weights"):
        truth.half_random(model)
