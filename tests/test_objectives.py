import numpy as np
import pytest
import torch
from torch import nn

from cs231n_viz import models
from cs231n_viz.activations import activations_at, capture
from cs231n_viz.objectives import (
    class_score,
    color_variation,
    feature_distance,
    gradient,
    gradients_of,
    gram_distance,
    gram_matrices,
    gram_matrix,
    labels_of,
    layer_energy,
    likeness,
    score_of,
    squared_size,
    style_distance,
    style_maps,
    target_for,
    targets_of,
    total_variation,
    unit,
    weighted_sum,
)


class Toy(nn.Module):
    """Two 1x1 filters, red − green and twice blue; ReLU; mean; three classes a + b, a − b, 10."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(3, 2, 1, bias=False)
        self.relu = nn.ReLU()
        self.code = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
        self.scores = nn.Linear(2, 3)
        with torch.no_grad():
            self.conv.weight.copy_(torch.tensor([[1.0, -1, 0], [0, 0, 2]]).view(2, 3, 1, 1))
            self.scores.weight.copy_(torch.tensor([[1.0, 1], [1, -1], [0, 0]]))
            self.scores.bias.copy_(torch.tensor([0.0, 0, 10]))

    def forward(self, image):
        return self.scores(self.code(self.relu(self.conv(image))))


@pytest.fixture
def model():
    names = ("sum", "difference", "ten")
    return models.wrap(Toy(), mean=(0, 0, 0), std=(1, 1, 1), class_names=names, input_size=2)


@pytest.fixture
def image():
    """Red 1 in one corner, blue a half everywhere, and a second picture that is black."""
    image = torch.zeros(2, 3, 2, 2)
    image[0, 0, 0, 1], image[0, 2] = 1.0, 0.5
    return image


# On the first picture: relu channel 0 is [[0, 1], [0, 0]], channel 1 is 1 everywhere; code (0.25,
# 1).


def test_class_score_is_the_logit_by_index_and_by_name(model, image):
    assert class_score(model, 0)(image).tolist() == [1.25, 0]
    assert class_score(model, "difference")(image).tolist() == [-0.75, 0]
    assert class_score(model, torch.tensor(2))(image).tolist() == [10, 10]


def test_unit_reads_one_position_or_the_mean_of_its_map(model, image):
    assert unit(model, "relu", 0, 0, 1)(image).tolist() == [1, 0]
    assert unit(model, "relu", 0, 1, 1)(image).tolist() == [0, 0]
    assert unit(model, "relu", 0)(image).tolist() == [0.25, 0]
    assert unit(model, "code", 1)(image).tolist() == [1, 0]


def test_layer_energy_is_half_the_squared_norm_and_its_gradient_is_the_activation(model, image):
    assert layer_energy(model, "relu")(image).tolist() == [2.5, 0]
    image.requires_grad_()
    activation = activations_at(model, image, "conv")
    by_chain_rule = torch.autograd.grad(activation, image, grad_outputs=activation.detach())[0]
    assert torch.allclose(
        torch.autograd.grad(layer_energy(model, "conv")(image).sum(), image)[0], by_chain_rule
    )


def test_feature_distance_is_0_at_the_reference_and_1_from_an_inactive_layer(model, image):
    reference = activations_at(model, image[:1], "relu")
    assert feature_distance(model, "relu", reference)(image).tolist() == [0, 1]
    half = feature_distance(model, "relu", reference)(image / 2)
    assert half.tolist() == [0.25, 1]


def test_feature_distance_takes_one_reference_for_each_picture(model, image):
    pictures = torch.stack([image[0], image[0] / 2])
    references = activations_at(model, pictures, "relu")
    assert feature_distance(model, "relu", references)(pictures.flip(0)).tolist() == [0.25, 1]


def test_feature_distance_does_not_ask_for_a_gradient_of_the_reference(model, image):
    picture = image[:1].requires_grad_()
    reference = activations_at(model, picture, "relu")
    (gradient,) = torch.autograd.grad(
        feature_distance(model, "relu", reference)(picture).sum(), picture
    )
    assert not gradient.any()  # at the reference; through both sides it would be 0 everywhere
    assert torch.autograd.grad(
        feature_distance(model, "relu", reference)(picture * 2).sum(), picture
    )[0].any()


def test_total_variation_by_hand():
    picture = torch.tensor([[[[0.0, 1.0], [2.0, 5.0]]]])
    down, right = 2**2 + 4**2, 1**2 + 3**2
    assert total_variation()(picture).tolist() == [down + right]
    assert total_variation()(torch.full((2, 3, 4, 5), 0.7)).tolist() == [0, 0]
    assert total_variation()(torch.ones(1, 3, 1, 1)).tolist() == [0]


def test_squared_size_by_hand_from_zero_and_from_a_colour():
    picture = torch.tensor([[[[0.0, 1.0]], [[2.0, 0.0]]]])
    assert squared_size()(picture).tolist() == [5]
    assert squared_size(1.0)(picture).tolist() == [1 + 0 + 1 + 1]
    assert squared_size(torch.tensor([0.0, 2.0]).view(1, 2, 1, 1))(picture).tolist() == [1 + 4]


def test_weighted_sum_adds_up_by_weight(model, image):
    both = weighted_sum((2, class_score(model, "sum")), (-0.5, squared_size()))
    assert both(image).tolist() == [2 * 1.25 - 0.5 * 2, 0]


def test_score_of_understands_every_kind_of_target(model, image):
    assert score_of(model, 0)(image).tolist() == [1.25, 0]
    assert score_of(model, "sum")(image).tolist() == [1.25, 0]
    assert score_of(model, ("relu", 0))(image).tolist() == [0.25, 0]
    assert score_of(model, ("relu", 0, 0, 1))(image).tolist() == [1, 0]
    assert score_of(model, lambda scores: scores[:, 0] - scores[:, 1])(image).tolist() == [2, 0]


def test_gradients_agree_with_finite_differences(model):
    model = model.double()
    picture = torch.rand(2, 3, 2, 2, generator=torch.Generator().manual_seed(1)).double()
    reference = activations_at(model, picture.flip(0), "code")
    every = [
        class_score(model, 1),
        unit(model, "relu", 1),
        unit(model, "conv", 0, 1, 0),
        layer_energy(model, "code"),
        feature_distance(model, "code", reference),
        total_variation(),
        squared_size(0.3),
    ]
    for objective in every:
        assert torch.autograd.gradcheck(objective, picture.requires_grad_())


def test_objectives_judge_every_picture_by_itself(model):
    pictures = torch.rand(3, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    reference = activations_at(model, pictures[:1].flip(-1), "conv")
    every = weighted_sum(
        (1, unit(model, "relu", 0)),
        (2, layer_energy(model, "conv")),
        (3, feature_distance(model, "conv", reference)),
        (4, total_variation()),
        (5, squared_size(model.mean)),
    )
    assert torch.allclose(
        every(pictures), torch.cat([every(picture[None]) for picture in pictures])
    )


def test_objectives_leave_no_gradient_no_hook_and_no_change_behind(model, image):
    before = {name: value.clone() for name, value in model.state_dict().items()}
    picture = image.clone().requires_grad_()
    every = weighted_sum(
        (1, class_score(model, 0)), (1, unit(model, "relu", 0)), (1, layer_energy(model, "conv"))
    )
    torch.autograd.grad(every(picture).sum(), picture)
    assert picture.grad is None and all(parameter.grad is None for parameter in model.parameters())
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


@pytest.mark.parametrize(
    "target, sentence",
    [
        ("summ", "Did you mean 'sum'"),
        (3, "class 3 is out of range: Toy has classes 0 to 2"),
        (("relo", 0), "Did you mean 'relu'"),
        (("relu", 2), "the channel in relu is a whole number from 0 to 1, not 2"),
        (("relu", -1), "the channel in relu is a whole number from 0 to 1, not -1"),
        (("relu", 0, 0, 2), "the column in relu is a whole number from 0 to 1, not 2"),
        (("relu", 0, 1), r"a unit is \(layer, channel\[, row, column\]\)"),
        (("relu", 0, 1, None), "row=1 and column=None"),
        (("code", 0, 0, 0), r"code has no such units \(0, 0, 0\)"),
        (lambda scores: scores, r"shape \(2,\); yours gave shape \(2, 3\)"),
        (lambda scores: scores.sum(), r"yours gave shape \(\)"),
    ],
)
def test_a_wrong_target_gets_a_sentence_that_helps(model, image, target, sentence):
    with pytest.raises(ValueError, match=sentence):
        score_of(model, target)(image)


@pytest.mark.parametrize("target", [1.5, None, [0, 1]])
def test_a_target_of_the_wrong_type_gets_a_sentence_that_helps(model, target):
    with pytest.raises(TypeError, match="its index or its name"):
        score_of(model, target)


WHOLE = [torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64]


def test_no_target_is_the_networks_own_class_of_each_picture(model, image):
    assert target_for(model, None, image).tolist() == [2, 2]
    picture = torch.cat([image, 1 - image[:1]])
    assert target_for(model, None, picture).tolist() == model(picture).argmax(dim=1).tolist()
    with pytest.raises(ValueError, match="divide by 255"):
        target_for(model, 0, 40 * picture)


def test_a_class_for_each_picture_may_be_told_in_any_whole_numbers_or_by_name(model, image):
    several = [[1, 0], ["difference", "sum"], ["difference", 0], [np.int64(1), torch.tensor(0)]]
    several += [torch.tensor([1, 0], dtype=dtype) for dtype in WHOLE]
    several += [np.array([1, 0], dtype) for dtype in ("int8", "uint16", "int64")]
    for target in several:
        found = target_for(model, target, image)
        assert found.dtype == torch.int64 and found.tolist() == [1, 0]
        assert score_of(model, found)(image).tolist() == [-0.75, 0]


def test_one_class_may_be_a_number_of_any_library(model, image):
    for target in (1, np.int64(1), np.uint8(1), np.array(1), torch.tensor(1), "difference"):
        assert score_of(model, target_for(model, target, image))(image).tolist() == [-0.75, 0]
    for target in (("relu", 0), ("relu", np.int32(0), torch.tensor(0), 1)):
        assert torch.is_tensor(score_of(model, target_for(model, target, image))(image))


@pytest.mark.parametrize(
    "target",
    [1.0, True, np.float32(1), np.bool_(True), torch.tensor(1.0), torch.tensor(True)]
    + [[1.0, 0.0], [True, False], np.array([1.0, 0]), torch.tensor([True, False]), [[1], [0]]],
)
def test_floats_and_booleans_are_no_classes(model, image, target):
    with pytest.raises(TypeError, match="a class is its index or its name"):
        target_for(model, target, image)


def test_values_have_no_class_that_is_the_answer():
    model = models.wrap(Toy(), input_size=2, scores="values", name="meter")
    picture = torch.rand(1, 3, 2, 2)
    with pytest.raises(ValueError, match="meter gives values and no classes"):
        target_for(model, None, picture)
    assert torch.equal(
        score_of(model, target_for(model, 2, picture))(picture), model(picture)[:, 2]
    )


def test_each_picture_may_have_a_unit_of_its_own(model, image):
    units = [("relu", 0), ("relu", 1, 0, 0)]
    assert target_for(model, units, image) == units
    assert score_of(model, units)(image.flip(0)).tolist() == [0, 1]
    assert targets_of(units, 2) == units
    with pytest.raises(ValueError, match="1 pictures need as many"):
        score_of(model, units)(image[:1])


def test_a_row_that_is_no_whole_number_is_refused(model, image):
    with pytest.raises(TypeError, match="the row in relu is a whole number, not 0.5"):
        unit(model, "relu", 0, 0.5, 1)(image)


def test_labels_may_be_of_any_whole_numbers():
    several = [[2, 0], (2, 0), np.array([2, 0], np.uint16), [torch.tensor(2), np.int8(0)]]
    for values in several + [torch.tensor([2, 0], dtype=dtype) for dtype in WHOLE]:
        assert labels_of(values, 2).dtype == torch.int64 and labels_of(values, 2).tolist() == [2, 0]
    for wrong in ([1, 2, 3], [1.0, 2.0], ["a", "b"], [[1], [2]], [[1, 2], [3]], [True, False], 3):
        with pytest.raises(ValueError, match="2 pictures need 2 labels"):
            labels_of(wrong, 2)


class Cut(nn.Module):
    """A network that cuts the gradient after its first layer, and has a second head for nothing."""

    def __init__(self, how):
        super().__init__()
        self.conv, self.head, self.idle = nn.Conv2d(3, 4, 1), nn.Linear(4, 2), nn.Linear(4, 2)
        self.how = how

    def forward(self, picture):
        if self.how == "no_grad":
            with torch.no_grad():
                features = self.conv(picture).mean(dim=(2, 3))
        elif self.how == "inference_mode":
            with torch.inference_mode():
                features = self.conv(picture).mean(dim=(2, 3))
        else:
            features = self.conv(picture).mean(dim=(2, 3)).detach()
        self.idle(features)
        return self.head(features)


@pytest.mark.parametrize("how", ["no_grad", "inference_mode", "detach"])
def test_a_network_that_cuts_the_gradient_is_told_so(how):
    model, picture = models.wrap(Cut(how), input_size=4), torch.rand(1, 3, 4, 4)
    with pytest.raises(ValueError, match=r"back to the picture.*no_grad, inference_mode or detach"):
        gradient(class_score(model, 0), picture)


def test_gradients_of_layers_name_the_one_on_which_nothing_depends(model, image):
    with capture(model, "relu", "code") as outputs:
        total = class_score(model, 0)(image.requires_grad_()).sum()
    with pytest.raises(ValueError, match="back to relu and code"):
        gradients_of(total.detach(), outputs)
    first, second = gradients_of(total, outputs)
    assert second.tolist() == [[1, 1], [1, 1]] and first.shape == (2, 2, 2, 2)
    total = class_score(model, 0)(image).sum()
    with pytest.raises(ValueError, match="back to nothing: .*name another layer"):
        gradients_of(total, {"picture": image, "nothing": torch.zeros(1, requires_grad=True)})


def test_gradients_are_taken_inside_no_grad_and_inference_mode_too(model, image):
    expected = gradient(class_score(model, 0), image)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            own = image.clone()  # of inference_mode, too
            assert torch.equal(gradient(class_score(model, 0), own), expected)
            each = score_of(model, target_for(model, [0, 0], own))
            assert torch.equal(gradient(each, own), expected)
        assert torch.equal(gradient(class_score(model, 0), own), expected)


def test_references_that_cannot_be_compared_get_a_sentence_that_helps(model, image):
    with pytest.raises(ValueError, match="all zero"):
        feature_distance(model, "relu", torch.zeros(1, 2, 2, 2))
    with pytest.raises(ValueError, match="the same layer and size"):
        feature_distance(model, "relu", torch.ones(1, 2, 3, 3))(image)
    with pytest.raises(ValueError, match="of one picture or one each"):
        feature_distance(model, "relu", torch.ones(3, 2, 2, 2))(image)


def test_each_picture_may_have_a_class_of_its_own_which_is_checked():
    model, pixels = (
        models.load("coursenet", device="cpu"),
        torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0)),
    )
    scores = model(pixels)
    assert torch.equal(score_of(model, torch.tensor([3, 99]))(pixels), scores[[0, 1], [3, 99]])
    with pytest.raises(ValueError, match="2 pictures need as many classes"):
        score_of(model, torch.tensor([3]))(pixels)
    with pytest.raises(ValueError, match="class 999 is out of range"):
        score_of(model, torch.tensor([3, 999]))


def test_color_variation_does_not_mind_grey_edges():
    grey = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).expand(1, 3, 2, 2)
    assert color_variation()(grey).tolist() == [0]
    red = torch.zeros(1, 3, 1, 2)
    red[0, 0, 0, 1] = 0.9  # less the mean: (0.6, −0.3, −0.3) beside zeros
    assert color_variation()(red).tolist() == pytest.approx([0.36 + 0.09 + 0.09])


# --- Gram matrices --------------------------------------------------------------------------------


def random_maps(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(13), dtype=torch.float64)


def test_a_gram_matrix_worked_by_hand():
    maps = torch.tensor(
        [[[[1.0, 0.0, 2.0]], [[3.0, 1.0, 0.0]]]]
    )  # two channels, 1 x 3 places: C·H·W = 6
    assert torch.equal(gram_matrix(maps), torch.tensor([[[5.0, 3.0], [3.0, 10.0]]]) / 6)


def test_a_gram_matrix_is_what_loops_over_pictures_pairs_and_places_give():
    maps = random_maps(2, 3, 4, 5)
    loops = torch.zeros(2, 3, 3, dtype=torch.float64)
    for n in range(2):
        for k in range(3):
            for m in range(3):
                for i in range(4):
                    for j in range(5):
                        loops[n, k, m] += maps[n, k, i, j] * maps[n, m, i, j] / (3 * 4 * 5)
    assert torch.allclose(gram_matrix(maps), loops)


def test_a_gram_matrix_forgets_where():
    maps = random_maps(1, 6, 8, 8)
    order = torch.randperm(64, generator=torch.Generator().manual_seed(0))
    shuffled = maps.flatten(2)[..., order].view_as(maps)
    assert torch.allclose(gram_matrix(shuffled), gram_matrix(maps), rtol=1e-12)
    each_its_own = torch.stack([channel.flatten().roll(3 * k) for k, channel in enumerate(maps[0])])
    assert not torch.allclose(gram_matrix(each_its_own.view_as(maps)), gram_matrix(maps), atol=0.01)


def test_products_of_all_pairs_of_places_have_rank_one_and_those_of_the_same_place_have_not():
    maps = random_maps(1, 6, 4, 5)
    flat = maps[0].flatten(1)
    all_pairs = torch.einsum("kp,lq->kl", flat, flat)
    assert torch.allclose(all_pairs, torch.outer(flat.sum(dim=1), flat.sum(dim=1)))
    assert int(torch.linalg.matrix_rank(all_pairs)) == 1
    assert int(torch.linalg.matrix_rank(gram_matrix(maps)[0])) == 6


def test_a_gram_matrix_is_the_covariance_plus_the_product_of_the_means():
    maps = random_maps(1, 5, 6, 7)
    flat, mean = maps[0].flatten(1), maps[0].mean(dim=(1, 2))
    assert torch.allclose(
        5 * gram_matrix(maps)[0], torch.cov(flat, correction=0) + torch.outer(mean, mean)
    )


def test_gram_distance_is_zero_at_home_and_one_for_zeros():
    maps = random_maps(2, 3, 4, 4)
    assert torch.equal(gram_distance(maps, gram_matrix(maps)), torch.zeros(2, dtype=torch.float64))
    assert torch.allclose(
        gram_distance(maps * 0, gram_matrix(maps)), torch.ones(2, dtype=torch.float64)
    )
    assert torch.allclose(
        gram_distance(maps * 2**0.5, gram_matrix(maps)), torch.ones(2, dtype=torch.float64)
    )


def test_the_sample_of_a_style_may_have_another_size(model, image):
    image = image[:1]
    wanted = gram_matrices(model, image.repeat(1, 1, 2, 3), ["conv", "relu"])
    assert {layer: tuple(gram.shape) for layer, gram in wanted.items()} == {
        "conv": (1, 2, 2),
        "relu": (1, 2, 2),
    }
    assert torch.allclose(style_distance(model, wanted)(image), torch.zeros(1), atol=1e-9)


def test_a_style_distance_weighs_its_layers(model, image):
    wanted, other = gram_matrices(model, image[:1], ["conv", "relu"]), 1 - image
    one, two = (style_distance(model, {layer: wanted[layer]})(other) for layer in ("conv", "relu"))
    assert torch.allclose(style_distance(model, wanted)(other), (one + two) / 2)
    assert torch.allclose(
        style_distance(model, wanted, {"conv": 3.0, "relu": 0.5})(other), 3 * one + two / 2
    )


def test_what_is_no_feature_map_and_an_inactive_layer_get_sentences_that_help():
    with pytest.raises(ValueError, match=r"\(N, C, H, W\), not \(3, 4\)"):
        gram_matrix(torch.ones(3, 4))
    with pytest.raises(ValueError, match="all zero"):
        gram_distance(torch.ones(1, 2, 2, 2), torch.zeros(1, 2, 2))


def test_likeness_is_the_feature_distance_and_the_style_distance_in_one_pass(model, image):
    content, style = image.flip(3) + 0.1, 1 - image
    wanted = gram_matrices(model, style, ["pixels", "relu"])
    near = likeness(model, content, "relu", wanted, {"pixels": 2, "relu": 3})(image)
    features = activations_at(model, content, "relu")
    torch.testing.assert_close(near.content, feature_distance(model, "relu", features)(image))
    torch.testing.assert_close(
        near.style, style_distance(model, wanted, {"pixels": 2, "relu": 3})(image)
    )


def test_the_layer_pixels_is_the_picture_less_the_mean_colour(model, image):
    maps = style_maps(model, image, ["pixels"])
    torch.testing.assert_close(maps["pixels"], image - model.mean)
    assert set(style_maps(model, image, ["relu"])) == {
        "relu"
    }  # and is there only where it was asked for


def test_gram_matrices_of_other_pictures_or_layers_are_refused_in_words(model, image):
    maps = torch.rand(2, 3, 4, 4)
    with pytest.raises(
        ValueError, match=r"Gram matrices .* \(2, 3, 3\), the reference \(3, 3, 3\)"
    ):
        gram_distance(maps, torch.ones(3, 3, 3))
    with pytest.raises(ValueError, match=r"\(2, 3, 3\), the reference \(1, 4, 4\)"):
        gram_distance(maps, torch.ones(1, 4, 4))
    with pytest.raises(ValueError, match="no layer is named"):
        style_distance(model, {})
    with pytest.raises(ValueError, match="no weight for relu"):
        style_distance(model, gram_matrices(model, image, ["relu"]), {"pixels": 1})
    with pytest.raises(ValueError, match="features of conv have the shape"):
        likeness(model, image + 0.1, "conv", gram_matrices(model, image + 0.1, ["conv"]))(
            image[..., 1:]
        )
