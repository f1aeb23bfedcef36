"""The student's own copy of the lessons: new ones come in, and what a student wrote is never
overwritten.
"""

import hashlib
import json
import os
from collections.abc import Callable
from datetime import date
from pathlib import Path

from ..places import PACKAGE, notebooks_dir

RECORD = (
    ".copied.json"  # in the student's folder: {lesson: hash of the course's version that last came}
)


def own_folder() -> Path:
    """Where the student's copy lies: `my/` in the clone, or in the current folder if the package is
    installed.
    """
    clone = PACKAGE.parent
    return (clone if (clone / "pyproject.toml").is_file() else Path.cwd()) / "my"


def bring(own: Path, course: Path | None = None, say: Callable[[str], None] = print) -> Path:
    """Bring the lessons of `course` into the folder `own`, say what came, and return `own`.

    A lesson that is not there is copied. One whose course version changed since is replaced if the
    student's copy is still what the course gave, byte for byte; otherwise the newer one comes
    beside it under a new name.
    """
    course = course or notebooks_dir()
    lessons = [
        path for path in sorted(course.rglob("*.ipynb")) if ".ipynb_checkpoints" not in path.parts
    ]
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
        _write(
            own / RECORD, json.dumps(record, indent=1).encode()
        )  # after each one: an interruption loses nothing
    return own


def _bring_one(
    mine: Path, content: bytes, last_given: str | None, say: Callable[[str], None]
) -> None:
    if not mine.exists():
        place, news = mine, f"new lesson: {mine.name}"
    elif mine.read_bytes() == content:
        return
    elif _hash(mine.read_bytes()) == last_given:
        place, news = (
            mine,
            f"{mine.name} has a newer version; you had not changed yours, so it was replaced",
        )
    else:
        place = _free_name(mine)
        news = f"{mine.name} has a newer version; yours stays as it is, and the newer one is {place.name}, beside it"
    place.parent.mkdir(parents=True, exist_ok=True)
    _write(place, content)
    _trust(place)
    say(news)


def _free_name(mine: Path) -> Path:
    """01_filters.ipynb -> 01_filters.new-2026-01-31.ipynb, or …-2.ipynb and so on where that is
    taken.
    """
    stem = f"{mine.stem}.new-{date.today().isoformat()}"
    place, number = mine.with_name(f"{stem}.ipynb"), 1
    while place.exists():
        number += 1
        place = mine.with_name(f"{stem}-{number}.ipynb")
    return place


def _write(place: Path, content: bytes) -> None:
    """All or nothing: a half-written lesson never stands under its name."""
    partial = place.with_name(place.name + ".partial")
    partial.write_bytes(content)
    os.replace(partial, place)


def _trust(place: Path) -> None:
    """Sign the course's own version, so that JupyterLab shows its stored outputs at once."""
    import nbformat
    from nbformat.sign import NotebookNotary

    NotebookNotary().sign(nbformat.read(place, as_version=4))


def _read_record(own: Path) -> dict[str, str]:
    try:
        return json.loads((own / RECORD).read_text())
    except (
        FileNotFoundError,
        ValueError,
    ):  # lost or damaged: every changed lesson counts as the student's work
        return {}


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
