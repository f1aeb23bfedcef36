"""Which Python runs the course, with how many threads; what it needs. test_setup.py makes one."""

import ast
import os
import re
import signal
import subprocess
import sys
import tomllib
from importlib import metadata
from itertools import chain
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from cs231n_viz.commands import environment, setup
from cs231n_viz.places import PACKAGE

CLONE = PACKAGE.parent
BARE_PYTHON = sys._base_executable


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The module `environment` itself, looking at a clone that needs little."""
    (tmp_path / "constraints.txt").write_text("# none\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "stand-in"\nrequires-python = ">=3.11"\ndependencies = ["pip>=20"]\n'
        'optional-dependencies.test = ["surely-not-there>=1"]\n'
    )
    monkeypatch.setattr(environment, "CLONE", tmp_path)
    monkeypatch.setattr(environment, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(environment, "IN_A_CLONE", True)
    monkeypatch.setenv(environment.READY, "")
    return environment


@pytest.fixture
def done(monkeypatch):
    """What was done: set up, and gone on inside."""
    calls = []
    monkeypatch.setattr(setup, "set_up", lambda: calls.append("set up"))
    monkeypatch.setattr(environment, "go_on_inside", lambda arguments: calls.append(arguments))
    return calls


def test_an_active_environment_that_has_everything_is_used(here, done, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/somewhere/active")
    here.enter(["start"])
    assert done == []


def test_an_active_environment_that_lacks_something_is_left_alone_and_it_is_said(
    here, done, monkeypatch, capsys
):
    monkeypatch.setattr(sys, "prefix", "/somewhere/active")
    here.enter(["test", "-x"])  # which needs more than `start`
    said = capsys.readouterr().out
    assert "lacks surely-not-there>=1" in said
    assert 'pip install -e ".[test,weights]"' in said
    assert done == ["set up", ["test", "-x"]]


def test_one_set_up_serves_all_commands_until_the_requirements_change(here, done, monkeypatch):
    monkeypatch.setattr(sys, "prefix", sys.base_prefix)
    monkeypatch.delenv("CONDA_PREFIX", raising=False)
    here.enter(["start"])
    here.VENV.mkdir()
    here.stamp().write_text(here.fingerprint())
    here.enter(["start"])
    here.enter(["test"])
    (here.CLONE / "constraints.txt").write_text("# others\n")
    here.enter(["test"])
    assert done == ["set up", ["start"], ["start"], ["test"], "set up", ["test"]]


def test_in_our_environment_nothing_is_done_unless_something_has_been_taken_away(
    here, done, monkeypatch
):
    here.VENV.mkdir()
    here.stamp().write_text(here.fingerprint())
    monkeypatch.setattr(sys, "prefix", str(here.VENV))
    here.enter(["start"])
    assert done == []
    here.enter(["test"])  # for which a package is missing
    assert done == ["set up", ["test"]]


def test_the_process_that_goes_on_after_a_set_up_does_not_ask_again(here, done, monkeypatch):
    monkeypatch.setenv(here.READY, sys.prefix)
    here.enter(["test"])
    assert done == [] and here.READY not in os.environ


@pytest.mark.parametrize("windows, python", [(True, "Scripts/python.exe"), (False, "bin/python")])
def test_the_python_of_the_environment_lies_where_the_system_puts_it(
    here, monkeypatch, windows, python
):
    monkeypatch.setattr(here, "WINDOWS", windows)
    assert here.venv_python() == here.VENV / python
    library = "Lib" if windows else "lib/python3.12"
    note = here.VENV / library / "site-packages/torch-2.15.0.dist-info"
    note.mkdir(parents=True)
    assert here.installed("torch") == here.installed("*") == [note]
    assert here.installed("torchvision") == []


def test_on_windows_the_command_is_waited_for_even_at_ctrl_c_and_its_status_handed_on(
    here, monkeypatch
):
    calls, before = [], signal.getsignal(signal.SIGINT)

    def run(command, env, check):
        signal.raise_signal(signal.SIGINT)  # both get it; it is the command that ends by itself
        calls.append((command, env["PYTHONPATH"].split(os.pathsep)[0]))
        return subprocess.CompletedProcess(command, 3)

    monkeypatch.setattr(here, "WINDOWS", True)
    monkeypatch.setattr(here.subprocess, "run", run)
    with pytest.raises(SystemExit) as end:
        here.go_on_inside(["test", "-x"])
    signal.signal(signal.SIGINT, before)
    assert end.value.code == 3
    python = str(here.VENV / "Scripts/python.exe")
    assert calls == [([python, "-m", "cs231n_viz", "test", "-x"], str(here.CLONE))]


@pytest.mark.parametrize(
    "written, on_windows",
    [
        ("python3 -m cs231n_viz fetch vgg16", "py -m cs231n_viz fetch vgg16"),
        ("A_1=b2 python3 -m cs231n_viz start", '$env:A_1="b2"; py -m cs231n_viz start'),
        ("`.venv/bin/pytest --help` lists", r"`.venv\Scripts\pytest --help` lists"),
        ("the file /usr/bin/python3 is gone", "the file /usr/bin/python3 is gone"),
    ],
)
def test_a_command_is_told_as_one_types_it_on_this_system(here, monkeypatch, written, on_windows):
    monkeypatch.setattr(here, "WINDOWS", False)
    assert here.as_typed_here(written) == written
    monkeypatch.setattr(here, "WINDOWS", True)
    assert here.as_typed_here(written) == on_windows


def test_what_is_missing_is_told_by_name_and_version(here, monkeypatch):
    versions = {"pip": "19.3.1"}
    monkeypatch.setattr(here.metadata, "version", versions.__getitem__)
    monkeypatch.setattr(here.metadata, "PackageNotFoundError", KeyError)
    assert here.missing() == ["pip>=20"]
    versions["pip"] = "20.0rc1"
    assert here.missing() == []
    assert here.missing(tests=True) == ["surely-not-there>=1"]


def test_an_old_python_is_told_so_in_a_sentence():
    source = (PACKAGE / "__main__.py").read_text()
    ast.parse(source, feature_version=(3, 7))  # an old Python can read the file
    pretend = (
        "import sys, runpy; sys.version_info, sys.version = (3, 9, 1), '3.9.1'; "
        "runpy.run_module('cs231n_viz')"
    )
    done = subprocess.run(
        [BARE_PYTHON, "-c", pretend, "start"],
        cwd=CLONE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "needs Python 3.11 or newer; this is 3.9.1" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_constraints_pin_every_requirement_and_name_no_machine():
    pins = dict(
        re.findall(r"^([\w.-]+)==(\S+)$", (CLONE / "constraints.txt").read_text(), re.MULTILINE)
    )
    lines = [
        line
        for line in (CLONE / "constraints.txt").read_text().splitlines()
        if not line.startswith("#")
    ]
    assert len(lines) == len(pins), "one name==version a line, nothing else"
    project = tomllib.loads((CLONE / "pyproject.toml").read_text())["project"]
    for requirement in chain(project["dependencies"], *project["optional-dependencies"].values()):
        name, kind, wanted = re.split("(==|>=)", requirement)
        found, wanted = (environment._numbers(each) for each in (pins[name], wanted))
        assert found == wanted if kind == "==" else found >= wanted
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]


def test_requirements_install_the_package_within_the_constraints():
    lines = Path(CLONE / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "-c constraints.txt",
        "-e .[weights]",
    ]


def test_no_pinned_version_asks_for_a_newer_python_than_the_course_does():
    """Debian 12's Python is 3.11.2; checked for what is installed here at its pinned version."""
    pins = re.findall(r"^([\w.-]+)==(\S+)$", (CLONE / "constraints.txt").read_text(), re.MULTILINE)
    installed = {
        (found.name, found.version): found.metadata["Requires-Python"]
        for found in metadata.distributions()
    }
    asked = {pin: installed[pin] for pin in pins if installed.get(pin)}
    assert len(asked) > len(pins) / 2
    assert [
        pin for pin, python in asked.items() if not SpecifierSet(python).contains("3.11.0")
    ] == []


@pytest.mark.parametrize("cores, threads", [(1, "1"), (2, "1"), (4, "3"), (16, "15")])
def test_a_core_is_left_free_for_other_programs_unless_the_threads_are_given(
    monkeypatch, cores, threads
):
    monkeypatch.setattr(environment, "_cores", lambda: cores)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    assert environment.course_environment()["OMP_NUM_THREADS"] == threads
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    assert environment.course_environment()["OMP_NUM_THREADS"] == "7"


def test_torch_of_a_child_process_takes_as_many_threads_as_it_is_told(monkeypatch):
    monkeypatch.setattr(environment, "_cores", lambda: 3)
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    command = [sys.executable, "-c", "import torch; print(torch.get_num_threads())"]
    surroundings = environment.course_environment()
    done = subprocess.run(command, env=surroundings, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "2"


@pytest.mark.parametrize(
    "siblings, own, quota, cores",
    [
        ({0: "0", 1: "1"}, {0, 1}, None, 2),  # two cores
        ({0: "0,2", 1: "1,3", 2: "0,2", 3: "1,3"}, {0, 1, 2, 3}, None, 2),  # two of two threads
        ({0: "0,4", 1: "1,5", 2: "2,6", 3: "3,7"}, {0, 1, 2, 3}, "max 100000", 4),  # pinned to four
        ({0: "0", 1: "1", 2: "2", 3: "3"}, {0, 1, 2, 3}, "200000 100000", 2),  # two by quota
        ({0: "0", 1: "1"}, {0, 1}, "50000 100000", 1),  # half a core
        ({}, {0, 1, 2}, None, 3),  # nothing is told of the cores
    ],
)
def test_cores_are_counted_once_and_within_the_quota(
    tmp_path, monkeypatch, siblings, own, quota, cores
):
    for number, listed in siblings.items():
        folder = tmp_path / f"devices/system/cpu/cpu{number}/topology"
        folder.mkdir(parents=True)
        (folder / "thread_siblings_list").write_text(f"{listed}\n")
    if quota:
        (tmp_path / "fs/cgroup").mkdir(parents=True)
        (tmp_path / "fs/cgroup/cpu.max").write_text(f"{quota}\n")
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: own, raising=False)
    assert environment._cores(tmp_path) == cores
