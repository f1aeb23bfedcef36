"""explore: draws at once, then one worker a model; the last request wins; nothing is lost or left
behind.
"""

import base64
import gc
import io
import random
import threading
import tracemalloc
import weakref
from itertools import count

import ipywidgets as W
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from PIL import Image

from cs231n_viz import data, images, models, plot, widgets
from cs231n_viz.activations import activations_at, capture, relu_rule
from cs231n_viz.clickable import fit
from cs231n_viz.widgets import (
    checkbox,
    depends_on,
    explore,
    menu,
    slider,
    upload_or_paste,
    written,
)


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
    def opened(draw, /, **settings):
        calls = []
        explorer = explore(lambda **values: calls.append(values) or draw(**values), **settings)
        explorer.calls = calls  # the settings of every call of draw
        nothing_is_left.append(explorer)
        return explorer

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
    explorer = open_explorer(
        lambda x: drawn_by.append(threading.current_thread()) or dot(x), x=slider(3, 9)
    )
    assert drawn_by == [threading.current_thread()]
    assert number_in(explorer) == 3 and explorer.calls == [explorer.values] == [{"x": 3}]


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


def show_number(explorer, number):
    explorer.controls["number"].value = number
    assert number_in(explorer.wait()) == number
    return len(explorer.calls)


def test_a_finished_picture_is_remembered_and_drawn_afresh_only_by_run(open_explorer):
    explorer = open_explorer(dot, number=slider(0, 9))
    assert [show_number(explorer, number) for number in (5, 0, 5)] == [2, 2, 2]
    explorer.run()
    assert number_in(explorer.wait()) == 5 and len(explorer.calls) == 3


def test_all_explorers_together_keep_so_many_bytes_and_drop_the_picture_used_longest_ago(
    open_explorer, monkeypatch
):
    one, other = (open_explorer(dot, number=slider(0, 9)) for _ in range(2))
    monkeypatch.setattr(widgets, "REMEMBERED", 3 * len(one.picture) + 50)
    for number in range(1, 9):
        show_number(one, number), show_number(other, number)
        assert sum(len(kept.png) for kept in widgets._MEMORY.values()) <= widgets.REMEMBERED
    calls = show_number(one, 1)  # kept now: one's 8, other's 8, one's 1, in this order
    assert show_number(one, 8) == calls  # so that it is the newest
    show_number(other, 2)
    kept = {(explorer, label) for explorer, ((_, label, _),) in widgets._MEMORY}
    assert kept == {(one, 1), (one, 8), (other, 2)}


def test_options_of_one_name_have_each_their_own_picture(open_explorer):
    explorer = open_explorer(dot, number=menu([("crane", 1), ("crane", 2)]))  # ImageNet has two
    for number in (2, 1, 2):
        show_number(explorer, number)


def test_run_draws_afresh_even_if_the_same_settings_are_just_being_drawn(open_explorer):
    gate = Gate()
    explorer = open_explorer(gate, x=slider(0, 9))
    explorer.controls["x"].value = 1
    assert gate.begun.wait(20)
    explorer.run()
    gate.open.set()
    explorer.wait()
    assert gate.seen == [0, 1, 1]


def test_an_event_while_a_picture_is_being_remembered_harms_nothing(open_explorer):
    class Interrupting(bytes):
        def __len__(
            self,
        ):  # asked by the memory, on the worker's thread, in the midst of its counting
            if interruptions:
                interruptions.pop()()
            return super().__len__()

    interruptions = []
    explorer = open_explorer(lambda x: Interrupting(plot.png(dot(x))), x=slider(0, 9))
    interruptions.append(explorer.run)
    for x in (1, 2, 3):
        explorer.controls["x"].value = x
        assert number_in(explorer.wait()) == x
    assert not interruptions


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


def test_after_stop_a_generator_is_not_advanced_again_and_shows_how_far_it_came(open_explorer):
    advanced, closed, inside, go_on = [], threading.Event(), threading.Event(), threading.Event()

    def draw(x):
        try:
            for step in count(1):
                advanced.append(step)
                if step == 5:
                    inside.set()
                    assert go_on.wait(20)
                yield dot(step)
        finally:
            closed.set()

    explorer = open_explorer(draw, x=slider(0, 9))
    advanced.clear()
    closed.clear()
    explorer.run()
    assert inside.wait(20)
    explorer.stop_button.click()  # while the fifth step is being computed
    go_on.set()
    explorer.wait()
    assert advanced == [1, 2, 3, 4, 5] and closed.is_set() and number_in(explorer) == 5


def test_stop_while_another_picture_of_the_network_is_drawn_begins_nothing(open_explorer):
    explorer = open_explorer(dot, uses=torch.nn.Identity(), number=slider(0, 9))
    with explorer._turn:
        explorer.controls["number"].value = 4
        while "Waiting" not in explorer._status.value:
            pass
        explorer.stop()
    explorer.wait()
    assert (
        len(explorer.calls) == 1
        and number_in(explorer) == 0
        and "Stopped." in explorer._status.value
    )


def test_after_waiting_for_the_network_the_newest_request_is_drawn_and_no_other(open_explorer):
    seen = []
    explorer = open_explorer(
        lambda x: seen.append(x) or dot(x), uses=torch.nn.Identity(), x=slider(0, 90)
    )
    with explorer._turn:
        for x in range(1, 90):
            explorer.controls["x"].value = x
    explorer.wait()
    assert seen == [0, 89]


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
    assert len(explorer.calls) == 3


def test_slow_work_shows_a_bar_and_stop_until_it_is_done(open_explorer, monkeypatch):
    monkeypatch.setattr(widgets, "PATIENCE", 0.01)
    gate, shown = Gate(), threading.Event()
    explorer = open_explorer(gate, x=slider(0, 9))
    assert explorer._work.layout.visibility == "hidden"
    explorer._work.layout.observe(
        lambda change: change.new == "visible" and shown.set(), "visibility"
    )
    explorer.controls["x"].value = 1
    assert shown.wait(20)
    gate.open.set()
    explorer.wait()
    assert explorer._work.layout.visibility == "hidden"


def test_nothing_below_a_picture_jumps_when_another_is_larger_or_smaller(open_explorer):
    sizes = [(40, 30), (60, 50), (20, 10)]
    explorer = open_explorer(lambda which: Image.new("RGB", sizes[which]), which=slider(0, 2))
    rooms = [explorer._room.value]
    for which in (1, 2):
        explorer.controls["which"].value = which
        explorer.wait()
        rooms.append(explorer._room.value)
    assert [f"aspect-ratio: {w} / {h}" in rooms[which] for which, (w, h) in enumerate(sizes)] == [
        True,
        True,
        False,
    ]
    assert rooms[1] == rooms[2] and explorer.image.layout.width == fit(20, 10)


def test_the_bar_of_a_run_that_waits_does_not_show_how_far_the_last_one_came(
    open_explorer, monkeypatch
):
    monkeypatch.setattr(widgets, "PATIENCE", 0.01)
    explorer = open_explorer(
        lambda x: (item for item in (dot(x), 0.9)), uses=torch.nn.Identity(), x=slider(0, 9)
    )
    explorer.run()
    explorer.wait()
    bars = threading.Event()
    with explorer._turn:
        explorer._work.layout.observe(
            lambda change: change.new == "visible" and bars.set(), "visibility"
        )
        explorer.run()
        assert bars.wait(20) and explorer.bar.value < 0.9
    explorer.wait()


def test_two_widgets_on_one_model_take_turns_and_both_are_right(open_explorer):
    model, gate = torch.nn.Identity(), Gate()
    first = open_explorer(gate, uses=model, x=slider(0, 9))
    second = open_explorer(dot, uses=model, number=slider(0, 9))
    first.controls["x"].value = 3
    assert gate.begun.wait(20)
    second.controls["number"].value = 4
    while "Waiting" not in second._status.value:
        assert len(second.calls) == 1
    gate.open.set()
    assert (number_in(first.wait()), number_in(second.wait())) == (
        3,
        4,
    ) and not second._status.value


def gradient_and_map(model, photo, rule, unit):
    """The gradient of a score by one ReLU rule, and what a unit of relu3_1 says, heard in the same
    pass.
    """
    with relu_rule(model, rule), capture(model, "relu3_1") as outputs:
        pixels = photo.clone().requires_grad_()
        (gradient,) = torch.autograd.grad(model(pixels)[0, unit], pixels)
    return gradient, outputs["relu3_1"][0, unit].detach()


@pytest.mark.slow
@pytest.mark.parametrize("take_turns", [True, False])
def test_two_widgets_on_one_network_do_not_disturb_each_other(open_explorer, take_turns):
    model, drawn = models.load("coursenet", device="cpu"), []
    photos = {"guided": data.photo("chelsea", 64), "plain": data.photo("china", 64)}

    def draw(rule, unit):
        drawn.append((rule, unit, *gradient_and_map(model, photos[rule], rule, unit)))
        return dot(unit), rule

    both = [
        open_explorer(
            draw, uses=model if take_turns else None, rule=menu([rule]), unit=slider(0, 9)
        )
        for rule in ("guided", "plain")
    ]
    for unit in (1, 2, 3, 4, 5, 6, 7, 8, 9):
        for explorer in both:
            explorer.controls["unit"].value = unit
        both[unit % 2].wait()
    assert [number_in(explorer.wait()) for explorer in both] == [9, 9]
    assert {rule for rule, *_ in drawn} == {"guided", "plain"}
    for rule, unit, *answers in drawn:
        for answer, alone in zip(
            answers, gradient_and_map(model, photos[rule], rule, unit), strict=True
        ):
            torch.testing.assert_close(answer, alone)
    guided, plain = (gradient_and_map(model, photos["plain"], rule, 9)[0] for rule in photos)
    assert not torch.allclose(guided, plain)  # so that a rule that strayed would have been seen
    assert not any(part._forward_hooks or part._forward_pre_hooks for part in model.modules())


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


def reveal(networks, network, layer, channel):
    """A map of a network, in four live pictures."""
    model = networks[network]
    with torch.no_grad():
        values = activations_at(model, data.photo("chelsea", 64), maps_of(model)[layer])[0, channel]
    for step in range(1, 5):
        yield values.clamp(0, 2) * step / 8, f"{network} {layer} {channel}"
        yield step / 4


def maps_of(model):
    return [layer for layer in model.layers if len(model.shapes[layer]) == 4]


def rage(explorer, dice, events):
    """Random events as fast as they can be made, and Run as the last."""
    for _ in range(events):
        name = dice.choice(["network", "layer", "channel", "channel", "run", "stop"])
        control = explorer.controls.get(name)
        if control is None:
            getattr(explorer, f"{name}_button").click()
        else:
            control.value = dice.choice(
                getattr(control, "options", None) or range(control.min, control.max + 1)
            )
    explorer.run_button.click()
    explorer.wait()
    for thread in threading.enumerate():
        if thread.name == "explore":
            thread.join(20)


@pytest.mark.slow
def test_a_storm_of_events_leaves_the_last_picture_right_and_nothing_behind(open_explorer):
    networks = {name: models.load(name, device="cpu") for name in ("coursenet", "drawnet")}
    explorer = open_explorer(
        lambda **values: reveal(networks, **values),
        network=menu(list(networks)),
        layer=depends_on("network", lambda name: slider(0, len(maps_of(networks[name])) - 1)),
        channel=depends_on(
            ("network", "layer"),
            lambda name, layer: slider(
                0, networks[name].shapes[maps_of(networks[name])[layer]][1] - 1
            ),
        ),
    )

    def left():
        gc.collect()
        tensors = sum(type(thing) is torch.Tensor for thing in gc.get_objects())
        pictures = sum(len(kept.png) for kept in widgets._MEMORY.values())
        return [
            threading.active_count(),
            len(_instances),
            tensors,
        ], tracemalloc.get_traced_memory()[0] - pictures

    tracemalloc.start()
    try:
        rage(explorer, random.Random(1), 500)  # after it everything is warm
        before, bytes_before = left()
        rage(explorer, random.Random(231), 500)
        after, bytes_after = left()
    finally:
        tracemalloc.stop()
    *_, (last, words), _ = reveal(networks, **explorer.values)
    seen, right = (
        np.asarray(Image.open(io.BytesIO(png))) for png in (explorer.picture, plot.png(last))
    )
    assert explorer.words == words and abs(seen.astype(int) - right).max() <= 1
    assert after == before
    assert (
        bytes_after - bytes_before < 1_000_000
    )  # all but the remembered pictures, which are bounded


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


def test_a_wrong_control_leaves_no_other_behind():
    with pytest.raises(TypeError, match="layer=3 is no control"):
        explore(
            dot,
            number=slider(0, 9),
            same=depends_on("number", lambda number: menu([number])),
            layer=3,
        )
    with pytest.raises(ZeroDivisionError):
        explore(dot, number=slider(0, 9), same=depends_on("number", lambda number: 1 / number))


def test_a_rule_that_makes_another_kind_of_control_is_told_and_leaves_none_behind(open_explorer):
    explorer = open_explorer(
        lambda x, y: dot(x),
        x=slider(0, 9),
        y=depends_on("x", lambda x: menu(["a"]) if x else slider(0, 9)),
    )
    parts = len(_instances)
    explorer.controls["x"].value = 4
    assert "AttributeError" in explorer._status.value and len(_instances) == parts


def test_a_control_may_have_any_name_and_progress_any_kind_of_number(open_explorer):
    def draw(draw):
        yield dot(draw)
        yield np.float32(0.5)

    explorer = open_explorer(draw, draw=slider(3, 9))
    explorer.run()
    assert number_in(explorer.wait()) == 3 and explorer._progress == 0.5


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
        lambda low, x: dot(x),
        low=menu([50, 0]),
        x=depends_on("low", lambda low: slider(low, low + 9)),
    )
    for low in (0, 50):
        explorer.controls["low"].value = low
        explorer.wait()
        assert (explorer.controls["x"].min, explorer.controls["x"].max) == (low, low + 9)


def test_a_logarithmic_slider_and_a_check_box_may_depend_on_another_control(open_explorer):
    explorer = open_explorer(
        lambda most, x, on: dot(round(x)),
        most=menu([1000, 100]),
        x=depends_on("most", lambda most: slider(1, most, start=50, log=True)),
        on=depends_on("most", lambda most: checkbox(most > 500)),
    )
    for most in (100, 1000):
        explorer.controls["most"].value = most
        explorer.wait()
        assert explorer.controls["x"].value == pytest.approx(50) and explorer.controls["on"].value
    explorer.controls["x"].value = 100.0
    explorer.controls["most"].value = 1000
    explorer.wait()
    assert explorer.controls["x"].value == 100
    explorer.controls["x"].value = 800.0
    explorer.controls["most"].value = 100
    explorer.wait()
    assert explorer.controls["x"].value == 50  # as it began: 800 is no longer there


def test_saving_writes_the_picture_and_never_overwrites(open_explorer, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    explorer = open_explorer(lambda layer, x: dot(x), layer=menu(["fire9/relu"]), x=slider(2, 9))
    explorer.save_button.click()
    explorer.save_button.click()
    names = sorted(path.name for path in (tmp_path / "saved").iterdir())
    assert names == ["layer-fire9-relu_x-2-2.png", "layer-fire9-relu_x-2.png"]
    assert (tmp_path / "saved" / names[1]).read_bytes() == explorer.picture
    assert str(tmp_path / "saved" / "layer-fire9-relu_x-2-2.png") in explorer._status.value
    (tmp_path / "full").write_text("a file where a folder should be")
    assert explorer.save(tmp_path / "full") is None and "full" in explorer._status.value


@pytest.mark.parametrize(
    ("control", "tells", "name"),
    [
        ("steps", True, "steps-6-of-20"),
        ("steps", False, "steps-20_stopped-at-picture-6"),
        ("x", True, "x-20_stopped-at-picture-6"),
    ],
)
def test_the_saved_name_of_a_run_that_was_stopped_says_how_far_it_came(
    open_explorer, tmp_path, control, tells, name
):
    begun, go_on = threading.Event(), threading.Event()

    def draw(**values):
        for step in range(1, 21):
            if step == 6:
                begun.set()
                assert go_on.wait(20)
            if tells:
                yield step / 20
            yield dot(step)

    explorer = open_explorer(draw, **{control: slider(1, 20, 20)})
    first = explorer.save(tmp_path).stem
    assert first == name.replace("6", "1")
    explorer.run()
    assert begun.wait(20)
    explorer.stop()
    go_on.set()
    explorer.wait()
    came = number_in(explorer)  # one more picture may be on its way
    assert explorer.save(tmp_path).stem == name.replace("6", str(came)) and came in (5, 6)
    explorer.run()
    explorer.wait()
    assert explorer.save(tmp_path).name == f"{control}-20.png" and number_in(explorer) == 20


def test_a_finished_picture_at_hand_is_the_first_and_draw_is_not_called(open_explorer, tmp_path):
    explorer = open_explorer(
        lambda steps: iter([dot(steps)]), finished=(dot(7), "seven"), steps=slider(1, 20, 7)
    )
    assert number_in(explorer) == 7 and explorer.words == "seven" and not explorer.calls
    assert explorer.run_button.layout.display is None
    assert explorer.save(tmp_path).name == "steps-7.png"


def test_a_dictionary_of_controls_is_a_group_that_folds(open_explorer):
    explorer = open_explorer(
        lambda x, blur, jitter: dot(x + blur + jitter),
        x=slider(1, 9),
        after_each_step={
            "blur": slider(0, 9),
            "jitter": depends_on("blur", lambda blur: slider(0, blur + 1)),
        },
    )
    assert list(explorer.values) == ["x", "blur", "jitter"]
    assert "sliders: x, blur, jitter." in explorer._words
    (fold,) = [part for part in widgets._parts(explorer._box) if isinstance(part, W.ToggleButton)]
    (body,) = [
        part
        for part in widgets._parts(explorer._box)
        if explorer.controls["blur"] in getattr(part, "children", ())
    ]
    assert fold.description == "after each step" and body.layout.display == "none"
    fold.value = True
    assert body.layout.display is None
    explorer.controls["blur"].value = 4
    explorer.controls["jitter"].value = 5
    assert number_in(explorer.wait()) == 1 + 4 + 5


def test_two_controls_of_one_name_are_told_and_none_is_left_behind():
    for controls in (
        {"x": slider(0, 9), "more": {"x": slider(0, 5)}},
        {"some": {"x": slider(0, 9)}, "more": {"x": depends_on((), lambda: slider(0, 5))}},
    ):
        with pytest.raises(ValueError, match="two controls are called 'x': give each a name"):
            explore(lambda x: dot(x), **controls)


def test_a_control_may_depend_on_one_in_a_group_before_it_and_on_none_after_it(open_explorer):
    explorer = open_explorer(
        lambda most, x: dot(x),
        size={"most": slider(1, 9, 5)},
        x=depends_on("most", lambda most: slider(0, most)),
    )
    assert explorer.controls["x"].max == 5 and list(explorer.values) == ["most", "x"]
    explorer.controls["most"].value = 8
    explorer.controls["x"].value = 7
    assert number_in(explorer.wait()) == 7
    with pytest.raises(ValueError, match="those it depends on come first"):
        explore(
            lambda most, x: dot(x),
            x=depends_on("most", lambda most: slider(0, most)),
            size={"most": slider(1, 9, 5)},
        )


def test_numbers_are_written_as_a_person_writes_them():
    numbers = {
        1000: "1,000",
        0.1: "0.1",
        0.009: "0.009",
        12.58925: "12.59",
        3: "3",
    }
    numbers |= {0.0: "0", 30000.0: "30,000", 1e-6: "0.000001", -2.5: "-2.5", 12345: "12,345"}
    numbers |= {-1e-10: "0", float("inf"): "inf", float("-inf"): "-inf"}
    assert {number: written(number) for number in numbers} == numbers
    assert [written(other) for other in (True, "a", None, -0.0)] == ["True", "a", "None", "0"]


def test_a_unit_stands_behind_the_label_and_shares_are_percentages(open_explorer):
    explorer = open_explorer(
        lambda **values: dot(),
        patch_size=slider(8, 64, unit="px"),
        share=slider(0.0, 1.0, unit="%"),
        weight=slider(0.1, 1000.0, 1000.0, log=True),
        rank=menu([1, 1000], slide=True),
        strength=slider(0.0, 2000.0),
    )
    controls = explorer.controls
    labels = ["patch size (px)", "share", "weight", "rank", "strength"]
    assert [control.description for control in controls.values()] == labels
    formats = [controls[name].readout_format for name in ("patch_size", "share", "strength")]
    assert formats == [",d", ".0%", ",.4~r"]
    assert controls["weight"].label == "1,000" and controls["rank"].options[1][0] == "1,000"


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
    x = explorer.controls["x"]
    explorer.close()
    explorer.wait(20)
    x.value = 5  # nobody listens
    gone = weakref.ref(explorer)
    del explorer
    for thread in threading.enumerate():
        if thread.name == "explore":
            thread.join(20)
    gc.collect()
    assert gone() is None


def test_a_cell_that_is_run_again_and_again_holds_on_to_nothing(open_explorer, monkeypatch):
    """IPython's Out keeps every explorer; the network and the pictures of the closed ones must go
    all the same.
    """
    out, gone, run = [], [], count()
    monkeypatch.setattr(widgets, "_running_cell", lambda: ("cell", next(run)))
    for _ in range(5):
        model = torch.nn.Linear(1, 1)
        out.append(open_explorer(lambda x, own=model: dot(x), uses=model, x=slider(0, 9)))
        out[-1].controls["x"].value = 5  # at work as it is replaced
        gone.append(weakref.ref(model))
        parts = len(_instances)
    out[-1].wait()
    for thread in threading.enumerate():
        if thread.name == "explore":
            thread.join(20)
    gc.collect()
    assert [model() is None for model in gone] == [True] * 4 + [False]
    assert [bool(old.picture or old.image.value or old._drawn) for old in out] == [False] * 4 + [
        True
    ]
    assert {owner for owner, _ in widgets._MEMORY} == {out[-1]} and {out[-1]} <= widgets._SHOWN
    assert not widgets._SHOWN & set(out[:-1]) and len(_instances) == parts


@pytest.mark.parametrize("step_by_step", [False, True])
def test_a_picture_that_comes_after_the_closing_is_kept_nowhere(open_explorer, step_by_step):
    gate = Gate()
    explorer = open_explorer(
        lambda x: (gate(x) for _ in range(1)) if step_by_step else gate(x), x=slider(0, 9)
    )
    explorer.controls["x"].value = 4
    assert gate.begun.wait(20)
    explorer.close()
    gate.open.set()
    explorer.wait()
    assert explorer.picture == b"" == bytes(explorer.image.value) and explorer._drawn is None
    assert not widgets._MEMORY and gate.seen == [0, 4]


def test_without_a_kernel_a_page_shows_one_line_and_the_first_picture(open_explorer):
    explorer = open_explorer(
        lambda layer, x: (dot(x), f"dot <{x}>"), layer=menu(["a", "b"]), x=slider(0, 9)
    )
    bundle = explorer._repr_mimebundle_()
    assert bundle["text/plain"] == "Run this cell to move the sliders: layer, x."
    picture = plot.img(*plot.compact(dot(0)), "dot <0>")
    assert bundle["text/html"] == f"<p>{bundle['text/plain']}</p>{picture}"
    assert picture.startswith('<img alt="dot &lt;0&gt;" src="data:image/png;base64,')
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == explorer._box.model_id


@pytest.mark.parametrize(
    "others, line",
    [
        ({}, "Run this cell to click on the picture: tile."),
        ({"x": [1, 2]}, "Run this cell to click on the picture and move the sliders: tile, x."),
    ],
)
def test_the_line_says_what_can_be_done(open_explorer, others, line):
    tile = widgets.clickable(dot(), ["left", "right"], (1, 2))
    others = {name: menu(options) for name, options in others.items()}
    explorer = open_explorer(lambda **values: dot(), tile=tile, **others)
    assert explorer._repr_mimebundle_()["text/plain"] == line


def test_only_core_widgets_are_used_and_each_is_labelled_and_reached_by_the_keyboard(open_explorer):
    explorer = open_explorer(
        lambda **values: dot(),
        first_layer=menu(["a"]),
        size=slider(1, 9),
        on=checkbox(),
        name=W.Text(),
        own=upload_or_paste(),
    )
    for part in widgets._parts(explorer._box):
        if part is explorer._page:  # it gives names and is not seen
            continue
        assert part._model_module in ("@jupyter-widgets/controls", "@jupyter-widgets/base")
        assert not isinstance(part, W.Output) and getattr(part, "tabbable", None) is not False
    labels = [
        part.description
        for part in widgets._parts(explorer._box)
        if getattr(part, "description", "")
    ]
    assert {"first layer", "size", "on", "name", "Upload", "Run", "Stop", "Save picture"} <= set(
        labels
    )


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
    uploaded = {
        "name": "mine.png",
        "type": "image/png",
        "size": len(png),
        "last_modified": 0,
        "content": png,
    }
    own.button.set_state({"value": [uploaded]})  # as the page sends it
    assert own.value.shape == (1, 3, 8, 8) and "mine.png, 8 x 8" in own._reply.value
    for line in (
        str(tmp_path / "red.png"),
        "data:image/png;base64," + base64.b64encode(png).decode(),
    ):
        own.line.value = line
        assert torch.equal(own.value, images.to_pixels(png, 8))
        explorer.wait()
    ((_, label, _),) = explorer._drawn.settings
    assert label.startswith("pasted picture")


@pytest.mark.parametrize(
    "line", ["no/such/picture.png", "data:image/png;base64,AAAA", "data:nonsense"]
)
def test_what_is_no_picture_is_explained_and_changes_nothing(line):
    own = upload_or_paste()
    own.line.value = line
    assert own.value is None and 'role="alert"' in own._reply.value
    for part in widgets._parts(own):
        part.close()


def test_sliders_are_whole_decimal_or_logarithmic():
    made = [
        slider(0, 9),
        slider(0, 1.0),
        slider(0.01, 100.0, start=1.0, log=True),
        menu([1, 2], slide=True),
    ]
    assert [type(one).__name__ for one in made] == [
        "IntSlider",
        "FloatSlider",
        "SelectionSlider",
        "SelectionSlider",
    ]
    assert made[1].step == 0.01 and made[2].value == 1.0
    stops = np.array(made[2]._options_values)
    assert stops[[0, -1]].tolist() == [0.01, 100] and len(stops) == 41
    assert (stops[1:] / stops[:-1] < 1.34).all() and (stops[1:] / stops[:-1] > 1.19).all()
    for part in (part for one in made for part in widgets._parts(one)):
        part.close()


def test_bad_controls_are_explained():
    with pytest.raises(ValueError, match="low <= start <= high"):
        slider(0, 9, start=12)
    with pytest.raises(ValueError, match="low > 0 if log"):
        slider(0, 9, log=True)
    with pytest.raises(ValueError, match="Did you mean 'conv1'"):
        menu(["conv1", "conv2"], start="cnv1")
    with pytest.raises(TypeError, match=r"layer=3 is no control: give a slider"):
        explore(dot, layer=3)
    with pytest.raises(ValueError, match="unknown control"):
        explore(dot, x=depends_on("layer", slider))
