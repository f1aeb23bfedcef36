"""You against the network, as a student plays it: by mouse, by keyboard, and in great haste."""

import browser
import pytest
from browser import ask, button, shows, soon

pytestmark = browser.NEEDED

CELLS = [
    """
import torch
from cs231n_viz import data, game, models, plot
from cs231n_viz.techniques import cam

torch.set_num_threads(1)
model, pictures = models.load("coursenet", device="cpu"), data.picturebook("test", 32)
kinds = [model.class_index(name) for name in pictures.class_names]

def look(pixels):
    return model(pixels)[:, kinds].softmax(dim=1)

def grad_cam(picture):
    return cam.grad_cam(model, picture, kinds[int(look(picture).argmax())], "relu4_2")
""",
    """
one = game.play(pictures, look, {"by Grad-CAM": grad_cam}, model.mean)
one
""",
]
FOCUSED = "document.activeElement.title || document.activeElement.textContent.trim().slice(0, 20)"


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The page on which the game has just begun."""
    with browser.page_with(CELLS, tmp_path_factory.mktemp("lab")) as page:
        yield page


@pytest.fixture
def board(page):
    """The part of the page that is the game, at the beginning of a round."""
    found = page.locator(".jp-NotebookPanel .jp-OutputArea-output:has(.widget-image)").first
    if ask(page, "bool(one.now.opened or one.now.player)"):
        over(page, found)
        press(found, "Next picture")
        assert soon(lambda: "0 of 64 patches open" in found.inner_text())
    return found


def over(page, board):
    """Answer with any kind, unless that has been done."""
    if not ask(page, "bool(one.now.player)"):
        press(board, "drawn cat")
        press(board, "That's it!")
    assert soon(lambda: ask(page, "bool(one.now.player)"))


def press(board, name):
    button(board, name).click()


def stands(page, opened):
    return ask(page, "len(one.now.opened)") == opened


def test_a_round_by_mouse(page, board):
    closed = browser.picture(board)
    assert closed == ask(page, "digest(plot.png(game.board(one.table, [])))")
    rounds = ask(page, "len(one.played)")
    press(board, "Next patch")
    assert soon(lambda: stands(page, opened=1))
    press(board, "5 patches")
    assert soon(lambda: stands(page, opened=6))
    assert ask(page, "list(one.now.opened) == game.order_of(grad_cam(one.table.pixels))[:6]")
    assert soon(lambda: shows(page, board, "one")) and "6 of 64 patches open" in board.inner_text()
    assert "hidden until you have answered" in board.inner_text()
    right = ask(page, "pictures.class_names[one.table.label]")
    press(board, right)
    assert soon(lambda: ask(page, "one.kinds.value == one.table.label"))
    press(board, "That's it!")
    assert soon(lambda: f"It is: {right}." in board.inner_text())
    assert soon(lambda: shows(page, board, "one"))
    whole = "game.board(one.table, one.now.opened, whole=True)"
    assert ask(page, f"digest(plot.png({whole})) == digest(one.picture)")
    assert f"You: {right} with 6 patches, right." in board.inner_text()
    assert "%" in board.inner_text()
    won = ask(page, "[game.points(*each) for each in one.played]")
    you, network = map(sum, zip(*won, strict=True))
    assert f"You {you} : {network} the network, {rounds + 1} round" in board.inner_text()
    chart = ask(page, "digest(bytes(one.chart.value))")
    images = board.locator(".widget-image")
    assert images.count() == 2
    assert chart == images.nth(1).evaluate(browser.PICTURE)


def test_a_click_opens_the_patch_under_the_mouse(page, board):
    box = board.locator(".widget-image").first.bounding_box()
    assert (box["width"], box["height"]) == (432, 432)
    for row, column in [(0, 0), (2, 5), (7, 7)]:
        page.mouse.click(box["x"] + (column + 0.5) * 54, box["y"] + (row + 0.5) * 54)
    assert soon(lambda: ask(page, "list(one.now.opened)") == [0, 21, 63])
    for edge in (1, 53):  # a pixel inside its neighbours' borders
        page.mouse.click(box["x"] + 3 * 54 + edge, box["y"] + 54 + edge)
    assert soon(lambda: ask(page, "list(one.now.opened)") == [0, 21, 63, 11])
    page.mouse.move(0, 0)
    assert soon(lambda: shows(page, board, "one"))


def test_clicks_in_great_haste_open_every_patch_once_and_nothing_jumps(page, board):
    where = """board => [...board.querySelectorAll('button, .widget-image')]
        .map(one => one.getBoundingClientRect().top)"""
    places = board.evaluate(where)
    board.evaluate(
        """board => { for (let round = 0; round < 2; round++)
            for (const patch of board.querySelectorAll("button[title^='row']")) patch.click(); }"""
    )
    assert soon(lambda: stands(page, opened=64))
    assert soon(lambda: button(board, "Next patch").is_disabled())
    assert sorted(ask(page, "one.now.opened")) == list(range(64)) and ask(
        page, "one.now.network[1] <= 64"
    )
    assert soon(lambda: shows(page, board, "one"))
    assert board.evaluate(where) == places
    over(page, board)
    assert soon(lambda: "It is:" in board.inner_text()) and board.evaluate(where) == places


def test_answering_twice_counts_once(page, board):
    rounds = ask(page, "len(one.played)")
    press(board, "drawn owl")
    button(board, "That's it!").evaluate("button => { button.click(); button.click(); }")
    assert soon(lambda: ask(page, "bool(one.now.player)"))
    assert ask(page, "len(one.played)") == rounds + 1 and ask(page, "one.now.player[1]") == 0


def test_an_answer_without_a_kind_is_asked_for_one(page, board):
    press(board, "That's it!")
    assert soon(lambda: "First choose what it is." in board.inner_text())


def test_another_order_in_the_middle_of_a_round_holds_for_what_is_closed(page, board):
    press(board, "Next patch")
    board.locator("select").select_option(label="only where I click")
    assert soon(lambda: button(board, "Next patch").is_disabled())
    board.locator("select").select_option(label="at random")
    assert soon(lambda: button(board, "Next patch").is_enabled())
    press(board, "5 patches")
    assert soon(lambda: stands(page, opened=6))
    board.locator("select").select_option(label="by Grad-CAM")


@pytest.mark.parametrize("by_keyboard", [True, False], ids=["by keyboard", "by mouse"])
def test_the_threshold_the_hints_and_the_order_change_in_the_middle_of_a_round(
    page, board, by_keyboard
):
    handle, track = board.locator("[role=slider]"), board.locator(".noUi-base").bounding_box()
    hints, order = board.locator("input[type=checkbox]"), board.locator("select")
    before = ask(page, "[one.threshold.value, one.order.index]")
    if by_keyboard:
        handle.focus()
        page.keyboard.press("ArrowRight")
        hints.focus()
        page.keyboard.press("Space")
        order.focus()
        for key in ("Enter", "ArrowDown", "Enter"):
            page.keyboard.press(key)
    else:
        page.mouse.click(track["x"] + 0.1 * track["width"], track["y"] + track["height"] / 2)
        hints.click()
        order.select_option(index=before[1] + 1)
    assert soon(lambda: ask(page, "one.order.index") == before[1] + 1)
    assert ask(page, "one.hints.value") and ask(page, "one.threshold.value") != before[0]
    assert soon(lambda: "with 0 patches open:" in board.inner_text()), "there is no hint"
    hints.click()
    order.select_option(label="by Grad-CAM")
    assert soon(lambda: "hidden until you have answered" in board.inner_text())
    assert soon(lambda: shows(page, board, "one"))


def test_nothing_on_the_board_keeps_people_out(page, board):
    assert browser.barriers(page) == []


def test_a_round_by_keyboard(page, board):
    def focus_on(name, key="Tab", most=24):
        for _ in range(most):
            if page.evaluate(FOCUSED) == name:
                return
            page.keyboard.press(key)
        pytest.fail(f"{key} does not reach {name}: the focus is on {page.evaluate(FOCUSED)!r}")

    board.locator("select").focus()
    focus_on("Next patch")
    page.keyboard.press("Enter")
    assert soon(lambda: stands(page, opened=1))
    focus_on("5 patches")
    page.keyboard.press("Space")
    assert soon(lambda: stands(page, opened=6))
    focus_on("drawn owl")
    page.keyboard.press("Space")
    assert soon(lambda: ask(page, "one.kinds.label") == "drawn owl")
    focus_on("That's it!")
    page.keyboard.press("Enter")
    assert soon(lambda: ask(page, "bool(one.now.player)"))
    assert soon(lambda: page.evaluate(FOCUSED) == "Next picture"), "the focus is lost"
    page.keyboard.press("Enter")
    assert soon(lambda: stands(page, opened=0))
    assert soon(lambda: page.evaluate(FOCUSED) == "Next patch"), "the focus is lost"
    focus_on("row 1, column 1")
    page.keyboard.press("Enter")
    focus_on("row 1, column 3")
    page.keyboard.press("Space")
    assert soon(lambda: ask(page, "list(one.now.opened)") == [0, 2])
    assert soon(lambda: shows(page, board, "one"))
