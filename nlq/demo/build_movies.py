"""Make data/movies.ndjson.gz from ``data/movies.json`` of the npm package vega-datasets (see docs/demo-data.md).

python -m nlq.demo.build_movies movies.json nlq/demo/data/movies.ndjson.gz
"""

from __future__ import annotations

import gzip
import json
import re
import sys
import unicodedata
from contextlib import suppress
from datetime import date, datetime
from pathlib import Path
from typing import Any

FIELDS = {
    "title": "Title",
    "director": "Director",
    "genre": "Major Genre",
    "creative_type": "Creative Type",
    "source": "Source",
    "distributor": "Distributor",
    "mpaa_rating": "MPAA Rating",
    "running_time_min": "Running Time min",
    "production_budget": "Production Budget",
    "us_gross": "US Gross",
    "worldwide_gross": "Worldwide Gross",
    "imdb_rating": "IMDB Rating",
    "imdb_votes": "IMDB Votes",
    "rotten_tomatoes_rating": "Rotten Tomatoes Rating",
}
LAST_YEAR = 2011  # the collection ends there: later years are two-digit ones of films before 1950


def released(text: str) -> date:
    day = datetime.strptime(text, "%b %d %Y").date()
    return day.replace(year=day.year - 100) if day.year > LAST_YEAR else day


def readable(text: str) -> str:
    """Undo the wrong decoding of the source (Windows letters read as Macintosh ones) and "Birds, The"."""
    with suppress(UnicodeError):  # a letter that Macintosh lacks was never read wrongly
        text = text.encode("mac_roman").decode("cp1252")
    return re.sub(r"^(.+), (The|A|An)$", r"\2 \1", text.strip())


def film(row: dict[str, Any]) -> dict[str, Any]:
    """The document of one row; unknown values are left out, takings of 0 (the source's "not known") too."""
    values = {name: row[key] for name, key in FIELDS.items() if row[key] not in (None, 0)}
    texts = {name: readable(value) for name, value in values.items() if isinstance(value, str)}
    day = released(row["Release Date"])
    return values | texts | {"title": readable(str(row["Title"])), "release_date": day.isoformat()}


def slug(document: dict[str, Any]) -> str:
    plain = unicodedata.normalize("NFKD", document["title"]).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "-", f"{plain}-{document['release_date'][:4]}").strip("-")


def build(source: Path, target: Path) -> int:
    rows = json.loads(source.read_text("utf-8"))
    films = {slug(document): document for row in rows if row["Title"] is not None for document in [film(row)]}
    lines = (json.dumps({"_id": key} | films[key], ensure_ascii=False, separators=(",", ":")) for key in sorted(films))
    text = "".join(f"{line}\n" for line in lines)
    target.write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    return len(films)


if __name__ == "__main__":
    sys.stdout.write(f"{build(Path(sys.argv[1]), Path(sys.argv[2]))} films\n")
