"""SIGKILL while a changeset is half written: nothing of it stands, and the next worker writes all of it."""

import os
import signal
import subprocess
import sys
import time
from urllib.parse import quote

import pytest
from django.db import connection, transaction

from apps.catalog import changesets
from apps.catalog.changerows import AT_ONCE
from apps.catalog.models import Change, Changeset, ChangesetRow, Track
from tests.catalog.test_changesets import make_tracks, previewed

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]

WORK = "import django; django.setup(); from apps.catalog import changesets; changesets.work(seconds=60)"


def make_worker() -> subprocess.Popen:
    """A worker in a process of its own, on the test's database."""
    database = connection.settings_dict
    where = (
        f"host={quote(database['HOST'] or database['OPTIONS'].get('host', ''), safe='')}&port={database['PORT'] or ''}"
    )
    access = f"{database['USER']}:{quote(database['PASSWORD'] or '', safe='')}"
    env = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "config.settings",
        "DATABASE_URL": f"postgresql://{access}@/{database['NAME']}?{where.removesuffix('&port=')}",
        "LEASE_SECONDS": "3",
    }
    return subprocess.Popen([sys.executable, "-c", WORK], env=env)


def wait_for(condition, seconds: float = 60) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.02)


def waits_for_a_lock() -> bool:
    """Somebody of this database: who else waits on the server belongs to other tests."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT count(*) FROM pg_locks WHERE NOT granted AND pid IN (
                SELECT pid FROM pg_locks JOIN pg_database ON oid = database WHERE datname = current_database())""")
        return cursor.fetchone()[0] > 0


def test_a_killed_worker_leaves_nothing_half_written_and_the_next_one_does_it_all(mod, ana):
    changeset = previewed(mod, make_tracks(ana, AT_ONCE + 10))
    changesets.apply(changeset=changeset, by=mod)
    with transaction.atomic():
        # The first thousand are written when the worker comes to this row, and waits.
        list(ChangesetRow.objects.order_by("-id").select_for_update()[:1])
        worker = make_worker()
        wait_for(waits_for_a_lock)
        worker.send_signal(signal.SIGKILL)
        worker.wait()
    wait_for(lambda: not waits_for_a_lock())
    changeset.refresh_from_db()
    assert changeset.state == "running"
    assert not Track.objects.filter(genre="House").exists()
    wait_for(lambda: changesets.work(seconds=60))
    changeset = Changeset.objects.get(pk=changeset.pk)
    assert (changeset.state, changeset.crashes) == ("applied", 1)
    assert not Track.objects.exclude(genre="House").exists()
    assert Change.objects.filter(changeset=changeset).count() == AT_ONCE + 10
