"""Gradient descent and ascent on an image: the course's only such loop, which yields each step.

    for step in ascend(start, score, steps=100, augment=jitter(8, seed)):
        ...  # step.index, step.image, step.value; `break` stops

The parameter may be the pixels, or anything that `decode` turns into pixels: a Fourier spectrum, a
generator's code. `direction` computes the step, `constrain` projects after it: PGD is ascent + sign
+ ball.
"""

import functools
import inspect
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.weak import WeakTensorKeyDictionary

from . import errors
from .transforms import identity, smallest

# (gradient, parameter) -> step, which is subtracted from the parameter
Direction = Callable[[Tensor, Tensor], Tensor]
Constraint = Callable[[Tensor, int], Tensor]  # (parameter, index) -> parameter


class Step(NamedTuple):
    index: int
    image: Tensor  # pixels (N, C, H, W) after the update
    value: Tensor  # (N,) the loss or the score just before the update


class Diverged(ValueError):
    """Something became NaN or infinite; `last_step` is the last good Step, or None."""

    def __init__(self, sentence: str, last_step: Step | None):
        super().__init__(sentence)
        self.last_step = last_step


# --- directions: (gradient, parameter) -> step ---
# A direction stores its state under the parameter of the run, so every run starts without any.


def adam(rate: float = 0.05) -> Direction:
    """Adam (Kingma & Ba 2015): rate · running mean of g / √(running mean of g²)."""
    memory = WeakTensorKeyDictionary()

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        count, mean, square = memory.get(parameter, (0, 0.0, 0.0))
        count += 1
        mean = 0.9 * mean + 0.1 * gradient
        square = 0.999 * square + 0.001 * gradient**2
        memory[parameter] = count, mean, square
        # bias correction: both averages started at 0
        return rate * (mean / (1 - 0.9**count)) / ((square / (1 - 0.999**count)).sqrt() + 1e-8)

    return direction


def normalized(rate: float) -> Direction:
    """rate · g / mean|g|: the values of a picture move by `rate` on average."""

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        usual = gradient.abs().mean(dim=tuple(range(1, gradient.dim())), keepdim=True)
        return rate * gradient / usual.clamp(min=torch.finfo(gradient.dtype).tiny)

    return direction


def sign(rate: float) -> Direction:
    """rate · sign(g), the steepest step in the maximum norm: every value moves by `rate`."""
    return lambda gradient, parameter: rate * gradient.sign()


def drop_small(direction: Direction, share: float) -> Direction:
    """`direction` of the gradient with the smallest `share` of each picture's values set to 0."""
    errors.share("the share of drop_small", share, below=True)

    def sparser(gradient: Tensor, parameter: Tensor) -> Tensor:
        return direction(gradient.masked_fill(smallest(gradient.abs(), share), 0.0), parameter)

    return sparser


def drop_small_contributions(direction: Direction, share: float, center=0.0) -> Direction:
    """`direction`, after which the pixels that contribute least to the score are set to `center`.

    A pixel's contribution is |Σ over colours of (x − center) · g|: to first order, what the score
    loses if that pixel becomes `center`, a number, a colour or a picture. The smallest `share` of a
    picture's pixels is set (Yosinski et al. 2015).
    """
    errors.share("the share of drop_small_contributions", share, below=True)

    def clipped(gradient: Tensor, parameter: Tensor) -> Tensor:
        contribution = ((parameter - center) * gradient).sum(dim=1, keepdim=True).abs()
        step = direction(gradient, parameter)
        return torch.where(smallest(contribution, share), parameter - center, step)

    return clipped


def clip_rms(direction: Direction, most: float) -> Direction:
    """`direction`, scaled down where the root mean square of a picture's step exceeds `most`."""
    errors.positive("the longest step of clip_rms", most)

    def shorter(gradient: Tensor, parameter: Tensor) -> Tensor:
        step = direction(gradient, parameter)
        length = step.flatten(1).square().mean(dim=1).sqrt()  # (N,)
        return step * (most / length.clamp(min=most)).view(-1, *[1] * (step.dim() - 1))

    return shorter


def switch_after(count: int, beginning: Direction, direction: Direction) -> Direction:
    """`beginning` for the first `count` steps of a run, then `direction`, which starts afresh."""
    errors.whole("the count of steps before the switch", count)
    memory = WeakTensorKeyDictionary()

    def in_turn(gradient: Tensor, parameter: Tensor) -> Tensor:
        done = memory.get(parameter, 0)
        memory[parameter] = done + 1
        return (beginning if done < count else direction)(gradient, parameter)

    return in_turn


def lbfgs(history: int = 10) -> Direction:
    """L-BFGS (Nocedal 1980): curvature estimated from the last `history` steps, picture by picture.

    Step length 1 and no line search, so one evaluation per step. Use it with `descend` and without
    a random `augment`: a score that grows without bound has no curvature to estimate.
    """
    memory = WeakTensorKeyDictionary()

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        now = list(zip(parameter.clone().flatten(1), gradient.flatten(1), strict=True))
        before, history_of = memory.get(parameter, (None, [deque(maxlen=history) for _ in now]))
        memory[parameter] = now, history_of
        if before is None:
            size = gradient.flatten(1).abs().sum(dim=1).clamp(min=1)  # a short first step
            return (gradient.flatten(1) / size[:, None]).view_as(gradient)
        for (x, g), (old_x, old_g), pairs in zip(now, before, history_of, strict=True):
            s, y = x - old_x, g - old_g
            if s @ y > 1e-10:  # positive curvature along the step
                pairs.append((s, y))
        steps = [_newton_step(g, pairs) for (_, g), pairs in zip(now, history_of, strict=True)]
        return torch.stack(steps).view_as(gradient)

    return direction


def _newton_step(gradient: Tensor, pairs: Sequence[tuple[Tensor, Tensor]]) -> Tensor:
    """The two-loop recursion: approximate inverse Hessian @ gradient.

    pairs: (s, y), steps and the changes of the gradient over them, oldest first.
    """
    step, alphas = gradient, []
    for s, y in reversed(pairs):
        alphas.append(s @ step / (s @ y))
        step = step - alphas[-1] * y
    if pairs:
        s, y = pairs[-1]
        step = step * (s @ y) / (y @ y)
    for s, y in pairs:
        step = step + (alphas.pop() - y @ step / (s @ y)) * s
    return step


# For a Fourier spectrum that starts nearly grey: L-BFGS alone loses some 50 steps in deep layers,
# and more steps of Adam leave grain. The root mean square of a step is limited to 0.03, for that of
# L-BFGS is now and then a hundred times as large.
ADAM_THEN_LBFGS = switch_after(5, adam(0.03), clip_rms(lbfgs(), 0.03))


def one_cycle(progress: float, peak: float) -> float:
    """The one-cycle learning rate at `progress` in [0, 1] of a training (Smith & Topin 2018).

    It rises by a cosine from peak / 25 to the peak at 0.2, then falls by a cosine to 0.
    """
    if progress < 0.2:
        return peak * (0.52 - 0.48 * math.cos(math.pi * progress / 0.2))
    return peak * (1 + math.cos(math.pi * (progress - 0.2) / (1 - 0.2))) / 2


# --- constraints: (parameter, index) -> parameter ---


def keep(parameter: Tensor, index: int) -> Tensor:
    """No constraint."""
    return parameter


def always(transform: Callable[[Tensor], Tensor]) -> Constraint:
    """`transform` after every step."""
    return every(1, transform)


def every(count: int, transform: Callable[[Tensor], Tensor]) -> Constraint:
    """`transform` after every `count`-th step: chain(every(10, blur(0.5)), always(clamp()))."""
    errors.whole("the count of steps of every", count, 1)
    return lambda parameter, index: transform(parameter) if (index + 1) % count == 0 else parameter


# --- the loop ---


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
    """Steps of gradient descent on loss(augment(decode(parameter))), (N,), from a copy of `start`.

        parameter <- constrain(parameter - direction(gradient, parameter), index)

    The loss is one number per picture. Raises Diverged, a ValueError with the last good Step, at a
    value, gradient or picture that is NaN or infinite.
    """
    parameter = _with_grad(_leaf, start)
    image, last_step = _with_grad(decode, parameter), None
    for index in range(errors.whole("steps", steps, 1)):
        value = _with_grad(lambda picture: loss(augment(picture)), image)
        _check_value(value, image)
        (gradient,) = torch.autograd.grad(value, parameter, torch.ones_like(value))
        with torch.no_grad():
            parameter.copy_(constrain(parameter - direction(gradient, parameter), index))
        image = _with_grad(decode, parameter)
        check_finite(index, last_step, value=value, gradient=gradient, picture=image)
        last_step = Step(index, image.detach().clone(), value.detach())
        yield last_step


def ascend(start: Tensor, score: Callable[[Tensor], Tensor], **settings) -> Iterator[Step]:
    """Steps of gradient ascent on score(augment(decode(parameter))); settings as for `descend`."""
    steps = descend(start, lambda image: -1 * score(image), **settings)
    return map_steps(steps, lambda step: step._replace(value=-step.value))


def last(steps: Iterable[Step]) -> Tensor:
    """The last picture (N, C, H, W) of a run, which is run to its end."""
    kept = deque(steps, maxlen=1)
    if not kept:
        raise ValueError("there is no last picture: the run made no step.")
    return kept[0].image


def final(steps: Callable[..., Iterable[Step]]) -> Callable[..., Tensor]:
    """A function with the arguments of `steps` that returns only the last picture.

    fool = final(fool_steps)
    """

    @functools.wraps(steps)
    def run(*arguments, **settings) -> Tensor:
        return last(steps(*arguments, **settings))

    run.__signature__ = inspect.signature(steps).replace(return_annotation=Tensor)
    run.__name__ = run.__qualname__ = steps.__name__.removesuffix("_steps")
    run.__doc__ = f"The last picture of `{steps.__name__}`.\n\n    {steps.__doc__}"
    return run


def octaves(
    start: Tensor, sizes: Iterable[int | tuple[int, int]], run: Callable[[Tensor], Iterable[Step]]
) -> Iterator[Step]:
    """The Steps of `run` at each size, coarse to fine, with the *change* handed on to the next.

    Each size starts from `start` at that size plus the change made so far, enlarged: so a photo
    keeps its fine detail. sizes: the side of a square, or (height, width), in pixels. The last good
    Step of a Diverged may have the size before.
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
    """Each Step converted by `convert`, the last good Step of a Diverged included."""
    done = None
    try:
        for step in steps:
            done = convert(step)
            yield done
    except Diverged as error:
        error.last_step = done
        raise


def on_device_of(home: Tensor, steps: Iterable[Step]) -> Iterator[Step]:
    """Each Step moved to the device and number type of `home`, a tensor of the caller."""
    return map_steps(
        steps, lambda step: step._replace(image=step.image.to(home), value=step.value.to(home))
    )


def scaled_down(sides: Iterable[int], part: float) -> tuple[int, int]:
    """(height, width) made `part` times smaller, in whole pixels."""
    return tuple(max(1, round(side / part)) for side in sides)


def _resize(image: Tensor, size: int | tuple[int, int]) -> Tensor:
    return F.interpolate(image, size, mode="bilinear", antialias=True)


def _with_grad(function: Callable[..., Tensor], *arguments: Tensor) -> Tensor:
    """function(…) with gradients on. (A `with` around a `yield` would reach the caller.)"""
    with torch.inference_mode(False), torch.enable_grad():
        return function(*arguments)


def _leaf(start: Tensor) -> Tensor:
    """A copy of its own that gradients lead to."""
    return start.detach().clone(memory_format=torch.contiguous_format).requires_grad_(True)


def _check_value(value: Tensor, image: Tensor) -> None:
    if value.shape != image.shape[:1]:
        shapes = f"shape ({len(image)},), not shape {tuple(value.shape)}"
        hint = "sum each by itself, x.flatten(1).sum(dim=1)"
        raise ValueError(f"an objective gives one number per picture, {shapes}: {hint}.")
    if not value.requires_grad:
        cut = "an argmax, detach, torch.no_grad or inference_mode cuts it off on the way"
        raise ValueError(f"the value has no gradient: {cut}.")


def check_finite(index: int, last_step: tuple | None, **tensors: Tensor) -> None:
    """Raises Diverged, with the last good Step, if a tensor is NaN or infinite."""
    for name, tensor in tensors.items():
        if not tensor.isfinite().all():
            wrong = f"step {index}: the {name} is NaN or infinite"
            hint = "Try a smaller rate, or a constraint; last_step is the last good Step"
            raise Diverged(f"{wrong}. {hint}.", last_step)
