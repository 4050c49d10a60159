"""`/tracks/{id}/plays` and `/tracks/{id}/statistics`, as programs and the page's player use them."""

import pytest

from apps.catalog import plays
from apps.catalog.models import Play
from tests.make import make_key, make_track

pytestmark = pytest.mark.django_db


def report(client, track, **headers):
    return client.post(f"/api/v1/tracks/{track.pk}/plays", headers=headers)


def told(client, track, **query):
    return client.get(f"/api/v1/tracks/{track.pk}/statistics", query)


def test_a_play_is_said_once_and_again_changes_nothing(as_, ana, bob):
    track = make_track(ana)
    for client in (as_(bob), as_(None)):
        first, again = report(client, track), report(client, track)
        assert (first.status_code, first.json()) == (201, {"counted": True})
        assert (again.status_code, again.json()) == (200, {"counted": False})
    assert Play.objects.count() == 2
    assert report(as_(ana), track).json() == {"counted": False}


def test_visitors_of_one_network_are_one_listener(as_, ana):
    """An address of a household's /64 is that household's."""
    track = make_track(ana)

    def visit(address: str) -> int:
        client = as_(None)
        client.defaults["REMOTE_ADDR"] = address
        return report(client, track).status_code

    assert [visit("2001:db8::1"), visit("2001:db8::2"), visit("2001:db8:0:1::1")] == [201, 200, 201]


def test_what_one_may_not_see_one_cannot_have_played(as_, ana, bob, mod):
    hidden = make_track(ana, is_public=False)
    assert [report(as_(user), hidden).status_code for user in (None, bob, mod)] == [404, 404, 201]
    assert report(as_(bob), hidden).json()["code"] == "NOT_FOUND"
    hidden.machine.move(hidden, "removed", removed_at=hidden.created_at, title="")
    assert report(as_(mod), hidden).status_code == 404


def test_a_key_needs_the_scope_to_write(as_, ana, bob):
    track, client = make_track(ana), as_(None)
    for scope, status in (("read", 403), ("write", 201)):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(bob, scope)}")
        assert report(client, track).status_code == status


def test_the_owner_and_staff_read_plays_by_day(as_, ana, bob, mod):
    track = make_track(ana)
    report(as_(bob), track)
    plays.count()
    for user in (ana, mod):
        body = told(as_(user), track, days=7).json()
        assert (body["play_count"], body["plays"], len(body["days"])) == (1, 1, 7)
        assert body["days"][-1]["plays"] == 1 and body["popularity_score"] == "5.02"
    assert len(told(as_(ana), track).json()["days"]) == plays.DAYS
    assert told(as_(bob), track).status_code == 403
    assert told(as_(None), track).status_code == 401


@pytest.mark.parametrize("days", ["0", "367", "-1", "x", "1e9", "٣x", "7" * 999])
def test_days_that_are_none_are_refused_by_name(as_, ana, days):
    refused = told(as_(ana), make_track(ana), days=days)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID") and "days" in refused.json()["errors"]


def test_a_year_costs_no_more_questions_than_a_day(as_, ana, django_assert_num_queries):
    track, client = make_track(ana), as_(ana)
    told(client, track)
    with django_assert_num_queries(4):
        told(client, track, days=1)
    with django_assert_num_queries(4):
        told(client, track, days=366)
