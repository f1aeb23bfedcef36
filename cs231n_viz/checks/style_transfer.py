"""Exercises of lesson 14."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def style_loss(function: Callable) -> None:
    """maps [(N, C, H, W), …], wanted [(1, C, C), …] -> the layers' mean ‖G − G*‖² / ‖G*‖², (N,)."""
    maps = [torch.tensor([[[[2.0, 0.0]], [[0.0, 2.0]]]]), torch.tensor([[[[4.0]]]])]
    wanted = [torch.tensor([[[2.0, 0.0], [0.0, 1.0]]]), torch.tensor([[[8.0]]])]
    # G is the unit matrix, and 16: so ‖G − G*‖² / ‖G*‖² is 1/5, and 64/64
    mistakes = {
        "take the mean over the layers, not the sum.": [1.2],
        "divide each layer's distance by ‖G*‖², or the loudest decides alone.": [32.5],
        "divide each layer's distance by ‖G*‖², and take the mean.": [65],
        "divide layer by layer; then take the mean.": [65 / 69],
        "these are lengths: leave the squares as they are.": [(0.2**0.5 + 1) / 2],
        "one number a picture is asked for, (N,).": 0.6,
        "divide by the size of the wanted matrix G*, not by that of G.": [(1 / 2 + 1 / 4) / 2],
    }
    many = [noise(3, 4, 5, 2), noise(3, 2, 4, 6)]
    grams = [_gram(noise(1, 4, 3, 3)), _gram(noise(1, 2, 3, 3))]
    layers = zip(many, grams, strict=True)
    far = [(_gram(one) - G).square().sum(dim=(1, 2)) / G.square().sum() for one, G in layers]
    run(
        function,
        Trial("two small layers, worked by hand", (maps, wanted), [0.6], mistakes),
        Trial("three random pictures, two layers", (many, grams), sum(far) / 2),
    )


def _gram(maps: Tensor) -> Tensor:
    return torch.einsum("nkij,nlij->nkl", maps, maps) / maps[0].numel()


def kept_colors(function: Callable) -> None:
    """painted, content (N, 3, H, W) -> brightness of painted, colours of content, in [0, 1]."""
    painted = torch.tensor([0.9, 0.6, 0.3, 0.2]).repeat(1, 3, 1, 1)
    painted[0, :, 0, 1] = torch.tensor([0.9, 0.6, 0.3])  # the light of this pixel is 0.6, too
    light = painted.mean(dim=1, keepdim=True)
    color = torch.tensor([0.2, 0.0, -0.2]).view(1, 3, 1, 1).repeat(1, 1, 1, 4)
    content = 0.3 + color
    mistakes = {
        "what lies outside [0, 1] is cut off.": light + color,
        "take the painted picture's own colours off first.": (painted + color).clamp(0, 1),
        "the other way round: light of the painted.": (0.3 + painted - light).clamp(0, 1),
        "take the content's light off first: add only colours.": (light + content).clamp(0, 1),
        "this is grey: add the content's colours.": light.expand_as(painted),
        "these are the colours only: add the light.": color,
    }
    many, others = noise(2, 2, 3, 4, 5).sigmoid()
    mixed = many.mean(dim=1, keepdim=True) + others - others.mean(dim=1, keepdim=True)
    expected = (light + color).clamp(0, 1)
    run(
        function,
        Trial("four pixels worked by hand", (painted, content), expected, mistakes),
        Trial("two random pictures", (many, others), mixed.clamp(0, 1)),
    )


def matched_light(function: Callable) -> None:
    """style, content (1, 1, H, W) -> the style with the content's mean and standard deviation."""
    style = torch.tensor([0.0, 0.2, 0.4, 0.6]).view(1, 1, 2, 2)  # mean 0.3
    content = torch.tensor([[[[0.5, 0.6, 0.7, 0.8]]]])  # mean 0.65, deviations half as large
    centered, deviation = style - 0.3, style.std(correction=0)
    mistakes = {
        "the mean is right; now the contrast, too: times σ content / σ style.": centered + 0.65,
        "the contrast is right; now add the content's mean.": centered / 2 + 0.3,
        "take the style's own mean off before you scale.": style / 2 + 0.65,
        "the other way round: σ of the content over σ of the style.": centered * 2 + 0.65,
        "this has scaled by the variances: take their roots.": centered / 4 + 0.65,
        "times σ of the content, too.": centered / deviation + 0.65,
        "the style is what is asked for, not the content.": content,
    }
    many, other = noise(1, 1, 5, 6), noise(1, 1, 7, 3) * 0.3 + 2
    ratio = other.std(correction=0) / many.std(correction=0)
    matched = (many - many.mean()) * ratio + other.mean()
    run(
        function,
        Trial("four pixels worked by hand", (style, content), centered / 2 + 0.65, mistakes),
        Trial("random pixels, another size", (many, other), matched),
    )
