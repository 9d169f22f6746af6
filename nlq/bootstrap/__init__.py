"""The composition root: the one place that names concrete engines, samplers and stores."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

from rich.console import Console

from nlq.bootstrap.door import open_door
from nlq.caching import AnswerCache
from nlq.defaults import defaults
from nlq.errors import ConfigError, NlqError
from nlq.ports import ExampleStore, Sampler
from nlq.scoring import Judge, load_scorer
from nlq.settings import Settings
from nlq.translator import Translator

if TYPE_CHECKING:
    from pydantic import SecretStr

    from examples_db.elastic_store import ElasticStore
    from examples_db.embed import Embedder, SentenceEmbedder
    from examples_db.patterns import PatternEmbedder
    from examples_db.progress import Progress
    from examples_db.retrieve import Ranking
    from examples_db.searching import EarlierEmbedder
    from examples_db.store import SqliteStore
    from nlq.elastic.engine import ElasticEngine

    class _StoreParts(TypedDict):
        """What both stores are made of."""

        embedder: PatternEmbedder
        ranking: Ranking
        earlier: EarlierEmbedder
        on_progress: Progress


__all__ = [
    "demo_questions",
    "engine_url",
    "load_embedder",
    "load_sampler",
    "open_door",
    "open_engine",
    "open_store",
    "open_translator",
]


@contextmanager
def open_translator(
    settings: Settings,
    *,
    console: Console | None = None,
    url: Callable[[], str] | None = None,
    sampler: Sampler | None = None,
    examples: ExampleStore | None = None,
) -> Iterator[Translator]:
    """A translator on the parts that ``settings`` name, closed at the end. Downloads what is missing, with progress
    on ``console`` (default: standard error).

    A ``sampler`` or ``examples`` given is used in place of the one that is named, which is then not loaded; it stays
    the caller's to close.

    ``url`` gives the engine's address where it is still starting; it is called once the model is loaded.
    """
    console = console or Console(stderr=True)
    known = None if url else engine_url(settings)  # where there is none, that is told before the model is loaded
    if url and settings.examples_store == "elastic":  # the store needs the engine before the model is there
        known = url()
    with ExitStack() as parts:
        embedder = load_embedder(settings)
        if examples is None:
            # The embedder takes seconds to load: it does so beside the model. What fails here fails again when used.
            # It is waited for last, when the store is closed: that ends a long embedding.
            warming = parts.enter_context(ThreadPoolExecutor(1, thread_name_prefix="nlq-examples"))
            examples = parts.enter_context(closing(open_store(settings, embedder=embedder, url=known, console=console)))
            warming.submit(examples.warm)
        ensemble: list[tuple[Sampler, float]] = []
        if sampler is None:
            for model, weight in settings.ensemble or ((settings.model, 1.0),):
                named = settings.model_copy(update={"model": model})
                ensemble.append((parts.enter_context(closing(load_sampler(named, console=console))), weight))
            sampler = ensemble[0][0]
        engine = parts.enter_context(open_engine(settings, url=known or (url and url())))
        scorer = load_scorer(settings.scorer)
        yield Translator(
            engine=engine,
            sampler=sampler,
            examples=examples,
            embedder=embedder,
            samplers=tuple(ensemble) if settings.ensemble else (),
            judge=Judge(scorer),
            calibrate=scorer.confidence,
            cache=_cache(settings),
            **defaults(settings),
        )


def _cache(settings: Settings) -> AnswerCache | None:
    size, seconds, near = settings.cache_size, settings.cache_seconds, settings.cache_paraphrases
    return AnswerCache(size=size, seconds=seconds, paraphrases=near) if size else None


@contextmanager
def open_engine(settings: Settings, *, url: str | None = None) -> Iterator[ElasticEngine]:
    """The cluster at ``url`` or NLQ_ES_URL, else the embedded node where it runs; ConfigError where there is none."""
    from nlq.elastic.engine import ElasticEngine

    engine = ElasticEngine.connect(url or engine_url(settings), **_access(settings))
    try:
        yield engine
    finally:
        engine.close()


def _access(settings: Settings) -> dict[str, Any]:
    """How the cluster is reached: the same for the engine and for a store that is kept there."""
    return {
        "api_key": _secret(settings.es_api_key),
        "user": settings.es_user,
        "password": _secret(settings.es_password),
        "ca": settings.es_ca,
        "timeout": settings.es_timeout,
    }


def engine_url(settings: Settings) -> str:
    """The address of the cluster or the embedded node; ConfigError where none is named or runs."""
    from nlq.elastic import node

    if settings.es_url:
        return settings.es_url
    running = node.status(settings.home)
    if running is None:
        raise ConfigError("No Elasticsearch is running: start one with `nlq elastic start`, or set NLQ_ES_URL.")
    return running.url


def open_store(
    settings: Settings,
    *,
    embedder: SentenceEmbedder | None = None,
    url: str | None = None,
    console: Console | None = None,
) -> SqliteStore | ElasticStore:
    """The examples database, holding the seed examples. ``url`` is the engine's address where it is known already; it
    is asked only where the examples are kept there. Where many are embedded anew, ``console`` (default: standard error)
    shows how far that is."""
    from examples_db.patterns import PatternEmbedder
    from examples_db.progress import EmbeddingBar
    from examples_db.store import SqliteStore, seed

    parts: _StoreParts = {
        "embedder": PatternEmbedder(embedder or load_embedder(settings)),
        "ranking": _ranking(settings),
        "earlier": _earlier_embedder,
        "on_progress": EmbeddingBar(console or Console(stderr=True)),
    }
    store: SqliteStore | ElasticStore
    if settings.examples_store == "elastic":
        store = _elastic_store(settings, url or engine_url(settings), parts)
    else:
        store = SqliteStore.open(settings.examples_path, **parts)
    try:
        seed(store)
    except NlqError:
        store.close()
        raise
    return store


def _elastic_store(settings: Settings, url: str, parts: _StoreParts) -> ElasticStore:
    from examples_db.elastic_store import ElasticStore
    from nlq.elastic.client import client_of

    client, shown = client_of(url, **_access(settings))
    return ElasticStore.open(client, url=shown, index=settings.examples_index, **parts)


def _ranking(settings: Settings) -> Ranking:
    from examples_db.retrieve import Ranking

    return Ranking(
        mode=settings.retrieval,
        floor=settings.retrieval_floor,
        kinds=settings.retrieval_kinds,
        relevance=settings.retrieval_relevance,
    )


def _earlier_embedder(id_: str) -> Embedder | None:
    """The embedder whose vectors are stored, where its weights are still on this disk: it serves until the new one
    can."""
    from examples_db.embed import SentenceEmbedder
    from examples_db.patterns import PatternEmbedder

    plain = id_.partition("+")[0]  # what follows is how patterns were embedded
    try:
        embedder = SentenceEmbedder.load(plain.rpartition("@")[0], download=False)
    except ConfigError:
        return None
    return next((e for e in (embedder, PatternEmbedder(embedder)) if e.id == id_), None)


def load_embedder(settings: Settings) -> SentenceEmbedder:
    """The embedder of ``settings``; its weights are read when the first text is encoded."""
    from examples_db.embed import SentenceEmbedder

    return SentenceEmbedder.load(settings.embedder)


def load_sampler(settings: Settings, *, console: Console | None = None) -> Sampler:
    """The sampler that ``settings.sampler`` names; "auto" is openai where a URL is set, transformers on CUDA, else
    llama.cpp."""
    kind = settings.sampler
    if kind == "auto":
        kind = "openai" if settings.openai_url else "transformers" if _has_cuda() else "llama"
    loaders = {"llama": _llama, "transformers": _transformers, "openai": _openai, "replay": _replay}
    return loaders[kind](settings, console or Console(stderr=True))


def _llama(settings: Settings, console: Console) -> Sampler:
    from nlq.models import fetch
    from nlq.samplers.llama import LlamaSampler

    model = fetch(settings.model, settings.home, console=console)
    return LlamaSampler.load(model, threads=settings.threads, heads=settings.home / "heads")


def _transformers(settings: Settings, console: Console) -> Sampler:
    from nlq.models import CATALOG, fetch
    from nlq.samplers.transformers_ import TransformersSampler

    in_catalog = settings.model in CATALOG
    model: str | Path = fetch(settings.model, settings.home, console=console) if in_catalog else settings.model
    compiled = {"auto": None, "on": True, "off": False}[settings.compile]
    return TransformersSampler.load(model, weights=settings.weights, rows=settings.rows, compiled=compiled)


def _openai(settings: Settings, console: Console) -> Sampler:
    from nlq.samplers.openai import OpenAISampler

    del console
    if not settings.openai_url:
        raise ConfigError("NLQ_SAMPLER=openai needs NLQ_OPENAI_URL, the server's base URL ending in /v1.")
    key, timeout = _secret(settings.openai_key), settings.openai_timeout
    return OpenAISampler(settings.openai_url, model=settings.model, key=key, timeout=timeout)


def _replay(settings: Settings, console: Console) -> Sampler:
    from nlq.samplers.replay import ReplaySampler

    del console
    if settings.replay_file is None:
        raise ConfigError("NLQ_SAMPLER=replay needs NLQ_REPLAY_FILE, a JSONL file of recorded candidates.")
    return ReplaySampler(settings.replay_file)


def _has_cuda() -> bool:
    """Asked of the driver's device file first: importing torch takes seconds."""
    if not os.path.exists("/dev/nvidiactl"):
        return False
    import torch

    return torch.cuda.is_available()


def _secret(value: SecretStr | None) -> str | None:
    return value.get_secret_value() if value else None


def demo_questions() -> dict[str, tuple[str, ...]]:
    """Questions that the page offers for the demo indices."""
    from nlq.demo import DEMOS

    return {demo.name: tuple(demo.questions) for demo in DEMOS}
