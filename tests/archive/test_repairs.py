"""A damage is put right from wherever the right bytes still are, and by no others."""

import datetime as dt

import pytest

from apps.archive import copies, repairs, scrubbing
from apps.archive.models import TOLD, ArchiveAsset, Finding, LedgerEntry
from apps.catalog import files
from apps.catalog.models import Blob
from apps.lib import clock, locks, storage
from apps.lib.storage import COPY, MAIN
from tests.archive.places import held, make_blobs, overwrite, two_folders, use
from tests.archive.world import asset_of, at_provider, run_all
from tests.lib.threads import side_by_side
from tests.make import audio

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def archived(settings, tmp_path, provider, ana):
    """A blob that the provider still serves, in one place alone."""
    use(settings, f"file://{tmp_path}/main")
    track = at_provider(provider, ana, seed=1)
    run_all()
    return asset_of(track).blob


def test_the_provider_gives_it_once_more_while_its_address_lives(archived):
    overwrite(archived.key, b"x")
    scrubbing.run(most=scrubbing.NO_END)
    finding = Finding.objects.get()
    assert (finding.state, finding.repaired_from) == ("repaired", "provider")
    assert held(archived.key, MAIN) == audio("mp3", seed=1)


def test_the_ledger_tells_of_the_damage_and_of_its_repair(archived):
    overwrite(archived.key, b"x")
    scrubbing.run(most=scrubbing.NO_END)
    damaged, repaired = LedgerEntry.objects.filter(sha256=archived.sha256, event__in=TOLD).order_by("seq")
    assert (damaged.event, damaged.facts["place"], damaged.facts["what"]) == ("damaged", MAIN, "truncated")
    assert (repaired.event, repaired.facts["repaired_from"]) == ("repaired", "provider")
    assert damaged.asset == repaired.asset == ArchiveAsset.objects.get().pk


def test_other_bytes_of_the_provider_repair_nothing_and_that_is_said(archived, provider):
    overwrite(archived.key, b"x")
    asset = ArchiveAsset.objects.get()
    path = asset.source_url.rpartition("/")[2]
    again = provider.publish("suno", path, audio("mp3", seed=2), "audio/mpeg", expires_in=None)
    ArchiveAsset.objects.update(source_url=again)
    scrubbing.run(most=scrubbing.NO_END)
    finding = Finding.objects.get()
    assert finding.state == "unrepairable" and "other bytes" in finding.note
    assert held(archived.key, MAIN) == b"x"
    assert ArchiveAsset.objects.get().state == "archived"


def test_a_provider_that_does_not_answer_or_is_past_its_time_repairs_nothing(archived, provider):
    overwrite(archived.key, b"x")
    ArchiveAsset.objects.update(expires_at=clock.now() - dt.timedelta(seconds=1))
    requests = sum(provider.requests.values())
    scrubbing.run(most=scrubbing.NO_END)
    assert Finding.objects.get().note == repairs.NOWHERE
    assert sum(provider.requests.values()) == requests


def test_what_came_in_again_is_found_right(archived, tmp_path):
    overwrite(archived.key, b"x")
    scrubbing.run(most=scrubbing.NO_END, repair=False)
    overwrite(archived.key, audio("mp3", seed=1))
    assert repairs.mend(Finding.objects.get()) == "repaired"
    assert Finding.objects.get().repaired_from == "itself"


@pytest.mark.parametrize("way", ["it is looked at", "nobody looks"])
def test_what_the_sweeper_took_is_gone(archived, way):
    overwrite(archived.key, b"x")
    scrubbing.run(most=scrubbing.NO_END, repair=False)
    ArchiveAsset.objects.all().delete()
    Blob.objects.get(pk=archived.pk).files.all().delete()
    Blob.objects.all().delete()
    if way == "it is looked at":
        assert repairs.mend(Finding.objects.get()) == "gone"
    scrubbing.run()
    assert Finding.objects.get().state == "gone"


@pytest.mark.parametrize("way", ["it is looked at", "nobody looks"])
def test_a_damage_in_a_place_that_is_no_longer_set_is_nobodys(settings, tmp_path, way):
    two_folders(settings, tmp_path)
    ((key, _),) = make_blobs(1).items()
    overwrite(key, b"x", COPY)
    scrubbing.run(most=scrubbing.NO_END, repair=False)
    use(settings, f"file://{tmp_path}/main")
    if way == "it is looked at":
        assert repairs.mend(Finding.objects.get()) == "gone"
    scrubbing.run()
    assert Finding.objects.get().state == "gone"


def test_a_damage_is_noted_while_nobody_may_delete_the_file(archived, monkeypatch):
    """Else its row could go between the second look and the note, and the whole run would end for it."""
    overwrite(archived.key, b"x")
    note, held_off = repairs.note, []

    def noting(blob, *args, **facts):
        held_off.append(side_by_side(lambda: sweeping(blob)) == [False])
        return note(blob, *args, **facts)

    monkeypatch.setattr(repairs, "note", noting)
    scrubbing.run(most=scrubbing.NO_END)
    assert held_off == [True]


def sweeping(blob: Blob) -> bool:
    with locks.alone(files.content(blob.sha256)) as mine:
        return mine


def test_a_copy_place_that_is_away_leaves_the_finding_open(settings, tmp_path, monkeypatch):
    two_folders(settings, tmp_path)
    ((key, data),) = make_blobs(1).items()
    overwrite(key, b"x")
    (tmp_path / "copy").rename(tmp_path / "away")
    now = clock.now()
    scrubbing.run(now=now, most=scrubbing.NO_END, place=MAIN)
    assert Finding.objects.get().state == "open"
    (tmp_path / "away").rename(tmp_path / "copy")
    scrubbing.run(now=now + scrubbing.HOUR)
    assert Finding.objects.get().state == "repaired" and held(key, MAIN) == data


@pytest.mark.parametrize("served", [True, False])
def test_while_the_copy_is_away_the_provider_is_asked(settings, tmp_path, archived, provider, served):
    """Its file may be gone by the time the copy is back; only when it has none is the copy waited for."""
    use(settings, f"file://{tmp_path}/main", f"file://{tmp_path}/copy")
    assert copies.run().left == 0
    overwrite(archived.key, b"x")
    if not served:
        ArchiveAsset.objects.update(expires_at=clock.now() - dt.timedelta(seconds=1))
    (tmp_path / "copy").rename(tmp_path / "away")
    looked = scrubbing.run(most=scrubbing.NO_END, place=MAIN)
    finding = Finding.objects.get()
    if served:
        assert (finding.state, finding.repaired_from, looked.repaired) == ("repaired", "provider", 1)
        assert held(archived.key, MAIN) == audio("mp3", seed=1)
    else:
        assert finding.state == "open"


def test_a_repair_is_read_back_before_it_counts(settings, tmp_path, monkeypatch):
    two_folders(settings, tmp_path)
    ((key, _),) = make_blobs(1).items()
    overwrite(key, b"x")
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    monkeypatch.setattr(storage, "_holds", lambda *asked: False)
    scrubbing.run(most=scrubbing.NO_END, place=MAIN)
    assert Finding.objects.get().state == "open"
    assert held(key, COPY) is not None
