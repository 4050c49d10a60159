"""Reading what was received, as a queue that survives its workers, its disk and its store."""

import datetime as dt
import hashlib

import pytest

from apps.accounts import departure
from apps.catalog.models import Blob, Track
from apps.lib import clock, leases, media, storage
from apps.lib.errors import Refusal
from apps.uploads import checking, intake, quota
from apps.uploads.models import Check, Upload
from tests.make import audio
from tests.uploads.dying import killed_at_every_statement

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = 0.3  # seconds


def make_received(user, data: bytes | None = None, **facts) -> Upload:
    """All of its bytes are here, and nobody has looked at them."""
    data = audio("wav", SHORT) if data is None else data
    facts = {"way": "tus", "size": len(data), "file_name": "Low Sun.wav", **facts}
    upload = intake.begin(user=user, **facts)
    intake.spooled(upload).write_bytes(data)
    return intake.completed(upload, sha256=hashlib.sha256(data).hexdigest())


def work(*, later: dt.timedelta = dt.timedelta()) -> list[bool]:
    now = clock.now() + later
    return [checking.run(row, now=now) for row in checking.claim(limit=10, now=now)]


def raising(failure: Exception):
    def fail(*args, **kwargs):
        raise failure

    return fail


def fresh(row):
    row.refresh_from_db()
    return row


def test_what_was_received_becomes_a_track_and_leaves_the_spool(ana):
    """S0-14; the facts come back as what they were said to be."""
    upload = make_received(ana, tempo="120.50", release_date=dt.date(2026, 2, 1), tags=["night"], is_public=False)
    assert work() == [True] and work() == []
    track = fresh(upload).track
    assert (upload.state, track.title, track.owner, track.status) == ("checked", "Low Sun", ana, "ready")
    assert (str(track.tempo), track.release_date, track.tags, track.is_public) == (
        "120.50", dt.date(2026, 2, 1), ["night"], False
    )  # fmt: skip
    assert track.file("original").blob.sha256 == upload.sha256
    assert not intake.spooled(upload).exists() and Check.objects.get().state == "done"
    assert quota.standing(ana).used == upload.size_bytes


def test_what_somebody_may_still_write_to_is_stored_as_a_copy(ana):
    """A request that lost its lock cannot change what is stored."""
    upload, other = make_received(ana), make_received(ana, audio("wav", 2 * SHORT))
    linked = intake.spooled(upload).stat().st_ino
    with intake.spooled(other).open("r+b") as late:
        assert work() == [True, True]
        late.write(b"x" * 100)
    for each in (upload, other):
        blob = fresh(each).track.files.get(role="original").blob
        with storage.open(blob.key) as kept:
            assert hashlib.file_digest(kept, "sha256").hexdigest() == blob.sha256
        assert (storage.local_path(blob.key).stat().st_ino == linked) is (each == upload)


def test_a_fault_of_the_file_refuses_it_and_gives_its_quota_back(ana):
    upload = make_received(ana, b"no music at all" * 100)
    assert work() == [False]
    assert (fresh(upload).state, upload.error_code) == ("refused", "INVALID_FORMAT")
    assert upload.error_message == "Invalid audio format. Supported: MP3, WAV, FLAC"
    assert quota.standing(ana).used == 0 and not intake.spooled(upload).exists()
    assert (Check.objects.get().state, Blob.objects.count()) == ("failed", 0)


@pytest.mark.parametrize(
    ("place", "failure", "code"),
    [
        ((storage, "put"), storage.StorageFailed(), "STORAGE_FAILED"),
        ((media, "probe"), OSError(28, "No space left on device"), "IO_ERROR"),
    ],
)
def test_a_fault_of_ours_loses_nothing_and_is_tried_again(ana, monkeypatch, place, failure, code):
    upload = make_received(ana)
    with monkeypatch.context() as broken:
        broken.setattr(*place, raising(failure))
        for tries in range(8):  # more often than the ladder has rungs
            assert work(later=tries * dt.timedelta(hours=2)) == [False]
            row = Check.objects.get()
            assert (row.state, row.error_code, fresh(upload).state) == ("retrying", code, "received")
    assert intake.spooled(upload).exists() and quota.standing(ana).used == upload.size_bytes
    assert work() == [] and work(later=dt.timedelta(hours=16)) == [True]


def test_bytes_that_the_disk_changed_are_never_taken_for_those_that_came(ana):
    upload = make_received(ana)
    intake.spooled(upload).write_bytes(audio("wav", SHORT)[:-2] + b"\x01\x02")
    assert work() == [False]
    assert (fresh(upload).state, upload.error_code) == ("refused", "CHECKSUM_MISMATCH")
    assert not Track.objects.exists()


def test_bytes_that_are_gone_are_looked_for_and_then_said_to_be_lost(ana):
    upload = make_received(ana)
    intake.spooled(upload).unlink()
    for tries in range(len(checking.DELAYS)):
        assert work(later=tries * dt.timedelta(hours=2)) == [False]
        assert fresh(upload).state == "received"
    work(later=dt.timedelta(days=1))
    assert (fresh(upload).state, upload.error_code, quota.standing(ana).used) == ("refused", "STORAGE_FAILED", 0)


def test_a_spool_that_is_away_for_a_moment_after_a_long_outage_loses_nothing(ana, monkeypatch):
    upload = make_received(ana)
    with monkeypatch.context() as broken:
        broken.setattr(storage, "put", raising(storage.StorageFailed()))
        for tries in range(len(checking.DELAYS) + 1):
            work(later=tries * dt.timedelta(hours=2))
    path = intake.spooled(upload)
    away = path.rename(path.with_suffix(".away"))
    assert work(later=dt.timedelta(hours=14)) == [False] and fresh(upload).state == "received"
    assert Check.objects.get().error_code == "FILE_MISSING"
    away.rename(path)
    assert work(later=dt.timedelta(hours=16)) == [True]


def test_workers_that_were_ended_between_faults_of_ours_are_no_fault_of_the_file(ana, monkeypatch):
    upload = make_received(ana)
    with monkeypatch.context() as broken:
        broken.setattr(storage, "put", raising(storage.StorageFailed()))
        for day in range(1, leases.MOST_CRASHES + 2):
            checking.claim(limit=1, now=clock.now() + dt.timedelta(days=day))
            Check.objects.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1))
            assert checking.give_up_poison() == 0
            assert work(later=dt.timedelta(days=day)) == [False]
    assert work(later=dt.timedelta(days=9)) == [True] and fresh(upload).state == "checked"


def test_a_file_that_keeps_killing_its_worker_is_refused(ana):
    upload = make_received(ana)
    for _ in range(leases.MOST_CRASHES):
        checking.claim(limit=1)
        Check.objects.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert checking.claim(limit=1) == [] and checking.give_up_poison() == 1
    assert (fresh(upload).state, upload.error_code) == ("refused", "MEDIA_TOO_COMPLEX")
    assert quota.standing(ana).used == 0 and checking.give_up_poison() == 0


def test_who_lost_the_lease_settles_nothing(ana):
    upload = make_received(ana)
    (slow,) = checking.claim(limit=1)
    Check.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert work() == [True]
    assert checking.run(slow) is False
    assert Track.objects.count() == 1 and fresh(upload).state == "checked"


def test_what_is_taken_back_while_it_is_checked_becomes_no_track(ana, monkeypatch):
    upload = make_received(ana)
    put = storage.put

    def meanwhile(*args, **kwargs):
        assert intake.give_up(Upload.objects.get(), "TERMINATED", "Taken back.")
        return put(*args, **kwargs)

    monkeypatch.setattr(storage, "put", meanwhile)
    assert work() == [False]
    assert not Track.objects.exists() and fresh(upload).state == "refused" and quota.standing(ana).used == 0


def test_what_contradicts_itself_in_the_database_is_refused_and_no_worker_dies(ana):
    upload = make_received(ana, description="x", tempo="-4")
    assert work() == [False]
    assert (fresh(upload).state, upload.error_code) == ("refused", "INVALID")


def test_the_same_bytes_again_are_the_track_that_is_there(ana, bob):
    """S0-29."""
    first, second = make_received(ana), make_received(ana, title="Again")
    other = make_received(bob)
    assert work() == [True] * 3
    assert fresh(second).state == "ready" and second.is_duplicate and second.track == fresh(first).track
    assert fresh(other).track != first.track and Blob.objects.count() == 1


def test_an_upload_whose_person_left_is_nobodys_work(ana):
    upload = make_received(ana)
    (row,) = checking.claim(limit=1)
    departure.part(user=ana, tracks="remove")
    assert checking.run(row) is False and not Track.objects.exists()
    assert not intake.spooled(upload).exists()


def test_whoever_dies_while_checking_loses_nothing_and_doubles_nothing(ana):
    upload = make_received(ana)

    def one_try() -> None:
        Check.objects.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1), crashes=0)
        work()

    died = 0
    for number in killed_at_every_statement(one_try):
        died = number
        assert fresh(upload).state in ("received", "checked")
        assert Track.objects.count() == (upload.state == "checked")
    assert died > 20 and fresh(upload).state == "checked" and Track.objects.count() == 1
    intake.sweep_spool()
    assert not intake.spooled(upload).exists() and quota.standing(ana).used == upload.size_bytes


def test_whoever_dies_while_refusing_leaves_it_to_the_next(ana):
    upload = make_received(ana, b"no music at all" * 100)

    def one_try() -> None:
        Check.objects.filter(state="running").update(lease_until=clock.now() - dt.timedelta(seconds=1), crashes=0)
        work()

    died = 0
    for number in killed_at_every_statement(one_try):
        died = number
        states = fresh(upload).state, Check.objects.get().state
        assert states in [("received", "due"), ("received", "running"), ("refused", "failed")]
        assert quota.standing(ana).used == upload.reserved_bytes
    assert died > 8 and (fresh(upload).state, quota.standing(ana).used) == ("refused", 0)


@pytest.mark.parametrize("failure", [Refusal("X", "No."), OSError("disk")])
def test_every_fault_has_words(failure):
    assert checking.refusal_of(failure).message


def test_what_is_admitted_is_a_setting(ana, settings):
    settings.UPLOAD_FORMATS = frozenset({"flac"})
    upload = make_received(ana)
    assert work() == [False]
    assert fresh(upload).error_message == "Invalid audio format. Supported: FLAC"


def test_a_file_in_the_spool_becomes_the_stored_one_without_a_copy(ana):
    upload = make_received(ana, audio("wav", 0.43))
    received = intake.spooled(upload).stat().st_ino
    assert work() == [True]
    assert storage.local_path(fresh(upload).track.file("original").blob.key).stat().st_ino == received


def test_a_file_that_changed_in_the_spool_is_refused(ana):
    """The hash of what came is compared with what lies there, not with itself."""
    upload = make_received(ana)
    data = bytearray(audio("wav", SHORT))
    data[-1] ^= 1
    intake.spooled(upload).write_bytes(data)
    assert work() == [False]
    assert (fresh(upload).state, upload.error_code) == ("refused", "CHECKSUM_MISMATCH")
    assert not Blob.objects.exists()
