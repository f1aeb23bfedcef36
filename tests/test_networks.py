"""CourseNet computes the same with its batch norm folded away, and keeps its contract of names;
EfficientNet-Lite is the published network.
"""

import pytest
import timm
import torch
import torch.nn.functional as F
import toy_nets
from torchvision.models import EfficientNet_B0_Weights

from cs231n_viz import data, images, models, published
from cs231n_viz.activations import activations_at
from cs231n_viz.networks import (
    ConditionalInstanceNorm,
    CourseNet,
    CourseNetB,
    EfficientNetLite,
    Generator,
    GlobalAveragePool,
    LinearBottleneck,
    StyleNet,
)
from workshop.train.training import fold_batch_norm, to_train


def trained_a_little(kind, widths):
    """A network whose batch norms have seen data, so that folding has something to do."""
    generator = torch.Generator().manual_seed(0)
    network = to_train(kind(7, widths=widths), seed=0, dropout=0.5)
    for parameter in network.parameters():
        parameter.data = torch.randn(parameter.shape, generator=generator) * 0.3 + 0.1
    for _ in range(3):
        network(torch.rand(8, 3, 64, 64, generator=generator) * 2)
    return network


@pytest.mark.parametrize(
    ("kind", "widths"), [(CourseNet, (4, 5, 6, 6, 7, 7, 8)), (CourseNetB, (4, 5, 6, 7))]
)
def test_folding_batch_norm_keeps_the_function(kind, widths):
    network = trained_a_little(kind, widths)
    plain = fold_batch_norm(network)
    pixels = torch.rand(3, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    torch.testing.assert_close(plain(pixels), network.eval()(pixels), rtol=1e-4, atol=1e-4)
    assert not [
        module
        for module in plain.modules()
        if isinstance(module, torch.nn.BatchNorm2d | torch.nn.Dropout)
    ]


def test_what_is_to_be_trained_has_a_norm_behind_each_convolution_and_weights_by_its_seed():
    network = to_train(CourseNet(3, widths=(4, 5, 6, 6, 7, 7, 8)), seed=5, dropout=0.5)
    names = [name for name, _ in network.named_children()]
    assert names[:4] == ["conv1", "norm1", "relu1", "pool1"]
    assert names[-3:] == ["code", "dropout", "scores"] and network.conv1.bias is None
    torch.manual_seed(5)
    assert torch.equal(network.conv1.weight, torch.nn.Conv2d(3, 4, 8, bias=False).weight)
    decoder = to_train(Generator(6, widths=(8, 7, 6, 5, 4, 4)), seed=5)
    assert [name for name, _ in decoder.named_children()][-4:] == [
        "norm5",
        "relu5",
        "conv6",
        "pixels",
    ]


def test_the_generator_makes_pixels_and_keeps_its_function_without_batch_norm():
    generator = torch.Generator().manual_seed(0)
    network = to_train(Generator(6, widths=(8, 7, 6, 5, 4, 4)), seed=0)
    for _ in range(3):
        network(torch.rand(8, 6, generator=generator))
    codes = torch.rand(2, 6, generator=generator)
    plain = fold_batch_norm(network)
    torch.testing.assert_close(plain(codes), network.eval()(codes), rtol=1e-4, atol=1e-4)
    pixels = plain(codes)
    assert pixels.shape == (2, 3, 128, 128) and pixels.min() >= 0 and pixels.max() <= 1
    assert sum(weight.numel() for weight in Generator().parameters()) <= 2_000_000


def test_coursenet_has_at_most_two_million_weights_and_the_promised_layers():
    network, sibling = CourseNet(113), CourseNetB(113)
    assert all(
        sum(weight.numel() for weight in net.parameters()) <= 2_000_000
        for net in (network, sibling)
    )
    names = [name for name, _ in network.named_children()]
    assert names[:2] == ["conv1", "relu1"] and names[-4:] == ["relu5", "pool5", "code", "scores"]


def test_code_is_the_global_average_of_relu5():
    network = CourseNet(5, widths=(4, 4, 4, 4, 4, 4, 6)).eval()
    pixels = torch.rand(2, 3, 128, 128, generator=torch.Generator().manual_seed(0))
    maps, values = pixels, {}
    for name, module in network.named_children():
        maps = values[name] = module(maps)
    torch.testing.assert_close(values["code"], values["relu5"].mean(dim=(2, 3)))


def test_the_first_kernel_reads_every_pixel_equally_often():
    network = CourseNet(5, widths=(1, 4, 4, 4, 4, 4, 4))
    network.conv1.weight.data.fill_(1.0)
    pixels = torch.zeros(1, 3, 64, 64, requires_grad=True)
    (reads,) = torch.autograd.grad(network.conv1(pixels).sum(), pixels)
    inner = reads[..., 16:48, 16:48]
    assert (
        inner.min() == inner.max() == 16
    )  # (8 / 2)², where a 9 x 9 kernel would give 16, 20 and 25


@pytest.mark.parametrize("size", [32, 96, 130, 160])
def test_coursenet_takes_pictures_of_other_sizes(size):
    assert CourseNet(5)(torch.rand(1, 3, size, size)).shape == (1, 5)


def test_global_average_pool_by_hand():
    assert GlobalAveragePool()(torch.arange(8.0).view(1, 2, 2, 2)).tolist() == [[1.5, 5.5]]


def test_an_untrained_copy_differs_and_leaves_the_trained_one_and_the_generator_alone():
    model = models.wrap(CourseNet(5, widths=(4, 4, 4, 4, 4, 4, 4)), input_size=64)
    before, state = model.network.conv1.weight.clone(), torch.get_rng_state()
    first, again, other = (
        models.untrained(model),
        models.untrained(model),
        models.untrained(model, seed=1),
    )
    assert torch.equal(model.network.conv1.weight, before) and torch.equal(
        torch.get_rng_state(), state
    )
    assert torch.equal(first.network.conv1.weight, again.network.conv1.weight)
    assert not torch.equal(first.network.conv1.weight, other.network.conv1.weight)
    assert not torch.equal(first.network.conv1.weight, before)


def test_instance_norm_gives_every_map_the_mean_and_deviation_of_its_style():
    norm = ConditionalInstanceNorm(2, 1)
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([[2.0], [4.0]]))
        norm.shift.copy_(torch.tensor([[1.0], [-1.0]]))
        maps = torch.tensor(
            [[[[3.0, 5.0]]], [[[30.0, 50.0]]]]
        )  # mean 4, deviation 1; mean 40, deviation 10
        one_style, mixed = (
            norm(maps, torch.tensor([[1.0, 0.0]])),
            norm(maps, torch.tensor([[0.0, 1.0], [0.5, 0.5]])),
        )
    torch.testing.assert_close(
        one_style, torch.tensor([[[[-1.0, 3.0]]], [[[-1.0, 3.0]]]]), atol=2e-3, rtol=0
    )
    torch.testing.assert_close(
        mixed, torch.tensor([[[[-5.0, 3.0]]], [[[-3.0, 3.0]]]]), atol=4e-3, rtol=0
    )


def test_without_normalizing_the_maps_are_only_scaled_and_shifted():
    norm = ConditionalInstanceNorm(1, 2, normalize=False)
    with torch.no_grad():
        norm.scale.copy_(torch.tensor([[2.0, 3.0]]))
        norm.shift.copy_(torch.tensor([[0.0, 1.0]]))
        made = norm(torch.ones(1, 2, 2, 2), torch.ones(1, 1))
    assert made[0, 0].unique().tolist() == [2.0] and made[0, 1].unique().tolist() == [4.0]


@pytest.mark.parametrize("size", [(5, 5), (64, 64), (61, 35)])
def test_stylenet_gives_back_a_picture_of_the_same_size_in_0_to_1(size):
    made = StyleNet(("one", "two"), widths=(4, 5, 6), blocks=1)(
        torch.rand(2, 3, *size), torch.tensor([[0.3, 0.7]])
    )
    assert made.shape == (2, 3, *size) and made.min() > 0 and made.max() < 1


def test_stylenet_moves_with_the_picture():
    """Down and up by four: a picture moved by four pixels is repainted as before, four pixels
    further, but for its edges.
    """
    network = StyleNet(widths=(4, 5, 6), blocks=1, normalize=False).eval()
    picture = torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        here, there = (
            network(some, torch.ones(1, 1)) for some in (picture, picture.roll(4, dims=3))
        )
    torch.testing.assert_close(there[..., 28:40], here[..., 24:36])


def test_what_the_way_down_knew_of_places_is_added_on_the_way_up():
    network, pixels, mix = (
        StyleNet(widths=(4, 5, 6), blocks=1),
        torch.rand(1, 3, 15, 18),
        torch.ones(1, 1),
    )
    with torch.no_grad():
        network.up[0].norm.scale.zero_()  # all that comes from below is silent
        fine = network.down[0]((pixels - 0.5) * 4, mix)
        half = network.down[1](fine, mix)  # (1, 5, 8, 9)
        doubled = half.repeat_interleave(2, dim=2).repeat_interleave(2, dim=3)[..., :15, :]
        torch.testing.assert_close(
            network(pixels, mix), network.last(network.up[1](doubled, mix) + fine).sigmoid()
        )


def test_a_style_is_two_rows_in_every_norm_and_stylenet_is_under_four_megabytes():
    network = StyleNet(range(10))
    rows = [
        values
        for name, values in network.named_parameters()
        if name.endswith(("norm.scale", "norm.shift"))
    ]
    assert len(rows) == 2 * (3 + 2 * 4 + 2) and all(len(values) == 10 for values in rows)
    assert 2 * sum(values.numel() for values in network.parameters()) <= 4_000_000


def test_stylenet_is_made_again_from_its_settings():
    network = StyleNet(("a", "b"), widths=(4, 5, 6), blocks=2, normalize=False)
    again = StyleNet(**network.settings)
    again.load_state_dict(network.state_dict())
    pixels, mix = torch.rand(1, 3, 16, 16), torch.tensor([[0.5, 0.5]])
    assert torch.equal(again(pixels, mix), network(pixels, mix))


@pytest.mark.parametrize("styles", ["night", []])
def test_styles_are_a_list_of_names(styles):
    with pytest.raises(ValueError, match="a list of at least one name"):
        StyleNet(styles)


# --- EfficientNet-Lite ----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def weights():
    try:
        return published.weights()
    except published.Unusable as error:
        pytest.skip(str(error))


@pytest.mark.slow
@torch.no_grad()
def test_efficientnet_lite_scores_as_timms_implementation_does_with_the_published_weights(weights):
    """timm's has batch norms, and pads by the size of the picture that comes."""
    theirs = timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()
    named = dict(zip(theirs.state_dict(), weights.values(), strict=True))
    theirs.load_state_dict(named)
    model = toy_nets.real_network()
    photos = [data.photo(name, 224) for name in ("chelsea", "coffee", "china", "rocket")]
    pixels = torch.cat([*photos, model.noise(), model.grey()])
    expected = theirs(model.normalized(pixels))
    assert expected.abs().max() > 5
    torch.testing.assert_close(model(pixels), expected, rtol=0, atol=1e-4)


@torch.no_grad()
def test_a_batch_norm_becomes_a_part_of_the_convolution_before_it(weights):
    network = EfficientNetLite()
    network.take_published(weights)
    assert not any(isinstance(each, torch.nn.BatchNorm2d) for each in network.modules())
    conv = network.block2.conv_depthwise
    start = "_blocks.1._depthwise_conv.weight"
    names = ("weight", "bias", "running_mean", "running_var")
    gamma, beta, mean, variance = (weights[f"_blocks.1._bn1.{name}"] for name in names)
    scale = float(gamma[7]) / (float(variance[7]) + 0.001) ** 0.5
    kernel = weights[start][7, 0].double() * scale
    assert torch.allclose(conv.weight[7, 0].double(), kernel, atol=1e-6)
    assert float(conv.bias[7]) == pytest.approx(float(beta[7] - mean[7] * scale), abs=1e-5)
    maps = torch.rand(1, 96, 9, 9, generator=torch.Generator().manual_seed(0))
    raw = F.conv2d(maps, weights[start], stride=2, groups=96)
    normed = F.batch_norm(raw, mean, variance, gamma, beta, eps=0.001)
    torch.testing.assert_close(conv(maps), normed, rtol=1e-4, atol=1e-4)


def test_the_shapes_and_classes_of_the_real_network(weights):
    model = toy_nets.real_network()
    assert model.class_names == EfficientNet_B0_Weights.DEFAULT.meta["categories"]
    assert model.class_names[285] == "Egyptian cat" and model.class_index("Egyptian cat") == 285
    blocks = {f"block{number}": model.shapes[f"block{number}"][1:] for number in (1, 3, 5, 8, 11)}
    assert list(blocks.values()) == [
        (16, 112, 112),
        (24, 56, 56),
        (40, 28, 28),
        (80, 14, 14),
        (112, 14, 14),
    ]
    assert model.shapes["block16"][1:] == (320, 7, 7) and model.shapes["stem"][1:] == (32, 112, 112)
    assert model.shapes["head"][1:] == (1280, 7, 7)
    assert model.shapes["code"] == (1, 1280) and model.shapes["scores"] == (1, 1000)
    parameters = sum(weight.numel() for weight in model.network.parameters())
    learned = {name: each for name, each in weights.items() if name.endswith(("weight", "bias"))}
    slopes = [each for name, each in learned.items() if "_bn" in name and "weight" in name]
    assert sum(each.numel() for each in learned.values()) == 4_652_008  # as published
    assert parameters == 4_652_008 - sum(each.numel() for each in slopes)  # one bias a norm is left
    pixels = model.noise()
    head, code = activations_at(model, pixels, ["head", "code"]).values()
    torch.testing.assert_close(code, head.mean(dim=(2, 3)))


def test_a_head_of_other_classes_is_left_as_it_is(weights):
    torch.manual_seed(0)
    network = EfficientNetLite(16)
    before = network.scores.weight.clone()
    network.take_published(weights)
    assert torch.equal(network.scores.weight, before) and network.scores.out_features == 16
    real = toy_nets.real_network().network
    assert torch.equal(network.head.conv.weight, real.head.conv.weight)


def test_every_published_weight_has_its_place(weights):
    """The batches that each norm has counted are the only numbers that are not used."""
    with pytest.raises(ValueError, match="zip"):
        EfficientNetLite().take_published(dict(weights) | {"one_more": torch.zeros(1)})
    fewer = list(weights.items())[:-1]
    with pytest.raises(ValueError, match="zip"):
        EfficientNetLite().take_published(dict(fewer))


@torch.no_grad()
@pytest.mark.parametrize(("kernel", "first", "last"), [(3, 9, 4), (5, 16, 9)])
def test_at_stride_2_the_padding_lies_more_at_the_bottom_and_the_right(kernel, first, last):
    """On ones, a filter of ones counts the cells that it reads: 8 x 8 cells, 4 x 4 windows."""
    block = LinearBottleneck(1, 1, 1, kernel, 2)
    for conv in (block.conv_depthwise, block.conv_project):
        conv.weight.fill_(1)
        conv.bias.zero_()
    block.relu_depthwise = torch.nn.Identity()
    reads = block(torch.ones(1, 1, 8, 8))[0, 0]
    assert reads.shape == (4, 4) and reads[1, 1] == kernel**2
    assert (reads[0, 0], reads[-1, -1]) == (first, last)


@torch.no_grad()
def test_a_linear_bottleneck_adds_its_input_only_where_shapes_allow():
    generator = torch.Generator().manual_seed(0)
    maps = torch.randn(1, 4, 6, 6, generator=generator)
    for width, stride, adds in ((4, 1, True), (5, 1, False), (4, 2, False)):
        block = LinearBottleneck(4, width, 6, 3, stride)
        block.conv_project.weight.zero_()
        block.conv_project.bias.zero_()
        assert torch.equal(block(maps), maps) == adds
        assert block(maps).shape == (1, width, 6 // stride, 6 // stride)
    block = LinearBottleneck(4, 4, 6, 3, 1)
    assert (block(maps) < 0).any()  # a signed sum, no ReLU behind it


@pytest.mark.slow
def test_the_real_network_names_at_least_seven_of_ten_photographs(photos):
    """Of ImageNet's kinds, one a photograph, the file's name being the class."""
    model, right = toy_nets.real_network(), []
    files = sorted(photos.glob("n*_*.JPEG"))
    for file in files:
        name = file.stem.partition("_")[2].replace("_", " ")
        assert name in model.class_names
        pixels = images.to_pixels(file, model.input_size)
        right.append(models.predict(model, pixels, top=1)[0].name == name)
    assert len(files) >= 50 and sum(right) >= 0.7 * len(files), sum(right)
