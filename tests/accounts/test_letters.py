"""Letters: in by rows, out through a real SMTP server, whatever that server says."""

import datetime as dt

import pytest
from django.core.mail import BadHeaderError, EmailMessage, EmailMultiAlternatives
from django.core.mail.backends.base import BaseEmailBackend
from django.db import connection, transaction

from apps.accounts import letters
from apps.accounts.models import Letter
from apps.lib import clock, email_url, leases
from apps.lib.errors import Conflict
from tests.accounts.mailserver import MailServer

pytestmark = pytest.mark.django_db

LINK = "http://127.0.0.1:8000/verify-email/a-token-that-nobody-else-may-read"


@pytest.fixture
def server(settings):
    """A mail server that EMAIL_URL names."""
    with MailServer() as running:
        settings.EMAIL_TRANSPORT = email_url.backend_from_url(running.url())
        yield running


def make_message(*to: str, subject: str = "Confirm your address", **facts) -> EmailMultiAlternatives:
    message = EmailMultiAlternatives(subject, f"Grüße!\n{LINK}\n.\nYours", to=list(to) or ["ana@example.org"], **facts)
    message.attach_alternative(f'<p>Grüße! <a href="{LINK}">Confirm</a></p>', "text/html")
    return message


def queue_one(*to: str, **facts) -> Letter:
    (row,) = letters.queue(make_message(*to), **facts)
    return row


def send_due(now: dt.datetime | None = None) -> list[bool]:
    return [letters.run(row, now) for row in letters.claim(100, now)]


def stored(row: Letter) -> Letter:
    return Letter.objects.get(pk=row.pk)


# --- In -----------------------------------------------------------------------------------------------------------
def test_a_letter_lies_sealed_and_is_blanked_once_it_is_sent(server):
    row = queue_one()
    lying = bytes(stored(row).sealed)
    assert lying and b"token" not in lying and LINK.encode() not in lying
    assert send_due() == [True]
    assert (bytes(stored(row).sealed), stored(row).state) == (b"", "sent")


def test_nothing_is_sent_for_what_was_rolled_back(server):
    with pytest.raises(ValueError, match="changed my mind"), transaction.atomic():
        queue_one()
        raise ValueError("changed my mind")
    assert send_due() == [] and server.letters == []


def test_each_address_gets_a_letter_of_its_own_and_sees_no_other(server):
    rows = letters.queue(make_message("ana@example.org", cc=["bob@example.org"], bcc=["eve@example.org"]))
    assert [row.recipient for row in rows] == ["ana@example.org", "bob@example.org", "eve@example.org"]
    send_due()
    assert [to for to, _ in server.letters] == [["ana@example.org"], ["bob@example.org"], ["eve@example.org"]]
    for (address,), message in server.letters:
        assert message["To"] == address and message["Cc"] is None


def test_attachments_are_refused():
    message = EmailMessage("Your export", "here", to=["ana@example.org"])
    message.attach("export.zip", b"PK", "application/zip")
    with pytest.raises(ValueError, match="no attachments"):
        letters.queue(message)
    assert not Letter.objects.exists()


def test_a_header_that_holds_a_second_one_is_refused_at_once():
    with pytest.raises(BadHeaderError):
        letters.queue(EmailMessage("Hello\nBcc: eve@example.org", "…", to=["ana@example.org"]))
    assert not Letter.objects.exists()


# --- Out ----------------------------------------------------------------------------------------------------------
def test_text_and_html_arrive_as_they_were_written(server):
    queue_one("Ana <ana@example.org>", now=dt.datetime(2024, 5, 6, 12, tzinfo=dt.UTC))
    send_due()
    ((recipients, message),) = server.letters
    assert recipients == ["ana@example.org"]
    assert message["Subject"] == "Confirm your address"
    assert message["From"] == "Keeptrack <keeptrack@localhost>"
    assert message["Date"] == "Mon, 06 May 2024 12:00:00 +0000"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message.get_content_type() == "multipart/alternative"
    assert message.get_body(("plain",)).get_content().splitlines() == ["Grüße!", LINK, ".", "Yours"]
    assert f'<a href="{LINK}">Confirm</a>' in message.get_body(("html",)).get_content()


def test_a_refused_recipient_is_final_and_the_others_get_theirs(server):
    server.unknown = {"gone@example.org"}
    gone, there = queue_one("gone@example.org"), queue_one()
    assert send_due() == [True, True]
    assert (stored(gone).state, stored(gone).error_code) == ("failed", "RECIPIENT_REFUSED")
    assert stored(gone).error_message == "550 5.1.1 no such mailbox"
    assert stored(there).state == "sent"


@pytest.mark.parametrize(
    ("verb", "answer", "state", "code", "next_fares_better"),
    [
        ("RCPT", "450 come back later", "retrying", "RECIPIENT_REFUSED", True),
        ("RCPT", "552 mailbox full for good", "failed", "RECIPIENT_REFUSED", True),
        ("DATA", "451 try again", "retrying", "LETTER_REFUSED", True),
        ("DATA", "554 looks like spam", "failed", "LETTER_REFUSED", True),
        ("MAIL", "550 you may not send as this", "retrying", "MAIL_SERVER_REFUSED", False),
        ("AUTH", "535 wrong password", "retrying", "MAIL_SERVER_REFUSED", False),
        ("MAIL", "421 closing", "retrying", "MAIL_SERVER_REFUSED", False),
    ],
)
def test_what_the_server_says_decides(server, settings, verb, answer, state, code, next_fares_better):
    """Only a lasting no to this very letter is final: a wrong password of ours must cost nobody their letter."""
    server.refusals = {verb: answer}
    settings.EMAIL_TRANSPORT = email_url.backend_from_url(server.url(who="house:secret@"))
    row = queue_one()
    assert send_due() == [next_fares_better]
    assert (stored(row).state, stored(row).error_code, stored(row).error_message) == (state, code, answer)
    assert (stored(row).attempts, stored(row).lease_until) == (1, None)


def test_a_password_is_not_shown_to_a_server_without_tls(server, settings):
    settings.EMAIL_TRANSPORT = email_url.backend_from_url(server.url(options="", who="house:secret@"))
    row = queue_one()
    assert send_due() == [False]
    assert stored(row).error_code == "MAIL_SERVER_AWAY" and "STARTTLS" in stored(row).error_message


def test_a_server_that_is_away_gets_the_letter_when_it_is_back(settings):
    with MailServer() as gone:
        url, port = gone.url(), gone.port
    settings.EMAIL_TRANSPORT = email_url.backend_from_url(url)
    row = queue_one()
    assert send_due() == [False]
    waiting = stored(row)
    assert (waiting.state, waiting.error_code) == ("retrying", "MAIL_SERVER_AWAY")
    assert dt.timedelta(seconds=50) < waiting.next_at - clock.now() < dt.timedelta(seconds=70)
    with MailServer(port) as back:
        assert send_due() == []
        assert send_due(waiting.next_at) == [True]
        assert len(back.letters) == 1
    assert (stored(row).state, stored(row).error_code) == ("sent", "")


def test_the_tries_end_within_a_day_and_then_staff_can_start_them_anew(server):
    server.refusals = {"MAIL": "451 not today"}
    began = clock.now()
    row, now, tries = queue_one(now=began), began, 0
    while stored(row).state != "failed":
        send_due(now)
        now, tries = stored(row).next_at or now, tries + 1
    assert tries == len(letters.DELAYS) + 1
    assert dt.timedelta(hours=18) < now - began < dt.timedelta(hours=24)
    letters.again(letter=stored(row))
    server.refusals = {}
    assert send_due() == [True] and stored(row).state == "sent"


def test_only_what_was_given_up_is_sent_again(server):
    row = queue_one()
    send_due()
    with pytest.raises(Conflict):
        letters.again(letter=stored(row))
    assert len(server.letters) == 1


def test_a_worker_killed_after_sending_sends_a_second_copy_that_can_be_told(server):
    """Never zero times: what was not noted as sent is sent again, under the same Message-ID."""
    row = queue_one()
    (claimed,) = letters.claim(1)
    letters._hand_over(letters._message(claimed))  # and here it was killed
    later = clock.now() + dt.timedelta(minutes=5)
    assert send_due(later) == [True]
    first, second = (message["Message-ID"] for _, message in server.letters)
    assert first == second == f"<{row.pk}@127.0.0.1>"
    assert stored(row).crashes == 1 and send_due(later + dt.timedelta(days=2)) == []


def test_a_letter_that_keeps_killing_its_worker_is_given_up():
    row = queue_one()
    for _ in range(leases.MOST_CRASHES):
        letters.claim(1)
        Letter.objects.update(lease_until=clock.now() - dt.timedelta(seconds=1))
    assert letters.claim(1) == []
    assert letters.give_up_poison() == 1
    assert (stored(row).state, stored(row).error_code) == ("failed", "CRASHED")


def test_a_letter_sealed_under_a_lost_key_is_given_up(server, settings):
    row = queue_one()
    settings.SECRET_KEY = "another-key-of-more-than-thirty-two-characters"
    assert send_due() == [True]
    assert (stored(row).state, stored(row).error_code) == ("failed", "UNREADABLE")


def test_what_somebody_waits_for_goes_before_what_goes_to_all(server):
    early = clock.now() - dt.timedelta(hours=1)
    digests = [queue_one(f"{name}@example.org", bulk=True, now=early) for name in ("a", "b")]
    urgent = queue_one()
    assert [row.pk for row in letters.claim(10)] == [row.pk for row in (urgent, *digests)]


class Watching(BaseEmailBackend):
    seen: list[bool] = []

    def send_messages(self, email_messages):
        self.seen.append(connection.in_atomic_block)


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_a_mail_server_is_talked_to(settings):
    settings.EMAIL_TRANSPORT = {"backend": f"{__name__}.Watching"}
    queue_one()
    send_due()
    assert Watching.seen == [False]


def test_old_letters_are_forgotten_and_those_on_their_way_are_not(server):
    sent = queue_one()
    send_due()
    waiting = queue_one()
    later = clock.now() + letters.KEPT + dt.timedelta(hours=1)
    assert letters.forget(now=later) == 1
    assert not Letter.objects.filter(pk=sent.pk).exists() and stored(waiting).state == "queued"
