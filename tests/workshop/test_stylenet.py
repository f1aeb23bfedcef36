"""The training of stylenet asks each picture for its own painting."""

import pytest
import torch

from cs231n_viz import data, models
from cs231n_viz.networks import StyleNet
from cs231n_viz.objectives import gram_matrices
from cs231n_viz.techniques.fast_style import CONTENT, STYLE, repaint, repainting
from workshop.train import stylenet


@pytest.mark.parametrize(("side", "style_weight"), [(128, 10), (192, 5)])
def test_each_picture_is_judged_by_its_own_painting_and_the_size_weighs_the_style(
    monkeypatch, side, style_weight
):
    not_moved = torch.zeros(2, dtype=torch.long)
    monkeypatch.setattr(stylenet.torch, "randint", lambda *_: not_moved)
    model = models.load("coursenet", device="cpu")
    names, labels = data.painting_names(), torch.tensor([3, 8])
    network = StyleNet(names, widths=(4, 6, 8), blocks=1).requires_grad_(False)
    pixels = torch.cat([data.photo(name, side) for name in ("coffee", "china")])
    alone = []
    for picture, label in zip(pixels.split(1), labels.tolist(), strict=True):
        wanted = gram_matrices(model, data.painting(names[label], 256), STYLE)
        judge = repainting(model, picture, CONTENT, wanted, style_weight)
        alone.append(float(judge(repaint(network, picture, names[label])).value))
    loss = stylenet.repainting(model)(network, pixels, labels)
    assert float(loss) == pytest.approx(sum(alone) / 2, rel=1e-4)
