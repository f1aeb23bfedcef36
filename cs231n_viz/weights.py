"""New random weights for a network of any modules: before its training, or for a sanity check."""

import warnings
from contextlib import suppress

import torch
from torch import Tensor, nn


def plain_layers(network: nn.Module) -> list[nn.Module]:
    """The convolutions and linear layers whose weight is a parameter, and not computed."""
    layers = (each for each in network.modules() if isinstance(each, nn.Conv2d | nn.Linear))
    return [layer for layer in layers if "weight" in layer._parameters]


@torch.no_grad()
def renew_others(network: nn.Module, seed: int) -> None:
    """Draws anew all parameters and buffers but the weights and biases of `plain_layers`.

    A module resets its own by its reset_parameters. What that leaves as it was is shuffled, so that
    its mean and deviation stay, and one warning names it. Constants, whole numbers and buffers that
    are not saved stay. It is done on the CPU, and torch's global random numbers stay, too.
    """
    kept = {id(one) for layer in plain_layers(network) for one in (layer.weight, layer.bias)}
    home, drawn = next(network.parameters(), torch.zeros(())).device, []
    network.cpu()
    with torch.random.fork_rng([]):
        torch.default_generator.manual_seed(seed)
        for name, module in network.named_modules():
            own = {key: one.clone() for key, one in _saved(module).items() if id(one) not in kept}
            if own:
                reset = getattr(module, "reset_parameters", None)
                with suppress(Exception):  # there is none, or it wants arguments
                    (reset or module._reset_parameters)()
            for key, old in own.items():
                if torch.equal(old, getattr(module, key)) and len(old.unique()) > 1:
                    getattr(module, key).copy_(shuffled(old, torch.default_generator))
                    drawn.append(f"{name}.{key}".lstrip("."))
    network.requires_grad_(False).to(home)
    if drawn:
        hint = "they were drawn anew from their own values, so that mean and deviation stay"
        warnings.warn(f"no reset of their own have {', '.join(drawn)}: {hint}.", stacklevel=4)


def _saved(module: nn.Module) -> dict[str, Tensor]:
    """{name: tensor} of real numbers in the module itself, as far as they are saved with it."""
    items = (*module.named_parameters(recurse=False), *module.named_buffers(recurse=False))
    saved = module.state_dict()
    return {key: one for key, one in items if key in saved and one.is_floating_point()}


def shuffled(values: Tensor, generator: torch.Generator) -> Tensor:
    """The values in random order, none at its old place: their mean, deviation and signs stay."""
    order, flat = torch.randperm(values.numel(), generator=generator), values.flatten()
    moved = torch.empty_like(flat)
    moved[order] = flat[order.roll(1)]  # one cycle through all places
    return moved.view_as(values)
