"""What is active at a position, on maps that were worked out by hand."""

import pytest
import torch
from torch import nn

from cs231n_viz import models
from cs231n_viz.techniques import start_here


def test_the_squares_cover_the_picture_row_by_row():
    assert start_here.square(0, 192) == (0, 0, 24, 24)
    assert start_here.square(9, 192) == (24, 24, 48, 48)
    assert start_here.square(63, 192) == (168, 168, 192, 192)


def test_without_a_box_the_network_sees_its_mean_colour_there_and_the_picture_stays():
    model, picture = models.load("coursenet", device="cpu"), torch.rand(1, 3, 128, 128)
    before, covered = picture.clone(), picture.clone()
    covered[:, :, 16:48, 32:80] = model.mean
    expected = model(covered).softmax(dim=1)[0, 5]
    found = start_here.without(model, picture, (16, 32, 48, 80), 5)
    assert found == pytest.approx(float(expected), rel=1e-5) and torch.equal(picture, before)


def test_relative_maps_have_mean_0_and_deviation_1_in_each_channel():
    maps = torch.rand(3, 4, 5, 6) * torch.tensor([1.0, 9, 2, 3]).view(1, 4, 1, 1)
    found = start_here.relative(maps)
    deviation, mean = torch.std_mean(found, dim=(0, 2, 3))
    torch.testing.assert_close(mean, torch.zeros(4), atol=1e-5, rtol=0)
    torch.testing.assert_close(deviation, torch.ones(4))


def test_a_channel_that_never_changes_stays_finite():
    assert start_here.relative(torch.ones(2, 3, 4, 4)).eq(0).all()


def test_a_picture_is_in_colour_at_the_maximum_and_dark_grey_where_the_map_is_negative():
    pixels = torch.tensor([0.9, 0.6, 0.0]).view(1, 3, 1, 1).expand(1, 3, 1, 2)
    found = start_here.lit(pixels, torch.tensor([[2.0, -1.0]]))
    assert found[0, :, 0, 0].tolist() == pytest.approx([0.9, 0.6, 0])
    assert found[0, :, 0, 1].tolist() == pytest.approx([0.15] * 3)


def test_what_is_cut_out_holds_the_strongest_position():
    pictures = torch.zeros(2, 3, 24, 24)
    pictures[1, :, 16:20, 4:8] = 1
    heat = torch.zeros(2, 6, 6)
    heat[1, 4, 1] = 5.0
    found, most = start_here.strongest(pictures, heat)
    assert found.shape == (1, 3, 8, 8) and found.sum() == 3 * 16
    assert most == 5


def test_the_channels_are_those_that_are_unusual_there_for_them():
    colors = nn.Conv2d(3, 3, 1, bias=False)
    colors.weight.data = torch.diag(torch.tensor([1.0, 1.0, 100.0]))[:, :, None, None]
    head = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 2))
    model = models.wrap(nn.Sequential(colors, head), input_size=16)
    pixels, others = torch.full((1, 3, 16, 16), 0.5), torch.full((2, 3, 16, 16), 0.5)
    pixels[0, 0, 2:4, 0:2] = 1  # red in one square; blue is large, and everywhere the same
    call = model, "0", pixels, others, (2, 0, 4, 2)
    [(channel, above, here, elsewhere, most)] = start_here.strongest_channels(*call, count=1)
    assert channel == 0 and elsewhere.shape == (1, 3, 5, 5)
    reds = torch.cat([pixels, others])[:, 0]  # of 768 values four are 1, the others 0.5
    assert above == pytest.approx(float((1 - reds.mean()) / reds.std()), rel=1e-4)
    assert most == pytest.approx(float((0.5 - reds.mean()) / reds.std()), rel=1e-4)
    assert here[0, :, 2, 0].tolist() == pytest.approx([1, 0.5, 0.5])
    assert here[0, :, 12, 12].tolist() == pytest.approx([0.15] * 3)
