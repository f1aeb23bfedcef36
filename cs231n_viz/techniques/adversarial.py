"""How little fools a network: a change too small to be seen, made by gradients, by questions alone,
or once for many.

Every attack is ascent + a ball. The ball holds the pictures whose change is at most `radius`: in
each value ("inf"), or in Euclidean length ("l2"). PGD (Madry et al. 2018) climbs the network's loss
inside it; FGSM (Goodfellow, Shlens & Szegedy 2015) is a single step as long as the radius; `fool`
stops as soon as the answer is another one.
"""

import itertools
import math
import operator
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import images
from ..errors import unknown
from ..objectives import targets_of
from ..optimize import Direction, Diverged, Step, always, ascend, last, sign
from ..transforms import Transform, chain, clamp, within

Classes = (
    int | str | Tensor
)  # a class by index or name, or a tensor of indices (N,), one for each picture
NORMS = ("inf", "l2")
LOSSES = ("cross_entropy", "margin")


class GradientMasked(UserWarning):
    """The gradient is exactly zero: an attack that goes by it says nothing about how robust the
    network is.
    """


class Aim(NamedTuple):
    classes: Tensor  # (N,) to be reached, or to be left
    targeted: bool
    open: Tensor  # (N,) bool; the others are called something else already, and stay as they are


# --- by gradients ---------------------------------------------------------------------------------


def fool_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    norm: str = "inf",
    steps: int = 100,
    rate: float | None = None,
    lead: float = 0.0,
) -> Iterator[Step]:
    """Change pictures (N, C, H, W) a little until they are called `target`, or without one,
    anything else.

    Climbs the margin: score of the target − largest other score; or minus that, for `away_from`,
    the present answer unless it is given. A picture stands still once its margin, Step.value, is
    above `lead`, and when all do, the run ends. rate: how far a step goes, a sixteenth of the
    radius unless it is given (after Szegedy et al. 2014).
    """
    aim = _aim(model, pixels, target, away_from)
    _check(pixels, radius, norm, steps, rate)

    def margin_until_fooled(image: Tensor) -> Tensor:
        margin = _margin(model(image), aim.classes, aim.targeted)
        return torch.where(
            margin > lead, margin.detach(), margin
        )  # what is fooled has no slope any more

    run = ascend(
        pixels,
        margin_until_fooled,
        steps=steps,
        direction=_saying_if_masked(_direction(norm, rate or radius / 16), aim.open),
        constrain=always(_only(aim.open, pixels, ball(pixels, radius, norm))),
    )
    for step in run:
        yield step
        if (step.value > lead).all():
            return


def fool(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    batch_size: int = 16,
    **settings,
) -> Tensor:
    """The last pictures of `fool_steps` (N, C, H, W); some may not be fooled if the steps or the
    radius end.
    """
    settings |= {"radius": radius, "batch_size": batch_size}
    return _in_batches(fool_steps, model, pixels, target, away_from, **settings)


def pgd_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    norm: str = "inf",
    steps: int = 20,
    rate: float | None = None,
    seed: int | None = 0,
    loss: str = "cross_entropy",
) -> Iterator[Step]:
    """Projected gradient descent: x ← the picture in the ball and in [0, 1] that is nearest to x +
    rate · direction.

    The direction is the sign of the gradient ("inf"), or the gradient at length 1 ("l2"). Climbs
    −log P of `away_from`, the present answer unless it is given, or log P of `target`. The start is
    a random place in the ball, the same for each picture; with seed=None the picture itself. rate:
    2.5 · radius / steps unless it is given (Madry et al.). Pictures that are called something else
    than `away_from` to begin with stay as they are. loss="margin" climbs a difference of scores
    (Carlini & Wagner 2017), which has a slope even where P is 1 to the last digit.
    """
    if loss not in LOSSES:
        raise unknown("loss", loss, LOSSES)
    aim = _aim(model, pixels, target, away_from)
    _check(pixels, radius, norm, steps, rate)
    stay = _only(aim.open, pixels, ball(pixels, radius, norm))
    objective = _margin if loss == "margin" else _log_odds
    yield from ascend(
        pixels if seed is None else stay(pixels + _anywhere(pixels, radius, norm, seed)),
        lambda image: objective(model(image), aim.classes, aim.targeted),
        steps=steps,
        direction=_saying_if_masked(_direction(norm, rate or 2.5 * radius / steps), aim.open),
        constrain=always(stay),
    )


def pgd(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    batch_size: int = 16,
    **settings,
) -> Tensor:
    """The last pictures of `pgd_steps` (N, C, H, W)."""
    settings |= {"radius": radius, "batch_size": batch_size}
    return _in_batches(pgd_steps, model, pixels, target, away_from, **settings)


def fgsm(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    norm: str = "inf",
    loss: str = "cross_entropy",
    batch_size: int = 16,
) -> Tensor:
    """The fast gradient sign method: each value moves by the whole radius, x + radius · sign(∇
    loss), (N, C, H, W).

    If the loss were linear, no other change of this size would raise it more.
    """
    ways = {"away_from": away_from, "norm": norm, "loss": loss, "batch_size": batch_size}
    return pgd(model, pixels, target, radius, steps=1, rate=radius, seed=None, **ways)


# --- by questions alone ---------------------------------------------------------------------------


class QueryStep(NamedTuple):
    index: int
    image: Tensor  # (N, C, H, W) the best pictures so far
    value: Tensor  # (N,) their margins: above 0 is fooled
    queries: Tensor  # (N,) how often the network has been asked about each


@torch.no_grad()
def query_attack_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    queries: int = 500,
    share: float = 0.1,
    seed: int = 0,
) -> Iterator[QueryStep]:
    """The Square Attack, in short (Andriushchenko et al. 2020): asks for scores, never for a
    gradient.

    After the picture itself it tries vertical stripes of ± radius; then each query repaints one
    square, in each colour + or − radius, and keeps it if the margin grows. The squares cover
    `share` of the picture at first, and a 64th of that at the end. A fooled picture is asked about
    no more. What is tried is drawn once, and tried on each picture.
    """
    aim = _aim(model, pixels, target, away_from)
    _check(pixels, radius, "inf", queries)
    stay, generator = ball(pixels, radius), torch.Generator().manual_seed(seed)
    image, asked = pixels.clone(), torch.ones(len(pixels), dtype=torch.long)
    value = _margin(model(image), aim.classes, aim.targeted).to(pixels.device)
    yield (step := QueryStep(0, image.clone(), value.clone(), asked.clone()))
    for index in range(1, queries):
        if value.isnan().any():
            raise Diverged(f"query {index}: the scores are NaN, so the attack stops.", step)
        left = (value <= 0).nonzero()[:, 0]
        if not len(left):
            return
        tried = _striped(pixels, radius, generator) if index == 1 else image.clone()
        if index > 1:
            rows, columns = _square(pixels, share / 64 ** (index / queries), generator)
            signs = _signs((1, pixels.shape[1], 1, 1), generator).to(pixels)
            tried[:, :, rows, columns] = pixels[:, :, rows, columns] + radius * signs
        tried = stay(tried)
        answer = _margin(model(tried[left]), aim.classes[left.to(aim.classes.device)], aim.targeted)
        better = left[answer.to(value) > value[left]]
        image[better], value[left] = tried[better], torch.maximum(value[left], answer.to(value))
        asked[left.cpu()] += 1
        yield (step := QueryStep(index, image.clone(), value.clone(), asked.clone()))


def query_attack(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    **settings,
) -> Tensor:
    """The best pictures of `query_attack_steps` (N, C, H, W)."""
    return last(query_attack_steps(model, pixels, target, radius, **settings))


def _striped(pixels: Tensor, radius: float, generator: torch.Generator) -> Tensor:
    return pixels + radius * _signs((1, pixels.shape[1], 1, pixels.shape[3]), generator).to(pixels)


def _square(pixels: Tensor, share: float, generator: torch.Generator) -> tuple[slice, slice]:
    """A square somewhere in the picture that covers about `share` of it, at least one pixel."""
    height, width = pixels.shape[2:]
    side = min(max(1, round(math.sqrt(share * height * width))), height, width)
    top, left = (
        int(torch.randint(room - side + 1, (), generator=generator)) for room in (height, width)
    )
    return slice(top, top + side), slice(left, left + side)


# --- one change for many pictures -----------------------------------------------------------------


def universal_steps(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    *,
    away_from: Classes | None = None,
    steps: int = 50,
    rate: float | None = None,
    batch_size: int = 16,
    seed: int = 0,
) -> Iterator[Step]:
    """One change (1, C, H, W), each value within ± radius, that fools as many of the pictures as it
    can.

    Each step climbs the mean margin of the next `batch_size` pictures (in an order by seed), of
    which only those that are not yet fooled count. Step.image is the change; add it to a picture
    and clamp that to [0, 1]. In the spirit of Moosavi-Dezfooli et al. 2017, by steps of the sign.
    rate: a fifth of the radius unless it is given.
    """
    aim = _aim(model, pixels, target, away_from)
    _check(pixels, radius, "inf", steps, rate)
    order = torch.randperm(len(pixels), generator=torch.Generator().manual_seed(seed))
    order = order[aim.open.cpu()[order]]
    if not len(order):
        raise ValueError(
            "none of these pictures is called what the change leads away from: there is nothing to fool."
        )
    batches = itertools.cycle(order.split(batch_size))

    def mean_margin(change: Tensor) -> Tensor:
        some = next(batches)
        scores = model((pixels[some] + change).clamp(0, 1))
        margin = _margin(scores, aim.classes[some.to(aim.classes.device)], aim.targeted)
        return torch.where(margin > 0, margin.detach(), margin).mean()[None]

    nothing = torch.zeros_like(pixels[:1])
    into_ball = within(nothing, radius * (1 - torch.finfo(pixels.dtype).eps))
    yield from ascend(
        nothing,
        mean_margin,
        steps=steps,
        direction=sign(rate or radius / 5),
        constrain=always(into_ball),
    )


def universal(
    model: nn.Module,
    pixels: Tensor,
    target: Classes | None = None,
    radius: float = 8 / 255,
    **settings,
) -> Tensor:
    """The last change of `universal_steps`, (1, C, H, W)."""
    return last(universal_steps(model, pixels, target, radius, **settings))


def random_change(pixels: Tensor, radius: float, norm: str = "inf", seed: int = 0) -> Tensor:
    """The baseline of every attack: a change of full size by lot, the same for each picture, (N, C,
    H, W).

    Each value moves by + or − radius ("inf"), or the whole picture by a length of radius ("l2").
    """
    images.check_pixels(pixels, channels=pixels.shape[1])
    _check(pixels, radius, norm)
    generator = torch.Generator().manual_seed(seed)
    shape = (1, *pixels.shape[1:])
    change = (
        _signs(shape, generator)
        if norm == "inf"
        else _unit_length(torch.randn(shape, generator=generator))
    )
    return ball(pixels, radius, norm)(pixels + radius * change.to(pixels))


# --- from one network to another ------------------------------------------------------------------


class RestrictedClasses(nn.Module):
    """A network that may answer with some of its classes only: the scores of `class_names`, (N,
    classes).

    So networks that know different things can be compared on what they all know.
    """

    def __init__(self, model: nn.Module, class_names: Sequence[str]):
        super().__init__()
        self.columns = [model.class_index(name) for name in class_names]
        self.model, self.class_names, self.channels = model, list(class_names), model.channels

    def forward(self, pixels: Tensor) -> Tensor:
        return self.model(pixels)[:, self.columns]

    def class_index(self, target: int | str) -> int:
        known = self.class_names if isinstance(target, str) else range(len(self.class_names))
        if target not in known:
            raise unknown("class of these networks", target, known)
        return known.index(target)


class Transfer(NamedTuple):
    names: list[str]
    clean: Tensor  # (K,) share of all pictures that each network names rightly before any attack
    noise: (
        Tensor  # (K,) of those, the share that it gets wrong after a random change of the same size
    )
    # (K, K) [made for, tried on]: share of the pictures, of those that both name rightly
    fooled: Tensor
    counts: Tensor  # (K, K) how many those are


def transfer_matrix(
    networks: Mapping[str, nn.Module],
    pixels: Tensor,
    labels: Tensor,
    radius: float = 8 / 255,
    **settings,
) -> Transfer:
    """Pictures made for one network, tried on another (Szegedy et al. 2014), untargeted PGD with
    these `settings`.

    labels (N,): the right classes. All networks answer with the same classes: see `RestrictedClasses`. Entry
    [i, j] asks only of pictures that i *and* j name rightly before, how many j gets wrong after the
    attack that was made for i.
    """
    classes = [network.class_names for network in networks.values()]
    if any(names != classes[0] for names in classes):
        raise ValueError(
            "these networks do not answer with the same classes: adversarial.RestrictedClasses(network, class_names) "
            "restricts each of them to those that all of them know."
        )
    members = list(networks.values())

    def right(images_of_all: Tensor) -> Tensor:  # (K, N) bool
        return torch.stack([_answers(each, images_of_all) == labels.cpu() for each in members])

    clean, noisy = right(pixels), right(random_change(pixels, radius, settings.get("norm", "inf")))
    attacked = [
        right(pgd(each, pixels, radius=radius, away_from=labels, **settings)) for each in members
    ]
    both = clean[:, None] & clean[None]  # (K, K, N)
    counts = both.sum(dim=2)
    fooled = (both & ~torch.stack(attacked)).sum(dim=2) / counts.clamp(min=1)
    noise = (clean & ~noisy).sum(dim=1) / clean.sum(dim=1).clamp(min=1)
    return Transfer(list(networks), clean.float().mean(dim=1), noise, fooled, counts)


# --- parts ----------------------------------------------------------------------------------------


def ball(center: Tensor, radius: float, norm: str = "inf") -> Transform:
    """Brings pictures to the nearest place whose change from `center` is at most `radius`, then
    into [0, 1].

    Aims a hair's breadth inside, so that not even float rounding leads out. The clamp to [0, 1]
    never undoes the first part, for it brings every value nearer to the center, which lies in [0,
    1] itself.
    """
    eps, values = torch.finfo(center.dtype).eps, center[0].numel()
    hair = eps if norm == "inf" else eps * (math.sqrt(values) + 8 * radius)
    return chain(within(center, max(radius - hair, 0.0), norm), clamp())


def _aim(
    model: nn.Module, pixels: Tensor, target: Classes | None, away_from: Classes | None
) -> Aim:
    images.check_pixels(pixels, channels=model.channels)
    if target is not None and away_from is not None:
        raise ValueError("give a target to go to, or away_from, a class to leave; not both.")
    answers = _answers(model, pixels)
    if target is None:
        classes = answers if away_from is None else _classes(model, away_from, len(pixels))
        return Aim(classes, False, (answers == classes).to(pixels.device))
    classes = _classes(model, target, len(pixels))
    if (answers == classes).any():
        name = model.class_names[int(classes[answers == classes][0])]
        raise ValueError(
            f"the network calls a picture {name!r} already, so there is nothing to fool: choose another target, or "
            "leave out the pictures whose answer it is."
        )
    return Aim(classes, True, torch.ones(len(pixels), dtype=torch.bool, device=pixels.device))


def _classes(model: nn.Module, given: Classes, count: int) -> Tensor:
    """(N,) indices."""
    try:
        each = [
            one if isinstance(one, str) else operator.index(one) for one in targets_of(given, count)
        ]
    except TypeError as error:
        raise TypeError(
            f"an attack wants a class by index or name, or a tensor of indices, one for each picture, not {given!r}."
        ) from error
    return torch.tensor([model.class_index(one) for one in each])


@torch.no_grad()
def _answers(model: nn.Module, pixels: Tensor, batch_size: int = 32) -> Tensor:
    return torch.cat([model(some).argmax(dim=1).cpu() for some in pixels.split(batch_size)])


def _margin(scores: Tensor, classes: Tensor, targeted: bool) -> Tensor:
    """(N,) above 0 once the picture is fooled: by how much the target leads, or the class to be
    left has lost.
    """
    classes = classes.to(scores.device)[:, None]
    own, others = scores.gather(1, classes)[:, 0], scores.scatter(1, classes, -math.inf).amax(dim=1)
    return own - others if targeted else others - own


def _log_odds(scores: Tensor, classes: Tensor, targeted: bool) -> Tensor:
    """(N,) log P of the target, or −log P of the class to be left."""
    loss = F.cross_entropy(scores, classes.to(scores.device), reduction="none")
    return -loss if targeted else loss


def _direction(norm: str, rate: float) -> Direction:
    """The step of size `rate` that raises a linear score the most."""
    return (
        sign(rate) if norm == "inf" else lambda gradient, parameter: rate * _unit_length(gradient)
    )


def _unit_length(gradient: Tensor) -> Tensor:
    """Each picture of the batch at Euclidean length 1; zeros stay zeros."""
    tiny = torch.finfo(gradient.dtype).tiny
    gradient = gradient / gradient.abs().amax(dim=(1, 2, 3), keepdim=True).clamp(
        min=tiny
    )  # squares do not vanish
    return gradient / gradient.square().sum(dim=(1, 2, 3), keepdim=True).sqrt().clamp(min=tiny)


def _saying_if_masked(direction: Direction, is_open: Tensor) -> Direction:
    """`direction`, which at the first step warns of pictures that have no gradient at all."""
    first = True

    def watching(gradient: Tensor, parameter: Tensor) -> Tensor:
        nonlocal first
        flat = int(((gradient == 0).flatten(1).all(dim=1) & is_open).sum()) if first else 0
        first = False
        if flat:
            warnings.warn(
                f"the gradient of {flat} of {len(gradient)} pictures is exactly zero, so this attack cannot move them. "
                'That does not make the network robust: try loss="margin", or query_attack, which needs no gradient.',
                GradientMasked,
                stacklevel=2,
            )
        return direction(gradient, parameter)

    return watching


def _only(chosen: Tensor, pixels: Tensor, transform: Transform) -> Transform:
    """`transform` for the chosen pictures; the others are as in `pixels`."""
    return lambda image: torch.where(chosen.view(-1, 1, 1, 1), transform(image), pixels)


def _anywhere(pixels: Tensor, radius: float, norm: str, seed: int) -> Tensor:
    """A change by lot (1, C, H, W) of up to the radius."""
    generator, shape = torch.Generator().manual_seed(seed), (1, *pixels.shape[1:])
    if norm == "inf":
        return radius * (2 * torch.rand(shape, generator=generator) - 1).to(pixels)
    length = radius * torch.rand((), generator=generator)
    return (length * _unit_length(torch.randn(shape, generator=generator))).to(pixels)


def _signs(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return torch.randint(2, shape, generator=generator) * 2.0 - 1


def _check(
    pixels: Tensor, radius: float, norm: str, steps: int = 1, rate: float | None = None
) -> None:
    if norm not in NORMS:
        raise unknown("norm", norm, NORMS)
    most = 1.0 if norm == "inf" else math.sqrt(pixels[0].numel())
    if not 0 < radius <= most:
        raise ValueError(
            f"the radius of the ball is above 0 and up to {most:.4g}, as far as pictures in [0, 1] can lie apart, not "
            f"{radius}: 8 grey levels of 255 are 8 / 255."
        )
    if steps < 1 or (rate is not None and rate <= 0):
        raise ValueError(
            f"an attack takes at least one step, and a rate above 0, not {steps} and {rate}."
        )


def _in_batches(
    steps_of: Callable,
    model: nn.Module,
    pixels: Tensor,
    target,
    away_from,
    batch_size: int,
    **settings,
) -> Tensor:
    images.check_pixels(pixels, channels=model.channels)
    count = len(pixels)
    classes = [
        each if each is None else _classes(model, each, count) for each in (target, away_from)
    ]
    parts = []
    for some in torch.arange(count).split(batch_size):
        to, away = (each if each is None else each[some] for each in classes)
        parts.append(last(steps_of(model, pixels[some], to, away_from=away, **settings)))
    return torch.cat(parts)
