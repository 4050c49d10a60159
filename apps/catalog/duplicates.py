"""Finds tracks that may be one, among those of one owner, and settles pairs that are none (decision 0038).

Sorted neighbourhood: tracks are put into order by what duplicates have in common, and each is compared with the next
few of its owner. So a look costs as many comparisons as there are tracks times a constant, whatever stands in them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from django.core.cache import cache
from django.db import connection, transaction

from apps.catalog.models import Duplicate
from apps.lib import locks
from apps.lib.errors import Conflict

# A desk with more than so many new pairs helps nobody: the likest come first, the others at a later full look.
MOST_NEW = 10_000
# More than so many changed tracks are not looked up one by one: everything is put into order.
MOST_CHANGED = 1000
BATCH = 2000
# Until where the last look had read; when it is lost, the next look is at everything.
MARK = "catalog.duplicates.looked"
TELLING = ["title", "artist", "isrc", "duration_ms", "owner_id", "status", "kind"]

Told = Callable[[int, int, str], None]

# Title without accents, case, brackets and what stands behind “ - Remastered”; of “(Intro)” alone the word stays.
BARE = r"""trim(regexp_replace(lower(unaccent(regexp_replace(
    t.title, '[(\[{][^)\]}]*[)\]}]|\s-\s+(\d{4}\s)?(digital(ly)?\s)?re-?master.*$', ' ', 'gi'
))), '[^[:alnum:]]+', ' ', 'g'))"""

TABLES = """
SET LOCAL statement_timeout = '20min';
SET LOCAL work_mem = '128MB';
SET LOCAL jit = off;
CREATE TEMP TABLE changed (id uuid PRIMARY KEY);
CREATE TEMP TABLE looked (
    id uuid PRIMARY KEY, owner uuid, blob uuid, isrc text, title text, words text, numbers text, artist text,
    ms bigint, changed boolean
);
CREATE TEMP TABLE found (
    first_id uuid, second_id uuid, reasons varchar(10)[], likeness numeric(4, 3), PRIMARY KEY (first_id, second_id)
);
"""

# Only what a comparison could find beside the changed ones.
BESIDE = """
WITH c AS (
    SELECT t.id, t.owner_id, t.isrc, t.duration_ms - greatest(2000, t.duration_ms * 21 / 1000) AS shortest,
        t.duration_ms + greatest(2000, t.duration_ms * 21 / 1000) AS longest
    FROM changed JOIN catalog_track t USING (id)
)
SELECT id FROM c
UNION SELECT t.id FROM c JOIN catalog_track t ON t.owner_id = c.owner_id
    AND t.duration_ms BETWEEN c.shortest AND c.longest
UNION SELECT t.id FROM c JOIN catalog_track t ON t.owner_id IS NULL AND c.owner_id IS NULL
    AND t.duration_ms BETWEEN c.shortest AND c.longest
UNION SELECT t.id FROM c JOIN catalog_track t ON t.isrc = c.isrc AND c.isrc <> ''
UNION SELECT other.track_id FROM changed JOIN catalog_trackfile mine ON mine.track_id = changed.id
    JOIN catalog_trackfile other ON other.blob_id = mine.blob_id
"""

LOOK = """
INSERT INTO looked
SELECT t.id, coalesce(t.owner_id, '00000000-0000-0000-0000-000000000000'), f.blob_id,
    regexp_replace(upper(t.isrc), '[^A-Z0-9]', '', 'g'), named.title,
    (SELECT string_agg(word, ' ' ORDER BY word) FROM regexp_split_to_table(named.title, ' ') AS word),
    regexp_replace(named.title, '[^0-9]', '', 'g'), lower(unaccent(t.artist)), t.duration_ms, {changed}
FROM catalog_track t
    LEFT JOIN catalog_trackfile f ON f.track_id = t.id AND f.role = 'original'
    CROSS JOIN LATERAL (SELECT coalesce(nullif({bare}, ''), lower(unaccent(t.title))) AS title) AS named
WHERE t.status = 'ready' AND t.kind <> 'gallery' {which}
"""

BYTES, ISRC = "a.blob = b.blob", "a.isrc = b.isrc AND a.isrc <> ''"
# Part 1 is not part 2, and two songs may have one title: of two artists who are named both must be alike.
NEAR = """abs(a.ms - b.ms) <= greatest(2000, 0.02 * greatest(a.ms, b.ms)) AND similarity(a.title, b.title) >= 0.6
    AND a.numbers = b.numbers
    AND (a.artist = '' OR b.artist = '' OR similarity(a.artist, b.artist) >= 0.3)"""

COMPARE = f"""
INSERT INTO found
SELECT DISTINCT least(a.id, b.id), greatest(a.id, b.id),
    array_remove(ARRAY[CASE WHEN {BYTES} THEN 'bytes' END, CASE WHEN {ISRC} THEN 'isrc' END,
        CASE WHEN {NEAR} THEN 'near' END], NULL)::varchar(10)[],
    round((1 - CASE WHEN {BYTES} THEN 0 ELSE 1 END * CASE WHEN {ISRC} THEN 0.2 ELSE 1 END
        * CASE WHEN {NEAR} THEN 1 - 0.9 * similarity(a.title, b.title) ELSE 1 END)::numeric, 3)
FROM {{pairs}} AND a.owner = b.owner AND (a.changed OR b.changed) AND ({BYTES} OR {ISRC} OR {NEAR})
ON CONFLICT DO NOTHING
"""

ORDER = "CREATE TEMP TABLE line AS SELECT *, row_number() OVER (ORDER BY owner, {by}) AS at FROM looked"
IN_ORDER = "line a CROSS JOIN generate_series(1, {most}) AS by JOIN line b ON b.at = a.at + by.by"
# What duplicates have in common → in which order it stands together, and with how many behind it each is compared.
# What is the same for many makes a chain of pairs, and merging one brings the next two together.
LINES = {
    "bytes": ("blob, id", 1),
    "ISRC": ("isrc, id", 1),
    "titles": ("title, ms, id", 20),
    "ends of titles": ("reverse(title), ms, id", 20),
    "words in another order": ("words, ms, id", 20),
}
KNOWN = """catalog_duplicate d JOIN looked a ON a.id = d.first_id JOIN looked b ON b.id = d.second_id
    WHERE d.state <> 'merged'"""

NEW = """
SELECT found.first_id, found.second_id, found.reasons, found.likeness FROM found
LEFT JOIN catalog_duplicate d USING (first_id, second_id) WHERE d.id IS NULL
ORDER BY found.likeness DESC, found.first_id, found.second_id LIMIT {most}
"""
AGAIN = """
SELECT d.id FROM found JOIN catalog_duplicate d USING (first_id, second_id)
WHERE d.state = 'dismissed' AND NOT found.reasons <@ d.reasons
"""
SAME = """
UPDATE catalog_duplicate d SET reasons = found.reasons, likeness = found.likeness, updated_at = now() FROM found
WHERE d.first_id = found.first_id AND d.second_id = found.second_id AND d.state IN ('open')
    AND (d.reasons, d.likeness) IS DISTINCT FROM (found.reasons, found.likeness)
"""
GONE = """
DELETE FROM catalog_duplicate d WHERE d.state = 'open' {touched}
    AND NOT EXISTS (SELECT FROM found WHERE found.first_id = d.first_id AND found.second_id = d.second_id)
"""
TOUCHED = "AND EXISTS (SELECT FROM changed WHERE changed.id IN (d.first_id, d.second_id))"


@dataclass(frozen=True)
class Look:
    """What a look did: how many tracks it compared, and pairs that are new, open again, and no longer alike."""

    compared: int
    new: int
    again: int
    gone: int


def find(*, everything: bool = False, told: Told = lambda done, of, what: None) -> Look | None:
    """Look at what changed since the last look, or at everything; None while somebody else is looking.

    `told(done, of, what)` hears of every step. A dismissed pair opens again only for a reason that it had not.
    """
    with locks.alone("find duplicates") as mine:
        if not mine:
            return None
        with transaction.atomic():
            mark, newest = _marks()
            since = None if everything else cache.get(MARK)
            look = _look(since if since and int(since) <= newest else None, told)
        cache.set(MARK, mark, timeout=None)
        return look


def _marks() -> tuple[str, int]:
    """Of every transaction before the first number it is known how it ended, and from the second on there is none.

    A mark beyond that is another database's, such as that of before a restore.
    """
    now = "SELECT pg_snapshot_xmin(now)::text, pg_snapshot_xmax(now)::text::bigint FROM pg_current_snapshot() AS now"
    return _rows(now)[0]


def _look(since: str | None, told: Told) -> Look:
    steps = len(LINES) + 2
    _run(TABLES)
    partial = since is not None and _changed_since(since)
    told(0, steps, "reading titles")
    compared = _fill(partial)
    for done, (what, (by, neighbours)) in enumerate(LINES.items(), start=1):
        told(done, steps, f"comparing {what}")
        _compare_in_order(by, neighbours)
    _run(COMPARE.format(pairs=KNOWN))
    told(steps - 1, steps, "storing pairs")
    kept = _keep(partial)
    _run("DROP TABLE changed, looked, found")
    told(steps, steps, "done")
    return Look(compared, **kept)


def _changed_since(since: str) -> bool:
    """Notes what changed; False when that is too much to be looked up one by one.

    A history that was restored into this server has numbers of transactions that are still to come. What began after
    this look belongs to the next one.
    """
    _run(
        """INSERT INTO changed SELECT DISTINCT track_id FROM catalog_change
           WHERE xid BETWEEN %s::xid8 AND pg_current_xact_id() AND "table" = 'catalog_track'
               AND fields && %s::varchar[] LIMIT %s""",
        [since, TELLING, MOST_CHANGED + 1],
    )
    _run("ANALYZE changed")
    return _rows("SELECT count(*) FROM changed")[0][0] <= MOST_CHANGED


def _fill(partial: bool) -> int:
    which = f"AND t.id IN ({BESIDE})" if partial else ""
    changed = "EXISTS (SELECT FROM changed WHERE changed.id = t.id)" if partial else "true"
    compared = _run(LOOK.format(bare=BARE, which=which, changed=changed))
    _run("ANALYZE looked")
    return compared


def _compare_in_order(by: str, neighbours: int) -> None:
    _run(ORDER.format(by=by))
    _run("ANALYZE line")
    _run(COMPARE.format(pairs=f"{IN_ORDER.format(most=neighbours)} WHERE true"))
    _run("DROP TABLE line")


def _keep(partial: bool) -> dict[str, int]:
    """The rows follow what was found."""
    again = [pk for (pk,) in _rows(AGAIN)]
    Duplicate.machine.move_all(Duplicate.objects.filter(pk__in=again), "open", settled_by=None)
    _run(SAME)
    names = ("first_id", "second_id", "reasons", "likeness")
    fresh = [Duplicate(**dict(zip(names, row, strict=True))) for row in _rows(NEW.format(most=MOST_NEW))]
    Duplicate.objects.bulk_create(fresh, batch_size=BATCH, ignore_conflicts=True)
    gone = _run(GONE.format(touched=TOUCHED if partial else ""))
    return {"new": len(fresh), "again": len(again), "gone": gone}


def _run(statement: str, params: list | None = None) -> int:
    with connection.cursor() as cursor:
        cursor.execute(statement, params)
        return cursor.rowcount


def _rows(statement: str) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement)
        return cursor.fetchall()


def dismiss(*, pair: Duplicate, by) -> None:
    """These are two. CONFLICT when the pair is settled already."""
    Duplicate.machine.move(pair, "dismissed", settled_by=by)


def reopen(*, pair: Duplicate, by) -> None:
    """A dismissed pair is looked at again; a merged one opens when its merge is undone."""
    if pair.state != "dismissed":
        raise Conflict("Only a dismissed pair can be opened again. To part merged tracks, undo their merge.")
    Duplicate.machine.move(pair, "open", settled_by=None)


def others(pair: Duplicate, track_id: UUID) -> UUID:
    """The other one of the two."""
    return pair.second_id if track_id == pair.first_id else pair.first_id
