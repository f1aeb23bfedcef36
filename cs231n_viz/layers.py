"""Which layer, and how its output lies over the picture.

`as_maps` is the one place that says which axes of an output are the picture's rows and columns. No
shape tells: it is measured, by changing a noisy picture here and there and looking where the output
answers. The other functions find the layer that a technique uses where the caller names none. What
was found is kept in `model.layouts`.
"""

import functools
import math
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import nullcontext
from itertools import product
from operator import gt
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .activations import activations_at, capture

CANDIDATES = 64  # how many of the last layers are searched for the last maps
AT_ONCE = 16  # how many of them are measured in one go
LATTICE = 3  # so many cells of the picture, down and across, are changed one after the other
# The least likeness of a layout. Right ones have 0.5 to 1; tokens x tokens, windows, heads and
# transposed maps below 0.37, but tokens (N, C, T, 1) taken for a column of maps 0.5.
HOLDS, ROW_HOLDS = 0.42, 0.75
# Below this mean square of the shares no place answers to any cell in particular, as deep in a
# network without training: then maps of as many rows and columns as a convolution has are like it.
EVEN = 0.03
MOST_EXTRA = 16  # extra tokens (class, distillation, registers) that are looked for
POOLING = (nn.AvgPool2d, nn.MaxPool2d, nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)
TELLING = 64  # so many maps a style needs: their Gram matrix has 2,080 different numbers
PADDING = (nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d)
PLAIN = (nn.Conv2d, nn.BatchNorm2d, nn.MaxPool2d, nn.AvgPool2d, nn.AdaptiveAvgPool2d)
MAPS = (nn.Conv2d, nn.BatchNorm2d, *POOLING)  # their outputs are maps (N, C, h, w) by definition


# --- how an output lies over the picture ----------------------------------------------------------


class Layout(NamedTuple):
    """Where a layer's output keeps its channels and the picture's rows and columns."""

    channels: int = 1  # the axis of the channels, 1 or -1
    grid: tuple[int, int] | None = None  # (rows, columns) of tokens; None: maps, which have axes
    first: int = 0  # the token that begins the grid; those before and behind it are extra

    def maps(self, output: Tensor) -> Tensor:
        output = output.movedim(self.channels, 1)
        if self.grid is None:
            return output
        return output[:, :, self.first :][:, :, : math.prod(self.grid)].unflatten(2, self.grid)


def as_maps(model: nn.Module, layer: str, output: Tensor, size: Sequence[int]) -> Tensor:
    """A layer's output for pictures of `size`, (height, width), as maps (N, C, h, w).

    The output is (N, C, h, w), (N, h, w, C), or tokens (N, T, C) or (N, C, T) in reading order, of
    which the extra ones are left out. Raises ValueError where it is none of these, or not what
    `model.grid` and `model.extra_tokens` say.
    """
    sure = layer in model.maps and output[0, 0].numel() > 1
    return output if sure else _as_measured(model, layer, output, size)


def _as_measured(model, layer, output, size) -> Tensor:
    layout = layouts(model, [layer])[layer]
    if tuple(size) != model.size and (layout is None or layout.grid):  # tokens: how many, now?
        layout = layouts(model, [layer], tuple(size))[layer]
    if layout is None or (maps := layout.maps(output)).shape[2:].numel() == 1:
        raise _no_maps(model, layer, tuple(output.shape))
    return maps


def layouts(model, layers: Sequence[str], size=None) -> dict[str, Layout | None]:
    """{layer: its layout for pictures of `size`, or None}; the network's own size unless given.

    What is not known yet is measured, all layers together, in ten passes of one picture.
    """
    size, known = size or model.size, model.layouts
    unsure = [name for name in layers if (name, size) not in known and name not in model.maps]
    for layer, answers in _answers(model, unsure, size).items() if unsure else ():
        known[layer, size] = _layout(model, layer, answers, size)
    return {layer: known.get((layer, size), Layout()) for layer in layers}


@torch.no_grad()
def _answers(model, layers, size):
    """{layer: {axis of the channels: how each place answers to each cell, cells x (places …)}}."""
    picture, found = model.noise(size), {layer: {-1: [], 1: []} for layer in layers}
    rows, columns = (torch.arange(side) * LATTICE // side for side in size)
    before = activations_at(model, picture, layers)
    for row, column in product(range(LATTICE), repeat=2):
        cell = (rows[:, None] == row) & (columns == column)  # (H, W)
        after = activations_at(model, torch.where(cell, 1 - picture, picture), layers)
        for layer, output in after.items():
            alike = len(output) == 1 and output.shape == before[layer].shape
            for axis, answers in found[layer].items() if alike and output.dim() in (3, 4) else ():
                change = output.float() - before[layer].float()
                answers.append(_energy(change.movedim(axis, 1)[0]))
    return found


def _energy(change: Tensor) -> Tensor:
    """Squared change (C, places …) of each place, beyond what all places share: (places …)."""
    flat = change.flatten(1) - change.flatten(1).mean(dim=1, keepdim=True)
    seen = flat if flat.norm() > 1e-4 * change.norm() else torch.zeros_like(flat)  # else rounding
    return F.normalize(seen, dim=(0, 1)).square().sum(dim=0).unflatten(0, change.shape[1:]).cpu()


def _layout(model, layer, answers, size) -> Layout | None:
    """The layout whose places answer most to the cells that they lie in, if it holds."""
    words = model.grid, model.extra_tokens
    grid, extra = (word.get(layer) if isinstance(word, Mapping) else word for word in words)
    if grid:  # at another size it has grown with the picture
        grid = tuple(n * now // own for n, now, own in zip(grid, size, model.size, strict=True))
    best, found = -1 if grid else 0, None
    for axis, each in answers.items():
        places = tuple(each[0].shape) if len(each) == LATTICE**2 else ()
        shares = _shares(torch.stack(each).flatten(1)) if places else torch.ones(1)
        for read in _grids(places, size, grid, extra):
            likeness, first = _likeness(shares, read)
            if likeness < (ROW_HOLDS if 1 in read and read == places else HOLDS):
                likeness, first = 0, math.prod(places) - math.prod(read)  # extra ones come first
            if likeness > best:
                best, found = likeness, Layout(axis, None if read == places else read, first)
    if found is None and len(places) == 2 and shares.square().sum(dim=0).mean() < EVEN:
        alike = [name for name, shape in model.shapes.items() if shape[2:] == places]
        return Layout() if any(isinstance(model.resolve(name)[0], MAPS) for name in alike) else None
    rows, columns = found.grid if found and found.grid and not grid else size
    return found if 1 / 4 <= size[0] * columns / (size[1] * rows) <= 4 else None  # else: strips


def _grids(places, size, grid, extra) -> Iterator[tuple[int, int]]:
    """The (rows, columns) that an output may have: maps their own, tokens those of h·w + extra.

    Tokens are patches, at most four times as long as wide, or whole rows or columns. Where more of
    them are extra than is usual, the patches have to divide the picture.
    """
    if len(places) == 2 and grid in (None, places):
        yield places
    for tokens in places if len(places) == 1 else ():
        yield from () if grid else ((1, tokens), (tokens, 1))
        for rows in [grid[0]] if grid else range(1, tokens + 1):
            across = rows * size[1] / size[0]  # columns, if the patches were square
            most = min(int(4 * across), tokens // rows)
            for columns in [grid[1]] if grid else range(max(1, math.ceil(across / 4)), most + 1):
                left = tokens - rows * columns
                usual = left in range(MOST_EXTRA + 1) or not (size[0] % rows or size[1] % columns)
                if left >= 0 and (usual if extra is None else left == extra):
                    yield rows, columns


def _shares(energies: Tensor) -> Tensor:
    """Each cell's share in what a place answers to, minus that of the mean place."""
    shares = (energies / energies.sum(dim=1, keepdim=True)).nan_to_num(0)
    shares = (shares / shares.sum(dim=0)).nan_to_num(1 / len(shares))
    return shares - shares.mean(dim=1, keepdim=True)


def _likeness(shares: Tensor, grid: tuple[int, int]) -> tuple[float, int]:
    """Cosine of the shares with those that a grid of tokens would have, and its best beginning."""
    cells = torch.eye(LATTICE)
    rows, columns = (cells.repeat_interleave(n, 1).unflatten(1, (n, -1)).mean(dim=2) for n in grid)
    wanted = torch.einsum("ai,bj->abij", rows, columns).reshape(len(shares), -1) - 1 / len(shares)
    size = (shares.norm() * wanted.norm()).clamp(min=1e-12)
    likeness, first = (F.conv1d(shares[None], wanted[None])[0, 0] / size).max(dim=0)
    likeness, both = [likeness], (shares[:, first:][:, : wanted.shape[1]], wanted)
    for axis in (0, 1) if 1 not in grid else ():  # the rows alone, and the columns alone
        along = (each.unflatten(0, (LATTICE, LATTICE)).sum(dim=axis).flatten() for each in both)
        likeness.append(F.cosine_similarity(*along, dim=0))
    return float(min(likeness)), int(first)


def _no_maps(model, layer, shape) -> ValueError:
    if layer in model.maps and max(model.shapes[layer][2:]) > 1:
        alone = f"{layer} is a single place, {shape}, in a picture as small as this"
        return ValueError(f"{alone}: take a larger one (images.resize), or an earlier layer.")
    words = [f"{name}={getattr(model, name)}" for name in ("grid", "extra_tokens")]
    said = " and ".join(word for word in words if not word.endswith("None"))
    why = f"does not hold {said}" if said else "follows the picture's rows and columns nowhere"
    return ValueError(
        f"{layer} has no maps: its output is {shape}, which {why}. Name another layer, such as "
        f"{last_maps(model)!r}; or say how its tokens lie over the picture, and how many do not: "
        "models.wrap(…, grid=(rows, columns), extra_tokens=n), both also as {layer: …}."
    )


# --- the last ones --------------------------------------------------------------------------------


def _remembered(find: Callable[[nn.Module], str]) -> Callable[[nn.Module], str]:
    """The function, which asks a network only once."""

    @functools.wraps(find)
    def once(model: nn.Module) -> str:
        if find.__name__ not in model.layouts:
            with torch.inference_mode(False), torch.enable_grad():
                model.layouts[find.__name__] = find(model)
        return model.layouts[find.__name__]

    return once


@_remembered
def last_maps(model: nn.Module) -> str:
    """Name of the last layer with positions that are read on the way to the scores; no pooling.

    By one pass forward and back: of a transformer whose class token alone is scored, it is the last
    norm from which the other tokens are read. A linear layer, which may be one of many inside an
    attention, is taken only where there is nothing else.
    """
    slopes = _slopes(model)
    layers = sorted(slopes, key=lambda name: not isinstance(model.resolve(name)[0], nn.Linear))
    if found := _last(model, layers, lambda name, layout: layout.maps(slopes[name]).any()):
        return found
    hint = "Say how its tokens lie, if any: models.wrap(…, grid=(rows, columns), extra_tokens=n)"
    raise ValueError(f"{model.name} has no layer with positions that follow the picture's. {hint}.")


@_remembered
def finer_maps(model: nn.Module) -> str:
    """Name of the last layer, no pooling or padding, with finer maps than those of `last_maps`."""
    last = last_maps(model)
    own, shapes = _grid(model, last), model.shapes.items()

    def finer(grid):
        return len(grid) == 2 and all(map(gt, grid, own))

    maybe = [name for name, shape in shapes if finer(shape[2:]) or finer(shape[1:-1])]
    if found := _last(model, maybe, lambda name, layout: finer(_grid(model, name))):
        return found
    raise ValueError(f"{model.name} has no maps finer than those of {last}, {own[0]} x {own[1]}.")


@_remembered
def last_weights(model: nn.Module) -> str:
    """Name of the layer that makes scores of features: the last linear one or 1 x 1 convolution.

    Checked by one pass: the scores know nothing of the picture but by its output.
    """
    modules = {name: model.resolve(name)[0] for name in model.layers}
    linear = [name for name, module in modules.items() if isinstance(module, nn.Linear | nn.Conv2d)]
    one = linear and getattr(modules[linear[-1]], "kernel_size", (1, 1)) == (1, 1)
    if not one or not _decides(model, linear[-1]):
        end = "a linear layer or a convolution of 1 x 1 that alone makes its scores"
        example = f"name a layer, such as layer={model.layers[-1]!r}"
        raise ValueError(f"{model.name} does not end in {end}: {example}.")
    return linear[-1]


def _decides(model, layer) -> bool:
    """Does all that the scores know of a picture come through this layer?"""
    pixels = model.noise().requires_grad_()
    with capture(model, layer, leaves=True) as outputs:
        value = model(pixels).square().sum()
    if not value.requires_grad:
        return True  # under torch.no_grad nothing can be told
    around, through = torch.autograd.grad(value, [pixels, outputs[layer]], allow_unused=True)
    return through is not None and (around is None or not around.any())


def last_linear(model: nn.Module) -> nn.Linear | None:
    """The last linear layer, if the network has one."""
    modules = [model.resolve(layer)[0] for layer in model.layers]
    return next((module for module in reversed(modules) if isinstance(module, nn.Linear)), None)


def _last(model, layers, wanted) -> str | None:
    """The last of the layers with maps, no pooling or padding, that is wanted(layer, layout)."""
    layers = [layer for layer in layers if not _pools_or_pads(model.resolve(layer)[0])]
    for end in range(len(layers), 0, -AT_ONCE):
        found = layouts(model, layers[max(end - AT_ONCE, 0) : end])  # measures them together
        for layer in reversed(found):
            if math.prod(_grid(model, layer)) > 1 and wanted(layer, found[layer]):
                return layer
    return None


def _grid(model, layer) -> tuple[int, ...]:
    """Rows and columns of a layer's maps at the network's own size; (0,) where it has none."""
    layout, output = layouts(model, [layer])[layer], torch.empty(model.shapes[layer], device="meta")
    return tuple(layout.maps(output).shape[2:]) if layout else (0,)


def _slopes(model: nn.Module) -> dict[str, Tensor]:
    """{layer: slope} of the last layers that may have positions and on which the scores depend.

    Where they depend on none, as with a head of zeros, the input of the last linear layer stands
    for them; and where no gradient is recorded, as under torch.no_grad, all slopes are 1.
    """
    layers = [name for name, shape in model.shapes.items() if len(shape) in (3, 4)][-CANDIDATES:]
    head, features, thread = last_linear(model), [], threading.get_ident()

    def keep(module, inputs):
        if threading.get_ident() == thread:
            features.append(inputs[0])

    hook = head.register_forward_pre_hook(keep) if head else nullcontext()
    with hook, capture(model, *layers) if layers else nullcontext({}) as outputs:
        scores = model(model.noise().requires_grad_())
    ends = {name: each for name, each in outputs.items() if each.requires_grad}
    for value in (scores, *features) if ends else ():
        total, inside = value.square().sum(), [*ends.values()]
        if total.requires_grad:
            slopes = torch.autograd.grad(total, inside, retain_graph=True, allow_unused=True)
            pairs = zip(ends, slopes, strict=True)
            if found := {name: each for name, each in pairs if each is not None and each.any()}:
                return found
    return {name: torch.ones_like(each) for name, each in outputs.items()}


# --- for a look, and for style --------------------------------------------------------------------


def map_layers(model: nn.Module) -> list[str]:
    """Names of the layers to look at: whole blocks and ReLUs with maps of at least 5 x 5.

    Only names without a dot count, and of these the ones that are never negative, in which "lights
    up" means something: a block that is a signed sum, such as a linear bottleneck, is left out for
    the ReLUs inside it. Where fewer than four are never negative, all count; where there are fewer
    than four at all, the last layer of each map size is taken instead. Raises ValueError where
    these are fewer than four, too.
    """
    maps = _maps(model, least=5)
    blocks = list(_held(model, _blocks(model, maps)))
    outputs = activations_at(model, model.noise(), blocks) if blocks else {}
    lit = [layer for layer in blocks if outputs[layer].min() >= 0]
    chosen = next((some for some in (lit, blocks) if len(some) >= 4), None)
    chosen = chosen or _last_of_each_size(model, maps)
    if len(chosen) < 4:
        few = f"feature maps of only {len(chosen)} sizes, and four are needed"
        raise ValueError(f"{model.name} has {few}: take a convolutional network, as resnet18.")
    return chosen


def usual_layers(model: nn.Module) -> tuple[str, list[str]]:
    """The default content layer and style layers of a network: (content, [style, ...]).

    The style layers are "pixels", for the colours, and the last block or ReLU of each of the first
    four map shapes; what lies inside a block does not count. Where the fourth has fewer maps than
    `TELLING`, more follow, down to the first that has as many. The content layer is the fourth.
    Where fewer than four have a name without a dot, the last layer of each map size is taken
    instead.
    """
    maps = _maps(model, least=2)
    chosen = list({maps[one]: one for one in _held(model, _outermost(model, maps))}.values())
    chosen = chosen if len(chosen) >= 4 else _last_of_each_size(model, maps)
    if not chosen:
        raise ValueError(f"{model.name} has no feature maps (N, C, h, w) to read a style from.")
    count = next((n for n, one in enumerate(chosen, 1) if n > 3 and maps[one][1] >= TELLING), 4)
    return chosen[:4][-1], ["pixels", *chosen[:count]]


def _outermost(model: nn.Module, layers) -> list[str]:
    """The `_blocks` that are not inside another one of them."""
    modules = {layer: model.resolve(layer)[0] for layer in _blocks(model, layers)}
    inside = {part for whole in modules.values() for part in whole.modules() if part is not whole}
    return [layer for layer, module in modules.items() if module not in inside]


def _maps(model: nn.Module, least: int) -> dict[str, tuple[int, ...]]:
    shapes = model.shapes.items()
    return {name: shape for name, shape in shapes if len(shape) == 4 and shape[-1] >= least}


def _last_of_each_size(model: nn.Module, maps: dict[str, tuple[int, ...]]) -> list[str]:
    shapes = _held(model, maps).items()
    return list({shape[-1]: layer for layer, shape in shapes}.values())


def _blocks(model: nn.Module, layers) -> list[str]:
    """The layers with a name without a dot that are no plain convolution, norm, pooling or pad."""
    short = [name for name in layers if "." not in name and name not in ("features", "classifier")]
    modules = {name: model.resolve(name)[0] for name in short}
    plain = {
        name for name, one in modules.items() if type(one) in PLAIN or isinstance(one, PADDING)
    }
    return [name for name in short if name not in plain]


def _pools_or_pads(module: nn.Module) -> bool:
    """Is it a pooling or a padding, or does it end in one, as the `features` of AlexNet and VGG?"""
    last = [*module.children()][-1:] if isinstance(module, nn.Sequential) else []
    return isinstance(module, POOLING + PADDING) or any(map(_pools_or_pads, last))


def _held(model: nn.Module, names) -> dict[str, tuple[int, ...]]:
    """{layer: shape} of those whose output is maps (N, C, h, w)."""
    found = layouts(model, list(names))
    return {name: model.shapes[name] for name in names if found[name] == Layout()}
