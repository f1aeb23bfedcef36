"""Looks the installation over: versions, weights, data sets, what to do where one is missing."""

import hashlib
import json
import os
import platform
import re
import shutil
import sys
from importlib import metadata
from pathlib import Path

from ..places import data_dir, notebooks_dir
from . import environment

PACKAGES = (
    "torch",
    "torchvision",
    "numpy",
    "scipy",
    "matplotlib",
    "scikit-learn",
    "scikit-image",
    "opencv-python-headless",
    "pillow",
    "safetensors",
    "jupyterlab",
    "ipywidgets",
    "anywidget",
    "pytest",
    "nbval",
    "playwright",
)
BROWSERS = ("chromium", "chromium-browser", "google-chrome")
ROOM = 2e9  # bytes that a set-up, Caltech-101 and a student's pictures may want


def report() -> int:
    """Print one line a finding; 1 if something is broken, else 2 before the set-up, else 0."""
    broken, parts = 0, [_python, _bundled, _lessons, _room, _browser]
    if not environment.missing():
        parts += [_network, _torchvision_weights, _caltech]
    for part in parts:
        for good, finding in part():  # False: needed and broken; None: can be done without
            mark = {True: "ok       ", False: "BROKEN   ", None: "-        "}[good]
            print(mark + environment.as_typed_here(finding))
            broken += good is False
    print()
    if broken:
        print(f"{broken} broken; what to do stands beside it.")
        return 1
    if _before_the_set_up():
        print(environment.as_typed_here("Not set up yet: `python3 -m cs231n_viz start` does it."))
        return 2
    print("Everything that the course needs is there.")
    return 0


def _before_the_set_up() -> bool:
    return bool(environment.missing()) and not environment.is_ready()


def _python():
    machine = f"{platform.system()} {platform.machine()}"
    yield True, f"Python {platform.python_version()} on {machine}: {sys.executable}"
    if _before_the_set_up():
        yield None, "the environment of the course is not set up yet"
        return
    needed, wanted = map(_names, (environment.missing(), environment.missing(tests=True)))
    for name in PACKAGES:
        version = _version(name)
        good = bool(version) and name not in wanted or (None if name not in needed else False)
        hint = "" if good else ": `python3 -m cs231n_viz test` brings what is missing"
        yield good, f"{name} {version or 'is not installed'}{hint}"


def _names(requirements: list[str]) -> list[str]:
    return [re.split("==|>=", requirement)[0] for requirement in requirements]


def _version(name: str) -> str:
    """The installed version, or an empty string."""
    return next((found.version for found in metadata.distributions(name=name)), "")


def _bundled():
    """Every file named in data/checksums.json."""
    try:
        listed = json.loads((data_dir() / "checksums.json").read_text())
    except (OSError, ValueError) as error:
        yield False, f"data/checksums.json is missing or damaged ({error}): git checkout -- data"
        return
    for name, expected in sorted(listed.items()):
        file = data_dir() / name
        cure = f"git checkout -- data, or python3 -m cs231n_viz train {name.partition('.')[0]}"
        if not file.is_file():
            yield False, f"data/{name} is missing: {cure}"
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            yield False, f"data/{name} is damaged (its checksum differs): {cure}"
        else:
            yield True, f"data/{name}, {file.stat().st_size / 1e6:.1f} MB, checksum right"


def _lessons():
    count = len(list(notebooks_dir().glob("*.ipynb")))
    hint = "" if count else ": git checkout -- notebooks"
    yield count > 0, f"{count} lessons in {notebooks_dir()}{hint}"


def _room():
    folder = environment.CLONE if environment.IN_A_CLONE else Path.cwd()
    free = shutil.disk_usage(folder).free
    hint = "" if free > ROOM else f": the course may need {ROOM / 1e9:.0f} GB"
    yield free > ROOM or None, f"{free / 1e9:.1f} GB free on the disk of {folder}{hint}"


def _browser():
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found:
        yield True, f"{found}, the browser of the tests"
    else:
        hint = "the tests that look at pages are left out until chromium is installed"
        yield None, f"no chromium (optional): {hint}"


def _network():
    """Both networks really classify, and where they run."""
    from .. import models

    for name, needed in ((models.REAL, None), ("coursenet", False)):
        try:
            model = models.load(name)
            models.predict(model, model.grey())
            yield True, f"{name} runs, on device {model.device}"
        except Exception as error:  # noqa: BLE001 (whatever it is, the other findings still follow)
            without = "" if needed is False else "; the course goes on with coursenet"
            yield needed, f"{name} does not run: {error}{without}"


def _torchvision_weights():
    import torch

    folder = Path(torch.hub.get_dir(), "checkpoints")
    files = sorted(folder.glob("*-*.pth"))
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        right = digest.startswith(file.stem.rpartition("-")[2])
        strange = "not torchvision's own file: if you did not put it there, delete and fetch it"
        remark = "checksum right" if right else strange
        yield right or None, f"weights {file.name}, {file.stat().st_size / 1e6:.1f} MB, {remark}"
    if not files:
        hint = "(optional): python3 -m cs231n_viz fetch squeezenet1_0"
        yield None, f"no torchvision weights in {folder} {hint}"


def _caltech():
    from ..places import datasets_dir
    from .fetch import CALTECH_PICTURES, count_pictures

    folder = datasets_dir() / "caltech101"
    found = count_pictures(folder)
    if found >= CALTECH_PICTURES:
        yield True, f"Caltech-101, {found:,} pictures in {folder}"
        return
    hint = "python3 -m cs231n_viz fetch caltech101"
    if not os.environ.get("CS231N_VIZ_DATA"):
        hint += ", or set CS231N_VIZ_DATA to the folder that holds caltech101/"
    pictures = f"{found:,} of {CALTECH_PICTURES:,} pictures"
    yield None, f"Caltech-101 (optional): {pictures} in {folder}; {hint}"
