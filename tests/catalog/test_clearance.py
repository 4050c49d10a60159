"""The verdict: a pure function by a table, and through every door the one that is kept (S4-05, S4-06)."""

import datetime as dt
import functools
import random
import threading
from decimal import Decimal

import pytest
from django.db import OperationalError, connection, transaction
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from apps.catalog import actions, clearance, files, history, identifiers
from apps.catalog.clearance import Facts, Share, verdict
from apps.catalog.models import Change, Credit, ProviderSource, Sample, Track
from apps.lib import storage
from apps.lib.formats import FORMATS
from apps.lib.media import Probe
from tests.lib.threads import impatient, side_by_side
from tests.make import make_generated, make_track

NOW = dt.datetime(2026, 3, 1, 12, tzinfo=dt.UTC)
SOON, BEFORE = NOW + dt.timedelta(hours=1), NOW - dt.timedelta(hours=1)


def shares(*pairs: tuple[str, str | None]) -> tuple[Share, ...]:
    return tuple(Share(role, None if split is None else Decimal(split)) for role, split in pairs)


WHOLE = shares(("composer", "60.00"), ("lyricist", "40.00"))
TABLE = [
    ("all that is needed", Facts(WHOLE), "cleared", ""),
    ("a sample is not cleared", Facts(WHOLE, uncleared_sample=True), "blocked", "SAMPLES_NOT_CLEARED"),
    ("nobody is credited", Facts(), "unknown", "NO_CREDITS"),
    ("nobody wrote it", Facts(shares(("producer", "100.00"))), "unknown", "SPLITS_INCOMPLETE"),
    ("no share is said", Facts(shares(("composer", None))), "unknown", "SPLITS_INCOMPLETE"),
    ("a hundredth is missing", Facts(shares(("songwriter", "99.99"))), "unknown", "SPLITS_INCOMPLETE"),
    ("a hundredth is too much", Facts(WHOLE + shares(("arranger", "0.01"))), "blocked", "SPLITS_IN_DISPUTE"),
    (
        "each role alone is whole",
        Facts(shares(("composer", "100"), ("lyricist", "100"))),
        "blocked",
        "SPLITS_IN_DISPUTE",
    ),
    ("the performers share as they like", Facts(WHOLE + shares(("performer", "3.00"))), "cleared", ""),
    ("a publisher without a share", Facts(WHOLE + shares(("publisher", None))), "cleared", ""),
    ("publishers with half of it", Facts(WHOLE + shares(("publisher", "50.00"))), "unknown", "SPLITS_INCOMPLETE"),
    ("publishers with all of it", Facts(WHOLE + shares(("publisher", "100.00"))), "cleared", ""),
    ("only the provider has it", Facts(WHOLE, kept_until=SOON), "unknown", "NOT_ARCHIVED"),
    ("nobody has it any more", Facts(WHOLE, kept_until=BEFORE), "blocked", "LOST"),
    ("the provider's last moment", Facts(WHOLE, kept_until=NOW), "blocked", "LOST"),
    ("it was kept in time", Facts(WHOLE, kept_until=BEFORE, archived=True), "cleared", ""),
    ("it is for pro members", Facts(WHOLE, pro_only=True), "cleared", "PRO_ONLY"),
    ("an IPI is doubtful", Facts((Share("composer", Decimal(100), True),)), "cleared", "IPI_DOUBTFUL"),
    (
        "all at once, the worst decides",
        Facts(uncleared_sample=True, kept_until=BEFORE, pro_only=True),
        "blocked",
        "SAMPLES_NOT_CLEARED LOST NO_CREDITS PRO_ONLY",
    ),
]


@pytest.mark.parametrize(("facts", "state", "reasons"), [row[1:] for row in TABLE], ids=[row[0] for row in TABLE])
def test_the_verdict_follows_from_the_facts(facts, state, reasons):
    found = verdict(facts, now=NOW)
    assert (found.state, found.reasons) == (state, (*reasons.split(), "NO_ISRC"))


def test_an_isrc_is_no_reason_and_every_reason_has_words():
    assert verdict(Facts(WHOLE, isrc="USS1Z2400001"), now=NOW) == clearance.Verdict("cleared")
    words = clearance.reason_words([*clearance.REASONS, "OF_TOMORROW"])
    assert words[0] == "It holds a sample that is not cleared."
    assert words[-1] == "OF_TOMORROW" and all(words)


# --- As it is kept ------------------------------------------------------------------------------------------------
def kept(track) -> tuple[str, list[str]]:
    return Track.objects.values_list("clearance", "clearance_reasons").get(pk=track.pk)


def make_cleared(owner, **facts) -> Track:
    track = make_track(owner, isrc="USS1Z2400001", **facts)
    Credit.objects.create(track=track, name="Ana", role="composer", split=100)
    clearance.judge([track.pk])
    assert kept(track) == ("cleared", [])
    return track


@pytest.mark.django_db
def test_a_new_track_has_its_verdict_from_the_start(ana):
    track = make_track(ana)
    assert kept(track) == ("unknown", ["NO_CREDITS", "NO_ISRC"])
    assert clearance.judge([track.pk]) == 0
    generated = make_generated(ana)
    assert kept(generated) == ("unknown", ["NO_CREDITS", "NOT_ARCHIVED", "NO_ISRC"])


@pytest.mark.django_db
def test_an_edit_through_the_api_is_judged_and_told(ana, as_):
    track = make_cleared(ana)
    assert as_(ana).patch(f"/api/v1/tracks/{track.pk}", {"isrc": ""}, format="json").status_code == 200
    assert kept(track) == ("cleared", ["NO_ISRC"])
    told = Change.objects.filter(track=track).latest("id")
    assert (told.by, told.fields, told.new) == (None, ["clearance_reasons"], {"clearance_reasons": ["NO_ISRC"]})


@pytest.mark.django_db
def test_a_copy_of_our_own_ends_the_waiting(ana):
    track = make_generated(ana)
    files.attach(track=track, role="original", blob=files.blob_for(storage.put_bytes(b"sound"), FORMATS["mp3"]))
    assert "NOT_ARCHIVED" not in kept(track)[1]


@pytest.mark.django_db
def test_a_verdict_is_the_systems_doing_also_when_somebody_brings_the_file(ana, mod):
    track = make_generated(ana)
    probe = Probe(FORMATS["mp3"], 5, 2000, "mp3", 44100, 2, 128_000, None, None, {})
    with history.said(by=mod):
        blob = files.blob_for(storage.put_bytes(b"sound"), FORMATS["mp3"])
        files.attach(track=track, role="original", blob=blob, probe=probe)
    told = Change.objects.filter(track=track, action="U").values_list("by", "fields")
    assert sorted(told, key=str) == [(None, ["clearance_reasons"]), (mod.pk, ["duration_ms"])]


@pytest.mark.django_db
def test_a_copy_of_our_own_clears_nothing_that_was_never_judged(ana):
    track = make_generated(ana)
    Track.objects.filter(pk=track.pk).update(clearance="unknown", clearance_reasons=[])
    files.attach(track=track, role="original", blob=files.blob_for(storage.put_bytes(b"sound"), FORMATS["mp3"]))
    assert kept(track) == ("unknown", ["NO_CREDITS", "NO_ISRC"])


@pytest.mark.django_db
def test_what_is_out_of_sight_is_not_judged(ana):
    track = make_cleared(ana)
    actions.remove(track=track, by=ana)
    assert clearance.judge([track.pk]) == 0 and kept(track)[1] == []


@pytest.mark.django_db
def test_many_are_judged_by_as_many_queries_as_one(ana, django_assert_num_queries):
    tracks = [make_track(ana, title=f"Number {number}") for number in range(12)]
    for track in tracks:
        Credit.objects.create(track=track, name="Ana", role="composer", split=100)
    with CaptureQueriesContext(connection) as one:
        assert clearance.judge([tracks[0].pk]) == 1
    with django_assert_num_queries(len(one)):
        assert clearance.judge(track.pk for track in tracks) == 11


@pytest.mark.django_db
def test_every_door_leaves_the_verdict_of_the_facts(ana, mod):
    """A property over random lives of tracks: what is kept is what the pure function says of the rows."""
    rng, now = random.Random(7), timezone.now()
    for _ in range(12):
        track = rng.choice([make_track, make_generated])(ana)
        for _ in range(6):
            happen(rng, track, rng.choice([ana, mod]))
            state, reasons = kept(track)
            assert verdict(told_by_rows(track), now=now) == clearance.Verdict(state, tuple(reasons))


def happen(rng: random.Random, track: Track, by) -> None:
    """One thing that people do to a track; parts as their doors do it."""
    match rng.randrange(5):
        case 0:
            actions.edit(track=track, by=by, isrc=rng.choice(["", "USS1Z2400001"]))
        case 1:
            actions.edit(track=track, by=by, is_pro_only=rng.random() < 0.5)
        case 2:
            role = rng.choice(["composer", "lyricist", "publisher", "performer"])
            ipi = rng.choice(["", "00123456789"])
            Credit.objects.filter(track=track, role=role).delete()
            Credit.objects.create(track=track, name="X", role=role, split=rng.choice([None, 40, 60, 100]), ipi=ipi)
            clearance.judge([track.pk])
        case 3:
            Sample.objects.create(track=track, is_cleared=rng.random() < 0.7)
            clearance.judge([track.pk])
        case 4:
            blob = files.blob_for(storage.put_bytes(b"sound"), FORMATS["mp3"])
            files.attach(track=track, role="original", blob=blob)


def told_by_rows(track: Track) -> Facts:
    """Read row by row, as nobody would in earnest."""
    track = Track.objects.select_related("source").prefetch_related("files").get(pk=track.pk)
    return Facts(
        tuple(Share(c.role, c.split, identifiers.ipi_doubtful(c.ipi)) for c in track.credits.all()),
        not all(sample.is_cleared for sample in track.samples.all()),
        track.source.expires_at if hasattr(track, "source") else None,
        track.file("original") is not None,
        track.is_pro_only,
        track.isrc,
    )


@pytest.mark.django_db(transaction=True)
def test_two_who_change_parts_at_once_are_judged_over_both(ana):
    """Each has written, and sees nothing of the other, when the first of them judges."""
    track, written = make_cleared(ana), threading.Barrier(2, timeout=20)
    samples = [Sample.objects.create(track=track) for _ in range(2)]
    assert clearance.judge([track.pk]) == 1

    def clear(sample: Sample):
        with transaction.atomic():
            Sample.objects.filter(pk=sample.pk).update(is_cleared=True)
            written.wait()
            return clearance.judge([track.pk])

    assert sorted(side_by_side(*(functools.partial(clear, sample) for sample in samples))) == [0, 1]
    assert kept(track) == ("cleared", [])


# --- What went past everybody -------------------------------------------------------------------------------------
@pytest.mark.django_db
def test_a_write_past_the_domain_is_found(ana):
    track = make_cleared(ana)
    with connection.cursor() as cursor:
        cursor.execute("UPDATE catalog_credit SET split = 50 WHERE track_id = %s", [track.pk])
    assert clearance.look_again() == 1
    assert kept(track) == ("unknown", ["SPLITS_INCOMPLETE"])
    assert clearance.look_again() == 0


@pytest.mark.django_db
def test_time_itself_blocks_what_was_not_archived(ana):
    track = make_generated(ana)
    until = ProviderSource.objects.get(track=track).expires_at
    assert clearance.look_again(now=until - dt.timedelta(seconds=1)) == 0
    assert clearance.look_again(now=until + dt.timedelta(seconds=30)) == 1
    assert kept(track)[0] == "blocked" and "LOST" in kept(track)[1]


@pytest.mark.django_db
def test_whatever_was_missed_is_found_within_the_rounds(ana, monkeypatch):
    monkeypatch.setattr(clearance, "ROUNDS", 5)
    tracks = [make_cleared(ana, title=f"Number {number}") for number in range(9)]
    for number, track in enumerate(tracks, start=1):
        Track.objects.filter(pk=track.pk).update(clearance="blocked", number=number)
    Change.objects.update(at=timezone.now() - dt.timedelta(days=2))
    found = [clearance.look_again(now=timezone.now() + dt.timedelta(minutes=10 + minute)) for minute in range(5)]
    assert sum(found) == len(tracks) and max(found) < len(tracks)
    assert {kept(track)[0] for track in tracks} == {"cleared"}


@pytest.mark.django_db(transaction=True)
def test_of_many_tracks_those_that_were_judged_are_let_go_of_before_the_next_are_held(ana, monkeypatch):
    """After a change of a hundred thousand the beat must not hold all of them together once more."""
    monkeypatch.setattr(clearance, "AT_ONCE", 1)
    one, other = sorted((make_track(ana) for _ in range(2)), key=lambda track: track.pk)
    Track.objects.update(clearance="blocked")
    with transaction.atomic():
        files.lock_live(other.pk)
        (waited,) = side_by_side(impatient(lambda: clearance.judge([one.pk, other.pk])))
    assert isinstance(waited, OperationalError)
    assert Track.objects.get(pk=one.pk).clearance == "unknown"
