"""How much there is to read: `python -m workshop.count_lines [files]`.

Counts the package's code lines, and those that one must open to follow Grad-CAM. A code line is
one that is not blank, comment or docstring; `files` tells them file by file.
"""

import ast
import io
import sys
import tokenize
from collections.abc import Callable
from pathlib import Path

from cs231n_viz import data, models
from cs231n_viz.places import PACKAGE
from cs231n_viz.techniques import cam

NO_CODE = {
    tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT,
    tokenize.ENDMARKER,
}  # fmt: skip
APART = {"commands", "checks", "__main__.py"}  # the rest is core and techniques


def code_lines(source: str) -> set[int]:
    """The numbers of the lines that hold code."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    spans = [(token.start[0], token.end[0]) for token in tokens if token.type not in NO_CODE]
    lines = {line for start, end in spans for line in range(start, end + 1)}
    for node in ast.walk(ast.parse(source)):
        documented = isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        if documented and ast.get_docstring(node):
            lines -= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    return lines


def package() -> dict[str, dict[str, int]]:
    """{"core and techniques" | "checks" | "commands": {file: code lines}}."""
    found = {"core and techniques": {}, "checks": {}, "commands": {}}
    for path in sorted(PACKAGE.rglob("*.py")):
        file = path.relative_to(PACKAGE)
        head = file.parts[0]
        group = "core and techniques" if head not in APART else "commands"
        group = "checks" if head == "checks" else group
        found[group][file.as_posix()] = len(code_lines(path.read_text(encoding="utf-8")))
    return found


def longest_function() -> tuple[int, str]:
    """The most lines that a function of the package has, from `def` to its end, and its name."""
    lengths = [
        (node.end_lineno - node.lineno + 1, f"{path.relative_to(PACKAGE)}: {node.name}")
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return max(lengths)


def raises() -> dict[str, int]:
    """{technique: how many `raise` statements it has}."""
    return {
        path.name: sum(
            isinstance(node, ast.Raise) for node in ast.walk(ast.parse(path.read_text()))
        )
        for path in sorted((PACKAGE / "techniques").glob("*.py"))
    }


def reached(run: Callable[[], object]) -> dict[str, int]:
    """Every function of the package that a run calls, and how many code lines each has.

    What is defined inside a function is a part of it; a class body or a comprehension is none.
    """
    called = set()

    def note(frame, event, argument):
        if event == "call" and frame.f_code.co_filename.startswith(str(PACKAGE)):
            called.add((frame.f_code.co_filename, frame.f_code.co_firstlineno))

    sys.setprofile(note)
    try:
        run()
    finally:
        sys.setprofile(None)
    found = {}
    for file in {file for file, _ in called}:
        source = Path(file).read_text(encoding="utf-8")
        starts, lines = {line for name, line in called if name == file}, code_lines(source)
        for name, first, last in _outermost_functions(ast.parse(source)):
            if starts & set(range(first, last + 1)):
                label = f"{Path(file).relative_to(PACKAGE)}: {name}"
                found[label] = len(lines & set(range(first, last + 1)))
    return found


def _outermost_functions(tree: ast.AST, prefix: str = ""):
    """(name, first line, last line) of every function that is not inside another, methods too."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.FunctionDef):
            first = min([node.lineno, *(each.lineno for each in node.decorator_list)])
            yield prefix + node.name, first, node.end_lineno
        elif isinstance(node, ast.ClassDef):
            yield from _outermost_functions(node, f"{node.name}.")


def follow_grad_cam() -> dict[str, int]:
    """What one must open to follow Grad-CAM of a class at a layer, end to end."""
    model, pixels = models.load("coursenet", device="cpu"), data.photo("chelsea", 128)
    return reached(lambda: cam.grad_cam(model, pixels, 3, "relu4_2"))


def main(arguments: list[str]) -> None:
    files = arguments == ["files"]
    for group, counts in package().items():
        print(f"{sum(counts.values()):6,} {group}")
        for file, count in counts.items() if files else ():
            print(f"{count:12,} {file}")
    print(f"{sum(follow_grad_cam().values()):6,} to follow Grad-CAM")
    for name, count in follow_grad_cam().items() if files else ():
        print(f"{count:12,} {name}")
    print(f"{sum(raises().values()):6,} raises in techniques")
    print("longest function: {} lines, {}".format(*longest_function()))


if __name__ == "__main__":
    main(sys.argv[1:])
