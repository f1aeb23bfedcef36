"""What every technique promises: nothing of the caller's changes, an answer where the input is, a
batch = one by one.
"""

import pytest
import torch

from cs231n_viz import data, models, networks
from cs231n_viz.techniques import (
    adversarial,
    cam,
    deepdream,
    fast_style,
    gradient_ascent,
    guided_backprop,
    inversion,
    multifaceted,
    occlusion,
    saliency,
    style_transfer,
    texture,
    truth,
)

HERE = torch.zeros(1, dtype=torch.long)
STYLES = networks.StyleNet(("one", "two"), widths=(4, 6, 8), blocks=1)
TECHNIQUES = {
    "occlusion_map": lambda model, pixels: occlusion.occlusion_map(model, pixels, 3, 32, 32),
    "occlusion_map of a unit": lambda model, pixels: occlusion.occlusion_map(model, pixels, ("relu2", 3), 64, 64),
    "covered_scores": lambda model, pixels: occlusion.covered_scores(model, pixels, 64, 64),
    "saliency_map": lambda model, pixels: saliency.saliency_map(model, pixels, 3),
    "smooth_saliency": lambda model, pixels: saliency.smooth_saliency(model, pixels, 3, samples=2),
    "integrated_gradients": lambda model, pixels: saliency.integrated_gradients(model, pixels, 3, steps=3).parts,
    "input_gradient, plain": lambda model, pixels: guided_backprop.input_gradient(model, pixels, 3, "plain"),
    "input_gradient, guided": lambda model, pixels: guided_backprop.input_gradient(model, pixels, 3, "guided"),
    "unit_gradients": lambda model, pixels: guided_backprop.unit_gradients(
        model, pixels, "relu3_1", 2, HERE.expand(len(pixels)), HERE.expand(len(pixels))),
    "influences": lambda model, pixels: guided_backprop.influences(model, pixels, 3, "relu3_1").gross,
    "cam": lambda model, pixels: cam.cam(model, pixels, 3),
    "grad_cam": lambda model, pixels: cam.grad_cam(model, pixels, 3, "relu4_1"),
    "grad_cams": lambda model, pixels: cam.grad_cams(model, pixels, 3, ["relu4_1"])["relu4_1"],
    "guided_grad_cam": lambda model, pixels: cam.guided_grad_cam(model, pixels, 3),
    "class_image": lambda model, pixels: gradient_ascent.class_image(model, 3, start=pixels, steps=2),
    "unit_image": lambda model, pixels: gradient_ascent.unit_image(model, "relu2", 3, start=pixels, steps=2),
    "responses": lambda model, pixels: multifaceted.responses(model, pixels, "relu3_1"),
    "facet_image": lambda model, pixels: multifaceted.facet_image(model, 3, pixels, steps=2),
    "invert": lambda model, pixels: inversion.invert(model, pixels, "relu2", steps=3),
    "fgsm": lambda model, pixels: adversarial.fgsm(model, pixels, 3, 0.5, norm="l2"),
    "pgd": lambda model, pixels: adversarial.pgd(model, pixels, 3, 1.0, norm="l2", steps=2),
    "fool": lambda model, pixels: adversarial.fool(model, pixels, 3, 1.0, norm="l2", steps=2),
    "query_attack": lambda model, pixels: adversarial.query_attack(model, pixels, 3, 8 / 255, queries=4),
    "insertion": lambda model, pixels: truth.insertion(
        model, pixels, pixels.mean(dim=1), 3, model.mean, steps=2),
    "dream": lambda model, pixels: deepdream.dream(model, pixels, "relu3_1", octaves=2, steps=2),
    "synthesize": lambda model, pixels: texture.synthesize(model, pixels, ["relu1", "relu2"], steps=3, sizes=1),
    "repaint": lambda model, pixels: fast_style.repaint(STYLES, pixels, {"one": 1, "two": 2}),
    "transfer": lambda model, pixels: style_transfer.transfer(model, pixels, data.painting("glass", 64), steps=3),
    "deletion": lambda model, pixels: truth.deletion(model, pixels, pixels.mean(dim=1), 3, steps=2),
}  # fmt: skip
every_technique = pytest.mark.parametrize("name", TECHNIQUES)


@pytest.fixture(scope="module")
def model():
    return models.load("coursenet", device="cpu")


def pictures():
    return data.picturebook("test", 3).pixels[:, :, :96]


def state_of(model, pixels):
    """Everything that a call could change and must not."""
    hooks = [len(module._forward_hooks) + len(module._forward_pre_hooks) + len(module._backward_hooks)
             for module in model.modules()]  # fmt: skip
    weights = [weight.clone() for weight in model.state_dict().values()]
    grads = [weight.grad for weight in model.parameters()]
    asks = [weight.requires_grad for weight in model.parameters()] + [
        pixels.requires_grad,
        torch.is_grad_enabled(),
    ]
    modes = [module.training for module in model.modules()]
    return weights, [pixels.clone(), torch.get_rng_state()], hooks, grads, asks, modes, pixels.grad


def assert_same(before, after):
    for tensors, now in zip(before[:2], after[:2], strict=True):
        assert all(torch.equal(one, other) for one, other in zip(tensors, now, strict=True))
    assert before[2:] == after[2:]


@every_technique
def test_nothing_of_the_callers_changes(name, model):
    pixels = pictures()
    before = state_of(model, pixels)
    answer = TECHNIQUES[name](model, pixels)
    assert_same(before, state_of(model, pixels))
    assert (
        answer.device == pixels.device and not answer.requires_grad and len(answer) == len(pixels)
    )
    assert answer.isfinite().all()


@every_technique
@pytest.mark.parametrize("spoil", ["range", "shape", "nan"])
def test_bad_pixels_are_refused_and_nothing_changes(name, model, spoil):
    pixels = {"range": pictures() * 255, "shape": pictures()[0], "nan": pictures() / 0}[spoil]
    pixels = (
        pixels.nan_to_num(0.0, 0.5, 0.5).index_fill(0, HERE, torch.nan)
        if spoil == "nan"
        else pixels
    )
    before = state_of(model, pixels.nan_to_num())
    with pytest.raises(ValueError, match="pixels"):
        TECHNIQUES[name](model, pixels)
    assert_same(before, state_of(model, pixels.nan_to_num()))


@every_technique
def test_a_batch_is_its_pictures_one_by_one(name, model):
    pixels = pictures()
    together = TECHNIQUES[name](model, pixels)
    alone = torch.cat([TECHNIQUES[name](model, one[None]) for one in pixels])
    assert torch.allclose(together, alone, atol=1e-4 * float(together.abs().max()))


@every_technique
@pytest.mark.parametrize("enabled", [False, True])
def test_it_works_whether_or_not_gradients_are_on(name, model, enabled):
    with torch.set_grad_enabled(enabled):
        answer = TECHNIQUES[name](model, pictures()[:1])
    with torch.set_grad_enabled(not enabled):
        assert torch.equal(answer, TECHNIQUES[name](model, pictures()[:1]))


@every_technique
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU")
def test_the_answer_is_where_the_input_is(name):
    assert TECHNIQUES[name](models.load("coursenet"), pictures()).device.type == "cpu"


@every_technique
def test_a_picture_under_the_networks_minimum_is_refused_in_words(name, model):
    tiny = torch.rand(1, 3, 2, 2, generator=torch.Generator().manual_seed(0))
    with pytest.raises((ValueError, RuntimeError)) as caught:
        TECHNIQUES[name](model, tiny)
    assert isinstance(caught.value, ValueError), str(caught.value)
