"""The set-up, tried for real by a bare Python in a small stand-in for a clone, and part by part."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet

from cs231n_viz.commands import environment
from cs231n_viz.places import PACKAGE

CLONE = PACKAGE.parent
BARE_PYTHON = sys._base_executable
ECHO = 'import sys; print("inside", sys.prefix, *sys.argv[1:])'


@pytest.fixture
def clone(tmp_path):
    """What the set-up needs, with pip itself as the only requirement: no network is used."""
    package, workshop = tmp_path / "cs231n_viz", tmp_path / "workshop" / "train"
    (package / "commands").mkdir(parents=True)
    workshop.mkdir(parents=True)
    for name in ("__init__", "__main__", "errors", "places", "commands/__init__"):
        (package / f"{name}.py").write_text((PACKAGE / f"{name}.py").read_text())
    source = (PACKAGE / "commands/environment.py").read_text()
    (package / "commands/environment.py").write_text(source)
    (workshop / "__main__.py").write_text(ECHO)
    (tmp_path / "requirements.txt").write_text("-c constraints.txt\npip\n")
    (tmp_path / "constraints.txt").write_text("# none\n")
    (tmp_path / "pyproject.toml").write_text(
        '[project]\nname = "stand-in"\nrequires-python = ">=3.11"\ndependencies = ["pip>=20"]\n'
        'optional-dependencies.test = ["surely-not-there>=1"]\n'
    )
    return tmp_path


@pytest.fixture
def here(clone, monkeypatch):
    """The module `environment` itself, looking at the stand-in."""
    monkeypatch.setattr(environment, "CLONE", clone)
    monkeypatch.setattr(environment, "VENV", clone / ".venv")
    monkeypatch.setattr(environment, "IN_A_CLONE", True)
    return environment


def bare(clone, *arguments):
    """The command as a stranger gives it: a bare Python, no activated environment."""
    hidden = ("VIRTUAL_ENV", "CONDA_PREFIX", "PYTHONPATH", environment.READY)
    surroundings = {key: value for key, value in os.environ.items() if key not in hidden}
    command = [BARE_PYTHON, "-m", "cs231n_viz", *arguments]
    return subprocess.run(
        command, cwd=clone, env=surroundings, capture_output=True, text=True, check=False
    )


def pip_that(tmp_path, code):
    """A command in the place of pip."""
    (tmp_path / "pip.py").write_text(code)
    return [sys.executable, str(tmp_path / "pip.py")]


@pytest.mark.slow
def test_a_bare_python_makes_the_environment_goes_on_inside_and_does_so_only_once(clone):
    first = bare(clone, "train", "echo", "--passes", "3")
    assert first.returncode == 0, first.stderr
    assert "First time here" in first.stdout
    assert f"inside {clone / '.venv'} echo --passes 3" in first.stdout
    second = bare(clone, "train", "echo")
    assert second.stdout == f"inside {clone / '.venv'} echo\n"

    (clone / ".venv" / "ready-for-start").unlink()  # as if Ctrl-C had come before the end
    third = bare(clone, "train", "echo")
    assert "Finishing or renewing" in third.stdout
    assert f"inside {clone / '.venv'}" in third.stdout

    (clone / "constraints.txt").write_text("# others\n")
    assert "Finishing or renewing" in bare(clone, "train", "echo").stdout


def test_an_environment_whose_python_does_not_run_is_made_anew(here, monkeypatch):
    here.venv_python().parent.mkdir(parents=True)
    here.venv_python().write_text("not a program")
    monkeypatch.setattr(here, "_succeeds", lambda command: False)
    monkeypatch.setattr(
        here.subprocess, "run", lambda command, **_: subprocess.CompletedProcess(command, 0)
    )
    said = []
    assert here._make_venv(said.append) == [str(here.venv_python()), "-m", "pip"]
    assert "making it anew" in said[0]
    assert not here.VENV.exists()


def test_without_ensurepip_the_systems_own_pip_serves_from_outside(here, monkeypatch):
    monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(here, "_succeeds", lambda command: "import pip" not in command)
    assert here._make_venv(print) == [
        sys.executable,
        "-m",
        "pip",
        "--python",
        str(here.venv_python()),
    ]


def test_without_ensurepip_and_pip_the_sentence_says_what_to_install(here, monkeypatch):
    monkeypatch.setattr(here.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(here, "_succeeds", lambda command: False)
    with pytest.raises(environment.SetUpError, match=r"sudo apt install python3\.\d+-venv"):
        here._make_venv(print)


@pytest.mark.parametrize(
    "complaint, sentence",
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full"),
        (
            "NewConnectionError: Temporary failure in name resolution",
            "the package index could not be reached",
        ),
        ("ERROR: ResolutionImpossible", "what it said stands above"),
    ],
)
def test_when_pip_fails_a_sentence_says_why_and_no_stamp_is_left(
    here, tmp_path, monkeypatch, complaint, sentence
):
    failing = pip_that(tmp_path, f"import sys; sys.exit({complaint!r})")
    monkeypatch.setattr(here, "_make_venv", lambda say: here.VENV.mkdir() or failing)
    with pytest.raises(environment.SetUpError, match=sentence):
        here.set_up()
    assert not here.is_ready()


def test_no_permission_to_write_is_said_in_a_sentence(here, monkeypatch):
    def denied(say):
        raise PermissionError(13, "Permission denied", str(here.VENV))

    monkeypatch.setattr(here, "_make_venv", denied)
    with pytest.raises(
        environment.SetUpError, match="Permission denied.*give the same command again"
    ):
        here.set_up()


@pytest.mark.parametrize("torch, kept", [("torch-2.14.1+cpu", True), ("torch-2.14.1", False)])
def test_a_torch_that_a_person_chose_is_kept_and_pips_own_follows_the_pins(
    here, tmp_path, torch, kept
):
    (here.VENV / "lib" / "python3.11" / "site-packages" / f"{torch}.dist-info").mkdir(parents=True)
    (here.CLONE / "constraints.txt").write_text(
        "numpy==2.4.6\ntorch==2.15.0\ntorchvision==0.29.2\n"
    )
    here._install(pip_that(tmp_path, ""), "")
    pins = (here.VENV / "constraints.txt").read_text().split()
    assert pins == ["numpy==2.4.6"] + ([] if kept else ["torch==2.15.0", "torchvision==0.29.2"])


def test_the_test_command_installs_the_test_extra_too(here, tmp_path):
    here.VENV.mkdir()
    here._install(
        pip_that(tmp_path, "import sys; open('seen', 'w').write(' '.join(sys.argv[1:]))"), "test"
    )
    assert (
        here.CLONE / "seen"
    ).read_text() == f"install -r {here.VENV / 'requirements.txt'} -e .[test]"


def test_an_active_environment_that_has_everything_is_used(here, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/somewhere/active")
    here.enter(["start"])  # returns: nothing is made
    assert not here.VENV.exists()


def test_an_active_environment_that_lacks_something_is_left_alone_and_it_is_said(here, monkeypatch):
    monkeypatch.setattr(sys, "prefix", "/somewhere/active")
    monkeypatch.setattr(here, "set_up", lambda extra, say: None)
    monkeypatch.setattr(here, "go_on_inside", lambda arguments: None)
    monkeypatch.setenv(here.READY, "")
    said = []
    here.enter(["test"], extra="test", say=said.append)
    assert "lacks surely-not-there>=1" in said[0]
    assert 'pip install -e ".[test]"' in said[0]


def test_what_is_missing_is_told_by_name_and_version(here, monkeypatch):
    versions = {"pip": "19.3.1"}
    monkeypatch.setattr(here.metadata, "version", versions.__getitem__)
    monkeypatch.setattr(here.metadata, "PackageNotFoundError", KeyError)
    assert here.missing() == ["pip>=20"]
    versions["pip"] = "20.0rc1"
    assert here.missing() == []
    assert here.missing("test") == ["surely-not-there>=1"]


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
    for requirement in project["dependencies"] + project["optional-dependencies"]["test"]:
        name, kind, wanted = re.split("(==|>=)", requirement)
        found, wanted = (environment._numbers(each) for each in (pins[name], wanted))
        assert found == wanted if kind == "==" else found >= wanted
    assert not [name for name in pins if name.startswith(("nvidia", "cuda", "triton"))]


def test_requirements_install_the_package_within_the_constraints():
    lines = Path(CLONE / "requirements.txt").read_text().splitlines()
    assert [line for line in lines if not line.startswith("#")] == ["-c constraints.txt", "-e ."]


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
