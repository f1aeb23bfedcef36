"""Interval estimates: a number measured on some pictures, and the range in which it lies."""

from collections.abc import Sequence
from statistics import quantiles
from typing import NamedTuple

import torch
from scipy.stats import binomtest
from torch import Tensor


class Interval(NamedTuple):
    value: float
    low: float
    high: float


def share(hits: Tensor | Sequence[bool]) -> Interval:
    """The share of true ones among (N,) bool, with its 95 % interval (Wilson 1927)."""
    hits = torch.as_tensor(hits, dtype=torch.bool)
    test = binomtest(int(hits.sum()), len(hits))
    return Interval(test.statistic, *test.proportion_ci(method="wilson"))


def mean(values: Tensor) -> Interval:
    """The mean of (N,) numbers ± 1.96 standard errors; of (N,) bool their `share`."""
    if values.dtype == torch.bool:
        return share(values)
    middle, error = float(values.mean()), float(values.std()) / len(values) ** 0.5
    return Interval(middle, middle - 1.96 * error, middle + 1.96 * error)


def median(values: Sequence[float]) -> Interval:
    """The median with the quartiles, between which the middle half of the values lies."""
    low, middle, high = quantiles(values, n=4, method="inclusive")
    return Interval(middle, low, high)
