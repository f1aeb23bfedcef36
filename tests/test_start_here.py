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


def test_the_best_channel_is_the_one_on_the_object():
    mask = torch.zeros(4, 4, dtype=torch.bool)
    mask[:2, :2] = True
    maps = torch.zeros(3, 4, 4)
    maps[0] = 5.0  # everywhere
    maps[1, :2, :2], maps[1, 3, 3] = 1.0, 1.0  # on the object, and once beside it
    maps[2, 2:, 2:] = 9.0  # beside it
    best, share = start_here.best_channel(maps, mask)
    assert best == 1 and share == pytest.approx(4 / 5)
