"""Trains CourseNetB, another architecture, on the same pictures as CourseNet, another seed."""

from cs231n_viz.networks import CourseNetB
from workshop.train import coursenet


def main(arguments: list[str] | None = None) -> None:
    coursenet.main(arguments, name="coursenet_b", kind=CourseNetB, seed=12, passes=20, fine=3)
