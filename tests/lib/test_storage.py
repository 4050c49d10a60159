import errno
import io
import os
import re
import shutil
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from hashlib import sha256
from pathlib import Path

import httpx
import pytest
import time_machine
from django.core.files.storage import storages
from django.test import Client

from apps.lib import storage, stores
from apps.lib.storage_url import backend_from_url
from tests.servers import object_store  # noqa: F401  (asked for by name)

KEY = storage.key_for("ab" * 32)


@pytest.fixture(params=["folder", pytest.param("bucket", marks=pytest.mark.servers)])
def blobs(request, settings, tmp_path):
    """Each rule is proved on local files and on a real S3 server."""
    folder = request.param == "folder"
    use(settings, f"file://{tmp_path}/store" if folder else request.getfixturevalue("object_store"))
    settings.ROOT_URLCONF = "tests.lib.test_links"
    return request.param


@pytest.fixture
def folder(settings, tmp_path):
    use(settings, f"file://{tmp_path}/store")
    return tmp_path / "store"


@pytest.fixture(autouse=True)
def pauses(monkeypatch):
    """The pauses asked for, in seconds; none is slept."""
    asked = []
    monkeypatch.setattr(storage, "pause", asked.append)
    return asked


def use(settings, url):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(url)}
    storage.begin(lambda: True)


def make_file(folder, size=1000):
    path = folder / "original"
    path.write_bytes(os.urandom(size))
    return path


def bytes_written() -> int:
    """By this process, to files."""
    return int(re.search(r"wchar: (\d+)", Path("/proc/self/io").read_text())[1])


def overwrite(key, data):
    """Change what the store holds, behind its back."""
    if path := storage.local_path(key):
        path.write_bytes(data)
    else:
        backend = storages["blobs"]
        backend.connection.meta.client.put_object(Bucket=backend.bucket_name, Key=key, Body=data)


def held(key):
    with storage.open(key) as stored:
        return stored.read()


def fetch(link, **headers):
    """Status, headers and body of a link: a path of this site, or an URL of the store."""
    if link.startswith("/"):
        answer = Client().get(link, headers=headers)
        return answer.status_code, answer.headers, b"".join(answer)
    answer = httpx.get(link, headers=headers, trust_env=False)
    return answer.status_code, answer.headers, answer.content


def flip_reads(monkeypatch, times):
    """Let the store give back one wrong byte on its next reads."""
    kind, left = type(storage._store()), iter(range(times))
    honest = kind.open

    def flipping(self, key):
        with honest(self, key) as stored:
            data = bytearray(stored.read())
        data[0] ^= next(left, None) is not None
        return io.BytesIO(data)

    monkeypatch.setattr(kind, "open", flipping)


def fail_writes(monkeypatch, times):
    """Let the next writes fail as a broken cable or disk would."""
    kind, left = type(storage._store()), iter(range(times))
    honest = kind.create

    def failing(self, key, source):
        if next(left, None) is not None:
            raise OSError(errno.EIO, "Input/output error")
        return honest(self, key, source)

    monkeypatch.setattr(kind, "create", failing)


# --- Writing ------------------------------------------------------------------------------------------------


def test_a_file_is_stored_under_its_hash(blobs, tmp_path):
    path = make_file(tmp_path)
    digest = sha256(path.read_bytes()).hexdigest()
    stored = storage.put(path, sha256=digest)
    assert stored == storage.Stored(digest, 1000, f"blobs/sha256/{digest[:2]}/{digest}", created=True)
    assert held(stored.key) == path.read_bytes()
    assert storage.exists(stored.key) and storage.size(stored.key) == 1000


def test_the_same_bytes_are_kept_once(blobs, tmp_path):
    path = make_file(tmp_path)
    first, second = storage.put(path), storage.put_bytes(path.read_bytes())
    assert (first.created, second.created) == (True, False)
    assert second.key == first.key


def test_bytes_that_are_here_already_take_as_much_writing_as_new_ones(folder, tmp_path):
    """B7: how long it takes tells nobody what others have stored."""
    path, written = make_file(tmp_path, 3_000_000), []
    for _ in range(2):
        before = bytes_written()
        storage.put(path)
        written.append(bytes_written() - before)
    assert min(written) >= 3_000_000


def test_a_file_that_is_not_the_announced_one_is_refused(blobs, tmp_path):
    path = make_file(tmp_path)
    with pytest.raises(storage.ContentMismatch) as refusal:
        storage.put(path, sha256="0" * 64)
    assert (refusal.value.code, refusal.value.status) == ("CHECKSUM_MISMATCH", 422)
    assert not storage.exists(storage.key_for(sha256(path.read_bytes()).hexdigest()))


def test_nothing_at_all_can_be_stored(blobs):
    stored = storage.put_bytes(b"")
    assert (stored.size, held(stored.key)) == (0, b"")


def test_twenty_megabytes_are_stored_and_copied_back(blobs, tmp_path):
    path = make_file(tmp_path, 20_000_000)
    stored = storage.put(path)
    copy = storage.copy_to(stored.key, tmp_path / "copy", sha256=stored.sha256)
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("damage", [b"", b"shorter", b"x" * 1000, b"longer" * 1000])
def test_a_damaged_object_is_repaired_and_not_trusted(blobs, tmp_path, caplog, damage):
    path = make_file(tmp_path)
    stored = storage.put(path)
    overwrite(stored.key, damage)
    again = storage.put(path)
    assert not again.created
    assert held(stored.key) == path.read_bytes()
    assert "damaged" in caplog.text


def test_one_wrong_byte_on_reading_back_is_written_anew(blobs, tmp_path, monkeypatch, pauses):
    path = make_file(tmp_path)
    flip_reads(monkeypatch, 1)
    stored = storage.put(path)
    assert held(stored.key) == path.read_bytes()
    assert pauses == []


def test_bytes_that_never_read_back_alike_are_not_stored(blobs, tmp_path, monkeypatch, pauses):
    flip_reads(monkeypatch, 1000)
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.put(make_file(tmp_path))
    assert refusal.value.extra == {"details": {"tries": 3, "fault": "read other bytes than were written"}}
    assert pauses == [1.0, 1.0]


def test_a_passing_fault_is_tried_three_times_a_second_apart(blobs, tmp_path, monkeypatch, pauses):
    fail_writes(monkeypatch, 2)
    assert storage.put(make_file(tmp_path)).created
    assert pauses == [1.0, 1.0]


def test_the_third_fault_is_the_last(blobs, tmp_path, monkeypatch, pauses):
    fail_writes(monkeypatch, 3)
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.put(make_file(tmp_path))
    assert (refusal.value.code, refusal.value.status) == ("STORAGE_FAILED", 503)
    assert refusal.value.extra == {"details": {"tries": 3, "fault": "Input/output error"}}
    assert len(pauses) == 2


def test_two_threads_can_store_the_same_bytes_at_once(blobs):
    data, gate = os.urandom(100_000), threading.Barrier(4)

    def store():
        gate.wait(10)
        return storage.put_bytes(data)

    with ThreadPoolExecutor(4) as pool:
        stored = [each.result() for each in [pool.submit(store) for _ in range(4)]]
    created = sum(each.created for each in stored)
    assert created == 1 if blobs == "folder" else created >= 1
    assert held(stored[0].key) == data


# --- Reading ------------------------------------------------------------------------------------------------


def test_an_open_object_can_be_read_from_anywhere(blobs):
    data = os.urandom(1_000_000)
    with storage.open(storage.put_bytes(data).key) as stored:
        assert stored.read(10) == data[:10]
        assert stored.seek(-5, os.SEEK_END) == 999_995
        assert stored.read() == data[-5:]
        stored.seek(600_000)
        assert stored.read(300_000) == data[600_000:900_000]
        assert stored.tell() == 900_000
        stored.seek(0)
        assert stored.read() == data


@pytest.mark.parametrize("read", [storage.open, storage.size], ids=["open", "size"])
def test_what_is_not_there_is_missing(blobs, read):
    assert not storage.exists(KEY)
    with pytest.raises(storage.ObjectMissing):
        read(KEY)


def test_a_damaged_object_is_not_copied(blobs, tmp_path, pauses):
    stored = storage.put_bytes(os.urandom(100))
    overwrite(stored.key, b"x" * 100)
    work = tmp_path / "work"
    work.mkdir()
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.copy_to(stored.key, work / "copy", sha256=stored.sha256)
    assert refusal.value.extra["details"]["fault"] == "read other bytes than were stored"
    assert list(work.iterdir()) == []


def test_a_missing_object_is_not_tried_again(blobs, tmp_path, pauses):
    with pytest.raises(storage.ObjectMissing):
        storage.copy_to(KEY, tmp_path / "copy", sha256="ab" * 32)
    assert pauses == []


def test_removing_twice_is_harmless(blobs):
    key = storage.put_bytes(os.urandom(100)).key
    storage.remove(key)
    storage.remove(key)
    assert not storage.exists(key)


def test_only_local_blobs_have_a_path(blobs):
    stored = storage.put_bytes(b"local or not")
    path = storage.local_path(stored.key)
    assert path.read_bytes() == b"local or not" if blobs == "folder" else path is None


@pytest.mark.parametrize("wrong", ["", "ab", "AB" * 32, "ab" * 32 + "\n", "../" * 20 + "abcd", "ab" * 33, "é" * 64])
def test_a_key_is_made_of_a_hash_and_nothing_else(wrong):
    with pytest.raises(ValueError):
        storage.key_for(wrong)


@pytest.mark.parametrize(
    "key",
    ["../secret", "/etc/passwd", "blobs/sha256/../../secret", KEY + "/..", KEY + "\n", KEY.upper(), "x" + KEY]
    + [KEY.replace("/ab/", "/cd/"), KEY + "\x00", ""],
)
@pytest.mark.parametrize(
    "use_key",
    [storage.open, storage.size, storage.exists, storage.local_path, storage.sign, storage.remove]
    + [lambda key: storage.copy_to(key, Path("never"), sha256="ab" * 32)],
)
def test_no_other_path_is_ever_touched(folder, use_key, key):
    with pytest.raises(ValueError):
        use_key(key)


# --- Links --------------------------------------------------------------------------------------------------


def test_a_signed_link_reads_the_bytes_and_their_ranges(blobs):
    data = os.urandom(5000)
    link = storage.sign(storage.put_bytes(data).key, content_type="audio/mpeg")
    status, headers, body = fetch(link)
    assert (status, headers["Content-Type"], body) == (200, "audio/mpeg", data)
    status, headers, body = fetch(link, Range="bytes=100-199")
    assert (status, headers["Content-Range"], body) == (206, "bytes 100-199/5000", data[100:200])


def test_a_signed_link_can_name_the_file(blobs):
    key = storage.put_bytes(os.urandom(10)).key
    _, headers, _ = fetch(storage.sign(key, filename='Söng "1"\r\nX: y.mp3', content_type="audio/mpeg"))
    assert headers["Content-Disposition"] == "attachment; filename*=utf-8''S%C3%B6ng%20%221%22X%3A%20y.mp3"
    assert "X" not in headers


def test_a_signed_link_never_shows_a_page(blobs):
    key = storage.put_bytes(b"<script>alert(1)</script>").key
    _, headers, _ = fetch(storage.sign(key, content_type="text/html"))
    assert headers["Content-Type"] == "application/octet-stream"
    assert headers["Content-Disposition"] == "attachment"


def test_an_expired_link_is_refused(blobs):
    key = storage.put_bytes(b"private").key
    with time_machine.travel(time.time() - 301):
        link = storage.sign(key)
    status, _, body = fetch(link)
    assert status in (403, 410)
    assert b"private" not in body


def test_a_tampered_link_is_refused(blobs):
    link = storage.sign(storage.put_bytes(b"private").key)
    status, _, body = fetch(link[:-1] + ("1" if link.endswith("0") else "0"))
    assert status in (403, 404)
    assert b"private" not in body


def test_a_link_opens_no_other_object(blobs):
    mine, other = storage.put_bytes(b"mine").key, storage.put_bytes(b"another's").key
    link = storage.sign(mine).replace(mine, other)
    assert b"another's" not in fetch(link)[2]


@pytest.mark.parametrize("seconds", [301, 0, -1])
def test_no_link_lives_longer_than_five_minutes(blobs, seconds):
    with pytest.raises(ValueError):
        storage.sign(KEY, seconds=seconds)


# --- Local files --------------------------------------------------------------------------------------------


def test_local_blobs_are_for_their_owner_only(folder):
    path = storage.local_path(storage.put_bytes(b"private").key)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    for each in path.parents[:4]:
        assert stat.S_IMODE(each.stat().st_mode) == 0o700
    assert path.parents[3] == folder


def test_nothing_half_written_stays_behind(folder, tmp_path):
    path = storage.local_path(storage.put(make_file(tmp_path)).key)
    storage.put(tmp_path / "original")
    assert [each for each in folder.rglob("*") if each.is_file()] == [path]


def test_a_file_system_without_hard_links_will_do(folder, monkeypatch):
    def refuse(*_):
        raise PermissionError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert storage.put_bytes(b"no links here").created
    assert not storage.put_bytes(b"no links here").created


SOUND = sha256(b"sound").hexdigest()


@pytest.mark.parametrize("given", [{"ours": SOUND}, {"sha256": SOUND, "spare": True}], ids=["ours", "spare"])
def test_a_file_that_is_given_becomes_the_object_and_is_synced_before(folder, tmp_path, monkeypatch, given):
    done, replace = [], os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: done.append(os.fstat(handle).st_ino))
    monkeypatch.setattr(os, "replace", lambda *paths: done.append("replace") or replace(*paths))
    path = tmp_path / "ours"
    path.write_bytes(b"sound")
    stored = storage.put(path, **given)
    there = storage.local_path(stored.key)
    assert stored.created and there.samefile(path) and there.stat().st_mode & 0o777 == 0o600
    assert done[-3:] == [path.stat().st_ino, "replace", there.parent.stat().st_ino]
    path.unlink()
    assert there.read_bytes() == b"sound"


def test_a_file_that_the_disk_did_not_take_becomes_no_object(folder, tmp_path, monkeypatch):
    """The kernel says so once: synced again it would look well."""
    path, failures = tmp_path / "ours", [OSError(errno.EIO, "Input/output error")]
    path.write_bytes(b"sound")
    ours, real = path.stat().st_ino, os.fsync

    def fsync(handle) -> None:
        if os.fstat(handle).st_ino == ours and failures:
            raise failures.pop()
        real(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    there = storage.local_path(storage.put(path, ours=sha256(b"sound").hexdigest()).key)
    assert there.read_bytes() == b"sound" and not there.samefile(path)


def test_a_file_of_somebody_else_is_copied(folder, tmp_path):
    path = tmp_path / "theirs"
    path.write_bytes(b"sound")
    assert not storage.local_path(storage.put(path).key).samefile(path)


def test_a_file_of_ours_is_copied_from_another_disk(folder, tmp_path, monkeypatch):
    path, real = tmp_path / "ours", os.link
    path.write_bytes(b"sound")
    monkeypatch.setattr(
        os, "link", lambda a, b: real(a, b) if a != path else (_ for _ in ()).throw(OSError(errno.EXDEV, ""))
    )
    there = storage.local_path(storage.put(path, ours=sha256(b"sound").hexdigest()).key)
    assert there.read_bytes() == b"sound" and not there.samefile(path)


@pytest.mark.parametrize("there", [b"sound", b"noise", b""], ids=["whole", "damaged", "empty"])
def test_a_file_of_ours_takes_the_place_of_what_was_there(folder, tmp_path, monkeypatch, there):
    """As quick as where nothing was (B7), and whole whatever it was; who reads the former object reads on."""
    path = tmp_path / "ours"
    path.write_bytes(b"sound")
    kept = storage.local_path(storage.put(path).key)
    kept.write_bytes(there)
    monkeypatch.setattr(storage, "_holds", lambda *asked: pytest.fail("it was read once more"))
    with kept.open("rb") as former:
        for _ in range(2):  # the second time it is the very file
            stored = storage.put(path, ours=sha256(b"sound").hexdigest())
            assert not stored.created and kept.samefile(path) and kept.read_bytes() == b"sound"
        assert former.read() == there
    assert [each.name for each in kept.parent.iterdir()] == [kept.name]


def test_a_file_of_ours_that_is_not_the_announced_one_gets_no_name(folder, tmp_path):
    path = tmp_path / "ours"
    path.write_bytes(b"sound")
    with pytest.raises(storage.ContentMismatch):
        storage.put(path, sha256="0" * 64, ours=sha256(b"sound").hexdigest())
    assert path.stat().st_nlink == 1


def test_a_spare_file_of_other_bytes_than_were_said_takes_no_place(folder, tmp_path):
    good, path = tmp_path / "good", tmp_path / "spare"
    good.write_bytes(b"sound")
    there = storage.local_path(storage.put(good).key)
    path.write_bytes(b"noise")
    with pytest.raises(storage.ContentMismatch):
        storage.put(path, sha256=SOUND, spare=True)
    assert there.read_bytes() == b"sound" and path.stat().st_nlink == 1
    assert [each.name for each in there.parent.iterdir()] == [there.name]


@pytest.mark.parametrize("ours", ["", sha256(b"sound").hexdigest()], ids=["copied", "linked"])
def test_nothing_is_written_where_the_disk_is_not_mounted(folder, tmp_path, pauses, ours):
    """What lay there would be hidden by the disk, and taken for all of it while the disk is away."""
    folder.rename(tmp_path / "away")
    folder.mkdir()
    path = tmp_path / "ours"
    path.write_bytes(b"sound")
    with pytest.raises(storage.StorageFailed):
        storage.put(path, ours=ours)
    assert not list(folder.iterdir())
    (tmp_path / "away").rename(folder)
    assert storage.put(path, ours=ours).created


def test_a_disk_that_goes_between_the_look_and_the_writing_is_not_made_up(folder, monkeypatch, pauses):
    (folder / "blobs" / "sha256").rmdir()
    monkeypatch.setattr(stores.Folder, "check", lambda self: None)
    with pytest.raises(storage.StorageFailed):
        storage.put_bytes(b"sound")
    assert not list((folder / "blobs").iterdir())


def test_only_a_new_store_is_begun(folder):
    (folder / "blobs" / "sha256").rmdir()
    storage.begin(lambda: False)
    with pytest.raises(storage.StorageFailed):
        storage.check()
    storage.begin(lambda: True)
    storage.check()
    assert stat.S_IMODE((folder / "blobs" / "sha256").stat().st_mode) == 0o700


def test_a_folder_that_cannot_be_written_fails_in_words(folder, pauses):
    shutil.rmtree(folder)
    folder.write_bytes(b"a file where the folder should be")
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.put_bytes(b"data")
    assert str(folder) not in str(refusal.value) + str(refusal.value.extra)


# --- S3 -----------------------------------------------------------------------------------------------------


@pytest.fixture
def bucket(settings, object_store):  # noqa: F811
    use(settings, object_store)
    return object_store


@pytest.mark.servers
def test_the_bucket_is_private(bucket):
    link = storage.sign(storage.put_bytes(b"private").key)
    for unsigned in (link.partition("?")[0], re.sub(r"&X-Amz-Signature=\w+", "", link)):
        answer = httpx.get(unsigned, trust_env=False)
        assert answer.is_client_error
        assert b"private" not in answer.content


@pytest.mark.servers
def test_a_wrong_secret_fails_at_once_and_is_not_told(bucket, settings, pauses):
    use(settings, re.sub(r":[^:@/]+@", ":not-the-secret@", bucket))
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.put_bytes(b"data")
    assert refusal.value.extra["details"] == {"tries": 1, "fault": "403 SignatureDoesNotMatch"}
    assert pauses == []


def test_a_server_that_is_not_there_fails_after_three_tries(settings, pauses):
    use(settings, "s3://access:hidden@127.0.0.1:1/bucket?secure=0")
    with pytest.raises(storage.StorageFailed) as refusal:
        storage.put_bytes(b"data")
    assert refusal.value.extra["details"] == {"tries": 3, "fault": "EndpointConnectionError"}
    assert pauses == [1.0, 1.0]
