"""A lesson as a student meets it: in a real browser, run all, move a slider, see it change."""

import json

import browser
import pytest

from cs231n_viz.places import notebooks_dir

pytestmark = browser.NEEDED

LESSONS = sorted(path.name for path in notebooks_dir().glob("*.ipynb"))
EVERY_TIME = 3  # lessons; the others are for the night
EXPLORER = ".jp-OutputArea-output:has(.widget-slider):has(.widget-image)"
UNWELCOME = "application/vnd.jupyter.stderr", "application/vnd.jupyter.error"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on copies of the lessons, their stored outputs taken out."""
    notebooks = {name: unrun(name) for name in LESSONS}
    with browser.lab(tmp_path_factory.mktemp("lab"), notebooks) as address:
        yield address


def unrun(lesson):
    notebook = json.loads((notebooks_dir() / lesson).read_text(encoding="utf-8"))
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code":
            cell.update(outputs=[], execution_count=None)
    return notebook


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as opened:
        yield opened


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport=browser.WINDOW)
    yield page
    page.close()


def press_an_arrow(page, handle):
    handle.focus()
    at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")


def drag(page, slider, handle):
    """To the far side of the slider."""
    rail, grip = slider.locator(".noUi-base").bounding_box(), handle.bounding_box()
    middle, height = grip["x"] + grip["width"] / 2, grip["y"] + grip["height"] / 2
    far = 0.15 if middle > rail["x"] + rail["width"] / 2 else 0.85
    page.mouse.move(middle, height)
    page.mouse.down()
    page.mouse.move(rail["x"] + rail["width"] * far, height, steps=8)
    page.mouse.up()


@pytest.mark.parametrize(
    "lesson",
    LESSONS[:EVERY_TIME]
    + [pytest.param(name, marks=pytest.mark.nightly) for name in LESSONS[EVERY_TIME:]],
)
def test_a_slider_changes_the_picture_by_keyboard_and_by_mouse(lab, page, lesson):
    browser.run_all(page, lab, lesson)
    explorer = page.locator(EXPLORER).first
    slider = explorer.locator(".widget-slider").first
    handle = slider.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    first = browser.picture(explorer)
    assert first, "there is no picture beside the slider"

    press_an_arrow(page, handle)
    second = browser.picture(explorer, other_than=first)
    assert second, "an arrow key on the slider did not change the picture"

    drag(page, slider, handle)
    assert browser.picture(explorer, other_than=second), (
        "dragging the slider did not change the picture"
    )
    for kind in UNWELCOME:
        assert page.locator(f".jp-NotebookPanel [data-mime-type='{kind}']").count() == 0, kind
