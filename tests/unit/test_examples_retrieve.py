from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from examples_db.retrieve import Near, Ranking, kinds_of, left_out, overlap, select
from nlq.types import Example


def near(cosine: float, question: str, *, index: str = "i", fields: tuple[str, ...] = (), turn: float = 0.0) -> Near:
    """``turn`` is the direction of the vector in a plane."""
    vector: NDArray[np.float32] = np.array([np.cos(turn), np.sin(turn)], dtype=np.float32)
    return Near(cosine, Example(question, {"query": {"match_all": {}}}, index, fields), vector)


def questions(found: Sequence[Near]) -> list[str]:
    return [n.example.question for n in found]


def test_the_nearest_come_first_and_at_most_k() -> None:
    assert questions(select([near(0.9, "a"), near(0.8, "b"), near(0.7, "c")], 2)) == ["a", "b"]
    assert select([near(0.9, "a")], 0) == ()


def test_what_is_below_the_floor_is_left_out() -> None:
    candidates = [near(0.9, "a"), near(0.31, "b"), near(0.29, "c")]

    assert questions(select(candidates, 3, ranking=Ranking(floor=0.3))) == ["a", "b"]


def test_of_those_that_teach_the_same_the_first_stays() -> None:
    candidates = [near(0.9, "orders above 5"), near(0.9, "Orders above 7", index="other"), near(0.8, "who")]

    assert questions(select(candidates, 3)) == ["orders above 5", "who"]


def test_an_index_is_left_out_without_hiding_its_twin() -> None:
    candidates = [near(0.9, "orders above 5"), near(0.9, "orders above 7", index="other")]

    assert questions(select(candidates, 3, exclude_index="i")) == ["orders above 7"]


COMMON = [
    ("logs", "logs", True),
    ("logs", "log", False),
    ("logs-1", "logs-*", True),
    ("log", "logs*", False),
    ("a,logs-1", "b,logs-*", True),
    ("a,b", "c,d", False),
    ("*", "anything", True),
    ("logs-*", "*-2026", True),
    ("logs-*", "logs-2026-*", True),
    ("logs-*", "metrics-*", False),
    ("*-2025", "*-2026", False),
    ("a*b*c", "a*x*c", True),
    ("a*b*c", "a*x*d", False),
    ("logs-[1]", "logs-1", False),
    ("logs-?", "logs-1", False),
    ("a" * 2000 + "*b", "a*" * 1000, True),
]


@pytest.mark.parametrize(("one", "other", "common"), COMMON)
def test_an_index_is_left_out_where_both_can_name_one_in_common(one: str, other: str, *, common: bool) -> None:
    assert left_out(one, other) is common
    assert left_out(other, one) is common
    assert not left_out(one, None)


def test_an_index_of_the_same_kinds_of_fields_is_preferred_among_equals() -> None:
    candidates = [near(0.80, "a", fields=("x:geo_point",)), near(0.78, "b", fields=("x:integer", "y:keyword"))]

    assert questions(select(candidates, 2, fields=["u:double", "v:keyword"])) == ["b", "a"]
    assert questions(select(candidates, 2, fields=["u:double", "v:keyword"], ranking=Ranking(kinds=0))) == ["a", "b"]
    assert questions(select(candidates, 2)) == ["a", "b"]


def test_a_gain_finds_what_is_further_behind_than_k() -> None:
    others = [near(0.80 - n / 1000, f"other {chr(97 + n)}", fields=("x:geo_point",)) for n in range(8)]
    candidates = [*others, near(0.77, "akin", fields=("x:long",))]

    assert questions(select(candidates, 1, fields=["u:double"])) == ["akin"]


def test_less_relevance_prefers_what_is_unlike_the_chosen() -> None:
    candidates = [near(0.90, "a", turn=0.1), near(0.89, "b", turn=0.1), near(0.70, "c", turn=1.2)]

    assert questions(select(candidates, 2, ranking=Ranking(relevance=0.5))) == ["a", "c"]
    assert questions(select(candidates, 2, ranking=Ranking(relevance=1))) == ["a", "b"]


@pytest.mark.parametrize(("fields", "read"), [((), 4), (("a:long",), 6)])
def test_no_more_is_read_than_can_matter(fields: tuple[str, ...], read: int) -> None:
    seen = []

    def candidates() -> Iterator[Near]:
        for n in range(1000):
            seen.append(n)
            yield near(0.9 - n / 60, f"question {chr(97 + n % 26) * (1 + n // 26)}")

    assert len(select(candidates(), 3, fields=fields)) == 3
    assert len(seen) == read


def test_a_pool_of_many_equals_is_bounded() -> None:
    seen = []

    def candidates() -> Iterator[Near]:
        for n in range(1000):
            seen.append(n)
            yield near(0.9, f"question {chr(97 + n % 26) * (1 + n // 26)}", turn=n / 1000)

    select(candidates(), 3, ranking=Ranking(relevance=0.5))

    assert len(seen) == Ranking().pool(3) + 1


@pytest.mark.parametrize("wrong", [{"floor": 2}, {"kinds": -1}, {"relevance": 1.5}])
def test_a_ranking_out_of_range_is_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="between"):
        Ranking(**wrong)  # type: ignore[arg-type]  # floats by name


def test_all_numbers_are_one_kind() -> None:
    assert kinds_of(["a:long", "b:scaled_float", "c.d:keyword", "odd: name:date"]) == {"integer", "keyword", "date"}


def test_overlap_is_the_share_of_common_kinds() -> None:
    assert overlap(frozenset("ab"), frozenset("bc")) == pytest.approx(1 / 3)
    assert overlap(frozenset(), frozenset()) == 0
