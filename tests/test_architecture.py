"""The house rules, read from the source: who may import whom, short functions, no global state."""

import ast
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

from cs231n_viz.places import PACKAGE
from workshop.count_lines import longest_function

EVERYONE = {"errors", "places", "intervals"}  # may be imported by all
ALL = {"*"}
MAY_IMPORT = {
    "__init__": set(),
    "errors": set(),
    "places": set(),
    "intervals": set(),
    "images": set(),
    "networks": set(),
    "data": {"images"},
    "promise": {"activations"},
    "weights": set(),
    "published": set(),
    "models": {"images", "networks", "activations", "promise", "published", "weights"},
    "activations": set(),
    "layers": {"activations"},
    "objectives": {"activations"},
    "transforms": set(),
    "optimize": {"transforms"},
    "incremental": {"activations"},
    "techniques": {
        "images", "networks", "activations", "layers", "objectives", "transforms", "optimize",
        "incremental", "weights",
    },
    "heat_maps": {"images", "transforms", "layers", "objectives", "techniques"},
    "plot": {"images"},
    "clickable": {"plot"},
    "widgets": {"clickable", "plot", "images"},
    "game": {"clickable", "widgets", "plot", "images"},
    "checks": {"activations", "techniques", "plot", "images"},
    "commands": ALL,
    "__main__": ALL,
}  # fmt: skip
LONGEST = 40  # lines of a function
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))
RANDOM = ["rand", "randn", "randint", "randperm", "normal", "bernoulli", "multinomial"]
SEEDED = re.compile(r"torch\.(manual_seed|seed|cuda\.manual_seed(_all)?)|random\.[a-z]\w*")
DEVICE = re.compile(r"(cuda|mps|cpu)(:\d+)?")


@cache
def tree(file: Path) -> ast.Module:
    return ast.parse((PACKAGE / file).read_text(encoding="utf-8"))


def room(file: Path) -> str:
    """The row of the table that a file belongs to: its folder's, or its own."""
    return file.parts[0] if len(file.parts) > 1 else file.stem


def imported(file: Path) -> set[str]:
    """Which modules of the package or the workshop a file imports, as "techniques.filters"."""
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
    ours = {name for name in found if re.match(r"(cs231n_viz|workshop)\b", name)}
    return {name.removeprefix("cs231n_viz.") for name in ours}


def test_a_module_imports_only_what_the_table_allows():
    for file in FILES:
        allowed = MAY_IMPORT[room(file)]  # a KeyError here: a new module wants a row in the table
        for name in imported(file):
            head = name.split(".")[0]
            own_folder = head == room(file) and head != "techniques"
            assert head != "workshop", f"{file} imports {name}, which is not in the wheel"
            assert head in allowed | EVERYONE or own_folder or allowed == ALL, (
                f"{file} imports {name}; the table allows {sorted(allowed)}"
            )


def test_no_function_is_long():
    length, name = longest_function()
    assert length <= LONGEST, f"{name} has {length} lines"


def test_figures_are_built_without_pyplot():
    for file in FILES:
        source = (PACKAGE / file).read_text(encoding="utf-8")
        assert not re.search(r"^\s*(import|from)\s.*\bpyplot\b", source, re.MULTILINE), file


def test_no_device_is_named_outside_models():
    for file in FILES:
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                named = DEVICE.fullmatch(node.value) and room(file) != "models"
                assert not named, f"{file}:{node.lineno} names the device {node.value!r}"


def test_randomness_comes_from_a_generator_and_never_from_a_global():
    for file in FILES:
        forked = lines_under_fork_rng(file)
        for node in ast.walk(tree(file)):
            if isinstance(node, ast.Call) and node.lineno not in forked:
                call = ast.unparse(node.func)
                given = {keyword.arg for keyword in node.keywords}
                numpy_global = re.fullmatch(r"(np|numpy)\.random\.(?!default_rng)[a-z]\w*", call)
                from_torch = call.removeprefix("torch.") in RANDOM and call.startswith("torch.")
                where = f"{file}:{node.lineno} calls {call}"
                assert not SEEDED.fullmatch(call) and not numpy_global, where
                assert not from_torch or "generator" in given, f"{where} without generator="


def lines_under_fork_rng(file: Path) -> set[int]:
    """Where the caller's random state is kept: initial weights come from torch's global one."""
    blocks = [node for node in ast.walk(tree(file)) if isinstance(node, ast.With)]
    forked = [block for block in blocks if "fork_rng" in ast.unparse(block.items[0])]
    return {line for block in forked for line in range(block.lineno, block.end_lineno + 1)}


def test_importing_the_package_does_no_work():
    body = tree(Path("__init__.py")).body
    assert all(isinstance(node, ast.Expr | ast.Assign) for node in body)


def test_the_commands_need_only_the_standard_library_until_the_environment_exists():
    code = (
        "import sys; import cs231n_viz.__main__;"
        "import cs231n_viz.commands.doctor, cs231n_viz.commands.lessons;"
        "print({name.split('.')[0] for name in sys.modules} "
        "- sys.stdlib_module_names - set(sys.builtin_module_names))"
    )
    command = [sys.executable, "-S", "-c", code]  # -S: without site-packages
    done = subprocess.run(command, capture_output=True, text=True, cwd=PACKAGE.parent, check=False)
    assert done.returncode == 0, done.stderr
    assert ast.literal_eval(done.stdout) <= {"cs231n_viz", "__main__", "sitecustomize"}
