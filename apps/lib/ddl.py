"""Changes of tables that are in use: each lock is held for a moment, and each change may be asked for twice.

What has to read the whole table does so under a lock that lets everybody read and write.
"""

from collections.abc import Callable, Iterable

from django.db import connection, migrations
from django.db.migrations.operations.base import Operation

from apps.lib.batches import checkpoint, patiently


def brief(*statements: str, name: str = "") -> None:
    """These statements in one transaction that waits for nobody for long."""

    def work(cursor) -> None:
        for statement in statements:
            cursor.execute(statement)

    patiently(work, name or statements[0].split("\n")[0][:60])


def asked(statement: str, values: Iterable = ()) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(statement, list(values))
        return cursor.fetchall()


def has_table(table: str) -> bool:
    return asked("SELECT to_regclass(%s) IS NOT NULL", [table])[0][0]


def has_column(table: str, column: str) -> bool:
    there = "SELECT FROM pg_attribute WHERE attrelid = to_regclass(%s) AND attname = %s AND NOT attisdropped"
    return bool(asked(there, [table, column]))


def has_constraint(table: str, name: str) -> bool:
    return bool(asked("SELECT FROM pg_constraint WHERE conrelid = to_regclass(%s) AND conname = %s", [table, name]))


def foreign_keys(table: str, column: str) -> list[str]:
    """Names of the keys on this one column."""
    found = """
        SELECT conname FROM pg_constraint JOIN pg_attribute ON attrelid = conrelid AND attnum = ALL (conkey)
        WHERE contype = 'f' AND conrelid = to_regclass(%s) AND attname = %s ORDER BY conname"""
    return [name for (name,) in asked(found, [table, column])]


def index(name: str, definition: str, *, unique: bool = False) -> None:
    """`definition` is what follows the name. Writers go on; a half-made index of a run that was cut off is made anew.

    Inside a transaction it is made as any other index.
    """
    beside = "" if connection.in_atomic_block else "CONCURRENTLY"
    valid = asked("SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(%s)", [name])
    if valid and valid[0][0]:
        return
    with connection.cursor() as cursor:
        if valid:
            cursor.execute(f"DROP INDEX {beside} {name}")
        cursor.execute(f"CREATE {'UNIQUE' if unique else ''} INDEX {beside} {name} {definition}")
    checkpoint(f"index {name}")


def without_index(name: str) -> None:
    beside = "" if connection.in_atomic_block else "CONCURRENTLY"
    with connection.cursor() as cursor:
        cursor.execute(f"DROP INDEX {beside} IF EXISTS {name}")
    checkpoint(f"without index {name}")


def constraint(table: str, name: str, definition: str) -> None:
    """A CHECK or a foreign key: kept for new rows at once, then for those that are there."""
    if not has_constraint(table, name):
        brief(f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition} NOT VALID')
    validate(table, name)


def validate(table: str, name: str) -> None:
    if asked(
        "SELECT FROM pg_constraint WHERE conrelid = %s::regclass AND conname = %s AND NOT convalidated", [table, name]
    ):
        brief(f'ALTER TABLE {table} VALIDATE CONSTRAINT "{name}"')


def without_constraint(table: str, name: str) -> None:
    if has_constraint(table, name):
        brief(f'ALTER TABLE {table} DROP CONSTRAINT "{name}"')


class MakeTable(migrations.CreateModel):
    """A table in a migration that is no single transaction: made whole or not at all, and only where it is missing."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        if not has_table(self._table(app_label)):
            self._patiently(super().database_forwards, app_label, schema_editor, from_state, to_state)

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        if has_table(self._table(app_label)):
            self._patiently(super().database_backwards, app_label, schema_editor, from_state, to_state)

    def _patiently(self, make: Callable, app_label: str, schema_editor, *states) -> None:
        """Its keys lock the tables that they lead to, so nobody is to wait behind us for those."""

        def work(cursor) -> None:
            with schema_editor.connection.schema_editor(atomic=True) as editor:
                make(app_label, editor, *states)

        patiently(work, f"table {self.name}")

    def _table(self, app_label: str) -> str:
        return f"{app_label}_{self.name.lower()}"


class Steps(Operation):
    """Two functions without arguments, forward and back, each of which may be cut off and called again.

    Unlike RunPython they are given no models, so none are made up for them.
    """

    reversible = True

    def __init__(self, forward: Callable[[], None], back: Callable[[], None]) -> None:
        self.forward, self.back = forward, back

    def state_forwards(self, app_label, state):
        """Says nothing of models."""

    def database_forwards(self, app_label, schema_editor, from_state, to_state):
        self.forward()

    def database_backwards(self, app_label, schema_editor, from_state, to_state):
        self.back()

    def describe(self) -> str:
        return self.forward.__doc__ or self.forward.__name__
