"""Every call of one archiving fails once (P3), as a break, as silence and as an answer that got lost: the promises hold."""

import pytest

from tests.faults import promises, sweep
from tests.faults.calls import Counted

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def alone(settings):
    settings.ARCHIVE_PARALLEL = 1


# A run whose claim fails ends, and the next nudge begins another; a claim of which nobody knows waits for its lease.
CLAIMING = {
    "connect database", "SELECT clock_timestamp", "SELECT archiveasset to hold", "UPDATE archiveasset",
    "UPDATE archiveasset to running", "SELECT archiveasset", "COMMIT after UPDATE archiveasset to running",
    "COMMIT after UPDATE archivejob", "COMMIT after INSERT INTO derivation",
}  # fmt: skip


@pytest.mark.parametrize(("fault", "step"), [("break", 1)])
def test_any_call_may_fail_and_nothing_is_lost(ana, provider, fault, step):
    swept = sweep.swept(provider, ana, fault, step=step)
    print(f"{fault}: {swept.failed} of {len(swept.names)} calls failed")
    assert swept.failed >= len(swept.names) // step - 10
    ended, left = ({name.partition(": ")[2] for name in names} for names in (swept.ended, swept.left))
    assert ended <= CLAIMING
    assert left <= (CLAIMING if fault == "lost answer" else set())
    promises.until_done()
    kept = promises.kept(sweep.published)
    assert kept.sound and kept.archived >= 2 * swept.failed, kept
    assert kept.orphans <= swept.failed
    assert promises.spool_left() == 0


def test_a_call_is_told_from_its_neighbours(ana, provider):
    counted = Counted()
    sweep.one_run(sweep.small(provider, ana), counted)
    assert {
        "UPDATE archiveasset to running",
        "COMMIT after UPDATE archiveasset to running",
        "send request",
        "read answer",
        "write in spool",
        "fsync in spool",
        "check media",
        "link in store",
        "fsync in store",
        "open in store",
        "INSERT INTO blob",
        "UPDATE archiveasset to archived",
        "INSERT INTO trackfile",
        "COMMIT after UPDATE archivejob",
    } <= {name.partition(": ")[2] for name in counted.names}
    assert "cover: link in store" in counted.names  # fmt: skip
