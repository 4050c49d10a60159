#!/usr/bin/env python3
"""How long the separation of tracks from posts takes, beside what no way of doing it can be quicker than.

1,000,000 posts (70 % with audio) and 3,000,000 playlist entries, clean, and with the defects of real houses. In one run
and on the same rows: the table swap (every table that must end up the same is made anew, with its search vectors,
history, indexes and keys, while writers are shut out), the migration, the migration under live writers, the way back,
and on a sample, scaled, the loop over objects. Makes databases beside the one of DATABASE_URL and drops them.

Goals: at most 2.0 times the swap clean and 2.8 dirty; no live writer waits over 0.25 s, none fails; back to the bit in
10 s; memory flat.
"""

import argparse
import hashlib
import os
import resource
import sys
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")

import django  # noqa: E402

django.setup()

import psycopg  # noqa: E402
from django.db import connection  # noqa: E402
from django.db.migrations.loader import MigrationLoader  # noqa: E402

from apps.lib import batches  # noqa: E402
from apps.social import oldshape, reconciling  # noqa: E402
from bench.measure import Goals  # noqa: E402
from tests.moves import world  # noqa: E402

OWNERS = 2_000
CLEAN, DIRTY = 2.0, 2.8
LONGEST_STALL_S, LONGEST_BACK_S = 0.25, 10.0

PEOPLE = """
INSERT INTO accounts_user (id, created_at, updated_at, password, email, is_active)
SELECT md5('u' || n)::uuid, now(), now(), 'x', 'u' || n || '@example.org', true
FROM generate_series(0, {owners} - 1) AS n
"""
# Dirty: 7 % repeat an earlier file of their author, 1 % have a blank name, 0.1 % no address, a long name, no duration.
POSTS = """
INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, audio_url, audio_filename,
    audio_duration, audio_file_size, audio_mime_type)
SELECT md5('p' || n)::uuid, at, at, md5('u' || n % {owners})::uuid,
    'What I played on evening ' || n || ', take ' || n % 9,
    CASE WHEN audio THEN 'audio' ELSE 'text' END,
    CASE WHEN audio AND NOT ({dirty} AND dirt < 0.001)
        THEN 'https://cdn.example.org/audio/' || md5('f' || file) || '.mp3' END,
    CASE WHEN NOT audio THEN NULL WHEN {dirty} AND dirt BETWEEN 0.1 AND 0.11 THEN '  '
        WHEN {dirty} AND dirt BETWEEN 0.2 AND 0.201 THEN repeat('long ', 80)
        ELSE 'Evening song number ' || file || '.mp3' END,
    CASE WHEN audio THEN CASE WHEN {dirty} AND dirt BETWEEN 0.3 AND 0.301 THEN 0 ELSE 60 + n % 300 END END,
    CASE WHEN audio THEN 1000000 + n END, CASE WHEN audio THEN 'audio/mpeg' END
FROM (SELECT n, n % 10 < 7 AS audio, dirt, timestamptz '2024-01-01' + n * interval '30 seconds' AS at,
        CASE WHEN {dirty} AND dirt > 0.93 AND n > 20 * {owners} THEN n - 10 * {owners} ELSE n END AS file
    FROM (SELECT n, (hashint8(n) & 1048575) / 1048576.0 AS dirt
        FROM generate_series(1, {posts}) AS n) AS numbers) AS made
"""
LISTS = """
INSERT INTO playlists_playlist (id, created_at, updated_at, owner_id, name, description, is_public, cover_image_url)
SELECT md5('l' || n)::uuid, now(), now(), md5('u' || n % {owners})::uuid,
    CASE WHEN {dirty} AND n % 1000 = 0 THEN ' ' ELSE 'List ' || n END,
    CASE WHEN {dirty} AND n % 5 = 0 THEN NULL ELSE '' END, true, ''
FROM generate_series(0, {entries} / 30 - 1) AS n
"""
# 30 to a list; dirty: 1 % are of text posts, 1 % stand on their neighbour's place, and repeats are as common as posted.
ENTRIES = """
INSERT INTO playlists_entry (id, playlist_id, track_id, position, added_at)
SELECT md5('e' || n)::uuid, md5('l' || n / 30)::uuid,
    md5('p' || CASE WHEN {dirty} AND n % 100 = 7 THEN post / 10 * 10 + 8
        WHEN post % 10 < 7 THEN post ELSE post - 5 END)::uuid,
    CASE WHEN {dirty} AND n % 100 = 11 THEN n % 30 - 1 ELSE n % 30 END, now()
FROM (SELECT n, 11 + (n::bigint * 7919 + n::bigint / 30 * 104729) % ({posts} - 11) AS post
    FROM generate_series(0, {entries} - 1) AS n) AS made
ON CONFLICT DO NOTHING
"""


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("-n", type=int, default=1_000_000, metavar="POSTS", help="posts to move (1,000,000)")
    options.add_argument("--only", choices=["clean", "dirty"], help="one of the two houses")
    options.add_argument("--without-live", action="store_true", help="leave out the run under live writers")
    options = options.parse_args()
    goals, usual = Goals(), connection.settings_dict["NAME"]
    for kind in [options.only] if options.only else ["clean", "dirty"]:
        House(kind, options.n, usual).measure(goals, live=not options.without_live)
    return 1 if goals.missed else 0


class House:
    """One house of the old shape, in a database that is copied for each contender."""

    def __init__(self, kind: str, posts: int, usual: str) -> None:
        self.kind, self.posts, self.usual = kind, posts, usual
        self.name = f"{usual}_bench_{kind}"

    def measure(self, goals: Goals, *, live: bool) -> None:
        limit = CLEAN if self.kind == "clean" else DIRTY
        tell(f"{self.kind}: {self.posts:,} posts, {3 * self.posts:,} entries")
        with self._made():
            swap = self._run("swap", swap_tables)
            ours, back = self._forward_and_back(goals)
            self._run("the loop over objects, a sample scaled", lambda: naive(self.posts))
            goals.check(f"{self.kind}: {ours / swap:.2f} times the swap (at most {limit})", ours <= limit * swap)
            goals.check(f"{self.kind}: back in {back:.1f} s (at most {LONGEST_BACK_S})", back <= LONGEST_BACK_S)
            if live:
                self._under_writers(goals)

    @contextmanager
    def _made(self) -> Iterator[None]:
        world.make_database(self.name, "template0")
        try:
            with world.connected(self.name):
                world.to([])
                world.to(world.OLD)
                self._fill()
            yield
        finally:
            world.drop_database(self.name)

    def _fill(self) -> None:
        values = {"posts": self.posts, "entries": 3 * self.posts, "owners": OWNERS, "dirty": str(self.kind == "dirty")}
        with batches.unhurried():
            for statement in (PEOPLE, POSTS, LISTS, ENTRIES):
                world.rows(statement.format(**values))
            world.rows("VACUUM ANALYZE")
            world.rows("CHECKPOINT")

    @contextmanager
    def _copied(self) -> Iterator[None]:
        name = f"{self.name}_run"
        world.make_database(name, self.name)
        try:
            with world.connected(name):
                world.rows("CHECKPOINT")
                yield
        finally:
            world.drop_database(name)

    def _run(self, what: str, work: Callable[[], float | None]) -> float:
        with self._copied(), batches.unhurried():
            used, seconds = processor(), timed(work)
            print(f"  {what:42}{seconds:8.1f} s, {processor() - used:6.1f} s of processor in its backend")
            return seconds

    def _forward_and_back(self, goals: Goals) -> tuple[float, float]:
        with self._copied(), batches.unhurried():
            before, memory = world.checksums(world.OLD_ROWS), Memory()
            forward = timed(world.forward)
            memory.tell(goals, self.kind)
            rate = (self.posts * 4) / forward
            print(f"  {'the migration':42}{forward:8.1f} s {rate:10,.0f} rows/s")
            verifying = timed(
                lambda: goals.check(f"{self.kind}: `separation verify` holds", reconciling.verify().holds)
            )
            print(f"  {'verify':42}{verifying:8.1f} s")
            used, back = processor(), timed(world.back)
            print(f"  {'the way back':42}{back:8.1f} s, {processor() - used:6.1f} s of processor in its backend")
            goals.check(f"{self.kind}: back to the bit", world.checksums(world.OLD_ROWS) == before)
            return forward, back

    def _under_writers(self, goals: Goals) -> None:
        with self._copied(), batches.unhurried():
            writers = [Writer(number) for number in range(3)]
            for writer in writers:
                writer.start()
            seconds = timed(world.forward)
            for writer in writers:
                writer.over.set()
                writer.join()
            longest, what = max(writer.longest for writer in writers)
            written, errors = sum(w.written for w in writers), [e for w in writers for e in w.errors]
            print(f"  {'the migration under 3 writers':42}{seconds:8.1f} s   {written:,} statements meanwhile")
            goals.check(
                f"{self.kind}: longest wait of a live statement {longest:.3f} s, {what} (at most {LONGEST_STALL_S})",
                longest <= LONGEST_STALL_S,
            )
            goals.check(f"{self.kind}: no writer fails ({errors[:1] or 'none'})", not errors)
            goals.check(f"{self.kind}: `separation verify` holds after it", reconciling.verify().holds)


def timed(work: Callable[[], float | None]) -> float:
    """Seconds; or what `work` says it would have taken."""
    started = time.perf_counter()
    said = work()
    return said if isinstance(said, float) else time.perf_counter() - started


def processor() -> float:
    """Seconds of processor that this connection's backend has used; a busy machine leaves them as they are."""
    backend = Path(f"/proc/{connection.connection.info.backend_pid}/schedstat")
    return int(backend.read_text().split()[0]) / 1e9 if backend.exists() else 0.0


def tell(words: str) -> None:
    print(f"\n{words}", flush=True)


class Memory:
    """Of this process and of its database backend, before and after."""

    def __init__(self) -> None:
        self.status = Path(f"/proc/{connection.connection.info.backend_pid}/status")
        self.before = self._now()

    def _now(self) -> tuple[int, int]:
        theirs = 0
        if self.status.exists():
            lines = dict(line.split(":", 1) for line in self.status.read_text().splitlines())
            theirs = int(lines["RssAnon"].split()[0])
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, theirs

    def tell(self, goals: Goals, kind: str) -> None:
        grown = [(after - before) / 1024 for before, after in zip(self.before, self._now(), strict=True)]
        goals.check(
            f"{kind}: memory grew by {grown[0]:.0f} MB here, {grown[1]:.0f} MB in the database", max(grown) < 100
        )


# --- The limit ----------------------------------------------------------------------------------------------------
GONE = "('double', 'text', 'missing', 'quarantined')"


def swap_tables() -> None:
    """The same end by making every table anew, while everybody is shut out, and naming it as the old one.

    What the separation puts aside is found by the same rules, for the whole table at once.
    """
    world._tables(make=True, models=(world.PostMove, world.EntryMove, world.PlaylistMend))
    indexes = {table: definitions(table) for table in ("social_post", "playlists_entry", "catalog_track",
               "catalog_providersource", "catalog_change")}  # fmt: skip
    with connection.cursor() as cursor:
        cursor.execute("BEGIN")
        cursor.execute(
            "LOCK TABLE social_post, playlists_entry, playlists_playlist, catalog_track IN ACCESS EXCLUSIVE MODE"
        )
        cursor.execute(oldshape.WORDS)
        cursor.execute("SET LOCAL work_mem = '64MB'")
        for statement in SWAP:
            cursor.execute(statement)
        for table, made in indexes.items():
            swap(cursor, table, made)
        for table, name, definition in KEYS:
            cursor.execute(f"ALTER TABLE {table} ADD CONSTRAINT {name} {definition}")
        cursor.execute("COMMIT")
        cursor.execute("ANALYZE social_post, playlists_entry, catalog_track")


def definitions(table: str) -> tuple[list[str], list[str]]:
    """What makes the table's indexes, and its constraints, again."""
    made = world.rows(
        "SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = %s::regclass AND NOT EXISTS"
        " (SELECT FROM pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)", [table]
    )  # fmt: skip
    kept = world.rows(
        "SELECT format('ALTER TABLE %%s ADD CONSTRAINT %%I %%s', %s::text, conname, pg_get_constraintdef(oid))"
        " FROM pg_constraint WHERE conrelid = %s::regclass AND contype IN ('p', 'u', 'c', 'f')"
        " AND confrelid <> 'social_post'::regclass ORDER BY contype <> 'p'", [table, table],
    )  # fmt: skip
    return [definition for (definition,) in made], [statement for (statement,) in kept]


def swap(cursor, table: str, made: tuple[list[str], list[str]]) -> None:
    cursor.execute(f"DROP TABLE {table} CASCADE")
    cursor.execute(f"ALTER TABLE new_{table} RENAME TO {table}")
    for statement in (*made[1][:1], *made[0], *made[1][1:]):
        cursor.execute(statement)


_FIRST = """first_value(id) OVER (PARTITION BY author_id, audio_url ORDER BY created_at, id)"""
_WORDS_OF_TRACK = """setweight(catalog_words(social_old_title(post.audio_filename, post.created_at)), 'A')
    || setweight(catalog_words(post.content), 'D')"""
_TRACK = oldshape.track("post").split("SELECT", 1)
_TRACK_COLUMNS = [column.strip() for column in _TRACK[0].split("(", 1)[1].rsplit(")", 1)[0].split(",")]
_IDLE = "'{id,created_at,updated_at,play_count,popularity_score,number,search,owner_id}'::text[]"
SWAP = (
    f"""CREATE TABLE new_social_post AS SELECT id, created_at, updated_at, author_id, content,
        CASE WHEN file IS NULL THEN 'text' ELSE post_type END::varchar(5) AS post_type, audio_url, audio_filename,
        audio_duration, audio_file_size, audio_mime_type, CASE WHEN file IS NOT NULL THEN {_FIRST} END AS track_id
        FROM (SELECT *, CASE WHEN post_type = 'audio' THEN social_old_url(audio_url) END AS file
            FROM social_post) AS post""",
    f"""INSERT INTO social_postmove SELECT post.id, post.track_id,
        CASE WHEN post.track_id IS NULL THEN 'no_url' WHEN post.track_id = post.id THEN 'moved' ELSE 'shared' END,
        CASE WHEN post.track_id IS NULL THEN '{{}}' WHEN post.track_id = post.id THEN {oldshape.mended("post")}
            ELSE {oldshape.differing("post", "first")} END
        FROM new_social_post AS post JOIN social_post AS old USING (id)
        LEFT JOIN social_post AS first ON first.id = post.track_id AND post.id <> post.track_id
        WHERE old.post_type = 'audio'""",
    "CREATE TABLE new_catalog_track (LIKE catalog_track INCLUDING DEFAULTS)",
    f"""INSERT INTO new_catalog_track ({", ".join(_TRACK_COLUMNS)}, search) SELECT {_TRACK[1]}, {_WORDS_OF_TRACK}
        FROM new_social_post AS post WHERE id = track_id""",
    "CREATE TABLE new_catalog_providersource (LIKE catalog_providersource INCLUDING DEFAULTS)",
    oldshape.PROVIDE,
    oldshape.source("post").replace("catalog_providersource", "new_catalog_providersource")
    + " FROM new_social_post AS post WHERE id = track_id",
    "CREATE TABLE new_catalog_change (LIKE catalog_change INCLUDING DEFAULTS INCLUDING IDENTITY)",
    f"""INSERT INTO new_catalog_change ("table", track_id, row_id, action, fields, new, door)
        SELECT 'catalog_track', id, id, 'I', (SELECT array_agg(k ORDER BY k) FROM jsonb_object_keys((SELECT
            to_jsonb(t) FROM new_catalog_track AS t LIMIT 1)) AS k WHERE k <> 'search'), to_jsonb(track) - {_IDLE},
            'migration' FROM new_catalog_track AS track""",
    """INSERT INTO playlists_entrymove (entry_id, playlist_id, post_id, position, added_at, fate, kept_entry_id)
        SELECT id, playlist_id, track_id, position, added_at,
            CASE WHEN target IS NULL THEN 'text' WHEN first <> id THEN 'double' ELSE 'repointed' END,
            nullif(first, id) FROM (
            SELECT entry.*, post.track_id AS target, first_value(entry.id) OVER (PARTITION BY playlist_id, post.track_id
                ORDER BY position, added_at, entry.id) AS first
            FROM playlists_entry AS entry LEFT JOIN new_social_post AS post ON post.id = entry.track_id) AS named
        WHERE target IS NULL OR target <> track_id OR first <> id""",
    f"""CREATE TABLE new_playlists_entry AS SELECT entry.id, entry.playlist_id, coalesce(post.track_id, entry.track_id)
            AS track_id, (row_number() OVER (PARTITION BY entry.playlist_id ORDER BY entry.position, entry.added_at,
            entry.id) - 1)::int AS position, entry.added_at
        FROM playlists_entry AS entry LEFT JOIN playlists_entrymove AS move ON move.entry_id = entry.id
            LEFT JOIN social_post AS old ON false LEFT JOIN new_social_post AS post
            ON move.fate = 'repointed' AND post.id = entry.track_id
        WHERE move.fate IS NULL OR move.fate NOT IN {GONE}""",
    "UPDATE playlists_playlist SET name = 'List', description = '' WHERE btrim(name) = '' OR description IS NULL",
)
KEYS = (
    ("social_post", "post_key", "FOREIGN KEY (track_id) REFERENCES catalog_track (id) DEFERRABLE INITIALLY DEFERRED"),
    ("social_post", "post_has_track", world.posts.HAS_TRACK[2]),
    (
        "playlists_entry",
        "entry_track",
        "FOREIGN KEY (track_id) REFERENCES catalog_track (id) DEFERRABLE INITIALLY DEFERRED",
    ),
    ("playlists_entry", "entry_position", "UNIQUE (playlist_id, position) DEFERRABLE INITIALLY DEFERRED"),
)


# --- The loop -----------------------------------------------------------------------------------------------------
def naive(posts: int, sample: int = 1_000) -> float:
    """Seconds that a loop over objects would take: `get_or_create` and `save` for a sample, times the rest."""
    old = MigrationLoader(connection).project_state([("social", "0002_prepare"), ("playlists", "0001_old_shape")]).apps
    world.rows("ALTER TABLE social_post ADD COLUMN track_id uuid")
    track, post, entry = (
        old.get_model(*name) for name in (("catalog", "Track"), ("social", "Post"), ("playlists", "Entry"))
    )
    started = time.perf_counter()
    for one in post.objects.filter(post_type="audio").order_by("id")[:sample]:
        facts = {"kind": "uploaded", "status": "ready", "is_public": True, "description": one.content}
        title = (one.audio_filename or "").strip()[:255] or "-"
        made, _ = track.objects.get_or_create(owner_id=one.author_id, title=title, defaults=facts)
        one.track = made
        one.save()
    of_posts = time.perf_counter() - started
    started = time.perf_counter()
    for one in entry.objects.order_by("id")[:sample]:
        named = post.objects.get(pk=one.track_id)
        one.position = one.position + (named.track_id is None) * 0
        one.save()
    return (of_posts * posts * 0.7 + (time.perf_counter() - started) * posts * 3) / sample


# --- Live writers -------------------------------------------------------------------------------------------------
class Writer(threading.Thread):
    """Every 10 ms one statement of an old program; remembers the longest wait."""

    PAUSE_S = 0.01

    def __init__(self, number: int) -> None:
        super().__init__(daemon=True)
        self.number, self.over = number, threading.Event()
        self.longest, self.written, self.errors = (0.0, "nothing"), 0, []
        values = connection.get_connection_params()
        self.values = {name: values[name] for name in ("dbname", "user", "password", "host", "port") if name in values}
        self.last = None

    def run(self) -> None:
        kinds = (self._post, self._edit, self._list, self._read)
        with psycopg.connect(**self.values, autocommit=True) as mine:
            while not self.over.wait(self.PAUSE_S):
                kind = kinds[self.written % len(kinds)]
                started = time.perf_counter()
                try:
                    kind(mine)
                except psycopg.Error as error:
                    self.errors.append(f"{kind.__name__[1:]}: {error}")
                self.longest = max(self.longest, (time.perf_counter() - started, kind.__name__[1:]))
                self.written += 1

    def _post(self, mine: psycopg.Connection) -> None:
        self.last = uuid.uuid4()
        mine.execute(
            """INSERT INTO social_post (id, created_at, updated_at, author_id, content, post_type, audio_url,
                audio_filename, audio_duration, audio_file_size, audio_mime_type)
            VALUES (%s, now(), now(), md5('u' || %s)::uuid, 'live', 'audio', %s, 'live.mp3', 60, 1, 'audio/mpeg')""",
            [self.last, self.written % OWNERS, f"https://cdn.example.org/live/{self.number}/{self.written // 3}.mp3"],
        )

    def _edit(self, mine: psycopg.Connection) -> None:
        mine.execute(
            "UPDATE social_post SET content = content || '.', updated_at = now() WHERE id = %s", [self._some("p")]
        )

    def _list(self, mine: psycopg.Connection) -> None:
        mine.execute(
            """INSERT INTO playlists_entry (id, playlist_id, track_id, position, added_at)
            SELECT %s, id, %s, 1000 + %s, now() FROM playlists_playlist WHERE id = md5('l' || %s)::uuid
            ON CONFLICT (playlist_id, track_id) DO NOTHING""",
            [uuid.uuid4(), self.last, self.written * 3 + self.number, self.written % 1000],
        )

    def _read(self, mine: psycopg.Connection) -> None:
        mine.execute(
            """SELECT post.*, entry.position FROM social_post AS post JOIN playlists_entry AS entry
            ON entry.track_id = post.id WHERE entry.playlist_id = md5('l' || %s)::uuid ORDER BY position""",
            [self.written % 1000],
        ).fetchall()

    def _some(self, kind: str) -> uuid.UUID:
        return uuid.UUID(bytes=hashlib.md5(f"{kind}{1 + self.written * 37 % 1000}".encode()).digest())


if __name__ == "__main__":
    sys.exit(main())
