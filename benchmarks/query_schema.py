"""How much of what the schemas allow the engine runs, how large they are, how soon they are a grammar.

    python benchmarks/query_schema.py --es-url http://127.0.0.1:9200 [--walks 2000]

Creates the fixture indices of the tests as "bench-*" and deletes them at the end. Prints Markdown.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

from elasticsearch import Elasticsearch

from nlq.elastic.engine import ElasticEngine
from nlq.evaluation.walks import Walker
from nlq.finish import Finish
from nlq.grounding import View
from nlq.json_schema import problem
from nlq.policy import check_policy
from nlq.query_schema import accepted_schema, decoded_schema
from nlq.samplers.grammar import compact_schema, guidance_grammar
from nlq.types import Body, Failure, Field, IndexSchema
from nlq.values import Seen
from tests.mappings import LOADABLE, index, operations

_SIZES = (10, 50, 500)
_KINDS = ("text", "keyword", "long", "double", "date", "boolean", "geo_point", "integer", "ip", "keyword")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--es-url", required=True)
    parser.add_argument("--walks", type=int, default=2000)
    args = parser.parse_args()
    print(sizes())
    with loaded(args.es_url) as engine:
        for profile in ("decoded", "accepted"):
            print(walks(engine, profile, args.walks))


def sizes() -> str:
    """Bytes and seconds by the number of fields; the grammar is built by llguidance, as the samplers do."""
    rows = ["| fields | accepted, bytes | decoded, bytes | decoded built, s | grammar, s |", "|---|---|---|---|---|"]
    decoded_schema(synthetic(5))
    accepted_schema(synthetic(5))  # reads the client's types, once for a process
    for count in _SIZES:
        schema = synthetic(count)
        started = time.perf_counter()
        decoded = decoded_schema(schema)
        built = time.perf_counter() - started
        text = json.dumps(compact_schema(decoded))
        started = time.perf_counter()
        guidance_grammar(text)
        compiled = time.perf_counter() - started
        accepted = len(json.dumps(accepted_schema(schema)))
        rows.append(f"| {count} | {accepted:,} | {len(text):,} | {built:.3f} | {compiled:.3f} |")
    return "\n".join(rows) + "\n"


def synthetic(count: int) -> IndexSchema:
    return IndexSchema("i", tuple(Field(f"some.field_{i}", _KINDS[i % len(_KINDS)]) for i in range(count)))


@contextmanager
def loaded(url: str) -> Iterator[ElasticEngine]:
    client = Elasticsearch(url, request_timeout=60)
    names = [f"bench-{name}" for name in LOADABLE]
    try:
        for name, target in zip(LOADABLE, names, strict=True):
            made = index(name)
            client.indices.create(index=target, mappings=made["mappings"], settings=made.get("settings", {}))
            client.bulk(index=target, operations=operations(name), refresh=True)
        engine = ElasticEngine.connect(url, timeout=60)
        yield engine
        engine.close()
    finally:
        client.indices.delete(index=names, ignore_unavailable=True)
        client.close()


def walks(engine: ElasticEngine, profile: str, count: int) -> str:
    """Per fixture index: how many bodies the policy lets through and the engine runs; then the refusals by kind."""
    rows = [f"| {profile} | walks | refused by policy | run | rate |", "|---|---|---|---|---|"]
    kinds: Counter[str] = Counter()
    for name in LOADABLE:
        schema = engine.schema(f"bench-{name}")
        walker = Walker(decoded_schema(schema) if profile == "decoded" else accepted_schema(schema))
        bodies = [walker.walk(random.Random(seed), depth=9) for seed in range(count)]
        accepted = accepted_schema(schema)
        assert all(problem(body, accepted) is None for body in bodies[:200])
        allowed = [body for body in bodies if check_policy(body) is None]
        reasons = refusals(engine, schema, allowed)
        kinds.update(map(kind, reasons))
        ran = len(allowed) - len(reasons)
        rows.append(f"| {name} | {count} | {count - len(allowed)} | {ran} | {ran / len(allowed):.1%} |")
    told = [f"- {number} × {reason}" for reason, number in kinds.most_common(25)]
    return "\n".join([*rows, "", f"Refusals of the engine, {profile}:", "", *told, ""])


def refusals(engine: ElasticEngine, schema: IndexSchema, bodies: Sequence[Body]) -> list[str]:
    view = View(schema, schema, Seen(None), (), (), datetime(2026, 3, 4, 12, tzinfo=UTC))
    finish = Finish(view, max_results=100, encode=lambda texts: [[0.1, 0.2, 0.3, 0.4] for _ in texts])
    ready = [finish(body)[0] for body in bodies]
    out = []
    for first in range(0, len(ready), 50):
        answers = engine.search(schema.index, ready[first : first + 50], timeout=30)
        out += [answer.reason for answer in answers if isinstance(answer, Failure)]
    return out


def kind(reason: str) -> str:
    """The reason without what it quotes, so that equal faults count together."""
    return re.sub(r"\[[^\]]*\]|'[^']*'|\"[^\"]*\"|-?\d+(\.\d+)?", "…", reason)[:120]


if __name__ == "__main__":
    main()
