"""The table of lesson 16 is what one measures: a few cells again, and how it is put together."""

import json

import pytest
import torch

from cs231n_viz import data, heat_maps, models
from cs231n_viz.techniques import truth
from workshop.measure import truth_table


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


def test_the_stored_table_is_what_one_measures(model):
    """Two drawings and four maps of it again."""
    table, _ = heat_maps.table_from(data.measured("truth_table"))
    pixels, labels, masks = truth_table.pictures_of(model, 2)
    names = ("gradient", "guided backprop", "Grad-CAM, finer layer")
    heats, _ = heat_maps.heats_of(model, pixels, labels, names)
    heats["edges of the picture"] = heat_maps.BASELINES["edges of the picture"](pixels, masks)
    for name, heat in heats.items():
        runs = truth_table.curves_of(model, pixels, labels, heat)
        areas = {kind: truth.area_under(run, heat_maps.SHARES) for kind, run in runs.items()}
        for kind, values in (heat_maps.against_the_object(heat, masks) | areas).items():
            expected = table.values[name][kind][:2].float()
            assert torch.allclose(values.float(), expected, atol=0.01), (name, kind)


def test_as_many_pictures_were_measured_as_are_asked_for():
    table, _ = heat_maps.table_from(data.measured("truth_table"))
    assert len(table.values["CAM"]["pointing"]) == truth_table.COUNT


def test_tables_are_joined_picture_by_picture_and_seconds_are_averaged():
    parts = [
        heat_maps.Table(
            {"a": {"overlap": torch.tensor([number])}},
            {"a": {"deletion": torch.full((1, 3), number)}},
            {"a": number},
        )
        for number in (1.0, 2.0)
    ]
    table = truth_table.joined(parts)
    assert table.values["a"]["overlap"].tolist() == [1, 2] and table.seconds == {"a": 1.5}
    assert table.curves["a"]["deletion"].tolist() == [[1, 1, 1], [2, 2, 2]]


def test_the_second_choice_is_the_likeliest_of_the_other_classes(model):
    pixels, _, _ = truth_table.pictures_of(model, 3)
    with torch.no_grad():
        ranked = model(pixels).argsort(dim=1, descending=True)
    assert torch.equal(truth_table.second_choice(model, pixels, ranked[:, 0]), ranked[:, 1])
    assert torch.equal(truth_table.second_choice(model, pixels, ranked[:, 5]), ranked[:, 0])


def test_a_written_table_reads_as_it_was(tmp_path):
    """Curves become their mean over the pictures, truths 0 and 1, numbers three digits."""
    hits = torch.tensor([True, False])
    values = {"pointing": hits, "near": hits, "overlap": torch.tensor([0.12345, 1.0])}
    curves = {"deletion": torch.tensor([[1.0, 0.5], [0.5, 0.0]])}
    table = heat_maps.Table({"a": values}, {"a": curves}, {"a": 0.12345})
    truth_table._write(tmp_path / "table.json", table, {"scores": {"a": 0.98765}})
    text = (tmp_path / "table.json").read_text(encoding="utf-8")
    read, depths = heat_maps.table_from(json.loads(text))
    assert read.values["a"]["pointing"].tolist() == [True, False]
    assert read.values["a"]["overlap"].tolist() == pytest.approx([0.123, 1.0])
    assert read.curves["a"]["deletion"].tolist() == [0.75, 0.25]
    assert read.seconds == {"a": 0.123} and depths == {"scores": {"a": 0.988}}
