"""Runs: who claims what, in which order, and how many side by side."""

import datetime as dt
import itertools
import threading
import time
from urllib.parse import urlsplit

import pytest
from django.db import OperationalError, connection

from apps.archive import attempt, schedule, working
from apps.archive.access import ArchiveRows
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog.models import Track
from apps.lib import clock, leases
from deploy.demo.behaviours import Behaviour
from tests.archive.world import asset_of, at_provider
from tests.lib.threads import side_by_side
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

NOW = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


def test_three_runs_at_once_fetch_each_file_once(ana, provider):
    tracks = [at_provider(provider, ana, seed=1) for _ in range(6)]
    schedule.plan()

    def one_run() -> None:
        working.work(limit=50, seconds=20)
        connection.close()

    runs = [threading.Thread(target=one_run) for _ in range(3)]
    for thread in runs:
        thread.start()
    for thread in runs:
        thread.join()
    assert ArchiveAsset.objects.filter(state="archived").count() == len(tracks)
    assert all(count == 1 for count in provider.requests.values())
    assert ArchiveJob.objects.filter(status="completed").count() == len(tracks)


def test_poison_is_set_apart_after_five_crashes_and_tried_hourly(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    for crash in range(5):
        now = clock.now()
        ArchiveAsset.objects.filter(state="running").update(lease_until=now - dt.timedelta(seconds=1))
        claimed = leases.claim(schedule.due(now=now), ArchiveAsset.machine, limit=1, now=now)
        assert [row.crashes for row in claimed] == [crash]
    ArchiveAsset.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert leases.claim(schedule.due(), ArchiveAsset.machine, limit=1) == []
    schedule.keep_house()
    asset = asset_of(track)
    assert (asset.state, asset.crashes, asset.error_code) == ("quarantined", 5, "CRASHED")
    later = clock.now() + dt.timedelta(hours=1, seconds=1)
    assert not schedule.quarantined().exists() and schedule.quarantined(now=later).exists()
    assert not schedule.due(now=later).exists(), "it has a lane of its own"
    ArchiveAsset.objects.update(next_at=clock.now())
    assert working.work_quarantined() is True
    assert asset_of(track).state == "archived"
    assert working.work_quarantined() is False


def test_of_what_may_be_poison_a_run_has_one_in_hand_at_a_time(ana, provider, monkeypatch):
    suspects = [at_provider(provider, ana, seed=seed) for seed in range(6)]
    schedule.plan()
    ArchiveAsset.objects.update(crashes=2)
    others = [at_provider(provider, ana, seed=seed) for seed in range(6, 9)]
    for track in (*suspects, *others):  # the others are all on their way when the first suspect is done
        provider.behave(track.source.audio_url, Behaviour("slow", 80_000 if track in suspects else 20_000))
    schedule.plan()
    in_hand, open_jobs = [], working.open_jobs

    def claimed(assets) -> None:
        running = ArchiveAsset.objects.filter(state="running")
        in_hand.append((running.filter(schedule.SUSPECT).count(), running.exclude(schedule.SUSPECT).count()))
        open_jobs(assets)

    monkeypatch.setattr(working, "open_jobs", claimed)
    assert working.work(limit=50, seconds=30) == 9
    assert ArchiveAsset.objects.filter(state="archived").count() == 9
    assert max(suspects for suspects, _ in in_hand) == 1 and max(others for _, others in in_hand) > 1


def test_what_can_still_be_saved_goes_before_what_is_past_its_expiry(ana, bob, provider):
    dead = [at_provider(provider, bob, behaviour="404") for _ in range(3)]
    live = at_provider(provider, ana)
    schedule.plan()
    ArchiveAsset.objects.filter(track__in=dead).update(expires_at=clock.now() - dt.timedelta(hours=1))
    order = []
    working.work(limit=1, seconds=20, told=lambda asset: order.append(asset.track))
    assert order == [live]


def test_one_persons_many_slow_files_do_not_hold_up_anybody_elses(ana, bob, provider, settings):
    settings.ARCHIVE_PARALLEL = 4
    soon = clock.now() + dt.timedelta(hours=1)
    for _ in range(12):
        slow = at_provider(provider, ana, expires_at=soon)
        provider.behave(slow.source.audio_url, Behaviour("slow", 30_000))
    theirs = at_provider(provider, bob)
    schedule.plan()
    order = []
    working.work(limit=50, seconds=20, told=lambda asset: order.append(asset.track))
    assert len(order) == 13 and order.index(theirs) < 4


def test_what_is_past_its_expiry_goes_after_all_that_lives_whosever_it_is(ana, bob, provider, settings, begun):
    settings.ARCHIVE_PARALLEL = 4
    live = [at_provider(provider, ana) for _ in range(6)]
    dead = [at_provider(provider, bob) for _ in range(6)]
    schedule.plan()
    ArchiveAsset.objects.filter(track__in=dead).update(expires_at=clock.now() - dt.timedelta(hours=1))
    working.work(limit=50, seconds=20)
    assert set(begun[:6]) == {track.pk for track in live} and len(begun) == 12


@pytest.mark.parametrize("left", ["alone", "beside another who has a share"])
def test_tracks_that_nobody_owns_are_passed_over_like_one_persons(ana, bob, provider, settings, begun, left):
    settings.ARCHIVE_PARALLEL = 4
    of_nobody = [at_provider(provider, ana, expires_at=clock.now() + dt.timedelta(hours=1)) for _ in range(8)]
    Track.objects.update(owner=None, kind="library")
    others = [at_provider(provider, ana) for _ in range(4 if left != "alone" else 0)]
    theirs = at_provider(provider, bob)
    for track in (*of_nobody, *others):
        provider.behave(track.source.audio_url, Behaviour("slow", 60_000))
    schedule.plan()
    working.work(limit=50, seconds=20)
    assert begun.index(theirs.pk) <= (1 if left == "alone" else 2)


def test_a_run_ends_although_a_track_changed_hands_meanwhile(ana, bob, provider):
    track = at_provider(provider, ana)
    schedule.plan()

    def told(asset) -> None:
        Track.objects.filter(pk=track.pk).update(owner=bob)

    assert working.work(limit=50, seconds=60, told=told) == 1


def test_where_passing_over_takes_too_long_nobody_is_passed_over(ana, provider, settings, monkeypatch):
    settings.ARCHIVE_PARALLEL = 4

    def out_of_time(rows, owners):
        raise OperationalError("canceling statement due to statement timeout")

    monkeypatch.setattr(ArchiveRows, "of_others", out_of_time)
    for _ in range(6):
        at_provider(provider, ana)
    schedule.plan()
    assert working.work(limit=50, seconds=20) == 6


@pytest.fixture
def begun(monkeypatch):
    """The tracks of the attempts, as they begin."""
    tracks = []
    make = attempt.Attempt
    monkeypatch.setattr(working, "Attempt", lambda one, now: (tracks.append(one.track_id), make(one, now=now))[1])
    return tracks


@pytest.mark.parametrize("settlers", [1, 2])
def test_who_had_least_of_a_runs_settling_is_settled_first(ana, bob, provider, settings, monkeypatch, settlers):
    settings.ARCHIVE_SETTLERS = settlers
    for _ in range(6):
        at_provider(provider, ana)
    theirs = at_provider(provider, bob)
    provider.behave(theirs.source.audio_url, Behaviour("slow", 40_000))
    schedule.plan()
    download, settle = attempt.Attempt.download, attempt.Attempt.settle
    fetched, order = threading.Event(), []
    left = itertools.count(6, -1)
    monkeypatch.setattr(attempt.Attempt, "download", lambda one: (download(one), next(left) or fetched.set())[0])

    def when_all_are_there(one):
        fetched.wait(30)
        order.append(one.asset.track)
        return settle(one)

    monkeypatch.setattr(attempt.Attempt, "settle", when_all_are_there)
    working.work(limit=50, seconds=60)
    assert len(order) == 7 and order.index(theirs) <= settlers


def test_a_slow_download_does_not_hold_up_what_falls_due_meanwhile(ana, provider, settings):
    settings.ARCHIVE_PARALLEL = 2
    slow = at_provider(provider, ana)
    provider.behave(slow.source.audio_url, Behaviour("slow", 15_000))
    schedule.plan()
    order = []
    run = threading.Thread(
        target=lambda: (working.work(limit=9, seconds=20, told=lambda a: order.append(a.track)), connection.close())
    )
    run.start()
    quick = at_provider(provider, ana)
    schedule.plan()
    run.join()
    assert order == [quick, slow]


def test_a_killer_whose_last_try_failed_in_an_ordinary_way_stays_alone(ana, provider):
    track = at_provider(provider, ana, behaviour="503", times=1)
    schedule.plan()
    now = clock.now()
    rows = ArchiveAsset.objects.all()
    rows.model.machine.move_all(rows, "running", lease_until=now)
    rows.model.machine.move_all(rows, "quarantined", lease_until=None, next_at=now)
    rows.update(crashes=5)
    assert working.work_quarantined() is True
    assert asset_of(track).state == "retrying"
    rows.update(next_at=now)
    assert not schedule.due().exists() and schedule.quarantined().exists()


def test_idle_threads_stay_also_while_another_one_claims(ana, provider, settings, monkeypatch):
    """Between a claim and its count the others must not see nobody at work."""
    settings.ARCHIVE_PARALLEL = 2
    slow = at_provider(provider, ana)
    provider.behave(slow.source.audio_url, Behaviour("slow", 20_000))
    schedule.plan()
    claim = leases.claim

    def slow_claim(*args, **kwargs):
        found = claim(*args, **kwargs)
        time.sleep(0.3 if found else 0)
        return found

    monkeypatch.setattr(leases, "claim", slow_claim)
    order = []
    run = threading.Thread(
        target=lambda: (working.work(limit=9, seconds=20, told=lambda a: order.append(a.track)), connection.close())
    )
    run.start()
    time.sleep(0.5)
    quick = at_provider(provider, ana)
    schedule.plan()
    run.join()
    assert order == [quick, slow]


def test_a_batch_is_claimed_at_once_and_by_nobody_twice(ana):
    schedule.plan_tracks([make_generated(ana) for _ in range(60)])
    found = side_by_side(*[lambda: working.claim(list(schedule.lanes(now=NOW)), 15, now=NOW)] * 4)
    keys = [asset.pk for batch in found for asset in batch]
    assert len(keys) == len(set(keys)) == 60


def test_more_downloads_take_no_more_database_connections(ana, provider, settings):
    """A few settle, one renews the leases, the caller claims; downloads have none."""
    settings.ARCHIVE_PARALLEL, settings.ARCHIVE_SETTLERS = 16, 2
    provider.behave("/suno/", Behaviour("slow", 60_000))
    for seed in range(16):
        at_provider(provider, ana, seed=seed % 3)
    schedule.plan()
    run = threading.Thread(target=lambda: (working.work(limit=16, seconds=30), connection.close()))
    run.start()
    most = loading = 0
    while run.is_alive():
        most = max(most, connections())
        loading = max(loading, len([t for t in threading.enumerate() if t.name.startswith("download")]))
    assert loading == 16 and most <= 2 + 1 + 1
    assert ArchiveAsset.objects.filter(state="archived").count() == 16


def connections() -> int:
    """Of others than this one, on this database."""
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'""")
        return cursor.fetchone()[0]


@pytest.mark.parametrize("behaviour", ["reset", "500"])
def test_what_passes_within_seconds_costs_no_attempt(ana, provider, settings, behaviour):
    """S3-06: three tries of one attempt."""
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S = 3, 0.05
    track = at_provider(provider, ana, behaviour=behaviour, times=2)
    schedule.plan()
    assert working.work(limit=5, seconds=20) == 1
    assert (asset_of(track).state, asset_of(track).attempts) == ("archived", 0)
    assert provider.requests[path_of(track)] == 3


@pytest.mark.parametrize(("behaviour", "asked"), [("404", 1), ("429", 1), ("html200", 1), ("500", 3)])
def test_an_answer_is_asked_for_once_and_a_fault_three_times(ana, provider, settings, behaviour, asked):
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S = 3, 0.05
    track = at_provider(provider, ana, behaviour=behaviour)
    schedule.plan()
    working.work(limit=5, seconds=20)
    assert (provider.requests[path_of(track)], asset_of(track).attempts) == (asked, 1)


def test_no_second_try_is_made_after_the_expiry(ana, provider, settings):
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S = 3, 60
    track = at_provider(provider, ana, behaviour="500")
    schedule.plan()
    ArchiveAsset.objects.update(expires_at=clock.now() + dt.timedelta(seconds=30))
    working.work(limit=5, seconds=20)
    assert provider.requests[path_of(track)] == 1 and asset_of(track).state == "retrying"


def test_nobody_sleeps_for_a_second_try_while_other_work_is_due(ana, provider, settings):
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S, settings.ARCHIVE_PARALLEL = 2, 1, 1
    broken = at_provider(provider, ana, behaviour="500", times=1, expires_at=clock.now() + dt.timedelta(days=1))
    well = at_provider(provider, ana)
    schedule.plan()
    order = []
    working.work(limit=5, seconds=20, told=lambda asset: order.append(asset.track))
    assert order == [well, broken] and asset_of(broken).state == "archived"


def test_what_rests_before_its_second_try_takes_nobodys_place(ana, provider, settings):
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S = 2, 1
    settings.ARCHIVE_PARALLEL, settings.ARCHIVE_SETTLERS = 2, 1
    soon = clock.now() + dt.timedelta(days=1)
    dead = [at_provider(provider, ana, behaviour="500", expires_at=soon) for _ in range(6)]
    well = at_provider(provider, ana)
    schedule.plan()
    order = []
    working.work(limit=9, seconds=20, told=lambda asset: order.append(asset.track))
    assert order[0] == well and all(provider.requests[path_of(track)] == 2 for track in dead)


def test_where_too_many_rest_a_further_one_fails_with_the_tries_that_it_had(ana, provider, settings, monkeypatch):
    settings.ARCHIVE_TRIES, settings.ARCHIVE_TRY_PAUSE_S = 3, 60
    monkeypatch.setattr(working, "RESTING", 0)
    track = at_provider(provider, ana, behaviour="500")
    schedule.plan()
    working.work(limit=5, seconds=20)
    assert (provider.requests[path_of(track)], asset_of(track).attempts) == (1, 1)


def test_of_what_is_quarantined_the_living_go_first_and_the_dead_wait(ana, provider):
    dead, living = [at_provider(provider, ana, seed=seed) for seed in range(2)]
    schedule.plan()
    now, rows = clock.now(), ArchiveAsset.objects
    ArchiveAsset.machine.move_all(rows.all(), "running", lease_until=now - dt.timedelta(seconds=1))
    rows.update(crashes=4)
    rows.filter(track=dead).update(expires_at=now - dt.timedelta(hours=6))
    schedule.keep_house(now=now)
    assert asset_of(dead).next_at == now + dt.timedelta(minutes=5)
    rows.update(next_at=now)
    working.work_quarantined()
    assert (asset_of(dead).state, asset_of(living).state) == ("quarantined", "archived")


@pytest.mark.parametrize("half", ["download", "settle"])
def test_what_nobody_foresaw_leaves_its_file_to_the_lease_and_the_run_goes_on(
    ana, provider, settings, monkeypatch, caplog, half
):
    settings.ARCHIVE_PARALLEL = 1
    odd, *others = [at_provider(provider, ana, seed=seed) for seed in range(3)]
    done = getattr(attempt.Attempt, half)
    monkeypatch.setattr(attempt.Attempt, half, lambda self: 1 / (self.asset.track != odd) and done(self))
    schedule.plan()
    assert working.work(limit=5, seconds=5) == 3
    assert [asset_of(track).state for track in (odd, *others)] == ["running", "archived", "archived"]
    assert "ZeroDivisionError" in caplog.text and not leases._keeper.holds
    monkeypatch.undo()
    ArchiveAsset.objects.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1))
    working.work(limit=5, seconds=20)
    assert (asset_of(odd).state, asset_of(odd).crashes) == ("archived", 1)


def test_a_fault_of_our_own_program_ends_the_run_and_loses_nothing(ana, provider, monkeypatch):
    for seed in range(working.MOST_UNFORESEEN):
        at_provider(provider, ana, seed=seed)
    schedule.plan()
    monkeypatch.setattr(attempt, "_check_duration", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        working.work(limit=5, seconds=20)
    assert set(ArchiveAsset.objects.values_list("state", flat=True)) == {"running"} and not leases._keeper.holds


def test_files_of_one_track_expire_each_at_its_own_time(ana, provider):
    """The order is that of expiry, whatever track a file belongs to."""
    early, late = at_provider(provider, ana, cover=True), at_provider(provider, ana, cover=True)
    schedule.plan()
    now = clock.now()
    for place, (track, kind) in enumerate([(late, "cover"), (early, "audio"), (late, "audio"), (early, "cover")]):
        rows = ArchiveAsset.objects.filter(track=track, kind=kind)
        rows.update(expires_at=now + dt.timedelta(hours=place + 1))
    found = working.claim(list(schedule.lanes(now=now)), 4, now=now)
    assert [(asset.track, asset.kind) for asset in found] == [
        (late, "cover"), (early, "audio"), (late, "audio"), (early, "cover")
    ]  # fmt: skip


def path_of(track) -> str:
    return urlsplit(track.source.audio_url).path
