"""`/account/keys`: the page, and the key that is shown once (S4-12)."""

import datetime as dt
import re

import pytest
from django.test import Client
from django.utils import timezone

from apps.accounts import keys
from apps.accounts.models import ApiKey
from tests.make import PASSWORD, make_key

pytestmark = pytest.mark.django_db

PAGE = "/account/keys"
WANTED = {"name": " nightly import ", "scopes": ["read", "upload"], "lifetime": "30"}


@pytest.fixture
def browser(client, ana) -> Client:
    client.force_login(ana)
    return client


@pytest.fixture
def sure(browser) -> Client:
    """A browser whose person has just said the password again."""
    browser.post("/account/confirm", {"password": PASSWORD})
    return browser


def shown(answer) -> list[str]:
    return re.findall(r"kt_[A-Za-z0-9_-]{43}", answer.content.decode())


def test_a_key_is_made_once_the_password_was_said_again(browser, as_):
    """What was filled in is not lost on the way."""
    asked = browser.post(PAGE, WANTED)
    assert asked.status_code == 302 and asked.url.startswith("/account/confirm")
    assert not ApiKey.objects.exists()
    made = browser.post(asked.url, {"password": PASSWORD, "next": PAGE})
    (clear,) = shown(made)
    assert made.status_code == 200 and made["Cache-Control"] == "no-store"
    key = ApiKey.objects.get()
    assert (key.name, key.scopes) == ("nightly import", ["read", "upload"])
    assert dt.timedelta(days=29) < key.expires_at - timezone.now() < dt.timedelta(days=31)
    client = as_(None)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {clear}")
    assert client.get("/api/v1/me").json()["username"] == "ana"


def test_a_wrong_password_makes_no_key(browser):
    asked = browser.post(PAGE, WANTED)
    assert not shown(browser.post(asked.url, {"password": "wrong", "next": PAGE}))
    assert not ApiKey.objects.exists()


def test_a_key_is_shown_once(sure):
    made = sure.post(PAGE, WANTED)
    (clear,) = shown(made)
    assert made["Cache-Control"] == "no-store"
    page = sure.get(PAGE)
    assert not shown(page)
    assert clear[:9] in page.content.decode() and "nightly import" in page.content.decode()


def test_a_key_may_be_made_to_last(sure):
    sure.post(PAGE, {**WANTED, "lifetime": "always"})
    assert ApiKey.objects.get().expires_at is None


@pytest.mark.parametrize("change", [{"name": "  "}, {"name": "x" * 81}, {"scopes": []}, {"scopes": ["root"]},
                                    {"lifetime": "-1"}, {"lifetime": ""}])  # fmt: skip
def test_a_wrong_wish_is_said_on_the_form(sure, change):
    refused = sure.post(PAGE, {**WANTED, **change})
    assert refused.status_code == 400 and 'role="alert"' in refused.content.decode()
    assert not ApiKey.objects.exists()


def test_a_refusal_of_the_rules_is_said_on_the_form(sure, monkeypatch):
    monkeypatch.setattr(keys, "MOST", 0)
    refused = sure.post(PAGE, WANTED)
    assert refused.status_code == 400 and "Revoke one that you no longer use" in refused.content.decode()


def test_the_page_says_what_each_key_may_and_whether_it_works(browser, ana, bob):
    for name, change in {
        "one": {"last_used_at": timezone.now() - dt.timedelta(hours=3)},
        "two": {"expires_at": timezone.now() - dt.timedelta(days=1)},
        "three": {"revoked_at": timezone.now()},
    }.items():
        make_key(ana, "read", "archive")
        ApiKey.objects.filter(name="test").update(name=name, **change)
    make_key(bob)
    page = browser.get(PAGE).content.decode()
    listed = page.partition('class="rows"')[2].partition("</ul>")[0]
    assert listed.count("archive, read") == 3
    for words in ("3\xa0hours ago", ">expired<", ">revoked<"):
        assert words in listed
    assert "test" not in listed
    assert listed.count(">Revoke</button>") == 1


def test_a_key_is_revoked(browser, ana):
    make_key(ana)
    answer = browser.post(f"{PAGE}/{ApiKey.objects.get().pk}/revoke", follow=True)
    assert answer.redirect_chain == [(PAGE, 302)] and "was revoked" in answer.content.decode()
    assert ApiKey.objects.get().revoked_at


def test_somebody_elses_key_is_not_there(browser, boss):
    make_key(boss)
    assert browser.post(f"{PAGE}/{ApiKey.objects.get().pk}/revoke").status_code == 404
    assert ApiKey.objects.get().revoked_at is None


def test_nothing_happens_by_a_get_or_without_the_token(browser, ana):
    make_key(ana)
    path = f"{PAGE}/{ApiKey.objects.get().pk}/revoke"
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ana)
    assert browser.get(path).status_code == 405
    assert strict.post(path).status_code == strict.post(PAGE, WANTED).status_code == 403
    assert ApiKey.objects.get().revoked_at is None


@pytest.mark.parametrize("path", [PAGE, f"{PAGE}/00000000-0000-7000-8000-000000000000/revoke"])
def test_the_anonymous_are_asked_to_sign_in(client, path):
    for answer in (client.get(path), client.post(path)):
        assert answer.status_code == 302 and answer.url.startswith("/sign-in?")
