"""`/api/v1/uploads/direct`: announced here, sent to the store, completed here."""

import hashlib

import httpx
import pytest
from rest_framework.test import APIClient

from apps.accounts.models import IdempotentAnswer
from apps.lib.storage_url import backend_from_url
from apps.uploads import checking
from apps.uploads.models import Upload
from tests.make import audio, make_key, make_track

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture(autouse=True)
def bucket(settings, object_store):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}


def song() -> bytes:
    return audio("mp3")


def begin(client, data=None, status=201, headers=None, **more):
    body = {"file_name": "Blue Hour.mp3", "size_bytes": len(song() if data is None else data), **more}
    answer = client.post("/api/v1/uploads/direct", body, format="json", headers=headers)
    assert answer.status_code == status, answer.content
    return answer.json()


def put(part, data):
    answer = httpx.put(part["url"], content=data, headers=part["headers"], trust_env=False)
    assert answer.status_code == 200, answer.text
    return {"number": part["number"], "etag": answer.headers["ETag"]}


def post(client, upload, what, body, status=200):
    answer = client.post(f"/api/v1/uploads/{upload['id']}/{what}", body, format="json")
    assert answer.status_code == status, answer.content
    return answer.json()


def checked(upload):
    row = Upload.objects.get(pk=upload["id"])
    (check,) = checking.claim(limit=1, upload=row)
    return checking.run(check)


def test_a_file_goes_straight_to_the_store_and_becomes_a_track(as_, ana):
    client = as_(ana)
    upload = begin(client, title="Blue", tags=["dub"], sha256=hashlib.sha256(song()).hexdigest())
    assert (upload["state"], upload["part_bytes"], upload["part_count"]) == ("receiving", 8 * 1024 * 1024, 1)
    sent = [put(part, song()) for part in upload["parts"]]
    assert post(client, upload, "complete", {"parts": sent})["state"] == "received"
    assert checked(upload)
    body = client.get(f"/api/v1/uploads/{upload['id']}").json()
    assert (body["state"], body["sha256"]) == ("checked", hashlib.sha256(song()).hexdigest())
    track = client.get(f"/api/v1/tracks/{body['track']}").json()
    assert (track["title"], track["tags"]) == ("Blue", ["dub"])


def test_a_key_for_uploads_is_enough_and_one_for_reading_is_not(ana):
    for scope, status in (("upload", 201), ("read", 403)):
        begin(APIClient(headers={"Authorization": f"Bearer {make_key(ana, scope)}"}), status=status)


def test_parts_with_checksums_are_asked_for_one_by_one(as_, ana):
    client = as_(ana)
    upload = begin(client, checksums=True)
    assert (upload["part_checksums"], upload["parts"]) == (True, [])
    assert post(client, upload, "parts", {"parts": [{"number": 1}]}, status=400)["code"] == "INVALID"
    wanted = {"parts": [{"number": 1, "sha256": hashlib.sha256(song()).hexdigest()}]}
    answer = post(client, upload, "parts", wanted)
    assert answer["arrived"] == []
    sent = put(answer["parts"][0], song())
    assert post(client, upload, "parts", {"parts": []})["arrived"] == [
        {"number": 1, "size": len(song()), "etag": sent["etag"].strip('"')}
    ]
    assert post(client, upload, "complete", {})["state"] == "received"


@pytest.mark.parametrize(
    ("size", "status", "code"), [(0, 400, "EMPTY_FILE"), (-1, 400, "EMPTY_FILE"), (50 * 1024 * 1024 + 1, 413, "FILE_TOO_LARGE")]
)  # fmt: skip
def test_a_size_is_refused_before_a_byte_is_sent(as_, ana, size, status, code):
    assert begin(as_(ana), size_bytes=size, status=status)["code"] == code
    assert not Upload.objects.exists()


def test_what_does_not_fit_the_day_is_refused(as_, ana, settings):
    settings.UPLOAD_QUOTA = {**settings.UPLOAD_QUOTA, "free": len(song())}
    begin(as_(ana))
    assert begin(as_(ana), status=413)["code"] == "QUOTA_EXCEEDED"


def test_without_a_bucket_it_says_what_to_do(as_, ana, settings, tmp_path):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}")}
    body = begin(as_(ana), status=409)
    assert body["code"] == "DIRECT_UNAVAILABLE" and "/api/v1/uploads/tus" in body["detail"]


def test_nobody_else_sends_completes_or_ends_it(as_, ana, bob):
    upload = begin(as_(ana))
    for what in ("parts", "complete"):
        post(as_(bob), upload, what, {"parts": []}, status=404)
    assert as_(bob).delete(f"/api/v1/uploads/{upload['id']}").status_code == 404


def test_an_end_frees_the_quota_once(as_, ana):
    client = as_(ana)
    upload = begin(client)
    address = f"/api/v1/uploads/{upload['id']}"
    assert client.delete(address).status_code == 204
    assert client.get("/api/v1/me/quota").json()["used"] == 0
    assert client.delete(address).status_code == 410
    assert post(client, upload, "complete", {}, status=410)["code"] == "TERMINATED"


def test_a_repeated_beginning_is_one_upload_with_fresh_links_that_are_not_kept(as_, ana):
    client = as_(ana)
    first, second = (begin(client, headers={"Idempotency-Key": "k1"}) for _ in range(2))
    assert first["id"] == second["id"] and len(second["parts"]) == 1
    assert "X-Amz-Signature" not in str(IdempotentAnswer.objects.get().body)
    put(second["parts"][0], song())
    post(client, second, "complete", {})
    assert begin(client, headers={"Idempotency-Key": "k1"})["parts"] == []


def test_a_track_of_ones_own_gets_another_sound_and_nobody_elses_does(as_, ana, bob):
    mine, theirs = make_track(ana), make_track(bob, is_public=True)
    assert Upload.objects.get(pk=begin(as_(ana), replaces=str(mine.pk))["id"]).replaces == mine
    begin(as_(ana), replaces=str(theirs.pk), status=403)


def test_nothing_typed_reaches_the_store(as_, ana):
    upload = begin(as_(ana), file_name="../../blobs/\r\nx‮.mp3" + "x" * 5000, content_type="../\r\n")
    assert f"/incoming/{upload['id']}?" in upload["parts"][0]["url"]
    assert upload["file_name"].startswith("x.mp3")


@pytest.mark.parametrize(
    "body",
    [{"parts": "x"}, {"parts": [1]}, {"parts": [{"number": "\x00"}]}, {"parts": [{"number": 10**30}]},
     {"parts": [{"number": 1, "sha256": "Ä" * 64}]}, {"parts": [{"number": 1}] * 101}, []],
)  # fmt: skip
def test_nonsense_is_refused(as_, ana, body):
    post(as_(ana), begin(as_(ana)), "parts", body, status=400)


@pytest.mark.parametrize("etag", ["", "x" * 201, "\x00", None, {}])
def test_a_strange_etag_is_refused(as_, ana, etag):
    client = as_(ana)
    upload = begin(client)
    put(upload["parts"][0], song())
    post(client, upload, "complete", {"parts": [{"number": 1, "etag": etag}]}, status=400)


def test_a_bucket_that_is_gone_is_told_as_a_fault_of_ours(as_, ana, settings, tmp_path):
    upload = begin(as_(ana))
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}")}
    for what in ("parts", "complete"):
        assert post(as_(ana), upload, what, {"parts": []}, status=503)["code"] == "STORAGE_FAILED"
    assert as_(ana).delete(f"/api/v1/uploads/{upload['id']}").status_code == 204


def test_only_what_goes_to_the_store_ends_here(as_, ana):
    upload = Upload.objects.get(pk=begin(as_(ana))["id"])
    Upload.objects.filter(pk=upload.pk).update(way="tus")
    assert as_(ana).delete(f"/api/v1/uploads/{upload.pk}").status_code == 409
