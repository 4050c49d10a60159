"""Another community's database comes into an empty house (decision 0050, docs/migrations/adopting-a-community.md).

Its tables are copied as they are, as text, then taken over chunk by chunk into the old shape, then moved by the same
phases as the migrations. Whatever is done is written down in the transaction that did it, in the schema `adoption`, so
who was cut off goes on; what nobody could take over is kept there with its reason.
"""

import datetime as dt
import hashlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from django.db import OperationalError, connection, transaction
from psycopg.errors import LockNotAvailable

from apps.accounts import adopted
from apps.lib import batches, ddl
from apps.playlists import separation as playlists
from apps.social import foreign, foreignrows, oldshape, reconciling, separation
from apps.social.foreign import TABLES, Found, Source, row_sum

AT_ONCE, PEOPLE_AT_ONCE = 5_000, 1_000
TOLD_EVERY = 1_000
PATIENCE_S = 60
LOCK = int.from_bytes(hashlib.sha256(b"adopt community").digest()[:7])
OLD_COLUMNS = dict(zip(oldshape.COLUMNS, ("text", "text", "integer", "bigint", "text"), strict=True))
# What nobody may have before somebody else's comes. People are asked for apart: staff who adopt are there.
EMPTY = {
    "tracks": "catalog_track", "posts": "social_post", "comments": "social_comment", "likes": "social_like",
    "follows": "social_follow", "playlists": "playlists_playlist", "playlist entries": "playlists_entry",
    "posts of an earlier move": "social_postmove", "playlist entries of an earlier move": "playlists_entrymove",
}  # fmt: skip
STRANGERS = """SELECT count(*) FROM accounts_user AS person
    WHERE is_active AND NOT EXISTS (SELECT FROM accounts_rolegrant WHERE user_id = person.id)"""
# Rows a second of one core, for the estimate alone.
COPIED_A_SECOND, TAKEN_A_SECOND = 100_000, 4_500
Tell = Callable[[str, int], batches.Bar]


class Refused(Exception):
    """Nothing was changed; says why and what to do."""


# --- What would be done -------------------------------------------------------------------------------------------
def plan(source: str, schema: str) -> dict[str, Any]:
    """What is there, table by table, and whether this house is empty; changes nothing."""
    with foreign.opened(source, schema) as there:
        found = there.found()
        tables = {name: _planned(there, one) for name, one in found.items()}
    rows = sum(table["rows"] for table in tables.values())
    return {
        "source": foreign.told(source), "schema": schema, "tables": tables,
        "in the way": [f"{count} {what}" for what, count in in_the_way().items()] if not has_begun() else [],
        "begun": has_begun(), "about how many seconds": round(rows / COPIED_A_SECOND + rows / TAKEN_A_SECOND, 1),
    }  # fmt: skip


def _planned(there: Source, found: Found) -> dict[str, Any]:
    if not found.name:
        return {"rows": 0, "table": "is not there"}
    rows, total = there.count(found)
    missing = [column for column in found.table.columns if column not in found.columns]
    return {"rows": rows, "checksum": str(total), "table": found.name, "missing": missing, "not brought": found.left}


def in_the_way() -> dict[str, int]:
    """What this house holds already, by name; empty when it is empty."""
    asked = {what: f"SELECT count(*) FROM {table}" for what, table in EMPTY.items()}
    counts = {what: ddl.asked(sql)[0][0] for what, sql in {**asked, "people without a role": STRANGERS}.items()}
    return {what: count for what, count in counts.items() if count}


def has_begun() -> bool:
    return ddl.has_table("adoption.run")


def is_settled() -> bool:
    return bool(ddl.asked("SELECT FROM adoption.run WHERE report IS NOT NULL"))


# --- The run ------------------------------------------------------------------------------------------------------
def adopt(
    source: str, schema: str, *, now: dt.datetime, afresh: bool = False, tell: Tell = batches.Bar
) -> dict[str, Any]:
    """Bring it in, or go on where it was cut off; returns the report.

    Raises Refused (not empty, another source, changed while it was copied), foreign.Unreadable, batches.Busy and
    separation.Unfinished.
    """
    with batches.unhurried(), _alone():
        if afresh:
            _forget_copy()
        if not has_begun():
            _begin(source, schema, now)
        else:
            _same_source(source, schema)
        if is_settled():
            return json.loads(ddl.asked("SELECT report::text FROM adoption.run")[0][0])
        changed = _copy(source, schema, tell)
        _take_over(tell)
        return _settled(changed)


@contextmanager
def _alone() -> Iterator[None]:
    """One at a time; who was killed leaves the lock when the server has noticed."""
    with connection.cursor() as cursor:
        cursor.execute(f"SET lock_timeout = '{PATIENCE_S}s'")
        try:
            cursor.execute("SELECT pg_advisory_lock(%s)", [LOCK])
        except OperationalError as error:
            if not isinstance(error.__cause__, LockNotAvailable):
                raise
            raise Refused("Another run of this is at work. Let it end, or end it; then run this again.") from error
        finally:
            cursor.execute("RESET lock_timeout")
    try:
        yield
    finally:
        if not connection.needs_rollback:
            ddl.asked("SELECT pg_advisory_unlock(%s)", [LOCK])


@transaction.atomic
def _begin(source: str, schema: str, now: dt.datetime) -> None:
    if held := in_the_way():
        said = ", ".join(f"{count} {what}" for what, count in held.items())
        raise Refused(f"This house is not empty: {said}. Adopt into a new one, with nobody in it but staff.")
    with foreign.opened(source, schema) as there, connection.cursor() as cursor:
        found = there.found()
        latest = f"timestamptz '{(now + dt.timedelta(days=1)).isoformat()}'"
        cursor.execute(foreignrows.SCHEMA.format(earliest=foreignrows.EARLIEST, latest=latest))
        cursor.execute(
            "INSERT INTO adoption.run VALUES (%s, %s, %s, %s)", [foreign.told(source), schema, now, there.spelled]
        )
        for name, one in found.items():
            columns = ", ".join(f"{column} text" for column in one.table.columns)
            cursor.execute(f"CREATE TABLE adoption.in_{name} (n bigserial PRIMARY KEY, {columns})")
            cursor.execute("INSERT INTO adoption.part (name, columns) VALUES (%s, %s)", [name, list(one.columns)])


def _same_source(source: str, schema: str) -> None:
    was, of = ddl.asked("SELECT source, schema FROM adoption.run")[0]
    if (was, of) != (foreign.told(source), schema):
        raise Refused(f"The adoption of {was} (schema {of}) has begun. Finish it, or make a new database.")


def _forget_copy() -> None:
    if has_begun() and _is_taking():
        raise Refused("Its rows are being taken over already, so there is no copying afresh. Run it without --afresh.")
    forget()


def _is_taking() -> bool:
    return bool(ddl.asked("SELECT FROM adoption.part WHERE done > 0 UNION ALL SELECT FROM adoption.step"))


def forget() -> None:
    """The copy and the rows that were left out go."""
    ddl.brief("DROP SCHEMA IF EXISTS adoption CASCADE")


# --- The copy -----------------------------------------------------------------------------------------------------
def _copy(source: str, schema: str, tell: Tell) -> list[str]:
    """Each table in one transaction, and what has arrived is what was there.

    The tables that changed since they were copied: refused as long as that can be mended, told after that.
    """
    if _is_taking():
        return _changed_since(source, schema)
    with foreign.opened(source, schema) as there:
        found = there.found()
        if changed := _changed(there, found):
            raise Refused(
                f"The source has changed since it was copied: {', '.join(changed)}. Nothing was taken over yet: run it "
                "again with --afresh, while nobody writes there."
            )
        [[arrived]] = ddl.asked("SELECT array_agg(name) FILTER (WHERE arrived) FROM adoption.part")
        for table in TABLES:
            if table.name not in (arrived or []):
                _copy_table(there, found[table.name], tell)
    return []


def _changed(there: Source, found: dict[str, Found]) -> list[str]:
    copied = ddl.asked("SELECT name, rows, sum FROM adoption.part WHERE arrived ORDER BY name")
    return [name for name, *was in copied if tuple(was) != there.count(found[name])]


def _changed_since(source: str, schema: str) -> list[str]:
    """The source is not needed any more, and may be gone."""
    try:
        with foreign.opened(source, schema) as there:
            return _changed(there, there.found())
    except foreign.Unreadable:
        return []


def _copy_table(there: Source, found: Found, tell: Tell) -> None:
    name, columns = found.table.name, list(found.table.columns)
    rows, total = there.count(found)
    told = tell(f"copy {name}", rows)
    with transaction.atomic(), connection.cursor() as cursor:
        if found.name:
            copy = f"COPY adoption.in_{name} ({', '.join(columns)}) FROM STDIN"
            with connection.wrap_database_errors, cursor.copy(copy) as into:  # what the source says is told as its own
                for count, data in enumerate(there.stream(found), 1):
                    into.write(data)
                    if count % TOLD_EVERY == 0:
                        told(TOLD_EVERY)
        batches.checkpoint(f"{name} copied, not committed")
        cursor.execute(f"SELECT count(*), {row_sum(columns)} FROM adoption.in_{name}")
        if (arrived := cursor.fetchone()) != (rows, total):
            raise foreign.Unreadable(
                f"Of {name} {rows} rows were sent ({total}), and {arrived[0]} came ({arrived[1]})."
            )
        cursor.execute(
            "UPDATE adoption.part SET arrived = true, rows = %s, sum = %s WHERE name = %s", [rows, total, name]
        )
    told.end()
    batches.checkpoint(f"{name} copied")


# --- Taking over --------------------------------------------------------------------------------------------------
def _take_over(tell: Tell) -> None:
    """From here on the source is not needed any more."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT format('ANALYZE adoption.in_%s', name) FROM adoption.part")
        for (statement,) in cursor.fetchall():
            cursor.execute(statement)
    _chunks("profiles", PEOPLE_AT_ONCE, _people, tell)
    _step("open", _open)
    for name in foreignrows.ORDER:
        _chunks(name, AT_ONCE, _taker(name), tell)
        with connection.cursor() as cursor:
            cursor.execute(f"ANALYZE {foreignrows.ROWS[name].table}")
    _step("threads", lambda: batches.patiently(_threads, "threads"))
    _step("prepare", separation.prepare)
    _step("move", lambda: separation.move(tell))
    _step("repoint", lambda: playlists.repoint(tell))
    _step("require", separation.require)


def _step(name: str, work: Callable[[], None]) -> None:
    """What may be cut off and done again, until it is written down that it was done."""
    if not ddl.asked("SELECT FROM adoption.step WHERE name = %s", [name]):
        work()
        batches.checkpoint(f"{name}, not written down")
        ddl.brief(f"INSERT INTO adoption.step (name) VALUES ('{name}') ON CONFLICT DO NOTHING")


def _open() -> None:
    """The old shape: posts with their audio, entries that name posts. The phases of the move close it again."""
    for column, kind in OLD_COLUMNS.items():
        ddl.brief(f"ALTER TABLE social_post ADD COLUMN IF NOT EXISTS {column} {kind}")
    ddl.brief(*oldshape.NO_TRIGGERS, *playlists.NO_TRIGGERS)
    ddl.without_constraint(*separation.HAS_TRACK[:2])
    ddl.without_constraint(*separation.TRACK_KEY[:2])
    ddl.without_constraint("playlists_entry", playlists.TRACK_KEY_NAME)
    ddl.without_constraint("playlists_entry", playlists.ONCE)


def _threads(cursor) -> None:
    cursor.execute("SELECT FROM adoption.step WHERE name = 'threads'")
    if not cursor.rowcount:
        foreignrows.thread()
        cursor.execute("INSERT INTO adoption.step (name) VALUES ('threads')")


Taken = tuple[int, int, int, int, int]


def _chunks(name: str, size: int, take: Callable[[Any, int, int], Taken], tell: Tell) -> None:
    """`take(cursor, after, to)` in transactions of their own; what each one did is written down in it."""
    last, done = (
        ddl.asked(f"SELECT coalesce(max(n), 0) FROM adoption.in_{name}")[0][0],
        ddl.asked("SELECT done FROM adoption.part WHERE name = %s", [name])[0][0],
    )
    told = tell(f"take over {name}", last)
    told(done)
    while done < last:
        to = min(done + size, last)
        batches.patiently(lambda cursor, a=done, b=to: _write_down(cursor, name, b, take(cursor, a, b)), name)
        told(to - done)
        done = to
    told.end()


def _write_down(cursor, name: str, to: int, taken: Taken) -> None:
    cursor.execute(
        """UPDATE adoption.part SET done = %s, taken = taken + %s, taken_sum = taken_sum + %s,
            left_out = left_out + %s, left_sum = left_sum + %s, here_sum = here_sum + %s WHERE name = %s""",
        [to, *taken, name],
    )


def _taker(name: str) -> Callable[[Any, int, int], Taken]:
    [[there]] = ddl.asked("SELECT columns FROM adoption.part WHERE name = %s", [name])
    [[spelled]] = ddl.asked("SELECT spelled FROM adoption.run")
    columns = next(list(table.columns) for table in TABLES if table.name == name)
    statement = foreignrows.take(name, columns, there, spelled=spelled)

    def take(cursor, after: int, to: int) -> Taken:
        cursor.execute(statement, {"after": after, "to": to})
        return cursor.fetchone()

    return take


# --- People -------------------------------------------------------------------------------------------------------
PEOPLE_HERE = """accounts_user AS u JOIN accounts_profile AS p ON p.user_id = u.id WHERE u.id = ANY(
    ARRAY(SELECT adoption.key(id) FROM {rows}))"""
PEOPLE_SUM = f"SELECT count(*), {row_sum(['u.id', 'u.created_at', 'u.email', 'p.username', 'p.display_name', 'p.bio'])}"


def _people(cursor, after: int, to: int) -> Taken:
    [[spelled]] = ddl.asked("SELECT spelled FROM adoption.run")
    columns = list(TABLES[0].columns)
    cursor.execute(
        f"""SELECT r.*, adoption.key(r.id), {foreignrows.CREATED} FROM (
            SELECT {foreignrows.words(columns, spelled=spelled)} FROM adoption.in_profiles
            WHERE n > %s AND n <= %s ORDER BY n) AS r""",
        [after, to],
    )
    rows = cursor.fetchall()
    known = _known([row[-2] for row in rows])
    taken, kept, sums = [], [], [0, 0]
    for n, h, *said, key, created in rows:
        facts = {name: value for name, value in zip(columns, said, strict=True) if value is not None}
        why = "bad_id" if key is None else "double" if key in known else ""
        sums[bool(why)] += h
        if why:
            kept.append((n, why, True, facts, key if key in known else None))
        else:
            known.add(key)
            taken.append((n, _newcomer(key, created, facts)))
    mended = adopted.bring([person for _, person in taken])
    kept += [(n, "mended", False, mended[p.id], p.id) for n, p in taken if p.id in mended]
    _keep(cursor, kept)
    cursor.execute(
        f"{PEOPLE_SUM} FROM {PEOPLE_HERE.format(rows='(SELECT unnest(%s::text[]) AS id) AS these')}",
        [[str(person.id) for _, person in taken]],
    )
    return len(taken), sums[0], len(rows) - len(taken), sums[1], cursor.fetchone()[1]


def _known(keys: list[UUID | None]) -> set[UUID]:
    return {key for (key,) in ddl.asked("SELECT id FROM accounts_user WHERE id = ANY(%s)", [list(filter(None, keys))])}


def _newcomer(key: UUID, created: dt.datetime, facts: dict[str, str]) -> adopted.Newcomer:
    apart = ("id", "created_at", "updated_at")
    return adopted.Newcomer(key, created, **{name: value for name, value in facts.items() if name not in apart})


def _keep(cursor, rows: list[tuple]) -> None:
    cursor.executemany(
        "INSERT INTO adoption.kept (of, n, why, left_out, said, person) VALUES ('profiles', %s, %s, %s, %s, %s)",
        [(n, why, left_out, json.dumps(said), person) for n, why, left_out, said, person in rows],
    )


# --- The report ---------------------------------------------------------------------------------------------------
def _settled(changed: list[str]) -> dict[str, Any]:
    """What came in against what is here and what was left out; the copy goes when it adds up."""
    report = {**_reckoned(), "changed over there since": changed}
    if report["holds"]:
        drops = [f"DROP TABLE adoption.in_{table.name}" for table in TABLES]

        def settle(cursor) -> None:
            cursor.execute("UPDATE adoption.run SET report = %s", [json.dumps(report)])
            for drop in drops:
                cursor.execute(drop)

        batches.patiently(settle, "settled")
    return report


def _reckoned() -> dict[str, Any]:
    tables = {}
    for name, rows, total, taken, taken_sum, left, left_sum, here_sum in ddl.asked(
        """SELECT name, rows, sum, taken, taken_sum, left_out, left_sum, here_sum FROM adoption.part
        ORDER BY array_position(%s, name)""",
        [[table.name for table in TABLES]],
    ):
        stands, stands_sum = _people_here() if name == "profiles" else foreignrows.here(name)
        tables[name] = {
            "in": rows, "taken over": taken, "left out": left, "here": stands,
            "checksums": {"in": str(total), "taken over": str(taken_sum), "left out": str(left_sum),
                          "made": str(here_sum), "here": str(stands_sum)},
            "adds up": (rows, total, stands, stands_sum) == (taken + left, taken_sum + left_sum, taken, here_sum),
        }  # fmt: skip
    whys = ddl.asked("SELECT of, left_out, why, count(*) FROM adoption.kept GROUP BY 1, 2, 3 ORDER BY 1, 2, 3")
    for name, left_out, why, count in whys:
        tables[name].setdefault("why left out" if left_out else "mended", {})[why] = count
    moved = reconciling.verify()
    source, at = ddl.asked("SELECT source, at FROM adoption.run")[0]
    return {
        "holds": moved.holds and all(table["adds up"] for table in tables.values()),
        "source": source, "begun": at.isoformat(), "tables": tables,
        "posts": moved.posts, "entries": moved.entries, "against": moved.against,
    }  # fmt: skip


def _people_here() -> tuple[int, int]:
    left = "WHERE NOT EXISTS (SELECT FROM adoption.kept WHERE of = 'profiles' AND kept.n = r.n AND left_out)"
    return ddl.asked(f"{PEOPLE_SUM} FROM {PEOPLE_HERE.format(rows=f'adoption.in_profiles AS r {left}')}")[0]
