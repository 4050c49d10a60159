"""`/api/v1/archive/*`: staff run and watch; an owner runs own tracks; strangers learn nothing."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile

from apps.archive import copies, gate, hosts, schedule, scrubbing, working
from apps.archive.models import ArchiveAsset, ArchiveJob
from apps.catalog.models import Track
from apps.lib import clock
from apps.lib.fetch import FetchError
from tests.archive.places import overwrite, two_folders
from tests.archive.world import at_provider, closed
from tests.doors.desk import make_blob, make_finding
from tests.make import audio, make_generated, make_key, make_playable, make_track

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def worker(monkeypatch):
    """The nudge reaches a worker at once."""
    monkeypatch.setattr("apps.archive.tasks.work.apply_async", lambda *a, **k: working.work(limit=50, seconds=20))


def run(client, **body):
    return client.post("/api/v1/archive/run", body, format="json")


def test_a_run_answers_how_many_tracks_it_archived(as_, mod, ana, provider, worker):
    """S3-05."""
    good, bad = at_provider(provider, ana), at_provider(provider, ana, behaviour="html200")
    answer = run(as_(mod), limit=50, wait=15)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert (body["success"], body["message"]) == (False, "Archived 1/2 tracks")
    results = body["results"]
    assert (results["total"], results["succeeded"], results["failed"], results["pending"]) == (2, 1, 1, 0)
    assert (
        results["errors"][0]["track_id"] == str(bad.pk)
        and "web page in place of the file" in results["errors"][0]["error"]
    )
    shown = as_(None).get(f"/api/v1/tracks/{good.pk}").json()
    assert shown["archived_to_storage"] is True and shown["storage_audio_url"].endswith("/stream")


def test_the_answer_does_not_wait_longer_than_asked(as_, mod, ana, provider):
    at_provider(provider, ana)
    body = run(as_(mod), wait=0).json()
    assert (body["success"], body["results"]["pending"]) == (False, 1)


def test_only_staff_wait_for_the_result(as_, ana, provider):
    """A waiting request holds a thread of the site."""
    track = at_provider(provider, ana)
    body = run(as_(ana), track_id=str(track.pk), wait=20).json()
    assert (body["success"], body["results"]["pending"]) == (False, 1)


def test_an_owner_archives_an_own_track_and_nobody_elses(as_, ana, bob, provider, worker):
    """S3-14."""
    mine = at_provider(provider, ana)
    hidden = at_provider(provider, ana, is_public=False)
    assert run(as_(ana), track_id=str(mine.pk), wait=15).json()["message"] == "Archived 1/1 tracks"
    refused = run(as_(bob), track_id=str(mine.pk))
    assert (refused.status_code, refused.json()["code"]) == (403, "FORBIDDEN")
    assert run(as_(bob), track_id=str(hidden.pk)).status_code == 404
    assert run(as_(bob)).status_code == 403
    assert run(as_(None), track_id=str(mine.pk)).status_code in (401, 403)


def test_what_cannot_be_archived_says_so(as_, ana, provider, worker):
    uploaded, archived = make_track(ana), at_provider(provider, ana)
    refused = run(as_(ana), track_id=str(uploaded.pk))
    assert (refused.status_code, refused.json()["code"]) == (409, "NOTHING_TO_ARCHIVE")
    run(as_(ana), track_id=str(archived.pk), wait=15)
    refused = run(as_(ana), track_id=str(archived.pk))
    assert (refused.status_code, refused.json()["code"]) == (409, "ALREADY_ARCHIVED")


@pytest.mark.parametrize(
    "body", [{"limit": 0}, {"limit": 201}, {"limit": "x"}, {"wait": -1}, {"wait": 1e9}, {"track_id": "x"}]
)
def test_a_malformed_run_is_400(as_, mod, body):
    refused = run(as_(mod), **body)
    assert (refused.status_code, refused.json()["code"]) == (400, "INVALID")


def test_jobs_are_staffs_and_an_owner_sees_own_ones(as_, ana, bob, mod, provider, worker):
    track = at_provider(provider, ana)
    run(as_(ana), track_id=str(track.pk), wait=15)
    for viewer, count in [(ana, 1), (mod, 1), (bob, 0)]:
        assert len(as_(viewer).get("/api/v1/archive/jobs").json()["results"]) == count
    job = as_(ana).get("/api/v1/archive/jobs").json()["results"][0]
    assert job["status"] == "completed" and job["storage_audio_url"] and job["requested_by"] == str(ana.pk)
    assert job["original_audio_url"] == track.source.audio_url


def test_due_and_statistics_are_for_staff(as_, ana, mod):
    track = make_generated(ana)
    schedule.plan()
    for address in ("/api/v1/archive/due", "/api/v1/archive/statistics"):
        assert as_(ana).get(address).status_code == 403
        assert as_(None).get(address).status_code in (401, 403)
    row = as_(mod).get("/api/v1/archive/due").json()["results"][0]
    assert (row["track_id"], row["kind"], row["state"]) == (str(track.pk), "audio", "pending")
    assert 14.9 < row["days_until_expiry"] <= 15
    numbers = as_(mod).get("/api/v1/archive/statistics").json()
    assert (numbers["total_tracks"], numbers["total_archived"], numbers["pending_archive"]) == (1, 0, 1)


def test_a_staff_key_with_the_archive_scope_runs_one_track_or_all(as_, ana, mod, provider, worker):
    track = at_provider(provider, ana)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'archive')}")
    assert run(client, track_id=str(track.pk), wait=15).json()["message"] == "Archived 1/1 tracks"


def test_a_key_needs_the_archive_scope(as_, mod):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'read', 'write')}")
    assert run(client, wait=0).status_code == 403
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'archive')}")
    assert run(client, wait=0).status_code == 200
    assert not ArchiveJob.objects.exists()


def test_the_archive_scope_archives_a_private_track_and_shows_and_exports_none(as_, ana, mod, provider, worker):
    """It says staff rights over the archive; looking at every track is another permission."""
    track = at_provider(provider, ana)
    Track.objects.update(is_public=False)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(mod, 'read', 'archive')}")
    exported = b"".join(client.get("/api/v1/tracks/export").streaming_content).decode()
    assert str(track.pk) not in exported and track.title not in exported
    assert client.get(f"/api/v1/tracks/{track.pk}").status_code == 404
    assert client.get(f"/api/v1/tracks/{track.pk}/stream").status_code == 404
    assert run(client, track_id=str(track.pk), wait=15).json()["message"] == "Archived 1/1 tracks"
    assert run(client, track_id=str(mod.pk)).status_code == 404


def test_damages_are_told_to_staff_with_the_tracks_they_concern(ana, as_, mod, settings, tmp_path):
    two_folders(settings, tmp_path)
    track = make_playable(ana)
    copies.run()
    blob = track.file("original").blob
    overwrite(blob.key, None)
    scrubbing.run(most=scrubbing.NO_END)
    (told,) = as_(mod).get("/api/v1/archive/findings?state=repaired").json()["results"]
    assert (told["sha256"], told["what"], told["repaired_from"]) == (blob.sha256, "missing", "copy")
    assert told["tracks"] == [str(track.pk)]
    assert as_(mod).get("/api/v1/archive/findings?state=open").json()["results"] == []
    assert as_(mod).get("/api/v1/archive/findings?state=well").status_code == 400
    assert as_(ana).get("/api/v1/archive/findings").status_code == 403


# --- Files handed in ------------------------------------------------------------------------------------------------
@pytest.fixture
def lost(ana):
    """A generated track of two seconds whose sound is lost."""
    track = make_generated(ana, duration_ms=2000)
    schedule.plan_tracks([track])
    rows, machine = ArchiveAsset.objects.all(), ArchiveAsset.machine
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None, error_code="GONE")
    return track


def hand_in(client, track, data: bytes | None = None, **facts):
    file = SimpleUploadedFile("song.mp3", audio("mp3") if data is None else data)
    body = {"kind": "audio", "file": file, **facts}
    return client.post(f"/api/v1/archive/tracks/{track.pk}/files", body, format="multipart")


def by_key(as_, user, *scopes: str):
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(user, *scopes)}")
    return client


def test_a_file_handed_in_by_a_key_is_archived_and_a_second_one_refused(as_, mod, lost):
    client = by_key(as_, mod, "archive")
    answer = hand_in(client, lost)
    assert (answer.status_code, answer.json()["state"]) == (201, "archived"), answer.content
    assert as_(None).get(f"/api/v1/tracks/{lost.pk}").json()["archived_to_storage"] is True
    again = hand_in(client, lost)
    assert (again.status_code, again.json()["code"]) == (409, "ALREADY_ARCHIVED")


@pytest.mark.parametrize(
    ("data", "facts", "status", "code"),
    [
        (b"", {}, 415, "INVALID_FORMAT"),
        (b"<html>gone</html>", {}, 415, "INVALID_FORMAT"),
        (audio("flac")[:5000], {}, 422, "MEDIA_UNREADABLE"),
        (audio("mp3", seconds=5), {}, 422, "WRONG_DURATION"),
        (audio("mp3"), {"kind": "cover"}, 415, "INVALID_FORMAT"),
        (audio("mp3"), {"kind": "lyrics"}, 400, "INVALID"),
        (None, {"file": ""}, 400, "INVALID"),
    ],
)
def test_a_bad_file_is_refused_and_the_sound_stays_lost(as_, mod, lost, data, facts, status, code):
    refused = hand_in(as_(mod), lost, data, **facts)
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    assert ArchiveAsset.objects.get().state == "lost"


def test_another_length_is_taken_when_somebody_says_that_it_is_right(as_, mod, lost):
    assert hand_in(as_(mod), lost, audio("mp3", seconds=5), any_length="true").status_code == 201


def test_a_file_beyond_the_limit_is_refused(as_, mod, lost, settings):
    settings.FETCH_MAX_BYTES = {**settings.FETCH_MAX_BYTES, "audio": 1000}
    refused = hand_in(as_(mod), lost)
    assert (refused.status_code, refused.json()["code"]) == (413, "FILE_TOO_LARGE")


def test_an_owner_does_not_learn_who_of_staff_was_at_it(as_, ana, mod, lost):
    ArchiveJob.objects.update(requested_by=mod)
    assert hand_in(as_(mod), lost).status_code == 201
    told = as_(ana).get("/api/v1/archive/jobs")
    (job,) = told.json()["results"]
    assert str(mod.pk) not in told.content.decode()
    assert job["requested_by"] is None and job["metadata"]["handed_in"][0]["file_name"] == "song.mp3"
    assert as_(mod).get("/api/v1/archive/jobs").content.decode().count(str(mod.pk)) == 2


def test_a_stranger_an_owner_and_a_key_without_the_scope_hand_in_nothing(as_, ana, bob, mod, lost):
    for client in (as_(None), as_(bob), as_(ana), by_key(as_, mod, "read", "write"), by_key(as_, ana, "archive")):
        assert hand_in(client, lost).status_code in (401, 403)
    assert ArchiveAsset.objects.get().state == "lost"


# --- Lists and numbers ----------------------------------------------------------------------------------------------
def test_lists_are_narrowed_by_provider_kind_state_and_time(as_, ana, mod):
    soon, late = make_generated(ana, cover_url="https://cdn1.suno.ai/c.jpeg"), make_generated(ana)
    schedule.plan_tracks([soon, late])
    rows, now = ArchiveAsset.objects.all(), clock.now()
    rows.filter(track=soon).update(expires_at=now + dt.timedelta(hours=1), attempts=1)
    machine = ArchiveAsset.machine
    machine.move_all(rows.filter(track=late), "running", lease_until=now)
    machine.move_all(rows.filter(track=late), "lost", lease_until=None, next_at=None)

    def found(path: str, **query) -> list[tuple]:
        answer = as_(mod).get(f"/api/v1/archive/{path}", query)
        return [(row["track_id"], row["kind"]) for row in answer.json()["results"]]

    audio_, cover = (str(soon.pk), "audio"), (str(soon.pk), "cover")
    assert set(found("due")) == set(found("at-risk")) == {audio_, cover}
    assert found("lost") == [(str(late.pk), "audio")]
    assert found("due", kind="cover") == found("at-risk", kind="cover") == [cover]
    assert set(found("due", provider="suno", within=2)) == {audio_, cover}
    for nothing in ({"provider": "mureka"}, {"within": 0.5}, {"state": "retrying"}):
        assert found("due", **nothing) == found("at-risk", **nothing) == []
    assert found("lost", state="lost", provider="suno") == [(str(late.pk), "audio")]
    for wrong in ({"kind": "lyrics"}, {"state": "well"}, {"within": -1}, {"within": "soon"}, {"provider": "no such"}):
        for path in ("due", "at-risk", "lost"):
            assert as_(mod).get(f"/api/v1/archive/{path}", wrong).status_code == 400


def test_statistics_tell_how_the_archive_is_looked_after(as_, mod, ana):
    make_finding(make_blob(), "No place has it.")
    (*_, last) = closed(2)
    asset = ArchiveAsset(host="cdn1.suno.ai", expires_at=clock.now() + dt.timedelta(days=1))
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."))
    told = as_(mod).get("/api/v1/archive/statistics").json()
    assert told["hosts"]["states"]["shut"] == 1
    (host,) = told["hosts"]["left_alone"]
    assert (host["host"], host["state"], host["error_code"]) == ("cdn1.suno.ai", "shut", "NETWORK_ERROR")
    assert (told["fixity"]["open_findings"], told["fixity"]["unrepairable_findings"]) == (1, 0)
    assert told["ledger"] == {"last_closed": str(last.day), "head": last.sha256, "unclosed_days": 0}
