"""Announcing a generation, and seeing what became of it."""

import pytest

from apps.archive import generations
from apps.archive.models import Generation
from tests.archive.providers.world import begin, open_apis, song
from tests.make import make_key

pytestmark = pytest.mark.django_db(transaction=True)

DOOR = "/api/v1/generations"
BODY = {
    "provider": "suno",
    "provider_track_id": "t1",
    "title": "To Come",
    "genre": "House",
    "release_date": "2026-01-02",
}


@pytest.fixture(autouse=True)
def apis(settings, provider):
    open_apis(settings, provider)
    begin(provider, "suno", "t1", song(provider, "suno", "a"), finished=True)


def test_an_announced_generation_is_asked_for_and_shown_with_its_track(as_, ana):
    answer = as_(ana).post(DOOR, BODY, format="json")
    assert (answer.status_code, answer.json()["state"]) == (202, "waiting")
    generations.work(seconds=10)
    (shown,) = as_(ana).get(DOOR).json()["results"]
    assert (shown["state"], len(shown["tracks"])) == ("finished", 1)
    track = as_(ana).get(f"/api/v1/tracks/{shown['tracks'][0]}").json()
    assert (track["title"], track["genre"], track["release_date"]) == ("To Come", "House", "2026-01-02")


def test_said_again_it_is_the_same(as_, ana):
    first, second = (as_(ana).post(DOOR, BODY, format="json") for _ in range(2))
    assert first.json()["id"] == second.json()["id"] and Generation.objects.count() == 1


def test_others_do_not_see_it_and_staff_do(as_, ana, bob, mod):
    as_(ana).post(DOOR, BODY, format="json")
    shown = {person: len(as_(person).get(DOOR).json()["results"]) for person in (ana, bob, mod)}
    assert shown == {ana: 1, bob: 0, mod: 1}


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"provider": "nobody"}, "INVALID"), ({"provider_track_id": "../../x"}, "INVALID"), ({"title": ""}, "INVALID"),
        ({"provider_track_id": None}, "INVALID"), ({"tempo": "fast"}, "INVALID"), ({"isrc": "x"}, "INVALID"),
    ],
)  # fmt: skip
def test_what_cannot_be_announced_is_refused_by_field(as_, ana, change, code):
    answer = as_(ana).post(DOOR, BODY | change, format="json")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
    assert not Generation.objects.exists()


def test_a_key_that_only_reads_announces_nothing(as_, ana):
    key = make_key(ana, "read")
    answer = as_(None).post(DOOR, BODY, format="json", HTTP_AUTHORIZATION=f"Bearer {key}")
    assert answer.status_code == 403
