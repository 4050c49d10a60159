"""`/api/v1/tracks/{id}/audio` and what it was before."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog import actions as catalog
from apps.catalog.models import FormerFile, Track
from apps.uploads.models import Upload
from tests.make import audio, make_key, make_playable

pytestmark = pytest.mark.django_db


def send(client, track: Track, body: bytes, name: str = "new.flac", **headers):
    file = SimpleUploadedFile(name, body, content_type="text/html")
    return client.post(f"/api/v1/tracks/{track.pk}/audio", {"file": file}, format="multipart", headers=headers)


def test_another_recording_comes_in_and_the_former_one_goes_back(as_, ana):
    track, client = make_playable(ana), as_(ana)
    answer = send(client, track, audio("flac", 3.0, seed=9))
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["state"], body["track"], body["replaces"]) == ("checked", str(track.pk), str(track.pk))
    assert b"".join(client.get(f"/api/v1/tracks/{track.pk}/stream")) == audio("flac", 3.0, seed=9)
    (former,) = client.get(f"/api/v1/tracks/{track.pk}/former-audio").json()["results"]
    assert (former["content_type"], former["size_bytes"]) == ("audio/wav", len(audio("wav")))
    assert (former["duration_ms"], former["replaced_by"]) == (2000, "ana")
    back = client.post(f"/api/v1/tracks/{track.pk}/former-audio/{former['id']}/restore")
    assert (back.status_code, back.json()["id"], back.json()["duration"]) == (200, str(track.pk), 2.0)
    assert b"".join(client.get(f"/api/v1/tracks/{track.pk}/stream")) == audio("wav")


def test_only_who_may_change_the_track_replaces_lists_and_restores(as_, ana, bob, mod):
    track = make_playable(ana)
    assert send(as_(ana), track, audio("flac", 3.0, seed=9)).status_code == 201
    former = FormerFile.objects.get()
    paths = [f"/api/v1/tracks/{track.pk}/former-audio", f"/api/v1/tracks/{track.pk}/former-audio/{former.pk}/restore"]
    for person, status in ((None, 401), (bob, 403)):
        client = as_(person)
        assert send(client, track, audio("mp3")).status_code == status
        assert [client.get(paths[0]).status_code, client.post(paths[1]).status_code] == [status, status]
    assert not Upload.objects.filter(user=bob).exists()  # nothing of it was read
    Track.objects.filter(pk=track.pk).update(is_public=False)
    hidden = as_(bob)
    assert send(hidden, track, audio("mp3")).status_code == hidden.get(paths[0]).status_code == 404
    assert hidden.post(paths[1]).status_code == 404
    assert as_(mod).post(paths[1]).status_code == 200


def test_a_former_file_of_another_track_is_not_put_into_this_one(as_, ana):
    track, other = make_playable(ana), make_playable(ana, form="flac", title="Other")
    send(as_(ana), track, audio("flac", 3.0, seed=9))
    former = FormerFile.objects.get()
    assert as_(ana).post(f"/api/v1/tracks/{other.pk}/former-audio/{former.pk}/restore").status_code == 404


def test_a_removed_track_takes_no_audio(as_, ana):
    track = make_playable(ana)
    catalog.remove(track=track, by=ana)
    assert send(as_(ana), track, audio("mp3")).status_code == 404


def test_a_key_needs_the_scope_upload(client, ana):
    track = make_playable(ana)
    for scope, status in (("write", 403), ("upload", 201)):
        key = make_key(ana, "read", scope)
        file = SimpleUploadedFile("a.flac", audio("flac", 3.0, seed=9))
        sent = client.post(
            f"/api/v1/tracks/{track.pk}/audio", {"file": file}, headers={"Authorization": f"Bearer {key}"}
        )
        assert sent.status_code == status, sent.content


def test_the_same_request_again_gives_the_first_answer(as_, ana):
    track = make_playable(ana)
    first, again = (send(as_(ana), track, audio("flac", 3.0, seed=9), **{"Idempotency-Key": "k"}) for _ in range(2))
    assert first.json() == again.json() and Upload.objects.count() == 1


def test_what_sounds_different_is_said_with_the_upload(as_, ana):
    track, client = make_playable(ana, seconds=12.0), as_(ana)
    sent = send(client, track, audio("wav", 12.0, seed=2)).json()
    assert sent["sounds_different"] == "It sounds like another recording than the one before."
    assert client.get(f"/api/v1/uploads/{sent['id']}").json()["sounds_different"] == sent["sounds_different"]


def test_a_file_that_is_no_music_says_so(as_, ana):
    answer = send(as_(ana), make_playable(ana), b"no music" * 100)
    assert (answer.status_code, answer.json()["code"]) == (415, "INVALID_FORMAT")
