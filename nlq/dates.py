"""Dates in a body as the engine must read them: whole years and months, a fixed "now", the field's own format.

Elasticsearch fills what a date lacks with the first month and day, so "lte 1995" would end on 1995-01-01 and
"gt 1995" begin on 1995-01-02 (see its reference, "Missing date components" of the range query); a missing time it
does fill with the day's end. The ranges of a date_range aggregation leave out their "to", so a year or month is
already whole there. A date of another format than the field's own is refused, but for fields that read ISO 8601.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from nlq.query_schema import DATE
from nlq.rewrite import Rewrite, Walk
from nlq.types import Body, Field, IndexSchema

_YEAR = re.compile(r"[0-9]{4}")
_MONTH = re.compile(r"([0-9]{4})-(0[1-9]|1[0-2])")
_NOW = re.compile(r"now((?:[+-][0-9]+[yMwdhHms]|/[yMwdhHms])*)")
_ISO = re.compile(r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9:.,]*(Z|[+-][0-9]{2}(:?[0-9]{2})?)?)?)?)?(\|\|.*)?")
_READS_ISO = frozenset(
    {"strict_date_optional_time", "date_optional_time", "strict_date_optional_time_nanos", "iso8601"}
)
_READ_AS_IS = {  # formats that read a year, a month or a day written the ISO way, by the length of the text
    4: {"yyyy", "uuuu", "year", "strict_year"},
    7: {"yyyy-MM", "uuuu-MM", "year_month", "strict_year_month"},
    10: {"yyyy-MM-dd", "uuuu-MM-dd", "date", "strict_date", "year_month_day", "strict_year_month_day"},
}
_RANGED = DATE | {"date_range"}
_BOUNDS = ("gt", "gte", "lt", "lte", "from", "to")
_DECAYS = ("gauss", "linear", "exp")


def whole_periods(body: Body, index: IndexSchema) -> Body:
    """A copy in which "after" and "until" a year or month start at its end, and a date term that names a year or a
    month is the range of all its days."""

    def leaf(kind: str, content: Any) -> Body:
        if kind == "range" and isinstance(content, dict):
            dated = {name for name in content if _date(name, index, kinds=_RANGED)}
            return {kind: {name: _whole(spec) if name in dated else spec for name, spec in content.items()}}
        if kind == "terms":
            return _each_term(content, index, leaf)
        found = _term(kind, content, index)
        if found is None or not (end := _next(found[1])):
            return {kind: content}
        field, value, rest = found
        return {"range": {field.name: {"gte": value, "lt": end, **rest}}}

    return Walk(leaf=leaf).body(body)


def grounded(body: Body, index: IndexSchema, now: datetime) -> Body:
    """A copy that means the same whenever it runs, and whose ISO dates fit the fields they are compared with.

    Of date fields alone: "now-7d/d" becomes "2026-11-21T10:00:00Z||-7d/d", wherever a body can say it; and where the
    field's own format does not read ISO 8601, the clause (range, date_range, bounds of a date_histogram, sort with
    search_after) gets a "format" that reads both, and a term becomes a range, which can have one. Clauses with a
    format of their own keep it as the second. Origins (distance_feature, decay functions) have no format, so on such
    fields "now" stays there. ``now`` must know its time zone (ValueError).
    """
    if now.tzinfo is None:
        raise ValueError("now must know its time zone")
    grounding = _Grounding(index, now.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    return grounding.paged(Walk(leaf=grounding.leaf, agg=grounding.agg).body(body))


class _Grounding:
    def __init__(self, index: IndexSchema, now: str) -> None:
        self._index = index
        self._now = now

    def leaf(self, kind: str, content: Any) -> Body:
        if kind == "range" and isinstance(content, dict):
            return {kind: {name: self._range(name, spec) for name, spec in content.items()}}
        if kind == "distance_feature" and isinstance(content, dict) and self._plain(content.get("field")):
            return {kind: {**content, **self._fixed(content, ("origin",))}}
        if kind in _DECAYS and isinstance(content, dict):
            return {kind: {name: self._decay(name, spec) for name, spec in content.items()}}
        if kind == "terms":
            return _each_term(content, self._index, self.leaf)
        found = _term(kind, content, self._index)
        return {kind: content} if found is None else self._term(kind, content, found)

    def agg(self, kind: str, content: Any) -> Body:
        field = _date(content.get("field"), self._index) if isinstance(content, dict) else None
        if field is None:
            return {kind: content}
        if kind == "date_range" and isinstance(content.get("ranges"), list):
            ranges = [{**r, **self._fixed(r, _BOUNDS)} if isinstance(r, dict) else r for r in content["ranges"]]
            bounds = [self._fixed(r, _BOUNDS) for r in ranges if isinstance(r, dict)]
            return {kind: {**content, "ranges": ranges, **self._format(field, content, bounds)}}
        if kind == "date_histogram":
            named = [key for key in ("extended_bounds", "hard_bounds") if isinstance(content.get(key), dict)]
            limits = {key: self._fixed(content[key], ("min", "max")) for key in named}
            fixed = {key: {**content[key], **limits[key]} for key in named}
            return {kind: {**content, **fixed, **self._format(field, content, limits.values())}}
        return {kind: content}

    def paged(self, body: Body) -> Body:
        """``search_after`` gives dates back as they were printed: sorts by such a date get the format to read them."""
        after, sort = body.get("search_after"), body.get("sort")
        if not isinstance(after, list) or not isinstance(sort, list):
            return body
        keys = [self._sort_key(key, value) for key, value in zip(sort, after, strict=False)]
        return {**body, "sort": keys + sort[len(keys) :]}

    def _sort_key(self, key: Any, value: Any) -> Any:
        name, how = next(iter(key.items()), ("", {})) if isinstance(key, dict) else (key, {})
        field = _date(name, self._index)
        options = how if isinstance(how, dict) else {"order": how}
        added = self._format(field, options, [{"after": value}]) if field else {}
        return {name: {**options, **added}} if added else key

    def _range(self, name: str, spec: Any) -> Any:
        field = _date(name, self._index, kinds=_RANGED)
        if field is None or not isinstance(spec, dict):
            return spec
        fixed = self._fixed(spec, _BOUNDS)
        return {**spec, **fixed, **self._format(field, spec, [fixed])}

    def _decay(self, name: str, spec: Any) -> Any:
        if not isinstance(spec, dict) or not self._plain(name):
            return spec
        return {"origin": self._now, **spec, **self._fixed(spec, ("origin",))}  # Elasticsearch's own default is now

    def _plain(self, name: Any) -> bool:
        """Whether the field reads ISO dates by itself: origins have no "format"."""
        field = _date(name, self._index)
        return field is not None and (field.format is None or _reads(field.format, self._now))

    def _term(self, kind: str, content: Any, found: tuple[Field, Any, Body]) -> Body:
        field, value, rest = found
        day = self._anchored(value)
        form = self._format(field, {}, [{"value": day}])
        if not form and day == value:
            return {kind: content}
        return {"range": {field.name: {"gte": day, "lte": day, **form, **rest}}}

    def _fixed(self, spec: Mapping[str, Any], keys: Iterable[str]) -> Body:
        return {key: self._anchored(spec[key]) for key in keys if key in spec}

    def _anchored(self, value: Any) -> Any:
        found = _NOW.fullmatch(value) if isinstance(value, str) else None
        if not found:
            return value
        return f"{self._now}||{found[1]}" if found[1] else self._now

    def _format(self, field: Field, spec: Mapping[str, Any], parts: Iterable[Mapping[str, Any]]) -> Body:
        """The "format" that ``spec`` needs to read the dates in ``parts``; none where its own or the field's does."""
        texts = [value for part in parts for value in part.values() if isinstance(value, str)]
        own = spec.get("format", field.format)
        if not isinstance(own, str):
            return {}
        anchored = any(text.startswith(self._now) and not _reads(own, text) for text in texts)
        foreign = anchored or ("format" not in spec and any(_ISO.fullmatch(t) and not _reads(own, t) for t in texts))
        return {"format": f"strict_date_optional_time||{own}"} if foreign else {}


def _date(name: Any, index: IndexSchema, *, kinds: frozenset[str] = DATE) -> Field | None:
    field = index.field(name) if isinstance(name, str) else None
    return field if field and field.kind in kinds else None


def _term(kind: str, content: Any, index: IndexSchema) -> tuple[Field, Any, Body] | None:
    """The field, the value and the other options of a term on a date."""
    if kind != "term" or not isinstance(content, dict) or len(content) != 1:
        return None
    [(name, spec)] = content.items()
    field = _date(name, index)
    if field is None:
        return None
    if not isinstance(spec, dict):
        return field, spec, {}
    return field, spec.get("value"), {key: spec[key] for key in ("boost", "_name") if key in spec}


def _each_term(content: Any, index: IndexSchema, leaf: Rewrite) -> Body:
    """A ``terms`` clause on a date as one ``term`` each, where ``leaf`` makes something else of one."""
    names = [name for name in content if _date(name, index)] if isinstance(content, dict) else []
    values = content[names[0]] if names else None
    each = [leaf("term", {names[0]: value}) for value in values] if isinstance(values, list) else []
    if all("term" in one for one in each):
        return {"terms": content}
    rest = {key: content[key] for key in ("boost", "_name") if key in content}
    return {"bool": {"should": each, "minimum_should_match": 1, **rest}}


def _whole(spec: Any) -> Any:
    if not isinstance(spec, dict):
        return spec
    out = {}
    for bound, value in spec.items():
        whole = {"gt": "gte", "lte": "lt"}.get(bound, bound)
        later = _next(value) if whole != bound and whole not in spec else None
        out[whole if later else bound] = later or value
    return out


def _next(value: Any) -> str | None:
    """The year after a year, the month after a month; None for anything else."""
    if not isinstance(value, str):
        return None
    if _YEAR.fullmatch(value) and value < "9999":
        return f"{int(value) + 1:04d}"
    if (found := _MONTH.fullmatch(value)) and value < "9999-12":
        year, month = int(found[1]), int(found[2])
        return f"{year + month // 12:04d}-{month % 12 + 1:02d}"
    return None


def _reads(formats: str, text: str) -> bool:
    """Whether one of these formats ("a||b") is known to read an ISO date."""
    names = {name.strip() for name in formats.split("||")}
    return bool(names & (_READS_ISO | _READ_AS_IS.get(len(text), set())))
