"""CAM and Grad-CAM: by hand, against each other, against captum, on transformers, and what is
refused.
"""

import deep_nets
import pytest
import torch
import torchvision
import toy_nets
from torch import nn

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at
from cs231n_viz.layers import last_maps
from cs231n_viz.objectives import score_of
from cs231n_viz.techniques.cam import (
    _as_maps,
    cam,
    class_weights,
    grad_cam,
    grad_cam_of,
    grad_cams,
    guided_grad_cam,
)
from cs231n_viz.techniques.guided_backprop import input_gradient

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


def torchvision_model(name, size=64):
    extra = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    torch.manual_seed(0)
    network = torchvision.models.get_model(name, weights=None, **extra)
    for module in network.modules():  # some heads begin with zeros
        if isinstance(module, nn.Linear):
            nn.init.normal_(module.weight, std=0.05)
    return models.wrap(
        network, input_size=size, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225), name=name
    )


def test_both_maps_worked_by_hand():
    """Maps max(red − ½, 0) and max(½ − red, 0); score 2 = 3 · mean 0 + mean 1, score 1 = mean 1 −
    mean 0.
    """
    model, picture = (
        models.wrap(toy_nets.gap_linear_net(), input_size=4, **PLAIN),
        toy_nets.picture(),
    )
    first, second = (toy_nets.RED - 0.5).clamp(min=0), (0.5 - toy_nets.RED).clamp(min=0)
    assert torch.allclose(cam(model, picture, 2)[0], 3 * first + second)
    assert torch.allclose(cam(model, picture, 1)[0], second - first)
    assert torch.allclose(grad_cam(model, picture, 1)[0], (second - first).clamp(min=0) / 16)
    assert torch.allclose(cam(model, picture, 2).mean(), model(picture)[0, 2])


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["coursenet", "coursenet_b", "squeezenet", "resnet18", "googlenet"]
)
def test_grad_cam_matches_cam_when_the_head_is_pooling_plus_linear(name, request):
    if name == "squeezenet":
        model = request.getfixturevalue(name)
    else:
        model = (
            models.load(name, device="cpu")
            if name in models.bundled()
            else torchvision_model(name, 96)
        )
    picture = data.photo("chelsea", 128)[:, :, :96]
    target = int(model(picture).argmax())
    where = cam(model, picture, target).clamp(min=0)
    gradient = grad_cam(model, picture, target)
    assert gradient.shape == (1, 96, 128)
    assert torch.allclose(gradient / gradient.max(), where / where.max(), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    list(zip(deep_nets.FIVE, ("relu4_1", "fire5", "relu3", "relu4_1", "layer3"), strict=True)),
)
def test_grad_cam_equals_captum(name, layer):
    attr = pytest.importorskip("captum.attr")
    model = deep_nets.network(name)
    picture = data.photo("coffee", 96)
    theirs = attr.LayerGradCam(model, model.resolve(layer)[0]).attribute(picture, 3)
    expected = images.resize(theirs.detach(), 96)[:, 0].clamp(min=0)
    ours = grad_cam(model, picture, 3, layer)
    assert torch.allclose(ours, expected, atol=1e-4 * float(expected.max()))


def test_several_layers_in_one_pass_are_the_layers_one_by_one():
    model, pixels = models.load("coursenet", device="cpu"), data.picturebook("test", 2).pixels
    layers, targets = ["relu2", "relu4_2", "relu5"], torch.tensor([93, 95])
    maps = grad_cams(model, pixels, targets, layers)
    assert list(maps) == layers and pixels.grad is None and not pixels.requires_grad
    for layer in layers:
        alone = grad_cam(model, pixels, targets, layer)
        assert torch.allclose(maps[layer], alone, atol=1e-5 * float(alone.max()))


def test_a_difference_of_scores_is_the_difference_of_the_maps():
    """Maps 3·a + b and b − a, so score 2 − score 1 asks for 4·a, over 16 places; the other way
    nothing is left.
    """
    model, picture = (
        models.wrap(toy_nets.gap_linear_net(), input_size=4, **PLAIN),
        toy_nets.picture(),
    )
    first = (toy_nets.RED - 0.5).clamp(min=0)
    assert torch.allclose(grad_cam(model, picture, lambda s: s[:, 2] - s[:, 1])[0], 4 * first / 16)
    assert not grad_cam(model, picture, lambda s: s[:, 1] - s[:, 2]).any()


def test_a_map_may_ask_for_what_is_no_class():
    """Similarity to another picture, and a unit."""
    model, drawn = models.load("coursenet", device="cpu"), data.picturebook("test", 2)
    with torch.no_grad():
        wanted = activations_at(model, drawn.pixels[1:], "code")

    def similarity(pixels):
        return torch.cosine_similarity(activations_at(model, pixels, "code"), wanted)

    heat = grad_cam_of(model, drawn.pixels[:1], similarity, "relu4_2")
    assert heat.shape == (1, 128, 128) and heat.max() > 0
    unit = grad_cam(model, drawn.pixels[:1], ("conv5", 3), "relu4_2")
    score = score_of(model, ("conv5", 3))
    assert torch.allclose(unit, grad_cam_of(model, drawn.pixels[:1], score, "relu4_2"))


@pytest.mark.slow
@pytest.mark.parametrize("name", ["vit_b_32", "swin_t"])
def test_transformers_tokens_are_laid_out_as_a_grid(name):
    model = torchvision_model(name, 224)
    heat = grad_cam(model, data.photo("chelsea", 224), 5)
    assert heat.shape == (1, 224, 224) and heat.max() > 0


def test_tokens_keep_their_positions():
    tokens = torch.arange(10.0).view(1, 10, 1)  # a class token and 3 x 3 in reading order
    for given in (tokens, tokens[:, 1:]):
        maps = _as_maps("tokens", given, given.shape)
        assert maps[0, 0].tolist() == [[1, 2, 3], [4, 5, 6], [7, 8, 9]]
    swin = torch.zeros(1, 3, 3, 5)
    swin[0, 0, 2, 4] = 1
    assert _as_maps("swin", swin, swin.shape)[0, 4, 0, 2] == 1


def test_guided_grad_cam_is_the_product_of_both():
    model, picture = models.load("coursenet", device="cpu"), data.photo("coffee", 96)
    product = (
        input_gradient(model, picture, "cup") * grad_cam(model, picture, "cup", "relu4_1")[:, None]
    )
    assert torch.equal(guided_grad_cam(model, picture, "cup", "relu4_1"), product)


def test_where_nothing_raises_the_target_the_map_is_zero():
    model = models.wrap(toy_nets.gap_linear_net(), input_size=4, **PLAIN)
    bright = torch.ones(1, 3, 4, 4)  # only map 0 is active, and it lowers class 1
    assert torch.equal(grad_cam(model, bright, 1), torch.zeros(1, 4, 4))


@pytest.mark.slow
def test_what_cannot_be_done_is_said():
    model, picture = models.load("coursenet", device="cpu"), data.photo("coffee", 128)
    with pytest.raises(ValueError, match="code has no maps"):
        grad_cam(model, picture, 0, "code")
    with pytest.raises(ValueError, match="code has no maps"):
        grad_cams(model, picture, 0, ["relu5", "code"])
    with pytest.raises(ValueError, match="VGG.*use grad_cam|vgg11.*use grad_cam"):
        cam(torchvision_model("vgg11"), picture, 0)
    with pytest.raises(ValueError, match="Did you mean 'relu5'"):
        grad_cam(model, picture, 0, "relu55")
    with pytest.raises(ValueError, match="Did you mean"):
        cam(model, picture, "drawn owll")
    with pytest.raises(ValueError, match="relu5"):
        grad_cam(model, picture, ("relu2", 3))


def test_pictures_that_are_not_square_are_read_in_the_layers_own_layout():
    """ResNet's layer1 makes 64 maps of 64 x 48 here, Swin's norm 7 x 5 with 768 channels."""
    wide = data.photo("chelsea", 256)[:, :, :, :192]
    model = torchvision_model("resnet18")
    output = activations_at(model, wide, "layer1")
    assert _as_maps("layer1", output, model.shapes["layer1"]) is output
    swin = torch.zeros(1, 7, 5, 768)
    assert _as_maps("norm", swin, (1, 7, 7, 768)).shape == (1, 768, 7, 5)
    with pytest.raises(ValueError, match=r"tokens has no maps: its output is \(1, 48, 768\)"):
        _as_maps("tokens", torch.zeros(1, 48, 768), (1, 50, 768))


def test_an_objective_that_asks_twice_is_refused():
    model, picture = models.load("coursenet", device="cpu"), data.photo("coffee", 96)
    with pytest.raises(ValueError, match="second pass"):
        grad_cam_of(model, picture, lambda pixels: model(pixels)[:, 3] - model(pixels)[:, 5])


@pytest.mark.parametrize("name", ["coursenet", "squeezenet"])
def test_class_weights_turn_the_averages_of_the_last_maps_into_the_scores(name, request):
    model = (
        request.getfixturevalue(name) if name == "squeezenet" else models.load(name, device="cpu")
    )
    picture = data.photo("coffee", model.input_size)
    weights, bias = class_weights(model)
    averages = activations_at(model, picture, last_maps(model)).mean(dim=(2, 3))
    assert torch.allclose(averages @ weights.T + bias, model(picture), atol=1e-3)
    assert not weights.requires_grad and bias.shape == (len(weights),)


@pytest.mark.slow
def test_class_weights_are_refused_where_no_weight_belongs_to_a_map():
    with pytest.raises(ValueError, match="no weights belong to its maps: use grad_cam"):
        class_weights(torchvision_model("vgg11"))


def test_a_huge_bias_does_not_hide_which_maps_the_head_reads():
    torch.manual_seed(0)
    body = nn.Conv2d(3, 16, 3), nn.ReLU(), nn.Conv2d(16, 16, 3), nn.ReLU()
    network = nn.Sequential(*body, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 4))
    with torch.no_grad():
        network[-1].bias[:2] = torch.tensor([-1e4, -torch.inf])
    model, picture = models.wrap(network, input_size=16, **PLAIN), torch.rand(1, 3, 16, 16)
    maps = activations_at(model, picture, "3")
    expected = images.resize(torch.einsum("c,nchw->nhw", network[-1].weight[2], maps)[:, None], 16)[
        :, 0
    ]
    assert torch.allclose(cam(model, picture, 2), expected.detach(), atol=1e-5)


def test_a_layer_may_go_by_either_of_its_names(squeezenet):
    picture = data.photo("coffee", 96)
    friendly = grad_cam(squeezenet, picture, 3, "fire5")
    assert torch.equal(friendly, grad_cam(squeezenet, picture, 3, "features.7"))
