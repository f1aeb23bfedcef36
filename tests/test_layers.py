"""Which layer, where nobody names one: of our networks, torchvision's, and where there is none."""

import pytest
import torch
import torchvision
from torch import nn

from cs231n_viz import layers, models


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


def untrained(name, size=96):
    torch.manual_seed(0)  # a transformer's heads begin with zeros unless they are drawn
    extra = {"init_weights": False} if name == "googlenet" else {}
    network = torchvision.models.get_model(name, weights=None, **extra)
    for module in network.modules():
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.05)
    return models.wrap(network, input_size=size, name=name)


# --- for a look, and for style --------------------------------------------------------------------


def test_map_layers_are_relus_and_blocks_with_maps(coursenet):
    assert layers.map_layers(coursenet)[:3] == ["relu1", "relu2", "relu3_1"]
    assert layers.map_layers(untrained("squeezenet1_0", 224))[:3] == ["relu1", "fire2", "fire3"]
    resnet = untrained("resnet18", 224)
    assert layers.map_layers(resnet)[-4:] == ["layer1", "layer2", "layer3", "layer4"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    ["densenet121", "mobilenet_v2", "mobilenet_v3_small", "vgg11_bn", "alexnet", "googlenet"],
)
def test_every_fully_served_network_has_map_layers(name):
    model = untrained(name, 224)
    found = layers.map_layers(model)
    assert len(found) >= 4 and all(len(model.shapes[layer]) == 4 for layer in found)


@pytest.mark.slow
def test_a_network_without_maps_is_told_so():
    with pytest.raises(ValueError, match="take a convolutional network"):
        layers.map_layers(untrained("vit_b_32", 224))
    flat = models.wrap(nn.Sequential(nn.Flatten(), nn.Linear(48, 2)), input_size=4)
    with pytest.raises(ValueError, match="no feature maps .* to read a style from"):
        layers.usual_layers(flat)
    with pytest.raises(ValueError, match="no layer with positions"):
        layers.last_maps(flat)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "content", "style"),
    [
        ("vgg19", "relu4_4", ["pixels", "relu1_2", "relu2_2", "relu3_4", "relu4_4"]),
        ("squeezenet1_0", "fire5", ["pixels", "relu1", "fire3", "fire4", "fire5"]),
        ("resnet18", "layer3", ["pixels", "relu", "layer1", "layer2", "layer3"]),
    ],
)
def test_usual_layers_end_each_size_of_maps(name, content, style):
    assert layers.usual_layers(untrained(name)) == (content, style)


# --- the last ones --------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_last_maps_come_before_the_pooling(coursenet):
    assert layers.last_maps(coursenet) == "relu5"
    assert layers.last_maps(untrained("resnet18")) == "layer4"
    assert layers.last_maps(untrained("vgg11")) == "relu5_2"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"), [("vit_b_32", "encoder.layers.encoder_layer_11.ln_1"), ("swin_t", "permute")]
)
def test_a_transformers_last_maps_are_the_last_tokens_that_are_read(name, layer):
    """After layer 11's first norm only the class token counts; Swin averages all its tokens."""
    assert layers.last_maps(untrained(name, 224)) == layer


def test_the_finer_maps_are_the_last_ones_before_the_last_grid(coursenet):
    assert layers.finer_maps(coursenet) == "relu4_2"
    assert layers.finer_maps(untrained("resnet18")) == "layer3"


def test_the_last_weights_make_the_scores(coursenet):
    assert layers.last_weights(coursenet) == "scores"
    assert layers.last_weights(untrained("squeezenet1_1", 64)) == "conv10"
    headless = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match=r"does not end in a linear layer.*layer='2'"):
        layers.last_weights(models.wrap(headless, input_size=8))


def test_the_last_linear_layer_is_none_where_there_is_none(coursenet):
    assert layers.last_linear(coursenet) is coursenet.resolve("scores")[0]
    assert layers.last_linear(untrained("squeezenet1_1", 64)) is None
