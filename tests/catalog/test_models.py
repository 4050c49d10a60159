"""The walls in the database hold against raw writes, whatever the code above them does."""

import datetime as dt

import pytest
from django.db import DataError, IntegrityError, transaction
from django.db.models import ProtectedError
from django.utils import timezone

from apps.catalog.models import Blob, Provider, ProviderSource, Track, TrackFile
from tests.make import make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize(
    "facts",
    [
        {"title": ""}, {"title": "   "}, {"duration_ms": 0}, {"status": "perfect"}, {"kind": "audio"},
        {"pitch_class": 12}, {"mode": "dorian"}, {"tempo": 0}, {"play_count": -1}, {"owner": None},
        {"removed_at": timezone.now()}, {"status": "removed"},
    ],
)  # fmt: skip
def test_no_raw_write_makes_an_impossible_track(ana, facts):
    """S0-06."""
    track = make_track(ana)
    with pytest.raises((IntegrityError, DataError)), transaction.atomic():
        Track.objects.filter(pk=track.pk).update(**facts)


def test_a_library_track_has_no_owner():
    Track.objects.create(kind="library", title="House Theme")


def test_one_content_has_one_row(ana):
    blob = make_playable(ana).file("original").blob
    with pytest.raises(IntegrityError), transaction.atomic():
        Blob.objects.create(sha256=blob.sha256, key="other", size=1, mime="audio/wav", extension="wav")
    for wrong in ({"sha256": "ABC"}, {"size": 0}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Blob.objects.filter(pk=blob.pk).update(**wrong)


def test_a_track_has_one_file_per_role(ana):
    original = make_playable(ana).file("original")
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackFile.objects.create(track=original.track, role="original", blob=original.blob)
    with pytest.raises(IntegrityError), transaction.atomic():
        TrackFile.objects.filter(pk=original.pk).update(compression_applied=True)


def test_nothing_deletes_bytes_or_tracks_by_cascade(ana):
    track = make_playable(ana)
    for row in (track, track.file("original").blob, ana):
        with pytest.raises(ProtectedError):
            row.delete()


def test_a_generation_is_its_owners_once(ana, bob):
    source = make_generated(ana).source
    facts = {
        "provider": source.provider,
        "provider_track_id": source.provider_track_id,
        "expires_at": source.expires_at,
    }
    ProviderSource.objects.create(track=make_track(bob), owner=bob, audio_url=source.audio_url, **facts)
    with pytest.raises(IntegrityError), transaction.atomic():
        ProviderSource.objects.create(track=make_track(ana), owner=ana, audio_url=source.audio_url, **facts)


def test_the_three_providers_are_there_and_a_lifetime_is_positive():
    """S3-01, S3-17."""
    lifetimes = {row.code: row.lifetime.total_seconds() / 3600 for row in Provider.objects.all()}
    assert lifetimes == {"suno": 360, "mureka": 360, "replicate": 1}
    for lifetime in (dt.timedelta(0), dt.timedelta(days=3651)):
        with pytest.raises(IntegrityError), transaction.atomic():
            Provider.objects.update(lifetime=lifetime)


def test_what_plays_is_the_compressed_copy_when_there_is_one(ana):
    """S0-14."""
    assert make_playable(ana).served.role == "original"
    track = make_playable(ana, derived=True)
    assert track.served.role == "audio"
    assert track.served.compression_savings == track.file("original").blob.size - track.served.blob.size
