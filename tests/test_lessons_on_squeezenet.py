"""The real thing is one word away: a lesson runs unchanged with CS231N_VIZ_MODEL=squeezenet1_0."""

import zlib

import nbformat
import pytest
from nbclient import NotebookClient

from cs231n_viz.places import notebooks_dir

LESSONS = sorted(notebooks_dir().glob("*.ipynb"))
TURN = zlib.crc32(b"".join(path.read_bytes() for path in LESSONS)) % max(len(LESSONS), 1)


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(path, id=path.stem, marks=[] if number == TURN else [pytest.mark.nightly])
        for number, path in enumerate(LESSONS)
    ],
)
def test_the_lesson_runs_on_squeezenet(path, squeezenet, monkeypatch):
    """One lesson a run, another one whenever a lesson changes; all of them in the night."""
    monkeypatch.setenv("CS231N_VIZ_MODEL", squeezenet.name)
    notebook = nbformat.read(path, as_version=4)
    client = NotebookClient(
        notebook, kernel_name="python3", timeout=600, resources={"metadata": {"path": path.parent}}
    )
    client.execute()
    errors = [
        output
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if output.output_type == "error"
    ]
    assert errors == []
