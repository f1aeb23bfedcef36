"""Which build of torch the set-up installs: a small one where there is no NVIDIA GPU.

On Linux the ordinary index has torch with CUDA, several times as large as PyTorch's build for the
CPU. CS231N_VIZ_TORCH=cpu, cuda or default (what the ordinary index has) overrides.
"""

import http.client
import os
import platform
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from ..errors import known
from . import environment
from .environment import SetUpError, installed
from .progress import TICK

CHOICE = "CS231N_VIZ_TORCH"
# What it may say, and the builds: PyTorch's for the CPU; the ordinary index's for Linux, with CUDA,
# and for other systems, without; one that a person put into .venv.
CHOICES = CPU, CUDA, DEFAULT = "cpu cuda default".split()  # noqa: SIM905 (no device is meant)
PLAIN, KEPT = "plain", "kept"
CPU_INDEX = "https://download.pytorch.org/whl/cpu"
PATIENCE = 3  # seconds in which that index has to answer
DEVICES = Path("/dev")


def wanted() -> str:
    """What CS231N_VIZ_TORCH says, or ""; refused before any work if it cannot be had."""
    choice = os.environ.get(CHOICE, "")
    if choice:
        known(f"build of torch in {CHOICE}", choice, CHOICES)
    if choice == CUDA and sys.platform != "linux":
        raise SetUpError(
            f"{CHOICE}={CUDA} is for Linux. Elsewhere make .venv yourself and install a build of "
            "torch from pytorch.org into it; the set-up keeps it."
        )
    return choice


def choose(choice: str, waiting: Callable[[], None]) -> tuple[str, str]:
    """Which build to take, and why; `waiting` is called while an index is asked."""
    found = _found()
    stays = f"torch {found} is in .venv already and stays"
    if found and found not in _own_versions():
        return KEPT, stays
    if sys.platform != "linux" or platform.machine() not in ("x86_64", "aarch64"):
        return PLAIN, "torch comes from the ordinary index"
    if found and found.partition("+")[0] == pins()["torch"]:
        return CPU if "+" in found else CUDA, stays
    if choice in (CUDA, DEFAULT):
        return CUDA, f"{CHOICE}={choice}: torch comes from the ordinary index, with CUDA"
    if not choice and _has_gpu():
        return CUDA, "There is an NVIDIA GPU: torch comes with CUDA"
    why = f"{CHOICE}={choice}" if choice else "There is no NVIDIA GPU"
    trouble = _trouble(f"{CPU_INDEX}/torch/", waiting)
    if trouble:
        return CUDA, f"{why}, but {instead(choice, trouble)}"
    return CPU, f"{why}: torch comes without CUDA, from {CPU_INDEX}"


def instead(choice: str, trouble: str) -> str:
    """The sentence by which CUDA's build is taken in place of the CPU's, unless that was asked."""
    if choice == CPU:
        raise SetUpError(
            f"{CPU_INDEX} {trouble}. {CHOICE}={DEFAULT} takes torch from the ordinary index."
        )
    return f"{CPU_INDEX} {trouble}: torch comes from the ordinary index, with CUDA"


def pins() -> dict[str, str]:
    """{package: version} of constraints.txt."""
    text = (environment.CLONE / "constraints.txt").read_text(encoding="utf-8")
    return dict(re.findall(r"^([\w.-]+)==(\S+)$", text, re.MULTILINE))


def torch_pins() -> list[str]:
    """torch and torchvision as PyTorch's index for the CPU calls them."""
    return [f"{name}=={pins()[name]}+cpu" for name in ("torch", "torchvision")]


def write_constraints(build: str) -> Path:
    """Write the pins into `.venv`, those of torch as its build wants them."""
    versions, file = pins(), environment.VENV / "constraints.txt"
    if build == CPU:
        versions |= dict(pin.split("==") for pin in torch_pins())
    if build == KEPT:
        versions["torch"] = _found()
        del versions["torchvision"]  # the one that goes with that torch
    else:  # noted before it is installed: whenever that is cut, it is known to be ours
        with open(_note(), "a", encoding="utf-8") as note:
            note.write(f"{versions['torch']}\n")
    lines = [f"{name}=={version}\n" for name, version in versions.items()]
    file.write_text("".join(lines), encoding="utf-8")
    return file


def _found() -> str:
    """The version of torch in `.venv`, or ""."""
    return next((note.name[len("torch-") : -len(".dist-info")] for note in installed("torch")), "")


def _note() -> Path:
    """The file with the versions of torch that a set-up has installed, or was about to."""
    return environment.VENV / "torch-of-the-set-up.txt"


def _own_versions() -> list[str]:
    return _note().read_text(encoding="utf-8").splitlines() if _note().is_file() else []


def _has_gpu() -> bool:
    """Whether an NVIDIA GPU can be used here: its device is there, in a container, too."""
    return any(DEVICES.glob("nvidia[0-9]*")) or _nvidia_smi_lists_one()


def _nvidia_smi_lists_one() -> bool:
    command = ["nvidia-smi", "-L"]
    with suppress(OSError, subprocess.TimeoutExpired):
        return subprocess.run(command, capture_output=True, timeout=2, check=False).returncode == 0
    return False


def _trouble(page: str, waiting: Callable[[], None]) -> str:
    """Why a page does not come in time, or "" if it does.

    It is asked for in a thread, for a name server can take long, too.
    """
    said, until = [], time.monotonic() + PATIENCE

    def ask():
        try:
            urllib.request.urlopen(page, timeout=PATIENCE).close()
            said.append("")
        except (OSError, http.client.HTTPException) as error:
            said.append(f"cannot be reached ({getattr(error, 'reason', error)})")

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    while thread.is_alive() and time.monotonic() < until:
        waiting()
        thread.join(TICK)
    return said[0] if said else f"did not answer within {PATIENCE} seconds"
