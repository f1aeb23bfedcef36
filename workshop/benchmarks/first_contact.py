"""From a bare machine to JupyterLab's address: `python -m workshop.benchmarks.first_contact`.

In a new clone, with the system's Python, on a terminal: the set-up (its seconds, the longest time
without a word, what lies on the disk then), and after it `start` until the address is there. It
downloads what pip's cache lacks, gigabytes the first time. Linux and macOS only.
"""

import os
import pty
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from cs231n_viz.commands import environment

HIDDEN = ("VIRTUAL_ENV", "PYTHONPATH", environment.READY)
ADDRESS = "http://127.0.0.1:"


def watched(folder: Path, *arguments: str, until: str | None = None) -> tuple[float, float]:
    """Seconds that a command of the course took, or until it said something, and of silence."""
    began = heard = time.monotonic()
    said, silence, (ours, theirs) = "", 0.0, pty.openpty()
    variables = {key: value for key, value in os.environ.items() if key not in HIDDEN}
    command = [sys._base_executable, "-m", "cs231n_viz", *arguments]
    ends = {"stdin": theirs, "stdout": theirs, "stderr": theirs}
    with subprocess.Popen(command, cwd=folder, env=variables, **ends) as process:
        os.close(theirs)
        while until is None or until not in said:
            try:
                said += os.read(ours, 65536).decode(errors="replace")
            except OSError:  # the other end is closed: the command has ended
                break
            silence, heard = max(silence, time.monotonic() - heard), time.monotonic()
        process.terminate()
    if process.returncode and until is None or until and until not in said:
        sys.exit(said)
    return time.monotonic() - began, silence


def main() -> None:
    with tempfile.TemporaryDirectory() as place:
        clone = Path(place, "course")
        subprocess.run(["git", "clone", "-q", environment.CLONE, clone], check=True)
        seconds, silence = watched(clone, "fetch", "efficientnet_lite0")
        files = [file for file in (clone / ".venv").rglob("*") if file.is_file()]
        size = sum(file.lstat().st_size for file in files) / 1e9
        print(f"set-up: {seconds:.0f} s, longest silence {silence:.1f} s, {size:.1f} GB on disk")
        address, _ = watched(clone, "start", "--no-browser", "--port=9235", until=ADDRESS)
        print(f"start: {address:.1f} s until JupyterLab's address is there")


if __name__ == "__main__":
    main()
