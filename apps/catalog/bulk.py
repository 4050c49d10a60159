"""Bulk edit: the same few operations on any number of tracks, as a changeset of kind `edit`.

An order is `{"tracks": [id, …], "operations": [{"do": …, "field": …, …}, …]}`, worked off in its order on each track:

- `set` with `value`, `clear` (not the title and the switches),
- `add` and `remove` with `value`, a list of words (mood and tags),
- `replace` with `find` and `with`, optionally `"case": true` (texts).
"""

import datetime as dt
import re
from collections.abc import Iterable, Iterator
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from apps.catalog import changesets, identifiers, vocabulary
from apps.catalog.changerows import GONE, chunks, objection
from apps.catalog.changesets import Row
from apps.catalog.keys import PITCHES, key_name
from apps.catalog.models import Changeset, Track
from apps.lib.errors import Refusal

# What people call a field → its column.
FIELDS = {
    "title": "title", "artist": "artist", "description": "description", "genre": "genre", "subgenre": "subgenre",
    "tempo": "tempo", "key": "pitch_class", "scale": "mode", "mood": "mood", "tags": "tags",
    "catalog_number": "catalog_number", "isrc": "isrc", "release_date": "release_date", "is_public": "is_public",
    "is_pro_only": "is_pro_only",
}  # fmt: skip
TEXTS = ("title", "artist", "description", "genre", "subgenre", "catalog_number")
LISTS = ("mood", "tags")
SWITCHES = ("is_public", "is_pro_only")
EMPTY = {"tempo": None, "key": None, "release_date": None, "mood": [], "tags": []}
VERBS = {"set": tuple(FIELDS), "clear": tuple(name for name in FIELDS if name not in ("title", *SWITCHES)),
         "add": LISTS, "remove": LISTS, "replace": TEXTS}  # fmt: skip
MOST_WORDS = 30
AT_ONCE = 1000


def ask(*, tracks: Iterable[UUID], operations: list[dict], by, title: str = "", door: str | None = None) -> Changeset:
    """A changeset over exactly these tracks. Refusal INVALID, with `fields`, names every operation that makes no sense.

    It says by itself what it does unless it has a title. More than `changesets.MOST_TRACKS` are TOO_MANY.
    """
    ids, read = list(dict.fromkeys(map(str, tracks))), _read_all(operations)
    if not ids or not read:
        missing = "Choose at least one track." if not ids else "Say what is to change."
        raise Refusal("INVALID", missing, fields={"tracks" if not ids else "operations": [missing]})
    title = title or f"{'; '.join(map(words, read))} — {len(ids):,} track{'' if len(ids) == 1 else 's'}"
    title = title if len(title) <= 200 else f"{title[:199]}…"
    return changesets.ask(kind="edit", title=title, order={"tracks": ids, "operations": read}, by=by, door=door)


def label(name: str) -> str:
    """`catalog number`, `ISRC`, `public`."""
    return "ISRC" if name == "isrc" else name.removeprefix("is_").replace("_", " ")


def _read_all(operations: list[dict]) -> list[dict]:
    read, wrong = [], {}
    for operation in operations:
        try:
            read.append(_read(operation))
        except Refusal as refusal:
            wrong.setdefault(str(operation.get("field", "")), []).append(refusal.message)
    if wrong:
        raise Refusal("INVALID", "; ".join(f"{n}: {' '.join(m)}" for n, m in wrong.items()), fields=wrong)
    return read


def _read(operation: dict) -> dict:
    """The operation as it is kept; its value is one that the column takes."""
    verb, name = operation.get("do"), operation.get("field")
    if not (isinstance(verb, str) and isinstance(name, str) and name in VERBS.get(verb, ())):
        raise Refusal("INVALID", f"There is no operation {verb} for this field.")
    if verb == "clear":
        return {"do": verb, "field": name}
    if verb == "replace":
        return _read_replace(operation)
    value = read_value(name, operation.get("value"))
    if verb != "set" and not value:
        raise Refusal("INVALID", "Name at least one word.")
    return {"do": verb, "field": name, "value": str(value) if isinstance(value, Decimal | dt.date) else value}


def _read_replace(operation: dict) -> dict:
    find, put = operation.get("find"), operation.get("with", "")
    if not all(isinstance(text, str) and len(text) <= 255 and "\0" not in text for text in (find, put)) or not find:
        raise Refusal("INVALID", "Say what to find, in at most 255 characters.")
    return {
        **{key: operation[key] for key in ("do", "field", "find")},
        "with": put,
        "case": bool(operation.get("case")),
    }


def read_value(name: str, value: Any) -> Any:
    """What a person says of a field, as its column keeps it. Refusal INVALID with the reason."""
    try:
        read = _parsed(name, value)
    except (ValueError, InvalidOperation, TypeError):
        raise Refusal("INVALID", f"This is no {label(name)}.") from None
    if said := objection(Track._meta.get_field(FIELDS[name]), read):
        raise Refusal("INVALID", said)
    return read


def _parsed(name: str, value: Any) -> Any:
    if name in LISTS:
        return word_list(value)
    if name in SWITCHES:
        return (
            {True: True, False: False, "on": True, "off": False}[value] if value in (True, False, "on", "off") else ""
        )
    if value is None or isinstance(value, bool | list | dict):
        raise ValueError  # or it would become a text such as `None`
    value = str(value).strip()
    if not value and name in EMPTY:
        return EMPTY[name]
    match name:
        case "tempo":
            return Decimal(value)
        case "key":
            return PITCHES.index(value)
        case "scale":
            return value.lower()
        case "isrc":
            return identifiers.isrc(value)
        case "release_date":
            return dt.date.fromisoformat(value)
    return value


def word_list(value: Any) -> list[str]:
    """Words from a list or from text with commas: trimmed, each once, at most MOST_WORDS."""
    said = value.split(",") if isinstance(value, str) else list(value)
    found = list(dict.fromkeys(word for each in said if (word := str(each).replace(",", " ").strip())))
    if len(found) > MOST_WORDS:
        raise Refusal("INVALID", f"A track has at most {MOST_WORDS} of them.")
    return found


def words(operation: dict) -> str:
    """`Genre → House`, `Tags + rain, night`, `Title: “a” → “b”`."""
    name, value = label(operation["field"]), operation.get("value")
    name = f"{name[0].upper()}{name[1:]}"
    if operation["do"] == "replace":
        return f"{name}: “{operation['find']}” → “{operation['with']}”"
    sign = {"set": "→", "clear": "cleared", "add": "+", "remove": "−"}[operation["do"]]
    return f"{name} {sign} {shown(operation['field'], value)}".strip()


def shown(name: str, value: Any) -> str:
    """A value as people read it; by the field's name or its column's."""
    if name in ("key", "pitch_class"):
        return key_name(value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list) else "" if value is None else str(value)


def plan(changeset: Changeset) -> Iterator[Row]:
    """Old → new of each track on which the operations change something, in the words of the vocabulary."""
    operations, columns = changeset.order["operations"], sorted(set(FIELDS.values()))
    for chunk in chunks(changeset.order["tracks"], AT_ONCE):
        keys = [UUID(pk) for pk in chunk]
        found = {facts.pop("pk"): facts for facts in Track.objects.live().filter(pk__in=keys).values("pk", *columns)}
        new = [_changed(found[pk], operations) for pk in keys if pk in found]
        right = dict(zip((pk for pk in keys if pk in found), vocabulary.canonical_all(new), strict=True))
        yield from filter(None, (_row(pk, found.get(pk), right.get(pk)) for pk in keys))


def _changed(facts: dict[str, Any], operations: list[dict]) -> dict[str, Any]:
    """The columns that the operations change, with their new values."""
    new = dict(facts)
    for operation in operations:
        column = FIELDS[operation["field"]]
        new[column] = VERB[operation["do"]](operation, new[column])
    return {name: value for name, value in new.items() if value != facts[name]}


def _row(pk: UUID, facts: dict[str, Any] | None, new: dict[str, Any] | None) -> Row | None:
    table = Track._meta.db_table
    if facts is None:
        return Row(None, table, pk, {}, {}, GONE)
    new = {name: value for name, value in new.items() if value != facts[name]}
    long = any(len(new.get(name, ())) > MOST_WORDS for name in LISTS)
    problem = f"A track has at most {MOST_WORDS} moods and {MOST_WORDS} tags." if long else ""
    return Row(pk, table, pk, {name: facts[name] for name in new}, new, problem) if new else None


def _replaced(operation: dict, value: str) -> str:
    """A text that is too long for its column stays so, for the preview to refuse: it could outgrow the memory."""
    most = Track._meta.get_field(FIELDS[operation["field"]]).max_length
    if len(value) > most:
        return value
    flags = 0 if operation["case"] else re.IGNORECASE
    return re.sub(re.escape(operation["find"]), lambda _: operation["with"], value, flags=flags).strip()[: most + 1]


def _without(operation: dict, value: list[str]) -> list[str]:
    going = {word.casefold() for word in operation["value"]}
    return [word for word in value if word.casefold() not in going]


def _with(operation: dict, value: list[str]) -> list[str]:
    here = {word.casefold() for word in value}
    return [*value, *(word for word in operation["value"] if word.casefold() not in here)]


def _set(operation: dict, value: Any) -> Any:
    return Track._meta.get_field(FIELDS[operation["field"]]).to_python(operation["value"])


VERB = {
    "set": _set,
    "clear": lambda operation, value: EMPTY.get(operation["field"], ""),
    "add": _with,
    "remove": _without,
    "replace": _replaced,
}

changesets.register("edit", plan)
