"""What the scripts share: the machine in words, times, tables as Markdown and JSON, an engine to measure on."""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from nlq.ports import Engine

PACKAGES = ("nlq", "torch", "transformers", "xllamacpp", "llguidance", "elasticsearch", "faiss-cpu")

Row = Mapping[str, float | int | str]


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with the same keys, which are the columns."""

    title: str
    rows: Sequence[Row]

    def markdown(self) -> str:
        columns = list(self.rows[0]) if self.rows else []
        lines = [f"### {self.title}", "", f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
        lines += [f"| {' | '.join(shown(row[column]) for column in columns)} |" for row in self.rows]
        return "\n".join([*lines, ""])


def shown(value: float | int | str) -> str:
    return f"{value:.4g}" if isinstance(value, float) else f"{value:,}" if isinstance(value, int) else value


def parser(doc: str | None) -> argparse.ArgumentParser:
    """With the options that every script has."""
    made = argparse.ArgumentParser(description=doc, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument(
        "--tiny", action="store_true", help="a run through in seconds: a tiny random model, a fake engine"
    )
    made.add_argument("--out", type=Path, help="folder for NAME.json and NAME.md")
    return made


def report(name: str, tables: Sequence[Table], args: argparse.Namespace) -> None:
    """Print the tables, and write them where ``--out`` says, each time with the machine and how it was measured."""
    facts = machine() | {"options": {k: v for k, v in vars(args).items() if k != "out"}}
    head = [f"# {name}", "", *(f"- {key}: {_words(value)}" for key, value in facts.items()), ""]
    text = "\n".join([*head, *(table.markdown() for table in tables)])
    print(text)
    if args.out:
        args.out.mkdir(parents=True, exist_ok=True)
        data = {"name": name, **facts, "tables": {t.title: list(map(dict, t.rows)) for t in tables}}
        (args.out / f"{name}.json").write_text(json.dumps(data, indent=1, default=str) + "\n", encoding="utf-8")
        (args.out / f"{name}.md").write_text(text, encoding="utf-8")


def machine() -> dict[str, Any]:
    return {
        "date": datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "machine": f"{_cpu()}, {len(os.sched_getaffinity(0))} cores, {_memory()} GiB, {_gpu()}",
        "load average": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "versions": {name: found for name in PACKAGES if (found := _version(name))},
    }


def seconds_of(work: Callable[[], Any]) -> tuple[float, Any]:
    began = time.perf_counter()
    out = work()
    return time.perf_counter() - began, out


def p50_p95(values: Sequence[float]) -> tuple[float, float]:
    """By the nearest rank below; both the value itself where there is one."""
    ordered = sorted(values)
    return statistics.median(ordered), ordered[min(len(ordered) - 1, int(0.95 * len(ordered)))]


@contextmanager
def engine_for(args: argparse.Namespace) -> Iterator[tuple[Engine, Callable[[str], None]]]:
    """The engine at ``--es-url`` (else the one of the settings), or a fake one with ``--tiny``; and what deletes an
    index of it."""
    if args.tiny:
        from tests.fakes.engine import FakeEngine

        fake = FakeEngine()
        yield fake, fake.delete
        return
    from elasticsearch import Elasticsearch

    from nlq.bootstrap import engine_url
    from nlq.elastic.engine import ElasticEngine
    from nlq.settings import load_settings

    url = args.es_url or engine_url(load_settings())
    engine, client = ElasticEngine.connect(url, timeout=60), Elasticsearch(url, request_timeout=60)
    try:
        yield engine, lambda name: _delete(client, name)
    finally:
        client.close()
        engine.close()


def _delete(client: Any, name: str) -> None:
    client.indices.delete(index=name, ignore_unavailable=True)


def _words(value: Any) -> str:
    return ", ".join(f"{k} {v}" for k, v in value.items()) if isinstance(value, dict) else str(value)


def _cpu() -> str:
    lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _memory() -> int:
    return round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30)


def _gpu() -> str:
    if not os.path.exists("/dev/nvidiactl"):
        return "no GPU"
    import torch

    return torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""
