"""Sections, credits, instruments and samples: whole lists and single ones, and what no list may say."""

import pytest
from django.db import IntegrityError, connection, transaction
from django.test.utils import CaptureQueriesContext

from apps.catalog import actions, parts
from apps.catalog.models import Change, Credit, Instrument, Sample, Section, Track
from apps.lib.errors import NotFound, Refusal
from tests.lib.threads import side_by_side
from tests.make import make_track, make_user

pytestmark = pytest.mark.django_db


def span(name: str, start: int, end: int, **facts) -> dict:
    return {"name": name, "start_ms": start * 1000, "end_ms": end * 1000, **facts}


def share(role: str, split: str, name: str = "Ana") -> dict:
    return {"name": name, "role": role, "split": split}


def put(track, kind: str, *rows: dict):
    return parts.replace(track=track, kind=kind, rows=rows, by=track.owner)


@pytest.fixture
def track(ana):
    return make_track(ana, duration_ms=64_000)


SONG = (span("intro", 0, 8), span("verse", 8, 32), span("chorus", 32, 64))


def test_a_list_becomes_what_is_given(track):
    """S4-04."""
    put(track, "sections", *SONG)
    put(track, "sections", span("verse", 8, 32), span("outro", 40, 64, description=" slow "))
    rows = track.sections.order_by("start_ms").values_list("name", "start_ms", "description")
    assert list(rows) == [("verse", 8000, ""), ("outro", 40_000, "slow")]


def test_what_stays_the_same_keeps_its_id_and_leaves_no_history(track):
    made = put(track, "sections", *SONG)
    before = Change.objects.count()
    again = put(track, "sections", *SONG)
    assert [row.pk for row in again] == [row.pk for row in made]
    assert Change.objects.count() == before


def test_a_named_part_is_changed_and_an_unknown_name_is_a_new_one(track):
    made = put(track, "credits", share("composer", "50"), share("producer", "50"))
    stranger = make_track(make_user()).pk
    rows = [{**share("composer", "60"), "id": made[0].pk}, {**share("lyricist", "10"), "id": stranger}]
    after = put(track, "credits", *rows)
    assert (after[0].pk, after[0].split) == (made[0].pk, 60) and after[1].pk not in {made[1].pk, stranger}
    assert {(row.role, row.split) for row in track.credits.all()} == {("composer", 60), ("lyricist", 10)}


def test_sections_change_places_under_their_ids(track):
    """In whatever order the database looks at them they would overlap half-way."""
    intro, verse, chorus = put(track, "sections", *SONG)
    turned = [{**span("intro", 32, 64), "id": intro.pk}, {**span("chorus", 0, 8), "id": chorus.pk}, SONG[1]]
    put(track, "sections", *turned)
    assert list(track.sections.order_by("start_ms").values_list("pk", flat=True)) == [chorus.pk, verse.pk, intro.pk]


def test_one_more_another_and_one_less(track):
    put(track, "sections", *SONG[:2])
    chorus = parts.add(track=track, kind="sections", by=track.owner, **SONG[2])
    parts.change(part=chorus, by=track.owner, end_ms=60_000)
    chorus.refresh_from_db()
    assert (chorus.name, chorus.start_ms, chorus.end_ms) == ("chorus", 32_000, 60_000)
    parts.drop(part=chorus, by=track.owner)
    assert track.sections.count() == 2
    for act in (parts.drop, parts.change):
        with pytest.raises(NotFound):
            act(part=chorus, by=track.owner)


@pytest.mark.parametrize(
    ("kind", "rows", "code", "field"),
    [
        ("sections", [*SONG, span("coda", 63, 64)], "SECTIONS_OVERLAP", "3.start_ms"),
        ("sections", [span("verse", 8, 32), span("intro", 0, 9)], "SECTIONS_OVERLAP", "1.start_ms"),
        ("sections", [span("intro", 0, 8), span("intro", 0, 8)], "SECTIONS_OVERLAP", "1.start_ms"),
        ("sections", [span("outro", 60, 65)], "SECTION_OUTSIDE", "0.end_ms"),
        ("sections", [span("outro", 8, 8)], "INVALID", "0.end_ms"),
        ("sections", [span("intro", 0, 8), span("", 8, 9)], "INVALID", "1.name"),
        ("sections", [{"name": "intro", "start_ms": -1, "end_ms": 5}], "INVALID", "0.start_ms"),
        ("sections", [{"name": "intro", "start_ms": 1}], "INVALID", "0.end_ms"),
        ("sections", [span("x" * 51, 0, 8)], "INVALID", "0.name"),
        ("credits", [share("composer", "100.00"), share("composer", "0.01")], "SPLITS_OVER_100", "1.split"),
        ("credits", [share("king", "1")], "INVALID", "0.role"),
        ("credits", [share("composer", "100.01")], "INVALID", "0.split"),
        ("credits", [share("composer", "-0.01")], "INVALID", "0.split"),
        ("credits", [share("composer", "33.333")], "INVALID", "0.split"),
        ("credits", [share("composer", "NaN")], "INVALID", "0.split"),
        ("credits", [share("composer", "1", name="  ")], "INVALID", "0.name"),
        ("credits", [{**share("composer", "1"), "contact_email": "nobody"}], "INVALID", "0.contact_email"),
        ("instruments", [{"category": "synth"}, {"category": " synth "}], "INSTRUMENT_TWICE", "1.type"),
        ("samples", [{"pack_name": "x" * 256}], "INVALID", "0.pack_name"),
        ("samples", [{"pack_name": "Breaks"}, {"is_cleared": True}], "INVALID", "1.pack_name"),
    ],
)  # fmt: skip
def test_a_wrong_list_is_refused_by_its_row_and_changes_nothing(track, kind, rows, code, field):
    put(track, kind)
    before = Change.objects.count()
    with pytest.raises(Refusal) as refused:
        put(track, kind, *rows)
    assert (refused.value.code, list(refused.value.fields)) == (code, [field])
    assert not parts.KINDS[kind].model.objects.exists() and Change.objects.count() == before


def test_a_single_one_is_held_against_all_others(track):
    put(track, "sections", *SONG)
    (composer, *_) = put(track, "credits", share("composer", "60"), share("composer", "40", "Bob"))
    for act, code, field in [
        (
            lambda: parts.add(track=track, kind="sections", by=None, **span("fill", 7, 9)),
            "SECTIONS_OVERLAP",
            "start_ms",
        ),
        (lambda: parts.add(track=track, kind="sections", by=None, **span("end", 64, 65)), "SECTION_OUTSIDE", "end_ms"),
        (lambda: parts.change(part=composer, by=None, split="60.01"), "SPLITS_OVER_100", "split"),
    ]:
        with pytest.raises(Refusal) as refused:
            act()
        assert (refused.value.code, list(refused.value.fields)) == (code, [field])


def test_shares_of_different_roles_are_counted_apart(track):
    """S4-05."""
    put(track, "credits", share("composer", "100"), share("producer", "100"), {"name": "Bo", "role": "composer"})
    assert track.credits.count() == 3


def test_a_section_of_a_track_of_unknown_length_may_end_anywhere(ana):
    put(make_track(ana), "sections", span("drone", 0, 9000))


def test_a_wrong_ipi_is_kept_and_told_of(track):
    """S4-07."""
    rows = put(
        track,
        "credits",
        {**share("composer", "1"), "ipi": "00123456789"},
        {**share("producer", "1"), "ipi": "14107338"},
    )
    found = parts.warnings((row.pk, row.ipi) for row in rows)
    assert [(each["id"], each["field"], each["code"]) for each in found] == [(rows[0].pk, "ipi", "IPI_CHECK_DIGIT")]
    assert rows[1].ipi == "00014107338"


def test_a_track_has_five_hundred_of_a_kind(track):
    put(track, "samples", *({"pack_name": f"no {n}"} for n in range(500)))
    with pytest.raises(Refusal, match="at most 500"):
        parts.add(track=track, kind="samples", by=track.owner, pack_name="one more")
    with pytest.raises(Refusal, match="at most 500"):
        put(track, "samples", *({"pack_name": f"no {n}"} for n in range(501)))


def test_every_write_says_who_and_judges_the_track(track, bob):
    put(track, "credits", share("composer", "100"))
    track.refresh_from_db()
    assert track.clearance == "cleared"
    parts.add(track=track, kind="samples", by=bob, pack_name="Breaks")
    track.refresh_from_db()
    assert (track.clearance, track.clearance_reasons[0]) == ("blocked", "SAMPLES_NOT_CLEARED")
    last = Change.objects.filter(table="catalog_sample").latest("id")
    assert (last.track_id, last.action, last.by) == (track.pk, "I", bob)


def test_nothing_is_added_to_a_tombstone(track):
    held = Track.objects.get(pk=track.pk)
    (part,) = put(track, "samples", {"pack_name": "Breaks"})
    actions.remove(track=track, by=track.owner)
    for act in (
        lambda: put(held, "samples", {"pack_name": "x"}),
        lambda: parts.add(track=held, kind="samples", by=None, pack_name="x"),
        lambda: parts.change(part=part, by=None, pack_name="x"),
    ):
        with pytest.raises(NotFound):
            act()


@pytest.mark.parametrize(
    ("kind", "rows"),
    [("sections", SONG), ("instruments", [{"category": "synth"}, {"category": "drums"}])],
)
def test_a_list_costs_as_many_statements_whatever_its_length(track, django_assert_num_queries, kind, rows):
    with django_assert_num_queries(count(track, kind, rows[:1])):
        put(track, kind, *rows)


def count(track, kind: str, rows) -> int:
    with CaptureQueriesContext(connection) as seen:
        put(track, kind, *rows)
    put(track, kind)
    return len(seen)


@pytest.mark.django_db(transaction=True)
def test_two_who_share_out_at_once_give_away_no_more_than_everything(ana):
    track = make_track(ana)
    works = [
        lambda n=n: parts.add(track=track, kind="credits", by=ana, **share("composer", "60", f"no {n}"))
        for n in range(4)
    ]
    found = side_by_side(*works)
    refused = [each for each in found if isinstance(each, Refusal)]
    assert {each.code for each in refused} == {"SPLITS_OVER_100"} and len(refused) == 3
    assert track.credits.count() == 1


@pytest.mark.django_db(transaction=True)
def test_the_database_refuses_the_same_of_who_comes_by_another_way(ana):
    track = make_track(ana, duration_ms=64_000)
    Section.objects.create(track=track, **SONG[0])
    for make in (
        lambda: Section.objects.create(track=track, **span("fill", 7, 9)),
        lambda: Section.objects.create(track=track, **span("end", 60, 65)),
        lambda: Credit.objects.bulk_create([Credit(track=track, **share("composer", "60")) for _ in range(2)]),
        lambda: Instrument.objects.bulk_create([Instrument(track=track, category="synth") for _ in range(2)]),
    ):
        with pytest.raises(IntegrityError), transaction.atomic():
            make()
    assert not Sample.objects.exists()
