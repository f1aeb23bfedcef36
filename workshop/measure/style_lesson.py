"""Trains what takes too long for lesson 15: one style, learned with and without instance norm.

python3 -m workshop.measure.style_lesson [RUN …]      "with norm", "without norm"; or both

writes data/style_lesson/.
"""

import json
import os
import sys
import time

import torch
from safetensors.torch import save
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.networks import StyleNet
from cs231n_viz.objectives import gram_matrices
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import fast_style
from workshop.train import training

RUNS = {"with norm": True, "without norm": False}
PAINTING, STYLE_SIZE, STYLE_WEIGHT = "night", 256, 5.0
STEPS = 2000
RATES = {"with norm": 5e-3, "without norm": 1e-3}  # the second: the best of three that were tried
STOPS = (1, 30, 100, 300, 1000, STEPS)
TILE, SEED = 160, 15
NEVER_SEEN, LEFT_OUT = "chelsea", ("chelsea", "motorcycle")
FOLDER = data_dir() / "style_lesson"
FILE = FOLDER / "losses.json"
CARD = """
`style_lesson/with_norm.safetensors` and `without_norm.safetensors`: two small networks that repaint
(`StyleNet` of `cs231n_viz/networks.py`, widths {widths}, {blocks} blocks, half precision), one
style, *{painting}*, with instance norm and without. The `.webp` of the same name: a photograph that
was not trained on, as the network repaints it at six stops of its training. `losses.json`: content
and style loss on the way and, of that photograph, at the end. Lesson 15 shows them.

- Data: photographs that come with Python packages, whole and in quarters, and 64 drawings of the
  Picturebook.
- Recipe: `python3 -m workshop.measure.style_lesson`, seed {seed}, {steps} steps of two pieces of
  96 px, style weight {weight:g}; a peak rate of 0.005 with the norm, and without it of 0.001: of
  0.001, 0.005 and 0.01 the one with the lowest loss after 250 steps.

| network | content loss | style loss | seconds of one core |
|---|---|---|---|
{rows}
"""


def main(arguments: list[str] | None = None) -> None:
    """Train these runs, or both; write weights, losses, and the unseen photo at the stops."""
    FOLDER.mkdir(exist_ok=True)
    model = models.load("coursenet", device="cpu")
    photos = torch.cat([data.photo_pieces(128, LEFT_OUT), data.picturebook("test", 64).pixels])
    for name in arguments or RUNS:
        network, made, losses = trained(model, photos, name)
        half = {key: value.half().contiguous() for key, value in network.state_dict().items()}
        (FOLDER / f"{_slug(name)}.safetensors").write_bytes(save(half))
        page = images.to_picture(torch.cat(made, dim=2))
        page.save(FOLDER / f"{_slug(name)}.webp", quality=88, method=6)
        content, style = judged(model, stored(name))
        _note(name, losses | {"content": round(content, 4), "style": round(style, 4)})
        print(name, flush=True)
    training.write_card("style_lesson", card())


def stored(name: str) -> StyleNet:
    """The network of a run, as its weights lie in data/."""
    return fast_style.small_network(RUNS[name], data.weights(f"style_lesson/{_slug(name)}"))


def trained(
    model, photos: Tensor, name: str, steps: int = STEPS
) -> tuple[StyleNet, list[Tensor], dict]:
    """The network, the unseen photo at each stop, the mean loss of each hundredth of the steps."""
    network, unseen = fast_style.small_network(RUNS[name]), data.photo(NEVER_SEEN, TILE)
    style, made, values = data.painting(PAINTING, STYLE_SIZE), [], []
    started = time.process_time()
    how = {"style_weight": STYLE_WEIGHT, "batch": 2, "rate": RATES[name], "seed": SEED}
    for step in fast_style.train_style_net_steps(network, model, photos, style, steps=steps, **how):
        values.append((step.content, step.style))
        if step.index + 1 in STOPS:
            made.append(fast_style.repaint(network, unseen, "style")[0])
    every = max(1, steps // 100)
    means = torch.tensor(values[: steps // every * every]).view(-1, every, 2).mean(dim=1)
    losses = {"contents": means[:, 0].tolist(), "styles": means[:, 1].tolist()}
    rounded = {part: [round(value, 3) for value in line] for part, line in losses.items()}
    seconds = round(time.process_time() - started)
    return network, made, rounded | {"every": every, "seconds": seconds}


@torch.no_grad()
def judged(model, network: StyleNet) -> tuple[float, float]:
    """The content and the style loss of the photo never seen, repainted at 128 px."""
    unseen = data.photo(NEVER_SEEN, 128)
    wanted = gram_matrices(model, data.painting(PAINTING, STYLE_SIZE), fast_style.STYLE)
    judge = fast_style.repainting(model, unseen, fast_style.CONTENT, wanted)
    _, content, style = judge(fast_style.repaint(network, unseen, "style"))
    return float(content), float(style)


def card() -> str:
    """What lies in the folder, for data/README.md."""
    rows = "\n".join(
        f"| {name} | {run['content']:.2f} | {run['style']:.2f} | {run['seconds']} |"
        for name, run in data.measured("style_lesson/losses")["runs"].items()
    )
    recipe = {"painting": PAINTING, "steps": STEPS, "seed": SEED, "weight": STYLE_WEIGHT}
    return CARD.format(rows=rows, **recipe, **fast_style.SMALL)


def _slug(name: str) -> str:
    return name.replace(" ", "_")


def _note(name: str, found: dict) -> None:
    known = json.loads(FILE.read_text(encoding="utf-8"))["runs"] if FILE.exists() else {}
    told = json.dumps({"steps": STEPS, "stops": STOPS, "runs": known | {name: found}})
    partial = FILE.with_suffix(".partial")
    partial.write_text(told + "\n", encoding="utf-8", newline="\n")
    os.replace(partial, FILE)


if __name__ == "__main__":
    main(sys.argv[1:])
