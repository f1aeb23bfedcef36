"""The doctor names what is wrong and what to do; its status says if the course can run."""

import hashlib
import json
import shutil
import tomllib
from importlib import metadata

import pytest

from cs231n_viz.commands import doctor, environment


@pytest.fixture
def data(tmp_path, monkeypatch):
    """A data folder with one good weight file."""
    (tmp_path / "coursenet.safetensors").write_bytes(b"weights")
    right = hashlib.sha256(b"weights").hexdigest()
    (tmp_path / "checksums.json").write_text(json.dumps({"coursenet.safetensors": right}))
    monkeypatch.setattr(doctor, "data_dir", lambda: tmp_path)
    return tmp_path


def test_a_file_with_the_right_checksum_is_well(data):
    assert list(doctor._bundled()) == [(True, "data/coursenet.safetensors, 0.0 MB, checksum right")]


def test_a_damaged_file_is_named_with_two_ways_to_bring_it_back(data):
    (data / "coursenet.safetensors").write_bytes(b"weight")
    ((good, finding),) = doctor._bundled()
    assert not good
    assert "coursenet.safetensors is damaged" in finding
    assert "git checkout -- data" in finding and "train coursenet" in finding


def test_a_missing_file_and_a_missing_or_damaged_list_are_named(data):
    (data / "coursenet.safetensors").unlink()
    ((good, finding),) = doctor._bundled()
    assert (good, "coursenet.safetensors is missing" in finding) == (False, True)
    (data / "checksums.json").write_text("{half")
    ((good, finding),) = doctor._bundled()
    assert (good, "checksums.json is missing or damaged" in finding) == (False, True)


PARTS = ["_python", "_bundled", "_lessons", "_room", "_browser"]
AFTER_THE_SET_UP = ["_network", "_torchvision_weights", "_caltech"]


@pytest.fixture
def fresh_clone(monkeypatch):
    monkeypatch.setattr(environment, "missing", lambda tests=False: ["torch>=2.4"])
    monkeypatch.setattr(environment, "is_ready", lambda: False)


def test_on_a_fresh_clone_nothing_is_broken_and_the_last_line_says_what_to_do(fresh_clone, capsys):
    assert doctor.report() == 2
    said = capsys.readouterr().out
    assert "BROKEN" not in said
    assert said.endswith("Not set up yet: `python3 -m cs231n_viz start` does it.\n")


def test_on_windows_the_remedies_are_commands_of_windows(fresh_clone, data, monkeypatch, capsys):
    monkeypatch.setattr(environment, "WINDOWS", True)
    doctor.report()
    (data / "coursenet.safetensors").unlink()
    doctor.report()
    said = capsys.readouterr().out
    assert "`py -m cs231n_viz start`" in said and "or py -m cs231n_viz train coursenet" in said
    assert "python3 -m" not in said


def test_a_broken_file_is_told_before_the_set_up_too(fresh_clone, data, capsys):
    (data / "coursenet.safetensors").write_bytes(b"weight")
    assert doctor.report() == 1
    assert "BROKEN" in capsys.readouterr().out


def test_a_package_that_lacks_is_broken_and_the_others_are_told_with_their_versions(monkeypatch):
    monkeypatch.setattr(
        environment, "missing", lambda tests=False: ["torch>=99"] + ["pytest>=99"] * tests
    )
    monkeypatch.setattr(environment, "is_ready", lambda: True)
    findings = {words.split()[0]: (good, words) for good, words in doctor._python()}
    assert findings["torch"][0] is False and "brings what is missing" in findings["torch"][1]
    assert findings["pytest"][0] is None, "the lessons can do without"
    assert findings["numpy"] == (True, f"numpy {metadata.version('numpy')}")


def test_every_package_that_is_told_is_one_that_the_course_asks_for():
    project = tomllib.loads((environment.CLONE / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + project["optional-dependencies"]["test"]
    assert set(doctor.PACKAGES) <= set(doctor._names(asked))


def test_room_on_the_disk_is_told_and_a_full_disk_is_not_broken(monkeypatch):
    for free, good in ((5e9, True), (1e9, None)):
        usage = shutil._ntuple_diskusage(1e12, 1e12 - free, free)
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda folder, usage=usage: usage)
        ((found, words),) = doctor._room()
        assert found is good and f"{free / 1e9:.1f} GB free" in words
        assert words.endswith(": the course may need 2 GB") == (not good)


@pytest.mark.parametrize("path, good", [("/usr/bin/chromium", True), (None, None)])
def test_the_browser_of_the_tests_is_told_and_can_be_done_without(monkeypatch, path, good):
    monkeypatch.setattr(doctor.shutil, "which", lambda name: path)
    ((found, words),) = doctor._browser()
    assert found is good
    assert path in words if path else "until chromium is installed" in words


def test_weights_in_torchs_cache_are_checked_by_the_hash_in_their_name(tmp_path, monkeypatch):
    import torch

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    (tmp_path / "checkpoints").mkdir()
    ((good, finding),) = doctor._torchvision_weights()
    assert good is None and "fetch squeezenet1_0" in finding
    digest = hashlib.sha256(b"whole").hexdigest()
    (tmp_path / "checkpoints" / f"a-{digest[:8]}.pth").write_bytes(b"whole")
    (tmp_path / "checkpoints" / "b-00000000.pth").write_bytes(b"half")
    (first, _), (second, finding) = doctor._torchvision_weights()
    assert (first, second) == (True, None)
    assert "not torchvision's own file" in finding


@pytest.mark.parametrize("good, status", [(True, 0), (None, 0), (False, 1)])
def test_the_status_is_one_only_where_something_needed_is_broken(monkeypatch, capsys, good, status):
    monkeypatch.setattr(environment, "missing", lambda tests=False: [])
    for part in PARTS + AFTER_THE_SET_UP:
        monkeypatch.setattr(doctor, part, lambda: [(good, "a finding")])
    assert doctor.report() == status
    assert capsys.readouterr().out.count("a finding") == len(PARTS + AFTER_THE_SET_UP)


def test_without_the_weights_of_the_real_network_the_course_goes_on_and_the_remedy_is_said(
    monkeypatch,
):
    from cs231n_viz import published

    monkeypatch.setattr(published.util, "find_spec", lambda name: None)
    (good, finding), (other, _) = doctor._network()
    assert (good, other) == (None, True)
    assert published.REMEDY in finding and "the course goes on with coursenet" in finding
