"""Any network becomes a PixelModel: frozen, takes pixels in [0, 1], knows its layers by name."""

import copy
import hashlib
import json
import os
import re
import warnings
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision.models
from safetensors import safe_open
from torch import Tensor, nn
from torchvision.models import VGG, AlexNet, SqueezeNet, SqueezeNet1_0_Weights

from . import images, networks, promise, published, weights
from .activations import ReceptiveField, pair, receptive_fields
from .errors import integer, known, unknown, whole
from .places import data_dir

# The usual names for the layers of AlexNet, VGG and SqueezeNet
WORDS = {"Conv2d": "conv", "BatchNorm2d": "norm", "ReLU": "relu", "MaxPool2d": "pool"}
WORDS |= {"Fire": "fire", "Linear": "fc", "AdaptiveAvgPool2d": "pool"}
REAL = "efficientnet_lite0"  # the ImageNet network; its weights are a package of their own
NOT_CLASSIFIERS = {"generator", "stylenet"}  # bundled networks that have a loader of their own


class Prediction(NamedTuple):
    index: int
    name: str
    probability: float


class PixelModel(nn.Module):
    """A frozen network behind one convention: pixels (N, C, H, W) in [0, 1] -> scores (N, K).

    Each picture by itself, and the same twice: `promise` has checked it. K ≥ 2, unless the scores
    are values. `layers` lists what really runs, in the order in which the outputs are ready;
    `shapes` holds the shape of each output for one picture of `input_size`, a side or (height,
    width); `size` is always (height, width). A module that is called several times is `name:0`,
    `name:1`, …, and `name` alone is its last call.
    """

    mean: Tensor  # (1, C, 1, 1) in pixel units: a picture of this colour is zero to the network
    std: Tensor

    def __init__(self, network, name, colors, class_names, input_size, **words):
        super().__init__()
        self.network = promise.own_copy(network)
        self.name, self.channels = name, len(colors[0])
        self.input_size, self.size = input_size, pair(input_size)
        answer = words["answer"] or nn.Identity()
        self.answered = promise.own_copy(answer) if isinstance(answer, nn.Module) else answer
        self.grid, self.extra_tokens, self.layouts = words["grid"], words["extra_tokens"], {}
        weights = (*self.network.parameters(), *self.network.buffers())
        example = next(filter(Tensor.is_floating_point, weights), torch.zeros(()))
        for key, values in zip(("mean", "std"), colors, strict=True):
            self.register_buffer(key, example.new_tensor(values).view(1, -1, 1, 1))
        self.eval()
        run = promise.dry_run(self)
        self.scores_are, self._convert = promise.scores_of(words["scores"], run, name)
        self._friendly = _friendly_names(self.network)
        self.shapes, self._calls = _shapes(run, self._friendly)
        self.layers = list(self.shapes)
        self.maps = _sure_maps(self)
        _check_tokens(self)
        self.class_names = _class_names(class_names, self._convert(run.scores).shape[1], name)

    def train(self, mode: bool = True) -> "PixelModel":
        """The model itself; a PixelModel is always in eval mode."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor:
        try:
            return self.scores_of(self.network(self.normalized(pixels)))
        except (*promise.WRONG_SIZE, IndexError) as error:
            self._check_size(pixels.shape[-2:], error)
            raise

    def check(self, pixels: Tensor) -> None:
        """Raises an error with the reason, unless pixels are pictures for this network."""
        images.check_pixels(pixels, channels=self.channels)

    def normalized(self, pixels: Tensor) -> Tensor:
        """(x − mean) / std, on the network's device."""
        centred = pixels.to(self.mean) - self.mean
        if centred.requires_grad:  # the gradient lies as the pixels do, and not as the weights
            centred.register_hook(lambda slope: None if slope is None else slope.contiguous())
        return centred / self.std

    def scores_of(self, output) -> Tensor:
        """The scores (N, K) of what the network gives."""
        return self._convert(self.answered(output))

    def probabilities(self, scores: Tensor) -> Tensor:
        """Of scores (N, K): softmax of logits; of labels, which exclude no other, the sigmoid."""
        if self.scores_are == "values":
            raise ValueError(f"{self.name} gives values, not classes: they have no probabilities.")
        return scores.sigmoid() if self.scores_are == "labels" else scores.softmax(dim=1)

    def grey(self) -> Tensor:
        """A picture of the mean colour at the network's own size: (1, C, H, W)."""
        return self.mean.expand(1, -1, *self.size).clone()

    def noise(self, size: Sequence[int] | None = None) -> Tensor:
        """A noisy picture, always the same one, at the network's own size or (height, width)."""
        generator = torch.Generator().manual_seed(0)
        pixels = torch.rand(1, self.channels, *(size or self.size), generator=generator)
        return pixels.to(self.mean)

    def _check_size(self, size: torch.Size, error: Exception) -> None:
        """Raises ValueError if the network refuses even grey of this size, without any hooks."""
        if tuple(size) == self.size:
            return  # the dry run has shown that it takes its own size
        plain = promise.without_hooks(self.network)
        try:
            with torch.no_grad(), torch._C.DisableTorchFunction():  # no function modes
                plain(self.mean.new_zeros(1, self.channels, *size))  # the mean colour, normalised
        except torch.OutOfMemoryError:
            return
        except (*promise.WRONG_SIZE, IndexError):
            given, side = " x ".join(map(str, size)), " x ".join(map(str, self.size))
            refused = f"{self.name} cannot take a picture of {given} pixels ({error})"
            hint = f"it was made for {side}: use images.resize(pixels, {self.input_size})"
            raise ValueError(f"{refused}; {hint}.") from error

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def resolve(self, layer: str) -> tuple[nn.Module, int]:
        """(module, call): a layer's module, and which of its calls in a pass is meant, from 0."""
        base, _, call = str(layer).partition(":")
        dotted = self._friendly.get(base, base)
        last = self._calls.get(dotted, 0) - 1
        if last < 0 or call not in ("", *map(str, range(last + 1))):
            raise self._no_layer(layer, dotted if last < 0 else "")
        return self.network.get_submodule(dotted), int(call or last)

    def _no_layer(self, layer: str, dotted: str) -> ValueError:
        if not dotted or dotted not in dict(self.network.named_modules()):
            return unknown(f"layer of {self.name}", layer, self.layers)
        hint = "it does not run, or gives a tuple or a dictionary: name a layer in it or behind it"
        return ValueError(f"{layer} of {self.name} gives no tensor: {hint}.")

    def class_index(self, target: int | str) -> int:
        """The index of a class given by index or by name."""
        index = self._index_of(target) if isinstance(target, str) else integer(target)
        if index not in range(len(self.class_names)):
            raise self._no_class(target, index)
        return index

    def _index_of(self, name: str) -> int:
        known(f"class of {self.name}", name, self.class_names)
        found = [index for index, each in enumerate(self.class_names) if each == name]
        if len(found) > 1:
            raise ValueError(f"{name!r} is the name of the classes {found}: give one index.")
        return found[0]

    def _no_class(self, target, index: int | None) -> Exception:
        if index is None:
            return TypeError(f"a class is its index or its name, not {target!r}.")
        last = len(self.class_names) - 1
        return ValueError(f"class {index} is out of range: {self.name} has classes 0 to {last}.")


def bundled() -> list[str]:
    """Names of the classifiers that come with the course."""
    return sorted(set(_checksums()) - NOT_CLASSIFIERS)


def names() -> list[str]:
    """Everything `load` knows: ours, the bundled networks, then torchvision's classifiers."""
    return [REAL, *bundled(), *torchvision.models.list_models(module=torchvision.models)]


def load(name: str | None = None, device: str | torch.device | None = None) -> PixelModel:
    """A network by name with its weights, on the best device there is.

    Without a name the one that CS231N_VIZ_MODEL names, else efficientnet_lite0; where the weights
    of that one cannot be used, coursenet, with a warning that says why and what to do.
    """
    name = name or os.environ.get("CS231N_VIZ_MODEL")
    if name:
        return _load(name).to(device or _best_device())
    try:
        model = _load(REAL)
    except published.Unusable as error:
        warnings.warn(f"CourseNet stands in for {REAL}: {error}", stacklevel=2)
        model = _load("coursenet")
    return model.to(device or _best_device())


def _load(name: str) -> PixelModel:
    if name in NOT_CLASSIFIERS:
        raise ValueError(f"{name} is no classifier: load it with models.load_{name}().")
    known("network", name, names())
    if name == REAL:
        return _load_real()
    return _load_bundled(name) if name in bundled() else _load_torchvision(name)


def weights_file(name: str) -> Path:
    """Where torchvision keeps the weights of a network, whether they are there or not."""
    url = torchvision.models.get_model_weights(name).DEFAULT.url
    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])


def load_generator(device: str | torch.device | None = None) -> nn.Module:
    """The decoder of CourseNet's `code`: (N, 352) -> pixels (N, 3, 128, 128) in [0, 1], frozen."""
    network, about = _read_bundled("generator")
    if json.loads(about["decodes"]) != _checksums()["coursenet"]:
        remedy = _remedy("generator")
        raise ValueError(f"the generator decodes another coursenet than this. {remedy}")
    return network.to(device or _best_device())


def load_stylenet(device: str | torch.device | None = None) -> networks.StyleNet:
    """The bundled StyleNet (style transfer in one pass) of all paintings (`.styles`), frozen."""
    network, _ = _read_bundled("stylenet")
    return network.to(device or _best_device())


@torch.inference_mode(False)  # tensors made in that mode could never have gradients
def wrap(
    module: nn.Module,
    *,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    class_names: Sequence[str] | Mapping[int, str] | None = None,
    input_size: int | tuple[int, int] = 224,
    name: str | None = None,
    answer: Callable[[object], Tensor] | None = None,
    scores: str | None = None,
    grid: tuple[int, int] | Mapping[str, tuple[int, int]] | None = None,
    extra_tokens: int | Mapping[str, int] | None = None,
) -> PixelModel:
    """A PixelModel around a deep copy of any network; the network itself is not changed.

    mean, std: the normalisation of its training, in pixel units, one number per channel; for a
    network of one channel mean=(0.5,), std=(0.25,). input_size: a side, or (height, width).
    answer: what part of the output is the scores, such as lambda output: output["logits"].
    scores: what they are, where the dry run cannot tell: "logits"; "probabilities" (their
    logarithms become the scores); "one logit" of two classes; "labels", logits of which several
    may be true; "values", no classes. grid, extra_tokens: how tokens lie over the picture, where
    this cannot be measured: (rows, columns), and how many stand for no place; or {layer: …}.
    Raises ValueError where the network is no function of one picture.
    """
    known("kind of scores", scores, (None, *promise.WORDS))
    colors, size = _normalisation(mean, std), _checked_size(input_size)
    words = {"answer": answer, "scores": scores, "grid": grid, "extra_tokens": extra_tokens}
    return PixelModel(module, name or type(module).__name__, colors, class_names, size, **words)


@torch.inference_mode(False)
def untrained(model: PixelModel, seed: int = 0) -> PixelModel:
    """A copy with fresh random weights (He et al. 2015): the network before it learned anything.

    Convolutions and linear layers get these, all else what `weights.renew_others` gives.
    """
    fresh, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    weights.renew_others(fresh.network, seed)
    for module in weights.plain_layers(fresh.network):
        weight = torch.empty(module.weight.shape)
        nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
        module.weight.copy_(weight)
        if module.bias is not None:
            module.bias.zero_()
    fresh.name = f"untrained {model.name}"
    return fresh


@torch.no_grad()
def predict(model: PixelModel, pixels: Tensor, top: int = 5) -> list[Prediction]:
    """The `top` most probable classes of one picture (1, C, H, W), most probable first."""
    model.check(pixels)
    if len(pixels) != 1:
        raise ValueError(f"predict takes one picture, not {len(pixels)}: use model(pixels).")
    probabilities = model.probabilities(model(pixels))[0]
    best = probabilities.topk(min(top, len(probabilities)))
    found = zip(best.values.tolist(), best.indices.tolist(), strict=True)
    return [Prediction(index, model.class_names[index], value) for value, index in found]


# --- loading --------------------------------------------------------------------------------------


def _remedy(name: str) -> str:
    return f"Bring it back (git checkout -- data) or train it: python3 -m cs231n_viz train {name}"


def _checksums() -> dict[str, str]:
    """Bundled networks -> the SHA-256 that their weight files must have."""
    file = data_dir() / "checksums.json"
    try:
        listed = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        unread = f"{file}, the list of bundled networks, cannot be read ({error})"
        raise FileNotFoundError(f"{unread}: git checkout -- data") from error
    return {Path(file).stem: digest for file, digest in listed.items()}


def _load_real() -> PixelModel:
    """EfficientNet-Lite0 as it was published: 1,000 classes of ImageNet."""
    network = networks.EfficientNetLite()
    network.take_published(published.weights())
    names = SqueezeNet1_0_Weights.DEFAULT.meta["categories"]  # of ImageNet, in the usual order
    colors = {"mean": [127 / 255] * 3, "std": [128 / 255] * 3}
    return wrap(network, name=REAL, class_names=names, **colors)


def _load_bundled(name: str) -> PixelModel:
    network, about = _read_bundled(name)
    settings = ("mean", "std", "class_names", "input_size")
    return wrap(network, name=name, **{key: json.loads(about[key]) for key in settings})


def _read_bundled(name: str) -> tuple[nn.Module, dict[str, str]]:
    """A bundled network, frozen, its weights channels last, and the metadata of its file."""
    path = data_dir() / f"{name}.safetensors"
    if not path.exists():
        raise FileNotFoundError(f"the weights {path} are missing. {_remedy(name)}")
    if hashlib.sha256(path.read_bytes()).hexdigest() != _checksums()[name]:
        raise ValueError(f"the weights {path} are damaged (by their SHA-256). {_remedy(name)}")
    with safe_open(path, framework="pt") as file:
        about = file.metadata()
        keys = file.keys()  # the file itself is no mapping
        weights = {key: file.get_tensor(key).float() for key in keys}
    network = getattr(networks, about["network"])(**json.loads(about["settings"]))
    if isinstance(network, networks.EfficientNetLite):  # the file holds a head of its own
        network.take_published(published.weights())
        weights = network.state_dict() | weights
    network.load_state_dict(weights)
    return network.eval().requires_grad_(False).to(memory_format=torch.channels_last), about


def _load_torchvision(name: str) -> PixelModel:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    fetch = f"python3 -m cs231n_viz fetch {name}"
    try:
        network = torchvision.models.get_model(name, weights=weights)
    except OSError as error:  # URLError and time-outs are OSErrors
        missing = f"the weights of {name} are not here and could not be fetched ({error})"
        hint = f"With a network, run {fetch} once; models.load('coursenet') needs none"
        raise ConnectionError(f"{missing}. {hint}.") from error
    except Exception as error:
        damaged = f"{weights_file(name)} is damaged ({type(error).__name__})"
        raise ValueError(f"{damaged}. Delete it and run {fetch}") from error
    settings, class_names = weights.transforms(), weights.meta["categories"]
    said = {"mean": settings.mean, "std": settings.std, "input_size": settings.crop_size[0]}
    return wrap(network, name=name, class_names=class_names, **said)


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


# --- what a caller says about a network -----------------------------------------------------------


def _normalisation(mean, std) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """mean and std as numbers, if pixels in [0, 1] can have them."""
    try:
        mean, std = tuple(map(float, mean)), tuple(map(float, std))
    except (TypeError, ValueError):
        given = f"{mean!r} and {std!r}"
        raise TypeError(f"mean and std have one number per channel each, not {given}.") from None
    if len(mean) != len(std) or not mean:
        counts = f"{len(mean)} and {len(std)}"
        raise ValueError(f"mean and std have one number per channel each, not {counts}.")
    if not min(std) > 0:
        raise ValueError(f"std is divided by: above 0 in every channel, not {std}.")
    if not (min(mean) >= 0 and max(*mean, *std) <= 1):
        hint = "; divide both by 255" if 1 < max(*mean, *std) <= 255 else ""
        raise ValueError(f"mean and std are of pixels from 0 to 1, not {mean} and {std}{hint}.")
    if all(0.15 < m < 0.35 and 0.35 < s < 0.65 for m, s in zip(mean, std, strict=True)):
        usual = "photographs have means around 0.45 and deviations around 0.25"
        raise ValueError(f"{usual}: mean={mean} and std={std} look like the wrong way round.")
    return mean, std


def _checked_size(input_size) -> int | tuple[int, int]:
    """A side, or (height, width); a square is always its side."""
    height, width = images.height_width(input_size, name="input_size")
    return height if height == width else (height, width)


def _check_tokens(model: PixelModel) -> None:
    """Raises an error unless grid and extra_tokens are numbers, of layers that there are."""
    words = model.grid, model.extra_tokens
    grids, extras = (word if isinstance(word, Mapping) else {"": word} for word in words)
    for layer in {*grids, *extras} - {""}:
        model.resolve(layer)
    for extra in extras.values():
        whole("extra_tokens", extra or 0)
    for grid in filter(None, grids.values()):
        pair = isinstance(grid, tuple) and len(grid) == 2
        if not pair or not all(integer(side) and side > 0 for side in grid):
            raise TypeError(f"grid is (rows, columns) or {{layer: (rows, columns)}}, not {grid!r}.")


def _class_names(given, classes: int, name: str) -> list[str]:
    """One name for each class; a mapping has the indices as its keys, or as its values."""
    if given is None:
        return [f"class {index}" for index in range(classes)]
    if isinstance(given, str):
        raise TypeError(f"class_names is a list of names, not the string {given!r}.")
    if isinstance(given, Mapping):
        turned = all(integer(value) is not None for value in given.values())  # {name: index}
        pairs = [pair[::-1] if turned else pair for pair in given.items()]
        by_index = {int(index): name for index, name in pairs if str(index).isdigit()}
        if sorted(by_index) != list(range(classes)):
            raise ValueError(f"class_names names 0 to {classes - 1}, not {sorted(by_index)[:20]}.")
        given = [by_index[index] for index in range(classes)]
    names = [str(one) for one in given]
    if len(names) != classes:
        raise ValueError(f"{name} has {classes} scores, but {len(names)} class names were given.")
    return names


def _sure_maps(model: PixelModel) -> set[str]:
    """The layers whose outputs are maps (N, C, h, w) that span the picture, by what made them."""
    fields = receptive_fields(model, model.layers).items() if model.layers else ()
    return {layer for layer, field in fields if _spans(field, model.shapes[layer], model.size)}


def _spans(field: ReceptiveField, shape: tuple, size: tuple[int, int]) -> bool:
    """Do maps of this shape, with such a field, span a picture of this size, and no more?"""
    beside = [abs(n * field.stride - side) for n, side in zip(shape[2:], size, strict=False)]
    return len(shape) == 4 and not field.whole and max(beside) <= field.size + field.stride


# --- layer names ----------------------------------------------------------------------------------


def _shapes(run: promise.DryRun, friendly: Mapping[str, str]) -> tuple[dict[str, tuple], Counter]:
    """{layer: shape of its output}, in the order of the dry run, and the calls of each module."""
    usual, calls, shapes = {dotted: alias for alias, dotted in friendly.items()}, Counter(), {}
    for dotted, shape in run.shapes:
        shapes[f"{usual.get(dotted, dotted)}:{calls[dotted]}"] = shape
        calls[dotted] += 1
    last = {f"{usual.get(dotted, dotted)}:{count - 1}" for dotted, count in calls.items()}
    return {name.split(":")[0] if name in last else name: shapes[name] for name in shapes}, calls


def _friendly_names(network: nn.Module) -> dict[str, str]:
    """{usual name of a layer, such as conv1, relu5_1, fire9, fc6: dotted name}."""
    if isinstance(network, networks.EfficientNetLite):  # relu9_expand: block9.relu_expand
        parts = [name for name, _ in network.named_modules() if name.count("_") == 1]
        return {re.sub(r"block(\d+)\.([a-z]+)", r"\2\1", part): part for part in parts}
    if not isinstance(network, AlexNet | VGG | SqueezeNet):
        return {}
    friendly, block, number = {}, 1, 0
    for half in ("features", "classifier"):
        in_blocks = isinstance(network, VGG) and half == "features"
        for name, module in network.get_submodule(half).named_children():
            word = WORDS.get(type(module).__name__)
            number += word in ("conv", "fire", "fc")
            suffix = f"{block}_{number}" if in_blocks else f"{number}"
            if in_blocks and word == "pool":
                suffix, block, number = f"{block}", block + 1, 0
            if word:  # other things keep their dotted names
                for part in ("", *(f".{each}" for each, _ in module.named_children())):
                    friendly[f"{word}{suffix}{part}"] = f"{half}.{name}{part}"
        number = 5 if in_blocks else number  # fc6 comes after the fifth block
    return friendly
