"""How the example store searches with 10^3 to 10^6 examples: time, memory, recall against comparing with every vector.

    python benchmarks/examples_scale.py [--sizes 1000 10000 100000 1000000] [--folder DIR]

The vectors are drawn, not embedded: two halves of 384 numbers, weighed as a pattern and its skeleton are, each with
about 48 that are free, without clusters, and noise. The rows go into the tables directly. Each step is measured in a
process of its own. Prints Markdown.
"""

from __future__ import annotations

import argparse
import hashlib
import multiprocessing
import resource
import tempfile
import time
from collections.abc import Iterator, Sequence
from multiprocessing.queues import SimpleQueue
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from examples_db.database import Database
from examples_db.index import IndexSizes
from examples_db.patterns import SKELETON_SHARE
from examples_db.retrieve import Ranking
from examples_db.searching import Sizes
from examples_db.store import SqliteStore
from examples_db.vectors import Vectors, index_file
from nlq.types import Example

HALF, FREE, BLOCK = 384, 48, 10_000
DIMENSION = 2 * HALF
SEARCHES, COMPARED = 500, 200
FIELDS = '["total:double","status:keyword","placed:date","customer.name:text","items:nested"]'

Answer = SimpleQueue[dict[str, float | str]]


class Drawn:
    """An embedder that draws, each text's vector once: what is measured is the search, not the embedder."""

    id = "drawn"
    dimension = DIMENSION

    def __init__(self) -> None:
        self._known: dict[str, NDArray[np.float32]] = {}

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        for text in texts:
            if text not in self._known:
                self._known[text] = drawn(int.from_bytes(hashlib.sha256(text.encode()).digest()[:4]), 1)[0]
        return np.stack([self._known[text] for text in texts])


def drawn(seed: int, n: int) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    shares = (1 - SKELETON_SHARE, SKELETON_SHARE)
    return np.hstack([half(rng, basis, n) * np.float32(share**0.5) for basis, share in enumerate(shares)])


def half(rng: np.random.Generator, basis: int, n: int) -> NDArray[np.float32]:
    directions = np.random.default_rng(basis).standard_normal((FREE, HALF), dtype=np.float32)
    spread = (1 / np.sqrt((1 + np.arange(FREE)) * HALF)).astype(np.float32)  # some directions matter most
    rows: NDArray[np.float32] = (rng.standard_normal((n, FREE), dtype=np.float32) * spread) @ directions
    rows += 0.02 * rng.standard_normal((n, HALF), dtype=np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def blocks(n: int) -> Iterator[tuple[int, NDArray[np.float32]]]:
    for start in range(0, n, BLOCK):
        yield start, drawn(1_000_000_000 + start, BLOCK)[: n - start]


def fill(path: Path, n: int) -> float:
    """Rows, vectors and their places for n examples, as the store would have written them; returns seconds."""
    began = time.perf_counter()
    database = Database.open(path)
    Vectors(database, Drawn(), mask_fields=False).open()
    columns = 'id, content, change, question, query, "index", fields, source, created, updated'
    for start, rows in blocks(n):
        ids = range(start + 1, start + len(rows) + 1)
        examples = (
            (
                i,
                i.to_bytes(16),
                i,
                f"which {letters(i)} orders",
                query(i),
                f"orders-{i % 50}",
                FIELDS,
                "bench",
                "t",
                "t",
            )
            for i in ids
        )
        with database.writing() as db:
            db.executemany(f"INSERT INTO example ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", examples)
            data = ((i, 1, i.to_bytes(32), row.tobytes()) for i, row in zip(ids, rows, strict=True))
            db.executemany("INSERT INTO vector (id, maker, hash, data) VALUES (?, ?, ?, ?)", data)
            db.executemany("INSERT INTO placed VALUES (?, 1, ?, ?)", ((i, i, i.to_bytes(8)) for i in ids))
    with database.writing() as db:
        db.execute("UPDATE maker SET done = ?", (n,))
        db.execute("UPDATE meta SET value = ? WHERE key = 'revision'", (str(n),))
    database.close()
    return time.perf_counter() - began


def query(i: int) -> str:
    return f'{{"query":{{"bool":{{"filter":[{{"term":{{"status":"s{i}"}}}},{{"range":{{"total":{{"gt":{i}}}}}}}]}}}}}}'


def letters(i: int) -> str:
    """A number as a word, so that it is not masked."""
    return "x" + "".join(chr(ord("a") + int(digit)) for digit in str(i))


def build(path: Path, n: int, probes: int, answer: Answer) -> None:
    """The first opening: its time and what it takes at most."""
    empty = rss()
    seconds, store = opened(path, probes)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024 - empty
    kind = "flat" if store._search.current().index.flat else "IVF, SQ8"
    store.close()
    answer.put({"index": kind, "first start s": seconds, "its peak MiB": peak})


def measure(path: Path, n: int, probes: int, answer: Answer) -> None:
    """A later opening, and searches."""
    found: dict[str, float | str] = {"probes": str(probes)}
    empty = rss()
    found["start s"], store = opened(path, probes)
    found["MiB"] = rss() - empty
    asked = [letters(i) + "?" for i in range(SEARCHES)]
    vectors = store.embedder.encode(asked)
    cpu = time.thread_time()
    timed = [clocked(store, question, 10) for question in asked]
    found["CPU ms"] = (time.thread_time() - cpu) / len(asked) * 1e3
    found["p50 ms"], found["p95 ms"], found["p99 ms"] = (np.percentile(timed, [50, 95, 99]) * 1e3).tolist()
    timed = [clocked(store, question, 3, fields=("a:keyword", "b:date", "c:geo_point")) for question in asked]
    found["p95 ms, k=3 and fields"] = float(np.percentile(timed, 95) * 1e3)
    found["recall@10"] = recall(store, asked[:COMPARED], vectors[:COMPARED], n)
    store.close()
    answer.put(found)


def extend(path: Path, n: int, probes: int, answer: Answer) -> None:
    """Searches right after another example was added, and what the files take."""
    _, store = opened(path, probes)
    timed = []
    for i in range(50):
        store.add([Example(f"new {letters(i)}", {"size": 0}, "orders")])
        timed.append(clocked(store, f"new {letters(i)}", 10))
    store.close()
    found: dict[str, float | str] = {"p95 ms after an addition": float(np.percentile(timed, 95) * 1e3)}
    found["database MiB"] = sum(f.stat().st_size for f in path.parent.glob(f"{path.name}*")) / 2**20
    kept = index_file(path, 1)
    found["index file MiB"] = kept.stat().st_size / 2**20 if kept.exists() else 0.0
    answer.put(found)


def opened(path: Path, probes: int) -> tuple[float, SqliteStore]:
    """Seconds until the first question can be answered, and the store."""
    began = time.perf_counter()
    store = SqliteStore.open(path, Drawn(), ranking=Ranking(floor=-1), sizes=Sizes(index=IndexSizes(probes=probes)))
    store.warm()
    return time.perf_counter() - began, store


def clocked(store: SqliteStore, question: str, k: int, fields: Sequence[str] = ()) -> float:
    began = time.perf_counter()
    store.nearest(question, k, exclude_index="orders-7", fields=fields)
    return time.perf_counter() - began


def recall(store: SqliteStore, asked: Sequence[str], vectors: NDArray[np.float32], n: int) -> float:
    """Share of the ten truly nearest among the ten found."""
    scores = np.full((len(asked), 10), -2, dtype=np.float32)
    ids = np.zeros((len(asked), 10), dtype=np.int64)
    for start, rows in blocks(n):
        scores = np.hstack([scores, vectors @ rows.T])
        ids = np.hstack([ids, np.tile(np.arange(start + 1, start + len(rows) + 1), (len(asked), 1))])
        best = np.argpartition(-scores, 10, axis=1)[:, :10]
        scores, ids = np.take_along_axis(scores, best, axis=1), np.take_along_axis(ids, best, axis=1)
    hits = sum(
        len({int(e.id) for e in store.nearest(q, 10)} & set(true.tolist())) for q, true in zip(asked, ids, strict=True)
    )
    return hits / (10 * len(asked))


def rss() -> float:
    """MiB of this process in memory now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000, 100_000, 1_000_000])
    parser.add_argument("--probes", type=int, nargs="+", default=[IndexSizes().probes], help="cells searched at first")
    parser.add_argument("--folder", type=Path, help="where the databases are made for a while")
    arguments = parser.parse_args()
    default = IndexSizes().probes
    spawn = multiprocessing.get_context("spawn")
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        for n in arguments.sizes:
            path = Path(folder) / f"{n}.db"
            print(f"\n{n:,} examples: written in {fill(path, n):.1f} s", flush=True)
            for step, probes in ((build, default), *((measure, p) for p in arguments.probes), (extend, default)):
                answer = spawn.SimpleQueue()
                process = spawn.Process(target=step, args=(path, n, probes, answer))
                process.start()
                process.join()
                if process.exitcode:
                    raise SystemExit(f"measuring {n} examples failed")
                found = answer.get()
                print(f"\n| examples | {' | '.join(found)} |\n|{'---|' * (1 + len(found))}")
                cells = (f"{v:.3f}" if isinstance(v, float) else str(v) for v in found.values())
                print(f"| {n:,} | {' | '.join(cells)} |", flush=True)
            for left in Path(folder).glob(f"{n}.db*"):
                left.unlink()


if __name__ == "__main__":
    main()
