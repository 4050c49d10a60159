"""`manage.py send_test_letter`: is EMAIL_URL right?"""

import io

import pytest
from django.core.management import CommandError, call_command

from apps.lib import email_url
from tests.accounts.mailserver import MailServer

pytestmark = pytest.mark.django_db


@pytest.fixture
def server(settings):
    with MailServer() as running:
        settings.EMAIL_TRANSPORT = email_url.backend_from_url(running.url())
        yield running


def test_the_letter_goes_out_at_once_and_alone(server):
    out = io.StringIO()
    call_command("send_test_letter", "ops@example.org", stdout=out)
    ((to, message),) = server.letters
    assert to == ["ops@example.org"]
    assert "http://127.0.0.1:8000" in message.get_body(("plain",)).get_content().splitlines()
    assert "The mail server took it" in out.getvalue()


def test_what_the_server_says_is_said(server):
    server.unknown = {"ops@example.org"}
    with pytest.raises(CommandError, match="failed: RECIPIENT_REFUSED 550 5.1.1 no such mailbox"):
        call_command("send_test_letter", "ops@example.org")
    server.refusals = {"MAIL": "530 sign in first"}
    with pytest.raises(CommandError, match="retrying: MAIL_SERVER_REFUSED 530 sign in first"):
        call_command("send_test_letter", "ops@example.org")


def test_an_address_that_is_none_is_said_in_a_line(server):
    for address, said in (("a\nBcc: b@example.org", "newlines"), ("@", "BAD_ADDRESS"), ("a@ex..org", "BAD_ADDRESS")):
        with pytest.raises(CommandError, match=said):
            call_command("send_test_letter", address)
    assert server.letters == []
