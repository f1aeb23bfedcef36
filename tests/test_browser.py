"""A lesson as a student meets it: JupyterLab in a real browser, run all, move a slider, see the picture change."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request

import pytest

from cs231n_viz import environment
from cs231n_viz.places import notebooks_dir

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
MUST_RUN = bool(
    os.environ.get("CS231N_VIZ_BROWSER")
)  # then a missing browser fails the test and does not skip it
pytestmark = pytest.mark.skipif(CHROMIUM is None and not MUST_RUN, reason="chromium is not installed")

LESSONS = sorted(path.name for path in notebooks_dir().glob("*.ipynb"))
EVERY_TIME = 3  # lessons; the others are for the night
SETTINGS = {
    "apputils-extension/notification": {
        "fetchNews": "false",
        "checkForUpdates": False,
    },  # no pop-up over the cells
    "notebook-extension/tracker": {
        "windowingMode": "none",  # cells out of sight are in the page, too
        "autoStartDefaultKernel": True,  # never ask which kernel
    },
}
EXPLORER = ".jp-OutputArea-output:has(.widget-slider):has(.widget-image)"
UNWELCOME = "application/vnd.jupyter.stderr", "application/vnd.jupyter.error"
PICTURE = """async box => {
    const image = box.querySelector('.widget-image');
    if (!image.complete || !image.naturalWidth) return null;
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))).join();
}"""
PROMPTS = (
    "[...document.querySelectorAll('.jp-NotebookPanel .jp-CodeCell .jp-InputPrompt')].map(e => e.textContent)"
)
BEGUN = PROMPTS + r".some(prompt => /\[[*\d]+\]/.test(prompt))"
ALL_RUN = PROMPTS + r".every(prompt => /\[\d+\]/.test(prompt))"


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """The address of a JupyterLab on copies of the lessons, their stored outputs taken out."""
    root = tmp_path_factory.mktemp("lab")
    for name in LESSONS:
        notebook = json.loads((notebooks_dir() / name).read_text(encoding="utf-8"))
        for cell in notebook["cells"]:
            if cell["cell_type"] == "code":
                cell.update(outputs=[], execution_count=None)
        (root / name).write_text(json.dumps(notebook), encoding="utf-8")
    for name, values in SETTINGS.items():
        file = root / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port = any_port.getsockname()[1]
    process = start_lab(root, port)
    try:
        wait_for(f"http://127.0.0.1:{port}", process, root / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        stop(process)


def start_lab(root, port):
    own = {"SETTINGS_DIR": "settings", "WORKSPACES_DIR": "workspaces"}
    surroundings = environment.course_environment() | {
        f"JUPYTERLAB_{key}": str(root / at) for key, at in own.items()
    }
    surroundings |= {f"JUPYTER_{kind}_DIR": str(root / kind) for kind in ("CONFIG", "DATA", "RUNTIME")}
    command = [
        sys.executable,
        "-m",
        "jupyterlab",
        str(root),
        "--no-browser",
        "--allow-root",
        "--ip=127.0.0.1",
    ]
    command += [f"--port={port}", "--ServerApp.port_retries=0", "--IdentityProvider.token="]
    log = (root / "log").open("w")
    return subprocess.Popen(
        command, stdout=log, stderr=log, env=surroundings, start_new_session=os.name == "posix"
    )


def wait_for(address, process, log):
    for _ in range(400):
        if process.poll() is not None:
            pytest.fail(f"JupyterLab ended early:\n{log.read_text()[-3000:]}")
        try:
            return urllib.request.urlopen(f"{address}/api/status", timeout=5).read()
        except OSError:
            time.sleep(0.25)
    return pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


def stop(process):
    """The server and its kernels: they are a group of their own."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


@pytest.fixture(scope="module")
def chromium():
    quiet = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield browser
        browser.close()


@pytest.fixture
def page(chromium):
    page = chromium.new_page(viewport={"width": 1280, "height": 1000})
    yield page
    page.close()


def run_all(page, address, lesson):
    page.goto(f"{address}/lab/tree/{lesson}?reset", timeout=120_000)
    page.wait_for_selector('.jp-NotebookPanel [data-status="idle"]', timeout=120_000)  # the kernel is there
    for _ in range(6):  # the kernel may show "idle" a moment before it takes cells
        page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
        page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
        if soon(lambda: page.evaluate(BEGUN), seconds=5):
            break
    assert soon(lambda: page.evaluate(ALL_RUN), seconds=240), "the lesson did not run to its end"


def soon(ask, seconds=60):
    """The answer as soon as it is a true one, else None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := ask():
            return answer
        time.sleep(0.1)
    return None


def picture(explorer, other_than=None):
    """The picture of an explorer, as a digest, once it is there and another one than before; else None."""
    return soon(lambda: next(iter({explorer.evaluate(PICTURE)} - {None, other_than}), None))


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
    LESSONS[:EVERY_TIME] + [pytest.param(name, marks=pytest.mark.nightly) for name in LESSONS[EVERY_TIME:]],
)
def test_a_slider_changes_the_picture_by_keyboard_and_by_mouse(lab, page, lesson):
    run_all(page, lab, lesson)
    explorer = page.locator(EXPLORER).first
    slider = explorer.locator(".widget-slider").first
    handle = slider.locator(".noUi-handle").first
    handle.scroll_into_view_if_needed()
    first = picture(explorer)
    assert first, "there is no picture beside the slider"

    press_an_arrow(page, handle)
    second = picture(explorer, other_than=first)
    assert second, "an arrow key on the slider did not change the picture"

    drag(page, slider, handle)
    assert picture(explorer, other_than=second), "dragging the slider did not change the picture"
    for kind in UNWELCOME:
        assert page.locator(f".jp-NotebookPanel [data-mime-type='{kind}']").count() == 0, kind
