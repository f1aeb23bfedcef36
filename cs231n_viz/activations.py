"""Looking inside a forward pass: record layers, change ReLUs' backward rule, receptive fields.

`capture` and `activations_at` read layers by name. `relu_rule` holds the three backward rules of
Springenberg et al. 2015, "Striving for Simplicity" (deconvnet: Zeiler & Fergus 2014).
`receptive_field` is window arithmetic. Each acts only on passes of the calling thread, and removes
its hooks at the end.
"""

import math
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, nullcontext, suppress
from functools import partial
from types import SimpleNamespace
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.graph import saved_tensors_hooks
from torch.overrides import TorchFunctionMode

from .errors import known, unknown

# --- outputs of layers ----------------------------------------------------------------------------


class Outputs(dict[str, Tensor]):
    """{layer: output}; a missing layer raises an error that says what to do."""

    def __missing__(self, layer):
        if self:
            raise unknown("captured layer", layer, self)
        hint = "run model(pixels) in the `with`, and name a layer that the target depends on"
        raise ValueError(f"{layer!r} was not reached: {hint}.")


@contextmanager
def capture(model, *layers: str, leaves: bool = False, stop: bool = False) -> Iterator[Outputs]:
    """{layer: output} of the named layers, from every pass of this thread inside the `with`.

        with capture(model, "relu3", "relu5") as outputs:
            scores = model(pixels)
        outputs["relu3"]  # (N, C, h, w), a part of the graph that leads from pixels to scores

    leaves=True makes each output a leaf of the graph, which requires gradients, within no_grad,
    too; one pass only. stop=True leaves the pass, by raising `Recorded`, once all were recorded.
    """
    if not layers:
        raise ValueError("no layer was named: name at least one of model.layers.")
    modules = {layer: model.resolve(layer) for layer in layers}
    outputs, calls, thread = Outputs(), Counter(), threading.get_ident()

    def begin(module, inputs):
        if threading.get_ident() == thread:
            calls.clear()

    def record(layer, wanted_call, module, inputs, output):
        ours = threading.get_ident() == thread and isinstance(output, Tensor)
        calls[layer] += ours
        if not ours or calls[layer] - 1 != wanted_call:
            return None
        if leaves and layer in outputs:
            raise _second_pass(layer)
        outputs[layer] = _leaf(output) if leaves else output.clone()
        if stop and len(outputs) == len(modules):
            raise Recorded
        # The pass goes on with a second copy: no later in-place operation changes the one kept.
        return outputs[layer].clone()

    with ExitStack() as hooks:  # removes every hook, after an error, too
        hooks.enter_context(torch.inference_mode(False) if leaves else nullcontext())
        hooks.enter_context(model.register_forward_pre_hook(begin))  # a network may call itself
        for layer, (module, call) in modules.items():
            hooks.enter_context(module.register_forward_hook(partial(record, layer, call)))
        yield outputs


def _second_pass(layer):
    one = "take a function of the scores, such as lambda scores: scores[:, 3] - scores[:, 5]"
    return ValueError(f"{layer} ran in a second pass, and its gradient is of one: {one}.")


def _leaf(output: Tensor) -> Tensor:
    _end_checkpoints()
    return output.detach().clone().requires_grad_()


def _end_checkpoints() -> None:
    """What torch.utils.checkpoint would drop and compute again is kept, from here to its end.

    Computed again, without our hooks, the pass would have no leaf. `keep` takes the place of every
    checkpoint on the stack, and is taken off when that checkpoint ends.
    """
    keep = saved_tensors_hooks(lambda saved: saved, lambda saved: saved)
    with suppress(RuntimeError):  # none is left
        keep.__exit__()
        _end_checkpoints()
        keep.__enter__()


class Recorded(Exception):
    """Every layer asked for was recorded: leave the pass."""


def activations_at(model, pixels: Tensor, layer: str | Sequence[str]) -> Tensor | Outputs:
    """The output of a layer, or {layer: output} of several, with the graph from the pixels.

    The pass ends as soon as the last of them was recorded: nothing after it runs.
    """
    layers = [layer] if isinstance(layer, str) else list(layer)
    if pixels.dim() != 4 or pixels.shape[1] != model.channels:
        shapes = f"(N, {model.channels}, H, W), not {tuple(pixels.shape)}"
        raise ValueError(f"pixels are {shapes}: use images.to_pixels.")
    with suppress(Recorded), capture(model, *layers, stop=True) as outputs:
        model(pixels)
    return outputs[layer] if isinstance(layer, str) else outputs


# --- three backward rules for ReLUs ---------------------------------------------------------------

RELU_RULES = ("plain", "deconvnet", "guided")


@contextmanager
def relu_rule(model: nn.Module, rule: str) -> Iterator[None]:
    """Context in which ReLUs of this thread's passes send a gradient g back by one rule.

    plain       g · [0 < x < top]             the gradient: the input x decides
    deconvnet   max(g, 0)                     the gradient's own sign decides
    guided      max(g, 0) · [0 < x < top]     both must be positive

    top is ∞ for ReLU, 6 for ReLU6, and the upper limit of a hardtanh whose lower one is 0. At top
    and above the output is flat: plain and guided pass nothing there, as below 0. A deconvnet asks
    the input nothing (Zeiler & Fergus rectify only what comes back), and so not whether it was
    above top.

    Forward values stay as they are, and the gradient may be taken after the `with`. ReLU and ReLU6
    count as module, function or method, in place or not; Hardswish, SiLU, GELU and `clamp` keep
    their own gradient. Of nested rules the innermost counts. Raises ValueError where the network
    has no ReLU.
    """
    known("ReLU rule", rule, RELU_RULES)
    with _RuledReLUs(rule) as relus:
        yield
    if rule != "plain" and not relus.met and not _has_relus(model):
        raise ValueError(f"{model.name} has no ReLUs behind the picture for {rule!r} to change.")


def _has_relus(model):
    with torch.enable_grad(), _RuledReLUs("plain") as relus:
        model(model.grey().requires_grad_())
    return relus.met > 0


class _RuledReLUs(TorchFunctionMode):
    """Intercepts every torch function that its thread calls, and replaces the ReLUs."""

    def __init__(self, rule):
        self.rule, self.met = rule, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in _RELUS:
            values, floor, ceiling, in_place = _RELUS[function](*args, **kwargs)
            if floor == 0:
                self.met += values.requires_grad  # else it is on no way from the picture
                return _RuledReLU.apply(values, ceiling, self.rule, in_place)
        return function(*args, **kwargs)


def _hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):  # nn.ReLU6 is one of 0 and 6
    return input, min_val, max_val, inplace


_relu = partial(_hardtanh, min_val=0, max_val=math.inf)
_RELUS = dict.fromkeys((F.relu, torch.relu, Tensor.relu), _relu) | {F.hardtanh: _hardtanh}
_RELUS |= dict.fromkeys((torch.relu_, Tensor.relu_), partial(_relu, inplace=True))
_RELUS |= {F.relu6: partial(_relu, max_val=6), F.hardtanh_: partial(_hardtanh, inplace=True)}


class _RuledReLU(torch.autograd.Function):
    """Saves only its output y, as torch's ReLU does: 0 < x < ceiling where 0 < y < ceiling."""

    @staticmethod
    def forward(context, values, ceiling, rule, in_place):
        if in_place:
            context.mark_dirty(values)
        result = values.clamp_(0, ceiling) if in_place else values.clamp(0, ceiling)
        context.rule, context.ceiling = rule, ceiling
        context.save_for_backward(result)
        return result

    @staticmethod
    def backward(context, gradient):
        (result,) = context.saved_tensors
        if context.rule == "deconvnet":
            return gradient.clamp(min=0), None, None, None
        # g · [0 < y < ceiling]
        gradient = torch.ops.aten.hardtanh_backward(gradient, result, 0, context.ceiling)
        return gradient.clamp_(min=0) if context.rule == "guided" else gradient, None, None, None


# --- receptive fields -----------------------------------------------------------------------------


class ReceptiveField(NamedTuple):
    """A unit at `row` sees the pixel rows from offset + row·stride on, `size` of them; so columns.

    What lies outside the picture is padding. A unit that sees the whole picture has stride 0
    (`.whole`).
    """

    size: int
    stride: int
    offset: int

    @property
    def whole(self) -> bool:
        return self.stride == 0

    def box(self, row: int, column: int, height: int, width: int) -> tuple[int, int, int, int]:
        """The unit's receptive field, cut at the picture's edges: (top, left, bottom, right)."""
        if self.whole:
            return 0, 0, height, width
        top, left = self.offset + row * self.stride, self.offset + column * self.stride
        return max(top, 0), max(left, 0), min(top + self.size, height), min(left + self.size, width)


def receptive_field(model: nn.Module, layer: str) -> ReceptiveField:
    """The receptive field of the units of `layer`, by one pass at the model's input size.

    A window of size k with stride s and padding p turns (size, stride, offset) into
        (size + (k − 1)·stride,  stride·s,  offset − p·stride).
    A sum or a concatenation sees what any of its parts sees. What is not known to keep values at
    their positions sees the whole picture: global pooling, linear layers, squeeze-and-excite,
    attention, norms over positions, flips and transposes, and all that is not in the lists below.
    The result is never too small; it is too large where windows are not square, and at far edges
    that a stride does not quite reach.
    """
    return receptive_fields(model, [layer])[layer]


@torch.no_grad()
def receptive_fields(model: nn.Module, layers: Sequence[str]) -> dict[str, ReceptiveField]:
    """{layer: its `receptive_field`} of several layers, by one pass."""
    pixels = model.grey()
    with _FollowWindows(model, pixels) as follow:
        outputs = activations_at(model, pixels, layers)
    return {layer: follow.field(outputs[layer]) or follow.whole for layer in layers}


class _FollowWindows(TorchFunctionMode):
    """Marks all that is made from the pixels with its units' receptive field, as `.field`.

    The mark is on the memory, which views share: what is written through one, all others hold. It
    is None on what the pixels do not change, and missing on what was made unseen.
    """

    def __init__(self, model, pixels):
        self.whole = ReceptiveField(max(pixels.shape[2:]), 0, 0)
        self.read = False  # did the network turn values into numbers of Python?
        for constant in tensors_in(*map(vars, model.network.modules()), model.mean, model.std):
            _memory(constant).field = None
        _memory(pixels).field = ReceptiveField(1, 1, 0)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        name, kwargs = getattr(function, "__name__", ""), kwargs or {}
        sources = [each for each in tensors_in(args, kwargs) if self.field(each)]
        result = function(*args, **kwargs)
        results = [args[0]] if name in ("__setitem__", "__set__") else list(tensors_in(result))
        self.read |= bool(sources) and not results and name not in _ASKS
        seen = self.whole if self.read else None
        if sources and not self.read:
            seen = self.follow(function, name.strip("_"), sources, results, args, kwargs)
        for each in results:
            _memory(each).field = seen
        return result

    def field(self, tensor):
        return getattr(_memory(tensor), "field", self.whole)

    def follow(self, function, name, sources, results, args, kwargs):
        seen = self.union(map(self.field, sources))
        window = _WINDOWS[function](*args, **kwargs) if function in _WINDOWS else None
        if window and len(sources) == 1 and sources[0] is window[0]:
            axes = zip(*map(pair, window[1:]), strict=True)
            return self.union(_through(seen, *axis) for axis in axes)
        aligned = len({each.shape[-2:] for each in (*sources, *results)}) == 1
        last_two = max(2, *(each.dim() for each in (*sources, *results))) - 2
        stays = aligned and _stays(function, name, args, kwargs, last_two)
        return seen if stays else self.whole

    def union(self, fields):
        sizes, strides, offsets = zip(*fields, strict=True)
        if len(set(strides)) > 1 or 0 in strides:
            return self.whole
        end = max(offset + size for offset, size in zip(offsets, sizes, strict=True))
        return ReceptiveField(end - min(offsets), strides[0], min(offsets))


def _through(field, kernel, step, padding, dilation):
    size = field.size + dilation * (kernel - 1) * field.stride
    return ReceptiveField(size, field.stride * step, field.offset - padding * field.stride)


def tensors_in(*tree) -> Iterator[Tensor]:
    """The tensors in lists, tuples and dictionaries of them."""
    for item in tree:
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, list | tuple | dict):
            yield from tensors_in(*(item.values() if isinstance(item, dict) else item))


def pair(value) -> tuple:
    """(down, across) of a setting that is one number for both, or two."""
    both = tuple(value) if isinstance(value, list | tuple) else (value,)
    if len(both) not in (1, 2):
        raise ValueError(f"one number for both directions, or (down, across), not {value!r}.")
    return (*both, *both)[:2]


# Each reads the arguments of a torch function: (input, kernel, step, padding, dilation), or None
# where it is no plain window.


def _conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kernel, dilation = tuple(weight.shape[-2:]), pair(dilation)
    if isinstance(padding, str):  # "same" | "valid"
        widths = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        padding = tuple((padding == "same") * width // 2 for width in widths)
    return input, kernel, stride, padding, dilation


def _max_pool2d(input, kernel_size, stride=None, padding=0, dilation=1, *_, **named):
    return input, kernel_size, stride or kernel_size, padding, dilation


def _avg_pool2d(input, kernel_size, stride=None, padding=0, *_, **named):
    return input, kernel_size, stride or kernel_size, padding, 1


def _pad(input, pad, mode="constant", value=None):
    left, _, top, _ = (*pad, 0, 0)[:4]
    return (input, 1, 1, (top, left), 1) if mode == "constant" else None


_WINDOWS = {F.conv2d: _conv2d, F.pad: _pad, F.avg_pool2d: _avg_pool2d, F.max_pool2d: _max_pool2d}
_WINDOWS |= {F.max_pool2d_with_indices: _max_pool2d, torch.max_pool2d: _max_pool2d}


def _memory(tensor):
    # a sparse tensor has no memory of its own to mark, and stays unknown
    return tensor.untyped_storage() if tensor.layout is torch.strided else SimpleNamespace()


def _stays(function, name, args, kwargs, last_two):
    """Does each output read only its own position, in the last two axes, of inputs as large?

    last_two: the number of the first of these two.
    """
    if function is F.batch_norm:
        return not kwargs["training"]
    if name == "getitem":
        index = args[1] if isinstance(args[1], tuple) else (args[1],)
        plain = all(type(one) in (int, slice) for one in index)
        return plain and all(one == slice(None) for one in index[last_two:])
    if name in _ALONG:
        axes = [args[at] for at in _ALONG[name] if at < len(args)]
        axes += [kwargs[key] for key in ("dim", "axis", "dim0", "dim1") if key in kwargs]
        before = all(type(axis) is int and axis % (last_two + 2) < last_two for axis in axes)
        return bool(axes) and before
    return name in _POINTWISE or (name == "local_response_norm" and last_two > 1)


# Names without underscores: __add__, add_, torch.add and Tensor.add are one.
_POINTWISE = str.split("""
    add sub mul div neg abs pow exp log sqrt rsqrt square reciprocal rsub rdiv rpow lerp where
    gt ge lt le eq ne masked_fill maximum minimum clamp clip zeros_like ones_like prelu relu relu6
    leaky_relu elu selu celu gelu silu mish hardswish hardsigmoid hardtanh sigmoid tanh softplus
    dropout dropout2d alpha_dropout clone contiguous detach to type type_as float double half
    view reshape flatten unflatten
""")  # a new view is one of other leading axes, where the last two are as large as before
_ALONG = dict.fromkeys(("cat", "concat", "stack", "unbind", "select", "narrow"), (1,))
_ALONG |= dict.fromkeys(("unsqueeze", "squeeze", "mean", "sum", "amax", "softmax"), (1,))
_ALONG |= {"chunk": (2,), "split": (2,), "transpose": (1, 2)}  # where their axes stand
# What is asked of a tensor without a look at its values:
_ASKS = ("__get__", "__len__", "size", "dim", "numel", "is_contiguous", "is_floating_point")
