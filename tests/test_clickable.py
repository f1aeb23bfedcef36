"""The clickable picture: its parts lie where they are drawn, and one is chosen by mouse, key and
finger.
"""

import io
import re

import browser
import numpy as np
import pytest
from browser import ask, soon
from ipywidgets.widgets.widget import _instances
from PIL import Image

from cs231n_viz import clickable as module
from cs231n_viz import plot, widgets
from cs231n_viz.clickable import clickable, fit
from cs231n_viz.widgets import depends_on, explore, menu, slider

COLOURS = np.random.default_rng(231).random((6, 1, 1, 3)).round(1) * np.ones((6, 8, 8, 3))


@pytest.fixture(autouse=True)
def nothing_is_left():
    parts, opened = set(_instances), []
    yield opened
    for widget in opened:
        widget.close() if isinstance(widget, widgets.Explorer) else widgets._close(widget)
    assert not [part for key, part in _instances.items() if key not in parts]


@pytest.fixture
def opened(nothing_is_left):
    def keep(widget):
        nothing_is_left.append(widget)
        return widget

    return keep


def words(count):
    return [f"part {number}" for number in range(count)]


def cut_out(picture, box):
    """The inside of a box, without the pixel at its rim that a picture may share with another."""
    left, top, width, height = box
    return picture[
        round(top) + 1 : round(top + height) - 1, round(left) + 1 : round(left + width) - 1
    ]


CELLS = np.array([4, 0, 5, 2, 1, 3])
FIGURES = {
    "mosaic": lambda: plot.tile_figure(COLOURS, columns=4, scale=None),
    "mosaic with labels": lambda: plot.tile_figure(COLOURS, scale=None, labels=list("abcdef")),
    "pictures in rows": lambda: plot.image_grid(COLOURS, titles=list("abcdef"), columns=4),
    "map of pictures": lambda: plot.scatter_images(COLOURS, [(n, n * 7 % 5) for n in range(6)]),
    "grid of pictures": lambda: plot.picture_map(
        COLOURS.repeat(4, 1).repeat(4, 2), CELLS, 3, np.zeros(6)
    ),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_the_parts_of_a_figure_lie_where_their_pictures_are_drawn(opened, kind):
    one = opened(clickable(FIGURES[kind](), words(6)))
    picture = np.asarray(Image.open(io.BytesIO(one.image.value)).convert("RGB")) / 255
    assert one.page.size == [picture.shape[1], picture.shape[0]]
    for box, tile in zip(one.page.boxes, COLOURS, strict=True):
        inside = cut_out(picture, box)
        assert min(inside.shape[:2]) >= 20 and abs(inside - tile[0, 0]).max() < 0.01


def test_an_even_grid_goes_row_by_row(opened):
    one = opened(clickable(np.zeros((40, 60, 3)), words(6), boxes=(2, 3), start=4))
    assert one.page.boxes[:4] == [[0, 0, 20, 20], [20, 0, 20, 20], [40, 0, 20, 20], [0, 20, 20, 20]]
    assert (one.value, one.page.value, one.max) == (4, 4, 5)
    counted = opened(clickable(np.zeros((40, 60, 3)), words(6), boxes=np.array([2, 3])))
    assert counted.page.boxes == one.page.boxes


def test_a_picture_is_shown_up_to_twice_its_size_if_that_leaves_room_for_controls():
    assert fit(300, 200) == "min(100%, 600px, max(300px, 96.0vh))"


def test_what_does_not_fit_together_is_explained():
    parts = len(_instances)
    cases = [((2, 3), 6, 5), ([], 0, 0), (None, 0, 6), ((0, 3), 0, 6), ([(0, 0, 9, 9)] * 2, 2, 1)]
    for boxes, places, count in cases:  # None: of a picture that is no figure
        said = f"{places} parts, {count} words: give one each. Parts: boxes=(rows, columns), "
        with pytest.raises(ValueError, match=re.escape(said)):
            clickable(np.zeros((40, 60, 3)), words(count), boxes)
    with pytest.raises(ValueError, match="start is a whole number from 0 to 5, not 6"):
        clickable(np.zeros((40, 60, 3)), words(6), boxes=(2, 3), start=6)
    assert len(_instances) == parts


def test_a_part_that_is_not_there_cannot_be_chosen(opened):
    one = opened(clickable(np.zeros((40, 60, 3)), words(6), boxes=(2, 3), start=4))
    for number in (6, 99, -1):
        with pytest.raises(ValueError, match=f"value is a whole number from 0 to 5, not {number}"):
            one.value = number
        assert one.value == one.page.value == 4


def test_the_chosen_part_is_a_setting_like_any_other(opened):
    tiles = clickable(FIGURES["mosaic"](), words(6))
    explorer = opened(
        explore(lambda tile, x: (COLOURS[tile], f"{tile} {x}"), tile=tiles, x=slider(1, 3))
    )
    tiles.page.value = 5  # as the page says it
    assert explorer.wait().words == "5 1" and explorer.values == {"tile": 5, "x": 1}
    assert explorer.save_button in widgets._parts(explorer._box)


def test_its_picture_follows_another_control_and_only_that(opened):
    made = []

    def tiles(count):
        made.append(count)
        return clickable(
            plot.tile_figure(COLOURS[:count], scale=None), words(count), alt=f"{count} tiles"
        )

    explorer = opened(
        explore(
            lambda count, tile: COLOURS[tile], count=menu([6, 4]), tile=depends_on("count", tiles)
        )
    )
    tile, parts = explorer.controls["tile"], len(_instances)
    for value in (5, 3, 5):
        tile.value = value
    explorer.wait()
    assert made == [6]
    explorer.controls["count"].value = 4
    explorer.wait()
    assert made == [6, 4] and len(_instances) == parts and (tile.value, tile.max) == (0, 3)
    assert (len(tile.page.boxes), tile.page.words, tile.page.alts) == (4, words(4), ["4 tiles"])
    tile.value = 2
    explorer.controls["count"].value = 6
    assert explorer.wait().values == {"count": 6, "tile": 2}


def test_the_page_needs_no_address_but_its_own():
    assert not re.search(r"https?:|//[a-z]|import\(|fetch\(", module.Page._esm.replace("// ", ""))


# --- in a browser ---------------------------------------------------------------------------------

TILES = """
import numpy as np
from cs231n_viz import plot, widgets

def tile(n, brightness, ground):
    grey = (n + 1) / 20 * brightness
    return np.full((40, 40), grey if ground == "light" else 1 - grey), f"drawn: {n}"

mosaic = plot.tile_figure(np.random.default_rng(0).random((12, 8, 8)), 4)
words = [f"row {n // 4}, column {n % 4}" for n in range(12)]
tiles = widgets.clickable(mosaic, words, alt="twelve tiles")
shown = widgets.explore(
    tile, n=tiles, brightness=widgets.slider(0.0, 1.0, 1.0, unit="%"),
    ground=widgets.menu(["light", "dark"]),
)
shown
"""
AREA = ".jp-OutputArea-output .cv-parts"
CHOSEN = "area => area.parentElement.querySelector('.cv-line').textContent"
PLACE = """area => [area.getBoundingClientRect(), area.parentElement.parentElement
    .querySelector('img').getBoundingClientRect()].map(({x, y, width, height}) =>
        [x, y, width, height].map(Math.round))"""


# It comes first, for it opens a browser of its own, and two at once cannot be led.
@browser.NEEDED
@pytest.mark.slow
def test_without_its_javascript_the_plain_picture_stands_and_the_sliders_work(tmp_path):
    import nbformat

    cell = nbformat.v4.new_code_cell(TILES.strip())
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=[cell], metadata={"kernelspec": kernel})
    nbformat.write(notebook, tmp_path / "one.ipynb")
    with browser.lab(tmp_path) as address, browser.chromium() as opened:
        page = opened.new_page(viewport=browser.WINDOW)
        page.route("**/extensions/anywidget/**", lambda route: route.abort())
        browser.open_notebook(page, address, "one.ipynb")
        browser.run_all(page)
        outputs = page.locator(".jp-OutputArea-output")
        assert soon(lambda: outputs.locator("img:visible").count() == 2)
        before = browser.picture(outputs.locator("img").last)
        outputs.locator("[role=slider]").focus()
        page.keyboard.press("Home")
        assert browser.picture(outputs.locator("img").last, other_than=before)
        assert page.locator(AREA).count() == 0


@pytest.fixture(scope="module", params=["jupyterlab", "notebook"])
def page(request, tmp_path_factory):
    pytest.importorskip(request.param)
    with browser.page_with([TILES], tmp_path_factory.mktemp("lab"), request.param) as page:
        page.locator(AREA).scroll_into_view_if_needed()
        yield page


def middle_of(page, number):
    """The pixel of the page in the middle of a tile."""
    page.locator(AREA).scroll_into_view_if_needed()
    place, (left, top, width, height) = (
        page.locator(AREA).bounding_box(),
        ask(page, "tiles.page.boxes")[number],
    )
    across, down = ask(page, "tiles.page.size")
    x, y = (left + width / 2) / across, (top + height / 2) / down
    return place["x"] + place["width"] * x, place["y"] + place["height"] * y


def line(page):
    return page.locator(AREA).evaluate(CHOSEN)


def drawn(page, number):
    """Whether page and kernel show what belongs to a tile."""
    return soon(
        lambda: (
            ask(page, "[tiles.value, shown.words]") == [number, f"drawn: {number}"]
            and page.get_by_role("img", name=f"drawn: {number}").count() == 1
        )
    )


@browser.NEEDED
@pytest.mark.slow
def test_the_mouse_reads_and_a_click_chooses(page):
    area, picture = page.locator(AREA).evaluate(PLACE)
    assert area == picture  # the layer lies exactly on its picture
    page.mouse.move(*middle_of(page, 6))
    assert soon(lambda: line(page) == "row 1, column 2") and ask(page, "tiles.value") == 0
    page.mouse.click(*middle_of(page, 6))
    assert drawn(page, 6) and soon(lambda: line(page) == "chosen: row 1, column 2")


@browser.NEEDED
@pytest.mark.slow
def test_the_keyboard_reads_and_enter_chooses(page):
    page.locator("[role=slider]").last.focus()
    for _ in range(6):
        page.keyboard.press("Tab")
        if page.locator(AREA).evaluate("area => area === document.activeElement"):
            break
    else:
        pytest.fail("Tab does not reach the picture")
    cell = page.locator(".jp-CodeCell.jp-mod-active").count()
    page.keyboard.press("Home")
    for key, words in [
        ("ArrowRight", "row 0, column 1"),
        ("ArrowDown", "row 1, column 1"),
        ("ArrowDown", "row 2, column 1"),
        ("ArrowDown", "row 2, column 1"),  # there is nothing below
        ("ArrowUp", "row 1, column 1"),
        ("ArrowLeft", "row 1, column 0"),
        ("End", "row 2, column 3"),
    ]:
        page.keyboard.press(key)
        assert soon(lambda words=words: line(page) == words)
    page.keyboard.press("Enter")
    assert drawn(page, 11)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("Space")
    assert drawn(page, 7)
    assert page.locator(".jp-CodeCell.jp-mod-active").count() == cell  # it is still the same cell
    assert page.locator(AREA).evaluate("area => area === document.activeElement")


@browser.NEEDED
@pytest.mark.slow
def test_what_is_read_is_said_once_however_the_pointer_moves_within_a_part(page):
    x, y = middle_of(page, 5)
    page.mouse.move(x, y)
    assert soon(lambda: line(page) == "row 1, column 1")
    page.locator(AREA).evaluate(
        """area => {
            window.said = 0;
            const count = (changes) => { window.said += changes.length; };
            new MutationObserver(count).observe(area.nextElementSibling, {childList: true});
        }"""
    )
    page.mouse.move(x + 8, y + 8, steps=12)
    page.mouse.move(*middle_of(page, 6))
    assert soon(lambda: line(page) == "row 1, column 2") and page.evaluate("window.said") == 1


def prompt(page):
    return page.locator(".jp-CodeCell .jp-InputPrompt").first.inner_text()


@browser.NEEDED
@pytest.mark.slow
def test_a_key_with_a_modifier_neither_reads_nor_chooses(page):
    page.locator(AREA).focus()
    page.keyboard.press("Home")
    page.keyboard.press("Enter")
    page.keyboard.press("End")
    read, chosen = line(page).removeprefix("chosen: "), ask(page, "tiles.value")
    for keys in ("Control+Home", "Alt+ArrowUp", "Meta+Enter"):
        page.keyboard.press(keys)
        assert line(page).removeprefix("chosen: ") == read, keys
        assert ask(page, "tiles.value") == chosen, keys


@browser.NEEDED
@pytest.mark.slow
@pytest.mark.parametrize("part", [".cv-parts", "[role=slider]", "select"])
def test_jupyters_own_shortcuts_work_from_every_control(page, part):
    page.locator(".jp-OutputArea-output .widget-image").last.click()  # so that it is this cell's
    control = page.locator(f".jp-OutputArea-output {part}").last
    assert soon(lambda: page.get_by_role("slider", name="brightness").count() == 1)
    control.focus()
    page.keyboard.press("ArrowLeft")  # a key of its own comes first
    with page.expect_response(
        lambda answer: answer.request.method == "PUT" and "/api/contents/" in answer.url
    ):
        page.keyboard.press("Control+s")
    for keys in ("Control+Enter", "Shift+Enter"):
        before, control = prompt(page), page.locator(f".jp-OutputArea-output {part}").last
        control.focus()
        page.keyboard.press(keys)
        assert soon(lambda before=before: prompt(page) not in (before, "[*]:")), keys
        assert soon(lambda: page.locator(AREA).count() == 1)


@browser.NEEDED
@pytest.mark.slow
def test_letters_and_arrows_choose_from_a_closed_list_and_the_cell_stays(page):
    page.locator(".jp-OutputArea-output .widget-image").last.click()
    cells = page.locator(".jp-Cell").count()
    page.locator(".jp-OutputArea-output select").focus()
    for keys, chosen in ((["d", "d"], "dark"), (["ArrowUp"], "light"), (["ArrowDown"], "dark")):
        for key in keys:
            page.keyboard.press(key)
        assert soon(lambda chosen=chosen: ask(page, "shown.values['ground']") == chosen)
    assert page.locator(".jp-Cell").count() == cells


@browser.NEEDED
@pytest.mark.slow
def test_the_number_beside_a_slider_is_read_and_never_edited(page):
    number = page.locator(".jp-OutputArea-output .widget-readout")
    handle = page.get_by_role("slider", name="brightness")
    handle.focus()
    for key in ("ArrowLeft", "Tab"):
        page.keyboard.press(key)
    assert page.evaluate("document.activeElement.matches('select')")  # the next control
    for share in (0.5, 0.3):
        ask(page, f"shown.controls['brightness'].set_trait('value', {share})")
        assert soon(lambda share=share: number.inner_text() == f"{share:.0%}")
        box = number.bounding_box()
        page.mouse.click(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
        handle.focus()  # where it had been edited, 30% would now be read as 30
        assert ask(page, "shown.values['brightness']") == share
        assert soon(lambda share=share: handle.get_attribute("aria-valuetext") == f"{share:.0%}")


@browser.NEEDED
@pytest.mark.slow
def test_a_finger_chooses(page):
    x, y = middle_of(page, 9)
    session = page.context.new_cdp_session(page)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": True})
    session.send(
        "Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [{"x": x, "y": y}]}
    )
    session.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    assert drawn(page, 9)
    session.send("Emulation.setTouchEmulationEnabled", {"enabled": False})


@browser.NEEDED
@pytest.mark.slow
def test_everything_has_a_name_and_axe_finds_no_barrier(page):
    assert page.get_by_role("application", name=re.compile("twelve tiles; arrow keys")).count() == 1
    assert soon(lambda: page.get_by_role("slider", name="brightness").count() == 1)
    assert soon(lambda: page.get_by_role("img", name="twelve tiles").count() == 1)
    assert browser.barriers(page) == []


@browser.NEEDED
@pytest.mark.slow
def test_a_click_on_a_known_picture_is_answered_soon(page):
    """The time is printed, not judged: it is the machine's as well as ours."""
    for number in (1, 2):
        page.mouse.click(*middle_of(page, number))
        assert drawn(page, number)
    taken = page.evaluate(
        """async ([x, y]) => {
            const picture = [...document.querySelectorAll('.jp-OutputArea-output img')].at(-1);
            const once = {once: true};
            const came = new Promise((done) => picture.addEventListener('load', done, once));
            const began = performance.now();
            document.elementFromPoint(x, y)
                .dispatchEvent(new MouseEvent('click', {clientX: x, clientY: y, bubbles: true}));
            await came;
            return performance.now() - began;
        }""",
        middle_of(page, 1),
    )
    print(f"the next picture stands {taken:.0f} ms after the click")
    assert drawn(page, 1)
