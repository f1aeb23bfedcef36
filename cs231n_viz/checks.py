"""Exercise checks that take the student's function: hand-worked numbers first, common mistakes named.

A check prints one line and never raises because of a wrong answer, so "run all" goes through an unsolved lesson.
What the student's own code raises is passed on untouched.
"""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import torch
from torch import Tensor

from .techniques import filters


class Trial(NamedTuple):
    arguments: tuple
    expected: Any
    named: str  # what is tried, in words
    mistakes: tuple[tuple[Any, str], ...] = ()  # (the answer that this mistake gives, what to say)


def run(function: Callable, trials: Iterable[Trial]) -> None:
    """Try the function on each trial in turn; print "not yet", the first thing that is wrong, or "right"."""
    count, name = 0, getattr(function, "__name__", "your function")
    for count, trial in enumerate(trials, start=1):  # noqa: B007 (the count is reported)
        own = tuple(value.clone() if isinstance(value, Tensor) else value for value in trial.arguments)
        answer = function(*own)
        if answer is None:
            return print(f"not yet: {name} returns None. Replace its last line by your code.")
        if any(isinstance(old, Tensor) and not torch.equal(old, new) for old, new in _pairs(trial, own)):
            return print(f"not yet: {name} changed its input. Work on a copy, or without in-place steps.")
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
        return (
            f"a tensor of shape {tuple(expected.shape)} was expected, you returned a {type(answer).__name__}."
        )
    if answer.shape != expected.shape:
        return f"shape {tuple(expected.shape)} was expected, yours is {tuple(answer.shape)}.{_shape_hint(answer, expected)}"
    if not answer.isfinite().all():
        return "your answer holds NaN or infinity: is there a division by zero?"
    difference = (answer.float() - expected.float()).abs()
    if difference.max() <= tolerance * max(1.0, float(expected.abs().max())):
        return None
    place = tuple(int(index) for index in torch.unravel_index(difference.argmax(), difference.shape))
    return (
        f"at {list(place)} the answer is {float(expected[place]):.4g}, yours is {float(answer[place]):.4g}."
    )


def _shape_hint(answer: Tensor, expected: Tensor) -> str:
    if answer.dim() == expected.dim() + 1:
        return " Did you reduce over one dimension too few?"
    return " Did you reduce over one dimension too many?" if answer.dim() < expected.dim() else ""


def _noise(*shape: int) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(231))


# --- lesson 00 ----------------------------------------------------------------------------------------------------


def top_class(function: Callable) -> None:
    """scores (N, classes) -> index of the best class of each picture (N,)."""
    scores = torch.tensor([[0.0, 3.0, 1.0], [5.0, -1.0, 2.0]])
    mistakes = (
        (torch.tensor([1, 0, 1]), "you looked down the pictures (dim=0); look along the classes (dim=1)."),
    )
    mistakes += (
        (torch.tensor([3.0, 5.0]), "these are the best scores; their places are asked for: argmax."),
    )
    run(
        function,
        [
            Trial((scores,), torch.tensor([1, 0]), "two pictures, three classes", mistakes),
            Trial((_noise(5, 7),), _noise(5, 7).argmax(dim=1), "random scores"),
        ],
    )


def probabilities(function: Callable) -> None:
    """scores (N, classes) -> softmax (N, classes), also for scores in the thousands."""
    scores = torch.log(torch.tensor([[1.0, 2.0, 1.0], [1.0, 1.0, 8.0]]))
    expected = torch.tensor([[0.25, 0.5, 0.25], [0.1, 0.1, 0.8]])
    mistakes = (
        (scores.exp(), "the rows do not sum to 1: divide by each row's sum."),
        (
            scores.exp() / scores.exp().sum(),
            "you divided by the sum over all pictures; each picture has its own.",
        ),
        (scores.softmax(dim=0), "you normalised down the pictures (dim=0); each row is one picture (dim=1)."),
    )
    large = torch.tensor([[1000.0, 1000.0], [0.0, 2000.0]])
    run(
        function,
        [
            Trial((scores,), expected, "scores that are logarithms of 1, 2 and 8", mistakes),
            Trial((large,), torch.tensor([[0.5, 0.5], [0.0, 1.0]]), "scores in the thousands"),
        ],
    )


# --- lesson 01 ----------------------------------------------------------------------------------------------------


def filter_pictures(function: Callable) -> None:
    """filters (K, 3, k, k) -> pictures in [0, 1], zero at 0.5, each filter scaled by its own largest weight."""
    by_hand = torch.zeros(2, 3, 1, 2)
    by_hand[0, 0, 0], by_hand[1, 2, 0] = torch.tensor([2.0, -1.0]), torch.tensor([0.0, 10.0])
    expected = torch.full((2, 3, 1, 2), 0.5)
    expected[0, 0, 0], expected[1, 2, 0] = torch.tensor([1.0, 0.25]), torch.tensor([0.5, 1.0])
    low, high = by_hand.amin(dim=(1, 2, 3), keepdim=True), by_hand.amax(dim=(1, 2, 3), keepdim=True)
    mistakes = (
        (
            filters.as_pictures(by_hand, "shared"),
            "you divided all filters by one number; each has its own largest weight.",
        ),
        (
            (by_hand - low) / (high - low),
            "you stretched from least to most: then a weight of zero is not grey.",
        ),
        (expected * 2 - 1, "you left out the step from [-1, 1] to [0, 1]: halve, and add one half."),
    )
    run(
        function,
        [
            Trial((by_hand,), expected, "two filters worked by hand", mistakes),
            Trial((_noise(5, 3, 4, 4),), filters.as_pictures(_noise(5, 3, 4, 4)), "random filters"),
        ],
    )


def filter_responses(function: Callable) -> None:
    """w (3, k, k), patches (N, 3, k, k) -> answers (N,) to the patches scaled to the norm of w."""
    w = torch.zeros(3, 1, 2)
    w[0, 0] = torch.tensor([3.0, 4.0])  # norm 5
    patches = torch.zeros(2, 3, 1, 2)
    patches[0, 0, 0], patches[1, 0, 0] = torch.tensor([6.0, 8.0]), torch.tensor([1.0, 0.0])
    flat = patches.flatten(1)
    mistakes = (
        (flat @ w.flatten(), "the patches were not scaled: the brighter one wins by being bright."),
        (flat @ w.flatten() / flat.norm(dim=1), "the patches have norm 1 now; give them the norm of w."),
        (
            flat @ w.flatten() / flat.norm(dim=1) / w.norm(),
            "this is the cosine; the answer is w·x for a patch of w's norm.",
        ),
    )
    noise, crowd = _noise(3, 5, 5), torch.cat([2 * _noise(3, 5, 5)[None], _noise(9, 3, 5, 5)])
    run(
        function,
        [
            Trial((w, patches), torch.tensor([25.0, 15.0]), "two patches worked by hand", mistakes),
            Trial((noise, crowd), filters.responses(noise, crowd), "a copy among random patches"),
        ],
    )


def filter_roughness(function: Callable) -> None:
    """filters (K, 3, k, k) -> mean squared difference of neighbours over the variance (K,)."""
    ramp = torch.tensor([[0.0, 1.0, 2.0]]).expand(3, 3).repeat(1, 3, 1, 1).contiguous()
    board = (torch.arange(16).view(4, 4) + torch.arange(4)[:, None]).remainder(2).float().repeat(1, 3, 1, 1)
    across = ramp.diff(dim=3).square().mean(dim=(1, 2, 3)) / ramp.var(dim=(1, 2, 3), correction=0)
    mistakes = (
        (across, "differences in a row are there; those in a column are missing, or not averaged with them."),
        (torch.tensor([1.5]), "you added the two differences; take their average."),
        (torch.tensor([0.5]), "this is not divided by the variance."),
    )
    run(
        function,
        [
            Trial((ramp,), torch.tensor([0.75]), "a ramp 0, 1, 2 in every row", mistakes),
            Trial((board,), torch.tensor([4.0]), "a chessboard"),
            Trial((_noise(4, 3, 9, 9),), filters.roughness(_noise(4, 3, 9, 9)), "random filters"),
        ],
    )
