"""Another community's database of the old shape, read and never written to (decision 0050).

Everything is read as text in one snapshot. A row's checksum is the sum of what md5 makes of its columns, so that the
order does not matter and sums of parts add up to the sum of the whole, and it is the same on either server.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict

CONNECT_S = 10


class Unreadable(Exception):
    """The source cannot be adopted as it is; says why."""


@dataclass(frozen=True)
class Table:
    """`columns`: our name → the names that were seen for it. Those in `needed` must be there."""

    name: str
    columns: dict[str, tuple[str, ...]]
    needed: frozenset[str]
    names: tuple[str, ...] = ()
    must_be: bool = False


@dataclass
class Found:
    """A table as it is over there; `columns` are ours → theirs, `left` are theirs that nothing here has room for."""

    table: Table
    name: str = ""
    columns: dict[str, str] = field(default_factory=dict)
    left: list[str] = field(default_factory=list)


def _table(table: str, needed: str, optional: str, /, *names: str, must_be: bool = False, **others: str) -> Table:
    words = [*needed.split(), *optional.split()]
    columns = {word: (word, *others.get(word, "").split()) for word in words}
    return Table(table, columns, frozenset(needed.split()), (table, *names), must_be)


# Where a source is that does not say.
USUAL = {"host": "local", "port": "5432", "dbname": ""}
# What was said of the session over there: what is told there as text is the same everywhere, it waits as long as it
# takes, and rows that a policy hides from this account are an error instead of missing.
SESSION = (
    "SET LOCAL timezone = 'UTC'", "SET LOCAL datestyle = 'ISO'", "SET LOCAL statement_timeout = 0",
    "SET LOCAL idle_in_transaction_session_timeout = 0", "SET LOCAL row_security = off",
)  # fmt: skip
TIMES = "created_at updated_at"
AUDIO = "audio_url audio_filename audio_duration audio_file_size audio_mime_type"
TABLES = (
    _table(
        "profiles", "id", f"username email display_name first_name last_name bio country timezone language {TIMES}",
        "user_profiles", must_be=True, id="user_id", username="handle", display_name="full_name",
    ),
    _table("posts", "id user_id", f"content post_type {AUDIO} {TIMES}", must_be=True, user_id="author_id"),
    _table(
        "playlists", "id user_id name", f"description is_public cover_image_url {TIMES}", user_id="owner_id",
        name="title",
    ),
    _table(
        "playlist_tracks", "playlist_id track_id", "id position added_at", track_id="post_id", added_at="created_at",
    ),
    _table("post_likes", "post_id user_id", "created_at", "likes"),
    _table(
        "comments", "id post_id user_id content", f"parent_id {TIMES}", "post_comments", user_id="author_id",
        parent_id="parent_comment_id",
    ),
    _table(
        "follows", "follower_id followed_id", "created_at", "user_follows",
        followed_id="following_id followee_id",
    ),
)  # fmt: skip


def told(source: str) -> str:
    """Where the source is, without the password."""
    try:
        facts = conninfo_to_dict(source)
    except psycopg.ProgrammingError:
        facts = {}  # what the library says of it may be a piece of the password
    host, port, name = (str(facts.get(word, usual)) for word, usual in USUAL.items())
    # A password with such a letter in it ends early, and its rest is taken for the host, the port or the name.
    if not facts or ("://" in source and ("@" in host + name or not re.fullmatch("[0-9,]*", port))):
        raise Unreadable(
            "This is no address of a database. Write postgresql://user@host/name or 'host=… dbname=…', and letters of "
            "a password such as @ / % as %40 %2F %25; better yet, leave it to PGPASSWORD or ~/.pgpass."
        )
    return f"{host}:{port}/{name}"


def row_mark(columns: list[str]) -> str:
    """SQL of what tells one row from another, as a number: of md5 of these expressions in UTF-8, on any server."""
    return f"('x' || left(md5(convert_to(ROW({', '.join(columns)})::text, 'UTF8')), 15))::bit(60)::bigint"


def row_sum(columns: list[str]) -> str:
    """SQL of the checksum of rows."""
    return f"coalesce(sum({row_mark(columns)}), 0)"


@contextmanager
def opened(source: str, schema: str) -> Iterator["Source"]:
    """The source in one snapshot, in a transaction that cannot write. Raises Unreadable."""
    where = told(source)
    try:
        connection = psycopg.connect(source, connect_timeout=CONNECT_S, client_encoding="UTF8")
    except psycopg.Error as error:
        raise Unreadable(f"{where} cannot be reached: {str(error).strip()}") from error
    try:
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        connection.read_only = True
        for said in SESSION:
            connection.execute(said)
        yield Source(connection, schema, where)
    except psycopg.Error as error:
        raise _unreadable(where, error) from error
    finally:
        connection.close()


def _unreadable(where: str, error: psycopg.Error) -> Unreadable:
    return Unreadable(f"{where} cannot be read: {str(error).strip()}")


class Source:
    """`where` names it to people."""

    def __init__(self, connection: psycopg.Connection, schema: str, where: str) -> None:
        self.connection, self.schema, self.where = connection, schema, where
        # Nobody ever asked whether its bytes are letters: they come spelled out, and are read here.
        self.spelled = connection.info.parameter_status("server_encoding") == "SQL_ASCII"

    def found(self) -> dict[str, Found]:
        """Every table, by our name; one that is not there has no name."""
        there = self._columns()
        found = {table.name: _match(table, there) for table in TABLES}
        gone = [name for name, one in found.items() if one.table.must_be and not one.name]
        if gone:
            raise Unreadable(f"The schema {self.schema} has no table {' and no '.join(gone)}.")
        return found

    def count(self, found: Found) -> tuple[int, int]:
        """(rows, checksum) of a table."""
        if not found.name:
            return 0, 0
        rows = sql.SQL("SELECT count(*), {} FROM ({}) AS rows").format(
            sql.SQL(row_sum(list(found.table.columns))), self._rows(found)
        )
        return self.connection.execute(rows).fetchone()

    def stream(self, found: Found) -> Iterator[memoryview]:
        """The rows as COPY gives them, the oldest first, so that of doubles the first one is the older one."""
        by = [name for name in ("created_at", "added_at", "id") if name in found.columns]
        order = sql.SQL(" ORDER BY {}").format(sql.SQL(", ").join(map(sql.Identifier, by or list(found.columns))))
        copy = sql.SQL("COPY ({}{}) TO STDOUT").format(
            sql.SQL("SELECT * FROM ({}) AS rows").format(self._rows(found)), order
        )
        try:
            with self.connection.cursor() as cursor, cursor.copy(copy) as rows:
                yield from rows
        except psycopg.Error as error:
            raise _unreadable(self.where, error) from error

    def _columns(self) -> dict[str, dict[str, None]]:
        """Of all tables and views, also of those that this account may not read: that is told when they are read."""
        asked = """SELECT relname, attname FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
            JOIN pg_namespace ON pg_namespace.oid = relnamespace
            WHERE nspname = %s AND relkind = ANY('{r,p,v,m,f}') AND attnum > 0 AND NOT attisdropped
            ORDER BY relname, attnum"""
        there: dict[str, dict[str, None]] = {}
        for table, column in self.connection.execute(asked, [self.schema]):
            there.setdefault(table, {})[column] = None
        if not there:
            raise Unreadable(f"There is no schema {self.schema}, or no table in it.")
        return there

    def _rows(self, found: Found) -> sql.Composable:
        said = r"encode(decode(replace({}::text, '\', '\\'), 'escape'), 'escape')" if self.spelled else "{}::text"
        columns = [
            sql.SQL(f"{said if ours in found.columns else 'NULL::text'} AS {{}}").format(
                *([sql.Identifier(found.columns[ours])] if ours in found.columns else []), sql.Identifier(ours)
            )
            for ours in found.table.columns
        ]
        return sql.SQL("SELECT {} FROM {}.{}").format(
            sql.SQL(", ").join(columns), sql.Identifier(self.schema), sql.Identifier(found.name)
        )


def _match(table: Table, there: dict[str, dict[str, None]]) -> Found:
    name = _first(table.names, there)
    if not name:
        return Found(table)
    has = there[name]
    columns = {ours: theirs for ours, seen in table.columns.items() if (theirs := _first(seen, has))}
    missing = sorted(table.needed - columns.keys())
    if missing:
        raise Unreadable(f"The table {name} has no column {', no '.join(missing)}.")
    return Found(table, name, columns, [column for column in has if column not in columns.values()])


def _first(names: tuple[str, ...], there: Iterable[str]) -> str:
    """The first of the names that is there, as it is spelled there: of several in small letters, if there is one."""
    spelled = {word.lower(): word for word in sorted(there)}
    return next((spelled[name] for name in names if name in spelled), "")
