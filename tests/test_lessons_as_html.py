"""A lesson as `jupyter nbconvert --to html` shows it: every picture with its words, nothing amiss.

GitHub, VS Code and a teacher's web page read the same stored outputs in much the same way.
"""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter
from stored import every_lesson, words_of_pictures

LOST = "[type='application/vnd.jupyter.widget-view+json']"
RED = "[data-mime-type='application/vnd.jupyter.stderr']"  # here errors are that, too


def is_beside(words, image, cell) -> bool:
    """As alternative text, or, where nbconvert leaves that out, in what the cell prints."""
    return words in (image["alt"], *map(str.strip, cell.get_text("\n").splitlines()))


@pytest.mark.slow
@every_lesson
def test_a_lesson_as_html_shows_every_picture_with_its_words_and_no_widget_that_is_lost(path):
    lesson = nbformat.read(path, as_version=4)
    body, _ = HTMLExporter().from_notebook_node(lesson)
    page = BeautifulSoup(body, "html.parser")
    assert all(image["src"].startswith("data:image/") for image in page.find_all("img"))
    assert page.select(LOST) == page.select(RED) == []
    for cell, shown in zip(lesson.cells, page.select(".jp-Cell"), strict=True):
        words, images = words_of_pictures(cell), shown.select(".jp-OutputArea-output img")
        assert len(words) == len(images), f"of {words} only {len(images)} are shown"
        assert all(is_beside(*pair, shown) for pair in zip(words, images, strict=True)), words
        assert all(image["alt"].strip() for image in shown.find_all("img")), cell.source
