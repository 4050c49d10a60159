"""A house of the old shape with every defect such houses were seen to have, in a database of its own."""

import datetime as dt
import hashlib
import itertools
import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection
from django.db.migrations.executor import MigrationExecutor

from apps.lib import batches, ddl
from apps.playlists import separation as playlists
from apps.playlists.models import EntryMove, PlaylistMend
from apps.social import separation as posts
from apps.social.models import PostMove

OLD = [("social", "0001_old_shape"), ("playlists", "0001_old_shape")]
NEW = [("social", "0004_require"), ("playlists", "0002_repoint")]
DAY = dt.datetime(2025, 3, 1, 12, tzinfo=dt.UTC)
MIME = "audio/mpeg"

# What must be the same whatever happened in between; `number` and what counts transactions need not be.
OLD_ROWS = {
    "posts": """SELECT id, created_at, updated_at, author_id, content, post_type, audio_url, audio_filename,
        audio_duration, audio_file_size, audio_mime_type FROM social_post""",
    "entries": "SELECT id, playlist_id, track_id, position, added_at FROM playlists_entry",
    "playlists": """SELECT id, created_at, updated_at, owner_id, name, description, is_public, cover_image_url
        FROM playlists_playlist""",
    "likes": "SELECT id, post_id, user_id, created_at FROM social_like",
    "comments": "SELECT id, created_at, updated_at, post_id, author_id, parent_id, content FROM social_comment",
    "tracks": "SELECT id FROM catalog_track",
    "history": "SELECT track_id, action FROM catalog_change",
}
NEW_ROWS = {
    **OLD_ROWS,
    "posts": f"{OLD_ROWS['posts'].replace('FROM', ', track_id FROM')}",
    "tracks": f"""SELECT {", ".join((
        "id", "created_at", "updated_at", "owner_id", "kind", "status", "title", "artist", "description", "is_public",
        "duration_ms", "clearance", "clearance_reasons", "search"))} FROM catalog_track""",
    "sources": "SELECT * FROM catalog_providersource",
    "provider": "SELECT * FROM catalog_provider",
    "history": 'SELECT "table", track_id, row_id, action, fields, old, new, door, by_id FROM catalog_change',
    "post moves": "SELECT * FROM social_postmove",
    "entry moves": "SELECT * FROM playlists_entrymove",
    "mends": "SELECT * FROM playlists_playlistmend",
}  # fmt: skip
SHAPE = """
SELECT 'column', table_name || '.' || column_name, data_type || is_nullable || coalesce(column_default, '')
  FROM information_schema.columns WHERE table_schema = 'public'
UNION ALL SELECT 'constraint', conrelid::regclass || '.' || conname, pg_get_constraintdef(oid)
  FROM pg_constraint WHERE connamespace = 'public'::regnamespace
UNION ALL SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'
UNION ALL SELECT 'trigger', tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid)
  FROM pg_trigger WHERE NOT tgisinternal
UNION ALL SELECT 'function', p.proname, md5(pg_get_functiondef(p.oid)) FROM pg_proc p
 WHERE p.pronamespace = 'public'::regnamespace AND p.prokind = 'f'
   AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = p.oid AND d.deptype = 'e')
ORDER BY 1, 2, 3
"""


# --- Databases ----------------------------------------------------------------------------------------------------
def quoted(name: str) -> str:
    return connection.ops.quote_name(name)


def make_database(name: str, template: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")
        cursor.execute(f"CREATE DATABASE {quoted(name)} TEMPLATE {quoted(template)}")


def drop_database(name: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {quoted(name)} WITH (FORCE)")


@contextmanager
def connected(name: str) -> Iterator[None]:
    """The default connection leads to this database while the block runs."""
    usual = connection.settings_dict["NAME"]
    connection.close()
    connection.settings_dict["NAME"] = name
    try:
        yield
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def to(targets: list[tuple[str, str]]) -> None:
    """Forward or back to these; to the newest of everything where none is named."""
    executor = MigrationExecutor(connection)
    executor.migrate(targets or executor.loader.graph.leaf_nodes())


def forward() -> None:
    """The migrations one after the other, but for Django's own part, which takes most of the time."""
    for name, there, _ in PHASES:
        if not _is_recorded(name):
            there()
            batches.checkpoint(f"{name}, not recorded")
            rows("INSERT INTO django_migrations (app, name, applied) VALUES ('test', %s, now())", [name])


def back() -> None:
    for name, _, here in reversed(PHASES):
        if _is_recorded(name):
            here()
            batches.checkpoint(f"no {name}, not recorded")
            rows("DELETE FROM django_migrations WHERE app = 'test' AND name = %s", [name])


def _is_recorded(name: str) -> bool:
    return bool(rows("SELECT 1 FROM django_migrations WHERE app = 'test' AND name = %s", [name]))


def _prepare() -> None:
    _tables(make=True, models=(PostMove,))
    posts.prepare()


def _unprepare() -> None:
    posts.unprepare()
    _tables(make=False, models=(PostMove,))


def _repoint() -> None:
    _tables(make=True, models=(EntryMove, PlaylistMend))
    playlists.repoint()


def _unrepoint() -> None:
    playlists.unrepoint()
    _tables(make=False, models=(PlaylistMend, EntryMove))


PHASES = (
    ("social.0002", _prepare, _unprepare),
    ("social.0003", posts.move, posts.unmove),
    ("playlists.0002", _repoint, _unrepoint),
    ("social.0004", posts.require, posts.unrequire),
)


def _tables(*, make: bool, models: tuple) -> None:
    for model in models:
        if ddl.has_table(model._meta.db_table) != make:
            with connection.schema_editor() as editor:
                (editor.create_model if make else editor.delete_model)(model)
        batches.checkpoint(f"table {model.__name__}")


def rows(statement: str, values=()) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values) or None)
        return cursor.fetchall() if cursor.description else []


def one(statement: str, values=()):
    return rows(statement, values)[0][0]


def checksums(of: dict[str, str]) -> dict[str, str]:
    """By name: how many rows, and what they say."""
    return {
        name: one(
            f"SELECT count(*) || ' ' || md5(coalesce(string_agg(md5(r::text), '' ORDER BY r::text), '')) "
            f"FROM ({statement}) AS r"
        )
        for name, statement in of.items()
    }


def shape() -> list[tuple]:
    return rows(SHAPE)


# --- Rows ---------------------------------------------------------------------------------------------------------
def key(*name) -> uuid.UUID:
    """A key that looks as if it were by chance, and is the same in every run."""
    return uuid.UUID(bytes=hashlib.sha256(repr(name).encode()).digest()[:16], version=4)


_posts = itertools.count()


def add_user(name: str) -> uuid.UUID:
    pk = key("user", name)
    rows(
        """INSERT INTO accounts_user (id, created_at, updated_at, password, email, is_active)
        VALUES (%s, %s, %s, 'x', %s, true)""",
        [pk, DAY, DAY, f"{name}@example.org"],
    )
    return pk


def add_post(name: str, author: uuid.UUID, url: str | None = None, *, kind: str = "audio", **facts) -> uuid.UUID:
    """A post of the old shape, as an old program makes it; `minute` orders posts."""
    pk, at = key("post", name), DAY + dt.timedelta(minutes=facts.pop("minute", next(_posts) % 500_000))
    values = {
        "id": pk, "created_at": at, "updated_at": at, "author_id": author, "content": f"caption of {name}",
        "post_type": kind, "audio_url": url, "audio_filename": f"{name}.mp3" if kind == "audio" else None,
        "audio_duration": 180 if kind == "audio" else None, "audio_file_size": 4_000_000 if kind == "audio" else None,
        "audio_mime_type": MIME if kind == "audio" else None, **facts,
    }  # fmt: skip
    columns = ", ".join(values)
    rows(f"INSERT INTO social_post ({columns}) VALUES ({', '.join(['%s'] * len(values))})", values.values())
    return pk


def add_playlist(name: str, owner: uuid.UUID, **facts) -> uuid.UUID:
    pk = key("playlist", name)
    values = {"id": pk, "created_at": DAY, "updated_at": DAY, "owner_id": owner, "name": name, "description": "",
              "is_public": True, "cover_image_url": "", **facts}  # fmt: skip
    rows(
        f"INSERT INTO playlists_playlist ({', '.join(values)}) VALUES ({', '.join(['%s'] * len(values))})",
        values.values(),
    )
    return pk


def add_entry(playlist: uuid.UUID, post: uuid.UUID, position: int, minute: int = 0) -> uuid.UUID:
    pk = key("entry", playlist, post)
    rows(
        "INSERT INTO playlists_entry (id, playlist_id, track_id, position, added_at) VALUES (%s, %s, %s, %s, %s)",
        [pk, playlist, post, position, DAY + dt.timedelta(minutes=minute)],
    )
    return pk


def url(name: str, host: str = "cdn.example.org") -> str:
    return f"https://{host}/audio/{name}.mp3"


# --- The house ----------------------------------------------------------------------------------------------------
def old_house(*, crowd: int = 60, seed: int = 1) -> None:
    """Every defect once by name, and a crowd of ordinary and of broken posts and entries by chance."""
    ana, bob = add_user("ana"), add_user("bob")
    add_post("plain", ana, url("plain"))
    add_post("first", ana, url("twice"), minute=10)
    add_post(
        "second", ana, url("twice"), minute=20, audio_duration=181, audio_file_size=None, audio_filename="other.mp3"
    )
    add_post("of bob", bob, url("twice"), minute=5)
    add_post("no url", ana, None)
    add_post("blank url", ana, "  \t ")
    add_post("bad url", ana, "blob:nowhere")
    add_post("long url", ana, "https://cdn.example.org/" + "x" * 2000)
    add_post("spaced url", ana, f"  {url('spaced')} ")
    add_post("no name", ana, url("no name"), audio_filename=None)
    add_post("blank name", ana, url("blank name"), audio_filename=" \t ", audio_mime_type=None)
    add_post("long name", ana, url("long name"), audio_filename="  " + "Ü" * 300)
    add_post("no duration", ana, url("no duration"), audio_duration=0)
    add_post("less than none", ana, url("less"), audio_duration=-5)
    add_post("very long", ana, url("very long"), audio_duration=2_147_483_647, content="w" * 12_000)
    add_post("text", bob, kind="text")
    add_post("text with leftovers", bob, url("leftover"), kind="text", audio_filename="leftover.mp3")
    add_post("elsewhere", bob, url("elsewhere", "files.elsewhere.example"))
    _said(ana, bob)
    _lists(ana, bob)
    _crowd(random.Random(seed), crowd, (ana, bob))
    rows("UPDATE playlists_entry SET added_at = added_at")


def _said(ana: uuid.UUID, bob: uuid.UUID) -> None:
    for name in ("first", "second", "no url", "text"):
        rows(
            "INSERT INTO social_like (post_id, user_id, created_at) VALUES (%s, %s, %s)", [key("post", name), bob, DAY]
        )
    for name in ("first", "bad url"):
        rows(
            """INSERT INTO social_comment (id, created_at, updated_at, post_id, author_id, content)
            VALUES (%s, %s, %s, %s, %s, 'fine')""",
            [key("comment", name), DAY, DAY, key("post", name), ana],
        )


def _lists(ana: uuid.UUID, bob: uuid.UUID) -> None:
    """What became of playlists over the years; the key to posts was not always there."""
    key_name = one(
        "SELECT conname FROM pg_constraint WHERE conrelid = 'playlists_entry'::regclass AND confrelid = 'social_post'::regclass"
    )
    rows(f"ALTER TABLE playlists_entry DROP CONSTRAINT {key_name}")
    both = add_playlist("both", bob)
    for place, name in enumerate(("plain", "second", "text", "first", "no url", "of bob")):
        add_entry(both, key("post", name), place)
    add_entry(both, key("post", "nobody's"), 7)
    later = add_playlist("canonical later", bob, description=None, cover_image_url=None)
    add_entry(later, key("post", "second"), 3)
    add_entry(later, key("post", "first"), 9)
    only = add_playlist("only the second", ana, cover_image_url="https://x.example/" + "c" * 2100)
    add_entry(only, key("post", "second"), 0)
    crowded = add_playlist("crowded", ana, description=None)
    for place, name in ((-3, "plain"), (0, "elsewhere"), (0, "second"), (5, "no name"), (5, "blank name")):
        add_entry(crowded, key("post", name), place)
    add_playlist(" ", ana)
    add_playlist("n" * 300, ana, description="d" * 6000)
    add_playlist("empty", ana)
    rows(
        f"ALTER TABLE playlists_entry ADD CONSTRAINT {key_name} FOREIGN KEY (track_id) REFERENCES social_post (id) DEFERRABLE INITIALLY DEFERRED NOT VALID"
    )


def _crowd(chance: random.Random, size: int, people: tuple) -> None:
    posts = []
    for n in range(size):
        person, kind = chance.choice(people), "audio" if chance.random() < 0.7 else "text"
        address = (
            None
            if kind == "text" or chance.random() < 0.05
            else url(f"crowd {chance.randrange(size // 2)}".replace(" ", "-"))
        )
        posts.append(add_post(f"crowd {n}", person, address, kind=kind, minute=1000 + chance.randrange(size)))
    for n in range(size // 6):
        playlist = add_playlist(f"crowd {n}", chance.choice(people), description=chance.choice(["", None, "words"]))
        for place, post in enumerate(chance.sample(posts, min(12, size))):
            add_entry(playlist, post, chance.choice([place, place, place, 3]), chance.randrange(9))
