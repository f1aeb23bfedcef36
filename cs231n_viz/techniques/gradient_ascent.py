"""Class and unit images by gradient ascent from the zero image (Simonyan et al. 2014).

The score alone makes noise. `Regularizers` holds what helps: penalties (Simonyan et al. 2014), blur
and clipping between the steps (Yosinski et al. 2015), random transformations under which the score
must stay high (Mordvintsev et al. 2015), and steps in a Fourier basis with decorrelated colours
(Olah, Mordvintsev & Schubert 2017). Networks for large pictures see random parts of the picture, as
in Fel et al. (2023).
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images, objectives, optimize, transforms
from ..errors import known, positive, share, whole
from ..objectives import Objective, Target, score_of, target_for, targets_of, weighted_sum
from ..optimize import Constraint, Direction, Step, adam, always, ascend, every, final, keep
from ..transforms import Transform, chain

COLORS = ("clamped", "sigmoid", "decorrelated", "free")


class Regularizers(NamedTuple):
    """The regularisers of a class image; 0 or False leaves one out.

    The zero image is the network's mean colour, μ. `colors` says how values are kept in [0, 1]:
    "clamped" after each step, "sigmoid" of unbounded ones, "decorrelated" (the sigmoid of colours
    that vary together as in photographs), or "free": not at all; images.stretch shows such a
    picture.
    """

    l2: float = 0.0  # weight of the penalty ‖x − μ‖²
    smooth: float = 0.0  # weight of the penalty total variation
    fringes: float = 0.0  # weight of the penalty total variation of the colours alone
    blur: float = 0.0  # sigma in pixels, of a Gaussian blur after every `blur_every`-th step
    blur_every: int = 4
    small_pixels: float = 0.0  # share of the pixels nearest to μ, set to μ after each step
    small_contributions: float = 0.0  # share of the pixels whose |(x − μ) · g| is least, set to μ
    small_gradients: float = 0.0  # share of the gradient's values, set to 0
    jitter: float = 0.0  # the network sees the picture rolled by up to this share of its side,
    scale: float = 0.0  # ... up to 1 + scale times as large or as small,
    rotate: float = 0.0  # ... and turned by up to so many degrees
    fourier: float = False  # the parameter is a Fourier spectrum that falls with f to this power
    colors: str = "clamped"


NONE = Regularizers()
LECTURE = Regularizers(l2=1e-2, blur=0.5, small_pixels=0.1, small_gradients=0.1, jitter=1 / 16)
WAVES = Regularizers(fourier=True, colors="decorrelated")
ROBUST = WAVES._replace(smooth=5e-3, fringes=1e-2, jitter=1 / 12, scale=0.25, rotate=10)
NATURAL = WAVES._replace(smooth=4e-2, fringes=0.2, fourier=0.9)  # together with a `view`
REGULARIZERS = {  # each alone, two together, and the two presets
    "none": NONE,
    "L2": NONE._replace(l2=0.03),
    "blur": NONE._replace(blur=0.8),
    "small pixels": NONE._replace(small_pixels=0.4),
    "contribution": NONE._replace(small_contributions=0.4),
    "gradient": NONE._replace(small_gradients=0.6),
    "jitter": NONE._replace(jitter=1 / 8),
    "scale, turn": NONE._replace(scale=0.3, rotate=12),
    "smooth": NONE._replace(smooth=0.03),
    "fringes": NONE._replace(fringes=0.03),
    "waves": NONE._replace(fourier=True),
    "colours": NONE._replace(colors="decorrelated"),
    "waves, colours": WAVES,
    "LECTURE": LECTURE,
    "ROBUST": ROBUST,
}


@torch.inference_mode(False)  # what is made in that mode could not be saved for a gradient
def class_image_steps(
    model: nn.Module,
    target: Target = None,
    regularizers: Regularizers | None = None,
    *,
    objective: Objective | None = None,
    view: float | None = None,
    size: images.Size | None = None,
    steps: int = 128,
    rate: float = 0.05,
    seed: int = 0,
    start: Tensor | None = None,
) -> Iterator[Step]:
    """Steps of Adam towards the class image, argmax S(x) − penalties over x: (N, C, H, W).

    target: see `objectives.score_of`; a list of N classes makes one picture of each. regularizers:
    without any, what fits the network. objective: any function image -> (N,), alone or added to the
    target's score. view: the network sees random parts of the picture, at this share of its own
    size; 0: all of it. start: a picture, pictures or a colour (1, C, 1, 1) such as model.mean;
    without one, μ plus a little noise, the same for all. seed: of all that is random.
    """
    regularizers, seen = _for_network(model, *_usual(model, target, regularizers, view))
    target = None if target is None else target_for(model, target, model.mean)
    terms = [objective, None if target is None else score_of(model, target)]
    if not any(terms):
        raise ValueError("say what the picture is of: a target, such as a class, or objective=.")
    picture = _beginning(model, target, size, start).to(model.device)  # (N, C, H, W)
    decode, encode = _space(regularizers, *picture.shape[2:])
    parameter = _noisy(encode(picture), seed) if start is None else encode(picture)
    mean = model.mean.to(picture)
    run = ascend(
        parameter,
        _score(model, [term for term in terms if term], regularizers),
        steps=whole("steps", steps, 1),
        decode=decode,
        augment=_disturbances(regularizers, min(picture.shape[2:]), seen, seed),
        direction=_direction(regularizers, rate, encode(mean.expand_as(picture[:1]))),
        constrain=_constraints(regularizers, mean, decode, encode),
    )
    return optimize.on_device_of((model.mean if start is None else start).device, run)


class_image = final(class_image_steps)


def unit_image_steps(
    model: nn.Module,
    layer: str,
    channel: int | list[int],
    row: int | None = None,
    column: int | None = None,
    regularizers: Regularizers | None = None,
    **settings,
) -> Iterator[Step]:
    """Steps towards the picture that activates a channel most, at (row, column) or on average.

    channel: a list of N makes one picture of each. settings: as for `class_image_steps`; with
    objective=, the sum of both.
    """
    many = isinstance(channel, list)
    units = [(layer, one, row, column) for one in (channel if many else [channel])]
    return class_image_steps(model, units if many else units[0], regularizers, **settings)


unit_image = final(unit_image_steps)


# --- how it is put together -----------------------------------------------------------------------


def _usual(model, target: Target, regularizers: Regularizers | None, view: float | None):
    """(regularizers, view): those given, or what fits the network and the target.

    Half-size views make one large thing of the picture, in less time: for classes of networks that
    see much. Small networks need the whole picture; units show more of their pattern in it.
    """
    first = target[0] if isinstance(target, list) and target else target
    whole = target is None or isinstance(first, tuple) or regularizers is not None
    fits = ROBUST, 0.0
    if not whole and min(model.size) >= 160 and _takes_half(model):
        fits = NATURAL, 0.5
    return regularizers or fits[0], fits[1] if view is None else view


def _takes_half(model) -> bool:
    """Does the network take pictures of half its own size?"""
    try:
        with torch.no_grad():
            model(model.mean.expand(1, -1, *(side // 2 for side in model.size)))
    except ValueError:
        return False
    return True


def _for_network(model, regularizers: Regularizers, view: float) -> tuple[Regularizers, int]:
    """The regularisers and the side of a view, checked; one channel has no "decorrelated"."""
    known("way to bound colours", regularizers.colors, COLORS)
    for name, strength in regularizers._asdict().items():
        if name != "colors":
            positive(name, strength, zero=True)
    mixed = regularizers.colors == "decorrelated" and model.channels != 3
    regularizers = regularizers._replace(colors="sigmoid") if mixed else regularizers
    return regularizers, round(share("view", view) * min(model.size))


def _beginning(model, target: Target, size: images.Size | None, start: Tensor | None) -> Tensor:
    """The picture, or pictures, to start from: (N, C, H, W)."""
    start = model.mean if start is None else start
    images.check_pixels(start, channels=model.channels)
    many = isinstance(target, list) or (isinstance(target, Tensor) and target.dim() == 1)
    count = len(target) if many and len(start) == 1 else len(start)
    targets_of(target, whole("the number of classes", count, 1))  # as many as pictures?
    own = tuple(start.shape[2:])
    usual = model.grey().shape[2:] if own == (1, 1) else own
    height, width = (size, size) if isinstance(size, int) else size or usual
    if own not in ((1, 1), (height, width)) or min(height, width) < 1:
        raise ValueError(f"a start of {own} pixels cannot become a picture of {height} x {width}.")
    exact = torch.promote_types(start.dtype, torch.float32)  # half precision has no spectra
    return start.expand(count, -1, height, width).to(exact).contiguous()


def _noisy(parameter: Tensor, seed: int) -> Tensor:
    """The parameter with a little noise, the same for all pictures of a batch."""
    noise = torch.randn(parameter.shape[1:], generator=torch.Generator().manual_seed(seed))
    return parameter + 0.01 * noise.to(parameter)


def _score(model, wanted: list[Objective], regularizers: Regularizers) -> Objective:
    """The sum of all that is wanted minus the penalties."""
    penalties = (
        (-regularizers.l2, objectives.squared_size(model.mean)),
        (-regularizers.smooth, objectives.total_variation()),
        (-regularizers.fringes, objectives.color_variation()),
    )
    return weighted_sum(*((1, each) for each in wanted), *(each for each in penalties if each[0]))


def _disturbances(regularizers: Regularizers, side: int, seen: int, seed: int) -> Transform:
    """The random transformations through which the network sees the picture.

    seen: the side of what it sees, or 0: that of the picture.
    """
    generator, largest = torch.Generator().manual_seed(seed), 1 + regularizers.scale
    possible = (
        (regularizers.jitter, transforms.jitter(round(regularizers.jitter * side), generator)),
        (regularizers.scale, transforms.random_scale(1 / largest, largest, generator)),
        (regularizers.rotate, transforms.random_rotate(regularizers.rotate, generator)),
        (seen, transforms.random_view(0.5, seen, 0.3, generator)),
    )
    return chain(*(each for strength, each in possible if strength))


def _direction(regularizers: Regularizers, rate: float, zero: Tensor) -> Direction:
    direction = adam(positive("rate", rate))
    if regularizers.small_gradients:
        direction = optimize.drop_small(direction, regularizers.small_gradients)
    if share := regularizers.small_contributions:  # of frequencies, if that is the parameter
        direction = optimize.drop_small_contributions(direction, share, zero)
    return direction


def _constraints(regularizers, mean: Tensor, decode: Transform, encode: Transform) -> Constraint:
    """What is done to the picture after a step, whatever the parameter is."""

    def on_pixels(transform: Transform) -> Transform:
        return chain(decode, transform, encode)

    blur, small = regularizers.blur, regularizers.small_pixels
    possible = (
        (blur, every(regularizers.blur_every, on_pixels(transforms.blur(blur)))),
        (small, always(on_pixels(transforms.clip_small(small, mean)))),
        (regularizers.colors == "clamped", always(on_pixels(transforms.clamp()))),
    )
    return chain(keep, *(each for strength, each in possible if strength))


def _space(regularizers: Regularizers, height: int, width: int) -> tuple[Transform, Transform]:
    """(decode: parameter -> picture, encode: picture -> parameter)."""
    decode, encode = {
        "sigmoid": (transforms.from_unbounded(), transforms.to_unbounded()),
        "decorrelated": (transforms.decorrelated_colors(), transforms.to_decorrelated()),
    }.get(regularizers.colors, (chain(), chain()))
    if regularizers.fourier:
        decode = chain(transforms.from_fourier(height, width, regularizers.fourier), decode)
        encode = chain(encode, transforms.to_fourier(height, width, regularizers.fourier))
    return decode, encode
