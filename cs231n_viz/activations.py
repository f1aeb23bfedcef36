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
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .errors import unknown

# --- outputs of layers ----------------------------------------------------------------------------


class Outputs(dict[str, Tensor]):
    """{layer: output}; a missing layer raises an error that says what to do."""

    def __missing__(self, layer):
        if self:
            raise unknown("captured layer", layer, self)
        raise ValueError(
            f"{layer!r} was not reached: run model(pixels) in the `with`, and name a layer that "
            "the target depends on."
        )


@contextmanager
def capture(
    model: nn.Module, *layers: str, leaves: bool = False, stop: bool = False
) -> Iterator[Outputs]:
    """{layer: output} of the named layers, from every pass of this thread inside the `with`.

        with capture(model, "relu3", "relu5") as outputs:
            scores = model(pixels)
        outputs["relu3"]  # (N, C, h, w), a part of the graph that leads from pixels to scores

    leaves=True makes each output a leaf of the graph, which requires gradients; one pass only.
    stop=True leaves the pass, by raising `Recorded`, as soon as every layer was recorded.
    """
    if not layers:
        raise ValueError("no layer was named: name at least one of model.layers.")
    modules = {layer: model.resolve(layer) for layer in layers}
    outputs, calls, thread = Outputs(), Counter(), threading.get_ident()

    def begin(module, inputs):
        if threading.get_ident() == thread:
            calls.clear()

    def record(layer, wanted_call, module, inputs, output):
        if threading.get_ident() != thread or not isinstance(output, Tensor):
            return None
        calls[layer] += 1
        if calls[layer] - 1 != wanted_call:
            return None
        if leaves and layer in outputs:
            raise _second_pass(layer)
        outputs[layer] = output.detach().clone().requires_grad_() if leaves else output.clone()
        if stop and len(outputs) == len(modules):
            raise Recorded
        # The pass goes on with a second copy: no later in-place operation changes the one kept.
        return outputs[layer].clone()

    with ExitStack() as hooks:  # removes every hook, after an error, too
        hooks.enter_context(model.network.register_forward_pre_hook(begin))
        for layer, (module, call) in modules.items():
            hooks.enter_context(module.register_forward_hook(partial(record, layer, call)))
        yield outputs


def _second_pass(layer):
    return ValueError(
        f"{layer} ran in a second pass, and its gradient is of one: take a function of the scores, "
        "such as lambda scores: scores[:, 3] - scores[:, 5], which needs one pass only."
    )


class Recorded(Exception):
    """Every layer asked for was recorded: leave the pass."""


def activations_at(
    model: nn.Module, pixels: Tensor, layer: str | Sequence[str]
) -> Tensor | Outputs:
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

    plain       g · [x > 0]             the gradient: the input x decides
    deconvnet   max(g, 0)               the gradient's own sign decides
    guided      max(g, 0) · [x > 0]     both must be positive

    Forward values stay as they are, and the gradient may be taken after the `with`. ReLU and ReLU6
    count as module, function or method, in place or not; Hardswish, SiLU, GELU and `clamp` keep
    their own gradient. Of nested rules the innermost counts. Raises ValueError where the network
    has no ReLU.
    """
    if rule not in RELU_RULES:
        raise unknown("ReLU rule", rule, RELU_RULES)
    with _RuledReLUs(rule) as relus:
        yield
    if rule != "plain" and not relus.met and not _has_relus(model):
        raise ValueError(f"{model.name} has no ReLUs, and the rule {rule!r} none to change.")


def _has_relus(model):
    with torch.no_grad(), _RuledReLUs("plain") as relus:
        model(_grey(model))
    return relus.met > 0


class _RuledReLUs(TorchFunctionMode):
    """Intercepts every torch function that its thread calls, and replaces the ReLUs."""

    def __init__(self, rule):
        self.rule, self.met = rule, 0

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        if function in _RELUS:
            values, in_place, floor, ceiling = _relu_arguments(*args, **_RELUS[function], **kwargs)
            if floor == 0:
                self.met += 1
                return _RuledReLU.apply(values, ceiling, self.rule, in_place)
        return function(*args, **kwargs)


def _relu_arguments(input, inplace=False, min_val=0.0, max_val=math.inf):
    return input, inplace, min_val, max_val


_IN_PLACE = {"inplace": True}
_RELUS = {F.relu: {}, torch.relu: {}, Tensor.relu: {}, F.hardtanh: {}}  # nn.ReLU6 is hardtanh(0, 6)
_RELUS |= {torch.relu_: _IN_PLACE, Tensor.relu_: _IN_PLACE, F.relu6: {"max_val": 6.0}}


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
    A sum or a concatenation sees what any of its parts sees. Global pooling, linear layers,
    squeeze-and-excite, attention and all else that moves values to other positions see the whole
    picture. The result is never too small; it is too large where windows are not square, and at far
    edges that a stride does not quite reach.
    """
    pixels = _grey(model)
    pixels.field = ReceptiveField(1, 1, 0)
    with torch.no_grad(), _FollowWindows(model.input_size) as follow:
        output = activations_at(model, pixels, layer)
    return getattr(output, "field", follow.whole)


def _grey(model):
    return model.mean.expand(1, -1, model.input_size, model.input_size)


class _FollowWindows(TorchFunctionMode):
    """Attaches its units' receptive field to every tensor made from the pixels, as `.field`."""

    def __init__(self, input_size):
        self.whole = ReceptiveField(input_size, 0, 0)

    def __torch_function__(self, function, types, args=(), kwargs=None):
        kwargs = kwargs or {}
        inputs = _tensors(*args, *kwargs.values())
        sources = [tensor for tensor in inputs if hasattr(tensor, "field")]
        result = function(*args, **kwargs)
        if sources:
            window = _WINDOWS[function](*args, **kwargs) if function in _WINDOWS else None
            for tensor in _tensors(result):
                tensor.field = self.follow(function, window, sources, tensor)
        return result

    def follow(self, function, window, sources, result):
        seen = self.union(source.field for source in sources)
        if window and not seen.whole:
            axes = zip(*map(_pair, window), strict=True)
            return self.union(_through(seen, *axis) for axis in axes)
        stays = all(source.shape[-2:] == result.shape[-2:] for source in sources)
        return seen if stays and function.__name__ not in _MOVERS else self.whole

    def union(self, fields):
        sizes, strides, offsets = zip(*fields, strict=True)
        if len(set(strides)) > 1 or 0 in strides:
            return self.whole
        end = max(offset + size for offset, size in zip(offsets, sizes, strict=True))
        return ReceptiveField(end - min(offsets), strides[0], min(offsets))


def _through(field, kernel, step, padding, dilation):
    size = field.size + dilation * (kernel - 1) * field.stride
    return ReceptiveField(size, field.stride * step, field.offset - padding * field.stride)


def _tensors(*tree):
    for item in tree:
        if isinstance(item, Tensor):
            yield item
        elif isinstance(item, list | tuple):
            yield from _tensors(*item)


def _pair(value):
    return (*value, *value)[:2] if isinstance(value, list | tuple) else (value, value)


# Each reads the arguments of a torch function: (kernel, step, padding, dilation), or None where it
# is no plain window.


def _conv2d(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
    kernel, dilation = tuple(weight.shape[-2:]), _pair(dilation)
    if isinstance(padding, str):  # "same" | "valid"
        widths = [d * (k - 1) for d, k in zip(dilation, kernel, strict=True)]
        padding = tuple((padding == "same") * width // 2 for width in widths)
    return kernel, stride, padding, dilation


def _pool2d(input, kernel_size, stride=None, padding=0, *how_to_divide, dilation=1, **named):
    return kernel_size, stride or kernel_size, padding, dilation


def _pad(input, pad, mode="constant", value=None):
    left, _, top, _ = (*pad, 0, 0)[:4]
    return (1, 1, (top, left), 1) if mode == "constant" else None


_WINDOWS = {F.conv2d: _conv2d, F.pad: _pad}
_WINDOWS |= dict.fromkeys((F.max_pool2d, F.max_pool2d_with_indices, F.avg_pool2d), _pool2d)
# What may keep the shape and yet move values from one position to another:
_MOVERS = {"softmax", "matmul", "bmm", "einsum", "linear", "layer_norm", "group_norm"}
_MOVERS |= {"instance_norm", "roll", "flip", "grid_sample", "conv_transpose2d"}
_MOVERS |= {"scaled_dot_product_attention"}
