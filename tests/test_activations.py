import copy
import functools
import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
import torchvision
import toy_nets
from torch import nn
from torch.overrides import TorchFunctionMode
from torch.utils.checkpoint import checkpoint

from cs231n_viz import models
from cs231n_viz.activations import (
    activations_at,
    capture,
    receptive_field,
    receptive_fields,
    relu_rule,
)
from cs231n_viz.networks import EfficientNetLite

FOUR_WAYS = [
    toy_nets.plain_net,
    toy_nets.inplace_relu_net,
    toy_nets.functional_relu_net,
    toy_nets.reused_relu_net,
]
REAL = {  # name: layers early and late, whose units do not yet see the whole picture
    "alexnet": ["conv1", "pool2", "relu5"],
    "vgg11_bn": ["conv1_1", "pool2", "relu4_2"],
    "squeezenet1_0": ["conv1", "fire4", "pool8"],
    "resnet18": ["conv1", "layer1", "layer2.0", "layer2.1.conv2"],
    "densenet121": ["features.pool0", "features.denseblock1", "features.denseblock2.denselayer2"],
    "googlenet": ["conv1", "inception3a", "inception4a.branch3"],
    "mobilenet_v3_small": ["features.0", "features.1.block.0"],
    "efficientnet_lite0": ["stem", "relu2_expand", "block2", "relu4_depthwise", "block5"],
}
SIZE = 144  # pixels; enough for the layers above, and quick


@functools.cache
def real(name):
    """A network of torchvision, or our own EfficientNet-Lite, with random weights; the huge linear
    layers of AlexNet and VGG are made narrow.
    """
    settings = {"init_weights": False, "aux_logits": True} if name == "googlenet" else {}
    torch.manual_seed(0)
    with torch.device("meta"):
        if name == "efficientnet_lite0":
            network = EfficientNetLite(10)
        else:
            network = torchvision.models.get_model(name, weights=None, **settings)
    if name in ("alexnet", "vgg11_bn"):
        inputs = next(
            module.in_features for module in network.classifier if isinstance(module, nn.Linear)
        )
        network.classifier = nn.Sequential(
            nn.Linear(inputs, 8), nn.ReLU(inplace=True), nn.Linear(8, 10)
        )
    network.to_empty(device="cpu")
    for module in network.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    return models.wrap(
        network, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), input_size=SIZE, name=name
    )


def in_place_again(model):
    """A copy whose activations overwrite their inputs, as torchvision wrote them (`wrap` had
    stopped that).
    """
    model = copy.deepcopy(model)
    for module in model.modules():
        if hasattr(module, "inplace"):
            module.inplace = True
    return model


def toy(make, **settings):
    return models.wrap(make(), input_size=4, **settings)


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def hooks_on(model):
    return sum(
        len(m._forward_hooks) + len(m._forward_pre_hooks) + len(m._backward_hooks)
        for m in model.modules()
    )


class OutOfPlace(TorchFunctionMode):
    """The oracle: every in-place operation makes a new tensor instead."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if kwargs.get("inplace"):
            kwargs["inplace"] = False
        if function.__name__ in ("add_", "__iadd__"):
            function = torch.add
        return function(*args, **kwargs)


# --- capture --------------------------------------------------------------------------------------


@pytest.mark.parametrize("make", FOUR_WAYS)
def test_captured_values_are_the_numbers_worked_by_hand_however_relus_are_written(make):
    model = in_place_again(toy(make))
    layers = [layer for layer in toy_nets.NUMBERS if layer in model.layers]
    with capture(model, *layers) as outputs:
        scores = model(toy_nets.picture())
    assert set(outputs) == set(layers) >= {"conv1", "pool1", "conv2", "scores"}
    for layer in layers:
        torch.testing.assert_close(outputs[layer], toy_nets.NUMBERS[layer])
    torch.testing.assert_close(scores, toy_nets.NUMBERS["scores"])


def test_each_call_of_a_reused_relu_is_captured_under_its_own_name_in_every_pass():
    model = in_place_again(toy(toy_nets.reused_relu_net))
    with capture(model, "relu:0", "relu", "relu:1") as outputs:
        for _ in range(2):
            outputs.clear()
            model(toy_nets.picture())
            torch.testing.assert_close(outputs["relu:0"], toy_nets.NUMBERS["conv1"].clamp(min=0))
            torch.testing.assert_close(outputs["relu"], toy_nets.NUMBERS["relu2"])
            torch.testing.assert_close(outputs["relu:1"], toy_nets.NUMBERS["relu2"])


def test_a_residual_sum_in_place_reaches_neither_side_of_it():
    model = in_place_again(toy(toy_nets.residual_net))
    pixels = toy_nets.picture()
    with capture(model, "conv1", "conv2", "relu") as outputs:
        scores = model(pixels)
    conv1 = toy_nets.NUMBERS["conv1"]
    torch.testing.assert_close(outputs["conv1"], conv1)
    torch.testing.assert_close(outputs["conv2"], model.network.conv2(conv1))
    torch.testing.assert_close(outputs["relu"], (model.network.conv2(conv1) + conv1).clamp(min=0))
    torch.testing.assert_close(scores, outputs["relu"].mean(dim=(2, 3)))


def test_a_layer_that_hands_on_its_input_is_safe_from_work_in_place_on_that_input():
    class Alias(nn.Module):
        def __init__(self):
            super().__init__()
            self.same = nn.Identity()

        def forward(self, values):
            values = values * 1
            self.same(values)
            values.mul_(0)
            return values.mean(dim=(2, 3))

    model = models.wrap(Alias(), input_size=4)
    assert activations_at(model, toy_nets.picture(), "same").sum() > 0
    with capture(model, "same") as outputs:
        model(toy_nets.picture())
    assert torch.equal(outputs["same"], toy_nets.picture())


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_every_layer_of_a_real_network_is_captured_as_a_run_out_of_place_has_it(name):
    model, pixels = real(name), noise(1, 3, SIZE, SIZE)
    expected, handles = {}, []
    for module in model.network.modules():
        calls = []  # one list a module

        def keep(module, inputs, output, calls=calls):
            expected[module, len(calls)] = output
            calls.append(output)

        handles.append(module.register_forward_hook(keep))
    with torch.no_grad(), OutOfPlace():
        expected_scores = model(pixels)
    for handle in handles:
        handle.remove()

    in_place = in_place_again(model)
    with torch.no_grad(), capture(in_place, *model.layers) as outputs:
        scores = in_place(pixels)
    assert list(outputs) == model.layers  # the order in which they are ready
    for layer in model.layers:
        torch.testing.assert_close(
            outputs[layer], expected[model.resolve(layer)], msg=lambda m, at=layer: f"{at}: {m}"
        )
    torch.testing.assert_close(scores, expected_scores)
    assert torch.equal(scores, in_place(pixels))  # capturing changes no score


def test_one_channel_networks_are_captured_too():
    model = models.wrap(toy_nets.one_channel_net(), mean=(0.5,), std=(0.5,), input_size=4)
    pixels = torch.tensor([[[[0.0, 1.0, 0.5, 0.5]]]])
    difference = torch.tensor([-2.0, 1.0, 0.0])  # left minus right, in units of std
    torch.testing.assert_close(
        activations_at(model, pixels, "conv1"),
        torch.stack([difference, -difference])[None, :, None],
    )


def test_a_with_can_be_nested_and_used_for_many_passes():
    model = toy(toy_nets.plain_net)
    with capture(model, "conv1") as outer:
        model(toy_nets.picture())
        with capture(model, "conv1", "conv2") as inner:
            model(1 - toy_nets.picture())
            torch.testing.assert_close(outer["conv1"], inner["conv1"])
            torch.testing.assert_close(outer["conv1"], -toy_nets.NUMBERS["conv1"])
        model(toy_nets.picture())
    torch.testing.assert_close(outer["conv1"], toy_nets.NUMBERS["conv1"])
    torch.testing.assert_close(inner["conv1"], -toy_nets.NUMBERS["conv1"])
    assert "conv2" not in outer and hooks_on(model) == 0


def test_hooks_are_gone_after_the_with_after_an_error_and_after_a_pass_that_was_stopped():
    model = toy(toy_nets.plain_net)
    with capture(model, "conv1", "scores"):
        assert hooks_on(model) == 3
    assert hooks_on(model) == 0
    with pytest.raises(RuntimeError), capture(model, "conv1"):
        model(torch.zeros(1, 5, 4, 4))  # five channels
    assert hooks_on(model) == 0
    with pytest.raises(ValueError, match="cannot take a picture of 1 x 1"):
        activations_at(model, torch.zeros(1, 3, 1, 1), "scores")  # too small to be pooled
    activations_at(model, toy_nets.picture(), "relu1")
    receptive_field(model, "conv2")
    with pytest.raises(ValueError), capture(model, "conv1", "conv7"):
        pass
    assert hooks_on(model) == 0


def test_the_score_can_be_differentiated_with_respect_to_a_captured_tensor_and_on_to_the_pixels():
    for make in FOUR_WAYS:
        model = in_place_again(toy(make))
        pixels = toy_nets.picture().requires_grad_()
        with capture(model, "conv1", "pool1", "conv2") as outputs:
            scores = model(pixels)
        # score 0 is the mean of conv2's map 0, all four cells of it positive
        at_conv2, at_pool1, at_conv1, at_pixels = torch.autograd.grad(
            scores[0, 0], [outputs["conv2"], outputs["pool1"], outputs["conv1"], pixels]
        )
        torch.testing.assert_close(
            at_conv2, torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2) / 4
        )
        # each of the four cells sums all four cells of pool1's map 0
        torch.testing.assert_close(
            at_pool1, torch.tensor([1.0, 0.0]).view(1, 2, 1, 1).expand(1, 2, 2, 2)
        )
        # back to the winner of each pool, where the ReLU is open: the top left and the bottom right
        # pixel
        corners = torch.zeros(4, 4)
        corners[0, 0] = corners[3, 3] = 1
        torch.testing.assert_close(at_conv1[0, 0], corners)
        torch.testing.assert_close(at_pixels[0], torch.stack([corners, 0 * corners, 0 * corners]))


@pytest.mark.parametrize(
    (
        "name",
        "layer",
    ),  # what is changed in place right afterwards; away from the kink of ReLUs and of tied maxima
    [
        ("resnet18", "layer1.0.bn2"),
        ("densenet121", "features.denseblock1.denselayer2.norm2"),
        ("googlenet", "inception3a.branch1.bn"),
    ],
)
def test_the_gradient_at_a_captured_layer_predicts_what_a_small_change_there_does(name, layer):
    model = in_place_again(real(name)).double()
    pixels = noise(1, 3, 64, 64).double().requires_grad_()
    with capture(model, layer) as outputs:
        score = model(pixels)[0, 3]
    (gradient,) = torch.autograd.grad(score, outputs[layer])
    nudge = 1e-7 * noise(*gradient.shape, seed=1).double()
    module, _ = model.resolve(layer)
    changed = []
    for sign in (1, -1):
        handle = module.register_forward_hook(
            lambda module, inputs, output, sign=sign: output + sign * nudge
        )
        with torch.no_grad():
            changed.append(model(pixels)[0, 3])
        handle.remove()
    torch.testing.assert_close(
        (changed[0] - changed[1]) / 2, (gradient * nudge).sum(), rtol=1e-3, atol=1e-14
    )


def test_two_threads_on_one_model_do_not_record_each_other():
    model = toy(toy_nets.reused_relu_net)
    start, wrong = threading.Barrier(3), []

    def look(brightness):
        pixels = brightness * toy_nets.picture()
        conv1 = toy_nets.RED * brightness - 0.5
        start.wait()
        for _ in range(60):
            with capture(model, "conv1", "relu:0") as outputs:
                model(pixels)
            right = torch.allclose(outputs["conv1"][0, 0], conv1)
            right &= torch.allclose(outputs["relu:0"][0, 0], conv1.clamp(min=0))
            right &= torch.allclose(activations_at(model, pixels, "conv1")[0, 1], -conv1)
            if not right:
                wrong.append(brightness)

    threads = [threading.Thread(target=look, args=(brightness,)) for brightness in (0.2, 0.6, 1.0)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong and hooks_on(model) == 0


def test_a_pass_in_another_thread_in_the_midst_of_ours_is_not_recorded():
    model = toy(toy_nets.reused_relu_net)
    black = torch.zeros(1, 3, 4, 4)

    def run_another(module, inputs, output):
        if threading.current_thread() is threading.main_thread():
            other = threading.Thread(target=model, args=(black,))
            other.start()
            other.join()

    model.network.pool1.register_forward_hook(run_another)
    with capture(model, "conv1", "relu:0", "relu") as outputs:
        model(toy_nets.picture())
    torch.testing.assert_close(outputs["conv1"], toy_nets.NUMBERS["conv1"])
    torch.testing.assert_close(outputs["relu:0"], toy_nets.NUMBERS["conv1"].clamp(min=0))
    torch.testing.assert_close(outputs["relu"], toy_nets.NUMBERS["relu2"])


class FlipsToo(nn.Module):
    """Test-time augmentation: the mean over the picture and its mirror image, by calling itself."""

    def __init__(self):
        super().__init__()
        self.net = toy_nets.plain_net()

    def forward(self, values, both=True):
        if both:
            return (self(values, both=False) + self(values.flip(3), both=False)) / 2
        return self.net(values)


def test_in_a_network_that_calls_itself_a_layers_calls_count_over_the_whole_pass():
    model, pixels = toy(FlipsToo), toy_nets.picture()
    conv1 = toy_nets.NUMBERS["conv1"]
    assert "net.conv1:0" in model.layers and "net.conv1" in model.layers
    with capture(model, "net.conv1:0", "net.conv1") as outputs:
        for _ in range(2):
            outputs.clear()
            model(pixels)
            torch.testing.assert_close(outputs["net.conv1:0"], conv1)
            torch.testing.assert_close(outputs["net.conv1"], conv1.flip(3))
    torch.testing.assert_close(activations_at(model, pixels, "net.conv1"), conv1.flip(3))


class Checkpointed(nn.Module):
    """`plain_net` whose first layers are computed again in the backward pass; `deep`: within such
    layers again.
    """

    def __init__(self, deep=False):
        super().__init__()
        self.net, self.deep = toy_nets.plain_net(), deep

    def forward(self, values):
        return self.net[5:](checkpoint(self.first_layers, values, use_reentrant=False))

    def first_layers(self, values):
        if self.deep:
            return self.net[2:5](checkpoint(self.net[:2], values, use_reentrant=False))
        return self.net[:5](values)


@pytest.mark.parametrize("deep", [False, True])
@pytest.mark.parametrize("layer", ["conv1", "relu1", "pool1", "conv2", "relu2", "pool2"])
def test_a_leaf_inside_of_a_checkpoint_has_the_gradient_that_it_has_without(layer, deep):
    found = []
    for make, name in ((toy_nets.plain_net, layer), (lambda: Checkpointed(deep), f"net.{layer}")):
        model = toy(make)
        with capture(model, name, leaves=True) as outputs:
            scores = model(toy_nets.picture())
        found.append(torch.autograd.grad(scores[0, 1], outputs[name])[0])
        pixels = toy_nets.picture().requires_grad_()
        with capture(model, name) as outputs:
            scores = model(pixels)
        found.append(torch.autograd.grad(scores[0, 1], outputs[name])[0])
    assert found[0].any() and all(torch.equal(each, found[0]) for each in found)


def test_hooks_on_what_is_saved_for_the_gradient_are_the_callers_again_afterwards():
    model, packed = toy(Checkpointed), []

    def pack(saved):
        packed.append(saved)
        return saved

    hooks = torch.autograd.graph.saved_tensors_hooks(pack, lambda saved: saved)
    with hooks, capture(model, "net.conv2", leaves=True) as outputs:
        scores = model(toy_nets.picture())
    torch.autograd.grad(scores[0, 1], outputs["net.conv2"])
    packed.clear()
    torch.rand(2, requires_grad=True).exp()
    assert not packed  # theirs has ended


@pytest.mark.parametrize("mode", [torch.no_grad, torch.inference_mode])
def test_leaves_have_gradients_wherever_they_are_captured(mode):
    model = toy(toy_nets.plain_net)
    with mode():
        with capture(model, "relu1", leaves=True) as outputs:
            score = model(toy_nets.picture())[0, 1]
        (inside,) = torch.autograd.grad(score, outputs["relu1"])
        assert torch.is_inference_mode_enabled() == (mode is torch.inference_mode)
        assert not torch.is_grad_enabled()
        assert receptive_field(model, "conv2").size == 8
    with capture(model, "relu1", leaves=True) as outputs:
        scores = model(toy_nets.picture())
    expected = torch.autograd.grad(scores[0, 1], outputs["relu1"])[0]
    assert expected.any() and torch.equal(inside, expected)


@pytest.mark.parametrize("wrapping", ["compiled", "parallel"])
def test_compiled_and_parallel_networks_are_looked_into_as_the_plain_one_is(wrapping):
    compiled = functools.partial(torch.compile, backend="eager")
    wrap = {"compiled": compiled, "parallel": nn.DataParallel}[wrapping]
    model = models.wrap(wrap(toy_nets.plain_net()), input_size=4)
    layer = next(name for name in model.layers if name.endswith("conv2"))
    found = activations_at(model, toy_nets.picture(), layer)
    torch.testing.assert_close(found, toy_nets.NUMBERS["conv2"])
    assert tuple(receptive_field(model, layer)) == (8, 2, -3)


# --- activations_at -------------------------------------------------------------------------------


def test_the_pass_stops_right_after_the_last_layer_asked_for():
    model, ran = toy(toy_nets.plain_net), []
    for name, module in model.network.named_children():
        module.register_forward_hook(lambda module, inputs, output, name=name: ran.append(name))
    pool1 = activations_at(model, toy_nets.picture(), "pool1")
    assert ran == ["conv1", "relu1", "pool1"]
    torch.testing.assert_close(pool1, toy_nets.NUMBERS["pool1"])
    ran.clear()
    outputs = activations_at(model, toy_nets.picture(), ["conv2", "conv1"])
    assert ran == ["conv1", "relu1", "pool1", "conv2"] and set(outputs) == {"conv1", "conv2"}
    torch.testing.assert_close(outputs["conv2"], toy_nets.NUMBERS["conv2"])


def test_the_first_call_of_a_reused_module_ends_the_pass():
    model, ran = toy(toy_nets.reused_relu_net), []
    model.network.pool1.register_forward_hook(lambda *_: ran.append("pool1"))
    first = activations_at(model, toy_nets.picture(), "relu:0")
    torch.testing.assert_close(first, toy_nets.NUMBERS["conv1"].clamp(min=0))
    assert not ran
    torch.testing.assert_close(
        activations_at(model, toy_nets.picture(), "relu"), toy_nets.NUMBERS["relu2"]
    )


def test_the_graph_from_pixels_to_the_layer_is_kept():
    pixels = toy_nets.picture().requires_grad_()
    conv1 = activations_at(
        toy(toy_nets.plain_net, std=(0.5,) * 3, mean=(0.1,) * 3), pixels, "conv1"
    )
    (gradient,) = torch.autograd.grad(conv1[0, 0].sum(), pixels)
    torch.testing.assert_close(gradient[0].mean(dim=(1, 2)), torch.tensor([2.0, 0.0, 0.0]))


def test_names_that_cannot_be_captured_get_a_sentence_that_helps():
    model = toy(toy_nets.plain_net)
    with pytest.raises(ValueError, match="Did you mean .*'conv1'"):
        activations_at(model, toy_nets.picture(), "convl")
    with pytest.raises(ValueError, match="name at least one of model.layers"):
        activations_at(model, toy_nets.picture(), [])
    with capture(model, "conv1") as outputs:
        with pytest.raises(ValueError, match="run model"):
            outputs["conv1"]
        model(toy_nets.picture())
    with pytest.raises(ValueError, match="unknown captured layer 'conv2'"):
        outputs["conv2"]


# --- relu_rule ------------------------------------------------------------------------------------

SPELLINGS = {
    "nn.ReLU": nn.ReLU(),
    "nn.ReLU in place": nn.ReLU(inplace=True),
    "F.relu": F.relu,
    "F.relu in place": lambda values: F.relu(values, inplace=True),
    "torch.relu": torch.relu,
    "torch.relu_": torch.relu_,
    "F.relu_": F.relu_,
    "Tensor.relu": lambda values: values.relu(),
    "Tensor.relu_": lambda values: values.relu_(),
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6 in place": nn.ReLU6(inplace=True),
    "F.relu6": F.relu6,
}
RULES = {  # what comes back is (5, -6, 7, -8)
    "plain": [0.0, -6.0, 7.0, 0.0],
    "deconvnet": [5.0, 0.0, 7.0, 0.0],
    "guided": [0.0, 0.0, 7.0, 0.0],
}


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("spelling", SPELLINGS)
def test_the_three_rules_on_numbers_however_a_relu_is_spelled(rule, spelling):
    values = torch.tensor([-1.0, 2.0, 3.0, -4.0], requires_grad=True)
    with relu_rule(toy(toy_nets.plain_net), rule):
        inside = values * 1  # a leaf cannot be changed in place
        result = SPELLINGS[spelling](inside)
    assert result.tolist() == [0.0, 2.0, 3.0, 0.0]
    assert (inside is result) == ("place" in spelling or spelling.endswith("_"))
    (gradient,) = torch.autograd.grad(result, values, torch.tensor([5.0, -6.0, 7.0, -8.0]))
    assert gradient.tolist() == RULES[rule]


SIXES = {
    "nn.ReLU6": nn.ReLU6(),
    "nn.ReLU6 in place": nn.ReLU6(inplace=True),
    "F.relu6": F.relu6,
    "F.relu6 in place": lambda values: F.relu6(values, inplace=True),
    "nn.Hardtanh": nn.Hardtanh(0, 6),
    "F.hardtanh": lambda values: F.hardtanh(values, 0, 6),
    "F.hardtanh in place": lambda values: F.hardtanh(values, 0.0, 6.0, True),
    "F.hardtanh_": lambda values: F.hardtanh_(values, 0.0, max_val=6.0),
}
SIX_RULES = {  # the values are -1, 0, 2, 3, 6, 7, 8; what comes back is 5, 5, -6, 7, 8, 9, -10
    "plain": [0.0, 0.0, -6.0, 7.0, 0.0, 0.0, 0.0],
    "deconvnet": [5.0, 5.0, 0.0, 7.0, 8.0, 9.0, 0.0],  # where the values lie does not matter
    "guided": [0.0, 0.0, 0.0, 7.0, 0.0, 0.0, 0.0],
}


@pytest.mark.parametrize("rule", SIX_RULES)
@pytest.mark.parametrize("spelling", SIXES)
def test_the_three_rules_on_numbers_below_within_and_above_the_range_of_a_relu6(rule, spelling):
    values = torch.tensor([-1.0, 0.0, 2.0, 3.0, 6.0, 7.0, 8.0], requires_grad=True)
    back = torch.tensor([5.0, 5.0, -6.0, 7.0, 8.0, 9.0, -10.0])
    with relu_rule(toy(toy_nets.plain_net), rule):
        result = SIXES[spelling](values * 1)
    assert result.tolist() == [0.0, 0.0, 2.0, 3.0, 6.0, 6.0, 6.0]
    assert torch.autograd.grad(result, values, back)[0].tolist() == SIX_RULES[rule]
    if rule == "plain":  # which is torch's own derivative
        own = torch.autograd.grad(SIXES[spelling](values * 1), values, back)[0]
        assert own.tolist() == SIX_RULES[rule]


def test_other_activations_keep_their_own_gradient():
    values = torch.tensor([-1.0, 3.0, 7.0], requires_grad=True)
    others = [nn.Hardtanh(-2, 2), nn.Hardswish(), nn.LeakyReLU(), nn.GELU()]
    others += [lambda each: F.hardtanh_(each * 1), lambda each: F.hardtanh(each, 1, 5)]
    for activation in others:
        (usual,) = torch.autograd.grad(activation(values), values, -torch.ones(3))
        with relu_rule(toy(toy_nets.plain_net), "guided"):
            (ruled,) = torch.autograd.grad(activation(values), values, -torch.ones(3))
        assert torch.equal(usual, ruled)


def input_gradient(model, pixels, rule, layer=None, target=0):
    pixels = pixels.clone().requires_grad_()
    with relu_rule(model, rule):
        output = (
            model(pixels)[:, target]
            if layer is None
            else activations_at(model, pixels, layer)[0, target].sum()
        )
    return torch.autograd.grad(output.sum(), pixels)[0]


@pytest.mark.parametrize("make", FOUR_WAYS)
def test_the_rules_by_hand_through_a_network_of_two_relus(make):
    model = in_place_again(toy(make))
    plain, deconvnet, guided = (
        input_gradient(model, toy_nets.picture(), rule, target=1)[0, 0] for rule in RULES
    )
    # score 1 = 8 · mean 1 − 2 · mean 0. Back at relu2: −½ in map 0, +2 in map 1, open in all of map
    # 0 and in the top left cell of map 1. conv2 then gives pool1 the sum: map 0: 4 · (−½) = −2
    # everywhere, +2 top left; map 1: −2 top left. The pools' winners: top left (½) of map 0; bottom
    # right (½) of map 0; of map 1 the top left pool holds only zeros.
    assert plain[0, 0] == 0 and plain[3, 3] == -2 and plain.abs().sum() == 2
    # guided drops map 0's −½ at once; what is left is +2 top left in map 0, −2 in map 1, which is
    # dropped too
    assert guided[0, 0] == 2 and guided.abs().sum() == 2
    # deconvnet lets +2 through every unit of map 1: +2 in all cells of map 0, at the winners of its
    # pools
    winners = F.max_pool2d(toy_nets.NUMBERS["conv1"].clamp(min=0), 2, return_indices=True)[1][0, 0]
    assert (
        deconvnet.flatten()[winners.flatten()].tolist() == [2.0] * 4 and deconvnet.abs().sum() == 8
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_scores_stay_as_they_are_and_the_plain_rule_is_the_usual_gradient(name):
    model = in_place_again(real(name))
    pixels = noise(1, 3, 96, 96).requires_grad_()
    scores = model(pixels)
    (usual,) = torch.autograd.grad(scores[0, 0], pixels)
    torch.testing.assert_close(input_gradient(model, pixels.detach(), "plain"), usual)
    with torch.no_grad(), relu_rule(model, "guided"):
        torch.testing.assert_close(model(pixels), scores.detach())


def with_relu_modules(googlenet):
    """GoogLeNet with every F.relu written as a module, for tools that know modules only."""
    googlenet = copy.deepcopy(googlenet)
    for module in googlenet.modules():
        if type(module).__name__ == "BasicConv2d":
            module.bn = nn.Sequential(
                module.bn, nn.ReLU()
            )  # the F.relu after it then changes nothing
            module.forward = functools.partial(
                lambda module, values: module.bn(module.conv(values)), module
            )
    return googlenet


def with_relu_for_relu6(model):
    """A copy whose ReLU6s are open at the top."""
    model = copy.deepcopy(model)
    for module in [*model.modules()]:
        for name, child in module.named_children():
            if isinstance(child, nn.ReLU6):
                setattr(module, name, nn.ReLU())
    return model


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Setting backward hooks")
@pytest.mark.parametrize("name", ["squeezenet1_0", "vgg11_bn", "googlenet", "efficientnet_lite0"])
def test_guided_and_deconvnet_agree_with_captum(name):
    attr = pytest.importorskip("captum.attr")  # the oracle; not needed to use the course
    model, pixels = real(name), noise(1, 3, 96, 96)
    modules = with_relu_modules(model) if name == "googlenet" else copy.deepcopy(model)
    if name == "efficientnet_lite0":  # captum knows ReLU only; here no value is as large as 6
        modules = with_relu_for_relu6(model)
        torch.testing.assert_close(modules(pixels), model(pixels))
    for rule, method in {"guided": attr.GuidedBackprop, "deconvnet": attr.Deconvolution}.items():
        expected = method(modules).attribute(pixels.clone().requires_grad_(), target=0).detach()
        found = input_gradient(in_place_again(model), pixels, rule)
        torch.testing.assert_close(
            found, expected, rtol=1e-4, atol=1e-5 * expected.abs().max().item()
        )


def test_the_rule_ends_with_the_with_also_after_an_error():
    model, pixels = toy(toy_nets.functional_relu_net), toy_nets.picture()
    before = input_gradient(model, pixels, "plain", target=1)
    with relu_rule(model, "guided"):
        ruled = model(pixels.requires_grad_())
    with pytest.raises(RuntimeError, match="mine"), relu_rule(model, "guided"):
        raise RuntimeError("mine")
    (after,) = torch.autograd.grad(model(pixels)[0, 1], pixels)
    torch.testing.assert_close(after, before)
    # and a pass made inside keeps its rule: the gradient may be taken later
    assert torch.autograd.grad(ruled[0, 1], pixels)[0].sum() == 2


def test_the_rule_does_not_leak_into_another_thread():
    model, pixels, found = toy(toy_nets.functional_relu_net), toy_nets.picture(), {}

    def usual_gradient():
        there = pixels.clone().requires_grad_()
        found["there"] = torch.autograd.grad(model(there)[0, 1], there)[0].sum().item()

    with relu_rule(model, "guided"):
        thread = threading.Thread(target=usual_gradient)
        thread.start()
        thread.join()
        here = pixels.clone().requires_grad_()
        found["here"] = torch.autograd.grad(model(here)[0, 1], here)[0].sum().item()
    assert found == {"there": -2.0, "here": 2.0}


def test_of_nested_rules_the_innermost_counts():
    model, pixels = toy(toy_nets.plain_net), toy_nets.picture()
    with relu_rule(model, "guided"):
        assert input_gradient(model, pixels, "plain", target=1).sum() == -2
        assert input_gradient(model, pixels, "deconvnet", target=1).sum() == 8
        here = pixels.clone().requires_grad_()
        assert torch.autograd.grad(model(here)[0, 1], here)[0].sum() == 2


def test_a_rule_works_on_a_pass_that_is_stopped_and_with_capture():
    model, pixels = toy(toy_nets.plain_net), toy_nets.picture()
    assert torch.equal(
        input_gradient(model, pixels, "guided", "conv1"),
        input_gradient(model, pixels, "plain", "conv1"),
    )
    here = pixels.requires_grad_()
    with relu_rule(model, "guided"), capture(model, "pool1") as outputs:
        scores = model(here)
    (at_pool1,) = torch.autograd.grad(scores[0, 1], outputs["pool1"])
    assert at_pool1[0].tolist() == [[[2.0, 0.0], [0.0, 0.0]], [[-2.0, 0.0], [0.0, 0.0]]]


@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("make", FOUR_WAYS)
def test_what_is_captured_under_a_rule_is_not_overwritten_by_relus_in_place(make, rule):
    model = in_place_again(toy(make))
    with relu_rule(model, rule), capture(model, "conv1", "conv2") as outputs:
        model(toy_nets.picture().requires_grad_())
    for layer in outputs:
        torch.testing.assert_close(outputs[layer], toy_nets.NUMBERS[layer])


def test_unknown_rules_and_networks_without_relus_get_a_sentence_that_helps():
    model = toy(toy_nets.plain_net)
    with pytest.raises(ValueError, match="Did you mean 'guided'"), relu_rule(model, "guidde"):
        pass
    smooth = nn.Sequential(nn.Conv2d(3, 2, 3), nn.GELU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    smooth = models.wrap(smooth, input_size=4, name="smoothnet")
    with relu_rule(smooth, "plain"):
        smooth(toy_nets.picture())
    with pytest.raises(ValueError, match="smoothnet has no ReLUs"), relu_rule(smooth, "guided"):
        smooth(toy_nets.picture())


# --- receptive_field ------------------------------------------------------------------------------


def test_window_arithmetic_by_hand():
    model = toy(toy_nets.plain_net)
    fields = {layer: tuple(receptive_field(model, layer)) for layer in model.layers}
    assert fields["conv1"] == fields["relu1"] == (3, 1, -1)
    assert fields["pool1"] == (4, 2, -1)  # two windows of 3, one pixel apart
    assert (
        fields["conv2"] == fields["relu2"] == (8, 2, -3)
    )  # three windows of 4, two pixels apart, one before
    assert fields["pool2"] == fields["scores"] == (4, 0, 0)  # the whole picture
    assert receptive_field(model, "scores").whole and not receptive_field(model, "conv2").whole
    assert tuple(receptive_field(toy(toy_nets.residual_net), "relu")) == (5, 1, -2)
    assert tuple(receptive_field(toy(toy_nets.functional_relu_net), "conv2")) == (8, 2, -3)


def test_padding_at_the_far_side_only_leaves_the_first_window_at_the_first_pixel():
    """TensorFlow's way at stride 2: 3 x 3 pads 0 before and 1 after, 5 x 5 1 before and 2 after."""
    model = real("efficientnet_lite0")
    fields = receptive_fields(model, model.layers)
    assert fields["stem"] == (3, 2, 0)  # padded on both sides it would begin at -1
    assert fields["relu1_depthwise"] == fields["block1"] == (7, 2, -2)  # 3 + 2 · 2; one of 2 before
    assert fields["block2.pad"] == fields["block1"]  # nothing is put before
    assert fields["block2"] == fields["relu2_depthwise"] == (11, 4, -2)  # 7 + 2 · 2
    assert fields["block3"] == (19, 4, -6)  # 11 + 2 · 4; one of 4 before
    assert fields["block4.pad"] == (19, 4, -10)  # one of 4 put before
    assert fields["block4"] == (35, 8, -10)  # 19 + 4 · 4
    assert fields["code"].whole


def test_the_box_of_a_unit_is_cut_at_the_edges_of_the_picture():
    field = receptive_field(toy(toy_nets.plain_net), "conv2")  # 8, 2, -3
    assert field.box(0, 0, 100, 100) == (0, 0, 5, 5)
    assert field.box(10, 20, 100, 100) == (17, 37, 25, 45)
    assert field.box(49, 10, 100, 100) == (95, 17, 100, 25)
    assert receptive_field(toy(toy_nets.plain_net), "scores").box(0, 0, 100, 80) == (0, 0, 100, 80)


class Windows(nn.Module):
    """A branch for every kind of window."""

    def __init__(self):
        super().__init__()
        self.dilated = nn.Conv2d(3, 2, 3, dilation=2)
        self.strided = nn.Conv2d(3, 2, 5, stride=3, padding=1)
        self.same = nn.Conv2d(3, 2, 5, padding="same", dilation=2)
        self.valid = nn.Conv2d(3, 2, 3, padding="valid")
        self.padded = nn.Sequential(nn.ZeroPad2d((2, 0, 2, 0)), nn.Conv2d(3, 2, 3))
        self.wide = nn.Conv2d(3, 2, (1, 5), padding=(0, 2))
        self.average = nn.AvgPool2d(3, 2, 1)
        self.maximum = nn.MaxPool2d(2, dilation=3)
        self.split = nn.Identity()
        self.turned = nn.Identity()
        self.up = nn.ConvTranspose2d(3, 2, 3, padding=1)

    def forward(self, values):
        for branch in (self.dilated, self.strided, self.same, self.valid, self.padded, self.wide):
            branch(values)
        self.average(values), self.maximum(values), self.up(values)
        left, right = self.strided(values).chunk(2, dim=1)
        self.split(torch.cat([left * right, left], dim=1)[:, :1])
        self.turned(values.flip(3))
        return values.mean(dim=(2, 3))


def test_every_kind_of_window_is_followed_and_what_is_no_window_sees_everything():
    model = models.wrap(Windows(), input_size=24)
    expected = {
        "dilated": (5, 1, 0),
        "strided": (5, 3, -1),
        "same": (9, 1, -4),
        "valid": (3, 1, 0),
        "padded": (3, 1, -2),
        "wide": (5, 1, -2),  # a square around 1 x 5
        "average": (3, 2, -1),
        "maximum": (4, 2, 0),
        "split": (5, 3, -1),
        "turned": (24, 0, 0),
        "up": (24, 0, 0),
    }
    assert {layer: tuple(receptive_field(model, layer)) for layer in expected} == expected


class MeanPooling(TorchFunctionMode):
    """Means instead of maxima, so that every value under a window counts."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if function is F.max_pool2d:
            kwargs = {key: kwargs[key] for key in ("stride", "padding", "ceil_mode")}
            function = F.avg_pool2d
        return function(*args, **kwargs)


def all_positive(model):
    """A copy, in double precision, in which no influence can cancel: all weights are positive
    means.
    """
    model = copy.deepcopy(model).double()
    for module in model.network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.fill_(1 / module.weight[0].numel())
        if isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()
        if getattr(module, "bias", None) is not None:
            module.bias.fill_(0)
    return model


def support(model, layer, row, column):
    """(top, left, bottom, right) of the pixels whose gradient is not zero."""
    pixels = torch.ones(1, 3, SIZE, SIZE, dtype=torch.double, requires_grad=True)
    with MeanPooling():
        unit = activations_at(model, pixels, layer)[0, :, row, column].sum()
    touched = torch.autograd.grad(unit, pixels)[0][0].sum(dim=0).nonzero()
    (top, left), (bottom, right) = (
        touched.min(dim=0).values.tolist(),
        touched.max(dim=0).values.tolist(),
    )
    return top, left, bottom + 1, right + 1


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_the_receptive_field_is_the_support_of_the_gradient(name):
    model = real(name)
    positive = all_positive(model)
    for layer in REAL[name]:
        field, (height, width) = receptive_field(model, layer), model.shapes[layer][-2:]
        assert not field.whole
        for row, column in ((height // 2, width // 2), (1, 2)):
            assert field.box(row, column, SIZE, SIZE) == support(positive, layer, row, column), (
                layer,
                row,
                column,
            )
        # at the far edge some of a window may lie beyond the last pixels that a stride reaches
        box, truth = field.box(0, width - 1, SIZE, SIZE), support(positive, layer, 0, width - 1)
        assert box[:3] == truth[:3] and 0 <= box[3] - truth[3] < field.stride


def test_after_squeeze_and_excite_a_unit_sees_the_whole_picture():
    model = real("mobilenet_v3_small")
    assert receptive_field(model, "features.1.block.1").whole
    assert support(all_positive(model), "features.1.block.1", 2, 3) == (0, 0, SIZE, SIZE)
    assert receptive_field(real("alexnet"), "fc6").whole


@pytest.mark.slow
@pytest.mark.parametrize("name", REAL)
def test_a_patch_pasted_at_its_place_on_grey_gives_the_units_activation_back(name):
    model, pixels = real(name), noise(1, 3, SIZE, SIZE)
    places = []
    for layer in REAL[name]:
        height, width = model.shapes[layer][-2:]
        places += [(layer, height // 2, width // 2), (layer, 0, width - 2)]
    canvases = model.mean.expand(len(places), -1, SIZE, SIZE).clone()
    for canvas, (layer, row, column) in zip(canvases, places, strict=True):
        top, left, bottom, right = receptive_field(model, layer).box(row, column, SIZE, SIZE)
        canvas[:, top:bottom, left:right] = pixels[0, :, top:bottom, left:right]
    outputs = activations_at(model, torch.cat([pixels, canvases]), REAL[name])
    for index, (layer, row, column) in enumerate(places, start=1):
        original, pasted = outputs[layer][0, :, row, column], outputs[layer][index, :, row, column]
        torch.testing.assert_close(pasted, original, rtol=1e-4, atol=1e-4)


def test_one_pixel_inside_the_field_counts_and_one_outside_does_not():
    model = real("googlenet")
    field, pixels = receptive_field(model, "inception3a"), noise(1, 3, SIZE, SIZE)
    top, left, bottom, right = field.box(9, 9, SIZE, SIZE)
    pictures = pixels.repeat(4, 1, 1, 1)
    (
        pictures[1, :, :top],
        pictures[1, :, bottom:],
        pictures[1, :, :, :left],
        pictures[1, :, :, right:],
    ) = (
        0,
        1,
        1,
        0,
    )
    pictures[2, :, top] = 1 - pictures[2, :, top]
    pictures[3, :, :, right - 1] = 1 - pictures[3, :, :, right - 1]
    units = activations_at(model, pictures, "inception3a")[:, :, 9, 9]
    torch.testing.assert_close(units[1], units[0])
    assert (units[2] - units[0]).abs().max() > 0 and (units[3] - units[0]).abs().max() > 0


def test_receptive_field_of_an_unknown_layer_names_the_nearest():
    with pytest.raises(ValueError, match="Did you mean 'conv2'"):
        receptive_field(toy(toy_nets.plain_net), "conv22")


@pytest.mark.parametrize("shape", [(3, 4, 4), (4, 4), (1, 1, 4, 4), (1, 4, 4, 3)])
def test_pixels_of_another_shape_are_refused_in_words(shape):
    model = models.wrap(toy_nets.plain_net(), input_size=4)
    with pytest.raises(ValueError, match=r"pixels are \(N, 3, H, W\), not"):
        activations_at(model, torch.zeros(shape), model.layers[0])


# --- who keeps positions, and who moves values ----------------------------------------------------


class Between(nn.Module):
    """conv1, a function of its maps (N, 8, h, w), and conv2, both convolutions of 3 x 3."""

    def __init__(self, function):
        super().__init__()
        self.conv1, self.conv2 = (nn.Conv2d(c, 8, 3, padding=1) for c in (3, 8))
        self.function = function

    def forward(self, values):
        return self.conv2(self.function(self.conv1(values))).mean(dim=(2, 3))


class Mirror(torch.autograd.Function):
    """Made where no function of torch is called with the maps."""

    @staticmethod
    def forward(context, values):
        return values.flip(3)

    @staticmethod
    def backward(context, gradient):
        return gradient.flip(3)


class Scripted(nn.Module):
    def forward(self, values):
        return values.flip([3]) * 2


def written_through_a_view(maps):
    maps = maps * 1
    maps[:, :4].copy_(maps.flip(3)[:, :4])
    return maps


def read_through_a_view(maps):
    maps = maps * 1
    view = maps[:, :4]
    maps.mul_(maps.flip(3))
    return torch.cat([view, view], dim=1)


def set_items(maps):
    maps = maps * 1
    maps[..., :16] = maps[..., 16:].clone()
    return maps


def set_data(maps):
    maps = maps * 1
    maps.data = maps.flip(2)
    return maps


def with_out(maps):
    maps = maps * 1
    torch.add(maps, maps.flip(2), out=maps)
    return maps


def in_a_list(maps):
    maps = maps * 1
    torch._foreach_add_([maps], [maps.flip(3)])
    return maps


def of_each(function):
    return lambda maps: torch.stack([function(one) for one in maps])


with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # of torch, that it will go
    SCRIPT = torch.jit.script(Scripted())
BACK = torch.arange(31, -1, -1)
MOVES = {
    "transpose": lambda maps: maps.transpose(2, 3),
    "mT": lambda maps: maps.mT,
    "swapaxes": lambda maps: maps.swapaxes(-1, -2),
    "permute": lambda maps: maps.permute(0, 1, 3, 2),
    "rot90": lambda maps: torch.rot90(maps, 1, (2, 3)),
    "einsum": lambda maps: torch.einsum("nchw->ncwh", maps),
    "transposed and reshaped": lambda maps: maps.mT.reshape(maps.shape),
    "flip": lambda maps: maps.flip(3),
    "torch.ops": lambda maps: torch.ops.aten.flip(maps, [3]),
    "flip of the flat": lambda maps: maps.flatten(2).flip(-1).view_as(maps),
    "roll": lambda maps: maps.roll(5, 3),
    "index": lambda maps: maps[..., BACK],
    "slices": lambda maps: torch.cat([maps[..., 1:], maps[..., :1]], dim=3),
    "index_select": lambda maps: maps.index_select(3, BACK),
    "gather": lambda maps: maps.gather(3, BACK.expand_as(maps)),
    "take_along_dim": lambda maps: torch.take_along_dim(maps, BACK.expand_as(maps), 3),
    "scatter": lambda maps: torch.zeros_like(maps).scatter(3, BACK.expand_as(maps), maps),
    "masked_select": of_each(lambda one: one.masked_select(one < 99).flip(0).view_as(one)),
    "sort": lambda maps: maps.sort(dim=3)[0],
    "topk": lambda maps: maps.topk(32, dim=3)[0],
    "cumsum": lambda maps: maps.cumsum(3),
    "softmax": lambda maps: maps.softmax(dim=3),
    "log_softmax": lambda maps: maps.log_softmax(-1),
    "softmax of the flat": lambda maps: maps.flatten(2).softmax(dim=-1).view_as(maps),
    "normalize": lambda maps: F.normalize(maps, dim=2),
    "instance_norm": lambda maps: F.instance_norm(maps),
    "group_norm": lambda maps: F.group_norm(maps, 2),
    "layer_norm": lambda maps: F.layer_norm(maps, (32, 32)),
    "local_response_norm of rows": of_each(lambda one: F.local_response_norm(one.mT, 9).mT),
    "plus its mean": lambda maps: maps + maps.mean(dim=(2, 3), keepdim=True),
    "plus its row": lambda maps: maps + maps.mean(dim=2, keepdim=True),
    "plus its corner": lambda maps: maps + maps[:, :, :1, :1],
    "matmul": lambda maps: maps @ maps.mT,
    "fft": lambda maps: torch.fft.ifft2(torch.fft.fft2(maps)).real,
    "interpolate": lambda maps: F.interpolate(F.interpolate(maps, 16), 32),
    "adaptive pooling": lambda maps: F.interpolate(F.adaptive_avg_pool2d(maps, 8), 32),
    "pixel_shuffle": lambda maps: F.pixel_shuffle(F.pixel_unshuffle(maps, 2), 2),
    "unfold": lambda maps: F.fold(F.unfold(maps, 5, padding=2), 32, 5, padding=2),
    "circular padding": lambda maps: F.pad(maps, (9, 0, 0, 0), mode="circular")[..., :32],
    "crop": lambda maps: F.pad(maps, (-3, 3, 0, 0)),
    "torch.max_pool2d": lambda maps: torch.max_pool2d(maps, 3, 1, 1),
    "max_pool, dilation by place": lambda maps: F.max_pool2d(maps, 5, 1, 2, 1, False),
    "max_pool, dilated": lambda maps: F.max_pool2d(F.pad(maps, (3, 3, 3, 3)), 3, 1, 0, 3),
    "avg_pool by keywords": lambda maps: F.avg_pool2d(kernel_size=5, stride=1, input=maps),
    "a convolution of the picture": of_each(
        lambda one: F.conv2d(one[None], one.mean(dim=(1, 2)).expand(8, 8)[..., None, None])[0]
    ),
    "a Function": Mirror.apply,
    "a script": lambda maps: SCRIPT(maps),
    "a number": of_each(lambda one: one * one.mean().item()),
    "a list": of_each(lambda one: one * torch.tensor(one.mean(dim=(1, 2)).tolist())[:, None, None]),
    "a decision": of_each(lambda one: one if one[0, 0, 0] > 0 else -one),
    "numpy": lambda maps: torch.from_numpy(maps.numpy()[..., ::-1].copy()),
    "sparse": of_each(lambda one: one.to_sparse().transpose(1, 2).to_dense()),
    "written through a view": written_through_a_view,
    "read through a view": read_through_a_view,
    "set items": set_items,
    "set data": set_data,
    "with out=": with_out,
    "in a list, in place": in_a_list,
}  # fmt: skip
STAYS = {  # layer "conv2" sees the 5 x 5 of two convolutions, as if nothing were between
    "activations": lambda maps: F.gelu(F.leaky_relu(maps, 0.1)).sigmoid().clamp(0.1, 0.9) ** 2,
    "numbers": lambda maps: (1 - maps) / 2 + 3 * maps - maps.abs(),
    "gates": lambda maps: torch.where(maps > 0, maps * maps.sigmoid(), -maps),
    "in place": lambda maps: (maps * 1).add_(maps).relu_().mul_(2),
    "names of channels": lambda maps: torch.cat([maps[:, 4:], maps[:, :4, :, :]], axis=1),
    "chunks": lambda maps: torch.cat(maps.chunk(2, dim=1)[::-1], dim=-3),
    "split and stack": lambda maps: torch.stack(maps.split(4, 1), dim=1).flatten(1, 2),
    "shuffled": lambda maps: maps.view(-1, 2, 4, 32, 32).transpose(1, 2).reshape(-1, 8, 32, 32),
    "one channel": lambda maps: torch.cat([maps[:, 0].unsqueeze(1)] * 8, dim=1),
    "over channels": lambda maps: maps.softmax(dim=1) + maps.mean(dim=1, keepdim=True),
    "local_response_norm": lambda maps: F.local_response_norm(maps, 3),
    "batch_norm": lambda maps: F.batch_norm(maps, torch.zeros(8), torch.ones(8)),
    "dropout": lambda maps: F.dropout(maps, 0.5, training=False),
    "its size": lambda maps: maps.reshape(len(maps), maps.size(1), *maps.shape[2:]) * maps.dim(),
}  # fmt: skip


@pytest.mark.parametrize("name", MOVES)
def test_no_pixel_outside_of_the_receptive_field_changes_a_unit(name):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = models.wrap(Between(MOVES[name]), input_size=32)
    field, (row, column) = receptive_field(model, "conv2"), (16, 7)
    assert field.size > 5
    top, left, bottom, right = field.box(row, column, 32, 32)
    pixels, other = noise(1, 3, 32, 32), noise(1, 3, 32, 32, seed=1)
    other[..., top:bottom, left:right] = pixels[..., top:bottom, left:right]
    with torch.no_grad():
        units, same = (
            activations_at(model, picture, "conv2")[0, :, row, column]
            for picture in (pixels, other)
        )
    torch.testing.assert_close(same, units, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", STAYS)
def test_what_acts_on_each_position_by_itself_leaves_the_receptive_field_as_it_is(name):
    model = models.wrap(Between(STAYS[name]), input_size=32)
    assert tuple(receptive_field(model, "conv2")) == (5, 1, -2)


def test_a_norm_over_the_batch_sees_everything():
    model = models.wrap(Between(lambda maps: maps), input_size=32)
    model.network.function = lambda maps: F.batch_norm(maps, None, None, training=True)
    assert receptive_field(model, "conv2").whole


def test_the_receptive_field_of_a_network_for_pictures_that_are_not_square():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, (2, 1)), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    model = models.wrap(network, input_size=(24, 40))
    assert tuple(receptive_field(model, "0")) == (3, 2, -1)
    assert receptive_field(model, "1").box(3, 4, 24, 40) == (0, 0, 24, 40)  # strides of two kinds
    assert receptive_field(model, "2").whole
