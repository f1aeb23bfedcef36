"""How a layer's output lies over the picture, and which layer, where nobody names one: of our
networks, torchvision's, timm's, vit-pytorch's, and where there is none.
"""

import copy
from collections import OrderedDict

import odd_nets
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
import toy_nets
import vit_pytorch
from torch import nn
from vit_pytorch import simple_vit_with_register_tokens

from cs231n_viz import layers, models
from cs231n_viz.activations import activations_at, capture
from cs231n_viz.layers import Layout


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


# --- how an output lies over the picture ----------------------------------------------------------


class Change(nn.Module):
    """A module that is a function, which torch does not know."""

    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, values):
        return self.function(values)


def patches(change, size=(64, 64), patch=(8, 8), back=lambda seen: seen, **settings):
    """Patches (N, 12, h, w) of the picture, changed by a function in the layer "seen"."""
    torch.manual_seed(0)
    network = nn.Sequential()
    network.add_module("patches", nn.Conv2d(3, 12, patch, patch))
    network.add_module("seen", Change(change))
    network.add_module("numbers", Change(lambda seen: back(seen).flatten(1)[:, :40]))
    network.add_module("scores", nn.Linear(40, 5))
    return models.wrap(network, input_size=size, **settings)


def tokens(maps):
    """(N, h·w, C), row after row"""
    return maps.flatten(2).mT


def with_extra(maps, front, behind):
    """Tokens with others around them that have seen the whole picture."""
    extra = tokens(maps).mean(dim=1, keepdim=True)
    return torch.cat([extra.expand(-1, front, -1), tokens(maps), extra.expand(-1, behind, -1)], 1)


def windows(maps):
    """(N, windows, 4 x 4 places in them, C), as Swin has them inside."""
    return maps.unfold(2, 4, 4).unfold(3, 4, 4).flatten(4).flatten(2, 3).permute(0, 2, 3, 1)


def heads(maps):
    """(N, heads, T, C / heads)"""
    return tokens(maps).unflatten(2, (3, 4)).transpose(1, 2)


def attention(maps):
    """(N, heads, T, T): who looks at whom."""
    queries = heads(torch.cat([maps, maps.mean(dim=3, keepdim=True)], 3))
    return (queries @ queries.mT).softmax(dim=-1)


@pytest.mark.parametrize(
    ("name", "change", "expected"),
    [
        ("maps", lambda maps: maps.sin(), Layout(1)),
        ("channels last", lambda maps: maps.permute(0, 2, 3, 1), Layout(-1)),
        (
            "channels last, as many as rows",
            lambda maps: maps[:, :8].permute(0, 2, 3, 1),
            Layout(-1),
        ),
        ("maps, as many as rows", lambda maps: maps[:, :8].sin(), Layout(1)),
        ("tokens", tokens, Layout(-1, (8, 8))),
        ("tokens, channels before them", lambda maps: maps.flatten(2), Layout(1, (8, 8))),
        ("a class token", lambda maps: with_extra(maps, 1, 0), Layout(-1, (8, 8), 1)),
        ("a class token at the end", lambda maps: with_extra(maps, 0, 1), Layout(-1, (8, 8), 0)),
        ("two in front", lambda maps: with_extra(maps, 2, 0), Layout(-1, (8, 8), 2)),
        ("registers at the end", lambda maps: with_extra(maps, 1, 4), Layout(-1, (8, 8), 1)),
        ("a row of extra ones", lambda maps: with_extra(maps, 8, 0), Layout(-1, (8, 8), 8)),
        ("as if a grid of 9 x 9", lambda maps: with_extra(maps, 16, 1), Layout(-1, (8, 8), 16)),
        ("a hundred prompts", lambda maps: with_extra(maps, 1, 100), Layout(-1, (8, 8), 1)),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_layout_is_found_by_changing_the_picture(name, change, expected):
    model = patches(change)
    assert layers.layouts(model, ["seen"]) == {"seen": expected}


@pytest.mark.parametrize(
    "change",
    [
        attention,
        heads,
        lambda maps: tokens(maps).unflatten(2, (3, 4)),
        windows,
        lambda maps: windows(maps).flatten(1, 2),
        lambda maps: maps.mT,
        lambda maps: tokens(maps.mT),
        lambda maps: maps.flip(3),
        lambda maps: maps.flatten(1, 2),
        lambda maps: maps.permute(0, 2, 3, 1).flatten(2),
        lambda maps: maps.permute(0, 2, 1, 3),
        lambda maps: maps.flatten(2)[..., None],
    ],
    ids=[
        "tokens x tokens", "heads", "heads behind", "windows", "tokens window by window",
        "transposed", "tokens column by column", "mirrored", "channels x rows",
        "columns x channels", "channels between", "a column of tokens",
    ],
)  # fmt: skip
def test_what_only_looks_like_maps_is_refused(change):
    model = patches(change)
    output = activations_at(model, torch.rand(2, 3, 64, 64), "seen")
    with pytest.raises(ValueError, match=r"seen has no maps.*such as 'patches'.*grid=\(rows, colu"):
        layers.as_maps(model, "seen", output, (64, 64))


def test_windows_stacked_along_the_batch_and_sequences_first_are_refused():
    for change, back in (
        (lambda maps: windows(maps).flatten(0, 1), lambda seen: seen.unflatten(0, (-1, 4))),
        (lambda maps: tokens(maps).transpose(0, 1), lambda seen: seen.transpose(0, 1)),
    ):
        assert layers.layouts(patches(change, back=back), ["seen"])["seen"] is None


@pytest.mark.parametrize(
    ("size", "patch", "grid"),
    [
        ((32, 96), (8, 8), (4, 12)),
        ((32, 96), (8, 16), (4, 6)),
        ((64, 64), (8, 16), (8, 4)),
        ((96, 40), (16, 8), (6, 5)),
        ((64, 64), (32, 32), (2, 2)),
        ((16, 128), (16, 16), (1, 8)),
    ],
)
def test_rectangles_of_patches_and_patches_that_are_rectangles(size, patch, grid):
    model = patches(lambda maps: with_extra(maps, 1, 0), size, patch)
    assert layers.layouts(model, ["seen"])["seen"] == Layout(-1, grid, 1)


def test_maps_of_one_row_are_maps():
    model = patches(lambda maps: maps.sin(), (16, 128), (16, 8))
    assert layers.layouts(model, ["seen"])["seen"] == Layout(1)


def test_the_maps_have_the_tokens_in_their_places():
    model = patches(lambda maps: with_extra(maps, 2, 3))
    pixels = torch.rand(2, 3, 64, 64)
    both = activations_at(model, pixels, ["patches", "seen"])
    found = layers.as_maps(model, "seen", both["seen"], (64, 64))
    assert torch.equal(found, both["patches"])


def test_a_layout_is_measured_once_and_several_layers_together():
    model, passes = patches(lambda maps: with_extra(maps, 1, 0)), []
    model.network.patches.register_forward_hook(lambda *given: passes.append(len(given[1][0])))
    state = torch.random.get_rng_state()
    layers.layouts(model, ["patches"])
    assert passes == []  # a convolution's output is maps by definition
    layers.layouts(model, ["seen", "numbers", "scores"])
    layers.layouts(model, ["seen"])
    assert passes == [1] * 10
    assert torch.equal(torch.random.get_rng_state(), state)
    assert layers.layouts(copy.deepcopy(model), ["seen"])["seen"].grid == (8, 8)


def test_relus_in_a_row_behind_a_convolution_need_no_measurement(coursenet):
    passes = []
    handle = coursenet.network.conv1.register_forward_hook(lambda *given: passes.append(1))
    assert set(layers.layouts(coursenet, ["relu1", "pool1", "relu5"]).values()) == {Layout(1)}
    handle.remove()
    assert passes == []
    shared = nn.ReLU()
    row = nn.Flatten(2), nn.Linear(64, 64), shared, nn.Unflatten(2, (8, 8)), nn.Conv2d(12, 12, 1)
    network = nn.Sequential(nn.Conv2d(3, 12, 8, 8), *row, shared, *odd_nets.averaged())
    model = models.wrap(network, input_size=64)
    assert layers.layouts(model, ["3:0", "3"])["3:0"] is None


def test_at_another_size_the_tokens_are_counted_anew():
    model = patches(lambda maps: with_extra(maps, 1, 0))
    pixels = torch.rand(1, 3, 48, 80)
    both = activations_at(model, pixels, ["patches", "seen"])
    assert torch.equal(layers.as_maps(model, "seen", both["seen"], (48, 80)), both["patches"])
    maps = patches(lambda maps: maps.sin())
    output = activations_at(maps, pixels, "seen")
    assert layers.as_maps(maps, "seen", output, (48, 80)) is output or output.shape[2:] == (6, 10)
    assert ("seen", (48, 80)) not in maps.layouts


@pytest.mark.parametrize("name", ["mobilenet_v3_small", "efficientnet_b0", "resnet18"])
@pytest.mark.slow
def test_maps_are_not_refused_because_a_random_network_mixes_all_places(name):
    model = models.wrap(torchvision.models.get_model(name, weights=None), input_size=64)
    maps = [layer for layer, shape in model.shapes.items() if len(shape) == 4]
    assert set(layers.layouts(model, maps).values()) == {Layout(1)}


# --- the user's word ------------------------------------------------------------------------------


def test_the_word_of_the_user_counts_where_nothing_can_be_measured():
    mixed = torch.nn.init.orthogonal_(torch.empty(65, 65))

    def change(maps):
        return mixed @ with_extra(maps, 1, 0)  # no token belongs to one place

    assert layers.layouts(patches(change), ["seen"])["seen"] is None
    told = patches(change, grid=(8, 8))
    assert layers.layouts(told, ["seen"])["seen"] == Layout(-1, (8, 8), 1)
    told = patches(change, grid={"seen": (4, 16)}, extra_tokens={"seen": 1})
    assert layers.layouts(told, ["seen"])["seen"] == Layout(-1, (4, 16), 1)
    strips = patches(lambda maps: maps.mean(dim=2).mT, grid=(1, 8))
    assert layers.layouts(strips, ["seen"])["seen"] == Layout(-1, (1, 8))


def test_the_word_of_the_user_is_about_the_networks_own_size_and_grows_with_the_picture():
    told = patches(lambda maps: with_extra(maps, 0, 2), grid=(8, 8), extra_tokens=2)
    output = activations_at(told, torch.rand(1, 3, 64, 128), "seen")
    assert layers.as_maps(told, "seen", output, (64, 128)).shape == (1, 12, 8, 16)
    assert told.layouts["seen", (64, 128)].first == 0  # where they are is measured all the same


def test_a_word_that_does_not_fit_is_refused_with_it():
    told = patches(lambda maps: with_extra(maps, 1, 0), grid=(8, 8), extra_tokens=2)
    output = activations_at(told, torch.rand(1, 3, 64, 64), "seen")
    with pytest.raises(ValueError, match=r"\(1, 65, 12\).*hold grid=\(8, 8\) and extra_tokens=2"):
        layers.as_maps(told, "seen", output, (64, 64))
    told = patches(attention, grid=(8, 8))
    output = activations_at(told, torch.rand(1, 3, 64, 64), "seen")
    with pytest.raises(ValueError, match=r"does not hold grid=\(8, 8\)\. Name another"):
        layers.as_maps(told, "seen", output, (64, 64))


def test_extra_tokens_alone_are_enough_where_the_grid_can_be_seen():
    many = patches(lambda maps: with_extra(maps, 20, 10), extra_tokens=30)
    assert layers.layouts(many, ["seen"])["seen"] == Layout(-1, (8, 8), 20)


# --- for a look, and for style --------------------------------------------------------------------


def test_map_layers_are_relus_and_blocks_with_maps(coursenet):
    assert layers.map_layers(coursenet)[:3] == ["relu1", "relu2", "relu3_1"]
    assert layers.map_layers(untrained("squeezenet1_0", 224))[:3] == ["relu1", "fire2", "fire3"]
    resnet = untrained("resnet18", 224)
    assert layers.map_layers(resnet)[-4:] == ["layer1", "layer2", "layer3", "layer4"]


def test_map_layers_of_linear_bottlenecks_are_the_relus_inside_them():
    """A block without a ReLU at its end is a signed sum, in which nothing lights up."""
    model = toy_nets.real_network()
    inside = [f"relu{n}_{part}" for n in range(2, 17) for part in ("expand", "depthwise")]
    assert layers.map_layers(model) == ["stem", "relu1_depthwise", *inside, "head"]
    outputs = activations_at(model, model.noise((128, 128)), ["block9", *layers.map_layers(model)])
    assert (outputs.pop("block9") < 0).float().mean() > 0.4
    assert all(output.min() == 0 for output in outputs.values())


def test_where_too_few_layers_are_never_negative_all_blocks_are_looked_at():
    parts = {}
    for number in range(1, 5):
        parts[f"conv{number}"] = nn.Conv2d(3 if number == 1 else 4, 4, 3, padding=1)
        parts[f"elu{number}"] = nn.ReLU() if number == 1 else nn.ELU()
    network = nn.Sequential(OrderedDict(parts | {"mean": nn.AdaptiveAvgPool2d(1)}))
    model = models.wrap(network.append(nn.Flatten()), input_size=16)
    assert layers.map_layers(model) == ["elu1", "elu2", "elu3", "elu4"]


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
    with pytest.raises(ValueError, match="take a convolutional network"):
        layers.map_layers(models.wrap(vit(), input_size=64))  # it has tokens x tokens, 65 x 65
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


SMALL = {"num_classes": 5, "img_size": 64}
SIZES = {"image_size": 64, "patch_size": 8, "dim": 32, "depth": 2, "heads": 2, "mlp_dim": 64}
SIZES |= {"num_classes": 5}


def vit(**settings):
    return vit_pytorch.ViT(**SIZES | settings)


def small(name, **settings):
    return timm.create_model(name, **SMALL | settings)


@pytest.mark.parametrize(
    ("build", "size", "layer", "layout"),
    [
        (vit, 64, "transformer.layers.1.0.norm", Layout(-1, (8, 8), 1)),
        (lambda: vit(pool="mean"), 64, "transformer", Layout(-1, (8, 8))),
        (lambda: vit_pytorch.SimpleViT(**SIZES), 64, "transformer", Layout(-1, (8, 8))),
        (
            lambda: simple_vit_with_register_tokens.SimpleViT(**SIZES, num_register_tokens=4),
            64, "transformer", Layout(-1, (8, 8)),
        ),
        (
            lambda: vit(image_size=(32, 96), patch_size=(8, 16)),
            (32, 96), "transformer.layers.1.0.norm", Layout(-1, (4, 6), 1),
        ),
        (
            lambda: small("vit_tiny_patch16_224", img_size=(48, 96), depth=2),
            (48, 96), "blocks.1.norm1", Layout(-1, (3, 6), 1),
        ),
        (
            lambda: small("deit_tiny_distilled_patch16_224", depth=2),
            64, "blocks.1.norm1", Layout(-1, (4, 4), 2),
        ),
        (
            lambda: small("vit_small_patch14_reg4_dinov2", img_size=56, depth=2),
            56, "blocks.1.norm1", Layout(-1, (4, 4), 5),
        ),
        (
            lambda: small("vit_betwixt_patch16_reg4_gap_256", depth=1),
            64, "norm", Layout(-1, (4, 4), 4),
        ),
        (lambda: small("cait_xxs24_224", depth=1), 64, "blocks_token_only.1.norm1",
         Layout(-1, (4, 4), 1)),
        (lambda: small("mixer_s32_224", img_size=128), 128, "norm", Layout(-1, (4, 4))),
        (
            lambda: small("swin_tiny_patch4_window7_224", window_size=4, depths=(1, 1)),
            64, "norm", Layout(-1),
        ),
        (lambda: small("pit_ti_224", img_size=112), 112, "transformers.2.blocks.3.norm1",
         Layout(-1, (4, 4), 1)),
    ],
    ids=[
        "ViT", "ViT, averaged", "SimpleViT", "registers behind", "rectangles", "timm, rectangle",
        "distilled", "registers and class token", "registers", "class attention", "mixer", "swin",
        "pooled tokens",
    ],
)  # fmt: skip
@pytest.mark.slow
def test_the_last_maps_of_other_peoples_transformers(build, size, layer, layout):
    torch.manual_seed(0)
    model = models.wrap(build(), input_size=size)
    assert layers.last_maps(model) == layer
    assert layers.layouts(model, [layer])[layer] == layout


def test_a_head_of_zeros_does_not_hide_what_is_read():
    sizes = {"num_layers": 2, "num_heads": 2, "hidden_dim": 32, "mlp_dim": 64, "num_classes": 5}
    network = torchvision.models.VisionTransformer(64, 8, **sizes)
    assert not network.heads.head.weight.any()
    model = models.wrap(network, input_size=64)
    assert layers.last_maps(model) == "encoder.layers.encoder_layer_1.ln_1"


class TwoTasks(nn.Module):
    """Scores from the trunk; the maps of a decoder, which runs later, are for something else."""

    def __init__(self):
        super().__init__()
        self.trunk, self.head = nn.Conv2d(3, 12, 3, 2), odd_nets.averaged()
        self.decoder, self.kinds = nn.ConvTranspose2d(12, 3, 3, 2), nn.Linear(3, 2)

    def forward(self, picture):
        features = self.trunk(picture)
        self.drawn = self.kinds(tokens(self.decoder(features))).detach()
        return self.head(features)


def test_maps_from_which_no_score_comes_are_not_the_last_ones():
    assert layers.last_maps(models.wrap(TwoTasks(), input_size=32)) == "trunk"


def test_under_no_grad_the_last_maps_are_the_last_ones_there_are():
    assert layers.last_maps(models.wrap(odd_nets.frozen_backbone(), input_size=64)) == "maps"


class LinearPatches(nn.Module):
    """Its only layer with positions is linear."""

    def __init__(self):
        super().__init__()
        self.embed, self.scores = nn.Linear(192, 12), nn.Linear(12, 5)

    def forward(self, picture):
        return self.scores(self.embed(tokens(F.pixel_unshuffle(picture, 8))).mean(dim=1))


def test_a_linear_layer_of_tokens_is_the_last_choice():
    row = nn.Conv2d(3, 12, 8, 8), Change(tokens), nn.Linear(12, 12), Change(lambda t: t.mean(1))
    model = models.wrap(nn.Sequential(*row, nn.Linear(12, 5)), input_size=64)
    assert layers.last_maps(model) == "1"
    assert layers.last_maps(models.wrap(LinearPatches(), input_size=64)) == "embed"


def test_the_layers_of_the_real_network_go_by_friendly_names_and_by_dotted_ones():
    model = toy_nets.real_network()
    friendly = {"relu9_expand": "block9.relu_expand", "relu1_depthwise": "block1.relu_depthwise"}
    friendly |= {"conv16_project": "block16.conv_project", "stem": "stem", "head": "head"}
    with capture(model, *friendly) as outputs:
        model(model.noise())
    for name, dotted in friendly.items():
        assert model.resolve(name) == model.resolve(dotted)
        assert model.resolve(name)[0] is model.network.get_submodule(dotted)
        assert torch.equal(activations_at(model, model.noise(), dotted), outputs[name])
    with pytest.raises(ValueError, match="Did you mean 'relu9_expand'"):
        model.resolve("relu9_expnd")


def test_where_nobody_names_a_layer_of_the_real_network():
    model = toy_nets.real_network()
    assert layers.last_maps(model) == "head" and layers.last_weights(model) == "scores"
    assert layers.finer_maps(model) == "relu12_expand"  # 14 x 14, and not the padding behind it
    assert model.shapes["head"] == (1, 1280, 7, 7)
    assert model.shapes["relu12_expand"] == (1, 672, 14, 14)


@pytest.mark.parametrize("padding", [nn.ZeroPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d])
def test_a_padding_has_no_maps_of_its_own(padding):
    front = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), padding((0, 1, 0, 1))
    back = nn.Conv2d(4, 5, 3, 2), nn.ReLU(), padding(1), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    model = models.wrap(nn.Sequential(*front, *back), input_size=16)
    assert (layers.finer_maps(model), layers.last_maps(model)) == ("1", "4")


def test_the_finer_maps_are_the_last_ones_before_the_last_grid(coursenet):
    assert layers.finer_maps(coursenet) == "relu4_2"
    assert layers.finer_maps(untrained("resnet18")) == "layer3"


@pytest.mark.slow
def test_the_finer_maps_of_transformers_are_of_an_earlier_stage_if_there_is_one():
    swin = small("swin_tiny_patch4_window7_224", window_size=4, depths=(1, 1), embed_dim=24)
    model = models.wrap(swin, input_size=64)
    assert layers.finer_maps(model) == "layers.0" and model.shapes["layers.0"] == (1, 16, 16, 24)
    with pytest.raises(ValueError, match="no maps finer than those of transformer.*, 8 x 8"):
        layers.finer_maps(models.wrap(vit(), input_size=64))


def test_the_last_weights_make_the_scores(coursenet):
    assert layers.last_weights(coursenet) == "scores"
    assert layers.last_weights(untrained("squeezenet1_1", 64)) == "conv10"
    headless = nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.raises(ValueError, match=r"does not end in a linear layer.*layer='2'"):
        layers.last_weights(models.wrap(headless, input_size=8))


class TwoHeads(nn.Module):
    """The mean of two heads, as in the distilled DeiT."""

    def __init__(self):
        super().__init__()
        self.maps, self.one, self.other = odd_nets.maps(), odd_nets.averaged(), odd_nets.averaged()

    def forward(self, picture):
        maps = self.maps(picture)
        return (self.one(maps) + self.other(maps)) / 2


class Gate(nn.Module):
    """Its last linear layer runs after the scores, and only for itself."""

    def __init__(self):
        super().__init__()
        self.maps, self.head, self.gate = odd_nets.maps(), odd_nets.averaged(), nn.Linear(5, 1)

    def forward(self, picture):
        scores = self.head(self.maps(picture))
        self.seen = self.gate(scores)
        return scores


@pytest.mark.parametrize("build", [TwoHeads, Gate])
def test_last_weights_that_do_not_make_the_scores_alone_are_refused(build):
    with pytest.raises(ValueError, match="alone makes its scores: name a layer"):
        layers.last_weights(models.wrap(build(), input_size=32))


def test_last_weights_under_no_grad_are_believed():
    class Quiet(odd_nets.Parts):
        @torch.no_grad()
        def forward(self, picture):
            return super().forward(picture)

    assert layers.last_weights(models.wrap(Quiet(), input_size=32)) == "head.2"


def test_the_last_linear_layer_is_none_where_there_is_none(coursenet):
    assert layers.last_linear(coursenet) is coursenet.resolve("scores")[0]
    assert layers.last_linear(untrained("squeezenet1_1", 64)) is None


@pytest.mark.parametrize(
    "change",
    [
        lambda x: x.transpose(2, 3),
        lambda x: x.flip(-1),
        lambda x: nn.functional.pad(x, (16, 16, 0, 0)),
    ],
    ids=["transposed", "mirrored", "padded"],
)
def test_maps_of_a_picture_that_the_network_turns_or_pads_inside_are_refused(change):
    class Turning(nn.Module):
        def __init__(self):
            super().__init__()
            torch.manual_seed(0)
            self.maps = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(4))
            self.head = nn.Linear(8, 5)

        def forward(self, x):
            return self.head(self.maps(change(x)).mean((2, 3)))

    model = models.wrap(Turning(), input_size=32)
    assert not model.maps
    with pytest.raises(ValueError, match="positions that follow the picture's"):
        layers.last_maps(model)


def test_pads_are_no_layers_to_look_at():
    stack = {}
    for number in range(1, 6):
        stack[f"pad{number}"] = nn.ZeroPad2d(1)
        stack[f"conv{number}"] = nn.Conv2d(3 if number == 1 else 64, 64, 3, stride=2)
        stack[f"relu{number}"] = nn.ReLU()
    stack |= {"pool": nn.AdaptiveAvgPool2d(1), "flat": nn.Flatten(), "fc": nn.Linear(64, 2)}
    model = models.wrap(nn.Sequential(OrderedDict(stack)), input_size=192)
    assert layers.map_layers(model) == [f"relu{number}" for number in range(1, 6)]
    content, style = layers.usual_layers(model)
    assert (content, style) == ("relu4", ["pixels", "relu1", "relu2", "relu3", "relu4"])
