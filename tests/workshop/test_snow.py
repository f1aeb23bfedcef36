"""The shortcut is planted exactly: animals differ in the face only, grounds are as promised."""

from collections import Counter

import numpy as np
import pytest
import torch

from cs231n_viz import data
from workshop import drawing
from workshop.drawing import brush, compose, sets, snow

SEEDS = range(12)
PAIRS = [(kind, ground) for kind in snow.FACES for ground in snow.GROUNDS]


@pytest.fixture(scope="module")
def mixed():
    return data.snow("test", count=40, correlated=False)


@pytest.fixture
def faceless(monkeypatch):
    """Nobody paints a face."""
    monkeypatch.setattr(snow, "FACES", dict.fromkeys(snow.FACES, lambda rng, coat: brush.Sketch()))


# --- the animals ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind, ground", PAIRS)
def test_a_drawing_has_the_promised_shapes_and_its_facet_is_the_ground(kind, ground):
    picture = snow.draw(kind, ground, 3)
    assert picture.pixels.shape == (128, 128, 3) and picture.pixels.dtype == np.uint8
    assert picture.mask.shape == (128, 128) and picture.mask.dtype == bool
    assert picture.facet == ground


@pytest.mark.parametrize("kind, ground", PAIRS)
def test_the_same_seed_draws_the_same_bytes_and_another_seed_another_picture(kind, ground):
    one, again, other = (snow.draw(kind, ground, seed) for seed in (4, 4, 5))
    assert np.array_equal(one.pixels, again.pixels) and np.array_equal(one.mask, again.mask)
    assert not np.array_equal(one.pixels, other.pixels)


@pytest.mark.parametrize("ground", snow.GROUNDS)
def test_with_the_face_left_out_a_husky_and_a_wolf_are_the_same_bytes(ground, faceless):
    for seed in SEEDS:
        husky, wolf = snow.draw("husky", ground, seed), snow.draw("wolf", ground, seed)
        assert np.array_equal(husky.pixels, wolf.pixels) and np.array_equal(husky.mask, wolf.mask)


def test_the_face_changes_no_outline_and_nothing_outside_the_head():
    for seed in SEEDS:
        husky, wolf = snow.parts("husky", "snow", seed), snow.parts("wolf", "snow", seed)
        assert np.array_equal(husky.object.alpha, wolf.object.alpha)
        differs = (
            snow.draw("husky", "snow", seed).pixels != snow.draw("wolf", "snow", seed).pixels
        ).any(-1)
        rows, columns = np.flatnonzero(differs.any(1)), np.flatnonzero(differs.any(0))
        assert 22 <= np.ptp(columns) <= 60 and 22 <= np.ptp(rows) <= 60
        assert not differs[husky.object.alpha == 0].any()
        assert differs.sum() <= 0.5 * (husky.object.alpha > 127).sum()


def test_the_paint_of_an_animal_tells_nothing_of_the_ground_it_stands_on():
    for seed in SEEDS:
        for kind in snow.FACES:
            one, other = snow.parts(kind, "snow", seed), snow.parts(kind, "grass", seed)
            assert np.array_equal(one.object.colour, other.object.colour)
            assert np.array_equal(one.object.alpha, other.object.alpha)
            assert not np.array_equal(one.page, other.page)


def test_the_ground_under_an_animal_tells_nothing_of_its_kind():
    for ground in snow.GROUNDS:
        assert np.array_equal(
            snow.parts("husky", ground, 7).page, snow.parts("wolf", ground, 7).page
        )


def test_the_mask_is_where_at_least_half_of_a_pixel_is_the_animal_s_own_paint():
    """Painting the animal black, then white, shows how much of each pixel is the animal."""
    for seed in range(4):
        layers = snow.parts("wolf", "grass", seed)
        paints = np.zeros((128, 128, 3), np.uint8), np.repeat(layers.object.alpha[..., None], 3, 2)
        dark, bright = (
            compose.stack(
                layers._replace(object=layers.object._replace(colour=paint)), depth=0
            ).astype(int)
            for paint in paints
        )
        share = (bright - dark)[..., 0]  # 0–255, one or two lost to rounding
        mask = snow.draw("wolf", "grass", seed).mask
        assert mask[share >= 130].all() and not mask[share <= 125].any()


def test_every_animal_covers_between_8_and_30_percent_and_is_wholly_on_the_page():
    for seed in range(40):
        mask = snow.draw("husky", "snow", seed).mask
        assert 0.08 <= mask.mean() <= 0.30
        assert not (mask[0].any() or mask[-1].any() or mask[:, 0].any() or mask[:, -1].any())


def test_snow_is_white_and_grass_is_not():
    """The weakest colour in the lowest quarter of the page, where the ground is."""
    weakest = {}
    for ground in snow.GROUNDS:
        pages = np.stack([snow.parts("husky", ground, seed).page[96:] for seed in range(24)])
        weakest[ground] = pages.min(-1).mean((1, 2))
    assert weakest["snow"].min() > 155 and weakest["grass"].max() < 140


# --- the data set ---------------------------------------------------------------------------------


def test_correlated_puts_every_husky_on_snow_and_every_wolf_on_grass():
    some = data.snow("train", count=12)
    assert some.class_names == ["husky", "wolf"] and some.pixels.shape == (12, 3, 128, 128)
    assert some.facets == ["snow" if label == 0 else "grass" for label in some.labels]


def test_uncorrelated_has_every_animal_on_every_ground_equally_often(mixed):
    assert set(Counter(zip(mixed.labels.tolist(), mixed.facets, strict=True)).values()) == {10}
    some = data.snow("train", count=6, correlated=False)
    assert torch.bincount(some.labels).tolist() == [3, 3] and Counter(some.facets) == {
        "snow": 3,
        "grass": 3,
    }


def test_uncorrelated_pictures_show_the_correlated_animals_half_of_them_on_the_other_ground(mixed):
    correlated = data.snow("test", count=40)
    assert torch.equal(mixed.labels, correlated.labels) and torch.equal(
        mixed.masks, correlated.masks
    )
    moved = [one != other for one, other in zip(mixed.facets, correlated.facets, strict=True)]
    same = [torch.equal(a, b) for a, b in zip(mixed.pixels, correlated.pixels, strict=True)]
    assert sum(moved) == 20 and same == [not each for each in moved]


@pytest.mark.parametrize("correlated", [True, False])
@pytest.mark.parametrize("split", data.SNOW_SPLITS)
def test_the_stored_pages_are_what_the_workshop_draws(split, correlated):
    """Pictures of every row of a page; WebP loses a little, the masks nothing."""
    stored = data.snow(split, correlated=correlated)
    first = data.SNOW_SPLITS.index(split)
    for index in (0, 1, 2, 3, 16, 45, 74, 103, 143):
        kind, ground = stored.class_names[stored.labels[index]], stored.facets[index]
        drawn = snow.draw(kind, ground, first + 2 * index)
        assert np.array_equal(stored.masks[index].numpy(), drawn.mask), index
        pixels = stored.pixels[index].permute(1, 2, 0).numpy() * 255
        assert np.abs(pixels - drawn.pixels).mean() < 8, index


def test_the_package_knows_the_kinds_and_the_grounds():
    assert data.snow("test", 1).class_names == list(snow.FACES)
    assert list(data.GROUNDS) == list(snow.GROUNDS)


def test_a_training_set_begins_like_the_stored_pictures():
    for correlated in (True, False):
        drawn, stored = sets.snow("train", 8, correlated), data.snow("train", 8, correlated)
        assert torch.equal(drawn.labels, stored.labels) and torch.equal(drawn.masks, stored.masks)
        assert drawn.facets == stored.facets and drawn.class_names == stored.class_names
        assert (drawn.pixels - stored.pixels).abs().mean() < 8 / 255


def test_the_order_is_mixed_and_a_smaller_count_is_the_beginning_of_a_larger_one(mixed):
    few = data.snow("test", count=7, correlated=False)
    assert torch.equal(few.pixels, mixed.pixels[:7]) and torch.equal(few.labels, mixed.labels[:7])
    assert few.facets == mixed.facets[:7]
    assert Counter(mixed.labels[::2].tolist()).keys() == {0, 1}  # either may come first in a pair


@pytest.fixture
def seeds_asked_for(monkeypatch):
    calls = []

    def draw(kind, ground, seed):
        calls.append(seed)
        return drawing.Drawing(np.zeros((128, 128, 3), np.uint8), np.eye(128, dtype=bool), ground)

    monkeypatch.setattr(snow, "draw", draw)
    return calls


def test_no_animal_is_in_two_splits_or_under_two_seeds(seeds_asked_for):
    for seed in range(3):
        for split in data.SNOW_SPLITS:
            sets.snow(split, 30, seed=seed)
    assert len(set(seeds_asked_for)) == 6 * 30


def test_nobody_asked_for_a_count_gives_seventy_two_of_each_class():
    for split in data.SNOW_SPLITS:
        some = data.snow(split, correlated=False)
        assert torch.bincount(some.labels).tolist() == [72, 72]
        assert set(Counter(zip(some.labels.tolist(), some.facets, strict=True)).values()) == {36}


def test_an_unknown_split_kind_or_ground_or_no_pictures_at_all_are_refused():
    with pytest.raises(ValueError, match="unknown split 'tset'. Did you mean 'test'"):
        data.snow("tset")
    for count in (0, 145):
        with pytest.raises(ValueError, match=f"from 1 to 144, not {count}"):
            data.snow("train", count)
    with pytest.raises(ValueError, match="'huskey'. Did you mean 'husky'"):
        snow.draw("huskey", "snow", 0)
    with pytest.raises(ValueError, match="'gras'. Did you mean 'grass'"):
        snow.draw("husky", "gras", 0)
