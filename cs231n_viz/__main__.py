"""Seeing ConvNets, from the command line. Sets up what it needs by itself.

    python3 -m cs231n_viz start [options]       open your own copy of the lessons, the folder my/
    python3 -m cs231n_viz test [options]        run all tests, every lesson included
    python3 -m cs231n_viz test --fast           run the package's tests: about a minute
    python3 -m cs231n_viz doctor                what is there, what is missing, what to do
    python3 -m cs231n_viz fetch NAME            get a torchvision network's weights, or caltech101
    python3 -m cs231n_viz train NAME [options]  train one of the bundled networks again

Options of `start` are JupyterLab's, those of `test` pytest's. On Windows write `py` for `python3`.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this file must stay readable for an older Python)
    sys.exit(
        "error: the course needs Python 3.11 or newer; "
        f"this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Get one from python.org or your package manager and call it by its name, for instance:\n"
        f"    python3.12 -m cs231n_viz {' '.join(sys.argv[1:]) or 'start'}"
    )

import os
import subprocess

from .commands import environment
from .errors import known, unknown


def start(arguments: list[str]) -> int:
    """Bring the student's copy of the lessons up to date and open JupyterLab on it."""
    environment.enter(["start", *arguments])
    from .commands import lessons

    _check_chosen_network()
    folder = lessons.bring(lessons.own_folder())
    print(f"Opening JupyterLab on {folder}. It runs until you press Ctrl-C here.", flush=True)
    return _run(
        "jupyterlab", str(folder), "--LabApp.default_url=/lab/tree/00_start_here.ipynb", *arguments
    )


def test(arguments: list[str]) -> int:
    """Run the tests from the repository's root; --fast: of the package only, and not the slow."""
    _only_in_a_clone("the tests are")
    environment.enter(["test", *arguments], extra="test")
    if "--fast" in arguments:
        arguments = [*FAST, *(argument for argument in arguments if argument != "--fast")]
    return _run("pytest", *SHARED_OUT, *arguments, cwd=environment.CLONE)


def doctor(arguments: list[str]) -> int:
    """Print what is there and what is missing."""
    _no_more(arguments)
    if environment.IN_A_CLONE and environment.is_ready() and not environment.in_an_environment():
        environment.go_on_inside(["doctor"])
    from .commands.doctor import report

    return report()


def fetch(arguments: list[str]) -> int:
    """Get weights or a data set ahead of class."""
    name = _one_name("fetch", "squeezenet1_0", arguments)
    _no_more(arguments[1:])
    environment.enter(["fetch", *arguments])
    from .commands import fetch as fetching

    fetching.fetch(name)
    return 0


def train(arguments: list[str]) -> int:
    """Train a bundled network again: the program of this name in the clone's workshop/train."""
    _one_name("train", "coursenet", arguments)
    _only_in_a_clone("what trains the networks is")
    environment.enter(["train", *arguments])
    return _run("workshop.train", *arguments, cwd=environment.CLONE)


COMMANDS = {"start": start, "test": test, "doctor": doctor, "fetch": fetch, "train": train}
# Two processes, one file of tests or one lesson at a time; `-n 0` after `test` takes one process.
SHARED_OUT = ["-n", "2", "--dist", "loadfile"]
# Of the package only: no notebook, browser, drawing or training. Options given come after these.
FAST = ["tests", "-m", "not slow and not nightly", "--ignore=tests/workshop"]
FAST += ["--ignore-glob=tests/*browser*", "--ignore-glob=tests/test_*elsewhere.py"]
FAST += ["--ignore-glob=tests/test_*form.py", "--ignore-glob=tests/test_*bites.py"]


def _run(module: str, *arguments: str, cwd=None) -> int:
    command = [sys.executable, "-m", module, *arguments]
    with subprocess.Popen(command, cwd=cwd, env=environment.course_environment()) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the child gets it too, and says what it does about it
                continue


def _check_chosen_network() -> None:
    """Says before the lab opens that CS231N_VIZ_MODEL names no network."""
    name = os.environ.get("CS231N_VIZ_MODEL")
    if name:
        from . import models

        known("network in CS231N_VIZ_MODEL", name, models.names())


def _only_in_a_clone(what: str) -> None:
    if not environment.IN_A_CLONE:
        raise FileNotFoundError(
            f"{what} not part of the installed package: run this in a clone of the repository."
        )


def _one_name(command: str, example: str, arguments: list[str]) -> str:
    if not arguments or arguments[0].startswith("-"):
        raise ValueError(
            f"{command} what? Give a name, for instance:  python3 -m cs231n_viz {command} {example}"
        )
    return arguments[0]


def _no_more(arguments: list[str]) -> None:
    if arguments:
        raise ValueError(f"what is {' '.join(arguments)!r} for? This command takes nothing more.")


def main(arguments: list[str]) -> int:
    """Run one command; what goes wrong for a known reason is said in a sentence, with status 1."""
    if not arguments or arguments[0] in ("-h", "--help", "help"):
        print(__doc__)
        return 0 if arguments else 2
    try:
        if arguments[0] not in COMMANDS:
            raise unknown("command", arguments[0], COMMANDS)
        return COMMANDS[arguments[0]](arguments[1:])
    except (environment.SetUpError, ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
