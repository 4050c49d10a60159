"""Facet counts equal the gated, filtered list for every viewer, from the rows and from memory alike (S0-27)."""

import random
from collections import Counter
from decimal import Decimal

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.catalog import actions, facet_index, facets, filters, history
from apps.catalog.keys import camelot
from apps.catalog.models import Credit, Instrument, Section, Track
from apps.lib.errors import Refusal
from tests.make import make_track, make_user

NOBODY = AnonymousUser()
EVERY = list(facets.FACETS)
GENRES = ["House", "Techno", "Café del Mar", ""]
MOODS = ["dark", "calm", "epic"]
FILTERS = [
    {}, {"genre": ["house"]}, {"genre": ["Café del Mar"]}, {"tempo_min": ["100"], "tempo_max": ["128.5"]},
    {"mood": ["dark,calm"]}, {"mood_all": ["dark,calm"]}, {"tags_all": ["t1,t2"]}, {"key": ["C#"], "scale": ["minor"]},
    {"key": ["8A"], "harmonic": ["1"]}, {"kind": ["library"]}, {"owner": ["ana"]}, {"pro_only": ["1"]},
    {"clearance": ["unknown"]}, {"instrument": ["Synth"]}, {"instrument": ["808,Flûte"]}, {"creator": ["Ana"]},
    {"missing": ["isrc"]}, {"missing": ["genre,mood"]}, {"missing": ["instruments,credits"]}, {"missing": ["cover"]},
    {"missing": ["sections"], "instrument": ["bass"], "q": ["morning"]}, {"catalog_number": ["KT-1"]},
    {"released_after": ["1999-06-01"], "released_before": ["2005-01-01"]}, {"isrc": ["QZK002500001"]},
    {"duration_min": ["60"], "genre": ["techno"]}, {"q": ["night"], "mood": ["epic"]},
]  # fmt: skip


def asked(**params) -> filters.Wanted:
    return filters.read({name: [value] for name, value in params.items()})


def listed(user, wanted) -> facets.Counts:
    """What the list holds, counted row by row."""
    sums = {name: Counter() for name in EVERY}
    rows = list(wanted.rows(Track.objects.visible_to(user).live()).prefetch_related("instruments"))
    for track in rows:
        for name, values in says(track).items():
            sums[name].update(str(value) for value in set(values) if value not in ("", None))
    return facets.Counts(len(rows), {name: dict(sums[name]) for name in EVERY})


def says(track) -> dict[str, list]:
    year = track.release_date and track.release_date.year
    return {
        "genre": [track.genre], "subgenre": [track.subgenre], "mood": track.mood, "tags": track.tags,
        "key": [track.musical_key], "scale": [track.mode], "camelot": [camelot(track.pitch_class, track.mode)],
        "instrument": [instrument.category for instrument in track.instruments.all()], "kind": [track.kind],
        "clearance": [track.clearance], "pro_only": ["ft"[track.is_pro_only].replace("f", "false").replace("t", "true")],
        "tempo": [None if track.tempo is None else int(track.tempo // 10 * 10)],
        "year": [year], "decade": [year and year // 10 * 10],
    }  # fmt: skip


def make_some(owner, draw: random.Random, count: int) -> list[Track]:
    made = []
    for _ in range(count):
        kind = draw.choice(["uploaded", "library", "generated"])
        track = make_track(
            None if kind == "library" else owner,
            kind=kind,
            title=draw.choice(["Night Train", "Morning"]),
            **facts(draw),
        )
        for category in draw.sample(["synth", "bass", "drums"], draw.randint(0, 2)):
            for variety in draw.sample(["", "808"], draw.randint(1, 2)):
                Instrument.objects.create(track=track, category=category, type=variety)
        if draw.random() < 0.5:
            Credit.objects.create(track=track, name=draw.choice(["Ana", "Bob"]), role="composer")
        if draw.random() < 0.5:
            Section.objects.create(track=track, name="intro", start_ms=0, end_ms=1000)
        made.append(track)
    return made


def facts(draw: random.Random) -> dict:
    return {
        "genre": draw.choice(GENRES), "subgenre": draw.choice(["", "deep"]), "is_public": draw.random() < 0.7,
        "is_pro_only": draw.random() < 0.3, "pitch_class": draw.choice([None, 0, 1, 9]),
        "mode": draw.choice(["", "major", "minor"]), "mood": draw.sample(MOODS, draw.randint(0, 3)),
        "tags": draw.choices(["t1", "t2", "t3"], k=draw.randint(0, 4)), "isrc": draw.choice(["", "QZK002500001"]),
        "catalog_number": draw.choice(["", "KT-1"]),
        "tempo": draw.choice([None, Decimal("99.99"), Decimal("120"), Decimal("128.5"), Decimal("174")]),
        "release_date": draw.choice([None, "1999-12-31", "2004-02-29", "2026-01-01"]),
        "duration_ms": draw.choice([None, 59_999, 180_000]),
    }  # fmt: skip


def change(track: Track, by, draw: random.Random) -> None:
    """Whatever may become of a track: other facts, other parts, hidden or shown, removed, given away."""
    track.refresh_from_db()
    if track.removed_at:
        return
    step = draw.randrange(6)
    if step == 0:
        actions.remove(track=track, by=by)
    elif step == 1:
        Instrument.objects.filter(track=track).delete()
    elif step == 2:
        Credit.objects.filter(track=track).delete()
        Section.objects.filter(track=track).delete()
    elif step == 3:
        Track.objects.filter(pk=track.pk).update(is_public=not track.is_public)
    else:
        with history.said(by=by):
            Track.objects.filter(pk=track.pk).update(clearance=draw.choice(["unknown", "cleared"]), **facts(draw))


@pytest.fixture
def people(ana, bob, mod) -> list:
    return [NOBODY, ana, bob, make_user("pro", plan="pro"), mod]


@pytest.mark.django_db
def test_counts_by_sql_equal_the_list_for_every_viewer_and_filter(people):
    make_some(people[1], random.Random(1), 40)
    for user in people:
        for params in FILTERS:
            wanted = filters.read(params)
            assert facets.count(user, wanted, EVERY) == listed(user, wanted), (user, params)


@pytest.fixture
def kept(transactional_db, settings):
    """Facets are counted from memory, however few tracks there are."""
    settings.FACETS_IN_MEMORY_FROM = 1
    facet_index.index.build()
    yield
    if facet_index.index.builder:
        facet_index.index.builder.join(10)
    facet_index.index.bits = None


def counted(user, wanted) -> facets.Counts:
    """By the bits, and never by SQL."""
    answer = facets.count(user, wanted, EVERY)
    with facet_index.present() as bits:
        assert bits is not None
    return answer


def test_counts_from_memory_equal_the_list_before_and_after_every_change(kept, people):
    draw = random.Random(2)
    tracks = make_some(people[1], draw, 20)
    for _ in range(6):
        for user in people:
            for params in draw.sample(FILTERS, 5):
                wanted = filters.read(params)
                assert counted(user, wanted) == listed(user, wanted) == facets.from_sql(user, wanted, EVERY), params
        for track in draw.sample(tracks, 5):
            change(track, people[1], draw)
        tracks += make_some(people[1], draw, 2)


@pytest.mark.django_db
def test_facets_tell_nothing_of_what_somebody_may_not_see(ana, bob, mod):
    make_track(ana, genre="Shown")
    make_track(ana, genre="Hidden", tags=["secret"], is_public=False)
    sees = {user: facets.count(user, asked(), ["genre", "tags"]) for user in (NOBODY, bob, ana, mod)}
    assert sees[NOBODY] == sees[bob] == facets.Counts(1, {"genre": {"Shown": 1}, "tags": {}})
    assert sees[ana] == sees[mod] == facets.Counts(2, {"genre": {"Hidden": 1, "Shown": 1}, "tags": {"secret": 1}})


def test_facets_from_memory_tell_nothing_either(kept, ana, bob):
    hidden = make_track(ana, genre="Hidden", is_public=False)
    waiting = actions.create(owner=ana, kind="uploaded", title="Waiting", genre="Waiting")
    assert counted(NOBODY, asked()).total == counted(bob, asked()).total == 0
    assert counted(ana, asked()).facets["genre"] == {"Hidden": 1, "Waiting": 1}
    actions.edit(track=hidden, by=ana, is_public=True)
    actions.remove(track=waiting, by=ana)
    assert counted(bob, asked()).facets["genre"] == counted(ana, asked()).facets["genre"] == {"Hidden": 1}


@pytest.mark.django_db
def test_the_most_frequent_values_come_first_and_a_hundred_at_most(ana):
    make_track(ana, tags=[f"tag {n:03}" for n in range(130)])
    make_track(ana, tags=["tag 129"])
    tags = facets.count(NOBODY, asked(), ["tags"]).facets["tags"]
    assert list(tags.items())[:2] == [("tag 129", 2), ("tag 000", 1)]
    assert len(tags) == facets.VALUES_AT_MOST


@pytest.mark.django_db
def test_an_unknown_facet_is_refused_with_the_known_ones():
    with pytest.raises(Refusal) as refused:
        facets.count(NOBODY, asked(), ["genre", "owner__email"])
    assert refused.value.code == "INVALID"
    assert "camelot" in refused.value.fields["facets"][0]


@pytest.mark.django_db
def test_the_api_counts_the_whole_list_behind_a_page(ana, as_):
    for genre in ("House", "House", "Jazz"):
        make_track(ana, genre=genre, tempo=Decimal("121"))
    make_track(ana, genre="House", is_public=False)
    address = "/api/v1/tracks?limit=1&total=1&facets=genre,tempo"
    seen = as_(None).get(address).json()
    assert (len(seen["results"]), seen["total"], seen["facets"]) == (
        1, 3, {"genre": {"House": 2, "Jazz": 1}, "tempo": {"120": 3}}
    )  # fmt: skip
    assert as_(ana).get(address).json()["facets"]["genre"] == {"House": 3, "Jazz": 1}
    assert "facets" not in as_(None).get("/api/v1/tracks?total=1").json()


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["owner__email", "genre;DROP", "is_public", "removed_at"])
def test_the_api_refuses_an_unknown_facet(as_, name):
    answer = as_(None).get("/api/v1/tracks", {"facets": name})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID")
    assert "Known: genre" in answer.json()["detail"]


@pytest.mark.django_db
def test_total_and_facets_cost_the_same_with_few_tracks_and_many(ana, as_):
    def asked_for() -> int:
        with CaptureQueriesContext(connection) as made:
            assert as_(None).get("/api/v1/tracks?total=1&facets=genre,mood,tags").status_code == 200
        return len(made)

    make_track(ana)
    one = asked_for()
    for _ in range(19):
        make_track(ana, genre="House", mood=["dark"])
    assert asked_for() == one
