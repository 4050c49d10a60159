"""Where a form brings a file, who may and how much is known before a byte of it is read."""

import datetime as dt

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from apps.lib import clock
from apps.uploads import intake, quota
from apps.uploads.models import Upload
from tests.config.test_limits import Unread
from tests.make import audio, make_key

pytestmark = pytest.mark.django_db

API, PAGE, DESK = "/api/v1/uploads", "/upload", "/admin/uploads/upload/add/"
MEGABYTE = 1024 * 1024


def announce(client, path: str, length: int, **headers):
    """A form of this length of which nothing may be read."""
    return client.post(path, **{"CONTENT_LENGTH": str(length), "wsgi.input": Unread(), **headers})


def a_file(data: bytes | None = None) -> SimpleUploadedFile:
    return SimpleUploadedFile("a.wav", data or audio("wav", 0.3), content_type="audio/wav")


def use_up(user, *, but: int) -> None:
    quota.reserve(user, quota.standing(user).left - but)


@pytest.mark.parametrize("path", [API, PAGE])
def test_what_does_not_fit_is_refused_unread(as_, ana, path):
    use_up(ana, but=3 * MEGABYTE)
    refused = announce(as_(ana), path, 4 * MEGABYTE + 1)
    assert refused.status_code == 413 and not Upload.objects.exists()
    assert quota.standing(ana).left == 3 * MEGABYTE
    if path == API:
        said = refused.json()
        assert (said["code"], said["left"]) == ("QUOTA_EXCEEDED", 3 * MEGABYTE)
        assert dt.datetime.fromisoformat(said["resets_at"]) > clock.now()
    else:
        assert "3.1\xa0MB of 100\xa0MB are left" in refused.content.decode()


@pytest.mark.parametrize("path", [API, PAGE])
def test_a_browser_is_refused_before_its_token_is_looked_for_in_the_form(ana, path):
    use_up(ana, but=0)
    client = Client(enforce_csrf_checks=True)
    client.force_login(ana)
    assert announce(client, path, MEGABYTE).status_code == 413


def test_by_key_as_well_and_without_the_scope_it_is_not_even_counted(as_, ana):
    use_up(ana, but=0)
    client = as_(None)
    for scope, status, code in (("upload", 413, "QUOTA_EXCEEDED"), ("read", 403, "FORBIDDEN")):
        client.credentials(HTTP_AUTHORIZATION=f"Bearer {make_key(ana, scope)}")
        refused = announce(client, API, MEGABYTE)
        assert (refused.status_code, refused.json()["code"]) == (status, code)


def test_strangers_are_sent_away_unread(client, as_, ana):
    assert announce(client, API, MEGABYTE).status_code in (401, 403)
    assert announce(client, PAGE, MEGABYTE)["Location"] == "/sign-in?next=/upload"
    for outsider in (client, as_(ana)):
        assert announce(outsider, DESK, MEGABYTE)["Location"] == f"/admin/login/?next={DESK}"


def test_who_has_too_many_under_way_is_refused_unread(as_, ana, settings):
    settings.UPLOADS_AT_ONCE = 1
    intake.begin(user=ana, way="tus", size=1, file_name="a.wav")
    refused = announce(as_(ana), API, MEGABYTE)
    assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_UPLOADS")


@pytest.mark.parametrize("path", [API, PAGE])
def test_a_file_that_just_fits_comes_in_and_counts_as_long_as_it_is(as_, ana, path):
    data = audio("wav", 0.3)
    use_up(ana, but=len(data))
    assert as_(ana).post(path, {"file": a_file(data)}).status_code in (201, 302)
    assert quota.standing(ana).left == 0 and Upload.objects.get().reserved_bytes == len(data)
    assert as_(ana).post(path, {"file": a_file(data + b"x")}).status_code == 413
    assert Upload.objects.count() == 1


def test_a_form_with_nothing_in_it_holds_nothing_afterwards(as_, ana):
    for path in (API, PAGE):
        assert as_(ana).post(path, {"title": "Evening"}).status_code == 400
    assert not Upload.objects.exists() and quota.standing(ana).used == 0


def test_what_is_said_again_is_answered_again_when_nothing_is_left(as_, ana):
    client, key = as_(ana), {"HTTP_IDEMPOTENCY_KEY": "once"}
    first = client.post(API, {"file": a_file()}, **key)
    use_up(ana, but=0)
    again = client.post(API, {"file": a_file()}, **key)
    assert (again.status_code, again.json()) == (201, first.json()) and again["Idempotent-Replayed"] == "true"


def test_staff_who_curate_bring_the_librarys_files_whatever_is_left(as_, mod):
    use_up(mod, but=0)
    assert as_(mod).post(API, {"file": a_file(), "library": "true"}).status_code == 201
    assert as_(mod).post(API, {"file": a_file()}).status_code == 413
