"""How the benchmarks measure: everything in one run, in turns, and only ratios are claimed.

A shared machine may be twice as slow in one minute as in the next. So the candidates take turns,
each round compares them under the same conditions, and the median over the rounds is reported
beside the least and the largest.
"""

import platform
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch


def interleaved(
    rounds: int,
    clock: Callable[[], float] = time.perf_counter,
    warm: bool = False,
    **candidates: Callable[[], object],
) -> dict[str, list[float]]:
    """Seconds that each candidate took in each round, in turns; a round before does not count.

    warm: all have run before, so every round counts. Each round says on stderr what it took, so
    that a long run that is cut short is not lost.
    """
    seconds = {name: [] for name in candidates}
    for number in range(rounds + (not warm)):
        for name, candidate in candidates.items():
            began = clock()
            candidate()
            if number or warm:
                seconds[name].append(clock() - began)
        last = {name: round(times[-1], 3) for name, times in seconds.items() if times}
        print(f"round {number}: {last or 'does not count'}", file=sys.stderr, flush=True)
    return seconds


def fair_clock() -> Callable[[], float]:
    """On one thread the processor's own time, which no other program changes; else the wall's."""
    return time.process_time if torch.get_num_threads() == 1 else time.perf_counter


def ratio(seconds: dict[str, list[float]], one: str, other: str) -> str:
    """`0.52 (0.49–0.55)`: one's time over the other's in each round, the median and the range."""
    ratios = [mine / theirs for mine, theirs in zip(seconds[one], seconds[other], strict=True)]
    return f"{median(ratios):.2f} ({min(ratios):.2f}–{max(ratios):.2f})"


def milliseconds(times: list[float]) -> str:
    """`41.3 ms (38.0–55.2)`: the median and the range."""
    return f"{median(times) * 1e3:.1f} ms ({min(times) * 1e3:.1f}–{max(times) * 1e3:.1f})"


def surroundings() -> str:
    """What a figure depends on, and may be said of a machine in public."""
    version, threads = torch.__version__.partition("+")[0], torch.get_num_threads()
    return f"torch {version}, {threads} thread(s), {processor()}"


def processor() -> str:
    """Its name, and whether it multiplies matrices by units of their own, where Linux tells."""
    facts = Path("/proc/cpuinfo")
    if not facts.exists():
        return platform.processor() or platform.machine()
    lines = (line.partition(":") for line in facts.read_text(encoding="utf-8").splitlines())
    told = {name.strip(): value.strip() for name, _, value in lines}
    units = "matrix units" if "amx_tile" in told.get("flags", "") else "no matrix units"
    return f"{told.get('model name', platform.machine())} ({units})"
