"""`/notices`, and the digest's own way out."""

import re
import uuid

import pytest
from django.test import Client

from apps.accounts import digests, notices
from apps.accounts.models import Notice, Profile
from apps.accounts.views.notices import SHOWN
from tests.accounts.test_notices import tell

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(client, ana):
    client.force_login(ana)
    return client


def test_the_inbox_shows_ones_own_newest_first_and_looking_marks_nothing(browser, ana, bob):
    """S3-13."""
    tell(ana, message="First of all.", link="/upload")
    tell(ana, subject="two", message="After that.")
    tell(bob, message="For Bob alone.")
    page = browser.get("/notices").content.decode()
    assert page.index("After that.") < page.index("First of all.") and "For Bob" not in page
    assert re.search(r'<a href="/upload" aria-label="Open: First of all."', page)
    assert page.count('class="badge">New') == 2
    assert notices.unread(ana) == 2


def test_an_empty_inbox_says_so(browser):
    assert "Nothing has happened" in browser.get("/notices").content.decode()


def test_what_a_track_is_called_is_no_markup(browser, ana):
    tell(ana, message="“<script>alert(1)</script>” is lost.")
    assert b"<script>alert" not in browser.get("/notices").content


def test_buttons_mark_one_or_all(browser, ana, bob):
    tell(ana)
    tell(ana, subject="two")
    tell(bob)
    first = Notice.objects.filter(user=ana).first()
    assert browser.post(f"/notices/{first.pk}/read").url == "/notices"
    assert notices.unread(ana) == 1
    assert b"1 marked as read." in browser.post("/notices/read", follow=True).content
    assert (notices.unread(ana), notices.unread(bob)) == (0, 1)
    assert b"Mark all as read" not in browser.get("/notices").content


def test_another_persons_notice_is_not_there(browser, bob):
    tell(bob)
    assert browser.post(f"/notices/{Notice.objects.get().pk}/read").status_code == 404
    assert browser.post(f"/notices/{uuid.uuid4()}/read").status_code == 404
    assert notices.unread(bob) == 1


@pytest.mark.parametrize("path", ["/notices/read", f"/notices/{uuid.UUID(int=0)}/read"])
def test_marking_needs_a_post_of_this_site(browser, ana, path):
    assert browser.get(path).status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ana)
    assert strict.post(path).status_code == 403


def test_who_is_not_signed_in_is_asked_to(client):
    for answer in (client.get("/notices"), client.post("/notices/read")):
        assert answer.status_code == 302 and answer.url.startswith("/sign-in?next=")


def test_older_ones_are_on_further_pages(browser, ana):
    row = {"user": ana, "kind": "x", "day": "2024-05-06", "title": "x"}
    Notice.objects.bulk_create([Notice(subject=f"{n}", message=f"Number {n}.", **row) for n in range(SHOWN + 1)])
    first = browser.get("/notices").content.decode()
    older = re.search(r'rel="next" href="(\?before=[^"]+)"', first)[1]
    second = browser.get(f"/notices{older}").content.decode()
    assert "Number 0." not in first and "Number 0." in second and "Number 1." not in second
    assert 'rel="next"' not in second


@pytest.mark.parametrize("before", ["x", "0", "a" * 5000, str(uuid.UUID(int=0))])
def test_a_page_that_is_none_is_no_fault(browser, ana, before):
    tell(ana)
    assert browser.get("/notices", {"before": before}).status_code == 200


def test_the_bell_is_on_every_page_with_its_count(browser, ana):
    assert b"Notices, 0 unread" in browser.get("/").content
    tell(ana)
    assert b"Notices, 1 unread" in browser.get("/").content


def test_a_digest_ends_with_one_click_of_the_mail_program(ana):
    """RFC 8058: a POST without cookies, from anywhere. Looking at the page ends nothing."""
    strict, path = Client(enforce_csrf_checks=True), digests.off_path(ana.profile)
    assert b"Send no digest any more" in strict.get(path).content
    assert Profile.objects.get(user=ana).digest == "daily"
    answer = strict.post(path, "List-Unsubscribe=One-Click", content_type="application/x-www-form-urlencoded")
    assert answer.status_code == 200 and b"gets no digest" in answer.content
    assert Profile.objects.get(user=ana).digest == "off"
    assert b"gets no digest" in strict.get(path).content


def test_a_forged_token_ends_no_digest(client, ana):
    path = digests.off_path(ana.profile)
    for forged in (path[:-2], f"{path}x", "/digest/off/x"):
        assert client.post(forged).status_code == 404
    assert Profile.objects.get(user=ana).digest == "daily"
