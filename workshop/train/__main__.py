"""Trains a bundled network again: `python3 -m cs231n_viz train NAME [options]`."""

import importlib
import sys

from cs231n_viz.errors import unknown
from workshop.train import NETWORKS


def main(name: str, *options: str) -> int:
    """Run workshop/train/NAME.py; what goes wrong for a known reason is said in a sentence."""
    try:
        if name not in NETWORKS:
            raise unknown("network to train", name, NETWORKS)
        return importlib.import_module(f"workshop.train.{name}").main(list(options)) or 0
    except (ValueError, OSError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on from here.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
