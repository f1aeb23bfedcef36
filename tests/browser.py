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
from urllib.parse import urlsplit
from uuid import uuid4

import nbformat
import pytest

from cs231n_viz.commands import environment, lessons
from cs231n_viz.commands import lab as our_lab

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
# Where it is set, a missing browser is a failure and no skip.
MUST_RUN = bool(os.environ.get("CS231N_VIZ_BROWSER"))
NEEDED = pytest.mark.skipif(CHROMIUM is None and not MUST_RUN, reason="chromium is not installed")
WINDOW = {"width": 1280, "height": 1000}
OUTPUTS = ".jp-NotebookPanel .jp-OutputArea-output"
# Where a program opens notebooks, in JupyterLab each time in a workspace of its own.
PLACES = {"jupyterlab": "lab/workspaces/{}/tree", "notebook": "notebooks"}
PICTURE = """async box => {
    const image = box.matches('.widget-image') ? box : box.querySelector('.widget-image');
    if (!image.complete || !image.naturalWidth) return null;
    const bytes = new Uint8Array(await (await fetch(image.src)).arrayBuffer());
    return Array.from(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes))).join();
}"""
OPENED = """async () => {
    const panel = window.jupyterapp?.shell.currentWidget;
    await panel?.context?.ready;
    await panel?.revealed;
    return Boolean(panel?.context);
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
ASKED_FIRST = """
import hashlib, json

def digest(png):
    return ",".join(map(str, hashlib.sha256(png).digest()))
"""
# Of the cells themselves: what is folded has no prompt on the page.
PROMPTS = """window.jupyterapp.shell.currentWidget.content.widgets
    .filter(cell => cell.model.type === 'code').map(cell => `[${cell.prompt}]`)"""
ALL_RUN = PROMPTS + r".every(prompt => /\[\d+\]/.test(prompt))"
ERRORS = ".jp-NotebookPanel [data-mime-type='application/vnd.jupyter.error']"
WARNINGS = ".jp-NotebookPanel [data-mime-type='application/vnd.jupyter.stderr']"
BARRIERS = """async place => {
    const context = {include: [place], exclude: ['.jp-OutputPrompt']};
    const {violations} = await axe.run(context, {resultTypes: ['violations']});
    return violations.filter(({impact}) => ['serious', 'critical'].includes(impact)).flatMap(
        ({id, impact, help, nodes}) => nodes.map(
            ({html, any}) => [impact, id, help, any[0]?.message ?? '', html.slice(0, 300)]));
}"""


@contextmanager
def page_with(cells: list[str], root, app="jupyterlab"):
    """The page of a notebook with those cells, all of them run."""
    write(root / "one.ipynb", cells)
    with lab(root, app) as address, chromium() as opened:
        page = opened.new_page(viewport=WINDOW)
        open_notebook(page, address, "one.ipynb")
        run_all(page)
        yield page


def write(path, cells: list[str]):
    cells = [nbformat.v4.new_code_cell(source.strip()) for source in cells]
    kernel = {"name": "python3", "display_name": "Python 3"}
    notebook = nbformat.v4.new_notebook(cells=cells, metadata={"kernelspec": kernel})
    nbformat.write(notebook, path)


@contextmanager
def lab_on_the_lessons(own):
    """Our JupyterLab on the lessons, brought into the folder `own` as `start` does it."""
    with pytest.MonkeyPatch.context() as patch:  # where the lessons are signed as trusted
        for name, value in private(own).items():
            patch.setenv(name, value)
        lessons.bring(own, say=lambda news: None)
    with lab(own) as address:
        yield address


@contextmanager
def lab(root, app="jupyterlab"):
    """Our JupyterLab, or a plain Notebook 7, on the folder `root`: the address of its notebooks."""
    with socket.socket() as any_port:
        any_port.bind(("127.0.0.1", 0))
        port = any_port.getsockname()[1]
    process = _start(root, port, app)
    try:
        _wait_for(f"http://127.0.0.1:{port}", process, root / ".lab" / "log")
        yield f"http://127.0.0.1:{port}/{PLACES[app]}"
    finally:
        _stop(process)


def _start(root, port, app):
    """JupyterLab as `python3 -m cs231n_viz start` does it, but for what a test cannot do."""
    own = root / ".lab"
    own.mkdir(exist_ok=True)
    ours = app == "jupyterlab"
    surroundings = our_lab.surroundings(root) if ours else environment.course_environment()
    surroundings |= private(root)
    surroundings.pop("PYTHONSTARTUP", None)  # here a person moves the controls
    command = [sys.executable, "-m", app, str(root), "--no-browser", "--allow-root"]
    command += ["--ip=127.0.0.1", f"--port={port}", "--ServerApp.port_retries=0"]
    # The last one is so that `ask` can reach the kernel.
    command += ["--IdentityProvider.token=", "--expose-app-in-browser"]
    log = (own / "log").open("w")
    own_group = os.name == "posix"
    return subprocess.Popen(
        command, stdout=log, stderr=log, env=surroundings, start_new_session=own_group
    )


def private(root):
    """Environment variables that keep the person's own Jupyter out of a lab on `root`."""
    kinds = "CONFIG", "DATA", "RUNTIME"
    return {f"JUPYTER_{kind}_DIR": str(root / ".lab" / kind) for kind in kinds}


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
    """A browser that reaches this machine and no other."""
    playwright = pytest.importorskip("playwright.sync_api")
    quiet = [
        "--no-sandbox",
        "--disable-gpu",
        "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
    ]
    quiet += ["--disable-background-networking", "--disable-component-update"]
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=quiet)
        yield opened
        opened.close()


def hosts_asked(page) -> set[str]:
    """The machines that the page asks for anything: a set that grows."""
    hosts = set()

    def note(asked):
        if host := urlsplit(asked.url).hostname:  # what lies in the page itself has none
            hosts.add(host)

    page.on("request", note)
    page.on("websocket", note)
    return hosts


def open_notebook(page, address, notebook):
    """Open a notebook and wait for its kernel; none of its cells is run."""
    page.goto(f"{address.format(uuid4().hex)}/{notebook}", timeout=120_000)
    assert soon(lambda: page.evaluate(OPENED), seconds=120), f"{notebook} did not open"
    assert soon(lambda: page.evaluate(READY), seconds=120), "no kernel"


def choose(page, command):
    """Choose from the menu Run."""
    page.locator(".lm-MenuBar-itemLabel", has_text="Run").first.click()
    page.locator(f'.lm-Menu-item[data-command="{command}"]').click()


def run_all(page):
    """Run all cells, as a student does."""
    choose(page, "runmenu:run-all")
    _wait_for_all_cells(page)


def restart_and_run_all(page):
    """In a new kernel."""
    choose(page, "runmenu:restart-and-run-all")
    page.locator(".jp-Dialog .jp-mod-accept").click()
    _wait_for_all_cells(page)


def _wait_for_all_cells(page):
    soon(lambda: "[*]" in page.evaluate(PROMPTS), seconds=20)  # a stored lesson has numbers, too
    soon(lambda: page.evaluate(ALL_RUN) or page.locator(ERRORS).count(), seconds=600)
    ask(page, "0")  # once this is answered, all that the cells show is on the page
    assert not page.locator(ERRORS).count(), page.locator(ERRORS).first.inner_text()
    assert page.evaluate(ALL_RUN), f"not all cells ran: {page.evaluate(PROMPTS)}"


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
    asked = f"{ASKED_FIRST}\nprint('\\x01' + json.dumps({expression}))"
    answer = page.evaluate(ASK, asked)
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


def barriers(page, place=OUTPUTS) -> list[str]:
    """What axe-core finds there that keeps people out: serious and critical violations."""
    axe = pytest.importorskip("axe_playwright_python.base")
    if not page.locator(place).count():
        return []
    if not page.evaluate("() => Boolean(window.axe)"):
        page.evaluate(axe.AXE_SCRIPT)
    return [" | ".join(found) for found in page.evaluate(BARRIERS, place)]
