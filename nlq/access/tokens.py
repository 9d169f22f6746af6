"""OpenID Connect: bearer tokens that an identity provider signed, by the library ``pyjwt`` (the extra ``oidc``)."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from nlq.access.callers import Caller, CredentialsError, Grant
from nlq.errors import BackendError, ConfigError, without_extra

if TYPE_CHECKING:
    from jwt import PyJWKClient

ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""Of a provider with public keys. None is symmetric: a public key must never pass for a shared secret."""

LEEWAY_SECONDS = 30
MOST_CHARS = 16_384
_TIMEOUT_SECONDS = 5.0
_QUIET_SECONDS = 10.0


@dataclass(frozen=True, slots=True)
class Provider:
    """Who signs tokens, and what they are worth here.

    ``claim`` names the claim whose words (a list, or a string with spaces between) are looked up in ``grants``; dots
    lead into nested claims. ``jwks_url`` is where the public keys are; "" asks the issuer's discovery document.
    """

    issuer: str
    audience: str
    claim: str
    grants: Mapping[str, Grant]
    jwks_url: str = ""


class Tokens:
    """Checks tokens of one provider. Its keys are fetched with the first token and kept; after a failure the provider
    is left alone for some seconds. May be used by several threads at once."""

    def __init__(self, provider: Provider, *, clock: Callable[[], float] = time.monotonic) -> None:
        """Raises ConfigError where the library is missing or an address is no safe one."""
        try:
            import jwt  # noqa: F401
        except ImportError as exc:
            raise without_extra("NLQ_OIDC_ISSUER", "oidc") from exc
        for url in (provider.issuer, provider.jwks_url):
            _check_url(url)
        self._provider = provider
        self._clock = clock
        self._lock = threading.Lock()
        self._keys: PyJWKClient | None = None
        self._down_until = 0.0

    def caller(self, token: str) -> Caller:
        """Who holds the token; raises CredentialsError where it is not valid, BackendError where the provider's keys
        cannot be had. A valid token whose claim names no grant may do nothing."""
        import jwt

        try:
            if len(token) > MOST_CHARS:
                raise jwt.InvalidTokenError
            kid = jwt.get_unverified_header(token).get("kid")
            claims = jwt.decode(
                token,
                self._key(str(kid)),
                algorithms=ALGORITHMS,
                audience=self._provider.audience,
                issuer=self._provider.issuer,
                leeway=LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud", "sub"]},
            )
        except jwt.ExpiredSignatureError as exc:
            raise CredentialsError("This token has expired: get a new one.") from exc
        except (jwt.InvalidTokenError, jwt.InvalidKeyError, ValueError) as exc:
            raise CredentialsError("This token is not valid here: get one of the right issuer and audience.") from exc
        words = _words(claims, self._provider.claim)
        grants = tuple(self._provider.grants[word] for word in words if word in self._provider.grants)
        subject = str(claims["sub"])
        return Caller(f"token:{subject}", subject[:100], grants)

    def _key(self, kid: str) -> Any:
        """The public key of that id; InvalidTokenError where the provider has none."""
        import httpx
        import jwt

        with self._lock:
            if self._clock() < self._down_until:
                raise self._unreachable()
            try:
                self._keys = self._keys or self._client()
                return self._keys.get_signing_key(kid)
            except (jwt.PyJWKClientConnectionError, jwt.PyJWKSetError, httpx.HTTPError, json.JSONDecodeError) as exc:
                self._down_until = self._clock() + _QUIET_SECONDS
                raise self._unreachable() from exc
            except jwt.PyJWKClientError as exc:
                raise jwt.InvalidTokenError from exc

    def _client(self) -> PyJWKClient:
        import jwt

        url = self._provider.jwks_url or self._discovered()
        return jwt.PyJWKClient(url, timeout=_TIMEOUT_SECONDS)

    def _discovered(self) -> str:
        """OpenID Connect Discovery 1.0, section 4: the document names its issuer, which must be ours."""
        import httpx

        address = f"{self._provider.issuer.rstrip('/')}/.well-known/openid-configuration"
        found = httpx.get(address, timeout=_TIMEOUT_SECONDS).raise_for_status().json()
        if not isinstance(found, dict) or found.get("issuer") != self._provider.issuer:
            raise ConfigError(f"The provider at {self._provider.issuer} calls itself otherwise: check NLQ_OIDC_ISSUER.")
        url = str(found.get("jwks_uri"))
        _check_url(url)
        return url

    def _unreachable(self) -> BackendError:
        return BackendError(f"The keys of {self._provider.issuer} cannot be had; no token can be checked now.")


def _check_url(url: str) -> None:
    """Keys that come over an open network could be anybody's."""
    from urllib.parse import urlsplit

    parts = urlsplit(url)
    local = parts.scheme == "http" and parts.hostname in ("localhost", "127.0.0.1", "::1")
    if url and not local and (parts.scheme != "https" or not parts.hostname):
        raise ConfigError(f"{url[:200]!r} is no address of an OpenID provider: it starts with https://.")


def _words(claims: Mapping[str, Any], claim: str) -> tuple[str, ...]:
    """The words of a claim; where no claim has the whole name, its dots lead inwards."""
    value: Any = claims.get(claim)
    if value is None:
        value = claims
        for part in claim.split("."):
            value = value.get(part) if isinstance(value, Mapping) else None
    words = value.split() if isinstance(value, str) else value if isinstance(value, list) else ()
    return tuple(dict.fromkeys(word for word in words if isinstance(word, str)))
