"""Our JupyterLab: settings of its own, and what it stores of a lesson.

lab_settings/ holds how it starts (jupyter_server_config.py) and its defaults (labconfig/): no news,
no look for updates, no question which kernel, every cell in the page, so that the browser finds
its words and a screen reader its pictures. What a student changes stays in the student's folder
of lessons, under .lab/. The settings of the person's other JupyterLabs are never written.
JupyterLab still asks before it writes over a file that another program or page has changed: that
guards what a student wrote.
"""

import copy
import os
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from . import environment

SETTINGS = Path(__file__).with_name("lab_settings")
VIEW = "application/vnd.jupyter.widget-view+json"
PORTS = ("--port", "--ServerApp.port", "--port-retries", "--ServerApp.port_retries")
CONTAINER_FILES = ("/.dockerenv", "/run/.containerenv")


def surroundings(folder: Path) -> dict[str, str]:
    """The environment variables for a JupyterLab on the lessons in `folder`."""
    configuration = [str(SETTINGS), os.environ.get("JUPYTER_CONFIG_PATH", "")]
    return environment.course_environment() | {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, configuration)),
        "JUPYTERLAB_SETTINGS_DIR": str(folder / ".lab" / "settings"),
        "JUPYTERLAB_WORKSPACES_DIR": str(folder / ".lab" / "workspaces"),
    }


def check(options: Sequence[str]) -> None:
    """Raises ValueError if a port among JupyterLab's options is no number."""
    for option, following in zip(options, [*options[1:], ""], strict=False):
        name, equals, value = option.partition("=")
        value = value if equals else following
        if name in PORTS and not (value.isdecimal() and int(value) <= 65535):
            raise ValueError(
                f"{name} takes a whole number from 0 to 65535, not {value!r}; "
                f"for instance:  python3 -m cs231n_viz start {name}=9000"
            )


def remarks(options: Sequence[str]) -> str:
    """What is done differently on this machine, in one line; "" where nothing is."""
    said = []
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        said.append("You are root: JupyterLab runs with --allow-root.")
    if not has_a_screen():
        said.append("There is no screen here: open the address below in a browser.")
    listens = any(option.startswith(("--ip", "--ServerApp.ip")) for option in options)
    if in_a_container() and not listens:
        said.append("To reach it from outside this container, add --ip=0.0.0.0.")
    return " ".join(said)


def has_a_screen() -> bool:
    """Whether a browser can open; on Linux a graphical session, or $BROWSER, tells."""
    told = any(os.environ.get(name) for name in ("DISPLAY", "WAYLAND_DISPLAY", "BROWSER"))
    return told or not sys.platform.startswith("linux")


def in_a_container() -> bool:
    """Whether Docker, Podman, Kubernetes or systemd says so."""
    told = any(os.environ.get(name) for name in ("container", "KUBERNETES_SERVICE_HOST"))
    return told or any(Path(file).exists() for file in CONTAINER_FILES)


def without_views(notebook: Mapping) -> Mapping:
    """A copy in which an output that has a picture of its own (text/html) holds no widget's view.

    A view names a model in a running kernel: on the next day the page would show an error in its
    place. The state of widgets goes with the last view.
    """
    stored = copy.deepcopy(notebook)
    outputs = [output for cell in stored.get("cells", []) for output in cell.get("outputs", [])]
    contents = [output["data"] for output in outputs if "data" in output]
    for content in contents:
        if "text/html" in content:
            content.pop(VIEW, None)
    if not any(VIEW in content for content in contents):
        stored.get("metadata", {}).pop("widgets", None)
    return stored


def before_saving(model: dict, **_) -> None:
    """JupyterLab calls this with what it is about to store."""
    if model["type"] == "notebook":
        model["content"] = without_views(model["content"])


def _jupyter_server_extension_points() -> list[dict[str, str]]:
    return [{"module": __name__}]


def _load_jupyter_server_extension(server) -> None:
    server.contents_manager.register_pre_save_hook(before_saving)
