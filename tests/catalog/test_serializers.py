"""The one shape of a track; what may be written is tested through the door in `test_api`."""

import pytest
from django.contrib.auth.models import AnonymousUser
from rest_framework import serializers

from apps.catalog.keys import PITCHES
from apps.catalog.models import Track
from apps.catalog.serializers import KeyField, TrackFacts, TrackSerializer
from tests.make import make_generated, make_playable, make_track, make_user

# S0-04, S0-05, S3-03, S4-02: the names that API users know from the systems before.
PROMISED = {
    "id", "title", "description", "file_url", "duration", "file_size", "mime_type", "genre", "subgenre", "tags", "mood",
    "is_public", "play_count", "created_at", "updated_at", "original_file_size", "compression_ratio",
    "compression_applied", "compression_savings", "status", "cover_url", "video_url", "archived_to_storage",
    "storage_audio_url", "storage_cover_url", "storage_video_url", "preview_url", "is_pro_only", "artist", "tempo",
    "key", "scale", "catalog_number", "isrc", "release_date", "popularity_score", "duration_ms",
}  # fmt: skip


def shown(rf, track, user=None) -> dict:
    row = Track.objects.with_playable(user or AnonymousUser()).with_page().get(pk=track.pk)
    return TrackSerializer(row, context={"request": rf.get("/")}).data


@pytest.mark.django_db
def test_every_promised_name_is_there_for_every_kind_of_track(rf, ana):
    library = Track.objects.create(kind="library", title="House Theme")
    for track in (make_track(ana), make_generated(ana), library):
        assert set(shown(rf, track)) >= PROMISED


@pytest.mark.django_db
def test_a_track_without_bytes_says_so_in_every_field(rf, ana):
    body = shown(rf, make_track(ana))
    for name in (
        "file_url",
        "preview_url",
        "waveform_url",
        "cover_url",
        "video_url",
        "file_size",
        "mime_type",
        "duration",
    ):
        assert body[name] is None, name
    assert (body["compression_ratio"], body["compression_applied"], body["compression_savings"]) == ("1.00", False, 0)


@pytest.mark.django_db
def test_no_address_of_a_pro_only_file_reaches_others(rf, ana):
    """S1-05: neither the sound nor the video, ours or the provider's."""
    track = make_generated(
        ana, video_url="https://cdn1.suno.ai/a.mp4", cover_url="https://cdn1.suno.ai/a.jpeg", is_pro_only=True
    )
    body = shown(rf, track)
    assert body["file_url"] is body["video_url"] is body["storage_audio_url"] is body["storage_video_url"] is None
    assert shown(rf, track, make_user("pro", plan="pro"))["file_url"]
    assert body["source"] is None and body["cover_url"] is None
    assert "suno" not in str(body)


@pytest.mark.django_db
def test_a_removed_owner_profile_is_no_error(rf, ana):
    """A person made by hand may have no profile."""
    track = make_playable(ana)
    ana.profile.delete()
    assert shown(rf, track)["owner"]["id"] == str(ana.pk)


def test_keys_are_written_as_musicians_do():
    field = KeyField()
    for number, name in enumerate(PITCHES):
        assert (field.to_internal_value(name), field.to_representation(number)) == (number, name)
    with pytest.raises(serializers.ValidationError):
        field.to_internal_value("H")


def test_a_form_that_leaves_the_switch_out_says_nothing():
    from django.http import QueryDict

    form = TrackFacts(data=QueryDict("title=x"))
    assert form.is_valid(), form.errors
    assert "is_public" not in form.validated_data
