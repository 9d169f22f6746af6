"""One IndexSchema becomes two JSON Schemas (draft 2020-12) of the search bodies that make sense for it."""

from nlq.query_schema.accepted import accepted_schema
from nlq.query_schema.decoded import decoded_schema
from nlq.query_schema.kinds import BOOLEAN, DATE, FLOAT, GEO, INTEGER, KEYWORD, MAX_SIZE, NUMBER, SORTABLE, TEXT, VECTOR

__all__ = [
    "BOOLEAN",
    "DATE",
    "FLOAT",
    "GEO",
    "INTEGER",
    "KEYWORD",
    "MAX_SIZE",
    "NUMBER",
    "SORTABLE",
    "TEXT",
    "VECTOR",
    "accepted_schema",
    "decoded_schema",
]
