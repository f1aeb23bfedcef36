"""Occlusion without waste: only what a covering patch can have changed is computed again, exactly.

A patch changes a square of pixels; a convolution passes the change on to a somewhat larger window of its map, and
outside of that window the map is what it was without the patch. So every map is kept once, clean, and for each place
of the patch there is one window in it. A layer asks for the rectangle of inputs that its own window reads, cut partly
from the clean map and partly from the window before, and runs on that alone. A layer that is not known to act locally
gets the whole map, put together: slower from there on, never wrong.
"""

import operator
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

DENSE = 0.95  # a window that is this share of its map is made the whole map
ZERO, LOWEST, FIRST = (
    0,
    1,
    2,
)  # the rows before a map's own: what a convolution and a max-pooling read beyond the edge


def changed(start, length, kernel, stride, padding=0, dilation=1):
    """Which outputs of a layer can read one of the inputs start … start + length − 1: (the first, the last).

    Output o reads the inputs o·stride − padding + dilation·(0 … kernel − 1), the first of them not behind the window's
    end and the last not before its beginning:
        o·stride ≥ start + padding − dilation·(kernel − 1)   and   o·stride ≤ start + padding + length − 1.
    """
    return -((dilation * (kernel - 1) - padding - start) // stride), (start + padding + length - 1) // stride


@dataclass(frozen=True, eq=False)
class Clean:
    """The map of the picture without occluder, as rows: zeros, −∞, then the channels of each place in reading order."""

    rows: Tensor  # (2 + H·W, C)
    height: int
    width: int


@dataclass(frozen=True, eq=False)
class Window:
    """For each of B occluders, the rectangle of a map outside of which the map is the clean one."""

    clean: Clean
    top: Tensor  # (B,)
    left: Tensor  # (B,)
    values: Tensor  # (B, C, m, n)


class Untraceable(ValueError):
    """torch.fx cannot follow a network, because it decides in Python, by values, what to compute."""


def trace(model: nn.Module) -> fx.GraphModule:
    """The network as a graph of its layers; they stay the network's own."""
    try:
        return fx.symbolic_trace(model.network)
    except Exception as error:  # whatever the network's own code raises when it is handed symbols for numbers
        raise Untraceable(f"torch.fx cannot follow {model.name} ({error}).") from error


class Incremental:
    """The clean maps of one picture (1, C, H, W), ready for any occluders of it."""

    def __init__(self, model: nn.Module, traced: fx.GraphModule, picture: Tensor):
        self.model, self.traced, recorder = model, traced, _Clean(traced)
        with torch.no_grad():
            recorder.run(self._normalized(picture))
        self.clean = recorder.clean

    @torch.no_grad()
    def scores(self, cover: Tensor, places: Tensor, patch: int) -> Tensor:
        """cover (1, C, H, W) shows in the squares of `patch` pixels at places (B, 2), top and left: (B, classes)."""
        top, left = places.unbind(dim=1)
        squares = (
            self._normalized(cover)[0].unfold(1, patch, 1).unfold(2, patch, 1)[:, top, left].transpose(0, 1)
        )
        entrance = next(iter(self.traced.graph.nodes))
        return _Occluded(self.traced, self.clean).run(Window(self.clean[entrance], top, left, squares))

    def _normalized(self, pixels: Tensor) -> Tensor:
        return (pixels.to(self.model.mean) - self.model.mean) / self.model.std


class _Runner(fx.Interpreter):
    def call_module(self, target, arguments, named):
        return self.submodules[target](*arguments, **named)  # a layer may be called `code`, as a part of the graph is


class _Clean(_Runner):
    """Runs the picture without occluder and keeps every map."""

    def __init__(self, traced):
        super().__init__(traced)
        self.clean: dict[fx.Node, Clean] = {}

    def run_node(self, node):
        result = super().run_node(node)
        if isinstance(result, Tensor) and result.dim() == 4:
            _, channels, height, width = result.shape
            rows = result.new_empty(FIRST + height * width, channels)
            rows[ZERO], rows[LOWEST], rows[FIRST:] = 0, -torch.inf, result[0].flatten(1).T
            self.clean[node] = Clean(rows, height, width)
        return result


class _Occluded(_Runner):
    """Runs a batch of occluders: on windows where it can, on whole maps where it must."""

    def __init__(self, traced, clean):
        super().__init__(traced)
        self.clean = clean

    def run_node(self, node):
        arguments, named = self.fetch_args_kwargs_from_env(node)
        module = self.submodules[node.target] if node.op == "call_module" else None
        act = _LOCAL.get(type(module) if module else node.target)
        result = None
        if act and node in self.clean and any(isinstance(one, Window) for one in _flat(arguments)):
            result = act(self.clean[node], module, *arguments, **named)
        if result is None:
            arguments, named = fx.node.map_aggregate((arguments, named), _whole)
            result = getattr(self, node.op)(node.target, arguments, named)
        if getattr(module, "inplace", named.get("inplace")) or node.target is operator.iadd:
            self.env[node.args[0]] = result  # who reads the input later finds it changed
        return result


def _flat(arguments) -> Iterator:
    for one in arguments:
        yield from _flat(one) if isinstance(one, list | tuple) else (one,)


# --- cutting rectangles out of an occluded map --------------------------------------------------------------------


def _cut(window: Window, top: Tensor, left: Tensor, height: int, width: int, beyond: int = ZERO) -> Tensor:
    """The occluded maps in one rectangle each, from (top, left), which may reach over the edge: (B, C, height, width).

    First the rectangle of the clean map, then what lies in the window is laid over it.
    """
    clean, (count, channels, m, n) = window.clean, window.values.shape
    if (m, n) == (height, width) and torch.equal(top, window.top) and torch.equal(left, window.left):
        return window.values
    rows, columns = _run(top, height), _run(left, width)  # (B, height), (B, width)
    on_map = _outer(
        torch.logical_and, (rows >= 0) & (rows < clean.height), (columns >= 0) & (columns < clean.width)
    )
    place = torch.where(on_map, _outer(torch.add, FIRST + rows * clean.width, columns), beyond)
    cut = clean.rows.new_empty(
        count * height * width + 1, channels
    )  # the last row takes what lies outside of it
    torch.index_select(clean.rows, 0, place.flatten(), out=cut[:-1])
    rows, columns = _run(window.top - top, m), _run(window.left - left, n)
    inside = _outer(torch.logical_and, (rows >= 0) & (rows < height), (columns >= 0) & (columns < width))
    first = height * width * torch.arange(count, device=top.device)[:, None]
    place = torch.where(inside, _outer(torch.add, first + rows * width, columns), len(cut) - 1)
    cut.index_copy_(0, place.flatten(), window.values.permute(0, 2, 3, 1).reshape(-1, channels))
    return cut[:-1].view(count, height, width, channels).permute(0, 3, 1, 2)


def _run(start: Tensor, length: int) -> Tensor:
    """start, start + 1, … of each: (B, length)."""
    return start[:, None] + torch.arange(length, device=start.device)


def _outer(function: Callable, rows: Tensor, columns: Tensor) -> Tensor:
    """(B, m), (B, n) -> (B, m, n)."""
    return function(rows[:, :, None], columns[:, None, :])


def _whole(value):
    """A window's occluded maps, put together; anything else as it is."""
    if not isinstance(value, Window):
        return value
    start = torch.zeros_like(value.top)
    return _cut(value, start, start, value.clean.height, value.clean.width)


# --- what layers do with windows ------------------------------------------------------------------------------------


def _slide(clean: Clean, window: Window, kernel, stride, padding, dilation, beyond: int, layer: Callable):
    """A layer whose outputs read a small square of inputs each: run where an output can have changed."""
    places = []
    axes = (
        (window.top, clean.height, window.values.shape[2]),
        (window.left, clean.width, window.values.shape[3]),
    )
    for (start, most, length), k, s, p, d in zip(axes, kernel, stride, padding, dilation, strict=True):
        first, last = changed(start, length, k, s, p, d)
        first, last = first.clamp(min=0), last.clamp(max=most - 1)
        size = min(int((last - first).amax()) + 1, most)
        places.append(
            (first.clamp(max=most - size), size)
        )  # at the far edge more than need be, but of one size
    (top, m), (left, n) = places
    if m * n >= DENSE * clean.height * clean.width:
        top, left, m, n = torch.zeros_like(top), torch.zeros_like(left), clean.height, clean.width
    reads = [
        (size - 1) * s + d * (k - 1) + 1
        for size, s, d, k in zip((m, n), stride, dilation, kernel, strict=True)
    ]
    inputs = _cut(window, top * stride[0] - padding[0], left * stride[1] - padding[1], *reads, beyond)
    return Window(clean, top, left, layer(inputs))


def _convolution(clean, module, window, weight=None, bias=None, stride=1, padding=0, dilation=1, groups=1):
    if module is not None:
        if module.padding_mode != "zeros":
            return None
        weight, bias, stride, padding = module.weight, module.bias, module.stride, module.padding
        dilation, groups = module.dilation, module.groups
    if isinstance(padding, str):
        return None
    stride, dilation = _pair(stride), _pair(dilation)

    def layer(inputs):
        return F.conv2d(inputs, weight, bias, stride, 0, dilation, groups)

    return _slide(clean, window, weight.shape[2:], stride, _pair(padding), dilation, ZERO, layer)


def _max_pool(clean, module, window, kernel_size=None, stride=None, padding=0, dilation=1, **named):
    if module is not None:
        kernel_size, stride, padding, dilation = (
            module.kernel_size,
            module.stride,
            module.padding,
            module.dilation,
        )
    kernel, stride, dilation = _pair(kernel_size), _pair(stride or kernel_size), _pair(dilation)

    def layer(inputs):
        return F.max_pool2d(inputs, kernel, stride, 0, dilation)

    return _slide(clean, window, kernel, stride, _pair(padding), dilation, LOWEST, layer)


def _average_pool(clean, module, window, *arguments, **named):
    if module is None or module.ceil_mode or module.divisor_override or not module.count_include_pad:
        return None
    kernel, stride = _pair(module.kernel_size), _pair(module.stride)

    def layer(inputs):
        return F.avg_pool2d(inputs, kernel, stride)

    return _slide(clean, window, kernel, stride, _pair(module.padding), (1, 1), ZERO, layer)


def _pointwise(function: Callable | None = None) -> Callable:
    """A layer that reads one place: it runs on the windows as they stand."""

    def act(clean, module, window, *arguments, inplace=False, **named):
        if not isinstance(window, Window) or any(isinstance(one, Window | Tensor) for one in arguments):
            return None
        values = function(window.values, *arguments, **named) if function else module(window.values.clone())
        return Window(clean, window.top, window.left, values)

    return act


def _add(clean, module, one, other, **named):
    if named or not (isinstance(one, Window) and isinstance(other, Window)):
        return None
    return _joined(clean, [one, other], lambda values: values[0] + values[1])


def _concat(clean, module, windows, dim=0):
    if dim != 1 or not all(isinstance(window, Window) for window in windows):
        return None
    return _joined(clean, windows, lambda values: torch.cat(values, dim=1))


def _joined(clean: Clean, windows: list[Window], layer: Callable) -> Window:
    """A layer that reads several maps at the same place: on the smallest rectangles that hold all their windows."""
    top, left = (
        torch.stack([getattr(window, side) for window in windows]).amin(dim=0) for side in ("top", "left")
    )
    bottom = torch.stack([window.top + window.values.shape[2] for window in windows]).amax(dim=0)
    right = torch.stack([window.left + window.values.shape[3] for window in windows]).amax(dim=0)
    m, n = min(int((bottom - top).amax()), clean.height), min(int((right - left).amax()), clean.width)
    top, left = top.clamp(max=clean.height - m), left.clamp(max=clean.width - n)
    return Window(clean, top, left, layer([_cut(window, top, left, m, n) for window in windows]))


def _pair(value) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


_LOCAL = {nn.Conv2d: _convolution, F.conv2d: _convolution, torch.conv2d: _convolution}
_LOCAL |= {nn.MaxPool2d: _max_pool, F.max_pool2d: _max_pool, nn.AvgPool2d: _average_pool}
_LOCAL |= dict.fromkeys((nn.ReLU, F.relu, torch.relu, "relu", "relu_"), _pointwise(torch.relu))
_LOCAL |= dict.fromkeys(
    (nn.BatchNorm2d, nn.ReLU6, nn.Hardswish, nn.SiLU, nn.Dropout, nn.Identity), _pointwise()
)
_LOCAL |= {operator.add: _add, operator.iadd: _add, torch.add: _add, torch.cat: _concat}
