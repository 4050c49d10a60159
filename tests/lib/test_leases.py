import datetime as dt
import threading
import time
from contextlib import ExitStack

import pytest
from django.db import connection, transaction

from apps.catalog.models import Derivation, Track
from apps.lib import clock, leases
from apps.lib.leases import MOST_CRASHES
from tests.lib.threads import LONGEST_S, side_by_side
from tests.make import make_track, make_user

NOW = dt.datetime(2024, 5, 6, 12, tzinfo=dt.UTC)
SECOND, MINUTE = dt.timedelta(seconds=1), dt.timedelta(minutes=1)
LEASE = dt.timedelta(seconds=60)
OVER = LEASE + SECOND


@pytest.fixture(autouse=True)
def lease(settings):
    settings.LEASE = LEASE


def make_rows(count: int = 1, *, next_at=NOW) -> list[Derivation]:
    owner = make_user()
    tracks = [make_track(owner, title=f"{number}") for number in range(count)]
    return [Derivation.objects.create(track=track, source_sha256="0" * 64, next_at=next_at) for track in tracks]


def claim(limit: int = 10, now=NOW) -> list[Derivation]:
    return leases.claim(Derivation.objects.order_by("next_at", "pk"), Derivation.machine, limit=limit, now=now)


def set_apart(now) -> int:
    return leases.set_apart(Derivation.objects.all(), Derivation.machine, "failed", now=now)


def stored(row) -> Derivation:
    return Derivation.objects.get(pk=row.pk)


@pytest.mark.django_db
def test_a_claimed_row_runs_under_a_lease_and_a_new_token():
    make_rows()
    (row,) = claim()
    for held in (row, stored(row)):
        assert (held.state, held.token, held.lease_until) == ("running", 1, NOW + LEASE)
        assert (held.next_at, held.crashes, held.attempts) == (None, 0, 0)


@pytest.mark.django_db
def test_rows_are_claimed_in_the_order_asked_for_and_up_to_the_limit():
    rows = make_rows(3)
    for row, minutes in zip(rows, (2, 1, 3), strict=True):
        Derivation.objects.filter(pk=row.pk).update(next_at=NOW - minutes * MINUTE)
    assert [row.pk for row in claim(2)] == [rows[2].pk, rows[0].pk]
    assert [row.pk for row in claim(2)] == [rows[1].pk]
    assert claim(2) == []


@pytest.mark.django_db
@pytest.mark.parametrize("next_at", [NOW + SECOND, None])
def test_a_row_whose_time_has_not_come_is_not_claimed(next_at):
    make_rows(next_at=next_at)
    assert claim() == []


@pytest.mark.django_db
@pytest.mark.parametrize("target", ["done", "failed"])
def test_a_row_that_is_over_is_not_claimed(target):
    make_rows()
    (row,) = claim()
    assert row.settle(target, next_at=NOW)
    assert claim(now=NOW + 2 * OVER) == []


@pytest.mark.django_db
def test_a_row_to_be_tried_again_is_claimed_when_its_time_comes():
    make_rows()
    (row,) = claim()
    assert row.settle("retrying", next_at=NOW + MINUTE, attempts=1)
    assert claim(now=NOW + MINUTE - SECOND) == []
    (again,) = claim(now=NOW + MINUTE)
    assert (again.token, again.attempts, again.crashes) == (2, 1, 0)


@pytest.mark.django_db
def test_settling_gives_the_lease_back_and_clears_an_old_error():
    make_rows()
    (row,) = claim()
    row.settle("retrying", next_at=NOW, error_code="BROKEN", error_message="It broke.")
    assert (stored(row).lease_until, stored(row).error_code) == (None, "BROKEN")
    (row,) = claim()
    assert row.settle("done")
    assert (stored(row).state, stored(row).error_code, stored(row).error_message) == ("done", "", "")


@pytest.mark.django_db
def test_a_row_under_a_living_lease_is_not_claimed():
    make_rows()
    assert len(claim()) == 1
    assert claim(now=NOW + LEASE) == []


@pytest.mark.django_db
def test_a_row_whose_lease_ran_out_is_claimed_again_and_counts_a_crash():
    make_rows()
    claim()
    (row,) = claim(now=NOW + OVER)
    assert (row.token, row.crashes, row.lease_until) == (2, 1, NOW + OVER + LEASE)


@pytest.mark.django_db
def test_whoever_lost_the_lease_cannot_settle():
    """The worker was only slow; another has the row now, and the other's result counts."""
    make_rows()
    (slow,) = claim()
    (quick,) = claim(now=NOW + OVER)
    assert slow.settle("failed", error_code="LATE") is False
    assert (stored(slow).state, stored(slow).error_code) == ("running", "")
    assert quick.settle("done") is True
    assert slow.settle("failed") is False
    assert stored(slow).state == "done"


@pytest.mark.django_db
def test_settling_twice_or_to_an_undeclared_state_answers_false():
    make_rows()
    (row,) = claim()
    assert row.settle("due") is False
    assert row.settle("done") is True
    assert row.settle("failed") is False


@pytest.mark.django_db
def test_a_row_that_crashed_five_workers_is_set_apart_and_not_claimed_again():
    make_rows()
    now = NOW
    for _ in range(MOST_CRASHES):
        assert set_apart(now=now) == 0
        assert len(claim(now=now)) == 1
        now += OVER
    assert claim(now=now) == []
    assert set_apart(now=now) == 1
    row = Derivation.objects.get()
    assert (row.state, row.crashes, row.lease_until, row.error_code) == ("failed", MOST_CRASHES, None, "CRASHED")
    assert claim(now=now) == []


@pytest.mark.django_db
def test_the_last_worker_of_a_crashing_row_is_left_alone_while_its_lease_lives():
    make_rows()
    Derivation.objects.update(crashes=MOST_CRASHES - 1)
    (row,) = claim()
    assert set_apart(now=NOW + LEASE) == 0
    assert row.settle("done")


@pytest.mark.django_db(transaction=True)
def test_four_workers_claim_every_row_once():
    rows = make_rows(40)

    def work() -> list:
        mine = []
        while found := claim(3):
            mine += [row.pk for row in found]
        return mine

    taken = [key for mine in side_by_side(work, work, work, work) for key in mine]
    assert len(taken) == 40
    assert set(taken) == {row.pk for row in rows}
    assert set(Derivation.objects.values_list("token", flat=True)) == {1}


@pytest.mark.django_db(transaction=True)
def test_a_claim_steps_over_locked_rows_instead_of_waiting():
    first, second = make_rows(2)
    claimed = threading.Event()

    def hold() -> None:
        with transaction.atomic():
            Derivation.objects.select_for_update().get(pk=first.pk)
            assert claimed.wait(LONGEST_S)

    def take() -> list:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '5s'")
        try:
            until = time.monotonic() + LONGEST_S
            while _is_free(first) and time.monotonic() < until:
                time.sleep(0.01)
            return [row.pk for row in claim()]
        finally:
            claimed.set()

    _, taken = side_by_side(hold, take)
    assert taken == [second.pk]
    assert [row.pk for row in claim()] == [first.pk]


@pytest.mark.django_db(transaction=True)
def test_a_lock_on_a_joined_row_hides_nothing():
    (row,) = make_rows()
    rows = Derivation.objects.filter(track__removed_at__isnull=True)

    def take() -> list:
        return leases.claim(rows, Derivation.machine, limit=1, now=NOW)

    with transaction.atomic():
        Track.objects.select_for_update().get(pk=row.track_id)
        (taken,) = side_by_side(take)
    assert [found.pk for found in taken] == [row.pk]


def _is_free(row) -> bool:
    with transaction.atomic():
        return Derivation.objects.select_for_update(skip_locked=True).filter(pk=row.pk).exists()


class Beats(threading.Event):
    """An event that lets a keeper beat this often, and remembers for how long it would have waited."""

    def __init__(self, most: int):
        super().__init__()
        self.most, self.waits = most, []

    def wait(self, timeout: float | None = None) -> bool:
        self.waits.append(timeout)
        return len(self.waits) > self.most


def keep_alive(beats: Beats, *rows) -> None:
    """A keeper of its own for these rows, in a thread as it is in life."""
    keeper = leases._Keeper()
    keeper.holds = {leases._Hold(row, time.monotonic()) for row in rows}
    side_by_side(lambda: keeper.keep(beats))


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_while_the_work_goes_on_and_no_longer(settings):
    settings.LEASE = dt.timedelta(seconds=0.15)
    make_rows()
    (row,) = claim(now=clock.now())
    seen, until = {row.lease_until}, time.monotonic() + LONGEST_S
    with leases.held(row):
        while len(seen) < 3 and time.monotonic() < until:
            seen.add(stored(row).lease_until)
    assert len(seen) == 3
    assert not keepers()
    assert row.settle("done")


@pytest.mark.django_db(transaction=True)
def test_the_keeper_goes_home_when_the_work_fails():
    make_rows()
    (row,) = claim()
    with pytest.raises(OSError, match="disk"), leases.held(row):
        assert keepers()
        raise OSError("disk")
    assert not keepers()


def keepers() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "leases"]


@pytest.mark.django_db(transaction=True)
def test_one_thread_keeps_all_rows_of_a_process():
    make_rows(5)
    rows = claim()
    with ExitStack() as kept:
        for row in rows:
            kept.enter_context(leases.held(row))
        assert len(keepers()) == 1
    assert not keepers()


@pytest.mark.django_db(transaction=True)
def test_all_rows_of_a_table_are_renewed_by_one_statement_and_a_locked_one_holds_up_nobody():
    make_rows(3)
    first, *others = claim()
    with transaction.atomic():
        Derivation.objects.select_for_update().get(pk=first.pk)
        keep_alive(Beats(1), first, *others)
    renewed = {stored(row).lease_until for row in others}
    assert len(renewed) == 1 and renewed.pop() > clock.now()
    assert stored(first).lease_until == first.lease_until


@pytest.mark.django_db
def test_a_claim_is_one_statement_however_many_rows_it_takes(django_assert_num_queries):
    make_rows(20)
    with django_assert_num_queries(3) as made:  # a savepoint in the transaction of the test, and its release
        assert len(claim(20)) == 20
    assert [query["sql"].split()[0] for query in made.captured_queries] == ["SAVEPOINT", "WITH", "RELEASE"]


@pytest.mark.django_db(transaction=True)
def test_a_lease_is_renewed_three_times_before_it_would_run_out():
    make_rows()
    (row,) = claim()
    beats = Beats(1)
    keep_alive(beats, row)
    assert beats.waits == [LEASE.total_seconds() / 3] * 2
    assert stored(row).lease_until > clock.now()


@pytest.mark.django_db(transaction=True)
def test_a_lost_lease_is_not_renewed():
    make_rows()
    (slow,) = claim()
    (quick,) = claim(now=NOW + OVER)
    keep_alive(Beats(2), slow)
    assert stored(quick).lease_until == quick.lease_until


@pytest.mark.django_db(transaction=True)
def test_a_settled_row_gets_no_lease_back():
    make_rows()
    (row,) = claim()
    row.settle("done")
    keep_alive(Beats(2), row)
    assert stored(row).lease_until is None


@pytest.mark.django_db(transaction=True)
def test_nobody_keeps_a_row_for_longer_than_the_longest_hold(monkeypatch):
    """A stuck worker's lease runs out after its longest hold, however long its keeper lives."""
    monkeypatch.setattr(leases, "LONGEST_HOLD", dt.timedelta(0))
    make_rows()
    (row,) = claim()
    keep_alive(Beats(3), row)
    assert stored(row).lease_until == row.lease_until


def test_the_jitter_stays_within_a_tenth_and_differs_from_row_to_row():
    factors = [leases.jitter() for _ in range(1000)]
    assert all(0.9 <= factor <= 1.1 for factor in factors)
    assert len(set(factors)) > 900
    assert min(factors) < 0.95 and max(factors) > 1.05
