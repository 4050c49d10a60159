"""The databases of a run: migrated once, copied for each of its processes, emptied after a test that commits."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.core.management import call_command
from django.db import connection, connections, transaction
from django.test import TransactionTestCase

# Migrations made these; no test does.
KEPT = {"django_migrations", "django_content_type", "auth_permission"}


@pytest.fixture(scope="session")
def django_db_modify_db_settings(
    django_db_modify_db_settings, request, tmp_path_factory, django_db_blocker
) -> Iterator[None]:
    """Of several processes the first one migrates, and the others copy what it made; the last one drops it."""
    if not hasattr(request.config, "workerinput"):
        yield
        return
    template, users = (
        f"test_{connection.settings_dict['NAME']}_template",
        tmp_path_factory.getbasetemp().parent / "users",
    )
    with django_db_blocker.unblock(), _counted(users, 1) as others:
        if not others:
            _make(template)
    connection.settings_dict["TEST"]["TEMPLATE"] = template
    yield
    with django_db_blocker.unblock(), _counted(users, -1) as others:
        if not others:
            _drop(template)


@contextmanager
def _counted(file: Path, step: int) -> Iterator[int]:
    """How many other processes use the template; nobody else comes or goes while the block runs."""
    with file.open("a+") as counter:
        fcntl.flock(counter, fcntl.LOCK_EX)
        counter.seek(0)
        number = int(counter.read() or 0) + step
        yield number - max(step, 0)
        counter.truncate(0)
        counter.write(str(number))


def _make(name: str) -> None:
    _drop(name)
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {connection.ops.quote_name(name)}")
    usual, connection.settings_dict["NAME"] = connection.settings_dict["NAME"], name
    try:
        call_command("migrate", verbosity=0, interactive=False)
    finally:
        connection.close()
        connection.settings_dict["NAME"] = usual


def _drop(name: str) -> None:
    with connection._nodb_cursor() as cursor:
        cursor.execute(f"DROP DATABASE IF EXISTS {connection.ops.quote_name(name)} WITH (FORCE)")


@pytest.fixture(scope="session", autouse=True)
def emptied_by_deleting() -> Iterator[None]:
    """TRUNCATE takes 50 times as long: it makes every table and index anew to forget a few rows."""
    usual = TransactionTestCase._fixture_teardown

    def teardown(case: TransactionTestCase) -> None:
        names = case._databases_names(include_mirrors=False)
        if not all(_emptied(connections[name]) for name in names):
            usual(case)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TransactionTestCase, "_fixture_teardown", teardown)
        yield


def _emptied(database) -> bool:
    """False where only a superuser may pass by foreign keys and triggers, and we are none."""
    with transaction.atomic(using=database.alias), database.cursor() as cursor:
        cursor.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user")
        if not cursor.fetchone()[0]:
            return False
        tables = (database.ops.quote_name(table) for table in database.introspection.table_names(cursor))
        statements = (f"DELETE FROM {table}" for table in tables if table.strip('"') not in KEPT)
        cursor.execute(f"SET LOCAL session_replication_role = replica; {'; '.join(statements)}")
    return True
