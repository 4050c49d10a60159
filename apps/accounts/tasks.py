"""Celery's door to accounts, and the door by which e-mail leaves them."""

import time

from celery import shared_task
from django.core.mail import EmailMessage
from django.core.mail.backends.base import BaseEmailBackend
from django.core.management import call_command

from apps.accounts import (
    actions,
    departure,
    digests,
    idempotency,
    letters,
    lockout,
    notices,
    stripe_events,
    subscriptions,
)
from apps.lib import nudges, spool

# Letters leave the worker to others after this long and come back behind them.
POST_S = 10


class Outbox(BaseEmailBackend):
    """Django's way to send e-mail: into the queue, in the caller's transaction; a worker is woken when that holds."""

    def send_messages(self, email_messages: list[EmailMessage]) -> int:
        queued = [letters.queue(message) for message in email_messages]
        if any(queued):
            nudges.send(post)
        return len([rows for rows in queued if rows])


@shared_task(name="accounts.post")
def post() -> int:
    """Send letters one by one; returns how many were tried. A mail server that is away is asked once.

    One process of this machine at a time. Whoever finds it at work may leave: it looks again after each letter.
    """
    letters.give_up_poison()
    started, tried, well = time.monotonic(), 0, True
    while well and letters.due().exists():
        if time.monotonic() - started > POST_S:
            nudges.send(post)
            break
        with spool.alone("letters") as first:
            if not first:
                break
            for row in letters.claim(limit=1):
                well = letters.run(row)
                tried += 1
    return tried


@shared_task(name="accounts.digest")
def digest() -> int:
    """Daily: unread notices by e-mail, to those who want them; returns how many letters."""
    written = digests.send()
    if written:
        nudges.send(post)
    return written


@shared_task(name="accounts.lapse")
def lapse() -> int:
    """Hourly: end what is over, then apply what Stripe told and could not be applied; returns how many ended."""
    ended = subscriptions.lapse()
    stripe_events.again()
    return ended


@shared_task(name="accounts.tidy")
def tidy() -> int:
    """Daily: forget expired sessions (S4-09), old letters, notices, lock-outs, accounts nobody proved, old answers."""
    letters.forget()
    departure.forget_letters()
    notices.forget()
    call_command("clearsessions")
    lockout.forget()
    actions.forget_unproven()
    stripe_events.forget()
    return idempotency.forget()
