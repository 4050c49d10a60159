"""`/api/v1/archive/ledger` and `/manifests`: staff see all, an owner what happened to own tracks, nobody else anything."""

import hashlib
import uuid

import pytest

from apps.archive import copies, manifests, schedule, verifying
from tests.archive.places import overwrite, two_folders
from tests.archive.world import closed
from tests.make import make_generated, make_key

pytestmark = pytest.mark.django_db(transaction=True)
LEDGER, MANIFESTS = "/api/v1/archive/ledger", "/api/v1/archive/manifests"


def test_an_owner_sees_what_happened_to_own_tracks_and_staff_to_all(as_, ana, bob, mod):
    track, other = make_generated(ana), make_generated(bob)
    schedule.plan()
    (entry,) = as_(ana).get(LEDGER).json()["results"]
    assert (entry["track"], entry["event"], entry["origin"]) == (str(track.pk), "planned", "https://cdn1.suno.ai")
    assert as_(ana).get(LEDGER, {"track": other.pk}).json()["results"] == []
    assert len(as_(mod).get(LEDGER).json()["results"]) == 2
    assert [e["track"] for e in as_(mod).get(LEDGER, {"track": other.pk}).json()["results"]] == [str(other.pk)]
    assert as_(mod).get(LEDGER, {"track": uuid.uuid4()}).json()["results"] == []


def test_the_newest_entry_comes_first_page_by_page(as_, mod):
    closed(1, entries=3)
    first = as_(mod).get(LEDGER, {"limit": 2}).json()
    seqs = [e["seq"] for e in first["results"] + as_(mod).get(first["next"]).json()["results"]]
    assert seqs == sorted(seqs, reverse=True) and len(seqs) == 3


def test_a_malformed_track_is_400(as_, mod):
    refused = as_(mod).get(LEDGER, {"track": "x"})
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


def test_staff_take_closed_days_home_and_prove_them_there(as_, mod, ana, tmp_path):
    days = closed(2)
    rows = as_(mod).get(MANIFESTS).json()["results"]
    assert [row["day"] for row in rows] == [str(day.day) for day in reversed(days)]
    for row in rows:
        answer = as_(mod).get(row["url"])
        data = b"".join(answer.streaming_content)
        assert answer["Content-Disposition"] == f'attachment; filename="{row["day"]}.ndjson"'
        assert hashlib.sha256(data).hexdigest() == row["sha256"]
        (tmp_path / f"{row['day']}.ndjson").write_bytes(data)
    assert verifying.prove([tmp_path], kept=rows[0]["sha256"]).problems == []
    for address in (MANIFESTS, rows[0]["url"]):
        assert as_(ana).get(address).status_code == 403


def test_a_closed_day_that_the_main_place_lost_comes_from_the_copy(as_, mod, settings, tmp_path):
    two_folders(settings, tmp_path)
    (day,) = closed(1)
    copies.run()
    overwrite(day.blob.key, None)
    assert hashlib.sha256(b"".join(as_(mod).get(f"{MANIFESTS}/{day.day}"))).hexdigest() == day.sha256
    assert manifests.export(tmp_path / "export") == 1


@pytest.mark.parametrize("day", ["2026-01-31", "yesterday", "2026-02-30", "20260131T10"])
def test_a_day_that_is_not_closed_is_404(as_, mod, day):
    assert as_(mod).get(f"{MANIFESTS}/{day}").status_code == 404


def test_a_staff_key_with_the_archive_scope_reads_them(as_, mod):
    closed(1)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'read', 'archive')}")
    assert len(client.get(LEDGER).json()["results"]) == 3
    assert len(client.get(MANIFESTS).json()["results"]) == 1
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'read')}")
    assert client.get(LEDGER).json()["results"] == [] and client.get(MANIFESTS).status_code == 403
