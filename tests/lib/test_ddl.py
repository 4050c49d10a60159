"""Changes of tables that are in use: asked for twice they are made once, and what was cut off is made anew."""

import pytest
from django.db import IntegrityError, connection, models
from django.db.migrations.state import ProjectState

from apps.lib import ddl


def rows(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


@pytest.fixture
def numbers(transactional_db):
    rows("DROP TABLE IF EXISTS numbers")
    rows("CREATE TABLE numbers AS SELECT n AS id, n % 10 AS tens FROM generate_series(1, 100) AS n")
    yield "numbers"
    rows("DROP TABLE numbers")


def valid(index: str) -> bool:
    return ddl.asked("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [index]) == [(True,)]


def test_an_index_is_made_once_and_one_that_was_cut_off_is_made_anew(numbers):
    for _ in range(2):
        ddl.index("by_tens", "ON numbers (tens)")
    assert valid("by_tens")
    with pytest.raises(IntegrityError):
        ddl.index("tens_once", "ON numbers (tens)", unique=True)
    assert not valid("tens_once") and ddl.has_table("tens_once")
    rows("DELETE FROM numbers WHERE id > 10")
    ddl.index("tens_once", "ON numbers (tens)", unique=True)
    assert valid("tens_once")
    for _ in range(2):
        ddl.without_index("tens_once")
    assert not ddl.has_table("tens_once")


def test_inside_a_transaction_an_index_is_made_too(db):
    rows("CREATE TEMPORARY TABLE few (id int)")
    ddl.index("few_by_id", "ON few (id)")
    assert valid("few_by_id")


def test_a_constraint_is_asked_of_new_rows_first_and_then_of_all(numbers):
    with pytest.raises(IntegrityError):
        ddl.constraint("numbers", "small", "CHECK (id < 50)")
    assert ddl.has_constraint("numbers", "small")
    with pytest.raises(IntegrityError):
        rows("INSERT INTO numbers VALUES (60)")
    rows("DELETE FROM numbers WHERE id >= 50")
    for _ in range(2):
        ddl.constraint("numbers", "small", "CHECK (id < 50)")
    assert ddl.asked("SELECT convalidated FROM pg_constraint WHERE conname = 'small'") == [(True,)]
    for _ in range(2):
        ddl.without_constraint("numbers", "small")
    assert not ddl.has_constraint("numbers", "small")


def test_what_is_there_is_known(db):
    assert ddl.has_table("catalog_track") and not ddl.has_table("nowhere")
    assert ddl.has_column("catalog_track", "title") and not ddl.has_column("catalog_track", "nothing")
    assert not ddl.has_column("nowhere", "title") and not ddl.has_constraint("nowhere", "small")
    assert len(ddl.foreign_keys("catalog_providersource", "track_id")) == 1


def test_a_table_is_made_and_dropped_where_that_is_left_to_do(transactional_db):
    operation = ddl.MakeTable("Thing", [("id", models.UUIDField(primary_key=True))])
    before, after = ProjectState(), ProjectState()
    operation.state_forwards("things", after)
    with connection.schema_editor(atomic=False) as editor:
        for _ in range(2):
            operation.database_forwards("things", editor, before, after)
        assert ddl.has_table("things_thing")
        for _ in range(2):
            operation.database_backwards("things", editor, after, before)
    assert not ddl.has_table("things_thing")


def test_steps_go_forward_and_back_and_leave_the_models_alone():
    done = []

    def there() -> None:
        """Go there."""
        done.append("there")

    steps, state = ddl.Steps(there, lambda: done.append("back")), ProjectState()
    steps.state_forwards("things", state)
    steps.database_forwards("things", None, state, state)
    steps.database_backwards("things", None, state, state)
    assert (done, state.models, steps.reversible, steps.describe()) == (["there", "back"], {}, True, "Go there.")
