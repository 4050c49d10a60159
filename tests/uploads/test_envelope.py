"""The answer that the first programs were promised (S0-17), and twins who learn nothing of each other (S0-29)."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.accounts.models import RoleGrant
from apps.lib import storage
from apps.uploads import actions
from apps.uploads.models import Upload
from tests.make import audio, make_playable

pytestmark = pytest.mark.django_db

VARYING = ("id", "track", "expires_at", "created_at", "updated_at")


def send(client, body: bytes, path: str = "/api/v1/uploads?shape=result"):
    return client.post(path, {"file": SimpleUploadedFile("Low Sun.wav", body)}, format="multipart")


def test_a_file_that_came_in_is_a_success_with_its_track(as_, ana):
    answer = send(as_(ana), audio("wav"))
    assert answer.status_code == 201
    body = answer.json()
    assert set(body) == {"success", "track", "message"} and body["success"] is True
    assert (body["track"]["title"], body["track"]["duration"]) == ("Low Sun", 2.0)


def test_a_file_that_one_has_is_a_success_with_the_track_that_was_there(as_, ana):
    first, again = (send(as_(ana), audio("wav")).json() for _ in range(2))
    assert again["success"] is True and again["message"] == "Track already exists in your library"
    assert again["track"]["id"] == first["track"]["id"]


def test_a_refusal_has_its_code_words_and_details(as_, ana):
    answer = send(as_(ana), b"no music" * 100)
    upload = Upload.objects.get()
    said = "Invalid audio format. Supported: MP3, WAV, FLAC"
    assert answer.status_code == 415 and answer["Content-Type"] == "application/json"
    assert answer.json() == {
        "success": False, "error": said, "errorCode": "INVALID_FORMAT", "details": {"upload": str(upload.pk)}
    }  # fmt: skip
    assert as_(ana).get(f"/api/v1/uploads/{upload.pk}?shape=result").json() == answer.json()


def test_a_store_that_fails_is_told_with_details(as_, ana, monkeypatch):
    """S0-21."""
    monkeypatch.setattr(storage, "put", lambda *a, **k: (_ for _ in ()).throw(storage.StorageFailed(tries=3)))
    body = send(as_(ana), audio("wav")).json()
    assert (body["success"], body["errorCode"], body["details"]["tries"]) == (False, "STORAGE_FAILED", 3)


def test_a_missing_file_and_a_stranger_are_told_in_the_same_shape(as_, ana):
    for client, code in ((as_(ana), "INVALID"), (as_(None), "SIGN_IN_REQUIRED")):
        body = client.post("/api/v1/uploads?shape=result", {}, format="multipart").json()
        assert (body["success"], body["errorCode"]) == (False, code)


def test_a_replacement_is_told_like_that_too(as_, ana):
    track = make_playable(ana)
    body = send(as_(ana), audio("flac", 3.0, seed=9), f"/api/v1/tracks/{track.pk}/audio?shape=result").json()
    assert (body["success"], body["track"]["id"]) == (True, str(track.pk))


def test_who_may_not_see_the_track_is_told_of_the_upload_without_it(as_, ana, mod):
    """Staff who changed it may be staff no more."""
    track = make_playable(ana, is_public=False)
    path = f"/api/v1/tracks/{track.pk}/audio?shape=result"
    assert send(as_(mod), audio("flac", 3.0, seed=9), path).json()["track"]["id"] == str(track.pk)
    RoleGrant.objects.filter(user=mod).delete()
    answer = as_(mod).get(f"/api/v1/uploads/{Upload.objects.get().pk}?shape=result")
    assert answer.status_code == 200
    assert answer.json() == {"success": True, "message": "Track uploaded"}


def test_who_does_not_ask_gets_the_upload_itself(as_, ana):
    assert "success" not in send(as_(ana), audio("wav"), "/api/v1/uploads").json()
    assert "results" in as_(ana).get("/api/v1/uploads?shape=result").json()


def test_twins_get_the_same_answer_to_the_byte(as_, ana, bob):
    """Whether a stranger has these bytes shows in no answer, also when everything is made of theirs."""
    told = []
    for person in (ana, bob):
        sent = send(as_(person), audio("wav"), "/api/v1/uploads")
        actions.compress(Upload.objects.get(pk=sent.json()["id"]))
        seen = as_(person).get(f"/api/v1/uploads/{sent.json()['id']}")
        told.append([said(answer) for answer in (sent, seen)])
    assert told[0] == told[1]
    assert [json.loads(text)["state"] for _, text, _ in told[0]] == ["checked", "ready"]


def said(answer) -> tuple[int, bytes, list[str]]:
    """All of it but whose it is and when it was."""
    text = answer.content
    for name in VARYING:
        text = text.replace(str(answer.json()[name]).encode(), name.encode())
    return answer.status_code, text, sorted(answer.headers)
