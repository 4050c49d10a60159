"""`/api/v1/uploads`: real files in, clear refusals out, nothing half-written."""

import os

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog.models import Blob, Change, Track
from apps.lib import spool, storage
from apps.uploads import actions
from apps.uploads.models import Upload
from tests.lib.made import make_tag_bomb
from tests.make import audio, make_key, make_user

pytestmark = pytest.mark.django_db


def send(client, data: bytes, name: str = "song.mp3", declared: str = "audio/mpeg", **fields):
    file = SimpleUploadedFile(name, data, content_type=declared)
    return client.post("/api/v1/uploads", {"file": file, **fields}, format="multipart")


@pytest.mark.parametrize(("form", "mime"), [("wav", "audio/wav"), ("mp3", "audio/mpeg"), ("flac", "audio/flac")])
def test_a_real_file_becomes_a_playing_track_at_once(as_, ana, form, mime):
    """S0-14, S0-19: by content, whatever it is called and declared as."""
    client = as_(ana)
    answer = send(client, audio(form), name="Blue Hour.bin", declared="text/html", genre="Dub")
    assert answer.status_code == 201, answer.content
    body = answer.json()
    assert (body["state"], body["title"], body["size_bytes"]) == ("checked", "Blue Hour", len(audio(form)))
    track = client.get(f"/api/v1/tracks/{body['track']}").json()
    assert (track["status"], track["mime_type"], track["genre"]) == ("ready", mime, "Dub")
    assert track["duration"] == pytest.approx(2.0, rel=0.05 if form == "mp3" else 0.01)
    assert b"".join(client.get(f"/api/v1/tracks/{body['track']}/stream")) == audio(form)


def test_the_worker_makes_the_served_copy_and_the_original_is_kept(as_, ana):
    """S0-05, S0-14: ratio and savings true to the bytes."""
    client = as_(ana)
    upload = Upload.objects.get(pk=send(client, audio("wav"), name="a.wav").json()["id"])
    assert actions.compress(upload).state == "ready"
    track = client.get(f"/api/v1/tracks/{upload.track_id}").json()
    assert track["compression_applied"] is True and track["mime_type"] == "audio/mpeg"
    served = b"".join(client.get(f"/api/v1/tracks/{upload.track_id}/stream"))
    assert len(served) == track["file_size"] < track["original_file_size"] == len(audio("wav"))
    original = Blob.objects.get(files__track=upload.track_id, files__role="original")
    with original.open() as kept:
        assert kept.read() == audio("wav")


def test_what_compression_does_not_help_serves_as_it_came(as_, ana):
    upload = Upload.objects.get(pk=send(as_(ana), audio("mp3")).json()["id"])
    assert actions.compress(upload).state == "ready"
    track = as_(ana).get(f"/api/v1/tracks/{upload.track_id}").json()
    assert (track["compression_applied"], track["compression_ratio"], track["compression_savings"]) == (
        False,
        "1.00",
        0,
    )
    assert track["file_size"] == len(audio("mp3"))


BAD = {
    "text": (b"just some words\n" * 99, 415, "INVALID_FORMAT"),
    "html": (b"<!doctype html><html><body>hi</body></html>" * 20, 415, "INVALID_FORMAT"),
    "hls": (b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\n/etc/hostname\n#EXT-X-ENDLIST\n", 415, "INVALID_FORMAT"),
    "concat": (b"ffconcat version 1.0\nfile /etc/hostname\n", 415, "INVALID_FORMAT"),
    "empty": (b"", 400, "EMPTY_FILE"),
    "truncated wav": (audio("wav")[:9000], 422, "MEDIA_UNREADABLE"),
    "truncated flac": (audio("flac")[: len(audio("flac")) // 2], 422, "MEDIA_UNREADABLE"),
    "too large": (bytes(50 * 1024 * 1024 + 1), 413, "FILE_TOO_LARGE"),
    "51 MiB": (bytes(51 * 1024 * 1024), 413, "FILE_TOO_LARGE"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_gets_its_code_and_leaves_no_track_and_no_bytes(as_, ana, case):
    data, status, code = BAD[case]
    refused = send(as_(ana), data)
    assert (refused.status_code, refused.json()["code"]) == (status, code), refused.content
    assert refused["Content-Type"] == "application/problem+json"
    assert not Track.objects.exists() and not Blob.objects.exists()
    assert all(upload.state == "refused" and upload.error_code == code for upload in Upload.objects.all())


def test_the_refusals_say_what_the_seed_promised(as_, ana):
    """S0-18, S0-19."""
    assert "50MB" in send(as_(ana), BAD["too large"][0]).json()["detail"]
    detail = send(as_(ana), BAD["text"][0]).json()["detail"]
    assert detail == "Invalid audio format. Supported: MP3, WAV, FLAC"


def test_a_tag_bomb_costs_its_tags_and_the_song_plays(as_, ana):
    """1 GiB of text in 1 MiB, before a good song."""
    answer = send(as_(ana), make_tag_bomb() + audio("mp3"))
    assert (answer.status_code, answer.json()["state"]) == (201, "checked")


@pytest.mark.parametrize("fields", [{"title": "x" * 300}, {"title": "a\x00b"}, {"key": "H"}, {"tempo": "fast"}])
def test_bad_words_beside_a_good_file_are_400_and_keep_nothing(as_, ana, fields):
    refused = send(as_(ana), audio("mp3"), **fields)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID"), refused.content
    assert not Track.objects.exists() and not Upload.objects.exists()


def test_a_title_of_blanks_falls_back_to_the_files_name(as_, ana):
    assert send(as_(ana), audio("mp3"), name="Late Ferry.mp3", title="   ").json()["title"] == "Late Ferry"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "a\r\nSet-Cookie: x=1.mp3", "\u202egnp.mp3", "x" * 10_000, "\\\\h\\c"]
)
def test_a_hostile_file_name_is_only_ever_shown_tidied(as_, ana, name):
    answer = send(as_(ana), audio("mp3"), name=name, title="Named")
    assert answer.status_code in (201, 400), answer.content
    for upload in Upload.objects.all():
        assert len(upload.file_name) <= 255
        assert not set("/\\\r\n\u202e") & set(upload.file_name)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", "multipart/form-data; boundary=x"), (b"--x\r\n", "multipart/form-data; boundary=x"),
        (b"{}", "application/json"), (b"x", "multipart/form-data"),
    ],
)  # fmt: skip
def test_a_broken_envelope_is_a_4xx_with_a_code(as_, ana, body, kind):
    refused = as_(ana).generic("POST", "/api/v1/uploads", body, content_type=kind)
    assert 400 <= refused.status_code < 500 and refused.json()["code"]


def test_staff_add_to_the_library_and_free_listeners_get_the_preview(as_, ana, mod):
    """S1-03, S1-05, through the doors."""
    answer = send(as_(mod), audio("wav"), library="true", is_pro_only="true", title="House Theme", artist="The House")
    assert answer.status_code == 201, answer.content
    upload = Upload.objects.get(pk=answer.json()["id"])
    track = upload.track
    assert (track.owner, track.kind, track.artist, track.is_pro_only) == (None, "library", "The House", True)
    assert Change.objects.filter(track=track, action="I").get().by == mod
    assert actions.compress(upload).state == "ready"
    address = f"/api/v1/tracks/{track.pk}"
    for listener in (None, ana):
        client = as_(listener)
        shown, refused = client.get(address).json(), client.get(f"{address}/stream")
        assert shown["file_url"] is None and shown["preview_url"].endswith("/preview") and shown["owner"] is None
        assert (refused.status_code, refused.json()["code"]) == (403, "PRO_ONLY")
        assert len(b"".join(client.get(f"{address}/preview"))) > 1000
    for listener in (make_user(plan="pro"), make_user(plan="enterprise"), mod):
        client = as_(listener)
        assert client.get(f"{address}/stream").status_code == 200
        assert client.get(address).json()["file_url"].endswith("/stream")
    assert as_(make_user(plan="pro")).get("/api/v1/tracks/00000000-0000-7000-8000-000000000000").status_code == 404


def test_only_staff_who_curate_add_to_the_library(as_, ana, mod):
    """A key needs the scope that brings its person's staff rights in."""
    refused = send(as_(ana), audio("mp3"), library="true")
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    client = as_(None)
    for scopes, status in ((["upload"], 403), (["upload", "admin"], 201)):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, *scopes)}")
        assert send(client, audio("mp3"), library="true").status_code == status
    assert Upload.objects.count() == Track.objects.count() == 1


def test_ones_own_track_is_never_for_pro_members_alone(as_, ana):
    refused = send(as_(ana), audio("mp3"), is_pro_only="true")
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")
    assert set(refused.json()["errors"]) == {"is_pro_only"} and not Upload.objects.exists()
    assert send(as_(ana), audio("mp3"), is_pro_only="false", library="false").status_code == 201


def test_uploads_are_their_persons_alone(as_, ana, bob):
    upload = send(as_(ana), audio("mp3")).json()
    assert as_(ana).get(f"/api/v1/uploads/{upload['id']}").status_code == 200
    assert as_(bob).get(f"/api/v1/uploads/{upload['id']}").status_code == 404
    assert as_(bob).get("/api/v1/uploads").json()["results"] == []
    assert as_(None).post("/api/v1/uploads").status_code in (401, 403)


def test_uploading_by_key_needs_the_scope(as_, ana):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, 'read', 'write')}")
    assert send(client, audio("mp3")).status_code == 403
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, 'upload')}")
    assert send(client, audio("mp3")).status_code == 201


@pytest.mark.parametrize(
    ("sent", "public"), [({}, True), ({"is_public": "false"}, False), ({"is_public": "true"}, True)]
)
def test_a_track_is_public_unless_said_otherwise(as_, ana, sent, public):
    """C-11; a form that leaves the switch out says nothing."""
    answer = send(as_(ana), audio("mp3"), **sent)
    assert Track.objects.get(pk=answer.json()["track"]).is_public is public


def test_a_forms_file_is_written_once(as_, ana, monkeypatch):
    """From the wire to the spool; from there on it only gets other names."""
    inodes, opened = [], spool.file

    def noted():
        file = opened()
        inodes.append(os.fstat(file.fileno()).st_ino)
        return file

    monkeypatch.setattr(spool, "file", noted)
    body = send(as_(ana), audio("wav", 0.41), name="song.wav").json()
    (blob,) = Blob.objects.filter(files__track=body["track"], files__role="original")
    assert [storage.local_path(blob.key).stat().st_ino] == inodes
