import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from apps.catalog import parts
from apps.catalog.admin.parts import as_clock, read_clock
from apps.catalog.models import Change, Credit, Section, Track
from tests.make import make_track

pytestmark = pytest.mark.django_db

TABLES = ("sections", "credits", "instruments", "samples")
INTRO = {"name": "intro", "start_ms": "0:00", "end_ms": "0:08"}
VERSE = {"name": "verse", "start_ms": "0:08.000", "end_ms": "32"}
WRITER = {"name": "Mira Sol", "role": "composer", "ipi": "", "pro": "", "split": "60", "contact_email": "",
          "contact_phone": ""}  # fmt: skip


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


@pytest.fixture
def track(ana) -> Track:
    return make_track(ana, duration_ms=64_000)


def page_of(track: Track) -> str:
    return f"/admin/catalog/track/{track.pk}/change/"


def form_of(track: Track, **tables: list[dict]) -> dict:
    """What the page sends: the title, and rows of the tables; a row with an `id` is one that was there."""
    sent = {"title": track.title, "is_public": "on"}
    for table in (*TABLES, "files", "source", "archive_assets", "archive_jobs"):
        rows = sorted(tables.get(table, []), key=lambda row: "id" not in row)
        old = sum("id" in row for row in rows)
        sent |= {f"{table}-TOTAL_FORMS": len(rows), f"{table}-INITIAL_FORMS": old}
        for n, row in enumerate(rows):
            sent |= {f"{table}-{n}-{name}": value for name, value in row.items()}
    return sent


def told(answer) -> list[str]:
    """Every error that stands at a row of the page."""
    formsets = [inline.formset for inline in answer.context["inline_admin_formsets"]]
    rows = [(form.prefix, form.errors) for formset in formsets for form in formset.forms]
    return [f"{prefix}.{name}: {words}" for prefix, errors in rows for name, said in errors.items() for words in said]


def sections(track: Track) -> list[tuple]:
    return list(track.sections.order_by("start_ms").values_list("name", "start_ms", "end_ms"))


@pytest.mark.parametrize(
    ("text", "ms"),
    [("62.5", 62_500), ("1:02.5", 62_500), ("1:02,25", 62_250), ("1:00:02", 3_602_000), ("0", 0), (" 8 ", 8_000)],
)
def test_a_time_is_typed_as_people_write_it(text, ms):
    assert read_clock(text) == ms
    assert read_clock(as_clock(ms)) == ms


@pytest.mark.parametrize("text", ["", "soon", "1:62", "-1", "1:2:3:4", "1e9", "99999999", "²"])
def test_what_is_no_time_is_none(text):
    with pytest.raises(ValueError, match="no time"):
        read_clock(text)


def test_parts_are_saved_with_their_track_and_remembered_as_the_editors(desk, track, mod):
    """S4-04, S4-05, S4-06: through the page, in one go."""
    rows = {
        "sections": [INTRO, VERSE],
        "credits": [WRITER],
        "instruments": [{"category": "synth", "type": "Juno", "is_primary": "on"}],
        "samples": [{"pack_name": "Dust", "description": "", "clearance_notes": ""}],
    }
    assert desk.post(page_of(track), form_of(track, **rows)).status_code == 302
    assert sections(track) == [("intro", 0, 8_000), ("verse", 8_000, 32_000)]
    assert [getattr(track, table).count() for table in TABLES] == [2, 1, 1, 1]
    made = Change.objects.filter(track=track, action="I").exclude(table="catalog_track")
    assert {(change.by, change.door) for change in made} == {(mod, "admin")}
    track.refresh_from_db()
    assert track.clearance == "blocked"


def test_the_page_shows_the_rows_where_they_lie_and_warns_of_a_doubtful_ipi(desk, track, mod):
    """S4-07: the seed's own IPI is kept and told."""
    parts.add(track=track, kind="sections", by=mod, name="chorus", start_ms=16_000, end_ms=32_000)
    parts.add(track=track, kind="credits", by=mod, name="Mira", role="composer", ipi="00123456789")
    shown = desk.get(page_of(track)).content.decode()
    assert "--left: 25.000%; --width: 25.000%" in shown and 'data-seek="16.000"' in shown
    assert 'value="0:16.000"' in shown and "check digit" in shown


def test_two_sections_change_places(desk, track, mod):
    first, second = parts.replace(
        track=track, kind="sections", by=mod,
        rows=[{"name": "a", "start_ms": 0, "end_ms": 8_000}, {"name": "b", "start_ms": 8_000, "end_ms": 16_000}],
    )  # fmt: skip
    swapped = [
        {"id": first.pk, "name": "a", "start_ms": "0:08", "end_ms": "0:16"},
        {"id": second.pk, "name": "b", "start_ms": "0:00", "end_ms": "0:08"},
    ]
    assert desk.post(page_of(track), form_of(track, sections=swapped)).status_code == 302
    assert sections(track) == [("b", 0, 8_000), ("a", 8_000, 16_000)]
    assert set(track.sections.values_list("pk", flat=True)) == {first.pk, second.pk}


def test_a_row_is_changed_and_another_deleted_and_the_third_left_alone(desk, track, mod):
    rows = [{**WRITER, "name": name, "split": None} for name in ("Ana", "Ben", "Cleo")]
    one, two, three = parts.replace(track=track, kind="credits", by=mod, rows=rows)
    before = Change.objects.count()
    sent = [
        {**WRITER, "id": one.pk, "name": "Anna", "split": ""},
        {**WRITER, "id": two.pk, "name": "Ben", "split": "", "DELETE": "on"},
        {**WRITER, "id": three.pk, "name": "Cleo", "split": ""},
    ]
    assert desk.post(page_of(track), form_of(track, credits=sent)).status_code == 302
    assert set(track.credits.values_list("pk", "name")) == {(one.pk, "Anna"), (three.pk, "Cleo")}
    assert Change.objects.filter(table="catalog_credit").count() - before <= 2


def test_what_was_added_elsewhere_meanwhile_stays(desk, track, mod):
    (one,) = parts.replace(track=track, kind="credits", by=mod, rows=[{**WRITER, "split": None}])
    sent = form_of(track, credits=[{**WRITER, "id": one.pk, "name": "Mira S.", "split": ""}])
    parts.add(track=track, kind="credits", by=mod, name="Oskar", role="producer")
    assert desk.post(page_of(track), sent).status_code == 302
    assert set(track.credits.values_list("name", flat=True)) == {"Mira S.", "Oskar"}


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ({"sections": [INTRO, {**VERSE, "start_ms": "0:07"}]}, ["sections-1.start_ms: “intro” and “verse” overlap"]),
        ({"sections": [INTRO, {**VERSE, "end_ms": "1:05"}]}, ["sections-1.end_ms: “verse” ends behind the end"]),
        ({"sections": [{**INTRO, "end_ms": "0:00"}]}, ["sections-0.end_ms: A section ends after its start"]),
        ({"sections": [{**INTRO, "end_ms": "soon"}]}, ["sections-0.end_ms: A time such as"]),
        ({"sections": [{**INTRO, "name": " "}]}, ["sections-0.name: This field is required"]),
        ({"credits": [WRITER, {**WRITER, "split": "40.01"}]}, ["credits-1.split: The shares of role composer"]),
        ({"credits": [{**WRITER, "role": "boss"}]}, ["credits-0.role: Select a valid choice"]),
        ({"credits": [{**WRITER, "split": "100.001"}]}, ["credits-0.split: Ensure"]),
        ({"instruments": [{"category": "synth", "type": "Juno"}] * 2}, ["instruments-1.type: “Juno” stands there twice"]),
        (
            {"sections": [INTRO, {**VERSE, "end_ms": "2:00"}], "credits": [WRITER, WRITER]},
            ["sections-1.end_ms: “verse” ends behind", "credits-1.split: The shares of role composer"],
        ),
    ],
)  # fmt: skip
def test_every_error_stands_at_its_row_and_nothing_is_saved(desk, track, rows, said):
    answer = desk.post(page_of(track), form_of(track, **rows) | {"title": "Another"})
    assert answer.status_code == 200
    found = told(answer)
    assert [any(line.startswith(words) for line in found) for words in said] == [True] * len(said), found
    assert Track.objects.get(pk=track.pk).title == "Night Train"
    assert [getattr(track, table).count() for table in TABLES] == [0, 0, 0, 0]


def test_a_row_that_somebody_deleted_meanwhile_is_told(desk, track, mod):
    (one,) = parts.replace(track=track, kind="credits", by=mod, rows=[{**WRITER, "split": None}])
    sent = form_of(track, credits=[{**WRITER, "id": one.pk, "name": "Late"}])
    parts.drop(part=one, by=mod)
    answer = desk.post(page_of(track), sent)
    assert "somebody deleted it meanwhile" in " ".join(told(answer))
    assert not track.credits.exists()


@pytest.mark.parametrize("forgery", [{}, {"DELETE": "on"}])
def test_a_form_cannot_reach_parts_of_another_track(desk, track, bob, mod, forgery):
    """A forged formset names rows of another track by their keys (CVE-2026-87975)."""
    other = make_track(bob, title="Theirs", duration_ms=64_000)
    theirs = parts.add(track=other, kind="credits", by=mod, name="Bob", role="composer")
    section = parts.add(track=other, kind="sections", by=mod, name="theirs", start_ms=0, end_ms=1000)
    before = [list(model.objects.filter(track=other).values()) for model in (Credit, Section)]
    stolen = {"credits": [{**WRITER, "id": theirs.pk, "track": track.pk, **forgery}],
              "sections": [{**INTRO, "id": section.pk, "track": track.pk, **forgery}]}  # fmt: skip
    desk.post(page_of(track), form_of(track, **stolen))
    # As new rows, with the key of another's.
    desk.post(page_of(track), form_of(track) | {
        "credits-TOTAL_FORMS": 1, **{f"credits-0-{k}": v for k, v in stolen["credits"][0].items()}
    })  # fmt: skip
    assert [list(model.objects.filter(track=other).values()) for model in (Credit, Section)] == before
    assert not track.credits.filter(pk=theirs.pk).exists()
    assert not track.sections.exists()


def test_a_removed_tracks_tables_are_only_shown(desk, track, mod):
    desk.post(f"/admin/catalog/track/{track.pk}/remove-track/")
    assert 'name="sections-0-name"' not in desk.get(page_of(track)).content.decode()
    assert desk.post(page_of(track), form_of(track, sections=[INTRO])).status_code == 403
    assert not track.sections.exists()


def test_a_tracks_page_costs_the_same_with_one_part_and_with_twenty(desk, ana, mod):
    costs = []
    for many in (1, 20):
        one = make_track(ana, title=f"{many}", artist=f"{many}", duration_ms=64_000)
        parts.replace(track=one, kind="credits", by=mod,
                      rows=[{**WRITER, "name": f"W{many}-{n}", "split": None} for n in range(many)])  # fmt: skip
        parts.replace(track=one, kind="sections", by=mod,
                      rows=[{"name": "s", "start_ms": n, "end_ms": n + 1} for n in range(many)])  # fmt: skip
        desk.get(page_of(one))
        with CaptureQueriesContext(connection) as spent:
            desk.get(page_of(one))
        costs.append(len(spent))
    assert costs[0] == costs[1]
