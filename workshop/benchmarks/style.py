"""Style transfer (Gatys et al. 2016): `python -m workshop.benchmarks.style [PART …]`.

step      one evaluation of the loss and its gradient on VGG19 (random weights, 256 px; content
          relu4_2, style the first ReLU of each of five blocks): ours, frozen and left after the
          deepest layer that is asked for, against a loop as it is often written, in which the
          weights ask for gradients and every pass runs to the end of `features`.
sizes     the time in which coarse to fine reaches the loss at which the search at one size ends
          after `--steps` steps, on `--network`, from the content and from noise; three pairs.
transfer  a whole picture of 256 px with the defaults.
repaint   a picture of 256 px by one pass of `stylenet`, and by 50 steps of `transfer`.
"""

import argparse
import copy
from statistics import median

import torch
import torchvision

from cs231n_viz import data, models
from cs231n_viz.objectives import gram_distance, gram_matrices, likeness
from cs231n_viz.techniques import fast_style, style_transfer
from workshop.benchmarks.rounds import fair_clock, interleaved, milliseconds, ratio, surroundings

CONTENT, STYLE = "relu4_2", [f"relu{block}_1" for block in range(1, 6)]
PAIRS = [("chelsea", "glass"), ("china", "woodcut"), ("astronaut", "autumn")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("parts", nargs="*", default=["step", "sizes", "transfer", "repaint"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=80)
    parser.add_argument("--side", type=int, default=256)
    parser.add_argument("--network", default="coursenet", help="the one that sizes looks with")
    parser.add_argument(
        "--pixels", action="store_true", help="sizes: search in the pixels and not among waves"
    )
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    torch.manual_seed(0)
    for part in arguments.parts:
        {"step": step, "sizes": sizes, "transfer": transfer, "repaint": repaint}[part](arguments)
    print(f"\n{surroundings()}")


def step(arguments) -> None:
    network = torchvision.models.get_model("vgg19", weights=None).eval()
    model = models.wrap(network, name="vgg19")
    content, style = data.photo("chelsea", 256), data.painting("night", 256)
    wanted = gram_matrices(model, style, STYLE)
    both = likeness(model, content, CONTENT, wanted)
    numbers = [_number(model, layer) for layer in (CONTENT, *STYLE)]
    features = [copy.deepcopy(part) for part in network.features]  # these ask for gradients
    for part in features:
        part.inplace = False

    def activations(image):
        maps = []
        for part in features:
            image = part(image)
            maps.append(image)
        return [maps[number] for number in numbers]

    with torch.no_grad():
        target = activations(content)[0]

    def usual():
        image = content.clone().requires_grad_()
        maps, *others = activations(image)
        pairs = zip(others, STYLE, strict=True)
        style_loss = sum(gram_distance(maps, wanted[layer]) for maps, layer in pairs)
        content_loss = (maps - target).square().sum() / target.square().sum()
        (content_loss + 2 * style_loss).sum().backward()
        return image.grad

    def frozen():
        image = content.clone().requires_grad_()
        near = both(image)
        return torch.autograd.grad((near.content + 10 * near.style).sum(), image)[0]

    # A ReLU at 0 may differ by rounding.
    assert (usual() - frozen()).norm() < 0.01 * frozen().norm()
    seconds = interleaved(arguments.rounds, clock=fair_clock(), usual=usual, frozen=frozen)
    theirs, ours = (milliseconds(seconds[side]) for side in ("usual", "frozen"))
    print(f"| step on VGG19 | {theirs} | {ours} | **{ratio(seconds, 'usual', 'frozen')}** |")


def _number(model, layer: str) -> int:
    parts = list(model.network.features)
    return next(number for number, part in enumerate(parts) if part is model.resolve(layer)[0])


def sizes(arguments) -> None:
    model, clock = models.load(arguments.network, device="cpu"), fair_clock()
    for start in ("content", "noise"):
        for photo, painting in PAIRS:
            pictures = data.photo(photo, arguments.side), data.painting(painting, arguments.side)

            def walked(count, pictures=pictures, start=start):
                began = clock()
                walk = style_transfer.transfer_steps(
                    model,
                    *pictures,
                    start=start,
                    steps=arguments.steps,
                    sizes=count,
                    waves=not arguments.pixels,
                )
                return [
                    (clock() - began, step)
                    for step in walk
                    if step.image.shape[-1] == arguments.side
                ]

            alone = walked(1)
            whole, goal = alone[-1][0], float(alone[-1][1].value)
            found = {
                count: [time for time, step in walked(count) if float(step.value) <= goal][:1]
                for count in (2, 3)
            }
            ratios = [
                f"{times[0] / whole:.2f}" if times else "not reached" for times in found.values()
            ]
            print(
                f"| {photo}, {painting}, from {start} | {goal:.2f} | {' | '.join(ratios)} |",
                flush=True,
            )


def transfer(arguments) -> None:
    model, clock = models.load("coursenet", device="cpu"), fair_clock()
    times = []
    for photo, painting in PAIRS:
        began = clock()
        style_transfer.transfer(model, data.photo(photo, 256), data.painting(painting, 256))
        times.append(clock() - began)
    found = f"{median(times):.1f} s ({min(times):.1f}–{max(times):.1f})"
    print(f"| 256 px, 80 steps, CourseNet | {found} |")


def repaint(arguments) -> None:
    model, network = models.load("coursenet", device="cpu"), models.load_stylenet("cpu")
    photo, painting = data.photo("chelsea", 256), data.painting("night", 256)
    seconds = interleaved(
        arguments.rounds,
        clock=fair_clock(),
        once=lambda: fast_style.repaint(network, photo, "night"),
        searched=lambda: style_transfer.transfer(
            model, photo, painting, content_layer=fast_style.CONTENT, steps=50
        ),
    )
    once, searched = milliseconds(seconds["once"]), milliseconds(seconds["searched"])
    times = ratio(seconds, "searched", "once")
    print(f"| 256 px, one pass | {once} | 50 steps | {searched} | **{times}** |")


if __name__ == "__main__":
    main()
