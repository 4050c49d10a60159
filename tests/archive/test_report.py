"""`manage.py archive report`."""

import json
from io import StringIO

import pytest
from django.core.management import call_command

from tests.archive.world import run_all
from tests.make import make_generated

pytestmark = pytest.mark.django_db(transaction=True)


def said(*words: str) -> str:
    out = StringIO()
    call_command("archive", *words, stdout=out)
    return out.getvalue()


def test_report_tells_the_numbers_to_people_and_to_programs(ana):
    """S3-10."""
    make_generated(ana)
    run_all()
    assert "pending archive          1" in said("report")
    assert json.loads(said("report", "--json"))["pending_archive"] == 1
