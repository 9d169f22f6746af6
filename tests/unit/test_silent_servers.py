"""Servers that take a request and never answer: the wait has an end, and the error names its setting."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest

from nlq.bootstrap import load_sampler, open_engine
from nlq.errors import EngineError, SamplerError
from nlq.settings import Settings
from nlq.types import Message, Prompt, SamplingParams


@pytest.fixture
def address() -> Iterator[str]:
    """Of a server whose connections are made and never read."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"127.0.0.1:{server.getsockname()[1]}"


def test_a_silent_model_server_is_not_waited_for_longer_than_the_settings_say(address: str) -> None:
    settings = Settings(_env_file=None, sampler="openai", openai_url=f"http://{address}/v1", openai_timeout=0.2)
    sampler = load_sampler(settings)
    prompt = Prompt((), (), (Message("user", "How many?"),))

    with pytest.raises(SamplerError, match="NLQ_OPENAI_TIMEOUT"):
        list(sampler.sample(prompt, None, SamplingParams(n=2)))
    sampler.close()


def test_a_silent_elasticsearch_is_not_waited_for_longer_than_the_settings_say(address: str) -> None:
    settings = Settings(_env_file=None, es_url=f"http://{address}", es_timeout=0.2)

    with open_engine(settings) as engine, pytest.raises(EngineError, match="NLQ_ES_TIMEOUT"):
        engine.schema("movies")
