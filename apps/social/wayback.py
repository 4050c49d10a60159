"""The way back from tracks to old posts: what stands in it, and how the tracks that the move made go (S0-34).

A moved track is told by its `PostMove`, never by a time. What people made of it since would be lost, so the way back
is refused before anything is touched, with a list. What machines made of it goes with it: its source, history, plays
and the copies that the archive fetched, whose bytes stay in the store for two days more.
"""

from django.db import connection
from django.db.migrations.exceptions import IrreversibleError

from apps.lib import batches, ddl
from apps.playlists import separation as playlists
from apps.social import oldshape

CLOSED = (
    "`separation drop` removed the old columns, so there is no way back to posts that hold their audio. "
    "Restore the backup from before it."
)
# A moved track has the id of the post it was made of.
MOVED = "SELECT post_id FROM social_postmove WHERE fate = 'moved'"


def _moved(column: str) -> str:
    """`column` with its table: a move has a `track_id` and an `id` too."""
    return f"EXISTS (SELECT FROM social_postmove AS gone WHERE gone.post_id = {column} AND gone.fate = 'moved')"


# Tables whose rows go with a moved track. Whatever else has a key to tracks is somebody's work.
GO_ALONG = {
    "catalog_providersource": "track_id", "catalog_change": "track_id", "catalog_trackfile": "track_id",
    "catalog_derivation": "track_id", "catalog_play": "track_id", "catalog_playday": "track_id",
    "archive_archiveasset": "track_id", "archive_archivejob": "track_id",
}  # fmt: skip
ASKED_APART = {"social_post", "playlists_entry", "catalog_duplicate"}
SHOWN = 5
# Audio posts that were set apart say again that they are some.
SET_TOGETHER = """
UPDATE social_post SET post_type = 'audio' FROM social_postmove AS move
WHERE social_post.id = move.post_id AND fate IN ('no_url', 'bad_url') AND post_type = 'text'"""

# What cannot be said in the old shape: (what it is, SQL of the keys to name).
OBSTACLES = (
    (
        "posts of tracks that were no post's audio before",
        f"SELECT id FROM social_post WHERE track_id IS NOT NULL AND NOT {_moved('social_post.track_id')}",
    ),
    (
        "moved tracks that people changed",
        f"""SELECT DISTINCT track_id FROM catalog_change WHERE track_id IN ({MOVED})
            AND (by_id IS NOT NULL OR door NOT IN ('migration', 'system'))
            AND EXISTS (SELECT FROM catalog_track WHERE id = track_id AND status <> 'removed')""",
    ),
)  # fmt: skip
# Asked as long as entries name tracks. By way of the few tracks, for most entries are of posts that are there.
OBSTACLES_OF_ENTRIES = (
    (
        "playlist entries of tracks that were no post's audio before",
        f"""SELECT entry.id FROM playlists_entry AS entry WHERE track_id IN (SELECT id FROM catalog_track AS track
            WHERE NOT {_moved("track.id")} AND NOT EXISTS (SELECT FROM social_post WHERE social_post.id = track.id))""",
    ),
    (
        "playlist entries of tracks whose first post was deleted",
        """SELECT entry.id FROM playlists_entry AS entry WHERE track_id IN (SELECT post_id FROM social_postmove AS move
            WHERE fate = 'moved' AND NOT EXISTS (SELECT FROM social_post WHERE social_post.id = move.post_id))""",
    ),
)  # fmt: skip
# Asked where posts have what decides about it: column → what it is, and which rows.
OBSTACLES_OF_COLUMNS = (
    ("status", "hidden or removed {said}, which the old shape would show to all", "status <> 'shown'"),
    ("author_id", "{said} whose author left", "author_id IS NULL"),
)
FILES = f"""SELECT DISTINCT file.track_id FROM catalog_trackfile AS file WHERE file.track_id IN ({MOVED})
    AND role IN ('original', 'cover', 'video')"""
FETCHED = """ AND NOT EXISTS (SELECT FROM archive_archiveasset AS asset
    WHERE asset.track_id = file.track_id AND asset.blob_id = file.blob_id)"""


def obstacles() -> list[tuple[str, int, list[str]]]:
    """(what stands in the way, how many, some of their keys). Empty: the way back is open."""
    if not ddl.has_table("social_postmove"):
        return []
    fetched = FETCHED if ddl.has_table("archive_archiveasset") else ""
    asked = [*OBSTACLES, ("moved tracks with files that the archive did not fetch", FILES + fetched), *_elsewhere()]
    asked += [
        (what.format(said=f"{table}s"), f"SELECT id FROM social_{table} WHERE {rows}")
        for column, what, rows in OBSTACLES_OF_COLUMNS
        for table in ("post", "comment")
        if ddl.has_column(f"social_{table}", column)
    ]
    if ddl.has_constraint("playlists_entry", playlists.TRACK_KEY_NAME):
        asked += OBSTACLES_OF_ENTRIES
    with connection.cursor() as cursor:
        return [(what, *found) for what, keys in asked if (found := _found(cursor, keys))[0]]


def _found(cursor, keys: str) -> tuple[int, list[str]]:
    cursor.execute(f"WITH found (key) AS ({keys}) SELECT count(*), (array_agg(key::text))[1:{SHOWN}] FROM found")
    return cursor.fetchone()


def _elsewhere() -> list[tuple[str, str]]:
    """Tables of whatever app with a key to tracks that nobody said goes along."""
    return [
        (
            f"moved tracks named in {table} ({column})",
            f"SELECT DISTINCT {column} FROM {table} WHERE {column} IN ({MOVED})",
        )
        for table, column, *_ in keys_to_tracks()
        if table not in GO_ALONG and table not in ASKED_APART
    ]


def keys_to_tracks() -> list[tuple[str, str, str, str]]:
    """(table, column, name, definition) of every foreign key to tracks."""
    return ddl.asked("""
        SELECT conrelid::regclass::text, attname, conname, regexp_replace(pg_get_constraintdef(pg_constraint.oid),
            ' NOT VALID$', '')
        FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = conkey[1]
        WHERE contype = 'f' AND confrelid = 'catalog_track'::regclass ORDER BY 1, 2""")


def refuse() -> None:
    """Raise IrreversibleError with a list while something stands in the way, or when the way is closed for good."""
    if ddl.has_column("social_post", "track_id") and not ddl.has_column("social_post", oldshape.COLUMNS[0]):
        raise IrreversibleError(CLOSED)
    found = obstacles()
    if found:
        lines = (f"  {count} {what}: {', '.join(keys)}{', …' if count > SHOWN else ''}" for what, count, keys in found)
        raise IrreversibleError(
            "People have built on the tracks that were made of posts, and the old shape cannot hold it:\n"
            + "\n".join(lines)
            + "\nNothing was touched. Remove these, or restore the backup from before the update."
        )


def remove_tracks() -> None:
    """One transaction, in which nobody else reads tracks: some seconds for a million.

    The keys to tracks are away while it runs, for each would be looked up for each track; what they would have found
    was asked by `refuse`, and they are valid again before this ends.
    """
    keys = [key for key in keys_to_tracks() if key[0] != "social_post"]
    batches.patiently(lambda cursor: _remove(cursor, keys), "tracks removed")
    for table, _, name, _ in keys:
        ddl.validate(table, name)


def _remove(cursor, keys: list[tuple[str, str, str, str]]) -> None:
    for table, _, name, _ in keys:
        cursor.execute(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')
    # With its index; new and empty, for who only goes back by this one phase.
    cursor.execute("ALTER TABLE social_post DROP COLUMN track_id, ADD COLUMN track_id uuid")
    cursor.execute(oldshape.SAY_SEPARATING)
    cursor.execute(SET_TOGETHER)
    cursor.execute(f"DELETE FROM catalog_duplicate WHERE first_id IN ({MOVED}) OR second_id IN ({MOVED})")
    for table, column in {**GO_ALONG, "catalog_track": "id"}.items():
        if ddl.has_table(table):
            _remove_from(cursor, table, column)
    cursor.execute("TRUNCATE social_postmove")
    cursor.execute(oldshape.UNPROVIDE)
    cursor.execute("SELECT coalesce(max(number), 0) + 1 FROM catalog_track")
    cursor.execute(f"ALTER SEQUENCE catalog_track_number RESTART WITH {cursor.fetchone()[0]}")
    for table, _, name, definition in keys:
        cursor.execute(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID')


def _remove_from(cursor, table: str, column: str) -> None:
    """Where most rows go, those that stay are put aside and the table is emptied: each row that is deleted would be
    written to the log, with the pages of all indexes. How many there are is as the database last estimated it."""
    rows = f"SELECT reltuples FROM pg_class WHERE oid = '{table}'::regclass"
    cursor.execute(f"SELECT 2 * count(*) > ({rows}) FROM ({MOVED}) AS moved")
    if not (cursor.fetchone()[0] and _may_be_emptied(table)):
        cursor.execute(f"DELETE FROM {table} WHERE {column} IN ({MOVED})")
        return
    # Whoever builds it fills a column that is computed.
    ((columns,),) = ddl.asked(
        """SELECT string_agg(quote_ident(attname), ', ') FROM pg_attribute
           WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped AND attgenerated = ''""",
        [table],
    )
    staying = f"SELECT {columns} FROM {table} WHERE NOT {_moved(f'{table}.{column}')}"
    cursor.execute(f"CREATE TEMPORARY TABLE staying ON COMMIT DROP AS {staying}")
    cursor.execute(f"TRUNCATE {table}; ALTER TABLE {table} DISABLE TRIGGER USER")
    cursor.execute(f"INSERT INTO {table} ({columns}) OVERRIDING SYSTEM VALUE SELECT * FROM staying; DROP TABLE staying")
    cursor.execute(f"SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE {table} ENABLE TRIGGER USER")


def _may_be_emptied(table: str) -> bool:
    """Nobody has a key to it, and nothing is to happen for each row that goes."""
    return not ddl.asked(
        """SELECT FROM pg_constraint WHERE contype = 'f' AND confrelid = %s::regclass AND conrelid <> confrelid
        UNION ALL SELECT FROM pg_trigger WHERE tgrelid = %s::regclass AND NOT tgisinternal AND tgtype & 8 > 0""",
        [table, table],
    )
