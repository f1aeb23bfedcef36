"""Where things lie: the course's own files (beside the package, or in its wheel), and data sets."""

import os
from pathlib import Path

PACKAGE = Path(__file__).resolve().parent


def _folder(name: str) -> Path:
    inside, beside = PACKAGE / f"_{name}", PACKAGE.parent / name
    return inside if inside.is_dir() else beside


def data_dir() -> Path:
    """The folder of bundled weights, drawings and their cards."""
    return _folder("data")


def notebooks_dir() -> Path:
    """The folder of the lessons as they were published."""
    return _folder("notebooks")


def datasets_dir() -> Path:
    """The folder of data sets as torchvision lays them: $CS231N_VIZ_DATA, else `downloads/`."""
    clone = PACKAGE.parent if (PACKAGE.parent / "pyproject.toml").is_file() else Path.cwd()
    return Path(os.environ.get("CS231N_VIZ_DATA") or clone / "downloads").expanduser()
