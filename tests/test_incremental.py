"""The incremental pass gives the scores of whole passes, whatever the layers, the patch and its
place.
"""

import copy
import threading

import pytest
import torch
import torchvision
import toy_nets
from torch import Tensor, nn

from cs231n_viz import models
from cs231n_viz.incremental import Incremental, Untraceable, changed, trace
from cs231n_viz.techniques.occlusion import covered

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
            + (places > 0).long().float().mean()
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "size"),
    [("alexnet", 96), ("vgg11", 64), ("squeezenet1_1", 80), ("resnet18", 96), ("densenet121", 64),
     ("googlenet", 64), ("mobilenet_v2", 64), ("mobilenet_v3_small", 64)],
)  # fmt: skip
def test_torchvisions_networks_come_out_the_same(name, size):
    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    model = lively(torchvision.models.get_model(name, weights=None, **extra), size)
    difference, change = largest_difference(
        model, noise(1, 3, size, size), 16, corners_and_middle(size, size, 16)
    )
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
        return values if values.sum() > 0 else -values


def test_a_network_that_decides_by_values_cannot_be_traced_and_it_is_said():
    with pytest.raises(Untraceable, match="cannot follow Decides"):
        trace(models.wrap(Decides(), input_size=16, **SETTINGS))
