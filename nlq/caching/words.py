"""When two questions are one: spelled alike but for what never matters, or near with everything alike that turns it."""

from __future__ import annotations

import re
import unicodedata

_QUOTED = re.compile(r"""("[^"]*"|“[^”]*”|«[^»]*»|„[^“”]*[“”]|`[^`]*`|(?<!\w)['‘][^'’]+['’](?!\w))""")
_END = " ?!.,;:…。？！، ؟"
_WORD = re.compile(r"\w+(?:[.,:/-]\d+)*")

_COUNTS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve dozen fifteen twenty thirty forty fifty hundred "
    "thousand million billion once twice half third quarter first second single double percent".split()
)
_TURNS = frozenset(
    "not no none never nothing without except excluding exclude but only all any every each both either neither other "
    "and or than before after since until till by from to between during within over under above below beyond up down "
    "more less most least fewer fewest many much highest lowest higher lower high low top bottom best worst better "
    "worse largest smallest larger smaller biggest bigger longest shortest longer shorter oldest newest older newer "
    "latest earliest later earlier last next previous recent recently cheapest dearest expensive cheaper increasing "
    "decreasing ascending descending rising falling start starting end ending begin ended started opened closed sum "
    "total average mean median minimum maximum min max count number share ratio per grouped distinct different unique "
    "same exactly least about missing empty unpaid paid unknown him her his who whom whose where when how "
    "day days daily week weeks weekly month months monthly quarter quarters quarterly year years yearly annual "
    "hour hours hourly minute minutes".split()
)
_ALIKE = {"each": "per", "every": "per"}


def normalised(question: str) -> str:
    """One spelling for questions that differ only by white space, a word's first capital, or punctuation at the end.

    What is quoted stays, and so do words with capitals further in ("US", "iPhone") and capital letters that stand
    alone ("grade A"), but for the first word.
    """
    text = unicodedata.normalize("NFC", " ".join(question.split())).rstrip(_END)
    parts = _QUOTED.split(text)
    folded = [part if i % 2 else " ".join(map(_folded, part.split(" "))) for i, part in enumerate(parts)]
    first, *rest = "".join(folded).split(" ")
    return " ".join([first.lower() if len(first) == 1 else first, *rest])


def turns(question: str) -> tuple[str, ...]:
    """What of a question no paraphrase may change: its numbers, quoted words, codes, and the words that turn what is
    meant ("before", "least", "not"), sorted."""
    words = _WORD.findall(_QUOTED.sub(" ", question))
    known = [_ALIKE.get(w.lower(), w.lower()) for w in words if w.lower() in _TURNS | _COUNTS]
    codes = [w for w in words if w[1:] != w[1:].lower() or any(map(str.isdigit, w))]
    return tuple(sorted([*_QUOTED.findall(question), *known, *codes]))


def reordered(question: str, other: str) -> bool:
    """Whether the two are the same words in another order, which vectors hardly tell ("from here to there")."""
    one, two = (_WORD.findall(text.lower()) for text in (question, other))
    return one != two and sorted(one) == sorted(two)


def _folded(word: str) -> str:
    letters = [c for c in word if c.isalpha()]
    if len(letters) < 2 or any(c.isupper() for c in letters[1:]):
        return word
    return word.lower()
