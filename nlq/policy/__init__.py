"""What no query may do, whatever schema accepted it and wherever it came from: a model, an example, a user.

``check_policy`` is the fence behind the schema: it needs no index and fails closed.
"""

from __future__ import annotations

from collections.abc import Collection

from nlq.policy.fields import fields_of
from nlq.policy.limits import PolicyLimits
from nlq.policy.refusal import Refusal
from nlq.policy.shape import check_shape
from nlq.policy.visit import Visit
from nlq.types import Body, Outcome

__all__ = ["PolicyLimits", "Refusal", "check_policy", "check_shape", "fields_of"]


def check_policy(
    body: Body, *, limits: PolicyLimits | None = None, fields: Collection[str] | None = None
) -> Refusal | None:
    """The first thing ``body`` may not do: one sentence with its place, the key and the fix; None where it may run.

    Sizes are checked before anything else. ``fields`` (``fields_of`` an index) confines the names of fields; without
    them only Elasticsearch's own are refused. Runs on bodies as written, before ``expressions.parameterised``.
    """
    limits = limits or PolicyLimits()
    if refusal := check_shape(body, limits=limits):
        return refusal
    reason = next(Visit(limits, fields).body(body), None)
    return Refusal(Outcome.REFUSED, reason.replace("/: ", ": ", 1)) if reason else None
