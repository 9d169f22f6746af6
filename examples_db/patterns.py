"""Vectors of patterns: near where two questions ask for the same kind of query, whatever they ask it of.

Sentence embedders see topics first: "how many films …" is nearest to other questions about films and songs. So a
pattern is embedded twice, once as it is and once as its skeleton, in which every run of words that only name things is
"thing": "top [number] thing by thing". Both vectors stand in one, so that an inner product weighs their cosines.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from examples_db.embed import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SKELETON_SHARE = 0.65
"""How much of the cosine the skeletons make: measured, see benchmarks/results/retrieval.md."""

_VERSION = 1  # part of the id: a change of the words below makes other vectors
_THING = "thing"
_TOKEN = re.compile(r"\[\w+\]|[\w'’-]+|[?,:;]")
_HIGHEST = re.compile(r"[a-z]{3,}est")
_NO_SUPERLATIVES = frozenset(
    "west northwest southwest guest request interest test contest protest forest harvest rest".split()
)
_KEPT = frozenset(
    "a an the of in on at by for with without to from and or not no nor neither than is are was were be been being has "
    "have had do does did there their its it that which who whose whom what when where how many much number count "
    "total sum average avg mean median lowest highest largest smallest most least fewest top best worst maximum "
    "minimum max min per each every all any some more less fewer over under above below between at least exactly only "
    "different distinct unique first last latest oldest newest earliest before after since until during year month "
    "day week quarter list show give name names find get me tell display sorted order ordered alphabetical ascending "
    "descending contain contains containing mention mentions mentioning about called named starting starts start "
    "begin begins beginning ending end phrase word words text share percentage percent ratio difference group grouped "
    "both either same also other others missing known unknown exist near nearest within km miles closest older "
    "younger longer shorter higher lower greater bigger smaller equal common commonly often rarest recent long old "
    "large big high low few several two three one ten".split()
)
"""Words that say what kind of query is asked for."""


def skeleton(pattern: str) -> str:
    """The pattern with all but its structure masked. A skeleton's skeleton is itself."""
    out: list[str] = []
    for token in _TOKEN.findall(pattern.lower()):
        word = _plain(token)
        if word != _THING or out[-1:] != [_THING]:
            out.append(word)
    return " ".join(out)


def _plain(token: str) -> str:
    if token.startswith("[") or token in _KEPT or not token[0].isalnum():
        return token
    return "highest" if _HIGHEST.fullmatch(token) and token not in _NO_SUPERLATIVES else _THING


def plain(embedder: Embedder) -> Embedder:
    """The embedder of texts as they are."""
    return embedder.texts if isinstance(embedder, PatternEmbedder) else embedder


class PatternEmbedder:
    """Embeds patterns (see ``mask``) with their skeletons. Vectors are twice as long as those of ``texts``."""

    def __init__(self, texts: Embedder) -> None:
        self.texts = texts

    @property
    def id(self) -> str:
        return f"{self.texts.id}+skeleton{_VERSION}"

    @property
    def dimension(self) -> int:
        return 2 * self.texts.dimension

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row per pattern. Raises as the embedder does."""
        import numpy as np

        rows = self.texts.encode([*texts, *map(skeleton, texts)])
        whole, bare = rows[: len(texts)], rows[len(texts) :]
        joined = np.hstack([whole * (1 - SKELETON_SHARE) ** 0.5, bare * SKELETON_SHARE**0.5])
        return np.ascontiguousarray(joined, dtype=np.float32)
