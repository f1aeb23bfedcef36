"""The form of a lesson, read from the stored notebooks."""

import ast
import base64
import io
import json
import re
import statistics
from itertools import pairwise

import nbformat
import pytest
from PIL import Image

from cs231n_viz.places import notebooks_dir
from workshop.store_lesson import slide_types

LESSONS = sorted(notebooks_dir().glob("*.ipynb"))
MACHINE_PATH = re.compile(r"(?<![\w.:/])(?:/[A-Za-z][\w.-]*/[\w.-]+|[A-Z]:\\\w)[\w./\\-]*")
FIGURE_REPR = re.compile(r"<(Figure size|IPython\.core\.display\.Image object|PIL\.)[^>]*>")
SECOND = [path for path in LESSONS if path.name < "08"]  # lessons of the second edition
PARTS = [  # said in this order in the prose of every lesson
    r"you will be able to",
    r"where it misleads",
    r"check yourself",
    r"recap",
    r"references",
    r"credits",
    r"next",
]
OLD_PARTS = [*PARTS[:3], r"exercises?", *PARTS[3:]]
# The four that the course promises, and in how many lessons at least each is a slider.
SLIDERS = {
    "layer": ("layer", 8),
    "channel": ("channel|filter", 5),
    "regularisation strength": ("l2|smooth|tv", 2),
    "style weight": ("style_weight", 2),
}
PRIVATE = re.compile(r"\b(by lot|wish(es)?|slopes?|the dear one|costless)\b", re.IGNORECASE)
every_lesson = pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
second_edition = pytest.mark.parametrize("path", SECOND, ids=lambda path: path.stem)


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
    for part in PARTS if path in SECOND else OLD_PARTS:
        found = re.compile(rf"^(#+ .*|\*\*.*)\b{part}\b", re.MULTILINE).search(text, place)
        assert found, f"after position {place} of the prose there is no part {part!r}"
        place = found.start()


@second_edition
def test_the_lesson_begins_with_a_large_picture_and_playing(path):
    first, *others = load(path)["cells"][:5]
    [kinds] = first["attachments"].values()
    [picture] = map(base64.b64decode, kinds.values())
    assert Image.open(io.BytesIO(picture)).width >= 640
    assert any("widget" in tags(cell) for cell in others)


@second_edition
def test_the_core_takes_35_minutes_and_its_exercises_45(path):
    cells = load(path)["cells"]
    core = [cell for cell in cells if "deeper" not in tags(cell)]
    assert len(core) <= 60
    assert sum(map(minutes, core)) <= 35
    said = [re.search(r"(\d+) minutes", heading) for heading in exercises(path)]
    assert sum(int(found[1]) for found in said) <= 45


def minutes(cell) -> float:
    """150 words a minute; 4 seconds a line of code, 20 a picture, 90 a widget."""
    if cell["cell_type"] == "markdown":
        return len(source(cell).split()) / 150 + ("](attachment:" in source(cell)) / 3
    lines = sum(bool(line.strip()) for line in source(cell).splitlines())
    pictures = sum(any(k.startswith("image/") for k in o.get("data", {})) for o in cell["outputs"])
    return lines * 4 / 60 + pictures / 3 + 1.5 * ("widget" in tags(cell))


def tags(cell) -> list[str]:
    return cell["metadata"].get("tags", [])


def exercises(path) -> list[str]:
    return re.findall(r"^### ((?:Exercise|Build it).*)", prose(path), re.MULTILINE)


@second_edition
def test_exercises_say_how_long_and_how_hard_and_one_is_to_build(path):
    found = exercises(path)
    for heading in found:
        form = r"(Exercise \d|Build it) · .+ \(\d+ minutes, [●○]{5}\)"
        assert re.fullmatch(form, heading), heading
    assert len(found) in (4, 5)
    assert sum(heading.startswith("Build it") for heading in found) == 1
    kinds = [tag for cell in code_cells(path) for tag in tags(cell) if tag in ("exercise", "check")]
    assert kinds == ["exercise", "check"] * len(found)


@second_edition
def test_what_goes_deeper_stands_behind_the_recap(path):
    cells = load(path)["cells"]
    deeper = ["deeper" in tags(cell) for cell in cells]
    recap = next(n for n, cell in enumerate(cells) if source(cell).startswith("## Recap"))
    assert not any(deeper[: recap + 1]) and deeper[recap + 1 :] == sorted(deeper[recap + 1 :])


@second_edition
def test_every_reference_has_a_link(path):
    listed = re.search(r"\*\*References\.\*\*(.*?)\n\n", prose(path), re.DOTALL)[1]
    without = [one for one in re.split(r" · |\n- ", listed.strip("- \n")) if "](http" not in one]
    assert without == []


@second_edition
def test_the_words_are_the_fields_own(path):
    assert PRIVATE.findall(prose(path)) == []


@second_edition
def test_slides_and_folded_code_are_as_the_storing_command_makes_them(path):
    cells = nbformat.read(path, as_version=4).cells
    assert [cell.metadata.slideshow.slide_type for cell in cells] == slide_types(cells)
    for cell in cells:
        folded = cell.metadata.get("jupyter", {}).get("source_hidden", False)
        assert folded == ("hide-input" in tags(cell))


@pytest.mark.parametrize("promised", SLIDERS)
def test_what_the_course_promises_to_slide_slides(promised):
    name, least = SLIDERS[promised]
    found = [path.stem for path in LESSONS if any(re.fullmatch(name, s) for s in sliders(path))]
    assert len(found) >= least, found


def sliders(path) -> set[str]:
    """The names under which a lesson's widgets have a slider, or a menu that slides."""
    trees = list(map(python, code_cells(path)))
    nodes = [node for tree in trees for node in ast.walk(tree)]
    made = {node.name: node for node in nodes if isinstance(node, ast.FunctionDef)}
    for node in nodes:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            made[node.targets[0].id] = node.value
    found = set()
    for node in nodes:
        if isinstance(node, ast.Call):
            named = [each for each in node.keywords if each.arg]
            made_by = slides(node.func, made)
            found |= {each.arg for each in named if made_by or slides(each.value, made)}
        if isinstance(node, ast.Dict):  # {"layer": widgets.menu(…)}, given with **
            pairs = zip(node.keys, node.values, strict=True)
            named = [pair for pair in pairs if isinstance(pair[0], ast.Constant)]
            found |= {str(key.value) for key, value in named if slides(value, made)}
    return found


def slides(node, made: dict, depth: int = 3) -> bool:
    """Does what this expression makes slide? Names are followed to where they were made."""
    parts = list(ast.walk(node))
    calls = [part for part in parts if isinstance(part, ast.Call)]
    names = {part.id for part in parts if isinstance(part, ast.Name) and part.id in made}
    return (
        any(getattr(call.func, "attr", "") == "slider" for call in calls)
        or any(each.arg == "slide" for call in calls for each in call.keywords)
        or (depth > 0 and any(slides(made[name], made, depth - 1) for name in names))
    )


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
