"""Looks the installation over: versions, weights, data sets, and what to do about anything missing."""

import hashlib
import json
import os
import platform
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
)


def report() -> int:
    """Print one line a finding; 1 if something that the course needs is broken, else 0."""
    broken = 0
    for part in (_python, _bundled, _lessons, _network, _torchvision_weights, _caltech):
        for (
            good,
            finding,
        ) in part():  # good: True, False (needed and broken) or None (can be done without)
            print({True: "ok       ", False: "BROKEN   ", None: "-        "}[good] + finding)
            broken += good is False
    print(
        f"\n{broken} broken; what to do stands beside it."
        if broken
        else "\nEverything that the course needs is there."
    )
    return 1 if broken else 0


def _python():
    yield (
        True,
        f"Python {platform.python_version()} on {platform.system()} {platform.machine()}: {sys.executable}",
    )
    lacking = environment.missing()
    if lacking and not environment.in_an_environment():
        yield False, "no environment yet: `python3 -m cs231n_viz start` makes one"
        return
    for name in PACKAGES:
        here = name not in [requirement.partition(">=")[0] for requirement in lacking]
        yield (
            here,
            f"{name} {_version(name)}"
            + ("" if here else ": `python3 -m cs231n_viz start` brings what is missing"),
        )


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
        if not file.is_file():
            yield (
                False,
                f"data/{name} is missing: git checkout -- data, or train it again: {_train(name)}",
            )
        elif hashlib.sha256(file.read_bytes()).hexdigest() != expected:
            yield (
                False,
                f"data/{name} is damaged (its checksum differs): git checkout -- data, or {_train(name)}",
            )
        else:
            yield True, f"data/{name}, {file.stat().st_size / 1e6:.1f} MB, checksum right"


def _train(name: str) -> str:
    return f"python3 -m cs231n_viz train {name.partition('.')[0]}"


def _lessons():
    count = len(list(notebooks_dir().glob("*.ipynb")))
    yield (
        count > 0,
        f"{count} lessons in {notebooks_dir()}" + ("" if count else ": git checkout -- notebooks"),
    )


def _network():
    """CourseNet really answers, and where it runs."""
    if environment.missing():
        return
    from .. import models

    try:
        model = models.load("coursenet")
        models.predict(model, model.mean.expand(1, -1, model.input_size, model.input_size).clone())
        yield True, f"CourseNet answers, on device {model.device}"
    except Exception as error:  # noqa: BLE001 (whatever it is, the other findings still follow)
        yield False, f"CourseNet does not answer: {error}"


def _torchvision_weights():
    if environment.missing():
        return
    import torch

    folder = Path(torch.hub.get_dir(), "checkpoints")
    files = sorted(folder.glob("*-*.pth"))
    for file in files:
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        right = digest.startswith(file.stem.rpartition("-")[2])
        remark = (
            "checksum right"
            if right
            else "not torchvision's own file: if you did not put it there, delete and fetch it"
        )
        yield right or None, f"weights {file.name}, {file.stat().st_size / 1e6:.1f} MB, {remark}"
    if not files:
        yield (
            None,
            f"no torchvision weights in {folder} (optional): python3 -m cs231n_viz fetch squeezenet1_0",
        )


def _caltech():
    if environment.missing():
        return
    from ..places import datasets_dir
    from .fetch import CALTECH_PICTURES, count_pictures

    place = datasets_dir() / "caltech101"
    found = count_pictures(place)
    if found >= CALTECH_PICTURES:
        yield True, f"Caltech-101, {found:,} pictures in {place}"
    else:
        how = "python3 -m cs231n_viz fetch caltech101" + (
            ""
            if os.environ.get("CS231N_VIZ_DATA")
            else ", or set CS231N_VIZ_DATA to the folder that holds caltech101/"
        )
        yield (
            None,
            f"Caltech-101 (optional): {found:,} of {CALTECH_PICTURES:,} pictures in {place}; {how}",
        )
