"""What the first layer looks for: its weights are pictures (Krizhevsky, Sutskever & Hinton 2012).

A filter w responds with w·x to a patch x, so among all patches of one norm its own copy gives the
largest response (Cauchy–Schwarz). Deeper filters read feature maps instead of colours, so their
weights are not pictures.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

from ..errors import known, share, unknown

# The direction in colour space along which nothing but brightness changes.
GREY = torch.full((3,), 1 / math.sqrt(3))
STARTS, STEPS = 24, 150  # of a Gabor fit


def filter_images(model: nn.Module, layer: str = "conv1") -> Tensor:
    """The weights of a convolution, a copy: (filters, channels read, height, width).

    Raises ValueError where the layer is not a convolution.
    """
    module, _ = model.resolve(layer)
    if not isinstance(module, nn.Conv2d):
        raise unknown(f"convolution of {model.name}", layer, convolutions(model))
    return module.weight.detach().cpu().clone()


def as_pictures(weights: Tensor, scale: str = "each", quantile: float = 1) -> Tensor:
    """Signed values (N, C, H, W) as pictures in [0, 1] on which zero is mid-grey: ½ + w / 2s.

    s is a quantile of |w|, the largest unless named: a smaller one keeps a few extreme values from
    turning all others grey. scale="each" lets every picture use the full range, so that all can be
    seen; with "shared" all are divided by one s, so that strong and weak can be compared.
    """
    known("scale", scale, ("each", "shared"))
    if weights.dim() != 4:
        raise ValueError(f"weights have the shape (N, C, H, W), not {tuple(weights.shape)}.")
    share("quantile", quantile)
    sizes = weights.float().abs().flatten(1 if scale == "each" else 0).quantile(quantile, dim=-1)
    return (0.5 + weights / (2 * sizes.clamp(min=1e-12).view(-1, 1, 1, 1))).clamp(0, 1)


def convolutions(model: nn.Module) -> list[str]:
    """The names of all convolutions, as they run: the first one reads the pixels."""
    return [name for name in model.layers if isinstance(model.resolve(name)[0], nn.Conv2d)]


def roughness(filters: Tensor) -> Tensor:
    """Mean squared difference of neighbouring weights over the filter's variance: (K,).

    White noise has 2.
    """
    across, down = (filters.diff(dim=dim).square().mean(dim=(1, 2, 3)) for dim in (3, 2))
    deviation = filters - filters.mean(dim=(2, 3), keepdim=True)
    return (across + down) / 2 / deviation.square().mean(dim=(1, 2, 3)).clamp(min=1e-12)


def random_patches(pictures: Tensor, size: int, count: int, generator: torch.Generator) -> Tensor:
    """Squares cut at random from random pictures (N, C, H, W): (count, C, size, size)."""
    windows = pictures.unfold(2, size, 1).unfold(3, size, 1)  # (N, C, rows, columns, size, size)
    ends = (windows.shape[dim] for dim in (0, 2, 3))
    picture, row, column = (torch.randint(end, (count,), generator=generator) for end in ends)
    return windows[picture, :, row, column].clone()


def responses(weights: Tensor, patches: Tensor) -> Tensor:
    """The responses of a filter (C, k, k) to patches (N, C, k, k) scaled to its own norm: (N,).

    r = w·x ‖w‖ / ‖x‖, never more than ‖w‖² (Cauchy–Schwarz), and that only for x = w.
    """
    norms = patches.flatten(1).norm(dim=1).clamp(min=1e-12)
    return (patches.flatten(1) @ weights.flatten()) * weights.norm() / norms


# --- colour ---------------------------------------------------------------------------------------


class ColorAxis(NamedTuple):
    direction: Tensor  # (K, 3) unit vectors: the line in RGB along which most of the filter lies
    share: Tensor  # (K,) of the filter's energy that lies on that line
    saturation: Tensor  # (K,) 0: black against white, 1: opponent colours of equal brightness


def color_axis(filters: Tensor) -> ColorAxis:
    """The colour contrast that explains most of each filter (K, 3, k, k), by its SVD."""
    left, values, _ = torch.linalg.svd(filters.flatten(2), full_matrices=False)
    share = values[:, 0] ** 2 / values.square().sum(dim=1)
    brightness = (left[:, :, 0] @ GREY).abs().clamp(max=1)
    return ColorAxis(left[:, :, 0], share, (1 - brightness**2).sqrt())


# --- Gabor ----------------------------------------------------------------------------------------


class GaborFit(NamedTuple):
    image: Tensor  # (K, 3, k, k) the fitted function, drawn
    r_squared: Tensor  # (K,) share of the filter's variance that it explains


def fit_gabor(filters: Tensor) -> GaborFit:
    """The best-fitting Gabor function in one colour contrast for each filter (K, 3, k, k).

    G(x, y) = a · exp(−u²/2σ² − v²/2τ²) · cos(2πf·u + φ),  u, v = x, y shifted and turned;  a is an
    RGB vector (Gabor 1946; Daugman 1985). For a given shape the best `a` is a projection, so only
    the shape is fitted, by Adam from many random starts.
    """
    count, _, size, _ = filters.shape
    shape = _random_shapes(count * STARTS).requires_grad_(True)
    target = filters.flatten(2).repeat_interleave(STARTS, dim=0)  # (K·starts, 3, k²)
    optimizer = torch.optim.Adam([shape], lr=0.05)
    for _ in range(STEPS):
        loss = (target - _project(target, _gabor(shape, size))).square().sum()
        (shape.grad,) = torch.autograd.grad(loss, shape)
        optimizer.step()
    fitted = _project(target, _gabor(shape.detach(), size))
    best = (target - fitted).square().sum(dim=(1, 2)).view(count, STARTS).argmin(dim=1)
    image = fitted[best + torch.arange(count) * STARTS].view_as(filters)
    around_mean = (filters - filters.mean(dim=(1, 2, 3), keepdim=True)).square().sum(dim=(1, 2, 3))
    r_squared = 1 - (filters - image).square().sum(dim=(1, 2, 3)) / around_mean.clamp(min=1e-12)
    return GaborFit(image, r_squared)


def _random_shapes(count: int) -> Tensor:
    """Rows of x, y, angle, log σ, log τ, f, φ; the filter's window is [−½, ½]²."""
    low = torch.tensor([-0.3, -0.3, 0.0, math.log(0.12), math.log(0.12), 0.0, -math.pi])
    high = torch.tensor([0.3, 0.3, math.pi, math.log(0.5), math.log(0.5), 3.0, math.pi])
    return low + (high - low) * torch.rand(count, 7, generator=torch.Generator().manual_seed(231))


def _gabor(shape: Tensor, size: int) -> Tensor:
    """(M, 7) shapes -> (M, size²) functions on the filter's own grid."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    y, x = (each.flatten() for each in torch.meshgrid(axis, axis, indexing="ij"))
    center_x, center_y, angle, log_along, log_across, frequency, phase = shape.T[:, :, None]
    x, y = x - center_x, y - center_y  # (M, k²)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    widths = 2 * (2 * log_along).exp(), 2 * (2 * log_across).exp()
    envelope = torch.exp(-(along**2) / widths[0] - across**2 / widths[1])
    return envelope * torch.cos(2 * math.pi * frequency * along + phase)


def _project(target: Tensor, function: Tensor) -> Tensor:
    """The multiple of `function` (M, k²), one for each colour, nearest to `target` (M, 3, k²)."""
    energy = function.square().sum(dim=1, keepdim=True).clamp(min=1e-9)
    amount = torch.einsum("mcp,mp->mc", target, function) / energy
    return amount.unsqueeze(2) * function.unsqueeze(1)


# --- one layer deeper -----------------------------------------------------------------------------


def strongest_inputs(filters: Tensor, index: int, count: int) -> Tensor:
    """The indices of the input maps that one deep filter weighs most, strongest first: (count,)."""
    return filters[index].flatten(1).norm(dim=1).topk(min(count, filters.shape[1])).indices
