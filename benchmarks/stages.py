"""Where the time of a question goes besides the model, over HTTP, for 1 to 64 clients at once.

    python benchmarks/stages.py [--clients 1 4 16 64] [--documents 10000] [--es-url URL] [--out FOLDER]

The sampler writes the same texts to any prompt, at once. Every client sends --questions questions, one after the other.
"engine" is the part of the stages spent in Elasticsearch, "own" what is neither that nor the sampler, as the client
sees it: HTTP and JSON too; "own, no retrieval" leaves out the stage "examples" too, which is a model's: the embedder's.
Goal: "own" below 15 ms (p95) for one client. The last rows ask the same question over and
over, with the cache of answers. The index bench-stages is made and deleted.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any, cast

import httpx
from asking import MAPPINGS, SETTINGS, TimedTranslator, films, translator_for
from measuring import Row, Table, engine_for, p50_p95, parser, report

from api.app import create_app
from nlq.caching import AnswerCache
from nlq.settings import Settings
from nlq.translator import Translator
from tests.support import served

INDEX = "bench-stages"
STAGES = ("schema", "values", "examples", "sample", "verify", "cache", "engine", "own", "own, no retrieval", "whole")
WARMING = 3
OTHER_TURN = 1000
"""Questions of one client are told from another's by their numbers."""


def main() -> None:
    args = _arguments()
    with engine_for(args) as (engine, delete):
        delete(INDEX)
        engine.load(INDEX, mappings=MAPPINGS, settings=SETTINGS, documents=films(args.documents))
        try:
            with translator_for(engine, args) as translator:
                fresh = [row for n in args.clients for row in measured(translator, n, args, _other)]
                cached = replace(translator, cache=AnswerCache())
                kept = [row for n in args.clients for row in measured(cached, n, args, _same)]
        finally:
            delete(INDEX)
    report("stages", [Table("every question new, ms", fresh), Table("the same question, cached, ms", kept)], args)


def measured(
    translator: Translator, clients: int, args: argparse.Namespace, ask: Callable[[int, int], str]
) -> list[Row]:
    """One row a stage."""
    timed = TimedTranslator(translator)
    app = create_app(cast(Translator, timed), Settings(_env_file=None, waiting=1000, waiting_per_caller=1001))
    with served(app) as url, ThreadPoolExecutor(clients) as pool:
        one(url, [ask(OTHER_TURN, turn) for turn in range(WARMING)])  # schemas and listings are made now
        asked = [[ask(client, turn) for turn in range(args.questions)] for client in range(clients)]
        found = [each for many in pool.map(lambda questions: one(url, questions), asked) for each in many]
    present = [stage for stage in STAGES if any(stage in each for each in found)]
    rows: list[Row] = []
    for stage in present:
        p50, p95 = p50_p95([each.get(stage, 0.0) * 1000 for each in found])
        rows.append({"clients": clients, "stage": stage, "p50": p50, "p95": p95})
    return rows


def one(url: str, questions: Sequence[str]) -> list[dict[str, float]]:
    """Seconds by stage of each question of one client."""
    with httpx.Client(base_url=url, timeout=300, trust_env=False) as client:
        return [_asked(client, question) for question in questions]


def _asked(client: httpx.Client, question: str) -> dict[str, float]:
    began = time.perf_counter()
    answer: dict[str, Any] = client.post(f"/{INDEX}/nlq", json={"question": question}).raise_for_status().json()
    whole = time.perf_counter() - began
    timings: dict[str, float] = answer["timings"]
    own = whole - timings["engine"] - timings.get("sample", 0.0)
    return {**timings, "own": own, "own, no retrieval": own - timings.get("examples", 0.0), "whole": whole}


def _other(client: int, turn: int) -> str:
    return f"How many comedies are there after 1990, please, in list {client * OTHER_TURN + turn}?"


def _same(client: int, turn: int) -> str:
    del client, turn
    return "How many comedies are there after 1990?"


def _arguments() -> argparse.Namespace:
    made = parser(__doc__)
    made.add_argument("--clients", type=int, nargs="+", default=[1, 4, 16, 64])
    made.add_argument("--questions", type=int, default=20)
    made.add_argument("--documents", type=int, default=10_000)
    made.add_argument("--es-url", help="default: that of the settings")
    args = made.parse_args()
    if args.tiny:
        args.clients, args.questions, args.documents = [1, 2], 2, 20
    return args


if __name__ == "__main__":
    main()
