"""Class activation maps: CAM (Zhou et al. 2016), Grad-CAM (Selvaraju et al. 2017), its family."""

from collections.abc import Callable, Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .. import images
from ..activations import capture, relu_rule
from ..errors import unknown
from ..layers import as_maps, last_linear, last_maps
from ..objectives import Objective, Target, classes_of, gradient, gradients_of, score_of, target_for

CANDIDATES = 16  # how many of the last layers are searched for the maps that a head averages

# --- CAM ------------------------------------------------------------------------------------------


@torch.no_grad()
def cam(model: nn.Module, pixels: Tensor, target: Target = None) -> Tensor:
    """The class activation map, M = Σ_c w_c A_c: (N, C, H, W) -> (N, H, W).

    A are the maps that the head averages, w the weights from those averages to the class; so the
    mean of the signed M is the score without its bias. target: a class, one for each picture, or
    None, the network's own. Raises ValueError where the network's head is not global average
    pooling and one linear layer.
    """
    classes = classes_of(model, target, pixels)
    shapes = model.shapes.items()
    layers = [name for name, shape in shapes if len(shape) == 4 and max(shape[2:]) > 1]
    with capture(model, *layers[-CANDIDATES:]) as outputs:
        scores = model(pixels)
    linear = last_linear(model)
    # The first that fits: a pooling after it would fit, too, and is coarser.
    for output in outputs.values():
        for maps in (output, output.relu()):  # DenseNet's last ReLU is no layer
            if head := _averaging_head(linear, maps, scores):
                weights = head[0][classes.to(maps.device)]
                return _enlarged(torch.einsum("nc,nchw->nhw", weights, maps), pixels)
    raise _no_averaging_head(model)


@torch.no_grad()
def class_weights(model: nn.Module) -> tuple[Tensor, Tensor]:
    """w (classes, C) and b (classes,): score = w · (mean of the maps of `last_maps`) + b.

    A network whose last maps are its classes already, as SqueezeNet, has w = 1 for its own map and
    0 elsewhere. Checked by one pass; raises ValueError where it does not hold.
    """
    layer, pixels = last_maps(model), model.noise()
    with capture(model, layer) as outputs:
        scores = model(pixels)
    head = outputs[layer].dim() == 4 and _averaging_head(last_linear(model), outputs[layer], scores)
    if not head:
        raise _no_averaging_head(model)
    return head


def _averaging_head(head, maps: Tensor, scores: Tensor) -> tuple[Tensor, Tensor] | None:
    """w (classes, C) and b (classes,), if the scores (N, classes) are w · means of the maps + b."""
    means, none = maps.mean(dim=(2, 3)), torch.zeros_like(scores[0])
    if means.shape == scores.shape and _alike(means, scores, none):
        return none.new_ones(len(none)).diag(), none  # a channel for each class, as in SqueezeNet
    if head is None or means.shape != (len(scores), head.in_features):
        return None
    weights, bias = head.weight.detach(), none[:1] if head.bias is None else head.bias.detach()
    if (len(weights), len(none)) == (1, 2):  # one logit z: the scores are −z / 2 and z / 2
        weights, bias = torch.cat([-weights, weights]) / 2, torch.cat([-bias, bias]) / 2
    fits = len(weights) == len(none) and _alike(means @ weights.T, scores, bias)
    return (weights, bias.expand(len(none))) if fits else None


def _alike(evidence: Tensor, scores: Tensor, bias: Tensor) -> bool:
    """Whether scores = evidence + bias, up to rounding.

    Neither a huge bias nor a class that is masked by −∞ hides a difference.
    """
    gap, own = (evidence + bias - scores).abs(), (scores - bias).abs()
    finite = gap.isfinite()
    return bool((gap <= 1e-4 * own[finite].max() + 1e-6 * scores.abs())[finite].all())


def _no_averaging_head(model) -> ValueError:
    head = "average its last maps (N, C, h, w) and weigh the averages in one linear layer"
    hint = "no weights belong to its maps: use grad_cam, which needs no such head"
    return ValueError(f"{model.name} does not {head}, so {hint}.")


# --- Grad-CAM and its family ----------------------------------------------------------------------


def _plus_plus(maps: Tensor, grads: Tensor) -> Tensor:
    """max(0, g) is weighed by α = g² / (2 g² + g³ Σ A) (Chattopadhay et al. 2018, equation 19)."""
    below = 2 * grads**2 + grads**3 * maps.sum(dim=(2, 3), keepdim=True)
    alphas = torch.where(below == 0, 0, grads**2 / below)
    return ((alphas * grads.clamp(min=0)).sum(dim=(2, 3), keepdim=True) * maps).sum(dim=1)


def _eigen(maps: Tensor, grads: Tensor) -> Tensor:
    """A v₁: the maps along their first singular vector (Muhammad & Yeasin 2020); asks no class.

    As in the paper, the channels are not centred. Of the two signs of v₁, the one by which the
    result goes along with Σ_c A_c.
    """
    matrix = maps.flatten(2).mT  # (N, positions, C)
    along = (matrix @ torch.linalg.svd(matrix, full_matrices=False).Vh[:, :1].mT)[..., 0]
    sign = (along * matrix.sum(dim=2)).sum(dim=1, keepdim=True).sign()
    return (along * sign).unflatten(1, maps.shape[2:])


# What makes a signed map (N, h, w) of maps A and their gradients g = ∂S/∂A, both (N, C, h, w)
RULES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "grad-cam": lambda maps, grads: (grads.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1),
    "grad-cam++": _plus_plus,
    "hirescam": lambda maps, grads: (grads * maps).sum(dim=1),  # Draelos & Carin 2020
    "layercam": lambda maps, grads: (grads.clamp(min=0) * maps).sum(dim=1),  # Jiang et al. 2021
    "eigen-cam": _eigen,
}


def grad_cam(model, pixels: Tensor, target: Target = None, layer=None, rule="grad-cam") -> Tensor:
    """Grad-CAM of a target at a layer, max(0, Σ_c α_c A_c), enlarged: (N, C, H, W) -> (N, H, W).

    α_c is the mean over positions of ∂S/∂A_c; the other RULES weigh otherwise. The layer is the
    last one with maps unless another is named; the tokens of a transformer are laid out as the grid
    that they came from. All zero where no position raises the target. Raises ValueError where the
    layer has no maps, or where the target does not read them.
    """
    target = target_for(model, target, pixels)
    return grad_cam_of(model, pixels, score_of(model, target), layer, rule)


def grad_cam_of(model, pixels: Tensor, objective: Objective, layer=None, rule="grad-cam") -> Tensor:
    """`grad_cam` of any function image -> (N,) that runs the network once, such as a similarity."""
    images.check_pixels(pixels, channels=model.channels)
    layer = layer or last_maps(model)
    with torch.enable_grad(), capture(model, layer, leaves=True) as outputs:
        total = objective(pixels).sum()
    signed = _signed(model, {layer: outputs[layer]}, total, pixels, rule)[layer]
    return _enlarged(signed.clamp(min=0), pixels)


def grad_cams(
    model, pixels: Tensor, target: Target, layers: Sequence[str], rule="grad-cam"
) -> dict[str, Tensor]:
    """`grad_cam` at several layers in one pass forward and one back: {layer: (N, H, W)}."""
    maps = signed_maps(model, pixels, target, layers, rule)
    return {layer: _enlarged(each.clamp(min=0), pixels) for layer, each in maps.items()}


def mean_cam(model, pixels: Tensor, target: Target, layers: Sequence[str]) -> Tensor:
    """The mean over layers of their maps, each divided by its maximum: (N, H, W) in [0, 1]."""
    maps = signed_maps(model, pixels, target, layers).values()
    tops = (each.amax(dim=(1, 2), keepdim=True).clamp(min=1e-30) for each in maps)
    scaled = [each.clamp(min=0) / top for each, top in zip(maps, tops, strict=True)]
    return torch.stack([_enlarged(each, pixels) for each in scaled]).mean(dim=0)


def signed_maps(
    model, pixels: Tensor, target: Target, layers: Sequence[str], rule="grad-cam"
) -> dict[str, Tensor]:
    """What `grad_cams` cuts at zero and enlarges: {layer: (N, h, w)}, at each layer's own size."""
    score = score_of(model, target_for(model, target, pixels))
    with torch.inference_mode(False), torch.enable_grad(), capture(model, *layers) as outputs:
        total = score(pixels.detach().clone().requires_grad_()).sum()
    return _signed(model, {layer: outputs[layer] for layer in layers}, total, pixels, rule)


def guided_grad_cam(model, pixels: Tensor, target: Target = None, layer=None) -> Tensor:
    """Grad-CAM (where) times guided backprop (what): (N, C, H, W) (Selvaraju et al. 2017, 3.2)."""
    target = target_for(model, target, pixels)
    heat = grad_cam(model, pixels, target, layer)
    with relu_rule(model, "guided"):
        return gradient(score_of(model, target), pixels) * heat[:, None]


def _signed(model, outputs, total: Tensor, pixels: Tensor, rule: str) -> dict[str, Tensor]:
    signed, size = {}, pixels.shape[2:]
    for (layer, output), grads in zip(outputs.items(), gradients_of(total, outputs), strict=True):
        maps, grad = (as_maps(model, layer, each, size) for each in (output.detach(), grads))
        if grads.any() and not grad.any():
            raise _not_read(model, layer)
        signed[layer] = (RULES.get(rule) or _no_rule(rule))(maps, grad)
    return signed


def _no_rule(rule):
    raise unknown("rule", rule, RULES)


def _not_read(model, layer: str) -> ValueError:
    unread = f"only extra tokens of {layer} are read on the way to the target, and no position"
    return ValueError(f"{unread}: name an earlier layer, such as {last_maps(model)!r}.")


def _enlarged(maps: Tensor, pixels: Tensor) -> Tensor:
    large = F.interpolate(maps[:, None], pixels.shape[2:], mode="bilinear", antialias=True)
    return large[:, 0].to(pixels.device)
