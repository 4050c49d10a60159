"""`/tracks/export`: the filtered list as a table."""

import csv
import io

import openpyxl
import pytest

from tests.make import make_track

pytestmark = pytest.mark.django_db

EXPORT = "/api/v1/tracks/export"


def rows(answer) -> list[dict[str, str]]:
    assert answer.status_code == 200, answer.content
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"), newline="")))


def test_the_filters_of_the_list_choose_the_rows(ana, as_):
    for genre in ("Techno", "House"):
        make_track(ana, genre=genre, title=genre)
    answer = as_(ana).get(EXPORT, {"genre": "techno"})
    assert [row["title"] for row in rows(answer)] == ["Techno"]
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="tracks-')
    assert answer["Cache-Control"] == "private, no-store"


def test_everybody_gets_the_rows_that_they_may_see(ana, bob, mod, as_):
    public, private = make_track(ana), make_track(ana, is_public=False)
    assert {row["id"] for row in rows(as_(bob).get(EXPORT))} == {str(public.pk)}
    for person in (ana, mod):
        assert {row["id"] for row in rows(as_(person).get(EXPORT))} == {str(public.pk), str(private.pk)}


def test_an_xlsx_can_be_asked_for(ana, as_):
    make_track(ana, title="=1+1")
    answer = as_(ana).get(EXPORT, {"format": "xlsx"}, HTTP_ACCEPT="application/json")
    book = openpyxl.load_workbook(io.BytesIO(b"".join(answer)))
    assert [cell.value for cell in next(book.active.iter_rows(min_row=2))][1] == "'=1+1"
    assert ".xlsx" in answer["Content-Disposition"]


@pytest.mark.parametrize(
    ("asked", "code"),
    [({"format": "pdf"}, "INVALID"), ({"owner__email": "x"}, "UNKNOWN_FILTER"), ({"ordering": "title"}, "INVALID"),
     ({"tempo_min": "fast"}, "INVALID")],
)  # fmt: skip
def test_what_makes_no_sense_is_refused_in_json(ana, as_, asked, code):
    answer = as_(ana).get(EXPORT, asked)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_one_has_to_sign_in(as_, db):
    assert as_(None).get(EXPORT).status_code == 401
