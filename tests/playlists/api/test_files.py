"""`/playlists/{id}/export`, `/playlists/import`, `/playlists/imports`: files out and in by programs."""

import json
import uuid

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import actions as catalog
from apps.playlists import exporting, importing
from apps.playlists.models import Import, Playlist
from tests.make import make_key, make_playlist, make_track

pytestmark = pytest.mark.django_db

IMPORT, IMPORTS = "/api/v1/playlists/import", "/api/v1/playlists/imports"


def a_file(*tracks: dict, content: bytes = b"", name: str = "list.jspf") -> SimpleUploadedFile:
    content = content or json.dumps({"playlist": {"title": "Theirs", "track": list(tracks)}}).encode()
    return SimpleUploadedFile(name, content)


def refused(answer) -> tuple[int, str]:
    assert answer["Content-Type"] == "application/problem+json"
    return answer.status_code, answer.json()["code"]


def sent(client, *tracks: dict, **body) -> dict:
    answer = client.post(IMPORT, {"file": a_file(*tracks), **body}, format="multipart")
    assert answer.status_code == 201, answer.json()
    return answer.json()


def ours(track) -> dict:
    return {"identifier": f"urn:uuid:{track.pk}"}


@pytest.mark.parametrize("form", exporting.FORMATS)
def test_a_playlist_goes_out_and_comes_in_as_it_was(ana, as_, form):
    tracks = [make_track(ana, title=title) for title in ("b", "a", "c")]
    playlist = make_playlist(ana, *tracks, name='My "Ünï"\r\nlist 🎵')
    out = as_(ana).get(f"/api/v1/playlists/{playlist.pk}/export?format={form}")
    assert out.status_code == 200 and out["Content-Type"].partition(";")[0] == exporting.MIMES[form].partition(";")[0]
    body = {"file": a_file(content=out.content, name=f"x.{form}")}
    imported = as_(ana).post(IMPORT, body, format="multipart").json()
    assert (imported["state"], imported["format"], imported["counts"]["added"]) == ("done", form, 3)
    again = as_(ana).get(f"/api/v1/playlists/{imported['playlist']}").json()
    assert [entry["track_id"] for entry in again["tracks"]] == [str(track.pk) for track in tracks]


@pytest.mark.parametrize("name", ['a"; filename="evil.exe', "a\r\nX-Evil: 1", "Ünï 🎵", "../../etc/passwd", "x" * 255])
def test_the_name_of_a_file_breaks_out_of_no_header(ana, as_, name):
    """RFC 6266."""
    playlist = Playlist.objects.create(owner=ana, name=name)
    answer = as_(ana).get(f"/api/v1/playlists/{playlist.pk}/export")
    said = answer["Content-Disposition"]
    assert said.startswith("attachment; filename") and said.isascii() and "X-Evil" not in answer.headers
    assert "\n" not in said and "/" not in said and said.count('"') in (0, 2)


def test_a_file_has_addresses_whose_access_is_asked_when_they_are_used(ana, bob, as_, client):
    track = make_track(ana, title="Open")
    playlist = make_playlist(ana, track, is_public=True)
    text = client.get(f"/api/v1/playlists/{playlist.pk}/export").content.decode()
    assert f"http://testserver/api/v1/tracks/{track.pk}/stream" in text
    catalog.edit(track=track, by=ana, is_public=False)
    assert client.get(f"/api/v1/tracks/{track.pk}/stream").status_code == 404
    assert str(track.pk) not in client.get(f"/api/v1/playlists/{playlist.pk}/export").content.decode()


def test_exports_are_refused_as_the_playlist_is(ana, bob, as_, client):
    playlist = make_playlist(ana)
    assert refused(client.get(f"/api/v1/playlists/{playlist.pk}/export")) == (404, "NOT_FOUND")
    assert refused(as_(bob).get(f"/api/v1/playlists/{playlist.pk}/export")) == (404, "NOT_FOUND")
    assert refused(as_(ana).get(f"/api/v1/playlists/{playlist.pk}/export?format=pls")) == (400, "INVALID")


def test_an_export_of_many_costs_as_many_statements_as_of_one(ana, as_):
    counts = []
    for size in (1, 20):
        playlist = make_playlist(ana, *(make_track(ana) for _ in range(size)))
        with CaptureQueriesContext(
            connection,
        ) as statements:
            as_(ana).get(f"/api/v1/playlists/{playlist.pk}/export")
        counts.append(len(statements))
    assert counts[0] == counts[1]


def test_a_file_comes_in_and_what_is_not_found_is_settled(ana, as_):
    client, night = as_(ana), make_track(ana, title="Night Train", artist="Ana")
    one, three = make_track(ana, title="one"), make_track(ana, title="three")
    imported = sent(
        client, ours(one), {"title": "Nite Trane", "creator": "Ana"}, ours(three), {"title": "x"}, ours(one)
    )
    at = f"{IMPORTS}/{imported['id']}"
    assert imported["counts"] == {
        "waiting": 0, "found": 0, "added": 2, "double": 1, "full": 0, "unresolved": 2, "ignored": 0,
    }  # fmt: skip
    assert client.get(at).json() == imported
    lines = client.get(f"{at}/lines").json()["results"]
    assert [line["number"] for line in lines] == [1, 2, 3, 4, 5]
    assert lines[0]["track"] == {"id": str(one.pk), "title": "one", "artist": "", "duration_ms": None}
    open_ = client.get(f"{at}/lines?outcome=unresolved").json()["results"]
    assert [line["title"] for line in open_] == ["Nite Trane", "x"]
    settled = client.patch(f"{at}/lines/2", {"track_id": str(night.pk)}, format="json").json()
    assert (settled["outcome"], settled["how"], settled["track"]["title"]) == ("added", "person", "Night Train")
    left = client.patch(f"{at}/lines/4", {"ignored": True}, format="json").json()
    assert left["outcome"] == "ignored"
    tracks = client.get(f"/api/v1/playlists/{imported['playlist']}").json()["tracks"]
    assert [entry["track"]["title"] for entry in tracks] == ["one", "Night Train", "three"]


def test_candidates_of_a_line_are_told(ana, as_):
    night = make_track(ana, title="Night Train", artist="Ana")
    imported = sent(as_(ana), {"title": "Night Train"})
    [found] = as_(ana).get(f"{IMPORTS}/{imported['id']}/lines/1/candidates").json()
    assert found["track"]["id"] == str(night.pk) and 0 < float(found["confidence"]) < 0.75


def test_a_line_whose_track_one_does_not_see_any_more_tells_nothing_of_it(ana, bob, as_):
    track = make_track(ana, title="Undisclosed")
    imported = sent(as_(bob), ours(track))
    catalog.edit(track=track, by=ana, is_public=False)
    [line] = as_(bob).get(f"{IMPORTS}/{imported['id']}/lines").json()["results"]
    assert line["track"] is None and "Undisclosed" not in str(line)


def test_a_file_goes_into_a_playlist_that_one_may_fill(ana, bob, as_):
    shared, private = make_playlist(ana, is_public=True), make_playlist(ana)
    for playlist, answer in ((shared, (403, "FORBIDDEN")), (private, (404, "NOT_FOUND"))):
        body = {"file": a_file(), "playlist": str(playlist.pk)}
        assert refused(as_(bob).post(IMPORT, body, format="multipart")) == answer
    assert sent(as_(ana), ours(make_track(ana)), playlist=str(private.pk))["playlist"] == str(private.pk)
    assert sent(as_(ana), name="Mine")["counts"]["added"] == 0


def test_a_large_file_is_left_to_a_worker(ana, as_, monkeypatch):
    monkeypatch.setattr(importing, "WHILE_WAITING", 0)
    imported = sent(as_(ana), ours(make_track(ana)))
    assert (imported["state"], imported["lines_done"], imported["lines_total"]) == ("due", 0, 1)
    importing.work(seconds=60)
    assert as_(ana).get(f"{IMPORTS}/{imported['id']}").json()["state"] == "done"


@pytest.mark.parametrize(
    ("body", "answer"),
    [
        ({}, (400, "INVALID")),
        ({"file": b""}, (400, "EMPTY_FILE")),
        ({"file": b"\x00\x01"}, (400, "PLAYLIST_ENCODING")),
        ({"file": b"hello"}, (422, "PLAYLIST_FORMAT")),
        ({"file": b"title\n" + b"x\n" * 10_001}, (413, "PLAYLIST_TOO_LONG")),
        ({"file": b"title\n", "format": "pls"}, (400, "INVALID")),
        ({"file": b"title\n", "playlist": "x"}, (400, "INVALID")),
        ({"file": b"title\n", "name": "   "}, (201, None)),
        ({"file": b"title\n", "name": "x" * 300}, (400, "INVALID")),
    ],
)
def test_bad_input_is_refused_and_leaves_nothing(ana, as_, body, answer):
    body = {**body, **({"file": SimpleUploadedFile("x.csv", body["file"])} if "file" in body else {})}
    got = as_(ana).post(IMPORT, body, format="multipart")
    assert (got.status_code, got.json().get("code")) == answer
    assert Import.objects.exists() == Playlist.objects.exists() == (answer[0] == 201)


def test_a_file_of_two_hundred_thousand_lines_is_refused(ana, as_, settings):
    settings.PLAYLIST_FILE_MAX_BYTES = 8 * 1024 * 1024
    data = b"#EXTM3U\n" + b"Music/Ana - Night Train.mp3\n" * 200_000
    got = as_(ana).post(IMPORT, {"file": SimpleUploadedFile("x.m3u", data)}, format="multipart")
    assert refused(got) == (413, "PLAYLIST_TOO_LONG") and "10,000" in got.json()["detail"]


@pytest.mark.parametrize(
    "body", [{}, {"track_id": "x"}, {"ignored": "perhaps"}, {"track_id": str(uuid.uuid4()), "ignored": True}]
)
def test_a_line_is_settled_in_one_way(ana, as_, body):
    imported = sent(as_(ana), {"title": "x"})
    assert refused(as_(ana).patch(f"{IMPORTS}/{imported['id']}/lines/1", body, format="json")) == (400, "INVALID")


def test_lines_and_imports_that_are_not_there(ana, as_):
    imported = sent(as_(ana), {"title": "x"})
    at = f"{IMPORTS}/{imported['id']}"
    for path in (f"{at}/lines/2/candidates", f"{at}/lines/{10**30}/candidates", f"{IMPORTS}/{uuid.uuid4()}/lines"):
        assert refused(as_(ana).get(path)) == (404, "NOT_FOUND")
    assert refused(as_(ana).patch(f"{at}/lines/0", {"ignored": True}, format="json")) == (404, "NOT_FOUND")
    assert refused(as_(ana).get(f"{at}/lines?outcome=x")) == (400, "INVALID")
    assert refused(as_(ana).post(f"{at}/retry")) == (409, "CONFLICT")


def test_imports_are_their_persons_alone_and_staff_look(ana, bob, mod, as_):
    at = f"{IMPORTS}/{sent(as_(ana), {'title': 'x'})['id']}"
    assert [row["id"] for row in as_(ana).get(IMPORTS).json()["results"]] == [at.rpartition("/")[2]]
    assert as_(bob).get(IMPORTS).json()["results"] == as_(mod).get(IMPORTS).json()["results"] == []
    assert refused(as_(bob).get(at)) == (404, "NOT_FOUND")
    assert as_(mod).get(at).status_code == 200
    assert refused(as_(mod).patch(f"{at}/lines/1", {"ignored": True}, format="json")) == (403, "FORBIDDEN")
    assert refused(as_(mod).delete(at)) == (403, "FORBIDDEN")
    assert as_(ana).delete(at).status_code == 204 and not Import.objects.exists()


def test_lists_cost_as_many_statements_for_many_as_for_one(ana, as_):
    client, counts = as_(ana), []
    for size in (1, 20):
        at = f"{IMPORTS}/{sent(client, *(ours(make_track(ana)) for _ in range(size)))['id']}/lines"
        for path in (IMPORTS, at):
            with CaptureQueriesContext(connection) as statements:
                assert client.get(path).status_code == 200
            counts.append(len(statements))
    assert counts[:2] == counts[2:]


def test_lines_come_in_pages(ana, as_):
    imported = sent(as_(ana), *({"title": str(n)} for n in range(5)))
    page = as_(ana).get(f"{IMPORTS}/{imported['id']}/lines?limit=2").json()
    numbers = [line["number"] for line in page["results"]]
    while page["next"]:
        page = as_(ana).get(page["next"]).json()
        numbers += [line["number"] for line in page["results"]]
    assert numbers == [1, 2, 3, 4, 5]


def test_a_file_sent_twice_under_one_key_comes_in_once(ana, as_):
    answers = [
        as_(ana).post(IMPORT, {"file": a_file({"title": "x"})}, format="multipart", headers={"Idempotency-Key": "k"})
        for _ in range(2)
    ]
    assert answers[0].json() == answers[1].json() and Import.objects.count() == 1


def test_a_key_needs_the_scope(ana, client):
    headers = {"Authorization": f"Bearer {make_key(ana, 'read')}"}
    assert client.post(IMPORT, {"file": a_file()}, headers=headers).status_code == 403
    assert client.get(IMPORTS, headers=headers).status_code == 200
