"""Seeing ConvNets, from the command line. Sets up what it needs by itself.

    python3 -m cs231n_viz start [options]       open your own copy of the lessons, the folder my/
    python3 -m cs231n_viz test [options]        run all tests, every lesson included
    python3 -m cs231n_viz test --fast           run the package's tests: about a minute
    python3 -m cs231n_viz doctor                what is there, what is missing, what to do
    python3 -m cs231n_viz fetch NAME            get a torchvision network's weights, or caltech101
    python3 -m cs231n_viz train NAME [options]  train one of the bundled networks again
    python3 -m cs231n_viz help COMMAND          more about one command, with examples
    python3 -m cs231n_viz --version             the version of the course

Ctrl-C stops any of them.
"""

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (this file must stay readable for an older Python)
    newer = "py -3.12" if sys.platform == "win32" else "python3.12"
    sys.exit(
        "error: the course needs Python 3.11 or newer; "
        f"this is {sys.version.split()[0]} ({sys.executable}).\n"
        "Get one from python.org or your package manager and call it by its name, for instance:\n"
        f"    {newer} -m cs231n_viz {' '.join(sys.argv[1:]) or 'start'}"
    )

STOPPED = "\nStopped. The same command goes on from here."
try:
    import inspect
    import os
    import runpy

    from . import __version__
    from .commands import environment, lab, lessons, names
    from .errors import known
except KeyboardInterrupt:
    sys.exit(STOPPED)


def start(arguments: list[str]) -> int:
    """Open JupyterLab on your own copy of the lessons, the folder my/.

        python3 -m cs231n_viz start
        python3 -m cs231n_viz start --port=9000 --no-browser
        CS231N_VIZ_MODEL=resnet18 python3 -m cs231n_viz start     the lessons on another network

    What you wrote is never overwritten; newer lessons come by themselves. The options are those of
    JupyterLab: once the course is set up, `.venv/bin/jupyter lab --help` lists them.
    """
    lab.check(arguments)
    network = os.environ.get("CS231N_VIZ_MODEL")
    if network:
        known("network in CS231N_VIZ_MODEL", network, names.NETWORKS)
    environment.enter(["start", *arguments])
    folder = lessons.bring(lessons.own_folder())
    print(f"Opening JupyterLab on {folder}. It runs until you press Ctrl-C here.")
    remarks = lab.remarks(arguments)
    if remarks:
        print(remarks)
    status = _run("jupyterlab", str(folder), *arguments, environ=lab.surroundings(folder))
    if status == 0:
        print(f"JupyterLab has ended. Your lessons are in {folder}; `start` opens them again.")
    return status


def test(arguments: list[str]) -> int:
    """Run the tests, every lesson included.

        python3 -m cs231n_viz test
        python3 -m cs231n_viz test --fast         those of the package: about a minute
        python3 -m cs231n_viz test -k filters     those with this word in their name

    The options are those of pytest: once the course is set up, `.venv/bin/pytest --help` lists
    them.
    """
    _only_in_a_clone("the tests are")
    environment.enter(["test", *arguments])
    if "--fast" in arguments:
        arguments = [*FAST, *(argument for argument in arguments if argument != "--fast")]
    return _run("pytest", *SHARED_OUT, *arguments, folder=environment.CLONE)


def doctor(arguments: list[str]) -> int:
    """Say what is there, what is missing and what to do. Nothing is changed.

        python3 -m cs231n_viz doctor

    The status is 0 if the course can run, 1 if something is broken, 2 before the set-up.
    """
    _no_more(arguments)
    chosen = environment.in_an_environment() and not environment.missing()
    here = chosen or environment.in_our_venv()  # the Python that `start` would use
    if environment.IN_A_CLONE and environment.is_ready() and not here:
        environment.go_on_inside(["doctor"])
    from .commands.doctor import report

    return report()


def fetch(arguments: list[str]) -> int:
    """Get the weights of a torchvision network, or a data set, ahead of class.

        python3 -m cs231n_viz fetch squeezenet1_0
        python3 -m cs231n_viz fetch caltech101        photographs, 137 MB

    Weights go into torch's own cache, which TORCH_HOME moves; data sets into the folder that
    CS231N_VIZ_DATA names, else into downloads/. A download that is cut leaves nothing behind.
    """
    name = _one_name("fetch", "squeezenet1_0", arguments)
    if name in names.BUNDLED:
        raise ValueError(f"{name} comes with the course: there is nothing to fetch.")
    known("network or data set", name, names.FETCHED)
    _no_more(arguments[1:])
    environment.enter(["fetch", *arguments])
    from .commands import fetch as fetching

    fetching.fetch(name)
    return 0


def train(arguments: list[str]) -> int:
    """Train a bundled network again: the program of this name in the clone's workshop/train.

        python3 -m cs231n_viz train coursenet
        python3 -m cs231n_viz train coursenet --passes 3

    Once the course is set up, `.venv/bin/python -m workshop.train coursenet --help` lists the
    options. The result replaces the network in data/.
    """
    name = _one_name("train", "coursenet", arguments)
    _only_in_a_clone("what trains the networks is")
    known("network to train", name, names.trained())
    environment.enter(["train", *arguments])
    return _run("workshop.train", *arguments, folder=environment.CLONE)


COMMANDS = {"start": start, "test": test, "doctor": doctor, "fetch": fetch, "train": train}
HELP = {"help", "-h", "--help"}
# Two processes, one file of tests or one lesson at a time; `-n 0` after `test` takes one process.
SHARED_OUT = ["-n", "2", "--dist", "loadfile"]
# Of the package only: no notebook, browser, drawing or training. Options given come after these.
FAST = ["tests", "-m", "not slow and not nightly", "--ignore=tests/workshop"]
FAST += ["--ignore-glob=tests/*browser*", "--ignore-glob=tests/test_*elsewhere.py"]
FAST += ["--ignore-glob=tests/test_*form.py", "--ignore-glob=tests/test_*bites.py"]


def _run(module: str, *arguments: str, folder=".", environ=None) -> int:
    """`python -m module arguments` in this process, so that Ctrl-C is understood from its start."""
    os.chdir(folder)
    os.environ.update(environ or environment.course_environment())
    sys.argv[1:] = arguments
    sys.stdout.flush()
    try:
        runpy.run_module(module, run_name="__main__", alter_sys=True)
    except SystemExit as end:
        return end.code or 0
    return 0


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
    sys.stdout.reconfigure(errors="replace")  # a letter that its encoding lacks becomes a "?"
    if HELP.issuperset(arguments):
        print(environment.as_typed_here(__doc__))
        return 0 if arguments else 2
    if arguments == ["--version"]:
        print(f"Seeing ConvNets {__version__}")
        return 0
    try:
        name, *options = arguments
        if name in HELP:
            name, *options = *options, "--help"
        known("command", name, COMMANDS)
        if not HELP.isdisjoint(options):
            print(environment.as_typed_here(inspect.getdoc(COMMANDS[name])))
            return 0
        return COMMANDS[name](options)
    except (environment.SetUpError, ValueError, OSError) as error:
        print(f"error: {environment.as_typed_here(str(error))}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(STOPPED, file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
