"""A table comes in and becomes a changeset (Build 5): what it changes, what it refuses, what it leaves alone."""

import datetime as dt
import io
import tracemalloc
from collections import Counter
from decimal import Decimal

import openpyxl
import pytest

from apps.catalog import changesets, importing, sheets, sweeper
from apps.catalog.models import Blob, Changeset, Term, Track
from apps.lib import clock, sheet
from apps.lib.errors import Forbidden, Refusal
from apps.lib.records import uuid7
from tests.make import make_track

pytestmark = pytest.mark.django_db

FULL = {
    "artist": "Ana Lee", "description": "Line one\r\nline two\n", "genre": "Techno", "subgenre": "dub, ambient",
    "tempo": Decimal("120.50"), "pitch_class": 1, "mode": "minor", "mood": ["dark", "=wild"], "tags": ["-x", "'@y"],
    "catalog_number": "BT-2024-001", "isrc": "USS1Z2400001", "release_date": dt.date(2024, 2, 3),
}  # fmt: skip


def begun(by, content: str | bytes, name: str = "tracks.csv") -> Changeset:
    content = content.encode() if isinstance(content, str) else content
    return importing.begin(content=io.BytesIO(content), file_name=name, by=by)


def worked(changeset: Changeset) -> Changeset:
    """What a worker makes of it."""
    assert changesets.work(seconds=60) == 1
    return Changeset.objects.get(pk=changeset.pk)


def previewed(by, content: str | bytes) -> Changeset:
    changeset = worked(begun(by, content))
    assert (changeset.state, changeset.error_message) == ("previewed", "")
    return changeset


def applied(by, content: str | bytes) -> Changeset:
    changeset = previewed(by, content)
    changesets.apply(changeset=changeset, by=by)
    changeset = worked(changeset)
    assert (changeset.state, changeset.error_message) == ("applied", "")
    return changeset


def problems(changeset: Changeset) -> dict[int, str]:
    return dict(changeset.rows.exclude(problem="").values_list("line", "problem"))


def facts(track: Track) -> dict:
    return Track.objects.filter(pk=track.pk).values().get()


def as_xlsx(rows: list[list]) -> bytes:
    book, out = openpyxl.Workbook(), io.BytesIO()
    for row in rows:
        book.active.append(row)
    book.save(out)
    return out.getvalue()


def test_only_named_columns_change_and_empty_cells_change_nothing(ana, mod):
    track = make_track(ana, **FULL)
    before = facts(track)
    changeset = applied(mod, f"Genre;ID; Release Date ;mood\nHouse;{track.pk};;\n")
    now = facts(track)
    assert now["genre"] == "House" and changeset.rows_total == 1
    assert {name for name in now if now[name] != before[name]} == {"genre", "updated_at"}


def test_every_column_comes_in(ana, mod):
    track = make_track(ana)
    row = ["New", "Artist", "Text", "Techno", "dub", "128,5", "Db", "Minor", "dark, calm", "a,b,a", "BT-1",
           "us-abc-24-00001", "2024-02-03", "no", "yes"]  # fmt: skip
    text = b"".join(sheet.as_csv([["id", *sheets.FIELDS], [str(track.pk), *row]]))
    applied(mod, text)
    now = facts(track)
    assert [now[column] for column in sheets.FIELDS.values()] == [
        "New", "Artist", "Text", "Techno", "dub", Decimal("128.5"), 1, "minor", ["dark", "calm"], ["a", "b"], "BT-1",
        "USABC2400001", dt.date(2024, 2, 3), False, True,
    ]  # fmt: skip


def test_dates_and_numbers_of_an_xlsx_come_in(ana, mod):
    track = make_track(ana)
    rows = [["id", "release_date", "tempo", "is_public"], [str(track.pk), dt.datetime(2024, 2, 3), 120.0, False]]
    applied(mod, as_xlsx(rows))
    now = facts(track)
    assert (now["release_date"], now["tempo"], now["is_public"]) == (dt.date(2024, 2, 3), Decimal(120), False)


def test_a_lone_dash_clears_and_a_dash_in_quotes_of_the_program_does_not(ana, mod):
    track = make_track(ana, **FULL)
    applied(mod, f"id,genre,tempo,tags,artist,release_date\n{track.pk},-,-,-,'-,-\n")
    now = facts(track)
    assert [now[n] for n in ("genre", "tempo", "tags", "artist", "release_date")] == ["", None, [], "-", None]


@pytest.mark.parametrize("form", ["csv", "xlsx"])
def test_what_was_exported_comes_back_as_no_change(ana, mod, form):
    """Formulas, line ends, control characters, words with commas and all."""
    odd = ["=1+1", "-", "'=x", "#N/A", "+49 30", "@home", "\tx", " wide ", "a\x07b", "\u00e9\u6f22", "\ufeffx", "''-"]
    for title in odd:
        make_track(ana, title=title, artist=title, description=title, genre=title.strip()[:80] or "x")
    make_track(ana, **FULL)
    make_track(ana, is_public=False, is_pro_only=True, tempo=Decimal("20.00"))
    content = b"".join(sheets.export(Track.objects.all(), user=mod, form=form))
    changeset = previewed(mod, content)
    assert list(changeset.rows.values_list("line", "new", "problem")) == []


@pytest.mark.parametrize(
    ("header", "said"),
    [
        ("id,titel", "titel"),
        ("title,genre", "which track is meant"),
        ("id", "no column that an import can change"),
        ("id,kind,play_count", "no column that an import can change"),
        ("id,genre,Genre", "genre stands there twice"),
        ("id,owner__email", "owner__email"),
        ("id,genre\0", "genre"),
    ],
)
def test_a_wrong_header_is_refused_with_the_list_of_columns(mod, header, said):
    """At once, and nothing is kept."""
    with pytest.raises(Refusal) as refused:
        begun(mod, f"{header}\n1,2,3\n")
    assert (refused.value.code, refused.value.status) == ("SHEET_COLUMNS", 400)
    assert said in refused.value.message.replace("\0", "") and "catalog_number, isrc" in refused.value.message
    assert not Changeset.objects.exists() and not Blob.objects.exists()


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"", "EMPTY_FILE"), (b"id,title\n1,\xff\n", "SHEET_ENCODING"), (b"PK\x03\x04", "SHEET_UNREADABLE")],
)
def test_what_is_no_table_is_refused_at_once(mod, content, code):
    with pytest.raises(Refusal) as refused:
        begun(mod, content)
    assert refused.value.code == code and not Changeset.objects.exists()


def test_a_file_that_is_too_large_is_refused(mod, settings):
    settings.SHEET_MAX_BYTES = 20
    assert begun(mod, "id,genre\n1,2\n")
    with pytest.raises(Refusal) as refused:
        begun(mod, "id,genre\n1,22222222222\n")
    assert refused.value.code == "FILE_TOO_LARGE"


def test_wrong_rows_are_told_by_their_line_and_left_alone(ana, mod):
    track, other = make_track(ana), make_track(ana)
    content = f"""id,title,tempo,key,scale,release_date,is_public,isrc,mood
{track.pk},,fast,,,,,,
{uuid7()},x,,,,,,,
nonsense,x,,,,,,,
,x,,,,,,,
{track.pk},,,H,,,,,
{other.pk},New,,,,,,,
{other.pk},Again,,,,,,,
{other.pk}
"""
    changeset = applied(mod, content)
    told = problems(changeset)
    assert told[2].startswith("tempo:") and "no track with this id" in told[3]
    assert "no track" in told[4] and "no track" in told[5] and "Line 2" in told[6]
    assert "Line 7" in told[8] and "1 cells" in told[9] and sorted(told) == [2, 3, 4, 5, 6, 8, 9]
    assert (changeset.rows_total, changeset.rows_refused) == (1, 7)
    assert (facts(other)["title"], facts(track)["title"]) == ("New", "Night Train")


@pytest.mark.parametrize(
    ("column", "said"),
    [
        ("title", "-"), ("title", "x" * 256), ("tempo", "5000"), ("tempo", "1,2,3"), ("scale", "dorian"), ("key", "H"),
        ("release_date", "03.02.2024"), ("is_public", "maybe"), ("is_public", "-"), ("isrc", "123"), ("genre", "#REF!"),
        ("tags", ",".join(map(str, range(31)))), ("tags", "x" * 41), ("catalog_number", "x" * 51),
    ],
)  # fmt: skip
def test_a_value_that_its_column_does_not_take_is_a_problem_of_its_line(ana, mod, column, said):
    track = make_track(ana)
    before = facts(track)
    changeset = previewed(mod, b"".join(sheet.as_csv([["id", column]])) + f'{track.pk},"{said}"\r\n'.encode())
    assert list(problems(changeset)) == [2] and column.replace("_", " ") in problems(changeset)[2].replace("_", " ")
    assert changeset.rows_total == 0 and facts(track) == before


def test_other_keys_work_where_they_name_one_track(ana, mod):
    """The first of both that stands there is the key, the other one a value."""
    one = make_track(ana, catalog_number="BT-1")
    for _ in range(2):
        make_track(ana, catalog_number="BT-2")
    changeset = applied(mod, "catalog_number,isrc\nBT-1,USS1Z2400001\nBT-2,USS1Z2400002\nBT-3,USS1Z2400003\n")
    assert facts(one)["isrc"] == "USS1Z2400001"
    assert "2 tracks have this catalog_number" in problems(changeset)[3] and 4 in problems(changeset)
    applied(mod, "isrc,catalog_number\nus-s1z-24-00001,BT-9\n")
    assert facts(one)["catalog_number"] == "BT-9"


def test_removed_tracks_are_not_there(ana, mod):
    track = make_track(ana)
    Track.machine.move(track, "removed", title="", removed_at=clock.now())
    assert "no track" in problems(previewed(mod, f"id,genre\n{track.pk},House\n"))[2]


def test_nobody_imports_but_curators(ana, bob):
    """Not even over tracks of their own."""
    track = make_track(ana)
    for person in (ana, bob):
        with pytest.raises(Forbidden):
            begun(person, f"id,genre\n{track.pk},House\n")
    assert not Changeset.objects.exists()


def test_who_lost_the_role_changes_nothing_any_more(ana, mod):
    track = make_track(ana)
    changeset = begun(mod, f"id,genre\n{track.pk},House\n")
    mod.grants.all().delete()
    changeset = worked(changeset)
    assert changeset.rows_total == 0


def test_words_come_in_as_staff_spell_them(ana, mod):
    track = make_track(ana)
    house = Term.objects.create(kind="genre", name="House", is_curated=True)
    Term.objects.create(kind="genre", name="haus", stands_for=house)
    applied(mod, f"id,genre,tags\n{track.pk},HAUS,new\n")
    assert (facts(track)["genre"], facts(track)["tags"]) == ("House", ["new"])


def test_an_import_is_undone(ana, mod):
    track = make_track(ana, **FULL)
    before = facts(track)
    changeset = applied(mod, f"id,genre,tempo,tags\n{track.pk},House,-,x\n")
    changesets.undo(changeset=changeset, by=mod)
    assert worked(changeset).state == "undone"
    assert facts(track) == before


def test_a_file_that_was_swept_before_its_preview_is_told(ana, mod):
    changeset = begun(mod, f"id,genre\n{make_track(ana).pk},House\n")
    now = clock.now()
    for days in (0, 3):
        sweeper.sweep(now=now + dt.timedelta(days=days))
    changeset = worked(changeset)
    assert (changeset.state, changeset.error_code) == ("failed", "SHEET_GONE")


def test_what_is_wrong_far_below_fails_the_preview_whole(ana, mod):
    track = make_track(ana)
    changeset = worked(begun(mod, f'id,genre\n{track.pk},House\n{track.pk},"open\n'))
    assert (changeset.state, changeset.error_code) == ("failed", "SHEET_UNREADABLE")
    assert not changeset.rows.exists()


def test_the_name_of_the_file_is_for_showing_only(mod):
    changeset = begun(mod, "id,genre\n1,2\n", "..\\..\x00/etc/\u202epasswd.csv")
    assert changeset.title == "Import of passwd.csv"


def make_many(owner, count: int) -> list[Track]:
    rows = [Track(id=uuid7(), owner=owner, title=f"Track {n}", status="ready") for n in range(count)]
    return Track.objects.bulk_create(rows, batch_size=5000)


def test_a_hundred_thousand_rows_are_planned(ana, mod):
    """As many as a file may have, of which a thousand change."""
    tracks = make_many(ana, 1_000)
    lines = [f"{track.pk},House" for track in tracks] + ["nobody,x"] * 99_000
    rows = importing.plan(begun(mod, "id,genre\n" + "\n".join(lines) + "\n"))
    seen = Counter(bool(row.problem) for row in rows)
    assert seen == {False: 1_000, True: 99_000}


def test_a_plan_holds_one_batch_at_a_time(ana, mod):
    """What grows with the file are the keys of the tracks that it named."""
    tracks = make_many(ana, 100)
    lines = [f"{track.pk},House,{'x' * 500}" for track in tracks] + [f"nobody,x,{'y' * 500}"] * 8_000
    rows = importing.plan(begun(mod, "id,genre,description\n" + "\n".join(lines) + "\n"))
    tracemalloc.start()
    assert sum(1 for _ in rows) == 8_100
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 3_000_000


def test_one_row_more_is_refused(ana, mod, monkeypatch):
    monkeypatch.setattr(importing, "MOST_ROWS", 3)
    track = make_track(ana)
    content = f"id,genre\n{track.pk},House\n" + f"{uuid7()},x\n" * 3
    changeset = worked(begun(mod, content))
    assert (changeset.state, changeset.error_code, changeset.rows.count()) == ("failed", "SHEET_TOO_LONG", 0)


def test_queries_grow_with_batches_and_not_with_rows(ana, mod, django_assert_max_num_queries):
    tracks = make_many(ana, 500)
    content = "id,genre\n" + "".join(f"{track.pk},House\n" for track in tracks)
    changeset = begun(mod, content)
    with django_assert_max_num_queries(4):
        assert len(list(importing.plan(changeset))) == 500
