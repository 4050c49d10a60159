"""Prometheus' page: well formed, counts alone, and nobody's secrets."""

import re

import pytest

from apps.archive import metrics, schedule, watching
from apps.lib import clock
from tests.archive.test_statistics import archive
from tests.make import make_generated

pytestmark = pytest.mark.django_db

SAMPLE = re.compile(r'[a-z_]+(\{[a-z_]+="(?:[^"\\\n]|\\.)*"(,[a-z_]+="(?:[^"\\\n]|\\.)*")*\})? [-+.0-9einf]+')


def test_every_line_is_of_the_format_and_every_family_has_its_type(ana):
    archive(make_generated(ana), took=metrics.dt.timedelta(seconds=3))
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
