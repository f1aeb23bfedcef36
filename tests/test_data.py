"""Photos load without a network, drawn pictures are balanced, folders explain."""

import json
import os
import shutil
import socket
import warnings

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torchvision import datasets

from cs231n_viz import data
from cs231n_viz.places import data_dir
from workshop import drawing


@pytest.fixture
def no_network(monkeypatch):
    def refuse(*_):
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def course_files(monkeypatch, tmp_path):
    """An empty folder in the place of the course's own files."""
    monkeypatch.setattr(data, "data_dir", lambda: tmp_path)
    return tmp_path


def save(path, side=16, level=128):
    path.parent.mkdir(parents=True, exist_ok=True)
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
        data.measured("photos")["photos"][name]["square"],
        data.photo(name, size=None).shape[-2:],
    )
    assert top >= 0 and left >= 0 and top + side <= height and left + side <= width
    assert side >= 0.6 * min(height, width)


def test_the_photos_are_those_that_the_course_promises():
    promised = "china flower astronaut chelsea coffee rocket hubble_deep_field grace_hopper"
    assert {*promised.split(), "motorcycle"} == set(data.photo_names())


@pytest.mark.parametrize("name", data.photo_names())
def test_every_photo_has_a_credit_with_its_licence_or_says_that_none_is_named(name):
    licences = ("CC0", "CC BY", "public domain", "no licence named")
    assert any(licence in data.photo_credit(name) for licence in licences)


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


@pytest.fixture(scope="module")
def stored():
    return data.picturebook("test")


@pytest.mark.slow
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


@pytest.mark.slow
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


def test_a_smaller_count_is_the_beginning_of_a_larger_one_balanced_and_mixed(stored):
    some = data.picturebook("test", 31)
    assert torch.equal(some.pixels, stored.pixels[:31]) and some.facets == stored.facets[:31]
    assert some.labels[:16].sort().values.tolist() == list(range(16)) != some.labels[:16].tolist()


def test_an_unknown_split_or_a_count_that_is_not_stored_is_refused():
    with pytest.raises(ValueError, match="unknown split 'tset'. Did you mean 'test'"):
        data.picturebook("tset")
    for split, count, most in (("test", 1153, 1152), ("pairs", 61, 60), ("test", 0, 1152)):
        with pytest.raises(
            ValueError, match=f"drawings is a whole number from 1 to {most}, not {count}"
        ):
            data.picturebook(split, count)


def test_the_stored_pictures_fit_into_twelve_megabytes():
    files = [file for file in (data_dir() / "picturebook").rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) <= 12e6


# --- other stored things --------------------------------------------------------------------------


def test_the_tiles_of_a_sheet_are_the_crops_of_its_page_row_by_row(course_files):
    page = np.random.default_rng(0).integers(0, 256, (16, 24, 3), dtype=np.uint8)
    Image.fromarray(page).save(course_files / "page.png")
    tiles = data.sheet("page", 8)
    assert tiles.shape == (6, 3, 8, 8)
    for number, tile in enumerate(tiles):
        top, left = 8 * (number // 3), 8 * (number % 3)
        crop = torch.from_numpy(page[top : top + 8, left : left + 8]).permute(2, 0, 1) / 255
        assert torch.equal(tile, crop)


def test_measured_is_the_parsed_file_and_weights_are_a_float32_state_dict(course_files):
    (course_files / "drops.json").write_text('{"läuft": [0.5, null]}', encoding="utf-8")
    assert data.measured("drops") == {"läuft": [0.5, None]}
    save_file({"conv.weight": torch.ones(2, 3).half()}, course_files / "net.safetensors")
    (name, weight), *others = data.weights("net").items()
    assert name == "conv.weight" and weight.dtype == torch.float32 and weight.sum() == 6
    assert not others


READERS = {
    "drops.json": lambda: data.measured("drops"),
    "net.safetensors": lambda: data.weights("net"),
    "page.webp": lambda: data.sheet("page", 8),
    "paintings/ink.jpg": lambda: data.painting("ink"),
    "textures/wood.webp": lambda: data.texture("wood"),
    "snow/test_own.webp": lambda: data.snow("test"),
}


@pytest.mark.parametrize("name", READERS)
def test_a_missing_or_damaged_file_is_told_with_its_name_and_what_brings_it_back(
    name, course_files
):
    with pytest.raises(FileNotFoundError, match=f"{name} is missing.*git checkout -- data"):
        READERS[name]()
    (course_files / name).parent.mkdir(exist_ok=True)
    (course_files / name).write_bytes(b"{ cut sho")
    with pytest.raises(ValueError, match=f"{name} is (damaged|not a picture)"):
        READERS[name]()


def test_a_missing_drawing_and_a_damaged_mask_are_told_so(course_files):
    book = data_dir() / "picturebook"
    label = data.KINDS[json.loads((book / "order.json").read_text(encoding="utf-8"))[0]]
    with pytest.raises(FileNotFoundError, match="order.json is missing.*git checkout -- data"):
        data.picturebook("test", 1)
    (course_files / "picturebook").mkdir()
    shutil.copy(book / "order.json", course_files / "picturebook")
    with pytest.raises(FileNotFoundError, match=f"{label}/000_.* is missing.*git checkout -- data"):
        data.picturebook("test", 1)
    with pytest.raises(FileNotFoundError, match="pairs/00_.* is missing.*git checkout -- data"):
        data.picturebook("pairs", 1)
    file = next((book / "test" / label).glob("000_*.webp"))
    copied = course_files / "picturebook"
    for path, content in (
        (copied / "test" / label / file.name, file.read_bytes()),
        (copied / "test_masks" / label / "000.png", b"cut short"),
    ):
        path.parent.mkdir(parents=True)
        path.write_bytes(content)
    with pytest.raises(ValueError, match="000.png is damaged.*git checkout -- data"):
        data.picturebook("test", 1)


def test_photo_pieces_are_the_other_photos_whole_and_in_quarters():
    pieces = data.photo_pieces(16, without=["coffee", "china"])
    names = [name for name in data.photo_names() if name not in ("coffee", "china")]
    others = len(names)
    assert pieces.shape == (5 * others, 3, 16, 16)
    for number, name in enumerate(names):
        assert torch.equal(pieces[number], data.photo(name, 16)[0])
        quarters = pieces[others + 4 * number : others + 4 * number + 4]
        large = data.photo(name, 32)[0]
        for quarter, (top, left) in zip(
            quarters, ((0, 0), (0, 16), (16, 0), (16, 16)), strict=True
        ):
            assert torch.equal(quarter, large[:, top : top + 16, left : left + 16])


# --- folders --------------------------------------------------------------------------------------


def test_a_folder_of_pictures_is_one_class_in_the_order_of_the_names(tmp_path):
    for name, level in (("b.png", 255), ("a.JPG", 0), ("c.png", 255)):
        save(tmp_path / "cats" / name, level=level)
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


def test_a_folder_without_pictures_says_what_it_holds_instead(tmp_path):
    with pytest.raises(ValueError, match=r"no picture in .* or below \(found: nothing\)"):
        data.folder(tmp_path)
    (tmp_path / "phone").mkdir()
    (tmp_path / "phone" / "IMG_1.heic").write_bytes(b"")
    with pytest.raises(ValueError, match=r"no picture in .* \(found: phone.IMG_1.heic\)"):
        data.folder(tmp_path)


def names_and_counts(pictures):
    return dict(zip(pictures.class_names, pictures.labels.bincount().tolist(), strict=True))


def test_whatever_lies_deeper_belongs_to_the_class_of_its_sub_folder(tmp_path):
    deep = "/".join("abcdefghijklmnopqrstuvwxyz")
    for name in ("cat/b.png", "cat/young/a.png", "cat/young/c.png", "dog/young/a.png"):
        save(tmp_path / name)
    save(tmp_path / "bird" / deep / "a.png", level=255)
    with warnings.catch_warnings(action="error"):
        pets = data.folder(tmp_path, size=8)
    assert names_and_counts(pets) == {"bird": 1, "cat": 3, "dog": 1}
    theirs = datasets.ImageFolder(tmp_path)
    assert pets.class_names == theirs.classes and pets.labels.tolist() == theirs.targets
    assert pets.pixels[0].min() == 1  # the pictures stand in the order of their labels


def test_every_suffix_counts_that_pillow_can_decode(tmp_path):
    picture = Image.new("RGB", (16, 16), "red")
    kinds = {"a.png": "PNG", "b.JFIF": "JPEG", "c.jpe": "JPEG", "d.jp2": "JPEG2000", "e.tga": "TGA"}
    kinds |= {"f.WebP": "WEBP", "g.pcx": "PCX", "h.ico": "ICO", "i.dds": "DDS", "j.sgi": "SGI"}
    kinds |= {"k.pbm": "PPM", "l.TIFF": "TIFF", "m.apng": "PNG", "n.mpo": "MPO", "o.bmp": "BMP"}
    for name, kind in kinds.items():
        picture.save(tmp_path / name, kind)
    with warnings.catch_warnings(action="error"):
        pictures = data.folder(tmp_path, size=8)
    red = torch.tensor([1.0, 0, 0]).view(3, 1, 1)
    assert len(pictures.pixels) == len(kinds) and (pictures.pixels - red).abs().max() < 0.02


def test_files_and_sub_folders_without_a_picture_are_counted_and_named_in_one_warning(tmp_path):
    save(tmp_path / "cat" / "a.png")
    for name in ("cat/film.mpg", "cat/maps.h5", "labels.csv", "words/deep/notes.txt"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("no picture")
    (tmp_path / "empty").mkdir()
    with pytest.warns(UserWarning) as caught:
        assert names_and_counts(data.folder(tmp_path)) == {"cat": 1}
    (warning,) = caught
    listed = "cat/film.mpg, cat/maps.h5, empty, labels.csv, words/deep/notes.txt"
    assert f"left out of {tmp_path}: 5 ({listed.replace('/', os.sep)})" in str(warning.message)
    assert warning.filename == __file__
    for number in range(20):
        (tmp_path / "cat" / f"{number}.txt").write_text("no picture")
    with pytest.warns(UserWarning, match=r": 25 \(([^,]+, ){6}…\)"):
        data.folder(tmp_path)


def test_hidden_files_and_folders_are_left_out_without_a_word(tmp_path):
    save(tmp_path / "cat" / "a.png")
    for name in (".ipynb_checkpoints/a.png", "cat/.ipynb_checkpoints/a-checkpoint.png"):
        save(tmp_path / name)
    for name in ("__MACOSX/cat/._a.png", "cat/._a.png", "cat/__MACOSX/a.png"):
        save(tmp_path / name)
    for name in (".DS_Store", "cat/.DS_Store", "cat/Thumbs.db", "desktop.ini"):
        (tmp_path / name).write_bytes(b"")
    with warnings.catch_warnings(action="error"):
        assert names_and_counts(data.folder(tmp_path)) == {"cat": 1}


def test_links_are_followed_and_never_in_a_circle(tmp_path):
    save(tmp_path / "elsewhere" / "deep" / "a.png")
    save(tmp_path / "elsewhere" / "b.png")
    top = tmp_path / "pets"
    save(top / "cat" / "1.png")
    save(top / "dog" / "1.png")
    (top / "bird").symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    (top / "cat" / "2.png").symlink_to(top / "dog" / "1.png")
    for circle in (top / "all", top / "cat" / "self", top / "cat" / "up", top / "dog" / "root"):
        circle.symlink_to({"self": top / "cat", "root": tmp_path}.get(circle.name, top))
    (top / "cat" / "friend").symlink_to(top / "dog")
    (top / "dog" / "friend").symlink_to(top / "cat")
    with warnings.catch_warnings(action="error"):
        pets = data.folder(top)
    assert names_and_counts(pets) == {"bird": 2, "cat": 3, "dog": 3}


def test_names_that_differ_in_their_capitals_are_two_classes(tmp_path):
    for name in ("cat/a.png", "Cat/a.png", "Über/a.png", "10/a.png", "9/a.png"):
        save(tmp_path / name)
    if len(list(tmp_path.iterdir())) == 5:  # not on a disk that takes them for one
        assert data.folder(tmp_path).class_names == ["10", "9", "Cat", "cat", "Über"]


def test_files_that_may_not_be_read_and_links_to_nowhere_are_named(tmp_path, monkeypatch):
    for name in ("cat/good.png", "cat/mine.png"):
        save(tmp_path / name)
    (tmp_path / "cat" / "gone.png").symlink_to(tmp_path / "nowhere.png")
    Image.fromarray(np.full((8, 8), 200, np.float32)).save(tmp_path / "cat" / "loud.tif")

    def read(path):
        if path.name == "mine.png":
            raise PermissionError(13, "Permission denied", str(path))
        return path.open("rb").read()

    monkeypatch.setattr("pathlib.Path.read_bytes", read)
    with pytest.raises(ValueError, match="3 of the 4 pictures") as caught:
        data.folder(tmp_path)
    gone, loud, mine = str(caught.value).splitlines()[1:]
    assert "gone.png does not exist" in gone and "Permission denied" in mine and "mine.png" in mine
    assert "loud.tif: pixels lie in" in loud and "divide by 255" in loud


@pytest.mark.parametrize("size", [0, 8.5, "8"])
def test_a_wrong_size_is_no_fault_of_the_pictures(tmp_path, size):
    save(tmp_path / "a.png")
    with pytest.raises((TypeError, ValueError), match="size of the pictures is a whole number"):
        data.folder(tmp_path, size)


def test_a_folder_whose_sub_folders_hold_no_picture_is_one_class(tmp_path):
    save(tmp_path / "cats" / "a.png")
    (tmp_path / "cats" / "notes").mkdir()
    with pytest.warns(UserWarning, match=r"1 \(notes\)"):
        assert data.folder(tmp_path / "cats").class_names == ["cats"]


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


@pytest.mark.slow
def test_photographs_of_unseen_kinds_come_in_rounds(caltech):
    seen = data.pictures("caltech101")
    assert seen.labels[:10].tolist() == seen.labels[10:20].tolist() == list(range(10))
    assert seen.pixels.shape == (len(seen.labels), 3, 128, 128) and len(seen.class_names) == 10
    counts = seen.labels.bincount()
    folders = [caltech / "101_ObjectCategories" / kind for kind in data.WITHHELD]
    assert counts.tolist() == [len(list(folder.glob("*.jpg"))) for folder in folders]


@pytest.mark.slow
def test_pictures_are_the_test_drawings_or_a_folder_of_your_own(tmp_path):
    assert torch.equal(data.pictures().labels, data.picturebook("test").labels)
    with pytest.raises(FileNotFoundError, match="no folder"):
        data.pictures(tmp_path / "nowhere")
