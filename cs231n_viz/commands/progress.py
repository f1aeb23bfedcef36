"""One moving line that tells what is being done; in a log file, a new line every few seconds."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from . import environment

MOVING, LOGGED = 2.0, 2.5  # seconds from one line to the next, on a terminal and in a log file
TICK = 0.2


class Progress:
    """Tells sentences, which stay, and what is being done at the moment."""

    def __init__(self, stream=None, clock: Callable[[], float] = time.monotonic):
        self.stream = stream or sys.stdout
        self.clock = clock
        self.began = clock()
        self.told = self.began - LOGGED
        self.width = 0  # of the moving line that is to be wiped
        self.kept_open = ()  # descriptors of files that its programs keep open, too

    def say(self, sentence: str) -> None:
        """Print a sentence that stays."""
        self.end()
        print(environment.as_typed_here(sentence), file=self.stream, flush=True)
        self.told = self.clock()

    def end(self) -> None:
        """Wipe the moving line: what others print next begins on an empty one."""
        if self.width:
            print(f"\r{' ' * self.width}\r", end="", file=self.stream, flush=True)
        self.width = 0

    def show(self, doing: Callable[[], str]) -> None:
        """Print what is being done, unless that was told a moment ago."""
        moving = self.stream.isatty()
        if self.clock() - self.told < (MOVING if moving else LOGGED):
            return
        minutes, seconds = divmod(int(self.clock() - self.began), 60)
        line = f"  {minutes}:{seconds:02}  {doing()}"[: shutil.get_terminal_size().columns - 1]
        if moving:
            self.stream.write(f"\r{line.ljust(self.width)}")
            self.stream.flush()
            self.width, self.told = len(line), self.clock()
        else:
            self.say(line)

    def run(self, command: Sequence[str], log: Path, doing: Callable[[str], str], **settings):
        """Run a command, what it says going to the end of a log file.

        `doing` makes the moving line of all that it has said. Returns that, and the exit status.
        """
        with open(log, "ab") as sink, open(log, "rb") as source:
            start = source.seek(0, os.SEEK_END)

            def said() -> str:
                source.seek(start)
                return source.read().decode(errors="replace")

            output = {"stdout": sink, "stderr": subprocess.STDOUT, "stdin": subprocess.DEVNULL}
            process = subprocess.Popen(command, pass_fds=self.kept_open, **output, **settings)
            try:
                while process.poll() is None:
                    self.show(lambda: doing(said()))
                    with suppress(subprocess.TimeoutExpired):
                        process.wait(TICK)
            finally:  # after Ctrl-C, too, it has ended before anybody goes on
                process.terminate()
                process.wait()
            return said(), process.returncode
