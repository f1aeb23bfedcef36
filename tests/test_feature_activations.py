"""Top patches, zeros and two faces: worked by hand, and equal to keeping everything."""

import gc
import itertools
import weakref

import numpy as np
import pytest
import torch
import toy_nets
from torch import nn

from cs231n_viz import models
from cs231n_viz.activations import ReceptiveField, activations_at, capture
from cs231n_viz.techniques import activations

LAYERS = ["conv1", "relu1", "pool1", "conv2", "relu2", "flat", "scores"]


@pytest.fixture
def model():
    return models.wrap(toy_nets.plain_net(), input_size=4)


def pictures(count: int, size: int = 4, seed: int = 0) -> torch.Tensor:
    """Quarters only: sums are exact in any order, and ties are everywhere."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 5, (count, 3, size, size), generator=generator) / 4


def keep_all(maps: np.ndarray, k: int):
    """The definition, from all maps (N, C, h, w) at once: NumPy's stable sort, and its first of
    equal positions.
    """
    count, channels, _, width = maps.shape
    flat = maps.reshape(count, channels, -1)
    order = np.argsort(-flat.max(axis=2).T, axis=1, kind="stable")[:, :k]
    channel = np.arange(channels)[:, None]
    place = flat.argmax(axis=2)[order, channel]
    return flat.max(axis=2)[order, channel], order, place // width, place % width


# --- top patches ----------------------------------------------------------------------------------


def test_the_strongest_position_of_each_picture_worked_by_hand(model):
    """relu1 has red − ½ and ½ − red; the second picture is RED upside down, the third is half as
    far from grey.
    """
    red = torch.stack([toy_nets.RED, toy_nets.RED.flip(0), toy_nets.RED / 2 + 0.25])
    pixels = red[:, None].expand(-1, 3, -1, -1)
    found = activations.top_patches(model, pixels, "relu1", k=3)["relu1"]
    assert found.values.tolist() == [[0.5, 0.5, 0.25], [0.5, 0.5, 0.25]]
    assert found.picture.tolist() == [[0, 1, 2], [0, 1, 2]]
    assert (
        not found.row.any()
    )  # the brightest stand in two corners, the darkest in many places: the first counts
    assert found.column.tolist() == [[0, 3, 0], [2, 0, 2]]


@pytest.mark.parametrize("batch_size", [1, 2, 3, 7, 100])
@pytest.mark.parametrize("k", [1, 4, 23])
def test_streaming_equals_keeping_all_maps_ties_included(model, batch_size, k):
    pixels = pictures(23)
    streamed = activations.top_patches(model, pixels, LAYERS, k=k, batch_size=batch_size)
    for layer in LAYERS:
        maps = activations_at(model, pixels, layer)
        expected = keep_all((maps if maps.dim() == 4 else maps[:, :, None, None]).numpy(), k)
        assert all(
            np.array_equal(ours, theirs)
            for ours, theirs in zip(streamed[layer], expected, strict=True)
        )


def test_ties_are_broken_alike_in_both_memory_orders(model):
    maps = pictures(6, size=9, seed=3)
    plain = activations._merged(None, maps.contiguous(), 0, 6)
    last = activations._merged(None, maps.contiguous(memory_format=torch.channels_last), 0, 6)
    assert all(torch.equal(one, other) for one, other in zip(plain, last, strict=True))
    assert all(
        np.array_equal(ours, theirs)
        for ours, theirs in zip(plain, keep_all(maps.numpy(), 6), strict=True)
    )


def test_batches_may_come_from_a_generator_that_is_read_once_and_be_of_any_length(model):
    pixels = pictures(11)
    once = (batch for batch in pixels.split([4, 1, 6]))
    streamed = activations.top_patches(model, once, ["relu1", "scores"], k=5)
    whole = activations.top_patches(model, pixels, ["relu1", "scores"], k=5)
    for layer in whole:
        assert all(map(torch.equal, streamed[layer], whole[layer]))
    assert next(once, None) is None


def test_a_vector_is_a_map_of_one_position(model):
    pixels = pictures(9)
    found = activations.top_patches(model, pixels, "scores", k=9)["scores"]
    assert torch.equal(found.values, model(pixels).T.sort(descending=True, dim=1).values)
    assert not found.row.any() and not found.column.any()


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_pictures(model, monkeypatch):
    born, alive = [], []

    def watched(model, batch, layers):
        outputs = activations_at(model, batch, layers)
        born.extend(weakref.ref(output) for output in outputs.values())
        return outputs

    def stream():
        for _ in range(40):
            batch = pictures(2)
            born.append(weakref.ref(batch))
            gc.collect()
            alive.append(sum(reference() is not None for reference in born))
            yield batch

    monkeypatch.setattr(activations, "activations_at", watched)
    found = activations.top_patches(model, stream(), LAYERS, k=9)
    assert max(alive[20:]) == max(alive[3:20]) <= 2 * (len(LAYERS) + 1)
    for kept in itertools.chain(*found.values()):
        assert (
            kept.untyped_storage().nbytes() == kept.numel() * kept.element_size()
        )  # no view of something large


def test_the_directions_of_the_identity_are_the_channels(model):
    pixels = pictures(12)
    channels = activations.top_patches(model, pixels, LAYERS, k=4)
    identity = {layer: torch.eye(2) for layer in LAYERS}
    directed = activations.top_patches(model, pixels, LAYERS, k=4, directions=identity)
    for layer in LAYERS:
        assert all(map(torch.equal, channels[layer], directed[layer]))


def test_a_direction_is_asked_for_its_own_sum_of_maps(model):
    """At conv1 the maps are red − ½ and ½ − red, so (2, 1) asks for red − ½, (1, 1) for nothing,
    and any number fits.
    """
    directions = {"conv1": torch.tensor([[2.0, 1.0], [1.0, 1.0], [0.0, 1.0]])}
    found = activations.top_patches(model, toy_nets.picture(), "conv1", k=1, directions=directions)[
        "conv1"
    ]
    assert found.values.tolist() == [[0.5], [0.0], [0.5]]
    assert list(zip(found.row[:, 0].tolist(), found.column[:, 0].tolist(), strict=True)) == [
        (0, 0),
        (0, 0),
        (0, 2),
    ]


def test_those_of_some_channels_are_their_rows(model):
    found = activations.top_patches(model, pictures(8), "relu1", k=3)["relu1"]
    assert found.of(1).values.shape == (3,) and found.of([1, 0]).picture.shape == (2, 3)
    assert torch.equal(found.of(1).column, found.column[1])


def test_model_input_hooks_and_random_numbers_are_left_alone(model):
    pixels = pictures(6).requires_grad_(True)
    before = (
        pixels.detach().clone(),
        {name: p.clone() for name, p in model.named_parameters()},
        torch.get_rng_state(),
    )
    activations.top_patches(model, pixels, LAYERS, k=2)
    activations.sparsity(model, pixels, LAYERS)
    assert torch.equal(pixels, before[0]) and pixels.grad is None
    assert all(
        torch.equal(parameter, before[1][name]) for name, parameter in model.named_parameters()
    )
    assert torch.equal(torch.get_rng_state(), before[2])
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in model.modules())


# --- cutting --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "field", [ReceptiveField(3, 1, -1), ReceptiveField(4, 2, -2), ReceptiveField(2, 2, 1)]
)
def test_every_patch_is_the_window_of_the_padded_picture(field):
    pixels, fill = (
        torch.rand(2, 3, 6, 6, generator=torch.Generator().manual_seed(1)),
        torch.tensor([0.1, 0.5, 0.9]),
    )
    padded = fill.view(1, 3, 1, 1).repeat(2, 1, 18, 18)
    padded[:, :, 6:12, 6:12] = pixels
    row, column = torch.meshgrid(torch.arange(3), torch.arange(3), indexing="ij")
    patches = activations.Patches(torch.zeros(3, 3), torch.ones(3, 3).long(), row, column)
    windows = activations.cut(pixels, patches, field, fill)
    assert windows.shape == (3, 3, 3, field.size, field.size)
    for i, j in itertools.product(range(3), range(3)):
        top, left = 6 + field.offset + i * field.stride, 6 + field.offset + j * field.stride
        assert torch.equal(
            windows[i, j], padded[1, :, top : top + field.size, left : left + field.size]
        )


@pytest.mark.parametrize("field", [ReceptiveField(4, 0, 0), ReceptiveField(9, 2, -3)])
def test_a_unit_that_sees_as_much_as_the_picture_shows_the_whole_picture(field):
    pixels = pictures(5)
    patches = activations.Patches(*(torch.tensor([4, 0, 2]) for _ in range(4)))
    assert torch.equal(activations.cut(pixels, patches, field, torch.zeros(3)), pixels[[4, 0, 2]])


def test_the_patch_of_a_unit_alone_activates_it_as_before(model):
    pixels = toy_nets.picture()
    found = activations.top_patches(model, pixels, "conv1", k=1)["conv1"]
    windows = activations.cut(pixels, found, ReceptiveField(3, 1, -1), torch.zeros(3))
    alone = activations_at(model, windows[:, 0], "conv1")[
        :, :, 1, 1
    ]  # the unit in the middle of its window
    assert torch.equal(alone.diag(), found.values[:, 0])


def test_a_spotlight_keeps_the_colours_where_the_map_is_large_and_dims_the_rest_to_grey():
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(2))
    values = torch.zeros(8, 8)
    values[2:4, 5:7] = 3.0
    lit, brighter = activations.spotlight(picture, torch.stack([values, 5 * values]))
    assert torch.equal(lit[:, 2:4, 5:7], picture[:, 2:4, 5:7])
    torch.testing.assert_close(lit[:, 0, 0], 0.4 * picture[:, 0, 0].mean().expand(3))
    torch.testing.assert_close(brighter, lit)


def test_among_many_maps_one_scale_holds_for_all_and_nothing_below_zero_is_lit():
    picture = torch.rand(3, 8, 8, generator=torch.Generator().manual_seed(2))
    weak, strong, below = torch.zeros(8, 8), torch.zeros(8, 8), torch.full((8, 8), -5.0)
    weak[2:4, 5:7], strong[2:4, 5:7], below[0, 0] = 1.0, 4.0, -1.0
    among = torch.stack([weak, strong])[:, None]
    dim = 0.4 * picture.mean(dim=0, keepdim=True).expand_as(picture)
    lit = [activations.spotlight(picture, one, among)[0] for one in among]
    assert torch.equal(lit[1][:, 2:4, 5:7], picture[:, 2:4, 5:7])
    torch.testing.assert_close(lit[0][:, 2, 5], torch.lerp(dim, picture, 0.25)[:, 2, 5])
    assert torch.equal(activations.spotlight(picture, below[None])[0], dim)


def test_a_flat_map_lights_nothing():
    picture = torch.full((3, 4, 4), 0.5)
    assert torch.equal(activations.spotlight(picture, torch.ones(1, 2, 2))[0], 0.4 * picture)


# --- zeros -----------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 2, 8])
def test_zeros_counted_by_hand(model, batch_size):
    """RED is above ½ in 3 positions of 16 and below it in 11; then all red, then all black."""
    full = torch.ones(1, 3, 4, 4)
    pixels = torch.cat([toy_nets.picture(), full, full * 0])
    found = activations.sparsity(model, pixels, ["relu1"], batch_size)["relu1"]
    torch.testing.assert_close(found.zeros, torch.tensor([13 + 0 + 16, 5 + 16 + 0]) / 48)
    torch.testing.assert_close(found.inactive, torch.tensor([1 / 3, 1 / 3]))
    assert found.dead.tolist() == [False, False]


def test_dead_is_who_is_never_active_in_any_batch(model):
    pixels = 0.5 + pictures(9) / 2  # never below ½
    found = activations.sparsity(model, pixels.split([5, 4]), ["relu1", "conv1"])
    assert found["relu1"].dead.tolist() == found["conv1"].dead.tolist() == [False, True]
    assert found["relu1"].zeros[1] == 1


# --- purity and faces -----------------------------------------------------------------------------


def test_purity_is_the_share_of_the_commonest_label():
    labels = torch.tensor([0, 0, 2, 1, 2])
    picture = torch.tensor([[0, 1, 2, 3], [2, 4, 2, 4]])
    assert activations.purity(picture, labels).tolist() == [0.5, 1.0]


def planted_faces():
    """Three classes at the corners of a right triangle with sides 3, 4 and 5; a third of k = 6 is
    two.
    """
    corners = torch.tensor([[0.0, 0.0], [3.0, 0.0], [0.0, 4.0]])
    labels = torch.arange(3).repeat_interleave(10)
    picture = torch.tensor(
        [
            [0, 10, 1, 11, 2, 12],  # three of class 0, three of class 1
            [0, 1, 2, 3, 4, 5],  # one thing
            [10, 11, 12, 13, 20, 21],  # four and two, five apart
            [10, 11, 12, 13, 14, 20],  # one picture is not a face
        ]
    )
    return picture, corners[labels], labels


def test_two_faces_are_found_by_their_labels():
    picture, features, labels = planted_faces()
    found = activations.polysemantic(picture, features, labels)
    assert found.score.tolist() == pytest.approx([0.5 * 3, 0, 5 / 3, 0])
    groups = {frozenset(picture[2][found.group[2] == side].tolist()) for side in (0, 1)}
    assert groups == {frozenset([10, 11, 12, 13]), frozenset([20, 21])}


def test_pictures_of_a_third_label_belong_to_no_face():
    _, features, labels = planted_faces()
    found = activations.polysemantic(torch.tensor([[0, 1, 2, 10, 11, 20]]), features, labels)
    assert found.group.tolist() == [[0, 0, 0, 1, 1, -1]]


# --- what cannot be -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("pixels", "settings", "words"),
    [
        (pictures(4), {"k": 5}, r"k \(one patch a picture\) is a whole number from 1 to 4, not 5"),
        (pictures(4), {"k": 0}, "k is a whole number from 1 up, not 0"),
        (
            pictures(4),
            {"layers": "relu9"},
            "unknown layer of Sequential 'relu9'. Did you mean 'relu",
        ),
        (pictures(4)[:0], {}, "have the shape"),
        (iter(()), {}, "no pictures"),
        (pictures(4)[0], {}, "makes a batch of one"),
        (torch.full((4, 3, 4, 4), torch.nan), {}, "NaN"),
        (pictures(4) * 255, {}, "divide by 255"),
        (
            pictures(4),
            {"directions": {"relu1": torch.eye(3)}},
            r"directions for relu1 have the shape \(R, 2\), not \(3, 3\)",
        ),
    ],
)
def test_bad_input_is_refused_in_words(model, pixels, settings, words):
    settings = {"layers": "relu1", "k": 2} | settings
    with pytest.raises(ValueError, match=words):
        activations.top_patches(model, pixels, **settings)


def test_a_layer_that_gives_neither_maps_nor_a_vector_says_so():
    network = nn.Sequential(nn.Conv2d(3, 2, 1), nn.Flatten(2), nn.Flatten())
    model = models.wrap(network, input_size=4)
    with pytest.raises(ValueError, match=r"1 gives \(2, 16\) per picture: only maps and vectors"):
        activations.top_patches(model, pictures(2), "1", k=1)


def test_an_error_leaves_no_hook_behind(model):
    with pytest.raises(ValueError, match="NaN"):
        activations.top_patches(
            model, [pictures(2), torch.full((2, 3, 4, 4), torch.nan)], LAYERS, k=1
        )
    with capture(model, "relu1") as outputs:
        model(toy_nets.picture())
    assert set(outputs) == {"relu1"}
    assert not any(module._forward_hooks for module in model.modules())
