"""The house's rules about allauth's flows; what they are for is tested at the doors, tests/doors/test_sign_in.py and others."""

import datetime as dt

import pytest
import time_machine
from allauth.account.adapter import get_adapter
from allauth.core.context import request_context
from allauth.mfa.utils import decrypt, encrypt
from django.core import mail
from django.utils import timezone

from apps.accounts import lockout
from tests.doors.entrance import DOORS, browser, key_in_letter, pages, signed_in, who
from tests.make import make_user

pytestmark = pytest.mark.django_db


@pytest.fixture
def adapter(rf):
    """As it stands within a request."""
    with request_context(rf.post("/sign-in", REMOTE_ADDR="192.0.2.1")) as _:
        yield get_adapter()


@pytest.mark.parametrize("url", ["/", "/upload", "/?next=//evil.example", "/tracks/1#there", "/a//b"])
def test_a_path_of_the_site_is_safe(adapter, url):
    assert adapter.is_safe_url(url)


@pytest.mark.parametrize("url", ["", "upload", "//evil.example", "/\\evil.example", "https://evil.example", "http:/x",
                                 "http://127.0.0.1/", "http://localhost/", "http://testserver/", "\t//evil.example",
                                 "/\t/evil.example", "javascript:alert(1)"])  # fmt: skip
def test_a_whole_address_is_not(adapter, url):
    assert not adapter.is_safe_url(url)


@pytest.mark.parametrize(("minutes", "words"), [(15, "Wait 15 min"), (119, "Wait 119 min"), (120, "Wait 2 h"),
                                                (24 * 60, "Wait 24 h")])  # fmt: skip
def test_a_lock_out_says_how_long_it_lasts(settings, minutes, words):
    settings.LOCKOUT_FAILURES, settings.LOCKOUT = 1, dt.timedelta(minutes=minutes)
    with time_machine.travel(timezone.now(), tick=False):
        lockout.count(email="ana@example.org", address="192.0.2.1")
        assert words in pages.sign_in(browser(), "ana@example.org").content.decode()


def test_the_secrets_of_a_second_factor_lie_sealed():
    """C-16."""
    assert encrypt("JBSWY3DPEHPK3PXP") != encrypt("JBSWY3DPEHPK3PXP") != "JBSWY3DPEHPK3PXP"
    assert decrypt(encrypt("JBSWY3DPEHPK3PXP")) == "JBSWY3DPEHPK3PXP"


def test_a_change_of_password_in_the_same_browser_keeps_it_and_a_reset_does_not(ana):
    client = signed_in(pages, ana)
    pages.forget(client, ana.email)
    pages.reset(client, key_in_letter())
    assert who(client) is None and not ana.sessions.exists()


def test_a_letter_that_belongs_to_no_request_is_not_counted(ana):
    """Staff's, and a worker's."""
    adapter = get_adapter()
    assert adapter.request is None and adapter._may_send("anything")


@pytest.mark.parametrize("door", DOORS)
def test_a_person_who_signs_up_comes_by_register_like_everybody_else(door):
    door.sign_up(browser(), "new@example.org", profile_username="someone")
    door.verify(browser(), key_in_letter())
    taken = door.sign_up(browser(), "second@example.org", profile_username="SOMEONE")
    assert "This name is taken." in taken.content.decode()
    assert [message.to for message in mail.outbox] == [["new@example.org"]]
    assert make_user("ana").profile.username == "ana"
