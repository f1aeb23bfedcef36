"""Trains snownet_fixed: snownet's recipe, on grounds that are independent of the animal."""

from workshop.train import snownet


def main(arguments: list[str] | None = None) -> None:
    snownet.main(arguments, name="snownet_fixed", correlated=False)
