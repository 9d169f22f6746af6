"""Votes count equal results: which are equal, which are suspicious."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from nlq.types import Body, Candidate, Outcome, Result, Verdict
from nlq.vote import decided, first, is_empty, is_everything, query_text, result_key, vote
from tests.fixtures.vote_verdicts import FAILED, executed
from tests.support import lines

MATCH_ALL: Body = {"match_all": {}}


def _hits(*ids: str, sort: bool = False, logprob: float = -0.5, **more: Any) -> Verdict:
    query: Body = {"query": MATCH_ALL, **({"sort": [{"n": "asc"}]} if sort else {}), **more}
    hits = tuple({"_id": i, "_source": {}} for i in ids)
    return Verdict(Candidate("", logprob), Outcome.EXECUTED, query=query, result=Result(hits, len(ids)))


def _number(value: float | None, *, name: str = "value", logprob: float = -0.5) -> Verdict:
    query: Body = {"size": 0, "aggs": {name: {"avg": {"field": "n"}}}}
    result = Result((), 9, {name: {"value": value}})
    return Verdict(Candidate("", logprob), Outcome.EXECUTED, query=query, result=result)


def _groups(buckets: list[tuple[Any, int]], *, order: bool = False, inner: Body | None = None) -> Verdict:
    terms: Body = {"field": "k", **({"order": {"_count": "desc"}} if order else {})}
    found = [{"key": key, "doc_count": count} for key, count in buckets]
    query: Body = {"size": 0, "aggs": {"g": {"terms": terms, **({"aggs": inner} if inner else {})}}}
    result = Result((), 9, {"g": {"buckets": found}})
    return Verdict(Candidate("", -1), Outcome.EXECUTED, query=query, result=result)


def test_the_same_documents_agree_in_any_order_unless_the_query_sorts() -> None:
    assert result_key(_hits("a", "b")) == result_key(_hits("b", "a"))
    assert result_key(_hits("a", "b", sort=True)) != result_key(_hits("b", "a", sort=True))


def test_one_result_says_under_each_query_what_that_query_asks() -> None:
    count = _hits("a", "b")
    documents = replace(count, query={"size": 10})
    number = replace(count, query={"size": 0})

    assert result_key(documents) != result_key(number)
    assert result_key(documents) == result_key(count)


def test_documents_of_one_id_in_two_indices_are_two() -> None:
    one, other = (
        Verdict(Candidate("", -1), Outcome.EXECUTED, query={}, result=Result(({"_index": index, "_id": "a"},), 1))
        for index in ("logs-1", "logs-2")
    )

    assert result_key(one) == result_key(one)
    assert result_key(one) != result_key(other)


def test_numbers_agree_whatever_they_are_named_and_within_rounding() -> None:
    assert result_key(_number(1.5)) == result_key(_number(1.5 + 1e-13, name="other"))
    assert result_key(_number(1.5)) != result_key(_number(1.5001))


def test_groups_agree_in_any_order_unless_the_query_orders_them() -> None:
    one, other = [("x", 2), ("y", 1)], [("y", 1), ("x", 2)]

    assert result_key(_groups(one)) == result_key(_groups(other))
    assert result_key(_groups(one, order=True)) != result_key(_groups(other, order=True))


def test_a_bucket_sort_orders_the_groups_around_it() -> None:
    one, other = [("x", 2), ("y", 1)], [("y", 1), ("x", 2)]
    sort: Body = {"order": {"bucket_sort": {"sort": [{"_count": {"order": "desc"}}]}}}
    keep: Body = {"keep": {"bucket_selector": {"buckets_path": {"a": "_count"}, "script": "params.a > 0"}}}

    assert result_key(_groups(one, inner=sort)) != result_key(_groups(other, inner=sort))
    assert result_key(_groups(one, inner=keep)) == result_key(_groups(other, inner=keep))


@pytest.mark.parametrize("key", ["aggs", "aggregations"])
def test_the_groups_and_the_numbers_in_them_count_under_either_name_of_aggregations(key: str) -> None:
    def verdict(average: float) -> Verdict:
        inner: Body = {"v": {"avg": {"field": "n"}}}
        query: Body = {"size": 0, key: {"g": {"terms": {"field": "k"}, key: inner}}}
        buckets = [{"key": "x", "doc_count": 2, "v": {"value": average}}]
        result = Result((), 9, {"g": {"buckets": buckets}})
        return Verdict(Candidate("", -1), Outcome.EXECUTED, query=query, result=result)

    assert result_key(verdict(1.5)) == result_key(verdict(1.5))
    assert result_key(verdict(1.5)) != result_key(verdict(2.5))
    assert not is_empty(verdict(1.5))


def test_groups_keyed_by_name_are_told_apart_by_it() -> None:
    def verdict(**counts: int) -> Verdict:
        query: Body = {"size": 0, "aggs": {"g": {"filters": {"filters": dict.fromkeys(counts, MATCH_ALL)}}}}
        result = Result((), 9, {"g": {"buckets": {name: {"doc_count": n} for name, n in counts.items()}}})
        return Verdict(Candidate("", -1), Outcome.EXECUTED, query=query, result=result)

    assert result_key(verdict(paid=2, open=1)) == result_key(verdict(open=1, paid=2))
    assert result_key(verdict(paid=2, open=1)) != result_key(verdict(paid=1, open=2))
    assert is_empty(verdict(paid=0, open=0))
    assert not is_empty(verdict(paid=0, open=1))


def test_numbers_on_both_sides_of_a_rounding_boundary_agree() -> None:
    below, above = 1.00000000045, 1.00000000045 * (1 + 4e-10)

    assert f"{below:.10g}" != f"{above:.10g}"
    assert result_key(_number(below)) == result_key(_number(above))
    assert hash(result_key(_number(below))) == hash(result_key(_number(above)))
    assert len(vote([_number(below), _number(above), _number(below * (1 + 1e-8))]).groups) == 2


def test_numbers_that_nearly_agree_find_each_other_among_several() -> None:
    def verdict(*values: float) -> Verdict:
        aggs = {f"v{place}": {"avg": {"field": "n"}} for place in range(len(values))}
        got = {name: {"value": value} for name, value in zip(aggs, values, strict=True)}
        return executed({"size": 0, "aggs": aggs}, {"total": 3, "aggregations": got})

    assert result_key(verdict(10, 5, 9)) == result_key(verdict(9.9999999999, 9, 5))
    assert result_key(verdict(10, 10, 9)) != result_key(verdict(9, 9, 10))
    assert result_key(verdict(10, 9)) != result_key(verdict(10, 9, 9))


def test_long_keys_of_buckets_are_told_apart_to_the_last_digit() -> None:
    def verdict(key: float) -> Verdict:
        return _groups([(key, 2)])

    assert result_key(verdict(1_700_000_000_000)) != result_key(verdict(1_700_000_000_001))
    assert result_key(verdict(5)) == result_key(verdict(5.0))
    assert result_key(verdict(0.1 + 0.2)) == result_key(verdict(0.3))


def test_only_several_items_have_an_order() -> None:
    assert result_key(_hits("a", sort=True)) == result_key(_hits("a"))
    assert result_key(_hits("a", "b", sort=True)) != result_key(_hits("a", "b"))


def test_a_count_and_the_documents_it_counts_are_different_results() -> None:
    assert result_key(_hits("a")) != result_key(_hits("a", size=0))


def test_the_largest_group_leads_and_failed_candidates_count_against_it() -> None:
    ballot = vote([_number(1), FAILED, _number(2), _number(2)])

    assert ballot.leader is not None
    assert ballot.leader.votes == 2
    assert ballot.of == 4
    assert ballot.confidence == 0.5


def test_empty_results_lead_only_where_all_are_empty() -> None:
    some = vote([_hits(), _hits(), _hits("a")])
    none = vote([_hits(), _hits()])

    assert some.groups[0].chosen.result is not None
    assert some.groups[0].chosen.result.total == 1
    assert none.leader is not None
    assert is_empty(none.leader.chosen)


def test_a_tie_goes_to_more_distinct_queries_then_to_the_likelier() -> None:
    distinct = [_hits("a", size=5), _hits("a", size=6)]
    same = [_hits("b"), _hits("b")]

    assert vote([*same, *distinct]).groups[0].chosen.result == distinct[0].result
    assert vote([_number(1, logprob=-2), _number(2, logprob=-1)]).groups[0].chosen.candidate.logprob == -1


def test_the_commonest_query_speaks_for_its_group() -> None:
    odd = _hits("a", logprob=-0.1, _source=["x"])
    usual = _hits("a", logprob=-0.9)

    assert vote([odd, usual, usual]).groups[0].chosen.query == usual.query


def test_first_takes_the_first_that_executed_however_few_agree() -> None:
    ballot = first([FAILED, _number(1), _number(2), _number(2)])

    assert ballot.groups[0].chosen == _number(1)
    assert ballot.groups[1].votes == 2


def test_without_an_executed_candidate_there_is_no_leader() -> None:
    for rule in (vote, first):
        ballot = rule([FAILED])

        assert ballot.leader is None
        assert ballot.confidence == 0
        assert ballot.entropy == 0


def test_entropy_is_in_bits() -> None:
    assert vote([_number(1), _number(2)]).entropy == pytest.approx(1)
    assert vote([_number(1), _number(1)]).entropy == 0


def test_an_average_of_nothing_is_empty() -> None:
    assert is_empty(_number(None))
    assert not is_empty(_number(0.0))
    assert is_empty(_groups([]))


def test_a_number_of_no_documents_is_empty_unless_it_looks_beyond_the_query() -> None:
    aggs = {"v": {"sum": {"field": "n"}}}
    nothing = {"total": 0, "aggregations": {"v": {"value": 0.0}}}

    assert is_empty(executed({"size": 0, "aggs": aggs}, nothing))
    assert not is_empty(executed({"size": 0, "aggs": aggs}, {**nothing, "total": 1}))
    assert not is_empty(executed({"size": 0, "aggs": aggs, "post_filter": MATCH_ALL}, nothing))
    everywhere = {"g": {"doc_count": 3, "v": {"value": 0.0}}}
    assert not is_empty(
        executed({"size": 0, "aggs": {"g": {"global": {}, "aggs": aggs}}}, {"total": 0, "aggregations": everywhere})
    )


def test_everything_is_every_document_of_an_index_that_has_some() -> None:
    assert is_everything(_hits("a", "b"), 2)
    assert not is_everything(_hits("a"), 2)
    assert not is_everything(_hits(), 0)


@pytest.mark.parametrize("case", lines("vote_queries.jsonl"), ids=lambda case: str(case["fact"]))
def test_queries_are_equal_or_not_however_they_are_written(case: dict[str, Any]) -> None:
    assert (query_text(case["one"]) == query_text(case["other"])) is case["equal"]


def test_a_vote_is_decided_when_the_rest_cannot_overtake_the_leader() -> None:
    three_to_one = [_number(1)] * 3 + [_number(2)]

    assert decided(three_to_one, remaining=2)
    assert not decided(three_to_one, remaining=3)
    assert not decided([_hits()] * 4, remaining=0)
    assert not decided([FAILED], remaining=0)
