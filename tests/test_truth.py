"""The measures of lesson 16: each by hand, and at both ends of its range."""

import pytest
import torch
import toy_nets
from scipy.stats import spearmanr

from cs231n_viz import data, models
from cs231n_viz.techniques import truth
from workshop.measure import truth_table

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
    assert truth.pointing_game(
        torch.zeros(1, 2, 2), torch.ones(1, 2, 2, dtype=torch.bool)
    ).tolist() == [False]
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
    assert [count for _, count in changed] == list(range(1, len(layers) + 1))
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


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
    for steps in (0, [0.1, 1], [0, 0.5, 0.5, 1]):
        with pytest.raises(ValueError, match="at least 1, or shares that grow from 0 to 1"):
            truth.deletion(model, drawn.pixels, drawn.masks.float(), 0, steps=steps)
    with pytest.raises(ValueError, match="3 shares were given for curves of 4 values"):
        truth.area_under(torch.ones(1, 4), [0, 0.5, 1])
    with pytest.raises(ValueError, match="2 pictures need as many classes"):
        truth.deletion(model, drawn.pixels, drawn.masks.float(), torch.tensor([1]))
    with pytest.raises(ValueError, match=r"the share is 0 to 1; given were \(1, 2, 2\) and 20"):
        truth.first_pixels(HEAT, 20)
    with pytest.raises(TypeError, match="of type bool"):
        truth.mask_overlap(HEAT, OBJECT.float())


# --- the table of lesson 16 -----------------------------------------------------------------------


@pytest.fixture(scope="module")
def stored():
    return truth_table.stored()


def test_the_stored_table_holds_every_map_by_every_measure_on_the_same_pictures(stored):
    table, depths = stored
    assert list(table.values) == [*truth_table.MAPS, *truth_table.BASELINES]
    for row in table.values.values():
        assert set(row) == {*truth_table.MEASURES, *truth_table.BESIDE}
        assert {len(each) for each in row.values()} == {
            truth_table.COUNT
        } and truth_table.COUNT >= 200
    assert (
        all(set(row) == set(truth_table.MAPS) for row in depths.values())
        and list(depths)[-1] == "conv1"
    )


def test_the_stored_table_is_what_one_measures(stored):
    """Two drawings and four maps of it again."""
    table, model = stored[0], models.load("coursenet", device="cpu")
    pixels, labels, masks = truth_table.pictures_of(model, 2)
    heats, _ = truth_table.heats_of(
        model, pixels, labels, ("gradient", "guided backprop", "Grad-CAM, finer layer")
    )
    heats["edges of the picture"] = truth_table.BASELINES["edges of the picture"](pixels, masks)
    for name, heat in heats.items():
        mine = truth_table.against_the_object(heat, masks)
        runs = truth_table.curves_of(model, pixels, labels, heat)
        areas = {kind: truth.area_under(run, truth_table.SHARES) for kind, run in runs.items()}
        for kind, values in {**mine, **areas}.items():
            assert torch.allclose(
                values.float(), table.values[name][kind][:2].float(), atol=0.01
            ), (name, kind)


def test_the_maps_point_at_the_object_as_often_as_was_asked(stored):
    hits = {name: truth.share(row["pointing"]).value for name, row in stored[0].values.items()}
    assert hits["Grad-CAM, finer layer"] >= max(0.85, hits["the middle"] + 0.4)
    assert hits["occlusion, logit"] >= 0.75 and hits["SmoothGrad"] >= 0.7


def test_guided_backprop_stays_like_itself_when_the_others_do_not(stored):
    alike = {name: float(row["half random"].mean()) for name, row in stored[0].values.items()}
    guided = alike["guided backprop"]
    assert guided > 0.6 and all(
        alike[name] < guided - 0.2 for name in truth_table.MAPS if name != "guided backprop"
    )


def test_the_finer_layer_is_the_last_one_before_the_last_maps_grid():
    model = models.load("coursenet", device="cpu")
    assert layers.finer_maps(model) == "relu4_2"
    changed = [
        name
        for name, value in truth_table.half_random(model).state_dict().items()
        if not torch.equal(value, model.state_dict()[name])
    ]
    assert {name.split(".")[-2] for name in changed} == {"scores", "conv5", "conv4_2", "conv4_1"}


def test_tables_are_joined_picture_by_picture_and_seconds_are_averaged():
    parts = [
        truth_table.Table(
            {"a": {"overlap": torch.tensor([number])}},
            {"a": {"deletion": torch.full((1, 3), number)}},
            {"a": number},
        )
        for number in (1.0, 2.0)
    ]
    table = truth_table.joined(parts)
    assert table.values["a"]["overlap"].tolist() == [1, 2] and table.seconds == {"a": 1.5}
    assert table.curves["a"]["deletion"].tolist() == [[1, 1, 1], [2, 2, 2]]


def test_a_summary_has_the_interval_of_its_kind():
    assert truth_table.summary(torch.tensor([True, False])) == truth.share(
        torch.tensor([True, False])
    )
    mean, low, high = truth_table.summary(torch.tensor([1.0, 2.0, 3.0, 2.0]))
    half = 1.96 * (2 / 3) ** 0.5 / 2
    assert (mean, low, high) == pytest.approx((2, 2 - half, 2 + half))


def test_the_chart_marks_all_equal_winners_and_no_rival_and_crowns_nobody_where_one_only_passes():
    rows = {
        "gradient": (0.5, 0.2),
        "CAM": (0.6, 0.1),
        "Grad-CAM, last layer": (0.6, 0.2),
        "the true mask": (1.0, 0.05),
    }
    kinds = ("pointing", "deletion", "half random")
    table = {
        name: dict(zip(kinds, (truth.Share(*[v] * 3) for v in (a, b, b)), strict=True))
        for name, (a, b) in rows.items()
    }
    marked = [
        {line.get_ydata()[0] for line in axes.lines if line.get_color() == truth_table.plot.ORANGE}
        for axes in truth_table.chart(table, {}).axes
    ]
    assert marked == [{1, 2}, {1}, set()]


def test_the_second_choice_is_the_likeliest_of_the_other_classes():
    model = models.load("coursenet", device="cpu")
    pixels, _, _ = truth_table.pictures_of(model, 3)
    with torch.no_grad():
        ranked = model(pixels).argsort(dim=1, descending=True)
    assert truth_table.second_choice(model, pixels, ranked[:, 0]).tolist() == ranked[:, 1].tolist()
    assert truth_table.second_choice(model, pixels, ranked[:, 5]).tolist() == ranked[:, 0].tolist()
