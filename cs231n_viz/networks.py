"""Our own networks: CourseNet, small enough for a laptop, plain enough to be looked into layer by layer.

CourseNet is a VGG-like stack (Simonyan & Zisserman 2015) with a large first kernel, global average pooling
(Lin, Chen & Yan 2014) and one linear layer. It trains with batch norm (Ioffe & Szegedy 2015), which is then
folded into the convolutions, so that what students meet is convolution, ReLU and pooling only.
"""

from collections import OrderedDict
from collections.abc import Sequence

from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

WIDTHS = (48, 80, 128, 128, 224, 224, 352)  # channels of conv1, conv2, conv3_1, conv3_2, conv4_1, conv4_2, conv5


class GlobalAveragePool(nn.Module):
    """The mean of each feature map: (N, C, h, w) -> (N, C). Place is forgotten, what was seen is kept."""

    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(dim=(2, 3))


class CourseNet(nn.Sequential):
    """(N, 3, H, W), normalised -> (N, classes) scores; at 128 px relu5 is 352 maps of 8 x 8.

    conv1 relu1 | conv2 relu2 pool2 | conv3_1 relu3_1 conv3_2 relu3_2 pool3 |
    conv4_1 relu4_1 conv4_2 relu4_2 pool4 | conv5 relu5 pool5 | code | scores

    The first kernel is even and its stride is 2, so that every pixel is read by equally many weights: an odd
    one would leave a fine checkerboard in every picture made from gradients (Odena et al. 2016).
    """

    def __init__(
        self,
        classes: int,
        widths: Sequence[int] = WIDTHS,
        first_kernel: int = 10,
        batch_norm: bool = False,
        dropout: float = 0.0,
    ):
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        channels = 3
        for name, width in zip(("1", "2", "3_1", "3_2", "4_1", "4_2", "5"), widths, strict=True):
            kernel, stride = (first_kernel, 2) if name == "1" else (3, 1)
            padding = (kernel - 1) // 2
            layers[f"conv{name}"] = nn.Conv2d(channels, width, kernel, stride, padding, bias=not batch_norm)
            if batch_norm:
                layers[f"norm{name}"] = nn.BatchNorm2d(width)
            layers[f"relu{name}"] = nn.ReLU()
            if name in ("2", "3_2", "4_2"):
                layers[f"pool{name[0]}"] = nn.MaxPool2d(2)
            channels = width
        layers["pool5"] = nn.AvgPool2d(2)  # a mean of means: `code` is the global average of relu5
        layers["code"] = GlobalAveragePool()
        if dropout:
            layers["dropout"] = nn.Dropout(dropout)
        layers["scores"] = nn.Linear(channels, classes)
        super().__init__(layers)


def fold_batch_norm(network: CourseNet) -> CourseNet:
    """The same function without batch norm and dropout: w' = w·γ/σ, b' = β − μ·γ/σ, in a new network."""
    modules = dict(network.eval().named_children())
    plain = CourseNet(
        classes=modules["scores"].out_features,
        widths=[module.out_channels for module in modules.values() if isinstance(module, nn.Conv2d)],
        first_kernel=modules["conv1"].kernel_size[0],
    )
    for name, module in plain.named_children():
        if isinstance(module, nn.Conv2d):
            fused = fuse_conv_bn_eval(modules[name], modules[name.replace("conv", "norm")])
            module.load_state_dict(fused.state_dict())
    plain.scores.load_state_dict(modules["scores"].state_dict())
    return plain.eval()
