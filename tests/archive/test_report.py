"""`manage.py archive report`."""

import datetime as dt
import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from apps.accounts.models import Letter
from apps.archive.models import Alarm, ArchiveAsset
from apps.lib import clock
from tests.archive.test_statistics import archive
from tests.archive.world import closed, run_all
from tests.doors.desk import make_blob, make_finding
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

DAY = dt.timedelta(days=1)


def said(*words: str) -> str:
    out = StringIO()
    call_command("archive", *words, stdout=out)
    return out.getvalue()


def lose(owner) -> None:
    make_generated(owner)
    run_all()
    machine, rows = ArchiveAsset.machine, ArchiveAsset.objects.all()
    machine.move_all(rows, "running", lease_until=clock.now())
    machine.move_all(rows, "lost", lease_until=None, next_at=None)


def test_report_tells_the_numbers_to_people_and_to_programs(ana):
    """S3-10."""
    make_generated(ana)
    run_all()
    assert "pending archive          1" in said("report")
    assert json.loads(said("report", "--json"))["pending_archive"] == 1


def test_the_rates_go_back_as_many_days_as_asked(ana):
    archive(make_generated(ana), took=DAY)
    ArchiveAsset.objects.update(archived_at=clock.now() - 10 * DAY)
    assert "last 7 days: 0 files archived" in said("report", "--days", "7")
    assert "last 11 days: 1 files archived" in said("report", "--days", "11")
    assert json.loads(said("report", "--days", "11", "--json"))["last_days"]["archived"] == 1
    for wrong in ("0", "3651"):
        with pytest.raises(CommandError, match="from 1 to 3650"):
            said("report", "--days", wrong)


def test_it_tells_how_what_is_archived_is_looked_after(ana):
    make_finding(make_blob(), "No place has it.")
    (*_, last) = closed(2)
    told = said("report")
    assert "damaged                1 files, 0 beyond repair" in told
    assert f"last closed day {last.day}, head {last.sha256}; 0 over and not closed" in told
    found = json.loads(said("report", "--json"))
    assert (found["fixity"]["open_findings"], found["ledger"]["head"]) == (1, last.sha256)
    assert set(found["hosts"]["states"]) == {"open", "slowed", "paused", "probing", "shut"}


def test_alarms_are_looked_for_at_once_and_end_with_one_while_one_lasts(ana):
    assert "Nothing is in danger." in said("report", "--alarms")
    assert json.loads(said("report", "--alarms", "--json")) == []
    lose(ana)
    with pytest.raises(CommandError) as danger:
        said("report", "--alarms")
    assert danger.value.returncode == 1 and "1 alarm raised" in str(danger.value)
    out = StringIO()
    with pytest.raises(CommandError):
        call_command("archive", "report", "--alarms", "--json", stdout=out)
    (told,) = json.loads(out.getvalue())
    assert (told["kind"], told["number"]) == ("lost", 1)


def test_a_test_alarm_goes_where_alarms_go_and_is_no_danger(settings):
    settings.ALERT_EMAILS = ("ops@example.org",)
    assert "A test alarm was sent" in said("report", "--test-alarm")
    assert Letter.objects.get().subject == "[Keeptrack] Raised: a test"
    assert Alarm.objects.get().kind == "test"
