"""Lessons are validated with their sliders moved: see tests/every_control.py."""

import os
from pathlib import Path

# Every kernel that nbval or a test starts runs this file first.
os.environ["PYTHONSTARTUP"] = str(Path(__file__).parent / "tests" / "every_control.py")
