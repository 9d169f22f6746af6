"""The body that runs, made of the one that was accepted."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from nlq.finish import Finish, with_vectors
from nlq.grounding import View
from nlq.readback import readback
from nlq.types import Body, Field, IndexSchema, LinkedValue, Repair
from nlq.values import Catalog, Seen

INDEX = IndexSchema(
    "library",
    (
        Field("title", "text"),
        Field("title.keyword", "keyword", parent="title"),
        Field("shelf", "keyword"),
        Field("lender", "keyword"),
        Field("lent", "boolean"),
        Field("pages", "integer"),
        Field("bought", "date"),
        Field("printed", "date", format="dd.MM.yyyy"),
        Field("weight", "double", partial=True),
        Field("meaning", "dense_vector", dims=2),
    ),
)
SHELVES = Catalog({"shelf": ("Crime", "Travel")}, frozenset({"shelf"}))
PEOPLE = Catalog({**SHELVES.values, "lender": ("Kuang", "Rooney")}, frozenset({"shelf", "lender"}))
NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
VIEW = View("", INDEX, near=INDEX, seen=Seen(SHELVES, SHELVES), values=(), periods=(), now=NOW)
ALL: Body = {"match_all": {}}


class Encoder:
    """Each text becomes [its length, 1/3]; ``calls`` keeps what was asked for."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []

    def __call__(self, texts: Sequence[str]) -> Sequence[Sequence[float]]:
        self.calls.append(list(texts))
        return [[float(len(text)), 1 / 3] for text in texts]


def _meaning(text: str, **more: Any) -> Body:
    return {"knn": {"field": "meaning", "query_vector": text, "k": 5, **more}}


def _finished(body: Body, *, most: int = 100) -> Body:
    ready, _ = Finish(VIEW, max_results=most, encode=Encoder())(body)
    return ready


def test_a_repaired_value_is_in_the_body_and_named_beside_it() -> None:
    ready, repairs = Finish(VIEW, max_results=100)({"query": {"term": {"shelf": "crime"}}, "size": 0})

    assert ready["query"] == {"term": {"shelf": "Crime"}}
    assert repairs == (Repair("shelf", was="crime", now="Crime"),)


def test_a_body_of_existing_values_has_no_repairs() -> None:
    _, repairs = Finish(VIEW, max_results=100)({"query": {"term": {"shelf": "Crime"}}, "size": 0})

    assert repairs == ()


def test_dates_are_whole_anchored_and_in_a_format_that_the_field_reads() -> None:
    until = _finished({"query": {"range": {"bought": {"lte": "2019"}}}})
    recent = _finished({"query": {"range": {"bought": {"gte": "now-7d/d"}}}})
    named = _finished({"query": {"range": {"printed": {"gte": "2020-01-31"}}}})

    assert until["query"] == {"range": {"bought": {"lt": "2020"}}}
    assert recent["query"] == {"range": {"bought": {"gte": "2026-11-21T10:00:00Z||-7d/d"}}}
    assert named["query"]["range"]["printed"] == {
        "gte": "2020-01-31",
        "format": "strict_date_optional_time||dd.MM.yyyy",
    }


def test_sizes_are_filled_and_every_match_is_counted() -> None:
    groups = {"groups": {"terms": {"field": "shelf"}}}
    body = _finished({"query": ALL, "size": 0, "aggs": groups}, most=50)

    assert body["aggs"]["groups"]["terms"]["size"] == 50
    assert body["size"] == 0
    assert body["track_total_hits"] is True
    assert _finished({"query": ALL}, most=50)["size"] == 50


def test_a_field_that_some_indices_lack_is_excused() -> None:
    (key,) = _finished({"query": ALL, "sort": [{"weight": {"order": "desc"}}]})["sort"]

    assert key["weight"]["order"] == "desc"
    assert key["weight"]["unmapped_type"] == "double"


def test_texts_become_vectors_with_the_words_kept_as_the_clauses_name() -> None:
    body = _finished({"query": _meaning("the sea")})

    assert body["query"]["knn"]["query_vector"] == [7.0, 0.333333]
    assert body["query"]["knn"]["_name"] == "the sea"
    assert '"the sea"' in readback(body, "library")
    assert "0.333" not in readback(body, "library")


def test_all_texts_of_a_body_are_embedded_in_one_call_each_once() -> None:
    encode = Encoder()
    both: Body = {"bool": {"should": [_meaning("the sea"), _meaning("war"), _meaning("the sea")]}}
    body = with_vectors({"query": both, "knn": [_meaning("peace")["knn"]]}, encode)

    assert encode.calls == [["the sea", "war", "peace"]]
    assert [c["knn"]["query_vector"][0] for c in body["query"]["bool"]["should"]] == [7, 3, 7]
    assert body["knn"][0]["_name"] == "peace"


@pytest.mark.parametrize(
    "query",
    [
        ALL,
        {"term": {"query_vector": "the sea"}},
        {"knn": {"field": "meaning", "query_vector": [0.5, 0.5], "k": 5}},
    ],
)
def test_a_body_without_texts_to_embed_asks_for_no_vectors(query: Body) -> None:
    encode = Encoder()

    assert with_vectors({"query": query}, encode) == {"query": query}
    assert encode.calls == []


def test_filters_of_a_search_by_meaning_are_finished_as_others_are() -> None:
    near = _meaning("the sea", filter={"bool": {"filter": [
        {"term": {"shelf": "crime"}},
        {"range": {"bought": {"gt": "2019"}}},
    ]}})  # fmt: skip
    ready, repairs = Finish(VIEW, max_results=100, encode=Encoder())({"query": near})
    text = str(ready)

    assert "'Crime'" in text
    assert "{'gte': '2020'}" in text
    assert ready["query"]["knn"]["query_vector"][0] == 7
    assert len(repairs) == 1


def test_a_term_on_a_year_becomes_its_days_beside_a_repaired_value() -> None:
    ready, repairs = Finish(VIEW, max_results=100)(
        {"query": {"bool": {"filter": [{"term": {"bought": "2020"}}, {"term": {"shelf": "travle"}}]}}, "size": 0}
    )

    assert ready["query"]["bool"]["filter"] == [
        {"range": {"bought": {"gte": "2020", "lt": "2021"}}},
        {"term": {"shelf": "Travel"}},
    ]
    assert [r.was for r in repairs] == ["travle"]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ({"terms": {"shelf": ["crime"]}}, {"term": {"shelf": {"value": "Crime"}}}),
        ({"bool": {"filter": [{"term": {"shelf": "Crime"}}]}}, {"term": {"shelf": "crime"}}),
        ({"range": {"pages": {"from": 3, "include_lower": False}}}, {"range": {"pages": {"gt": 3}}}),
    ],
)
def test_two_spellings_of_one_query_run_as_one_body(one: Body, other: Body) -> None:
    bodies = [{"query": query, "size": 0} for query in (one, other)]

    assert _finished(bodies[0]) == _finished(bodies[1])


@pytest.mark.parametrize(
    "body",
    [
        {"query": {"term": {"shelf": "crime"}}, "sort": [{"weight": "desc"}]},
        {"query": _meaning("the sea"), "_source": ["title"]},
        {"query": {"range": {"bought": {"gt": "2019"}}}, "size": 0, "aggs": {"groups": {"terms": {"field": "shelf"}}}},
    ],
)
def test_the_accepted_body_stays_as_it_was(body: Body) -> None:
    given = copy.deepcopy(body)
    _finished(body)

    assert body == given


NAMED = replace(
    VIEW,
    seen=Seen(PEOPLE, PEOPLE),
    values=(LinkedValue("Rooney", "lender", "Rooney"),),
)


def test_a_value_that_the_question_names_is_asked_of_the_field_that_has_it() -> None:
    ready, repairs = Finish(NAMED, max_results=100)({"query": {"term": {"shelf": "Rooney"}}})

    assert ready["query"] == {"term": {"lender": "Rooney"}}
    assert repairs == (Repair("shelf", was="Rooney", now="Rooney", to="lender"),)


@pytest.mark.parametrize(
    ("values", "seen"),
    [
        ((), Seen(PEOPLE, PEOPLE)),
        ((LinkedValue("Rooney", "lender", "Rooney"), LinkedValue("Rooney", "author", "Rooney")), Seen(PEOPLE, PEOPLE)),
        (NAMED.values, Seen(None)),
    ],
    ids=["not named", "in two fields", "values not known"],
)
def test_a_value_stays_in_its_field_unless_the_one_right_field_is_known(
    values: tuple[LinkedValue, ...], seen: Seen
) -> None:
    view = replace(NAMED, values=values, seen=seen)

    ready, repairs = Finish(view, max_results=100)({"query": {"term": {"shelf": "Rooney"}}})

    assert (ready["query"], repairs) == ({"term": {"shelf": "Rooney"}}, ())


@pytest.mark.parametrize(
    ("question", "body", "size"),
    [
        ("Who has read a crime story?", {"size": 1}, 1),
        ("Titles on the crime shelf", {"size": 1}, 100),
        ("Titles on the crime shelf", {"size": 2}, 2),
        ("The longest title", {"size": 1, "sort": [{"pages": "desc"}]}, 1),
        ("crime titles, longest first", {"size": 1, "sort": [{"pages": "desc"}]}, 100),
        ("the title of crime books sorted by pages", {"size": 1, "sort": [{"pages": "desc"}]}, 100),
        ("the first crime title, longest first", {"size": 1, "sort": [{"pages": "desc"}]}, 1),
        ("Titles about whales", {"size": 1, "query": {"match": {"title": "whales"}}}, 1),
        ("", {"size": 1}, 1),
    ],
)
def test_documents_in_no_order_are_not_cut_to_one_unless_one_is_asked_for(question: str, body: Body, size: int) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(body)

    assert ready["size"] == size


@pytest.mark.parametrize(
    ("question", "size"),
    [
        ("books by Kuang", 100),
        ("which books are about crime?", 100),
        ("how many books by Kuang are there?", 0),
        ("the number of books by Kuang", 0),
        ("Total of the books that are lent", 0),
        ("is there a book by Kuang?", 0),
        ("wie viele Bücher von Kuang", 0),
    ],
)
def test_documents_are_listed_unless_an_english_question_asks_for_a_number(question: str, size: int) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)({"query": ALL, "size": 0})

    assert ready["size"] == size


def test_groups_and_what_a_person_wrote_stay_without_documents() -> None:
    grouped, _ = Finish(replace(VIEW, question="books by shelf"), max_results=100)(_groups("shelf", {}))
    written, _ = Finish(VIEW, max_results=100)({"query": ALL, "size": 0})

    assert grouped["size"] == written["size"] == 0


def _groups(field: str, metric: Body, **terms: Any) -> Body:
    inner = {"aggs": {"value": metric}} if metric else {}
    return {"size": 0, "aggs": {"groups": {"terms": {"field": field, **terms}, **inner}}}


def test_groups_by_the_number_they_are_ordered_by_become_documents_in_that_order() -> None:
    view = replace(VIEW, question="top 5 books by pages")
    falling = _groups("pages", {"sum": {"field": "pages"}}, order={"value": "desc"}, size=5)
    rising = _groups("pages", {"min": {"field": "pages"}}, order={"value": "asc"}, size=2)

    assert Finish(view, max_results=100)(falling)[0] == {
        "query": ALL,
        "sort": [{"pages": {"order": "desc"}}],
        "size": 5,
        "track_total_hits": True,
    }
    assert Finish(view, max_results=100)(rising)[0]["sort"] == [{"pages": {"order": "asc"}}]


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("books by pages", _groups("pages", {})),
        ("pages of each shelf", _groups("shelf", {"sum": {"field": "pages"}})),
        ("weight by pages", _groups("pages", {"avg": {"field": "weight"}})),
        ("", _groups("pages", {"sum": {"field": "pages"}})),
    ],
)
def test_other_groups_stay_groups(question: str, body: Body) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(body)

    assert "groups" in ready["aggs"]


def test_a_boolean_that_the_question_says_to_hold_is_not_only_asked_to_exist() -> None:
    said = replace(VIEW, question="lent books", values=(LinkedValue("lent", "lent", True),))
    body: Body = {"query": {"bool": {"filter": [{"exists": {"field": "lent"}}, {"exists": {"field": "pages"}}]}}}

    ready, _ = Finish(said, max_results=100)(body)
    plain, _ = Finish(VIEW, max_results=100)(body)

    assert ready["query"]["bool"]["filter"] == [{"term": {"lent": True}}, {"exists": {"field": "pages"}}]
    assert plain["query"] == body["query"]


@pytest.mark.parametrize(
    ("question", "size", "groups"),
    [
        ("the 2 most common shelves of long books", 2, {"field": "shelf", "size": 2}),
        ("3 most frequent shelves", None, {"field": "shelf", "size": 3}),
        ("most common shelf", None, {"field": "shelf", "size": 1}),
        ("the least common shelf", 1, {"field": "shelf", "size": 1, "order": {"_count": "asc"}}),
    ],
)
def test_what_is_most_common_is_asked_as_groups(question: str, size: int | None, groups: Body) -> None:
    body: Body = {"query": {"range": {"pages": {"gt": 300}}}, "_source": ["shelf"]} | ({"size": size} if size else {})
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(body)

    assert ready["aggs"] == {"groups": {"terms": groups}}
    assert (ready["size"], ready["query"]) == (0, body["query"])


@pytest.mark.parametrize(
    ("question", "body"),
    [
        ("shelves of long books", {"query": ALL, "_source": ["shelf"]}),
        ("the most common shelf", {"query": ALL, "_source": ["shelf", "title"]}),
        ("the most common shelf", {"query": ALL, "_source": ["shelf"], "sort": [{"pages": {"order": "desc"}}]}),
        ("the most common meaning", {"query": ALL, "_source": ["meaning"]}),
    ],
)
def test_documents_stay_documents_otherwise(question: str, body: Body) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(body)

    assert "aggs" not in ready
    assert ready["_source"] == body["_source"]


def test_what_the_question_excludes_and_how_it_bounds_is_in_the_body_that_runs() -> None:
    body: Body = {"query": {"bool": {"filter": [{"term": {"shelf": "Crime"}}, {"range": {"pages": {"gte": 300}}}]}}}
    ready, _ = Finish(replace(VIEW, question="books not in Crime over 300 pages"), max_results=100)(body)

    assert ready["query"]["bool"] == {
        "filter": [{"range": {"pages": {"gt": 300}}}],
        "must_not": [{"term": {"shelf": "Crime"}}],
    }


@pytest.mark.parametrize(
    ("question", "metric", "terms"),
    [
        ("lenders by average pages, top 3", "avg", {"size": 3, "order": {"value": "desc"}}),
        ("bottom 2 lenders by total pages", "sum", {"size": 2, "order": {"value": "asc"}}),
        ("top 3 lenders by their longest book", "max", {"size": 3, "order": {"value": "desc"}}),
        ("which lender has the lowest average pages?", "avg", {"order": {"value": "asc"}}),
        ("which lender has the most pages?", "sum", {"order": {"value": "desc"}}),
    ],
)
def test_groups_stand_in_the_order_of_their_metric_where_the_first_are_asked_for(
    question: str, metric: str, terms: Body
) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(
        _groups("lender", {metric: {"field": "pages"}})
    )

    assert ready["aggs"]["groups"]["terms"] == {"field": "lender", "size": 100, **terms}


@pytest.mark.parametrize(
    ("question", "metric"),
    [
        ("average pages per lender", {"avg": {"field": "pages"}}),
        ("the longest book of lenders", {"max": {"field": "pages"}}),
        ("the most common lenders and their average pages", {"avg": {"field": "pages"}}),
        ("highest average pages for each lender", {"avg": {"field": "pages"}}),
        ("Which lender has the most books, and what are their average pages?", {"avg": {"field": "pages"}}),
        ("top 5 lenders by number of books with their average pages", {"avg": {"field": "pages"}}),
        ("the 5 most popular lenders and the sum of their pages", {"sum": {"field": "pages"}}),
        ("lenders with at least 3 books, with their average pages", {"avg": {"field": "pages"}}),
    ],
)
def test_the_order_of_groups_stays_open_otherwise(question: str, metric: Body) -> None:
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(_groups("lender", metric))

    assert "order" not in ready["aggs"]["groups"]["terms"]


@pytest.mark.parametrize(
    ("question", "field", "counts"),
    [
        ("how many books per shelf", "title.keyword", True),
        ("number of books on each shelf", "title.keyword", True),
        ("how many titles per shelf", "title.keyword", False),
        ("how many different books per shelf", "title.keyword", False),
        ("books per shelf", "title.keyword", False),
        ("how many of the library are on each shelf", "lender", True),
        ("how many lenders per shelf", "lender", False),
        ("how many borrowers per shelf", "lender", False),
    ],
)
def test_groups_count_documents_where_what_is_counted_is_one(question: str, field: str, *, counts: bool) -> None:
    body = _groups("shelf", {"cardinality": {"field": field}}, order={"value": "desc"})
    ready, _ = Finish(replace(VIEW, question=question), max_results=100)(body)
    kept = {"field": "shelf", "size": 100} | ({} if counts else {"order": {"value": "desc"}})

    assert ready["aggs"]["groups"]["terms"] == kept
    assert ("aggs" in ready["aggs"]["groups"]) is not counts


def test_the_fewest_values_are_the_fewest_documents() -> None:
    body = _groups("shelf", {"value_count": {"field": "title.keyword"}}, order={"value": "asc"}, size=1)
    view = replace(VIEW, question="Which shelf has the lowest number of books?")
    ready, _ = Finish(view, max_results=100)(body)

    assert ready["aggs"]["groups"] == {"terms": {"field": "shelf", "size": 1, "order": {"_count": "asc"}}}


def test_groups_along_time_keep_their_order() -> None:
    body = {
        "size": 0,
        "aggs": {
            "groups": {
                "date_histogram": {"field": "bought", "calendar_interval": "year", "order": {"_key": "desc"}},
                "aggs": {"value": {"value_count": {"field": "title.keyword"}}},
            }
        },
    }
    ready, _ = Finish(replace(VIEW, question="count the books per year, latest first"), max_results=100)(body)

    assert ready["aggs"]["groups"]["date_histogram"]["order"] == {"_key": "desc"}
    assert "aggs" not in ready["aggs"]["groups"]
