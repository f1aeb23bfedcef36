"""The form of a lesson, read from the stored notebooks."""

import ast
import base64
import io
import json
import re
import statistics
from itertools import pairwise

import pytest
from PIL import Image

from cs231n_viz.places import notebooks_dir

LESSONS = sorted(notebooks_dir().glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.:/])(?:/[A-Za-z][\w.-]*/[\w.-]+|[A-Z]:\\\w)[\w./\\-]*")
FIGURE_REPR = re.compile(r"<(Figure size|IPython\.core\.display\.Image object|PIL\.)[^>]*>")
PARTS = [  # said in this order in the prose of every lesson
    r"you will be able to",
    r"where it misleads",
    r"check yourself",
    r"exercises?",
    r"recap",
    r"references",
    r"credits",
    r"next",
]
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)


def load(path) -> dict:
    return json.loads(path.read_text(encoding="utf-8"))


def code_cells(path) -> list[dict]:
    return [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]


def source(cell) -> str:
    return "".join(cell["source"])


def python(cell) -> ast.Module:
    return ast.parse(
        "\n".join(
            line for line in source(cell).splitlines() if not line.lstrip().startswith(("%", "!"))
        )
    )


def prose(path) -> str:
    return "\n".join(
        source(cell) for cell in load(path)["cells"] if cell["cell_type"] == "markdown"
    )


def words_of(output) -> str:
    """The text that an output shows: printed, or the text twin of a picture."""
    parts = output.get("text", []), output.get("data", {}).get("text/plain", [])
    return FIGURE_REPR.sub("", "".join("".join(part) for part in parts)).strip()


def has_picture(output) -> bool:
    kinds = output.get("data", {})
    return any(kind.startswith("image/") for kind in kinds) or "<img " in html_of(output)


def html_of(output) -> str:
    return "".join(output.get("data", {}).get("text/html", []))


@every_lesson
def test_code_cells_are_short(path):
    lengths = [
        len([line for line in source(cell).splitlines() if line.strip()])
        for cell in code_cells(path)
    ]
    assert statistics.median(lengths) <= 5
    assert max(lengths) <= 15, (
        f"code cell {lengths.index(max(lengths)) + 1} has {max(lengths)} lines"
    )


@every_lesson
def test_no_two_code_cells_follow_each_other_without_prose(path):
    kinds = [cell["cell_type"] for cell in load(path)["cells"]]
    pairs = pairwise(kinds)
    assert [number for number, pair in enumerate(pairs) if pair == ("code", "code")] == []


@every_lesson
def test_no_function_in_a_lesson_is_longer_than_eight_lines(path):
    for number, cell in enumerate(code_cells(path), 1):
        for node in ast.walk(python(cell)):
            if isinstance(node, ast.FunctionDef):
                length = node.end_lineno - node.lineno + 1
                assert length <= 8, f"code cell {number}: {node.name} has {length} lines"


@every_lesson
def test_the_first_code_cell_holds_all_imports(path):
    first, *others = [python(cell) for cell in code_cells(path)]
    assert any(isinstance(node, ast.Import | ast.ImportFrom) for node in first.body)
    late = [
        ast.unparse(node)
        for cell in others
        for node in cell.body
        if isinstance(node, ast.Import | ast.ImportFrom)
    ]
    assert late == []


@every_lesson
def test_the_lesson_is_stored_as_run_from_top_to_bottom(path):
    counts = [cell["execution_count"] for cell in code_cells(path)]
    assert counts == list(range(1, len(counts) + 1))


@every_lesson
def test_no_error_and_no_warning_is_stored(path):
    for number, cell in enumerate(code_cells(path), 1):
        allowed = "raises-exception" in cell["metadata"].get("tags", [])
        for output in cell["outputs"]:
            assert allowed or output["output_type"] != "error", (
                f"code cell {number}: {output['evalue']}"
            )
            assert output.get("name") != "stderr", f"code cell {number}: {words_of(output)}"


@every_lesson
def test_no_widget_state_is_stored_and_the_kernel_is_python3(path):
    metadata = load(path)["metadata"]
    assert "widgets" not in metadata
    assert metadata["kernelspec"]["name"] == "python3"


@every_lesson
def test_the_file_is_light(path):
    assert path.stat().st_size <= 1.5e6


@every_lesson
def test_every_picture_has_words_beside_it(path):
    pictures = 0
    for number, cell in enumerate(code_cells(path), 1):
        if any(map(has_picture, cell["outputs"])):
            pictures += 1
            assert any(map(words_of, cell["outputs"])), (
                f"code cell {number} shows a picture without a line of text"
            )
    assert pictures


@every_lesson
def test_no_picture_was_lost(path):
    """What is displayed is a picture; text alone is left of a lost one."""
    for number, cell in enumerate(code_cells(path), 1):
        for output in cell["outputs"]:
            lost = output["output_type"] == "display_data" and not has_picture(output)
            assert not lost, f"code cell {number} displays {list(output['data'])} and no picture"


@every_lesson
def test_what_is_stored_is_shown_by_every_renderer(path):
    """JupyterLab, Notebook, VS Code, GitHub and nbconvert know these kinds; a widget needs more."""
    known = {"text/plain", "text/html", "image/png", "image/jpeg"}
    for number, cell in enumerate(code_cells(path), 1):
        kinds = {kind for output in cell["outputs"] for kind in output.get("data", {})}
        assert kinds <= known, f"code cell {number}"


@every_lesson
def test_a_widget_is_stored_as_a_line_and_its_first_picture(path):
    for number, cell in enumerate(code_cells(path), 1):
        for output in cell["outputs"]:
            if page := html_of(output):
                film = re.fullmatch(r'<img alt="[^"]{9,}" src="data:image/webp;[^">]+">', page)
                line = "<p>Run this cell to (click on the picture|move the sliders|play).*: .+</p>"
                kept = re.fullmatch(line + r'<img alt="[^"]+" src="data:image/[^">]+">', page)
                assert film or kept, f"code cell {number}: {page[:200]}"


@every_lesson
def test_no_picture_is_cut_to_a_palette(path):
    for number, cell in enumerate(code_cells(path), 1):
        for output in cell["outputs"]:
            if kept := output.get("data", {}).get("image/png"):
                mode = Image.open(io.BytesIO(base64.b64decode("".join(kept)))).mode
                assert mode == "RGB", f"code cell {number}: {mode}"


@every_lesson
def test_every_picture_has_alternative_text(path):
    for number, cell in enumerate(code_cells(path), 1):
        for output in filter(has_picture, cell["outputs"]):
            kinds = [kind for kind in output["data"] if kind.startswith("image/")]
            assert all(output["metadata"][kind]["alt"].strip() for kind in kinds), (
                f"code cell {number}"
            )
    in_prose = re.findall(r"!\[(.*?)\]\(", prose(path)) + re.findall(
        r"<img(?![^>]*alt=.\w)[^>]*>", prose(path)
    )
    assert all(len(words.split()) >= 3 and "<" not in words for words in in_prose), in_prose


@every_lesson
def test_no_path_of_the_machine_that_ran_it_is_stored(path):
    everything = [source(cell) for cell in load(path)["cells"]]
    everything += [
        json.dumps(output.get("data", output))
        for cell in code_cells(path)
        for output in words_only(cell)
    ]
    assert [found for text in everything for found in MACHINE_PATH.findall(text)] == []


def words_only(cell) -> list[dict]:
    """The outputs of a cell without the pictures' bytes, in which anything can stand."""
    return [
        output
        | {
            "data": {
                kind: data
                for kind, data in output.get("data", {}).items()
                if not kind.startswith("image/") and "<img " not in "".join(data)
            }
        }
        if "data" in output
        else output
        for output in cell["outputs"]
    ]


@every_lesson
def test_every_link_to_a_file_leads_somewhere(path):
    links = re.findall(r"\]\(([^)\s]+)\)|(?:src|href)=[\"']([^\"']+)[\"']", prose(path))
    files = [one or other for one, other in links if not re.match(r"[a-z]+:|#", one or other)]
    assert [link for link in files if not (path.parent / link.partition("#")[0]).exists()] == []
    attached = [name for cell in load(path)["cells"] for name in cell.get("attachments", {})]
    wanted = [one.removeprefix("attachment:") for one, _ in links if one.startswith("attachment:")]
    assert sorted(wanted) == sorted(attached)


@every_lesson
def test_the_lesson_has_all_its_parts_in_order(path):
    text = prose(path).lower()
    assert text.startswith("# "), "the first cell is the title"
    assert re.search(r"\bminutes\b", text[:3000]), "says at the beginning how long it takes"
    place = 0
    for part in PARTS:
        found = re.compile(rf"^(#+ .*|\*\*.*)\b{part}\b", re.MULTILINE).search(text, place)
        assert found, f"after position {place} of the prose there is no part {part!r}"
        place = found.start()


@every_lesson
def test_what_a_widget_uses_keeps_its_meaning_to_the_end(path):
    """A slider is moved when all cells have run: what its draw function calls must not change."""
    cells = [
        (cell["metadata"].get("tags", []), ast.parse(source(cell))) for cell in code_cells(path)
    ]
    for number, (tags, tree) in enumerate(cells):
        if "widget" in tags:
            used = used_by(tree, [earlier for _, earlier in cells[: number + 1]])
            for later, (_, rebinding) in enumerate(cells[number + 1 :], number + 2):
                assert not names_set(rebinding) & used, (
                    f"code cell {later} sets what the widget of {number + 1} uses"
                )


def used_by(tree, earlier) -> set[str]:
    """The lesson's own names that a cell's functions read, and those of the functions they call."""
    made = {
        node.name: node
        for each in earlier
        for node in ast.walk(each)
        if isinstance(node, ast.FunctionDef)
    }
    found, open_ends = (
        set(),
        {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and node.id in made},
    )
    open_ends |= set().union(
        *(read_by(node) for node in ast.walk(tree) if isinstance(node, ast.Lambda))
    )
    while open_ends:
        name = open_ends.pop()
        found.add(name)
        open_ends |= read_by(made[name]) - found if name in made else set()
    return found


def read_by(function) -> set[str]:
    names = [node for node in ast.walk(function) if isinstance(node, ast.Name)]
    own = {node.id for node in names if isinstance(node.ctx, ast.Store)}
    own |= {node.arg for node in ast.walk(function) if isinstance(node, ast.arg)}
    return {node.id for node in names} - own


def names_set(node) -> set[str]:
    """What a cell binds for all cells: not what is bound inside a function or a comprehension."""
    if isinstance(node, ast.FunctionDef):
        return {node.name}
    if isinstance(node, ast.Lambda | ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp):
        return set()
    found = {node.id} if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store) else set()
    return found.union(*(names_set(child) for child in ast.iter_child_nodes(node)))
