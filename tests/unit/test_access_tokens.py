"""OpenID Connect tokens, checked with the keys of a provider that this test plays."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from nlq.access.callers import Action, Caller, CredentialsError, Grant
from nlq.access.tokens import MOST_CHARS, Provider, Tokens
from nlq.errors import BackendError, ConfigError

ASK = Grant(("sales-*",), frozenset({Action.ASK}))
READ = Grant(("*",), frozenset({Action.EXAMPLES_READ}))
KEY = ec.generate_private_key(ec.SECP256R1())
OTHER = ec.generate_private_key(ec.SECP256R1())


def _jwk(key: ec.EllipticCurvePrivateKey, kid: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(jwt.algorithms.ECAlgorithm.to_jwk(key.public_key()))
    return {**found, "kid": kid, "use": "sig", "alg": "ES256"}


@dataclass(slots=True)
class Issuer:
    """Serves ``pages`` by path and counts what was asked; without pages everything is 500."""

    url: str = ""
    pages: dict[str, object] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def token(
        self, key: Any = KEY, *, algorithm: str = "ES256", kid: str = "one", without: str = "", **claims: Any
    ) -> str:
        whole = {"iss": self.url, "aud": "nlq", "sub": "ann", "exp": time.time() + 600, "scope": "sales x", **claims}
        whole.pop(without, None)
        return jwt.encode(whole, key, algorithm=algorithm, headers={"kid": kid})


@pytest.fixture
def issuer() -> Iterator[Issuer]:
    playing = Issuer()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            playing.asked.append(self.path)
            found = playing.pages.get(self.path)
            reply = json.dumps(found).encode()
            self.send_response(500 if found is None else 200)
            self.send_header("Content-Length", str(len(reply)))
            self.end_headers()
            self.wfile.write(reply)

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = threading.Thread(target=http.serve_forever, args=(0.01,))
        thread.start()
        playing.url = f"http://127.0.0.1:{http.server_port}"
        playing.pages = {
            "/.well-known/openid-configuration": {"issuer": playing.url, "jwks_uri": f"{playing.url}/keys"},
            "/keys": {"keys": [_jwk(KEY, "one")]},
        }
        yield playing
        http.shutdown()
        thread.join()


def tokens(issuer: Issuer, *, clock: Any = time.monotonic, **changes: Any) -> Tokens:
    parts: Mapping[str, Any] = {"claim": "scope", "grants": {"sales": ASK, "readers": READ}, **changes}
    return Tokens(Provider(issuer.url, "nlq", **parts), clock=clock)


def test_a_token_is_worth_the_grants_of_its_words(issuer: Issuer) -> None:
    caller = tokens(issuer).caller(issuer.token(scope="readers unknown sales"))

    assert caller == Caller("token:ann", "ann", (READ, ASK))
    assert issuer.asked == ["/.well-known/openid-configuration", "/keys"]


@pytest.mark.parametrize(
    ("claim", "claims"),
    [
        ("groups", {"groups": ["sales"]}),
        ("realm_access.roles", {"realm_access": {"roles": ["sales", 7]}}),
        ("https://example.org/roles", {"https://example.org/roles": ["sales"]}),
    ],
)
def test_the_claim_may_be_a_list_and_stand_inside_another(issuer: Issuer, claim: str, claims: dict[str, Any]) -> None:
    assert tokens(issuer, claim=claim).caller(issuer.token(**claims)).grants == (ASK,)


@pytest.mark.parametrize("claims", [{"scope": "nothing"}, {"scope": 7}, {"scope": {"sales": 1}}])
def test_a_token_without_a_known_word_may_do_nothing(issuer: Issuer, claims: dict[str, Any]) -> None:
    assert not tokens(issuer).caller(issuer.token(**claims)).may(Action)


@pytest.mark.parametrize(
    "made",
    [
        {"aud": "another"},
        {"iss": "https://another.example"},
        {"key": OTHER},
        {"kid": "two"},
        {"without": "exp"},
        {"without": "sub"},
        {"without": "aud"},
        {"nbf": 4_000_000_000},
        {"key": "s" * 64, "algorithm": "HS256"},
        {"key": None, "algorithm": "none"},
    ],
    ids=str,
)
def test_a_token_that_is_not_meant_for_this_service_or_not_signed_by_the_provider_is_refused(
    issuer: Issuer, made: dict[str, Any]
) -> None:
    with pytest.raises(CredentialsError, match="not valid here"):
        tokens(issuer).caller(issuer.token(**made))


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "x" * (MOST_CHARS + 1), "é.é.é"])
def test_what_is_no_token_is_refused_and_nobody_is_asked(issuer: Issuer, token: str) -> None:
    with pytest.raises(CredentialsError, match="not valid here"):
        tokens(issuer).caller(token)

    assert issuer.asked == []


def test_a_token_that_has_expired_says_so(issuer: Issuer) -> None:
    with pytest.raises(CredentialsError, match="expired"):
        tokens(issuer).caller(issuer.token(exp=time.time() - 60))


def test_unknown_keys_do_not_make_it_ask_the_provider_each_time(issuer: Issuer) -> None:
    asked = tokens(issuer)
    for number in range(5):
        with pytest.raises(CredentialsError):
            asked.caller(issuer.token(kid=f"made-up-{number}"))

    assert issuer.asked.count("/keys") == 1


def test_a_provider_that_is_down_is_told_and_left_alone_for_a_while(issuer: Issuer) -> None:
    moment = 0.0
    asked, pages = tokens(issuer, clock=lambda: moment), issuer.pages
    issuer.pages = {}
    for _ in range(3):
        with pytest.raises(BackendError, match="cannot be had"):
            asked.caller(issuer.token())
    assert len(issuer.asked) == 1

    issuer.pages, moment = pages, 11.0
    assert asked.caller(issuer.token()).name == "ann"


def test_a_provider_that_calls_itself_otherwise_is_not_believed(issuer: Issuer) -> None:
    issuer.pages["/.well-known/openid-configuration"] = {"issuer": "https://b.example", "jwks_uri": issuer.url}

    with pytest.raises(ConfigError, match="NLQ_OIDC_ISSUER"):
        tokens(issuer).caller(issuer.token())


def test_the_address_of_the_keys_can_be_given(issuer: Issuer) -> None:
    tokens(issuer, jwks_url=f"{issuer.url}/keys").caller(issuer.token())

    assert issuer.asked == ["/keys"]


@pytest.mark.parametrize("url", ["http://idp.example", "file:///etc/passwd", "idp.example", "https://"])
def test_a_provider_is_asked_over_tls_alone(url: str) -> None:
    with pytest.raises(ConfigError, match="https://"):
        Tokens(Provider(url, "nlq", claim="scope", grants={}))
