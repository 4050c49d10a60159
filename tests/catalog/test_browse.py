"""The listeners' catalogue page (S4-15): the same filters and counts as the API's list, as a form."""

import re

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils.html import escape

from apps.catalog import actions, browse, filters, words
from apps.catalog.models import Instrument
from tests.make import make_generated, make_track

pytestmark = pytest.mark.django_db
PAGE = "/tracks"


def titles(answer) -> list[str]:
    assert answer.status_code == 200, answer.content
    return [track.title for track in answer.context["tracks"]]


def counts(answer, name: str) -> dict[str, int]:
    (group,) = (group for group in answer.context["groups"] if group.name == name)
    return {choice.value: choice.count for choice in group.choices}


def text(answer) -> str:
    return answer.content.decode()


def test_everything_that_one_may_see_newest_first(client, ana, bob, mod):
    for title, public in (("First", True), ("Secret", False), ("Second", True)):
        make_track(ana, title=title, is_public=public)
    actions.remove(track=make_track(ana, title="Gone"), by=ana)
    assert titles(client.get(PAGE)) == ["Second", "First"]
    client.force_login(bob)
    assert titles(client.get(PAGE)) == ["Second", "First"]
    for person in (ana, mod):
        client.force_login(person)
        assert titles(client.get(PAGE)) == ["Second", "Secret", "First"]


def test_filters_of_the_form_narrow_and_empty_fields_say_nothing(client, ana):
    make_track(ana, title="Slow", genre="House", tempo=90)
    make_track(ana, title="Fast", genre="House", tempo=140)
    make_track(ana, title="Other", genre="Techno", tempo=140)
    sent = {"q": "", "genre": "House", "tempo_min": "100", "tempo_max": "", "duration_min": "", "ordering": "-id"}
    assert titles(client.get(PAGE, sent)) == ["Fast"]
    assert titles(client.get(PAGE, {"genre": ["House", "Techno"], "ordering": "title"})) == ["Fast", "Other", "Slow"]


def test_a_key_is_found_with_its_neighbours_and_neighbours_of_no_key_are_none(client, ana):
    for title, pitch, mode in (("A minor", 9, "minor"), ("E minor", 4, "minor"), ("C#", 1, "major")):
        make_track(ana, title=title, pitch_class=pitch, mode=mode)
    assert titles(client.get(PAGE, {"key": "8A"})) == ["A minor"]
    assert titles(client.get(PAGE, {"key": "8A", "harmonic": "1"})) == ["E minor", "A minor"]
    assert len(titles(client.get(PAGE, {"harmonic": "1"}))) == 3


def test_beside_each_value_stands_how_many_there_are_of_what_one_sees(client, ana):
    for genre, public in (("House", True), ("House", True), ("Techno", True), ("Techno", False)):
        make_track(ana, genre=genre, tempo=120, is_public=public)
    track = make_track(ana, genre="Jazz", tempo=90)
    Instrument.objects.create(track=track, category="drums")
    assert counts(client.get(PAGE), "genre") == {"House": 2, "Techno": 1, "Jazz": 1}
    assert counts(client.get(PAGE), "instrument") == {"drums": 1}
    assert counts(client.get(PAGE, {"tempo_min": "100"}), "genre") == {"House": 2, "Techno": 1}
    client.force_login(ana)
    assert counts(client.get(PAGE), "genre") == {"House": 2, "Techno": 2, "Jazz": 1}


def test_values_of_one_group_are_alternatives_and_count_so(client, ana):
    for genre, mood in (("House", "calm"), ("House", "dark"), ("Techno", "dark")):
        make_track(ana, genre=genre, mood=[mood])
    answer = client.get(PAGE, {"genre": "House"})
    assert counts(answer, "genre") == {"House": 2, "Techno": 1}
    assert counts(answer, "mood") == {"calm": 1, "dark": 1}
    assert answer.context["total"] == 2


def test_what_is_on_is_a_chip_that_takes_it_off(client, ana):
    make_track(ana, title="One", genre="House", mood=["calm"], tempo=120)
    query = {"genre": ["House", "Techno"], "mood": "calm", "tempo_min": "90", "q": "one", "duration_max": "90"}
    answer = client.get(PAGE, query)
    chips = {chip.words: chip.without for chip in answer.context["chips"]}
    assert set(chips) == {"House", "Techno", "calm", "from 90 BPM", "1:30 or shorter"}
    assert escape(chips["House"]) in text(answer)
    left = client.get(PAGE + chips["House"]).context["chips"]
    assert {chip.words for chip in left} == set(chips) - {"House"}


def test_filters_that_the_form_does_not_have_stay_when_it_is_sent(client, ana):
    make_track(ana, title="One", tags=["night"], genre="R&B, Soul")
    answer = client.get(PAGE, {"tags": "night", "genre": r"R&B\, Soul"})
    assert titles(answer) == ["One"]
    assert '<input type="hidden" name="tags" value="night">' in text(answer)
    sent = re.search(r'name="genre" value="([^"]+)" checked', text(answer))[1].replace("&amp;", "&")
    assert titles(client.get(PAGE, {"genre": sent})) == ["One"]


def test_words_that_were_put_right_are_said(client, ana):
    for _ in range(3):
        make_track(ana, title="Lantern")
    words.learn()
    answer = client.get(PAGE, {"q": "lantrn"})
    assert titles(answer) == ["Lantern"] * 3
    assert "Read as <strong>lantern</strong>" in text(answer)
    assert "Read as" not in text(client.get(PAGE, {"q": "lantern"}))


def test_pages_lead_on_and_back_with_the_filters(client, ana, monkeypatch):
    monkeypatch.setattr("apps.catalog.views.PER_PAGE", 2)
    for number in range(5):
        make_track(ana, title=f"Track {number}", genre="House")
    make_track(ana, title="Other", genre="Jazz")
    first = client.get(PAGE, {"genre": "House"})
    second = client.get(PAGE + first.context["around"]["next"])
    third = client.get(PAGE + second.context["around"]["next"])
    assert [titles(page) for page in (first, second, third)] == [
        ["Track 4", "Track 3"],
        ["Track 2", "Track 1"],
        ["Track 0"],
    ]
    assert "next" not in third.context["around"]
    assert titles(client.get(PAGE + second.context["around"]["previous"])) == titles(first)


@pytest.mark.parametrize(
    "query",
    [
        "tempo_min=200&tempo_max=100",
        "tempo_min=fast",
        "owner__email=a",
        "key=H",
        "cursor=nonsense",
        "ordering=password",
        "kind=stolen",
        "q=" + "x" * 300,
    ],
)
def test_what_means_nothing_is_said_and_shows_no_track(client, ana, query):
    make_track(ana)
    answer = client.get(f"{PAGE}?{query}")
    assert answer.status_code == 400
    assert 'role="alert"' in text(answer) and "Night Train" not in text(answer)


@pytest.mark.parametrize("query", ["cursor=%00", "genre=a%00b", "%00=1"])
def test_a_nul_is_refused(client, query):
    assert client.get(f"{PAGE}?{query}").status_code == 400


def test_a_contradiction_is_said_in_the_words_of_the_form(client):
    said = text(client.get(PAGE, {"tempo_min": "200", "tempo_max": "100"}))
    assert "Slowest tempo: not beyond fastest tempo." in said
    assert 'value="200"' in said and 'value="100"' in said


def test_words_from_outside_are_shown_and_never_run(client, ana):
    make_track(ana, title="One", genre="<script>alert(1)</script>")
    for query in ({}, {"genre": "<script>alert(1)</script>"}, {"q": '"><script>alert(1)</script>'}, {"<b>": "1"}):
        assert "<script>alert" not in text(client.get(PAGE, query))


def test_an_empty_page_says_what_to_do(client, ana):
    assert "Nothing is public yet." in text(client.get(PAGE))
    make_track(ana)
    said = text(client.get(PAGE, {"q": "zebra", "kind": "gallery"}))
    assert "No track is like this." in said and "Take off one of the filters above" in said


def test_many_tracks_ask_no_more_often_than_one(client, ana):
    costs = []
    for tracks in (1, 19):
        for _ in range(tracks):
            make_generated(ana, genre="House")
        client.get(PAGE, {"genre": "House"})
        with CaptureQueriesContext(connection) as spent:
            client.get(PAGE, {"genre": "House"})
        costs.append(len(spent))
    assert costs[0] == costs[1] <= 25


def test_the_page_is_reached_from_every_page_and_from_the_front_pages_box(client):
    front = text(client.get("/"))
    assert f'<a href="{PAGE}"' in front
    assert re.search(rf'<form[^>]*action="{PAGE}"[^>]*role="search">', front) and 'name="q"' in front


def test_taking_the_key_off_takes_its_neighbours_off():
    wanted = filters.read({"key": "8A", "harmonic": "1", "genre": "House"})
    assert browse.less(wanted, "key") == filters.read({"genre": "House"})
    assert browse.less(wanted, "harmonic") == filters.read({"key": "8A", "genre": "House"})
    assert browse.less(filters.read({"q": "a", "ordering": "relevance"}), "q") == filters.read({})
