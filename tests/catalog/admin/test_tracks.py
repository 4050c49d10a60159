"""The list of tracks as staff narrow and sort it, and what stands around the form of one."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog.admin import choices
from apps.catalog.models import Duplicate, Term, Track
from apps.lib.records import least_key, uuid7
from tests.make import make_generated, make_track

pytestmark = pytest.mark.django_db

TRACKS = "/admin/catalog/track/"
WHOLE = {
    "artist": "The Porters", "genre": "House", "tempo": 120, "pitch_class": 9, "mode": "minor", "mood": ["calm"],
    "tags": ["sea"], "isrc": "USABC2400001", "catalog_number": "KT-1", "release_date": "2024-01-01",
    "duration_ms": 1000,
}  # fmt: skip


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def listed(client: Client, **query) -> list[str]:
    return [track.title for track in client.get(TRACKS, query).context["cl"].result_list]


@pytest.mark.parametrize("fact", [name for name in choices.MISSING if name != "credits"])
def test_the_list_narrows_to_what_a_fact_is_missing_of(desk, ana, fact):
    column = {"key": "pitch_class", "duration": "duration_ms"}.get(fact, fact)
    make_track(ana, title="whole", **WHOLE)
    empty = {str: "", list: []}.get(type(WHOLE[column]))
    nothing = None if column == "release_date" else empty
    make_track(ana, title="without", **WHOLE | {column: nothing})
    assert listed(desk, missing=fact) == ["without"]


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
