"""The database breaks off in the middle of an archiving, or says nothing of a COMMIT (F18, F19); nobody keeps it waiting
for the network (F35)."""

import socket
import traceback
from contextlib import ExitStack, contextmanager
from unittest import mock

import psycopg
import pytest
from django.db import connection, connections

from apps.archive import tasks, working
from apps.archive.models import ArchiveAsset, LedgerEntry
from apps.catalog import sweeper
from apps.catalog.models import Blob, Track
from apps.lib import clock
from tests.archive import places
from tests.faults import promises, sweep
from tests.faults.calls import watched
from tests.faults.database import MOMENTS, Wire
from tests.faults.test_broker import NAMES, begun, bodies, damaged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def alone(settings):
    settings.ARCHIVE_PARALLEL = settings.ARCHIVE_SETTLERS = 1


def run(track: Track) -> None:
    """A run that dies of its database has done what it could."""
    try:
        working.work(limit=9, seconds=20, track=track)
    except Exception as failure:
        assert "Error" in type(failure).__name__, failure
    finally:
        connections.close_all()


def sound_and_once() -> promises.Kept:
    promises.until_done()
    kept = promises.kept(sweep.published)
    ends = LedgerEntry.objects.filter(event="archived")
    assert ends.count() == ends.values("asset").distinct().count() == kept.archived
    assert kept.sound and promises.spool_left() == 0, kept
    # Our own fault is none of the file's.
    assert not ArchiveAsset.objects.filter(attempts__gt=0).exists()
    return kept


@pytest.mark.parametrize("moment", MOMENTS)
def test_a_commit_of_which_nobody_knows_is_done_once(ana, provider, moment):
    with Wire() as wire:
        for _ in range(2):  # the first one makes more: the gate of a new host
            with wire.cuts():
                run(sweep.small(provider, ana, cover=False))
        made = wire.commits
        tracks, cut = [sweep.small(provider, ana, cover=False) for _ in range(made)], 0
        for number, track in enumerate(tracks):
            with wire.cuts(number, moment):
                run(track)
                cut += wire.cut
    kept = sound_and_once()
    print(f"cut {moment} {cut} of {made} commits: {kept.archived} archived")
    # The gate's row and the leases are written at times of their own.
    assert cut > made / 2 > 5


EVERY = 5


class Statements:
    """A hook that counts statements, and ends the backend of whoever is about to ask the one numbered `at`."""

    def __init__(self, at: int = -1):
        self.at, self.count = at, 0

    def __call__(self, name: str, kind: str, moment: str) -> None:
        if kind == "db" and moment == "before":
            here, self.count = self.count == self.at, self.count + 1
            if here and connection.connection is not None:
                _end(connection.connection.info.backend_pid)


def _end(backend: int) -> None:
    facts = connection.get_connection_params()
    names = ("host", "port", "user", "password", "dbname")
    with psycopg.connect(**{name: facts[name] for name in names if facts.get(name)}, autocommit=True) as admin:
        admin.execute("SELECT pg_terminate_backend(%s)", [backend])


def test_a_backend_that_is_ended_before_any_statement_costs_one_try(ana, provider):
    counted, track = Statements(), sweep.small(provider, ana, cover=False)
    with watched(counted):
        run(track)
    for number in range(0, counted.count, EVERY):
        track = sweep.small(provider, ana, cover=False)
        with watched(Statements(number)):
            run(track)
    kept = sound_and_once()
    print(f"ended before every fifth of {counted.count} statements: {kept.archived} archived")
    assert counted.count > 30


# --- No network inside a transaction (F35) -----------------------------------------------------------------------
ON_THE_WIRE = ("connect", "connect_ex", "send", "sendall", "recv", "recv_into")


@contextmanager
def waiting():
    """The functions of ours that used a socket while their transaction was open, as a set that fills."""
    found: set[str] = set()

    def watched(name: str):
        real = getattr(socket.socket, name)

        def call(wire, *args, **options):
            if connection.connection is not None and connection.in_atomic_block:
                ours = [frame for frame in traceback.extract_stack() if "/apps/" in frame.filename]
                found.add(" > ".join(frame.name for frame in ours))
            return real(wire, *args, **options)

        return call

    with ExitStack() as patches:
        for name in ON_THE_WIRE:
            patches.enter_context(mock.patch.object(socket.socket, name, watched(name), create=True))
        yield found


@pytest.mark.servers
def test_no_transaction_waits_for_the_network_but_the_sweepers(provider, settings, tmp_path, object_store):
    begun(provider, settings, tmp_path)
    places.use(settings, object_store, f"file://{tmp_path}/copy")
    with waiting() as found:
        for name in NAMES:
            if name == "fixity.scrub":
                damaged()
            bodies()[name]()
        assert ArchiveAsset.objects.filter(state="archived").count() > 4 and found == set()
        track = Track.objects.get(title="bb")
        Track.machine.move(track, "removed", removed_at=clock.now(), title="")
        track.files.all().delete()
        tasks.sweep()
        assert found == set()
        sweeper.sweep()
        assert sweeper.sweep(now=clock.now() + 2 * sweeper.KEPT).removed
    assert found and all("_row_and_bytes_deleted" in path for path in found), found


def test_the_watch_sees_a_socket_inside_a_transaction():
    from django.db import transaction

    with waiting() as found, socket.create_server(("127.0.0.1", 0)) as server:
        socket.create_connection(server.getsockname()).close()
        assert found == set()
        with transaction.atomic():
            Blob.objects.exists()
            socket.create_connection(server.getsockname()).close()
    assert found
