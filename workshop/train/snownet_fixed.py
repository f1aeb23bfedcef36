"""Trains snownet_fixed: snownet's network and recipe on pictures whose background says nothing
about the animal.
"""

from workshop.train import snownet


def main(arguments: list[str] | None = None) -> None:
    snownet.main(arguments, name="snownet_fixed", correlated=False)
