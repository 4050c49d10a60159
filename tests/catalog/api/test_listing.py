"""`/tracks` and `/users/{username}/tracks`: filters, counts and pages, and that nothing hidden shows in any of them."""

import datetime as dt

import pytest

from apps.catalog import actions, words
from apps.catalog.filters import FILTERS
from apps.catalog.models import Credit, Instrument, Track
from tests.make import make_generated, make_playable, make_track

pytestmark = pytest.mark.django_db
URL = "/api/v1/tracks"


def titles(client, address: str = URL, **params) -> list[str]:
    answer = client.get(address, params)
    assert answer.status_code == 200, answer.content
    return [row["title"] for row in answer.json()["results"]]


@pytest.fixture
def some(ana, bob):
    """`one` answers every filter below; of those, `other` answers few."""
    facts = {
        "genre": "Deep House", "subgenre": "Melodic", "tempo": "120.5", "pitch_class": 9, "mode": "minor",
        "mood": ["Calm", "dark"], "tags": ["sea", "Night Drive"], "catalog_number": "BT-2024-001",
        "isrc": "USS1Z2400001", "release_date": dt.date(2024, 2, 29), "duration_ms": 180_000,
        "is_pro_only": True, "artist": "Beyoncé",
    }  # fmt: skip
    one = make_track(ana, title="one", **facts)
    Track.objects.filter(pk=one.pk).update(clearance="cleared")
    Instrument.objects.create(track=one, category="Drums", type="808")
    Credit.objects.create(track=one, name="Earth, Wind & Fire", role="performer")
    away = {
        "kind": "generated",
        "tempo": "140",
        "mood": ["epic"],
        "duration_ms": 60_000,
        "genre": "Rock",
        "isrc": "GBAYE0500001",
    }
    make_track(bob, title="other", **away, mode="major", pitch_class=0, release_date=dt.date(2020, 1, 1))


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "beyonce one"), ("genre", "deep house"), ("genre", "nothing,DEEP HOUSE"), ("subgenre", "melodic"),
        ("tempo_min", "120.5"), ("tempo_max", "120.5"), ("key", "A"), ("key", "8a"), ("key", "C#,A"), ("scale", "minor"),
        ("mood", "calm,sad"), ("mood_all", "CALM,Dark"), ("tags", "night drive"), ("tags_all", "SEA,Night Drive"),
        ("instrument", "drums"), ("instrument", "808"), ("creator", "earth\\, wind & fire"), ("duration_min", "180"),
        ("duration_max", "180"), ("isrc", "us-s1z-24-00001"), ("catalog_number", "bt-2024-001"),
        ("released_after", "2024-02-29"), ("released_before", "2024-02-29"), ("kind", "uploaded"), ("owner", "ANA"),
        ("pro_only", "1"), ("clearance", "cleared"), ("missing", "cover"),
    ],
)  # fmt: skip
def test_each_filter_finds_what_it_asks_for(as_, some, name, value):
    """S4-15."""
    expected = ["one"]
    if (name, value) in (
        ("tempo_min", "120.5"),
        ("duration_max", "180"),
        ("released_before", "2024-02-29"),
        ("missing", "cover"),
    ):
        expected = ["other", "one"]
    assert titles(as_(None), **{name: value}) == expected


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("q", "beyonce other"), ("genre", "deep"), ("subgenre", "mel"), ("tempo_min", "140.01"), ("tempo_max", "120.49"),
        ("key", "9B,D"), ("mood", "cal"), ("mood_all", "calm,sad"), ("tags", "night"), ("tags_all", "sea,x"),
        ("instrument", "drum"), ("creator", "Fire"), ("duration_min", "180.001"), ("duration_max", "59.999"),
        ("isrc", "USS1Z2400002"), ("catalog_number", "BT-2024"), ("released_after", "2024-03-01"), ("kind", "library"),
        ("released_before", "2019-12-31"), ("owner", "nobody"), ("clearance", "blocked"), ("missing", "title,genre"),
    ],
)  # fmt: skip
def test_each_filter_leaves_out_what_it_does_not_ask_for(as_, some, name, value):
    if value == "title,genre":
        value = "genre,tempo"
    assert titles(as_(None), **{name: value}) == []


def test_every_filter_is_tried(as_, some):
    tried = {name for name in FILTERS if name not in ("harmonic", "scale", "pro_only")}
    marks = test_each_filter_leaves_out_what_it_does_not_ask_for.pytestmark[0].args[1]
    assert tried == {name for name, _ in marks}


def test_harmonic_neighbours_mix(as_, ana):
    for pitch, mode, title in [(9, "minor", "8A"), (0, "major", "8B"), (4, "minor", "9A"), (2, "minor", "7A"),
                               (7, "major", "9B"), (11, "minor", "10A"), (9, "", "A")]:  # fmt: skip
        make_track(ana, title=title, pitch_class=pitch, mode=mode)
    mixed = {"8A", "8B", "9A", "7A"}
    assert set(titles(as_(None), key="8A", harmonic="1")) == mixed
    assert set(titles(as_(None), key="A", scale="minor", harmonic="1")) == mixed
    assert set(titles(as_(None), key="A", harmonic="0")) == {"8A", "A"}


@pytest.mark.parametrize(
    ("missing", "expected"),
    [("isrc", {"bare"}), ("cover,key", {"bare", "made"}), ("preview", {"bare"}), ("audio", {"bare"}), ("credits", {"bare"}),
     ("instruments,sections", {"bare", "made"}), ("mood", {"bare"}), ("released", {"bare", "made"})],
)  # fmt: skip
def test_what_is_missing_can_be_asked_for(as_, ana, missing, expected):
    made = make_playable(ana, derived=True, title="made", isrc="USS1Z2400001", mood=["calm"])
    Credit.objects.create(track=made, name="Ana", role="composer")
    make_track(ana, title="bare")
    assert set(titles(as_(None), missing=missing)) == expected


@pytest.mark.parametrize(
    "query",
    [
        "owner__email__startswith=a", "title=x", "genre__iexact=Dub", "q=%00", "tempo_min=NaN", "tempo_min=2&tempo_max=1",
        "released_after=2023-02-30", "genre=" + "x," * 10_000, "q=" + "x" * 201, "ordering=owner__password", "limit=0",
        "ordering=-relevance", "key=Z", "cursor=AAAA", "total=yes", "facets=owner", "fields=password", "expand=owner",
        "mood=a%27%20OR%201=1--%00", "include_private=1", "kind='; DROP TABLE catalog_track; --",
    ],
)  # fmt: skip
def test_what_is_malformed_is_400_with_a_code(as_, ana, query):
    make_track(ana)
    refused = as_(None).get(f"{URL}?{query}")
    assert refused.status_code == 400, refused.content
    assert refused.json()["code"] in ("INVALID", "UNKNOWN_FILTER", "MALFORMED")


def test_sql_in_a_word_is_a_word(as_, ana):
    make_track(ana, title="safe", genre="a' OR 1=1 --")
    assert titles(as_(None), genre="' OR 1=1 --") == []
    assert titles(as_(None), genre="a' or 1=1 --") == ["safe"]
    assert Track.objects.count() == 1


def test_a_correction_is_told_and_the_first_page_is_in_order_of_relevance(as_, ana):
    make_track(ana, title="Midnight Train", popularity_score=1)
    make_track(ana, title="B", description="a midnight train", popularity_score=90)
    words.learn()
    body = as_(None).get(URL, {"q": "midnigth train"}).json()
    assert [row["title"] for row in body["results"]] == ["Midnight Train", "B"]
    assert body["read_as"] == "midnight train"
    assert "read_as" not in as_(None).get(URL, {"q": "midnight train"}).json()


def hide_some(owner) -> None:
    """As near to what is public as can be, and before, between and after it in every order."""
    for number, facts in enumerate([{"popularity_score": 100}, {}, {"tempo": "120", "play_count": 9}]):
        make_track(owner, title=f"Midnight {'AZM'[number]} zanzibar", genre="House", is_public=False, **facts)
    actions.create(owner=owner, kind="uploaded", title="Midnight waiting", genre="House")
    words.learn()


def test_what_is_hidden_changes_nothing_for_a_stranger(as_, ana, bob):
    """S0-27: results, order, pages, counts, corrections and ETags, before and after somebody hides more."""
    for number in range(5):
        make_track(ana, title=f"Midnight {number}", genre="House", tempo=number or None, popularity_score=number)
    words.learn()
    asked = [
        {}, {"q": "midnight"}, {"q": "midnigth", "total": 1}, {"q": "zanzibaar midnight"}, {"q": "zanzibar"},
        {"ordering": "-popularity", "limit": 2}, {"ordering": "title", "limit": 2}, {"ordering": "tempo"},
        {"genre": "house", "total": 1, "facets": "genre,tempo"}, {"owner": "ana", "total": 1}, {"missing": "tempo"},
    ]  # fmt: skip

    def answers() -> list:
        found = []
        for viewer in (None, bob):
            for params in asked:
                for address in (URL, "/api/v1/users/ana/tracks"):
                    if "owner" not in params or address == URL:
                        answer = as_(viewer).get(address, params)
                        assert answer.status_code == 200, answer.content
                        found.append((answer.content, answer["ETag"]))
        return found

    before = answers()
    hide_some(ana)
    assert answers() == before


def test_the_owner_and_staff_see_and_count_what_is_hidden(as_, ana, mod):
    make_track(ana, title="Midnight")
    hide_some(ana)
    for viewer, total in ((ana, 5), (mod, 5), (None, 1)):
        assert as_(viewer).get(URL, {"q": "midnight", "total": 1}).json()["total"] == total


def test_somebodys_list_is_public_unless_private_ones_are_asked_for(as_, ana, bob, mod):
    """S0-22."""
    address = "/api/v1/users/ana/tracks"
    for title, public in (("old", True), ("hidden", False), ("new", True)):
        make_track(ana, title=title, is_public=public)
    make_track(bob, title="Bob's")
    for viewer in (None, bob, ana, mod):
        assert titles(as_(viewer), address) == ["new", "old"]
        body = as_(viewer).get(address, {"include_private": 1, "total": 1}).json()
        shown = ["new", "hidden", "old"] if viewer in (ana, mod) else ["new", "old"]
        assert ([row["title"] for row in body["results"]], body["total"]) == (shown, len(shown))
    assert as_(None).get(address, {"total": 1}).json()["total"] == 2
    assert as_(None).get("/api/v1/users/nobody/tracks").status_code == 404
    assert as_(None).get(address, {"owner": "bob"}).status_code == 400


def test_removed_and_merged_tracks_are_in_no_list(as_, ana, mod):
    actions.remove(track=make_track(ana, genre="House"), by=ana)
    for viewer in (ana, mod):
        assert titles(as_(viewer), total=1) == []


def test_pages_keep_what_was_asked_for(as_, ana):
    for number in range(5):
        make_track(ana, title=f"Night {number}", genre="House", popularity_score=number // 2)
    client = as_(None)
    body = client.get(URL, {"q": "night", "genre": "house", "limit": 2, "fields": "title"}).json()
    seen = [row["title"] for row in body["results"]]
    assert body["previous"] is None and set(body["results"][0]) == {"title"}
    while body["next"]:
        body = client.get(body["next"]).json()
        seen += [row["title"] for row in body["results"]]
    assert seen == ["Night 4", "Night 3", "Night 2", "Night 1", "Night 0"]


def test_a_cursor_of_another_order_is_refused(as_, ana):
    for number in range(3):
        make_track(ana, title=f"{number}")
    cursor = as_(None).get(URL, {"limit": 1, "ordering": "title"}).json()["next"].split("cursor=")[1].split("&")[0]
    refused = as_(None).get(URL, {"cursor": cursor, "ordering": "-title"})
    assert (refused.status_code, set(refused.json()["errors"])) == (400, {"cursor"})


def test_counts_come_with_the_page(as_, ana):
    make_track(ana, genre="House", pitch_class=0)
    make_track(ana, genre="House")
    make_track(ana, genre="Dub")
    body = as_(None).get(URL, {"limit": 1, "facets": "genre,key", "total": 1}).json()
    assert (body["total"], body["facets"]) == (3, {"genre": {"House": 2, "Dub": 1}, "key": {"C": 1}})
    assert not {"total", "facets"} & set(as_(None).get(URL).json())


def test_an_unchanged_page_answers_304_to_the_same_person_alone(as_, ana, bob):
    """S0-30."""
    make_track(ana, title="one")
    make_track(ana, title="private", is_public=False)
    hers = as_(ana).get(URL)
    assert hers["Cache-Control"] == "private, no-cache"
    again = as_(ana).get(URL, HTTP_IF_NONE_MATCH=hers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert as_(bob).get(URL, HTTP_IF_NONE_MATCH=hers["ETag"]).status_code == 200
    make_track(ana, title="two")
    assert as_(ana).get(URL, HTTP_IF_NONE_MATCH=hers["ETag"]).status_code == 200


@pytest.mark.parametrize(
    "query", ["", "?q=night&total=1", "?genre=house&ordering=-popularity&expand=credits", "?owner=ana"]
)
def test_a_list_costs_the_same_queries_for_one_row_and_for_twenty(as_, ana, query, django_assert_max_num_queries):
    client = as_(ana)
    make_generated(ana, title="Night", genre="House")
    words.learn()
    with django_assert_max_num_queries(10) as one:
        assert len(client.get(URL + query).json()["results"]) == 1
    for _ in range(19):
        make_track(ana, title="Night", genre="House")
    with django_assert_max_num_queries(10) as twenty:
        assert len(client.get(URL + query).json()["results"]) == 20
    assert len(one) == len(twenty)
