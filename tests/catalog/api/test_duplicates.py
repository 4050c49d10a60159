"""`/duplicates` for who curates (decision 0038)."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import changesets, merging
from apps.catalog.models import Changeset, Duplicate
from tests.doors.world import make_pair

pytestmark = pytest.mark.django_db
PAGE = "/api/v1/duplicates"


def likenesses(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [row["likeness"] for row in answer.json()["results"]]


def test_the_likest_open_pairs_come_first_in_pages(ana, mod, as_):
    for likeness in ("0.7", "0.9", "0.8"):
        Duplicate.objects.filter(pk=make_pair(ana).pk).update(likeness=likeness)
    client = as_(mod)
    first = client.get(PAGE, {"limit": 2})
    assert likenesses(first) == ["0.900", "0.800"]
    assert likenesses(client.get(first.json()["next"])) == ["0.700"]


def test_a_pair_says_what_its_tracks_are_and_why(ana, mod, as_):
    pair = make_pair(ana)
    (row,) = as_(mod).get(PAGE).json()["results"]
    assert (row["first"]["id"], row["second"]["id"]) == (str(pair.first_id), str(pair.second_id))
    assert (row["reasons"], row["state"], row["first"]["owner"]) == (["near"], "open", str(ana.pk))


def test_pairs_are_filtered_by_state_and_reason(ana, mod, as_):
    pairs = [make_pair(ana) for _ in range(2)]
    Duplicate.machine.move(pairs[0], "dismissed")
    Duplicate.objects.filter(pk=pairs[1].pk).update(reasons=["isrc"])
    client = as_(mod)
    for query, found in (({}, 1), ({"state": "dismissed"}, 1), ({"reason": "isrc"}, 1), ({"reason": "bytes"}, 0)):
        assert len(likenesses(client.get(PAGE, query))) == found


@pytest.mark.parametrize(
    ("query", "code"),
    [({"state": "lost"}, "INVALID"), ({"reason": "near,isrc"}, "INVALID"), ({"owner__email": "a"}, "UNKNOWN_FILTER")],
)
def test_a_filter_that_is_none_is_refused(mod, as_, query, code):
    answer = as_(mod).get(PAGE, query)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_list_of_many_asks_no_more_often_than_a_list_of_one(ana, mod, as_):
    client, costs = as_(mod), []
    for pairs in (1, 19):
        for _ in range(pairs):
            make_pair(ana)
        with CaptureQueriesContext(connection) as spent:
            client.get(PAGE)
        costs.append(len(spent))
    assert costs[0] == costs[1]


def test_a_pair_is_dismissed_once(ana, mod, as_):
    pair, client = make_pair(ana), as_(mod)
    answer = client.post(f"{PAGE}/{pair.pk}/dismiss")
    assert (answer.status_code, answer.json()["state"]) == (200, "dismissed")
    assert client.post(f"{PAGE}/{pair.pk}/dismiss").json()["code"] == "CONFLICT"


def test_a_merge_is_asked_for_and_waits_for_its_preview(ana, mod, as_):
    pair = make_pair(ana)
    body = {"keep": str(pair.second_id), "facts": ["genre", "credits"]}
    answer = as_(mod).post(f"{PAGE}/{pair.pk}/merge", body, format="json")
    assert answer.status_code == 202
    changeset = Changeset.objects.get(pk=answer.json()["changeset"])
    assert (changeset.kind, changeset.state, changeset.made_by) == ("merge", "due", mod)
    assert changeset.order["keep"] == str(pair.second_id) and changeset.order["facts"] == ["genre", "credits"]
    changesets.work(seconds=5)
    changeset.refresh_from_db()
    assert changeset.state == "previewed" and pair.first.status == "ready"


@pytest.mark.parametrize("body", [{}, {"keep": "x"}, {"keep": None}, {"facts": ["owner"]}, {"facts": "genre"}])
def test_a_merge_that_is_none_is_refused_and_nothing_is_asked_for(ana, mod, as_, body):
    pair = make_pair(ana)
    answer = as_(mod).post(f"{PAGE}/{pair.pk}/merge", {"keep": str(pair.first_id), **body} if "facts" in body else body,
                           format="json")  # fmt: skip
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert not Changeset.objects.exists()


def test_every_choice_can_be_asked_for(ana, mod, as_):
    pair = make_pair(ana)
    body = {"keep": str(pair.first_id), "facts": list(merging.CHOICES)}
    assert as_(mod).post(f"{PAGE}/{pair.pk}/merge", body, format="json").status_code == 202
