"""Values that options take, wherever the same option stands. A pattern comes with examples of what fits it."""

from __future__ import annotations

from collections.abc import Mapping

from nlq.expressions import ARITHMETIC_PATTERN, MOVING_PATTERN, SELECTOR_PATTERN
from nlq.json_schema import Schema, any_of, integer, many, obj

STRING: Schema = {"type": "string"}
INTEGER_VALUE: Schema = {"type": "integer"}
NUMBER_VALUE: Schema = {"type": "number"}
COUNT: Schema = {"type": "integer", "minimum": 0}
POSITIVE: Schema = {"type": "number", "exclusiveMinimum": 0}
ORDER: Schema = {"enum": ["asc", "desc"]}


def text(pattern: str, *examples: str) -> Schema:
    return _anchored(f"^({pattern})$", *examples)


def _anchored(pattern: str, *examples: str) -> Schema:
    return {"type": "string", "pattern": pattern, "examples": list(examples)}


_DAY = (
    r"[0-9]{4}(-[0-9]{2}(-[0-9]{2}(T[0-9]{2}(:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?)?(Z|[+-][0-9]{2}:?[0-9]{2})?)?)?)?"
)
_MATH = r"([+-][0-9]{1,4}[yMwdhHms])*(/[yMwdhHms])?"
DATE_TEXT = text(
    rf"now{_MATH}|{_DAY}(\|\|{_MATH})?", "2020-01-31", "2019", "now-7d/d", "2021-03-04T05:06:07Z", "2020-01-01||+1M"
)
DATE_VALUE: Schema = {"anyOf": [DATE_TEXT, {"type": "integer"}]}
WHOLE_TEXT = text(r"-?[0-9]{1,18}", "12", "-3")
NUMBER_TEXT = text(r"-?[0-9]{1,18}(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?", "1.5", "-20")
IP_TEXT = text(
    r"[0-9]{1,3}(\.[0-9]{1,3}){3}(/[0-9]{1,2})?|[0-9a-fA-F:]{2,39}(/[0-9]{1,3})?", "192.168.0.1", "10.0.0.0/8", "::1"
)
ADDRESS_TEXT = text(r"[0-9]{1,3}(\.[0-9]{1,3}){3}|[0-9a-fA-F:]{2,39}", "192.168.0.1", "::1")
_LETTER = r"[^\x00-\x1f.?+*|{}()\[\]\"\\#@&<>~^$-]"
_ATOM = rf"({_LETTER}|\.|\[[A-Za-z0-9]{{1,20}}\]|\[(a-z|A-Z|0-9|A-Za-z|A-Za-z0-9)\])([*+?]|\{{[1-9](,[1-9]?)?\}})?"
REGEXP = text(rf"({_ATOM}|\(({_ATOM})+(\|({_ATOM})+){{0,9}}\)[*+?]?){{1,100}}", "A.*", "[0-9]+x", "(north|south) sea")
FIXED_INTERVAL = text(r"[1-9][0-9]{0,4}(ms|s|m|h|d)", "12h", "7d", "30m")
CALENDAR_UNITS = ("year", "quarter", "month", "week", "day", "hour", "minute")
CALENDAR: Schema = {"enum": [*CALENDAR_UNITS, "1y", "1q", "1M", "1w", "1d", "1h", "1m"]}
ZONE = text(
    r"[+-][0-9]{2}:[0-9]{2}|UTC|Z|[A-Z][A-Za-z]+(/[A-Z][A-Za-z_]+){1,2}|CET|EET|WET|MET|GMT",
    "+02:00",
    "Europe/Paris",
    "UTC",
)
DATE_FORMAT = text(
    r"[yuMdHhmsSEeaxXZT.,:/ '|-]{1,60}|(strict_)?[a-z_]{3,40}", "yyyy-MM-dd", "dd/MM/yyyy HH:mm", "epoch_millis"
)
OFFSET = text(r"[+-]?[1-9][0-9]{0,4}(ms|s|m|h|d)", "+6h", "-1d")
REGEXP_FLAGS = text(
    r"(ALL|NONE|COMPLEMENT|EMPTY|INTERSECTION|INTERVAL|ANYSTRING)(\|[A-Z]+)*", "ALL", "INTERVAL|ANYSTRING"
)
DISTANCE = text(r"[0-9]{1,5}(\.[0-9]{1,3})?(km|mi|m|nmi|yd|ft)", "12km", "0.5mi", "200m")

LATITUDE: Schema = {"type": "number", "minimum": -90, "maximum": 90}
LONGITUDE: Schema = {"type": "number", "minimum": -180, "maximum": 180}
POINT = obj({"lat": LATITUDE, "lon": LONGITUDE})
GEOHASH = text(r"[0-9bcdefghjkmnp-z]{1,12}", "u33d", "drm3btev")
ANY_POINT = any_of(
    [
        POINT,
        {"type": "array", "prefixItems": [LONGITUDE, LATITUDE], "minItems": 2, "maxItems": 2, "items": NUMBER_VALUE},
        text(r"-?[0-9]{1,2}(\.[0-9]+)?, ?-?[0-9]{1,3}(\.[0-9]+)?", "52.5,13.4", "-33, 151.2"),
        GEOHASH,
    ]
)
BOX = any_of(
    [
        obj({"top_left": ANY_POINT, "bottom_right": ANY_POINT}),
        obj({"top_right": ANY_POINT, "bottom_left": ANY_POINT}),
        obj({"top": LATITUDE, "left": LONGITUDE, "bottom": LATITUDE, "right": LONGITUDE}),
        obj({"wkt": text(r"BBOX ?\([-0-9., ]+\)", "BBOX (10, 20, 60, 40)")}),
    ]
)
_POSITION: Schema = {
    "type": "array",
    "prefixItems": [LONGITUDE, LATITUDE],
    "minItems": 2,
    "maxItems": 2,
    "items": NUMBER_VALUE,
}
_RING: Schema = {"type": "array", "items": _POSITION, "minItems": 4, "examples": [[[0, 0], [10, 0], [10, 10], [0, 0]]]}
ENVELOPE = obj({"type": {"const": "envelope"}, "coordinates": many(_POSITION, 2, 2)})
POLYGON = obj({"type": {"const": "polygon"}, "coordinates": many(_RING, 1, 10)})
SHAPE = any_of(
    [
        obj({"type": {"enum": ["point", "Point"]}, "coordinates": _POSITION}),
        {**ENVELOPE, "examples": [{"type": "envelope", "coordinates": [[10, 60], [20, 50]]}]},
        obj({"type": {"enum": ["polygon", "Polygon"]}, "coordinates": many(_RING, 1, 10)}),
        text(r"(POINT|BBOX|POLYGON) ?\([-0-9., ()]+\)", "POINT (13.4 52.5)", "BBOX (10, 20, 60, 40)"),
    ]
)

FUZZINESS: Schema = {"anyOf": [text(r"AUTO(:[0-9]{1,2},[0-9]{1,2})?|[012]", "AUTO", "AUTO:3,6", "1"), integer(0, 2)]}
AT_LEAST: Schema = {
    "anyOf": [
        integer(-20, 100),
        text(r"-?[0-9]{1,3}%?|[0-9]{1,3}<-?[0-9]{1,3}%?( [0-9]{1,3}<-?[0-9]{1,3}%?)*", "2", "75%", "2<-25%"),
    ]
}
REWRITE = text(
    r"constant_score|constant_score_blended|constant_score_boolean|scoring_boolean|top_terms_(boost_|blended_freqs_)?[1-9][0-9]{0,2}",
    "constant_score",
    "top_terms_10",
)
NAME = text(r"[^\[\]>.\x00-\x1f]{1,100}", "by author", "total")
PATH = text(r"[^\[\]\x00-\x1f]{1,200}", "total", "_count", "by author>total")
PATH_INTO = text(r"[^\[\]>\x00-\x1f]{1,100}([>.][^\[\]>\x00-\x1f]{1,100}){1,5}", "by author>total", "by author>_count")
PATHS: Schema = {
    "anyOf": [PATH, {"type": "object", "additionalProperties": PATH, "propertyNames": NAME, "minProperties": 1}]
}
SELECTOR = _anchored(SELECTOR_PATTERN, "params.a > 5", "params.a <= params.b")
ARITHMETIC = _anchored(ARITHMETIC_PATTERN, "params.a / params.b", "params.a * 100")
MOVING = _anchored(MOVING_PATTERN, "MovingFunctions.unweightedAvg(values)")

OPTIONS: Mapping[str, Schema] = {
    "boost": {"type": "number", "minimum": 0},
    "fuzziness": FUZZINESS,
    "minimum_should_match": AT_LEAST,
    "analyzer": {"enum": ["standard", "simple", "whitespace", "stop", "keyword"]},
    "search_analyzer": {"enum": ["standard", "simple", "whitespace", "stop", "keyword"]},
    "rewrite": REWRITE,
    "fuzzy_rewrite": REWRITE,
    "time_zone": ZONE,
    "tie_breaker": {"type": "number", "minimum": 0, "maximum": 1},
    "size": integer(1, 10_000),
    "shard_size": integer(1, 65_536),
    "buckets_path": PATHS,
    "max_expansions": integer(1, 1000),
    "operator": {"enum": ["and", "or", "AND", "OR"]},
    "default_operator": {"enum": ["and", "or", "AND", "OR"]},
    "validation_method": {"enum": [w for m in ("coerce", "ignore_malformed", "strict") for w in (m, m.upper())]},
    "sort_order": {"enum": ["asc", "desc", "ASC", "DESC"]},
    "compression": {"type": "number", "minimum": 1, "maximum": 1000},
    "max_query_terms": integer(1, 100),
    "flags": text(
        r"(ALL|NONE|AND|OR|NOT|PREFIX|PHRASE|PRECEDENCE|ESCAPE|WHITESPACE|FUZZY|NEAR|SLOP)(\|[A-Z]+)*",
        "ALL",
        "OR|AND|PHRASE",
    ),
    "stop_words": many(STRING),
    "precision_threshold": integer(0, 40_000),
}
"""What an option takes where the client's type says too little. A row of the table may say otherwise."""
