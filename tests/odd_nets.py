"""Small networks of the kinds that people bring and that no library of networks holds.

Each is a function without arguments that builds one; what is odd about it stands in its first line.
They have five scores and take pictures of three channels, 64 x 64, unless that line says otherwise.
"""

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint


def maps(channels: int = 3, relu=nn.ReLU) -> nn.Sequential:
    """Two convolutions: (N, channels, H, W) -> (N, 12, H/2, W/2), the end of which is a ReLU."""
    first = nn.Conv2d(channels, 8, 3, padding=1), nn.BatchNorm2d(8), relu(), nn.MaxPool2d(2)
    return nn.Sequential(*first, nn.Conv2d(8, 12, 3, padding=1), relu())


def averaged(classes: int = 5, inputs: int = 12) -> nn.Sequential:
    """The head that CAM needs: an average over positions, and one linear layer."""
    return nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes))


class Parts(nn.Module):
    """maps -> head, for networks that are odd in one place only."""

    def __init__(self, head: nn.Module | None = None, channels: int = 3):
        super().__init__()
        self.maps, self.head = maps(channels), averaged() if head is None else head

    def forward(self, x: Tensor):
        return self.head(self.maps(x))


# --- heads and scores -----------------------------------------------------------------------------


class _Viewed(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5)
        self.fc1, self.fc2 = nn.Linear(16 * 5 * 5, 32), nn.Linear(32, 5)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc2(F.relu(self.fc1(x.view(-1, 16 * 5 * 5))))


def viewed() -> nn.Module:
    """LeNet that flattens by `.view`, which fails where memory lies channels last: 32 x 32."""
    return _Viewed()


def one_logit() -> nn.Module:
    """A single logit, of "yes"."""
    return Parts(averaged(1))


def one_probability() -> nn.Module:
    """A single probability, by a sigmoid at the end."""
    return Parts(nn.Sequential(*averaged(1), nn.Sigmoid()))


def softmax_end() -> nn.Module:
    """Probabilities that sum to 1, by a softmax at the end."""
    return Parts(nn.Sequential(*averaged(), nn.Softmax(dim=1)))


def sigmoid_end() -> nn.Module:
    """Probabilities of labels of which several may be true, by a sigmoid at the end."""
    return Parts(nn.Sequential(*averaged(), nn.Sigmoid()))


def labels() -> nn.Module:
    """Logits of labels of which several may be true; only its owner knows it."""
    return Parts()


def values() -> nn.Module:
    """Two measurements, no classes."""
    return Parts(averaged(2))


class _DictOutput(Parts):
    def forward(self, x):
        features = self.maps(x)
        return {"features": features, "logits": self.head(features)}


def dict_output() -> nn.Module:
    """A dict, of which the scores are one entry."""
    return _DictOutput()


class _TupleOutput(Parts):
    def forward(self, x):
        features = self.maps(x)
        return self.head(features), features.mean()


def tuple_output() -> nn.Module:
    """A pair of the scores and a loss."""
    return _TupleOutput()


def segmentation() -> nn.Module:
    """A score for each class at each pixel: encoder, decoder, (N, 5, H, W)."""
    up = nn.ConvTranspose2d(12, 12, 2, stride=2), nn.ReLU()
    return Parts(nn.Sequential(*up, nn.Conv2d(12, 5, 1)))


def hidden_layer() -> nn.Module:
    """Two linear layers after the average, so that no class weighs the maps."""
    return Parts(nn.Sequential(*averaged(16), nn.Tanh(), nn.Linear(16, 5)))


# --- sizes ----------------------------------------------------------------------------------------


def rectangle() -> nn.Module:
    """Flattened maps of a picture of 48 x 24, and of no other size."""
    return Parts(nn.Sequential(nn.Flatten(), nn.Linear(12 * 24 * 12, 5)))


def grey() -> nn.Module:
    """Pictures of one channel."""
    return Parts(channels=1)


def anisotropic() -> nn.Module:
    """Kernels, strides, paddings and poolings that differ down and across; the maximum at last."""
    return nn.Sequential(
        nn.Conv2d(3, 8, (3, 5), stride=(1, 2), padding=(0, 2)),
        nn.ReLU(),
        nn.MaxPool2d((1, 2)),
        nn.Conv2d(8, 9, (5, 1), stride=(2, 1), padding=(2, 0)),
        nn.ReLU(),
        nn.AdaptiveMaxPool2d(1),
        nn.Flatten(),
        nn.Linear(9, 5),
    )


class _Tokens(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed = nn.Conv2d(3, 16, 8, stride=8)
        self.place = nn.Parameter(torch.randn(1, 4 * 6, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x):
        tokens = self.embed(x).flatten(2).mT + self.place
        return self.head(self.norm(self.block(tokens)).mean(dim=1))


def rectangle_of_tokens() -> nn.Module:
    """A transformer on 4 x 6 patches of 8 x 8: 24 tokens, none of them a class token: 32 x 48."""
    return _Tokens()


class _ColumnsFirst(nn.Module):
    def __init__(self):
        super().__init__()
        self.embed, self.place = nn.Conv2d(3, 16, 8, 8), nn.Parameter(torch.randn(1, 64, 16))
        self.block = nn.TransformerEncoderLayer(16, 2, 32, batch_first=True)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x):
        tokens = self.embed(x).mT.flatten(2).mT + self.place
        return self.head(self.norm(self.block(tokens)).mean(dim=1))


def columns_first() -> nn.Module:
    """Its 8 x 8 tokens run down the columns, against the reading order."""
    return _ColumnsFirst()


# --- ReLUs ----------------------------------------------------------------------------------------


class _Reused(nn.Module):
    def __init__(self):
        super().__init__()
        self.relu = nn.ReLU(inplace=True)
        self.one, self.two, self.three = (
            nn.Conv2d(inputs, 12, 3, padding=1) for inputs in (3, 12, 12)
        )
        self.head = averaged()

    def forward(self, x):
        x = self.relu(self.one(x))
        return self.head(self.relu(self.three(self.relu(self.two(x))) + x))


def reused_relu() -> nn.Module:
    """One in-place ReLU module that is called three times, the last time on a residual sum."""
    return _Reused()


class _Functional(_Reused):
    def forward(self, x):
        x = F.relu(self.one(x), inplace=True)
        features = self.three(torch.relu(self.two(x)) + x.relu()).relu_()
        features = features - 0.1
        F.relu(features[:, :6], inplace=True)  # only half of the channels, through a view
        return self.head(F.relu6(features.clone()))


def functional_relus() -> nn.Module:
    """ReLUs as functions and methods, in place, twice, on a slice; the last one is a ReLU6."""
    return _Functional()


def no_relus() -> nn.Module:
    """Hyperbolic tangents instead of ReLUs."""
    return nn.Sequential(maps(relu=nn.Tanh), averaged())


# --- layers ---------------------------------------------------------------------------------------


class _Concatenated(nn.Module):
    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.mix, self.head = nn.Conv2d(12, 12, 1), averaged()

    def forward(self, x):
        one = self.one(x).relu()
        both = torch.cat([one, self.two(one)], axis=1)
        return self.head(self.mix(torch.cat(tensors=(both[:, 6:], both[:, :6]), dim=-3)).relu())


def concatenated() -> nn.Module:
    """torch.cat with axis=, tensors= and a dim counted from behind."""
    return _Concatenated()


def weight_normed() -> nn.Module:
    """weight_norm, as a hook and as a parametrisation, and spectral_norm."""
    network = Parts()
    nn.utils.weight_norm(network.maps[0])
    nn.utils.parametrizations.weight_norm(network.maps[4])
    nn.utils.parametrizations.spectral_norm(network.head[2])
    return network


class _ChannelsLast(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem, self.depthwise = nn.Conv2d(3, 16, 4, 4), nn.Conv2d(16, 16, 3, 1, 1, groups=16)
        self.norm, self.wide, self.narrow = nn.LayerNorm(16), nn.Linear(16, 32), nn.Linear(32, 16)
        self.last, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def forward(self, x):
        x = self.stem(x).permute(0, 2, 3, 1)  # (N, h, w, C) from here on
        mixed = self.depthwise(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        x = self.last(x + self.narrow(F.gelu(self.wide(self.norm(mixed)))))
        return self.head(x.mean(dim=(1, 2)))


def channels_last() -> nn.Module:
    """A ConvNeXt block whose maps have their channels last, (N, 16, 16, 16) for 64 x 64."""
    return _ChannelsLast()


def batch_statistics() -> nn.Module:
    """Batch norm without running statistics: a picture by itself is normalised by itself."""
    network = Parts()
    network.maps[1] = nn.BatchNorm2d(8, track_running_stats=False)
    return network


def grouped_and_dilated() -> nn.Module:
    """Grouped, dilated, reflected, circular and "same" convolutions, and unusual average pools."""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, padding_mode="reflect"),
        nn.ReLU(),
        nn.AvgPool2d(3, stride=2, padding=1, ceil_mode=True, count_include_pad=False),
        nn.Conv2d(8, 8, 3, padding=2, dilation=2, groups=4),
        nn.ReLU(),
        nn.Conv2d(8, 8, 4, padding="same", dilation=(1, 2)),
        nn.ReLU(),
        nn.AvgPool2d(2, divisor_override=3),
        nn.Conv2d(8, 12, 3, padding=1, padding_mode="circular", groups=2),
        nn.ReLU(),
        averaged(),
    )


def other_norms() -> nn.Module:
    """Layers with weights that are no convolution: group norm, PReLU, a lookup of positions, …"""
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, stride=2),
        nn.GroupNorm(2, 8),
        nn.PReLU(8),
        nn.ConvTranspose2d(8, 12, 3),
        nn.InstanceNorm2d(12, affine=True),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.BatchNorm1d(12),
        nn.Linear(12, 5),
    )


class _Looped(nn.Module):
    def __init__(self):
        super().__init__()
        self.times = nn.Parameter(torch.tensor(3), requires_grad=False)
        self.stem, self.block = nn.Conv2d(3, 12, 3, 2, 1), nn.Conv2d(12, 12, 3, padding=1)
        self.head = averaged()

    def forward(self, x):
        x = self.stem(x)
        for _ in range(int(self.times)):
            x = F.relu(self.block(x) + x)
        return self.head(x)


def looped() -> nn.Module:
    """One block that is applied three times; the number is a parameter, an integer, the first."""
    return _Looped()


class _Moving(Parts):
    def __init__(self):
        super().__init__()
        self.mask, self.squeeze = nn.Parameter(torch.randn(1, 1, 64, 64)), nn.Linear(12, 12)
        self.mix = nn.Conv2d(12, 12, 3, padding=1)

    def forward(self, x):
        x = self.maps(x * self.mask + x.roll(3, dims=2))
        x = F.pixel_unshuffle(x, 2)[:, :12] + F.adaptive_avg_pool2d(x, (16, 16))
        x = torch.where(x > 0.1, x, 0.1 * x).clamp(max=5)
        x = x * self.squeeze(x.mean(dim=(2, 3))).sigmoid()[:, :, None, None]
        x = self.mix(F.pad(x[:, :, 1:], (0, 0, 1, 0)))
        x = F.interpolate(x, scale_factor=2)[:, :, ::2, 1::2]
        return self.head(x.cumsum(dim=2) / 16 + F.avg_pool2d(x, 3, 1, 1).exp().log1p())


def moving() -> nn.Module:
    """Functions that move values to other places, or treat places unlike: roll, mask, …"""
    return _Moving()


# --- ways to run ----------------------------------------------------------------------------------


class _Checkpointed(Parts):
    def forward(self, x):
        return self.head(checkpoint(self.maps, x, use_reentrant=False))


def checkpointed() -> nn.Module:
    """Its maps are computed anew in the backward pass."""
    return _Checkpointed()


def compiled() -> nn.Module:
    """A network in torch.compile."""
    return torch.compile(Parts())


def parallel() -> nn.Module:
    """A network in DataParallel."""
    return nn.DataParallel(Parts())


class _TestTimeAugmentation(Parts):
    def forward(self, x):
        return (super().forward(x.flip(-1)) + super().forward(x)) / 2


def test_time_augmentation() -> nn.Module:
    """The mean over the mirrored and the upright picture, in two passes of the same layers."""
    return _TestTimeAugmentation()


test_time_augmentation.__test__ = False  # a network, whatever its name begins with


class _Stacked(Parts):
    def forward(self, x):
        both = super().forward(torch.cat([x, x.flip(-1)]))
        return both.unflatten(0, (2, -1)).mean(dim=0)


def stacked() -> nn.Module:
    """The mean over the mirrored and the upright picture, in one batch: twice as many inside."""
    return _Stacked()


class _FrozenBackbone(Parts):
    def forward(self, x):
        with torch.no_grad():
            features = self.maps(x)
        return self.head(features)


def frozen_backbone() -> nn.Module:
    """Its maps are computed under no_grad, so that no gradient reaches the picture."""
    return _FrozenBackbone()


def half_precision() -> nn.Module:
    """Weights in bfloat16."""
    return Parts().to(torch.bfloat16)


def single_precision() -> nn.Module:
    """Nothing odd at all."""
    return Parts()


widen = partial(F.interpolate, scale_factor=2, mode="bilinear", align_corners=False)


class _Enlarging(Parts):
    def forward(self, x):
        return super().forward(widen((x * 2 - 0.1).clamp(-2, 2)))


def enlarging() -> nn.Module:
    """It rescales and enlarges its pictures itself."""
    return _Enlarging()
