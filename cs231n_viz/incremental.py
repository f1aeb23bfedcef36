"""Fast, exact occlusion: only what a covering patch can have changed is computed again.

A patch changes a square of pixels; a convolution passes the change on to a somewhat larger window
of its map, and outside that window the map is the same as without the patch. So every map of the
uncovered picture is kept once ("clean"), with one window for each position of the patch. A layer
runs only on the rectangle of inputs that its output window reads, cut from the clean map and from
the window before. A layer that is not known to act locally, or is called with what its rule does
not know, gets the whole map, reassembled: slower from there on, but still exact. So does a layer
whose window would cost as much as its whole map: depthwise ones at half of the map, where moving
values costs more than multiplying them; from there on the network runs as it is. One covered
picture is compared with a whole pass before any score is given out.
"""

import operator
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, partial
from inspect import signature
from itertools import groupby
from math import inf
from textwrap import shorten

import torch
import torch.nn.functional as F
from torch import Tensor, fx, nn

from .activations import pair

# What a window costs beside the same share of the whole map (timed on convolutions, one thread): it
# runs slower, and each value that it reads is moved, at the price of so many multiplications.
SLOWER, MOVED = 1.15, 8
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
    """A network that cannot be followed layer by layer; one sentence says why."""


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
        ours = threading.get_ident() == self.thread
        return super().getattr(attribute, value, proxies) if ours else value


def trace(model: nn.Module) -> fx.GraphModule:
    """The network as a torch.fx graph, which shares the network's layers."""
    if any(part._forward_hooks or part._forward_pre_hooks for part in model.network.modules()):
        raise Untraceable(f"{model.name} has hooks, which a graph of its layers does not call.")
    try:
        with _TRACING:
            graph = _Tracer().trace(model.network)
    except Exception as error:  # what the network's own code raises over symbols for numbers
        raise _cannot_follow(model, error) from error
    return fx.GraphModule(model.network, graph)


def _cannot_follow(model, error: Exception) -> Untraceable:
    why = shorten(str(error).partition("\n")[0].rstrip(".") or type(error).__name__, 120)
    return Untraceable(f"torch.fx cannot follow {model.name} ({why}).")


class Incremental:
    """The clean maps of one picture (1, C, H, W), ready for any occluders. Raises Untraceable."""

    def __init__(self, model: nn.Module, picture: Tensor):
        self.model, self.traced, self.clean = model, trace(model), {}
        with torch.inference_mode(False), torch.no_grad():
            try:
                _Recorder(self.traced, self.clean).run(model.normalized(picture))
                self._compare_with_a_whole_pass(picture)
            except Exception as error:
                raise _cannot_follow(model, error) from error

    @torch.no_grad()
    def scores(self, cover: Tensor, corners: Tensor, patch: int | tuple[int, int]) -> Tensor:
        """The scores with one patch each replaced by that of `cover` (1, C, H, W): (B, classes).

        corners: (B, 2), top and left of the patches. patch: the side of a square, or (height,
        width).
        """
        top, left = corners.unbind(dim=1)
        height, width = pair(patch)
        patches = self.model.normalized(cover)[0].unfold(1, height, 1).unfold(2, width, 1)
        patches = patches[:, top, left].transpose(0, 1)  # (B, C, height, width)
        pixels = next(iter(self.traced.graph.nodes))
        start = Window(self.clean[pixels], top, left, patches)
        return self.model.scores_of(_Occluded(self.traced, self.clean).run(start))

    def _compare_with_a_whole_pass(self, picture: Tensor) -> None:
        """Covers a quarter of each side, at the lower edge, by black where it is light."""
        height, width = (max(side // 4, 1) for side in picture.shape[2:])
        top, left = picture.shape[2] - height, picture.shape[3] // 3
        cover, covered = (picture < 0.5).to(picture), picture.clone()
        covered[..., top:, left : left + width] = cover[..., top:, left : left + width]
        corner = torch.tensor([[top, left]], device=self.model.device)
        ours, whole = self.scores(cover, corner, (height, width)), self.model(covered)
        eps = max(torch.finfo(whole.dtype).eps, 1e-3 * whole.is_cuda)  # GPUs convolve in TF32
        rounding = max(1e-3, 8 * eps) * float(torch.nan_to_num(whole, 0, 0, 0).abs().max())
        if not torch.allclose(ours, whole, rtol=0, atol=rounding, equal_nan=True):
            raise ValueError("it does not compute what its graph does")


class _Runner(fx.Interpreter):
    def __init__(self, traced: fx.GraphModule, clean: dict[fx.Node, Clean]):
        super().__init__(traced)
        self.clean = clean

    def call_module(self, target, arguments, named):
        # by name, for a layer may be called `code`, as a part of the graph is
        return self.submodules[target](*arguments, **named)


class _Recorder(_Runner):
    """Runs the uncovered picture and keeps every map."""

    def run_node(self, node):
        read_later = set(self.env) - set(self.user_to_last_uses.get(node, ()))
        kept = [self.env[other] for other in read_later if isinstance(self.env[other], Tensor)]
        versions = [value._version for value in kept]
        result = super().run_node(node)
        if versions != [value._version for value in kept]:
            raise ValueError(f"{node} overwrites a map that is read again later")
        if isinstance(result, Tensor) and result.dim() == 4 and result.is_floating_point():
            _, channels, height, width = result.shape
            rows = result.new_empty(FIRST + height * width, channels)
            rows[ZERO], rows[LOWEST], rows[FIRST:] = 0, -torch.inf, result[0].flatten(1).T
            self.clean[node] = Clean(rows, (height, width))
        return result


class _Occluded(_Runner):
    """Runs a batch of occluders: on windows where it can, on whole maps where it must."""

    def run_node(self, node):
        arguments, named = self.fetch_args_kwargs_from_env(node)
        if window := self.on_windows(node, arguments, named):
            return window
        arguments, named = fx.node.map_aggregate((arguments, named), _whole)
        return getattr(self, node.op)(node.target, arguments, named)

    def on_windows(self, node, arguments, named):
        """The node's Window, or None where no rule knows the layer and all that it is given."""
        module = self.submodules[node.target] if node.op == "call_module" else None
        rule, clean = _RULES.get(type(module) if module else node.target), self.clean.get(node)
        maps = [one for one in _flat([*arguments, *named.values()]) if isinstance(one, Window)]
        altered = module and (module.training or "forward" in vars(module))
        fits = maps and (rule in _OF_SEVERAL or maps == [*arguments[:1]])
        full = all(one.values.shape[2:] == one.clean.size for one in maps)  # runs as it is
        if altered or full or not (rule and clean and fits):
            return None
        if module:
            known = [name for name in _parameters(rule) if hasattr(module, name)]
            named = {name: getattr(module, name) for name in known} | named
        try:
            return rule(clean, module or node.target, *arguments, **named)
        except TypeError:  # an argument that the rule does not know
            return None


_parameters = cache(lambda rule: list(signature(rule).parameters)[3:])  # after the map


def _flat(arguments) -> Iterator:
    for one in arguments:
        yield from _flat(one) if isinstance(one, list | tuple) else (one,)


# --- cutting rectangles out of an occluded map ----------------------------------------------------


def _cut(window: Window, top: Tensor, left: Tensor, height: int, width: int, beyond=ZERO) -> Tensor:
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
    cut = clean.rows.index_select(0, source.flatten()).view(count, height, width, channels)
    values, start = window.values.permute(0, 2, 3, 1), 0
    offsets = torch.stack([window.top - top, window.left - left], dim=1).tolist()
    for (down, across), run in groupby(offsets):  # copied in one go where windows lie alike
        some = slice(start, start := start + len(list(run)))
        (rows, own_rows), (columns, own) = _overlap(down, m, height), _overlap(across, n, width)
        cut[some, rows, columns] = values[some, own_rows, own]
    return cut.permute(0, 3, 1, 2)


def _overlap(offset: int, length: int, most: int) -> tuple[slice, slice]:
    """Where `length` things from `offset` on lie within the first `most`, and which of them do."""
    first, end = max(offset, 0), min(offset + length, most)
    return slice(first, max(end, first)), slice(first - offset, max(end, first) - offset)


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


def _slide(clean: Clean, window: Window, settings: tuple, beyond: int, layer, uses=inf) -> Window:
    """The Window of a layer with a sliding kernel, run only where outputs can have changed.

    settings: (kernel, stride, padding, dilation), a pair or one number each. uses: how often each
    value is multiplied. Where the whole map costs no more than the window, the window is the map.
    """
    down, across = zip(*map(pair, settings), strict=True)
    height, width = clean.size
    top, m = _reach(window.top, window.values.shape[2], height, *down)
    left, n = _reach(window.left, window.values.shape[3], width, *across)
    if m * n * (SLOWER + MOVED / uses) >= height * width:
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


# Rules: the map of the uncovered picture, the layer, and what it is called with -> its Window, or
# None. What a rule has no parameter for, it does not know; a module's settings are its attributes.


def _convolution(
    clean, layer, input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1,
    padding_mode="zeros",
):  # fmt: skip
    if isinstance(padding, str) or padding_mode != "zeros":
        return None

    def convolve(inputs):
        return F.conv2d(inputs, weight, bias, stride, 0, dilation, groups)

    # channels · kernel; k² where each channel has a kernel of its own, which so goes whole sooner
    uses, settings = weight[:, 0].numel() / groups, (weight.shape[2:], stride, padding, dilation)
    return _slide(clean, input, settings, ZERO, convolve, uses)


def _max_pool(
    clean, layer, input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False,
    return_indices=False,
):  # fmt: skip
    layer = partial(F.max_pool2d, kernel_size=kernel_size, stride=stride, dilation=dilation)
    settings = (kernel_size, stride or kernel_size, padding, dilation)
    return _slide(clean, input, settings, LOWEST, layer)


def _average_pool(
    clean, layer, input, kernel_size, stride=None, padding=0, ceil_mode=False,
    count_include_pad=True, divisor_override=None,
):  # fmt: skip
    if ceil_mode or not count_include_pad:
        return None  # fewer values are averaged at the edges

    def pool(inputs):
        return F.avg_pool2d(inputs, kernel_size, stride, divisor_override=divisor_override)

    return _slide(clean, input, (kernel_size, stride or kernel_size, padding, 1), ZERO, pool)


def _mean(clean, layer, input, output_size):
    """The mean of the whole map: only the window's sum is another one. A Window of one position."""
    height, width = input.clean.size
    if pair(output_size) != (1, 1):
        return None
    rows, columns = _grid(input.top, input.left, *input.values.shape[2:])
    places = (FIRST + rows * width + columns).flatten(1)
    more = input.values.sum(dim=(2, 3)) - F.embedding_bag(places, input.clean.rows, mode="sum")
    means, corner = clean.rows[FIRST] + more / (height * width), torch.zeros_like(input.top)
    return Window(clean, corner, corner, means[..., None, None])


def _pad(clean, layer, input, pad=(), mode="constant", value=0, padding=()):
    left, _, top, _, *others = [*(pad or padding), 0, 0, 0, 0]
    if mode != "constant" or min(pad or padding) < 0 or any(others):
        return None
    return Window(clean, input.top + top, input.left + left, input.values)  # `clean` has the pads


def _relu(clean, layer, input, inplace=False):
    return Window(clean, input.top, input.left, input.values.relu())


def _pointwise(clean, layer, input, *settings, running_mean=True, **named):
    tensors = any(isinstance(one, Tensor) for one in (*settings, *named.values()))
    if tensors or running_mean is None:
        return None  # as large as a map; batch norm without statistics looks at the whole map
    values = layer(input.values.clone(), *settings, **named)  # it may work in place
    return Window(clean, input.top, input.left, values)


def _add(clean, layer, input, other, alpha=1):
    maps = (input, other)
    fit = all(isinstance(each, Window) and each.clean.size == clean.size for each in maps)
    return _joined(clean, maps, lambda two: torch.add(*two, alpha=alpha)) if fit else None


def _concat(clean, layer, tensors, dim=0):
    fit = dim in (1, -3) and all(isinstance(each, Window) for each in tensors)
    return _joined(clean, tensors, lambda all_of: torch.cat(all_of, dim=1)) if fit else None


def _joined(clean: Clean, windows: Sequence[Window], layer: Callable) -> Window:
    """The Window of a layer with several inputs: the smallest that holds all of theirs."""
    top = torch.stack([window.top for window in windows]).amin(dim=0)
    left = torch.stack([window.left for window in windows]).amin(dim=0)
    bottom = torch.stack([window.top + window.values.shape[2] for window in windows]).amax(dim=0)
    right = torch.stack([window.left + window.values.shape[3] for window in windows]).amax(dim=0)
    top, m = _of_one_size(top, bottom, clean.size[0])
    left, n = _of_one_size(left, right, clean.size[1])
    return Window(clean, top, left, layer([_cut(window, top, left, m, n) for window in windows]))


_OF_SEVERAL = (_add, _concat)
_RULES = {operator.add: _add, torch.add: _add, torch.cat: _concat}
_RULES |= {nn.Conv2d: _convolution, F.conv2d: _convolution}
_RULES |= dict.fromkeys((nn.MaxPool2d, F.max_pool2d, torch.max_pool2d), _max_pool)
_RULES |= dict.fromkeys((nn.AvgPool2d, F.avg_pool2d), _average_pool)
_RULES |= dict.fromkeys((nn.AdaptiveAvgPool2d, F.adaptive_avg_pool2d), _mean)
_RULES |= dict.fromkeys((nn.ZeroPad2d, nn.ConstantPad2d, F.pad), _pad)
_RULES |= dict.fromkeys((nn.ReLU, F.relu, torch.relu, "relu", "relu_"), _relu)
_RULES |= dict.fromkeys((nn.BatchNorm2d, nn.Dropout, nn.Identity, nn.ReLU6, nn.SiLU), _pointwise)
_RULES |= dict.fromkeys((nn.Hardswish, nn.GELU, nn.LeakyReLU, F.gelu, F.leaky_relu), _pointwise)
