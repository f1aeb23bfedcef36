"""Ten maps under one signature, and the table that measures them, as it is stored."""

import pytest
import torch
import toy_nets

from cs231n_viz import data, heat_maps, intervals, models, plot
from cs231n_viz.techniques import truth


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def stored():
    return heat_maps.table_from(data.measured("truth_table"))


@pytest.mark.slow
def test_every_map_and_every_baseline_is_one_number_a_pixel(model):
    drawn = data.picturebook("test", 2)
    pixels, masks, labels = drawn.pixels[..., :64], drawn.masks[..., :64], torch.tensor([3, 5])
    heats, seconds = heat_maps.heats_of(model, pixels, labels)
    heats |= {name: make(pixels, masks) for name, make in heat_maps.BASELINES.items()}
    assert set(seconds) == set(heat_maps.MAPS) and min(seconds.values()) > 0
    for name, heat in heats.items():
        assert heat.shape == pixels[:, 0].shape and heat.isfinite().all(), name


def test_cam_is_usable_where_a_head_averages(model):
    assert heat_maps.usable(model) == list(heat_maps.MAPS)
    without = models.wrap(toy_nets.plain_net()[:5].append(torch.nn.Flatten()), input_size=4)
    assert heat_maps.usable(without) == [name for name in heat_maps.MAPS if name != "CAM"]


def test_the_true_mask_is_the_best_map_by_every_measure_of_the_object():
    drawn = data.picturebook("test", 4)
    perfect = heat_maps.BASELINES["the true mask"](drawn.pixels, drawn.masks)
    for name, values in heat_maps.against_the_object(perfect, drawn.masks).items():
        assert values.float().min() == 1, name


def test_a_near_miss_is_at_most_eight_pixels_beside_the_object():
    mask = torch.zeros(1, 1, 32, dtype=torch.bool)
    mask[..., :4] = True
    for column, near in ((11, True), (12, False)):
        heat = torch.zeros(1, 1, 32)
        heat[..., column] = 1
        found = heat_maps.against_the_object(heat, mask)
        assert (found["pointing"].item(), found["near"].item()) == (False, near)


# --- the stored table -----------------------------------------------------------------------------


def test_the_stored_table_holds_every_map_by_every_measure_on_the_same_pictures(stored):
    table, depths = stored
    assert list(table.values) == [*heat_maps.MAPS, *heat_maps.BASELINES]
    hollow = {measure.hollow for measure in heat_maps.MEASURES.values()} - {""}
    lengths = set()
    for row in table.values.values():
        assert set(row) == {*heat_maps.MEASURES, *hollow}
        assert row["pointing"].dtype == row["near"].dtype == torch.bool
        lengths |= {len(each) for each in row.values()}
    assert len(lengths) == 1 and min(lengths) >= 200
    for row in table.curves.values():
        assert {len(each) for each in row.values()} == {len(heat_maps.SHARES)}
    assert all(set(row) == set(heat_maps.MAPS) for row in depths.values())
    assert next(iter(depths)) == "scores" and list(depths)[-1] == "conv1"


def test_the_maps_point_at_the_object_as_often_as_was_asked(stored):
    hits = {name: intervals.share(row["pointing"]).value for name, row in stored[0].values.items()}
    assert hits["Grad-CAM, finer layer"] >= max(0.85, hits["the middle"] + 0.4)
    assert hits["occlusion, logit"] >= 0.75 and hits["SmoothGrad"] >= 0.7


def test_guided_backprop_stays_like_itself_when_the_others_do_not(stored):
    alike = {name: float(row["half random"].mean()) for name, row in stored[0].values.items()}
    guided, others = alike["guided backprop"], heat_maps.MAPS.keys() - {"guided backprop"}
    assert guided > 0.6 and all(alike[name] < guided - 0.2 for name in others)


def test_the_curves_are_those_of_the_values(stored):
    """The area under a map's mean curve is the mean of the areas."""
    for name, row in stored[0].curves.items():
        for kind, curve in row.items():
            area = truth.area_under(curve[None], heat_maps.SHARES).item()
            expected = float(stored[0].values[name][kind].mean())
            assert area == pytest.approx(expected, abs=0.002), (name, kind)


# --- the chart ------------------------------------------------------------------------------------


def summaries_of(rows):
    """{map: (what is better if more, all else)} -> {map: {measure: an interval of no width}}."""
    more = {"pointing"}
    kinds = [*heat_maps.MEASURES, "near", "second choice"]
    return {
        name: {kind: intervals.Interval(*[high if kind in more else low] * 3) for kind in kinds}
        for name, (high, low) in rows.items()
    }


ROWS = {
    "gradient": (0.5, 0.2),
    "CAM": (0.6, 0.1),
    "Grad-CAM, last layer": (0.6, 0.2),
    "the true mask": (1.0, 0.05),
}


def test_all_equal_winners_are_best_no_baseline_is_and_nobody_where_one_only_passes():
    summaries = summaries_of(ROWS)
    assert heat_maps.best(summaries, "pointing") == ["CAM", "Grad-CAM, last layer"]
    assert heat_maps.best(summaries, "deletion") == ["CAM"]
    assert heat_maps.best(summaries, "half random") == []


def test_a_panel_sets_the_best_maps_and_the_baselines_apart():
    summaries = summaries_of(ROWS)
    panels = heat_maps.panels(summaries)
    assert list(panels) == [measure.title for measure in heat_maps.MEASURES.values()]
    pointing = panels[heat_maps.MEASURES["pointing"].title]
    named = {
        line: [name for name, interval in zip(ROWS, column, strict=True) if interval]
        for line, column in pointing.items()
    }
    assert named == {
        "map": ["gradient"],
        "best map": ["CAM", "Grad-CAM, last layer"],
        "no network": ["the true mask"],
        "hollow": ["gradient", "CAM", "Grad-CAM, last layer"],
    }
    assert not any(panels[heat_maps.MEASURES["overlap"].title]["hollow"])


def test_the_chart_has_a_panel_for_each_measure():
    figure = plot.intervals(heat_maps.panels(summaries_of(ROWS)), list(ROWS), sideways=True)
    assert len(figure.axes) == len(heat_maps.MEASURES)


def test_labels_may_be_a_list_and_are_one_for_each_picture():
    model, pixels = models.load("coursenet", device="cpu"), torch.rand(2, 3, 64, 64)
    listed, _ = heat_maps.heats_of(model, pixels, [3, 5], ["gradient"])
    heats, _ = heat_maps.heats_of(model, pixels, torch.tensor([3, 5]), ["gradient"])
    assert torch.equal(listed["gradient"], heats["gradient"])
    with pytest.raises(ValueError, match="2 pictures need 2 labels"):
        heat_maps.heats_of(model, pixels, [3], ["gradient"])
