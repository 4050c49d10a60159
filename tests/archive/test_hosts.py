"""The gate of a host in the database: shared by all workers, and never a reason to lose an attempt."""

import datetime as dt

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.archive import gate, hosts, schedule, working
from apps.archive.models import ArchiveAsset, ArchiveHost
from apps.lib import clock, storage
from apps.lib.fetch import FetchError
from tests.archive.world import asset_of, at_provider, run_all
from tests.lib.threads import side_by_side
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

CDN = "cdn1.suno.ai"
MINUTE, DAY = dt.timedelta(minutes=1), dt.timedelta(days=1)
BROKEN = FetchError("NETWORK_ERROR", "It broke off.")


def make_assets(owner, count: int = 1, *, host: str = CDN, left=DAY) -> list[ArchiveAsset]:
    expires_at = clock.now() + left
    tracks = [
        make_generated(owner, audio_url=f"https://{host}/{number}.mp3", expires_at=expires_at,
                       generated_at=expires_at - 15 * DAY)
        for number in range(count)
    ]  # fmt: skip
    schedule.plan()
    return list(ArchiveAsset.objects.filter(track__in=tracks).order_by("id"))


def open_breaker(asset: ArchiveAsset, *, now=None) -> ArchiveHost:
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, BROKEN, now=now)
    return ArchiveHost.objects.get(pk=asset.host)


def claimed(count: int = 50, *, now=None) -> list[ArchiveAsset]:
    now = now or clock.now()
    return working.claim(list(schedule.lanes(now=now)), count, now=now)


def test_an_open_breaker_holds_back_its_host_and_no_other(ana):
    (here,), (there,) = make_assets(ana), make_assets(ana, host="cdn2.suno.ai")
    row = open_breaker(here)
    assert row.open_until > clock.now()
    assert claimed() == [there]
    here.refresh_from_db()
    assert (here.state, here.attempts, here.crashes) == ("pending", 0, 0)


def test_of_all_workers_one_sends_the_probe(ana):
    assets = make_assets(ana, 6)
    now = open_breaker(assets[0]).open_until
    found = side_by_side(*[lambda: claimed(now=now)] * 4)
    assert sum(map(len, found)) == 1
    assert ArchiveHost.objects.get().probing


def test_the_answer_to_the_probe_lets_everybody_in_again(ana):
    assets = make_assets(ana, 3)
    now = open_breaker(assets[0]).open_until
    (probe,) = claimed(now=now)
    hosts.heard(probe, None, now=now)
    assert len(claimed(now=now)) == 2


@pytest.mark.parametrize("code", ["STORAGE_FAILED", "URL_REFUSED"])
def test_a_try_that_ended_with_us_is_not_noted(ana, code):
    (asset,) = make_assets(ana)
    claimed()
    before = ArchiveHost.objects.values().get()
    hosts.heard(asset, FetchError(code, "no answer of theirs"))
    assert ArchiveHost.objects.values().get() == before


def test_a_probe_whose_file_our_store_did_not_take_lets_everybody_in_again(ana, provider, monkeypatch):
    def fail(*_, **__):
        raise storage.StorageFailed

    track = at_provider(provider, ana)
    schedule.plan()
    open_breaker(asset_of(track), now=clock.now() - DAY)
    monkeypatch.setattr(storage, "put", fail)
    run_all()
    assert asset_of(track).error_code == "STORAGE_FAILED"
    assert (ArchiveHost.objects.get().open_until, ArchiveHost.objects.get().probing) == (None, False)


def test_a_failed_probe_leaves_it_shut_for_longer(ana):
    assets = make_assets(ana, 2)
    now = open_breaker(assets[0]).open_until
    (probe,) = claimed(now=now)
    hosts.heard(probe, BROKEN, now=now)
    row = ArchiveHost.objects.get()
    assert row.trips == 2 and row.open_until - now > 1.5 * gate.FIRST_PAUSE
    assert claimed(now=now) == []


def test_no_probe_is_spent_where_nothing_is_due(ana):
    (asset,) = make_assets(ana)
    now = open_breaker(asset).open_until
    ArchiveAsset.objects.update(next_at=now + DAY)
    assert claimed(now=now) == [] and not ArchiveHost.objects.get().probing


def test_what_would_expire_before_the_breaker_closes_goes_all_the_same(ana):
    (patient,), (urgent,) = make_assets(ana), make_assets(ana, left=dt.timedelta(seconds=20))
    open_breaker(patient)
    assert claimed() == [urgent]


def test_a_host_that_had_its_share_waits_for_the_next_token(ana, settings):
    settings.ARCHIVE_HOST_RATE, settings.ARCHIVE_HOST_BURST = 1, 4
    make_assets(ana, 10)
    now = clock.now()
    assert len(claimed(6, now=now)) == 6, "a batch may go into debt"
    assert ArchiveHost.objects.get().tokens == -2
    assert claimed(now=now) == []
    assert claimed(now=now + dt.timedelta(seconds=2)) == []
    assert len(claimed(now=now + dt.timedelta(seconds=3.1))) == 4


def test_a_run_waits_for_the_pace_of_a_host_instead_of_leaving(ana, provider, settings):
    settings.ARCHIVE_HOST_RATE, settings.ARCHIVE_HOST_BURST, settings.ARCHIVE_PARALLEL = 2, 1, 1
    for _ in range(3):
        at_provider(provider, ana)
    assert run_all() == 3


def test_a_run_stays_for_a_host_that_opens_just_after_its_last_look(ana, provider, settings, monkeypatch):
    settings.ARCHIVE_HOST_RATE, settings.ARCHIVE_HOST_BURST, settings.ARCHIVE_PARALLEL = 0.01, 1, 1
    claim = working.claim

    def and_then_it_opens(*args, **kwargs):
        found = claim(*args, **kwargs)
        if not found and not ArchiveAsset.objects.filter(state="running").exists():
            ArchiveHost.objects.update(tokens=1, filled_at=clock.now())
        return found

    monkeypatch.setattr(working, "claim", and_then_it_opens)
    for _ in range(3):
        at_provider(provider, ana)
    assert run_all() == 3


def test_retry_after_of_one_file_makes_its_whole_host_wait(ana, provider):
    track, other = at_provider(provider, ana, behaviour="429"), at_provider(provider, ana)
    schedule.plan()
    ArchiveAsset.objects.filter(track=other).update(next_at=clock.now() + MINUTE)
    run_all()
    row = ArchiveHost.objects.get()
    assert asset_of(track).error_code == "RATE_LIMITED" and row.failures == 1
    assert row.paused_until > clock.now()
    ArchiveAsset.objects.filter(track=other).update(next_at=clock.now())
    assert run_all() == 0


@pytest.mark.parametrize(
    ("failure", "failures"),
    [
        (FetchError("SOURCE_ERROR", "No.", 500), 3), (FetchError("TIMED_OUT", "No."), 3),
        (FetchError("RATE_LIMITED", "No.", 429), 3), (FetchError("SOURCE_ERROR", "No.", 400), 0),
        (FetchError("GONE", "No.", 404), 0), (FetchError("INVALID_FORMAT", "No."), 0), (None, 0),
        (FetchError("URL_REFUSED", "No."), 2), (OSError("disk"), 2),
    ],
)  # fmt: skip
def test_what_blames_the_host_what_clears_it_and_what_says_nothing(ana, failure, failures):
    (asset,) = make_assets(ana)
    for each in (BROKEN, BROKEN, failure):
        hosts.heard(asset, each)
    assert ArchiveHost.objects.get().failures == failures


def test_no_failure_is_lost_when_many_report_at_once(ana):
    (asset,) = make_assets(ana)
    side_by_side(*[lambda: hosts.heard(asset, BROKEN)] * (gate.TRIPS_AFTER - 1))
    assert ArchiveHost.objects.get().failures == gate.TRIPS_AFTER - 1


def test_a_track_that_somebody_asked_for_heeds_no_gate(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    open_breaker(asset_of(track))
    assert working.work(limit=1, seconds=20) == 0
    assert working.work(limit=1, seconds=20, track=track) == 1
    assert asset_of(track).state == "archived"
    assert ArchiveHost.objects.get().open_until is None, "and its answer closes the breaker"


def test_who_closes_the_breaker_ends_the_pause_too(ana):
    (asset,) = make_assets(ana)
    open_breaker(asset)
    hosts.heard(asset, FetchError("RATE_LIMITED", "Wait.", 429, 300))
    assert hosts.close(CDN) is True and hosts.close(CDN) is False
    assert claimed() == [asset]


def test_the_standing_shows_the_shut_first(ana):
    (here,), (there,) = make_assets(ana, host="a.suno.ai"), make_assets(ana, host="b.suno.ai")
    hosts.heard(here, None)
    open_breaker(there)
    shown = hosts.standing()
    assert [(row["host"], row["state"]) for row in shown] == [("b.suno.ai", "shut"), ("a.suno.ai", "open")]
    assert shown[0]["error_code"] == "NETWORK_ERROR" and shown[0]["opens_at"] > clock.now()


def test_a_host_that_nobody_asks_any_more_is_forgotten(ana):
    (asset,) = make_assets(ana)
    hosts.heard(asset, None)
    schedule.keep_house(now=clock.now() + 29 * DAY)
    assert ArchiveHost.objects.exists()
    schedule.keep_house(now=clock.now() + 31 * DAY)
    assert not ArchiveHost.objects.exists()


def test_an_asset_knows_its_host_and_forgets_it_with_the_address(ana):
    (asset,) = make_assets(ana, host="CDN1.Suno.AI:443")
    assert asset.host == CDN
    ArchiveAsset.objects.update(source_url="http://127.0.0.1:8901/suno/a.mp3")
    asset.refresh_from_db()
    assert asset.host == "127.0.0.1:8901"
    ArchiveAsset.objects.update(source_url="")
    asset.refresh_from_db()
    assert asset.host == ""


def test_hosts_are_summed_by_state_and_those_left_alone_are_named(ana):
    assert hosts.summed() == {"states": dict.fromkeys(hosts.STATES, 0), "left_alone": []}
    (here,), (there,) = make_assets(ana), make_assets(ana, host="cdn2.suno.ai")
    row = open_breaker(here)
    hosts.heard(there, None)
    found = hosts.summed()
    assert (found["states"]["shut"], found["states"]["open"]) == (1, 1)
    (told,) = found["left_alone"]
    assert (told["host"], told["opens_at"], told["error_code"]) == (CDN, row.open_until, "NETWORK_ERROR")


def test_a_host_is_shut_for_long_while_files_wait_there_and_not_before(ana):
    (asset,) = make_assets(ana)
    opens = open_breaker(asset).open_until
    for _ in range(gate.trips_after(30 * MINUTE) - 2):
        hosts.probe(CDN, now=opens)
        hosts.heard(asset, BROKEN, now=opens)
        opens = ArchiveHost.objects.get().open_until
    assert not hosts.shut_for(30 * MINUTE).exists()
    hosts.probe(CDN, now=opens)
    hosts.heard(asset, BROKEN, now=opens)
    assert [row.name for row in hosts.shut_for(30 * MINUTE)] == [CDN]
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), "dropped")
    assert not hosts.shut_for(30 * MINUTE).exists()


def make_dead(*names: str) -> None:
    """Hosts whose breakers opened long ago."""
    opened = clock.now() - DAY
    rows = [ArchiveHost(name=name, tokens=1, filled_at=opened, trips=3, open_until=opened) for name in names]
    ArchiveHost.objects.bulk_create(rows)


def asked(count: int = 8) -> tuple[list[ArchiveAsset], int]:
    """What was claimed, and by how many statements."""
    with CaptureQueriesContext(connection) as queries:
        return claimed(count), len(queries)


def test_hosts_that_died_cost_no_claim_anything_when_nothing_waits_there(ana):
    asked()
    _, usual = asked()
    make_dead(*[f"x{number}.replicate.delivery" for number in range(500)])
    assert asked() == ([], usual) and not hosts.shut().until


def test_hosts_where_nothing_is_due_yet_cost_a_claim_a_few_looks_however_many_they_are(ana, monkeypatch):
    monkeypatch.setattr(working, "LOOKS", 2)
    _, usual = asked()
    assets = [make_assets(ana, host=f"x{number}.suno.ai")[0] for number in range(5)]
    ArchiveAsset.objects.update(next_at=clock.now() + DAY)
    make_dead(*[asset.host for asset in assets])
    found, statements = asked()
    assert (found, statements) == ([], usual + 2 * len(schedule.lanes(now=clock.now())))


def test_probes_of_many_dead_hosts_leave_room_for_what_can_be_had(ana):
    dead = [make_assets(ana, host=f"x{number}.suno.ai", left=DAY / 2)[0] for number in range(5)]
    well = make_assets(ana, 8)
    make_dead(*[asset.host for asset in dead])
    first, second = claimed(8), claimed(8)
    assert [asset.host == CDN for asset in first] == [False] * 2 + [True] * 6
    assert [asset.host == CDN for asset in second] == [False] * 2 + [True] * 2
    assert {asset.pk for asset in well} < {asset.pk for asset in (*first, *second)}
