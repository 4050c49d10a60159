import os
import stat
import time

import pytest

from apps.lib import spool


@pytest.fixture(autouse=True)
def root(settings, tmp_path):
    settings.SPOOL = tmp_path / "deep" / "spool"
    return settings.SPOOL


def test_a_workspace_is_empty_private_and_gone_afterwards(root):
    with spool.workspace() as folder:
        assert folder.parent == root
        assert list(folder.iterdir()) == []
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
        (folder / "part").mkdir()
        (folder / "part" / "bytes").write_bytes(b"x")
    assert list(root.iterdir()) == []


def test_a_workspace_is_gone_after_an_error_too(root):
    with pytest.raises(ValueError, match="broken"), spool.workspace() as folder:
        (folder / "bytes").write_bytes(b"x")
        raise ValueError("broken")
    assert list(root.iterdir()) == []


def test_the_spool_is_closed_to_others(root):
    with spool.workspace():
        assert stat.S_IMODE(root.stat().st_mode) == 0o700


def test_two_workspaces_are_two_folders():
    with spool.workspace() as first, spool.workspace() as second:
        assert first != second


def test_no_work_begins_when_the_disk_would_fall_below_its_reserve(settings, root):
    settings.SPOOL_RESERVE_BYTES = 1 << 60
    with pytest.raises(spool.SpoolFull) as refused, spool.workspace():
        pytest.fail("there was no room")
    assert (refused.value.code, refused.value.status) == ("DISK_FULL", 507)
    assert list(root.iterdir()) == []


def test_what_the_work_needs_counts_before_it_is_written(settings, root):
    root.mkdir(parents=True)
    disk = os.statvfs(root)
    settings.SPOOL_RESERVE_BYTES = disk.f_bavail * disk.f_frsize // 2
    spool.check_room()
    spool.check_room(needed=settings.SPOOL_RESERVE_BYTES // 2)
    with pytest.raises(spool.SpoolFull):
        spool.check_room(needed=2 * settings.SPOOL_RESERVE_BYTES)


def test_only_folders_that_jobs_left_behind_are_swept(root):
    root.mkdir(parents=True)
    for name in ("job-old", "job-new", "other"):
        (root / name).mkdir()
        (root / name / "bytes").write_bytes(b"x")
    day_ago = time.time() - spool.ABANDONED_AFTER_S
    os.utime(root / "job-old", (day_ago - 60,) * 2)
    os.utime(root / "job-new", (day_ago + 60,) * 2)
    os.utime(root / "other", (day_ago - 60,) * 2)
    assert spool.sweep() == 1
    assert {path.name for path in root.iterdir()} == {"job-new", "other"}
    assert spool.sweep(now=time.time() + 120) == 1
    assert {path.name for path in root.iterdir()} == {"other"}


def test_a_file_that_a_job_left_behind_is_swept_as_well(root):
    root.mkdir(parents=True)
    (root / "job-old").write_bytes(b"x")
    os.utime(root / "job-old", (time.time() - spool.ABANDONED_AFTER_S - 60,) * 2)
    with spool.file() as working:
        assert spool.sweep() == 1
        assert [str(path) for path in root.iterdir()] == [working.name]
    assert not list(root.iterdir())


def test_a_sweep_spares_the_work_that_is_under_way(root):
    with spool.workspace() as folder:
        assert spool.sweep() == 0
        assert folder.is_dir()


def test_a_file_may_change_while_anybody_has_it_open_for_writing(tmp_path):
    path = tmp_path / "file"
    with path.open("wb"), path.open("rb") as file:
        assert spool.may_change(file)
    with path.open("rb") as file, path.open("rb"):
        assert not spool.may_change(file)
    with path.open("ab"):  # nobody waits for us
        pass


def test_whether_a_name_is_taken_is_seen_by_all_and_takes_it_from_nobody():
    assert not spool.taken("run")
    with spool.alone("run") as first:
        assert first and spool.taken("run")
    assert not spool.taken("run")
    with spool.alone("run") as again:
        assert again
