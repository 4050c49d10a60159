"""The promise in danger: raised once, said daily, said when over; and the switch that is pinged only when all is well."""

import datetime as dt

import pytest

from apps.accounts.models import Letter
from apps.archive import gate, hosts, manifests, repairs, schedule, scrubbing, tasks, telling, watching
from apps.archive.models import Alarm, ArchiveAsset, ArchiveHost, Finding, LedgerEntry
from apps.catalog.models import Blob
from apps.lib import clock, leases
from apps.lib.fetch import FetchError
from apps.lib.storage import MAIN
from tests.archive.places import make_blobs, overwrite, two_folders, use
from tests.archive.world import entry_at
from tests.doors.desk import make_blob, make_finding
from tests.fakes.listener import Listener
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = dt.timedelta(hours=1), dt.timedelta(days=1)


@pytest.fixture
def listener():
    with Listener() as running:
        yield running


def lose(**facts) -> None:
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.all()
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None, **facts)


def raised() -> list[str]:
    return sorted(Alarm.objects.filter(state="raised").values_list("kind", flat=True))


def test_what_fails_close_to_its_expiry_raises_an_alarm_and_what_waits_or_succeeds_does_not(ana):
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.update(expires_at=now + HOUR, created_at=now - DAY)
    assert watching.look(now=now) == []
    ArchiveAsset.objects.update(attempts=2)
    assert [alarm.kind for alarm in watching.look(now=now)] == ["expiring"]
    assert "1 file will be deleted" in Alarm.objects.get().message


def test_a_file_of_an_hour_is_no_danger_before_half_of_it_is_over(ana):
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.update(expires_at=now + 0.7 * HOUR, created_at=now - 0.3 * HOUR, attempts=1)
    assert watching.look(now=now) == []
    assert len(watching.look(now=now + 0.3 * HOUR)) == 1


@pytest.mark.parametrize("code", sorted(leases.OWN_FAULTS))
def test_what_our_own_disk_or_store_keeps_from_us_is_in_danger_until_it_is_saved(ana, code):
    """Such a fault counts no try, and a file is not lost by it: also past its expiry nothing else would tell."""
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.update(expires_at=now + 0.7 * HOUR, created_at=now - 0.3 * HOUR, error_code=code)
    assert watching.look(now=now) == []
    for later in (0.3 * HOUR, HOUR):
        assert [alarm.kind for alarm in watching.look(now=now + later) if alarm.kind != "queue"] == ["expiring"]


def test_a_loss_is_raised_once_and_over_after_a_day(ana):
    make_generated(ana)
    schedule.plan()
    lose()
    now = clock.now()
    for minute in range(3):
        watching.look(now=now + minute * dt.timedelta(minutes=1))
    assert raised() == ["lost"] and Alarm.objects.count() == 1
    manifests.close(now=now + DAY + HOUR)
    ArchiveAsset.objects.update(updated_at=now + DAY)  # something else of it changed
    watching.look(now=now + DAY + HOUR)
    assert raised() == []
    assert Alarm.objects.get().over_at == now + DAY + HOUR


def test_a_queue_that_nobody_takes_from_raises_an_alarm(ana, settings):
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    watching.look(now=now)
    assert raised() == []
    watching.look(now=now + dt.timedelta(minutes=settings.ALERT_QUEUE_MINUTES + 1))
    assert raised() == ["queue"]


def test_the_alarm_of_the_thirteenth_day_is_raised_by_the_daily_run_alone(ana):
    make_generated(ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.objects.update(created_at=now - 14 * DAY)
    watching.look(now=now)
    assert raised() == []
    watching.look(now=now, daily=True)
    assert raised() == ["late"]
    ArchiveAsset.objects.update(created_at=now)
    watching.look(now=now)
    assert raised() == []


def test_a_file_of_an_hour_that_has_just_come_is_not_late(ana):
    make_generated(ana)
    schedule.plan()
    now, minute = clock.now(), dt.timedelta(minutes=1)
    ArchiveAsset.objects.update(expires_at=now + 59 * minute, created_at=now - minute)
    assert watching.look(daily=True, now=now) == []
    ArchiveAsset.objects.update(next_at=now + HOUR)  # so that the queue is in no danger
    assert [alarm.kind for alarm in watching.look(daily=True, now=now + 30 * minute)] == ["late"]


def test_the_switch_is_pinged_after_a_healthy_sweep_and_not_in_danger(ana, settings, listener):
    settings.DEADMAN_URL = f"{listener.origin}/ping"
    tasks.sweep()
    assert [heard.path for heard in listener.heard] == ["/ping"]
    make_generated(ana)
    schedule.plan()
    lose()
    tasks.sweep()
    assert len(listener.heard) == 1


def test_a_listener_that_is_away_fails_no_sweep(settings, listener):
    settings.DEADMAN_URL = settings.ALERT_WEBHOOK = "http://127.0.0.1:9/ping"
    watching.raise_test()
    tasks.sweep()
    settings.DEADMAN_URL = f"{listener.origin}/ping"
    listener.status = 302
    assert watching.ping() is False
    assert len(listener.heard) == 1


def test_a_test_alarm_arrives_ends_and_keeps_no_ping_back(settings, listener):
    settings.DEADMAN_URL, settings.ALERT_EMAILS = f"{listener.origin}/ping", ("ops@example.org",)
    alarm = watching.raise_test()
    assert Letter.objects.get().subject == "[Keeptrack] Raised: a test"
    assert watching.ping()
    watching.after_sweep(now=alarm.created_at + dt.timedelta(minutes=1))
    assert raised() == []
    assert Letter.objects.latest("id").subject == "[Keeptrack] Over: a test"


def test_alarms_are_kept_for_a_year():
    watching.raise_test()
    now = clock.now()
    watching.look(now=now + HOUR)
    assert watching.forget(now=now + 300 * DAY) == 0
    assert watching.forget(now=now + 400 * DAY) == 1


# --- How what is archived is looked after ---------------------------------------------------------------------------
def damage(state: str = "unrepairable", **facts) -> None:
    make_finding(make_blob(), "No place has it.")
    if state != "open":
        Finding.machine.move_all(Finding.objects.all(), state)
    Finding.objects.update(**facts)


def shut_out(asset: ArchiveAsset, length: dt.timedelta) -> None:
    """The host of the asset fails, and each probe too, for so long."""
    now = clock.now() - length
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."), now=now)
    while (opens := ArchiveHost.objects.get().open_until) < clock.now():
        hosts.probe(asset.host, now=opens)
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."), now=opens)


def in_danger(kind: str, owner) -> None:
    now = clock.now()
    if kind == "findings":
        damage()
    elif kind == "breaker":
        schedule.plan_tracks([make_generated(owner)])
        # Nothing of it is due, so that the queue is in no danger.
        ArchiveAsset.objects.update(next_at=now + 9 * DAY)
        shut_out(ArchiveAsset.objects.get(), 2 * HOUR)
    elif kind == "manifest":
        entry_at(now - 3 * DAY)
    else:
        Blob.objects.filter(pk=make_blob().pk).update(created_at=now - 2 * DAY)


def out_of_danger(kind: str) -> None:
    if kind == "findings":
        Finding.machine.move_all(Finding.objects.all(), "gone")
    elif kind == "breaker":
        hosts.close("cdn1.suno.ai")


def all_else_is_well(kind: str, now: dt.datetime) -> None:
    if kind != "manifest":
        manifests.close(now=now)
    if kind != "copies":
        Blob.objects.update(copied_at=now, copy_verified_at=now)


@pytest.mark.parametrize("kind", ["findings", "breaker", "manifest", "copies"])
def test_a_danger_to_what_is_archived_is_raised_once_told_daily_and_told_when_over(kind, ana, settings, tmp_path):
    settings.ALERT_EMAILS = ("ops@example.org",)
    two_folders(settings, tmp_path)
    watching.after_sweep()
    assert raised() == []
    in_danger(kind, ana)
    now = clock.now()
    for later in (dt.timedelta(0), HOUR, 23 * HOUR, 25 * HOUR):
        all_else_is_well(kind, now + later)
        watching.look(now=now + later)
        telling.tell(now=now + later)
    assert raised() == [kind]
    assert Alarm.objects.count() == 1 and Letter.objects.count() == 2
    out_of_danger(kind)
    all_else_is_well("", now + 26 * HOUR)
    for _ in range(2):
        watching.look(now=now + 26 * HOUR)
        telling.tell(now=now + 26 * HOUR)
    assert raised() == []
    first, again, end = Letter.objects.order_by("id").values_list("subject", flat=True)
    assert first == again == f"[Keeptrack] Raised: {Alarm.objects.get().get_kind_display()}"
    assert end.startswith("[Keeptrack] Over: ")


def test_a_damage_that_is_being_repaired_is_no_danger_and_one_that_stays_open_is():
    now = clock.now()
    damage("open", found_at=now - HOUR)
    assert watching.look(now=now) == []
    (alarm,) = watching.look(now=now + 2 * HOUR)
    assert (alarm.kind, alarm.number) == ("findings", 1)


def test_what_is_written_off_is_no_danger_stays_so_and_is_repaired_should_it_come_back(settings, tmp_path):
    """Its former file and its asset hold the bytes for ever: the alarm would have no other end."""
    use(settings, f"file://{tmp_path}/main")
    ((key, data),) = make_blobs(1).items()
    overwrite(key, b"x")
    scrubbing.run(most=scrubbing.NO_END)
    two_folders(settings, tmp_path)
    now = clock.now() + 2 * DAY

    def dangers(now: dt.datetime) -> list[str]:
        manifests.close(now=now)
        Blob.objects.exclude(key=key).update(copied_at=now)
        return [alarm.kind for alarm in watching.look(now=now)]

    assert dangers(now) == ["findings"]
    repairs.write_off(Finding.objects.get())
    for day in (now, now + DAY):
        scrubbing.run(now=day, most=scrubbing.NO_END, place=MAIN)
        assert dangers(day) == [] and Finding.objects.get().state == "written_off"
    assert list(LedgerEntry.objects.order_by("seq").values_list("event", flat=True)) == ["damaged", "written_off"]
    overwrite(key, data)
    scrubbing.run(now=now + 2 * DAY, most=scrubbing.NO_END, place=MAIN)
    assert Finding.objects.get().state == "repaired"


def test_a_host_that_has_just_failed_or_of_which_nobody_wants_anything_is_no_danger(ana):
    schedule.plan_tracks([make_generated(ana)])
    ArchiveAsset.objects.update(next_at=clock.now() + 9 * DAY)
    shut_out(ArchiveAsset.objects.get(), 10 * dt.timedelta(minutes=1))
    assert watching.look() == []
    shut_out(ArchiveAsset.objects.get(), HOUR)
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), "dropped")
    assert watching.look() == []


def test_without_a_second_place_no_copy_is_missing():
    Blob.objects.filter(pk=make_blob().pk).update(created_at=clock.now() - 9 * DAY)
    assert watching.look() == []
