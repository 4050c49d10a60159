import os
import runpy
import subprocess
import sys
import traceback
from datetime import timedelta

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.db import connection

from config.celery import app as celery_app
from tests.house.reading import ROOT

SYSTEM = {"PATH", "HOME", "LANG", "TMPDIR", "LD_LIBRARY_PATH"}
SECRET = "hunter2-hunter2"


@pytest.fixture
def settings_with(monkeypatch, tmp_path):
    """`settings_with(DEBUG="1")` is what the settings file says in an environment with that and nothing else."""

    def read(**variables: str) -> dict:
        for name in set(os.environ) - SYSTEM:
            monkeypatch.delenv(name)
        for name, value in {"KEEPTRACK_VAR": str(tmp_path), **variables}.items():
            monkeypatch.setenv(name, value)
        monkeypatch.delitem(sys.modules, "config.amounts", raising=False)  # reads the environment too
        return runpy.run_path(str(ROOT / "config" / "settings.py"))

    return read


def test_the_defaults_run(tmp_path):
    """Nothing is set but where to keep things: Django starts and finds nothing wrong."""
    run = subprocess.run(
        [sys.executable, "manage.py", "check", "--fail-level", "WARNING"],
        cwd=ROOT,
        env={name: os.environ[name] for name in SYSTEM & set(os.environ)} | {"KEEPTRACK_VAR": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert run.returncode == 0, run.stderr
    assert (tmp_path / "secret_key").exists()


def test_the_defaults_are_closed(settings_with, tmp_path):
    found = settings_with()
    assert found["DEBUG"] is False
    assert found["ALLOWED_HOSTS"] == ["127.0.0.1", "localhost"]
    assert found["FETCH_ORIGINS"] == ()
    assert found["SECRET_KEY"] == (tmp_path / "secret_key").read_text()
    assert "SECURE_PROXY_SSL_HEADER" not in found
    assert found["REST_FRAMEWORK"]["DEFAULT_PERMISSION_CLASSES"] == ["apps.lib.api.Closed"]


def test_the_default_servers_are_the_embedded_ones_below_var(settings_with, tmp_path):
    found = settings_with()
    assert found["DATABASES"]["default"]["OPTIONS"]["host"] == f"{tmp_path}/run"
    assert found["CACHES"]["default"]["LOCATION"] == f"unix://{tmp_path}/run/valkey.sock"
    assert found["CELERY_BROKER_URL"] == f"redis+socket://{tmp_path}/run/valkey.sock"
    assert found["STORAGES"]["blobs"]["OPTIONS"]["location"] == f"{tmp_path}/blobs"
    assert found["SPOOL"] == tmp_path / "spool"


def test_servers_are_named_by_their_urls(settings_with):
    found = settings_with(
        DATABASE_URL="postgresql://kt:a%2Fb@db.example:5433/tracks",
        REDIS_URL="rediss://:pw@broker.example:6380/2",
        STORAGE_URL="s3://key:secret@s3.example/bucket",
    )
    database = found["DATABASES"]["default"]
    assert [database[part] for part in ("HOST", "PORT", "USER", "PASSWORD", "NAME")] == [
        "db.example", 5433, "kt", "a/b", "tracks",
    ]  # fmt: skip
    assert found["CELERY_BROKER_URL"] == found["CACHES"]["default"]["LOCATION"] == "rediss://:pw@broker.example:6380/2"
    assert found["STORAGES"]["blobs"]["OPTIONS"]["bucket_name"] == "bucket"


def test_a_site_behind_https_keeps_its_cookies_and_visitors_there(settings_with):
    plain, secure = settings_with(), settings_with(SITE_URL="https://keeptrack.example/")
    for name in ("SESSION_COOKIE_SECURE", "CSRF_COOKIE_SECURE"):
        assert (plain[name], secure[name]) == (False, True)
    assert plain["SECURE_HSTS_SECONDS"] == 0 < secure["SECURE_HSTS_SECONDS"]
    assert secure["SITE_URL"] == "https://keeptrack.example"
    assert secure["ALLOWED_HOSTS"][0] == "keeptrack.example"
    assert secure["CSRF_TRUSTED_ORIGINS"] == ["https://keeptrack.example"]


def test_a_proxys_word_is_believed_only_when_there_is_one(settings_with):
    assert settings_with(BEHIND_PROXY="1")["SECURE_PROXY_SSL_HEADER"] == ("HTTP_X_FORWARDED_PROTO", "https")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("DEBUG", "perhaps"),
        ("SITE_URL", "keeptrack.example"),
        ("SECRET_KEY", SECRET),
        ("DATABASE_URL", f"mysql://kt:{SECRET}@db/kt"),
        ("DATABASE_URL", f"postgresql://kt:{SECRET}/x@db/kt"),
        ("REDIS_URL", f"http://:{SECRET}@broker"),
        ("STORAGE_URL", f"ftp://key:{SECRET}@store/bucket"),
        ("STORAGE_URL", f"s3://key:{SECRET}@store"),
        ("EMAIL_URL", f"smtp://kt:{SECRET}@mail:port"),
        ("EMAIL_URL", f"pop3://kt:{SECRET}@mail"),
        ("EMAIL_FROM", "Keeptrack"),
        ("UPLOAD_MAX_BYTES", "50MB"),
        ("ARCHIVE_PARALLEL", "0"),
        ("ARCHIVE_ALARM_DAYS", "-1"),
        ("LEASE_SECONDS", "0"),
        ("SPOOL_RESERVE_BYTES", "much"),
        ("HSTS_SECONDS", "year"),
        ("KEEPTRACK_FETCH_ORIGINS", "127.0.0.1"),
        ("LOG_LEVEL", "LOUD"),
    ],
)
def test_a_wrong_value_stops_the_start_with_its_name_and_without_its_secret(settings_with, name, value):
    with pytest.raises((ImproperlyConfigured, ValueError)) as wrong:
        settings_with(**{name: value})
    said = "".join(traceback.format_exception(wrong.value))
    assert name in str(wrong.value)
    assert SECRET not in said


def test_a_task_ends_before_its_message_is_delivered_again(settings):
    visible_again = settings.CELERY_BROKER_TRANSPORT_OPTIONS["visibility_timeout"]
    assert settings.CELERY_TASK_SOFT_TIME_LIMIT < settings.CELERY_TASK_TIME_LIMIT < visible_again


def test_a_second_place_is_set_by_an_address_and_none_by_default(settings_with, tmp_path):
    assert "copies" not in settings_with()["STORAGES"]
    found = settings_with(COPY_URL="s3://access:secret@copies.example/music")
    assert found["STORAGES"]["copies"]["OPTIONS"]["bucket_name"] == "music"
    assert "https://copies.example" in found["CONTENT_SECURITY_POLICY"]["DIRECTIVES"]["media-src"]
    with pytest.raises(ValueError, match="COPY_URL is wrong"):
        settings_with(COPY_URL=f"file://{tmp_path}/blobs")


def test_every_scheduled_task_exists(settings):
    celery_app.loader.import_default_modules()
    scheduled = {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert scheduled <= set(celery_app.tasks)


@pytest.mark.django_db
def test_the_database_speaks_utc_and_ends_what_takes_too_long():
    with connection.cursor() as cursor:
        said = {}
        for name in ("timezone", "statement_timeout", "idle_in_transaction_session_timeout"):
            cursor.execute(f"SHOW {name}")
            said[name] = cursor.fetchone()[0]
    assert said == {
        "timezone": "UTC",
        "statement_timeout": "30s",
        "idle_in_transaction_session_timeout": "1min",
    }


def test_sessions_live_a_week(settings):
    """S4-09."""
    assert timedelta(seconds=settings.SESSION_COOKIE_AGE) == timedelta(days=7)
