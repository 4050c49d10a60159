"""E-mail as a queue of rows: a request never waits for a mail server, and a mail server that is away loses nothing.

A message may hold a token, so it lies sealed and is blanked once it is sent. Between the mail server's yes and our note
of it a killed worker sends a second copy; none is ever lost.
"""

import datetime as dt
import json
import logging
import smtplib
from contextlib import suppress
from email.utils import format_datetime
from urllib.parse import urlsplit

from django.conf import settings
from django.core.mail import EmailMessage, EmailMultiAlternatives, get_connection
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from apps.accounts.models import Letter
from apps.accounts.models.letter import OPEN_STATES
from apps.lib import clock, leases
from apps.lib.errors import Conflict, Refusal
from apps.lib.seal import seal, unseal

log = logging.getLogger(__name__)

# After the nth failure; all in all a little less than a day, which is as long as a link in a letter lives.
DELAYS = tuple(dt.timedelta(minutes=m) for m in (1, 5, 15, 60, 180, 360, 720))
KEPT = dt.timedelta(days=30)


# What a mail server has against this one letter; anything else would meet every letter.
OF_THE_LETTER = {"RECIPIENT_REFUSED", "LETTER_REFUSED"}


# The addresses of people who came without one (decision 0050): no mail server has them.
PLACEHOLDER = "adopted.invalid"


def is_placeholder(address: str) -> bool:
    return address.lower().endswith(f"@{PLACEHOLDER}")


# --- In -----------------------------------------------------------------------------------------------------------
@transaction.atomic
def queue(message: EmailMessage, *, bulk: bool = False, now: dt.datetime | None = None) -> list[Letter]:
    """Put a message into the queue, one row for each of its addresses, in the caller's transaction.

    `bulk`: nobody waits for it, so it goes after the others. Placeholders get none. ValueError for an attachment,
    Django's BadHeaderError for a header that holds a second one.
    """
    if message.attachments:
        raise ValueError("Letters carry no attachments; put a link into them.")
    message.message()
    now = now or clock.now()
    letters = [Letter(recipient=address, subject=message.subject[:300], bulk=bulk, next_at=now)
               for address in dict.fromkeys(message.recipients()) if not is_placeholder(address)]  # fmt: skip
    for letter in letters:
        letter.sealed = seal(json.dumps(_content(message, letter, now))).encode()
    return Letter.objects.bulk_create(letters)


def _content(message: EmailMessage, letter: Letter, now: dt.datetime) -> dict:
    """The message as JSON. The letter's own Message-ID lets a reader's program drop a second copy."""
    ours = {
        "Message-ID": f"<{letter.pk}@{urlsplit(settings.SITE_URL).hostname}>",
        "Date": format_datetime(now),
        "Auto-Submitted": "auto-generated",
    }
    return {
        "subject": message.subject,
        "body": message.body,
        "alternatives": [list(part) for part in getattr(message, "alternatives", ())],
        "from": message.from_email,
        "to": letter.recipient,
        "reply_to": list(message.reply_to),
        "headers": {name: str(value) for name, value in {**ours, **message.extra_headers}.items()},
    }


def again(*, letter: Letter, now: dt.datetime | None = None) -> None:
    """Send a letter that was given up once more, at once. Conflict when it is not in that state."""
    fresh = {"next_at": now or clock.now(), "attempts": 0, "crashes": 0, "error_code": "", "error_message": ""}
    if not Letter.machine.move_all(Letter.objects.filter(pk=letter.pk), "queued", **fresh):
        raise Conflict("Only a letter that was given up can be sent again.")


# --- Out ----------------------------------------------------------------------------------------------------------
def due(now: dt.datetime | None = None) -> QuerySet[Letter]:
    """Letters that may be sent now, in their order: what somebody waits for goes first."""
    return _in_order().filter(leases.due(Letter.machine, now or clock.now()))


def _in_order() -> QuerySet[Letter]:
    """Letters that are not over, as their index has them: a claim does not sort what waits."""
    return Letter.objects.filter(state__in=OPEN_STATES).order_by("bulk", "next_at")


def claim(limit: int, now: dt.datetime | None = None, *, letter: Letter | None = None) -> list[Letter]:
    """Due letters, now this worker's; only the one when given."""
    rows = _in_order()
    if letter is not None:
        rows = rows.filter(pk=letter.pk)
    return leases.claim(rows, Letter.machine, limit=limit, now=now)


def give_up_poison() -> int:
    """Letters that keep killing their worker fail for good; returns how many."""
    return leases.set_apart(Letter.objects.all(), Letter.machine, "failed")


def run(row: Letter, now: dt.datetime | None = None) -> bool:
    """Send one claimed letter. False when the mail server takes no letters now: the next one would fare no better."""
    try:
        with leases.held(row):
            _hand_over(_message(row))
    except Refusal as unreadable:
        _give_up(row, unreadable.code, unreadable.message)
    except ValueError as odd:  # from Django, about an address that nobody can have
        _give_up(row, "BAD_ADDRESS", str(odd))
    except OSError as failure:  # smtplib's exceptions are OSErrors too
        return _settle_failed(row, failure, now or clock.now())
    else:
        row.settle("sent", sent_at=now or clock.now(), attempts=row.attempts + 1, sealed=b"")
    return True


def _message(row: Letter) -> EmailMultiAlternatives:
    facts = json.loads(unseal(bytes(row.sealed).decode()))
    message = EmailMultiAlternatives(
        facts["subject"], facts["body"], facts["from"], [facts["to"]], headers=facts["headers"],
        reply_to=facts["reply_to"],
    )  # fmt: skip
    for content, kind in facts["alternatives"]:
        message.attach_alternative(content, kind)
    return message


def _hand_over(message: EmailMessage) -> None:
    """Give it to the mail server of EMAIL_URL. Once that has said yes, its goodbye makes no failure of it."""
    transport = get_connection(**settings.EMAIL_TRANSPORT)
    try:
        transport.open()
        transport.send_messages([message])
    finally:
        with suppress(OSError):
            transport.close()


def _settle_failed(row: Letter, failure: OSError, now: dt.datetime) -> bool:
    """For ever when the server says so of this letter (SMTP's 5yz) or the ladder ends; else it is tried again."""
    code, number, words = _reason(failure)
    lasting = code in OF_THE_LETTER and 500 <= number < 600
    if lasting or row.attempts >= len(DELAYS):
        _give_up(row, code, words)
    else:
        log.warning("letter %s waits (%s): %s", row.pk, code, words)
        wait = DELAYS[row.attempts] * leases.jitter()
        facts = {"error_code": code, "error_message": words[:500]}
        row.settle("retrying", next_at=now + wait, attempts=row.attempts + 1, **facts)
    return code in OF_THE_LETTER


def _reason(failure: OSError) -> tuple[str, int, str]:
    """(our code, the server's number or 0, its words)."""
    if isinstance(failure, smtplib.SMTPRecipientsRefused):
        number, words = next(iter(failure.recipients.values()))
        return "RECIPIENT_REFUSED", number, _words(number, words)
    if isinstance(failure, smtplib.SMTPResponseException):
        number, words = failure.smtp_code, failure.smtp_error
        # Refused before the message: our password or our own address, no letter's fault.
        code = "LETTER_REFUSED" if isinstance(failure, smtplib.SMTPDataError) else "MAIL_SERVER_REFUSED"
        return code, number, _words(number, words)
    return "MAIL_SERVER_AWAY", 0, f"{type(failure).__name__}: {failure}"


def _words(number: int, words: bytes | str) -> str:
    return f"{number} {words.decode(errors='replace') if isinstance(words, bytes) else words}"


def _give_up(row: Letter, code: str, words: str) -> None:
    log.error("letter %s given up (%s): %s", row.pk, code, words)
    row.settle("failed", attempts=row.attempts + 1, error_code=code, error_message=words[:500])


def forget(*, now: dt.datetime | None = None) -> int:
    """Drop what was sent or given up long ago; returns how many."""
    over = Letter.objects.exclude(state__in=OPEN_STATES)
    return over.filter(updated_at__lt=(now or timezone.now()) - KEPT).delete()[0]
