"""Finds the Python environment of the course, or has it made; with only the standard library.

A system Python often refuses `pip install` (PEP 668), so a fresh clone gets a virtual environment
of its own, `.venv`. A stamp file is written there last: where it is missing, or tells of other
requirements, the set-up (setup.py) is finished first.
"""

import hashlib
import json
import os
import re
import signal
import subprocess
import sys
import tomllib
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from ..places import PACKAGE

CLONE = PACKAGE.parent
VENV = CLONE / ".venv"
IN_A_CLONE = (CLONE / "pyproject.toml").is_file()
WINDOWS = os.name == "nt"
# tells the process that goes on inside .venv that it was set up a moment ago
READY = "CS231N_VIZ_READY"


class SetUpError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def missing(tests: bool = False) -> list[str]:
    """What this interpreter lacks of the course's requirements, for instance ["torch>=2.4"]."""
    if not IN_A_CLONE:  # installed from a wheel: pip has seen to it, and knows better
        return []
    needed = project()["dependencies"] + (extra("test") if tests else [])
    return [requirement for requirement in needed if not _is_met(requirement)]


def project() -> dict:
    """The table `project` of pyproject.toml."""
    return tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def extra(name: str) -> list[str]:
    """The requirements of one optional group: "test" or "weights"."""
    return project()["optional-dependencies"][name]


def _is_met(requirement: str) -> bool:
    name, kind, wanted = re.split("(==|>=)", requirement)
    try:
        found = _numbers(metadata.version(name))
    except metadata.PackageNotFoundError:
        return False
    return found == _numbers(wanted) if kind == "==" else found >= _numbers(wanted)


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", version.partition("+")[0])[:3]]


def in_an_environment() -> bool:
    """Whether this interpreter is in a virtual or conda environment, and so not the system's."""
    conda = os.environ.get("CONDA_PREFIX")
    return sys.prefix != sys.base_prefix or (conda is not None and Path(sys.prefix) == Path(conda))


def in_our_venv() -> bool:
    """Whether this interpreter is the one of the repository's `.venv`."""
    return VENV.is_dir() and Path(sys.prefix).resolve() == VENV.resolve()


def is_ready() -> bool:
    """Whether `.venv` was set up to the end, and for the requirements as they are now."""
    return stamp().is_file() and stamp().read_text() == fingerprint()


def stamp() -> Path:
    """The file that is written at the end of a set-up."""
    return VENV / "ready"


def installed(name: str) -> list[Path]:
    """The folders NAME-VERSION.dist-info in `.venv`; "*" for those of every package."""
    return [
        note
        for folder in ("lib/python*", "Lib")
        for note in VENV.glob(f"{folder}/site-packages/{name}-*.dist-info")
    ]


def fingerprint() -> str:
    """What the stamp says: a sum over all requirements."""
    names = ("dependencies", "optional-dependencies", "requires-python")
    wanted = json.dumps([project()[name] for name in names])
    pins = (CLONE / "constraints.txt").read_text(encoding="utf-8")
    return hashlib.sha256(f"{wanted}\n{pins}".encode()).hexdigest()


def enter(arguments: Sequence[str]) -> None:
    """Return if this interpreter can run the course; else set `.venv` up and go on there."""
    if not IN_A_CLONE or os.environ.pop(READY, None) == sys.prefix:
        return
    lacking = missing(tests=arguments[0] == "test")
    if in_our_venv():
        if is_ready() and not lacking:
            return
    elif in_an_environment():
        if not lacking:
            return
        print(
            f"The active environment ({sys.prefix}) lacks {', '.join(lacking)}: "
            "the course uses its own, .venv.\n"
            'To use the active one instead: python -m pip install -e ".[test,weights]"',
            flush=True,
        )
    if not is_ready() or (lacking and in_our_venv()):
        from . import setup

        setup.set_up()
        os.environ[READY] = str(VENV)
    go_on_inside(arguments)


def go_on_inside(arguments: Sequence[str]) -> None:
    """Run `python3 -m cs231n_viz …arguments` with `.venv`'s Python in place of this process."""
    python = str(venv_python())
    command = [python, "-m", "cs231n_viz", *arguments]
    surroundings = course_environment()
    if not WINDOWS:
        sys.stdout.flush()
        os.execve(python, command, surroundings)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the program that is waited for
    done = subprocess.run(command, env=surroundings, check=False)  # Windows' exec does not wait
    sys.exit(done.returncode)


def as_typed_here(words: str) -> str:
    """Words in which commands are written for Linux and macOS; on Windows, as they are there."""
    if WINDOWS:
        words = re.sub(r"(\w+)=(\w+) python3 -m", r'$env:\1="\2"; python3 -m', words)
        words = words.replace("python3 -m", "py -m").replace(".venv/bin/", ".venv\\Scripts\\")
    return words


def course_environment() -> dict[str, str]:
    """The environment variables for a child process: this package is importable from anywhere.

    OMP_NUM_THREADS, unless it is set, leaves a core free: threads wait for each other after every
    layer, and where one shares its core with another program, one pass in twenty took 9 times as
    long (workshop/benchmarks/threads.py).
    """
    paths = [str(CLONE) if IN_A_CLONE else "", os.environ.get("PYTHONPATH", "")]
    threads = {"OMP_NUM_THREADS": str(max(1, _cores() - 1))}
    return threads | os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))}


def _cores(machine: Path = Path("/sys")) -> int:
    """How many cores this process may use, where Linux tells; elsewhere every processor counts.

    Two processors that share one core count once, and a container's quota is the most.
    """
    if not hasattr(os, "sched_getaffinity"):
        return os.cpu_count() or 1
    own, shared = os.sched_getaffinity(0), "devices/system/cpu/cpu{}/topology/thread_siblings_list"
    cores = len({_read(machine / shared.format(number)) or number for number in own})
    quota, _, period = _read(machine / "fs/cgroup/cpu.max").partition(" ")
    return min(cores, max(1, int(quota) // int(period))) if quota.isdigit() else cores


def _read(file: Path) -> str:
    return file.read_text().strip() if file.is_file() else ""


def venv_python() -> Path:
    """The interpreter of `.venv`."""
    return VENV / ("Scripts/python.exe" if WINDOWS else "bin/python")
