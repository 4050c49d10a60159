"""What facets are counted from: every track's facts as bits in the memory of the process (decision 0033).

Built once from one statement, and before every answer brought to the present by the history: what was committed since
the snapshot of the last look is read again. A transaction that was open then is seen when it has been committed,
however late. Where the history cannot tell (another database, a truncated table, too many changes) all is built anew.
"""

import logging
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
from django.conf import settings
from django.db import connection, transaction

from apps.catalog.access import DECIDING
from apps.catalog.bits import LARGEST, Bits, Blanks, Numbers, Said, Words

log = logging.getLogger(__name__)

CHANGES_AT_MOST = 20_000
PAUSE_S = 60  # after a build that failed

_LIST = "unnest(CASE WHEN {0} = '{{}}' THEN '{{\"\"}}' ELSE {0} END)"

_OF_PART = (
    "unnest(coalesce(nullif(ARRAY(SELECT DISTINCT {0} FROM catalog_instrument WHERE track_id = track.id), '{{}}'),"
    " '{{\"\"}}'))"
)
_NONE = "CASE WHEN NOT EXISTS (SELECT FROM {0} WHERE track_id = track.id) THEN '' END"

# Column: the words that a row of `track` says in it, in SQL; the empty word where it says none. Columns that decide
# who sees a track are here as every other, so that the rules of `access.py` are answered by what they say.
WORDS = {
    "genre": "genre",
    "subgenre": "subgenre",
    "kind": "kind",
    "clearance": "clearance",
    "pitch_class": "coalesce(pitch_class::text, '')",
    "mode": "mode",
    "camelot": "CASE WHEN mode = '' OR pitch_class IS NULL THEN '' ELSE pitch_class || ' ' || mode END",
    "tempo_band": "coalesce((floor(tempo / 10) * 10)::int::text, '')",
    "year": "coalesce(extract(year FROM release_date)::int::text, '')",
    "mood": _LIST.format("mood"),
    "tags": _LIST.format("tags"),
    "instrument": _OF_PART.format("category"),
    "instrument_type": _OF_PART.format("type"),
    **{column.removesuffix("_id"): f"coalesce({column}::text, '')" for column in DECIDING},
}  # fmt: skip
# Column: the empty word for a row that says nothing in it; what the others say is not kept.
BLANKS = {
    **{
        column: f"CASE WHEN {column} = '' THEN '' END" for column in ("artist", "description", "catalog_number", "isrc")
    },
    "removed_at": "CASE WHEN removed_at IS NULL THEN '' END",
    "credits": _NONE.format("catalog_credit"),
    "sections": _NONE.format("catalog_section"),
}
# Column: its whole number, in SQL, and how many of them make one of the filter's.
NUMBERS = {
    "tempo": ("tempo * 100", 100),
    "duration_ms": (f"least(duration_ms, {LARGEST})", 1),
    "release_date": (
        "extract(year FROM release_date) * 10000 + extract(month FROM release_date) * 100"
        " + extract(day FROM release_date)", 1,
    ),
}  # fmt: skip

# The columns that these are made of.
FACTS = (
    "id", "number", "genre", "subgenre", "kind", "clearance", "pitch_class", "mode", "mood", "tags", "tempo",
    "duration_ms", "release_date", *DECIDING,
)  # fmt: skip

# A history that was restored into this server has numbers of transactions that are still to come: they are no news.
_NEWS = """
    xid >= pg_snapshot_xmin(%(seen)s::pg_snapshot) AND xid < pg_snapshot_xmax(pg_current_snapshot())
    AND NOT pg_visible_in_snapshot(xid, %(seen)s::pg_snapshot)"""
_LOOK = f"""
    SELECT pg_current_snapshot()::text,
        concat_ws(' ', pg_postmaster_start_time(), pg_relation_filenode('catalog_track'),
            pg_relation_filenode('catalog_change'), 'catalog_track'::regclass::oid),
        (SELECT count(*) FROM (SELECT FROM catalog_change WHERE {_NEWS} LIMIT {CHANGES_AT_MOST + 1}) AS news)"""
_ALL = "track AS NOT MATERIALIZED (SELECT * FROM catalog_track)"
_CHANGED = f"""track AS MATERIALIZED (SELECT * FROM catalog_track WHERE id IN (
    SELECT track_id FROM catalog_change WHERE {_NEWS}))"""


class Seen(NamedTuple):
    """At which moment the database was looked at, and which database it was."""

    snapshot: str
    place: str


def sent(number: str) -> str:
    """Whole numbers of many rows as the bytes that `ints` reads."""
    return f"string_agg(int4send(({number})::int), '')"


def ints(sent: bytes | None) -> np.ndarray:
    return np.frombuffer(sent or b"", ">i4").astype(np.int32)


def said(column: str) -> str:
    """(value, number) of what the rows of `track` say in a column of words."""
    return f"SELECT {(WORDS | BLANKS)[column]} AS value, number FROM track"


def _facts(tracks: str) -> str:
    """Every fact of some tracks in one statement, so of one moment; its rows are `Fact`s."""
    words = (
        f"SELECT '{column}', value, lower(value), {sent('number')}, NULL::bytea"
        f" FROM ({said(column)}) AS said WHERE value IS NOT NULL GROUP BY value"
        for column in WORDS | BLANKS
    )
    numbers = (
        f"SELECT '{column}', NULL, NULL, {sent('number')}, {sent(value)} FROM track WHERE {column} IS NOT NULL"
        for column, (value, _) in NUMBERS.items()
    )
    moment = "SELECT '', pg_current_snapshot()::text, NULL, NULL::bytea, NULL::bytea"
    return f"WITH {tracks} {' UNION ALL '.join([moment, *words, *numbers])}"


_FACTS, _CHANGED_FACTS = _facts(_ALL), _facts(_CHANGED)


class FacetIndex:
    """One for the process. Whoever reads or changes the bits holds the lock."""

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.bits: Bits | None = None
        self.seen = Seen("", "")
        self.builder: threading.Thread | None = None
        self.not_before = 0.0

    @contextmanager
    def present(self) -> Iterator[Bits | None]:
        """The bits as of this moment, for as long as the block; None when SQL has to answer.

        Inside a transaction SQL answers: what it wrote itself is nobody else's to see.
        """
        if connection.in_atomic_block or not settings.FACETS_IN_MEMORY_FROM:
            yield None
            return
        with self.lock:
            # What breaks off half patched is not kept.
            bits, self.bits = self.bits, None
            if bits is not None and self._follow(bits):
                self.bits = bits
            else:
                self._build_soon()
            yield self.bits

    def build(self) -> None:
        """From the whole catalogue, in one statement."""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SET LOCAL statement_timeout = '10min'; SET LOCAL jit = off; SET LOCAL work_mem = '64MB'")
            place = _look(cursor, "1:1:")[0].place
            bits, snapshot = _built(_rows(cursor, _FACTS))
        with self.lock:
            self.bits, self.seen = bits, Seen(snapshot, place)
        log.info("facets are counted from %d MB of memory", bits.bytes() // 1_000_000)

    def _follow(self, bits: Bits) -> bool:
        """Bring the bits to this moment; False when they have to be built anew."""
        with connection.cursor() as cursor:
            now, news = _look(cursor, self.seen.snapshot)
            if now.place != self.seen.place or news > CHANGES_AT_MOST:
                return False
            if news:
                now = Seen(_patch(bits, _rows(cursor, _CHANGED_FACTS, seen=self.seen.snapshot)), now.place)
        self.seen = now
        return True

    def _build_soon(self) -> None:
        """In a thread of its own, unless the catalogue is so small that SQL is as quick."""
        if (self.builder and self.builder.is_alive()) or time.monotonic() < self.not_before:
            return
        with connection.cursor() as cursor:
            cursor.execute("SELECT last_value FROM catalog_track_number")
            if cursor.fetchone()[0] < settings.FACETS_IN_MEMORY_FROM:
                return
        self.builder = threading.Thread(target=self._build_aside, name="facets", daemon=True)
        self.builder.start()

    def _build_aside(self) -> None:
        try:
            self.build()
        except Exception:
            log.exception("facets are counted by SQL, for their index could not be built")
            self.not_before = time.monotonic() + PAUSE_S
        finally:
            connection.close()


def _look(cursor, snapshot: str) -> tuple[Seen, int]:
    """This moment, and how many changes were committed since the snapshot; not more than one too many."""
    cursor.execute(_LOOK, {"seen": snapshot})
    now, place, news = cursor.fetchone()
    return Seen(now, place), news


class Fact(NamedTuple):
    """Of a column a word with the numbers of the tracks that say it, or their numbers with the values they have.

    Without a column: the snapshot that all of these are of, as the word.
    """

    column: str
    word: str
    folded: str
    positions: np.ndarray
    values: np.ndarray


def _rows(cursor, statement: str, **values) -> list[Fact]:
    cursor.execute(statement, values)
    return [Fact(*fact, ints(positions), ints(numbers)) for *fact, positions, numbers in cursor]


def _built(facts: list[Fact]) -> tuple[Bits, str]:
    """The bits and the snapshot that the facts are of."""
    width = max((int(fact.positions.max()) for fact in facts if len(fact.positions)), default=0) // 64 + 1
    width += width // 16
    said: dict[str, list[Said]] = {column: [] for column in WORDS | BLANKS}
    for column, *word, positions, _ in facts:
        if column in said:
            said[column].append(Said(*word, positions))
    words: dict[str, Words] = {column: (Blanks if column in BLANKS else Words)(said[column], width) for column in said}
    bits = Bits(words, {column: Numbers(width, scale) for column, (_, scale) in NUMBERS.items()}, width)
    for fact in facts:
        if fact.column in NUMBERS:
            bits.numbers[fact.column].learn(fact.positions, fact.values)
    return bits, _snapshot(facts)


def _patch(bits: Bits, facts: list[Fact]) -> str:
    """What the changed tracks said is forgotten, what they say now is learned. Returns the snapshot of that."""
    changed = np.concatenate([ints(None), *(fact.positions for fact in facts if fact.column == "kind")])
    bits.room_for(int(changed.max(initial=0)))
    bits.forget(changed)
    for column, word, folded, positions, values in facts:
        if column in NUMBERS:
            bits.numbers[column].learn(positions, values)
        elif column:
            bits.words[column].learn(word, folded, positions)
    return _snapshot(facts)


def _snapshot(facts: list[Fact]) -> str:
    return next(fact.word for fact in facts if not fact.column)


index = FacetIndex()
present = index.present
