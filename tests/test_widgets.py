"""explore: draws at once, then one worker a model; the last wish wins; nothing is lost or left behind."""

import base64
import gc
import io
import random
import threading
import weakref
from itertools import count

import ipywidgets as W
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from PIL import Image

from cs231n_viz import images, plot, widgets
from cs231n_viz.widgets import checkbox, depends_on, explore, menu, slider, text, upload_or_paste


@pytest.fixture(autouse=True)
def nothing_is_left():
    """Every test ends with the widgets and the threads that it began with."""
    parts, threads = set(_instances), set(threading.enumerate())
    opened: list[widgets.Explorer] = []
    yield opened
    for explorer in opened:
        explorer.stop()
        explorer._idle.wait(20)
        explorer.close()
    for thread in set(threading.enumerate()) - threads:
        thread.join(20)
        assert not thread.is_alive()
    assert not [part for key, part in _instances.items() if key not in parts]


@pytest.fixture
def open_explorer(nothing_is_left):
    def opened(*arguments, **settings):
        nothing_is_left.append(explore(*arguments, **settings))
        return nothing_is_left[-1]

    return opened


def dot(number=0):
    """A picture that carries a number in its colour."""
    return Image.new("RGB", (40, 30), (number % 256, number // 256, 7))


def number_in(explorer):
    red, green, _ = Image.open(io.BytesIO(explorer.picture)).convert("RGB").getpixel((0, 0))
    assert bytes(explorer.image.value) == explorer.picture  # what is kept is what is seen
    return red + 256 * green


class Gate:
    """A draw function that tells when it has begun and goes on when it may."""

    def __init__(self):
        self.begun, self.open, self.seen = threading.Event(), threading.Event(), []

    def __call__(self, x):
        self.seen.append(x)
        if x:
            self.begun.set()
            assert self.open.wait(20)
        return dot(x), f"x is {x}"


def test_the_first_picture_is_drawn_at_once_and_by_no_other_thread(open_explorer):
    drawn_by = []
    explorer = open_explorer(lambda x: drawn_by.append(threading.current_thread()) or dot(x), x=slider(3, 9))
    assert drawn_by == [threading.current_thread()]
    assert number_in(explorer) == 3 and explorer.calls == 1 and explorer.values == {"x": 3}


def test_a_moved_slider_brings_its_picture_and_its_words(open_explorer):
    explorer = open_explorer(lambda x: (dot(x), f"x < {x}"), x=slider(0, 9))
    explorer.controls["x"].value = 7
    assert number_in(explorer.wait()) == 7
    assert explorer.words == "x < 7" and "x &lt; 7" in explorer._receipt.value


def test_a_hundred_events_end_on_the_last_and_do_not_queue(open_explorer):
    gate = Gate()
    explorer = open_explorer(gate, x=slider(0, 100))
    for x in range(1, 101):
        explorer.controls["x"].value = x
        assert gate.begun.wait(20)
    gate.open.set()
    assert number_in(explorer.wait()) == 100
    assert gate.seen == [0, 1, 100]


def test_a_finished_picture_is_remembered_within_bounds(open_explorer, monkeypatch):
    explorer = open_explorer(dot, number=slider(0, 9))
    for number in (5, 0, 5):
        explorer.controls["number"].value = number
        assert number_in(explorer.wait()) == number
    assert explorer.calls == 2
    monkeypatch.setattr(widgets, "REMEMBERED", 2 * len(explorer.picture))
    for number in range(1, 9):
        explorer.controls["number"].value = number
        explorer.wait()
    assert len(explorer._memory) <= 2


def test_stop_ends_a_long_run_and_the_next_event_is_heard(open_explorer):
    begun = threading.Event()

    def endless(start):
        for number in count(start):
            yield dot(number % 60_000)
            if number > start:
                begun.set()

    explorer = open_explorer(endless, start=menu([1, 2]))
    assert number_in(explorer) == 1 and not explorer.run_button.layout.display
    explorer.run_button.click()
    assert begun.wait(20)
    explorer.stop_button.click()
    explorer.wait(20)
    assert number_in(explorer) > 1 and "Stopped" in explorer._status.value
    begun.clear()
    explorer.controls["start"].value = 2
    assert begun.wait(20)
    explorer.stop()
    explorer.wait(20)


def test_a_plain_function_that_was_stopped_does_not_change_the_picture_later(open_explorer):
    gate = Gate()
    explorer = open_explorer(gate, x=slider(0, 9))
    explorer.controls["x"].value = 4
    assert gate.begun.wait(20)
    explorer.stop()
    gate.open.set()
    explorer.wait()
    assert number_in(explorer) == 0


def test_a_generator_shows_previews_and_ends_on_its_last_picture(open_explorer, monkeypatch):
    monkeypatch.setattr(widgets, "PREVIEW_EVERY", 0)
    seen = []

    def draw(steps):
        for step in range(steps + 1):
            yield dot(step), f"step {step}"
            yield step / steps

    explorer = open_explorer(draw, steps=slider(3, 9))
    assert explorer.words == "step 0"
    explorer.image.observe(lambda change: seen.append(number_in(explorer)), "value")
    explorer.run()
    assert explorer.wait().words == "step 3" and seen == [1, 2, 3]
    explorer.run()  # pressed again, it runs again
    explorer.wait()
    assert explorer.calls == 3


def test_slow_work_shows_a_bar_and_stop_until_it_is_done(open_explorer, monkeypatch):
    monkeypatch.setattr(widgets, "PATIENCE", 0.01)
    gate, shown = Gate(), threading.Event()
    explorer = open_explorer(gate, x=slider(0, 9))
    assert explorer._work.layout.visibility == "hidden"
    explorer._work.layout.observe(lambda change: change.new == "visible" and shown.set(), "visibility")
    explorer.controls["x"].value = 1
    assert shown.wait(20)
    gate.open.set()
    explorer.wait()
    assert explorer._work.layout.visibility == "hidden"


def test_two_widgets_on_one_model_take_turns_and_both_are_right(open_explorer):
    model, busy = torch.nn.Identity(), threading.Lock()

    def draw(x):
        alone = threading.current_thread() is threading.main_thread() or busy.acquire(blocking=False)
        assert alone, "two workers on one model"
        for _ in range(100):
            torch.ones(8).sum()
        if busy.locked():
            busy.release()
        return dot(x)

    left, right = (open_explorer(draw, uses=model, x=slider(0, 50)) for _ in range(2))
    for x in range(1, 51):
        left.controls["x"].value, right.controls["x"].value = x, 50 - x
    assert (number_in(left.wait()), number_in(right.wait())) == (50, 0)


def test_widgets_on_two_models_work_at_the_same_time(open_explorer):
    together = threading.Barrier(2, timeout=20)

    def draw(x):
        if x:
            together.wait()
        return dot(x)

    both = [open_explorer(draw, uses=torch.nn.Identity(), x=slider(0, 5)) for _ in range(2)]
    for explorer in both:
        explorer.controls["x"].value = 5
    assert [number_in(explorer.wait()) for explorer in both] == [5, 5]


def test_a_storm_of_events_leaves_the_last_picture_right_and_nothing_behind(open_explorer):
    def draw(model, layer, channel, slow):
        number = 1000 * "ab".index(model) + 100 * layer + channel
        if not slow:
            return dot(number)
        return (dot(number if step == 5 else 9_999) for step in range(6))

    explorer = open_explorer(
        draw,
        model=menu(["a", "b"]),
        layer=slider(0, 4),
        channel=depends_on(("model", "layer"), lambda model, layer: slider(0, 9 + layer + len(model))),
        slow=checkbox(),
    )
    dice, parts, threads = random.Random(231), len(_instances), threading.active_count()
    for _ in range(500):
        name = dice.choice(["model", "layer", "channel", "channel", "slow", "run", "stop"])
        control = explorer.controls.get(name)
        if control is None:
            getattr(explorer, f"{name}_button").click()
        elif name in ("model", "slow"):
            control.value = dice.choice(["a", "b"] if name == "model" else [False, True])
        else:
            control.value = dice.randint(control.min, control.max)
        assert threading.active_count() <= threads + 2  # one worker and its clock
    explorer.run()
    values = explorer.wait().values
    assert (
        number_in(explorer) == 1000 * "ab".index(values["model"]) + 100 * values["layer"] + values["channel"]
    )
    assert len(_instances) == parts


def test_an_error_becomes_a_sentence_in_the_widget_and_the_next_event_works(open_explorer):
    def draw(x):
        if x == 3:
            raise ValueError("channel 3 <is> missing: take another")
        return dot(x)

    explorer = open_explorer(draw, x=slider(0, 9))
    explorer.controls["x"].value = 3
    with pytest.raises(ValueError, match="take another"):
        explorer.wait()
    assert "channel 3 &lt;is&gt; missing" in explorer._status.value and number_in(explorer) == 0
    explorer.controls["x"].value = 4
    assert number_in(explorer.wait()) == 4 and not explorer._status.value


def test_an_error_in_the_first_picture_is_raised_in_the_cell():
    with pytest.raises(ZeroDivisionError):
        explore(lambda x: 1 / x, x=slider(0, 9))
    with pytest.raises(ValueError, match="draw gave no picture"):
        explore(lambda x: None, x=slider(0, 9))


def test_one_control_reshapes_another_which_keeps_its_value_where_it_can(open_explorer):
    sizes = {"conv1": 48, "code": 10}
    explorer = open_explorer(
        lambda layer, channel, unit: dot(channel),
        layer=menu(list(sizes)),
        channel=depends_on("layer", lambda layer: slider(0, sizes[layer] - 1)),
        unit=depends_on(["layer"], lambda layer: menu([layer, "all"], start="all")),
    )
    channel, unit, parts = explorer.controls["channel"], explorer.controls["unit"], len(_instances)
    channel.value = 40
    explorer.controls["layer"].value = "code"
    explorer.wait()
    assert (channel.max, channel.value, unit.options, unit.value) == (9, 9, ("code", "all"), "all")
    explorer.controls["layer"].value = "conv1"
    explorer.wait()
    assert (channel.max, channel.value) == (47, 9) and len(_instances) == parts
    assert number_in(explorer) == 9


def test_a_dependent_slider_may_move_to_a_range_of_its_own(open_explorer):
    explorer = open_explorer(
        lambda low, x: dot(x), low=menu([50, 0]), x=depends_on("low", lambda low: slider(low, low + 9))
    )
    for low in (0, 50):
        explorer.controls["low"].value = low
        explorer.wait()
        assert (explorer.controls["x"].min, explorer.controls["x"].max) == (low, low + 9)


def test_saving_writes_the_picture_and_never_overwrites(open_explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = open_explorer(lambda layer, x: dot(x), layer=menu(["fire9/relu"]), x=slider(2, 9))
    explorer.save_button.click()
    explorer.save_button.click()
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["layer-fire9-relu_x-2-2.png", "layer-fire9-relu_x-2.png"]
    assert (tmp_path / "saved" / names[1]).read_bytes() == explorer.picture
    assert "layer-fire9-relu_x-2-2.png" in explorer._status.value
    (tmp_path / "full").write_text("a file where a folder should be")
    assert explorer.save(tmp_path / "full") is None and "full" in explorer._status.value


def test_a_cell_that_is_run_again_leaves_nothing_of_the_first_run(open_explorer, monkeypatch):
    runs = iter([("cell", 1), ("cell", 1), ("cell", 2), ("other", 3)])
    monkeypatch.setattr(widgets, "_running_cell", lambda: next(runs))
    first, beside = (open_explorer(dot, number=slider(0, 9)) for _ in range(2))
    parts = len(_instances)
    second = open_explorer(dot, number=slider(0, 9))
    assert first.closed and beside.closed and len(_instances) == parts // 2
    assert not open_explorer(dot, number=slider(0, 9)).closed and not second.closed


def test_a_closed_explorer_is_forgotten_even_if_it_was_working():
    begun = threading.Event()

    def endless(x):
        while True:
            yield dot(x)
            begun.set()

    explorer = explore(endless, x=slider(0, 9))
    explorer.run()
    assert begun.wait(20)
    explorer.close()
    explorer.wait(20)
    explorer.controls["x"].value = 5  # nobody listens
    gone = weakref.ref(explorer)
    del explorer
    for thread in threading.enumerate():
        if thread.name == "explore":
            thread.join(20)
    gc.collect()
    assert gone() is None


def test_its_text_is_short_and_always_the_same(open_explorer):
    explorer = open_explorer(lambda layer, x: dot(x), layer=menu(["a", "b"]), x=slider(0, 9))
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == "Sliders: layer, x (run this cell to move them)"
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer._box.model_id


def test_only_core_widgets_are_used_and_each_is_labelled_and_reached_by_the_keyboard(open_explorer):
    explorer = open_explorer(
        lambda **values: dot(),
        first_layer=menu(["a"]),
        size=slider(1, 9),
        on=checkbox(),
        name=text(),
        own=upload_or_paste(),
    )
    for part in widgets._parts(explorer._box):
        assert part._model_module in ("@jupyter-widgets/controls", "@jupyter-widgets/base")
        assert not isinstance(part, W.Output) and getattr(part, "tabbable", None) is not False
    labels = [part.description for part in widgets._parts(explorer._box) if getattr(part, "description", "")]
    assert {"first layer", "size", "on", "name", "Upload", "Run", "Stop", "Save picture"} <= set(labels)


def test_a_figure_pixels_an_array_and_png_bytes_are_all_pictures(open_explorer):
    pixels = torch.full((1, 3, 8, 8), 0.2)
    results = [plot.image_row(pixels), pixels, pixels[0, 0].numpy(), plot.png(pixels)]
    explorer = open_explorer(lambda which: results[which], which=slider(0, 3))
    for which in (1, 2, 3):
        explorer.controls["which"].value = which
        assert explorer.wait().picture.startswith(b"\x89PNG")


def test_a_picture_may_be_uploaded_typed_or_pasted(open_explorer, tmp_path):
    png = plot.png(Image.new("RGB", (20, 10), (255, 0, 0)))
    (tmp_path / "red.png").write_bytes(png)
    explorer = open_explorer(lambda own: dot() if own is None else own, own=upload_or_paste(size=8))
    own = explorer.controls["own"]
    uploaded = {"name": "mine.png", "type": "image/png", "size": len(png), "last_modified": 0, "content": png}
    own.button.set_state({"value": [uploaded]})  # as the page sends it
    assert own.value.shape == (1, 3, 8, 8) and "mine.png, 8 x 8" in own._answer.value
    for line in (str(tmp_path / "red.png"), "data:image/png;base64," + base64.b64encode(png).decode()):
        own.line.value = line
        assert torch.equal(own.value, images.to_pixels(png, 8))
        explorer.wait()
    assert dict(explorer._drawn.settings)["own"].startswith("pasted picture")


@pytest.mark.parametrize("line", ["no/such/picture.png", "data:image/png;base64,AAAA", "data:nonsense"])
def test_what_is_no_picture_is_explained_and_changes_nothing(line):
    own = upload_or_paste(start="before")
    own.line.value = line
    assert own.value == "before" and 'role="alert"' in own._answer.value
    for part in widgets._parts(own):
        part.close()


def test_sliders_are_whole_decimal_or_logarithmic():
    made = [slider(0, 9), slider(0, 1.0), slider(0.01, 100.0, start=1.0, log=True), menu([1, 2], slide=True)]
    assert [type(one).__name__ for one in made] == [
        "IntSlider",
        "FloatSlider",
        "FloatLogSlider",
        "SelectionSlider",
    ]
    assert made[1].step == 0.01 and made[2].value == 1.0
    for part in (part for one in made for part in widgets._parts(one)):
        part.close()


def test_bad_controls_are_explained():
    with pytest.raises(ValueError, match="low <= start <= high"):
        slider(0, 9, start=12)
    with pytest.raises(ValueError, match="low > 0 if log"):
        slider(0, 9, log=True)
    with pytest.raises(ValueError, match="Did you mean 'conv1'"):
        menu(["conv1", "conv2"], start="cnv1")
    with pytest.raises(TypeError, match=r"layer=3 is no control: give slider"):
        explore(dot, layer=3)
    with pytest.raises(ValueError, match="unknown control"):
        explore(dot, x=depends_on("layer", slider))
