"""`manage.py outbox`: what is on its way and what could not be sent."""

import io
import uuid

import pytest
from django.core.mail import EmailMessage
from django.core.management import CommandError, call_command

from apps.accounts import letters
from apps.accounts.models import Letter

pytestmark = pytest.mark.django_db


def make_letter(to: str, *, failed: bool = False) -> Letter:
    (row,) = letters.queue(EmailMessage("Your link", "http://127.0.0.1:8000/secret", to=[to]))
    if failed:
        Letter.machine.move(row, "failed", error_code="RECIPIENT_REFUSED", error_message="550 no")
    return row


def outbox(*words: str) -> str:
    out = io.StringIO()
    call_command("outbox", *words, stdout=out)
    return out.getvalue()


def test_it_lists_what_waits_and_what_failed_without_what_they_say():
    make_letter("ana@example.org")
    make_letter("bob@example.org", failed=True)
    said = outbox()
    assert "1  queued" in said and "1  failed" in said
    assert "ana@example.org  Your link" in said and "RECIPIENT_REFUSED 550 no" in said
    assert "secret" not in said
    assert "bob@example.org" in outbox("--limit", "1") and "ana@example.org" not in outbox("--limit", "1")


def test_one_or_all_that_were_given_up_are_sent_again():
    rows = [make_letter(f"{name}@example.org", failed=True) for name in ("a", "b", "c")]
    assert "1 on their way again" in outbox("--again", str(rows[0].pk))
    assert Letter.objects.get(state="queued").pk == rows[0].pk
    assert "2 on their way again" in outbox("--again", "all")
    assert not Letter.objects.filter(state="failed").exists()


@pytest.mark.parametrize("which", ["x", str(uuid.UUID(int=0))])
def test_an_id_of_no_failed_letter_is_said_in_a_line(which):
    make_letter("ana@example.org")
    with pytest.raises(CommandError, match="--again"):
        outbox("--again", which)
