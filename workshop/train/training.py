"""The one training loop of all bundled networks: resumable after every pass, on a CPU or a GPU.

Everything random comes from (seed, pass), and the rate is a function of the step alone, so a
training that was killed and started again follows the same schedule on the same batches as one
that was not.
"""

import hashlib
import json
import math
import os
import pickle
import time
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from cs231n_viz import intervals
from cs231n_viz.optimize import one_cycle
from cs231n_viz.places import data_dir

# number of the pass -> its uint8 pictures, their labels, the size
Plan = Callable[[int], tuple[Tensor, Tensor, int]]
Loss = Callable[[nn.Module, Tensor, Tensor], Tensor]  # network, pixels, labels -> one number


def cross_entropy(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy with label smoothing 0.1 (Szegedy et al. 2016)."""
    return F.cross_entropy(network(pixels), labels, label_smoothing=0.1)


def best_device() -> torch.device:
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def sgd(network: nn.Module) -> torch.optim.Optimizer:
    """Nesterov momentum, and weight decay for smooth first layers; `fit` sets the rate."""
    return torch.optim.SGD(
        network.parameters(), 0.0, momentum=0.9, nesterov=True, weight_decay=1e-3
    )


def adam(network: nn.Module) -> torch.optim.Optimizer:
    """Adam (Kingma & Ba 2015), for networks without batch norm."""
    return torch.optim.Adam(network.parameters(), betas=(0.9, 0.99))


def fit(
    network: nn.Module,
    plan: Plan,
    *,
    name: str,
    passes: int,
    checkpoint: Path,
    loss: Loss = cross_entropy,
    optimizer: Callable[[nn.Module], torch.optim.Optimizer] = sgd,
    rate: float = 0.15,
    batch_size: int = 64,
    seed: int = 231,
) -> float:
    """Train on random windows of each pass's pictures (N, 3, H, W), in one cycle of the rate.

    A checkpoint is saved after each pass, and a training that finds its own goes on from there.
    Returns the minutes that all passes took, also those before an interruption. Raises ValueError
    when the loss is no number any more.
    """
    device = best_device()
    network.to(device, memory_format=torch.channels_last)
    changes = optimizer(network)
    pictures, _, size = plan(0)
    schedule = {
        "name": name,
        "passes": passes,
        "seed": seed,
        "rate": rate,
        "batch_size": batch_size,
    }
    schedule |= {"pictures": len(pictures), "size": size}
    first, spent, number_type = _resume(checkpoint, schedule, network, changes)
    number_type = number_type or fastest_number_type(device)
    for index in range(first, passes):
        started, total = time.time(), 0.0
        pictures, labels, size = plan(index)
        steps = len(pictures) // batch_size
        generator = torch.Generator().manual_seed(seed * 10_000 + index)
        torch.manual_seed(seed * 10_000 + index)  # dropout
        network.train()
        order = torch.randperm(len(pictures), generator=generator)[: steps * batch_size].split(
            batch_size
        )
        for step, chosen in enumerate(order):
            for group in changes.param_groups:
                group["lr"] = one_cycle((index + step / steps) / passes, rate)
            pixels = augment(pictures[chosen], size, generator).to(
                device, memory_format=torch.channels_last
            )
            with torch.autocast(device.type, torch.bfloat16, enabled=number_type is torch.bfloat16):
                value = loss(network, pixels, labels[chosen].to(device))
            changes.zero_grad(set_to_none=True)
            value.backward()
            changes.step()
            total += value.item()
        if not math.isfinite(total):
            raise ValueError(
                f"the loss of {name} is {total} in pass {index + 1}: "
                f"{checkpoint} holds the pass before."
            )
        seconds = time.time() - started
        spent += seconds
        _save(checkpoint, schedule, network, changes, index + 1, spent, number_type)
        print(
            f"pass {index + 1}/{passes}  loss {total / steps:.3f}  {seconds:.0f} s, "
            f"{seconds * (passes - index - 1) / 60:.0f} minutes to go at the pace of this pass",
            flush=True,
        )
    network.eval()
    return spent / 60


def fastest_number_type(device: torch.device) -> torch.dtype:
    """bfloat16 where this machine multiplies it faster than float32, as most GPUs do."""
    if device.type != "cpu":
        return torch.bfloat16

    def seconds(number_type: torch.dtype) -> float:
        maps, weights = (
            torch.ones(16, 64, 32, 32, dtype=number_type),
            torch.ones(64, 64, 3, 3, dtype=number_type),
        )
        F.conv2d(maps, weights)  # the first call also prepares
        started = time.perf_counter()
        for _ in range(3):
            F.conv2d(maps, weights)
        return time.perf_counter() - started

    return min(torch.float32, torch.bfloat16, key=seconds)


def _save(
    checkpoint: Path, schedule: dict, network, optimizer, done: int, spent: float, number_type
) -> None:
    """Write a checkpoint beside the old one, then rename it: a kill leaves a whole one."""
    checkpoint.parent.mkdir(parents=True, exist_ok=True)
    partial = checkpoint.with_suffix(".partial")
    state = {
        "network": network.state_dict(),
        "optimizer": optimizer.state_dict(),
        "schedule": schedule,
        "done": done,
        "seconds": spent,
        "bfloat16": number_type is torch.bfloat16,
    }
    torch.save(state, partial)
    os.replace(partial, checkpoint)


def _resume(
    checkpoint: Path, schedule: dict, network, optimizer
) -> tuple[int, float, torch.dtype | None]:
    """Passes done, seconds spent, number type; refuses a checkpoint of another schedule."""
    if not checkpoint.exists():
        return 0, 0.0, None
    try:
        state = torch.load(checkpoint, weights_only=True, map_location=best_device())
        began = state["schedule"]
    except (pickle.UnpicklingError, RuntimeError, EOFError, KeyError, TypeError) as error:
        raise ValueError(
            f"{checkpoint} is no checkpoint of this recipe ({error}). Delete it to begin anew."
        ) from error
    if began != schedule:
        raise ValueError(
            f"{checkpoint} belongs to a training with {began}, not {schedule}. "
            "Delete it to begin anew, or name another file with --checkpoint."
        )
    network.load_state_dict(state["network"])
    optimizer.load_state_dict(state["optimizer"])
    print(
        f"going on after pass {state['done']} of {schedule['passes']} from {checkpoint}", flush=True
    )
    return state["done"], state["seconds"], torch.bfloat16 if state["bfloat16"] else torch.float32


def augment(pictures: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """uint8 (N, 3, H, W) -> float (N, 3, size, size): geometry and colours changed at random.

    The side of the window is 0.55 to 1.15 of the picture's; what lies outside is the picture
    mirrored.
    """

    def uniform(low: float, high: float, *shape: int) -> Tensor:
        return torch.rand(*shape, generator=generator) * (high - low) + low

    count = len(pictures)
    side = uniform(0.55, 1.15, count)
    stretch = torch.exp(uniform(-0.14, 0.14, count))
    angle = uniform(-0.17, 0.17, count)
    mirror = torch.where(uniform(0, 1, count) < 0.5, -1.0, 1.0)
    room = (1 - side).abs()  # the window stays on the picture, or the picture on the window
    x, y = uniform(-1, 1, count) * room, uniform(-1, 1, count) * room
    wide, high = side * stretch, side / stretch
    rows = torch.stack([wide * angle.cos() * mirror, -high * angle.sin(), x], dim=1)
    columns = torch.stack([wide * angle.sin() * mirror, high * angle.cos(), y], dim=1)
    grid = F.affine_grid(
        torch.stack([rows, columns], dim=1), [count, 3, size, size], align_corners=False
    )
    pixels = F.grid_sample(
        pictures.float() / 255, grid, padding_mode="reflection", align_corners=False
    )
    contrast, brightness = uniform(0.75, 1.3, count, 1, 1, 1), uniform(-0.12, 0.12, count, 1, 1, 1)
    tint = uniform(0.9, 1.1, count, 3, 1, 1)
    return ((pixels - 0.5) * contrast * tint + 0.5 + brightness).clamp(0, 1)


def center_crop(pictures: Tensor, size: int) -> Tensor:
    """uint8 (N, 3, H, W) -> the middle 17/18 of each picture as float (N, 3, size, size)."""
    margin = pictures.shape[-1] // 32
    inner = pictures[
        ..., margin : pictures.shape[-2] - margin, margin : pictures.shape[-1] - margin
    ]
    return F.interpolate(
        inner.float() / 255, (size, size), mode="bilinear", antialias=True, align_corners=False
    )


def share_in_words(correct: Tensor) -> str:
    """`81.2 % (79.0–83.2)` from a tensor of yes and no."""
    found = intervals.share(correct)
    return f"{100 * correct.float().mean():.1f} % ({100 * found.low:.1f}–{100 * found.high:.1f})"


def to_train(
    network: nn.Module, seed: int, batch_norm: bool = True, dropout: float = 0.0
) -> nn.Module:
    """The network with fresh weights and, until `fold_batch_norm`, what helps it to learn.

    A norm `…norm…` comes behind each convolution `…conv…`, but not behind one that gives colours;
    dropout comes before `scores`. It is done in place.
    """
    for part in [each for each in network.modules() if isinstance(each, nn.Sequential)]:
        layers: dict[str, nn.Module] = {}
        for name, module in part.named_children():
            if name == "scores" and dropout:
                layers["dropout"] = nn.Dropout(dropout)
            layers[name] = module
            if batch_norm and isinstance(module, nn.Conv2d) and module.out_channels > 3:
                module.register_parameter("bias", None)  # the norm has its own
                layers[name.replace("conv", "norm")] = nn.BatchNorm2d(module.out_channels)
        part._modules = OrderedDict(layers)
    torch.manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.reset_parameters()
    return network


def fold_batch_norm(network: nn.Module) -> nn.Module:
    """The same function as a new network without batch norm: w' = w·γ/σ, b' = β − μ·γ/σ.

    A convolution `…conv…` is folded with its norm `…norm…`, if it has one. Dropout is left out.
    """
    network.eval()
    plain = type(network)(**network.settings)
    modules = dict(network.named_modules())
    for name, module in plain.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            trained, block, own = modules[name], *name.rpartition(".")[::2]
            norm = modules.get(f"{block}.{own.replace('conv', 'norm')}".lstrip("."))
            if isinstance(norm, nn.BatchNorm2d):
                trained = fuse_conv_bn_eval(trained, norm)
            module.load_state_dict(trained.state_dict())
    return plain.eval()


def bundle(name: str, network: nn.Module, about: dict, part: str = "") -> str:
    """Write data/NAME.safetensors in half precision; note and return its SHA-256.

    part: how the names of the weights begin that the file shall hold.
    """
    path = data_dir() / f"{name}.safetensors"
    described = {
        key: json.dumps(value) for key, value in {**about, "settings": network.settings}.items()
    }
    weights = {
        key: value.half().contiguous()
        for key, value in network.cpu().state_dict().items()
        if key.startswith(part)
    }
    partial = path.with_suffix(".partial")
    partial.write_bytes(save(weights, {"network": type(network).__name__, **described}))
    os.replace(partial, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    checksums = data_dir() / "checksums.json"
    known = json.loads(checksums.read_text(encoding="utf-8")) if checksums.exists() else {}
    checksums.write_text(
        json.dumps({**known, path.name: digest}, indent=2, sort_keys=True) + "\n", encoding="utf-8"
    )
    return digest


def digest_of(name: str) -> str:
    """The SHA-256 of a bundled network's weights."""
    return json.loads((data_dir() / "checksums.json").read_text(encoding="utf-8"))[
        f"{name}.safetensors"
    ]


def write_card(name: str, text: str) -> None:
    """Replace (or add) the section `## name` of data/README.md."""
    readme = data_dir() / "README.md"
    old = (
        readme.read_text(encoding="utf-8")
        if readme.exists()
        else "# What lies here, and where it came from\n"
    )
    sections = old.split("\n## ")
    kept = [section for section in sections[1:] if section.split("\n", 1)[0] != name]
    cards = sorted(
        [*kept, f"{name}\n\n{text.strip()}\n"], key=lambda section: section.split("\n", 1)[0]
    )
    readme.write_text("\n## ".join([sections[0], *cards]).rstrip() + "\n", encoding="utf-8")
