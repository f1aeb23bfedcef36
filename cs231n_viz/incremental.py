"""Fast, exact occlusion: only what a covering patch can have changed is computed again.

A patch changes a square of pixels; a convolution passes the change on to a somewhat larger window
of its map, and outside that window the map is the same as without the patch. So every map of the
uncovered picture is kept once ("clean"), with one window for each position of the patch. A layer
runs only on the rectangle of inputs that its output window reads, cut from the clean map and from
the window before. A layer that is not known to act locally gets the whole map, reassembled: slower
from there on, but still exact.
"""

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

DENSE = 0.95  # a window that covers this share of its map becomes the whole map
ZERO, LOWEST, FIRST = 0, 1, 2  # rows of Clean: two for padding, and the first of the map


def changed(start, length, kernel, stride, padding=0, dilation=1):
    """The first and the last output of a layer that read any of the `length` inputs from `start`.

    Output o reads the inputs o·stride − padding + dilation·(0 … kernel − 1), the first of them not
    behind the window's end and the last not before its beginning:
        o·stride ≥ start + padding − dilation·(kernel − 1)
        o·stride ≤ start + padding + length − 1
    """
    first = -((dilation * (kernel - 1) - padding - start) // stride)
    return first, (start + padding + length - 1) // stride


@dataclass(frozen=True, eq=False)
class Clean:
    """A map of the uncovered picture, one row per position, after a row of zeros and one of −∞."""

    rows: Tensor  # (2 + H·W, C)
    size: tuple[int, int]  # H, W


@dataclass(frozen=True, eq=False)
class Window:
    """For each of B occluders, the rectangle of a map that can have changed; the rest is clean."""

    clean: Clean
    top: Tensor  # (B,)
    left: Tensor  # (B,)
    values: Tensor  # (B, C, m, n)


class Untraceable(ValueError):
    """A network that torch.fx does not follow, or whose layers overwrite each other's maps."""


_TRACING = threading.Lock()


class _Tracer(fx.Tracer):
    """torch.fx patches nn.Module for all threads; this leaves the other threads' modules alone."""

    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def call_module(self, module, forward, arguments, named):
        if threading.get_ident() != self.thread:
            return forward(*arguments, **named)
        return super().call_module(module, forward, arguments, named)

    def getattr(self, attribute, value, proxies):
        if threading.get_ident() != self.thread:
            return value
        return super().getattr(attribute, value, proxies)


def trace(model: nn.Module) -> fx.GraphModule:
    """The network as a torch.fx graph, which shares the network's layers."""
    if any(part._forward_hooks or part._forward_pre_hooks for part in model.network.modules()):
        raise Untraceable(f"{model.name} has hooks, which a graph of its layers does not call.")
    try:
        with _TRACING:
            graph = _Tracer().trace(model.network)
    except Exception as error:  # what the network's own code raises over symbols for numbers
        raise Untraceable(f"torch.fx cannot follow {model.name} ({error}).") from error
    inputs = [node.target for node in graph.nodes if node.op == "placeholder"]
    if len(inputs) != 1 or inputs[0].startswith("*"):
        raise Untraceable(f"{model.name} takes {', '.join(inputs)}, not one picture.")
    return fx.GraphModule(model.network, graph)


class Incremental:
    """The clean maps of one picture (1, C, H, W), ready for any occluders. Raises Untraceable."""

    def __init__(self, model: nn.Module, picture: Tensor):
        self.model = model
        with torch.no_grad():
            scores = model(picture)
            self.traced = trace(model)
            recorder = _Recorder(self.traced)
            recorded = recorder.run(self._normalized(picture))
        if not torch.allclose(scores, recorded, rtol=1e-3, atol=1e-3 * float(scores.abs().max())):
            raise Untraceable(f"{model.name} does not compute what its graph by torch.fx does.")
        self.clean = recorder.clean

    @torch.no_grad()
    def scores(self, cover: Tensor, corners: Tensor, patch: int) -> Tensor:
        """The scores with one square each replaced by that of `cover` (1, C, H, W): (B, classes).

        corners: (B, 2), top and left of the squares, `patch` pixels a side.
        """
        top, left = corners.unbind(dim=1)
        squares = self._normalized(cover)[0].unfold(1, patch, 1).unfold(2, patch, 1)
        squares = squares[:, top, left].transpose(0, 1)  # (B, C, patch, patch)
        pixels = next(iter(self.traced.graph.nodes))
        start = Window(self.clean[pixels], top, left, squares)
        return _Occluded(self.traced, self.clean).run(start)

    def _normalized(self, pixels: Tensor) -> Tensor:
        return (pixels.to(self.model.mean) - self.model.mean) / self.model.std


class _Runner(fx.Interpreter):
    def call_module(self, target, arguments, named):
        # by name, for a layer may be called `code`, as a part of the graph is
        return self.submodules[target](*arguments, **named)


class _Recorder(_Runner):
    """Runs the uncovered picture and keeps every map."""

    def __init__(self, traced):
        super().__init__(traced)
        self.clean: dict[fx.Node, Clean] = {}

    def run_node(self, node):
        read_later = set(self.env) - set(self.user_to_last_uses.get(node, ()))
        kept = [self.env[other] for other in read_later if isinstance(self.env[other], Tensor)]
        versions = [value._version for value in kept]
        result = super().run_node(node)
        if versions != [value._version for value in kept]:
            raise Untraceable(f"{node} overwrites a map that is read again later.")
        if isinstance(result, Tensor) and result.dim() == 4 and result.is_floating_point():
            _, channels, height, width = result.shape
            rows = result.new_empty(FIRST + height * width, channels)
            rows[ZERO], rows[LOWEST], rows[FIRST:] = 0, -torch.inf, result[0].flatten(1).T
            self.clean[node] = Clean(rows, (height, width))
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
        clean, result = self.clean.get(node), None
        if act and clean and any(isinstance(one, Window) for one in _flat(arguments)):
            result = act(clean, module, *arguments, **named)
        if result is None:
            arguments, named = fx.node.map_aggregate((arguments, named), _whole)
            result = getattr(self, node.op)(node.target, arguments, named)
        return result


def _flat(arguments) -> Iterator:
    for one in arguments:
        yield from _flat(one) if isinstance(one, list | tuple) else (one,)


# --- cutting rectangles out of an occluded map ----------------------------------------------------


def _cut(
    window: Window, top: Tensor, left: Tensor, height: int, width: int, beyond: int = ZERO
) -> Tensor:
    """One rectangle of each occluded map, from (top, left): (B, C, height, width).

    Beyond the edges of the map it reads the padding row `beyond`. The values of the clean map come
    first, and those of the window are written over them.
    """
    clean, (count, channels, m, n) = window.clean, window.values.shape
    aligned = torch.equal(top, window.top) and torch.equal(left, window.left)
    if (m, n) == (height, width) and aligned:
        return window.values
    rows, columns = _grid(top, left, height, width)
    on_map = _inside(rows, clean.size[0]) & _inside(columns, clean.size[1])
    source = torch.where(on_map, FIRST + rows * clean.size[1] + columns, beyond)
    # the last row takes the window's values that lie outside the rectangle
    cut = clean.rows.new_empty(count * height * width + 1, channels)
    torch.index_select(clean.rows, 0, source.flatten(), out=cut[:-1])
    rows, columns = _grid(window.top - top, window.left - left, m, n)
    in_cut = _inside(rows, height) & _inside(columns, width)
    first = height * width * torch.arange(count, device=top.device)[:, None, None]
    goal = torch.where(in_cut, first + rows * width + columns, len(cut) - 1)
    cut.index_copy_(0, goal.flatten(), window.values.permute(0, 2, 3, 1).reshape(-1, channels))
    return cut[:-1].view(count, height, width, channels).permute(0, 3, 1, 2)


def _grid(top: Tensor, left: Tensor, height: int, width: int) -> tuple[Tensor, Tensor]:
    """The rows (B, height, 1) and columns (B, 1, width) of rectangles that begin at (top, left)."""
    down, right = (torch.arange(side, device=top.device) for side in (height, width))
    return top[:, None, None] + down[:, None], left[:, None, None] + right


def _inside(indices: Tensor, length: int) -> Tensor:
    return (indices >= 0) & (indices < length)


def _whole(value):
    """The whole occluded maps of a Window; any other value as it is."""
    if not isinstance(value, Window):
        return value
    start = torch.zeros_like(value.top)
    return _cut(value, start, start, *value.clean.size)


# --- what layers do with windows ------------------------------------------------------------------


def _slide(clean: Clean, window: Window, settings: tuple, beyond: int, layer: Callable) -> Window:
    """The Window of a layer with a sliding kernel, run only where outputs can have changed.

    settings: (kernel, stride, padding, dilation), a pair or one number each.
    """
    down, across = zip(*map(_pair, settings), strict=True)
    height, width = clean.size
    top, m = _reach(window.top, window.values.shape[2], height, *down)
    left, n = _reach(window.left, window.values.shape[3], width, *across)
    if m * n >= DENSE * height * width:
        top, left, m, n = torch.zeros_like(top), torch.zeros_like(left), height, width
    corners, sides = [], []
    for first, size, (kernel, stride, padding, dilation) in ((top, m, down), (left, n, across)):
        corners.append(first * stride - padding)
        sides.append((size - 1) * stride + dilation * (kernel - 1) + 1)
    return Window(clean, top, left, layer(_cut(window, *corners, *sides, beyond)))


def _reach(start: Tensor, length: int, most: int, *axis: int) -> tuple[Tensor, int]:
    """Along one axis, the first outputs that can have changed, (B,), and their largest number."""
    first, last = changed(start, length, *axis)
    return _of_one_size(first.clamp(min=0), last.clamp(max=most - 1) + 1, most)


def _of_one_size(first: Tensor, end: Tensor, most: int) -> tuple[Tensor, int]:
    """Ranges from `first` to `end` (B,) within `most`, as long as the longest: (starts, length)."""
    size = min(max(int((end - first).amax()), 1), most)
    return first.clamp(max=most - size), size


def _pair(value) -> tuple[int, int]:
    return (value, value) if isinstance(value, int) else tuple(value)


def _convolution(
    clean, module, window, weight=None, bias=None, stride=1, padding=0, dilation=1, groups=1
):
    if module is not None:
        if module.padding_mode != "zeros":
            return None
        weight, bias, stride, padding = module.weight, module.bias, module.stride, module.padding
        dilation, groups = module.dilation, module.groups
    if isinstance(padding, str):
        return None

    def layer(inputs):
        return F.conv2d(inputs, weight, bias, stride, 0, dilation, groups)

    return _slide(clean, window, (weight.shape[2:], stride, padding, dilation), ZERO, layer)


def _max_pool(clean, module, window, kernel_size=None, stride=None, padding=0, dilation=1, **named):
    if module is not None:
        kernel_size, stride = module.kernel_size, module.stride
        padding, dilation = module.padding, module.dilation

    def layer(inputs):
        return F.max_pool2d(inputs, kernel_size, stride, 0, dilation)

    settings = (kernel_size, stride or kernel_size, padding, dilation)
    return _slide(clean, window, settings, LOWEST, layer)


def _average_pool(clean, module, window, *arguments, **named):
    unlike = module is None or module.ceil_mode or module.divisor_override
    if unlike or not module.count_include_pad:
        return None

    def layer(inputs):
        return F.avg_pool2d(inputs, module.kernel_size, module.stride)

    settings = (module.kernel_size, module.stride, module.padding, 1)
    return _slide(clean, window, settings, ZERO, layer)


def _pointwise(function: Callable | None = None) -> Callable:
    """A pointwise layer, which runs on the windows themselves."""

    def act(clean, module, window, *arguments, inplace=False, **named):
        others = any(isinstance(one, Window | Tensor) for one in arguments)
        if not isinstance(window, Window) or others:
            return None
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
            return None  # it looks at the whole map
        values = window.values if function else window.values.clone()  # a module may work in place
        values = (function or module)(values, *arguments, **named)
        return Window(clean, window.top, window.left, values)

    return act


def _add(clean, module, *maps, **named):
    fit = all(isinstance(each, Window) and each.clean.size == clean.size for each in maps)
    return _joined(clean, maps, lambda two: torch.add(*two)) if fit and not named else None


def _concat(clean, module, maps, dim=0, **named):
    fit = dim == 1 and not named and all(isinstance(each, Window) for each in maps)
    return _joined(clean, maps, lambda all_of: torch.cat(all_of, dim=1)) if fit else None


def _joined(clean: Clean, windows: Sequence[Window], layer: Callable) -> Window:
    """The Window of a layer with several inputs: the smallest that holds all of theirs."""
    top = torch.stack([window.top for window in windows]).amin(dim=0)
    left = torch.stack([window.left for window in windows]).amin(dim=0)
    bottom = torch.stack([window.top + window.values.shape[2] for window in windows]).amax(dim=0)
    right = torch.stack([window.left + window.values.shape[3] for window in windows]).amax(dim=0)
    top, m = _of_one_size(top, bottom, clean.size[0])
    left, n = _of_one_size(left, right, clean.size[1])
    return Window(clean, top, left, layer([_cut(window, top, left, m, n) for window in windows]))


_LOCAL = {nn.Conv2d: _convolution, F.conv2d: _convolution, torch.conv2d: _convolution}
_LOCAL |= {nn.MaxPool2d: _max_pool, F.max_pool2d: _max_pool, nn.AvgPool2d: _average_pool}
_LOCAL |= dict.fromkeys((nn.ReLU, F.relu, torch.relu, "relu", "relu_"), _pointwise(torch.relu))
_LOCAL |= dict.fromkeys((nn.BatchNorm2d, nn.ReLU6, nn.Hardswish, nn.SiLU), _pointwise())
_LOCAL |= dict.fromkeys((nn.Dropout, nn.Identity), _pointwise())
_LOCAL |= {operator.add: _add, torch.add: _add, torch.cat: _concat}
