"""Two tracks become one, and two again (decision 0038)."""

import datetime as dt
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import transaction

from apps.accounts import departure
from apps.accounts.roles import Role
from apps.catalog import actions, changesets, clearance, derive, duplicates, files, merging, plays
from apps.catalog.changesets import Row
from apps.catalog.models import Credit, Duplicate, Play, PlayDay, ProviderSource, Section, Track, TrackFile
from apps.lib.errors import NotFound, Refusal
from tests.doors.desk import make_blob
from tests.faults.test_curation import wait_for, waits_for_a_lock
from tests.lib.threads import side_by_side
from tests.make import make_generated, make_playable, make_track, make_user

pytestmark = pytest.mark.django_db

NOON = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
FACTS = {"duration_ms": 180_000}


@pytest.fixture(autouse=True)
def movers(monkeypatch):
    """Only what a test registers; apps above have tests of their own."""
    for registry in ("_movers", "_guards", "_holders"):
        monkeypatch.setattr(merging, registry, {})


def make_pair(owner, first=None, second=None) -> Duplicate:
    one = make_track(owner, **{"title": "Night Train", **FACTS, **(first or {})})
    other = make_track(owner, **{"title": "Night train", **FACTS, **(second or {})})
    return pair_of(one, other)


def pair_of(one: Track, other: Track) -> Duplicate:
    one, other = sorted((one, other), key=lambda track: track.pk)
    return Duplicate.objects.create(first=one, second=other, reasons=["near"], likeness="0.9")


def merged(pair: Duplicate, by, *, keep=None, facts=()):
    """Asked for, previewed, applied."""
    changeset = merging.ask(pair=pair, keep=keep or pair.first_id, facts=facts, by=by)
    worked(changeset)
    assert changeset.state == "previewed", changeset.error_message
    changesets.apply(changeset=changeset, by=by)
    worked(changeset)
    assert changeset.state == "applied", changeset.error_message
    return changeset


def undone(changeset, by):
    changesets.undo(changeset=changeset, by=by)
    worked(changeset)
    assert changeset.state == "undone", changeset.error_message


def worked(changeset) -> None:
    changesets.work(seconds=5)
    changeset.refresh_from_db()


def now(row):
    row.refresh_from_db()
    return row


def heard(track: Track, *, day: int, people: int, first: int = 0) -> None:
    for number in range(first, first + people):
        at = NOON + dt.timedelta(days=day)
        facts = {"listener": f"{track.pk} {day} {number}"[:64], "window": at, "played_at": at}
        Play.objects.create(track=track, **facts)
    plays.count()


def stored() -> dict:
    """Everything that a merge may touch, but for the history, which only grows."""
    clearance.judge(Track.objects.values_list("pk", flat=True))
    models = (Track, TrackFile, Section, Credit, PlayDay, Duplicate, ProviderSource)
    but = {Duplicate: {"updated_at"}}
    rows = {model: list(model.objects.order_by("pk").values()) for model in models}
    return {
        model: [{name: value for name, value in row.items() if name not in but.get(model, ())} for row in found]
        for model, found in rows.items()
    }


def test_the_loser_goes_out_of_sight_and_points_to_the_one_that_stays(ana, mod):
    pair = make_pair(ana)
    merged(pair, mod, keep=pair.second_id)
    assert (now(pair.first).status, pair.first.merged_into) == ("merged", pair.second)
    assert not Track.objects.visible_to(ana).filter(pk=pair.first_id).exists()
    assert now(pair.second).status == "ready"
    assert (now(pair).state, pair.settled_by) == ("merged", mod)


def test_only_the_facts_that_were_chosen_are_taken(ana, mod):
    pair = make_pair(
        ana,
        {"genre": "House", "tempo": 120, "tags": ["a"], "pitch_class": None},
        {"genre": "Techno", "tempo": 121, "tags": ["b"], "pitch_class": 3, "mode": "minor"},
    )
    merged(pair, mod, facts=["tempo", "key", "tags"])
    track = now(pair.first)
    assert (track.genre, track.tempo, track.tags, track.pitch_class, track.mode) == ("House", 121, ["b"], 3, "minor")


def test_credits_stay_or_are_taken_as_a_whole(ana, mod):
    pair = make_pair(ana)
    for track, name in ((pair.first, "Ana"), (pair.second, "Bo")):
        Credit.objects.create(track=track, name=name, role="composer", split=100)
        Section.objects.create(track=track, name="intro", start_ms=0, end_ms=8000)
    merged(pair, mod, facts=["credits"])
    assert [credit.name for credit in pair.first.credits.all()] == ["Bo"]
    assert [credit.name for credit in pair.second.credits.all()] == ["Bo"]
    assert pair.first.sections.count() == 1


def test_a_section_behind_the_end_is_shown_and_left_alone(ana, mod):
    pair = make_pair(ana, second={"duration_ms": 181_000})
    Section.objects.create(track=pair.second, name="outro", start_ms=170_000, end_ms=181_000)
    changeset = merged(pair, mod, facts=["sections"])
    assert changeset.rows_refused == 1 and not pair.first.sections.exists()


def test_a_cover_is_taken_only_where_there_is_none(ana, mod):
    pair = make_pair(ana)
    theirs = files.attach(track=pair.second, role="cover", blob=make_blob())
    merged(pair, mod, facts=["cover"])
    assert pair.first.files.get().blob == theirs.blob

    other = make_pair(ana)
    mine = files.attach(track=other.first, role="cover", blob=make_blob())
    files.attach(track=other.second, role="cover", blob=make_blob())
    merged(other, mod, facts=["cover"])
    assert other.first.files.get().blob == mine.blob


def test_plays_are_added_where_both_have_a_day_and_where_one_has(ana, mod):
    pair = make_pair(ana)
    heard(pair.first, day=0, people=2)
    heard(pair.second, day=0, people=3)
    heard(pair.second, day=1, people=1)
    merged(pair, mod)
    assert now(pair.first).play_count == 6
    assert sorted(pair.first.play_days.values_list("plays", flat=True)) == [1, 5]


def test_plays_that_nobody_counted_yet_are_counted_with_the_merge(ana, mod):
    pair = make_pair(ana)
    Play.objects.create(track=pair.second, listener="x", window=NOON, played_at=NOON)
    merged(pair, mod)
    assert now(pair.first).play_count == 1 and now(pair.second).play_count == 1
    assert plays.count() == 0


def test_an_undo_gives_everything_back(ana, mod):
    pair = make_pair(
        ana,
        {"genre": "House", "popularity_score": 12},
        {"genre": "Techno", "isrc": "USABC2400001", "mood": ["calm"]},
    )
    for track, name in ((pair.first, "Ana"), (pair.second, "Bo")):
        Credit.objects.create(track=track, name=name, role="composer", split=100)
        Section.objects.create(track=track, name="intro", start_ms=0, end_ms=8000)
    files.attach(track=pair.second, role="cover", blob=make_blob())
    heard(pair.second, day=1, people=2)
    before = stored()
    changeset = merged(pair, mod, facts=list(merging.CHOICES))
    assert stored() != before
    undone(changeset, mod)
    assert stored() == before


def test_a_merge_is_undone_also_when_who_made_it_has_left(ana, mod, boss):
    """That the pair names nobody any more is no change that somebody made."""
    pair = make_pair(ana)
    changeset = merged(pair, mod)
    departure.part(user=mod, tracks=departure.REMOVE)
    changeset.refresh_from_db()
    undone(changeset, boss)
    assert (now(pair).state, pair.settled_by) == ("open", None)


@pytest.mark.django_db(transaction=True)
def test_what_was_still_to_be_made_of_a_track_is_made_once_the_merge_is_undone(ana, mod):
    one, other = make_playable(ana), make_playable(ana)
    changeset = merged(pair_of(one, other), mod, keep=one.pk)
    derive.give_up_poison()
    assert not derive.claim(limit=1, track=other)
    undone(changeset, mod)
    assert derive.claim(limit=1, track=other)


def test_what_was_heard_since_stays_with_the_one_that_stayed(ana, mod):
    pair = make_pair(ana)
    heard(pair.second, day=0, people=3)
    changeset = merged(pair, mod)
    heard(pair.first, day=0, people=1)
    heard(pair.second, day=0, people=1, first=3)  # begun before the merge, written behind it
    undone(changeset, mod)
    assert now(pair.first).play_count == 1 and pair.first.play_days.get().plays == 1
    assert now(pair.second).play_count == 4


def test_a_chain_points_to_the_one_that_is_there(ana, mod):
    one, two, three = (make_track(ana, **FACTS) for _ in range(3))
    merged(pair_of(one, two), mod, keep=two.pk)
    second = merged(pair_of(two, three), mod, keep=three.pk)
    assert now(one).merged_into == now(two).merged_into == three
    undone(second, mod)
    assert now(one).merged_into == two and now(two).status == "ready"


def test_of_a_chain_the_later_merge_is_undone_first_and_named(ana, mod):
    one, two, three = (make_track(ana, title=title) for title in ("One", "Two", "Three"))
    first, second = merged(pair_of(one, two), mod, keep=two.pk), merged(pair_of(two, three), mod, keep=three.pk)
    for leave_changed in (False, True):
        changesets.undo(changeset=first, by=mod, leave_changed=leave_changed)
        worked(first)
        assert (first.state, first.error_code) == ("applied", "CONTRADICTS")
        assert f"Undo “{second.title}” first" in first.error_message
    undone(second, mod)
    undone(first, mod)
    assert {now(track).status for track in (one, two, three)} == {"ready"}


@pytest.mark.django_db(transaction=True)
def test_who_removes_a_track_and_who_undoes_its_merge_do_not_wait_for_each_other():
    """Both lock the two in the order of their ids."""
    ana, mod = make_user("ana"), make_user("mod", roles=[Role.MODERATOR])
    lose, keep = make_track(ana, **FACTS), make_track(ana, **FACTS)
    merged(pair_of(lose, keep), mod, keep=keep.pk)
    assert lose.pk < keep.pk
    with ThreadPoolExecutor(1) as others:
        with transaction.atomic():
            Track.objects.select_for_update(no_key=True).get(pk=lose.pk)
            removing = others.submit(side_by_side, partial(actions.remove, track=now(keep), by=ana))
            wait_for(waits_for_a_lock)
            assert Track.objects.select_for_update(no_key=True, nowait=True).get(pk=keep.pk)
        assert removing.result() == [None]
    assert {now(track).status for track in (lose, keep)} == {"removed"}


def test_rows_of_apps_above_are_brought_along_and_back(ana, mod):
    """As posts will be: one is pointed to the winner, one that both have goes."""
    pair = make_pair(ana)
    moved, clashing = (Credit.objects.create(track=pair.second, name=name, role="composer") for name in "ab")

    def mover(loser, winner):
        yield Row(winner.pk, "catalog_credit", moved.pk, {"track_id": loser.pk}, {"track_id": winner.pk})
        yield Row(winner.pk, "catalog_credit", clashing.pk, {}, None)

    merging.register("posts", mover)
    before = stored()
    changeset = merged(pair, mod)
    assert [credit.name for credit in pair.first.credits.all()] == ["a"] and not pair.second.credits.exists()
    undone(changeset, mod)
    assert stored() == before


def refused(pair, by, **about) -> str:
    with pytest.raises(Refusal) as refusal:
        merging.ask(pair=pair, keep=about.pop("keep", pair.first_id), facts=about.pop("facts", ()), by=by)
    return refusal.value.code


def test_two_owners_and_the_gallery_are_refused(ana, bob, mod):
    assert refused(pair_of(make_track(ana), make_track(bob)), mod) == "TWO_OWNERS"
    assert refused(pair_of(make_track(ana), make_track(ana, kind="gallery")), mod) == "GALLERY_STAYS"


def test_what_an_app_above_works_on_is_refused_also_after_the_preview_was_asked_for(ana, mod):
    pair = make_pair(ana)
    changeset = merging.ask(pair=pair, keep=pair.first_id, facts=(), by=mod)

    def guard(loser, winner):
        raise Refusal("BUSY", "Later.", status=409)

    merging.register("posts", guard=guard)
    assert refused(pair, mod) == "BUSY"
    worked(changeset)
    assert (changeset.state, changeset.error_code) == ("failed", "BUSY")


def test_what_is_not_ready_removed_settled_or_unknown_is_refused(ana, mod):
    raw = actions.create(owner=ana, kind="uploaded", title="Raw")
    assert refused(pair_of(make_track(ana), raw), mod) == "NOT_READY"
    gone = make_pair(ana)
    actions.remove(track=gone.first, by=ana)
    assert refused(gone, mod) == "NOT_FOUND"
    settled = make_pair(ana)
    duplicates.dismiss(pair=settled, by=mod)
    assert refused(settled, mod) == "CONFLICT"
    pair = make_pair(ana)
    assert refused(pair, mod, facts=["owner"]) == "INVALID"
    assert refused(pair, mod, keep=make_track(ana).pk) == "INVALID"


def test_who_may_not_curate_merges_nothing(ana):
    pair = make_pair(ana)
    assert refused(pair, ana) == "FORBIDDEN"
    with pytest.raises(NotFound):
        merging.ask(pair=pair, keep=pair.first_id, facts=(), by=make_user("carl"))


def test_who_removes_the_one_that_stayed_removes_what_was_merged_into_it(ana, mod):
    pair = make_pair(ana)
    merged(pair, mod)
    actions.remove(track=now(pair.first), by=ana)
    assert {now(pair.first).status, now(pair.second).status} == {"removed"}
    assert pair.second.merged_into is None and pair.second.title == ""


@pytest.mark.parametrize("side", ["first", "second"])
def test_of_a_removed_track_no_merge_tells_the_title(ana, mod, side):
    """C-07: also one that was asked for and never previewed."""
    pair, other = make_pair(ana), make_pair(ana)
    asked = merging.ask(pair=pair, keep=pair.first_id, facts=(), by=mod)
    untouched = merging.ask(pair=other, keep=other.first_id, facts=(), by=mod)
    actions.remove(track=now(getattr(pair, side)), by=ana)
    asked.refresh_from_db()
    assert asked.title == "Merge of tracks that were removed"
    assert untouched.title == type(untouched).objects.get(pk=untouched.pk).title != asked.title


def test_many_are_removed_with_what_was_merged_into_them(ana, mod):
    pair = make_pair(ana)
    merged(pair, mod)
    actions.remove_all(tracks=Track.objects.filter(pk=pair.first_id), by=mod)
    assert {now(pair.first).status, now(pair.second).status} == {"removed"}


@pytest.mark.parametrize(("choice", "states"), [("remove", ("removed", "removed")), ("library", ("ready", "merged"))])
def test_merged_tracks_go_with_their_owner_as_the_others_do(ana, mod, choice, states):
    pair = make_pair(ana)
    merged(pair, mod)
    departure.part(user=ana, tracks=choice)
    assert (now(pair.first).status, now(pair.second).status) == states
    assert pair.first.owner is None and pair.second.owner is None


def test_a_merge_is_undone_also_in_the_library(ana, mod):
    pair = make_pair(ana)
    changeset = merged(pair, mod)
    departure.part(user=ana, tracks="library")
    undone(changeset, mod)
    assert (now(pair.second).status, pair.second.kind) == ("ready", "library")


def test_a_provider_keeps_its_track_with_the_one_that_went(ana, mod):
    one, other = make_generated(ana), make_generated(ana)
    for track in (one, other):
        files.attach(track=track, role="original", blob=make_blob())
    changeset = merged(pair_of(one, other), mod)
    assert now(other).source.audio_url
    undone(changeset, mod)
    assert now(other).status == "ready"
