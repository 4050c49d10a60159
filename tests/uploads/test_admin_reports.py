"""The admin's list of compression reports, and its chart."""

import pytest
from django.test import Client
from django.utils import timezone

from apps.uploads.models import CompressionReport
from tests.make import make_track

pytestmark = pytest.mark.django_db

REPORTS = "/admin/uploads/compressionreport/"


@pytest.fixture
def desk(mod) -> Client:
    client = Client()
    client.force_login(mod)
    return client


def make_report(person, saved: int, **facts) -> CompressionReport:
    facts = {
        "file_name": "<b>song</b>.wav",
        "applied": True,
        "bit_rate": 192_000,
        "original_bit_rate": 1_411_200,
    } | facts
    sizes = {"original_size": saved + 2_000_000, "compressed_size": 2_000_000, "ratio": "3.50", "processing_ms": 1850}
    return CompressionReport.objects.create(user=person, track=make_track(person), **sizes, **facts)


def test_a_report_says_what_became_of_a_file(desk, ana):
    report = make_report(ana, 5_000_000)
    for page in (REPORTS, f"{REPORTS}{report.pk}/change/"):
        shown = desk.get(page).content.decode()
        assert "1411 → 192 kbit/s" in shown and "1.9 s" in shown and "3.50" in shown and "medium" in shown
        assert "<b>song" not in shown


def test_the_list_opens_with_what_was_saved_by_day(desk, ana):
    for saved in (5_000_000, 7_000_000):
        make_report(ana, saved)
    make_report(ana, 0, applied=False, quality="lossless")
    answer = desk.get(REPORTS)
    assert "2 of 3 files" in answer.content.decode() and answer.context["unit"] == "MB"
    bars = answer.context["chart"].bars
    assert [bar.value for bar in bars[-2:]] == [0, 12] and answer.context["chart"].top == 20
    assert f"{timezone.now():%-d %B}: 12 MB" in answer.content.decode()


def test_a_quiet_month_is_said(desk):
    assert "Nothing was compressed" in desk.get(REPORTS).content.decode()


def test_reports_are_found_by_quality(desk, ana):
    make_report(ana, 1)
    speech = make_report(ana, 2, quality="speech")
    assert [row.pk for row in desk.get(REPORTS, {"quality": "speech"}).context["cl"].result_list] == [speech.pk]


def test_reports_have_a_place_in_the_sidebar(desk):
    assert f'href="{REPORTS}"' in desk.get("/admin/").content.decode()
