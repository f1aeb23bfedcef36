"""A network that repaints: a style is learned once, and every picture after that is one pass
(Johnson et al. 2016).

    min over the network's weights of  the mean over photographs x of  content(f(x), x) + style weight · style(f(x)) + …

What lesson 14 asks of one picture is asked here of a network's answers. A style of
`networks.StyleNet` is a row of γ and β in each of its norms, so styles can be mixed by mixing rows
(Dumoulin, Shlens & Kudlur 2017).
"""

import copy
import math
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from numbers import Real
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..errors import unknown
from ..networks import StyleNet
from ..objectives import Objective, gram_matrices, likeness, total_variation
from ..optimize import Diverged, one_cycle

LEAST = 5  # pixels a side: two halvings leave 2, the least that can be mirrored at its edges
CONTENT, STYLE = "relu3_2", ("pixels", "relu1", "relu2", "relu3_2", "relu4_2")  # CourseNet's layers
PARTS = ("down", "blocks", "up")  # of a StyleNet
SMALL = {"widths": (12, 24, 48), "blocks": 3}  # a network that learns a style while one watches


def small_network(normalize: bool = True, weights: Mapping[str, Tensor] | None = None) -> StyleNet:
    """A small StyleNet of one style: untrained, always with the same random weights, or with these
    ones, frozen.
    """
    with torch.random.fork_rng():
        torch.manual_seed(15)
        network = StyleNet(**SMALL, normalize=normalize)
    if weights is None:
        return network
    network.load_state_dict(weights)
    return network.requires_grad_(False)


# --- one pass -------------------------------------------------------------------------------------


@torch.no_grad()
def repaint(network: nn.Module, pixels: Tensor, style: str | Mapping[str, float]) -> Tensor:
    """Pixels (N, 3, H, W) of any size and shape in a style or a mix of styles, one pass: (N, 3, H,
    W) in (0, 1).

    style: one of network.styles, or {name: weight} as for `mix_of`. Raises ValueError for a side
    under 5 pixels.
    """
    images.check_pixels(pixels)
    if min(pixels.shape[2:]) < LEAST:
        height, width = pixels.shape[2:]
        raise ValueError(
            f"pixels of {height} x {width} are too few to repaint: at least {LEAST} x {LEAST} are needed."
        )
    weight = next(network.parameters())
    return network(pixels.to(weight), mix_of(network, style).to(weight)).to(pixels)


def mix_of(network: nn.Module, style: str | Mapping[str, float]) -> Tensor:
    """The mix of styles that a name or {name: weight} stands for: (1, styles), none below 0, of sum
    1.

    Weights count by their proportions: {"glass": 3, "night": 1} is three quarters glass. One style
    alone is exactly 1.
    """
    weights = {style: 1.0} if isinstance(style, str) else style
    if not isinstance(weights, Mapping):
        raise TypeError(f"a style is a name or {{name: weight}}, not a {type(style).__name__}.")
    for name, weight in weights.items():
        if name not in network.styles:
            raise unknown("painting", name, network.styles)
        if not isinstance(weight, Real) or not 0 <= weight < math.inf:
            raise ValueError(
                f"the weight of {name} is {weight!r}: a weight is a number, 0 or more."
            )
    most = max(weights.values(), default=0)
    if not most:
        raise ValueError("all weights are zero: give at least one painting a weight above 0.")
    parts = [
        weights.get(name, 0) / most for name in network.styles
    ]  # at most 1 each: their sum is finite
    return torch.tensor([[part / sum(parts) for part in parts]])


def swapped(network: nn.Module, style: str, other: str, parts: Sequence[str]) -> nn.Module:
    """A copy of the network in which `style` has the γ and β of `other` in some parts: "down",
    "blocks", "up".
    """
    if isinstance(parts, str):
        raise TypeError(
            f'parts are a list such as ["down", "up"], not {parts!r}: put the name in [ ].'
        )
    for part in parts:
        if part not in PARTS:
            raise unknown("part of a StyleNet", part, PARTS)
    to, source = (int(mix_of(network, name).argmax()) for name in (style, other))
    changed = copy.deepcopy(network).requires_grad_(False)
    for name, values in changed.named_parameters():
        if name.partition(".")[0] in parts and name.endswith(("norm.scale", "norm.shift")):
            values[to] = values[source]
    return changed


# --- what is wanted of it -------------------------------------------------------------------------


class Repainting(NamedTuple):
    value: Tensor  # (N,) content + style_weight · style + tv · TV / (H · W)
    content: Tensor  # (N,) ‖Φ − Φ₀‖² / ‖Φ₀‖²
    style: Tensor  # (N,) the mean over layers of ‖G − G*‖² / ‖G*‖²


def repainting(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    wanted: Mapping[str, Tensor],
    style_weight: float = 5.0,
    tv: float = 2.0,
) -> Callable[[Tensor], Repainting]:
    """How badly a picture repaints `pixels` (N, 3, H, W), with the two parts apart, (N,) each.

    layer: where the content is compared. wanted: {layer: G*}, (1, C, C) or one each (N, C, C).
    """
    both, smooth = likeness(model, pixels, layer, wanted), total_variation()
    places = pixels[0, 0].numel()

    def judge(image: Tensor) -> Repainting:
        content, style = both(image)
        return Repainting(
            content + style_weight * style + tv / places * smooth(image), content, style
        )

    return judge


def repainting_loss(
    model: nn.Module,
    pixels: Tensor,
    layer: str,
    wanted: Mapping[str, Tensor],
    style_weight: float = 5.0,
    tv: float = 2.0,
) -> Objective:
    """The value of `repainting` alone, to be made small: content + style_weight · style + tv · TV /
    (H · W), (N,).
    """
    judge = repainting(model, pixels, layer, wanted, style_weight, tv)
    return lambda image: judge(image).value


# --- learning a style -----------------------------------------------------------------------------


class Practice(NamedTuple):
    index: int
    image: (
        Tensor  # (batch, 3, side, side) what the network made of this step's pieces of photographs
    )
    value: float  # the three losses' means over them, just before the update
    content: float
    style: float


def train_style_net_steps(
    network: nn.Module,
    model: nn.Module,
    photos: Tensor,
    style: Tensor,
    *,
    content_layer: str = CONTENT,
    style_layers: Sequence[str] = STYLE,
    style_weight: float = 5.0,
    tv: float = 2.0,
    steps: int = 300,
    batch: int = 4,
    side: int = 96,
    rate: float = 5e-3,
    seed: int = 0,
) -> Iterator[Practice]:
    """Teach a StyleNet of one style to repaint like `style` (1, 3, h, w). The network given is what
    changes.

    photos: (N, 3, H, W) in [0, 1] or uint8, of which random pieces of `side` pixels are repainted,
    `batch` a step, and `model` judges (see `repainting`). Adam (Kingma & Ba 2015); its rate rises
    to `rate` in the first fifth and falls to 0 at the end (Smith & Topin 2018). The network goes to
    the model's device. Raises optimize.Diverged, with the last good Practice, when the loss or its
    gradient is no number any more: the network keeps the weights it had.
    """
    _check_lesson(network, photos, style, side, steps, batch)
    _check_settings(rate, style_weight=style_weight, tv=tv)
    network.to(model.device)
    wanted = gram_matrices(model, style.to(model.device), style_layers)

    def judge(pixels: Tensor, made: Tensor) -> Repainting:
        parts = repainting(model, pixels, content_layer, wanted, style_weight, tv)(made)
        return Repainting(*(part.mean() for part in parts))

    generator = torch.Generator().manual_seed(seed)
    pieces = (_pieces(photos, side, batch, generator).to(model.device) for _ in range(steps))
    return _practised(
        network, pieces, judge, [one_cycle(index / steps, rate) for index in range(steps)]
    )


def _practised(
    network: nn.Module,
    pieces: Iterable[Tensor],
    judge: Callable[[Tensor, Tensor], Repainting],
    rates: list[float],
) -> Iterator[Practice]:
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    adam, last = torch.optim.Adam(learned), None
    for index, (pixels, rate) in enumerate(zip(pieces, rates, strict=True)):
        with torch.enable_grad():
            made = network(pixels, torch.ones(1, 1, device=pixels.device))
            losses = judge(pixels, made)
            gradients = torch.autograd.grad(losses.value, learned)
        if not all(tensor.isfinite().all() for tensor in (losses.value, *gradients)):
            raise Diverged(_DIVERGED.format(index=index), last)
        for weight, gradient in zip(learned, gradients, strict=True):
            weight.grad = gradient
        adam.param_groups[0]["lr"] = rate
        adam.step()
        adam.zero_grad()  # nothing is left on the network between two steps
        last = Practice(index, made.detach().cpu(), *(float(part.detach()) for part in losses))
        yield last


def train_style_net(
    network: nn.Module, model: nn.Module, photos: Tensor, style: Tensor, **settings
) -> Practice:
    """`train_style_net_steps` to the end, with its settings; the network given has learned, the
    last Practice is the answer.
    """
    return deque(train_style_net_steps(network, model, photos, style, **settings), maxlen=1)[0]


_DIVERGED = (
    "step {index}: the loss or its gradient is NaN or infinite, so the training stops. Try a smaller rate, or look for a "
    "flat photo; the last good step is this error's last_step, and the network has the weights that it had then."
)


def _pieces(photos: Tensor, side: int, batch: int, generator: torch.Generator) -> Tensor:
    """Random squares of random photos, mirrored or not by lot: (batch, 3, side, side) in [0, 1]."""
    height, width = photos.shape[2:]

    def below(most: int) -> list[int]:
        return torch.randint(most, (batch,), generator=generator).tolist()

    chosen = zip(
        below(len(photos)), below(height - side + 1), below(width - side + 1), below(2), strict=True
    )
    pieces = [
        photos[which, :, top : top + side, left : left + side].flip([2] * mirror)
        for which, top, left, mirror in chosen
    ]
    stacked = torch.stack(pieces)
    return stacked.float() / 255 if stacked.dtype == torch.uint8 else stacked.float()


def _check_settings(rate: float, **weights: float) -> None:
    if not 0 < rate < math.inf:
        raise ValueError(f"the rate of learning is a number above 0, not {rate}.")
    for name, weight in weights.items():
        if not 0 <= weight < math.inf:
            raise ValueError(f"{name} is a number, 0 or more, not {weight}.")


def _check_lesson(network, photos, style, side: int, steps: int, batch: int) -> None:
    images.check_pixels(
        photos[:1].float() / 255 if photos.dtype == torch.uint8 else photos
    )  # bytes are in range
    images.check_pixels(style)
    if len(style) != 1:
        raise ValueError(
            f"one style is learned from one picture (1, 3, h, w), not from {len(style)}."
        )
    if len(network.styles) != 1:
        raise ValueError(
            f"a network of one style learns it; this one has {len(network.styles)}: StyleNet() has one."
        )
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ValueError("the network is frozen: network.requires_grad_(True) lets it learn.")
    if not LEAST <= side <= min(photos.shape[2:]):
        height, width = photos.shape[2:]
        raise ValueError(
            f"pieces of {side} pixels cannot be cut from photos of {height} x {width}: at least {LEAST}."
        )
    if steps < 1 or batch < 1:
        raise ValueError(
            f"a network learns in at least one step of at least one photo, not {steps} of {batch}."
        )
