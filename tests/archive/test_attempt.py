"""The archive's protocol on real bytes: claim, fetch, verify, store, settle."""

import datetime as dt
import hashlib
from dataclasses import replace

import pytest
from django.db import connection, transaction

from apps.archive import attempt, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog import actions as catalog
from apps.catalog import files, sweeper
from apps.catalog.models import Blob, Change, TrackFile
from apps.lib import clock, leases, media, storage
from deploy.demo.behaviours import Behaviour
from tests.archive.world import asset_of, at_provider, run_all
from tests.lib.threads import impatient, side_by_side
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)


def test_every_asset_becomes_ours_byte_for_byte(ana, provider):
    """S3-06, C-14."""
    track = at_provider(provider, ana, cover=True)
    assert run_all() == 2
    assert set(ArchiveAsset.objects.values_list("state", flat=True)) == {"archived"}
    original = TrackFile.objects.get(track=track, role="original")
    assert original.blob.sha256 == hashlib.sha256(audio("mp3")).hexdigest()
    with original.blob.open() as kept:
        assert kept.read() == audio("mp3")
    job = ArchiveJob.objects.get(track=track)
    assert job.status == "completed" and job.started_at <= job.completed_at


def test_it_plays_after_the_provider_deleted_it(as_, ana, provider):
    """S3-07."""
    track = at_provider(provider, ana)
    run_all()
    provider.expire(track.source.audio_url)
    assert b"".join(as_(None).get(f"/api/v1/tracks/{track.pk}/stream")) == audio("mp3")


@pytest.mark.parametrize(
    ("behaviour", "state", "code"),
    [
        ("403", "gone_suspect", "GONE"), ("404", "gone_suspect", "GONE"), ("410", "gone_suspect", "GONE"),
        ("429", "retrying", "RATE_LIMITED"), ("503", "retrying", "RATE_LIMITED"), ("500", "retrying", "SOURCE_ERROR"),
        ("truncated", "retrying", "TRUNCATED"), ("html200", "retrying", "PROVIDER_REFUSED"),
        ("json200", "retrying", "PROVIDER_REFUSED"), ("redirect_private", "retrying", "URL_REFUSED"),
        ("gzip_bomb", "retrying", "ENCODED"), ("reset", "retrying", "NETWORK_ERROR"),
        ("forbidden_literal", "retrying", "PROVIDER_REFUSED"), ("empty", "retrying", "NOT_AUDIO"),
    ],
)  # fmt: skip
def test_a_misbehaving_provider_never_gives_an_archived_row(ana, provider, behaviour, state, code):
    track = at_provider(provider, ana, behaviour=behaviour)
    run_all()
    asset = asset_of(track)
    assert (asset.state, asset.error_code, asset.attempts) == (state, code, 1)
    assert asset.next_at > clock.now() and asset.lease_until is None
    assert not Blob.objects.exists() and not TrackFile.objects.exists()
    job = ArchiveJob.objects.get(track=track)
    assert job.status == "failed" and job.error_message.startswith("audio: ")


def test_a_track_that_somebody_holds_for_long_costs_its_asset_no_try(ana, provider):
    """A change of a hundred thousand tracks holds them for a minute and more; nobody died of it."""
    track = at_provider(provider, ana)
    schedule.plan()
    (asset,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    with transaction.atomic():
        files.lock_live(track.pk)
        assert side_by_side(impatient(lambda: attempt.archive(asset))) == [False]
    asset.refresh_from_db()
    assert (asset.state, asset.error_code, asset.attempts, asset.crashes) == ("retrying", "IO_ERROR", 0, 0)
    ArchiveAsset.objects.update(next_at=clock.now())
    run_all()
    assert asset_of(track).state == "archived"


def test_the_next_try_succeeds_and_opens_a_job_of_its_own(ana, provider):
    track = at_provider(provider, ana, behaviour="500", times=1)
    run_all()
    ArchiveAsset.objects.update(next_at=clock.now())
    run_all()
    assert asset_of(track).state == "archived"
    assert list(ArchiveJob.objects.order_by("id").values_list("status", flat=True)) == ["failed", "completed"]


def test_a_half_archived_track_is_not_called_archived(as_, ana, provider):
    """C-14: audio ours, cover not."""
    track = at_provider(provider, ana, cover=True)
    provider.behave(track.source.cover_url, Behaviour("404"))
    run_all()
    shown = as_(None).get(f"/api/v1/tracks/{track.pk}").json()
    assert (shown["archived_to_storage"], bool(shown["storage_audio_url"]), shown["storage_cover_url"]) == (
        False,
        True,
        None,
    )
    assert ArchiveJob.objects.get(track=track).status == "failed"


def test_audio_of_another_length_than_announced_is_refused(ana, provider):
    track = at_provider(provider, ana, duration_ms=60_000)
    run_all()
    assert (asset_of(track).state, asset_of(track).error_code) == ("retrying", "WRONG_DURATION")


def test_a_worker_that_lost_its_lease_cannot_settle(ana, provider):
    """The fencing token: whoever claimed last decides."""
    track = at_provider(provider, ana)
    schedule.plan()
    (mine,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    ArchiveAsset.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    (theirs,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    assert theirs.token == mine.token + 1 and theirs.crashes == 1
    assert attempt.archive(mine) is False
    assert asset_of(track).state == "running"
    assert attempt.archive(theirs) is True
    assert asset_of(track).state == "archived"


def test_removing_a_track_drops_its_assets_and_a_late_worker_leaves_nothing(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    (mine,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    catalog.remove(track=track, by=ana)
    assert attempt.archive(mine) is False
    assert asset_of(track).state == "dropped" and not TrackFile.objects.exists()


def test_what_waits_is_dropped_when_its_track_is_removed(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    catalog.remove(track=track, by=ana)
    assert not schedule.due().exists()
    schedule.keep_house(now=clock.now() + dt.timedelta(minutes=2))
    assert asset_of(track).state == "dropped"
    assert ArchiveJob.objects.get(track=track).status == "failed"


def test_a_full_disk_costs_no_attempt(ana, provider, settings):
    track = at_provider(provider, ana)
    settings.SPOOL_RESERVE_BYTES = 1 << 62
    run_all()
    asset = asset_of(track)
    assert (asset.state, asset.error_code, asset.attempts) == ("retrying", "DISK_FULL", 0)


def test_the_store_holds_the_object_before_the_row_says_so(ana, provider, monkeypatch):
    """Bytes before rows: when the store fails, there is no row."""
    track = at_provider(provider, ana)

    def fail(*args, **kwargs):
        raise storage.StorageFailed

    monkeypatch.setattr(storage, "put", fail)
    run_all()
    assert (asset_of(track).state, asset_of(track).error_code) == ("retrying", "STORAGE_FAILED")
    assert not Blob.objects.exists()


def test_bytes_of_a_track_that_was_removed_while_they_were_stored_are_swept(ana, provider, monkeypatch):
    track, put, keys = at_provider(provider, ana), storage.put, []

    def meanwhile(path, **kwargs):
        stored = put(path, **kwargs)
        keys.append(stored.key)
        catalog.remove(track=track, by=ana)
        return stored

    monkeypatch.setattr(storage, "put", meanwhile)
    run_all()
    assert asset_of(track).state == "dropped" and storage.exists(keys[0])
    for days in (0, 3):
        sweeper.sweep(now=clock.now() + dt.timedelta(days=days))
    assert not Blob.objects.exists() and not storage.exists(keys[0])


def test_quarantine_is_shorter_than_an_hourly_life_and_ends_at_last(ana, provider):
    track = at_provider(provider, ana)
    schedule.plan()
    now = clock.now()
    ArchiveAsset.machine.move_all(ArchiveAsset.objects.all(), "running", lease_until=now - dt.timedelta(seconds=1))
    ArchiveAsset.objects.update(crashes=4, expires_at=now + dt.timedelta(minutes=40))
    schedule.keep_house(now=now)
    assert asset_of(track).next_at == now + dt.timedelta(minutes=10)
    ArchiveAsset.objects.update(expires_at=now - dt.timedelta(days=1, seconds=1))
    schedule.keep_house(now=now)
    assert asset_of(track).state == "lost"


def test_audio_of_an_unannounced_length_is_kept_when_the_provider_means_it(ana, provider):
    """A file that may be wrong is better than none: after the third equal answer it is ours."""
    track = at_provider(provider, ana, duration_ms=60_000)
    for _ in range(3):
        run_all()
        ArchiveAsset.objects.filter(state="retrying").update(next_at=clock.now())
    assert asset_of(track).state == "archived"
    track.refresh_from_db()
    assert track.duration_ms == pytest.approx(2000, rel=0.05)


def test_of_a_removed_track_no_address_and_no_bytes_are_kept(ana, provider):
    """C-07: nothing holds the bytes any more, so the sweeper may take them."""
    track = at_provider(provider, ana)
    run_all()
    assert asset_of(track).blob
    catalog.remove(track=track, by=ana)
    schedule.keep_house()
    asset = asset_of(track)
    assert (asset.source_url, asset.state, asset.blob) == ("", "dropped", None)
    assert ArchiveJob.objects.get(track=track).original_audio_url == ""


def test_what_a_worker_brings_home_is_the_systems_doing(provider, ana):
    track = at_provider(provider, ana)
    run_all()
    told = Change.objects.filter(track=track).values_list("door", "by__email")
    assert set(told) == {("system", None), ("system", ana.email)}
    assert told.get(fields__contains=["duration_ms"], action="U") == ("system", None)


def test_a_database_that_breaks_off_is_no_fault_of_the_asset_and_ends_no_run(ana, provider, monkeypatch):
    """Nor is it a crash: the fifth of those would set the asset apart."""
    track = at_provider(provider, ana)
    schedule.plan()
    (asset,) = leases.claim(schedule.due(), ArchiveAsset.machine, limit=1)
    fetch = attempt.fetch.fetch

    def fetched(*args, **kwargs):
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pid = cursor.fetchone()[0]
        side_by_side(lambda: connection.cursor().execute("SELECT pg_terminate_backend(%s)", [pid]))
        return fetch(*args, **kwargs)

    monkeypatch.setattr(attempt.fetch, "fetch", fetched)
    assert attempt.archive(asset) is False
    asset.refresh_from_db()
    assert (asset.state, asset.error_code, asset.attempts, asset.crashes) == ("retrying", "IO_ERROR", 0, 0)
    monkeypatch.undo()
    ArchiveAsset.objects.update(next_at=clock.now())
    run_all()
    assert asset_of(track).state == "archived"


def test_facts_that_no_row_holds_cost_their_file_a_try_and_no_other_file_anything(ana, provider, monkeypatch):
    odd, other = at_provider(provider, ana, seed=1), at_provider(provider, ana, seed=2)
    probe = media.probe

    def probed(path, **kwargs):
        found = probe(path, **kwargs)
        return replace(found, bit_rate=2**31) if path.read_bytes() == audio("mp3", seed=1) else found

    monkeypatch.setattr(media, "probe", probed)
    assert run_all() == 2
    asset = asset_of(odd)
    assert (asset.state, asset.error_code, asset.attempts) == ("retrying", "NOT_RECORDED", 1)
    assert "out of range" in asset.error_message
    assert asset_of(other).state == "archived"
