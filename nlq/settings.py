"""Settings of a process: environment variables with the prefix NLQ_, or a ``.env`` file in the working folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from nlq.errors import ConfigError

INDEX_NAME = r"^[a-z0-9][a-z0-9._-]{0,199}$"
"""One index that can be made: no pattern, no list, no name that is reserved."""


def default_home() -> Path:
    """Where downloads and data go without NLQ_HOME.

    Root's own home cannot be entered by the user that Elasticsearch then runs as, so root gets /var/lib/nlq.
    """
    if os.geteuid() == 0:
        return Path("/var/lib/nlq")
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "nlq"


class Settings(BaseSettings):
    """Read with ``load_settings``, never at import."""

    model_config = SettingsConfigDict(env_prefix="NLQ_", env_file=".env", extra="ignore")

    home: Path = Field(default_factory=default_home, description="Folder for downloads, the embedded node and data.")

    es_url: str | None = Field(None, description="A running cluster; without it the embedded node is used.")
    es_api_key: SecretStr | None = None
    es_user: str | None = None
    es_password: SecretStr | None = None
    es_ca: Path | None = Field(None, description="CA certificate file of the cluster.")
    es_timeout: float = Field(5.0, gt=0, le=120, description="Seconds one round of dry runs may take on the engine.")

    model: str = Field(
        "qwen2.5-coder-1.5b-instruct-q4_k_m", description="A name of `nlq models list`, a .gguf file, or a hub id."
    )
    sampler: Literal["auto", "llama", "transformers", "openai", "replay"] = "auto"
    threads: int = Field(0, ge=0, description="Threads of the CPU samplers; 0: one per core.")
    openai_url: str | None = Field(None, description="Base URL of an OpenAI-compatible server, ending in /v1.")
    openai_key: SecretStr | None = None
    replay_file: Path | None = Field(None, description="JSONL of recorded candidates for the replay sampler.")

    examples_store: Literal["sqlite", "elastic"] = Field(
        "sqlite", description="Where examples are kept: a file, or an index of the cluster that processes share."
    )
    examples_db: Path | None = Field(None, description="SQLite file; default: examples.db in home.")
    examples_index: str = Field(
        "nlq-examples", pattern=INDEX_NAME, description="The index of the examples, with examples_store elastic."
    )
    embedder: str = "sentence-transformers/all-MiniLM-L6-v2"
    shots: int = Field(3, ge=0, le=20, description="Few-shot examples retrieved for one question.")

    max_fields: int = Field(
        60, ge=5, le=1000, description="Most fields the model is shown: those nearest the question."
    )

    n: int = Field(8, ge=1, le=64, description="Most candidates for one question where the request does not say.")
    temperature: float = Field(0.8, ge=0, le=5)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    min_p: float = Field(0.0, ge=0, lt=1)
    repetition_penalty: float = Field(1.0, gt=0, le=10)
    max_tokens: int = Field(400, ge=16, le=8192)
    max_question_chars: int = Field(2000, ge=1, le=20000)
    max_results: int = Field(1000, ge=1, le=10000, description="Most hits or buckets a query may ask for.")

    host: str = "127.0.0.1"
    port: int = Field(6789, ge=0, le=65535)

    @property
    def examples_path(self) -> Path:
        return self.examples_db or self.home / "examples.db"


def load_settings(**overrides: object) -> Settings:
    """The settings of this process; raises ConfigError that names each wrong variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as exc:
        wrong = "; ".join(f"NLQ_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors())
        raise ConfigError(f"Settings are wrong: {wrong}.") from exc
