"""Heat maps against captum and pytorch-grad-cam: `python -m workshop.benchmarks.heat_maps`.

Rows are chosen by name, `python -m workshop.benchmarks.heat_maps occlusion --networks resnet18`, so
that the long ones can run by themselves. Equal inputs at 224 px, in one interleaved run; the tests
show equal results for captum (occlusion where patches lie side by side), not for pytorch-grad-cam.
Both sides get one network, with its own weights where they are on this computer, else with random
ones, as the row says. A peer is timed twice:

as called     the network as torchvision made it, in eval mode, and the peer's own defaults;
at its best   frozen weights, as ours; memory format (weights, or weights and picture, channels
              last) and, for occlusion, the number of positions a pass: each tried, the fastest
              kept, which may be what was called.

Ours is what a call with its defaults takes. Occlusion by captum takes one whole pass a position,
wherever its window lies and however large it is: it is timed on windows side by side, whose number
the row says, and counted up to as many positions as ours has run, and the pass without a window.
Needs: pip install captum grad-cam
"""

import argparse
import copy
from collections.abc import Callable
from functools import partial
from statistics import median

import torch
import torchvision
from captum import attr
from pytorch_grad_cam import GradCAM
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn

from cs231n_viz import data, models, networks, published
from cs231n_viz.techniques import cam, guided_backprop, occlusion, saliency
from workshop.benchmarks.rounds import fair_clock, interleaved, ratio, surroundings

MEAN, STD, CLASS = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225), 3
PATCH = 16
BATCH_SIZES = (1, 4, 8, 16, 32)  # so many positions a pass are tried
LAYERS = {
    "squeezenet1_0": "features.12",
    "alexnet": "features.11",
    "resnet18": "layer4",
    "vgg16": "features.29",
}
MORE = ("densenet121", "googlenet", "mobilenet_v2", "mobilenet_v3_small", "shufflenet_v2_x1_0",
        models.REAL)  # fmt: skip
AS_CALLED, FROZEN = "as called", "frozen"
Setting = tuple[nn.Module, Tensor]  # a peer's network and its picture


def network_of(name: str) -> tuple[nn.Module, str]:
    """The network as its maker gives it, in eval mode, and whose weights it has."""
    torch.manual_seed(0)
    if name == models.REAL:
        network = networks.EfficientNetLite()
        network.take_published(published.weights())
        return network.eval(), "own weights"
    known = models.weights_file(name).exists()
    settings = {"init_weights": False, "aux_logits": False} if name == "googlenet" else {}
    network = torchvision.models.get_model(name, weights="DEFAULT" if known else None, **settings)
    return network.eval(), "own weights" if known else "random"


class Pair:
    """One network twice: `ours` takes pixels, a peer's the normalised picture."""

    def __init__(self, name: str):
        self.name = name
        network, self.weights = network_of(name)
        self.ours = models.wrap(network, mean=MEAN, std=STD, input_size=224, name=name)
        self.pixels = data.photo("chelsea", 224)
        picture = (self.pixels - self.ours.mean) / self.ours.std
        frozen = copy.deepcopy(network).requires_grad_(False)
        last = copy.deepcopy(frozen).to(memory_format=torch.channels_last)
        turned = picture.contiguous(memory_format=torch.channels_last)
        self.settings: dict[str, Setting] = {
            AS_CALLED: (network, picture),
            FROZEN: (frozen, picture),
            f"{FROZEN}, weights channels last": (last, picture),
            f"{FROZEN}, all channels last": (last, turned),
        }


def report(what: str, pair: Pair, peer: str, rounds: int, share: float = 1, **runs) -> None:
    """Times `ours`, `called` and `best`, in turns; the peer's runs are a share of the work.

    Runs of seconds (a share below 1) need none that does not count.
    """
    seconds = interleaved(rounds, fair_clock(), share < 1, **runs)
    for side in ("called", "best"):
        seconds[side] = [each / share for each in seconds[side]]
    times = {side: f"{median(each) * 1e3:.0f} ms" for side, each in seconds.items()}
    row = f"| {what} | {pair.name}, {pair.weights} | {peer} | {rounds} | {times['called']}"
    row += f" | {times['best']} | {times['ours']} | {ratio(seconds, 'called', 'ours')}"
    print(f"{row} | **{ratio(seconds, 'best', 'ours')}** |", flush=True)


def fastest(runs: dict[str, Callable[[], object]], rounds: int = 1) -> str:
    """The name of the run that took least time; each is warmed up by a run where rounds > 1."""
    tried = interleaved(rounds, fair_clock(), warm=rounds == 1, **runs)
    return min(tried, key=lambda name: median(tried[name]))


def compare_occlusion(pair: Pair, options: argparse.Namespace) -> None:
    def captum(setting: str, batch_size: int) -> Callable[[], Tensor]:
        network, picture = pair.settings[setting]
        window = (3, options.side, options.side)
        given = {"target": CLASS, "perturbations_per_eval": batch_size}
        return partial(attr.Occlusion(network).attribute, picture, window, window, **given)

    def ours() -> Tensor:
        settings = {"patch": PATCH, "stride": options.stride, "measure": "logit"}
        return occlusion.occlusion_map(pair.ours, pair.pixels, CLASS, **settings)

    setting = fastest({setting: captum(setting, 4) for setting in pair.settings})
    sizes = fastest({str(size): captum(setting, size) for size in BATCH_SIZES})
    windows, positions = ((len(occlusion.corners(224, *each)) ** 2) for each in
                          ((options.side, options.side), (PATCH, options.stride)))  # fmt: skip
    runs = {"ours": ours, "called": captum(AS_CALLED, 1), "best": captum(setting, int(sizes))}
    peer = f"captum, {windows} windows; best: {setting}, {sizes} a pass"
    what, share = f"occlusion 16/{options.stride}", (windows + 1) / (positions + 1)
    report(what, pair, peer, options.rounds or 3, share, **runs)


def compare(what, pair, peer, rounds, ours, theirs: Callable[[nn.Module, Tensor], Callable]):
    """One row; `theirs` makes a peer's run of its network and the picture."""
    runs = {name: theirs(*setting) for name, setting in pair.settings.items()}
    best = fastest(runs, 3)
    runs = {"ours": ours, "called": runs[AS_CALLED], "best": runs[best]}
    report(what, pair, f"{peer}; best: {best}", rounds or 15, **runs)


def leaf(picture: Tensor) -> Tensor:
    return picture.clone().requires_grad_()


def compare_saliency(pair: Pair, options: argparse.Namespace) -> None:
    def captum(network, picture):
        peer = attr.Saliency(network)
        return lambda: peer.attribute(leaf(picture), CLASS)

    def ours() -> Tensor:
        return saliency.saliency_map(pair.ours, pair.pixels, CLASS)

    compare("saliency", pair, "captum", options.rounds, ours, captum)


def compare_guided(pair: Pair, options: argparse.Namespace) -> None:
    def captum(network, picture):
        for module in network.modules():
            if isinstance(module, nn.ReLU):
                module.inplace = False  # captum asks for it here
        peer = attr.GuidedBackprop(network)
        return lambda: peer.attribute(leaf(picture), CLASS)

    def ours() -> Tensor:
        return guided_backprop.input_gradient(pair.ours, pair.pixels, CLASS)

    compare("guided backprop", pair, "captum", options.rounds, ours, captum)


def compare_grad_cam(pair: Pair, options: argparse.Namespace) -> None:
    layer = LAYERS[pair.name]

    def ours() -> Tensor:
        return cam.grad_cam(pair.ours, pair.pixels, CLASS, layer)

    def captum(network, picture):
        peer = attr.LayerGradCam(network, network.get_submodule(layer))
        frozen = network is not pair.settings[AS_CALLED][0]  # no graph but from the picture
        return lambda: peer.attribute(leaf(picture) if frozen else picture, CLASS)

    def grad_cam(network, picture):
        targets, frozen = (
            [ClassifierOutputTarget(CLASS)],
            network is not pair.settings[AS_CALLED][0],
        )

        def run():
            with GradCAM(network, [network.get_submodule(layer)]) as peer:
                return peer(leaf(picture) if frozen else picture, targets)

        return run

    compare("Grad-CAM", pair, "captum", options.rounds, ours, captum)
    compare("Grad-CAM", pair, "pytorch-grad-cam", options.rounds, ours, grad_cam)


COMPARISONS = {"saliency": compare_saliency, "guided": compare_guided}
COMPARISONS |= {"grad_cam": compare_grad_cam, "occlusion": compare_occlusion}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("comparisons", nargs="*", choices=[*COMPARISONS, "all"], default="all")
    names = [*LAYERS, *MORE]
    parser.add_argument("--networks", nargs="+", default=list(LAYERS), choices=[*names, "ten"])
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, help="instead of 15, occlusion 3")
    parser.add_argument("--stride", type=int, default=8, help="of our patches; 16: a coarser grid")
    parser.add_argument("--side", type=int, default=28, help="of captum's windows; 56: only 16")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    columns = "technique | network | peer | rounds | as called | at its best | ours | "
    columns += "times as fast as called, median (range) | at its best"
    print(f"| {columns} |\n{(columns.count(' | ') + 1) * '|---'}|")
    for comparison in COMPARISONS if "all" in options.comparisons else options.comparisons:
        for name in names if "ten" in options.networks else options.networks:
            if comparison == "occlusion" or name in LAYERS:
                COMPARISONS[comparison](Pair(name), options)
    print(f"\n{surroundings()}")


if __name__ == "__main__":
    main()
