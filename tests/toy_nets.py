"""Networks so small that their numbers can be worked by hand; every test file may borrow them.

`plain_net`, `inplace_relu_net`, `functional_relu_net` and `reused_relu_net` are one function
written four ways:

    conv1   map 0 = red − ½                      map 1 = ½ − red
    relu1   pool1 (2 x 2 maximum)
    conv2   map 0 = sum of 3 x 3 of map 0        map 1 = map 0 − map 1
    relu2   pool2 (mean of the map)
    scores  score 0 = mean 0                     score 1 = 8 · mean 1 − 2 · mean 0

On `picture()`, whose red plane is RED, they give the numbers in NUMBERS.
"""

import functools
from collections import OrderedDict

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from cs231n_viz import models, published

RED = torch.tensor(
    [[1.0, 0.5, 0.0, 0.0], [0.5, 0.75, 0.0, 0.0], [0.0, 0.0, 0.25, 0.0], [0.0, 0.0, 0.0, 1.0]]
)
NUMBERS = {
    "conv1": torch.stack([RED - 0.5, 0.5 - RED])[None],
    "pool1": torch.tensor([[[[0.5, 0.0], [0.0, 0.5]], [[0.0, 0.5], [0.5, 0.5]]]]),
    "conv2": torch.tensor([[[[1.0, 1.0], [1.0, 1.0]], [[0.5, -0.5], [-0.5, 0.0]]]]),
    "relu2": torch.tensor([[[[1.0, 1.0], [1.0, 1.0]], [[0.5, 0.0], [0.0, 0.0]]]]),
    "scores": torch.tensor([[1.0, -1.0]]),
}


def picture() -> Tensor:
    """(1, 3, 4, 4) pixels: RED, and planes of green and blue that the nets do not look at."""
    return torch.stack([RED, torch.full_like(RED, 0.25), RED.T.flip(0)])[None].clone()


def set_weights(module: nn.Module, weight, bias=0.0) -> nn.Module:
    """The module, with its weights set to these numbers."""
    with torch.no_grad():
        module.weight.copy_(torch.as_tensor(weight))
        if module.bias is not None:
            module.bias.copy_(torch.as_tensor(bias))
    return module


def _redness() -> nn.Conv2d:
    weight = torch.zeros(2, 3, 3, 3)
    weight[0, 0, 1, 1], weight[1, 0, 1, 1] = 1, -1
    return set_weights(nn.Conv2d(3, 2, 3, padding=1), weight, [-0.5, 0.5])


def _sum_and_difference() -> nn.Conv2d:
    weight = torch.zeros(2, 2, 3, 3)
    weight[0, 0], weight[1, 0, 1, 1], weight[1, 1, 1, 1] = 1, 1, -1
    return set_weights(nn.Conv2d(2, 2, 3, padding=1), weight)


def _layers(**relus: nn.Module) -> nn.Sequential:
    layers = OrderedDict(
        conv1=_redness(),
        relu1=nn.ReLU(),
        pool1=nn.MaxPool2d(2),
        conv2=_sum_and_difference(),
        relu2=nn.ReLU(),
        pool2=nn.AdaptiveAvgPool2d(1),
        flat=nn.Flatten(),
        scores=set_weights(nn.Linear(2, 2), [[1.0, 0.0], [-2.0, 8.0]]),
    )
    return nn.Sequential(layers | relus)


def plain_net() -> nn.Module:
    """conv1 relu1 pool1 conv2 relu2 pool2 flat scores, each a module of its own."""
    return _layers()


def inplace_relu_net() -> nn.Module:
    """The same; its ReLUs overwrite what the convolutions said."""
    return _layers(relu1=nn.ReLU(inplace=True), relu2=nn.ReLU(inplace=True))


class _FunctionalReLUs(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.pool1, self.conv2 = _redness(), nn.MaxPool2d(2), _sum_and_difference()
        self.scores = plain_net().scores

    def forward(self, values):
        values = self.pool1(F.relu(self.conv1(values), inplace=True))
        return self.scores(F.relu(self.conv2(values), inplace=True).mean(dim=(2, 3)))


def functional_relu_net() -> nn.Module:
    """The same with F.relu(x, inplace=True): its ReLUs are no modules. conv1 pool1 conv2 scores."""
    return _FunctionalReLUs()


class _ReusedReLU(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.pool1, self.conv2 = _redness(), nn.MaxPool2d(2), _sum_and_difference()
        self.relu, self.scores = nn.ReLU(inplace=True), plain_net().scores

    def forward(self, values):
        values = self.pool1(self.relu(self.conv1(values)))
        return self.scores(self.relu(self.conv2(values)).mean(dim=(2, 3)))


def reused_relu_net() -> nn.Module:
    """The same with one ReLU module called twice: relu:0 is relu1, relu is relu2. conv1 pool1 conv2
    scores.
    """
    return _ReusedReLU()


class _Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2, self.relu = _redness(), _sum_and_difference(), nn.ReLU(inplace=True)

    def forward(self, values):
        identity = self.conv1(values)
        out = self.conv2(identity)
        out += identity
        return self.relu(out).mean(dim=(2, 3))


def residual_net() -> nn.Module:
    """relu(conv2(conv1) + conv1), averaged to two scores; the sum is in place: out += identity."""
    return _Residual()


def one_channel_net() -> nn.Module:
    """A net for grey pictures (N, 1, H, W): conv1 is horizontal difference, left minus right. conv1
    relu1 pool flat
    """
    conv1 = set_weights(nn.Conv2d(1, 2, (1, 2)), [[[[1.0, -1.0]]], [[[-1.0, 1.0]]]])
    return nn.Sequential(
        OrderedDict(conv1=conv1, relu1=nn.ReLU(), pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten())
    )


def four_channel_net() -> nn.Module:
    """A net for pictures of four channels (N, 4, H, W), such as colours and depth: conv1 adds them
    up. conv1 pool flat
    """
    conv1 = set_weights(nn.Conv2d(4, 1, 1), torch.ones(1, 4, 1, 1))
    return nn.Sequential(OrderedDict(conv1=conv1, pool=nn.AdaptiveAvgPool2d(1), flat=nn.Flatten()))


def gap_linear_net() -> nn.Module:
    """One convolution, global average pooling, one linear layer, as CAM needs it: conv1 relu1 pool
    code scores.

    Maps of relu1: red − ½ and ½ − red, where positive. score 0 = mean 0, score 1 = mean 1 − mean 0,
    score 2 = 3 · mean 0 + mean 1.
    """
    scores = set_weights(nn.Linear(2, 3), [[1.0, 0.0], [-1.0, 1.0], [3.0, 1.0]])
    layers = {
        "conv1": _redness(),
        "relu1": nn.ReLU(),
        "pool": nn.AdaptiveAvgPool2d(1),
        "code": nn.Flatten(),
    }
    return nn.Sequential(OrderedDict(layers, scores=scores))


@functools.cache
def real_network() -> models.PixelModel:
    """No toy: EfficientNet-Lite0 with its published weights, where they are; not to be changed."""
    try:
        return models.load("efficientnet_lite0", device="cpu")
    except published.Unusable as error:
        pytest.skip(str(error))
