"""Runs lessons and stores them as run: `python -m workshop.store_lesson notebooks/01*.ipynb`.

What would change with every run without meaning anything (widget state, time stamps) is taken out.
A Markdown cell with an attachment finished.png gets the picture of the code cell that its metadata
names in `finished`.
"""

import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient


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
    notebook.metadata.pop("widgets", None)
    notebook.metadata.language_info = nbformat.from_dict({"name": "python"})
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
        if cell.cell_type == "markdown" and "finished" in cell.metadata:
            picture = _first_picture(notebook, cell.metadata["finished"])
            cell["attachments"] = {"finished.png": {"image/png": picture}}
    nbformat.write(notebook, path)


def _first_picture(notebook: nbformat.NotebookNode, cell_id: str) -> str:
    cell = next(cell for cell in notebook.cells if cell.id == cell_id)
    pictures = [
        output.data["image/png"] for output in cell.outputs if "image/png" in output.get("data", {})
    ]
    if not pictures:
        raise ValueError(
            f"cell {cell_id!r} shows no picture that could stand at the head of the lesson."
        )
    return pictures[0]


if __name__ == "__main__":
    for argument in sys.argv[1:]:
        print(argument, flush=True)
        rerun(Path(argument))
