"""The vector before the classifier, its neighbours and its maps: numbers worked by hand, and other
people's code.
"""

import itertools

import numpy as np
import pytest
import torch
import torchvision
import toy_nets
from sklearn.decomposition import PCA
from sklearn.model_selection import LeaveOneOut, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from torch import nn

from cs231n_viz import activations, models
from cs231n_viz.layers import last_weights
from cs231n_viz.techniques import last_layer


def noise(*shape, seed=0):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def planted_kinds(kinds=3, each=8, dimensions=6, apart=20.0):
    """Clouds around corners that are `apart` from the origin."""
    labels = torch.arange(kinds).repeat_interleave(each)
    return noise(kinds * each, dimensions) + apart * torch.eye(dimensions)[labels], labels


# --- the vector -----------------------------------------------------------------------------------


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["resnet18", "densenet121", "alexnet", "mobilenet_v3_small", "vit_b_16"]
)
def test_the_last_layer_makes_its_scores_of_the_features(name):
    model = models.wrap(torchvision.models.get_model(name, weights=None), input_size=224, name=name)
    pixels = torch.rand(2, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    head, _ = model.resolve(last_weights(model))
    torch.testing.assert_close(head(last_layer.features(model, pixels)), model(pixels))


def test_coursenets_features_are_its_code():
    model, pixels = models.load("coursenet", device="cpu"), torch.rand(3, 3, 128, 128)
    code = activations.activations_at(model, pixels, "code")
    torch.testing.assert_close(last_layer.features(model, pixels, batch_size=2), code)
    torch.testing.assert_close(last_layer.features(model, pixels, "code"), code)


def test_maps_are_averaged_over_their_positions_as_in_squeezenet():
    model = models.wrap(torchvision.models.squeezenet1_1(weights=None), input_size=64)
    pixels = torch.rand(1, 3, 64, 64)
    maps = activations.activations_at(model, pixels, "fire9")
    vector = last_layer.features(model, pixels)
    torch.testing.assert_close(vector, maps.mean(dim=(2, 3)))
    head, _ = model.resolve("conv10")  # as a linear map it could as well come after the mean
    torch.testing.assert_close(
        head(maps).mean(dim=(2, 3)), head(vector[:, :, None, None]).flatten(1)
    )


class Heads(nn.Module):
    """Two heads, of which the scores are the mean, as in DeiT's distilled networks."""

    def __init__(self, how):
        super().__init__()
        self.conv, self.first, self.last = nn.Conv2d(3, 6, 3), nn.Linear(6, 4), nn.Linear(6, 4)
        self.how = how

    def forward(self, pixels):
        maps = self.conv(pixels)
        if self.how == "two heads":
            return (self.first(maps.mean(dim=(2, 3))) + self.last(maps.amax(dim=(2, 3)))) / 2
        if self.how == "gate":
            features = maps.mean(dim=(2, 3))
            return self.first(features) * self.last(features).sigmoid()
        return self.last(maps.flatten(2).mT).amax(dim=1)  # the largest over positions


@pytest.mark.parametrize("how", ["two heads", "gate", "largest"])
def test_scores_that_are_made_of_more_than_the_last_layers_input_are_refused(how):
    model = models.wrap(Heads(how), input_size=8, name="heads")
    with pytest.raises(ValueError, match="heads does not .*name a layer"):
        last_layer.features(model, torch.rand(2, 3, 8, 8))
    assert last_layer.features(model, torch.rand(2, 3, 8, 8), "conv").shape == (2, 6)


@pytest.mark.parametrize(
    ("end", "classes", "words"),
    [
        (nn.Softmax(dim=1), 5, {}),
        (nn.LogSoftmax(dim=1), 5, {}),
        (nn.Sigmoid(), 5, {}),
        (nn.Sigmoid(), 1, {}),
        (nn.Identity(), 1, {"scores": "one logit"}),
        (nn.Identity(), 1, {"scores": "values"}),
        (nn.Identity(), 3, {"scores": "labels"}),
    ],
)
def test_what_a_network_says_its_scores_are_does_not_matter(end, classes, words):
    body = [nn.Conv2d(3, 6, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, classes)]
    model, pixels = (
        models.wrap(nn.Sequential(*body, end), input_size=8, **words),
        torch.rand(2, 3, 8, 8),
    )
    expected = activations.activations_at(model, pixels, "0").mean(dim=(2, 3))
    torch.testing.assert_close(last_layer.features(model, pixels), expected)


def test_tokens_and_channels_last_are_averaged_over_their_positions():
    torch.manual_seed(0)
    model = models.wrap(torchvision.models.swin_t(weights=None), input_size=64)
    pixels = torch.rand(2, 3, 64, 64)
    maps = activations.activations_at(model, pixels, "features.3")  # (N, h, w, C)
    vector = last_layer.features(model, pixels, "features.3")
    torch.testing.assert_close(vector, maps.mean(dim=(1, 2)))


def test_a_linear_layer_over_tokens_gives_their_mean():
    class Tokens(nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 6, 4, 4), nn.Linear(6, 4)

        def forward(self, pixels):
            return self.head(self.conv(pixels).flatten(2).mT).mean(dim=1)

    model, pixels = models.wrap(Tokens(), input_size=8), torch.rand(2, 3, 8, 8)
    expected = activations.activations_at(model, pixels, "conv").mean(dim=(2, 3))
    torch.testing.assert_close(last_layer.features(model, pixels), expected)


@pytest.mark.parametrize("classes", [1, 4])
def test_a_convolution_over_maps_is_read_by_its_mean_whatever_the_scores_are(classes):
    body = nn.Sequential(nn.Conv2d(3, 6, 3), nn.Conv2d(6, classes, 1))
    pool = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten())
    for end in (nn.Sigmoid(), nn.Identity(), nn.Softmax(dim=1) if classes > 1 else nn.Identity()):
        words = {"scores": "one logit"} if classes == 1 and isinstance(end, nn.Identity) else {}
        model = models.wrap(nn.Sequential(body, pool, end), input_size=8, **words)
        pixels = torch.rand(2, 3, 8, 8)
        expected = activations.activations_at(model, pixels, "0.0").mean(dim=(2, 3))
        torch.testing.assert_close(last_layer.features(model, pixels), expected)


def test_a_network_without_such_a_layer_says_what_to_do():
    model = models.wrap(
        nn.Sequential(nn.Conv2d(3, 2, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten()), input_size=8
    )
    with pytest.raises(ValueError, match=r"layer='2'"):
        last_layer.features(model, torch.rand(1, 3, 8, 8))
    assert last_layer.features(model, torch.rand(4, 3, 8, 8), "0").shape == (4, 2)


def test_pictures_that_are_no_pixels_are_refused():
    model = models.wrap(toy_nets.gap_linear_net(), input_size=8)
    with pytest.raises(ValueError, match="255|0, 1"):
        last_layer.features(model, 255 * torch.ones(1, 3, 8, 8))


def test_features_leave_model_input_and_random_numbers_as_they_were():
    model, pixels = models.wrap(toy_nets.gap_linear_net(), input_size=8), torch.rand(3, 3, 8, 8)
    before, weights, state = (
        pixels.clone(),
        [w.clone() for w in model.parameters()],
        torch.get_rng_state(),
    )
    vectors = last_layer.features(model, pixels)
    last_layer.tsne(noise(12, 4), perplexity=3, seed=1)
    assert not vectors.requires_grad and torch.equal(pixels, before)
    assert all(
        torch.equal(one, other) for one, other in zip(weights, model.parameters(), strict=True)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module._forward_pre_hooks or module._forward_hooks for module in model.modules())


# --- neighbours -----------------------------------------------------------------------------------


def test_l2_and_cosine_disagree_about_a_long_vector():
    features = torch.tensor([[1.0, 1.0], [30.0, 3.0], [-1.0, 0.0]])
    query = torch.tensor([[1.0, 0.0]])
    near, far = (
        last_layer.nearest(features, query, 3),
        last_layer.nearest(features, query, 3, "cosine"),
    )
    assert near.indices.tolist() == [[0, 2, 1]] and far.indices.tolist() == [[1, 0, 2]]
    torch.testing.assert_close(near.distances[0, :2], torch.tensor([1.0, 2.0]))
    torch.testing.assert_close(far.distances[0, 1:], torch.tensor([1 - 0.5**0.5, 2.0]))


@pytest.mark.parametrize(("distance", "metric"), [("L2", "euclidean"), ("cosine", "cosine")])
def test_neighbours_are_those_of_scikit_learn(distance, metric):
    features, queries = noise(60, 5), noise(9, 5, seed=1)
    distances, indices = NearestNeighbors(metric=metric).fit(features).kneighbors(queries, 7)
    mine = last_layer.nearest(features, queries, 7, distance)
    assert mine.indices.tolist() == indices.tolist()
    np.testing.assert_allclose(mine.distances, distances, atol=1e-5)


def test_no_picture_is_its_own_neighbour_even_among_copies():
    copies = torch.ones(4, 3)
    indices = last_layer.nearest_others(copies, 3).indices
    assert all(row not in others for row, others in enumerate(indices.tolist()))


@pytest.mark.slow
@pytest.mark.parametrize("k", [1, 4, 5])
def test_the_votes_are_those_of_scikit_learn_leaving_one_out(k):
    features, labels = noise(80, 3), torch.arange(80) % 4
    features[:, 0] += labels
    classifier = KNeighborsClassifier(k, metric="cosine")
    voted = cross_val_predict(classifier, features.numpy(), labels.numpy(), cv=LeaveOneOut())
    assert (
        last_layer.knn_right(features, labels, k).tolist()
        == (torch.from_numpy(voted) == labels).tolist()
    )


def test_a_picture_has_no_vote_for_itself():
    features, labels = planted_kinds()
    assert last_layer.knn_right(features, labels).all()
    labels[8] = 0  # a stranger among its neighbours
    assert not last_layer.knn_right(features, labels)[8]


def test_among_centred_directions_l2_orders_as_the_cosine():
    features = noise(40, 6) + 3
    centred = last_layer.centered_directions(features)
    by_angle = last_layer.nearest_others(features - features.mean(dim=0), 10, "cosine").indices
    assert torch.equal(last_layer.nearest_others(centred, 10).indices, by_angle)


def test_purity_by_hand():
    line, labels = torch.tensor([[0.0], [1.0], [3.0], [7.0]]), torch.tensor([0, 0, 1, 1])
    # nearest two of each: 1 3 | 0 3 | 1 0 | 3 1, of which 1 + 1 + 0 + 1 are of the kind
    assert last_layer.neighbor_purity(line, labels, 2) == pytest.approx(3 / 8)


# --- left and right -------------------------------------------------------------------------------


def planted_pair():
    """Two of a kind: 0 left and 3 right are near in features, far in pixels. 1 is near, but on the
    same side.
    """
    features = torch.tensor(
        [[1.0, 0.0], [1.0, 0.01], [0.0, 1.0], [1.0, 0.02], [0.1, 1.0], [-1.0, 0.0]]
    )
    pixels = torch.tensor([[0.0], [9.5], [1.0], [9.0], [2.0], [3.0]])
    masks = torch.zeros(6, 4, 10, dtype=torch.bool)
    for picture, column in enumerate([1, 0, 5, 8, 5, 4]):
        masks[picture, :, column] = True
    return features, pixels, torch.tensor([0, 0, 1, 0, 1, 2]), masks


def test_the_left_and_right_pair_is_found():
    pair = last_layer.opposite_sides(*planted_pair(), k=2)
    assert pair == (3, 0, 2, 5)  # all others lie nearer in pixels; seen from 0, 1 is farther than 3


def test_without_masks_the_worst_in_pixels_among_the_nearest_counts():
    features, pixels, labels, _ = planted_pair()
    assert last_layer.opposite_sides(features, pixels, labels, k=2) == (0, 1, 1, 5)


def test_no_such_pair_is_said_in_words():
    features, pixels, labels, masks = planted_pair()
    with pytest.raises(ValueError, match="left and right: take more than k=2 others"):
        last_layer.opposite_sides(features, pixels, labels, masks[[0] * 6], k=2)


# --- maps -----------------------------------------------------------------------------------------


def test_principal_components_are_those_of_scikit_learn():
    features = noise(50, 7) * torch.linspace(3, 0.5, 7) + 4
    oracle = PCA(3).fit(features.numpy())
    mine = last_layer.principal_components(features, 3)
    signs = np.sign((oracle.components_ * mine.axes.numpy()).sum(axis=1))
    np.testing.assert_allclose(mine.axes, oracle.components_ * signs[:, None], atol=1e-4)
    np.testing.assert_allclose(
        mine.positions, oracle.transform(features.numpy()) * signs, atol=1e-3
    )
    np.testing.assert_allclose(mine.share, oracle.explained_variance_ratio_, atol=1e-5)


def test_the_sign_of_an_axis_does_not_hang_on_chance():
    features = noise(20, 4)
    mirrored = last_layer.principal_components(-features)
    torch.testing.assert_close(
        mirrored.positions, -last_layer.principal_components(features).positions
    )


def test_tsne_keeps_planted_kinds_together_and_says_the_same_twice():
    features, labels = planted_kinds(each=15)
    positions = last_layer.tsne(features, perplexity=10)
    assert positions.shape == (45, 2) and last_layer.neighbor_purity(positions, labels) > 0.99
    assert torch.equal(positions, last_layer.tsne(features, perplexity=10))


def test_tsne_from_another_seed_gives_another_map():
    features, _ = planted_kinds(each=15)
    one, other, again = (last_layer.tsne(features, perplexity=10, seed=seed) for seed in (1, 2, 1))
    assert torch.equal(one, again) and not torch.allclose(one, other, atol=1)


def test_a_grid_is_the_cheapest_of_all_hand_outs():
    positions = noise(6, 2)
    cells = last_layer.snap_to_grid(positions, 2, 3)
    assert sorted(cells.tolist()) == [0, 1, 2, 3, 4, 5]
    scaled = (positions - positions.amin(0)) / (positions.amax(0) - positions.amin(0))
    centers = torch.tensor([(x, y) for y in (1.0, 0.0) for x in (0.0, 0.5, 1.0)])
    costs = {
        order: float((scaled - centers[list(order)]).square().sum())
        for order in itertools.permutations(range(6))
    }
    assert tuple(cells.tolist()) == min(costs, key=costs.get)


def test_a_grid_that_is_one_already_stays_with_its_first_row_on_top():
    x, y = torch.tensor([0.0, 1, 2] * 2), torch.tensor([5.0] * 3 + [4.0] * 3)
    order = torch.tensor([4, 0, 5, 2, 1, 3])
    assert torch.equal(last_layer.snap_to_grid(torch.stack([x, y], dim=1)[order], 2, 3), order)


def test_fewer_pictures_than_cells_leave_cells_empty():
    cells = last_layer.snap_to_grid(noise(5, 2), 3, 3)
    assert len(set(cells.tolist())) == 5 and cells.max() < 9


# --- bad input ------------------------------------------------------------------------------------

FIVE, KINDS = noise(5, 3), torch.tensor([0, 0, 1, 1, 1])
BROKEN = FIVE.clone()
BROKEN[2, 1] = float("nan")


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: last_layer.nearest(FIVE, FIVE, 6), "k is a whole number from 1 to 5, not 6"),
        (lambda: last_layer.nearest_others(FIVE, 5), "k is a whole number from 1 to 4, not 5"),
        (lambda: last_layer.nearest(FIVE, FIVE, 0), "not 0"),
        (
            lambda: last_layer.nearest(FIVE, noise(2, 4), 1),
            r"shape \(N, 3\), one row per picture, not \(2, 4\)",
        ),
        (lambda: last_layer.nearest(FIVE, FIVE, 1, "L1"), "unknown distance 'L1'"),
        (lambda: last_layer.nearest(FIVE, FIVE[0], 1), r"one row per picture, not \(3,\)"),
        (
            lambda: last_layer.nearest_others(BROKEN, 2),
            r"finite numbers, and those of pictures \[2\] are not",
        ),
        (lambda: last_layer.knn_right(FIVE, KINDS[:4]), r"5 pictures need 5 labels, not \(4,\)"),
        (lambda: last_layer.neighbor_purity(FIVE, KINDS[:, None]), r"not \(5, 1\)"),
        (
            lambda: last_layer.principal_components(FIVE, 4),
            "count is a whole number from 1 to 3, not 4",
        ),
        (lambda: last_layer.principal_components(BROKEN), "finite"),
        (lambda: last_layer.tsne(FIVE, 5), "perplexity, .* is a number from 1 to 4, not 5"),
        (lambda: last_layer.tsne(FIVE, 0), "not 0"),
        (lambda: last_layer.tsne(BROKEN, 2), "finite"),
        (
            lambda: last_layer.snap_to_grid(noise(7, 2), 2, 3),
            r"a cell for each picture, is a whole number from 7 up, not 6",
        ),
    ],
)
def test_bad_input_is_refused_in_a_sentence(call, words):
    with pytest.raises(ValueError, match=words):
        call()


def test_near_neighbours_far_from_zero_keep_their_order():
    features = 5 + 0.01 * torch.randn(300, 64, generator=torch.Generator().manual_seed(0))
    exact = (
        torch.cdist(features.double(), features.double()).fill_diagonal_(torch.inf).argmin(dim=1)
    )
    assert (last_layer.nearest_others(features, 1).indices[:, 0] == exact).float().mean() > 0.99


def test_labels_may_be_of_any_kind_and_floats_are_refused():
    features, labels = planted_kinds()
    wanted = last_layer.knn_right(features, labels)
    shifted = [labels.tolist(), labels.numpy(), labels.to(torch.uint8), labels - 9, labels * 10**12]
    for given in shifted:
        assert torch.equal(last_layer.knn_right(features, given), wanted)
        assert last_layer.neighbor_purity(features, given) == 1
    for wrong in (labels.float(), labels > 0, [str(each) for each in labels]):
        with pytest.raises(ValueError, match="24 pictures need 24 labels.*whole numbers"):
            last_layer.knn_right(features, wrong)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.int64, torch.float64])
def test_distances_and_maps_of_features_of_any_precision(dtype):
    features = (4 * noise(12, 5)).round().to(dtype)
    exact = last_layer.nearest_others(features.double(), 3)
    found = last_layer.nearest_others(features, 3)
    torch.testing.assert_close(found.distances.double(), exact.distances, rtol=1e-5, atol=1e-5)
    assert last_layer.nearest(features, features[:2], 1, "cosine").indices.tolist() == [[0], [1]]
    assert last_layer.principal_components(features).positions.isfinite().all()
    assert last_layer.tsne(features, perplexity=3).isfinite().all()


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_networks_in_half_precision_have_features(dtype):
    model, pixels = models.load("coursenet", device="cpu").to(dtype), torch.rand(3, 3, 64, 64)
    vectors = last_layer.features(model, pixels)
    assert last_layer.nearest(vectors, vectors, 1).indices[:, 0].tolist() == [0, 1, 2]
