"""Queries about places, and points in every spelling."""

from __future__ import annotations

import re

from nlq.readback.words import Odd, Spec, bare, many, shown

_PLAIN_POINT = re.compile(r"[\w.-]+(, ?[\w.-]+)?")

_OPTIONS = ("boost", "_name", "ignore_unmapped", "validation_method")
_RELATIONS = {
    "intersects": "intersects",
    "disjoint": "is apart from",
    "within": "is within",
    "contains": "contains",
}
_CORNERS = ("top_left", "top_right", "bottom_left", "bottom_right", "top", "left", "bottom", "right")


def point(value: object) -> str:
    """Latitude, longitude, whatever the spelling; text forms (also geohashes and WKT) as they are written."""
    if isinstance(value, str):
        return value if _PLAIN_POINT.fullmatch(value) else shown(value)
    if isinstance(value, list) and len(value) == 2 and all(isinstance(number, int | float) for number in value):
        return f"{shown(value[1])}, {shown(value[0])}"
    if isinstance(value, dict) and set(value) == {"lat", "lon"}:
        return f"{shown(value['lat'])}, {shown(value['lon'])}"
    if isinstance(value, dict) and set(value) == {"type", "coordinates"} and str(value["type"]).lower() == "point":
        return f"the point {point(value['coordinates'])}"
    return shown(value)


def geo_distance(spec: Spec) -> str:
    field, centre = spec.field(*_OPTIONS, "distance", "distance_type", "unit")
    return f"{field} is within {bare(spec.need('distance'))} of {point(centre)}"


def geo_bounding_box(spec: Spec) -> str:
    field, box = spec.field(*_OPTIONS, "type")
    return f"{field} is inside {_box(spec.child(box))}"


def _box(spec: Spec) -> str:
    if isinstance(wkt := spec.take("wkt"), str):
        return f"the box {shown(wkt)}"
    corners = [f"{key.replace('_', ' ')} {point(spec.take(key))}" for key in spec.keys if key in _CORNERS]
    if not corners:
        raise Odd
    return f"the box with {' and '.join(corners)}"


def geo_polygon(spec: Spec) -> str:
    field, area = spec.field(*_OPTIONS)
    corners = "; ".join(point(corner) for corner in many(spec.child(area).need("points")))
    return f"{field} is inside the polygon of {corners or 'nothing'}"


def geo_shape(spec: Spec) -> str:
    field, value = spec.field(*_OPTIONS)
    inner = spec.child(value)
    relation = inner.take("relation")
    words = _RELATIONS.get(relation.lower()) if isinstance(relation, str) else None
    if words is None and relation is not None:
        raise Odd
    return f"{field} {words or 'intersects'} {_shape(inner)}"


def _shape(spec: Spec) -> str:
    if spec.get("shape") is None:
        return f"the shape of {shown(spec.need('indexed_shape'))}"
    shape = spec.take("shape")
    if not isinstance(shape, dict) or not isinstance(shape.get("type"), str):
        return f"the shape {shown(shape)}"
    parts = spec.child(shape)
    kind = f"the {bare(parts.take('type'))}"
    coordinates = parts.take("coordinates")
    return parts.rest(kind if coordinates is None else f"{kind} {shown(coordinates)}")


def geo_grid(spec: Spec) -> str:
    field, cell = spec.field(*_OPTIONS)
    grid, value = spec.child(cell).field()
    return f"{field} is in the {grid} cell {shown(value)}"
