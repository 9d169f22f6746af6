"""Examples in SQLite, found by FAISS: the table is the truth, all else is made from it again."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Self

from examples_db.database import Database
from examples_db.embed import Embedder
from examples_db.found import FoundRecords
from examples_db.mask import mask
from examples_db.pool import Pool
from examples_db.progress import Progress
from examples_db.records import Records
from examples_db.retrieve import Near, Ranking
from examples_db.searching import EarlierEmbedder, Search, Sizes
from examples_db.seeding import SEEDS, SOURCE, Seeded, read_seeds, seeds_version
from nlq.types import LinkedValue


class SqliteStore(FoundRecords):
    """The ExampleStore of nlq: one file, any number of threads and processes."""

    def __init__(
        self,
        database: Database,
        *,
        embedder: Embedder,
        ranking: Ranking | None = None,
        earlier: EarlierEmbedder | None = None,
        on_progress: Progress | None = None,
        sizes: Sizes | None = None,
    ) -> None:
        self.path = database.path
        self.embedder = embedder
        self.ranking = ranking or Ranking()
        self._database = database
        self._records = Records(database)
        self._pool = Pool(embedder)
        self._search = Search(
            database,
            embedder,
            mask_fields=self.ranking.mask_fields,
            sizes=sizes or Sizes(),
            earlier=earlier,
            on_progress=on_progress,
        )

    @classmethod
    def open(
        cls,
        path: Path,
        embedder: Embedder,
        *,
        ranking: Ranking | None = None,
        earlier: EarlierEmbedder | None = None,
        on_progress: Progress | None = None,
        sizes: Sizes | None = None,
    ) -> Self:
        """The store in that file, made where there is none; nothing is embedded before it is needed (see ``warm``).

        Where much is to be embedded, because the embedder is another one now, that is done in the background, told to
        ``on_progress``; the embedder that ``earlier`` gives serves meanwhile.

        Raises StoreError where the file is damaged, not ours, of a newer version, or cannot be opened.
        """
        database = Database.open(path)
        return cls(database, embedder=embedder, ranking=ranking, earlier=earlier, on_progress=on_progress, sizes=sizes)

    def _near(
        self,
        question: str,
        k: int,
        *,
        exclude_index: str | None,
        values: Iterable[LinkedValue],
        fields: tuple[str, ...],
    ) -> Iterable[Near]:
        searcher = self._search.current()
        if not searcher.index.size:
            return ()
        vectors = searcher.vectors
        pattern = mask(question, values, fields=fields if vectors.mask_fields else ())
        vector = vectors.embedder.encode([pattern])
        return searcher.near(vector, at_first=self.ranking.pool(k), exclude_index=exclude_index)

    def _warm(self) -> None:
        self._search.current().vectors.embedder.encode(["warm"])

    def embed(self, on_progress: Progress | None = None) -> int:
        """Give every example its vector now instead of in the background; returns how many got one."""
        return self._search.embed(on_progress)

    def wait(self) -> None:
        """Until what is done in the background is done. Raises what ended it early."""
        self._search.wait()

    def close(self) -> None:
        self._search.close()
        self._database.close()


def seed(store: Seeded, folder: Path = SEEDS) -> bool:
    """Bring nlq's own examples, the files in ``folder``, into the store where it lacks this version of them.

    Seeds of another version are replaced; examples of other sources stay. Returns whether anything was done; raises
    StoreError where a file is missing or wrong.
    """
    version = seeds_version(folder)
    if store.source_version(SOURCE) == version:
        return False
    store.replace_source(SOURCE, read_seeds(folder), version=version)
    return True
