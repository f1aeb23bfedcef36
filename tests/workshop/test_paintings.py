"""Ten paintings, each by another hand; the files are what the workshop paints."""

from itertools import combinations

import numpy as np
import pytest
import torch

from cs231n_viz import data, images
from workshop.paintings import PAINTING_NAMES, paint, strokes
from workshop.paintings.__main__ import main


@pytest.fixture(scope="module")
def painted():
    return {name: paint(name) for name in PAINTING_NAMES}


def grey(picture: np.ndarray) -> np.ndarray:
    return picture.astype(float).mean(2)


def orientations(picture: np.ndarray) -> np.ndarray:
    """The share of edges (8,) in each of eight directions, weighted by their strength."""
    down, across = np.gradient(grey(picture))
    turn = np.arctan2(down, across) % np.pi
    counts, _ = np.histogram(turn, 8, (0, np.pi), weights=np.hypot(down, across))
    return counts / counts.sum()


def coarseness(picture: np.ndarray) -> float:
    """How much of the contrast lies in steps between neighbouring pixels."""
    return np.abs(np.diff(grey(picture), axis=1)).mean() / grey(picture).std()


def colours(picture: np.ndarray) -> np.ndarray:
    """The share of pixels (64,) in each cell of a 4 x 4 x 4 cube of colours."""
    cells = (picture // 64).reshape(-1, 3) @ [16, 4, 1]
    return np.bincount(cells, minlength=64) / cells.size


def test_there_are_ten_hands():
    assert len(PAINTING_NAMES) == len(set(PAINTING_NAMES)) == 10
    assert data.painting_names() == list(data.PAINTINGS) == PAINTING_NAMES


@pytest.mark.parametrize("name", PAINTING_NAMES)
def test_a_painting_is_rgb_of_512_pixels(name, painted):
    assert painted[name].shape == (512, 512, 3) and painted[name].dtype == np.uint8


@pytest.mark.parametrize("name", PAINTING_NAMES)
def test_the_same_seed_gives_the_same_bytes_whatever_the_global_generator_does(name, painted):
    np.random.seed(5)
    before = np.random.get_state()[1].copy()
    assert np.array_equal(paint(name), painted[name])
    assert np.array_equal(before, np.random.get_state()[1])


@pytest.mark.parametrize("name", ["points", "ink", "woodcut", "autumn"])
def test_another_seed_lays_other_strokes(name, painted):
    assert (paint(name, seed=1) != painted[name]).mean() > 0.3


@pytest.mark.parametrize("name", PAINTING_NAMES)
def test_there_is_brushwork_everywhere(name, painted):
    blocks = grey(painted[name]).reshape(8, 64, 8, 64).transpose(0, 2, 1, 3).reshape(64, -1)
    assert np.percentile(blocks.std(1), 5) > 5 and blocks.std(1).min() > 2


@pytest.mark.parametrize("name", PAINTING_NAMES)
def test_the_file_is_what_the_workshop_paints(name, painted):
    stored = data.painting(name)[0].permute(1, 2, 0).numpy() * 255
    assert np.abs(stored - painted[name]).mean() < 4


def test_any_two_paintings_differ_in_colours_and_in_brushwork(painted):
    palettes = {name: colours(picture) for name, picture in painted.items()}
    turns = {name: orientations(picture) for name, picture in painted.items()}
    grains = {name: np.log(coarseness(picture)) for name, picture in painted.items()}
    for one, other in combinations(PAINTING_NAMES, 2):
        # 0: same colours, 1: none in common
        apart = np.abs(palettes[one] - palettes[other]).sum() / 2
        brushwork = np.abs(turns[one] - turns[other]).sum() + abs(grains[one] - grains[other])
        assert apart > 0.35 and brushwork > 0.1, (one, other, apart, brushwork)


def test_all_files_together_are_at_most_five_megabytes():
    files = list((data.data_dir() / "paintings").iterdir())
    assert sorted(file.stem for file in files) == sorted(PAINTING_NAMES)
    assert sum(file.stat().st_size for file in files) <= 5_000_000


def test_the_command_writes_the_paintings_asked_for_and_nothing_else(tmp_path, capsys):
    main(["glass", "--folder", str(tmp_path / "new")])
    written = list(tmp_path.rglob("*.*"))
    assert [file.name for file in written] == ["glass.jpg"]
    assert "glass.jpg" in capsys.readouterr().out
    assert (images.to_pixels(written[0]) - data.painting("glass")).abs().mean() < 2 / 255


def test_the_command_refuses_an_unknown_name(tmp_path):
    with pytest.raises(ValueError, match="unknown painting 'nihgt'. Did you mean 'night'"):
        main(["nihgt", "--folder", str(tmp_path)])


def test_a_painting_comes_as_pixels_of_the_size_asked_for():
    pixels = data.painting("mosaic", size=96)
    assert pixels.shape == (1, 3, 96, 96) and pixels.dtype == torch.float32
    assert pixels.min() >= 0 and pixels.max() <= 1
    assert paint("glass", size=64).shape == (64, 64, 3)


def test_a_smaller_painting_has_the_colours_of_the_whole_one(painted):
    small = paint("glass", size=64).reshape(-1, 3).mean(0)
    assert np.abs(small - painted["glass"].reshape(-1, 3).mean(0)).max() < 2


def test_unknown_names_and_sizes_get_an_answer():
    for ask in (paint, data.painting):
        with pytest.raises(ValueError, match="unknown painting 'mosiac'. Did you mean 'mosaic'"):
            ask("mosiac")
    for ask in (paint, data.painting):
        with pytest.raises(ValueError, match="to 512, not 513"):
            ask("mosaic", 513)


def test_a_missing_file_says_what_brings_it_back(tmp_path, monkeypatch):
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path)
    with pytest.raises(FileNotFoundError, match="ink.jpg is missing.*git checkout -- data"):
        data.painting("ink")


# --- the tools ------------------------------------------------------------------------------------


def test_paths_follow_the_field_through_their_middles():
    level = np.zeros((512, 512), np.float32)
    path = strokes.paths(level, np.array([[100.0, 50.0]]), 40, 5)[0]
    assert path.tolist() == [[80, 50], [90, 50], [100, 50], [110, 50], [120, 50]]


def test_light_comes_from_the_upper_left():
    height = np.zeros((64, 64))
    height[20:44, 20:44] = 200
    light = strokes.relief(height, 1.0)
    assert (
        light[20, 32] > 0.1
        and light[32, 20] > 0.1
        and light[44, 32] < -0.1
        and light[32, 44] < -0.1
    )
    assert abs(light[32, 32]) < 1e-6


def test_colours_of_a_ramp_pass_through_its_stops():
    stops = strokes.rgb("000000", "804000", "ffffff")
    assert strokes.ramp(np.array([0, 0.25, 0.5, 1]), stops).tolist() == [
        [0, 0, 0], [64, 32, 0], [128, 64, 0], [255, 255, 255]]  # fmt: skip


def test_a_stroke_stays_within_its_width():
    page = strokes.canvas((0, 0, 0))
    path = np.stack([np.linspace(100, 200, 9), np.full(9, 300.0)], 1)
    strokes.stroke(page, np.random.default_rng(0), path, 20, np.array([255.0, 255, 255]))
    rows, columns = np.nonzero(page[..., 0] > 0)
    assert rows.min() / strokes.FINE >= 288 and rows.max() / strokes.FINE <= 312
    assert columns.min() / strokes.FINE >= 98 and columns.max() / strokes.FINE <= 202
