"""The rows of a changeset: stored as old → new, compared with what stands there now, and written (decision 0032).

The database itself turns JSON into values of the column's type, so that 120 and 120.00 are one tempo, and a thousand
rows are one statement. `was` and `becomes` name the two sides: `old` and `new` when a changeset is applied, `new` and
`old` when it is undone.
"""

import datetime as dt
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import islice
from typing import Any
from uuid import UUID

from django.apps import apps
from django.core.exceptions import ValidationError
from django.db import connection
from django.db.models import SET_NULL, Field, Model, Q, QuerySet, UUIDField

from apps.catalog.history import REMOVED
from apps.catalog.models import Change, Changeset, ChangesetRow, Track
from apps.lib.records import uuid7

AT_ONCE = 1000
# When a row was written belongs to the writing, not to what was asked for.
MOMENTS = ("created_at", "updated_at")
GONE = "It is not there any more, or you may not change it."


@dataclass(frozen=True)
class Row:
    """One planned change. `old` and `new` are columns (attnames: `pitch_class`, `merged_into_id`) → Python values.

    No `old`: the row is made, `row_id` may be left out, columns not named get their defaults. No `new`: it is deleted,
    and `old` may be `{}`, for the whole row is kept. `row_id` is the primary key, a UUID or a number. `problem` says
    why it cannot change; such a row is shown and left alone. `line` is that of an imported sheet.
    """

    track_id: UUID | None
    table: str
    row_id: UUID | int | None
    old: dict[str, Any] | None
    new: dict[str, Any] | None
    problem: str = ""
    line: int | None = None


@dataclass(frozen=True)
class Conflict:
    """A field that somebody changed since. Without `field` the whole row or its track is gone."""

    row: ChangesetRow
    field: str
    expected: Any = None
    now: Any = None
    change: Change | None = None


@dataclass
class Side:
    """Which way it goes, and what is left as it stands: row → fields, or None for the whole row."""

    changeset: Changeset
    was: str
    becomes: str
    left: dict[int, set[str] | None] = field(default_factory=dict)

    @property
    def forward(self) -> bool:
        return self.was == "old"

    @property
    def whole(self) -> list[int]:
        return [row for row, fields in self.left.items() if fields is None]

    def rows(self) -> QuerySet[ChangesetRow]:
        return ChangesetRow.objects.filter(changeset=self.changeset, problem="").exclude(pk__in=self.whole)

    def leave(self, found: list[Conflict]) -> None:
        """Let these stand. A row that was made and has changed since stays as it is now."""
        for each in found:
            if (
                each.field
                and getattr(each.row, self.becomes) is not None
                and self.left.get(each.row.pk, ()) is not None
            ):
                self.left.setdefault(each.row.pk, set()).add(each.field)
            else:
                self.left[each.row.pk] = None


def side(changeset: Changeset) -> Side:
    return Side(changeset, "new", "old") if changeset.step == "undo" else Side(changeset, "old", "new")


def model_of(table: str) -> type[Model]:
    """The model of an `app_model` label."""
    return apps.get_model(*table.split("_", 1))


def encoded(value: Any) -> Any:
    """As JSON that the column's type reads back: times in ISO, decimals and ids as text, no NUL."""
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, Decimal | UUID):
        return str(value)
    if isinstance(value, str):
        return value.replace("\0", "\N{REPLACEMENT CHARACTER}")
    if isinstance(value, list | tuple):
        return [encoded(each) for each in value]
    return value


def chunks(rows: Iterable, size: int) -> Iterator[list]:
    rows = iter(rows)
    while batch := list(islice(rows, size)):
        yield batch


def store(changeset: Changeset, rows: Iterable[Row], *, by, report: Callable[[int], None]) -> None:
    """Write the preview. What `by` may not change, and values that their columns refuse, become problems."""
    done, checks = 0, Checks()
    for batch in chunks(rows, AT_ONCE):
        tracks = {row.track_id for row in batch if row.track_id}
        mine = {None, *Track.objects.editable_by(by).filter(pk__in=tracks).values_list("pk", flat=True)}
        made = [_kept(changeset, row, checks, row.track_id in mine) for row in batch]
        _keep_whole([row for row in made if row.new is None and not row.problem])
        ChangesetRow.objects.bulk_create(made)
        report(done := done + len(batch))


def _kept(changeset: Changeset, row: Row, checks: "Checks", mine: bool) -> ChangesetRow:
    problem = row.problem or ("" if mine else GONE) or checks.problem(row)
    key, new = row.row_id, row.new
    if row.old is None and new is not None and not problem:
        key = key or uuid7()
        new = _columns(_made(row, key))
    return ChangesetRow(
        changeset=changeset, track_id=row.track_id if mine else None, table=row.table, line=row.line,
        row_id=UUID(int=key) if isinstance(key, int) else key, problem=problem[:500],
        old=_json(row.old if mine else None), new=_json(new if mine else None),
    )  # fmt: skip


def _json(columns: dict[str, Any] | None) -> dict[str, Any] | None:
    return None if columns is None else {name: encoded(value) for name, value in columns.items()}


def _made(row: Row, key) -> Model:
    model, facts = model_of(row.table), dict(row.new)
    if row.track_id and "track_id" in {column.attname for column in model._meta.concrete_fields}:
        facts.setdefault("track_id", row.track_id)
    return model(**{model._meta.pk.attname: key, **facts})


def _columns(row: Model) -> dict[str, Any]:
    return {name: getattr(row, name) for name in _own(type(row))}


def _own(model: type[Model]) -> list[str]:
    """All columns but those that the database fills by itself."""
    return [column.attname for column in model._meta.concrete_fields if not column.has_db_default()]


def _keep_whole(going: list[ChangesetRow]) -> None:
    """A row that is deleted is kept whole, so that it can come back."""
    for table in {row.table for row in going}:
        model, rows = model_of(table), [row for row in going if row.table == table]
        found = model._base_manager.in_bulk([_key(model, row) for row in rows])
        for row in rows:
            standing = found.get(_key(model, row))
            row.old = _json(_columns(standing)) if standing else {}
            row.problem = "" if standing else GONE


def _key(model: type[Model], row: ChangesetRow) -> UUID | int:
    return row.row_id if isinstance(model._meta.pk, UUIDField) else row.row_id.int


class Checks:
    """What the columns say to new values; each value is asked about once."""

    def __init__(self):
        self._said: dict[tuple, str] = {}

    def problem(self, row: Row) -> str:
        model = model_of(row.table)
        if row.new is None or row.old is None:
            return "A track is neither made nor deleted in bulk." if model is Track else self._of_whole(row)
        return next(filter(None, (self._of(model, name, value) for name, value in row.new.items())), "")

    def _of(self, model: type[Model], name: str, value: Any) -> str:
        asked = (model, name, repr(value))
        if asked not in self._said:
            self._said[asked] = _refused(model._meta.get_field(name), value)
        return self._said[asked]

    def _of_whole(self, row: Row) -> str:
        if row.new is None:
            return ""
        made = _made(row, row.row_id or uuid7())
        relations = {column.name for column in made._meta.concrete_fields if column.is_relation}
        said = (_refused(c, getattr(made, c.attname)) for c in made._meta.concrete_fields if c.name not in relations)
        return next(filter(None, said), "")


def objection(column: Field, value: Any) -> str:
    """Why the column does not take the value, or nothing. Whom a relation names, the database checks."""
    if column.is_relation or column.attname in MOMENTS or column.primary_key:
        return ""
    if "\0" in str(value):
        return "It contains a NUL character."
    if isinstance(value, str) and not column.blank and not value.strip():
        return "This field cannot be blank."
    if isinstance(value, str) and column.max_length and len(value) > column.max_length:
        return f"It has {len(value):,} characters, the most is {column.max_length:,}."
    try:
        column.clean(value, None)
    except ValidationError as invalid:
        return " ".join(invalid.messages)
    return ""


def _refused(column: Field, value: Any) -> str:
    said = objection(column, value)
    return said and f"{column.verbose_name}: {said}"


def tables(way: Side) -> list[str]:
    return list(way.rows().order_by("table").values_list("table", flat=True).distinct())


def lock(way: Side) -> None:
    """Lock the tracks in the order of their ids, so that of two changesets one waits and never both."""
    list(_tracks(way).order_by("pk").select_for_update(no_key=True).values_list("pk", flat=True))


def untouchable(way: Side, *, by) -> set[UUID]:
    """Tracks that were removed since, or are no longer `by`'s to change. An undo reaches merged ones."""
    if by is None:
        return set()
    tracks = _tracks(way)
    reached = tracks.editable_by(by) if way.forward else tracks.visible_to(by).exclude(status="removed")
    return set(tracks.values_list("pk", flat=True)) - set(reached.values_list("pk", flat=True))


def _tracks(way: Side) -> QuerySet[Track]:
    return Track.objects.filter(pk__in=way.rows().filter(track__isnull=False).values("track_id"))


def conflicts(way: Side, *, by, most: int | None = None) -> list[Conflict]:
    """What does not stand as the changeset found it or left it, the first `most` of it."""
    rows = ChangesetRow.objects.filter(changeset=way.changeset).order_by("pk")
    gone = rows.filter(Q(problem=REMOVED) | Q(problem="", track__in=untouchable(way, by=by)))
    found = [Conflict(row, "") for row in gone[:most]]
    for table in tables(way):
        found += _differing(way, table, None if most is None else max(0, most - len(found)))
    return found


def _differing(way: Side, table: str, most: int | None) -> list[Conflict]:
    """Fields that are another than expected. A person who left is named nowhere, which is nobody's change."""
    query = f"""
        SELECT r.id, t.id IS NULL, key, r.{way.was} -> key, to_jsonb(t) -> key
        FROM catalog_changesetrow AS r LEFT JOIN {_name(table)} AS t ON {_same(table, "t")}
        CROSS JOIN LATERAL jsonb_populate_record(t, r.{way.was}) AS meant
        CROSS JOIN LATERAL jsonb_object_keys(r.{way.was}) AS key
        WHERE {CHOSEN} AND r.{way.was} IS NOT NULL AND key <> ALL (%(moments)s)
            AND (t.id IS NULL OR t IS DISTINCT FROM jsonb_populate_record(t, r.{way.was} - %(moments)s))
            AND (t.id IS NULL OR to_jsonb(t) -> key IS DISTINCT FROM to_jsonb(meant) -> key)
            AND (t.id IS NULL OR to_jsonb(t) -> key <> 'null' OR key <> ALL (%(people)s))
        ORDER BY r.id, key LIMIT %(most)s"""
    found = _asked(query, way, table, most=most, people=_people(table))
    rows = ChangesetRow.objects.in_bulk({each[0] for each in found})
    differing = (
        Conflict(rows[row], "") if gone else Conflict(rows[row], name, json.loads(expected), json.loads(now))
        for row, gone, name, expected, now in found
    )
    return list({(each.row.pk, each.field): each for each in differing}.values())


def _people(table: str) -> list[str]:
    """Columns that name somebody as long as there is such an account."""
    columns = (column for column in model_of(table)._meta.concrete_fields if column.is_relation)
    return [column.attname for column in columns if column.remote_field.on_delete is SET_NULL]


def with_changes(found: list[Conflict]) -> list[Conflict]:
    """Each with the last `Change` that made it so: who, when and through which door."""
    rows, tracks = {each.row.row_id for each in found}, {each.row.track_id for each in found}
    last: dict[tuple[UUID, str], Change] = {}
    for change in Change.objects.filter(track__in=tracks, row_id__in=rows).select_related("by").order_by("id"):
        last |= {(change.row_id, name): change for name in ("", *change.fields)}
    return [replace(each, change=last.get((each.row.row_id, each.field))) for each in found]


def write(way: Side, *, now: dt.datetime, report: Callable[[int], None]) -> None:
    """Write all rows, inside the caller's transaction; deletions first and new rows last, so that keys are free.

    Conflict where a status has no arrow to what is asked for, IntegrityError where the database says no.
    """
    done, names = 0, tables(way)
    for verb in (_delete, _move, _update, _insert):
        for table in names:
            for count in verb(way, table, now):
                report(done := done + count)


def _delete(way: Side, table: str, now: dt.datetime) -> Iterator[int]:
    going = f"r.{way.becomes} IS NULL"
    if way.forward and _timed(table):
        _stamp(way, table, going, old="'updated_at', t.updated_at")
    query = f"""DELETE FROM {_name(table)} AS t USING catalog_changesetrow AS r
        WHERE {_same(table, "t")} AND {CHOSEN} AND {going}"""
    yield _did(query, way, table)


def _move(way: Side, table: str, now: dt.datetime) -> Iterator[int]:
    """A status goes by its machine's arrows, one row after the other, and what belongs to it goes with it."""
    model = model_of(table)
    if not hasattr(model, "machine"):
        return
    for row in way.rows().filter(table=table, old__isnull=False, **{f"{way.becomes}__has_key": model.machine.field}):
        if way.forward and _timed(table):
            stamps = {"old": "'updated_at', t.updated_at", "new": "'updated_at', %(now)s::timestamptz"}
            _stamp(way, table, f"r.id = {row.pk}", now=now, **stamps)
        found = model._base_manager.get(pk=_key(model, row))
        facts = {
            name: model._meta.get_field(name).to_python(value) for name, value in getattr(row, way.becomes).items()
        }
        left = way.left.get(row.pk) or set()
        facts = {name: value for name, value in facts.items() if name not in left | set(MOMENTS)}
        target = facts.pop(model.machine.field)
        model.machine.move(found, target, updated_at=_moment(way, row, found, now), **facts)
        yield 1


def _moment(way: Side, row: ChangesetRow, found: Model, now: dt.datetime) -> dt.datetime:
    """An undo gives the old time back, unless somebody wrote the row since."""
    if way.forward or found.updated_at != dt.datetime.fromisoformat(row.new["updated_at"]):
        return now
    return dt.datetime.fromisoformat(row.old["updated_at"])


MOMENT = """CASE WHEN s.updated_at = (r.new ->> 'updated_at')::timestamptz
    THEN (r.old ->> 'updated_at')::timestamptz ELSE %(now)s END"""


def _update(way: Side, table: str, now: dt.datetime) -> Iterator[int]:
    """A thousand rows at a time."""
    chosen = "r.old IS NOT NULL AND r.new IS NOT NULL"
    if machine := getattr(model_of(table), "machine", None):
        chosen += f" AND NOT r.{way.becomes} ? '{machine.field}'"
    names = _changing(way, table, chosen)
    sets = [f"{name} = meant.{name}" for name in names]
    if _timed(table):
        sets.append("updated_at = %(now)s" if way.forward else f"updated_at = {MOMENT}")
    query = f"SELECT r.id, r.row_id FROM catalog_changesetrow AS r WHERE {CHOSEN} AND {chosen} ORDER BY r.id"
    is_uuid = isinstance(model_of(table)._meta.pk, UUIDField)
    # Both keys of each row at hand: every table is read by its primary key, whatever the planner believes of it.
    taken = f"unnest(%(rows)s::bigint[], %(keys)s::{'uuid' if is_uuid else 'bigint'}[]) AS taken (row, key)"
    within = f"{chosen} AND r.id = taken.row AND t.id = taken.key"
    for chunk in chunks(_asked(query, way, table), AT_ONCE):
        at_hand = {"rows": [row for row, _ in chunk], "keys": [key if is_uuid else key.int for _, key in chunk]}
        if way.forward and _timed(table):
            stamps = {"old": "'updated_at', t.updated_at", "new": "'updated_at', %(now)s::timestamptz"}
            _stamp(way, table, within, taken=f"{taken},", now=now, **at_hand, **stamps)
        query = f"""UPDATE {_name(table)} AS t SET {", ".join(sets)}
            FROM {taken} JOIN catalog_changesetrow AS r ON r.id = taken.row
            JOIN {_name(table)} AS s ON s.id = taken.key
            CROSS JOIN LATERAL jsonb_populate_record(s, r.{way.becomes} - {LEFT}) AS meant
            WHERE {CHOSEN} AND {within}"""
        yield _did(query, way, table, now=now, **at_hand)


def _changing(way: Side, table: str, chosen: str) -> list[str]:
    query = f"""SELECT DISTINCT jsonb_object_keys(r.{way.becomes}) AS key FROM catalog_changesetrow AS r
        WHERE {CHOSEN} AND {chosen} ORDER BY key"""
    return [_name(name) for (name,) in _asked(query, way, table) if name not in MOMENTS]


def _insert(way: Side, table: str, now: dt.datetime) -> Iterator[int]:
    if way.forward and _timed(table):
        stamp = "'created_at', %(now)s::timestamptz, 'updated_at', %(now)s::timestamptz"
        query = f"""UPDATE catalog_changesetrow AS r SET new = r.new || jsonb_build_object({stamp})
            WHERE {CHOSEN} AND r.old IS NULL"""
        _did(query, way, table, now=now)
    names = [_name(model_of(table)._meta.get_field(name).column) for name in _own(model_of(table))]
    query = f"""INSERT INTO {_name(table)} ({", ".join(names)}) SELECT {", ".join(f"meant.{name}" for name in names)}
        FROM catalog_changesetrow AS r
        CROSS JOIN LATERAL jsonb_populate_record(NULL::{_name(table)}, r.{way.becomes}) AS meant
        WHERE {CHOSEN} AND r.{way.was} IS NULL ORDER BY r.id"""
    yield _did(query, way, table)


def _stamp(way: Side, table: str, where: str, *, old: str = "", new: str = "", taken: str = "", **values) -> None:
    """Keep with the row when it was written before, so that an undo can give it back."""
    pairs = {name: pair for name, pair in (("old", old), ("new", new)) if pair}
    sets = ", ".join(f"{name} = r.{name} || jsonb_build_object({pair})" for name, pair in pairs.items())
    query = f"""UPDATE catalog_changesetrow AS r SET {sets} FROM {taken} {_name(table)} AS t
        WHERE {_same(table, "t")} AND {CHOSEN} AND {where}"""
    _did(query, way, table, **values)


# Rows of one table that are to be written, and the fields of one that are left as they stand.
CHOSEN = """r.changeset_id = %(changeset)s AND r."table" = %(table)s AND r.problem = '' AND r.id <> ALL (%(whole)s)"""
LEFT = "ARRAY(SELECT jsonb_array_elements_text(%(fields)s::jsonb -> r.id::text))"


def _name(name: str) -> str:
    return connection.ops.quote_name(name)


def _same(table: str, alias: str) -> str:
    """The row that is meant; a number is kept as the last digits of a UUID."""
    if isinstance(model_of(table)._meta.pk, UUIDField):
        return f"{alias}.id = r.row_id"
    return f"{alias}.id = ('x' || right(r.row_id::text, 12))::bit(48)::bigint"


def _timed(table: str) -> bool:
    return "updated_at" in {column.attname for column in model_of(table)._meta.concrete_fields}


def _did(query: str, way: Side, table: str, **more) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query, _values(way, table, more))
        return cursor.rowcount


def _asked(query: str, way: Side, table: str, **more) -> list[tuple]:
    with connection.cursor() as cursor:
        cursor.execute(query, _values(way, table, more))
        return cursor.fetchall()


def _values(way: Side, table: str, more: dict) -> dict:
    fields = {str(row): sorted(fields) for row, fields in way.left.items() if fields}
    named = {"changeset": way.changeset.pk, "table": table, "moments": list(MOMENTS), "whole": way.whole}
    return {**named, "fields": json.dumps(fields), **more}
