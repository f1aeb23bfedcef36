"""The numeric cases of captum's own test suite, run on our functions.

Source of every network, input and stated number: github.com/meta-pytorch/captum, tests/attr,
tests/robust and tests/utils (of 0.9); how it is written here is our own. Each case is computed by
us and by captum, which agree to 1e-4 of the largest value; where captum's test states a number,
ours is as near to it as captum has to be.

How their cases become ours. A vector is a picture of one row; several inputs are its rows, or its
channels if they are pictures. Values outside [0, 1] are pixels of a network whose normalisation
brings them back, x = (pixel − mean) / std, so that their gradient is ours times std. Zero, their
baseline, is the mean colour. Further arguments of a network, and inputs that are not explained, are
constants in it. Occlusion maps are spread over the pixels as captum does: the mean over all patches
that cover a pixel. Noisy copies are the same ones, drawn with one seed.

Left out, for nothing here corresponds: inputs of two shapes explained together, integers, booleans
and text, feature masks, windows cut off at an edge (our last patch ends there), slices and sums of
units, Grad-CAM of vectors or by channel, layers that give a tuple, attacks that are masked, bounded
otherwise than the inputs, or in L2 balls about each of two inputs, and tests of errors, types and
progress bars. Nearest-neighbour enlarging (guided Grad-CAM) is compared at the corners, where it
equals ours.
"""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import NamedTuple

import captum.attr
import captum.robust
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from toy_nets import set_weights

from cs231n_viz import models
from cs231n_viz.activations import activations_at
from cs231n_viz.techniques import adversarial, cam, guided_backprop, occlusion, saliency

# --- their networks -------------------------------------------------------------------------------


class Formula(nn.Module):
    """Scores (N, K) by a formula of x (N, 1, inputs, values)."""

    def __init__(self, formula: Callable[[Tensor], Tensor]):
        super().__init__()
        self.formula = formula

    def forward(self, x: Tensor) -> Tensor:
        return self.formula(x)


def ramp() -> nn.Module:
    return Formula(lambda x: 1 - F.relu(1 - x.flatten(1)))


def ramp_of_sum() -> nn.Module:
    return Formula(lambda x: 1 - F.relu(1 - x[:, 0].sum(dim=1)))


def two_inputs(first: float = 0, second: float = 1, times=(1, 1)) -> nn.Module:
    """ReLU(ReLU(a − first) · times − second − ReLU(b) · times): Sundararajan et al. 2017."""
    times = torch.tensor(times)

    def formula(x: Tensor) -> Tensor:
        a, b = F.relu(x[:, 0, 0] - first), F.relu(x[:, 0, 1])
        return F.relu(a * times[0] - second - b * times[1])

    return Formula(formula)


def other_two_inputs(times=(1, 1)) -> nn.Module:
    """The same function of ReLU(a − 1): ReLU(ReLU(a − 1) · times − ReLU(b) · times)."""
    return two_inputs(1, 0, times)


class Layered(nn.Module):
    """linear0 (identity), linear1 (the sum − 10, + 1, + 1, + 1), relu, linear2 (the sum − 1, + 1).

    It sees scale · (the sum of its inputs + more).
    """

    def __init__(self, scale: float = 1, more=0.0, inplace: bool = False, twice: bool = False):
        super().__init__()
        self.linear0 = set_weights(nn.Linear(3, 3), torch.eye(3))
        self.linear1 = set_weights(nn.Linear(3, 4), torch.ones(4, 3), [-10.0, 1, 1, 1])
        self.relu, self.relu2 = nn.ReLU(inplace=inplace), nn.ReLU()
        self.linear2 = set_weights(nn.Linear(4, 2), torch.ones(2, 4), [-1.0, 1])
        self.scale, self.more, self.twice = scale, torch.tensor(more), twice

    def forward(self, x: Tensor) -> Tensor:
        one = self.linear0(self.scale * (x[:, 0].sum(dim=1) + self.more))
        inner = self.linear1(one)
        other = self.relu2(F.linear(one, self.linear1.weight, self.linear1.bias))
        return self.linear2(self.relu(inner) + other if self.twice else self.relu(inner))


class OneConv(nn.Module):
    """entry (the input), conv1 (3 x 3 sums − 50 and − 75), relu1, fc1, relu2: four equal scores."""

    def __init__(self, more: Tensor | float = 0.0, inplace: bool = False):
        super().__init__()
        self.entry = nn.Identity()
        self.conv1 = set_weights(nn.Conv2d(1, 2, 3), torch.ones(2, 1, 3, 3), [-50.0, -75])
        self.relu1, self.relu2 = nn.ReLU(inplace=inplace), nn.ReLU(inplace=inplace)
        weight = torch.cat([torch.ones(4, 5), -torch.ones(4, 3)], dim=1)
        self.fc1 = set_weights(nn.Linear(8, 4), weight)
        self.more = torch.as_tensor(more)

    def forward(self, x: Tensor) -> Tensor:
        maps = self.relu1(self.conv1(self.entry(x.sum(dim=1, keepdim=True) + self.more)))
        return self.relu2(self.fc1(maps.view(-1, 8)))


def seeded(make: Callable[[], nn.Module]) -> Callable[[], nn.Module]:
    """Its random weights are always the same ones."""

    def made() -> nn.Module:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            return make()

    return made


class ConvNet(nn.Module):
    """Ten softmax scores of a picture of 10 x 10."""

    def __init__(self):
        super().__init__()
        self.conv1, self.relu1, self.pool1 = nn.Conv2d(1, 2, 3), nn.ReLU(), nn.MaxPool2d(2)
        self.conv2, self.relu2, self.pool2 = nn.Conv2d(2, 4, 3), nn.ReLU(), nn.MaxPool2d(2)
        self.fc1, self.relu3, self.fc2 = nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 10)
        self.softmax = nn.Softmax(dim=1)
        set_weights(self.fc1, torch.ones(8, 4), self.fc1.bias.detach())
        set_weights(self.fc2, torch.ones(10, 8), self.fc2.bias.detach())

    def forward(self, x: Tensor) -> Tensor:
        maps = self.pool1(self.relu1(self.conv1(x)))
        maps = self.pool2(self.relu2(self.conv2(maps)))
        return self.softmax(self.fc2(self.relu3(self.fc1(maps.view(-1, 4)))))


def softmax_net(inputs: int) -> Callable[[], nn.Module]:
    layers = (20, nn.ReLU(), 20, nn.ReLU(), 10, nn.Softmax(dim=1))
    return seeded(lambda: _stacked(inputs, layers))


def sigmoid_net(inputs: int) -> Callable[[], nn.Module]:
    return seeded(lambda: _stacked(inputs, (5, nn.ReLU(), 1, nn.Sigmoid())))


def _stacked(inputs: int, layers) -> nn.Module:
    made = [nn.Flatten()]
    for layer in layers:
        made.append(nn.Linear(inputs, layer) if isinstance(layer, int) else layer)
        inputs = layer if isinstance(layer, int) else inputs
    return nn.Sequential(*made)


@seeded
def in_place_sequence() -> nn.Module:
    head = nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(inplace=True), *head)


def losses(network: nn.Module) -> nn.Module:
    """The default loss of captum's attacks is −log(score), also of a score below zero, where its
    gradient is that of −log |score|. The score of a label, log |score|, has these gradients' signs.
    """
    return Formula(lambda x: (network(x).abs() + 1e-30).log())


# --- a case ---------------------------------------------------------------------------------------


class Case(NamedTuple):
    test: str  # captum's name
    network: Callable[[], nn.Module]
    inputs: list | Tensor  # [inputs][values], or one such list for each picture, or (N, C, H, W)
    target: object = 0
    stated: object = None  # the number in captum's test, if there is one
    within: float = 0.01  # what that test allows
    options: Mapping = MappingProxyType({})

    @property
    def x(self) -> Tensor:
        x = torch.as_tensor(self.inputs, dtype=torch.float32)
        return x if x.dim() == 4 else x.view(-1, 1, *x.shape[-2:])

    @property
    def scale(self) -> tuple[float, float]:
        """(mean, std) of pixels in [0, 1] for values as large as these; exact for whole numbers."""
        noise = self.options.get("noise", 0)
        high = 2.0 ** (self.x.abs().max() + 0.5 + 5 * noise).clamp(min=1).log2().ceil().item()
        return (0.0, 1 / high) if self.x.min() >= 0 and noise < 1 else (0.5, 0.5 / high)

    def pixels(self, x: Tensor) -> Tensor:
        mean, std = self.scale
        return x * std + mean

    def model(self, network: nn.Module, scores: str = "values") -> models.PixelModel:
        mean, std = ([value] * self.x.shape[1] for value in self.scale)
        size = tuple(self.x.shape[2:])
        return models.wrap(network, mean=mean, std=std, input_size=size, scores=scores)


def module_of(network: nn.Module, layer: str) -> nn.Module:
    return network.get_submodule(layer)


def theirs_for(method: str, neuron: str, network: nn.Module, target):
    """captum's method of a class, or of a unit, with its last argument bound."""
    if isinstance(target, tuple):
        layer, *index = target
        made = getattr(captum.attr, neuron)(network, module_of(network, layer))
        return lambda x, **options: made.attribute(x, tuple(index), **options)
    made = getattr(captum.attr, method)(network)
    given = torch.tensor(target) if isinstance(target, list) else target
    return lambda x, **options: made.attribute(x, target=given, **options)


# --- our methods and theirs: functions of a case -> two tensors that should be equal --------------


def gradients(case, network):
    rule = case.options.get("rule", "plain")
    found = guided_backprop.input_gradient(
        case.model(network), case.pixels(case.x), case.target, rule=rule
    )
    names = {
        "plain": ("Saliency", "NeuronGradient"),
        "guided": ("GuidedBackprop", "NeuronGuidedBackprop"),
        "deconvnet": ("Deconvolution", "NeuronDeconvolution"),
    }
    signed = {"abs": False} if rule == "plain" and not isinstance(case.target, tuple) else {}
    return found * case.scale[1], theirs_for(*names[rule], network, case.target)(case.x, **signed)


def saliency_maps(case, network):
    found = saliency.saliency_map(case.model(network), case.pixels(case.x), case.target)
    return found[:, None] * case.scale[1], theirs_for("Saliency", "", network, case.target)(case.x)


def layer_gradients(case, network):
    layer = case.options["layer"]
    found = guided_backprop.influences(
        case.model(network), case.pixels(case.x), case.target, layer
    ).net
    module = module_of(network, layer)
    made = captum.attr.LayerGradientXActivation(network, module, multiply_by_inputs=False)
    return found, made.attribute(case.x, target=case.target)


def integrals(case, network):
    """Integrated gradients; also, as captum's tests do, that they sum to the difference."""
    found = ours_by_integral(case, network)(case.pixels(case.x), case.target)
    assert found.gap.abs().max() < max(0.07, 1e-3 * found.attributions.abs().max())
    made = theirs_for("IntegratedGradients", "NeuronIntegratedGradients", network, case.target)
    theirs = made(case.x, baselines=case.options.get("baseline", 0.0), n_steps=steps_of(case))
    times = case.x if case.options.get("times_inputs", True) is False else torch.ones(())
    return found.attributions / times, theirs / times


def ours_by_integral(case, network):
    baseline = torch.full((1, 1, 1, 1), float(case.options.get("baseline", 0.0)))
    given = {"baseline": case.pixels(baseline), "steps": steps_of(case)}
    model = case.model(network)
    return lambda some, target: saliency.integrated_gradients(model, some, target, **given)


def steps_of(case) -> int:
    return case.options.get("steps", 200)


STATISTICS = {"smoothgrad": "mean", "smoothgrad_sq": "mean square", "vargrad": "variance"}


def noisy(case, network):
    """A statistic of saliency maps, or of integrated gradients, over noisy copies of each picture.

    captum draws the noise of a picture as we do: with one seed the copies are the same.
    """
    kind, noise = case.options["kind"], case.options["noise"]
    samples, integral = case.options["samples"], case.options.get("integral", False)
    model, by_integral = case.model(network), ours_by_integral(case, network)
    targets = case.target if isinstance(case.target, list) else [case.target] * len(case.x)
    unit = 1.0 if integral else case.scale[1]
    given = {"samples": samples, "noise": noise * case.scale[1], "statistic": STATISTICS[kind]}
    made = captum.attr.IntegratedGradients(network) if integral else captum.attr.Saliency(network)
    steps, ours, theirs = {"n_steps": steps_of(case)} if integral else {}, [], []
    for x, target in zip(case.x.split(1), targets, strict=True):

        def map_of(some, target=target):
            if integral:
                return by_integral(some, target).attributions
            return saliency.saliency_map(model, some, target)[:, None]

        smoothed = saliency.smooth(map_of, case.pixels(x), seed=0, **given)
        ours.append(smoothed * (unit if kind == "smoothgrad" else unit**2))
        with torch.random.fork_rng():
            torch.manual_seed(0)
            tunnel = captum.attr.NoiseTunnel(made)
            drawn = {"nt_type": kind, "nt_samples": samples, "stdevs": float(noise)}
            theirs.append(tunnel.attribute(x, target=target, **drawn, **steps))
    return torch.cat(ours), torch.cat(theirs)


def grad_cams(case, network):
    """Grad-CAM with its ReLU, enlarged; the stated maps are of the layer's own size."""
    layer = case.options["layer"]
    found = cam.grad_cam(case.model(network), case.pixels(case.x), case.target, layer)
    made = captum.attr.LayerGradCam(network, module_of(network, layer))
    theirs = made.attribute(case.x, target=case.target, relu_attributions=True)
    return found[:, None], enlarged(theirs, case.x)


def enlarged(maps: Tensor, x: Tensor) -> Tensor:
    return F.interpolate(torch.as_tensor(maps), x.shape[2:], mode="bilinear")


def signed_cams(case, network):
    layer = case.options["layer"]
    given = case.model(network), case.pixels(case.x), case.target, [layer]
    made = captum.attr.LayerGradCam(network, module_of(network, layer))
    return cam.signed_maps(*given)[layer][:, None], made.attribute(case.x, target=case.target)


def guided_grad_cams(case, network):
    layer = case.options["layer"]
    found = cam.guided_grad_cam(case.model(network), case.pixels(case.x), case.target, layer)
    made = captum.attr.GuidedGradCam(network, module_of(network, layer))
    theirs = made.attribute(case.x, target=case.target, interpolate_mode="bilinear")
    return found * case.scale[1], theirs


def occlusions(case, network):
    patch, stride = case.options["patch"], case.options.get("stride", (1, 1))
    baseline = torch.as_tensor(case.options.get("baseline", 0.0)).expand_as(case.x[:1])
    given = {"patch": patch, "stride": stride, "fill": case.pixels(baseline), "measure": "logit"}
    drops = occlusion.occlusion_map(case.model(network), case.pixels(case.x), case.target, **given)
    axes = zip(case.x.shape[2:], patch, stride, strict=True)
    down, across = (covers(*axis) for axis in axes)  # (pixels along a side, patches along it)
    sums, counts = (down @ each @ across.T for each in (drops, torch.ones_like(drops)))
    made = captum.attr.Occlusion(network)
    windows = {"sliding_window_shapes": (1, *patch), "strides": (1, *stride)}
    theirs = made.attribute(case.x, target=case.target, baselines=baseline, **windows)
    return (sums / counts)[:, None], theirs


def covers(side: int, patch: int, stride: int) -> Tensor:
    first = occlusion.corners(side, patch, stride)
    pixel = torch.arange(side)[:, None]
    return ((pixel >= first) & (pixel < first + patch)).float()


def activations(case, network):
    layer = case.options["layer"]
    found = activations_at(case.model(network), case.pixels(case.x), layer)
    return found, captum.attr.LayerActivation(network, module_of(network, layer)).attribute(case.x)


def attacks(case, network):
    """FGSM, or PGD with `steps` of 0.1.

    The scores of the other classes are lowered or raised by a constant, which leaves the gradients
    as they are: our attacks leave a picture alone that has its target already.
    """
    radius, steps, targeted = (case.options.get(key) for key in ("radius", "steps", "targeted"))
    targets = case.target if isinstance(case.target, list) else [case.target] * len(case.x)
    ours = []
    for x, target in zip(case.x.split(1), targets, strict=True):
        model = case.model(predicting(losses(network), target, not targeted), "labels")
        aim = {"target" if targeted else "away_from": target, "radius": radius * case.scale[1]}
        more = {"steps": steps, "rate": 0.1 * case.scale[1], "seed": None} if steps else {}
        attack = adversarial.pgd if steps else adversarial.fgsm
        ours.append(attack(model, case.pixels(x), **aim, **more))
    made = (captum.robust.PGD if steps else captum.robust.FGSM)(network)
    given = {"radius": radius, "step_size": 0.1, "step_num": steps} if steps else {}
    given = given or {"epsilon": radius}
    labels = torch.tensor(targets)
    theirs = made.perturb(case.x, target=labels, targeted=bool(targeted), **given)
    return (torch.cat(ours) - case.scale[0]) / case.scale[1], theirs


def predicting(network: nn.Module, target: int, first: bool) -> nn.Module:
    def formula(x: Tensor) -> Tensor:
        scores = network(x)
        others = torch.arange(scores.shape[1]) != target
        return scores + (-1000.0 if first else 1000.0) * others

    return Formula(formula)


# --- the table ------------------------------------------------------------------------------------

FOUR = [[0.0, 1, 1, 1], [1, 3, 3, 2], [1, 3, 3, 2], [1, 2, 2, 1]]
COUNTING = torch.arange(16.0).view(1, 1, 4, 4)
ONES = torch.ones(1, 1, 4, 4)
BOTH = torch.cat([COUNTING, ONES], dim=1)  # two inputs that the network adds up
DENTED = COUNTING.clone()
DENTED[0, 0, 1, 1] = -4
RAMP_IN = [[[1.0]], [[2.0]], [[3.0]], [[0.0]], [[-1.0]], [[7.0]]]
PAIR = [[[1.5, 2.0, 34.3], [3.0, 3.5, 23.2]], [[3.4, 1.2, 2.0], [2.3, 1.2, 0.3]]]
LARGE_PAIR = [[[10.5, 12, 34.3], [1, 3.5, 23.2]], [[43.4, 51.2, 32], [2.3, 1.2, 0.3]]]
SQUARES = [[[4.0, 2.0], [-1.0, -2.0]], [[3.0, -4.0], [10.0, 5.0]]]
TWO = [[[4.0, -1.0], [2.0, -5.0]], [[3.0, 10.0], [-2.0, 1.0]]]
BATCH = [[[1.5, 2.0, 1.3]], [[0.5, 0.1, 2.3]], [[1.5, 2.0, 1.3]]]
TWO_BATCH = [
    [[1.5, 2.1, 1.9], [0.3, 1.9, 2.4]],
    [[0.5, 0.0, 0.7], [0.5, 0.6, 2.1]],
    [[1.5, 2.1, 1.1], [1.2, 2.1, 0.2]],
]
FIRST = [[23.0, 100.0, 0.0], [20.0, 50.0, 30.0]]
SECOND = [[20.0, 50.0, 30.0], [0.0, 100.0, 0.0]]
THIRD = [[0.0, 100.0, 10.0], [2.0, 10.0, 3.0]]


INPUTS = FIRST, SECOND, THIRD


def added(picture: int, *numbers: int) -> list[float]:
    """The sum of these inputs of one of the two pictures."""
    return torch.tensor([INPUTS[number][picture] for number in numbers]).sum(dim=0).tolist()


def divided(*by: float) -> Callable[[], nn.Module]:
    return lambda: other_two_inputs(((1.0,) * 3, tuple(1 / one for one in by)))


GRADIENTS = [
    Case("gradient_basic", ramp, [[5.0]], 0, [0.0]),
    Case("gradient_basic_2", ramp, [[-3.0]], 0, [1.0]),
    Case("gradient_multiinput", ramp_of_sum, [[-3.0, -5], [-5, 2]], 1, [[0.0, 1], [0, 1]]),
    Case("gradient_additional_args", lambda: other_two_inputs((1, 0.5)), [[10.0], [8]], 0,
        [[1.0], [-0.5]]),
    Case("gradient_additional_args_2", lambda: other_two_inputs((3, -4)), [[-10.0], [6]], 0,
        [[0.0], [4]]),
    Case("gradient_target_int 0", two_inputs, [[4.0, -1], [2, 5]], 0, [[1.0, 0], [-1, 0]]),
    Case("gradient_target_int 1", two_inputs, [[4.0, -1], [2, 5]], 1, [[0.0, 0], [0, 0]]),
    Case("gradient_target_list", two_inputs, TWO, [0, 1],
        [[[1.0, 0], [-1, 0]], [[0, 1], [0, -1]]]),
    Case("gradient_target_tuple", ramp, SQUARES, 1, [[[0.0, 0], [0, 0]], [[0, 1], [0, 0]]]),
    Case("gradient_target_listtuple", ramp, SQUARES, [3, 1],
        [[[0.0, 0], [0, 1]], [[0, 1], [0, 0]]]),
    Case("gradient_inplace", lambda: Layered(inplace=True), [[1.0, 6, -3]], 0, [3.0, 3, 3]),
    Case("neuron_linear2", Layered, [[0.0, 100, 0]], ("linear2", 0), [4.0, 4, 4]),
    Case("neuron_linear1", Layered, [[0.0, 100, 0]], ("linear1", 0), [1.0, 1, 1]),
    Case("neuron_linear1_inplace", lambda: Layered(inplace=True), [[0.0, 5, 4]], ("linear1", 0),
        [1.0, 1, 1]),
    Case("neuron_relu", Layered, [[0.0, 5, 4]], ("relu", 0), [0.0, 0, 0]),
    Case("neuron_relu2", Layered, [[0.0, 5, 4]], ("relu", 1), [1.0, 1, 1]),
    Case("neuron_multi_input_linear2", lambda: Layered(3), [[0.0, 100, 0]] * 3, ("linear2", 0),
        [[12.0] * 3] * 3),
    Case("neuron_multi_input_linear1", lambda: Layered(5, [0.0, 100, 0]), [[0.0, 100, 0]] * 2,
        ("linear1", 0), [[5.0] * 3] * 2),
    *(Case(f"neuron_matching_output {unit}", seeded(ConvNet), 3 * torch.ones(2, 1, 10, 10).cumsum(3)
        .sin(), ("softmax", unit)) for unit in range(0, 10, 3)),
    *(Case(f"neuron_matching_intermediate {unit}", seeded(ConvNet), 3 * torch.ones(3, 1, 10, 10)
        .cumsum(2).cos(), ("relu2", unit, 0, 0)) for unit in range(4)),
]  # fmt: skip

RULES = [
    Case(f"{rule} {test}", network, inputs, target, numbers, 0.01, {"rule": rule})
    for rule, one, two in (
        ("guided", FOUR, [[1.0, 2, 2, 1], [2, 4, 4, 2], [2, 4, 4, 2], [1, 2, 2, 1]]),
        ("deconvnet", [[2.0, 3, 3, 1], [3, 5, 5, 2], [3, 5, 5, 2], [1, 2, 2, 1]], None),
    )
    for test, network, inputs, target, numbers in (
        ("simple_input_conv", OneConv, COUNTING, 0, one),
        ("simple_input_conv_neuron", OneConv, COUNTING, ("fc1", 0), one),
        ("simple_multi_input_conv", OneConv, BOTH, 0, [two or one] * 2),
        ("simple_multi_input_conv_neuron", OneConv, BOTH, ("fc1", 3), [two or one] * 2),
        *((f"matching {unit}", OneConv, 100 * (COUNTING * 7).sin(), unit, None) for unit in (0, 2)),
        ("matching neuron", OneConv, 100 * (COUNTING * 7).sin(), ("relu2", 2), None),
    )
]

SALIENCY = [
    Case("saliency_basic_vanilla", ramp, RAMP_IN, 0, [0.0, 0, 0, 1, 1, 0], 0.001),
    Case("saliency_multi_variable_vanilla", lambda: other_two_inputs((2, 3)), PAIR, 1),
    Case("saliency_multi_variable_large", lambda: other_two_inputs((2, 3)), LARGE_PAIR, 1),
    Case("saliency_classification_vanilla", softmax_net(5), [[0.0, 1, 2, 3, 4]], 5),
]

LAYER_GRADIENTS = [
    Case(test, network, [inputs], target, stated, 0.01, {"layer": layer})
    for test, network, inputs, layer, target, stated in (
        ("layer_linear0", Layered, [5.0, -11, 23], "linear0", 0, [4.0, 4, 4]),
        ("layer_linear1", Layered, [5.0, 2, 1], "linear1", 1, [0.0, 1, 1, 1]),
        ("layer_linear1_inplace", lambda: Layered(inplace=True), [5.0, 2, 1], "linear1", 1,
            [0.0, 1, 1, 1]),
        ("layer_output", Layered, [5.0, 2, 1], "linear2", 1, [0.0, 1]),
        ("layer_unused_layer", lambda: Layered(twice=True), [5.0, 2, 1], "linear1", 1,
            [0.0, 1, 1, 1]),
    )
]  # fmt: skip

ACTIVATIONS = [
    Case(test, network, inputs, 0, stated, 0.01, {"layer": layer})
    for test, network, inputs, layer, stated in (
        ("input", Layered, [[0.0, 100, 0]], "linear0", [0.0, 100, 0]),
        ("linear", Layered, [[0.0, 100, 0]], "linear1", [90.0, 101, 101, 101]),
        ("linear_inplace", lambda: Layered(inplace=True), [[2.0, -5, 4]], "linear1",
            [-9.0, 2, 2, 2]),
        ("relu", Layered, [[3.0, 4, 0]], "relu", [0.0, 8, 8, 8]),
        ("output", Layered, [[0.0, 100, 0]], "linear2", [392.0, 394]),
        ("multi_output", lambda: Layered(twice=True), [[0.0, 6, 0]], "relu", [0.0, 7, 7, 7]),
        ("multi_layer", lambda: Layered(twice=True), [[0.0, 6, 0]], "linear1", [-4.0, 7, 7, 7]),
        ("multi_input_linear2", lambda: Layered(4), [[0.0, 10, 0], [0, 10, 0], [0, 5, 0]],
            "linear2", [392.0, 394]),
        ("multi_input_relu", lambda: Layered(5), [[0.0, 10, 1], [0, 4, 5]], "relu",
            [90.0, 101, 101, 101]),
        ("layer_gradient_linear0", Layered, [[5.0, -11, 23]], "linear0", [5.0, -11, 23]),
        ("layer_gradient_linear1", Layered, [[5.0, 2, 1]], "linear1", [-2.0, 9, 9, 9]),
        ("layer_gradient_output", Layered, [[5.0, 2, 1]], "linear2", [26.0, 28]),
        ("sequential_in_place", in_place_sequence, torch.ones(1, 3, 5, 5).cumsum(3).sin(), "0",
            None),
    )
]  # fmt: skip

INTEGRALS = [
    Case("univariable one", ramp, [[1.0]]),
    Case("univariable zero", ramp, [[0.0]]),
    Case("univariable minus one", ramp, [[-1.0]], options={"baseline": 0.00001}),
    Case("multivariable", two_inputs, [[3.0], [1.0]], 0, [1.5, -0.5], 0.05),
    Case("multivariable 2", other_two_inputs, [[3.0], [1.0]], 0, [1.5, -0.5], 0.05),
    *(Case(f"multivariable_wo_multiplying {name}", network, [[3.0], [1.0]], 0, [0.5, -0.5], 0.05,
        {"times_inputs": False}) for name, network in (("", two_inputs), ("2", other_two_inputs))),
    Case("multi_argument", divided(1, 2, 3), [PAIR[0]]),
    Case("multi_argument batch 0", divided(1, 2, 3), [PAIR[0]], 1),
    Case("multi_argument batch 1", divided(4, 5, 6), [PAIR[1]], 1),
    Case("multi_argument list", lambda: other_two_inputs((2, 3)), PAIR, 1,
        options={"baseline": 0.00001}),
    Case("multi_tensor_input", ramp_of_sum, [[1.5, 2.0, 3.3], [3.0, 3.5, 2.2]], 1),
    Case("batched_input", Layered, BATCH),
    Case("batched_multi_input", Layered, TWO_BATCH),
    Case("sigmoid_classification", sigmoid_net(20), [torch.arange(20.0).tolist()]),
    Case("softmax_classification", softmax_net(40), [torch.arange(40.0).tolist()], 5),
    Case("softmax_classification_batch", softmax_net(40), torch.arange(120.0).view(3, 1, 1, 40),
        [5, 5, 2]),
    Case("neuron_linear2", Layered, [[0.0, 100, 0]], ("linear2", 0), [0.0, 390, 0], 0.1),
    Case("neuron_linear2_wo_mult", Layered, [[100.0, 100, 100]], ("linear2", 0), [3.96] * 3, 0.1,
        {"times_inputs": False}),
    Case("neuron_linear1", Layered, [[0.0, 100, 0]], ("linear1", 0), [0.0, 100, 0], 0.1),
    Case("neuron_relu", Layered, [[0.0, 6, 14]], ("relu", 0), [0.0, 3, 7], 0.1),
    Case("neuron_relu2", Layered, [[0.0, 5, 4]], ("relu", 1), [0.0, 5, 4], 0.1),
    Case("neuron_multi_input_linear2", lambda: Layered(4), [[0.0, 10, 0], [0, 10, 0], [0, 5, 0]],
        ("linear2", 0), [[0.0, 156, 0], [0, 156, 0], [0, 78, 0]], 0.1),
    Case("neuron_multi_input_relu", lambda: Layered(0.5), [[0.0, 6, 14]] * 2, ("relu", 0),
        [[0.0, 1.5, 3.5]] * 2, 0.1),
    Case("neuron_multi_input_relu_batch", lambda: Layered(0.5, [0.0, 20, 0]),
        [[0.0, 80, 0], [0, 20, 0]], ("relu", 0), [[0.0, 40, 0], [0, 10, 0]], 0.1),
]  # fmt: skip

NOISY = [
    Case(f"{test}_{kind}", network, inputs, target, None, 0.01,
        {"kind": kind, "noise": noise, "samples": 5 + 5 * (not integral), "integral": integral,
            "steps": 100})
    for test, network, inputs, target, noise, integral in (
        ("saliency_basic", ramp, RAMP_IN[1:], 0, 2e-7, False),
        ("saliency_multi_variable", lambda: other_two_inputs((2, 3)), PAIR, 1, 2e-7, False),
        ("saliency_classification", softmax_net(5), [[0.0, 1, 2, 3, 4]], 5, 0.0002, False),
        ("saliency_classification of input_x_gradient", softmax_net(5), [[0.0, 1, 2, 3, 4]], 5, 1,
            False),
        ("univariable", ramp, [[0.5]], 0, 2e-8, True),
        ("multivariable", two_inputs, [[3.0], [1.0]], 0, 2e-8, True),
        ("multi_argument", divided(1, 2, 3), [PAIR[0]], 0, 2e-8, True),
        ("multi_tensor_input", ramp_of_sum, [[1.5, 2.0, 3.3], [3.0, 3.5, 2.2]], 1, 2e-8, True),
        ("batched_input", Layered, BATCH, 0, 2e-8, True),
        ("batched_multi_input", Layered, TWO_BATCH, 0, 2e-8, True),
        ("sigmoid_classification", sigmoid_net(20), [torch.arange(20.0).tolist()], 0, 0.0002, True),
        ("softmax_classification_batch", softmax_net(40), torch.arange(120.0).view(3, 1, 1, 40),
            [5, 5, 2], 0.0002, True),
    )
    for kind in STATISTICS
]  # fmt: skip

CAMS = [
    Case(test, network, inputs, 0, stated, 0.01, {"layer": layer})
    for test, network, inputs, layer, stated in (
        ("simple_input_conv", OneConv, COUNTING, "conv1", [[11.25, 13.5], [20.25, 22.5]]),
        ("simple_input_conv_relu", OneConv, COUNTING, "relu1", [[0.0, 4.0], [28.0, 32.5]]),
        ("simple_input_conv_fc_with_final_relu", OneConv, DENTED, "entry",
            0.5625 * DENTED.clamp(min=0)),
        ("simple_multi_input_conv", OneConv, BOTH, "conv1", [[14.5, 19.0], [32.5, 37.0]]),
        ("simple_input_conv_no_grad", lambda: OneConv().requires_grad_(False), COUNTING, "conv1",
            [[11.25, 13.5], [20.25, 22.5]]),
    )
]  # fmt: skip
WITHOUT_RELU = Case("simple_input_conv_without_final_relu", OneConv, DENTED, 0, 0.5625 * DENTED,
    options={"layer": "entry"})  # fmt: skip

# The corners of the stated maps, where bilinear and nearest enlarging agree
GUIDED_CAMS = [
    Case(test, network, inputs, 0, stated, 0.01, {"layer": layer})
    for test, network, inputs, layer, stated in (
        ("simple_input_conv", OneConv, COUNTING, "relu1", [[0.0, 4], [28, 32.5]]),
        ("simple_multi_input_conv", OneConv, BOTH, "conv1", [[[14.5, 19], [32.5, 37]]] * 2),
        ("simple_multi_input_conv_inplace", lambda: OneConv(inplace=True), BOTH, "conv1",
            [[[14.5, 19], [32.5, 37]]] * 2),
    )
]  # fmt: skip

OCCLUSIONS = [
    Case(test, network, inputs, 0, stated, 0.01, {"patch": patch, **options})
    for test, network, inputs, patch, stated, options in (
        ("simple_input", Layered, [[20.0, 50, 30]], (1, 1), [80.0, 200, 120], {}),
        ("simple_multi_input", other_two_inputs, [[[-10.0], [-5.0]], [[3.0], [1.0]]], (1, 1),
            [[0.0, 0], [1, -1]], {}),
        ("simple_input_larger_shape", Layered, [[20.0, 50, 30]], (1, 2), [200.0, 220, 240],
            {"baseline": 10.0}),
        ("multi_sample", Layered, [[[2.0, 10, 3]], [[20, 50, 30]]], (1, 1),
            [[8.0, 35, 12], [80, 200, 120]], {}),
        ("future_output", Layered, [[[20.0, 50, 30]], [[10, 40, 20]]], (1, 1),
            [[80.0, 200, 120], [40, 160, 80]], {}),
        *((f"multi_input_with_mask 1, {each}", lambda each=each: Layered(1, added(each, 1, 2)),
            [FIRST[each]], (1, 3), [[492.0, 400][each]] * 3, {}) for each in (0, 1)),
        *((f"multi_input_with_mask 2, {each}", lambda each=each: Layered(1, added(each, 0, 2)),
            [SECOND[each]], (1, 1), [[80.0, 200, 120], [0, 400, 0]][each], {}) for each in (0, 1)),
        *((f"multi_input_with_mask 3, {each}", lambda each=each: Layered(1, added(each, 0, 1)),
            [THIRD[each]], (1, 2), [[400.0, 420, 440], [48, 50, 52]][each], {}) for each in (0, 1)),
        *((f"multi_input_with_baselines 1, {each}", lambda each=each: Layered(1, added(each, 1, 2)),
            [FIRST[each]], (1, 3), [[444.0, 328][each]] * 3,
            {"baseline": [[1.0, 4, 7], [3.0, 6, 9]][each]}) for each in (0, 1)),
        *((f"multi_input_with_baselines 2, {each}", lambda each=each: Layered(1, added(each, 0, 2)),
            [SECOND[each]], (1, 1), [[68.0, 188, 108], [-12, 388, -12]][each], {"baseline": 3.0})
            for each in (0, 1)),
        ("simple_multi_input_conv 1", lambda: OneConv(ONES), COUNTING, (4, 4),
            [[67.0] * 4] * 4, {}),
        ("simple_multi_input_conv 2", lambda: OneConv(COUNTING), ONES, (4, 4),
            [[13.0] * 4] * 4, {}),
        ("simple_multi_input_conv 1, strides", lambda: OneConv(ONES), COUNTING, (2, 3),
            [[17.0] * 4] * 2 + [[64, 65.5, 65.5, 67]] * 2, {"stride": (2, 1)}),
        ("simple_multi_input_conv 2, strides", lambda: OneConv(COUNTING), ONES, (1, 2),
            [[3.0] * 4] * 3 + [[0] * 4], {"stride": (1, 2)}),
        ("simple_multi_input_conv_diff_shapes 1", lambda: OneConv(ONES), COUNTING, (2, 4),
            [[17.0] * 4] * 2 + [[67] * 4] * 2, {"stride": (2, 1)}),
        ("simple_multi_input_conv_diff_shapes 2", lambda: OneConv(COUNTING), ONES[..., :1], (2, 1),
            [10.0, 10, 8, 6], {}),
        ("ablation simple_multi_input_conv 1", lambda: OneConv(ONES), COUNTING, (1, 1),
            [[0.0, 2, 4, 3], [4, 9, 10, 7], [4, 13, 14, 11], [0, 0, 0, 0]], {}),
        ("ablation simple_multi_input_conv 2", lambda: OneConv(COUNTING), ONES, (1, 1),
            [[1.0, 2, 2, 1]] * 3 + [[0] * 4], {}),
        ("ablation int_to_float", ramp, [[-3.0, 1, 2]], (1, 1), [-3.0, 0, 0], {}),
        *((f"ablation multi_input {number + 1}, {each}", lambda each=each, others=others:
            Layered(1, added(each, *others)), [INPUTS[number][each]], (1, 1), stated[each],
            {"baseline": baseline})
            for number, others, baseline, stated in (
                (0, (1, 2), [3.0, 0, 0], [[80.0, 400, 0], [68, 200, 120]]),
                (1, (0, 2), [0.0, 1, 0], [[80.0, 196, 120], [0, 396, 0]]),
                (2, (0, 1), [1.0, 2, 3], [[-4.0, 392, 28], [4, 32, 0]]),
            )
            for each in (0, 1)),
    )
]  # fmt: skip

ATTACKS = [
    Case("fgsm_nontargeted", ramp, [[2.0, -9, 9, 1, -3]], 1, [2.0, -8.9, 9, 1, -3],
        options={"radius": 0.1}),
    Case("fgsm_targeted", ramp, [[9.0, 10, -6, -1]], 3, [9.0, 10, -6, -1.2],
        options={"radius": 0.2, "targeted": True}),
    Case("fgsm_multiinput", two_inputs, TWO, 0, [[[3.75, -1], [2.25, -5]], [[2.75, 10], [-2, 1]]],
        options={"radius": 0.25}),
    Case("fgsm_label_list", two_inputs, TWO, [0, 1],
        [[[3.9, -1], [2.1, -5]], [[3, 9.9], [-2, 1.1]]], options={"radius": 0.1}),
    Case("fgsm_label_tensor", two_inputs, TWO, [0, 1],
        [[[4.1, -1], [1.9, -5]], [[3, 10.1], [-2, 0.9]]],
        options={"radius": 0.1, "targeted": True}),
    Case("fgsm_label_tuple", ramp, SQUARES, 1, [[[4.0, 2], [-1, -2]], [[3, -3.9], [10, 5]]],
        options={"radius": 0.1}),
    Case("fgsm_label_listtuple", ramp, SQUARES, [3, 1],
        [[[4.0, 2], [-1, -1.9]], [[3, -3.9], [10, 5]]], options={"radius": 0.1}),
    Case("fgsm_additional_inputs", lambda: Layered(1, [-1.0, 2, 2]), [[1.0, 6, -3]], 0,
        [0.8, 5.8, -3.2], options={"radius": 0.2}),
    Case("pgd_nontargeted", ramp, [[2.0, -9, 9, 1, -3]], 4, [2.0, -9, 9, 1, -2.8],
        options={"radius": 0.25, "steps": 2}),
    Case("pgd_targeted", ramp, [[9.0, 10, -6, -1]], 3, [9.0, 10, -6, -1.2],
        options={"radius": 0.2, "steps": 3, "targeted": True}),
    Case("pgd_3dimensional_input", ramp, SQUARES, 1, [[[4.0, 2], [-1, -2]], [[3, -3.75], [10, 5]]],
        options={"radius": 0.25, "steps": 3}),
]  # fmt: skip

TABLE = {
    gradients: GRADIENTS + RULES,
    saliency_maps: SALIENCY,
    layer_gradients: LAYER_GRADIENTS,
    activations: ACTIVATIONS,
    integrals: INTEGRALS,
    noisy: NOISY,
    grad_cams: CAMS,
    signed_cams: [WITHOUT_RELU, CAMS[0], CAMS[3]],
    guided_grad_cams: GUIDED_CAMS,
    occlusions: OCCLUSIONS,
    attacks: ATTACKS,
}
ROWS = [
    pytest.param(method, case, id=f"{method.__name__}-{case.test}")
    for method, cases in TABLE.items()
    for case in cases
]


@pytest.mark.filterwarnings("ignore:Setting backward hooks on ReLU", "ignore:Input Tensor")
@pytest.mark.filterwarnings("ignore::cs231n_viz.techniques.adversarial.GradientMasked")
@pytest.mark.parametrize(("method", "case"), ROWS)
def test_a_case_of_captums_own_tests_comes_out_as_captum_has_it(method, case):
    ours, theirs = (each.detach() for each in method(case, case.network()))
    assert ours.shape == theirs.shape
    assert (ours - theirs).abs().max() <= 1e-4 * max(1, theirs.abs().max())
    if case.stated is not None:
        stated = torch.as_tensor(case.stated, dtype=torch.float32)
        if method is grad_cams:
            stated = enlarged(stated.view(1, 1, *stated.shape[-2:]), case.x)
        if method is guided_grad_cams:
            ours = ours[..., ::3, ::3]
        assert (ours - stated.view_as(ours)).abs().max() <= case.within
