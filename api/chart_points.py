"""Where things are: points of documents and cells of grids, as (longitude, latitude) in degrees."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from math import atan, degrees, isfinite, pi, sinh
from typing import Any

Place = tuple[float, float]

_BASE32 = "0123456789bcdefghjkmnpqrstuvwxyz"
_PLACED = frozenset({"geo_distance", "_geo_distance", "geo_bounding_box", "geo_polygon", "geo_shape", "geo_grid"})
_OPTIONS = frozenset(
    "distance distance_type unit order mode ignore_unmapped validation_method boost _name nested type".split()
)
_WKT = re.compile(r"POINT\s*\(\s*(\S+)\s+([^\s)]+)\s*\)", re.IGNORECASE)


def fields_of_places(node: Any) -> Iterator[str]:
    """The fields that a query compares with places, or sorts by their distance."""
    if isinstance(node, Mapping):
        for key, value in node.items():
            if key in _PLACED and isinstance(value, Mapping):
                yield from (name for name in value if name not in _OPTIONS)
            yield from fields_of_places(value)
    elif isinstance(node, list):
        for item in node:
            yield from fields_of_places(item)


def place(value: Any) -> Place | None:
    """The point that a value of a ``geo_point`` stands for, in any of the ways to write one; None where it is none."""
    match value:
        case {"lat": lat, "lon": lon}:
            return _sound(lon, lat)
        case {"type": str(kind), "coordinates": [lon, lat, *_]} if kind.lower() == "point":
            return _sound(lon, lat)
        case [int() | float() as lon, int() | float() as lat, *_]:
            return _sound(lon, lat)
        case [first, *_]:
            return place(first)
        case str():
            return _written(value)
    return None


def tile(key: str) -> Place | None:
    """The middle of a cell of ``geotile_grid``, ``zoom/x/y``: a square of the Mercator projection."""
    try:
        zoom, x, y = map(int, key.split("/"))
    except ValueError:
        return None
    side = 1 << zoom
    return _sound((x + 0.5) / side * 360 - 180, degrees(atan(sinh(pi * (1 - 2 * (y + 0.5) / side)))))


def geohash(key: str) -> Place | None:
    """The middle of a cell of ``geohash_grid``: base 32, its bits halve longitude and latitude in turn."""
    lows, highs = [-180.0, -90.0], [180.0, 90.0]
    turn = 0
    for letter in key.lower():
        number = _BASE32.find(letter)
        if number < 0:
            return None
        for bit in (16, 8, 4, 2, 1):
            middle = (lows[turn] + highs[turn]) / 2
            (lows if number & bit else highs)[turn] = middle
            turn = 1 - turn
    return ((lows[0] + highs[0]) / 2, (lows[1] + highs[1]) / 2) if key else None


def _written(text: str) -> Place | None:
    if point := _WKT.fullmatch(text.strip()):
        return _sound(*point.groups())
    if "," in text:
        lat, _, lon = text.partition(",")
        return _sound(lon, lat)
    return geohash(text)


def _sound(longitude: Any, latitude: Any) -> Place | None:
    try:
        lon, lat = float(longitude), float(latitude)
    except (TypeError, ValueError):
        return None
    return (lon, lat) if isfinite(lon) and isfinite(lat) and abs(lon) <= 180 and abs(lat) <= 90 else None
