"""Tracks as a table for spreadsheet programs: its columns, and what stands in them."""

import datetime as dt
from collections.abc import Iterable, Iterator
from decimal import Decimal
from uuid import UUID

from django.db.models import QuerySet
from django.utils import timezone

from apps.catalog.bulk import FIELDS, shown
from apps.catalog.changerows import chunks
from apps.catalog.models import Credit, Track
from apps.lib import sheet
from apps.lib.errors import Refusal
from apps.lib.sheet import Cell

# Told and never taken: an import passes over them. The name → what of the track.
TOLD = {
    "kind": "kind", "status": "status", "owner": "owner__profile__username", "creators": "creators",
    "duration": "duration_ms", "clearance": "clearance", "clearance_reasons": "clearance_reasons",
    "popularity_score": "popularity_score", "play_count": "play_count", "created_at": "created_at",
    "updated_at": "updated_at",
}  # fmt: skip
COLUMNS = {"id": "pk", **FIELDS, **TOLD}
FORMS = {"csv": sheet.as_csv, "xlsx": sheet.as_xlsx}
AT_ONCE = 1000


def export(tracks: QuerySet[Track], *, user, form: str) -> Iterator[bytes]:
    """The file in pieces, newest track first, in as much memory for a million tracks as for one.

    `tracks` are a choice of rows; of these only what `user` may see goes out. Refusals: INVALID, SHEET_TOO_LONG.
    """
    if form not in FORMS:
        message = f"format: one of {', '.join(FORMS)}."
        raise Refusal("INVALID", message, fields={"format": [message]})
    keys = tracks.prefetch_related(None).select_related(None).order_by("-pk").values_list("pk", flat=True)
    if form == "xlsx" and keys[sheet.MOST_IN_XLSX : sheet.MOST_IN_XLSX + 1].exists():
        message = f"An XLSX file holds {sheet.MOST_IN_XLSX:,} rows. Take CSV, or choose fewer tracks."
        raise Refusal("SHEET_TOO_LONG", message, status=413)
    return FORMS[form](_rows(keys, user))


def name_of(form: str, now: dt.datetime | None = None) -> str:
    return f"tracks-{now or timezone.now():%Y-%m-%d}.{form}"


def _rows(keys: QuerySet, user) -> Iterator[Iterable[Cell]]:
    yield COLUMNS
    visible = Track.objects.visible_to(user)
    for chunk in chunks(keys.iterator(AT_ONCE), AT_ONCE):
        names = [column for column in COLUMNS.values() if column != "creators"]
        found = {facts["pk"]: facts for facts in visible.filter(pk__in=chunk).values(*names)}
        creators = _creators(chunk)
        for key in chunk:
            if facts := found.get(key):
                facts["creators"] = list(dict.fromkeys(creators.get(key, ())))
                yield [cell(column, facts[column]) for column in COLUMNS.values()]


def _creators(keys: list[UUID]) -> dict[UUID, list[str]]:
    found: dict[UUID, list[str]] = {}
    for key, name in Credit.objects.filter(track__in=keys).order_by("pk").values_list("track_id", "name"):
        found.setdefault(key, []).append(name)
    return found


def cell(column: str, value) -> Cell:
    """What stands in the table: seconds, words parted by commas, `C#`, `yes`, a time in ISO."""
    if column == "duration_ms":
        return "" if value is None else Decimal(value) / 1000
    if isinstance(value, dt.date):
        return value.isoformat(timespec="seconds") if isinstance(value, dt.datetime) else value.isoformat()
    if isinstance(value, Decimal) or (isinstance(value, int) and column in ("play_count",)):
        return value
    return shown(column, value)
