"""What beat wakes: letters on their way, the digest, the daily tidying."""

import datetime as dt

import pytest
from django.core.mail import send_mail
from django.db import transaction
from django.utils import timezone

from apps.accounts import actions, letters, lockout, notices, stripe_events, tasks
from apps.accounts.models import Letter, Lockout, Notice, Session, Subscription, User
from apps.lib import clock, email_url, spool
from tests.accounts.mailserver import MailServer
from tests.accounts.test_notices import tell
from tests.fakes import stripe_sender

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def outbox(settings):
    """E-mail goes its real way, not into Django's list for tests."""
    settings.EMAIL_BACKEND = "apps.accounts.tasks.Outbox"


@pytest.fixture
def server(settings):
    with MailServer() as running:
        settings.EMAIL_TRANSPORT = email_url.backend_from_url(running.url())
        yield running


def write(*to: str) -> int:
    return send_mail("Hello", "A letter.", None, list(to) or ["ana@example.org"])


# --- Letters ------------------------------------------------------------------------------------------------------
def test_who_sends_e_mail_puts_it_into_the_queue_and_the_task_sends_it(server):
    assert write() == 1
    assert server.letters == [] and Letter.objects.get().state == "queued"
    assert tasks.post() == 1
    assert [to for to, _ in server.letters] == [["ana@example.org"]]
    assert tasks.post() == 0


def test_the_site_itself_sends_that_way(client, ana, server):
    client.post("/reset-password", {"email": ana.email})
    assert Letter.objects.get().recipient == "ana@example.org"
    assert server.calls == 0


@pytest.mark.django_db(transaction=True)
def test_a_worker_is_woken_when_the_transaction_holds(monkeypatch):
    woken = []
    monkeypatch.setattr(tasks.post, "apply_async", lambda *args, **options: woken.append(Letter.objects.count()))
    with transaction.atomic():
        write()
        assert woken == []
    assert woken == [1]


def test_a_mail_server_that_is_away_is_asked_once(server):
    """The others would wait for the same time-out, one after the other."""
    server.refusals = {"EHLO": "421 closed for today", "HELO": "421 closed for today"}
    write("a@example.org", "b@example.org", "c@example.org")
    assert tasks.post() == 1 == server.calls
    assert sorted(Letter.objects.values_list("state", flat=True)) == ["queued", "queued", "retrying"]


def test_one_letter_that_is_refused_holds_no_other_up(server):
    server.unknown = {"a@example.org"}
    write("a@example.org", "b@example.org")
    assert tasks.post() == 2
    assert sorted(Letter.objects.values_list("state", flat=True)) == ["failed", "sent"]


def test_one_process_of_a_machine_talks_to_the_mail_server(server):
    write()
    with spool.alone("letters"):
        assert tasks.post() == 0
    assert tasks.post() == 1


def test_many_letters_leave_the_worker_to_others_in_between(server, monkeypatch):
    monkeypatch.setattr(tasks, "POST_S", -1)
    write()
    assert tasks.post() == 0
    monkeypatch.undo()
    assert tasks.post() == 1


# --- The digest ---------------------------------------------------------------------------------------------------
def test_the_digest_goes_out_as_a_letter_once(server, ana):
    """S3-13."""
    tell(ana)
    assert (tasks.digest(), tasks.digest()) == (1, 0)
    assert tasks.post() == 1
    ((to, message),) = server.letters
    assert to == ["ana@example.org"] and message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"


# --- The daily tidying --------------------------------------------------------------------------------------------
def test_expired_sessions_go_and_living_ones_stay(client, ana):
    """S4-09."""
    client.force_login(ana)
    now = timezone.now()
    Session.objects.create(session_key="old", session_data="", expire_date=now - dt.timedelta(days=1))
    tasks.tidy()
    assert [row.user for row in Session.objects.all()] == [ana]


def test_lock_outs_and_accounts_that_nobody_proved_are_forgotten():
    then = timezone.now() - dt.timedelta(days=30)
    lockout.count(email="ana@example.org", address="192.0.2.1", now=then)
    User.objects.filter(pk=actions.register(email="new@example.org", password=None).pk).update(created_at=then)
    tasks.tidy()
    assert not Lockout.objects.exists() and not User.objects.exists()


def test_old_letters_and_notices_go(server, ana):
    write()
    tasks.post()
    tell(ana)
    Letter.objects.update(updated_at=clock.now() - letters.KEPT - dt.timedelta(hours=1))
    Notice.objects.update(created_at=clock.now() - notices.KEPT - dt.timedelta(hours=1))
    tasks.tidy()
    assert not Letter.objects.exists() and not Notice.objects.exists()


def test_what_is_over_lapses_hourly_and_what_waited_is_applied(settings, ana, bob):
    """C-10, S4-13: also a price whose plan was named after Stripe told of it."""
    now = timezone.now()
    over = Subscription.objects.create(user=bob, plan="pro", period_start=now - dt.timedelta(days=30))
    Subscription.objects.update(period_end=now - dt.timedelta(seconds=1))
    paid = stripe_sender.subscription("sub_1", "cus_1", start=int(now.timestamp()), end=int(now.timestamp()) + 86_400)
    link = stripe_sender.checkout("cus_1", str(ana.pk))
    for kind, about in ((stripe_events.CHECKOUT, link), ("customer.subscription.created", paid)):
        stripe_events.receive(stripe_sender.event(kind, about, said=int(now.timestamp())))
    settings.STRIPE_PRICES = {"price_pro": "enterprise"}
    assert tasks.lapse() == 1
    over.refresh_from_db()
    assert (over.status, ana.tier) == ("expired", "enterprise")
    assert tasks.lapse() == 0
