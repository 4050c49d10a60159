"""`manage.py import_folder`."""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.catalog.models import Track
from apps.lib import storage
from apps.uploads import folders
from apps.uploads.models import FolderFile, FolderImport, Upload
from tests.uploads.test_folders import shelf  # noqa: F401

pytestmark = pytest.mark.django_db


def said(*words: str) -> str:
    out = io.StringIO()
    call_command("import_folder", *map(str, words), stdout=out)
    return out.getvalue()


def test_it_brings_a_folder_in_and_reports_what_was_refused(shelf, ana):  # noqa: F811
    text = said(shelf, "--owner", ana.email, "--public")
    assert "2 imported, 1 there already, 1 refused, 0 left" in text
    assert "refused   words.mp3: INVALID_FORMAT: Invalid audio format. Supported: MP3, WAV, FLAC" in text
    assert Track.objects.filter(owner=ana, is_public=True).count() == 2
    assert "2 imported, 1 there already" in said(shelf, "--owner", ana.email) and Track.objects.count() == 2


def test_the_library_needs_somebody_in_whose_name_it_is_done(shelf, boss, ana):  # noqa: F811
    with pytest.raises(CommandError, match="--by"):
        said(shelf, "--library")
    with pytest.raises(CommandError, match="may bring in folders"):
        said(shelf, "--library", "--by", ana.email)
    assert "2 imported" in said(shelf, "--library", "--by", boss.email)
    assert set(Track.objects.values_list("kind", flat=True)) == {"library"}


def test_a_dry_run_says_what_would_come_in_and_changes_nothing(shelf, ana):  # noqa: F811
    text = said(shelf, "--owner", ana.email, "--dry-run")
    assert "imported  one.mp3: First Light — Ana" in text
    assert "3 would be imported, 0 are there already, 1 would be refused" in text
    assert not (Track.objects.exists() or Upload.objects.exists() or FolderImport.objects.exists())


def test_a_store_that_is_away_ends_it_with_words_and_the_next_run_goes_on(shelf, ana, monkeypatch):  # noqa: F811
    def away(*args, **options):
        raise storage.StorageFailed

    with monkeypatch.context() as patch:
        patch.setattr(storage, "put", away)
        with pytest.raises(CommandError, match="Run this again to go on"):
            said(shelf, "--owner", ana.email)
    assert "2 imported" in said(shelf, "--owner", ana.email)


def test_interrupted_it_stops_and_goes_on_the_next_time(shelf, ana, monkeypatch):  # noqa: F811
    def interrupted(*args, **options):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(folders, "_bring", interrupted)
        with pytest.raises(CommandError, match="Stopped"):
            said(shelf, "--owner", ana.email)
    assert FolderImport.objects.get().state == "stopped"
    assert "2 imported" in said(shelf, "--owner", ana.email)


def test_who_is_nobody_and_what_is_no_folder_are_said(shelf, ana):  # noqa: F811
    with pytest.raises(CommandError, match="no account"):
        said(shelf, "--owner", "nobody@example.org")
    for options in ((), ("--dry-run",)):
        with pytest.raises(CommandError, match="no folder"):
            said(shelf / "none", "--owner", ana.email, *options)


def test_names_of_files_move_no_terminal(tmp_path, ana):
    (tmp_path / "\x1b[2J\u202eevil.mp3").write_bytes(b"none")
    text = said(tmp_path, "--owner", ana.email)
    assert "evil.mp3" in text and not {"\x1b", "\u202e"} & set(text)
    assert FolderFile.objects.get().path == "\x1b[2J\u202eevil.mp3"
