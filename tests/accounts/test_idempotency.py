"""Rule 7: a write said again is done once."""

import datetime as dt
import threading

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.utils import timezone

from apps.accounts import idempotency, tasks
from apps.accounts.models import IdempotentAnswer
from apps.catalog.models import Track
from apps.uploads.models import Upload
from tests.make import audio


def upload(client, key: str, form: str = "mp3"):
    file = SimpleUploadedFile("a.mp3", audio(form), content_type="audio/mpeg")
    return client.post("/api/v1/uploads", {"file": file}, format="multipart", headers={"Idempotency-Key": key})


@pytest.mark.django_db
def test_a_repeated_upload_is_the_first_one(as_, ana, bob):
    first, again = upload(as_(ana), "k1"), upload(as_(ana), "k1")
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json() and again["Idempotent-Replayed"] == "true"
    assert Upload.objects.count() == Track.objects.count() == 1
    assert upload(as_(bob), "k1").json()["id"] != first.json()["id"], "a key is its person's"
    assert upload(as_(ana), "k2").json()["id"] != first.json()["id"]


@pytest.mark.django_db
def test_one_key_for_two_requests_is_refused(as_, ana):
    upload(as_(ana), "k1")
    refused = upload(as_(ana), "k1", form="wav")
    assert (refused.status_code, refused.json()["code"]) == (422, "IDEMPOTENCY_MISMATCH")


@pytest.mark.django_db
@pytest.mark.parametrize("key", ["x" * 201, "a\tb"])
def test_a_malformed_key_is_400(as_, ana, key):
    assert upload(as_(ana), key).status_code == 400


@pytest.mark.django_db
def test_a_refusal_is_not_kept_so_that_it_can_be_put_right(as_, ana):
    bad = {"file": SimpleUploadedFile("a.mp3", b"words")}
    headers = {"Idempotency-Key": "k1"}
    assert as_(ana).post("/api/v1/uploads", bad, format="multipart", headers=headers).status_code == 415
    assert upload(as_(ana), "k1").status_code == 201


@pytest.mark.django_db(transaction=True)
def test_twenty_at_once_are_one(as_, ana, settings):
    """F23: one row, twenty equal answers; for whoever may have so many under way."""
    settings.UPLOADS_AT_ONCE = 20
    audio("mp3")
    answers = []

    def say() -> None:
        answers.append(upload(as_(ana), "k1").json()["id"])
        connection.close()

    threads = [threading.Thread(target=say) for _ in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 20 and len(set(answers)) == 1 and Upload.objects.count() == 1


@pytest.mark.django_db
def test_answers_are_forgotten_after_two_days(as_, ana):
    upload(as_(ana), "k1")
    assert tasks.tidy() == 0
    assert idempotency.forget(now=timezone.now() + dt.timedelta(days=2, seconds=1)) == 1
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db
def test_every_value_of_a_list_counts(as_, ana):
    def send(*tags):
        body = {"file": SimpleUploadedFile("a.mp3", audio("mp3")), "tags": list(tags)}
        return as_(ana).post("/api/v1/uploads", body, format="multipart", headers={"Idempotency-Key": "k1"})

    assert send("one", "z").status_code == 201
    assert send("two", "z").json()["code"] == "IDEMPOTENCY_MISMATCH"


@pytest.mark.django_db
@pytest.mark.parametrize("body", ["[]", "null", "3", '"x"'])
def test_a_body_that_is_no_object_is_400_under_a_key_too(as_, ana, body):
    headers = {"Idempotency-Key": "k1"}
    for _ in range(2):
        refused = as_(ana).generic("POST", "/api/v1/tracks", body, content_type="application/json", headers=headers)
        assert refused.status_code == 400
    assert not IdempotentAnswer.objects.exists()


@pytest.mark.django_db
def test_what_broke_off_is_not_done_again_unasked(as_, ana):
    upload(as_(ana), "k1")
    IdempotentAnswer.objects.update(http_status=None, body=None)
    refused = upload(as_(ana), "k1")
    assert (refused.status_code, refused.json()["code"]) == (409, "IDEMPOTENCY_INTERRUPTED")
    assert Upload.objects.count() == 1


@pytest.mark.django_db(transaction=True)
def test_a_repetition_does_not_wait_for_ever(as_, ana, monkeypatch):
    monkeypatch.setattr(idempotency, "PATIENCE_S", 0.1)
    holding, over = threading.Event(), threading.Event()

    def hold() -> None:
        with idempotency._alone(f"{ana.pk}:k1"):
            holding.set()
            over.wait(10)
        connection.close()

    thread = threading.Thread(target=hold)
    thread.start()
    holding.wait(10)
    refused = upload(as_(ana), "k1")
    over.set()
    thread.join()
    assert (refused.status_code, refused.json()["code"]) == (409, "IN_PROGRESS")
