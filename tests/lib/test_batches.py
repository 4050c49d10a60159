"""Long work in chunks: nothing is left out, others go first, and it says how far it is."""

import io

import pytest
from django.db import DatabaseError, IntegrityError, connection

from apps.lib import batches
from tests.lib.threads import side_by_side


def rows(statement: str, values=None) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        return cursor.fetchall() if cursor.description else []


@pytest.fixture
def numbers(transactional_db):
    """A table of 1,000 rows that others see too."""
    rows("DROP TABLE IF EXISTS numbers")
    rows("CREATE TABLE numbers AS SELECT n AS id, 0 AS seen FROM generate_series(1, 1000) AS n")
    yield "numbers"
    rows("DROP TABLE numbers")


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setattr(batches, "MOST_SIZE", 90)


def see(cursor, after, to) -> int:
    cursor.execute("UPDATE numbers SET seen = seen + 1 WHERE id > %s AND id <= %s", [after or 0, to])
    return cursor.rowcount


@pytest.mark.parametrize("workers", [1, 2, 5])
def test_every_row_is_gone_over_once_however_many_work(numbers, small, monkeypatch, workers):
    monkeypatch.setattr(batches, "WORKERS", workers)
    told = []
    assert batches.by_key(numbers, see, told=told.append) == sum(told) == 1000
    assert len(told) >= 12
    assert rows("SELECT DISTINCT seen FROM numbers") == [(1,)]


def test_a_failure_ends_the_walk_and_is_told(numbers, small):
    def fail(cursor, after, to):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        batches.by_key(numbers, fail)


def test_it_goes_on_until_nothing_is_found(numbers, small):
    def work(cursor, most: int) -> int:
        cursor.execute(
            "UPDATE numbers SET seen = 1 WHERE id IN (SELECT id FROM numbers WHERE seen = 0 LIMIT %s)", [most]
        )
        return cursor.rowcount

    assert batches.until_none(work, "numbers") == 1000
    assert batches.until_none(work, "numbers") == 0


def test_only_what_is_done_once_waits_for_the_disk(numbers):
    """A chunk that a crash takes back is done by the next run."""
    rows("SET synchronous_commit = on")
    seen = []

    def work(cursor, most: int = 0) -> int:
        cursor.execute("SHOW synchronous_commit")
        seen.append(cursor.fetchone()[0])
        return 0

    batches.until_none(work, "numbers")
    batches.patiently(work)
    rows("RESET synchronous_commit")
    assert seen == ["off", "on"]


def test_whoever_holds_a_row_goes_first_and_then_it_is_done(numbers, monkeypatch):
    """Nothing is kept of a try that had to wait, so nobody waits for us in turn."""
    monkeypatch.setattr(batches, "WAIT_MS", 20)
    tries = []

    def work(cursor) -> str:
        tries.append(None)
        cursor.execute("INSERT INTO numbers (id) VALUES (-1)")
        cursor.execute("UPDATE numbers SET seen = 9 WHERE id = 5")
        return "done"

    def hold_until_tried_again() -> None:
        with connection.cursor() as cursor:
            cursor.execute("BEGIN")
            cursor.execute("UPDATE numbers SET seen = 2 WHERE id = 5")
            held.append(None)
            while len(tries) < 3:
                cursor.execute("SELECT pg_sleep(0.005)")
            cursor.execute("COMMIT")

    def try_it() -> str:
        while not held:
            rows("SELECT pg_sleep(0.005)")
        return batches.patiently(work, "one row")

    held = []
    assert side_by_side(hold_until_tried_again, try_it)[1] == "done"
    assert rows("SELECT count(*) FROM numbers WHERE id = -1") == [(1,)]
    assert len(tries) >= 3


def test_patience_ends(numbers, monkeypatch):
    monkeypatch.setattr(batches, "PATIENCE_S", -1.0)

    def work(cursor) -> None:
        cursor.execute("CREATE UNIQUE INDEX ON numbers (id)")
        cursor.execute("INSERT INTO numbers (id) VALUES (1)")

    with pytest.raises(batches.Busy, match="one row: others were in the way"):
        batches.patiently(work, "one row")


def test_what_is_simply_wrong_is_not_tried_again(numbers):
    with pytest.raises(DatabaseError, match="nowhere"):
        batches.patiently(lambda cursor: cursor.execute("SELECT * FROM nowhere"))
    with pytest.raises(IntegrityError):
        batches.patiently(lambda cursor: cursor.execute("ALTER TABLE numbers ADD CONSTRAINT none CHECK (id < 0)"))


def test_chunks_follow_the_time_they_take():
    pace = batches.Pace(1000)
    pace.took(batches.CHUNK_S / 10)
    assert pace.size == 2000
    pace.took(batches.CHUNK_S * 2)
    assert pace.size == 1000
    for _ in range(20):
        pace.took(60)
    assert pace.size == batches.LEAST_SIZE


def test_the_limit_of_time_is_as_before_after_it(db):
    before = rows("SHOW statement_timeout")
    with batches.unhurried():
        assert rows("SHOW statement_timeout") == [("0",)]
    assert rows("SHOW statement_timeout") == before != [("0",)]


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_terminal_is_shown_how_far_it_is_and_how_fast_it_goes():
    seen = Terminal()
    bar = batches.Bar("posts", 200, seen)
    bar(50)
    bar.started -= 10
    bar(50)
    bar.end()
    assert " 50% " in seen.getvalue() and "rows/s" in seen.getvalue() and "0:10 left" in seen.getvalue()
    assert seen.getvalue().endswith("\n")


def test_a_file_is_shown_nothing():
    seen = io.StringIO()
    bar = batches.Bar("posts", 0, seen)
    bar(1)
    bar.end()
    assert seen.getvalue() == ""
