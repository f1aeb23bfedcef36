"""The incremental pass gives the scores of whole passes, whatever the layers, the patch and its
place.
"""

import copy
import threading
import warnings

import pytest
import torch
import torch.nn.functional as F
import torchvision
import toy_nets
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from cs231n_viz import incremental, models, networks
from cs231n_viz.incremental import Incremental, Untraceable, changed, trace
from cs231n_viz.techniques.occlusion import covered, occlusion_map

SETTINGS = {"mean": (0.5, 0.4, 0.3), "std": (0.2, 0.25, 0.3)}


def lively(network: nn.Module, size: int, seed: int = 0) -> models.PixelModel:
    """A random network whose answers depend on its input: He weights, and batch norms that keep the
    scale.
    """
    model = models.untrained(models.wrap(network, input_size=size, **SETTINGS), seed)
    picture = noise(2, 3, size, size)
    for module in model.network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 1.0
            module.train()
    model.network(picture)  # running statistics from a pass
    return model.eval()


def noise(*shape: int, seed: int = 231) -> Tensor:
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def largest_difference(model, picture, patch, places) -> tuple[float, float]:
    """Between incremental scores and those of whole passes; how much the patches change the scores.

    In double precision: there no processor's rounding hides, or looks like, a wrong position.
    """
    model, picture = copy.deepcopy(model).double(), picture.double()
    cover = noise(*picture.shape, seed=7).double()  # each pixel another colour: nothing cancels
    places = torch.tensor(places)
    ours = Incremental(model, picture).scores(cover, places, patch)
    with torch.no_grad():
        whole = model(covered(picture, cover, places, patch))
        return float((ours - whole).abs().max()), float((whole - model(picture)).abs().max())


def corners_and_middle(height, width, patch):
    return [(0, 0), (0, width - patch), (height - patch, 0), (height - patch, width - patch),
            (height // 3, width // 2 - 1), (1, width - patch - 2)]  # fmt: skip


@pytest.mark.parametrize(
    "kernel, stride, padding, dilation", [(3, 1, 1, 1), (2, 2, 0, 1), (5, 3, 2, 1), (3, 2, 0, 2)]
)
def test_changed_names_the_outputs_that_read_the_window_and_no_more_than_dilation_skips(
    kernel, stride, padding, dilation
):
    for start in range(12):
        for length in (1, 2, 5):
            readers = [
                output
                for output in range(-5, 25)
                if any(
                    start <= output * stride - padding + dilation * k < start + length
                    for k in range(kernel)
                )
            ]
            first, last = changed(start, length, kernel, stride, padding, dilation)
            assert all(first <= output <= last for output in readers)
            if dilation == 1:  # dilated windows may step over the changed inputs
                assert (first, last) == (readers[0], readers[-1]) if readers else first > last


def test_a_window_grows_by_hand():
    assert changed(4, 2, kernel=3, stride=1, padding=1) == (3, 6)  # one output more on either side
    assert changed(4, 2, kernel=2, stride=2) == (2, 2)  # a pooling halves it


class PreActivation(nn.Module):
    """Reads its input again after a ReLU has overwritten it: the sum is of overwritten values."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3, padding=1)
        self.relu, self.head = nn.ReLU(inplace=True), nn.Conv2d(8, 5, 1)

    def forward(self, values):
        values = self.conv1(values)
        return self.head(self.conv2(self.relu(values)) + values).mean(dim=(2, 3))


class Odd(nn.Module):
    """Strides that leave pixels over, dilation, groups, ceil_mode, average pooling, reflection, and
    a layer unknown.
    """

    def __init__(self):
        super().__init__()
        self.first = nn.Sequential(
            nn.Conv2d(3, 8, 5, stride=3, padding=2), nn.BatchNorm2d(8), nn.ReLU()
        )
        self.second = nn.Sequential(
            nn.MaxPool2d(3, 2, ceil_mode=True), nn.Conv2d(8, 8, 3, dilation=2, groups=4)
        )
        self.third = nn.Sequential(
            nn.AvgPool2d(2, 1, padding=1), nn.ReLU6(), nn.Conv2d(8, 8, (3, 1), padding="same")
        )
        self.fourth = nn.Sequential(
            nn.Conv2d(8, 8, 3, padding=1, padding_mode="reflect"), nn.GroupNorm(2, 8)
        )
        self.head = nn.Linear(8, 6)

    def forward(self, values):
        values = self.third(self.second(self.first(values)))
        return self.head(torch.cat([values, self.fourth(values)], dim=1)[:, 4:12].mean(dim=(2, 3)))


class Broadcast(nn.Module):
    """A sum of maps of two sizes, a gate of one number a channel, and integers on the way."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 8, 3, padding=1), nn.Conv2d(8, 8, 3)
        self.head = nn.Linear(8, 4)

    def forward(self, values):
        values = self.conv1(values)
        _, places = nn.functional.max_pool2d(values, 2, return_indices=True)
        values = (
            values
            + nn.functional.max_pool2d(values, values.shape[2:])
            + (places > 0).long().float().mean(dim=(1, 2, 3), keepdim=True)
        )
        return self.head(
            (self.conv2(values) * values.mean(dim=(2, 3), keepdim=True)).mean(dim=(2, 3))
        )


@pytest.mark.parametrize(
    "network",
    [
        toy_nets.residual_net,
        toy_nets.functional_relu_net,
        toy_nets.inplace_relu_net,
        Broadcast,
        Odd,
    ],
)
def test_odd_networks_come_out_the_same(network):
    model = lively(network(), 40)
    for height, width, patch in ((40, 40, 7), (37, 52, 1), (40, 40, 40)):
        places = corners_and_middle(height, width, patch) if patch < 40 else [(0, 0)]
        difference, change = largest_difference(model, noise(1, 3, height, width), patch, places)
        assert difference <= 1e-9 * change and change > 1e-3


TEN = {
    "alexnet": 96, "vgg16": 64, "resnet18": 96, "squeezenet1_0": 80, "densenet121": 64,
    "googlenet": 64, "mobilenet_v2": 64, "mobilenet_v3_small": 64, "shufflenet_v2_x1_0": 64,
    "efficientnet_lite0": 64,
}  # fmt: skip


def one_of_ten(name: str) -> nn.Module:
    """With random weights; the huge linear layers of AlexNet and VGG are left out."""
    if name == "efficientnet_lite0":
        return networks.EfficientNetLite(10)
    extra = {"googlenet": {"init_weights": False, "aux_logits": False}}
    extra["vgg16"] = {"init_weights": False, "num_classes": 10}
    network = torchvision.models.get_model(name, weights=None, **extra.get(name, {}))
    if name in ("alexnet", "vgg16"):
        first = next(part for part in network.classifier if isinstance(part, nn.Linear))
        network.classifier = nn.Linear(first.in_features, 10)
    return network


@pytest.mark.slow
@pytest.mark.parametrize("name", TEN)
def test_ten_networks_come_out_the_same(name):
    size = TEN[name]
    model = lively(one_of_ten(name), size)
    difference, change = largest_difference(
        model, noise(1, 3, size, size), 16, corners_and_middle(size, size, 16)
    )
    assert difference <= 1e-9 * change and change > 1e-3


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("kernel", [3, 5])
def test_linear_bottlenecks_with_odd_padding_and_relu6_come_out_the_same(kernel, stride):
    blocks = [networks.LinearBottleneck(3, 6, 2, kernel, stride),
              networks.LinearBottleneck(6, 6, 3, kernel, 1)]  # fmt: skip
    model = lively(nn.Sequential(*blocks, networks.GlobalAveragePool()), 40)
    model.network[1].conv_expand.bias += 3  # so that some values are above 6
    for height, width in ((40, 40), (37, 52)):
        places = corners_and_middle(height, width, 7)
        difference, change = largest_difference(model, noise(1, 3, height, width), 7, places)
        assert difference <= 1e-9 * change and change > 1e-3


@pytest.mark.parametrize("name", ["coursenet", "coursenet_b"])
def test_the_courses_networks_come_out_the_same(name):
    model = models.load(name, device="cpu")
    difference, change = largest_difference(
        model, noise(1, 3, 128, 96), 16, corners_and_middle(128, 96, 16)
    )
    assert difference <= 1e-9 * change and change > 0.1


def test_nothing_of_the_network_changes():
    model = models.load("coursenet", device="cpu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    picture = noise(1, 3, 64, 64)
    kept = picture.clone()
    largest_difference(model, picture, 8, [(0, 0), (30, 20)])
    assert torch.equal(picture, kept)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize("kernel, stride", [(3, 2), (1, 2), (2, 3)])
def test_a_patch_that_no_output_reads_changes_nothing(kernel, stride):
    network = nn.Sequential(
        nn.Conv2d(3, 4, kernel, stride), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    model = lively(network, 16)
    picture = noise(1, 3, 16, 16)
    places = torch.tensor([[15, 15]]) if kernel == 3 else torch.tensor([[15, 15], [15, 3]])
    scores = Incremental(model, picture).scores(picture * 0, places, 1)
    assert torch.allclose(scores, model(covered(picture, picture * 0, places, 1)), atol=1e-6)


def test_maps_that_are_overwritten_and_read_again_are_not_taken_apart():
    model = lively(PreActivation(), 24)
    with pytest.raises(Untraceable, match="overwrites a map that is read again"):
        Incremental(model, noise(1, 3, 24, 24))


class Aliased(nn.Module):
    """`x += 1` changes y, too; torch.fx reads it as x = x + 1."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, values):
        x = self.conv(values)
        y = x
        x += 1
        x *= 2
        return (x + y).mean(dim=(2, 3))


def test_a_graph_that_computes_something_else_is_not_used():
    model = lively(Aliased(), 24)
    with pytest.raises(Untraceable, match="does not compute what its graph"):
        Incremental(model, noise(1, 3, 24, 24))


def test_hooks_of_the_users_own_are_not_stepped_over():
    model = models.load("coursenet", device="cpu")
    handle = model.resolve("conv3_1")[0].register_forward_hook(
        lambda module, inputs, output: output * 0
    )
    with pytest.raises(Untraceable, match="has hooks"):
        trace(model)
    handle.remove()
    trace(model)


def test_tracing_in_one_thread_leaves_the_others_alone():
    model, other = models.load("coursenet", device="cpu"), models.load("coursenet_b", device="cpu")
    picture, stop, errors = noise(1, 3, 64, 64), threading.Event(), []
    expected = other(picture)

    def look():
        while not stop.is_set():
            try:
                assert torch.equal(other(picture), expected)
                trace(other)
            except Exception as error:  # noqa: BLE001
                errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(2)]
    for thread in threads:
        thread.start()
    for _ in range(30):
        trace(model)
    stop.set()
    for thread in threads:
        thread.join()
    assert errors == [] and torch.equal(other(picture), expected)


class Decides(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, values):
        values = self.conv(values).mean(dim=(2, 3))
        return -values if values.isnan().any() else values


def test_a_network_that_decides_by_values_cannot_be_traced_and_it_is_said():
    with pytest.raises(Untraceable, match="cannot follow Decides"):
        trace(models.wrap(Decides(), input_size=16, **SETTINGS))


# --- every way to write a layer -------------------------------------------------------------------
# Pieces of networks, (N, 6, H, W) -> (N, 6, h, w). The functions get a convolution with them.


class Called(nn.Module):
    """Calls a function with the maps and its own layers: one that torch.fx follows inside."""

    def __init__(self, function, *layers):
        super().__init__()
        self.function, self.layers = function, nn.ModuleList(layers)

    def forward(self, maps):
        return self.function(maps, *self.layers)


def _conv(*settings, **named) -> nn.Conv2d:
    return nn.Conv2d(6, 6, *settings, **named)


def _in_place_on_a_slice(maps, conv):
    maps = conv(maps)
    maps[:, :3].mul_(2)
    return maps


def _in_place_unseen(maps, conv):
    maps = conv(maps)
    maps.data.mul_(2)
    return maps + 1


def _alias(maps, conv):
    maps = conv(maps)
    other = maps
    maps += 1
    return maps * other


def _added_in_place(maps, conv):
    found = conv(maps)
    found.add_(maps)
    return found


def _iadd(maps, conv):
    found = conv(maps)
    found += maps
    return found


FUNCTIONS = {
    "torch.add(alpha)": lambda x, conv: torch.add(x, conv(x), alpha=0.5),
    "torch.add(other=)": lambda x, conv: torch.add(x, other=conv(x)),
    "torch.add(input=)": lambda x, conv: torch.add(input=x, other=conv(x)),
    "x.add(y)": lambda x, conv: x.add(conv(x)),
    "x.add_(y)": _added_in_place,
    "x += y": _iadd,
    "x += 1 of two names": _alias,
    "in place on a slice": _in_place_on_a_slice,
    "in place on .data": _in_place_unseen,
    "sum of a list": lambda x, conv: sum([x, conv(x)]),
    "x - y": lambda x, conv: x - conv(x),
    "x * sigmoid": lambda x, conv: x * conv(x).sigmoid(),
    "numbers": lambda x, conv: (2 - conv(x) + 1) * 0.5 / 2,
    "x + one channel": lambda x, conv: x + conv(x)[:, :1],
    "x + one number a map": lambda x, conv: x + conv(x).mean(dim=(2, 3), keepdim=True),
    "x + one row": lambda x, conv: x + conv(x).mean(dim=2, keepdim=True),
    "x + a constant map": lambda x, conv: x + conv.weight[:, :1, :1, :1].transpose(0, 1),
    "cat(axis)": lambda x, conv: torch.cat([x, conv(x)], axis=1)[:, 2:8],
    "cat(tensors=)": lambda x, conv: torch.cat(tensors=(x[:, :3], conv(x)[:, 3:]), dim=1),
    "cat(-3)": lambda x, conv: torch.cat([conv(x), x], -3)[:, 4:10],
    "cat(dim=-1)": lambda x, conv: torch.cat([conv(x), x], dim=-1),
    "cat(2)": lambda x, conv: torch.cat([conv(x), x], 2),
    "cat of one": lambda x, conv: torch.cat([conv(x)], 1),
    "cat with a constant": lambda x, conv: torch.cat([x, torch.zeros_like(x)], 1)[:, 3:9],
    "concat, stack": lambda x, conv: torch.stack([torch.concat([x], 1), conv(x)]).amax(dim=0),
    "F.conv2d(input=)": lambda x, conv: F.conv2d(input=x, weight=conv.weight, padding=1),
    "F.conv2d(weight=)": lambda x, conv: F.conv2d(x, weight=conv.weight, bias=conv.bias),
    "F.conv2d, lists": lambda x, conv: F.conv2d(x, conv.weight, None, [2], (1,), [1], 1),
    "F.conv2d(same)": lambda x, conv: F.conv2d(x, conv.weight, padding="same", dilation=2),
    "F.conv2d(groups)": lambda x, conv: F.conv2d(x, conv.weight[:, :3], groups=2),
    "conv(input=)": lambda x, conv: conv(input=x),
    "max_pool(ceil_mode), by place": lambda x, conv: F.max_pool2d(x, 3, 2, 1, 1, True),
    "max_pool(ceil_mode=)": lambda x, conv: F.max_pool2d(x, kernel_size=2, ceil_mode=True),
    "max_pool(return_indices)": lambda x, conv: F.max_pool2d(x, 3, 1, return_indices=True)[0],
    "max_pool(dilation)": lambda x, conv: F.max_pool2d(x, 2, (1, 2), dilation=3),
    "max_pool(input=)": lambda x, conv: F.max_pool2d(input=x, kernel_size=(2, 3)),
    "torch.max_pool2d": lambda x, conv: torch.max_pool2d(x, [3], [1], [1]),
    "avg_pool": lambda x, conv: F.avg_pool2d(x, 3, 1, 1),
    "avg_pool(input=)": lambda x, conv: F.avg_pool2d(input=x, kernel_size=3),
    "avg_pool(include)": lambda x, conv: F.avg_pool2d(x, 3, 1, 1, count_include_pad=False),
    "avg_pool(divisor)": lambda x, conv: F.avg_pool2d(x, 2, (1, 2), 1, divisor_override=3),
    "avg_pool(ceil_mode)": lambda x, conv: F.avg_pool2d(x, 3, 2, 0, True),
    "adaptive_avg_pool": lambda x, conv: F.adaptive_avg_pool2d(conv(x), 1) + x,
    "adaptive_avg_pool(columns)": lambda x, conv: F.adaptive_avg_pool2d(conv(x), (1, None)),
    "relu in place, by place": lambda x, conv: F.relu(conv(x), True),
    "relu(input=)": lambda x, conv: F.relu(input=conv(x), inplace=True),
    "x.relu()": lambda x, conv: torch.relu(input=conv(x).relu() - 0.1).relu_(),
    "torch.relu_": lambda x, conv: torch.relu_(conv(x)),
    "leaky relu, by place": lambda x, conv: F.leaky_relu(conv(x), 0.2, True),
    "gelu, silu": lambda x, conv: F.silu(F.gelu(conv(x), approximate="tanh"), inplace=True),
    "clamp(max=map)": lambda x, conv: x.clamp(max=conv(x)),
    "dropout": lambda x, conv: F.dropout(conv(x), 0.5, False),
    "batch_norm": lambda x, conv: F.batch_norm(x, conv.bias, conv.bias.exp(), training=False),
    "instance_norm": lambda x, conv: F.instance_norm(conv(x)),
    "slices": lambda x, conv: conv(x)[:, :, 1:, :-1][..., ::2, :],
    "channels by a list": lambda x, conv: conv(x)[:, [5, 4, 3, 2, 1, 0]],
    "flip and roll": lambda x, conv: conv(x).flip(3).roll(3, 2),
    "transposed": lambda x, conv: conv(x).transpose(2, 3),
    "softmax over a row": lambda x, conv: conv(x).softmax(dim=3),
    "larger": lambda x, conv: F.interpolate(conv(x), scale_factor=2, mode="bilinear"),
    "pad": lambda x, conv: conv(F.pad(conv(x), (1, 2, 0, 1), value=0.5)),
    "pad, by place": lambda x, conv: conv(F.pad(x, [3, 0, 2, 1], "constant", -1.0)),
    "pad(reflect)": lambda x, conv: conv(F.pad(x, (1, 2, 0, 1), mode="reflect")),
    "pad, a crop": lambda x, conv: conv(F.pad(x, (-2, 1, 0, -3))),
    "pad of rows": lambda x, conv: conv(F.pad(x, (1, 2))),
    "pad of channels": lambda x, conv: F.pad(x, (1, 2, 0, 0, 1, 1))[:, 1:7] * 2,
    "pad of nothing": lambda x, conv: F.pad(x, (0, 0, 0, 0)).relu_() - x,
    "where": lambda x, conv: torch.where(x > 0, conv(x), x),
    "view": lambda x, conv: conv(x).view(x.size(0), -1, x.shape[2], x.shape[3]),
    "checkpoint": lambda x, conv: checkpoint(conv, x, use_reentrant=False),
    "a branch by shape": lambda x, conv: conv(x) if x.shape[2] > 1 else x,
    "a loop over pictures": lambda x, conv: torch.stack([one * one.mean() for one in conv(x)]),
}  # fmt: skip
MODULES = {
    "conv(same)": lambda: _conv((4, 3), padding="same"),
    "conv(valid)": lambda: _conv(2, padding="valid"),
    "conv(circular)": lambda: _conv(3, padding=1, padding_mode="circular"),
    "conv(reflect)": lambda: _conv(3, padding=1, padding_mode="reflect"),
    "conv(groups, dilation)": lambda: _conv(3, 2, 2, dilation=2, groups=3),
    "conv(strides)": lambda: _conv((2, 3), stride=(1, 2), padding=(1, 0)),
    "transposed conv": lambda: nn.ConvTranspose2d(6, 6, 3, 2),
    "max_pool": lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True),
    "max_pool, dilated": lambda: nn.MaxPool2d((2, 3), 1, dilation=(2, 1)),
    "avg_pool": lambda: nn.AvgPool2d((3, 2), 2, 1),
    "avg_pool(ceil_mode)": lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
    "adaptive pool": lambda: nn.AdaptiveAvgPool2d((5, 4)),
    "global average": lambda: nn.Sequential(nn.ReLU(), nn.AdaptiveAvgPool2d((1, 1)), _conv(1)),
    "norms": lambda: nn.Sequential(nn.BatchNorm2d(6), nn.GroupNorm(2, 6), nn.InstanceNorm2d(6)),
    "pads": lambda: nn.Sequential(nn.ZeroPad2d((0, 2, 1, 3)), nn.ConstantPad2d(2, 1.5), _conv(3)),
    "a crop": lambda: nn.Sequential(_conv(3), nn.ZeroPad2d((-3, 1, -2, 0))),
    "depthwise": lambda: nn.Sequential(_conv(3, groups=6), nn.ReLU6(), _conv(5, 2, 2, groups=6)),
    "dropouts": lambda: nn.Sequential(nn.Dropout(), nn.Dropout2d(), nn.Identity()),
    "activations": lambda: nn.Sequential(nn.ReLU6(), nn.PReLU(), nn.SiLU(True), nn.GELU()),
    "leaky relu in place": lambda: nn.Sequential(nn.LeakyReLU(0.1, True), nn.Hardswish(True)),
    "activations over channels": lambda: nn.Sequential(nn.Softmax2d(), nn.LocalResponseNorm(2)),
    "shuffle": lambda: nn.Sequential(nn.ChannelShuffle(3), nn.ZeroPad2d(1), nn.ReflectionPad2d(1)),
    "a weight of two factors": lambda: nn.utils.parametrizations.weight_norm(_conv(3)),
}  # fmt: skip


def pieces() -> dict[str, nn.Module]:
    """{name: a piece with fresh weights}."""
    called = {name: Called(each, _conv(3, padding=1)) for name, each in FUNCTIONS.items()}
    return called | {name: make() for name, make in MODULES.items()}


class OddNet(nn.Module):
    """A convolution of the picture, the pieces, and a linear layer on 2 x 2 averages."""

    def __init__(self, *parts: nn.Module):
        super().__init__()
        self.first, self.parts = nn.Conv2d(3, 6, 3, padding=1), nn.Sequential(*parts)
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, 4))

    def forward(self, values: Tensor) -> Tensor:
        return self.head(self.parts(self.first(values)))


# What changes a map that is read again, or asks for numbers, takes whole passes.
NOT_FOLLOWED = {
    "x.add_(y)", "x += 1 of two names", "in place on a slice", "in place on .data",
    "a branch by shape", "a loop over pictures",
}  # fmt: skip
SIZE = (40, 33)


@pytest.fixture(scope="module")
def odd_pieces():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return pieces()


@pytest.mark.parametrize("name", [*FUNCTIONS, *MODULES])
def test_each_way_to_write_a_layer_gives_the_scores_of_whole_passes(name, odd_pieces):
    model = models.wrap(OddNet(odd_pieces[name]), input_size=SIZE).double()
    picture, cover = noise(1, 3, *SIZE).double(), noise(1, 3, *SIZE, seed=7).double()
    places, patch = torch.tensor([(0, 0), (3, 12), (33, 28), (20, 0)]), (7, 5)
    try:
        ours = Incremental(model, picture).scores(cover, places, patch)
    except Untraceable as error:
        assert name in NOT_FOLLOWED and "\n" not in str(error) and str(error).endswith(").")
        return
    with torch.no_grad():
        whole = model(covered(picture, cover, places, patch))
        change = (whole - model(picture)).abs().max()
    assert name not in NOT_FOLLOWED
    assert change > 1e-6 and (ours - whole).abs().max() <= 1e-9 * change


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(24))
def test_random_stacks_of_them_have_the_occlusion_map_of_whole_passes(seed, odd_pieces):
    generator = torch.Generator().manual_seed(seed)
    chosen = torch.randperm(len(odd_pieces), generator=generator)[:4].tolist()
    parts = [list(odd_pieces.values())[index] for index in chosen]
    model = models.wrap(OddNet(*parts), input_size=SIZE).double()
    pictures, fill = noise(2, 3, *SIZE, seed=seed).double(), noise(2, 3, *SIZE, seed=7).double()
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ours = occlusion_map(model, pictures, [1, 2], (12, 9), (7, 8), fill)
    assert len(said) <= 1  # a network that is not followed, once for both
    expected = torch.empty(2, 5, 4, dtype=torch.double)
    with torch.no_grad():
        for one, label in enumerate((1, 2)):
            picture, cover = pictures[one : one + 1], fill[one : one + 1]
            whole = model(picture).softmax(dim=1)[0, label]
            for row, top in enumerate((0, 7, 14, 21, 28)):
                for column, left in enumerate((0, 8, 16, 24)):
                    changed_picture = covered(picture, cover, torch.tensor([[top, left]]), (12, 9))
                    after = model(changed_picture).softmax(dim=1)[0, label]
                    expected[one, row, column] = whole - after
    assert (ours - expected).abs().max() <= 1e-9 * expected.abs().max() + 1e-15


def layers_on_whole_maps(model, picture, monkeypatch) -> list[tuple[str, bool]]:
    """(layer, had windows only, some of them smaller than the map?) of those without a Window."""
    found, run = [], incremental._Occluded.on_windows

    def on_windows(self, node, arguments, named):
        result = run(self, node, arguments, named)
        if result is None:
            given = [*incremental._flat(arguments)]
            windows = [one for one in given if isinstance(one, incremental.Window)]
            small = any(one.values.shape[2:] != one.clean.size for one in windows)
            found.append((node.name, small and not any(isinstance(one, Tensor) for one in given)))
        return result

    incremental_pass = Incremental(model, picture)
    with monkeypatch.context() as patched:
        patched.setattr(incremental._Occluded, "on_windows", on_windows)
        incremental_pass.scores(picture * 0, torch.tensor([[8, 8]]), 4)
    return found


@pytest.mark.parametrize(
    ("name", "first"),
    [("resnet18", "layer3_0_bn2"), ("squeezenet1_1", "features_10_expand3x3_activation"),
     ("efficientnet_lite0", "block8_relu_depthwise"), ("mobilenet_v2", "features_8_conv_1_1")],
)  # fmt: skip
def test_the_usual_layers_run_on_windows_until_these_cost_as_much_as_the_map(
    name, first, monkeypatch
):
    network = networks.EfficientNetLite if name == "efficientnet_lite0" else None
    model = lively((network or torchvision.models.get_model_builder(name))(), 96)
    (picture, _), *whole = layers_on_whole_maps(model, noise(1, 3, 96, 96), monkeypatch)
    assert picture in ("x", "input_1") and whole[0][0] == first
    assert not any(torn for _, torn in whole)


class Answers(nn.Module):
    """Gives (features, {"out": numbers}); `last` makes the numbers."""

    def __init__(self, classes: int, last: nn.Module):
        super().__init__()
        self.conv, self.head, self.last = nn.Conv2d(3, 6, 3), nn.Linear(6, classes), last

    def forward(self, values):
        features = self.conv(values).relu()
        return features, {"out": self.last(self.head(features.mean(dim=(2, 3))))}


@pytest.mark.parametrize(
    ("classes", "last", "word"),
    [(4, nn.Identity(), None), (4, nn.Softmax(dim=1), None), (1, nn.Identity(), "one logit"),
     (1, nn.Sigmoid(), None), (3, nn.Sigmoid(), None), (1, nn.Identity(), "values")],
)  # fmt: skip
def test_the_scores_are_those_of_the_model_whatever_it_makes_of_the_networks_output(
    classes, last, word
):
    network = Answers(classes, last)
    model = models.wrap(network, input_size=16, answer=lambda output: output[1]["out"], scores=word)
    picture, places = noise(1, 3, 16, 16), torch.tensor([(0, 0), (5, 7)])
    ours = Incremental(model, picture).scores(1 - picture, places, 6)
    assert torch.allclose(ours, model(covered(picture, 1 - picture, places, 6)), atol=1e-6)


def test_a_layer_whose_forward_was_replaced_or_that_is_in_train_mode_runs_on_whole_maps():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network[1].forward = lambda values: values.flip(3).relu()
    model = lively(network, 16)
    picture, places = noise(1, 3, 16, 16), torch.tensor([(0, 0), (5, 9)])
    ours = Incremental(model, picture).scores(1 - picture, places, 4)
    whole = model(covered(picture, 1 - picture, places, 4))
    assert torch.allclose(ours, whole, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_in_every_precision_and_in_inference_mode(dtype):
    model = models.wrap(toy_nets.gap_linear_net(), input_size=16).to(dtype)
    picture, places = noise(1, 3, 16, 16), torch.tensor([(0, 0), (5, 9)])
    with torch.inference_mode():
        ours = Incremental(model, picture).scores(1 - picture, places, 4)
        whole = model(covered(picture, 1 - picture, places, 4))
    assert ours.dtype == dtype and torch.allclose(ours, whole, atol=16 * torch.finfo(dtype).eps)


def test_a_score_that_is_masked_by_minus_infinity_hides_no_difference():
    class Masked(Aliased):
        def forward(self, values):
            return super().forward(values) + torch.tensor([0, 0, 0, -torch.inf])

    with pytest.raises(Untraceable, match="does not compute what its graph"):
        Incremental(lively(Masked(), 24), noise(1, 3, 24, 24))


def test_why_a_network_is_not_followed_is_one_short_sentence():
    class Says(nn.Module):
        def forward(self, values):
            if isinstance(values, Tensor):
                return values.mean(dim=(2, 3))
            raise RuntimeError("a long story of " + "many words " * 99 + "\nand a second line")

    with pytest.raises(Untraceable) as caught:
        trace(models.wrap(Says(), input_size=16))
    assert "cannot follow Says (a long story" in str(caught.value)
    assert len(str(caught.value)) < 200 and "\n" not in str(caught.value)
