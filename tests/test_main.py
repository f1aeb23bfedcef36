"""The commands: names matched, options passed on, known troubles told without a traceback."""

import io
import os
import subprocess
import sys

import pytest

from cs231n_viz import __main__ as commands
from cs231n_viz import __version__, models
from cs231n_viz.commands import environment, fetch, lab, lessons, names
from workshop.train import NETWORKS


@pytest.fixture
def entered(monkeypatch):
    """The commands for which the environment would have been looked for, or made."""
    calls = []
    monkeypatch.setattr(environment, "enter", calls.append)
    return calls


@pytest.fixture(autouse=True)
def no_set_up(entered):
    pass


@pytest.fixture
def ran(monkeypatch):
    """The programs that would have been run."""
    calls = []
    monkeypatch.setattr(commands, "_run", lambda *command, **settings: calls.append(command) or 7)
    return calls


@pytest.fixture
def own(monkeypatch, tmp_path):
    """The student's folder."""
    monkeypatch.setattr(lessons, "own_folder", lambda: tmp_path / "my")
    monkeypatch.setattr(lessons, "bring", lambda own: own)
    return tmp_path / "my"


@pytest.mark.parametrize("asked", [["--help"], ["help", "help"]])
def test_help_names_every_command(capsys, asked):
    assert commands.main(asked) == 0
    said = capsys.readouterr().out
    assert all(f"cs231n_viz {name}" in said for name in commands.COMMANDS)
    assert commands.main([]) == 2


@pytest.mark.parametrize(
    "arguments, sentence",
    [
        (["strat"], "unknown command 'strat'. Did you mean 'start'"),
        (
            ["train"],
            "train what? Give a name, for instance:  python3 -m cs231n_viz train coursenet",
        ),
        (["train", "coursenett"], "Did you mean 'coursenet'"),
        (["train", "classifier"], "unknown network to train 'classifier'"),
        (["fetch", "alexnett"], "Did you mean 'alexnet'"),
        (["fetch", "squeezenet10"], "Did you mean 'squeezenet1_0'"),
        (["fetch"], "fetch what?"),
        (["fetch", "alexnet", "vgg16"], "what is 'vgg16' for?"),
        (["start", "--port", "x"], "--port takes a whole number from 0 to 65535, not 'x'"),
        (["doctor", "please"], "what is 'please' for?"),
        (["help", "strat"], "unknown command 'strat'"),
        (["fetch", "coursenet"], "coursenet comes with the course: there is nothing to fetch"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence_and_status_one_before_any_set_up(
    capsys, entered, arguments, sentence
):
    assert commands.main(arguments) == 1
    assert sentence in capsys.readouterr().err
    assert entered == []


@pytest.mark.parametrize("name", commands.COMMANDS)
def test_help_of_a_command_is_an_example_however_it_is_asked_for_and_needs_no_set_up(
    capsys, entered, ran, name
):
    said = set()
    for arguments in (["help", name], ["--help", name], [name, "--help"], [name, "x", "-h"]):
        assert commands.main(arguments) == 0
        said.add(capsys.readouterr().out)
    (words,) = said
    assert f"\n    python3 -m cs231n_viz {name}" in words
    assert entered == ran == []


@pytest.mark.parametrize("arguments", [["help"], ["test", "--help"], ["start", "-h"], ["fetch"]])
def test_on_windows_every_help_and_error_names_commands_that_exist_there(
    monkeypatch, capsys, arguments
):
    monkeypatch.setattr(environment, "WINDOWS", True)
    commands.main(arguments)
    said = "".join(capsys.readouterr())
    assert " py -m cs231n_viz " in said
    assert "python3" not in said and ".venv/bin" not in said


def test_a_letter_that_the_output_cannot_hold_becomes_a_question_mark(monkeypatch):
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding="cp949"))
    monkeypatch.setitem(commands.COMMANDS, "doctor", lambda options: print("\ufffd") or 0)
    assert commands.main(["doctor"]) == 0
    sys.stdout.flush()
    assert written.getvalue().strip() == b"?"


def test_the_version_is_the_courses(capsys):
    assert commands.main(["--version"]) == 0
    assert capsys.readouterr().out == f"Seeing ConvNets {__version__}\n"


def test_the_names_known_before_the_set_up_are_those_that_torchvision_and_the_workshop_know():
    assert set(names.NETWORKS) == set(models.names())
    assert set(names.FETCHED) == {"caltech101", *models.names()} - set(models.bundled())
    assert names.trained() == NETWORKS


def test_start_opens_jupyterlab_on_the_students_copy_and_passes_options_on(ran, own):
    assert commands.main(["start", "--no-browser", "--port=9000"]) == 7
    assert ran == [("jupyterlab", str(own), "--no-browser", "--port=9000")]


def test_start_says_in_one_line_what_it_does_differently_here_and_at_the_end_how_to_come_back(
    monkeypatch, own, capsys
):
    monkeypatch.setattr(lab, "remarks", lambda options: "You are root.")
    monkeypatch.setattr(commands, "_run", lambda *command, **settings: 0)
    assert commands.main(["start"]) == 0
    opening, remark, end = capsys.readouterr().out.splitlines()
    assert str(own) in opening and "Ctrl-C" in opening
    assert remark == "You are root."
    assert str(own) in end and "`start` opens them again" in end


def test_start_says_that_no_network_has_the_name_in_the_environment_before_the_set_up(
    ran, entered, monkeypatch, capsys
):
    monkeypatch.setenv("CS231N_VIZ_MODEL", "resnt18")
    assert commands.main(["start"]) == 1 and ran == entered == []
    said = capsys.readouterr().err
    assert "unknown network in CS231N_VIZ_MODEL 'resnt18'. Did you mean 'resnet18'" in said


def test_test_passes_its_options_on_to_pytest_and_its_status_back(ran):
    assert commands.main(["test", "-k", "filters"]) == 7
    assert ran == [("pytest", *commands.SHARED_OUT, "-k", "filters")]


def test_fast_runs_the_packages_quick_tests_and_passes_the_other_options_on(ran):
    assert commands.main(["test", "-k", "filters", "--fast"]) == 7
    assert ran == [("pytest", *commands.SHARED_OUT, *commands.FAST, "-k", "filters")]


def test_train_runs_the_workshop_of_the_clone_with_the_options(ran):
    assert commands.main(["train", "coursenet", "--passes", "3"]) == 7
    assert ran == [("workshop.train", "coursenet", "--passes", "3")]


@pytest.mark.parametrize("arguments", [["train", "coursenet"], ["test"], ["test", "--fast"]])
def test_what_needs_a_clone_says_so_where_the_package_is_installed(
    ran, monkeypatch, capsys, arguments
):
    monkeypatch.setattr(environment, "IN_A_CLONE", False)
    assert commands.main(arguments) == 1 and ran == []
    said = capsys.readouterr().err
    assert "not part of the installed package: run this in a clone of the repository" in said


def test_an_interruption_says_that_the_command_goes_on_later(monkeypatch, capsys):
    def interrupted(name):
        raise KeyboardInterrupt

    monkeypatch.setattr(fetch, "fetch", interrupted)
    assert commands.main(["fetch", "alexnet"]) == 130
    assert "goes on from here" in capsys.readouterr().err


def test_a_set_up_that_fails_is_a_sentence(monkeypatch, capsys):
    def failing(arguments):
        raise environment.SetUpError("the disk is full")

    monkeypatch.setattr(environment, "enter", failing)
    assert commands.main(["start"]) == 1
    assert capsys.readouterr().err == "error: the disk is full\n"


def test_a_program_is_run_in_this_process_with_its_arguments_folder_and_environment(
    tmp_path, monkeypatch
):
    program = """
import os, sys
from pathlib import Path
Path("ran").write_text(" ".join([*sys.argv[1:], os.environ["OMP_NUM_THREADS"]]))
sys.exit(5)
"""
    (tmp_path / "program.py").write_text(program)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "argv", ["cs231n_viz"])
    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.chdir(tmp_path)
    settings = {"folder": tmp_path, "environ": {"OMP_NUM_THREADS": "3"}}
    assert commands._run("program", "one", "two", **settings) == 5
    assert (tmp_path / "ran").read_text() == "one two 3"


@pytest.mark.parametrize("module", ["difflib", "pytest"])
def test_ctrl_c_while_modules_are_loaded_is_one_sentence_and_no_traceback(tmp_path, module):
    """A module that is loaded at the start, and the program that is run, stopped in their midst."""
    (tmp_path / f"{module}.py").write_text("raise KeyboardInterrupt")
    paths = {"PYTHONPATH": os.pathsep.join([str(tmp_path), str(environment.CLONE)])}
    command = [sys.executable, "-m", "cs231n_viz", "test"]
    done = subprocess.run(
        command, env=os.environ | paths, capture_output=True, text=True, check=False
    )
    assert done.returncode in (1, 130)
    assert (done.stdout, done.stderr.strip()) == ("", commands.STOPPED.strip())
