"""Saliency, SmoothGrad, integrated gradients and GrabCut: by hand, against captum, and what is
refused.
"""

import cv2
import deep_nets
import numpy as np
import pytest
import torch
import toy_nets

from cs231n_viz import data, models
from cs231n_viz.objectives import class_score, gradient
from cs231n_viz.techniques import cam, saliency

PLAIN = {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


def test_the_map_worked_by_hand():
    """score 2 = mean of 3 max(red − ½, 0) + max(½ − red, 0): slope 3/16 where red is above ½, 1/16
    below.
    """
    model = models.wrap(toy_nets.gap_linear_net(), input_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)
    slope = torch.where(toy_nets.RED > 0.5, 3 / 16, torch.where(toy_nets.RED < 0.5, 1 / 16, 0.0))
    assert torch.allclose(saliency.saliency_map(model, toy_nets.picture(), 2)[0], slope)


@pytest.mark.parametrize("name", deep_nets.FIVE)
def test_the_largest_of_the_three_colours_counts_whatever_its_sign_as_captum_has_it(name):
    attr = pytest.importorskip("captum.attr")
    model, picture = deep_nets.network(name), data.photo("coffee", 96)
    theirs = attr.Saliency(model).attribute(picture.clone().requires_grad_(), 3).amax(dim=1)
    deep_nets.assert_equal_gradients(saliency.saliency_map(model, picture, 3), theirs)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["coursenet", "squeezenet"])
def test_integrated_gradients_equal_captums_and_add_up(name, request):
    attr = pytest.importorskip("captum.attr")
    model, picture = request.getfixturevalue(name), data.photo("chelsea", 96)
    parts, gap = saliency.integrated_gradients(model, picture, 5, steps=40)
    start = model.mean.expand_as(picture)
    theirs = attr.IntegratedGradients(model).attribute(picture, start, 5, n_steps=40).float()
    if name == "coursenet":
        assert torch.allclose(parts, theirs, atol=1e-4 * float(theirs.abs().max()))
    assert (
        torch.cosine_similarity(parts.flatten(), theirs.flatten(), dim=0) > 0.9999
    )  # its ReLUs have many kinks
    with torch.no_grad():
        difference = (model(picture) - model(start))[0, 5]
    assert torch.allclose(parts.sum() - difference, gap[0], atol=1e-4)
    finer = saliency.integrated_gradients(model, picture, 5, steps=160).gap
    assert finer.abs() < 0.02 * difference.abs()


def test_on_a_straight_line_one_step_is_exact():
    model = models.wrap(toy_nets.plain_net()[:1].append(torch.nn.Flatten()), input_size=4, **PLAIN)
    parts, gap = saliency.integrated_gradients(model, toy_nets.picture(), 0, steps=1)
    assert gap.abs() < 1e-6
    assert torch.allclose(
        parts[0, 0, 0, 0], torch.tensor(1.0)
    ) and parts.abs().sum() == pytest.approx(1.0)


def test_without_noise_smooth_saliency_is_saliency(coursenet):
    picture = data.photo("coffee", 64)
    smooth = saliency.smooth_saliency(coursenet, picture, 3, samples=3, noise=0, batch_size=2)
    assert torch.allclose(smooth, saliency.saliency_map(coursenet, picture, 3), rtol=1e-4)


def test_a_seed_is_a_map_and_the_global_random_numbers_stay(coursenet):
    picture, state = data.photo("coffee", 64), torch.get_rng_state()
    one, same, other = (
        saliency.smooth_saliency(coursenet, picture, 3, 4, seed=seed) for seed in (1, 1, 2)
    )
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(torch.get_rng_state(), state)


@pytest.mark.slow
def test_a_batch_is_its_pictures_one_by_one_each_with_a_class_of_its_own(coursenet):
    pixels, labels = data.picturebook("test", 3).pixels, torch.tensor([3, 99, 50])
    for function, tolerance in (
        (saliency.saliency_map, 1e-5),
        (lambda *a: saliency.integrated_gradients(*a).attributions, 1e-5),
    ):
        together = function(coursenet, pixels, labels)
        alone = [
            function(coursenet, one[None], int(label))
            for one, label in zip(pixels, labels, strict=True)
        ]
        assert torch.allclose(together, torch.cat(alone), atol=tolerance)


def a_disc():
    """A red disc on green noise, its true mask, and a map that is warmest in its middle."""
    y, x = torch.meshgrid(torch.arange(64.0), torch.arange(64.0), indexing="ij")
    distance = ((y - 24).square() + (x - 36).square()).sqrt()
    picture = 0.1 * torch.rand(1, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    picture[0, 1] += 0.5
    picture[0, 0] += 0.8 * (distance < 14)
    picture[0, 1] -= 0.5 * (distance < 14)
    return picture, distance < 14, (-distance / 10).exp()


def test_grabcut_finds_a_disc_from_a_warm_spot_and_leaves_the_picture_as_it_was():
    picture, mask, heat = a_disc()
    kept = picture.clone()
    found = saliency.segment(picture, heat)
    assert (found & mask).sum() / (found | mask).sum() > 0.95
    assert torch.equal(found, saliency.segment(picture, heat)) and torch.equal(picture, kept)


def test_marks_of_opencv_may_be_given():
    picture, mask, _ = a_disc()
    seeds = np.full((64, 64), cv2.GC_BGD, np.uint8)
    seeds[8:40, 20:52] = cv2.GC_PR_FGD
    found = saliency.grab_cut(picture, seeds)
    assert (found & mask).sum() / (found | mask).sum() > 0.95


def test_a_maps_ranks_become_the_four_marks():
    heat = torch.arange(10.0).view(
        2, 5
    )  # quantile 0.2 is 1.8, quantile 0.9 is 8.1, their middle 4.95
    bgd, fgd, maybe_not, maybe = cv2.GC_BGD, cv2.GC_FGD, cv2.GC_PR_BGD, cv2.GC_PR_FGD
    expected = [[bgd, bgd, maybe_not, maybe_not, maybe_not], [maybe, maybe, maybe, maybe, fgd]]
    assert saliency.seeds(heat, sure=0.9, background=0.2).tolist() == expected


def test_a_map_that_is_zero_nearly_everywhere_marks_what_is_not_zero():
    """Both quantiles are 0 then; Grad-CAM gives such maps."""
    picture = a_disc()[0]
    spot = torch.zeros(64, 64)
    spot[22:25, 34:38] = 1.0
    marks = saliency.seeds(spot)
    assert ((marks == cv2.GC_FGD) == (spot > 0).numpy()).all() and (
        marks[spot.numpy() == 0] == cv2.GC_BGD
    ).all()
    assert torch.equal(saliency.segment(picture, spot), spot > 0)  # nothing is left to decide


def test_a_box_lies_in_the_middle_and_leaves_a_rim_even_if_it_is_the_whole_picture():
    rows, columns = (saliency.box_seeds(8, 4, 0.5) == cv2.GC_PR_FGD).nonzero()
    assert rows.tolist() == [2, 2, 3, 3, 4, 4, 5, 5] and set(columns) == {1, 2}
    assert (saliency.box_seeds(8, 4, 1.0) == cv2.GC_BGD).sum() == 8 * 4 - 6 * 2
    with pytest.raises(ValueError, match="share is a number from 0.01 to 1, not 1.2"):
        saliency.box_seeds(8, 8, 1.2)


@pytest.mark.parametrize(
    ("statistic", "kind"),
    [("mean", "smoothgrad"), ("mean square", "smoothgrad_sq"), ("variance", "vargrad")],
)
def test_statistics_over_noisy_copies_equal_captums(statistic, kind):
    attr = pytest.importorskip("captum.attr")
    model, picture = deep_nets.network("coursenet"), data.photo("coffee", 64)
    ours = saliency.smooth(
        lambda some: gradient(class_score(model, 3), some),
        *(picture, 6, 0.1, 5, statistic),
        bounded=False,
    )
    with torch.random.fork_rng():
        torch.manual_seed(5)
        theirs = attr.NoiseTunnel(attr.Saliency(model)).attribute(
            picture, nt_type=kind, nt_samples=6, stdevs=0.1, target=3, abs=False
        )
    assert torch.allclose(ours, theirs, atol=1e-4 * float(theirs.abs().max()))


def test_the_three_statistics_worked_by_hand():
    """The map of a copy is its brightness: the noise of a grey picture, and so its moments."""
    grey, given = torch.full((2, 1, 3, 3), 0.5), {"samples": 40, "noise": 0.1, "seed": 1}
    grain = torch.randn(40, 1, 3, 3, generator=torch.Generator().manual_seed(1))
    values = 0.5 + 0.1 * grain[:, 0].double()
    for statistic, wanted in (
        ("mean", values.mean(dim=0)),
        ("mean square", values.square().mean(dim=0)),
        ("variance", values.var(dim=0, correction=0)),
    ):
        found = saliency.smooth(lambda some: some[:, 0], grey, **given, statistic=statistic)
        assert found.shape == (2, 3, 3) and torch.allclose(found[1].double(), wanted, rtol=1e-5)
    with pytest.raises(ValueError, match="unknown statistic 'median'"):
        saliency.smooth(lambda some: some[:, 0], grey, statistic="median")


def test_smoothgrad_is_the_mean_over_copies_bit_for_bit(coursenet):
    picture = data.photo("coffee", 64)
    grain = 0.15 * torch.randn(20, 3, 64, 64, generator=torch.Generator().manual_seed(2))
    total = 0
    for some in (picture + grain).split(16):
        total = total + gradient(class_score(coursenet, 3), some).abs().amax(dim=1).sum(dim=0)
    found = saliency.smooth_saliency(coursenet, picture, 3, samples=20, seed=2)
    assert torch.equal(found[0], total / 20)


def test_any_map_of_the_package_can_be_smoothed(coursenet):
    picture = data.photo("coffee", 64)

    def heat(some):
        return cam.grad_cam(coursenet, some, 3)

    assert torch.allclose(saliency.smooth(heat, picture, 3, noise=0), heat(picture), atol=1e-6)
    noisy = saliency.smooth(heat, picture, 3, noise=0.5)  # its copies stay in [0, 1]
    assert noisy.shape == (1, 64, 64) and noisy.isfinite().all()


@pytest.mark.parametrize(
    "map_of",
    [
        saliency.saliency_map,
        lambda *given: saliency.smooth_saliency(*given, samples=2),
        lambda *given: saliency.integrated_gradients(*given, steps=2).attributions,
    ],
)
def test_targets_mean_the_same_in_every_map(coursenet, map_of):
    pixels = torch.cat([data.photo("coffee", 64), data.photo("chelsea", 64)])
    own = coursenet(pixels).argmax(dim=1)
    wanted = map_of(coursenet, pixels, own)
    names = [coursenet.class_names[index] for index in own]
    for target in (None, own.tolist(), own.numpy(), own.to(torch.int32), names):
        assert torch.equal(map_of(coursenet, pixels, target), wanted)
    for target in (1.0, True, torch.tensor([1.0, 2.0])):
        with pytest.raises(TypeError, match="its index or its name"):
            map_of(coursenet, pixels, target)
    with pytest.raises(ValueError, match="2 pictures need as many"):
        map_of(coursenet, pixels, [1, 2, 3])


def test_what_cannot_be_done_is_said(coursenet):
    picture = data.photo("coffee", 64)
    with pytest.raises(ValueError, match="noise is a number from 0 up, not -1"):
        saliency.smooth_saliency(coursenet, picture, 0, noise=-1)
    with pytest.raises(ValueError, match="samples is a whole number from 1 up, not 0"):
        saliency.smooth_saliency(coursenet, picture, 0, samples=0)
    with pytest.raises(ValueError, match="steps is a whole number from 1 up, not 0"):
        saliency.integrated_gradients(coursenet, picture, 0, steps=0)
    with pytest.raises(ValueError, match="one picture"):
        saliency.segment(picture.repeat(2, 1, 1, 1), torch.rand(64, 64))
    with pytest.raises(ValueError, match=r"as large as it.* \(64, 64\), not \(8, 8\)"):
        saliency.segment(picture, torch.rand(8, 8))
    with pytest.raises(ValueError, match="background is a number from 0 to below 0.2, not 0.3"):
        saliency.segment(picture, torch.rand(64, 64), sure=0.2, background=0.3)
    with pytest.raises(ValueError, match=r"look like 0 to 255"):
        saliency.saliency_map(coursenet, picture * 255, 0)
    assert not saliency.segment(picture, torch.zeros(64, 64)).any(), (
        "a map without contrast gives an empty object"
    )
