"""Fast style transfer: learn a style once, then each picture is one pass (Johnson et al. 2016).

    min over the network's weights of the mean over photographs x of
        content(f(x), x) + style weight · style(f(x)) + tv · TV(f(x)) / (H · W)

Content and style are those of lesson 14, measured on the network's pictures f(x). A style of
`networks.StyleNet` is a row of γ and β in each of its norms, so styles can be mixed by mixing rows
(Dumoulin, Shlens & Kudlur 2017).
"""

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor, nn

from .. import images
from ..errors import known, positive, whole
from ..layers import usual_layers
from ..networks import StyleNet
from ..objectives import Grams, gram_matrices, likeness, total_variation
from ..optimize import check_finite, one_cycle

LEAST = 5  # pixels a side: two halvings leave 2, the least that can be padded by mirroring
CONTENT, STYLE = "relu3_2", ("pixels", "relu1", "relu2", "relu3_2", "relu4_2")  # CourseNet's layers
PARTS = ("down", "blocks", "up")  # of a StyleNet
SMALL = {"widths": (12, 24, 48), "blocks": 3}  # small enough to learn a style in a lesson


def small_network(normalize: bool = True, weights: Mapping[str, Tensor] | None = None) -> StyleNet:
    """A small StyleNet of one style: untrained (of a fixed seed), or with these weights, frozen."""
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
    """Pixels (N, 3, H, W) in a style or a mix of styles, by one pass: (N, 3, H, W) in (0, 1).

    Any size from 5 pixels a side. style: one of network.styles, or {name: weight} as for `mix_of`.
    """
    images.check_pixels(pixels)
    whole("the shorter side of the pixels", min(pixels.shape[2:]), LEAST)
    weight = next(network.parameters())
    return network(pixels.to(weight), mix_of(network, style).to(weight)).to(pixels)


def mix_of(network: nn.Module, style: str | Mapping[str, float]) -> Tensor:
    """The shares of the styles that a name or {name: weight} stands for: (1, styles), of sum 1.

    Weights count by their proportions: {"glass": 3, "night": 1} is three quarters glass. One style
    alone is exactly 1.
    """
    weights = {style: 1.0} if isinstance(style, str) else style
    if not isinstance(weights, Mapping):
        raise TypeError(f"a style is a name or {{name: weight}}, not a {type(style).__name__}.")
    for name, weight in weights.items():
        known("painting", name, network.styles)
        positive(f"the weight of {name}", weight, zero=True)
    most = positive("the largest weight", max(weights.values(), default=0))
    parts = [weights.get(name, 0) / most for name in network.styles]  # at most 1: a finite sum
    return torch.tensor([[part / sum(parts) for part in parts]])


def swapped(network: nn.Module, style: str, other: str, parts: Sequence[str]) -> nn.Module:
    """A copy in which `style` has the γ and β of `other` in some parts: "down", "blocks", "up"."""
    for part in parts:
        known("part of a StyleNet", part, PARTS)
    to, source = (int(mix_of(network, name).argmax()) for name in (style, other))
    changed = copy.deepcopy(network).requires_grad_(False)
    for name, values in changed.named_parameters():
        if name.partition(".")[0] in parts and name.endswith(("norm.scale", "norm.shift")):
            values[to] = values[source]
    return changed


# --- the loss -------------------------------------------------------------------------------------


class Repainting(NamedTuple):
    value: Tensor  # (N,) content + style_weight · style + tv · TV / (H · W)
    content: Tensor  # (N,) ‖Φ − Φ₀‖² / ‖Φ₀‖²
    style: Tensor  # (N,) the mean over layers of ‖G − G*‖² / ‖G*‖²


def repainting(model, pixels, layer: str, wanted: Grams, style_weight=5.0, tv=2.0) -> Callable:
    """Function image -> Repainting: the loss of an image as a version of `pixels` (N, 3, H, W).

    layer: where the content is compared. wanted: {layer: G*}, (1, C, C) or one each (N, C, C).
    """
    positive("style_weight", style_weight, zero=True)
    positive("tv", tv, zero=True)
    both, smooth = likeness(model, pixels, layer, wanted), total_variation()

    def judge(image: Tensor) -> Repainting:
        content, style = both(image)
        value = content + style_weight * style + tv / pixels[0, 0].numel() * smooth(image)
        return Repainting(value, content, style)

    return judge


# --- learning a style -----------------------------------------------------------------------------


class TrainStep(NamedTuple):
    index: int
    image: Tensor  # (batch, 3, side, side) this step's crops of photographs, repainted
    value: float  # the means of the loss and its parts, just before the update
    content: float
    style: float


def train_style_net_steps(
    network: nn.Module,
    model: nn.Module,
    photos: Tensor,
    style: Tensor,
    *,
    content_layer: str | None = None,
    style_layers: Sequence[str] | None = None,
    steps: int = 300,
    batch: int = 4,
    side: int = 96,
    rate: float = 5e-3,
    seed: int = 0,
    **weights: float,
) -> Iterator[TrainStep]:
    """Train a StyleNet of one style on `style` (1, 3, h, w), in place: one TrainStep per step.

    photos: (N, 3, H, W) in [0, 1] or uint8; random crops of `side` pixels are repainted, `batch` a
    step, with the loss of `model`. layers: None are those of `layers.usual_layers`, the content's
    the last but one of the style's. weights: style_weight and tv, see `repainting`. Adam (Kingma &
    Ba 2015) at a one-cycle rate that peaks at `rate` (Smith & Topin 2018). The network moves to the
    model's device. Where the loss becomes NaN, optimize.Diverged has the last good TrainStep; the
    network keeps its weights.
    """
    _check_lesson(network, photos, style, side)
    whole("steps", steps, 1)
    whole("batch", batch, 1)
    positive("rate", rate)
    usual = usual_layers(model)[1] if None in (content_layer, style_layers) else ()
    content_layer, style_layers = content_layer or usual[1:][-2:][0], style_layers or usual
    network.to(model.device)
    wanted = gram_matrices(model, style.to(model.device), style_layers)
    generator = torch.Generator().manual_seed(seed)

    def loss(pixels: Tensor) -> Callable:
        return repainting(model, pixels, content_layer, wanted, **weights)

    pieces = (_pieces(photos, side, batch, generator).to(model.device) for _ in range(steps))
    rates = [one_cycle(index / steps, rate) for index in range(steps)]
    return _practised(network, zip(pieces, rates, strict=True), loss)


def _practised(network, lesson: Iterable, loss: Callable) -> Iterator[TrainStep]:
    """lesson: (pieces of photographs, rate) of each step; loss: pixels -> their `repainting`."""
    learned = [weight for weight in network.parameters() if weight.requires_grad]
    adam, last = torch.optim.Adam(learned), None
    for index, (pixels, rate) in enumerate(lesson):
        with torch.enable_grad():
            made = network(pixels, torch.ones(1, 1, device=pixels.device))
            losses = Repainting(*(part.mean() for part in loss(pixels)(made)))
            gradients = torch.autograd.grad(losses.value, learned)
        slopes = torch.cat([each.flatten() for each in gradients])
        check_finite(index, last, loss=losses.value, gradient=slopes)
        for weight, gradient in zip(learned, gradients, strict=True):
            weight.grad = gradient
        adam.param_groups[0]["lr"] = rate
        adam.step()
        adam.zero_grad()  # nothing is left on the network between two steps
        last = TrainStep(index, made.detach().cpu(), *(float(part.detach()) for part in losses))
        yield last


def _pieces(photos: Tensor, side: int, batch: int, generator: torch.Generator) -> Tensor:
    """Random squares of random photos, mirrored at random: (batch, 3, side, side) in [0, 1]."""
    height, width = photos.shape[2:]
    limits = len(photos), height - side + 1, width - side + 1, 2
    chosen = (torch.randint(most, (batch,), generator=generator) for most in limits)
    which, top, left, mirror = (each.to(photos.device) for each in chosen)
    pieces = photos.unfold(2, side, 1).unfold(3, side, 1)[which, :, top, left]
    pieces = pieces.flip(3).where(mirror.bool()[:, None, None, None], pieces)
    return pieces.float() / 255 if pieces.dtype == torch.uint8 else pieces.float()


def _check_lesson(network: nn.Module, photos: Tensor, style: Tensor, side: int) -> None:
    # 256 levels are in range
    images.check_pixels(photos[:1].float() / 255 if photos.dtype == torch.uint8 else photos)
    images.check_pixels(style)
    whole("side", side, LEAST, min(photos.shape[2:]))
    if len(style) != 1 or len(network.styles) != 1:
        given = f"{len(style)} pictures by a network of {len(network.styles)}"
        raise ValueError(f"one style is learned from one picture, not {given}: StyleNet() has one.")
    if not any(weight.requires_grad for weight in network.parameters()):
        raise ValueError("the network is frozen: network.requires_grad_(True) lets it learn.")
