"""The doctor names what is wrong and what to do; its status says if the course can run."""

import hashlib
import json

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


def test_without_an_environment_the_doctor_says_what_makes_one(monkeypatch):
    monkeypatch.setattr(environment, "missing", lambda extra="": ["torch>=2.4"])
    monkeypatch.setattr(environment, "in_an_environment", lambda: False)
    assert (False, "no environment yet: `python3 -m cs231n_viz start` makes one") in list(
        doctor._python()
    )


def test_a_package_that_lacks_is_broken_and_the_others_are_told_with_their_versions(monkeypatch):
    monkeypatch.setattr(environment, "missing", lambda extra="": ["torch>=99"])
    monkeypatch.setattr(environment, "in_an_environment", lambda: True)
    findings = {words.split()[0]: (good, words) for good, words in doctor._python()}
    assert not findings["torch"][0] and "brings what is missing" in findings["torch"][1]
    assert findings["numpy"][0]


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
    for part in ("_python", "_bundled", "_lessons", "_network", "_torchvision_weights", "_caltech"):
        monkeypatch.setattr(doctor, part, lambda: [(good, "a finding")])
    assert doctor.report() == status
    assert "a finding" in capsys.readouterr().out


def test_without_the_weights_of_the_real_network_the_course_goes_on_and_the_remedy_is_said(
    monkeypatch,
):
    from cs231n_viz import published

    monkeypatch.setattr(published.util, "find_spec", lambda name: None)
    (good, finding), (other, _) = doctor._network()
    assert (good, other) == (None, True)
    assert published.REMEDY in finding and "the course goes on with coursenet" in finding
