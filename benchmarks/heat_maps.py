"""Heat maps against captum and pytorch-grad-cam: `python -m benchmarks.heat_maps occlusion saliency guided grad_cam`.

Equal inputs, in one interleaved run; that the answers are equal the tests show for captum (occlusion where patches lie
side by side), not for pytorch-grad-cam. Both sides get one torchvision network
with random weights, ours wrapped by models.wrap, theirs as torchvision made it. captum's occlusion runs with the number
of places a pass that serves it best, found first. Needs: pip install captum grad-cam
"""

import argparse
from statistics import median

import torch
import torchvision
from captum import attr
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from benchmarks.rounds import interleaved, ratio, surroundings
from cs231n_viz import data, models
from cs231n_viz.techniques import cam, guided_backprop, occlusion, saliency

MEAN, STD, CLASS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3
PATCH, STRIDE = 16, 8
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
        self.name, self.theirs = name, torchvision.models.get_model(name, weights=None).eval()
        self.ours = models.wrap(self.theirs, mean=MEAN, std=STD, input_size=224, name=name)
        self.pixels = data.photo("chelsea", 224)
        self.normalized = (self.pixels - self.ours.mean) / self.ours.std

    def layer_of(self, network: nn.Module) -> nn.Module:
        return network.get_submodule(LAYERS[self.name])


def report(what: str, pair: Pair, peer: str, rounds: int, ours, theirs) -> None:
    seconds = interleaved(rounds, ours=ours, theirs=theirs)
    mine, other = (median(seconds[side]) * 1e3 for side in ("ours", "theirs"))
    times_faster = ratio(seconds, "theirs", "ours")
    print(
        f"| {what} | {pair.name} | {peer} | {other:.0f} ms | {mine:.0f} ms | **{times_faster}** |", flush=True
    )


def compare_occlusion(pair: Pair) -> None:
    peer = attr.Occlusion(pair.theirs)
    window = {"sliding_window_shapes": (3, PATCH, PATCH), "target": CLASS}

    def captum(stride: int, places: int) -> Tensor:
        return peer.attribute(
            pair.normalized, strides=(3, stride, stride), perturbations_per_eval=places, **window
        )

    with torch.no_grad():
        tried = interleaved(1, **{str(places): lambda p=places: captum(PATCH, p) for places in (4, 8, 16, 32)})
        best = int(min(tried, key=lambda places: tried[places][0]))
        rounds = 3 if pair.name == "vgg16" else 7
        report("occlusion 16/8", pair, f"captum, {best} places a pass", rounds,
               lambda: occlusion.occlusion_map(pair.ours, pair.pixels, CLASS, PATCH, STRIDE, measure="logit"),
               lambda: captum(STRIDE, best))  # fmt: skip


def compare_saliency(pair: Pair) -> None:
    peer = attr.Saliency(pair.theirs)
    report("saliency", pair, "captum", 15,
           lambda: saliency.saliency_map(pair.ours, pair.pixels, CLASS),
           lambda: peer.attribute(pair.normalized.clone().requires_grad_(), CLASS))  # fmt: skip


def compare_guided(pair: Pair) -> None:
    for module in pair.theirs.modules():  # captum asks for ReLUs that do not work in place
        if isinstance(module, nn.ReLU):
            module.inplace = False
    peer = attr.GuidedBackprop(pair.theirs)
    report("guided backprop", pair, "captum", 15,
           lambda: guided_backprop.input_gradient(pair.ours, pair.pixels, CLASS),
           lambda: peer.attribute(pair.normalized.clone().requires_grad_(), CLASS))  # fmt: skip


def compare_grad_cam(pair: Pair) -> None:
    def ours() -> Tensor:
        return cam.grad_cam(pair.ours, pair.pixels, CLASS, LAYERS[pair.name])

    captum = attr.LayerGradCam(pair.theirs, pair.layer_of(pair.theirs))
    report("Grad-CAM", pair, "captum", 15, ours, lambda: captum.attribute(pair.normalized, CLASS))
    with GradCAM(pair.theirs, [pair.layer_of(pair.theirs)]) as peer:
        targets = [ClassifierOutputTarget(CLASS)]
        report("Grad-CAM", pair, "pytorch-grad-cam", 15, ours, lambda: peer(pair.normalized, targets))


COMPARISONS = {"occlusion": compare_occlusion, "saliency": compare_saliency}
COMPARISONS |= {"guided": compare_guided, "grad_cam": compare_grad_cam}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("comparisons", nargs="+", choices=COMPARISONS)
    parser.add_argument("--networks", nargs="+", default=list(LAYERS), choices=LAYERS)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    print(
        "| technique | network | peer | peer | ours | times as fast, median (range) |\n|---|---|---|---|---|---|"
    )
    for comparison in arguments.comparisons:
        for name in arguments.networks:
            COMPARISONS[comparison](Pair(name))
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
