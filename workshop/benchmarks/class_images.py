"""Class images against lucent: `python -m workshop.benchmarks.class_images`.

The same parameter (a Fourier spectrum, decorrelated colours, sigmoid), the same transforms
(lucent's own standard ones, run on both sides), the same optimiser (Adam, 0.05), the same unit:
channel 10 of SqueezeNet's features.7 at 224 px, 12 steps. What differs is the loop: ours has frozen
weights and leaves the pass once the unit was recorded. `channels_last` is ours with that layout of
the weights; `own_transforms` has our jitter, scale and turn, which keep the picture's size, in
place of lucent's. Both get one network with random weights. Needs: pip install --no-deps
torch-lucent kornia kornia-rs decorator lucent asks for kornia <= 0.4.1; two functions that newer
ones have moved are put back where it looks for them.
"""

import argparse
import copy
from statistics import median

import kornia
import torch
import torchvision
from lucent.optvis import objectives, param, render, transform

from cs231n_viz import models
from cs231n_viz.objectives import unit
from cs231n_viz.optimize import adam, ascend, last
from cs231n_viz.transforms import (
    chain,
    decorrelated_colors,
    fourier_noise,
    from_fourier,
    jitter,
    random_rotate,
    random_scale,
)
from workshop.benchmarks.rounds import fair_clock, interleaved, ratio, surroundings

for name in ("get_rotation_matrix2d", "warp_affine"):
    setattr(kornia, name, getattr(kornia.geometry.transform, name))

SIZE, STEPS, LAYER, CHANNEL = 224, 12, "features.7", 10
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    network = torchvision.models.get_model("squeezenet1_0", weights=None).eval()
    model = models.wrap(network, mean=MEAN, std=STD, name="squeezenet1_0")
    fast = copy.deepcopy(model).to(
        memory_format=torch.channels_last
    )  # serves this network better on most CPUs
    standard = transform.compose(transform.standard_transforms)

    def ours(model, augment):
        decode = chain(from_fourier(SIZE, SIZE), decorrelated_colors())
        start, score = fourier_noise(SIZE, SIZE, seed=0), unit(model, LAYER, CHANNEL)
        return last(
            ascend(start, score, steps=STEPS, decode=decode, augment=augment, direction=adam(0.05))
        )

    own = chain(jitter(8, 0), random_scale(0.9, 1.1, 1), random_rotate(10, 2), jitter(4, 3))

    def lucent():
        return render.render_vis(
            network,
            objectives.channel(LAYER.replace(".", "_"), CHANNEL),
            lambda: param.image(SIZE),
            thresholds=(STEPS,),
            progress=False,
            show_image=False,
            fixed_image_size=SIZE,
        )

    seconds = interleaved(
        arguments.rounds,
        clock=fair_clock(),
        lucent=lucent,
        ours=lambda: ours(model, chain(standard, _resized)),
        channels_last=lambda: ours(fast, chain(standard, _resized)),
        own_transforms=lambda: ours(fast, own),
    )
    for way in ("ours", "channels_last", "own_transforms"):
        times_faster = ratio(seconds, "lucent", way)
        milliseconds = [f"{median(seconds[side]) * 1e3:.0f} ms" for side in ("lucent", way)]
        print(f"| {way} | {' | '.join(milliseconds)} | **{times_faster}** |", flush=True)
    print(f"\n{surroundings()}")


def _resized(image):
    """What lucent does last: back to the size of the picture, which its padding has enlarged."""
    return torch.nn.functional.interpolate(image, (SIZE, SIZE), mode="bilinear", align_corners=True)


if __name__ == "__main__":
    main()
