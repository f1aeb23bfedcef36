"""Finds or makes the Python environment of the course, with only the standard library.

A system Python often refuses `pip install` (PEP 668), so a fresh clone gets a virtual environment
of its own, `.venv`. A stamp file is written there last: where it is missing, or tells of other
requirements, the set-up is finished first.
"""

import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Callable, Sequence
from importlib import metadata
from pathlib import Path

from ..places import PACKAGE

CLONE = PACKAGE.parent
VENV = CLONE / ".venv"
IN_A_CLONE = (CLONE / "pyproject.toml").is_file()
# tells the process that goes on inside .venv that it was set up a moment ago
READY = "CS231N_VIZ_READY"
GIGABYTE = 1e9


class SetUpError(Exception):
    """The environment cannot be made; the message says why and what to do."""


def tell(words: str) -> None:
    """Print at once, so that words stand in their place among those of pip."""
    print(words, flush=True)


def missing(extra: str = "") -> list[str]:
    """What this interpreter lacks of the course's requirements, for instance ["torch>=2.4"]."""
    if not IN_A_CLONE:  # installed from a wheel: pip has seen to it, and knows better
        return []
    return [requirement for requirement in _requirements(extra) if not _is_met(requirement)]


def _requirements(extra: str) -> list[str]:
    project = _project()
    return project["dependencies"] + (project["optional-dependencies"][extra] if extra else [])


def _project() -> dict:
    return tomllib.loads((CLONE / "pyproject.toml").read_text(encoding="utf-8"))["project"]


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


def is_ready(extra: str = "") -> bool:
    """Whether `.venv` was set up to the end, and for the requirements as they are now."""
    return _stamp(extra).is_file() and _stamp(extra).read_text() == _fingerprint()


def _stamp(extra: str) -> Path:
    return VENV / f"ready-for-{extra or 'start'}"


def _fingerprint() -> str:
    project = _project()
    wanted = json.dumps(
        [project["dependencies"], project["optional-dependencies"], project["requires-python"]]
    )
    texts = [wanted] + [
        (CLONE / name).read_text(encoding="utf-8")
        for name in ("requirements.txt", "constraints.txt")
    ]
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()


def enter(arguments: Sequence[str], extra: str = "", say: Callable[[str], None] = tell) -> None:
    """Return if this interpreter can run the course; else set `.venv` up and go on there."""
    if not IN_A_CLONE or os.environ.pop(READY, None) == sys.prefix:
        return
    lacking = missing(extra)
    if in_our_venv():
        if is_ready(extra) and not lacking:
            return
    elif in_an_environment():
        if not lacking:
            return
        extras = f"[{extra}]" if extra else ""
        say(
            f"The active environment ({sys.prefix}) lacks {', '.join(lacking)}: "
            "the course uses its own, .venv.\n"
            f'To use the active one instead: python -m pip install -e ".{extras}"'
        )
    if not is_ready(extra) or (lacking and in_our_venv()):
        set_up(extra, say)
        os.environ[READY] = str(VENV)
    go_on_inside(arguments)


def go_on_inside(arguments: Sequence[str]) -> None:
    """Run `python3 -m cs231n_viz …arguments` with `.venv`'s Python in place of this process."""
    python = str(venv_python())
    command = [python, "-m", "cs231n_viz", *arguments]
    surroundings = course_environment()
    if os.name == "posix":
        sys.stdout.flush()
        os.execve(python, command, surroundings)
    done = subprocess.run(command, env=surroundings, check=False)  # Windows' exec does not wait
    sys.exit(done.returncode)


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
    return VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def set_up(extra: str = "", say: Callable[[str], None] = tell) -> None:
    """Make `.venv`, or finish it, and install the course into it; the stamp comes last."""
    _stamp(extra).unlink(missing_ok=True)
    try:
        _say_what_comes(say)
        installer = _make_venv(say)
        _install(installer, extra)
        for done in {"", extra}:
            _stamp(done).write_text(_fingerprint())
    except OSError as error:
        raise SetUpError(
            f"{error}. The set-up needs to write into {CLONE}: make room or permission for it, "
            "then give the same command again; it goes on where it stopped."
        ) from error
    say("The environment is ready.\n")


def _say_what_comes(say: Callable[[str], None]) -> None:
    big = sys.platform == "linux" and not _has_special_torch()
    size = "6.5 GB on disk, 3.3 GB to download, most of it torch's CUDA libraries; " if big else ""
    began = "Finishing or renewing" if VENV.exists() else "First time here: making"
    say(
        f"{began} the environment with torch, JupyterLab and their company in\n    {VENV}\n"
        f"In all about {size}a few minutes, once.\n"
        "Nothing outside that folder is changed, except pip's download cache.\n"
        "Ctrl-C stops it safely."
    )
    if big:
        say('(A much lighter way, without CUDA: see "Without a GPU" in README.md.)')
    free = shutil.disk_usage(CLONE).free / GIGABYTE
    if free < (8 if big else 2):
        say(f"Careful: only {free:.1f} GB are free on this disk; that may not be enough.")


def _make_venv(say: Callable[[str], None]) -> list[str]:
    """Create `.venv` where none works; return the pip command that installs into it."""
    python = venv_python()
    if VENV.exists() and not _runs(python, "import sys; sys.exit(sys.version_info < (3, 11))"):
        say("Its Python does not run, or is older than 3.11: making it anew.")
        shutil.rmtree(VENV)
    inner_pip = [str(python), "-m", "pip"]
    if _runs(python, "import pip"):
        return inner_pip
    venv = [sys.executable, "-m", "venv", str(VENV)]
    if importlib.util.find_spec("ensurepip") and subprocess.run(venv, check=False).returncode == 0:
        return inner_pip
    # The system's pip can serve from outside.
    outer_pip = [sys.executable, "-m", "pip", "--python", str(python)]
    if not (_succeeds([*venv, "--without-pip"]) and _succeeds([*outer_pip, "--version"])):
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetUpError(
            "this Python cannot make an environment, for it lacks ensurepip and pip.\n"
            f"On Debian and Ubuntu:  sudo apt install python{version}-venv\n"
            "Elsewhere install Python from python.org. Then give the same command again."
        )
    return outer_pip


def _runs(python: Path, code: str) -> bool:
    return python.exists() and _succeeds([str(python), "-c", code])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _has_special_torch() -> bool:
    """Whether `.venv` holds a torch that a person chose: a local version, such as 2.15.0+cpu."""
    return any(
        list(VENV.glob(f"{lib}/site-packages/torch-*+*.dist-info"))
        for lib in ("lib/python*", "Lib")
    )


def _install(pip: Sequence[str], extra: str) -> None:
    """`pip install -r requirements.txt` into `.venv`; a torch that a person chose stays."""
    constraints = (CLONE / "constraints.txt").read_text(encoding="utf-8").splitlines()
    if _has_special_torch():
        pinned = ("torch==", "torchvision==")
        constraints = [line for line in constraints if not line.startswith(pinned)]
    (VENV / "constraints.txt").write_text("\n".join(constraints) + "\n", encoding="utf-8")
    requirements = VENV / "requirements.txt"  # its "-c constraints.txt" means the file beside it
    shutil.copyfile(CLONE / "requirements.txt", requirements)
    command = [*pip, "install", "-r", str(requirements), *(["-e", f".[{extra}]"] if extra else [])]
    complaints = ""
    with subprocess.Popen(
        command, cwd=CLONE, stderr=subprocess.PIPE, text=True, errors="replace"
    ) as process:
        for line in process.stderr:
            sys.stderr.write(line)
            complaints += line
    if process.returncode:
        raise SetUpError(_why_pip_failed(complaints))


def _why_pip_failed(complaints: str) -> str:
    no_network = r"ConnectionError|from versions: none|name resolution|(Read|Connect)Timeout|Proxy"
    if re.search(r"No space left|not enough space|Errno 28", complaints):
        reason = 'the disk is full. Make room (README.md has a lighter way, too: "Without a GPU")'
    elif re.search(no_network, complaints):
        reason = "the package index could not be reached. Check the network connection"
    else:
        reason = "pip could not install the requirements; what it said stands above. Mend that"
    return f"{reason}, then give the same command again; it goes on where it stopped."
