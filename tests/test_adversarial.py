"""Attacks: by hand on a linear model, never out of the ball, and against torchattacks."""

import math
import warnings

import pytest
import torch
from torch import nn

from cs231n_viz import data, models
from cs231n_viz.techniques import adversarial
from workshop.measure import attacks

RADII = [1e-4, 0.5 / 255, 1 / 255, 0.1, 8 / 255, 1 / 3, 1.0]


def linear(weights, bias=(0.0, 0.0)):
    """A network whose scores are weights @ pixels + bias: (classes, 3, 2, 2)."""
    layer = nn.Linear(12, len(weights))
    with torch.no_grad():
        layer.weight.copy_(weights.flatten(1))
        layer.bias.copy_(torch.tensor(bias))
    return models.wrap(nn.Sequential(nn.Flatten(), layer), input_size=2)


def weights(seed=0, classes=2):
    return torch.randn(classes, 3, 2, 2, generator=torch.Generator().manual_seed(seed))


def pictures(count=4, side=2, seed=1):
    """Random pictures, many of whose values lie on the border of the range."""
    pixels = torch.rand(count, 3, side, side, generator=torch.Generator().manual_seed(seed))
    return (1.6 * pixels - 0.3).clamp(0, 1)


def grey(count=1):
    return torch.full((count, 3, 2, 2), 0.5)


def margin(model, pixels, away_from):
    scores = model(pixels)
    others = scores.clone()
    others[range(len(pixels)), away_from] = -math.inf
    return others.amax(dim=1) - scores[range(len(pixels)), away_from]


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


@pytest.fixture(scope="module")
def drawn(coursenet):
    some = data.picturebook("test", 8)
    return some.pixels, torch.tensor(
        [coursenet.class_index(some.class_names[label]) for label in some.labels]
    )


@pytest.fixture(scope="module")
def small():
    """A small curved network: 4 pixels square, 3 classes."""
    layers = [nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 16, 3)]
    network, generator = nn.Sequential(*layers), torch.Generator().manual_seed(5)
    with torch.no_grad():
        for weight in network.parameters():
            weight.copy_(torch.randn(weight.shape, generator=generator) * 0.5)
    return models.wrap(network, input_size=4)


# --- by hand --------------------------------------------------------------------------------------


def test_on_a_linear_model_the_best_change_is_the_radius_times_the_sign_of_the_weights():
    model, w, radius = linear(weights()), weights(), 0.1
    label = int(model(grey()).argmax())
    toward_the_other = (w[1 - label] - w[label]).sign()
    by_hand = grey() + radius * toward_the_other
    for made in (
        adversarial.fgsm(model, grey(), radius=radius),
        adversarial.pgd(model, grey(), radius=radius),
        adversarial.fool(model, grey(), radius=radius, lead=100.0),
    ):
        assert torch.allclose(made, by_hand, atol=1e-6)
    gained = margin(model, by_hand, [label]) - margin(model, grey(), [label])
    assert gained.item() == pytest.approx(radius * float((w[0] - w[1]).abs().sum()), rel=1e-5)


def test_on_a_linear_model_the_best_change_of_a_length_is_along_the_weights():
    model, w, radius = linear(weights(2)), weights(2), 0.3
    label = int(model(grey()).argmax())
    gradient = w[1 - label] - w[label]
    made = adversarial.pgd(model, grey(), radius=radius, norm="l2", steps=3, rate=radius, seed=None)
    assert torch.allclose(made, grey() + radius * gradient / gradient.norm(), atol=1e-5)


def test_the_projection_onto_the_euclidean_ball_by_hand():
    center = torch.full((1, 1, 1, 2), 0.5)
    far = torch.tensor([[[[0.8, 0.9]]]])  # a change of (0.3, 0.4), of length 0.5
    near = torch.tensor([[[[0.5, 0.6]]]])
    into = adversarial.ball(center, 0.25, "l2")
    assert torch.allclose(into(far), torch.tensor([[[[0.65, 0.7]]]]), atol=1e-6)
    assert torch.equal(into(near), near)
    low = torch.full((1, 1, 1, 2), 0.1)
    # (−0.3, −0.4) about 0.1, of length 0.5: half of it leaves the range
    outside = torch.tensor([[[[-0.2, -0.3]]]])
    inside = adversarial.ball(low, 0.25, "l2")(outside)
    assert torch.allclose(inside, torch.zeros(1, 1, 1, 2), atol=1e-6)


def test_fgsm_is_one_step_of_pgd(coursenet, drawn):
    pixels, labels = drawn[0][:2], drawn[1][:2]
    one = adversarial.pgd(
        coursenet, pixels, radius=0.02, away_from=labels, steps=1, rate=0.02, seed=None
    )
    assert torch.equal(one, adversarial.fgsm(coursenet, pixels, radius=0.02, away_from=labels))


def test_a_larger_rate_than_the_radius_is_brought_back():
    model = linear(weights())
    near, far = (
        adversarial.pgd(model, grey(), radius=0.1, steps=1, rate=rate, seed=None)
        for rate in (0.1, 5.0)
    )
    assert torch.allclose(near, far, atol=1e-6)


def test_the_margin_that_steps_report_is_the_one_by_hand(small):
    pixels = pictures(3, side=4)
    away = small(pixels).argmax(dim=1)
    first = next(adversarial.fool_steps(small, pixels, radius=0.1))
    assert torch.allclose(first.value, margin(small, pixels, away))
    others = (away + 1) % 3
    first = next(adversarial.fool_steps(small, pixels, others, radius=0.1))
    assert torch.allclose(first.value, -margin(small, pixels, others))


# --- never out of the ball ------------------------------------------------------------------------


def assert_inside(made, pixels, radius, norm):
    """Exactly, in double precision and in the precision of the pictures."""
    assert made.min() >= 0 and made.max() <= 1
    for one, other in ((made, pixels), (made.double(), pixels.double())):
        change = (one - other).flatten(1)
        size = change.abs().amax(dim=1) if norm == "inf" else change.norm(dim=1)
        assert size.max().item() <= radius


@pytest.mark.slow
@pytest.mark.parametrize("norm", ["inf", "l2"])
@pytest.mark.parametrize("radius", RADII)
def test_no_attack_leaves_the_ball_or_the_range(small, radius, norm):
    for seed in range(3):
        pixels = pictures(5, side=4, seed=seed)
        targets = (small(pixels).argmax(dim=1) + 1) % 3
        for where in ({"target": targets}, {}):
            for step in adversarial.pgd_steps(
                small, pixels, radius=radius, norm=norm, steps=4, seed=seed, **where
            ):
                assert_inside(step.image, pixels, radius, norm)
            for step in adversarial.fool_steps(
                small, pixels, radius=radius, norm=norm, steps=6, lead=9, **where
            ):
                assert_inside(step.image, pixels, radius, norm)
            assert_inside(
                adversarial.fgsm(small, pixels, radius=radius, norm=norm, **where),
                pixels,
                radius,
                norm,
            )
        assert_inside(adversarial.random_change(pixels, radius, norm, seed), pixels, radius, norm)
        if norm == "inf":
            for step in adversarial.query_attack_steps(
                small, pixels, radius=radius, queries=8, seed=seed
            ):
                assert_inside(step.image, pixels, radius, norm)
            change = adversarial.universal(
                small, pixels, radius=radius, steps=4, batch_size=2, seed=seed
            )
            assert change.abs().max().item() <= radius
    zero = torch.zeros(1, 3, 4, 4)
    assert_inside(adversarial.fgsm(small, zero, radius=radius, norm=norm), zero, radius, norm)


@pytest.mark.parametrize("norm", ["inf", "l2"])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_a_thousand_random_pictures_are_brought_into_the_ball_exactly(norm, dtype):
    generator = torch.Generator().manual_seed(3)
    for radius in RADII:
        center = torch.rand(200, 3, 12, 12, generator=generator, dtype=dtype)
        far = center + 3 * torch.randn(200, 3, 12, 12, generator=generator, dtype=dtype)
        inside = adversarial.ball(center, radius, norm)(far)
        assert_inside(inside, center, radius, norm)
        if norm == "inf":
            reached = (inside - center).abs().amax(dim=(1, 2, 3))
            assert (reached >= min(radius, 0.9) - 1e-3).all()


# --- what is promised -----------------------------------------------------------------------------


@pytest.mark.slow
def test_it_fools_and_stops_as_soon_as_all_are_fooled(coursenet, drawn):
    pixels, labels = drawn
    steps = list(adversarial.fool_steps(coursenet, pixels, radius=8 / 255, away_from=labels))
    assert len(steps) < 100 and (steps[-1].value > 0).all() and not (steps[-2].value > 0).all()
    assert (coursenet(steps[-1].image).argmax(dim=1) != labels).all()
    moved = (steps[-1].image - pixels).abs().amax(dim=(1, 2, 3))
    assert moved.min() < moved.max() <= 8 / 255  # each stands still when it is fooled


@pytest.mark.slow
def test_targeted_pictures_are_predicted_as_their_targets(coursenet, drawn):
    pixels = drawn[0][:3]
    targets = torch.tensor(
        [coursenet.class_index(name) for name in ("drawn teapot", "drawn owl", "ant")]
    )
    predictions = coursenet(pixels).argmax(dim=1)
    targets = torch.where(targets == predictions, (targets + 1) % 107, targets)
    made = adversarial.fool(coursenet, pixels, targets, 8 / 255)
    assert torch.equal(coursenet(made).argmax(dim=1), targets)
    sure = adversarial.fool(coursenet, pixels[:1], targets[:1], 8 / 255, lead=3.0)
    first, second = coursenet(sure).topk(2).values[0]
    assert first - second > 3


@pytest.mark.slow
def test_a_picture_that_is_wrong_already_is_counted_as_it_is_and_not_touched(coursenet, drawn):
    pixels, labels = drawn[0][:2], drawn[1][:2].clone()
    labels[1] = (int(coursenet(pixels[1:]).argmax()) + 1) % 107
    for attack in (adversarial.pgd, adversarial.fgsm, adversarial.fool):
        made = attack(coursenet, pixels, radius=4 / 255, away_from=labels)
        assert torch.equal(made[1], pixels[1]) and not torch.equal(made[0], pixels[0])
    steps = list(adversarial.query_attack_steps(coursenet, pixels, away_from=labels, queries=3))
    assert torch.equal(steps[-1].image[1], pixels[1]) and steps[-1].queries.tolist() == [3, 1]


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_a_batch_is_its_pictures_one_by_one(small, norm):
    pixels = pictures(5, side=4)
    for attack in (adversarial.pgd, adversarial.fool):
        together = attack(small, pixels, radius=0.2, norm=norm, steps=7)
        alone = torch.cat(
            [attack(small, one[None], radius=0.2, norm=norm, steps=7) for one in pixels]
        )
        in_parts = attack(small, pixels, radius=0.2, norm=norm, steps=7, batch_size=2)
        assert torch.allclose(together, alone, atol=1e-5) and torch.allclose(
            together, in_parts, atol=1e-5
        )
    together = adversarial.query_attack(small, pixels, radius=0.2, queries=9)
    alone = torch.cat(
        [adversarial.query_attack(small, one[None], radius=0.2, queries=9) for one in pixels]
    )
    assert torch.allclose(together, alone, atol=1e-6)


def test_a_seed_is_a_start_and_the_global_random_numbers_stay(small):
    pixels, state = pictures(2, side=4), torch.get_rng_state()
    runs = [
        adversarial.pgd(small, pixels, radius=0.2, steps=1, rate=1e-3, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert torch.equal(runs[0], runs[1]) and not torch.equal(runs[0], runs[2])
    queried = [
        adversarial.query_attack(small, pixels, radius=0.1, queries=5, seed=seed)
        for seed in (1, 1, 2)
    ]
    assert torch.equal(queried[0], queried[1]) and not torch.equal(queried[0], queried[2])
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
def test_more_steps_raise_the_loss_more_than_one_and_chance_hardly(coursenet, drawn):
    pixels, labels = drawn
    settings = {"radius": 2 / 255, "away_from": labels}
    losses = [
        float(torch.nn.functional.cross_entropy(coursenet(made), labels))
        for made in (
            pixels,
            adversarial.random_change(pixels, 2 / 255),
            adversarial.fgsm(coursenet, pixels, **settings),
            adversarial.pgd(coursenet, pixels, steps=10, **settings),
        )
    ]
    clean, chance, one_step, many_steps = losses
    assert abs(chance - clean) < 0.25 * (one_step - clean) and one_step < many_steps


# --- queries, one change for all, from network to network -----------------------------------------


class Counting(nn.Module):
    """Counts the pictures of a network's queries, and forbids to ask for a gradient."""

    def __init__(self, model):
        super().__init__()
        self.model, self.count = model, 0
        self.channels, self.class_names = model.channels, model.class_names
        self.check, self.class_index = model.check, model.class_index

    def forward(self, pixels):
        assert not pixels.requires_grad and not torch.is_grad_enabled()
        self.count += len(pixels)
        return self.model(pixels)


def test_queries_are_counted_and_no_gradient_is_asked_for(small):
    counting, pixels = Counting(small), pictures(6, side=4)
    end = list(adversarial.query_attack_steps(counting, pixels, radius=0.15, queries=60))[-1]
    looked_for_the_class_to_leave = len(pixels)
    assert counting.count - looked_for_the_class_to_leave == int(end.queries.sum()) < 6 * 60
    fooled = end.value > 0
    assert fooled.any() and torch.equal(
        small(end.image).argmax(1) != small(pixels).argmax(1), fooled
    )
    assert (end.queries[fooled] < 60).any() and (end.queries[~fooled] == 60).all()


def test_no_query_makes_it_worse(small):
    pixels, before = pictures(6, side=4), None
    for step in adversarial.query_attack_steps(small, pixels, radius=0.05, queries=40):
        assert before is None or (step.value >= before).all()
        before = step.value
    assert torch.allclose(margin(small, step.image, small(pixels).argmax(1)), before, atol=1e-5)


def test_the_change_for_all_pictures_is_one_and_fools_more_than_chance():
    """Scores are weights @ pixels: the best change for all pictures is ± radius · sign(w)."""
    model, w = linear(weights(3)), weights(3)
    many = torch.rand(64, 3, 2, 2, generator=torch.Generator().manual_seed(4)) * 0.6 + 0.2
    many = many[model(many).argmax(dim=1) == 0]
    change = adversarial.universal(model, many, radius=0.2, steps=10, batch_size=8)
    fooled = (model(many + change).argmax(dim=1) == 1).float().mean()
    at_random = (model(adversarial.random_change(many, 0.2)).argmax(dim=1) == 1).float().mean()
    assert change.shape == (1, 3, 2, 2) and fooled > at_random
    assert torch.allclose(change, 0.2 * (w[1] - w[0]).sign()[None], atol=1e-6)


def test_the_transfer_matrix_by_hand():
    """Two networks that look at different values: what is made for one leaves the other alone."""
    first, second = torch.zeros(2, 3, 2, 2), torch.zeros(2, 3, 2, 2)
    first[0, 0], first[1, 0] = 1, -1  # red above a half
    second[0, 1], second[1, 1] = 1, -1  # green above a half
    networks = {"red": linear(first, (-1.95, 1.95)), "green": linear(second, (-1.95, 1.95))}
    pixels = grey(4)
    pixels[3, 0] = 0.1  # the first network is wrong here
    table = attacks.transfer_matrix(
        networks, pixels, torch.zeros(4, dtype=torch.long), radius=0.1, seed=None
    )
    assert table.names == ["red", "green"]
    assert table.clean.tolist() == [0.75, 1.0] and table.counts.tolist() == [[3, 3], [3, 4]]
    assert table.fooled.tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_a_network_of_restricted_classes_has_the_scores_of_these_only(coursenet, drawn):
    names = ["drawn owl", "ant"]
    restricted = adversarial.RestrictedClasses(coursenet, names)
    expected = coursenet(drawn[0])[:, [coursenet.class_index(name) for name in names]]
    assert torch.equal(restricted(drawn[0]), expected)
    assert restricted.class_index("ant") == restricted.class_index(1) == 1
    with pytest.raises(ValueError, match="unknown class"):
        restricted.class_index("tiger")
    with pytest.raises(ValueError, match="unknown class"):
        adversarial.RestrictedClasses(coursenet, ["drawn owll"])
    with pytest.raises(ValueError, match="RestrictedClasses"):
        attacks.transfer_matrix({"a": coursenet, "b": restricted}, *drawn)


# --- masked gradients -----------------------------------------------------------------------------


class Rounded(nn.Module):
    """A "defence": the picture in 8 levels before the network: no gradient is left."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, pixels):
        return self.model((pixels * 7).round() / 7)


def test_a_gradient_that_is_exactly_zero_is_said(coursenet, drawn):
    pixels = drawn[0][:2]
    flat = models.wrap(Rounded(coursenet), class_names=coursenet.class_names, input_size=128)
    for attack in (adversarial.pgd, adversarial.fool):
        settings = {"seed": None} if attack is adversarial.pgd else {}
        with pytest.warns(adversarial.GradientMasked, match="2 of 2 pictures is exactly zero"):
            assert torch.equal(attack(flat, pixels, steps=1, **settings), pixels)


def test_the_margin_has_a_gradient_where_the_probability_has_none():
    model = linear(1e4 * weights())
    with pytest.warns(adversarial.GradientMasked, match="margin"):
        stuck = adversarial.pgd(model, grey(), radius=0.3, seed=None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        fooled = adversarial.pgd(model, grey(), radius=0.3, seed=None, loss="margin")
    assert torch.equal(stuck, grey()) and model(fooled).argmax() != model(grey()).argmax()


def test_very_small_gradients_are_not_lost_in_euclidean_length():
    model = linear(1e-25 * weights())
    made = adversarial.pgd(model, grey(), radius=0.3, norm="l2", seed=None, loss="margin", steps=2)
    assert float((made - grey()).norm()) == pytest.approx(0.3, rel=1e-4)


# --- how large a change has to be -----------------------------------------------------------------


def needed(model, pixels, w):
    """On a linear model the gap between the scores shrinks by radius · Σ|w₁ − w₀| at most."""
    scores = model(pixels)
    return (scores[:, 0] - scores[:, 1]).abs() / (w[0] - w[1]).abs().sum()


def test_the_least_change_on_a_linear_model_is_the_gap_over_the_norm_of_the_weights():
    w, middle = weights(), 0.3 + 0.4 * torch.rand(3, 3, 2, 2, generator=torch.Generator())
    model, radius = linear(w), needed(linear(w), middle, w)
    found = adversarial.least_change(model, middle, largest=0.3, seed=None)
    step = 0.3 / 256
    assert (found.radius >= radius - 1e-6).all() and (found.radius <= radius + 1.1 * step).all()
    assert torch.equal(model(found.image).argmax(dim=1), 1 - model(middle).argmax(dim=1))
    assert ((found.image - middle).abs().flatten(1).amax(dim=1) <= found.radius + 1e-6).all()
    alone = adversarial.least_change(model, middle[1:2], largest=0.3, seed=None)
    assert torch.equal(alone.image, found.image[1:2]) and alone.radius == found.radius[1]


def test_what_is_fooled_already_needs_nothing_and_what_never_is_has_no_radius():
    model, pixels = linear(weights()), grey(2)
    own = int(model(pixels)[0].argmax())
    none = adversarial.least_change(model, pixels, largest=1e-6)
    assert none.radius.tolist() == [math.inf] * 2 and torch.equal(none.image, pixels)
    wrong = adversarial.least_change(model, pixels, away_from=1 - own)
    assert wrong.radius.tolist() == [0, 0] and torch.equal(wrong.image, pixels)
    mixed = torch.cat([pixels[:1], adversarial.pgd(model, pixels[:1], radius=0.3)])
    to = adversarial.least_change(model, mixed, 1 - own, largest=0.3)
    assert to.radius[1] == 0 and 0 < to.radius[0] < 0.3 and torch.equal(to.image[1], mixed[1])


# --- any network, any label -----------------------------------------------------------------------


@pytest.mark.parametrize("attack", [adversarial.fool, adversarial.pgd, adversarial.fgsm])
@pytest.mark.parametrize("batch_size", [1, 2, 16])
def test_a_picture_that_has_its_target_stays_and_the_others_go_on(small, attack, batch_size):
    pixels = pictures(5, side=4)
    target = int(small(pixels[:1]).argmax())
    reached = small(pixels).argmax(dim=1) == target
    assert reached.any() and not reached.all()
    made = attack(small, pixels, target, radius=0.3, batch_size=batch_size)
    assert torch.equal(made[reached], pixels[reached])
    assert ((made - pixels)[~reached].flatten(1).abs().amax(dim=1) > 0).all()
    alone = attack(small, pixels[~reached], target, radius=0.3)
    assert torch.allclose(made[~reached], alone, atol=1e-6)


def test_fooling_ends_though_a_picture_that_has_its_target_has_no_such_lead(small):
    pixels = pictures(5, side=4)
    target = int(small(pixels[:1]).argmax())
    steps = list(adversarial.fool_steps(small, pixels, target, radius=0.5, lead=4.0))
    reached = small(pixels).argmax(dim=1) == target
    assert (steps[0].value[reached] < 4).any() and len(steps) < 100


@pytest.mark.parametrize("attack", [adversarial.pgd, adversarial.query_attack])
def test_classes_may_be_told_in_a_list_an_array_or_any_whole_numbers(coursenet, drawn, attack):
    pixels, given = drawn[0][:2], {"queries" if attack is adversarial.query_attack else "steps": 3}
    wanted = attack(coursenet, pixels, torch.tensor([3, 5]), **given)
    names = [coursenet.class_names[index] for index in (3, 5)]
    for target in ([3, 5], names, torch.tensor([3, 5], dtype=torch.uint8).numpy()):
        assert torch.equal(attack(coursenet, pixels, target, **given), wanted)
    for target in (3.0, True, [3.0, 5.0]):
        with pytest.raises(TypeError, match="its index or its name"):
            attack(coursenet, pixels, target, **given)


@pytest.mark.parametrize(
    "attack", [adversarial.fool, adversarial.pgd, adversarial.universal, adversarial.least_change]
)
def test_a_network_of_values_has_no_class_to_leave(attack):
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2))
    model = models.wrap(network, input_size=2, scores="values", name="meter")
    with pytest.raises(ValueError, match="meter gives values and no classes"):
        attack(model, grey())


def test_the_probability_of_a_label_is_its_sigmoid():
    """−log σ(z) has the gradient (σ − 1) w of this label alone; a softmax mixes in the other."""
    w, pixels = weights(), grey()
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 2, bias=False))
    network[1].weight.data.copy_(w.flatten(1))
    model = models.wrap(network, input_size=2, scores="labels")
    label = int(model(pixels).argmax())
    made = adversarial.fgsm(model, pixels, radius=0.1)
    assert torch.allclose(made, pixels - 0.1 * w[label].sign(), atol=1e-6)
    step = next(adversarial.pgd_steps(model, pixels, radius=0.1, seed=None, steps=1))
    assert step.value.item() == pytest.approx(-float(model(pixels)[0, label].sigmoid().log()))


def test_one_logit_is_fooled_across_its_zero():
    network = nn.Sequential(nn.Flatten(), nn.Linear(12, 1))
    model = models.wrap(network, input_size=2, scores="one logit")
    made = adversarial.fool(model, grey(), radius=0.5)
    assert network[1](made.flatten(1)).sign() == -network[1](grey().flatten(1)).sign()


@pytest.mark.parametrize("attack", [adversarial.fool, adversarial.pgd, adversarial.universal])
def test_attacks_are_the_same_inside_inference_mode(small, attack):
    pixels = pictures(3, side=4)
    wanted = attack(small, pixels, steps=3)
    with torch.inference_mode():
        assert torch.equal(attack(small, pixels.clone(), steps=3), wanted)


# --- what is refused ------------------------------------------------------------------------------

ATTACKS = [
    adversarial.fool,
    adversarial.fgsm,
    adversarial.pgd,
    adversarial.query_attack,
    adversarial.universal,
]


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize(
    ("given", "error", "words"),
    [
        ({"radius": 0}, ValueError, "radius"),
        ({"radius": -0.1}, ValueError, "radius"),
        ({"radius": 8}, ValueError, "8 / 255"),
        ({"target": "no such thing"}, ValueError, "unknown class"),
        ({"target": 107}, ValueError, "out of range"),
        ({"target": 2.5}, TypeError, "its index or its name"),
        ({"target": torch.tensor([1, 2, 3])}, ValueError, "2 pictures need as many classes"),
        ({"target": 1, "away_from": 2}, ValueError, "not both"),
        ({"away_from": "no such thing"}, ValueError, "unknown class"),
    ],
)
def test_bad_settings_are_refused_in_words(coursenet, drawn, attack, given, error, words):
    with pytest.raises(error, match=words):
        attack(coursenet, drawn[0][:2], **given)


@pytest.mark.parametrize("attack", ATTACKS)
def test_a_target_that_is_the_present_prediction_is_refused(coursenet, drawn, attack):
    picture = drawn[0][:1]
    present = coursenet.class_names[int(coursenet(picture).argmax())]
    with pytest.raises(ValueError, match=f"'{present}' already"):
        attack(coursenet, picture, present)


def test_steps_rates_norms_and_losses_are_refused_in_words(small):
    pixels = pictures(1, side=4)
    for given, words in (
        ({"steps": 0}, "steps is a whole number from 1 up, not 0"),
        ({"norm": "l1"}, "unknown norm"),
        ({"radius": 8.0, "norm": "l2"}, "radius"),
    ):
        for attack in (adversarial.fool, adversarial.pgd):
            with pytest.raises(ValueError, match=words):
                attack(small, pixels, **given)
    with pytest.raises(ValueError, match="rate is a number above 0, not -1"):
        adversarial.pgd(small, pixels, rate=-1.0)
    with pytest.raises(ValueError, match="queries is a whole number from 1 up"):
        adversarial.query_attack(small, pixels, queries=0)
    with pytest.raises(ValueError, match="unknown loss"):
        adversarial.pgd(small, pixels, loss="hinge")


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("spoilt", [pictures(1, 4) * 255, pictures(1, 4)[0], pictures(1, 4) - 0.5])
def test_pictures_out_of_range_are_refused(small, attack, spoilt):
    with pytest.raises(ValueError, match="pixels"):
        attack(small, spoilt)


# --- an outside oracle ----------------------------------------------------------------------------


def test_pgd_is_within_a_point_of_torchattacks_at_equal_steps_and_radius(coursenet):
    """On 8 drawings; workshop/benchmarks/adversarial.py counts on more than 100."""
    torchattacks = pytest.importorskip("torchattacks")
    some = data.picturebook("test", 8)
    labels = torch.tensor([coursenet.class_index(some.class_names[label]) for label in some.labels])
    radius, rate = 1 / 255, 0.25 / 255
    theirs = torchattacks.PGD(coursenet, eps=radius, alpha=rate, steps=5, random_start=False)(
        some.pixels, labels
    )
    ours = adversarial.pgd(
        coursenet, some.pixels, radius=radius, away_from=labels, steps=5, rate=rate, seed=None
    )
    right = [(coursenet(made).argmax(dim=1) == labels).sum().item() for made in (theirs, ours)]
    assert abs(right[0] - right[1]) <= 1
    open_ones = coursenet(some.pixels).argmax(dim=1) == labels
    change = ((ours - theirs).abs() < 1e-5)[open_ones]
    assert change.float().mean() > 0.97  # the rest are signs of gradients near zero
    one_step = torchattacks.FGSM(coursenet, eps=radius)(some.pixels, labels)
    mine = adversarial.fgsm(coursenet, some.pixels, radius=radius, away_from=labels)
    assert ((mine - one_step).abs() < 1e-5)[open_ones].float().mean() > 0.999


# --- what a strict reader found -------------------------------------------------------------------


def test_the_noise_beside_a_transfer_is_of_the_norm_and_size_of_the_attack(small):
    pixels = pictures(8, side=4)
    labels = small(pixels).argmax(dim=1)
    found = attacks.transfer_matrix({"one": small}, pixels, labels, radius=2.0, norm="l2", steps=2)
    random = adversarial.random_change(pixels, 2.0, "l2")
    assert float(found.noise[0]) == pytest.approx(
        float((small(random).argmax(dim=1) != labels).float().mean())
    )


def test_one_change_for_many_never_leaves_the_ball_by_rounding(small):
    pixels = pictures(6, side=4)
    for radius in (4 / 255, 8 / 255, 0.1):
        change = adversarial.universal(small, pixels, radius=radius, steps=3)
        assert change.abs().double().max() <= radius


def test_where_no_picture_is_what_the_change_leads_away_from_it_is_said(small):
    pixels = pictures(6, side=4)
    other = next(label for label in range(3) if label not in small(pixels[:1]).argmax(dim=1))
    with pytest.raises(ValueError, match="nothing to fool"):
        adversarial.universal(small, pixels[:1], away_from=other)


def test_scores_that_are_nan_end_an_attack_by_queries():
    class Mute(nn.Module):
        def forward(self, pixels):
            return pixels.flatten(1)[:, :3] * math.nan

    with pytest.raises(ValueError, match="NaN"):
        adversarial.query_attack(
            models.wrap(Mute(), input_size=4), pictures(2, side=4), away_from=0, queries=5
        )


def test_a_single_step_has_no_number_of_steps_to_choose(small):
    with pytest.raises(TypeError, match="steps"):
        adversarial.fgsm(small, pictures(2, side=4), steps=50)


def test_wrong_settings_are_refused_where_every_picture_is_fooled_already():
    model, pixels = models.load("coursenet", device="cpu"), data.photo("chelsea", 128)
    other = [(int(model(pixels).argmax()) + 1) % len(model.class_names)]
    for wrong in ({"norm": "bogus"}, {"radius": -1.0}):
        with pytest.raises(ValueError):
            adversarial.pgd(model, pixels, away_from=other, steps=1, **wrong)
    assert torch.equal(adversarial.pgd(model, pixels, away_from=other, steps=1), pixels)
