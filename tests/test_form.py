"""The form of the code: formatted, within 100 columns, and no more to read than was promised."""

import json
import subprocess
import sys

import pytest

from cs231n_viz.errors import positive
from cs231n_viz.places import PACKAGE, notebooks_dir
from workshop import count_lines

CLONE = PACKAGE.parent
FOLDERS = ("cs231n_viz", "workshop", "tests")
COLUMNS = 100
# Lines over 100 columns in a lesson's code cells, as they were counted: a number only shrinks.
WIDE = {
    "08_gradient_ascent": 69,
    "09_multifaceted": 57,
    "10_adversarial": 67,
    "11_deepdream": 54,
    "12_inversion": 46,
    "13_texture": 43,
    "14_style_transfer": 42,
    "15_fast_style": 47,
    "16_do_explanations_tell_the_truth": 70,
}


@pytest.mark.parametrize("arguments", [["format", "--check"], ["check"]], ids=lambda each: each[0])
def test_ruff_finds_nothing_to_say(arguments):
    command = [sys.executable, "-m", "ruff", *arguments, *FOLDERS, "conftest.py", "notebooks"]
    done = subprocess.run(command, cwd=CLONE, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_line_is_wider_than_100_columns():
    wide = [
        f"{path.relative_to(CLONE)}:{number}"
        for folder in FOLDERS
        for path in sorted((CLONE / folder).rglob("*.py"))
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if len(line) > COLUMNS
    ]
    assert wide == []


def test_wide_lines_in_lessons_only_become_fewer():
    for path in sorted(notebooks_dir().rglob("*.ipynb")):
        found, listed = wide_lines(path), WIDE.get(path.stem, 0)
        assert found <= listed, f"{path.stem} has {found} lines over 100 columns, {listed} before"
        assert found == listed, f"{path.stem} has only {found} such lines: lower its number in WIDE"


def wide_lines(path) -> int:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    code = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "code"]
    return sum(len(line) > COLUMNS for source in code for line in source.splitlines())


@pytest.mark.parametrize("group, most", [("core and techniques", 6000), ("checks", 1500)])
def test_there_is_not_much_to_read(group, most):
    assert sum(count_lines.package()[group].values()) <= most


def test_grad_cam_is_followed_to_the_end_in_120_lines():
    found = count_lines.follow_grad_cam()
    assert "techniques/cam.py: grad_cam" in found and sum(found.values()) <= 120, found


def test_a_technique_is_its_idea_and_not_its_input_checks():
    assert sum(count_lines.raises().values()) <= 85, count_lines.raises()


# --- what counts ----------------------------------------------------------------------------------


def test_blanks_comments_and_docstrings_are_no_code():
    head = '"""Doc."""\n\n# why\nx = 1  # what\n\n'
    body = 'def f():\n    """Doc\n    more."""\n    return (\n        x\n    )\n'
    assert count_lines.code_lines(head + body) == {4, 6, 9, 10, 11}


def test_what_a_run_reaches_is_told_function_by_function():
    found = count_lines.reached(lambda: positive("a rate", 1.0))
    assert set(found) == {"errors.py: positive", "errors.py: _number"}
    assert all(1 < lines < 10 for lines in found.values())
