"""The desk of changesets: asked for on the track list, previewed, applied, undone, all by pages."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from apps.catalog import actions, changesets
from apps.catalog.models import Change, Changeset, Track
from apps.lib.admin import page_of
from tests.catalog.test_changesets import make_tracks, previewed
from tests.make import make_track

pytestmark = pytest.mark.django_db

TRACKS = "/admin/catalog/track/"
PANEL = "admin:catalog_changeset_panel"


@pytest.fixture
def desk(mod):
    client = Client()
    client.force_login(mod)
    return client


def chosen(*tracks, across: bool = False, **form) -> dict:
    """What the track list posts."""
    keys = [str(track.pk) for track in tracks]
    return {"action": "bulk_action", "_selected_action": keys, "select_across": int(across), "index": 0, **form}


def press(desk, changeset, name: str):
    return desk.post(reverse(f"admin:catalog_changeset_{name}", args=[changeset.pk]), follow=True)


def page(desk, changeset, **query) -> str:
    return desk.get(page_of(changeset), query).content.decode()


def test_the_ticked_rows_are_edited_previewed_applied_and_undone_by_pages(desk, ana):
    one, other = make_tracks(ana, 2)
    asked = desk.post(TRACKS, chosen(one)).content.decode()
    assert "1 track." in asked
    answer = desk.post(TRACKS, chosen(one, preview=1, set_genre="House", add_tags="night, rain"))
    changeset = Changeset.objects.get()
    assert answer.url == page_of(changeset)
    assert "waiting for a worker" in page(desk, changeset)
    changesets.work(seconds=60)
    shown = page(desk, changeset)
    assert "Nothing is written yet" in shown and "Techno" in shown and "night, rain" in shown
    for verb, genre in (("apply", "House"), ("undo", "Techno")):
        assert press(desk, changeset, verb).status_code == 200
        changesets.work(seconds=60)
        assert Track.objects.get(pk=one.pk).genre == genre
        assert Track.objects.get(pk=other.pk).genre == "Techno"
    assert Changeset.objects.get().door == "admin"


def test_all_that_match_the_filters_and_the_search_are_edited_and_no_others(desk, ana):
    """Not only the fifty on the page; those are meant that match when the preview is asked for."""
    make_tracks(ana, 60, is_pro_only=True)
    outside = make_tracks(ana, 2)
    make_track(ana, title="Elsewhere", is_pro_only=True)
    address = f"{TRACKS}?is_pro_only__exact=1&q=Track"
    assert "60 tracks." in desk.post(address, chosen(outside[0], across=True)).content.decode()
    desk.post(address, chosen(outside[0], across=True, preview=1, set_genre="House"))
    assert len(Changeset.objects.get().order["tracks"]) == 60


def test_what_makes_no_sense_is_said_at_its_field_and_nothing_is_asked_for(desk, ana):
    (track,) = make_tracks(ana, 1)
    shown = desk.post(TRACKS, chosen(track, preview=1, set_tempo="fast", set_genre="House")).content.decode()
    assert "This is no tempo." in shown and 'value="House"' in shown
    assert "Say what is to change." in desk.post(TRACKS, chosen(track, preview=1)).content.decode()
    assert not Changeset.objects.exists()


def test_too_many_are_refused_before_anything_is_filled_in(desk, ana, monkeypatch):
    monkeypatch.setattr(changesets, "MOST_TRACKS", 1)
    tracks = make_tracks(ana, 2)
    assert "too many at once" in desk.post(TRACKS, chosen(*tracks), follow=True).content.decode()


def test_the_progress_comes_alone_and_asks_for_itself_while_there_is_work(desk, mod, ana):
    changeset = previewed(mod, make_tracks(ana, 2))
    address = reverse(PANEL, args=[changeset.pk])
    assert "data-poll" not in desk.get(address).content.decode()
    changesets.apply(changeset=changeset, by=mod)
    (row,) = changesets.claim(limit=1)
    changesets._report(row, 1, 2)
    shown = desk.get(address).content.decode()
    assert f'data-poll="{address}' in shown and "1 of 2 rows" in shown and '<progress aria-label="Writing' in shown
    assert "<html" not in shown and "Apply" not in shown
    changesets.run(row)
    assert "2 rows changed" in desk.get(address).content.decode()


def test_the_panel_is_for_those_who_may_see_changesets(mod, ana, bob):
    address = reverse(PANEL, args=[previewed(mod, make_tracks(ana, 1)).pk])
    for user in (None, bob):
        client = Client()
        if user:
            client.force_login(user)
        assert client.get(address).status_code == 302
    missing = reverse(PANEL, args=["00000000-0000-7000-8000-000000000000"])
    client = Client()
    client.force_login(mod)
    assert client.get(missing).status_code == 404


def test_a_refused_undo_shows_what_changed_who_when_and_through_which_door(desk, mod, ana):
    tracks = make_tracks(ana, 2)
    changeset = previewed(mod, tracks)
    press(desk, changeset, "apply")
    changesets.work(seconds=60)
    actions.edit(track=Track.objects.get(pk=tracks[0].pk), by=ana, genre="Jazz")
    press(desk, changeset, "undo")
    changesets.work(seconds=60)
    shown = page(desk, changeset)
    assert all(
        word in shown for word in ("1 row changed since", "Track 0", "genre", "House", "Jazz", ">ana<", "system")
    )
    assert "Undo the rest" in shown
    press(desk, changeset, "undo_rest")
    changesets.work(seconds=60)
    assert list(Track.objects.order_by("id").values_list("genre", flat=True)) == ["Jazz", "Techno"]


def test_the_preview_comes_in_pages_and_problems_alone(desk, mod, ana):
    tracks = [*make_tracks(ana, 60), make_track(ana, title="Track" * 51)]
    changeset = previewed(mod, tracks, [{"do": "replace", "field": "title", "find": "track", "with": "Tracks"}])
    assert "Page 1 of 2" in page(desk, changeset)
    assert "Tracks 59" in page(desk, changeset, page=2)
    shown = page(desk, changeset, only="problems")
    assert "the most is 255" in shown and "Tracks 5" not in shown
    assert "Page 2 of 2" in page(desk, changeset, page="9999")
    assert "Page 1 of 2" in page(desk, changeset, page="x")


def test_a_changeset_page_costs_the_same_for_one_row_and_for_twenty(desk, mod, ana):
    costs = []
    for rows in (1, 20):
        changeset = previewed(mod, make_tracks(ana, rows))
        page(desk, changeset)
        with CaptureQueriesContext(connection) as spent:
            page(desk, changeset)
        costs.append(len(spent))
    assert costs[0] == costs[1]


def test_the_track_page_tells_its_history(desk, mod, ana):
    track = make_track(ana, genre="Techno")
    changeset = previewed(mod, [track])
    changesets.apply(changeset=changeset, by=mod)
    changesets.work(seconds=60)
    shown = desk.get(page_of(track)).content.decode()
    history = shown[shown.index('class="history-desk"') :]
    assert all(word in history for word in ("House", "Techno", "mod", page_of(changeset)))


def test_the_list_of_changes_is_narrowed_by_person_door_field_and_track(desk, mod, ana, as_):
    track, other = make_track(ana, genre="Techno"), make_track(mod)
    as_(ana).patch(f"/api/v1/tracks/{track.pk}", {"genre": "Jazz"}, format="json")
    found = {
        "by": {"by": str(ana.pk)}, "name": {"q": "ana"}, "track": {"track": str(track.pk)},
        "door and field": {"through": "api", "field": "genre"}, "today": {"day": "today"}, "odd": {"track": "x"},
    }  # fmt: skip
    address = reverse("admin:catalog_change_changelist")
    lists = {name: desk.get(address, query, follow=True).context["cl"].queryset for name, query in found.items()}
    assert set(lists["by"]) == set(lists["name"]) == set(Change.objects.filter(by=ana))
    assert set(lists["track"]) == set(Change.objects.filter(track=track))
    assert [change.new for change in lists["door and field"]] == [{"genre": "Jazz"}]
    assert set(lists["today"]) == set(Change.objects.all())
    assert Change.objects.filter(track=other).exists()
