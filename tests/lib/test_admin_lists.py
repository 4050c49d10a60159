"""Lists over long tables, on the page of tracks and on a page that is only for this."""

import datetime as dt

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.urls import resolve
from django.utils import timezone
from unfold.decorators import display
from unfold.utils import display_for_value

from apps.accounts.models import User
from apps.catalog.admin import TrackAdmin
from apps.catalog.models import Track
from apps.lib import admin_lists
from apps.lib.admin import AccessAdmin
from apps.lib.admin_lists import CappedPaginator, Rows, SearchPaginator, moment, paginator_for
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db

TRACKS = "/admin/catalog/track/"


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


@pytest.mark.parametrize(
    ("rows", "count", "capped", "total"), [(1, 1, False, "1"), (2, 2, False, "2"), (3, 2, True, "more than 2")]
)
def test_a_count_stops_at_the_cap_and_says_so(monkeypatch, rows, count, capped, total):
    monkeypatch.setattr(CappedPaginator, "most", 2)
    for _ in range(rows):
        make_user()
    pages = CappedPaginator(User.objects.order_by("email"), 50)
    assert (pages.count, pages.capped, pages.total) == (count, capped, total)


def test_a_search_is_counted_less_far_for_each_row_that_is_counted_has_to_be_fetched(desk, ana):
    asked = RequestFactory()
    assert paginator_for(asked.get("/", {"q": "word"})) is SearchPaginator
    assert paginator_for(asked.get("/", {"genre": "House"})) is CappedPaginator
    with CaptureQueriesContext(connection) as made:
        desk.get(TRACKS, {"q": "word"})
    assert any(f"LIMIT {SearchPaginator.most + 1})" in (query["sql"] or "") for query in made)
    assert SearchPaginator.most < CappedPaginator.most


@pytest.fixture
def five(ana, monkeypatch) -> list[Track]:
    """Pages of two, counted up to three."""
    monkeypatch.setattr(TrackAdmin, "list_per_page", 2)
    for paginator in (CappedPaginator, SearchPaginator):
        monkeypatch.setattr(paginator, "most", 3)
    return [make_track(ana, title=f"Train {n}") for n in range(5)]


@pytest.mark.parametrize("query", [{}, {"q": "train"}, {"show": "ready"}])
def test_all_that_are_found_are_chosen_and_called_more_than_were_counted(desk, five, query):
    text = desk.get(TRACKS, query).content.decode()
    assert "Select all of more than 3 tracks" in text and "All of more than 3 selected" in text
    assert "more than 3 tracks; search or filter" in text and ("more than 3 results" in text) is bool(query)
    sent = {"action": "bulk_action", "select_across": "1", "_selected_action": str(five[0].pk), "index": "0"}
    address = f"{TRACKS}?{'&'.join(f'{name}={value}' for name, value in query.items())}"
    assert desk.post(address, sent).context["count"] == 5


def test_what_is_counted_to_its_end_is_told_as_a_number(desk, five):
    for track in five[3:]:
        Track.objects.filter(pk=track.pk).update(title="Other")
    Track.objects.update(search=None)
    text = desk.get(TRACKS, {"q": str(five[0].pk)}).content.decode()
    assert "1 result (" in text and "1 track" in text and "more than" not in text
    assert "Select all 3 tracks" in desk.get(TRACKS, {"title__startswith": "Train"}).content.decode()


@pytest.mark.parametrize(
    "query", [{}, {"o": "2"}, {"o": "-2"}, {"o": "-7.2"}, {"show": "all", "o": "2"}, {"show": "x", "o": "2"}]
)
def test_the_pages_are_the_whole_list_in_order(desk, ana, monkeypatch, query):
    """Also by title, where removed tracks, which have none, are stepped over if none is shown."""
    for n in (3, 1, 2, 1, 5):
        make_track(ana, title=f"t{n}", duration_ms=n)
    gone = make_track(ana)
    Track.machine.move(gone, "removed", removed_at=timezone.now(), title="")
    whole = [row.pk for row in desk.get(TRACKS, query).context["cl"].result_list]
    assert len(whole) == 5 + ("show" in query)
    monkeypatch.setattr(TrackAdmin, "list_per_page", 2)
    paged = [row.pk for p in (1, 2, 3) for row in desk.get(TRACKS, {**query, "p": p}).context["cl"].result_list]
    assert paged == whole


def test_a_list_reads_no_column_that_it_does_not_show(desk, ana):
    make_track(ana)
    with CaptureQueriesContext(connection) as made:
        desk.get(TRACKS)
    read = [query["sql"].partition(" FROM ")[0] for query in made if '"catalog_track"."title"' in (query["sql"] or "")]
    assert read and not any(f'"{name}"' in sql for sql in read for name in ("search", "description", "password"))


class People(AccessAdmin):
    """A page about people, only to try what every list can do."""

    list_display = ["email", "created_at", "is_active", "markup", "nothing", "fine", "numbers", "late"]
    list_display_links = ["email"]

    @display(description="markup")
    def markup(self, user) -> str:
        return "<b>"

    @display(description="nothing")
    def nothing(self, user) -> None:
        return None

    @display(description="fine", boolean=True)
    def fine(self, user) -> bool:
        return user.is_active

    @display(description="numbers")
    def numbers(self, user) -> list[int]:
        return [1, 2]

    @display(description="late")
    def late(self, user) -> dt.datetime:
        return user.created_at


def listed(boss, query: dict | None = None) -> Rows:
    request = RequestFactory().get("/", query or {})
    request.user, request.resolver_match = boss, resolve("/admin/accounts/user/")
    return People(User, admin.site).get_changelist_instance(request)


def test_cells_are_the_themes_own_but_for_the_time(boss):
    rows = listed(boss, {"is_active": "1"})
    (row,) = rows.result_list
    theirs = "".join(admin_lists._items(rows, row, None)).replace(" nowrap", "").replace('" >', '">')
    ours = "".join(admin_lists._cells(rows, row, None))
    assert ours == theirs.replace(display_for_value(boss.created_at, ""), moment(boss.created_at))
    assert "&lt;b&gt;" in ours and "_changelist_filters=is_active%3D1" in ours


def test_every_time_in_a_list_is_written_alike(boss):
    rows = listed(boss)
    cells = "".join(admin_lists._cells(rows, rows.result_list[0], None))
    assert cells.count(moment(boss.created_at)) == 2
