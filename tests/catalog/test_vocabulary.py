"""Curated words: one spelling, aliases, counts; renamed and merged over all tracks at once and undone (Build 5)."""

import datetime as dt

import pytest
from django.contrib.auth.models import AnonymousUser
from django.utils import timezone

from apps.catalog import actions, changesets, parts, vocabulary
from apps.catalog.models import Change, Changeset, Credit, Term, Track
from apps.lib import clock
from apps.lib.errors import Conflict, Forbidden, Refusal
from tests.make import make_track

pytestmark = pytest.mark.django_db


def term(kind: str, name: str, **facts) -> Term:
    return Term.objects.create(kind=kind, name=name, **facts)


def counted(kind: str) -> dict[str, int]:
    vocabulary.count()
    return dict(Term.objects.filter(kind=kind).values_list("name", "uses"))


def found(kind: str, name: str) -> Term:
    return Term.objects.get(kind=kind, name=name)


def worked(changeset: Changeset) -> Changeset:
    assert changesets.work(seconds=60) == 1
    changeset = Changeset.objects.get(pk=changeset.pk)
    assert changeset.error_message == ""
    return changeset


def applied(by, word: Term, instead: str) -> Changeset:
    changeset = worked(vocabulary.replace(term=word, word=instead, by=by))
    changesets.apply(changeset=changeset, by=by)
    return worked(changeset)


def undone(by, changeset: Changeset) -> None:
    changesets.undo(changeset=changeset, by=by)
    assert worked(changeset).state == "undone"


def credit(track: Track, name: str, role: str = "composer") -> Credit:
    return Credit.objects.create(track=track, name=name, role=role)


def everything() -> tuple:
    terms = Term.objects.order_by("pk").values_list("kind", "name", "stands_for", "is_curated")
    tracks = Track.objects.order_by("pk").values("pk", "genre", "subgenre", "mood", "tags", "updated_at", "search")
    return list(terms), list(tracks), list(Credit.objects.order_by("pk").values())


def test_words_in_use_are_counted_once_per_track(ana):
    for genre in ("Techno", "techno", "Techno", "House"):
        make_track(ana, genre=genre, mood=["dark", "calm"], tags=["a"])
    track = make_track(ana)
    for role in ("composer", "producer"):
        credit(track, "Ana Lee", role)
    assert counted("genre") == {"Techno": 3, "House": 1}
    assert counted("mood") == {"dark": 4, "calm": 4} and counted("tag") == {"a": 4}
    assert counted("creator") == {"Ana Lee": 1} and counted("subgenre") == {}


def test_tracks_out_of_sight_say_nothing(ana, mod):
    gone, merged, kept = (make_track(ana, tags=["x"]) for _ in range(3))
    credit(merged, "Ana Lee")
    actions.remove(track=gone, by=mod)
    Track.machine.move(merged, "merged", merged_into=kept, removed_at=clock.now())
    assert counted("tag") == {"x": 1} and counted("creator") == {}


def test_a_word_that_nobody_says_any_more_is_forgotten_unless_staff_touched_it(ana):
    track = make_track(ana, tags=["a", "b", "c"])
    vocabulary.count()
    Term.objects.filter(name="b").update(is_curated=True)
    term("tag", "cc", stands_for=found("tag", "c"))
    Track.objects.update(tags=[])
    assert counted("tag") == {"a": 0, "b": 0, "c": 0, "cc": 0}
    vocabulary.count(now=timezone.now() + dt.timedelta(days=2))
    assert set(Term.objects.values_list("name", flat=True)) == {"b", "c", "cc"}
    assert Track.objects.get(pk=track.pk).tags == []


def test_counting_again_writes_nothing(ana, django_assert_num_queries):
    make_track(ana, genre="Techno", tags=["a"])
    vocabulary.count()
    before = list(Term.objects.order_by("pk").values())
    with django_assert_num_queries(2):
        assert vocabulary.count() == 2
    assert list(Term.objects.order_by("pk").values()) == before


def test_a_track_takes_the_curated_spelling(ana):
    house = term("genre", "House", is_curated=True)
    term("genre", "haus", stands_for=house)
    term("tag", "Rainy", is_curated=True)
    track = actions.create(owner=ana, kind="uploaded", title="T", genre="HAUS", tags=["rainy", "New", "RAINY"])
    assert (track.genre, track.tags) == ("House", ["Rainy", "New"])
    actions.edit(track=track, by=ana, genre="house", mood=["house"])
    track = Track.objects.get()
    assert (track.genre, track.mood) == ("House", ["house"])


def test_words_that_staff_never_touched_decide_nothing(ana, bob):
    """Somebody's private track does not show in how another's words are spelled."""
    make_track(ana, genre="SeCrEt", is_public=False)
    vocabulary.count()
    assert vocabulary.canonical({"genre": "secret"}) == {"genre": "secret"}


def test_a_credit_takes_the_name_that_an_alias_stands_for(ana):
    term("creator", "A. Lee", stands_for=term("creator", "Ana Lee"))
    track = make_track(ana)
    parts.add(track=track, kind="credits", by=ana, name="a. lee", role="composer")
    rows = [{"name": "A. LEE", "role": "producer"}, {"name": "Bo", "role": "producer"}]
    assert [row.name for row in parts.replace(track=track, kind="credits", rows=rows, by=ana)] == ["Ana Lee", "Bo"]
    assert sorted(Credit.objects.values_list("name", flat=True)) == ["Ana Lee", "Bo"]


def test_facts_without_words_cost_no_query(django_assert_num_queries):
    with django_assert_num_queries(0):
        assert vocabulary.canonical({"title": "T", "genre": "", "tags": []}) == {"title": "T", "genre": "", "tags": []}
    with django_assert_num_queries(1):
        vocabulary.canonical_all([{"genre": "a", "tags": ["b"]}, {"mood": ["c"]}])


def test_a_genre_is_merged_over_many_tracks_and_back(ana, bob, mod):
    """Private ones too, in every spelling; the old word is an alias then, its own aliases are the new word's."""
    tracks = [make_track(owner, genre=genre, is_public=public) for owner in (ana, bob) for public in (True, False)
              for genre in ("electronic", "Electronic", "techno", "House")]  # fmt: skip
    vocabulary.count()
    old, new = found("genre", "Electronic"), found("genre", "techno")
    elektro = term("genre", "elektro", stands_for=old)
    before = everything()
    changeset = applied(mod, old, "TECHNO")
    genres = [Track.objects.get(pk=track.pk).genre for track in tracks]
    assert genres == ["techno", "techno", "techno", "House"] * 4
    assert Term.objects.get(pk=old.pk).stands_for == new == Term.objects.get(pk=elektro.pk).stands_for
    assert vocabulary.canonical({"genre": "ELEKTRO"})["genre"] == "techno"
    assert counted("genre") == {"techno": 12, "House": 4, "Electronic": 0, "elektro": 0}
    assert Change.objects.filter(changeset=changeset, by=mod, fields=["genre"]).count() == 8
    undone(mod, changeset)
    assert everything() == before


@pytest.mark.parametrize("kind", ["mood", "tag"])
def test_lists_get_the_word_once(ana, mod, kind):
    column = vocabulary.COLUMNS[kind].name
    track = make_track(ana, **{column: ["sad", "Blue", "SAD", "melancholic"]})
    other = make_track(ana, **{column: ["saddle"]})
    vocabulary.count()
    before = everything()
    changeset = applied(mod, Term.objects.get(kind=kind, name__iexact="sad"), "melancholic")
    assert getattr(Track.objects.get(pk=track.pk), column) == ["melancholic", "Blue"]
    assert getattr(Track.objects.get(pk=other.pk), column) == ["saddle"]
    undone(mod, changeset)
    assert everything() == before


def test_a_creator_is_renamed_in_every_credit(ana, mod):
    track = make_track(ana)
    for role in ("composer", "producer"):
        credit(track, "A. Lee", role)
    credit(track, "Bo")
    vocabulary.count()
    before = everything()
    changeset = applied(mod, found("creator", "A. Lee"), "Ana Lee")
    assert sorted(Credit.objects.values_list("name", flat=True)) == ["Ana Lee", "Ana Lee", "Bo"]
    assert found("creator", "A. Lee").stands_for == found("creator", "Ana Lee")
    undone(mod, changeset)
    old, now = before, everything()
    assert now[1:] == old[1:] and set(now[0]) - set(old[0]) == {("creator", "Ana Lee", None, False)}


def test_only_the_spelling_changes(ana, mod):
    make_track(ana, genre="drum & bass")
    vocabulary.count()
    word = found("genre", "drum & bass")
    before = everything()
    changeset = applied(mod, word, "Drum & Bass")
    assert (found("genre", "Drum & Bass"), Track.objects.get().genre) == (word, "Drum & Bass")
    undone(mod, changeset)
    assert everything() == before


def test_a_renamed_word_gets_its_old_name_back_by_another_rename(ana, mod):
    make_track(ana, genre="Techno")
    vocabulary.count()
    applied(mod, found("genre", "Techno"), "Electro")
    applied(mod, found("genre", "Electro"), "Techno")
    assert found("genre", "Electro").stands_for == found("genre", "Techno")
    assert (found("genre", "Techno").stands_for, Track.objects.get().genre) == (None, "Techno")


def test_a_word_that_is_an_alias_of_another_means_that_one(ana, mod):
    house = term("genre", "House")
    term("genre", "haus", stands_for=house)
    make_track(ana, genre="deep")
    vocabulary.count()
    applied(mod, found("genre", "deep"), "HAUS")
    assert Track.objects.get().genre == "House" and found("genre", "deep").stands_for == house


def test_a_track_that_somebody_changed_meanwhile_stops_it(ana, mod):
    track = make_track(ana, genre="Techno")
    vocabulary.count()
    changeset = worked(vocabulary.replace(term=found("genre", "Techno"), word="Electro", by=mod))
    actions.edit(track=track, by=ana, genre="Jazz")
    changesets.apply(changeset=changeset, by=mod)
    assert changesets.work(seconds=60) == 1
    assert Changeset.objects.get().error_code == "CHANGED_SINCE"
    assert Track.objects.get().genre == "Jazz" and found("genre", "Techno").stands_for is None


@pytest.mark.parametrize(
    ("kind", "word"), [("genre", " "), ("genre", "x" * 81), ("tag", "a,b"), ("tag", "x" * 41), ("creator", "\0")]
)
def test_what_is_no_word_is_refused(mod, kind, word):
    with pytest.raises(Refusal, match=f"A {kind} has 1 to"):
        vocabulary.replace(term=term(kind, "old"), word=word, by=mod)
    assert Term.objects.count() == 1


def test_an_alias_is_not_merged_and_may_be_set_free(mod):
    alias = term("genre", "haus", stands_for=term("genre", "House"))
    with pytest.raises(Conflict, match="alias of “House”"):
        vocabulary.replace(term=alias, word="Techno", by=mod)
    vocabulary.free(term=alias, by=mod)
    assert found("genre", "haus").stands_for is None
    with pytest.raises(Conflict):
        vocabulary.free(term=alias, by=mod)


def test_only_curators_decide_on_words(ana):
    word = term("genre", "House")
    for act in (
        lambda: vocabulary.replace(term=word, word="Techno", by=ana),
        lambda: vocabulary.free(term=word, by=ana),
        lambda: vocabulary.curate(terms=Term.objects.all(), curated=True, by=ana),
    ):
        with pytest.raises(Forbidden):
            act()
    assert list(Term.objects.values_list("name", "is_curated")) == [("House", False)]


def test_words_are_marked_as_curated(mod):
    term("genre", "House")
    term("genre", "Techno", is_curated=True)
    assert vocabulary.curate(terms=Term.objects.all(), curated=True, by=mod) == 1
    assert vocabulary.curate(terms=Term.objects.all(), curated=False, by=mod) == 2


def offered(user, kind: str, q: str = "") -> list[str]:
    return list(vocabulary.offered(user=user, kind=kind, q=q).values_list("name", flat=True))


@pytest.mark.parametrize(("kind", "column"), [("genre", "genre"), ("mood", "mood"), ("tag", "tags")])
def test_words_of_private_tracks_are_offered_to_staff_alone(ana, bob, mod, kind, column):
    for word, public in (("Public", True), ("Secret", False), ("Curated", False), ("Old", False)):
        make_track(ana, is_public=public, **{column: word if column == "genre" else [word]})
    vocabulary.count()
    Term.objects.filter(name="Curated").update(is_curated=True)
    Term.objects.filter(name="Old").update(stands_for=found(kind, "Public"))
    assert offered(bob, kind) == offered(AnonymousUser(), kind) == offered(ana, kind) == ["Curated", "Public"]
    assert sorted(offered(mod, kind)) == ["Curated", "Public", "Secret"]
    assert offered(bob, kind, "pub") == ["Public"] and offered(bob, kind, "sec") == []


def test_creators_of_private_tracks_are_never_offered_to_others(ana, bob, mod):
    """Not even when staff have looked at the name."""
    credit(make_track(ana), "Public Person")
    credit(make_track(ana, is_public=False), "Secret Person")
    vocabulary.count()
    Term.objects.update(is_curated=True)
    assert offered(bob, "creator") == ["Public Person"]
    assert len(offered(mod, "creator")) == 2
