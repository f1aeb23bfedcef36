"""CAM, Grad-CAM and its family: by hand, against each other, against captum, torchcam and the
steps of pytorch-grad-cam, on other people's transformers, and what is refused.
"""

import captum.attr
import deep_nets
import numpy as np
import odd_nets
import pytest
import timm
import torch
import torch.nn.functional as F
import torchcam.methods
import torchvision
import toy_nets
import vit_pytorch
from torch import nn
from vit_pytorch import simple_vit_with_register_tokens

from cs231n_viz import data, images, models
from cs231n_viz.activations import activations_at, capture
from cs231n_viz.layers import last_maps
from cs231n_viz.objectives import score_of
from cs231n_viz.techniques.cam import (
    RULES,
    cam,
    class_weights,
    grad_cam,
    grad_cam_of,
    grad_cams,
    guided_grad_cam,
    mean_cam,
    signed_maps,
)
from cs231n_viz.techniques.guided_backprop import input_gradient

PLAIN = {"mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}


@pytest.fixture
def efficientnet():
    return toy_nets.real_network()


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
    "name", ["coursenet", "coursenet_b", "efficientnet", "squeezenet", "resnet18", "googlenet"]
)
def test_grad_cam_matches_cam_when_the_head_is_pooling_plus_linear(name, request):
    if name in ("squeezenet", "efficientnet"):
        model = request.getfixturevalue(name)
    else:
        model = (
            models.load(name, device="cpu")
            if name in models.bundled()
            else torchvision_model(name, 96)
        )
    picture = data.photo("chelsea", 128)[:, :, :96]
    target = int(model(picture).argmax())
    where, layer = cam(model, picture, target), last_maps(model)
    raw = signed_maps(model, picture, target, [layer])[layer]  # before the ReLU
    enlarged = images.resize(raw[:, None], (96, 128))[:, 0] * raw[0].numel()
    assert torch.allclose(enlarged, where, atol=1e-4 * float(where.abs().max()))
    assert grad_cam(model, picture, target).shape == (1, 96, 128)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "layer"),
    [
        *zip(deep_nets.FIVE, ("relu4_1", "fire5", "relu3", "relu4_1", "layer3"), strict=True),
        ("squeezenet1_0", "fire9"),
        ("squeezenet1_0", "conv10"),
        ("coursenet", "conv5"),
        ("coursenet_b", "block3"),
        ("resnet18", "layer4"),
        ("vgg11", "conv5_2"),
    ],
)
def test_grad_cam_is_what_captum_shows_in_the_end(name, layer):
    """ReLU on the small map, then the enlarging; its other order differs where signs change."""
    model, picture = deep_nets.network(name), data.photo("coffee", 96)
    peer = captum.attr.LayerGradCam(model, model.resolve(layer)[0])
    low = peer.attribute(picture, 3, relu_attributions=True)
    theirs = captum.attr.LayerAttribution.interpolate(low, (96, 96), "bilinear")[:, 0].detach()
    ours = grad_cam(model, picture, 3, layer)
    assert torch.allclose(ours, theirs, atol=1e-4 * float(theirs.max()))


def test_the_relu_comes_before_the_enlarging():
    """A map of +1 and −1 beside it: cut first, the middle is halfway to 0, and not to −1."""
    network = nn.Sequential(toy_nets.plain_net().conv1, *odd_nets.averaged(2, 2))
    with torch.no_grad():
        network[0].weight.zero_()
        network[0].weight[0, 0, 1, 1], network[0].stride, network[0].padding = 2, (4, 4), (0, 0)
        network[0].bias[:] = torch.tensor([-1.0, 0.0])
        network[-1].weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 0.0]]))
    model, picture = models.wrap(network, input_size=(4, 8), **PLAIN), torch.zeros(1, 3, 4, 8)
    picture[:, :, :, :4] = 1
    small = torch.tensor([[[[0.5, 0.0]]]])  # max(0, (1, −1)) · the gradient 1/2
    assert torch.allclose(grad_cam(model, picture, 0, "0"), images.resize(small, (4, 8))[:, 0])
    raw = signed_maps(model, picture, 0, ["0"])["0"]
    assert torch.allclose(raw, torch.tensor([[[0.5, -0.5]]]))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "layer"), [("coursenet", "relu4_2"), ("resnet18", "layer3")])
def test_grad_cam_is_what_pytorch_grad_cam_shows_in_the_end(name, layer):
    """Its steps: weigh, cut at zero, stretch to [0, 1], enlarge, and stretch again."""
    model, picture = deep_nets.network(name), data.photo("coffee", 96)
    maps, gradients = maps_and_gradients(model, picture, 3, layer)
    low = np.maximum((gradients.mean(axis=(2, 3))[:, :, None, None] * maps).sum(axis=1), 0)
    scaled = images.stretch(torch.from_numpy(low))[:, None]
    theirs = F.interpolate(scaled, (96, 96), mode="bilinear", align_corners=False)[:, 0]
    ours = grad_cam(model, picture, 3, layer)
    assert torch.allclose(images.stretch(ours), images.stretch(theirs), atol=1e-5)


def maps_and_gradients(model, picture, target, layer):
    """A (N, C, h, w) and ∂S/∂A as numpy arrays, by hooks of torch alone."""
    with capture(model, layer) as outputs:
        scores = model(picture.clone().requires_grad_())
    gradients = torch.autograd.grad(scores[:, target].sum(), outputs[layer])[0]
    return outputs[layer].detach().numpy(), gradients.numpy()


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


SIZES = {"image_size": 64, "patch_size": 8, "dim": 32, "depth": 2, "heads": 2, "mlp_dim": 64}
SIZES |= {"num_classes": 5}
TORCHVISION = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64, "num_classes": 5}


def small(name, **settings):
    return timm.create_model(name, **{"num_classes": 5, "img_size": 64} | settings)


def grid(rows, columns, first):
    return lambda tokens: tokens[:, first : first + rows * columns].mT.unflatten(2, (rows, columns))


def channels_last(maps):
    return maps.permute(0, 3, 1, 2)


TRANSFORMERS = {  # build, input size, layer, how it lies over the picture
    "vit-pytorch": (
        lambda: vit_pytorch.ViT(**SIZES), 64, "transformer.layers.1.0.norm", grid(8, 8, 1),
    ),
    "vit-pytorch, averaged": (
        lambda: vit_pytorch.SimpleViT(**SIZES), 64, "transformer", grid(8, 8, 0),
    ),
    "vit-pytorch, registers behind": (
        lambda: simple_vit_with_register_tokens.SimpleViT(**SIZES, num_register_tokens=4),
        64, "transformer", grid(8, 8, 0),
    ),
    "vit-pytorch, rectangles": (
        lambda: vit_pytorch.ViT(**SIZES | {"image_size": (32, 96), "patch_size": (8, 16)}),
        (32, 96), "transformer.layers.1.0.norm", grid(4, 6, 1),
    ),
    "timm": (
        lambda: small("vit_tiny_patch16_224", patch_size=8, depth=3),
        64, "blocks.2.norm1", grid(8, 8, 1),
    ),
    "timm, a rectangle": (
        lambda: small("vit_tiny_patch16_224", img_size=(48, 96), depth=2),
        (48, 96), "blocks.1.norm1", grid(3, 6, 1),
    ),
    "timm, distilled": (
        lambda: small("deit_tiny_distilled_patch16_224", depth=2),
        64, "blocks.1.norm1", grid(4, 4, 2),
    ),
    "timm, registers": (
        lambda: small("vit_small_patch14_reg4_dinov2", img_size=56, depth=2),
        56, "blocks.1.norm1", grid(4, 4, 5),
    ),
    "timm, swin": (
        lambda: small("swin_tiny_patch4_window7_224", window_size=4, depths=(1, 1)),
        64, "norm", channels_last,
    ),
    "timm, mixer": (
        lambda: small("mixer_s32_224", img_size=128), 128, "norm", grid(4, 4, 0),
    ),
    "torchvision": (
        lambda: torchvision.models.VisionTransformer(64, 8, **TORCHVISION),
        64, "encoder.layers.encoder_layer_1.ln_1", grid(8, 8, 1),
    ),
    "torchvision, swin": (
        lambda: torchvision.models.SwinTransformer(
            [4, 4], 24, [1, 1], [2, 4], [4, 4], num_classes=5
        ),
        64, "norm", channels_last,
    ),
}  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("name", TRANSFORMERS)
def test_grad_cam_of_other_peoples_transformers_is_that_by_hand(name):
    build, size, layer, lay = TRANSFORMERS[name]
    torch.manual_seed(0)
    network = build()
    for part in network.modules():  # some heads begin with zeros
        if isinstance(part, nn.Linear) and not part.weight.any():
            nn.init.normal_(part.weight, std=0.05)
    model = models.wrap(network, input_size=size)
    pixels, targets = torch.rand(2, 3, *model.size), [1, 3]
    kept = []
    with (
        network.eval()
        .get_submodule(layer)
        .register_forward_hook(lambda module, inputs, output: kept.append(output))
    ):
        scores = network(pixels.clone().requires_grad_())
    (gradients,) = torch.autograd.grad(scores[[0, 1], targets].sum(), kept)
    maps, weights = lay(kept[0]), lay(gradients).mean(dim=(2, 3), keepdim=True)
    low = (weights * maps).sum(dim=1).clamp(min=0)
    expected = images.resize(low[:, None], model.size)[:, 0].detach()
    named, default = grad_cam(model, pixels, targets, layer), grad_cam(model, pixels, targets)
    assert named.any() and torch.allclose(named, expected, atol=1e-5 * float(expected.max()))
    if name != "torchvision, swin":  # whose last layer is a mere permutation of this one
        assert torch.equal(default, named)
    else:
        assert torch.allclose(default, named, atol=1e-6 * float(named.max()))


@pytest.mark.slow
def test_a_transformer_may_be_asked_about_pictures_of_other_sizes():
    network = small("vit_tiny_patch16_224", patch_size=8, depth=2, dynamic_img_size=True)
    model, pixels = models.wrap(network, input_size=64), torch.rand(1, 3, 48, 80)
    raw = signed_maps(model, pixels, 2, ["blocks.1.norm1"])["blocks.1.norm1"]
    maps, gradients = (
        torch.from_numpy(each)[:, 1:].mT.unflatten(2, (6, 10))
        for each in maps_and_gradients(model, pixels, 2, "blocks.1.norm1")
    )
    expected = (gradients.mean(dim=(2, 3), keepdim=True) * maps).sum(dim=1)
    assert torch.allclose(raw, expected, atol=1e-5 * float(expected.abs().max()))


@pytest.mark.slow
def test_a_layer_that_is_not_read_again_is_refused_and_gives_no_empty_map():
    torch.manual_seed(0)
    model = models.wrap(vit_pytorch.ViT(**SIZES), input_size=64)
    pixels, earlier = torch.rand(1, 3, 64, 64), r"earlier layer, such as 'transformer\.layers\.1\.0"
    for layer in ("transformer.norm", "transformer.layers.1.1.net.0"):
        with pytest.raises(ValueError, match=f"only extra tokens of {layer} are read.*{earlier}"):
            grad_cam(model, pixels, 1, layer)
    with pytest.raises(ValueError, match="only extra tokens of transformer.norm are read"):
        grad_cams(model, pixels, 1, ["transformer.layers.1.0.norm", "transformer.norm"])
    with pytest.raises(ValueError, match="attend has no maps: its output is .1, 2, 65, 65."):
        grad_cam(model, pixels, 1, "transformer.layers.1.0.attend")


def test_a_layer_on_which_the_target_does_not_depend_is_refused():
    model = models.wrap(odd_nets.frozen_backbone(), input_size=64)
    with pytest.raises(ValueError, match="no gradient leads from the target back to maps.*no_grad"):
        grad_cam(model, torch.rand(1, 3, 64, 64), 1)


# --- the family -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "peer", "layer"),
    [
        ("grad-cam", "GradCAM", "layer3"),
        ("layercam", "LayerCAM", "layer2"),
        ("layercam", "LayerCAM", "layer3"),
    ],
)
def test_the_family_equals_torchcam(rule, peer, layer):
    """But for Grad-CAM++, of which torchcam 0.5 leaves out the division by 2 g² + g³ Σ A."""
    model, picture = deep_nets.network("resnet18"), data.photo("coffee", 96)
    with getattr(torchcam.methods, peer)(model, f"network.{layer}") as extractor:
        scores = model(picture.clone().requires_grad_())
        (theirs,) = extractor(3, scores, normalized=False)
    low = signed_maps(model, picture, 3, [layer], rule)[layer].clamp(min=0)
    assert low.any() and torch.allclose(low, theirs, atol=1e-5 * float(theirs.max()))


@pytest.mark.slow
@pytest.mark.parametrize("layer", ["relu4_1", "conv5"])
def test_the_family_worked_by_hand(layer):
    """Map by map, in numpy, as the papers write it."""
    model, picture = deep_nets.network("coursenet"), data.photo("coffee", 96)
    maps, gradients = (
        each[0].astype(np.float64) for each in maps_and_gradients(model, picture, 3, layer)
    )
    expected = {rule: np.zeros(maps.shape[1:]) for rule in RULES}
    for a, g in zip(maps, gradients, strict=True):
        expected["grad-cam"] += g.mean() * a
        expected["hirescam"] += g * a
        expected["layercam"] += np.maximum(g, 0) * a
        below = 2 * g**2 + a.sum() * g**3
        alphas = np.divide(g**2, below, out=np.zeros_like(g), where=below != 0)
        expected["grad-cam++"] += (alphas * np.maximum(g, 0)).sum() * a
    matrix = maps.reshape(len(maps), -1).T  # (positions, C)
    projection = matrix @ np.linalg.svd(matrix)[2][0]
    along = projection @ matrix.sum(axis=1)  # > 0 where it goes with the activations
    expected["eigen-cam"] = np.sign(along) * projection.reshape(maps.shape[1:])
    for rule in RULES:
        found = signed_maps(model, picture, 3, [layer], rule)[layer][0].numpy()
        assert np.abs(found - expected[rule]).max() < 1e-4 * np.abs(expected[rule]).max(), rule


def test_eigen_cam_of_one_pattern_is_that_pattern_and_no_negative():
    """A ReLU's maps c · P of one pattern P ≥ 0 have the first singular vector ∝ c, and ‖c‖ P."""
    pattern, weights = torch.rand(1, 1, 5, 6), torch.tensor([3.0, 0.0, 4.0]).view(1, 3, 1, 1)
    found = RULES["eigen-cam"](torch.cat([pattern * weights, -2 * pattern * weights]), None)
    assert torch.allclose(found[0], 5 * pattern[0, 0], atol=1e-5)
    assert torch.allclose(found[1], -10 * pattern[0, 0], atol=1e-5)  # the activations are negative
    assert not RULES["eigen-cam"](torch.zeros(1, 3, 5, 6), None).any()


@pytest.mark.slow
@pytest.mark.parametrize("rule", RULES)
def test_every_rule_works_wherever_grad_cam_does(rule):
    model, picture = deep_nets.network("coursenet"), data.photo("coffee", 96)
    layers = ["relu3_2", "relu5"]
    several = grad_cams(model, picture, 3, layers, rule)
    raw = signed_maps(model, picture, 3, layers, rule)
    for layer in layers:
        one = grad_cam(model, picture, 3, layer, rule)
        assert torch.allclose(several[layer], one, atol=1e-5 * float(one.max()))
        cut = images.resize(raw[layer].clamp(min=0)[:, None], 96)[:, 0]
        assert torch.allclose(cut, one, atol=1e-5 * float(one.max()))
        assert raw[layer].shape[1:] == activations_at(model, picture, layer).shape[2:]
    assert torch.equal(grad_cam_of(model, picture, score_of(model, 3), "relu5", rule), one)


def test_an_unknown_rule_is_told_the_known_ones():
    model, picture = deep_nets.network("coursenet"), data.photo("coffee", 96)
    with pytest.raises(
        ValueError, match=r"unknown rule 'gradcam\+\+'. Did you mean .*'grad-cam\+\+'"
    ):
        grad_cam(model, picture, 3, rule="gradcam++")


def test_the_mean_over_layers_gives_each_the_same_say():
    """As pytorch-grad-cam's of several layers: each small map is divided by its maximum."""
    model, pixels = deep_nets.network("coursenet"), data.picturebook("test", 2).pixels
    layers, scaled = ["relu4_2", "relu5"], []
    for small_map in signed_maps(model, pixels, None, layers).values():
        cut = small_map.clamp(min=0) / small_map.amax(dim=(1, 2), keepdim=True)
        scaled.append(images.resize(cut[:, None], 128)[:, 0])
    found = mean_cam(model, pixels, None, layers)
    assert torch.allclose(found, (scaled[0] + scaled[1]) / 2) and found.max() <= 1 + 1e-6
    nothing = mean_cam(model, pixels, lambda scores: -scores.square().sum(dim=1), ["relu5"])
    assert nothing.isfinite().all()


# --- targets --------------------------------------------------------------------------------------


def test_every_map_takes_a_class_for_each_picture_or_none():
    model, pixels = deep_nets.network("coursenet"), data.picturebook("test", 3).pixels
    own = model(pixels).argmax(dim=1)
    for technique in (cam, grad_cam):
        alone = torch.cat(
            [technique(model, each, int(k)) for each, k in zip(pixels.split(1), own, strict=True)]
        )
        names = [model.class_names[k] for k in own]
        for target in (None, own, own.tolist(), own.numpy(), names):
            found = technique(model, pixels, target)
            assert torch.allclose(found, alone, atol=1e-5 * float(alone.max()))
    with pytest.raises(ValueError, match="3 pictures need as many"):
        cam(model, pixels, [1, 2])
    with pytest.raises(TypeError, match="index or its name"):
        cam(model, pixels, lambda scores: scores[:, 0])


def test_the_users_world_is_unchanged():
    model, pixels = deep_nets.network("resnet18"), torch.rand(1, 3, 64, 64)
    state = torch.random.get_rng_state()
    before = {name: each.clone() for name, each in model.state_dict().items()}
    with torch.inference_mode():
        heat = grad_cam(model, pixels, None, "layer2.1")
    assert heat.any() and pixels.grad is None
    assert torch.equal(torch.random.get_rng_state(), state)
    assert all(torch.equal(each, before[name]) for name, each in model.state_dict().items())
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


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


def test_an_objective_that_asks_twice_is_refused():
    model, picture = models.load("coursenet", device="cpu"), data.photo("coffee", 96)
    with pytest.raises(ValueError, match="second pass"):
        grad_cam_of(model, picture, lambda pixels: model(pixels)[:, 3] - model(pixels)[:, 5])


@pytest.mark.slow
def test_on_photographs_cam_is_grad_cam_at_the_last_maps_of_the_real_network(efficientnet):
    """At its own size, the network's own answers: 49 places, so 49 times Grad-CAM is CAM."""
    for name in ("chelsea", "coffee", "china"):
        picture = data.photo(name, 224)
        where = cam(efficientnet, picture)
        raw = signed_maps(efficientnet, picture, None, ["head"])["head"]
        enlarged = images.resize(raw[:, None], 224)[:, 0] * 49
        both = torch.stack([where.flatten(), enlarged.flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.999999
        assert torch.allclose(enlarged, where, atol=1e-4 * float(where.max()))


def test_a_picture_too_small_for_more_than_one_place_is_said_so(efficientnet):
    picture = data.photo("chelsea", 40)
    for technique in (grad_cam, guided_grad_cam):
        with pytest.raises(ValueError, match=r"head is a single place.* take a larger one"):
            technique(efficientnet, picture)
    assert grad_cam(efficientnet, picture, layer="relu12_expand").any()  # an earlier layer: 2 x 2
    assert cam(efficientnet, picture).unique().numel() == 1  # the score of the one place


@pytest.mark.parametrize("name", ["coursenet", "efficientnet", "squeezenet"])
def test_class_weights_turn_the_averages_of_the_last_maps_into_the_scores(name, request):
    model = (
        models.load(name, device="cpu") if name == "coursenet" else request.getfixturevalue(name)
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
    picture, dense = data.photo("coffee", 64), torchvision_model("densenet121")
    assert cam(dense, picture, 3).any()  # it averages what a ReLU leaves of its last maps
    with pytest.raises(ValueError, match="does not average its last maps"):
        class_weights(dense)


@pytest.mark.parametrize(
    "head",
    [
        (nn.AdaptiveMaxPool2d(1), nn.Flatten(), nn.Linear(12, 5)),
        (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 12), nn.ReLU(), nn.Linear(12, 5)),
    ],
    ids=["maximum", "two layers"],
)
def test_class_weights_are_checked_with_a_noisy_picture(head):
    """On a grey one, whose maps are flat or zero, they would seem to hold."""
    torch.manual_seed(0)
    model = models.wrap(nn.Sequential(*odd_nets.maps(), *head), input_size=64, **PLAIN)
    with pytest.raises(ValueError, match="does not average its last maps"):
        class_weights(model)


def test_class_weights_of_one_logit_are_those_of_both_classes():
    torch.manual_seed(0)
    model = models.wrap(odd_nets.one_logit(), input_size=64, scores="one logit", **PLAIN)
    pixels = torch.rand(2, 3, 64, 64)
    weights, bias = class_weights(model)
    averages = activations_at(model, pixels, last_maps(model)).mean(dim=(2, 3))
    assert weights.shape == (2, 12)
    assert torch.allclose(averages @ weights.T + bias, model(pixels), atol=1e-5)
    assert torch.allclose(cam(model, pixels, 0), -cam(model, pixels, 1))


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
