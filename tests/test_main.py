"""The commands: names matched, options passed on, known troubles told without a traceback."""

import pytest

from cs231n_viz import __main__ as commands
from cs231n_viz.commands import environment, fetch, lessons


@pytest.fixture(autouse=True)
def no_set_up(monkeypatch):
    monkeypatch.setattr(environment, "enter", lambda arguments, extra="": None)


@pytest.fixture
def ran(monkeypatch):
    """The child processes that would have been started."""
    calls = []
    monkeypatch.setattr(commands, "_run", lambda *command, **settings: calls.append(command) or 7)
    return calls


def test_help_names_every_command(capsys):
    assert commands.main(["--help"]) == 0
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
        (["fetch", "alexnett"], "Did you mean 'alexnet'"),
        (["fetch"], "fetch what?"),
        (["doctor", "please"], "what is 'please' for?"),
    ],
)
def test_a_wrong_word_is_answered_with_a_sentence_and_status_one(capsys, arguments, sentence):
    assert commands.main(arguments) == 1
    assert sentence in capsys.readouterr().err


def test_start_opens_jupyterlab_on_the_students_copy_and_passes_options_on(
    ran, tmp_path, monkeypatch
):
    monkeypatch.setattr(lessons, "own_folder", lambda: tmp_path / "my")
    monkeypatch.setattr(lessons, "bring", lambda own: own)
    assert commands.main(["start", "--no-browser", "--port=9000"]) == 7
    ((module, folder, *options),) = ran
    assert (module, folder) == ("jupyterlab", str(tmp_path / "my"))
    assert options[-2:] == ["--no-browser", "--port=9000"]


def test_start_says_that_no_network_has_the_name_in_the_environment_before_the_lab_opens(
    ran, monkeypatch, capsys
):
    monkeypatch.setenv("CS231N_VIZ_MODEL", "resnt18")
    assert commands.main(["start"]) == 1 and ran == []
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
    def failing(arguments, extra=""):
        raise environment.SetUpError("the disk is full")

    monkeypatch.setattr(environment, "enter", failing)
    assert commands.main(["start"]) == 1
    assert capsys.readouterr().err == "error: the disk is full\n"
