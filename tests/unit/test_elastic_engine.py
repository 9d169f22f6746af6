"""The border to Elasticsearch against a server of canned answers: what goes out, and what errors become."""

from __future__ import annotations

import json
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs

import pytest

from nlq.elastic.engine import ElasticEngine
from nlq.errors import AccessError, ConfigError, EngineError, InputError, NlqError
from nlq.types import Body, Failure, Field, Outcome, Result

PRODUCT = {"X-Elastic-Product": "Elasticsearch", "Content-Type": "application/json"}
FACTS = {
    "/_nodes": {"nodes": {"a": {"modules": [{"name": "x"}, {"name": "y"}]}, "b": {"plugins": [{"name": "x"}]}}},
    "/": {"version": {"number": "9.4.3"}},
}
HIT_NOTHING = {"hits": {"total": {"value": 0, "relation": "eq"}, "hits": []}, "took": 1, "timed_out": False}


@dataclass(slots=True)
class Server:
    """Answers requests by the start of their path, else with ``body``, and keeps what it was sent.

    A path in ``forbidden`` gets status 403.
    """

    url: str = ""
    status: int = 200
    body: str = "{}"
    routes: dict[str, object] = field(default_factory=dict)
    forbidden: tuple[str, ...] = ()
    headers: dict[str, str] = field(default_factory=lambda: dict(PRODUCT))
    seen: list[tuple[str, dict[str, str], str]] = field(default_factory=list)


@pytest.fixture
def server() -> Iterator[Server]:
    canned = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent = self.rfile.read(int(self.headers.get("Content-Length") or 0)).decode()
            canned.seen.append((f"{self.command} {self.path}", dict(self.headers), sent))
            routed = [reply for path, reply in canned.routes.items() if self.path.startswith(path)]
            reply = (json.dumps(routed[0]) if routed else canned.body).encode()
            self.send_response(403 if self.path.partition("?")[0] in canned.forbidden else canned.status)
            for name, value in (canned.headers | {"Content-Length": str(len(reply))}).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply)

        do_GET = do_POST

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        canned.url = f"http://127.0.0.1:{http.server_port}"
        yield canned
        http.shutdown()
        thread.join()


@pytest.fixture
def engine(server: Server) -> Iterator[ElasticEngine]:
    connected = ElasticEngine.connect(server.url, api_key="c2VjcmV0", timeout=5)
    yield connected
    connected.close()


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (401, AccessError("NLQ_ES_API_KEY")),
        (403, AccessError("not allowed")),
        (429, EngineError("overloaded")),
        (500, EngineError("failed: broken")),
        (503, EngineError("failed: broken")),
    ],
)
def test_a_status_becomes_an_error_of_ours(server: Server, engine: ElasticEngine, status: int, error: NlqError) -> None:
    server.status, server.body = status, json.dumps({"error": {"type": "x", "reason": "broken"}, "status": status})

    with pytest.raises(type(error), match=str(error)) as caught:
        engine.mapping("films")

    assert "c2VjcmV0" not in str(caught.value)


def test_what_is_no_elasticsearch_is_said_to_be_none(server: Server, engine: ElasticEngine) -> None:
    server.headers = {"Content-Type": "application/json"}

    with pytest.raises(EngineError, match="is no Elasticsearch: check NLQ_ES_URL"):
        engine.info()


def test_an_answer_that_is_no_json_is_an_engine_error(server: Server, engine: ElasticEngine) -> None:
    server.body = "<html>"

    with pytest.raises(EngineError, match="no JSON"):
        engine.info()


def test_a_cluster_that_hides_its_modules_has_no_known_features(server: Server, engine: ElasticEngine) -> None:
    server.status, server.body = 403, json.dumps({"error": {"reason": "action is unauthorized"}, "status": 403})

    assert engine._features() == frozenset()


def test_the_clusters_warnings_stay_out_of_ours(server: Server, engine: ElasticEngine) -> None:
    server.headers["Warning"] = '299 Elasticsearch-9 "this query is deprecated"'
    server.body = json.dumps({"responses": [HIT_NOTHING]})

    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        engine.search("films", [{}], timeout=5)

    assert not seen


def test_requests_ask_for_plain_json_that_older_clusters_know(server: Server, engine: ElasticEngine) -> None:
    server.body = json.dumps({"responses": [HIT_NOTHING]})

    engine.search("films", [{}], timeout=5)

    [(_, headers, _)] = server.seen
    sent = {name.lower(): value for name, value in headers.items()}
    assert sent["content-type"] == "application/x-ndjson"
    assert sent["accept"] == "application/json"
    assert sent["authorization"] == "ApiKey c2VjcmV0"


def test_bodies_go_out_in_one_msearch_as_they_are_but_for_a_timeout(server: Server, engine: ElasticEngine) -> None:
    server.body = json.dumps({"responses": [HIT_NOTHING] * 2})
    bodies: list[Body] = [{"query": {"match_all": {}}}, {"timeout": "1ms", "size": 0}]

    engine.search("films", bodies, timeout=1.5)

    [(request, _, sent)] = server.seen
    assert request.startswith("POST /films/_msearch?")
    assert [json.loads(line) for line in sent.splitlines()] == [
        {},
        {"timeout": "1500ms", "query": {"match_all": {}}},
        {},
        {"timeout": "1ms", "size": 0},
    ]


def test_items_become_results_and_failures(server: Server, engine: ElasticEngine) -> None:
    refused = {"error": {"root_cause": [{"reason": "no\nsense " * 200}], "reason": "all shards failed"}, "status": 400}
    untracked = {"hits": {"hits": [{"_id": "1", "_index": "films", "_score": 1.0, "_source": {}}]}, "timed_out": False}
    server.body = json.dumps({"responses": [refused, HIT_NOTHING | {"timed_out": True}, untracked]})

    outcomes = engine.search("films", [{}, {}, {}], timeout=5)

    assert [type(outcome) for outcome in outcomes] == [Failure, Failure, Result]
    assert [outcome.outcome for outcome in outcomes if isinstance(outcome, Failure)] == [
        Outcome.REJECTED,
        Outcome.TIMED_OUT,
    ]
    assert isinstance(outcomes[0], Failure)
    assert isinstance(outcomes[2], Result)
    assert len(outcomes[0].reason) == 500
    assert "\n" not in outcomes[0].reason
    assert outcomes[2].total == 1


def test_an_item_that_credentials_forbid_is_a_permission_error(server: Server, engine: ElasticEngine) -> None:
    server.body = json.dumps({"responses": [{"error": {"type": "security_exception", "reason": "no"}, "status": 403}]})

    with pytest.raises(AccessError, match="not allowed to search 'films'"):
        engine.search("films", [{}], timeout=5)


def test_a_data_stream_is_listed_by_its_name_and_the_rest_by_theirs(server: Server, engine: ElasticEngine) -> None:
    server.routes = {
        "/_resolve/index": {
            "indices": [{"name": "films"}, {"name": ".hidden"}],
            "aliases": [{"name": "Everything", "indices": ["films", ".ds-logs-1"]}],
            "data_streams": [{"name": "logs", "backing_indices": [".ds-logs-1", ".ds-logs-2"]}],
        },
        "/_mapping": {".ds-logs-2": {"mappings": {"_meta": {"description": "What happened"}}}},
        "/_msearch": {"responses": [HIT_NOTHING, HIT_NOTHING, {"error": {"type": "index_closed_exception"}}]},
    }

    assert [(info.name, info.about) for info in engine.indexes()] == [("Everything", ""), ("films", "")]

    server.routes["/_msearch"] = {"responses": [HIT_NOTHING] * 3}

    assert engine.indexes()[2].about == "What happened"


def test_a_data_streams_mapping_is_the_union_of_its_backing_indices(server: Server, engine: ElasticEngine) -> None:
    old, new = {"level": {"type": "text"}, "host": {"type": "ip"}}, {"level": {"type": "keyword"}}
    server.routes = {
        "/logs/_mapping": {
            ".ds-logs-000002": {"mappings": {"properties": new}},
            ".ds-logs-000001": {"mappings": {"properties": old}},
        },
        **FACTS,
    }

    schema = engine.schema("logs")

    assert set(schema.fields) == {
        Field("level", "text", aggregatable=False, partial=True),
        Field("host", "ip", partial=True),
    }
    assert (schema.features, schema.version) == ({"x"}, "9.4.3")
    assert engine.mapping("logs") == {"properties": {"level": {"type": "keyword"}, "host": {"type": "ip"}}}


def test_the_cluster_tells_what_it_is_once_in_five_minutes(server: Server) -> None:
    now = [0.0]
    engine = ElasticEngine.connect(server.url, clock=lambda: now[0])
    server.routes = {"/logs/_mapping": {}, **FACTS}

    asked = []
    for now[0] in (0.0, 300.0, 301.0):
        engine.schema("logs")
        asked.append(sum(path.startswith("GET /_nodes") for path, _, _ in server.seen))
    engine.close()

    assert asked == [1, 1, 2]


def test_an_index_can_be_read_where_the_cluster_tells_nothing_of_itself(server: Server, engine: ElasticEngine) -> None:
    server.routes = {"/logs/_mapping": {"logs": {"mappings": {}}}, **FACTS}
    server.forbidden = ("/", "/_nodes/plugins")

    schema = engine.schema("logs")

    assert (schema.features, schema.version) == (frozenset(), "")


@pytest.mark.parametrize(
    ("name", "path"),
    [("logs-*", "/logs-*/"), ("*", "/*/"), ("a,b-*", "/a,b-*/"), ("naïve%2F", "/na%C3%AFve%252F/")],
)
def test_a_pattern_is_one_part_of_the_url_and_opens_no_hidden_index(
    server: Server, engine: ElasticEngine, name: str, path: str
) -> None:
    server.routes = {
        f"{path}_mapping": {"b-1": {"mappings": {}}},
        f"{path}_msearch": {"responses": [HIT_NOTHING]},
        **FACTS,
    }

    engine.schema(name)
    engine.search(name, [{}], timeout=5)

    sent = [request.partition(" ")[2].partition("?") for request, _, _ in server.seen]
    queries = {place: parse_qs(query) for place, _, query in sent if place.startswith(path)}
    assert set(queries) == {f"{path}_mapping", f"{path}_msearch"}
    for query in queries.values():
        assert (query["expand_wildcards"], query["allow_no_indices"]) == (["open"], ["false"])


def test_a_bad_name_is_never_sent(server: Server, engine: ElasticEngine) -> None:
    for name in ("../films", "*,-a", "a,,b", "_all", ".security", "a,.b", "other:a", "<a-{now/d}>"):
        for ask in (engine.mapping, engine.schema, lambda name: engine.search(name, [{}], timeout=5)):
            with pytest.raises(InputError):
                ask(name)
    for name in ("a*", "a,b"):
        with pytest.raises(InputError):
            engine.add(name, [("1", {})])

    assert not server.seen


@pytest.mark.parametrize("url", ["", "localhost:9200", "http://", "http://host:99999", "ftp://host:1", "http://[::1"])
def test_a_url_that_is_none_is_a_config_error(url: str) -> None:
    with pytest.raises(ConfigError, match="NLQ_ES_URL"):
        ElasticEngine.connect(url)


def test_two_kinds_of_credentials_are_a_config_error() -> None:
    with pytest.raises(ConfigError, match="not both"):
        ElasticEngine.connect("http://localhost:9200", api_key="key", user="me", password="hidden")
    with pytest.raises(ConfigError, match="take one of them out") as caught:
        ElasticEngine.connect("http://me:hidden@localhost:9200", api_key="key")

    assert "hidden" not in str(caught.value)


def test_a_ca_file_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"ca\.pem: check NLQ_ES_CA"):
        ElasticEngine.connect("https://localhost", ca=tmp_path / "ca.pem")


def test_a_callers_credentials_take_the_place_of_the_services_own(server: Server, engine: ElasticEngine) -> None:
    server.routes = {"/_nodes": {"nodes": {}}, "/": {"version": {"number": "9.4.3"}}}
    own = ElasticEngine.connect(server.url.replace("//", "//elastic:secret@"))
    for each in (engine, engine.as_caller("ApiKey ann"), own.as_caller("Bearer bo"), engine):
        each.info()
    own.close()
    sent = [headers["authorization"] for line, headers, _ in server.seen if line == "GET /"]

    assert sent == ["ApiKey c2VjcmV0", "ApiKey ann", "Bearer bo", "ApiKey c2VjcmV0"]


def test_what_is_behind_a_name_are_indices_and_data_streams(server: Server, engine: ElasticEngine) -> None:
    server.body = json.dumps(
        {
            "indices": [{"name": "films", "aliases": ["all"], "attributes": ["open"]}],
            "aliases": [{"name": "all", "indices": ["films", "logs"]}, {"name": "one", "indices": "films"}],
            "data_streams": [{"name": "logs", "backing_indices": [".ds-logs-1"], "timestamp_field": "@timestamp"}],
        }
    )

    assert engine.behind("f*,all,one,logs") == {
        "films": {"films"},
        "logs": {"logs"},
        "all": {"films", "logs"},
        "one": {"films"},
    }
    assert server.seen[-1][0].endswith("/_resolve/index/f*,all,one,logs?expand_wildcards=open")


def test_there_is_nothing_behind_a_name_that_is_not_there(server: Server, engine: ElasticEngine) -> None:
    server.status = 404
    server.body = json.dumps({"error": {"type": "index_not_found_exception", "reason": "no such index"}, "status": 404})

    assert engine.behind("nowhere") == {}
