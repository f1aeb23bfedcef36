"""Checks say "not yet", name the mistake, and accept what is right."""

import re

import pytest
import torch

from cs231n_viz import checks
from cs231n_viz.activations import ReceptiveField
from cs231n_viz.checks import trials
from cs231n_viz.techniques import filters, last_layer


def merged(values, picture, answers, first, k, strongest_first=True):
    number = torch.arange(first, first + len(answers)).expand(len(values), -1)
    order = torch.cat([values, answers.T], dim=1).topk(k).indices
    chosen = torch.cat([picture, number], dim=1).gather(1, order)
    return chosen if strongest_first else chosen.flip(1)


def box(row, column, size, stride, offset, side):
    return torch.tensor(ReceptiveField(size, stride, offset).box(row, column, side, side))


RIGHT = {
    checks.top_class: lambda scores: scores.argmax(dim=1),
    checks.probabilities: lambda scores: scores.softmax(dim=1),
    checks.filter_pictures: filters.as_pictures,
    checks.filter_responses: filters.responses,
    checks.filter_roughness: filters.roughness,
    checks.cosine_neighbors: lambda f, q, k: last_layer.nearest(f, q[None], k, "cosine").indices[0],
    checks.leave_one_out: lambda f, labels: last_layer.knn_right(f, labels, 1, "L2").float().mean(),
    checks.principal_positions: lambda f: -last_layer.principal_components(f).positions,
    checks.merged_top: merged,
    checks.dead_channels: lambda maps: maps.amax(dim=(0, 2, 3)) <= 0,
    checks.patch_box: box,
}


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_an_unsolved_exercise_is_not_yet_done_and_raises_nothing(check, capsys):
    check(lambda *arguments: None)
    assert capsys.readouterr().out.startswith("not yet")


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_a_right_answer_is_right(check, capsys):
    check(RIGHT[check])
    assert capsys.readouterr().out.startswith("right")


def cosines(f, q):
    return f @ q / (f.norm(dim=1) * q.norm())


def with_itself(f, labels):
    return (labels[torch.cdist(f, f).argmin(dim=1)] == labels).float().mean()


def farthest(f, labels):
    return (labels[torch.cdist(f, f).argmax(dim=1)] == labels).float().mean()


def uncentered(f):
    left, values, _ = torch.linalg.svd(f, full_matrices=False)
    return (left * values)[:, :2]


def without_lengths(f):
    return torch.linalg.svd(f - f.mean(dim=0), full_matrices=False)[0][:, :2]


def joined(values, picture, answers, first, k):
    return torch.cat([values, answers.T], dim=1).topk(k)


def unclipped(row, column, size, stride, offset, side):
    top, left = offset + row * stride, offset + column * stride
    return torch.tensor([top, left, top + size, left + size])


def last_seen(row, column, size, stride, offset, side):
    top, left, bottom, right = unclipped(row, column, size, stride, offset, side).tolist()
    return torch.tensor([max(top, 0), max(left, 0), min(bottom - 1, side), min(right - 1, side)])


def cut_first(row, column, size, stride, offset, side):
    top, left = max(offset + row * stride, 0), max(offset + column * stride, 0)
    return torch.tensor([top, left, min(top + size, side), min(left + size, side)])


def naive_softmax(scores):
    return scores.exp() / scores.exp().sum(dim=1, keepdim=True)


@pytest.mark.parametrize(
    ("check", "wrong", "words"),
    [
        (checks.top_class, lambda s: s.argmax(dim=0), "dim=0"),
        (checks.top_class, lambda s: s.amax(dim=1), "argmax"),
        (checks.probabilities, lambda s: s.exp(), "sum to 1"),
        (checks.probabilities, lambda s: s.softmax(dim=0), "dim=0"),
        (checks.probabilities, naive_softmax, "NaN or infinity"),
        (checks.filter_pictures, lambda f: filters.as_pictures(f, "shared"), "its own largest weight"),
        (checks.filter_pictures, lambda f: f, "shape|at"),
        (checks.filter_responses, lambda w, p: p.flatten(1) @ w.flatten(), "not scaled"),
        (checks.filter_responses, lambda w, p: filters.responses(w, p) / w.norm(), "norm 1"),
        (checks.filter_responses, lambda w, p: filters.responses(w, p)[:, None], "too few"),
        (checks.filter_roughness, lambda f: 2 * filters.roughness(f), "average"),
        (checks.filter_roughness, lambda f: f.mean(), "too many"),
        (checks.filter_roughness, lambda f: 3.0, "returned a float"),
        (checks.cosine_neighbors, lambda f, q, k: (f @ q).topk(k).indices, "long vector wins"),
        (checks.cosine_neighbors, lambda f, q, k: (f - q).norm(dim=1).argsort()[:k], "by L2"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).argsort()[:k], "the farthest"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).topk(k).indices.flip(0), "wrong order"),
        (checks.cosine_neighbors, lambda f, q, k: cosines(f, q).topk(k).values, "indices of those vectors"),
        (checks.leave_one_out, with_itself, "leave it out"),
        (checks.leave_one_out, lambda f, y: last_layer.knn_right(f, y, 1, "L2").sum().float(), "how many are right"),
        (checks.leave_one_out, lambda f, y: 1 - last_layer.knn_right(f, y, 1, "L2").float().mean(), "wrong ones"),
        (checks.leave_one_out, farthest, "farthest"),
        (checks.principal_positions, uncentered, "mean is still in"),
        (checks.principal_positions, without_lengths, "multiply by S"),
        (checks.principal_positions, lambda f: f[:, :2], "first two features"),
        (checks.principal_positions, lambda f: last_layer.principal_components(f).axes, "shape"),
        (checks.merged_top, lambda v, p, a, first, k: merged(v, p, a, 0, k), "counted from 0"),
        (checks.merged_top, lambda *given: joined(*given).indices, "places in the joined list"),
        (checks.merged_top, lambda *given: joined(*given).values, "these are the answers"),
        (checks.merged_top, lambda *given: merged(*given, strongest_first=False), "strongest comes first"),
        (checks.dead_channels, lambda m: m.amax(dim=(2, 3)) <= 0, "on each picture"),
        (checks.dead_channels, lambda m: (m.amax(dim=(2, 3)) <= 0).any(dim=0), "on some picture"),
        (checks.dead_channels, lambda m: (m == 0).flatten(2).all(dim=2).all(dim=0), "below zero"),
        (checks.dead_channels, lambda m: m.amax(dim=(0, 2, 3)) > 0, "living ones"),
        (checks.patch_box, lambda r, c, size, s, o, side: box(r, c, size, s, 0, side), "offset is missing"),
        (checks.patch_box, lambda r, c, size, s, o, side: box(r, c, size, 1, o, side), "stride is missing"),
        (checks.patch_box, unclipped, "out of the picture"),
        (checks.patch_box, last_seen, "not.* seen"),
        (checks.patch_box, cut_first, "after"),
        (checks.patch_box, lambda r, c, *rest: box(c, r, *rest), "changed places"),
        (checks.patch_box, lambda *given: tuple(box(*given).tolist()), "returned a tuple"),
    ],
)  # fmt: skip
def test_a_common_mistake_is_named(check, wrong, words, capsys):
    check(wrong)
    said = capsys.readouterr().out
    assert said.startswith("not yet") and re.search(words, said)


def test_changing_the_input_is_noticed(capsys):
    def changes(scores):
        best = scores.argmax(dim=1)
        scores.zero_()
        return best

    checks.top_class(changes)
    assert "changed its input" in capsys.readouterr().out


def test_an_error_in_the_students_code_is_passed_on():
    with pytest.raises(ZeroDivisionError):
        checks.top_class(lambda scores: 1 / 0)


def test_the_expected_numbers_are_those_of_the_definition():
    scores = torch.log(torch.tensor([[1.0, 2.0, 1.0]]))
    assert trials.compare(scores.softmax(dim=1), torch.tensor([[0.25, 0.5, 0.25]])) is None
