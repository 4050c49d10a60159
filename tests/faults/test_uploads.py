"""Files and moments that are against us, through the doors: polyglots, bombs, names, full disks, stores that fail."""

import gzip
import io
import os
import re
import resource
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.accounts import departure
from apps.accounts.chapters import CHAPTERS
from apps.catalog import derive, sweeper
from apps.catalog.models import Blob, Track, TrackFile
from apps.lib import clock, storage
from apps.lib.errors import Refusal
from apps.uploads import actions, intake, quota, tasks
from apps.uploads.models import Check, Upload
from tests.lib.made import make_bytes, make_tag_bomb
from tests.lib.threads import side_by_side
from tests.make import audio, make_user, tagged
from tests.uploads.test_api import send
from tests.uploads.test_api_tus import Tus
from tests.uploads.test_checking import make_received

pytestmark = pytest.mark.django_db(transaction=True)

SONG = audio("mp3", 1.0)
IDS = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
OF_ONE = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+Z|'\"[0-9a-f]{32}\"'")  # times, and ETags made of bodies with ids


def zipped(data: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr("song.mp3", data)
    return out.getvalue()


# --- Files that are several things (D1, D4, F6) ------------------------------------------------------------------
PAGE = b"<!doctype html><script>alert(1)</script>"
REFUSED = {
    "page before the song": PAGE + SONG,
    "picture before the song": make_bytes("png") + SONG,
    "gzip of the song": gzip.compress(SONG),
    "gzip bomb": gzip.compress(bytes(50_000_000)),
    "zip of the song": zipped(SONG),
    "list behind a riff header": b"RIFF\x24\x00\x00\x00WAVE#EXTM3U\n#EXTINF:4,\n/etc/hostname\n",
    "list behind a tag": b"ID3\x04\x00\x00\x00\x00\x00\x14" + bytes(20) + b"ffconcat version 1.0\nfile /etc/hostname\n",
    "flac of nothing": b"fLaC" + b"\x80\x00\x00\x22" + bytes(34),
}
ADMITTED = {
    "page in a comment": (tagged(audio("flac"), "flac", title="x", comment=PAGE.decode()), "audio/flac"),
    "page behind the song": (audio("wav") + PAGE, "audio/wav"),
    "zip behind the song": (audio("wav") + zipped(b"x"), "audio/wav"),
}


def below(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_something_else_is_refused_and_writes_nowhere(as_, ana, kind):
    before = below(settings.SPOOL)
    answer = send(as_(ana), REFUSED[kind], "song.mp3")
    assert answer.status_code in (415, 422), answer.content
    assert answer.json()["code"] in ("INVALID_FORMAT", "MEDIA_UNREADABLE")
    assert below(settings.SPOOL) <= before and not Blob.objects.exists()
    assert quota.standing(ana).used == 0


@pytest.mark.parametrize("kind", ADMITTED)
def test_what_is_also_something_else_is_served_as_sound_alone(as_, ana, kind):
    data, mime = ADMITTED[kind]
    answer = send(as_(ana), data, "page.html", "text/html")
    if answer.status_code == 201:
        served = as_(ana).get(f"/api/v1/tracks/{answer.json()['track']}/stream")
        assert (served["Content-Type"], served["X-Content-Type-Options"]) == (mime, "nosniff")
    else:
        assert answer.json()["code"] in ("INVALID_FORMAT", "MEDIA_UNREADABLE")


@pytest.mark.parametrize(
    "cover",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>", PAGE, gzip.compress(make_bytes("png")),
        make_bytes("png")[:60], make_bytes("png") + bytes(5 * 1024 * 1024), b"\x89PNG\r\n\x1a\n" + b"\xff" * 5000,
    ],
)  # fmt: skip
def test_a_bad_cover_costs_the_cover_alone(as_, ana, cover):
    answer = send(as_(ana), tagged(SONG, cover=cover))
    assert (answer.status_code, answer.json()["state"]) == (201, "checked")
    assert all(row.blob.mime == "image/webp" for row in TrackFile.objects.filter(role="cover"))


def test_a_tag_bomb_in_pieces_costs_its_tags_alone(as_, ana):
    data = make_tag_bomb() + SONG
    tus = Tus(as_(ana))
    where = tus.begun(len(data))
    assert tus.send(where, data, 0).status_code == 204
    tasks.sweep()
    assert Upload.objects.get().state == "checked" and Track.objects.get().title == "Blue Hour"


# --- Names and words (E1, E3) ------------------------------------------------------------------------------------
HOSTILE = ["a\r\nSet-Cookie: x=1", "\u202egpm.exe", "<img src=x onerror=alert(1)>", '"; filename="x.exe', "x" * 10_000,
           "\ufffe\uffff", "%0d%0aX: y", "\u200b", "../../etc/passwd"]  # fmt: skip


@pytest.mark.parametrize("word", HOSTILE)
def test_hostile_words_in_tags_and_names_are_words(as_, ana, word):
    client = as_(ana)
    answer = send(client, tagged(SONG, TIT2=word, TPE1=word, TCON=word), f"{word}.mp3")
    assert answer.status_code == 201, answer.content
    track = Track.objects.get()
    assert 1 <= len(track.title) <= 255 and not set("\r\n\x00\u202e") & set(track.title + track.artist + track.genre)
    served = client.get(f"/api/v1/tracks/{track.pk}/stream")
    assert served.status_code == 200 and not set("\r\n") & set(str(served.headers))
    page = client.get(f"/tracks/{track.pk}").content.decode()
    assert "<img src=x" not in page and client.get("/uploads").status_code == 200


def test_tags_with_nul_and_half_characters_are_read_past(as_, ana):
    comments = {"title": "a\x00b", "artist": "\x00"}
    answer = send(as_(ana), tagged(audio("flac"), "flac", **comments), "song.flac")
    assert answer.status_code == 201 and Track.objects.get().title == "a b"


# --- Disks that are full (F17) -----------------------------------------------------------------------------------
@contextmanager
def no_room_beyond(size: int) -> Iterator[None]:
    """No file of this process grows further, as on a full disk."""
    usual = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, usual[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, usual)


def test_a_disk_that_is_full_while_a_form_comes_in_refuses_it_and_gives_back(as_, ana):
    with no_room_beyond(100_000):
        refused = send(as_(ana), audio("wav"))
        page = as_(ana).post("/upload", {"file": SimpleUploadedFile("a.wav", audio("wav"))})
    assert (refused.status_code, refused.json()["code"], page.status_code) == (507, "DISK_FULL", 507)
    assert quota.standing(ana).used == 0 and not Track.objects.exists()
    assert send(as_(ana), audio("wav")).status_code == 201


def test_a_disk_that_is_full_while_another_form_comes_in_is_told_in_words(ana):
    """Whoever looks for the token in the form reads it before any view does."""
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    with no_room_beyond(100_000):
        page = client.post("/account/avatar", {"file": SimpleUploadedFile("a.png", bytes(300_000))})
    assert page.status_code == 507 and b"no room" in page.content


def test_a_disk_that_is_full_while_a_piece_comes_in_keeps_what_came(as_, ana):
    tus, data = Tus(as_(ana)), audio("wav")
    where = tus.begun(len(data))
    with no_room_beyond(100_000):
        assert tus.send(where, data, 0).status_code == 507
    at = tus.offset(where)
    assert 0 < at <= 100_000 and tus.send(where, data[at:], at).status_code == 204
    tasks.sweep()
    assert Upload.objects.get().state == "checked"


def test_bytes_that_the_disk_did_not_take_count_no_more(as_, ana, monkeypatch):
    """The kernel says so once: synced again they would look well."""
    tus, data, real = Tus(as_(ana)), audio("wav"), os.fsync
    where = tus.begun(len(data))
    assert tus.send(where, data[:1000], 0).status_code == 204
    failures = [OSError(5, "Input/output error")]
    monkeypatch.setattr(os, "fsync", lambda handle: (_ for _ in ()).throw(failures.pop()) if failures else real(handle))
    assert tus.send(where, data[1000:], 1000).status_code == 507
    assert tus.offset(where) == 0 and tus.send(where, data, 0).status_code == 204
    tasks.sweep()
    assert Upload.objects.get().state == "checked"


def test_a_disk_that_is_full_while_storing_is_tried_again_until_there_is_room(ana, monkeypatch):
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    upload = make_received(ana, audio("wav"))
    # What somebody may still write to is stored as a copy, for which there is no room.
    with intake.spooled(upload).open("ab"), no_room_beyond(100_000):
        tasks.sweep()
    row = Check.objects.get()
    assert (row.state, row.error_code) == ("retrying", "STORAGE_FAILED")
    assert not Blob.objects.exists() and quota.standing(ana).used == upload.size_bytes
    Check.objects.update(next_at=clock.now())
    tasks.sweep()
    assert Upload.objects.get().state == "checked"


# --- Stores that fail (S0-20, S0-21) -----------------------------------------------------------------------------
@pytest.fixture
def broken_store():
    """A store whose folder cannot be made; gives the function that mends it."""
    stands = Path(settings.STORAGES["blobs"]["OPTIONS"]["location"]) / "blobs"
    there = stands.rename(stands.with_name("away")) if stands.exists() else None
    stands.parent.mkdir(parents=True, exist_ok=True)
    stands.write_bytes(b"")

    def mend() -> None:
        if stands.is_file():
            stands.unlink()
            if there:
                there.rename(stands)

    yield mend
    mend()


def test_a_store_that_fails_twice_is_asked_a_third_time(as_, ana, broken_store, monkeypatch):
    waited = []
    monkeypatch.setattr(storage, "pause", lambda seconds: waited.append(seconds) or len(waited) == 2 and broken_store())
    assert send(as_(ana), SONG).status_code == 201 and waited == [1.0, 1.0]


def test_a_store_that_fails_thrice_is_told_with_what_to_do_and_the_next_try_succeeds(
    as_, ana, broken_store, monkeypatch
):
    waited = []
    monkeypatch.setattr(storage, "pause", waited.append)
    refused = send(as_(ana), SONG)
    assert (refused.status_code, refused.json()["code"], waited) == (503, "STORAGE_FAILED", [1.0, 1.0])
    told = as_(ana).get(f"/api/v1/uploads/{refused.json()['upload']}").json()
    assert (told["state"], told["error_code"]) == ("refused", "STORAGE_FAILED")
    assert told["progress"]["advice"] == "Nothing is wrong with your file. Try again in a few minutes."
    assert quota.standing(ana).used == 0
    broken_store()
    assert send(as_(ana), SONG).status_code == 201


# --- The same bytes (S0-29, B7) ----------------------------------------------------------------------------------
def answers(client, data: bytes) -> list[bytes]:
    """Everything that somebody learns of their upload, without what is of this one alone."""
    sent = send(client, data, title="Night")
    upload, track = sent.json()["id"], sent.json()["track"]
    actions.compress(Upload.objects.get(pk=upload))
    told = [sent] + [client.get(f"/api/v1/{path}") for path in (f"uploads/{upload}", f"tracks/{track}", "me/quota")]
    told.append(client.get(f"/api/v1/uploads/{upload}", {"shape": "result"}))
    heads = [str(sorted(answer.headers.items())).encode() for answer in told]
    return [OF_ONE.sub(b"T", IDS.sub(b"I", part)) for part in [answer.content for answer in told] + heads]


def test_twins_get_the_same_answers_whoever_was_first(as_):
    people = [make_user(name) for name in ("anna", "bert", "cora")]
    first, second, third = (
        [part.replace(user.profile.username.encode(), b"U") for part in answers(as_(user), SONG)] for user in people
    )
    assert first == second == third and Blob.objects.filter(files__role="original").distinct().count() == 1


def test_a_second_upload_that_fails_after_storing_leaves_the_first_ones_bytes(ana, bob):
    mine = actions.receive(user=ana, content=io.BytesIO(SONG), file_name="a.mp3")
    with pytest.raises(Refusal) as refused:
        actions.receive(user=bob, content=io.BytesIO(SONG), file_name="a.mp3", tempo="-4")
    assert refused.value.code == "INVALID" and not Track.objects.filter(owner=bob).exists()
    for days in (0, 10):
        sweeper.sweep(now=clock.now() + days * sweeper.KEPT)
    with mine.track.file("original").blob.open() as kept:
        assert kept.read() == SONG
    assert [derive.run(row) for row in derive.claim(limit=5)] == [True]


# --- At once (F21, F23) ------------------------------------------------------------------------------------------
def test_twenty_who_say_one_thing_at_once_begin_one_upload(as_, ana):
    def begin():
        return Tus(as_(ana)).begin(Idempotency_Key="one")

    told = side_by_side(*[begin] * 20)
    assert {answer.status_code for answer in told} <= {201, 409} and Upload.objects.count() == 1
    bodies = [answer.json() for answer in told if answer.status_code == 201]
    assert bodies and all(body == bodies[0] for body in bodies)
    assert begin().json()["id"] == str(Upload.objects.get().pk) and quota.standing(ana).used == len(audio("wav"))


def test_no_byte_more_than_the_day_has_begins_through_the_door(as_, ana):
    told = side_by_side(*[lambda: Tus(as_(ana)).begin(30_000_000)] * 20)
    assert sorted(answer.status_code for answer in told) == [201] * 3 + [413] * 17
    assert quota.standing(ana).used == 90_000_000


# --- Who leaves ----------------------------------------------------------------------------------------------------
def test_who_leaves_with_uploads_under_way_leaves_nothing_of_them(as_, ana, bob):
    kept = make_received(bob, audio("wav", 0.5))
    tus = Tus(as_(ana))
    where = tus.begun(len(SONG))
    tus.send(where, SONG[:5000], 0)
    make_received(ana, SONG)
    retrying = make_received(ana, b"x" * 10)
    Check.objects.filter(upload=retrying).update(state="retrying")
    (chapter,) = (each for each in CHAPTERS if each.name == "uploads")
    assert [row["state"] for row in chapter.rows(ana)] == ["receiving", "received", "received"]
    departure.part(user=ana, tracks="remove")
    assert list(Upload.objects.all()) == [kept] and Check.objects.count() == 1
    left = below(settings.SPOOL / "uploads")
    assert intake.spooled(kept).name in left and where.rpartition("/")[2] not in left
    tasks.sweep()
    assert Track.objects.get().owner == bob and quota.standing(bob).used == kept.size_bytes
