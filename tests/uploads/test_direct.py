"""Files straight into the bucket: real links of a real S3 server, then the same check as of any other upload."""

import datetime as dt
import functools
import hashlib
import io
import os
import wave
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection
from django.utils import timezone

from apps.catalog.models import Blob, Track
from apps.lib import multipart, storage
from apps.lib.errors import Refusal
from apps.lib.storage_url import backend_from_url
from apps.uploads import checking, direct, intake, quota, tasks
from apps.uploads.models import Check, Upload
from tests.make import audio

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
HOUR = dt.timedelta(hours=1)


@pytest.fixture(autouse=True)
def bucket(settings, object_store):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch):
    monkeypatch.setattr(storage, "pause", lambda seconds: None)


@functools.cache
def song() -> bytes:
    """Two parts of sound: the same bars over and over."""
    out = io.BytesIO()
    with wave.open(io.BytesIO(audio("wav"))) as bars, wave.open(out, "wb") as made:
        made.setparams(bars.getparams())
        frames = bars.readframes(bars.getnframes())
        made.writeframes(frames * (multipart.LEAST_PART // len(frames) + 1))
    return out.getvalue()


def begin(user, data, **more):
    return direct.begin(user=user, size=len(data), file_name="Blue Hour.wav", **more)


def send(upload, data, *numbers, checksums=False):
    """PUT these parts, or all of them, as a client does; their ETags by number."""
    each, etags = multipart.part_size(len(data)), {}
    for number in numbers or multipart.sizes(len(data)):
        part = data[(number - 1) * each :][:each]
        said = hashlib.sha256(part).hexdigest() if checksums else ""
        (link,) = direct.links(upload, {number: said})
        answer = httpx.put(link.url, content=part, headers=link.headers, trust_env=False)
        assert answer.status_code == 200, answer.text
        etags[number] = answer.headers["ETag"]
    return etags


def whole(user, data, **more):
    upload = begin(user, data, **more)
    return direct.complete(upload, send(upload, data))


def check(upload):
    (row,) = checking.claim(limit=1, upload=upload)
    settled = checking.run(row)
    upload.refresh_from_db()
    return settled


def in_bucket(upload):
    """What the bucket has of it."""
    return [each.multipart_id or "joined" for each in multipart.lying() if each.name == str(upload.pk)]


def refused(code, action, *args, **kwargs):
    with pytest.raises(Refusal) as refusal:
        action(*args, **kwargs)
    assert refusal.value.code == code
    return refusal.value


def test_parts_become_a_playing_track_and_leave_nothing_behind(ana):
    upload = whole(ana, song(), title="Blue", genre="Dub")
    assert (upload.state, upload.sha256, upload.received_bytes) == ("received", "", len(song()))
    assert in_bucket(upload) == ["joined"]
    assert check(upload)
    sha256 = hashlib.sha256(song()).hexdigest()
    assert (upload.state, upload.sha256, upload.track.title, upload.track.genre) == ("checked", sha256, "Blue", "Dub")
    blob = Blob.objects.get(files__track=upload.track, files__role="original")
    assert blob.sha256 == sha256
    with blob.open() as kept:
        assert kept.read() == song()
    assert in_bucket(upload) == [] and upload.multipart_id == ""
    assert not intake.spooled(upload).exists()


def test_parts_may_carry_checksums(ana):
    upload = begin(ana, song(), checksums=True)
    assert upload.part_checksums
    refused("INVALID", direct.links, upload, {1: ""})
    etags = send(upload, song(), checksums=True)
    assert check(direct.complete(upload, etags))


def test_the_quota_is_held_from_the_beginning_and_freed_by_an_end(ana):
    upload = begin(ana, song())
    assert quota.standing(ana).used == len(song())
    send(upload, song(), 1)
    direct.end(upload)
    assert quota.standing(ana).used == 0
    assert (upload.state, upload.error_code, in_bucket(upload)) == ("refused", "TERMINATED", [])
    assert refused("TERMINATED", direct.end, upload).status == 410


def test_without_a_bucket_nothing_begins(ana, settings, tmp_path):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}")}
    assert refused("DIRECT_UNAVAILABLE", begin, ana, b"abc").status == 409
    assert not Upload.objects.exists()
    assert direct.sweep() == direct.sweep_bucket() == 0


def test_a_store_that_is_away_holds_no_quota(ana, settings):
    away = backend_from_url("s3://access:hidden@127.0.0.1:1/bucket?secure=0")
    settings.STORAGES = {**settings.STORAGES, "blobs": away}
    refused("STORAGE_FAILED", begin, ana, b"abc")
    assert quota.standing(ana).used == 0
    assert Upload.objects.get().state == "refused"


def test_a_missing_part_is_named_and_sent_later(ana):
    upload = begin(ana, song())
    etags = send(upload, song(), 2)
    assert refused("OFFSET_CONFLICT", direct.complete, upload, etags).extra == {"missing": [1]}
    assert [part.number for part in direct.arrived(upload)] == [2]
    upload.refresh_from_db()
    assert upload.received_bytes == len(song()) - multipart.LEAST_PART
    assert direct.complete(upload, etags | send(upload, song(), 1)).state == "received"


def test_a_part_with_another_etag_is_named(ana):
    upload = begin(ana, song())
    etags = send(upload, song())
    wrong = etags | {2: '"' + "0" * 32 + '"'}
    refusal = refused("CHECKSUM_MISMATCH", direct.complete, upload, wrong)
    assert (refusal.status, refusal.extra) == (422, {"wrong": [2]})
    assert direct.complete(upload, etags).state == "received"


def test_etags_may_be_left_out(ana):
    upload = begin(ana, song())
    send(upload, song())
    assert direct.complete(upload).state == "received"


@pytest.mark.parametrize("number", [0, 3])
def test_there_is_no_link_for_a_part_that_the_file_does_not_have(ana, number):
    refused("INVALID", direct.links, begin(ana, song()), {number: ""})


def test_no_link_outlives_its_upload(ana):
    upload = begin(ana, b"abc")
    (link,) = direct.links(upload, {1: ""}, now=upload.expires_at - dt.timedelta(seconds=90))
    assert "X-Amz-Expires=90" in link.url
    late = {"now": upload.expires_at}
    assert refused("EXPIRED", direct.links, upload, {1: ""}, **late).status == 410
    assert refused("EXPIRED", direct.complete, upload, **late).status == 410


def test_what_became_whole_meanwhile_is_not_ended(ana):
    upload = begin(ana, song())
    meanwhile = Upload.objects.get(pk=upload.pk)
    direct.complete(upload, send(upload, song()))
    refused("CONFLICT", direct.end, meanwhile)
    assert check(upload) and upload.state == "checked"


def test_completing_again_is_harmless(ana):
    upload = whole(ana, song())
    assert direct.complete(upload).state == "received"
    assert Check.objects.filter(upload=upload).count() == 1
    refused("CONFLICT", direct.end, upload)
    refused("CONFLICT", direct.links, upload, {1: ""})


def test_who_joined_the_parts_and_died_is_gone_on_from(ana):
    upload = begin(ana, song())
    send(upload, song())
    multipart.join(str(upload.pk), upload.multipart_id, direct.arrived(upload))
    assert check(direct.complete(upload))


@pytest.mark.django_db(transaction=True)
def test_ten_at_once_complete_it_once(ana):
    upload = begin(ana, song())
    send(upload, song())

    def complete(_):
        try:
            return direct.complete(Upload.objects.get(pk=upload.pk)).state
        finally:
            connection.close()

    with ThreadPoolExecutor(10) as pool:
        assert set(pool.map(complete, range(10))) == {"received"}
    assert Check.objects.filter(upload=upload).count() == 1


def test_another_file_than_announced_is_refused_and_refunded(ana):
    upload = whole(ana, song(), announced_sha256="0" * 64)
    assert not check(upload)
    assert (upload.state, upload.error_code) == ("refused", "CHECKSUM_MISMATCH")
    assert quota.standing(ana).used == 0 and not Track.objects.exists()


def test_what_is_no_music_is_refused_and_swept(ana):
    upload = whole(ana, os.urandom(2000))
    assert not check(upload)
    assert (upload.state, upload.error_code) == ("refused", "INVALID_FORMAT")
    tasks.sweep()
    assert in_bucket(upload) == [] and not intake.spooled(upload).exists()


def test_a_store_that_is_away_during_the_check_loses_nothing(ana, settings, object_store):
    upload = whole(ana, song())
    away = backend_from_url("s3://access:hidden@127.0.0.1:1/bucket?secure=0")
    settings.STORAGES = {**settings.STORAGES, "blobs": away}
    assert not check(upload)
    row = Check.objects.get(upload=upload)
    assert (upload.state, row.state, row.error_code) == ("received", "retrying", "STORAGE_FAILED")
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(object_store)}
    (row,) = checking.claim(limit=1, upload=upload, now=timezone.now() + HOUR)
    assert checking.run(row)


def test_what_was_fetched_is_not_fetched_again(ana):
    upload = whole(ana, song())
    path = direct.at_hand(upload)
    multipart.remove(str(upload.pk))
    assert direct.at_hand(Upload.objects.get(pk=upload.pk)) == path
    path.unlink()
    with pytest.raises(FileNotFoundError):
        direct.at_hand(upload)


def test_a_track_that_is_there_is_a_success_and_clears_the_bucket(ana):
    first, second = whole(ana, song()), whole(ana, song())
    assert check(first) and check(second)
    assert (second.state, second.is_duplicate, second.track) == ("ready", True, first.track)
    assert in_bucket(second) == []


def test_what_expired_is_swept_out_of_the_bucket(ana):
    upload = begin(ana, song())
    send(upload, song(), 1)
    assert direct.sweep() == 0
    assert intake.expire(upload.expires_at) == 1
    assert direct.sweep() == 1
    assert in_bucket(upload) == []
    upload.refresh_from_db()
    assert upload.multipart_id == "" and direct.sweep() == 0


def test_the_bucket_is_swept_of_what_no_upload_knows(ana, settings):
    """What waits to be checked or to be sent stays; a stranger's has as long as an upload may take."""
    received, waiting, gone = whole(ana, b"abc"), begin(ana, b"abc"), whole(ana, b"abc")
    stale, _ = multipart.begin(str(received.pk))
    left = begin(ana, b"abc")
    Upload.objects.filter(pk__in=[gone.pk, left.pk]).delete()
    direct.sweep_bucket()
    assert in_bucket(gone) == ["joined"] and in_bucket(left) == [left.multipart_id]
    assert sorted(in_bucket(received)) == sorted(["joined", stale])
    direct.sweep_bucket(now=timezone.now() + settings.UPLOAD_EXPIRES + 2 * HOUR)
    assert in_bucket(gone) == in_bucket(left) == []
    assert in_bucket(received) == ["joined"] and in_bucket(waiting) == [waiting.multipart_id]


def test_the_bucket_is_swept_of_what_was_joined_after_its_end(ana):
    upload = begin(ana, b"abc")
    send(upload, b"abc")
    multipart.join(str(upload.pk), upload.multipart_id, direct.arrived(upload))
    Upload.objects.filter(pk=upload.pk).update(multipart_id="")
    intake.give_up(upload, "EXPIRED", "Late.")
    tasks.sweep_bucket()
    assert in_bucket(upload) == []
