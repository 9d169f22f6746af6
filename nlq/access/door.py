"""The way in: which credentials are accepted, and when none is needed."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from nlq.access.callers import ANYONE, Caller, CredentialsError
from nlq.access.keys import PREFIX, KeyStore
from nlq.access.tokens import Tokens
from nlq.errors import ConfigError
from nlq.types import Example

Auth = Literal["auto", "on", "off"]


def _nothing(example: Example) -> bool:
    del example
    return False


@dataclass(frozen=True, slots=True)
class Door:
    """Without ``keys`` and ``tokens`` it is open. ``shipped`` tells the examples that everybody may be shown."""

    keys: KeyStore | None = None
    tokens: Tokens | None = None
    shipped: Callable[[Example], bool] = _nothing

    @property
    def locked(self) -> bool:
        return self.keys is not None or self.tokens is not None

    def caller(self, credential: str | None) -> Caller:
        """Who shows this key or token; raises CredentialsError, or BackendError where that cannot be told."""
        if not self.locked:
            return ANYONE
        if not credential:
            raise CredentialsError("Send a key: `Authorization: Bearer …` or `X-API-Key: …`.")
        if self.keys is not None and credential.startswith(PREFIX):
            return self.keys.caller(credential)
        if self.tokens is not None:
            return self.tokens.caller(credential)
        raise CredentialsError("This is no key of this service: they start with nlq_.")


def is_loopback(host: str) -> bool:
    """Whether only this machine reaches what listens on ``host``."""
    address = _address(host)
    return host == "localhost" if address is None else address.is_loopback


def is_address(host: str) -> bool:
    """Whether it is a number, not a name."""
    return _address(host) is not None


def _address(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return None


def needed(auth: Auth, *, host: str, keys: KeyStore, tokens: bool) -> bool:
    """Whether callers must show who they are: "auto" wants it where others reach ``host``, and as soon as there was a
    key or a provider of ``tokens``.

    Raises ConfigError where it is wanted and nobody could: no service listens open by accident.
    """
    known = tokens or bool(keys.all())
    if auth == "off" or (auth == "auto" and not known and is_loopback(host)):
        return False
    if not known:
        where = "NLQ_AUTH=on" if is_loopback(host) else f"others reach {host}"
        raise ConfigError(
            f"There is no key, and {where}: make one with `nlq keys add`, or say --no-auth to let everybody in."
        )
    return True
