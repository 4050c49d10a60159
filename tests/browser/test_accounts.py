"""Signing up and in as a person does it: a real browser, a real server, the letters in between."""

import base64
import hmac
import re
import shutil
import struct
import time

import pytest
from django.conf import settings
from django.core import mail

browsing = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed: see requirements-dev.txt.")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]

FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
         "--disable-component-update", "--disable-sync"]  # fmt: skip
EMAIL, OLD, NEW = "ana@example.org", "glass orchard seven", "paper moon over porto"


class Person:
    """One browser of a person, with what went wrong in it."""

    def __init__(self, context, site: str):
        self.site, self.complaints = site, []
        self.page = context.new_page()
        self.page.set_default_timeout(20_000)
        self.page.on("console", lambda said: said.type == "error" and self.complaints.append(said.text))
        self.page.on("pageerror", lambda error: self.complaints.append(str(error)))

    def open(self, path: str) -> str:
        """The path one ends up at."""
        self.page.goto(self.site + path)
        return self.at

    def send(self, **fields: str) -> str:
        """Fill the form of the page, by its labels, and send it; the path one ends up at."""
        for label, value in fields.items():
            self.page.get_by_label(label.replace("_", " "), exact=True).fill(value)
        return self.press(self.page.locator("main form button").first)

    def press(self, button) -> str:
        """The path that a button or link leads to."""
        with self.page.expect_navigation():
            button.click()
        return self.at

    @property
    def at(self) -> str:
        return self.page.url.removeprefix(self.site)

    @property
    def heading(self) -> str:
        return self.page.locator("h1").inner_text()

    def follow_letter(self) -> None:
        """Open the first link in the newest letter."""
        link = re.search(rf"{settings.SITE_URL}(\S+)", mail.outbox[-1].body)
        self.open(link[1])

    def sign_in(self, password: str) -> str:
        self.open("/sign-in?next=/account/sessions")
        return self.send(**{"E-mail": EMAIL, "Password": password})

    def send_code(self, secret: str) -> str:
        """The code of this moment; when the clock turns between here and the server, the next one."""
        self.send(Code=code(secret))
        if self.page.get_by_text("This code is not right").count():
            self.send(Code=code(secret))
        return self.at


def code(secret: str) -> str:
    """What an authenticator app shows now (RFC 6238: SHA-1, 30 seconds, 6 digits)."""
    digest = hmac.digest(base64.b32decode(secret), struct.pack(">Q", int(time.time()) // 30), "sha1")
    (number,) = struct.unpack_from(">I", digest, digest[-1] & 15)
    return f"{(number & 0x7FFFFFFF) % 10**6:06}"


@pytest.fixture
def browser():
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def person(live_server, browser):
    """`person()` is another browser of the same person."""
    people = []

    def made() -> Person:
        people.append(Person(browser.new_context(), live_server.url))
        return people[-1]

    yield made
    assert [complaint for one in people for complaint in one.complaints] == []


def sign_up(home: Person) -> None:
    home.open("/sign-up?next=/account/sessions")
    assert home.send(**{"E-mail": EMAIL, "Password": OLD, "Username optional": "Ana"}) == "/verify-email"
    home.follow_letter()
    assert home.send() == "/account/sessions"
    assert home.page.get_by_role("navigation", name="Site").get_by_text("Ana", exact=True).is_visible()


def test_a_person_signs_up_loses_a_browser_and_the_password_and_guards_the_account(person):
    """S4-08 to S4-10 and the second factor, through the pages alone."""
    home, away = person(), person()
    sign_up(home)
    end_from_elsewhere(home, away)
    reset_password(home, away)
    use_second_factor(home)


def end_from_elsewhere(home: Person, away: Person) -> None:
    """S4-09: a browser is seen in the list of another one, and ended there."""
    assert away.sign_in(OLD) == "/account/sessions"
    home.open("/account/sessions")
    rows = home.page.locator("main li", has=home.page.get_by_role("button", name="Sign out", exact=True))
    assert rows.count() == 2
    home.press(rows.filter(has_not_text="This browser").get_by_role("button"))
    assert home.open("/account/sessions") == "/account/sessions"
    assert rows.count() == 1
    assert away.open("/account/email") == "/sign-in?next=/account/email"


def reset_password(home: Person, away: Person) -> None:
    """S4-10: the letter's link sets a new password once, and ends every session."""
    away.open("/sign-in")
    away.press(away.page.get_by_role("link", name="Forgot the password?"))
    assert away.send(**{"E-mail": EMAIL}) == "/reset-password/sent"
    letter = mail.outbox[-1]
    away.follow_letter()
    assert away.send(New_password=NEW, The_same_again=NEW) == "/reset-password/done"
    assert home.open("/account/email") == "/sign-in?next=/account/email"
    mail.outbox.append(letter)
    away.follow_letter()
    assert away.heading == "This link does not work any more"
    assert away.sign_in(OLD) == "/sign-in"
    assert away.sign_in(NEW) == "/account/sessions"


def use_second_factor(home: Person) -> None:
    """Switch it on with the code of an app, sign out, and come in with the next one."""
    home.sign_in(NEW)
    home.open("/account/second-factor/on")
    home.send(Password=NEW)
    assert home.page.locator("img.qr").evaluate("picture => picture.naturalWidth") > 0
    secret = home.page.locator(".secret").inner_text()
    assert home.send_code(secret) == "/account/second-factor/codes"
    assert home.page.locator(".codes li").count() == 10
    home.press(home.page.get_by_role("button", name="Sign out"))
    assert home.sign_in(NEW) == "/sign-in/code"
    assert home.open("/account/email") == "/sign-in/code"
    home.send_code(secret)
    assert home.open("/account/email") == "/account/email"
