"""Our JupyterLab: settings of its own, nobody else's touched; a saved lesson keeps its pictures."""

import copy
from pathlib import Path

import browser
import nbformat
import pytest

from cs231n_viz.commands import lab

VIEW = {lab.VIEW: {"model_id": "gone", "version_major": 2, "version_minor": 0}}
PICTURE = {"text/plain": "three owls", "text/html": "<p>three owls</p><img alt='three owls'>"}
NEWS = "@jupyterlab/apputils-extension:notification"
EXPLORER = """
from cs231n_viz import widgets
import torch
widgets.explore(lambda grey: torch.full((1, 3, 40, 60), grey), grey=widgets.slider(0.0, 1.0, 0.5))
"""


def notebook(*outputs):
    shown = [nbformat.v4.new_output("display_data", data) for data in outputs]
    printed = nbformat.v4.new_output("stream", text="words")
    cells = [
        nbformat.v4.new_markdown_cell("three owls"),
        nbformat.v4.new_code_cell("show()", outputs=[*shown, printed]),
    ]
    return nbformat.v4.new_notebook(cells=cells, metadata={"widgets": {"state": {}}})


def test_a_widget_that_has_a_picture_is_stored_as_its_picture():
    given = notebook(PICTURE | VIEW)
    before = copy.deepcopy(given)
    stored = lab.without_views(given)
    assert stored == notebook(PICTURE) | {"metadata": {}, "cells": stored.cells}
    assert stored.cells[1].outputs[0].data == PICTURE
    assert stored.cells[1].outputs[1] == given.cells[1].outputs[1]
    assert given == before, "what was given stays as it was"
    nbformat.validate(stored)


def test_a_widget_without_a_picture_keeps_its_view_and_its_state():
    given = notebook(PICTURE | VIEW, {"text/plain": "HBox()"} | VIEW)
    stored = lab.without_views(given)
    assert lab.VIEW not in stored.cells[1].outputs[0].data
    assert stored.cells[1].outputs[1] == given.cells[1].outputs[1]
    assert stored.metadata == given.metadata


def test_what_is_no_notebook_is_saved_as_it_is():
    model = {"type": "file", "content": "text"}
    lab.before_saving(model=model, path="a.txt", contents_manager=None)
    assert model == {"type": "file", "content": "text"}


@pytest.mark.parametrize(
    "options",
    [["--port", "x"], ["--port=x"], ["--no-browser", "--port"], ["--ServerApp.port=65536"],
     ["--port=-1"], ["--port-retries=many"]],
)  # fmt: skip
def test_a_port_that_is_no_number_is_said_with_an_example(options):
    with pytest.raises(ValueError, match=r"takes a whole number from 0 to 65535, not .*start --"):
        lab.check(options)


@pytest.mark.parametrize(
    "options", [[], ["--port", "9000"], ["--port=9000", "--ip=0.0.0.0"], ["--unknown", "x"]]
)
def test_ports_that_are_numbers_and_options_of_other_kinds_pass(options):
    lab.check(options)


@pytest.fixture
def machine(monkeypatch, tmp_path):
    """Make this machine look like another: machine(root=, screen=, container=)."""
    for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER", "container", "KUBERNETES_SERVICE_HOST"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(lab.sys, "platform", "linux")

    def pretend(root=False, screen=True, container=False):
        monkeypatch.setattr(lab.os, "geteuid", lambda: 0 if root else 1000, raising=False)
        mark = tmp_path / ".dockerenv"
        monkeypatch.setattr(lab, "CONTAINER_FILES", (str(mark),))
        if screen:
            monkeypatch.setenv("DISPLAY", ":0")
        if container:
            mark.touch()

    return pretend


def test_on_an_ordinary_machine_there_is_nothing_to_remark(machine):
    machine()
    assert lab.remarks([]) == ""


def test_as_root_in_a_container_one_line_says_what_was_done_and_how_to_reach_it(machine):
    machine(root=True, screen=False, container=True)
    said = lab.remarks(["--no-browser"])
    assert "\n" not in said
    assert "--allow-root" in said and "no screen" in said and "add --ip=0.0.0.0" in said
    assert "add --ip" not in lab.remarks(["--ip=0.0.0.0"])


def test_other_systems_than_linux_have_a_screen(machine, monkeypatch):
    machine(screen=False)
    assert not lab.has_a_screen()
    for system in ("darwin", "win32"):
        monkeypatch.setattr(lab.sys, "platform", system)
        assert lab.has_a_screen()


def test_settings_and_workspaces_lie_in_the_students_folder_and_other_paths_stay(
    tmp_path, monkeypatch
):
    monkeypatch.setenv("JUPYTER_CONFIG_PATH", "/somewhere")
    given = lab.surroundings(tmp_path)
    assert given["JUPYTER_CONFIG_PATH"].split(lab.os.pathsep) == [str(lab.SETTINGS), "/somewhere"]
    for name in ("SETTINGS", "WORKSPACES"):
        assert given[f"JUPYTERLAB_{name}_DIR"].startswith(str(tmp_path / ".lab"))


@browser.NEEDED
@pytest.mark.slow
def test_a_saved_lesson_shows_its_picture_the_next_day_and_no_visitor_comes(tmp_path):
    file = one_cell(tmp_path, EXPLORER.strip())
    with browser.chromium() as opened, browser.lab(tmp_path) as address:
        page = opened.new_page(viewport=browser.WINDOW)
        browser.open_notebook(page, address, file.name)
        browser.run_all(page)
        page.locator("[role=slider]").focus()
        for key in ("ArrowRight", "ArrowLeft"):
            page.keyboard.press(key)
        for _ in range(3):  # saving again and again asks nothing
            save(page)
        assert page.locator(".jp-Dialog").count() == 0
        assert page.locator(".widget-slider").count() > 0, "on the page it stays a widget"
    assert lab.VIEW not in file.read_text() and "text/html" in file.read_text()
    with browser.chromium() as opened, browser.lab(tmp_path) as address:
        page = opened.new_page(viewport=browser.WINDOW)
        browser.open_notebook(page, address, file.name)
        picture = page.locator(f"{browser.OUTPUTS} img")
        assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 0
        assert "Error displaying widget" not in page.locator("body").inner_text()
        assert page.locator(".Toastify__toast, .jp-Dialog").count() == 0


def one_cell(folder, source):
    kernel = {"name": "python3", "display_name": "Python 3"}
    cells = [nbformat.v4.new_code_cell(source)]
    one = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(one, folder / "one.ipynb")
    return folder / "one.ipynb"


def save(page):
    """By Ctrl+S, wherever the keyboard is; what is saved lies on the disk when this ends.

    JupyterLab does not hear it while it still ends the last save: it is pressed until it is heard.
    """
    written = []
    page.on("requestfinished", lambda request: written.append(request.url))

    def heard():
        page.keyboard.press("Control+s")
        page.wait_for_timeout(500)
        return any("/checkpoints" in url for url in written)

    assert browser.soon(heard, seconds=30)


@browser.NEEDED
@pytest.mark.slow
def test_what_a_person_chose_for_other_labs_is_neither_read_nor_written(tmp_path):
    config = Path(browser.private(tmp_path)["JUPYTER_CONFIG_DIR"]) / "lab"
    news = config / "user-settings/@jupyterlab/apputils-extension/notification.jupyterlab-settings"
    write(news, '{"fetchNews": "true"}')
    write(config / "workspaces/default-37a8.jupyterlab-workspace", "{}")
    before = everything_in(config)
    file = one_cell(tmp_path, "1")
    with browser.chromium() as opened, browser.lab(tmp_path) as address:
        page = opened.new_page(viewport=browser.WINDOW)
        browser.open_notebook(page, address, file.name)
        dark = "theme: 'JupyterLab Dark'"
        page.evaluate(f"() => jupyterapp.commands.execute('apputils:change-theme', {{{dark}}})")
        own = tmp_path / ".lab" / "settings"
        assert browser.soon(lambda: any("Dark" in text for text in everything_in(own).values()))
        answer = page.request.get(f"{address.partition('/lab')[0]}/lab/api/settings/{NEWS}").json()
        assert answer["schema"]["properties"]["fetchNews"]["default"] == "false"
        assert answer["settings"] == {}
    assert everything_in(config) == before


def write(file, text):
    file.parent.mkdir(parents=True)
    file.write_text(text)


def everything_in(folder):
    return {path: path.read_text() for path in folder.rglob("*") if path.is_file()}
