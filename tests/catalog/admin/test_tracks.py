"""The list of tracks as staff narrow and sort it, and what stands around the form of one."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog import history
from apps.catalog.admin import choices
from apps.catalog.models import Duplicate, Term, Track, TrackFile
from apps.lib.records import least_key, uuid7
from tests.doors.desk import make_blob
from tests.make import make_generated, make_track, make_user

pytestmark = pytest.mark.django_db

TRACKS = "/admin/catalog/track/"
WHOLE = {
    "artist": "The Porters", "genre": "House", "tempo": 120, "pitch_class": 9, "mode": "minor", "mood": ["calm"],
    "tags": ["sea"], "isrc": "USABC2400001", "catalog_number": "KT-1", "release_date": "2024-01-01",
    "duration_ms": 1000, "description": "At sea.", "subgenre": "Deep House",
}  # fmt: skip


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def listed(client: Client, **query) -> list[str]:
    return [track.title for track in client.get(TRACKS, query).context["cl"].result_list]


ELSEWHERE = ("cover", "preview", "waveform", "audio", "credits", "instruments", "sections")


@pytest.mark.parametrize("fact", [name for name in choices.MISSING if name not in ELSEWHERE])
def test_the_list_narrows_to_what_a_fact_is_missing_of(desk, ana, fact):
    columns = {"key": "pitch_class", "scale": "mode", "duration": "duration_ms", "released": "release_date"}
    column = columns.get(fact, fact)
    make_track(ana, title="whole", **WHOLE)
    empty = {str: "", list: []}.get(type(WHOLE[column]))
    nothing = None if column == "release_date" else empty
    make_track(ana, title="without", **WHOLE | {column: nothing})
    assert listed(desk, missing=fact) == ["without"]


def test_missing_means_the_same_in_the_admin_as_in_the_api(desk, ana, as_):
    make_track(ana, title="whole", **WHOLE)
    make_track(ana, title="bare")
    for fact in choices.MISSING:
        found = as_(ana).get("/api/v1/tracks", {"missing": fact}).json()["results"]
        assert sorted(listed(desk, missing=fact)) == sorted(track["title"] for track in found) != [], fact


def test_the_list_narrows_by_key_genre_rights_owner_provider_and_age_together(desk, ana):
    Term.objects.create(kind="genre", name="House", uses=2)
    wanted = make_generated(ana, title="wanted", genre="House", pitch_class=9, mode="minor")
    make_track(ana, title="other", genre="House", pitch_class=9, mode="minor")
    for name, value in {"genre": "House", "key": "8A", "of": "people", "clearance": "unknown", "added": "day"}.items():
        assert listed(desk, **{name: value}) == ["other", "wanted"], name
    found = {"genre": "House", "key": "8A", "clearance": "unknown", "provider": "suno", "added": "week"}
    assert listed(desk, **found) == [wanted.title]
    assert listed(desk, key="8B") == listed(desk, of="house") == listed(desk, clearance="blocked") == []


def test_a_key_made_now_lies_behind_every_key_of_an_earlier_moment():
    now = timezone.now()
    assert least_key(now) < uuid7() < least_key(now + dt.timedelta(minutes=1))


@pytest.mark.parametrize(
    ("column", "values"),
    [("name", "title"), ("duration", "duration_ms"), ("popularity", "popularity_score"), ("heard", "play_count")],
)
def test_the_list_sorts_both_ways_and_ties_fall_the_same_way(desk, ana, column, values):
    """So that one index serves both ways, however many rows have the same value."""
    for n in (2, 1, 1, 3):
        track = make_track(ana, title=f"t{n}")
        Track.objects.filter(pk=track.pk).update(duration_ms=n, popularity_score=n, play_count=n)
    at = list(desk.get(TRACKS).context["cl"].list_display).index(column)
    upwards = [str(track.pk) for track in desk.get(TRACKS, {"o": at}).context["cl"].result_list]
    downwards = [str(track.pk) for track in desk.get(TRACKS, {"o": f"-{at}"}).context["cl"].result_list]
    assert upwards == downwards[::-1]
    assert upwards == [str(pk) for pk in Track.objects.order_by(values, "pk").values_list("pk", flat=True)]


@pytest.mark.parametrize("query", [{}, {"q": "Night Train"}, {"queue": "missing", "key": "8A"}, {"o": "2"}])
def test_the_list_costs_ten_queries_at_most(desk, ana, query):
    for _ in range(3):
        make_generated(ana, title="Night Train")
    desk.get(TRACKS, query)
    with CaptureQueriesContext(connection) as spent:
        desk.get(TRACKS, query)
    assert len(spent) <= 10


def test_a_tracks_page_shows_verdict_neighbours_and_the_pairs_it_is_one_of(desk, ana):
    track = make_track(ana, title="This", artist="The Porters")
    other = make_track(ana, title="That", artist="The Porters")
    pair = Duplicate.objects.create(first=track, second=other, reasons=["near"], likeness=1)
    settled = make_track(ana, title="Settled")
    Duplicate.objects.create(first=track, second=settled, reasons=["near"], likeness=1, state="dismissed")
    shown = desk.get(f"{TRACKS}{track.pk}/change/").content.decode()
    assert "Nobody is credited." in shown
    assert f"/admin/catalog/duplicate/{pair.pk}/change/" in shown and "Settled" not in shown
    assert f"{TRACKS}{other.pk}/change/" in shown


def test_times_are_written_alike_in_lists_and_on_pages(desk, ana):
    track = make_track(ana)
    when = f"{track.created_at:%Y-%m-%d %H:%M} UTC"
    assert when in desk.get(TRACKS).content.decode()
    assert when in desk.get(f"{TRACKS}{track.pk}/change/").content.decode()


@pytest.mark.parametrize(
    ("address", "title"),
    [("term", "Vocabulary"), ("changeset", "Changes in bulk"), ("change", "History"), ("blob", "Stored files")],
)
def test_a_list_is_called_as_the_way_that_leads_to_it(desk, address, title):
    text = desk.get(f"/admin/catalog/{address}/").content.decode()
    assert f"{title} | Keeptrack" in text
    heading = text.partition("<h1")[2].partition("</h1>")[0]
    assert f">{title}</a>" in heading and "Catalogue" in heading


def test_a_person_is_named_in_the_heading_as_they_are(boss):
    """An address is not a sentence: no capital is put before it."""
    client, person = Client(), make_user("mira")
    client.force_login(boss)
    heading = client.get(f"/admin/accounts/user/{person.pk}/change/").content.decode().partition("<h1")[2]
    assert f">{person}</a>" in heading.partition("</h1>")[0]


def test_an_empty_list_offers_only_what_can_be_done(desk):
    text = desk.get("/admin/catalog/duplicate/").content.decode()
    assert "There is no duplicate in this list." in text and "Create a new" not in text and "Reset filters" not in text
    searched = desk.get("/admin/catalog/duplicate/", {"q": "x"}).content.decode()
    assert "No duplicate answers to this search" in searched and "Reset filters" in searched


def test_the_history_names_what_ids_stand_for_in_as_many_queries_however_many_there_are(desk, ana):
    stays, spent = make_track(ana, title="Stays"), []
    for _ in range(2):
        for _ in range(6):
            goes = make_track(ana, title="Goes")
            Track.machine.move(goes, "merged", removed_at=timezone.now(), merged_into=stays)
        desk.get("/admin/catalog/change/")
        with CaptureQueriesContext(connection) as made:
            text = desk.get("/admin/catalog/change/").content.decode()
        spent.append(len(made))
    assert spent[0] == spent[1] and "merged into: — → Stays" in text and f"→ {stays.pk}" not in text
    page = desk.get(f"{TRACKS}{goes.pk}/change/").content.decode()
    assert "merged into:" in page and "<ins>Stays</ins>" in page


def test_another_original_stands_in_the_history_of_its_track(desk, ana):
    track = make_track(ana)
    file = TrackFile.objects.create(track=track, role="original", blob=make_blob())
    old, new = make_blob(size=1000), make_blob(size=2000)
    with history.said(by=ana):
        history.replaced(file=file, old=old, new=new)
    page = desk.get(f"{TRACKS}{track.pk}/change/").content.decode()
    assert "track file changed" in page and f"<del>{old.sha256[:12]}…</del> → <ins>{new.sha256[:12]}…</ins>" in page
    assert "<del>1\xa0kB</del>" in page and "<ins>2\xa0kB</ins>" in page
    listed = desk.get("/admin/catalog/change/", {"part": "file"})
    assert listed.context["cl"].result_count == 1 and "1\xa0kB → 2\xa0kB" in listed.content.decode()
