"""Who changes tracks, told to the database, which writes down every change (`Change`, decision 0031)."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.db import connection, transaction
from django.db.models import CharField, Q, QuerySet
from django.db.models.fields.json import KT
from django.db.models.functions import Cast

from apps.catalog.models import Blob, Change, Changeset, ChangesetRow, Track, TrackFile
from apps.lib import doors

REMOVED = "The track was removed."
# The former words are read before the new ones are set: the output of a row is made of what stands in its source.
SAY = """
WITH said AS MATERIALIZED (SELECT current_setting('keeptrack.by', true) AS person,
    current_setting('keeptrack.door', true) AS door, current_setting('keeptrack.changeset', true) AS changeset)
SELECT coalesce(person, ''), coalesce(door, ''), coalesce(changeset, ''), set_config('keeptrack.by', %s, true),
    set_config('keeptrack.door', %s, true), set_config('keeptrack.changeset', %s, true)
FROM said
"""
REPLACED = """
INSERT INTO catalog_change (track_id, "table", row_id, action, fields, old, new, by_id, door)
VALUES (%s, %s, %s, 'U', '{sha256,size}', %s, %s, nullif(current_setting('keeptrack.by', true), '')::uuid,
    coalesce(nullif(current_setting('keeptrack.door', true), ''), 'direct'))
"""


_person: ContextVar = ContextVar("person", default=None)


@contextmanager
def said(*, by, changeset: Changeset | None = None) -> Iterator[None]:
    """A transaction whose changes are `by`'s (a person, or None for the system), through the present door.

    What it says ends with the block, also inside a larger transaction.
    """
    with transaction.atomic():
        before = _say(str(by.pk) if by else "", doors.current(), str(changeset.pk) if changeset else "")
        spoken = _person.set(by)
        try:
            yield
        finally:
            _person.reset(spoken)
        _say(*before)


def person():
    """Whose doing it is at this moment, None for the system's."""
    return _person.get()


def _say(*words: str) -> tuple[str, ...]:
    """Set person, door and changeset for the rest of the transaction; returns what was said before."""
    with connection.cursor() as cursor:
        cursor.execute(SAY, words)
        return cursor.fetchone()[: len(words)]


def replaced(*, file: TrackFile, old: Blob, new: Blob) -> None:
    """The file of this role has other bytes now. Which ones is written out: the old ones' own row goes with them."""
    sides = [json.dumps({"sha256": blob.sha256, "size": blob.size}) for blob in (old, new)]
    with connection.cursor() as cursor:
        cursor.execute(REPLACED, [file.track_id, file._meta.db_table, file.pk, *sides])


def blank(tracks: QuerySet[Track]) -> None:
    """Of removed tracks the history keeps who did what when, and no word of what stood there (C-07)."""
    Change.objects.filter(track__in=tracks.values("pk")).update(old=None, new=None)
    ChangesetRow.objects.filter(track__in=tracks.values("pk")).update(old=None, new=None, problem=REMOVED)
    keys = tracks.order_by().annotate(as_text=Cast("pk", CharField())).values("as_text")
    merges = Changeset.objects.filter(kind=Changeset.Kind.MERGE).annotate(
        lose=KT("order__lose"), keep=KT("order__keep")
    )
    merges.filter(Q(lose__in=keys) | Q(keep__in=keys)).update(title="Merge of tracks that were removed")
