"""Errors that help: what was given, what is known, which known name is nearest."""

from collections.abc import Iterable
from difflib import get_close_matches


def unknown(kind: str, given: object, known: Iterable[object], most: int = 12) -> ValueError:
    """A ValueError that names the nearest known names, to be raised by the caller.

    >>> unknown("photo", "chelsae", ["chelsea", "rocket"])
    ValueError("unknown photo 'chelsae'. Did you mean 'chelsea'? Known: chelsea, rocket.")
    """
    names = [str(name) for name in known]
    lowered = {name.lower(): name for name in names}
    near = [lowered[name] for name in get_close_matches(str(given).lower(), lowered, n=3, cutoff=0.5)]
    hint = f" Did you mean {' or '.join(map(repr, near))}?" if near else ""
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ValueError(f"unknown {kind} {given!r}.{hint} Known: {', '.join(names[:most])}{more}.")
