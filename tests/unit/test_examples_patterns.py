"""What is left of a question when topics are masked, and what that does to its neighbours."""

from __future__ import annotations

import numpy as np
import pytest

from examples_db.patterns import PatternEmbedder, skeleton
from tests.fakes.embedder import HashEmbedder


@pytest.mark.parametrize(
    ("pattern", "left"),
    [
        ("how many [value] films are there", "how many [value] thing are there"),
        ("top [number] movies by worldwide gross", "top [number] thing by thing"),
        ("What is the tallest building?", "what is the highest thing ?"),
        ("requests of guests from the west", "thing of thing from the thing"),
        ("عدد الكتب", "thing"),
        ("", ""),
    ],
)
def test_a_skeleton_keeps_structure_and_masks_topics(pattern: str, left: str) -> None:
    assert skeleton(pattern) == left
    assert skeleton(left) == left


def test_vectors_have_length_one_and_twice_the_dimension() -> None:
    embedder = PatternEmbedder(HashEmbedder(64))

    rows = embedder.encode(["top [number] books", "how many cats", ""])

    assert rows.shape == (3, 128)
    assert rows.dtype == np.float32
    assert np.linalg.norm(rows[:2], axis=1) == pytest.approx([1, 1], abs=1e-5)
    assert embedder.dimension == 128


def test_questions_of_one_kind_are_nearer_than_questions_of_one_topic() -> None:
    plain, patterns = HashEmbedder(256), PatternEmbedder(HashEmbedder(256))
    asked, same_kind, same_topic = "how many film directors", "how many oil wells", "list the film directors by film"

    def nearer(rows: np.ndarray) -> str:
        return same_kind if rows[0] @ rows[1] > rows[0] @ rows[2] else same_topic

    texts = [asked, same_kind, same_topic]
    assert nearer(plain.encode(texts)) == same_topic
    assert nearer(patterns.encode(texts)) == same_kind


def test_its_vectors_are_told_from_those_of_the_embedder_alone() -> None:
    plain = HashEmbedder(64)

    assert PatternEmbedder(plain).id != plain.id
