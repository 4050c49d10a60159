"""The admin log when people leave."""

import pytest
from django.contrib.admin.models import CHANGE, LogEntry
from django.contrib.contenttypes.models import ContentType

from apps.accounts import departure, staff_log
from apps.accounts.models import User
from apps.accounts.roles import Role
from apps.catalog.models import Track
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db


def note(by: User, row, words: str = "", key: str = "") -> LogEntry:
    return LogEntry.objects.create(
        user=by, content_type=ContentType.objects.get_for_model(type(row)), object_id=key or str(row.pk),
        object_repr=words or str(row), action_flag=CHANGE, change_message="Changed.",
    )  # fmt: skip


def leave(user: User, tracks: str = "remove") -> None:
    departure.part(user=user, tracks=tracks)


def told(entry: LogEntry) -> tuple:
    entry.refresh_from_db()
    return entry.object_id, entry.object_repr, entry.change_message


BLANK = (None, "a person who left", "")


def test_what_was_done_to_somebody_stays_without_them(boss, ana):
    make_user("zoe", roles=[Role.ARTIST])
    zoe = User.objects.get(email="zoe@example.org")
    entries = [note(boss, zoe), note(boss, zoe.profile), note(boss, zoe.grants.get()), note(boss, zoe, key="gone")]
    leave(zoe)
    assert [told(entry) for entry in entries] == [BLANK] * 4


def test_who_leaves_takes_no_others_along(boss):
    """The address of one is a part of the other's."""
    ann, joann = make_user("ann"), make_user("joann")
    entry = note(boss, joann)
    leave(ann)
    assert told(entry) == (str(joann.pk), "joann@example.org", "Changed.")


def test_titles_go_with_removed_tracks_and_stay_with_the_librarys(boss, ana, bob):
    entries = [note(boss, make_track(owner, title="My diary")) for owner in (ana, bob)]
    leave(ana, "remove")
    leave(bob, "library")
    assert told(entries[0]) == BLANK
    assert told(entries[1])[1] == "My diary" and Track.objects.get(pk=entries[1].object_id).owner is None


def test_what_an_admin_did_stays_when_they_leave(boss, ana):
    gone = make_user("gone", roles=[Role.ADMIN])
    entry = note(gone, ana)
    leave(gone)
    assert told(entry) == (str(ana.pk), ana.email, "Changed.")
    assert entry.user.email == staff_log.NOBODY and not entry.user.is_active and not entry.user.roles - {Role.USER}
    other = make_user("other", roles=[Role.ADMIN])
    note(other, ana)
    leave(other)
    assert User.objects.filter(email=staff_log.NOBODY).count() == 1
