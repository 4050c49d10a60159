"""Bytes on their way in: what is held for them, and that nothing stays of what does not come."""

import datetime as dt
import hashlib

import pytest
from django.db.models import Sum

from apps.lib import clock
from apps.lib.errors import Refusal
from apps.uploads import intake, quota
from apps.uploads.models import Check, QuotaDay, Upload
from tests.make import make_track
from tests.uploads.dying import killed_at_every_statement

pytestmark = pytest.mark.django_db(transaction=True)

DATA = b"0123456789" * 10
SHA256 = hashlib.sha256(DATA).hexdigest()


def make_begun(user, data: bytes = b"", **facts) -> Upload:
    """An upload of DATA's size of which `data` is here."""
    facts = {"way": "tus", "size": len(DATA), "file_name": "Low Sun.wav", **facts}
    upload = intake.begin(user=user, **facts)
    intake.spooled(upload).write_bytes(data)
    return upload


def held() -> int:
    """What all days hold for uploads that are not refused."""
    return QuotaDay.objects.aggregate(bytes=Sum("used_bytes"))["bytes"] or 0


def reserved() -> int:
    return Upload.objects.exclude(state="refused").aggregate(bytes=Sum("reserved_bytes"))["bytes"] or 0


def test_what_is_begun_is_counted_and_has_a_place_of_its_own(ana, settings):
    upload = make_begun(ana, file_name="../../etc/passwd\r\n", title=" Dusk ", tempo="120.5", tags=["a"])
    upload.refresh_from_db()
    assert (upload.state, upload.file_name, upload.title) == ("receiving", "passwd", "Dusk")
    assert (upload.reserved_bytes, held()) == (len(DATA), len(DATA))
    assert intake.spooled(upload) == settings.SPOOL / "uploads" / str(upload.pk)
    assert intake.spooled(upload).parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.parametrize(
    ("facts", "code"),
    [
        ({"size": 0}, "EMPTY_FILE"), ({"size": -1}, "EMPTY_FILE"), ({"size": 50 * 1024 * 1024 + 1}, "FILE_TOO_LARGE"),
        ({"title": "x" * 256}, "INVALID"), ({"isrc": "no"}, "INVALID"), ({"is_pro_only": True}, "INVALID"),
        ({"library": True}, "FORBIDDEN"), ({"announced_sha256": "ABC"}, "INVALID"),
    ],
)  # fmt: skip
def test_what_may_not_come_in_leaves_no_row_and_takes_no_byte(ana, facts, code):
    with pytest.raises(Refusal) as refused:
        make_begun(ana, **facts)
    assert refused.value.code == code
    assert not Upload.objects.exists() and not QuotaDay.objects.exists()


def test_a_person_has_so_many_under_way_and_one_more_when_one_is_over(ana, bob, settings):
    settings.UPLOADS_AT_ONCE = 2
    first, _ = make_begun(ana), make_begun(ana)
    with pytest.raises(Refusal) as refused:
        make_begun(ana)
    assert (refused.value.code, refused.value.status) == ("TOO_MANY_UPLOADS", 429)
    assert held() == 2 * len(DATA)
    make_begun(bob)
    assert intake.give_up(first, "TERMINATED", "Taken back.")
    make_begun(ana)


def test_all_who_are_at_it_share_the_spool(ana, bob, settings):
    """What goes to the object store lies elsewhere."""
    settings.UPLOAD_SPOOL_BYTES = 2 * len(DATA)
    make_begun(ana, way="direct")
    first, _ = make_begun(ana, DATA), make_begun(bob)
    intake.completed(first, sha256=SHA256)
    with pytest.raises(Refusal) as refused:
        make_begun(bob)
    assert (refused.value.code, refused.value.status) == ("DISK_FULL", 507)
    make_begun(bob, way="direct")
    intake.give_up(first, "INVALID_FORMAT", "No music.")
    make_begun(bob)


def test_a_full_disk_is_said_before_anything_is_held(ana, settings):
    settings.SPOOL_RESERVE_BYTES = 1 << 62
    with pytest.raises(Refusal) as refused:
        make_begun(ana)
    assert refused.value.code == "DISK_FULL" and not held()


def test_the_librarys_files_count_on_nobodys_quota(mod):
    upload = make_begun(mod, library=True)
    assert (upload.reserved_bytes, held()) == (0, 0)
    assert intake.give_up(upload, "EXPIRED", "Too late.") and not held()


def test_what_is_whole_waits_for_its_check(ana):
    upload = intake.completed(make_begun(ana, DATA), sha256=SHA256)
    assert (upload.state, upload.sha256, upload.received_bytes) == ("received", SHA256, len(DATA))
    assert Check.objects.get().state == "due"
    with pytest.raises(Refusal):
        intake.completed(Upload.objects.get(), sha256=SHA256)


def test_what_is_not_all_there_is_not_received(ana):
    upload = make_begun(ana, DATA[:-1])
    with pytest.raises(Refusal) as refused:
        intake.completed(upload, sha256=SHA256)
    assert (refused.value.code, refused.value.status) == ("OFFSET_CONFLICT", 409)
    assert Upload.objects.get().state == "receiving" and not Check.objects.exists()


def test_other_bytes_than_were_announced_are_not_received(ana):
    upload = make_begun(ana, DATA, announced_sha256="0" * 64)
    with pytest.raises(Refusal) as refused:
        intake.completed(upload, sha256=SHA256)
    assert refused.value.code == "CHECKSUM_MISMATCH" and not Check.objects.exists()


@pytest.mark.parametrize("tenths", range(11))
def test_what_is_abandoned_at_any_tenth_is_given_back_and_leaves_nothing(ana, tenths):
    """F22."""
    upload = make_begun(ana, DATA[: tenths * len(DATA) // 10])
    begun = clock.now()
    assert intake.expire(begun + dt.timedelta(hours=23)) == 0 and held() == len(DATA)
    assert intake.expire(begun + dt.timedelta(hours=25)) == 1
    upload.refresh_from_db()
    assert (upload.state, upload.error_code, upload.reserved_bytes) == ("refused", "EXPIRED", 0)
    assert not held() and not intake.spooled(upload).exists()
    assert intake.expire(begun + dt.timedelta(hours=26)) == 0


def test_a_form_that_broke_off_is_given_back_within_the_hour(ana):
    intake.hold(user=ana, size=10)
    assert intake.expire(clock.now() + dt.timedelta(minutes=61)) == 1 and not held()


def test_what_is_received_does_not_expire(ana):
    intake.completed(make_begun(ana, DATA), sha256=SHA256)
    assert intake.expire(clock.now() + dt.timedelta(days=30)) == 0


def test_what_becomes_whole_while_others_expire_stays(ana, monkeypatch):
    uploads = {make_begun(ana, DATA).pk for _ in range(3)}
    Upload.objects.update(expires_at=clock.now())
    give_up = intake.give_up

    def meanwhile(upload: Upload, *words, **states) -> bool:
        for other in Upload.objects.filter(pk__in=uploads - {upload.pk}, state="receiving"):
            intake.completed(other, sha256=SHA256)
        return give_up(upload, *words, **states)

    monkeypatch.setattr(intake, "give_up", meanwhile)
    assert intake.expire() == 1
    assert sorted(Upload.objects.values_list("state", flat=True)) == ["received", "received", "refused"]
    assert set(Check.objects.values_list("state", flat=True)) == {"due"} and held() == 2 * len(DATA)


def test_what_was_left_at_received_before_there_was_a_queue_is_closed(ana):
    """Within the hour its server may still be at it."""
    upload = intake.completed(make_begun(ana, DATA), sha256=SHA256)
    Check.objects.all().delete()
    assert intake.expire(clock.now() + dt.timedelta(minutes=59)) == 0
    assert intake.expire(clock.now() + dt.timedelta(minutes=61)) == 1
    upload.refresh_from_db()
    assert (upload.state, upload.error_code, held()) == ("refused", "EXPIRED", 0)


def test_what_is_given_up_takes_its_waiting_check_along(ana):
    upload = intake.completed(make_begun(ana, DATA), sha256=SHA256)
    assert intake.give_up(upload, "TERMINATED", "Taken back.")
    assert Check.objects.get().state == "failed" and not intake.spooled(upload).exists()
    assert not intake.give_up(upload, "OTHER", "Again.")
    assert Upload.objects.get().error_code == "TERMINATED"


def test_a_held_form_is_taken_up_or_was_never_there(ana):
    taken = make_begun(ana, way="form", held=intake.hold(user=ana, size=1))
    assert list(Upload.objects.all()) == [taken] and held() == len(DATA)
    idle = intake.hold(user=ana, size=20)
    intake.withdraw(idle)
    intake.withdraw(idle)
    assert list(Upload.objects.all()) == [taken] and held() == len(DATA)


def test_a_held_form_that_turns_out_too_long_leaves_what_was_held_to_its_holder(ana, settings):
    settings.UPLOAD_QUOTA = {**settings.UPLOAD_QUOTA, "free": 50}
    waiting = intake.hold(user=ana, size=20)
    with pytest.raises(Refusal):
        make_begun(ana, held=waiting)
    assert list(Upload.objects.all()) == [waiting] and held() == 20


def test_files_of_what_is_over_are_swept_and_others_are_left(ana, settings, tmp_path):
    settings.SPOOL = tmp_path
    there, over = make_begun(ana, DATA), make_begun(ana, DATA)
    intake.give_up(over, "EXPIRED", "Too late.")
    intake.spooled(over).write_bytes(DATA)
    orphan = intake.spooled(Upload())
    orphan.write_bytes(DATA)
    assert intake.sweep_spool() == 2
    assert intake.spooled(there).exists() and not intake.spooled(over).exists() and not orphan.exists()


# --- Killed at any point --------------------------------------------------------------------------------------------
def test_whoever_dies_while_beginning_holds_nothing_without_a_row(ana):
    for _ in killed_at_every_statement(lambda: make_begun(ana)):
        assert held() == reserved()
    assert held() == reserved() == len(DATA) * Upload.objects.count()


def test_whoever_dies_while_giving_up_gives_back_once(ana):
    upload, kept = make_begun(ana, DATA), make_begun(ana, DATA)
    died = 0
    for number in killed_at_every_statement(lambda: intake.give_up(upload, "EXPIRED", "Too late.")):
        died = number
        assert held() == reserved() == 2 * len(DATA)
    assert died > 3 and held() == kept.reserved_bytes
    assert quota.standing(ana).used == len(DATA) and not intake.spooled(upload).exists()


def test_whoever_dies_while_taking_up_a_held_form_leaves_one_of_both(ana):
    waiting = intake.hold(user=ana, size=20)
    for _ in killed_at_every_statement(lambda: make_begun(ana, held=waiting)):
        assert held() == reserved() == 20
    assert held() == reserved() == len(DATA)


def test_a_replacement_says_which_track(ana):
    track = make_track(ana)
    assert make_begun(ana, replaces=track).replaces == track


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd", "passwd"), ("C:\\Users\\me\\a.mp3", "a.mp3"), ("a\r\nb.mp3", "ab.mp3"), ("", "untitled"),
        ("\u202egpm.mp3", "gpm.mp3"), ("x" * 300, "x" * 255), ("/", "untitled"), ("Ærø.flac", "Ærø.flac"),
    ],
)  # fmt: skip
def test_a_file_name_is_tidied_for_showing(given, kept):
    assert intake.tidy_name(given) == kept


@pytest.mark.parametrize(
    ("declared", "kept"),
    [("audio/mpeg", "audio/mpeg"), ("a\r\nX: y\x00\u202e", "aX: y"), ("x" * 300, "x" * 100), ("", "")],
)
def test_a_declared_type_is_kept_as_it_was_declared(ana, declared, kept):
    assert make_begun(ana, content_type=declared).content_type == kept


@pytest.mark.parametrize("name", ["\u3164.mp3", "\u2800", "\ufe0f.wav", " .flac"])
def test_a_name_of_which_nothing_is_seen_names_no_track(name):
    assert intake.stem(name) == "untitled"
