"""What the tests share: where large things lie, and the nightly and slow switches."""

import os
from pathlib import Path

import pytest
import torch

from cs231n_viz import models
from cs231n_viz.commands.fetch import CALTECH_PICTURES, count_pictures
from cs231n_viz.models import weights_file
from cs231n_viz.places import datasets_dir


def pytest_addoption(parser):
    parser.addoption("--nightly", action="store_true", help="run the long checks, too")


def pytest_collection_modifyitems(config, items):
    if config.getoption("--nightly") or "nightly" in config.getoption("-m"):
        return
    skip = pytest.mark.skip(reason="a long check: run with --nightly")
    for item in items:
        if item.get_closest_marker("nightly"):
            item.add_marker(skip)


@pytest.fixture(scope="session", autouse=True)
def arithmetic():
    """One thread, so that sums come out the same everywhere, unless workshop.arithmetic asks."""
    torch.set_num_threads(int(os.environ["OMP_NUM_THREADS"]))
    torch.backends.mkldnn.enabled = os.environ.get("CS231N_VIZ_ONEDNN") != "off"


@pytest.fixture(scope="session")
def photos() -> Path:
    """A folder of ImageNet photos named by class, from CS231N_VIZ_PHOTOS."""
    folder = os.environ.get("CS231N_VIZ_PHOTOS")
    if not folder or not Path(folder).is_dir():
        pytest.skip("CS231N_VIZ_PHOTOS names no folder of photos")
    return Path(folder)


@pytest.fixture(scope="session")
def caltech() -> Path:
    """The folder caltech101, from CS231N_VIZ_DATA."""
    folder = datasets_dir() / "caltech101"
    if count_pictures(folder) < CALTECH_PICTURES:
        pytest.skip("Caltech-101 is not there: python3 -m cs231n_viz fetch caltech101")
    return folder


@pytest.fixture(scope="session")
def squeezenet() -> models.PixelModel:
    """SqueezeNet 1.0 with ImageNet weights, where torchvision's cache has them."""
    if not weights_file("squeezenet1_0").exists():
        pytest.skip("SqueezeNet's weights are not there: python3 -m cs231n_viz fetch squeezenet1_0")
    return models.load("squeezenet1_0")
