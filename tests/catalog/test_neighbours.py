import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import neighbours, parts
from tests.make import make_track

pytestmark = pytest.mark.django_db

SOUND = {"genre": "House", "tempo": 100, "pitch_class": 9, "mode": "minor"}


def titles(tracks) -> list[str]:
    return [track.title for track in tracks]


def test_tracks_of_the_same_artist_come_first_and_then_those_of_its_creators(ana, mod):
    track = make_track(ana, artist="The Porters")
    shared = make_track(ana, title="shared", artist="Others")
    make_track(ana, title="stranger", artist="Others")
    make_track(ana, title="older", artist="The Porters")
    make_track(ana, title="newer", artist="The Porters")
    for one in (track, shared):
        parts.add(track=one, kind="credits", by=mod, name="Mira Sol", role="composer")
    assert titles(neighbours.of(track, user=mod).same_artist) == ["newer", "older", "shared"]
    assert titles(neighbours.of(track, user=mod, most=1).same_artist) == ["newer"]


@pytest.mark.parametrize(
    ("facts", "mixes"),
    [
        ({}, True),
        ({"tempo": 104}, True),
        ({"tempo": 96}, True),
        ({"tempo": 105}, False),
        ({"tempo": None}, False),
        ({"genre": "Techno"}, False),
        ({"pitch_class": 4}, True),  # E minor, a fifth up
        ({"pitch_class": 2}, True),  # D minor, a fifth down
        ({"pitch_class": 0, "mode": "major"}, True),  # C major, its relative
        ({"pitch_class": 9, "mode": "major"}, False),
        ({"pitch_class": 10}, False),
    ],
)
def test_what_mixes_has_the_genre_a_near_tempo_and_a_key_beside_it(ana, mod, facts, mixes):
    track = make_track(ana, **SOUND)
    make_track(ana, title="other", **SOUND | facts)
    assert bool(neighbours.of(track, user=mod).mixable) is mixes


def test_the_nearest_in_tempo_comes_first(ana, mod):
    track = make_track(ana, **SOUND)
    for tempo in (103, "100.5", 98):
        make_track(ana, title=str(tempo), **SOUND | {"tempo": tempo})
    assert titles(neighbours.of(track, user=mod).mixable) == ["100.5", "98", "103"]


def test_nobody_gets_a_neighbour_that_they_may_not_see(ana, bob, mod):
    track = make_track(ana, artist="The Porters", **SOUND)
    make_track(ana, title="hidden", artist="The Porters", is_public=False, **SOUND)
    found = neighbours.of(track, user=bob)
    assert (found.same_artist, found.mixable) == ([], [])
    assert titles(neighbours.of(track, user=mod).same_artist) == ["hidden"]


def test_a_track_that_says_nothing_of_itself_stands_alone(ana, mod):
    track = make_track(ana)
    make_track(ana, title="as silent")
    found = neighbours.of(track, user=mod)
    assert (found.same_artist, found.mixable) == ([], [])


def test_neighbours_cost_the_same_however_many_there_are(ana, mod):
    track, costs = make_track(ana, artist="The Porters", **SOUND), []
    neighbours.of(track, user=mod)
    for many in (1, 5):
        for n in range(many):
            make_track(ana, title=f"{many}-{n}", artist="The Porters", **SOUND)
        with CaptureQueriesContext(connection) as spent:
            neighbours.of(track, user=mod)
        costs.append(len(spent))
    assert costs[0] == costs[1] <= 5
