"""Pages of hits: a token says where one ended, and with it the same query goes on from there.

Nothing is held on the cluster. Every page but the first is sorted by what the query sorts by (its score, where it names
nothing) and then by ``_seq_no``, on which all copies of a shard agree. The first page was not: which documents it
showed of those that end it as equals is kept in the token, and they are left out of the next. In the same way those are
left out that another shard holds under the number at which a page ended. So each document comes once, as long as none
is changed meanwhile.
"""

from __future__ import annotations

import binascii
import hashlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from nlq.errors import InputError
from nlq.policy import PolicyLimits
from nlq.types import Body, Result

MOST_EQUAL = 2500
"""Documents that end a first page as equals; where there are more, it has no next one, as its token would be huge."""

MOST_TOKEN_CHARS = 32_000

_ID_BYTES = 6
_TIEBREAKER = {"_seq_no": "asc"}
_FOREIGN = "next: is not one that came with this query; send an answer's `next` with its `query` and index, unchanged."

Hit = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where a page of the query with the digest ``query`` ended: ``after`` are sort values, the tiebreaker's last;
    ``seen`` are marks of documents behind them that were shown, and ``shown`` counts all."""

    query: str
    after: tuple[Any, ...]
    seen: frozenset[bytes]
    shown: int

    def token(self) -> str:
        """For the one who asks; to be read by ``read_token``."""
        head = json.dumps([self.query, list(self.after), self.shown], separators=(",", ":"))
        return f"{_packed(head.encode())}.{_packed(b''.join(sorted(self.seen)))}"


def read_token(token: str, *, index: str, query: Body) -> Cursor:
    """The cursor of a token that came with ``query``; InputError where it did not."""
    head, _, seen = token.partition(".")
    try:
        digest, after, shown = json.loads(_unpacked(head), parse_constant=_no_constant)
        marks = _unpacked(seen)
    except (ValueError, RecursionError, TypeError) as exc:
        raise InputError(_FOREIGN) from exc
    fits = isinstance(after, list) and len(after) == len(_sort(query)) + 1 and all(map(_is_scalar, after))
    if not fits or digest != _digest(index, query) or type(after[-1]) is not int or type(shown) is not int:
        raise InputError(_FOREIGN)
    each = (marks[start : start + _ID_BYTES] for start in range(0, len(marks), _ID_BYTES))
    return Cursor(digest, tuple(after), frozenset(each), shown)


def page_body(query: Body, cursor: Cursor) -> Body:
    """What to search for: the page behind ``cursor``, and among it what was seen. Aggregations are told once."""
    out = {key: value for key, value in query.items() if key not in ("from", "aggs", "aggregations")}
    after = list(cursor.after)
    return {**out, "sort": [*_sort(query), _TIEBREAKER], "search_after": after, "size": _asked(query, cursor)}


def page(query: Body, cursor: Cursor, found: Result) -> tuple[Result, Cursor | None]:
    """What ``page_body`` found, as a page of ``query``, and where the next one begins (None: there is none)."""
    fresh = [place for place, hit in enumerate(found.hits) if _mark(hit) not in cursor.seen]
    new = fresh[: query["size"]]
    shown = replace(found, hits=tuple(_as_asked(found.hits[place], query) for place in new))
    count = cursor.shown + len(new)
    ended = len(found.hits) < _asked(query, cursor) and len(new) == len(fresh)
    if not new or ended or count >= found.total:
        return shown, None
    last = found.hits[new[-1]]["sort"]
    reached = found.hits[: new[-1] + 1]
    seen = frozenset(_mark(hit) for hit in reached if hit["sort"] == last)
    if tuple(last[:-1]) == cursor.after[:-1]:  # still among the equals of the page before
        seen |= cursor.seen - set(map(_mark, reached))
    return shown, Cursor(cursor.query, (*last[:-1], last[-1] - 1), seen, count)


def first_cursor(index: str, query: Body, found: Result) -> Cursor | None:
    """Where the second page of ``query``, which ran as it is, begins; None where there is none, or no order in which to
    go on: of collapsed and rescored hits, and of a page that ``from`` put among equals."""
    size, start = query.get("size", 0), query.get("from", 0)
    if not size or len(found.hits) < size or start + size >= found.total or query.keys() & {"collapse", "rescore"}:
        return None
    values = _values(found.hits[-1], query)
    equal = [hit for hit in found.hits if _values(hit, query) == values]
    if values is None or len(equal) > MOST_EQUAL or (start and len(equal) == len(found.hits)):
        return None
    return Cursor(_digest(index, query), (*values, -1), frozenset(map(_mark, equal)), start + size)


def _values(hit: Hit, query: Body) -> list[Any] | None:
    """What the hit was sorted by; None where that is not told."""
    values = hit.get("sort") if query.get("sort") else [hit.get("_score")]
    fits = isinstance(values, list) and len(values) == len(_sort(query)) and (query.get("sort") or values != [None])
    return values if fits else None


def _as_asked(hit: Hit, query: Body) -> Hit:
    """The hit as the first page would show it."""
    *values, _ = hit["sort"]
    rest = {key: value for key, value in hit.items() if key != "sort"}
    return {**rest, "sort": values} if query.get("sort") else {**rest, "_score": values[0]}


def _asked(query: Body, cursor: Cursor) -> int:
    """How many hits a page takes: those that were seen come again."""
    return int(min(query["size"] + len(cursor.seen), PolicyLimits().window))


def _sort(query: Body) -> list[Any]:
    """One entry for each key."""
    sort = query.get("sort") or [{"_score": "desc"}]
    entries = sort if isinstance(sort, list) else [sort]
    return [
        part
        for entry in entries
        for part in ([{key: how} for key, how in entry.items()] if isinstance(entry, dict) else [entry])
    ]


def _digest(index: str, query: Body) -> str:
    """Of what the query says: clients may give it back with its keys in another order, and 1 for 1.0."""
    text = json.dumps([index, _plain(query)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:24]


def _plain(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: _plain(value) for key, value in node.items()}
    if isinstance(node, list):
        return [_plain(item) for item in node]
    return int(node) if isinstance(node, float) and node.is_integer() else node


def _mark(hit: Hit) -> bytes:
    name = f"{hit.get('_index', '')}/{hit.get('_id', '')}"
    return hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=_ID_BYTES).digest()


def _packed(data: bytes) -> str:
    return urlsafe_b64encode(data).decode("ascii").rstrip("=")


def _unpacked(text: str) -> bytes:
    try:
        return urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error as exc:
        raise ValueError(str(exc)) from exc


def _is_scalar(value: object) -> bool:
    return value is None or isinstance(value, str | int | float)


def _no_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")
