"""Points as {"lat", "lon"}, boxes by their top left and bottom right corners, distances with their unit."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from nlq.canonical.parts import mapped, one_item, ordered, without_defaults
from nlq.query_schema.kinds import FAMILIES
from nlq.types import Body, IndexSchema

_NUMBER = r"-?[0-9]{1,3}(?:\.[0-9]{1,15})?"
_PAIR = re.compile(rf"\s*({_NUMBER})\s*,\s*({_NUMBER})\s*")
_WKT_POINT = re.compile(rf"POINT ?\(\s*({_NUMBER})\s+({_NUMBER})\s*\)", re.IGNORECASE)
_WKT_BOX = re.compile(rf"BBOX ?\(\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*,\s*({_NUMBER})\s*\)")
_AWAY = re.compile(r"([0-9]{1,5}(?:\.[0-9]{1,3})?) *(km|mi|m)")
_DEFAULTS: Mapping[str, Any] = {"ignore_unmapped": False, "validation_method": "STRICT", "distance_type": "arc"}
_OPTIONS = ("boost", "_name", "distance", "relation", "type", *_DEFAULTS)
_SIDES = ("top", "left", "bottom", "right")
_RELATIONS = ("intersects", "disjoint", "within", "contains")


def point(value: Any) -> Any:
    """A point; geohashes, which name a cell, and what is no point stay as they are."""
    if isinstance(value, str):
        if found := _PAIR.fullmatch(value):
            return _point(found[1], found[2]) or value
        found = _WKT_POINT.fullmatch(value)
        return (_point(found[2], found[1]) or value) if found else value
    if isinstance(value, list) and len(value) == 2:
        return _point(value[1], value[0]) or value
    if isinstance(value, dict) and value.keys() == {"lat", "lon"}:
        return _point(value["lat"], value["lon"]) or value
    if isinstance(value, dict) and value.keys() == {"type", "coordinates"} and value["type"] in ("Point", "point"):
        return point(value["coordinates"]) if isinstance(value["coordinates"], list) else value
    return value


def box(value: Any) -> Any:
    """A box; one whose top is below its bottom, which Elasticsearch refuses, has them exchanged."""
    corners = _corners(value) if isinstance(value, dict) else None
    if corners is None:
        return value
    top, left, bottom, right = corners
    return {
        "top_left": {"lat": max(top, bottom), "lon": left},
        "bottom_right": {"lat": min(top, bottom), "lon": right},
    }


def distance(value: Any) -> Any:
    """A distance with its unit; a number is in metres."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    if number and 0 <= value < 10**5 and value == round(value, 3):
        return f"{value:.3f}".rstrip("0").rstrip(".") + "m"
    found = _AWAY.fullmatch(value) if isinstance(value, str) else None
    return found[1] + found[2] if found else value


def place_clause(kind: str, content: Body, index: IndexSchema) -> Body:
    """The content of a geo_distance, geo_bounding_box or geo_shape clause."""
    out = without_defaults(content, _DEFAULTS)
    names = [key for key in out if key not in _OPTIONS]
    if len(names) != 1:
        return content
    name = names[0]
    if mapped(name, index):
        out.pop("ignore_unmapped", None)
    if kind == "geo_distance":
        out |= {name: point(out[name])} | ({"distance": distance(out["distance"])} if "distance" in out else {})
        return ordered(out, ("distance", name))
    if kind == "geo_bounding_box":
        out.pop("type", None)  # how a box is looked up, in the versions that know it
        return ordered(out | {name: box(out[name])}, (name,))
    found = index.field(name)
    if found and found.kind in FAMILIES["geo_shape"] and isinstance(out[name], dict):
        out[name] = _shaped(out[name])
    return ordered(out, (name,))


def _shaped(content: Body) -> Body:
    relation = str(content.get("relation", "intersects")).lower()
    shape = content.get("shape")
    if relation not in _RELATIONS or not isinstance(shape, dict):
        return content
    drawn = {**shape, "type": shape["type"].lower()} if isinstance(shape.get("type"), str) else shape
    return ordered({**content, "shape": ordered(drawn, ("type", "coordinates")), "relation": relation}, ("shape",))


def _point(lat: Any, lon: Any) -> Body | None:
    north, east = _degrees(lat), _degrees(lon)
    if north is None or east is None or abs(north) > 90 or abs(east) > 180:
        return None
    return {"lat": north, "lon": east}


def _degrees(value: Any) -> int | float | None:
    if isinstance(value, str) and re.fullmatch(_NUMBER, value):
        return float(value) if "." in value else int(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def _corners(value: Body) -> tuple[Any, Any, Any, Any] | None:
    """Top, left, bottom and right; None where the box is not given by numbers."""
    edges: tuple[Any, ...] | None = None
    if value.keys() == set(_SIDES):
        edges = tuple(value[side] for side in _SIDES)
    elif (found := one_item(value)) and found[0] == "wkt" and isinstance(found[1], str):
        wkt = _WKT_BOX.fullmatch(found[1])
        edges = (wkt[3], wkt[1], wkt[4], wkt[2]) if wkt else None
    else:
        corners = {key: point(corner) for key, corner in value.items()}
        plain = all(isinstance(c, dict) and c.keys() == {"lat", "lon"} for c in corners.values())
        if plain and corners.keys() == {"top_left", "bottom_right"}:
            one, other = corners["top_left"], corners["bottom_right"]
            edges = (one["lat"], one["lon"], other["lat"], other["lon"])
        elif plain and corners.keys() == {"top_right", "bottom_left"}:
            one, other = corners["top_right"], corners["bottom_left"]
            edges = (one["lat"], other["lon"], other["lat"], one["lon"])
    numbers = tuple(map(_degrees, edges)) if edges else ()
    if not numbers or any(n is None for n in numbers):
        return None
    top, left, bottom, right = numbers
    return top, left, bottom, right
