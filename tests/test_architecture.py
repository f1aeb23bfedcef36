"""The house rules, read from the source: who may import whom, short functions, no global state."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from cs231n_viz.places import PACKAGE

EVERYONE = {"errors", "places"}  # may be imported by all
ALL = {"*"}
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "places": set(),
    "images": set(),
    "drawing": set(),
    "networks": set(),
    "data": {"images", "drawing"},
    "models": {"images", "networks"},
    "activations": set(),
    "objectives": {"activations"},
    "transforms": set(),
    "optimize": set(),
    "incremental": {"activations"},
    "techniques": {"images", "activations", "objectives", "transforms", "optimize", "incremental"},
    "plot": {"images"},
    "widgets": {"plot", "images"},
    "game": {"widgets", "plot", "images"},
    "checks": {"techniques"},
    "recipes": ALL - {"widgets"},
    "environment": set(),
    "lessons": set(),
    "fetch": set(),
    "doctor": {"environment", "fetch", "models"},
    "__main__": ALL,
}
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
CHOOSES_DEVICES = {"models", "recipes"}
PROGRAMS = {"recipes"}  # run by themselves; torch seeds dropout and initial weights only globally
RANDOM = ["rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"]
DEVICE = re.compile(r"(cuda|mps|cpu)(:\d+)?")


def tree(file: Path) -> ast.Module:
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


def room(file: Path) -> str:
    """The row of the table that a file belongs to: its package's, or its own."""
    return file.parts[0] if len(file.parts) > 1 else file.stem


def imported(file: Path) -> set[str]:
    """Which modules of the package a file imports, as "images" or "techniques.filters"."""
    here = ["cs231n_viz", *file.parent.parts]
    found = set()
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = here[: len(here) - node.level + 1] if node.level else []
            base = ".".join(base + (node.module or "").split(".")).strip(".")
            is_package = (PACKAGE.parent / base.replace(".", "/")).is_dir()
            found |= {f"{base}.{alias.name}" if is_package else base for alias in node.names}
    return {name.removeprefix("cs231n_viz.") for name in found if name.startswith("cs231n_viz.")}


def dotted(node: ast.AST) -> str:
    """torch.random.fork_rng as text, from its nested attributes."""
    return ast.unparse(node) if isinstance(node, ast.Attribute | ast.Name) else ""


@pytest.mark.parametrize("file", FILES, ids=str)
def test_a_module_imports_only_what_the_table_allows(file):
    allowed = MAY_IMPORT[room(file)]  # a KeyError here: a new module wants a row in the table
    for name in imported(file):
        head = name.split(".")[0]
        own_package = head == room(file) and head != "techniques"
        forbidden_to_recipes = room(file) == "recipes" and head == "widgets"
        assert head in allowed | EVERYONE or own_package or (allowed == ALL and not forbidden_to_recipes), (
            f"{file} imports {name}; the table allows {sorted(allowed)}"
        )


@pytest.mark.parametrize("file", FILES, ids=str)
def test_no_function_is_longer_than_sixty_lines(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = node.end_lineno - node.lineno + 1
            assert length <= 60, f"{file}: {node.name} has {length} lines"


@pytest.mark.parametrize("file", FILES, ids=str)
def test_figures_are_built_without_pyplot(file):
    source = (PACKAGE / file).read_text(encoding="utf-8")
    assert not re.search(r"^\s*(import|from)\s.*\bpyplot\b", source, re.MULTILINE)


@pytest.mark.parametrize("file", [file for file in FILES if room(file) not in CHOOSES_DEVICES], ids=str)
def test_no_device_is_named_outside_models_and_recipes(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not DEVICE.fullmatch(node.value), f"{file}:{node.lineno} names the device {node.value!r}"


@pytest.mark.parametrize("file", [file for file in FILES if room(file) not in PROGRAMS], ids=str)
def test_randomness_comes_from_a_generator_and_never_from_a_global(file):
    for node in ast.walk(tree(file)):
        if isinstance(node, ast.Call):
            call = dotted(node.func)
            given = {keyword.arg for keyword in node.keywords}
            where = f"{file}:{node.lineno} calls {call}"
            assert not re.fullmatch(r"torch\.(manual_seed|seed|cuda\.manual_seed(_all)?)", call), where
            assert not re.fullmatch(r"(np|numpy)\.random\.[a-z]\w*", call) or call.endswith("default_rng"), (
                where
            )
            assert not re.fullmatch(r"random\.[a-z]\w*", call), where
            assert (
                not (call.removeprefix("torch.") in RANDOM and call.startswith("torch."))
                or "generator" in given
            ), f"{where} without generator="


def test_importing_the_package_does_no_work():
    body = tree(Path("__init__.py")).body
    assert all(isinstance(node, ast.Expr | ast.Assign) for node in body)


def test_the_commands_need_only_the_standard_library_until_the_environment_exists():
    code = (
        "import sys; import cs231n_viz.__main__, cs231n_viz.doctor, cs231n_viz.lessons;"
        "print({name.split('.')[0] for name in sys.modules} - sys.stdlib_module_names - set(sys.builtin_module_names))"
    )
    command = [sys.executable, "-S", "-c", code]  # -S: without site-packages
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) <= {"cs231n_viz", "__main__", "sitecustomize"}
