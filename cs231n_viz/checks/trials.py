"""Exercise checks that take the student's function: hand-worked numbers first, common mistakes
named.

A check prints one line and never raises because of a wrong answer, so "run all" goes through an
unsolved lesson. What the student's own code raises is passed on untouched.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Trial(NamedTuple):
    arguments: tuple
    expected: Any
    named: str  # what is tried, in words
    mistakes: tuple[tuple[Any, str], ...] = ()  # (the answer that this mistake gives, what to say)


def run(function: Callable, trials: Iterable[Trial]) -> None:
    """Try the function on each trial in turn; print "not yet", the first thing that is wrong, or
    "right".
    """
    count, name = 0, getattr(function, "__name__", "your function")
    for count, trial in enumerate(trials, start=1):  # noqa: B007 (the count is reported)
        own = tuple(
            value.clone() if isinstance(value, Tensor) else value for value in trial.arguments
        )
        answer = function(*own)
        if answer is None:
            return print(f"not yet: {name} returns None. Replace its last line by your code.")
        if any(
            isinstance(old, Tensor) and not torch.equal(old, new) for old, new in _pairs(trial, own)
        ):
            return print(
                f"not yet: {name} changed its input. Work on a copy, or without in-place steps."
            )
        problem = compare(answer, trial.expected)
        if problem:
            hints = [hint for wrong, hint in trial.mistakes if not compare(answer, wrong)]
            return print(f"not yet ({trial.named}): {hints[0] if hints else problem}")
    return print(f"right: {name} passes all {count} trials.")


def _pairs(trial: Trial, own: tuple) -> Iterable[tuple]:
    return zip(trial.arguments, own, strict=True)


def compare(answer: object, expected: Tensor, tolerance: float = 1e-4) -> str | None:
    """None if the answer is the expected tensor, else what is different about it, in words."""
    if not isinstance(answer, Tensor):
        return f"a tensor of shape {tuple(expected.shape)} was expected, you returned a {type(answer).__name__}."
    if answer.shape != expected.shape:
        return f"shape {tuple(expected.shape)} was expected, yours is {tuple(answer.shape)}.{_shape_hint(answer, expected)}"
    if not answer.isfinite().all():
        return "your answer holds NaN or infinity: is there a division by zero?"
    difference = (answer.float() - expected.float()).abs()
    if difference.max() <= tolerance * max(1.0, float(expected.abs().max())):
        return None
    place = tuple(
        int(index) for index in torch.unravel_index(difference.argmax(), difference.shape)
    )
    return f"at {list(place)} the answer is {float(expected[place]):.4g}, yours is {float(answer[place]):.4g}."


def _shape_hint(answer: Tensor, expected: Tensor) -> str:
    if answer.dim() == expected.dim() + 1:
        return " Did you reduce over one dimension too few?"
    return " Did you reduce over one dimension too many?" if answer.dim() < expected.dim() else ""


def noise(*shape: int) -> Tensor:
    """The same random numbers every time."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(231))
