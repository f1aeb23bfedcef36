"""A lesson as a student meets it: all is run, every control is moved, the kernel begins anew."""

import configparser
import re
from pathlib import Path

import browser
import pytest
from browser import ask, shows, soon
from stored import LESSONS

from cs231n_viz import data, images

pytestmark = browser.NEEDED


def on_lessons(*every_time: str, others: bool = True):
    """A test on the lessons with these numbers each time, and in the night on the others."""
    lessons = [
        pytest.param(
            path.name,
            id=path.stem,
            marks=[] if path.name[:2] in every_time else [pytest.mark.nightly],
        )
        for path in LESSONS
        if others or path.name[:2] in every_time
    ]
    return pytest.mark.parametrize("page", lessons, indirect=True)


played = on_lessons("00", "04", "08", "11", "14", "16")
SMALL_LAPTOP = {"width": 1366, "height": 768}
RECEIPT = ".jp-NotebookPanel [data-mime-type='application/vnd.jupyter.stdout']"
CHANGING = configparser.RawConfigParser()
CHANGING.read(Path(__file__).with_name("sanitize.cfg"), encoding="utf-8")
# The kernel's explorers in the order of their cells, and a class for each of their parts on the
# page. A mark is put on the page by what every explorer has: controls, image and buttons.
MARK = """
def mark_the_explorers():
    from cs231n_viz import widgets
    shown = [one for one in widgets._SHOWN if hasattr(one, "values")]
    for number, one in enumerate(sorted(shown, key=lambda one: one.cell[1])):
        EXPLORERS.append(one)
        for name, part in {**one.controls, "IMAGE": one.image, "STOP": one.stop_button}.items():
            part.add_class(f"part-{number}-{name}")

EXPLORERS = []
mark_the_explorers()
"""
CONTROLS = """[
    [number, name, type(control).__name__]
    for number, one in enumerate(EXPLORERS) for name, control in one.controls.items()
]"""
FIRST = "[digest(one.picture) for one in EXPLORERS]"
SETTINGS = "[str(getattr(c, 'label', c.value)) for c in EXPLORERS[{}].controls.values()]"
FOLD = """part => {  // the button that shows what is folded away, if the part is
    if (part.offsetParent !== null) return null;
    while (!(part = part.parentElement).querySelector(':scope > .widget-toggle-button'));
    return part.querySelector(':scope > .widget-toggle-button');
}"""


@pytest.fixture(scope="module")
def address(tmp_path_factory):
    with browser.lab_on_the_lessons(tmp_path_factory.mktemp("course") / "my") as address:
        yield address


@pytest.fixture(scope="module")
def chromium():
    with browser.chromium() as opened:
        yield opened


@pytest.fixture(scope="module")
def page(request, address, chromium):
    """The page of a lesson, all of it run."""
    page = chromium.new_page(viewport=browser.WINDOW)
    page.hosts = browser.hosts_asked(page)
    browser.open_notebook(page, address, request.param)
    browser.run_all(page)
    page.evaluate(browser.ASK, MARK)
    page.first = receipts(page), ask(page, FIRST)
    yield page
    page.evaluate("window.jupyterapp.shell.currentWidget.sessionContext.shutdown()")
    page.close()


@pytest.fixture(scope="module")
def pictures(tmp_path_factory):
    """Two photographs as files."""
    folder = tmp_path_factory.mktemp("pictures")
    for name in ("coffee", "rocket"):
        images.to_picture(data.photo(name, 96)).save(folder / f"{name}.jpg")
    return {name: folder / f"{name}.jpg" for name in ("coffee", "rocket")}


def part(page, number, name):
    return page.locator(f".part-{number}-{name}")


def settle(page, number, key=None):
    """Wait for the picture; a run of many steps is ended by its Stop button. It must be right."""
    one, stop = f"EXPLORERS[{number}]", part(page, number, "STOP")
    takes_steps = ask(page, f"{one}.run_button.layout.display is None")
    if takes_steps and soon(lambda: stop.is_visible() or ask(page, f"{one}._idle.is_set()")):
        press(page, stop, key) if stop.is_visible() else None
    assert soon(lambda: shows(page, part(page, number, "IMAGE"), one)), "page and kernel differ"
    assert not ask(page, f"str({one}.error or '')")


def press(page, thing, key):
    if key:
        thing.focus()
        page.keyboard.press(key)
    else:
        thing.click()


def unfold(page, control, key=None):
    """Open the group in which the control is, if that is folded."""
    fold = control.first.evaluate_handle(FOLD).as_element()
    if fold:
        press(page, fold, key)
        control.first.wait_for(state="visible")


def fold_all(page, key):
    """What is open is folded again, and the class that says so goes."""
    unfolded = page.locator(".jp-OutputArea-output .widget-toggle-button.mod-active")
    while unfolded.count():
        press(page, unfolded.first, key)


# --- by keyboard ----------------------------------------------------------------------------------


def slide_by_key(page, control, _):
    handle = control.locator("[role=slider]")
    handle.focus()
    at_the_end = handle.get_attribute("aria-valuenow") == handle.get_attribute("aria-valuemax")
    page.keyboard.press("ArrowLeft" if at_the_end else "ArrowRight")


def choose_by_key(page, control, _):
    menu = control.locator("select")
    menu.focus()
    last = menu.evaluate("menu => menu.selectedIndex === menu.length - 1")
    for key in ("Enter", "ArrowUp" if last else "ArrowDown", "Enter"):
        page.keyboard.press(key)


def tick_by_key(page, control, _):
    press(page, control.locator("input"), "Space")


def upload_by_key(page, control, pictures):
    with page.expect_file_chooser() as chooser:
        press(page, control.locator("button"), "Enter")
    chooser.value.set_files(pictures["coffee"])


def type_a_line(page, control, _):
    control.locator("input[type=text]").focus()
    for key in ("Control+a", *"new words", "Enter"):
        page.keyboard.press(key)


def click_by_key(page, control, _):
    """Reads the next part with an arrow and chooses it."""
    control.locator("[aria-roledescription='clickable picture']").focus()
    line, said = control.locator("[aria-live]"), control.locator("[aria-live]").inner_text()
    for key in ("ArrowRight", "ArrowDown", "ArrowLeft", "ArrowUp"):
        page.keyboard.press(key)
        if line.inner_text() != said:
            break
    page.keyboard.press("Enter")
    assert soon(lambda: line.inner_text().startswith("chosen: ")), line.inner_text()


# --- by mouse -------------------------------------------------------------------------------------


def slide_by_mouse(page, control, _):
    """A click on the track, on the side that is farther from the handle."""
    track = control.locator(".noUi-base").bounding_box()
    handle = control.locator("[role=slider]").bounding_box()
    left = handle["x"] + handle["width"] / 2 < track["x"] + track["width"] / 2
    across = track["x"] + track["width"] * (0.8 if left else 0.2)
    page.mouse.click(across, track["y"] + track["height"] / 2)


def choose_by_mouse(page, control, _):
    """A drop-down list opens outside the page, so that the choice itself is made for the mouse."""
    menu = control.locator("select")
    menu.click()
    page.keyboard.press("Escape")
    menu.select_option(index=0 if menu.evaluate("menu => menu.selectedIndex") else 1)


def tick_by_mouse(page, control, _):
    control.locator("input").click()


def upload_by_mouse(page, control, pictures):
    with page.expect_file_chooser() as chooser:
        control.locator("button").click()
    chooser.value.set_files(pictures["rocket"])


def type_a_line_by_mouse(page, control, _):
    control.locator("input[type=text]").click(click_count=3)
    page.keyboard.type("other words\n")


def click_by_mouse(page, control, _):
    """The pointer reads a part that is not chosen, the click chooses it."""
    area = control.locator("[aria-roledescription='clickable picture']")
    line, box = control.locator("[aria-live]"), area.bounding_box()
    for across, down in ((0.2, 0.2), (0.8, 0.8), (0.2, 0.8), (0.5, 0.5)):
        page.mouse.move(box["x"] + across * box["width"], box["y"] + down * box["height"])
        read = line.inner_text()
        if not read.startswith("chosen: "):
            break
    page.mouse.down()
    page.mouse.up()
    assert soon(lambda: line.inner_text() == f"chosen: {read}"), line.inner_text()


SLIDERS = "IntSlider", "FloatSlider", "SelectionSlider"
BY_KEYBOARD = {
    **dict.fromkeys(SLIDERS, slide_by_key),
    "Dropdown": choose_by_key,
    "Checkbox": tick_by_key,
    "upload_or_paste": upload_by_key,
    "Text": type_a_line,
    "clickable": click_by_key,
}
BY_MOUSE = {
    **dict.fromkeys(SLIDERS, slide_by_mouse),
    "Dropdown": choose_by_mouse,
    "Checkbox": tick_by_mouse,
    "upload_or_paste": upload_by_mouse,
    "Text": type_a_line_by_mouse,
    "clickable": click_by_mouse,
}


def move_every_control(page, ways, pictures, key=None):
    for number, name, kind in ask(page, CONTROLS):
        control, before = part(page, number, name), ask(page, SETTINGS.format(number))
        unfold(page, control, key)
        control.first.scroll_into_view_if_needed()
        ways[kind](page, control, pictures)
        moved = soon(lambda: ask(page, SETTINGS.format(number)) != before, seconds=20)  # noqa: B023
        assert moved, f"{name} of widget {number} did not move: {before}"
        settle(page, number, key)


@played
@pytest.mark.slow
def test_every_control_moves_by_keyboard_and_page_and_kernel_agree(page, pictures):
    move_every_control(page, BY_KEYBOARD, pictures, key="Enter")
    fold_all(page, key="Enter")


@played
@pytest.mark.slow
def test_every_control_moves_by_mouse_and_page_and_kernel_agree(page, pictures):
    move_every_control(page, BY_MOUSE, pictures)


@played
@pytest.mark.slow
def test_nothing_on_the_page_keeps_people_out_once_it_is_run(page):
    assert browser.barriers(page) == []


@played
@pytest.mark.slow
def test_the_page_shows_no_warning_and_asks_no_other_machine(page):
    assert page.locator(browser.WARNINGS).all_inner_texts() == []
    assert page.hosts == {"127.0.0.1"}


@on_lessons("08", "14", others=False)  # those with most controls; some pictures are taller
@pytest.mark.slow
def test_on_a_small_laptop_a_picture_and_all_its_controls_are_seen_together(page):
    page.set_viewport_size(SMALL_LAPTOP)
    for number in range(ask(page, "len(EXPLORERS)")):
        picture = part(page, number, "IMAGE")
        unfold_all(page, picture)
        parts = [(number, name) for one, name, _ in ask(page, CONTROLS) if one == number]
        parts = [picture, part(page, number, "STOP"), *(part(page, *one) for one in parts)]
        picture.evaluate("image => image.closest('.cv-box').scrollIntoView()")
        seen = page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer").bounding_box()
        outside = [one for one in parts if not lies_in(one.bounding_box(), seen)]
        assert not outside, f"widget {number}"
    fold_all(page, key="Enter")
    page.set_viewport_size(browser.WINDOW)


def unfold_all(page, picture):
    folded = picture.locator("xpath=ancestor::*[contains(@class, 'cv-box')][1]").locator(
        ".widget-toggle-button:not(.mod-active)"
    )
    while folded.count():
        folded.first.click()


def lies_in(inner, outer):
    """Whether a box lies in another, as far as whole pixels tell."""
    return all(
        outer[start] <= inner[start] + 1
        and inner[start] + inner[size] <= outer[start] + outer[size] + 1
        for start, size in (("x", "width"), ("y", "height"))
    )


@on_lessons("00")  # a lesson runs for up to a minute
@pytest.mark.slow
def test_a_new_kernel_gives_the_same_receipts_and_first_pictures(page):
    browser.restart_and_run_all(page)
    page.evaluate(browser.ASK, MARK)
    assert (receipts(page), ask(page, FIRST)) == page.first
    assert receipts(page)


def receipts(page):
    """What the cells print, without what may differ from run to run."""
    text = "\n".join(page.locator(RECEIPT).all_inner_texts())
    for section in map(CHANGING.__getitem__, CHANGING.sections()):
        text = re.sub(section["regex"], section["replace"], text)
    return text.splitlines()
