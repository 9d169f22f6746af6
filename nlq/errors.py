"""Every failure a caller can meet. Adapters translate foreign errors at their border (``raise … from exc``).

NlqError
├ ConfigError          a setting is missing or wrong; the message names the fix     HTTP 500, exit 2
├ InputError           the caller's mistake                                         HTTP 422, exit 2
│ ├ UnknownIndexError                                                               HTTP 404, exit 2
│ ├ UnknownExampleError                                                             HTTP 404, exit 2
│ └ ConflictError      it was changed meanwhile, or exists already                  HTTP 412, exit 2
├ AccessError          key missing, index not allowed                               HTTP 403, exit 2
├ BackendError         something that nlq depends on failed                         HTTP 503, exit 1
│ ├ SamplerError
│ ├ StoreError
│ ├ EngineError
│ └ OverloadedError    carries retry_after in seconds                               HTTP 429, exit 1
└ NoAnswerError        no candidate survived; carries every verdict                 HTTP 422, exit 1
"""

from __future__ import annotations

from collections.abc import Sequence

from nlq.types import Verdict


class NlqError(Exception):
    """Base of all. The message is one sentence fit to show to a user."""


class ConfigError(NlqError):
    pass


def without_extra(what: str, extra: str) -> ConfigError:
    """Of ``what``, which needs the packages of an extra."""
    return ConfigError(f"{what} needs the extra {extra}: pip install -e '.[{extra}]' in the checkout of nlq.")


class InputError(NlqError):
    pass


class UnknownIndexError(InputError):
    pass


class UnknownExampleError(InputError):
    pass


class ConflictError(InputError):
    pass


class AccessError(NlqError):
    pass


class BackendError(NlqError):
    pass


class SamplerError(BackendError):
    pass


class StoreError(BackendError):
    pass


class EngineError(BackendError):
    pass


class OverloadedError(BackendError):
    def __init__(self, message: str, *, retry_after: float) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class NoAnswerError(NlqError):
    def __init__(self, message: str, *, verdicts: Sequence[Verdict]) -> None:
        super().__init__(message)
        self.verdicts = tuple(verdicts)
