"""What an answer looks like on a terminal: repairs, vectors, groups of every shape, text that is not to be trusted."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from rich.console import Console

from nlq.cli.render import print_answer, shortened
from nlq.types import Answer, Ballot, Body, Candidate, Group, Outcome, Question, Repair, Result, Verdict

REPAIR = Repair("director", "spielberg", "Steven Spielberg")
VECTOR = [0.25, -0.5, *[0.125] * 382]


def _answer(query: Body, result: Result, *, repairs: tuple[Repair, ...] = (), text: str = "{}") -> Answer:
    verdict = Verdict(Candidate(text, -0.5), Outcome.EXECUTED, query, result, repairs=repairs)
    ballot = Ballot((Group((verdict,)),), 1, 1.0, 0.0)
    question = Question("which films?", "movies")
    return Answer("1", question, query, result, "movies", ballot, (verdict,), (), (), {"sample": 1.0, "total": 1.0})


def _shown(answer: Answer, *, explain: bool = False) -> str:
    file = io.StringIO()
    print_answer(answer, explain=explain, console=Console(file=file, width=140))
    return file.getvalue()


def _grouped(aggregations: Mapping[str, Any], aggs: Body) -> str:
    return _shown(_answer({"size": 0, "aggs": aggs}, Result((), 9, aggregations)))


def test_a_repair_is_one_line_of_the_answer() -> None:
    text = _shown(_answer({"size": 0}, Result((), 3), repairs=(REPAIR,)))

    assert "repaired  director: 'spielberg' became 'Steven Spielberg'" in text


def test_an_answer_without_repairs_does_not_speak_of_them() -> None:
    assert "repaired" not in _shown(_answer({"size": 0}, Result((), 3)), explain=True)


def test_an_unsure_answer_names_what_else_may_have_been_meant() -> None:
    sure = _answer({"query": {"term": {"genre": "Crime"}}}, Result((), 3))
    other = Verdict(Candidate("{}", -0.5), Outcome.EXECUTED, {"query": {"term": {"genre": "Drama"}}}, Result((), 2))
    ballot = Ballot((*sure.ballot.groups, Group((other,))), 2, 0.4, 1.0)
    file = io.StringIO()
    for least in (0.4, 0.5):
        print_answer(replace(sure, ballot=ballot), unsure_below=least, console=Console(file=file, width=140))

    assert file.getvalue().count('or rather  movies where genre is "Drama"') == 1


def test_explain_notes_the_repairs_of_a_candidate() -> None:
    text = _shown(_answer({"size": 0}, Result((), 3), repairs=(REPAIR,)), explain=True)

    assert text.count("'spielberg' became") == 2


def test_a_vector_is_shown_by_its_first_numbers_and_the_words_it_stands_for() -> None:
    knn = {"field": "plot", "query_vector": VECTOR, "k": 5, "_name": "talking animals"}
    text = _shown(_answer({"query": {"bool": {"must": [{"knn": knn}]}}, "size": 0}, Result((), 3)))

    assert '"query_vector":[0.25,-0.5,"… 382 more"],"k":5,"_name":"talking animals"' in text
    assert "0.125" not in text


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"terms": {"query_vector": list(range(20))}}},
        {"query": {"knn": {"field": "plot", "query_vector": "talking animals"}}},
        {"knn": [{"field": "spot", "query_vector": [1, 2, 3]}]},
    ],
    ids=["a field of that name", "words", "few numbers"],
)
def test_only_long_vectors_are_shortened(body: Body) -> None:
    assert shortened(body) == body


def test_groups_under_names_are_shown_by_them() -> None:
    ages = {"buckets": {"old": {"doc_count": 5}, "new": {"doc_count": 4}}}
    text = _grouped({"groups": ages}, {"groups": {"filters": {"filters": {"old": {}, "new": {}}}}})

    assert "old" in text
    assert "4 documents" in text


def test_groups_without_names_are_shown_by_their_query() -> None:
    found = {"groups": {"buckets": [{"doc_count": 5}, {"doc_count": 4}]}}
    queries = [{"term": {"genre": "Comedy"}}, {"term": {"genre": "Drama"}}]
    text = _grouped(found, {"groups": {"filters": {"filters": queries}}})

    assert '{"term": {"genre": "Comedy"}}' in text
    assert "None" not in text


def test_groups_of_several_fields_are_shown_by_all_their_values() -> None:
    found = {"groups": {"buckets": [{"key": {"genre": "Drama", "year": 1995}, "doc_count": 5}]}}

    assert "Drama · 1995" in _grouped(found, {"groups": {"composite": {}}})


def test_numbers_of_a_group_are_named_where_there_are_several() -> None:
    bucket = {"key": "Drama", "doc_count": 5, "value": {"value": 6.5}, "ratio": {"value": 0.25}}
    text = _grouped({"groups": {"buckets": [bucket]}}, {"groups": {"terms": {"field": "genre"}}})

    assert "5 documents, 6.5, ratio 0.25" in text


def test_a_number_of_all_groups_names_the_groups_it_comes_from() -> None:
    found = {"groups": {"buckets": []}, "over": {"value": 812.0, "keys": ["Drama", "Comedy"]}}

    assert "812 (Drama, Comedy)" in _grouped(found, {})


def test_a_group_inside_another_shows_its_own_groups() -> None:
    inner = {"doc_count": 7, "groups": {"buckets": [{"key": "Ann", "doc_count": 2}]}}
    text = _grouped({"groups": {"buckets": [{"key": "Drama", "doc_count": 5, "cast": inner}]}}, {"groups": {}})

    assert "Drama › cast › Ann" in text
    assert "2 documents" in text


def test_a_number_without_a_value_is_a_dash() -> None:
    assert "None" not in _grouped({"value": {"value": None}}, {"value": {"avg": {"field": "rating"}}})


def test_documents_without_a_source_are_shown_by_their_ids() -> None:
    assert "tt0012" in _shown(_answer({"query": {"match_all": {}}}, Result(({"_id": "tt0012"},), 1)))


def test_the_columns_that_the_query_speaks_of_stand_before_those_that_find_no_room() -> None:
    film = {"title": "Up", **{f"note_{i}": "…" for i in range(20)}, "cast": ["Ed"], "rating": 8.3}
    query = {"query": {"term": {"cast.keyword": "Ed"}}, "sort": [{"rating": {"order": "desc"}}]}
    [heads] = [line for line in _shown(_answer(query, Result(({"_source": film},), 1))).splitlines() if "title" in line]

    assert [name.strip() for name in heads.strip("┃").split("┃")][:4] == ["title", "cast", "rating", "note_0"]


def test_what_documents_and_models_say_moves_no_cursor_and_is_no_markup() -> None:
    odd = "\x1b[2J\x9b1m[red]\ud800\u202e"
    hit = {"_id": "1", "_source": {odd: odd}}
    query = {"query": {"term": {odd: odd}}}
    answers = [
        _answer(query, Result((hit,), 1), repairs=(Repair(odd, odd, odd),), text=odd),
        _answer(query, Result((), 1, {odd: {"buckets": [{"key": odd, "doc_count": 1, odd: {"value": odd}}]}})),
    ]

    for text in (_shown(answer, explain=True) for answer in answers):
        assert not set(text) & set("\x1b\x9b\ud800\u202e")
        assert "[red]" in text


def test_the_query_shown_is_the_query_that_ran_whatever_it_holds() -> None:
    text = _shown(_answer({"query": {"term": {"title": "a\u202e\ud800\x7f"}}}, Result((), 0)))

    assert '"a\\u202e\\ud800\\u007f"' in text
