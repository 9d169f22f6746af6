"""Who may use a service, as the settings say."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from nlq.errors import ConfigError, InputError
from nlq.settings import Settings

if TYPE_CHECKING:
    from nlq.access.door import Door
    from nlq.access.tokens import Tokens
    from nlq.types import Example


def open_door(settings: Settings) -> Door:
    """Who may use the service; raises ConfigError where others could reach it and nobody could show a key."""
    from nlq.access.door import Door, needed
    from nlq.access.keys import KeyStore

    keys = KeyStore(settings.keys_path)
    if not needed(settings.auth, host=settings.host, keys=keys, tokens=bool(settings.oidc_issuer)):
        return Door(shipped=_shipped())
    return Door(keys, _tokens(settings), shipped=_shipped())


def _tokens(settings: Settings) -> Tokens | None:
    from nlq.access.callers import Grant, checked_actions, checked_patterns
    from nlq.access.tokens import Provider, Tokens

    if not settings.oidc_issuer:
        return None
    if not settings.oidc_audience:
        raise ConfigError("NLQ_OIDC_ISSUER needs NLQ_OIDC_AUDIENCE, what the provider calls this service.")
    try:
        grants = {
            word: Grant(checked_patterns(grant.get("indexes", ())), checked_actions(grant.get("actions", ())))
            for word, grant in settings.oidc_grants.items()
        }
    except InputError as exc:
        raise ConfigError(f"NLQ_OIDC_GRANTS: {exc}") from exc
    return Tokens(
        Provider(
            settings.oidc_issuer,
            settings.oidc_audience,
            claim=settings.oidc_claim,
            grants=grants,
            jwks_url=settings.oidc_jwks_url,
        )
    )


def _shipped() -> Callable[[Example], bool]:
    """Tells the examples that come with nlq, read when it is first asked."""
    from examples_db.seeding import SEEDS, read_seeds
    from nlq.json_schema import minified

    @cache
    def known() -> frozenset[tuple[str, str, str]]:
        return frozenset((e.question, e.index, minified(e.query)) for e in read_seeds(SEEDS))

    return lambda example: (example.question, example.index, minified(example.query)) in known()
