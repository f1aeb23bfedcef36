"""Photos load without a network, drawn pictures are balanced and in one split only, folders
explain.
"""

import socket
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from cs231n_viz import data
from workshop import drawing


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def stub_drawing(monkeypatch):
    """Three classes; a drawing is one grey that its seed decides; every call is written down."""
    calls = []

    def draw(kind, seed):
        calls.append((kind, seed))
        pixels = np.full((128, 128, 3), seed % 256, dtype=np.uint8)
        return SimpleNamespace(
            pixels=pixels, mask=np.eye(128, dtype=bool), facet=f"{kind} close up"
        )

    monkeypatch.setattr(
        data, "drawing", SimpleNamespace(CLASS_NAMES=("boat", "cat", "tree"), draw=draw)
    )
    return calls


def save(path, side=16, level=128):
    path.parent.mkdir(exist_ok=True)
    Image.new("RGB", (side, side), (level,) * 3).save(path)


# --- photos ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", data.photo_names())
def test_every_photo_loads_offline_as_a_square_of_the_size_asked_for(name, no_network):
    pixels = data.photo(name)
    assert pixels.shape == (1, 3, 224, 224) and pixels.dtype == torch.float32
    assert pixels.min() >= 0 and pixels.max() <= 1 and pixels.std() > 0.05
    assert data.photo(name, size=64).shape == (1, 3, 64, 64)


@pytest.mark.parametrize("name", data.photo_names())
def test_the_square_lies_inside_the_whole_photo(name):
    (top, left, side), (height, width) = (
        data.PHOTOS[name].square,
        data.photo(name, size=None).shape[-2:],
    )
    assert top >= 0 and left >= 0 and top + side <= height and left + side <= width
    assert side >= 0.6 * min(height, width)


def test_the_photos_are_those_that_the_course_promises():
    promised = "china flower astronaut chelsea coffee rocket hubble_deep_field grace_hopper"
    assert set(promised.split()) <= set(data.photo_names())


@pytest.mark.parametrize("name", data.photo_names())
def test_every_photo_has_a_credit_with_its_licence(name):
    assert any(licence in data.photo_credit(name) for licence in ("CC0", "CC BY", "public domain"))


def test_an_unknown_photo_gets_the_nearest_name():
    for ask in (data.photo, data.photo_credit):
        with pytest.raises(ValueError, match="unknown photo 'chelsae'. Did you mean 'chelsea'"):
            ask("chelsae")


# --- the Picturebook ------------------------------------------------------------------------------


def test_drawn_pictures_come_with_labels_masks_and_facets():
    some = data.picturebook("test", count=3)
    assert (
        some.pixels.shape == (3, 3, 128, 128) and some.pixels.min() >= 0 and some.pixels.max() <= 1
    )
    assert some.masks.shape == (3, 128, 128) and some.masks.dtype == torch.bool and some.masks.any()
    assert some.labels.shape == (3,) and len(some.facets) == 3
    assert some.class_names == [f"drawn {kind}" for kind in drawing.CLASS_NAMES]


def test_nobody_asked_for_a_count_gives_seventy_two_of_each_class(stub_drawing):
    assert torch.bincount(data.picturebook("train").labels).tolist() == [72, 72, 72]


def test_the_classes_are_balanced_and_mixed_and_the_labels_true(stub_drawing):
    some = data.picturebook("train", count=31)
    assert sorted(torch.bincount(some.labels).tolist()) == [10, 10, 11]
    assert [some.class_names[label] for label in some.labels] == [
        f"drawn {kind}" for kind, _ in stub_drawing
    ]
    assert some.labels[:9].tolist() != sorted(some.labels[:9].tolist())
    assert some.facets[0] == f"{stub_drawing[0][0]} close up"


def test_a_smaller_count_is_the_beginning_of_a_larger_one(stub_drawing):
    few, many = data.picturebook("train", count=4), data.picturebook("train", count=20)
    assert torch.equal(few.pixels, many.pixels[:4]) and torch.equal(few.labels, many.labels[:4])


def test_training_pictures_never_repeat_and_have_even_seeds(stub_drawing):
    for seed in range(3):
        data.picturebook("train", count=30, seed=seed)
    assert len({seed for _, seed in stub_drawing}) == 3 * 30
    assert all(seed % 2 == 0 for _, seed in stub_drawing)  # the stored test pictures have odd ones


@pytest.fixture(scope="module")
def stored():
    return data.picturebook("test")


def test_the_stored_test_split_is_whole_and_balanced(stored):
    classes = len(drawing.CLASS_NAMES)
    assert classes >= 16 and torch.bincount(stored.labels).tolist() == [72] * classes
    assert stored.pixels.shape == (72 * classes, 3, 128, 128) and stored.masks.shape == (
        72 * classes,
        128,
        128,
    )
    assert (
        stored.labels[:classes].unique().numel() == classes
    )  # the first round holds every class once
    for label, facet in zip(stored.labels.tolist(), stored.facets, strict=True):
        assert facet in drawing.FACETS[drawing.CLASS_NAMES[label]]


def test_the_stored_pictures_are_fair_to_measure_with(stored):
    """Objects are neither the whole picture nor a dot, and pointing at the centre is no way to find
    them.
    """
    areas = stored.masks.float().mean(dim=(1, 2))
    assert areas.min() >= 0.05 and areas.max() <= 0.40 and areas.median() <= 0.18
    on_the_centre = stored.masks[:, 63:65, 63:65].flatten(1).any(dim=1).float()
    assert on_the_centre.mean() <= 0.45
    for label in range(len(drawing.CLASS_NAMES)):
        mine = stored.labels == label
        assert areas[mine].median() <= 0.18, drawing.CLASS_NAMES[label]
        assert on_the_centre[mine].mean() <= 0.45, drawing.CLASS_NAMES[label]


@pytest.mark.parametrize("kind", drawing.CLASS_NAMES)
def test_the_stored_pictures_are_what_the_recipe_draws(kind, stored):
    """Within what WebP loses, and what versions of OpenCV round differently along the edges."""
    label = drawing.CLASS_NAMES.index(kind)
    index = int((stored.labels == label).nonzero()[0])
    drawn = drawing.draw(kind, 1)
    difference = stored.pixels[index] * 255 - torch.from_numpy(drawn.pixels).permute(2, 0, 1)
    coarse = torch.nn.functional.avg_pool2d(
        difference, 8
    )  # WebP drops the camera's noise, not the drawing
    assert coarse.abs().mean() < 1.5 and stored.facets[index] == drawn.facet
    assert (stored.masks[index] != torch.from_numpy(drawn.mask)).float().mean() < 0.02


def test_sixty_pictures_hold_two_objects_of_two_classes():
    pairs = data.picturebook("pairs")
    assert pairs.pixels.shape == (60, 3, 128, 128)
    assert pairs.labels.shape == (60, 2) and pairs.masks.shape == (60, 2, 128, 128)
    assert (pairs.labels[:, 0] != pairs.labels[:, 1]).all()
    assert not (pairs.masks[:, 0] & pairs.masks[:, 1]).any()  # a pixel belongs to one object
    areas = pairs.masks.float().mean(dim=(2, 3))
    assert areas.min() >= 0.05 and areas.max() <= 0.25
    assert torch.equal(data.picturebook("pairs", count=5).pixels, pairs.pixels[:5])


def test_more_than_is_stored_or_another_seed_of_it_is_refused_with_a_remedy():
    with pytest.raises(FileNotFoundError, match="72 of each are stored"):
        data.picturebook("test", count=73 * len(drawing.CLASS_NAMES))
    with pytest.raises(FileNotFoundError, match="60 pictures of two objects, 61 were asked for"):
        data.picturebook("pairs", count=61)
    with pytest.raises(ValueError, match="seed=3 is for 'train' only"):
        data.picturebook("test", seed=3)


def test_the_stored_pictures_fit_into_twelve_megabytes():
    files = [file for file in (data.data_dir() / "picturebook").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 12e6


def test_an_unknown_split_or_no_pictures_at_all_are_refused(stub_drawing):
    with pytest.raises(ValueError, match="unknown split 'tset'. Did you mean 'test'"):
        data.picturebook("tset")
    with pytest.raises(ValueError, match="at least one picture, not 0"):
        data.picturebook("train", count=0)
    assert stub_drawing == []


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_of_pictures_is_one_class_in_the_order_of_the_names(tmp_path):
    for name, level in (("b.png", 255), ("a.JPG", 0), ("c.png", 255)):
        save(tmp_path / "cats" / name, level=level)
    (tmp_path / "cats" / "notes.txt").write_text("not counted")
    (tmp_path / "cats" / ".hidden.png").write_text("not counted")
    cats = data.folder(tmp_path / "cats", size=8)
    assert cats.pixels.shape == (3, 3, 8, 8) and cats.pixels.mean(dim=(1, 2, 3)).tolist() == [
        0,
        1,
        1,
    ]
    assert cats.labels.tolist() == [0, 0, 0] and cats.class_names == ["cats"]
    assert cats.masks is None and cats.facets is None


def test_sub_folders_are_classes(tmp_path):
    for name in ("dog/1.png", "cat/1.png", "cat/2.png"):
        save(tmp_path / name)
    (tmp_path / "empty").mkdir()
    pets = data.folder(str(tmp_path))
    assert pets.pixels.shape == (3, 3, 128, 128)
    assert pets.class_names == ["cat", "dog"] and pets.labels.tolist() == [0, 0, 1]


def test_broken_pictures_are_all_named_and_nothing_is_changed(tmp_path):
    for number in range(3):
        save(tmp_path / f"good{number}.png")
    (tmp_path / "broken.png").write_bytes((tmp_path / "good0.png").read_bytes()[:50])
    (tmp_path / "words.jpg").write_text("not a picture")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises(
        ValueError, match="2 of the 5 pictures.*move them out of the folder"
    ) as caught:
        data.folder(tmp_path)
    assert "broken.png" in str(caught.value) and "words.jpg is not a picture" in str(caught.value)
    assert before == {path.name: path.read_bytes() for path in tmp_path.iterdir()}


def test_an_empty_folder_says_which_files_count(tmp_path):
    with pytest.raises(ValueError, match="no pictures in .* or its sub-folders.*.jpg"):
        data.folder(tmp_path)


def test_a_missing_folder_gets_the_nearest_name(tmp_path):
    (tmp_path / "holidays").mkdir()
    with pytest.raises(FileNotFoundError, match="no folder .*holiday.*Did you mean 'holidays'"):
        data.folder(tmp_path / "holiday")
    with pytest.raises(FileNotFoundError, match="there is no folder .*you are in"):
        data.folder(tmp_path / "no" / "where")


def test_pictures_beside_sub_folders_of_pictures_are_not_silently_left_out(tmp_path):
    save(tmp_path / "stray.png")
    save(tmp_path / "cat" / "1.png")
    with pytest.raises(ValueError, match=r"also sub-folders of pictures.*stray.png"):
        data.folder(tmp_path)


# --- Caltech-101 ----------------------------------------------------------------------------------


def test_caltech101_lists_files_and_labels_without_the_background_class(tmp_path, monkeypatch):
    monkeypatch.setenv("CS231N_VIZ_DATA", str(tmp_path))
    for name in ("wrench/1.jpg", "ant/1.jpg", "ant/2.jpg", "BACKGROUND_Google/1.jpg"):
        path = tmp_path / "caltech101" / "101_ObjectCategories" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        save(path)
    files, names = data.caltech101()
    assert names == ["ant", "wrench"]
    assert [(path.parent.name, label) for path, label in files] == [
        ("ant", 0),
        ("ant", 0),
        ("wrench", 1),
    ]


def test_without_caltech101_the_error_says_how_to_get_it(tmp_path, monkeypatch):
    monkeypatch.setenv("CS231N_VIZ_DATA", str(tmp_path))
    with pytest.raises(FileNotFoundError, match="python3 -m cs231n_viz fetch caltech101"):
        data.caltech101()


def test_the_data_folder_is_the_courses_own():
    assert data.data_dir().name in ("data", "_data")


def test_photographs_of_unseen_kinds_come_in_rounds(caltech):
    seen = data.pictures("caltech101")
    assert seen.labels[:10].tolist() == seen.labels[10:20].tolist() == list(range(10))
    assert seen.pixels.shape == (len(seen.labels), 3, 128, 128) and len(seen.class_names) == 10
    counts = seen.labels.bincount()
    folders = [caltech / "101_ObjectCategories" / kind for kind in data.WITHHELD]
    assert counts.tolist() == [len(list(folder.glob("*.jpg"))) for folder in folders]


def test_pictures_are_the_test_drawings_or_a_folder_of_your_own(tmp_path):
    assert torch.equal(data.pictures().labels, data.picturebook("test").labels)
    with pytest.raises(FileNotFoundError, match="no folder"):
        data.pictures(tmp_path / "nowhere")
