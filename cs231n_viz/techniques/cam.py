"""Class activation maps (CAM, Zhou et al. 2016) and Grad-CAM (Selvaraju et al. 2017)."""

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
    """The class activation map, M = Σ_c w_c A_c: (N, C, H, W) -> (N, H, W).

    A are the maps that the head averages, w the weights from those averages to the class; so the
    mean of the signed M is the score without its bias. Raises ValueError where the network's head
    is not global average pooling and one linear layer.
    """
    images.check_pixels(pixels, channels=model.channels)
    index, head = model.class_index(target), last_linear(model)
    layers = [
        name for name, shape in model.shapes.items() if len(shape) == 4 and max(shape[2:]) > 1
    ]
    with capture(model, *layers[-CANDIDATES:]) as outputs:
        scores = model(pixels)
    # The first that fits: a pooling after it would fit, too, and is coarser.
    for output in outputs.values():
        for maps in (output, output.relu()):  # DenseNet's last ReLU is no layer
            if (found := _evidence(maps, head, scores, index)) is not None:
                return _enlarged(found, pixels)
    raise ValueError(
        f"{model.name} does not average its last maps and weigh the averages in one linear layer, "
        "so no weights belong to its maps: use grad_cam, which needs no such head."
    )


def class_weights(model: nn.Module) -> tuple[Tensor, Tensor]:
    """w (classes, C) and b (classes,) of an averaging head: score = w · (mean of the maps) + b.

    A network whose last maps are its classes already, as SqueezeNet, has w = 1 for its own map and
    0 elsewhere. Raises ValueError where `cam` does.
    """
    cam(model, model.mean.expand(1, -1, model.input_size, model.input_size), 0)
    head, channels = last_linear(model), model.shapes[last_maps(model)][1]
    if head is None:
        return torch.eye(channels, device=model.device), torch.zeros(channels, device=model.device)
    weights = head.weight.detach()
    return weights, torch.zeros_like(weights[:, 0]) if head.bias is None else head.bias.detach()


def _evidence(maps: Tensor, head: nn.Linear | None, scores: Tensor, index: int) -> Tensor | None:
    """The class's map (N, h, w), if the scores (N, classes) are made of the means of these maps."""
    means = maps.mean(dim=(2, 3))
    if means.shape == scores.shape and _alike(means, scores, 0):
        return maps[:, index]  # the last convolution has a channel for each class, as in SqueezeNet
    if head is None or (head.in_features, head.out_features) != (maps.shape[1], scores.shape[1]):
        return None
    bias = 0 if head.bias is None else head.bias
    found = _alike(means @ head.weight.T, scores, bias)
    return torch.einsum("c,nchw->nhw", head.weight[index], maps) if found else None


def _alike(evidence: Tensor, scores: Tensor, bias: Tensor | int) -> bool:
    """Whether scores = evidence + bias, up to rounding.

    Neither a huge bias nor a class that is masked by −∞ hides a difference.
    """
    gap, own = (evidence + bias - scores).abs(), (scores - bias).abs()
    finite = gap.isfinite()
    return bool((gap <= 1e-4 * own[finite].max() + 1e-6 * scores.abs())[finite].all())


def grad_cam(model: nn.Module, pixels: Tensor, target: Target, layer: str | None = None) -> Tensor:
    """Grad-CAM of a target at a layer, L = max(0, Σ_c α_c A_c): (N, C, H, W) -> (N, H, W).

    α_c is the mean over positions of ∂S/∂A_c. The layer is the last one with maps unless another is
    named; the tokens of a transformer are laid out as the grid that they came from. All zero where
    no position raises the target.
    """
    return grad_cam_of(model, pixels, score_of(model, target), layer)


def grad_cam_of(
    model: nn.Module, pixels: Tensor, objective: Objective, layer: str | None = None
) -> Tensor:
    """`grad_cam` of any function image -> (N,) that runs the network once, such as a similarity."""
    images.check_pixels(pixels, channels=model.channels)
    layer = layer or last_maps(model)
    with torch.enable_grad(), capture(model, layer, leaves=True) as outputs:
        total = objective(pixels).sum()
    (gradients,) = torch.autograd.grad(total, outputs[layer])
    return _weighed(model, layer, outputs[layer], gradients, pixels)


def grad_cams(
    model: nn.Module, pixels: Tensor, target: Target, layers: Sequence[str]
) -> dict[str, Tensor]:
    """`grad_cam` at several layers in one pass forward and one back: {layer: (N, H, W)}."""
    images.check_pixels(pixels, channels=model.channels)
    with torch.enable_grad(), capture(model, *layers) as outputs:
        total = score_of(model, target)(pixels.detach().clone().requires_grad_()).sum()
    gradients = torch.autograd.grad(total, [outputs[layer] for layer in layers])
    found = zip(layers, gradients, strict=True)
    return {name: _weighed(model, name, outputs[name], each, pixels) for name, each in found}


def guided_grad_cam(
    model: nn.Module, pixels: Tensor, target: Target, layer: str | None = None
) -> Tensor:
    """Grad-CAM (where) times guided backprop (what): (N, C, H, W) (Selvaraju et al. 2017, 3.2)."""
    heat = grad_cam(model, pixels, target, layer)
    with relu_rule(model, "guided"):
        return gradient(score_of(model, target), pixels) * heat[:, None]


def _weighed(model, layer: str, output: Tensor, gradients: Tensor, pixels: Tensor) -> Tensor:
    name = next(name for name in model.shapes if model.resolve(name) == model.resolve(layer))
    maps = _as_maps(layer, output.detach(), model.shapes[name])
    weights = _as_maps(layer, gradients, model.shapes[name]).mean(dim=(2, 3), keepdim=True)
    return _enlarged((weights * maps).sum(dim=1), pixels).clamp(min=0)


def _as_maps(layer: str, output: Tensor, usual: Sequence[int]) -> Tensor:
    """(N, C, h, w), of maps, channels-last maps (Swin), or tokens (N, h·w or one more, C) (ViT).

    usual: the layer's shape at the network's own, square input, by which the layouts can be told
    apart.
    """
    if output.dim() == 4 and usual[1] == usual[2] != usual[3]:
        return output.permute(0, 3, 1, 2)
    side = math.isqrt(output.shape[1])
    if output.dim() == 3 and output.shape[1] in (side * side, side * side + 1):
        output = output[:, -side * side :].mT.unflatten(2, (side, side))  # the class token is first
    if output.dim() != 4 or output.shape[2:].numel() == 1:
        raise ValueError(f"{layer} has no maps: its output is {tuple(output.shape)}. Name another.")
    return output


def _enlarged(maps: Tensor, pixels: Tensor) -> Tensor:
    return images.resize(maps[:, None], pixels.shape[2:])[:, 0].to(pixels.device)
