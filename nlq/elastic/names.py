"""Index names as callers send them: checked before they reach a URL."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from urllib.parse import quote

from nlq.errors import InputError, UnknownIndexError

OWN = "nlq-examples"
"""Key of a mapping's ``_meta``: nlq keeps its examples in that index, nobody asks it, whatever alias names it."""

_FORBIDDEN = frozenset('\\/*?"<>| ,#:')
_LONGEST = 255  # bytes, Elasticsearch's own limit
_LONGEST_LIST = 3000  # bytes in a URL, of whose line Elasticsearch reads 4096


def check_name(index: str) -> str:
    """The name as it is, where one index, alias or data stream can have it.

    Raises InputError where none can, UnknownIndexError for hidden and system names, whether they exist or not.
    """
    return _checked(index, allowed="")


def check_names(names: str) -> str:
    """The names as they are: one, or several with commas between, each a name or a pattern whose ``*`` stands for any
    characters. Raises as ``check_name`` does; nothing can be excluded and no other cluster named."""
    for part in names.split(","):
        _checked(part, allowed="*")
    if len(quote(names, safe="*,")) > _LONGEST_LIST:
        raise InputError(f"{shorten(names)} names too many indices: name an alias or a pattern instead.")
    return names


def _checked(index: str, *, allowed: str) -> str:
    shown = shorten(index)
    if not index:
        raise InputError("The name of the index is empty: name one, `nlq indexes` lists them.")
    if len(index.encode("utf-8", "surrogatepass")) > _LONGEST:
        raise InputError(f"{shown} is no name of an index: it has more than {_LONGEST} bytes.")
    if bad := sorted({char for char in index if char in _FORBIDDEN - {allowed} or not char.isprintable()}):
        raise InputError(f"{shown} is no name of an index: it cannot hold {' '.join(map(repr, bad[:5]))}.")
    if ".." in index:
        raise InputError(f"{shown} is no name of an index: it cannot hold '..'.")
    if index[0] == ".":
        raise UnknownIndexError(f"There is no index {shown}.")
    if index[0] in "_-+":
        raise InputError(f"{shown} is no name of an index: it cannot start with {index[0]!r}.")
    return index


def unknown(index: str, existing: Iterable[str]) -> UnknownIndexError:
    """The error for a name or pattern that nothing has, with up to ten of the existing names, the nearest first."""
    names = sorted(existing)
    near = difflib.get_close_matches(index.lower(), names, n=10, cutoff=0.4)
    near += [name for name in names if name not in near]
    if not near:
        return UnknownIndexError(f"There is no index {shorten(index)}, and none that can be listed.")
    more = ", …" if len(near) > 10 else ""
    return UnknownIndexError(f"There is no index {shorten(index)}; there are: {', '.join(near[:10])}{more}.")


def shorten(index: str) -> str:
    """The name quoted for a message: one printable line of moderate length."""
    return repr(index if len(index) <= 60 else index[:60] + "…")
