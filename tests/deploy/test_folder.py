import os
import stat

import pytest

from deploy.local import folder
from deploy.local.screen import Trouble


def test_the_data_folder_is_private(tmp_path):
    place = folder.prepare(tmp_path / "new" / "var")
    assert stat.S_IMODE(place.path.stat().st_mode) == 0o700
    assert stat.S_IMODE(place.run.stat().st_mode) == 0o700
    assert stat.S_IMODE((place.path / "log").stat().st_mode) == 0o700


def test_one_program_holds_a_data_folder_and_the_next_one_learns_who(tmp_path):
    first = folder.hold(tmp_path, "bin/up")
    assert folder.hold(tmp_path, "bin/test") is None
    assert folder.holder(tmp_path) == f"bin/up, process {os.getpid()}"
    first.close()
    with folder.hold(tmp_path, "bin/test"):
        assert folder.holder(tmp_path).startswith("bin/test")


@pytest.mark.parametrize("name", ["d" * 120, "Música nueva, vol 1"])
def test_sockets_of_a_long_or_odd_path_lie_in_a_short_private_folder(tmp_path, name):
    run = folder.prepare(tmp_path / name).run
    assert len(os.fsencode(run / folder.LONGEST_SOCKET)) <= folder.SOCKET_PATH_BYTES
    assert run.name.isascii() and " " not in str(run) and "," not in str(run)
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert folder.prepare(tmp_path / name).run == run
    run.rmdir()


def test_a_socket_folder_that_somebody_else_prepared_is_refused(tmp_path, monkeypatch):
    elsewhere = tmp_path / "theirs"
    elsewhere.mkdir()
    monkeypatch.setattr(folder.tempfile, "gettempdir", lambda: str(tmp_path))
    path = tmp_path / ("d" * 120)
    run = folder.prepare(path).run
    run.rmdir()
    run.symlink_to(elsewhere)
    with pytest.raises(Trouble, match="belongs to somebody else"):
        folder.prepare(path)


def test_a_socket_folder_of_another_user_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(folder.os, "geteuid", lambda: os.getuid() + 1)
    with pytest.raises(Trouble, match="belongs to somebody else"):
        folder.prepare(tmp_path)


def test_a_full_disk_is_a_clear_message(tmp_path):
    with pytest.raises(Trouble) as trouble:
        folder.prepare(tmp_path, room=10**18)
    assert "MB free" in str(trouble.value)
    assert "--data DIR" in str(trouble.value)


def test_a_data_folder_that_cannot_be_made_is_a_clear_message(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(Trouble, match="Cannot write to"):
        folder.prepare(tmp_path / "file" / "var")


def test_a_log_that_has_grown_too_long_is_set_aside(tmp_path):
    place = folder.prepare(tmp_path)
    place.log("web").write_bytes(b"x" * (folder.LOG_BYTES + 1))
    assert not place.log("web").exists()
    assert (tmp_path / "log" / "web.log.1").stat().st_size > folder.LOG_BYTES
