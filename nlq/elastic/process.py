"""A process that outlives this one: started in the background, known again by its number and its start time."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from nlq.errors import EngineError

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
    try:
        stat = Path("/proc", str(pid), "stat").read_text("utf-8", "replace")
    except OSError:
        return None
    fields = stat.rpartition(")")[2].split()  # the name before it may hold spaces and parentheses
    return None if fields[0] == "Z" else int(fields[19])


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
    tried = subprocess.run(["test", "-x", str(path)], check=False, cwd="/", **_identity(uid))
    return bool(tried.returncode == 0)


def spawn(command: Sequence[str], *, log: Path, environ: Mapping[str, str], cwd: Path, uid: int | None) -> int:
    """Start the command in a session of its own with its output in ``log``; returns its pid."""
    started = subprocess.run(
        ["sh", "-c", _IN_BACKGROUND, "sh", str(log), *command],
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
    """End the process and its children: politely, and by force after ``patience`` seconds."""
    for sign, seconds in ((signal.SIGTERM, patience), (signal.SIGKILL, 10.0)):
        if state.alive:
            with suppress(ProcessLookupError):
                _signal(state.pid, sign)
        deadline = time.monotonic() + seconds
        while state.alive and time.monotonic() < deadline:
            time.sleep(0.05)
        if not state.alive:
            return
    raise EngineError(f"Elasticsearch (process {state.pid}) does not end: end it by hand.")


def _signal(pid: int, sign: signal.Signals) -> None:
    # Asked politely, the launcher passes it on to the server; by force, its whole group has to go.
    if sign is signal.SIGKILL:
        os.killpg(os.getpgid(pid), sign)
    else:
        os.kill(pid, sign)


def _identity(uid: int | None) -> dict[str, Any]:
    return {} if uid is None else {"user": uid, "group": uid, "extra_groups": []}


@contextmanager
def locked(file: Path) -> Iterator[None]:
    """Hold the lock of that file; a second holder waits."""
    import fcntl

    with file.open("a") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
