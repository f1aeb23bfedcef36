"""The training loop: resumes on the same schedule, measures honestly, writes what `load` reads."""

import json

import pytest
import torch
from scipy.stats import binomtest
from torch import nn

from cs231n_viz import models
from cs231n_viz.networks import CourseNet
from cs231n_viz.recipes import training


def tiny():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.2), nn.Flatten(), nn.LazyLinear(3)
    )


@pytest.fixture
def batches():
    pictures = torch.randint(
        0, 256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    labels = torch.arange(12) % 3

    def one_pass(generator):
        for chosen in torch.randperm(12, generator=generator).view(3, 4):
            yield training.augment(pictures[chosen], 8, generator), labels[chosen]

    return one_pass


def fitted(batches, checkpoint, passes=3):
    network = tiny()
    network(torch.zeros(2, 3, 8, 8))
    with torch.random.fork_rng():
        training.fit(network, batches, 3, passes=passes, checkpoint=checkpoint)
    return network.state_dict()


def test_a_training_that_was_killed_ends_like_one_that_was_not(batches, tmp_path):
    whole = fitted(batches, tmp_path / "whole.pt")
    passes = iter(range(10))

    def killed_in_the_second_pass(generator):
        number = next(passes)
        for step, batch in enumerate(batches(generator)):
            if (number, step) == (1, 2):
                raise KeyboardInterrupt
            yield batch

    with pytest.raises(KeyboardInterrupt):
        fitted(killed_in_the_second_pass, tmp_path / "cut.pt")
    resumed = fitted(batches, tmp_path / "cut.pt")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_a_kill_while_the_checkpoint_is_written_leaves_the_old_one(batches, tmp_path, monkeypatch):
    checkpoint, whole, written = tmp_path / "net.pt", torch.save, iter(range(9))

    def half_the_second_time(state, path):
        if next(written) == 1:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        whole(state, path)

    monkeypatch.setattr(torch, "save", half_the_second_time)
    with pytest.raises(KeyboardInterrupt):
        fitted(batches, checkpoint)
    assert torch.load(checkpoint, weights_only=True)["done"] == 1


def test_a_checkpoint_of_another_schedule_is_refused_and_kept(batches, tmp_path):
    checkpoint = tmp_path / "net.pt"
    fitted(batches, checkpoint, passes=1)
    before = checkpoint.read_bytes()
    with pytest.raises(ValueError, match="net.pt belongs to a training with.*Delete it to begin anew"):
        fitted(batches, checkpoint, passes=3)
    assert checkpoint.read_bytes() == before


def test_a_damaged_checkpoint_is_named(batches, tmp_path):
    (tmp_path / "net.pt").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="net.pt is no checkpoint of this recipe"):
        fitted(batches, tmp_path / "net.pt")


def test_the_rate_climbs_to_its_peak_and_ends_at_zero():
    rates = [training.one_cycle(progress / 100, 0.15) for progress in range(101)]
    assert max(rates) == pytest.approx(0.15) and rates.index(max(rates)) == 20
    assert rates[0] == pytest.approx(0.006) and rates[100] == pytest.approx(0, abs=1e-9)
    assert rates[:21] == sorted(rates[:21]) and rates[20:] == sorted(rates[20:], reverse=True)


@pytest.mark.parametrize(("right", "count"), [(0, 10), (7, 10), (83, 100), (1401, 1401)])
def test_the_interval_is_wilsons(right, count):
    expected = binomtest(right, count).proportion_ci(method="wilson")
    assert training.interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-4)


def test_share_in_words():
    assert training.share_in_words(torch.tensor([True] * 83 + [False] * 17)) == "83.0 % (74.5–89.1)"


def test_augmented_pictures_are_pixels_and_come_from_their_generator_alone():
    pictures = torch.randint(
        0, 256, (5, 3, 40, 40), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    state, generators = torch.get_rng_state(), [torch.Generator().manual_seed(seed) for seed in (3, 3, 4)]
    first, again, other = (training.augment(pictures, 32, generator) for generator in generators)
    assert first.shape == (5, 3, 32, 32) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_half_of_the_augmented_pictures_are_mirrored():
    ramp = torch.linspace(0, 255, 40).byte().expand(400, 3, 40, 40)
    pixels = training.augment(ramp, 16, torch.Generator().manual_seed(0))
    mirrored = (pixels[:, 0, :, :8].mean(dim=(1, 2)) > pixels[:, 0, :, 8:].mean(dim=(1, 2))).float().mean()
    assert 0.4 < mirrored < 0.6


def test_a_bundled_network_is_loaded_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(models, "data_dir", lambda: tmp_path)
    network = CourseNet(2, widths=(4, 4, 4, 4, 4, 4, 4)).eval()
    about = {"mean": [0.5, 0.4, 0.3], "std": [0.2, 0.2, 0.2], "class_names": ["cat", "dog"], "input_size": 64}
    digest = training.bundle("toy", network, about)
    assert json.loads((tmp_path / "checksums.json").read_text()) == {"toy.safetensors": digest}
    model = models.load("toy", device="cpu")
    pixels = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
    expected = models.wrap(network, mean=about["mean"], std=about["std"], input_size=64)(pixels)
    torch.testing.assert_close(model(pixels), expected, rtol=1e-2, atol=1e-3)  # half precision
    assert model.class_names == ["cat", "dog"] and model.input_size == 64


def test_a_card_replaces_its_own_section_and_no_other(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "data_dir", lambda: tmp_path)
    for name, text in [("b", "of b"), ("a", "of a"), ("b", "new of b")]:
        training.write_card(name, text)
    written = (tmp_path / "README.md").read_text()
    assert written.count("## ") == 2 and "new of b" in written and "\nof b" not in written
    assert written.index("## a") < written.index("## b")
