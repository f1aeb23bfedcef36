"""The size of a network, counted by hand on one that is small enough."""

import pytest
import torch
import torchvision
from torch import nn

from cs231n_viz import models
from cs231n_viz.techniques import start_here


def test_weights_and_values_are_those_counted_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 4, 5), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    rows = start_here.anatomy(models.wrap(network, input_size=16))
    assert [(row.kind, row.shape, row.weights, row.values) for row in rows] == [
        ("Conv2d", (4, 12, 12), 3 * 25 * 4 + 4, 576),
        ("ReLU", (4, 12, 12), 0, 576),
        ("AdaptiveAvgPool2d", (4, 1, 1), 0, 4),
        ("Flatten", (4,), 0, 4),
        ("Linear", (2,), 4 * 2 + 2, 2),
    ]


def test_the_weights_of_the_rows_are_all_weights_of_the_network():
    model = models.wrap(torchvision.models.squeezenet1_1(weights=None), input_size=64)
    counted = sum(row.weights for row in start_here.anatomy(model))
    assert counted == sum(weight.numel() for weight in model.parameters())


def test_map_layers_are_relus_and_blocks_with_maps():
    assert start_here.map_layers(models.load("coursenet"))[:3] == ["relu1", "relu2", "relu3_1"]
    squeezenet = models.wrap(torchvision.models.squeezenet1_0(weights=None))
    assert start_here.map_layers(squeezenet)[:3] == ["relu1", "fire2", "fire3"]
    resnet = models.wrap(torchvision.models.resnet18(weights=None))
    assert start_here.map_layers(resnet)[-4:] == ["layer1", "layer2", "layer3", "layer4"]


@pytest.mark.parametrize(
    "name",
    ["densenet121", "mobilenet_v2", "mobilenet_v3_small", "vgg11_bn", "alexnet", "googlenet"],
)
def test_every_fully_served_network_has_map_layers(name):
    settings = {"init_weights": False} if name == "googlenet" else {}
    model = models.wrap(torchvision.models.get_model(name, weights=None, **settings))
    layers = start_here.map_layers(model)
    assert len(layers) >= 4 and all(len(model.shapes[layer]) == 4 for layer in layers)


def test_a_network_without_maps_is_told_so():
    model = models.wrap(torchvision.models.vit_b_16(weights=None))
    with pytest.raises(ValueError, match="choose a convolutional network"):
        start_here.map_layers(model)


def test_the_best_channel_is_the_one_on_the_object():
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[:2, :2] = True
    maps = torch.zeros(3, 4, 4)
    maps[0] = 5.0  # everywhere
    maps[1, :2, :2], maps[1, 3, 3] = 1.0, 1.0  # on the object, and once beside it
    maps[2, 2:, 2:] = 9.0  # beside it
    best, share = start_here.best_channel(maps, mask)
    assert best == 1 and share == pytest.approx(4 / 5)
