"""Exercises of lesson 14."""

from collections.abc import Callable

import torch
from torch import Tensor

from .trials import Trial, noise, run


def style_loss(function: Callable) -> None:
    """maps [(N, C, H, W), …], wanted [(1, C, C), …] -> the mean over layers of ‖G − G*‖² / ‖G*‖²,
    (N,).
    """
    maps = [
        torch.tensor([[[[2.0, 0.0]], [[0.0, 2.0]]]]),
        torch.tensor([[[[4.0]]]]),
    ]  # G: the unit matrix, and 16
    wanted = [
        torch.tensor([[[2.0, 0.0], [0.0, 1.0]]]),
        torch.tensor([[[8.0]]]),
    ]  # so ‖G − G*‖² / ‖G*‖²: 1/5, and 1
    both = torch.tensor([0.2, 1.0])
    mistakes = (
        (both.sum()[None], "take the mean over the layers, not the sum."),
        (
            torch.tensor([32.5]),
            "divide each layer's distance by ‖G*‖², or the loudest layer decides alone.",
        ),
        (torch.tensor([65.0]), "divide each layer's distance by ‖G*‖², and take the mean."),
        (torch.tensor([65 / 69]), "divide layer by layer; then take the mean."),
        (both.sqrt().mean()[None], "these are lengths: leave the squares as they are."),
        (torch.tensor(0.6), "one number a picture is asked for, (N,)."),
        (
            torch.tensor([(0.5 + 0.25) / 2]),
            "divide by the size of the wanted matrix G*, not by that of G.",
        ),
    )
    many = [noise(3, 4, 5, 2), noise(3, 2, 4, 6)]
    grams = [_gram(noise(4, 4, 3, 3)[3:]), _gram(noise(5, 2, 3, 3)[4:])]
    far = [
        (_gram(one) - gram).square().sum(dim=(1, 2)) / gram.square().sum()
        for one, gram in zip(many, grams, strict=True)
    ]
    expected = sum(far) / 2
    run(
        function,
        [
            Trial(
                (maps, wanted), torch.tensor([0.6]), "two small layers, worked by hand", mistakes
            ),
            Trial((many, grams), expected, "three random pictures, two layers"),
        ],
    )


def _gram(maps: Tensor) -> Tensor:
    return torch.einsum("nkij,nlij->nkl", maps, maps) / maps[0].numel()


def kept_colors(function: Callable) -> None:
    """painted, content (N, 3, H, W) -> the light of the painted with the colours of the content, in
    [0, 1].
    """
    painted = torch.tensor([0.9, 0.6, 0.3, 0.2]).view(1, 1, 1, 4).repeat(1, 3, 1, 1)
    painted[0, :, 0, 1] = torch.tensor([0.9, 0.6, 0.3])  # the light of this pixel is 0.6, too
    content = (
        torch.tensor([0.5, 0.3, 0.1]).view(1, 3, 1, 1).repeat(1, 1, 1, 4)
    )  # light 0.3, colour 0.2, 0, -0.2
    light, color = painted.mean(dim=1, keepdim=True), content - content.mean(dim=1, keepdim=True)
    mistakes = (
        (light + color, "what lies outside [0, 1] is cut off."),
        ((painted + color).clamp(0, 1), "take the painted picture's own colours off first."),
        (
            (content.mean(dim=1, keepdim=True) + painted - light).clamp(0, 1),
            "the other way round: light of the painted.",
        ),
        (
            (light + content).clamp(0, 1),
            "take the content's light off first: only its colours are wanted.",
        ),
        (light.expand_as(painted), "this is grey: add the content's colours."),
        (color.expand_as(painted), "these are the colours only: add the light."),
    )
    many, others = noise(2, 3, 4, 5).sigmoid(), noise(3, 3, 4, 5)[1:].sigmoid()
    mixed = many.mean(dim=1, keepdim=True) + others - others.mean(dim=1, keepdim=True)
    run(
        function,
        [
            Trial(
                (painted, content),
                (light + color).clamp(0, 1),
                "four pixels worked by hand",
                mistakes,
            ),
            Trial((many, others), mixed.clamp(0, 1), "two random pictures"),
        ],
    )


def matched_light(function: Callable) -> None:
    """style, content, grey (1, 1, H, W) -> the style with the content's mean and standard
    deviation, (1, 1, H, W).
    """
    style = torch.tensor([0.0, 0.2, 0.4, 0.6]).view(1, 1, 2, 2)  # mean 0.3
    content = torch.tensor([0.5, 0.6, 0.7, 0.8]).view(
        1, 1, 1, 4
    )  # mean 0.65, deviations half as large
    expected = torch.tensor([0.5, 0.6, 0.7, 0.8]).view(1, 1, 2, 2)
    mistakes = (
        (
            style + 0.35,
            "the mean is right; now the contrast, too: times σ of the content over σ of the style.",
        ),
        (
            (style - 0.3) / 2 + 0.3,
            "the contrast is right; now add the content's mean instead of the style's.",
        ),
        (style / 2 + 0.65, "take the style's own mean off before you scale."),
        ((style - 0.3) * 2 + 0.65, "the other way round: σ of the content over σ of the style."),
        ((style - 0.3) / 4 + 0.65, "this has scaled by the variances: take their roots."),
        ((style - 0.3) / style.std(correction=0) + 0.65, "times σ of the content, too."),
        (content, "the style is what is asked for, not the content."),
    )
    many, other = noise(1, 1, 5, 6), noise(1, 1, 7, 3) * 0.3 + 2
    matched = (many - many.mean()) * (
        other.std(correction=0) / many.std(correction=0)
    ) + other.mean()
    run(
        function,
        [
            Trial((style, content), expected, "four pixels worked by hand", mistakes),
            Trial((many, other), matched, "random pixels, another size"),
        ],
    )
