"""What `models.wrap` checks once, so that nothing else has to ask again.

A PixelModel is a function: pictures -> scores, each picture by itself, the same twice. Here a
network is copied without its owner's hooks, run on a grey and on a noisy picture, alone and in
company, and either made to keep the promise or refused in a sentence that names the culprit.
"""

import copy
import warnings
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from functools import partial
from inspect import Parameter, signature
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.prune import BasePruningMethod
from torch.nn.utils.spectral_norm import SpectralNorm
from torch.nn.utils.weight_norm import WeightNorm
from torch.overrides import TorchFunctionMode

from .activations import tensors_in

# What networks raise at a size that they cannot take, and at an input that is no single picture
WRONG_SIZE = (RuntimeError, AssertionError, ValueError, NotImplementedError)
WRONG_INPUT = (TypeError, IndexError, KeyError, AttributeError)
HOOKS = [name for name in vars(nn.Module()) if name.startswith(("_forward", "_backward"))]
MAKE_WEIGHTS = (WeightNorm, SpectralNorm, BasePruningMethod)  # hooks that are part of the network
# How far scores may move by rounding, as a share of the largest
TOLERANCE = {torch.float64: 1e-8, torch.float32: 1e-4}
ADAPTER = """
    class Adapter(torch.nn.Module):
        def __init__(self, network): super().__init__(); self.network = network
        def forward(self, picture): return self.network({call})"""


# --- a copy of its own ----------------------------------------------------------------------------


@torch.no_grad()  # a script's weights would be copied on a graph
def own_copy(network: nn.Module) -> nn.Module:
    """A deep copy without hooks, in eval mode, frozen, in float32 where it was in half precision.

    Compiled and parallel wrappings are taken off; batch norm without statistics of its own
    normalises each picture by itself.
    """
    if not isinstance(network, nn.Module):
        kind = type(network).__name__
        call = "…" if callable(network) else "picture"
        raise TypeError(f"wrap takes a torch.nn.Module, not {kind}:{ADAPTER.format(call=call)}")
    if any(nn.parameter.is_lazy(one) for one in network.parameters()):
        raise ValueError("the network has lazy layers without weights: run it on a picture first.")
    copied = _stand_in(without_hooks(network, share_weights=False))
    for parent in list(copied.modules()):
        for name, part in list(parent.named_children()):
            if (other := _stand_in(part)) is not part:
                setattr(parent, name, other)
    if isinstance(copied, torch.jit.ScriptModule):
        copied = nn.Sequential(copied)  # which takes hooks; the script has no layers to read
    half = any(one.dtype in (torch.float16, torch.bfloat16) for one in copied.parameters())
    return (copied.float() if half else copied).eval().requires_grad_(False)


def without_hooks(network: nn.Module, share_weights: bool = True) -> nn.Module:
    """A copy that shares the weights, if so wished, and has no hooks but those that make weights.

    The weights of `weight_norm` hang on a graph and cannot be copied: their values are.
    """
    tensors = (*network.parameters(), *network.buffers()) if share_weights else ()
    memo = {id(tensor): tensor for tensor in tensors}
    for module in network.modules():
        for value in tensors_in(vars(module)):  # also what is kept in lists and dictionaries
            if not value.is_leaf:
                memo[id(value)] = value.detach().clone()
        for hooks in (vars(module).get(kind, {}) for kind in HOOKS):
            kept = (item for item in hooks.items() if isinstance(item[1], MAKE_WEIGHTS))
            memo[id(hooks)] = OrderedDict(kept)
    return copy.deepcopy(network, memo)


def _stand_in(module: nn.Module) -> nn.Module:
    """What runs in the copy instead of a module: mostly the module itself."""
    if isinstance(module, nn.DataParallel | nn.parallel.DistributedDataParallel):
        return module.module
    if hasattr(module, "_orig_mod"):  # of torch.compile
        return module._orig_mod
    alone = {nn.BatchNorm2d: nn.InstanceNorm2d, nn.BatchNorm3d: nn.InstanceNorm3d}
    if type(module) not in alone or module.running_mean is not None:
        return module
    batch = f"a {type(module).__name__} without running statistics normalises over the batch"
    here = "a picture's scores would depend on its company: here it normalises each by itself"
    hint = "Train with track_running_stats=True to have statistics of its own"
    warnings.warn(f"{batch}, and {here}. {hint}.", stacklevel=2)
    norm = alone[type(module)](module.num_features, module.eps, affine=module.affine)
    norm.weight, norm.bias = module.weight, module.bias
    return norm


# --- the dry run ----------------------------------------------------------------------------------


class DryRun(NamedTuple):
    shapes: list[tuple[str, tuple]]  # (dotted name, shape for one picture), as they finish
    scores: Tensor  # (2, K) of the grey and of the noisy picture
    from_sigmoid: bool | None  # are these what a sigmoid gave? None: scripts cannot be watched


def dry_run(model) -> DryRun:
    """Runs a grey and a noisy picture, and raises ValueError unless the promise is kept.

    Weights lie channels last where that changes nothing but the time.
    """
    pictures = torch.cat([model.grey(), model.noise()])
    devices = [model.device] if pictures.is_cuda else []
    with torch.random.fork_rng(devices), torch.no_grad():
        together = _together(model, pictures)
        run = None
        for memory_format in (torch.channels_last, torch.contiguous_format):
            nn.utils.convert_conv2d_weight_memory_format(model.network, memory_format)
            with suppress(*WRONG_SIZE, *WRONG_INPUT):  # as a view of a layer's output raises
                run = _alone(model, pictures)
                if alike(run.scores, together, model.mean.dtype):
                    return run
        _not_a_function(model, pictures)
        return run


def alike(scores: Tensor, others: Tensor, computed_in: torch.dtype | None = None) -> bool:
    """Whether two tables of scores are equal up to rounding; what is not finite has to be equal."""
    if scores.dim() < 2 or scores.shape != others.shape:
        return False
    largest = torch.nan_to_num(others, 0, 0, 0).abs().amax()
    near = float(TOLERANCE.get(computed_in or scores.dtype, 1e-2) * largest)
    return torch.allclose(scores, others, rtol=0, atol=near, equal_nan=True)


def _together(model, pictures: Tensor) -> Tensor:
    """The scores in the network's output, if there is one row of numbers per picture."""
    try:
        output = model.network(model.normalized(pictures))
    except WRONG_INPUT as error:
        raise ValueError(_other_inputs(model, error)) from error
    except WRONG_SIZE as error:
        try:
            model.network(model.normalized(pictures[:1]))
        except WRONG_SIZE:
            refused = f"{model.name} cannot take a picture of shape {(1, *pictures.shape[1:])}"
            hint = "Say input_size=, and mean= and std= with one number for each channel"
            raise ValueError(f"{refused} ({error}). {hint} that it reads.") from error
        raise ValueError(_one_or_two(model, "one picture, but not two", error)) from error
    scores = model.answered(output)
    numbers = isinstance(scores, Tensor) and scores.is_floating_point()
    if not numbers or scores.dim() != 2 or len(scores) != len(pictures) or not scores.shape[1]:
        raise ValueError(_other_output(model, scores))
    return scores


def _alone(model, pictures: Tensor) -> DryRun:
    with recorded(model.network) as outputs, _Sigmoids() as sigmoids:
        rows = [model.answered(model.network(model.normalized(pictures[:1])))]
    shapes = [(name, tuple(output.shape)) for name, output in outputs]
    rows.append(model.answered(model.network(model.normalized(pictures[1:]))))
    made = any(torch.equal(one.flatten(), rows[0].flatten()) for one in sigmoids.results)
    unseen = any(isinstance(part, torch.jit.ScriptModule) for part in model.network.modules())
    return DryRun(shapes, torch.cat(rows), None if unseen else made)


@contextmanager
def recorded(network: nn.Module) -> Iterator[list[tuple[str, Tensor]]]:
    """(dotted name, output) of all modules with one tensor as their output, as they finish."""
    outputs: list[tuple[str, Tensor]] = []

    def record(name, module, inputs, output):
        if isinstance(output, Tensor):
            outputs.append((name, output))

    with ExitStack() as hooks:
        for name, module in network.named_modules():
            if name and not isinstance(module, torch.jit.ScriptModule):
                hooks.enter_context(module.register_forward_hook(partial(record, name)))
        yield outputs


class _Sigmoids(TorchFunctionMode):
    """Keeps what sigmoids give."""

    def __init__(self):
        self.results: list[Tensor] = []

    def __torch_function__(self, function, types, args=(), kwargs=None):
        result = function(*args, **(kwargs or {}))
        if function.__name__ in ("sigmoid", "sigmoid_", "expit"):
            self.results.append(result)
        return result


# --- the sentences --------------------------------------------------------------------------------


def _not_a_function(model, pictures: Tensor) -> None:
    """Says which part gives other outputs for the noisy picture the second time, or in company."""

    def run(some: Tensor) -> list[tuple[str, Tensor]]:
        with recorded(model.network) as outputs:
            scores = model.answered(model.network(model.normalized(some)))
        return [*((name, output.clone()) for name, output in outputs), ("", scores)]

    company = run(pictures)
    try:
        first, again, _ = run(pictures[1:]), run(pictures[1:]), _alone(model, pictures)
    except (*WRONG_SIZE, *WRONG_INPUT) as error:
        raise ValueError(_one_or_two(model, "two pictures, but not one", error)) from error
    if first[-1][1].shape != company[-1][1][1:].shape:
        raise ValueError(_one_or_two(model, "two pictures, but not one", "squeeze? use flatten(1)"))
    if not alike(first[-1][1], again[-1][1], model.mean.dtype):
        culprit = f"the second time, first in {_culprit(model, first, again)}"
        hint = "dropout or noise that eval mode does not switch off: give it training=self.training"
        raise ValueError(f"{model.name} gives one picture other scores {culprit}: {hint}.")
    culprit = f"in company than alone, first in {_culprit(model, first, company)}"
    hint = "Give a norm running statistics, and take no mean over axis 0, or use batch_size=1"
    said = f"{model.name} gives a picture other scores {culprit}: it looks at the whole batch"
    warnings.warn(f"{said}. {hint}.", stacklevel=6)


def _culprit(model, first: list, second: list) -> str:
    for (name, one), (_, other) in zip(first, second, strict=False):
        rows = one.dim() > 1 and one.shape[1:] == other.shape[1:] and one.is_floating_point()
        # the noisy picture comes last
        if name and rows and not alike(one.flatten(1), other[-len(one) :].flatten(1)):
            return f"{type(model.network.get_submodule(name)).__name__} {name!r}"
    return "its own forward, outside its layers"


def _one_or_two(model, takes: str, error: Exception) -> str:
    return f"{model.name} takes {takes} at once ({error}): each is to be answered by itself."


def _other_inputs(model, error: Exception) -> str:
    named = signature(model.network.forward).parameters.values()
    needed = [one.name for one in named if one.default is Parameter.empty and one.kind < 2]
    call = ", ".join(["picture", *needed[1:]]) if len(needed) > 1 else "{'image': picture}"
    takes = f"takes {', '.join(needed)}" if len(needed) > 1 else "takes something else"
    hint = f"Wrap an adapter that turns a picture into what it takes:{ADAPTER.format(call=call)}"
    wrong = f"cannot be called with one picture (N, C, H, W); it {takes} ({error})"
    return f"{model.name} {wrong}. {hint}"


def _other_output(model, output) -> str:
    """The call that picks the scores out of an output of another form."""
    if isinstance(output, Tensor):
        one = [1, *output.shape[1:]] if output.shape[:1] == (2,) else output.shape  # of 2 pictures
        given = f"{tuple(one)}" + ("" if output.is_floating_point() else f" of {output.dtype}")
        picks = {1: "[:, None]", 3: ".mean(dim=1)", 4: ".mean(dim=(2, 3))"}
        pick = f"output{picks.get(output.dim(), '.float()')}"
    elif isinstance(output, Mapping):
        usual = [key for key in ("logits", "out", "scores") if key in output]
        given, pick = f"{type(output).__name__} of {', '.join(map(str, output))}", "output"
        pick += f"[{(usual or list(output))[0]!r}]"
    elif hasattr(output, "logits"):
        given, pick = type(output).__name__, "output.logits"
    elif isinstance(output, list | tuple) and output and isinstance(output[0], Mapping):
        given = f"a {type(output).__name__} of {type(output[0]).__name__}s, one for each picture"
        pick = 'torch.stack([one["scores"].sum()[None] for one in output]), scores="values"'
    elif isinstance(output, list | tuple):
        kinds = ", ".join(type(one).__name__ for one in output)
        given, pick = f"a {type(output).__name__} of {kinds}", "output[0]"
    else:
        given, pick = type(output).__name__, "output…"
    hint = f"Say which part of it they are, as in  models.wrap(…, answer=lambda output: {pick})"
    return f"{model.name} must give one tensor of scores (N, classes), not {given}. {hint}"


# --- from what a network says to scores -----------------------------------------------------------


def log_of(probabilities: Tensor) -> Tensor:
    """log p: the softmax of it is p again."""
    return probabilities.clamp(min=torch.finfo(probabilities.dtype).tiny).log()


def logit_of(probabilities: Tensor) -> Tensor:
    """log p − log(1 − p): the sigmoid of it is p again."""
    most = 1 - torch.finfo(probabilities.dtype).eps
    return log_of(probabilities) - torch.log1p(-probabilities.clamp(max=most))


def two_logits(logit: Tensor) -> Tensor:
    """(−z / 2, z / 2) of one logit z: the softmax of it is (1 − σ(z), σ(z))."""
    return torch.cat([-logit, logit], dim=1) / 2


WORDS = ("logits", "probabilities", "one logit", "labels", "values")


def scores_of(word: str | None, run: DryRun, name: str) -> tuple[str, Callable[[Tensor], Tensor]]:
    """What the scores are, "logits", "labels" or "values", and what makes them of the numbers.

    By the caller's word, or by the dry run.
    """
    one, scores = run.scores.shape[1] == 1, run.scores
    within = bool((scores >= 0).all() and (scores <= 1).all())
    to_one = within and not one and bool((scores.sum(dim=1) - 1).abs().max() < 1e-3)
    to_one = to_one and not run.from_sigmoid
    if word is None:
        word = "probabilities" if to_one or run.from_sigmoid else "one logit" if one else "logits"
        if word == "one logit" or (word == "logits" and within and run.from_sigmoid is None):
            taken = f"{name} gives {scores[0].tolist()[:5]} for grey, which is taken for {word}"
            hint = f'Say scores="{word}" if so, "probabilities", "labels" or "values" if not'
            warnings.warn(f"{taken}. {hint}.", stacklevel=5)
    if (word == "one logit") != one and word in ("logits", "one logit", "labels"):
        hint = 'scores="one logit", "probabilities" or "values"' if one else 'scores="logits"'
        raise ValueError(f"{name} gives {scores.shape[1]} numbers per picture: say {hint}.")
    if run.from_sigmoid and word in ("logits", "one logit", "labels"):
        raise ValueError(f'{name} ends in a sigmoid: say scores="probabilities" or "values".')
    if word == "probabilities" and not within:
        low, high = scores.min().item(), scores.max().item()
        given = f"the numbers of {name} run from {low:.4g} to {high:.4g}"
        raise ValueError(f'probabilities lie in [0, 1], {given}: say scores="logits" or "values".')
    if word == "probabilities" and one:
        return "logits", lambda probability: two_logits(logit_of(probability))
    if word == "probabilities":
        return ("logits", log_of) if to_one else ("labels", logit_of)
    kind = word if word in ("labels", "values") else "logits"
    return kind, two_logits if word == "one logit" else nn.Identity()
