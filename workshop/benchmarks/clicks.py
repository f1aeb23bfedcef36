"""From a key or a click to the next picture on the page: `python -m workshop.benchmarks.clicks`.

In our JupyterLab and chromium, on activations that are at hand. The event is the browser's own, the
end is the moment at which the new picture has been loaded. Asked for: at most 0.3 s.
"""

import tempfile
from pathlib import Path

from tests import browser
from workshop.benchmarks.rounds import milliseconds, surroundings

EVENTS = 20
CELLS = [
    """
import torch
from cs231n_viz import data, models, plot, widgets
from cs231n_viz.activations import activations_at

torch.set_num_threads(1)
model, photo = models.load("coursenet", device="cpu"), data.photo("chelsea", 224)
with torch.no_grad():
    maps = activations_at(model, photo, "relu3_1")[0, :64]

def one_map(channel):
    small = plot.colored(maps[channel], signed=False)
    return plot.image_row([photo[0], small], side=224), f"channel {channel}"

widgets.explore(one_map, channel=widgets.slider(0, 63))
""",
    """
tiles = plot.tile_figure(maps[:, None].expand(-1, 3, -1, -1), columns=8)
words = [f"channel {number}" for number in range(64)]
widgets.explore(one_map, channel=widgets.clickable(tiles, words, alt="64 maps"))
""",
]
WATCH = """box => {
    const images = box.querySelectorAll('.widget-image'), image = images[images.length - 1];
    for (const kind of ['keydown', 'pointerdown'])
        box.addEventListener(kind, () => { window.began = performance.now(); }, true);
    image.addEventListener('load', () => { window.took = performance.now() - window.began; });
}"""


def time_events(page, box, act) -> list[float]:
    """Seconds from each event to the picture that answers it, one event after the other."""
    seconds = []
    for number in range(EVENTS):
        page.evaluate("window.took = null")
        act(number)
        seconds.append(browser.soon(lambda: page.evaluate("window.took"), seconds=30) / 1000)
    return seconds


def main() -> None:
    with tempfile.TemporaryDirectory() as folder, browser.page_with(CELLS, Path(folder)) as page:
        slider, album = map(page.locator(".jp-OutputArea-output:has(.widget-image)").nth, (0, 1))
        handle = slider.locator("[role=slider]")
        area = album.locator("[aria-roledescription='clickable picture']")
        album.wait_for()
        side = area.bounding_box()["width"] / 8

        def click(number: int) -> None:
            row, column = divmod(number + 1, 8)
            area.click(position={"x": (column + 0.5) * side, "y": (row + 0.5) * side})

        ways = (
            ("an arrow key on a slider", slider, lambda _: handle.press("ArrowRight")),
            ("the same back: seen before", slider, lambda _: handle.press("ArrowLeft")),
            ("a click on one of 64 tiles", album, click),
            ("the same back: seen before", album, lambda number: click(EVENTS - 2 - number)),
        )
        print(
            f"| to the next picture on the page, 224 px | median of {EVENTS} (range) |\n|---|---|"
        )
        for name, box, act in ways:
            box.scroll_into_view_if_needed()
            box.evaluate(WATCH)
            print(f"| {name} | {milliseconds(time_events(page, box, act))} |")
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
