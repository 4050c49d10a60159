import pytest
from django.contrib import admin
from django.db import connection
from django.test import RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.archive import schedule
from apps.archive.models import ArchiveAsset
from apps.catalog.models import Changeset, Derivation, Duplicate, Term, Track, TrackFile
from apps.social import moderation
from apps.social.models import Report
from config import dashboard
from tests.doors.desk import make_blob, make_refused
from tests.make import make_generated, make_post, make_track, make_user

pytestmark = pytest.mark.django_db


def by(user):
    request = RequestFactory().get("/admin/")
    request.user = user
    return request


def numbers(user) -> dict[str, int]:
    return {card["title"]: card["number"] for card in cards(user)}


def cards(user) -> list[dict]:
    told = dashboard.overview(by(user), {})
    return [*told["queues"], *told["cards"]]


@pytest.fixture
def trouble(ana):
    """One of everything that asks for a hand, beside what does not."""
    tracks = [make_generated(ana, title=title) for title in ("waits", "hurries", "lost", "poison")]
    schedule.plan_tracks(tracks)
    asset = {track.title: ArchiveAsset.objects.filter(track=track) for track in tracks}
    asset["hurries"].update(expires_at=timezone.now() + timezone.timedelta(days=1))
    for title, states in {"lost": ("running", "lost"), "poison": ("running", "quarantined")}.items():
        for state in states:
            lease = timezone.now() if state == "running" else None
            ArchiveAsset.machine.move_all(asset[title], state, lease_until=lease)
    make_refused(ana)
    track, other = make_track(ana, genre="Fog"), Track.objects.earliest("pk")
    Term.objects.create(kind="genre", name="Fog", uses=1)
    Duplicate.objects.create(first=other, second=track, reasons=["near"], likeness=1)
    Changeset.objects.create(kind="edit", title="Set the genre", door="admin")
    row = Derivation.objects.create(track=track, source_sha256="0" * 64)
    Derivation.machine.move(row, "failed")
    moderation.report(said=make_post(ana), by=make_user(), reason="spam")


@pytest.mark.parametrize(
    ("path", "here"),
    [
        ("/admin/", ["Overview"]), ("/admin/uploads/upload/", ["All uploads"]),
        ("/admin/uploads/upload/1/change/", ["All uploads"]), ("/admin/uploads/upload/add/", ["Add to the library"]),
        ("/admin/nowhere/", []),
    ],
)  # fmt: skip
def test_the_sidebar_says_in_one_place_where_one_is(mod, path, here):
    request = RequestFactory().get(path)
    request.user = mod
    items = [item for group in dashboard.navigation(request) for item in group["items"]]
    assert [item["title"] for item in items if item["active"]] == here


def test_every_card_counts_what_asks_for_a_hand(trouble, mod):
    assert numbers(mod) == {
        "Missing metadata": 5,
        "Unclear rights": 5,
        "Waiting for review": 1,
        "Preview or waveform failed": 1,
        "Duplicates": 1,
        "Changes in bulk": 1,
        "Reported": 1,
        "Alarms": 0,
        "Damaged files": 0,
        "Waiting for the archive": 3,
        "About to expire": 1,
        "Lost": 1,
        "Quarantined": 1,
        "Uploads refused today": 1,
    }


def test_every_card_leads_to_a_list_of_just_those_rows(trouble, mod, client):
    client.force_login(mod)
    page = client.get("/admin/").context
    for card in [*page["queues"], *page["cards"]]:
        assert client.get(card["link"]).context["cl"].result_count == card["number"], card["title"]


def test_a_number_is_an_alarm_only_when_there_is_something_to_do(mod, trouble, ana):
    assert {card["title"] for card in cards(mod) if card["alarm"]} == {
        "About to expire", "Lost", "Quarantined", "Preview or waveform failed", "Reported",
    }  # fmt: skip
    ArchiveAsset.objects.all().delete()
    Derivation.objects.all().delete()
    Report.objects.all().delete()
    assert not any(card["alarm"] for card in cards(mod))


def test_a_long_queue_is_counted_no_further_than_anybody_reads(mod, ana, monkeypatch):
    monkeypatch.setattr(dashboard, "MOST", 2)
    for n in range(3):
        make_track(ana, title=str(n))
    assert [card["shown"] for card in cards(mod) if card["title"] == "Missing metadata"] == ["2+"]


def test_numbers_over_whole_tables_are_counted_once_in_a_while(boss, ana):
    dashboard.overview(by(boss), {})
    with CaptureQueriesContext(connection) as spent:
        dashboard.overview(by(boss), {})
    statements = [query["sql"] for query in spent]
    assert all("LIMIT" in sql for sql in statements if "COUNT(" in sql)
    assert not [sql for sql in statements if "SUM(" in sql]


def test_storage_is_told_by_role_and_once_for_shared_content(boss, ana):
    shared = make_blob(size=3000)
    for title in ("one", "two"):
        TrackFile.objects.create(track=make_track(ana, title=title), role="original", blob=shared)
    TrackFile.objects.create(track=make_track(ana), role="cover", blob=make_blob(size=500))
    told = dashboard.overview(by(boss), {})
    assert told["storage"] == [
        {"role": "original", "files": 2, "bytes": 6000},
        {"role": "cover", "files": 1, "bytes": 500},
    ]
    assert told["stored"] == {"files": 2, "bytes": 3500}


def test_nobody_without_the_permission_gets_a_number(bob):
    assert dashboard.overview(by(bob), {}) == {"title": "Overview"}


def test_the_way_around_shows_only_where_one_may_go(boss, mod, bob):
    titles = {user.email: [group["title"] for group in dashboard.navigation(by(user))] for user in (boss, mod, bob)}
    assert titles == {
        "boss@example.org": ["", "Catalogue", "Playlists", "Community", "Uploads", "Archive", "People", "Plans"],
        "mod@example.org": ["", "Catalogue", "Playlists", "Community", "Uploads", "Archive"],
        "bob@example.org": [],
    }


def test_every_registered_page_is_on_the_way_around(boss):
    links = {item["link"] for group in dashboard.navigation(by(boss)) for item in group["items"]}
    models = admin.site._registry
    lists = {f"/admin/{m._meta.app_label}/{m._meta.model_name}/" for m in models}
    desk = "/admin/archive/archiveasset/desk/"
    assert links == {"/admin/", "/admin/uploads/upload/add/", "/admin/uploads/upload/storage-use/", desk, *lists}
