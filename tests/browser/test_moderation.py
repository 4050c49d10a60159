"""A moderator settles the whole queue of reports by keyboard."""

import pytest

from apps.social import moderation
from apps.social.models import Decision, Post
from tests.browser.test_accounts import CHROMIUM, FLAGS, Person, browsing
from tests.lib.threads import side_by_side
from tests.make import PASSWORD, make_post

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(CHROMIUM is None, reason="No Chromium on the PATH."),
]


@pytest.fixture
def desk(live_server, ana, bob, mod):
    """The moderator's browser on the list of three reports."""
    for words in ("Amber", "Birch", "Cedar"):
        moderation.report(said=make_post(ana, words), by=bob, reason="spam")
    with browsing.sync_playwright() as running:
        started = running.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        person = Person(started.new_context(), live_server.url)
        person.open("/sign-in?next=/admin/social/report/")
        person.send(**{"E-mail": mod.email, "Password": PASSWORD})
        yield person
        started.close()
    assert person.complaints == []


def decided() -> list[tuple]:
    return side_by_side(lambda: list(Decision.objects.order_by("pk").values_list("post__content", "did", "reason")))[0]


def test_reports_are_opened_and_settled_without_a_pointer(desk):
    page, press = desk.page, desk.page.keyboard.press
    box = page.locator("#decide-reason")
    press("j")
    press("j")
    press("k")
    press("Enter")
    page.wait_for_selector("text=3 waiting")
    press("h")  # without a reason the browser asks for one
    assert page.evaluate("document.activeElement.name") == "reason" and decided() == []
    press("Escape")
    press("1")
    assert box.input_value() == "Spam"
    press("h")
    page.wait_for_selector("text=2 waiting")
    press("r")
    page.keyboard.type("hdn 1")
    press("Escape")
    assert box.input_value() == "hdn 1"
    press("d")
    page.wait_for_selector("text=1 waiting")
    press("5")
    press("d")
    page.wait_for_selector("text=Nothing more is waiting")
    assert decided() == [
        ("Cedar", "hid", "Spam"),
        ("Birch", "dismissed", "hdn 1"),
        ("Amber", "dismissed", "Within the rules"),
    ]
    hidden = side_by_side(lambda: list(Post.objects.filter(status="hidden").values_list("content", flat=True)))[0]
    assert hidden == ["Cedar"]
