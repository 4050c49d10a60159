"""One declared shape of a resource: what it is called, how the database builds it, and how the schema tells of it.

From one declaration follow the statement that reads any number of rows as finished JSON, and the OpenAPI schema
(decision 0034).
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import lru_cache

import psycopg
from django.db import connection

from apps.lib.errors import Refusal

TEXT = {"type": "string"}
WHOLE = {"type": "integer"}
NUMBER = {"type": "number"}
SWITCH = {"type": "boolean"}
DECIMAL = {"type": "string", "format": "decimal"}
MOMENT = {"type": "string", "format": "date-time"}
DAY = {"type": "string", "format": "date"}
ID = {"type": "string", "format": "uuid"}
ADDRESS = {"type": "string", "format": "uri"}
WORDS = {"type": "array", "items": TEXT}
# Texts of these formats hold nothing that JSON would escape.
CLEAN = ("uuid", "decimal", "date-time", "uri")


@dataclass(frozen=True)
class Field:
    """`sql` is an expression over the shape's sources (or a function that gives it, for what is not known at import),
    which `schema` says how to write; objects and lists of objects are JSON text already, see `built`. `needs` names the
    sources beside the root.
    """

    name: str
    sql: str | Callable[[], str]
    schema: dict = field(hash=False)
    needs: tuple[str, ...] = ()
    help: str = ""

    def expression(self) -> str:
        return self.sql if isinstance(self.sql, str) else self.sql()

    def described(self) -> dict:
        return {**self.schema, "description": self.help} if self.help else self.schema


class Shape:
    """Fields over a FROM clause. `expands` are fields that are read when asked for, in place of one of their name.

    `root` gives one row for each of `asked(id, place)`, with every parameter of the statement; `sources` are joined to
    it where a field needs them. Percent signs in SQL are doubled.
    """

    def __init__(self, *, root: str, sources: dict[str, str], fields: Iterable[Field], expands: dict[str, Field]):
        self.root, self.sources, self.expands = root, sources, expands
        self.fields = {each.name: each for each in fields}

    @property
    def names(self) -> frozenset[str]:
        """Everything that `fields` may ask for."""
        return frozenset([*self.fields, *(each.name for each in self.expands.values())])

    def add(self, extra: Field) -> None:
        """A field of an app above, or another in place of one; said once, while the apps are loaded."""
        self.fields[extra.name] = extra
        _put_together.cache_clear()

    def chosen(self, fields: frozenset[str] | None, expand: frozenset[str]) -> list[Field]:
        embedded = {self.expands[name].name: self.expands[name] for name in sorted(expand)}
        every = {**self.fields, **embedded}
        return [each for name, each in every.items() if fields is None or name in fields]

    def statement(self, fields: frozenset[str] | None, expand: frozenset[str], **pieces: str) -> str:
        """SQL that answers one column of JSON text; `pieces` fill the holes of the root."""
        return _put_together(self, _ALONE, fields, expand, tuple(pieces.items()))

    def rows(self, fields: frozenset[str] | None, expand: frozenset[str], **pieces: str) -> str:
        """SQL of (id, card) for a larger statement to join: what was asked for, and its object as JSON."""
        return _put_together(self, _JOINED, fields, expand, tuple(pieces.items()))

    def beside(self, key: str, fields: frozenset[str] | None, expand: frozenset[str], **pieces: str) -> str:
        """SQL of every row of what was asked for, with its object as `card`; null where `key`, of the root, is."""
        return _put_together(self, _BESIDE.replace("{key}", key), fields, expand, tuple(pieces.items()))

    def schema(self, expand: frozenset[str] = frozenset()) -> dict:
        """The object's JSON schema with these expansions."""
        chosen = self.chosen(None, expand)
        return object_of({each.name: each.described() for each in chosen})


_ALONE = "SELECT {card}\nFROM {tables}\nORDER BY place"
# OFFSET 0: the planner would otherwise carry every column through the joins around it, and take half as long again.
_JOINED = "SELECT asked.id, {card} AS card FROM {tables} OFFSET 0"
_BESIDE = "SELECT asked.*, {key} AS seen, CASE WHEN {key} IS NOT NULL THEN {card} END AS card FROM {tables}"


@lru_cache(maxsize=500)
def _put_together(shape: Shape, form: str, fields: frozenset[str] | None, expand: frozenset[str], pieces: tuple) -> str:
    chosen = shape.chosen(fields, expand)
    needed = {name for each in chosen for name in each.needs}
    joins = [sql for name, sql in shape.sources.items() if name in needed]
    schema = object_of({each.name: each.schema for each in chosen})
    card = built({each.name: each.expression() for each in chosen}, schema)
    tables = "\n".join([shape.root.format(**dict(pieces)), *joins])
    return form.format(card=card, tables=tables)


def object_of(properties: dict[str, dict]) -> dict:
    return {"type": "object", "properties": properties, "required": list(properties)}


def list_of(schema: dict) -> dict:
    return {"type": "array", "items": schema}


def or_null(schema: dict) -> dict:
    return {**schema, "type": [schema["type"], "null"]}


def literal(text: str) -> str:
    """The text as SQL writes it."""
    return "'" + text.replace("'", "''").replace("%", "%%") + "'"


def built(pairs: dict[str, str], schema: dict) -> str:
    """A JSON object as text: names with their expressions, each written as the schema says.

    PostgreSQL's own functions for objects look the type of every value up again for each row, which takes as long as
    writing it.
    """
    properties = schema["properties"]
    said = (f"{literal(json.dumps(name) + ':')} || {written(sql, properties[name])}" for name, sql in pairs.items())
    return f"'{{' || concat_ws(',', {', '.join(said)}) || '}}'"


def written(sql: str, schema: dict) -> str:
    """JSON text of an expression; what is null says so, whatever the schema promises."""
    kind = schema["type"][0] if isinstance(schema["type"], list) else schema["type"]
    if kind == "string":
        text = f"""'"' || ({sql}) || '"'""" if schema.get("format") in CLEAN else f"to_json({sql})::text"
    elif kind == "array" and schema["items"]["type"] != "object":
        text = f"array_to_json({sql})::text"
    else:
        text = sql if kind in ("array", "object") else f"({sql})::text"
    return f"coalesce({text}, 'null')"


def listed(pairs: dict[str, str], schema: dict, *, order: str, of: str) -> str:
    """A JSON list of such objects as text: one for each row of the tables `of`."""
    return f"(SELECT '[' || coalesce(string_agg({built(pairs, schema)}, ',' ORDER BY {order}), '') || ']' FROM {of})"


def within(text: str) -> str:
    """A text as it stands in the middle of JSON texts: for values that are joined to what is CLEAN."""
    return json.dumps(text)[1:-1]


def moment(sql: str) -> str:
    """A time as REST framework writes it: UTC, `Z`, microseconds unless there are none."""
    text = f"""to_char({sql} AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')"""
    return f"replace({text}, '.000000Z', 'Z')"


def run(statement: str, params: Sequence) -> list[str]:
    """The first column of what `fetched` gives."""
    return [row[0] for row in fetched(statement, params)]


def fetched(statement: str, params: Sequence) -> list[tuple]:
    """The rows. PostgreSQL plans the statement once per connection: its values travel apart from it.

    Django's own cursors write values into the text, which leaves nothing to prepare; so the connection's cursor is
    exchanged for psycopg's, inside whatever transaction, log and budget of queries the connection has.
    """
    with connection.cursor() as cursor:
        cursor.cursor = psycopg.Cursor(cursor.connection)
        cursor.execute(statement, params)
        return cursor.fetchall()


def names(text: str | None, known: Iterable[str], parameter: str) -> frozenset[str]:
    """What a query string lists by commas. Refusal: INVALID with the known ones."""
    asked = frozenset(filter(None, (word.strip() for word in (text or "").split(","))))
    if unknown := sorted(asked - set(known)):
        message = f"{parameter}: unknown {unknown[0]!r}. Known: {', '.join(sorted(known))}."
        raise Refusal("INVALID", message, fields={parameter: [message]})
    return asked
