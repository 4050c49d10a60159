"""Playlists list tracks where they listed posts, and the way back (S0-33, S0-34, S0-42, decision 0041).

A track has the id of the post it was made of, so most entries are right as they stand. Of every other one `EntryMove`
keeps what it was and says what became of it; of a playlist whose words could not stay, `PlaylistMend`.
"""

from functools import partial

from django.db import IntegrityError, connection

from apps.lib import batches, ddl

POST_KEY = "FOREIGN KEY (track_id) REFERENCES social_post (id) DEFERRABLE INITIALLY DEFERRED"
POST_KEY_NAME = "playlists_entry_track_id_1f4857a8_fk_social_post_id"
TRACK_KEY = "FOREIGN KEY (track_id) REFERENCES catalog_track (id) DEFERRABLE INITIALLY DEFERRED"
TRACK_KEY_NAME = "playlists_entry_track_id_1f4857a8_fk_catalog_track_id"
ONCE = "entry_position_once"
LONGEST_NAME, LONGEST_ADDRESS = 255, 2_000
BLANKS = r"E' \t\n\r\f\x0b\u00a0\u3000'"
AT_ONCE = 200  # playlists in a chunk

MENDED = {
    "name": f"""CASE WHEN length({{row}}.name) <= {LONGEST_NAME} AND btrim({{row}}.name, {BLANKS}) <> ''
        THEN {{row}}.name ELSE coalesce(
            nullif(btrim(left(btrim({{row}}.name, {BLANKS}), {LONGEST_NAME}), {BLANKS}), ''),
            'Playlist - ' || to_char({{row}}.created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD')) END""",
    "description": "coalesce({row}.description, '')",
    "cover_image_url": f"""CASE WHEN length({{row}}.cover_image_url) <= {LONGEST_ADDRESS}
        THEN {{row}}.cover_image_url ELSE '' END""",
}


def keep(row: str) -> str:
    """SQL that keeps what is going to be mended; null is kept as null."""
    pairs = " || ".join(
        f"CASE WHEN {row}.{c} IS DISTINCT FROM {sql.format(row=row)} THEN jsonb_build_object('{c}', {row}.{c})"
        " ELSE '{}' END"
        for c, sql in MENDED.items()
    )
    return f"INSERT INTO playlists_playlistmend (playlist_id, old) SELECT {row}.id, {pairs}"


KEPT = "ON CONFLICT (playlist_id) DO UPDATE SET old = excluded.old || playlists_playlistmend.old"


def unfit(row: str) -> str:
    return " OR ".join(f"{row}.{c} IS DISTINCT FROM {sql.format(row=row)}" for c, sql in MENDED.items())


# Programs of the old shape name posts in new entries: their post's track is taken.
FUNCTIONS = f"""
CREATE OR REPLACE FUNCTION playlists_old_entry() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    post record;
BEGIN
    IF EXISTS (SELECT FROM catalog_track WHERE id = NEW.track_id) THEN
        RETURN NEW;
    END IF;
    SELECT id, track_id INTO post FROM social_post WHERE id = NEW.track_id;
    IF post.id IS NOT NULL AND post.track_id IS NULL THEN
        RAISE EXCEPTION USING ERRCODE = 'check_violation', CONSTRAINT = 'entry_of_a_track',
            MESSAGE = 'This post has no audio, and playlists list tracks.',
            HINT = 'Add a track, or an audio post.';
    END IF;
    NEW.track_id := coalesce(post.track_id, NEW.track_id);
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION playlists_old_words() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF ({unfit("NEW")}) THEN
        {keep("NEW")} {KEPT};
        {" ".join(f"NEW.{c} := {sql.format(row='NEW')};" for c, sql in MENDED.items())}
    END IF;
    RETURN NEW;
END $$;
CREATE OR REPLACE FUNCTION playlists_forget() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM playlists_playlistmend WHERE playlist_id = OLD.id;
    RETURN NULL;
END $$;
"""
# No trigger names a column of playlists, for such a column's type could not be changed any more.
TRIGGERS = (
    "DROP TRIGGER IF EXISTS entry_old_made ON playlists_entry",
    """CREATE TRIGGER entry_old_made BEFORE INSERT OR UPDATE OF track_id ON playlists_entry
        FOR EACH ROW EXECUTE FUNCTION playlists_old_entry()""",
    "DROP TRIGGER IF EXISTS playlist_old_words ON playlists_playlist",
    """CREATE TRIGGER playlist_old_words BEFORE INSERT OR UPDATE ON playlists_playlist
        FOR EACH ROW EXECUTE FUNCTION playlists_old_words()""",
    "DROP TRIGGER IF EXISTS playlist_deleted ON playlists_playlist",
    """CREATE TRIGGER playlist_deleted AFTER DELETE ON playlists_playlist
        FOR EACH ROW EXECUTE FUNCTION playlists_forget()""",
)
NO_TRIGGERS = (
    "DROP TRIGGER IF EXISTS entry_old_made ON playlists_entry",
    "DROP TRIGGER IF EXISTS playlist_old_words ON playlists_playlist",
    "DROP FUNCTION IF EXISTS playlists_old_entry(), playlists_old_words()",
)
# Of a deleted playlist no word stays, after `drop` neither.
NO_FORGET = (
    "DROP TRIGGER IF EXISTS playlist_deleted ON playlists_playlist",
    "DROP FUNCTION IF EXISTS playlists_forget()",
)

# By playlist the entries whose track is none: they name posts that share a track, or have none, or are not there.
WRONG = """
CREATE TEMPORARY TABLE playlists_wrong AS SELECT playlist_id, array_agg(id) AS keys FROM playlists_entry AS entry
WHERE NOT EXISTS (SELECT FROM catalog_track WHERE catalog_track.id = entry.track_id) GROUP BY playlist_id"""
# What becomes of these entries. Of those that come to one track, or find it there, the first position stays.
DECIDE = """
WITH wrong AS (
    SELECT * FROM playlists_entry AS entry WHERE id = ANY(%s)
        AND NOT EXISTS (SELECT FROM catalog_track WHERE catalog_track.id = entry.track_id) ORDER BY id FOR UPDATE
), named AS (
    SELECT wrong.*, post.track_id AS target, post.id AS post, move.fate
    FROM wrong LEFT JOIN social_post AS post ON post.id = wrong.track_id
        LEFT JOIN social_postmove AS move ON move.post_id = wrong.track_id
), there AS (
    SELECT entry.* FROM playlists_entry AS entry JOIN (
        SELECT DISTINCT playlist_id, target FROM named WHERE target IS NOT NULL
    ) AS wanted ON wanted.playlist_id = entry.playlist_id AND wanted.target = entry.track_id FOR UPDATE OF entry
), placed AS (
    SELECT *, first_value(id) OVER (PARTITION BY playlist_id, target ORDER BY position, added_at, id) AS first FROM (
        SELECT id, playlist_id, track_id, position, added_at, target FROM named WHERE target IS NOT NULL
        UNION ALL SELECT id, playlist_id, track_id, position, added_at, track_id FROM there
    ) AS rivals
), fates AS (
    SELECT id, playlist_id, track_id, position, added_at, nullif(first, id) AS kept,
        CASE WHEN first <> id THEN 'double' ELSE 'repointed' END AS fate
    FROM placed WHERE first <> id OR target <> track_id
    UNION ALL
    SELECT id, playlist_id, track_id, position, added_at, NULL,
        CASE WHEN fate IN ('no_url', 'bad_url') THEN 'quarantined' WHEN post IS NULL THEN 'missing' ELSE 'text' END
    FROM named WHERE target IS NULL
)
INSERT INTO playlists_entrymove (entry_id, playlist_id, post_id, position, added_at, fate, kept_entry_id)
SELECT id, playlist_id, track_id, position, added_at, fate, kept FROM fates
ON CONFLICT (entry_id) DO UPDATE SET fate = excluded.fate, kept_entry_id = excluded.kept_entry_id
RETURNING entry_id, fate
"""
LEAVE_OUT = "DELETE FROM playlists_entry WHERE id = ANY(%s)"
REPOINT = """
UPDATE playlists_entry SET track_id = post.track_id FROM social_post AS post
WHERE playlists_entry.id = ANY(%s) AND post.id = playlists_entry.track_id"""
# Positions once each and from 0 on, in playlists where they are not.
CROWDED = """
CREATE TEMPORARY TABLE playlists_wrong AS SELECT DISTINCT playlist_id, ARRAY[playlist_id] AS keys FROM playlists_entry
GROUP BY playlist_id, position HAVING count(*) > 1 OR position < 0"""
HOLD = """
SELECT count(*) FROM (SELECT FROM playlists_entry WHERE playlist_id = ANY(%s) ORDER BY id FOR UPDATE) AS held"""
PLACE = """
WITH places AS (
    SELECT id, playlist_id, track_id, position, added_at,
        row_number() OVER (PARTITION BY playlist_id ORDER BY position, added_at, id) - 1 AS place
    FROM playlists_entry WHERE playlist_id = ANY(%s)
), other AS (SELECT * FROM places WHERE position <> place),
kept AS (
    INSERT INTO playlists_entrymove (entry_id, playlist_id, post_id, position, added_at, fate, new_position)
    SELECT id, playlist_id, track_id, position, added_at, 'replaced', place FROM other
    ON CONFLICT (entry_id) DO UPDATE SET new_position = excluded.new_position)
UPDATE playlists_entry SET position = other.place FROM other WHERE playlists_entry.id = other.id
"""
MEND = f"""
WITH unfit AS (SELECT * FROM playlists_playlist AS playlist WHERE {unfit("playlist")} ORDER BY id LIMIT %s FOR UPDATE),
kept AS ({keep("unfit")} FROM unfit {KEPT})
UPDATE playlists_playlist SET {", ".join(f"{c} = {sql.format(row='unfit')}" for c, sql in MENDED.items())}
FROM unfit WHERE playlists_playlist.id = unfit.id
"""


def repoint(tell=batches.Bar) -> None:
    """Phase 3: every entry names a track, each playlist has a track once and a position once (S0-33)."""
    with batches.unhurried():
        ddl.brief(FUNCTIONS, *TRIGGERS)
        _swap_keys()
        while _each(WRONG, _repoint_some, "entries of posts", tell):
            pass
        _place_once(tell)
        batches.until_none(lambda cursor, most: _count(cursor, MEND, [min(most, AT_ONCE)]), "words of playlists")
        ddl.validate("playlists_entry", TRACK_KEY_NAME)


def _swap_keys() -> None:
    """In one moment the old key goes and the new one is asked of every row that comes."""
    old = [key for key in ddl.foreign_keys("playlists_entry", "track_id") if key != TRACK_KEY_NAME]
    drops = [f'ALTER TABLE playlists_entry DROP CONSTRAINT "{key}"' for key in old]
    if not ddl.has_constraint("playlists_entry", TRACK_KEY_NAME):
        added = f'ADD CONSTRAINT "{TRACK_KEY_NAME}" {TRACK_KEY} NOT VALID'
        ddl.brief(*drops, f"ALTER TABLE playlists_entry {added}")


def _each(find: str, work, what: str, tell) -> int:
    """`work(cursor, keys)` with the keys of the playlists that `find` finds, some playlists at a time; how many.

    They are looked for without holding anything: what came meanwhile is found when this is called again.
    """
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS pg_temp.playlists_wrong")
        cursor.execute("SET work_mem = '64MB'")
        cursor.execute(find)
        cursor.execute("RESET work_mem")
        cursor.execute("SELECT count(*) FROM playlists_wrong")
        found = cursor.fetchone()[0]
        if found:
            told = tell(what, found)
            batches.until_none(lambda cursor, most: _take(cursor, most, work), what, first=AT_ONCE, told=told)
            told.end()
        cursor.execute("DROP TABLE playlists_wrong")
    return found


def _take(cursor, most: int, work) -> int:
    cursor.execute(
        "DELETE FROM playlists_wrong WHERE ctid = ANY(ARRAY(SELECT ctid FROM playlists_wrong LIMIT %s)) RETURNING keys",
        [most],
    )
    found = [keys for (keys,) in cursor.fetchall()]
    if found:
        work(cursor, [key for keys in found for key in keys])
    return len(found)


def _repoint_some(cursor, entries: list) -> None:
    cursor.execute(DECIDE, [entries])
    fates = cursor.fetchall()
    # Left out first: two of one track are never there at once.
    cursor.execute(LEAVE_OUT, [[key for key, fate in fates if fate != "repointed"]])
    cursor.execute(REPOINT, [[key for key, fate in fates if fate == "repointed"]])


def _place_some(cursor, playlists: list) -> None:
    cursor.execute(HOLD, [playlists])
    cursor.execute(PLACE, [playlists])


def _place_once(tell) -> None:
    """Tried first, for in most houses no position is there twice; what stands in the way is mended, and again."""
    while not ddl.has_constraint("playlists_entry", ONCE):
        negative = ddl.asked("SELECT EXISTS (SELECT FROM playlists_entry WHERE position < 0)")[0][0]
        try:
            if not negative:
                ddl.index(ONCE, "ON playlists_entry (playlist_id, position)", unique=True)
                ddl.brief(
                    f"ALTER TABLE playlists_entry ADD CONSTRAINT {ONCE} UNIQUE USING INDEX {ONCE} "
                    "DEFERRABLE INITIALLY DEFERRED"
                )
                return
        except IntegrityError:
            ddl.without_index(ONCE)
        _each(CROWDED, _place_some, "positions", tell)


def _count(cursor, statement: str, values: list) -> int:
    cursor.execute(statement, values)
    return cursor.rowcount


# --- The way back -------------------------------------------------------------------------------------------------
# What people removed, or put elsewhere, since, stays so. An entry whose playlist or kept entry went is gone with it.
RESTORE = """
UPDATE playlists_entry AS entry SET track_id = move.post_id,
    position = CASE WHEN entry.position = move.new_position THEN move.position ELSE entry.position END
FROM playlists_entrymove AS move
WHERE entry.id = move.entry_id AND fate IN ('repointed', 'replaced') AND {chunk}
"""
RETURN = """
INSERT INTO playlists_entry (id, playlist_id, track_id, position, added_at)
SELECT entry_id, playlist_id, post_id, position, added_at FROM playlists_entrymove AS move
WHERE fate NOT IN ('repointed', 'replaced') AND {chunk}
    AND EXISTS (SELECT FROM playlists_playlist WHERE id = move.playlist_id)
    AND (kept_entry_id IS NULL OR EXISTS (SELECT FROM playlists_entry WHERE id = kept_entry_id))
    AND (fate = 'missing' OR EXISTS (SELECT FROM social_post WHERE id = move.post_id))
ON CONFLICT (id) DO NOTHING
"""
UNMEND = """
UPDATE playlists_playlist AS playlist SET {column} = old.{column}
FROM (SELECT id, created_at, move.old ->> '{column}' AS {column} FROM playlists_playlistmend AS move
    JOIN playlists_playlist ON id = playlist_id WHERE move.old ? '{column}') AS old
WHERE playlist.id = old.id AND playlist.{column} = {mended}
"""


def unrepoint() -> None:
    """Every entry names its post again, at its old place; words are as they were."""
    with batches.unhurried():
        ddl.brief(*NO_TRIGGERS, *NO_FORGET)
        ddl.without_constraint("playlists_entry", ONCE)
        ddl.without_constraint("playlists_entry", TRACK_KEY_NAME)
        # Who is cut off after this finds the tables gone that are dropped next.
        if ddl.has_table("playlists_entrymove"):
            _restore()
        if ddl.has_table("playlists_playlistmend"):
            ddl.brief(*map(_unmend, MENDED), "DELETE FROM playlists_playlistmend", name="words of playlists again")
        _post_key()


def _restore() -> None:
    """Those that are there first: an entry may come back to what one that stayed in its stead stands on until then.

    Done twice it changes nothing, so the moves stay until their table goes.
    """
    for statement in (RESTORE, RETURN):
        batches.by_key("playlists_entrymove", partial(_restore_range, statement), key="entry_id")


def _restore_range(statement: str, cursor, after, to) -> int:
    if after is None:
        return _count(cursor, statement.format(chunk="move.entry_id <= %s"), [to])
    return _count(cursor, statement.format(chunk="move.entry_id <= %s AND move.entry_id > %s"), [to, after])


def _unmend(column: str) -> str:
    return UNMEND.format(column=column, mended=MENDED[column].format(row="old"))


def _post_key() -> None:
    """The old key; not valid where entries of missing posts were, as it must have been before."""
    if not ddl.has_constraint("playlists_entry", POST_KEY_NAME):
        ddl.brief(f'ALTER TABLE playlists_entry ADD CONSTRAINT "{POST_KEY_NAME}" {POST_KEY} NOT VALID')
    try:
        ddl.validate("playlists_entry", POST_KEY_NAME)
    except IntegrityError:
        return
