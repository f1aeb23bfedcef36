"""The course as pip installs it: everything inside the package, nothing of a clone beside it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import sysconfig
import time
import urllib.error
import urllib.request
import zipfile

import pytest

from cs231n_viz.places import PACKAGE

pytestmark = pytest.mark.nightly
LESSON = "01_filters.ipynb"
RUN_LESSON = """
import pathlib, sys
import nbformat
from nbclient import NotebookClient

import cs231n_viz

assert pathlib.Path(cs231n_viz.__file__).is_relative_to(sys.prefix), cs231n_viz.__file__
notebook = nbformat.read(sys.argv[1], as_version=4)
NotebookClient(notebook, kernel_name="python3", timeout=600).execute()
outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
assert not [output for output in outputs if output.output_type == "error"]
assert any("image/" in kind for output in outputs for kind in output.get("data", {}))
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    folder = tmp_path_factory.mktemp("wheel")
    command = [
        sys.executable,
        "-m",
        "pip",
        "wheel",
        "-q",
        "--no-deps",
        "-w",
        folder,
        PACKAGE.parent,
    ]
    subprocess.run(command, check=True)
    (file,) = folder.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def python(wheel, tmp_path_factory):
    """An environment with nothing but the wheel; its requirements are those that are here."""
    venv = tmp_path_factory.mktemp("installed") / "venv"
    subprocess.run([sys.executable, "-m", "venv", venv], check=True)
    python = venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    subprocess.run([python, "-m", "pip", "install", "-q", "--no-deps", wheel], check=True)
    where = "import sysconfig; print(sysconfig.get_paths()['purelib'])"
    done = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True)
    with open(f"{done.stdout.strip()}/requirements.pth", "w") as file:
        file.write(sysconfig.get_paths()["purelib"])
    return python


@pytest.fixture
def surroundings(tmp_path):
    """The variables of a person who has no clone."""
    hidden = ("PYTHONPATH", "PYTHONSTARTUP", "VIRTUAL_ENV")
    kept = {key: value for key, value in os.environ.items() if key not in hidden}
    return kept | {"HOME": str(tmp_path), "JUPYTER_DATA_DIR": str(tmp_path / "jupyter")}


def test_the_wheel_holds_the_package_its_data_and_the_lessons_and_no_workshop(wheel):
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.split("/")[0] for name in names if ".dist-info" not in name} == {"cs231n_viz"}
    assert "cs231n_viz/_data/coursenet.safetensors" in names
    assert f"cs231n_viz/_notebooks/{LESSON}" in names


def test_an_editable_install_copies_nothing(tmp_path):
    command = [sys.executable, "-m", "pip", "install", "-q", "--no-deps", "--target", tmp_path]
    subprocess.run([*command, "-e", PACKAGE.parent], check=True)
    assert not (tmp_path / "cs231n_viz").exists()
    assert sum(path.stat().st_size for path in tmp_path.rglob("*") if path.is_file()) < 1e5


def test_start_opens_the_students_copy_and_a_lesson_of_it_runs(python, surroundings, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--no-browser", "--allow-root", f"--port={port}", "--IdentityProvider.token=word"]
    command = [python, "-m", "cs231n_viz", "start", *options]
    server = subprocess.Popen(command, cwd=tmp_path, env=surroundings, start_new_session=True)
    try:
        assert answers(f"http://127.0.0.1:{port}/api/status?token=word", server)
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(30)
    assert (tmp_path / "my" / LESSON).is_file()
    run = [python, "-c", RUN_LESSON, LESSON]
    subprocess.run(run, cwd=tmp_path / "my", env=surroundings, check=True)
    shutil.rmtree(tmp_path / "my")


def answers(url: str, server: subprocess.Popen, seconds: float = 120) -> bool:
    """Whether a page is there before the time is over or the server has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until and server.poll() is None:
        try:
            return urllib.request.urlopen(url, timeout=5).status == 200
        except (urllib.error.URLError, OSError):
            time.sleep(0.5)
    return False


@pytest.mark.parametrize("command", [["train", "coursenet"], ["test"]])
def test_what_needs_a_clone_says_so_in_a_sentence(python, surroundings, tmp_path, command):
    given = [python, "-m", "cs231n_viz", *command]
    done = subprocess.run(
        given, cwd=tmp_path, env=surroundings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "run this in a clone of the repository" in done.stderr
