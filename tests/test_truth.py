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
    # it names 0.9 and 0.4: one of both, of three
    assert truth.mask_overlap(HEAT, OBJECT).item() == pytest.approx(1 / 3)
    assert truth.share_on(HEAT, OBJECT).item() == pytest.approx(1.1 / 1.6)


def test_a_flat_map_points_nowhere_and_a_map_of_zeros_has_no_share():
    assert truth.pointing_game(torch.zeros(1, 2, 2), OBJECT | True).tolist() == [False]
    assert truth.share_on(torch.zeros(1, 2, 2), OBJECT).item() == 0


def test_the_share_of_each_channel_at_its_own_size_worked_by_hand():
    maps = torch.tensor(
        [[[4.0, 0.0], [0.0, 1.0]], [[0.0, 0.0], [0.0, 0.0]], [[-5.0, 2.0], [0.0, 0.0]]]
    )
    mask = torch.zeros(1, 4, 4, dtype=torch.bool)
    mask[0, :2, :2] = True  # the first position whole
    mask[0, 3, 3] = True  # a quarter of the last one
    assert truth.share_on(maps[None], mask)[0].tolist() == pytest.approx([(4 + 0.25) / 5, 0, 0])
    assert truth.share_on(maps[:1], mask).tolist() == pytest.approx([(4 + 0.25) / 5])


@pytest.fixture
def red_or_not():
    """Score 0 = 20 · mean of max(red − ½, 0), score 1 = 20 · mean of max(½ − red, 0)."""
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
    after = torch.tensor(
        [20 * 0.5 / 4, 0.0, 0.0, 0.0, 0.0]
    ).sigmoid()  # two classes: softmax is the sigmoid
    assert torch.allclose(curve[0], after)
    late = truth.deletion(red_or_not, picture, -right, 0, grey, steps=4)
    assert torch.allclose(late[0], torch.tensor([2.5, 2.5, 2.5, 2.5, 0.0]).sigmoid())
    assert truth.area_under(curve) < truth.area_under(late)
    assert truth.area_under(torch.tensor([[1.0, 1.0, 0.0]])).item() == pytest.approx(0.75)
    assert truth.first_pixels(right, 0.25)[0].tolist() == [[True] * 4] + [[False] * 4] * 3
    appears = truth.insertion(red_or_not, picture, right, 0, grey, steps=4)
    assert torch.allclose(appears[0], torch.tensor([0.0, 2.5, 2.5, 2.5, 2.5]).sigmoid())


def test_shares_of_unequal_width_weigh_by_their_width(red_or_not):
    picture = torch.full((1, 3, 4, 4), 0.5)
    picture[0, 0, 0] = 1.0
    heat = torch.arange(16.0, 0, -1).view(
        1, 4, 4
    )  # reading order: after 2 of 16 pixels half of the red row is gone
    grey, shares = torch.full((1, 3, 1, 1), 0.5), (0, 1 / 8, 1 / 4, 1)
    curve = truth.deletion(red_or_not, picture, heat, 0, grey, steps=shares)
    assert torch.allclose(curve[0], torch.tensor([2.5, 1.25, 0.0, 0.0]).sigmoid())
    first, second, rest = torch.tensor([2.5, 1.25, 0.0]).sigmoid().tolist()
    by_hand = (first + second) / 16 + (second + rest) / 16 + 0.75 * rest
    assert truth.area_under(curve, shares).item() == pytest.approx(by_hand)
    even = truth.deletion(red_or_not, picture, heat, 0, grey, steps=4)
    assert torch.equal(
        even, truth.deletion(red_or_not, picture, heat, 0, grey, steps=[0, 0.25, 0.5, 0.75, 1])
    )
    assert truth.area_under(even).item() == pytest.approx(
        truth.area_under(even, [0, 0.25, 0.5, 0.75, 1]).item()
    )


def test_the_depth_inside_an_object_is_the_distance_to_its_border():
    mask = torch.zeros(1, 3, 5, dtype=torch.bool)
    mask[0, :, :3] = True
    assert truth.depth_inside(mask)[0, 1].tolist() == [3, 2, 1, -1, -2]
    beside = torch.zeros(1, 3, 5)
    beside[0, 1, 3] = 1
    assert not truth.pointing_game(beside, mask) and truth.pointing_game(
        beside, truth.depth_inside(mask) >= -1
    )


def test_the_whole_picture_goes_and_each_picture_has_its_class(red_or_not):
    pictures = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    maps = torch.rand(2, 4, 4, generator=torch.Generator().manual_seed(1))
    curve = truth.deletion(red_or_not, pictures, maps, torch.tensor([0, 1]), steps=16)
    with torch.no_grad():
        whole, black = red_or_not(pictures).softmax(dim=1), red_or_not(pictures * 0).softmax(dim=1)
    assert torch.allclose(curve[:, 0], whole.diagonal()) and torch.allclose(
        curve[:, -1], black.diagonal()
    )


def test_layers_become_random_from_the_last_to_the_first_and_the_model_stays():
    model = models.load("coursenet", device="cpu")
    before = {name: value.clone() for name, value in model.state_dict().items()}
    changed = []
    for layer, network in truth.randomization(model, seed=3):
        same = [
            name for name, value in network.state_dict().items() if torch.equal(value, before[name])
        ]
        changed.append((layer, len(before) - len(same)))
    layers = [layer for layer, _ in changed]
    assert layers[0] == "scores" and layers[-1] == "conv1"
    # weights and biases
    assert [count for _, count in changed] == list(range(2, 2 * len(layers) + 1, 2))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_half_random_is_the_upper_half_of_the_layers():
    model = models.load("coursenet", device="cpu")
    changed = {
        name.split(".")[-2]
        for name, value in truth.half_random(model).state_dict().items()
        if not torch.equal(value, model.state_dict()[name])
    }
    assert changed == {"scores", "conv5", "conv4_2", "conv4_1"}
    one, other, again = (truth.half_random(model, seed) for seed in (1, 2, 1))
    weights = [each.resolve("conv4_1")[0].weight for each in (one, other, again)]
    assert torch.equal(weights[0], weights[2]) and not torch.equal(weights[0], weights[1])


def test_deletion_takes_targets_as_everything_else_does(red_or_not):
    pictures = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(0))
    maps, own = torch.rand(2, 4, 4), red_or_not(pictures).argmax(dim=1)
    curve = truth.deletion(red_or_not, pictures, maps, own, steps=4)
    for target in (None, own.tolist(), own.numpy(), own.to(torch.uint8)):
        assert torch.equal(truth.deletion(red_or_not, pictures, maps, target, steps=4), curve)
    black = torch.zeros(1, 3, 1, 1)
    shown = truth.insertion(red_or_not, pictures, maps, None, black, steps=4)
    assert torch.equal(shown, truth.insertion(red_or_not, pictures, maps, own, black, steps=4))
    with pytest.raises(TypeError, match="its index or its name"):
        truth.deletion(red_or_not, pictures, maps, 1.0)


@pytest.mark.parametrize("kind", ["labels", "values"])
def test_the_curve_is_of_the_networks_own_probabilities(kind):
    model = models.wrap(toy_nets.gap_linear_net(), input_size=4, scores=kind)
    picture, maps = toy_nets.picture(), torch.rand(1, 4, 4)
    if kind == "values":
        with pytest.raises(ValueError, match="no probabilities"):
            truth.deletion(model, picture, maps, 0, steps=2)
    else:
        curve = truth.deletion(model, picture, maps, 1, steps=2)
        assert torch.allclose(curve[:, 0], model(picture).sigmoid()[:, 1])


def test_rank_correlation_is_spearmans():
    generator = torch.Generator().manual_seed(0)
    one, other = (
        torch.randn(2, 6, 6, generator=generator),
        torch.randn(2, 6, 6, generator=generator),
    )
    expected = [
        spearmanr(a.flatten(), b.flatten()).statistic for a, b in zip(one, other, strict=True)
    ]
    assert truth.rank_correlation(one, other).tolist() == pytest.approx(expected)
    assert truth.rank_correlation(one, one.exp()).tolist() == pytest.approx([1, 1])
    assert truth.rank_correlation(one.bfloat16(), one.bfloat16()).tolist() == pytest.approx([1, 1])


def test_equal_values_share_their_rank_and_a_flat_map_is_like_no_other():
    one, other = torch.zeros(2, 1, 5, 5)
    one[0, 0, 0], other[0, 4, 4], other[0, 0, 1] = 1, 1, 2
    expected = spearmanr(one.flatten(), other.flatten()).statistic
    assert truth.rank_correlation(one, other).item() == pytest.approx(expected)
    assert truth.rank_correlation(one * 0, other).item() == 0
    assert truth.mask_overlap(one * 0, other > 0).item() == 0


def test_what_cannot_be_measured_is_said():
    drawn = data.picturebook("test", 2)
    with pytest.raises(
        ValueError, match=r"torch.bool \(2, 8, 8\), \(N, H, W\), not torch.bool \(2, 128, 128\)"
    ):
        truth.pointing_game(torch.zeros(2, 8, 8), drawn.masks)
    model = models.load("coursenet", device="cpu")
    with pytest.raises(ValueError, match="maps are as large as the pictures"):
        truth.deletion(model, drawn.pixels, torch.zeros(2, 8, 8), 0)
    with pytest.raises(ValueError, match="steps is a whole number from 1 up, not 0"):
        truth.deletion(model, drawn.pixels, drawn.masks.float(), 0, steps=0)
    for steps in ([], [0.1, 1], [0, 0.5, 0.5, 1]):
        with pytest.raises(ValueError, match="a whole number, or shares that grow from 0 to 1"):
            truth.deletion(model, drawn.pixels, drawn.masks.float(), 0, steps=steps)
    with pytest.raises(ValueError, match="3 shares were given for curves of 4 values"):
        truth.area_under(torch.ones(1, 4), [0, 0.5, 1])
    with pytest.raises(ValueError, match="2 pictures need as many classes"):
        truth.deletion(model, drawn.pixels, drawn.masks.float(), torch.tensor([1]))
    with pytest.raises(ValueError, match="share is a number from 0 to 1, not 20"):
        truth.first_pixels(HEAT, 20)
    for measure in (truth.pointing_game, truth.mask_overlap, truth.share_on):
        with pytest.raises(ValueError, match=r"masks .* torch.bool .*, not torch.float32"):
            measure(HEAT, OBJECT.float())
    with pytest.raises(ValueError, match=r"torch.bool \(1, 128, 128\)"):
        truth.share_on(HEAT, drawn.masks)


@pytest.mark.parametrize("shape", [(4, 4), (1, 3, 4, 4)])
def test_first_pixels_wants_a_map_for_each_picture(shape):
    with pytest.raises(ValueError, match=r"maps have the shape \(N, H, W\)"):
        truth.first_pixels(torch.zeros(shape), 0.25)


def test_a_mask_smaller_than_the_map_is_refused():
    with pytest.raises(ValueError, match="need masks as large or larger"):
        truth.share_on(torch.rand(2, 8, 8), torch.ones(2, 4, 4, dtype=torch.bool))
