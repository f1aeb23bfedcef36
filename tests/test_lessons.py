"""The student's copy of the lessons: whatever happens, no word of the student's is lost."""

import json

import nbformat
import pytest
from nbformat.sign import NotebookNotary

from cs231n_viz.commands import lessons


@pytest.fixture(autouse=True)
def private_signatures(tmp_path, monkeypatch):
    monkeypatch.setenv("JUPYTER_DATA_DIR", str(tmp_path / "jupyter"))


@pytest.fixture
def course(tmp_path):
    folder = tmp_path / "notebooks"
    publish(folder / "01_filters.ipynb", "first edition")
    publish(folder / "homework" / "h1.ipynb", "homework")
    publish(folder / ".ipynb_checkpoints" / "old.ipynb", "not a lesson")
    return folder


def publish(path, text):
    path.parent.mkdir(parents=True, exist_ok=True)
    cell = nbformat.v4.new_code_cell(
        "1", outputs=[nbformat.v4.new_output("display_data", {"text/html": "<b>1</b>"})]
    )
    nbformat.write(
        nbformat.v4.new_notebook(cells=[nbformat.v4.new_markdown_cell(text), cell]), path
    )


def bring(own, course):
    said = []
    lessons.bring(own, course, said.append)
    return said


def notebooks(own):
    return sorted(path.relative_to(own).as_posix() for path in own.rglob("*.ipynb"))


def test_lessons_that_are_not_there_come_and_a_second_time_changes_nothing(tmp_path, course):
    own = tmp_path / "my"
    assert bring(own, course) == ["new lesson: 01_filters.ipynb", "new lesson: h1.ipynb"]
    assert notebooks(own) == ["01_filters.ipynb", "homework/h1.ipynb"]
    before = (own / "01_filters.ipynb").stat().st_mtime_ns
    assert bring(own, course) == []
    assert (own / "01_filters.ipynb").stat().st_mtime_ns == before


def test_a_copy_is_trusted_so_that_its_stored_outputs_show(tmp_path, course):
    bring(tmp_path / "my", course)
    notebook = nbformat.read(tmp_path / "my" / "01_filters.ipynb", as_version=4)
    assert NotebookNotary().check_signature(notebook)


def test_an_edited_lesson_stays_and_the_newer_one_comes_beside_it_once(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    publish(own / "01_filters.ipynb", "my own words")
    assert bring(own, course) == [], "the course has not changed"
    mine = (own / "01_filters.ipynb").read_bytes()

    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "yours stays as it is" in said
    assert (own / "01_filters.ipynb").read_bytes() == mine
    (beside,) = [name for name in notebooks(own) if ".new-" in name]
    assert "second edition" in (own / beside).read_text()
    assert bring(own, course) == []

    publish(course / "01_filters.ipynb", "third edition")
    bring(own, course)
    assert len([name for name in notebooks(own) if ".new-" in name]) == 2, (
        "an earlier newer one is not overwritten"
    )
    assert (own / "01_filters.ipynb").read_bytes() == mine


def test_an_untouched_lesson_is_replaced_by_the_newer_one_and_it_is_said(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "you had not changed yours" in said
    assert "second edition" in (own / "01_filters.ipynb").read_text()
    assert notebooks(own) == ["01_filters.ipynb", "homework/h1.ipynb"]


@pytest.mark.parametrize("record", [None, "{half a rec"])
def test_without_a_readable_record_every_differing_lesson_counts_as_the_students_work(
    tmp_path, course, record
):
    own = tmp_path / "my"
    bring(own, course)
    (own / lessons.RECORD).unlink()
    if record:
        (own / lessons.RECORD).write_text(record)
    publish(own / "01_filters.ipynb", "my own words")
    mine = (own / "01_filters.ipynb").read_bytes()
    assert len(bring(own, course)) == 1
    assert (own / "01_filters.ipynb").read_bytes() == mine
    assert set(json.loads((own / lessons.RECORD).read_text())) == {
        "01_filters.ipynb",
        "homework/h1.ipynb",
    }


def test_a_deleted_copy_comes_again(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    (own / "01_filters.ipynb").unlink()
    assert bring(own, course) == ["new lesson: 01_filters.ipynb"]


def test_an_interrupted_copy_leaves_no_half_lesson_under_its_name(tmp_path, course, monkeypatch):
    def cut(source, destination):
        raise KeyboardInterrupt

    monkeypatch.setattr(lessons.os, "replace", cut)
    with pytest.raises(KeyboardInterrupt):
        lessons.bring(tmp_path / "my", course)
    assert notebooks(tmp_path / "my") == []


def test_a_course_without_lessons_is_said_in_a_sentence(tmp_path):
    with pytest.raises(FileNotFoundError, match="there are no lessons in"):
        lessons.bring(tmp_path / "my", tmp_path)
