"""Heat maps against captum and pytorch-grad-cam: `python -m workshop.benchmarks.heat_maps`.

Rows are chosen by name, `python -m workshop.benchmarks.heat_maps saliency guided --networks
resnet18 --threads 2`, so that the long ones can run by themselves. Equal inputs at 224 px, in one
interleaved run; the tests show equal results for captum (occlusion where patches lie side by
side), not for pytorch-grad-cam. Both sides get one torchvision network, ours wrapped by
models.wrap, theirs as torchvision made it; with its own weights where they are on this computer,
else with random ones, as the row says. Both occlusions run with the number of positions a pass
that serves them best, found first. Needs: pip install captum grad-cam
"""

import argparse
from collections.abc import Callable, Sequence
from functools import partial
from statistics import median

import torch
import torchvision
from captum import attr
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from cs231n_viz import data, models
from cs231n_viz.models import weights_file
from cs231n_viz.techniques import cam, guided_backprop, occlusion, saliency
from workshop.benchmarks.rounds import fair_clock, interleaved, ratio, surroundings

MEAN, STD, CLASS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3
PATCH, STRIDE = 16, 8
BATCH_SIZES = (4, 8, 16, 32, 64)  # so many patches a pass are tried
LAYERS = {
    "squeezenet1_0": "features.12",
    "alexnet": "features.11",
    "resnet18": "layer4",
    "vgg16": "features.29",
}


class Pair:
    """One network twice: `ours` takes pixels, `theirs` the normalised picture."""

    def __init__(self, name: str):
        torch.manual_seed(0)
        weights = "DEFAULT" if weights_file(name).exists() else None
        self.name, self.weights = name, "own weights" if weights else "random"
        self.theirs = torchvision.models.get_model(name, weights=weights).eval()
        self.ours = models.wrap(self.theirs, mean=MEAN, std=STD, input_size=224, name=name)
        self.pixels = data.photo("chelsea", 224)
        self.normalized = (self.pixels - self.ours.mean) / self.ours.std

    def layer_of(self, network: nn.Module) -> nn.Module:
        return network.get_submodule(LAYERS[self.name])


def report(
    what: str,
    pair: Pair,
    peer: str,
    rounds: int,
    ours: Callable,
    theirs: Callable,
    warm: bool = False,
) -> None:
    seconds = interleaved(rounds, fair_clock(), warm, ours=ours, theirs=theirs)
    mine, other = (median(seconds[side]) * 1e3 for side in ("ours", "theirs"))
    row = f"| {what} | {pair.name}, {pair.weights} | {peer} | {rounds} | {other:.0f} ms"
    print(f"{row} | {mine:.0f} ms | **{ratio(seconds, 'theirs', 'ours')}** |", flush=True)


def fastest(run: Callable[[int], Tensor], choices: Sequence[int]) -> int:
    """The choice that took least time, each tried once."""
    tried = interleaved(
        1, fair_clock(), warm=True, **{str(choice): partial(run, choice) for choice in choices}
    )
    return int(min(tried, key=lambda choice: tried[choice][0]))


@torch.no_grad()
def compare_occlusion(pair: Pair, rounds: int | None) -> None:
    peer = attr.Occlusion(pair.theirs)

    def captum(batch_size: int, patch: int = PATCH, stride: int = STRIDE) -> Tensor:
        return peer.attribute(
            pair.normalized,
            (3, patch, patch),
            (3, stride, stride),
            target=CLASS,
            perturbations_per_eval=batch_size,
        )

    def ours(batch_size: int) -> Tensor:
        return occlusion.occlusion_map(
            pair.ours, pair.pixels, CLASS, PATCH, STRIDE, measure="logit", batch_size=batch_size
        )

    # Its time does not depend on the window's size: 64 windows side by side are enough to choose.
    theirs_best = fastest(partial(captum, patch=28, stride=28), BATCH_SIZES[:-1])
    ours_best = fastest(ours, BATCH_SIZES[2:])
    rounds = rounds or (3 if pair.name == "vgg16" else 7)
    peer_name = f"captum, {theirs_best} positions a pass (ours {ours_best})"
    runs = partial(ours, ours_best), partial(captum, theirs_best)
    report("occlusion 16/8", pair, peer_name, rounds, *runs, warm=True)


def compare_saliency(pair: Pair, rounds: int | None) -> None:
    peer = attr.Saliency(pair.theirs)
    report("saliency", pair, "captum", rounds or 15,
           lambda: saliency.saliency_map(pair.ours, pair.pixels, CLASS),
           lambda: peer.attribute(pair.normalized.clone().requires_grad_(), CLASS))  # fmt: skip


def compare_guided(pair: Pair, rounds: int | None) -> None:
    for module in pair.theirs.modules():  # captum asks for ReLUs that do not work in place
        if isinstance(module, nn.ReLU):
            module.inplace = False
    peer = attr.GuidedBackprop(pair.theirs)
    report("guided backprop", pair, "captum", rounds or 15,
           lambda: guided_backprop.input_gradient(pair.ours, pair.pixels, CLASS),
           lambda: peer.attribute(pair.normalized.clone().requires_grad_(), CLASS))  # fmt: skip


def compare_grad_cam(pair: Pair, rounds: int | None) -> None:
    def ours() -> Tensor:
        return cam.grad_cam(pair.ours, pair.pixels, CLASS, LAYERS[pair.name])

    captum = attr.LayerGradCam(pair.theirs, pair.layer_of(pair.theirs))
    report(
        "Grad-CAM",
        pair,
        "captum",
        rounds or 15,
        ours,
        lambda: captum.attribute(pair.normalized, CLASS),
    )
    with GradCAM(pair.theirs, [pair.layer_of(pair.theirs)]) as peer:
        targets = [ClassifierOutputTarget(CLASS)]
        report(
            "Grad-CAM",
            pair,
            "pytorch-grad-cam",
            rounds or 15,
            ours,
            lambda: peer(pair.normalized, targets),
        )


COMPARISONS = {"saliency": compare_saliency, "guided": compare_guided}
COMPARISONS |= {"grad_cam": compare_grad_cam, "occlusion": compare_occlusion}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("comparisons", nargs="*", choices=[*COMPARISONS, "all"], default="all")
    parser.add_argument("--networks", nargs="+", default=list(LAYERS), choices=LAYERS)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, help="instead of 15, occlusion 7, on VGG16 3")
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        "| technique | network | peer | rounds | peer | ours | times as fast, median (range) |\n"
        + 7 * "|---"
        + "|"
    )
    for comparison in COMPARISONS if "all" in arguments.comparisons else arguments.comparisons:
        for name in arguments.networks:
            COMPARISONS[comparison](Pair(name), arguments.rounds)
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
