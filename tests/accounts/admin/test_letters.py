"""Letters and notices: what became of them, and never what a letter says."""

import pytest
from django.core.mail import EmailMessage

from apps.accounts import letters, notices
from apps.accounts.models import Letter, Notice
from apps.lib.admin import page_of
from tests.accounts.admin.desk import button_of, history, listed, press

pytestmark = pytest.mark.django_db

LETTERS, NOTICES = "/admin/accounts/letter/", "/admin/accounts/notice/"
TOKEN = "a-token-that-nobody-else-may-read"


def make_letter(state: str = "queued", to: str = "ana@example.org") -> Letter:
    (row,) = letters.queue(EmailMessage("Confirm your address", TOKEN, to=[to]))
    if state == "failed":
        Letter.machine.move(row, "failed", error_code="RECIPIENT_REFUSED", error_message="550 no such mailbox")
    return row


def stored(row: Letter) -> Letter:
    return Letter.objects.get(pk=row.pk)


def test_a_letter_says_what_became_of_it_and_never_what_is_in_it(desk, ana):
    row = make_letter("failed")
    for path in (LETTERS, page_of(row), page_of(ana)):
        content = desk.get(path).content.decode()
        assert "Confirm your address" in content
        assert "550 no such mailbox" in content
        assert TOKEN not in content
        assert bytes(stored(row).sealed).decode() not in content


def test_a_letter_that_was_given_up_is_sent_again(desk):
    row = make_letter("failed")
    assert press(desk, row, "send_again") == ["It is on its way again."]
    assert (stored(row).state, stored(row).error_code) == ("queued", "")
    assert history(row) == ["Send again"]


def test_a_letter_that_is_on_its_way_is_not_sent_twice(desk):
    row = make_letter()
    assert button_of(row, "send_again") not in desk.get(page_of(row)).content.decode()
    assert "given up" in press(desk, row, "send_again")[0]


def test_many_letters_are_sent_again_and_the_others_named(desk):
    rows = [make_letter("failed"), make_letter("failed"), make_letter()]
    desk.post(LETTERS, {"action": "send_all_again", "_selected_action": [row.pk for row in rows]})
    assert [stored(row).state for row in rows] == ["queued"] * 3
    assert [history(row) for row in rows] == [["Send again"], ["Send again"], []]


def test_letters_are_found_by_state_and_recipient(desk):
    failed, queued = make_letter("failed"), make_letter(to="bob@example.org")
    assert listed(desk, LETTERS, state="failed") == [failed]
    assert listed(desk, LETTERS, q="bob@") == [queued]


def test_the_front_page_counts_letters_that_were_given_up(desk):
    make_letter("failed")
    content = desk.get("/admin/").content.decode()
    assert f"{LETTERS}?state=failed" in content


def test_a_notice_is_read_and_never_written(desk, ana):
    notices.tell(user=ana, kind="archive.lost", subject="1", title="A track is lost", message="Upload it yourself.")
    row = Notice.objects.get()
    assert listed(desk, NOTICES, state="no") == [row]
    assert listed(desk, NOTICES, state="yes") == []
    for path in (page_of(row), page_of(ana)):
        assert "Upload it yourself." in desk.get(path).content.decode()
    assert desk.post(page_of(row), {"title": "Nothing"}).status_code == 403
