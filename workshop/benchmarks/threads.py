"""A pass of the real network on one thread and on more, alone and beside a busy program:

    python -m workshop.benchmarks.threads

Every candidate is a process of its own, for the number of threads is chosen when torch is loaded.
"""

import os
import subprocess
import sys
from contextlib import contextmanager
from statistics import median

from workshop.benchmarks.rounds import ratio, surroundings

ROUNDS, SECONDS = 5, 2
PASSES = f"""
import time
import torch
from cs231n_viz import data, models

model, pixels = models.load("efficientnet_lite0", device="cpu"), data.photo("chelsea")
end, times = time.perf_counter() + {SECONDS}, []
with torch.no_grad():
    model(pixels)
    while not times or time.perf_counter() < end:
        began = time.perf_counter()
        model(pixels)
        times.append(time.perf_counter() - began)
print(sorted(times)[len(times) // 2], sorted(times)[len(times) * 19 // 20])
"""


@contextmanager
def busy(programs: int):
    """So many other programs that never wait, for the length of a `with`."""
    others = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(programs)]
    try:
        yield
    finally:
        for other in others:
            other.kill()
            other.wait()


def seconds_a_pass(threads: int, others: int) -> list[float]:
    """(median, 95 % of the passes take less) in a process with so many threads."""
    surroundings = os.environ | {"OMP_NUM_THREADS": str(threads)}
    with busy(others):
        command = [sys.executable, "-c", PASSES]
        done = subprocess.run(command, env=surroundings, check=True, capture_output=True, text=True)
    return [float(number) for number in done.stdout.split()]


def main() -> None:
    cores = len(os.sched_getaffinity(0))
    ways = [(threads, others) for threads in sorted({1, cores - 1, cores}) for others in (0, 1)]
    usual = {f"{threads} {others}": [] for threads, others in ways if threads}
    slow = {name: [] for name in usual}
    for number in range(ROUNDS):
        for name in usual:
            for kind, time in zip(
                (usual, slow), seconds_a_pass(*map(int, name.split())), strict=True
            ):
                kind[name].append(time)
            print(f"round {number}: {name}: {usual[name][-1]:.3f} s", file=sys.stderr, flush=True)
    print(f"{cores} cores, {surroundings()}\n")
    print("| threads | other busy programs | a pass | beside one thread, alone | slow passes |")
    print("|---|---|---|---|---|")
    for name, times in usual.items():
        cells = [*name.split(), f"{median(times) * 1e3:.0f} ms", ratio(usual, name, "1 0")]
        print(f"| {' | '.join(cells)} | {ratio({'slow': slow[name]} | usual, 'slow', '1 0')} |")


if __name__ == "__main__":
    main()
