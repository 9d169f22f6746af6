"""OpenTelemetry: one span a request, one for every stage of a question below it. Needs the extra ``otel``.

Where spans go is told by the standard variables (OTEL_EXPORTER_OTLP_ENDPOINT, OTEL_SERVICE_NAME, …). No span holds text
of a question: no query strings, no messages of errors.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from api.logs_requests import QUIET
from nlq.errors import without_extra

if TYPE_CHECKING:
    from fastapi.telemetry import TelemetryConfig
    from opentelemetry.sdk.trace import TracerProvider

OFF: TelemetryConfig = {"tracing": False, "metrics": False, "logs": False}
"""What FastAPI is told of telemetry where nobody asked for it: its own would hold query strings."""


class Tracing:
    """Spans of one application, given to ``provider``, which it owns."""

    def __init__(self, provider: TracerProvider) -> None:
        from opentelemetry.sdk.trace import Span, SpanProcessor

        class Redacted(SpanProcessor):
            """A query string can hold a question."""

            def on_start(self, span: Span, parent_context: object = None) -> None:
                if span.attributes and "url.query" in span.attributes:
                    span.set_attribute("url.query", "REDACTED")

        self._provider = provider
        provider.add_span_processor(Redacted())
        self._tracer = provider.get_tracer("nlq")

    def fastapi(self) -> TelemetryConfig:
        """The argument ``telemetry`` of FastAPI: it makes the spans of requests."""
        return {
            **OFF,
            "tracing": True,
            "tracer_provider": self._provider,
            "operation_spans": False,
            "auto_configure": False,
            "exclude": _is_quiet,
        }

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """A span from here to the end of the block, below the one of this context.

        It is no parent of others: a stage may end in another context than it began in.
        """
        from opentelemetry.trace import StatusCode

        span = self._tracer.start_span(f"nlq.{name}")
        try:
            yield
        except BaseException as exc:
            span.set_attribute("error.type", type(exc).__name__)
            span.set_status(StatusCode.ERROR)
            raise
        finally:
            span.end()

    def close(self) -> None:
        """Send what is kept back. Takes as long as the exporter's timeout at most."""
        self._provider.shutdown()


def open_tracing() -> Tracing:
    """Spans over OTLP/HTTP; ConfigError where the extra is not installed."""
    try:
        from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
        from opentelemetry.sdk.resources import SERVICE_NAME, Resource
        from opentelemetry.sdk.trace import TracerProvider
        from opentelemetry.sdk.trace.export import BatchSpanProcessor
    except ImportError as exc:
        raise without_extra("NLQ_OTEL", "otel") from exc
    name = os.environ.get("OTEL_SERVICE_NAME", "nlq")
    provider = TracerProvider(resource=Resource.create({SERVICE_NAME: name}), shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return Tracing(provider)


def _is_quiet(scope: MutableMapping[str, Any]) -> bool:
    return scope.get("path") in QUIET
