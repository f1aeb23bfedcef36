"""The same lessons on other networks and pictures, executed but not compared."""

import zlib

import nbformat
import pytest
from nbclient import NotebookClient

from cs231n_viz.places import notebooks_dir

LESSONS = sorted(notebooks_dir().glob("*.ipynb"))
ON_PICTURES = [
    path for path in LESSONS if "CS231N_VIZ_PICTURES" in path.read_text(encoding="utf-8")
]


def in_turn(paths):
    """One lesson a run, another one whenever a lesson changes; all of them in the night."""
    turn = zlib.crc32(b"".join(path.read_bytes() for path in paths)) % max(len(paths), 1)
    marks = [[] if number == turn else [pytest.mark.nightly] for number in range(len(paths))]
    return [
        pytest.param(path, id=path.stem, marks=mark)
        for path, mark in zip(paths, marks, strict=True)
    ]


def run(path):
    """Execute the lesson, every control moved; no cell may show an error or a warning."""
    notebook = nbformat.read(path, as_version=4)
    NotebookClient(
        notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": path.parent}}
    ).execute()
    outputs = [output for cell in notebook.cells for output in cell.get("outputs", [])]
    assert [output for output in outputs if output.output_type == "error"] == []
    assert [output for output in outputs if output.get("name") == "stderr"] == []


@pytest.mark.parametrize("path", in_turn(LESSONS))
def test_the_lesson_runs_on_squeezenet(path, squeezenet, monkeypatch):
    monkeypatch.setenv("CS231N_VIZ_MODEL", squeezenet.name)
    run(path)


@pytest.mark.parametrize("path", in_turn(ON_PICTURES))
def test_the_lesson_runs_on_photographs(path, caltech, monkeypatch):
    monkeypatch.setenv("CS231N_VIZ_PICTURES", "caltech101")
    run(path)
