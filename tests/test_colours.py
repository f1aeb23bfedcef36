"""Charts and words can be read by everyone: enough contrast, and colours that stay apart for people
who see two kinds of colour instead of three.
"""

import itertools
import re

import numpy as np
import pytest
from skimage.color import rgb2lab

from cs231n_viz import plot
from cs231n_viz.widgets import alert

WHITE = "#ffffff"
# Machado, Oliveira & Fernandes 2009, table of severity 1.0, on linear RGB.
SEEN_BY = {
    "everyone": np.eye(3),
    "protanopia": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranopia": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
}
# Okabe & Ito's palette, made for people of all kinds of colour vision: our yardstick.
OKABE_ITO = ["#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9"]


def linear(colour: str) -> np.ndarray:
    """Red, green and blue in [0, 1], as light adds up."""
    values = np.array([int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)])
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def contrast(colour: str, ground: str = WHITE) -> float:
    """As WCAG 2 defines it: from 1 to 21."""
    dark, light = sorted(linear(each) @ (0.2126, 0.7152, 0.0722) for each in (colour, ground))
    return (light + 0.05) / (dark + 0.05)


def lab(colour: str, kind: str) -> np.ndarray:
    seen = np.clip(np.array(SEEN_BY[kind]) @ linear(colour), 0, 1)
    small = seen <= 0.0031308
    return rgb2lab(np.where(small, 12.92 * seen, 1.055 * seen ** (1 / 2.4) - 0.055))


def nearest(colours, kind: str) -> float:
    """The smallest distance of two of them in CIE Lab; people notice about 2.3."""
    places = [lab(colour, kind) for colour in colours]
    return min(np.linalg.norm(one - other) for one, other in itertools.combinations(places, 2))


def test_the_measures_give_known_numbers():
    assert contrast("#000000") == pytest.approx(21) and contrast("#777777") == pytest.approx(
        4.48, abs=0.01
    )
    assert nearest(["#ff0000", "#00ff00"], "everyone") == pytest.approx(170.6, abs=0.1)
    assert lab("#808080", "deuteranopia") == pytest.approx(lab("#808080", "everyone"), abs=0.1)


def test_all_words_stand_out_from_the_ground():
    words = {
        name: value for name, value in plot.STYLE.items() if re.search("(label|text).*color", name)
    }
    assert len(words) == 4
    (warning,) = re.findall("#[0-9a-f]{6}", alert(ValueError("")))
    for colour in (*words.values(), warning):
        assert contrast(colour) >= 4.5, colour
    assert contrast(plot.INK, plot.PALE) >= 4.5


def test_lines_and_dots_stand_out_from_the_ground():
    for colour in (plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE, plot.QUIET):
        assert contrast(colour) >= 3, colour


@pytest.mark.parametrize("kind", SEEN_BY)
def test_the_colours_of_a_chart_are_as_far_apart_as_those_of_okabe_and_ito(kind):
    colours = [plot.BLUE, plot.ORANGE, plot.GREEN, plot.PURPLE, plot.QUIET, plot.INK]
    yardstick = min(nearest(OKABE_ITO, each) for each in SEEN_BY)
    assert yardstick == pytest.approx(17.9, abs=0.1)
    assert nearest(colours, kind) >= yardstick
