"""Runs tests and lessons as other processors compute: `python -m workshop.arithmetic [WAY …]`.

What the course claims must not hang on how a processor rounds and in which order it adds. Each way
takes as long as the tests; what follows `--` goes to pytest, for instance `-- notebooks -k cam`.
"""

import subprocess
import sys

from cs231n_viz.__main__ import SHARED_OUT
from cs231n_viz.commands.environment import CLONE, course_environment
from cs231n_viz.errors import unknown

WAYS = {
    "plain": {"ATEN_CPU_CAPABILITY": "default"},  # torch's kernels without vector instructions
    "avx2": {"ATEN_CPU_CAPABILITY": "avx2"},
    "onednn-sse41": {"ONEDNN_MAX_CPU_ISA": "SSE41"},
    "onednn-avx2": {"ONEDNN_MAX_CPU_ISA": "AVX2"},
    "no-onednn": {"CS231N_VIZ_ONEDNN": "off"},  # convolutions by torch itself
    "two-threads": {"OMP_NUM_THREADS": "2"},
}


def main(arguments: list[str]) -> int:
    """Run these ways, or all; the exit status is the number of those in which something failed."""
    cut = arguments.index("--") if "--" in arguments else len(arguments)
    names, options = arguments[:cut] or list(WAYS), arguments[cut + 1 :]
    for name in names:
        if name not in WAYS:
            raise unknown("arithmetic", name, WAYS)
    failed = []
    for name in names:
        print(f"=== {name}: {WAYS[name]}", flush=True)
        command = [sys.executable, "-m", "pytest", *SHARED_OUT, "-q", "--tb=short", *options]
        surroundings = course_environment() | WAYS[name]
        if subprocess.run(command, cwd=CLONE, env=surroundings, check=False).returncode:
            failed.append(name)
    print(f"failed under: {', '.join(failed) or 'none'}", flush=True)
    return len(failed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
