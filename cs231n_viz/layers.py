"""Which layer? The choices that are made where nobody names one, each made once, here."""

import torch
from torch import nn

from .activations import capture

CANDIDATES = 16  # how many of the last layers are looked at, for CAM and for transformers
POOLING = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
PLAIN = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


def map_layers(model: nn.Module) -> list[str]:
    """The layers worth a look: whole blocks and ReLUs whose maps have at least 5 pixels a side.

    Where a network has no such layers by short names, the last layer of each size of map stands for
    them. Raises ValueError where there are fewer than four, as in a network that makes no maps.
    """
    maps = _maps(model, least=5)
    blocks = _blocks(model, maps)
    chosen = blocks if len(blocks) >= 4 else _last_of_each_size(maps)
    if len(chosen) < 4:
        raise ValueError(
            f"{model.name} has feature maps of only {len(chosen)} sizes, and four are needed: take "
            "a convolutional network such as coursenet, squeezenet1_0 or resnet18."
        )
    return chosen


def usual_layers(model: nn.Module) -> tuple[str, list[str]]:
    """The content layer and the style layers of a network, where nobody names them.

    Of whole blocks and ReLUs the last of each shape of map: the first four of these and, for the
    palette, "pixels" are the style's, the fourth is the content's. Where a network has fewer than
    four by short names, the last layer of each size of map.
    """
    maps = _maps(model, least=2)
    chosen = list({maps[layer]: layer for layer in _blocks(model, maps)}.values())
    chosen = (chosen if len(chosen) >= 4 else _last_of_each_size(maps))[:4]
    if not chosen:
        raise ValueError(f"{model.name} has no feature maps (N, C, h, w) to read a style from.")
    return chosen[-1], ["pixels", *chosen]


def last_maps(model: nn.Module) -> str:
    """The last layer, poolings aside, that has positions and from which the scores are made."""
    spatial = [
        name for name, shape in model.shapes.items() if len(shape) > 2 and min(shape[1:3]) > 1
    ]
    layers = [name for name in spatial if not _pools(model.resolve(name)[0])]
    if not layers:
        raise ValueError(f"{model.name} has no layer with positions to lay over the picture.")
    tokens = len(model.shapes[layers[-1]]) != 4
    return _last_read(model, layers[-CANDIDATES:]) if tokens else layers[-1]


def finer_maps(model: nn.Module) -> str:
    """The last layer, poolings aside, whose maps are finer than those of `last_maps`."""
    finer = _maps(model, least=model.shapes[last_maps(model)][-1] + 1)
    return [name for name in finer if not isinstance(model.resolve(name)[0], POOLING)][-1]


def last_weights(model: nn.Module) -> str:
    """The layer that turns features into scores: the last linear one or convolution of 1 x 1."""
    modules = {name: model.resolve(name)[0] for name in model.layers}
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not linear or getattr(modules[linear[-1]], "kernel_size", (1, 1)) != (1, 1):
        raise ValueError(
            f"{model.name} does not end in a linear layer or a convolution of 1 x 1, which would "
            f"read one vector a picture: name a layer, such as layer={model.layers[-1]!r}."
        )
    return linear[-1]


def last_linear(model: nn.Module) -> nn.Linear | None:
    """The last linear layer, if the network has one."""
    modules = [model.resolve(layer)[0] for layer in model.layers]
    return next((module for module in reversed(modules) if isinstance(module, nn.Linear)), None)


def _maps(model: nn.Module, least: int) -> dict[str, tuple[int, ...]]:
    shapes = model.shapes.items()
    return {name: shape for name, shape in shapes if len(shape) == 4 and shape[-1] >= least}


def _last_of_each_size(maps: dict[str, tuple[int, ...]]) -> list[str]:
    return list({shape[-1]: layer for layer, shape in maps.items()}.values())


def _blocks(model: nn.Module, layers) -> list[str]:
    """Those with short names that are more than a plain convolution, norm or pooling."""
    short = [name for name in layers if "." not in name and name not in ("features", "classifier")]
    return [name for name in short if type(model.resolve(name)[0]) not in PLAIN]


def _pools(module: nn.Module) -> bool:
    """Is it a pooling, or does it end in one, as the `features` of AlexNet and VGG do?"""
    return isinstance(module, POOLING) or (isinstance(module, nn.Sequential) and _pools(module[-1]))


def _last_read(model: nn.Module, layers: list[str]) -> str:
    """The last layer of which more is read than its first token, a transformer's class token."""
    pixels = model.mean.expand(1, -1, model.input_size, model.input_size).clone().requires_grad_()
    with torch.enable_grad(), capture(model, *layers) as outputs:
        value = model(pixels).square().sum()
    gradients = torch.autograd.grad(value, list(outputs.values()), allow_unused=True)
    found = dict(zip(outputs, gradients, strict=True))
    read = [layer for layer in outputs if found[layer] is not None and found[layer][:, 1:].any()]
    return (read or layers)[-1]
