"""Deep networks for comparisons with other tools: the course's own, and torchvision's, made quick
to build.
"""

import functools

import torch
import torchvision
from torch import nn

from cs231n_viz import models
from cs231n_viz.models import weights_file

FIVE = ("coursenet", "squeezenet1_0", "alexnet", "vgg11", "resnet18")


@functools.cache
def network(name: str) -> models.PixelModel:
    """With its own weights where they are on this computer, else with random ones (He et al. 2015).

    The huge linear layers of AlexNet and VGG are made narrow.
    """
    if name in models.bundled() or (name == "squeezenet1_0" and weights_file(name).exists()):
        return models.load(name, device="cpu")
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    with torch.device("meta"):
        deep = torchvision.models.get_model(name, weights=None, **settings)
    if name in ("alexnet", "vgg11"):
        inputs = next(
            module.in_features for module in deep.classifier if isinstance(module, nn.Linear)
        )
        deep.classifier = nn.Sequential(
            nn.Linear(inputs, 8), nn.ReLU(inplace=True), nn.Linear(8, 10)
        )
    deep.to_empty(device="cpu")
    for module in deep.modules():
        if hasattr(module, "reset_parameters"):
            module.reset_parameters()
    wrapped = models.wrap(
        deep, mean=(0.5, 0.4, 0.3), std=(0.2, 0.25, 0.3), input_size=96, name=name
    )
    return models.untrained(wrapped)


def assert_equal_gradients(ours: torch.Tensor, theirs: torch.Tensor) -> None:
    """They point the same way and differ by at most 1e-4 of the range."""
    assert (
        theirs.any() and torch.cosine_similarity(ours.flatten(), theirs.flatten(), dim=0) > 0.9999
    )
    assert (ours - theirs).abs().max() <= 1e-4 * (theirs.max() - theirs.min())
