import gc
import inspect
import itertools
import weakref
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from cs231n_viz import models
from cs231n_viz.objectives import class_score, score_of, squared_size, total_variation, weighted_sum
from cs231n_viz.optimize import (
    Diverged,
    Step,
    adam,
    always,
    ascend,
    clip_rms,
    descend,
    drop_small,
    drop_small_contributions,
    every,
    final,
    keep,
    last,
    lbfgs,
    map_steps,
    normalized,
    octaves,
    one_cycle,
    scaled_down,
    sign,
    switch_after,
)
from cs231n_viz.transforms import (
    blur,
    chain,
    clamp,
    decorrelated_colors,
    fourier_noise,
    from_fourier,
    from_unbounded,
    jitter,
    random_scale,
    within,
)

DIRECTIONS = {
    "adam": adam(0.05),
    "normalized": normalized(0.005),
    "sign": sign(0.05),
    "sparse": drop_small(adam(0.05), 0.5),
    "lbfgs": lbfgs(),
    "in turn": switch_after(3, adam(0.05), lbfgs()),
    "limited": clip_rms(lbfgs(), 0.03),
}


def noise(*shape, seed=0):
    return torch.rand(*shape, generator=torch.Generator().manual_seed(seed))


def toward(goal):
    """Half the squared distance to `goal`, whose gradient is image - goal."""
    return lambda image: (image - goal).square().flatten(1).sum(dim=1) / 2


def rosenbrock(image):
    """A bent valley: (1 − x)² + 100 (y − x²)² for each neighbouring pair of values."""
    x, y = image.flatten(1)[:, :-1], image.flatten(1)[:, 1:]
    return ((1 - x) ** 2 + 100 * (y - x**2) ** 2).sum(dim=1)


@pytest.fixture(scope="module")
def model():
    """A small random ConvNet of four classes that takes any size."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = nn.Sequential(
            nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Conv2d(8, 8, 3, padding=1), nn.ReLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 4),
        )  # fmt: skip
    return models.wrap(network, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25), input_size=16)


# --- the loop by hand and against torch.optim ---


def test_a_quadratic_is_solved_as_worked_by_hand():
    first, second = descend(
        torch.zeros(1, 1, 1, 2), toward(torch.tensor([4.0, -2.0])), steps=2, direction=half
    )
    assert (first.index, first.image.flatten().tolist(), first.value.tolist()) == (0, [2, -1], [10])
    assert (second.index, second.image.flatten().tolist(), second.value.tolist()) == (
        1,
        [3, -1.5],
        [2.5],
    )


def half(gradient, parameter):
    return gradient / 2


def test_ascend_is_descend_of_the_opposite_and_shows_the_score_itself():
    start, goal = noise(2, 3, 4, 4), noise(2, 3, 4, 4, seed=1)
    down = list(descend(start, toward(goal), steps=5))
    up = list(ascend(start, lambda image: -toward(goal)(image), steps=5))
    for step, mirrored in zip(down, up, strict=True):
        assert torch.equal(step.image, mirrored.image) and torch.equal(step.value, -mirrored.value)


def test_adam_follows_torch_adam_step_for_step():
    theirs = noise(1, 3, 4, 4).requires_grad_()
    optimizer = torch.optim.Adam([theirs], lr=0.05)
    for step in descend(theirs, rosenbrock, steps=50, direction=adam(0.05)):
        optimizer.zero_grad()
        rosenbrock(theirs).sum().backward()
        optimizer.step()
        assert torch.allclose(step.image, theirs, atol=1e-5)


@pytest.mark.parametrize("history", [1, 3, 10])
@pytest.mark.parametrize("loss", [rosenbrock, toward(noise(1, 1, 2, 6, seed=3).double())])
def test_lbfgs_follows_torch_lbfgs_step_for_step(history, loss):
    start = noise(1, 1, 2, 6).double()
    theirs = start.clone().requires_grad_()
    optimizer = torch.optim.LBFGS(
        [theirs], lr=1, max_iter=1, history_size=history, tolerance_grad=0, tolerance_change=0
    )

    def closure():
        optimizer.zero_grad()
        value = loss(theirs).sum()
        value.backward()
        return value

    for step in descend(start, loss, steps=30, direction=lbfgs(history)):
        if (step.image - theirs).abs().max() < 1e-9:
            break  # the goal is reached; torch stops there
        optimizer.step(closure)
        assert torch.allclose(step.image, theirs, rtol=1e-6, atol=1e-9)
    assert step.index > 1


def test_lbfgs_needs_far_fewer_steps_than_adam_down_a_narrow_valley():
    stretch = torch.logspace(0, 2, 12).view(1, 1, 3, 4)

    def valley(image):
        return (stretch * (image - 0.5) ** 2).flatten(1).sum(dim=1)

    start = noise(1, 1, 3, 4)
    *_, by_lbfgs = descend(start, valley, steps=30, direction=lbfgs())
    *_, by_adam = descend(start, valley, steps=30, direction=adam(0.05))
    assert by_lbfgs.value < by_adam.value / 100


def test_lbfgs_stays_put_at_the_goal():
    goal = noise(2, 3, 2, 2)
    assert torch.equal(last(descend(goal, toward(goal), steps=5, direction=lbfgs())), goal)


def test_normalized_moves_values_by_its_rate_on_average_picture_by_picture():
    start = torch.zeros(2, 1, 1, 2)
    goal = torch.tensor([[1.0, -3.0], [100.0, 0.0]]).view(2, 1, 1, 2)
    moved = last(descend(start, toward(goal), steps=1, direction=normalized(0.1)))
    assert torch.allclose(moved.flatten(1), torch.tensor([[0.05, -0.15], [0.2, 0.0]]))


def test_normalized_and_sign_stay_put_where_the_gradient_is_zero():
    goal = noise(1, 3, 2, 2)
    for direction in (normalized(0.1), sign(0.1)):
        assert torch.equal(last(descend(goal, toward(goal), steps=3, direction=direction)), goal)


def test_sign_moves_every_value_by_its_rate():
    goal = torch.tensor([1.0, -3.0, 0.0]).view(1, 1, 1, 3)
    moved = last(descend(torch.zeros_like(goal), toward(goal), steps=1, direction=sign(0.25)))
    assert moved.flatten().tolist() == [0.25, -0.25, 0]


def test_drop_small_leaves_the_values_of_the_smallest_gradients_where_they_are():
    start = torch.zeros(2, 1, 1, 4)
    goal = torch.tensor([[1.0, -3.0, 2.0, 4.0], [-40.0, 30.0, 20.0, 10.0]]).view(2, 1, 1, 4)
    moved = last(descend(start, toward(goal), steps=1, direction=drop_small(half, 0.5)))
    assert moved.flatten(1).tolist() == [[0, -1.5, 0, 2], [-20, 15, 0, 0]]
    plain = last(descend(start, toward(goal), steps=3, direction=adam(0.1)))
    assert torch.equal(
        plain, last(descend(start, toward(goal), steps=3, direction=drop_small(adam(0.1), 0)))
    )


def test_limited_shortens_long_steps_only_picture_by_picture():
    steps = torch.tensor([[3.0, 4.0], [0.3, 0.4]])
    shorter = clip_rms(lambda gradient, parameter: gradient, 1.0)(steps, steps)
    assert torch.allclose(
        shorter, torch.tensor([[3.0, 4.0], [0.3, 0.4]]) / torch.tensor([[12.5**0.5], [1.0]])
    )
    with pytest.raises(ValueError, match="clip_rms is a number above 0, not 0"):
        clip_rms(lambda gradient, parameter: gradient, 0)


def test_first_takes_its_beginning_for_so_many_steps_then_the_other_in_every_run():
    direction = switch_after(
        2, lambda g, p: torch.full_like(p, -1.0), lambda g, p: torch.full_like(p, -10.0)
    )
    for _ in range(2):
        steps = descend(torch.zeros(1, 1), squared_size(), steps=4, direction=direction)
        assert [step.image.item() for step in steps] == [1, 2, 12, 22]
    with pytest.raises(ValueError, match="before the switch is a whole number from 0 up, not -1"):
        switch_after(-1, adam(), lbfgs())


def test_first_of_no_steps_is_the_other_direction():
    start = noise(1, 3, 4, 4)
    plain, in_turn = (
        last(descend(start, rosenbrock, steps=5, direction=each))
        for each in (lbfgs(), switch_after(0, adam(), lbfgs()))
    )
    assert torch.equal(plain, in_turn)


# --- what can be changed: pixels, a spectrum, a code ---


@pytest.mark.parametrize("name", DIRECTIONS)
def test_every_direction_descends_on_pixels_a_spectrum_and_a_code(model, name):
    goal = noise(1, 3, 16, 15, seed=1)
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = nn.Sequential(
            nn.Linear(5, 3 * 16 * 15), nn.Unflatten(1, (3, 16, 15)), nn.Sigmoid()
        )
    starts = {
        "pixels": (noise(1, 3, 16, 15), keep_as_it_is),
        "unbounded": (torch.zeros(1, 3, 16, 15), from_unbounded()),
        "spectrum": (
            fourier_noise(16, 15, seed=0),
            chain(from_fourier(16, 15), decorrelated_colors()),
        ),
        "code": (noise(1, 5), decoder.requires_grad_(False)),
    }
    for start, decode in starts.values():
        steps = list(
            descend(start, toward(goal), steps=20, decode=decode, direction=DIRECTIONS[name])
        )
        assert steps[-1].value < steps[0].value
        assert all(
            step.image.shape == goal.shape and not step.image.requires_grad for step in steps
        )


def keep_as_it_is(image):
    return image


@pytest.mark.parametrize("name", ["adam", "normalized", "sign", "sparse"])
def test_a_class_image_raises_the_score_from_a_spectrum_through_random_transforms(model, name):
    generator = torch.Generator().manual_seed(0)
    steps = list(
        ascend(
            fourier_noise(16, 16, seed=0),
            weighted_sum(
                (1, score_of(model, 2)),
                (-0.001, total_variation()),
                (-0.001, squared_size(model.mean)),
            ),
            steps=20,
            decode=chain(from_fourier(16, 16), decorrelated_colors()),
            augment=chain(jitter(2, generator), random_scale(0.9, 1.1, generator)),
            direction=DIRECTIONS[name],
        )
    )
    assert steps[-1].value > steps[0].value
    assert steps[-1].image.min() >= 0 and steps[-1].image.max() <= 1


def test_the_image_is_what_decode_makes_of_the_parameter_after_the_update():
    seen = []
    run = descend(
        torch.zeros(1, 1, 1, 2),
        toward(torch.ones(1, 1, 1, 2)),
        steps=3,
        decode=lambda code: code * 10,
        direction=lambda gradient, parameter: torch.full_like(parameter, -0.01),
        constrain=lambda parameter, index: seen.append(parameter.clone()) or parameter,
    )
    for step, parameter in zip(run, seen, strict=False):
        assert torch.equal(step.image, parameter * 10)


def test_the_value_is_that_of_the_picture_just_before_the_update():
    image = noise(2, 1, 2, 3)
    for step in descend(image, rosenbrock, steps=4):
        assert torch.equal(step.value, rosenbrock(image))
        image = step.image


def test_augment_is_seen_by_the_objective_only():
    steps = descend(
        torch.zeros(1, 1, 1, 3),
        lambda image: image[..., 0].sum(dim=(1, 2)),
        steps=1,
        augment=lambda image: image.roll(1, dims=-1),
        direction=sign(1.0),
    )
    # the gradient rolled back to where the value came from
    assert last(steps).flatten().tolist() == [0, 0, -1]


def test_one_change_can_be_shared_by_many_pictures():
    pictures = noise(4, 3, 2, 2)
    run = descend(
        torch.zeros(1, 3, 2, 2),
        squared_size(),
        steps=1,
        decode=lambda change: pictures + change,
        direction=sign(0.1),
    )
    step = next(run)
    assert step.value.shape == (4,)
    assert torch.allclose(step.image - pictures, torch.full_like(pictures, -0.1))


# --- constraints ---


@pytest.mark.parametrize("norm", ["inf", "l2"])
def test_projected_gradient_ascent_never_leaves_the_ball_nor_the_range(model, norm):
    start, radius = noise(3, 3, 16, 16), {"inf": 8 / 255, "l2": 0.5}[norm]
    away = class_score(model, 1)
    stay = always(chain(within(start, radius, norm), clamp()))
    for step in ascend(start, away, steps=20, direction=sign(3 / 255), constrain=stay):
        change = (step.image - start).flatten(1)
        size = change.abs().amax(dim=1) if norm == "inf" else change.norm(dim=1)
        assert (size <= radius + 1e-6).all()
        assert step.image.min() >= 0 and step.image.max() <= 1
    assert (size > 0.9 * radius).all()  # and it went to the edge
    assert (away(step.image) > away(start)).all()


def test_constrain_gets_the_parameter_after_the_step_and_its_index():
    seen = []
    list(
        descend(
            torch.zeros(1, 2),
            squared_size(1.0),
            steps=3,
            constrain=lambda p, index: seen.append(index) or p,
        )
    )
    assert seen == [0, 1, 2]


def test_every_acts_after_each_kth_step_and_chains_with_always():
    tenfold = chain(
        every(2, lambda parameter: parameter * 10), always(lambda parameter: parameter + 1)
    )
    assert [tenfold(1, index) for index in range(4)] == [2, 11, 2, 11]
    assert [keep(1, index) for index in range(2)] == [1, 1]


def test_a_blur_every_few_steps_and_a_clamp_after_each_hold_in_the_loop():
    goal, soften = 3 * noise(1, 3, 8, 8) - 1, blur(1.0)
    constrain = chain(every(4, soften), always(clamp()))
    steps = list(
        descend(noise(1, 3, 8, 8), toward(goal), steps=8, direction=sign(0.2), constrain=constrain)
    )
    assert all(step.image.min() >= 0 and step.image.max() <= 1 for step in steps)
    roughness = [total_variation()(step.image).item() for step in steps]
    assert roughness[3] < roughness[2] and roughness[7] < roughness[6]


# --- octaves ---


def test_octaves_of_a_run_that_changes_nothing_give_the_start_at_every_size():
    start = noise(1, 3, 32, 32)

    def idle(image):
        return descend(image, squared_size(), steps=1, direction=lambda g, p: 0 * g)

    steps = list(octaves(start, [8, (16, 12), 32], idle))
    assert [tuple(step.image.shape[-2:]) for step in steps] == [(8, 8), (16, 12), (32, 32)]
    assert torch.allclose(steps[-1].image, start, atol=1e-6)  # no detail was lost on the way


def test_octaves_hand_on_the_change_and_count_on():
    start = noise(1, 3, 8, 8)

    def brighter(image):
        return ascend(image, lambda x: x.flatten(1).sum(dim=1), steps=2, direction=sign(0.25))

    steps = list(octaves(start, [2, 4, 8], brighter))
    assert [step.index for step in steps] == list(range(6))
    assert torch.allclose(steps[-1].image, start + 6 * 0.25, atol=1e-5)


def test_coarse_to_fine_from_noise_gets_nearer_than_the_finest_size_alone():
    across = torch.linspace(0, 1, 32)
    goal = torch.stack(
        [across.expand(32, 32), across.view(-1, 1).expand(32, 32), across.flip(0).expand(32, 32)]
    )[None]

    def smooth_distance(image):
        small = nn.functional.interpolate(goal, image.shape[-2:], mode="bilinear", antialias=True)
        return (blur(2.0)(image) - small).square().flatten(1).mean(dim=1)

    def run(image):
        return descend(image, smooth_distance, steps=10, direction=normalized(0.02))

    start = noise(1, 3, 32, 32)
    assert (
        smooth_distance(last(octaves(start, [8, 16, 32], run)))
        < smooth_distance(last(run(start))) / 2
    )


def test_sides_are_divided_into_whole_pixels_one_at_least():
    assert (
        scaled_down((90, 61), 4) == (22, 15)
        and scaled_down((3, 1), 1.5) == (2, 1)
        and scaled_down((1, 64), 4) == (1, 16)
    )


def test_octaves_stop_when_the_caller_stops():
    def run(image):
        return ascend(image, squared_size(), steps=3)

    begun = itertools.islice(octaves(noise(1, 3, 4, 4), [4, 8], run), 4)
    assert [step.index for step in begun] == [0, 1, 2, 3]


# --- promises ---


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_batch_is_changed_as_each_picture_alone(model, name):
    pictures, distance = noise(3, 3, 8, 8), toward(noise(1, 3, 8, 8, seed=4))
    loss = weighted_sum((1, class_score(model, 0)), (0.1, distance), (0.1, total_variation()))
    together = list(descend(pictures, loss, steps=8, direction=DIRECTIONS[name]))
    for number, picture in enumerate(pictures):
        alone = list(descend(picture[None], loss, steps=8, direction=DIRECTIONS[name]))
        for ours, theirs in zip(together, alone, strict=True):
            assert torch.allclose(ours.image[number], theirs.image[0], atol=2e-4)
            assert torch.allclose(ours.value[number], theirs.value[0], atol=2e-3)


@pytest.mark.parametrize("name", DIRECTIONS)
def test_a_direction_begins_every_run_afresh_even_when_two_runs_alternate(name):
    start, direction = noise(1, 3, 4, 4), DIRECTIONS[name]
    expected = last(descend(start, rosenbrock, steps=6, direction=direction))
    one = descend(start, rosenbrock, steps=6, direction=direction)
    two = descend(start, rosenbrock, steps=6, direction=direction)
    for ours, theirs in zip(one, two, strict=True):
        assert torch.equal(ours.image, theirs.image)
    assert torch.equal(ours.image, expected)


@pytest.mark.parametrize("direction", [adam(0.05), lbfgs()])
def test_a_direction_forgets_a_run_that_is_over(direction):
    held = []

    def watch(parameter, index):
        held.append(weakref.ref(parameter))
        return parameter

    def spied(gradient, parameter):
        return direction(gradient, watch(parameter, 0))

    run = descend(noise(1, 3, 4, 4), rosenbrock, steps=9, direction=spied)
    next(run)
    assert held[0]() is not None
    run.close()
    del run
    gc.collect()
    assert held[0]() is None


def test_the_start_the_model_and_the_global_generator_are_left_as_they_were(model):
    start = noise(1, 3, 16, 16).requires_grad_()
    picture, random_state = start.detach().clone(), torch.get_rng_state()
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    for direction in DIRECTIONS.values():
        last(
            descend(
                start, class_score(model, 0), steps=3, augment=jitter(2, 0), direction=direction
            )
        )
    assert torch.equal(start, picture) and start.grad is None and start.requires_grad
    assert torch.equal(random_state, torch.get_rng_state())
    assert all(torch.equal(value, weights[name]) for name, value in model.state_dict().items())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_equal_seeds_make_equal_pictures_and_other_seeds_others(model):
    def picture(seed):
        return last(
            ascend(
                fourier_noise(16, 16, seed),
                class_score(model, 0),
                steps=5,
                decode=chain(from_fourier(16, 16), decorrelated_colors()),
                augment=jitter(3, seed),
            )
        )

    assert torch.equal(picture(1), picture(1))
    assert not torch.equal(picture(1), picture(2))


def test_steps_are_the_callers_to_keep_and_to_paint_over():
    start = noise(1, 3, 4, 4)
    expected = last(descend(start, rosenbrock, steps=3))
    for step in descend(start, rosenbrock, steps=3):
        kept = step.image.clone()
        step.image.zero_()
    assert torch.equal(kept, expected)


def test_the_loop_runs_where_gradients_are_switched_off_and_does_not_switch_them_on():
    with torch.no_grad():
        for step in descend(noise(1, 3, 4, 4), rosenbrock, steps=2):
            assert not torch.is_grad_enabled() and not step.image.requires_grad
    for step in descend(noise(1, 3, 4, 4), rosenbrock, steps=2):
        assert torch.is_grad_enabled() and not step.value.requires_grad


def test_a_start_that_shares_its_memory_can_be_changed():
    grey = torch.full((1, 3, 1, 1), 0.5).expand(2, 3, 4, 4)
    assert last(descend(grey, squared_size(), steps=2)).shape == (2, 3, 4, 4)
    assert (grey == 0.5).all()


def test_stopping_is_a_break():
    for step in ascend(torch.zeros(1, 3, 2, 2), squared_size(-1.0), steps=10**9):
        if step.value > 100:
            break
    assert step.index < 10**4


def test_last_is_the_last_picture():
    goal = torch.ones(1, 1, 1, 1)
    assert last(descend(0 * goal, toward(goal), steps=3, direction=half)).item() == 0.875
    assert last([Step(0, goal, goal), Step(1, 2 * goal, goal)]).item() == 2


# --- what can go wrong ---


def test_a_run_that_diverges_names_the_step_and_keeps_the_last_good_one():
    seen, overshoot = [], lambda gradient, parameter: 1e8 * gradient
    with pytest.raises(
        Diverged, match=r"step 3: the value is NaN or infinite.*smaller rate"
    ) as caught:
        seen.extend(descend(torch.ones(1, 1, 1, 1), squared_size(), steps=100, direction=overshoot))
    assert isinstance(caught.value, ValueError)
    assert caught.value.last_step is seen[-1] and len(seen) == 3
    assert seen[-1].image.isfinite().all() and seen[-1].value.isfinite().all()


@pytest.mark.parametrize(
    "score, culprit",
    [
        (lambda image: image.flatten(1).sum(dim=1).log(), "value"),
        (lambda image: image.flatten(1).abs().sqrt().sum(dim=1), "gradient"),
    ],
)
def test_a_run_that_is_no_number_from_the_first_step_says_so_and_holds_no_step(score, culprit):
    with pytest.raises(Diverged, match=f"step 0: the {culprit} is NaN or infinite") as caught:
        next(ascend(torch.zeros(1, 1, 2, 2), score, steps=3))
    assert caught.value.last_step is None


def test_octaves_that_diverge_keep_the_last_good_step_of_the_size_before():
    def run(image):
        return descend(
            image,
            squared_size(),
            steps=3,
            direction=lambda g, p: g * (0.1 if image.shape[2] < 8 else torch.nan),
        )

    seen = []
    with pytest.raises(
        Diverged, match="after 3 good steps, at step 0: the picture is NaN"
    ) as caught:
        seen.extend(octaves(noise(1, 3, 8, 8), [4, 8], run))
    assert caught.value.last_step is seen[-1] and seen[-1].index == 2


def test_converted_steps_are_converted_in_what_diverges_too():
    walk = descend(
        torch.ones(1, 1, 1, 1), squared_size(), steps=100, direction=lambda g, p: 1e8 * g
    )
    seen = []
    with pytest.raises(Diverged, match="step 3: the value") as caught:
        seen.extend(map_steps(walk, lambda step: step._replace(image=step.image.double())))
    assert (
        len(seen) == 3
        and caught.value.last_step is seen[-1]
        and seen[-1].image.dtype == torch.float64
    )


def test_an_ascent_steps_as_the_gradient_of_the_score_says_and_takes_the_settings_of_descend():
    by_hand = ascend(torch.ones(1, 1, 1, 1), squared_size(), steps=2, direction=half)
    assert [(step.image.item(), step.value.item()) for step in by_hand] == [(2, 1), (4, 4)]
    with pytest.raises(TypeError, match="direct"):
        ascend(torch.ones(1, 1, 1, 1), squared_size(), steps=2, direct=half)


def test_an_ascent_that_diverges_keeps_the_score_and_not_its_opposite():
    with pytest.raises(Diverged) as caught:
        last(
            ascend(torch.ones(1, 1, 1, 1), squared_size(), steps=99, direction=lambda g, p: 1e8 * g)
        )
    assert caught.value.last_step.value > 0


@pytest.mark.parametrize(
    "objective, sentence",
    [
        (lambda image: image.sum(), r"one number per picture, shape \(2,\), not shape \(\)"),
        (lambda image: image.mean(dim=1), r"not shape \(2, 4, 4\)"),
        (lambda image: image.detach().flatten(1).sum(dim=1), "no gradient"),
        (lambda image: image.flatten(1).argmax(dim=1), "no gradient"),
    ],
)
def test_an_objective_of_the_wrong_kind_gets_a_sentence_that_helps(objective, sentence):
    with pytest.raises(ValueError, match=sentence):
        next(descend(noise(2, 3, 4, 4), objective, steps=1))


def test_impossible_settings_get_a_sentence_that_helps():
    with pytest.raises(ValueError, match="no step"):
        last([])
    with pytest.raises(ValueError, match="steps is a whole number from 1 up, not 0"):
        last(descend(noise(1, 3, 2, 2), squared_size(), steps=0))
    with pytest.raises(ValueError, match="share of drop_small is a number from 0 to below 1"):
        drop_small(adam(), 1.1)
    with pytest.raises(ValueError, match="every is a whole number from 1 up, not 0"):
        every(0, blur(1.0))


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("name", DIRECTIONS)
def test_the_loop_stays_on_the_device_of_its_start(name):
    start, goal = noise(2, 3, 8, 8), noise(2, 3, 8, 8, seed=1)
    on_gpu = list(descend(start.cuda(), toward(goal.cuda()), steps=5, direction=DIRECTIONS[name]))[
        -1
    ]
    on_cpu = list(descend(start, toward(goal), steps=5, direction=DIRECTIONS[name]))[-1]
    assert on_gpu.image.is_cuda and on_gpu.value.is_cuda
    assert torch.allclose(on_gpu.image.cpu(), on_cpu.image, atol=1e-4)


def test_drop_small_contributions_sets_what_the_score_would_miss_least_to_the_centre():
    image = torch.tensor([[0.5, 0.6, 0.9, 0.4], [0.5, 0.4, 0.5, 0.5]]).view(
        1, 2, 2, 2
    )  # two colours, four pixels
    gradient = torch.tensor([[9.0, 1.0, 1.0, 2.0], [9.0, 1.0, 1.0, 0.0]]).view(1, 2, 2, 2)
    # |(x − ½) · g|: 0 (at the centre), 0 (the colours cancel), 0.4, 0.2
    step = drop_small_contributions(lambda g, p: g / 10, 0.5, 0.5)(gradient, image)
    moved = image - step
    assert torch.allclose(moved.flatten(2)[0, :, :2], torch.full((2, 2), 0.5))
    assert torch.allclose(moved.flatten(2)[0, :, 2:], torch.tensor([[0.8, 0.2], [0.4, 0.5]]))
    nothing = drop_small_contributions(lambda g, p: g, 0.0)(gradient, image)
    assert torch.equal(nothing, gradient)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_drop_small_contributions_wants_a_share(share):
    with pytest.raises(ValueError, match="drop_small_contributions is a number from 0 to below 1"):
        drop_small_contributions(sign(0.1), share)


def test_the_rate_climbs_to_its_peak_and_ends_at_zero():
    rates = [one_cycle(progress / 100, 0.15) for progress in range(101)]
    assert max(rates) == pytest.approx(0.15) and rates.index(max(rates)) == 20
    assert rates[0] == pytest.approx(0.006) and rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)


def test_the_final_twin_has_the_signature_of_its_steps_and_returns_a_picture():
    def fall_steps(start: Tensor, *, steps: int = 3) -> Iterator[Step]:
        """Steps downhill."""
        return descend(start, lambda image: image.square().flatten(1).sum(dim=1), steps=steps)

    fall = final(fall_steps)
    signature = inspect.signature(fall)
    assert list(signature.parameters) == ["start", "steps"]
    assert signature.return_annotation is Tensor and fall.__name__ == "fall"
    start = torch.ones(1, 3, 4, 4)
    assert torch.equal(fall(start), last(fall_steps(start)))


def test_all_of_a_gradient_cannot_be_dropped():
    for share in (1, -0.1, "0.5"):
        with pytest.raises((ValueError, TypeError), match="drop_small is a number"):
            drop_small(adam(), share)
