import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from rest_framework.request import Request
from rest_framework.test import APIRequestFactory

from apps.catalog import actions
from apps.catalog.models import Track
from apps.lib.errors import Refusal
from apps.lib.paging import Keyset
from tests.make import make_track

pytestmark = pytest.mark.django_db
URL = "/api/v1/tracks"


def cursor(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


def walk(client, address: str, direction: str = "next") -> list[list[str]]:
    """The titles of every page from here to the end."""
    pages = []
    while address:
        answer = client.get(address)
        assert answer.status_code == 200, answer.content
        pages.append([row["title"] for row in answer.json()["results"]])
        address = answer.json()[direction]
    return pages


def make_tracks(owner, count: int) -> list[str]:
    """Their titles, newest first."""
    for number in range(count):
        make_track(owner, title=f"{number}")
    return [f"{number}" for number in reversed(range(count))]


def ids_of(titles: list[str]) -> list:
    return list(Track.objects.filter(title__in=titles).values_list("pk", flat=True))


def test_pages_hold_every_row_once_newest_first(as_, ana):
    titles = make_tracks(ana, 7)
    pages = walk(as_(None), f"{URL}?limit=3")
    assert pages == [titles[:3], titles[3:6], titles[6:]]


def test_previous_leads_back_over_the_same_pages(as_, ana):
    make_tracks(ana, 7)
    client = as_(None)
    forth = walk(client, f"{URL}?limit=3")
    second = client.get(client.get(f"{URL}?limit=3").json()["next"]).json()
    last = client.get(second["next"]).json()
    assert second["previous"] and last["next"] is None
    assert walk(client, last["previous"], "previous") == [forth[1], forth[0]]


def test_a_page_says_results_next_and_previous(as_, ana):
    make_tracks(ana, 2)
    body = as_(None).get(URL).json()
    assert set(body) == {"results", "next", "previous"}
    assert (body["next"], body["previous"]) == (None, None)


def test_rows_that_come_in_meanwhile_move_nothing(as_, ana):
    titles = make_tracks(ana, 6)
    client = as_(None)
    first = client.get(f"{URL}?limit=2").json()
    make_track(ana, title="new")
    assert walk(client, first["next"]) == [titles[2:4], titles[4:]]


def test_rows_that_go_meanwhile_take_no_other_row_with_them(as_, ana):
    titles = make_tracks(ana, 6)
    client = as_(None)
    first = client.get(f"{URL}?limit=2").json()
    actions.remove_all(tracks=Track.objects.filter(pk__in=ids_of(titles[1:3])), by=ana)
    assert walk(client, first["next"]) == [titles[3:5], titles[5:]]


def test_rows_that_tie_are_neither_lost_nor_repeated(ana):
    """More of them than a page holds; the key breaks the tie."""
    make_tracks(ana, 7)
    address, seen = "/?limit=2", []
    while address:
        pages = Keyset()
        pages.ordering = ("genre", "id")
        request = Request(APIRequestFactory().get(address))
        seen += [row.title for row in pages.paginate_queryset(Track.objects.all(), request)]
        address = pages.get_next_link()
    assert seen == [f"{number}" for number in range(7)]


def test_without_a_limit_a_page_has_fifty_rows(as_, ana):
    make_tracks(ana, 51)
    assert [len(page) for page in walk(as_(None), URL)] == [50, 1]


@pytest.mark.parametrize("limit", ["1", "200"])
def test_a_limit_within_bounds_is_taken_and_kept_by_the_links(as_, ana, limit):
    make_tracks(ana, 2)
    answer = as_(None).get(f"{URL}?limit={limit}")
    assert answer.status_code == 200
    if link := answer.json()["next"]:
        assert parse_qs(urlsplit(link).query)["limit"] == [limit]


@pytest.mark.parametrize("limit", ["0", "201", "000000001000", "-1", "", "1.5", "ten", "9" * 5000, "²", "0x10", " 5"])
def test_a_limit_out_of_bounds_is_refused_with_the_bounds(as_, limit):
    answer = as_(None).get(URL, {"limit": limit})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert answer.json()["errors"] == {"limit": ["limit: a whole number from 1 to 200."]}


@pytest.mark.parametrize("broken", ["nonsense", "%%%", "é", "AAAA", "", cursor("o=x&p=1"), cursor("o=-1"), "A" * 4000])
def test_an_unreadable_cursor_is_refused_or_means_the_first_page(as_, ana, broken):
    titles = make_tracks(ana, 2)
    answer = as_(None).get(URL, {"cursor": broken})
    if answer.status_code == 200:
        assert [row["title"] for row in answer.json()["results"]] == titles
    else:
        assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
        assert "cursor" in answer.json()["errors"]


@pytest.mark.parametrize("position", ["not-a-key", "%00", "1", "x" * 5000])
def test_a_forged_position_is_refused(as_, ana, position):
    make_tracks(ana, 2)
    answer = as_(None).get(URL, {"cursor": cursor(f"p={position}")})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")


def test_a_limit_is_refused_before_a_row_is_read(django_assert_num_queries):
    request = Request(APIRequestFactory().get("/?limit=0"))
    with django_assert_num_queries(0), pytest.raises(Refusal):
        Keyset().paginate_queryset(Track.objects.all(), request)
