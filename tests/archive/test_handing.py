"""Staff hand in what the provider does not give any more: verified, stored and settled as ever (S3-09)."""

import io

import pytest

from apps.archive import attempt, handing, schedule
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.lib import clock, leases, storage
from apps.lib.errors import Conflict, Forbidden, Refusal
from deploy.demo import synth
from tests.make import audio, make_generated, make_track

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def lost(ana):
    """A generated track whose sound is lost."""
    track = make_generated(ana)
    schedule.plan_tracks([track])
    rows, machine = ArchiveAsset.objects.all(), ArchiveAsset.machine
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None, error_code="GONE")
    return track


def hand(track, by, data: bytes | None = None, kind: str = "audio", **facts) -> ArchiveAsset:
    content = io.BytesIO(audio("mp3") if data is None else data)
    return handing.hand_in(track=track, kind=kind, content=content, file_name="song.mp3", by=by, **facts)


def test_a_lost_sound_is_archived_and_who_handed_it_in_is_kept(lost, mod):
    asset = hand(lost, mod)
    assert (asset.state, asset.error_code) == ("archived", "")
    assert storage.open(asset.blob.key).read() == audio("mp3")
    assert lost.file("original").blob == asset.blob
    job = ArchiveJob.objects.get(status="completed")
    (given,) = job.metadata["handed_in"]
    assert (given["by"], given["kind"], given["sha256"]) == (str(mod.pk), "audio", asset.blob.sha256)


def test_a_cover_that_the_provider_never_named_is_taken_too(lost, mod):
    asset = hand(lost, mod, synth.cover_jpeg(1, size=64), kind="cover")
    assert asset.state == "archived" and asset.source_url == ""


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"", "audio", "INVALID_FORMAT"),
        (b"<html>gone</html>", "audio", "INVALID_FORMAT"),
        (audio("mp3"), "cover", "INVALID_FORMAT"),
        (audio("flac")[:5000], "audio", "MEDIA_UNREADABLE"),
    ],
)
def test_a_bad_file_is_refused_and_changes_nothing(lost, mod, data, kind, code):
    with pytest.raises(Refusal) as refused:
        hand(lost, mod, data, kind)
    assert refused.value.code == code
    assert ArchiveAsset.objects.get().state == "lost"


def test_sound_of_another_length_needs_somebody_who_says_so(lost, mod):
    lost.duration_ms = 60_000
    lost.save(update_fields=["duration_ms"])
    with pytest.raises(Refusal) as refused:
        hand(lost, mod)
    assert refused.value.code == "WRONG_DURATION"
    assert hand(lost, mod, any_length=True).state == "archived"


def test_a_file_beyond_the_limit_is_refused_unread(lost, mod, settings):
    settings.FETCH_MAX_BYTES = {"audio": 1000}
    with pytest.raises(Refusal) as refused:
        hand(lost, mod)
    assert refused.value.code == "FILE_TOO_LARGE"


def test_what_is_archived_removed_or_never_generated_takes_none(lost, mod, ana):
    with pytest.raises(Conflict):
        hand(make_track(ana), mod)
    hand(lost, mod)
    with pytest.raises(Conflict) as refused:
        hand(lost, mod)
    assert refused.value.code == "ALREADY_ARCHIVED"


def test_only_who_runs_the_archive_hands_in(lost, ana):
    with pytest.raises(Forbidden):
        hand(lost, ana)


def test_a_worker_that_is_at_it_settles_in_vain(ana, mod):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    (claimed,) = leases.claim(ArchiveAsset.objects.all(), ArchiveAsset.machine, limit=1)
    asset = hand(track, mod)
    attempt._settle_failed(claimed, Refusal("GONE", "It is gone."), {})
    asset.refresh_from_db()
    assert asset.state == "archived"
