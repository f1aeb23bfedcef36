"""The validation is proven to bite: a lesson is spoilt in many ways, and each time it is found."""

import json
import re
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
import test_notebooks_form as form

from cs231n_viz.places import notebooks_dir

LESSON = notebooks_dir() / "01_filters.ipynb"
ROOT = Path(__file__).parents[1]


def cell_of(notebook, cell_id):
    return next(cell for cell in notebook["cells"] if cell["id"] == cell_id)


def spoilt(folder, *changes) -> Path:
    """A copy of the lesson, each change made to its notebook."""
    notebook = json.loads(LESSON.read_text(encoding="utf-8"))
    for change in changes:
        change(notebook)
    for name in re.findall(r"\]\((\d\d_\w+\.ipynb)\)", LESSON.read_text(encoding="utf-8")):
        (folder / name).touch()  # the lessons that it links to
    copy = folder / LESSON.name
    copy.write_text(json.dumps(notebook), encoding="utf-8")
    return copy


def replace_source(cell_id, old, new):
    def change(notebook):
        cell = cell_of(notebook, cell_id)
        source = "".join(cell["source"])
        assert old in source, f"the lesson has changed: {cell_id} no longer holds {old!r}"
        cell["source"] = source.replace(old, new)

    return change


def replace_printed(cell_id, old, new):
    def change(notebook):
        outputs = cell_of(notebook, cell_id)["outputs"]
        (printed,) = [output for output in outputs if output.get("name")]
        text = "".join(printed["text"])
        assert old in text, f"the lesson has changed: {cell_id} no longer prints {old!r}"
        printed["text"] = text.replace(old, new)

    return change


def without_figure(cell_id):
    def change(notebook):
        cell = cell_of(notebook, cell_id)
        kept = [output for output in cell["outputs"] if not form.has_picture(output)]
        assert len(kept) < len(cell["outputs"])
        cell["outputs"] = kept

    return change


def without_receipt(cell_id):
    def change(notebook):
        for output in cell_of(notebook, cell_id)["outputs"]:
            if "text" in output:
                output["text"] = ""
            output.get("data", {}).pop("text/plain", None)

    return change


# Each in a cell of its own, chosen so that no later cell needs what it spoils.
SPOILT = {
    # one stored number
    "opponent": replace_printed("opponent", "27 filters", "28 filters"),
    "six-filters": without_figure("six-filters"),
    "story": without_receipt("story"),
    "depthwise": replace_source("depthwise", "plot.show(", "undefined_name; plot.show("),  # raises
    # A callback that fails for every setting but the one that is drawn first:
    "race-widget": replace_source(
        "race-widget",
        "cosines[wide][numbers.index(filter)].topk(9)",
        "cosines[wide][{start: numbers.index(start)}[filter]].topk(9)",
    ),
    # A widget whose slider moves nothing:
    "templates": replace_source(
        "templates", "explore(templates,", "explore(lambda strength: templates(3.0),"
    ),
}


def failures(notebook: Path, folder: Path) -> tuple[dict[int, str], int]:
    """What the validation says, {number of a code cell: why it failed}, and how many cells ran."""
    report = folder / "report.xml"
    command = [sys.executable, "-m", "pytest", str(notebook), "-q", f"--junitxml={report}"]
    command += [f"--rootdir={ROOT}", f"--confcutdir={ROOT}", f"-c{ROOT / 'pyproject.toml'}"]
    command += [f"--nbval-sanitize-with={ROOT / 'tests/sanitize.cfg'}"]
    subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    cases = list(ET.parse(report).iter("testcase"))
    found = {}
    for case in cases:
        problem = case.find("failure")
        if problem is not None:
            found[int(re.search(r"\d+$", case.get("name"))[0])] = problem.text
    return found, len(cases)


def test_every_spoilt_cell_is_found_and_no_other(tmp_path):
    copy = spoilt(tmp_path, *SPOILT.values())
    cells = json.loads(copy.read_text(encoding="utf-8"))["cells"]
    codes = [cell["id"] for cell in cells if cell["cell_type"] == "code"]
    found, count = failures(copy, tmp_path)
    assert {codes[number] for number in found} == set(SPOILT)
    assert count == len(codes)
    reasons = {codes[number]: reason for number, reason in found.items()}
    assert "28 filters" in reasons["opponent"] and "KeyError" in reasons["race-widget"]
    assert "NameError" in reasons["depthwise"] and "changes nothing" in reasons["templates"]


# --- what is wrong in the file, whatever a run would say ------------------------------------------


def first_code(notebook):
    return next(cell for cell in notebook["cells"] if cell["cell_type"] == "code")


def print_instead(text, name="stdout"):
    def change(notebook):
        first_code(notebook)["outputs"] = [{"output_type": "stream", "name": name, "text": text}]

    return change


def in_prose(text):
    return lambda notebook: notebook["cells"][2].update(source=text)


def in_metadata(**entries):
    return lambda notebook: notebook["metadata"].update(entries)


def outputs_of(cell_id, drop):
    def change(notebook):
        for output in filter(form.has_picture, cell_of(notebook, cell_id)["outputs"]):
            drop(output)

    return change


def picture_kind(output):
    return next(kind for kind in output["data"] if kind.startswith("image/"))


IN_THE_FILE = {
    "a picture without a receipt": (
        without_receipt("six-filters"),
        form.test_every_picture_has_words_beside_it,
    ),
    "a picture whose bytes are gone": (
        outputs_of("six-filters", lambda output: output["data"].pop(picture_kind(output))),
        form.test_no_picture_was_lost,
    ),
    "a picture that a blind reader cannot know": (
        outputs_of(
            "six-filters",
            lambda output: output["metadata"][picture_kind(output)].update(alt=" "),
        ),
        form.test_every_picture_has_alternative_text,
    ),
    "a picture in the prose without words": (
        in_prose("![](../data/readme.jpg)"),
        form.test_every_picture_has_alternative_text,
    ),
    "a warning": (
        print_instead("UserWarning: slow", "stderr"),
        form.test_no_error_and_no_warning_is_stored,
    ),
    "a path that was printed": (
        print_instead("read /home/somebody/model.pt"),
        form.test_no_path_of_the_machine_that_ran_it_is_stored,
    ),
    "a path in the prose": (
        in_prose("see C:\\Users\\me"),
        form.test_no_path_of_the_machine_that_ran_it_is_stored,
    ),
    "widget state": (
        in_metadata(widgets={}),
        form.test_no_widget_state_is_stored_and_the_kernel_is_python3,
    ),
    "a kernel of one's own": (
        in_metadata(kernelspec={"name": "my_env"}),
        form.test_no_widget_state_is_stored_and_the_kernel_is_python3,
    ),
    "a link to nowhere": (
        in_prose("[next](99_nothing.ipynb)"),
        form.test_every_link_to_a_file_leads_somewhere,
    ),
    "a picture that is not attached": (
        in_prose("![the filters of a layer](attachment:other.png)"),
        form.test_every_link_to_a_file_leads_somewhere,
    ),
    "a cell run out of order": (
        lambda notebook: first_code(notebook).update(execution_count=7),
        form.test_the_lesson_is_stored_as_run_from_top_to_bottom,
    ),
    "outputs stripped of their order": (
        lambda notebook: first_code(notebook).update(execution_count=None),
        form.test_the_lesson_is_stored_as_run_from_top_to_bottom,
    ),
}


@pytest.mark.parametrize("fault", IN_THE_FILE)
def test_a_fault_in_the_stored_file_is_found(fault, tmp_path):
    change, check = IN_THE_FILE[fault]
    check(spoilt(tmp_path))  # the lesson as it is passes
    with pytest.raises(AssertionError):
        check(spoilt(tmp_path, change))
