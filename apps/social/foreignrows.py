"""What becomes of each row of another community, in SQL: its values here, or why it is left out (decision 0050).

The rows lie as text in the schema `adoption`; one statement takes a chunk of them over, keeps those that are left out
and what was mended, and tells how many there were and their checksums.
"""

from dataclasses import dataclass, field

from django.db import connection

from apps.lib import ddl
from apps.playlists import separation as playlists
from apps.social.comments import DEEPEST
from apps.social.foreign import row_mark, row_sum

# What has no time at all is put there; before the first one and after the adoption no time is believed.
UNKNOWN, EARLIEST = "timestamptz '2000-01-01 00:00:00+00'", "timestamptz '1990-01-01 00:00:00+00'"

# {latest} is what the clock said when the adoption began, as a literal.
SCHEMA = """
CREATE SCHEMA adoption;
COMMENT ON SCHEMA adoption IS 'Another community on its way in: `manage.py adopt community`.';
CREATE TABLE adoption.run (source text, schema text, at timestamptz, spelled boolean, report jsonb);
CREATE TABLE adoption.part (
    name text PRIMARY KEY, columns text[], rows bigint, sum numeric, arrived boolean DEFAULT false,
    done bigint DEFAULT 0, taken bigint DEFAULT 0, taken_sum numeric DEFAULT 0, left_out bigint DEFAULT 0,
    left_sum numeric DEFAULT 0, here_sum numeric DEFAULT 0);
CREATE TABLE adoption.step (name text PRIMARY KEY, at timestamptz DEFAULT now());
CREATE TABLE adoption.kept (
    of text, n bigint, why text, left_out boolean, said jsonb,
    person uuid REFERENCES accounts_user (id) ON DELETE CASCADE DEFERRABLE INITIALLY DEFERRED);
CREATE INDEX ON adoption.kept (of, n);
CREATE INDEX ON adoption.kept (person);
CREATE FUNCTION adoption.key(said text) RETURNS uuid LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN btrim(said) ~* '^[0-9a-f]{{8}}-?([0-9a-f]{{4}}-?){{3}}[0-9a-f]{{12}}$' THEN btrim(said)::uuid END;
CREATE FUNCTION adoption.whole(said text) RETURNS bigint LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN btrim(said) ~ '^-?[0-9]{{1,17}}([.][0-9]*)?$' THEN round(btrim(said)::numeric)::bigint END;
CREATE FUNCTION adoption.small(said text) RETURNS integer LANGUAGE sql IMMUTABLE PARALLEL SAFE RETURN
    CASE WHEN adoption.whole(said) BETWEEN -2147483648 AND 2147483647 THEN adoption.whole(said)::integer END;
CREATE FUNCTION adoption.moment(said text) RETURNS timestamptz LANGUAGE plpgsql STABLE SET timezone = 'UTC' AS $$
BEGIN
    IF said::timestamptz BETWEEN {earliest} AND {latest} THEN
        RETURN said::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN data_exception THEN
    RETURN NULL;
END $$;
CREATE FUNCTION adoption.said(spelled text) RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN convert_from(decode(spelled, 'escape'), 'UTF8');
EXCEPTION WHEN data_exception THEN
    RETURN convert_from(decode(spelled, 'escape'), 'LATIN1');
END $$;
"""

CREATED = f"coalesce(adoption.moment(r.created_at), adoption.moment(r.updated_at), {UNKNOWN})"
UPDATED = f"greatest(adoption.moment(r.updated_at), {CREATED})"
BLANK = r"'[^[:space:]]'"
PERSON = "EXISTS (SELECT FROM accounts_user WHERE id = {})"
POST = "EXISTS (SELECT FROM social_post WHERE id = post_id)"
KIND = f"""CASE WHEN r.post_type IN ('audio', 'text') THEN r.post_type WHEN r.audio_url ~ {BLANK} THEN 'audio'
    ELSE 'text' END"""


@dataclass(frozen=True)
class Rows:
    """`values`: column here → SQL over the text row `r`. `mends`: column there → SQL that says it is not as it was.

    `whys`: reason → SQL over the values that says a row is left out. `once`: of rows that are alike in these the first
    one stays. `here`: SELECT that finds the same columns again when all is done, in the order of `values`.
    """

    table: str
    values: dict[str, str]
    whys: dict[str, str]
    once: tuple[tuple[str, ...], ...]
    here: str
    person: str
    mends: dict[str, str] = field(default_factory=dict)
    fixed: dict[str, str] = field(default_factory=dict)
    unsummed: frozenset[str] = frozenset()

    @property
    def summed(self) -> list[str]:
        return [column for column in self.values if column not in self.unsummed]


def _no_moment(column: str) -> str:
    return f"adoption.moment(r.{column}) IS NULL"


def _not_kept(column: str, function: str) -> str:
    return f"r.{column} IS NOT NULL AND adoption.{function}(r.{column}) IS NULL"


ROWS = {
    "posts": Rows(
        "social_post",
        {
            "id": "adoption.key(r.id)", "created_at": CREATED, "updated_at": UPDATED,
            "author_id": "adoption.key(r.user_id)", "content": "coalesce(r.content, '')", "post_type": KIND,
            "audio_url": "r.audio_url", "audio_filename": "r.audio_filename",
            "audio_duration": "adoption.small(r.audio_duration)",
            "audio_file_size": "adoption.whole(r.audio_file_size)",
            "audio_mime_type": "r.audio_mime_type",
        },
        {"bad_id": "id IS NULL", "author_missing": f"NOT {PERSON.format('author_id')}"},
        (("id",),),
        "social_post WHERE id IN (SELECT adoption.key(id) FROM adoption.in_posts)",
        "author_id",
        {
            "created_at": _no_moment("created_at"), "post_type": f"r.post_type IS DISTINCT FROM {KIND}",
            "audio_duration": _not_kept("audio_duration", "small"),
            "audio_file_size": _not_kept("audio_file_size", "whole"),
        },
        unsummed=frozenset({"post_type"}),  # the move decides it anew
    ),
    "comments": Rows(
        "social_comment",
        {
            "id": "adoption.key(r.id)", "created_at": CREATED, "updated_at": UPDATED,
            "post_id": "adoption.key(r.post_id)", "author_id": "adoption.key(r.user_id)", "content": "r.content",
        },
        {
            "bad_id": "id IS NULL", "post_missing": f"NOT {POST}",
            "author_missing": f"NOT {PERSON.format('author_id')}",
            "blank": f"(content ~ {BLANK}) IS NOT TRUE",
        },
        (("id",),),
        "social_comment",
        "author_id",
        {"created_at": _no_moment("created_at")},
    ),
    "post_likes": Rows(
        "social_like",
        {"post_id": "adoption.key(r.post_id)", "user_id": "adoption.key(r.user_id)",
         "created_at": f"coalesce(adoption.moment(r.created_at), {UNKNOWN})"},
        {"post_missing": f"NOT {POST}", "person_missing": f"NOT {PERSON.format('user_id')}"},
        (("post_id", "user_id"),),
        "social_like",
        "user_id",
        {"created_at": _no_moment("created_at")},
    ),
    "follows": Rows(
        "social_follow",
        {"follower_id": "adoption.key(r.follower_id)", "followed_id": "adoption.key(r.followed_id)",
         "created_at": f"coalesce(adoption.moment(r.created_at), {UNKNOWN})"},
        {
            "person_missing": f"NOT ({PERSON.format('follower_id')} AND {PERSON.format('followed_id')})",
            "self_follow": "follower_id = followed_id",
        },
        (("follower_id", "followed_id"),),
        "social_follow",
        "follower_id",
        {"created_at": _no_moment("created_at")},
    ),
    "playlists": Rows(
        "playlists_playlist",
        {
            "id": "adoption.key(r.id)", "created_at": CREATED, "updated_at": UPDATED,
            "owner_id": "adoption.key(r.user_id)", "name": "r.name", "description": "r.description",
            "is_public": "coalesce(lower(r.is_public) IN ('true', 't', '1'), false)",
            "cover_image_url": "r.cover_image_url",
        },
        {"bad_id": "id IS NULL", "owner_missing": f"NOT {PERSON.format('owner_id')}"},
        (("id",),),
        "playlists_playlist",
        "owner_id",
        {
            "created_at": _no_moment("created_at"),
            "is_public": "coalesce(lower(r.is_public), '') NOT IN ('true', 't', '1', 'false', 'f', '0')",
        },
        {"is_collaborative": "false", "version": "1"},
    ),
    "playlist_tracks": Rows(
        "playlists_entry",
        {
            "id": "coalesce(adoption.key(r.id), md5(r.playlist_id || ' ' || r.track_id)::uuid)",
            "playlist_id": "adoption.key(r.playlist_id)", "track_id": "adoption.key(r.track_id)",
            "position": "coalesce(adoption.small(r.position), 0)",
            "added_at": f"coalesce(adoption.moment(r.added_at), {UNKNOWN})",
        },
        {
            "bad_id": "track_id IS NULL",
            "playlist_missing": "NOT EXISTS (SELECT FROM playlists_playlist WHERE id = playlist_id)",
        },
        (("playlist_id", "track_id"), ("id",)),
        # As they came: those that the move left out, or put elsewhere, stand in its books.
        """(SELECT entry.id, entry.playlist_id, coalesce(move.post_id, entry.track_id) AS track_id,
                coalesce(move.position, entry.position) AS position, entry.added_at
            FROM playlists_entry AS entry LEFT JOIN playlists_entrymove AS move ON move.entry_id = entry.id
            UNION ALL SELECT entry_id, playlist_id, post_id, position, added_at FROM playlists_entrymove
            WHERE fate NOT IN ('repointed', 'replaced')) AS entries""",
        "playlist_id",
        {"added_at": _no_moment("added_at"), "position": _not_kept("position", "small"),
         "id": _not_kept("id", "key")},
    ),
}  # fmt: skip
# The order in which they are taken over: each after what it names.
ORDER = ("posts", "playlists", "playlist_tracks", "comments", "post_likes", "follows")


def words(columns: list[str], *, spelled: bool) -> str:
    """The columns of a row as they came; `h` is its checksum."""
    said = ", ".join(f"adoption.said({c}) AS {c}" if spelled else c for c in columns)
    return f"n, {row_mark(columns)} AS h, {said}"


def take(name: str, columns: list[str], there: list[str], *, spelled: bool) -> str:
    """One statement that takes over the rows of %(after)s < n <= %(to)s; it answers (taken, sum, left out, sum, here).

    `columns` are all that the rows have here, `there` those that the source had.
    """
    rows = ROWS[name]
    values = ", ".join(f"{value} AS {column}" for column, value in rows.values.items())
    mends = ", ".join(
        f"'{c}', CASE WHEN {sql} THEN coalesce(r.{c}, '') END" for c, sql in rows.mends.items() if c in there
    )
    whys = " ".join(f"WHEN {sql} THEN '{why}'" for why, sql in rows.whys.items())
    return f"""
WITH part AS MATERIALIZED (SELECT {words(columns, spelled=spelled)} FROM adoption.in_{name}
    WHERE n > %(after)s AND n <= %(to)s),
facts AS (SELECT n, h, jsonb_strip_nulls(to_jsonb(r) - 'n' - 'h') AS said, {_mended(mends)} AS mended, {values}
    FROM part AS r),
judged AS (SELECT *, CASE {whys} {_twice(rows)} END AS why FROM facts),
fit AS MATERIALIZED (SELECT * FROM ({_first(rows)}) AS once),
{_taken(rows)},
kept AS (
    INSERT INTO adoption.kept (of, n, why, left_out, said, person)
    SELECT '{name}', n, coalesce(why, 'mended'), why IS NOT NULL, CASE WHEN why IS NULL THEN mended ELSE said END,
        (SELECT id FROM accounts_user WHERE id = {_whose(rows)}) FROM fit WHERE why IS NOT NULL OR mended IS NOT NULL)
SELECT count(*) FILTER (WHERE why IS NULL), coalesce(sum(h) FILTER (WHERE why IS NULL), 0),
    count(*) FILTER (WHERE why IS NOT NULL), coalesce(sum(h) FILTER (WHERE why IS NOT NULL), 0),
    (SELECT {row_sum(rows.summed)} FROM taken) FROM fit
"""


def _mended(pairs: str) -> str:
    return f"nullif(jsonb_strip_nulls(jsonb_build_object({pairs})), '{{}}')"


def _twice(rows: Rows) -> str:
    """Alike one that an earlier chunk took."""
    alike = (" AND ".join(f"it.{column} = facts.{column}" for column in key) for key in rows.once)
    return " ".join(f"WHEN EXISTS (SELECT FROM {rows.table} AS it WHERE {same}) THEN 'double'" for same in alike)


def _first(rows: Rows) -> str:
    """Alike one that comes earlier in this chunk."""
    numbers = " OR ".join(
        f"row_number() OVER (PARTITION BY why IS NULL, {', '.join(key)} ORDER BY n) > 1" for key in rows.once
    )
    columns = ", ".join(["n", "h", "said", "mended", *rows.values])
    return f"SELECT {columns}, CASE WHEN why IS NULL AND ({numbers}) THEN 'double' ELSE why END AS why FROM judged"


def _taken(rows: Rows) -> str:
    """Names of playlists are mended by the same words as in the move, which keeps what was."""
    into = ", ".join([*rows.values, *rows.fixed])
    mended = playlists.MENDED if rows.table == "playlists_playlist" else {}
    said = [mended[c].format(row="fit") if c in mended else c for c in rows.values]
    insert = f"""taken AS (INSERT INTO {rows.table} ({into})
    SELECT {", ".join([*said, *rows.fixed.values()])} FROM fit WHERE why IS NULL ORDER BY n
    RETURNING {", ".join(rows.summed)})"""
    if not mended:
        return insert
    return f"""unfit AS (SELECT * FROM fit WHERE why IS NULL AND ({playlists.unfit("fit")})),
mends AS ({playlists.keep("unfit")} FROM unfit {playlists.KEPT}),
{insert}"""


def _whose(rows: Rows) -> str:
    if rows.person != "playlist_id":
        return f"fit.{rows.person}"
    return "(SELECT owner_id FROM playlists_playlist WHERE playlists_playlist.id = fit.playlist_id)"


def here(name: str) -> tuple[int, int]:
    """(rows, checksum) of what stands here now of what was taken over."""
    rows = ROWS[name]
    return ddl.asked(f"SELECT count(*), {row_sum(rows.summed)} FROM {rows.here}")[0]


# --- Threads ------------------------------------------------------------------------------------------------------
# An answer to what is not there, is under another post, or goes round in a circle stands at the top; one that is too
# deep answers the one above.
THREADS = f"""
WITH RECURSIVE good AS MATERIALIZED (
    SELECT r.n, c.id, c.post_id, c.author_id, r.parent_id AS said, adoption.key(r.parent_id) AS parent
    FROM adoption.in_comments AS r JOIN social_comment AS c ON c.id = adoption.key(r.id)
    WHERE NOT EXISTS (SELECT FROM adoption.kept WHERE of = 'comments' AND kept.n = r.n AND left_out)
), places AS (
    SELECT n, id, post_id, NULL::uuid AS parent, 0 AS depth, CASE WHEN said IS NOT NULL THEN 'parent_missing' END AS why
    FROM good WHERE NOT EXISTS (SELECT FROM good AS up WHERE up.id = good.parent AND up.post_id = good.post_id)
    UNION ALL
    SELECT good.n, good.id, good.post_id, CASE WHEN up.depth = {DEEPEST} THEN up.parent ELSE up.id END,
        least(up.depth + 1, {DEEPEST}), CASE WHEN up.depth = {DEEPEST} THEN 'too_deep' END
    FROM places AS up JOIN good ON good.parent = up.id AND good.post_id = up.post_id
), noted AS (
    INSERT INTO adoption.kept (of, n, why, left_out, said, person)
    SELECT 'comments', n, coalesce(places.why, 'circle'), false, jsonb_build_object('parent_id', said), author_id
    FROM good LEFT JOIN places USING (n) WHERE places.n IS NULL OR places.why IS NOT NULL
)
UPDATE social_comment SET parent_id = places.parent, depth = places.depth FROM places
WHERE social_comment.id = places.id AND places.depth > 0
"""


def thread() -> None:
    with connection.cursor() as cursor:
        cursor.execute(THREADS)
