"""The separation of tracks from posts, phase by phase, and the way back (S0-31 … S0-36, S0-42, decision 0040).

Every phase may be cut off anywhere and begun again, and asks at its end whether it did what it should. Nothing here
remembers how far it came: a post without its track is still to be moved. `oldshape.py` says what becomes of one post.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from django.db import connection, transaction

from apps.lib import batches, ddl
from apps.playlists import separation as playlists
from apps.social import oldshape, wayback
from apps.social.oldshape import (
    COLUMNS,
    PROVIDER,
    SAY_DOOR,
    SAY_SEPARATING,
    differing,
    mended,
    same_file,
    source,
    track,
)

TRACK_KEY = (
    "social_post", "post_has_its_track",
    "FOREIGN KEY (track_id) REFERENCES catalog_track (id) DEFERRABLE INITIALLY DEFERRED",
)  # fmt: skip
TRACK_INDEX = ("post_of_track", "ON social_post (track_id)")
HAS_TRACK = (
    "social_post", "post_audio_has_track",
    "CHECK (post_type = 'audio' AND track_id IS NOT NULL OR post_type = 'text' AND track_id IS NULL)",
)  # fmt: skip
# A host that fewer of the files come from is no place the archive goes to before somebody has looked at it.
HOST_SHARE = 0.01
DEPRECATED = "Deprecated: the track of the post says it. Kept for programs of the old shape until `separation drop`."
Teller = Callable[[str, int], batches.Bar]


class Unfinished(Exception):
    """A phase did not end as it should; what it did stays, and it can be run again."""


# --- Phase 1: room (S0-31) ----------------------------------------------------------------------------------------
def prepare() -> None:
    """A column for the track, the triggers that let old programs go on, and an index of posts by their file."""
    with batches.unhurried():
        ddl.brief("ALTER TABLE social_post ADD COLUMN IF NOT EXISTS track_id uuid", oldshape.WORDS)
        ddl.index(*oldshape.INDEX)
        _provide()
        ddl.brief(oldshape.FUNCTIONS, *oldshape.TRIGGERS, *oldshape.FORGET_LEFT)
        ddl.brief(*oldshape.FORGET)


def unprepare() -> None:
    ddl.brief(*oldshape.NO_FORGET)
    ddl.brief(*oldshape.NO_TRIGGERS, *oldshape.NO_FORGET_LEFT, oldshape.NO_FUNCTIONS)
    ddl.without_index(oldshape.INDEX[0])
    ddl.brief("ALTER TABLE social_post DROP COLUMN IF EXISTS track_id", oldshape.NO_WORDS)


def _provide() -> None:
    """The provider of old files, and the hosts that most of them come from."""
    hosts = [host for host, posts, share in used_hosts() if share >= HOST_SHARE]
    if hosts:
        with connection.cursor() as cursor:
            cursor.execute(oldshape.PROVIDE)
            cursor.execute("UPDATE catalog_provider SET hosts = %s WHERE code = %s AND hosts = '{}'", [hosts, PROVIDER])


@contextmanager
def words() -> Iterator[None]:
    """The functions that read old rows, in a transaction that leaves none behind: for who only looks."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(oldshape.WORDS)
        yield
        transaction.set_rollback(True)


def used_hosts() -> list[tuple[str, int, float]]:
    """(host, posts, share of all audio posts), the most used first."""
    return ddl.asked("""
        SELECT lower(substring(audio_url from '^\\s*https?://(?:[^/@]*@)?([^/:?#\\s]+)')) AS host, count(*),
            count(*)::float / sum(count(*)) OVER ()
        FROM social_post WHERE post_type = 'audio' AND social_old_url(audio_url) IS NOT NULL
        GROUP BY host ORDER BY 2 DESC, 1""")


# --- Phase 2: the move (S0-32) ------------------------------------------------------------------------------------
# How the rows of `found` get what they need.
_MADE = f"""
own AS (SELECT * FROM found WHERE id = track_id ORDER BY id),
tracks AS ({track("own")} FROM own ON CONFLICT (id) DO NOTHING),
sources AS ({source("own")} FROM own ON CONFLICT (track_id) DO UPDATE SET audio_url = excluded.audio_url),
moves AS (
    INSERT INTO social_postmove (post_id, track_id, fate, mended)
    SELECT found.id, found.track_id, CASE WHEN found.id = found.track_id THEN 'moved' ELSE 'shared' END,
        CASE WHEN found.id = found.track_id THEN {mended("found")} ELSE {differing("found", "first")} END
    FROM found LEFT JOIN social_post AS first ON found.id <> found.track_id AND first.id = found.track_id
    ON CONFLICT (post_id) DO UPDATE SET fate = excluded.fate, track_id = excluded.track_id, mended = excluded.mended
)
SELECT count(*) FROM found
"""


def moved(posts: str) -> str:
    """One statement: these posts learn their track first, so that they are held as they are until it is made."""
    return f"""
WITH found AS (
    UPDATE social_post AS post SET track_id = coalesce(
        (SELECT coalesce(first.track_id, first.id) FROM social_post AS first WHERE {same_file("first", "post")}
            ORDER BY first.created_at, first.id LIMIT 1), post.id)
    WHERE {posts} AND post_type = 'audio' AND track_id IS NULL AND social_old_url(audio_url) IS NOT NULL
    RETURNING post.*
), {_MADE}"""


SET_APART = f"""
WITH found AS (
    UPDATE social_post SET post_type = 'text' WHERE post_type = 'audio' AND id IN (
        SELECT id FROM social_post WHERE post_type = 'audio' AND track_id IS NULL
            AND social_old_url(audio_url) IS NULL ORDER BY id LIMIT %s FOR NO KEY UPDATE)
    RETURNING *
), kept AS ({oldshape.set_apart("found")} FROM found {oldshape.AGAIN})
SELECT count(*) FROM found
"""
# Its first post was deleted or got another file before its own turn came: it looks for its track again.
ASTRAY = """
WITH astray AS (
    SELECT post.id FROM social_post AS post LEFT JOIN catalog_providersource AS source USING (track_id)
    WHERE post.post_type = 'audio' AND post.track_id IS NOT NULL AND (source.id IS NULL
        OR source.audio_url <> post.audio_url AND source.audio_url <> social_old_url(post.audio_url)) LIMIT %s),
free AS (UPDATE social_post SET track_id = NULL FROM astray WHERE social_post.id = astray.id RETURNING 1)
SELECT count(*) FROM free
"""


def move(tell: Teller = batches.Bar) -> None:
    """Every old audio post gets its track, or is set apart with a reason. Raises Unfinished."""
    with batches.unhurried():
        told = tell("posts to tracks", ddl.asked("SELECT count(*) FROM social_post")[0][0])
        batches.by_key("social_post", _move_range, told=told)
        while any(batches.until_none(again, what) for what, again in SWEEPS.items()):
            pass
        told.end()
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE social_post, catalog_track, catalog_providersource, social_postmove")
        ddl.index(*TRACK_INDEX)
        ddl.constraint(*TRACK_KEY)
        if left := ddl.asked("SELECT count(*) FROM social_post WHERE post_type = 'audio' AND track_id IS NULL")[0][0]:
            raise Unfinished(f"{left} audio posts have no track. Run the migration again.")


def _move_range(cursor, after, to) -> int:
    if after is None:
        return _counted(cursor, moved("post.id <= %s"), [to], SAY_DOOR)
    return _counted(cursor, moved("post.id <= %s AND post.id > %s"), [to, after], SAY_DOOR)


def _move_some(cursor, most: int) -> int:
    some = """post.id IN (SELECT id FROM social_post WHERE post_type = 'audio' AND track_id IS NULL
        AND social_old_url(audio_url) IS NOT NULL LIMIT %s)"""
    return _counted(cursor, moved(some), [most], SAY_DOOR)


def _counted(cursor, statement: str, values: list, *says: str) -> int:
    for say in says:
        cursor.execute(say)
    cursor.execute(statement, values)
    return cursor.fetchone()[0]


def _set_apart(cursor, most: int) -> int:
    return _counted(cursor, SET_APART, [most], SAY_SEPARATING)


def _astray(cursor, most: int) -> int:
    return _counted(cursor, ASTRAY, [most], SAY_SEPARATING)


# What came or changed while the posts were gone through; again and again until nothing is left.
SWEEPS = {"posts that came meanwhile": _move_some, "posts without a file": _set_apart, "posts astray": _astray}


def unmove() -> None:
    """The tracks that the move made go, with what machines made of them; posts say their files as before."""
    with batches.unhurried():
        wayback.refuse()
        wayback.remove_tracks()


# --- Phase 4: required (S0-33) ------------------------------------------------------------------------------------
def require() -> None:
    """From here on an audio post has a track, and the old columns say that they will go."""
    with batches.unhurried():
        ddl.constraint(*HAS_TRACK)
        ddl.brief(*(f"COMMENT ON COLUMN social_post.{column} IS '{DEPRECATED}'" for column in COLUMNS))


def unrequire() -> None:
    with batches.unhurried():
        wayback.refuse()
        ddl.without_constraint(*HAS_TRACK[:2])
        ddl.brief(*(f"COMMENT ON COLUMN social_post.{column} IS NULL" for column in COLUMNS))


def stay() -> None:
    """Forward there is nothing to do for who only asks about the way back."""


def ask_way_back() -> None:
    """Of the migration that depends on all others of posts and playlists, so that it is asked before all of them."""
    with batches.unhurried():
        wayback.refuse()


# --- The switch (S0-33, phase 5) ----------------------------------------------------------------------------------
# What nobody else knows when the old columns go, kept with the post's move.
KEEP = f"""
WITH found AS (
    SELECT post.*, move.fate, move.track_id AS moved_to
    FROM social_post AS post LEFT JOIN social_postmove AS move ON move.post_id = post.id
    WHERE {{posts}} AND (move.fate IS NOT NULL OR post.post_type = 'text')
        AND ({" OR ".join(f"post.{column} IS NOT NULL" for column in COLUMNS)})
), said AS (
    SELECT id, moved_to, coalesce(fate, 'leftover') AS fate, jsonb_strip_nulls(CASE WHEN fate IN ('moved', 'shared')
        THEN jsonb_build_object('audio_file_size', audio_file_size, 'audio_mime_type', audio_mime_type)
        ELSE jsonb_build_object({", ".join(f"'{column}', {column}" for column in COLUMNS)}) END) AS old
    FROM found
), kept AS (
    INSERT INTO social_postmove (post_id, track_id, fate, mended)
    SELECT id, moved_to, fate, old FROM said WHERE old <> '{{{{}}}}'
    ON CONFLICT (post_id) DO UPDATE SET mended = excluded.mended || coalesce(social_postmove.mended, '{{{{}}}}')
    RETURNING 1)
SELECT count(*) FROM kept
"""


def drop(tell: Teller = batches.Bar) -> None:
    """The old columns go, and with them the way back and the programs of the old shape. Call it again, it is done."""
    if not ddl.has_column("social_post", COLUMNS[0]):
        return
    with batches.unhurried():
        told = tell("what differs is kept", ddl.asked("SELECT count(*) FROM social_post")[0][0])
        batches.by_key("social_post", _keep_range, told=told)
        told.end()
        ddl.brief(*oldshape.NO_TRIGGERS, *playlists.NO_TRIGGERS)
        ddl.without_index(oldshape.INDEX[0])
        columns = ", ".join(f"DROP COLUMN {column}" for column in COLUMNS)
        ddl.brief(
            f"ALTER TABLE social_post {columns}", oldshape.FORGET_MENDED, oldshape.NO_FUNCTIONS_BUT_FORGET,
            oldshape.NO_WORDS,
        )  # fmt: skip


def _keep_range(cursor, after, to) -> int:
    if after is None:
        return _counted(cursor, KEEP.format(posts="post.id <= %s"), [to])
    return _counted(cursor, KEEP.format(posts="post.id <= %s AND post.id > %s"), [to, after])
