"""Tables as files: what goes out comes back, and what is no table is refused with the line."""

import datetime as dt
import zipfile
from decimal import Decimal
from pathlib import Path

import openpyxl
import pytest

from apps.lib import sandbox, sheet
from apps.lib.errors import Refusal

FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\tx", "\rx", "\nx", "'=1", "''@x"]
WORDS = ["plain", "with, comma", 'a "quoted" word', "two\nlines", "é 漢 🎵", " spaces ", "'quoted'", ""]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "table"


def written(path: Path, content: str | bytes, encoding: str = "utf-8") -> Path:
    path.write_bytes(content if isinstance(content, bytes) else content.encode(encoding))
    return path


def made_xlsx(path: Path, rows: list[list]) -> Path:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    book.save(path)
    return path


def cells(path: Path) -> list[list[str]]:
    return [line.cells for line in sheet.read(path)]


def refused(path: Path) -> Refusal:
    with pytest.raises(Refusal) as refusal:
        list(sheet.read(path))
    return refusal.value


@pytest.mark.parametrize("form", [sheet.as_csv, sheet.as_xlsx])
def test_what_goes_out_comes_back(path, form):
    """Formulas too, once their apostrophe is off again."""
    written(path, b"".join(form([["word", "number"], *([word, Decimal("1.50")] for word in WORDS + FORMULAS)])))
    back = [[sheet.original(word), Decimal(number)] for word, number in cells(path)[1:]]
    assert back == [[word, Decimal("1.5")] for word in WORDS + FORMULAS]


def test_no_cell_that_goes_out_begins_like_a_formula(path):
    """A spreadsheet program takes none of them for one: in CSV by the apostrophe, in XLSX as text besides."""
    text = b"".join(sheet.as_csv([[word] for word in FORMULAS])).decode("utf-8-sig")
    assert all(line.lstrip('"').startswith("'") for line in text.split("\r\n") if line.strip('\nx"'))
    written(path, b"".join(sheet.as_xlsx([[word] for word in FORMULAS])))
    found = [row[0] for row in openpyxl.load_workbook(path.rename(path.with_suffix(".xlsx"))).active.iter_rows()]
    assert [cell.data_type for cell in found] == ["s"] * len(FORMULAS)
    assert all(cell.value.startswith("'") for cell in found)


def test_spreadsheet_programs_know_the_encoding():
    assert b"".join(sheet.as_csv([["é"]])) == b"\xef\xbb\xbf\xc3\xa9\r\n"


def test_a_long_table_goes_out_in_pieces():
    """Nothing is held back until the end, however many rows there are."""
    for form in (sheet.as_csv, sheet.as_xlsx):
        sizes = [len(piece) for piece in form([f"{n * m:x}" for m in range(40)] for n in range(5000))]
        assert len(sizes) > 3 and max(sizes) < 400_000


@pytest.mark.parametrize("mark", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_marks_and_encodings_are_found_out(path, mark, encoding):
    text = f"id{mark}title\r\n1{mark}Café\r\n"
    written(path, text if encoding != "utf-16-be" else f"\ufeff{text}", encoding)
    assert cells(path) == [["id", "title"], ["1", "Café"]]


def test_mixed_encodings_are_refused_by_their_line(path):
    refusal = refused(written(path, "id,title\n1,Café\n".encode() + "2,Café\n3,x\n".encode("latin-1")))
    assert (refusal.code, refusal.status) == ("SHEET_ENCODING", 400)
    assert "Line 3 is not UTF-8" in refusal.message


def test_a_broken_character_behind_many_lines_is_refused_by_its_line(path):
    """Also across the pieces in which it is read, and in UTF-16."""
    long = "x" * 99 + "\n"
    refusal = refused(written(path, b"id\n" + long.encode() * 30_000 + b"\xff\n"))
    assert "Line 30002 " in refusal.message
    refusal = refused(written(path, ("\ufeffid\n" + long).encode("utf-16-le") + b"\x00\xd8\n\x00"))
    assert "Line 3 is not UTF-16" in refusal.message


def test_utf_16_without_its_mark_is_refused(path):
    assert refused(written(path, "id,title\n", "utf-16-le")).code == "SHEET_ENCODING"


def test_quoted_line_breaks_are_one_row(path):
    written(path, 'id,title\n1,"a\nb"\n2,c\n')
    assert [(line.number, line.cells) for line in sheet.read(path)][1:] == [(2, ["1", "a\nb"]), (3, ["2", "c"])]


def test_a_quotation_mark_that_is_not_closed_is_refused(path):
    refusal = refused(written(path, 'id,title\n1,"a\n2,b\n'))
    assert refusal.code == "SHEET_UNREADABLE" and "Line 3" in refusal.message


def test_ragged_rows_and_nul_are_problems_of_their_rows(path):
    written(path, "id,title\n1\n2,b,c\n3,d,\n4,e\0f\n5,g\n")
    problems = {line.number: line.problem for line in sheet.read(path)}
    assert "1 cells where the header has 2" in problems[2] and "3 cells" in problems[3]
    assert "NUL" in problems[5] and problems[4] == problems[6] == ""
    assert all(len(line.cells) == 2 for line in sheet.read(path))


def test_blank_lines_are_passed_over_and_counted(path):
    written(path, "\n\nid,title\n\n1,a\n,\n2,b\n")
    assert [line.number for line in sheet.read(path)] == [3, 5, 7]


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", ",,\n"])
def test_a_table_of_nothing_is_refused(path, content):
    assert refused(written(path, content)).code == "EMPTY_FILE"


def test_more_rows_than_allowed_are_refused_and_as_many_are_not(path):
    written(path, "id\n" + "1\n" * 5)
    assert len(list(sheet.read(path, most=5))) == 6
    with pytest.raises(Refusal, match="More than 4 rows"):
        list(sheet.read(path, most=4))
    made_xlsx(path, [["id"], *([n] for n in range(5))])
    assert len(list(sheet.read(path, most=5))) == 6
    with pytest.raises(Refusal, match="More than 4 rows"):
        list(sheet.read(path, most=4))


def test_the_header_costs_no_look_at_the_rest(path):
    written(path, 'id,title\n1,"never closed')
    assert sheet.header(path).cells == ["id", "title"]
    made_xlsx(path, [["id", "title"], [1, "a"]])
    assert sheet.header(path).cells == ["id", "title"]


def test_values_of_an_xlsx_are_told_as_text(path):
    """Dates in ISO, whole numbers without a point, formulas as what was worked out last: here never."""
    moment = dt.datetime(2024, 2, 3, 4, 5, 6)
    row = [dt.date(2024, 2, 3), moment, 120, 120.0, 120.5, True, "=1+1", None, "text"]
    made_xlsx(path, [[str(n) for n in range(len(row))], row])
    assert cells(path)[1] == ["2024-02-03", moment.isoformat(), "120", "120", "120.5", "yes", "", "", "text"]


def test_rows_of_an_xlsx_are_padded_to_their_header(path):
    made_xlsx(path, [["id", "title", "genre"], [1], [], [2, None, "Techno"]])
    assert [(line.number, line.cells, line.problem) for line in sheet.read(path)][1:] == [
        (2, ["1", "", ""], ""), (4, ["2", "", "Techno"], "")
    ]  # fmt: skip


def test_an_archive_that_inflates_is_refused(path):
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("xl/workbook.xml", b"<a/>")
        with archive.open("xl/worksheets/sheet1.xml", "w") as page:
            for _ in range(420):
                page.write(bytes(1 << 20))
    assert path.stat().st_size < 1_000_000
    assert refused(path).code == "SHEET_TOO_COMPLEX"


def test_what_takes_too_much_memory_takes_it_from_the_child(path, monkeypatch):
    """Below what an archive may inflate to: one cell of 60 MB."""
    page = f'<worksheet xmlns="{sheet.MAIN}"><sheetData><row><c t="inlineStr"><is><t>'
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, xml in sheet.PARTS.items():
            archive.writestr(name, xml)
        archive.writestr(
            "xl/worksheets/sheet1.xml", f"{page}{'x' * 60_000_000}</t></is></c></row></sheetData></worksheet>"
        )
    monkeypatch.setattr(sheet, "LIMITS", sandbox.Limits(memory=120 * sandbox.MIB, cpu=20, wall=30))
    assert refused(path).code == "SHEET_TOO_COMPLEX"


def test_a_machine_too_busy_to_read_it_in_time_is_not_the_sheets_fault(path, monkeypatch):
    made_xlsx(path, [["id"]])
    monkeypatch.setattr(sheet, "LIMITS", sandbox.Limits(wall=0.001))
    assert (refused(path).code, refused(path).status) == ("IO_ERROR", 503)


def test_too_many_columns_are_refused(path):
    made_xlsx(path, [["id"] * (sheet.MOST_COLUMNS + 1)])
    assert refused(path).code == "SHEET_TOO_COMPLEX"


@pytest.mark.parametrize("content", [b"PK\x03\x04 and then nothing", b"PK\x03\x04" + bytes(100)])
def test_what_only_begins_like_an_xlsx_is_refused(path, content):
    assert refused(written(path, content)).code == "SHEET_UNREADABLE"


def test_an_archive_that_is_no_workbook_is_refused(path):
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("notes.txt", "hello")
    assert refused(path).code == "SHEET_UNREADABLE"
