"""Adversarial examples: changes too small to be seen, made by gradients or by queries alone.

Every attack is ascent + a ball. The ball holds the pictures whose change is at most `radius`: in
each value ("inf"), or in Euclidean length ("l2"). PGD (Madry et al. 2018) ascends the network's
loss inside it; FGSM (Goodfellow, Shlens & Szegedy 2015) is a single step as long as the radius;
`fool` stops as soon as the prediction changes.
"""

import bisect
import functools
import inspect
import itertools
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import images
from ..errors import known, positive, share, unknown, whole
from ..objectives import Target, classes_of
from ..optimize import Direction, Diverged, Step, always, ascend, final, sign
from ..transforms import Transform, chain, clamp, within

LARGEST_SQUARE = 0.1  # of a picture's area, in the first query of `query_attack_steps`


class GradientMasked(UserWarning):
    """The gradient is exactly zero: a gradient attack shows nothing about robustness here."""


class Aim(NamedTuple):
    classes: Tensor  # (N,) to reach, or to leave
    targeted: bool
    open: Tensor  # (N,) bool: still to be fooled; the others are not changed
    labels: bool  # does each score stand for itself, as the logit of a sigmoid?


# --- by gradients ---------------------------------------------------------------------------------


def _in_batches(attack: Callable[..., Tensor]) -> Callable[..., Tensor]:
    """The same attack, made on `batch_size` pictures at a time."""

    @functools.wraps(attack)
    def run(model, pixels, target=None, radius=8 / 255, away_from=None, batch_size=16, **settings):
        aim, parts = _aim(model, pixels, target, away_from), []
        name = "target" if aim.targeted else "away_from"
        batches = (each.split(batch_size) for each in (pixels, aim.classes, aim.open))
        for some, classes, still in zip(*batches, strict=True):
            own = {name: classes, "radius": radius}
            reached = aim.targeted and not still.any()
            parts.append(some if reached else attack(model, some, **own, **settings))
        return torch.cat(parts)

    signature = inspect.signature(attack)
    size = inspect.Parameter("batch_size", inspect.Parameter.KEYWORD_ONLY, default=16)
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), size])
    return run


def fool_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Target = None,
    radius: float = 8 / 255,
    *,
    away_from: Target = None,
    norm: str = "inf",
    steps: int = 100,
    lead: float = 0.0,
) -> Iterator[Step]:
    """Steps on pictures (N, C, H, W) until they are predicted as `target`, or as any other class.

    Ascends the margin: score of the target − largest other score; or minus that, for `away_from`,
    the current prediction unless it is given. A picture stops once its margin, Step.value, is above
    `lead`, and the run ends once all have stopped; within the steps and the radius, some may not be
    fooled. A picture that is fooled from the beginning is not changed. A step is a sixteenth of the
    radius (after Szegedy et al. 2014). `fool` attacks `batch_size` pictures at a time, 16 unless it
    is given.
    """
    aim = _aim(model, pixels, target, away_from)

    def margin_until_fooled(image: Tensor) -> Tensor:
        margin = _margin(model(image), aim)
        return torch.where(margin > lead, margin.detach(), margin)  # fooled: no gradient any more

    stay = always(_open_in_ball(aim, pixels, radius, norm))
    how = {"direction": _direction(aim, norm, radius / 16), "constrain": stay}
    for step in ascend(pixels, margin_until_fooled, steps=steps, **how):
        yield step
        if ((step.value > lead) | ~aim.open).all():
            return


fool = _in_batches(final(fool_steps))


def pgd_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Target = None,
    radius: float = 8 / 255,
    *,
    away_from: Target = None,
    norm: str = "inf",
    steps: int = 20,
    rate: float | None = None,
    seed: int | None = 0,
    loss: str = "cross_entropy",
) -> Iterator[Step]:
    """Steps of projected gradient descent: x ← projection of x + rate · direction onto the ball.

    The direction is the sign of the gradient ("inf"), or the gradient at length 1 ("l2"). Ascends
    −log P of `away_from`, the current prediction unless it is given, or log P of `target`. The
    start is the picture plus a random change, the same for each picture; with seed=None the picture
    itself. rate: 2.5 · radius / steps unless it is given (Madry et al.). Pictures that are not
    predicted as `away_from` at first, or are as `target`, are not changed. loss="margin" ascends a
    difference of scores (Carlini & Wagner 2017), whose gradient does not vanish where the softmax
    saturates. `pgd` attacks `batch_size` pictures at a time, 16 unless it is given.
    """
    known("loss", loss, ("cross_entropy", "margin"))
    aim = _aim(model, pixels, target, away_from)
    stay = _open_in_ball(aim, pixels, radius, norm)
    objective = _margin if loss == "margin" else _log_odds
    rate = 2.5 * radius / whole("steps", steps, 1) if rate is None else rate
    start = pixels if seed is None else stay(pixels + _anywhere(pixels, radius, norm, seed))
    how = {"direction": _direction(aim, norm, positive("rate", rate)), "constrain": always(stay)}
    yield from ascend(start, lambda image: objective(model(image), aim), steps=steps, **how)


pgd = _in_batches(final(pgd_steps))


def fgsm(
    model: nn.Module, pixels: Tensor, target: Target = None, radius: float = 8 / 255, **settings
) -> Tensor:
    """The fast gradient sign method, x + radius · sign(∇ loss), (N, C, H, W).

    Each value moves by the whole radius: if the loss were linear, no other change of this size
    would raise it more. settings: away_from, norm, loss and batch_size, as for `pgd`.
    """
    return pgd(model, pixels, target, radius, steps=1, rate=radius, seed=None, **settings)


# --- how large a change has to be -----------------------------------------------------------------


class LeastChange(NamedTuple):
    radius: Tensor  # (N,) the least at which PGD fools; 0: fooled already; inf: it never does
    image: Tensor  # (N, C, H, W) fooled within that radius; the picture itself for 0 and for inf


def least_change(
    model: nn.Module, pixels: Tensor, target: Target = None, largest: float = 16 / 255, **settings
) -> LeastChange:
    """The least radius at which `pgd` fools each picture, by bisection among 256 up to `largest`.

    A stronger attack may need less. settings: as for `pgd`.
    """
    aim = _aim(model, pixels, target, settings.pop("away_from", None))
    radii = [largest * step / 256 for step in range(257)]
    each = zip(pixels.split(1), aim.classes.split(1), strict=True)
    found = [_least(model, one, aim._replace(classes=own), radii, settings) for one, own in each]
    least, image = zip(*found, strict=True)
    return LeastChange(torch.tensor(least, device=pixels.device), torch.cat(image))


def _least(model, picture: Tensor, aim: Aim, radii: list, settings: dict) -> tuple[float, Tensor]:
    named = {"target" if aim.targeted else "away_from": aim.classes}

    def attacked(radius: float) -> Tensor:
        return pgd(model, picture, radius=radius, **named, **settings) if radius else picture

    def fools(radius: float) -> bool:
        return bool((classes_of(model, None, attacked(radius)) == aim.classes) == aim.targeted)

    if fools(0):
        return 0.0, picture
    least = (*radii, math.inf)[bisect.bisect_left(radii, True, key=fools)]
    return least, attacked(least) if least < math.inf else picture


# --- by queries alone -----------------------------------------------------------------------------


class QueryStep(NamedTuple):
    index: int
    image: Tensor  # (N, C, H, W) the best pictures so far
    value: Tensor  # (N,) their margins: above 0 is fooled
    queries: Tensor  # (N,) queries of the network so far


@torch.no_grad()
def query_attack_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Target = None,
    radius: float = 8 / 255,
    *,
    away_from: Target = None,
    queries: int = 500,
    seed: int = 0,
) -> Iterator[QueryStep]:
    """Steps of a simple Square Attack (Andriushchenko et al. 2020), which needs no gradient.

    After the picture itself it tries vertical stripes of ± radius; then each query changes one
    random square, in each colour by + or − radius, and keeps it if the margin grows. The squares
    cover a tenth of the picture at first, and a 64th of that at the end. A fooled picture takes no
    more queries. Each random change is tried on every picture.
    """
    aim, into_ball = _aim(model, pixels, target, away_from), ball(pixels, radius)
    generator, queries = torch.Generator().manual_seed(seed), whole("queries", queries, 1)
    image, counts = pixels.clone(), torch.ones(len(pixels), dtype=torch.long)
    value = _margin(model(image), aim).to(pixels.device)
    yield (step := QueryStep(0, image.clone(), value.clone(), counts.clone()))
    for index in range(1, queries):
        if value.isnan().any():
            raise Diverged(f"query {index}: the scores are NaN, so the attack stops.", step)
        left = (value <= 0).nonzero()[:, 0]
        if not len(left):
            return
        if index == 1:
            stripes = _signs((1, pixels.shape[1], 1, pixels.shape[3]), generator)
            tried = into_ball(pixels + radius * stripes.to(pixels))
        else:
            area = LARGEST_SQUARE / 64 ** (index / queries)
            tried = into_ball(_repainted(image, pixels, radius, area, generator))
        margin = _margin(model(tried[left]), aim, left.cpu()).to(value)
        better = left[margin > value[left]]
        image[better], value[left] = tried[better], torch.maximum(value[left], margin)
        counts[left.cpu()] += 1
        yield (step := QueryStep(index, image.clone(), value.clone(), counts.clone()))


query_attack = final(query_attack_steps)


def _repainted(image: Tensor, pixels: Tensor, radius: float, area: float, generator) -> Tensor:
    """`image` with a random square set to `pixels` ± radius; area: its share of a picture."""
    sides = pixels.shape[2:]
    side = min(max(1, round(math.sqrt(area * math.prod(sides)))), *sides)
    top, left = (int(torch.randint(room - side + 1, (), generator=generator)) for room in sides)
    square = (..., slice(top, top + side), slice(left, left + side))
    repainted, signs = image.clone(), _signs((1, pixels.shape[1], 1, 1), generator).to(pixels)
    repainted[square] = pixels[square] + radius * signs
    return repainted


# --- one change for many pictures -----------------------------------------------------------------


def universal_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Target = None,
    radius: float = 8 / 255,
    *,
    away_from: Target = None,
    steps: int = 50,
    batch_size: int = 16,
    seed: int = 0,
) -> Iterator[Step]:
    """Steps to one universal change (1, C, H, W) within ± radius that fools many pictures.

    Each step ascends the mean margin of the next `batch_size` pictures (in an order by seed), of
    which only those that are not yet fooled count. Step.image is the change; add it to a picture
    and clamp that to [0, 1]. After Moosavi-Dezfooli et al. 2017, but by sign steps, each a fifth of
    the radius.
    """
    aim = _aim(model, pixels, target, away_from)
    _check_radius(radius)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    order = order[aim.open.cpu()[order]]
    if not len(order):
        raise ValueError("no picture is predicted as `away_from`, so there is nothing to fool.")
    batches = itertools.cycle(order.split(batch_size))

    def mean_margin(change: Tensor) -> Tensor:
        some = next(batches)
        margin = _margin(model((pixels[some] + change).clamp(0, 1)), aim, some)
        return torch.where(margin > 0, margin.detach(), margin).mean()[None]

    zero = torch.zeros_like(pixels[:1])
    stay = always(within(zero, radius * (1 - torch.finfo(pixels.dtype).eps)))
    yield from ascend(zero, mean_margin, steps=steps, direction=sign(radius / 5), constrain=stay)


universal = final(universal_steps)


def random_change(pixels: Tensor, radius: float, norm: str = "inf", seed: int = 0) -> Tensor:
    """The baseline of every attack: a random change of full size, one for all, (N, C, H, W).

    Each value moves by + or − radius ("inf"), or the whole picture by a length of radius ("l2").
    """
    images.check_pixels(pixels, channels=None)
    into_ball, generator = ball(pixels, radius, norm), torch.Generator().manual_seed(seed)
    change = (_signs if norm == "inf" else _random_unit)((1, *pixels.shape[1:]), generator)
    return into_ball(pixels + radius * change.to(pixels))


# --- from one network to another ------------------------------------------------------------------


class RestrictedClasses(nn.Module):
    """A network restricted to some of its classes: the scores of `class_names`, (N, K).

    So networks with different classes can be compared on those that they share.
    """

    def __init__(self, model: nn.Module, class_names: Sequence[str]):
        super().__init__()
        self.columns = [model.class_index(name) for name in class_names]
        self.model, self.class_names, self.channels = model, list(class_names), model.channels
        self.name, self.scores_are, self.check = model.name, model.scores_are, model.check

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels)[:, self.columns]

    def class_index(self, target: int | str) -> int:
        known = self.class_names if isinstance(target, str) else range(len(self.class_names))
        if isinstance(target, bool | float) or target not in known:
            raise unknown("class of these networks", target, known)
        return known.index(target)


# --- parts ----------------------------------------------------------------------------------------


def ball(center: Tensor, radius: float, norm: str = "inf") -> Transform:
    """Projection onto the ball of `radius` about `center`, then onto [0, 1].

    The radius is reduced by the rounding error of floats, so that no picture ends outside. The
    clamp to [0, 1] does not undo the projection, for it brings every value nearer to the center,
    which lies in [0, 1] itself.
    """
    eps, longest = torch.finfo(center.dtype).eps, math.sqrt(center[0].numel())
    _check_radius(radius, 1.0 if norm == "inf" else longest)
    rounding = eps if norm == "inf" else eps * (longest + 8 * radius)
    return chain(within(center, max(radius - rounding, 0.0), norm), clamp())


def _check_radius(radius: float, most: float = 1.0) -> None:
    share("the radius, such as 8 / 255,", positive("the radius", radius), 0, most)


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def _aim(model: nn.Module, pixels: Tensor, target: Target, away_from: Target) -> Aim:
    if target is not None and away_from is not None:
        raise ValueError("give target, a class to reach, or away_from, a class to leave; not both.")
    predictions, named = classes_of(model, None, pixels), away_from if target is None else target
    classes = predictions if named is None else classes_of(model, named, pixels)
    still = (predictions == classes) != (target is not None)
    if target is not None and not still.any():
        name = model.class_names[int(classes[0])]
        raise ValueError(f"this is predicted as {name!r} already: choose another target.")
    labels = getattr(model, "scores_are", None) == "labels"
    return Aim(classes, target is not None, still.to(pixels.device), labels)


def _margin(scores: Tensor, aim: Aim, some: Tensor | slice = slice(None)) -> Tensor:
    """(N,) above 0 once fooled: target − best other score, or best other − class to leave."""
    classes = aim.classes[some].to(scores.device)[:, None]
    own, others = scores.gather(1, classes)[:, 0], scores.scatter(1, classes, -math.inf).amax(dim=1)
    return own - others if aim.targeted else others - own


def _log_odds(scores: Tensor, aim: Aim) -> Tensor:
    """(N,) log P of the target, or −log P of the class to leave."""
    log = F.logsigmoid(scores) if aim.labels else scores.log_softmax(dim=1)
    loss = F.nll_loss(log, aim.classes.to(scores.device), reduction="none")
    return -loss if aim.targeted else loss


def _direction(aim: Aim, norm: str, rate: float) -> Direction:
    """The step of size `rate` that raises a linear score most; warns of gradients that vanish."""
    count = itertools.count()

    def direction(gradient: Tensor, parameter: Tensor) -> Tensor:
        masked = (gradient == 0).flatten(1).all(dim=1) & aim.open
        if next(count) == 0 and masked.any():
            zero = f"the gradient of {int(masked.sum())} of {len(masked)} pictures is exactly zero"
            hint = 'it cannot move them: try loss="margin", or query_attack, which needs none'
            warnings.warn(f"{zero}, so {hint}.", GradientMasked, stacklevel=2)
        return rate * (gradient.sign() if norm == "inf" else _unit_length(gradient))

    return direction


def _unit_length(gradient: Tensor) -> Tensor:
    """Each picture of the batch divided by its Euclidean norm; zeros stay zeros."""
    tiny = torch.finfo(gradient.dtype).tiny
    largest = gradient.abs().amax(dim=(1, 2, 3), keepdim=True)
    gradient = gradient / largest.clamp(min=tiny)  # so that squares do not vanish
    return gradient / gradient.square().sum(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=tiny)


def _open_in_ball(aim: Aim, pixels: Tensor, radius: float, norm: str) -> Transform:
    """`ball` about the pictures that are still to be fooled; the others are as in `pixels`."""
    into_ball = ball(pixels, radius, norm)
    return lambda image: torch.where(aim.open.view(-1, 1, 1, 1), into_ball(image), pixels)


def _anywhere(pixels: Tensor, radius: float, norm: str, seed: int) -> Tensor:
    """A random change (1, C, H, W) of at most the radius."""
    generator, shape = torch.Generator().manual_seed(seed), (1, *pixels.shape[1:])
    if norm == "inf":
        return radius * (2 * torch.rand(shape, generator=generator) - 1).to(pixels)
    length = radius * torch.rand((), generator=generator)
    return (length * _random_unit(shape, generator)).to(pixels)


def _random_unit(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return _unit_length(torch.randn(shape, generator=generator))


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator) * 2.0 - 1
