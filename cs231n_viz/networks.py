"""Our own networks: small enough for a laptop, plain enough to be looked into layer by layer.

CourseNet is a VGG-like stack (Simonyan & Zisserman 2015) with a large first kernel, global average pooling
(Lin, Chen & Yan 2014) and one linear layer; CourseNetB does the same with residual blocks (He et al. 2016). Both train
with batch norm (Ioffe & Szegedy 2015), which is then folded into the convolutions, so that what students meet is
convolution, ReLU and pooling only.

The first kernel is even and its stride is 2, so that every pixel is read by equally many weights: an odd one would
leave a fine checkerboard in every picture made from gradients (Odena, Dumoulin & Olah 2016).
"""

from collections import OrderedDict
from collections.abc import Sequence
from itertools import pairwise

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval


class GlobalAveragePool(nn.Module):
    """The mean of each feature map: (N, C, h, w) -> (N, C). Place is forgotten, what was seen is kept."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


def _first_convolution(width: int, kernel: int, batch_norm: bool) -> nn.Conv2d:
    return nn.Conv2d(3, width, kernel, stride=2, padding=(kernel - 1) // 2, bias=not batch_norm)


class CourseNet(nn.Sequential):
    """(N, 3, H, W), normalised -> (N, classes) scores; at 128 px relu5 is 352 maps of 8 x 8.

    conv1 relu1 pool1 | conv2 relu2 | conv3_1 relu3_1 conv3_2 relu3_2 pool3 |
    conv4_1 relu4_1 conv4_2 relu4_2 pool4 | conv5 relu5 pool5 | code | scores
    """

    def __init__(
        self,
        classes: int,
        widths: Sequence[int] = (48, 96, 128, 128, 224, 224, 352),
        first_kernel: int = 8,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 3
        for name, width in zip(("1", "2", "3_1", "3_2", "4_1", "4_2", "5"), widths, strict=True):
            if name == "1":
                layers["conv1"] = _first_convolution(width, first_kernel, batch_norm)
            else:
                layers[f"conv{name}"] = nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{name}"] = nn.BatchNorm2d(width)
            layers[f"relu{name}"] = nn.ReLU()
            if name in ("1", "3_2", "4_2"):
                layers[f"pool{name[0]}"] = nn.MaxPool2d(2)
            channels = width
        layers["pool5"] = nn.AvgPool2d(2)  # a mean of means: `code` is the global average of relu5
        layers["code"] = GlobalAveragePool()
        if dropout:
            layers["dropout"] = nn.Dropout(dropout)
        layers["scores"] = nn.Linear(channels, classes)
        super().__init__(layers)
        self.settings = {"classes": classes, "widths": list(widths), "first_kernel": first_kernel}


class ResidualBlock(nn.Module):
    """maps -> relu(change(maps) + skip(maps)): the two convolutions of `change` only add what is missing."""

    def __init__(self, channels: int, width: int, batch_norm: bool):
        super().__init__()

        def convolution(name: str, channels: int, kernel: int) -> list[tuple[str, nn.Module]]:
            conv = nn.Conv2d(channels, width, kernel, padding=kernel // 2, bias=not batch_norm)
            norm = [(name.replace("conv", "norm"), nn.BatchNorm2d(width))] if batch_norm else []
            return [(name, conv), *norm]

        first, second = convolution("conv1", channels, 3), convolution("conv2", width, 3)
        self.change = nn.Sequential(OrderedDict([*first, ("relu1", nn.ReLU()), *second]))
        self.skip = nn.Sequential(OrderedDict(convolution("conv", channels, 1)))
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        return self.relu(self.change(maps) + self.skip(maps))


class CourseNetB(nn.Sequential):
    """CourseNet's sibling of another architecture: (N, 3, H, W), normalised -> (N, classes) scores.

    conv1 relu1 pool1 | block1 pool2 | block2 pool3 | block3 | code | scores
    """

    def __init__(
        self,
        classes: int,
        widths: Sequence[int] = (40, 96, 160, 256),
        first_kernel: int = 8,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["conv1"] = _first_convolution(widths[0], first_kernel, batch_norm)
        if batch_norm:
            layers["norm1"] = nn.BatchNorm2d(widths[0])
        layers["relu1"] = nn.ReLU()
        for number, (channels, width) in enumerate(pairwise(widths), start=1):
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            layers[f"block{number}"] = ResidualBlock(channels, width, batch_norm)
        layers["code"] = GlobalAveragePool()
        if dropout:
            layers["dropout"] = nn.Dropout(dropout)
        layers["scores"] = nn.Linear(widths[-1], classes)
        super().__init__(layers)
        self.settings = {"classes": classes, "widths": list(widths), "first_kernel": first_kernel}


class Generator(nn.Sequential):
    """A decoder (Dosovitskiy & Brox 2016): (N, 352) codes of CourseNet -> (N, 3, 128, 128) pixels in [0, 1].

    grid | up1 conv1 relu1 | … | up5 conv5 relu5 | conv6 | pixels
    """

    def __init__(
        self,
        code: int = 352,
        widths: Sequence[int] = (192, 160, 112, 64, 32, 16),
        batch_norm: bool = False,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        layers["linear"] = nn.Linear(code, widths[0] * 16)
        layers["grid"] = nn.Unflatten(1, (widths[0], 4, 4))
        for number, (channels, width) in enumerate(pairwise(widths), start=1):
            # enlarging first and convolving then leaves no checkerboard (Odena, Dumoulin & Olah 2016)
            layers[f"up{number}"] = nn.Upsample(scale_factor=2)
            layers[f"conv{number}"] = nn.Conv2d(channels, width, 3, padding=1, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{number}"] = nn.BatchNorm2d(width)
            layers[f"relu{number}"] = nn.ReLU()
        layers[f"conv{len(widths)}"] = nn.Conv2d(widths[-1], 3, 3, padding=1)
        layers["pixels"] = nn.Sigmoid()
        super().__init__(layers)
        self.settings = {"code": code, "widths": list(widths)}


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """The same function without batch norm and dropout: w' = w·γ/σ, b' = β − μ·γ/σ, in a new network.

    A convolution `…conv…` is folded with the norm that bears the same name, `…norm…`, if there is one.
    """
    network.eval()
    plain = type(network)(**network.settings)
    modules = dict(network.named_modules())
    for name, module in plain.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            trained, block, own = modules[name], *name.rpartition(".")[::2]
            norm = modules.get(f"{block}.{own.replace('conv', 'norm')}".lstrip("."))
            if isinstance(norm, nn.BatchNorm2d):
                trained = fuse_conv_bn_eval(trained, norm)
            module.load_state_dict(trained.state_dict())
    return plain.eval()
