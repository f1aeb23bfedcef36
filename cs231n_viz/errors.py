"""Errors that help: what was given, what is accepted, which known name is nearest."""

import math
import operator
from collections.abc import Iterable
from contextlib import suppress
from difflib import get_close_matches


def unknown(kind: str, given: object, known: Iterable[object], most: int = 12) -> ValueError:
    """A ValueError that names the nearest known names, to be raised by the caller.

    >>> unknown("photo", "chelsae", ["chelsea", "rocket"])
    ValueError("unknown photo 'chelsae'. Did you mean 'chelsea'? Known: chelsea, rocket.")
    """
    names = [str(name) for name in known]
    lowered = {name.lower(): repr(name) for name in names}
    near = get_close_matches(str(given).lower(), lowered, n=3, cutoff=0.5)
    hint = f" Did you mean {' or '.join(lowered[name] for name in near)}?" if near else ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ValueError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(names[:most])}{more}.")


def known(kind: str, given: object, names: Iterable[object], most: int = 12) -> None:
    """Raises `unknown` unless `given` is one of the names."""
    if given not in names:
        raise unknown(kind, given, names, most)


def integer(value: object) -> int | None:
    """The value as an int, if it is a whole number of any kind, and neither True nor False."""
    truth = isinstance(value, bool) or str(getattr(value, "dtype", "")).endswith("bool")
    with suppress(TypeError):
        return None if truth else operator.index(value)


def whole(name: str, value: int, least: int = 0, most: float = math.inf) -> int:
    """The value as an int, if it is a whole number from `least` to `most`."""
    number = integer(value)
    if number is None:
        raise TypeError(f"{name} is a whole number, not {value!r}.")
    if not least <= number <= most:
        upper = "up" if most == math.inf else f"to {most}"
        raise ValueError(f"{name} is a whole number from {least} {upper}, not {value}.")
    return number


def positive(name: str, value: float, zero: bool = False) -> float:
    """The value, if it is a finite number above zero (or zero, where that is allowed)."""
    number = _number(name, value)
    if not (number >= 0 if zero else number > 0) or number == math.inf:
        raise ValueError(f"{name} is a number {'from 0 up' if zero else 'above 0'}, not {value}.")
    return value


def share(name: str, value: float, low: float = 0, high: float = 1, below: bool = False) -> float:
    """The value, if it is a number from `low` to `high`, or from `low` to `below` that."""
    if not low <= _number(name, value) <= high or (below and value == high):
        limit = f"to below {high:g}" if below else f"to {high:g}"
        raise ValueError(f"{name} is a number from {low:g} {limit}, not {value}.")
    return value


def features(values, numbers: int | None = None):
    """The values in float32 or better, if they are finite, one row per picture: (N, numbers)."""
    shape = tuple(values.shape)
    if len(shape) != 2 or not shape[0] or numbers not in (None, shape[1]):
        wanted = f"(N, {numbers or 'D'}), one row per picture"
        raise ValueError(f"features have the shape {wanted}, not {shape}.")
    if not values.isfinite().all():
        broken = (~values.isfinite()).any(dim=1).nonzero()[:9, 0].tolist()
        raise ValueError(f"features are finite numbers, and those of pictures {broken} are not.")
    return values.float() if values.element_size() < 4 or not values.is_floating_point() else values


def _number(name: str, value: float) -> float:
    try:
        return math.fsum([value])  # what float() gives, but of no string
    except (TypeError, ValueError, RuntimeError):  # a string, a list, a tensor of many
        raise TypeError(f"{name} is a number, not {value!r}.") from None
