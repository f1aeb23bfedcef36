"""Paints data/paintings: `python3 -m workshop.paintings`, all or those named, and nothing else."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from PIL import Image

from cs231n_viz.places import data_dir

from . import PAINTING_NAMES, paint

QUALITY = 95  # of the JPEG files, colours at full resolution: strokes stay crisp


def write(name: str, folder: Path) -> Path:
    """Paint one and store it."""
    path = folder / f"{name}.jpg"
    Image.fromarray(paint(name)).save(path, quality=QUALITY, subsampling=0)
    return path


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="Paint the style pictures of the course.")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(PAINTING_NAMES)}")
    parser.add_argument("--folder", type=Path, default=data_dir() / "paintings")
    asked = parser.parse_args(arguments)
    asked.folder.mkdir(parents=True, exist_ok=True)
    for name in asked.names or PAINTING_NAMES:
        path = write(name, asked.folder)
        print(f"{path}  {path.stat().st_size / 1e3:.0f} kB", flush=True)


if __name__ == "__main__":
    main()
