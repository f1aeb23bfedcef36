"""Trains coursenet_robust: CourseNet, fine-tuned on adversarial examples.

Fast adversarial training (Wong, Rice & Kolter 2020): from a random point in the ball around a
picture one step of the gradient's sign, as long as 1.25 radii, back into the ball; then the network
learns from that picture.
"""

import torch
from torch import Tensor, nn

from cs231n_viz import models
from cs231n_viz.networks import CourseNet
from workshop.measure import cards
from workshop.train import classifier, coursenet, training
from workshop.train.classifier import Normalized

RADIUS = 4 / 255
SEED = 17
EARLY_SIZE, SIZE = 80, 112
EARLY = 0.75  # share of the passes at the early size


def adversarial_loss(network: nn.Module, pixels: Tensor, labels: Tensor) -> Tensor:
    """Cross-entropy on the pictures after one step of an attack."""
    change = torch.empty_like(pixels).uniform_(-RADIUS, RADIUS).requires_grad_(True)
    value = training.cross_entropy(network, (pixels + change).clamp(0, 1), labels)
    (gradient,) = torch.autograd.grad(value, change)
    change = (change + 1.25 * RADIUS * gradient.sign()).clamp(-RADIUS, RADIUS).detach()
    return training.cross_entropy(network, (pixels + change).clamp(0, 1), labels)


def main(arguments: list[str] | None = None, name: str = "coursenet_robust") -> None:
    """Start from CourseNet's stored weights, train them adversarially, measure, bundle."""
    chosen = classifier.options(name, arguments, passes=6)
    plain = models.load("coursenet", device="cpu")
    network = CourseNet(**plain.network.settings)
    network = training.to_train(network, SEED, batch_norm=False, dropout=0.1)
    network.load_state_dict(plain.network.state_dict())
    network = Normalized(network, plain.mean.flatten().tolist(), plain.std.flatten().tolist())
    pictures, labels = coursenet.everything()
    photos = int((~coursenet.photographs().held_out).sum())

    def plan(index: int) -> tuple[Tensor, Tensor, int]:
        """All drawings and, in turn, one photograph in three."""
        some = torch.cat([torch.arange(index % 3, photos, 3), torch.arange(photos, len(pictures))])
        return pictures[some], labels[some], EARLY_SIZE if index < EARLY * chosen.passes else SIZE

    minutes = training.fit(
        network,
        plan,
        name=name,
        passes=chosen.passes,
        checkpoint=chosen.checkpoint,
        loss=adversarial_loss,
        optimizer=training.adam,
        rate=5e-4,
        seed=SEED,
    )
    model, digest = classifier.finish(
        name, network, plain.class_names, begins_with=training.digest_of("coursenet")
    )
    early = sum(index < EARLY * chosen.passes for index in range(chosen.passes))
    text = f"""
- Data: that of `coursenet`, one photograph in three in every pass, in turn.
- Recipe: {classifier.command(name, chosen.passes)}, seed {SEED}: begins with the
  weights of `coursenet`; fast adversarial training in the maximum norm, radius
  {RADIUS * 255:.0f}/255, {early} passes at {EARLY_SIZE} px and {chosen.passes - early} at
  {SIZE} px; {minutes:.0f} minutes on the computer that made it.
- The attack in the table is projected gradient descent (Madry et al. 2018) with a random start,
  20 steps of 1/255."""
    held_out = coursenet.photographs().held_out
    photographs, kinds = (part[held_out] for part in coursenet.photographs()[:2])
    figures = {**cards.attacked_figures(model, plain), **cards.figures(model, photographs, kinds)}
    classifier.write_card(model, digest, text, figures)
    chosen.checkpoint.unlink()
