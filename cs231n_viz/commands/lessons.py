"""The student's own copy of the lessons: what a student wrote is never overwritten."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..places import PACKAGE, notebooks_dir

# in the student's folder: {lesson: marks of the course's version that last came}
RECORD = ".copied.json"
# what a person sets of a cell, beside its words; programs keep much else there
SET_BY_A_PERSON = ("name", "tags", "slideshow")


def own_folder() -> Path:
    """The student's copy: `my/` in the clone, or in the current folder if there is no clone."""
    clone = PACKAGE.parent
    return (clone if (clone / "pyproject.toml").is_file() else Path.cwd()) / "my"


def bring(own: Path, course: Path | None = None, say: Callable[[str], None] = print) -> Path:
    """Bring the lessons of `course` into the folder `own`, say what came, and return `own`.

    A lesson that is not there is copied. One whose course version changed since is replaced if the
    student's copy still says what the course gave, run or not; otherwise the newer one comes beside
    it under a new name.
    """
    course = course or notebooks_dir()
    found = sorted(course.rglob("*.ipynb"))
    lessons = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    if not lessons:
        raise FileNotFoundError(
            f"there are no lessons in {course}. Get a fresh copy of it: git checkout -- notebooks"
        )
    own.mkdir(parents=True, exist_ok=True)
    record, first_time = _read_record(own), not any(own.rglob("*.ipynb"))
    for lesson in lessons:
        name = lesson.relative_to(course).as_posix()
        content = lesson.read_bytes()
        if record.get(name) == _marks(content) and (own / name).exists():
            continue
        news = _bring_one(own / name, content, record.get(name, []))
        if news and not first_time:
            say(news)
        record[name] = _marks(content)
        # After each one: an interruption loses nothing.
        _write(own / RECORD, json.dumps(record, indent=1).encode())
    if first_time:
        say(f"{len(lessons)} lessons are in {own} now.")
    return own


def _bring_one(mine: Path, content: bytes, last_given: list[str]) -> str:
    """Bring one lesson, or leave the student's as it is; gives the news, "" if there is none."""
    target, marks = mine, set(_marks(mine.read_bytes()) if mine.exists() else [])
    if not mine.exists():
        news = f"new lesson: {mine.name}"
    elif mine.read_bytes() == content:
        return ""
    elif marks & set(last_given):
        news = f"{mine.name} has a newer version; you wrote nothing into yours, so it was replaced"
    elif marks & set(_marks(content)):
        return ""  # run, perhaps, but nothing else was written into it
    else:
        target = _free_name(mine)
        news = f"{mine.name} has a newer version, {target.name}, beside it; yours stays as it is"
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, content)
    _trust(target)
    return news


def _free_name(mine: Path) -> Path:
    """01_filters.ipynb -> 01_filters.new-2026-01-31.ipynb, with -2 and so on where taken."""
    stem = f"{mine.stem}.new-{date.today().isoformat()}"
    free, number = mine.with_name(f"{stem}.ipynb"), 1
    while free.exists():
        number += 1
        free = mine.with_name(f"{stem}-{number}.ipynb")
    return free


def _write(file: Path, content: bytes) -> None:
    """All or nothing: a half-written lesson never stands under its name."""
    partial = file.with_name(file.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, file)


def _trust(lesson: Path) -> None:
    """Sign the course's own version, so that JupyterLab shows its stored outputs at once."""
    import nbformat
    from nbformat.sign import NotebookNotary

    NotebookNotary().sign(nbformat.read(lesson, as_version=4))


def _read_record(own: Path) -> dict[str, list[str]]:
    try:
        record = json.loads((own / RECORD).read_text())
        # Until version 0.2.0 there was one mark, of the file.
        return {
            name: [marks] if isinstance(marks, str) else [*marks] for name, marks in record.items()
        }
    except (FileNotFoundError, ValueError, TypeError, AttributeError):
        return {}  # every changed lesson counts as the student's work


def _marks(content: bytes) -> list[str]:
    """Hashes of the file and of what a person wrote in it; of no notebook, only of the file."""
    try:
        written = json.dumps(_written(json.loads(content)), sort_keys=True).encode()
    except (ValueError, LookupError, TypeError, AttributeError):
        return [_hash(content)]
    return [_hash(content), _hash(written)]


def _written(notebook: dict) -> list:
    """What a person wrote, cell by cell, however it was run and whichever program stored it.

    Empty cells do not count: JupyterLab adds one where the last cell was run.
    """
    return [
        [
            cell["cell_type"],
            _words(cell["source"]),
            cell.get("attachments") or None,
            [cell.get("metadata", {}).get(key) or None for key in SET_BY_A_PERSON],
        ]
        for cell in notebook["cells"]
        if _words(cell["source"]) or cell.get("attachments")
    ]


def _words(source: str | list[str]) -> str:
    """Stored as one string or as lines; blanks at the ends of lines are nobody's work."""
    return "\n".join(line.rstrip() for line in "".join(source).splitlines()).strip()


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
