"""The student's copy of the lessons: whatever happens, no word of the student's is lost."""

import copy
import hashlib
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
    output = nbformat.v4.new_output("display_data", {"text/html": "<b>1</b>"})
    picture = nbformat.v4.new_markdown_cell("![a](attachment:a.png)")
    picture["attachments"] = {"a.png": {"image/png": "aGVsbG8="}}
    cells = [
        nbformat.v4.new_markdown_cell(text, metadata={"slideshow": {"slide_type": "slide"}}),
        nbformat.v4.new_code_cell("first = 1\nfirst", outputs=[output]),
        nbformat.v4.new_code_cell("# your line\n", metadata={"tags": ["hide-input"]}),
        picture,
    ]
    nbformat.write(nbformat.v4.new_notebook(cells=cells), path)


def rewrite(path, change, **style):
    """Change the notebook as a program or a person would: change(notebook), in place."""
    notebook = json.loads(path.read_text(encoding="utf-8"))
    change(notebook)
    path.write_text(json.dumps(notebook, **style), encoding="utf-8")


def bring(own, course):
    said = []
    lessons.bring(own, course, said.append)
    return said


def notebooks(own):
    return sorted(path.relative_to(own).as_posix() for path in own.rglob("*.ipynb"))


def test_lessons_that_are_not_there_come_and_a_second_time_changes_nothing(tmp_path, course):
    own = tmp_path / "my"
    assert bring(own, course) == [f"2 lessons are in {own} now."]
    assert notebooks(own) == ["01_filters.ipynb", "homework/h1.ipynb"]
    before = (own / "01_filters.ipynb").stat().st_mtime_ns
    assert bring(own, course) == []
    assert (own / "01_filters.ipynb").stat().st_mtime_ns == before
    (own / "homework" / "h1.ipynb").unlink()
    assert bring(own, course) == ["new lesson: h1.ipynb"]


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
    assert "you wrote nothing into yours" in said
    assert "second edition" in (own / "01_filters.ipynb").read_text()
    assert notebooks(own) == ["01_filters.ipynb", "homework/h1.ipynb"]


def saved_by_jupyterlab(notebook):
    """Run with Shift+Enter to the end, which adds a cell; times, folds, a dead widget."""
    view = {"application/vnd.jupyter.widget-view+json": {"model_id": "gone"}}
    for count, cell in enumerate(notebook["cells"], 1):
        cell["metadata"] |= {"ExecuteTime": {"start_time": "2026-01-01"}, "scrolled": False}
        cell["metadata"] |= {"collapsed": True, "jupyter": {"outputs_hidden": True}}
        cell["metadata"] |= {"execution": {"iopub.execute_input": "2026-01-01"}, "trusted": True}
        if cell["cell_type"] == "code":
            shown = {"output_type": "display_data", "metadata": {}, "data": view}
            cell.update(execution_count=count, outputs=[shown])
    notebook["metadata"] |= {
        "kernelspec": {"name": "python3", "display_name": "Python 3 (ipykernel)"},
        "language_info": {"name": "python", "version": "3.12.1"},
        "widgets": {"application/vnd.jupyter.widget-state+json": {"state": {"gone": {}}}},
        "toc-autonumbering": True,
    }
    empty = {"cell_type": "code", "execution_count": None, "outputs": [], "metadata": {}}
    notebook["cells"].append(empty | {"id": "added", "source": []})


def saved_by_vs_code(notebook):
    """Sources as one string, line ends of Windows, no ids, no kernel, marks of its own."""
    for cell in notebook["cells"]:
        source = "".join(cell["source"]).replace("\n", "  \r\n")
        cell.update(source=source, metadata=cell["metadata"] | {"vscode": {"languageId": "python"}})
        del cell["id"]
        if cell["cell_type"] == "code":
            cell.update(execution_count=7, outputs=[])
    notebook["metadata"] = {"vscode": {"interpreter": {"hash": "0"}}}
    notebook["nbformat_minor"] = 4


@pytest.mark.parametrize(
    "save, style",
    [
        (saved_by_jupyterlab, {"indent": 1}),
        (saved_by_vs_code, {"indent": 2, "ensure_ascii": False}),
        (lambda notebook: None, {"indent": 4}),
    ],
    ids=["JupyterLab", "VS Code", "another"],
)
def test_a_lesson_that_was_run_and_saved_is_still_the_courses_and_the_newer_one_replaces_it(
    tmp_path, course, save, style
):
    own = tmp_path / "my"
    bring(own, course)
    given = (own / "01_filters.ipynb").read_bytes()
    rewrite(own / "01_filters.ipynb", save, **style)
    assert (own / "01_filters.ipynb").read_bytes() != given
    assert bring(own, course) == [], "the course has not changed"
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "you wrote nothing into yours" in said
    assert (own / "01_filters.ipynb").read_bytes() == (course / "01_filters.ipynb").read_bytes()
    assert notebooks(own) == ["01_filters.ipynb", "homework/h1.ipynb"]


def edited(notebook):
    notebook["cells"][2]["source"] = ["# your line\n", "answer = 42"]


def added(notebook):
    notebook["cells"].append(copy.deepcopy(notebook["cells"][0]) | {"id": "b", "source": "mine"})


def deleted(notebook):
    del notebook["cells"][2]


def reordered(notebook):
    notebook["cells"].reverse()


def renamed(notebook):
    notebook["cells"][0]["metadata"]["name"] = "my cell"


def tagged(notebook):
    notebook["cells"][1]["metadata"]["tags"] = ["look again"]


def on_another_slide(notebook):
    notebook["cells"][0]["metadata"]["slideshow"]["slide_type"] = "subslide"


def of_another_kind(notebook):
    notebook["cells"][2] |= {"cell_type": "raw"}


def with_another_picture(notebook):
    notebook["cells"][3]["attachments"]["a.png"]["image/png"] = "d29ybGQ="


CHANGES = [edited, added, deleted, reordered, renamed, tagged, on_another_slide, of_another_kind]
CHANGES += [with_another_picture]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change.__name__)
@pytest.mark.parametrize("save", [saved_by_jupyterlab, saved_by_vs_code])
def test_whatever_a_student_did_with_a_cell_stays_and_the_newer_lesson_comes_beside_it(
    tmp_path, course, change, save
):
    own = tmp_path / "my"
    bring(own, course)
    rewrite(own / "01_filters.ipynb", change)
    rewrite(own / "01_filters.ipynb", save)
    mine = (own / "01_filters.ipynb").read_bytes()
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "yours stays as it is" in said
    assert (own / "01_filters.ipynb").read_bytes() == mine


@pytest.mark.parametrize("content", [b"", b"{half a les", b"[]", b'{"cells": 3}', b"\xff\xfe"])
def test_a_damaged_lesson_counts_as_the_students(tmp_path, course, content):
    own = tmp_path / "my"
    bring(own, course)
    (own / "01_filters.ipynb").write_bytes(content)
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "yours stays as it is" in said
    assert (own / "01_filters.ipynb").read_bytes() == content


def test_a_lesson_under_a_new_name_stays_and_the_courses_comes_again(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    mine = (own / "01_filters.ipynb").rename(own / "mine.ipynb").read_bytes()
    assert bring(own, course) == ["new lesson: 01_filters.ipynb"]
    assert (own / "mine.ipynb").read_bytes() == mine


def test_new_pictures_under_the_same_words_come_too(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    rewrite(own / "01_filters.ipynb", saved_by_jupyterlab)
    rewrite(course / "01_filters.ipynb", lambda notebook: notebook["cells"][1].update(outputs=[]))
    (said,) = bring(own, course)
    assert "you wrote nothing into yours" in said
    assert (own / "01_filters.ipynb").read_bytes() == (course / "01_filters.ipynb").read_bytes()


@pytest.mark.parametrize("changed", [False, True])
def test_a_record_of_the_first_version_is_understood(tmp_path, course, changed):
    own = tmp_path / "my"
    bring(own, course)
    lesson = own / "01_filters.ipynb"
    record = {lesson.name: hashlib.sha256(lesson.read_bytes()).hexdigest()}
    (own / lessons.RECORD).write_text(json.dumps(record))
    if changed:
        rewrite(lesson, edited)
    mine = lesson.read_bytes()
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert ("yours stays as it is" in said) == changed
    assert (lesson.read_bytes() == mine) == changed


def test_a_picture_dropped_into_a_cell_without_words_is_the_students_work(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)

    def drop(notebook):
        cell = nbformat.v4.new_markdown_cell("", attachments={"my.png": {"image/png": "aGk="}})
        notebook["cells"].append(cell)

    rewrite(own / "01_filters.ipynb", drop, indent=1)
    mine = (own / "01_filters.ipynb").read_bytes()
    publish(course / "01_filters.ipynb", "second edition")
    (said,) = bring(own, course)
    assert "yours stays as it is" in said and (own / "01_filters.ipynb").read_bytes() == mine


def test_without_a_record_a_lesson_that_was_only_run_stays_alone(tmp_path, course):
    own = tmp_path / "my"
    bring(own, course)
    (own / lessons.RECORD).unlink()
    rewrite(own / "01_filters.ipynb", saved_by_jupyterlab)
    mine = (own / "01_filters.ipynb").read_bytes()
    assert bring(own, course) == []
    assert (own / "01_filters.ipynb").read_bytes() == mine


@pytest.mark.parametrize(
    "record", [None, "{half a rec", "[]", "null", '{"01_filters.ipynb": null}']
)
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
