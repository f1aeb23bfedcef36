"""A PixelModel is a function, pictures -> scores: what keeps it from that is mended or said."""

import copy
import warnings
from collections import namedtuple

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn

from cs231n_viz import models
from cs231n_viz.objectives import class_score, gradient
from cs231n_viz.techniques import cam, saliency

SIDE = 16


def conv_net(outputs=3, channels=3, *end):
    """Two convolutions, the mean of the maps, a linear layer, and what else is asked for."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(channels, 6, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(6, 8, 3, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, outputs),
        *end,
    )


def wrapped(network, **settings):
    return models.wrap(network, **({"input_size": SIDE} | settings))


def pictures(count=3, channels=3, side=SIDE):
    return torch.rand(count, channels, side, side, generator=torch.Generator().manual_seed(1))


class Around(nn.Module):
    """A network with a function behind its first layer, or around the whole."""

    def __init__(self, function, network=None):
        super().__init__()
        self.net, self.function = network or conv_net(), function

    def forward(self, picture):
        return self.function(self.net, picture)


# --- a memory format is a matter of speed ---------------------------------------------------------


class LeNet(nn.Module):
    """Flattens with .view, which channels-last maps do not allow."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(3, 6, 3), nn.Conv2d(6, 16, 3)
        self.fc = nn.Linear(16 * 5 * 5, 4)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.relu(self.conv2(x))
        return self.fc(x.view(x.shape[0], -1))


def test_a_network_that_flattens_by_view_is_wrapped_and_computes_the_same():
    network = LeNet()
    model = wrapped(network)
    assert torch.allclose(model(pictures()), network(pictures()), atol=1e-6)
    assert model.network.conv2.weight.is_contiguous()
    assert cam.grad_cam(model, pictures(), 1).shape == (3, SIDE, SIDE)


def test_a_network_that_can_has_its_weights_channels_last():
    weight = wrapped(conv_net()).network[2].weight
    assert weight.is_contiguous(memory_format=torch.channels_last) and not weight.is_contiguous()


def test_a_network_whose_answer_depends_on_the_strides_keeps_its_own():
    def first_values_in_memory(net, x):
        maps = net[0](x)
        return maps.as_strided((len(x), 4), (maps.stride(0), 1))

    network = Around(first_values_in_memory)
    assert torch.allclose(wrapped(network)(pictures()), network(pictures()), atol=1e-6)


def test_weights_of_five_dimensions_are_no_hindrance():
    class Volume(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.fc = nn.Conv3d(1, 4, (3, 3, 3), padding=1), nn.Linear(4, 3)

        def forward(self, x):
            return self.fc(self.conv(x[:, None]).mean(dim=(2, 3, 4)))

    network = Volume()
    assert torch.allclose(wrapped(network)(pictures()), network(pictures()), atol=1e-6)


def test_the_gradient_at_pixels_lies_in_memory_as_they_do():
    model, pixels = wrapped(conv_net()), pictures().requires_grad_()
    (slopes,) = torch.autograd.grad(model(pixels)[:, 1].sum(), pixels)
    assert slopes.is_contiguous() and slopes.view(3, -1).shape == (3, 3 * SIDE**2)
    assert not pixels._backward_hooks


# --- scores that are no logits of two or more classes ---------------------------------------------


def test_one_logit_becomes_two_whose_softmax_is_the_sigmoid():
    network = conv_net(1)
    model, p = wrapped(network, scores="one logit"), network(pictures()).sigmoid()
    assert torch.allclose(model.probabilities(model(pictures())), torch.cat([1 - p, p], 1))
    found = models.predict(model, pictures(1), top=2)
    assert {one.index: one.probability for one in found} == pytest.approx(
        {0: 1 - p[0].item(), 1: p[0].item()}, rel=1e-5
    )
    # both classes have a slope, and they are opposite
    one, two = (gradient(class_score(model, index), pictures()) for index in (0, 1))
    assert two.any() and torch.allclose(one, -two)


def test_one_number_that_nobody_explained_is_taken_for_a_logit_with_a_word():
    with pytest.warns(UserWarning, match='scores="one logit"'):
        model = wrapped(conv_net(1))
    assert model(pictures()).shape == (3, 2)


@pytest.mark.parametrize("end", [nn.Sigmoid(), None])
def test_one_probability_is_recognised_by_its_sigmoid(end):
    if end:
        network = conv_net(1, 3, end)
    else:
        network = Around(lambda net, x: torch.sigmoid(net(x)), conv_net(1))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = wrapped(network)
    p = network(pictures())
    assert torch.allclose(model.probabilities(model(pictures())), torch.cat([1 - p, p], 1))


@pytest.mark.parametrize(
    "network",
    [conv_net(3, 3, nn.Softmax(dim=1)), Around(lambda net, x: F.softmax(net(x), dim=1))],
    ids=["module", "function"],
)
def test_a_softmax_at_the_end_is_undone(network):
    model, logits = wrapped(network), conv_net()(pictures())
    assert torch.allclose(model(pictures()), logits.log_softmax(dim=1), atol=1e-5)
    assert torch.allclose(model.probabilities(model(pictures())), network(pictures()), atol=1e-6)
    # and so the slope of a score is that of log p, which does not vanish where p is near 1
    slope = gradient(class_score(model, 1), pictures())
    pixels = pictures().requires_grad_()
    (by_hand,) = torch.autograd.grad(conv_net()(pixels).log_softmax(dim=1)[:, 1].sum(), pixels)
    assert torch.allclose(slope, by_hand, atol=1e-6)


def test_several_sigmoids_are_labels_of_which_each_may_be_true():
    network = conv_net(4, 3, nn.Sigmoid())
    model = wrapped(network)
    assert model.scores_are == "labels"
    assert torch.allclose(model(pictures()), conv_net(4)(pictures()), atol=1e-4)
    assert torch.allclose(model.probabilities(model(pictures())), network(pictures()))


def test_logits_of_labels_need_a_word():
    network = conv_net(4)
    model = wrapped(network, scores="labels")
    assert torch.equal(model.probabilities(model(pictures())), network(pictures()).sigmoid())


def test_scores_between_0_and_1_that_no_sigmoid_made_stay_logits():
    network = Around(lambda net, x: net(x).clamp(0.1, 0.9))
    model = wrapped(network)
    assert model.scores_are == "logits"
    assert torch.allclose(model(pictures()), network(pictures()), atol=1e-6)


@pytest.mark.parametrize("count", [1, 3])
def test_values_stay_as_they_are_and_have_no_probabilities(count):
    network = conv_net(count)
    model = wrapped(network, scores="values")
    assert torch.allclose(model(pictures()), network(pictures()), atol=1e-6)
    assert saliency.saliency_map(model, pictures(), 0).any()
    with pytest.raises(ValueError, match="values, not classes"):
        models.predict(model, pictures(1))


@pytest.mark.parametrize(
    ("count", "word", "said"),
    [
        (3, "one logit", "gives 3 numbers"),
        (1, "logits", "gives 1 numbers"),
        (1, "labels", "gives 1 numbers"),
        (3, "probabilities", r"lie in \[0, 1\]"),
        (3, "softmax", "kind of scores"),
    ],
)
def test_a_word_that_does_not_fit_the_scores_is_refused(count, word, said):
    with pytest.raises(ValueError, match=said):
        wrapped(Around(lambda net, x: net(x) * 9 - 1, conv_net(count)), scores=word)


@pytest.mark.parametrize("word", ["one logit", "labels", "logits"])
def test_a_word_that_a_sigmoid_at_the_end_contradicts_is_refused(word):
    with pytest.raises(ValueError, match="ends in a sigmoid"):
        wrapped(conv_net(1 if word == "one logit" else 3, 3, nn.Sigmoid()), scores=word)


def test_two_sigmoids_that_happen_to_sum_to_one_are_labels_and_no_softmax():
    network = conv_net(2, 3, nn.Sigmoid())
    for weight in network[6].parameters():
        weight.data.zero_()
    assert wrapped(network).scores_are == "labels"


def test_a_label_that_is_surely_absent_keeps_its_slope():
    network = conv_net(3, 3, nn.Sigmoid())
    network[6].bias.data.fill_(-18)
    model, logits = wrapped(network), network[:7]
    assert torch.allclose(model(pictures()), logits(pictures()), rtol=1e-4)
    assert saliency.saliency_map(model, pictures(), 1).any()


def test_a_script_that_ends_in_probabilities_is_asked_about():
    with pytest.warns(UserWarning, match='"probabilities"'):
        wrapped(torch.jit.script(conv_net(4, 3, nn.Sigmoid())))


# --- networks that are no functions of one picture ------------------------------------------------


def test_batch_norm_without_statistics_looks_at_each_picture_alone_and_that_is_said():
    network = conv_net()
    network[1] = nn.BatchNorm2d(6, track_running_stats=False)
    nn.init.uniform_(network[1].weight)
    with pytest.warns(UserWarning, match="BatchNorm2d without running statistics"):
        model = wrapped(network)
    alone = torch.cat([network(one) for one in pictures().split(1)])
    assert torch.allclose(model(pictures()), alone, atol=1e-5)
    assert isinstance(network[1], nn.BatchNorm2d)  # theirs is as it was


def test_dropout_that_eval_does_not_switch_off_is_named():
    class Dropped(nn.Module):
        def forward(self, x):
            return F.dropout(x, 0.5)

    network = conv_net()
    network[3] = Dropped()
    before = torch.get_rng_state()
    with pytest.raises(ValueError, match="the second time, first in Dropped '3'"):
        wrapped(network)
    assert torch.equal(before, torch.get_rng_state())


def test_noise_in_forward_itself_is_said_to_be_there():
    with pytest.raises(ValueError, match="its own forward"):
        wrapped(Around(lambda net, x: net(x) + torch.randn(3)))


def test_a_network_that_counts_its_calls_is_refused():
    class Counting(nn.Module):
        calls = 0

        def forward(self, x):
            self.calls += 1
            return x * self.calls

    with pytest.raises(ValueError, match="second time, first in Counting '7'"):
        wrapped(conv_net(3, 3, Counting()))


def test_what_looks_at_the_whole_batch_is_named():
    network = conv_net()
    network.insert(6, Around(lambda net, x: x - x.mean(dim=0), nn.Identity()))
    with pytest.warns(UserWarning, match="in company than alone, first in Around '6'"):
        model = wrapped(network)
    assert torch.allclose(model(pictures(1)), network(pictures(1)), atol=1e-6)


def test_a_network_that_squeezes_the_batch_away_is_told_so():
    with pytest.raises(ValueError, match="squeeze"):
        wrapped(Around(lambda net, x: net[6](net[:5](x).squeeze())))


def test_a_network_that_fails_on_a_grey_picture_alone_is_told_so():
    def contrast(net, x):
        if len(x) == 1 and x.std() < 1e-6:
            raise RuntimeError("nothing to see")
        return net(x)

    with pytest.raises(ValueError, match="takes two pictures, but not one.*nothing to see"):
        wrapped(Around(contrast))


def test_scores_in_double_precision_of_a_float32_network_are_judged_as_float32():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert wrapped(Around(lambda net, x: net(x).double()))(pictures()).dtype == torch.float64


def test_what_takes_only_two_pictures_or_only_one_is_said():
    network = conv_net()
    network.insert(6, nn.BatchNorm1d(8, track_running_stats=False))
    with pytest.raises(ValueError, match="takes two pictures, but not one at once"):
        wrapped(network)
    with pytest.raises(ValueError, match="takes one picture, but not two at once"):
        wrapped(Around(lambda net, x: net[6](net[:5](x).view(1, 8))))


# --- arguments that cannot be meant ---------------------------------------------------------------


@pytest.mark.parametrize(
    ("mean", "std", "said"),
    [
        ((123.7, 116.3, 103.5), (58.4, 57.1, 57.4), "divide both by 255"),
        ((0.229, 0.224, 0.225), (0.485, 0.456, 0.406), "the wrong way round"),
        ((0.247, 0.243, 0.262), (0.491, 0.482, 0.447), "the wrong way round"),
        ((0.5, 0.5, 0.5), (0.2, 0.0, 0.2), "above 0"),
        ((0.5, 0.5, 0.5), (0.2, -0.2, 0.2), "above 0"),
        ((0.5, 0.5, 0.5), (0.2, 0.2), "3 and 2"),
        ((float("nan"),) * 3, (0.2,) * 3, "pixels from 0 to 1"),
        ((-1.0, 0.0, 0.0), (0.2,) * 3, "pixels from 0 to 1"),
        ((), (), "0 and 0"),
    ],
)
def test_a_normalisation_that_no_pixels_have_is_refused(mean, std, said):
    with pytest.raises(ValueError, match=said):
        wrapped(conv_net(), mean=mean, std=std)


@pytest.mark.parametrize("mean", [0.5, None, "rgb"])
def test_a_normalisation_that_is_no_numbers_is_refused(mean):
    with pytest.raises(TypeError, match="one number per channel"):
        wrapped(conv_net(), mean=mean, std=(0.2,) * 3)


def test_a_normalisation_may_be_a_tensor_and_255ths():
    model = wrapped(conv_net(), mean=torch.zeros(3), std=[1 / 255] * 3)
    assert torch.allclose(model(pictures()), conv_net()(pictures() * 255), rtol=1e-4)


@pytest.mark.parametrize(
    "names",
    [
        {0: "cat", 1: "dog", 2: "owl"},
        {"2": "owl", "0": "cat", "1": "dog"},
        {"dog": 1, "cat": 0, "owl": 2},
        {"owl": 2, "cat": 0, "dog": 1},
        ("cat", "dog", "owl"),
    ],
)
def test_class_names_come_as_a_list_or_as_either_mapping(names):
    assert wrapped(conv_net(), class_names=names).class_names == ["cat", "dog", "owl"]


def test_folders_that_are_called_by_numbers_are_names_and_no_indices():
    by_folder = {name: index for index, name in enumerate(sorted(["0", "2", "10"]))}
    assert wrapped(conv_net(), class_names=by_folder).class_names == ["0", "10", "2"]
    with pytest.raises(ValueError, match="names 0 to 2"):
        wrapped(conv_net(), class_names={"n01": "tench", "n02": "shark"})


def test_an_answer_that_is_a_network_is_copied_too():
    answer = nn.Sequential(nn.Dropout(0.5), nn.Linear(3, 2)).train()
    model = wrapped(conv_net(), answer=answer)
    assert answer.training and answer[1].weight.requires_grad
    assert torch.allclose(model(pictures()), answer[1](conv_net()(pictures())), atol=1e-6)


def test_class_names_that_leave_an_index_without_name_are_refused():
    with pytest.raises(ValueError, match=r"names 0 to 2, not \[1, 2, 3\]"):
        wrapped(conv_net(), class_names={1: "cat", 2: "dog", 3: "owl"})
    with pytest.raises(TypeError, match="not the string 'cat'"):
        wrapped(conv_net(), class_names="cat")


def test_a_name_that_two_classes_have_asks_for_the_index():
    model = wrapped(conv_net(), class_names=["crane", "owl", "crane"])
    assert model.class_index("owl") == 1 and model.class_index(2) == 2
    with pytest.raises(ValueError, match=r"classes \[0, 2\]: give one index"):
        model.class_index("crane")


@pytest.mark.parametrize("index", [np.int16(2), torch.tensor(2), torch.tensor([[2]])])
def test_an_index_may_be_any_kind_of_whole_number(index):
    assert wrapped(conv_net()).class_index(index) == 2


@pytest.mark.parametrize("index", [True, torch.tensor(True), 1.0, torch.tensor(1.0), None, [1]])
def test_what_is_no_whole_number_is_no_class(index):
    with pytest.raises(TypeError, match="its index or its name"):
        wrapped(conv_net()).class_index(index)


def test_a_rectangular_input_is_the_networks_own():
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 10 * 4, 5))
    model = wrapped(network, input_size=(12, 6))
    pixels = torch.rand(2, 3, 12, 6)
    assert model.input_size == (12, 6) == model.size and model.grey().shape == (1, 3, 12, 6)
    assert torch.allclose(model(pixels), network(pixels), atol=1e-6)
    assert cam.grad_cam(model, pixels, 0).shape == (2, 12, 6)
    with pytest.raises(ValueError, match="it was made for 12 x 6"):
        model(torch.rand(1, 3, 12, 12))


@pytest.mark.parametrize("size", [0, (8,), (8, 0), 8.5, (8, 8, 8)])
def test_a_size_that_is_none_is_refused(size):
    with pytest.raises((TypeError, ValueError), match="input_size"):
        wrapped(conv_net(), input_size=size)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ({"grid": 8}, "grid is .rows, columns"),
        ({"grid": (8, 8, 1)}, "grid is .rows, columns"),
        ({"grid": {"0": (8, 0)}}, "grid is .rows, columns"),
        ({"extra_tokens": 1.5}, "extra_tokens is a whole number"),
        ({"extra_tokens": {"nine": 1}}, "unknown layer of Sequential 'nine'"),
    ],
)
def test_words_on_tokens_that_cannot_be_meant_are_refused(words, said):
    with pytest.raises((TypeError, ValueError), match=said):
        wrapped(conv_net(), **words)


def test_whole_numbers_among_the_parameters_do_not_round_the_normalisation():
    network = conv_net()
    network.insert(0, nn.Identity())
    network[0].steps = nn.Parameter(torch.tensor([3]), requires_grad=False)
    model = wrapped(network, mean=(0.5,) * 3, std=(0.25,) * 3)
    assert torch.allclose(model(pictures()), network((pictures() - 0.5) / 0.25), atol=1e-6)


# --- other inputs, outputs and wrappings ----------------------------------------------------------

Output = namedtuple("Output", ["logits", "hidden"])


class Detached(dict):
    """As the outputs of transformers: a mapping."""


@pytest.mark.parametrize(
    ("function", "answer"),
    [
        (lambda net, x: {"aux": x, "logits": net(x)}, 'output["logits"]'.replace('"', "'")),
        (lambda net, x: (net(x), x), "output[0]"),
        (lambda net, x: Output(net(x), x), "output.logits"),
        (lambda net, x: {"out": net[2](net[0](x))}["out"], "output.mean(dim=(2, 3))"),
        (lambda net, x: net(x)[:, 0], "output[:, None]"),
        (lambda net, x: net(x)[:, None].expand(-1, 5, -1), "output.mean(dim=1)"),
    ],
    ids=["dict", "tuple", "object", "maps", "a row", "tokens"],
)
def test_an_output_of_another_form_shows_the_call_that_works(function, answer):
    network = Around(function)
    with pytest.raises(ValueError, match="must give one tensor of scores") as error:
        wrapped(network)
    call = f"answer=lambda output: {answer}"
    assert call in str(error.value)
    settings = eval(f"dict({call})")  # what the sentence says, as it stands
    model = wrapped(network, **settings, scores="values")
    expected = settings["answer"](network(pictures()))
    assert torch.allclose(model(pictures()), expected, atol=1e-6)


def test_a_detectors_lists_show_a_call_that_works():
    def boxes(net, x):
        return [{"scores": row.sigmoid(), "boxes": row} for row in net(x)]

    network = Around(boxes)
    with pytest.raises(ValueError, match="a list of dicts") as error:
        wrapped(network)
    call = str(error.value).partition("models.wrap(…, ")[2].removesuffix(")")
    model = wrapped(network, **eval(f"dict({call})", {"torch": torch}))
    sums = conv_net()(pictures()).sigmoid().sum(dim=1, keepdim=True)
    assert torch.allclose(model(pictures()), sums, atol=1e-6)


class Two(nn.Module):
    def forward(self, picture, age):
        return picture.mean(dim=(2, 3)) + age


class Batch(nn.Module):
    def forward(self, batch):
        return batch["image"].mean(dim=(2, 3))


@pytest.mark.parametrize(("network", "said"), [(Two(), "picture, age"), (Batch(), "else")])
def test_other_inputs_are_answered_with_an_adapter(network, said):
    with pytest.raises(ValueError, match=f"it takes .*{said}") as error:
        wrapped(network)
    lines = str(error.value).partition(":\n")[2]
    space = {"torch": torch, "age": torch.ones(3)}
    exec("if True:\n" + lines, space)  # noqa: S102 - the adapter of the sentence
    model = wrapped(space["Adapter"](network))
    expected = pictures().mean(dim=(2, 3)) + (1 if "age" in said else 0)
    assert torch.allclose(model(pictures()), expected)


def test_a_function_is_no_network_and_the_adapter_is_shown():
    with pytest.raises(TypeError, match="torch.nn.Module, not function(.|\n)*class Adapter"):
        wrapped(lambda picture: picture)


def test_compiled_and_parallel_wrappings_are_taken_off():
    plain = wrapped(conv_net())
    inner = conv_net()
    inner[2] = torch.compile(inner[2], backend="eager")
    for network in (nn.DataParallel(conv_net()), torch.compile(conv_net(), backend="eager"), inner):
        model = wrapped(network)
        assert model.layers == plain.layers
        assert torch.allclose(model(pictures()), plain(pictures()), atol=1e-6)


@pytest.mark.parametrize(
    "norm",
    [
        nn.utils.weight_norm,
        nn.utils.spectral_norm,
        nn.utils.parametrizations.weight_norm,
        nn.utils.parametrizations.spectral_norm,
        lambda layer: nn.utils.prune.l1_unstructured(layer, "weight", 0.5),
    ],
    ids=["weight", "spectral", "weight, parametrised", "spectral, parametrised", "pruned"],
)
@pytest.mark.filterwarnings("ignore")
def test_weights_that_are_computed_are_copied_with_what_computes_them(norm):
    network = conv_net()
    norm(network[2])
    network.train()(pictures())
    model = wrapped(network)
    assert network.training
    assert torch.allclose(model(pictures()), network.eval()(pictures()), atol=1e-6)
    assert saliency.saliency_map(model, pictures(), 1).any()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_a_network_in_half_precision_computes_in_float32(dtype):
    network = conv_net().to(dtype)
    model = wrapped(network)
    assert model(pictures()).dtype == torch.float32
    assert torch.allclose(model(pictures()), copy.deepcopy(network).float()(pictures()), atol=1e-6)
    assert next(network.parameters()).dtype == dtype


def test_a_network_wrapped_in_inference_mode_has_gradients_later():
    with torch.inference_mode():
        model = wrapped(conv_net())
    assert saliency.saliency_map(model, pictures(), 1).any()


def test_a_script_is_wrapped_without_layers():
    model = wrapped(torch.jit.script(conv_net()))
    assert not model.layers[:-1] and saliency.saliency_map(model, pictures(), 1).any()
    network = conv_net()
    network[2] = torch.jit.script(network[2])
    assert cam.grad_cam(wrapped(network), pictures(), 1, "3").any()
    assert torch.allclose(wrapped(network)(pictures()), model(pictures()), atol=1e-6)


def test_a_part_that_gives_no_tensor_is_no_layer_and_that_is_said():
    class Pair(nn.Module):
        def forward(self, x):
            return x, x

    network = Around(lambda net, x: net[0](x)[0].mean(dim=(2, 3)), nn.Sequential(Pair(), Pair()))
    with pytest.raises(ValueError, match="net.0 of Around gives no tensor"):
        wrapped(network).resolve("net.0")
    with pytest.raises(ValueError, match="net.1 of Around gives no tensor"):
        wrapped(network).resolve("net.1")


def test_lazy_layers_that_never_ran_are_said():
    with pytest.raises(ValueError, match="run it on a picture first"):
        wrapped(nn.Sequential(nn.LazyConv2d(3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()))


# --- the user's world -----------------------------------------------------------------------------


def test_the_users_hooks_are_neither_copied_nor_run():
    network, seen = conv_net(), []
    network[0].register_forward_hook(lambda *all: seen.append(all))
    network[2].register_forward_pre_hook(lambda *all: seen.append(all))
    network.register_forward_hook(lambda *all, **named: seen.append(all), always_call=True)
    network[6].register_full_backward_hook(lambda *all: seen.append(all))
    model = wrapped(network)
    saliency.saliency_map(model, pictures(), 1)
    assert not seen
    network(pictures())
    assert len(seen) == 3  # they are still there


def test_the_random_numbers_of_the_user_go_on_as_if_nothing_had_happened():
    network = Around(lambda net, x: F.dropout(net(x)))
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    with pytest.raises(ValueError, match="second time"):
        wrapped(network)
    assert torch.equal(torch.rand(3), expected) and network.training


def test_tensors_on_a_graph_that_a_network_keeps_in_a_dictionary_are_copied_as_values():
    network = Around(lambda net, x: net(x))
    network.cache = {"bias": [network.net[6].weight * 2]}  # as after a pass with gradients
    model = wrapped(network)
    kept = model.network.cache["bias"][0]
    assert torch.equal(kept, network.cache["bias"][0]) and not kept.requires_grad
    assert network.cache["bias"][0].grad_fn is not None
