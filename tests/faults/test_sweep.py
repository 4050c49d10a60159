"""Every call of one archiving fails once (P3): the promises hold after each. `bench/archive_kills.py --sweep` for all."""

import pytest

from tests.faults import promises, sweep
from tests.faults.workers import Workers

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.servers,
    pytest.mark.usefixtures("own_places"),
]

# A run whose claim fails ends, and the next nudge begins another; a claim of which nobody knows waits for its lease.
CLAIMING = "run"
BROKEN_EVERY, SILENT_EVERY, KILLED_EVERY = 6, 15, 20


def test_any_call_may_break_and_nothing_is_lost(ana, provider):
    names = sweep.calls(provider, ana)
    found = sweep.swept(provider, ana, "break", names[::BROKEN_EVERY])
    assert len(names) > 120 and {name.partition(":")[0] for name in names} == {"run", "audio", "cover"}
    _held(found)
    assert {name for name in found.ended | found.left if not name.startswith(CLAIMING)} == set()


@pytest.mark.parametrize("fault", ["silence", "lost answer"])
def test_a_call_that_nobody_answers_loses_nothing(ana, provider, fault):
    _held(sweep.swept(provider, ana, fault, sweep.calls(provider, ana)[::SILENT_EVERY]))


@pytest.mark.parametrize("fault", sweep.KILLED)
def test_a_kill_at_any_call_loses_nothing(ana, provider, fault):
    with Workers(provider.origin) as workers:
        names = sweep.calls(provider, ana)[::KILLED_EVERY]
        _held(sweep.swept(provider, ana, fault, names, workers=workers))


def _held(found: sweep.Swept) -> None:
    assert found.failed and not found.missed
    assert not found.broken
    assert found.most_orphans <= 1
    assert promises.orphans_left() == 0
    assert promises.spool_left() == 0


def test_a_call_is_told_from_its_neighbours(ana, provider):
    assert {
        "run: claim archiveasset",
        "run: COMMIT after claim archiveasset",
        "audio: look up the provider",
        "audio: send request",
        "audio: read answer",
        "audio: write in spool",
        "audio: fsync in spool",
        "audio: check media",
        "cover: link in store",
        "cover: fsync in store",
        "cover: INSERT INTO blob",
        "cover: UPDATE archiveasset to archived",
        "cover: INSERT INTO trackfile",
        "cover: COMMIT after UPDATE archivejob",
    } <= set(sweep.calls(provider, ana))
