"""The export: one ZIP that is written while it is sent."""

import hashlib
import io
import json
import zipfile

import pytest

from apps.accounts import avatars, export
from apps.accounts.chapters import CHAPTERS, Chapter, StoredFile
from apps.accounts.export import Export
from apps.catalog import files
from apps.lib import storage
from apps.lib.errors import Conflict
from apps.lib.formats import FORMATS
from tests.accounts.test_avatars import picture
from tests.lib.threads import side_by_side
from tests.make import audio, make_playable

pytestmark = pytest.mark.django_db


def written(user) -> zipfile.ZipFile:
    made = Export(user)
    try:
        return zipfile.ZipFile(io.BytesIO(b"".join(made)))
    finally:
        made.close()


def chapter(opened: zipfile.ZipFile, name: str) -> list[dict]:
    body = json.loads(opened.read(f"{name}.json"))
    assert (body["chapter"], body["schema_version"]) == (name, 1)
    return body["rows"]


@pytest.fixture
def only(monkeypatch):
    """An export of these chapters alone."""

    def chosen(*chapters: Chapter) -> None:
        monkeypatch.setattr(export, "CHAPTERS", list(chapters))

    return chosen


def of_files(*files: StoredFile) -> Chapter:
    return Chapter("things", "some things", lambda user: [], lambda user: files)


def stored(path: str, data: bytes) -> StoredFile:
    return StoredFile(path, lambda: io.BytesIO(data), hashlib.sha256(data).hexdigest())


def test_it_holds_every_chapter_and_the_files_as_they_came(ana):
    track = make_playable(ana)
    files.attach(track=track, role="preview", blob=files.blob_for(storage.put_bytes(b"preview"), FORMATS["mp3"]))
    face = avatars.put(user=ana, content=picture())
    opened = written(ana)
    assert opened.testzip() is None
    assert {f"{each.name}.json" for each in CHAPTERS} | {"README.txt", "errors.json", "avatar.webp"} < set(
        opened.namelist()
    )
    assert opened.read(f"tracks/{track.pk}/original.wav") == audio("wav")
    assert opened.read("avatar.webp") == bytes(face.image)
    assert [name for name in opened.namelist() if name.startswith("tracks/")] == [f"tracks/{track.pk}/original.wav"]
    (row,) = chapter(opened, "tracks")
    assert (row["id"], row["title"]) == (str(track.pk), "Night Train")
    assert {file["role"]: file["path"] for file in row["files"]} == {
        "original": f"tracks/{track.pk}/original.wav", "preview": None
    }  # fmt: skip
    assert chapter(opened, "errors") == []
    assert "ana@example.org" in opened.read("README.txt").decode()


def test_a_person_without_anything_gets_a_whole_export(bob):
    opened = written(bob)
    assert opened.testzip() is None and chapter(opened, "tracks") == []


def test_nothing_of_others_is_in_it(ana, bob):
    make_playable(bob, title="Of Bob")
    opened = written(ana)
    assert not any(b"Of Bob" in opened.read(name) or b"bob@" in opened.read(name) for name in opened.namelist())


def test_a_missing_file_is_a_line_and_not_a_broken_zip(ana):
    lost, kept = make_playable(ana), make_playable(ana, form="mp3")
    storage.remove(lost.file("original").blob.key)
    opened = written(ana)
    assert opened.testzip() is None
    assert chapter(opened, "errors") == [
        {"path": f"tracks/{lost.pk}/original.wav", "code": "STORAGE_FAILED", "message": "It could not be read."}
    ]
    assert opened.read(f"tracks/{kept.pk}/original.mp3") == audio("mp3")


def test_a_damaged_or_broken_off_file_is_a_line_and_the_others_follow(ana, only):
    class Breaking(io.BytesIO):
        def read(self, size=-1):
            if self.tell():
                raise OSError("the store is away")
            return super().read(100)

    damaged = StoredFile("b", lambda: io.BytesIO(b"other"), hashlib.sha256(b"some").hexdigest())
    only(of_files(StoredFile("a", lambda: Breaking(bytes(1000)), "0" * 64), damaged, stored("c", b"whole")))
    opened = written(ana)
    assert opened.testzip() is None
    assert {row["path"]: row["code"] for row in chapter(opened, "errors")} == {
        "a": "IO_ERROR", "b": "CHECKSUM_MISMATCH"
    }  # fmt: skip
    assert opened.read("a") == bytes(100) and opened.read("c") == b"whole"


def test_no_more_than_a_piece_is_in_memory(ana, only):
    rows = ({"number": number, "words": "x" * 1000} for number in range(3000))
    big = bytes(3_000_000)
    only(Chapter("many", "many rows", lambda user: rows), of_files(stored("big", big)))
    made = Export(ana)
    pieces = list(made)
    made.close()
    assert max(map(len, pieces)) < 2 * export.PIECE and len(pieces) > 10
    opened = zipfile.ZipFile(io.BytesIO(b"".join(pieces)))
    assert len(json.loads(opened.read("many.json"))["rows"]) == 3000 and opened.read("big") == big


def test_one_at_a_time_per_person(ana, bob):
    def again(user):
        return side_by_side(lambda: Export(user).close())[0]

    first = Export(ana)
    next(iter(first))
    refused = again(ana)
    assert isinstance(refused, Conflict) and (refused.code, refused.status) == ("EXPORT_RUNNING", 409)
    assert again(bob) is None
    first.close()
    assert again(ana) is None


def test_an_export_that_nobody_reads_to_its_end_is_over_when_it_is_closed(ana):
    for read in (0, 1):
        left = Export(ana)
        for _ in range(read):
            next(iter(left))
        left.close()
        assert side_by_side(lambda: Export(ana).close())[0] is None
