"""Occlusion: by hand, against captum, the fast way against the plain one, and what is refused."""

import warnings
from itertools import product

import deep_nets
import pytest
import torch
import toy_nets

from cs231n_viz import data, models
from cs231n_viz.objectives import score_of, target_for, targets_of
from cs231n_viz.techniques import occlusion
from cs231n_viz.techniques.occlusion import (
    at_pixels,
    corners,
    cover_for,
    covered,
    covered_scores,
    occlusion_map,
    occlusion_steps,
)

MEAN = {"mean": (0.5, 0.25, 0.25), "std": (1.0, 1.0, 1.0)}


def red_squares() -> torch.Tensor:
    """(1, 3, 4, 4): red is 1 in the upper left quarter and ½ elsewhere."""
    picture = torch.full((1, 3, 4, 4), 0.5)
    picture[0, 0, :2, :2] = 1
    return picture


def test_the_drop_worked_by_hand():
    """Score 0 = mean of max(red − ½, 0): four of sixteen pixels give ½, so ⅛; grey over them leaves
    nothing.
    """
    model = models.wrap(
        toy_nets.gap_linear_net(), input_size=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    drop = occlusion_map(model, red_squares(), 0, patch=2, stride=2, fill="grey", measure="logit")
    assert torch.allclose(drop, torch.tensor([[[0.125, 0.0], [0.0, 0.0]]]))
    red = occlusion_map(
        model, red_squares(), 0, patch=2, stride=2, fill=(1.0, 0.0, 0.0), measure="logit"
    )
    assert torch.allclose(
        red, torch.tensor([[[0.0, -0.125], [-0.125, -0.125]]])
    )  # covering the others helps


def test_the_patches_reach_the_far_edge():
    assert corners(10, 4, 3).tolist() == [0, 3, 6]
    assert corners(11, 4, 3).tolist() == [0, 3, 6, 7]
    assert corners(4, 4, 1).tolist() == [0]


@pytest.mark.slow
@pytest.mark.parametrize("fill", [*occlusion.FILLS, (0.1, 0.9, 0.3)])
@pytest.mark.parametrize("measure", occlusion.MEASURES)
def test_the_fast_way_gives_the_plain_map(fill, measure, monkeypatch):
    model, pixels = models.load("coursenet", device="cpu"), data.picturebook("test", 2).pixels
    settings = {"patch": 24, "stride": 20, "fill": fill, "measure": measure}
    fast = occlusion_map(model, pixels, "drawn tree", **settings)
    monkeypatch.setattr(occlusion, "_incremental", lambda model, picture: None)
    assert torch.allclose(fast, occlusion_map(model, pixels, "drawn tree", **settings), atol=1e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", deep_nets.FIVE)
def test_it_equals_captum_where_the_patches_lie_side_by_side(name):
    attr = pytest.importorskip("captum.attr")
    model, pixels = deep_nets.network(name), data.photo("coffee", 96)
    ours = occlusion_map(model, pixels, 7, patch=32, stride=32, fill="grey", measure="logit")
    theirs = attr.Occlusion(model).attribute(
        pixels, (3, 32, 32), (3, 32, 32), baselines=0.5, target=7
    )
    assert torch.allclose(
        ours[0], theirs[0, 0, ::32, ::32], atol=1e-4 * float(theirs.max() - theirs.min())
    )


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coursenet", "resnet18"])
def test_with_rectangles_and_another_picture_as_the_fill_it_equals_captum(name):
    attr = pytest.importorskip("captum.attr")
    model, pixels = deep_nets.network(name), data.photo("coffee", 96)
    other = data.photo("china", 96)
    ours = occlusion_map(model, pixels, 7, (24, 16), (24, 16), fill=other, measure="logit")
    theirs = attr.Occlusion(model).attribute(
        pixels, (3, 24, 16), (3, 24, 16), baselines=other, target=7
    )
    assert ours.shape == (1, 4, 6)
    assert torch.allclose(
        ours[0], theirs[0, 0, ::24, ::16], atol=1e-4 * float(theirs.max() - theirs.min())
    )


def test_a_rectangle_worked_by_hand():
    """Rows of four: the upper two hold ½ and ½, so each of them is worth half of the ⅛."""
    model = models.wrap(
        toy_nets.gap_linear_net(), input_size=4, mean=(0.0, 0.0, 0.0), std=(1.0, 1.0, 1.0)
    )
    settings = {"fill": "grey", "measure": "logit"}
    rows = occlusion_map(model, red_squares(), 0, (1, 4), (1, 4), **settings)
    assert torch.allclose(rows, torch.tensor([[[1 / 16], [1 / 16], [0.0], [0.0]]]))
    columns = occlusion_map(model, red_squares(), 0, (4, 2), (1, 2), **settings)
    assert torch.allclose(columns, torch.tensor([[[1 / 8, 0.0]]]))
    square = occlusion_map(model, red_squares(), 0, (2, 2), (1, 1), **settings)
    assert torch.equal(square, occlusion_map(model, red_squares(), 0, 2, 1, **settings))


@pytest.mark.slow
def test_each_picture_may_have_a_fill_of_its_own():
    model, pixels = models.load("coursenet", device="cpu"), data.picturebook("test", 2).pixels
    fills = pixels.flip(0)
    together = occlusion_map(model, pixels, 3, 64, 64, fill=fills)
    alone = [occlusion_map(model, one, 3, 64, 64, fill=fill)
             for one, fill in zip(pixels.split(1), fills.split(1), strict=True)]  # fmt: skip
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    for_all = occlusion_map(model, pixels, 3, 64, 64, fill=fills[:1])
    assert torch.allclose(for_all[0], together[0], atol=1e-6) and for_all[1].abs().max() < 1e-5
    mean = occlusion_map(model, pixels, 3, 64, 64, fill=model.mean)
    assert torch.equal(mean, occlusion_map(model, pixels, 3, 64, 64, fill="dataset"))


@pytest.mark.slow
def test_a_target_may_be_left_out_named_for_each_picture_or_be_a_unit_for_each():
    model, pixels = models.load("coursenet", device="cpu"), data.picturebook("test", 3).pixels
    own = model(pixels).argmax(dim=1)
    given = [None, own, own.tolist(), own.numpy(), [model.class_names[index] for index in own]]
    maps = [occlusion_map(model, pixels, target, 64, 64) for target in given]
    assert all(torch.equal(each, maps[0]) for each in maps)
    units = occlusion_map(model, pixels, [("relu3_2", 4), ("relu3_2", 9), ("relu5", 4)], 64, 64)
    alone = [occlusion_map(model, pixels[0:1], ("relu3_2", 4), 64, 64),
             occlusion_map(model, pixels[1:2], ("relu3_2", 9), 64, 64),
             occlusion_map(model, pixels[2:3], ("relu5", 4), 64, 64)]  # fmt: skip
    assert torch.allclose(units, torch.cat(alone), atol=1e-6)


def test_labels_fall_by_their_own_probability_and_values_by_themselves():
    """Score 2 = 3 · mean 0, so 3 · ⅛, and 0 where the red squares are covered."""
    plain = {"input_size": 4, "mean": (0.0, 0.0, 0.0), "std": (1.0, 1.0, 1.0)}
    several = torch.nn.Sequential(toy_nets.gap_linear_net(), torch.nn.Sigmoid())
    drop = occlusion_map(models.wrap(several, **plain), red_squares(), 2, 2, 2, fill="grey")
    assert torch.allclose(drop[0, 0, 0], torch.tensor(3 / 8).sigmoid() - 0.5, atol=1e-6)
    values = models.wrap(toy_nets.gap_linear_net(), scores="values", **plain)
    drop = occlusion_map(values, red_squares(), 2, 2, 2, fill="grey", measure="logit")
    assert torch.allclose(drop[0, 0, 0], torch.tensor(3 / 8))
    with pytest.raises(ValueError, match="no probabilities"):
        occlusion_map(values, red_squares(), 2, 2, 2)


def test_a_batch_is_its_pictures_one_by_one_each_with_a_class_of_its_own():
    model, drawn = models.load("coursenet", device="cpu"), data.picturebook("test", 3)
    labels = torch.tensor([model.class_index(drawn.class_names[label]) for label in drawn.labels])
    together = occlusion_map(model, drawn.pixels, labels, 32, 32, fill="picture")
    alone = [occlusion_map(model, one[None], int(label), 32, 32, fill="picture")
             for one, label in zip(drawn.pixels, labels, strict=True)]  # fmt: skip
    assert torch.allclose(together, torch.cat(alone), atol=1e-6)
    assert together.shape == (3, 4, 4) and together.amax(dim=(1, 2)).min() > 0


def test_units_and_functions_of_the_scores_are_targets_too():
    model, pixels = models.load("coursenet", device="cpu"), data.photo("chelsea", 96)
    difference = occlusion_map(model, pixels, lambda scores: scores[:, 3] - scores[:, 5], 32, 32)
    parts = [occlusion_map(model, pixels, index, 32, 32, measure="logit") for index in (3, 5)]
    assert torch.allclose(difference, parts[0] - parts[1], atol=1e-4)
    covered_corner = covered(pixels, cover_for(model, pixels), torch.tensor([[0, 0]]), 32)
    unit = occlusion_map(model, pixels, ("relu1", 4, 2, 2), 32, 32)
    assert unit[0, 2, 2] == 0, "a unit in the corner does not see a patch in the middle"
    score = occlusion.score_of(model, ("relu1", 4, 2, 2))
    assert torch.allclose(unit[0, 0, 0], (score(pixels) - score(covered_corner))[0])


def test_pictures_that_are_not_square_and_covers():
    model = models.load("coursenet", device="cpu")
    picture = data.photo("china", 128)[:, :, :96]
    assert occlusion_map(model, picture, 0, 32, 16).shape == (1, 5, 7)
    assert torch.equal(cover_for(model, picture, "dataset")[0, :, 3, 4], model.mean[0, :, 0, 0])
    assert torch.allclose(
        cover_for(model, picture, "picture")[0, :, 9, 9], picture.mean(dim=(2, 3))[0]
    )
    assert cover_for(model, picture, "blur").std() < picture.std()


@pytest.mark.slow
def test_one_run_of_the_squares_serves_every_class(monkeypatch):
    model, pixels = (
        models.load("coursenet", device="cpu"),
        data.picturebook("test", 2).pixels[..., :96],
    )
    scores = covered_scores(model, pixels, 32, 24, "grey")  # (2, rows, columns, classes)
    assert scores.shape == (2, 5, 4, 107)
    drop = occlusion_map(model, pixels, 9, 32, 24, "grey", "logit")
    assert torch.allclose(model(pixels)[:, 9, None, None] - scores[..., 9], drop, atol=1e-4)
    assert torch.allclose(
        scores[1, 4, 0],
        model(covered(pixels[1:], torch.full_like(pixels[1:], 0.5), torch.tensor([[96, 0]]), 32))[
            0
        ],
        atol=1e-4,
    )
    monkeypatch.setattr(occlusion, "_incremental", lambda model, picture: None)
    assert torch.allclose(scores, covered_scores(model, pixels, 32, 24, "grey"), atol=1e-4)


def test_each_drop_lies_in_the_middle_of_its_square_with_straight_lines_between():
    """Squares of 2 pixels begin at 0, 2, 4 and have their middles at 1, 3, 5; the last pixel is
    such a middle.
    """
    drops = torch.tensor([[[1.0], [4.0], [2.0]]])
    by_hand = torch.tensor(
        [0.9, 1, 2.5, 4, 3, 2]
    )  # a tenth less at the edge beyond the first middle
    assert torch.allclose(at_pixels(drops, 6, 2, 2, 2)[0, :, 1], by_hand)
    assert torch.allclose(at_pixels(drops.mT, 2, 6, 2, 2)[0, 1], by_hand)
    assert torch.allclose(at_pixels(drops, 6, 5, (2, 5), (2, 1))[0, :, 2], by_hand)


def test_the_largest_pixel_is_the_middle_of_the_worst_square_the_last_one_too():
    drops = torch.rand(
        40, 4, 5, generator=torch.Generator().manual_seed(0)
    )  # 0, 8, 16, 21 and 0, 8, …, 32
    tops, lefts = corners(31, 10, 8), corners(42, 10, 8)
    row, column = (
        place
        for place in divmod(at_pixels(drops, 31, 42, 10, 8).flatten(1).argmax(dim=1).numpy(), 42)
    )
    worst = drops.flatten(1).argmax(dim=1)
    assert row.tolist() == (tops[worst // 5] + 5).tolist()
    assert column.tolist() == (lefts[worst % 5] + 5).tolist()


def small_subject() -> tuple[models.PixelModel, torch.Tensor]:
    """A network for 8 x 8 pixels, and two pictures."""
    model = models.wrap(toy_nets.gap_linear_net(), input_size=8, **MEAN)
    return model, torch.rand(2, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize(
    "target", [None, [0, 2], ("conv1", 1, 2, 2), lambda scores: scores.sum(dim=1)]
)
def test_the_last_step_is_the_map_bit_for_bit_and_the_map_is_that_of_whole_passes(target):
    model, pixels = small_subject()
    settings = {"patch": (2, 3), "stride": (1, 2), "measure": "logit", "batch_size": 5}
    maps, shares = zip(*occlusion_steps(model, pixels, target, **settings), strict=True)
    assert torch.equal(maps[-1], occlusion_map(model, pixels, target, **settings))
    assert maps[0].shape == (2, 7, 4) and shares[-1] == 1  # 28 places in 6 batches a picture
    assert len(shares) == 12 and shares[5] == 0.5 and list(shares) == sorted(set(shares))
    places = torch.cartesian_prod(corners(8, 2, 1), corners(8, 3, 2))
    of_each = targets_of(target_for(model, target, pixels), 2)
    for picture, own, drops in zip(pixels.split(1), of_each, maps[-1], strict=True):
        score = score_of(model, own)
        after = score(covered(picture, cover_for(model, picture), places, (2, 3)))
        assert torch.allclose(drops.flatten(), score(picture) - after, atol=1e-5)


def test_patches_are_covered_coarse_to_fine_and_each_once(monkeypatch):
    model, pixels = small_subject()
    seen, cover = [], occlusion.covered

    def noted(picture, fill, positions, patch):
        seen.extend(map(tuple, positions.tolist()))
        return cover(picture, fill, positions, patch)

    monkeypatch.setattr(occlusion, "covered", noted)
    list(occlusion_steps(model, pixels[:1], ("conv1", 0), 2, 1))  # 7 x 7 places
    assert sorted(seen) == list(product(range(7), repeat=2))
    assert seen[0] == (0, 0)
    assert sorted(seen[:4]) == list(product((0, 4), repeat=2))
    assert sorted(seen[:16]) == list(product((0, 2, 4, 6), repeat=2))


def test_until_its_turn_a_patch_has_the_drop_of_a_coarser_one_and_a_picture_has_none():
    model, pixels = small_subject()
    how = {"patch": 2, "stride": 1, "measure": "logit", "batch_size": 1}
    maps = [drops for drops, _ in occlusion_steps(model, pixels, 1, **how)]
    first, second = maps[-1]
    assert len(first.unique()) == 49 and not maps[48][1].any()
    for done, apart in ((1, 8), (4, 4), (16, 2), (49, 1)):
        coarse = torch.arange(7) // apart * apart
        assert torch.equal(maps[done - 1][0], first[coarse][:, coarse])
        assert torch.equal(maps[49 + done - 1][1], second[coarse][:, coarse])


@pytest.mark.parametrize("target", [0, ("conv1", 1)])
def test_a_run_that_is_stopped_half_way_leaves_nothing_behind(target):
    model, pixels = small_subject()
    before = model(pixels)
    steps = occlusion_steps(
        model, pixels.requires_grad_(), target, 2, 1, measure="logit", batch_size=8
    )
    next(steps)
    assert torch.is_grad_enabled(), "between two steps gradients are the caller's matter"
    assert not next(steps)[0].requires_grad
    steps.close()
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())
    assert torch.is_grad_enabled() and torch.equal(model(pixels), before)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"patch": 200}, "patch is a whole number from 1 to 128, not 200"),
        ({"patch": 0}, "not 0"),
        ({"stride": 0}, "stride is a whole number from 1 to 32, not 0"),
        ({"stride": 33}, "not 33"),
        ({"fill": "gray"}, "Did you mean 'grey'"),
        ({"fill": (1.0, 2.0, 0.0)}, r"a colour of 3 numbers in \[0, 1\]"),
        ({"fill": (1.0, 0.0)}, "a colour of 3 numbers"),
        ({"fill": (0.5, float("nan"), 0.5)}, "a colour of 3 numbers"),
        ({"fill": torch.rand(1, 3, 64, 64)}, r"a picture as large as .* not a tensor \(1, 3, 64"),
        ({"fill": torch.rand(2, 3, 128, 128)}, r"not a tensor \(2, 3, 128, 128\)"),
        ({"fill": torch.full((1, 3, 128, 128), 9.0)}, r"\[0, 1\]"),
        ({"patch": (32, 200)}, "patch is a whole number from 1 to 128, not 200"),
        ({"patch": (32, 16, 8)}, r"\(down, across\), not \(32, 16, 8\)"),
        ({"stride": (16, 64)}, "stride is a whole number from 1 to 32, not 64"),
        ({"batch_size": 0}, "batch_size is a whole number from 1"),
        ({"measure": "score"}, "measure"),
        ({"target": "drawn owls"}, "Did you mean 'drawn owl'"),
        ({"target": 107}, "out of range"),
        ({"target": torch.tensor([1, 2])}, "1 pictures need as many classes"),
        ({"target": lambda scores: scores[:, :2]}, "one number per picture"),
    ],
)
def test_what_cannot_be_done_is_said(settings, words):
    model = models.load("coursenet", device="cpu")
    with pytest.raises(ValueError, match=words):
        occlusion_map(model, **{"pixels": data.photo("coffee", 128), "target": 0} | settings)


def test_a_network_that_cannot_be_traced_is_served_plainly_and_it_is_said():
    class Decides(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = toy_nets.gap_linear_net()

        def forward(self, values):
            return self.net(values) if values.mean() > -9 else self.net(-values)

    plain, odd = (
        models.wrap(net, input_size=4, **MEAN) for net in (toy_nets.gap_linear_net(), Decides())
    )
    with pytest.warns(UserWarning, match="cannot follow Decides"):
        answer = occlusion_map(odd, red_squares(), 0, 2, 2)
    assert torch.allclose(answer, occlusion_map(plain, red_squares(), 0, 2, 2))


def test_why_every_patch_takes_a_whole_pass_is_said_once_a_network():
    class Asks(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.net = toy_nets.gap_linear_net()

        def forward(self, values):
            return self.net(values) if values.shape[2] > 1 else values.mean(dim=(2, 3))

    model, another = (models.wrap(Asks(), input_size=4, **MEAN) for _ in range(2))
    pictures = red_squares().repeat(3, 1, 1, 1)
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        for _ in range(2):
            occlusion_map(model, pictures, 0, 2, 2)
            covered_scores(model, pictures, 2, 2)
        assert len(said) == 1 and "\n" not in str(said[0].message)
        assert str(said[0].message).endswith("Every patch takes a whole pass.")
        assert said[0].filename == __file__
        covered_scores(another, pictures, 2, 2)
    assert len(said) == 2 and said[1].filename == __file__


def test_a_network_for_pictures_that_are_not_square():
    network = torch.nn.Sequential(
        torch.nn.Conv2d(3, 4, 3),
        torch.nn.ReLU(),
        torch.nn.Flatten(),
        torch.nn.Linear(4 * 6 * 14, 3),
    )
    model = models.wrap(network, input_size=(8, 16))
    pixels = torch.rand(1, 3, 8, 16, generator=torch.Generator().manual_seed(0))
    drop = occlusion_map(model, pixels, 1, (4, 8), (4, 8), "grey", "logit")
    cover = torch.full_like(pixels, 0.5)
    after = model(covered(pixels, cover, torch.tensor([[0, 0], [0, 8], [4, 0], [4, 8]]), (4, 8)))
    assert torch.allclose(drop.flatten(), (model(pixels) - after)[:, 1], atol=1e-5)
