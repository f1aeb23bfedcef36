"""From a slider's event to the picture's PNG bytes: `python -m workshop.benchmarks.slider`.

The event is a change of the control's value in the kernel, as the page sends it; the end is the
moment at which the new bytes stand in the image widget. What the browser adds (two messages,
decoding, painting) is not in it. Asked for: at most 100 ms at 224 px.
"""

import threading
import time

import torch

from cs231n_viz import data, models, plot, widgets
from cs231n_viz.activations import capture
from workshop.benchmarks.rounds import milliseconds, surroundings

EVENTS = 40


def maps_of(model: models.PixelModel, size: int) -> dict[str, torch.Tensor]:
    """All maps of a photograph, computed once: {layer: (C, h, w)}."""
    layers = [layer for layer in model.layers if len(model.shapes[layer]) == 4]
    with torch.no_grad(), capture(model, *layers) as outputs:
        model(data.photo("chelsea", size))
    return {layer: output[0] for layer, output in outputs.items()}


def time_events(explorer: widgets.Explorer, control: str, values) -> list[float]:
    """Seconds from each event to the bytes that answer it, one event after the other."""
    arrived, seconds = threading.Event(), []
    explorer.image.observe(lambda change: arrived.set(), "value")
    for value in values:
        arrived.clear()
        began = time.perf_counter()
        explorer.controls[control].value = value
        if not arrived.wait(30):
            raise TimeoutError(f"no picture came for {control} = {value}")
        seconds.append(time.perf_counter() - began)
        explorer.wait()
    return seconds


def main() -> None:
    torch.set_num_threads(1)
    model = models.load("coursenet", device="cpu")
    photo = data.photo("chelsea", 224)
    maps = maps_of(model, 224)

    def one_map(layer, channel):
        return plot.image_row(
            [photo[0], plot.colored(maps[layer][channel], signed=False)], side=224
        )

    def all_maps(layer, first):
        return plot.tile_figure(
            maps[layer][first : first + 64].unsqueeze(1).expand(-1, 3, -1, -1), columns=8
        )

    print(
        "| a slider on cached activations, 224 px "
        f"| event to PNG bytes, median of {EVENTS} (range) |\n|---|---|"
    )
    for name, draw, control in (
        ("one map beside the photograph", one_map, "channel"),
        ("64 maps at once", all_maps, "first"),
    ):
        explorer = widgets.explore(
            draw,
            layer=widgets.menu(list(maps), start="relu3_1"),
            **{control: widgets.slider(0, 63)},
        )
        times = time_events(explorer, control, range(1, EVENTS + 1))
        print(f"| {name} | {milliseconds(times)} |")
        times = time_events(explorer, control, range(EVENTS - 1, -1, -1))
        print(f"| {name}, seen before | {milliseconds(times)} |")
        explorer.close()
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
