"""Eight techniques on many networks, each beside an independent computation; makes a table of it.

`NETWORKS` says of each network what a person would say who knows it: how it is built, where its
last maps are and how they lie over the picture, what its output means, and what cannot be done with
it. `TECHNIQUES` are pairs: what the package says, and the same from the definition, by hooks, loops
and captum on the plain network. A cell of the table is the largest difference as a share of the
range of the right values, or the package's refusal.

    CS231N_VIZ_TABLE=table.md python -m pytest tests/test_every_network.py -n 0
"""

import copy
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import NamedTuple

import captum.attr
import odd_nets
import pytest
import timm
import torch
import torch.nn.functional as F
import torchvision
import vit_pytorch
from timm.models.convmixer import ConvMixer
from timm.models.mlp_mixer import MlpMixer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn
from torchvision.models import convnext, swin_transformer, vision_transformer
from vit_pytorch import simple_vit_with_register_tokens

from cs231n_viz import models, networks
from cs231n_viz.techniques import adversarial, cam, guided_backprop, occlusion, saliency, truth

pytestmark = [
    pytest.mark.slow,
    pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning"),
]

# Weights are float64 here: in float32 two ways to add up the same numbers may switch one ReLU of a
# million on or off, and a single one can change a pixel's gradient by a hundredth.
TOLERANCE = {torch.float64: 1e-6, torch.float32: 1e-4}
MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.3)
CELLS: dict[tuple[str, str], str] = {}  # (network, technique) -> what the table says

# --- what is known of a network -------------------------------------------------------------------


class Reading(NamedTuple):
    """The scores and the probabilities (N, K) that are right for a network's own output."""

    scores: Callable[[Tensor], Tensor]
    probabilities: Callable[[Tensor], Tensor] | None


def as_it_is(output: Tensor) -> Tensor:
    return output


def log_odds(p: Tensor) -> Tensor:
    return p.log() - (1 - p).log()


def no_and_yes(yes: Tensor) -> Tensor:
    return torch.cat([1 - yes, yes], dim=1)


def half_each(logit: Tensor) -> Tensor:
    return torch.cat([-logit / 2, logit / 2], dim=1)


LOGITS = Reading(as_it_is, lambda logits: logits.softmax(dim=1))
ONE_LOGIT = Reading(half_each, lambda logit: no_and_yes(logit.sigmoid()))
ONE_PROBABILITY = Reading(lambda p: half_each(log_odds(p)), no_and_yes)
PROBABILITIES = Reading(torch.log, as_it_is)
SIGMOIDS = Reading(log_odds, as_it_is)
LABELS = Reading(as_it_is, torch.sigmoid)
VALUES = Reading(as_it_is, None)

Maps = Callable[[Tensor], Tensor]  # what a layer gives -> (N, C, h, w)


def tokens(rows: int, columns: int, first: int = 0) -> Maps:
    """Tokens (N, first + rows · columns [+ more], C), row after row behind the `first`."""
    return lambda output: output[:, first : first + rows * columns].mT.unflatten(2, (rows, columns))


def channels_first(output: Tensor) -> Tensor:
    return output.permute(0, 3, 1, 2)


class Averaged(NamedTuple):
    """score = Σ weight · mean of the maps + bias: what a class activation map is made of."""

    layer: str
    linear: str | None  # None: the maps are those of the classes
    maps: Maps = as_it_is
    share: float = 1.0  # of the linear layer's output in the score


NOTHING: dict[str, str] = {}


class Network(NamedTuple):
    build: Callable[[], nn.Module]
    layer: str  # the last with positions that are read: where Grad-CAM looks
    averaged: Averaged | None = None
    maps: Maps = as_it_is  # how that layer's output lies over the picture
    size: tuple[int, int] = (64, 64)
    channels: int = 3
    reading: Reading = LOGITS
    answer: Callable = as_it_is
    settings: dict = NOTHING  # for wrap
    precise: bool = True  # made float64
    plain: Callable[[nn.Module], nn.Module] = as_it_is  # the network without its wrapping
    refused: dict[str, str] = NOTHING  # technique -> words that stand in its refusal


NO_RELUS = {"guided backprop": "no ReLUs"}
NO_GRADIENT = dict.fromkeys(("Grad-CAM", "saliency", "guided backprop", "fooling"), "no gradient")
NO_CLASSES = {"fooling": "no classes", "deletion": "no probabilities"}


def vision(name: str, **settings) -> Callable[[], nn.Module]:
    return partial(torchvision.models.get_model, name, weights=None, num_classes=10, **settings)


def narrow(name: str) -> nn.Module:
    """AlexNet or VGG without most of their linear layers, which hold a hundred million weights."""
    with torch.device("meta"):
        network = torchvision.models.get_model(name, weights=None)
    inputs = next(part.in_features for part in network.classifier if isinstance(part, nn.Linear))
    network.classifier = nn.Sequential(nn.Linear(inputs, 16), nn.ReLU(True), nn.Linear(16, 10))
    return network.to_empty(device="cpu")


def small_convnext() -> nn.Module:
    blocks = [convnext.CNBlockConfig(24, 48, 2), convnext.CNBlockConfig(48, None, 2)]
    return convnext.ConvNeXt(blocks, num_classes=10)


def small_vit() -> nn.Module:
    return vision_transformer.VisionTransformer(64, 8, 2, 2, 32, 64, num_classes=10)


def small_swin(**version) -> nn.Module:
    sizes = {"patch_size": [4, 4], "embed_dim": 16, "window_size": [4, 4]}
    return swin_transformer.SwinTransformer(
        **sizes, depths=[2, 2], num_heads=[2, 4], num_classes=10, **version
    )


def small_maxvit() -> nn.Module:
    blocks = {"block_channels": [16, 32], "block_layers": [1, 1], "head_dim": 16}
    return torchvision.models.MaxVit((64, 64), 16, 4, **blocks, stochastic_depth_prob=0.0)


TIMM_VIT = {"img_size": 64, "patch_size": 8, "embed_dim": 32, "depth": 2, "num_heads": 2}
LUCID_VIT = {"image_size": 64, "patch_size": 8, "dim": 32, "depth": 2, "heads": 2, "mlp_dim": 64}
LUCID_VIT |= {"num_classes": 10}

TORCHVISION = {
    "alexnet": Network(partial(narrow, "alexnet"), "features.11", size=(96, 96)),
    "vgg11": Network(partial(narrow, "vgg11"), "features.19"),
    "squeezenet1_1": Network(
        vision("squeezenet1_1"), "classifier.2", Averaged("classifier.2", None)
    ),
    "resnet18": Network(vision("resnet18"), "layer4", Averaged("layer4", "fc")),
    "densenet121": Network(
        vision("densenet121"), "features", Averaged("features", "classifier", F.relu)
    ),
    "googlenet": Network(
        vision("googlenet", aux_logits=False, init_weights=False),
        "inception5b",
        Averaged("inception5b", "fc"),
    ),
    "inception_v3": Network(
        vision("inception_v3", aux_logits=False, init_weights=False),
        "Mixed_7c",
        Averaged("Mixed_7c", "fc"),
        size=(128, 128),
    ),
    "mobilenet_v2": Network(
        vision("mobilenet_v2"), "features", Averaged("features", "classifier.1")
    ),
    "mobilenet_v3_small": Network(vision("mobilenet_v3_small"), "features"),
    "shufflenet_v2_x0_5": Network(vision("shufflenet_v2_x0_5"), "conv5", Averaged("conv5", "fc")),
    "mnasnet0_5": Network(vision("mnasnet0_5"), "layers", Averaged("layers", "classifier.1")),
    "efficientnet_b0": Network(
        vision("efficientnet_b0"),
        "features",
        Averaged("features", "classifier.1"),
        refused=NO_RELUS,
    ),
    "regnet_x_400mf": Network(
        vision("regnet_x_400mf"), "trunk_output", Averaged("trunk_output", "fc")
    ),
    "convnext, small": Network(small_convnext, "features", refused=NO_RELUS),
    "vit, small": Network(
        small_vit, "encoder.layers.encoder_layer_1.ln_1", maps=tokens(8, 8, 1), refused=NO_RELUS
    ),
    "swin, small": Network(small_swin, "permute", Averaged("permute", "head"), refused=NO_RELUS),
    "swin v2, small": Network(
        partial(
            small_swin,
            block=swin_transformer.SwinTransformerBlockV2,
            downsample_layer=swin_transformer.PatchMergingV2,
        ),
        "permute",
        Averaged("permute", "head"),
        refused=NO_RELUS,  # those of the position bias have no picture before them
    ),
    "maxvit, small": Network(small_maxvit, "blocks.1.layers.0", refused=NO_RELUS),
}
TIMM = {
    "timm vit": Network(
        partial(VisionTransformer, **TIMM_VIT, num_classes=10),
        "blocks.1.norm1",
        maps=tokens(8, 8, 1),
        refused=NO_RELUS,
    ),
    "timm vit, registers": Network(
        partial(VisionTransformer, **TIMM_VIT, reg_tokens=4, num_classes=10),
        "blocks.1.norm1",
        maps=tokens(8, 8, 5),
        settings={"extra_tokens": 5},
        refused=NO_RELUS,
    ),
    "timm vit, averaged": Network(
        partial(
            VisionTransformer, **TIMM_VIT, class_token=False, global_pool="avg", num_classes=10
        ),
        "norm",
        maps=tokens(8, 8),
        refused=NO_RELUS,
    ),
    "timm deit, distilled": Network(
        partial(
            timm.create_model,
            "deit_tiny_distilled_patch16_224",
            img_size=64,
            depth=2,
            num_classes=10,
        ),
        "blocks.1.norm1",
        maps=tokens(4, 4, 2),
        refused=NO_RELUS,
    ),
    "timm mixer": Network(
        partial(MlpMixer, 10, img_size=64, patch_size=8, num_blocks=2, embed_dim=32),
        "norm",
        maps=tokens(8, 8),
        refused=NO_RELUS,
    ),
    "timm convmixer": Network(
        partial(ConvMixer, 32, 2, kernel_size=5, patch_size=4, num_classes=10),
        "blocks",
        Averaged("blocks", "head"),
        refused=NO_RELUS,
    ),
    "timm resnet10t": Network(
        partial(timm.create_model, "resnet10t", num_classes=10),
        "layer4",
        Averaged("layer4", "fc"),
    ),
    "timm efficientnet_lite0": Network(
        partial(timm.create_model, "efficientnet_lite0", num_classes=10),
        "bn2",
        Averaged("bn2", "classifier"),
    ),
    "timm ghostnet_050": Network(
        partial(timm.create_model, "ghostnet_050", num_classes=10), "blocks"
    ),
    "timm mobilevit_xxs": Network(
        partial(timm.create_model, "mobilevit_xxs", num_classes=10),
        "final_conv",
        Averaged("final_conv", "head.fc"),
        refused=NO_RELUS,
    ),
}
VIT_PYTORCH = {
    "vit-pytorch ViT": Network(
        partial(vit_pytorch.ViT, **LUCID_VIT),
        "transformer.layers.1.0.norm",
        maps=tokens(8, 8, 1),
        refused=NO_RELUS,
    ),
    "vit-pytorch SimpleViT": Network(
        partial(vit_pytorch.SimpleViT, **LUCID_VIT),
        "transformer.norm",
        maps=tokens(8, 8),
        refused=NO_RELUS,
    ),
    "vit-pytorch, registers": Network(
        partial(simple_vit_with_register_tokens.SimpleViT, **LUCID_VIT, num_register_tokens=4),
        "transformer.norm",
        maps=tokens(8, 8),  # the registers come last
        refused=NO_RELUS,
    ),
}
POOLED = Averaged("maps", "head.2")
ODD = {
    "viewed": Network(odd_nets.viewed, "conv2", size=(32, 32)),
    "one_logit": Network(
        odd_nets.one_logit,
        "maps",
        POOLED._replace(share=0.5),
        reading=ONE_LOGIT,
        settings={"scores": "one logit"},
    ),
    "one_probability": Network(
        odd_nets.one_probability, "maps", POOLED._replace(share=0.5), reading=ONE_PROBABILITY
    ),
    "softmax_end": Network(odd_nets.softmax_end, "maps", reading=PROBABILITIES),
    "sigmoid_end": Network(odd_nets.sigmoid_end, "maps", POOLED, reading=SIGMOIDS),
    "labels": Network(
        odd_nets.labels, "maps", POOLED, reading=LABELS, settings={"scores": "labels"}
    ),
    "values": Network(
        odd_nets.values,
        "maps",
        POOLED,
        reading=VALUES,
        settings={"scores": "values"},
        refused=NO_CLASSES,
    ),
    "dict_output": Network(
        odd_nets.dict_output, "maps", POOLED, answer=lambda output: output["logits"]
    ),
    "tuple_output": Network(odd_nets.tuple_output, "maps", POOLED, answer=lambda output: output[0]),
    "segmentation": Network(
        odd_nets.segmentation,
        "head.2",
        Averaged("head.2", None),
        answer=lambda output: output.mean(dim=(2, 3)),
    ),
    "hidden_layer": Network(odd_nets.hidden_layer, "maps"),
    "rectangle": Network(odd_nets.rectangle, "maps", size=(48, 24)),
    "grey": Network(odd_nets.grey, "maps", POOLED, channels=1),
    "anisotropic": Network(odd_nets.anisotropic, "4"),
    "rectangle_of_tokens": Network(
        odd_nets.rectangle_of_tokens,
        "norm",
        maps=tokens(4, 6),
        size=(32, 48),
    ),
    "columns_first": Network(odd_nets.columns_first, "embed"),
    "reused_relu": Network(odd_nets.reused_relu, "relu", Averaged("relu", "head.2")),
    "functional_relus": Network(odd_nets.functional_relus, "three"),
    "no_relus": Network(odd_nets.no_relus, "0", Averaged("0", "1.2"), refused=NO_RELUS),
    "concatenated": Network(odd_nets.concatenated, "mix", Averaged("mix", "head.2", F.relu)),
    "weight_normed": Network(odd_nets.weight_normed, "maps", POOLED),
    "channels_last": Network(odd_nets.channels_last, "last", maps=channels_first, refused=NO_RELUS),
    "batch_statistics": Network(odd_nets.batch_statistics, "maps", POOLED),
    "grouped_and_dilated": Network(odd_nets.grouped_and_dilated, "9", Averaged("9", "10.2")),
    "other_norms": Network(odd_nets.other_norms, "5"),
    "looped": Network(odd_nets.looped, "block"),
    "moving": Network(odd_nets.moving, "mix"),
    "checkpointed": Network(odd_nets.checkpointed, "maps", POOLED),
    "compiled": Network(odd_nets.compiled, "maps", POOLED, plain=lambda network: network._orig_mod),
    "parallel": Network(odd_nets.parallel, "maps", POOLED, plain=lambda network: network.module),
    "test_time_augmentation": Network(odd_nets.test_time_augmentation, "maps"),
    "stacked": Network(odd_nets.stacked, "maps", refused={"Grad-CAM": "no layer"}),
    "frozen_backbone": Network(odd_nets.frozen_backbone, "maps", POOLED, refused=NO_GRADIENT),
    "half_precision": Network(
        odd_nets.half_precision,
        "maps",
        POOLED,
        plain=lambda network: copy.deepcopy(network).float(),
        precise=False,
    ),
    "single_precision": Network(odd_nets.single_precision, "maps", POOLED, precise=False),
    "enlarging": Network(odd_nets.enlarging, "maps", POOLED),
}
OURS = {
    "efficientnet_lite0": Network(
        partial(networks.EfficientNetLite, 10), "head", Averaged("head", "scores")
    ),
}
NETWORKS = OURS | TORCHVISION | TIMM | VIT_PYTORCH | ODD
HEAVY = ("vgg11", "densenet121", "inception_v3", "timm efficientnet_lite0")

# --- one network, plain and wrapped ---------------------------------------------------------------


class Subject(NamedTuple):
    about: Network
    model: models.PixelModel | None
    network: nn.Module  # the plain one
    pixels: Tensor  # (2, C, H, W)
    classes: list[int]  # the plain network's own answers

    def output(self, pixels: Tensor) -> Tensor:
        """The plain network's own output for pixels in [0, 1]."""
        mean, std = (
            torch.tensor(each[: pixels.shape[1]], dtype=pixels.dtype).view(1, -1, 1, 1)
            for each in (MEAN, STD)
        )
        return self.about.answer(self.network((pixels - mean.to(pixels)) / std.to(pixels)))

    def scores(self, pixels: Tensor) -> Tensor:
        return self.about.reading.scores(self.output(pixels))

    def measured(self, pixels: Tensor) -> Tensor:
        """The probabilities; of a network that has none, the values."""
        reading = self.about.reading
        return (reading.probabilities or reading.scores)(self.output(pixels))

    def each(self) -> Iterator[tuple[Tensor, int]]:
        """(picture (1, C, H, W), class) pairs: a plain network sees one picture at a time."""
        return zip(self.pixels.split(1), self.classes, strict=True)


@torch.no_grad()
def with_random_weights(network: nn.Module) -> nn.Module:
    """Every weight and statistic drawn anew, none zero or constant (a head, a layer scale).

    The weights keep the variance (He et al. 2015), and batch norms do next to nothing: a random
    network that normalises each of its layers makes rounding grow a thousandfold with its depth.
    """
    generator = torch.Generator().manual_seed(0)
    for name, weight in network.named_parameters():
        if weight.is_floating_point():
            noise = torch.randn(weight.shape, generator=generator)
            if weight.dim() > 1:
                weight.copy_(noise * (2 / weight[0].numel()) ** 0.5)
            else:
                weight.copy_(name.endswith("weight") + 0.1 * noise)  # a norm's, or a bias
    for name, statistic in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            noise = torch.rand(statistic.shape, generator=generator)
            statistic.copy_(0.2 * noise + name.endswith("var"))
    return network.eval()


@torch.no_grad()
def with_wide_scores(network: nn.Module, scores: Tensor) -> nn.Module:
    """The last layer scaled so that scores spread by 2, as softmax and its gradient need it."""
    last = [weight for weight in network.parameters() if weight.dim() > 1][-1]
    last.mul_(2 / scores.std())
    return network


def dtype_of(network: nn.Module) -> torch.dtype:
    return next(filter(Tensor.is_floating_point, network.parameters())).dtype


def pictures(count: int, channels: int, size: tuple[int, int]) -> Tensor:
    """Blotches of colour with some grain, in [0.1, 0.9]."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.rand(count, channels, 5, 5, generator=generator)
    grain = torch.rand(count, channels, *size, generator=generator)
    return 0.1 + 0.6 * F.interpolate(coarse, size, mode="bilinear") + 0.2 * grain


def made(about: Network) -> Subject:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = with_random_weights(about.build())
    network = network.double() if about.precise else network
    pixels = pictures(2, about.channels, about.size).to(dtype_of(about.plain(network)))
    if about.reading is LOGITS:
        scores = Subject(about, None, about.plain(network), pixels, []).output(pixels)
        with_wide_scores(network, scores)
    plain = Subject(about, None, about.plain(network), pixels, [])
    height, width = about.size
    model = models.wrap(
        network,
        mean=MEAN[: about.channels],
        std=STD[: about.channels],
        input_size=about.size if height != width else height,
        answer=None if about.answer is as_it_is else about.answer,
        **about.settings,
    )
    plain.network.requires_grad_(False)
    for module in plain.network.modules():
        if hasattr(module, "inplace"):
            module.inplace = False  # so that hooks keep what they saw
    with torch.no_grad():
        classes = [int(plain.measured(picture).argmax()) for picture in pixels.split(1)]
    return plain._replace(model=model, classes=classes)


def marked(name: str):
    return pytest.param(name, marks=pytest.mark.nightly) if name in HEAVY else name


@pytest.fixture(scope="module", params=map(marked, NETWORKS))
def named_subject(request) -> tuple[str, Subject]:
    return request.param, made(NETWORKS[request.param])


# --- the independent computations -----------------------------------------------------------------


def gradient_of(score: Callable[[Tensor], Tensor], picture: Tensor) -> Tensor:
    picture = picture.clone().requires_grad_()
    return torch.autograd.grad(score(picture), picture)[0]


def output_of(subject: Subject, layer: str, picture: Tensor) -> tuple[Tensor, Tensor]:
    """(what the layer gave last, scores (K,)) of a picture, by a plain hook."""
    kept = []

    def keep(module, inputs, output):
        kept.append(output)
        return output.clone()  # for what follows and works in place

    handle = subject.network.get_submodule(layer).register_forward_hook(keep)
    scores = subject.scores(picture.clone().requires_grad_())[0]
    handle.remove()
    return kept[-1], scores


def enlarged(heat: Tensor, subject: Subject) -> Tensor:
    heat = F.interpolate(heat[:, None], subject.about.size, mode="bilinear", antialias=True)
    return heat[0, 0].detach()


def grad_cam_by_hand(subject: Subject) -> Tensor:
    heats = []
    for picture, index in subject.each():
        output, scores = output_of(subject, subject.about.layer, picture)
        gradient = torch.autograd.grad(scores[index], output)[0]
        maps, slopes = subject.about.maps(output), subject.about.maps(gradient)
        weights = slopes.mean(dim=(2, 3), keepdim=True)
        heats.append(enlarged((weights * maps).sum(dim=1).relu(), subject))
    return torch.stack(heats)


def cam_by_hand(subject: Subject) -> Tensor:
    head, heats = subject.about.averaged, []
    for picture, index in subject.each():
        maps = head.maps(output_of(subject, head.layer, picture)[0])
        if head.linear is None:
            heat = maps[:, index]
        else:
            weight = subject.network.get_submodule(head.linear).weight
            rows = torch.cat([-weight, weight]) if len(weight) == 1 else weight
            heat = head.share * (rows[index].view(1, -1, 1, 1) * maps).sum(dim=1)
        heats.append(enlarged(heat, subject))
    return torch.stack(heats)


def saliency_by_hand(subject: Subject) -> Tensor:
    found = []
    for picture, index in subject.each():
        gradient = gradient_of(lambda x, index=index: subject.scores(x)[0, index], picture)
        found.append(gradient[0].abs().max(dim=0).values)
    return torch.stack(found)


class Scores(nn.Module):
    """The plain network as captum takes it: pixels -> scores."""

    def __init__(self, subject: Subject):
        super().__init__()
        self.network, self.subject = subject.network, subject

    def forward(self, pixels: Tensor) -> Tensor:
        return self.subject.scores(pixels)


class GuidedReLU(torch.autograd.Function):
    @staticmethod
    def forward(context, x, ceiling):
        context.save_for_backward((x > 0) & (x < ceiling))
        return x.clamp(0, ceiling)

    @staticmethod
    def backward(context, gradient):
        return gradient.clamp(min=0) * context.saved_tensors[0], None


@contextmanager
def guided_relus() -> Iterator[list]:
    """Every ReLU of torch, by whatever name it is called, is a GuidedReLU; lists what was met."""
    met = []

    def guided(x, inplace=False, *, ceiling=torch.inf, always_in_place=False):
        met.append(x.requires_grad)
        result = GuidedReLU.apply(x, ceiling)
        return x.copy_(result) if inplace or always_in_place else result

    def hardtanh(x, min_val=-1.0, max_val=1.0, inplace=False):
        return guided(x, inplace, ceiling=max_val)

    in_place = partial(guided, always_in_place=True)
    with pytest.MonkeyPatch.context() as patch:
        for place, name, stand_in in (
            (F, "relu", guided),
            (torch, "relu", guided),
            (Tensor, "relu", lambda x: guided(x)),
            (torch, "relu_", in_place),
            (Tensor, "relu_", lambda x: in_place(x)),
            (F, "relu6", partial(guided, ceiling=6.0)),
            (F, "hardtanh", hardtanh),
        ):
            patch.setattr(place, name, stand_in)
        yield met


def guided_by_hand(subject: Subject) -> Tensor:
    """By captum where each ReLU is a module that runs once, else by `guided_relus`."""
    found, modules = [], [part for part in subject.network.modules() if isinstance(part, nn.ReLU)]
    with guided_relus() as met:
        for picture, index in subject.each():
            score = lambda x, index=index: subject.scores(x)[0, index]
            found.append(gradient_of(score, picture))
    if all(met) and len(met) == len(modules) * len(found):
        peer = captum.attr.GuidedBackprop(Scores(subject))
        for (picture, index), gradient in zip(subject.each(), found, strict=True):
            theirs = peer.attribute(picture.clone().requires_grad_(), index)
            assert relative(gradient, theirs) < TOLERANCE[gradient.dtype]
    return torch.cat(found)


def patch_of(subject: Subject) -> int:
    return min(subject.about.size) // 4


def mean_colour(subject: Subject) -> Tensor:
    return subject.pixels.new_tensor(MEAN[: subject.about.channels]).view(1, -1, 1, 1)


@torch.no_grad()
def occlusion_by_hand(subject: Subject) -> Tensor:
    """Of the first picture."""
    side, (height, width) = patch_of(subject), subject.about.size
    (picture, index), drops = next(subject.each()), []
    before = subject.measured(picture)[0, index]
    for top in range(0, height, side):
        for left in range(0, width, side):
            covered = picture.clone()
            covered[:, :, top : top + side, left : left + side] = mean_colour(subject)
            drops.append(before - subject.measured(covered)[0, index])
    return torch.stack(drops).view(1, height // side, width // side)


def ranking(subject: Subject) -> Tensor:
    """A map (2, H, W) without equal values, which says in which order pixels go."""
    height, width = subject.about.size
    generator = torch.Generator().manual_seed(3)
    orders = [torch.randperm(height * width, generator=generator) for _ in range(2)]
    return torch.stack(orders).view(2, height, width).to(subject.pixels)


@torch.no_grad()
def deletion_by_hand(subject: Subject) -> Tensor:
    curves = []
    for (picture, index), heat in zip(subject.each(), ranking(subject).flatten(1), strict=True):
        order, shown = heat.argsort(descending=True), picture.clone()
        curves.append([subject.measured(shown)[0, index]])
        for gone in order.chunk(4):
            shown.flatten(2)[:, :, gone] = mean_colour(subject).flatten(2)
            curves[-1].append(subject.measured(shown)[0, index])
    return torch.tensor(curves).to(subject.pixels)


RADIUS, STEPS = 1.0, 3  # of the change's Euclidean length


def fooling_by_hand(subject: Subject) -> Tensor:
    """PGD: away from the class, each step 2.5 · radius / steps long, back into the ball."""
    changes = []
    for picture, index in subject.each():
        image = picture
        for _ in range(STEPS):
            loss = lambda x, index=index: -subject.measured(x)[0, index].log()
            slope = gradient_of(loss, image)
            change = image + 2.5 * RADIUS / STEPS * slope / slope.norm() - picture
            image = (picture + change * min(1.0, RADIUS / change.norm())).clamp(0, 1)
        changes.append(image - picture)
    return torch.cat(changes)


# --- the package's answers beside them ------------------------------------------------------------


def relative(ours: Tensor, theirs: Tensor) -> float:
    """The largest difference as a share of the range of the right values.

    For maps that begin at zero that is the largest value; of curves that hardly fall it is less.
    """
    assert ours.shape == theirs.shape
    span = float(theirs.max() - theirs.min())
    assert span > 0, "nothing to compare: the right values are all equal"
    return float((ours - theirs).abs().max()) / span


def grad_cam_difference(subject: Subject) -> float:
    ours = cam.grad_cam(subject.model, subject.pixels, subject.classes)
    return relative(ours, grad_cam_by_hand(subject))


def cam_difference(subject: Subject) -> float:
    ours = cam.cam(subject.model, subject.pixels, subject.classes)
    return relative(ours, cam_by_hand(subject))


def saliency_difference(subject: Subject) -> float:
    ours = saliency.saliency_map(subject.model, subject.pixels, subject.classes)
    return relative(ours, saliency_by_hand(subject))


def guided_difference(subject: Subject) -> float:
    ours = guided_backprop.input_gradient(subject.model, subject.pixels, subject.classes, "guided")
    return relative(ours, guided_by_hand(subject))


def occlusion_difference(subject: Subject) -> float:
    side, (picture, index) = patch_of(subject), next(subject.each())
    measure = "probability" if subject.about.reading.probabilities else "logit"
    ours = occlusion.occlusion_map(subject.model, picture, index, side, side, measure=measure)
    return relative(ours, occlusion_by_hand(subject))


def deletion_difference(subject: Subject) -> float:
    ours = truth.deletion(subject.model, subject.pixels, ranking(subject), subject.classes, steps=4)
    return relative(ours, deletion_by_hand(subject))


def fooling_difference(subject: Subject) -> float:
    settings = {"radius": RADIUS, "steps": STEPS, "norm": "l2", "seed": None}
    ours = adversarial.pgd(subject.model, subject.pixels, **settings) - subject.pixels
    return relative(ours, fooling_by_hand(subject))


def learned(network: nn.Module) -> dict[str, Tensor]:
    """Parameters, and the statistics of batch norms."""
    statistics = {name: each for name, each in network.named_buffers() if "running_" in name}
    return dict(network.named_parameters()) | statistics


def randomisation_left(subject: Subject) -> float:
    """The share of tensors that the cascade leaves as they were; none may change before its turn.

    A tensor's turn is that of the smallest layer around it; without one, it goes with the first.
    """
    model = subject.model
    layers = [model.resolve(layer)[0] for layer in model.layers]
    around = {name: part for name, part in model.network.named_modules() if part in set(layers)}
    trained = {name: each.clone() for name, each in learned(model.network).items()}
    trained = {name: each for name, each in trained.items() if each.min() < each.max()}

    def home(name: str) -> nn.Module:
        owner = name.rpartition(".")[0]
        return layers[0] if not owner else around.get(owner) or home(owner)

    waiting = {name: home(name) for name in trained}
    for layer, fresh in truth.randomization(model):
        turn, now = model.resolve(layer)[0], learned(fresh.network)
        waiting = {name: owner for name, owner in waiting.items() if owner is not turn}
        assert all(torch.equal(now[name], trained[name]) for name in waiting), layer
    untouched = learned(model.network)
    assert all(torch.equal(untouched[name], each) for name, each in trained.items())
    return sum(torch.equal(now[name], trained[name]) for name in trained) / len(trained)


TECHNIQUES = {
    "Grad-CAM": grad_cam_difference,
    "CAM": cam_difference,
    "saliency": saliency_difference,
    "guided backprop": guided_difference,
    "occlusion": occlusion_difference,
    "deletion": deletion_difference,
    "fooling": fooling_difference,
    "randomisation": randomisation_left,
}


# --- the tests, and the table ---------------------------------------------------------------------


CAPTION = (
    "The largest difference from an independent computation, as a share of the range of the right "
    "values, in float64; randomisation: the share of tensors that it leaves as they were; words: a "
    "refusal."
)


@pytest.fixture(scope="module", autouse=True)
def table() -> Iterator[None]:
    """After the last test the table is printed, and written where CS231N_VIZ_TABLE says."""
    yield
    lines = [CAPTION, "", "| | " + " | ".join(TECHNIQUES) + " |"]
    lines += ["|---" * (len(TECHNIQUES) + 1) + "|"]
    for network in NETWORKS:
        row = [CELLS.get((network, technique), "") for technique in TECHNIQUES]
        lines += [f"| {network} | " + " | ".join(row) + " |"] if any(row) else []
    text = "\n".join(lines) + "\n"
    print(f"\n{text}")
    if file := os.environ.get("CS231N_VIZ_TABLE"):
        Path(file).write_text(text, encoding="utf-8")


@pytest.mark.parametrize("technique", TECHNIQUES)
def test_a_technique_is_right_on_a_network_or_says_that_it_does_not_apply(technique, named_subject):
    name, subject = named_subject
    refused = dict(subject.about.refused)
    if subject.about.averaged is None:
        refused |= {"CAM": "no average"}
    if words := refused.get(technique):
        with pytest.raises(ValueError, match=words.replace(" ", ".*")):
            TECHNIQUES[technique](subject)
        CELLS[name, technique] = words
    else:
        difference = TECHNIQUES[technique](subject)
        CELLS[name, technique] = f"{difference:.0e}" if difference else "0"
        assert difference <= TOLERANCE[subject.pixels.dtype]
