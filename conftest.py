"""Lessons are validated with their sliders moved, each on one thread."""

import os
from pathlib import Path

# Every kernel that nbval or a test starts runs this file first: see there.
os.environ["PYTHONSTARTUP"] = str(Path(__file__).parent / "tests" / "every_control.py")

# Sums come out the same on every machine, and a busy one does not make threads wait for each other.
os.environ.setdefault("OMP_NUM_THREADS", "1")
