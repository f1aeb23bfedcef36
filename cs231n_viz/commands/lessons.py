"""The student's own copy of the lessons: what a student wrote is never overwritten."""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..places import PACKAGE, notebooks_dir

# in the student's folder: {lesson: hash of the course's version that last came}
RECORD = ".copied.json"


def own_folder() -> Path:
    """The student's copy: `my/` in the clone, or in the current folder if there is no clone."""
    clone = PACKAGE.parent
    return (clone if (clone / "pyproject.toml").is_file() else Path.cwd()) / "my"


def bring(own: Path, course: Path | None = None, say: Callable[[str], None] = print) -> Path:
    """Bring the lessons of `course` into the folder `own`, say what came, and return `own`.

    A lesson that is not there is copied. One whose course version changed since is replaced if the
    student's copy is still what the course gave, byte for byte; otherwise the newer one comes
    beside it under a new name.
    """
    course = course or notebooks_dir()
    found = sorted(course.rglob("*.ipynb"))
    lessons = [path for path in found if ".ipynb_checkpoints" not in path.parts]
    if not lessons:
        raise FileNotFoundError(
            f"there are no lessons in {course}. Get a fresh copy of it: git checkout -- notebooks"
        )
    own.mkdir(parents=True, exist_ok=True)
    record = _read_record(own)
    for lesson in lessons:
        name = lesson.relative_to(course).as_posix()
        content = lesson.read_bytes()
        if record.get(name) == _hash(content) and (own / name).exists():
            continue
        _bring_one(own / name, content, record.get(name), say)
        record[name] = _hash(content)
        # After each one: an interruption loses nothing.
        _write(own / RECORD, json.dumps(record, indent=1).encode())
    return own


def _bring_one(
    mine: Path, content: bytes, last_given: str | None, say: Callable[[str], None]
) -> None:
    target = mine
    if not mine.exists():
        news = f"new lesson: {mine.name}"
    elif mine.read_bytes() == content:
        return
    elif _hash(mine.read_bytes()) == last_given:
        news = f"{mine.name} has a newer version; you had not changed yours, so it was replaced"
    else:
        target = _free_name(mine)
        news = f"{mine.name} has a newer version, {target.name}, beside it; yours stays as it is"
    target.parent.mkdir(parents=True, exist_ok=True)
    _write(target, content)
    _trust(target)
    say(news)


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


def _read_record(own: Path) -> dict[str, str]:
    try:
        return json.loads((own / RECORD).read_text())
    except (FileNotFoundError, ValueError):  # every changed lesson counts as the student's work
        return {}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
