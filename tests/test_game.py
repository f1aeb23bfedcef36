"""You against the network: the rules worked by hand on toy networks, and the widget played by its
buttons.
"""

import gc
import html
import math
import weakref
from types import SimpleNamespace

import ipywidgets as W
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances

from cs231n_viz import game, plot, widgets
from cs231n_viz.clickable import Page
from cs231n_viz.game import Answer, Round, Table


def by_red(pixels):
    """Three classes: the third one's probability is the mean of red, the others share the rest."""
    red = pixels[:, 0].mean(dim=(1, 2))
    return torch.stack([(1 - red) / 2, (1 - red) / 2, red], dim=1)


def by_the_brightest_step(pixels):
    """The class is what the number of open patches says: 0, 1, 0, 1, 1 for 0 to 4 of 4 patches."""
    steps = (pixels[:, 0].mean(dim=(1, 2)) * 4).round().long()
    return torch.nn.functional.one_hot(torch.tensor([0, 1, 0, 1, 1])[steps], 2).float()


def white(height=4, width=4, channels=3):
    return torch.ones(1, channels, height, width)


def table(look=by_red, label=2, pixels=None, patch=2):
    """Four patches of white under a black cover."""
    return Table(white() if pixels is None else pixels, label, look, 0.0, patch)


def drawings(count=3, height=32, width=32, channels=3, names=("dark", "half", "red")):
    generator = torch.Generator().manual_seed(1)
    pixels = torch.rand(count, channels, height, width, generator=generator)
    return SimpleNamespace(
        pixels=pixels, labels=torch.arange(count) % len(names), class_names=list(names)
    )


def left_first(pixels):
    """A map: the further left, the larger."""
    return -torch.arange(pixels.shape[-1]).float().expand(pixels.shape[-2:])


# --- patches and their orders ---------------------------------------------------------------------


def test_patches_are_counted_row_by_row_and_the_last_ones_may_be_smaller():
    numbers = game.patch_numbers(torch.zeros(3, 5, 3), patch=2)
    assert numbers.tolist() == [[0, 0, 1], [0, 0, 1], [2, 2, 3], [2, 2, 3], [4, 4, 5]]


def test_the_patch_with_the_largest_mean_comes_first_and_equal_ones_row_by_row():
    heat = torch.zeros(4, 6)
    heat[3, 3] = 8.0  # patch 4: mean 2
    heat[:2, 4:] = 3.0  # patch 2: mean 3
    assert game.order_of(heat, 2) == game.order_of(heat[None], 2) == [2, 4, 0, 1, 3, 5]
    assert game.order_of(torch.full((4, 4), 0.3), 2) == [0, 1, 2, 3]


def test_a_smaller_patch_at_the_edge_counts_by_its_mean_too():
    heat = torch.zeros(2, 3)
    heat[:, 2] = 1.0  # two pixels of mean 1
    heat[:, :2] = 0.9  # four pixels of mean 0.9
    assert game.order_of(heat, 2) == [1, 0]


@pytest.mark.parametrize(
    "heat",
    [torch.zeros(2, 4, 4), torch.zeros(4), torch.zeros(1, 1, 4, 4), torch.full((4, 4), math.nan)],
)
def test_what_is_no_map_is_refused_in_words(heat):
    with pytest.raises(ValueError, match="a map is"):
        game.order_of(heat, 2)


def test_a_random_order_is_every_patch_once_the_same_for_the_same_seed():
    assert sorted(game.random_order(64, 3)) == list(range(64))
    assert game.random_order(64, 3) == game.random_order(64, 3) != game.random_order(64, 4)


def test_from_the_centre_begins_in_the_middle_and_ends_in_the_corners():
    order = game.order_of(game.from_the_centre(torch.zeros(1, 3, 30, 30)), 10)
    assert order[0] == 4 and set(order[1:5]) == {1, 3, 5, 7} and set(order[5:]) == {0, 2, 6, 8}


def test_revealed_opens_one_patch_after_the_other():
    pixels = torch.arange(16.0).reshape(1, 1, 4, 4) / 15
    steps = game.revealed(pixels, [3, 0, 1, 2], cover=0.5, patch=2)
    assert steps.shape == (5, 1, 4, 4)
    assert (steps[0] == 0.5).all() and torch.equal(steps[4:], pixels)
    assert torch.equal(steps[1, 0, 2:, 2:], pixels[0, 0, 2:, 2:]) and (steps[1, 0, :2] == 0.5).all()
    assert torch.equal(game.revealed(pixels, [3, 0, 1, 2], 0.5, 2, first=2), steps[2:])


def test_the_cover_may_be_a_colour():
    cover = torch.tensor([0.1, 0.2, 0.3]).view(1, 3, 1, 1)
    (closed,) = game.revealed(white(), [], cover, patch=2)
    torch.testing.assert_close(closed, cover[0].expand(3, 4, 4))


# --- the network's side ---------------------------------------------------------------------------


def test_the_network_answers_as_soon_as_it_is_sure_enough():
    # red's mean with 0 to 4 of 4 patches: 0, 1/4, 1/2, 3/4, 1
    assert game.network_answer(table(), [0, 1, 2, 3], 0.6) == Answer(2, 3)
    assert game.network_answer(table(), [0, 1, 2, 3], 0.5) == Answer(0, 0)
    assert game.network_answer(table(), [0, 1, 2, 3], 0.5, first=1) == Answer(2, 2)


def test_the_network_waits_if_it_is_unsure_and_must_answer_when_all_is_open():
    unsure = table(lambda pixels: torch.tensor([[0.3, 0.4, 0.3]]).expand(len(pixels), 3))
    assert game.network_answer(unsure, [0, 1, 2], 0.6) is None
    answer = game.network_answer(unsure, [0, 1, 2, 3], 0.6)
    assert answer == Answer(1, 4)


@pytest.mark.parametrize("first", [0, 1, 7, 8, 9, 63, 64])
def test_looking_at_a_few_at_once_finds_the_same_answer_as_looking_at_all(first):
    generator = torch.Generator().manual_seed(first)
    weights = torch.randn(3 * 32 * 32, 4, generator=generator) * 0.2
    puzzle = Table(
        torch.rand(1, 3, 32, 32, generator=generator),
        0,
        lambda x: (x.flatten(1) @ weights).softmax(1),
        0.5,
        4,
    )
    order = game.random_order(64, first)
    every = game.beliefs(puzzle, order)
    assert every.shape == (65, 4)
    for threshold in (0.5, 0.9, 0.999):
        right = next((k for k in range(first, 65) if every[k].max() >= threshold), 64)
        answer = game.network_answer(puzzle, order, threshold, first)
        assert answer == Answer(int(every[right].argmax()), right)


@pytest.mark.parametrize(
    "look",
    [
        lambda pixels: pixels.mean(dim=(2, 3)) * 9 - 4,  # scores
        lambda pixels: torch.full((len(pixels), 3), math.nan),
        lambda pixels: torch.full((1, 3), 0.3),
    ],
)
def test_a_network_that_gives_no_probabilities_is_refused_in_words(look):
    with pytest.raises(ValueError, match="scores.softmax"):
        game.beliefs(table(look), [0, 1, 2])


def test_the_network_looks_without_gradients():
    weight = torch.ones(1, requires_grad=True)
    assert not game.beliefs(table(lambda pixels: by_red(pixels) * weight), [0, 1]).requires_grad


# --- the rules ------------------------------------------------------------------------------------


def test_a_round_begins_with_nothing_open():
    now = game.opened(table(), Round(), (), 0.6)
    assert now == Round((), (0.5, 0.5, 0.0), None, None)
    assert game.opened(table(), Round(), (), 0.5).network == Answer(0, 0)  # sure of black


def test_opening_at_once_is_opening_one_by_one():
    one_by_one = game.opened(table(), Round(), ())
    for patch in (2, 0, 3):
        one_by_one = game.opened(table(), one_by_one, [patch])
    assert one_by_one == game.opened(table(), game.opened(table(), Round(), ()), [2, 0, 3])
    assert one_by_one.opened == (2, 0, 3) and one_by_one.network == Answer(2, 3)


def test_a_patch_opens_once_and_the_network_holds_its_first_answer():
    now = game.opened(table(), game.opened(table(), Round(), ()), [2, 2, 0])
    assert now.opened == (2, 0) and game.opened(table(), now, [0, 2]) is now
    now = game.opened(table(by_the_brightest_step), Round(), [0, 1, 2, 3], 0.6)
    assert now.network == Answer(1, 1) and len(now.opened) == 4


def test_a_player_answers_once_and_then_the_network_goes_on_alone():
    now = game.opened(table(), game.opened(table(), Round(), ()), [1])
    over = game.answered(table(), now, 2, rest=[1, 0, 2, 3])
    assert over == now._replace(player=Answer(2, 1), network=Answer(2, 3))
    assert (
        game.answered(table(), over, 0, rest=[]) is over and game.opened(table(), over, [3]) is over
    )


def test_one_may_answer_before_the_first_patch():
    over = game.answered(table(), game.opened(table(), Round(), ()), 2, rest=[0, 1, 2, 3])
    assert (over.player, over.network) == (Answer(2, 0), Answer(2, 3))
    assert game.points(2, over) == (1, 0)


@pytest.mark.parametrize(
    ("player", "network", "won"),
    [
        (Answer(2, 3), Answer(2, 4), (1, 0)),
        (Answer(2, 5), Answer(2, 4), (0, 1)),
        (Answer(2, 4), Answer(2, 4), (0, 0)),
        (Answer(1, 0), Answer(2, 64), (0, 1)),
        (Answer(2, 64), Answer(0, 1), (1, 0)),
        (Answer(1, 3), Answer(0, 3), (0, 0)),
    ],
)
def test_the_point_goes_to_whoever_is_right_with_fewer_patches(player, network, won):
    assert game.points(2, Round(network=network, player=player)) == won


# --- pictures -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "height", "width"), [(3, 32, 32), (1, 32, 32), (3, 20, 50), (3, 900, 600)]
)
def test_the_board_has_one_size_and_tells_nothing_of_what_is_closed(channels, height, width):
    patch = height // 3
    one, other = (
        torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(s))
        for s in (1, 2)
    )
    other[..., :patch, :patch] = one[..., :patch, :patch]
    boards = [
        np.asarray(game.board(Table(pixels, 0, by_red, 0.4, patch), [0])) for pixels in (one, other)
    ]
    numbers = game.board_numbers(one, patch)
    assert max(numbers.shape) == game.SIDE and boards[0].shape == (*numbers.shape, 3)
    closed = numbers != 0
    assert np.array_equal(boards[0][closed], boards[1][closed])
    covers = {tuple(colour) for colour in boards[0][closed]}
    assert (102, 102, 102) in covers and len(covers) == 2  # the cover, and its grid


def test_an_open_board_is_the_picture_and_a_whole_one_pales_what_was_closed():
    pixels = torch.zeros(1, 3, 4, 4)
    whole = np.asarray(game.board(table(pixels=pixels), [0], whole=True))
    half = game.SIDE // 2
    assert (whole[:half, :half] == 0).all() and (whole[half:] == 115).all()
    assert (np.asarray(game.board(table(pixels=pixels), [0, 1, 2, 3])) == 0).all()


@pytest.mark.parametrize("rounds", [0, 1, 60])
def test_the_figure_of_patches_needed_shows_both_and_marks_wrong_answers(rounds):
    played = [
        (2, Round(player=Answer(number % 3, 5), network=Answer(2, 9))) for number in range(rounds)
    ]
    (axes,) = game.score_figure(played, 64).axes
    lines = {line.get_label(): line.get_ydata().tolist() for line in axes.lines}
    assert lines["you"] == [5] * rounds and lines["network"] == [9] * rounds
    crosses = axes.lines[-1].get_xdata().round().tolist()
    assert crosses == [number + 1 for number in range(rounds) if number % 3 != 2]
    assert plot.png(axes.figure).startswith(b"\x89PNG")


# --- the widget -----------------------------------------------------------------------------------


@pytest.fixture
def play():
    """Plays, and proves afterwards that nothing is left."""
    parts, opened = set(_instances), []

    def started(pictures=None, look=by_red, maps=None, **settings):
        maps = {"from the left": left_first} if maps is None else maps
        opened.append(
            game.play(drawings() if pictures is None else pictures, look, maps, **settings)
        )
        return opened[-1]

    yield started
    for one in opened:
        one.close()
    assert not [part for key, part in _instances.items() if key not in parts] and not widgets._SHOWN


def words(one):
    return html.unescape(one._status.value)


def test_a_round_is_played_by_its_buttons(play):
    one = play(
        cover=0.0, patch=8, threshold=0.9
    )  # 16 patches; noise is never so red: the network sees all of it
    before = bytes(one.image.value)
    assert "0 of 16 patches open" in words(one) and one.round_button.disabled
    one.next_button.click()
    assert one.now.opened == (0,) and bytes(one.image.value) != before
    one.five_button.click()
    assert one.now.opened == (0, 4, 8, 12, 1, 5) and "6 of 16 patches open" in words(one)
    one._patches[7].click()
    assert one.now.opened[-1] == 7 and "not sure yet" in words(one)
    one.kinds.value = 1
    one.answer_button.click()
    assert one.now.player == Answer(1, 7) and one.now.network.patches == 16
    assert "You: half with 7 patches" in words(one) and not one.round_button.disabled
    assert len(one.played) == 1 and "1 round played" in one._score.value
    one.round_button.click()
    assert one.now.opened == () and one.kinds.value is None and "0 of 16" in words(one)


def test_every_way_of_ending_a_round_is_told_in_words(play):
    one = play(drawings(1), lambda pixels: torch.tensor([[0.9, 0.1, 0.0]]).expand(len(pixels), 3))
    assert "has answered, with 0 patches open" in words(one)
    for kind, told in [(0, "No point."), (1, "The network's point.")]:
        one.kinds.value = kind
        one.answer()
        assert f"It is: dark. {told}" in words(one)
        one.new_round()
    one = play(drawings(1), by_red, cover=0.0, patch=8)
    one.kinds.value = 0
    one.answer()
    assert "The point is yours!" in words(one)


def test_without_a_kind_there_is_no_answer(play):
    one = play()
    one.answer_button.click()
    assert "First choose" in words(one) and one.now.player is None


def test_clicks_after_the_end_and_second_answers_change_nothing(play):
    one = play(patch=8)
    one.kinds.value = 0
    one.answer()
    over = one.now
    one.kinds.value = 1
    for deed in (one.answer, one.open_next, lambda: one.click(3), lambda: one.open_next(5)):
        deed()
    assert one.now is over and len(one.played) == 1
    one.new_round(), one.new_round()
    assert one._rounds == 2  # the second press came before an answer


@pytest.mark.slow
def test_a_storm_of_clicks_opens_every_patch_once(play):
    one = play(patch=8)
    for number in list(range(16)) * 2 + [3] * 20:
        one._patches[number].click()
        one.next_button.click()
    assert sorted(one.now.opened) == list(range(16)) and one.now.network.patches <= 16
    assert one.next_button.disabled and not one.answer_button.disabled
    one.kinds.value = 2
    one.answer()
    assert one.now.player.patches == 16


def test_another_order_holds_for_what_is_still_closed(play):
    one = play(
        maps={"from the left": left_first, "from the right": lambda pixels: -left_first(pixels)},
        patch=8,
    )
    one.open_next(2)
    one.order.value = "from the right"
    one.open_next(2)
    assert one.now.opened == (0, 4, 3, 7)
    one.order.value = game.RANDOM
    one.open_next(5)
    assert len(set(one.now.opened)) == 9
    one.order.value = game.CLICKS
    assert one.next_button.disabled and one.five_button.disabled
    one.kinds.value = 0
    one.answer()
    assert one.now.network


def test_a_map_is_asked_once_a_picture(play):
    asked = []
    one = play(maps={"counted": lambda pixels: asked.append(1) or left_first(pixels)}, patch=8)
    assert not asked
    for _ in range(5):
        one.open_next()
    assert len(asked) == 1
    one.kinds.value = 0
    one.answer()
    one.new_round()
    one.open_next()
    assert len(asked) == 2


@pytest.mark.parametrize(
    ("broken", "told"),
    [
        (lambda pixels: 1 / 0, "ZeroDivisionError"),
        (lambda pixels: torch.zeros(3, 3), "not as large as the picture"),
        (lambda pixels: torch.full(pixels.shape[-2:], math.nan), "not finite"),
    ],
)
def test_an_error_in_a_map_is_told_and_the_game_goes_on(play, broken, told):
    one = play(maps={"broken": broken}, patch=8)
    one.next_button.click()
    assert told in words(one) and 'role="alert"' in words(one) and one.now.opened == ()
    one.order.value = game.RANDOM
    one.next_button.click()
    assert len(one.now.opened) == 1


def test_what_the_network_thinks_is_hidden_until_the_answer_or_a_tick(play):
    one = play(patch=8)
    assert game.HIDDEN in one._thought.value
    one.hints.value = True
    assert "%" in one._thought.value and "dark" in one._thought.value
    one.hints.value = False
    assert game.HIDDEN in one._thought.value
    one.kinds.value = 0
    one.answer()
    assert "with 0 patches open" in one._thought.value


@pytest.mark.slow
def test_no_picture_comes_twice_before_all_have_come(play):
    pictures, seen = drawings(5), []
    one = play(pictures, patch=8)
    for _ in range(10):
        (match,) = [n for n in range(5) if torch.equal(pictures.pixels[n], one.table.pixels[0])]
        seen.append(match)
        one.kinds.value = 0
        one.answer()
        one.new_round()
    assert sorted(seen[:5]) == sorted(seen[5:]) == list(range(5))
    assert torch.equal(play(pictures, patch=8).table.pixels[0], pictures.pixels[seen[0]])


@pytest.mark.parametrize(
    ("channels", "height", "width", "patch"), [(1, 32, 32, 8), (3, 30, 50, 16), (3, 20, 20, 7)]
)
def test_one_channel_and_any_size_and_shape_will_do(play, channels, height, width, patch):
    one = play(drawings(2, height, width, channels), patch=patch)
    assert (
        len(one._patches) == one.table.count == math.ceil(height / patch) * math.ceil(width / patch)
    )
    one._patches[-1].click()
    one.open_next(one.table.count)
    assert len(one.now.opened) == one.table.count


def test_the_buttons_lie_exactly_on_their_patches(play):
    one = play(drawings(2, 30, 50), patch=16)
    grid = one._board.children[1].layout
    columns, rows = (
        [int(n[:-2]) for n in part.split()]
        for part in (grid.grid_template_columns, grid.grid_template_rows)
    )
    numbers = game.board_numbers(one.table.pixels, 16)
    assert (sum(rows), sum(columns)) == numbers.shape == (259, 432)
    assert np.cumsum(columns)[:-1].tolist() == (np.diff(numbers[0]).nonzero()[0] + 1).tolist()
    assert np.cumsum(rows)[:-1].tolist() == (np.diff(numbers[:, 0]).nonzero()[0] + 1).tolist()
    assert one._patches[5].tooltip == "row 2, column 2"


def test_its_text_is_short_and_always_the_same(play):
    one = play()
    bundle = one._repr_mimebundle_()
    assert bundle["text/plain"] == "Run this cell to play: you against the network."
    assert bundle["application/vnd.jupyter.widget-view+json"]["model_id"] == one._box.model_id


def test_only_core_widgets_are_used_and_every_control_has_a_name(play):
    one = play()
    for part in widgets._parts(one._box):
        if isinstance(part, Page):  # it gives names and is not seen
            continue
        assert part._model_module in ("@jupyter-widgets/controls", "@jupyter-widgets/base")
        assert not isinstance(part, W.Output)
        if isinstance(part, W.Button | W.Dropdown | W.FloatSlider | W.Checkbox):
            assert part.description or part.tooltip


@pytest.mark.slow
def test_a_cell_that_is_run_again_leaves_nothing_of_the_first_run(play, monkeypatch):
    runs = iter([("cell", 1), ("cell", 2), ("other", 3)])
    monkeypatch.setattr(widgets, "_running_cell", lambda: next(runs))
    looks = [lambda pixels: by_red(pixels) for _ in range(3)]
    first = play(look=looks[0])
    parts = len(_instances)
    gone = weakref.ref(looks.pop(0))
    second = play(look=looks[0])
    assert first.closed and len(_instances) == parts
    gc.collect()
    assert gone() is None
    play(look=looks[1])
    assert not second.closed
    for deed in (first.open_next, first.answer, first.new_round, lambda: first.click(0)):
        deed()  # its page is gone: nothing happens


@pytest.mark.parametrize(
    ("pictures", "settings", "told"),
    [
        (SimpleNamespace(**{**vars(drawings()), "labels": torch.zeros(3, 2)}), {}, "one label"),
        (
            SimpleNamespace(**{**vars(drawings()), "labels": torch.tensor([0, 1, 7])}),
            {},
            "one label, from 0 to 2",
        ),
        (
            SimpleNamespace(**{**vars(drawings()), "pixels": drawings().pixels * 255}),
            {},
            "divide by 255",
        ),
        (drawings(), {"patch": 0}, "patch is a whole number from 1 up, not 0"),
        (drawings(), {"patch": 1}, "a game has 2 to 256"),
        (drawings(), {"patch": 99}, "a game has 2 to 256"),
        (drawings(), {"threshold": 60}, "from 0.3 to 0.95"),
        (drawings(), {"maps": {game.RANDOM: left_first}}, "an order of its own"),
        (drawings(names=("a", "b", "c", "d")), {}, "3 probabilities for 4"),
        (drawings(), {"look": lambda pixels: pixels.mean(dim=(2, 3)) * 40}, "scores.softmax"),
    ],
)
def test_bad_input_is_refused_in_words_and_leaves_nothing_behind(play, pictures, settings, told):
    with pytest.raises(ValueError, match=told):
        play(pictures, **settings)


@pytest.mark.parametrize("number", [-1, 99])
def test_a_patch_that_is_not_there_is_refused_in_words(number):
    with pytest.raises(ValueError, match=f"patch is a whole number from 0 to 3, not {number}"):
        game.opened(table(), game.opened(table(), Round(), ()), [number])
