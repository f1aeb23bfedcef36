"""Puts a picture together: scene, distractors, shadow, object, obstacle, and the camera."""

import zlib
from typing import NamedTuple

import cv2
import numpy as np
from numpy.random import PCG64, Generator, SeedSequence

from . import brush, clutter, creatures, inventions, plants, scenes, things, wildlife
from .brush import SIZE, Layer, Sketch, chance

# Every kind has one function a facet. The order of the kinds is the order of the classes: append
# only.
KINDS = {
    "sailboat": {"sailboat": things.sailboat},
    "house": {"alone": things.house, "street": things.street},
    "tree": {"pine": plants.pine, "broadleaf": plants.broadleaf},
    "flower": {"bloom": plants.bloom, "meadow": plants.flower_meadow},
    "fish": {"fish": creatures.fish},
    "butterfly": {"butterfly": creatures.butterfly},
    "car": {"car": things.car},
    "balloon": {"balloon": things.balloon},
    "mushroom": {"mushroom": plants.mushroom},
    "cat": {"cat": creatures.cat},
    "dalmatian": {"dalmatian": creatures.dalmatian},
    "owl": {"owl": creatures.owl},
    "fox": {"fox": wildlife.fox},
    "ladybird": {"ladybird": wildlife.ladybird},
    "teapot": {"teapot": inventions.teapot},
    "rocket": {"standing": inventions.standing_rocket, "flying": inventions.flying_rocket},
}
FLOATING = {"fish", "butterfly", "balloon"}
TILT = {
    "butterfly": 0.7,
    "fish": 0.35,
    "balloon": 0.15,
    "ladybird": 0.5,
}  # radians at most; 0.1 for the others

LEAST, MOST = 0.05, 0.40  # visible share of the page
PIXELS = SIZE * SIZE


class Parts(NamedTuple):
    """A picture before it is put together."""

    facet: str
    page: np.ndarray  # the background (128, 128, 3) uint8
    object: Layer
    front: Layer | None  # what is in the way
    sun: tuple[int, int]


def generator(kind: str, seed: int, purpose: int = 0) -> Generator:
    """The random numbers of one picture, for one purpose."""
    return Generator(PCG64(SeedSequence([zlib.crc32(kind.encode()), seed, purpose])))


def choices(kind: str, seed: int) -> tuple[str, str]:
    """The facet and the scene of a picture."""
    rng = generator(kind, seed, 1)
    facets = list(KINDS[kind])
    return facets[rng.integers(len(facets))], list(scenes.SCENES)[rng.integers(len(scenes.SCENES))]


class View(NamedTuple):
    """A sketch seen coarsely in the middle of a page, to plan where it goes."""

    cover: np.ndarray  # (128, 128) bool
    matrix: np.ndarray
    offset: np.ndarray
    box: tuple  # left, top, right, bottom, from the middle of the page

    def moved(self, zoom: float, x: float, y: float):
        """The same view enlarged about its middle, which goes to (x, y)."""
        return self.matrix * zoom, (self.offset - SIZE / 2) * zoom + [x, y]

    def covers(self, zoom: float, x: float, y: float) -> bool:
        """Whether the moved view would lie on the page's middle, or within a pixel or two of it."""
        column, row = (
            np.rint(SIZE / 2 + (SIZE / 2 - np.array([x, y])) / zoom).astype(int).clip(0, SIZE)
        )
        return bool(self.cover[max(row - 2, 0) : row + 3, max(column - 2, 0) : column + 3].any())


def coarse_view(sketch: Sketch, turn: float, mirror: bool) -> View:
    low, high = sketch.box()
    matrix, middle = brush.placed(
        0.62 * SIZE / np.hypot(*(high - low)), SIZE / 2, SIZE / 2, turn, mirror
    )
    offset = middle - (low + high) / 2 @ matrix
    cover = brush.render(sketch, (matrix, offset), fine=1).alpha > 0
    rows, columns = np.flatnonzero(cover.any(1)) - SIZE / 2, np.flatnonzero(cover.any(0)) - SIZE / 2
    return View(cover, matrix, offset, (columns[0], rows[0], columns[-1], rows[-1]))


def place(sketch: Sketch, kind: str, rng: Generator):
    """Size, tilt and position of the object: many small, some large, few over the page's middle."""
    tilt = TILT.get(kind, 0.1)
    view = coarse_view(sketch, rng.uniform(-tilt, tilt), chance(rng, 0.5))
    left, top, right, bottom = view.box
    share, anywhere = 0.08 + 0.3 * rng.random() ** 2.2, chance(rng, 0.4)
    for _ in range(30):
        zoom = np.sqrt(share * PIXELS / np.count_nonzero(view.cover))
        zoom = min(zoom, 1.25 * SIZE / (right - left), 1.1 * SIZE / (bottom - top))
        out = (
            0.12 * zoom * (right - left),
            0.07 * zoom * (bottom - top),
        )  # this much may leave the page
        x = _between(rng, -left * zoom - out[0], SIZE - right * zoom + out[0])
        y = _between(rng, -top * zoom - out[1], SIZE - bottom * zoom + out[1])
        if kind not in FLOATING:
            y = max(y, SIZE * rng.uniform(0.6, 0.95) - bottom * zoom)  # it stands on the ground
        if anywhere or not view.covers(zoom, x, y):
            break
        share = max(0.07, share * 0.97)
    return view.moved(zoom, x, y)


def _between(rng: Generator, one: float, other: float) -> float:
    return rng.uniform(min(one, other), max(one, other))


def _distract(page, rng: Generator, sun, light) -> np.ndarray:
    for _ in range(rng.integers(0, 4)):
        thing = clutter.DISTRACTORS[rng.integers(len(clutter.DISTRACTORS))](rng)
        where = brush.placed(
            rng.uniform(7, 17),
            *rng.uniform((0, 30), (SIZE, SIZE)),
            rng.uniform(-0.3, 0.3),
            chance(rng, 0.5),
        )
        layer = brush.tint(brush.render(thing, where, sun, brush.grain(rng), fine=2), light)
        page = brush.over(brush.shadow(page, layer.alpha, -sun[0] // 12, 2, 70, 2), layer)
    return page


def _in_the_way(placed_object: Layer, rng: Generator, sun, light) -> Layer | None:
    """Something over the lower edge or a side of the object."""
    if not chance(rng, 0.4):
        return None
    rows, columns = (
        np.flatnonzero(placed_object.alpha.any(1)),
        np.flatnonzero(placed_object.alpha.any(0)),
    )
    thing = clutter.OCCLUDERS[rng.integers(len(clutter.OCCLUDERS))]
    x = columns[0] + (columns[-1] - columns[0]) * rng.uniform(0, 1)
    y = rows[0] + (rows[-1] - rows[0]) * rng.uniform(0.85 if thing in clutter.GROWING else 0, 1.03)
    where = brush.placed(rng.uniform(13, 22), x, y, rng.uniform(-0.15, 0.15), chance(rng, 0.5))
    return brush.tint(brush.render(thing(rng), where, sun, brush.grain(rng), fine=2), light)


def visible(layer: Layer, front: Layer | None) -> np.ndarray:
    """Where at least half of a pixel shows the object (128, 128) bool."""
    through = 255 if front is None else 255 - front.alpha.astype(np.int32)
    return layer.alpha.astype(np.int32) * through * 2 >= 255 * 255


def sunlight(rng: Generator) -> tuple[int, int]:
    """Where the light comes from: the upper left or the upper right."""
    return int(rng.choice((-1, 1)) * rng.integers(14, 26)), int(-rng.integers(16, 28))


def parts(kind: str, seed: int) -> Parts:
    """The layers of a picture."""
    facet, name = choices(kind, seed)
    rng = generator(kind, seed)
    sketch, scene = KINDS[kind][facet](rng), scenes.SCENES[name](rng)
    sun = sunlight(rng)
    page = _distract(scenes.paint(scene, rng, sun), rng, sun, scene.light)
    rough = brush.grain(rng)
    for _ in range(200):
        layer = brush.tint(brush.render(sketch, place(sketch, kind, rng), sun, rough), scene.light)
        front = _in_the_way(layer, rng, sun, scene.light)
        whole = np.count_nonzero(layer.alpha >= 128)
        seen = np.count_nonzero(visible(layer, front))
        if LEAST * PIXELS <= seen <= MOST * PIXELS and seen >= 0.6 * whole:
            return Parts(facet, page, layer, front, sun)
    raise RuntimeError(
        f"no fair position for {kind}, seed {seed}: the sketch is too large, too small or too thin."
    )


def camera(page: np.ndarray, rng: Generator) -> np.ndarray:
    """Exposure, contrast, a colour cast, blur and sensor noise, each in some pictures."""
    noise = int(rng.choice((2, 4, 9, 20), p=(0.4, 0.3, 0.2, 0.1)))
    if noise < 9 and chance(rng, 0.3):
        page = cv2.GaussianBlur(page, (0, 0), float(rng.choice((0.6, 0.9, 1.2))))
    gain = rng.integers(200, 290, 3) if chance(rng, 0.2) else rng.integers(205, 285)
    page = ((page.astype(np.int32) - 128) * gain >> 8) + 128 + rng.integers(-18, 19)
    if chance(rng, 0.06):
        page = np.repeat((page @ np.array([77, 150, 29]) >> 8)[..., None], 3, 2)
    return np.clip(page + rng.integers(-noise, noise + 1, page.shape, np.int32), 0, 255).astype(
        np.uint8
    )


def stack(layers: Parts, depth: int = 90) -> np.ndarray:
    """The layers on one another (128, 128, 3) uint8, each with a shadow of this depth, 0–255."""
    right = -layers.sun[0] // 6
    page = brush.over(
        brush.shadow(layers.page, layers.object.alpha, right, 3, depth, 3), layers.object
    )
    if layers.front is None:
        return page
    return brush.over(
        brush.shadow(page, layers.front.alpha, right // 2, 1, depth // 2, 1.5), layers.front
    )


def assemble(kind: str, seed: int, layers: Parts) -> np.ndarray:
    """The picture (128, 128, 3) uint8 that the layers make, as a camera takes it."""
    rng = generator(kind, seed, 2)
    if chance(rng, 0.35):
        layers = layers._replace(page=cv2.GaussianBlur(layers.page, (0, 0), 1.0))  # out of focus
    return camera(stack(layers, int(rng.integers(60, 130))), rng)
