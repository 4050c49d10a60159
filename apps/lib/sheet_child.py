"""Runs inside the sandbox: `sheet_child.py PATH ROWS COLUMNS` prints the first sheet's rows as JSON.

One line per row that is not blank, `[number, [text, …]]`, at most ROWS of them. Dates are ISO, formulas their values as
the program last worked them out. COLUMNS is the most a row may have; more end the program with a word on stderr, as
does an archive that inflates to too much.
"""

import datetime as dt
import json
import sys
import zipfile

sys.modules["numpy"] = None  # openpyxl would load it, and its threads eat the memory limit

import openpyxl  # noqa: E402

MOST_BYTES = 400 * 1024 * 1024


def text(value) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dt.datetime) and value.time() == dt.time():
        return value.date().isoformat()
    if isinstance(value, dt.date | dt.time):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def main(path: str, most_rows: str, most_columns: str) -> None:
    with zipfile.ZipFile(path) as archive:
        if sum(member.file_size for member in archive.infolist()) > MOST_BYTES:
            sys.exit("TOO_COMPLEX")
    with open(path, "rb") as file:  # by a path it would judge the name
        book = openpyxl.load_workbook(file, read_only=True, data_only=True, keep_links=False)
        print_rows(book.worksheets[0], int(most_rows), int(most_columns))


def print_rows(page, left: int, most_columns: int) -> None:
    page.reset_dimensions()  # what a file says of its own size is not believed
    for number, row in enumerate(page.iter_rows(values_only=True), 1):
        cells = [text(value) for value in row]
        while cells and not cells[-1]:
            cells.pop()
        if len(cells) > most_columns:
            sys.exit("TOO_COMPLEX")
        if cells:
            print(json.dumps([number, cells]))
            left -= 1
        if not left:
            return


if __name__ == "__main__":
    main(*sys.argv[1:])
