"""The ledger: every move leaves an entry, whoever makes it, and nobody changes what was written."""

import datetime as dt
import hashlib

import pytest
from django.db import IntegrityError, connection, transaction
from django.utils import timezone

from apps.archive import ledger, schedule
from apps.archive.models import ArchiveAsset, LedgerEntry
from apps.catalog import actions
from apps.lib import leases
from tests.archive.world import asset_of, at_provider, entry_at, run_all
from tests.make import make_generated, make_playable

pytestmark = pytest.mark.django_db(transaction=True)


def raw(statement: str, *values) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(statement, values)


def events(track) -> list[str]:
    return list(LedgerEntry.objects.filter(track=track.pk).order_by("seq").values_list("event", flat=True))


def last(track) -> LedgerEntry:
    return LedgerEntry.objects.filter(track=track.pk).latest("seq")


def test_a_file_that_comes_home_leaves_what_was_answered_and_what_was_kept(ana, provider):
    track = at_provider(provider, ana)
    run_all()
    assert events(track) == ["planned", "archived"]
    asset, entry = asset_of(track), last(track)
    assert (entry.asset, entry.kind, entry.state_from, entry.state_to) == (asset.pk, "audio", "running", "archived")
    assert (entry.token, entry.sha256, entry.size) == (1, asset.blob.sha256, asset.blob.size)
    facts = entry.facts
    assert (facts["status"], facts["content_type"], facts["final_host"]) == (200, "audio/mpeg", "127.0.0.1")
    assert (facts["declared_bytes"], facts["bytes"], facts["format"]) == (asset.blob.size, asset.blob.size, "mp3")
    assert (facts["received_sha256"], facts["key"]) == (asset.blob.sha256, asset.blob.key)
    assert facts["duration_ms"] > 0 and facts["seconds"] > 0


def test_of_an_address_there_is_its_origin_and_the_hash_of_the_whole(ana):
    """Its path and query may hold secrets."""
    url = "https://cdn1.suno.ai/secret/1.mp3?token=hidden"
    track = make_generated(ana, audio_url=url)
    schedule.plan()
    assert last(track).origin == "https://cdn1.suno.ai"
    assert last(track).url_sha256 == hashlib.sha256(url.encode()).hexdigest()
    raw("UPDATE archive_archiveasset SET source_url = 'https://ana:pass@CDN1.suno.ai:443/x?y=1@evil'")
    assert last(track).origin == "https://cdn1.suno.ai:443"


def test_a_try_that_fails_leaves_its_answer(ana, provider):
    track = at_provider(provider, ana, behaviour="404")
    run_all()
    entry = last(track)
    assert (entry.event, entry.error_code, entry.facts["status"]) == ("gone_suspect", "GONE", 404)
    assert "final_host" not in entry.facts


def test_what_one_move_brought_is_not_told_of_the_next(ana, provider):
    track = at_provider(provider, ana)
    run_all()
    assert asset_of(track).facts is None
    actions.remove(track=track, by=ana)
    schedule.drop_removed()
    assert events(track) == ["planned", "archived", "dropped", "forgotten"]
    assert last(track).facts == {}


def test_a_move_by_raw_sql_leaves_an_entry(ana):
    tracks = [make_generated(ana) for _ in range(3)]
    schedule.plan()
    raw("UPDATE archive_archiveasset SET state = 'lost', error_code = 'GONE'")
    assert [(last(t).event, last(t).state_from, last(t).error_code) for t in tracks] == [
        ("lost", "pending", "GONE")
    ] * 3


def test_a_move_that_the_domain_does_not_know_is_told_as_a_change(ana):
    track = make_generated(ana)
    schedule.plan()
    raw("UPDATE archive_archiveasset SET state = 'lost'")
    raw("UPDATE archive_archiveasset SET state = 'pending'")
    raw("UPDATE archive_archiveasset SET crashes = 2")
    raw("UPDATE archive_archiveasset SET crashes = 0")
    raw("UPDATE archive_archiveasset SET kind = 'video'")
    raw("DELETE FROM archive_archiveasset")
    assert events(track) == ["planned", "lost", "asked_again", "crashed", "changed", "changed", "removed"]


def test_a_claim_writes_nothing_and_a_crash_is_told(ana):
    track = make_generated(ana)
    schedule.plan()
    now = timezone.now()
    assert leases.claim(schedule.due(now=now), ArchiveAsset.machine, limit=1, now=now)
    assert events(track) == ["planned"]
    later = now + dt.timedelta(minutes=5)
    assert leases.claim(schedule.due(now=later), ArchiveAsset.machine, limit=1, now=later)
    assert events(track) == ["planned", "crashed"]
    assert (last(track).crashes, last(track).token, last(track).state_to) == (1, 1, "running")


def test_an_asset_that_was_there_is_not_told_twice(ana):
    """Planners insert with ON CONFLICT DO NOTHING."""
    track = make_generated(ana)
    schedule.plan()
    schedule.plan_tracks([track])
    assert events(track) == ["planned"]


def test_facts_that_are_too_long_keep_no_file_from_coming_home(ana):
    track = make_generated(ana)
    schedule.plan()
    raw("UPDATE archive_archiveasset SET state = 'lost', facts = jsonb_build_object('x', repeat('x', 5000))")
    assert last(track).facts == {"too_long": True}


def test_the_pages_of_a_track_and_of_a_file_show_what_happened_to_it_when(as_, ana, mod, provider):
    track = at_provider(provider, ana, behaviour="404", cover=True)
    run_all()
    desk = as_(mod)
    whole = desk.get(f"/admin/catalog/track/{track.pk}/change/").content.decode()
    one = desk.get(f"/admin/archive/archiveasset/{asset_of(track).pk}/change/").content.decode()
    for page, entries in ((whole, 4), (one, 2)):
        assert "GONE, HTTP 404" in page and "http://127.0.0.1" in page
        assert page.count("/admin/archive/ledgerentry/") - page.count('"/admin/archive/ledgerentry/"') == entries


def test_staff_find_entries_by_event_day_host_and_track(as_, ana, mod):
    tracks = [make_generated(ana, audio_url=f"https://cdn{n}.suno.ai/1.mp3") for n in (1, 2)]
    schedule.plan()
    entry_at(timezone.now() - dt.timedelta(days=1), origin="https://cdn2.suno.ai")
    desk = as_(mod)

    def found(**query) -> list:
        return [row.track for row in desk.get("/admin/archive/ledgerentry/", query).context["cl"].result_list]

    assert found(q=str(tracks[0].pk)) == [tracks[0].pk]
    assert found(host="cdn2.suno.ai", day="today") == [tracks[1].pk]
    assert len(found(day="yesterday")) == 1 and len(found(event="planned")) == 2 and found(event="lost") == []


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE archive_ledgerentry SET event = 'lost'", "DELETE FROM archive_ledgerentry",
        "UPDATE archive_manifest SET entries = 0", "DELETE FROM archive_manifest",
        "SET LOCAL keeptrack.empties = ''; TRUNCATE archive_ledgerentry",
        "SET LOCAL keeptrack.empties = ''; TRUNCATE archive_manifest",
    ],
)  # fmt: skip
def test_what_was_written_is_neither_changed_nor_deleted(ana, statement):
    make_generated(ana)
    schedule.plan()
    with pytest.raises(IntegrityError, match="append-only"):
        raw(statement)
    assert LedgerEntry.objects.count() == 1


def test_damage_is_told_of_every_asset_that_holds_the_bytes(ana, provider):
    one, other = at_provider(provider, ana), at_provider(provider, ana)
    run_all()
    blob = asset_of(one).blob
    assert asset_of(other).blob == blob
    assert ledger.tell(sha256=blob.sha256, event="damaged", place="first") == 2
    assert [(last(t).event, last(t).state_to, last(t).sha256) for t in (one, other)] == [
        ("damaged", "archived", blob.sha256)
    ] * 2
    assert last(one).facts == {"place": "first"}


def test_damage_of_bytes_without_an_asset_is_told_once(ana):
    blob = make_playable(ana).file("original").blob
    assert ledger.tell(sha256=blob.sha256, event="repaired") == 1
    entry = LedgerEntry.objects.get()
    assert (entry.asset, entry.track, entry.sha256, entry.size) == (None, None, blob.sha256, blob.size)
    with pytest.raises(ValueError, match="archived is not one of"):
        ledger.tell(sha256=blob.sha256, event="archived")
