"""One house for every test: real PostgreSQL and cache, a store and a spool of the run's own, quick hashing."""

import itertools
import uuid
from contextlib import suppress

import pytest
from django.conf import settings as django_settings
from django.core.cache import caches
from rest_framework.test import APIClient

from apps.accounts.roles import Role
from apps.lib import folders
from config.celery import app as celery_app
from deploy.demo.provider import Provider
from tests import make

pytest_plugins = ["tests.databases", "tests.servers"]


@pytest.fixture(scope="session", autouse=True)
def house(tmp_path_factory):
    """What a run must not share with anything else on the machine."""
    celery_app.conf.broker_url = "memory://"
    django_settings.SPOOL = tmp_path_factory.mktemp("spool")
    django_settings.STATIC_ROOT = str(tmp_path_factory.mktemp("static"))
    django_settings.SPOOL_RESERVE_BYTES = django_settings.SIGN_IN_TAKES_MS = 0
    django_settings.ARCHIVE_TRIES = 1
    # Between two tests with transactions of their own also the tables are emptied that nobody else may empty.
    django_settings.DATABASES["default"]["OPTIONS"]["options"] += " -c keeptrack.empties=on"
    django_settings.RATE_LIMITS = dict.fromkeys(django_settings.RATE_LIMITS, 0)
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    blobs = tmp_path_factory.mktemp("blobs")
    folders.make(blobs / "blobs" / "sha256")
    django_settings.STORAGES = {
        **django_settings.STORAGES,
        "blobs": {
            "BACKEND": "django.core.files.storage.FileSystemStorage",
            "OPTIONS": {"location": str(blobs)},
        },
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    for name, cache in django_settings.CACHES.items():
        cache["KEY_FUNCTION"] = lambda key, prefix, version: f"{_run}:{_test}:{key}"
        with suppress(AttributeError):  # one that was made while the tests were collected
            del caches[name]


_run, _test, _tests = uuid.uuid4().hex, 0, itertools.count(1)


@pytest.fixture(autouse=True)
def own_cache():
    """What one test has used up of a limit, no other test lacks."""
    global _test
    _test = next(_tests)


@pytest.fixture
def ana(db):
    """Owns the tracks in question."""
    return make.make_user("ana")


@pytest.fixture
def bob(db):
    """Signed in, and a stranger to Ana's rows."""
    return make.make_user("bob")


@pytest.fixture
def mod(db):
    """Moderator."""
    return make.make_user("mod", roles=[Role.MODERATOR])


@pytest.fixture
def boss(db):
    """Admin."""
    return make.make_user("boss", roles=[Role.ADMIN])


@pytest.fixture
def as_():
    """`as_(user)` is an API client signed in as them; `as_(None)` is anonymous."""

    def client(user) -> APIClient:
        made = APIClient()
        if user is not None:
            made.force_login(user)
        return made

    return client


@pytest.fixture
def sure(as_):
    """`sure(user)` is an API client whose person has just said the password."""

    def client(user) -> APIClient:
        made = as_(user)
        assert made.post("/account/confirm", {"password": make.PASSWORD}).status_code == 302
        return made

    return client


@pytest.fixture
def provider(settings):
    """Suno, Mureka and Replicate on loopback, reachable by the allow-list of this test alone."""
    with Provider() as running:
        settings.FETCH_ORIGINS = (running.origin,)
        yield running
