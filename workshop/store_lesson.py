"""Runs lessons and stores them as run: `python -m workshop.store_lesson notebooks/01*.ipynb`.

What would change with every run without meaning anything (widget state, time stamps) is taken out,
and of a widget its first picture stays. A Markdown cell that shows attachment:finished gets the
picture of the code cell that its metadata names in `finished`. Code cells tagged hide-input are
stored folded, and every cell knows its place in the slides.
"""

import re
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

from cs231n_viz.commands.lab import without_views


def rerun(path: Path, timeout: int = 600) -> None:
    """Execute the notebook in its own folder and write it back; an error leaves the file alone."""
    notebook = nbformat.read(path, as_version=4)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = nbformat.from_dict(
        {"kernelspec": kernel, "language_info": {"name": "python"}}
    )
    NotebookClient(
        notebook, timeout=timeout, resources={"metadata": {"path": str(path.parent)}}
    ).execute()
    notebook.metadata.language_info = nbformat.from_dict({"name": "python"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "markdown" and "finished" in cell.metadata:
            kind, picture = _first_picture(notebook, cell.metadata["finished"])
            name = kind.replace("image/", "finished.")
            cell["attachments"] = {name: {kind: picture}}
            cell.source = re.sub(r"attachment:finished\.\w+", f"attachment:{name}", cell.source)
        if "hide-input" in cell.metadata.get("tags", []):
            cell.metadata["jupyter"] = {"source_hidden": True}
    for cell, kind in zip(notebook.cells, slide_types(notebook.cells), strict=True):
        cell.metadata["slideshow"] = {"slide_type": kind}
    nbformat.write(nbformat.from_dict(without_views(notebook)), path)


def slide_types(cells: list) -> list[str]:
    """A slide for each heading and, below it, for each piece of prose with what it runs.

    What goes deeper is no slide, nor are exercises, from their heading to the answer.
    """
    kinds, skipped = [], False
    for cell in cells:
        tags, heading = cell.metadata.get("tags", []), re.match(r"#+ (.*)", cell.source)
        if heading:
            skipped = bool(re.match(r"(exercise|build it|going deeper)", heading[1], re.IGNORECASE))
        if skipped or {"deeper", "exercise", "check"} & set(tags):
            kinds.append("skip")
        elif cell.cell_type == "code":
            kinds.append("-")
        else:
            kinds.append("slide" if heading else "subslide")
        skipped = skipped and "<summary>One answer" not in cell.source
    return kinds


def _first_picture(notebook: nbformat.NotebookNode, cell_id: str) -> tuple[str, str]:
    """(MIME type, base64) of the first picture that the cell shows."""
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    for output in cell.outputs:
        for kind in ("image/png", "image/jpeg"):
            if kind in output.get("data", {}):
                return kind, output.data[kind]
    raise ValueError(
        f"cell {cell_id!r} shows no picture that could stand at the head of the lesson."
    )


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(argument, flush=True)
        rerun(Path(argument))
