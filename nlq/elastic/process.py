"""A process that outlives this one: started in the background, known again by its number and its start time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlq.errors import ConfigError, EngineError

NOBODY = 65534

# The shell ends at once and leaves the node to init: nobody has to wait for it, and its own session survives ours.
_IN_BACKGROUND = 'log=$1; shift; "$@" >"$log" 2>&1 </dev/null & echo $!'


@dataclass(frozen=True, slots=True)
class State:
    """What the state file keeps: ``started`` is the kernel's start time, so that a reused pid is not mistaken."""

    pid: int
    started: int
    url: str

    @property
    def alive(self) -> bool:
        return started_at(self.pid) == self.started


def started_at(pid: int) -> int | None:
    """When the process started, in clock ticks since boot; None where it does not run (or has ended unreaped)."""
    stat = _stat(pid)
    return int(stat[19]) if stat and stat[0] != "Z" else None


def _stat(pid: int) -> list[str]:
    """The fields of the kernel's status line from the state on; empty where there is no such process."""
    try:
        line = Path("/proc", str(pid), "stat").read_text("utf-8", "replace")
    except OSError:
        return []
    return line.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses


def read_state(file: Path) -> State | None:
    """The state of the running process; a file that a killed one left behind counts as none."""
    try:
        state = State(**json.loads(file.read_text("utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return state if state.alive else None


def write_state(file: Path, state: State) -> None:
    half = file.with_suffix(".new")
    half.write_text(json.dumps(asdict(state)), "utf-8")
    half.replace(file)


def run_as() -> int | None:
    """The uid to run Elasticsearch as: nobody where we are root (it refuses root), else ourselves (None)."""
    return NOBODY if os.geteuid() == 0 else None


def can_enter(path: Path, uid: int | None) -> bool:
    """Whether that user can enter the folder."""
    if uid is None:
        return os.access(path, os.R_OK | os.X_OK)
    command = ["/bin/sh", "-c", 'test -x "$1"', "sh", str(path)]
    try:
        tried = subprocess.run(command, check=False, cwd="/", **_identity(uid))
    except PermissionError as exc:
        raise ConfigError(
            "Elasticsearch does not run as root and this process cannot change its user: "
            "run nlq as an ordinary user, or set NLQ_ES_URL to a running cluster."
        ) from exc
    return bool(tried.returncode == 0)


def spawn(command: Sequence[str], *, log: Path, environ: Mapping[str, str], cwd: Path, uid: int | None) -> int:
    """Start the command in a session of its own with its output in ``log``; returns its pid."""
    started = subprocess.run(
        ["/bin/sh", "-c", _IN_BACKGROUND, "sh", str(log), *command],
        env=dict(environ),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        start_new_session=True,
        check=False,
        **_identity(uid),
    )
    if started.returncode != 0:
        raise EngineError(f"Elasticsearch could not be started: {started.stderr.decode(errors='replace').strip()}")
    return int(started.stdout)


def terminate(state: State, *, patience: float) -> None:
    """End the process and wait for its whole group: politely, and by force after ``patience`` seconds."""
    try:
        group = os.getpgid(state.pid)
        os.kill(state.pid, signal.SIGTERM)  # the launcher passes it on to the server and ends before it
        if _group_ends(group, within=patience):
            return
        os.killpg(group, signal.SIGKILL)
    except ProcessLookupError:
        return
    if not _group_ends(group, within=10):
        raise EngineError(f"Elasticsearch (process group {group}) does not end: end it by hand.")


def _group_ends(group: int, *, within: float) -> bool:
    deadline = time.monotonic() + within
    while _group_runs(group):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


def _group_runs(group: int) -> bool:
    stats = (_stat(int(entry.name)) for entry in Path("/proc").iterdir() if entry.name.isdecimal())
    return any(stat[0] != "Z" and int(stat[2]) == group for stat in stats if stat)


def _identity(uid: int | None) -> dict[str, Any]:
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of that file; a second holder waits."""
    import fcntl

    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
