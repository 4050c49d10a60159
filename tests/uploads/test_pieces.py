"""Pieces on their way into the spool: who may write, what counts, what is read twice."""

import base64
import hashlib
import io
import threading
import time

import pytest
from django.test import TestCase

from apps.lib.errors import Refusal
from apps.lib.incoming import Silent
from apps.uploads import intake, pieces, tus
from apps.uploads.models import Upload
from tests.lib.threads import side_by_side
from tests.make import make_user

pytestmark = pytest.mark.django_db

BYTES = bytes(range(256)) * 4000


class Sent:
    """A body that is there, or that stalls where a `Silent` stands."""

    def __init__(self, *parts: bytes | type[Silent], length: int | None = None):
        self._parts, self.pauses, self.is_broken = list(parts), 0, False
        self.length = sum(len(part) for part in parts if part is not Silent) if length is None else length

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        pass

    def read(self, most: int) -> bytes:
        if not self._parts:
            return b""
        if self._parts[0] is Silent:
            self.pauses += 1
            time.sleep(0.02)
            raise Silent
        data = self._parts.pop(0)
        if rest := data[most:]:
            self._parts.insert(0, rest)
        return data[:most]


def make_upload(size: int = len(BYTES), user=None, **facts) -> Upload:
    return intake.begin(user=user or make_user(), way="tus", size=size, file_name="a.wav", title="A", **facts)


def refusal(act) -> tuple[str, int]:
    with pytest.raises(Refusal) as refused:
        act()
    return refused.value.code, refused.value.status


def test_pieces_make_the_whole():
    upload = make_upload()
    for at in range(0, len(BYTES), 300_000):
        upload = pieces.take(upload, Sent(BYTES[at : at + 300_000]), at=at)
    assert (upload.state, upload.sha256) == ("received", hashlib.sha256(BYTES).hexdigest())


def test_a_process_that_took_a_piece_reads_it_no_more():
    known, upload = pieces.Running(), make_upload()
    known.keep(upload, 4, hashlib.sha256(b"seen"))
    assert known.at(upload, io.BytesIO(b"????more"), 8).digest() == hashlib.sha256(b"seenmore").digest()
    assert known.at(upload, io.BytesIO(b"seenmore"), 8).digest() == hashlib.sha256(b"seenmore").digest()


def test_a_hash_of_more_than_counts_is_begun_anew():
    known, upload = pieces.Running(), make_upload()
    known.keep(upload, 9, hashlib.sha256(b"something"))
    assert known.at(upload, io.BytesIO(b"some"), 4).digest() == hashlib.sha256(b"some").digest()


def test_a_process_forgets_the_oldest():
    known, first, second = pieces.Running(most=1), make_upload(), make_upload()
    known.keep(first, 1, hashlib.sha256(b"a"))
    known.keep(second, 1, hashlib.sha256(b"b"))
    assert known.at(first, io.BytesIO(b"c"), 1).digest() == hashlib.sha256(b"c").digest()
    assert known.at(second, io.BytesIO(b"?"), 1).digest() == hashlib.sha256(b"b").digest()


def test_who_is_silent_is_let_go_and_keeps_what_came(monkeypatch):
    monkeypatch.setattr(pieces, "SILENCE_S", 0.5)
    upload = make_upload()
    body = Sent(BYTES[:500], Silent, length=len(BYTES))
    assert refusal(lambda: pieces.take(upload, body, at=0)) == ("BROKEN_OFF", 408)
    assert body.pauses > 1
    assert Upload.objects.get(pk=upload.pk).received_bytes == 500


def test_how_far_it_is_shows_while_it_comes(monkeypatch):
    monkeypatch.setattr(pieces, "TOLD_EVERY_S", 0)
    seen, upload = [], make_upload()

    class Watched(Sent):
        def read(self, most):
            seen.append(Upload.objects.get(pk=upload.pk).received_bytes)
            return super().read(most)

    pieces.take(upload, Watched(*[BYTES[at : at + 16_000] for at in range(0, len(BYTES), 16_000)]), at=0)
    assert seen == list(range(0, len(BYTES), 16_000))


def test_a_row_never_says_that_all_is_there_before_it_is_received(monkeypatch):
    """Else nobody would send the last piece again when the server died with it."""
    upload = make_upload()
    monkeypatch.setattr(intake, "completed", lambda *_, **__: (_ for _ in ()).throw(Refusal("BUSY", "", status=409)))
    assert refusal(lambda: pieces.take(upload, Sent(BYTES), at=0)) == ("BUSY", 409)
    upload.refresh_from_db()
    assert (upload.state, pieces.reached(upload) < len(BYTES)) == ("receiving", True)
    monkeypatch.undo()
    at = pieces.reached(upload)
    assert pieces.take(upload, Sent(BYTES[at:]), at=at).sha256 == hashlib.sha256(BYTES).hexdigest()


def test_chunks_that_say_no_length_end_where_the_file_does():
    upload, body = make_upload(), Sent(BYTES, b"more")
    body.length = None
    assert refusal(lambda: pieces.take(upload, body, at=0)) == ("TOO_LARGE", 413)
    upload.refresh_from_db()
    assert upload.state == "receiving"
    body = Sent(BYTES)
    body.length = None
    assert pieces.take(upload, body, at=pieces.reached(upload)).state == "received"


@pytest.mark.parametrize("why", ["broken", "slow"])
def test_chunks_that_break_off_count_as_far_as_they_came_and_say_so(monkeypatch, why):
    upload, body = make_upload(), Sent(BYTES[:500], *[Silent] * 100 * (why == "slow"))
    body.length, body.is_broken = None, why == "broken"
    monkeypatch.setattr(pieces, "SILENCE_S", 0.05 if why == "slow" else 20)
    assert refusal(lambda: pieces.take(upload, body, at=0)) == ("BROKEN_OFF", 408)
    assert Upload.objects.get(pk=upload.pk).received_bytes == 500


def test_chunks_that_break_behind_the_last_byte_are_whole():
    upload, body = make_upload(), Sent(BYTES)
    body.length, body.is_broken = None, True
    assert pieces.take(upload, body, at=0).state == "received"


def test_an_upload_that_is_ended_meanwhile_takes_no_more(monkeypatch):
    monkeypatch.setattr(pieces, "TOLD_EVERY_S", 0)
    upload = make_upload()

    class Ended(Sent):
        def read(self, most):
            intake.give_up(Upload.objects.get(pk=upload.pk), "EXPIRED", "Over.")
            return super().read(most)

    assert refusal(lambda: pieces.take(upload, Ended(BYTES[:500_000]), at=0)) == ("EXPIRED", 410)
    upload.refresh_from_db()
    assert (upload.state, upload.error_code) == ("refused", "EXPIRED")


@pytest.mark.parametrize(
    ("meanwhile", "said"),
    [
        (lambda upload: intake.give_up(upload, "EXPIRED", "Over."), ("EXPIRED", 410)),
        (lambda upload: intake.spooled(upload).unlink(missing_ok=True), ("OFFSET_CONFLICT", 409)),
    ],
)
def test_what_ends_or_is_lost_before_the_last_byte_is_told(meanwhile, said):
    upload = make_upload()

    class Last(Sent):
        def read(self, most):
            if len(self._parts) == 1:
                meanwhile(Upload.objects.get(pk=upload.pk))
            return super().read(most)

    with TestCase.captureOnCommitCallbacks(execute=True):
        assert refusal(lambda: pieces.take(upload, Last(BYTES[:9000], BYTES[9000:]), at=0)) == said


def test_what_was_lost_does_not_count_again_before_its_checksum_does():
    """The row remembers more than the file has; a server that dies now leaves bytes that nobody vouched for."""
    upload = make_upload()
    pieces.take(upload, Sent(BYTES[:5000]), at=0)
    intake.spooled(upload).unlink()

    class Killed(Sent):
        def read(self, most):
            if not self._parts:
                raise KeyboardInterrupt
            return super().read(most)

    owed = tus.checksum("md5 " + base64.b64encode(bytes(16)).decode())
    with pytest.raises(KeyboardInterrupt):
        pieces.take(upload, Killed(BYTES[:3000], length=5000), at=0, checksum=owed)
    upload.refresh_from_db()
    assert (intake.spooled(upload).stat().st_size, pieces.reached(upload)) == (3000, 0)


def test_a_disk_that_fills_up_keeps_what_it_took(monkeypatch):
    upload = make_upload()

    class Full(pieces.FileIO):
        def write(self, data):
            if self.tell() + len(data) > 600_000:
                super().write(data[:100])
                raise OSError(28, "No space left on device")
            return super().write(data)

    monkeypatch.setattr(pieces, "FileIO", Full)
    assert refusal(lambda: pieces.take(upload, Sent(BYTES), at=0)) == ("DISK_FULL", 507)
    monkeypatch.undo()
    upload.refresh_from_db()
    at = pieces.reached(upload)
    assert 100_000 < at < 600_000
    assert pieces.take(upload, Sent(BYTES[at:]), at=at).sha256 == hashlib.sha256(BYTES).hexdigest()


@pytest.mark.django_db(transaction=True)
def test_whoever_comes_later_gets_the_upload(monkeypatch):
    """The first connection may be dead without its server knowing."""
    monkeypatch.setattr(pieces, "TOLD_EVERY_S", 0.05)
    upload, waits = make_upload(), threading.Event()

    class Stalling(Sent):
        def read(self, most):
            waits.set()
            return super().read(most)

    def first():
        pieces.take(Upload.objects.get(pk=upload.pk), Stalling(BYTES[:700], Silent, length=len(BYTES)), at=0)

    def second():
        waits.wait(10)
        mine = Upload.objects.get(pk=upload.pk)
        with pieces.alone(mine):
            at = pieces.reached(mine)
        return at, pieces.take(mine, Sent(BYTES[at:]), at=at).sha256

    lost, won = side_by_side(first, second)
    assert (lost.code, lost.status) == ("LOCKED", 423)
    assert won == (700, hashlib.sha256(BYTES).hexdigest())


@pytest.mark.django_db(transaction=True)
def test_who_does_not_let_go_is_not_written_over(monkeypatch):
    monkeypatch.setattr(pieces, "PATIENCE_S", 0.2)
    upload, begun, over = make_upload(), threading.Event(), threading.Event()

    def stuck():
        with pieces.alone(Upload.objects.get(pk=upload.pk)):
            begun.set()
            over.wait(10)

    def other():
        begun.wait(10)
        try:
            pieces.take(Upload.objects.get(pk=upload.pk), Sent(BYTES), at=0)
        finally:
            over.set()

    _, refused = side_by_side(stuck, other)
    assert (refused.code, refused.status) == ("LOCKED", 423)
