"""A lesson as `jupyter nbconvert` shows it, page or slides: every picture with its words.

GitHub, VS Code and a teacher's web page read the same stored outputs in much the same way.
"""

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbconvert import HTMLExporter, SlidesExporter
from stored import LESSONS, every_lesson, words_of_pictures

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


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in LESSONS if path.name < "08"], ids=str)
def test_a_lesson_as_slides_is_its_core(path):
    """Each heading begins a slide; what goes deeper and exercises are none of the slides."""
    lesson = nbformat.read(path, as_version=4)
    core = [cell for cell in lesson.cells if cell.metadata.slideshow.slide_type != "skip"]
    body, _ = SlidesExporter(reveal_scroll=True).from_notebook_node(lesson)
    page = BeautifulSoup(body, "html.parser")
    slides = [part for part in page.select(".slides section") if not part.find("section")]
    begun = [cell for cell in core if cell.cell_type == "markdown"]
    assert len(slides) == len(begun) >= 10
    assert len(page.select(".slides .jp-Cell")) == len(core)
    headings = [
        heading.get_text().rstrip("¶") for heading in page.select(".slides :is(h1, h2, h3)")
    ]
    assert not [one for one in headings if one.startswith(("Exercise", "Build it", "Going deeper"))]
