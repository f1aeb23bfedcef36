"""What every technique promises: nothing of the caller's changes, a batch = one by one, …"""

import copy
import re

import pytest
import torch
import toy_nets

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
COVER, GLASS = torch.full((1, 3, 1, 1), 0.5), data.painting("glass", 64)


# CourseNet's layers, and those of EfficientNet-Lite that take their place
STAND_INS = {"relu1": "stem", "relu2": "relu2_depthwise"}
STAND_INS |= {"relu3_1": "relu4_depthwise", "relu4_1": "block9"}


def there(model, argument):
    """The argument, its layers those of this network."""
    if isinstance(argument, list | tuple):
        return type(argument)(there(model, each) for each in argument)
    named = isinstance(argument, str) and argument not in model.layers
    return STAND_INS.get(argument, argument) if named else argument


def told(function, *arguments, **settings):
    """The function of model and pixels alone."""
    return lambda model, pixels: function(model, pixels, *there(model, arguments), **settings)


def from_pixels(function, *arguments):
    """The image made of a start."""
    return lambda model, pixels: function(model, *there(model, arguments), start=pixels, steps=2)


def by_light(function, *arguments):
    """The curve of the map that is the picture's own brightness."""
    return lambda model, pixels: function(model, pixels, pixels.mean(dim=1), 3, *arguments, steps=2)


def in_the_corner(model, pixels):
    corner = HERE.expand(len(pixels))
    layer = there(model, "relu3_1")
    return guided_backprop.unit_gradients(model, pixels, layer, 2, corner, corner)


def gross_influences(model, pixels):
    return guided_backprop.influences(model, pixels, 3, there(model, "relu3_1")).gross


def one_of_several_maps(model, pixels):
    (heat,) = cam.grad_cams(model, pixels, 3, [there(model, "relu4_1")]).values()
    return heat


TECHNIQUES = {
    "occlusion_map": told(occlusion.occlusion_map, 3, 32, 32),
    "occlusion_map of a unit": told(occlusion.occlusion_map, ("relu2", 3), 64, 64),
    "covered_scores": told(occlusion.covered_scores, 64, 64),
    "saliency_map": told(saliency.saliency_map, 3),
    "smooth_saliency": told(saliency.smooth_saliency, 3, samples=2),
    "integrated_gradients": lambda *given: (
        saliency.integrated_gradients(*given, 3, steps=3).attributions
    ),
    "input_gradient, plain": told(guided_backprop.input_gradient, 3, "plain"),
    "input_gradient, guided": told(guided_backprop.input_gradient, 3, "guided"),
    "unit_gradients": in_the_corner,
    "influences": gross_influences,
    "cam": told(cam.cam, 3),
    "grad_cam": told(cam.grad_cam, 3, "relu4_1"),
    "grad_cams": one_of_several_maps,
    "guided_grad_cam": told(cam.guided_grad_cam, 3),
    "class_image": from_pixels(gradient_ascent.class_image, 3),
    "unit_image": from_pixels(gradient_ascent.unit_image, "relu2", 3),
    "responses": told(multifaceted.responses, "relu3_1"),
    "facet_image": from_pixels(multifaceted.facet_image, 3),
    "invert": told(inversion.invert, "relu2", steps=3),
    "fgsm": told(adversarial.fgsm, 3, 0.5, norm="l2"),
    "pgd": told(adversarial.pgd, 3, 1.0, norm="l2", steps=2),
    "fool": told(adversarial.fool, 3, 1.0, norm="l2", steps=2),
    "query_attack": told(adversarial.query_attack, 3, 8 / 255, queries=4),
    "deletion": by_light(truth.deletion),
    "insertion": by_light(truth.insertion, COVER),
    "dream": told(deepdream.dream, "relu3_1", octaves=2, steps=2),
    "synthesize": told(texture.synthesize, ["relu1", "relu2"], steps=3, sizes=1),
    "repaint": lambda model, pixels: fast_style.repaint(STYLES, pixels, {"one": 1, "two": 2}),
    "transfer": told(style_transfer.transfer, GLASS, steps=3),
}
ASCENTS = ("class_image", "unit_image", "facet_image", "dream", "synthesize", "pgd", "fool")
every_technique = pytest.mark.parametrize("name", TECHNIQUES)


@pytest.fixture(scope="module", params=["coursenet", "efficientnet_lite0"])
def model(request):
    if request.param == "coursenet":
        return models.load("coursenet", device="cpu")
    return toy_nets.real_network()


def pictures():
    return data.picturebook("test", 3).pixels[:, :, :96]


def state_of(model, pixels):
    """Everything that a call could change and must not."""
    hooks = [
        [len(each) for each in (m._forward_hooks, m._forward_pre_hooks, m._backward_hooks)]
        for m in model.modules()
    ]
    weights = [weight.clone() for weight in model.state_dict().values()]
    grads = [weight.grad for weight in model.parameters()]
    asks = [weight.requires_grad for weight in model.parameters()]
    asks += [pixels.requires_grad, torch.is_grad_enabled()]
    modes = [module.training for module in model.modules()]
    return weights, [pixels.clone(), torch.get_rng_state()], hooks, grads, asks, modes, pixels.grad


def assert_same(before, after):
    for tensors, now in zip(before[:2], after[:2], strict=True):
        assert all(torch.equal(one, other) for one, other in zip(tensors, now, strict=True))
    assert before[2:] == after[2:]


@pytest.mark.slow
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


@pytest.mark.slow
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


@pytest.mark.slow
@every_technique
def test_a_batch_is_its_pictures_one_by_one(name, model):
    """Ascent makes a rounding that switches a ReLU grow: the deeper network in double precision."""
    pixels = pictures()
    if model.name == "efficientnet_lite0" and name in ASCENTS:
        model, pixels = copy.deepcopy(model).double(), pixels.double()
    together = TECHNIQUES[name](model, pixels)
    alone = torch.cat([TECHNIQUES[name](model, one[None]) for one in pixels])
    assert torch.allclose(together, alone, atol=1e-4 * float(together.abs().max()))


@pytest.mark.slow
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
@pytest.mark.parametrize("side", [2, 8, 31])
def test_a_picture_under_the_networks_minimum_is_refused_in_words_or_enough(name, side, model):
    """EfficientNet-Lite's first layers take less than all of it does, and are all that some ask."""
    tiny = torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(0))
    try:
        assert TECHNIQUES[name](model, tiny).isfinite().all()
    except ValueError as refusal:
        said = r"cannot take a picture of|is a whole number from \d+ (to|up)|is too small for"
        assert re.search(said, str(refusal)), str(refusal)
    else:
        assert (model.name, side) != ("coursenet", 2)
