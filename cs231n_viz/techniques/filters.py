"""What the first layer looks for: its weights are pictures (Krizhevsky, Sutskever & Hinton 2012).

A filter answers w·x to a patch x of its own size, so the patch that it likes best, among all of one
norm, is a copy of itself (Cauchy–Schwarz). Deeper filters read feature maps instead of colours, and
lose that reading.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn

GREY = torch.full(
    (3,), 1 / math.sqrt(3)
)  # the direction in colour space in which nothing but brightness changes


def filter_images(model: nn.Module, layer: str = "conv1") -> Tensor:
    """The weights of a convolution, a copy: (filters, channels read, height, width).

    Raises ValueError where the layer is not a convolution.
    """
    module, _ = model.resolve(layer)
    if not isinstance(module, nn.Conv2d):
        raise ValueError(  # noqa: TRY004 (the layer's name is a wrong value, not of a wrong type)
            f"{layer} is a {type(module).__name__}: only a convolution has filters. "
            f"Those of {model.name} are {', '.join(convolutions(model)[:12])}."
        )
    return module.weight.detach().cpu().clone()


def as_pictures(filters: Tensor, scale: str = "each") -> Tensor:
    """Weights (K, C, k, k) as pictures in [0, 1] on which a weight of zero is mid-grey.

    scale="each" lets every filter use the full range, so that all can be seen; "shared" divides all
    by the largest weight of the bank, so that strong and weak can be compared.
    """
    if scale not in ("each", "shared"):
        raise ValueError(
            f"scale is 'each' (every filter by itself) or 'shared' (over the bank), not {scale!r}."
        )
    dims = (1, 2, 3) if scale == "each" else (0, 1, 2, 3)
    return 0.5 + filters / (2 * filters.abs().amax(dim=dims, keepdim=True).clamp(min=1e-12))


def convolutions(model: nn.Module) -> list[str]:
    """The names of all convolutions, in the order in which they run: the first one reads the
    pixels.
    """
    return [name for name in model.layers if isinstance(model.resolve(name)[0], nn.Conv2d)]


def roughness(filters: Tensor) -> Tensor:
    """Mean squared difference of neighbouring weights over the filter's variance, (K,). White noise
    has 2.
    """
    across = filters.diff(dim=3).square().mean(dim=(1, 2, 3))
    down = filters.diff(dim=2).square().mean(dim=(1, 2, 3))
    deviation = filters - filters.mean(dim=(2, 3), keepdim=True)
    return (across + down) / 2 / deviation.square().mean(dim=(1, 2, 3)).clamp(min=1e-12)


def random_patches(pictures: Tensor, size: int, count: int, generator: torch.Generator) -> Tensor:
    """`count` square patches from random places of random pictures (N, C, H, W): (count, C, size,
    size).
    """
    picture, row, column = (
        torch.randint(most, (count,), generator=generator)
        for most in (len(pictures), pictures.shape[2] - size + 1, pictures.shape[3] - size + 1)
    )
    windows = pictures.unfold(2, size, 1).unfold(
        3, size, 1
    )  # (N, C, rows, columns, size, size), no copy
    return windows[picture, :, row, column].clone()


def responses(weights: Tensor, patches: Tensor) -> Tensor:
    """What one filter (C, k, k) answers to each patch (N, C, k, k) once all have the filter's norm:
    (N,).

    r = w·x ‖w‖ / ‖x‖, never more than ‖w‖² (Cauchy–Schwarz), and that only for x = w.
    """
    norms = patches.flatten(1).norm(dim=1).clamp(min=1e-12)
    return (patches.flatten(1) @ weights.flatten()) * weights.norm() / norms


# --- colour ---------------------------------------------------------------------------------------


class ColorAxis(NamedTuple):
    direction: Tensor  # (K, 3) unit vectors: the line in RGB along which most of the filter lies
    share: Tensor  # (K,) how much of the filter's energy lies on that line
    # (K,) 0 = black against white, 1 = a colour against its opponent at equal brightness
    saturation: Tensor


def color_axis(filters: Tensor) -> ColorAxis:
    """The one colour contrast that says most about each filter (K, 3, k, k), by its singular value
    decomposition.
    """
    left, values, _ = torch.linalg.svd(filters.flatten(2), full_matrices=False)
    direction = left[:, :, 0]
    brightness = (direction @ GREY).abs().clamp(max=1)
    return ColorAxis(
        direction, values[:, 0] ** 2 / values.square().sum(dim=1), (1 - brightness**2).sqrt()
    )


def axis_colors(axis: ColorAxis) -> Tensor:
    """One end of each contrast as a colour (K, 3) in [0, 1]; 1 minus it is the other end, and grey
    lies half-way.
    """
    return 0.5 + axis.direction / (2 * axis.direction.abs().amax(dim=1, keepdim=True))


# --- Gabor ----------------------------------------------------------------------------------------


class GaborFit(NamedTuple):
    image: Tensor  # (K, 3, k, k) the fitted function, drawn
    r_squared: Tensor  # (K,) share of the filter's variance that it explains
    frequency: Tensor  # (K,) cycles over the filter's width: 0 = a blob
    angle: Tensor  # (K,) radians, direction in which the wave runs


def fit_gabor(filters: Tensor, starts: int = 24, steps: int = 150, seed: int = 231) -> GaborFit:
    """The best Gabor function in one colour contrast for each filter (K, 3, k, k), from many starts
    at once.

    G(x, y) = a · exp(−u²/2σ² − v²/2τ²) · cos(2πf·u + φ),  u, v = x, y moved and turned;  a is an RGB vector
    (Gabor 1946; Daugman 1985). For given shape the best `a` is a projection, so only the shape is searched.
    """
    count, _, size, _ = filters.shape
    generator = torch.Generator().manual_seed(seed)
    shape = _random_shapes(count * starts, generator).requires_grad_(True)
    target = filters.flatten(2).repeat_interleave(starts, dim=0)  # (K·starts, 3, k²)
    optimizer = torch.optim.Adam([shape], lr=0.05)
    for _ in range(steps):
        loss = (target - _project(target, _gabor(shape, size))).square().sum()
        (shape.grad,) = torch.autograd.grad(loss, shape)
        optimizer.step()
    fitted = _project(target, _gabor(shape.detach(), size))
    best = (target - fitted).square().sum(dim=(1, 2)).view(count, starts).argmin(dim=1)
    chosen = best + torch.arange(count) * starts
    image, shape = fitted[chosen].view_as(filters), shape.detach()[chosen]
    around_mean = (filters - filters.mean(dim=(1, 2, 3), keepdim=True)).square().sum(dim=(1, 2, 3))
    r_squared = 1 - (filters - image).square().sum(dim=(1, 2, 3)) / around_mean.clamp(min=1e-12)
    return GaborFit(image, r_squared, shape[:, 5].abs(), shape[:, 2] % math.pi)


def _random_shapes(count: int, generator: torch.Generator) -> Tensor:
    """Rows of x, y, angle, log σ, log τ, f, φ; the filter's window is [−½, ½]²."""
    low = torch.tensor([-0.3, -0.3, 0.0, math.log(0.12), math.log(0.12), 0.0, -math.pi])
    high = torch.tensor([0.3, 0.3, math.pi, math.log(0.5), math.log(0.5), 3.0, math.pi])
    return low + (high - low) * torch.rand(count, 7, generator=generator)


def _gabor(shape: Tensor, size: int) -> Tensor:
    """(M, 7) shapes -> (M, size²) functions on the filter's own grid."""
    axis = (torch.arange(size) + 0.5) / size - 0.5
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    center_x, center_y, angle, log_along, log_across, frequency, phase = shape.unsqueeze(2).unbind(
        dim=1
    )
    x, y = x.flatten() - center_x, y.flatten() - center_y  # (M, k²)
    along, across = x * angle.cos() + y * angle.sin(), y * angle.cos() - x * angle.sin()
    envelope = torch.exp(
        -(along**2) / (2 * (2 * log_along).exp()) - across**2 / (2 * (2 * log_across).exp())
    )
    return envelope * torch.cos(2 * math.pi * frequency * along + phase)


def _project(target: Tensor, function: Tensor) -> Tensor:
    """The multiple of `function` (M, k²), one for each colour, nearest to `target` (M, 3, k²)."""
    amount = torch.einsum("mcp,mp->mc", target, function) / function.square().sum(
        dim=1, keepdim=True
    ).clamp(min=1e-9)
    return amount.unsqueeze(2) * function.unsqueeze(1)


# --- one layer deeper -----------------------------------------------------------------------------


def strongest_inputs(filters: Tensor, index: int, count: int) -> Tensor:
    """The input maps that one deep filter weighs most, strongest first: indices, at most (count,)."""
    return filters[index].flatten(1).norm(dim=1).topk(min(count, filters.shape[1])).indices
