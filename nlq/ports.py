"""What the core needs from the outside. Adapters implement these; the core never imports an adapter."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from nlq.types import (
    Body,
    Candidate,
    EngineInfo,
    Example,
    ExampleFilter,
    Failure,
    IndexInfo,
    IndexSchema,
    LinkedValue,
    Prompt,
    Record,
    Result,
    SamplingParams,
    State,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


class Sampler(Protocol):
    """A language model that is asked many times."""

    @property
    def name(self) -> str:
        """Runtime and model, as shown to users ("llama.cpp qwen2.5-coder-1.5b-instruct-q4_k_m")."""

    def sample(self, prompt: Prompt, schema: Body | None, params: SamplingParams) -> Iterator[Candidate]:
        """Yield exactly ``params.n`` candidates as they end, in no promised order.

        ``schema`` is a JSON Schema that every text is decoded under (None: free text). Closing the iterator stops
        the rest. Raises SamplerError where the runtime fails, InputError where it lacks what ``params`` asks for.
        """

    def warm(self, prompt: Prompt) -> None:
        """Put ``prompt.head`` and ``prompt.index`` into the runtime's prefix cache where it has one."""

    def ready(self) -> None:
        """Return where a question could be sampled now; raises SamplerError else."""

    def close(self) -> None:
        """Free what the runtime holds. A closed sampler is not used again."""


class Engine(Protocol):
    """Elasticsearch. Index names come from callers and are checked here; only ``load`` and ``add`` write.

    Where an index is read, its name may be an alias, a data stream, a pattern with ``*`` or several of these with
    commas between; patterns stand for open indices that are not hidden.
    """

    def info(self) -> EngineInfo:
        """Version and modules; raises EngineError where the engine does not answer. Serves as the ping."""

    def indexes(self) -> Sequence[IndexInfo]:
        """The indices (aliases and data streams too) a user may ask, by name; none hidden or starting with "."."""

    def mapping(self, index: str) -> Mapping[str, Any]:
        """The mapping as Elasticsearch gives it ({"properties": …}), merged over the indices behind the name: where
        they differ on a field, the last one's definition by the order of their names.

        Raises UnknownIndexError where there is none (or a pattern matches none), InputError where the name is none.
        """

    def schema(self, index: str) -> IndexSchema:
        """The fields of the indices behind the name, united (see Field), the engine's features and its version.

        What is known of the engine may be some minutes old, the fields never are. Raises as ``mapping`` does.
        """

    def search(self, index: str, bodies: Sequence[Body], *, timeout: float) -> Sequence[Result | Failure]:
        """One result per body, in order, from one ``_msearch``. A refused body is a Failure, not an error."""

    def load(
        self, index: str, *, mappings: Body, documents: Iterable[tuple[str, Body]], settings: Body | None = None
    ) -> int:
        """Create the index and put (id, document) pairs into it; returns how many. InputError where it exists."""

    def add(self, index: str, documents: Iterable[tuple[str, Body]]) -> int:
        """Put (id, document) pairs into an index that exists, replacing those of the same id; returns how many.

        UnknownIndexError where there is no such index.
        """

    def close(self) -> None: ...


class Embedder(Protocol):
    """Turns texts into vectors whose inner product says how near they are."""

    @property
    def dimension(self) -> int:
        """Length of every vector."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One L2-normalised row per text: float32, shape (len(texts), dimension). Raises StoreError where it fails."""


class ExampleStore(Protocol):
    """Questions with queries known to be right. Every method raises StoreError where the store cannot be used."""

    def nearest(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None = None,
        values: Iterable[LinkedValue] = (),
        fields: Iterable[str] = (),
    ) -> Sequence[Example]:
        """At most k examples, nearest first by the pattern of their questions; ``values`` are the question's links,
        ``fields`` the "name:kind" pairs of the index that is asked.

        ``exclude_index`` is a name, a pattern with ``*`` or several of these with commas between: examples are left out
        whose own index, which may be a pattern or a list too, can name an index in common with it. Aliases are not
        resolved: name what they stand for.
        """

    def warm(self) -> None:
        """Load what the first question would otherwise wait for."""

    def add(
        self, examples: Iterable[Example], *, tags: Iterable[str] = (), author: str = "", state: State = State.UNCHECKED
    ) -> int:
        """Keep these, all or none; returns how many were new (same question, index and query: known)."""

    def all(self) -> Sequence[Example]:
        """Every example in the order they were added."""

    def count(self, where: ExampleFilter | None = None) -> int:
        """How many records are meant; None means all."""

    def page(self, where: ExampleFilter | None = None, *, after: str = "", limit: int = 100) -> Sequence[Record]:
        """At most ``limit`` records in the order they were added, those behind the one with the id ``after``."""

    def get(self, example_id: str) -> Record:
        """The record of that id; raises UnknownExampleError."""

    def edit(self, example_id: str, example: Example, *, tags: Iterable[str] | None = None, etag: str) -> Record:
        """Replace question, query, index and fields (and tags, where given); its state is UNCHECKED afterwards.

        Raises UnknownExampleError, ConflictError where the record has another ``etag`` by now or equals another one.
        """

    def remove(self, example_id: str, *, etag: str | None = None) -> None:
        """Forget it. Raises as ``edit``; ``etag`` None removes whatever is there."""

    def mark(self, example_id: str, state: State, *, engine: str, reason: str = "", etag: str | None = None) -> None:
        """Remember what a check found on the engine of that version. Raises as ``edit``: what was found of an example
        says nothing of an edited one; ``etag`` None marks whatever is there."""

    def used(self, shown: Iterable[str], *, won: Iterable[str] = ()) -> None:
        """Count that these ids were shown to a model, and that those led to the answer. Unknown ids are passed over."""

    def close(self) -> None: ...
