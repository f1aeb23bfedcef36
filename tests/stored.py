"""What the lessons hold as they lie in notebooks/."""

import nbformat
import pytest
from bs4 import BeautifulSoup

from cs231n_viz.places import notebooks_dir

LESSONS = sorted(notebooks_dir().glob("*.ipynb"))
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def cells(path) -> list:
    return nbformat.read(path, as_version=4).cells


def words_of_pictures(cell) -> list[str]:
    """The alternative texts of the pictures that a cell shows below itself."""
    words = []
    for output in cell.get("outputs", []):
        for kind, shown in output.get("data", {}).items():
            if kind.startswith("image/"):
                words.append(output.metadata[kind].alt)
            elif kind == "text/html":
                images = BeautifulSoup(shown, "html.parser").find_all("img")
                words += [image["alt"] for image in images]
    return words
