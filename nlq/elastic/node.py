"""The embedded Elasticsearch: a real node of one's own, on a loopback port, its data in the home folder."""

from __future__ import annotations

import os
import shutil
import socket
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from nlq.elastic.jdk import find_jdk
from nlq.elastic.package import fetch, folder
from nlq.elastic.process import (
    State,
    can_enter,
    locked,
    read_state,
    run_as,
    spawn,
    started_at,
    terminate,
    write_state,
)
from nlq.errors import ConfigError, EngineError

__all__ = ["NodeStatus", "fetch", "start", "status", "stop"]

_START_SECONDS = 180.0
_STOP_SECONDS = 30.0
_WRITABLE = ("data", "logs", "config", "tmp")
_SETTINGS = """\
cluster.name: nlq
node.name: nlq
discovery.type: single-node
network.host: 127.0.0.1
http.port: {port}
transport.port: 9300-9499
path.data: {data}
path.logs: {logs}
xpack.security.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
"""
# Without garbage collection logs and heap dumps: the node is small and the user's disk is the user's.
_JVM = """\
-Xms{heap}
-Xmx{heap}
-Xlog:disable
-Xlog:all=warning:stderr:utctime,level,tags
-XX:-HeapDumpOnOutOfMemoryError
"""


@dataclass(frozen=True, slots=True)
class NodeStatus:
    """A node that runs: where it answers and the process that carries it."""

    url: str
    pid: int


def start(home: Path, *, port: int = 0, heap: str = "1g", console: Console | None = None) -> NodeStatus:
    """Start the node of this home in the background (fetching Elasticsearch first) and return once it answers.

    A node that runs already is returned as it is. ``port`` 0 takes a free one. Raises ConfigError where a JDK, Maven
    or access to the home is missing, EngineError where the node ends or does not answer within three minutes.
    """
    console = console or Console(stderr=True)
    base = _base(home)
    with locked(base / "lock"):
        state = read_state(base / "node.json")
        if state is None:
            state = _launch(home.absolute(), port=port, heap=heap, console=console)
            write_state(base / "node.json", state)
        _await_answer(state, log=base / "logs" / "console.log", console=console)
    return NodeStatus(state.url, state.pid)


def stop(home: Path) -> bool:
    """End the node of this home and wait until it has ended; whether one ran."""
    if not folder(home).is_dir():
        return False
    with locked(folder(home) / "lock"):
        state = read_state(folder(home) / "node.json")
        if state is not None:
            terminate(state, patience=_STOP_SECONDS)
        (folder(home) / "node.json").unlink(missing_ok=True)
    return state is not None


def status(home: Path) -> NodeStatus | None:
    """The node of this home where its process runs (it may still be starting), else None."""
    state = read_state(folder(home) / "node.json")
    return NodeStatus(state.url, state.pid) if state else None


def _base(home: Path) -> Path:
    try:
        folder(home).mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"Cannot create {folder(home)} ({exc.strerror}): set NLQ_HOME to a folder of yours.") from exc
    return folder(home)


def _launch(home: Path, *, port: int, heap: str, console: Console) -> State:
    uid = run_as()
    if not can_enter(folder(home), uid):
        raise ConfigError(
            f"Elasticsearch does not run as root, and the user it runs as instead cannot enter {home}: "
            "set NLQ_HOME to a folder that others can enter, such as /var/lib/nlq."
        )
    jdk = find_jdk(usable=lambda place: can_enter(place, uid))
    distribution = fetch(home, console=console)
    port = port or _free_port()
    _configure(folder(home), distribution, port=port, heap=heap, uid=uid)
    pid = spawn(
        [str(distribution / "bin" / "elasticsearch")],
        log=folder(home) / "logs" / "console.log",
        environ=_environ(folder(home), jdk),
        cwd=folder(home) / "tmp",
        uid=uid,
    )
    return State(pid, started_at(pid) or 0, f"http://127.0.0.1:{port}")


def _environ(base: Path, jdk: Path) -> dict[str, str]:
    """Only what the node needs: a JAVA_TOOL_OPTIONS or ES_JAVA_OPTS of the user's is meant for other programs."""
    return {
        "PATH": f"{os.environ.get('PATH', '')}:/usr/bin:/bin",
        "HOME": str(base / "tmp"),
        "ES_JAVA_HOME": str(jdk),
        "ES_PATH_CONF": str(base / "config"),
        "ES_TMPDIR": str(base / "tmp"),
    }


def _configure(base: Path, distribution: Path, *, port: int, heap: str, uid: int | None) -> None:
    for name in _WRITABLE:
        (base / name).mkdir(exist_ok=True)
    shutil.copytree(distribution / "config", base / "config", dirs_exist_ok=True)
    settings = _SETTINGS.format(port=port, data=base / "data", logs=base / "logs")
    (base / "config" / "elasticsearch.yml").write_text(settings, "utf-8")
    (base / "config" / "jvm.options.d").mkdir(exist_ok=True)
    (base / "config" / "jvm.options.d" / "nlq.options").write_text(_JVM.format(heap=heap), "utf-8")
    if uid is not None:
        for name in _WRITABLE:
            _give(base / name, uid)


def _give(top: Path, uid: int) -> None:
    for place, _, files in os.walk(top):
        for path in (place, *(os.path.join(place, file) for file in files)):
            os.chown(path, uid, uid, follow_symlinks=False)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await_answer(state: State, *, log: Path, console: Console) -> None:
    deadline = time.monotonic() + _START_SECONDS
    with _spinner(console, "Wait for Elasticsearch"):
        while not _answers(state.url):
            if not state.alive:
                raise EngineError(f"Elasticsearch ended while it started. The end of {log}:\n{_tail(log)}")
            if time.monotonic() > deadline:
                raise EngineError(
                    f"Elasticsearch does not answer at {state.url} after {_START_SECONDS:.0f} s: see {log}, "
                    "then `nlq elastic stop` and start again."
                )
            time.sleep(0.25)


@contextmanager
def _spinner(console: Console, text: str) -> Iterator[None]:
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as spinner:
        spinner.add_task(text, total=None)
        yield


def _answers(url: str) -> bool:
    """Whether the node answers and its indices can be searched."""
    import httpx

    try:
        reply = httpx.get(f"{url}/_cluster/health", timeout=5, trust_env=False)  # no proxy to the loopback
    except httpx.TransportError:
        return False
    return reply.status_code == 200 and reply.json()["status"] != "red"


def _tail(log: Path, lines: int = 5) -> str:
    """The log's last lines, without the frames of stack traces."""
    try:
        with log.open(encoding="utf-8", errors="replace") as text:
            last = deque((line.rstrip()[:300] for line in text if not line[:1].isspace()), maxlen=lines)
    except OSError:
        return "(no log)"
    return "\n".join(last)
