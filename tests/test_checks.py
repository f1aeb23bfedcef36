"""Checks say "not yet", name the mistake, and accept what is right."""

import re

import pytest
import torch

from cs231n_viz import checks
from cs231n_viz.checks import trials
from cs231n_viz.techniques import filters

RIGHT = {
    checks.top_class: lambda scores: scores.argmax(dim=1),
    checks.probabilities: lambda scores: scores.softmax(dim=1),
    checks.filter_pictures: filters.as_pictures,
    checks.filter_responses: filters.responses,
    checks.filter_roughness: filters.roughness,
}


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_an_unsolved_exercise_is_not_yet_done_and_raises_nothing(check, capsys):
    check(lambda *arguments: None)
    assert capsys.readouterr().out.startswith("not yet")


@pytest.mark.parametrize("check", RIGHT, ids=lambda check: check.__name__)
def test_a_right_answer_is_right(check, capsys):
    check(RIGHT[check])
    assert capsys.readouterr().out.startswith("right")


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
