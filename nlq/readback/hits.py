"""Which documents are shown, in what order and what of them: keys that searches, top hits and inner hits share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from nlq.readback.geo import point
from nlq.readback.words import Odd, Read, Spec, direction, many, name, names, shown, with_parts

Part = Callable[[object, Read], str]


def parts(spec: Spec) -> list[str]:
    """One phrase for each key of PARTS that is there; those of an odd shape as JSON."""
    found = []
    for key, phrase in PARTS.items():
        value = spec.take(key)
        if value is not None:
            found.append(part(key, value, phrase=phrase, read=spec.read))
    return found


def part(key: str, value: object, *, phrase: Part, read: Read) -> str:
    """The phrase for ``value``, or its JSON where the phrase does not know its shape."""
    try:
        return phrase(value, read)
    except Odd:
        return f"{key} {shown(value)}"


def inner_hits(spec: Spec) -> str:
    """What follows a clause that shows the inner documents that match; nothing where it shows none."""
    value = spec.take("inner_hits")
    return "" if value is None else f", with {part('inner_hits', value, phrase=_matching, read=spec.read)}"


def _matching(value: object, read: Read) -> str:
    return _inner("the matching ones", Spec(value, read))


def _others(value: object, read: Read) -> str:
    return _inner("others of each", Spec(value, read))


def _inner(text: str, spec: Spec) -> str:
    label = spec.take("name")
    named = [] if label is None else [f"named {shown(label)}"]
    return with_parts(text, [*named, *parts(spec), *spec.extras()])


def sort_keys(value: object, read: Read) -> str:
    """Sort keys in the order in which they decide."""
    keys = [key for entry in many(value) for key in _entries(entry)]
    if not keys:
        raise Odd
    return ", then ".join(_sort_key(field, how, read) for field, how in keys)


def _entries(entry: object) -> list[tuple[str, object]]:
    if isinstance(entry, str):
        return [(entry, {})]
    if not isinstance(entry, Mapping) or not entry:
        raise Odd
    return list(entry.items())


def _sort_key(field: str, how: object, read: Read) -> str:
    spec = Spec(how if isinstance(how, Mapping) else {"order": how}, read)
    if field == "_geo_distance":
        return _by_distance(spec)
    order = spec.take("order") or ("desc" if field == "_score" else "asc")
    if field == "_score":
        return spec.rest(direction(order, low="worst match first", high="best match first"))
    if field == "_doc":
        return spec.rest(f"place in the index ({direction(order)})")
    if field == "_script":
        raise Odd
    return with_parts(name(field), [direction(order), *_sort_options(spec)])


def _by_distance(spec: Spec) -> str:
    field, centres = spec.field("order", "unit", "mode", "distance_type", "ignore_unmapped", "nested")
    order = direction(spec.take("order") or "asc", low="nearest first", high="farthest first")
    several = isinstance(centres, list) and not all(isinstance(number, int | float) for number in centres)
    centre = " or ".join(map(point, centres)) if several else point(centres)
    return with_parts(f"distance of {field} from {centre}", [order, *_sort_options(spec)])


def _sort_options(spec: Spec) -> list[str]:
    said = []
    missing = spec.take("missing")
    if missing is not None:
        where = missing if missing in ("_first", "_last") else None
        said.append(f"those without {where.strip('_')}" if where else f"missing counted as {shown(missing)}")
    if isinstance(spec.get("nested"), Mapping):
        said.append(_sort_nested(spec.child(spec.take("nested"))))
    return said + spec.extras()


def _sort_nested(spec: Spec) -> str:
    text = f"in {spec.name('path')}"
    if isinstance(spec.get("filter"), Mapping):
        text += f" where ({spec.clause('filter')})"
    if isinstance(spec.get("nested"), Mapping):
        text += f" {_sort_nested(spec.child(spec.take('nested')))}"
    return spec.rest(text)


def _source(value: object, read: Read) -> str:
    if isinstance(value, bool):
        return "showing every field" if value else "showing no fields"
    if not isinstance(value, Mapping):
        return f"showing {names(value)}" if value != [] else "showing every field"
    spec = Spec(value, read)
    shows, hides = spec.take("includes", "include"), spec.take("excludes", "exclude")
    text = f"showing {'every field' if shows in (None, []) else names(shows)}"
    return spec.rest(text if hides in (None, []) else f"{text} but not {names(hides)}")


def _fields(value: object, read: Read) -> str:
    found = []
    for item in many(value):
        spec = Spec(item if isinstance(item, Mapping) else {"field": item}, read)
        found.append(spec.rest(spec.name("field")))
    if not found:
        raise Odd
    return ", ".join(found)


def _highlight(value: object, read: Read) -> str:
    spec = Spec(value, read)
    fields = []
    for group in many(spec.need("fields")):
        for field, how in Spec(group, read).pairs():
            options = Spec(how, read)
            fields.append(with_parts(name(field), [*_wanted_words(options), *options.extras()]))
    text = f"highlighting {', '.join(fields) or 'nothing'}"
    return with_parts(text, [*_wanted_words(spec), *spec.extras()])


def _wanted_words(spec: Spec) -> list[str]:
    return [f"words of: {spec.clause('highlight_query')}"] if isinstance(spec.get("highlight_query"), Mapping) else []


def _collapse(value: object, read: Read) -> str:
    spec = Spec(value, read)
    text = f"one for each {spec.name('field')}"
    more = [part("inner_hits", hits, phrase=_others, read=read) for hits in many(spec.take_or("inner_hits", []))]
    if isinstance(spec.get("collapse"), Mapping):
        more.append(_collapse(spec.take("collapse"), read))
    return spec.rest(f"{text}, with {' and '.join(more)}" if more else text)


def _from(value: object, read: Read) -> str:
    del read
    return "from the start" if value == 0 else f"skipping {shown(value)}"


def _after(value: object, read: Read) -> str:
    del read
    return f"continuing after {', '.join(map(shown, many(value)))}"


PARTS: Mapping[str, Part] = {
    "collapse": _collapse,
    "sort": lambda value, read: f"sorted by {sort_keys(value, read)}",
    "search_after": _after,
    "from": _from,
    "size": lambda value, read: f"at most {shown(value)}",
    "_source": _source,
    "fields": lambda value, read: f"with the fields {_fields(value, read)}",
    "docvalue_fields": lambda value, read: f"with the indexed values of {_fields(value, read)}",
    "stored_fields": lambda value, read: f"with the stored fields {_fields(value, read)}",
    "highlight": _highlight,
}
"""Keys of a search in the order in which they are read, each with its phrase."""
