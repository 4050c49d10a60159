"""Thousands of files by one order: worked off in batches, stopped, and never by who may not."""

import time

import pytest

from apps.accounts import actions as people
from apps.archive import orders, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob, Order
from apps.lib import clock, leases
from apps.lib.errors import Conflict, Forbidden, Refusal
from tests.make import make_generated

pytestmark = pytest.mark.django_db

LATER = "2031-01-01T00:00Z"


@pytest.fixture
def waiting(ana):
    """Five assets that wait for years, one of them lost."""
    schedule.plan_tracks([make_generated(ana) for _ in range(5)])
    rows = ArchiveAsset.objects.all()
    rows.update(next_at=LATER)
    one, machine = rows.filter(pk=rows.first().pk), ArchiveAsset.machine
    machine.move_all(one, "running", lease_until=clock.now())
    machine.move_all(one, "lost", lease_until=None, next_at=None)
    return rows


def work(**facts) -> int:
    return orders.work(seconds=30, **facts)


def test_everything_that_was_there_is_made_due_also_what_was_lost(waiting, mod, ana, monkeypatch):
    monkeypatch.setattr(orders, "BATCH", 2)
    order = orders.ask(verb="retry", rows=waiting, by=mod)
    make_generated(ana)
    assert work() == 5
    order.refresh_from_db()
    assert (order.state, order.seen, order.done, order.total) == ("done", 5, 5, 5)
    assert waiting.filter(next_at__lte=clock.now(), state="pending").count() == 5
    assert set(ArchiveJob.objects.values_list("requested_by", flat=True)) == {None} or ArchiveJob.objects.count() == 5


def test_archive_now_brings_every_file_of_the_tracks_forward(mod, ana):
    schedule.plan_tracks([make_generated(ana, cover_url="https://cdn1.suno.ai/a.jpeg")])
    ArchiveAsset.objects.update(next_at=LATER)
    orders.ask(verb="archive", rows=ArchiveAsset.objects.filter(kind="cover"), by=mod)
    work()
    assert ArchiveAsset.objects.filter(next_at__lte=clock.now()).count() == 2


def test_what_is_removed_meanwhile_is_passed_over(waiting, mod, ana):
    order = orders.ask(verb="retry", rows=waiting, by=mod)
    track = waiting.last().track
    track.machine.move(track, "removed", removed_at=clock.now(), title="")
    work()
    order.refresh_from_db()
    assert (order.seen, order.done) == (5, 4)


def test_who_lost_the_right_meanwhile_moves_nothing(waiting, mod):
    orders.ask(verb="retry", rows=waiting, by=mod)
    people.withdraw(user=mod, role="moderator", by=None)
    assert work() == 0
    assert Order.objects.get().state == "stopped"
    assert not waiting.filter(next_at__lte=clock.now()).exists()


def test_a_stopped_order_ends_and_a_done_one_cannot_be_stopped(waiting, mod):
    order = orders.ask(verb="retry", rows=waiting, by=mod)
    orders.stop(order)
    assert work() == 0
    with pytest.raises(Conflict):
        orders.stop(order)


def test_what_a_killed_worker_left_goes_on_where_it_was(waiting, mod, monkeypatch):
    monkeypatch.setattr(orders, "BATCH", 2)
    order = orders.ask(verb="retry", rows=waiting, by=mod)
    (claimed,) = leases.claim(Order.objects.all(), Order.machine, limit=1)
    orders._batch(claimed)
    Order.objects.update(lease_until="2020-01-01T00:00Z")
    assert work() == 3
    assert orders._batch(claimed) == 0
    order.refresh_from_db()
    assert (order.state, order.seen) == ("done", 5)


def test_time_that_is_over_leaves_the_rest_due(waiting, mod):
    orders.ask(verb="retry", rows=waiting, by=mod)
    (claimed,) = leases.claim(Order.objects.all(), Order.machine, limit=1)
    assert orders.run(claimed, until=time.monotonic()) == 0
    assert Order.objects.get().state == "due"


def test_only_who_runs_the_archive_asks_and_not_for_more_than_the_most(waiting, mod, bob, monkeypatch):
    with pytest.raises(Forbidden):
        orders.ask(verb="retry", rows=waiting, by=bob)
    monkeypatch.setattr(orders, "MOST", 4)
    with pytest.raises(Refusal, match="too many"):
        orders.ask(verb="retry", rows=waiting, by=mod)


def test_orders_are_forgotten_after_months(waiting, mod):
    orders.ask(verb="retry", rows=waiting, by=mod)
    work()
    assert orders.forget() == 0
    assert orders.forget(now=clock.now() + orders.KEPT * 2) == 1
