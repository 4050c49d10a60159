"""Tables as files: CSV and XLSX, read line by line and written row by row, whatever they are about.

A spreadsheet program takes a cell that begins like a formula for one, and would work it out on the reader's machine.
`defused` puts an apostrophe before such a cell and `original` takes it off again, so that a table that went out and
came back says the same.
"""

import codecs
import csv
import io
import json
import re
import sys
import zipfile
from collections.abc import Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from xml.sax.saxutils import escape

from apps.lib import sandbox
from apps.lib.errors import Refusal

CHILD = str(Path(__file__).with_name("sheet_child.py"))
# Measured: 20,000 rows of 22 cells take 3.6 s of processor time and 46 MiB.
LIMITS = sandbox.Limits(memory=512 * sandbox.MIB, cpu=90, wall=180, output=128 * sandbox.MIB)
MOST_ROWS = 100_000
MOST_COLUMNS = 200
MIMES = {"csv": "text/csv; charset=utf-8", "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"}
ZIPPED = b"PK\x03\x04"
BOMS = {codecs.BOM_UTF8: "utf-8", codecs.BOM_UTF16_LE: "utf-16-le", codecs.BOM_UTF16_BE: "utf-16-be"}
PIECE = 1 << 20
MOST_IN_XLSX = 1_048_575  # rows below the header
NOT_IN_XML = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
FORMULA = re.compile(r"'*[=+\-@\t\r\n]")

Cell = str | int | Decimal

XML = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
_SCHEMAS = "http://schemas.openxmlformats.org"
MAIN = f"{_SCHEMAS}/spreadsheetml/2006/main"
_RELATIONS, _OFFICE = f"{_SCHEMAS}/package/2006/relationships", f"{_SCHEMAS}/officeDocument/2006/relationships"
_TYPE = "application/vnd.openxmlformats-officedocument.spreadsheetml"
PARTS = {
    "[Content_Types].xml": f'<Types xmlns="{_SCHEMAS}/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    f'<Override PartName="/xl/workbook.xml" ContentType="{_TYPE}.sheet.main+xml"/>'
    f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{_TYPE}.worksheet+xml"/></Types>',
    "_rels/.rels": f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
    "xl/workbook.xml": f'<workbook xmlns="{MAIN}" xmlns:r="{_OFFICE}">'
    '<sheets><sheet name="Sheet1" sheetId="1" r:id="rId1"/></sheets></workbook>',
    "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{_RELATIONS}">'
    f'<Relationship Id="rId1" Type="{_OFFICE}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
}


class SheetError(Refusal):
    """A file refused as a table: EMPTY_FILE, SHEET_ENCODING, SHEET_UNREADABLE, SHEET_TOO_LONG, SHEET_TOO_COMPLEX."""

    def __init__(self, code: str, message: str, status: int = 422):
        super().__init__(code, message, status=status, fields={"file": [message]})


@dataclass(frozen=True)
class Line:
    """A row as its program counts it, from 1; one text per column of the header. With a `problem` it is not whole."""

    number: int
    cells: list[str]
    problem: str = ""


def form_of(path: Path) -> str:
    """`xlsx` or `csv`, by content."""
    with path.open("rb") as file:
        return "xlsx" if file.read(4) == ZIPPED else "csv"


def read(path: Path, *, most: int = MOST_ROWS) -> Iterator[Line]:
    """The header, then at most so many rows that are not blank, one by one. Of an XLSX the first sheet.

    CSV in UTF-8 or, with its mark, in UTF-16, parted by commas, semicolons or tabs. A SheetError names the line, also
    midway: what was read before is not to be kept then.
    """
    lines = _filled(_xlsx(path, most) if form_of(path) == "xlsx" else _csv(path))
    header = next(lines, None)
    if header is None:
        raise SheetError("EMPTY_FILE", "This table is empty. Choose another one.", 400)
    yield header
    for count, line in enumerate(lines, 1):
        if count > most:
            raise SheetError("SHEET_TOO_LONG", f"More than {most:,} rows. Send them in several files.", 413)
        yield _fitted(line, len(header.cells))


def header(path: Path) -> Line:
    """The first line that is not blank; of the rest no more is read than it takes."""
    with closing(read(path, most=0)) as lines:
        return next(lines)


def _filled(lines: Iterator[tuple[int, list[str]]]) -> Iterator[Line]:
    for number, cells in lines:
        if any(cell.strip() for cell in cells):
            yield Line(number, cells)


def _fitted(line: Line, width: int) -> Line:
    """Exactly as many cells as the header has; empty ones behind it are nothing."""
    cells = [cell.replace("\0", "") for cell in line.cells]
    problem = "A cell holds a NUL character." if cells != line.cells else ""
    if len(cells) < width or any(cell.strip() for cell in cells[width:]):
        problem = f"It has {len(cells)} cells where the header has {width}."
    return Line(line.number, [*cells, *[""] * (width - len(cells))][:width], problem)


def _csv(path: Path) -> Iterator[tuple[int, list[str]]]:
    encoding = _encoding(path)
    with path.open(encoding=encoding, newline="") as file:
        if not file.read(1).startswith("\ufeff"):
            file.seek(0)
        text = file.readline()
        reader = csv.reader(_and_then(text, file), delimiter=_delimiter(text), strict=True)
        try:
            yield from enumerate(reader, 1)
        except csv.Error as error:
            message = f"Line {reader.line_num}: a quotation mark is not closed, or a cell is too long ({error})."
            raise SheetError("SHEET_UNREADABLE", message) from error


def _and_then(first: str, rest: Iterable[str]) -> Iterator[str]:
    yield first
    yield from rest


def _delimiter(header: str) -> str:
    return max(",;\t", key=header.count)


def _encoding(path: Path) -> str:
    """By its mark, else UTF-8. Decoded once to the end, so that a wrong byte is found before anything is done."""
    with path.open("rb") as file:
        start = file.read(4)
        encoding = next((name for mark, name in BOMS.items() if start.startswith(mark)), "utf-8")
        if encoding == "utf-8" and b"\0" in start:
            raise _not_in("UTF-8", 1)
        file.seek(0)
        decoder, line = codecs.getincrementaldecoder(encoding)(), 1
        while piece := file.read(PIECE):
            line += _line_ends(decoder, piece, encoding, line)
        _line_ends(decoder, b"", encoding, line)
    return encoding


def _line_ends(decoder: codecs.IncrementalDecoder, piece: bytes, encoding: str, line: int) -> int:
    try:
        return decoder.decode(piece, final=not piece).count("\n")
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode(encoding, "ignore")
        raise _not_in(encoding.upper()[:6].rstrip("-"), line + before.count("\n")) from error


def _not_in(encoding: str, line: int) -> SheetError:
    message = f"Line {line} is not {encoding}, as the file seems to be. Save it as “CSV UTF-8”."
    return SheetError("SHEET_ENCODING", message, 400)


def _xlsx(path: Path, most: int) -> Iterator[tuple[int, list[str]]]:
    """Worked out by the child into a file beside it, since foreign XML is not for this process."""
    found = path.with_name(f"{path.name}.lines")
    argv = [sys.executable, "-I", "-B", CHILD, str(path.absolute()), str(most + 2), str(MOST_COLUMNS)]
    with found.open("wb") as sink:
        try:
            done = sandbox.run(argv, limits=LIMITS, sink=sink.write)
        except sandbox.SandboxFailure as failure:
            raise failure.refusal(_too_complex()) from failure
    if b"TOO_COMPLEX" in done.stderr:
        raise _too_complex()
    if done.returncode:
        raise SheetError("SHEET_UNREADABLE", "This is no XLSX file that can be read. Save it again, or as CSV.")
    with found.open(encoding="utf-8") as lines:
        rows = [json.loads(next(lines, "[0, []]"))]
        width = len(rows[0][1])
        for number, cells in _and_then(rows[0], map(json.loads, lines)):
            yield number, [*cells, *[""] * (width - len(cells))]


def _too_complex() -> SheetError:
    message = f"This file takes too much memory or time. Send at most {MOST_COLUMNS} columns, plainly, or CSV."
    return SheetError("SHEET_TOO_COMPLEX", message)


def defused(text: str) -> str:
    """As a spreadsheet program shows it, with an apostrophe where it would take it for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def original(text: str) -> str:
    return text[1:] if text.startswith("'") and FORMULA.match(text) else text


def plain(text: str) -> str:
    """As much of a text as comes back from any program: line ends are alike, and what no XLSX can hold is marked."""
    return NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def as_csv(rows: Iterable[Iterable[Cell]]) -> Iterator[bytes]:
    """UTF-8 with the mark by which spreadsheet programs know it, in pieces."""
    out = io.StringIO(newline="")
    writer = csv.writer(out)
    out.write("\ufeff")
    for row in rows:
        writer.writerow([defused(str(cell)) for cell in row])
        if out.tell() > PIECE // 16:
            yield out.getvalue().encode()
            out.seek(0)
            out.truncate()
    yield out.getvalue().encode()


def as_xlsx(rows: Iterable[Iterable[Cell]]) -> Iterator[bytes]:
    """In pieces while it is written. Numbers are numbers; all else is text, so that nothing is worked out."""
    out = _Pipe()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in PARTS.items():
            archive.writestr(name, XML + xml)
        with archive.open("xl/worksheets/sheet1.xml", "w", force_zip64=True) as page:
            page.write(f'{XML}<worksheet xmlns="{MAIN}"><sheetData>'.encode())
            for row in rows:
                page.write(f"<row>{''.join(map(_xlsx_cell, row))}</row>".encode())
                if len(out.pending) > PIECE // 16:
                    yield out.taken()
            page.write(b"</sheetData></worksheet>")
    yield out.taken()


def _xlsx_cell(cell: Cell) -> str:
    if isinstance(cell, int | Decimal):
        return f"<c><v>{cell}</v></c>"
    text = escape(NOT_IN_XML.sub("\N{REPLACEMENT CHARACTER}", defused(cell)), {"\r": "&#13;"})
    return f'<c t="inlineStr"><is><t xml:space="preserve">{text}</t></is></c>' if text else "<c/>"


class _Pipe:
    """What the archive has written and nobody has taken yet."""

    def __init__(self):
        self.pending = bytearray()

    def write(self, data: bytes) -> int:
        self.pending += data
        return len(data)

    def flush(self) -> None: ...

    def taken(self) -> bytes:
        piece = bytes(self.pending)
        self.pending.clear()
        return piece
