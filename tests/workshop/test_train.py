"""The training loop: resumes on the same schedule, measures honestly, writes what `load` reads."""

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch
from PIL import Image
from torch import nn

from cs231n_viz import data, models
from cs231n_viz.networks import CourseNet
from workshop.measure import cards
from workshop.train import NETWORKS, caltech, classifier, coursenet_robust, snownet, training
from workshop.train import __main__ as program


def tiny():
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.ReLU(),
        nn.Dropout(0.2),
        nn.Flatten(),
        nn.LazyLinear(3),
    )


@pytest.fixture
def plan():
    pictures = torch.randint(
        0, 256, (12, 3, 16, 16), generator=torch.Generator().manual_seed(0), dtype=torch.uint8
    )
    return lambda index: (pictures, torch.arange(12) % 3, 8)


@pytest.fixture(autouse=True)
def one_number_type(monkeypatch):
    """A stopwatch chooses it; these tests compare bits."""
    monkeypatch.setattr(training, "fastest_number_type", lambda device: torch.float32)


def fitted(plan, checkpoint, passes=3, **settings):
    network = tiny()
    network(torch.zeros(2, 3, 8, 8))
    with torch.random.fork_rng():
        training.fit(
            network,
            plan,
            name="tiny",
            passes=passes,
            checkpoint=checkpoint,
            batch_size=4,
            **settings,
        )
    return network.state_dict()


def test_a_training_that_was_killed_ends_like_one_that_was_not(plan, tmp_path):
    whole = fitted(plan, tmp_path / "whole.pt")
    steps = iter(range(10))

    def killed_in_the_second_pass(network, pixels, labels):
        if next(steps) == 5:
            raise KeyboardInterrupt
        return training.cross_entropy(network, pixels, labels)

    with pytest.raises(KeyboardInterrupt):
        fitted(plan, tmp_path / "cut.pt", loss=killed_in_the_second_pass)
    resumed = fitted(plan, tmp_path / "cut.pt")
    assert all(torch.equal(whole[key], resumed[key]) for key in whole)


def test_every_pass_has_the_pictures_and_the_size_of_its_plan(plan, tmp_path):
    seen = []

    def watched(network, pixels, labels):
        seen.append((len(seen) // 3, tuple(pixels.shape), labels.tolist()))
        return training.cross_entropy(network, pixels, labels)

    def growing(index):
        pictures, labels, _ = plan(index)
        return (pictures, labels, 8) if index == 0 else (pictures[:4], labels[:4], 10)

    network = nn.Sequential(
        nn.Conv2d(3, 3, 3), nn.BatchNorm2d(3), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    )
    training.fit(
        network,
        growing,
        name="tiny",
        passes=2,
        checkpoint=tmp_path / "net.pt",
        batch_size=4,
        loss=watched,
    )
    assert [shape for _, shape, _ in seen] == [(4, 3, 8, 8)] * 3 + [(4, 3, 10, 10)]
    assert (
        sorted(label for _, _, labels in seen[:3] for label in labels)
        == [0] * 4 + [1] * 4 + [2] * 4
    )


def test_a_resumed_training_keeps_its_number_type(plan, tmp_path, monkeypatch):
    fitted(plan, tmp_path / "net.pt", passes=1)
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    torch.save({**state, "schedule": {**state["schedule"], "passes": 2}}, tmp_path / "net.pt")
    monkeypatch.setattr(
        training, "fastest_number_type", lambda device: pytest.fail("measured anew")
    )
    fitted(plan, tmp_path / "net.pt", passes=2)
    assert torch.load(tmp_path / "net.pt", weights_only=True)["bfloat16"] is False


def test_a_loss_that_is_no_number_ends_the_training_and_keeps_the_pass_before(plan, tmp_path):
    fitted(plan, tmp_path / "net.pt", passes=1)
    state = torch.load(tmp_path / "net.pt", weights_only=True)
    torch.save({**state, "schedule": {**state["schedule"], "passes": 2}}, tmp_path / "net.pt")

    def diverged(network, pixels, labels):
        return training.cross_entropy(network, pixels, labels) * float("nan")

    with pytest.raises(
        ValueError, match=r"the loss of tiny is nan in pass 2: .*net.pt holds the pass before"
    ):
        fitted(plan, tmp_path / "net.pt", passes=2, loss=diverged)
    assert torch.load(tmp_path / "net.pt", weights_only=True)["done"] == 1


def test_a_kill_while_the_checkpoint_is_written_leaves_the_old_one(plan, tmp_path, monkeypatch):
    checkpoint, whole, written = tmp_path / "net.pt", torch.save, iter(range(9))

    def half_the_second_time(state, path):
        if next(written) == 1:
            path.write_bytes(b"half")
            raise KeyboardInterrupt
        whole(state, path)

    monkeypatch.setattr(torch, "save", half_the_second_time)
    with pytest.raises(KeyboardInterrupt):
        fitted(plan, checkpoint)
    assert torch.load(checkpoint, weights_only=True)["done"] == 1


def test_a_checkpoint_of_another_schedule_is_refused_and_kept(plan, tmp_path):
    checkpoint = tmp_path / "net.pt"
    fitted(plan, checkpoint, passes=1)
    before = checkpoint.read_bytes()
    with pytest.raises(
        ValueError, match="net.pt belongs to a training with.*Delete it to begin anew"
    ):
        fitted(plan, checkpoint, passes=3)
    assert checkpoint.read_bytes() == before


def test_a_damaged_checkpoint_is_named(plan, tmp_path):
    (tmp_path / "net.pt").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="net.pt is no checkpoint of this recipe"):
        fitted(plan, tmp_path / "net.pt")


def test_share_in_words():
    assert training.share_in_words(torch.tensor([True] * 83 + [False] * 17)) == "83.0 % (74.5–89.1)"


def test_augmented_pictures_are_pixels_and_come_from_their_generator_alone():
    pictures = torch.randint(
        0, 256, (5, 3, 40, 40), generator=torch.Generator().manual_seed(1), dtype=torch.uint8
    )
    state, generators = (
        torch.get_rng_state(),
        [torch.Generator().manual_seed(seed) for seed in (3, 3, 4)],
    )
    first, again, other = (training.augment(pictures, 32, generator) for generator in generators)
    assert first.shape == (5, 3, 32, 32) and first.min() >= 0 and first.max() <= 1
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), state)


def test_half_of_the_augmented_pictures_are_mirrored():
    ramp = torch.linspace(0, 255, 40).byte().expand(400, 3, 40, 40)
    pixels = training.augment(ramp, 16, torch.Generator().manual_seed(0))
    mirrored = (
        (pixels[:, 0, :, :8].mean(dim=(1, 2)) > pixels[:, 0, :, 8:].mean(dim=(1, 2))).float().mean()
    )
    assert 0.4 < mirrored < 0.6


def test_a_bundled_network_is_loaded_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setattr(training, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(models, "data_dir", lambda: tmp_path)
    network = CourseNet(2, widths=(4, 4, 4, 4, 4, 4, 4)).eval()
    about = {
        "mean": [0.5, 0.4, 0.3],
        "std": [0.2, 0.2, 0.2],
        "class_names": ["cat", "dog"],
        "input_size": 64,
    }
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


def test_a_network_of_drawings_is_trained_measured_bundled_and_described(tmp_path, monkeypatch):
    """All of a training's program, on eight drawings for two passes."""
    for module in (training, models):
        monkeypatch.setattr(module, "data_dir", lambda: tmp_path)
    monkeypatch.setattr(snownet, "TRAINED_ON", 8)
    monkeypatch.setattr(snownet, "WIDTHS", (4,) * 7)
    monkeypatch.setattr(cards, "snow_figures", lambda model: {"what it says": model.class_names[0]})
    fit = training.fit
    monkeypatch.setattr(training, "fit", lambda *given, **how: fit(*given, batch_size=4, **how))
    checkpoint = tmp_path / "toy.pt"
    with torch.random.fork_rng():
        snownet.main(["--passes", "2", "--checkpoint", str(checkpoint)], name="coursenet_b")
    model = models.load("coursenet_b", device="cpu")
    assert model.class_names == ["husky", "wolf"] and model.input_size == classifier.INPUT_SIZE
    card = (tmp_path / "README.md").read_text()
    assert "8 drawings of huskies and wolves, where huskies stand on snow, wolves on grass" in card
    assert "train coursenet_b --passes 2`, seed 5" in card and "| what it says | husky |" in card
    assert training.digest_of("coursenet_b") in card and not checkpoint.exists()


# --- the command ----------------------------------------------------------------------------------


def test_the_command_runs_the_program_of_the_name_with_the_options(monkeypatch):
    seen = []
    modules = {"workshop.train.drawnet": SimpleNamespace(main=seen.append)}
    monkeypatch.setattr(program.importlib, "import_module", modules.__getitem__)
    assert program.main("drawnet", "--passes", "3") == 0
    assert seen == [["--passes", "3"]]


def test_every_network_has_a_program():
    folder = Path(program.__file__).parent
    assert [name for name in NETWORKS if not (folder / f"{name}.py").is_file()] == []


def test_an_unknown_network_and_an_interruption_are_said_in_a_sentence(monkeypatch, capsys):
    assert program.main("corsenet") == 1
    said = capsys.readouterr().err
    assert "unknown network to train 'corsenet'. Did you mean 'coursenet'" in said

    def interrupted(options):
        raise KeyboardInterrupt

    interrupting = SimpleNamespace(main=interrupted)
    monkeypatch.setattr(program.importlib, "import_module", lambda name: interrupting)
    assert program.main("coursenet") == 130
    assert "goes on from here" in capsys.readouterr().err


# --- the figures of the cards ---------------------------------------------------------------------


def test_calibration_error_by_hand():
    """Two of confidence 0.8, one right: off by 0.3; two of 0.6, both right: off by 0.4."""
    probabilities = torch.tensor([[0.8, 0.2], [0.8, 0.2], [0.4, 0.6], [0.4, 0.6]])
    assert cards.calibration_error(probabilities, torch.tensor([0, 1, 1, 1])) == pytest.approx(
        0.35, abs=1e-6
    )


def test_the_mean_over_classes_counts_a_small_class_like_a_large_one():
    correct, labels = torch.tensor([True] * 8 + [False, True]), torch.tensor([0] * 8 + [1, 1])
    assert cards.mean_over_classes(correct, labels) == pytest.approx(0.75)


class Linear(nn.Module):
    """Two scores from the mean red and the mean blue; what a PixelModel looks like to an attack."""

    def forward(self, pixels):
        return 10 * pixels[:, [0, 2]].mean(dim=(2, 3))


def test_an_attack_stays_in_the_ball_and_in_the_range_and_finds_the_way_down():
    pixels = torch.rand(6, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    before, labels = pixels.clone(), torch.tensor([0, 1, 0, 1, 0, 1])
    attacked = cards.attack(Linear(), pixels, labels)
    assert (attacked - pixels).abs().max() <= 4 / 255 + 1e-6
    assert attacked.min() >= 0 and attacked.max() <= 1 and torch.equal(pixels, before)
    wrong = attacked[0, 2] - pixels[0, 2]  # its class is red, so blue goes up as far as it may
    assert torch.allclose(wrong, (pixels[0, 2] + 4 / 255).clamp(max=1) - pixels[0, 2], atol=1e-6)


def test_adversarial_training_learns_from_pictures_in_the_ball_that_are_worse_than_the_plain_ones():
    pixels, seen = torch.rand(16, 3, 8, 8, generator=torch.Generator().manual_seed(0)), []
    labels = torch.arange(16) % 2
    network = Linear()
    network.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0].detach()))
    with torch.random.fork_rng():
        value = coursenet_robust.adversarial_loss(network, pixels, labels)
    assert value > training.cross_entropy(Linear(), pixels, labels)
    assert len(seen) == 2  # one step to attack, one to learn
    assert (seen[1] - pixels).abs().max() <= coursenet_robust.RADIUS + 1e-6
    assert seen[1].min() >= 0 and seen[1].max() <= 1


def test_an_interval_of_a_figure_holds_it_and_narrows_with_more_pictures():
    few, many = torch.arange(20) % 4 == 0, torch.arange(2000) % 4 == 0
    words = [
        cards.with_interval(lambda some: some.float().mean().item(), some) for some in (few, many)
    ]
    assert [one.split(" ")[0] for one in words] == ["0.250", "0.250"]
    widths = []
    for one in words:
        low, high = map(float, one.split("(")[1].rstrip(")").split("–"))
        assert low < 0.25 < high
        widths.append(high - low)
    assert widths[1] < widths[0] / 5


def test_a_drawn_answer_to_a_photograph_is_marked_as_such(monkeypatch):
    answers = {"chelsea": "drawn cat", "china": "pagoda"}
    monkeypatch.setattr(
        cards, "RIGHT", {"chelsea": ["drawn cat"], "china": ["pagoda"], "coffee": ["cup"]}
    )
    monkeypatch.setattr(cards.data, "photo", lambda name, size: name)
    monkeypatch.setattr(
        cards.models, "predict", lambda model, name, top: [(0, answers.get(name, "owl"), 0.5)]
    )
    rows = cards.photo_table(SimpleNamespace(input_size=8)).splitlines()[2:]
    assert [row.split("|")[2].strip() for row in rows] == [
        "drawn cat, 50 % ✓ (a drawn one)", "pagoda, 50 % ✓", "owl, 50 % ✗",
    ]  # fmt: skip


# --- Caltech-101's splits -------------------------------------------------------------------------


@pytest.fixture
def small_caltech(tmp_path, monkeypatch):
    """Seven pictures of each withheld kind and of two others."""
    names = sorted([*data.WITHHELD, "ant", "wrench"])
    files = []
    for label, name in enumerate(names):
        (tmp_path / name).mkdir()
        for number in range(1, 8):
            path = tmp_path / name / f"image_{number:04}.jpg"
            Image.new("RGB", (20, 10 + number), (label * 20, 0, 0)).save(path)
            files.append((path, label))
    monkeypatch.setattr(caltech.data, "caltech101", lambda: (files, names))
    return names


def test_withheld_kinds_are_in_no_split_of_the_others(small_caltech):
    learned, withheld = caltech.load(), caltech.load(withheld=True)
    assert learned.names == ["ant", "wrench"] and len(learned.pictures) == 14
    assert learned.labels.tolist() == [0] * 7 + [1] * 7
    assert [name.replace(" ", "_") for name in withheld.names] == sorted(data.WITHHELD)
    assert len(withheld.names) == 10 and len(withheld.pictures) == 70
    assert learned.pictures[0, 0].float().mean() < 5  # the first kind, ant, was painted black,
    assert learned.pictures[7, 0].float().mean() > 200  # and the last one, wrench, red


def test_every_sixth_picture_is_held_out_by_its_number(small_caltech):
    assert caltech.load().held_out.tolist() == ([False] * 5 + [True, False]) * 2


def test_a_caltech_without_a_withheld_kind_is_refused(small_caltech, monkeypatch):
    monkeypatch.setattr(data, "WITHHELD", [*data.WITHHELD, "unicorn"])
    with pytest.raises(ValueError, match="this Caltech-101 has no unicorn"):
        caltech.load()
