"""Settings of a process: environment variables with the prefix NLQ_, or a ``.env`` file in the working folder."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

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


def _temperatures(value: object) -> object:
    """ "0.3,0.8,1.1" as numbers."""
    if not isinstance(value, str):
        return value
    numbers = [_number(part) for part in value.split(",")] if value.strip() else []
    if not all(0 <= t <= 5 for t in numbers) or (numbers and not max(numbers)):
        raise ValueError("write numbers from 0 to 5, one of them above 0, such as 0.3,0.8,1.1")
    return numbers


def _weighted(value: object) -> object:
    """ "a:0.75,b:0.25" as pairs; a model's own name may hold colons."""
    if not isinstance(value, str):
        return value
    pairs = [part.strip().rpartition(":") for part in value.split(",")] if value.strip() else []
    if not all(name and 0 < _number(weight) < math.inf for name, _, weight in pairs):
        raise ValueError("write each model with its weight above 0, such as a:0.75,b:0.25")
    return [(name, weight) for name, _, weight in pairs]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan


class Settings(BaseSettings):
    """Read with ``load_settings``, never at import."""

    model_config = SettingsConfigDict(env_prefix="NLQ_", env_file=".env", extra="ignore")

    home: Path = Field(default_factory=default_home, description="Folder for downloads, the embedded node and data.")

    es_url: str | None = Field(None, description="A running cluster; without it the embedded node is used.")
    es_api_key: SecretStr | None = None
    es_user: str | None = None
    es_password: SecretStr | None = None
    es_ca: Path | None = Field(None, description="CA certificate file of the cluster.")
    dry_run_documents: int = Field(
        1_000_000, ge=0, description="Matches of each shard after which a dry run ends; 0: all. The answer is of all."
    )
    es_timeout: float = Field(5.0, gt=0, le=120, description="Seconds one round of dry runs may take on the engine.")
    es_pass_through: bool = Field(
        False, description="Whether callers of the service send their own credentials for the cluster."
    )

    model: str = Field(
        "qwen2.5-coder-1.5b-instruct-q4_k_m", description="A name of `nlq models list`, a .gguf file, or a hub id."
    )
    sampler: Literal["auto", "llama", "transformers", "openai", "replay"] = "auto"
    threads: int = Field(0, ge=0, description="Threads of the CPU samplers; 0: one per core.")
    weights: Literal["auto", "int8", "int4"] = Field(
        "auto", description="Bits of the weights of the transformers sampler; auto: as the device computes."
    )
    compile: Literal["auto", "on", "off"] = Field(
        "auto", description="Whether its decoding steps are compiled; auto: on CUDA, with a C compiler."
    )
    rows: int = Field(64, ge=1, le=1024, description="Most samples that it decodes together; others wait.")
    openai_url: str | None = Field(None, description="Base URL of an OpenAI-compatible server, ending in /v1.")
    openai_key: SecretStr | None = None
    openai_timeout: float = Field(300.0, gt=0, le=3600, description="Seconds that server may take for one request.")
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
    shot_tokens: int = Field(600, ge=0, description="About how many tokens they may take; longer ones are passed over.")
    retrieval: Literal["masked", "plain", "random"] = Field("masked", description="How examples are found.")
    retrieval_floor: float = Field(0.25, ge=-1, le=1, description="Less near examples are not shown (cosine).")
    retrieval_kinds: float = Field(0.05, ge=0, le=1, description="What an example of a like index gains.")
    retrieval_relevance: float = Field(1.0, ge=0, le=1, description="Below 1, examples unlike each other are chosen.")

    max_fields: int = Field(
        60, ge=5, le=1000, description="Most fields the model is shown: those nearest the question."
    )

    n: int = Field(8, ge=1, le=64, description="Most candidates for one question where the request does not say.")
    first_round: int = Field(4, ge=1, le=64, description="Candidates of the first round, where their number is open.")
    next_rounds: int = Field(2, ge=1, le=64, description="Candidates of each round that follows.")
    select: str = Field("best", description="The rule that chooses among candidates.")
    scorer: Path | None = Field(None, description="File of `nlq eval train`; without one the shipped scorer judges.")
    stop: str = Field("beta", description="The rule that ends sampling, where the number of candidates is open.")
    temperatures: Annotated[tuple[float, ...], NoDecode, BeforeValidator(_temperatures)] = Field(
        (), description="Dealt to the candidates in turn, in place of temperature; with commas between."
    )
    shot_groups: int = Field(1, ge=1, le=8, description="Prompts with different examples for one question.")
    shotless_share: float = Field(0.5, ge=0, le=1, description="Part of the candidates without retrieved examples.")
    ensemble: Annotated[tuple[tuple[str, float], ...], NoDecode, BeforeValidator(_weighted)] = Field(
        (), description="Models in place of `model`, each with its weight: a:0.75,b:0.25."
    )
    revise: bool = Field(False, description="Show the model two answers that are close, to write the query once more.")
    revisions: int = Field(3, ge=1, le=16, description="Queries that it then writes.")
    close: float = Field(0.6, ge=0, le=1, description="Part of the leader's votes that makes the runner-up close.")
    neighbours: int = Field(4, ge=0, le=64, description="Most edits of candidates that are tried for one question.")
    temperature: float = Field(0.5, ge=0, le=5)
    top_p: float = Field(0.95, gt=0, le=1)
    top_k: int = Field(0, ge=0)
    min_p: float = Field(0.0, ge=0, lt=1)
    repetition_penalty: float = Field(1.0, gt=0, le=10)
    max_tokens: int = Field(400, ge=16, le=8192)
    max_question_chars: int = Field(2000, ge=1, le=20000)
    max_results: int = Field(1000, ge=1, le=10000, description="Most hits or buckets a query may ask for.")

    cache_size: int = Field(256, ge=0, le=100_000, description="Answers kept to be given again; 0: none.")
    cache_seconds: float = Field(3600, gt=0, le=604_800, description="For how long each is kept.")
    cache_paraphrases: float = Field(
        0, ge=0, le=1, description="Least cosine at which another wording gets a kept answer; 0: only the same words."
    )

    unsure_below: float = Field(0.5, ge=0, le=1, description="Answers of less confidence are called unsure.")
    export_rows: int = Field(10_000, ge=1, le=1_000_000, description="Most rows of one export.")

    host: str = "127.0.0.1"
    port: int = Field(6789, ge=0, le=65535)

    auth: Literal["auto", "on", "off"] = Field("auto", description="Whether callers need a key or a token.")
    rate_per_minute: int = Field(0, ge=0, le=1_000_000, description="Requests a minute for one caller; 0: any number.")
    waiting: int = Field(8, ge=0, le=1000, description="Questions that may wait while one is sampled.")
    waiting_per_caller: int = Field(
        4, ge=1, le=1001, description="Questions of one key or token that may run or wait at a time."
    )
    cors_origins: str = Field("", description="Origins whose pages may use the API, with commas between.")
    allowed_hosts: str = Field("", description="Names of the service, with commas between, where no key is needed.")
    oidc_issuer: str = Field("", description="OpenID provider whose tokens are accepted.")
    oidc_audience: str = Field("", description="What a token's `aud` must hold.")
    oidc_claim: str = Field("scope", min_length=1, description="The claim whose words are looked up in oidc_grants.")
    oidc_grants: dict[str, dict[str, list[str]]] = Field(
        {}, description='What a word allows: {"analysts": {"indexes": ["sales-*"], "actions": ["ask", "query"]}}.'
    )
    oidc_jwks_url: str = Field("", description="Where the provider's keys are, where it does not tell by itself.")

    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_questions: bool = Field(False, description="Whether the log may hold the text of questions and their queries.")
    otel: bool = Field(False, description="Whether spans are sent over OTLP; where to, the OTEL_ variables say.")
    shutdown_seconds: int = Field(60, ge=0, le=3600, description="How long what runs may go on once told to end.")

    @field_validator("select", "stop")
    @classmethod
    def _is_a_rule(cls, name: str, info: ValidationInfo) -> str:
        from nlq.vote import RULES, STOPS

        known = RULES if info.field_name == "select" else STOPS
        if name not in known:
            raise ValueError(f"choose one of {', '.join(known)}")
        return name

    @property
    def examples_path(self) -> Path:
        return self.examples_db or self.home / "examples.db"

    @property
    def keys_path(self) -> Path:
        return self.home / "keys.db"


def load_settings(**overrides: object) -> Settings:
    """The settings of this process; raises ConfigError that names each wrong variable."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]  # pydantic checks them
    except ValidationError as exc:
        wrong = "; ".join(f"NLQ_{'_'.join(map(str, e['loc'])).upper()}: {e['msg']}" for e in exc.errors())
        raise ConfigError(f"Settings are wrong: {wrong}.") from exc
