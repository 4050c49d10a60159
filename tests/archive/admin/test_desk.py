"""The archive on one page: every number beside its target and with the way to its list."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.utils import timezone
from redis import ConnectionError as RedisAway

from apps.archive import gate, hosts, watching
from apps.archive.models import Alarm, Finding
from apps.lib.fetch import FetchError
from tests.archive.test_admin import make_asset
from tests.archive.test_statistics import archive
from tests.archive.world import closed
from tests.doors.desk import make_blob, make_finding
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

DESK = "/admin/archive/archiveasset/desk/"
HOUR = dt.timedelta(hours=1)


def tiles(client) -> dict[str, tuple]:
    """By their titles: number, words, whether somebody should look, and the list."""
    return {title: rest for title, *rest in client.get(DESK).context["upkeep"]}


def measures(client) -> dict[str, list]:
    return {what: rest for what, *rest in client.get(DESK).context["measures"]}


def test_an_empty_archive_has_a_page_that_says_so(desk):
    page = desk.get(DESK).content.decode()
    for words in ("Nothing is at risk.", "Nothing is lost.", "Nothing is archived yet."):
        assert words in page
    assert "The promise is in danger" not in page


def test_what_is_at_risk_and_lost_stands_there_with_its_reason_and_what_to_do(desk, ana):
    make_asset(ana, "gone_suspect", title="Risky")
    make_asset(ana, "lost", title="Gone")
    make_asset(ana, title="Well")
    page = desk.get(DESK)
    (risky,), (gone,) = page.context["risks"]["lines"], page.context["lost"]["lines"]
    assert (risky["asset"].track.title, risky["why"]) == ("Risky", "No more.")
    assert gone["to_do"] == "Ask the owner for the file and hand it in."
    assert "just now" in gone["when"] and ">in " in risky["when"]
    shown = page.content.decode()
    assert "Risky" in shown and "Gone" in shown and "Well" not in shown


def test_a_long_list_shows_its_beginning_and_the_way_to_the_rest(desk, ana):
    for number in range(11):
        make_asset(ana, "lost", title=f"Gone {number}")
    page = desk.get(DESK)
    assert len(page.context["lost"]["lines"]) == 10
    assert "All of them, to archive or retry at once" in page.content.decode()


def test_measures_stand_beside_their_targets_and_a_missed_one_is_said(desk, ana):
    """S3-15."""
    archive(make_generated(ana), took=HOUR)
    make_asset(ana, "lost")
    found = measures(desk)
    assert found["Archived before expiry"] == ["50.00 %", "50.00 %", "≥ 95 %", False]
    assert found["Lost files"] == [1, 1, "0", False]
    assert found["From finished to archived, p50"][0] == "1 h"
    assert "missed" in desk.get(DESK).content.decode()


def test_charts_are_tables_too(desk, ana):
    make_asset(ana, title="Waits", left=dt.timedelta(days=3))
    archive(make_generated(ana), took=HOUR)
    shown = desk.get(DESK).content.decode()
    assert '<th scope="row">4 d</th><td>1</td>' in shown
    assert "Suno: what became of files" in shown
    assert "<title>4 d: 1 file</title>" in shown


def test_the_price_of_a_thousand_tracks_is_that_of_the_plan(desk):
    """S3-16."""
    assert "A thousand typical tracks weigh 32 GB and cost $0.67." in desk.get(DESK).content.decode()


def test_an_alarm_stands_first_with_the_way_to_its_row(desk, ana):
    make_asset(ana, "lost")
    watching.look()
    shown = desk.get(DESK).content.decode()
    assert "The promise is in danger" in shown and f"/admin/archive/alarm/{Alarm.objects.get().pk}/change/" in shown


def test_a_host_that_is_left_alone_is_named_with_why_and_until_when(desk, ana):
    asset = make_asset(ana)
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."))
    number, words, alarm, link = tiles(desk)["Hosts left alone"]
    assert (number, words, alarm) == (1, "Of 1 known; 1 did not answer.", True)
    assert desk.get(link).status_code == 200
    shown = desk.get(DESK).content.decode()
    assert asset.host in shown and "NETWORK_ERROR" in shown and "never" in shown


def test_damages_and_closed_days_are_told_with_their_lists(desk, ana):
    make_finding(make_blob(), "No place has it.")
    Finding.machine.move_all(Finding.objects.all(), "unrepairable")
    (*_, last) = closed(2)
    found = tiles(desk)
    number, words, alarm, link = found["Damaged files"]
    assert (number, words, alarm) == (1, "Stored, and not repaired; 1 beyond repair.", True)
    assert desk.get(link).context["cl"].result_count == 1
    number, words, alarm, link = found["Last closed day"]
    assert number == f"{last.day:%-d %b}" and last.sha256[:12] in words and not alarm
    assert desk.get(link).context["cl"].result_count == 2


def test_bytes_that_were_not_read_in_time_are_counted(desk, settings):
    blob = make_blob(size=2_000_000)
    type(blob).objects.update(verified_at=timezone.now() - dt.timedelta(days=settings.SCRUB_DAYS + 1))
    number, words, alarm, _ = tiles(desk)["Not read in time"]
    assert (number, alarm) == ("2\xa0MB", True) and "31 d ago" in words


def test_the_page_stands_also_while_the_cache_is_away(desk, ana, monkeypatch):
    def away(*args, **facts):
        raise RedisAway("Connection refused.")

    make_asset(ana, "lost", title="Gone")
    for name in ("get", "get_many", "set"):
        monkeypatch.setattr(cache, name, away)
    assert "Gone" in desk.get(DESK).content.decode()


def test_only_who_watches_the_archive_sees_it(client, ana):
    assert client.get(DESK).status_code == 302
    client.force_login(ana)
    assert client.get(DESK).status_code in (302, 403)
