"""Prometheus' page: well formed, counts alone, and nobody's secrets."""

import datetime as dt
import re

import pytest

from apps.archive import gate, hosts, metrics, orphans, schedule, watching
from apps.archive.models import ArchiveAsset
from apps.lib import clock, storage
from apps.lib.fetch import FetchError
from tests.archive.places import two_folders
from tests.archive.test_statistics import archive
from tests.archive.world import closed
from tests.doors.desk import make_blob, make_finding
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)

SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [-+.0-9einf]+')


def test_every_line_is_of_the_format_and_every_family_has_its_type(ana):
    archive(make_generated(ana), took=dt.timedelta(seconds=3))
    schedule.plan_tracks([make_generated(ana)])
    watching.raise_test()
    lines = metrics.written(clock.now()).splitlines()
    samples = [line for line in lines if not line.startswith("#")]
    assert all(SAMPLE.fullmatch(line) for line in samples)
    typed = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    assert {re.split(r"[{ ]", line)[0] for line in samples} <= typed
    assert 'keeptrack_archive_files{provider="suno",state="pending"} 1' in samples
    assert 'keeptrack_archive_seconds_to_archived_bucket{le="+Inf"} 1' in samples
    assert 'keeptrack_archive_alarm{kind="test"} 1' in samples
    assert "keeptrack_archive_lost_files 0" in samples


def test_numbers_are_written_to_the_last_digit():
    """Six digits are too few for bytes and for times."""
    written = metrics._family("n", "gauge", "n.", [("", {}, 1_234_567_890), ("", {}, 0.25), ("", {}, True)])
    assert list(written)[2:] == ["n 1234567890", "n 0.25", "n 1"]


def test_hosts_stored_bytes_and_closed_days_have_their_numbers(settings, tmp_path):
    two_folders(settings, tmp_path)
    storage.put_bytes(b"bytes that no row names")
    orphans.sweep()
    blob, now = make_blob(size=5_000_000), clock.now()
    read = now - dt.timedelta(days=settings.SCRUB_DAYS + 1)
    type(blob).objects.update(verified_at=read)
    make_finding(make_blob(), "No place has it.")
    asset = ArchiveAsset(host="cdn1.suno.ai", expires_at=now + dt.timedelta(days=1))
    for _ in range(gate.TRIPS_AFTER):
        hosts.heard(asset, FetchError("NETWORK_ERROR", "It broke off."))
    (*_, last) = closed(2)
    samples = dict(line.rsplit(" ", 1) for line in metrics.written(now).splitlines() if not line.startswith("#"))
    midnight = dt.datetime.combine(last.day, dt.time(), dt.UTC).timestamp()
    assert {name: samples[f"keeptrack_archive_{name}"] for name in (
        'hosts{state="shut"}', 'hosts{state="open"}', 'findings{state="open"}', 'findings{state="unrepairable"}',
        "unchecked_bytes", 'orphans{place="main"}', "unclosed_days", "closed_day_timestamp_seconds",
    )} == {
        'hosts{state="shut"}': "1", 'hosts{state="open"}': "0", 'findings{state="open"}': "1",
        'findings{state="unrepairable"}': "0", "unchecked_bytes": "5000000", 'orphans{place="main"}': "1",
        "unclosed_days": "0", "closed_day_timestamp_seconds": f"{midnight:.0f}",
    }  # fmt: skip
    assert float(samples["keeptrack_archive_oldest_check_timestamp_seconds"]) == pytest.approx(read.timestamp())


def test_a_label_cannot_break_out_of_its_line():
    assert metrics._escaped('a"b\\c\nd') == r"a\"b\\c\nd"


def test_a_page_names_no_person_and_no_track(ana):
    schedule.plan_tracks([make_generated(ana, title="Secret Song")])
    said = metrics.written(clock.now())
    assert "Secret" not in said and "ana" not in said.replace("quarantined", "") and "http" not in said


def test_it_is_counted_once_in_a_while_however_many_ask(ana, django_assert_num_queries):
    metrics.text()
    with django_assert_num_queries(0):
        metrics.text()


def test_only_the_token_that_is_set_is_let_in(settings):
    assert not metrics.admits("")
    settings.METRICS_TOKEN = "t" * 32
    assert metrics.admits("t" * 32) and not metrics.admits("t" * 31) and not metrics.admits("")
