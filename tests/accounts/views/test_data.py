"""`/account/data`: taking one's data along, and leaving."""

import io
import zipfile

import pytest

from apps.accounts.models import Session, User
from apps.catalog.models import Track
from tests.make import PASSWORD, audio, make_key, make_playable, make_track

pytestmark = pytest.mark.django_db

PAGE, EXPORT, API = "/account/data", "/account/data/export", "/api/v1/me/export"
WORDS = {"tracks": "remove", "username": "ana", "password": PASSWORD}


@pytest.fixture
def browser(client, ana):
    client.force_login(ana)
    return client


@pytest.fixture
def sure(browser):
    """A browser whose person has just said the password again."""
    browser.post("/account/confirm", {"password": PASSWORD})
    return browser


def opened(answer) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(io.BytesIO(b"".join(answer.streaming_content)))
    finally:
        answer.close()


@pytest.mark.parametrize("path", [EXPORT, API])
def test_whoever_just_said_the_password_gets_everything(sure, ana, path):
    track = make_playable(ana)
    answer = sure.get(path)
    assert (answer.status_code, answer["Content-Type"]) == (200, "application/zip")
    assert answer["Content-Disposition"].startswith('attachment; filename="keeptrack-ana-')
    assert answer["Cache-Control"] == "private, no-store"
    assert opened(answer).read(f"tracks/{track.pk}/original.wav") == audio("wav")


def test_the_page_leads_to_the_password_first_and_then_to_the_download(browser):
    assert f'href="{EXPORT}"' not in browser.get(PAGE).content.decode()
    asked = browser.get(EXPORT)
    assert asked.status_code == 302 and asked.url.startswith("/account/confirm")
    sent = browser.post("/account/confirm?next=/account/data", {"password": PASSWORD, "next": PAGE})
    assert sent.url == PAGE
    assert f'href="{EXPORT}"' in browser.get(PAGE).content.decode()


def test_a_session_alone_does_not_export_by_the_api(browser):
    refused = browser.get(API)
    assert (refused.status_code, refused.json()["code"]) == (403, "CONFIRMATION_NEEDED")


@pytest.mark.parametrize(("scopes", "status"), [(("read", "write", "archive"), 403), (("admin",), 200)])
def test_a_key_exports_only_with_the_scope_admin(client, ana, scopes, status):
    answer = client.get(API, headers={"Authorization": f"Bearer {make_key(ana, *scopes)}", "Accept": "application/zip"})
    assert answer.status_code == status
    assert status == 403 or "profile.json" in opened(answer).namelist()


@pytest.mark.parametrize("path", [PAGE, EXPORT])
def test_a_stranger_is_asked_to_sign_in(client, path):
    assert client.get(path).url.startswith("/sign-in?next=")


def test_who_leaves_is_told_so_and_signed_out(browser, ana):
    make_track(ana)
    left = browser.post(PAGE, WORDS, follow=True)
    assert left.redirect_chain == [("/", 302)] and "Your account is gone." in left.content.decode()
    assert not User.objects.exists() and not Session.objects.filter(user__isnull=False).exists()
    assert "Sign in" in left.content.decode() and Track.objects.get().status == "removed"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"username": "Ana"}, "Type ana to go on."),
        ({"username": ""}, "This field is required."),
        ({"password": "wrong"}, "This is not your password."),
        ({"tracks": "burn"}, "Select a valid choice."),
        ({"tracks": ""}, "Choose what becomes of your tracks."),
    ],
)
def test_a_slip_ends_nothing(browser, changed, words):
    page = browser.post(PAGE, {**WORDS, **changed})
    assert page.status_code == 400 and words in page.content.decode()
    assert PASSWORD not in page.content.decode() and User.objects.exists()


def test_who_may_not_leave_reads_why_instead_of_the_form(client, boss):
    client.force_login(boss)
    page = client.get(PAGE).content.decode()
    assert "Grant the role to somebody else first." in page and "Delete my account" not in page
    refused = client.post(PAGE, {**WORDS, "username": "boss"})
    assert refused.status_code == 400 and User.objects.exists()
