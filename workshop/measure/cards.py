"""The figures of the cards: from pictures not trained on, on the weights as they are stored."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from cs231n_viz import data, images, models
from cs231n_viz.optimize import always, ascend, last, sign
from cs231n_viz.techniques import filters, last_layer
from workshop import drawing
from workshop.drawing import sets
from workshop.train import caltech, training

# Which predictions for a package photo would be right. For Hubble's galaxies there is none.
RIGHT = {
    "astronaut": ["Faces", "Faces easy"],
    "chelsea": ["drawn cat", "wild cat"],
    "china": ["pagoda"],
    "coffee": ["cup"],
    "flower": ["drawn flower", "sunflower", "lotus", "water lilly"],
    "grace_hopper": ["Faces", "Faces easy"],
    "hubble_deep_field": [],
    "motorcycle": ["Motorbikes"],
    "rocket": ["drawn rocket"],
}
# The same of ImageNet's classes. For the dahlia, a portrait and galaxies there is none.
RIGHT_OF_IMAGENET = {
    "astronaut": [],
    "chelsea": ["Egyptian cat", "tabby", "tiger cat"],
    "china": ["bell cote", "palace", "monastery"],
    "coffee": ["espresso", "cup"],
    "flower": [],
    "grace_hopper": ["military uniform", "suit"],
    "hubble_deep_field": [],
    "motorcycle": ["moped", "motor scooter", "disk brake"],
    "rocket": ["missile", "projectile"],
}
RADIUS = 4 / 255  # of the attack


@torch.no_grad()
def in_batches(
    function: Callable[[Tensor], Tensor], pixels: Tensor, batch_size: int = 64
) -> Tensor:
    """What the function gives for all the pictures, on the CPU."""
    return torch.cat([function(batch).cpu() for batch in pixels.split(batch_size)])


def right_photographs(
    model: models.PixelModel, pictures: Tensor, labels: Tensor, size: int | None = None
) -> Tensor:
    """(N,) bool: right on the middles of uint8 photographs, at the input size by default?"""
    pixels = training.center_crop(pictures, size or model.input_size)
    return in_batches(model, pixels).argmax(dim=1) == labels


def labels_of(model: models.PixelModel, drawn: data.Pictures) -> Tensor:
    """The labels (N,) of drawings as the model numbers its classes."""
    return torch.tensor([model.class_index(drawn.class_names[label]) for label in drawn.labels])


def right_drawings(model: models.PixelModel, drawn: data.Pictures) -> Tensor:
    """(N,) bool: which drawings are classified rightly at their own 128 px, as in a lesson."""
    return in_batches(model, drawn.pixels).argmax(dim=1) == labels_of(model, drawn)


def mean_over_classes(correct: Tensor, labels: Tensor) -> float:
    """The mean of the classes' accuracies: large classes count no more than small ones."""
    each = [correct[labels == kind].float().mean() for kind in labels.unique()]
    return torch.stack(each).mean().item()


def calibration_error(probabilities: Tensor, labels: Tensor, bins: int = 15) -> float:
    """ECE (Guo et al. 2017): Σ over bins, share of pictures · |accuracy − mean confidence|."""
    confidence, predicted = probabilities.max(dim=1)
    gap = (predicted == labels).double() - confidence.double()
    bin_of = (confidence * bins).long().clamp(max=bins - 1)
    return sum(gap[bin_of == number].sum().abs().item() for number in range(bins)) / len(labels)


def with_interval(figure: Callable[..., float], *tensors: Tensor, rounds: int = 500) -> str:
    """`0.047 (0.041–0.060)`: a figure and the middle 95 % of its bootstrap (Efron 1979)."""
    generator, count = torch.Generator().manual_seed(0), len(tensors[0])
    again = [torch.randint(count, (count,), generator=generator) for _ in range(rounds)]
    values = torch.tensor([figure(*(tensor[chosen] for tensor in tensors)) for chosen in again])
    low, high = values.quantile(torch.tensor([0.025, 0.975])).tolist()
    return f"{figure(*tensors):.3f} ({low:.3f}–{high:.3f})"


def unseen_kinds(model: models.PixelModel) -> dict[str, str]:
    """5-NN on the ten withheld kinds: in the code, in pixels, and in an untrained copy's code."""
    withheld = caltech.load(withheld=True)
    pixels = training.center_crop(withheld.pictures, model.input_size)
    spaces = {
        "in `code`": last_layer.features(model, pixels, "code"),
        "in pixels": images.resize(pixels, 32).flatten(1),
        "in `code` of an untrained copy": last_layer.features(
            models.untrained(model), pixels, "code"
        ),
    }
    return {
        f"ten kinds never seen, 5-NN leaving one out, {space}": training.share_in_words(
            last_layer.knn_right(last_layer.centered_directions(features), withheld.labels)
        )
        for space, features in spaces.items()
    }


def figures(model: models.PixelModel, held_out: Tensor, labels: Tensor) -> dict[str, str]:
    """All figures of a network that learned photographs and drawings."""
    correct = right_photographs(model, held_out, labels)
    pixels = training.center_crop(held_out, model.input_size)
    probabilities = in_batches(lambda batch: model(batch).softmax(dim=1), pixels)
    other_sizes = [right_photographs(model, held_out, labels, size) for size in (96, 160)]
    return {
        "Caltech-101, held out": training.share_in_words(correct),
        "Caltech-101, held out, mean over classes": with_interval(
            mean_over_classes, correct, labels
        ),
        "Caltech-101, held out, shrunk to 96 px and enlarged to 160 px": " and ".join(
            map(training.share_in_words, other_sizes)
        ),
        "Caltech-101, held out, calibration error (ECE, 15 bins)": with_interval(
            calibration_error, probabilities, labels
        ),
        "Picturebook, test": training.share_in_words(
            right_drawings(model, data.picturebook("test"))
        ),
        **unseen_kinds(model),
        **first_layer(model),
    }


def first_layer(model: models.PixelModel) -> dict[str, str]:
    rough = filters.roughness(model.network.conv1.weight)
    return {
        "first-layer roughness, median (white noise = 2)": f"{rough.median():.2f}",
        "first-layer filters with roughness < 1": f"{int((rough < 1).sum())} of {len(rough)}",
    }


def photo_table(model: models.PixelModel) -> str:
    """The package photos: the answer given, and those that would be right, as a Markdown table."""
    rows = ["| photo | answer | right would be |", "|---|---|---|"]
    for name, right in RIGHT.items():
        _, answer, probability = models.predict(model, data.photo(name, model.input_size), top=1)[0]
        mark = (
            ("✓ (a drawn one)" if answer.startswith("drawn") else "✓") if answer in right else "✗"
        )
        found = f"{answer}, {100 * probability:.0f} % {mark}"
        rows.append(f"| {name} | {found} | {', '.join(right) or 'none it knows'} |")
    return "\n".join(rows)


def attack(model: models.PixelModel, pixels: Tensor, labels: Tensor) -> Tensor:
    """PGD (Madry et al. 2018) within 4/255 in the maximum norm: 20 steps of 1/255.

    Unlike `adversarial.pgd`, each picture has a random start of its own, and one that is classified
    wrongly before is attacked, too.
    """
    generator = torch.Generator().manual_seed(20)
    noise = 2 * torch.rand(pixels.shape, generator=generator) - 1

    def into_the_ball(image: Tensor) -> Tensor:
        return (pixels + (image - pixels).clamp(-RADIUS, RADIUS)).clamp(0, 1)

    def loss(image: Tensor) -> Tensor:
        scores = model(image)
        return F.cross_entropy(scores, labels.to(scores.device), reduction="none")

    start, stay = into_the_ball(pixels + RADIUS * noise), always(into_the_ball)
    return last(ascend(start, loss, steps=20, direction=sign(1 / 255), constrain=stay))


def attacked_figures(model: models.PixelModel, plain: models.PixelModel) -> dict[str, str]:
    """Accuracy on the first 15 test drawings of each class, before and after PGD at 4/255."""
    drawn = data.picturebook("test", 15 * len(drawing.CLASS_NAMES))
    labels, found = labels_of(model, drawn), {}
    for one in (model, plain):
        attacked = [
            attack(one, some, right)
            for some, right in zip(drawn.pixels.split(64), labels.split(64), strict=True)
        ]
        correct = in_batches(one, torch.cat(attacked)).argmax(dim=1) == labels
        found[f"Picturebook, first 15 tests of each kind, attacked within 4/255 (`{one.name}`)"] = (
            training.share_in_words(correct)
        )
    return found


def snow_figures(model: models.PixelModel) -> dict[str, str]:
    """Accuracy where the ground goes with the animal, where it is independent, and swapped."""
    together = data.snow("test", correlated=True)
    mixed = sets.snow("test", 400, correlated=False)
    correct = in_batches(model, mixed.pixels).argmax(dim=1) == mixed.labels
    usual = torch.tensor([facet == "snow" for facet in mixed.facets]) == (mixed.labels == 0)
    correct_together = in_batches(model, together.pixels).argmax(dim=1) == together.labels
    return {
        "huskies on snow, wolves on grass": training.share_in_words(correct_together),
        "background independent of the animal": training.share_in_words(correct),
        "of these, huskies on grass and wolves on snow": training.share_in_words(correct[~usual]),
    }
