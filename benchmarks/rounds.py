"""How the benchmarks measure: everything in one run, in turns, and only ratios are claimed.

A shared machine may be twice as slow in one minute as in the next. So the candidates take turns, each round compares
them under the same conditions, and the median over the rounds is reported beside the least and the largest.
"""

import time
from collections.abc import Callable
from statistics import median

import torch


def interleaved(rounds: int, **candidates: Callable[[], object]) -> dict[str, list[float]]:
    """Seconds that each candidate took in each round; they take turns, after one round that does not count."""
    seconds = {name: [] for name in candidates}
    for number in range(rounds + 1):
        for name, candidate in candidates.items():
            began = time.perf_counter()
            candidate()
            if number:
                seconds[name].append(time.perf_counter() - began)
    return seconds


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> str:
    """`0.52 (0.49–0.55)`: the time of one over that of the other in each round, the median and the range."""
    ratios = [mine / theirs for mine, theirs in zip(seconds[one], seconds[other], strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def milliseconds(times: list[float]) -> str:
    """`41.3 ms (38.0–55.2)`: the median and the range."""
    return f"{median(times) * 1e3:.1f} ms ({min(times) * 1e3:.1f}–{max(times) * 1e3:.1f})"


def surroundings() -> str:
    """What a figure depends on, and may be said of a machine in public."""
    return f"torch {torch.__version__.partition('+')[0]}, {torch.get_num_threads()} thread(s), CPU"
