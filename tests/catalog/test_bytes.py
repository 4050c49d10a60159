"""Where a track's bytes come from."""

import datetime as dt

import httpx
import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.archive import copies, scrubbing
from apps.archive.models import Finding
from apps.catalog import bytes as door
from apps.catalog import files
from apps.catalog.models import ProviderSource, Track
from apps.lib import storage
from apps.lib.errors import NotFound, Refusal
from tests.archive.places import held, overwrite, two_folders, use
from tests.make import audio, make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db


def load(track, user=None):
    return Track.objects.with_playable(user or AnonymousUser()).with_page().get(pk=track.pk)


def test_local_bytes_are_served_from_here(rf, ana):
    response = door.stream(rf.get("/"), load(make_playable(ana, title='Sea "Song"')))
    assert b"".join(response) == audio("wav")
    assert "Sea" in response["Content-Disposition"]


@pytest.mark.servers
def test_bytes_of_an_object_store_are_a_redirect_to_a_short_link(rf, ana, settings, object_store):
    """The bucket is private; the link lives five minutes at most."""
    from apps.lib.storage_url import backend_from_url

    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}
    response = door.stream(rf.get("/"), load(make_playable(ana)))
    assert response.status_code == 302 and "Expires=300" in response["Location"]
    assert response["Cache-Control"] == "private, no-store"


def test_without_our_bytes_the_provider_plays_until_it_deletes_them(rf, ana):
    """S3-07."""
    track = make_generated(ana)
    assert door.stream(rf.get("/"), load(track))["Location"] == track.source.audio_url
    past = timezone.now() - dt.timedelta(seconds=1)
    ProviderSource.objects.update(generated_at=past - dt.timedelta(days=15), expires_at=past)
    with pytest.raises(Refusal) as refused:
        door.stream(rf.get("/"), load(track))
    assert (refused.value.code, refused.value.status) == ("EXPIRED", 410)


def test_what_is_not_there_is_not_found(rf, ana):
    for role in ("preview", "waveform", "cover", "video"):
        with pytest.raises(NotFound):
            door.file(rf.get("/"), load(make_track(ana)), role)


def test_nothing_leads_others_to_the_providers_copy_of_a_pro_only_track(rf, ana):
    track = make_generated(ana, cover_url="https://cdn1.suno.ai/a.jpeg", is_pro_only=True)
    with pytest.raises(NotFound):
        door.file(rf.get("/"), load(track), "cover")
    assert door.file(rf.get("/"), load(track, ana), "cover").status_code == 302


def test_a_video_is_the_full_track_too(rf, ana):
    track = make_track(ana, is_pro_only=True)
    with pytest.raises(Refusal) as refused:
        door.file(rf.get("/"), load(track), "video")
    assert refused.value.code == "PRO_ONLY"


def test_an_object_that_is_missing_is_said_as_our_fault(as_, ana):
    track = make_playable(ana, seconds=2.5)
    storage.remove(track.file("original").blob.key)
    answer = as_(None).get(f"/api/v1/tracks/{track.pk}/stream")
    assert (answer.status_code, answer.json()["code"]) == (503, "STORAGE_FAILED")


# --- The second place ---------------------------------------------------------------------------------------------


@pytest.fixture
def copied(ana, settings, tmp_path):
    """A track whose original lies in two folders."""
    two_folders(settings, tmp_path)
    track = make_playable(ana)
    copies.run()
    return track


@pytest.mark.parametrize("wrong", [None, b"cut"], ids=["missing", "truncated"])
def test_the_copy_is_served_for_what_is_not_where_it_should_be(as_, copied, wrong):
    """And somebody looks at it before its turn."""
    blob = copied.file("original").blob
    overwrite(blob.key, wrong)
    answer = as_(None).get(f"/api/v1/tracks/{copied.pk}/stream")
    assert b"".join(answer) == audio("wav")
    assert scrubbing.run().repaired == 1 and held(blob.key, storage.MAIN) == audio("wav")


def test_the_copy_is_served_while_the_main_place_is_away(as_, copied, tmp_path):
    (tmp_path / "main").rename(tmp_path / "away")
    answer = as_(None).get(f"/api/v1/tracks/{copied.pk}/stream")
    assert b"".join(answer) == audio("wav")
    assert (scrubbing.run().unread, Finding.objects.count()) == (1, 0)


def test_workers_read_the_copy_too(copied, tmp_path):
    blob = copied.file("original").blob
    overwrite(blob.key, None)
    assert files.working_copy(blob, tmp_path).read_bytes() == audio("wav")
    with blob.open() as opened:
        assert opened.read() == audio("wav")


def test_a_copy_that_is_wrong_too_is_not_served_in_its_place(as_, copied):
    blob = copied.file("original").blob
    overwrite(blob.key, None)
    overwrite(blob.key, b"cut", storage.COPY)
    assert as_(None).get(f"/api/v1/tracks/{copied.pk}/stream").json()["code"] == "STORAGE_FAILED"


@pytest.mark.servers
def test_a_copy_in_a_bucket_is_linked_to(as_, ana, settings, tmp_path, object_store):
    use(settings, f"file://{tmp_path}/main", object_store)
    track = make_playable(ana)
    copies.run()
    overwrite(track.file("original").blob.key, None)
    answer = as_(None).get(f"/api/v1/tracks/{track.pk}/stream")
    assert httpx.get(answer["Location"], trust_env=False).content == audio("wav")
