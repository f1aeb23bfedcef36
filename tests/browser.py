"""JupyterLab in a real browser: start it, run notebooks, read the page and ask the kernel."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import contextmanager
from uuid import uuid4

import pytest
from nbformat import v4

from cs231n_viz.commands import environment

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# Where it is set, a missing browser is a failure and no skip.
MUST_RUN = bool(os.environ.get("CS231N_VIZ_BROWSER"))
NEEDED = pytest.mark.skipif(CHROMIUM is None and not MUST_RUN, reason="chromium is not installed")
# No pop-up over the cells; cells out of sight are in the page, too; never a question which kernel.
SETTINGS = {
    "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    "notebook-extension/tracker": {"windowingMode": "none", "autoStartDefaultKernel": True},
}
PICTURE = """async box => {
    const image = box.querySelector('.widget-image');
    if (!image.complete || !image.naturalWidth) return null;
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))).join();
}"""
READY = """async () => {  // until the kernel has answered: what is sent to it before is lost
    const context = window.jupyterapp?.shell.currentWidget?.sessionContext;
    await context?.ready;
    const kernel = context?.session?.kernel;
    return await kernel?.info && kernel.connectionStatus === 'connected';
}"""
ASK = """async code => {
    const kernel = window.jupyterapp.shell.currentWidget.sessionContext.session.kernel;
    const future = kernel.requestExecute({code, store_history: false});
    let answer = '';
    future.onIOPub = ({content}) => {
        answer += content.text ?? content.traceback?.join('\\n') ?? '';
    };
    await future.done;
    return answer;
}"""
PROMPTS = """[...document.querySelectorAll('.jp-NotebookPanel .jp-CodeCell .jp-InputPrompt')]
    .map(prompt => prompt.textContent)"""
ALL_RUN = PROMPTS + r".every(prompt => /\[\d+\]/.test(prompt))"
ERRORS = ".jp-NotebookPanel [data-mime-type='application/vnd.jupyter.error']"


WINDOW = {"width": 1280, "height": 1000}


@contextmanager
def page_with(cells: list[str], root):
    """The page of a notebook with those cells, all of them run, and `digest` for the kernel."""
    digest = "lambda png: ','.join(map(str, __import__('hashlib').sha256(png).digest()))"
    notebook = v4.new_notebook(cells=[v4.new_code_cell(source.strip()) for source in cells])
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3"}
    with lab(root, {"one.ipynb": notebook}) as address, chromium() as opened:
        page = opened.new_page(viewport=WINDOW)
        run_all(page, address, "one.ipynb")
        ask(page, f"globals().update(digest={digest})")
        yield page


@contextmanager
def lab(root, notebooks: dict[str, dict]):
    """The address of a JupyterLab on notebooks, {file name: notebook}, in the folder `root`."""
    for name, notebook in notebooks.items():
        (root / name).write_text(json.dumps(notebook), encoding="utf-8")
    for name, values in SETTINGS.items():
        file = root / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        file.parent.mkdir(parents=True)
        file.write_text(json.dumps(values))
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port = any_port.getsockname()[1]
    process = _start(root, port)
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, root / "log")
        yield f"http://127.0.0.1:{port}"
    finally:
        _stop(process)


def _start(root, port):
    own = {"SETTINGS_DIR": "settings", "WORKSPACES_DIR": "workspaces"}
    surroundings = environment.course_environment() | {
        f"JUPYTERLAB_{key}": str(root / at) for key, at in own.items()
    }
    surroundings |= {
        f"JUPYTER_{kind}_DIR": str(root / kind) for kind in ("CONFIG", "DATA", "RUNTIME")
    }
    surroundings.pop("PYTHONSTARTUP", None)  # here a person moves the controls
    command = [sys.executable, "-m", "jupyterlab", str(root), "--no-browser", "--allow-root"]
    command += [
        "--ip=127.0.0.1",
        f"--port={port}",
        "--ServerApp.port_retries=0",
        "--IdentityProvider.token=",
    ]
    command += ["--expose-app-in-browser"]  # so that `ask` can reach the kernel
    log = (root / "log").open("w")
    own_group = os.name == "posix"
    return subprocess.Popen(
        command, stdout=log, stderr=log, env=surroundings, start_new_session=own_group
    )


def _wait_for(address, process, log):
    for _ in range(400):
        if process.poll() is not None:
            pytest.fail(f"JupyterLab ended early:\n{log.read_text()[-3000:]}")
        try:
            return urllib.request.urlopen(f"{address}/api/status", timeout=5).read()
        except OSError:
            time.sleep(0.25)
    return pytest.fail(f"JupyterLab did not answer:\n{log.read_text()[-3000:]}")


def _stop(process):
    """The server and its kernels: they are a group of their own."""
    if os.name == "posix":
        os.killpg(process.pid, signal.SIGTERM)
    else:
        process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()


@contextmanager
def chromium():
    playwright = pytest.importorskip("playwright.sync_api")
    quiet = ["--no-sandbox", "--disable-gpu"]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield opened
        opened.close()


def run_all(page, address, notebook):
    """Open the notebook and run all its cells, as a student does."""
    page.goto(f"{address}/lab/workspaces/{uuid4().hex}/tree/{notebook}", timeout=120_000)
    assert soon(lambda: page.evaluate(READY), seconds=120), "no kernel"
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator('.lm-Menu-item[data-command="runmenu:run-all"]').click()
    soon(lambda: page.evaluate(ALL_RUN) or page.locator(ERRORS).count(), seconds=240)
    assert not page.locator(ERRORS).count(), page.locator(ERRORS).first.inner_text()
    assert page.evaluate(ALL_RUN), f"{notebook} did not run to its end: {page.evaluate(PROMPTS)}"


def run_cell(page, index):
    """Run one code cell with Shift+Enter, and give the text that it prints."""
    cell = page.locator(".jp-NotebookPanel .jp-CodeCell").nth(index)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    cell.locator(".cm-content").click()
    page.keyboard.press("Shift+Enter")
    assert soon(lambda: prompt.inner_text() not in (before, "[*]:")), f"cell {index} did not run"
    return "".join(
        cell.locator("[data-mime-type='application/vnd.jupyter.stdout']").all_inner_texts()
    )


def ask(page, expression):
    """The value of a Python expression in the notebook's kernel."""
    answer = page.evaluate(ASK, f"import json; print('\\x01' + json.dumps({expression}))")
    assert "\x01" in answer, answer
    return json.loads(answer.partition("\x01")[2])


def soon(question, seconds=60):
    """The answer as soon as it is a true one, else None."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := question():
            return answer
        time.sleep(0.1)
    return None


def button(box, name):
    return box.locator("button", has_text=name)


def shows(page, box, name):
    """Whether nothing is being drawn, and the page shows the picture that the kernel holds."""
    idle = f"getattr({name}, '_idle', None)"
    kernel = ask(page, f"[{idle} is None or {idle}.is_set(), digest({name}.picture)]")
    return kernel == [True, box.evaluate(PICTURE)]


def picture(explorer, other_than=None):
    """The digest of an explorer's picture, once it is there and another than before; else None."""
    return soon(lambda: next(iter({explorer.evaluate(PICTURE)} - {None, other_than}), None))
