"""The only loop that changes an image: walk downhill (or uphill) one step at a time and show every
step.

    for step in ascend(start, score, steps=100, augment=jitter(8, seed)):
        ...  # step.index, step.image, step.value; `break` stops

What is changed may be pixels, or anything that `decode` turns into them: a Fourier spectrum, a
generator's code. `direction` makes the step, `constrain` comes after it: PGD is ascent + sign +
ball.
"""

import functools
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

Direction = Callable[
    [Tensor, Tensor], Tensor
]  # (gradient, parameter) -> step, taken away from the parameter
Constraint = Callable[[Tensor, int], Tensor]  # (parameter, index) -> parameter


class Step(NamedTuple):
    index: int
    image: Tensor  # pixels (N, C, H, W) after the update
    value: Tensor  # (N,) the loss or the score just before the update


class Diverged(ValueError):
    """Something stopped being a number; `last_step` is the last good Step (None if there was none)."""

    def __init__(self, sentence: str, last_step: Step | None):
        super().__init__(sentence)
        self.last_step = last_step


# --- directions: (gradient, parameter) -> step ---
# What a direction remembers of a run it keeps under the run's parameter, so every run begins
# afresh.


def adam(rate: float = 0.05) -> Direction:
    """Gradients averaged over the steps, divided by their usual size (Kingma & Ba 2015)."""
    memory = WeakTensorKeyDictionary()

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        count, mean, square = memory.get(parameter, (0, 0.0, 0.0))
        count += 1
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        memory[parameter] = count, mean, square
        # both averages began at 0, which the divisors undo
        return rate * (mean / (1 - 0.9**count)) / ((square / (1 - 0.999**count)).sqrt() + 1e-8)

    return direction


def normalized(rate: float) -> Direction:
    """The gradient, scaled so that the values of a picture move by `rate` on average: rate · g /
    mean|g|.
    """

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        usual = gradient.abs().mean(dim=tuple(range(1, gradient.dim())), keepdim=True)
        return rate * gradient / usual.clamp(min=torch.finfo(gradient.dtype).tiny)

    return direction


def sign(rate: float) -> Direction:
    """Every value moves by exactly `rate`: the steepest way where only the largest change counts."""
    return lambda gradient, parameter: rate * gradient.sign()


def drop_small(direction: Direction, share: float) -> Direction:
    """`direction`, told that the smallest `share` of the gradient's values, picture by picture, are
    0.
    """
    _check_share("drop_small", share)

    def sparser(gradient: Tensor, parameter: Tensor) -> Tensor:
        return direction(gradient.masked_fill(smallest(gradient.abs(), share), 0.0), parameter)

    return sparser


def drop_small_contributions(
    direction: Direction, share: float, center: Tensor | float = 0.0
) -> Direction:
    """`direction`, after which the pixels that matter least are set to `center`, all their colours
    together.

    A pixel's contribution is |Σ over colours of (x − center) · g|: to first order, what the score
    loses if that pixel becomes `center`. The smallest `share` of a picture's pixels goes (Yosinski
    et al. 2015).
    """
    _check_share("drop_small_contributions", share)

    def forgetful(gradient: Tensor, parameter: Tensor) -> Tensor:
        contribution = ((parameter - center) * gradient).sum(dim=1, keepdim=True).abs()
        step = direction(gradient, parameter)
        return torch.where(smallest(contribution, share), parameter - center, step)

    return forgetful


def smallest(values: Tensor, share: float) -> Tensor:
    """Which are the smallest `share` of each picture's values: bool, in their shape (N, …)."""
    flat = values.flatten(1)
    small = flat.topk(int(share * flat.shape[1]), dim=1, largest=False).indices
    return torch.zeros_like(flat, dtype=torch.bool).scatter(1, small, True).view_as(values)


def _check_share(name: str, share: float) -> None:
    if not 0 <= share < 1:
        raise ValueError(f"{name} needs a share from 0 up to, not including, 1; {share} was given.")


def clip_rms(direction: Direction, most: float) -> Direction:
    """`direction`, made shorter where a picture's step is longer than `most`, the root mean square
    of its values.
    """
    if not most > 0:
        raise ValueError(f"clip_rms needs a length above 0, not {most}.")

    def shorter(gradient: Tensor, parameter: Tensor) -> Tensor:
        step = direction(gradient, parameter)
        length = step.flatten(1).square().mean(dim=1).sqrt()  # (N,)
        return step * (most / length.clamp(min=most)).view(-1, *[1] * (step.dim() - 1))

    return shorter


def switch_after(count: int, beginning: Direction, direction: Direction) -> Direction:
    """`beginning` for the first `count` steps of a run, then `direction`, which knows nothing of
    those before.
    """
    if count < 0:
        raise ValueError(f"switch_after needs a number of steps, 0 or more, not {count}.")
    memory = WeakTensorKeyDictionary()

    def in_turn(gradient: Tensor, parameter: Tensor) -> Tensor:
        done = memory.get(parameter, 0)
        memory[parameter] = done + 1
        return (beginning if done < count else direction)(gradient, parameter)

    return in_turn


def lbfgs(history: int = 10) -> Direction:
    """Newton's step, its curvature guessed from the last steps, picture by picture (Nocedal 1980).

    Unit steps, no line search: one evaluation each. For `descend`, without a random `augment`: a
    score that grows without bound has no curvature to go by.
    """
    memory = WeakTensorKeyDictionary()

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        now = list(zip(parameter.clone().flatten(1), gradient.flatten(1), strict=True))
        before, pairs = memory.get(parameter, (None, [deque(maxlen=history) for _ in now]))
        memory[parameter] = now, pairs
        if before is None:
            size = gradient.flatten(1).abs().sum(dim=1).clamp(min=1)  # a careful first step
            return (gradient.flatten(1) / size[:, None]).view_as(gradient)
        for (place, slope), (old_place, old_slope), known in zip(now, before, pairs, strict=True):
            moved, bent = place - old_place, slope - old_slope
            if moved @ bent > 1e-10:  # the slope rises along the step: a curvature worth knowing
                known.append((moved, bent))
        newton = [_newton_step(slope, known) for (_, slope), known in zip(now, pairs, strict=True)]
        return torch.stack(newton).view_as(gradient)

    return direction


def _newton_step(slope: Tensor, known: Iterable[tuple[Tensor, Tensor]]) -> Tensor:
    """The two-loop recursion: inverse curvature @ slope, from (step, change of slope) pairs, oldest
    first.
    """
    step, shares = slope, []
    for moved, bent in reversed(known):
        shares.append(moved @ step / (moved @ bent))
        step = step - shares[-1] * bent
    if known:
        moved, bent = known[-1]
        step = step * (moved @ bent) / (bent @ bent)
    for moved, bent in known:
        step = step + (shares.pop() - bent @ step / (moved @ bent)) * moved
    return step


# For a spectrum that begins nearly grey: from there L-BFGS alone loses some 50 steps in deep
# layers, and more of Adam is grainy. The limit is a root mean square; Newton's guess is now and
# then a hundred times that.
ADAM_THEN_LBFGS = switch_after(5, adam(0.03), clip_rms(lbfgs(), 0.03))


def one_cycle(progress: float, peak: float, warm_up: float = 0.2) -> float:
    """The rate at `progress` in [0, 1]: a cosine from a 25th of the peak up to it, a cosine down to
    0 (Smith & Topin 2018).
    """
    if progress < warm_up:
        return peak * (0.52 - 0.48 * math.cos(math.pi * progress / warm_up))
    return peak * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up))) / 2


# --- constraints: (parameter, index) -> parameter ---


def keep(parameter: Tensor, index: int) -> Tensor:
    """No constraint."""
    return parameter


def always(transform: Callable[[Tensor], Tensor]) -> Constraint:
    """`transform` after every step."""
    return every(1, transform)


def every(count: int, transform: Callable[[Tensor], Tensor]) -> Constraint:
    """`transform` after every `count`-th step. Combined: chain(every(10, blur(0.5)),
    always(clamp())).
    """
    if count < 1:
        raise ValueError(f"every needs a whole number of steps, 1 or more, not {count}.")
    return lambda parameter, index: transform(parameter) if (index + 1) % count == 0 else parameter


# --- the loop ---


def identity(image: Tensor) -> Tensor:
    """The thing as it is."""
    return image


def descend(
    start: Tensor,
    loss: Callable[[Tensor], Tensor],
    *,
    steps: int,
    decode: Callable[[Tensor], Tensor] = identity,
    augment: Callable[[Tensor], Tensor] = identity,
    direction: Direction = adam(0.05),  # noqa: B008 (it remembers nothing between runs)
    constrain: Constraint = keep,
) -> Iterator[Step]:
    """Change a copy of `start` so that loss(augment(decode(copy))), one number a picture (N,),
    falls.

        parameter <- constrain(parameter - direction(gradient, parameter), index)

    Raises Diverged, a ValueError with the last good Step, at a NaN or infinite value, gradient or
    picture.
    """
    return _walk(start, loss, 1, steps, decode, augment, direction, constrain)


def ascend(
    start: Tensor,
    score: Callable[[Tensor], Tensor],
    *,
    steps: int,
    decode: Callable[[Tensor], Tensor] = identity,
    augment: Callable[[Tensor], Tensor] = identity,
    direction: Direction = adam(0.05),  # noqa: B008
    constrain: Constraint = keep,
) -> Iterator[Step]:
    """`descend` uphill: change a copy of `start` so that score(augment(decode(copy))), (N,), grows."""
    return _walk(start, score, -1, steps, decode, augment, direction, constrain)


def _walk(start, objective, downhill, steps, decode, augment, direction, constrain):
    parameter = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)
    image, last_step = _with_grad(decode, parameter), None
    for index in range(steps):
        value = _with_grad(lambda picture: objective(augment(picture)), image)
        _check_value(value, image)
        (gradient,) = torch.autograd.grad(value, parameter, torch.full_like(value, downhill))
        with torch.no_grad():
            parameter.copy_(constrain(parameter - direction(gradient, parameter), index))
        image = _with_grad(decode, parameter)
        _check_finite(index, last_step, value=value, gradient=gradient, picture=image)
        last_step = Step(index, image.detach().clone(), value.detach())
        yield last_step


def last(steps: Iterable[Step]) -> Tensor:
    """Run to the end and keep the last picture."""
    final = deque(steps, maxlen=1)
    if not final:
        raise ValueError("there is no last picture: the run made no step.")
    return final[0].image


def final(steps: Callable[..., Iterable[Step]]) -> Callable[..., Tensor]:
    """The twin of a function that yields Steps: the same arguments, the last picture.

    fool = final(fool_steps)
    """

    @functools.wraps(steps)
    def run(*arguments, **settings) -> Tensor:
        return last(steps(*arguments, **settings))

    run.__name__ = run.__qualname__ = steps.__name__.removesuffix("_steps")
    run.__doc__ = f"The last picture of `{steps.__name__}`.\n\n    {steps.__doc__}"
    return run


def octaves(
    start: Tensor, sizes: Iterable[int | tuple[int, int]], run: Callable[[Tensor], Iterable[Step]]
) -> Iterator[Step]:
    """Coarse to fine: `run` the picture at every size in turn, handing the *change* on to the next
    one.

    Each size starts from `start` at that size plus what the runs so far have changed, enlarged: a
    photo keeps its fine detail. sizes: the side of a square, or (height, width), in pixels. The
    last good Step of a Diverged may be of the size before.
    """
    change, count, done = torch.zeros_like(start), 0, None
    for size in sizes:
        plain = _resize(start, size)
        image = plain + _resize(change, size)
        try:
            for step in run(image):
                image, done = step.image, step._replace(index=count)
                count += 1
                yield done
        except Diverged as error:
            raise Diverged(f"after {count} good steps, at {error}", done) from None
        change = image - plain


def map_steps(steps: Iterable[Step], convert: Callable[[Step], Step]) -> Iterator[Step]:
    """Every step as `convert` makes it, and of a Diverged the last good one, too."""
    done = None
    try:
        for step in steps:
            done = convert(step)
            yield done
    except Diverged as error:
        error.last_step = done
        raise


def scaled_down(sides: Iterable[int], part: float) -> tuple[int, int]:
    """(height, width) made `part` times smaller, in whole pixels."""
    return tuple(max(1, round(side / part)) for side in sides)


def _resize(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    size = (size, size) if isinstance(size, int) else size
    return F.interpolate(image, size, mode="bilinear", antialias=True)


def _with_grad(function: Callable[[Tensor], Tensor], argument: Tensor) -> Tensor:
    """A `with` around a `yield` would switch the caller's gradients too; around this call it does
    not.
    """
    with torch.enable_grad():
        return function(argument)


def _check_value(value: Tensor, image: Tensor) -> None:
    if value.shape != image.shape[:1] or not value.requires_grad:
        gradient = "" if value.requires_grad else " without a gradient (detach? argmax?)"
        raise ValueError(
            f"the objective must give one number a picture, shape ({len(image)},), but gave shape "
            f"{tuple(value.shape)}{gradient}. To add up each picture by itself: x.flatten(1).sum(dim=1)."
        )


def _check_finite(index: int, last_step: Step | None, **tensors: Tensor) -> None:
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            raise Diverged(
                f"step {index}: the {name} is NaN or infinite, so the run stops. Try a smaller rate, or a "
                "constraint such as always(clamp()); the last good Step is this error's last_step.",
                last_step,
            )
