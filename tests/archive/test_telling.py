"""Alarms to people and programs: when raised, daily while they last, and when over."""

import datetime as dt
import hashlib
import hmac
import json

import pytest

from apps.accounts.models import Letter
from apps.archive import manifests, schedule, telling, watching
from apps.archive.models import ArchiveAsset
from apps.lib import clock
from tests.fakes.listener import Listener
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


@pytest.fixture
def listener():
    with Listener() as running:
        yield running


def lose() -> None:
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.all()
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None)


def test_people_hear_of_an_alarm_once_then_daily_and_of_its_end(ana, settings):
    settings.ALERT_EMAILS = ("ops@example.org", "duty@example.org")
    make_generated(ana)
    schedule.plan()
    lose()
    now = clock.now()
    for minutes in (0, 1, 60, 1439, 1441):
        watching.look(now=now)
        telling.tell(now=now + dt.timedelta(minutes=minutes))
    assert Letter.objects.count() == 4
    manifests.close(now=now + 3 * DAY)
    watching.look(now=now + 3 * DAY)
    for _ in range(2):
        telling.tell(now=now + 3 * DAY)
    subjects = list(Letter.objects.filter(recipient="ops@example.org").order_by("id").values_list("subject", flat=True))
    assert subjects == [*["[Keeptrack] Raised: files were lost"] * 2, "[Keeptrack] Over: files were lost"]


def test_the_webhook_hears_signed_words_and_what_it_missed(ana, settings, listener):
    settings.ALERT_WEBHOOK, settings.ALERT_WEBHOOK_SECRET = f"{listener.origin}/hook", "s" * 32
    make_generated(ana)
    schedule.plan()
    lose()
    watching.look()
    listener.status = 500
    assert telling.tell() == 0
    listener.status = 204
    assert telling.tell() == 1
    assert telling.tell() == 0
    heard = listener.heard[-1]
    assert (heard.method, heard.path, json.loads(heard.body)["kind"]) == ("POST", "/hook", "lost")
    moment, mark = (part.partition("=")[2] for part in heard.headers["x-keeptrack-signature"].split(","))
    assert mark == hmac.new(b"s" * 32, f"{moment}.".encode() + heard.body, hashlib.sha256).hexdigest()
    assert str(ana.email) not in heard.body.decode()


def test_the_webhook_hears_of_an_end_however_long_it_was_away(ana, settings, listener):
    """Whoever counts what is raised would count this one for ever."""
    settings.ALERT_WEBHOOK = f"{listener.origin}/hook"
    make_generated(ana)
    schedule.plan()
    lose()
    now = clock.now()
    watching.look(now=now)
    assert telling.tell(now=now) == 1
    over = now + 2 * DAY
    manifests.close(now=over)
    watching.look(now=over)
    assert [telling.tell(now=over + 2 * DAY) for _ in range(2)] == [1, 0]
    assert [json.loads(heard.body)["state"] for heard in listener.heard] == ["raised", "over"]


def test_what_ended_before_anybody_heard_of_it_is_no_news(ana, settings):
    make_generated(ana)
    schedule.plan()
    lose()
    now = clock.now()
    watching.look(now=now)
    manifests.close(now=now + 2 * DAY)
    watching.look(now=now + 2 * DAY)
    settings.ALERT_EMAILS = ("ops@example.org",)
    assert telling.tell(now=now + 2 * DAY) == 0
