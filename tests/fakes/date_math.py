"""Date math of Elasticsearch on a fixed date: "2026-11-21T10:00:00Z||-1M/M"."""

from __future__ import annotations

import calendar
import re
from datetime import datetime, timedelta

_STEP = re.compile(r"([+-])(\d+)([yMwdhHms])|/([yMwdhHms])")
_SPANS = {"w": "weeks", "d": "days", "h": "hours", "H": "hours", "m": "minutes", "s": "seconds"}
_ZEROS = {"s": [], "m": ["second"], "h": ["minute", "second"], "H": ["minute", "second"]}
_DAY = ["hour", "minute", "second"]


def computed(moment: datetime, math: str, *, late: bool) -> datetime:
    """``moment`` moved by each step of ``math``; a rounding goes to the unit's last millisecond where ``late``.

    Raises ValueError where a step is none.
    """
    rest = math
    while rest:
        step = _STEP.match(rest)
        if step is None:
            raise ValueError(f"truncated date math [{math}]")
        rest = rest[step.end() :]
        sign, number, unit, whole = step.groups()
        if whole is None:
            moment = _moved(moment, int(f"{sign}{number}"), unit)
        elif late:
            moment = _moved(_floor(moment, whole), 1, whole) - timedelta(milliseconds=1)
        else:
            moment = _floor(moment, whole)
    return moment


def _moved(moment: datetime, number: int, unit: str) -> datetime:
    if unit in _SPANS:
        return moment + timedelta(**{_SPANS[unit]: number})
    months = moment.year * 12 + moment.month - 1 + number * {"y": 12, "M": 1}[unit]
    year, month = months // 12, months % 12 + 1
    return moment.replace(year=year, month=month, day=min(moment.day, calendar.monthrange(year, month)[1]))


def _floor(moment: datetime, unit: str) -> datetime:
    moment = moment.replace(microsecond=0, **dict.fromkeys(_ZEROS.get(unit, _DAY), 0))
    if unit == "w":
        return moment - timedelta(days=moment.weekday())
    return moment.replace(**{"y": {"month": 1, "day": 1}, "M": {"day": 1}}.get(unit, {}))
