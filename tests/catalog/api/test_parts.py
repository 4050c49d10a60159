"""What a track consists of, through the API."""

import dataclasses
import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from apps.accounts.roles import Role
from apps.catalog import parts
from apps.catalog.models import Change, Section, Track
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db

INTRO = {"section": "intro", "startTime": 0, "endTime": 8}
COMPOSER = {"name": "Ana", "role": "composer", "split": "50.00", "contact_email": "ana@example.org"}
# The example rows of the catalogue before (S4-07), as they stand there.
SECTIONS = """[
  {"section_name": "intro", "start_time": 0, "end_time": 8, "description": "Ambient synth introduction"},
  {"id": "...", "track_id": "550e8400-e29b-41d4-a716-446655440000",
   "section_name": "verse", "start_time": 8, "end_time": 32, "description": "Main melodic theme"},
  {"section_name": "chorus", "start_time": 32, "end_time": 64, "description": "Full instrumentation, energetic"}
]"""
CREDIT = """{
  "id": "...", "track_id": "550e8400-e29b-41d4-a716-446655440000", "creator_name": "John Producer",
  "role": "producer", "ipi_number": "00123456789", "pro": "ASCAP", "split_percentage": 50.00,
  "contact_email": "john@example.com", "contact_phone": "+1-555-0100", "created_at": "2024-01-15T10:00:00Z"
}"""
INSTRUMENTS = """[
  {"id": "...", "instrument_category": "synth", "instrument_type": "analog synth", "is_primary": true},
  {"id": "...", "instrument_category": "drums", "instrument_type": "electronic drums", "is_primary": false}
]"""
# Its ISRC is the requirement's own (S4-07): letters where the year and the number stand in a real one.
TRACK = """{
  "id": "550e8400-e29b-41d4-a716-446655440000", "title": "Summer Vibes", "artist": "John Producer", "duration": 180,
  "tempo": 120, "musical_key": "C", "scale": "major", "key": "C", "genre": "Electronic", "subgenre": "House",
  "mood": ["uplifting", "energetic", "summer"], "tags": ["synth", "dance", "party"],
  "description": "Uplifting house track perfect for summer videos", "catalog_number": "BT-2024-001",
  "isrc": "USXXX2400001", "release_date": "2024-01-15"
}"""


def address(track, kind: str, part: str = "") -> str:
    return f"/api/v1/tracks/{track.pk}/{kind}{part and '/'}{part}"


def test_the_example_rows_load_as_given_and_read_back_as_given(as_, ana):
    """S4-07, S4-16."""
    track = make_track(ana, duration_ms=180_000, popularity_score="87.5")
    client = as_(ana)
    for kind, sent in [("sections", SECTIONS), ("credits", f"[{CREDIT}]"), ("instruments", INSTRUMENTS)]:
        loaded = client.put(address(track, kind), sent, content_type="application/json")
        assert loaded.status_code == 200, loaded.content
    assert client.patch(f"/api/v1/tracks/{track.pk}", TRACK, content_type="application/json").status_code == 200
    body = client.get(f"/api/v1/tracks/{track.pk}").json()
    given = json.loads(TRACK)
    same = ["title", "artist", "duration", "key", "scale", "genre", "subgenre", "mood", "tags", "description"]
    for name in [*same, "catalog_number", "isrc", "release_date"]:
        assert body[name] == given[name], name
    assert (body["tempo"], body["popularity_score"], body["camelot"]) == ("120.00", "87.50", "8B")
    times = [(row["section"], row["startTime"], row["endTime"], row["description"]) for row in body["arrangement"]]
    assert times == [
        tuple(row[n] for n in ("section_name", "start_time", "end_time", "description")) for row in json.loads(SECTIONS)
    ]
    (credit,), row = body["creators"], json.loads(CREDIT)
    assert (credit["name"], credit["role"], credit["ipi"], credit["pro"], credit["split"]) == (
        "John Producer", "producer", "00123456789", "ASCAP", "50.00",
    )  # fmt: skip
    assert (credit["contact_email"], credit["contact_phone"]) == (row["contact_email"], row["contact_phone"])
    kinds = [(row["category"], row["type"], row["is_primary"]) for row in body["instruments"]]
    assert kinds == [("synth", "analog synth", True), ("drums", "electronic drums", False)]


def test_a_wrong_ipi_is_taken_with_a_warning_that_stays(as_, ana, bob):
    """S4-07: told, not refused."""
    track, client = make_track(ana), as_(ana)
    made = client.post(address(track, "credits"), json.loads(CREDIT), format="json")
    assert made.status_code == 201, made.content
    (warning,) = made.json()["warnings"]
    assert (warning["id"], warning["field"], warning["code"]) == (made.json()["id"], "ipi", "IPI_CHECK_DIGIT")
    listed = as_(bob).get(address(track, "credits")).json()
    assert listed["warnings"] == [warning] and listed["results"][0]["ipi"] == "00123456789"
    right = client.patch(address(track, "credits", made.json()["id"]), {"ipi": "14107338"}, format="json").json()
    assert (right["ipi"], right["warnings"]) == ("00014107338", [])


def test_parts_are_seen_and_changed_with_their_track(as_, ana, bob, mod):
    """S0-27. Hidden: 404, visible and somebody else's: 403."""
    for public in (True, False):
        track = make_track(ana, is_public=public)
        part = as_(ana).post(address(track, "credits"), COMPOSER, format="json").json()["id"]
        stranger = 403 if public else 404
        for viewer, sees, writes in [(None, public, 401), (bob, public, stranger), (ana, True, 0), (mod, True, 0)]:
            client = as_(viewer)
            assert client.get(address(track, "credits")).status_code == (200 if sees else 404)
            assert client.get(address(track, "credits", part)).status_code == (200 if sees else 404)
            for method, path, body, done in [
                ("put", address(track, "credits"), {"results": [{**COMPOSER, "id": part}]}, 200),
                ("post", address(track, "credits"), {**COMPOSER, "role": "lyricist"}, 201),
                ("patch", address(track, "credits", part), {"name": "Bo"}, 200),
            ]:
                got = getattr(client, method)(path, body, format="json").status_code
                assert got == (writes or done), (public, viewer, method)
            if writes:
                assert client.delete(address(track, "credits", part)).status_code == writes
        assert as_(mod).delete(address(track, "credits", part)).status_code == 204
        assert as_(mod).delete(address(track, "credits", part)).status_code == 404


def test_contacts_are_for_who_may_edit(as_, ana, bob, mod):
    """S4-05."""
    track = make_track(ana)
    part = as_(ana).post(address(track, "credits"), COMPOSER, format="json").json()["id"]
    for viewer, sees in [(None, None), (bob, None), (ana, "ana@example.org"), (mod, "ana@example.org")]:
        client = as_(viewer)
        listed = client.get(address(track, "credits")).json()["results"][0]
        single = client.get(address(track, "credits", part)).json()
        whole = client.get(f"/api/v1/tracks/{track.pk}").json()["creators"][0]
        assert [row["contact_email"] for row in (listed, single, whole)] == [sees] * 3


def test_a_part_is_found_under_its_own_track_alone(as_, ana):
    one, other = make_track(ana), make_track(ana)
    part = as_(ana).post(address(one, "samples"), {"pack_name": "Breaks"}, format="json").json()["id"]
    client = as_(ana)
    assert client.get(address(other, "samples", part)).status_code == 404
    assert client.patch(address(other, "samples", part), {"is_cleared": True}, format="json").status_code == 404
    assert client.delete(address(other, "samples", part)).status_code == 404


def test_what_is_read_can_be_sent_back(as_, ana):
    track, client = make_track(ana), as_(ana)
    rows = [INTRO, {"section": "verse", "start_ms": 8000, "end_ms": 32_500}]
    sent = client.put(address(track, "sections"), {"results": rows}, format="json").json()
    changes = Change.objects.count()
    again = client.put(address(track, "sections"), sent, format="json")
    assert again.json() == sent and Change.objects.count() == changes
    assert client.put(address(track, "sections"), [], format="json").json() == {"results": [], "warnings": []}


def test_half_a_change_leaves_the_rest(as_, ana):
    track, client = make_track(ana, duration_ms=9000), as_(ana)
    part = client.post(address(track, "sections"), {**INTRO, "description": "slow"}, format="json").json()["id"]
    body = client.patch(address(track, "sections", part), {"endTime": 8.5}, format="json").json()
    assert (body["section"], body["start_ms"], body["end_ms"], body["description"]) == ("intro", 0, 8500, "slow")
    assert client.delete(address(track, "sections", part)).status_code == 204
    assert not Section.objects.exists()


@pytest.mark.parametrize(
    ("kind", "sent", "code", "field"),
    [
        ("sections", [INTRO, {**INTRO, "endTime": 3}], "SECTIONS_OVERLAP", "1.start_ms"),
        ("sections", [{**INTRO, "endTime": 10.001}], "SECTION_OUTSIDE", "0.end_ms"),
        ("sections", [INTRO, {"section": "verse"}], "INVALID", "1.startTime"),
        ("sections", [{**INTRO, "start_ms": 5}], "INVALID", "0.start_ms"),
        ("sections", [{**INTRO, "startTime": "NaN"}], "INVALID", "0.startTime"),
        ("sections", [{**INTRO, "endTime": 1e300}], "INVALID", "0.endTime"),
        ("sections", [{**INTRO, "start_ms": 2**63}], "INVALID", "0.start_ms"),
        ("sections", [{**INTRO, "section": "a\x00b"}], "INVALID", "0.section"),
        ("sections", [{**INTRO, "description": "x" * 2001}], "INVALID", "0.description"),
        ("sections", [INTRO, "verse"], "INVALID", "1.non_field_errors"),
        ("sections", {"rows": [INTRO]}, "INVALID", "results"),
        ("sections", {"results": {"0": INTRO}}, "INVALID", "results"),
        ("credits", [{**COMPOSER, "split": 60}, {**COMPOSER, "split": 40.01}], "SPLITS_OVER_100", "1.split"),
        ("credits", [{**COMPOSER, "split": 100.01}], "INVALID", "0.split"),
        ("credits", [{**COMPOSER, "role": "king"}], "INVALID", "0.role"),
        ("credits", [{**COMPOSER, "ipi": "1" * 21}], "INVALID", "0.ipi"),
        ("instruments", [{"category": "synth"}, {"category": "synth"}], "INSTRUMENT_TWICE", "1.type"),
        ("instruments", [{"type": "808"}], "INVALID", "0.category"),
        ("samples", [{"is_cleared": "perhaps"}], "INVALID", "0.is_cleared"),
        ("samples", [{}] * 501, "TOO_MANY_PARTS", None),
    ],
)  # fmt: skip
def test_a_wrong_list_is_400_by_its_row_and_changes_nothing(as_, ana, kind, sent, code, field):
    track, client = make_track(ana, duration_ms=10_000), as_(ana)
    before = Change.objects.count()
    refused = client.put(address(track, kind), sent, format="json")
    assert (refused.status_code, refused.json()["code"]) == (400, code), refused.content
    assert list(refused.json().get("errors", {None: 0})) == [field]
    assert Change.objects.count() == before


def test_a_single_part_names_its_field(as_, ana):
    track, client = make_track(ana), as_(ana)
    client.post(address(track, "sections"), INTRO, format="json")
    for body, code, field in [
        ({**INTRO, "startTime": 7}, "SECTIONS_OVERLAP", "start_ms"),
        ({"section": " ", "startTime": 9, "endTime": 10}, "INVALID", "section"),
        ([INTRO], "INVALID", "non_field_errors"),
    ]:
        refused = client.post(address(track, "sections"), body, format="json")
        assert (refused.status_code, refused.json()["code"], list(refused.json()["errors"])) == (400, code, [field])


def test_nothing_of_a_removed_track_is_changed(as_, ana, mod):
    track = make_track(ana)
    part = as_(ana).post(address(track, "samples"), {"pack_name": "Breaks"}, format="json").json()["id"]
    assert as_(ana).delete(f"/api/v1/tracks/{track.pk}").status_code == 204
    for viewer, status in [(ana, 404), (mod, 403)]:
        assert as_(viewer).put(address(track, "samples"), [], format="json").status_code == status
        assert as_(viewer).post(address(track, "samples"), {}, format="json").status_code == status
    assert as_(ana).get(address(track, "samples", part)).status_code == 404


def test_a_repeated_post_makes_one_part(as_, ana):
    """Rule 7."""
    track, client = make_track(ana), as_(ana)
    for _ in range(2):
        made = client.post(
            address(track, "samples"), {"pack_name": "Breaks"}, format="json", headers={"Idempotency-Key": "1"}
        )
        assert made.status_code == 201
    assert track.samples.count() == 1


def test_a_list_costs_the_same_at_one_and_at_twenty(as_, ana):
    track, client, seen = make_track(ana), as_(None), []
    for names in (["no 0"], [f"no {n}" for n in range(20)]):
        as_(ana).put(address(track, "credits"), [{"name": name, "role": "performer"} for name in names], format="json")
        with CaptureQueriesContext(connection) as queries:
            assert len(client.get(address(track, "credits")).json()["results"]) == len(names)
        seen.append(len(queries))
    assert seen[0] == seen[1] <= 2


def test_a_curator_of_the_library_writes_its_parts(as_):
    curator = make_user("curator", roles=[Role.MODERATOR])
    track = Track.objects.create(kind="library", title="House Theme", status="ready")
    assert as_(curator).put(address(track, "credits"), [COMPOSER], format="json").status_code == 200
    assert Change.objects.filter(table="catalog_credit").get().by == curator


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize(
    ("kind", "rows"),
    [
        ("sections", [INTRO, {**INTRO, "section": "verse"}]),
        ("sections", [{**INTRO, "endTime": 11}]),
        ("credits", [{**COMPOSER, "split": 60}, {**COMPOSER, "split": 41}]),
        ("instruments", [{"category": "synth"}, {"category": "synth"}]),
    ],
)
def test_what_only_the_wall_of_the_database_stops_is_409_and_changes_nothing(as_, ana, monkeypatch, kind, rows):
    """The rule that speaks first is away."""
    track = make_track(ana, duration_ms=10_000)
    open_kind = dataclasses.replace(parts.KINDS[kind], problems=lambda rows, track: iter(()))
    monkeypatch.setitem(parts.KINDS, kind, open_kind)
    refused = as_(ana).put(address(track, kind), rows, format="json")
    assert (refused.status_code, refused.json()["code"]) == (409, "CONFLICT")
    assert as_(ana).get(address(track, kind)).json()["results"] == []
