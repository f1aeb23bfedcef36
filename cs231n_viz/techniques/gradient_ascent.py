"""What a class or a unit wants to see: climb its score, beginning at the zero image (Simonyan et
al. 2014).

The score alone makes noise. `Regularizers` holds everything that is asked of the picture beside a
high score: penalties (Simonyan et al. 2014), blur and clipping between the steps (Yosinski et al.
2015), disturbances that the score must survive (Mordvintsev et al. 2015), and another space to take
the steps in (Olah, Mordvintsev & Schubert 2017).
"""

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..errors import unknown
from ..objectives import (
    Objective,
    Target,
    color_variation,
    score_of,
    squared_size,
    targets_of,
    total_variation,
    unit,
    weighted_sum,
)
from ..optimize import (
    Constraint,
    Direction,
    Step,
    adam,
    always,
    ascend,
    drop_small,
    drop_small_contributions,
    every,
    keep,
    last,
    map_steps,
)
from ..transforms import (
    Transform,
    blur,
    chain,
    clamp,
    clip_small,
    decorrelated_colors,
    from_fourier,
    from_unbounded,
    jitter,
    random_rotate,
    random_scale,
    to_decorrelated,
    to_fourier,
    to_unbounded,
)

COLORS = ("clamped", "sigmoid", "decorrelated", "free")


class Regularizers(NamedTuple):
    """What is asked of the picture beside a high score; 0 or False leaves a wish out.

    The zero image is the network's mean colour, μ. `colors` says how values are kept in [0, 1]:
    "clamped" after each step, "sigmoid" of unbounded ones, "decorrelated" (the sigmoid of colours
    that go together as in photographs), or "free": not at all; images.stretch shows such a picture.
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
    fourier: bool = False  # steps change the strengths of waves, and not pixels one by one
    colors: str = "clamped"


NONE = Regularizers()
LECTURE = Regularizers(l2=1e-2, blur=0.5, small_pixels=0.1, small_gradients=0.1, jitter=1 / 16)
ROBUST = Regularizers(
    smooth=5e-3,
    fringes=1e-2,
    jitter=1 / 12,
    scale=0.25,
    rotate=10,
    fourier=True,
    colors="decorrelated",
)
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
    "waves, colours": NONE._replace(fourier=True, colors="decorrelated"),
    "LECTURE": LECTURE,
    "ROBUST": ROBUST,
}


def class_image(
    model: nn.Module,
    target: Target,
    asked: Regularizers = ROBUST,
    *,
    size: images.Size | None = None,
    steps: int = 128,
    rate: float = 0.05,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """The picture that a target scores high on, argmax of S(x) − penalties: (N, C, H, W), by Adam.

    target: as everywhere, and a tensor of classes (N,) makes a picture of each, all from the same
    start. The walk begins at `start`, a picture, pictures or a colour (1, C, 1, 1) such as
    model.mean; without one at μ with a little noise from `seed`, which also draws the disturbances.
    size: of the picture, the network's own unless it is given.
    """
    return last(
        class_image_steps(
            model, target, asked, size=size, steps=steps, rate=rate, seed=seed, start=start
        )
    )


def class_image_steps(
    model: nn.Module,
    target: Target,
    asked: Regularizers = ROBUST,
    *,
    size: images.Size | None = None,
    steps: int = 128,
    rate: float = 0.05,
    seed: int = 0,
    start: Tensor | None = None,
) -> Iterator[Step]:
    """`class_image` step by step; a step's value is what is climbed, the score less the penalties."""
    count = len(target) if isinstance(target, Tensor) and target.dim() == 1 else 1
    return _climb(
        model, score_of(model, target), target, count, asked, size, steps, rate, seed, start
    )


def unit_image(
    model: nn.Module,
    layer: str,
    channel: int,
    row: int | None = None,
    column: int | None = None,
    asked: Regularizers = ROBUST,
    *,
    size: images.Size | None = None,
    steps: int = 128,
    rate: float = 0.05,
    seed: int = 0,
    start: Tensor | None = None,
) -> Tensor:
    """The picture on which a channel answers most: at (row, column) of its map, or on average over
    all places.
    """
    settings = {"size": size, "steps": steps, "rate": rate, "seed": seed, "start": start}
    return last(unit_image_steps(model, layer, channel, row, column, asked, **settings))


def unit_image_steps(
    model: nn.Module,
    layer: str,
    channel: int,
    row: int | None = None,
    column: int | None = None,
    asked: Regularizers = ROBUST,
    *,
    size: images.Size | None = None,
    steps: int = 128,
    rate: float = 0.05,
    seed: int = 0,
    start: Tensor | None = None,
) -> Iterator[Step]:
    """`unit_image` step by step."""
    score = unit(model, layer, channel, row, column)
    return _climb(model, score, channel, 1, asked, size, steps, rate, seed, start)


# --- how it is put together -----------------------------------------------------------------------


def _climb(model, score, target, count, asked, size, steps, rate, seed, start) -> Iterator[Step]:
    _check(asked, steps, rate)
    if asked.colors == "decorrelated" and model.channels != 3:
        asked = asked._replace(colors="sigmoid")
    home = model.device if start is None else start.device
    picture = _beginning(model, count, size, start).to(model.device)  # (N, C, H, W)
    targets_of(target, len(picture))
    decode, encode = _space(asked, *picture.shape[2:])
    parameter = encode(picture)
    if start is None:  # alike for all pictures of a batch
        noise = torch.randn(parameter.shape[1:], generator=torch.Generator().manual_seed(seed))
        parameter = parameter + 0.01 * noise.to(parameter)
    walk = ascend(
        parameter,
        _objective(model, score, asked),
        steps=steps,
        decode=decode,
        augment=_disturbances(asked, min(picture.shape[2:]), seed),
        direction=_direction(asked, rate, encode(model.mean.to(picture).expand_as(picture[:1]))),
        constrain=_constraints(asked, model.mean.to(picture), decode, encode),
    )
    return map_steps(
        walk, lambda step: step._replace(image=step.image.to(home), value=step.value.to(home))
    )


def _objective(model, score: Objective, asked: Regularizers) -> Objective:
    penalties = (
        (-asked.l2, squared_size(model.mean)),
        (-asked.smooth, total_variation()),
        (-asked.fringes, color_variation()),
    )
    return weighted_sum((1, score), *(term for term in penalties if term[0]))


def _disturbances(asked: Regularizers, side: int, seed: int) -> Transform:
    """What the network sees of the picture, each time a little otherwise."""
    generator = torch.Generator().manual_seed(seed)
    found = []
    if asked.jitter:
        found.append(jitter(round(asked.jitter * side), generator))
    if asked.scale:
        found.append(random_scale(1 / (1 + asked.scale), 1 + asked.scale, generator))
    if asked.rotate:
        found.append(random_rotate(asked.rotate, generator))
    return chain(*found)


def _direction(asked: Regularizers, rate: float, center: Tensor) -> Direction:
    direction = adam(rate)
    if asked.small_gradients:
        direction = drop_small(direction, asked.small_gradients)
    if asked.small_contributions:  # waves, if these are what is changed
        direction = drop_small_contributions(direction, asked.small_contributions, center)
    return direction


def _constraints(
    asked: Regularizers, mean: Tensor, decode: Transform, encode: Transform
) -> Constraint:
    """What is done to the picture itself after a step, whatever space the step was taken in."""

    def on_pixels(transform: Transform) -> Transform:
        return chain(decode, transform, encode)

    found = [keep]
    if asked.blur:
        found.append(every(asked.blur_every, on_pixels(blur(asked.blur))))
    if asked.small_pixels:
        found.append(always(on_pixels(clip_small(asked.small_pixels, mean))))
    if asked.colors == "clamped":
        found.append(always(on_pixels(clamp())))
    return chain(*found)


def _space(asked: Regularizers, height: int, width: int) -> tuple[Transform, Transform]:
    """What is changed -> picture, and back."""
    waves = (
        (from_fourier(height, width), to_fourier(height, width))
        if asked.fourier
        else (chain(), chain())
    )
    from_color, to_color = {
        "sigmoid": (from_unbounded(), to_unbounded()),
        "decorrelated": (decorrelated_colors(), to_decorrelated()),
    }.get(asked.colors, (chain(), chain()))
    return chain(waves[0], from_color), chain(to_color, waves[1])


def _beginning(model, count: int, size: images.Size | None, start: Tensor | None) -> Tensor:
    """The picture, or pictures, that the walk begins with, (N, C, H, W)."""
    start = model.mean if start is None else start
    images.check_pixels(start, channels=model.channels)
    own = tuple(start.shape[2:])
    wanted = (size, size) if isinstance(size, int) else size
    wanted = wanted or (own if own != (1, 1) else (model.input_size, model.input_size))
    if own not in ((1, 1), tuple(wanted)) or min(wanted) < 1:
        raise ValueError(
            f"pictures of {wanted[0]} x {wanted[1]} pixels cannot start from {own[0]} x {own[1]}: give a size of at "
            "least one pixel, and a start of that size or a colour (1, C, 1, 1)."
        )
    if len(start) not in (1, count) and count > 1:
        raise ValueError(f"{count} classes begin at one start or at {count}, not at {len(start)}.")
    return start.expand(max(count, len(start)), -1, *wanted).contiguous()


def _check(asked: Regularizers, steps: int, rate: float) -> None:
    if steps < 1 or not rate > 0:
        raise ValueError(
            f"a climb takes at least one step, at a rate above 0; steps={steps}, rate={rate}."
        )
    if asked.colors not in COLORS:
        raise unknown("way to bound colours", asked.colors, COLORS)
    for name, strength in asked._asdict().items():
        if name != "colors" and not strength >= 0:
            raise ValueError(f"{name} is a strength, 0 or more, not {strength}.")
        if name.startswith("small_") and strength >= 1:
            raise ValueError(
                f"{name} is a share from 0 up to, not including, 1; {strength} was given."
            )
