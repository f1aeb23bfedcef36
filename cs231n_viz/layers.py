"""Default layers: which layer a technique uses where the caller names none."""

import torch
from torch import nn

from .activations import capture

CANDIDATES = 16  # how many of the last layers are searched, for CAM and for transformers
POOLING = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
PLAIN = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)


def map_layers(model: nn.Module) -> list[str]:
    """Names of the layers to look at: whole blocks and ReLUs with maps of at least 5 x 5.

    Only names without a dot count; where there are fewer than four, the last layer of each map size
    is taken instead. Raises ValueError where these are fewer than four, too.
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
    """The default content layer and style layers of a network: (content, [style, ...]).

    The style layers are "pixels", for the colours, and four blocks or ReLUs: the last one of each
    of the first four map shapes. The content layer is the last of them. Where fewer than four
    have a name without a dot, the last layer of each map size is taken instead.
    """
    maps = _maps(model, least=2)
    chosen = list({maps[layer]: layer for layer in _blocks(model, maps)}.values())
    chosen = (chosen if len(chosen) >= 4 else _last_of_each_size(maps))[:4]
    if not chosen:
        raise ValueError(f"{model.name} has no feature maps (N, C, h, w) to read a style from.")
    return chosen[-1], ["pixels", *chosen]


def last_maps(model: nn.Module) -> str:
    """Name of the last layer with spatial positions on which the scores depend; no pooling."""
    spatial = [
        name for name, shape in model.shapes.items() if len(shape) > 2 and min(shape[1:3]) > 1
    ]
    layers = [name for name in spatial if not _pools(model.resolve(name)[0])]
    if not layers:
        raise ValueError(f"{model.name} has no layer with positions to lay over the picture.")
    tokens = len(model.shapes[layers[-1]]) != 4
    return _last_read(model, layers[-CANDIDATES:]) if tokens else layers[-1]


def finer_maps(model: nn.Module) -> str:
    """Name of the last layer, no pooling, whose maps are finer than those of `last_maps`."""
    finer = _maps(model, least=model.shapes[last_maps(model)][-1] + 1)
    return [name for name in finer if not isinstance(model.resolve(name)[0], POOLING)][-1]


def last_weights(model: nn.Module) -> str:
    """Name of the layer that makes scores of features: the last linear one or 1 x 1 convolution."""
    modules = {name: model.resolve(name)[0] for name in model.layers}
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear | nn.Conv2d)]
    if not linear or getattr(modules[linear[-1]], "kernel_size", (1, 1)) != (1, 1):
        raise ValueError(
            f"{model.name} does not end in a linear layer or a convolution of 1 x 1, which would "
            f"read one vector per picture: name a layer, such as layer={model.layers[-1]!r}."
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
    """The layers with a name without a dot that are not plain convolutions, norms or poolings."""
    short = [name for name in layers if "." not in name and name not in ("features", "classifier")]
    return [name for name in short if type(model.resolve(name)[0]) not in PLAIN]


def _pools(module: nn.Module) -> bool:
    """Is it a pooling, or does it end in one, as the `features` of AlexNet and VGG do?"""
    return isinstance(module, POOLING) or (isinstance(module, nn.Sequential) and _pools(module[-1]))


def _last_read(model: nn.Module, layers: list[str]) -> str:
    """The last layer of which more is read later than the class token (transformers)."""
    pixels = model.mean.expand(1, -1, model.input_size, model.input_size).clone().requires_grad_()
    with torch.enable_grad(), capture(model, *layers) as outputs:
        value = model(pixels).square().sum()
    gradients = torch.autograd.grad(value, list(outputs.values()), allow_unused=True)
    found = dict(zip(outputs, gradients, strict=True))
    read = [layer for layer in outputs if found[layer] is not None and found[layer][:, 1:].any()]
    return (read or layers)[-1]
