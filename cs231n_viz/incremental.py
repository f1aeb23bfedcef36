"""Occlusion without waste: only what a covering patch can have changed is computed again, exactly.

A patch changes a square of pixels; a convolution passes the change on to a somewhat larger window
of its map, and outside of that window the map is what it was without the patch. So every map is
kept once, clean, and for each place of the patch there is one window in it. A layer asks for the
rectangle of inputs that its own window reads, cut partly from the clean map and partly from the
window before, and runs on that alone. A layer that is not known to act locally gets the whole map,
put together: slower from there on, never wrong.
"""

import operator
import threading
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
    """Which outputs of a layer can read one of the inputs start … start + length − 1: (the first,
    the last).

    Output o reads the inputs o·stride − padding + dilation·(0 … kernel − 1), the first of them not
    behind the window's end and the last not before its beginning:
        o·stride ≥ start + padding − dilation·(kernel − 1)   and   o·stride ≤ start + padding + length − 1.
    """
    return -((dilation * (kernel - 1) - padding - start) // stride), (
        start + padding + length - 1
    ) // stride


@dataclass(frozen=True, eq=False)
class Clean:
    """The map of the picture without occluder, as rows: zeros, −∞, then the channels of each place
    in reading order.
    """

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
    """A network that cannot be taken apart: torch.fx does not follow it, or its layers overwrite
    each other's maps.
    """


_TRACING = threading.Lock()


class _Tracer(fx.Tracer):
    """torch.fx changes nn.Module for all threads while it traces; in every other thread modules
    work as always.
    """

    def __init__(self):
        super().__init__()
        self.thread = threading.get_ident()

    def call_module(self, module, forward, arguments, named):
        if threading.get_ident() != self.thread:
            return forward(*arguments, **named)
        return super().call_module(module, forward, arguments, named)

    def getattr(self, attribute, value, proxies):
        return (
            value
            if threading.get_ident() != self.thread
            else super().getattr(attribute, value, proxies)
        )


def trace(model: nn.Module) -> fx.GraphModule:
    """The network as a graph of its layers; they stay the network's own."""
    if any(
        module._forward_hooks or module._forward_pre_hooks for module in model.network.modules()
    ):
        raise Untraceable(f"{model.name} has hooks, which a graph of its layers does not call.")
    try:
        with _TRACING:
            graph = _Tracer().trace(model.network)
    except (
        Exception
    ) as error:  # whatever the network's own code raises when it is handed symbols for numbers
        raise Untraceable(f"torch.fx cannot follow {model.name} ({error}).") from error
    entrances = [node.target for node in graph.nodes if node.op == "placeholder"]
    if len(entrances) != 1 or entrances[0].startswith("*"):
        raise Untraceable(f"{model.name} takes {', '.join(entrances)}, not one picture.")
    return fx.GraphModule(model.network, graph)


class Incremental:
    """The clean maps of one picture (1, C, H, W), ready for any occluders of it. Raises
    Untraceable.
    """

    def __init__(self, model: nn.Module, picture: Tensor):
        self.model = model
        with torch.no_grad():
            scores = model(picture)
            self.traced = trace(model)
            recorder = _Clean(self.traced)
            recorded = recorder.run(self._normalized(picture))
        if not torch.allclose(scores, recorded, rtol=1e-3, atol=1e-3 * float(scores.abs().max())):
            raise Untraceable(
                f"{model.name}, taken apart by torch.fx, does not compute what it computes in one piece."
            )
        self.clean = recorder.clean

    @torch.no_grad()
    def scores(self, cover: Tensor, places: Tensor, patch: int) -> Tensor:
        """cover (1, C, H, W) shows in the squares of `patch` pixels at places (B, 2), top and left:
        (B, classes).
        """
        top, left = places.unbind(dim=1)
        squares = (
            self._normalized(cover)[0]
            .unfold(1, patch, 1)
            .unfold(2, patch, 1)[:, top, left]
            .transpose(0, 1)
        )
        entrance = next(iter(self.traced.graph.nodes))
        return _Occluded(self.traced, self.clean).run(
            Window(self.clean[entrance], top, left, squares)
        )

    def _normalized(self, pixels: Tensor) -> Tensor:
        return (pixels.to(self.model.mean) - self.model.mean) / self.model.std


class _Runner(fx.Interpreter):
    def call_module(self, target, arguments, named):
        return self.submodules[target](
            *arguments, **named
        )  # a layer may be called `code`, as a part of the graph is


class _Clean(_Runner):
    """Runs the picture without occluder and keeps every map."""

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
        act, clean, result = (
            _LOCAL.get(type(module) if module else node.target),
            self.clean.get(node),
            None,
        )
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
    """The occluded maps in one rectangle each, from (top, left), which may reach over the edge: (B,
    C, height, width).

    First the rectangle of the clean map, then what lies in the window is laid over it.
    """
    clean, (count, channels, m, n) = window.clean, window.values.shape
    if (
        (m, n) == (height, width)
        and torch.equal(top, window.top)
        and torch.equal(left, window.left)
    ):
        return window.values
    rows, columns = _run(top, height), _run(left, width)  # (B, height), (B, width)
    on_map = _outer(
        torch.logical_and,
        (rows >= 0) & (rows < clean.height),
        (columns >= 0) & (columns < clean.width),
    )
    place = torch.where(on_map, _outer(torch.add, FIRST + rows * clean.width, columns), beyond)
    cut = clean.rows.new_empty(
        count * height * width + 1, channels
    )  # the last row takes what lies outside of it
    torch.index_select(clean.rows, 0, place.flatten(), out=cut[:-1])
    rows, columns = _run(window.top - top, m), _run(window.left - left, n)
    inside = _outer(
        torch.logical_and, (rows >= 0) & (rows < height), (columns >= 0) & (columns < width)
    )
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


# --- what layers do with windows ------------------------------------------------------------------


def _slide(
    clean: Clean, window: Window, kernel, stride, padding, dilation, beyond: int, layer: Callable
):
    """A layer whose outputs read a small square of inputs each: run where an output can have
    changed.
    """
    places = []
    axes = (
        (window.top, clean.height, window.values.shape[2]),
        (window.left, clean.width, window.values.shape[3]),
    )
    for (start, most, length), k, s, p, d in zip(
        axes, kernel, stride, padding, dilation, strict=True
    ):
        first, last = changed(start, length, k, s, p, d)
        first, last = first.clamp(min=0), last.clamp(max=most - 1)
        size = min(
            max(int((last - first).amax()) + 1, 1), most
        )  # a patch that no output reads: any one
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
    inputs = _cut(
        window, top * stride[0] - padding[0], left * stride[1] - padding[1], *reads, beyond
    )
    return Window(clean, top, left, layer(inputs))


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
    if (
        module is None
        or module.ceil_mode
        or module.divisor_override
        or not module.count_include_pad
    ):
        return None
    kernel, stride = _pair(module.kernel_size), _pair(module.stride)

    def layer(inputs):
        return F.avg_pool2d(inputs, kernel, stride)

    return _slide(clean, window, kernel, stride, _pair(module.padding), (1, 1), ZERO, layer)


def _pointwise(function: Callable | None = None) -> Callable:
    """A layer that reads one place: it runs on the windows as they stand."""

    def act(clean, module, window, *arguments, inplace=False, **named):
        if not isinstance(window, Window) or any(
            isinstance(one, Window | Tensor) for one in arguments
        ):
            return None
        if isinstance(module, nn.BatchNorm2d) and module.running_mean is None:
            return None  # it looks at the whole map
        values = (
            function(window.values, *arguments, **named)
            if function
            else module(window.values.clone())
        )
        return Window(clean, window.top, window.left, values)

    return act


def _add(clean, module, one, other, **named):
    maps = [each for each in (one, other) if isinstance(each, Window)]
    if named or len(maps) < 2 or any(_size(each.clean) != _size(clean) for each in maps):
        return None
    return _joined(clean, [one, other], lambda values: values[0] + values[1])


def _size(clean: Clean) -> tuple[int, int]:
    return clean.height, clean.width


def _concat(clean, module, windows, dim=0):
    if dim != 1 or not all(isinstance(window, Window) for window in windows):
        return None
    return _joined(clean, windows, lambda values: torch.cat(values, dim=1))


def _joined(clean: Clean, windows: list[Window], layer: Callable) -> Window:
    """A layer that reads several maps at the same place: on the smallest rectangles that hold all
    their windows.
    """
    top, left = (
        torch.stack([getattr(window, side) for window in windows]).amin(dim=0)
        for side in ("top", "left")
    )
    bottom = torch.stack([window.top + window.values.shape[2] for window in windows]).amax(dim=0)
    right = torch.stack([window.left + window.values.shape[3] for window in windows]).amax(dim=0)
    m, n = (
        min(int((bottom - top).amax()), clean.height),
        min(int((right - left).amax()), clean.width),
    )
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
_LOCAL |= {operator.add: _add, torch.add: _add, torch.cat: _concat}
