"""Which track a line of a playlist file means, among those that its sender may see (decision 0048).

By the id it has here, else its ISRC, else the hash of its file, else its words and length. One statement per way and
batch of lines, so that ten thousand lines are a matter of seconds.
"""

from collections.abc import Iterable
from decimal import Decimal
from uuid import UUID

from django.db import connection

from apps.catalog import words
from apps.catalog.duplicates import BARE
from apps.catalog.models import Track
from apps.playlists.models import Import, ImportLine

# As sure as this, and surer than of any other by so much, is sure. All else is for people to decide.
SURE, CLEARLY = 0.75, 0.05
# One ISRC may stand on several recordings (C-18).
ISRC_TELLS = 0.95
# Candidates of a line that are compared, and words of a batch that are put right.
MOST_COMPARED, MOST_PUT_RIGHT = 100, 1000

OF_BATCH = "l.imported_id = %s AND l.number BETWEEN %s AND %s AND l.outcome = 'waiting'"

BY_ID = """
UPDATE playlists_importline AS l SET track_id = catalog_track.id, outcome = 'found', how = 'id', confidence = 1
FROM catalog_track WHERE {which} AND catalog_track.id = l.named AND {seen}"""

# Of several that one identity names, the one whose title is likest, then the oldest.
BY_IDENTITY = """
UPDATE playlists_importline AS l SET track_id = best.track_id, outcome = 'found', how = %s, confidence = %s
FROM (
    SELECT DISTINCT ON (l.id) l.id, catalog_track.id AS track_id FROM playlists_importline AS l {join}
    WHERE {which} AND {seen}
    ORDER BY l.id, similarity(catalog_track.title, l.title) DESC, catalog_track.id
) AS best WHERE l.id = best.id"""
OF_ISRC = "JOIN catalog_track ON catalog_track.isrc = l.isrc AND l.isrc <> ''"
OF_BYTES = """
    JOIN catalog_blob ON catalog_blob.sha256 = l.sha256 AND l.sha256 <> ''
    JOIN catalog_trackfile ON catalog_trackfile.blob_id = catalog_blob.id AND catalog_trackfile.role = 'original'
    JOIN catalog_track ON catalog_track.id = catalog_trackfile.track_id"""

# All words of a line, in whatever order, are looked up in the index over title, artist and creators; the very title in
# its own. What is not named, such as an artist, can be sure by the length alone.
LOOK = """
WITH asked AS MATERIALIZED (
    SELECT l.id, l.title, lower(unaccent(l.title)) AS plain, {bare_l} AS bare, lower(unaccent(l.artist)) AS artist,
        l.duration_ms AS ms, (
            SELECT string_agg('''' || replace(coalesce(meant.word, said.lexeme), '''', '''''') || '''', ' & ')::tsquery
            FROM unnest(catalog_words({text})) AS said
            LEFT JOIN unnest(%s::text[], %s::text[]) AS meant (said, word) ON meant.said = said.lexeme
        ) AS query
    FROM playlists_importline AS l WHERE {which}
), candidate AS MATERIALIZED (
    SELECT DISTINCT asked.*, track.* FROM asked CROSS JOIN LATERAL (
        (SELECT catalog_track.id AS track_id, catalog_track.title AS name, catalog_track.artist AS by,
            catalog_track.duration_ms AS length
        FROM catalog_track WHERE ts_filter(catalog_track.search, '{{a,b}}') @@ asked.query AND {seen} LIMIT {most})
        UNION ALL
        (SELECT catalog_track.id, catalog_track.title, catalog_track.artist, catalog_track.duration_ms
        FROM catalog_track WHERE catalog_track.title = asked.title AND {seen} LIMIT {most})
    ) AS track
), alike AS (
    SELECT *, 0.75 * {bares} + 0.25 * {titles} AS titles, {artists} AS artists,
        least({title_as_artist}, {artist_as_title}) AS swapped, {digits_l} = {digits_t} AS one_part,
        abs(length - ms) AS apart
    FROM candidate CROSS JOIN LATERAL (SELECT {bare_t} AS t_bare, lower(unaccent(name)) AS t_title,
        lower(unaccent(by)) AS t_artist FROM (SELECT name AS title) AS t) AS its
), scored AS (
    SELECT id, track_id, round((
        CASE WHEN artist = '' OR by = '' THEN titles * CASE WHEN apart <= 3000 THEN 0.85 ELSE 0.7 END
        ELSE greatest(0.65 * titles + 0.35 * artists, 0.9 * swapped) END
        * CASE WHEN one_part THEN 1 ELSE 0.75 END
        * CASE WHEN apart IS NULL THEN 0.95 WHEN apart <= 3000 THEN 1 WHEN apart <= 15000 THEN 0.9 ELSE 0.7 END
    )::numeric, 3) AS confidence
    FROM alike
)
"""
# Of two texts from 0 to 1: by their trigrams, or by how many letters are wrong.
ALIKE = """CASE WHEN {0} = {1} THEN 1 ELSE greatest(similarity({0}, {1}),
    1 - 1.5 * levenshtein(left({0}, 60), left({1}, 60)) / greatest(length(left({0}, 60)), 1)) END"""
PAIRS = {
    "bares": ("bare", "t_bare"),
    "titles": ("plain", "t_title"),
    "artists": ("artist", "t_artist"),
    "title_as_artist": ("plain", "t_artist"),
    "artist_as_title": ("artist", "t_title"),
}
# Another number is another part; a year is none.
DIGITS = r"regexp_replace({}, '\m(19|20)[0-9]{{2}}\M|[^0-9]', '', 'g')"
TITLE_AND_ARTIST, TITLE = "concat_ws(' ', {bare}, l.artist)", "{bare}"

SETTLE = """
UPDATE playlists_importline AS l SET track_id = best.track_id, outcome = 'found', how = 'words',
    confidence = best.confidence
FROM (
    SELECT *, lead(confidence, 1, 0) OVER ranked AS next, row_number() OVER ranked AS place FROM scored
    WINDOW ranked AS (PARTITION BY id ORDER BY confidence DESC, track_id)
) AS best
WHERE l.id = best.id AND best.place = 1 AND best.confidence >= {sure} AND best.confidence - best.next >= {clearly}"""
SHOW = "SELECT track_id, max(confidence) FROM scored GROUP BY track_id ORDER BY 2 DESC, 1 LIMIT %s"

UNKNOWN = """
SELECT DISTINCT said.lexeme FROM playlists_importline AS l
CROSS JOIN unnest(catalog_words(concat_ws(' ', l.title, l.artist))) AS said
WHERE {which} AND NOT EXISTS (SELECT FROM catalog_word AS known WHERE known.word = said.lexeme)
ORDER BY said.lexeme LIMIT {most}"""


def look_for(imported: Import, first: int, last: int) -> None:
    """Find the tracks of a batch of lines that wait, by number; what is found by no way is unresolved from then on."""
    batch, user = [imported.pk, first, last], imported.user
    seen, values = _seen(user)
    _run(BY_ID.format(which=OF_BATCH, seen=seen), [*batch, *values])
    _merged(imported, first, last)
    for how, join, confidence in (("isrc", OF_ISRC, ISRC_TELLS), ("bytes", OF_BYTES, 1)):
        _run(BY_IDENTITY.format(which=OF_BATCH, seen=seen, join=join), [how, confidence, *batch, *values])
    meant: dict[str, str] = {}
    for text in (TITLE_AND_ARTIST, TITLE):
        _run(_look(text, OF_BATCH, seen) + _settle(), [*_meant(meant), *batch, *values, *values])
    if meant := _put_right(batch):
        for text in (TITLE_AND_ARTIST, TITLE):
            _run(_look(text, OF_BATCH, seen) + _settle(), [*_meant(meant), *batch, *values, *values])
    ImportLine.objects.filter(imported=imported, number__range=(first, last), outcome="waiting").update(
        outcome="unresolved"
    )


def tracks(ids: Iterable[UUID | None], user) -> dict[UUID, Track]:
    """Those of these tracks that somebody sees and that are there, by id, with their names and lengths alone."""
    rows = Track.objects.visible_to(user).live().filter(pk__in={pk for pk in ids if pk})
    return {track.pk: track for track in rows.only("pk", "title", "artist", "duration_ms")}


def candidates(line: ImportLine, user, *, most: int = 5) -> list[tuple[Track, Decimal]]:
    """Tracks that a line may mean, the likeliest first, with how likely from 0 to 1."""
    seen, values = _seen(user)
    unknown = _rows(UNKNOWN.format(which="l.id = %s", most=MOST_PUT_RIGHT), [line.pk])
    meant = _right(unknown)
    found: dict[UUID, Decimal] = {}
    for text in (TITLE_AND_ARTIST, TITLE):
        rows = _rows(_look(text, "l.id = %s", seen) + SHOW, [*_meant(meant), line.pk, *values, *values, most])
        for track_id, confidence in rows:
            found.setdefault(track_id, confidence)
    likely = sorted(found, key=lambda pk: (-found[pk], pk))[:most]
    known = tracks(likely, user)
    return [(known[pk], found[pk]) for pk in likely if pk in known]


def _seen(user) -> tuple[str, tuple]:
    """What this person may put into a playlist, as SQL."""
    rows = Track.objects
    return rows.as_condition(rows.view_rule(user) & rows.live_rule())


def _look(text: str, which: str, seen: str) -> str:
    bare = BARE.replace("t.title", "l.title")
    return LOOK.format(
        which=which, seen=seen, most=MOST_COMPARED, text=text.format(bare=_or_plain(bare, "l.title")),
        bare_l=_or_plain(bare, "l.title"), bare_t=_or_plain(BARE, "t.title"),
        digits_l=DIGITS.format("plain"), digits_t=DIGITS.format("t_title"),
        **{name: ALIKE.format(*pair) for name, pair in PAIRS.items()},
    )  # fmt: skip


def _or_plain(bare: str, title: str) -> str:
    """Of a title in brackets alone nothing would be left."""
    return f"coalesce(nullif({bare}, ''), lower(unaccent({title})))"


def _settle() -> str:
    return SETTLE.format(sure=SURE, clearly=CLEARLY)


def _meant(right: dict[str, str]) -> tuple[list[str], list[str]]:
    return list(right), list(right.values())


def _put_right(batch: list) -> dict[str, str]:
    """Words of the lines that still wait that nobody uses → the nearest that somebody does."""
    return _right(_rows(UNKNOWN.format(which=OF_BATCH, most=MOST_PUT_RIGHT), batch))


def _right(unknown: list[tuple[str]]) -> dict[str, str]:
    return {said: right.word for said, right in words.put_right(word for (word,) in unknown).items()}


def _merged(imported: Import, first: int, last: int) -> None:
    """A track that was merged lives on in another one, which whoever saw it may be led to."""
    lines = ImportLine.objects.filter(imported=imported, number__range=(first, last), outcome="waiting")
    gone = Track.objects.filter(pk__in=lines.filter(named__isnull=False).values("named"), merged_into__isnull=False)
    for pk in gone.values_list("pk", flat=True):
        if there := Track.objects.successor(imported.user, pk):
            lines.filter(named=pk).update(track=there, outcome="found", how="id", confidence=1)


def _run(statement: str, values: list) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)


def _rows(statement: str, values: list) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall()
