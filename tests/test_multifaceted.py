"""Lesson 09: groups of features, pictures of a group, and climbing in a generator's code."""

import math

import pytest
import torch
import toy_nets
from sklearn.metrics import adjusted_rand_score
from torch import nn

from cs231n_viz import checks, data, models
from cs231n_viz.networks import Generator
from cs231n_viz.optimize import Diverged
from cs231n_viz.techniques import multifaceted as mf

HEAPS = torch.tensor([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [9.0, 9.0], [10.0, 9.0]])


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def generator():
    return models.load_generator(device="cpu")


@pytest.fixture(scope="module")
def toy():
    return models.wrap(toy_nets.gap_linear_net(), input_size=16)


@pytest.fixture(scope="module")
def painter():
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Generator(5, widths=(4, 3, 3)).eval().requires_grad_(False)


def one_color(red, size=16):
    return torch.tensor([red, 0.5, 0.5]).view(1, 3, 1, 1).expand(1, 3, size, size).clone()


# --- groups ---


def test_the_response_is_the_maximum_over_positions_as_worked_by_hand(toy):
    assert mf.responses(toy, toy_nets.picture(), "relu1").tolist() == [[0.5, 0.5]]
    assert mf.responses(toy, toy_nets.picture(), "code")[0].tolist() == pytest.approx(
        [1.25 / 16, 5.25 / 16]
    )


def test_responses_do_not_depend_on_the_batches(model):
    pixels = data.picturebook("test", 5).pixels
    whole = mf.responses(model, pixels, "relu4_2")
    assert whole.shape == (5, 224)
    assert torch.allclose(whole, mf.responses(model, pixels, "relu4_2", batch_size=2), atol=1e-5)


def test_two_heaps_are_two_clusters_the_larger_first():
    found = mf.clusters(HEAPS, 2)
    assert found.members.tolist() == [0, 0, 0, 1, 1]
    assert torch.allclose(found.centers, torch.tensor([[1 / 3, 1 / 3], [9.5, 9.0]]))
    assert found.silhouette > 0.8


def test_the_clusters_depend_on_the_seed_alone():
    features = noise(40, 6)
    one, other = mf.clusters(features, 4, seed=3), mf.clusters(features, 4, seed=3)
    assert torch.equal(one.members, other.members)


def test_each_picture_is_in_the_cluster_of_the_nearest_centre():
    features = noise(50, 4)
    found = mf.clusters(features, 5)
    assert torch.equal(torch.cdist(features, found.centers).argmin(dim=1), found.members)
    sizes = found.members.bincount().tolist()
    assert sizes == sorted(sizes, reverse=True)


def test_one_cluster_has_no_silhouette_nor_have_as_many_as_pictures():
    for count in (1, 5):
        assert math.isnan(mf.clusters(HEAPS, count).silhouette)


def test_the_members_nearest_to_a_centre_come_nearest_first():
    found = mf.clusters(HEAPS, 2)
    chosen = mf.nearest_members(HEAPS, found, 0, 2)
    assert chosen.tolist() == [0, 1] or chosen.tolist()[0] == 0
    assert len(mf.nearest_members(HEAPS, found, 1, 9)) == 2


def test_purity_and_its_value_by_chance():
    members = torch.tensor([0, 0, 0, 1, 1])
    assert mf.purity(members, ["a", "a", "b", "b", "b"]) == 0.8
    assert mf.purity(torch.zeros(5, dtype=torch.long), ["a", "a", "b", "b", "b"]) == 0.6
    chance = mf.chance_purity(members, ["a", "a", "b", "b", "b"])
    assert 0.6 <= chance < 0.8
    # as many clusters as pictures are pure
    assert mf.chance_purity(torch.arange(5), list("aabbb")) == 1


def test_the_rand_index_is_that_of_scikit_learn_and_knows_no_names():
    members, truth = torch.tensor([0, 0, 1, 1, 2]), list("aabba")
    assert mf.rand_index(members, truth) == adjusted_rand_score(members.tolist(), truth)
    assert mf.rand_index(torch.tensor([1, 1, 0]), list("aab")) == 1


def test_what_varies_in_every_class_is_left_out():
    shared, own = noise(60, 1) * 5, torch.tensor([-1.0, 1.0]).repeat(30)[:, None]
    features = torch.cat([shared, own, noise(60, 98, seed=3) * 0.1], dim=1)
    others = torch.cat([noise(200, 1, seed=1) * 5, noise(200, 99, seed=2) * 0.1], dim=1)
    labels = torch.arange(200) % 4
    truth = own[:, 0].tolist()
    assert mf.rand_index(mf.clusters(features, 2).members, truth) < 0.2
    better = mf.distinctive(features, others, labels)
    assert better.shape == (60, 10)
    assert mf.rand_index(mf.clusters(better, 2).members, truth) == 1


def test_the_side_is_a_half_at_either_mean_and_zero_between():
    own, rest = noise(7, 4), noise(9, 4, seed=1) + 1
    border = mf.side(own, rest)
    means = torch.stack(
        [own.mean(dim=0), rest.mean(dim=0), (own.mean(dim=0) + rest.mean(dim=0)) / 2]
    )
    assert torch.allclose(border.of(means), torch.tensor([0.5, -0.5, 0.0]), atol=1e-5)
    nearer = torch.cdist(noise(30, 4, seed=2), means[:2]).argmin(dim=1) == 0
    assert torch.equal(border.of(noise(30, 4, seed=2)) > 0, nearer)


def test_on_sides_is_the_side_of_the_responses_and_stops_growing(toy):
    border = mf.side(torch.tensor([[0.5, 0.0]]), torch.tensor([[0.0, 0.5]]))
    pictures = torch.cat([one_color(1.0), one_color(0.0), one_color(0.5)])
    assert mf.on_sides(toy, "relu1", [border])(pictures).tolist() == pytest.approx([0.5, -0.5, 0.0])
    steep = mf.Side(border.middle, 100 * border.normal)
    assert mf.on_sides(toy, "relu1", [steep])(pictures).tolist() == pytest.approx([3, -50, 0])
    assert mf.on_sides(toy, "relu1", [border] * 3)(pictures).tolist() == pytest.approx(
        [0.5, -0.5, 0.0]
    )


# --- pictures ---


def test_a_picture_is_moved_until_its_weights_are_in_the_middle():
    pixels, weights = torch.zeros(2, 3, 9, 9), torch.zeros(2, 9, 9)
    for number, (row, column) in enumerate([(2, 6), (4, 4)]):
        pixels[number, :, row, column], weights[number, row, column] = 1, 1
    moved = mf.centered(pixels, weights)
    assert torch.allclose(moved[:, 0, 4, 4], torch.ones(2), atol=1e-4)
    assert torch.allclose(moved[1], pixels[1], atol=1e-4)


def test_weights_of_another_size_and_of_zero_will_do():
    pixels = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(mf.centered(pixels, torch.zeros(1, 8, 8)), pixels, atol=1e-5)
    assert mf.centered(pixels, torch.ones(1, 4, 4)).shape == pixels.shape


def test_the_mean_picture_keeps_its_mean_colour_and_doubles_its_contrast():
    low, high = one_color(0.4), one_color(0.6)
    low[:, :, :8], high[:, :, :8] = 0.5, 0.5
    mean = mf.mean_picture(torch.cat([low, high]))
    assert torch.allclose(mean, torch.full_like(mean, 0.5))
    half = torch.cat([one_color(0.4, 8), one_color(0.6, 8)], dim=3)
    assert mf.mean_picture(half)[0, 0, 0, [0, -1]].tolist() == pytest.approx([0.3, 0.7])
    assert mf.mean_picture(torch.cat([one_color(0.1, 8), one_color(0.9, 8)], dim=3)).min() == 0


def test_a_facet_image_climbs_and_hardly_changes_the_edge(model):
    start = one_color(0.5, 64)
    steps = list(mf.facet_image_steps(model, "drawn tree", start, steps=8))
    assert [step.index for step in steps] == list(range(8))
    assert steps[-1].value > steps[0].value
    assert steps[-1].image.min() >= 0 and steps[-1].image.max() <= 1
    change = (steps[-1].image - start).abs().amax(dim=1)[0]
    assert 10 * change[0, 0] < change[28:36, 28:36].max() > 0.02


def test_the_side_that_is_asked_for_is_the_side_that_is_reached(model):
    rows = mf.responses(model, data.picturebook("test", 24).pixels, "relu4_2")
    border = mf.side(rows[12:], rows[:12])  # the other side is where the score alone leads
    facing = mf.on_sides(model, "relu4_2", [border])
    start = one_color(0.5, 64)
    with_it = mf.facet_image(model, 3, start, facing, steps=10, weight=30)
    without = mf.facet_image(model, 3, start, steps=10)
    assert facing(with_it) > facing(without)


def test_a_batch_of_facet_images_is_its_pictures_one_by_one(model):
    starts, targets = data.picturebook("test", 2).pixels[:, :, 32:96, 32:96], torch.tensor([3, 9])
    together = mf.facet_image(model, targets, starts, steps=3)
    alone = [
        mf.facet_image(model, int(one), start[None], steps=3)
        for one, start in zip(targets, starts, strict=True)
    ]
    # Adam's first steps make rounding errors visible
    assert (together - torch.cat(alone)).abs().mean() < 2e-3


def test_equal_seeds_give_equal_pictures_and_nothing_else_changes(model):
    start, state = one_color(0.5, 48), torch.get_rng_state()
    before = start.clone()
    pictures = [mf.facet_image(model, 3, start, steps=3, seed=seed) for seed in (1, 1, 2)]
    assert torch.equal(pictures[0], pictures[1]) and not torch.equal(pictures[0], pictures[2])
    assert torch.equal(start, before) and torch.equal(state, torch.get_rng_state())
    assert all(weight.grad is None for weight in model.parameters())


# --- codes ---


def test_a_walk_in_code_climbs_and_stays_between_zero_and_its_bounds(model, generator):
    codes = mf.responses(model, data.picturebook("test", 16).pixels, "code")
    bounds = mf.code_bounds(codes)
    seen = []
    model_of = generator.register_forward_pre_hook(
        lambda module, given: seen.append(given[0].detach().clone())
    )
    steps = list(
        mf.code_image_steps(model, generator, "drawn owl", codes[:1], bounds, steps=8, rate=0.05)
    )
    model_of.remove()
    assert steps[-1].value > steps[0].value and steps[-1].image.shape == (1, 3, 128, 128)
    assert all((code >= 0).all() and (code <= bounds + 1e-6).all() for code in seen)


def test_one_step_in_code_is_the_formula(toy, painter):
    start = noise(1, 5).abs()
    code = start.clone().requires_grad_()
    picture = painter(code)
    assert picture.shape == (1, 3, 16, 16)
    seen = []
    hook = painter.register_forward_pre_hook(
        lambda module, given: seen.append(given[0].detach().clone())
    )
    mf.code_image(toy, painter, 0, start, torch.full((5,), 0.9), steps=1, rate=0.2, decay=0.1)
    hook.remove()
    disturb = mf._disturbances(16, 0)
    (gradient,) = torch.autograd.grad(toy(disturb(picture))[:, 0].sum(), code)
    expected = (0.9 * (start + 0.2 * gradient / gradient.abs().mean())).clamp(0, 0.9)
    assert torch.allclose(seen[-1], expected, atol=1e-4)


def test_the_rate_falls_in_a_straight_line():
    direction = mf._falling(1.0, 4)
    sizes = [float(direction(torch.ones(1, 3), torch.zeros(1, 3)).mean()) for _ in range(4)]
    assert sizes == pytest.approx([1.0, 0.75, 0.5, 0.25])


def test_bounds_are_the_maximum_of_each_number():
    codes = torch.arange(11.0)[:, None] * torch.tensor([1.0, 2.0])
    assert mf.code_bounds(codes).tolist() == [10, 20]


def test_the_way_between_two_is_straight_and_begins_and_ends_at_them():
    first, second = noise(1, 4), noise(1, 4, seed=1)
    way = mf.interpolate(first, second, torch.tensor([0.0, 0.25, 1.0]))
    assert torch.allclose(way[[0, 2]], torch.cat([first, second]))
    assert torch.allclose(way[1], (0.75 * first + 0.25 * second)[0])
    pictures = mf.interpolate(torch.zeros(1, 3, 2, 2), torch.ones(1, 3, 2, 2), torch.tensor([0.5]))
    assert pictures.shape == (1, 3, 2, 2) and (pictures == 0.5).all()


def test_a_picture_of_the_generator_is_brought_to_the_networks_own_size(painter):
    network = models.wrap(toy_nets.gap_linear_net(), input_size=24)
    picture = mf.code_image(network, painter, 0, noise(2, 5).abs(), steps=2)
    assert picture.shape == (2, 3, 16, 16)


# --- what is given ---


@pytest.mark.parametrize("k", [0, -1, 6])
def test_as_many_clusters_as_pictures_and_at_least_one(k):
    with pytest.raises(ValueError, match=f"clusters is a whole number from 1 to 5, not {k}"):
        mf.clusters(HEAPS, k)


def test_features_with_holes_are_refused():
    holed = HEAPS.clone()
    holed[3, 0] = torch.nan
    for call in (
        lambda: mf.clusters(holed, 2),
        lambda: mf.side(holed, HEAPS),
        lambda: mf.code_bounds(holed),
    ):
        with pytest.raises(ValueError, match=r"those of pictures \[3\] are not"):
            call()
    with pytest.raises(ValueError, match="one row per picture"):
        mf.clusters(HEAPS[0], 1)
    with pytest.raises(ValueError, match="one row per picture"):
        mf.clusters(HEAPS[:0], 1)


def test_words_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match="5 pictures need as many true labels"):
        mf.purity(torch.zeros(5), ["a"])
    with pytest.raises(ValueError, match="cluster is a whole number from 0 to 1, not 2"):
        mf.nearest_members(HEAPS, mf.clusters(HEAPS, 2), 2)
    with pytest.raises(ValueError, match="same mean"):
        mf.side(HEAPS, HEAPS)
    with pytest.raises(ValueError, match="5 pictures need 5 labels"):
        mf.distinctive(HEAPS, HEAPS, torch.zeros(3))
    with pytest.raises(ValueError, match=r"the shape \(N, 2\), one row per picture"):
        mf.distinctive(HEAPS, noise(5, 3), torch.zeros(5))


def test_an_unknown_class_or_layer_is_said_before_the_walk(model):
    start = one_color(0.5, 32)
    with pytest.raises(ValueError, match="drawn tree"):
        mf.facet_image(model, "drawn tre", start, steps=1)
    with pytest.raises(ValueError, match="relu4_2"):
        mf.on_sides(model, "relu4_3", [])
    with pytest.raises(ValueError, match="relu4_2"):
        mf.responses(model, start, "relu4_3")


def test_a_start_that_is_no_picture_is_refused(model):
    for bad in (one_color(0.5, 32)[0], one_color(0.5, 32) * 255, one_color(0.5, 32) * torch.nan):
        with pytest.raises(ValueError, match="pixels"):
            mf.facet_image(model, 3, bad, steps=1)
    with pytest.raises(ValueError, match="as many classes"):
        mf.facet_image(model, torch.tensor([1, 2]), one_color(0.5, 32), steps=1)
    with pytest.raises(ValueError, match="steps is a whole number from 1 up"):
        mf.facet_image(model, 3, one_color(0.5, 32), steps=0)
    with pytest.raises(ValueError, match="rate is a number above 0"):
        mf.facet_image(model, 3, one_color(0.5, 32), rate=0)


def test_weights_that_fit_no_picture_are_refused():
    with pytest.raises(ValueError, match=r"weights are \(1, h, w\)"):
        mf.centered(one_color(0.5), torch.ones(2, 16, 16))
    with pytest.raises(ValueError, match="0 or more"):
        mf.centered(one_color(0.5), -torch.ones(1, 16, 16))


def test_a_code_of_another_network_is_refused(model, generator):
    with pytest.raises(ValueError, match="codes of 352 numbers, yours have 256"):
        mf.code_image(model, generator, 3, torch.zeros(1, 256), steps=1)
    with pytest.raises(ValueError, match="finite numbers"):
        mf.code_image(model, generator, 3, torch.full((1, 352), torch.nan), steps=1)
    with pytest.raises(ValueError, match=r"bounds are \(352,\)"):
        mf.code_image(model, generator, 3, torch.zeros(1, 352), torch.ones(3), steps=1)
    with pytest.raises(ValueError, match="decay"):
        mf.code_image(model, generator, 3, torch.zeros(1, 352), decay=1.5, steps=1)
    with pytest.raises(ValueError, match="two of one shape"):
        mf.interpolate(torch.zeros(1, 3), torch.zeros(1, 4), torch.zeros(2))


def test_a_generator_that_paints_nan_is_said_at_its_step_and_the_last_good_picture_kept(toy):
    class Breaks(nn.Module):
        count = 0

        def forward(self, code):
            Breaks.count += 1
            picture = code.sum(dim=1).sigmoid().view(-1, 1, 1, 1).expand(-1, 3, 16, 16)
            return picture / 0 if Breaks.count > 3 else picture

    with pytest.raises(Diverged, match="step 2") as caught:
        list(
            mf.code_image_steps(
                toy, Breaks(), lambda scores: scores[:, 0], noise(1, 5).abs(), steps=9
            )
        )
    assert caught.value.last_step.index == 1


# --- the exercises ---


def step(code, gradient, rate, decay, bounds):
    return (
        ((1 - decay) * (code + rate * gradient / gradient.abs().mean()))
        .clamp(min=0)
        .minimum(bounds)
    )


def moved(features, centers):
    nearest = torch.cdist(features, centers).argmin(dim=1)
    return torch.stack(
        [
            features[nearest == j].mean(0) if (nearest == j).any() else c
            for j, c in enumerate(centers)
        ]
    )


def lies(features, own, rest):
    gap = own - rest
    return (features - (own + rest) / 2) @ gap / (gap @ gap)


@pytest.mark.parametrize(
    "check, right",
    [(checks.code_step, step), (checks.kmeans_step, moved), (checks.facet_side, lies)],
)
def test_the_checks_accept_what_is_right_and_wait_for_it(check, right, capsys):
    check(right)
    assert capsys.readouterr().out.startswith("right")
    check(lambda *given: None)
    assert capsys.readouterr().out.startswith("not yet")


@pytest.mark.parametrize(
    "check, wrong, said",
    [
        (checks.facet_side, lambda x, a, b: -lies(x, a, b), "turned round"),
        (checks.facet_side, lambda x, a, b: (x - (a + b) / 2) @ (a - b), "divide by"),
        (
            checks.facet_side,
            lambda x, a, b: (x - a) @ (a - b) / ((a - b) @ (a - b)) + 0 * lies(x, a, b),
            "from",
        ),
        (checks.kmeans_step, lambda x, c: c, "old centres"),
        (checks.kmeans_step, lambda x, c: moved(x, c).flip(0), "order"),
        (checks.code_step, lambda c, g, r, d, b: step(c, -g, r, d, b), "downhill"),
        (checks.code_step, lambda c, g, r, d, b: step(c, g, r, 0, b), "decay is missing"),
        (
            checks.code_step,
            lambda c, g, r, d, b: (1 - d) * (c + r * g / g.abs().mean()),
            "between 0",
        ),
    ],
)
def test_the_checks_name_the_mistake(check, wrong, said, capsys):
    check(wrong)
    out = capsys.readouterr().out
    assert out.startswith("not yet") and said in out


def test_an_empty_cluster_keeps_its_centre_in_the_check(capsys):
    def careless(features, centers):
        nearest = torch.cdist(features, centers).argmin(dim=1)
        return torch.stack([features[nearest == j].mean(0) for j in range(len(centers))])

    checks.kmeans_step(careless)
    assert "stays where it is" in capsys.readouterr().out


def test_a_generator_for_another_coursenet_is_refused(monkeypatch):
    listed = models._checksums()
    monkeypatch.setattr(models, "_checksums", lambda: listed | {"coursenet": "0" * 64})
    with pytest.raises(ValueError, match="another coursenet"):
        models.load_generator()


def test_groupings_may_be_tensors_arrays_or_lists():
    members, truth = torch.tensor([0, 0, 1, 1]), torch.tensor([5, 5, 5, 7])
    for known in (truth, truth.numpy(), truth.tolist(), list(truth), list("aaab")):
        assert mf.purity(members, known) == 3 / 4
        assert mf.chance_purity(members, known) == mf.chance_purity(members, truth.tolist())
        assert mf.rand_index(members, known) == mf.rand_index(members, truth.tolist())


def test_labels_of_any_whole_numbers_and_features_of_any_precision_will_do():
    others, labels = noise(12, 4, seed=1), torch.arange(12) % 3
    wanted = mf.distinctive(HEAPS[:, :1].expand(-1, 4) + 0.0, others, labels)
    for given in (labels.tolist(), labels.to(torch.uint8), labels.numpy()):
        assert torch.equal(mf.distinctive(HEAPS[:, :1].expand(-1, 4) + 0.0, others, given), wanted)
    with pytest.raises(ValueError, match="whole numbers"):
        mf.distinctive(others, others, labels.float())
    assert (
        mf.clusters(HEAPS.bfloat16(), 2).members.tolist() == mf.clusters(HEAPS, 2).members.tolist()
    )


def test_facets_and_codes_of_the_networks_own_answer(model, generator):
    start = data.photo("coffee", 64)
    own = int(model(start).argmax())
    given = {"steps": 1, "seed": 1}
    made = mf.facet_image(model, None, start, **given)
    assert torch.equal(made, mf.facet_image(model, own, start, **given))
    codes = torch.rand(1, 352, generator=torch.Generator().manual_seed(0))
    own = int(model(generator(codes)).argmax())
    made = mf.code_image(model, generator, None, codes, **given)
    assert torch.equal(made, mf.code_image(model, generator, [own], codes, **given))
