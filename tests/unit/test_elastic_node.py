"""The embedded node without starting one: which Java, which files, whose process."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from rich.console import Console

from nlq.elastic import node, package
from nlq.elastic.jdk import find_jdk, is_full_jdk
from nlq.elastic.process import State, locked, read_state, spawn, started_at, terminate, write_state
from nlq.errors import ConfigError, EngineError

MODULES = "java.base jdk.attach jdk.jlink jdk.incubator.vector"


def make_jdk(home: Path, version: str, *, modules: str = MODULES) -> Path:
    (home / "bin").mkdir(parents=True)
    (home / "bin" / "java").touch(mode=0o755)
    (home / "release").write_text(f'IMPLEMENTOR="x"\nJAVA_VERSION="{version}"\nMODULES="{modules}"\n', "utf-8")
    return home


def test_the_first_jdk_that_is_new_enough_is_taken(tmp_path: Path) -> None:
    old, new = make_jdk(tmp_path / "old", "17.0.15"), make_jdk(tmp_path / "new", "21.0.2")

    found = find_jdk({"NLQ_JAVA_HOME": str(old), "JAVA_HOME": str(new), "PATH": ""}, places=())

    assert found == new


def test_the_java_on_the_path_is_followed_home(tmp_path: Path) -> None:
    jdk = make_jdk(tmp_path / "jdk", "25")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "java").symlink_to(jdk / "bin" / "java")

    assert find_jdk({"PATH": str(tmp_path / "bin")}, places=()) == jdk


def test_of_the_usual_places_the_newest_counts(tmp_path: Path) -> None:
    for version in ("9", "21.0.1", "25.0.3"):
        make_jdk(tmp_path / f"jdk-{version}", version)

    assert find_jdk({"PATH": ""}, places=(f"{tmp_path}/jdk-*",)).name == "jdk-25.0.3"


def test_a_jdk_whose_modules_lie_in_jmods_is_full(tmp_path: Path) -> None:
    jdk = make_jdk(tmp_path / "jdk", "21", modules="")
    (jdk / "jmods").mkdir()
    for module in MODULES.split():
        (jdk / "jmods" / f"{module}.jmod").touch()

    assert is_full_jdk(jdk)


def test_a_runtime_without_the_tools_is_no_jdk(tmp_path: Path) -> None:
    jre = make_jdk(tmp_path / "jre", "25", modules="java.base")

    with pytest.raises(ConfigError, match=r"JDK 21 or newer.*NLQ_JAVA_HOME"):
        find_jdk({"JAVA_HOME": str(jre), "PATH": ""}, places=())


def test_a_jdk_that_the_nodes_user_cannot_enter_is_passed_over(tmp_path: Path) -> None:
    closed, free = make_jdk(tmp_path / "closed", "25"), make_jdk(tmp_path / "free", "21")

    found = find_jdk(
        {"ES_JAVA_HOME": str(closed), "JAVA_HOME": str(free), "PATH": ""},
        places=(),
        usable=lambda place: place != closed,
    )

    assert found == free


def test_only_what_the_node_needs_is_unpacked() -> None:
    top = "sonarqube-26"

    assert str(package.place_of(f"{top}/elasticsearch/lib/server.jar")) == "lib/server.jar"
    assert str(package.place_of(f"{top}/bin/elasticsearch")) == "bin/elasticsearch"
    for name in ("lib/sonar.jar", "bin/sonar.sh", "elasticsearch/bin/elasticsearch.bat", "elasticsearch/lib/"):
        assert package.place_of(f"{top}/{name}") is None
    assert package.place_of(f"{top}/elasticsearch/../../etc/passwd") is None


def make_archive(file: Path, *, broken: bool = False) -> None:
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("s/bin/elasticsearch", "#!/bin/bash\n")
        archive.writestr("s/elasticsearch/lib/server.jar", "jar")
        archive.writestr("s/elasticsearch/lib/tools/server-launcher/server-launcher", "arm64")
        archive.writestr("s/lib/other.jar", "other")
    if broken:
        file.write_bytes(file.read_bytes().replace(b"arm64", b"ARM64"))  # its checksum is wrong now


def pin(monkeypatch: pytest.MonkeyPatch, archive: Path) -> None:
    monkeypatch.setattr(package, "ARCHIVE_BYTES", archive.stat().st_size)
    monkeypatch.setattr(package, "ARCHIVE_SHA256", hashlib.sha256(archive.read_bytes()).hexdigest())


def test_fetching_unpacks_once_and_keeps_no_archive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    archive = package.folder(tmp_path) / package.ARCHIVE
    archive.parent.mkdir()
    make_archive(archive)
    pin(monkeypatch, archive)
    console = Console(file=(tmp_path / "out").open("w"))

    first = node.fetch(tmp_path, console=console)
    second = node.fetch(tmp_path, console=console)
    console.file.close()

    files = {str(file.relative_to(first)): file.stat().st_mode & 0o777 for file in first.rglob("*") if file.is_file()}
    assert first == second
    assert files == {
        "bin/elasticsearch": 0o755,
        "lib/server.jar": 0o644,
        "lib/tools/server-launcher/server-launcher": 0o644,
    }
    assert [path.name for path in package.folder(tmp_path).iterdir()] == [first.name]


def test_an_archive_with_another_checksum_is_not_unpacked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    archive = package.folder(tmp_path) / package.ARCHIVE
    archive.parent.mkdir()
    make_archive(archive)
    monkeypatch.setattr(package, "ARCHIVE_BYTES", archive.stat().st_size)

    with (tmp_path / "out").open("w") as out, pytest.raises(ConfigError, match="`mvn` is not on the PATH"):
        node.fetch(tmp_path, console=Console(file=out))


def test_an_archive_that_breaks_off_leaves_nothing_half(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    archive = package.folder(tmp_path) / package.ARCHIVE
    archive.parent.mkdir()
    make_archive(archive, broken=True)
    pin(monkeypatch, archive)

    with (tmp_path / "out").open("w") as out, pytest.raises(EngineError, match="cannot be unpacked"):
        node.fetch(tmp_path, console=Console(file=out))

    assert not list(package.folder(tmp_path).iterdir())


def script(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text(f"#!/bin/sh\n{text}\n", "utf-8")
    place.chmod(0o755)


def test_maven_that_fails_is_quoted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    script(tmp_path / "bin" / "mvn", "echo '[ERROR] Could not resolve sonar'; exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))

    with (tmp_path / "out").open("w") as out, pytest.raises(EngineError, match="Could not resolve sonar"):
        node.fetch(tmp_path, console=Console(file=out))

    assert not list(package.folder(tmp_path).iterdir())


def test_a_process_is_known_by_its_start_time(tmp_path: Path) -> None:
    own = State(os.getpid(), started_at(os.getpid()) or 0, "http://127.0.0.1:1")
    reused = State(os.getpid(), own.started - 1, own.url)

    write_state(tmp_path / "node.json", own)
    assert read_state(tmp_path / "node.json") == own

    write_state(tmp_path / "node.json", reused)
    assert read_state(tmp_path / "node.json") is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"pid": 1}', '{"pid": 1, "started": 2, "url": "", "x": 3}'])
def test_a_broken_state_file_counts_as_none(tmp_path: Path, content: str) -> None:
    (tmp_path / "elasticsearch").mkdir()
    (tmp_path / "elasticsearch" / "node.json").write_text(content, "utf-8")

    assert node.status(tmp_path) is None
    assert node.stop(tmp_path) is False
    assert not (tmp_path / "elasticsearch" / "node.json").exists()


def test_a_home_that_was_never_used_has_no_node(tmp_path: Path) -> None:
    assert node.status(tmp_path) is None
    assert node.stop(tmp_path) is False
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("stubborn", [False, True], ids=["polite", "stubborn"])
def test_a_background_process_ends_with_its_children(tmp_path: Path, stubborn: bool) -> None:
    trap = "trap '' TERM; " if stubborn else ""
    pid = spawn(
        ["sh", "-c", f"{trap}sleep 600.0625 & echo up; wait; wait"],
        log=tmp_path / "log",
        environ={"PATH": os.environ["PATH"]},
        cwd=tmp_path,
        uid=None,
    )
    state = State(pid, started_at(pid) or 0, "")
    while "up" not in (tmp_path / "log").read_text("utf-8"):
        pass

    terminate(state, patience=0.2)

    assert not state.alive
    assert not _running(b"sleep 600.0625")


def _running(command: bytes) -> bool:
    lines = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        with contextlib.suppress(OSError):  # ended meanwhile
            lines.append(place.read_bytes().replace(b"\0", b" ").strip())
    return command in lines


def test_a_second_holder_of_the_lock_waits(tmp_path: Path) -> None:
    waiter = (
        "import sys; from pathlib import Path; from nlq.elastic.process import locked\n"
        "print('trying', flush=True)\n"
        "with locked(Path(sys.argv[1])): print('held', flush=True)"
    )
    with locked(tmp_path / "lock"):
        other = subprocess.Popen([sys.executable, "-c", waiter, str(tmp_path / "lock")], stdout=subprocess.PIPE)
        assert other.stdout is not None
        assert other.stdout.readline() == b"trying\n"
        assert other.poll() is None
    output, _ = other.communicate(timeout=30)

    assert output == b"held\n"


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs the node as another user")
def test_a_home_that_the_nodes_user_cannot_enter_is_a_config_error(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)

    with pytest.raises(ConfigError, match="NLQ_HOME"):
        node.start(tmp_path / "closed" / "home")
