"""`/playlists/import` and `/playlists/imports`: a file comes in by its form, and its lines are settled on their page."""

import json

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.catalog.models import Track
from apps.playlists import actions, importing
from apps.playlists.models import Import, Playlist
from tests.make import make_playlist, make_track

pytestmark = pytest.mark.django_db


def a_file(*tracks: dict, name: str = "list.jspf") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, json.dumps({"playlist": {"title": "Theirs", "track": list(tracks)}}).encode())


def titles() -> list[str]:
    return list(Playlist.objects.get().entries.order_by("position").values_list("track__title", flat=True))


@pytest.fixture
def report(client, ana) -> str:
    """Of a file whose second line is not found."""
    client.force_login(ana)
    one, three = make_track(ana, title="One"), make_track(ana, title="Three")
    make_track(ana, title="Night Train", artist="Ana")
    rows = [
        {"identifier": f"urn:uuid:{one.pk}"},
        {"title": "Night Train", "creator": "Anna B"},
        {"identifier": f"urn:uuid:{three.pk}"},
    ]
    return client.post("/playlists/import", {"file": a_file(*rows)}).url


def test_a_file_becomes_a_playlist_and_leads_to_its_report(client, report):
    page = client.get(report).content.decode()
    assert titles() == ["One", "Three"]
    assert "Theirs" in page and "To settle (1)" in page and "Added (2)" in page
    assert "2. Anna B – Night Train" in page and "Refresh" not in client.get(report)
    assert "1 to settle" in client.get("/playlists/imports").content.decode()


def test_a_line_is_found_and_comes_to_its_place(client, report):
    page = client.get(report, {"line": "2"})
    [(track, confidence)] = page.context["found"]
    assert track.title == "Night Train" and "alike" in page.content.decode()
    settled = client.post(f"{report}/lines/2", {"track_id": str(track.pk)}, follow=True)
    assert b"Line 2 is in the playlist" in settled.content
    assert titles() == ["One", "Night Train", "Three"]


def test_a_line_whose_entry_was_taken_out_is_found_anew(client, report):
    assert b"Find the track of line 1" not in client.get(report, {"show": "added"}).content
    actions.remove(entry=Playlist.objects.get().entries.get(track__title="One"))
    page = client.get(report, {"show": "added"}).content
    assert b"taken out of the playlist since" in page and b"Find the track of line 1" in page
    assert b"Find the track of line 3" not in page and b"Leave line 1 out" not in page
    track = Track.objects.visible_to(Playlist.objects.get().owner).get(title="Night Train")
    assert b"Line 1 is in the playlist" in client.post(
        f"{report}/lines/1", {"track_id": str(track.pk)}, follow=True
    ).content  # fmt: skip


def test_a_line_is_searched_for_by_other_words(client, report):
    page = client.get(report, {"line": "2", "q": "three"})
    assert [track.title for track, _ in page.context["found"]] == ["Three"]
    refused = client.post(f"{report}/lines/2", {"track_id": str(page.context["found"][0][0].pk)}, follow=True)
    assert b"Track already in playlist" in refused.content
    assert client.get(report, {"line": "2", "q": "x" * 5000}).status_code == 200


def test_a_line_is_left_out_and_looked_at_again(client, report):
    client.post(f"{report}/lines/2", {"ignored": "1"})
    assert b"Left out (1)" in client.get(report).content
    client.post(f"{report}/lines/2", {"ignored": "0"})
    assert b"To settle (1)" in client.get(report).content


@pytest.mark.parametrize("body", [{}, {"track_id": "x"}, {"ignored": "7"}])
def test_what_says_neither_is_refused(client, report, body):
    assert client.post(f"{report}/lines/2", body).status_code == 400


@pytest.mark.parametrize("query", [{"show": "x"}, {"line": "99"}])
def test_what_is_not_there_is_not_found(client, report, query):
    assert client.get(report, query).status_code == 404
    assert client.post(f"{report}/lines/99", {"ignored": "1"}).status_code == 404


def test_a_file_that_is_none_comes_back_with_the_reason(client, ana):
    client.force_login(ana)
    refused = client.post("/playlists/import", {"file": SimpleUploadedFile("x.m3u8", b"\x00\x01")})
    assert refused.status_code == 400 and b"no text in UTF-8" in refused.content
    assert client.post("/playlists/import", {}).status_code == 400
    assert not Playlist.objects.exists()


def test_a_file_goes_into_a_playlist_that_one_may_fill_alone(client, ana, bob):
    client.force_login(bob)
    theirs, mine = make_playlist(ana, is_public=True), make_playlist(bob)
    track = {"identifier": f"urn:uuid:{make_track(ana).pk}"}
    assert client.post("/playlists/import", {"file": a_file(track), "playlist": theirs.pk}).status_code == 400
    assert (
        client.post("/playlists/import", {"file": a_file(track), "playlist": mine.pk, "name": "x"}).status_code == 302
    )
    assert mine.entries.count() == 1 and theirs.entries.count() == 0


def test_a_page_of_a_file_in_work_comes_again_and_tells_how_far_it_is(client, ana, monkeypatch):
    client.force_login(ana)
    monkeypatch.setattr(importing, "WHILE_WAITING", 0)
    report = client.post("/playlists/import", {"file": a_file({"title": "x"})}).url
    page = client.get(report)
    assert page["Refresh"] == "3" and b"waits for a worker" in page.content
    Import.machine.move_all(Import.objects.all(), "failed", error_message="It died.")
    assert b"It died." in client.get(report).content
    assert client.post(f"{report}/retry").status_code == 302
    assert Import.objects.get().state == "due"


def test_a_report_is_deleted_and_is_nobody_elses(client, report, ana, bob):
    client.force_login(bob)
    for path in (report, f"{report}/delete", f"{report}/retry", f"{report}/lines/2"):
        assert (client.get if path == report else client.post)(path).status_code == 404
    client.force_login(ana)
    assert client.post(f"{report}/delete").url == "/playlists/imports"
    assert not Import.objects.exists() and titles() == ["One", "Three"]


def test_what_a_file_says_is_text_and_nothing_else(client, ana):
    client.force_login(ana)
    evil = '<script>alert(1)</script>"onmouseover='
    report = client.post(
        "/playlists/import",
        {"file": a_file({"title": evil, "creator": evil, "location": "javascript:alert(1)"}, name=evil)},
    ).url
    page = client.get(report, {"line": "1", "q": evil}).content.decode()
    assert "<script>alert" not in page and 'href="javascript' not in page
