import socket

import pytest
from django.db import connection
from django.test import Client

from apps.lib import storage
from apps.lib.storage_url import backend_from_url
from tests.make import make_playable


@pytest.fixture
def closed_port() -> int:
    """A port nobody listens on: it was free a moment ago."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


@pytest.fixture(autouse=True)
def spool(settings, tmp_path):
    settings.SPOOL = tmp_path / "spool"
    return settings.SPOOL


def ready() -> tuple[int, dict]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()


def missing(said: dict) -> set[str]:
    return {name for name, state in said.items() if name != "status" and state != "ok"}


def test_a_living_process_says_so_whatever_else_is_away(settings, closed_port):
    """Without a database, a broker or a sign-in: a restart would mend none of them."""
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{closed_port}"}}
    answer = Client().get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.django_db
@pytest.mark.parametrize("page", ["/healthz", "/readyz"])
def test_health_is_read_only_and_never_cached(page):
    assert Client().head(page).status_code == 200
    assert Client().post(page).status_code == 405
    assert "no-store" in Client().get(page)["Cache-Control"]


@pytest.mark.django_db
def test_ready_when_every_part_answers():
    assert ready() == (200, {"status": "ok", "database": "ok", "broker": "ok", "storage": "ok"})


@pytest.mark.django_db
def test_not_ready_without_the_broker(settings, closed_port):
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": f"redis://127.0.0.1:{closed_port}"}}
    status, said = ready()
    assert (status, said["status"], missing(said)) == (503, "unavailable", {"broker"})


@pytest.mark.django_db(transaction=True)
def test_not_ready_without_the_database(monkeypatch, closed_port):
    connection.close()
    with monkeypatch.context() as away:
        away.setitem(connection.settings_dict, "HOST", "127.0.0.1")
        away.setitem(connection.settings_dict, "PORT", str(closed_port))
        status, said = ready()
    connection.close()
    assert (status, missing(said)) == (503, {"database"})


@pytest.mark.django_db
def test_not_ready_without_the_store(settings, closed_port, monkeypatch):
    monkeypatch.setattr(storage, "pause", lambda seconds: None)
    url = f"s3://key:secret-of-the-store@127.0.0.1:{closed_port}/bucket?secure=0"
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(url)}
    status, said = ready()
    assert (status, missing(said)) == (503, {"storage"})


@pytest.mark.django_db
def test_not_ready_while_the_disk_of_the_files_is_not_mounted(settings, tmp_path, ana):
    settings.STORAGES = {**settings.STORAGES, "blobs": backend_from_url(f"file://{tmp_path}/new")}
    assert ready()[0] == 200, "nothing was ever stored"
    make_playable(ana)
    (tmp_path / "new").rename(tmp_path / "away")
    (tmp_path / "new").mkdir()
    assert missing(ready()[1]) == {"storage"} and not list((tmp_path / "new").iterdir())


@pytest.mark.django_db
def test_not_ready_without_a_spool_to_work_in(spool):
    spool.write_text("a file is in the way")
    status, said = ready()
    assert (status, missing(said)) == (503, {"storage"})


@pytest.mark.django_db
def test_what_is_wrong_is_named_and_not_explained_to_strangers(settings, closed_port):
    settings.CACHES = {
        "default": {**settings.CACHES["default"], "LOCATION": f"redis://:secret-word@127.0.0.1:{closed_port}"}
    }
    said = Client().get("/readyz").content.decode()
    assert "broker" in said
    assert "secret-word" not in said and str(closed_port) not in said and "127.0.0.1" not in said
