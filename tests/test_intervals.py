"""Intervals worked by hand, and those of SciPy."""

import pytest
import torch
from scipy.stats import binomtest

from cs231n_viz import intervals


def test_the_interval_of_a_share_worked_by_hand():
    """Wilson's of 0 of 20, z = 1.96: from 0 to z² / (20 + z²)."""
    value, low, high = intervals.share(torch.zeros(20, dtype=torch.bool))
    assert (value, low) == (0, pytest.approx(0, abs=1e-9))
    assert high == pytest.approx(3.8415 / 23.8415, abs=1e-4)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (7, 10), (83, 100), (1401, 1401)])
def test_the_interval_of_a_share_is_wilsons(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    found = intervals.share(torch.arange(count) < right)
    assert found == pytest.approx((right / count, expected.low, expected.high))


def test_the_mean_has_the_interval_of_its_kind():
    hits = torch.tensor([True, False])
    assert intervals.mean(hits) == intervals.share(hits) == intervals.share([True, False])
    half = 1.96 * (2 / 3) ** 0.5 / 2
    found = intervals.mean(torch.tensor([1.0, 2.0, 3.0, 2.0]))
    assert found == pytest.approx((2, 2 - half, 2 + half))


def test_the_middle_half_lies_around_the_median():
    assert intervals.median([5, 1, 2, 4, 3]) == (3, 2, 4)
