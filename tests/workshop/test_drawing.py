"""The Picturebook is what the course measures with: its masks are exact and its limits fair."""

import random

import numpy as np
import pytest
from PIL import Image

from cs231n_viz import data
from workshop import drawing
from workshop.drawing import __main__ as program
from workshop.drawing import brush, compose, pairs

SEEDS = range(20)


@pytest.fixture(scope="module")
def pages():
    """A few hundred pictures: {kind: [Drawing, …]}."""
    return {kind: [drawing.draw(kind, seed) for seed in SEEDS] for kind in drawing.CLASS_NAMES}


def _on_the_centre(mask):
    return mask[63:65, 63:65].any()


def test_a_drawing_has_the_promised_shapes_and_types(pages):
    for kind, drawings in pages.items():
        for picture in drawings:
            assert picture.pixels.shape == (128, 128, 3) and picture.pixels.dtype == np.uint8
            assert picture.mask.shape == (128, 128) and picture.mask.dtype == bool
            assert picture.facet in drawing.FACETS[kind]


def test_the_same_seed_draws_the_same_bytes_and_another_seed_another_picture(pages):
    for kind, drawings in pages.items():
        again = drawing.draw(kind, SEEDS[0])
        assert np.array_equal(again.pixels, drawings[0].pixels)
        assert np.array_equal(again.mask, drawings[0].mask)
        assert not np.array_equal(drawings[1].pixels, drawings[0].pixels)


def test_drawing_leaves_the_global_random_numbers_alone():
    random.seed(3), np.random.seed(3)
    expected = random.random(), np.random.rand()
    random.seed(3), np.random.seed(3)
    drawing.draw("owl", 5)
    assert (random.random(), np.random.rand()) == expected


def test_every_object_covers_between_5_and_40_percent_of_its_picture(pages):
    areas = {
        kind: [picture.mask.mean() for picture in drawings] for kind, drawings in pages.items()
    }
    for kind, shares in areas.items():
        assert min(shares) >= 0.05 and max(shares) <= 0.40, kind
        assert np.median(shares) <= 0.18, kind


def test_the_centre_of_the_picture_is_on_the_object_in_less_than_45_percent(pages):
    rates = [
        np.mean([_on_the_centre(picture.mask) for picture in drawings])
        for drawings in pages.values()
    ]
    assert max(rates) <= 0.45
    assert 0.05 < np.mean(rates) < 0.35


def test_objects_stand_on_the_left_as_often_as_on_the_right(pages):
    columns = [
        np.flatnonzero(one.mask.any(0)).mean() for drawings in pages.values() for one in drawings
    ]
    assert 0.4 < np.mean(np.array(columns) < 63.5) < 0.6


@pytest.mark.parametrize("kind", drawing.CLASS_NAMES)
def test_the_mask_is_where_at_least_half_of_a_pixel_is_the_object_s_own_paint(kind):
    """Painting the object black, then white, shows how much of each pixel is the object."""
    for seed in range(3):
        layers = compose.parts(kind, seed)
        alpha = layers.object.alpha
        dark = layers.object._replace(colour=np.zeros((128, 128, 3), np.uint8))
        bright = layers.object._replace(colour=np.repeat(alpha[..., None], 3, 2))
        front = layers.front and layers.front._replace(colour=np.zeros((128, 128, 3), np.uint8))
        without, painted = (
            compose.stack(layers._replace(object=paint, front=front), depth=0).astype(int)
            for paint in (dark, bright)
        )
        share = (painted - without)[..., 0]  # 0–255, one or two lost to rounding
        mask = drawing.draw(kind, seed).mask
        assert mask[share >= 130].all() and not mask[share <= 125].any()


def test_the_two_masks_of_a_pair_are_where_each_object_s_own_paint_is():
    """A page differs from one without an object by it, its shadow, or the other one in front."""
    for seed in range(3):
        facets, page, layers, _ = pairs._parts(("cat", "rocket"), seed)
        first, second = pairs._seen(layers)
        assert facets[0] == "cat" and facets[1] in drawing.FACETS["rocket"]
        assert not (first & second).any()
        alphas = [layer.alpha for layer in layers]
        for mask, own, other in ((first, *alphas), (second, *alphas[::-1])):
            assert (own[mask] >= 128).all()  # nowhere beside the object,
            alone = (own >= 128) & (other == 0)
            assert mask[alone].all()  # and everywhere that nothing else lies
        assert page.shape == (128, 128, 3)


def test_a_pair_is_the_same_every_time_and_an_unknown_kind_is_answered_with_the_nearest_name():
    one, again = pairs.draw("fish", "owl", 4), pairs.draw("fish", "owl", 4)
    assert np.array_equal(one.pixels, again.pixels) and np.array_equal(one.masks, again.masks)
    with pytest.raises(ValueError, match="unknown kind of drawing 'fsh'. Did you mean 'fish'"):
        pairs.draw("owl", "fsh", 0)


def test_something_in_the_way_cuts_the_mask():
    cut = 0
    for seed in range(12):
        layers = compose.parts("cat", seed)
        if layers.front is not None:
            mask = compose.visible(layers.object, layers.front)
            assert not mask[layers.front.alpha > 200].any()
            cut += (layers.object.alpha >= 128).sum() > mask.sum()
    assert cut > 0


def test_every_background_occurs_under_every_kind():
    assert len(drawing.SCENE_NAMES) == 10
    for kind in drawing.CLASS_NAMES:
        found = [drawing.scene_name(kind, seed) for seed in range(300)]
        counts = [found.count(name) for name in drawing.SCENE_NAMES]
        assert min(counts) >= 12 and max(counts) <= 54, kind


def test_every_facet_occurs():
    assert drawing.FACETS["flower"] == ["bloom", "meadow"]
    for kind, facets in drawing.FACETS.items():
        found = [compose.choices(kind, seed)[0] for seed in range(100)]
        assert all(found.count(facet) >= 30 for facet in facets), kind


# --- what is stored -------------------------------------------------------------------------------


def test_the_package_knows_the_kinds_in_the_order_of_the_classes():
    assert list(data.KINDS) == drawing.CLASS_NAMES


def test_sixty_pairs_are_chosen_of_different_kinds_and_none_twice():
    chosen = program.chosen_pairs()
    assert len(chosen) == len({frozenset(pair) for pair in chosen}) == 60
    assert all(first != second for first, second in chosen)


def test_a_page_holds_its_tiles_in_rows():
    tiles = [np.full((2, 2, 3), level, np.uint8) for level in range(24)]
    page = program.page(tiles)
    assert page.shape == (4, 24, 3)
    assert page[0, ::2, 0].tolist() == list(range(12)) and page[2, 0, 0] == 12


def test_a_part_takes_the_place_of_the_old_one_when_it_is_whole(tmp_path, monkeypatch):
    monkeypatch.setattr(program, "data_dir", lambda: tmp_path)
    (tmp_path / "toy").mkdir()
    (tmp_path / "toy" / "old.webp").touch()

    def broken(folder):
        program.save(np.zeros((4, 4, 3), np.uint8), folder / "new.webp")
        raise KeyboardInterrupt

    monkeypatch.setattr(program, "PARTS", {"toy": broken})
    with pytest.raises(KeyboardInterrupt):
        program.main(["toy"])
    assert [path.name for path in (tmp_path / "toy").iterdir()] == ["old.webp"]

    mask = np.eye(4, dtype=bool)
    program.PARTS["toy"] = lambda folder: program.save(mask, folder / "new.png")
    program.main([])
    assert [path.name for path in tmp_path.rglob("*.*")] == ["new.png"]
    with Image.open(tmp_path / "toy" / "new.png") as stored:
        assert np.array_equal(np.array(stored), mask)


def test_an_unknown_part_is_refused_before_anything_is_drawn():
    with pytest.raises(ValueError, match="unknown part 'snwo'. Did you mean 'snow'"):
        program.main(["snwo"])


def test_a_square_covers_exactly_its_pixels():
    sketch = brush.Sketch()
    sketch.fill([(0, 0), (1, 0), (1, 1), (0, 1)], (200, 100, 50))
    layer = brush.render(sketch, brush.placed(40, 20, 30))
    inside = np.zeros((128, 128), bool)
    inside[30:70, 20:60] = True
    edge = np.zeros_like(inside)
    edge[29:71, 19:61] = True
    edge[31:69, 21:59] = False
    assert (layer.alpha[inside & ~edge] == 255).all() and (layer.alpha[~inside & ~edge] == 0).all()
    assert (layer.colour[inside & ~edge] == (200, 100, 50)).all()


def test_a_mark_inside_stays_on_its_part_and_light_comes_from_the_sun():
    sketch = brush.Sketch()
    sketch.oval(0, 0, 1, 1, (120, 120, 120))
    sketch.fill([(-5, -0.1), (5, -0.1), (5, 0.1), (-5, 0.1)], (200, 0, 0), inside=True)
    flat = brush.render(sketch, brush.placed(40, 64, 64))
    assert (flat.alpha[64, :22] == 0).all() and (flat.colour[64, 64] == (200, 0, 0)).all()
    sketch.light(1.0)
    lit = brush.render(sketch, brush.placed(40, 64, 64), sun=(-20, -24)).colour[..., 0].astype(int)
    assert lit[40, 40] > 125 and lit[88, 88] < 115


def test_an_unknown_kind_is_answered_with_the_nearest_name():
    with pytest.raises(
        ValueError, match="unknown kind of drawing 'dalmation'. Did you mean 'dalmatian'"
    ):
        drawing.draw("dalmation", 0)
    with pytest.raises(ValueError, match="sailboat"):
        drawing.scene_name("boat", 0)
