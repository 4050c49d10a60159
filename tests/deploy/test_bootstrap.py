import errno
import fcntl
import io
import subprocess
import sys
import types
from pathlib import Path

import pytest

from deploy.local import bootstrap
from deploy.local.screen import Screen, Trouble


def make_requirements(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder / f"{next(iter(files))}.txt"


def make_environment(folder: Path, stamped_for: Path | None = None) -> Path:
    """Something that looks like an environment of this Python, with this Python's own packages."""
    (folder / "bin").mkdir(parents=True)
    (folder / "bin" / "python").symlink_to(sys.executable)
    (folder / "pyvenv.cfg").write_text("")
    if stamped_for:
        bootstrap.stamp(folder, stamped_for)
    return folder


def test_an_environment_without_a_stamp_is_not_trusted(tmp_path):
    wanted = make_requirements(tmp_path, dev="one==1\n")
    assert not bootstrap.is_current(make_environment(tmp_path / "venv"), wanted)


def test_the_stamp_holds_until_a_requirement_changes(tmp_path):
    wanted = make_requirements(tmp_path, dev="-r base.txt\none==1\n", base="two==2\n")
    venv = make_environment(tmp_path / "venv", stamped_for=wanted)
    assert bootstrap.is_current(venv, wanted)
    make_requirements(tmp_path, base="two==3\n")
    assert not bootstrap.is_current(venv, wanted)


def test_the_stamp_of_the_test_packages_vouches_for_the_runtime_and_not_the_reverse(tmp_path):
    wanted = make_requirements(tmp_path, dev="-r base.txt\none==1\n", base="two==2\n")
    assert bootstrap.is_current(make_environment(tmp_path / "a", stamped_for=wanted), tmp_path / "base.txt")
    assert not bootstrap.is_current(make_environment(tmp_path / "b", stamped_for=tmp_path / "base.txt"), wanted)


def test_an_installation_that_was_cut_off_is_begun_again(tmp_path):
    venv = make_environment(tmp_path / "venv")
    assert not bootstrap.needs_making(venv)
    (venv / "installing").touch()
    assert bootstrap.needs_making(venv)


def test_an_environment_of_another_python_is_made_anew(tmp_path):
    venv = make_environment(tmp_path / "venv")
    (venv / "bin" / "python").unlink()
    (venv / "bin" / "python").write_text("#!/bin/sh\necho '(3, 9)'\n")
    (venv / "bin" / "python").chmod(0o755)
    assert bootstrap.needs_making(venv)


def test_a_folder_that_is_something_else_is_never_cleared(tmp_path):
    (tmp_path / "thesis.txt").write_text("three years of work")
    with pytest.raises(Trouble, match="not a virtual environment"):
        bootstrap.needs_making(tmp_path)


def test_a_full_disk_is_noticed_before_the_installation(tmp_path):
    with pytest.raises(Trouble) as trouble:
        bootstrap.check_room(tmp_path, needed=10**18)
    assert "KEEPTRACK_VENV" in str(trouble.value)


def test_a_disk_that_fills_up_later_is_a_message_and_no_traceback(monkeypatch, capsys):
    def main(arguments):
        raise OSError(errno.ENOSPC, "No space left on device", "/data/log")

    monkeypatch.setattr(bootstrap, "ensure", lambda *words: None)
    monkeypatch.setenv("KEEPTRACK_VENV", sys.prefix)
    monkeypatch.setitem(sys.modules, "program", types.SimpleNamespace(main=main))
    assert bootstrap.run("program", "requirements.txt", []) == 1
    assert "The disk is full (/data/log)" in capsys.readouterr().out


def test_a_python_without_ensurepip_is_told_the_missing_package(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Trouble, match="ensurepip") as trouble:
        bootstrap.make(tmp_path / "venv", Screen(io.StringIO()))
    assert f"apt install python{sys.version_info[0]}.{sys.version_info[1]}-venv" in str(trouble.value)


def test_a_failed_installation_shows_what_pip_said_and_the_next_one_mends_it(tmp_path, monkeypatch):
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    venv, screen = tmp_path / "venv", Screen(io.StringIO())
    wanted = make_requirements(tmp_path, runtime="./no-such-package.whl\n")
    with pytest.raises(Trouble, match="no-such-package.whl"):
        bootstrap.ensure(venv, wanted, screen)
    assert not bootstrap.is_current(venv, wanted)
    wanted.write_text("")
    bootstrap.ensure(venv, wanted, screen)
    assert bootstrap.is_current(venv, wanted)
    own = "import sys; print(sys.prefix)"
    answer = subprocess.run([bootstrap.python_of(venv), "-c", own], capture_output=True, text=True)
    assert answer.stdout.strip() == str(venv)


def test_two_set_ups_at_once_take_turns(tmp_path, monkeypatch):
    """The second one finds the work done when its turn comes."""
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    wanted, out = make_requirements(tmp_path, runtime="one==1\n"), io.StringIO()
    venv = make_environment(tmp_path / "venv")
    (tmp_path / "var").mkdir()
    real = fcntl.flock

    def flock(lock, how):
        if how & fcntl.LOCK_NB:
            raise BlockingIOError
        bootstrap.stamp(venv, wanted)
        real(lock, how)

    monkeypatch.setattr(bootstrap.fcntl, "flock", flock)
    bootstrap.ensure(venv, wanted, Screen(out))
    assert "waiting for another set-up" in out.getvalue()
