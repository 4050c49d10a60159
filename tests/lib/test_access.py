import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import connection

from apps.catalog.models import Track
from apps.lib.access import AccessQuerySet
from apps.lib.errors import Forbidden, NotFound
from apps.lib.records import uuid7
from tests.make import make_track

pytestmark = pytest.mark.django_db
NOBODY = AnonymousUser()


def outcome(fetch, user, track) -> str:
    try:
        return "row" if fetch(user, pk=track.pk) == track else "another row"
    except (NotFound, Forbidden) as refusal:
        return refusal.code


def test_a_hidden_row_is_not_found_and_a_visible_one_of_somebody_else_forbidden(ana, bob, mod):
    public, private = make_track(ana), make_track(ana, is_public=False)
    see, change = Track.objects.get_visible, Track.objects.get_editable
    for user, track, seen, changed in [
        (NOBODY, public, "row", "FORBIDDEN"),
        (NOBODY, private, "NOT_FOUND", "NOT_FOUND"),
        (bob, public, "row", "FORBIDDEN"),
        (bob, private, "NOT_FOUND", "NOT_FOUND"),
        (ana, public, "row", "row"),
        (ana, private, "row", "row"),
        (mod, public, "row", "row"),
        (mod, private, "row", "row"),
    ]:
        assert outcome(see, user, track) == seen
        assert outcome(change, user, track) == changed


def test_a_row_that_never_was_is_not_found_for_everyone(ana, boss):
    for user in (NOBODY, ana, boss):
        for fetch in (Track.objects.get_visible, Track.objects.get_editable):
            with pytest.raises(NotFound):
                fetch(user, pk=uuid7())


def test_a_rule_as_a_condition_names_its_own_person(ana, bob):
    rows = Track.objects.all()
    for person in (ana, bob, ana):
        sql, values = rows.as_condition(rows.play_rule(person))
        assert person.pk in values and "owner_id" in sql
    assert rows.as_condition(rows.play_rule(NOBODY))[1] == ()


def test_the_whole_key_must_fit(ana):
    track = make_track(ana)
    assert Track.objects.get_visible(ana, pk=track.pk, kind="uploaded") == track
    with pytest.raises(NotFound):
        Track.objects.get_visible(ana, pk=track.pk, kind="gallery")


def test_access_narrows_what_was_asked_and_never_widens_it(ana, bob):
    mine, other = make_track(ana, title="Mine", is_public=False), make_track(bob, title="Theirs")
    asked = Track.objects.filter(title="Theirs")
    assert list(asked.visible_to(ana)) == [other]
    assert list(asked.editable_by(ana)) == []
    assert set(Track.objects.visible_to(ana)) == {mine, other}
    assert list(Track.objects.visible_to(bob)) == [other]
    with pytest.raises(NotFound):
        asked.get_visible(ana, pk=mine.pk)


def test_rows_without_rules_are_nobodys(ana):
    rows = AccessQuerySet(Track)
    for word in (rows.visible_to, rows.editable_by):
        with pytest.raises(NotImplementedError):
            word(ana)


def test_a_rule_as_a_condition_of_sql_chooses_the_same_rows(ana, bob, mod):
    """For statements that are not the ORM's: whatever the rule, also one that is always or never so."""
    tracks = [make_track(ana), make_track(ana, is_public=False), make_track(bob, is_public=False)]
    rows = Track.objects.all()
    for user in (NOBODY, ana, bob, mod):
        for rule in (rows.view_rule(user), rows.edit_rule(user), rows.play_rule(user)):
            condition, values = rows.as_condition(rule)
            with connection.cursor() as cursor:
                cursor.execute(f"SELECT id FROM catalog_track WHERE {condition}", values)
                found = {pk for (pk,) in cursor.fetchall()}
            assert found == {track.pk for track in tracks if rows.filter(rule, pk=track.pk).exists()}
