"""Folders of the server in the admin: begun from a list of names, watched, stopped and begun again."""

import os
import uuid

import pytest
from django.test import Client

from apps.catalog.models import Track
from apps.uploads import folders, tasks
from apps.uploads.models import FolderImport
from tests.make import audio

pytestmark = pytest.mark.django_db

FOLDERS = "/admin/uploads/folderimport/"


@pytest.fixture
def root(tmp_path, settings):
    """IMPORT_FOLDER with one folder in it: a song and a text."""
    settings.IMPORT_FOLDER = tmp_path / "import"
    (settings.IMPORT_FOLDER / "label").mkdir(parents=True)
    (settings.IMPORT_FOLDER / "label" / "song.mp3").write_bytes(audio("mp3", 0.5))
    (settings.IMPORT_FOLDER / "label" / "<b>notes.mp3").write_bytes(b"words" * 99)
    (settings.IMPORT_FOLDER / "out").symlink_to(tmp_path)
    return settings.IMPORT_FOLDER


@pytest.fixture
def desk(boss) -> Client:
    client = Client()
    client.force_login(boss)
    return client


def test_a_folder_is_begun_a_worker_brings_it_in_and_the_page_tells(desk, root, ana):
    answer = desk.post(f"{FOLDERS}add/", {"folder": "label", "owner": "ANA@example.org", "is_public": "on"})
    row = FolderImport.objects.get()
    assert answer["Location"] == f"{FOLDERS}{row.pk}/change/"
    assert f'data-poll="{FOLDERS}{row.pk}/panel/"' in desk.get(answer["Location"]).content.decode()
    tasks.import_folders()
    shown = desk.get(f"{FOLDERS}{row.pk}/panel/").content.decode()
    assert "2 of 2 files" in shown and "1 imported, 0 there already, 1 refused" in shown and "data-poll" not in shown
    assert "INVALID_FORMAT" in shown and "&lt;b&gt;notes" in shown
    assert (Track.objects.get().owner, Track.objects.get().is_public) == (ana, True)


def test_only_folders_of_that_place_are_offered_and_taken(desk, root, ana):
    (root / ".hidden").mkdir()
    (root / "file").touch()
    shown = desk.get(f"{FOLDERS}add/").content.decode()
    assert ">label<" in shown and not [name for name in ("out", ".hidden", "file") if f">{name}<" in shown]
    for folder in ("out", ".hidden", "file", "..", "/etc", "label/..", ""):
        assert desk.post(f"{FOLDERS}add/", {"folder": folder}).status_code == 400
    assert desk.post(f"{FOLDERS}add/", {"folder": "label", "owner": "nobody@example.org"}).status_code == 400
    assert not FolderImport.objects.exists()


def test_a_folder_whose_name_is_no_text_is_not_offered(desk, root):
    (root / os.fsdecode(b"caf\xe9")).mkdir()
    answer = desk.get(f"{FOLDERS}add/")
    assert answer.status_code == 200 and "caf" not in answer.content.decode()


def test_a_folder_that_becomes_a_link_after_it_was_offered_is_not_taken(desk, root, tmp_path, monkeypatch):
    real = folders.begin

    def swapped(*, path, **facts):
        path.rename(tmp_path / "elsewhere")
        path.symlink_to(tmp_path / "elsewhere")
        return real(path=path, **facts)

    monkeypatch.setattr(folders, "begin", swapped)
    answer = desk.post(f"{FOLDERS}add/", {"folder": "label"})
    assert "no folder" in answer.content.decode() and "elsewhere" not in answer.content.decode()
    assert not FolderImport.objects.exists()


def test_an_empty_place_says_what_to_do(desk, settings, tmp_path):
    settings.IMPORT_FOLDER = tmp_path / "none"
    assert "import_folder" in desk.get(f"{FOLDERS}add/").content.decode()


def test_of_a_folder_that_is_not_there_nothing_is_told(desk):
    assert desk.get(f"{FOLDERS}{uuid.uuid4()}/panel/").status_code == 404


def test_it_is_stopped_and_begun_again(desk, root):
    desk.post(f"{FOLDERS}add/", {"folder": "label"})
    row = FolderImport.objects.get()
    desk.post(f"{FOLDERS}{row.pk}/stop-folder/")
    row.refresh_from_db()
    assert row.state == "stopped" and folders.claim() is None
    desk.post(f"{FOLDERS}{row.pk}/go-on/")
    tasks.import_folders()
    assert set(Track.objects.values_list("kind", flat=True)) == {"library"}


def test_what_comes_in_already_is_not_begun_twice(desk, root):
    desk.post(f"{FOLDERS}add/", {"folder": "label"})
    assert folders.claim()
    assert "comes in at this moment" in desk.post(f"{FOLDERS}add/", {"folder": "label"}).content.decode()
    assert FolderImport.objects.count() == 1


def test_moderators_look_and_do_not_touch(mod, root, boss):
    row = folders.begin(path=root / "label", by=boss)
    client = Client()
    client.force_login(mod)
    assert client.get(f"{FOLDERS}{row.pk}/change/").status_code == 200
    assert client.get(f"{FOLDERS}add/").status_code == client.post(f"{FOLDERS}{row.pk}/stop-folder/").status_code == 403
