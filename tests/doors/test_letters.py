"""What holds for every letter that signing up, signing in and one's account can send."""

import re

import pytest
from allauth.core.context import request_context
from allauth.mfa.totp.internal.auth import format_hotp_value, hotp_value, yield_hotp_counters_from_time
from django.conf import settings
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client, RequestFactory

from apps.accounts.models import User
from tests.make import PASSWORD, make_user

pytestmark = pytest.mark.django_db

NEW = "glass orchard seven"
LINK = re.compile(r'https?://[^\s"<]+')


def last_link() -> str:
    """The path of the first link in the newest letter."""
    return LINK.findall(mail.outbox[-1].body)[0].removeprefix(settings.SITE_URL)


def signed_in(user: User, **headers) -> Client:
    client = Client(**headers)
    client.force_login(user)
    client.post("/account/confirm", {"password": PASSWORD})
    return client


def arrive(**headers) -> None:
    """Sign up, sign up again, forget the password, once with an account and once without."""
    client = Client(**headers)
    client.post("/sign-up", {"email": "new@example.org", "password1": PASSWORD})
    client.post("/sign-up", {"email": "ana@example.org", "password1": PASSWORD})
    client.post("/reset-password", {"email": "nobody@example.org"})
    client.post("/reset-password", {"email": "ana@example.org"})


def choose_password(**headers) -> None:
    """By the letter that came last, then by the form, then for an account without any."""
    client = Client(**headers)
    client.post(client.get(last_link(), follow=True).request["PATH_INFO"], {"password1": NEW, "password2": NEW})
    user = make_user()
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    signed_in(user, **headers).post("/account/password", form)
    user.set_unusable_password()
    user.save()
    client.force_login(user)
    client.post("/account/password/set", {"password1": NEW, "password2": NEW})


def change_address(**headers) -> None:
    """Call one change off and confirm another."""
    client = signed_in(make_user(), **headers)
    for address in ("first@example.net", "second@example.net"):
        client.post("/account/email", {"email": address, "action_add": ""})
        if address.startswith("first"):
            client.post("/account/email", {"email": address, "action_remove": ""})
    client.post(last_link())


def use_second_factor(**headers) -> None:
    client = signed_in(make_user(), **headers)
    secret = client.get("/account/second-factor/on").context["form"].secret
    counter = next(iter(yield_hotp_counters_from_time()))
    client.post("/account/second-factor/on", {"code": format_hotp_value(hotp_value(secret, counter))})
    client.post("/account/second-factor/codes/new")
    client.post("/account/second-factor/off")


_letters: list[EmailMultiAlternatives] = []


@pytest.fixture
def letters(ana, django_capture_on_commit_callbacks) -> list[EmailMultiAlternatives]:
    """Every letter, asked for under a name that the site does not have; sent once."""
    if _letters:
        return _letters
    forged = {"HTTP_HOST": "localhost:666", "HTTP_X_FORWARDED_HOST": "evil.example"}
    # What is sent after a commit is sent here after all requests, and still asks what request it belongs to.
    with request_context(RequestFactory().get("/", **forged)), django_capture_on_commit_callbacks(execute=True):
        for ask in (arrive, choose_password, change_address, use_second_factor):
            ask(**forged)
    _letters.extend(mail.outbox)
    return _letters


def subjects() -> set[str]:
    """Of the letters that lie in the templates, but for the one that staff send from the admin."""
    folders = (settings.ROOT / "templates" / app / "email" for app in ("account", "mfa"))
    return {
        path.read_text().strip()
        for folder in folders
        for path in folder.glob("*_subject.txt")
        if path.stem != "by_staff_subject"
    }


def test_each_letter_is_sent_and_has_words_of_ours(letters):
    assert {letter.subject for letter in letters} == subjects()


def test_every_letter_is_text_and_html_with_the_same_links(letters):
    for letter in letters:
        ((html, kind),) = letter.alternatives
        assert kind == "text/html"
        assert set(LINK.findall(letter.body)) == set(LINK.findall(html)), letter.subject
        assert "{" not in letter.body + html
        assert "&" not in letter.body


def test_links_start_at_the_configured_address_whatever_the_request_calls_it(letters):
    """A forged Host or X-Forwarded-Host must not send anybody's token elsewhere (S4-10)."""
    found = {link for letter in letters for link in LINK.findall(letter.body)}
    assert len(found) > 5
    assert all(link == settings.SITE_URL or link.startswith(f"{settings.SITE_URL}/") for link in found)


def test_a_host_that_is_not_ours_gets_no_letter_sent(ana):
    answer = Client(HTTP_HOST="evil.example").post("/reset-password", {"email": ana.email})
    assert (answer.status_code, mail.outbox) == (400, [])


def test_letters_load_nothing_from_anywhere(letters):
    for letter in letters:
        html = letter.alternatives[0][0]
        assert not re.search(r"<img|<link|<script|<style|\ssrc=|url\(", html)


def test_what_a_browser_calls_itself_is_told_as_text(ana):
    """It comes from whoever sent the request."""
    client = signed_in(ana, HTTP_USER_AGENT="<b>Browser</b> of 1999 " + "x" * 500)
    client.post("/account/password", {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW})
    html = mail.outbox[-1].alternatives[0][0]
    assert "&lt;b&gt;Browser" in html
    assert "x" * 150 not in html
    assert "<b>Browser" in mail.outbox[-1].body
