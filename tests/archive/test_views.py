"""The page of one's generated tracks, and who reads the metrics."""

import datetime as dt

import pytest

from apps.archive import schedule, views
from apps.lib import clock
from tests.archive.test_owners import move
from tests.archive.test_statistics import archive
from tests.make import make_generated

pytestmark = pytest.mark.django_db

ELSEWHERE = {"REMOTE_ADDR": "203.0.113.9"}


def test_an_old_link_to_a_track_leads_to_its_page(client, ana):
    track = make_generated(ana)
    client.force_login(ana)
    assert client.get(f"/workspace/library?track={track.pk}").headers["Location"] == f"/tracks/{track.pk}"
    for nonsense in ("", "nobody", "//evil.example"):
        assert client.get("/workspace/library", {"track": nonsense}).status_code == 200


def test_the_page_shows_own_tracks_with_where_their_files_stand(client, ana, bob):
    schedule.plan_tracks([make_generated(ana, title="Mine")])
    make_generated(bob, title="Not mine")
    client.force_login(ana)
    shown = client.get("/workspace/library?saved=waiting").content.decode()
    assert "Mine" in shown and "Waiting to be saved" in shown and "Not mine" not in shown
    assert "Mine</a>" not in client.get("/workspace/library?saved=lost").content.decode()


STATES = {
    "pending": "Sound: Waiting to be saved; Suno keeps it until ",
    "running": "Sound: Being saved now; Suno keeps it until ",
    "retrying": "Sound: Not saved yet because the provider was too slow. Next try at ",
    "gone_suspect": "Sound: Not saved yet because the provider says that it is gone. Next try at ",
    "quarantined": "Sound: Not saved yet because the file breaks what reads it. Next try at ",
    "lost": "Sound: Could not be saved because the provider says that it is gone. <a href=",
    "archived": "Sound: Saved since ",
}
CODES = {"retrying": "TIMED_OUT", "quarantined": "CRASHED"}


@pytest.mark.parametrize("state", STATES)
def test_an_owner_reads_where_a_file_stands_on_the_track_and_in_the_list(client, ana, state):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    if state == "archived":
        archive(track, took=dt.timedelta(hours=1))
    elif state != "pending":
        later = None if state in ("lost", "running") else clock.now() + dt.timedelta(hours=1)
        move(track, state, **({} if state == "running" else {"next_at": later, "error_code": CODES.get(state, "GONE")}))
    client.force_login(ana)
    for page in (f"/tracks/{track.pk}", "/workspace/library"):
        assert STATES[state] in client.get(page).content.decode()
    group = {"lost": "lost", "archived": "saved"}.get(state, "waiting")
    for saved in ("waiting", "lost", "saved"):
        shown = client.get(f"/workspace/library?saved={saved}").content.decode()
        assert (STATES[state] in shown) == (saved == group)


def test_a_track_that_is_not_planned_yet_is_said_to_be_next(client, ana):
    make_generated(ana)
    client.force_login(ana)
    assert "Found; it is saved next." in client.get("/workspace/library?saved=waiting").content.decode()


def test_a_list_of_none_says_so(client, ana):
    client.force_login(ana)
    assert "You have no generated tracks yet." in client.get("/workspace/library").content.decode()
    assert "There are none." in client.get("/workspace/library?saved=lost").content.decode()


def test_a_long_list_costs_as_many_statements_as_a_short_one(client, ana, django_assert_max_num_queries):
    schedule.plan_tracks([make_generated(ana) for _ in range(20)])
    client.force_login(ana)
    with django_assert_max_num_queries(12):
        client.get("/workspace/library")


def test_the_tracks_page_tells_its_owner_more_than_a_stranger(client, ana, bob):
    track = make_generated(ana)
    schedule.plan_tracks([track])
    client.force_login(ana)
    assert "Sound: Waiting to be saved" in client.get(f"/tracks/{track.pk}").content.decode()
    client.force_login(bob)
    shown = client.get(f"/tracks/{track.pk}").content.decode()
    assert "Waiting to be saved" not in shown and "Not archived yet" in shown


def test_without_a_token_metrics_are_for_this_machine_and_for_staff(client, ana, mod):
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", **ELSEWHERE).status_code == 401
    client.force_login(ana)
    assert client.get("/metrics", **ELSEWHERE).status_code == 401
    client.force_login(mod)
    answer = client.get("/metrics", **ELSEWHERE)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/plain; version=0.0.4; charset=utf-8")


@pytest.mark.parametrize("said", views.OF_PROXIES)
def test_what_a_proxy_on_this_machine_hands_on_is_not_from_this_machine(client, said):
    assert client.get("/metrics", headers={said: "127.0.0.1"}).status_code == 401


def test_behind_a_proxy_metrics_are_for_nobody_without_a_token(client, settings):
    """One that says nothing of itself cannot be told from this machine."""
    settings.BEHIND_PROXY = True
    assert client.get("/metrics").status_code == 401


def test_with_a_token_nobody_reads_metrics_without_it(client, settings):
    settings.METRICS_TOKEN = "t" * 32
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer wrong"}).status_code == 401
    assert client.get("/metrics", headers={"Authorization": f"Bearer {'t' * 32}"}, **ELSEWHERE).status_code == 200
