"""How much there is to look into: a network as a list of layers with their sizes."""

import math
from typing import NamedTuple

from torch import nn


class Row(NamedTuple):
    layer: str
    kind: str  # Conv2d, ReLU, …
    shape: tuple[int, ...]  # of the output for one picture, without the batch
    weights: int  # numbers that training has set
    values: int  # numbers that one picture makes here


def anatomy(model: nn.Module) -> list[Row]:
    """Every layer that is not made of others, in the order in which they run."""
    rows = []
    for layer in model.layers:
        module, _ = model.resolve(layer)
        if not any(module.children()):
            shape = model.shapes[layer][1:]
            weights = sum(weight.numel() for weight in module.parameters())
            rows.append(Row(layer, type(module).__name__, shape, weights, math.prod(shape)))
    return rows
