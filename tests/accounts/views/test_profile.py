"""`/account`: the profile as a form, and the picture."""

import io
import re

import pytest

from apps.accounts import avatars, profiles
from apps.accounts.models import Avatar, Profile
from tests.accounts.test_avatars import picture

pytestmark = pytest.mark.django_db

PAGE, PICTURE = "/account", "/account/avatar"


@pytest.fixture
def browser(client, ana):
    client.force_login(ana)
    return client


def facts(**changed) -> dict:
    """What a browser sends of an untouched form, but for what was changed."""
    return {"username": "ana", "timezone": "UTC", "language": "en", "digest": "daily", **changed}


def test_a_saved_profile_is_shown_again(browser):
    sent = browser.post(PAGE, facts(display_name="Ana B.", bio="Loops.", country="PT", timezone="Europe/Lisbon"))
    assert (sent.status_code, sent.url) == (302, PAGE)
    page = browser.get(PAGE).content.decode()
    assert "Your profile is saved." in page and 'value="Ana B."' in page and "Loops." in page
    assert '<option value="PT" selected>Portugal' in page and '<option value="Europe/Lisbon" selected>' in page


def test_each_wrong_field_says_what_is_wrong_and_nothing_is_kept(browser, bob):
    page = browser.post(PAGE, facts(username="BOB", display_name="Kept out", country="XX"))
    shown = page.content.decode()
    assert page.status_code == 400 and "Select a valid choice" in shown
    again = browser.post(PAGE, facts(username="BOB", display_name="Kept out"))
    shown = again.content.decode()
    assert again.status_code == 400
    assert re.search(r'id="id_username_error"[^>]*>\s*<p>This name is taken.', shown)
    assert profiles.of(Profile.objects.get(username="ana").user).display_name == ""


def test_a_changed_username_is_the_page_that_is_linked(browser):
    browser.post(PAGE, facts(username="Ana.B"))
    assert '"/people/Ana.B"' in browser.get(PAGE).content.decode()


def test_a_language_or_zone_that_the_lists_lack_is_not_lost(browser, ana):
    profiles.edit(user=ana, language="zh-Hant-TW", timezone="EST5EDT")
    page = browser.get(PAGE).content.decode()
    assert '<option value="zh-Hant-TW" selected>' in page and '<option value="EST5EDT" selected>' in page
    assert browser.post(PAGE, facts(language="zh-Hant-TW", timezone="EST5EDT")).status_code == 302


def test_a_picture_is_saved_shown_and_removed(browser, ana):
    assert browser.post(PICTURE, {"file": picture()}).url == PAGE
    address = f"/avatars/{avatars.address(ana)}"
    page = browser.get(PAGE).content.decode()
    assert f'src="{address}"' in page and "Your picture is saved." in page
    assert browser.post(PICTURE, {"drop": "1"}).url == PAGE
    assert address not in browser.get(PAGE).content.decode() and not Avatar.objects.exists()


def test_what_is_no_picture_is_said_beside_the_field(browser):
    named = io.BytesIO(b"<svg/>")
    named.name = "me.png"
    for sent, words in (
        ({"file": named}, "This is not a picture that can be used."),
        ({"file": io.BytesIO(b"")}, "The file is empty."),
        ({}, "Choose a file first."),
    ):
        page = browser.post(PICTURE, sent)
        assert page.status_code == 400
        assert re.search(rf'id="id_file_error"[^>]*>\s*<p>{re.escape(words)}', page.content.decode())
    assert not Avatar.objects.exists()


@pytest.mark.parametrize("path", [PAGE, PICTURE])
def test_a_stranger_is_asked_to_sign_in(client, path):
    assert client.post(path).url.startswith("/sign-in?next=")
