"""Rows of previews and of the history in people's words: what a column is called, what an id and a time stand for."""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.exceptions import FieldDoesNotExist
from django.db.models import DateTimeField, Field, Model
from django.http import HttpRequest

from apps.accounts.models import User
from apps.catalog import bulk, changerows
from apps.catalog.models import Blob, Track, TrackFile
from apps.lib import sizes
from apps.lib.admin import moment, visible

Facts = dict[str, Any] | None
HASH_SHOWN = 12
# What the history says of another original (`history.replaced`).
CONTENT = {"sha256": "SHA-256", "size": "size"}
IDLE = {"id", "track_id", *changerows.MOMENTS}


def person(user) -> str:
    """How lists name somebody; the system where it was nobody."""
    profile = getattr(user, "profile", None)
    return profile.username if profile else str(user or "the system")


# Model → how its rows are fetched beside `pk`, and what they are called.
CALLED = {
    Track: ((), str),
    User: (("profile",), person),
    Blob: ((), lambda blob: blob.sha256[:HASH_SHOWN]),
}


class Wording:
    """Says what the rows of one page hold. One query for each kind of what they point to, however many rows.

    What the viewer may not see, and what is not there any more, keeps its id.
    """

    def __init__(self, request: HttpRequest, rows: Iterable[tuple[str, UUID | None, Facts, Facts]]) -> None:
        """`rows`: table, id, and the old and new columns, of each."""
        wanted = defaultdict(set)
        for table, pk, *sides in rows:
            if table == Track._meta.db_table and pk:
                wanted[Track].add(str(pk))
            for name, value in ((name, value) for side in sides for name, value in (side or {}).items() if value):
                if (model := _pointed_to(table, name)) and name not in IDLE:
                    wanted[model].add(str(value))
        self.names = {model: _names(request, model, keys) for model, keys in wanted.items()}

    def track(self, pk: UUID) -> str:
        return self.names.get(Track, {}).get(str(pk), "a track that is gone")

    def changes(self, table: str, old: Facts, new: Facts) -> list[tuple[str, str, str]]:
        """Field, old and new in people's words; of a row that was made or deleted, what it says."""
        old, new = old or {}, new or {}
        return [
            (words, self.side(table, name, old), self.side(table, name, new))
            for name, words in labels(table).items()
            if name not in IDLE and (old.get(name) is not None or new.get(name) is not None)
        ]

    def side(self, table: str, name: str, side: dict) -> str:
        return self.value(table, name, side[name]) if name in side else ""

    def value(self, table: str, name: str, value: Any) -> str:
        if value and isinstance(_field(table, name), DateTimeField):
            return moment(dt.datetime.fromisoformat(str(value)))
        if value and (model := _pointed_to(table, name)):
            return self.names.get(model, {}).get(str(value), str(value))
        if value and name in CONTENT:
            return sizes.words(value) if name == "size" else f"{value[:HASH_SHOWN]}…"
        return bulk.shown(name, value)


def labels(table: str) -> dict[str, str]:
    """Column → words, in the order of the model."""
    columns = changerows.model_of(table)._meta.concrete_fields
    named = {column.attname: str(column.verbose_name) for column in columns}
    return named | CONTENT if table == TrackFile._meta.db_table else named


def _names(request: HttpRequest, model: type[Model], keys: set[str]) -> dict[str, str]:
    related, called = CALLED[model]
    rows = visible(model._default_manager.filter(pk__in=keys), request)
    return {str(row.pk): called(row) for row in rows.prefetch_related(*related)}


def _field(table: str, name: str) -> Field | None:
    try:
        return changerows.model_of(table)._meta.get_field(name.removesuffix("_id"))
    except FieldDoesNotExist:
        return None


def _pointed_to(table: str, name: str) -> type[Model] | None:
    field = _field(table, name)
    model = field.related_model if field is not None and field.is_relation else None
    return model if model in CALLED else None
