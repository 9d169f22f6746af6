"""Requests that the OpenAPI description allows, and some it does not: none is a failure of the service."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import response_schema_conformance

from api.app import create_app
from nlq.settings import Settings
from nlq.translator import Translator
from nlq.types import SamplingParams
from tests.asking import COUNT, EXAMPLE, TITLES
from tests.fakes.sampler import ScriptedSampler
from tests.fakes.store import FakeStore
from tests.support import library_engine, served

APP = create_app(
    Translator(library_engine(), ScriptedSampler([COUNT, TITLES]), FakeStore([EXAMPLE]), params=SamplingParams(n=2)),
    Settings(_env_file=None),
)
API = schemathesis.openapi.from_dict(APP.openapi())


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(APP) as url:
        yield url


@API.parametrize()
@settings(
    max_examples=5,
    deadline=None,
    derandomize=True,
    database=None,
    phases=[Phase.generate],
    suppress_health_check=list(HealthCheck),
)
def test_no_request_is_a_failure_of_the_service(url: str, case: schemathesis.Case) -> None:
    checks = [not_a_server_error, response_schema_conformance]
    case.call_and_validate(base_url=url, checks=checks)
    if "index" in case.path_parameters:  # few names that are made up are those of an index
        case.path_parameters["index"] = "library"
        case.call_and_validate(base_url=url, checks=checks)
