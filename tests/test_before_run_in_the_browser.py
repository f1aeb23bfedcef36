"""Lessons before they are run, as pages that people open them in show what is stored."""

import re

import browser
import pytest
from browser import soon
from stored import LESSONS, cells, every_lesson, words_of_pictures

pytestmark = browser.NEEDED

OPEN = """async path => {  // instead of the one before, and without a kernel: nobody asked for one
    const kernel = {shouldStart: false, canStart: false, autoStartDefault: false};
    const {commands} = window.jupyterapp;
    window.lesson?.dispose();
    window.lesson = await commands.execute('docmanager:open', {path, factory: 'Notebook', kernel});
    await window.lesson.context.ready;
    await window.lesson.revealed;
}"""
# What a page says of a widget, or of a script, that it cannot show.
LOST = re.compile("Error displaying|Loading widget|model not found|Javascript Error")
# What lies over the cells, or is red among them.
UNWELCOME = f".jp-Dialog, .Toastify__toast, {browser.ERRORS}, {browser.WARNINGS}"
LINES = """() => {  // the words under which the first picture of each widget stands
    const images = document.querySelectorAll('.jp-NotebookPanel .jp-RenderedHTML > p + img');
    return [...images].map(image => image.previousElementSibling.textContent);
}"""
PICTURES = """() => {  // their alternative texts, once they are all there; of all that are shown
    const images = [...document.querySelectorAll('.jp-NotebookPanel .jp-OutputArea-output img')];
    return images.every(image => image.complete && image.naturalWidth)
        && images.map(image => image.alt);
}"""


def is_as_stored(page, cells, lines) -> bool:
    """Whether the page shows every stored picture, its words in the DOM, and nothing amiss."""
    for words in page.locator(browser.OUTPUTS).all_inner_texts():
        assert not LOST.search(words), words
    assert page.locator(UNWELCOME).count() == 0
    assert len(page.evaluate(LINES)) == lines
    assert all(line.startswith("Run this cell to ") for line in page.evaluate(LINES))
    stored = [words for cell in cells for words in words_of_pictures(cell)]
    assert soon(lambda: page.evaluate(PICTURES)) == stored
    return True


def widgets(cells) -> int:
    return sum("widget" in cell.metadata.get("tags", []) for cell in cells)


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(chromium, tmp_path_factory):
    """JupyterLab on the lessons as `start` brings them, and on one that it does not trust."""
    own = tmp_path_factory.mktemp("course") / "my"
    with browser.lab_on_the_lessons(own) as address:
        (own / "downloaded.ipynb").write_bytes(LESSONS[4].read_bytes())
        page = chromium.new_page(viewport=browser.WINDOW)
        page.goto(address.format("before").removesuffix("/tree"))
        assert soon(lambda: page.evaluate("Boolean(window.jupyterapp?.shell.currentWidget)"))
        yield page


@pytest.mark.slow
@every_lesson
def test_before_it_is_run_a_lesson_shows_its_pictures_and_no_error(page, path):
    page.evaluate(OPEN, path.name)
    assert is_as_stored(page, cells(path), lines=widgets(cells(path)))
    assert browser.barriers(page) == []


@pytest.mark.slow
def test_a_lesson_that_jupyterlab_does_not_trust_shows_the_same(page):
    page.evaluate(OPEN, "downloaded.ipynb")
    lesson = cells(LESSONS[4])
    assert is_as_stored(page, lesson, lines=widgets(lesson))


WIDGET = """
from cs231n_viz import data, plot, widgets

def paler(by):
    return plot.image_row([data.photo("chelsea", 64)[0] * (1 - by)]), f"a cat, {by} darker"

widgets.explore(paler, by=widgets.slider(0.0, 1.0))
"""


@pytest.mark.slow
def test_what_our_jupyterlab_saved_opens_the_next_day_with_its_picture_and_no_error(
    tmp_path, chromium
):
    browser.write(tmp_path / "one.ipynb", [WIDGET])
    with browser.lab(tmp_path) as address:
        page = chromium.new_page(viewport=browser.WINDOW)
        browser.open_notebook(page, address, "one.ipynb")
        browser.run_all(page)
        assert page.locator(".widget-image").count() == 1
        page.keyboard.press("Control+s")
        assert soon(lambda: '"text/html"' in (tmp_path / "one.ipynb").read_text())
        page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
        browser.open_notebook(page, address, "one.ipynb")
        assert is_as_stored(page, cells(tmp_path / "one.ipynb"), lines=1)
