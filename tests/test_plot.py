"""Figures are laid out to the pixel, look alike, leave nothing behind, and are shown with words."""

import base64
import io
import sys
import threading

import matplotlib
import numpy as np
import pytest
import skimage.data
import torch
from PIL import Image

from cs231n_viz import images, plot
from cs231n_viz.intervals import Interval

CHESS = torch.tensor([[0.0, 1.0], [1.0, 0.0]]).expand(1, 3, 2, 2)
NUMBERS = np.linspace(-1, 1, 50)
LINES = {  # three rows; the other line has nothing to say of the second
    "made": [Interval(2.0, 1.0, 4.0), Interval(5.0, 5.0, 6.0), Interval(8.0, 7.0, 9.0)],
    "other": [Interval(3.0, 2.0, 3.5), None, Interval(1.0, 0.5, 1.5)],
}
FIGURES = {
    "image_row": lambda: plot.image_row([CHESS, CHESS], ["one", "two"]),
    "image_grid": lambda: plot.image_grid([CHESS] * 5, columns=2, row_names=["a", "b", "c"]),
    "before_after": lambda: plot.before_after(CHESS, 1 - CHESS),
    "tile_figure": lambda: plot.tile_figure(torch.rand(6, 3, 4, 4), labels="abcdef", highlight=2),
    "scatter_images": lambda: plot.scatter_images([CHESS] * 3, [(0, 0), (1, 1), (1, 0)]),
    "two maps": lambda: plot.scatter_images(
        [CHESS] * 3, [NUMBERS[:6].reshape(3, 2)] * 2, ["one", "two"], names={"a": [0, 1], "b": [2]}
    ),
    "picture_map": lambda: plot.picture_map(
        torch.rand(4, 3, 30, 30), [0, 1, 4, 5], 3, [0, 0, 1, 0], "ab"
    ),
    "value_maps": lambda: plot.value_maps(torch.randn(3, 5, 5), ["r", "g", "b"], "weight"),
    "heatmap_over": lambda: plot.heatmap_over(CHESS, torch.rand(1, 3, 3), label="drop"),
    "bars": lambda: plot.bars(["cat", "dog"], [0.9, 0.1], "Top 2", picture=CHESS),
    "curve": lambda: plot.curve({"down": -NUMBERS, "up": NUMBERS}, xlabel="step"),
    "scatter": lambda: plot.scatter(NUMBERS, NUMBERS, colors={"a": range(25), "b": range(25, 50)}),
    "intervals": lambda: plot.intervals({"one": LINES, "two": LINES}, "abc"),
    "intervals, sideways": lambda: plot.intervals({"one": LINES}, "abc", sideways=True),
}


def pixels_of(figure, **settings):
    return np.asarray(Image.open(io.BytesIO(plot.png(figure, **settings))).convert("RGB"))


@pytest.mark.slow
@pytest.mark.parametrize("name", FIGURES)
def test_every_figure_has_ink_a_size_of_its_own_and_fits_a_page(name):
    drawn, again = pixels_of(FIGURES[name]()), pixels_of(FIGURES[name]())
    assert drawn.shape == again.shape and drawn.shape[1] <= plot.WIDTH + 10
    assert drawn.std() > 3 and (drawn[0, -1] == 255).all()


@pytest.mark.slow
def test_figures_need_no_pyplot_and_change_no_setting(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)  # importing it now fails
    before = {key: matplotlib.rcParams[key] for key in plot.STYLE}
    for figure in FIGURES.values():
        plot.png(figure())
    assert {key: matplotlib.rcParams[key] for key in plot.STYLE} == before


def test_two_threads_may_draw_at_once():
    expected, results = pixels_of(FIGURES["curve"]()), []

    def draw_some():
        results.extend(pixels_of(FIGURES["curve"]()) for _ in range(4))

    threads = [threading.Thread(target=draw_some) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(results) == 8 and all((drawn == expected).all() for drawn in results)


def test_a_small_picture_is_drawn_in_whole_blocks_of_its_own_colours():
    drawn = pixels_of(plot.image_row(CHESS, side=320))
    inside = drawn[4:324, :320]
    assert (inside[:160, :160] == 0).all() and (inside[:160, 160:] == 255).all()
    assert (inside[160:, :160] == 255).all() and (inside[160:, 160:] == 0).all()


def test_a_longer_title_makes_room_and_pictures_keep_their_shape():
    short = plot.image_row([CHESS] * 5, ["one line"] * 5)
    tall = plot.image_row(
        [CHESS] * 5, ["this title is so long that it must be broken into lines"] * 5
    )
    assert (
        tall.get_figheight() > short.get_figheight() and tall.get_figwidth() == short.get_figwidth()
    )
    wide = plot.image_row(torch.zeros(1, 3, 10, 40), side=200)
    assert pixels_of(wide).shape[:2] == (50 + 8, 200)


def test_a_mosaic_by_hand():
    tiles = np.array(
        [[[0, 1]], [[5, 5]], [[-2, 2]]], dtype=float
    )  # three tiles of one row, two columns
    each = plot.mosaic(tiles, columns=2, gap=1)
    assert each.shape == (3, 5, 3)
    assert each[..., 0].tolist() == [[0, 1, 1, 0.5, 0.5], [1, 1, 1, 1, 1], [0, 1, 1, 1, 1]]
    shared = plot.mosaic(tiles, columns=2, gap=1, scale="shared")[..., 0]
    assert shared[0].tolist() == pytest.approx([2 / 7, 3 / 7, 1, 1, 1]) and shared[2, 0] == 0
    assert plot.mosaic(tiles, columns=2, scale=None)[0, :2, 0].tolist() == [0, 1]


def test_tensors_have_their_channels_first_and_arrays_last_even_where_both_fit():
    bank = torch.zeros(1, 3, 3, 3)
    bank[0, 0, 0, 2] = 1  # red, first row, last column
    assert plot.mosaic(bank)[0, 2].tolist() == [1, 0, 0]
    assert plot.mosaic(bank.movedim(1, -1).numpy())[0, 2].tolist() == [1, 0, 0]


def test_a_highlighted_tile_has_a_frame_and_only_it():
    plain = pixels_of(plot.tile_figure(np.zeros((4, 5, 5)), columns=4, highlight=()))
    framed = pixels_of(plot.tile_figure(np.zeros((4, 5, 5)), columns=4, highlight=[1]))
    orange = (abs(framed.astype(int) - (221, 122, 47)).max(-1) < 8).nonzero()
    assert not (abs(plain.astype(int) - (221, 122, 47)).max(-1) < 8).any()
    quarter = framed.shape[1] / 4
    assert len(orange[1]) and quarter - 8 < orange[1].min() and orange[1].max() < 2 * quarter + 8


def test_a_picture_map_has_borders_only_between_unlike_labels():
    black = torch.zeros(4, 3, 40, 40)
    drawn = pixels_of(plot.picture_map(black, [0, 1, 2, 3], 2, [5, 5, 5, 7]))[4:84, :80, 0]
    assert (drawn[10:30, 38:43] == 0).all() and (
        drawn[38:43, 10:30] == 0
    ).all()  # 5 beside and above 5
    assert (drawn[50:70, 39:41] > 200).any(axis=1).all() and (drawn[39:41, 50:70] > 200).any(
        axis=0
    ).all()


@pytest.mark.parametrize("corner", [(4, 1), (1, 4)], ids=["wide", "tall"])
def test_a_map_has_one_scale_for_both_axes_and_y_upwards(corner):
    black, grey = torch.zeros(1, 3, 1, 1), torch.full((1, 3, 1, 1), 0.5)
    figure = plot.scatter_images([black, grey], [(0, 0), corner], side=10)
    drawn = np.asarray(figure.axes[0].get_images()[0].get_array())[..., 0]
    (low, left), (high, right) = (
        np.argwhere(drawn == tone).min(axis=0) for tone in (0, drawn[drawn > 0].min())
    )
    assert (right - left) * corner[1] == pytest.approx((low - high) * corner[0], abs=4)
    assert right > left and low > high  # rows are counted downwards
    assert right + 10 == drawn.shape[1] or high == 0  # as large as fits


def test_names_on_a_map_do_not_lie_on_one_another():
    groups = {"first name": [0], "second name": [1]}
    figure = plot.scatter_images([CHESS] * 3, [(0, 0), (0, 0), (1, 1)], names=groups)
    figure.draw_without_rendering()
    one, other = (text.get_window_extent() for text in figure.axes[0].texts)
    assert not one.overlaps(other)


def test_signed_maps_are_centred_at_zero_and_share_one_scale():
    figure = plot.value_maps([np.array([[0, 1.0]]), np.array([[-4.0, 0]])])
    norms = [axes.get_images()[0].norm for axes in figure.axes[:2]]
    assert [(norm.vmin, norm.vmax) for norm in norms] == [(-4, 4)] * 2
    constant = plot.value_maps(np.zeros((3, 3)), signed=False).axes[0].get_images()[0].norm
    assert constant.vmin < constant.vmax


def test_a_heat_map_of_any_size_covers_the_whole_picture():
    _, right, bar = plot.heatmap_over(torch.rand(1, 3, 20, 30), torch.rand(4, 6), label="drop").axes
    picture, heat = right.get_images()
    assert heat.get_extent() == pytest.approx(picture.get_extent()) and bar.get_ylabel() == "drop"


def dots_of(axes):
    return {line.get_label(): line.get_xydata().tolist() for line in axes.lines}


def ranges_of(axes):
    return [part.tolist() for ranges in axes.collections for part in ranges.get_segments()]


def test_intervals_have_a_dot_and_a_range_for_each_line_beside_one_another_in_each_row():
    (axes,) = plot.intervals({"title": LINES}, ["a", "b", "c"]).axes
    left, right = -0.065, 0.065
    assert dots_of(axes) == {
        "made": [[left, 2], [1 + left, 5], [2 + left, 8]],
        "other": [[right, 3], [2 + right, 1]],  # None leaves its place empty
    }
    assert ranges_of(axes)[::3] == [[[left, 1], [left, 4]], [[right, 2], [right, 3.5]]]
    assert len(ranges_of(axes)) == 5
    assert [label.get_text() for label in axes.get_xticklabels()] == ["a", "b", "c"]
    assert [words.get_text() for words in axes.get_legend().texts] == ["made", "other"]
    assert axes.get_title(loc="left") == "title"


def test_sideways_intervals_name_their_rows_once_from_above_and_include_zero():
    figure = plot.intervals(
        {"one": LINES, "two": {"made": LINES["made"][::-1]}}, "abc", sideways=True
    )
    one, two = figure.axes
    assert dots_of(one) == {"made": [[2, 0], [5, 1], [8, 2]], "other": [[3, 0], [1, 2]]}
    assert ranges_of(one)[0] == [[1, 0], [4, 0]]
    assert [label.get_text() for label in one.get_yticklabels()] == ["a", "b", "c"]
    assert one.get_ylim() == two.get_ylim() and one.get_ylim()[0] > one.get_ylim()[1]
    assert one.get_xlim()[0] == two.get_xlim()[0] == 0
    assert [words.get_text() for words in figure.legends[0].texts] == ["made", "other"]


@pytest.mark.parametrize("sideways", [False, True])
def test_intervals_have_a_logarithmic_scale_and_a_mark_where_asked(sideways):
    panels = {"plain": LINES, "special": LINES}
    figure = plot.intervals(panels, "abc", ["special"], sideways, marks={"special": 2.5})
    plain, special = figure.axes
    along, across = (axes.get_xscale() if sideways else axes.get_yscale() for axes in figure.axes)
    assert (along, across) == ("linear", "log") and plot.png(figure).startswith(b"\x89PNG")
    assert len(special.lines) == len(plain.lines) + 1
    mark = special.lines[-1]
    assert mark.get_linestyle() == ":"
    assert list(mark.get_xdata() if sideways else mark.get_ydata()) == [2.5, 2.5]


def test_hollow_intervals_are_rings_without_ranges_and_without_a_name():
    lines = {"map": LINES["other"], "nothing": [None] * 3, "hollow": LINES["made"]}
    figure = plot.intervals({"one": lines}, "abc", sideways=True)
    ring = figure.axes[0].lines[-1]
    assert ring.get_xdata().tolist() == [2, 5, 8] and ring.get_markerfacecolor() == "none"
    assert len(ranges_of(figure.axes[0])) == 2
    assert [words.get_text() for words in figure.legends[0].texts] == ["map", "nothing"]


def test_bars_write_their_values_out():
    (axes,) = plot.bars(["cat", "dog"], torch.tensor([0.614, 0.02])).axes
    assert [text.get_text() for text in axes.texts] == ["61%", "2%"] and axes.get_xlim()[1] > 1


def test_a_page_holds_charts_as_png_without_loss_and_photographs_as_jpeg_in_full_colour():
    photo, chart = images.to_pixels(skimage.data.astronaut(), 400), FIGURES["bars"]()
    kind, encoded = plot.compact(photo)
    kept = Image.open(io.BytesIO(encoded))
    assert kind == "image/jpeg" and kept.layer == [
        (1, 1, 1, 0),
        (2, 1, 1, 1),
        (3, 1, 1, 1),
    ]  # 4:4:4
    assert abs(pixels_of(photo).astype(int) - np.asarray(kept)).mean() < 2.5  # of 255
    assert len(encoded) < len(plot.png(photo)) / 3 and plot.compact(photo)[1] == encoded
    kind, encoded = plot.compact(chart)
    assert (
        kind == "image/png"
        and (np.asarray(Image.open(io.BytesIO(encoded))) == pixels_of(chart)).all()
    )


def test_on_request_no_value_of_a_photograph_changes():
    photo = images.to_pixels(skimage.data.astronaut(), 100)
    kind, encoded = plot.compact(photo, exact=True)
    kept = Image.open(io.BytesIO(encoded))
    assert kind == "image/png" and kept.mode == "RGB"
    assert (np.asarray(kept) == pixels_of(photo)).all()


@pytest.mark.parametrize("side, kind", [(2, "image/png"), (200, "image/jpeg")])
def test_show_displays_the_picture_with_its_words_and_prints_them(monkeypatch, capsys, side, kind):
    shown, noise = [], torch.rand(3, side, side, generator=torch.Generator().manual_seed(1))
    monkeypatch.setattr(
        plot, "display", lambda bundle, **settings: shown.append((bundle, settings))
    )
    plot.show(noise, "noise, first of 2")
    ((bundle, settings),) = shown
    assert base64.b64decode(bundle[kind]) == plot.compact(noise)[1] and settings["raw"]
    assert bundle["text/plain"] == "noise, first of 2"
    assert settings["metadata"] == {kind: {"alt": "noise, first of 2"}}
    assert capsys.readouterr().out == "noise, first of 2\n"


def test_bad_arrays_are_explained():
    with pytest.raises(ValueError, match=r"tiles are .* channels last, not \(2, 5, 5, 7\)"):
        plot.mosaic(torch.zeros(2, 7, 5, 5))
    with pytest.raises(ValueError, match="unknown scale 'all'. Known: each, shared, None"):
        plot.mosaic(np.zeros((2, 5, 5)), scale="all")
    with pytest.raises(ValueError, match=r"a map is \(H, W\).*this one is \(2, 3, 3\)"):
        plot.heatmap_over(CHESS, torch.zeros(2, 3, 3))


def test_an_array_of_bytes_may_have_an_alpha_channel():
    array = np.zeros((5, 6, 4), np.uint8)
    array[..., 0] = 200
    assert plot._picture(array).getpixel((2, 2)) == (200, 0, 0)
