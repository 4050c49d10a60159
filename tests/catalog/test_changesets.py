"""Many changes as one: previewed, applied all or none, undone byte for byte (decision 0032)."""

import datetime as dt
import hashlib
from decimal import Decimal
from functools import partial

import pytest
from django.db import OperationalError, connection

from apps.accounts import actions as people
from apps.accounts import departure
from apps.catalog import actions, bulk, changerows, changesets, clearance, history
from apps.catalog.changesets import Row
from apps.catalog.models import Change, Changeset, ChangesetRow, Credit, Instrument, Play, Section, Track
from apps.lib import clock, doors
from apps.lib.errors import Conflict, Forbidden, Refusal
from apps.lib.records import uuid7
from tests.lib.threads import side_by_side
from tests.make import make_track

pytestmark = pytest.mark.django_db

HOUSE = [{"do": "set", "field": "genre", "value": "House"}]
ASIDE = {"catalog_change", "catalog_changeset", "catalog_changesetrow"}


def make_tracks(owner, count: int, **facts) -> list[Track]:
    """Ready tracks, many at once."""
    facts = {"genre": "Techno", **clearance.of_new({}), **facts}
    rows = [Track(id=uuid7(), owner=owner, title=f"Track {n}", status="ready", **facts) for n in range(count)]
    return Track.objects.bulk_create(rows, batch_size=1000)


def make_copies(track: Track, count: int) -> list[Track]:
    """So many more of this track, in one statement."""
    with connection.cursor() as cursor:
        cursor.execute(
            """INSERT INTO catalog_track SELECT copy.* FROM catalog_track AS t CROSS JOIN generate_series(1, %s) AS n
            CROSS JOIN LATERAL jsonb_populate_record(t, jsonb_build_object('id', gen_random_uuid(),
            'title', 'Track ' || n, 'number', nextval('catalog_track_number'))) AS copy WHERE t.id = %s""",
            [count, track.pk],
        )
        cursor.execute("ANALYZE catalog_track")  # or the foreign keys are looked up as in the empty table of before
    return list(Track.objects.only("pk"))


def worked(changeset: Changeset) -> Changeset:
    """What a worker makes of it."""
    assert changesets.work(seconds=60) == 1
    return Changeset.objects.get(pk=changeset.pk)


def previewed(by, tracks, operations=None) -> Changeset:
    return worked(bulk.ask(tracks=[track.pk for track in tracks], operations=operations or HOUSE, by=by))


def applied(changeset: Changeset) -> Changeset:
    changesets.apply(changeset=changeset, by=changeset.made_by)
    return worked(changeset)


def undone(changeset: Changeset, **how) -> Changeset:
    changesets.undo(changeset=changeset, by=changeset.made_by, **how)
    return worked(changeset)


@pytest.fixture
def planned(monkeypatch):
    """`planned(rows)`: a changeset of merges whose planner answers with these rows."""
    asked = {}
    monkeypatch.setitem(changesets._kinds, "merge", changesets.Kind(lambda changeset: iter(asked["rows"])))

    def ask(by, rows: list[Row], **order) -> Changeset:
        asked["rows"] = rows
        return worked(changesets.ask(kind="merge", title="Rows", order=order, by=by))

    return ask


def dump() -> dict[str, str]:
    """A digest of every table of the catalogue, as the database writes it out."""
    tables = {name for name in connection.introspection.table_names() if name.startswith("catalog_")}
    return {table: hashlib.sha256(written_out(table)).hexdigest() for table in sorted(tables - ASIDE)}


def written_out(table: str) -> bytes:
    with connection.cursor() as cursor, cursor.copy(f"COPY (SELECT * FROM {table} ORDER BY 1) TO STDOUT") as out:
        return b"".join(map(bytes, out))


@pytest.mark.django_db(transaction=True)
def test_ten_thousand_tracks_are_previewed_applied_and_undone_to_the_same_dump(mod, ana):
    tracks = make_copies(*make_tracks(ana, 1, tags=["night"], tempo="120.5"), 9_999)
    before = dump()
    operations = [
        *HOUSE, {"do": "add", "field": "tags", "value": ["rain"]}, {"do": "set", "field": "tempo", "value": "99.99"},
        {"do": "replace", "field": "title", "find": "track", "with": "Song"},
    ]  # fmt: skip
    changeset = previewed(mod, tracks, operations)
    assert (changeset.state, changeset.rows_total, changeset.rows_refused) == ("previewed", 10_000, 0)
    assert dump() == before
    assert applied(changeset).state == "applied"
    facts = {"genre": "House", "tags": ["night", "rain"], "tempo": "99.99", "title__startswith": "Song"}
    assert Track.objects.filter(**facts).count() == 10_000
    assert dump() != before
    changeset.refresh_from_db()
    assert undone(changeset).state == "undone"
    assert dump() == before


def test_every_table_and_kind_of_row_comes_back_as_it_was(mod, ana, planned):
    """Made, changed and deleted rows, a number as a key, a status that goes by its arrows."""
    kept, lost = make_track(ana), make_track(ana)
    credit = Credit.objects.create(track=lost, name="Ana", role="composer", split="50.00")
    instrument = Instrument.objects.create(track=lost, category="drums")
    play = Play.objects.create(track=lost, listener="x", window=clock.now(), played_at=clock.now())
    clearance.judge([kept.pk, lost.pk])
    before, removed_at = dump(), clock.now()
    merged = {"status": "merged", "removed_at": removed_at, "merged_into_id": kept.pk}
    changeset = planned(mod, [
        Row(lost.pk, "catalog_track", lost.pk, {"status": "ready", "removed_at": None, "merged_into_id": None}, merged),
        Row(lost.pk, "catalog_credit", credit.pk, {"track_id": lost.pk, "split": Decimal("50.0")},
            {"track_id": kept.pk, "split": Decimal("25")}),
        Row(lost.pk, "catalog_instrument", instrument.pk, {}, None),
        Row(kept.pk, "catalog_section", None, None, {"name": "intro", "start_ms": 0, "end_ms": 1000}),
        Row(lost.pk, "catalog_play", play.pk, {"track_id": lost.pk}, {"track_id": kept.pk}),
    ])  # fmt: skip
    assert (changeset.rows_total, changeset.rows_refused) == (5, 0)
    changeset = applied(changeset)
    assert changeset.state == "applied", changeset.error_message
    lost.refresh_from_db()
    assert (lost.status, lost.merged_into, lost.removed_at) == ("merged", kept, removed_at)
    assert list(kept.credits.values_list("split")) == [(Decimal("25.00"),)]
    assert (kept.sections.count(), Instrument.objects.count(), Play.objects.get().track) == (1, 0, kept)
    assert undone(changeset).state == "undone"
    assert dump() == before
    assert Section.objects.count() == 0


def test_history_says_whose_changeset_it_was_and_through_which_door(mod, boss, ana):
    (track,) = make_tracks(ana, 1)
    with doors.through("admin"):
        changeset = bulk.ask(tracks=[track.pk], operations=HOUSE, by=mod)
    changeset = applied(worked(changeset))
    made = Change.objects.filter(track=track).latest("id")
    assert (made.by, made.door, made.changeset, made.new) == (mod, "admin", changeset, {"genre": "House"})
    changesets.undo(changeset=changeset, by=boss)
    worked(changeset)
    back = Change.objects.filter(track=track).latest("id")
    assert (back.by, back.changeset, back.new) == (boss, changeset, {"genre": "Techno"})


def test_one_row_that_changed_since_its_preview_refuses_them_all_and_is_named(mod, ana, as_):
    tracks = make_tracks(ana, 3)
    changeset = previewed(mod, tracks)
    assert as_(ana).patch(f"/api/v1/tracks/{tracks[1].pk}", {"genre": "Jazz"}, format="json").status_code == 200
    before = dump()
    changeset = applied(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "CHANGED_SINCE")
    assert dump() == before
    (found,) = changesets.conflicts(changeset)
    assert (found.row.track, found.field, found.expected, found.now) == (tracks[1], "genre", "Techno", "Jazz")
    assert (found.change.by, found.change.door) == (ana, "api")
    changesets.preview_again(changeset=changeset, by=mod)
    assert applied(worked(changeset)).state == "applied"
    assert Track.objects.filter(genre="House").count() == 3


def test_another_field_that_changed_since_is_no_conflict(mod, ana):
    (track,) = make_tracks(ana, 1)
    changeset = previewed(mod, [track])
    actions.edit(track=track, by=ana, artist="Ana")
    changeset = applied(changeset)
    assert changeset.state == "applied"
    track.refresh_from_db()
    actions.edit(track=track, by=ana, artist="Anna")
    written = track.updated_at
    assert undone(changeset).state == "undone"
    track.refresh_from_db()
    assert (track.genre, track.artist) == ("Techno", "Anna")
    assert track.updated_at > written


def test_an_undo_is_refused_with_what_changed_and_undoes_the_rest_when_told_to(mod, ana):
    tracks = make_tracks(ana, 3, tags=["night"])
    changeset = applied(previewed(mod, tracks, [*HOUSE, {"do": "add", "field": "tags", "value": ["rain"]}]))
    theirs = Track.objects.get(pk=tracks[0].pk)
    actions.edit(track=theirs, by=ana, genre="Jazz")
    changeset = undone(changeset)
    assert (changeset.state, changeset.error_code) == ("applied", "CHANGED_SINCE")
    assert Track.objects.filter(genre="House").count() == 2
    (found,) = changesets.conflicts(changeset)
    assert (found.row.track, found.field, found.expected, found.now) == (theirs, "genre", "House", "Jazz")
    assert (found.change.by, found.change.door) == (ana, "system")
    assert undone(changeset, leave_changed=True).state == "undone"
    facts = list(Track.objects.order_by("id").values_list("genre", "tags"))
    assert facts == [("Jazz", ["night"]), ("Techno", ["night"]), ("Techno", ["night"])]


def test_a_track_that_was_removed_meanwhile_refuses_and_its_words_are_gone_from_the_preview(mod, ana):
    """C-07."""
    tracks = make_tracks(ana, 2)
    changeset = previewed(mod, tracks, [{"do": "set", "field": "title", "value": "Secret"}])
    actions.remove(track=Track.objects.get(pk=tracks[0].pk), by=ana)
    row = ChangesetRow.objects.get(track=tracks[0])
    assert (row.old, row.new, row.problem) == (None, None, history.REMOVED)
    changeset = applied(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "CHANGED_SINCE")
    assert [(found.row.track, found.field) for found in changesets.conflicts(changeset)] == [(tracks[0], "")]
    changesets.preview_again(changeset=changeset, by=mod)
    changeset = worked(changeset)
    assert (changeset.rows_total, changeset.rows_refused) == (1, 1)
    assert applied(changeset).state == "applied"


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("when", ["before its row is stored", "after its row is stored"])
def test_a_track_that_is_removed_while_its_preview_is_made_leaves_no_word_in_it(mod, ana, planned, monkeypatch, when):
    """C-07: who removes it cannot see the rows of a preview that is still open."""
    (track,) = make_tracks(ana, 1)
    found = Row(track.pk, "catalog_track", track.pk, {"title": track.title}, {"title": f"{track.title}, again"})
    remove = partial(side_by_side, lambda: actions.remove(track=Track.objects.get(pk=track.pk), by=ana))

    def rows():
        if when == "before its row is stored":
            remove()
        yield found

    if when == "after its row is stored":
        monkeypatch.setattr(changesets, "_report", lambda *row, **total: remove())
    changeset = planned(mod, rows())
    row = ChangesetRow.objects.get()
    assert (row.old, row.new, bool(row.problem)) == (None, None, True)
    assert (changeset.state, changeset.rows_total, changeset.rows_refused) == ("previewed", 0, 1)


def test_an_applied_row_of_a_track_that_is_removed_is_left_when_the_rest_is_undone(mod, ana):
    tracks = make_tracks(ana, 2)
    changeset = applied(previewed(mod, tracks))
    actions.remove(track=Track.objects.get(pk=tracks[0].pk), by=ana)
    changeset = undone(changeset)
    assert (changeset.state, changeset.error_code) == ("applied", "CHANGED_SINCE")
    assert undone(changeset, leave_changed=True).state == "undone"
    assert list(Track.objects.order_by("id").values_list("status", "genre")) == [("removed", ""), ("ready", "Techno")]


def test_a_track_that_was_merged_away_meanwhile_refuses_and_an_undo_still_reaches_it(mod, ana):
    gone, kept = make_tracks(ana, 2)
    merged = {"removed_at": clock.now(), "merged_into": kept}
    changeset = previewed(mod, [gone])
    Track.machine.move(gone, "merged", **merged)
    changeset = applied(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "CHANGED_SINCE")
    Track.machine.move(gone, "ready", removed_at=None, merged_into=None)
    changeset = applied(changeset)
    Track.machine.move(gone, "merged", **merged)
    assert undone(changeset).state == "undone"
    assert Track.objects.get(pk=gone.pk).genre == "Techno"


def test_a_row_that_was_deleted_meanwhile_is_named(mod, ana, planned):
    credit = Credit.objects.create(track=make_track(ana), name="Ana", role="composer")
    row = Row(credit.track_id, "catalog_credit", credit.pk, {"name": "Ana"}, {"name": "Anna"})
    changeset = planned(mod, [row])
    with history.said(by=ana):
        credit.delete()
    changeset = applied(changeset)
    (found,) = changesets.conflicts(changeset)
    assert (changeset.error_code, found.field, found.change.action, found.change.by) == ("CHANGED_SINCE", "", "D", ana)


def test_a_value_that_its_column_refuses_is_shown_and_left_alone(mod, ana):
    short, long = make_track(ana, title="Rain"), make_track(ana, title="Rain" * 60)
    changeset = previewed(mod, [short, long], [{"do": "replace", "field": "title", "find": "rain", "with": "Sunshine"}])
    assert (changeset.rows_total, changeset.rows_refused) == (1, 1)
    row = ChangesetRow.objects.get(track=long)
    assert "the most is 255" in row.problem and row.new["title"].startswith("Sunshine")
    assert applied(changeset).state == "applied"
    assert set(Track.objects.values_list("title", flat=True)) == {"Sunshine", "Rain" * 60}


def test_what_the_database_refuses_is_told_and_nothing_is_written(mod, ana, planned):
    """Also what it asks at commit only: shares of one role above 100.00."""
    track = make_track(ana)
    credit = Credit.objects.create(track=track, name="Ana", role="composer", split=60)
    Credit.objects.create(track=track, name="Bob", role="composer", split=40)
    clearance.judge([track.pk])
    before = dump()
    changeset = planned(mod, [
        Row(track.pk, "catalog_track", track.pk, {"genre": ""}, {"genre": "House"}),
        Row(track.pk, "catalog_credit", credit.pk, {"split": Decimal(60)}, {"split": Decimal("60.01")}),
    ])  # fmt: skip
    changeset = applied(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "CONTRADICTS")
    assert "more than 100.00" in changeset.error_message
    assert dump() == before


def test_a_status_without_an_arrow_is_refused_as_a_whole(mod, ana, planned):
    track = make_track(ana)
    old, new = {"status": "ready", "genre": ""}, {"status": "pending", "genre": "House"}
    changeset = applied(planned(mod, [Row(track.pk, "catalog_track", track.pk, old, new)]))
    assert (changeset.state, changeset.error_code) == ("previewed", "CONFLICT")
    track.refresh_from_db()
    assert (track.status, track.genre) == ("ready", "")


def test_tracks_are_neither_made_nor_deleted(mod, ana, planned):
    track = make_track(ana)
    changeset = planned(mod, [
        Row(track.pk, "catalog_track", track.pk, {}, None),
        Row(None, "catalog_track", None, None, {"title": "New", "owner_id": ana.pk}),
    ])  # fmt: skip
    assert (changeset.rows_total, changeset.rows_refused) == (0, 2)


def test_only_curators_ask_apply_undo_and_discard(mod, ana):
    """Rows start at what the person may change, and every verb asks."""
    track = make_track(ana)
    with pytest.raises(Forbidden):
        bulk.ask(tracks=[track.pk], operations=HOUSE, by=ana)
    changeset = previewed(mod, [track])
    for verb in (changesets.apply, changesets.undo, changesets.discard, changesets.preview_again):
        with pytest.raises(Forbidden):
            verb(changeset=changeset, by=ana)


def test_another_curator_undoes_but_does_not_apply(mod, boss, ana):
    changeset = previewed(mod, make_tracks(ana, 1))
    with pytest.raises(Forbidden):
        changesets.apply(changeset=changeset, by=boss)
    changeset = applied(changeset)
    changesets.undo(changeset=changeset, by=boss)
    assert worked(changeset).undone_by == boss


@pytest.mark.parametrize("step", ["preview", "apply"])
def test_who_is_no_curator_any_more_when_the_worker_comes_changes_nothing(mod, boss, ana, step):
    (track,) = make_tracks(ana, 1)
    changeset = bulk.ask(tracks=[track.pk], operations=HOUSE, by=mod)
    if step == "apply":
        changesets.apply(changeset=worked(changeset), by=mod)
    people.withdraw(user=mod, role="moderator", by=boss)
    changeset = worked(changeset)
    track.refresh_from_db()
    assert track.genre == "Techno"
    assert (changeset.rows_refused == 1) if step == "preview" else (changeset.error_code == "FORBIDDEN")


def test_a_changeset_is_applied_and_undone_once(mod, ana):
    changeset = previewed(mod, make_tracks(ana, 1))
    seen_before = Changeset.objects.get(pk=changeset.pk)
    changeset = applied(changeset)
    for old in (changeset, seen_before):
        with pytest.raises(Conflict):
            changesets.apply(changeset=old, by=mod)
    applied_before = Changeset.objects.get(pk=changeset.pk)
    changeset = undone(changeset)
    for old in (changeset, applied_before):
        with pytest.raises(Conflict):
            changesets.undo(changeset=old, by=mod)
    for verb in (changesets.discard, changesets.preview_again):
        with pytest.raises(Conflict):
            verb(changeset=changeset, by=mod)


def test_what_is_discarded_is_never_applied_and_lets_go_of_what_it_held(mod, ana, monkeypatch):
    let_go = []
    monkeypatch.setitem(changesets._kinds, "edit", changesets.Kind(bulk.plan, let_go.append))
    changeset = previewed(mod, make_tracks(ana, 1))
    changesets.discard(changeset=changeset, by=mod)
    assert let_go == [changeset]
    for verb in (changesets.apply, changesets.undo, changesets.discard):
        with pytest.raises(Conflict):
            verb(changeset=changeset, by=mod)
    assert changesets.work(seconds=60) == 0


def test_what_was_applied_cannot_be_discarded(mod, ana):
    changeset = applied(previewed(mod, make_tracks(ana, 1)))
    with pytest.raises(Conflict):
        changesets.discard(changeset=changeset, by=mod)


def test_a_changeset_that_changes_nothing_is_not_applied(mod, ana):
    changeset = previewed(mod, make_tracks(ana, 2, genre="House"))
    assert (changeset.rows_total, changeset.rows_refused) == (0, 0)
    with pytest.raises(Conflict) as refused:
        changesets.apply(changeset=changeset, by=mod)
    assert refused.value.code == "NOTHING_TO_DO"


def test_too_many_tracks_are_refused_when_asked(mod, monkeypatch):
    monkeypatch.setattr(changesets, "MOST_TRACKS", 2)
    with pytest.raises(Refusal) as refused:
        bulk.ask(tracks=[uuid7() for _ in range(3)], operations=HOUSE, by=mod)
    assert refused.value.code == "TOO_MANY"
    assert not Changeset.objects.exists()


def test_a_planner_that_refuses_leaves_its_reason(mod, ana, monkeypatch):
    def plan(changeset):
        raise Refusal("INVALID", "The sheet has no header.")
        yield

    monkeypatch.setitem(changesets._kinds, "import", changesets.Kind(plan))
    changeset = worked(changesets.ask(kind="import", title="Sheet", order={}, by=mod))
    assert (changeset.state, changeset.error_message) == ("failed", "The sheet has no header.")
    changesets.discard(changeset=changeset, by=mod)


def test_a_preview_for_somebody_who_left_meanwhile_fails_and_holds_nobody_up(mod, boss, ana):
    left = bulk.ask(tracks=[make_track(ana).pk], operations=HOUSE, by=mod)
    mine = bulk.ask(tracks=[make_track(ana).pk], operations=HOUSE, by=boss)
    departure.part(user=mod, tracks=departure.REMOVE)
    assert changesets.work(seconds=5) == 2
    left.refresh_from_db()
    mine.refresh_from_db()
    assert (left.state, left.error_code, mine.state) == ("failed", "FORBIDDEN", "previewed")
    changesets.preview_again(changeset=left, by=boss)
    assert worked(left).state == "failed"


def test_a_deadlock_is_tried_again_later_and_told_at_last(mod, ana, monkeypatch):
    changeset = previewed(mod, make_tracks(ana, 1))
    changesets.apply(changeset=changeset, by=mod)

    def deadlock(*args, **kwargs):
        raise OperationalError("deadlock detected")

    with monkeypatch.context() as broken:
        broken.setattr(changerows, "write", deadlock)
        for _ in changesets.DELAYS:
            changeset = worked(changeset)
            assert changeset.state == "retrying" and changeset.next_at > clock.now()
            Changeset.objects.update(next_at=clock.now())
        changeset = worked(changeset)
    assert (changeset.state, changeset.error_code) == ("previewed", "INTERRUPTED")
    assert applied(changeset).state == "applied"


def test_what_keeps_killing_its_worker_fails_and_one_that_was_applied_is_still_undone(mod, ana):
    changeset = applied(previewed(mod, make_tracks(ana, 1)))
    changesets.undo(changeset=changeset, by=mod)
    now = clock.now()
    for _ in range(5):
        changesets.claim(limit=1, now=now)
        now += dt.timedelta(hours=1)
    Changeset.objects.update(lease_until=clock.now() - dt.timedelta(hours=1))
    assert changesets.give_up_poison() == 1
    changeset.refresh_from_db()
    assert (changeset.state, changeset.error_code) == ("failed", "CRASHED")
    with pytest.raises(Conflict):
        changesets.discard(changeset=changeset, by=mod)
    assert undone(changeset).state == "undone"


def test_a_worker_that_lost_its_lease_leaves_nothing_behind(mod, ana):
    changeset = previewed(mod, make_tracks(ana, 1))
    changesets.apply(changeset=changeset, by=mod)
    (late,) = changesets.claim(limit=1)
    (other,) = changesets.claim(limit=1, now=clock.now() + dt.timedelta(hours=1))
    assert changesets.run(late) is False
    assert Track.objects.filter(genre="House").count() == 0
    assert changesets.run(other) is True
    assert Track.objects.filter(genre="House").count() == 1


def test_a_worker_that_lost_its_lease_leaves_the_preview_of_the_other_alone(mod, ana):
    changeset = bulk.ask(tracks=[track.pk for track in make_tracks(ana, 2)], operations=HOUSE, by=mod)
    (late,) = changesets.claim(limit=1)
    (other,) = changesets.claim(limit=1, now=clock.now() + dt.timedelta(hours=1))
    assert changesets.run(other) is True
    rows = list(changeset.rows.values_list("pk", flat=True))
    assert (changesets.run(late), list(changeset.rows.values_list("pk", flat=True))) == (False, rows)


@pytest.mark.django_db(transaction=True)
def test_a_lease_that_is_lost_in_the_middle_of_writing_leaves_it_to_the_other(mod, ana, monkeypatch):
    """The rows are written and not committed when another worker takes the changeset; it waits, and writes them."""
    changeset, told, others = previewed(mod, make_tracks(ana, 2)), changesets._report, []
    changesets.apply(changeset=changeset, by=mod)
    (late,) = changesets.claim(limit=1)

    def report(row, done, total):
        if done and not others:
            take = partial(changesets.claim, limit=1, now=clock.now() + dt.timedelta(hours=1))
            others.extend(side_by_side(take)[0])
        told(row, done, total)

    monkeypatch.setattr(changesets, "_report", report)
    assert changesets.run(late) is False
    assert not Track.objects.filter(genre="House").exists()
    assert changesets.run(others[0]) is True
    assert Change.objects.filter(changeset=changeset).count() == 2


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("attempt", range(2))
def test_an_edit_and_a_removal_beside_an_apply_are_whole_or_refuse_it(mod, ana, attempt):
    tracks = make_tracks(ana, 30)
    changeset = previewed(mod, tracks)
    changesets.apply(changeset=changeset, by=mod)
    (claimed,) = changesets.claim(limit=1)
    edited, removed = (Track.objects.get(pk=track.pk) for track in (tracks[-1], tracks[-2]))
    outcomes = side_by_side(
        lambda: changesets.run(claimed),
        lambda: actions.edit(track=edited, by=ana, genre="Jazz"),
        lambda: actions.remove(track=removed, by=ana),
    )
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    changeset.refresh_from_db()
    assert (outcomes[0], changeset.state) in ((True, "applied"), (False, "previewed"))
    genre = "House" if outcomes[0] else "Techno"
    assert Track.objects.filter(genre=genre).count() == 28
    assert Track.objects.get(pk=edited.pk).genre == "Jazz"
    gone = ChangesetRow.objects.get(track=removed)
    assert (gone.old, gone.new, Track.objects.get(pk=removed.pk).genre) == (None, None, "")


def test_progress_is_told_while_the_work_is_open(mod, ana, monkeypatch):
    monkeypatch.setattr(changerows, "AT_ONCE", 2)
    changeset, seen = previewed(mod, make_tracks(ana, 5)), []
    told = changesets._report

    def report(row, done, total):
        told(row, done, total)
        if row.state == "running":
            seen.append(changesets.progress(row))

    monkeypatch.setattr(changesets, "_report", report)
    assert changesets.progress(applied(changeset)) == (5, 5)
    assert list(dict.fromkeys(seen)) == [(0, 5), (2, 5), (4, 5), (5, 5)]


def test_a_kind_that_nobody_plans_is_not_asked_for(mod):
    with pytest.raises(ValueError, match="nobody plans"):
        changesets.ask(kind="unknown", title="", order={}, by=mod)


@pytest.mark.django_db(transaction=True)
def test_of_two_that_race_over_the_same_tracks_one_is_applied_and_nothing_is_half_written(mod, ana):
    """Named in opposite orders, so that without one order of locks they would wait for each other."""
    tracks = make_tracks(ana, 40)
    words = ("House", "Jazz")
    sets = [previewed(mod, order, [{"do": "set", "field": "genre", "value": word}])
            for word, order in zip(words, (tracks, tracks[::-1]), strict=True)]  # fmt: skip
    for changeset in sets:
        changesets.apply(changeset=changeset, by=mod)
    claimed = changesets.claim(limit=2)
    outcomes = side_by_side(*(lambda row=row: changesets.run(row) for row in claimed))
    assert sorted(outcomes) == [False, True]
    won, lost = sorted(Changeset.objects.all(), key=lambda row: row.state)
    assert (won.state, lost.state, lost.error_code) == ("applied", "previewed", "CHANGED_SINCE")
    assert set(Track.objects.values_list("genre", flat=True)) == {words[sets.index(won)]}


@pytest.mark.django_db(transaction=True)
def test_of_two_who_press_apply_or_undo_at_once_one_is_told_no(mod, ana):
    changeset = previewed(mod, make_tracks(ana, 1))
    for verb in (changesets.apply, changesets.undo):
        copies = [Changeset.objects.get(pk=changeset.pk) for _ in range(2)]
        outcomes = side_by_side(*(lambda copy=copy, verb=verb: verb(changeset=copy, by=mod) for copy in copies))
        assert sorted(type(outcome) for outcome in outcomes if outcome) == [Conflict]
        worked(changeset)
