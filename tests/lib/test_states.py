import pytest
from django.db import IntegrityError, connection, transaction
from django.db.models import F, Q
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog import actions
from apps.catalog.models import Track
from apps.lib.errors import Conflict
from apps.lib.states import Machine
from tests.lib.threads import side_by_side
from tests.make import make_track, make_user

LIGHT = {"red": ("green",), "green": ("amber",), "amber": ("red", "off"), "off": ()}


def make_pending(owner, title="Night Train") -> Track:
    return actions.create(owner=owner, kind="uploaded", title=title)


def stored(track) -> Track:
    return Track.objects.get(pk=track.pk)


def test_a_machine_starts_at_its_first_state_and_knows_all_of_them():
    light = Machine("colour", LIGHT)
    assert light.start == "red"
    assert light.states == ("red", "green", "amber", "off")
    assert light.sources("red") == ("amber",)
    assert light.sources("off") == ("amber",)


def test_an_arrow_to_an_undeclared_state_is_a_mistake_in_the_program():
    with pytest.raises(ValueError, match="blue"):
        Machine("colour", {"red": ("blue",)})


def test_the_column_starts_at_the_start_and_no_form_writes_it():
    column = Machine("colour", LIGHT).column(max_length=5)
    assert (column.default, column.editable, column.max_length) == ("red", False, 5)
    assert [value for value, _ in column.choices] == list(LIGHT)


@pytest.mark.django_db
def test_a_new_row_may_begin_in_any_declared_state_and_in_no_other(ana):
    row = Track(owner=ana, kind="uploaded", title="Night Train")
    Track.machine.insert(row, "failed")
    assert (row.status, stored(row).status) == ("failed", "failed")
    with pytest.raises(ValueError, match="lost"):
        Track.machine.insert(Track(owner=ana, kind="uploaded", title="x"), "lost")
    assert Track.objects.count() == 1


@pytest.mark.django_db
def test_may_says_which_arrows_leave_a_row(ana):
    track = make_pending(ana)
    assert Track.machine.may(track, "ready")
    assert not Track.machine.may(make_track(ana), "failed")


@pytest.mark.django_db
def test_a_move_sets_the_state_and_its_facts_on_the_row_and_in_the_database(ana):
    track, before = make_pending(ana), timezone.now()
    Track.machine.move(track, "failed", description="It broke.")
    for row in (track, stored(track)):
        assert (row.status, row.description) == ("failed", "It broke.")
    assert stored(track).updated_at >= before


@pytest.mark.django_db
def test_state_and_facts_travel_in_one_update(ana):
    """So that no reader and no wall ever sees one without the other."""
    track = make_pending(ana)
    with CaptureQueriesContext(
        connection,
    ) as queries:
        Track.machine.move(track, "removed", removed_at=timezone.now(), title="")
    (update,) = queries.captured_queries
    changed, _, condition = update["sql"].partition(" WHERE ")
    assert '"status" = ' in changed and '"removed_at" = ' in changed
    assert "\"status\" = 'pending'" in condition


@pytest.mark.django_db
def test_an_undeclared_arrow_is_refused_and_nothing_is_written(ana):
    track = make_track(ana)
    with pytest.raises(Conflict) as refused:
        Track.machine.move(track, "pending", title="Other")
    assert refused.value.status == 409
    for row in (track, stored(track)):
        assert (row.status, row.title) == ("ready", "Night Train")


@pytest.mark.django_db
def test_a_row_that_has_moved_meanwhile_is_not_moved_again(ana):
    track = make_pending(ana)
    stale = stored(track)
    Track.machine.move(track, "ready")
    with pytest.raises(Conflict):
        Track.machine.move(stale, "failed", title="Other")
    assert (stale.status, stale.title) == ("pending", "Night Train")
    assert (stored(track).status, stored(track).title) == ("ready", "Night Train")


@pytest.mark.django_db
def test_a_row_that_is_gone_is_a_conflict(ana):
    with pytest.raises(Conflict):
        Track.machine.move(Track(title="Never stored", owner=ana), "ready")


@pytest.mark.django_db
def test_a_condition_of_the_caller_stands_in_the_same_statement(ana, bob):
    track = make_pending(ana)
    with pytest.raises(Conflict):
        Track.machine.move(track, "ready", where=Q(owner=bob))
    Track.machine.move(track, "ready", where=Q(owner=ana))
    assert stored(track).status == "ready"


@pytest.mark.django_db
def test_an_expression_is_computed_in_the_database_and_not_left_on_the_row(ana):
    track = make_pending(ana)
    Track.machine.move(track, "ready", play_count=F("play_count") + 7)
    assert track.play_count == 0
    assert stored(track).play_count == 7


@pytest.mark.django_db(transaction=True)
def test_of_two_moves_at_the_same_moment_exactly_one_wins():
    ana = make_user()
    for number in range(10):
        track = make_pending(ana, f"{number}")
        first, second = stored(track), stored(track)
        outcomes = side_by_side(
            lambda row=first: Track.machine.move(row, "ready", artist="first"),
            lambda row=second: Track.machine.move(row, "failed", artist="second"),
        )
        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["Conflict", "NoneType"]
        won = "first" if outcomes[0] is None else "second"
        assert (stored(track).status, stored(track).artist) == ("ready" if won == "first" else "failed", won)


@pytest.mark.django_db
def test_move_all_moves_the_rows_that_have_an_arrow_and_leaves_the_others(ana):
    pending, ready, failed = make_pending(ana), make_track(ana), make_pending(ana)
    Track.machine.move(failed, "failed")
    moved = Track.machine.move_all(Track.objects.filter(owner=ana), "ready", artist="Anon")
    assert moved == 2
    assert [stored(row).status for row in (pending, ready, failed)] == ["ready"] * 3
    assert [stored(row).artist for row in (pending, ready, failed)] == ["Anon", "", "Anon"]


@pytest.mark.django_db
def test_move_all_to_a_state_that_nothing_leads_to_moves_nothing(ana):
    track = make_track(ana)
    assert Track.machine.move_all(Track.objects.all(), "pending") == 0
    assert stored(track).status == "ready"


@pytest.mark.django_db
def test_the_database_refuses_a_state_that_is_not_declared(ana):
    track = make_track(ana)
    with pytest.raises(IntegrityError, match="track_status_known"), transaction.atomic():
        Track.objects.filter(pk=track.pk).update(status="nonsense")
