"""Trains what takes too long for lesson 15: one style, learned with and without instance norm, into data/style_lesson/.

python3 -m cs231n_viz.recipes.style_lesson [RUN …]      "with norm", "without norm"; both if none is named
"""

import json
import os
import sys
import time

import torch
from PIL import Image
from safetensors.torch import load_file, save
from torch import Tensor

from .. import data, images, models
from ..networks import StyleNet
from ..places import data_dir
from ..techniques import fast_style
from . import training

RUNS = {"with norm": True, "without norm": False}
PAINTING, STYLE_SIZE, STYLE_WEIGHT = "night", 256, 5.0
WIDTHS, BLOCKS = (12, 24, 48), 3
STEPS = 2000
RATES = {"with norm": 5e-3, "without norm": 1e-3}  # the second: the best of three that were tried
STOPS = (1, 30, 100, 300, 1000, STEPS)
TILE, SEED = 160, 15
NEVER_SEEN = "chelsea"
FOLDER = data_dir() / "style_lesson"
FILE = FOLDER / "losses.json"
CARD = """
`style_lesson/with_norm.safetensors` and `without_norm.safetensors`: two small networks that repaint (`StyleNet` of
`cs231n_viz/networks.py`, widths {widths}, {blocks} blocks, half precision), one style, *{painting}*, with instance norm and
without. The `.webp` of the same name: a photograph that was not trained on, as the network repaints it at six stops of its
training. `losses.json`: content and style loss on the way and, of that photograph, at the end. Lesson 15 shows them.

- Data: photographs that come with Python packages, whole and in quarters, and 64 drawings of the Picturebook.
- Recipe: `python3 -m cs231n_viz.recipes.style_lesson`, seed {seed}, {steps} steps of two pieces of 96 px, style weight {weight:g}; a peak
  rate of 0.005 with the norm, and without it of 0.001: of 0.001, 0.005 and 0.01 the one with the lowest loss after 250 steps.

| network | content loss | style loss | seconds of one core |
|---|---|---|---|
{rows}
"""


def photographs(pictures: Tensor, side: int = 128) -> Tensor:
    """Pictures (N, 3, side, side), and the photos of the packages but one: whole, and cut into four, (N + 35, 3, side, side)."""
    names = [name for name in data.photo_names() if name != NEVER_SEEN]
    whole = [data.photo(name, side) for name in names]
    large = [data.photo(name, 2 * side) for name in names]
    quarters = [
        photo[..., top : top + side, left : left + side] for photo in large for top in (0, side) for left in (0, side)
    ]
    return torch.cat([*whole, *quarters, pictures])


def fresh(normalize: bool = True) -> StyleNet:
    """A small network of one style that has learned nothing; the caller's random numbers stay as they were."""
    with torch.random.fork_rng():
        torch.manual_seed(SEED)
        return StyleNet(widths=WIDTHS, blocks=BLOCKS, normalize=normalize)


def main(arguments: list[str] | None = None) -> None:
    """Train these runs, or both; write each one's weights, its losses, and the photo never seen at the stops."""
    FOLDER.mkdir(exist_ok=True)
    model = models.load("coursenet", device="cpu")
    photos = photographs(data.picturebook("test", 64).pixels)
    for name in arguments or RUNS:
        network, made, losses = trained(model, photos, name)
        (FOLDER / f"{_slug(name)}.safetensors").write_bytes(
            save({key: value.half().contiguous() for key, value in network.state_dict().items()})
        )
        _page(made).save(FOLDER / f"{_slug(name)}.webp", quality=88, method=6)
        content, style = judged(model, load(name))
        _note(name, losses | {"content": round(content, 4), "style": round(style, 4)})
        print(name, flush=True)
    training.write_card("style_lesson", card())


def trained(model, photos: Tensor, name: str, steps: int = STEPS) -> tuple[StyleNet, list[Tensor], dict]:
    """The network, what it made of the photo never seen at each stop, and the mean losses of every hundredth of the steps."""
    network, unseen = fresh(RUNS[name]), data.photo(NEVER_SEEN, TILE)
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
    return network, made, rounded | {"every": every, "seconds": round(time.process_time() - started)}


@torch.no_grad()
def judged(model, network: StyleNet) -> tuple[float, float]:
    """The content and the style loss of the photo never seen, repainted at 128 px."""
    unseen = data.photo(NEVER_SEEN, 128)
    wanted = fast_style.gram_matrices(model, data.painting(PAINTING, STYLE_SIZE), fast_style.STYLE)
    judge = fast_style.repainting(model, unseen, fast_style.CONTENT, wanted)
    _, content, style = judge(fast_style.repaint(network, unseen, "style"))
    return float(content), float(style)


def card() -> str:
    """What lies in the folder, for data/README.md."""
    rows = "\n".join(
        f"| {name} | {run['content']:.2f} | {run['style']:.2f} | {run['seconds']} |" for name, run in losses()["runs"].items()
    )
    return CARD.format(rows=rows, painting=PAINTING, steps=STEPS, seed=SEED, weight=STYLE_WEIGHT, widths=WIDTHS, blocks=BLOCKS)


def load(name: str) -> StyleNet:
    """A stored network, frozen."""
    network = fresh(RUNS[name])
    stored = load_file(_there(FOLDER / f"{_slug(name)}.safetensors"))
    network.load_state_dict({key: value.float() for key, value in stored.items()})
    return network.requires_grad_(False)


def losses() -> dict:
    """What was measured while they learned: {"runs": {run: {"contents", "styles", "every", "seconds", "content", "style"}}}."""
    return json.loads(_there(FILE).read_text(encoding="utf-8"))


def strip() -> dict[str, list[Tensor]]:
    """{run: what it made of the photo never seen after each of STOPS}, pixels (3, TILE, TILE)."""
    pages = {name: images.to_pixels(_there(FOLDER / f"{_slug(name)}.webp"))[0] for name in RUNS}
    return {name: list(page.split(TILE, dim=2)) for name, page in pages.items()}


def _page(pictures: list[Tensor]) -> Image.Image:
    return images.to_picture(torch.cat(pictures, dim=2))


def _slug(name: str) -> str:
    return name.replace(" ", "_")


def _there(path):
    if not path.exists():
        raise FileNotFoundError(
            f"{path} is missing: git checkout -- data brings it back, python3 -m cs231n_viz.recipes.style_lesson makes it anew."
        )
    return path


def _note(name: str, found: dict) -> None:
    known = json.loads(FILE.read_text(encoding="utf-8"))["runs"] if FILE.exists() else {}
    partial = FILE.with_suffix(".partial")
    partial.write_text(json.dumps({"runs": known | {name: found}}) + "\n", encoding="utf-8", newline="\n")
    os.replace(partial, FILE)


if __name__ == "__main__":
    main(sys.argv[1:])
