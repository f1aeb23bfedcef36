"""CourseNet computes the same with its batch norm folded away, and keeps its contract of names."""

import pytest
import torch

from cs231n_viz import models
from cs231n_viz.networks import (
    ConditionalInstanceNorm,
    CourseNet,
    CourseNetB,
    Generator,
    GlobalAveragePool,
    StyleNet,
)
from workshop.train.training import fold_batch_norm


def trained_a_little(kind, widths):
    """A network whose batch norms have seen data, so that folding has something to do."""
    generator = torch.Generator().manual_seed(0)
    network = kind(7, widths=widths, batch_norm=True, dropout=0.5)
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


def test_the_generator_makes_pixels_and_keeps_its_function_without_batch_norm():
    generator = torch.Generator().manual_seed(0)
    network = Generator(6, widths=(8, 7, 6, 5, 4, 4), batch_norm=True)
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
