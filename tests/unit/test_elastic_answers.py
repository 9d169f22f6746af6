"""Refusals as Elasticsearch words them."""

from __future__ import annotations

import pytest

from nlq.elastic.answers import reason_of


@pytest.mark.parametrize(
    "who",
    [
        "API key id [uBFoAKIBA02QeM6PEWyH] of user [ann]",
        "user [ann] with effective roles [reader,writer]",
        "user [ann] with effective roles [reader] (assigned roles [on indices] were not found)",
        "user [ann] run as [bo] with effective roles []",
        "service account [team/bot]",
    ],
)
@pytest.mark.parametrize(
    ("where", "granted"),
    [
        (" on indices [staff]", ", this action is granted by the index privileges [read,all]"),
        (" on restricted indices [.x]", ", this action is granted by the index privileges [all]"),
        ("", ", this action is granted by the cluster privileges [monitor,all]"),
        ("", ""),
    ],
)
def test_a_refusal_does_not_tell_whose_credentials_they_were(who: str, where: str, granted: str) -> None:
    action = "action [indices:data/read/search] is unauthorized"
    told = {"type": "security_exception", "reason": f"{action} for {who}{where}{granted}"}

    assert reason_of({"error": {"root_cause": [told], **told}, "status": 403}) == f"{action}{where}{granted}"
