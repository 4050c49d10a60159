"""Pages in every order: each row once, however many tie, have no value, or come in meanwhile."""

import base64
import datetime as dt
import itertools
import json
from dataclasses import replace

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from apps.catalog import actions, filters, keyset, search, words
from apps.catalog.keyset import ORDERS
from apps.catalog.models import Track
from apps.catalog.models.track import POPULAR
from apps.lib.errors import Refusal
from tests.make import make_track

pytestmark = pytest.mark.django_db
FACTS = [
    {"tempo": None, "popularity_score": 0}, {"tempo": "120", "popularity_score": 5}, {"tempo": "120", "play_count": 3},
    {"duration_ms": 2000, "release_date": dt.date(2020, 1, 1)}, {"duration_ms": 2000, "title": "night"},
    {"release_date": dt.date(2021, 1, 1), "title": "Night Z"}, {"title": "Élan", "description": "night"},
]  # fmt: skip


def make_some(owner, rounds: int = 3) -> list[Track]:
    return [make_track(owner, **{"title": "Night", **facts}) for _ in range(rounds) for facts in FACTS]


def reader(**params) -> keyset.Reader:
    return filters.read(params).reader(Track.objects.public())


def walk(pages: keyset.Reader, size: int, way: str = "next", start=None, between=lambda: None) -> list:
    seen, place = [], start
    for _ in range(100):
        page = pages.page(size, place)
        seen.append(page.ids)
        place = getattr(page, way)
        if place is None:
            return seen
        place = pages.place(pages.cursor(place))
        between()
    raise AssertionError("no end")


def flat(pages: list) -> list:
    return list(itertools.chain.from_iterable(pages))


@pytest.mark.parametrize("how", ["plan", "gather", "walk"])
@pytest.mark.parametrize("ordering", ORDERS)
def test_every_order_visits_every_row_once(ana, ordering, how):
    tracks = make_some(ana)
    words.learn()
    pages = replace(reader(q="night", ordering=ordering), how=how)
    seen = flat(walk(pages, 4))
    assert len(seen) == len(tracks) and set(seen) == {track.pk for track in tracks}


@pytest.mark.parametrize("ordering", [name for name in ORDERS if name != "relevance"])
def test_rows_are_in_order_ties_by_id_and_what_has_no_value_last(ana, ordering):
    make_some(ana)
    order = ORDERS[ordering]
    rows = [Track.objects.get(pk=pk) for pk in flat(walk(reader(ordering=ordering), 4))]
    valued = [track for track in rows if getattr(track, order.column) is not None]
    assert rows[: len(valued)] == valued
    for part in (valued, rows[len(valued) :]):
        ids = [track.pk for track in part if getattr(track, order.column) == getattr(part[0], order.column)]
        assert ids == sorted(ids, reverse=order.descending)
    if order.column != "title":
        values = [getattr(track, order.column) for track in valued]
        assert values == sorted(values, reverse=order.descending)


@pytest.mark.parametrize("ordering", ORDERS)
def test_previous_leads_back_over_the_same_pages(ana, ordering):
    make_some(ana)
    pages = reader(q="night", ordering=ordering)
    forth = walk(pages, 4)
    place = None
    for _ in range(len(forth) - 1):
        place = pages.page(4, place).next
    last = pages.page(4, place)
    assert last.next is None
    back = walk(pages, 4, "previous", pages.place(pages.cursor(last.previous)))
    assert flat(reversed(back)) == flat(forth[:-1])


@pytest.mark.parametrize("ordering", ["-popularity", "title", "tempo", "-released", "relevance", "-id", "id"])
def test_rows_that_come_in_meanwhile_take_no_place_from_others(ana, ordering):
    before = {track.pk for track in make_some(ana, 2)}
    pages = reader(q="night", ordering=ordering)
    seen = flat(itertools.islice(walk(pages, 3, between=lambda: Track.objects.count() < 25 and make_some(ana, 1)), 30))
    assert len(seen) == len(set(seen))
    assert before <= set(seen)


def test_by_relevance_names_come_first_and_then_the_popular(ana):
    said = make_track(ana, title="B", description="night", popularity_score=99)
    artist = make_track(ana, title="C", artist="Night Owls", popularity_score=7)
    title = make_track(ana, title="Night", popularity_score=3)
    make_track(ana, title="D", popularity_score=100)
    assert reader(q="night").page(10).ids == [artist.pk, title.pk, said.pk]


def test_what_is_wanted_beyond_the_rows_that_are_looked_at_is_gathered(ana, monkeypatch):
    monkeypatch.setattr(keyset, "FIRST_LOOK", 2)
    monkeypatch.setattr(keyset, "LOOKED_AT", 3)
    rare = make_track(ana, title="Rare", genre="rare")
    make_some(ana)
    found = reader(genre="RARE").page(3)
    assert (found.ids, found.next, found.previous) == ([rare.pk], None, None)
    assert len(flat(walk(reader(q="night"), 4))) == 21


@pytest.mark.parametrize("looked", [(1, 1), (1, 2), (2, 3), (3, 1), (4, 4), (5, 9), (21, 1), (22, 22)])
@pytest.mark.parametrize("ordering", ["-id", "-popularity", "tempo", "relevance"])
def test_however_many_rows_are_looked_at_every_row_comes_once(ana, monkeypatch, ordering, looked):
    monkeypatch.setattr(keyset, "FIRST_LOOK", looked[0])
    monkeypatch.setattr(keyset, "LOOKED_AT", looked[1])
    tracks = make_some(ana)
    pages = replace(reader(q="night", ordering=ordering), how="walk")
    seen = flat(walk(pages, 4))
    assert len(seen) == len(tracks) and set(seen) == {track.pk for track in tracks}


def make_ladder(ana, bob) -> None:
    """Below, at and above each rung, with ties, in names and elsewhere, public and private."""
    for score in (0, "14.99", 15, 15, "15.01", "29.99", 30, 30, 100):
        make_track(ana, title="Night", popularity_score=score)
        make_track(bob, title="Night", popularity_score=score, is_public=False)
        make_track(bob, title="B", description="night", popularity_score=score)
    make_track(bob, title="C", popularity_score=30)


def sorted_at_once(viewer, ordering: str) -> list:
    rows = [track for track in Track.objects.visible_to(viewer).live() if track.title != "C"]
    if ordering == "relevance":
        rows.sort(key=lambda track: (track.title == "Night", track.popularity_score, track.pk), reverse=True)
    else:
        rows.sort(key=lambda track: (track.popularity_score, track.pk), reverse=ordering == "-popularity")
    return [track.pk for track in rows]


@pytest.mark.parametrize("how", ["gather", "walk"])
@pytest.mark.parametrize("ordering", ["relevance", "-popularity", "popularity"])
def test_pages_from_rung_to_rung_are_those_of_one_sort(ana, bob, monkeypatch, ordering, how):
    monkeypatch.setattr(search, "RARE", 0)
    monkeypatch.setattr(keyset, "FIRST_LOOK", 2)
    make_ladder(ana, bob)
    words.learn()
    for viewer, size in itertools.product((AnonymousUser(), ana, bob), (1, 2, 3, 5, 50)):
        wanted = filters.read({"q": "night", "ordering": ordering})
        pages = replace(wanted.reader(Track.objects.visible_to(viewer).live()), how=how)
        assert pages.rungs == POPULAR
        every = sorted_at_once(viewer, ordering)
        assert flat(walk(pages, size)) == every
        for at in range(1, len(every)):
            place = places(pages, ordering)[every[at]]
            assert pages.page(size, place._replace(back=True)).ids == every[max(0, at - size) : at]
            assert pages.page(size, place).ids == every[at + 1 : at + 1 + size]


def places(pages: keyset.Reader, ordering: str) -> dict:
    """Of each row the place that a page which ends there names."""
    rows = pages.rows.values_list("pk", "title", "popularity_score")
    stretch = {"relevance": {"B": 1}}.get(ordering, {})
    return {pk: keyset.Place(stretch.get(title, 0), score, pk) for pk, title, score in rows}


def test_rungs_are_for_words_in_the_order_of_popularity_unless_the_words_are_rare(ana, monkeypatch):
    make_some(ana)
    words.learn()
    assert reader(q="night").rungs == ()
    monkeypatch.setattr(search, "RARE", 0)
    assert reader(q="night").rungs == reader(q="night", ordering="-popularity").rungs == POPULAR
    assert reader(q="night", ordering="title").rungs == reader(ordering="-popularity").rungs == ()


def test_each_rung_has_indexes_of_its_own():
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexname, indexdef FROM pg_indexes WHERE tablename = 'catalog_track'")
        indexes = dict(cursor.fetchall())
    for least in POPULAR:
        for name, words_ in (("track_search", "search"), ("track_search_names", "ts_filter(search")):
            index = indexes[f"{name}_{least}"]
            assert words_ in index and index.endswith(f"WHERE (popularity_score >= ({least})::numeric)"), index


@pytest.mark.parametrize("name", ["mood", "tags"])
@pytest.mark.parametrize("word", ["calm", "CALM", "élan", "a,b", 'a"b', "null", "cal", "{}"])
def test_words_are_the_same_in_a_row_at_hand_as_by_their_index(ana, name, word):
    lists = ([], ["Calm"], ["dark", "cAlm"], ["Élan"], ["a,B"], ['A"b'], ["NULL"], ["{}"], ["calmer"])
    for words_of in lists:
        make_track(ana, **{name: words_of})
    asked = reader(**{name: [word.replace(",", "\\,")], "ordering": "-popularity"})
    seen, wanted = asked.stretches[0].seen, asked.stretches[0].wanted
    assert seen != wanted and list(Track.objects.filter(seen)) == list(Track.objects.filter(wanted))
    walked = [replace(asked, how=how).page(50).ids for how in ("walk", "gather", "plan")]
    assert walked[0] == walked[1] == walked[2] and bool(walked[0]) is (word != "cal")


def test_a_page_beyond_the_last_row_is_empty(ana):
    track = make_track(ana)
    pages = reader()
    place = keyset.Place(0, track.pk, track.pk)
    actions.remove(track=track, by=ana)
    assert pages.page(5, place) == keyset.Page([], None, None)


def cursor(*said) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


PK = "0" * 32


@pytest.mark.parametrize(
    "broken",
    [
        "", "nonsense", "%%%", "é", "A" * 9000, cursor(), cursor(1, 2, 3, 4, 5), cursor("title", 0, "a", PK, 0),
        cursor("-popularity", 1, "1", PK, 0), cursor("-popularity", -1, "1", PK, 0),
        cursor("-popularity", 0, "NaN", PK, 0), cursor("-popularity", 0, "1e999999", PK, 0),
        cursor("-popularity", 0, None, PK, 0), cursor("-popularity", 0, "1", "x", 0), cursor("-popularity", 0, "1", PK, 7),
        cursor("-popularity", 0, "1", 5, 0), cursor("-popularity", 0, "1", PK), cursor("-popularity", True, [], PK, 0),
        cursor("-popularity", 0.5, "1", PK, 0), base64.b64encode(b"[" * 3000).decode(),
    ],
)  # fmt: skip
def test_what_is_no_cursor_of_this_order_is_refused(broken):
    with pytest.raises(Refusal) as refused:
        reader(ordering="-popularity").place(broken)
    assert (refused.value.code, set(refused.value.fields)) == ("INVALID", {"cursor"})


@pytest.mark.parametrize(
    ("ordering", "value"),
    [
        ("title", "\ud800"), ("title", "a\x00"), ("title", "x" * 3000), ("plays", str(2**63)), ("plays", "1.5"),
        ("plays", "9" * 5000), ("released", "2023-02-29"), ("tempo", "inf"), ("tempo", "1" * 40), ("id", "x"),
    ],
)  # fmt: skip
def test_a_value_that_no_row_has_is_refused(ordering, value):
    with pytest.raises(Refusal):
        reader(ordering=ordering).place(cursor(ordering, 0, value, PK, 0))


@pytest.mark.parametrize("value", ["", "'; DROP TABLE x", "%s", "{}", "\u2028"])
def test_any_title_is_a_place(ana, value):
    track = make_track(ana, title="\U0001f600")
    pages = reader(ordering="title")
    assert pages.page(5, pages.place(cursor("title", 0, value, PK, 0))).ids == [track.pk]
