"""A community's database as the seed has it: text keys of every kind, no constraints, and each defect once by name."""

import datetime as dt

import psycopg
from django.db import connection
from psycopg.conninfo import make_conninfo

from tests.moves.world import MIME, key, url

DAY = dt.datetime(2024, 5, 1, 9, tzinfo=dt.UTC)
TABLES = """
CREATE TABLE profiles (id text, username text, email text, avatar_url text, bio text, created_at timestamptz);
CREATE TABLE posts (id uuid, user_id uuid, content text, post_type text, audio_url text, audio_filename text,
    audio_duration numeric, audio_file_size bigint, audio_mime_type text, created_at timestamp, updated_at timestamptz,
    mood_ring text);
CREATE TABLE playlists (id uuid, user_id uuid, name text, description text, is_public boolean, created_at timestamptz);
CREATE TABLE playlist_tracks (id uuid, playlist_id uuid, track_id uuid, position integer, added_at timestamptz);
CREATE TABLE post_likes (id uuid, post_id uuid, user_id uuid, created_at timestamptz);
CREATE TABLE comments (id uuid, post_id uuid, user_id uuid, content text, parent_id uuid, created_at timestamptz);
CREATE TABLE follows (follower_id uuid, following_id uuid, created_at timestamptz);
"""
PEOPLE = {
    "ana": ("ana", "Ana@Example.org"), "bob": ("bob", None), "cleo": ("ANA", "ana@example.org"),
    "admin": ("admin", "no address"), "odd": ("Öla Straße!", "odd@example.org"), "blank": (" ", "blank@example.org"),
    "nameless": (None, "nameless@example.org"),
}  # fmt: skip


def dsn(name: str) -> str:
    """Where the database of this name is; a socket's folder stands among the options, not in HOST."""
    facts = connection.get_connection_params()
    return make_conninfo(
        dbname=name, **{word: facts[word] for word in ("host", "port", "user", "password") if word in facts}
    )


def fill(name: str) -> None:
    """Every defect into the database of this name."""
    with psycopg.connect(dsn(name)) as there:
        there.execute(TABLES)
        _people(there)
        _posts(there)
        _playlists(there)
        _said(there)


def _add(there, table: str, *rows: tuple) -> None:
    for row in rows:
        there.execute(f"INSERT INTO {table} VALUES ({', '.join(['%s'] * len(row))})", row)


def _people(there) -> None:
    for minute, (name, (username, email)) in enumerate(PEOPLE.items()):
        at = DAY + dt.timedelta(minutes=minute)
        _add(
            there, "profiles", (str(key("user", name)), username, email, "https://x.example/a.png", f"I am {name}", at)
        )
    _add(there, "profiles", ("17", "seventeen", "17@example.org", None, None, DAY))
    _add(there, "profiles", (str(key("user", "ana")).upper(), "ana two", None, None, None, DAY + dt.timedelta(days=1)))


def _posts(there) -> None:
    ana, bob = key("user", "ana"), key("user", "bob")
    addresses = {
        "plain": url("plain"), "first": url("twice"), "second": url("twice"), "no url": None, "bad url": "blob:nowhere",
        "untold": url("untold"),
    }  # fmt: skip
    for minute, (name, address) in enumerate(addresses.items()):
        at = DAY + dt.timedelta(minutes=minute)
        kind = {"untold": "Track"}.get(name, "audio")
        _add(there, "posts", (
            key("post", name), ana, f"caption <b>of</b> {name}", kind, address, f"{name}.mp3", "180.4", 4_000_000, MIME,
            at, at, "blue"))  # fmt: skip
    for name, author, at in (
        ("text", bob, DAY), ("of nobody", key("user", "gone"), DAY), ("timeless", bob, None),
        ("of tomorrow", bob, dt.datetime(9000, 1, 1, tzinfo=dt.UTC)),
    ):  # fmt: skip
        _add(there, "posts", (key("post", name), author, name, "text", *[None] * 5, at, None, None))
    there.execute("UPDATE posts SET created_at = '-infinity' WHERE id = %s", [key("post", "timeless")])
    _add(there, "posts", (key("post", "text"), ana, "the same key", "text", *[None] * 5, DAY, DAY, None))


def _playlists(there) -> None:
    ana, gone = key("user", "ana"), key("user", "gone")
    _add(
        there, "playlists",
        (key("playlist", "good"), ana, "Good", None, True, DAY), (key("playlist", "blank"), ana, " \t", "", None, DAY),
        (key("playlist", "long"), ana, "n" * 300, "", False, DAY), (key("playlist", "gone"), gone, "Gone", "", True, DAY),
    )  # fmt: skip
    for place, name in enumerate(("plain", "second", "first", "text", "no url", "nobody's", "of nobody", "plain")):
        _add(there, "playlist_tracks", (
            key("entry", place), key("playlist", "good"), key("post", name), place // 2, DAY + dt.timedelta(hours=place),
        ))  # fmt: skip
    _add(
        there, "playlist_tracks",
        (None, key("playlist", "blank"), key("post", "plain"), -4, None),
        (key("entry", "x"), key("playlist", "gone"), key("post", "plain"), 0, DAY),
    )  # fmt: skip


def _said(there) -> None:
    ana, bob, gone = (key("user", name) for name in ("ana", "bob", "gone"))
    for n, (post, who) in enumerate((("first", bob), ("first", bob), ("text", ana), ("first", gone), ("nowhere", ana))):
        _add(there, "post_likes", (key("like", n), key("post", post), who, DAY + dt.timedelta(minutes=n)))
    comments = [("top", "first", ana, "fine", None), *(
        (f"deep {n}", "first", bob, f"answer {n}", "top" if n == 0 else f"deep {n - 1}") for n in range(9)
    ), ("orphan", "first", ana, "where?", "gone"), ("elsewhere", "text", ana, "to another post", "top"),
        ("round", "text", ana, "round", "and round"), ("and round", "text", bob, "and round", "round"),
        ("empty", "text", bob, " \n", None), ("under nothing", "nowhere", bob, "lost", None),
        ("of nobody", "first", gone, "who am I", None), ("answer to nobody", "first", ana, "you", "of nobody")]  # fmt: skip
    for n, (name, post, who, words, parent) in enumerate(comments):
        up = key("comment", parent) if parent else None
        # The answers come before what they answer.
        _add(
            there, "comments", (key("comment", name), key("post", post), who, words, up, DAY - dt.timedelta(minutes=n))
        )
    _add(there, "follows", (ana, bob, DAY), (ana, bob, DAY), (bob, bob, DAY), (bob, gone, DAY))
