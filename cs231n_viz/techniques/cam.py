"""Where is the class: class activation maps (Zhou et al. 2016) and Grad-CAM (Selvaraju et al.
2017).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from .. import images
from ..activations import capture, relu_rule
from ..layers import CANDIDATES, last_linear, last_maps
from ..objectives import Objective, Target, gradient, score_of


@torch.no_grad()
def cam(model: nn.Module, pixels: Tensor, target: int | str) -> Tensor:
    """How much each place speaks for a class: M = Σ_c w_c A_c, (N, C, H, W) -> (N, H, W), signed.

    A are the maps that the head averages, w the weights from those averages to the class; so the
    mean of M is the score, but for the bias. Raises ValueError where a network's head is not
    averaging and one linear layer.
    """
    images.check_pixels(pixels, channels=model.channels)
    index = model.class_index(target)
    layers = [
        layer for layer, shape in model.shapes.items() if len(shape) == 4 and max(shape[2:]) > 1
    ]
    with capture(model, *layers[-CANDIDATES:]) as outputs:
        scores = model(pixels)
    head = last_linear(model)
    for output in (
        outputs.values()
    ):  # the first that fits: a pooling behind it would fit, too, and is coarser
        for maps in (output, output.relu()):  # DenseNet's last ReLU is no layer
            if (found := _evidence(maps, head, scores, index)) is not None:
                return _enlarged(found, pixels)
    raise ValueError(
        f"{model.name} does not average its last maps and weigh the averages in one linear layer, so no map "
        "adds up to a score, and CAM does not apply: use grad_cam, which needs no such head."
    )


def class_weights(model: nn.Module) -> tuple[Tensor, Tensor]:
    """w (classes, C) and b (classes,) of an averaging head: score = w · (mean over places of the
    last maps) + b.

    A network whose last maps are its classes already, as SqueezeNet, has w = 1 for its own map and
    0 elsewhere. Raises ValueError where the last linear layer does not read one number a map, as in
    VGG.
    """
    layer, head = last_maps(model), last_linear(model)
    channels = model.shapes[layer][1]
    if head is None:
        return torch.eye(channels, device=model.device), torch.zeros(channels, device=model.device)
    if head.in_features != channels:
        raise ValueError(
            f"{model.name}'s last linear layer reads {head.in_features} numbers, not the averages of the {channels} "
            f"maps of {layer}, so its weights belong to no maps: use grad_cam, which needs no such head."
        )
    weights = head.weight.detach()
    return weights, torch.zeros_like(weights[:, 0]) if head.bias is None else head.bias.detach()


def _evidence(maps: Tensor, head: nn.Linear | None, scores: Tensor, index: int) -> Tensor | None:
    """The class's map (N, h, w), if the head really computes the scores (N, classes) from the means
    of these maps.
    """
    means, bias = maps.mean(dim=(2, 3)), torch.zeros(())
    if means.shape == scores.shape and _alike(means, scores, bias):
        return maps[:, index]  # the last convolution has a channel for each class, as in SqueezeNet
    if head is None or (head.in_features, head.out_features) != (maps.shape[1], scores.shape[1]):
        return None
    bias = bias if head.bias is None else head.bias
    found = _alike(means @ head.weight.T, scores, bias.to(scores))
    return torch.einsum("c,nchw->nhw", head.weight[index], maps) if found else None


def _alike(evidence: Tensor, scores: Tensor, bias: Tensor) -> bool:
    """scores = evidence + bias, but for rounding; a huge bias, or a class that is masked by −∞,
    hides nothing.
    """
    gap, own = (evidence + bias - scores).abs(), (scores - bias).abs()
    finite = gap.isfinite()
    return bool((gap <= 1e-4 * own[finite].max() + 1e-6 * scores.abs())[finite].all())


def grad_cam(model: nn.Module, pixels: Tensor, target: Target, layer: str | None = None) -> Tensor:
    """Where a layer speaks for the target: L = max(0, Σ_c α_c A_c), (N, C, H, W) -> (N, H, W).

    α_c is the mean over places of ∂S/∂A_c. The layer is the last one with maps unless another is
    named; the tokens of a transformer are laid out as the grid that they came from. All zero where
    nothing speaks for the target.
    """
    return grad_cam_of(model, pixels, score_of(model, target), layer)


def grad_cam_of(
    model: nn.Module, pixels: Tensor, objective: Objective, layer: str | None = None
) -> Tensor:
    """`grad_cam` of any objective, image -> one number a picture, that runs the network: a
    position, a similarity.
    """
    images.check_pixels(pixels, channels=model.channels)
    layer = layer or last_maps(model)
    with torch.enable_grad(), capture(model, layer, leaves=True) as outputs:
        total = objective(pixels).sum()
    if layer not in outputs:
        raise ValueError(
            f"the target does not depend on {layer}, which comes later: name an earlier layer."
        )
    (slope,) = torch.autograd.grad(total, outputs[layer])
    return _weighed(model, layer, outputs[layer], slope, pixels)


def grad_cams(
    model: nn.Module, pixels: Tensor, target: Target, layers: Sequence[str]
) -> dict[str, Tensor]:
    """`grad_cam` at several layers, for the price of one pass forward and one back: {layer: (N, H,
    W)}.
    """
    images.check_pixels(pixels, channels=model.channels)
    with torch.enable_grad(), capture(model, *layers) as outputs:
        total = score_of(model, target)(pixels.detach().clone().requires_grad_()).sum()
    slopes = torch.autograd.grad(total, [outputs[layer] for layer in layers])
    return {
        layer: _weighed(model, layer, outputs[layer], slope, pixels)
        for layer, slope in zip(layers, slopes, strict=True)
    }


def guided_grad_cam(
    model: nn.Module, pixels: Tensor, target: Target, layer: str | None = None
) -> Tensor:
    """Grad-CAM says where, guided backprop what: their product (N, C, H, W) (Selvaraju et al. 2017,
    section 3.2).
    """
    with relu_rule(model, "guided"):
        guided = gradient(score_of(model, target), pixels)
    return guided * grad_cam(model, pixels, target, layer)[:, None]


def _as_maps(layer: str, output: Tensor, usual: Sequence[int]) -> Tensor:
    """(N, C, h, w), from maps, from maps with channels last (Swin), or from tokens (N, h·w or one
    more, C) (ViT).

    usual: the layer's shape at the network's own, square input, by which the layouts can be told
    apart.
    """
    if output.dim() == 4 and usual[1] == usual[2] != usual[3]:
        output = output.permute(0, 3, 1, 2)
    if output.dim() == 3 and math.isqrt(output.shape[1]) ** 2 in (
        output.shape[1],
        output.shape[1] - 1,
    ):
        side = math.isqrt(output.shape[1])
        places = output[:, -side * side :]  # the class token, if there is one, is the first
        output = places.transpose(1, 2).unflatten(2, (side, side))
    if output.dim() != 4 or output.shape[2:].numel() == 1:
        raise ValueError(
            f"{layer} has no places that can be laid over the picture, its output is {tuple(output.shape)}: name a "
            "layer before the pooling, with maps, or with the tokens of a square picture."
        )
    return output


def _weighed(model: nn.Module, layer: str, output: Tensor, slope: Tensor, pixels: Tensor) -> Tensor:
    usual = next(
        shape for name, shape in model.shapes.items() if model.resolve(name) == model.resolve(layer)
    )
    maps, slope = (_as_maps(layer, each.detach(), usual) for each in (output, slope))
    return _enlarged((slope.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1), pixels).clamp(min=0)


def _enlarged(maps: Tensor, pixels: Tensor) -> Tensor:
    return images.resize(maps[:, None], pixels.shape[2:])[:, 0].to(pixels.device)
