"""Any network becomes a PixelModel: frozen, takes pixels in [0, 1], knows its layers by name."""

import copy
import hashlib
import json
import operator
from collections import Counter, OrderedDict
from collections.abc import Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
import torchvision.models
from safetensors import safe_open
from torch import Tensor, nn
from torchvision.models import VGG, AlexNet, SqueezeNet

from . import images, networks
from .errors import unknown, whole
from .places import data_dir

# The usual names for the layers of AlexNet, VGG and SqueezeNet
WORDS = {"Conv2d": "conv", "BatchNorm2d": "norm", "ReLU": "relu", "MaxPool2d": "pool"}
WORDS |= {"Fire": "fire", "Linear": "fc", "AdaptiveAvgPool2d": "pool"}
HEAD = ("Linear", "AdaptiveAvgPool2d")  # named in the classifier only
NOT_CLASSIFIERS = {"generator", "stylenet"}  # bundled networks that have a loader of their own
# What networks raise at a size that they cannot take
CANNOT = (RuntimeError, AssertionError, ValueError, IndexError)


class Prediction(NamedTuple):
    index: int
    name: str
    probability: float


class PixelModel(nn.Module):
    """A frozen network behind one convention: pixels (N, C, H, W) in [0, 1] -> scores (N, classes).

    `layers` lists what really runs, in the order in which the outputs are ready; `shapes` holds the
    shape of each output for one picture of `input_size`. A module that is called several times is
    `name:0`, `name:1`, …, and `name` alone is its last call.
    """

    mean: Tensor  # (1, C, 1, 1) in pixel units: a picture of this colour is zero to the network
    std: Tensor

    def __init__(self, network, *, name, mean, std, class_names, input_size):
        super().__init__()
        self.network = _frozen_copy(network)
        self.name, self.input_size, self.channels = name, input_size, len(mean)
        example = next(self.network.parameters(), torch.zeros(()))
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1).to(example))
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1).to(example))
        self._friendly = _friendly_names(self.network)
        self.shapes, self._calls, classes = _dry_run(self)
        self.layers = list(self.shapes)
        self.eval()
        self.class_names = list(class_names or (f"class {index}" for index in range(classes)))
        if len(self.class_names) != classes:
            count = len(self.class_names)
            raise ValueError(f"{name} has {classes} scores, but {count} class names were given.")

    def train(self, mode: bool = True) -> "PixelModel":
        """The model itself; a PixelModel is always in eval mode."""
        return super().train(False)

    def forward(self, pixels: Tensor) -> Tensor:
        try:
            return self.network((pixels.to(self.mean) - self.mean) / self.std)
        except CANNOT as error:
            self._check_size(pixels.shape[-2:], error)
            raise

    def _check_size(self, size: torch.Size, error: Exception) -> None:
        """Raises ValueError if the network refuses even grey of this size, without any hooks."""
        if tuple(size) == (self.input_size, self.input_size):
            return  # the dry run has shown that it takes its own size
        plain = _without_hooks(self.network)
        try:
            with torch.no_grad(), torch._C.DisableTorchFunction():  # no function modes
                plain(self.mean.new_zeros(1, self.channels, *size))  # the mean colour, normalised
        except torch.OutOfMemoryError:
            return
        except CANNOT:
            given, side = " x ".join(map(str, size)), self.input_size
            raise ValueError(
                f"{self.name} cannot take a picture of {given} pixels ({error}); it was made for "
                f"{side} x {side}: use images.resize(pixels, {side})."
            ) from error

    @property
    def device(self) -> torch.device:
        return self.mean.device

    def resolve(self, layer: str) -> tuple[nn.Module, int]:
        """(module, call): a layer's module, and which of its calls in a pass is meant, from 0."""
        base, _, call = str(layer).partition(":")
        dotted = self._friendly.get(base, base)
        calls = self._calls.get(dotted, 0)
        if not calls or (call and not (call.isdigit() and int(call) < calls)):
            raise unknown(f"layer of {self.name}", layer, self.layers)
        return self.network.get_submodule(dotted), int(call) if call else calls - 1

    def class_index(self, target: int | str) -> int:
        """The index of a class given by index or by name."""
        if isinstance(target, str):
            if target not in self.class_names:
                raise unknown(f"class of {self.name}", target, self.class_names)
            return self.class_names.index(target)
        try:
            index = operator.index(target)
        except TypeError:
            raise TypeError(f"a class is its index or its name, not {target!r}.") from None
        last = len(self.class_names) - 1
        if not 0 <= index <= last:
            raise ValueError(f"class {index} is out of range: {self.name} has classes 0 to {last}.")
        return index


def bundled() -> list[str]:
    """Names of the classifiers that come with the course."""
    return sorted(set(_checksums()) - NOT_CLASSIFIERS)


def names() -> list[str]:
    """Everything `load` knows: the bundled networks, then torchvision's classification networks."""
    return bundled() + torchvision.models.list_models(module=torchvision.models)


def load(name: str = "coursenet", device: str | torch.device | None = None) -> PixelModel:
    """A bundled network, or one of torchvision's with its weights, on the best device there is."""
    if name in NOT_CLASSIFIERS:
        raise ValueError(f"{name} is no classifier: load it with models.load_{name}().")
    if name not in names():
        raise unknown("network", name, names())
    model = _load_bundled(name) if name in bundled() else _load_torchvision(name)
    return model.to(device or _best_device())


def weights_file(name: str) -> Path:
    """Where torchvision keeps the weights of a network, whether they are there or not."""
    url = torchvision.models.get_model_weights(name).DEFAULT.url
    return Path(torch.hub.get_dir(), "checkpoints", url.rpartition("/")[2])


def load_generator(device: str | torch.device | None = None) -> nn.Module:
    """The decoder of CourseNet's `code`: (N, 352) -> pixels (N, 3, 128, 128) in [0, 1], frozen."""
    network, about = _read_bundled("generator")
    if json.loads(about["decodes"]) != _checksums()["coursenet"]:
        raise ValueError(
            f"the generator decodes another coursenet than this. {_remedy('generator')}"
        )
    return _frozen_copy(network).to(device or _best_device())


def load_stylenet(device: str | torch.device | None = None) -> networks.StyleNet:
    """The bundled StyleNet (style transfer in one pass) of all paintings (`.styles`), frozen."""
    network, _ = _read_bundled("stylenet")
    return _frozen_copy(network).to(device or _best_device())


def wrap(
    module: nn.Module,
    *,
    mean: Sequence[float] = (0.0, 0.0, 0.0),
    std: Sequence[float] = (1.0, 1.0, 1.0),
    class_names: Sequence[str] | None = None,
    input_size: int = 224,
    name: str | None = None,
) -> PixelModel:
    """A PixelModel around a deep copy of any network; the network itself is not changed.

    mean, std: the normalisation of its training, in pixel units, one number per channel; for a
    network of one channel mean=(0.5,), std=(0.25,).
    """
    if len(mean) != len(std):
        counts = f"{len(mean)} and {len(std)}"
        raise ValueError(f"mean and std have one number per channel each, not {counts}.")
    if min(std) <= 0:
        raise ValueError(f"std is divided by: above 0 in every channel, not {tuple(std)}.")
    return PixelModel(
        module,
        name=name or type(module).__name__,
        mean=tuple(map(float, mean)),
        std=tuple(map(float, std)),
        class_names=class_names,
        input_size=whole("input_size", input_size, 1),
    )


def untrained(model: PixelModel, seed: int = 0) -> PixelModel:
    """A copy with fresh random weights (He et al. 2015): the network before it learned anything."""
    fresh, generator = copy.deepcopy(model), torch.Generator().manual_seed(seed)
    for module in fresh.network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            weight = torch.empty(module.weight.shape)
            nn.init.kaiming_normal_(weight, nonlinearity="relu", generator=generator)
            module.weight.copy_(weight)
            if module.bias is not None:
                module.bias.zero_()
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_parameters()  # ones and zeros: nothing random
    fresh.name = f"untrained {model.name}"
    return fresh


@torch.no_grad()
def predict(model: PixelModel, pixels: Tensor, top: int = 5) -> list[Prediction]:
    """The `top` most probable classes of one picture (1, C, H, W), most probable first."""
    images.check_pixels(pixels, channels=model.channels)
    if len(pixels) != 1:
        raise ValueError(f"predict takes one picture, not {len(pixels)}: use model(pixels).")
    probabilities = model(pixels).softmax(dim=1)[0]
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
        raise FileNotFoundError(
            f"{file}, the list of bundled networks, cannot be read ({error}): git checkout -- data"
        ) from error
    return {Path(file).stem: digest for file, digest in listed.items()}


def _load_bundled(name: str) -> PixelModel:
    network, about = _read_bundled(name)
    settings = ("mean", "std", "class_names", "input_size")
    return wrap(network, name=name, **{key: json.loads(about[key]) for key in settings})


def _read_bundled(name: str) -> tuple[nn.Module, dict[str, str]]:
    """A bundled network with its weights, and the metadata of its file."""
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
    network.load_state_dict(weights)
    return network, about


def _load_torchvision(name: str) -> PixelModel:
    weights = torchvision.models.get_model_weights(name).DEFAULT
    fetch = f"python3 -m cs231n_viz fetch {name}"
    try:
        network = torchvision.models.get_model(name, weights=weights)
    except OSError as error:  # URLError and time-outs are OSErrors
        raise ConnectionError(
            f"the weights of {name} are not on this computer and could not be fetched ({error}). "
            f"With a network, run {fetch} once; models.load('coursenet') needs none."
        ) from error
    except Exception as error:
        raise ValueError(
            f"the weights of {name} in {weights_file(name)} are damaged ({type(error).__name__}). "
            f"Delete that file and run {fetch}"
        ) from error
    settings = weights.transforms()
    return wrap(
        network,
        mean=settings.mean,
        std=settings.std,
        class_names=weights.meta["categories"],
        input_size=settings.crop_size[0],
        name=name,
    )


def _best_device() -> torch.device:
    if torch.cuda.is_available():
        return torch.device("cuda")
    return torch.device("mps" if torch.backends.mps.is_available() else "cpu")


def _frozen_copy(network: nn.Module) -> nn.Module:
    """A deep copy in eval mode whose weights require no gradients."""
    return copy.deepcopy(network).eval().requires_grad_(False).to(memory_format=torch.channels_last)


def _without_hooks(network: nn.Module) -> nn.Module:
    """A copy that shares the weights and has no hooks, not on parts kept in a list, either."""
    memo = {id(tensor): tensor for tensor in (*network.parameters(), *network.buffers())}
    for module in network.modules():
        for hooks in (module._forward_pre_hooks, module._forward_hooks):
            memo[id(hooks)] = OrderedDict()
    return copy.deepcopy(network, memo)


# --- layer names ----------------------------------------------------------------------------------


def _dry_run(model: PixelModel) -> tuple[dict[str, tuple], Counter, int]:
    """Each layer's output shape in order, calls of each module, number of classes: by one pass."""
    friendly = {dotted: alias for alias, dotted in model._friendly.items()}
    outputs: list[tuple[str, int, tuple]] = []  # (dotted name, call, shape)
    calls: Counter = Counter()

    def record(dotted, module, inputs, output):
        if isinstance(output, Tensor):
            outputs.append((dotted, calls[dotted], tuple(output.shape)))
            calls[dotted] += 1

    zeros = model.mean.new_zeros(1, model.channels, model.input_size, model.input_size)
    with ExitStack() as hooks, torch.no_grad():
        for dotted, module in model.network.named_modules():
            if dotted:
                hooks.enter_context(module.register_forward_hook(partial(record, dotted)))
        try:
            scores = model.network(zeros)
        except CANNOT as error:
            raise ValueError(
                f"{model.name} cannot take a picture of shape {tuple(zeros.shape)} ({error}). Say "
                "input_size=, and mean= and std= with one number for each channel that it reads."
            ) from error
    if not (isinstance(scores, Tensor) and scores.dim() == 2):
        found = tuple(scores.shape) if isinstance(scores, Tensor) else type(scores).__name__
        raise ValueError(f"{model.name} must give one tensor of scores (N, classes), not {found}.")
    shapes = {}
    for dotted, call, shape in outputs:
        name = friendly.get(dotted, dotted)
        shapes[name if call == calls[dotted] - 1 else f"{name}:{call}"] = shape
    return shapes, calls, scores.shape[1]


def _friendly_names(network: nn.Module) -> dict[str, str]:
    """{usual name of a layer, such as conv1, relu5_1, fire9, fc6: dotted name}."""
    if not isinstance(network, AlexNet | VGG | SqueezeNet):
        return {}
    vgg, friendly = isinstance(network, VGG), {}
    block, number = 1, 0
    for index, module in enumerate(network.features):
        kind, dotted = type(module).__name__, f"features.{index}"
        number += kind in ("Conv2d", "Fire")
        suffix = f"{block}_{number}" if vgg else f"{number}"
        if vgg and kind == "MaxPool2d":
            suffix, block, number = f"{block}", block + 1, 0
        if kind in WORDS and kind not in HEAD:  # other things keep their dotted names
            friendly[WORDS[kind] + suffix] = dotted
        if kind == "Fire":
            parts = [name for name, _ in module.named_children()]
            friendly |= {f"fire{suffix}.{part}": f"{dotted}.{part}" for part in parts}
    number = 9 if isinstance(network, SqueezeNet) else 5
    head = network.classifier if isinstance(network.classifier, nn.Sequential) else ()
    for index, module in enumerate(head):
        word = WORDS.get(type(module).__name__)
        number += word in ("conv", "fc")
        if word:
            friendly[f"{word}{number}"] = f"classifier.{index}"
    return friendly
