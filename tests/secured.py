"""A real node that asks who its callers are: started from the package that the demo uses, its data gone afterwards."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from nlq.elastic.engine import ElasticEngine
from nlq.elastic.jdk import find_jdk
from nlq.elastic.package import fetch
from nlq.elastic.process import State, can_enter, read_state, run_as, spawn, started_at, terminate, write_state

USER, PASSWORD = "admin", "not a secret: of a test's node"
_START_SECONDS = 900.0  # of a machine that does other things
_SETTINGS = """\
cluster.name: nlq-secured
discovery.type: single-node
network.host: 127.0.0.1
http.port: {port}
transport.port: 9500-9699
path.data: {base}/data
path.logs: {base}/logs
xpack.security.enabled: true
xpack.security.http.ssl.enabled: false
xpack.security.transport.ssl.enabled: false
cluster.routing.allocation.disk.threshold_enabled: false
"""
_JVM = """\
-Xms512m
-Xmx512m
-XX:TieredStopAtLevel=1
-Xlog:disable
-Xlog:all=warning:stderr
-XX:-HeapDumpOnOutOfMemoryError
"""


@dataclass(frozen=True, slots=True)
class Secured:
    """``admin`` may do everything on the node at ``url``."""

    url: str
    admin: httpx.Client

    def key(self, *indices: Mapping[str, Any], cluster: tuple[str, ...] = ()) -> tuple[str, str]:
        """The id of a new API key with these privileges, and the key as clients send it."""
        return self.key_of({"name": "test", "role_descriptors": {"test": {"cluster": cluster, "indices": indices}}})

    def key_of(self, body: Mapping[str, Any]) -> tuple[str, str]:
        """As ``key``, of a whole request to ``_security/api_key``."""
        made = self.admin.post("/_security/api_key", json=body).raise_for_status().json()
        return made["id"], made["encoded"]

    @contextmanager
    def engine(self, key: str) -> Iterator[ElasticEngine]:
        """nlq's own client with that key, patient."""
        with closing(ElasticEngine.connect(self.url, api_key=key, timeout=60)) as engine:
            yield engine


@contextmanager
def secured_node(home: Path) -> Iterator[Secured]:
    """A fresh node with the package of ``home`` (fetched first), stopped and removed at the end.

    It has a trial licence, as every cluster may have once: rights to fields and documents take one.
    """
    package, base = fetch(home), home / "tests" / "secured"
    _remove(base)  # what a killed run left
    try:
        state = _launch(package, base)
        write_state(base / "node.json", state)
        auth = (USER, PASSWORD)
        with httpx.Client(base_url=state.url, auth=auth, timeout=60, trust_env=False) as admin:
            _await(admin, state, log=base / "logs" / "console.log")
            admin.post("/_license/start_trial", params={"acknowledge": "true"}).raise_for_status()
            yield Secured(state.url, admin)
    finally:
        _remove(base)


def _remove(base: Path) -> None:
    if state := read_state(base / "node.json"):
        terminate(state, patience=30)
    shutil.rmtree(base, ignore_errors=True)


def _launch(package: Path, base: Path) -> State:
    uid, port = run_as(), _free_port()
    for name in ("data", "logs", "tmp"):
        (base / name).mkdir(parents=True)
    config = Path(shutil.copytree(package / "config", base / "config"))
    (config / "elasticsearch.yml").write_text(_SETTINGS.format(port=port, base=base), "utf-8")
    (config / "jvm.options.d").mkdir(exist_ok=True)
    (config / "jvm.options.d" / "test.options").write_text(_JVM, "utf-8")
    (config / "users").write_text(f"{USER}:{_hashed(PASSWORD)}\n", "utf-8")
    (config / "users_roles").write_text(f"superuser:{USER}\n", "utf-8")
    for place in (base, *base.rglob("*")) if uid is not None else ():
        os.chown(place, uid or 0, uid or 0)
    jdk = find_jdk(usable=lambda place: can_enter(place, uid))
    java = {"ES_JAVA_HOME": str(jdk), "ES_PATH_CONF": str(config), "ES_TMPDIR": str(base / "tmp")}
    pid = spawn(
        [str(package / "bin" / "elasticsearch")],
        log=base / "logs" / "console.log",
        environ={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "HOME": str(base / "tmp"), **java},
        cwd=base / "tmp",
        uid=uid,
    )
    return State(pid, started_at(pid) or 0, f"http://127.0.0.1:{port}")


def _hashed(password: str) -> str:
    """As the users' file has it: PBKDF2 with SHA-512. Made here, since Elasticsearch's own tool starts a JVM."""
    rounds, salt = 10_000, os.urandom(32)
    made = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, rounds, dklen=32)
    return f"{{PBKDF2}}{rounds}${base64.b64encode(salt).decode()}${base64.b64encode(made).decode()}"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(admin: httpx.Client, state: State, *, log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _answers(admin):
        if not state.alive or time.monotonic() > deadline:
            raise RuntimeError(f"The node does not answer; its log ends with:\n{log.read_text('utf-8')[-2000:]}")
        time.sleep(0.25)


def _answers(admin: httpx.Client) -> bool:
    try:
        reply = admin.get("/_cluster/health")
    except httpx.TransportError:
        return False
    return reply.status_code == 200 and reply.json()["status"] != "red"


def documented(page: Path, *, after: str) -> Any:
    """The first JSON object that a page of the docs shows after these words."""
    text = page.read_text("utf-8").partition(after)[2]
    return json.JSONDecoder().raw_decode(text[text.index("{") :])[0]
