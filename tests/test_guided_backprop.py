"""Three rules back to the pixels, and one channel from many places at once."""

import pytest
import torch
import toy_nets

from cs231n_viz import data, models
from cs231n_viz.activations import RELU_RULES
from cs231n_viz.techniques.guided_backprop import input_gradient, unit_gradients


@pytest.fixture(scope="module")
def coursenet():
    return models.load("coursenet", device="cpu")


def test_the_three_rules_worked_by_hand():
    """score 1 = mean 1 − mean 0 of max(½ − red, 0) and max(red − ½, 0): −1/16 flows back to both maps' red.

    To map 1 flows +1/16, to map 0 −1/16; map 0 reads +red, map 1 −red.
    """
    model = models.wrap(toy_nets.gap_linear_net(), input_size=4, mean=(0.0,) * 3, std=(1.0,) * 3)
    above, below = toy_nets.RED > 0.5, toy_nets.RED < 0.5
    expected = {
        "plain": (above | below) / -16,  # both are open somewhere, and both pull the red down
        "deconvnet": -torch.ones(4, 4) / 16,  # only map 1 has a positive gradient, which passes everywhere
        "guided": below / -16,  # map 1, where it is open
    }
    for rule in RELU_RULES:
        assert torch.allclose(input_gradient(model, toy_nets.picture(), 1, rule)[0, 0], expected[rule]), rule


@pytest.mark.parametrize("rule", RELU_RULES)
def test_a_channel_from_a_place_of_each_picture_is_the_unit_of_each(coursenet, rule):
    pixels = data.picturebook("test", 3).pixels
    rows, columns = torch.tensor([2, 5, 7]), torch.tensor([6, 0, 3])
    together = unit_gradients(coursenet, pixels, "relu4_1", 11, rows, columns, rule, batch_size=2)
    for one, picture, row, column in zip(together, pixels, rows.tolist(), columns.tolist(), strict=True):
        alone = input_gradient(coursenet, picture[None], ("relu4_1", 11, row, column), rule)
        assert torch.allclose(one, alone[0], atol=1e-6)


@pytest.mark.parametrize("rule", RELU_RULES)
def test_a_vector_has_one_place(coursenet, rule):
    picture, here = data.photo("coffee", 128), torch.zeros(1, dtype=torch.long)
    unit = unit_gradients(coursenet, picture, "code", 7, here, here, rule)
    assert torch.allclose(unit, input_gradient(coursenet, picture, ("code", 7), rule), atol=1e-6)


def test_what_cannot_be_done_is_said(coursenet):
    picture = data.photo("coffee", 64)
    with pytest.raises(ValueError, match="Did you mean 'guided'"):
        input_gradient(coursenet, picture, 0, "guide")
    linear = models.wrap(
        toy_nets.one_channel_net()[:1].append(torch.nn.Flatten()), mean=(0.5,), std=(1.0,), input_size=4
    )
    with pytest.raises(ValueError, match="no ReLUs"):
        input_gradient(linear, torch.rand(1, 1, 4, 4), 0, "guided")
