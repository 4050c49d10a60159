"""Folders that are there after a power cut."""

import os

import pytest

from apps.lib import folders


def test_folders_are_made_for_their_owner_alone(tmp_path):
    folders.make(tmp_path / "a" / "b")
    assert [path.stat().st_mode & 0o777 for path in (tmp_path / "a", tmp_path / "a" / "b")] == [0o700, 0o700]
    folders.make(tmp_path / "a" / "b")


def test_each_is_durably_named_in_its_parent(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda handle: synced.append(os.readlink(f"/proc/self/fd/{handle}")))
    folders.make(tmp_path / "a" / "b")
    assert synced == [str(tmp_path), str(tmp_path / "a")]


def test_what_is_no_folder_is_an_error(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        folders.sync(tmp_path / "file")
