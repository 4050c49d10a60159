"""The words that searching knows: those of the public tracks, and what a mistyped one is put right to.

Nothing of a private track is in here, so no correction tells of one.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from django.db import connection, transaction

from apps.catalog.models import Track

LONGEST = 40
# Shorter words have too many neighbours; longer ones may be two letters off.
CORRECTED_FROM, TWO_SLIPS_FROM = 4, 6
ALPHABETS = ("abcdefghijklmnopqrstuvwxyz", "абвгдежзийклмнопрстуфхцчшщъыьэюяієґ", "αβγδεζηθικλμνξοπρσςτυφχψω")

LEARN = """
WITH fresh AS MATERIALIZED (
    SELECT word, ndoc AS uses FROM ts_stat({vectors}) WHERE length(word) <= {longest}
),
gone AS (
    DELETE FROM catalog_word AS w WHERE NOT EXISTS (SELECT FROM fresh WHERE fresh.word = w.word)
),
learned AS (
    INSERT INTO catalog_word (word, uses) SELECT word, uses FROM fresh
    ON CONFLICT (word) DO UPDATE SET uses = excluded.uses WHERE catalog_word.uses <> excluded.uses
)
SELECT count(*) FROM fresh"""

# `begun` counts the tracks with a word that begins like this one.
READ = """
SELECT said.lexeme, coalesce(known.uses, 0), coalesce((
    SELECT sum(uses) FROM catalog_word
    WHERE length(said.lexeme) >= %s AND word ~>=~ said.lexeme AND word ~<~ (said.lexeme || chr(1114111))), 0),
    (SELECT greatest(reltuples, 1)::bigint FROM pg_class WHERE oid = 'catalog_track'::regclass)
FROM unnest(catalog_words(%s)) AS said LEFT JOIN catalog_word AS known ON known.word = said.lexeme
ORDER BY said.positions[1]"""

ONE_SLIP = """
SELECT asked.word, near.word, near.uses FROM unnest(%s::text[]) WITH ORDINALITY AS asked(word, place)
CROSS JOIN LATERAL (
    SELECT known.word, known.uses FROM unnest(string_to_array((%s::text[])[asked.place], ' ')) AS variant
    JOIN catalog_word AS known ON known.word = variant ORDER BY known.uses DESC, known.word LIMIT 1
) AS near"""

TWO_SLIPS = """
SELECT asked.word, near.word, near.uses FROM unnest(%s::text[]) AS asked(word)
CROSS JOIN LATERAL (
    SELECT known.word, known.uses FROM catalog_word AS known
    WHERE known.word %% asked.word AND levenshtein_less_equal(known.word, asked.word, 2) <= 2
    ORDER BY known.uses DESC, known.word LIMIT 1
) AS near"""


@dataclass(frozen=True)
class Word:
    """A word as the index has it, in how many public tracks it is, in how many one is that begins like it, and of about
    how many tracks there are."""

    text: str
    uses: int
    begun: int
    of: int


def learn() -> int:
    """Know the words of the public tracks; returns how many. One statement: readers see the old ones or the new."""
    public, values = Track.objects.public().order_by().values("search").query.sql_with_params()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL statement_timeout = '10min'")
        vectors = connection.ops.compose_sql("%s", [connection.ops.compose_sql(public, values)])
        cursor.execute(LEARN.format(vectors=vectors, longest=LONGEST))
        return cursor.fetchone()[0]


def read(text: str, *, begun_from: int) -> list[Word]:
    """The words of a text in their order, each once; `begun` is counted for those of `begun_from` letters and more."""
    with connection.cursor() as cursor:
        cursor.execute(READ, [begun_from, text])
        return [Word(*row) for row in cursor.fetchall()]


class Right(NamedTuple):
    """What a mistyped word was meant to be, and in how many public tracks that is."""

    word: str
    uses: int


def put_right(words: Iterable[str]) -> dict[str, Right]:
    """Of words that nobody uses the nearest that somebody does: one slip away, else two; the most used of those."""
    asked = [word for word in words if CORRECTED_FROM <= len(word) <= LONGEST and word.isalpha()]
    if not asked:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(ONE_SLIP, [asked, [" ".join(slips(word)) for word in asked]])
        found = {word: Right(*right) for word, *right in cursor.fetchall()}
        if far := [word for word in asked if word not in found and len(word) >= TWO_SLIPS_FROM]:
            cursor.execute(TWO_SLIPS, [far])
            found |= {word: Right(*right) for word, *right in cursor.fetchall()}
    return found


def slips(word: str) -> set[str]:
    """Everything one slip away: a letter too many, too few, another one, or two exchanged."""
    letters = next((alphabet for alphabet in ALPHABETS if word[0] in alphabet or word[-1] in alphabet), "")
    parts = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    fewer = {left + right[1:] for left, right in parts if right}
    exchanged = {left + right[1] + right[0] + right[2:] for left, right in parts if len(right) > 1}
    others = {left + letter + right[1:] for left, right in parts if right for letter in letters}
    more = {left + letter + right for left, right in parts for letter in letters}
    return (fewer | exchanged | others | more) - {word}
