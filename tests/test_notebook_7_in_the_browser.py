"""Widgets in a Notebook 7 that knows nothing of this course, and with the network off."""

import browser
import nbformat
import pytest
from browser import ask, button, shows, soon
from stored import LESSONS

pytest.importorskip("notebook", reason="Notebook 7 is not installed")
pytestmark = [browser.NEEDED, pytest.mark.slow]

CELLS = [
    """
from cs231n_viz import data, plot, widgets

names = data.photo_names()
tiles = [data.photo(name, 96)[0] for name in names]

def one(name, darker):
    return plot.image_row([tiles[name] * (1 - darker)], side=300), names[name]

album = widgets.clickable(plot.image_grid(tiles, columns=4, side=96), names, alt="photographs")
shown = widgets.explore(one, name=album, darker=widgets.slider(0.0, 1.0))
shown
"""
]
ALBUM = "[aria-roledescription='clickable picture']"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("notebook")


@pytest.fixture(scope="module")
def page(root):
    with browser.page_with(CELLS, root, app="notebook") as page:
        yield page


@pytest.fixture
def album(page):
    found = page.locator(ALBUM)
    found.wait_for(state="visible")
    return found


def said(page):
    """The line below the album, which a screen reader reads, too."""
    return page.locator(f"{ALBUM} ~ [aria-live]").inner_text()


def agree(page):
    """Whether the page shows the kernel's picture and words."""
    image = page.locator(".jp-OutputArea-output .widget-image").last
    words = page.locator(".jp-OutputArea-output [role=status]").all_inner_texts()
    return shows(page, image, "shown") and ask(page, "shown.words") in words


def test_a_click_on_a_picture_chooses_it(page, album):
    (left, top, width, height), (across, down) = ask(page, "[album.page.boxes[5], album.page.size]")
    box = album.bounding_box()
    x, y = (left + width / 2) / across * box["width"], (top + height / 2) / down * box["height"]
    page.mouse.move(box["x"] + x, box["y"] + y)
    assert said(page) == ask(page, "names[5]")
    album.click(position={"x": x, "y": y})
    assert soon(lambda: ask(page, "album.value") == 5)
    assert said(page) == "chosen: " + ask(page, "names[5]")
    assert soon(lambda: agree(page))


def test_arrows_read_the_pictures_and_enter_chooses_one(page, album):
    album.focus()
    for key, read in (("Home", 0), ("ArrowRight", 1), ("ArrowDown", 5), ("ArrowRight", 6)):
        page.keyboard.press(key)
        assert said(page).removeprefix("chosen: ") == ask(page, f"names[{read}]")
    page.keyboard.press("Enter")
    assert soon(lambda: ask(page, "album.value") == 6)
    assert soon(lambda: agree(page))


def test_a_slider_moves_by_its_arrow_keys_and_the_picture_can_be_saved(page):
    page.locator(".jp-OutputArea-output [role=slider]").focus()
    page.keyboard.press("ArrowRight")
    assert soon(lambda: ask(page, "shown.values['darker']") == 0.01)
    assert soon(lambda: agree(page))
    button(page.locator(".jp-OutputArea-output"), "Save picture").click()
    assert soon(lambda: "Saved as" in page.locator(browser.OUTPUTS).last.inner_text())


def test_nothing_keeps_people_out_and_no_other_machine_is_asked(page):
    assert browser.barriers(page) == []
    hosts = browser.hosts_asked(page)
    page.reload()
    assert soon(lambda: page.evaluate(browser.READY), seconds=120), "no kernel"
    browser.run_all(page)
    assert page.locator(ALBUM).is_visible()
    assert hosts == {"127.0.0.1"}


def test_before_it_is_run_a_widget_is_a_line_and_its_first_picture(page, root):
    lesson = nbformat.read(LESSONS[0], as_version=4)
    lesson.cells = [cell for cell in lesson.cells if "widget" in cell.metadata.get("tags", [])][:1]
    nbformat.write(lesson, root / "before.ipynb")
    page.goto(page.url.replace("one.ipynb", "before.ipynb"))
    assert soon(lambda: page.evaluate(browser.READY), seconds=120), "no kernel"
    shown = page.locator(browser.OUTPUTS)
    assert soon(lambda: shown.count() == 1)
    assert shown.inner_text().startswith("Run this cell to ")
    assert shown.locator("img").get_attribute("alt")
