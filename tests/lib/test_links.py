import pytest
import time_machine
from django.core import signing
from django.urls import path

from apps.lib import links, storage
from apps.lib.storage_url import backend_from_url

DATA = bytes(range(256)) * 4
urlpatterns = [path("blobs/<str:token>", links.serve, name="blob")]


# Whoever closes an answer looks after the connections to the database.
pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def key(settings, tmp_path):
    settings.ROOT_URLCONF = __name__
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}/store")}
    storage.begin(lambda: True)
    return storage.put_bytes(DATA).key


def test_a_link_plays_in_place(client, key):
    answer = client.get(links.signed_path(key, 60, content_type="audio/flac"))
    assert (answer.status_code, b"".join(answer)) == (200, DATA)
    assert answer["Content-Type"] == "audio/flac"
    assert "Content-Disposition" not in answer
    assert answer["Cache-Control"] == "private, max-age=0"


def test_a_link_with_a_name_is_saved(client, key):
    answer = client.get(links.signed_path(key, 60, "a song.flac", "audio/flac"))
    assert answer["Content-Disposition"] == 'attachment; filename="a song.flac"'
    answer.close()


def test_a_link_has_ranges(client, key):
    answer = client.get(links.signed_path(key, 60), headers={"Range": "bytes=-4"})
    assert (answer.status_code, b"".join(answer)) == (206, DATA[-4:])


def test_a_link_is_revalidated_by_the_hash(client, key):
    link = links.signed_path(key, 60)
    tag = client.head(link)["ETag"]
    assert tag == f'"{key[-64:]}"'
    assert client.get(link, headers={"If-None-Match": tag}).status_code == 304


def test_a_link_is_only_for_reading(client, key):
    link = links.signed_path(key, 60)
    assert client.head(link).status_code == 200
    assert {client.post(link).status_code, client.delete(link).status_code} == {405}


def test_a_link_ends_on_time(client, key):
    with time_machine.travel("2026-03-01 12:00:00Z", tick=False) as clock:
        link = links.signed_path(key, 60)
        clock.shift(59)
        assert b"".join(client.get(link)) == DATA
        clock.shift(1)
        answer = client.get(link)
    assert (answer.status_code, answer.content) == (410, b"This link has expired. Ask for a new one.")
    assert answer["Cache-Control"] == "no-store"


def test_every_changed_character_is_refused(client, key):
    link = links.signed_path(key, 60)
    for place in range(len("/blobs/"), len(link)):
        changed = link[:place] + ("A" if link[place] != "A" else "B") + link[place + 1 :]
        assert client.get(changed).status_code == 404, place


@pytest.mark.parametrize("token", ["x", "a:b", "a:b:c", "é", ":", "x" * 5000])
def test_what_we_did_not_sign_is_not_found(client, token):
    answer = client.get(f"/blobs/{token}")
    assert (answer.status_code, answer["Content-Type"]) == (404, "text/plain; charset=utf-8")


def test_what_we_signed_for_another_purpose_is_not_found(client, key):
    token = signing.dumps([key, 2**40, None, None], salt="another purpose")
    assert client.get(f"/blobs/{token}").status_code == 404


def test_a_link_to_a_removed_object_is_not_found(client, key):
    link = links.signed_path(key, 60)
    storage.remove(key)
    assert client.get(link).status_code == 404
