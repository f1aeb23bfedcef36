"""The course's own networks: small enough for a laptop, simple enough to inspect layer by layer.

CourseNet is a VGG-like stack (Simonyan & Zisserman 2015) with a large first kernel, global average
pooling (Lin, Chen & Yan 2014) and one linear layer; CourseNetB does the same with residual blocks
(He et al. 2016). Both were trained with batch norm (Ioffe & Szegedy 2015), which was then folded
into the convolutions, so that what students meet is convolution, ReLU and pooling only.

The first kernel is even and its stride is 2, so that every pixel is read by equally many weights:
an odd one would leave a fine checkerboard in every picture made from gradients (Odena, Dumoulin &
Olah 2016).
"""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from itertools import islice, pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class GlobalAveragePool(nn.Module):
    """The mean of each map over its positions: (N, C, h, w) -> (N, C)."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


def _convolution(name: str, channels, width, kernel, stride=1, groups=1):
    """{name: convolution} that keeps the size, or divides it by the stride.

    Of an odd number of padding rows, as for a kernel of 3 at stride 2, one more lies at the bottom,
    as in TensorFlow.
    """
    before, after = (kernel - stride) // 2, (kernel - stride + 1) // 2
    pad = {"pad": nn.ZeroPad2d((before, after, before, after))} if before < after else {}
    settings = {"padding": 0 if pad else before, "groups": groups}
    return pad | {name: nn.Conv2d(channels, width, kernel, stride, **settings)}


def _head(channels: int, classes: int) -> dict[str, nn.Module]:
    return {"code": GlobalAveragePool(), "scores": nn.Linear(channels, classes)}


class CourseNet(nn.Sequential):
    """(N, 3, H, W), normalised -> (N, classes) scores; at 128 px relu5 is 352 maps of 8 x 8.

    conv1 relu1 pool1 | conv2 relu2 | conv3_1 relu3_1 conv3_2 relu3_2 pool3 |
    conv4_1 relu4_1 conv4_2 relu4_2 pool4 | conv5 relu5 pool5 | code | scores
    """

    def __init__(
        self, classes: int, widths=(48, 96, 128, 128, 224, 224, 352), first_kernel: int = 8
    ):
        layers: dict[str, nn.Module] = {}
        channels, kernel, stride = 3, first_kernel, 2
        for name, width in zip(("1", "2", "3_1", "3_2", "4_1", "4_2", "5"), widths, strict=True):
            layers |= _convolution(f"conv{name}", channels, width, kernel, stride)
            layers[f"relu{name}"] = nn.ReLU()
            if name in ("1", "3_2", "4_2"):
                layers[f"pool{name[0]}"] = nn.MaxPool2d(2)
            channels, kernel, stride = width, 3, 1
        layers["pool5"] = nn.AvgPool2d(2)  # a mean of means: `code` is the global average of relu5
        super().__init__(OrderedDict(layers | _head(channels, classes)))
        self.settings = {"classes": classes, "widths": list(widths), "first_kernel": first_kernel}


class ResidualBlock(nn.Module):
    """(N, C, h, w) -> relu(change(maps) + skip(maps)), (N, width, h, w) (He et al. 2016)."""

    def __init__(self, channels: int, width: int):
        super().__init__()
        first = _convolution("conv1", channels, width, 3)
        second = _convolution("conv2", width, width, 3)
        self.change = nn.Sequential(OrderedDict(first | {"relu1": nn.ReLU()} | second))
        self.skip = nn.Sequential(OrderedDict(_convolution("conv", channels, width, 1)))
        self.relu = nn.ReLU()

    def forward(self, maps: Tensor) -> Tensor:
        return self.relu(self.change(maps) + self.skip(maps))


class CourseNetB(nn.Sequential):
    """A CourseNet of residual blocks: (N, 3, H, W), normalised -> (N, classes) scores.

    conv1 relu1 pool1 | block1 pool2 | block2 pool3 | block3 | code | scores
    """

    def __init__(self, classes: int, widths=(40, 96, 160, 256), first_kernel: int = 8):
        layers = _convolution("conv1", 3, widths[0], first_kernel, stride=2)
        layers["relu1"] = nn.ReLU()
        for number, (channels, width) in enumerate(pairwise(widths), start=1):
            layers[f"pool{number}"] = nn.MaxPool2d(2)
            layers[f"block{number}"] = ResidualBlock(channels, width)
        super().__init__(OrderedDict(layers | _head(widths[-1], classes)))
        self.settings = {"classes": classes, "widths": list(widths), "first_kernel": first_kernel}


class LinearBottleneck(nn.Sequential):
    """(N, C, h, w) -> (N, width, h', w'): expand, filter each map, project (Sandler et al. 2018).

    No ReLU follows the projection: a block gives signed sums. Where shapes allow, maps are added.
    """

    def __init__(self, channels: int, width: int, expansion: int, kernel: int, stride: int):
        inside, layers = channels * expansion, {}
        if expansion > 1:
            layers = {"conv_expand": nn.Conv2d(channels, inside, 1), "relu_expand": nn.ReLU6()}
        depthwise = {"stride": stride, "groups": inside}
        layers |= _convolution("conv_depthwise", inside, inside, kernel, **depthwise)
        layers |= {"relu_depthwise": nn.ReLU6(), "conv_project": nn.Conv2d(inside, width, 1)}
        super().__init__(OrderedDict(layers))
        self.adds = stride == 1 and channels == width

    def forward(self, maps: Tensor) -> Tensor:
        return maps + super().forward(maps) if self.adds else super().forward(maps)


class EfficientNetLite(nn.Sequential):
    """EfficientNet-Lite0 (Tan & Le 2019; Liu 2020): (N, 3, H, W), normalised -> (N, classes).

    stem | block1 … block16 | head | code | scores; at 224 px head is 1280 maps of 7 x 7.
    """

    STAGES = (  # expansion, kernel, stride, width, blocks
        (1, 3, 1, 16, 1),
        (6, 3, 2, 24, 2),
        (6, 5, 2, 40, 2),
        (6, 3, 2, 80, 3),
        (6, 5, 1, 112, 3),
        (6, 5, 2, 192, 4),
        (6, 3, 1, 320, 1),
    )

    def __init__(self, classes: int = 1000):
        stem = _convolution("conv", 3, 32, 3, stride=2) | {"relu": nn.ReLU6()}
        layers, channels = {"stem": nn.Sequential(OrderedDict(stem))}, 32
        for expansion, kernel, stride, width, blocks in self.STAGES:
            for step in (stride, *[1] * (blocks - 1)):
                block = LinearBottleneck(channels, width, expansion, kernel, step)
                layers[f"block{len(layers)}"], channels = block, width
        head = {"conv": nn.Conv2d(channels, 1280, 1), "relu": nn.ReLU6()}
        layers["head"] = nn.Sequential(OrderedDict(head))
        super().__init__(OrderedDict(layers | _head(1280, classes)))
        self.settings = {"classes": classes}

    @torch.no_grad()
    def take_published(self, weights: Mapping[str, Tensor]) -> None:
        """Google's weights, in their order; batch norms become part of the convolutions.

        w' = w γ / √(σ² + ε),   b' = β − μ γ / √(σ² + ε),   ε = 0.001
        """
        values = iter(weights.values())
        for conv in (module for module in self.modules() if isinstance(module, nn.Conv2d)):
            weight, gamma, beta, mean, variance, _ = islice(values, 6)
            scale = gamma / (variance + 1e-3).sqrt()
            conv.weight.copy_(weight * scale.view(-1, 1, 1, 1))
            conv.bias.copy_(beta - mean * scale)
        if self.settings["classes"] == 1000:
            self.scores.load_state_dict(dict(zip(("weight", "bias"), values, strict=True)))


class Generator(nn.Sequential):
    """A decoder (Dosovitskiy & Brox 2016): (N, 352) codes of CourseNet -> (N, 3, 128, 128) pixels.

    grid | up1 conv1 relu1 | … | up5 conv5 relu5 | conv6 | pixels, in [0, 1]
    """

    def __init__(self, code: int = 352, widths: Sequence[int] = (192, 160, 112, 64, 32, 16)):
        layers: dict[str, nn.Module] = {"linear": nn.Linear(code, widths[0] * 16)}
        layers["grid"] = nn.Unflatten(1, (widths[0], 4, 4))
        for number, (channels, width) in enumerate(pairwise(widths), start=1):
            # enlarging, then convolving leaves no checkerboard (Odena, Dumoulin & Olah 2016)
            layers[f"up{number}"] = nn.Upsample(scale_factor=2)
            layers |= _convolution(f"conv{number}", channels, width, 3)
            layers[f"relu{number}"] = nn.ReLU()
        layers |= _convolution(f"conv{len(widths)}", widths[-1], 3, 3)
        layers["pixels"] = nn.Sigmoid()
        super().__init__(OrderedDict(layers))
        self.settings = {"code": code, "widths": list(widths)}


class ConditionalInstanceNorm(nn.Module):
    """Instance norm with γ and β from a mix of styles: (N, C, h, w), (N, styles) -> (N, C, h, w).

    y = (x − mean of x over positions) / deviation · γ + β,   γ = Σ mixₛ γₛ,   β = Σ mixₛ βₛ

    A style is only its γs and βs (Dumoulin, Shlens & Kudlur 2017); all other weights are shared.
    normalize=False skips the normalisation, for comparison (Ulyanov, Vedaldi & Lempitsky 2016 show
    what is lost).
    """

    def __init__(self, styles: int, channels: int, normalize: bool = True):
        super().__init__()
        self.normalize = normalize
        self.scale = nn.Parameter(torch.ones(styles, channels))
        self.shift = nn.Parameter(torch.zeros(styles, channels))

    def forward(self, maps: Tensor, mix: Tensor) -> Tensor:
        scale, shift = mix @ self.scale, mix @ self.shift  # (N, styles) @ (styles, C)
        if self.normalize:
            maps = F.instance_norm(maps, eps=1e-3)
        return maps * scale[..., None, None] + shift[..., None, None]


class StyledConvolution(nn.Module):
    """Convolution, the style's norm, ReLU: (N, C, H, W), (N, styles) -> (N, width, h, w)."""

    def __init__(self, conv: nn.Module, norm: nn.Module, relu: bool):
        super().__init__()
        self.conv, self.norm = conv, norm
        self.relu = nn.ReLU() if relu else nn.Identity()

    def forward(self, maps: Tensor, mix: Tensor) -> Tensor:
        return self.relu(self.norm(self.conv(maps), mix))


class StyleNet(nn.Module):
    """Style transfer in one pass: pixels (N, 3, H, W), a mix of styles (N, styles) -> pixels.

    The network of Johnson, Alahi & Fei-Fei (2016), narrower: two strided convolutions, residual
    blocks, and two upsamplings that repeat every value 2 × 2 and convolve, which leaves no
    checkerboard (Odena, Dumoulin & Olah 2016). Skip connections keep small things where they are
    (Ronneberger, Fischer & Brox 2015).
    """

    def __init__(
        self,
        styles: Sequence[str] = ("style",),
        widths: Sequence[int] = (16, 32, 80),
        blocks: int = 4,
        normalize: bool = True,
    ):
        super().__init__()
        if isinstance(styles, str) or not styles:
            raise ValueError(f"styles are a list of at least one name, not {styles!r}.")
        self.styles = list(styles)
        first, second, third = widths

        def convolution(channels: int, width: int, kernel=3, stride=1, relu=True) -> nn.Module:
            mirrored = {"bias": False, "padding_mode": "reflect"}  # zeros would paint a frame
            conv = nn.Conv2d(channels, width, kernel, stride, kernel // 2, **mirrored)
            norm = ConditionalInstanceNorm(len(self.styles), width, normalize)
            return StyledConvolution(conv, norm, relu)

        def block() -> nn.ModuleList:
            return nn.ModuleList([convolution(third, third), convolution(third, third, relu=False)])

        self.down = nn.ModuleList([convolution(3, first, kernel=5)])
        self.down.append(convolution(first, second, stride=2))
        self.down.append(convolution(second, third, stride=2))
        self.blocks = nn.ModuleList(block() for _ in range(blocks))
        self.up = nn.ModuleList([convolution(third, second), convolution(second, first)])
        self.last = nn.Conv2d(first, 3, 5, padding=2, padding_mode="reflect")
        self.settings = {"styles": self.styles, "widths": list(widths)}
        self.settings |= {"blocks": blocks, "normalize": normalize}

    def forward(self, pixels: Tensor, mix: Tensor) -> Tensor:
        maps, passed = (pixels - 0.5) * 4, []  # about deviation 1
        for convolution in self.down:
            maps = convolution(maps, mix)
            passed.append(maps)
        for first, second in self.blocks:
            maps = maps + second(first(maps, mix), mix)
        for convolution, fine in zip(self.up, reversed(passed[:-1]), strict=True):
            # skip connection: finer maps, which still have the positions
            maps = convolution(F.interpolate(maps, fine.shape[2:]), mix) + fine
        return self.last(maps).sigmoid()
