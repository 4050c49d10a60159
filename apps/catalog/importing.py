"""A table of tracks comes in and becomes a changeset of kind `import`, previewed and undone as every other one.

The file itself is kept as content in the store, where the worker finds it; once nobody needs it any more the sweeper
takes it away. A crash leaves no more than that: bytes that are swept two days later.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO
from uuid import UUID

from django.conf import settings

from apps.catalog import bulk, changesets, files, vocabulary
from apps.catalog.bulk import FIELDS
from apps.catalog.changerows import chunks
from apps.catalog.changesets import Row
from apps.catalog.keys import PITCHES, pitch_class
from apps.catalog.models import Blob, Changeset, Track
from apps.catalog.sheets import COLUMNS, TOLD, cell
from apps.lib import sheet, spool, storage
from apps.lib.errors import Refusal
from apps.lib.formats import Format
from apps.lib.sheet import Line

KEYS = ("id", "catalog_number", "isrc")
MIMES = {"csv": "text/csv", "xlsx": "application/zip"}
FORMS = {name: Format(name, mime, name, "", "table", "") for name, mime in MIMES.items()}
CLEARED = "-"
YES_NO = {"yes": True, "true": True, "1": True, "on": True, "no": False, "false": False, "0": False, "off": False}
# What a spreadsheet program shows where it could not work something out.
FAULT = re.compile(r"#(REF!|N/A|VALUE!|NAME\?|DIV/0!|NUM!|NULL!|SPILL!|CALC!)")
MOST_ROWS = 100_000
AT_ONCE = 1000
PIECE = 1 << 20
TABLE = Track._meta.db_table


@dataclass(frozen=True)
class Head:
    """What the header says: which column names the track, and where what is to change stands."""

    key: str
    key_at: int
    columns: dict[str, int]


@dataclass
class Reading:
    """One line: its track, and what would become of it."""

    line: Line
    facts: dict[str, Any] = field(default_factory=dict)
    new: dict[str, Any] = field(default_factory=dict)
    problem: str = ""

    def row(self) -> Row | None:
        new = {} if self.problem else {name: v for name, v in self.new.items() if v != self.facts[name]}
        if not (new or self.problem):
            return None
        key, old = self.facts.get("pk"), {name: self.facts[name] for name in new}
        return Row(key, TABLE, key, old, new, self.problem, self.line.number)


def begin(*, content: BinaryIO, file_name: str, by, door: str | None = None) -> Changeset:
    """Keep the file and ask for its preview.

    Refusals: FILE_TOO_LARGE 413, EMPTY_FILE 400, SHEET_ENCODING 400, SHEET_COLUMNS 400, SHEET_UNREADABLE and
    SHEET_TOO_COMPLEX 422, STORAGE_FAILED 503. What is wrong with single rows stands in the preview.
    """
    with spool.workspace(needed=settings.SHEET_MAX_BYTES) as folder:
        path = folder / "sheet"
        _write(content, path)
        head_of(sheet.header(path).cells)
        with files.stored(path, form=FORMS[sheet.form_of(path)]) as kept:
            order = {"sha256": kept.sha256, "file": _tidy(file_name)}
            return changesets.ask(kind="import", title=f"Import of {order['file']}", order=order, by=by, door=door)


def _tidy(name: str) -> str:
    """For showing only."""
    name = name.replace("\\", "/").rpartition("/")[2]
    return "".join(c for c in name if unicodedata.category(c)[0] != "C").strip()[:150] or "a table"


def _write(content: BinaryIO, path: Path) -> None:
    size = 0
    with path.open("wb") as out:
        while piece := content.read(PIECE):
            size += len(piece)
            if size > settings.SHEET_MAX_BYTES:
                most = settings.SHEET_MAX_BYTES // PIECE
                raise Refusal("FILE_TOO_LARGE", f"The file is larger than {most} MiB. Send it in parts.", status=413)
            out.write(piece)


def head_of(header: list[str]) -> Head:
    """Columns in any order and any case; the key is `id`, else whichever of the other two stands first.

    Refusal SHEET_COLUMNS with the list of known ones.
    """
    names = [re.sub(r"[\s-]+", "_", sheet.original(text.strip()).lower()) for text in header]
    said = [name for name in names if name]
    unknown = [name for name in said if name not in COLUMNS]
    twice = sorted({name for name in said if said.count(name) > 1})
    key = "id" if "id" in said else next((name for name in said if name in KEYS), "")
    columns = {name: place for place, name in enumerate(names) if name in FIELDS and name != key}
    if unknown:
        raise _columns(f"Nobody knows the column “{unknown[0][:50]}”.")
    if twice:
        raise _columns(f"The column {twice[0]} stands there twice.")
    if not key:
        raise _columns("No column says which track is meant: id, or else catalog_number or isrc.")
    if not columns:
        raise _columns("There is no column that an import can change.")
    return Head(key, names.index(key), columns)


def _columns(what: str) -> Refusal:
    message = f"{what} Columns that can change: {', '.join(FIELDS)}. Passed over: {', '.join(TOLD)}. Key: id."
    return Refusal("SHEET_COLUMNS", message, fields={"file": [message]})


def plan(changeset: Changeset) -> Iterator[Row]:
    """Old → new of every line. The file is fetched and read before the first row is asked for, outside of any
    transaction.
    """
    rows = _planned(changeset)
    next(rows)
    return rows


def _planned(changeset: Changeset) -> Iterator[Row]:
    with spool.workspace(needed=settings.SHEET_MAX_BYTES) as folder:
        lines = sheet.read(_fetched(changeset.order["sha256"], folder), most=MOST_ROWS)
        head = head_of(next(lines).cells)
        yield  # ready
        seen: dict[UUID, int] = {}
        for batch in chunks(lines, AT_ONCE):
            for reading in _read(batch, head, changeset.made_by, seen):
                if row := reading.row():
                    yield row


def _fetched(sha256: str, folder: Path) -> Path:
    blob = Blob.objects.filter(sha256=sha256).first()
    if blob is None:
        raise Refusal("SHEET_GONE", "The file was kept for two days and is gone. Import it again.", status=410)
    return storage.copy_to(blob.key, folder / "sheet", sha256=sha256, place=blob.place())


def _read(batch: list[Line], head: Head, by, seen: dict[UUID, int]) -> list[Reading]:
    found = _tracks(batch, head, by)
    readings = [_reading(line, head, found, seen) for line in batch]
    for reading, new in zip(readings, vocabulary.canonical_all([r.new for r in readings]), strict=True):
        reading.new = new
    return readings


def _tracks(batch: list[Line], head: Head, by) -> dict[Any, list[dict]]:
    """By what the key says, the tracks of this name that `by` may change."""
    wanted = {key for line in batch if (key := _key(line, head))}
    column = COLUMNS[head.key]
    names = {FIELDS[name] for name in head.columns}
    found: dict[Any, list[dict]] = {}
    for facts in Track.objects.editable_by(by).filter(**{f"{column}__in": wanted}).values("pk", column, *names):
        found.setdefault(facts[column], []).append(facts)
    return found


def _key(line: Line, head: Head) -> UUID | str | None:
    said = sheet.original(line.cells[head.key_at].strip())
    if head.key == "isrc":
        return said.replace("-", "").replace(" ", "").upper()
    try:
        return UUID(said) if head.key == "id" and said else said
    except ValueError:
        return None


def _reading(line: Line, head: Head, found: dict, seen: dict[UUID, int]) -> Reading:
    mine = found.get(_key(line, head), [])
    problem = line.problem
    if not problem and len(mine) != 1:
        there = f"{len(mine)} tracks have this {head.key}: name them by id." if mine else ""
        problem = there or f"There is no track with this {head.key} that you may change."
    elif not problem and (first := seen.setdefault(mine[0]["pk"], line.number)) != line.number:
        problem = f"Line {first} is about the same track."
    if problem:
        return Reading(line, problem=problem)
    new, wrong = _values(line, head, mine[0])
    return Reading(line, mine[0], new, " ".join(wrong))


def _values(line: Line, head: Head, facts: dict) -> tuple[dict[str, Any], list[str]]:
    new, wrong = {}, []
    for name, place in head.columns.items():
        said, column = line.cells[place].strip(), FIELDS[name]
        if not said or sheet.plain(sheet.original(said)) == sheet.plain(str(cell(column, facts[column]))):
            continue
        try:
            new[column] = _value(name, said)
        except Refusal as refusal:
            wrong.append(f"{name}: {refusal.message}")
    return new, wrong


def _value(name: str, said: str) -> Any:
    """As the column keeps it. A lone `-` clears; refusal INVALID."""
    if FAULT.fullmatch(said):
        raise Refusal("INVALID", f"{said} is a fault of the spreadsheet.")
    if said == CLEARED:
        if name not in bulk.VERBS["clear"]:
            raise Refusal("INVALID", "It cannot be empty.")
        return bulk.EMPTY.get(name, "")
    said = sheet.original(said).replace("\r\n", "\n")
    if name in bulk.SWITCHES:
        if said.lower() not in YES_NO:
            raise Refusal("INVALID", "Say yes or no.")
        return YES_NO[said.lower()]
    if name == "tempo" and re.fullmatch(r"\d+,\d+", said):
        said = said.replace(",", ".")
    if name == "key" and (pitch := pitch_class(said)) is not None:
        said = PITCHES[pitch]
    return bulk.read_value(name, said)


changesets.register("import", plan)
