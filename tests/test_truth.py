"""The measures of lesson 16: each by hand, and at both ends of its range."""

import pytest
import torch
import toy_nets
from scipy.stats import spearmanr

from cs231n_viz import data, models
from cs231n_viz.techniques import truth

HEAT = torch.tensor([[[0.1, 0.9], [0.4, 0.2]]])
OBJECT = torch.tensor([[[False, True], [False, True]]])


def test_pointing_overlap_and_share_by_hand():
    assert truth.pointing_game(HEAT, OBJECT).tolist() == [True]
    assert truth.pointing_game(-HEAT, OBJECT).tolist() == [False]
    assert truth.mask_overlap(HEAT, OBJECT).item() == pytest.approx(
        1 / 3
    )  # it names 0.9 and 0.4: one of both, of three
    assert truth.share_on(HEAT, OBJECT).item() == pytest.approx(1.1 / 1.6)


def test_a_flat_map_points_nowhere_and_a_map_of_zeros_lights_nothing():
    assert truth.pointing_game(torch.zeros(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool)).tolist() == [
        False
    ]
    assert truth.share_on(torch.zeros(1, 2, 2), OBJECT).item() == 0


def test_the_interval_worked_by_hand():
    """Wilson's of 0 of 20, z = 1.96: from 0 to z² / (20 + z²)."""
    value, low, high = truth.share(torch.zeros(20, dtype=torch.bool))
    assert (value, low) == (0, pytest.approx(0, abs=1e-9)) and high == pytest.approx(
        3.8415 / 23.8415, abs=1e-4
    )


@pytest.fixture
def red_or_not():
    """Two classes: score 0 = 20 · mean of max(red − ½, 0), score 1 = 20 · mean of max(½ − red, 0)."""
    network = toy_nets.gap_linear_net()
    toy_nets.set_weights(network.conv1, network.conv1.weight.detach(), [-0.5, 0.5])
    network.scores = toy_nets.set_weights(torch.nn.Linear(2, 2), [[20.0, 0.0], [0.0, 20.0]])
    return models.wrap(network, input_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)


def test_deletion_covers_first_what_the_map_names_first(red_or_not):
    picture = torch.full((1, 3, 4, 4), 0.5)
    picture[0, 0, 0] = 1.0  # a red row: a quarter of the pixels, half above ½
    right = torch.zeros(1, 4, 4)
    right[0, 0] = 1
    grey = torch.full((1, 3, 1, 1), 0.5)
    curve = truth.deletion(red_or_not, picture, right, 0, grey, steps=4)
    after = torch.tensor([20 * 0.5 / 4, 0.0, 0.0, 0.0, 0.0]).sigmoid()  # two classes: softmax is the sigmoid
    assert torch.allclose(curve[0], after)
    late = truth.deletion(red_or_not, picture, -right, 0, grey, steps=4)
    assert torch.allclose(late[0], torch.tensor([2.5, 2.5, 2.5, 2.5, 0.0]).sigmoid())
    assert truth.area_under(curve) < truth.area_under(late)
    assert truth.area_under(torch.tensor([[1.0, 1.0, 0.0]])).item() == pytest.approx(0.75)
    appears = truth.insertion(red_or_not, picture, right, 0, grey, steps=4)
    assert torch.allclose(appears[0], torch.tensor([0.0, 2.5, 2.5, 2.5, 2.5]).sigmoid())


def test_the_whole_picture_goes_and_each_picture_has_its_class(red_or_not):
    pictures = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    maps = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(1))
    curve = truth.deletion(red_or_not, pictures, maps, torch.tensor([0, 1]), steps=16)
    with torch.no_grad():
        whole, black = red_or_not(pictures).softmax(dim=1), red_or_not(pictures * 0).softmax(dim=1)
    assert torch.allclose(curve[:, 0], whole.diagonal()) and torch.allclose(curve[:, -1], black.diagonal())


def test_layers_become_random_from_the_last_to_the_first_and_the_model_stays():
    model = models.load("coursenet", device="cpu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = []
    for layer, network in truth.randomized(model, seed=3):
        same = [name for name, value in network.state_dict().items() if torch.equal(value, before[name])]
        changed.append((layer, len(before) - len(same)))
    layers = [layer for layer, _ in changed]
    assert layers[0] == "scores" and layers[-1] == "conv1"
    assert [count for _, count in changed] == list(range(1, len(layers) + 1))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_rank_correlation_is_spearmans():
    generator = torch.Generator().manual_seed(0)
    one, other = torch.randn(2, 6, 6, generator=generator), torch.randn(2, 6, 6, generator=generator)
    expected = [spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(one, other, strict=True)]
    assert truth.rank_correlation(one, other).tolist() == pytest.approx(expected)
    assert truth.rank_correlation(one, one.exp()).tolist() == pytest.approx([1, 1])


def test_equal_values_share_their_rank_and_a_flat_map_is_like_no_other():
    one, other = torch.zeros(2, 1, 5, 5)
    one[0, 0, 0], other[0, 4, 4], other[0, 0, 1] = 1, 1, 2
    expected = spearmanr(one.flatten(), other.flatten()).statistic
    assert truth.rank_correlation(one, other).item() == pytest.approx(expected)
    assert truth.rank_correlation(one * 0, other).item() == 0
    assert truth.mask_overlap(one * 0, other > 0).item() == 0


def test_what_cannot_be_measured_is_said():
    drawn = data.picturebook("test", 2)
    with pytest.raises(ValueError, match=r"maps and masks are \(N, H, W\) both"):
        truth.pointing_game(torch.zeros(2, 8, 8), drawn.masks)
    model = models.load("coursenet", device="cpu")
    with pytest.raises(ValueError, match="maps are as large as the pictures"):
        truth.deletion(model, drawn.pixels, torch.zeros(2, 8, 8), 0)
    with pytest.raises(ValueError, match="2 pictures need as many classes"):
        truth.deletion(model, drawn.pixels, drawn.masks.float(), torch.tensor([1]))
    with pytest.raises(TypeError, match="of type bool"):
        truth.mask_overlap(HEAT, OBJECT.float())
