"""Trains CourseNetB, the sibling of another architecture, on the same pictures from another seed."""

from ..networks import CourseNetB
from . import coursenet


def main(arguments: list[str] | None = None) -> None:
    coursenet.main(arguments, name="coursenet_b", kind=CourseNetB, seed=12, passes=20, fine=3)
