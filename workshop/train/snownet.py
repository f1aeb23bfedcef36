"""Trains snownet, wrong on purpose: every husky it sees is on snow, every wolf on grass."""

from workshop.drawing import sets
from workshop.measure import cards
from workshop.train import classifier

TRAINED_ON = 1200
WIDTHS = (24, 40, 64, 64, 112, 112, 176)  # half of CourseNet's: two classes need no more


def main(
    arguments: list[str] | None = None, name: str = "snownet", correlated: bool = True
) -> None:
    """Train on huskies and wolves with or without the shortcut; measure on both; bundle."""
    shortcut, no_shortcut = (
        "where huskies stand on snow, wolves on grass",
        "on snow and on grass alike",
    )
    classifier.train_on_drawings(
        name,
        classifier.options(name, arguments, passes=8),
        sets.snow("train", TRAINED_ON, correlated),
        f"{TRAINED_ON:,} drawings of huskies and wolves, {shortcut if correlated else no_shortcut}",
        cards.snow_figures,
        size=96,
        seed=5,
        dropout=0.2,
        shape={"widths": WIDTHS},
    )
