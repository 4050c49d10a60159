"""Folders of the server: what is found, what comes in once, what is refused, and what goes on where it was."""

import errno
import os
import tracemalloc
from contextlib import contextmanager
from pathlib import Path

import pytest
from django.conf import settings
from django.db import OperationalError

from apps.catalog.models import Track
from apps.lib import formats, media, storage
from apps.lib.errors import Conflict, Forbidden, NotFound, Refusal
from apps.lib.sandbox import Limits
from apps.uploads import folders
from apps.uploads.models import FolderFile, FolderImport, QuotaDay, Upload
from tests.make import audio, make_user, tagged

pytestmark = pytest.mark.django_db


@pytest.fixture
def shelf(tmp_path) -> Path:
    """Two songs, one of them twice, and a text that pretends."""
    root = tmp_path / "shelf"
    (root / "b-sides").mkdir(parents=True)
    (root / "one.mp3").write_bytes(tagged(audio("mp3", 0.5), TIT2="First Light", TPE1="Ana"))
    (root / "b-sides" / "two.wav").write_bytes(audio("wav", 0.5, seed=2))
    (root / "b-sides" / "two again.wav").write_bytes(audio("wav", 0.5, seed=2))
    (root / "words.mp3").write_bytes(b"no music at all " * 9)
    return root


def come_in(root: Path, boss, owner=None, seconds: float = 600, **facts) -> FolderImport:
    row = folders.claim(row=folders.begin(path=root, by=boss, owner=owner, **facts))
    folders.work(row, seconds=seconds)
    row.refresh_from_db()
    return row


def states(row: FolderImport) -> dict[str, str]:
    return dict(FolderFile.objects.filter(folder=row).values_list("path", "state"))


def test_files_come_in_with_what_their_tags_say(shelf, ana, boss):
    row = come_in(shelf, boss, ana, is_public=True)
    assert states(row) == {
        "one.mp3": "imported", "words.mp3": "refused", "b-sides/two again.wav": "imported", "b-sides/two.wav": "known",
    }  # fmt: skip
    assert set(Track.objects.values_list("title", "artist", "owner", "is_public")) == {
        ("First Light", "Ana", ana.pk, True), ("two again", "", ana.pk, True),
    }  # fmt: skip
    found = folders.counts(row)
    assert (row.state, found.imported, found.known, found.refused, found.waiting) == ("done", 2, 1, 1, 0)


def test_what_is_no_sound_is_refused_with_its_reason_and_makes_no_upload(shelf, ana, boss):
    (shelf / "empty.wav").touch()
    (shelf / "cover.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    row = come_in(shelf, boss, ana)
    refused = dict(FolderFile.objects.filter(folder=row, state="refused").values_list("path", "error_code"))
    assert refused == {"empty.wav": "EMPTY_FILE", "cover.png": "INVALID_FORMAT", "words.mp3": "INVALID_FORMAT"}
    assert Upload.objects.filter(state="refused").count() == 0


def test_what_is_admitted_is_a_setting(shelf, ana, boss, settings):
    settings.UPLOAD_FORMATS = frozenset({"wav"})
    assert folders.foreseen(shelf, "one.mp3", user=ana, library=False)[0] == "refused"
    row = come_in(shelf, boss, ana)
    assert states(row)["one.mp3"] == "refused" and states(row)["b-sides/two again.wav"] == "imported"
    assert not Upload.objects.filter(state="refused").exists()


def test_a_folder_for_the_library_belongs_to_nobody_and_takes_no_quota(shelf, boss):
    come_in(shelf, boss)
    assert set(Track.objects.values_list("kind", "owner")) == {("library", None)}
    assert not QuotaDay.objects.exists()


def test_a_persons_quota_does_not_count_what_staff_bring_in(shelf, ana, boss, settings):
    settings.UPLOAD_QUOTA = {**settings.UPLOAD_QUOTA, "free": 10}
    assert folders.counts(come_in(shelf, boss, ana)).imported == 2
    assert not QuotaDay.objects.exists()


def test_a_second_run_reads_only_what_is_new_or_changed_and_tries_refused_ones_again(shelf, ana, boss, monkeypatch):
    row = come_in(shelf, boss, ana)
    (shelf / "words.mp3").write_bytes(audio("mp3", 0.5, seed=3))
    (shelf / "three.flac").write_bytes(audio("flac", 0.5, seed=4))
    read, real = [], folders.opened
    monkeypatch.setattr(folders, "opened", lambda root, path: read.append(path) or real(root, path))
    again = come_in(shelf, boss, ana)
    assert again.pk == row.pk and sorted(read) == ["three.flac", "words.mp3"]
    assert folders.counts(again).imported == 4 and Track.objects.count() == 4


def test_a_file_that_changed_since_it_came_in_comes_in_anew(shelf, ana, boss):
    come_in(shelf, boss, ana)
    (shelf / "one.mp3").write_bytes(audio("mp3", 0.7, seed=3))
    assert folders.counts(come_in(shelf, boss, ana)).imported == 2
    assert Track.objects.count() == 3


def test_what_goes_while_the_folder_is_listed_stops_nothing(shelf):
    (shelf / "a.wav").touch()
    (shelf / "z").mkdir()
    found = folders.files_in(shelf)
    assert next(found).path == "a.wav"
    (shelf / "one.mp3").unlink()
    (shelf / "z").rmdir()
    rest = {each.path: each.fault for each in found}
    assert rest == {
        "words.mp3": "", "b-sides/two.wav": "", "b-sides/two again.wav": "",
        "z": "This folder cannot be read. Give the server access to it.",
    }  # fmt: skip


def test_work_that_was_cut_off_goes_on_where_it_was(shelf, ana, boss):
    row = come_in(shelf, boss, ana, seconds=0)
    assert (row.state, folders.counts(row).waiting) == ("due", 4)
    assert folders.work(folders.claim(), seconds=600)
    assert Track.objects.count() == 2


def test_a_file_whose_track_is_there_by_its_bytes_is_known(shelf, ana, boss):
    """As after a worker that died between the track and its note of it."""
    row = come_in(shelf, boss, ana)
    FolderFile.objects.all().delete()
    assert folders.counts(come_in(shelf, boss, ana)).known == 3
    assert Track.objects.count() == 2 and FolderImport.objects.get() == row


def test_a_full_store_postpones_the_rest_and_refuses_nothing(shelf, ana, boss, monkeypatch):
    def away(*args, **options):
        raise storage.StorageFailed

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put", away)
        row = come_in(shelf, boss, ana)
    assert (row.state, row.error_code, row.attempts) == ("due", "STORAGE_FAILED", 1)
    assert folders.counts(row).refused == 0 and folders.claim() is None
    assert folders.counts(come_in(shelf, boss, ana)).imported == 2


def test_links_hidden_files_and_pipes_are_passed_over(shelf, tmp_path, boss):
    outside = tmp_path / "outside.mp3"
    outside.write_bytes(audio("mp3", 0.5))
    (shelf / "link.mp3").symlink_to(outside)
    (shelf / "loop").symlink_to(shelf)
    (shelf / ".hidden.mp3").write_bytes(b"x")
    os.mkfifo(shelf / "pipe.mp3")
    assert {found.path for found in folders.files_in(shelf)} == {
        "one.mp3", "words.mp3", "b-sides/two.wav", "b-sides/two again.wav"
    }  # fmt: skip


@contextmanager
def somebody_else():
    """Root may read everything: look as somebody who may not."""
    root = not os.geteuid()
    if root:
        os.seteuid(65534)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.mark.parametrize(("mode", "path"), [(0o000, "closed"), (0o444, "closed/two.mp3")])
def test_a_folder_that_may_not_be_read_is_said_and_the_rest_is_found(tmp_path, monkeypatch, mode, path):
    (tmp_path / "closed").mkdir()
    for name in ("one.mp3", "closed/two.mp3"):
        (tmp_path / name).write_bytes(b"x")
    (tmp_path / "closed").chmod(mode)
    tmp_path.chmod(0o755)
    monkeypatch.chdir(tmp_path)  # what lies above may be closed, too
    try:
        with somebody_else():
            found = {each.path: each.fault for each in folders.files_in(Path())}
    finally:
        (tmp_path / "closed").chmod(0o755)
    assert found == {"one.mp3": "", path: folders.NO_ACCESS}


def test_a_file_from_the_far_future_comes_in_once(tmp_path, ana, boss):
    (tmp_path / "far.mp3").write_bytes(audio("mp3", 0.5))
    os.utime(tmp_path / "far.mp3", ns=(2**63, 2**63))
    come_in(tmp_path, boss, ana)
    assert states(come_in(tmp_path, boss, ana)) == {"far.mp3": "imported"}


def test_a_refused_file_that_went_is_not_told_of_again(shelf, ana, boss):
    (shelf / "folder").touch()
    come_in(shelf, boss, ana)
    (shelf / "words.mp3").unlink()
    (shelf / "one.mp3").unlink()
    (shelf / "folder").unlink()
    (shelf / "folder").mkdir()
    assert states(come_in(shelf, boss, ana)) == {
        "one.mp3": "imported", "b-sides/two again.wav": "imported", "b-sides/two.wav": "known"
    }  # fmt: skip


def test_a_file_on_a_bad_disk_is_refused_and_the_rest_comes_in(shelf, ana, boss, monkeypatch):
    real, bad = formats.sniff, (shelf / "one.mp3").stat().st_ino

    def sniffed(path):
        if path.stat().st_ino == bad:
            raise OSError(errno.EIO, "Input/output error")
        return real(path)

    monkeypatch.setattr(formats, "sniff", sniffed)
    row = come_in(shelf, boss, ana)
    assert (row.state, folders.counts(row).imported) == ("done", 1)
    assert FolderFile.objects.get(path="one.mp3").error_code == "FILE_UNREADABLE"


def test_only_formats_that_are_admitted_are_foreseen_and_taken(shelf, ana, boss, settings):
    settings.UPLOAD_FORMATS = frozenset({"mp3"})
    assert folders.foreseen(shelf, "b-sides/two.wav", user=ana, library=False)[0] == "refused"
    assert folders.counts(come_in(shelf, boss, ana)).imported == 1 and Upload.objects.count() == 1


def test_a_folder_that_became_a_link_shows_nothing_of_where_it_leads(shelf, tmp_path, ana, boss):
    row = folders.begin(path=shelf, by=boss, owner=ana)
    shelf.rename(tmp_path / "elsewhere")
    shelf.symlink_to(tmp_path / "elsewhere")
    folders.work(folders.claim(row=row), seconds=600)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("stopped", "NOT_FOUND") and not states(row)


def test_a_folder_that_becomes_a_link_while_a_file_is_opened_is_not_followed(shelf, tmp_path, monkeypatch):
    real = os.open

    def swapped(path, *words, **options):
        (shelf / "b-sides").rename(tmp_path / "elsewhere")
        (shelf / "b-sides").symlink_to(tmp_path / "elsewhere")
        return real(path, *words, **options)

    monkeypatch.setattr(os, "open", swapped)
    with pytest.raises(Refusal) as refused, folders.opened(shelf.resolve(), "b-sides/two.wav"):
        pass
    assert refused.value.code == "FILE_GONE"


def test_a_database_that_keeps_somebody_waiting_too_long_postpones_the_rest(shelf, ana, boss, monkeypatch):
    def busy(*args, **options):
        raise OperationalError("canceling statement due to lock timeout")

    monkeypatch.setattr(folders, "known", busy)
    row = come_in(shelf, boss, ana)
    assert (row.state, row.error_code, folders.counts(row).refused) == ("due", "IO_ERROR", 0)


def test_a_machine_too_busy_to_read_a_file_foresees_nothing_of_it(shelf, ana, monkeypatch):
    monkeypatch.setattr(media, "CHECK", Limits(wall=0.001))
    with pytest.raises(Refusal) as busy:
        folders.foreseen(shelf, "one.mp3", user=ana, library=False)
    assert busy.value.code == "IO_ERROR"


def test_a_file_that_became_a_link_or_no_file_is_not_read(shelf, tmp_path):
    (shelf / "link.mp3").symlink_to(shelf / "one.mp3")
    (shelf / "out").symlink_to(tmp_path)
    (tmp_path / "secret.mp3").write_bytes(b"x")
    os.mkfifo(shelf / "pipe.mp3")
    for path, code in (
        ("link.mp3", "FILE_UNREADABLE"), ("pipe.mp3", "FILE_UNREADABLE"), ("b-sides", "FILE_UNREADABLE"),
        ("out/secret.mp3", "FILE_GONE"), ("none.mp3", "FILE_GONE"),
    ):  # fmt: skip
        with pytest.raises(Refusal) as refused, folders.opened(shelf.resolve(), path):
            pass
        assert refused.value.code == code


def test_a_name_that_no_row_can_hold_is_refused_by_name(tmp_path, ana, boss):
    (tmp_path / os.fsdecode(b"caf\xe9.mp3")).write_bytes(audio("mp3", 0.5))
    deep = tmp_path / ("k" * 250) / ("y" * 250) / ("z" * 250)
    deep.mkdir(parents=True)
    (deep / "far.mp3").write_bytes(audio("mp3", 0.5))
    (tmp_path / "two\nlines\u202e.mp3").write_bytes(audio("mp3", 0.5))
    row = come_in(tmp_path, boss, ana)
    refused = FolderFile.objects.filter(folder=row, error_code="NAME_UNREADABLE").values_list("path", flat=True)
    assert sorted(path[:8] for path in refused) == [r"caf\xe9.", "kkkkkkkk"]
    assert Track.objects.get().title == "twolines"


def test_only_who_may_begins_and_the_library_needs_a_curator(shelf, ana, mod):
    for by in (ana, mod):
        with pytest.raises(Forbidden):
            folders.begin(path=shelf, by=by, owner=ana)
    with pytest.raises(Refusal, match="in the name of"):
        folders.begin(path=shelf, by=None)
    with pytest.raises(NotFound):
        folders.begin(path=shelf / "none", by=None, owner=ana)
    unwritable = shelf / os.fsdecode(b"caf\xe9")
    unwritable.mkdir()
    with pytest.raises(NotFound):
        folders.begin(path=unwritable, by=None, owner=ana)


def test_one_comes_in_once_at_a_time_and_can_be_stopped(shelf, ana, boss):
    row = folders.claim(row=folders.begin(path=shelf, by=boss, owner=ana))
    with pytest.raises(Conflict):
        folders.begin(path=shelf, by=boss, owner=ana)
    folders.stop(row)
    assert not folders.work(row, seconds=600) and not Track.objects.exists()
    with pytest.raises(Conflict):
        folders.stop(row)
    assert folders.begin(path=shelf, by=boss, owner=ana).state == "due"


def test_a_folder_that_went_stops_and_says_so(shelf, ana, boss):
    begun = folders.begin(path=shelf, by=boss, owner=ana)
    shelf.rename(shelf.with_name("elsewhere"))
    folders.work(folders.claim(row=begun), seconds=600)
    begun.refresh_from_db()
    assert (begun.state, begun.error_code) == ("stopped", "NOT_FOUND") and not FolderFile.objects.exists()


def test_a_folder_that_goes_half_way_stops_and_refuses_no_file(shelf, ana, boss):
    row = come_in(shelf, boss, ana, seconds=0)
    shelf.rename(shelf.with_name("elsewhere"))
    folders.work(folders.claim(), seconds=600)
    row.refresh_from_db()
    assert (row.state, row.error_code) == ("stopped", "NOT_FOUND")
    assert folders.counts(row).refused == 0


def test_who_lost_the_right_to_the_library_brings_nothing_more_into_it(shelf, boss):
    begun = folders.begin(path=shelf, by=boss)
    FolderImport.objects.update(made_by=make_user())
    folders.work(folders.claim(row=begun), seconds=600)
    assert FolderImport.objects.get().state == "stopped" and not Track.objects.exists()


def test_many_files_take_no_more_memory_than_a_batch(tmp_path, ana, boss):
    for number in range(3000):
        (tmp_path / f"{number:05}.mp3").touch()
    begun = folders.claim(row=folders.begin(path=tmp_path, by=boss, owner=ana))
    tracemalloc.start()
    folders.work(begun, seconds=600)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert folders.counts(begun).refused == 3000 and peak < 6_000_000


def test_a_folder_that_kills_its_workers_is_set_apart(shelf, ana, boss):
    row = folders.claim(row=folders.begin(path=shelf, by=boss, owner=ana))
    FolderImport.objects.filter(pk=row.pk).update(crashes=9, lease_until=row.created_at)
    assert folders.claim() is None and folders.give_up_poison() == 1
    assert FolderImport.objects.get().state == "stopped"


def test_a_file_that_goes_during_the_dry_look_is_gone(shelf, ana, monkeypatch):
    real = folders.known

    def last_look(*args, **options):
        (shelf / "one.mp3").unlink()
        return real(*args, **options)

    monkeypatch.setattr(folders, "known", last_look)
    assert folders.foreseen(shelf, "one.mp3", user=ana, library=False)[1].startswith("FILE_GONE")


def test_the_dry_look_says_what_would_come_in(shelf, ana):
    look = {
        found.path: folders.foreseen(shelf, found.path, user=ana, library=False) for found in folders.files_in(shelf)
    }
    assert look["one.mp3"] == ("imported", "First Light — Ana") and look["words.mp3"][0] == "refused"
    assert not Track.objects.exists() and settings.SPOOL
