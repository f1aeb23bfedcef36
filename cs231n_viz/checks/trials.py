"""Exercise checks that take the student's function: trials worked by hand first, mistakes named.

A check prints one line and never raises because of a wrong answer, so "run all" goes through an
unsolved lesson; where it has a real picture it also draws your result beside the package's. What
the student's own code raises is passed on untouched.
"""

from collections.abc import Callable, Mapping
from functools import wraps
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .. import plot


class Trial(NamedTuple):
    """One call of the student's function. Expected: a tensor, or the numbers to make it of."""

    name: str  # what is tried, in words
    arguments: tuple
    expected: Any
    mistakes: Mapping[str, Any] = {}  # {what to say: the result of this mistake}


class Seen(NamedTuple):
    """A call on a real picture, whose result is drawn beside the package's."""

    arguments: tuple
    reference: Tensor  # what the package makes of them
    draw: Callable[[Tensor], Any] = plot.colored  # a result -> a picture


def run(function: Callable, *trials: Trial, seen: Seen | None = None) -> None:
    """Try the function on each trial; print the first thing that is wrong, or "right".

    seen: also draw its result beside the package's.
    """
    name = getattr(function, "__name__", "your function")
    problems = (_problem(function, name, trial) for trial in trials)
    first = next(filter(None, problems), None)
    print(f"not yet{first}" if first else f"right: {name} passes all {len(trials)} trials.")
    if seen is not None:
        _show(function(*_copies(seen.arguments)), seen)


def _show(yours: object, seen: Seen) -> None:
    """Your result on the left, the package's on the right; the latter alone until there is one."""
    theirs = seen.draw(seen.reference)
    fits = isinstance(yours, Tensor) and yours.shape == seen.reference.shape
    if fits and yours.isfinite().all():
        figure = plot.image_row([seen.draw(yours.detach()), theirs], ["yours", "the package's"])
        plot.show(figure, "your result, and the package's")
    else:
        figure = plot.image_row([theirs], ["the package's; yours will stand beside it"], side=320)
        plot.show(figure, "what the package makes of it")


def _copies(arguments: tuple) -> list:
    return [value.clone() if isinstance(value, Tensor) else value for value in arguments]


def _problem(function: Callable, name: str, trial: Trial) -> str | None:
    """What is wrong with the function's result in this trial, in words; None if it is right."""
    own = _copies(trial.arguments)
    answer = function(*own)
    if answer is None:
        return f": {name} returns None. Replace its last line by your code."
    given = zip(trial.arguments, own, strict=True)
    if any(isinstance(old, Tensor) and not torch.equal(old, new) for old, new in given):
        return f": {name} changed its input. Work on a copy, or without in-place steps."
    difference = compare(answer, trial.expected)
    if difference is None:
        return None
    named = (said for said, wrong in trial.mistakes.items() if compare(answer, wrong) is None)
    return f" ({trial.name}): {next(named, difference)}"


def compare(answer: object, expected: Any) -> str | None:
    """None if the result is the expected tensor, else how it differs, in words."""
    expected = torch.as_tensor(expected).float()
    shape = tuple(expected.shape)
    if not isinstance(answer, Tensor):
        kind = type(answer).__name__
        return f"a tensor of shape {shape} was expected, you returned a {kind}."
    if answer.shape != expected.shape:
        hint = _shape_hint(answer.dim() - expected.dim())
        return f"shape {shape} was expected, yours is {tuple(answer.shape)}.{hint}"
    if not answer.isfinite().all():
        return "your answer holds NaN or infinity: is there a division by zero?"
    difference = (answer.float() - expected).abs()
    if difference.max() <= 1e-4 * max(1.0, float(expected.abs().max())):
        return None
    at = tuple(int(index) for index in torch.unravel_index(difference.argmax(), shape))
    right, yours = float(expected[at]), float(answer[at])
    return f"at {list(at)} the answer is {right:.4g}, yours is {yours:.4g}."


def _shape_hint(dimensions_too_many: int) -> str:
    if dimensions_too_many == 1:
        return " Did you reduce over one dimension too few?"
    return " Did you reduce over one dimension too many?" if dimensions_too_many < 0 else ""


HOOKS_LEFT = torch.tensor(-231.0)  # stands for the result of a function that left its hooks


def without_hooks(function: Callable) -> Callable:
    """The function of a network, …: where it leaves hooks they go, and HOOKS_LEFT is its result."""

    @wraps(function)
    def tried(network, *given):
        modules = list(network.modules())
        hooks = [each for one in modules for each in (one._forward_hooks, one._backward_hooks)]
        before = list(map(len, hooks))
        try:
            result = function(network, *given)
        finally:  # also when it raises: the lesson goes on with this network
            pairs = zip(hooks, before, strict=True)
            left = [each.popitem() for each, old in pairs for _ in range(len(each) - old)]
        return HOOKS_LEFT if left else result

    return tried


def noise(*shape: int) -> Tensor:
    """The same random numbers every time; `a, b = noise(2, 3, 4)` are two tensors (3, 4)."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(231))


def weighted_sum(weights: Tensor) -> Callable[[Tensor], Tensor]:
    """A score that can be computed by hand: pixels (N, C, H, W) -> Σ weights · pixels (N,)."""
    return lambda pixels: (weights * pixels).sum(dim=(1, 2, 3))
