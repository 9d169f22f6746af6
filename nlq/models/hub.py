"""Models of the Hugging Face hub. HF_ENDPOINT, HF_TOKEN and HF_HUB_OFFLINE mean what they mean there."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nlq.errors import ConfigError, SamplerError

_ID = re.compile(r"(?P<repo>[\w][\w.-]*/[\w][\w.-]*)(?::(?P<file>(?!.*\.\.)[\w./-]+\.gguf))?")
_WEIGHTS = ("*.json", "*.safetensors", "*.txt", "*.model", "*.jinja")
_PATIENCE = 4.0
"""Seconds to wait for the hub's first word. Its own client retries for half a minute in a closed network."""


def is_id(text: str) -> bool:
    """True for ``org/name`` and ``org/name:file.gguf``."""
    return _ID.fullmatch(text) is not None


def download(repo: str, file: str, target: Path) -> None:
    """Fetch one file into ``target``, going on where an earlier try stopped. Raises SamplerError."""
    folder = target.parent / ".hub"
    os.replace(_get(repo, file, folder / repo), target)
    shutil.rmtree(folder, ignore_errors=True)


def fetch(model: str, folder: Path) -> Path:
    """The file or folder of a hub id below ``folder``, fetched once. Raises as ``nlq.models.fetch`` does."""
    match = _ID.fullmatch(model)
    if match is None:
        raise ConfigError(f"{model!r} is no id of the hub; write org/name or org/name:file.gguf.")
    repo, file = match["repo"], match["file"]
    local = folder / repo
    if file:
        return local / file if (local / file).is_file() else _get(repo, file, local)
    marker = local / ".chosen"
    if marker.is_file() and (local / marker.read_text()).exists():
        return local / marker.read_text()
    chosen = _choose(repo)
    path = _get(repo, chosen, local) if chosen else _get_all(repo, local)
    marker.write_text(chosen)
    return path


def _choose(repo: str) -> str:
    """The GGUF file to take of a repository; "" where it has none and is taken whole."""
    from huggingface_hub import HfApi

    with _translated(repo):
        _reach()
        names = [n for n in HfApi().list_repo_files(repo) if n.endswith(".gguf")]
    preferred = [n for n in names if "q4_k_m" in n.lower()] if len(names) > 1 else names
    if names and len(preferred) != 1:
        raise ConfigError(
            f"{repo} has several models; set NLQ_MODEL={repo}:FILE with one of {', '.join(sorted(names))}."
        )
    return preferred[0] if preferred else ""


def _get(repo: str, file: str, folder: Path) -> Path:
    from huggingface_hub import hf_hub_download

    with _translated(f"{repo}:{file}"):
        _reach()
        return Path(hf_hub_download(repo, file, local_dir=folder))


def _get_all(repo: str, folder: Path) -> Path:
    from huggingface_hub import snapshot_download

    with _translated(repo):
        return Path(snapshot_download(repo, local_dir=folder, allow_patterns=list(_WEIGHTS)))


def _reach() -> None:
    """One quick request, so that a closed network is known within seconds."""
    import httpx
    from huggingface_hub import constants

    if constants.HF_HUB_OFFLINE:
        raise SamplerError("HF_HUB_OFFLINE is set.")
    httpx.head(constants.ENDPOINT, timeout=_PATIENCE)


@contextmanager
def _translated(what: str) -> Iterator[None]:
    import httpx
    from huggingface_hub import errors

    try:
        yield
    except errors.RepositoryNotFoundError as exc:
        raise SamplerError(f"{what} is not on the hub, or HF_TOKEN has no right to it.") from exc
    except errors.EntryNotFoundError as exc:
        raise SamplerError(f"{what} is not on the hub or could not be reached.") from exc
    except (errors.HfHubHTTPError, httpx.HTTPError) as exc:
        raise SamplerError(f"{what}: the hub did not answer ({type(exc).__name__}).") from exc
    except OSError as exc:
        raise SamplerError(f"{what} could not be written: {exc.strerror or exc}.") from exc
