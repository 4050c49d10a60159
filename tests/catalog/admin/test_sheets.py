"""Export and import on the track list."""

import csv
import io

import pytest
from django.contrib.admin.helpers import ACTION_CHECKBOX_NAME
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.catalog import changesets
from apps.catalog.models import Changeset, Track
from apps.lib import sheet
from apps.lib.admin import page_of
from tests.make import make_track

pytestmark = pytest.mark.django_db

LIST, IMPORT = "/admin/catalog/track/", "/admin/catalog/track/import/"


@pytest.fixture
def client(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def exported(client, *, tracks=(), across=False, form="csv", query="") -> list[dict[str, str]]:
    chosen = {ACTION_CHECKBOX_NAME: [str(track.pk) for track in tracks], "select_across": "1" if across else "0"}
    answer = client.post(f"{LIST}{query}", {"action": f"export_{form}", "index": "0", **chosen})
    assert answer.status_code == 200 and "attachment" in answer["Content-Disposition"]
    return list(csv.DictReader(io.StringIO(b"".join(answer).decode("utf-8-sig"), newline="")))


def sent(client, content: bytes, name: str = "tracks.csv"):
    return client.post(IMPORT, {"file": SimpleUploadedFile(name, content)})


def test_ticked_rows_or_all_that_the_list_finds_are_exported(ana, client):
    one, other, third = (make_track(ana, title=title, is_public=False) for title in ("Alpha", "Beta", "Alphabet"))
    assert [row["title"] for row in exported(client, tracks=[one, other])] == ["Beta", "Alpha"]
    found = exported(client, tracks=[one], across=True, query="?q=alpha*")
    assert {row["title"] for row in found} <= {"Alpha", "Alphabet"} and found
    assert len(exported(client, tracks=[one], across=True)) == 3


def test_an_xlsx_that_would_be_too_long_is_a_message(ana, client, monkeypatch):
    tracks = [make_track(ana) for _ in range(2)]
    monkeypatch.setattr(sheet, "MOST_IN_XLSX", 1)
    chosen = {ACTION_CHECKBOX_NAME: [str(track.pk) for track in tracks]}
    answer = client.post(LIST, {"action": "export_xlsx", "index": "0", **chosen}, follow=True)
    assert "Take CSV, or choose fewer tracks" in answer.content.decode()


def test_a_table_leads_to_its_preview(ana, client):
    track = make_track(ana, genre="Techno")
    answer = sent(client, f"id;genre\n{track.pk};House\nnobody;x\n".encode())
    changeset = Changeset.objects.get()
    assert (answer.status_code, answer.url, changeset.door) == (302, page_of(changeset), "admin")
    changesets.work(seconds=60)
    page = client.get(answer.url).content.decode()
    assert "tracks.csv" in page and "House" in page and "There is no track with this id" in page
    assert Track.objects.get().genre == "Techno"


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"titel\n", "Nobody knows the column"), (b"", "empty"), (b"id,title\n1,\xff", "Line 2 is not UTF-8")],
)
def test_what_is_no_table_is_said_at_the_field(client, content, said):
    page = sent(client, content)
    assert page.status_code == 200 and said in page.content.decode() and 'role="alert"' in page.content.decode()
    assert not Changeset.objects.exists()


def test_no_file_is_said_too(client):
    assert "required" in client.post(IMPORT, {}).content.decode()


def test_the_page_says_what_an_import_takes(client):
    page = client.get(IMPORT).content.decode()
    assert "release_date" in page and "100,000" in page and 'enctype="multipart/form-data"' in page
    assert IMPORT in client.get(LIST).content.decode()


def test_others_do_not_get_in(ana, as_):
    for person in (None, ana):
        client = as_(person)
        assert client.get(IMPORT).status_code == client.post(IMPORT).status_code == 302


def test_the_token_and_the_permission_are_needed(client, monkeypatch, mod):
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(mod)
    assert sent(strict, b"id,genre\n1,x\n").status_code == 403
    monkeypatch.setattr("apps.accounts.models.User.has_perm", lambda self, name, obj=None: name != "catalog.curate")
    assert sent(client, b"id,genre\n1,x\n").status_code == 403
    assert IMPORT not in client.get(LIST).content.decode()
    assert not Changeset.objects.exists()
